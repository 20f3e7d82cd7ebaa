// SPDX-License-Identifier: GPL-3.0-or-later

package ansible_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible/ansibletest/argspec"
	"github.com/stackwatch/ansible-monitoring/pkg/pattern"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// module is one with the given documented options and what to run.
func module(options string, run func(context.Context, *ansible.Call) (ansible.Result, error)) ansible.Module {
	return ansible.Module{Name: "probe", Documentation: []byte("DOCUMENTATION:\n  options: " + options), Run: run}
}

func answering(result ansible.Result, err error) func(context.Context, *ansible.Call) (ansible.Result, error) {
	return func(context.Context, *ansible.Call) (ansible.Result, error) { return result, err }
}

// execute runs a module on arguments from standard input and gives its one answer.
func execute(t *testing.T, m ansible.Module, args string) (code int, answer map[string]any) {
	t.Helper()
	return executeOn(t, m, ansible.Process{Stdin: strings.NewReader(args)})
}

func executeOn(t *testing.T, m ansible.Module, p ansible.Process) (code int, answer map[string]any) {
	t.Helper()
	var out bytes.Buffer
	p.Stdout = &out
	code = ansible.Execute(t.Context(), m, p)
	return code, decode(t, out.String())
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var answer map[string]any
	decoder := json.NewDecoder(strings.NewReader(text))
	require.NoError(t, decoder.Decode(&answer), text)
	_, err := decoder.Token()
	require.ErrorIs(t, err, io.EOF, "more than one document: %s", text)
	return answer
}

func TestArgumentsArrive(t *testing.T) {
	m := module(`{a: {}}`, func(_ context.Context, call *ansible.Call) (ansible.Result, error) {
		return ansible.Result{"a": call.Params()["a"]}, nil
	})
	file := filepath.Join(t.TempDir(), "args")
	require.NoError(t, os.WriteFile(file, []byte(`{"a": "x"}`), 0o600))
	for name, p := range map[string]ansible.Process{
		"file":               {Args: []string{"probe", file}},
		"standard input":     {Args: []string{"probe"}, Stdin: strings.NewReader(`{"a": "x"}`)},
		"no program name":    {Stdin: strings.NewReader(`{"a": "x"}`)},
		"dash":               {Args: []string{"probe", "-"}, Stdin: strings.NewReader(` {"a": "x"} ` + "\n")},
		"wrapped":            {Stdin: strings.NewReader(`{"ANSIBLE_MODULE_ARGS": {"a": "x"}}`)},
		"module name before": {Args: []string{"/bin/suite", "probe", "-"}, Stdin: strings.NewReader(`{"a": "x"}`)},
		"key comes twice":    {Stdin: strings.NewReader(`{"a": "y", "a": "x"}`)},
	} {
		t.Run(name, func(t *testing.T) {
			code, answer := executeOn(t, m, p)
			assert.Zero(t, code)
			assert.Equal(t, "x", answer["a"])
		})
	}
}

func TestLoneSurrogateIsReplaced(t *testing.T) {
	_, answer := execute(t, module(`{a: {}}`, answering(nil, nil)), `{"a": "\ud800x"}`)
	assert.Equal(t, map[string]any{"module_args": map[string]any{"a": "\uFFFDx"}}, answer["invocation"])
}

func TestArgumentsThatCannotBeRead(t *testing.T) {
	m := module(`{a: {}}`, answering(nil, nil))
	for args, want := range map[string]string{
		"":                             "the text ends too early",
		" ":                            "the text ends too early",
		`{"a": `:                       "the text ends too early",
		`{"a": Nan}`:                   "invalid character 'N'",
		`{"a": 1} {}`:                  "after the end of the value",
		`{"a": 1}}`:                    "not valid JSON (near byte",
		`{"a": 1} x`:                   "not valid JSON (near byte",
		`[]`:                           "a JSON object is wanted, not list",
		`null`:                         "a JSON object is wanted, not NoneType",
		`{1: 2}`:                       "not valid JSON",
		`{"ANSIBLE_MODULE_ARGS": "x"}`: "ANSIBLE_MODULE_ARGS must be a JSON object, not str",
		`{"a": ` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `}`: "nested deeper than",
	} {
		code, answer := execute(t, m, args)
		assert.Equal(t, 1, code)
		assert.Equal(t, true, answer["failed"], args)
		assert.Contains(t, answer["msg"], want, args)
		assert.NotContains(t, answer, "invocation")
	}
	_, answer := executeOn(t, m, ansible.Process{Args: []string{"probe", filepath.Join(t.TempDir(), "missing")}})
	assert.Contains(t, answer["msg"], "reading the module's arguments: open ")
	_, answer = executeOn(t, m, ansible.Process{Stdin: brokenReader{}})
	assert.Contains(t, answer["msg"], "reading the module's arguments: the pipe broke")
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("the pipe broke") }

func TestMalformedDocumentationIsAnswered(t *testing.T) {
	code, answer := execute(t, ansible.Module{Name: "probe", Documentation: []byte("DOCUMENTATION: [")}, `{"a": 1}`)
	assert.Equal(t, 1, code)
	assert.Contains(t, answer["msg"], "reading the module's documentation: ")
}

func TestMalformedVerbosity(t *testing.T) {
	_, answer := execute(t, module(`{}`, answering(nil, nil)), `{"_ansible_verbosity": "3"}`)
	assert.Equal(t, "_ansible_verbosity must be an integer, not str", answer["msg"])
}

func TestCallKnowsItsCircumstances(t *testing.T) {
	m := module(`{a: {}}`, func(_ context.Context, c *ansible.Call) (ansible.Result, error) {
		return ansible.Result{"call": fmt.Sprintln(c.CheckMode, c.Diff, c.Verbosity, c.Name, c.Version)}, nil
	})
	m.SupportsCheckMode = true
	_, answer := execute(t, m, `{"_ansible_check_mode": true, "_ansible_diff": true, "_ansible_verbosity": 2, "_ansible_module_name": "a.b.c", "_ansible_version": "2.19.14"}`)
	assert.Equal(t, "true true 2 a.b.c 2.19.14\n", answer["call"])
	_, answer = execute(t, m, `{}`)
	assert.Equal(t, "false false 0 probe \n", answer["call"])
	assert.Equal(t, false, answer["changed"])
}

func TestCheckModeNeedsSupport(t *testing.T) {
	m := module(`{}`, func(context.Context, *ansible.Call) (ansible.Result, error) { panic("must not run") })
	code, answer := execute(t, m, `{"_ansible_check_mode": true}`)
	assert.Zero(t, code)
	assert.Equal(t, true, answer["skipped"])
	assert.Equal(t, "remote module (probe) does not support check mode", answer["msg"])
}

func TestErrorKeepsWhatWasDone(t *testing.T) {
	m := module(`{key: {}}`, func(_ context.Context, c *ansible.Call) (ansible.Result, error) {
		c.AddSecret(secret.New("made-by-server"))
		c.AddSecret(secret.Value{})
		return ansible.Result{"changed": true, "url": "https://x/made-by-server", "deep": []map[string]any{{"k": "made-by-server"}}},
			errors.New("asking with my key: made-by-server is \"my key\"")
	})
	m.Rules.Options = map[string]ansible.OptionRules{"key": {Secret: true}}
	code, answer := execute(t, m, `{"key": "my key"}`)
	assert.Equal(t, 1, code)
	assert.Equal(t, map[string]any{
		"failed": true, "msg": `asking with ********: ******** is "********"`, "changed": true, "url": "https://x/********",
		"deep":       []any{map[string]any{"k": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"}},
		"invocation": map[string]any{"module_args": map[string]any{"key": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"}},
	}, answer)
}

func TestQuotedFormsOfSecretsAreHidden(t *testing.T) {
	const hidden = "pa ss/\"wörd'\\"
	m := module(`{key: {}}`, func(_ context.Context, c *ansible.Call) (ansible.Result, error) {
		key, _ := c.Params()["key"].(string)
		return ansible.Result{"path": "/x/" + strings.ReplaceAll(strings.ReplaceAll(key, " ", "%20"), "/", "/")},
			fmt.Errorf("%q %+q %s", key, key, (&jsonText{key}).String())
	})
	m.Rules.Options = map[string]ansible.OptionRules{"key": {Secret: true}}
	args, err := json.Marshal(map[string]string{"key": hidden})
	require.NoError(t, err)
	_, answer := execute(t, m, string(args))
	assert.NotContains(t, answer["msg"], "rd'")
}

func TestShortPartsOfASecretDictionaryAreHiddenWhereTheyStand(t *testing.T) {
	rules := func(from int) ansible.Rules {
		return ansible.Rules{Options: map[string]ansible.OptionRules{"headers": {Secret: true, HideFrom: from}}}
	}
	m := module(`{headers: {type: json}}`, answering(ansible.Result{"count": 11, "text": "1 long key"}, nil))
	m.Rules = rules(4)
	for _, args := range []string{`{"headers": {"debug": "1", "n": 1, "auth": "long"}}`, `{"headers": "1"}`, `{"headers": ["1", "long"]}`, `{"headers": "{\"a\": \"long\"}"}`, `{"headers": "\"1\""}`, `{"headers": "{"}`} {
		_, answer := execute(t, m, args)
		assert.Equal(t, map[string]any{"headers": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"}, answer["invocation"].(map[string]any)["module_args"], args)
		assert.Equal(t, strings.Contains(args, "long"), answer["text"] == "1 ******** key", args)
		assert.Equal(t, args == `{"headers": "1"}`, answer["text"] == "******** long key", "a whole secret is hidden however short")
		assert.EqualValues(t, 11, answer["count"], args)
	}
	m.Rules = rules(0)
	_, answer := execute(t, m, `{"headers": {"debug": "1", "auth": "1 long key"}}`)
	assert.EqualValues(t, 11, answer["count"], "8 characters are the least")
	assert.Equal(t, "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER", answer["text"])
}

// TestMask_IgnoresZeroAndFalse: 0 and false are no secrets, and coercion to a text does not make them one.
func TestMask_IgnoresZeroAndFalse(t *testing.T) {
	m := module(`{token: {}, tests: {type: list, elements: dict, suboptions: {token: {}}}}`, answering(ansible.Result{"status": 200, "text": "False, True, 0"}, nil))
	hidden := map[string]ansible.OptionRules{"token": {Secret: true}}
	m.Rules = ansible.Rules{Options: map[string]ansible.OptionRules{"token": hidden["token"], "tests": {Rules: ansible.Rules{Options: hidden}}}}
	for _, value := range []string{"0", "0.0", "false", "true", `""`} {
		_, answer := execute(t, m, `{"token": `+value+`, "tests": [{"token": `+value+`}]}`)
		assert.EqualValues(t, 200, answer["status"], value)
		assert.Equal(t, "False, True, 0", answer["text"], value)
	}
}

// TestMask_LeavesTheModulesOwnWords: a short secret makes no riddle of what was done to which object.
func TestMask_LeavesTheModulesOwnWords(t *testing.T) {
	result := func() ansible.Result {
		return ansible.Result{
			"msg": "created 1", "summary": map[string]int{"created": 1},
			"tests": []map[string]any{{"id": "600001", "action": "created", "name": "shop a1", "note": "1"}, {"id": "host a1", "action": "failed", "name": nil}},
		}
	}
	m := module(`{password: {}, raw: {type: list, elements: str}}`, answering(result(), nil))
	m.Rules.Options = map[string]ansible.OptionRules{"password": {Secret: true}, "raw": {Secret: true}}
	m.Plain = []string{"msg", "summary", "*.action", "*.id"}
	_, answer := execute(t, m, `{"password": "1", "raw": ["a", "shop a"]}`)
	assert.Equal(t, "created 1", answer["msg"])
	assert.Equal(t, map[string]any{"created": 1.0}, answer["summary"])
	assert.Equal(t, []any{
		map[string]any{"id": "600001", "action": "created", "name": "shop a1", "note": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"},
		map[string]any{"id": "host a1", "action": "failed", "name": nil},
	}, answer["tests"])
	assert.Equal(t, map[string]any{"password": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER", "raw": []any{"VALUE_SPECIFIED_IN_NO_LOG_PARAMETER", "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"}},
		answer["invocation"].(map[string]any)["module_args"])

	m = module(`{password: {}}`, answering(result(), errors.New("the server says: 1")))
	m.Rules.Options, m.Plain = map[string]ansible.OptionRules{"password": {Secret: true}}, []string{"msg"}
	_, answer = execute(t, m, `{"password": "1"}`)
	assert.Equal(t, "the server says: ********", answer["msg"], "an error is not the module's own")
}

// TestDecode_RefusesASecretThatIsShown: the struct that is decoded into says what is secret only where Module.Params says it too.
func TestDecode_RefusesASecretThatIsShown(t *testing.T) {
	type options struct {
		Token secret.Value `mapstructure:"token"`
		Tests []struct {
			Token *secret.Value `mapstructure:"token"`
		} `mapstructure:"tests"`
	}
	m := module(`{token: {}, tests: {type: list, elements: dict, suboptions: {token: {}}}}`, func(_ context.Context, c *ansible.Call) (ansible.Result, error) {
		return nil, c.Decode(&options{})
	})
	_, answer := execute(t, m, `{"token": "x"}`)
	assert.Contains(t, answer["msg"], "token is a secret.Value in Token, but not hidden; Module.Params must be this struct; ")
	assert.Contains(t, answer["msg"], "tests.token is a secret.Value")
	m.Params = options{}
	code, _ := execute(t, m, `{"token": "x"}`)
	assert.Zero(t, code)
}

func TestWhatIsBelowSomeKeysIsHidden(t *testing.T) {
	m := module(`{vars: {type: dict}, l: {type: list, elements: dict, suboptions: {vars: {type: dict}}}}`,
		answering(ansible.Result{"text": "below listed within written plain pair"}, nil))
	hide := ansible.OptionRules{HideBelow: pattern.New("key"), HideFrom: 5}
	m.Rules.Options = map[string]ansible.OptionRules{
		"vars": hide, "l": {Rules: ansible.Rules{Options: map[string]ansible.OptionRules{"vars": hide}}},
	}
	for args, want := range map[string]string{
		`{"vars": {"a_key": "below", "b": "plain"}}`:                      "******** listed within written plain pair",
		`{"vars": {"keys": ["listed", {"x": "within"}], "b": ["plain"]}}`: "below ******** ******** written plain pair",
		`{"vars": {"a": [{"key": "within"}, "plain"]}}`:                   "below listed ******** written plain pair",
		`{"vars": "{\"key\": \"written\"}"}`:                              "below listed within ******** plain pair",
		`{"vars": {"key": "pair"}}`:                                       "below listed within written plain pair",
		`{"l": [{"vars": {"key": "below"}}, {"vars": null}]}`:             "******** listed within written plain pair",
		`{"vars": "{"}`: "",
	} {
		_, answer := execute(t, m, args)
		text, _ := answer["text"].(string)
		assert.Equal(t, want, text, args)
	}
}

// TestInvocation_MasksShortSecrets holds that what is below keys that hide it does not stand in the invocation nor in the system log.
func TestInvocation_MasksShortSecrets(t *testing.T) {
	m := module(`{vars: {type: dict, aliases: [v]}, l: {type: list, elements: dict, suboptions: {vars: {type: dict}}}, n: {type: int}}`,
		answering(ansible.Result{"text": "abc 12 stays"}, nil))
	hide := ansible.OptionRules{HideBelow: pattern.New("key"), HideFrom: 5}
	m.Rules.Options = map[string]ansible.OptionRules{
		"vars": hide, "l": {Rules: ansible.Rules{Options: map[string]ansible.OptionRules{"vars": hide}}},
	}
	for args, want := range map[string]string{
		`{"vars": {"a_key": "abc", "b": "plain"}}`:                                   `{"a_key": "X", "b": "plain"}`,
		`{"v": {"a_key": "abc"}}`:                                                    `{"a_key": "X"}`,
		`{"vars": {"keys": ["abc", {"x": 12}, true, null, ""], "b": [{"key": 12}]}}`: `{"b": [{"key": "X"}], "keys": ["X", {"x": "X"}, true, null, ""]}`,
		`{"vars": "{\"key\": \"abc\"}"}`:                                             `{"key": "X"}`,
		`{"vars": "key=abc"}`:                                                        `{"key": "X"}`,
		`{"vars": "abc"}`:                                                            `"X"`,
		`{"vars": {"key": "abc"}, "n": "no number"}`:                                 `{"key": "X"}`,
		`{"l": [{"vars": {"key": "abc"}}, {"vars": null}, {}]}`:                      `[{"vars": {"key": "X"}}, {"vars": null}, {"vars": null}]`,
	} {
		_, answer := execute(t, m, args)
		shown := answer["invocation"].(map[string]any)["module_args"].(map[string]any)
		text, err := json.Marshal(shown)
		require.NoError(t, err)
		assert.NotContains(t, string(text), "abc", args)
		assert.NotContains(t, string(text), "12", args)
		option := shown["vars"]
		if strings.HasPrefix(args, `{"l"`) {
			option = shown["l"]
		}
		got, err := json.Marshal(option)
		require.NoError(t, err)
		assert.JSONEq(t, strings.ReplaceAll(want, "X", "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"), string(got), args)
		if answer["failed"] != true {
			assert.Equal(t, "abc 12 stays", answer["text"], "the answer's own words are not damaged")
		}
	}
}

func TestNullsAreToldByTheirPath(t *testing.T) {
	m := module(`{a: {aliases: [alias]}, l: {type: list, elements: dict, suboptions: {b: {aliases: [bee]}, d: {type: dict, suboptions: {c: {}}}, e: {type: list, elements: str}}}}`,
		func(_ context.Context, c *ansible.Call) (ansible.Result, error) {
			var nulls []string
			for _, path := range []string{"a", "l", "l[0].b", "l[1].b", "l[2].b", "l[1].d.c", "l[2].d", "l[0].e[1]"} {
				if c.Null(path) {
					nulls = append(nulls, path)
				}
			}
			return ansible.Result{"nulls": append(nulls, c.NullElements()...)}, nil
		})
	_, answer := execute(t, m, `{"alias": null, "l": [{"b": "x", "e": ["y", null]}, {"bee": null, "d": {"c": null}}, {}]}`)
	assert.Equal(t, []any{"a", "l[1].b", "l[1].d.c", "l[0].e[1]", "l[0].e[1]"}, answer["nulls"])
}

func TestNullIsMentionedButNotGiven(t *testing.T) {
	m := module(`{a: {aliases: [alias]}, b: {default: 1}, c: {}, d: {}}`, func(_ context.Context, c *ansible.Call) (ansible.Result, error) {
		told := ""
		for _, name := range []string{"a", "b", "c", "d"} {
			told += fmt.Sprintf("%s %t %t, ", name, c.Given(name), c.Mentioned(name))
		}
		return ansible.Result{"told": told}, nil
	})
	_, answer := execute(t, m, `{"alias": "x", "c": null}`)
	assert.Equal(t, "a true true, b false false, c false true, d false false, ", answer["told"])
}

type jsonText struct{ text string }

func (j *jsonText) String() string { return fmt.Sprintf("%q", j.text) }

func TestWarningsAndDeprecationsAreMergedOnce(t *testing.T) {
	m := module(`{password: {}}`, func(_ context.Context, c *ansible.Call) (ansible.Result, error) {
		c.Warn("twice %d", 1)
		c.Warn("twice 1")
		c.Deprecate("old", "2.0.0", "", "a.b")
		c.Deprecate("old", "2.0.0", "", "a.b")
		c.Deprecate("older", "", "2030-01-01", "")
		return ansible.Result{"warnings": []string{"twice 1", "more"}, "deprecations": []map[string]any{{"msg": "mine", "version": "3"}}}, nil
	})
	_, answer := execute(t, m, `{"password": "x"}`)
	assert.Equal(t, []any{"Module did not set no_log for password", "twice 1", "more"}, answer["warnings"])
	assert.Equal(t, []any{
		map[string]any{"msg": "old", "version": "2.0.0", "collection_name": "a.b"},
		map[string]any{"msg": "older", "date": "2030-01-01", "collection_name": nil},
		map[string]any{"msg": "mine", "version": "3"},
	}, answer["deprecations"])

	_, answer = execute(t, module(`{}`, answering(ansible.Result{"warnings": "one", "deprecations": nil}, nil)), `{}`)
	assert.Equal(t, []any{"one"}, answer["warnings"])
	assert.NotContains(t, answer, "deprecations")
}

type loud struct{ A, B any }

type panicking struct{}

func (panicking) MarshalJSON() ([]byte, error) { panic("no form") }

type silent struct{ text string }

func (s *silent) Error() string { return s.text }

type marked struct{ error }

func (marked) MarshalText() ([]byte, error) { return []byte("marked"), nil }

func TestResultIsAlwaysJSON(t *testing.T) {
	type named string
	number, text := 7, secret.New("s3cret")
	endless := map[string]any{}
	endless["self"], endless["again"] = endless, endless
	list := []any{nil}
	list[0] = list
	cases := map[string]struct{ value, want any }{
		"nan":              {math.NaN(), "NaN"},
		"infinity":         {[]float64{math.Inf(1), math.Inf(-1)}, []any{"Infinity", "-Infinity"}},
		"float32":          {float32(0.5), 0.5},
		"nan in a struct":  {loud{A: math.NaN()}, "ansible_test.loud that cannot be encoded: json: unsupported value: NaN"},
		"broken utf-8":     {"a\xffb", "a\uFFFDb"},
		"bytes":            {[]byte("abc"), "abc"},
		"named text":       {named("abc"), "abc"},
		"channel":          {make(chan int), "chan int that cannot be encoded: json: unsupported type: chan int"},
		"pointer":          {&number, 7.0},
		"nil pointer":      {(*int)(nil), nil},
		"nil map":          {map[string]int(nil), nil},
		"nil list":         {[]string(nil), nil},
		"array":            {[2]bool{true, false}, []any{true, false}},
		"keys":             {map[int]string{5: "five"}, map[string]any{"5": "five"}},
		"secret":           {text, "********"},
		"pointer to it":    {&text, "********"},
		"nil secret":       {(*secret.Value)(nil), nil},
		"in a struct":      {loud{A: text, B: []secret.Value{text}}, map[string]any{"A": "********", "B": []any{"********"}}},
		"as a key":         {map[secret.Value]int{text: 1}, map[string]any{"********": 1.0}},
		"time":             {time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC), "2026-11-21T00:00:00Z"},
		"duration":         {time.Second, 1e9},
		"number":           {json.Number("12"), 12.0},
		"no number":        {json.Number("x"), `json.Number that cannot be encoded: json: invalid number literal "x"`},
		"big":              {new(big.Int).Lsh(big.NewInt(1), 70), 1180591620717411303424.0},
		"error":            {errors.New("bad"), "bad"},
		"error without":    {(*silent)(nil), "*ansible_test.silent without a text: runtime error: invalid memory address or nil pointer dereference"},
		"error with form":  {marked{}, "marked"},
		"holds itself":     {endless, map[string]any{"self": "…", "again": "…"}},
		"list in itself":   {list, []any{"…"}},
		"panics":           {panicking{}, "ansible_test.panicking that cannot be encoded: no form"},
		"nested result":    {ansible.Result{"a": 1}, map[string]any{"a": 1.0}},
		"escapes":          {"\"\\\n\r\t\b\f\x00\u2028é😀<&>", "\"\\\n\r\t\b\f\x00\u2028é😀<&>"},
		"unsigned":         {uint64(math.MaxUint64), 18446744073709551615.0},
		"raw message":      {json.RawMessage(`{"a": [1]}`), map[string]any{"a": []any{1.0}}},
		"raw nonsense":     {json.RawMessage(`{`), "json.RawMessage that cannot be encoded: json: error calling MarshalJSON for type json.RawMessage: unexpected end of JSON input"},
		"dates of the map": {map[string]time.Time{"at": {}}, map[string]any{"at": "0001-01-01T00:00:00Z"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, answer := execute(t, module(`{}`, answering(ansible.Result{"value": c.value}, nil)), `{}`)
			assert.Equal(t, c.want, answer["value"])
		})
	}
}

func TestAnswerIsASCII(t *testing.T) {
	var out bytes.Buffer
	ansible.Execute(t.Context(), module(`{}`, answering(ansible.Result{"ü": "😀\x7f"}, nil)), ansible.Process{Stdin: strings.NewReader(`{}`), Stdout: &out})
	assert.Contains(t, out.String(), `"\u00fc":"\ud83d\ude00\u007f"`)
}

func TestAnswerThatCannotBeWritten(t *testing.T) {
	var complaint bytes.Buffer
	code := ansible.Execute(t.Context(), module(`{}`, answering(nil, nil)), ansible.Process{Stdin: strings.NewReader(`{}`), Stdout: brokenWriter{}, Stderr: &complaint})
	assert.Equal(t, 1, code)
	assert.Equal(t, "writing the module's answer: disk full\n", complaint.String())
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestPanicIsAnswered(t *testing.T) {
	code, answer := execute(t, argspec.Behave(func() {}), `{"do": "panic", "token": "hunter2"}`)
	assert.Equal(t, 1, code)
	assert.Equal(t, true, answer["failed"])
	assert.Equal(t, "the module panicked: lost ********", answer["msg"])
	assert.Equal(t, []any{"first"}, answer["done"])
	assert.Equal(t, true, answer["changed"])
	assert.Contains(t, answer["exception"], "argspec.go")
	assert.NotContains(t, answer["exception"], "hunter2")
	assert.Equal(t, map[string]any{"module_args": map[string]any{"do": "panic", "token": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"}}, answer["invocation"])
}

func TestGoroutineThatExitsIsAnswered(t *testing.T) {
	_, answer := execute(t, module(`{}`, func(context.Context, *ansible.Call) (ansible.Result, error) {
		runtime.Goexit()
		return nil, nil
	}), `{}`)
	assert.Equal(t, "the module ended without an answer", answer["msg"])
}

func TestPanicWhileTellingTheProgress(t *testing.T) {
	m := module(`{}`, func(_ context.Context, c *ansible.Call) (ansible.Result, error) {
		c.ReportProgress(func() ansible.Result { panic("unknown") })
		panic("first")
	})
	_, answer := execute(t, m, `{}`)
	assert.Equal(t, "the module panicked: first", answer["msg"])
	assert.Equal(t, []any{"what was done before is not known: unknown"}, answer["warnings"])

	m.Run = func(context.Context, *ansible.Call) (ansible.Result, error) { panic("early") }
	_, answer = execute(t, m, `{}`)
	assert.Equal(t, "the module panicked: early", answer["msg"])
}

// interrupt runs Behave, sends it the signals once it waits, and gives the answer.
func interrupt(t *testing.T, do string, after func(time.Duration) <-chan time.Time, signals ...os.Signal) (int, map[string]any) {
	t.Helper()
	channel := make(chan os.Signal, len(signals))
	return executeOn(t, argspec.Behave(func() {
		for _, s := range signals {
			channel <- s
		}
	}), ansible.Process{Stdin: strings.NewReader(fmt.Sprintf(`{"do": %q, "token": "hunter2"}`, do)), Signals: channel, After: after, Grace: 3 * time.Second})
}

func never(time.Duration) <-chan time.Time { return nil }

func TestSignalLetsRunEnd(t *testing.T) {
	code, answer := interrupt(t, "wait", never, syscall.SIGTERM)
	assert.Equal(t, 1, code)
	assert.Equal(t, true, answer["failed"])
	assert.Equal(t, "interrupted by SIGTERM: second: context canceled", answer["msg"])
	assert.Equal(t, []any{"first"}, answer["done"])
	assert.Equal(t, "********", answer["token"])
}

func TestSignalWithoutEndTellsTheProgress(t *testing.T) {
	var asked time.Duration
	code, answer := interrupt(t, "hang", func(d time.Duration) <-chan time.Time {
		asked = d
		over := make(chan time.Time, 1)
		over <- time.Time{}
		return over
	}, syscall.SIGINT)
	assert.Equal(t, 1, code)
	assert.Equal(t, 3*time.Second, asked)
	assert.Equal(t, "interrupted by SIGINT: the module did not end in time, what it was doing last may have happened or not", answer["msg"])
	assert.Equal(t, []any{"first"}, answer["done"])
	assert.Equal(t, map[string]any{"module_args": map[string]any{"do": "hang", "token": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"}}, answer["invocation"])
}

func TestSecondSignalEndsTheWaiting(t *testing.T) {
	_, answer := interrupt(t, "hang", never, syscall.SIGHUP, syscall.SIGTERM)
	assert.Contains(t, answer["msg"], "interrupted by hangup: the module did not end in time")
	assert.Equal(t, []any{"first"}, answer["done"])
}

func TestSignalBeforeTheArguments(t *testing.T) {
	signals := make(chan os.Signal, 2)
	signals <- syscall.SIGTERM
	signals <- syscall.SIGTERM
	input, _ := io.Pipe() // nothing ever comes
	t.Cleanup(func() { _ = input.Close() })
	_, answer := executeOn(t, module(`{}`, answering(nil, nil)), ansible.Process{Stdin: input, Signals: signals, After: never})
	assert.Contains(t, answer["msg"], "interrupted by SIGTERM: the module did not end in time")
}

func TestSignalAfterTheWork(t *testing.T) {
	signals, finish := make(chan os.Signal), make(chan struct{})
	m := module(`{}`, func(ctx context.Context, _ *ansible.Call) (ansible.Result, error) {
		signals <- syscall.SIGTERM
		<-ctx.Done()
		close(finish)
		assert.ErrorIs(t, context.Cause(ctx), context.Canceled)
		assert.EqualError(t, context.Cause(ctx), "interrupted by SIGTERM")
		return ansible.Result{"changed": true}, nil
	})
	_, answer := executeOn(t, m, ansible.Process{Stdin: strings.NewReader(`{}`), Signals: signals, After: never})
	<-finish
	assert.Equal(t, "interrupted by SIGTERM: the work had ended by then", answer["msg"])
	assert.Equal(t, true, answer["changed"])
	assert.Equal(t, true, answer["failed"])
}

func TestSystemLog(t *testing.T) {
	m := module(`{url: {}, key: {}}`, answering(nil, nil))
	m.Rules.Options = map[string]ansible.OptionRules{"key": {Secret: true}}
	var lines []string
	log := func(facility, name, line string) error {
		lines = append(lines, facility+"|"+name+"|"+line)
		return errors.New("nobody listens")
	}
	for _, args := range []string{
		`{"url": "https://u:pw@h", "key": "k3y", "_ansible_syslog_facility": "LOG_LOCAL0", "_ansible_target_log_info": "k3y"}`,
		`{"url": "x", "_ansible_no_log": true}`,
		`{"_ansible_no_log": false}`,
	} {
		code, _ := executeOn(t, m, ansible.Process{Stdin: strings.NewReader(args), Syslog: log})
		assert.Zero(t, code)
	}
	assert.Equal(t, []string{
		"LOG_LOCAL0|ansible-probe|******** Invoked with url=https://u:********@h key=NOT_LOGGING_PARAMETER",
		"|ansible-probe|Invoked with url=None key=NOT_LOGGING_PARAMETER",
	}, lines)
}

func TestOneOfSeveralModules(t *testing.T) {
	modules := []ansible.Module{argspec.Argspec(), module(`{}`, answering(ansible.Result{"who": "probe"}, nil))}
	for name, p := range map[string]ansible.Process{
		"by Ansible's name":                  {Args: []string{"x"}, Stdin: strings.NewReader(`{"_ansible_module_name": "a.b.probe"}`)},
		"by the program":                     {Args: []string{"/tmp/AnsiballZ_probe"}, Stdin: strings.NewReader(`{}`)},
		"by the argument":                    {Args: []string{"/bin/x", "probe"}, Stdin: strings.NewReader(`{}`)},
		"by Ansible's name before all":       {Args: []string{"argspec", "argspec", "-"}, Stdin: strings.NewReader(`{"_ansible_module_name": "probe"}`)},
		"by the argument before the program": {Args: []string{"argspec", "probe", "-"}, Stdin: strings.NewReader(`{}`)},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			p.Stdout = &out
			assert.Zero(t, ansible.ExecuteAmong(t.Context(), modules, p))
			assert.Equal(t, "probe", decode(t, out.String())["who"])
		})
	}
}

func TestAnUnknownModuleIsRefusedWithThoseThatThereAre(t *testing.T) {
	modules := []ansible.Module{argspec.Argspec(), module(`{}`, answering(nil, nil))}
	for want, p := range map[string]ansible.Process{
		"a.b.prob": {Args: []string{"suite"}, Stdin: strings.NewReader(`{"_ansible_module_name": "a.b.prob"}`)},
		"prob":     {Args: []string{"suite", "prob", "-"}, Stdin: strings.NewReader(`{}`)},
		"x":        {Args: []string{"AnsiballZ_probe"}, Stdin: strings.NewReader(`{"_ansible_module_name": "x"}`)},
		"suite":    {Args: []string{"/bin/AnsiballZ_suite"}, Stdin: strings.NewReader(`{}`)},
		"":         {Stdin: strings.NewReader(`{}`)},
	} {
		var out bytes.Buffer
		p.Stdout = &out
		assert.Equal(t, 1, ansible.ExecuteAmong(t.Context(), modules, p))
		assert.Equal(t, map[string]any{"failed": true, "msg": "the module must be one of: argspec, probe, got: " + want}, decode(t, out.String()))
	}
	_, answer := executeOn(t, modules[1], ansible.Process{Args: []string{"probe", "prob", "-"}, Stdin: strings.NewReader(`{}`)})
	assert.Equal(t, "the module must be one of: probe, got: prob", answer["msg"])
}

func TestAPersonAtATerminalGetsUsage(t *testing.T) {
	suite := []ansible.Module{argspec.Argspec(), module(`{}`, answering(nil, nil))}
	for _, c := range []struct {
		modules []ansible.Module
		args    []string
		code    int
		want    string
	}{
		{suite, []string{"/bin/suite"}, 2, "  suite MODULE < FILE\nMODULE is one of: argspec, probe\n"},
		{suite, []string{"/bin/suite", "--help"}, 0, "MODULE is one of: argspec, probe\n"},
		{suite[1:], []string{"./probe"}, 2, "probe is a module for Ansible, which gives it options as a JSON object, in a file or on standard input:\n" +
			"  probe FILE\n  probe < FILE\n"},
	} {
		var stdout, stderr bytes.Buffer
		p := ansible.Process{Args: c.args, Stdin: brokenReader{}, Stdout: &stdout, Stderr: &stderr, Terminal: true}
		assert.Equal(t, c.code, ansible.ExecuteAmong(t.Context(), c.modules, p))
		assert.Empty(t, stdout.String())
		assert.Contains(t, stderr.String(), c.want)
	}
	_, answer := executeOn(t, suite[1], ansible.Process{Args: []string{"probe", "-"}, Stdin: strings.NewReader(`{}`), Terminal: true})
	assert.Equal(t, false, answer["changed"], "who says that arguments come is believed")
}

func TestNothingIsThere(t *testing.T) {
	code := ansible.Execute(t.Context(), module(`{p: {type: path}}`, answering(nil, nil)), ansible.Process{})
	assert.Equal(t, 1, code, "no input is no arguments")
	_, answer := execute(t, module(`{p: {type: path}, q: {type: path}}`, answering(nil, nil)), `{"p": "~/$X", "q": "~nobody"}`)
	assert.Equal(t, map[string]any{"module_args": map[string]any{"p": "~/$X", "q": "~nobody"}}, answer["invocation"])
}

func TestRedact_HidesOtherForms(t *testing.T) {
	var texts []string
	m := ansible.Module{
		Name: "m", Documentation: []byte("DOCUMENTATION:\n  options:\n    password: {type: str}\n    pin: {type: str}\n"),
		Params: struct {
			Password secret.Value `mapstructure:"password"`
			Pin      secret.Value `mapstructure:"pin"`
		}{},
		Run: func(_ context.Context, c *ansible.Call) (ansible.Result, error) {
			says := "wrong: S3cret&lt;%2Fword and TWO-MADE&#45;LATER and 12345"
			texts = append(texts, c.Redact(says))
			c.AddSecret(secret.New("two-made-later"))
			texts = append(texts, c.Redact(says))
			return ansible.Result{}, nil
		},
	}
	var stdout bytes.Buffer
	require.Zero(t, ansible.Execute(t.Context(), m, ansible.Process{
		Args: []string{"m"}, Stdin: strings.NewReader(`{"password": "s3cret</word", "pin": "12345"}`), Stdout: &stdout,
	}), stdout.String())
	assert.Equal(t, []string{"wrong: ******** and TWO-MADE&#45;LATER and 12345", "wrong: ******** and ******** and 12345"}, texts,
		"what is short is left to the masking of the answer")
}
