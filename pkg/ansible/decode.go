// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"encoding"
	"fmt"
	"reflect"
)

// fillStruct fills a struct from the options that were given. A task may hold thousands of elements of fifty options, of which most are
// unset: what has no value costs one look.
func fillStruct(into reflect.Value, spec *Spec, fields map[string]field, params *dict) error {
	for i := range spec.Options {
		o := &spec.Options[i]
		f, ok := fields[o.Name]
		if !ok {
			return fmt.Errorf("no field takes the option %s", o.Name)
		}
		value := params.values[o.Name]
		if value == nil {
			continue
		}
		if err := fillValue(into.FieldByIndex(f.index), o, f.sub, value); err != nil {
			return fmt.Errorf("option %s: %w", o.Name, err)
		}
	}
	return nil
}

// fillValue puts a value that the spec has brought into its type into a Go value. Nothing is converted, but true and false are integers
// too, which Ansible passes on as they are, because they are integers in Python.
func fillValue(into reflect.Value, o *Option, fields map[string]field, value any) error {
	if into.Kind() == reflect.Pointer {
		target := reflect.New(into.Type().Elem())
		into.Set(target)
		return fillValue(target.Elem(), o, fields, value)
	}
	if target, ok := into.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if text, ok := value.(string); ok {
			return target.UnmarshalText([]byte(text))
		}
	}
	switch v := value.(type) {
	case []any:
		if into.Kind() == reflect.Slice {
			return fillList(into, o, fields, v)
		}
	case tuple:
		if into.Kind() == reflect.Slice {
			return fillList(into, o, fields, v)
		}
	case *dict:
		switch {
		case into.Kind() == reflect.Struct && o.Sub != nil && o.nests():
			return fillStruct(into, o.Sub, fields, v)
		case into.Kind() == reflect.Map && into.Type().Key().Kind() == reflect.String:
			return fillMap(into, o, fields, v)
		}
	case bool:
		if into.CanInt() {
			value = int64(0)
			if v {
				value = int64(1)
			}
		}
	}
	if into.Kind() == reflect.Interface {
		into.Set(reflect.ValueOf(plain(value)))
		return nil
	}
	from := reflect.ValueOf(value)
	if from.Kind() == into.Kind() || from.CanInt() && into.CanInt() && !into.OverflowInt(from.Int()) {
		into.Set(from.Convert(into.Type()))
		return nil
	}
	return fmt.Errorf("%s does not fit into %v", typeName(value), into.Type())
}

func fillList(into reflect.Value, o *Option, fields map[string]field, list []any) error {
	into.Set(reflect.MakeSlice(into.Type(), len(list), len(list)))
	for i, item := range list {
		if item == nil {
			continue
		}
		if err := fillValue(into.Index(i), o, fields, item); err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
	}
	return nil
}

func fillMap(into reflect.Value, o *Option, fields map[string]field, params *dict) error {
	into.Set(reflect.MakeMapWithSize(into.Type(), len(params.keys)))
	for _, key := range params.keys {
		item := reflect.New(into.Type().Elem()).Elem()
		if value := params.values[key]; value != nil {
			if err := fillValue(item, o, fields, value); err != nil {
				return err
			}
		}
		into.SetMapIndex(reflect.ValueOf(key).Convert(into.Type().Key()), item)
	}
	return nil
}
