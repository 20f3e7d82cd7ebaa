// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/stackwatch/ansible-monitoring/pkg/pattern"
)

// parseLiteral reads a Python literal: dictionaries, lists, tuples, texts, numbers, True, False and None. Playbooks that
// print a dictionary into an option still send these. What JSON cannot hold (bytes, sets, complex numbers) is refused.
func parseLiteral(text string) (any, error) {
	p := &literal{rest: strings.TrimLeft(text, " \t")}
	value, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if p.skip(); p.rest != "" {
		return nil, errors.New("more follows the literal")
	}
	return value, nil
}

type literal struct{ rest string }

// skip passes white space and comments.
func (p *literal) skip() {
	for {
		p.rest = strings.TrimLeft(p.rest, " \t\n\r\f")
		switch {
		case strings.HasPrefix(p.rest, "#"):
			if end := strings.IndexByte(p.rest, '\n'); end >= 0 {
				p.rest = p.rest[end:]
			} else {
				p.rest = ""
			}
		case strings.HasPrefix(p.rest, "\\\n"):
			p.rest = p.rest[2:]
		default:
			return
		}
	}
}

func (p *literal) take(prefix string) bool {
	p.skip()
	if !strings.HasPrefix(p.rest, prefix) {
		return false
	}
	p.rest = p.rest[len(prefix):]
	return true
}

func (p *literal) value(depth int) (any, error) {
	if depth > 90 { // Python's parser gives up at 100 brackets
		return nil, errors.New("nested too deeply")
	}
	p.skip()
	if p.rest == "" {
		return nil, errors.New("a value is missing")
	}
	switch c := p.rest[0]; {
	case p.take("{"):
		return p.dict(depth)
	case p.take("["):
		items, _, err := p.sequence("]", depth)
		return items, err
	case p.take("("):
		items, commas, err := p.sequence(")", depth)
		if err == nil && len(items) == 1 && commas == 0 {
			return items[0], nil
		}
		return tuple(items), err
	case strings.IndexByte(`'"rRuU`, c) >= 0:
		return p.texts()
	case c == '+' || c == '-' || c == '.' || c >= '0' && c <= '9':
		return p.number()
	default:
		return p.word()
	}
}

func (p *literal) dict(depth int) (any, error) {
	d := newDict()
	for !p.take("}") {
		key, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if !p.take(":") {
			return nil, errors.New("a colon is missing")
		}
		value, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		name, err := keyText(key)
		if err != nil {
			return nil, err
		}
		d.set(name, value)
		if p.take(",") {
			continue
		}
		if !p.take("}") {
			return nil, errors.New("a brace is missing")
		}
		break
	}
	return d, nil
}

// keyText writes a key as it will stand in the JSON answer.
func keyText(key any) (string, error) {
	switch k := key.(type) {
	case string:
		return k, nil
	case nil, bool, int64, *big.Int, float64:
		var b jsonBuffer
		writeJSON(&b, k, pythonJSON)
		return b.String(), nil
	default:
		return "", fmt.Errorf("a %s cannot be a key", typeName(key))
	}
}

func (p *literal) sequence(end string, depth int) (items []any, commas int, err error) {
	items = []any{}
	for !p.take(end) {
		item, err := p.value(depth + 1)
		if err != nil {
			return nil, 0, err
		}
		items = append(items, item)
		if p.take(",") {
			commas++
			continue
		}
		if !p.take(end) {
			return nil, 0, errors.New("a bracket is missing")
		}
		break
	}
	return items, commas, nil
}

func (p *literal) word() (any, error) {
	end := strings.IndexFunc(p.rest, func(r rune) bool { return !isWordRune(r) })
	if end < 0 {
		end = len(p.rest)
	}
	word := p.rest[:end]
	p.rest = p.rest[end:]
	switch word {
	case "True":
		return true, nil
	case "False":
		return false, nil
	case "None":
		return nil, nil
	default:
		return nil, errors.New("not a literal")
	}
}

func isWordRune(r rune) bool {
	return r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= utf8.RuneSelf
}

// number reads integers of all bases and floats, with one sign before them.
func (p *literal) number() (any, error) {
	negative := p.take("-")
	if !negative {
		p.take("+")
	}
	p.skip()
	end := 0
	for end < len(p.rest) {
		c := p.rest[end]
		exponentSign := (c == '+' || c == '-') && end > 0 && (p.rest[end-1]|0x20) == 'e' && !strings.HasPrefix(strings.ToLower(p.rest), "0x")
		if c != '.' && !exponentSign && !isWordRune(rune(c)) {
			break
		}
		end++
	}
	text := p.rest[:end]
	p.rest = p.rest[end:]
	if text == "" || text[0] == '_' || text[0] != '.' && (text[0] < '0' || text[0] > '9') {
		return nil, errors.New("not a number")
	}
	if !strings.ContainsAny(text, ".eE") || strings.HasPrefix(strings.ToLower(text), "0x") {
		return wholeLiteral(text, negative)
	}
	if !float.MatchString(text) {
		return nil, errors.New("not a number")
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return nil, errors.New("not a number")
	}
	if negative {
		f = -f
	}
	return f, nil
}

// An integer as Python writes it; 010 is none.
var whole = pattern.New(`^(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|[1-9](?:_?[0-9])*|0(?:_?0)*)$`)

func wholeLiteral(text string, negative bool) (any, error) {
	if !whole.MatchString(text) || len(text) > maxDigits {
		return nil, errors.New("not a number")
	}
	n, ok := new(big.Int).SetString(text, 0)
	if !ok {
		return nil, errors.New("not a number")
	}
	if negative {
		n.Neg(n)
	}
	return integer(n), nil
}

// texts reads one quoted text or several beside each other, which Python joins.
func (p *literal) texts() (any, error) {
	var joined strings.Builder
	for {
		raw := false
		quoteAt := strings.IndexAny(p.rest, `'"`)
		switch prefix := strings.ToLower(p.rest[:max(quoteAt, 0)]); {
		case quoteAt < 0:
			return nil, errors.New("not a literal")
		case prefix == "r":
			raw = true
		case prefix != "" && prefix != "u":
			return nil, errors.New("not a literal")
		}
		p.rest = p.rest[quoteAt:]
		quote := p.rest[:1]
		if strings.HasPrefix(p.rest, strings.Repeat(quote, 3)) {
			quote = p.rest[:3]
		}
		p.rest = p.rest[len(quote):]
		if err := p.text(&joined, quote, raw); err != nil {
			return nil, err
		}
		p.skip()
		if p.rest == "" || strings.IndexByte(`'"rRuU`, p.rest[0]) < 0 {
			return joined.String(), nil
		}
	}
}

func (p *literal) text(b *strings.Builder, quote string, raw bool) error {
	for p.rest != "" {
		switch {
		case strings.HasPrefix(p.rest, quote):
			p.rest = p.rest[len(quote):]
			return nil
		case p.rest[0] == '\n' && len(quote) == 1:
			return errors.New("a quote is missing")
		case p.rest[0] != '\\':
			b.WriteByte(p.rest[0])
			p.rest = p.rest[1:]
		case len(p.rest) == 1:
			return errors.New("a quote is missing")
		case raw:
			b.WriteString(p.rest[:2])
			p.rest = p.rest[2:]
		default:
			if err := p.escape(b); err != nil {
				return err
			}
		}
	}
	return errors.New("a quote is missing")
}

// escape reads a backslash and what it protects. An escape that Python does not know keeps its backslash.
func (p *literal) escape(b *strings.Builder) error {
	c := p.rest[1]
	simple := map[byte]string{
		'\n': "", '\\': `\`, '\'': "'", '"': `"`, 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v",
	}
	if text, ok := simple[c]; ok {
		b.WriteString(text)
		p.rest = p.rest[2:]
		return nil
	}
	lengths := map[byte]int{'x': 2, 'u': 4, 'U': 8}
	digits, base := lengths[c], 16
	p.rest = p.rest[2:]
	switch {
	case digits > 0:
	case c >= '0' && c <= '7':
		p.rest, base = string(c)+p.rest, 8
		for digits < 3 && digits < len(p.rest) && p.rest[digits] >= '0' && p.rest[digits] <= '7' {
			digits++
		}
	case c == 'N':
		return errors.New("names of characters are not read")
	default:
		b.WriteByte('\\')
		b.WriteByte(c)
		return nil
	}
	if len(p.rest) < digits {
		return errors.New("an escape is cut off")
	}
	code, err := strconv.ParseUint(p.rest[:digits], base, 32)
	if err != nil || code > utf8.MaxRune {
		return errors.New("not an escape")
	}
	b.WriteRune(rune(code))
	p.rest = p.rest[digits:]
	return nil
}
