// SPDX-License-Identifier: GPL-3.0-or-later

package resourcetest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// Faults are the ways in which a call fails, before the service acted on it and after.
func Faults() map[string]emulator.Fault {
	return map[string]emulator.Fault{
		"429":            {Kind: emulator.Status, Status: http.StatusTooManyRequests},
		"500":            {Kind: emulator.Status, Status: http.StatusInternalServerError},
		"503":            {Kind: emulator.Status, Status: http.StatusServiceUnavailable},
		"500 after":      {Kind: emulator.StatusAfter, Status: http.StatusInternalServerError},
		"504 after":      {Kind: emulator.StatusAfter, Status: http.StatusGatewayTimeout},
		"dropped before": {Kind: emulator.DropBefore},
		"dropped after":  {Kind: emulator.DropAfter},
		"cut off":        {Kind: emulator.CutBody},
		"HTML before":    {Kind: emulator.HTML},
		"HTML after":     {Kind: emulator.HTMLAfter},
	}
}

// Plight is a run whose every call is made to fail in turn.
type Plight struct {
	Task Options
	// Fill makes what there is before the run. What it gives tells of the objects that are not the task's business, now or later: that must
	// never change.
	Fill func() (bystanders func() any)
	// Result is what the account holds beside those, and After what that is in the end.
	Result func() any
	After  any
	// Judge holds what a run told against what is in the account.
	Judge func(a Answer, at string)
}

// Suffer runs the task with a fault (nil for none) in a new account, then without, until nothing is left to do. It gives the number of
// calls of the first run. Whatever happens: one valid answer, no wrong deletion, what is told as done is done, and the next run puts right
// what is left.
func (l *Lab) Suffer(p Plight, rule *emulator.Rule) (calls int) {
	l.T.Helper()
	at := "no fault"
	l.Fresh()
	bystanders := p.Fill()
	before := bystanders()
	if rule != nil {
		at = fmt.Sprintf("call %d", rule.Index)
		l.account.Inject(*rule)
	}
	a := l.Run(p.Task)
	calls = len(l.account.Calls())
	if rule == nil {
		require.False(l.T, a.Failed, a.Msg)
	} else {
		require.Empty(l.T, l.account.Pending(), "the fault did not happen")
	}
	assert.False(l.T, a.Failed, "%s: one call of many that fails once does not fail a run: %s", at, a.Msg)
	p.Judge(a, at)
	l.account.ClearFaults()

	again := l.Run(p.Task)
	assert.False(l.T, again.Failed, "%s: the run after it: %s", at, again.Msg)
	assert.Equal(l.T, p.After, p.Result(), "%s: what there is in the end", at)
	if again.Changed || a.Failed {
		writes := l.account.Writes()
		assert.False(l.T, l.Run(p.Task).Changed, at)
		assert.Equal(l.T, writes, l.account.Writes(), "%s: a third run writes", at)
	}
	assert.Equal(l.T, before, bystanders(), "%s: what is none of the task's business", at)
	return calls
}

// EachCall lets each single call of the run fail in one way, or with -short some of them.
func (l *Lab) EachCall(p Plight, fault emulator.Fault) {
	l.T.Helper()
	n := l.Suffer(p, nil)
	require.Greater(l.T, n, 20)
	indices := make([]int, n)
	for i := range n {
		indices[i] = i
	}
	for _, index := range Some(indices) {
		l.Suffer(p, &emulator.Rule{Index: index, Fault: fault})
	}
}

// ExpectHints runs a task with credentials that are refused, and where each connection is dropped: the first error names the credentials as
// login does, the second api_url.
func (l *Lab) ExpectHints(task Options, login string) {
	l.T.Helper()
	for want, fault := range map[string]emulator.Fault{
		login + " was refused":     {Kind: emulator.Status, Status: http.StatusUnauthorized},
		"(api_url: " + l.URL + ")": {Kind: emulator.DropBefore},
	} {
		l.account.ClearFaults()
		l.account.Inject(emulator.On("", "", emulator.Always, fault))
		a := l.Run(task.With(Options{"api_retries": 0}))
		assert.True(l.T, a.Failed, "%v: %s", task, a.Raw)
		assert.Contains(l.T, a.Msg, want)
		assert.Equal(l.T, 1, a.API.Calls, "neither is tried again, nor is anything else")
	}
	l.account.ClearFaults()
}

// FailSome lets two of a hundred of the next calls fail with 500, before the service acted or after.
func (l *Lab) FailSome(random *rand.Rand) {
	const share, most = 50, 4000
	l.account.ClearFaults()
	l.account.ResetCalls()
	for i := range most {
		if random.IntN(share) == 0 {
			kind := []emulator.Kind{emulator.Status, emulator.StatusAfter}[random.IntN(2)]
			l.account.Inject(emulator.Rule{Index: i, Fault: emulator.Fault{Kind: kind, Status: http.StatusInternalServerError}})
		}
	}
}

// Some gives all the calls that are to fail, and with -short each seventh: the race detector, which makes a run ten times as long, sees no
// other code in those between, and what becomes of each is looked at without it.
func Some(indices []int) []int {
	if !testing.Short() {
		return indices
	}
	var some []int
	for i := 0; i < len(indices); i += 7 {
		some = append(some, indices[i])
	}
	return some
}
