// SPDX-License-Identifier: GPL-3.0-or-later

package localstate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/internal/memory"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// The model holds the protocol of the package comment: runs that carry out their plans by reconcile.Apply, of which only one makes a step at a
// time, over a service that acts late, lists late, and answers runs that still wait. A step is one operation of the store, one call that is sent,
// one that the service carries out, one sleep. A scheduler chooses which comes next, lets time pass, or kills a run; a run that is not
// chosen for long is one that was stopped.

type (
	thing  = memory.Thing
	object = reconcile.Object[thing]
	found  = reconcile.Found[thing]
	want   = reconcile.Want[thing]
)

const (
	listLag  = 3 * time.Second // until the list shows an object
	latest   = 3 * time.Second // until the service carries out what a killed run has sent
	patience = 2 * askAgain
	longest  = time.Minute // that a run may sleep, all in all
)

// world is one execution.
type world struct {
	now     time.Duration
	choose  func(n int) int
	actors  []*actor
	parked  chan struct{}
	objects []made
	queue   []*request
	next    int
	kills   int  // left
	prompt  bool // time passes only while nobody can make a step: no run is stopped
	lives   map[string]bool
	entries map[string]Entry // of the store in memory
	failure string
	// disturb stops runs and holds up the service for a while; nil for an execution that does so by the order of its steps.
	disturb func()
}

type made struct {
	id, key string
	at      time.Duration
}

// request is a creation on its way.
type request struct {
	key  string
	from *actor
	id   string // when it is carried out

	notBefore time.Duration
}

// actor is a run.
type actor struct {
	*world
	n       int
	name    string
	resume  chan bool // false kills it
	wake    time.Duration
	asleep  bool
	waiting *request // for the answer to it
	over    bool     // it has come to its end, or was killed
	killed  bool
	diedAt  time.Duration
	slept   time.Duration
	stopped time.Duration // until when nobody lets it go on
	steps   int
	history uint64
	ledger  *Ledger
}

// saw adds to what the run knows, which decides what it does next.
func (a *actor) saw(format string, args ...any) {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d ", a.history)
	fmt.Fprintf(h, format, args...)
	a.history = h.Sum64()
}

// yield lets the scheduler decide who goes on.
func (a *actor) yield() {
	if a.killed {
		runtime.Goexit()
	}
	a.steps++
	a.parked <- struct{}{}
	if !<-a.resume {
		a.killed = true
		runtime.Goexit()
	}
}

var errKilled = errors.New("killed")

// ready reports whether the run can make a step.
func (a *actor) ready() bool {
	return !a.over && a.stopped <= a.now && (!a.asleep || a.wake <= a.now) && (a.waiting == nil || a.waiting.id != "")
}

func (a *actor) sleep(_ context.Context, d time.Duration) error {
	a.wake, a.asleep = a.now+d, true
	a.slept += d
	a.yield()
	a.asleep = false
	return nil
}

// clock returns the run's time, which differs from that of the others.
func (a *actor) clock() time.Time {
	return noonUTC().Add(a.now + time.Duration(a.n)*700*time.Millisecond)
}

func noonUTC() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// start lets a run begin.
func (w *world) start(a *actor, do func()) {
	a.resume = make(chan bool)
	go func() {
		defer func() { a.over = true; w.parked <- struct{}{} }()
		if !<-a.resume {
			a.killed = true
			return
		}
		do()
	}()
}

// goOn lets a run continue until its next step, or kills it.
func (w *world) goOn(a *actor, live bool) {
	a.resume <- live
	<-w.parked
}

func (w *world) kill(a *actor) {
	w.goOn(a, false)
	a.diedAt = w.now
	delete(w.lives, a.name)
	if a.ledger != nil {
		a.ledger.store.(interface{ die() }).die()
	}
}

// end kills the runs that are left.
func (w *world) end() {
	for _, a := range w.actors {
		if !a.over {
			w.kill(a)
		}
	}
}

// run makes steps until all is over. It stops where seen reports that the state is known.
func (w *world) run(seen func() bool) {
	defer w.end()
	for steps := 0; ; steps++ {
		if w.disturb != nil {
			w.disturb()
		}
		var choices []func()
		busy := false
		for _, a := range w.actors {
			if a.ready() {
				choices = append(choices, func() { w.goOn(a, true) })
			}
			busy = busy || !a.over
		}
		for i, r := range w.queue {
			if r.notBefore <= w.now || r.from.killed {
				choices = append(choices, func() { w.serve(i) })
			}
		}
		if to, ok := w.tomorrow(); ok && !(w.prompt && len(choices) > 0) {
			choices = append(choices, func() { w.now = to })
		}
		if !busy && len(w.queue) == 0 {
			return
		}
		for _, a := range w.actors {
			if w.kills > 0 && !a.over {
				choices = append(choices, func() { w.kills--; w.kill(a) })
			}
		}
		switch {
		case w.failure != "":
			return
		case len(choices) == 0 || steps > 5000:
			w.fail("nobody can go on")
			return
		case seen != nil && seen():
			return
		}
		choices[w.choose(len(choices))]()
		for _, a := range w.actors {
			if a.slept > longest {
				w.fail("run %d waits for ever", a.n)
			}
		}
	}
}

func (w *world) fail(format string, args ...any) {
	w.failure = cmp.Or(w.failure, fmt.Sprintf(format, args...))
}

// tomorrow is when the next sleeper wakes, or who was stopped goes on, unless the service has to act before.
func (w *world) tomorrow() (to time.Duration, ok bool) {
	event := func(at time.Duration) {
		if at > w.now && (!ok || at < to) {
			to, ok = at, true
		}
	}
	for _, a := range w.actors {
		if !a.over {
			event(a.stopped)
		}
		if !a.over && a.asleep {
			event(a.wake)
		}
	}
	for _, r := range w.queue {
		event(r.notBefore)
	}
	for _, r := range w.queue {
		if r.from.killed && to > r.from.diedAt+latest {
			return 0, false
		}
	}
	return to, ok
}

// serve carries out a creation.
func (w *world) serve(i int) {
	r := w.queue[i]
	w.queue = slices.Delete(slices.Clone(w.queue), i, i+1)
	for _, o := range w.objects {
		if o.key == r.key {
			w.fail("two objects for %s", r.key)
		}
	}
	w.next++
	r.id = strconv.Itoa(w.next)
	w.objects = append(w.objects, made{r.id, r.key, w.now})
}

// state is a digest of all that decides how it goes on.
func (w *world) state() uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, w.now, w.objects, w.next, w.kills)
	for _, r := range w.queue {
		fmt.Fprint(h, r.key, r.from.n)
	}
	for _, key := range slices.Sorted(maps.Keys(w.entries)) {
		fmt.Fprint(h, key, w.entries[key])
	}
	for _, a := range w.actors {
		fmt.Fprint(h, a.steps, a.history, a.wake, a.asleep, a.over, a.killed, a.diedAt, a.waiting != nil && a.waiting.id != "")
	}
	return h.Sum64()
}

// The provider of a run.

func (a *actor) Key(t thing) string { return *t.Name }

func (a *actor) Merge(_ *object, t thing) (thing, error) { return t, nil }

func (a *actor) Observe(_ context.Context, wants []want, _ bool) ([]found, error) {
	a.yield()
	var seen []found
	for _, o := range a.objects {
		asked := slices.ContainsFunc(wants, func(w want) bool { return w.ID == o.id })
		if asked || wants[0].ID == "" && o.at+listLag <= a.now {
			seen = append(seen, object{ID: o.id, State: memory.Named(o.key)}.Found())
		}
	}
	a.saw("observe %v %d", wants[0].ID, len(seen))
	return seen, nil
}

func (a *actor) ReadIDs(_ context.Context, ids []string) (read []object, _ error) {
	a.yield()
	for _, o := range a.objects {
		if slices.Contains(ids, o.id) {
			read = append(read, object{ID: o.id, State: memory.Named(o.key)})
		}
	}
	a.saw("read %v %d", ids, len(read))
	return read, nil
}

func (a *actor) Create(_ context.Context, t thing) (object, error) {
	a.yield()
	a.waiting = &request{key: *t.Name, from: a}
	a.queue = append(slices.Clone(a.queue), a.waiting)
	a.yield()
	id := a.waiting.id
	a.waiting = nil
	a.saw("created %s", id)
	return object{ID: id, State: t}, nil
}

func (a *actor) Update(_ context.Context, have object, _ thing) (object, error) { return have, nil }

func (a *actor) Delete(_ context.Context, have found) error {
	a.yield()
	a.objects = slices.DeleteFunc(slices.Clone(a.objects), func(o made) bool { return o.id == have.ID })
	a.saw("deleted %s", have.ID)
	return nil
}

// stepped is a store whose every operation is a step of a run.
type stepped struct {
	Store
	*actor
}

func (s stepped) step(what string, key string) error {
	if s.killed {
		return errKilled
	}
	s.yield()
	s.saw("%s %s", what, key)
	return nil
}

func (s stepped) Get(ctx context.Context, key string) (e Entry, err error) {
	if err = s.step("get", key); err == nil {
		e, err = s.Store.Get(ctx, key)
		s.saw("%v", e)
	}
	return e, err
}

func (s stepped) Swap(ctx context.Context, key string, old, next Entry) (current Entry, ok bool, err error) {
	s.saw("%v to %v", old, next)
	if err = s.step("swap", key); err == nil {
		current, ok, err = s.Store.Swap(ctx, key, old, next)
		s.saw("%v %t", current, ok)
	}
	return current, ok, err
}

func (s stepped) Recent(ctx context.Context, within time.Duration, groups []string) (ids []string, err error) {
	if err = s.step("recent", ""); err == nil {
		ids, err = s.Store.Recent(ctx, within, groups)
		s.saw("%v", ids)
	}
	return ids, err
}

func (s stepped) Forget(ctx context.Context, ids []string) error {
	if err := s.step("forget", ids[0]); err != nil {
		return err
	}
	return s.Store.Forget(ctx, ids)
}

func (s stepped) Begin(ctx context.Context) (string, error) {
	if err := s.step("begin", ""); err != nil {
		return "", err
	}
	return s.Store.Begin(ctx)
}

func (s stepped) Holder(ctx context.Context, run string) (who Holder, lives bool, err error) {
	if err = s.step("holder", run); err == nil {
		who, lives, err = s.Store.Holder(ctx, run)
		s.saw("%t", lives)
	}
	return who, lives, err
}

func (s stepped) die() { s.Store.End() }

// inMemory is a store as a service would be that has compare-and-swap.
type inMemory struct{ *actor }

func (m inMemory) Get(_ context.Context, key string) (Entry, error) { return m.entries[key], nil }

func (m inMemory) Swap(_ context.Context, key string, old, next Entry) (Entry, bool, error) {
	current := m.entries[key]
	if current != old {
		return current, false, nil
	}
	m.entries[key] = next
	return current, true, nil
}

func (m inMemory) Recent(_ context.Context, _ time.Duration, groups []string) (ids []string, _ error) {
	for _, e := range m.entries {
		if e.ID != "" && slices.Contains(groups, e.Group) {
			ids = append(ids, e.ID)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

func (m inMemory) Unresolved(context.Context, string) (map[string]Entry, error) { return nil, nil }

func (m inMemory) Forget(_ context.Context, ids []string) error {
	maps.DeleteFunc(m.entries, func(_ string, e Entry) bool { return slices.Contains(ids, e.ID) })
	return nil
}

func (m inMemory) Begin(context.Context) (string, error) {
	m.lives[m.name] = true
	return m.name, nil
}

func (m inMemory) Holder(_ context.Context, run string) (Holder, bool, error) {
	return Holder{}, m.lives[run], nil
}

func (m inMemory) End() {}

func newWorld(choose func(int) int, runs, kills int) *world {
	w := &world{choose: choose, parked: make(chan struct{}), kills: kills, lives: map[string]bool{}, entries: map[string]Entry{}}
	for n := range runs {
		w.actors = append(w.actors, &actor{world: w, n: n, name: fmt.Sprint("run ", n)})
	}
	return w
}

// use sets the ledger of a run.
func (a *actor) use(l *Ledger) {
	l.Now, l.Sleep, l.Patience = a.clock, a.sleep, patience
	l.store = stepped{l.store, a}
	a.ledger = l
}

// apply carries out a plan, and judges what became of it.
func (a *actor) apply(ctx context.Context, plan reconcile.Plan[thing]) {
	done, err := reconcile.Apply(ctx, a, plan, reconcile.Options[thing]{Ledger: a.ledger, Sleep: a.sleep})
	if a.killed {
		return
	}
	if err != nil {
		a.fail("run %d: %v", a.n, err)
	}
	for _, step := range done {
		switch {
		case step.Err != nil && !strings.Contains(step.Err.Error(), "is not created a second time"):
			a.fail("run %d: %v", a.n, step.Err)
		case step.Err == nil && (step.ID != "" || step.Action == reconcile.Create) && step.Action != reconcile.Delete && !slices.ContainsFunc(a.objects, func(o made) bool { return o.id == step.ID }) && a.next == len(a.objects):
			a.fail("run %d: %s is not there", a.n, step.ID)
		}
	}
	if len(a.ledger.Warnings()) > 0 && !strings.Contains(a.ledger.Warnings()[0], "does not finish") {
		a.fail("run %d: %v", a.n, a.ledger.Warnings())
	}
}

func creations(keys ...string) (plan reconcile.Plan[thing]) {
	for i, key := range keys {
		plan = append(plan, reconcile.Step[thing]{Index: i, Key: key, Action: reconcile.Create, Want: memory.Named(key), Wish: memory.Named(key)})
	}
	return plan
}

// explore makes every possible choice in every execution of begin, and returns the number of executions.
func explore(t *testing.T, begin func(choose func(int) int) *world) (executions int) {
	t.Helper()
	type decision struct{ taken, of int }
	var path []decision
	known := map[uint64]bool{}
	for {
		executions++
		depth := 0
		w := begin(func(n int) int {
			if depth == len(path) {
				path = append(path, decision{0, n})
			}
			depth++
			return path[depth-1].taken
		})
		w.run(func() bool {
			if depth < len(path) {
				return false
			}
			state := w.state()
			if known[state] {
				return true
			}
			known[state] = true
			return false
		})
		require.Empty(t, w.failure, "after the choices %v", path)
		path = path[:depth]
		for len(path) > 0 && path[len(path)-1].taken+1 == path[len(path)-1].of {
			path = path[:len(path)-1]
		}
		if len(path) == 0 {
			return executions
		}
		path[len(path)-1].taken++
	}
}

// TestModel_EveryOrderOfTwoRuns tries every order in which the steps of two runs can come that both saw one object missing, with one of them
// killed at any of its steps, and over what an earlier run has left.
func TestModel_EveryOrderOfTwoRuns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		entry  Entry
		there  bool // the object is there, and the list does not show it yet
		kills  int
		prompt bool // with all stops it would be a million executions
	}{
		"nothing is known":                     {Entry{}, false, 1, false},
		"an object that is gone":               {Entry{State: Created, ID: "99", Run: "gone"}, false, 1, false},
		"an uncertain creation":                {Entry{State: Uncertain, Run: "gone"}, false, 1, false},
		"an uncertain creation that was done":  {Entry{State: Uncertain, Run: "gone"}, true, 1, true},
		"a killed run":                         {Entry{State: Pending, Run: "gone"}, false, 1, true},
		"a killed run whose creation was done": {Entry{State: Pending, Run: "gone"}, true, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			executions := explore(t, func(choose func(int) int) *world {
				w := newWorld(choose, 2, c.kills)
				w.prompt = c.prompt || testing.Short()
				if c.there {
					w.next, w.objects = 1, []made{{"1", "web", 0}}
					c.entry.At = noonUTC().UnixMilli()
				}
				for _, a := range w.actors {
					l := NewLedgerOn(inMemory{a})
					if c.entry.State != "" {
						w.entries[l.mark("web")] = c.entry
					}
					a.use(l)
					w.start(a, func() { a.apply(t.Context(), creations("web")) })
				}
				return w
			})
			t.Log(executions, "executions")
		})
	}
}

// TestModel_ThreeRunsAtRandom has three runs over the real files declare, purge and declare again, in orders that a seed decides. A fourth one
// is about another account, and never waits. LOCALSTATE_MODEL_SEEDS says how many seeds, LOCALSTATE_MODEL_SEED which one alone.
func TestModel_ThreeRunsAtRandom(t *testing.T) {
	t.Parallel()
	first, seeds := uint64(1), uint64(200)
	if testing.Short() { // only one goroutine is at work at any time, so that a look for races gains nothing
		seeds = 20
	}
	if n, err := strconv.ParseUint(os.Getenv("LOCALSTATE_MODEL_SEEDS"), 10, 64); err == nil {
		seeds = n
	}
	if n, err := strconv.ParseUint(os.Getenv("LOCALSTATE_MODEL_SEED"), 10, 64); err == nil {
		first, seeds = n, 1
	}
	for seed := first; seed < first+seeds; seed++ {
		random := rand.New(rand.NewPCG(seed, 0))
		w := newWorld(random.IntN, 4, 0)
		deaths := random.IntN(3)
		w.disturb = func() {
			w.prompt = random.IntN(10) > 0
			seconds := func() time.Duration { return time.Duration(random.IntN(30)) * time.Second }
			if random.IntN(20) == 0 {
				w.actors[random.IntN(len(w.actors))].stopped = w.now + seconds()
			}
			for _, r := range w.queue {
				if r.notBefore == 0 {
					r.notBefore = w.now + 1
					if random.IntN(2) == 0 {
						r.notBefore += seconds()
					}
				}
			}
			if a := w.actors[random.IntN(len(w.actors))]; !a.over && deaths > 0 && random.IntN(20) == 0 {
				deaths--
				w.kill(a)
			}
		}
		folder := t.TempDir()
		for _, a := range w.actors {
			account := "account"
			if a.n == 3 {
				account = "another account"
			}
			a.use(NewLedger(folder, account))
			w.start(a, func() { a.session(t.Context(), random.IntN(3)) })
		}
		w.run(nil)
		if slept := w.actors[3].slept; slept > 0 {
			w.fail("the run of another account waited for %s", slept)
		}
		require.Empty(t, w.failure, "seed %d", seed)
	}
}

// session is what a run does: it looks, declares two objects, and perhaps removes one of them.
func (a *actor) session(ctx context.Context, removes int) {
	keys := []string{"web", "db"}
	if a.n == 3 {
		keys = []string{"theirs"}
	}
	wants := make([]want, len(keys))
	for i, key := range keys {
		wants[i] = want{State: memory.Named(key), Absent: removes == 1 && i == 0 && a.n < 3}
	}
	have, err := a.Observe(ctx, wants, false)
	if err == nil {
		have, err = reconcile.Unlisted(ctx, a, a.ledger, have, wants, reconcile.Policy[thing]{})
	}
	if err != nil {
		a.fail("run %d: %v", a.n, err)
		return
	}
	plan, err := reconcile.Compute(a, have, wants, reconcile.Policy[thing]{})
	if err != nil {
		a.fail("run %d: %v", a.n, err)
		return
	}
	a.apply(ctx, plan)
}
