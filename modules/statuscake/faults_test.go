// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
)

// plight is a run of 20 tests whose every call is made to fail in turn.
type plight struct {
	task options
	// before fills the account; what it gives is not the task's business and must never change.
	before func(l *lab) (bystanders []string)
	// after is what the account holds in the end, beside the bystanders: check rates by "stack/name".
	after map[string]int
	// mortal are the keys of tests that the task deletes.
	mortal []string
}

// creating is a task that creates 20 tests in an account of somebody else's.
func creating() plight {
	p := plight{after: map[string]int{}}
	var items []options
	for i := range 20 {
		name := fmt.Sprintf("new %02d", i)
		items = append(items, site(name).with(options{"check_rate": 60}))
		p.after["shop/"+name] = 60
	}
	p.task = options{"stack": "shop", "tests": items, "api_rate_limit": 0}
	p.before = func(l *lab) []string { return []string{l.byHand("nobody"), l.byHand("new 03", ofStack("blog"))} }
	return p
}

// mixed is a task of 20 tests that creates, updates, deletes, purges and leaves alone.
func mixed() plight {
	p := plight{after: map[string]int{}, mortal: []string{"shop/gone 16", "shop/gone 17", "shop/purged 18", "shop/purged 19"}}
	var items []options
	for i := range 16 {
		name := fmt.Sprintf("%s %02d", [...]string{"new", "edited", "same", "same"}[i%4], i)
		items = append(items, site(name).with(options{"check_rate": 60}))
		p.after["shop/"+name] = 60
	}
	items = append(items, options{"name": "gone 16", "state": "absent"}, options{"name": "gone 17", "state": "absent"})
	p.task = options{"stack": "shop", "tests": items, "purge": true, "api_rate_limit": 0}
	p.before = func(l *lab) []string {
		for i := range 16 {
			if i%4 > 0 {
				l.byHand(items[i]["name"].(string), ofStack("shop"), func(t *vendor.Test) {
					if i%4 > 1 {
						t.CheckRate = 60
					}
				})
			}
		}
		for _, name := range []string{"gone 16", "gone 17", "purged 18", "purged 19"} {
			l.byHand(name, ofStack("shop"))
		}
		return []string{
			l.byHand("gone 16"), l.byHand("purged 18", ofStack("blog")), l.byHand("edited 01", ofStack("blog")),
			l.byHand("shared", tagged(ownershipTag, stackTag+"shop", stackTag+"blog")), l.byHand("nobody"),
		}
	}
	return p
}

// faults are the ways in which a call fails, before the service acted on it and after.
func faults() map[string]emulator.Fault {
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

// TestFaultMatrix lets each single call of a run fail in each way. Whatever happens: one valid answer, no duplicate, no wrong
// deletion, what is told as done is done, and the next run puts right what is left.
func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	// Where the answer is lost the service's lagging list decides, so that these are tried with lag and many calls at once, too.
	lost := []string{"dropped after", "cut off"}
	for _, scene := range []struct {
		name             string
		plight           plight
		lag, concurrency int
		faults           []string
	}{
		{"creating", creating(), 0, 1, slices.Sorted(maps.Keys(faults()))},
		{"mixed", mixed(), 0, 1, slices.Sorted(maps.Keys(faults()))},
		{"creating, lag 1", creating(), 1, 8, lost},
		{"creating, lag 2", creating(), 2, 8, lost},
		{"creating, lag 8", creating(), 8, 8, lost},
		{"mixed, lag 2", mixed(), 2, 8, lost},
	} {
		for _, name := range scene.faults {
			t.Run(scene.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				l := plainLab(t, emulator.Options{ListLag: scene.lag})
				p := scene.plight
				p.task = p.task.with(options{"api_concurrency": scene.concurrency})
				n := p.suffer(l, nil)
				require.Greater(t, n, 20)
				for index := range n {
					p.suffer(l, &emulator.Rule{Index: index, Fault: faults()[name]})
				}
			})
		}
	}
}

// suffer runs the task with a fault (nil for none) in a new account, then without, until nothing is left to do. It gives the number of calls
// of the first run.
func (p plight) suffer(l *lab, rule *emulator.Rule) (calls int) {
	l.t.Helper()
	at := "no fault"
	l.fresh()
	bystanders := l.copies(p.before(l))
	if rule != nil {
		at = fmt.Sprintf("call %d", rule.Index)
		l.Inject(*rule)
	}
	a := l.run(p.task)
	calls = len(l.Calls())
	if rule == nil {
		require.False(l.t, a.Failed, a.Msg)
	} else {
		require.Empty(l.t, l.Pending(), "the fault did not happen")
	}
	p.judge(l, a, at)
	l.ClearFaults()

	again := l.run(p.task)
	assert.False(l.t, again.Failed, "%s: the run after it: %s", at, again.Msg)
	assert.Equal(l.t, p.after, l.rates(bystanders), "%s: what there is in the end", at)
	if again.Changed || a.Failed {
		writes := l.Writes()
		assert.False(l.t, l.run(p.task).Changed, at)
		assert.Equal(l.t, writes, l.Writes(), "%s: a third run writes", at)
	}
	for id, before := range bystanders {
		after, _ := l.Test(id)
		assert.Equal(l.t, before, after, "%s: a test that is none of the task's business", at)
	}
	return calls
}

// judge holds what a run told against what is in the account.
func (p plight) judge(l *lab, a answer, at string) {
	l.t.Helper()
	for _, told := range a.Tests {
		stored, there := vendor.Test{}, false
		if told.ID != nil {
			stored, there = l.Test(*told.ID)
		}
		key := text(told.Stack) + "/" + text(told.Name)
		switch told.Action {
		case "created", "updated":
			assert.True(l.t, there && stored.CheckRate == 60, "%s: %s is told as %s and is not", at, key, told.Action)
		case "deleted":
			assert.False(l.t, there, "%s: %s is told as deleted and is there", at, key)
		case "failed":
			assert.NotEmpty(l.t, told.Error, at)
		}
		if told.ID != nil && there {
			assert.Equal(l.t, text(told.Name), stored.Name, "%s: the id of another test", at)
		}
	}
	if a.Failed {
		assert.NotEmpty(l.t, a.Msg)
		return
	}
	for _, key := range p.mortal {
		assert.NotContains(l.t, l.rates(nil), key, at)
	}
	for key := range p.after {
		assert.Contains(l.t, l.rates(nil), key, at)
	}
}

// rates gives the check rates of the tests in the account by "stack/name", without those left out. Duplicates fail the test.
func (l *lab) rates(without map[string]vendor.Test) map[string]int {
	l.t.Helper()
	rates := map[string]int{}
	for _, test := range l.Tests() {
		if _, left := without[test.ID]; left {
			continue
		}
		key := stackOf(test.Tags) + "/" + test.Name
		_, twice := rates[key]
		assert.False(l.t, twice, "two tests are %s", key)
		rates[key] = test.CheckRate
	}
	return rates
}

func (l *lab) copies(ids []string) map[string]vendor.Test {
	copies := map[string]vendor.Test{}
	for _, id := range ids {
		copies[id], _ = l.Test(id)
	}
	return copies
}

// fresh empties the account and makes the controller forget.
func (l *lab) fresh() {
	l.t.Helper()
	l.server.CloseClientConnections()
	l.Reset()
	l.stateDir = l.t.TempDir()
}
