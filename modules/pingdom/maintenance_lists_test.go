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
