// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// creating is a task that creates 20 tests in an account of somebody else's.
func creating(l *lab) resourcetest.Plight {
	after := map[string]int{}
	var items []options
	for i := range 20 {
		name := fmt.Sprintf("new %02d", i)
		items = append(items, site(name).With(options{"check_rate": 60}))
		after["shop/"+name] = 60
	}
	task := options{"stack": "shop", "tests": items, "api_rate_limit": 0}
	return l.plight(task, after, nil, func() []string { return []string{l.byHand("nobody"), l.byHand("new 03", ofStack("blog"))} })
}

// mixed is a task of 20 tests that creates, updates, deletes, purges and leaves alone.
func mixed(l *lab) resourcetest.Plight {
	after := map[string]int{}
	var items []options
	for i := range 16 {
		name := fmt.Sprintf("%s %02d", [...]string{"new", "edited", "same", "same"}[i%4], i)
		items = append(items, site(name).With(options{"check_rate": 60}))
		after["shop/"+name] = 60
	}
	items = append(items, options{"name": "gone 16", "state": "absent"}, options{"name": "gone 17", "state": "absent"})
	task := options{"stack": "shop", "tests": items, "purge": true, "api_rate_limit": 0}
	return l.plight(task, after, []string{"shop/gone 16", "shop/gone 17", "shop/purged 18", "shop/purged 19"}, func() []string {
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
	})
}

// plight joins a task with what must come of it: the check rates by "stack/name" of the tests that are its business, and the keys of
// those that it deletes. fill gives the ids of the tests that are not its business.
func (l *lab) plight(task options, after map[string]int, mortal []string, fill func() []string) resourcetest.Plight {
	var strangers []string
	return resourcetest.Plight{
		Task: task, After: after,
		Fill: func() func() any {
			strangers = fill()
			return func() any {
				return slices.DeleteFunc(l.Tests(), func(t vendor.Test) bool { return !slices.Contains(strangers, t.ID) })
			}
		},
		Result: func() any { return l.rates(strangers) },
		Judge: func(a answer, at string) {
			l.judge(a, at)
			if a.Failed {
				return
			}
			there := l.rates(strangers)
			for _, key := range mortal {
				assert.NotContains(l.T, there, key, at)
			}
			for key := range after {
				assert.Contains(l.T, there, key, at)
			}
		},
	}
}

// judge holds what a run told against what is in the account.
func (l *lab) judge(a answer, at string) {
	l.T.Helper()
	for _, told := range a.Objects {
		stored, there := vendor.Test{}, false
		if told.ID != nil {
			stored, there = l.Test(*told.ID)
		}
		key := text(told.Stack) + "/" + text(told.Name)
		switch told.Action {
		case "created", "updated":
			assert.True(l.T, there && stored.CheckRate == 60, "%s: %s is told as %s and is not", at, key, told.Action)
		case "deleted":
			assert.False(l.T, there, "%s: %s is told as deleted and is there", at, key)
		}
		if there {
			assert.Equal(l.T, text(told.Name), stored.Name, "%s: the id of another test", at)
		}
	}
}

// rates gives the check rates of the tests in the account by "stack/name", without those left out. Duplicates fail the test.
func (l *lab) rates(without []string) map[string]int {
	l.T.Helper()
	rates := map[string]int{}
	for _, test := range l.Tests() {
		if slices.Contains(without, test.ID) {
			continue
		}
		key := stackOf(test.Tags) + "/" + test.Name
		_, twice := rates[key]
		assert.False(l.T, twice, "two tests are %s", key)
		rates[key] = test.CheckRate
	}
	return rates
}

// TestFaultMatrix lets each single call of a run fail in each way. Whatever happens: one valid answer, no duplicate, no wrong
// deletion, what is told as done is done, and the next run puts right what is left.
func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	// Where the answer is lost the service's lagging list decides, so that these are tried with lag and many calls at once, too.
	lost := []string{"dropped after", "cut off"}
	for _, scene := range []struct {
		name             string
		plight           func(*lab) resourcetest.Plight
		lag, concurrency int
		faults           []string
	}{
		{"creating", creating, 0, 1, slices.Sorted(maps.Keys(resourcetest.Faults()))},
		{"mixed", mixed, 0, 1, slices.Sorted(maps.Keys(resourcetest.Faults()))},
		{"creating, lag 1", creating, 1, 8, lost},
		{"creating, lag 2", creating, 2, 8, lost},
		{"creating, lag 8", creating, 8, 8, lost},
		{"mixed, lag 2", mixed, 2, 8, lost},
	} {
		for _, name := range scene.faults {
			t.Run(scene.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				l := plainLab(t, emulator.Options{ListLag: scene.lag})
				p := scene.plight(l)
				p.Task = p.Task.With(options{"api_concurrency": scene.concurrency})
				l.EachCall(p, resourcetest.Faults()[name])
			})
		}
	}
}
