// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"cmp"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/stackwatch/ansible-monitoring/pkg/pattern"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// wholeMask stands for a value that is a secret as a whole; within a text secret.Mask stands for the secret.
const wholeMask = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"

// secretSet is the texts that no answer and no log line may hold.
type secretSet map[string]struct{}

func (s secretSet) add(text string) {
	if text != "" {
		s[text] = struct{}{}
	}
}

// addAll adds every text and number inside a value. Booleans and None hide nothing: hiding "True" would hide too much.
func (s secretSet) addAll(value any) error {
	switch v := value.(type) {
	case nil, bool:
		return nil
	case string:
		s.add(strings.ToValidUTF8(v, "\uFFFD"))
	case int64, *big.Int, float64:
		s.add(pyStr(v))
	case []any:
		return s.addEach(v)
	case tuple:
		return s.addEach(v)
	case *dict:
		for _, item := range v.values {
			if err := s.addAll(item); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("%T cannot be hidden", value)
	}
	return nil
}

func (s secretSet) addEach(list []any) error {
	for _, item := range list {
		if err := s.addAll(item); err != nil {
			return err
		}
	}
	return nil
}

// addFrom adds a value: a string or number as a whole, and of a dictionary or list the strings and numbers of at least
// length characters, shortestPart for 0. With another length a string is parsed as JSON, and its parts are added too.
func (s secretSet) addFrom(value any, length int) error {
	if text, ok := value.(string); ok && length > 0 {
		s.add(strings.ToValidUTF8(text, "\uFFFD"))
		value, _ = decodeJSON(text) // what is no JSON has no parts, and the option's type says what is wrong with it
		if _, again := value.(string); again {
			return nil
		}
		return s.addParts(value, length)
	}
	if isStructured(value) {
		return s.addParts(value, cmp.Or(length, shortestPart))
	}
	return s.addAll(value)
}

// addLogins adds the passwords of URLs in a text, or in the texts of a list. Shorter ones occur in ordinary text.
func (s secretSet) addLogins(value any) {
	switch v := value.(type) {
	case string:
		if password := secret.PasswordIn(v); utf8.RuneCountInString(password) >= secret.MinRedacted {
			s.add(password)
		}
	case []any:
		for _, element := range v {
			s.addLogins(element)
		}
	}
}

// addParts adds the texts and numbers of at least so many characters inside a value.
func (s secretSet) addParts(value any, length int) error {
	parts := secretSet{}
	if err := parts.addAll(value); err != nil {
		return err
	}
	for part := range parts {
		if utf8.RuneCountInString(part) >= length {
			s.add(part)
		}
	}
	return nil
}

// addBelow adds what is below the keys of a dictionary that hide it, which may still be in the form it came in.
func (s secretSet) addBelow(value any, o *Option) error {
	switch v := value.(type) {
	case string:
		parsed, _ := toDict(v) // what is no dictionary has no keys, and the option's type says what is wrong with it
		return s.addBelow(parsed, o)
	case []any:
		var first error
		for _, item := range v {
			if _, text := item.(string); !text {
				first = firstError(first, s.addBelow(item, o))
			}
		}
		return first
	case *dict:
		var first error
		for _, key := range v.keys {
			if o.HideBelow.MatchString(key) {
				first = firstError(first, s.addParts(v.values[key], o.HideFrom))
			} else if _, text := v.values[key].(string); !text {
				first = firstError(first, s.addBelow(v.values[key], o))
			}
		}
		return first
	}
	return nil
}

// shortestPart is the length from which a string or number inside a secret list or dictionary is masked wherever it
// occurs. A shorter one is masked in its own option only: an answer in which every 1 is masked cannot be read. A shorter
// secret that is an option's whole value is masked where it stands as a word of its own.
const shortestPart = 8

// collector adds the values of hidden options, suboptions included, to a set of secrets: first as they were given, then
// as they were coerced.
type collector struct {
	secrets secretSet
	// bland has the paths of options that hid nothing as they were given: 0, false, an empty string. As strings they
	// would hide every "0" and "True".
	bland   map[string]bool
	coerced bool
}

// collect adds the values of a spec's options. It continues after an error, so that everything that can be masked is.
func (c collector) collect(spec *Spec, params *dict, prefix string) error {
	var first error
	for i := range spec.Options {
		o := &spec.Options[i]
		value, ok := params.get(o.Name)
		if !ok || value == nil && c.coerced {
			continue
		}
		path := prefix + o.Name
		if _, truth := value.(bool); !c.coerced && (truth || !truthy(value)) {
			c.bland[path] = true
		}
		if o.Logging == Hidden && truthy(value) && !c.bland[path] {
			first = firstError(first, c.secrets.addFrom(value, o.HideFrom))
		}
		if o.HideLogins {
			c.secrets.addLogins(value)
		}
		if text, ok := value.(string); ok && o.Address {
			_, parts := splitAddress(text)
			for _, part := range parts {
				if utf8.RuneCountInString(part) >= shortestPart {
					c.secrets.add(strings.ToValidUTF8(part, "\uFFFD"))
				}
			}
		}
		if o.HideBelow != nil && value != nil {
			first = firstError(first, c.secrets.addBelow(value, o))
		}
		if o.Sub == nil || value == nil || !o.nests() {
			continue
		}
		list, ok := value.([]any)
		if !ok {
			first = firstError(first, c.collectSub(o, o.Name, path, value))
		}
		for n, item := range list {
			index := fmt.Sprintf("[%d]", n)
			first = firstError(first, c.collectSub(o, o.Name+index, path+index, item))
		}
	}
	return first
}

func (c collector) collectSub(o *Option, name, path string, item any) error {
	if text, ok := item.(string); ok {
		parsed, err := toDict(text)
		if err != nil && name != o.Name {
			return fmt.Errorf("%w found in %s", err, name)
		} else if err != nil {
			return err
		}
		item = parsed
	}
	sub, ok := item.(*dict)
	if !ok {
		return fmt.Errorf("Value '%s' in the sub parameter field '%s' must be a %s, not '%s'", //nolint:staticcheck // Ansible's wording
			pyStr(item), name, o.Type, typeName(item))
	}
	return c.collect(o.Sub, sub, path+".")
}

// hideLeaves masks every string and number inside a value. Booleans, null and the empty string reveal nothing.
func hideLeaves(value any) any {
	switch v := value.(type) {
	case nil, bool:
		return v
	case string:
		if v == "" {
			return v
		}
		return wholeMask
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = hideLeaves(item)
		}
		return list
	case tuple:
		return hideLeaves([]any(v))
	case *dict:
		hidden := newDict()
		for _, key := range v.allKeys() {
			hidden.set(key, hideLeaves(v.values[key]))
		}
		return hidden
	default:
		return wholeMask
	}
}

func firstError(first, next error) error {
	if first != nil {
		return first
	}
	return next
}

// masker returns what hides the secrets of the set as it is now.
func (s secretSet) masker() masker {
	m := masker{exact: map[string]struct{}{}}
	for text := range s {
		for _, form := range forms(text) {
			if _, known := m.exact[form]; !known {
				m.exact[form] = struct{}{}
				m.ordered = append(m.ordered, form)
			}
		}
	}
	// The longest first, or a part of a long secret would be hidden and the rest of it shown.
	slices.SortFunc(m.ordered, func(a, b string) int {
		if byLength := utf8.RuneCountInString(b) - utf8.RuneCountInString(a); byLength != 0 {
			return byLength
		}
		return strings.Compare(a, b)
	})
	m.starts = map[[startLength]byte][]int{}
	for i, form := range m.ordered {
		if len(form) < startLength {
			m.short = append(m.short, i)
			continue
		}
		start := [startLength]byte([]byte(form[:startLength]))
		m.starts[start] = append(m.starts[start], i)
	}
	return m
}

// forms gives a secret as it is and as it looks inside URLs and quoted texts, where error messages show it. Short ones have
// only their own form: the escaped ones would hide innocent text.
func forms(text string) []string {
	if utf8.RuneCountInString(text) < 4 {
		return []string{text}
	}
	all := []string{text, url.QueryEscape(text), url.PathEscape(text)}
	for _, quoted := range []string{strconv.Quote(text), strconv.QuoteToASCII(text), pyRepr(text)} {
		all = append(all, quoted[1:len(quoted)-1])
	}
	return all
}

// masker hides secrets in texts and values. A run over 1,000 objects may have as many secrets and has far more texts, so a text
// is read once, and not once for each secret.
type masker struct {
	exact   map[string]struct{}
	ordered []string                    // the longest first
	starts  map[[startLength]byte][]int // places in ordered, by how the form starts
	short   []int                       // those of forms too short for that
}

const startLength = 4

// occurrence is a secret in a text.
type occurrence struct{ form, from, to int }

// find gives every occurrence of every secret in a text, overlapping ones too.
func (m masker) find(text string) []occurrence {
	var found []occurrence
	at := func(i int, forms []int) {
		for _, n := range forms {
			if strings.HasPrefix(text[i:], m.ordered[n]) {
				found = append(found, occurrence{n, i, i + len(m.ordered[n])})
			}
		}
	}
	for i := range len(text) {
		at(i, m.short)
		if i+startLength <= len(text) {
			at(i, m.starts[[startLength]byte([]byte(text[i:i+startLength]))])
		}
	}
	return found
}

// escaped matches the end of a text after which a word begins anew: %3D, \n, \u0026.
var escaped = pattern.New(`(?:%[0-9A-Fa-f]{2}|\\(?:[abfnrtv]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}))$`)

const longestEscape = 6

// withinWord reports whether an occurrence is of a short secret and only a part of a word of the text, as "test" is of
// "test_type". Two characters belong to one word if both are letters, digits or underscores and neither is hidden. A
// secret without such characters is punctuation, which belongs to a word at its side.
func (m masker) withinWord(text string, o occurrence, hidden []bool) bool {
	form := m.ordered[o.form]
	if utf8.RuneCountInString(form) >= shortestPart {
		return false
	}
	first, _ := utf8.DecodeRuneInString(form)
	last, _ := utf8.DecodeLastRuneInString(form)
	before, _ := utf8.DecodeLastRuneInString(text[:o.from])
	after, _ := utf8.DecodeRuneInString(text[o.to:])
	punctuation := !strings.ContainsFunc(form, inWord)
	begun := (punctuation || inWord(first)) && inWord(before) && !hidden[o.from-1] && !escaped.MatchString(text[max(0, o.from-longestEscape):o.from])
	goesOn := (punctuation || inWord(last)) && inWord(after) && !hidden[o.to]
	return begun || goesOn
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }

// text hides the secrets in a text, as if one after the other were replaced, the longest first.
func (m masker) text(text string) string {
	if _, ok := m.exact[text]; ok {
		return wholeMask
	}
	found := m.find(text)
	if len(found) == 0 {
		return text
	}
	slices.SortFunc(found, func(a, b occurrence) int { return cmp.Or(a.form-b.form, a.from-b.from) })
	hidden := make([]bool, len(text))
	kept := found[:0]
	for _, o := range found {
		if !slices.Contains(hidden[o.from:o.to], true) && !m.withinWord(text, o, hidden) {
			kept = append(kept, o)
			for i := o.from; i < o.to; i++ {
				hidden[i] = true
			}
		}
	}
	slices.SortFunc(kept, func(a, b occurrence) int { return a.from - b.from })
	var b strings.Builder
	end := 0
	for _, o := range kept {
		b.WriteString(text[end:o.from])
		b.WriteString(secret.Mask)
		end = o.to
	}
	b.WriteString(text[end:])
	return b.String()
}

// value hides the secrets in all texts and numbers inside a value, but not in the keys of mappings, as Ansible does it.
func (m masker) value(value any) any {
	if len(m.ordered) == 0 {
		return value
	}
	switch v := value.(type) {
	case string:
		return m.text(v)
	case int64, *big.Int, float64:
		if digits := pyStr(v); m.text(digits) != digits {
			return wholeMask
		}
		return v
	case []any:
		return m.list(v)
	case tuple:
		return m.list(v)
	case series:
		return series{v.len, func(i int) any { return m.value(v.at(i)) }}
	case *dict:
		masked := newDict()
		for _, key := range v.allKeys() {
			masked.set(key, m.value(v.values[key]))
		}
		return masked
	default:
		return v
	}
}

func (m masker) list(list []any) []any {
	masked := make([]any, len(list))
	for i, item := range list {
		masked[i] = m.value(item)
	}
	return masked
}
