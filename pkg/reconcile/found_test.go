// SPDX-License-Identifier: GPL-3.0-or-later

package reconcile_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/internal/memory"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// TestCompute_ComparesNothingReadInPart gives wishes, a purge and a deletion objects of which only the names are known.
func TestCompute_ComparesNothingReadInPart(t *testing.T) {
	listed := func(id, name string) found { return found{ID: id, Known: thing{Name: &name}} }
	have := []found{listed("1", "kept"), listed("2", "purged"), listed("3", "gone"), listed("4", "twin"), listed("5", "twin"), listed("6", "by id")}
	plan, err := reconcile.Compute(&memory.Service{}, have, []want{
		{State: memory.Named("kept")}, {State: memory.Named("gone"), Absent: true}, {State: memory.Named("twin")}, {ID: "6", State: memory.Named("by id")},
	}, policy{Scope: everything, OnDuplicate: reconcile.Oldest})
	require.NoError(t, err)
	const refused = " was changed by somebody else while it was read, and is left alone; run the task again"
	assert.Equal(t, "0 kept unchanged id 1: kept: 1"+refused+"\n1 gone deleted id 3\n2 twin unchanged id 4: twin: 4"+refused+
		"\n3 by id unchanged id 6: by id: 6"+refused+"\n-1 purged deleted id 2 (not declared)\n-1 twin deleted id 5 (duplicate of 4)", told(plan))
}

// TestCompute_TakesEachIDOnce: the list can show an object twice, and what was read whole is what counts.
func TestCompute_TakesEachIDOnce(t *testing.T) {
	a, b := there("1", "a"), there("2", "b")
	part := func(o object) found { return found{ID: o.ID, Known: thing{Name: o.State.Name}} }
	plan, err := reconcile.Compute(&memory.Service{}, []found{part(a), a.Found(), part(a), part(b), part(b)}, wants("a"),
		policy{Scope: everything, Limit: reconcile.Limit{Set: true, IsShare: true, Percent: 50}})
	require.NoError(t, err)
	assert.Equal(t, "0 a unchanged id 1\n-1 b deleted id 2 (not declared)", told(plan))
}

// TestApply_ComparesNothingReadInPart: what another run created, and what was looked for after a lost answer, is read whole before it is compared.
func TestApply_ComparesNothingReadInPart(t *testing.T) {
	const refused = "was changed by somebody else while it was read, and is left alone; run the task again"
	for name, test := range map[string]struct {
		service *memory.Service
		ledger  bool
	}{
		"another run created it": {service: &memory.Service{}, ledger: true},
		"its answer was lost":    {service: &memory.Service{LoseCreates: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			s := test.service
			plan := planned(t, s, s, wants("a"), policy{})
			s.ListOnly = true
			opt := options{Sleep: s.Sleep}
			if test.ledger {
				opt.Ledger = &ledger{ids: map[string]string{"a": s.Add(memory.Named("a"))}}
			}
			done, err := reconcile.Apply(t.Context(), s, plan, opt)
			require.NoError(t, err)
			require.ErrorContains(t, done[0].Err, refused)
			assert.NotContains(t, s.Log(), "update a")
		})
	}
}

// TestVerify_ComparesNothingReadInPart: what cannot be compared is not verified.
func TestVerify_ComparesNothingReadInPart(t *testing.T) {
	s := &memory.Service{}
	plan := planned(t, s, s, wants("a"), policy{})
	done, err := reconcile.Apply(t.Context(), s, plan, options{Sleep: s.Sleep})
	require.NoError(t, err)
	s.ListOnly = true
	require.NoError(t, reconcile.Verify(t.Context(), s, done, wants("a"), policy{}))
	require.ErrorContains(t, done[0].Err, "written, but now: a: 1 was changed by somebody else while it was read")
}
