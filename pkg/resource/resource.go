// SPDX-License-Identifier: GPL-3.0-or-later

// Package resource joins a service's options and its reconcile.Provider to an Ansible module.
//
// A service describes its module as a Kind: the options struct, and Open, which turns given options into a Task without
// calling the service. Everything after that is the same for every module and happens here: observe, plan, check mode,
// apply, diff, the answer's form, and what is reported when a run fails half-way or is interrupted.
package resource

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/progress"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// Kind is one kind of object, managed by one module. P is the struct of its options, S the state of one object.
type Kind[P, S any] struct {
	Name          string // the module: "status_cake_test"
	Documentation []byte // its embedded <module>.yml
	Rules         ansible.Rules
	Noun, Plural  string // "test", "tests"; Plural is the key of the list in the answer
	// Open checks the options as far as that is possible without calling the service and says what is to be done.
	Open func(call *ansible.Call, options P) (*Task[S], error)
}

// Task is what one run of a module shall do.
type Task[S any] struct {
	Provider reconcile.Provider[S]
	Wants    []reconcile.Want[S]
	// Before finishes what an earlier run has left half done, before anything is read; nil for nothing.
	Before func(context.Context)
	// More gives wishes that only the service can complete, such as those for each host that a pattern matches; nil for none.
	More        func(context.Context) ([]reconcile.Want[S], error)
	Policy      reconcile.Policy[S]
	Verify      bool             // look at what was written before saying that it was done; not where lists lag
	Concurrency int              // writes at a time
	FailFast    bool             // the first failure keeps what was not begun from being attempted
	Results     string           // OnlyChanged leaves unchanged objects out of the answer
	Ledger      reconcile.Ledger // nil for none; its Warnings, if it has any, become the module's
	// Describe gives the values by which the answer names an object: at least "name".
	Describe func(S) map[string]any
	// Extra gives what the answer tells beside the objects; nil for nothing.
	Extra func() map[string]any
	// Usage tells how much the run asked of the service so far.
	Usage func() Usage
	// Sleep replaces the real clock in tests.
	Sleep func(context.Context, time.Duration) error
}

// Usage is how much a run asked of a service.
type Usage struct {
	Calls   int           // requests sent, repeated ones included
	Retries int           // those that repeated a failed one
	Waited  time.Duration // time spent waiting for the rate limit and between repeats, summed over concurrent calls
}

// Module gives the Ansible module.
func (k Kind[P, S]) Module() ansible.Module {
	var options P
	return ansible.Module{
		Name: k.Name, Documentation: k.Documentation, Params: options, Rules: k.Rules,
		SupportsCheckMode: true, Plain: Plain(),
		Run: k.run,
	}
}

func (k Kind[P, S]) run(ctx context.Context, call *ansible.Call) (ansible.Result, error) {
	var options P
	if err := call.Decode(&options); err != nil {
		return nil, err
	}
	task, err := k.Open(call, options)
	if err != nil {
		return nil, err
	}
	ctx = progress.About(ctx, k.Plural)
	progress.Expect(ctx, len(task.Wants))
	r := report[S]{noun: k.Noun, plural: k.Plural, task: task, withDiff: call.Diff, checkMode: call.CheckMode}
	plan, err := k.plan(ctx, task, call.Diff)
	if err != nil {
		return r.refused(err), err
	}
	if call.CheckMode {
		plan.Hold() // as Apply does
		return r.result(plan), r.failure(plan)
	}
	var done told[S]
	call.ReportProgress(func() ansible.Result { return r.result(done.steps()) })
	applied, err := reconcile.Apply(ctx, task.Provider, plan, reconcile.Options[S]{
		Limit: task.Concurrency, FailFast: task.FailFast, Ledger: task.Ledger, Sleep: task.Sleep, Begun: done.begin, Done: done.end,
	})
	if err != nil && len(applied.Failed()) == 0 {
		err = fmt.Errorf("%w; %s", err, r.result(applied)["msg"])
	}
	if task.Verify && err == nil {
		applied = slices.Clone(applied) // done may be asked for its steps meanwhile
		err = reconcile.Verify(ctx, task.Provider, applied, task.Wants, task.Policy)
	}
	if ledger, ok := task.Ledger.(interface{ Warnings() []string }); ok {
		for _, warning := range ledger.Warnings() {
			call.Warn("%s", warning)
		}
	}
	return r.result(applied), both(err, r.failure(applied))
}

// both joins two errors, each of which may be nil, in one line.
func both(a, b error) error {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	return fmt.Errorf("%w; %w", a, b)
}

func (k Kind[P, S]) plan(ctx context.Context, task *Task[S], withDiff bool) (reconcile.Plan[S], error) {
	if task.Before != nil {
		task.Before(ctx)
	}
	if task.More != nil {
		more, err := task.More(ctx)
		if err != nil {
			return nil, fmt.Errorf("nothing was changed: %w", err)
		}
		task.Wants = append(task.Wants, more...)
	}
	if err := reconcile.Check(task.Provider, task.Wants); err != nil {
		return nil, err
	}
	if task.Policy.Scope != nil && !task.Policy.Whole && !slices.ContainsFunc(task.Wants, func(w reconcile.Want[S]) bool { return !w.Absent }) {
		return nil, fmt.Errorf("nothing was changed, because purge: true with no %s that shall be present would remove everything in its scope; "+
			"to remove all that a stack has, write state: absent with stack and nothing else", k.Noun)
	}
	have, err := task.Provider.Observe(ctx, task.Wants, task.Policy.Scope != nil)
	if err == nil && task.Ledger != nil {
		have, err = reconcile.Unlisted(ctx, task.Provider, task.Ledger, have, task.Wants, task.Policy)
	}
	if err != nil {
		return nil, fmt.Errorf("nothing was changed, because the %s could not be read: %w", k.Plural, err)
	}
	plan, err := reconcile.Compute(task.Provider, have, task.Wants, task.Policy)
	if cascader, ok := task.Provider.(reconcile.Cascader[S]); ok && err == nil {
		plan, err = cascader.Cascade(ctx, plan)
	}
	if withDiff && err == nil {
		err = reconcile.DetailDeletions(ctx, task.Provider, plan)
	}
	if admitter, ok := task.Provider.(reconcile.Admitter[S]); ok && err == nil {
		err = admitter.Admit(ctx, plan)
	}
	return plan, err
}

// told collects steps for the answer of a run that does not come to its end.
type told[S any] struct {
	mu    sync.Mutex
	plan  []*reconcile.Step[S]
	begun map[string]reconcile.Step[S] // those that are not finished
}

func (t *told[S]) begin(s reconcile.Step[S]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.begun == nil {
		t.begun = map[string]reconcile.Step[S]{}
	}
	t.begun[mark(s)] = s
}

func (t *told[S]) end(s *reconcile.Step[S]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.begun, mark(*s))
	t.plan = append(t.plan, s)
}

// mark tells a step from the others, also when it has been carried out.
func mark[S any](s reconcile.Step[S]) string {
	if s.Action == reconcile.Delete {
		return s.Key + " " + s.ID
	}
	return fmt.Sprintf("%s %d", s.Key, s.Index)
}

// steps gives those that are finished, and then those under way, of which nobody knows how far they came: that counts as a change.
func (t *told[S]) steps() reconcile.Plan[S] {
	t.mu.Lock()
	defer t.mu.Unlock()
	steps := make(reconcile.Plan[S], 0, len(t.plan)+len(t.begun))
	for _, s := range t.plan {
		steps = append(steps, *s)
	}
	for _, key := range slices.Sorted(maps.Keys(t.begun)) {
		s := t.begun[key]
		s.Written = true
		s.Err = fmt.Errorf("%s: was under way (to be %s) when the run ended, and may be done in part; the next run finds out", s.Key, s.Action)
		steps = append(steps, s)
	}
	return steps
}
