// SPDX-License-Identifier: GPL-3.0-or-later

package reconcile_test

import (
	"context"
	"errors"
	"fmt"
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
	done, err := reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep, Done: func(step *reconcile.Step[thing]) {
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
	done, err := reconcile.Apply(ctx, s, plan, options{Sleep: s.Sleep, Done: func(step *reconcile.Step[thing]) {
		if step.Key == "b" {
			cancel(errors.New("SIGTERM"))
		}
	}})
	require.EqualError(t, err, "SIGTERM")
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
			_, err := reconcile.Apply(ctx, s, plan, options{Sleep: s.Sleep, Done: func(step *reconcile.Step[thing]) {
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

// actedError is that of a write that was sent and not answered.
type actedError struct{ error }

func (actedError) MayHaveActed() bool { return true }

func TestApply_TakesAWriteWithoutAnAnswerForAChange(t *testing.T) {
	s := &memory.Service{}
	id := s.Add(sized("b", 1))
	s.Add(memory.Named("c"))
	list := []want{{State: memory.Named("a")}, {State: sized("b", 2)}, {State: memory.Named("c"), Absent: true}}
	for _, err := range []error{actedError{memory.ErrBroken}, fmt.Errorf("sending: %w", actedError{memory.ErrBroken})} {
		for i := range list {
			plan := planned(t, s, s, list[i:i+1], policy{})
			s.FailWrites = err
			done, err := reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep})
			s.FailWrites = nil
			require.NoError(t, err)
			require.Error(t, done[0].Err)
			assert.True(t, done[0].Written, done[0].Key)
			assert.True(t, done.Changed())
		}
	}
	together := &resizing{grouped: grouped{s}, refused: "none"}
	s.FailWrites = actedError{memory.ErrBroken}
	plan := reconcile.Plan[thing]{}
	for _, name := range []string{"b", "b2", "b3"} {
		have := object{ID: id, State: sized(name, 1)}
		plan = append(plan, reconcile.Step[thing]{Key: name, Action: reconcile.Update, ID: id, Have: &have, Want: sized(name, 2), Wish: sized(name, 2)})
	}
	done, err := reconcile.Apply(t.Context(), together, plan, options{Sleep: s.Sleep})
	require.NoError(t, err)
	require.NotEmpty(t, together.calls)
	for _, step := range done {
		require.Error(t, step.Err)
		assert.True(t, step.Written, step.Key)
	}

	refusing := &memory.Service{RefuseCreates: 3}
	done, err = reconcile.Apply(t.Context(), refusing, planned(t, refusing, refusing, wants("a"), policy{}), options{Sleep: refusing.Sleep})
	require.NoError(t, err)
	require.ErrorContains(t, done[0].Err, "is not there")
	assert.False(t, done.Changed(), "what was looked for and is not there was not made")
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
