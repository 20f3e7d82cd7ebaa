// SPDX-License-Identifier: GPL-3.0-or-later

package ansible_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible/ansibletest"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible/ansibletest/argspec"
)

// argspecCase is one task of Ansible's integration target "argspec", in words of our own: what is given beside the two
// options that are always needed, and what comes out.
type argspecCase struct {
	args         string         // JSON
	bare         bool           // without the two options that are always needed
	fails        string         // the message, "" for success
	options      map[string]any // what the module must see
	warnings     []string
	deprecations []map[string]any
}

func deprecation(what, name, key, value string) []map[string]any {
	return []map[string]any{{
		"msg": fmt.Sprintf("%s '%s' is deprecated. See the module docs for more information", what, name), key: value, "collection_name": "foo.bar",
	}}
}

func argspecCases() []argspecCase {
	const noDict = "argument 'mapping' is of type %s and we were unable to convert to dict: %s"
	cases := []argspecCase{
		{args: `{"required": "value", "required_one_of_one": "value"}`, bare: true},
		{args: `{"required_one_of_one": "value"}`, bare: true, fails: "missing required arguments: required"},
		{args: `{"required": "value", "required_one_of_two": "value"}`, bare: true},
		{args: `{"required": "value"}`, bare: true, fails: "one of the following is required: required_one_of_one, required_one_of_two"},
		{args: `{"required_by_one": "value", "required_by_two": "value", "required_by_three": "value"}`},
		{args: `{"required_by_one": "value", "required_by_two": "value"}`, fails: "missing parameter(s) required by 'required_by_one': required_by_three"},
		{args: `{"state": "absent"}`, options: map[string]any{"state": "absent", "default_value": true}},
		{args: `{"state": "present"}`, fails: "state is present but any of the following are missing: path, content"},
		{args: `{"state": "present", "path": "foo"}`},
		{args: `{"state": "present", "content": "foo"}`},
		{args: `{"state": "present", "content": "foo", "path": "foo"}`, fails: "parameters are mutually exclusive: path|content|default_value"},
		{args: `{"mapping": {"foo": "bar"}}`, options: map[string]any{"mapping": map[string]any{"foo": "bar"}}},
		{args: `{"mapping": "foo=bar"}`, options: map[string]any{"mapping": map[string]any{"foo": "bar"}}},
		{args: `{"mapping": "{\"foo\": \"bar\"}"}`, options: map[string]any{"mapping": map[string]any{"foo": "bar"}}},
		{args: `{"mapping": "{\"foo\": False}"}`, options: map[string]any{"mapping": map[string]any{"foo": false}}},
		{args: `{"mapping": "foo"}`, fails: fmt.Sprintf(noDict, "str", "dictionary requested, could not parse JSON or key=value")},
		{args: `{"mapping": 1}`, fails: fmt.Sprintf(noDict, "int", "<class 'int'> cannot be converted to a dict")},
		{args: `{"mapping": ["foo", "bar"]}`, fails: fmt.Sprintf(noDict, "list", "<class 'list'> cannot be converted to a dict")},
		{args: `{"required_together": [{"thing": "foo", "other": "bar", "another": "baz"}]}`},
		{args: `{"required_together": [{"another": "baz"}]}`},
		{args: `{"required_together": [{"thing": "foo"}]}`, fails: "parameters are required together: thing, other found in required_together[0]"},
		{args: `{"required_together": [{"thing": "foo", "other": "bar"}]}`},
		{args: `{"required_if": [{"thing": "bar"}]}`},
		{args: `{"required_if": [{"thing": "foo", "other": "bar"}]}`},
		{args: `{"required_if": [{"thing": "foo"}]}`, fails: "thing is foo but any of the following are missing: other found in required_if[0]"},
		{args: `{"required_one_of": [{"thing": "foo", "other": "bar"}]}`},
		{args: `{"required_one_of": [{}]}`, fails: "one of the following is required: thing, other found in required_one_of[0]"},
		{args: `{"required_by": [{"thing": "foo", "other": "bar"}]}`},
		{args: `{"required_by": [{"thing": "foo"}]}`, fails: "missing parameter(s) required by 'thing': other found in required_by[0]"},
		{args: `{"json": "{\"foo\": \"bar\"}"}`, options: map[string]any{"json": `{"foo": "bar"}`}},
		{args: `{"json": {"foo": "bar"}}`, options: map[string]any{"json": `{"foo": "bar"}`}},
		{args: `{"json": 1}`, fails: "argument 'json' is of type int and we were unable to convert to json: <class 'int'> cannot be converted to a json string"},
		{args: `{"required_together_one": "foo", "required_together_two": "bar"}`},
		{args: `{"required_together_one": "foo"}`, fails: "parameters are required together: required_together_one, required_together_two"},
		{args: `{"suboptions_list_no_elements": [{"thing": "foo"}]}`, options: map[string]any{"suboptions_list_no_elements": []any{map[string]any{"thing": "foo"}}}},
		{args: `{"choices_with_strings_like_bools": true}`, options: map[string]any{"choices_with_strings_like_bools": "on"}},
		{args: `{"choices_with_strings_like_bools": "on"}`, options: map[string]any{"choices_with_strings_like_bools": "on"}},
		{args: `{"choices_with_strings_like_bools": false}`, options: map[string]any{"choices_with_strings_like_bools": "off"}},
		{args: `{"choices": "foo"}`},
		{args: `{"choices": "baz"}`, fails: "value of choices must be one of: foo, bar, got: baz"},
		{args: `{"list_choices": ["bar", "baz"]}`},
		{args: `{"list_choices": ["bar", "baz", "qux"]}`, fails: "value of list_choices must be one or more of: foo, bar, baz. Got no match for: qux"},
		{args: `{"primary": "foo"}`, options: map[string]any{"primary": "foo"}},
		{args: `{"alias": "foo"}`, options: map[string]any{"primary": "foo"}},
		{args: `{"primary": "foo", "alias": "foo"}`, options: map[string]any{"primary": "foo"}, warnings: []string{"Both option primary and its alias alias are set."}},
		{args: `{"primary": "foo", "alias": "bar"}`, options: map[string]any{"primary": "bar"}, warnings: []string{"Both option primary and its alias alias are set."}},
		{args: `{"password": "wr0ng", "not_a_password": "x", "maybe_password": "y"}`,
			options: map[string]any{"password": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER", "not_a_password": "x", "maybe_password": "y"}},
		{args: `{"int": 1}`},
		{args: `{"int": "foo"}`, fails: `argument 'int' is of type str and we were unable to convert to int: "'foo'" cannot be converted to an int`},
		{args: `{}`, options: map[string]any{"apply_defaults": map[string]any{"foo": nil, "bar": "baz"}}},
		{args: `{"apply_defaults": null}`, options: map[string]any{"apply_defaults": map[string]any{"foo": nil, "bar": "baz"}}},
		{args: `{"apply_defaults": {}}`, options: map[string]any{"apply_defaults": map[string]any{"foo": nil, "bar": "baz"}}},
		{args: `{"apply_defaults": {"foo": "bar"}}`, options: map[string]any{"apply_defaults": map[string]any{"foo": "bar", "bar": "baz"}}},
		{args: `{"apply_defaults": {"bar_alias1": "foo", "bar_alias2": "baz"}}`, warnings: []string{"Both option apply_defaults.bar and its alias apply_defaults.bar_alias2 are set."}},
		{args: `{"required_one_of": [{"other": "foo", "other_alias": "bar"}]}`, warnings: []string{"Both option required_one_of[0].other and its alias required_one_of[0].other_alias are set."}},
		{args: `{"deprecation_aliases_version": "value"}`, deprecations: deprecation("Alias", "deprecation_aliases_version", "version", "2.0.0")},
		{args: `{"deprecation_aliases_date": "value"}`, deprecations: deprecation("Alias", "deprecation_aliases_date", "date", "2023-01-01")},
		{args: `{"deprecation_param_version": "value"}`, deprecations: deprecation("Param", "deprecation_param_version", "version", "2.0.0")},
		{args: `{"deprecation_param_date": "value"}`, deprecations: deprecation("Param", "deprecation_param_date", "date", "2023-01-01")},
		{args: `{"strange": 1}`, fails: "Unsupported parameters for (argspec) module: strange. Supported parameters include: "},
	}
	for _, place := range []struct{ args, alias, param string }{
		{`{"subdeprecation": {%q: "value"}}`, "subdeprecation.", "subdeprecation"},
		{`{"subdeprecation_alias": {%q: "value"}}`, "subdeprecation.", "subdeprecation"},
		{`{"subdeprecation_list": [{%q: "value"}]}`, "subdeprecation_list[0].", "subdeprecation_list"},
	} {
		for key, value := range map[string]string{"version": "2.0.0", "date": "2023-01-01"} {
			alias, param := "deprecation_aliases_"+key, "deprecation_param_"+key
			cases = append(cases,
				argspecCase{args: fmt.Sprintf(place.args, alias), deprecations: deprecation("Alias", place.alias+alias, key, value)},
				argspecCase{args: fmt.Sprintf(place.args, param), deprecations: deprecation("Param", fmt.Sprintf("%s[%q]", place.param, param), key, value)})
		}
	}
	return cases
}

// arguments adds the options that are always needed.
func (c argspecCase) arguments(t *testing.T) map[string]any {
	t.Helper()
	var args map[string]any
	require.NoError(t, json.Unmarshal([]byte(c.args), &args))
	if !c.bare {
		args["required"], args["required_one_of_one"] = "value", "value"
	}
	return args
}

func (c argspecCase) check(t *testing.T, answer map[string]any) {
	t.Helper()
	failed := answer["failed"] == true
	require.Equal(t, c.fails != "", failed, "%v", answer)
	if failed {
		if strings.HasSuffix(c.fails, ": ") {
			assert.Contains(t, answer["msg"], c.fails)
		} else {
			assert.Equal(t, c.fails, answer["msg"])
		}
		return
	}
	seen, _ := answer["options"].(map[string]any)
	for name, want := range c.options {
		assert.Equal(t, want, seen[name], name)
	}
	for _, warning := range c.warnings {
		assert.Contains(t, answer["warnings"], warning)
	}
	deprecations, _ := answer["deprecations"].([]any)
	require.Len(t, deprecations, len(c.deprecations))
	for i, want := range c.deprecations {
		entry, _ := deprecations[i].(map[string]any)
		delete(entry, "deprecator") // newer cores add it on the controller
		assert.Equal(t, want, entry)
	}
}

func TestArgspecTarget(t *testing.T) {
	for _, c := range argspecCases() {
		t.Run(c.args, func(t *testing.T) {
			args, err := json.Marshal(c.arguments(t))
			require.NoError(t, err)
			var out bytes.Buffer
			ansible.Execute(t.Context(), argspec.Argspec(), ansible.Process{Stdin: bytes.NewReader(args), Stdout: &out})
			var answer map[string]any
			require.NoError(t, json.Unmarshal(out.Bytes(), &answer), out.String())
			c.check(t, answer)
		})
	}
}

// buildModules builds the test modules as one binary and gives its path.
func buildModules(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "argspec")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./testdata/argspec").CombinedOutput()
	require.NoError(t, err, string(output))
	return binary
}

// TestArgspecTargetThroughAnsible runs the same cases as tasks of one real play, the module a binary in library/.
func TestArgspecTargetThroughAnsible(t *testing.T) {
	playbook := ansibletest.Tool(t, "ansible-playbook")
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "library"), 0o755))
	require.NoError(t, os.Rename(buildModules(t), filepath.Join(dir, "library", "argspec")))

	var tasks []any
	var names []string
	cases := argspecCases()
	for i, c := range cases {
		name := fmt.Sprintf("r%d", i)
		names = append(names, name)
		tasks = append(tasks, map[string]any{"name": name, "argspec": c.arguments(t), "register": name, "ignore_errors": true})
	}
	// Values that newer cores mark and older ones could not send; and a vaulted text.
	tasks = append(tasks,
		map[string]any{"name": "templated", "argspec": map[string]any{"required": "{{ 'val' ~ 'ue' }}", "required_one_of_one": "{{ day }}", "mapping": "{{ nested }}"}, "register": "templated"},
		map[string]any{"name": "answers", "ansible.builtin.copy": map[string]any{
			"dest": filepath.Join(dir, "answers.json"), "content": "{{ [" + strings.Join(names, ", ") + ", templated] | to_json }}", "mode": "0600",
		}})
	play := []any{map[string]any{
		"hosts": "localhost", "gather_facts": false, "connection": "local", "tasks": tasks,
		"vars": map[string]any{"ansible_python_interpreter": ansibletest.Python(t), "day": "2026-11-21", "nested": map[string]any{"list": []any{1, "{{ day }}"}}},
	}}
	text, err := json.Marshal(play)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "play.yml"), text, 0o600))

	cmd := exec.CommandContext(t.Context(), playbook, "-i", "localhost,", "play.yml")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "ANSIBLE_LOCALHOST_WARNING=0", "ANSIBLE_NOCOLOR=1", "ANSIBLE_LOCAL_TEMP="+filepath.Join(dir, "tmp"), "ANSIBLE_REMOTE_TEMP="+filepath.Join(dir, "remote"))
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, string(output))
	assert.Contains(t, string(output), "Module did not set no_log for maybe_password")
	assert.NotContains(t, string(output), "wr0ng")

	text, err = os.ReadFile(filepath.Join(dir, "answers.json"))
	require.NoError(t, err, string(output))
	var answers []map[string]any
	require.NoError(t, json.Unmarshal(text, &answers))
	require.Len(t, answers, len(cases)+1)
	for i, c := range cases {
		c.check(t, answers[i])
	}
	options, _ := answers[len(cases)]["options"].(map[string]any)
	assert.Equal(t, "value", options["required"])
	assert.Equal(t, map[string]any{"list": []any{float64(1), "2026-11-21"}}, options["mapping"])
}
