// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func allTypes() []string {
	return strings.Fields("str int float bool list dict path raw json jsonarg bytes bits")
}

// values is what a playbook may hand to any option, as JSON.
func values() []string {
	texts := []string{
		"", " ", "a", "abc", "a,b", "a, b ,", ",", "yes", "No", " ON ", "tRuE", "f", "F", "y", "off", "0", "1", "2", "-1", "+1", "00", "007", "1.0", "1.5", "-0",
		" 12 ", "12\n", "1_000", "_1", "1_", "1__0", "1e3", "1E-1", "10e-1", "1.50e1", ".5", "5.", ".", "e5", "1e400", "-1e400", "1e-400", "0x10", "0b1", "1,5",
		"1e4400", "0e99999999999", "1e-99999", "12e-1", "120e-1", "+.5e1", "1e99999999999999999999", "-", "+", "1 2", "0_0", "1._5", "0x1p3", "1e5_0", "١e٢",
		"inf", "-Infinity", "+nan", "NaN", "nan", "١٢", "１２", "1٫5", "𝟙", "None", "null", "True", "False",
		"1K", "1k", "1 KB", "1Kb", "1kb", "1.5M", "10MB", "10Mb", "1megabyte", "1MegaBit", "2B", "2b", "2byte", "2bits", "2BB", "1Z", "1Y", "1Q", "1 M B", "0.5B", "2.5B", "1.5B", "1\u00a0M", "1G\n",
		"99999999999999999999", "9223372036854775807", "9223372036854775808", "123456789012345678901234567890M",
		"a=b", "a=1,b=2", "a=1 b=2", "a='x y',b=\"p,q\"", "a=b=c", "a=1, b", "a=", "=b", "a=\\,b", "a\\=b=c", "a='x", " a=b ", "a=1,a=2", "\u00a0a=b\u00a0", "a=ü",
		"{}", `{"a": 1}`, `{"a": 1.0, "b": [1, null, true]}`, `{"a": 1, "a": 2}`, "{'a': 1}", "{'a': (1,), 'b': [], 'c': ()}", "{'a': (1)}", "{'a': True, 'b': None}", "{1: 2}", "{'a': -1.5e3, 'b': 0x1F, 'c': 1_000, 'd': +-2}",
		"{'a': 'x' 'y'}", `{'a': "it's"}`, `{'a': '\x41\u00e9\n\101\q'}`, `{'a': r'\n'}`, "{'a': '''x\ny'''}", "{'a': 1,}", "{'a': 1 # c\n}", "{'a'}", "{'a': b}", "{'a': 010}", "{'a': 0_0}", "{'a': 1", " {'a': 1}", "{a: 1}", "{'a': 1} x", "{'a': foo()}", "{'a': 1 + 1}",
		"{'a': b'x'}", "{'a': {1, 2}}", "{'a': 1+2j}", `{"a": NaN}`, `{"a": 1e400}`, "{'a': 1e400}", "{'a': [1, 2], 'b': {'c': (1, 2)}}",
		"~", "~/x", "~root/x", "~nobodyknows/x", "$HOME/x", "${HOME}/x", "$NOPE/${NOPE}/x", "$HOMEx", "a$", "${", "${}", "$HOME$USER", "~$USER", "x~", "$LOOP",
		"[1, 2]", "line\nbreak", "tab\there", "quote'", `both'"`, "ünïcödé", "😀", "\u007f\u0085\u200b", "\x1c x \x1f", "user:pw@host", "https://u:p@h/x?y=z@w", "a@b:c@d", "://a:b@c",
	}
	texts = append(texts, literals()...)
	list := []string{
		"null", "true", "false", "0", "1", "-1", "2", "1.0", "0.0", "-0.0", "1.5", "1e3", "1e16", "1e22", "1e-5", "1.0e-7", "123456789.125", "12345678901234567", "9223372036854775808", "-9223372036854775809", "1e400", "-0",
		"[]", "{}", `["a", "b"]`, `[1, 2.5, true, null, "x", "ü'"]`, `[["a"], {"b": 1}]`, `{"a": 1}`, `{"b": [1, {"c": null}], "a": "x\ty"}`, `{"a": 1.0, "b": 1e20, "c": "\u007f\u00a0\u00ad\ud83d\ude00"}`, `[[]]`, `[1, 2, 3]`, `[0, [1, 2], "x"]`, `[null]`, `[{}]`, `[true, "no", 1, "maybe"]`, `["1", 2, "x", 3.0]`,
	}
	for _, text := range texts {
		var b jsonBuffer
		writeJSONString(&b, text)
		list = append(list, b.String())
	}
	return list
}

func mustJSON(text string) *dict {
	value, err := decodeJSON(text)
	if err != nil {
		panic(err)
	}
	return value.(*dict)
}

// matrixCases gives every value to every type: alone, required, as a list's item, and in suboptions.
func matrixCases() []differentialCase {
	env := map[string]string{"HOME": "/home/tester/", "USER": "root", "LOOP": "$HOME ${LOOP}"}
	var cases []differentialCase
	for _, typ := range allTypes() {
		for i, value := range values() {
			shapes := map[string]string{
				"alone":    fmt.Sprintf(`{"options": {"v": {"type": %q}}}`, typ),
				"required": fmt.Sprintf(`{"options": {"v": {"type": %q, "required": true}}}`, typ),
			}
			args := fmt.Sprintf(`{"v": %s}`, value)
			if i%3 == 0 {
				shapes["inside"] = fmt.Sprintf(`{"options": {"o": {"type": "list", "elements": "dict", "options": {"v": {"type": %q, "no_log": true}}}}}`, typ)
			}
			if i%3 == 1 {
				shapes["items"] = fmt.Sprintf(`{"options": {"v": {"type": "list", "elements": %q}}}`, typ)
			}
			for _, shape := range []string{"alone", "required", "inside", "items"} {
				spec, ok := shapes[shape]
				if !ok {
					continue
				}
				given := args
				if shape == "inside" {
					given = fmt.Sprintf(`{"o": [%s]}`, args)
				}
				cases = append(cases, differentialCase{
					name: fmt.Sprintf("%s %s %s", typ, shape, value), spec: mustJSON(spec), args: given, env: env,
					result: mustJSON(`{"text": "abc 12 true 1000"}`),
				})
			}
		}
	}
	return cases
}

// randomCases makes specs with rules, suboptions, aliases and secrets, and arguments that more or less fit them.
func randomCases(seed uint64, count int) []differentialCase {
	// What differs on purpose is in the matrix; here it would only hide other differences.
	meant := regexp.MustCompile(`NaN|b'x|\{1, 2\}|2j|\{1: 2\}|\\\\N|\.\.\.|set\(|None: 1`)
	g := &generator{r: rand.New(rand.NewPCG(seed, 7)), values: slices.DeleteFunc(values(), meant.MatchString)}
	cases := make([]differentialCase, count)
	for i := range cases {
		g.env = map[string]string{"HOME": "/home/tester", "USER": "tester"}
		g.given = nil
		spec := g.spec(0)
		spec.set("supports_check_mode", g.one(2))
		args := g.args(spec, true)
		cases[i] = differentialCase{name: fmt.Sprintf("random[%d]", i), spec: spec, args: show(args), env: g.env, result: g.result()}
	}
	return cases
}

type generator struct {
	r      *rand.Rand
	values []string
	env    map[string]string
	given  []string // texts that arguments hold, to be hidden or not
}

// one is true once in n times.
func (g *generator) one(n int) bool { return g.r.IntN(n) == 0 }

func pick[T any](g *generator, list []T) T { return list[g.r.IntN(len(list))] }

func (g *generator) value() any {
	value, err := decodeJSON(pick(g, g.values))
	if err != nil {
		panic(err)
	}
	return value
}

// fitting is a value that the type takes, most of the time.
func (g *generator) fitting(typ string) any {
	if g.one(6) {
		return g.value()
	}
	switch typ {
	case "int":
		return pick(g, []any{int64(3), "42", int64(12345), true})
	case "float":
		return pick(g, []any{1.5, "2.5", int64(4)})
	case "bool":
		return pick(g, []any{true, false, "yes", "off"})
	case "list":
		return pick(g, []any{[]any{"abc", "b"}, "abc,b", []any{}, int64(1)})
	case "dict":
		return pick(g, []any{mustJSON(`{"a": "abc"}`), mustJSON(`{"b": 1, "a": 2}`), "a=abc,b=2", "{'a': 'abc'}", mustJSON(`{}`)})
	case "bytes":
		return pick(g, []any{"1K", int64(5)})
	case "bits":
		return pick(g, []any{"1Kb", int64(5)})
	case "json", "jsonarg":
		return pick(g, []any{" {} ", mustJSON(`{"a": [1.0, "ü"]}`)})
	default:
		return pick(g, []any{"present", "absent", "hunter2", "abc", "a", "True", "xabcx", int64(12)})
	}
}

var optionNames = strings.Fields("state name z_last a password update_password token pass_phrase path url tags b")

func (g *generator) spec(depth int) *dict {
	names := slices.Clone(optionNames)
	g.r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	names = names[:1+g.r.IntN(6)]
	spec, options := newDict(), newDict()
	for _, name := range names {
		options.set(name, g.option(name, depth))
	}
	spec.set("options", options)
	group := func() []any {
		list := []any{pick(g, names)}
		if other := pick(g, names); other != list[0] {
			list = append(list, other)
		}
		return list
	}
	for _, rule := range []string{"mutually_exclusive", "required_together", "required_one_of"} {
		if g.one(6) {
			spec.set(rule, []any{group(), group()})
		}
	}
	if g.one(6) {
		name := pick(g, names)
		typ, _ := options.values[name].(*dict).get("type")
		rule := []any{name, g.fitting(toStr(typ)), group()}
		if g.one(2) {
			rule = append(rule, true)
		}
		if _, ok := rule[1].(*dict); !ok {
			spec.set("required_if", []any{rule})
		}
	}
	if g.one(6) {
		by := newDict()
		by.set(pick(g, names), group())
		spec.set("required_by", by)
	}
	return spec
}

func (g *generator) option(name string, depth int) *dict {
	o := newDict()
	typ := "str"
	if !g.one(4) {
		typ = pick(g, allTypes())
	}
	if depth < 2 && g.one(5) {
		typ = pick(g, []string{"dict", "list"})
		sub := g.spec(depth + 1)
		for _, key := range sub.keys {
			o.set(key, sub.values[key])
		}
		if typ == "list" && !g.one(8) {
			o.set("elements", "dict")
		}
		if typ == "dict" && g.one(3) {
			o.set("apply_defaults", true)
		}
	} else if typ == "list" && !g.one(3) {
		o.set("elements", pick(g, allTypes()))
	}
	if typ != "str" || g.one(2) {
		o.set("type", typ)
	}
	switch {
	case g.one(5):
		o.set("required", true)
	case g.one(4):
		if value := g.fitting(typ); value != nil {
			o.set("default", value)
		}
	}
	if g.one(4) {
		o.set("no_log", !g.one(4))
	}
	if g.one(6) && typ != "dict" {
		o.set("choices", pick(g, [][]any{{"present", "absent"}, {"yes", "no"}, {"abc", "b", "a"}, {int64(1), int64(3), 2.5}, {true, "auto"}, {"no", "off", "x"}, {}}))
	}
	if g.one(4) {
		o.set("aliases", []any{name + "_alias", name + "_pass"})
		if g.one(2) {
			o.set("deprecated_aliases", []any{mustJSON(`{"name": "` + name + `_alias", "version": "2.0.0", "collection_name": "a.b"}`)})
		}
	}
	if g.one(10) {
		o.set("removed_in_version", "3.0.0")
		if g.one(2) {
			o.set("removed_at_date", "2030-01-01")
		}
		if g.one(2) {
			o.set("removed_from_collection", "a.b")
		}
	}
	if g.one(8) {
		variable := "T_" + strings.ToUpper(name)
		o.set("env", []any{"T_NOBODY", variable})
		if g.one(2) {
			g.env[variable] = toStr(g.fitting(typ))
		}
	}
	return o
}

func (g *generator) args(spec *dict, top bool) *dict {
	args := newDict()
	options := spec.values["options"].(*dict)
	names := slices.Clone(options.keys)
	g.r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, name := range names {
		option := options.values[name].(*dict)
		if g.one(4) && !option.has("required") || g.one(20) {
			continue
		}
		value := g.argument(option)
		if option.has("aliases") && g.one(3) {
			args.set(name+pick(g, []string{"_alias", "_pass"}), value)
			if !g.one(4) {
				continue
			}
		}
		args.set(name, value)
		g.given = append(g.given, toStr(value))
	}
	if g.one(15) {
		args.set("stranger"+strconv.Itoa(g.r.IntN(3)), "x")
	}
	if top {
		if g.one(4) {
			args.set("_ansible_check_mode", pick(g, []any{true, "yes", false}))
		}
		if g.one(6) {
			args.set("_ansible_no_log", true)
		}
		if g.one(10) {
			args.set("_ansible_ignore_unknown_opts", true)
		}
		if g.one(3) {
			args.set("_ansible_module_name", pick(g, []any{"a.b.c", "mod"}))
		}
		if g.one(10) {
			args.set("_ansible_target_log_info", "who=me")
		}
	}
	return args
}

func (g *generator) argument(option *dict) any {
	typ := toStr(option.values["type"])
	if !option.has("options") || g.one(10) {
		if elements, ok := option.get("elements"); ok && !g.one(5) {
			return []any{g.fitting(toStr(elements)), g.fitting(toStr(elements))}
		}
		return g.fitting(typ)
	}
	if typ == "dict" {
		return g.args(option, false)
	}
	list := []any{}
	for range g.r.IntN(3) {
		list = append(list, g.args(option, false))
	}
	return list
}

// result is an answer that holds given texts in all sorts of places.
func (g *generator) result() *dict {
	result := newDict()
	for _, text := range g.given {
		switch g.r.IntN(5) {
		case 0:
			result.set("plain", text)
		case 1:
			result.set("within", "x"+text+"y"+text)
		case 2:
			result.set("deep", []any{mustJSON(`{"k": 1}`), []any{text, int64(123), 1.25, nil, true}})
		}
	}
	if g.one(3) {
		result.set("number", pick(g, []any{int64(12), int64(3421), 42.5, int64(7)}))
	}
	return result
}
