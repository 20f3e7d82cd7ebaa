// SPDX-License-Identifier: GPL-3.0-or-later

package playbooks_test

import (
	"context"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible/playtest"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// TestInterruptedPlay stops ansible-playbook by a signal while the account holds back the answer to the fifth of 20 creations.
func TestInterruptedPlay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		signal syscall.Signal
		kind   emulator.Kind
		made   int // creations that the account carried out before the end
	}{
		{"Ctrl-C before the service acts", syscall.SIGINT, emulator.Delay, 4},
		{"Ctrl-C after the service acted", syscall.SIGINT, emulator.DelayAfter, 5},
		{"SIGTERM after the service acted", syscall.SIGTERM, emulator.DelayAfter, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			held := make(chan struct{}, 1)
			options := emulator.Options{Token: token, Sleep: func(ctx context.Context, d time.Duration) error {
				if d > 0 { // only the fault asks for that: the caller is kept waiting until it leaves
					held <- struct{}{}
					<-ctx.Done()
				}
				return ctx.Err()
			}}
			// Nobody gets the held answer, so there is none that could conform.
			w := startWorld(t, options, func(account http.Handler) http.Handler { return account })
			w.Inject(emulator.Rule{
				Index: emulator.AnyCall, Method: http.MethodPost, Path: "/v1/uptime", Skip: 4,
				Fault: emulator.Fault{Kind: c.kind, Delay: time.Hour},
			})
			w.Write("tests.json", declarations(20))
			w.Write("play.yml", taskPlay(`- status_cake_test:
    tests: "{{ lookup('ansible.builtin.file', 'tests.json') | from_json }}"
    api_concurrency: 1
`))
			mark := "PLAYTEST_MARK=" + w.Dir
			w.Env["PLAYTEST_MARK"] = w.Dir
			playing := w.Start("", "play.yml")
			<-held
			children := playtest.Processes(t, mark)
			delete(children, playing.Process.Pid)
			require.NotEmpty(t, children, "the module is at work")
			require.NoError(t, playing.Process.Signal(c.signal))
			run := playing.Wait()
			assert.NotZero(t, run.Code, run.Output)
			for _, child := range children {
				playtest.AwaitEnd(t, child)
			}
			assert.Empty(t, playtest.Processes(t, mark), "no process is left")
			assert.Len(t, w.Tests(), c.made)
			assert.Equal(t, 5, w.Writes(), "no further write began")

			run, writes := w.did(func() playtest.Run { return w.Play("", "play.yml") })
			assert.Equal(t, "changed 1", run.Verdicts())
			assert.Len(t, writes, 20-c.made)
			assert.Len(t, w.Tests(), 20)
		})
	}
}
