// SPDX-License-Identifier: GPL-3.0-or-later

package reconcile_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/internal/memory"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

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

// TestReplace_KeepsWhatWasReadWhileItWasMade plans to replace an object that another run is about to complete.
func TestReplace_KeepsWhatWasReadWhileItWasMade(t *testing.T) {
	for name, test := range map[string]struct{ wish, made thing }{
		"unchanged": {wish: ofKind("a", "b"), made: ofKind("a", "b")},
		"updated":   {wish: func() thing { x := sized("a", 3); x.Kind = ofKind("a", "b").Kind; return x }(), made: ofKind("a", "b")},
	} {
		t.Run(name, func(t *testing.T) {
			s := &memory.Service{}
			id := s.Add(memory.Named("a"))
			plan := planned(t, s, s, []want{{State: test.wish}}, policy{AllowReplace: true})
			require.Equal(t, reconcile.Replace, plan[0].Action)
			_, err := s.Update(t.Context(), object{ID: id}, test.made)
			require.NoError(t, err)
			done, err := reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep, Ledger: &ledger{ids: map[string]string{"a": id}}})
			require.NoError(t, err)
			assert.Equal(t, "0 a "+name+" id 1", told(done))
			assert.Equal(t, name == "updated", done.Changed())
			assert.Equal(t, []string{"a"}, s.Things())
		})
	}
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

func (keeping) Delete(context.Context, found) error { return memory.ErrBroken }

// unique is a service in which an object must go before another one can have its name.
type unique struct {
	*memory.Service
	fails error
}

func (u unique) Recreate(ctx context.Context, have object, wish thing) (was, is object, err error) {
	if err := u.Delete(ctx, have.Found()); err != nil {
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
		require.ErrorContains(t, refused[0].Err, "kind of 1 cannot be changed after creation, and is a, got: b; recreate: always deletes it and creates a new one")
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
		assert.Equal(t, reconcile.Diff(object{State: renewed}, is), done[0].Changes)
	}
}
