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
		{options{"checks": []any{"cart"}}, "D (checks cart): the check name cart is not unique; write the id of one of them: " + id(0) + ", " + id(2)},
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
		{deployment().With(options{"stack": "my shop"}), "value of stack must be a name of 1 to 50 letters, digits, underscores and dashes"},
		{deployment().With(options{"checks": nil}), "value of checks must not be null; leave the option out, as default(omit) does"},
		{deployment().With(options{"checks": []any{nil}}), "value of checks[0] must not be null"},
		{deployment().With(options{"tags": nil}).With(gone()), "value of tags must not be null"},
		{options{"description": "D", "checks": []any{}}.With(gone()), "value of checks must hold the name or id of a check at least, got an empty list"},
		{deployment().With(options{"checks": []any{" "}}).With(gone()), "value of checks must hold the name or id of a check at least"},
		{deployment().With(options{"tags": []any{""}}).With(gone()), "value of tags must hold a tag at least, got an empty list"},
		{options{"id": "7", "tags": []any{}}.With(gone()), "value of tags must hold a tag at least"},
		{deployment().With(options{"start": nil}), "value of start must not be null"},
		{deployment().With(options{"duration": 30}), "value of duration must be a duration from 1m to 30d, got: 30"},
		{deployment().With(options{"state": "paused"}), "value of state must be one of"},
		{deployment().With(options{"api_token": ""}), "value of api_token (environment PINGDOM_API_TOKEN) must be a Pingdom API token"},
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

// TestAHandMadeWindowIsTakenOver, but not one whose description differs in a space.
func TestAHandMadeWindowIsTakenOver(t *testing.T) {
	t.Parallel()
	d := newDock(t)
	shop := d.watch("shop/cart")
	d.window("Deployment ", -5, 50, shop)
	d.settled(deployment().With(gone()))
	d.window("Deployment", -5, 50, shop)
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
