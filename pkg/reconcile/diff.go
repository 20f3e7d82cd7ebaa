// SPDX-License-Identifier: GPL-3.0-or-later

package reconcile

import (
	"reflect"
	"strings"
)

// Change is one field that differs. Values are those of the state struct with pointers followed; nil is unset.
// A secret stays the masking type that it is in the struct.
type Change struct {
	Field         string
	Before, After any
}

// Diff lists the exported fields of the struct S in which before and after differ, in the order of the struct, by the first part of
// their mapstructure tag. Fields without that tag are not compared; embedded structs tagged ",squash" are looked into.
// A nil slice or map is unset and differs from an empty one.
func Diff[S any](before, after S) []Change {
	return diffStruct(reflect.ValueOf(before), reflect.ValueOf(after), nil)
}

func diffStruct(before, after reflect.Value, changes []Change) []Change {
	for i := range before.NumField() {
		field := before.Type().Field(i)
		name, opts, _ := strings.Cut(field.Tag.Get("mapstructure"), ",")
		b, a := before.Field(i), after.Field(i)
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
