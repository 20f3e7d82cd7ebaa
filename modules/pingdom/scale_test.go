// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// estate declares checks of many stacks, five each.
func estate(checks int) []options {
	items := make([]options, checks)
	for i := range items {
		stack := fmt.Sprintf("stack-%03d", i/5)
		items[i] = options{"name": fmt.Sprintf("service %d", i%5), "stack": stack, "resolution": 1, "host": stack + ".example.com", "url": fmt.Sprintf("/%d", i%5)}
	}
	return items
}

// expectCalls counts every call since the last reset.
func (l *lab) expectCalls(lists, details, credits, creates, updates, deletes int) {
	l.T.Helper()
	assert.Equal(l.T, lists, l.Count(http.MethodGet, listPath), "lists")
	assert.Equal(l.T, details, l.Count(http.MethodGet, vendor.BasePath+"/checks/*"), "details")
	assert.Equal(l.T, credits, l.Count(http.MethodGet, vendor.BasePath+"/credits"), "looks at the credits")
	assert.Equal(l.T, creates, l.Count(http.MethodPost, ""), "creations")
	assert.Equal(l.T, updates, l.Count(http.MethodPut, ""), "updates")
	assert.Equal(l.T, deletes, l.Count(http.MethodDelete, ""), "deletions")
	assert.Len(l.T, l.Calls(), lists+details+credits+creates+updates+deletes, "and not one call more")
}

// TestFiveHundredChecks is one task for 500 checks over 100 stacks through its life, with every call counted.
func TestFiveHundredChecks(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	items := estate(500)
	task := options{"checks": items, "purge": true, "api_concurrency": 16, "api_rate_limit": 0, "_ansible_diff": false}
	run := func() answer {
		t.Helper()
		l.ResetCalls()
		a := l.OK(task)
		assert.Equal(t, len(l.Calls()), a.API.Calls, "the answer counts the calls that were made")
		assert.LessOrEqual(t, l.MaxInFlight(), 16)
		return a
	}
	a := run()
	assert.Equal(t, 500, a.Summary["created"])
	l.expectCalls(1, 0, 1, 500, 0, 0)
	for i, c := range a.Objects {
		require.Equal(t, items[i]["name"], text(c.Name), "the answer is in the order of the task")
		require.Equal(t, items[i]["stack"], text(c.Stack))
	}

	assert.Equal(t, 500, run().Summary["unchanged"])
	l.expectCalls(1, 500, 0, 0, 0, 0)

	for i := range 10 {
		items[i*47] = items[i*47].With(options{"resolution": 5})
	}
	a = run()
	assert.Equal(t, []int{10, 490}, []int{a.Summary["updated"], a.Summary["unchanged"]})
	l.expectCalls(1, 500, 0, 0, 10, 0)

	task["checks"] = append(append([]options{}, items[:200]...), items[207:]...)
	a = run()
	assert.Equal(t, []int{7, 493}, []int{a.Summary["deleted"], a.Summary["unchanged"]})
	l.expectCalls(2, 493, 0, 0, 0, 1)
	assert.Len(t, l.Checks(), 493)
	l.Settled(task)
}

// TestPurgeOfSeven, unguarded and guarded.
func TestPurgeOfSeven(t *testing.T) {
	t.Parallel()
	for limit, allowed := range map[string]bool{"": true, "7": true, "6": false, "50%": true, "30%": false} {
		l := newLab(t, emulator.Options{})
		for i := range 14 {
			l.byHand(fmt.Sprintf("c%02d", i), ofStack("shop"))
		}
		l.byHand("other", ofStack("blog"))
		task := options{"stack": "shop", "purge": true, "checks": sites("c00", "c01", "c02", "c03", "c04", "c05", "c06")}
		if limit != "" {
			task["purge_limit"] = limit
		}
		if !allowed {
			a := l.Run(task)
			assert.Contains(t, a.Msg, "7 of 14 would be deleted, which is over the limit of "+limit)
			assert.Len(t, a.Refused, 7)
			assert.Equal(t, a.Msg, l.DryRun(task).Msg)
			assert.Zero(t, l.Writes())
			continue
		}
		assert.Equal(t, l.DryRun(task).Actions(), l.OK(task).Actions(), limit)
		assert.Len(t, l.Checks(), 8)
		assert.Equal(t, 1, l.Writes(), "seven go with one call")
		l.Settled(task)
	}
}

// TestPurgeOfAllThatTheSuiteManages: without a stack, what the task declares gets the mark by which a later one finds it.
func TestPurgeOfAllThatTheSuiteManages(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.byHand("hand-made")
	l.OK(options{"checks": sites("a", "b"), "purge": true})
	assert.Equal(t, []string{"managed_by-stackwatch"}, l.stored("b").Tags)
	task := options{"checks": sites("a"), "purge": true}
	assert.Equal(t, []string{"a unchanged", "b deleted"}, l.OK(task).Actions())
	assert.ElementsMatch(t, []string{"hand-made", "a"}, l.names())
	l.Settled(task)
}

// TestOneStackReadsItsOwnChecks: who deploys one stack of many must not pay for the others.
func TestOneStackReadsItsOwnChecks(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.OK(options{"checks": estate(100), "api_rate_limit": 0})
	l.ResetCalls()
	l.Settled(options{"stack": "stack-007", "checks": estate(100)[35:40]})
	assert.Len(t, l.Calls(), 1+5, "one list of the stack, and its five checks")
	assert.Contains(t, l.Calls()[0].Query, "tags=stack-stack-007")
}

// TestALongListHasPages: 25,000 checks are the most of one answer.
func TestALongListHasPages(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.Seed(pageSize)
	l.Settled(options{"name": "Seeded check 25000"})
	assert.Equal(t, 2, l.Count(http.MethodGet, listPath), "a full page may be followed by another one")
	l.byHand("the last one")
	l.Settled(options{"name": "the last one"})
	assert.Contains(t, l.Calls()[len(l.Calls())-2].Query, "offset=25000")

	l.Inject(emulator.Rule{Index: emulator.AnyCall, Method: http.MethodGet, Path: listPath, Skip: 1, Times: emulator.Always,
		Fault: emulator.Fault{Kind: emulator.Status, Status: 500}})
	a := l.Run(site("new"))
	assert.Contains(t, a.Msg, "nothing was changed, because the checks could not be read: listing checks: page 2")
	assert.Zero(t, l.Writes(), "half a list is no list")
}

// TestAListThatContradictsItsCountIsReadAgain: ids that are fewer than the list says may be the ones that a task would create.
func TestAListThatContradictsItsCountIsReadAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.byHand("a")
	short := `{"checks": [], "counts": {"total": 1, "limited": 0, "filtered": 1}}`
	l.Inject(emulator.On(http.MethodGet, listPath, 2, emulator.Fault{Kind: emulator.Status, Status: http.StatusOK, Body: short}))
	l.Settled(site("a"))
	l.Inject(emulator.On(http.MethodGet, listPath, emulator.Always, emulator.Fault{Kind: emulator.Status, Status: http.StatusOK, Body: short}))
	assert.Contains(t, l.Run(site("a")).Msg, "listing checks: the list kept changing while it was read")
	for body, want := range map[string]string{
		`{}`: "the answer has no checks",
		`{"checks": [{"name": "a", "type": "http"}]}`:            `the answer has a check whose id is no number, but ""`,
		`{"checks": [{"id": null}, {"id": 8000001}]}`:            `the answer has a check whose id is no number, but ""`,
		`{"checks": [{"id": "8000001,8000002", "name": "all"}]}`: `the answer has a check whose id is no number, but "8000001,8000002"`,
	} {
		l.ClearFaults()
		l.Inject(emulator.On(http.MethodGet, listPath, emulator.Always, emulator.Fault{Kind: emulator.Status, Status: http.StatusOK, Body: body}))
		assert.Contains(t, l.Run(site("a")).Msg, "listing checks: page 1: "+want)
	}
	assert.Zero(t, l.Writes())
}

// TestEitherCountOfAStacksListWillDo: the vendor describes the two in contradictory words, so that one may be about the whole account.
func TestEitherCountOfAStacksListWillDo(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	id := l.byHand("a", ofStack("shop"))
	for counts, settled := range map[string]bool{
		`{"total": 9, "limited": 9, "filtered": 1}`: true, `{"total": 9, "limited": 1, "filtered": 9}`: true,
		`{"total": 9, "limited": 9, "filtered": 2}`: false, `{"total": 9}`: true,
	} {
		body := `{"checks": [{"id": ` + id + `, "name": "a", "type": "http", "tags": [{"name": "stack-shop", "type": "u"}]}], "counts": ` + counts + `}`
		l.ClearFaults()
		l.Inject(emulator.On(http.MethodGet, listPath, emulator.Always, emulator.Fault{Kind: emulator.Status, Status: http.StatusOK, Body: body}))
		assert.Equal(t, settled, !l.Run(options{"name": "a", "stack": "shop"}).Failed, counts)
	}
}

// TestAFullPlanIsSeenBeforeAnythingIsDone: a plan that the account has no room for is refused as a whole, and a creation that fails all the
// same says why.
func TestAFullPlanIsSeenBeforeAnythingIsDone(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.byHand("old")
	l.byHand("retyped", ofStack("shop"))
	l.SetCheckLimit(4)
	task := options{"stack": "shop", "checks": append(sites("a", "b"),
		site("retyped").With(options{"type": "ping"}), options{"name": "old", "resolution": 1})}
	const want = "nothing was changed, because the plan of the account has room for 2 more checks and 3 would be created: " +
		"shop/a, shop/b, shop/retyped (ping); delete checks, extend the plan, or declare fewer"
	for _, a := range []answer{l.DryRun(task), l.Run(task)} {
		assert.True(t, a.Failed)
		assert.Equal(t, want, a.Msg)
	}
	assert.Zero(t, l.Writes())
	l.SetCheckLimit(5)
	assert.Equal(t, 3, l.OK(task).Summary["created"])
	l.ResetCalls()
	l.Settled(task)
	assert.Zero(t, l.Count(http.MethodGet, vendor.BasePath+"/credits"), "nothing is created, so nobody looks")

	l.SetCheckLimit(4)
	one := options{"stack": "shop", "checks": append(sites("c"), options{"name": "a", "resolution": 1})}
	assert.Contains(t, l.Run(one).Msg, "room for 0 more checks and 1 would be created: shop/c; delete checks, ")
	one["checks"] = append(sites("c"), options{"name": "a", "state": "absent"})
	assert.Contains(t, l.Run(one).Msg, "shop/c; delete checks in a task before this one (what the same task deletes makes no room), extend the plan, ")
	one["checks"] = append(sites("c"), options{"name": "a", "resolution": 1})
	// Somebody takes the last room after it was looked at.
	l.Inject(emulator.On(http.MethodGet, vendor.BasePath+"/credits", 1, emulator.Fault{Kind: emulator.Status, Status: http.StatusOK,
		Body: `{"credits": {"availablechecks": 1}}`}))
	a := l.Run(one)
	assert.Contains(t, a.Msg, "1 of 2 checks failed: creating check shop/c: the plan is full, there is no free uptime check for it; "+
		"delete checks or extend the plan: POST /checks: status 403 Forbidden: No free uptime checks available")
	assert.Equal(t, "updated", a.Objects[1].Action, "the others are done")

	l.Inject(emulator.On(http.MethodGet, vendor.BasePath+"/credits", emulator.Always, emulator.Fault{Kind: emulator.Status}))
	a = l.Run(options{"checks": sites("x", "y")})
	assert.Contains(t, a.Msg, "reading the credits: GET /credits: status 500")
	assert.Empty(t, l.named("x"))
}

// TestDeletingMany: one call for a hundred, a look at what is left, and each by itself where the call is refused.
func TestDeletingMany(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T, opt emulator.Options, n int) (*lab, options) {
		t.Helper()
		l := newLab(t, opt)
		for i := range n {
			l.byHand(fmt.Sprintf("c%03d", i), ofStack("shop"))
		}
		l.byHand("other", ofStack("blog"))
		return l, options{"stack": "shop", "state": "absent", "api_rate_limit": 0, "_ansible_diff": false} // a diff needs the details of each
	}
	const collection = vendor.BasePath + "/checks$"
	t.Run("in batches", func(t *testing.T) {
		t.Parallel()
		l, task := start(t, emulator.Options{}, 250)
		assert.Equal(t, 250, l.OK(task).Summary["deleted"])
		l.expectCalls(1+1, 0, 0, 0, 0, 3)
		assert.Equal(t, []string{"other"}, l.names())
		for _, call := range l.WriteCalls() {
			assert.LessOrEqual(t, strings.Count(call.Query, "%2C"), 99)
		}
		l.Settled(task)
	})
	t.Run("one of them is gone already", func(t *testing.T) {
		t.Parallel()
		l, task := start(t, emulator.Options{}, 7)
		id := l.stored("c003").ID
		l.Inject(emulator.On(http.MethodDelete, collection, 1, emulator.Fault{Kind: emulator.Status, Status: http.StatusForbidden,
			Body: `{"error": {"statuscode": 403, "statusdesc": "Forbidden", "errormessage": "Invalid check identifier"}}`}))
		l.Inject(emulator.On(http.MethodDelete, collection+"/"+strconv.Itoa(id), 1, emulator.Fault{Kind: emulator.StatusAfter, Status: http.StatusServiceUnavailable}))
		assert.Equal(t, 7, l.OK(task).Summary["deleted"])
		assert.Equal(t, []string{"other"}, l.names())
	})
	t.Run("what the call left is deleted", func(t *testing.T) {
		t.Parallel()
		l, task := start(t, emulator.Options{}, 7)
		l.Inject(emulator.On(http.MethodDelete, collection, 1, emulator.Fault{Kind: emulator.Status, Status: http.StatusOK, Body: `{"message": "done"}`}))
		assert.Equal(t, 7, l.OK(task).Summary["deleted"])
		assert.Equal(t, []string{"other"}, l.names())
	})
	t.Run("and said where it cannot be", func(t *testing.T) {
		t.Parallel()
		l, task := start(t, emulator.Options{}, 7)
		id := l.stored("c003").ID
		l.Inject(
			emulator.On(http.MethodDelete, collection, emulator.Always, emulator.Fault{Kind: emulator.Status, Status: http.StatusForbidden}),
			emulator.On(http.MethodDelete, vendor.BasePath+"/checks/"+strconv.Itoa(id), emulator.Always, emulator.Fault{Kind: emulator.Status, Status: http.StatusForbidden}),
		)
		a := l.Run(task)
		assert.Contains(t, a.Msg, fmt.Sprintf("1 of 7 checks failed: deleting check shop/c003 (%d): DELETE /checks/%d: status 403", id, id))
		assert.Equal(t, []string{"c003", "other"}, l.names())
		assert.Equal(t, 6, a.Summary["deleted"])
	})
	t.Run("a list that is late is not believed", func(t *testing.T) {
		t.Parallel()
		l, task := start(t, emulator.Options{}, 2)
		var late []string
		for _, c := range l.Checks() {
			late = append(late, fmt.Sprintf(`{"id": "%d", "name": %q, "type": "http"}`, c.ID, c.Name))
		}
		body := `{"checks": [` + strings.Join(late, ",") + `]}`
		l.Inject(emulator.Rule{Index: emulator.AnyCall, Method: http.MethodGet, Path: listPath, Skip: 1,
			Fault: emulator.Fault{Kind: emulator.Status, Status: http.StatusOK, Body: body}})
		assert.Equal(t, 2, l.OK(task).Summary["deleted"])
		l.expectCalls(2, 0, 0, 0, 0, 1+2)
	})
	t.Run("a refused token is not tried on each", func(t *testing.T) {
		t.Parallel()
		l, task := start(t, emulator.Options{}, 3)
		l.Inject(emulator.On(http.MethodDelete, "", emulator.Always, emulator.Fault{Kind: emulator.Status, Status: http.StatusUnauthorized}))
		assert.Equal(t, 3, l.Run(task).Summary["failed"])
		l.expectCalls(1, 0, 0, 0, 0, 1)
	})
	t.Run("nor is a budget that is used up", func(t *testing.T) {
		t.Parallel()
		l, task := start(t, emulator.Options{}, 250)
		l.Inject(emulator.Rule{Index: emulator.AnyCall, Method: http.MethodDelete, Skip: 1, Times: emulator.Always, Fault: emulator.Fault{
			Kind: emulator.Status, Status: http.StatusTooManyRequests, Header: http.Header{"Req-Limit-Short": {"Remaining: 0 Time until reset: 3589"}}}})
		a := l.Run(task)
		assert.Equal(t, []int{100, 150}, []int{a.Summary["deleted"], a.Summary["failed"]})
		assert.Contains(t, a.Objects[100].Error, "): DELETE /checks: status 429")
		assert.Contains(t, a.Objects[200].Error, "): not attempted: DELETE /checks: status 429")
		l.expectCalls(2, 0, 0, 0, 0, 2)
	})
	t.Run("a token that is refused in the middle", func(t *testing.T) {
		t.Parallel()
		l, task := start(t, emulator.Options{}, 250)
		l.Inject(emulator.Rule{Index: emulator.AnyCall, Skip: 2, Times: emulator.Always, Fault: emulator.Fault{Kind: emulator.Status, Status: http.StatusUnauthorized}})
		a := l.Run(task)
		assert.Equal(t, 250, a.Summary["failed"])
		assert.Contains(t, a.Objects[0].Error, "which Pingdom says is done: listing checks: ")
		assert.Contains(t, a.Objects[0].Error, "the token of api_token (environment PINGDOM_API_TOKEN) was refused")
		assert.Contains(t, a.Objects[100].Error, "): DELETE /checks: status 401")
		assert.Contains(t, a.Objects[200].Error, "): not attempted: DELETE /checks: status 401")
	})
	t.Run("a call that fails leaves the others", func(t *testing.T) {
		t.Parallel()
		l, task := start(t, emulator.Options{}, 300)
		l.Inject(emulator.Rule{Index: emulator.AnyCall, Method: http.MethodDelete, Skip: 1, Fault: emulator.Fault{Kind: emulator.StatusAfter, Status: http.StatusInternalServerError}},
			emulator.Rule{Index: emulator.AnyCall, Method: http.MethodDelete, Skip: 2, Times: emulator.Always, Fault: emulator.Fault{Kind: emulator.Status, Status: http.StatusInternalServerError}})
		a := l.Run(task)
		assert.Equal(t, []int{200, 100}, []int{a.Summary["deleted"], a.Summary["failed"]}, "a call of which the answer was lost is seen to have acted")
		assert.Contains(t, a.Objects[299].Error, "): DELETE /checks: status 500")
	})
	t.Run("what the list never showed is looked at", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, emulator.Options{ListLag: 1000})
		l.OK(options{"stack": "shop", "checks": sites("a", "b", "c")})
		require.NoError(t, l.Remove(l.stored("b").ID))
		last := l.stored("c").ID
		l.Inject(emulator.On(http.MethodDelete, collection, 1, emulator.Fault{Kind: emulator.Status, Status: http.StatusOK, Body: `{"message": "done"}`}),
			emulator.Rule{Index: emulator.AnyCall, Method: http.MethodGet, Path: vendor.BasePath + "/checks/" + strconv.Itoa(last), Skip: 1,
				Times: emulator.Always, Fault: emulator.Fault{Kind: emulator.Status, Status: http.StatusInternalServerError}})
		assert.Equal(t, 2, l.OK(options{"stack": "shop", "state": "absent", "_ansible_diff": false}).Summary["deleted"])
		assert.Empty(t, l.Checks(), "a look that fails proves nothing")
	})
	t.Run("a lost answer is not taken for done", func(t *testing.T) {
		t.Parallel()
		l, task := start(t, emulator.Options{}, 3)
		l.Inject(emulator.On(http.MethodDelete, collection, emulator.Always, emulator.Fault{Kind: emulator.Status, Status: http.StatusServiceUnavailable}))
		a := l.Run(task)
		assert.Equal(t, 3, a.Summary["failed"])
		assert.Contains(t, a.Msg, "): DELETE /checks: status 503", "they are still listed")
		assert.Zero(t, l.Count(http.MethodDelete, vendor.BasePath+"/checks/*"))
		for status, want := range map[int]string{
			http.StatusServiceUnavailable: "), which may be gone: DELETE /checks: status 503", http.StatusForbidden: "): DELETE /checks: status 403",
		} {
			l.ClearFaults()
			l.Inject(emulator.On(http.MethodDelete, collection, emulator.Always, emulator.Fault{Kind: emulator.Status, Status: status}), emulator.Rule{
				Index: emulator.AnyCall, Method: http.MethodGet, Path: listPath, Skip: 1, Times: emulator.Always,
				Fault: emulator.Fault{Kind: emulator.Status, Status: http.StatusServiceUnavailable}})
			assert.Contains(t, l.Run(task).Msg, want, "the list cannot be read either")
		}
	})
}

// TestAnEndedRunDeletesNothingMore: a run that is told to stop has perhaps begun to delete thousands.
func TestAnEndedRunDeletesNothingMore(t *testing.T) {
	t.Parallel()
	subject := newSubject(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range subject.Provider.(*checks).DeleteMany(ctx, make([]reconcile.Found[Check], 2)) {
		require.ErrorIs(t, err, reconcile.ErrNotAttempted)
	}
	assert.Zero(t, subject.Writes())
}

// TestRateLimitIsKept: where the server refuses, the module waits as the server says.
func TestRateLimitIsKept(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.OK(options{"checks": estate(40), "api_rate_limit": 0})
	l.Inject(emulator.On(http.MethodGet, listPath, 1, emulator.Fault{Kind: emulator.Status, Status: http.StatusTooManyRequests,
		Header: http.Header{"Req-Limit-Short": {"Remaining: 0 Time until reset: 7"}, "Req-Limit-Long": {"Remaining: 9 Time until reset: 3000"}}}))
	a := l.OK(options{"checks": estate(40), "api_concurrency": 1, "api_rate_limit": 0})
	assert.Equal(t, 40, a.Summary["unchanged"])
	assert.Equal(t, 1, a.API.Retries)
	assert.InDelta(t, 7.4, a.API.SecondsWaited, 0.4)
}
