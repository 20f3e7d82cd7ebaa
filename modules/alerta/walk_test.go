// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules/alerta/alertatest"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// walkSteps is the length of a walk. Each step is about 30 calls of a real server.
const walkSteps = 300

// walkGrid is what all ages are multiples of when a run begins, however long the walk has taken. What tasks compare them with lies at least half of
// it away, or is just below a multiple.
const walkGrid = 20 * time.Minute

// TestHousekeepingWalk_OnTheRealServer lets anything happen on a server, clears something after each event, and compares what is left with a model of the module that
// shares no code with it. Check mode goes first and has to foretell the run, and a second run has to change nothing.
func TestHousekeepingWalk_OnTheRealServer(t *testing.T) {
	t.Parallel()
	seeds := []uint64{1, 2, 3}
	if testing.Short() {
		seeds = seeds[:1]
	}
	if text, given := os.LookupEnv(resourcetest.WalkSeedVariable); given {
		seed, err := strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, resourcetest.WalkSeedVariable)
		seeds = []uint64{seed}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			t.Logf("%s=%d repeats this walk", resourcetest.WalkSeedVariable, seed)
			w := &walk{random: rand.New(rand.NewPCG(seed, 0))}
			w.lab = labOn(t, alertatest.Start(t, alertatest.Newest), func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					if r.Method != http.MethodGet {
						if send := w.meanwhile.Swap(nil); send != nil {
							(*send)()
						}
					}
					next.ServeHTTP(rw, r)
				})
			})
			for i := range 8 {
				w.lab.server.Insert(t, alertatest.Alert{
					Environment: walkEnvironments()[i%2], Resource: fmt.Sprintf("foreign%d", i), Event: "Down", Severity: "critical", Service: []string{"web"},
					Tags: []string{"stack=foreign", "shop"}, Origin: "s1",
				})
			}
			defer func() {
				if t.Failed() {
					t.Logf("the walk went wrong at step %d:\n%s", len(w.history), strings.Join(w.history[max(0, len(w.history)-8):], "\n"))
				}
			}()
			for step := 1; step <= walkSteps && !t.Failed(); step++ {
				w.history = append(w.history, fmt.Sprintf("%d: %s", step, w.happen()))
				w.clear()
			}
		})
	}
}

// walk is a walk under way.
type walk struct {
	lab       *lab
	random    *rand.Rand
	foreign   []alertatest.Alert
	history   []string
	later     time.Duration          // that passes before the next run
	meanwhile atomic.Pointer[func()] // is done once, before the next write of the module
}

func walkStacks() []string       { return []string{"s1", "s10", "s2", "s"} }
func walkEnvironments() []string { return []string{"Production", "Development"} }

// of draws one of some.
func of[T any](w *walk, list ...T) T { return list[w.random.IntN(len(list))] }

// some draws one or more of some.
func some(w *walk, list []string) []string {
	var drawn []string
	for _, i := range w.random.Perm(len(list))[:1+w.random.IntN(len(list))] {
		drawn = append(drawn, list[i])
	}
	return drawn
}

func (w *walk) coin() bool { return w.random.IntN(2) == 0 }

// foreignOf returns the alerts that no task may touch.
func foreignOf(alerts []alertatest.Alert) []alertatest.Alert {
	return slices.DeleteFunc(slices.Clone(alerts), func(a alertatest.Alert) bool { return !slices.Contains(a.Tags, "stack=foreign") })
}

// problems draws alerts of a stack, which the server has already or not.
func (w *walk) problems(severities ...string) []alertatest.Alert {
	var alerts []alertatest.Alert
	for i := range 1 + w.random.IntN(4) {
		stack := of(w, walkStacks()...)
		alerts = append(alerts, alertatest.Alert{
			Environment: of(w, walkEnvironments()...), Resource: fmt.Sprintf("web%d.%s", i, stack), Event: of(w, "Down", "Slow", "Full"),
			Severity: of(w, severities...), Service: []string{stack}, Tags: []string{"stack=" + stack}, Origin: "probe/" + stack,
		})
	}
	return alerts
}

// happen lets something happen between two runs and says what.
func (w *walk) happen() string {
	l, t := w.lab, w.lab.T
	held := l.contents()
	switch n := w.random.IntN(100); {
	case n < 40:
		alerts := w.problems("critical", "major", "warning", "informational")
		l.server.Send(t, alerts...)
		return fmt.Sprintf("raised: %d", len(alerts))
	case n < 48:
		l.server.Send(t, w.problems("normal", "ok")...)
		return "some cleared by their sender"
	case n < 61:
		stack := of(w, walkStacks()...)
		beat := alertatest.Heartbeat{Origin: fmt.Sprintf("cron/%d", w.random.IntN(6)), Tags: []string{"stack=" + stack}}
		if w.coin() {
			beat.Attributes = map[string]any{"environment": of(w, walkEnvironments()...)}
		}
		l.server.Beat(t, beat)
		return "a heartbeat of " + stack
	case n < 71:
		stack, text := of(w, walkStacks()...), of(w, "planned by hand", "cleared by alerta_housekeeping")
		l.server.BlackOut(t, alertatest.Blackout{Environment: of(w, walkEnvironments()...), Tags: []string{"stack=" + stack}, Duration: 7200, Text: text})
		return fmt.Sprintf("a blackout of %s, %q", stack, text)
	case n < 76 && len(held.Blackouts) > 0:
		b := of(w, held.Blackouts...)
		l.server.Do(t, l.server.Key(alertatest.Admin), http.MethodPut, "/blackout/"+b.ID,
			map[string]any{"endTime": time.Now().UTC().Add(-time.Second).Format(alertatest.TimeFormat)})
		return "a blackout ended by hand"
	case n < 82 && len(held.Alerts) > len(w.foreign):
		a := of(w, held.Alerts...)
		if slices.Contains(a.Tags, "stack=foreign") {
			return "nothing"
		}
		l.server.Do(t, l.server.Key(alertatest.Admin), http.MethodDelete, "/alert/"+a.ID, nil)
		return "deleted by hand: " + a.Resource + "/" + a.Event
	default:
		w.later = of(w, walkGrid, 2*walkGrid, time.Hour, 2*time.Hour, 3*time.Hour, 4*time.Hour, 5*time.Hour)
		return w.later.String() + " later"
	}
}

// draw draws a task.
func (w *walk) draw() task {
	o := task{"delete_limit": "100%", "stack": some(w, walkStacks())}
	if w.coin() {
		o["environment"] = some(w, walkEnvironments())
	}
	alertsAlone := false
	switch w.random.IntN(6) {
	case 0:
		o["severity"], alertsAlone = some(w, []string{"critical", "major", "warning", "informational"}), true
	case 1:
		o["status"], alertsAlone = some(w, []string{"open", "ack", "shelved", "closed", "expired"}), true
	case 2:
		o["event"], alertsAlone = some(w, []string{"Down", "Slow", "Full"}), true
	case 3:
		o["older_than"], alertsAlone = fmt.Sprintf("%dh30m", w.random.IntN(4)), true
	}
	if w.random.IntN(5) > 0 {
		o["action"] = of(w, "delete", "delete", "close", "ack", "shelve")
		o["bulk"] = o["action"] == "delete" && w.coin()
	}
	if !alertsAlone {
		o["heartbeats"] = w.coin()
		if _, limited := o["environment"]; limited && w.coin() {
			o["blackout"] = of(w, "present", "absent")
		}
	}
	if o["action"] == nil && o["heartbeats"] != true && o["blackout"] == nil {
		o["action"] = "close"
	}
	return o
}

// clear runs a task in one of several ways and judges it.
func (w *walk) clear() {
	l, t := w.lab, w.lab.T
	o := w.draw()
	way := of(w, "alone", "alone", "alone", "two at once", "received again meanwhile", "with the server's housekeeping")
	w.history[len(w.history)-1] += fmt.Sprintf("; %s: %v", way, o)
	l.server.Later(t, w.later, walkGrid)
	w.later = 0
	before := l.contents()
	w.foreign = foreignOf(before.Alerts)
	want := w.expected(before, o)
	switch way {
	case "two at once":
		created, deleted := 0, 0
		for _, a := range l.Together(o, o) {
			assert.False(t, a.Failed, a.Msg)
			created += a.Summary["created"]
			deleted += a.Summary["deleted"]
		}
		assert.Equal(t, want.created, created, "made by one of two runs")
		assert.Equal(t, want.deleted, deleted, "counted by the run that removed it")
	case "received again meanwhile":
		again := w.problems("critical")
		send := func() {
			for _, a := range again {
				// The server may answer 500 where the alert is deleted while it is received.
				l.server.Do(t, l.server.Key(alertatest.Admin), http.MethodPost, "/alert", a)
			}
		}
		w.meanwhile.Store(&send)
		l.run(o)
		w.meanwhile.Store(nil)
		done := l.run(o)
		assert.False(t, done.Failed, done.Msg)
		assert.Equal(t, w.foreign, foreignOf(l.contents().Alerts))
		l.Settled(o)
		return
	case "with the server's housekeeping":
		all := o.With(task{"server": task{"expired": "4h", "info": "6h"}})
		foretold, done := l.foretold(all), l.run(all)
		require.False(t, done.Failed, done.Msg)
		assert.Equal(t, foretold.actions(), done.actions(), "check mode foretells what is done")
		assert.Equal(t, [2]int{foretold.Server.Deleted, foretold.Server.Expired}, [2]int{done.Server.Deleted, done.Server.Expired}, "and what the server does")
		w.foreign = foreignOf(l.contents().Alerts) // they expire as well
		for range 2 {
			l.OK(all) // what the server lets expire or opens again may be selected now
		}
		l.Settled(all)
		return
	default:
		foretold, done := l.foretold(o), l.run(o)
		require.False(t, done.Failed, done.Msg)
		assert.Equal(t, foretold.actions(), done.actions(), "check mode foretells what is done")
		assert.Equal(t, foretold.Summary, done.Summary)
		assert.Equal(t, [3]int{want.created, want.updated, want.deleted}, [3]int{done.Summary["created"], done.Summary["updated"], done.Summary["deleted"]})
	}
	after := l.contents()
	assert.Equal(t, want.alerts, alertLines(after.Alerts), "alerts")
	assert.Equal(t, want.heartbeats, heartbeatLines(after.Heartbeats), "heartbeats")
	assert.Equal(t, want.blackouts, blackoutLines(after.Blackouts), "blackouts")
	assert.Equal(t, w.foreign, foreignOf(after.Alerts))
	l.Settled(o)
}

// expectation is what a task has to leave, and what it has to count.
type expectation struct {
	alerts, heartbeats, blackouts []string
	created, updated, deleted     int
}

func alertLines(alerts []alertatest.Alert) []string {
	lines := []string{}
	for _, a := range alerts {
		lines = append(lines, strings.Join([]string{a.ID, a.Environment, a.Resource, a.Event, a.Status, a.LastReceiveID}, " "))
	}
	slices.Sort(lines)
	return lines
}

func heartbeatLines(beats []alertatest.Heartbeat) []string {
	lines := []string{}
	for _, h := range beats {
		lines = append(lines, h.ID+" "+h.Origin)
	}
	slices.Sort(lines)
	return lines
}

// blackoutLines leaves out ids, because new ones are not known before.
func blackoutLines(blackouts []alertatest.Blackout) []string {
	lines := []string{}
	for _, b := range blackouts {
		lines = append(lines, blackoutLine(b.Environment, b.Tags[0], b.Text, ended(b)))
	}
	slices.Sort(lines)
	return lines
}

func blackoutLine(environment, tag, text string, ended bool) string {
	return fmt.Sprintf("%s %s %q %v", environment, tag, text, ended)
}

func ended(b alertatest.Blackout) bool {
	return b.EndTime <= time.Now().UTC().Format(alertatest.TimeFormat)
}

// expected returns what a task has to leave of what there is.
func (w *walk) expected(before alertatest.Contents, o task) expectation {
	var e expectation
	stacks, _ := o["stack"].([]string)
	tagged := func(tags []string) bool {
		return slices.ContainsFunc(stacks, func(stack string) bool { return slices.Contains(tags, "stack="+stack) })
	}
	allows := func(option, value string) bool {
		list, given := o[option].([]string)
		return !given || slices.Contains(list, value)
	}
	old := func(a alertatest.Alert) bool {
		text, given := o["older_than"].(string)
		if !given {
			return true
		}
		limit, err := time.ParseDuration(text)
		require.NoError(w.lab.T, err)
		received, err := time.Parse(alertatest.TimeFormat, a.LastReceived)
		require.NoError(w.lab.T, err)
		return time.Since(received) > limit
	}
	var alerts []alertatest.Alert
	for _, a := range before.Alerts {
		if tagged(a.Tags) && allows("environment", a.Environment) && allows("severity", a.Severity) && allows("status", a.Status) &&
			allows("event", a.Event) && old(a) {
			to := map[string]map[string]string{
				"close":  {"open": "closed", "ack": "closed", "shelved": "closed"},
				"ack":    {"open": "ack"},
				"shelve": {"open": "shelved", "ack": "shelved"},
			}[fmt.Sprint(o["action"])][a.Status]
			if o["action"] == "delete" {
				e.deleted++
				continue
			}
			if to != "" {
				a.Status = to
				e.updated++
			}
		}
		alerts = append(alerts, a)
	}
	e.alerts = alertLines(alerts)

	var beats []alertatest.Heartbeat
	for _, h := range before.Heartbeats {
		environment, told := h.Attributes["environment"].(string)
		if o["heartbeats"] == true && tagged(h.Tags) && (!told || allows("environment", environment)) {
			e.deleted++
			continue
		}
		beats = append(beats, h)
	}
	e.heartbeats = heartbeatLines(beats)

	const own = "cleared by alerta_housekeeping"
	e.blackouts = []string{}
	there := map[string]bool{}
	for _, b := range before.Blackouts {
		meant := o["blackout"] != nil && tagged(b.Tags) && allows("environment", b.Environment)
		line := blackoutLine(b.Environment, b.Tags[0], b.Text, ended(b))
		mine := meant && !ended(b) && b.Text == own
		if meant && ended(b) || mine && (o["blackout"] == "absent" || there[line]) {
			e.deleted++
			continue
		}
		there[line] = there[line] || mine
		e.blackouts = append(e.blackouts, line)
		if mine {
			end, err := time.Parse(alertatest.TimeFormat, b.EndTime)
			require.NoError(w.lab.T, err)
			if left := time.Until(end); left < 30*time.Minute || left > 62*time.Minute {
				e.updated++
			}
		}
	}
	if o["blackout"] == "present" {
		environments, _ := o["environment"].([]string)
		for _, environment := range environments {
			for _, stack := range stacks {
				if line := blackoutLine(environment, "stack="+stack, own, false); !there[line] {
					e.created++
					e.blackouts = append(e.blackouts, line)
				}
			}
		}
	}
	slices.Sort(e.blackouts)
	return e
}
