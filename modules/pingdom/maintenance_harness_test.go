// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// dock is an emulated account for maintenance windows, and a controller from which pingdom_maintenance is run. Both have the same clock,
// which begins at noon.
type dock struct {
	*vendor.Emulator
	*resourcetest.Lab
}

// newDock starts an account.
func newDock(t testing.TB) *dock {
	t.Helper()
	return startDock(t, emulator.Options{}, 0, nil)
}

// startDock starts an account behind a wrapper of its handler, nil for none. slip is how far its clock is ahead of the controller's.
func startDock(t testing.TB, opt emulator.Options, slip time.Duration, wrap func(*dock, http.Handler) http.Handler) *dock {
	t.Helper()
	d := &dock{}
	opt.Token, opt.Now = token, func() time.Time { return d.Clock.Now().Add(slip) }
	d.Emulator = vendor.New(opt)
	d.Lab = resourcetest.New(t, d.Emulator, resourcetest.Setup{
		Name: "pingdom_maintenance", Plural: "windows", Token: token, BasePath: vendor.BasePath,
		URLVariable: "PINGDOM_API_URL", TokenVariable: "PINGDOM_API_TOKEN",
		Module: func(stateDir string, clock *resourcetest.Clock) ansible.Module {
			return world{stateDir: stateDir, clock: clock}.maintenanceModule()
		},
		Contents: func() any { return d.Windows() },
		Wrap: func(account http.Handler) http.Handler {
			if wrap == nil {
				return account
			}
			return wrap(d, account)
		},
	})
	d.pass(noon().Sub(d.Clock.Now()))
	return d
}

// checks is the same controller for pingdom_check.
func (d *dock) checks() *resourcetest.Lab {
	lab := *d.Lab
	lab.Setup.Name, lab.Setup.Plural = "pingdom_check", "checks"
	lab.Setup.Module = func(stateDir string, clock *resourcetest.Clock) ansible.Module {
		return world{stateDir: stateDir, clock: clock}.checkModule()
	}
	lab.Setup.Contents = func() any { return d.Checks() }
	return &lab
}

// pass lets time go by.
func (d *dock) pass(span time.Duration) {
	d.T.Helper()
	require.NoError(d.T, d.Clock.Sleep(d.T.Context(), span))
}

// windowsAnswer is an answer with what it tells of windows.
type windowsAnswer struct {
	answer
	Windows []struct {
		Description, ID, Start, End *string
		Checks                      []string
		Action                      string
		Changes                     map[string]change
	}
}

// run runs the module without a rate limit.
func (d *dock) run(o options) windowsAnswer {
	d.T.Helper()
	a := windowsAnswer{answer: d.Run(options{"api_rate_limit": 0}.With(o))}
	require.NoError(d.T, json.Unmarshal([]byte(a.Raw), &a))
	assert.Empty(d.T, a.Warnings)
	return a
}

// ok runs the module, in check mode first, which must foretell what is done and change nothing, and demands that it did not fail.
func (d *dock) ok(o options) windowsAnswer {
	d.T.Helper()
	foretold := windowsAnswer{answer: d.DryRun(options{"api_rate_limit": 0}.With(o))}
	require.NoError(d.T, json.Unmarshal([]byte(foretold.Raw), &foretold))
	a := d.run(o)
	require.False(d.T, a.Failed, a.Msg)
	assert.Equal(d.T, foretold.actions(), a.actions())
	return a
}

// settled runs the module once more and demands that nothing is left to do: no write at all.
func (d *dock) settled(o options) {
	d.T.Helper()
	writes := d.Writes()
	a := d.ok(o)
	assert.False(d.T, a.Changed, "a second run changes something: %s", a.Raw)
	assert.Equal(d.T, writes, d.Writes(), "a second run writes")
}

// refusal runs the module, demands that it failed without a write, also in check mode, and gives the message.
func (d *dock) refusal(o options) string {
	d.T.Helper()
	writes := d.Writes()
	a := d.run(o)
	assert.True(d.T, a.Failed, "not refused: %s", a.Raw)
	assert.Equal(d.T, writes, d.Writes(), "refused only after a write")
	assert.Equal(d.T, a.Msg, d.DryRun(options{"api_rate_limit": 0}.With(o)).Msg, "in check mode")
	return a.Msg
}

// actions gives "description action" for each window, in order.
func (a windowsAnswer) actions() []string {
	var actions []string
	for _, w := range a.Windows {
		actions = append(actions, value(w.Description)+" "+w.Action)
	}
	return actions
}

// changed gives the fields that differ in the one window of an answer.
func (a windowsAnswer) changed() []string {
	var fields []string
	for _, field := range []string{"description", "start", "end", "checks"} {
		for _, w := range a.Windows {
			if _, is := w.Changes[field]; is {
				fields = append(fields, field)
			}
		}
	}
	return fields
}

// watch adds checks as "stack/name", or as a name alone, and gives their ids.
func (d *dock) watch(names ...string) []int {
	var made []int
	for _, name := range names {
		check := vendor.Check{Host: "www.example.com"}
		stack, rest, inStack := strings.Cut(name, "/")
		if check.Name = stack; inStack {
			check.Name, check.Tags = rest, []string{"managed_by-stackwatch", "stack-" + stack}
		}
		made = append(made, d.Add(check))
	}
	return made
}

// window adds a window from some minutes after now to others, over these checks.
func (d *dock) window(description string, from, to float64, checks []int, change ...func(*vendor.Window)) string {
	at := func(minutes float64) int64 {
		return d.Clock.Now().Add(time.Duration(minutes * float64(time.Minute))).Unix()
	}
	w := vendor.Window{Description: description, From: at(from), To: at(to), UptimeIDs: checks}
	for _, f := range change {
		f(&w)
	}
	return strconv.Itoa(d.AddWindow(w))
}

// post makes a check by the API, so that the list shows it late.
func (d *dock) post(check vendor.Check) (id int) {
	d.T.Helper()
	body, err := json.Marshal(map[string]any{"name": check.Name, "host": "www.example.com", "type": "http", "tags": check.Tags})
	require.NoError(d.T, err)
	request := httptest.NewRequestWithContext(d.T.Context(), http.MethodPost, vendor.BasePath+"/checks", bytes.NewReader(body))
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	d.ServeHTTP(answer, request)
	require.Equal(d.T, http.StatusOK, answer.Code, answer.Body)
	d.ResetCalls()
	return d.Checks()[len(d.Checks())-1].ID
}

// stored gives a window as it is stored, with its times in minutes after now; false where there is none.
func (d *dock) stored(id string) (w vendor.Window, times []float64, there bool) {
	now := d.Clock.Now().Unix()
	for _, w := range d.Windows() {
		if strconv.Itoa(w.ID) == id {
			return w, []float64{float64(w.From-now) / 60, float64(w.To-now) / 60}, true
		}
	}
	return w, nil, false
}

// only gives the one window of the account.
func (d *dock) only() (w vendor.Window, times []float64) {
	d.T.Helper()
	require.Len(d.T, d.Windows(), 1)
	w, times, _ = d.stored(strconv.Itoa(d.Windows()[0].ID))
	return w, times
}

// sent gives the bodies of the writes since the last time, as "METHOD body".
func (d *dock) sent() []string {
	sent := []string{}
	for _, call := range d.Calls() {
		if call.Write() {
			sent = append(sent, strings.TrimSpace(call.Method+" "+string(call.Body)))
		}
	}
	d.ResetCalls()
	return sent
}

func texts(numbers []int) []string {
	list := []string{}
	for _, n := range numbers {
		list = append(list, strconv.Itoa(n))
	}
	return list
}
