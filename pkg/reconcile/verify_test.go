// SPDX-License-Identifier: GPL-3.0-or-later

package reconcile_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/internal/memory"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// lying is a service that says that all was done, and forgets some of it.
type lying struct {
	*memory.Service
	loses, keeps, halves string // names of things
}

func (l lying) Create(ctx context.Context, want thing) (object, error) {
	if *want.Name == l.loses {
		return object{ID: "99", State: want}, nil
	}
	return l.Service.Create(ctx, want)
}

func (l lying) Update(ctx context.Context, have object, want thing) (object, error) {
	if *want.Name == l.halves {
		return have, nil
	}
	return l.Service.Update(ctx, have, want)
}

func (l lying) Delete(ctx context.Context, have found) error {
	if *have.Known.Name == l.keeps {
		return nil
	}
	return l.Service.Delete(ctx, have)
}

func TestVerifyFindsWhatWasConfirmedAndIsNotSo(t *testing.T) {
	s := &memory.Service{}
	for _, name := range []string{"old", "same", "half", "going", "kept", "undeclared", "undeclared too"} {
		s.Add(memory.Named(name))
	}
	p := lying{s, "lost", "kept", "half"}
	wants := []want{
		{State: memory.Named("new")}, {State: memory.Named("lost")}, {State: sized("old", 3)}, {State: sized("half", 3)}, {State: memory.Named("same")},
		{State: memory.Named("going"), Absent: true}, {State: memory.Named("kept"), Absent: true}, {State: sized("bad", -1)},
	}
	pol := policy{Scope: everything, Limit: reconcile.Limit{Set: true, Count: 2}}
	plan := planned(t, s, p, wants, pol)
	done, err := reconcile.Apply(t.Context(), p, plan, options{Sleep: s.Sleep})
	require.NoError(t, err)
	require.NoError(t, reconcile.Verify(t.Context(), p, done, wants, pol))
	errs := map[string]string{}
	for _, step := range done.Failed() {
		errs[step.Key] = step.Err.Error()
	}
	assert.Equal(t, map[string]string{
		"lost":           "lost: the server confirmed it, but it is not there",
		"half":           "half: the server confirmed it, but holds something else in: size",
		"kept":           "kept (5): its deletion was confirmed, but it is still there",
		"bad":            "bad: size must not be negative",
		"undeclared":     "undeclared (6): deletion not attempted, because 1 other failed",
		"undeclared too": "undeclared too (7): deletion not attempted, because 1 other failed",
	}, errs)
}

func TestVerifyLooksOnlyWhereSomethingWasWritten(t *testing.T) {
	s := &memory.Service{FailPage: 1}
	require.NoError(t, reconcile.Verify(t.Context(), s, reconcile.Plan[thing]{{Action: reconcile.Unchanged}}, wants("a"), policy{}))
	err := reconcile.Verify(t.Context(), s, reconcile.Plan[thing]{{Action: reconcile.Create}}, wants("a"), policy{})
	require.ErrorContains(t, err, "what was written could not be looked at: page 1: broken")
}

func TestVerifyTellsNamesakesThatAppeared(t *testing.T) {
	s := &memory.Service{}
	plan := planned(t, s, s, wants("a"), policy{})
	done, err := reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep})
	require.NoError(t, err)
	s.Add(memory.Named("a"))
	require.NoError(t, reconcile.Verify(t.Context(), s, done, wants("a"), policy{}))
	require.ErrorContains(t, done[0].Err, "written, but now: a: more than one match")
}
