// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf16"
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
	var name string
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
