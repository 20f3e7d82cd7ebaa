// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// creating is a task that creates 20 checks in an account of somebody else's.
func creating(l *lab) resourcetest.Plight {
	after := map[string]int{}
	var items []options
	for i := range 20 {
		name := fmt.Sprintf("new-%02d", i)
		items = append(items, site(name).With(options{"resolution": 1, "type": "http"}))
		after["shop/"+name] = 1
	}
	task := options{"stack": "shop", "checks": items, "api_rate_limit": 0}
	return l.plight(task, after, nil, func() []string {
		return []string{l.byHand("nobody"), l.byHand("new-03", ofStack("blog")), l.byHand("new-04", ofType("ping"))}
	})
}

// mixed is a task of 20 checks that creates, updates, deletes, purges and leaves alone.
func mixed(l *lab) resourcetest.Plight {
	after := map[string]int{}
	var items []options
	for i := range 16 {
		name := fmt.Sprintf("%s-%02d", [...]string{"new", "edited", "same", "same"}[i%4], i)
		items = append(items, site(name).With(options{"resolution": 1}))
		after["shop/"+name] = 1
	}
	items = append(items, options{"name": "gone-16", "state": "absent"}, options{"name": "gone-17", "state": "absent"})
	task := options{"stack": "shop", "checks": items, "purge": true, "api_rate_limit": 0}
	return l.plight(task, after, []string{"shop/gone-16", "shop/gone-17", "shop/purged-18", "shop/purged-19"}, func() []string {
		for i := range 16 {
			if i%4 > 0 {
				l.byHand(items[i]["name"].(string), ofStack("shop"), func(c *vendor.Check) {
					if i%4 > 1 {
						c.Resolution = 1
					}
				})
			}
		}
		for _, name := range []string{"gone-16", "gone-17", "purged-18", "purged-19"} {
			l.byHand(name, ofStack("shop"))
		}
		return []string{
			l.byHand("gone-16"), l.byHand("purged-18", ofStack("blog")), l.byHand("edited-01", ofStack("blog")),
			l.byHand("shared", tagged("managed_by-stackwatch", "stack-shop", "stack-blog")), l.byHand("nobody"),
		}
	})
}

// plight joins a task with what must come of it: the resolutions by "stack/name" of the checks that are its business, and the keys of
// those that it deletes. fill gives the ids of the checks that are not its business.
func (l *lab) plight(task options, after map[string]int, mortal []string, fill func() []string) resourcetest.Plight {
	var strangers []string
	return resourcetest.Plight{
		Task: task, After: after,
		Fill: func() func() any {
			strangers = fill()
			return func() any {
				var copies []vendor.Check
				for _, c := range l.Checks() {
					if slices.Contains(strangers, strconv.Itoa(c.ID)) {
						copies = append(copies, c)
					}
				}
				return copies
			}
		},
		Result: func() any { return l.resolutions(strangers) },
		Judge: func(a answer, at string) {
			l.judge(a, at)
			if a.Failed {
				return
			}
			there := l.resolutions(strangers)
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
		stored, there := vendor.Check{}, false
		if told.ID != nil {
			number, err := strconv.Atoi(*told.ID)
			assert.NoError(l.T, err)
			stored, there = l.Check(number)
		}
		key := text(told.Stack) + "/" + text(told.Name)
		switch told.Action {
		case "created", "updated":
			assert.True(l.T, there && stored.Resolution == 1, "%s: %s is told as %s and is not", at, key, told.Action)
		case "deleted":
			assert.False(l.T, there, "%s: %s is told as deleted and is there", at, key)
		}
		if there {
			assert.Equal(l.T, text(told.Name), stored.Name, "%s: the id of another check", at)
		}
	}
	assert.Zero(l.T, l.MassChanges(), at)
}

// resolutions gives those of the checks in the account by "stack/name", without some. Duplicates fail the test.
func (l *lab) resolutions(without []string) map[string]int {
	l.T.Helper()
	found := map[string]int{}
	for _, c := range l.Checks() {
		if slices.Contains(without, strconv.Itoa(c.ID)) {
			continue
		}
		key := marks().Group(c.Tags) + "/" + c.Name
		_, twice := found[key]
		assert.False(l.T, twice, "two checks are %s", key)
		found[key] = c.Resolution
	}
	return found
}

// TestFaultMatrix lets each single call of a run fail in each way.
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
		{"creating, lag 8", creating, 8, 8, lost},
		{"mixed, lag 2", mixed, 2, 8, lost},
	} {
		for _, name := range scene.faults {
			t.Run(scene.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				l := newLab(t, emulator.Options{ListLag: scene.lag})
				p := scene.plight(l)
				p.Task = p.Task.With(options{"api_concurrency": scene.concurrency})
				l.EachCall(p, resourcetest.Faults()[name])
			})
		}
	}
}
