// SPDX-License-Identifier: GPL-3.0-or-later

package ansible_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
)

func served(t *testing.T, m ansible.Module, p ansible.Process, calls ...string) (code int, answers []map[string]any) {
	t.Helper()
	var out bytes.Buffer
	p.Args, p.Stdin, p.Stdout = []string{"suite", "--serve", m.Name}, strings.NewReader(strings.Join(calls, "\n")), &out
	code = ansible.Serve(t.Context(), []ansible.Module{{Name: "other"}, m}, p)
	for line := range strings.Lines(out.String()) {
		answers = append(answers, decode(t, line))
	}
	return code, answers
}

func TestServeKeepsNothingFromOneCallToTheNext(t *testing.T) {
	ended := 0
	m := module(`{a: {}, password: {}}`, func(_ context.Context, call *ansible.Call) (ansible.Result, error) {
		call.AtEnd(func() { ended++ })
		switch a := call.Params()["a"]; a {
		case "warn":
			call.Warn("once")
			return ansible.Result{"changed": true}, nil
		case "panic":
			panic("boom")
		default:
			return ansible.Result{"text": a, "ended": ended}, nil
		}
	})
	m.Rules.Options = map[string]ansible.OptionRules{"password": {Secret: true}}
	code, answers := served(t, m, ansible.Process{},
		`{"a": "tell hunter2", "password": "hunter2"}`, `{"a": "warn"}`, `{"a": `, `{"a": "panic"}`, `{"b": "wrong"}`, `{"a": "tell hunter2\nas it is"}`, "")
	assert.Zero(t, code)
	require.Len(t, answers, 6)
	assert.Equal(t, "tell ********", answers[0]["text"])
	assert.Equal(t, []any{"once"}, answers[1]["warnings"])
	assert.Contains(t, answers[2]["msg"], "not valid JSON")
	assert.Contains(t, answers[3]["msg"], "the module panicked: boom")
	assert.Contains(t, answers[4]["msg"], "Unsupported parameters")
	assert.Equal(t, "tell hunter2\nas it is", answers[5]["text"], "what is a secret in one call is none in another")
	assert.NotContains(t, answers[5], "warnings")
	assert.Equal(t, false, answers[5]["changed"])
	assert.EqualValues(t, 3, answers[5]["ended"], "what a call asked for at its end was done, after a panic too")
}

func TestServeEndsAfterASignal(t *testing.T) {
	signals, begun := make(chan os.Signal, 1), 0
	m := module(`{}`, func(ctx context.Context, _ *ansible.Call) (ansible.Result, error) {
		if begun++; begun == 2 {
			signals <- syscall.SIGTERM
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}
		return nil, nil
	})
	code, answers := served(t, m, ansible.Process{Signals: signals}, "{}", "{}", "{}")
	assert.Equal(t, 1, code)
	require.Len(t, answers, 2)
	assert.Contains(t, answers[1]["msg"], "interrupted by SIGTERM")
}

func TestServeTellsWhatItCannotServe(t *testing.T) {
	var out bytes.Buffer
	p := ansible.Process{Args: []string{"suite", "--serve"}, Stdin: strings.NewReader("{}\n"), Stdout: &out}
	ansible.Serve(t.Context(), []ansible.Module{module(`{}`, nil), {Name: "other"}}, p)
	assert.Contains(t, decode(t, out.String())["msg"], "the module must be one of: ")
}
