// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile/reconciletest"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
	"github.com/stackwatch/ansible-monitoring/pkg/window"
)

// TestMaintenanceContract holds the provider of windows to what every provider must do, with windows that are to come.
func TestMaintenanceContract(t *testing.T) {
	t.Parallel()
	reconciletest.Run(t, reconciletest.Suite[Window]{
		New: newWindowSubject, PageSize: windowPageSize, Secrets: []string{token},
		Full: func(i int) Window {
			description := fmt.Sprintf("Plan %d", i)
			return Window{
				Description: &description, selection: selection{checks: []string{"cart"}},
				Schedule: window.Schedule{Start: noon().Add(24 * time.Hour), Duration: 2 * time.Hour},
			}
		},
		Edits: map[string]func(*Window){
			"start": func(w *Window) {
				w.Schedule.Start, w.Duration = w.Schedule.Start.Add(10*time.Minute), w.Duration-10*time.Minute
			},
			"end":    func(w *Window) { w.Duration += time.Hour },
			"checks": func(w *Window) { w.checks = []string{"search", "cart"} },
		},
		NotEdited: map[string]string{"description": "is the identity; TestAWindowByItsID changes it"},
	})
}

func newWindowSubject(t testing.TB) reconciletest.Subject[Window] {
	d := newDock(t)
	d.watch("cart", "search")
	account := secret.New(token)
	api := httpapi.DefaultOptions()
	api.RateLimit = 0
	conn, err := httpapi.New(httpapi.Config{
		BaseURL: d.URL, Service: "Pingdom", Options: api, Account: account, StateDir: d.StateDir, Clock: d.Clock,
		Authorize:  func(h http.Header) { h.Set("Authorization", "Bearer "+account.Reveal()) },
		ParseError: parseError, ParseLimits: parseLimits, Classify: classify,
	})
	require.NoError(t, err)
	list := vendor.BasePath + "/maintenance$"
	faults := map[reconciletest.Trouble][]emulator.Rule{
		reconciletest.LastPageFails: {{
			Index: emulator.AnyCall, Method: http.MethodGet, Path: list, Skip: 1, Times: emulator.Always, Fault: emulator.Fault{Kind: emulator.Status},
		}},
		reconciletest.TooMany: {
			emulator.On(http.MethodGet, list, 1, emulator.Fault{Kind: emulator.Status, Status: 429}),
			emulator.On(http.MethodPost, list, 1, emulator.Fault{Kind: emulator.Status, Status: 429}),
		},
		reconciletest.CreateLost:    {emulator.On(http.MethodPost, list, 1, emulator.Fault{Kind: emulator.DropAfter})},
		reconciletest.CreateDropped: {emulator.On(http.MethodPost, list, 1, emulator.Fault{Kind: emulator.DropBefore})},
	}
	return reconciletest.Subject[Window]{
		Provider: newMaintenance(&client{http: conn, concurrency: 8}, d.Clock.Now),
		Writes:   d.Writes,
		Count:    func() int { return len(d.Windows()) },
		Arm:      func(trouble reconciletest.Trouble) { d.Inject(faults[trouble]...) },
		Sleep:    d.Clock.Sleep,
		Trace: func() string {
			var urls strings.Builder
			for _, call := range d.Calls() {
				fmt.Fprintln(&urls, call.Method, call.Path, call.Query)
			}
			return urls.String()
		},
	}
}

// live gives the windows that are not over by their stack and description, with the checks they cover. Two of them that are the same fail
// the test.
func (d *dock) live(stacks map[int]string) map[string][]int {
	d.T.Helper()
	live := map[string][]int{}
	for _, w := range d.Windows() {
		if w.To <= d.Clock.Now().Unix() {
			continue
		}
		key := stacks[w.UptimeIDs[0]] + "/" + w.Description
		_, twice := live[key]
		assert.False(d.T, twice, "there are two windows %s", key)
		live[key] = w.UptimeIDs
	}
	return live
}

// mishaps is a task of windows to be opened, scheduled, changed, left alone, deleted and ended, among those of another stack.
func (d *dock) mishaps() resourcetest.Plight {
	const later = "2199-01-01T00:00:00Z"
	begin := time.Date(2199, 1, 1, 0, 0, 0, 0, time.UTC)
	var items []any
	for i := range 4 {
		for _, verb := range []string{"open", "plan", "edit", "keep", "drop", "end"} {
			item := options{"description": fmt.Sprintf("%s %d", verb, i)}
			switch verb {
			case "plan", "edit", "keep":
				item["start"] = later
			case "drop", "end":
				item["state"] = "absent"
			}
			items = append(items, item)
		}
	}
	var shop, blog []int
	names := map[int]string{}
	p := resourcetest.Plight{
		Task: options{"stack": "shop", "windows": items, "api_rate_limit": 0, "api_concurrency": 1, "duration": "2h"},
		Fill: func() func() any {
			shop, blog = d.watch("shop/cart", "shop/search"), d.watch("blog/frontend")
			for _, id := range shop {
				names[id] = "shop"
			}
			for i := range 4 {
				d.window(fmt.Sprintf("keep %d", i), 0, 0, shop, func(w *vendor.Window) { w.From, w.To = begin.Unix(), begin.Add(2*time.Hour).Unix() })
				d.window(fmt.Sprintf("edit %d", i), 0, 0, shop[:1], func(w *vendor.Window) { w.From, w.To = begin.Unix(), begin.Add(3*time.Hour).Unix() })
				d.window(fmt.Sprintf("drop %d", i), 1000, 2000, shop)
				d.window(fmt.Sprintf("end %d", i), -10, 2000, shop)
			}
			others := []string{d.window("open 1", -5, 2000, blog), d.window("end 1", -5, 2000, blog), d.window("drop 1", 1000, 2000, blog)}
			others = append(others, d.window("end 2", -5000, -4000, shop))
			return func() any {
				var stored []vendor.Window
				for _, id := range others {
					w, _, _ := d.stored(id)
					stored = append(stored, w)
				}
				return stored
			}
		},
	}
	mine := func() map[string][]int {
		live := d.live(names)
		maps.DeleteFunc(live, func(key string, _ []int) bool { return !strings.HasPrefix(key, "shop/") })
		return live
	}
	p.Result = func() any {
		titles := slices.Sorted(maps.Keys(mine()))
		for _, checks := range mine() {
			assert.Equal(d.T, shop, checks)
		}
		return titles
	}
	after := []string{}
	for _, verb := range []string{"edit", "keep", "open", "plan"} {
		for i := range 4 {
			after = append(after, fmt.Sprintf("shop/%s %d", verb, i))
		}
	}
	p.After = after
	p.Judge = func(a answer, at string) {
		for i, told := range a.Objects {
			title := "shop/" + items[i].(options)["description"].(string)
			checks, lives := mine()[title]
			switch told.Action {
			case "created", "updated":
				assert.Equal(d.T, shop, checks, "%s: %s is told as %s", at, title, told.Action)
			case "deleted":
				assert.False(d.T, lives, "%s: %s is told as deleted and lives", at, title)
			}
		}
	}
	return p
}

// TestMaintenanceFaultMatrix lets each single call of a run fail in each way.
func TestMaintenanceFaultMatrix(t *testing.T) {
	t.Parallel()
	for name, fault := range resourcetest.Faults() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDock(t)
			d.EachCall(d.mishaps(), fault)
		})
	}
}

// TestManyHostsOpenOneWindow: the hosts of a play that all run the same task at once make one window, also where the list is late, and
// end it together.
func TestManyHostsOpenOneWindow(t *testing.T) {
	t.Parallel()
	for _, lag := range []int{0, 3, 1000} {
		t.Run(fmt.Sprintf("lag %d", lag), func(t *testing.T) {
			t.Parallel()
			d := startDock(t, emulator.Options{ListLag: lag}, 0, nil)
			d.watch("shop/cart", "shop/search", "blog/frontend")
			const hosts = 50
			tasks := make([]options, hosts)
			for i := range tasks {
				tasks[i] = options{"description": "Deployment", "stack": []string{"shop", "blog"}[i%2], "api_rate_limit": 0}
			}
			count := func(action string) (n int) {
				for _, a := range d.Together(tasks...) {
					require.False(t, a.Failed, a.Msg)
					n += a.Summary[action]
				}
				return n
			}
			assert.Equal(t, 2, count("created"))
			assert.Len(t, d.Windows(), 2)
			assert.Zero(t, count("created")+count("updated"))
			for i := range tasks {
				tasks[i]["state"] = "absent"
			}
			assert.Positive(t, count("deleted"))
			for _, w := range d.Windows() {
				assert.LessOrEqual(t, w.To, d.Clock.Now().Unix(), "the window of %v has ended", w.UptimeIDs)
			}
		})
	}
}

// TestNoSecretOfMaintenanceShows looks for the token in all that a run leaves, whatever becomes of it.
func TestNoSecretOfMaintenanceShows(t *testing.T) {
	t.Parallel()
	d := newDock(t)
	d.watch("shop/cart")
	secrets := resourcetest.Secrets{"token": token}
	given := deployment().With(options{"api_token": token, "api_rate_limit": 0})
	for name, o := range map[string]options{
		"done": given, "nothing to do": given, "refused": given.With(options{"duration": "0m"}), "failed": given.With(options{"stack": "none"}),
		"ended": given.With(gone()), "an alias": given.With(options{"key": token}),
	} {
		d.ExpectNoLeak(secrets, d.Run(o), name)
	}
	for _, status := range []int{401, 403, 500} {
		echo := emulator.Fault{Kind: emulator.Status, Status: status, Body: `{"error": {"errormessage": "Bearer ` + token + ` is bad"}}`}
		d.Inject(emulator.On("", "", emulator.Always, echo))
		a := d.Run(given)
		assert.True(t, a.Failed)
		d.ExpectNoLeak(secrets, a, strconv.Itoa(status))
		d.ClearFaults()
	}
}
