// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
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

// jsonBuffer is where JSON is written. With out it keeps little of a long text, and passes on the rest.
type jsonBuffer struct {
	bytes.Buffer
	out io.Writer
	err error // of out
}

// spillSize is how much a jsonBuffer with out keeps.
const spillSize = 64 << 10

// spill passes on what has been written.
func (b *jsonBuffer) spill() {
	if b.err == nil {
		_, b.err = b.out.Write(b.Bytes())
	}
	b.Reset()
}

// writeJSON writes a value in ASCII: the answer must survive every locale between here and the controller.
func writeJSON(b *jsonBuffer, value any, style jsonStyle) {
	switch v := value.(type) {
	case nil:
		b.WriteString("null")
	case bool, int64, *big.Int:
		fmt.Fprint(&b.Buffer, v)
	case float64:
		b.WriteString(style.number(v))
	case string:
		writeJSONString(b, v)
	case []any:
		writeJSONList(b, len(v), func(i int) any { return v[i] }, style)
	case tuple:
		writeJSONList(b, len(v), func(i int) any { return v[i] }, style)
	case series:
		writeJSONList(b, v.len, v.at, style)
	case *dict:
		b.WriteByte('{')
		for i, key := range v.allKeys() {
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

func writeJSONList(b *jsonBuffer, length int, at func(i int) any, style jsonStyle) {
	b.WriteByte('[')
	for i := range length {
		if i > 0 {
			b.WriteString(style.comma())
		}
		writeJSON(b, at(i), style)
		if b.out != nil && b.Len() >= spillSize {
			b.spill()
		}
	}
	b.WriteByte(']')
}

func writeJSONString(b *jsonBuffer, s string) {
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
			fmt.Fprintf(&b.Buffer, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b.Buffer, `\u%04x\u%04x`, high, low)
		}
	}
	b.WriteByte('"')
}
