// SPDX-License-Identifier: GPL-3.0-or-later

package secret

import (
	"encoding/base64"
	"encoding/hex"
	"html"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Redactor replaces secrets in text by Mask, in every form in which servers and proxies repeat them: in other case,
// escaped for URLs, HTML or JSON (also twice), in hexadecimal, and in base64, alone or as part of a longer text such as
// user:password. It is safe for concurrent use.
type Redactor struct {
	needles []needle
	starts  map[[startLen]byte][]int // positions in needles, by their first bytes
}

// needle is a form of a secret, folded.
type needle struct {
	text    string
	base64d bool // part of a longer word, which is replaced as a whole
}

const (
	startLen    = 4 // bytes; MinRedacted characters have as many at least
	leastBase64 = 6 // characters; shorter pieces occur in innocent text
	maxDecoding = 3 // how often a text may have been escaped
	maxEntity   = 12
)

// MinRedacted is the number of characters from which NewRedactor takes a secret.
const MinRedacted = 4

// NewRedactor returns a Redactor for the secrets that have at least MinRedacted characters.
func NewRedactor(secrets ...string) *Redactor {
	r := &Redactor{starts: map[[startLen]byte][]int{}}
	for _, s := range secrets {
		if utf8.RuneCountInString(s) < MinRedacted {
			continue
		}
		for v, more := newView(s), true; more && utf8.RuneCount(v.bytes) >= MinRedacted; v, more = v.decoded() {
			r.add(string(v.bytes), false) // a secret that looks escaped is found in what a text decodes to
		}
		r.add(hex.EncodeToString([]byte(s)), false)
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			for before := range 3 {
				if piece := encodedPiece(encoding, s, before); len(piece) >= leastBase64 {
					r.add(piece, true)
				}
			}
		}
	}
	return r
}

// encodedPiece returns the characters of an encoding that depend on s alone, where that many bytes (modulo 3) precede
// it.
func encodedPiece(encoding *base64.Encoding, s string, before int) string {
	text := encoding.EncodeToString(append(make([]byte, before), s...))
	if (before+len(s))%3 != 0 {
		text = text[:len(text)-1]
	}
	return text[min(before*8/6+min(before, 1), len(text)):]
}

func (r *Redactor) add(text string, base64d bool) {
	n := needle{string(newView(text).folded().bytes), base64d}
	start := [startLen]byte([]byte(n.text))
	for _, i := range r.starts[start] {
		if r.needles[i] == n {
			return
		}
	}
	r.starts[start] = append(r.starts[start], len(r.needles))
	r.needles = append(r.needles, n)
}

// Redact returns the text without the secrets.
func (r *Redactor) Redact(text string) string {
	if len(r.needles) == 0 {
		return text
	}
	var found [][2]int
	v := newView(text)
	for range maxDecoding + 1 {
		found = append(found, r.find(text, v.folded())...)
		next, changed := v.decoded()
		if !changed {
			break
		}
		v = next
	}
	if len(found) == 0 {
		return text
	}
	slices.SortFunc(found, func(a, b [2]int) int { return a[0] - b[0] })
	var b strings.Builder
	end := 0
	for _, at := range found {
		if at[0] >= end {
			b.WriteString(text[end:at[0]])
			b.WriteString(Mask)
		}
		end = max(end, at[1])
	}
	b.WriteString(text[end:])
	return b.String()
}

// find returns the places in the text of the secrets that a view of it shows.
func (r *Redactor) find(text string, v *view) [][2]int {
	var found [][2]int
	for i := 0; i+startLen <= len(v.bytes); i++ {
		for _, n := range r.starts[[startLen]byte(v.bytes[i:])] {
			needle := r.needles[n]
			end := i + len(needle.text)
			if end > len(v.bytes) || string(v.bytes[i:end]) != needle.text {
				continue
			}
			at := [2]int{int(v.from[i]), int(v.to[end-1])}
			if needle.base64d {
				at = wholeWord(text, at)
			}
			found = append(found, at)
		}
	}
	return found
}

// wholeWord widens a place to the base64 text around it.
func wholeWord(text string, at [2]int) [2]int {
	inside := func(c byte) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("+/-_=%", c) >= 0
	}
	for at[0] > 0 && inside(text[at[0]-1]) {
		at[0]--
	}
	for at[1] < len(text) && inside(text[at[1]]) {
		at[1]++
	}
	return at
}

// view is a text, or what it decodes to, with the place in the text that each byte comes from.
type view struct {
	bytes    []byte
	from, to []int32
}

func newView(text string) *view {
	v := &view{bytes: []byte(text), from: make([]int32, len(text)), to: make([]int32, len(text))}
	for i := range v.bytes {
		v.from[i], v.to[i] = int32(i), int32(i+1) // texts of errors and answers, far below 2 GiB
	}
	return v
}

// put appends a text that stands for the bytes i to j of another view.
func (v *view) put(text string, of *view, i, j int) {
	for n := range len(text) {
		v.bytes = append(v.bytes, text[n])
		v.from, v.to = append(v.from, of.from[i]), append(v.to, of.to[j-1])
	}
}

// folded returns the view without the differences that do not count: case, and plus for space, as forms write it.
func (v *view) folded() *view {
	f := &view{}
	for i := 0; i < len(v.bytes); {
		r, size := utf8.DecodeRune(v.bytes[i:])
		text := string(v.bytes[i : i+size])
		switch {
		case r == '+':
			text = " "
		case r != utf8.RuneError:
			text = string(unicode.ToLower(unicode.ToUpper(r)))
		}
		f.put(text, v, i, i+size)
		i += size
	}
	return f
}

// decoded returns the view with each escape replaced by what it stands for, and whether there was one.
func (v *view) decoded() (d *view, changed bool) {
	d = &view{}
	for i := 0; i < len(v.bytes); {
		text, size := unescape(v.bytes[i:])
		if size == 0 {
			text, size = string(v.bytes[i:i+1]), 1
		} else {
			changed = true
		}
		d.put(text, v, i, i+size)
		i += size
	}
	return d, changed
}

// unescape decodes the escape at the start of a text (URL, HTML, JSON and other languages). size is 0 where there is
// none.
func unescape(b []byte) (text string, size int) {
	switch b[0] {
	case '%':
		if c, ok := hexByte(b, 1, 2); ok {
			return string([]byte{byte(c & 0xff)}), 3
		}
	case '&':
		end := slices.Index(b[:min(len(b), maxEntity)], ';')
		if end < 0 {
			return "", 0
		}
		entity := string(b[:end+1])
		for _, form := range []string{entity, strings.ToLower(entity)} {
			if text = html.UnescapeString(form); text != form {
				return text, end + 1
			}
		}
	case '\\':
		return unescapeBackslash(b)
	}
	return "", 0
}

func unescapeBackslash(b []byte) (text string, size int) {
	if len(b) < 2 {
		return "", 0
	}
	switch b[1] {
	case 'u', 'U':
		if r, ok := hexByte(b, 2, 8); ok && b[1] == 'U' && r <= unicode.MaxRune {
			return string(rune(r)), 10
		}
		first, ok := hexByte(b, 2, 4)
		if !ok {
			return "", 0
		}
		if utf16.IsSurrogate(rune(first)) && len(b) > 8 && b[6] == '\\' && (b[7] == 'u' || b[7] == 'U') {
			if second, ok := hexByte(b, 8, 4); ok {
				return string(utf16.DecodeRune(rune(first), rune(second))), 12
			}
		}
		return string(rune(first)), 6
	case 'x', 'X':
		if c, ok := hexByte(b, 2, 2); ok {
			return string(rune(c)), 4
		}
	case 'n':
		return "\n", 2
	case 'r':
		return "\r", 2
	case 't':
		return "\t", 2
	case '/', '"', '\'', '\\':
		return string(b[1:2]), 2
	}
	return "", 0
}

// hexByte parses a hexadecimal number of that many digits.
func hexByte(b []byte, at, digits int) (uint64, bool) {
	if len(b) < at+digits {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[at:at+digits]), 16, 32)
	return n, err == nil
}
