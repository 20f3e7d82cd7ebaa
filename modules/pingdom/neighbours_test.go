// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
)

// The tests in this file each hold a way in which a run could reach a check that it is not about.

// TestTypesShareAName: a stack has a http and a ping check of one name, and each task means its own.
func TestTypesShareAName(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	both := options{"stack": "shop", "checks": []options{site("gate"), site("gate").With(options{"type": "ping"}), site("gate").With(options{"type": "tcp", "port": 22})}}
	assert.Equal(t, []string{"gate created", "gate created", "gate created"}, l.OK(both).Actions())
	l.Settled(both)

	ping := options{"stack": "shop", "name": "gate", "type": "ping"}
	l.OK(ping.With(options{"resolution": 1}))
	for _, c := range l.Checks() {
		assert.Equal(t, c.Type == "ping", c.Resolution == 1, c.Type)
	}
	l.OK(options{"stack": "shop", "name": "gate", "resolution": 15})
	for _, c := range l.Checks() {
		assert.Equal(t, c.Type == "http", c.Resolution == 15, "without a type the http check is meant, as it would be created: %s", c.Type)
	}
	duplicates := l.Run(options{"stack": "shop", "name": "gate", "state": "absent", "on_duplicate": "oldest"})
	assert.Contains(t, duplicates.Msg, "more than one match", "and never duplicates")
	assert.Contains(t, duplicates.Msg, "give the type or the id of the one that is meant")
	assert.NotContains(t, duplicates.Msg, "on_duplicate")
	assert.Len(t, l.Checks(), 3)
	assert.Equal(t, "deleted", l.OK(ping.With(options{"state": "absent"})).Only(t).Action)
	l.Settled(ping.With(options{"state": "absent"}))
	assert.ElementsMatch(t, []string{"http", "tcp"}, []string{l.Checks()[0].Type, l.Checks()[1].Type})
}

// TestAWishedTypeLeavesTheOtherOnesAlone: what another wish of the task means is not replaced.
func TestAWishedTypeLeavesTheOtherOnesAlone(t *testing.T) {
	t.Parallel()
	for _, order := range [][]string{{"http", "ping"}, {"ping", "http"}} {
		for _, state := range []string{"present", "absent"} {
			l := newLab(t, emulator.Options{})
			id := l.byHand("gate", ofStack("shop"), ofType("ping"))
			items := map[string]options{
				"http": site("gate").With(options{"type": "http"}), "ping": {"name": "gate", "type": "ping", "state": state},
			}
			task := options{"stack": "shop", "checks": []options{items[order[0]], items[order[1]]}}
			a := l.OK(task)
			assert.Equal(t, 1, a.Summary["created"], "%v %s: %s", order, state, a.Raw)
			assert.Zero(t, a.Summary["replaced"])
			number, _ := strconv.Atoi(id)
			_, there := l.Check(number)
			assert.Equal(t, state == "present", there)
			l.Settled(task)
		}
	}
	l := newLab(t, emulator.Options{})
	l.byHand("gate", ofType("ping"))
	l.OK(site("gate").With(options{"type": "http", "state": "absent"}))
	assert.Len(t, l.Checks(), 1, "a deletion means its own type only")
}

func TestStacksKeepTheirNames(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	a := l.OK(options{"checks": []options{
		site("live").With(options{"stack": "shop"}), site("live").With(options{"stack": "blog"}),
	}})
	assert.Equal(t, 2, a.Summary["created"])
	assert.Equal(t, []string{"shop", "blog"}, []string{text(a.Objects[0].Stack), text(a.Objects[1].Stack)})

	l.OK(site("live").With(options{"stack": "shop", "resolution": 1}))
	for _, stored := range l.named("live") {
		assert.Equal(t, marks().Group(stored.Tags) == "shop", stored.Resolution == 1, stored.Tags)
	}
	gone := options{"name": "live", "stack": "shop", "state": "absent"}
	assert.Equal(t, "deleted", l.OK(gone).Only(t).Action)
	assert.Equal(t, "blog", marks().Group(l.stored("live").Tags))
	assert.Equal(t, "unchanged", l.OK(gone).Only(t).Action)

	// Without a stack the name means any check of that name, but a stack's absent check is never one made by hand.
	l.byHand("hand-made")
	assert.Equal(t, "unchanged", l.OK(options{"name": "hand-made", "stack": "shop", "state": "absent"}).Only(t).Action)
	l.OK(options{"checks": []options{{"name": "hand-made", "stack": "shop", "state": "absent"}, site("of-no-stack")}})
	assert.Len(t, l.named("hand-made"), 1, "not even where the whole account is in view")
}

func TestOthersAreLeftAlone(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	for _, more := range []func(*vendor.Check){
		tagged(), tagged("stack-shop"), ofStack("blog"), tagged("managed_by-stackwatch", "stack-shop", "stack-blog"), tagged("managed_by-stackwatch"),
	} {
		l.byHand("namesake", more)
		l.byHand("namesake", more, ofType("ping"))
	}
	before := l.Checks()
	l.OK(options{"stack": "shop", "checks": []options{site("mine")}, "purge": true})
	l.OK(options{"stack": "shop", "state": "absent"})
	assert.Equal(t, before, l.Checks())
}

func TestAnIDOfAnotherStackIsNotDeleted(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	id := l.byHand("live", ofStack("blog"))
	a := l.Run(options{"id": id, "stack": "shop", "state": "absent"})
	assert.Contains(t, a.Msg, "id "+id+" belongs to blog, not to shop, and is left alone")
	assert.Len(t, l.named("live"), 1)
}

// TestTagsOfTheServerAreNoneOfTheUsers: they are neither compared nor sent, and a stack's mark is not read from them.
func TestTagsOfTheServerAreNoneOfTheUsers(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.byHand("a", tagged("hand"), func(c *vendor.Check) { c.AutoTags = []string{"nginx", "managed_by-stackwatch", "stack-shop"} })
	l.Settled(options{"name": "a", "tags": "hand"})
	l.OK(options{"stack": "shop", "state": "absent"})
	assert.Len(t, l.Checks(), 1)
	l.OK(options{"stack": "shop", "name": "a"})
	assert.Equal(t, []map[string]any{{"tags": []any{"hand", "managed_by-stackwatch", "stack-shop"}}}, l.bodies())
}
