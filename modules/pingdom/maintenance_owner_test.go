// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
)

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

// TestSeveralWindowsAreAmbiguous: nothing is done to them, and the others of the task are done.
func TestSeveralWindowsAreAmbiguous(t *testing.T) {
	t.Parallel()
	d := newDock(t)
	shop, blog := d.watch("shop/cart", "shop/search", "shop/login"), d.watch("blog/frontend")
	one, two := d.window("Deployment", -5, 30, shop[:1]), d.window("Deployment", -3, 40, shop[1:2])
	d.window("Deployment", -5, 30, blog)
	message := fmt.Sprintf("Deployment (stack shop): more than one match: %s (2026-11-21T11:55:00Z to 2026-11-21T12:30:00Z), "+
		"%s (2026-11-21T11:57:00Z to 2026-11-21T12:40:00Z); give id or start", one, two)
	for _, o := range []options{deployment(), deployment().With(gone())} {
		text := d.refusal(o)
		assert.Contains(t, text, message)
		assert.NotContains(t, text, "on_duplicate", "which this module does not have")
	}
	assert.Contains(t, d.refusal(options{"description": "Deployment"}.With(gone())), "more than one match", "of two stacks")
	a := d.run(options{"description": "Deployment", "state": "absent", "windows": []any{options{"stack": "shop"}, options{"stack": "blog"}}})
	assert.True(t, a.Failed)
	assert.Equal(t, []string{"Deployment failed", "Deployment deleted"}, a.actions())
	assert.Contains(t, a.Msg, message)

	d.ok(options{"id": two, "state": "absent", "description": "Deployment"})
	d.ok(deployment().With(gone()))
	_, times, _ := d.stored(one)
	assert.Equal(t, []float64{-5, 0}, times)

	d.window("Deployment", 100, 130, shop)
	d.window("Deployment", 200, 230, shop)
	assert.Contains(t, d.refusal(deployment().With(gone())), "more than one match", "two nights")
}

// TestTwins_EndTogether: two runs at once that could not see each other have opened two windows. The deployment goes on with the first
// of them, whichever lasts longest, and ends all. Those of others stay, and so does one that covers less.
func TestTwins_EndTogether(t *testing.T) {
	t.Parallel()
	for _, selection := range []options{{"stack": "shop"}, {"checks": []any{"cart", "search"}}, {"tags": []any{"stack-shop"}}} {
		d := newDock(t)
		shop, blog := d.watch("shop/cart", "shop/search"), d.watch("blog/frontend")
		task := options{"description": "Deployment", "duration": "1h"}.With(selection)
		twins := []string{d.window("Deployment", -5, 50, shop), d.window("Deployment", -5, 55, shop), d.window("Deployment", -4, 50, shop)}
		others := []string{d.window("Deployment", -5, 50, blog), d.window("Deployment", -5, 50, shop[:1]), d.window("Upgrade", -5, 50, shop), d.window("Deployment", 200, 250, shop)}
		d.settled(task)
		d.sent()
		a := d.ok(task.With(options{"duration": "2h"}))
		assert.Equal(t, []string{fmt.Sprintf(`PUT {"to":%d}`, d.Clock.Now().Add(2*time.Hour).Unix())}, d.sent())
		assert.Equal(t, twins[0], value(a.Windows[0].ID))
		d.settled(task.With(options{"duration": "2h"}))
		d.ok(task.With(options{"duration": "10m"})) // less than any of them
		d.settled(task.With(options{"duration": "10m"}))
		d.sent()

		a = d.ok(task.With(gone()))
		assert.Equal(t, []string{"Deployment deleted"}, a.actions())
		assert.Equal(t, []string{`PUT {"to":1}`, `PUT {"to":1}`, `PUT {"to":1}`}, d.sent())
		for _, id := range twins {
			_, times, _ := d.stored(id)
			assert.LessOrEqual(t, times[1], 0.0)
		}
		for _, id := range others {
			_, times, there := d.stored(id)
			assert.True(t, there && times[1] > 0, "another's window was ended")
		}
	}
}

// TestTwins_OneThatCannotBeEnded holds that the others are ended, and that the task reports both a failure and a
// change.
func TestTwins_OneThatCannotBeEnded(t *testing.T) {
	t.Parallel()
	for stuck := range 3 {
		d := newDock(t)
		shop := d.watch("shop/cart")
		var twins []string
		for range 3 {
			twins = append(twins, d.window("Deployment", -5, 50, shop))
		}
		d.Inject(emulator.On("", vendor.BasePath+"/maintenance/"+twins[stuck], emulator.Always, emulator.Fault{Kind: emulator.Status, Status: http.StatusBadGateway}))
		a := d.run(deployment().With(gone()))
		assert.True(t, a.Failed)
		assert.True(t, a.Changed)
		assert.Contains(t, a.Msg, "ending maintenance window Deployment ("+twins[stuck]+")")
		for i, id := range twins {
			_, times, _ := d.stored(id)
			assert.Equal(t, i == stuck, times[1] > 0)
		}
		d.ClearFaults()
		d.ok(deployment().With(gone()))
		d.settled(deployment().With(gone()))
	}
}

// TestTwins_EndWhileUnlisted holds that the controller which opened windows finds them before the list shows them.
func TestTwins_EndWhileUnlisted(t *testing.T) {
	t.Parallel()
	d := startDock(t, emulator.Options{ListLag: 1000}, 0, nil)
	d.watch("shop/cart")
	d.ok(deployment())
	d.settled(deployment())
	assert.Equal(t, []string{"Deployment deleted"}, d.ok(deployment().With(gone())).actions())
	_, times := d.only()
	assert.LessOrEqual(t, times[1], 0.0)
	d.settled(deployment().With(gone()))
}

// TestNewStack_OpensNoWindow: the first deployment of a stack has nothing to cover yet, and that is no error. What is misspelt still is one.
func TestNewStack_OpensNoWindow(t *testing.T) {
	t.Parallel()
	d := newDock(t)
	blog := d.watch("blog/frontend")
	d.window("Deployment", -5, 50, nil)
	d.window("Deployment", -5, 50, blog)
	windows := d.Windows()
	for _, selection := range []options{{}, {"checks": []any{"cart"}}, {"tags": []any{"db"}}, {"windows": []any{options{"stack": "shop"}}}} {
		task := options{"api_rate_limit": 0}.With(deployment()).With(selection)
		predicted, done := d.DryRun(task), d.Run(task)
		for _, a := range []answer{predicted, done} {
			assert.False(t, a.Failed, a.Msg)
			assert.False(t, a.Changed)
			assert.Equal(t, "unchanged", a.Only(t).Action)
			assert.Len(t, a.Warnings, 1)
			assert.Contains(t, a.Warnings[0], ": the stack shop has no check yet, so no window is opened")
		}
	}
	assert.Equal(t, windows, d.Windows())
	d.settled(options{"description": "Another", "stack": "shop"}.With(gone()))

	d.watch("shop/cart")
	assert.Contains(t, d.refusal(deployment().With(options{"tags": []any{"db"}})), "there is no check for the window to cover: nothing matches stack shop: tags db")
	assert.Contains(t, d.refusal(deployment().With(options{"checks": []any{"card"}})), "got: card; there are: cart")
	assert.Contains(t, d.refusal(options{"description": "D", "tags": []any{"db"}}), "nothing matches tags db")
	assert.Contains(t, d.refusal(options{"id": strconv.Itoa(windows[1].ID), "stack": "none"}), "there is no check for the window to cover")
	assert.Equal(t, []string{"Deployment updated"}, d.ok(deployment()).actions(), "a window whose checks are gone covers the new one")
}

// TestTheDescriptionAloneEndsAWindow, whatever it covers, and one that is under way before one that is to come.
func TestTheDescriptionAloneEndsAWindow(t *testing.T) {
	t.Parallel()
	d := newDock(t)
	active := d.window("Deployment", -5, 30, d.watch("lone"), func(w *vendor.Window) { w.TMSIDs = []int{4711} })
	future := d.window("Deployment", 50, 60, d.watch("other"))
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
	assert.Equal(t, "maintenance window New words (checks search) (id "+id+") updated", a.Diff[0].AfterHeader)
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
	a = d.ok(options{"id": id, "state": "absent"})
	assert.Equal(t, "maintenance window New words (id "+id+") deleted", a.Diff[0].AfterHeader)
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
