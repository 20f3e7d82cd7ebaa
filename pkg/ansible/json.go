// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// jsonStyle is one of two ways to write JSON.
type jsonStyle int

const (
	answerJSON jsonStyle = iota // compact; numbers that JSON does not know become texts, so that the answer stays JSON
	pythonJSON                  // what Python's json.dumps writes
)

func (s jsonStyle) comma() string {
	if s == pythonJSON {
		return ", "
	}
	return ","
}

func (s jsonStyle) colon() string {
	if s == pythonJSON {
		return ": "
	}
	return ":"
}

func (s jsonStyle) number(f float64) string {
	name := ""
	switch {
	case math.IsNaN(f):
		name = "NaN"
	case math.IsInf(f, 1):
		name = "Infinity"
	case math.IsInf(f, -1):
		name = "-Infinity"
	default:
		return floatRepr(f)
	}
	if s == answerJSON {
		name = strconv.Quote(name)
	}
	return name
}

// writeJSON writes a value in ASCII: the answer must survive every locale between here and the controller.
func writeJSON(b *strings.Builder, value any, style jsonStyle) {
	switch v := value.(type) {
	case nil:
		b.WriteString("null")
	case bool, int64, *big.Int:
		fmt.Fprint(b, v)
	case float64:
		b.WriteString(style.number(v))
	case string:
		writeJSONString(b, v)
	case []any:
		writeJSONList(b, v, style)
	case tuple:
		writeJSONList(b, v, style)
	case *dict:
		b.WriteByte('{')
		for i, key := range v.keys {
			if i > 0 {
				b.WriteString(style.comma())
			}
			writeJSONString(b, key)
			b.WriteString(style.colon())
			writeJSON(b, v.values[key], style)
		}
		b.WriteByte('}')
	}
}

func writeJSONList(b *strings.Builder, list []any, style jsonStyle) {
	b.WriteByte('[')
	for i, item := range list {
		if i > 0 {
			b.WriteString(style.comma())
		}
		writeJSON(b, item, style)
	}
	b.WriteByte(']')
}

func writeJSONString(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, r := range s { // a byte that is no UTF-8 comes as U+FFFD
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r >= ' ' && r < 0x7f:
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\b':
			b.WriteString(`\b`)
		case r == '\f':
			b.WriteString(`\f`)
		case r < 0x10000:
			fmt.Fprintf(b, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(b, `\u%04x\u%04x`, high, low)
		}
	}
	b.WriteByte('"')
}

// toTree makes of any Go value one that writeJSON writes and a masker reads. It never fails: what encoding/json cannot
// encode becomes text.
func toTree(value any, depth int) any {
	if depth > maxDepth {
		return "…"
	}
	switch v := value.(type) {
	case nil, bool, int64, *big.Int:
		return v
	case float64:
		return v
	case string:
		return strings.ToValidUTF8(v, "\uFFFD")
	case int:
		return int64(v)
	case tuple:
		return treeList(reflect.ValueOf([]any(v)), depth)
	case *dict:
		d := newDict()
		for _, key := range v.keys {
			d.set(key, toTree(v.values[key], depth+1))
		}
		return d
	case json.Number:
		return decodeNumber(string(v))
	case secret.Value:
		return v.String()
	case error:
		if _, ok := v.(json.Marshaler); !ok {
			return toTree(v.Error(), depth)
		}
	}
	return reflectTree(reflect.ValueOf(value), depth)
}

func reflectTree(v reflect.Value, depth int) any {
	if encodesItself(v) {
		return encodedTree(v.Interface())
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return toTree(v.Elem().Interface(), depth+1)
	case reflect.Map:
		return treeMap(v, depth)
	case reflect.Slice:
		if v.IsNil() {
			return nil
		}
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return toTree(string(v.Bytes()), depth)
		}
		return treeList(v, depth)
	case reflect.Array:
		return treeList(v, depth)
	case reflect.Float32, reflect.Float64:
		return v.Float()
	case reflect.String:
		return toTree(v.String(), depth)
	default:
		return encodedTree(v.Interface())
	}
}

// encodesItself tells whether the value has its own word about its JSON form.
func encodesItself(v reflect.Value) bool {
	type textMarshaler interface{ MarshalText() ([]byte, error) }
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return false
	}
	switch v.Interface().(type) {
	case json.Marshaler, textMarshaler:
		return true
	default:
		return false
	}
}

func treeList(v reflect.Value, depth int) any {
	list := make([]any, v.Len())
	for i := range list {
		list[i] = toTree(v.Index(i).Interface(), depth+1)
	}
	return list
}

func treeMap(v reflect.Value, depth int) any {
	if v.IsNil() {
		return nil
	}
	d := newDict()
	for _, key := range v.MapKeys() {
		name := toTree(key.Interface(), depth+1)
		text, ok := name.(string)
		if !ok {
			text = pyStr(name)
		}
		d.set(text, toTree(v.MapIndex(key).Interface(), depth+1))
	}
	slices.Sort(d.keys)
	return d
}

// encodedTree goes by way of encoding/json: structs, and types with their own encoding.
func encodedTree(value any) (tree any) {
	defer func() {
		if reason := recover(); reason != nil { // a value's own encoder may panic; the answer must not
			tree = fmt.Sprintf("%T that cannot be encoded: %v", value, reason)
		}
	}()
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprintf("%T that cannot be encoded: %v", value, err)
	}
	tree, err = decodeJSON(string(text))
	if err != nil {
		return string(text)
	}
	return tree
}
