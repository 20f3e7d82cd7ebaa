// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"reflect"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// field is what the options struct says of one option.
type field struct {
	goName string
	typ    reflect.Type
	secret bool             // holds a secret.Value, directly or as pointer, list or map of it
	sub    map[string]field // the fields of a struct, or of a list of structs; nil for other types
}

// fieldsOf gives the fields of a struct by the option that mapstructure fills each from. Squashed structs count as their fields.
func fieldsOf(params any) map[string]field {
	if params == nil {
		return nil
	}
	return structFields(element(reflect.TypeOf(params)), nil)
}

func structFields(t reflect.Type, within []reflect.Type) map[string]field {
	if t.Kind() != reflect.Struct || isSecret(t) {
		return nil
	}
	for _, outer := range within {
		if outer == t { // a type that holds itself ends here: documentation that goes on finds no field
			return map[string]field{}
		}
	}
	within = append(within[:len(within):len(within)], t)
	fields := map[string]field{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, rest, _ := strings.Cut(f.Tag.Get("mapstructure"), ",")
		switch {
		case name == "-" || !f.IsExported() && !f.Anonymous:
			continue
		case strings.Contains(rest, "squash"):
			for inner, squashed := range structFields(element(f.Type), within) {
				fields[inner] = squashed
			}
			continue
		case name == "":
			name = strings.ToLower(f.Name)
		}
		inner := element(f.Type)
		fields[name] = field{goName: f.Name, typ: f.Type, secret: isSecret(inner), sub: structFields(inner, within)}
	}
	return fields
}

// element takes away pointers, slices, arrays and maps.
func element(t reflect.Type) reflect.Type {
	for {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			t = t.Elem()
		default:
			return t
		}
	}
}

// bare takes away pointers.
func bare(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// isSecret tells whether a value of the type shows only its mask.
func isSecret(t reflect.Type) bool { return t == reflect.TypeFor[secret.Value]() }
