// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// everything is a spec with each type in it.
const everything = `
DOCUMENTATION:
  options:
    s: {}
    i: {type: int, aliases: [n]}
    f: {type: float}
    b: {type: bool}
    l: {type: list, elements: int}
    d: {type: dict}
    p: {type: path}
    r: {type: raw}
    j: {type: json}
    y: {type: bytes}
    t: {type: bits}
    o: {type: list, elements: dict, options: {k: {}, c: {choices: ['yes', 'no']}, d: {type: dict, options: {x: {type: int}}}}}
`

// FuzzArguments: whatever comes in, one JSON document goes out; JSON is read if and only if it is JSON; and what was read is
// written as it was.
func FuzzArguments(f *testing.F) {
	for _, value := range values() {
		for _, option := range []string{"s", "i", "f", "b", "l", "d", "p", "r", "j", "y", "t", "o"} {
			f.Add(`{"` + option + `": ` + value + `}`)
		}
	}
	for _, text := range []string{"", "{", "[]", `{"ANSIBLE_MODULE_ARGS": {"s": 1}}`, `{"s": "\ud800"}`, `{"s": NaN}`, `{"n": 1, "i": 2, "x": 3}`, "\xff", `{"o": [{"k": "\xff"}]}`,
		`{"_ansible_check_mode": 1, "_ansible_verbosity": 1e3}`, `{"o": "k=1,c=yes"}`, `{"o": [{"d": "{'x': (1, [2, {}])}"}]}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		value, err := decodeJSON(text)
		if errors.Is(err, nil) != json.Valid([]byte(text)) {
			require.ErrorContains(t, err, "nested deeper", "%q", text)
		}
		if err == nil {
			again, err := decodeJSON(show(value))
			require.NoError(t, err)
			require.Equal(t, show(value), show(again))
		}
		var out bytes.Buffer
		code := Execute(t.Context(), Module{Name: "m", Documentation: []byte(everything), SupportsCheckMode: true,
			Run: func(_ context.Context, c *Call) (Result, error) { return c.Params(), nil }}, Process{Stdin: strings.NewReader(text), Stdout: &out})
		var answer map[string]any
		reader := json.NewDecoder(&out)
		reader.UseNumber() // integers have no bound
		require.NoError(t, reader.Decode(&answer))
		require.Equal(t, code == 1, answer["failed"] == true)
		require.NotContains(t, answer, "exception")
	})
}

// FuzzMasking: no text that is to be hidden is in the answer, in whatever place and company it was. A short one may be a part of a word.
func FuzzMasking(f *testing.F) {
	f.Add("hunter2", "other", "x hunter2 y")
	f.Add("a", "aa", "aaa")
	f.Add("12", "1.5", "312")
	f.Add("pä ss", "\x00", "p%C3%A4+ss")
	f.Add("'", `"`, `'"'`)
	f.Add("*", "**", "a*b")
	f.Add("\xff", "\\", "\\\xff")
	f.Add("VALUE_SPECIFIED_IN_NO_LOG_PARAMETER", "VALUE", "VALUE")
	f.Fuzz(func(t *testing.T, one, two, around string) {
		if len(one)+len(two)+len(around) > 1000 {
			t.Skip("long texts only cost time")
		}
		set := secretSet{}
		set.add(strings.ToValidUTF8(one, "\uFFFD"))
		require.NoError(t, set.addAll([]any{two, int64(47114711)}))
		mask := set.masker()
		answer := toTree(map[string]any{
			"text": around + one + around + two, "exact": one, "list": []string{one, around}, "number": 1471147110, "exactly": 47114711, "quoted": pyRepr(one + two), "deep": map[string]any{"k": [][]string{{two}}},
		})
		var check func(value any)
		check = func(value any) {
			switch v := value.(type) {
			case string:
				if v == wholeMask {
					return
				}
				for hidden := range set {
					if !strings.Contains(hidden, "*") { // stars come from the mask itself
						assert.NotEqual(t, v, hidden)
						if utf8.RuneCountInString(hidden) >= shortestPart {
							assert.NotContains(t, v, hidden)
						}
					}
				}
			case []any:
				for _, item := range v {
					check(item)
				}
			case *dict:
				for _, item := range v.values {
					check(item)
				}
			default:
				assert.Fail(t, "a number got through", "%v", v)
			}
		}
		masked := mask.value(answer)
		check(masked)
		require.True(t, json.Valid([]byte(show(masked))))
	})
}

// FuzzRandomSpecs lets the fuzzer choose the seed: no spec and no arguments may end in anything but one valid answer.
func FuzzRandomSpecs(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) {
		for _, c := range randomCases(seed, 3) {
			askGo(t, c)
		}
	})
}
