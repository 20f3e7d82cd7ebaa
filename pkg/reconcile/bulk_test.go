// SPDX-License-Identifier: GPL-3.0-or-later

package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/internal/memory"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// bulk is a service that deletes up to three things at once; what it was asked for stands in calls.
type bulk struct {
	*memory.Service
	stays string // the name of a thing that cannot be deleted
	panic bool
	mu    sync.Mutex
	calls [][]string
}

func (*bulk) BatchSize() int { return 3 }

func (b *bulk) DeleteMany(ctx context.Context, have []found) []error {
	if b.panic {
		panic("out of paper")
	}
	var names []string
	errs := make([]error, len(have))
	for i, o := range have {
		names = append(names, *o.Known.Name)
		if *o.Known.Name == b.stays {
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
	done, err := reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep, Done: func(step *reconcile.Step[thing]) { finished = append(finished, step.Key) }})
	require.NoError(t, err)
	assert.Equal(t, [][]string{{"a", "b", "c"}, {"d", "e", "f"}}, s.calls, "the last one is alone, and deleted as such")
	require.Len(t, done.Failed(), 1)
	require.EqualError(t, done.Failed()[0].Err, "c stays: broken")
	assert.Equal(t, []string{"c", "kept", "new"}, s.Things())
	assert.Equal(t, []string{"new", "a", "b", "c", "d", "e", "f", "g"}, finished)
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
	done, err := reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep, Done: func(*reconcile.Step[thing]) { finished++ }})
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
