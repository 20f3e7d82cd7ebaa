// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Arguments live as Python's values while they are checked, because Ansible's coercions and messages show them as Python does:
// nil, bool, int64 (*big.Int beyond it), float64, string, []any, tuple (only out of a Python literal) and *dict.

// tuple is a Python tuple: shown and encoded, but no list where Ansible asks for one.
type tuple []any

// dict is a mapping that keeps the order in which keys first came, as Python's does.
type dict struct {
	keys   []string
	values map[string]any
	unset  *unset // keys with the value nil that come after the others, nil for none
}

// unset is the options that were not given to a dictionary and have no default. In a list of thousands of dictionaries they would take most of
// the memory, so those with the same ones share them.
type unset struct {
	keys []string
	has  map[string]bool
}

// series is a list whose elements are made when they are asked for, so that a long one never takes the memory of all of them.
type series struct {
	len int
	at  func(i int) any
}

func newDict() *dict { return &dict{values: map[string]any{}} }

func (d *dict) get(key string) (any, bool) {
	return d.values[key], d.has(key)
}

func (d *dict) has(key string) bool {
	_, ok := d.values[key]
	return ok || d.unset != nil && d.unset.has[key]
}

// allKeys returns the keys in order, those of unset options included.
func (d *dict) allKeys() []string {
	if d.unset == nil {
		return d.keys
	}
	return slices.Concat(d.keys, d.unset.keys)
}

// own makes the unset options keys of the dictionary's own, before one of them changes.
func (d *dict) own() {
	if d.unset == nil {
		return
	}
	d.keys = d.allKeys()
	for _, key := range d.unset.keys {
		d.values[key] = nil
	}
	d.unset = nil
}

func (d *dict) set(key string, value any) {
	if d.unset != nil && d.unset.has[key] {
		d.own()
	}
	if !d.has(key) {
		d.keys = append(d.keys, key)
	}
	d.values[key] = value
}

func (d *dict) remove(key string) {
	if d.has(key) {
		d.own()
		delete(d.values, key)
		d.keys = slices.DeleteFunc(d.keys, func(k string) bool { return k == key })
	}
}

// deepCopy shares nothing that can change with the value it copies.
func deepCopy(value any) any {
	switch v := value.(type) {
	case []any:
		return copyAll(v)
	case tuple:
		return tuple(copyAll(v))
	case *dict:
		c := &dict{keys: slices.Clone(v.keys), values: make(map[string]any, len(v.values)), unset: v.unset}
		for key, item := range v.values {
			c.values[key] = deepCopy(item)
		}
		return c
	default:
		return value
	}
}

func copyAll(list []any) []any {
	c := make([]any, len(list))
	for i, item := range list {
		c[i] = deepCopy(item)
	}
	return c
}

// plain turns a value into what Go code expects: map[string]any, []any, string, bool, int64, *big.Int, float64 and nil.
func plain(value any) any {
	switch v := value.(type) {
	case []any:
		return plainAll(v)
	case tuple:
		return plainAll(v)
	case *dict:
		m := make(map[string]any, len(v.keys))
		for _, key := range v.allKeys() {
			m[key] = plain(v.values[key])
		}
		return m
	default:
		return value
	}
}

func plainAll(list []any) []any {
	c := make([]any, len(list))
	for i, item := range list {
		c[i] = plain(item)
	}
	return c
}

// typeName is the name that Python gives to the value's type.
func typeName(value any) string {
	switch value.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int64, *big.Int:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case tuple:
		return "tuple"
	case *dict:
		return "dict"
	default:
		return "list"
	}
}

// className is the value's type as Python prints the class itself.
func className(value any) string { return "<class '" + typeName(value) + "'>" }

// pyStr is Python's str().
func pyStr(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	return pyRepr(value)
}

// pyRepr is Python's repr().
func pyRepr(value any) string {
	var b strings.Builder
	writeRepr(&b, value)
	return b.String()
}

func writeRepr(b *strings.Builder, value any) {
	switch v := value.(type) {
	case nil:
		b.WriteString("None")
	case bool:
		if v {
			b.WriteString("True")
		} else {
			b.WriteString("False")
		}
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case float64:
		b.WriteString(floatRepr(v))
	case string:
		writeStringRepr(b, v)
	case []any:
		writeSequence(b, "[", v, "]")
	case series:
		b.WriteByte('[')
		for i := range v.len {
			if i > 0 {
				b.WriteString(", ")
			}
			writeRepr(b, v.at(i))
		}
		b.WriteByte(']')
	case tuple:
		end := ")"
		if len(v) == 1 {
			end = ",)"
		}
		writeSequence(b, "(", v, end)
	case *dict:
		b.WriteByte('{')
		for i, key := range v.allKeys() {
			if i > 0 {
				b.WriteString(", ")
			}
			writeStringRepr(b, key)
			b.WriteString(": ")
			writeRepr(b, v.values[key])
		}
		b.WriteByte('}')
	default:
		fmt.Fprint(b, v)
	}
}

func writeSequence(b *strings.Builder, start string, items []any, end string) {
	b.WriteString(start)
	for i, item := range items {
		if i > 0 {
			b.WriteString(", ")
		}
		writeRepr(b, item)
	}
	b.WriteString(end)
}

// floatRepr writes the shortest digits that read back as the same number, in scientific form where Python does.
func floatRepr(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	scientific := strconv.FormatFloat(f, 'e', -1, 64)
	exponent, err := strconv.Atoi(scientific[strings.IndexByte(scientific, 'e')+1:])
	if err != nil || exponent < -4 || exponent >= 16 {
		return scientific
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

func writeStringRepr(b *strings.Builder, s string) {
	quote := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	b.WriteRune(quote)
	for _, r := range s {
		switch {
		case r == quote || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(b, `\u%04x`, r)
		default:
			fmt.Fprintf(b, `\U%08x`, r)
		}
	}
	b.WriteRune(quote)
}

// pyEqual is Python's ==, for which True, 1 and 1.0 are the same.
func pyEqual(a, b any) bool {
	if x, ok := number(a); ok {
		y, ok := number(b)
		return ok && x.Cmp(y) == 0
	}
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		return ok && x == y
	case nil:
		return b == nil
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, pyEqual)
	case tuple:
		y, ok := b.(tuple)
		return ok && slices.EqualFunc(x, y, pyEqual)
	case *dict:
		y, ok := b.(*dict)
		if !ok || len(x.allKeys()) != len(y.allKeys()) {
			return false
		}
		for _, key := range x.allKeys() {
			if other, ok := y.get(key); !ok || !pyEqual(x.values[key], other) {
				return false
			}
		}
		return true
	default: // infinities compare as numbers, NaN with nothing
		x, isFloat := a.(float64)
		y, alsoFloat := b.(float64)
		return isFloat && alsoFloat && x == y
	}
}

// number gives what Python counts as a finite number.
func number(value any) (*big.Float, bool) {
	switch v := value.(type) {
	case bool:
		if v {
			return big.NewFloat(1), true
		}
		return new(big.Float), true
	case int64:
		return new(big.Float).SetInt64(v), true
	case *big.Int:
		return new(big.Float).SetInt(v), true
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, false
		}
		return big.NewFloat(v), true
	default:
		return nil, false
	}
}

// contains is Python's "in" for a list.
func contains(list []any, value any) bool {
	return slices.ContainsFunc(list, func(item any) bool { return pyEqual(item, value) })
}

// truthy is Python's bool().
func truthy(value any) bool {
	switch v := value.(type) {
	case nil:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case tuple:
		return len(v) > 0
	case *dict:
		return len(v.keys) > 0 || v.unset != nil
	default:
		return true
	}
}

// isSpace is what Python's str.strip takes away: Unicode's white space and four control characters more.
func isSpace(r rune) bool { return unicode.IsSpace(r) || (r >= 0x1c && r <= 0x1f) }

// integer makes the smallest representation of a number, so that equal numbers are equal in Go too.
func integer(n *big.Int) any {
	if n.IsInt64() {
		return n.Int64()
	}
	return n
}
