// SPDX-License-Identifier: GPL-3.0-or-later

package reconcile_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/internal/memory"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

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
	require.EqualError(t, err, "SIGINT")
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

func TestUnlistedObjectsAreFound(t *testing.T) {
	s := &memory.Service{}
	p := keyed{grouped{s}}
	mine := memory.Named("a")
	mine.Tags = []string{"shop"}
	id := s.Add(mine)
	l := &ledger{recent: map[string][]string{"shop": {id, "99"}, "": {"98"}}}
	unlisted := func(w []want, pol policy) []found {
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
	have, err := reconcile.Unlisted(t.Context(), p, l, seen([]object{{ID: "7", State: mine}}), []want{{State: mine}}, policy{})
	require.NoError(t, err)
	assert.Len(t, have, 1, "what is found is not looked for")
	assert.Empty(t, unlisted([]want{{ID: id, State: mine, Absent: true}}, policy{}), "an id is looked up anyway")
	s.Unlisted, s.FailPage = 0, 1
	_, err = reconcile.Unlisted(t.Context(), p, l, nil, nil, policy{Scope: everything, Group: "shop"})
	require.ErrorIs(t, err, memory.ErrBroken)
}

// TestUnlisted_WarnsOfLostCreations checks for which groups the ledger is asked about killed runs, and which keys are left out.
func TestUnlisted_WarnsOfLostCreations(t *testing.T) {
	p := keyed{grouped{&memory.Service{}}}
	of := func(name string) thing {
		s := memory.Named(name)
		s.Tags = []string{"shop"}
		return s
	}
	for name, c := range map[string]struct {
		wants  []want
		policy policy
		warned []string
	}{
		"present": {wants: []want{{State: of("a")}}},
		"absent":  {wants: []want{{State: of("a"), Absent: true}, {State: of("b"), Absent: true}}, warned: []string{"shop[shop/x take over 7]"}},
		"by id":   {wants: []want{{ID: "7", State: of("a"), Absent: true}}},
		"purge":   {wants: []want{{State: of("a")}}, policy: policy{Scope: everything, Group: "shop"}, warned: []string{"shop[shop/a shop/x take over 7]"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := &ledger{}
			_, err := reconcile.Unlisted(t.Context(), p, l, seen([]object{{ID: "7", State: of("x")}}), c.wants, c.policy)
			require.NoError(t, err)
			assert.Equal(t, c.warned, l.warned)
		})
	}
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
