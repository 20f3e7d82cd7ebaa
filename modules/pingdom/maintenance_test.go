// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
)

// deployment is the task that opens a window for the stack shop.
func deployment() options { return options{"description": "Deployment", "stack": "shop"} }

func gone() options { return options{"state": "absent"} }

// TestADeploymentsWindow follows a window from the opening to the end.
func TestADeploymentsWindow(t *testing.T) {
	t.Parallel()
	d := newDock(t)
	shop := d.watch("shop/cart", "shop/search")
	d.watch("blog/frontend", "by hand")

	a := d.ok(deployment())
	w, times := d.only()
	assert.Equal(t, []float64{0, 60}, times)
	assert.Equal(t, shop, w.UptimeIDs)
	assert.Equal(t, "Deployment", w.Description)
	require.Len(t, a.Windows, 1)
	assert.Equal(t, strconv.Itoa(w.ID), value(a.Windows[0].ID))
	assert.Equal(t, "2026-11-21T12:00:00Z", value(a.Windows[0].Start))
	assert.Equal(t, "2026-11-21T13:00:00Z", value(a.Windows[0].End))
	assert.Equal(t, texts(shop), a.Windows[0].Checks)
	assert.Equal(t, []string{"description", "start", "end", "checks"}, a.changed())
	assert.Equal(t, fmt.Sprintf("maintenance window Deployment (stack shop) (id %d) created", w.ID), a.Diff[0].AfterHeader)
	body := fmt.Sprintf(`POST {"description":"Deployment","from":1,"to":%d,"uptimeids":"%d,%d"}`, noon().Add(time.Hour).Unix(), shop[0], shop[1])
	assert.Equal(t, []string{body}, d.sent(), "from is the vendor's word for now: a time that was looked up may have passed when it arrives")

	d.pass(20 * time.Minute)
	d.settled(deployment())
	assert.Len(t, d.Calls(), 2*2, "a run lists the checks and the windows, once each")
	d.ResetCalls()

	d.pass(20 * time.Minute)
	a = d.ok(deployment())
	assert.Equal(t, []string{"end"}, a.changed(), "a deployment that starts over gets its time")
	_, times = d.only()
	assert.Equal(t, []float64{-40, 60}, times)
	assert.Equal(t, []string{fmt.Sprintf(`PUT {"to":%d}`, d.Clock.Now().Add(time.Hour).Unix())}, d.sent())

	d.pass(5 * time.Minute)
	a = d.ok(deployment().With(gone()))
	assert.Equal(t, []string{"Deployment deleted"}, a.actions())
	_, times = d.only()
	assert.Equal(t, []float64{-45, 0}, times)
	assert.Equal(t, []string{`PUT {"to":1}`}, d.sent(), "what is under way is ended")
	d.settled(deployment().With(gone()))

	d.ok(deployment())
	assert.Len(t, d.Windows(), 2, "the next deployment has a window of its own")
	d.settled(deployment())
}

// TestAScheduledWindow follows one with a time.
func TestAScheduledWindow(t *testing.T) {
	t.Parallel()
	d := newDock(t)
	checks := d.watch("cart", "search")
	evening := options{"description": "Upgrade", "checks": []any{"cart"}, "start": "2026-11-21T22:00:00+01:00", "duration": "2h"}
	d.ok(evening)
	first, times := d.only()
	assert.Equal(t, []float64{9 * 60, 11 * 60}, times)
	d.settled(evening)
	d.settled(evening.With(options{"start": "2026-11-21T21:00:30Z"}))
	d.settled(evening.With(options{"start": first.From}))

	a := d.ok(evening.With(options{"start": "2026-11-21T22:00:00Z", "duration": "1h", "checks": []any{"search", checks[0]}}))
	assert.Equal(t, []string{"start", "checks"}, a.changed())
	_, times = d.only()
	assert.Equal(t, []float64{10 * 60, 11 * 60}, times)

	tomorrow := evening.With(options{"start": "2026-11-22T22:00:00+01:00"})
	d.ok(tomorrow)
	require.Len(t, d.Windows(), 2, "another night is another window")
	assert.Contains(t, d.refusal(options{"description": "Upgrade", "state": "absent"}),
		fmt.Sprintf("Upgrade: more than one match: %d (2026-11-21T22:00:00Z to 2026-11-21T23:00:00Z), %d (2026-11-22T21:00:00Z to 2026-11-22T23:00:00Z); "+
			"give stack, checks, id or start", first.ID, d.Windows()[1].ID))

	d.sent()
	d.ok(tomorrow.With(gone()))
	assert.Equal(t, []string{"DELETE"}, d.sent(), "what has not begun is deleted")
	_, times = d.only()
	assert.Equal(t, []float64{10 * 60, 11 * 60}, times)

	a = d.ok(options{"description": "Upgrade", "tags": []any{}, "checks": []any{"cart", "search"}, "duration": "12h"})
	assert.Equal(t, []string{"start"}, a.changed(), "now is earlier than what was scheduled; it lasts long enough")
	_, times = d.only()
	assert.Equal(t, []float64{0, 11 * 60}, times)
	late := evening.With(options{"start": "2026-11-21T11:30:00Z", "duration": "1h", "checks": []any{"cart", "search"}})
	a = d.ok(late)
	assert.Equal(t, []string{"end"}, a.changed(), "the start of what has begun is left")
	d.settled(late)
	assert.Contains(t, d.refusal(late.With(options{"duration": "30m"})), "that window was over at 2026-11-21T12:00:00Z")
}

func TestSelection(t *testing.T) {
	t.Parallel()
	d := newDock(t)
	ids := d.watch("shop/cart", "shop/search", "blog/cart", "lone", "padded ", "7")
	require.NoError(t, d.Change(ids[1], func(c *vendor.Check) { c.Tags = append(c.Tags, "db") }))
	require.NoError(t, d.Change(ids[2], func(c *vendor.Check) { c.Tags = append(c.Tags, "db") }))
	id := func(i int) string { return strconv.Itoa(ids[i]) }
	for _, c := range []struct {
		task options
		want []int
	}{
		{options{"stack": "shop"}, []int{0, 1}},
		{options{"checks": "lone, padded"}, []int{3, 4}},
		{options{"checks": []any{ids[3], "lone", id(0)}}, []int{0, 3}},
		{options{"checks": []any{"cart"}, "stack": "blog"}, []int{2}},
		{options{"checks": []any{id(2)}, "stack": "blog"}, []int{2}},
		{options{"tags": []any{"db", "other"}}, []int{1, 2}},
		{options{"tags": []any{"db"}, "stack": "shop"}, []int{1}},
		{options{"tags": []any{"db"}, "checks": []any{"lone"}}, []int{1, 2, 3}},
		{options{"tags": []any{"db"}, "checks": []any{"cart"}, "stack": "shop"}, []int{0, 1}},
		{options{"tags": []any{"stack-blog"}}, []int{2}},
	} {
		a := d.ok(options{"description": fmt.Sprint(c.task)}.With(c.task))
		want := []string{}
		for _, i := range c.want {
			want = append(want, id(i))
		}
		assert.Equal(t, want, a.Windows[0].Checks, c.task)
		stored, _, _ := d.stored(value(a.Windows[0].ID))
		assert.Equal(t, want, texts(stored.UptimeIDs), c.task)
	}

	for _, c := range []struct {
		task options
		want string
	}{
		{options{"checks": []any{"nobody"}}, "D (checks nobody): value of checks must be names or ids of checks, got: nobody; there are: 7, cart, lone, padded, search"},
		{options{"checks": []any{"7"}}, "D (checks 7): value of checks must be names or ids of checks, got: 7; there are: 7, cart, lone, padded, search"},
		{
			options{"checks": []any{"lone"}, "stack": "shop"},
			"D (stack shop: checks lone): value of checks must be names or ids of checks in the stack shop, got: lone; there are: cart, search",
		},
		{options{"checks": []any{id(3)}, "stack": "shop"}, "in the stack shop, got: " + id(3)},
		{options{"checks": []any{"a"}, "stack": "none"}, "got: a; there are: none"},
		{options{"checks": []any{"cart"}}, "D (checks cart): the check name cart is not unique; write the id of one of them: " + id(0) + ", " + id(2)},
		{options{"stack": "none"}, "D (stack none): there is no check for the window to cover: nothing matches stack none"},
		{options{"tags": []any{"x"}, "stack": "shop"}, "D (stack shop: tags x): there is no check for the window to cover: nothing matches stack shop: tags x"},
	} {
		assert.Contains(t, d.refusal(options{"description": "D"}.With(c.task)), c.want)
	}
	// What shall not exist any more need not exist. But nobody can tell which of two is meant.
	for _, o := range []options{{"checks": []any{"nobody"}}, {"checks": []any{7}}, {"stack": "none"}, {"tags": []any{"x"}}} {
		d.settled(options{"description": "D"}.With(o).With(gone()))
	}
	assert.Contains(t, d.refusal(options{"description": "D", "checks": []any{"cart"}}.With(gone())), "the check name cart is not unique")
}

func TestRefusedBeforeAnyCall(t *testing.T) {
	t.Parallel()
	d := newDock(t)
	for _, c := range []struct {
		task options
		want string
	}{
		{options{}, "one of the following is required: id, description, windows"},
		{options{"description": "D"}, "one of the following is required to say what the window covers: checks, tags, stack"},
		{deployment().With(options{"stack": nil}), "value of stack must be the name of a stack, got null"},
		{deployment().With(options{"stack": "my shop"}), "value of stack must be a name of letters, digits, underscores and dashes"},
		{deployment().With(options{"checks": nil}), "value of checks must not be null; leave the option out, as default(omit) does"},
		{deployment().With(options{"checks": []any{nil}}), "value of checks[0] must not be null"},
		{deployment().With(options{"tags": nil}).With(gone()), "value of tags must not be null"},
		{options{"description": "D", "checks": []any{}}.With(gone()), "value of checks must hold the name or id of a check at least, got an empty list"},
		{deployment().With(options{"checks": []any{" "}}).With(gone()), "value of checks must hold the name or id of a check at least"},
		{deployment().With(options{"tags": []any{""}}).With(gone()), "value of tags must hold a tag at least, got an empty list"},
		{options{"id": "7", "tags": []any{}}.With(gone()), "value of tags must hold a tag at least"},
		{deployment().With(options{"start": nil}), "value of start must not be null"},
		{deployment().With(options{"duration": 30}), "got a number without a unit: 30"},
		{deployment().With(options{"state": "paused"}), "value of state must be one of"},
		{deployment().With(options{"api_token": ""}), "value of api_token must be a Pingdom API token"},
		{options{"windows": []any{options{"stack": "shop"}}}, "windows[0]: one of the following is required: id, description"},
		{options{"description": "D", "windows": []any{options{"stack": "shop"}, options{"stack": "blog", "tags": nil}}}, "value of windows[1].tags must not be null"},
		{options{"description": "D", "windows": []any{options{"stack": "shop"}, options{"stack": "shop"}}}, "D (stack shop): declared twice, at positions 0 and 1"},
		{options{"id": "7", "windows": []any{}}, "parameters are mutually exclusive: windows|id"},
	} {
		assert.Contains(t, d.refusal(c.task), c.want)
	}
	assert.Empty(t, d.Calls())
	d.settled(options{"windows": []any{}, "description": "D"})
	d.settled(options{"windows": nil})
	assert.Empty(t, d.Calls(), "no window, no call")
}

// TestNeighboursAreLeftAlone surrounds a window with all that could be taken for it.
func TestNeighboursAreLeftAlone(t *testing.T) {
	t.Parallel()
	for _, begun := range []bool{false, true} {
		t.Run(fmt.Sprintf("begun %t", begun), func(t *testing.T) {
			t.Parallel()
			d := newDock(t)
			shop, blog, lone := d.watch("shop/cart", "shop/search"), d.watch("blog/frontend"), d.watch("lone")
			from := 10.0
			if begun {
				from = -10
			}
			recurs := func(w *vendor.Window) { w.RecurrenceType, w.RepeatEvery, w.EffectiveTo = "week", 1, w.To+10_000_000 }
			neighbours := []string{
				d.window("Deployment", from, 40, blog),
				d.window("Deployment", from, 40, lone),
				d.window("Deployment", from, 40, append(blog, shop...)),
				d.window("Deployment", from, 40, shop, recurs),
				d.window("Deployment", -100, -40, shop),
				d.window("Deployment", -100, 0, shop),
				d.window("Deployment!", from, 40, shop),
				d.window("deployment", from, 40, shop),
				d.window("Deployment", 100, 200, shop),
				d.window("Deployment", from, 40, nil, func(w *vendor.Window) { w.TMSIDs = []int{4711} }),
			}
			before := map[string]vendor.Window{}
			for _, id := range neighbours {
				before[id], _, _ = d.stored(id)
			}
			d.ok(deployment())
			d.settled(deployment())
			assert.Len(t, d.Windows(), len(neighbours)+1)
			d.ok(deployment().With(gone()))
			for i, id := range neighbours {
				after, _, there := d.stored(id)
				assert.True(t, there && assert.ObjectsAreEqual(before[id], after), "neighbour %d: %v", i, after)
			}
		})
	}
}

// TestAWindowFollowsItsStack: checks that came to the stack, or were deleted since, are no reason to open another window.
func TestAWindowFollowsItsStack(t *testing.T) {
	t.Parallel()
	d := newDock(t)
	shop := d.watch("shop/cart", "shop/search", "shop/old")
	d.ok(deployment())
	require.NoError(t, d.Remove(shop[2]))
	added := d.watch("shop/new")[0]
	a := d.ok(deployment())
	assert.Equal(t, []string{"checks"}, a.changed())
	w, _ := d.only()
	assert.Equal(t, []int{shop[0], shop[1], added}, w.UptimeIDs)
	d.settled(deployment())

	require.NoError(t, d.Change(shop[0], func(c *vendor.Check) { c.Tags = append(c.Tags, "stack-blog") }))
	d.watch("blog/frontend")
	d.settled(deployment())
	a = d.ok(options{"description": "Deployment", "stack": "blog"})
	assert.Equal(t, []string{"Deployment created"}, a.actions(), "a check of both stacks does not join their windows")
	d.ok(deployment().With(gone()))
	d.settled(options{"description": "Deployment", "stack": "blog"})
}

// TestAWindowIsItsOwnersAlone: one deployment has opened a window over some checks, and another one of the same words comes. It takes or
// ends that window only if all that it covers is selected. Where it leaves alerts off for what is selected, it does not say that all is well.
func TestAWindowIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	const created, updated, unchanged, deleted, failed = "created", "updated", "unchanged", "deleted", "failed"
	one := func(checks ...any) options { return options{"checks": checks} }
	whole, blog := options{"stack": "shop"}, options{"stack": "blog"}
	for rule, c := range map[string]struct {
		first, second   options
		present, absent string // what becomes of the first one's window
	}{
		"the same checks":                               {one("cart", "db"), one("db", "cart"), unchanged, deleted},
		"more checks: the selection has grown":          {one("cart"), one("cart", "db"), updated, deleted},
		"a part of them":                                {one("cart", "db"), one("cart"), created, failed},
		"some and others":                               {one("cart", "db"), one("search", "db"), created, failed},
		"none of them":                                  {one("cart"), one("db"), created, unchanged},
		"a part of a stack, and all of it":              {one("cart"), whole, updated, deleted},
		"a stack, and a part of it":                     {whole, one("cart"), created, failed},
		"a stack, and what is in no stack beside it":    {whole, options{"tags": []any{"stack-shop"}, "checks": []any{"lone"}}, updated, deleted},
		"more than a stack, and the stack":              {options{"tags": []any{"stack-shop"}, "checks": []any{"lone"}}, whole, created, failed},
		"a check that two stacks share, and one stack":  {one("shared"), blog, created, failed},
		"a stack, and another one that shares a check":  {whole, blog, created, failed},
		"a stack, and what one of its checks shares in": {blog, one("shared"), created, failed},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			d := newDock(t)
			ids := d.watch("shop/cart", "shop/search", "shop/db", "shop/shared", "blog/frontend", "lone")
			require.NoError(t, d.Change(ids[3], func(c *vendor.Check) { c.Tags = append(c.Tags, "stack-blog") }))
			words := options{"description": "Deployment"}
			first, second := words.With(c.first), words.With(c.second)
			d.ok(first)
			before := d.Windows()
			d.settled(second.With(gone()).With(options{"description": "Other words"}))
			foretold := windowsAnswer{answer: d.DryRun(second.With(gone()))}
			assert.Equal(t, c.absent, foretold.Only(t).Action)

			assert.Equal(t, []string{"Deployment " + c.present}, d.ok(second).actions())
			d.settled(second)
			if c.present != created {
				return
			}
			assert.Equal(t, before[0], d.Windows()[0])
			d.settled(first)
			d.ok(second.With(gone()))
			assert.Equal(t, before[0], d.Windows()[0], "the first one's window goes on")
			if again := second.With(gone()); c.absent == failed {
				assert.Contains(t, d.refusal(again), "a window of this description keeps alerts off for what is selected")
			} else {
				d.settled(again)
			}
			assert.Equal(t, []string{"Deployment deleted"}, d.ok(first.With(gone())).actions())
		})
	}
}

// TestWhatCoversExactlyTheSelectionComesFirst, before what covers a part of it.
func TestWhatCoversExactlyTheSelectionComesFirst(t *testing.T) {
	t.Parallel()
	d := newDock(t)
	shop := d.watch("shop/cart", "shop/search")
	part, whole := d.window("Deployment", -5, 50, shop[:1]), d.window("Deployment", -5, 50, shop)
	d.settled(deployment())
	d.ok(deployment().With(gone()))
	_, times, _ := d.stored(part)
	assert.Equal(t, []float64{-5, 50}, times)
	_, times, _ = d.stored(whole)
	assert.Equal(t, []float64{-5, 0}, times)

	// Not what is to come before what is under way.
	tomorrow := d.window("Deployment", 1000, 1050, shop)
	d.ok(deployment().With(gone()))
	_, times, _ = d.stored(part)
	assert.Equal(t, []float64{-5, 0}, times)
	_, _, there := d.stored(tomorrow)
	assert.True(t, there)
	// A window of others that is under way does not hide one's own that is to come.
	d.window("Deployment", -5, 50, d.watch("blog/frontend"))
	d.ok(deployment().With(gone()))
	_, _, there = d.stored(tomorrow)
	assert.False(t, there)
}

// TestAWindowWithTransactionChecksIsLeftAlone, as nothing selects those. By its id alone it can be ended.
func TestAWindowWithTransactionChecksIsLeftAlone(t *testing.T) {
	t.Parallel()
	d := newDock(t)
	id := d.window("Deployment", -5, 50, d.watch("shop/cart"), func(w *vendor.Window) { w.TMSIDs = []int{4711} })
	assert.Contains(t, d.refusal(deployment().With(gone())), id+" (2026-11-21T11:55:00Z to 2026-11-21T12:50:00Z) also covers transaction checks; write its id")
	assert.Equal(t, []string{"Deployment created"}, d.ok(deployment()).actions())
	assert.Contains(t, d.refusal(deployment().With(gone()).With(options{"id": id})), "is left alone: transaction checks; leave checks, tags and stack out")
	assert.Equal(t, []string{"Deployment deleted"}, d.ok(options{"id": id, "state": "absent"}).actions())
}

// TestAWindowThatACheckLeftIsToldOf: a check moves to another stack during a deployment. Neither stack can tell that the window is its own,
// and none says that alerts are on again.
func TestAWindowThatACheckLeftIsToldOf(t *testing.T) {
	t.Parallel()
	d := newDock(t)
	shop := d.watch("shop/cart", "shop/search")
	d.watch("blog/frontend")
	d.ok(deployment())
	w, _ := d.only()
	require.NoError(t, d.Change(shop[1], func(c *vendor.Check) { c.Tags = []string{"managed_by-stackwatch", "stack-blog"} }))
	told := func(stack, others string) string {
		return fmt.Sprintf("Deployment (stack %s): a window of this description keeps alerts off for what is selected, and cannot be told to be the one "+
			"that is meant: %d (2026-11-21T12:00:00Z to 2026-11-21T13:00:00Z) also covers %s; write its id, without checks, tags and stack, to end it",
			stack, w.ID, others)
	}
	ending := options{"description": "Deployment", "state": "absent"}
	assert.Contains(t, d.refusal(ending.With(options{"stack": "shop"})), told("shop", fmt.Sprintf("search (%d)", shop[1])))
	assert.Contains(t, d.refusal(ending.With(options{"stack": "blog"})), told("blog", fmt.Sprintf("cart (%d)", shop[0])))
	both := d.refusal(ending.With(options{"windows": []any{options{"stack": "shop"}, options{"stack": "blog"}}}))
	assert.Contains(t, both, "2 of 2 windows failed")

	d.settled(ending.With(options{"stack": "shop", "description": "Other words"}))
	d.settled(ending.With(options{"stack": "shop", "start": "2026-11-22T12:00:00Z"}))
	assert.Contains(t, d.refusal(ending.With(options{"stack": "shop", "start": "2026-11-21T12:30:00Z"})), "keeps alerts off")
	assert.Equal(t, []string{"Deployment deleted"}, d.ok(options{"id": strconv.Itoa(w.ID), "description": "Deployment", "state": "absent"}).actions())
	d.settled(ending.With(options{"stack": "shop"}))

	d.window("Deployment", 100, 200, shop)
	d.settled(ending.With(options{"stack": "shop"}))
	assert.Contains(t, d.refusal(ending.With(options{"stack": "shop", "start": "2026-11-21T14:00:00Z"})), "keeps alerts off")
}

// TestWindowsOfOthersDoNotHideOnesOwn, neither by being under way nor by lasting.
func TestWindowsOfOthersDoNotHideOnesOwn(t *testing.T) {
	t.Parallel()
	for _, own := range [][]float64{{1000, 1060}, {-5, 0.5}} {
		d := newDock(t)
		id := d.window("Upgrade", own[0], own[1], d.watch("shop/cart"))
		other := d.window("Upgrade", -5, 60, d.watch("blog/frontend"))
		a := d.ok(options{"description": "Upgrade", "stack": "shop", "state": "absent"})
		assert.Equal(t, []string{"Upgrade deleted"}, a.actions())
		assert.Equal(t, id, value(a.Windows[0].ID))
		_, times, _ := d.stored(other)
		assert.Equal(t, []float64{-5, 60}, times)
	}
}

// TestChecksThatTheSamePlayCreatedAreCovered, though the list does not show them yet: the controller knows them.
func TestChecksThatTheSamePlayCreatedAreCovered(t *testing.T) {
	t.Parallel()
	d := startDock(t, emulator.Options{ListLag: 1000}, 0, nil)
	d.watch("shop/cart", "blog/frontend")
	fresh := func(o options) string {
		return value(d.checks().OK(o.With(options{"host": "www.example.com"})).Only(t).ID)
	}
	search, deleted, free := fresh(options{"name": "search", "stack": "shop"}), fresh(options{"name": "old", "stack": "shop"}), fresh(options{"name": "free"})
	number, err := strconv.Atoi(deleted)
	require.NoError(t, err)
	require.NoError(t, d.Remove(number))
	cart := strconv.Itoa(d.Checks()[0].ID)

	d.ok(deployment())
	w, _ := d.only()
	assert.Equal(t, []string{cart, search}, texts(w.UptimeIDs))
	d.settled(deployment())
	d.ok(deployment().With(gone()))
	for _, o := range []options{{"checks": []any{"search"}}, {"checks": []any{search}, "stack": "shop"}} {
		assert.Equal(t, []string{search}, d.ok(options{"description": fmt.Sprint(o)}.With(o)).Windows[0].Checks)
	}
	assert.Equal(t, []string{free}, d.ok(options{"description": "D", "checks": []any{"free"}}).Windows[0].Checks)
	assert.Contains(t, d.refusal(options{"description": "D", "checks": []any{"nobody"}, "stack": "shop"}), "got: nobody; there are: cart, search")
}

// TestOnlyPingdomsWordProvesThatACheckIsGone: the list of checks shows new ones late.
func TestOnlyPingdomsWordProvesThatACheckIsGone(t *testing.T) {
	t.Parallel()
	const checks, single = "/api/3.1/checks$", "/api/3.1/checks/*"
	late := func(t *testing.T, stack string) (d *dock, check int) {
		d = startDock(t, emulator.Options{ListLag: 1000}, 0, nil)
		d.watch("shop/cart")
		return d, d.post(vendor.Check{Name: "fresh", Tags: []string{"managed_by-stackwatch", "stack-" + stack}})
	}
	t.Run("of another stack", func(t *testing.T) {
		t.Parallel()
		d, check := late(t, "blog")
		other := d.window("Deployment", -5, 30, []int{check})
		before, _, _ := d.stored(other)
		d.settled(deployment().With(gone()))
		assert.Equal(t, 2, d.Count(http.MethodGet, single))
		assert.Equal(t, []string{"Deployment created"}, d.ok(deployment()).actions())
		d.ok(deployment().With(gone()))
		after, _, _ := d.stored(other)
		assert.Equal(t, before, after)
	})
	t.Run("of this stack", func(t *testing.T) {
		t.Parallel()
		d, check := late(t, "shop")
		d.window("Deployment", -5, 50, []int{d.Checks()[0].ID, check})
		d.settled(deployment())
		assert.Equal(t, []string{"Deployment deleted"}, d.ok(deployment().With(gone())).actions())
	})
	t.Run("of a window by its id", func(t *testing.T) {
		t.Parallel()
		d, check := late(t, "blog")
		id := d.window("Deployment", -5, 30, []int{check})
		for _, state := range []string{"present", "absent"} {
			assert.Contains(t, d.refusal(options{"id": id, "stack": "shop", "state": state}), fmt.Sprintf("and is left alone: fresh (%d); leave", check))
		}
	})
	t.Run("where nobody can say", func(t *testing.T) {
		t.Parallel()
		d, check := late(t, "blog")
		d.window("Deployment", -5, 30, []int{check})
		d.Inject(emulator.On(http.MethodGet, single, emulator.Always, emulator.Fault{Kind: emulator.Status, Status: http.StatusForbidden}))
		for _, o := range []options{deployment(), deployment().With(gone())} {
			assert.Contains(t, d.refusal(o), fmt.Sprintf("nothing was changed, because the windows could not be read: reading check %d", check))
		}
	})
	t.Run("where it does not decide", func(t *testing.T) {
		t.Parallel()
		d, check := late(t, "blog")
		d.window("Deployment", -5, 30, append(d.watch("blog/frontend"), check))
		d.window("Other words", -5, 30, []int{check})
		d.window("Deployment", -50, -30, []int{check})
		d.ok(deployment())
		assert.Zero(t, d.Count(http.MethodGet, single))
	})
	t.Run("made between two looks", func(t *testing.T) {
		t.Parallel()
		var other string
		d := startDock(t, emulator.Options{}, 0, func(d *dock, account http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/api/3.1/maintenance" && other == "" {
					other = d.window("Deployment", -5, 30, d.watch("blog/frontend"))
				}
				account.ServeHTTP(w, r)
			})
		})
		d.watch("shop/cart")
		a := d.run(deployment())
		assert.Equal(t, []string{"Deployment created"}, a.actions())
		assert.Zero(t, d.Count(http.MethodGet, single), "the checks are listed behind the windows, so that those of every window seen are known")
		assert.Equal(t, 1, d.Count(http.MethodGet, checks))
	})
}

// TestTwoStacksDeployAtOnce: each has a window of the same description, and ends its own.
func TestTwoStacksDeployAtOnce(t *testing.T) {
	t.Parallel()
	d := newDock(t)
	d.watch("shop/cart", "blog/frontend")
	both := options{"description": "Deployment", "windows": []any{options{"stack": "shop"}, options{"stack": "blog", "duration": "2h"}}}
	a := d.ok(both)
	assert.Equal(t, []string{"Deployment created", "Deployment created"}, a.actions())
	assert.Len(t, d.Calls(), 4+2, "the checks are listed once for all windows")
	d.settled(both)
	d.ok(deployment().With(gone()))
	a = d.ok(both.With(gone()))
	assert.Equal(t, []string{"Deployment unchanged", "Deployment deleted"}, a.actions())
	d.settled(both.With(gone()))
}

// TestAWindowOfChecksThatAreGone: whoever removes a stack can still end its window.
func TestAWindowOfChecksThatAreGone(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(d *dock, id int){
		"the window forgets them": func(d *dock, id int) { require.NoError(t, d.Remove(id)) },
		"the window still names them": func(d *dock, id int) {
			require.NoError(t, d.Remove(id))
			d.window("Deployment", -5, 30, []int{id})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDock(t)
			check := d.watch("shop/cart")[0]
			d.watch("blog/frontend")
			other := d.window("Deployment", -5, 30, []int{check + 1})
			if name == "the window forgets them" {
				d.ok(deployment())
			}
			leave(d, check)
			a := d.ok(deployment().With(gone()))
			assert.Equal(t, []string{"Deployment deleted"}, a.actions())
			_, times, _ := d.stored(other)
			assert.Equal(t, []float64{-5, 30}, times)
			d.settled(deployment().With(gone()))
		})
	}
}

// TestSeveralWindowsAreAmbiguous: nothing is done to them, and the others of the task are done.
func TestSeveralWindowsAreAmbiguous(t *testing.T) {
	t.Parallel()
	d := newDock(t)
	shop, blog := d.watch("shop/cart"), d.watch("blog/frontend")
	one, two := d.window("Deployment", -5, 30, shop), d.window("Deployment", -3, 40, shop)
	d.window("Deployment", -5, 30, blog)
	message := fmt.Sprintf("Deployment (stack shop): more than one match: %s (2026-11-21T11:55:00Z to 2026-11-21T12:30:00Z), "+
		"%s (2026-11-21T11:57:00Z to 2026-11-21T12:40:00Z); give id or start", one, two)
	for _, o := range []options{deployment(), deployment().With(gone())} {
		text := d.refusal(o)
		assert.Contains(t, text, message)
		assert.NotContains(t, text, "on_duplicate", "which this module does not have")
	}
	a := d.run(options{"description": "Deployment", "state": "absent", "windows": []any{options{"stack": "shop"}, options{"stack": "blog"}}})
	assert.True(t, a.Failed)
	assert.Equal(t, []string{"Deployment failed", "Deployment deleted"}, a.actions())
	assert.Contains(t, a.Msg, message)

	d.ok(options{"id": two, "state": "absent", "description": "Deployment"})
	d.ok(deployment().With(gone()))
	_, times, _ := d.stored(one)
	assert.Equal(t, []float64{-5, 0}, times)
}

// TestTheDescriptionAloneEndsAWindow, whatever it covers, and one that is under way before one that is to come.
func TestTheDescriptionAloneEndsAWindow(t *testing.T) {
	t.Parallel()
	d := newDock(t)
	active := d.window("Deployment", -5, 30, d.watch("lone"), func(w *vendor.Window) { w.TMSIDs = []int{4711} })
	future := d.window(" Deployment ", 50, 60, d.watch("other"))
	alone := options{"description": "Deployment", "state": "absent"}
	d.ok(alone)
	_, times, _ := d.stored(active)
	assert.Equal(t, []float64{-5, 0}, times)
	_, _, there := d.stored(future)
	assert.True(t, there)
	d.ok(alone)
	_, _, there = d.stored(future)
	assert.False(t, there)
	d.settled(alone)
	assert.Zero(t, d.Count(http.MethodGet, "/api/3.1/checks"), "no check is asked for")
}

func TestAWindowByItsID(t *testing.T) {
	t.Parallel()
	d := newDock(t)
	checks := d.watch("cart", "search")
	id := d.window("Old words", 300, 400, checks[:1], func(w *vendor.Window) { w.TMSIDs = []int{4711} })
	recurring := d.window("Weekly", 300, 400, checks, func(w *vendor.Window) {
		w.RecurrenceType, w.RepeatEvery, w.EffectiveTo = "week", 1, w.To+1_000_000
	})
	over := d.window("Over", -30, -20, checks)

	a := d.ok(options{"id": id, "description": "New words"})
	assert.Equal(t, []string{"description"}, a.changed(), "what is not given stays")
	assert.Equal(t, []string{`PUT {"description":"New words"}`}, d.sent())
	d.settled(options{"id": id})
	a = d.ok(options{"id": id, "checks": []any{"search"}})
	assert.Equal(t, []string{"checks"}, a.changed())
	w, _, _ := d.stored(id)
	assert.Equal(t, []int{4711}, w.TMSIDs, "transaction checks are left as they are")
	a = d.ok(options{"id": id, "duration": "1h"})
	assert.Equal(t, []string{"start", "end"}, a.changed())
	_, times, _ := d.stored(id)
	assert.Equal(t, []float64{0, 60}, times)

	assert.Contains(t, d.refusal(options{"id": id, "description": "Another", "state": "absent"}), "is left alone")
	assert.Contains(t, d.refusal(options{"id": recurring}), "window "+recurring+" recurs, and is left alone")
	assert.Contains(t, d.refusal(options{"id": recurring, "state": "absent"}), "window "+recurring+" recurs, and is left alone")
	begun := d.window("Nightly", -600, -540, checks, func(w *vendor.Window) { w.RecurrenceType, w.RepeatEvery, w.EffectiveTo = "day", 1, w.To+1_000_000 })
	assert.Contains(t, d.refusal(options{"id": begun, "state": "absent"}), "window "+begun+" recurs, and is left alone")
	assert.Contains(t, d.refusal(options{"id": over, "duration": "1h"}), "window "+over+" was over at 2026-11-21T11:40:00Z and cannot be changed")
	assert.Contains(t, d.refusal(options{"id": "1"}), "id 1 does not exist")
	d.settled(options{"id": over, "state": "absent"})
	d.settled(options{"id": "1", "state": "absent"})
	d.ok(options{"id": id, "state": "absent"})
	d.settled(options{"id": id, "state": "absent"})
}

// TestAnIDDoesNotReachBeyondTheSelection: with both, the window must be about what is selected.
func TestAnIDDoesNotReachBeyondTheSelection(t *testing.T) {
	t.Parallel()
	d := newDock(t)
	shop, blog := d.watch("shop/cart", "shop/search"), d.watch("blog/frontend")
	foreign, shared := d.window("Deployment", -5, 30, blog), d.window("Deployment", -5, 30, append(blog, shop...))
	loose := d.window("Deployment", -5, 30, d.watch("lone"))
	ending := options{"stack": "shop", "state": "absent"}
	for _, id := range []string{foreign, shared} {
		assert.Contains(t, d.refusal(ending.With(options{"id": id})), fmt.Sprintf("id %s (stack shop): window %s also covers what is not selected, "+
			"and is left alone: frontend (%d); leave checks, tags and stack out to end it all the same", id, id, blog[0]))
		assert.Contains(t, d.refusal(options{"id": id, "stack": "shop"}), fmt.Sprintf("id %s (stack shop): window %s covers checks of other stacks, "+
			"and is left alone: frontend (%d); leave stack out to change it all the same", id, id, blog[0]))
	}
	assert.Contains(t, d.refusal(options{"id": shared, "checks": []any{"cart"}, "state": "absent"}),
		fmt.Sprintf("is left alone: search (%d), frontend (%d); leave", shop[1], blog[0]))
	d.ok(options{"id": loose, "stack": "shop"})
	assert.Contains(t, d.refusal(options{"id": loose, "stack": "none", "state": "absent"}), "(stack none): window "+loose+" also covers what is not selected")
	d.ok(ending.With(options{"id": loose}))
	require.NoError(t, d.Remove(blog[0]))
	assert.Equal(t, []string{"Deployment deleted"}, d.ok(ending.With(options{"id": foreign})).actions(), "what it covered is gone")
}

// TestClocksDiffer: Pingdom's clock may be ahead or behind by some seconds. Still one window is made, left alone, and ended.
func TestClocksDiffer(t *testing.T) {
	t.Parallel()
	for _, slip := range []time.Duration{-10 * time.Second, -time.Second, time.Second, 10 * time.Second} {
		t.Run(slip.String(), func(t *testing.T) {
			t.Parallel()
			d := startDock(t, emulator.Options{}, slip, nil)
			d.watch("shop/cart")
			for _, o := range []options{deployment(), deployment().With(options{"duration": "1m"})} {
				d.ok(o)
				d.settled(o)
				d.pass(25 * time.Second)
				d.settled(o)
				d.ok(o.With(gone()))
				d.settled(o.With(gone()))
				d.pass(time.Second)
				d.ok(o)
				d.ok(o.With(gone()))
				d.pass(time.Minute)
			}
			assert.Len(t, d.Windows(), 4)
			now := d.Clock.Now().Unix()
			for _, w := range d.Windows() {
				assert.LessOrEqual(t, w.To, now)
			}
		})
	}
}

// TestAWindowThatBeginsOrEndsMeanwhile lets time pass between the look and the write.
func TestAWindowThatBeginsOrEndsMeanwhile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		from, to float64
		pass     time.Duration
		sent     []string
		left     []float64 // nil: deleted
	}{
		{"begins", 0.5, 60, time.Minute, []string{"DELETE", `PUT {"to":1}`}, []float64{-0.5, 0}},
		{"begins and ends", 0.5, 1.5, 2 * time.Minute, []string{"DELETE", `PUT {"to":1}`}, []float64{-1.5, -0.5}},
		{"ends", -60, 0.5, time.Minute, []string{`PUT {"to":1}`, "DELETE"}, []float64{-61, -0.5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			passed := false
			d := startDock(t, emulator.Options{}, 0, func(d *dock, account http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method != http.MethodGet && !passed {
						passed = true
						d.pass(c.pass)
					}
					account.ServeHTTP(w, r)
				})
			})
			id := d.window("Deployment", c.from, c.to, d.watch("shop/cart"))
			a := d.run(deployment().With(gone()))
			require.False(t, a.Failed, a.Msg)
			assert.Equal(t, c.sent, d.sent())
			_, times, _ := d.stored(id)
			assert.Equal(t, c.left, times)
		})
	}
	t.Run("is deleted by somebody", func(t *testing.T) {
		t.Parallel()
		d := newDock(t)
		d.window("Deployment", 5, 60, d.watch("shop/cart"))
		d.Inject(emulator.On(http.MethodDelete, "", 1, emulator.Fault{Kind: emulator.DropAfter})) // sent again it finds nothing
		d.run(deployment().With(gone()))
		assert.Empty(t, d.Windows())
		assert.Len(t, d.sent(), 2)
	})
	t.Run("is refused for another reason", func(t *testing.T) {
		t.Parallel()
		d := newDock(t)
		d.window("Deployment", 5, 60, d.watch("shop/cart"))
		refuse := emulator.Fault{Kind: emulator.Status, Status: http.StatusForbidden}
		d.Inject(emulator.On(http.MethodDelete, "", emulator.Always, refuse), emulator.On(http.MethodPut, "", emulator.Always, refuse))
		a := d.run(deployment().With(gone()))
		assert.True(t, a.Failed)
		assert.Contains(t, a.Msg, "ending maintenance window Deployment")
		assert.Contains(t, a.Msg, "DELETE /maintenance/")
		assert.Len(t, d.Windows(), 1)
	})
}

// TestAStartThatIsNearIsNow: by Pingdom's clock it may have passed, and it takes no time that has.
func TestAStartThatIsNearIsNow(t *testing.T) {
	t.Parallel()
	for _, seconds := range []int64{-3000, 0, 5, 11, 20} {
		d := startDock(t, emulator.Options{}, 10*time.Second, onTheWay(5*time.Second))
		d.watch("shop/cart")
		near := deployment().With(options{"start": noon().Unix() + seconds, "duration": "1h"})
		d.ok(near)
		sent := d.sent()
		require.Len(t, sent, 1)
		assert.Contains(t, sent[0], `"from":1,`)
		d.settled(near)
	}
}

// onTheWay lets time pass before a write arrives.
func onTheWay(span time.Duration) func(*dock, http.Handler) http.Handler {
	return func(d *dock, account http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet {
				d.pass(span)
			}
			account.ServeHTTP(w, r)
		})
	}
}

// TestWaitingDoesNotShortenAWindow: a call that Pingdom put off tells the times of the moment at which it goes out, and so does the answer.
func TestWaitingDoesNotShortenAWindow(t *testing.T) {
	t.Parallel()
	putOff := func(method, path string) emulator.Rule {
		return emulator.On(method, "/api/3.1"+path, 3, emulator.Fault{
			Kind: emulator.Status, Status: http.StatusTooManyRequests, Header: http.Header{"Req-Limit-Short": {"Remaining: 0 Time until reset: 240"}},
		})
	}
	const waited = 12 * time.Minute
	told := func(d *dock, a windowsAnswer) {
		d.T.Helper()
		require.False(d.T, a.Failed, a.Msg)
		stored, _, _ := d.stored(value(a.Windows[0].ID))
		assert.Equal(d.T, time.Unix(stored.From, 0).UTC().Format(time.RFC3339), value(a.Windows[0].Start))
		assert.Equal(d.T, time.Unix(stored.To, 0).UTC().Format(time.RFC3339), value(a.Windows[0].End))
		assert.Equal(d.T, value(a.Windows[0].End), a.Windows[0].Changes["end"].After)
		assert.GreaterOrEqual(d.T, d.Clock.Now().Sub(noon()), waited)
	}
	t.Run("opened", func(t *testing.T) {
		t.Parallel()
		d := newDock(t)
		d.watch("shop/cart")
		d.Inject(putOff(http.MethodPost, "/maintenance"))
		a := d.run(deployment())
		told(d, a)
		_, times := d.only()
		assert.Equal(t, []float64{0, 60}, times)
		d.settled(deployment())
	})
	t.Run("shorter than the wait", func(t *testing.T) {
		t.Parallel()
		d := newDock(t)
		d.watch("shop/cart")
		d.Inject(putOff(http.MethodPost, "/maintenance"))
		told(d, d.run(deployment().With(options{"duration": "5m"})))
		_, times := d.only()
		assert.Equal(t, []float64{0, 5}, times)
	})
	t.Run("made to last", func(t *testing.T) {
		t.Parallel()
		d := newDock(t)
		d.window("Deployment", -50, 20, d.watch("shop/cart"))
		d.Inject(putOff(http.MethodPut, ""))
		told(d, d.run(deployment()))
		_, times := d.only()
		assert.InDelta(t, 60, times[1], 0, "it began %v minutes ago", times[0])
	})
	t.Run("moved to now", func(t *testing.T) {
		t.Parallel()
		d := newDock(t)
		d.window("Deployment", 30, 90, d.watch("shop/cart"))
		d.Inject(putOff(http.MethodPut, ""))
		told(d, d.run(deployment()))
		_, times := d.only()
		assert.Equal(t, []float64{0, 60}, times)
	})
	t.Run("planned, to its end", func(t *testing.T) {
		t.Parallel()
		d := newDock(t)
		d.watch("shop/cart")
		d.Inject(putOff(http.MethodPost, "/maintenance"))
		told(d, d.run(deployment().With(options{"start": noon().Add(5 * time.Minute).Unix()})))
		w, times := d.only()
		assert.InDelta(t, 0, times[0], 0)
		assert.Equal(t, noon().Add(65*time.Minute).Unix(), w.To)
	})
	t.Run("looked for", func(t *testing.T) {
		t.Parallel()
		d := newDock(t)
		ended := d.window("Deployment", -20, 8, d.watch("shop/cart"))
		d.Inject(putOff(http.MethodGet, "/maintenance$"))
		a := d.run(deployment())
		told(d, a)
		assert.NotEqual(t, ended, value(a.Windows[0].ID), "what ended while the list was waited for is over")
	})
}

// TestTwoNightsOfOneWork: the same words for the same checks at two times are two windows.
func TestTwoNightsOfOneWork(t *testing.T) {
	t.Parallel()
	d := newDock(t)
	d.watch("shop/cart")
	nights := deployment().With(options{"windows": []any{options{"start": "2026-11-22T01:00:00Z"}, options{"start": "2026-11-23T01:00:00Z"}}})
	a := d.ok(nights)
	assert.Equal(t, []string{"Deployment created", "Deployment created"}, a.actions())
	d.settled(nights)
	d.ok(nights.With(gone()))
	assert.Empty(t, d.Windows())
}

// TestAHandMadeWindowIsTakenOver, whatever spaces stand around its description.
func TestAHandMadeWindowIsTakenOver(t *testing.T) {
	t.Parallel()
	d := newDock(t)
	d.window(" Deployment ", -5, 50, d.watch("shop/cart"))
	d.settled(deployment())
}

// TestALostOpeningIsLookedFor: the answer is lost or says nothing. The window is found, and the checks are not listed again for that.
func TestALostOpeningIsLookedFor(t *testing.T) {
	t.Parallel()
	for _, fault := range []emulator.Fault{
		{Kind: emulator.DropAfter}, {Kind: emulator.StatusAfter, Status: http.StatusOK, Body: `{"maintenance": {}}`},
	} {
		d := newDock(t)
		d.watch("shop/cart")
		d.Inject(emulator.On(http.MethodPost, "", 1, fault))
		a := d.run(deployment())
		require.False(t, a.Failed, a.Msg)
		assert.Equal(t, []string{"Deployment created"}, a.actions())
		w, _ := d.only()
		assert.Equal(t, strconv.Itoa(w.ID), value(a.Windows[0].ID))
		assert.Equal(t, 1, d.Count(http.MethodPost, ""))
		assert.Equal(t, 1, d.Count(http.MethodGet, "/api/3.1/checks"))
		d.settled(deployment())
	}
}

// TestManyWindowsAreReadAsFarAsNeeded: the windows of a year of deployments cost no calls, and those to come are all read.
func TestManyWindowsAreReadAsFarAsNeeded(t *testing.T) {
	t.Parallel()
	const past, future = 450, 150
	year := func(d *dock, future int) {
		shop := d.watch("shop/cart")
		for i := past; i > 0; i-- {
			d.window("Deployment", float64(-10*i-20), float64(-10*i-15), shop)
		}
		for i := range future {
			d.window(fmt.Sprintf("Plan %d", i), float64(10_000+i), float64(10_100+i), shop)
		}
	}
	lists := func(d *dock) int { return d.Count(http.MethodGet, "/api/3.1/maintenance$") }

	d := newDock(t)
	year(d, 3)
	d.run(deployment())
	assert.Equal(t, 1, lists(d))
	d.settled(deployment())

	d = newDock(t)
	year(d, future)
	d.settled(options{"description": "Plan 140", "stack": "shop", "start": noon().Add(10_140 * time.Minute).Unix(), "duration": "100m"})
	assert.Equal(t, 2*2*2, lists(d), "two pages, read until they agree, in check mode and in earnest")

	// A server that keeps no order has to tell all that it has.
	d = startDock(t, emulator.Options{}, 0, func(_ *dock, account http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			query := r.URL.Query()
			query.Del("order")
			query.Del("orderby")
			r.URL.RawQuery = query.Encode()
			account.ServeHTTP(w, r)
		})
	})
	year(d, 3)
	d.ok(deployment())
	d.settled(deployment())
}

// TestAListThatMovesIsReadAgain: a window that is deleted between two pages moves another one up.
func TestAListThatMovesIsReadAgain(t *testing.T) {
	t.Parallel()
	moved := false
	d := startDock(t, emulator.Options{}, 0, func(d *dock, account http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("offset") == "100" && !moved {
				moved = true
				last := d.Windows()[len(d.Windows())-1]
				r2 := r.Clone(r.Context())
				r2.Method, r2.URL.Path, r2.URL.RawQuery = http.MethodDelete, fmt.Sprintf("/api/3.1/maintenance/%d", last.ID), ""
				account.ServeHTTP(discard{}, r2)
			}
			account.ServeHTTP(w, r)
		})
	})
	shop := d.watch("shop/cart")
	for i := range 150 {
		d.window(fmt.Sprintf("Plan %d", i), 1000, float64(2000+i), shop)
	}
	a := d.run(options{"description": "Plan 49", "stack": "shop", "start": noon().Add(1000 * time.Minute).Unix(), "duration": "1049m"})
	require.False(t, a.Failed, a.Msg)
	assert.True(t, moved)
	assert.Equal(t, []string{"Plan 49 unchanged"}, a.actions(), "a window that moved is not taken for missing")
}

// discard is where an answer goes that nobody reads.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

// TestOddAnswers: forms that such services have been seen to use, and answers that say too little.
func TestOddAnswers(t *testing.T) {
	t.Parallel()
	list := "/api/3.1/maintenance$"
	says := func(path, body string) emulator.Rule {
		return emulator.On("", path, emulator.Always, emulator.Fault{Kind: emulator.Status, Status: http.StatusOK, Body: body})
	}
	window := func(checks string) string {
		return fmt.Sprintf(`{"id": "77", "description": "Deployment", "from": %d, "to": %d, "checks": %s}`,
			noon().Add(-time.Minute).Unix(), noon().Add(time.Hour).Unix(), checks)
	}
	for _, c := range []struct {
		rule emulator.Rule
		want string // of the message, or the action
	}{
		{says(list, `{"maintenance": [`+window(`{"uptime": ["CHECK"], "tms": null}`)+`]}`), "unchanged"},
		{says(list, `{"maintenance": [`+window(`[]`)+`]}`), "updated"},
		{says(list, `{"maintenance": [`+window(`null`)+`]}`), "updated"},
		{says(list, `{"maintenance": [`+window(`7`)+`]}`), "nothing was changed, because the windows could not be read: listing maintenance windows: "},
		{says(list, `{}`), "the answer has no maintenance"},
		{says(list, `{"maintenance": []}`), "created"},
	} {
		d := newDock(t)
		check := d.watch("shop/cart")[0]
		c.rule.Body = strings.ReplaceAll(c.rule.Body, "CHECK", strconv.Itoa(check))
		c.rule.Method = http.MethodGet
		d.Inject(c.rule, emulator.On(http.MethodPut, "", emulator.Always, emulator.Fault{Kind: emulator.Status, Status: http.StatusOK, Body: `{"message": "ok"}`}))
		a := d.run(deployment())
		if a.Failed {
			assert.Contains(t, a.Msg, c.want)
			assert.Zero(t, d.Writes())
			continue
		}
		assert.Equal(t, []string{"Deployment " + c.want}, a.actions(), c.rule.Body)
	}
	d := newDock(t)
	d.Inject(says("/api/3.1/maintenance/7", `{"maintenance": {"id": 8}}`))
	assert.Contains(t, d.refusal(options{"id": "7"}), `reading maintenance window 7: the answer is about "8"`)
}
