// SPDX-License-Identifier: GPL-3.0-or-later

package reconcile_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/internal/memory"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// ledger says what another run created.
type ledger struct {
	ids     map[string]string   // by key
	recent  map[string][]string // by group
	created []string
	alone   []string                 // keys
	lost    map[string]time.Duration // by key, how old a creation is that was lost
	forgot  []string                 // ids
	warned  []string                 // groups and keys
}

func (l *ledger) Alone(_ context.Context, key string, do func() error) error {
	l.alone = append(l.alone, key)
	return do()
}

func (l *ledger) Once(
	_ context.Context, _, key string, known func(string) (bool, error), find func(time.Duration) (string, error), create func() (string, error),
) error {
	if id, ok := l.ids[key]; ok {
		if valid, err := known(id); valid || err != nil {
			return err
		}
	}
	if age, ok := l.lost[key]; ok {
		if id, err := find(age); id != "" || err != nil {
			return err
		}
	}
	id, err := create()
	if err == nil {
		l.created = append(l.created, fmt.Sprintf("%s=%s", key, id))
	}
	return err
}

func (l *ledger) Forget(_ context.Context, ids ...string) { l.forgot = append(l.forgot, ids...) }

func (l *ledger) WarnLost(_ context.Context, group string, keys []string) {
	l.warned = append(l.warned, fmt.Sprint(group, keys))
}

func (l *ledger) Recent(_ context.Context, groups ...string) []string {
	var ids []string
	for _, group := range groups {
		ids = append(ids, l.recent[group]...)
	}
	return ids
}

func TestLedgerKeepsTwoRunsFromCreatingTwice(t *testing.T) {
	s := &memory.Service{}
	plan := planned(t, s, s, []want{{State: memory.Named("same")}, {State: sized("other", 2)}, {State: memory.Named("gone")}, {State: sized("bad", 1)}}, policy{})
	// Meanwhile another run creates three of them.
	l := &ledger{ids: map[string]string{"same": s.Add(memory.Named("same")), "other": s.Add(memory.Named("other")), "gone": "99"}}
	done, err := reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep, Ledger: l})
	require.NoError(t, err)
	assert.Equal(t, "0 same unchanged id 1\n1 other updated id 2\n2 gone created id 3\n3 bad created id 4", told(done))
	assert.Equal(t, []string{"update other", "create gone", "create bad"}, s.Log())
	assert.Equal(t, []string{"gone=3", "bad=4"}, l.created)
	assert.Equal(t, []reconcile.Change{{Field: "size", After: 2}}, done[1].Changes, "it tells what it did, not what it planned")

	s.FailPage = 1
	done, err = reconcile.Apply(t.Context(), s, plan[:1], options{Sleep: s.Sleep, Ledger: l})
	require.NoError(t, err)
	require.EqualError(t, done[0].Err, "same: looking at 1, which another run created: page 1: broken")
}

func TestAdoptedObjectThatCannotBeMerged(t *testing.T) {
	s := &memory.Service{}
	plan := reconcile.Plan[thing]{{Key: "a", Action: reconcile.Create, Want: sized("a", -1), Wish: sized("a", -1)}}
	l := &ledger{ids: map[string]string{"a": s.Add(memory.Named("a"))}}
	done, err := reconcile.Apply(t.Context(), s, plan, options{Ledger: l})
	require.NoError(t, err)
	require.EqualError(t, done[0].Err, "a: size must not be negative")
}

func TestAnObjectThatWasRenamedSinceIsNotTaken(t *testing.T) {
	s := &memory.Service{}
	plan := planned(t, s, s, wants("web"), policy{})
	l := &ledger{ids: map[string]string{"web": s.Add(memory.Named("web-old"))}}
	done, err := reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep, Ledger: l})
	require.NoError(t, err)
	assert.Equal(t, "0 web created id 2", told(done))
	assert.Equal(t, []string{"web-old", "web"}, s.Things())
}

func TestAnObjectOfAnotherKindIsNotTaken(t *testing.T) {
	s := &memory.Service{}
	plan := planned(t, s, s, []want{{State: ofKind("a", "b")}}, policy{})
	l := &ledger{ids: map[string]string{"a": s.Add(memory.Named("a"))}}
	done, err := reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep, Ledger: l})
	require.NoError(t, err)
	require.ErrorIs(t, done[0].Err, reconcile.ErrReplace)
	assert.Empty(t, s.Log())
}

func TestAdoptionKeepsWhatTheWishLeavesUnset(t *testing.T) {
	s := &memory.Service{}
	p := defaulting{s}
	plan := planned(t, s, p, wants("a"), policy{})
	require.Equal(t, 7, *plan[0].Want.Size)
	l := &ledger{ids: map[string]string{"a": s.Add(sized("a", 99))}}
	done, err := reconcile.Apply(t.Context(), p, plan, options{Sleep: s.Sleep, Ledger: l})
	require.NoError(t, err)
	assert.Equal(t, "0 a unchanged id 1", told(done), "what creation would have needed is not sent to what exists")
}

// defaulting is a provider that gives new things a size.
type defaulting struct{ *memory.Service }

func (d defaulting) Merge(have *object, w thing) (thing, error) {
	if have == nil && w.Size == nil {
		w = sized(*w.Name, 7)
	}
	return d.Service.Merge(have, w)
}

func TestOfTwoRunsOneTakesOver(t *testing.T) {
	s := &memory.Service{}
	p := keyed{grouped{s}}
	mine, theirs := memory.Named("a"), memory.Named("a")
	mine.Tags, theirs.Tags = []string{"shop"}, []string{"blog"}
	s.Add(memory.Named("a"))
	plans := []reconcile.Plan[thing]{planned(t, s, p, []want{{State: mine}}, policy{}), planned(t, s, p, []want{{State: theirs}}, policy{})}
	l := &ledger{}
	first, err := reconcile.Apply(t.Context(), p, plans[0], options{Sleep: s.Sleep, Ledger: l})
	require.NoError(t, err)
	second, err := reconcile.Apply(t.Context(), p, plans[1], options{Sleep: s.Sleep, Ledger: l})
	require.NoError(t, err)
	assert.Equal(t, "0 shop/a updated id 1", told(first))
	assert.Equal(t, "0 blog/a created id 2", told(second))
	assert.Equal(t, []string{"update a", "create a"}, s.Log())

	s.FailPage = 1
	broken, err := reconcile.Apply(t.Context(), p, plans[1], options{Sleep: s.Sleep, Ledger: l})
	require.NoError(t, err)
	require.ErrorContains(t, broken[0].Err, "blog/a: looking at 1 before taking it over: page 1: broken")
}

// exclusive is a service in which things with a size are updated by what they are then.
type exclusive struct{ grouped }

func (exclusive) Exclusive(_ object, want thing) bool { return want.Size != nil }

func TestAnExclusiveUpdateIsMadeAlone(t *testing.T) {
	s := exclusive{grouped{&memory.Service{}}}
	taken := sized("taken", 2)
	taken.Tags = []string{"shop"}
	for _, name := range []string{"a", "b", "taken"} {
		s.Add(memory.Named(name))
	}
	plan := planned(t, s.Service, s, []want{{State: sized("a", 2)}, {State: ofKind("b", "b")}, {State: taken}}, policy{AllowReplace: true})
	l := &ledger{}
	done, err := reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep, Ledger: l})
	require.NoError(t, err)
	assert.Empty(t, done.Failed())
	assert.Equal(t, []string{"a"}, l.alone)
	assert.Contains(t, l.created, "taken=3", "what is taken over is locked by the key of its other updates")
}

func TestWhatThePlanDeletesIsNotTakenForWhatWasJustCreated(t *testing.T) {
	s := &memory.Service{}
	s.Add(ofKind("a", "b"))
	s.Add(ofKind("a", "b"))
	l := &ledger{ids: map[string]string{"a": "2"}} // a run before this one made the second one
	plan := planned(t, s, s, wants("a"), policy{OnDuplicate: reconcile.Oldest, AllowReplace: true})
	done, err := reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep, Ledger: l})
	require.NoError(t, err)
	assert.Equal(t, "0 a replaced id 3\n-1 a deleted id 2 (duplicate of 1)", told(done))
	assert.Equal(t, []string{"a"}, s.Things())
}

// TestApply_LooksForACreationThatWasLost holds what an entry of the ledger that tells of a lost creation makes of a step.
func TestApply_LooksForACreationThatWasLost(t *testing.T) {
	for name, c := range map[string]struct {
		there bool
		age   time.Duration
		told  string
		log   []string
		waits []time.Duration
	}{
		"there":            {true, 0, "0 a updated id 1", []string{"update a"}, []time.Duration{500 * time.Millisecond}},
		"there, long ago":  {true, time.Hour, "0 a updated id 1", []string{"update a"}, nil},
		"not there":        {false, 0, "0 a created id 1", []string{"create a"}, pauses(1, 2, 3, 4, 5, 6)},
		"some seconds ago": {false, 4 * time.Second, "0 a created id 1", []string{"create a"}, pauses(2, 5, 6)},
		"long ago":         {false, time.Hour, "0 a created id 1", []string{"create a"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := &memory.Service{}
			plan := planned(t, s, s, []want{{State: sized("a", 2)}}, policy{})
			if c.there {
				s.Add(memory.Named("a"))
			}
			l := &ledger{lost: map[string]time.Duration{"a": c.age}}
			done, err := reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep, Ledger: l})
			require.NoError(t, err)
			assert.Equal(t, c.told, told(done))
			assert.Equal(t, c.log, s.Log())
			assert.Equal(t, c.waits, s.Waits())
		})
	}
	s := &memory.Service{}
	plan := planned(t, s, s, wants("a"), policy{})
	s.FailPage = 1
	done, err := reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep, Ledger: &ledger{lost: map[string]time.Duration{"a": 0}}})
	require.NoError(t, err)
	require.EqualError(t, done[0].Err, "a: looking for what another run may have created: page 1: broken")
	assert.Empty(t, s.Log(), "what cannot be looked for is not created")
}

// pauses returns so many half seconds.
func pauses(halves ...int) (waits []time.Duration) {
	for _, n := range halves {
		waits = append(waits, time.Duration(n)*500*time.Millisecond)
	}
	return waits
}

func TestApply_TakesWhatItDeletesOutOfTheLedger(t *testing.T) {
	s := &memory.Service{}
	s.Add(memory.Named("gone"))
	s.Add(memory.Named("purged"))
	s.Add(ofKind("other", "b"))
	l := &ledger{}
	plan := planned(t, s, s, []want{{State: memory.Named("gone"), Absent: true}, {State: memory.Named("other")}}, policy{AllowReplace: true, Scope: everything})
	done, err := reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep, Ledger: l})
	require.NoError(t, err)
	assert.Equal(t, "0 gone deleted id 1\n1 other replaced id 4\n-1 purged deleted id 2 (not declared)", told(done))
	assert.ElementsMatch(t, []string{"1", "2", "3"}, l.forgot)

	s.FailWrites = memory.ErrBroken
	plan = planned(t, s, s, []want{{State: memory.Named("other"), Absent: true}}, policy{})
	_, err = reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep, Ledger: l})
	require.NoError(t, err)
	assert.NotContains(t, l.forgot, "4", "it may still be there")
}
