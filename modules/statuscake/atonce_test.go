// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// The tests in this file hold what becomes of runs at once on one controller while one of them is inside a creation.

// childVariable makes the binary of the tests the module, with this folder for what it keeps.
const childVariable = "STATUSCAKE_TEST_STATE"

// TestMain lets a test start the module as a process that it can stop and kill.
func TestMain(m *testing.M) {
	folder := os.Getenv(childVariable)
	if folder == "" {
		os.Exit(m.Run())
	}
	os.Exit(ansible.Execute(context.Background(), world{stateDir: folder}.uptimeModule(), ansible.Process{
		Args: os.Args[:1], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, LookupEnv: os.LookupEnv,
	}))
}

// heldLab is one whose first creation arrives and is not carried out before proceed is called.
type heldLab struct {
	*lab
	arrived chan struct{}
	proceed func()
	served  chan struct{} // closed when the first creation was carried out
}

func newHeldLab(t *testing.T) *heldLab {
	t.Helper()
	held := &heldLab{arrived: make(chan struct{}), served: make(chan struct{})}
	release := make(chan struct{})
	held.proceed = sync.OnceFunc(func() { close(release) })
	var first sync.Once
	held.lab = startLab(t, emulator.Options{ListLag: 2}, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mine := false
			if r.Method == http.MethodPost {
				first.Do(func() { mine = true })
			}
			if !mine {
				next.ServeHTTP(w, r)
				return
			}
			body, err := io.ReadAll(r.Body)
			assert.NoError(t, err)
			r.Body = io.NopCloser(bytes.NewReader(body))
			close(held.arrived)
			<-release
			next.ServeHTTP(w, r.WithContext(context.WithoutCancel(r.Context()))) // also for a client that is gone
			close(held.served)
		})
	})
	t.Cleanup(held.proceed) // before the server is closed, which waits for its calls
	return held
}

// began starts a run and returns when its creation has arrived.
func (l *heldLab) began(task options) (answered func() answer) {
	answers := make(chan answer, 1)
	go func() { answers <- l.RunBy(resourcetest.NewClock(), task) }()
	<-l.arrived
	return func() answer { return <-answers }
}

// whenItWaits returns a clock that calls do at the first sleep of its run.
func whenItWaits(do func()) *resourcetest.Clock {
	clock := resourcetest.NewClock()
	do = sync.OnceFunc(do)
	clock.Before = func(context.Context, time.Duration) { do() }
	return clock
}

// child starts the module as a process of its own and returns when its creation has arrived.
func (l *heldLab) child(task options) *exec.Cmd {
	l.T.Helper()
	self, err := os.Executable()
	require.NoError(l.T, err)
	arguments, err := json.Marshal(task.With(options{"api_url": l.URL}))
	require.NoError(l.T, err)
	child := exec.CommandContext(l.T.Context(), self)
	child.Env = append(os.Environ(), childVariable+"="+l.StateDir, "STATUSCAKE_API_TOKEN="+token)
	child.Stdin = bytes.NewReader(arguments)
	child.Stdout = new(bytes.Buffer)
	require.NoError(l.T, child.Start())
	<-l.arrived
	return child
}

func held(name string) options {
	return site(name).With(options{"stack": "shop", "api_rate_limit": 0, "contact_groups": []string{}})
}

// TestRunsAtOnce_SlowCreation holds fault A10: a second run looks while the creation of the first one takes long, on a clock that moves.
func TestRunsAtOnce_SlowCreation(t *testing.T) {
	t.Parallel()
	l := newHeldLab(t)
	first := l.began(held("web"))
	var one answer
	two := l.RunBy(whenItWaits(func() {
		l.proceed()
		one = first()
	}), held("web"))
	assert.Equal(t, "created", one.Only(t).Action)
	assert.Equal(t, "unchanged", two.Only(t).Action)
	assert.Empty(t, append(one.Warnings, two.Warnings...))
	assert.Len(t, l.Tests(), 1)
	l.Settled(held("web"))
}

// TestRunsAtOnce_WaitingRunHoldsNobodyElse holds fault A11: a run waits inside a creation, told by the server to come again in 45 seconds.
func TestRunsAtOnce_WaitingRunHoldsNobodyElse(t *testing.T) {
	t.Parallel()
	l := plainLab(t, emulator.Options{})
	l.Inject(emulator.On(http.MethodPost, "/v1/uptime", 1, emulator.Fault{Kind: emulator.Status, Status: 429, Header: http.Header{"Retry-After": {"45"}}}))
	other := plainLab(t, emulator.Options{})
	other.StateDir = l.StateDir
	other.OK(held("old"))

	waits, proceed := make(chan struct{}), make(chan struct{})
	goOn := sync.OnceFunc(func() { close(proceed) })
	t.Cleanup(goOn)
	answers := make(chan answer, 1)
	go func() {
		answers <- l.RunBy(whenItWaits(func() { close(waits); <-proceed }), held("web"))
	}()
	<-waits

	never := resourcetest.NewClock()
	never.Before = func(_ context.Context, d time.Duration) { assert.Fail(t, "another account waits", "for %s", d) }
	a := other.RunBy(never, options{"stack": "shop", "state": "absent", "purge_limit": "100%", "api_rate_limit": 0})
	assert.Equal(t, []string{"old deleted"}, a.Actions(), a.Raw)
	assert.Empty(t, a.Warnings)
	a = l.RunBy(never, held("db"))
	assert.Equal(t, "created", a.Only(t).Action, a.Raw)

	a = l.Run(held("web"))
	assert.True(t, a.Failed)
	assert.Contains(t, a.Msg, fmt.Sprintf("shop/web: another run (process %d on", os.Getpid()))
	assert.Contains(t, a.Msg, "is not created a second time")
	require.Len(t, a.Warnings, 1)
	assert.Contains(t, a.Warnings[0], "does not finish")
	goOn()
	assert.Equal(t, "created", (<-answers).Only(t).Action)
	assert.Len(t, l.Tests(), 2)
}

// TestRunsAtOnce_KilledCreation holds fault A12: a run is killed while its creation is under way and another one waits for it.
func TestRunsAtOnce_KilledCreation(t *testing.T) {
	t.Parallel()
	for what, acts := range map[string]bool{"the server creates it": true, "the server does not": false} {
		for when, waiting := range map[string]bool{"while another run waits": true, "before another run": false} {
			t.Run(what+", "+when, func(t *testing.T) {
				t.Parallel()
				l := newHeldLab(t)
				child := l.child(held("web"))
				kill := func() {
					require.NoError(t, child.Process.Kill())
					require.Error(t, child.Wait())
					if acts {
						l.proceed()
						<-l.served
					}
				}
				clock := resourcetest.NewClock()
				if waiting {
					clock = whenItWaits(kill)
				} else {
					kill()
				}
				a := l.RunBy(clock, held("web"))
				require.False(t, a.Failed, a.Msg)
				assert.Equal(t, map[bool]string{true: "unchanged", false: "created"}[acts], a.Only(t).Action)
				assert.Empty(t, a.Warnings)
				assert.Len(t, l.Tests(), 1)
				l.Settled(held("web"))
			})
		}
	}
}

// TestRunsAtOnce_StoppedCreation holds that a stopped run keeps only those waiting that want the same object, and not for ever.
func TestRunsAtOnce_StoppedCreation(t *testing.T) {
	t.Parallel()
	l := newHeldLab(t)
	child := l.child(held("web"))
	require.NoError(t, child.Process.Signal(syscall.SIGSTOP))
	a := l.OK(options{"tests": []options{site("a"), site("b")}, "stack": "blog", "purge": true, "api_rate_limit": 0})
	assert.Equal(t, []string{"a created", "b created"}, a.Actions())
	a = l.Run(options{"tests": []options{site("web"), site("db")}, "stack": "shop", "api_rate_limit": 0})
	assert.True(t, a.Failed)
	assert.Equal(t, []string{"web failed", "db created"}, a.Actions(), "one object fails, the others are made")
	assert.Contains(t, a.Msg, fmt.Sprintf("process %d on", child.Process.Pid))

	require.NoError(t, child.Process.Signal(syscall.SIGCONT))
	l.proceed()
	require.NoError(t, child.Wait(), "%s", child.Stdout)
	assert.Len(t, l.Tests(), 4)
	assert.Equal(t, "unchanged", l.OK(held("web")).Only(t).Action)
	assert.Len(t, l.named("web"), 1)
}

// TestRunsAtOnce_AccountThatWasEmptied holds fault N2: what the controller remembers is gone, and other objects have the old ids.
func TestRunsAtOnce_AccountThatWasEmptied(t *testing.T) {
	t.Parallel()
	l := plainLab(t, emulator.Options{})
	task := options{"tests": sites("a", "b", "c", "d"), "stack": "shop", "purge": true, "api_rate_limit": 0}
	l.OK(task)
	for range 3 {
		l.Reset()
		l.byHand("another one")
		for _, a := range l.Together(task, task, task) {
			require.False(t, a.Failed, a.Msg)
		}
		assert.Len(t, l.Tests(), 5, "%v", l.names())
		l.Settled(task)
	}
}

// TestLedger_IsNotReadWhereNothingIsCreated holds that a task which changes nothing costs no file.
func TestLedger_IsNotReadWhereNothingIsCreated(t *testing.T) {
	t.Parallel()
	l := plainLab(t, emulator.Options{})
	l.OK(held("web"))
	l.StateDir = t.TempDir() + "/none"
	assert.Equal(t, "unchanged", l.OK(held("web")).Only(t).Action)
	assert.NoDirExists(t, l.StateDir)
}
