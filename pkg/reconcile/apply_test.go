// SPDX-License-Identifier: GPL-3.0-or-later

package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/internal/memory"
	"github.com/stackwatch/ansible-monitoring/pkg/progress"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

type options = reconcile.Options[thing]

// planned is the plan for what the service holds.
func planned(t *testing.T, s *memory.Service, p reconcile.Provider[thing], wants []want, pol policy) reconcile.Plan[thing] {
	t.Helper()
	have, err := s.Observe(t.Context(), wants, false)
	require.NoError(t, err)
	plan, err := reconcile.Compute(p, have, wants, pol)
	require.NoError(t, err)
	return plan
}

func TestApplyDoesThePlan(t *testing.T) {
	s := &memory.Service{}
	s.Add(memory.Named("old"))
	s.Add(memory.Named("going"))
	s.Add(memory.Named("undeclared"))
	s.Add(memory.Named("same"))
	plan := planned(t, s, s, []want{
		{State: memory.Named("new")}, {State: sized("old", 3)}, {State: memory.Named("going"), Absent: true}, {State: memory.Named("same")},
	}, policy{Scope: everything})
	var finished []string
	done, err := reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep, Done: func(step reconcile.Step[thing]) {
		finished = append(finished, step.Key)
	}})
	require.NoError(t, err)
	assert.Equal(t, "0 new created id 5\n1 old updated id 1\n2 going deleted id 2\n3 same unchanged id 4\n-1 undeclared deleted id 3 (not declared)", told(done))
	assert.Equal(t, []string{"create new", "update old", "delete going", "delete undeclared"}, s.Log())
	assert.Equal(t, []string{"new", "old", "going", "undeclared"}, finished)
	assert.Equal(t, "0 new created", told(plan[:1]), "the plan itself stays as it was")
}

func TestAFailedStepDoesNotStopTheOthers(t *testing.T) {
	s := &memory.Service{Panic: true}
	s.Add(memory.Named("a"))
	s.Add(memory.Named("undeclared"))
	plan := planned(t, s, s, append([]want{{State: sized("a", 1)}}, wants("b", "c")...), policy{Scope: everything})
	done, err := reconcile.Apply(t.Context(), s, plan, options{Limit: 2, Sleep: s.Sleep})
	require.NoError(t, err)
	require.ErrorContains(t, done[0].Err, "a: internal error: out of paper")
	require.NoError(t, done[1].Err)
	require.NoError(t, done[2].Err)
	require.ErrorIs(t, done[3].Err, reconcile.ErrNotAttempted)
	assert.Equal(t, "undeclared (2): deletion not attempted, because 1 other failed", done[3].Err.Error())
	assert.ElementsMatch(t, []string{"a", "undeclared", "b", "c"}, s.Things())
}

func TestFailFast(t *testing.T) {
	s := &memory.Service{FailWrites: memory.ErrBroken}
	plan := planned(t, s, s, wants("a", "b", "c"), policy{})
	done, err := reconcile.Apply(t.Context(), s, plan, options{Limit: 1, FailFast: true, Sleep: s.Sleep})
	require.NoError(t, err)
	require.ErrorIs(t, done[0].Err, memory.ErrBroken)
	require.ErrorIs(t, done[1].Err, reconcile.ErrNotAttempted)
	assert.Equal(t, "c: not attempted, because another one failed", done[2].Err.Error())
	assert.Equal(t, []string{"create a"}, s.Log())
}

func TestCancellationStopsNewWritesAndTellsWhatWasDone(t *testing.T) {
	s := &memory.Service{}
	s.Add(memory.Named("undeclared"))
	ctx, cancel := context.WithCancelCause(t.Context())
	plan := planned(t, s, s, wants("a", "b", "c"), policy{Scope: everything})
	done, err := reconcile.Apply(ctx, s, plan, options{Sleep: s.Sleep, Done: func(step reconcile.Step[thing]) {
		if step.Key == "b" {
			cancel(errors.New("SIGTERM"))
		}
	}})
	require.EqualError(t, err, "interrupted: SIGTERM")
	assert.Equal(t, "0 a created id 2\n1 b created id 3\n2 c created: c: not attempted: SIGTERM\n"+
		"-1 undeclared deleted id 1 (not declared): undeclared (1): deletion not attempted, because 1 other failed", told(done))
	assert.Equal(t, []string{"create a", "create b"}, s.Log())
}

// telling gives a context in which each step that counts is told, and the lines.
func telling(t *testing.T) (context.Context, *[]string) {
	t.Helper()
	var lines []string
	minutes := int64(0)
	reporter := progress.New(func() time.Time {
		minutes++
		return time.Unix(60*minutes, 0)
	}, func(line string) { lines = append(lines, line) })
	return progress.About(progress.With(t.Context(), reporter), "things"), &lines
}

// TestALongRunTellsHowFarItIs makes 19 things and deletes 6, three at a time.
func TestALongRunTellsHowFarItIs(t *testing.T) {
	var names []string
	for i := range 19 {
		names = append(names, fmt.Sprintf("new %02d", i))
	}
	for what, c := range map[string]struct {
		last  string // what is made when the run is stopped
		lines int
		end   string
	}{
		"to its end":         {"", 22, "changing 25 of 25 things"},
		"as far as it comes": {"new 10", 12, "changing 11 of 25 things"},
	} {
		t.Run(what, func(t *testing.T) {
			s := &bulk{Service: &memory.Service{}}
			for i := range 6 {
				s.Add(memory.Named(fmt.Sprintf("undeclared %d", i)))
			}
			s.Add(memory.Named("same"))
			plan := planned(t, s.Service, s, wants(append(names, "same")...), policy{Scope: everything})
			ctx, lines := telling(t)
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			_, err := reconcile.Apply(ctx, s, plan, options{Sleep: s.Sleep, Done: func(step reconcile.Step[thing]) {
				if step.Key == c.last {
					cancel()
				}
			}})
			assert.Equal(t, c.last != "", err != nil)
			require.Len(t, *lines, c.lines)
			assert.Equal(t, "changing 0 of 25 things", (*lines)[0])
			assert.Equal(t, c.end, (*lines)[c.lines-1])
		})
	}
}

func TestReadingManyOneByOneIsTold(t *testing.T) {
	ctx, lines := telling(t)
	require.NoError(t, reconcile.ReadEach(ctx, 1, 30, func(context.Context, int) error { return nil }))
	require.Len(t, *lines, 31)
	assert.Equal(t, "reading 30 of 30 things", (*lines)[30])

	ctx, lines = telling(t)
	require.Error(t, reconcile.ReadEach(ctx, 1, 30, func(_ context.Context, i int) error {
		if i == 7 {
			return memory.ErrBroken
		}
		return nil
	}))
	assert.NotContains(t, *lines, "reading 30 of 30 things", "what was not read is not counted")
	assert.Contains(t, *lines, "reading 7 of 30 things")
}

func TestALostCreateIsLookedForBeforeItIsSentAgain(t *testing.T) {
	tests := map[string]struct {
		service *memory.Service
		creates int
		things  []string
		err     string
		waits   int
	}{
		"acted":                        {service: &memory.Service{LoseCreates: 1}, creates: 1, things: []string{"a"}, waits: 1},
		"acted, and listed late":       {service: &memory.Service{LoseCreates: 1, Unlisted: 5}, creates: 1, things: []string{"a"}, waits: 6},
		"did not act":                  {service: &memory.Service{RefuseCreates: 1}, creates: 2, things: []string{"a"}, waits: 6},
		"never acts":                   {service: &memory.Service{RefuseCreates: 9}, creates: 3, things: []string{}, waits: 18, err: "broken; it was looked for and is not there"},
		"did not act, then lost":       {service: &memory.Service{RefuseCreates: 1, LoseCreates: 1}, creates: 2, things: []string{"a"}, waits: 7},
		"fails for certain: one write": {service: &memory.Service{FailWrites: memory.ErrBroken}, creates: 1, things: []string{}, err: "create a: broken"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := test.service
			plan := reconcile.Plan[thing]{{Key: "a", Action: reconcile.Create, Want: memory.Named("a"), Wish: memory.Named("a")}}
			done, err := reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep})
			require.NoError(t, err)
			if test.err == "" {
				require.NoError(t, done[0].Err)
				assert.Equal(t, "1", done[0].ID)
			} else {
				require.EqualError(t, done[0].Err, test.err)
			}
			assert.Len(t, s.Log(), test.creates)
			assert.Equal(t, test.things, s.Things())
			assert.Len(t, s.Waits(), test.waits)
		})
	}
}

func TestALookThatFailsSaysSo(t *testing.T) {
	s := &memory.Service{LoseCreates: 1, FailPage: 1}
	plan := reconcile.Plan[thing]{{Key: "a", Action: reconcile.Create, Want: memory.Named("a"), Wish: memory.Named("a")}}
	done, err := reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep})
	require.NoError(t, err)
	require.EqualError(t, done[0].Err, "broken; it may exist, but looking for it failed: page 1: broken")
	assert.Equal(t, []string{"create a"}, s.Log())
}

func TestALookThatFindsSeveralSaysSo(t *testing.T) {
	s := &memory.Service{LoseCreates: 1}
	s.Add(memory.Named("a"))
	plan := reconcile.Plan[thing]{{Key: "a", Action: reconcile.Create, Want: memory.Named("a"), Wish: memory.Named("a")}}
	done, err := reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep})
	require.NoError(t, err)
	require.ErrorIs(t, done[0].Err, reconcile.ErrAmbiguous)
	require.ErrorContains(t, done[0].Err, "ids 1, 2")
}

func TestALookEndsWithTheContext(t *testing.T) {
	s := &memory.Service{LoseCreates: 1}
	ctx, cancel := context.WithCancelCause(t.Context())
	plan := reconcile.Plan[thing]{{Key: "a", Action: reconcile.Create, Want: memory.Named("a"), Wish: memory.Named("a")}}
	done, err := reconcile.Apply(ctx, s, plan, options{Sleep: func(ctx context.Context, d time.Duration) error {
		cancel(errors.New("SIGINT"))
		return s.Sleep(ctx, d)
	}})
	require.EqualError(t, err, "interrupted: SIGINT")
	require.EqualError(t, done[0].Err, "broken; it may exist, but looking for it failed: SIGINT")
}

func TestWhatALookFindsIsBroughtIntoForm(t *testing.T) {
	s := &memory.Service{LoseCreates: 1}
	p := losing{s}
	plan := reconcile.Plan[thing]{{Key: "a", Action: reconcile.Create, Want: sized("a", 5), Wish: sized("a", 5)}}
	done, err := reconcile.Apply(t.Context(), p, plan, options{Sleep: s.Sleep})
	require.NoError(t, err)
	require.NoError(t, done[0].Err)
	assert.Equal(t, []string{"create a", "update a"}, s.Log())
}

// losing is a provider whose creates need a second request, which a lost answer keeps from being sent.
type losing struct{ *memory.Service }

func (l losing) Create(ctx context.Context, w thing) (object, error) {
	w.Size = nil
	return l.Service.Create(ctx, w)
}

func TestReplace(t *testing.T) {
	replacing := func(s *memory.Service, p reconcile.Provider[thing]) reconcile.Step[thing] {
		s.Add(memory.Named("a"))
		plan := planned(t, s, p, []want{{State: ofKind("a", "b")}}, policy{AllowReplace: true})
		done, err := reconcile.Apply(t.Context(), p, plan, options{Sleep: s.Sleep})
		require.NoError(t, err)
		return done[0]
	}
	t.Run("creates, then deletes", func(t *testing.T) {
		s := &memory.Service{}
		step := replacing(s, s)
		require.NoError(t, step.Err)
		assert.Equal(t, "2", step.ID)
		assert.Equal(t, []string{"create a", "delete a"}, s.Log())
		assert.Equal(t, []string{"a"}, s.Things())
	})
	t.Run("a lost create is told from the old object", func(t *testing.T) {
		s := &memory.Service{LoseCreates: 1}
		step := replacing(s, s)
		require.NoError(t, step.Err)
		assert.Equal(t, "2", step.ID)
		assert.Equal(t, []string{"create a", "delete a"}, s.Log())
	})
	t.Run("a failed create keeps the old object", func(t *testing.T) {
		s := &memory.Service{FailWrites: memory.ErrBroken}
		step := replacing(s, s)
		require.ErrorIs(t, step.Err, memory.ErrBroken)
		assert.Equal(t, "1", step.ID)
		assert.Equal(t, []string{"a"}, s.Things())
	})
	t.Run("a failed delete says what is left", func(t *testing.T) {
		s := &memory.Service{}
		step := replacing(s, keeping{s})
		require.EqualError(t, step.Err, "a: created anew as 2, but the old one is still there: broken")
		assert.Equal(t, []string{"a", "a"}, s.Things())
		plan := planned(t, s, s, []want{{State: ofKind("a", "b")}}, policy{AllowReplace: true})
		assert.Equal(t, "0 a unchanged id 2\n-1 a deleted id 1 (replaced by 2)", told(plan), "the next run finishes it")
	})
}

func TestTwoRunsReplaceOnce(t *testing.T) {
	s := &memory.Service{}
	old := s.Add(memory.Named("a"))
	plan := planned(t, s, s, []want{{State: ofKind("a", "b")}}, policy{AllowReplace: true})
	l := &ledger{ids: map[string]string{"a": s.Add(ofKind("a", "b"))}}
	done, err := reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep, Ledger: l})
	require.NoError(t, err)
	assert.Equal(t, "0 a replaced id 2", told(done))
	assert.Equal(t, old, done[0].Have.ID)
	assert.Equal(t, []string{"delete a"}, s.Log(), "what the other run created is not created again")

	l.ids["a"] = old
	s = &memory.Service{}
	s.Add(memory.Named("a"))
	done, err = reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep, Ledger: l})
	require.NoError(t, err)
	assert.Equal(t, "0 a replaced id 2", told(done), "the old object is not what it is replaced by, although it is new too")
}

func TestAReplacedObjectIsClaimedFirst(t *testing.T) {
	s := &memory.Service{}
	s.Add(memory.Named("a"))
	plan := planned(t, s, s, []want{{State: ofKind("a", "b")}}, policy{AllowReplace: true})
	var claimed []string
	p := claiming{s, func(o object) error {
		claimed = append(claimed, o.ID)
		assert.Empty(t, s.Log())
		return memory.ErrBroken
	}}
	done, err := reconcile.Apply(t.Context(), p, plan, options{Sleep: s.Sleep})
	require.NoError(t, err)
	require.ErrorIs(t, done[0].Err, memory.ErrBroken)
	assert.Equal(t, []string{"1"}, claimed)
	assert.Empty(t, s.Log(), "what could not be claimed is not replaced")
	assert.False(t, done.Changed())

	s.FailWrites = memory.ErrBroken
	done, err = reconcile.Apply(t.Context(), claiming{s, func(object) error { return nil }}, plan, options{Sleep: s.Sleep})
	require.NoError(t, err)
	require.ErrorIs(t, done[0].Err, memory.ErrBroken)
	assert.True(t, done.Changed(), "the mark is a change")
}

// claiming is a provider that finds objects by marks.
type claiming struct {
	*memory.Service
	claim func(object) error
}

func (c claiming) Claim(_ context.Context, have object, _ thing) error { return c.claim(have) }

// keeping is a provider that cannot delete.
type keeping struct{ *memory.Service }

func (keeping) Delete(context.Context, object) error { return memory.ErrBroken }

// ledger says what another run created.
type ledger struct {
	ids     map[string]string   // by key
	recent  map[string][]string // by group
	created []string
	alone   []string // keys
}

func (l *ledger) Alone(_ context.Context, key string, do func() error) error {
	l.alone = append(l.alone, key)
	return do()
}

func (l *ledger) Once(_ context.Context, _, key string, known func(string) (bool, error), create func() (string, error)) error {
	if id, ok := l.ids[key]; ok {
		if valid, err := known(id); valid || err != nil {
			return err
		}
	}
	id, err := create()
	if err == nil {
		l.created = append(l.created, fmt.Sprintf("%s=%s", key, id))
	}
	return err
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

func TestWhatWasWrittenBeforeAFailureIsAChange(t *testing.T) {
	s := &memory.Service{}
	half := errors.New("created, but not configured")
	done, err := reconcile.Apply(t.Context(), halfway{s, half}, planned(t, s, s, wants("a"), policy{}), options{Sleep: s.Sleep})
	require.NoError(t, err)
	require.ErrorIs(t, done[0].Err, half)
	assert.Equal(t, "1", done[0].ID)
	assert.True(t, done.Changed())
	s.FailWrites = memory.ErrBroken
	done, err = reconcile.Apply(t.Context(), s, planned(t, s, s, wants("b"), policy{}), options{Sleep: s.Sleep})
	require.NoError(t, err)
	assert.False(t, done.Changed(), "what failed whole is none")
}

// halfway is a provider whose creates do only a part.
type halfway struct {
	*memory.Service
	err error
}

func (h halfway) Create(ctx context.Context, w thing) (object, error) {
	made, _ := h.Service.Create(ctx, w)
	return made, h.err
}

// TestAStepTellsWhatWasWritten, where that is not all that was planned.
func TestAStepTellsWhatWasWritten(t *testing.T) {
	for name, arm := range map[string]func(*memory.Service){
		"at once":             func(*memory.Service) {},
		"an answer is lost":   func(s *memory.Service) { s.LoseCreates = 1 },
		"it was not made yet": func(s *memory.Service) { s.RefuseCreates = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			s := &memory.Service{}
			p := rounding{s}
			s.Add(memory.Named("old"))
			plan := planned(t, s, p, []want{{State: sized("new", 14)}, {State: sized("old", 17)}}, policy{})
			arm(s)
			done, err := reconcile.Apply(t.Context(), p, plan, options{Sleep: s.Sleep})
			require.NoError(t, err)
			for i, size := range []int{10, 10} {
				require.NoError(t, done[i].Err)
				assert.Equal(t, size, *done[i].Want.Size)
				assert.Contains(t, done[i].Changes, reconcile.Change{Field: "size", After: size})
			}
		})
	}
}

// rounding writes tens.
type rounding struct{ *memory.Service }

func (r rounding) Create(ctx context.Context, w thing) (object, error) {
	return r.Service.Create(ctx, sized(*w.Name, *w.Size/10*10))
}

func (r rounding) Update(ctx context.Context, have object, w thing) (object, error) {
	return r.Service.Update(ctx, have, sized(*w.Name, *w.Size/10*10))
}

func TestEach(t *testing.T) {
	var mu sync.Mutex
	seen := map[int]bool{}
	require.NoError(t, reconcile.Each(t.Context(), 3, 10, func(_ context.Context, i int) error {
		mu.Lock()
		defer mu.Unlock()
		seen[i] = true
		return nil
	}))
	assert.Len(t, seen, 10)
	require.ErrorIs(t, reconcile.Each(t.Context(), 1, 2, func(context.Context, int) error { return memory.ErrBroken }), memory.ErrBroken)
	require.ErrorContains(t, reconcile.Each(t.Context(), 0, 1, func(context.Context, int) error { panic("out of paper") }), "internal error: out of paper")
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

func TestUnlistedObjectsAreFound(t *testing.T) {
	s := &memory.Service{}
	p := keyed{grouped{s}}
	mine := memory.Named("a")
	mine.Tags = []string{"shop"}
	id := s.Add(mine)
	l := &ledger{recent: map[string][]string{"shop": {id, "99"}, "": {"98"}}}
	unlisted := func(w []want, pol policy) []object {
		s.Unlisted = 1
		have, err := s.Observe(t.Context(), w, pol.Scope != nil)
		require.NoError(t, err)
		require.Empty(t, have)
		have, err = reconcile.Unlisted(t.Context(), p, l, have, w, pol)
		require.NoError(t, err)
		return have
	}
	assert.Len(t, unlisted([]want{{State: mine, Absent: true}}, policy{}), 1)
	assert.Len(t, unlisted(nil, policy{Scope: everything, Group: "shop"}), 1)
	assert.Len(t, unlisted([]want{{State: mine}}, policy{}), 1, "what seems not to exist may be new")
	s.Unlisted, s.FailPage = 0, 0
	have, err := reconcile.Unlisted(t.Context(), p, l, []object{{ID: "7", State: mine}}, []want{{State: mine}}, policy{})
	require.NoError(t, err)
	assert.Len(t, have, 1, "what is found is not looked for")
	assert.Empty(t, unlisted([]want{{ID: id, State: mine, Absent: true}}, policy{}), "an id is looked up anyway")
	s.Unlisted, s.FailPage = 0, 1
	_, err = reconcile.Unlisted(t.Context(), p, l, nil, nil, policy{Scope: everything, Group: "shop"})
	require.ErrorIs(t, err, memory.ErrBroken)
}

func TestALookDoesNotTakeOver(t *testing.T) {
	s := &memory.Service{RefuseCreates: 1}
	p := keyed{grouped{s}}
	mine := memory.Named("a")
	mine.Tags = []string{"shop"}
	plan := planned(t, s, p, []want{{State: mine}}, policy{})
	s.Add(memory.Named("a"))
	done, err := reconcile.Apply(t.Context(), p, plan, options{Sleep: s.Sleep})
	require.NoError(t, err)
	assert.Equal(t, "0 shop/a created id 2", told(done))
	assert.Equal(t, []string{"create a", "create a"}, s.Log(), "a namesake of no group is not what was created")
}

// bulk is a service that deletes up to three things at once; what it was asked for stands in calls.
type bulk struct {
	*memory.Service
	stays string // the name of a thing that cannot be deleted
	panic bool
	mu    sync.Mutex
	calls [][]string
}

func (*bulk) BatchSize() int { return 3 }

func (b *bulk) DeleteMany(ctx context.Context, have []object) []error {
	if b.panic {
		panic("out of paper")
	}
	var names []string
	errs := make([]error, len(have))
	for i, o := range have {
		names = append(names, *o.State.Name)
		if *o.State.Name == b.stays {
			errs[i] = fmt.Errorf("%s stays: %w", b.stays, memory.ErrBroken)
		} else {
			errs[i] = b.Delete(ctx, o)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, names)
	return errs
}

func TestManyDeletionsGoTogether(t *testing.T) {
	s := &bulk{Service: &memory.Service{}, stays: "c"}
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "kept"} {
		s.Add(memory.Named(name))
	}
	plan := planned(t, s.Service, s, wants("kept", "new"), policy{Scope: everything})
	var finished []string
	done, err := reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep, Done: func(step reconcile.Step[thing]) { finished = append(finished, step.Key) }})
	require.NoError(t, err)
	assert.Equal(t, [][]string{{"a", "b", "c"}, {"d", "e", "f"}}, s.calls, "the last one is alone, and deleted as such")
	require.Len(t, done.Failed(), 1)
	require.EqualError(t, done.Failed()[0].Err, "c stays: broken")
	assert.Equal(t, []string{"c", "kept", "new"}, s.Things())
	assert.Equal(t, []string{"new", "a", "b", "c", "d", "e", "f", "g"}, finished)
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

// resizing is a service that gives up to three things a size at once; what it was asked for stands in calls.
type resizing struct {
	grouped
	refused string // the name of a thing whose size stays
	mu      sync.Mutex
	calls   [][]string
}

func (*resizing) UniformSize() (fewest, most int) { return 2, 3 }

func (*resizing) Uniform(_ object, want thing) string { return fmt.Sprint("size ", *want.Size) }

func (r *resizing) UpdateMany(ctx context.Context, have []object, want []thing) []error {
	var names []string
	errs := make([]error, len(have))
	for i, o := range have {
		names = append(names, *o.State.Name)
		if *o.State.Name == r.refused {
			errs[i] = inPartError{memory.ErrBroken}
		} else {
			_, errs[i] = r.Update(ctx, o, want[i])
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, names)
	return errs
}

func TestEqualUpdatesGoTogether(t *testing.T) {
	s := &resizing{grouped: grouped{&memory.Service{}}, refused: "d"}
	var list []want
	for i, name := range strings.Split("abcdefg", "") {
		s.Add(sized(name, 1))
		list = append(list, want{State: sized(name, 2+i/6)}) // the last one gets another size than the others
	}
	plan := planned(t, s.Service, s, list, policy{})
	finished := 0
	done, err := reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep, Done: func(reconcile.Step[thing]) { finished++ }})
	require.NoError(t, err)
	assert.Equal(t, [][]string{{"a", "b", "c"}, {"d", "e", "f"}}, s.calls, "what is alone is updated as such")
	assert.Len(t, list, finished, "each is told")
	require.Len(t, done.Failed(), 1)
	assert.Equal(t, "d", done.Failed()[0].Key)
	assert.True(t, done[3].Written, "as far as it came")
	for i, step := range done {
		assert.Equal(t, "size", step.Changes[0].Field, i)
	}
	now := planned(t, s.Service, s, list, policy{})
	assert.Equal(t, "0 a unchanged id 1\n1 b unchanged id 2\n2 c unchanged id 3\n3 d updated id 4\n4 e unchanged id 5\n5 f unchanged id 6\n6 g unchanged id 7", told(now))
}

func TestATakeOverGoesAlone(t *testing.T) {
	s := &resizing{grouped: grouped{&memory.Service{}}}
	var list []want
	for _, name := range []string{"a", "b", "c"} {
		s.Add(sized(name, 1))
		w := sized(name, 2)
		w.Tags = []string{"shop"}
		list = append(list, want{State: w})
	}
	plan := planned(t, s.Service, s, list, policy{})
	_, err := reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep, Ledger: &ledger{}})
	require.NoError(t, err)
	assert.Empty(t, s.calls, "another run may be about to take it over as well")
	assert.Len(t, s.Log(), 3)
}

func TestDeletionsThatGoTogetherFailTogether(t *testing.T) {
	gone := wants("a", "b", "c", "d")
	for i := range gone {
		gone[i].Absent = true
	}
	s := &bulk{Service: &memory.Service{}, panic: true}
	for _, w := range gone {
		s.Add(w.State)
	}
	plan := planned(t, s.Service, s, gone, policy{})
	done, err := reconcile.Apply(t.Context(), s, plan, options{FailFast: true, Sleep: s.Sleep})
	require.NoError(t, err)
	for i, name := range []string{"a", "b", "c"} {
		require.ErrorContains(t, done[i].Err, name+": internal error: out of paper")
	}
	require.EqualError(t, done[3].Err, "d: not attempted, because another one failed")

	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("SIGTERM"))
	done, err = reconcile.Apply(ctx, s, plan, options{Sleep: s.Sleep})
	require.Error(t, err)
	for _, step := range done {
		require.EqualError(t, step.Err, step.Key+": not attempted: SIGTERM")
	}
}

// phased is a service whose things of kind "a" stand on those of kind "b".
type phased struct{ *memory.Service }

func (phased) Phase(s thing) int {
	if kindOf(s) == "b" {
		return 0
	}
	return 1
}

func TestWhatOthersStandOnComesFirstAndGoesLast(t *testing.T) {
	s := &memory.Service{}
	s.Add(ofKind("old base", "b"))
	s.Add(memory.Named("old"))
	p := phased{s}
	plan := planned(t, s, p, []want{{State: memory.Named("new")}, {State: ofKind("base", "b")}, {State: memory.Named("newer")}}, policy{Scope: everything})
	done, err := reconcile.Apply(t.Context(), p, plan, options{Sleep: s.Sleep})
	require.NoError(t, err)
	assert.Empty(t, done.Failed())
	assert.Equal(t, []string{"create base", "create new", "create newer", "delete old", "delete old base"}, s.Log())
}

// unique is a service in which an object must go before another one can have its name.
type unique struct {
	*memory.Service
	fails error
}

func (u unique) Recreate(ctx context.Context, have object, wish thing) (was, is object, err error) {
	if err := u.Delete(ctx, have); err != nil {
		return was, is, err
	}
	if u.fails != nil {
		_, err := u.Create(ctx, have.State)
		return was, is, errors.Join(u.fails, err)
	}
	is, err = u.Create(ctx, wish)
	return have, is, err
}

func TestAnObjectWithAUniqueNameGoesBeforeTheNewOneComes(t *testing.T) {
	for _, fails := range []error{nil, memory.ErrBroken} {
		s := &memory.Service{}
		s.Add(memory.Named("a"))
		p := unique{s, fails}
		refused := planned(t, s, p, []want{{State: ofKind("a", "b")}}, policy{Replacing: "recreate: always"})
		require.ErrorContains(t, refused[0].Err, "kind of 1 cannot be changed after creation; recreate: always deletes it and creates a new one")
		plan := planned(t, s, p, []want{{State: ofKind("a", "b")}}, policy{AllowReplace: true})
		done, err := reconcile.Apply(t.Context(), p, plan, options{Sleep: s.Sleep})
		require.NoError(t, err)
		assert.Equal(t, []string{"delete a", "create a"}, s.Log())
		assert.Equal(t, []string{"a"}, s.Things())
		require.ErrorIs(t, done[0].Err, fails)
		if fails == nil {
			assert.Equal(t, "0 a replaced id 2", told(done))
		}
	}
}

// quicker is a service in which another run has done meanwhile what a Recreate was to do, and left as much.
type quicker struct {
	*memory.Service
	was, is thing
}

func (q quicker) Recreate(context.Context, object, thing) (was, is object, err error) {
	return object{ID: "1", State: q.was}, object{ID: "1", State: q.is}, nil
}

func TestWhatAnotherRunHasCreatedAnewIsNotToldAsReplaced(t *testing.T) {
	renewed, larger := ofKind("a", "b"), ofKind("a", "b")
	larger.Size = sized("a", 3).Size
	for expected, is := range map[string]thing{"0 a unchanged id 1": renewed, "0 a updated id 1": larger} {
		s := &memory.Service{}
		s.Add(memory.Named("a"))
		p := quicker{s, renewed, is}
		done, err := reconcile.Apply(t.Context(), p, planned(t, s, p, []want{{State: is}}, policy{AllowReplace: true}), options{Sleep: s.Sleep})
		require.NoError(t, err)
		assert.Equal(t, expected, told(done))
		assert.Equal(t, reconcile.Diff(renewed, is), done[0].Changes)
	}
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

// inPartError is the error of a service that did a part of what it was asked for.
type inPartError struct{ error }

func (inPartError) Partly() bool { return true }

func TestAnUpdateDoneInPartHasChangedSomething(t *testing.T) {
	for name, c := range map[string]struct {
		err     error
		changed bool
	}{
		"in part":   {fmt.Errorf("updating: %w", inPartError{memory.ErrBroken}), true},
		"not begun": {memory.ErrBroken, false},
	} {
		s := &memory.Service{}
		s.Add(memory.Named("a"))
		plan := planned(t, s, s, []want{{State: sized("a", 3)}}, policy{})
		s.FailWrites = c.err
		done, err := reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep})
		require.NoError(t, err)
		require.Len(t, done.Failed(), 1, name)
		assert.Equal(t, c.changed, done.Changed(), name)
	}
}
