// SPDX-License-Identifier: GPL-3.0-or-later

// Package resourcetest runs whole modules as Ansible runs them, against a vendor's emulator, for the modules' own tests. Nothing
// waits for real: a run's clock advances itself.
package resourcetest

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// Account is what a Lab has to know of a vendor's emulator, which has all of it but Contents.
type Account interface {
	http.Handler
	Calls() []emulator.Call
	Writes() int
	ResetCalls()
	Reset()
	Inject(rules ...emulator.Rule)
	ClearFaults()
	Pending() []emulator.Rule
}

// Setup says what a Lab is about.
type Setup struct {
	Name     string // the module: "status_cake_test"
	Plural   string // the key of the list in its answer: "tests"
	Token    string // the account's, which no answer may show
	BasePath string // of the API
	// Environment names the variables that hold the API's address and the token.
	URLVariable, TokenVariable string
	// Module makes the module with its state and its clock; a nil clock is the real one.
	Module   func(stateDir string, clock *Clock) ansible.Module
	Contents func() any                      // a copy of what the account holds
	More     []string                        // the keys of further lists in the answer, whose objects count as those of Plural do
	Beside   func(Answer) bool               // whether an answer tells of changes beside the objects; nil for never
	Wrap     func(http.Handler) http.Handler // around the account; nil for nothing
}

// Lab is an emulated account behind HTTP, and a controller from which a module is run.
type Lab struct {
	T     testing.TB
	Setup Setup
	URL   string // of the API

	StateDir string
	Clock    *Clock

	account Account
	server  *httptest.Server
	busy    *busy
	options *sync.Map // what documented gives, by the module's name
}

// New starts the account's server.
func New(t testing.TB, account Account, setup Setup) *Lab {
	t.Helper()
	var handler http.Handler = account
	if setup.Wrap != nil {
		handler = setup.Wrap(account)
	}
	busy := &busy{conns: map[net.Conn]bool{}}
	busy.changed.L = &busy.mu
	server := httptest.NewUnstartedServer(handler)
	server.Config.ConnState = busy.note
	server.Start()
	t.Cleanup(server.Close)
	return &Lab{
		T: t, Setup: setup, URL: server.URL + setup.BasePath, server: server, StateDir: t.TempDir(), Clock: NewClock(), account: account, busy: busy,
		options: new(sync.Map),
	}
}

// busy knows on which connections the server has a call under way.
type busy struct {
	mu      sync.Mutex
	changed sync.Cond
	conns   map[net.Conn]bool
}

func (b *busy) note(c net.Conn, state http.ConnState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if state == http.StateActive {
		b.conns[c] = true
	} else {
		delete(b.conns, c)
	}
	b.changed.Broadcast()
}

// Quiet ends the connections and waits for the server to be done with the calls of a run that hung up: it may act on them late.
func (l *Lab) Quiet() {
	l.server.CloseClientConnections()
	l.busy.mu.Lock()
	defer l.busy.mu.Unlock()
	for len(l.busy.conns) > 0 {
		l.busy.changed.Wait()
	}
}

// Clock advances itself by every sleep, so that nothing waits.
type Clock struct {
	// Before is asked at the begin of each sleep. nil for nobody.
	Before func(ctx context.Context, d time.Duration)

	mu    sync.Mutex
	now   time.Time
	yield time.Duration // how long a sleep really is, at most
}

// NewClock gives a clock at the moment at which all tests take place.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)} }

// Now gives the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Reach moves the clock on to a time, unless it is later already.
func (c *Clock) Reach(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.After(c.now) {
		c.now = at
	}
}

// Sleep moves the clock on, unless the context has ended.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	if c.Before != nil {
		c.Before(ctx, d)
	}
	if c.yield > 0 {
		timer := time.NewTimer(min(d, c.yield))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if ctx.Err() == nil {
		c.now = c.now.Add(d)
	}
	return ctx.Err()
}

// Options are a task's, as the playbook has them.
type Options map[string]any

// With gives the options with others added or replaced.
func (o Options) With(more Options) Options {
	joined := maps.Clone(o)
	maps.Copy(joined, more)
	return joined
}

// Run runs the module with the task's options. The account's address and token come from the environment.
func (l *Lab) Run(o Options, change ...func(*ansible.Process)) Answer {
	l.T.Helper()
	return l.RunBy(l.Clock, o, change...)
}

// Together runs tasks at the same time, each as a process of its own would: they share the folder of the controller's state. Their sleeps let the
// others work for a moment.
func (l *Lab) Together(tasks ...Options) []Answer {
	answers := make([]Answer, len(tasks))
	var group sync.WaitGroup
	for i, task := range tasks {
		group.Go(func() { answers[i] = l.RunBy(&Clock{now: l.Clock.Now(), yield: time.Millisecond}, task) })
	}
	group.Wait()
	return answers
}

// DryRun runs the module in check mode, and sees that nothing was written.
func (l *Lab) DryRun(o Options) Answer {
	l.T.Helper()
	before, writes := l.Setup.Contents(), l.account.Writes()
	a := l.Run(o.With(Options{"_ansible_check_mode": true}))
	assert.Equal(l.T, before, l.Setup.Contents(), "check mode changed the account")
	assert.Equal(l.T, writes, l.account.Writes(), "check mode sent a write")
	return a
}

// OK runs the module and demands that it did not fail.
func (l *Lab) OK(o Options) Answer {
	l.T.Helper()
	a := l.Run(o)
	require.False(l.T, a.Failed, a.Msg)
	return a
}

// Settled runs the module once more and demands that nothing is left to do: no write at all, and nothing to list where only changes are.
func (l *Lab) Settled(o Options) {
	l.T.Helper()
	writes := l.account.Writes()
	a := l.OK(o.With(Options{"results": "changed"}))
	assert.Empty(l.T, a.Objects, "results: changed lists what is unchanged")
	assert.False(l.T, a.Changed, "a second run changes something: %s", a.Raw)
	assert.Equal(l.T, writes, l.account.Writes(), "a second run writes")
}

// Refusal runs the module, demands that it failed before it called the server, and gives the message.
func (l *Lab) Refusal(o Options) string {
	l.T.Helper()
	l.account.ResetCalls()
	a := l.Run(o)
	assert.True(l.T, a.Failed, "not refused: %s", a.Raw)
	assert.Empty(l.T, l.account.Calls(), "refused only after calls")
	return a.Msg
}

// WriteCalls gives the calls that were no reads, since the last reset of the calls.
func (l *Lab) WriteCalls() []emulator.Call {
	var writes []emulator.Call
	for _, call := range l.account.Calls() {
		if call.Write() {
			writes = append(writes, call)
		}
	}
	return writes
}

// Fresh empties the account and makes the controller forget.
func (l *Lab) Fresh() {
	l.T.Helper()
	l.server.CloseClientConnections()
	l.account.Reset()
	l.StateDir = l.T.TempDir()
}

// documented gives a module's options as its program has them ready, read once: that takes longer than many a run.
func (l *Lab) documented(module ansible.Module) []ansible.OptionDoc {
	l.T.Helper()
	if known, ok := l.options.Load(module.Name); ok {
		return known.([]ansible.OptionDoc)
	}
	options, err := ansible.DocumentedOptions(module.Documentation)
	require.NoError(l.T, err)
	l.options.Store(module.Name, options)
	return options
}

// RunBy is Run by another clock; nil is for the real one.
func (l *Lab) RunBy(clock *Clock, o Options, change ...func(*ansible.Process)) Answer {
	l.T.Helper()
	arguments, err := json.Marshal(Options{"_ansible_diff": true}.With(o))
	require.NoError(l.T, err)
	environment := map[string]string{l.Setup.URLVariable: l.URL, l.Setup.TokenVariable: l.Setup.Token}
	var stdout, stderr bytes.Buffer
	var log string
	p := ansible.Process{
		Args: []string{l.Setup.Name}, Stdin: bytes.NewReader(arguments), Stdout: &stdout, Stderr: &stderr,
		LookupEnv: func(name string) (string, bool) { v, ok := environment[name]; return v, ok },
		Syslog:    func(_, _, line string) error { log = line; return nil },
	}
	for _, f := range change {
		f(&p)
	}
	module := l.Setup.Module(l.StateDir, clock)
	module.Options = l.documented(module)
	code := ansible.Execute(l.T.Context(), module, p)
	a, err := decode(stdout.Bytes(), append([]string{l.Setup.Plural}, l.Setup.More...)...)
	require.NoError(l.T, err, "the answer: %s", stdout.String())
	a.Syslog = log
	assert.Empty(l.T, stderr.String(), "standard error")
	beside := l.Setup.Beside != nil && l.Setup.Beside(a)
	if complaint := a.inconsistency(code, l.Setup.Token, beside, o["results"] == "changed"); complaint != "" {
		assert.Fail(l.T, complaint, a.Raw)
	}
	return a
}
