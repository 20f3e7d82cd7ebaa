// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible/ansibletest"
)

// differentialCase is one call, put to Python's AnsibleModule and to this package.
type differentialCase struct {
	name   string
	spec   *dict  // as Python wants it, but env for fallbacks; beside "options" the rules and supports_check_mode
	args   string // JSON
	env    map[string]string
	result *dict // what the module answers
	hide   []string
}

// pythonAnswer is what the real AnsibleModule answers, and what it would if it hid as much as this package does.
type pythonAnswer struct {
	plain, hardened *dict
	secrets         []any // that the hardened one found
}

// knownDifference is a class of differences that are meant, with the reason. A difference that fits none fails the test.
type knownDifference struct {
	name, reason string
	explains     func(c differentialCase, python, hardened, golang *dict) bool
}

func knownDifferences() []knownDifference {
	return []knownDifference{
		{"crash", "Python ends in a traceback (infinities to int, unhashable defaults, numbers of more than 4300 digits); Go must answer JSON, and does",
			func(_ differentialCase, python, _, _ *dict) bool { return python.has("crash") }},
		{"hardened", "Python shows secrets in warnings, in the forms that coercion or quoting gives to them (the parts of a list, an " +
			"expanded path) and after a malformed suboption; Go hides them. It hides a secret of fewer than 8 characters inside words too, " +
			"which damages the answer's own words; Go does not. And Python lets the items of a list share one default",
			func(_ differentialCase, _, hardened, golang *dict) bool { return same(hardened, golang) }},
		{"positions", "an error inside a list names the element: of 400 dictionaries Python does not say which one is wrong",
			func(_ differentialCase, python, hardened, golang *dict) bool {
				return same(python, withoutPositions(golang, python)) || same(hardened, withoutPositions(golang, hardened))
			}},
		{"missing, with an environment", "a missing option that an environment variable can give is named together with it",
			func(_ differentialCase, python, _, golang *dict) bool {
				return strings.HasPrefix(message(python), "missing required arguments: ") &&
					regexp.MustCompile(` \(environment [^)]*\)`).ReplaceAllString(message(golang), "") == message(python)
			}},
		{"alias and environment", "an alias beside an environment variable gives no warning that option and alias are both set: the task set one of them",
			func(c differentialCase, python, hardened, golang *dict) bool {
				golang = withoutPositions(golang, hardened)
				return len(c.env) > 2 && (same(withWarningsOf(golang, python), golang) || same(withWarningsOf(golang, hardened), golang))
			}},
		{"unknown internals", "an _ansible_ argument that this core does not know fails in Python; a binary that outlives cores ignores it",
			func(c differentialCase, _, _, _ *dict) bool {
				return regexp.MustCompile(`_ansible_(of_tomorrow|string_conversion_action|inject_invocation)`).MatchString(c.args)
			}},
		{"malformed internals", "where Ansible's own flags are malformed, Python answers before it knows the secrets and shows the arguments as they came",
			func(c differentialCase, python, _, golang *dict) bool {
				return regexp.MustCompile(`"_ansible_(check_mode|no_log)": ("perhaps"|"maybe"|\[\])`).MatchString(c.args) && message(python) == message(golang)
			}},
		{"keys that are no texts", "a key of a Python literal becomes a text at once, as the JSON answer needs it; Python's log line still shows a number",
			func(c differentialCase, _, _, _ *dict) bool {
				return regexp.MustCompile(`\{(1|None): `).MatchString(c.args)
			}},
		{"NaN in a dictionary's text", "Python's JSON reader takes NaN and Infinity; they are no JSON",
			func(c differentialCase, _, _, golang *dict) bool {
				return regexp.MustCompile(`NaN|Infinity`).MatchString(c.args) && strings.Contains(message(golang), "unable to evaluate string as dictionary")
			}},
		{"literals that JSON cannot hold", "bytes, sets and the like inside a Python literal are refused: no answer could show them; characters by name are not known",
			func(c differentialCase, _, _, golang *dict) bool {
				return regexp.MustCompile(`b'x|\{1, 2\}|2j|\\\\N|\.\.\.|set\(`).MatchString(c.args) && strings.Contains(message(golang), "unable to evaluate string as dictionary")
			}},
	}
}

// withWarningsOf returns Python's answer without the warnings that Go does not give.
func withWarningsOf(golang, python *dict) *dict {
	changed, _ := deepCopy(python).(*dict)
	result, ok := changed.values["result"].(*dict)
	ours, _ := golang.values["result"].(*dict)
	if !ok || ours == nil || !result.has("warnings") {
		return changed
	}
	result.remove("warnings")
	if warnings, ok := ours.get("warnings"); ok {
		result.set("warnings", warnings)
	}
	return changed
}

// withoutPositions returns an answer without the positions of elements in its message, and without the sentence that Python does not have at all.
func withoutPositions(answer, python *dict) *dict {
	stripped, _ := deepCopy(answer).(*dict)
	result, ok := stripped.values["result"].(*dict)
	if !ok || !result.has("msg") {
		return stripped
	}
	msg := message(answer)
	if before, after, found := strings.Cut(msg, " found in "); found && before == message(python) && !strings.Contains(after, " ") {
		msg = before
	}
	msg = regexp.MustCompile(`\. Found .*$`).ReplaceAllString(msg, ".")
	result.set("msg", regexp.MustCompile(`\[[0-9*]+\](?: \(.*?\))?( -> |'|$)`).ReplaceAllString(msg, "$1"))
	return stripped
}

func message(answer *dict) string {
	if result, ok := answer.values["result"].(*dict); ok {
		return toStr(result.values["msg"])
	}
	return ""
}

// TestSameAsPython holds the port against the real AnsibleModule of the project's own ansible-core and of the newest: a table, each value for each
// type, and random specs with random arguments.
func TestSameAsPython(t *testing.T) {
	t.Run("own", func(t *testing.T) {
		t.Parallel()
		explained := compare(t, ansibletest.Python(t), slices.Concat(tableCases(t), matrixCases(), randomCases(20261121, 3000)))
		for _, known := range knownDifferences() {
			assert.NotZero(t, explained[known.name], "no case differs in this way any more: %s", known.name)
		}
	})
	t.Run(ansibletest.Newest, func(t *testing.T) {
		t.Parallel()
		compare(t, ansibletest.PythonOf(t, ansibletest.Newest), slices.Concat(tableCases(t), everyThird(matrixCases()), randomCases(20261129, 500)))
	})
}

func everyThird(cases []differentialCase) []differentialCase {
	var some []differentialCase
	for i := 0; i < len(cases); i += 3 {
		some = append(some, cases[i])
	}
	return some
}

// compare returns how many cases differ in each of the known ways.
func compare(t *testing.T, python string, cases []differentialCase) map[string]int {
	t.Helper()
	answers := askPython(t, python, cases)

	var differing []differentialCase
	var plain, golang []*dict
	for i, c := range cases {
		answer := askGo(t, c)
		if same(answers[i].plain, answer) {
			continue
		}
		// Asked again, a hardened Python hides what Go hides: the quoted forms of all the secrets that it found by itself.
		set := secretSet{}
		for _, text := range answers[i].secrets {
			set.add(text.(string))
		}
		c.hide = set.masker().ordered
		differing, plain, golang = append(differing, c), append(plain, answers[i].plain), append(golang, answer)
	}
	hardened := askPython(t, python, differing)

	explained := map[string]int{}
	differences := 0
	for i, c := range differing {
		known := knownDifferences()
		at := slices.IndexFunc(known, func(k knownDifference) bool { return k.explains(c, plain[i], hardened[i].hardened, golang[i]) })
		if at >= 0 {
			explained[known[at].name]++
			continue
		}
		if differences++; differences <= 12 {
			assert.Fail(t, "Python and Go differ", "case %s\nspec   %s\nargs   %s\nenv    %v\nresult %s\nPython %s\nharder %s\nGo     %s",
				c.name, show(c.spec), c.args, c.env, show(c.result), show(plain[i]), show(hardened[i].hardened), show(golang[i]))
		}
	}
	require.Zero(t, differences, "of %d cases", len(cases))
	for _, known := range knownDifferences() {
		t.Logf("%d of %d cases differ as they are meant to (%s): %s", explained[known.name], len(cases), known.name, known.reason)
	}
	assert.Less(t, explained["crash"], len(cases)/20, "too many cases in which Python gives no answer to compare with")
	return explained
}

// askPython feeds all cases to one process and gives its plain and its hardened answer to each.
func askPython(t *testing.T, python string, cases []differentialCase) []pythonAnswer {
	t.Helper()
	var input bytes.Buffer
	for _, c := range cases {
		line := newDict()
		env := newDict()
		for _, name := range slices.Sorted(maps.Keys(c.env)) {
			env.set(name, c.env[name])
		}
		line.set("spec", c.spec)
		line.set("args", c.args)
		line.set("env", env)
		line.set("result", c.result)
		hide := []any{}
		for _, text := range c.hide {
			hide = append(hide, text)
		}
		line.set("hide", hide)
		input.WriteString(show(line) + "\n")
	}
	cmd := exec.CommandContext(t.Context(), python, "testdata/ansible_module.py")
	cmd.Stdin, cmd.Env = &input, append(os.Environ(), "PYTHONHASHSEED=0", "PYTHONUTF8=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	answers := make([]pythonAnswer, 0, len(cases))
	scanner := bufio.NewScanner(bytes.NewReader(output))
	scanner.Buffer(nil, 1<<24)
	for scanner.Scan() {
		value, err := decodeJSON(scanner.Text())
		require.NoError(t, err)
		both, ok := value.(*dict)
		require.True(t, ok)
		var answer pythonAnswer
		answer.plain, _ = both.values["plain"].(*dict)
		if answer.hardened, ok = both.values["hardened"].(*dict); ok {
			answer.secrets, _ = answer.hardened.values["secrets"].([]any)
			answer.hardened.remove("secrets")
		}
		answer.plain.remove("secrets")
		answers = append(answers, answer)
	}
	require.Len(t, answers, len(cases), stderr.String())
	return answers
}

// askGo calls a module of the same spec.
func askGo(t *testing.T, c differentialCase) *dict {
	t.Helper()
	documentation, rules := moduleFrom(t, c.spec)
	checkMode, _ := c.spec.get("supports_check_mode")
	m := Module{
		Name: "basic.py", Documentation: documentation, Rules: rules, SupportsCheckMode: checkMode == true,
		Run: func(context.Context, *Call) (Result, error) {
			result := Result{"changed": false}
			for key, value := range c.result.values {
				result[key] = value
			}
			return result, nil
		},
	}
	log := []any{}
	var stdout bytes.Buffer
	code := Execute(t.Context(), m, Process{
		Args: []string{"module"}, Stdin: strings.NewReader(c.args), Stdout: &stdout,
		LookupEnv:  func(name string) (string, bool) { text, ok := c.env[name]; return text, ok },
		LookupHome: lookupHome,
		Syslog:     func(_, _, line string) error { log = append(log, line); return nil },
	})
	result, err := decodeJSON(stdout.String())
	require.NoError(t, err, "case %s: %s", c.name, stdout.String())
	answer := newDict()
	answer.set("code", int64(code))
	answer.set("log", log)
	answer.set("result", result)
	return answer
}

// moduleFrom turns a spec as Python has it into documentation and rules.
func moduleFrom(t *testing.T, spec *dict) ([]byte, Rules) {
	t.Helper()
	rules := rulesFrom(t, spec)
	section, file := newDict(), newDict()
	section.set("options", documentationFrom(spec.values["options"].(*dict)))
	file.set("DOCUMENTATION", section)
	return asYAML(t, file), rules
}

// asYAML writes JSON that YAML reads too: YAML wants characters beyond 16 bits as they are, JSON writes them as two.
func asYAML(t *testing.T, value any) []byte {
	t.Helper()
	return regexp.MustCompile(`\\ud[89ab]..\\ud[c-f]..`).ReplaceAllFunc([]byte(show(value)), func(pair []byte) []byte {
		text, err := decodeJSON(`"` + string(pair) + `"`)
		require.NoError(t, err)
		return []byte(text.(string))
	})
}

func documentationFrom(options *dict) *dict {
	documented := newDict()
	for _, name := range options.keys {
		option, described := options.values[name].(*dict), newDict()
		for _, key := range option.keys {
			switch key {
			case "type", "elements", "required", "default", "choices", "aliases":
				described.set(key, option.values[key])
			case "options":
				described.set(key, documentationFrom(option.values[key].(*dict)))
			}
		}
		documented.set(name, described)
	}
	return documented
}

func rulesFrom(t *testing.T, spec *dict) Rules {
	t.Helper()
	var raw struct {
		MutuallyExclusive [][]string          `yaml:"mutually_exclusive"`
		RequiredTogether  [][]string          `yaml:"required_together"`
		RequiredOneOf     [][]string          `yaml:"required_one_of"`
		RequiredIf        [][]any             `yaml:"required_if"`
		RequiredBy        map[string][]string `yaml:"required_by"`
	}
	require.NoError(t, yaml.Unmarshal(asYAML(t, spec), &raw))
	rules := Rules{
		MutuallyExclusive: raw.MutuallyExclusive, RequiredTogether: raw.RequiredTogether, RequiredOneOf: raw.RequiredOneOf,
		RequiredBy: raw.RequiredBy, Options: map[string]OptionRules{},
	}
	for _, r := range raw.RequiredIf {
		rule := RequiredIf{Option: r[0].(string), Value: r[1], AnyOf: len(r) == 4 && r[3] == true}
		for _, name := range r[2].([]any) {
			rule.Requires = append(rule.Requires, name.(string))
		}
		rules.RequiredIf = append(rules.RequiredIf, rule)
	}
	options, _ := spec.values["options"].(*dict)
	if options == nil {
		return rules
	}
	for _, name := range options.keys {
		rules.Options[name] = optionRulesFrom(t, options.values[name].(*dict))
	}
	return rules
}

func optionRulesFrom(t *testing.T, option *dict) OptionRules {
	t.Helper()
	var raw struct {
		NoLog     *bool    `yaml:"no_log"`
		Env       []string `yaml:"env"`
		Apply     bool     `yaml:"apply_defaults"`
		InVersion string   `yaml:"removed_in_version"`
		AtDate    string   `yaml:"removed_at_date"`
		From      string   `yaml:"removed_from_collection"`
		Aliases   []struct {
			Name       string `yaml:"name"`
			Version    string `yaml:"version"`
			Date       string `yaml:"date"`
			Collection string `yaml:"collection_name"`
		} `yaml:"deprecated_aliases"`
	}
	require.NoError(t, yaml.Unmarshal(asYAML(t, option), &raw))
	rules := OptionRules{
		Env: raw.Env, ApplyDefaults: raw.Apply, Secret: raw.NoLog != nil && *raw.NoLog, NotSecret: raw.NoLog != nil && !*raw.NoLog,
		RemovedInVersion: raw.InVersion, RemovedAtDate: raw.AtDate, RemovedFromCollection: raw.From, Rules: rulesFrom(t, option),
	}
	for _, alias := range raw.Aliases {
		rules.DeprecatedAliases = append(rules.DeprecatedAliases, DeprecatedAlias(alias))
	}
	return rules
}

// same compares two answers strictly (1 and 1.0 differ), but for the order of keys and for the collection, where Python
// takes deprecations without one for its own.
func same(python, golang *dict) bool {
	return python != nil && golang != nil && identical(normal(python), normal(golang))
}

func normal(value any) any {
	switch v := value.(type) {
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = normal(item)
		}
		return list
	case *dict:
		d := newDict()
		for _, key := range slices.Sorted(slices.Values(v.keys)) {
			d.set(key, normal(v.values[key]))
		}
		if collection, ok := d.get("collection_name"); ok && collection == nil {
			d.set("collection_name", "ansible.builtin")
		}
		return d
	default:
		return v
	}
}

func identical(a, b any) bool { return show(a) == show(b) }

func show(value any) string {
	var b jsonBuffer
	if d, ok := value.(*dict); !ok || d != nil {
		writeJSON(&b, value, answerJSON)
	}
	return b.String()
}

// tableCases reads testdata/differential.yaml: groups of one spec and the arguments to try on it.
func tableCases(t *testing.T) []differentialCase {
	t.Helper()
	text, err := os.ReadFile("testdata/differential.yaml")
	require.NoError(t, err)
	file, err := decodeYAML(text)
	require.NoError(t, err)
	groups, ok := file.values["groups"].([]any)
	require.True(t, ok)
	var cases []differentialCase
	for _, g := range groups {
		group := g.(*dict)
		env := map[string]string{"HOME": "/home/tester", "USER": "tester"}
		if more, ok := group.values["env"].(*dict); ok {
			for name, text := range more.values {
				env[name] = text.(string)
			}
		}
		result, ok := group.values["result"].(*dict)
		if !ok {
			result = newDict()
		}
		for i, args := range group.values["args"].([]any) {
			cases = append(cases, differentialCase{
				name: fmt.Sprintf("%v[%d]", group.values["name"], i), spec: group.values["spec"].(*dict),
				args: args.(string), env: env, result: result,
			})
		}
	}
	require.Greater(t, len(cases), 300, "the table has become thin")
	return cases
}
