// SPDX-License-Identifier: GPL-3.0-or-later

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stackwatch/ansible-monitoring/pkg/progress"
)

// Options is how a plan is carried out.
type Options[S any] struct {
	Limit    int  // steps at a time; 1 where it is less
	FailFast bool // the first failed step keeps the steps not yet begun from being attempted
	Ledger   Ledger
	// Begun is told each step before something is written for it, and as Done one call at a time. nil for nobody.
	Begun func(Step[S])
	// Done is told each step when it is finished, one call at a time, in the order in which they finish. nil for nobody. The step is the one of
	// the plan that Apply returns, which Apply does not change any more.
	Done func(*Step[S])
	// Sleep waits between a create whose answer was lost and the look whether it happened, and gives the context's error if that ends.
	Sleep func(context.Context, time.Duration) error
}

// Each runs do for every number from 0 to n-1, limit of them at a time. It gives the first error, after which the context of the
// others has ended. A panic is an error.
func Each(ctx context.Context, limit, n int, do func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(limit, 1))
	for i := range n {
		group.Go(func() (err error) {
			defer recovered(&err, "")
			return do(ctx, i)
		})
	}
	return group.Wait()
}

// ReadEach is Each where do reads one of n objects: a long run tells how many are read.
func ReadEach(ctx context.Context, limit, n int, do func(ctx context.Context, i int) error) error {
	phase := progress.Begin(ctx, "reading", n)
	defer phase.End()
	return Each(ctx, limit, n, func(ctx context.Context, i int) error {
		err := do(ctx, i)
		if err == nil {
			phase.Add(1)
		}
		return err
	})
}

// recovered turns a panic into an error: in a goroutine nobody else can, and the process would end without an answer.
func recovered(err *error, what string) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%sinternal error: %v\n%s", what, r, debug.Stack())
	}
}

// looks is how often an object is looked for, lookPause the wait before the first look; it grows by as much before each further one.
const (
	looks     = 6
	lookPause = 500 * time.Millisecond
)

// sends is how often a create is sent that turns out not to have been carried out.
const sends = 3

// Apply carries out a plan and returns it as it was done: the same steps in the same order, with the id of what was created,
// the action really taken, and Err where a step failed or was not attempted. err is nil, or says how the run was interrupted;
// failed steps alone make no err.
//
// What the wishes ask for is done first. Deletions that no wish asked for (Scope, duplicates) come after it and only if every wish was
// met: a failed create must not be followed by the deletion of what it was to succeed.
func Apply[S any](ctx context.Context, p Provider[S], plan Plan[S], opt Options[S]) (Plan[S], error) {
	a := &applier[S]{provider: p, opt: opt, done: append(Plan[S](nil), plan...), doomed: map[string]bool{}}
	pending := 0
	for _, step := range plan {
		a.doomed[step.ID] = a.doomed[step.ID] || step.Action == Delete
		if step.pending() {
			pending++
		}
	}
	a.phase = progress.Begin(ctx, "changing", pending)
	defer a.phase.End()
	a.run(ctx, func(s Step[S]) bool { return s.Index >= 0 })
	a.done.Hold()
	a.run(ctx, func(s Step[S]) bool { return s.Index < 0 })
	if err := context.Cause(ctx); err != nil {
		if errors.Is(ctx.Err(), err) { // nobody gave a cause that says so itself
			err = fmt.Errorf("interrupted: %w", err)
		}
		return a.done, err
	}
	return a.done, nil
}

// Hold keeps the deletions that no wish asked for from being attempted where a step of the plan has failed.
func (p Plan[S]) Hold() {
	n := len(p.Failed())
	for i := range p {
		if s := &p[i]; n > 0 && s.Index < 0 && s.Err == nil {
			s.Err = fmt.Errorf("%s (%s): deletion %w, because %d other failed", s.Key, s.ID, ErrNotAttempted, n)
		}
	}
}

type applier[S any] struct {
	provider Provider[S]
	opt      Options[S]
	done     Plan[S]         // each goroutine writes its own element
	mu       sync.Mutex      // one call of opt.Begun and opt.Done at a time
	doomed   map[string]bool // ids of objects that the plan deletes
	phase    *progress.Phase
	stop     atomic.Bool // a step failed and FailFast is set; steps under way are let finish
}

// run carries out the selected steps that have something to do, wave after wave.
func (a *applier[S]) run(ctx context.Context, selected func(Step[S]) bool) {
	waves := map[int][]*Step[S]{}
	for i := range a.done {
		if step := &a.done[i]; selected(*step) && step.pending() {
			n := a.wave(*step)
			waves[n] = append(waves[n], step)
		}
	}
	for _, n := range slices.Sorted(maps.Keys(waves)) {
		var group errgroup.Group
		group.SetLimit(max(a.opt.Limit, 1))
		for _, steps := range a.batches(waves[n]) {
			group.Go(func() error {
				a.attempt(ctx, steps...)
				return nil
			})
		}
		_ = group.Wait() // every error stands in its step
	}
}

// pending tells whether a step has something to do.
func (s Step[S]) pending() bool { return s.Err == nil && s.Action != Unchanged }

// wave is when a step's turn is: what others stand on is made before them, and removed after them.
func (a *applier[S]) wave(step Step[S]) int {
	p, ok := a.provider.(Phaser[S])
	switch {
	case !ok:
		return 0
	case step.Action == Delete:
		return math.MaxInt - p.Phase(step.Deleted.Known)
	default:
		return p.Phase(step.Want)
	}
}

// batches leaves each write alone and puts together what the service takes in one call: deletions, and updates that do the same.
func (a *applier[S]) batches(steps []*Step[S]) [][]*Step[S] {
	var batches [][]*Step[S]
	var deletions []*Step[S]
	var changes []string // in the order of the plan
	alike := map[string][]*Step[S]{}
	for _, step := range steps {
		change := a.uniform(step)
		switch {
		case step.Action == Delete:
			deletions = append(deletions, step)
		case change == "":
			batches = append(batches, []*Step[S]{step})
		default:
			if alike[change] == nil {
				changes = append(changes, change)
			}
			alike[change] = append(alike[change], step)
		}
	}
	for _, change := range changes {
		size := 1
		if fewest, most := a.provider.(BulkUpdater[S]).UniformSize(); len(alike[change]) >= fewest {
			size = most
		}
		batches = slices.AppendSeq(batches, slices.Chunk(alike[change], max(size, 1)))
	}
	size := 1
	if bulk, ok := a.provider.(BulkDeleter[S]); ok {
		size = bulk.BatchSize()
	}
	return slices.AppendSeq(batches, slices.Chunk(deletions, max(size, 1)))
}

// uniform tells what an update does that can go together with others, "" of any other step.
func (a *applier[S]) uniform(step *Step[S]) string {
	bulk, ok := a.provider.(BulkUpdater[S])
	if !ok || step.Action != Update || a.isTakeOver(step) {
		return ""
	}
	return bulk.Uniform(*step.Have, step.Want)
}

// isTakeOver tells whether a step is an update that another process may be about to make in the name of another group.
func (a *applier[S]) isTakeOver(step *Step[S]) bool {
	return !step.byID && a.opt.Ledger != nil && takesOver(a.provider, step.Have.State, step.Wish)
}

// attempt carries out one step, or several by one call. A panic in a provider is these steps' failure and nobody else's.
func (a *applier[S]) attempt(ctx context.Context, steps ...*Step[S]) {
	a.carryOut(ctx, steps)
	for _, step := range steps {
		if step.Err != nil && a.opt.FailFast {
			a.stop.Store(true)
		}
		if a.opt.Done != nil {
			a.mu.Lock()
			a.opt.Done(step)
			a.mu.Unlock()
		}
	}
}

func (a *applier[S]) carryOut(ctx context.Context, steps []*Step[S]) {
	var refusal error
	switch {
	case ctx.Err() != nil:
		refusal = fmt.Errorf("%w: %w", ErrNotAttempted, context.Cause(ctx))
	case a.stop.Load():
		refusal = fmt.Errorf("%w, because another one failed", ErrNotAttempted)
	}
	for _, step := range steps {
		if refusal != nil {
			step.Err = fmt.Errorf("%s: %w", step.Key, refusal)
		} else if a.opt.Begun != nil {
			a.mu.Lock()
			a.opt.Begun(*step)
			a.mu.Unlock()
		}
	}
	switch {
	case refusal != nil:
		return
	case len(steps) == 1:
		steps[0].Err = a.do(ctx, steps[0])
	default:
		a.together(ctx, steps)
	}
	a.phase.Add(len(steps))
}

// together carries out several deletions, or several updates, by one call.
func (a *applier[S]) together(ctx context.Context, steps []*Step[S]) {
	errs := make([]error, len(steps))
	err := func() (err error) {
		defer recovered(&err, "")
		if steps[0].Action == Delete {
			deleted := make([]Found[S], len(steps))
			for i, step := range steps {
				deleted[i] = *step.Deleted
			}
			errs = a.provider.(BulkDeleter[S]).DeleteMany(ctx, deleted)
			return nil
		}
		have, want := make([]Object[S], len(steps)), make([]S, len(steps))
		for i, step := range steps {
			have[i], want[i] = *step.Have, step.Want
		}
		errs = a.provider.(BulkUpdater[S]).UpdateMany(ctx, have, want)
		return nil
	}()
	for i, step := range steps {
		if step.Err = errs[i]; err != nil {
			step.Err = fmt.Errorf("%s: %w", step.Key, err)
		}
		step.Written = step.Written || acted(step.Err)
	}
	if steps[0].Action == Delete {
		a.forget(ctx, steps...)
	}
}

// forget removes deleted objects from the ledger.
func (a *applier[S]) forget(ctx context.Context, steps ...*Step[S]) {
	var ids []string
	for _, step := range steps {
		switch {
		case step.Err != nil:
		case step.Deleted != nil:
			ids = append(ids, step.Deleted.ID)
		default: // it was replaced
			ids = append(ids, step.Have.ID)
		}
	}
	if a.opt.Ledger != nil && len(ids) > 0 {
		a.opt.Ledger.Forget(ctx, ids...)
	}
}

func (a *applier[S]) do(ctx context.Context, step *Step[S]) (err error) {
	defer recovered(&err, step.Key+": ")
	switch step.Action {
	case Create:
		err = a.create(ctx, step, "")
	case Update:
		if a.isTakeOver(step) {
			err = a.takeOver(ctx, step)
			break
		}
		if a.isExclusive(step) {
			err = a.opt.Ledger.Alone(ctx, step.Key, func() error { return a.update(ctx, step) })
			break
		}
		err = a.update(ctx, step)
	case Delete:
		if err = a.provider.Delete(ctx, *step.Deleted); err == nil {
			a.forget(ctx, step)
		}
	case Replace:
		err = a.replace(ctx, step)
	}
	step.Written = step.Written || acted(err)
	return err
}

func (a *applier[S]) update(ctx context.Context, step *Step[S]) error {
	made, err := a.provider.Update(ctx, *step.Have, step.Want)
	if err == nil {
		step.wrote(step.Have.State, made.State)
	}
	return err
}

// isExclusive tells whether a step is an update that other processes have to wait for.
func (a *applier[S]) isExclusive(step *Step[S]) bool {
	e, ok := a.provider.(Exclusive[S])
	return ok && a.opt.Ledger != nil && e.Exclusive(*step.Have, step.Want)
}

// replace creates the new object before it deletes the old one, so that a failure leaves too much rather than nothing;
// Compute recognises what was left over.
func (a *applier[S]) replace(ctx context.Context, step *Step[S]) error {
	old, changes := *step.Have, step.Changes
	if r, ok := a.provider.(Recreator[S]); ok {
		was, is, err := r.Recreate(ctx, old, step.Wish)
		if err != nil {
			return err
		}
		step.ID = is.ID
		if mustReplace(a.provider, was, step.Wish) == "" { // another run was quicker
			step.Action, step.Changes = Unchanged, Diff(was, is.State)
			if len(step.Changes) > 0 {
				step.Action = Update
			}
			return nil
		}
		step.Changes = slices.Clone(changes)
		for _, c := range Diff(was, is.State) {
			if !slices.ContainsFunc(changes, func(planned Change) bool { return planned.Field == c.Field }) {
				step.Changes = append(step.Changes, c)
			}
		}
		return nil
	}
	if err := a.provider.(Replacer[S]).Claim(ctx, old, step.Want); err != nil {
		return err
	}
	step.Written = true // the old one is marked
	if err := a.create(ctx, step, old.ID); err != nil {
		return err
	}
	if step.ID == old.ID { // see keep
		step.Written = step.Action != Unchanged
		return nil
	}
	step.Action, step.Have, step.Changes = Replace, &old, changes
	if err := a.provider.Delete(ctx, old.Found()); err != nil {
		return fmt.Errorf("%s: created anew as %s, but the old one is still there: %w", step.Key, step.ID, err)
	}
	a.forget(ctx, step)
	return nil
}

// create makes the object of a step, unless another run has just made it. not is the id of an object that is known to
// be a different one.
func (a *applier[S]) create(ctx context.Context, step *Step[S], not string) error {
	known := func(id string) (bool, error) {
		switch {
		case id == not:
			return a.keep(ctx, step, id)
		case a.doomed[id]:
			return false, nil
		}
		return a.adopt(ctx, step, id)
	}
	find := func(age time.Duration) (string, error) {
		found, err := a.look(ctx, step.Wish, not, age)
		if err != nil {
			return "", fmt.Errorf("%s: looking for what another run may have created: %w", step.Key, err)
		}
		if found == nil {
			return "", nil
		}
		return found.ID, a.adoptAs(ctx, step, *found)
	}
	create := func() (string, error) {
		id, err := a.send(ctx, step, not)
		if id != "" {
			step.ID, step.Written = id, true
		}
		return id, err
	}
	if a.opt.Ledger == nil {
		_, err := create()
		return err
	}
	return a.opt.Ledger.Once(ctx, group(a.provider, step.Wish), step.Key, known, find, create)
}

// takeOverKey returns the key under which the ledger knows that an object is taken over.
func takeOverKey(id string) string { return "take over " + id }

// takeOver updates an object that belonged to no group so that it belongs to the wish's. Of several runs at once that all found it
// the first one gets it, and the others create their own.
func (a *applier[S]) takeOver(ctx context.Context, step *Step[S]) error {
	gone := false
	never := func(string) (bool, error) { return false, nil }
	key := takeOverKey(step.ID)
	if a.isExclusive(step) {
		key = step.Key // that of its other updates
	}
	err := a.opt.Ledger.Once(ctx, group(a.provider, step.Wish), key, never, nil, func() (string, error) {
		have, err := a.read(ctx, step, step.ID)
		if err != nil {
			return "", fmt.Errorf("%s: looking at %s before taking it over: %w", step.Key, step.ID, err)
		}
		if have == nil {
			gone = true
			return "", nil
		}
		is, err := a.align(ctx, *have, step)
		step.wrote(have.State, is)
		return step.ID, err
	})
	if err != nil || !gone {
		return err
	}
	merged, err := a.provider.Merge(nil, step.Wish)
	if err != nil {
		return err
	}
	step.Action, step.ID, step.Have, step.Want, step.Changes = Create, "", nil, merged, Set(merged)
	return a.create(ctx, step, "")
}

// adopt turns a create into an update, or into nothing, because another process made the object since it was looked for. An object
// that is no longer what the wish means, because it was renamed since, is not touched.
func (a *applier[S]) adopt(ctx context.Context, step *Step[S], id string) (bool, error) {
	have, err := a.read(ctx, step, id)
	if err != nil {
		return false, fmt.Errorf("%s: looking at %s, which another run created: %w", step.Key, id, err)
	}
	if have == nil {
		return false, nil
	}
	return true, a.adoptAs(ctx, step, *have)
}

// keep adopts the object that a step was to replace, where another run created it moments ago and it need not be
// replaced any more: it was read while incomplete, such as a downtime whose services' downtimes follow it.
func (a *applier[S]) keep(ctx context.Context, step *Step[S], id string) (bool, error) {
	have, err := a.read(ctx, step, id)
	if err != nil {
		return false, fmt.Errorf("%s: looking at %s before replacing it: %w", step.Key, id, err)
	}
	if have == nil || mustReplace(a.provider, *have, step.Wish) != "" {
		return false, nil
	}
	return true, a.adoptAs(ctx, step, *have)
}

// read returns the object with an id, read whole for a step; nil where there is none, or the step does not mean it any
// more.
func (a *applier[S]) read(ctx context.Context, step *Step[S], id string) (*Object[S], error) {
	found, err := a.provider.Observe(ctx, []Want[S]{{ID: id, State: step.Wish}}, false)
	if err != nil {
		return nil, err
	}
	for _, o := range finder(a.provider, found)(Want[S]{State: step.Wish}) {
		if o.ID == id {
			return whole(o, step.Key)
		}
	}
	return nil, nil
}

// adoptAs turns a step that was to create an object into one that updates an existing object.
func (a *applier[S]) adoptAs(ctx context.Context, step *Step[S], have Object[S]) error {
	step.ID, step.Have = have.ID, &have
	is, err := a.align(ctx, have, step)
	step.wrote(have.State, is)
	step.Action = Unchanged
	if len(step.Changes) > 0 {
		step.Action = Update
	}
	return err
}

// align updates an object that was found instead of created, where it is not yet as the wish wants it, and gives its state.
func (a *applier[S]) align(ctx context.Context, have Object[S], step *Step[S]) (S, error) {
	if field := mustReplace(a.provider, have, step.Wish); field != "" {
		return have.State, fmt.Errorf("%s: %s of %s, which another run created, %w", step.Key, field, have.ID, fixedField(a.provider, have, step.Wish, field))
	}
	merged, err := a.provider.Merge(&have, step.Wish)
	if err != nil {
		return have.State, err
	}
	if len(Diff(have, merged)) == 0 {
		return merged, nil
	}
	made, err := a.provider.Update(ctx, have, merged)
	if err != nil {
		return merged, err
	}
	return made.State, nil
}

// wrote makes a step tell what was written, which may not be all that was planned.
func (s *Step[S]) wrote(before, after S) { s.Want, s.Changes = after, diff(before, after) }

// created records in a step what was created, from an object that was read back: only the fields that were sent, as for
// a creation whose answer arrived.
func (s *Step[S]) created(is S) {
	var none S
	sent := s.Changes
	s.wrote(none, is)
	s.Changes = slices.DeleteFunc(s.Changes, func(c Change) bool {
		return !slices.ContainsFunc(sent, func(planned Change) bool { return planned.Field == c.Field })
	})
}

// send creates an object and gives its id, on some errors too. After an uncertain answer it looks whether the object is there
// before it sends again.
func (a *applier[S]) send(ctx context.Context, step *Step[S], not string) (string, error) {
	for try := 1; ; try++ {
		made, err := a.provider.Create(ctx, step.Want)
		if err == nil {
			var none S
			step.wrote(none, made.State)
		}
		if err == nil || !uncertain(err) {
			return made.ID, err
		}
		found, lookErr := a.look(ctx, step.Wish, not, 0)
		switch {
		case lookErr != nil:
			return "", fmt.Errorf("%w; it may exist, but looking for it failed: %w", err, lookErr)
		case found != nil:
			is, err := a.align(ctx, *found, step)
			step.created(is)
			return found.ID, err
		case try == sends:
			return "", &unmade{fmt.Errorf("%w; it was looked for and is not there", err)}
		}
	}
}

// look returns the object that a lost creation may have made, or nil. It looks several times, because services may list
// a new object late, and skips looks that are past where the creation was sent at least age ago.
func (a *applier[S]) look(ctx context.Context, wish S, not string, age time.Duration) (*Object[S], error) {
	var due time.Duration
	for n := range looks {
		due += time.Duration(n+1) * lookPause
		if due <= age && n < looks-1 {
			continue
		}
		if wait := due - age; wait > 0 {
			if err := a.opt.Sleep(ctx, wait); err != nil {
				return nil, err
			}
			age = due
		}
		w := Want[S]{State: wish}
		found, err := a.provider.Observe(ctx, []Want[S]{w}, false)
		if err != nil {
			return nil, err
		}
		match := slices.DeleteFunc(slices.Clone(finder(a.provider, found)(w)), func(o Found[S]) bool {
			// What was created is of the wish's group and kind.
			return o.ID == not || a.doomed[o.ID] || takesOver(a.provider, o.Known, wish) || !alikeStates(a.provider, o.Known, wish)
		})
		if len(match) > 1 {
			return nil, ambiguous(a.provider, a.provider.Key(wish), match)
		}
		if len(match) == 1 {
			return whole(match[0], a.provider.Key(wish))
		}
	}
	return nil, nil
}
