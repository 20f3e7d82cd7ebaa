// SPDX-License-Identifier: GPL-3.0-or-later

package argspec_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible/ansibletest/argspec"
)

func answer(t *testing.T, m ansible.Module, args string) string {
	t.Helper()
	var out bytes.Buffer
	ansible.Execute(t.Context(), m, ansible.Process{Stdin: strings.NewReader(args), Stdout: &out})
	return out.String()
}

func TestArgspecAnswersItsOptions(t *testing.T) {
	assert.Contains(t, answer(t, argspec.Argspec(), `{"required": "x", "required_one_of_one": "y"}`), `"required":"x"`)
}

func TestBehaveDoesAsItIsTold(t *testing.T) {
	require.NoError(t, ansible.CheckSpec(argspec.Behave(nil)))
	for do, want := range map[string]string{"succeed": `"changed":true`, "fail": "asking with token ********: unsupported", "panic": "the module panicked: lost ********"} {
		assert.Contains(t, answer(t, argspec.Behave(nil), `{"token": "hunter2", "do": "`+do+`"}`), want)
	}
}

func TestBehaveWaitsForItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	ansible.Execute(ctx, argspec.Behave(cancel), ansible.Process{Stdin: strings.NewReader(`{"do": "wait"}`), Stdout: &out})
	assert.Contains(t, out.String(), "second: context canceled")
}

func TestBehaveHangs(t *testing.T) {
	signals, over := make(chan os.Signal, 1), make(chan time.Time, 1)
	over <- time.Time{}
	var out bytes.Buffer
	ansible.Execute(t.Context(), argspec.Behave(func() { signals <- os.Interrupt }), ansible.Process{
		Stdin: strings.NewReader(`{"do": "hang"}`), Stdout: &out, Signals: signals, After: func(time.Duration) <-chan time.Time { return over },
	})
	assert.Contains(t, out.String(), "interrupted by SIGINT: the module did not end in time")
}
