// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"log/syslog"
	"math"
	"math/big"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

func TestOSProcess(t *testing.T) {
	t.Setenv("PROBE_ME", "here")
	p := osProcess()
	defer signal.Reset(syscall.SIGINT, syscall.SIGTERM)
	assert.Equal(t, os.Args, p.Args)
	assert.Equal(t, defaultGrace, p.Grace)
	text, ok := p.LookupEnv("PROBE_ME")
	assert.True(t, ok)
	assert.Equal(t, "here", text)
	assert.NotNil(t, p.Signals)
	assert.Equal(t, isSocket("/dev/log") || isSocket("/var/run/syslog") || isSocket("/var/run/log"), p.Syslog != nil)
}

func TestLookupHome(t *testing.T) {
	home, ok := lookupHome("root")
	assert.True(t, ok)
	assert.NotEmpty(t, home)
	_, ok = lookupHome("")
	assert.True(t, ok)
	_, ok = lookupHome("nobody knows this one")
	assert.False(t, ok)
}

func TestSettleLeavesAFolderThatIsGone(t *testing.T) {
	refuge, gone := t.TempDir(), filepath.Join(t.TempDir(), "gone")
	t.Setenv("HOME", refuge)
	require.NoError(t, os.Mkdir(gone, 0o700))
	t.Chdir(gone)
	settle()
	here, err := os.Getwd()
	require.NoError(t, err)
	assert.Equal(t, gone, here, "a folder that can be read is kept")

	require.NoError(t, os.Remove(gone))
	t.Setenv("PWD", "")
	settle()
	here, err = os.Getwd()
	require.NoError(t, err)
	assert.Equal(t, refuge, here)
}

func TestSyslogPriority(t *testing.T) {
	assert.Equal(t, syslog.LOG_LOCAL3|syslog.LOG_INFO, syslogPriority("LOG_LOCAL3"))
	assert.Equal(t, syslog.LOG_USER|syslog.LOG_INFO, syslogPriority("INFO"))
	if _, err := os.Stat("/dev/log"); err != nil {
		assert.ErrorContains(t, writeSyslog("", "ansible-probe", "x"), "reaching the system log")
	}
}

func TestExpandPath(t *testing.T) {
	e := environment{
		lookup: func(name string) (string, bool) {
			values := map[string]string{"HOME": "/home/me/", "X": "~", "EMPTY": ""}
			text, ok := values[name]
			return text, ok
		},
		home: func(user string) (string, bool) { return "/users/" + user, user != "stranger" },
	}
	for path, want := range map[string]string{
		"~": "/home/me", "~/a": "/home/me/a", "~you/a": "/users/you/a", "~stranger/a": "~stranger/a", "$X/a": "/home/me/a", "${X}x": "/users/x",
		"$EMPTY": "", "$NOPE": "$NOPE", "a~": "a~", "$": "$", "": "",
	} {
		assert.Equal(t, want, e.expandPath(path), path)
	}
	root := environment{lookup: func(string) (string, bool) { return "/", true }, home: e.home}
	assert.Equal(t, "/", root.expandPath("~"))
	homeless := environment{lookup: noLookup, home: e.home}
	assert.Equal(t, "/users/a", homeless.expandPath("~/a"))
}

func TestPythonEquality(t *testing.T) {
	big1, big2 := new(big.Int).Lsh(big.NewInt(1), 80), new(big.Int).Lsh(big.NewInt(1), 80)
	object := func(text string) any { return mustJSON(text) }
	for _, pair := range [][2]any{
		{true, int64(1)}, {false, 0.0}, {int64(2), 2.0}, {big1, big2}, {big1, math.Ldexp(1, 80)}, {nil, nil}, {"a", "a"}, {math.Inf(1), math.Inf(1)},
		{[]any{int64(1)}, []any{true}}, {tuple{"a"}, tuple{"a"}}, {object(`{"a": 1, "b": 2}`), object(`{"b": 2, "a": 1}`)},
	} {
		assert.True(t, pyEqual(pair[0], pair[1]), "%v", pair)
	}
	for _, pair := range [][2]any{
		{"1", int64(1)}, {int64(1), "1"}, {nil, false}, {int64(0), nil}, {math.NaN(), math.NaN()}, {math.Inf(1), math.Inf(-1)}, {math.Inf(1), int64(1)}, {"a", nil},
		{[]any{"a"}, tuple{"a"}}, {tuple{"a"}, []any{"a"}}, {[]any{}, nil}, {object(`{"a": 1}`), object(`{"a": 2}`)}, {object(`{"a": 1}`), object(`{"b": 1}`)}, {object(`{"a": 1}`), object(`{}`)}, {object(`{}`), nil},
	} {
		assert.False(t, pyEqual(pair[0], pair[1]), "%v", pair)
	}
}

func TestTruth(t *testing.T) {
	for _, value := range []any{true, int64(1), 0.5, "x", []any{nil}, tuple{nil}, mustJSON(`{"a": 1}`), big.NewInt(1)} {
		assert.True(t, truthy(value), "%v", value)
	}
	for _, value := range []any{nil, false, int64(0), 0.0, "", []any{}, tuple{}, newDict()} {
		assert.False(t, truthy(value), "%v", value)
	}
}

func TestRepr(t *testing.T) {
	assert.Equal(t, `('a', [1.0, None], {"it's": True})`, pyRepr(tuple{"a", []any{1.0, nil}, mustJSON(`{"it's": true}`)}))
	assert.Equal(t, `(1,)`, pyRepr(tuple{int64(1)}))
	assert.Equal(t, `()`, pyRepr(tuple{}))
	assert.Equal(t, `'\x7f\xa0\u200b\U000e0001\'"é😀'`, pyRepr("\x7f\u00a0\u200b\U000e0001'\"é😀"))
	assert.Equal(t, "[inf, -inf, nan, 1e+16, 1e-05, 0.0001, -0.0]", pyRepr([]any{math.Inf(1), math.Inf(-1), math.NaN(), 1e16, 1e-5, 1e-4, math.Copysign(0, -1)}))
	assert.Equal(t, "[1, 2]", pyRepr(plain(tuple{int64(1), int64(2)})))
}

func TestFromGo(t *testing.T) {
	assert.Equal(t, int64(5), fromGo(5))
	assert.Equal(t, []any{"a"}, fromGo([]string{"a"}))
	assert.Equal(t, `{"a":1}`, show(fromGo(map[string]int{"a": 1})))
	assert.NotEmpty(t, fromGo(make(chan int)))
	assert.Equal(t, []any{int64(1)}, fromGo([]any{int64(1)}))
}

func TestDeepCopySharesNothing(t *testing.T) {
	inner := []any{"x"}
	d := newDict()
	d.set("list", inner)
	d.set("tuple", tuple{inner})
	c, ok := deepCopy(d).(*dict)
	require.True(t, ok)
	inner[0] = "changed"
	assert.JSONEq(t, `{"list": ["x"], "tuple": [["x"]]}`, show(c))
	c.remove("list")
	c.remove("never there")
	assert.True(t, d.has("list"))
}

func TestSecretsOfOddValues(t *testing.T) {
	set := secretSet{}
	require.NoError(t, set.addAll(mustJSON(`{"a": [1, 2.5, "x", true, null, {"b": "y"}], "c": ""}`)))
	require.NoError(t, set.addAll(tuple{"z"}))
	assert.Equal(t, secretSet{"1": {}, "2.5": {}, "x": {}, "y": {}, "z": {}}, set)
	mask := secretSet{"12": {}, "long secret": {}, "secret": {}}.masker()
	assert.Equal(t, []any{int64(3123), int64(3), wholeMask, wholeMask, 0.5, nil, true}, mask.value([]any{int64(3123), int64(3), int64(12), 1.12, 0.5, nil, true}))
	assert.Equal(t, []any{"a ******** ********"}, mask.value(tuple{"a long secret secret"}))
	assert.Equal(t, "x", secretSet{}.masker().value("x"))
}

// TestMask_LeavesWords holds that a secret of fewer than 8 characters is masked only where it is no part of a word.
func TestMask_LeavesWords(t *testing.T) {
	for _, c := range []struct{ secret, text, want string }{
		{"a", "post_body cannot be combined with post_raw", ""},
		{"test", "test_type SSH is not sent to tests that exist; the latest of test2", ""},
		{"c", "1 of 1 checks failed", ""},
		{"1", "b21 and b1_", ""},
		{"k", "api_url must be like https://api.example.com", ""},
		{"p\u00e4", "p\u00e4p und sp\u00e4", ""},
		{":", "tests: none", ""},
		{"hunter2", "xhunter2", ""},
		{"hunter22", "xhunter22x", "x********x"},
		{"test", `https://me:test@host/?a=test&b="test" test, (test) test-test test.`,
			`https://me:********@host/?a=********&b="********" ********, (********) ********-******** ********.`},
		{"test", `%3Dtest %20test \ntest \u003ctest\u003e`, `%3D******** %20******** \n******** \u003c********\u003e`},
		{"p$", "p$word up$", "********word up$"},
		{"$p", "word$p $pup", "word******** $pup"},
		{"#", "x # y", "x ******** y"},
	} {
		want := c.want
		if want == "" {
			want = c.text
		}
		assert.Equal(t, want, secretSet{c.secret: {}}.masker().text(c.text), c.secret)
	}
	mask := secretSet{"ab": {}, "long secret": {}}.masker()
	assert.Equal(t, "****************", mask.text("long secretab"), "what is beside another secret is a word of its own")
	assert.Equal(t, wholeMask, mask.text("ab"))
}

func TestHideLogins(t *testing.T) {
	for text, want := range map[string]string{
		"https://user:password@host": "https://user:********@host", "user:password@host": "user:********@host", "no at": "no at", "only@host": "only@host",
		"two http://a:b@c and http://d:e@f": "two http://a:********@c and http://d:********@f",
	} {
		assert.Equal(t, want, hideLogins(text))
	}
}

// TestHideLoginsEnds tries short texts of the letters that matter: none may go out of bounds or without end, and what is
// not hidden stays as it was.
func TestHideLoginsEnds(t *testing.T) {
	var try func(text string)
	try = func(text string) {
		hidden := hideLogins(text)
		shown := strings.ReplaceAll(hidden, secret.Mask, "")
		require.LessOrEqual(t, len(shown), len(text), text)
		if !strings.Contains(text, "@") {
			require.Equal(t, text, hidden)
		}
		if len(text) < 7 {
			for _, letter := range []string{"a", ":", "/", "@"} {
				try(text + letter)
			}
		}
	}
	try("")
}
