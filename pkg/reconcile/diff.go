// SPDX-License-Identifier: GPL-3.0-or-later

package reconcile

import (
	"reflect"
	"slices"
	"strings"
)

// Change is one field that differs. Values are those of the state struct with pointers followed; nil is unset.
// A secret stays the masking type that it is in the struct.
type Change struct {
	Field         string
	Before, After any
}

// Diff lists the exported fields of the struct S in which an object and after differ, in the order of the struct, by the first part of
// their mapstructure tag. Fields without that tag are not compared; embedded structs tagged ",squash" are looked into.
// A nil slice or map is unset and differs from an empty one.
func Diff[S any](before Object[S], after S) []Change { return diff(before.State, after) }

// Set lists the fields that a state sets, as Diff does.
func Set[S any](state S) []Change {
	var none S
	return diff(none, state)
}

// Removed lists the known fields of an object that is to be deleted.
func Removed[S any](o Found[S]) []Change {
	var none S
	return diff(o.Known, none)
}

func diff[S any](before, after S) []Change {
	// Plans of thousands of steps keep their changes, so they take no more room than they need.
	return slices.Clone(diffStruct(reflect.ValueOf(before), reflect.ValueOf(after), nil))
}

func diffStruct(before, after reflect.Value, changes []Change) []Change {
	for i := range before.NumField() {
		b, a := before.Field(i), after.Field(i)
		if b.Kind() == reflect.Pointer && b.Pointer() == a.Pointer() {
			continue // most fields of most objects are, and looking at a field's tag takes long
		}
		field := before.Type().Field(i)
		name, opts, _ := strings.Cut(field.Tag.Get("mapstructure"), ",")
		switch {
		case opts == "squash":
			changes = diffStruct(b, a, changes)
		case name == "" || name == "-" || !field.IsExported():
		case !reflect.DeepEqual(b.Interface(), a.Interface()):
			changes = append(changes, Change{Field: name, Before: plain(b), After: plain(a)})
		}
	}
	return changes
}

// Overlay gives want with everything that it leaves unset filled from have, and in have's form where both mean the same. It goes by
// the exported fields of the struct S, which are pointers, slices or maps. same judges two values of one field that are both set, with pointers
// followed; it is not asked about equal ones, nor about lists of texts, whose order and repetitions mean nothing.
func Overlay[S any](have, want S, same func(field string, have, want any) bool) S {
	h, w := reflect.ValueOf(have), reflect.ValueOf(&want).Elem()
	for i := range w.NumField() {
		have, want := h.Field(i), w.Field(i)
		if !want.CanSet() || !want.IsNil() && (have.IsNil() || !alike(w.Type(), i, plain(have), plain(want), same)) {
			continue
		}
		want.Set(have)
	}
	return want
}

func alike(of reflect.Type, i int, have, want any, same func(field string, have, want any) bool) bool {
	if list, ok := have.([]string); ok {
		return SameSet(list, want.([]string))
	}
	name, _, _ := strings.Cut(of.Field(i).Tag.Get("mapstructure"), ",")
	return same(name, have, want)
}

// SameSet tells whether two lists hold the same texts, in any order and however often.
func SameSet(a, b []string) bool {
	sorted := func(list []string) []string {
		list = slices.Clone(list)
		slices.Sort(list)
		return slices.Compact(list)
	}
	return slices.Equal(sorted(a), sorted(b))
}

// Known makes a list that was read and is empty different from one that was not read.
func Known(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// plain follows pointers; unset becomes nil.
func plain(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return plain(v.Elem())
	case reflect.Slice, reflect.Map, reflect.Interface:
		if v.IsNil() {
			return nil
		}
	}
	return v.Interface()
}
