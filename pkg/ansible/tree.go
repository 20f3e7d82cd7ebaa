// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// toTree makes of any Go value one that writeJSON writes and a masker reads. It never fails: what encoding/json cannot
// encode becomes text, and what holds itself is cut.
func toTree(value any) any { return tree{}.of(value) }

// toSeries is toTree for what may be a long list, of which it makes one element at a time. within is what holds the list.
func toSeries(value, within any) any {
	inside := tree{}.enter(reflect.ValueOf(within))
	v := reflect.ValueOf(value)
	_, fails := value.(error)
	if fails || v.Kind() != reflect.Slice || v.IsNil() || v.Type().Elem().Kind() == reflect.Uint8 || encodesItself(value) {
		return inside.of(value)
	}
	inside.enter(v)
	return series{v.Len(), func(i int) any { return inside.of(v.Index(i).Interface()) }}
}

// tree is the containers that are being walked through, to notice one that holds itself.
type tree map[container]struct{}

type container struct {
	at   uintptr
	kind reflect.Kind
	len  int
}

func containerOf(v reflect.Value) container {
	c := container{at: v.Pointer(), kind: v.Kind()}
	if c.kind == reflect.Slice {
		c.len = v.Len()
	}
	return c
}

// enter notes a container that is being walked through for good.
func (t tree) enter(v reflect.Value) tree {
	t[containerOf(v)] = struct{}{}
	return t
}

// cut stands for what is nested too deeply or without end.
const cut = "…"

func (t tree) of(value any) any {
	switch v := value.(type) {
	case nil, bool, int64, float64, *big.Int:
		return v
	case string:
		return strings.ToValidUTF8(v, "\uFFFD")
	case int:
		return int64(v)
	case *dict:
		d := newDict()
		for _, key := range v.allKeys() {
			d.set(strings.ToValidUTF8(key, "\uFFFD"), t.of(v.values[key]))
		}
		return d
	case series:
		return series{v.len, func(i int) any { return toTree(v.at(i)) }}
	case Lazy:
		return t.of(v())
	case json.Number:
		return encoded(v)
	case secret.Value:
		return v.String()
	case error:
		if !encodesItself(v) {
			return t.of(errorText(v))
		}
	}
	if encodesItself(value) {
		return encoded(value)
	}
	return t.reflected(reflect.ValueOf(value))
}

func (t tree) reflected(v reflect.Value) any {
	switch kind := v.Kind(); kind {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		if v.IsNil() {
			return nil
		}
		c := containerOf(v)
		if _, inside := t[c]; inside || len(t) > maxDepth {
			return cut
		}
		t[c] = struct{}{}
		defer delete(t, c)
		switch kind {
		case reflect.Pointer:
			return t.of(v.Elem().Interface())
		case reflect.Map:
			return t.mapping(v)
		}
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return t.of(string(v.Bytes()))
		}
		return t.list(v)
	case reflect.Array:
		return t.list(v)
	case reflect.Float32, reflect.Float64:
		return v.Float()
	case reflect.String:
		return t.of(v.String())
	default:
		return encoded(v.Interface())
	}
}

func (t tree) list(v reflect.Value) any {
	list := make([]any, v.Len())
	for i := range list {
		list[i] = t.of(v.Index(i).Interface())
	}
	return list
}

func (t tree) mapping(v reflect.Value) any {
	d := newDict()
	for _, key := range v.MapKeys() {
		d.set(pyStr(t.of(key.Interface())), t.of(v.MapIndex(key).Interface()))
	}
	slices.Sort(d.keys)
	return d
}

// encodesItself tells whether the value has its own word about its JSON form.
func encodesItself(value any) bool {
	type textMarshaler interface{ MarshalText() ([]byte, error) }
	if v := reflect.ValueOf(value); v.Kind() == reflect.Pointer && v.IsNil() {
		return false
	}
	switch value.(type) {
	case json.Marshaler, textMarshaler:
		return true
	default:
		return false
	}
}

// errorText survives an error that panics when it is asked, as a nil pointer in an interface does.
func errorText(err error) (text string) {
	defer func() {
		if reason := recover(); reason != nil {
			text = fmt.Sprintf("%T without a text: %v", err, reason)
		}
	}()
	return err.Error()
}

// encoded goes by way of encoding/json: structs, and types with their own encoding.
func encoded(value any) (result any) {
	defer func() {
		if reason := recover(); reason != nil { // a value's own encoder may panic; the answer must not
			result = fmt.Sprintf("%T that cannot be encoded: %v", value, reason)
		}
	}()
	text, err := json.Marshal(value)
	if err == nil {
		result, err = decodeJSON(string(text))
	}
	if err != nil {
		return fmt.Sprintf("%T that cannot be encoded: %v", value, err)
	}
	return result
}
