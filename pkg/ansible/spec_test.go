// SPDX-License-Identifier: GPL-3.0-or-later

package ansible_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible/ansibletest/argspec"
	"github.com/stackwatch/ansible-monitoring/pkg/pattern"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

const documentation = `
DOCUMENTATION:
  module: probe
  options:
    api_key: {type: str, required: true, aliases: [token, key]}
    state: {choices: [present, absent], default: present}
    timeout: {type: float, default: 30}
    verify: {type: bool, default: yes}
    size: {type: bytes, default: 1K}
    home: {type: path, default: ~/x}
    codes: {type: list, elements: int, choices: [200, 404], default: [200]}
    headers: {type: dict}
    anything: {type: raw}
    free: {type: dict}
    tests:
      type: list
      elements: dict
      options:
        name: {required: true}
        password: {type: str}
        retries: {type: int}
        nested: {type: dict, options: {deep: {type: bool}}}
EXAMPLES: ""
RETURN: {}
`

type shared struct {
	Key     secret.Value `mapstructure:"api_key"`
	Timeout float64      `mapstructure:"timeout"`
	Verify  bool         `mapstructure:"verify"`
}

type nested struct {
	Deep *bool `mapstructure:"deep"`
}

type testOptions struct {
	Name     string        `mapstructure:"name"`
	Password *secret.Value `mapstructure:"password"`
	Retries  *int          `mapstructure:"retries"`
	Nested   *nested       `mapstructure:"nested"`
}

type probeOptions struct {
	shared   `mapstructure:",squash"`
	State    string                  `mapstructure:"state"`
	Size     int64                   `mapstructure:"size"`
	Home     string                  `mapstructure:"home"`
	Codes    []int                   `mapstructure:"codes"`
	Headers  map[string]secret.Value `mapstructure:"headers"`
	Anything any                     `mapstructure:"anything"`
	Free     map[string]any          `mapstructure:"free"`
	Tests    []testOptions           `mapstructure:"tests"`
	Ignored  int                     `mapstructure:"-"`
}

func probe(run func(context.Context, *ansible.Call) (ansible.Result, error)) ansible.Module {
	return ansible.Module{Name: "probe", Documentation: []byte(documentation), Params: probeOptions{}, Run: run}
}

func TestDecode(t *testing.T) {
	var got probeOptions
	given := map[string]bool{}
	m := probe(func(_ context.Context, c *ansible.Call) (ansible.Result, error) {
		for _, name := range []string{"api_key", "home", "timeout", "headers", "tests", "nothing"} {
			given[name] = c.Given(name)
		}
		return ansible.Result{"params": c.Params()}, c.Decode(&got)
	})
	m.Rules.Options = map[string]ansible.OptionRules{"timeout": {Env: []string{"PROBE_TIMEOUT"}}}
	code, answer := executeOn(t, m, ansible.Process{
		Stdin: strings.NewReader(`{"token": "k3y", "headers": {"X": "h1dden-text"}, "codes": "200,404", "tests": [{"name": 5, "password": "pw1", "retries": true}, {"name": "b", "nested": {"deep": "yes"}}],
			"home": null, "anything": {"a": [1, 1.5, null]}, "unknown": 1, "_ansible_ignore_unknown_opts": true}`),
		LookupEnv: func(name string) (string, bool) { return "2.5", name == "PROBE_TIMEOUT" },
	})
	require.Zero(t, code, "%v", answer)
	one, yes, password := 1, true, secret.New("pw1")
	assert.Equal(t, probeOptions{
		shared: shared{Key: secret.New("k3y"), Timeout: 2.5, Verify: true}, State: "present", Size: 1024, Codes: []int{200, 404},
		Headers: map[string]secret.Value{"X": secret.New("h1dden-text")}, Anything: map[string]any{"a": []any{int64(1), 1.5, nil}},
		Tests: []testOptions{{Name: "5", Password: &password, Retries: &one}, {Name: "b", Nested: &nested{Deep: &yes}}},
	}, got)
	assert.Equal(t, map[string]bool{"api_key": true, "home": false, "timeout": true, "headers": true, "tests": true, "nothing": false}, given)
	params, _ := answer["params"].(map[string]any)
	assert.NotContains(t, params, "token", "aliases are not options")
	assert.NotContains(t, params, "unknown")
	assert.Equal(t, map[string]any{"X": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"}, params["headers"])
}

func TestDecodeIntoWhatDoesNotFit(t *testing.T) {
	for name, target := range map[string]any{
		"option without field": &struct{ State string }{},
		"other type": &struct {
			State int
			Key   string `mapstructure:"api_key"`
		}{},
		"no pointer": probeOptions{},
	} {
		m := probe(func(_ context.Context, c *ansible.Call) (ansible.Result, error) { return nil, c.Decode(target) })
		_, answer := execute(t, m, `{"api_key": "x"}`)
		assert.Contains(t, answer["msg"], "the module's options do not fit", name)
	}
}

func TestANumberThatNoFieldHoldsIsRefused(t *testing.T) {
	const bounds = "must be a whole number between -9223372036854775808 and 9223372036854775807, got: "
	for arguments, msg := range map[string]string{
		`"tests": [{"name": "a"}, {"name": "b", "retries": 99999999999999999999}]`: "tests[1] (b): value of retries " + bounds + "99999999999999999999",
		`"tests": [{"name": "a", "retries": "-9223372036854775809"}]`:              "tests[0] (a): value of retries " + bounds + "-9223372036854775809",
		`"size": "100Y"`:                        "value of size " + bounds + "120892581961462917470617600",
		`"free": {"a": 1, "b": [{"c": 1e400}]}`: "value of free.b[0].c must not be infinite or no number, got: inf",
		`"free": "{'a': (1, -1e400)}"`:          "value of free.a[1] must not be infinite or no number, got: -inf",
	} {
		var got probeOptions
		m := probe(func(_ context.Context, c *ansible.Call) (ansible.Result, error) { return nil, c.Decode(&got) })
		code, answer := execute(t, m, `{"api_key": "x", `+arguments+`}`)
		assert.Equal(t, 1, code)
		assert.Equal(t, msg, answer["msg"], arguments)
	}
}

func TestSpecOfGoodModules(t *testing.T) {
	m := probe(nil)
	require.NoError(t, ansible.CheckSpec(m))
	require.NoError(t, ansible.CheckSpec(argspec.Behave(nil)))

	spec, err := ansible.ParseSpec(m.Documentation, m.Params, m.Rules)
	require.NoError(t, err)
	key, ok := spec.Option("api_key")
	require.True(t, ok)
	assert.Equal(t, ansible.Hidden, key.Logging)
	assert.Equal(t, []string{"token", "key"}, key.Aliases)
	tests, _ := spec.Option("tests")
	password, _ := tests.Sub.Option("password")
	assert.Equal(t, ansible.Hidden, password.Logging)
	state, _ := spec.Option("state")
	assert.Equal(t, ansible.Unknown, state.Logging)
	assert.Equal(t, []any{"present", "absent"}, state.Choices)
	codes, _ := spec.Option("codes")
	assert.Equal(t, []any{int64(200)}, codes.Default)
	_, ok = spec.Option("nothing")
	assert.False(t, ok)
}

func TestDocumentationAsText(t *testing.T) {
	text := "DOCUMENTATION: |\n  module: x\n  options:\n    zebra: {type: int}\n    ant: {choices: {b: second, a: first}}\n"
	spec, err := ansible.ParseSpec([]byte(text), nil, ansible.Rules{})
	require.NoError(t, err)
	require.Len(t, spec.Options, 2)
	assert.Equal(t, "zebra", spec.Options[0].Name, "the order is that of the file")
	assert.Equal(t, []any{"b", "a"}, spec.Options[1].Choices)
}

func TestYAMLIsReadAsAnsibleReadsIt(t *testing.T) {
	text := `
DOCUMENTATION:
  options:
    a: {type: raw, choices: [yes, 'yes', Off, ~, 010, 0x1F, 1.5, .inf, 2024-01-01, +3, -12345678901234567890, y]}
    b: &b {type: list, elements: int}
    c: {<<: *b, elements: str}
    d: *b
    1: {type: raw}
`
	spec, err := ansible.ParseSpec([]byte(text), nil, ansible.Rules{})
	require.NoError(t, err)
	choices := spec.Options[0].Choices
	assert.Equal(t, []any{true, "yes", false, nil, int64(8), int64(31), 1.5}, choices[:7])
	assert.Equal(t, []any{"2024-01-01", int64(3)}, choices[8:10])
	assert.Equal(t, "y", choices[11])
	assert.Equal(t, "str", spec.Options[2].Elements)
	assert.Equal(t, "list", spec.Options[2].Type)
	assert.Equal(t, "int", spec.Options[3].Elements)
	assert.Equal(t, "1", spec.Options[4].Name)
}

func TestSpecsThatAnsibleWouldNotTake(t *testing.T) {
	options := func(text string) string {
		return "DOCUMENTATION:\n  options:\n    " + strings.ReplaceAll(text, "\n", "\n    ")
	}
	for _, c := range []struct {
		documentation, want string
		rules               ansible.Rules
	}{
		{"", "the file is empty", ansible.Rules{}},
		{"[", "yaml: ", ansible.Rules{}},
		{"- a", "a mapping is wanted, not list", ansible.Rules{}},
		{"EXAMPLES: x", "no DOCUMENTATION", ansible.Rules{}},
		{"DOCUMENTATION: []", "DOCUMENTATION must be a mapping, not list", ansible.Rules{}},
		{"DOCUMENTATION: '['", "DOCUMENTATION: yaml: ", ansible.Rules{}},
		{"DOCUMENTATION: {options: []}", "options must be a mapping, not list", ansible.Rules{}},
		{"DOCUMENTATION: {? [a] : b}", "a key must be a text", ansible.Rules{}},
		{"DOCUMENTATION: {<<: x}", "only a mapping can be merged", ansible.Rules{}},
		{"DOCUMENTATION: {a: [{b: {? [a] : b}}]}", "a key must be a text", ansible.Rules{}},
		{"DOCUMENTATION: " + strings.Repeat("[", 1000) + strings.Repeat("]", 1000), "nested deeper than", ansible.Rules{}},
		{options("a: x"), "option a: a mapping is wanted, not str", ansible.Rules{}},
		{options("a: {type: text}"), `option a: unknown type "text"`, ansible.Rules{}},
		{options("a: {type: [str]}"), "option a: type must be a text, not list", ansible.Rules{}},
		{options("a: {type: list, elements: x}"), `unknown type of elements "x"`, ansible.Rules{}},
		{options("a: {elements: int}"), "elements go with type list only, not str", ansible.Rules{}},
		{options("a: {required: true, default: 1}"), "cannot be required and have a default", ansible.Rules{}},
		{options("a: {required: maybe}"), "required must be a boolean, not str", ansible.Rules{}},
		{options("a: {aliases: b}"), "aliases must be a list, not str", ansible.Rules{}},
		{options("a: {aliases: [yes]}"), "aliases must hold texts, not bool", ansible.Rules{}},
		{options("a: {choices: 5}"), "choices must be a list or a mapping, not int", ansible.Rules{}},
		{options("a: {aliases: [b]}\nb: {}"), "option a: the alias b is taken", ansible.Rules{}},
		{options("a: {type: dict, options: [b]}"), "option a: suboptions: a mapping is wanted, not list", ansible.Rules{}},
		{options("a: {type: dict, options: {b: {type: x}}}"), `option a.b: unknown type "x"`, ansible.Rules{}},
		{options("a: {}"), "a rule names b, which is no option", ansible.Rules{MutuallyExclusive: [][]string{{"a", "b"}}}},
		{options("a: {}"), "a rule names c, which is no option", ansible.Rules{RequiredBy: map[string][]string{"a": {"c"}}}},
		{options("a: {}"), "a rule names d, which is no option", ansible.Rules{RequiredIf: []ansible.RequiredIf{{Option: "a", Requires: []string{"d"}}}}},
		{options("a: {}"), "a rule names e, which is no option", ansible.Rules{Options: map[string]ansible.OptionRules{"e": {}}}},
		{options("a: {}"), "both secret and not", ansible.Rules{Options: map[string]ansible.OptionRules{"a": {Secret: true, NotSecret: true}}}},
		{options("a: {type: dict}"), "only short parts of type json can be left unhidden, not of dict",
			ansible.Rules{Options: map[string]ansible.OptionRules{"a": {Secret: true, HideFrom: 4}}}},
		{options("a: {type: list}"), "only type dict has keys below which something can be hidden, not list",
			ansible.Rules{Options: map[string]ansible.OptionRules{"a": {HideBelow: pattern.New("x")}}}},
		{options("a: {}"), "the deprecated alias x is not among the documented aliases",
			ansible.Rules{Options: map[string]ansible.OptionRules{"a": {DeprecatedAliases: []ansible.DeprecatedAlias{{Name: "x"}}}}}},
		{options("a: {}"), "the alias x, for which there is advice, is not among the documented aliases",
			ansible.Rules{Options: map[string]ansible.OptionRules{"a": {AliasAdvice: map[string]string{"x": "write y"}}}}},
	} {
		_, err := ansible.ParseSpec([]byte(c.documentation), nil, c.rules)
		require.Error(t, err, c.documentation)
		assert.Contains(t, err.Error(), c.want)
	}
}

func TestCheckSpecFindsWhatDoesNotFit(t *testing.T) {
	type loop struct {
		Next *loop `mapstructure:"next"`
	}
	for name, c := range map[string]struct {
		options string
		params  any
		rules   ansible.Rules
		want    []string
	}{
		"no struct":        {options: `{}`, params: 5, want: []string{"Params must be the zero value of a struct, not int"}},
		"nothing":          {options: `{}`, want: []string{"Params must be the zero value of a struct, not <nil>"}},
		"both ways":        {options: `{a: {}, b: {}}`, params: struct{ A, C string }{}, want: []string{"option b: no field takes it", "field C: no option fills it"}},
		"int for text":     {options: `{a: {}}`, params: struct{ A int }{}, want: []string{"option a: documented as str, but the field A is int"}},
		"text for int":     {options: `{a: {type: int}}`, params: struct{ A string }{}, want: []string{"documented as int, but the field A is string"}},
		"small int":        {options: `{a: {type: int}}`, params: struct{ A *int32 }{}, want: []string{"the field A is *int32"}},
		"float":            {options: `{a: {type: float}}`, params: struct{ A int }{}, want: []string{"documented as float"}},
		"bool":             {options: `{a: {type: bool}}`, params: struct{ A string }{}, want: []string{"documented as bool"}},
		"raw":              {options: `{a: {type: raw}}`, params: struct{ A string }{}, want: []string{"documented as raw"}},
		"method set":       {options: `{a: {}}`, params: struct{ A error }{}, want: []string{"the field A is error"}},
		"elements":         {options: `{a: {type: list, elements: int}}`, params: struct{ A []string }{}, want: []string{"documented as list of int, but the field A is []string"}},
		"no list":          {options: `{a: {type: list, elements: str}}`, params: struct{ A string }{}, want: []string{"documented as list of str"}},
		"untyped list":     {options: `{a: {type: list}}`, params: struct{ A []string }{}, want: []string{"documented as list, but"}},
		"struct, no sub":   {options: `{a: {type: dict}}`, params: struct{ A struct{ B string } }{}, want: []string{"documented as dict"}},
		"map for sub":      {options: `{a: {type: dict, options: {b: {}}}}`, params: struct{ A map[string]string }{}, want: []string{"documented as dict"}},
		"sub both ways":    {options: `{a: {type: list, elements: dict, options: {b: {}}}}`, params: struct{ A []struct{ C string } }{}, want: []string{"option a.b: no field takes it", "field a.C: no option fills it"}},
		"sub of a str":     {options: `{a: {options: {b: {}}}}`, params: struct{ A string }{}, want: []string{"suboptions need type dict, or list with elements dict"}},
		"choice":           {options: `{a: {choices: [yes, no]}}`, params: struct{ A string }{}, want: []string{"the choice True is no str (quote it?)"}},
		"default's type":   {options: `{a: {type: int, default: '5'}}`, params: struct{ A int }{}, want: []string{"the default '5' is no int"}},
		"impossible":       {options: `{a: {type: int, default: x}}`, params: struct{ A int }{}, want: []string{"the default 'x' is no int"}},
		"default's choice": {options: `{a: {choices: [x], default: y}}`, params: struct{ A string }{}, want: []string{"the default 'y' is not among the choices"}},
		"password": {options: `{password: {}}`, params: struct{ Password string }{},
			want: []string{"the name looks like a password: make its field a secret.Value, or say NotSecret in the rules"}},
		"secret default": {options: `{a: {default: x}}`, params: struct{ A secret.Value }{}, want: []string{"a secret cannot have a default"}},
		"impossible rule": {options: `{a: {choices: [x]}}`, params: struct{ A string }{},
			rules: ansible.Rules{RequiredIf: []ansible.RequiredIf{{Option: "a", Value: "y"}}}, want: []string{"required if a is y: not among its choices"}},
		"rule by alias": {options: `{a: {aliases: [b]}}`, params: struct{ A string }{},
			rules: ansible.Rules{RequiredIf: []ansible.RequiredIf{{Option: "b", Value: "y"}}}, want: []string{"required if b: the name must be the option's own"}},
		"holds itself": {options: `{next: {type: dict, options: {next: {type: dict}}}}`, params: loop{}, want: []string{"option next.next: no field takes it"}},
		"malformed":    {options: `[]`, params: struct{}{}, want: []string{"options must be a mapping"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := ansible.CheckSpec(ansible.Module{Name: "m", Documentation: []byte("DOCUMENTATION:\n  module: m\n  options: " + c.options), Params: c.params, Rules: c.rules})
			require.Error(t, err)
			for _, want := range c.want {
				assert.Contains(t, err.Error(), want)
			}
		})
	}
	err := ansible.CheckSpec(ansible.Module{Name: "n", Documentation: []byte("DOCUMENTATION: {module: m}"), Params: struct{}{}})
	require.EqualError(t, err, `the documentation is of module "m", not "n"`)
}

func TestCheckSpecTakesWhatFits(t *testing.T) {
	options := `{t: {}, s: {}, a: {type: list}, b: {type: dict}, r: {}, m: {type: raw, choices: [1, x], default: 1}, p: {type: path, default: $HOME}}`
	params := struct {
		T *time.Time
		S secret.Value
		A []any
		B map[string]any
		R any
		M any
		P string
	}{}
	require.NoError(t, ansible.CheckSpec(ansible.Module{Name: "m", Documentation: []byte("DOCUMENTATION:\n  module: m\n  options: " + options), Params: params}))
}
