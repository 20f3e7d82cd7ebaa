// SPDX-License-Identifier: GPL-3.0-or-later

package resourcetest

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// WalkSeedVariable holds the seed of a single walk to run in place of the fixed ones.
const WalkSeedVariable = "STACKWATCH_WALK_SEED"

// WalkSteps is the length of a walk.
const WalkSteps = 300

// Walker is an account, and a controller that runs a module against it, for RandomWalk. A vendor fills it in from its own lab: the tasks
// that declare objects, a look at the account without the module, and the changes that a person makes to it.
//
// Objects come in two variants, plain and edited, which differ in a field that tasks set. A declaration maps the names of the declared
// objects to whether they are edited. What is in the account when the walk begins is foreign: no task may touch it.
type Walker struct {
	*Lab
	Names []string // what a task can declare: 8 names or more, none of which is in the account
	Stack string   // the stack of the tasks

	// Tasks returns the tasks that bring a declaration about and remove all other objects of the stack, to be run one after the other.
	// The walk sets purge_limit in those with purge: true that have none, to just what must go.
	Tasks func(declared map[string]bool) []Options
	// Want returns the objects that the tasks for a declaration bring about, and whether they are edited, by name. nil: those declared.
	Want func(declared map[string]bool) map[string]bool
	// Held returns everything in the account, foreign objects with a State in which a change shows.
	Held func() []Held
	// Key returns the name in Held of an object of an answer. nil: its name.
	Key func(Object) string

	Delete func(Held)                     // deletes an object by hand; what hangs from it may go along
	Edit   func(o Held, edited bool)      // edits an object by hand
	Make   func(name string, edited bool) // makes an object by hand, in no stack, which a task that declares it takes over; nil: never
	Events []Event                        // what else happens, such as a restart of the server
	Edited string                         // the action by which a task edits an object; "" is updated
}

// Event is something that happens between two runs.
type Event struct {
	Name   string
	Weight int // how often it is drawn: 1 is about three times in a walk
	Do     func()
}

// RandomWalk runs tasks in an account where anything may happen between two runs: another declaration, more objects or fewer, objects that
// are deleted, edited or made by hand, time that passes, two runs at once, and the events of the vendor's own. After each of 300 steps
//
//   - check mode has changed nothing, and foretold each action and each change of the run,
//   - the run did what the difference between account and declaration takes, and nothing else,
//   - each declared object is there once, foreign objects are what they were, and
//   - a second run changes nothing and writes nothing.
//
// open makes a new account for each walk. There are three walks from fixed seeds, one with -short; WalkSeedVariable gives another seed. A
// failed walk names its seed and what happened in its last steps.
func RandomWalk(t *testing.T, open func(t testing.TB, random *rand.Rand) Walker) {
	t.Helper()
	Walks(t, func(t *testing.T, random *rand.Rand) {
		t.Helper()
		w := &walk{Walker: open(t, random), random: random, declared: map[string]bool{}}
		w.foreign = w.Held()
		w.declare()
		w.converge()
		for range WalkSteps {
			w.step(w.draw())
		}
	})
}

// Walks runs a walk from each of the seeds that RandomWalk has, for a module whose walk is of its own kind.
func Walks(t *testing.T, walk func(t *testing.T, random *rand.Rand)) {
	t.Helper()
	seeds := []uint64{1, 2, 3}
	if testing.Short() {
		seeds = seeds[:1]
	}
	if text, given := os.LookupEnv(WalkSeedVariable); given {
		seed, err := strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, WalkSeedVariable)
		seeds = []uint64{seed}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			t.Logf("%s=%d repeats this walk", WalkSeedVariable, seed)
			walk(t, rand.New(rand.NewPCG(seed, 0)))
		})
	}
}

// walk is a walk under way.
type walk struct {
	Walker
	random   *rand.Rand
	foreign  []Held
	declared map[string]bool
	history  []string
}

// step lets one event happen, runs the tasks and judges them. It ends the test where anything is wrong.
func (w *walk) step(event string, together bool) {
	w.T.Helper()
	w.account.ResetCalls()
	w.history = append(w.history, fmt.Sprintf("%d: %s; declared: %s", len(w.history)+1, event, names(w.declared)))
	if together {
		w.convergeTogether()
	} else {
		w.converge()
	}
	if w.T.Failed() {
		w.T.Fatalf("the walk went wrong at step %d:\n%s", len(w.history), strings.Join(w.history[max(0, len(w.history)-8):], "\n"))
	}
}

// names lists names, those of edited objects with a star.
func names(declared map[string]bool) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		if declared[name] {
			name += "*"
		}
		list = append(list, name)
	}
	return strings.Join(list, " ")
}

// draw lets one event happen and says what it was, and whether two runs follow at once.
func (w *walk) draw() (event string, together bool) {
	own := []struct {
		weight int
		do     func() string
	}{
		{10, w.declare}, {10, w.declareFewer}, {10, w.declareMore}, {10, w.declareOther}, {15, w.deleteByHand}, {10, w.editByHand}, {5, w.makeByHand},
		{5, w.later}, {5, func() string { return "nothing" }},
		{10, func() string { together = true; return "two runs at once, " + w.declare() }},
	}
	total := 0
	for _, e := range own {
		total += e.weight
	}
	mine := total
	for _, e := range w.Events {
		total += e.Weight
	}
	at := w.random.IntN(total)
	if at >= mine {
		at -= mine
		for _, e := range w.Events {
			if at < e.Weight {
				e.Do()
				return e.Name, false
			}
			at -= e.Weight
		}
	}
	for _, e := range own {
		if at < e.weight {
			return e.do(), together
		}
		at -= e.weight
	}
	panic("unreachable")
}

// declare declares any objects, at least one: a purge that keeps nothing is refused.
func (w *walk) declare() string {
	clear(w.declared)
	for _, i := range w.random.Perm(len(w.Names))[:1+w.random.IntN(len(w.Names))] {
		w.declared[w.Names[i]] = w.coin()
	}
	return "another declaration"
}

func (w *walk) declareFewer() string {
	keep := 1 + w.random.IntN(len(w.declared))
	for i, name := range w.shuffled(maps.Keys(w.declared)) {
		if i >= keep {
			delete(w.declared, name)
		}
	}
	return "fewer are declared"
}

func (w *walk) declareMore() string {
	for _, i := range w.random.Perm(len(w.Names)) {
		if _, declared := w.declared[w.Names[i]]; !declared {
			w.declared[w.Names[i]] = w.coin()
			return w.Names[i] + " is declared too"
		}
	}
	return "nothing, all are declared"
}

func (w *walk) declareOther() string {
	name := w.shuffled(maps.Keys(w.declared))[0]
	w.declared[name] = !w.declared[name]
	return name + " is declared otherwise"
}

func (w *walk) deleteByHand() string {
	mine := w.mine()
	if len(mine) == 0 {
		return "nothing, none is there to delete"
	}
	var gone []string
	for _, i := range w.random.Perm(len(mine))[:1+w.random.IntN(len(mine))] {
		if still := w.mine(); !slices.ContainsFunc(still, func(o Held) bool { return o.ID == mine[i].ID }) {
			continue // it went along with another one
		}
		w.Walker.Delete(mine[i])
		gone = append(gone, mine[i].Name)
	}
	return "deleted by hand: " + strings.Join(gone, " ")
}

func (w *walk) editByHand() string {
	mine := w.mine()
	if len(mine) == 0 {
		return "nothing, none is there to edit"
	}
	o := mine[w.random.IntN(len(mine))]
	w.Walker.Edit(o, !o.Edited)
	return "edited by hand: " + o.Name
}

func (w *walk) makeByHand() string {
	if w.Make == nil {
		return "nothing, none is made by hand"
	}
	all := map[string]bool{}
	for _, name := range w.Names {
		all[name] = false
	}
	if w.Want != nil {
		all = w.Want(all)
	}
	for _, o := range w.mine() {
		delete(all, o.Name)
	}
	if len(all) == 0 {
		return "nothing, all are there"
	}
	name := w.shuffled(maps.Keys(all))[0]
	w.Make(name, w.coin())
	return "made by hand: " + name
}

// later lets time pass, by which what was created moments ago is so no more.
func (w *walk) later() string {
	d := time.Duration(1+w.random.IntN(30)) * time.Minute
	require.NoError(w.T, w.Clock.Sleep(w.T.Context(), d))
	return d.String() + " later"
}

func (w *walk) coin() bool { return w.random.IntN(2) == 0 }

// shuffled returns names in a random order that depends on the seed alone.
func (w *walk) shuffled(of iter.Seq[string]) []string {
	list := slices.Sorted(of)
	w.random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// mine returns what is in the account and not foreign, sorted by name.
func (w *walk) mine() []Held { return w.ours(w.Held()) }

// ours returns what of all objects is not foreign, sorted by name.
func (w *walk) ours(held []Held) []Held {
	mine := slices.DeleteFunc(slices.Clone(held), w.isForeign)
	slices.SortFunc(mine, func(a, b Held) int { return strings.Compare(a.Name+"\x00"+a.ID, b.Name+"\x00"+b.ID) })
	return mine
}

func (w *walk) isForeign(o Held) bool {
	return slices.ContainsFunc(w.foreign, func(f Held) bool { return f.ID == o.ID })
}

// want returns what the tasks shall bring about.
func (w *walk) want() map[string]bool {
	if w.Want == nil {
		return w.declared
	}
	return w.Want(w.declared)
}

// expected returns what is to be done where some objects are held, as "name action", sorted, and how many of how many objects of the stack
// are to go.
func (w *walk) expected(held []Held) (actions []string, gone, total int) {
	want, there := w.want(), map[string]bool{}
	for _, o := range w.ours(held) {
		there[o.Name] = true
		edited, declared := want[o.Name]
		switch {
		case o.Stack == w.Stack && !declared:
			actions = append(actions, o.Name+" deleted")
			gone++
		case declared && (edited != o.Edited || o.Stack != w.Stack):
			actions = append(actions, o.Name+" "+cmp.Or(w.Edited, "updated"))
		}
		if o.Stack == w.Stack {
			total++
		}
	}
	for name := range want {
		if !there[name] {
			actions = append(actions, name+" created")
		}
	}
	slices.Sort(actions)
	return actions, gone, total
}

// tasks returns the tasks, of which those that purge may delete just so many objects.
func (w *walk) tasks(gone, total int) []Options {
	tasks := w.Tasks(w.declared)
	limit := strconv.Itoa(gone)
	if total > 0 && w.coin() {
		limit = fmt.Sprintf("%g%%", float64(gone)*100/float64(total))
	}
	for i, task := range tasks {
		if task["purge"] == true && task["purge_limit"] == nil {
			tasks[i] = task.With(Options{"purge_limit": limit})
		}
	}
	return tasks
}

// converge runs the tasks, each in check mode first, and judges what they told and did.
func (w *walk) converge() {
	w.T.Helper()
	held := w.Held()
	expected, gone, total := w.expected(held)
	var did []string
	tasks := w.tasks(gone, total)
	for _, task := range tasks {
		predicted, done := w.DryRun(task), w.OK(task)
		if done.Failed {
			return
		}
		assert.Empty(w.T, done.Warnings)
		assert.Equal(w.T, w.told(predicted), w.told(done), "check mode foretold something else: %s", predicted.Raw)
		assert.Equal(w.T, predicted.Summary, done.Summary)
		did = append(did, w.actions(done)...)
	}
	slices.Sort(did)
	assert.Equal(w.T, expected, did, "what was done")
	w.judge(held, tasks)
}

// convergeTogether runs each of the tasks twice at once.
func (w *walk) convergeTogether() {
	w.T.Helper()
	held := w.Held()
	expected, gone, _ := w.expected(held)
	var did []string
	tasks := w.tasks(gone, 0)
	for _, task := range tasks {
		for _, done := range w.Together(task, task) {
			assert.False(w.T, done.Failed, done.Msg)
			assert.Empty(w.T, done.Warnings)
			did = append(did, w.actions(done)...)
		}
	}
	created := func(actions []string) []string {
		return slices.DeleteFunc(slices.Sorted(slices.Values(actions)), func(a string) bool { return !strings.HasSuffix(a, " created") })
	}
	assert.Equal(w.T, created(expected), created(did), "each object is created by one of two runs")
	for _, action := range did {
		if name, found := strings.CutSuffix(action, " updated"); found && w.Edited != "" {
			action = name + " " + w.Edited // one run has found the old object beside the new one of the other run
		}
		assert.Contains(w.T, expected, action, "what was done: %s", strings.Join(did, ", "))
	}
	w.judge(held, tasks)
}

// bystanders returns what no task may touch, by its id: foreign objects, and those made by hand that are not declared.
func (w *walk) bystanders(held []Held) map[string]Held {
	want, bystanders := w.want(), map[string]Held{}
	for _, o := range held {
		_, declared := want[o.Name]
		if w.isForeign(o) || o.Stack != w.Stack && !declared {
			bystanders[o.ID] = o
		}
	}
	return bystanders
}

// judge looks at the account after the tasks, compares it with what was held before, and runs the tasks once more.
func (w *walk) judge(before []Held, tasks []Options) {
	w.T.Helper()
	held := w.Held()
	bystanders := w.bystanders(held)
	assert.Equal(w.T, w.bystanders(before), bystanders, "what is none of the tasks' business")
	there := map[string]bool{}
	for _, o := range held {
		if _, spared := bystanders[o.ID]; spared {
			continue
		}
		assert.NotContains(w.T, there, o.Name, "there are two of a name")
		assert.Equal(w.T, w.Stack, o.Stack, "the stack of %s", o.Name)
		there[o.Name] = o.Edited
	}
	assert.Equal(w.T, w.want(), there, "what is there in the end")
	for _, task := range tasks {
		w.Settled(task)
	}
}

// told returns what an answer tells of each object, but the id: check mode does not know that of a new one.
func (w *walk) told(a Answer) []string {
	told := make([]string, len(a.Objects))
	for i, o := range a.Objects {
		told[i] = fmt.Sprintf("%s %s %v %s %s", w.key(o), o.Action, o.Changes, o.Reason, o.Error)
	}
	return told
}

// actions returns what an answer tells as done, as "name action".
func (w *walk) actions(a Answer) []string {
	var actions []string
	for _, o := range a.Objects {
		if o.Action != "unchanged" {
			actions = append(actions, w.key(o)+" "+o.Action)
		}
	}
	return actions
}

func (w *walk) key(o Object) string {
	if w.Key != nil {
		return w.Key(o)
	}
	return Text(o.Name)
}
