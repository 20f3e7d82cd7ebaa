// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
	"github.com/stackwatch/ansible-monitoring/pkg/window"
)

// TestMaintenanceWalk holds pingdom_maintenance while deployments open and end windows, others make, change and end some by hand, checks come
// to stacks and leave them, two runs begin at once on one controller and on two, and time passes. Lists lag. After each step
//
//   - check mode has foretold what the run did,
//   - the run opened, changed and ended the windows that are the task's own by what the documentation says, and no other,
//   - present has left a window over what is selected, and absent none that covers exactly that, and
//   - a second run changes nothing.
func TestMaintenanceWalk(t *testing.T) {
	t.Parallel()
	resourcetest.Walks(t, func(t *testing.T, random *rand.Rand) {
		t.Helper()
		w := newWindowWalk(t, random)
		for range resourcetest.WalkSteps {
			w.step()
		}
		for _, what := range []string{"created", "updated", "deleted", "unchanged", "failed", "several ended"} {
			assert.NotZero(t, w.seen[what], "the walk has not met: %s", what)
		}
		t.Logf("what happened: %v", w.seen)
	})
}

// windowWalk is a walk under way.
type windowWalk struct {
	*dock
	random  *rand.Rand
	other   *resourcetest.Lab // the same module on another controller
	last    windowTask
	made    int // checks, by name
	history []string
	seen    map[string]int // how often there was what
}

// windowTask is one window of a task.
type windowTask struct {
	description, stack string
	checks             []any     // names; nil for the whole stack
	start              time.Time // zero: now
	duration           time.Duration
	absent             bool
}

func newWindowWalk(t testing.TB, random *rand.Rand) *windowWalk {
	t.Helper()
	w := &windowWalk{dock: startDock(t, emulator.Options{ListLag: random.IntN(3)}, 0, nil), random: random, seen: map[string]int{}}
	other := *w.Lab
	other.StateDir = t.TempDir()
	w.other = &other
	// Each stack keeps a check of its own.
	shop, blog := w.watch("shop/cart", "shop/search"), w.watch("blog/frontend", "blog/feed")
	const forever = 1_000_000
	recurs := func(w *vendor.Window) { w.RecurrenceType, w.RepeatEvery, w.EffectiveTo = "week", 1, w.To+forever*60 }
	for _, description := range walkDescriptions() {
		w.window(description, -5, forever, shop, recurs)
		w.window(description, -5, forever, w.watch("lone "+description))
		w.window(description, forever-1, forever, shop, func(w *vendor.Window) { w.TMSIDs = []int{4711} })
		w.window(description, -60, -30, blog)
		w.window(strings.ToLower(description), -5, forever, shop)
	}
	w.last = w.drawTask()
	return w
}

func walkDescriptions() []string { return []string{"Deployment", "Upgrade"} }

func (w *windowWalk) coin() bool { return w.random.IntN(2) == 0 }

func pick[T any](random *rand.Rand, list ...T) T { return list[random.IntN(len(list))] }

// drawTask draws a window that shall be open.
func (w *windowWalk) drawTask() windowTask {
	task := windowTask{
		description: pick(w.random, walkDescriptions()...), stack: pick(w.random, "shop", "blog"),
		duration: pick(w.random, 10*time.Minute, 30*time.Minute, time.Hour, 3*time.Hour),
	}
	if w.random.IntN(6) == 0 {
		task.start = w.Clock.Now().Add(time.Duration(w.random.IntN(300)) * time.Minute).Truncate(time.Second)
	}
	if w.random.IntN(5) == 0 {
		members := w.members(task.stack)
		for _, i := range w.random.Perm(len(members))[:1+w.random.IntN(len(members))] {
			task.checks = append(task.checks, members[i].Name)
		}
	}
	return task
}

// members returns the checks of a stack.
func (w *windowWalk) members(stack string) []vendor.Check {
	return slices.DeleteFunc(w.Checks(), func(c vendor.Check) bool { return !inWalkStack(c, stack) })
}

func inWalkStack(c vendor.Check, stack string) bool { return slices.Contains(c.Tags, "stack-"+stack) }

// selected returns the ids of what a task selects.
func (w *windowWalk) selected(task windowTask) []int {
	var chosen []int
	for _, c := range w.members(task.stack) {
		if task.checks == nil || slices.Contains(task.checks, any(c.Name)) {
			chosen = append(chosen, c.ID)
		}
	}
	return chosen
}

// options are those of a task, without a rate limit.
func (t windowTask) options() options {
	o := options{"api_rate_limit": 0, "description": t.description, "stack": t.stack, "duration": fmt.Sprintf("%ds", int(t.duration.Seconds()))}
	if t.checks != nil {
		o["checks"] = t.checks
	}
	if !t.start.IsZero() {
		o["start"] = t.start.Unix()
	}
	if t.absent {
		o["state"] = "absent"
	}
	return o
}

func (t windowTask) schedule() window.Schedule {
	return window.Schedule{Start: t.start, Duration: t.duration}
}

func spanOf(w vendor.Window) window.Span {
	return window.Span{From: time.Unix(w.From, 0), To: time.Unix(w.To, 0)}
}

// step lets something happen and runs tasks.
func (w *windowWalk) step() {
	w.T.Helper()
	event, run := w.draw()
	w.history = append(w.history, fmt.Sprintf("%d: %s: %s", len(w.history)+1, w.Clock.Now().Format("02 15:04:05"), event))
	run()
	if w.T.Failed() {
		for _, o := range w.Windows() {
			w.T.Logf("window %d %q %s to %s %v %v", o.ID, o.Description, spanOf(o).From.UTC().Format("02 15:04:05"), spanOf(o).To.UTC().Format("02 15:04:05"),
				o.UptimeIDs, o.TMSIDs)
		}
		for _, c := range w.Checks() {
			w.T.Logf("check %d %s %v", c.ID, c.Name, c.Tags)
		}
		w.T.Fatalf("the walk went wrong at step %d:\n%s", len(w.history), strings.Join(w.history[max(0, len(w.history)-12):], "\n"))
	}
}

// draw lets one event happen and says what it was, and what is to be run then.
func (w *windowWalk) draw() (event string, run func()) {
	one := func(event string) (string, func()) {
		return event + ", then " + w.last.String(), func() { w.converge(w.last) }
	}
	switch at := w.random.IntN(100); {
	case at < 16:
		w.last = w.drawTask()
		return one("a window is opened")
	case at < 22:
		w.last.absent = false
		return one("opened again")
	case at < 40:
		w.last.absent = true
		if w.coin() {
			w.last.start, w.last.checks = time.Time{}, nil
		}
		return one("ended")
	case at < 48:
		tasks := w.several()
		return fmt.Sprintf("several windows: %v", tasks), func() { w.converge(tasks...) }
	case at < 58:
		if w.coin() {
			w.last = w.drawTask()
		} else {
			w.last.absent = w.coin()
		}
		return "two runs at once, " + w.last.String(), func() { w.convergeTogether(w.last) }
	case at < 64:
		w.last = w.drawTask()
		return "on two controllers, " + w.last.String(), func() { w.convergeOnTwo(w.last) }
	case at < 74:
		return one(w.windowByHand())
	case at < 80:
		return one(w.changeByHand())
	case at < 90:
		return one(w.changeChecks())
	case at < 92:
		w.ClearFaults()
		w.Inject(emulator.On(http.MethodPost, "/maintenance", 1, emulator.Fault{Kind: emulator.DropAfter}))
		return one("the answer to the next creation is lost")
	default:
		d := time.Duration(w.random.IntN(90*60)) * time.Second
		w.drain() // a list does not lag for that long
		w.pass(d)
		if s := w.last.start; !s.IsZero() && !s.Add(w.last.duration).After(w.now()) {
			w.last.start = time.Time{}
		}
		return one(d.String() + " later")
	}
}

func (t windowTask) String() string {
	text := fmt.Sprintf("%s of %s %v for %s", t.description, t.stack, t.checks, t.duration)
	if !t.start.IsZero() {
		text += " at " + t.start.Format("02 15:04:05")
	}
	if t.absent {
		return "absent " + text
	}
	return "present " + text
}

// several draws windows for one task, all to be opened or all to be ended.
func (w *windowWalk) several() []windowTask {
	var tasks []windowTask
	absent := w.coin()
	for _, description := range walkDescriptions() {
		for _, stack := range []string{"shop", "blog"} {
			if shared := false; w.coin() {
				task := windowTask{description: description, stack: stack, duration: time.Hour, absent: absent}
				// What covers nothing can be both stacks' own. A task that declares both is refused: it would be declared twice.
				for _, o := range w.own(task) {
					shared = shared || len(o.UptimeIDs) == 0 && slices.ContainsFunc(tasks, func(t windowTask) bool {
						return slices.ContainsFunc(w.own(t), func(other vendor.Window) bool { return other.ID == o.ID })
					})
				}
				if !shared {
					tasks = append(tasks, task)
				}
			}
		}
	}
	if tasks == nil {
		return []windowTask{w.last}
	}
	return tasks
}

// windowByHand makes a window that a task may take for its own, or may not. The list shows it at once, so it shows the others before: of a
// window of its own that is hidden yet, and one that is not, a task takes the one that it sees.
func (w *windowWalk) windowByHand() string {
	w.drain()
	from := float64(pick(w.random, -20, -1, 0, 5, 100))
	to := max(from, 0) + float64(pick(w.random, 1, 20, 60, 200))
	task := w.last
	switch w.random.IntN(6) {
	case 0: // a part
		task.checks = []any{pick(w.random, w.members(task.stack)...).Name}
		return "made by hand over a part: " + w.window(task.description, from, to, w.selected(task))
	case 1: // another's
		return "made by hand over a part and others: " + w.window(task.description, from, to, append(w.selected(task), w.watch("lone too")...))
	case 2:
		return "made by hand over nothing: " + w.window(task.description, from, to, nil)
	default:
		return "made by hand: " + w.window(task.description, from, to, w.selected(task))
	}
}

// changeByHand changes or ends one of the windows that are not over. As to the list see windowByHand.
func (w *windowWalk) changeByHand() string {
	w.drain()
	now := w.Clock.Now().Unix()
	open := slices.DeleteFunc(w.Windows(), func(o vendor.Window) bool {
		return o.To <= now || o.To > now+86_400*60 || o.RecurrenceType != "none"
	})
	if len(open) == 0 {
		return "nothing, no window is open"
	}
	o := pick(w.random, open...)
	switch w.random.IntN(5) {
	case 0:
		require.NoError(w.T, w.RemoveWindow(o.ID))
		return fmt.Sprintf("deleted by hand: %d", o.ID)
	case 1:
		require.NoError(w.T, w.ChangeWindow(o.ID, func(o *vendor.Window) { o.To += 45 * 60 }))
		return fmt.Sprintf("prolonged by hand: %d", o.ID)
	case 2:
		require.NoError(w.T, w.ChangeWindow(o.ID, func(o *vendor.Window) { o.UptimeIDs = o.UptimeIDs[:len(o.UptimeIDs)/2] }))
		return fmt.Sprintf("checks taken out by hand: %d", o.ID)
	default:
		require.NoError(w.T, w.ChangeWindow(o.ID, func(o *vendor.Window) { o.From, o.To = min(o.From, now-1), now }))
		return fmt.Sprintf("ended by hand: %d", o.ID)
	}
}

// changeChecks adds a check to a stack, by the module or by hand, deletes one, or lets one move or join another stack.
func (w *windowWalk) changeChecks() string {
	stack := pick(w.random, "shop", "blog")
	movable := slices.DeleteFunc(w.members(stack), func(c vendor.Check) bool { return c.Name == "cart" || c.Name == "frontend" })
	kind := w.random.IntN(6)
	if kind < 2 || len(movable) == 0 {
		w.made++
		name := fmt.Sprintf("check%d", w.made)
		if kind == 0 {
			w.watch(stack + "/" + name)
			return "a check is made by hand: " + stack + "/" + name
		}
		w.checks().OK(site(name).With(options{"stack": stack, "api_rate_limit": 0}))
		return "a check is made: " + stack + "/" + name
	}
	c := pick(w.random, movable...)
	retag := func(stacks ...string) {
		require.NoError(w.T, w.Change(c.ID, func(c *vendor.Check) {
			c.Tags = []string{"managed_by-stackwatch"}
			for _, stack := range stacks {
				c.Tags = append(c.Tags, "stack-"+stack)
			}
		}))
	}
	switch kind {
	case 2, 3:
		require.NoError(w.T, w.Remove(c.ID))
		return "a check is deleted: " + c.Name
	case 4:
		retag(map[string]string{"shop": "blog", "blog": "shop"}[stack])
		return "a check leaves " + stack + ": " + c.Name
	default:
		retag("shop", "blog")
		return "a check is in both stacks: " + c.Name
	}
}

// expectation is what a task is to do.
type expectation struct {
	windowTask
	wanted []int
	action string
	ids    []int  // the windows that it is about
	error  string // a part of the error of one that fails
}

// own returns the windows that are a task's own by their description and their checks.
func (w *windowWalk) own(task windowTask) []vendor.Window {
	wanted, now := w.selected(task), w.now()
	only := func(id int) bool {
		c, there := w.Check(id)
		return there && inWalkStack(c, task.stack) && !(inWalkStack(c, "shop") && inWalkStack(c, "blog"))
	}
	var some, none []vendor.Window
	for _, o := range w.Windows() {
		switch {
		case o.Description != task.description || o.RecurrenceType != "none" || len(o.TMSIDs) > 0 || spanOf(o).Over(now):
		case len(o.UptimeIDs) == 0:
			none = append(none, o)
		case !containsAll(wanted, o.UptimeIDs):
		case sameIDs(wanted, o.UptimeIDs) || slices.ContainsFunc(o.UptimeIDs, only):
			some = append(some, o)
		}
	}
	if len(some) > 0 {
		return some
	}
	return none
}

func containsAll(all, some []int) bool {
	return !slices.ContainsFunc(some, func(id int) bool { return !slices.Contains(all, id) })
}

func sameIDs(a, b []int) bool { return containsAll(a, b) && containsAll(b, a) }

// expect says what a task is to do.
func (w *windowWalk) expect(task windowTask) expectation {
	e := expectation{windowTask: task, wanted: w.selected(task)}
	now, own := w.now(), w.own(task)
	if missing := slices.ContainsFunc(task.checks, func(name any) bool {
		return !slices.ContainsFunc(w.members(task.stack), func(c vendor.Check) bool { return c.Name == name })
	}); missing && !task.absent {
		e.action, e.error = "failed", "value of checks must be names or ids of checks in the stack"
		return e
	}
	begun := func(o vendor.Window) bool { return spanOf(o).Begun(now) }
	meant := filter(own, func(o vendor.Window) bool { return task.schedule().Means(spanOf(o), now) })
	if task.absent {
		meant = filter(own, func(o vendor.Window) bool { return task.schedule().MeansGone(spanOf(o), now) })
		if task.start.IsZero() {
			if meant = filter(own, begun); len(meant) == 0 {
				meant = own
			} else if lasting := filter(meant, func(o vendor.Window) bool { return spanOf(o).Lasting(now) }); len(lasting) > 0 {
				meant = lasting
			}
		}
	}
	if exact := filter(meant, func(o vendor.Window) bool { return sameIDs(o.UptimeIDs, e.wanted) }); len(exact) > 0 {
		meant = exact
	}
	slices.SortFunc(meant, func(a, b vendor.Window) int { return a.ID - b.ID })
	for _, o := range meant {
		if !sameIDs(meant[0].UptimeIDs, o.UptimeIDs) || !spanOf(o).Overlaps(spanOf(meant[0])) {
			e.action, e.error = "failed", "more than one match"
			return e
		}
		e.ids = append(e.ids, o.ID)
	}
	switch {
	case task.absent && len(meant) > 0:
		e.action = "deleted"
	case task.absent:
		e.action = "unchanged"
		for _, o := range w.Windows() {
			timely := begun(o)
			if !task.start.IsZero() {
				timely = task.schedule().MeansGone(spanOf(o), now)
			}
			covers := slices.ContainsFunc(o.UptimeIDs, func(id int) bool { return slices.Contains(e.wanted, id) })
			if o.Description == task.description && o.RecurrenceType == "none" && !spanOf(o).Over(now) && timely && covers {
				e.action, e.error = "failed", "keeps alerts off"
			}
		}
	case len(meant) == 0:
		e.action = "created"
	default:
		e.ids = e.ids[:1]
	}
	return e
}

// converge runs a task for some windows, in check mode first, and judges it.
func (w *windowWalk) converge(tasks ...windowTask) {
	w.T.Helper()
	expected, before := w.expectAll(tasks), w.Windows()
	o := taskOf(tasks)
	predicted, done := w.told(w.DryRun(o)), w.told(w.Run(o))
	assert.Equal(w.T, predicted.foretold(), done.foretold(), "check mode foretold something else: %s", predicted.Raw)
	assert.Equal(w.T, predicted.Failed, done.Failed)
	w.judge(expected, before, done)
	w.settle(tasks, done)
}

// convergeTogether runs a task twice at once.
func (w *windowWalk) convergeTogether(task windowTask) {
	w.T.Helper()
	expected, before := w.expectAll([]windowTask{task}), w.Windows()
	answers := w.Together(task.options(), task.options())
	created := 0
	for _, a := range answers {
		created += a.Summary["created"]
		if expected[0].action != "deleted" { // what is left then may be told as an error
			assert.Equal(w.T, expected[0].action == "failed", a.Failed, a.Msg)
		}
	}
	if expected[0].action == "created" {
		assert.Equal(w.T, 1, created, "one of two runs creates the window")
	}
	done := w.told(answers[0])
	if created > 0 && answers[0].Summary["created"] == 0 || answers[0].Summary["deleted"] < answers[1].Summary["deleted"] {
		done = w.told(answers[1])
	}
	if expected[0].action != "deleted" { // of which each run may have ended some
		w.judge(expected, before, done)
	}
	w.settle([]windowTask{task}, done)
}

// convergeOnTwo runs a task on one controller and then on another one, which may not see yet what the first has done.
func (w *windowWalk) convergeOnTwo(task windowTask) {
	w.T.Helper()
	w.drain()
	first := w.expect(task)
	before := w.Windows()
	w.judge([]expectation{first}, before, w.told(w.Run(task.options())))
	before = w.Windows()
	expected := w.expect(task)
	a := w.other.Run(task.options())
	assert.Equal(w.T, expected.action == "failed", a.Failed, a.Msg)
	if after := w.Windows(); a.Summary["created"] > 0 {
		require.Len(w.T, after, len(before)+1)
		assert.True(w.T, sameIDs(after[len(before)].UptimeIDs, w.selected(task)))
		assert.Equal(w.T, before, after[:len(before)])
		w.seen["twins"]++
	}
	w.drain()
	w.converge(task)
}

// drain asks for lists until they show everything.
func (w *windowWalk) drain() {
	w.T.Helper()
	for range 3 {
		for _, path := range []string{"/maintenance", "/checks"} {
			request := httptest.NewRequestWithContext(w.T.Context(), http.MethodGet, vendor.BasePath+path, http.NoBody)
			request.Header.Set("Authorization", "Bearer "+token)
			answer := httptest.NewRecorder()
			w.ServeHTTP(answer, request)
			require.Equal(w.T, http.StatusOK, answer.Code, answer.Body)
		}
	}
}

func taskOf(tasks []windowTask) options {
	if len(tasks) == 1 {
		return tasks[0].options()
	}
	var list []options
	for _, task := range tasks {
		o := task.options()
		delete(o, "api_rate_limit")
		list = append(list, o)
	}
	return options{"api_rate_limit": 0, "windows": list}
}

func (w *windowWalk) expectAll(tasks []windowTask) []expectation {
	var all []expectation
	for _, task := range tasks {
		all = append(all, w.expect(task))
	}
	return all
}

func (w *windowWalk) told(a answer) windowsAnswer {
	w.T.Helper()
	told := windowsAnswer{answer: a}
	require.NoError(w.T, json.Unmarshal([]byte(a.Raw), &told))
	assert.Empty(w.T, a.Warnings)
	return told
}

// foretold returns what check mode can tell of each window.
func (a windowsAnswer) foretold() []string {
	var texts []string
	for i, o := range a.Windows {
		id := value(o.ID)
		if o.Action == "created" {
			id = ""
		}
		texts = append(texts, fmt.Sprintf("%s %s %s %s to %s %v %v %s", value(o.Description), id, o.Action, value(o.Start), value(o.End), o.Checks, o.Changes,
			a.Objects[i].Error))
	}
	return texts
}

// judge compares what a task has done with what it was to do.
func (w *windowWalk) judge(expected []expectation, before []vendor.Window, done windowsAnswer) {
	w.T.Helper()
	require.Len(w.T, done.Windows, len(expected), done.Raw)
	mine := map[int]bool{}
	for i, e := range expected {
		told := done.Windows[i]
		w.seen[told.Action]++
		switch {
		case e.error != "":
			assert.Equal(w.T, "failed", told.Action, "%s: %s", e, done.Raw)
			assert.Contains(w.T, done.Objects[i].Error, e.error)
			continue
		case e.action != "":
			require.Equal(w.T, e.action, told.Action, "%s: %s", e, done.Raw)
		default:
			require.Contains(w.T, []string{"updated", "unchanged"}, told.Action, "%s: %s", e, done.Raw)
		}
		if e.absent {
			w.judgeAbsent(e, told.ID)
		} else {
			w.judgePresent(e, value(told.ID))
		}
		for _, id := range e.ids {
			mine[id] = true
		}
	}
	created := 0
	for _, e := range expected {
		if e.action == "created" {
			created++
		}
	}
	after := w.Windows()
	byID := map[int]vendor.Window{}
	for _, o := range after {
		byID[o.ID] = o
	}
	for _, o := range before {
		if !mine[o.ID] {
			assert.Equal(w.T, o, byID[o.ID], "a window that is none of the task's")
		}
		delete(byID, o.ID)
	}
	assert.Len(w.T, byID, created, "new windows")
}

// judgePresent demands a window over what is selected, at the time that is asked for.
func (w *windowWalk) judgePresent(e expectation, id string) {
	w.T.Helper()
	o, times, there := w.stored(id)
	require.True(w.T, there, "%s: no window %s", e, id)
	if len(e.ids) == 1 {
		assert.Equal(w.T, strconv.Itoa(e.ids[0]), id)
	}
	assert.Equal(w.T, e.description, o.Description)
	assert.True(w.T, sameIDs(e.wanted, o.UptimeIDs), "%s: covers %v instead of %v", e, o.UptimeIDs, e.wanted)
	if e.start.IsZero() {
		assert.LessOrEqual(w.T, times[0], 1.0, "has begun or begins in a moment")
		assert.GreaterOrEqual(w.T, times[1], e.duration.Minutes()/2-0.1)
		assert.LessOrEqual(w.T, times[1], e.duration.Minutes()+2.1)
		return
	}
	assert.WithinDuration(w.T, e.start.Add(e.duration), time.Unix(o.To, 0), time.Minute)
}

// judgeAbsent demands that none of the windows is open any more, and that the first of them is named.
func (w *windowWalk) judgeAbsent(e expectation, id *string) {
	w.T.Helper()
	for _, id := range e.ids {
		_, times, there := w.stored(strconv.Itoa(id))
		assert.False(w.T, there && times[1] > 0, "%s: window %d is open", e, id)
	}
	if len(e.ids) > 1 {
		w.seen["several ended"]++
	}
	if len(e.ids) > 0 {
		assert.Equal(w.T, strconv.Itoa(e.ids[0]), value(id))
	}
}

// settle runs a task once more, which must change nothing. Where the documentation says that a second run does something, as where a window of
// others keeps alerts off, one is to come, ends by itself, or
// covers less or nothing, which counts only where there is no other, it is not run. After a task that failed, a person ends the windows that its error names.
func (w *windowWalk) settle(tasks []windowTask, done windowsAnswer) {
	w.T.Helper()
	settled := true
	for _, task := range tasks {
		if !done.Failed {
			again := w.expect(task)
			if again.action == "deleted" {
				now := w.now()
				assert.True(w.T, task.start.IsZero(), "%s: left open", task)
				assert.False(w.T, slices.ContainsFunc(w.own(task), func(o vendor.Window) bool {
					return spanOf(o).Lasting(now) && spanOf(o).Begun(now) && sameIDs(o.UptimeIDs, again.wanted)
				}),
					"%s: left open", task)
			}
			settled = settled && again.action != "deleted" && again.action != "failed"
			continue
		}
		for _, o := range w.Windows() {
			if o.Description == task.description && o.RecurrenceType == "none" && !spanOf(o).Over(w.now()) && strings.Contains(done.Msg, strconv.Itoa(o.ID)) {
				a := w.Run(options{"api_rate_limit": 0, "id": strconv.Itoa(o.ID), "state": "absent"})
				assert.Equal(w.T, 1, a.Summary["deleted"], a.Raw)
			}
		}
	}
	if !done.Failed && settled {
		w.Settled(taskOf(tasks))
	}
}

// now is the time in whole seconds.
func (w *windowWalk) now() time.Time { return w.Clock.Now().UTC().Truncate(time.Second) }
