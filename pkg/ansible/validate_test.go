// SPDX-License-Identifier: GPL-3.0-or-later

package ansible_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// TestFindings_NameTheElement: of 400 dictionaries in a list the message says which one is wrong, by its position and its name.
func TestFindings_NameTheElement(t *testing.T) {
	m := ansible.Module{Name: "probe", Documentation: []byte(`
DOCUMENTATION:
  options:
    tests:
      type: list
      elements: dict
      options:
        name: {}
        kind: {choices: [HTTP, TCP]}
        port: {type: int}
        codes: {type: list, elements: int}
        checks: {type: list, elements: dict, options: {name: {required: true}, when: {type: dict, options: {hour: {type: int}}}}}
`), Run: func(context.Context, *ansible.Call) (ansible.Result, error) { return nil, nil }}
	many := strings.Repeat(`{"name": "x"}, `, 398)
	typos := strings.Repeat(`{"prot": 1}, `, 12)
	for element, want := range map[string]string{
		`{"name": "shop", "kind": "FTP"}`:          "value of kind must be one of: HTTP, TCP, got: FTP found in tests[398] (shop)",
		`{"kind": "FTP"}`:                          "value of kind must be one of: HTTP, TCP, got: FTP found in tests[398]",
		`{"name": "shop", "port": "x"}`:            `argument 'port' is of type str found in 'tests[398] (shop)'. and we were unable to convert to int: "'x'" cannot be converted to an int`,
		`{"name": "shop", "codes": [1, "x"]}`:      `Elements value for option 'codes[1]' found in 'tests[398] (shop)' is of type str and we were unable to convert to int: "'x'" cannot be converted to an int`,
		`"shop"`:                                   "dictionary requested, could not parse JSON or key=value found in tests[398]",
		`{"name": "shop", "checks": [{}]}`:         "missing required arguments: name found in tests[398] (shop) -> checks[0]",
		`{"name": "shop", "nmae": "y", "prot": 1}`: "Unsupported parameters for (probe) module: tests.nmae, tests.prot. Supported parameters include: checks, codes, kind, name, port. Found tests.nmae in tests[398] (shop); tests.prot in tests[398] (shop).",
		`{"name": "shop", "checks": [{"name": "c", "when": {"min": 1}}]}`: "Unsupported parameters for (probe) module: tests.checks.when.min. Supported parameters include: hour. Found tests.checks.when.min in tests[398] (shop) -> checks[0] (c) -> when.",
	} {
		code, answer := execute(t, m, `{"tests": [`+many+element+`]}`)
		assert.Equal(t, 1, code)
		assert.Equal(t, want, answer["msg"])
	}
	_, answer := execute(t, m, `{"tests": [`+typos+`{"name": "x"}]}`)
	var in []string
	for i := range 10 {
		in = append(in, fmt.Sprintf("tests[%d]", i))
	}
	assert.Equal(t, "Unsupported parameters for (probe) module: tests.prot. Supported parameters include: checks, codes, kind, name, port. Found tests.prot in "+
		strings.Join(in, ", ")+" and 2 more.", answer["msg"])
}

// bodied are options of which one is the body of a request.
type bodied struct {
	Body  *secret.Value `mapstructure:"body"`
	Find  *string       `mapstructure:"find"`
	Ratio *float64      `mapstructure:"ratio"`
	Words []string      `mapstructure:"words"`
	Tests []struct {
		Body *secret.Value `mapstructure:"body"`
		Find *string       `mapstructure:"find"`
	} `mapstructure:"tests"`
}

func bodyModule(got *bodied) ansible.Module {
	body := map[string]ansible.OptionRules{"body": {Body: true}}
	return ansible.Module{
		Name: "probe", Params: bodied{}, Documentation: []byte(`
DOCUMENTATION:
  options:
    body: {aliases: [raw]}
    find: {}
    ratio: {type: float}
    words: {type: list, elements: str}
    tests: {type: list, elements: dict, options: {body: {aliases: [raw]}, find: {}}}
`),
		Rules: ansible.Rules{Options: map[string]ansible.OptionRules{"body": body["body"], "tests": {Rules: ansible.Rules{Options: body}}}},
		Run:   func(_ context.Context, c *ansible.Call) (ansible.Result, error) { return nil, c.Decode(got) },
	}
}

func TestBody_IsJSON(t *testing.T) {
	for given, want := range map[string]string{
		`{"field1": "result1", "n": [1, true, null]}`: `{"field1": "result1", "n": [1, true, null]}`,
		`["a"]`:                  `["a"]`,
		`true`:                   "true",
		`5`:                      "5",
		`"{\"a\":1}"`:            `{"a":1}`,
		`"{'a': 'b'} and so on"`: "{'a': 'b'} and so on",
		`"{{ left as it is }}"`:  "{{ left as it is }}",
		`"a=1&b=['x']"`:          "a=1&b=['x']",
		`""`:                     "",
	} {
		for _, option := range []string{"body", "raw"} {
			var got bodied
			code, answer := execute(t, bodyModule(&got), `{"`+option+`": `+given+`, "tests": [{"`+option+`": `+given+`}]}`)
			require.Zero(t, code, "%s: %v", given, answer)
			assert.Equal(t, want, got.Body.Reveal())
			assert.Equal(t, want, got.Tests[0].Body.Reveal())
		}
	}
}

// TestMisfits_AreRefused: what Ansible takes for texts and numbers although nobody means that.
func TestMisfits_AreRefused(t *testing.T) {
	const python = "value of body must be a text, or a dictionary or list that is sent as JSON, got the text that Python shows of one; write {{ … | to_json }}"
	for given, want := range map[string]string{
		`"body": "{'s3cret': 'x'}"`:    python,
		`"body": "['s3cret']"`:         python,
		`"find": {"a": 1}`:             "value of find must be a text, got a dict; where a template gives a text that looks like one, write {{ … | string }}",
		`"words": ["a", ["b"]]`:        "value of words[1] must be a text, got a list; where a template gives a text that looks like one, write {{ … | string }}",
		`"find": Infinity`:             "value of find must not be infinite or no number, got: inf",
		`"ratio": -Infinity`:           "value of ratio must not be infinite or no number, got: -inf",
		`"words": ["NaN \" NaN", NaN]`: "value of words[1] must not be infinite or no number, got: nan",
		`"body": {"a": 1e400}`:         "value of body.a must not be infinite or no number, got: inf",
		`"find": NaN, "tests": [{"find": "a"}, {"raw": "{'s3cret': 1}", "find": Infinity}]`: "value of find must not be infinite or no number, got: nan; " +
			"tests[1]: value of find must not be infinite or no number, got: inf; tests[1]: " + python,
	} {
		var got bodied
		code, answer := execute(t, bodyModule(&got), "{"+given+"}")
		assert.Equal(t, 1, code)
		assert.Equal(t, want, answer["msg"])
	}
}

func TestWarn_IsBounded(t *testing.T) {
	m := module(`{}`, func(_ context.Context, c *ansible.Call) (ansible.Result, error) {
		c.Warn("%s", strings.Repeat("ü", 20000))
		return ansible.Result{}, nil
	})
	_, answer := execute(t, m, `{}`)
	assert.Equal(t, []any{strings.Repeat("ü", 1000) + "… (38000 more bytes)"}, answer["warnings"])
}

// TestAlias_BesideTheEnvironmentGivesNoWarning: the task has set one name only.
func TestAlias_BesideTheEnvironmentGivesNoWarning(t *testing.T) {
	m := module(`{token: {aliases: [key]}}`, func(_ context.Context, c *ansible.Call) (ansible.Result, error) {
		return ansible.Result{"token": c.Params()["token"]}, nil
	})
	m.Rules.Options = map[string]ansible.OptionRules{"token": {Env: []string{"TOKEN"}}}
	environment := func(string) (string, bool) { return "of the environment", true }
	_, answer := executeOn(t, m, ansible.Process{Stdin: strings.NewReader(`{"key": "mine"}`), LookupEnv: environment})
	assert.Equal(t, "mine", answer["token"])
	assert.NotContains(t, answer, "warnings")
	_, answer = executeOn(t, m, ansible.Process{Stdin: strings.NewReader(`{"key": "mine", "token": "other"}`), LookupEnv: environment})
	assert.Equal(t, []any{"Both option token and its alias key are set."}, answer["warnings"])
}
