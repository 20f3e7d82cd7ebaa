// SPDX-License-Identifier: GPL-3.0-or-later

// Package reconciletest is the contract that every reconcile.Provider must pass, as a test suite to be run by the provider's
// own tests, against the vendor's emulator or a real server:
//
//	func TestContract(t *testing.T) { reconciletest.Run(t, suite) }
package reconciletest

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// Suite is what the contract has to know of one provider.
type Suite[S any] struct {
	// New makes an empty service and a provider for it.
	New func(t testing.TB) Subject[S]
	// Full is the i-th of many distinct wishes, with every field set that Edits has.
	Full func(i int) S
	// Edits has, for every field of S by its mapstructure tag, a function that gives it another value and touches nothing else.
	Edits map[string]func(*S)
	// NotEdited has the fields that Edits leaves out, with the reason.
	NotEdited map[string]string
	// Secrets are texts that Full and Edits use as secrets; nothing may show them.
	Secrets []string
	// PageSize is how many objects one page of the service's list holds; 0 where it has no pages.
	PageSize int
}

// Subject is one provider with the service behind it.
type Subject[S any] struct {
	Provider reconcile.Provider[S]
	Writes   func() int // requests so far that were to change something
	Count    func() int // objects that exist
	// Arm makes the next requests fail in one way; it is called before the run.
	Arm func(Trouble)
	// Sleep is how the engine waits; it must not wait for real.
	Sleep func(context.Context, time.Duration) error
	// Trace is all that the service saw of requests in places that are logged: methods, URLs. "" where nothing is.
	Trace func() string
}

// Trouble is a way in which requests fail.
type Trouble string

// What Subject.Arm must be able to do.
const (
	LastPageFails Trouble = "the last page of the list fails"                      // and goes on failing
	TooMany       Trouble = "the next read and the next write are put off by 429"  // once each
	CreateLost    Trouble = "the next create is carried out but its answer lost"   // once
	CreateDropped Trouble = "the next create is lost before it reaches the server" // once
)

// Run holds a provider to the contract, one subtest a clause.
func Run[S any](t *testing.T, suite Suite[S]) {
	for _, clause := range clauses[S]() {
		t.Run(clause.name, func(t *testing.T) { clause.check(t, suite) })
	}
}

type clause[S any] struct {
	name  string
	check func(testing.TB, Suite[S])
}

func clauses[S any]() []clause[S] {
	return []clause[S]{
		{"every field is edited or has a reason", everyField[S]},
		{"create, then the plan is empty", createThenNothing[S]},
		{"each field edited alone is one update of that field", eachField[S]},
		{"page edges", pageEdges[S]},
		{"a list that fails on its last page writes nothing", failedList[S]},
		{"a cancelled context writes nothing", cancelled[S]},
		{"429 is waited out", tooMany[S]},
		{"a create whose answer was lost makes no duplicate", lost[S]},
		{"delete, then delete again", deleteTwice[S]},
	}
}

// run is one whole run of the engine, with everything it said searched for secrets.
func run[S any](ctx context.Context, t testing.TB, suite Suite[S], sub Subject[S], wants ...reconcile.Want[S]) (reconcile.Plan[S], error) {
	have, err := sub.Provider.Observe(ctx, wants, false)
	if err != nil {
		leaks(t, suite, sub, err)
		return nil, err
	}
	plan, err := reconcile.Compute(sub.Provider, have, wants, reconcile.Policy[S]{})
	require.NoError(t, err)
	leaks(t, suite, sub, plan)
	done, err := reconcile.Apply(ctx, sub.Provider, plan, reconcile.Options[S]{Limit: 4, Sleep: sub.Sleep})
	leaks(t, suite, sub, done, err)
	return done, err
}

// leaks looks for secrets in the printed and encoded forms of values and in what the service saw of URLs.
func leaks[S any](t testing.TB, suite Suite[S], sub Subject[S], said ...any) {
	text := sub.Trace()
	for _, v := range said {
		text += fmt.Sprintf("%v %+v %#v\n", v, v, v)
		if encoded, err := json.Marshal(v); err == nil {
			text += string(encoded)
		}
	}
	if plan, ok := said[0].(reconcile.Plan[S]); ok {
		for _, step := range plan {
			text += fmt.Sprintf("%+v %v\n", step.Changes, step.Err)
		}
	}
	for _, s := range suite.Secrets {
		require.NotContains(t, text, s, "a secret shows")
	}
}

func all[S any](suite Suite[S], n int) []reconcile.Want[S] {
	wants := make([]reconcile.Want[S], n)
	for i := range wants {
		wants[i] = reconcile.Want[S]{State: suite.Full(i)}
	}
	return wants
}

func succeeded[S any](t testing.TB, plan reconcile.Plan[S], err error, action reconcile.Action) {
	require.NoError(t, err)
	for _, step := range plan {
		require.NoError(t, step.Err)
		require.Equal(t, action, step.Action, "%s: %+v", step.Key, step.Changes)
	}
}

// everyField keeps a field that is added later from going untested.
func everyField[S any](t testing.TB, suite Suite[S]) {
	var visit func(reflect.Type)
	visit = func(typ reflect.Type) {
		for i := range typ.NumField() {
			name, opts, _ := strings.Cut(typ.Field(i).Tag.Get("mapstructure"), ",")
			if opts == "squash" {
				visit(typ.Field(i).Type)
			} else if name != "" {
				_, edited := suite.Edits[name]
				_, excused := suite.NotEdited[name]
				assert.NotEqual(t, edited, excused, "field %s must be in either Edits or NotEdited", name)
			}
		}
	}
	visit(reflect.TypeFor[S]())
}

func createThenNothing[S any](t testing.TB, suite Suite[S]) {
	sub := suite.New(t)
	wants := all(suite, 3)
	plan, err := run(t.Context(), t, suite, sub, wants...)
	succeeded(t, plan, err, reconcile.Create)
	require.Equal(t, 3, sub.Count())
	for _, step := range plan {
		require.NotEmpty(t, step.ID, "%s has no id after it was created", step.Key)
	}
	writes := sub.Writes()
	plan, err = run(t.Context(), t, suite, sub, wants...)
	succeeded(t, plan, err, reconcile.Unchanged)
	require.Equal(t, writes, sub.Writes(), "a second run wrote")
}

func eachField[S any](t testing.TB, suite Suite[S]) {
	sub := suite.New(t)
	want := suite.Full(0)
	plan, err := run(t.Context(), t, suite, sub, reconcile.Want[S]{State: want})
	succeeded(t, plan, err, reconcile.Create)
	for field, edit := range suite.Edits {
		edit(&want)
		writes := sub.Writes()
		plan, err := run(t.Context(), t, suite, sub, reconcile.Want[S]{State: want})
		require.NoError(t, err)
		require.Len(t, plan, 1)
		require.NoError(t, plan[0].Err, field)
		require.Equal(t, reconcile.Update, plan[0].Action, field)
		var changed []string
		for _, c := range plan[0].Changes {
			changed = append(changed, c.Field)
		}
		require.Equal(t, []string{field}, changed)
		require.Equal(t, writes+1, sub.Writes(), "%s must be one request", field)

		plan, err = run(t.Context(), t, suite, sub, reconcile.Want[S]{State: want})
		succeeded(t, plan, err, reconcile.Unchanged)
		require.Equal(t, writes+1, sub.Writes(), "a second run after the edit of %s wrote", field)
	}
	require.Equal(t, 1, sub.Count())
}

func pageEdges[S any](t testing.TB, suite Suite[S]) {
	if suite.PageSize == 0 {
		t.Skip("the service lists without pages")
	}
	sub := suite.New(t)
	for _, n := range []int{suite.PageSize - 1, suite.PageSize, suite.PageSize + 1, 2 * suite.PageSize} {
		wants := all(suite, n)
		plan, err := run(t.Context(), t, suite, sub, wants...)
		require.NoError(t, err)
		require.Empty(t, plan.Failed())
		require.Equal(t, n, sub.Count())
		writes := sub.Writes()
		plan, err = run(t.Context(), t, suite, sub, wants...)
		succeeded(t, plan, err, reconcile.Unchanged)
		require.Equal(t, writes, sub.Writes())
		ids := make(map[string]bool)
		for _, step := range plan {
			ids[step.ID] = true
		}
		require.Len(t, ids, n, "%d objects must be told apart", n)
	}
}

func failedList[S any](t testing.TB, suite Suite[S]) {
	sub := suite.New(t)
	n := suite.PageSize + 1
	_, err := run(t.Context(), t, suite, sub, all(suite, n)...)
	require.NoError(t, err)
	writes := sub.Writes()
	sub.Arm(LastPageFails)
	_, err = run(t.Context(), t, suite, sub, all(suite, n+1)...)
	require.Error(t, err, "a part of the list was taken for the whole")
	require.Equal(t, writes, sub.Writes())
}

func cancelled[S any](t testing.TB, suite Suite[S]) {
	sub := suite.New(t)
	wants := all(suite, 3)
	have, err := sub.Provider.Observe(t.Context(), wants, false)
	require.NoError(t, err)
	plan, err := reconcile.Compute(sub.Provider, have, wants, reconcile.Policy[S]{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	done, err := reconcile.Apply(ctx, sub.Provider, plan, reconcile.Options[S]{Limit: 4, Sleep: sub.Sleep})
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, done.Failed(), 3)
	_, err = sub.Provider.Observe(ctx, wants, false)
	require.ErrorIs(t, err, context.Canceled)
	_, err = sub.Provider.Create(ctx, plan[0].Want)
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, sub.Writes())
	require.Zero(t, sub.Count())
}

func tooMany[S any](t testing.TB, suite Suite[S]) {
	sub := suite.New(t)
	sub.Arm(TooMany)
	plan, err := run(t.Context(), t, suite, sub, all(suite, 2)...)
	succeeded(t, plan, err, reconcile.Create)
	require.Equal(t, 2, sub.Count())
}

func lost[S any](t testing.TB, suite Suite[S]) {
	for _, trouble := range []Trouble{CreateLost, CreateDropped} {
		sub := suite.New(t)
		wants := all(suite, 3)
		sub.Arm(trouble)
		plan, err := run(t.Context(), t, suite, sub, wants...)
		succeeded(t, plan, err, reconcile.Create)
		require.Equal(t, 3, sub.Count(), trouble)
		plan, err = run(t.Context(), t, suite, sub, wants...)
		succeeded(t, plan, err, reconcile.Unchanged)
	}
}

func deleteTwice[S any](t testing.TB, suite Suite[S]) {
	sub := suite.New(t)
	wants := all(suite, 2)
	plan, err := run(t.Context(), t, suite, sub, wants...)
	succeeded(t, plan, err, reconcile.Create)
	have, err := sub.Provider.Observe(t.Context(), wants, false)
	require.NoError(t, err)
	require.Len(t, have, 2)
	wants[0].Absent = true
	plan, err = run(t.Context(), t, suite, sub, wants...)
	require.NoError(t, err)
	require.Equal(t, reconcile.Delete, plan[0].Action)
	require.NoError(t, plan[0].Err)
	require.Equal(t, reconcile.Unchanged, plan[1].Action)
	require.Equal(t, 1, sub.Count())
	for _, o := range have {
		if o.ID == plan[0].ID {
			require.NoError(t, sub.Provider.Delete(t.Context(), o), "what is already gone is deleted")
		}
	}
	writes := sub.Writes()
	plan, err = run(t.Context(), t, suite, sub, wants...)
	succeeded(t, plan, err, reconcile.Unchanged)
	require.Equal(t, writes, sub.Writes(), "a second run deleted again")
}
