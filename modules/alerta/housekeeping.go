// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/resource"
)

//go:embed alerta_housekeeping/alerta_housekeeping.yml
var housekeepingDocumentation []byte

// HousekeepingModule is alerta_housekeeping.
func HousekeepingModule() ansible.Module { return world{}.housekeepingModule() }

func (w world) housekeepingModule() ansible.Module {
	return ansible.Module{
		Name: "alerta_housekeeping", Documentation: housekeepingDocumentation, Params: options{}, SupportsCheckMode: true, Plain: resource.Plain(), Run: w.run,
		Rules: ansible.Rules{
			RequiredTogether: [][]string{{"api_username", "api_password"}},
			Options: map[string]ansible.OptionRules{
				"api_url": {Env: []string{"ALERTA_ENDPOINT"}, Address: true},
				"api_key": {Env: []string{"ALERTA_API_KEY"}},
			},
		},
	}
}

// now is the time by the world's clock.
func (w world) now() time.Time {
	if w.clock == nil {
		return time.Now()
	}
	return w.clock.Now()
}

func (w world) run(ctx context.Context, call *ansible.Call) (ansible.Result, error) {
	var o options
	if err := call.Decode(&o); err != nil {
		return nil, err
	}
	j, optionsErr := read(call, o)
	caller, connectionErr := w.open(call, o.Connection)
	if err := errors.Join(optionsErr, connectionErr); err != nil {
		return nil, err
	}
	r := &run{job: j, call: call, now: w.now, concurrency: o.Connection.API.Concurrency, clients: []*client{caller}, environments: map[string]bool{}}
	logged, err := w.login(ctx, call, caller, o.Connection)
	if err != nil {
		return r.answer(), fmt.Errorf("nothing was changed: %w", err)
	}
	if logged != caller {
		r.clients = append(r.clients, logged)
	}
	return r.do(ctx, logged)
}

// run is a job under way.
type run struct {
	job
	call        *ansible.Call
	now         func() time.Time
	concurrency int
	clients     []*client

	environments map[string]bool // seen while planning

	mu   sync.Mutex
	done outcome
}

// outcome is what each part of a run did, or would do.
type outcome struct {
	blackouts  reconcile.Plan[Blackout]
	heartbeats reconcile.Plan[Heartbeat]
	alerts     reconcile.Plan[Alert]
	server     *kept
}

func blackoutPart() resource.Part[Blackout] {
	return resource.Part[Blackout]{Noun: "blackout", Plural: "blackouts", Describe: describeBlackout}
}

func heartbeatPart() resource.Part[Heartbeat] {
	return resource.Part[Heartbeat]{Noun: "heartbeat", Plural: "heartbeats", Describe: describeHeartbeat}
}

func alertPart() resource.Part[Alert] {
	return resource.Part[Alert]{Noun: "alert", Plural: "alerts", Describe: describeAlert}
}

// answer tells what is done so far.
func (r *run) answer() ansible.Result {
	var usage resource.Usage
	for _, c := range r.clients {
		stats := c.http.Stats()
		usage.Calls += stats.Calls
		usage.Retries += stats.Retries
		usage.Waited += stats.Waited
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	answer := resource.NewAnswer(usage, r.call.Diff)
	blackoutPart().AddTo(answer, r.done.blackouts, r.results)
	heartbeatPart().AddTo(answer, r.done.heartbeats, r.results)
	alertPart().AddTo(answer, r.done.alerts, r.results)
	counts, _ := answer["summary"].(map[string]int)
	msg := resource.SummaryLine(counts, r.call.CheckMode)
	if k := r.done.server; k != nil {
		answer["server"] = k.answer()
		answer["changed"] = answer["changed"] == true || k.changed()
		server := "server's housekeeping: " + k.summary(r.call.CheckMode)
		if len(r.done.blackouts)+len(r.done.heartbeats)+len(r.done.alerts) > 0 {
			server = msg + "; " + server
		}
		msg = server
	}
	answer["msg"] = msg
	return answer
}

// do plans all parts before it changes anything, so that what is refused is refused as a whole.
func (r *run) do(ctx context.Context, c *client) (ansible.Result, error) {
	b := &blackouts{client: c, now: r.now, duration: r.duration, text: r.text}
	h := &heartbeats{client: c}
	if r.heartbeatsOlder != 0 || r.live != nil && r.live.grace != 0 {
		h.still = func(beat wireHeartbeat) bool {
			return r.inScope(beat) && (r.live == nil || r.live.orphanedHeartbeat(beat, r.now()))
		}
	}
	a := &alerts{client: c, action: r.action, text: r.text, holds: r.holds}
	if r.passing() {
		a.still = func(alert wireAlert) bool {
			return r.alert(alert, r.now()) && (r.live == nil || r.live.orphan(alert, r.now()))
		}
	}
	planned, total, err := r.plan(ctx, b, h, a)
	if err != nil {
		answer := r.answer()
		var limit *reconcile.LimitError
		if errors.As(err, &limit) {
			answer["refused"] = limit.Keys
			return answer, err
		}
		return answer, fmt.Errorf("nothing was changed: %w", err)
	}
	if r.call.CheckMode {
		return r.foretell(ctx, c, planned)
	}
	r.call.ReportProgress(r.answer)
	err = r.carryOut(ctx, planned, total, b, h, a)
	return r.answer(), err
}

// foretell is the end of a run in check mode, which fails as the run itself would as far as that is known.
func (r *run) foretell(ctx context.Context, c *client, planned outcome) (ansible.Result, error) {
	r.done = planned
	if err := heartbeatPart().Failure(planned.heartbeats); err != nil {
		err = r.stopBefore(err, planned, false, true)
		return r.answer(), err
	}
	if err := alertPart().Failure(planned.alerts); err != nil {
		err = r.stopBefore(err, planned, false, false)
		return r.answer(), err
	}
	if r.server == nil {
		return r.answer(), nil
	}
	r.done.server = c.keepServerHouse(ctx, r.call, *r.server, r.now(), planned.alerts)
	err := r.done.server.err
	return r.answer(), err
}

// plan reads what there is and decides, without a write. total is how many alerts there are in all, 0 where that does not matter.
func (r *run) plan(ctx context.Context, b *blackouts, h *heartbeats, a *alerts) (planned outcome, total int, err error) {
	var known vocabulary
	if r.status != nil || r.severity != nil {
		if err = known.checkWords(ctx, a.client, r.selection); err != nil {
			return planned, 0, err
		}
	}
	if r.blackouts != nil {
		if planned.blackouts, err = b.plan(ctx, r.blackouts); err != nil {
			return planned, 0, err
		}
		r.tellOfOthers(planned.blackouts)
	}
	if r.heartbeats {
		if planned.heartbeats, err = r.planHeartbeats(ctx, h); err != nil {
			return planned, 0, err
		}
	}
	if r.action != "" {
		if planned.alerts, total, err = r.planAlerts(ctx, a); err != nil {
			return planned, 0, err
		}
	}
	return planned, total, known.warnOfEnvironments(ctx, r, a.client)
}

// tellOfOthers warns of blackouts that keep alerts away although theirs shall be absent.
func (r *run) tellOfOthers(plan reconcile.Plan[Blackout]) {
	for _, step := range plan {
		if step.Index < 0 && step.Action == reconcile.Unchanged {
			r.call.Warn("blackout %s (%s) is left: %s", step.Key, step.ID, step.Reason)
		}
	}
}

func (r *run) planHeartbeats(ctx context.Context, h *heartbeats) (reconcile.Plan[Heartbeat], error) {
	list, err := h.listHeartbeats(ctx)
	if err != nil {
		return nil, err
	}
	var selected []wireHeartbeat
	scope, seen := 0, false
	for _, beat := range list {
		if environment, ok := beat.Attributes[environmentAttribute].(string); ok {
			r.environments[environment] = true
		}
		if !r.inScope(beat) {
			continue
		}
		scope++
		seen = seen || r.live != nil && r.live.inStack(beat.Tags)
		if r.live == nil || r.live.orphanedHeartbeat(beat, r.now()) {
			selected = append(selected, beat)
		}
	}
	plan := h.plan(selected, r.reason())
	spareShared(plan, list)
	if err = r.believed("heartbeats", scope, seen, plan.Changed()); err != nil {
		return nil, err
	}
	return plan, within("heartbeats", r.limitOf(len(list)), len(list), plan)
}

// inScope tells whether a heartbeat is selected. Where it is to be judged by what lives in some environments, it has to tell that it is of
// one of them: those of another environment have stacks that this list does not know.
func (r *run) inScope(beat wireHeartbeat) bool {
	_, told := beat.Attributes[environmentAttribute].(string)
	return r.heartbeat(beat, r.now()) && (told || r.live == nil || r.environment == nil)
}

// believed refuses to take all for orphans where nothing of what is said to live is seen, because then the list is likelier to be wrong.
func (r *run) believed(noun string, scope int, seen, changes bool) error {
	if r.live == nil || seen || !changes || r.limit != nil && r.limit.IsShare && r.limit.Percent >= 100 {
		return nil
	}
	return fmt.Errorf("none of what is live is seen among the %d %s that are selected, so that live is taken for wrong; if it is right, "+
		"say delete_limit: 100%%", scope, noun)
}

func (r *run) planAlerts(ctx context.Context, a *alerts) (reconcile.Plan[Alert], int, error) {
	plan, err := r.selected(ctx, a, r.believed)
	if err != nil {
		return nil, 0, err
	}
	total := len(plan)
	if len(plan) > few || r.limit != nil {
		if total, err = a.countAlerts(ctx, nil); err != nil {
			return nil, 0, err
		}
		total = max(total, len(plan))
	}
	return plan, total, within("alerts", r.limitOf(total), total, plan)
}

// selected plans for the alerts that are there now, if believed has nothing against it.
func (r *run) selected(
	ctx context.Context, a *alerts, believed func(noun string, scope int, seen, changes bool) error,
) (reconcile.Plan[Alert], error) {
	list, err := a.listAlerts(ctx, r.filters())
	if err != nil {
		return nil, err
	}
	var selected []wireAlert
	scope, seen := 0, false
	for _, alert := range list {
		r.environments[alert.Environment] = true
		if !r.alert(alert, r.now()) {
			continue
		}
		scope++
		seen = seen || r.live != nil && (r.live.inStack(alert.Tags) || slices.Contains(r.live.resources, alert.Resource))
		if r.live == nil || r.live.orphan(alert, r.now()) {
			selected = append(selected, alert)
		}
	}
	plan := a.plan(selected, r.reason())
	if err := believed("alerts", scope, seen, plan.Changed()); err != nil {
		return nil, err
	}
	return plan, a.spareShared(ctx, plan, r.concurrency, r.bulk)
}

// reason is why a step is there.
func (r *run) reason() string {
	if r.live != nil {
		return "belongs to nothing that is live"
	}
	return "selected"
}

// within refuses a plan that changes too much.
func within[S any](noun string, limit reconcile.Limit, total int, plan reconcile.Plan[S]) error {
	refusal := &reconcile.LimitError{Limit: limit, Total: total}
	for _, step := range plan {
		if step.Action != reconcile.Unchanged && step.Err == nil {
			refusal.Keys = append(refusal.Keys, fmt.Sprintf("%s (%s)", step.Key, step.ID))
			refusal.Done = step.Action
		}
	}
	if limit.Allows(len(refusal.Keys), total) {
		return nil
	}
	return fmt.Errorf("%s: %w", noun, refusal)
}

// carryOut does part after part. Where one fails those after it are not begun.
func (r *run) carryOut(ctx context.Context, planned outcome, total int, b *blackouts, h *heartbeats, a *alerts) error {
	err := perform(ctx, r, b, planned.blackouts, &r.done.blackouts, b.http.Ledger())
	if err == nil {
		err = blackoutPart().Failure(r.done.blackouts)
	}
	if err != nil {
		return r.stopBefore(err, planned, true, true)
	}
	if err = perform(ctx, r, h, planned.heartbeats, &r.done.heartbeats, nil); err == nil {
		err = heartbeatPart().Failure(r.done.heartbeats)
	}
	if err != nil {
		return r.stopBefore(err, planned, false, true)
	}
	if err = r.clear(ctx, a, planned.alerts, total); err == nil {
		err = alertPart().Failure(r.done.alerts)
	}
	if err != nil {
		return r.stopBefore(err, planned, false, false)
	}
	if r.server != nil {
		k := a.keepServerHouse(ctx, r.call, *r.server, r.now(), nil)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.done.server = k
		return k.err
	}
	return nil
}

// stopBefore tells of the parts that were not begun that they were not.
func (r *run) stopBefore(err error, planned outcome, beats, alerts bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var left []string
	if beats && len(planned.heartbeats) > 0 {
		r.done.heartbeats = notBegun(planned.heartbeats)
		left = append(left, "heartbeats")
	}
	if alerts && len(planned.alerts) > 0 {
		r.done.alerts = notBegun(planned.alerts)
		left = append(left, "alerts")
	}
	if r.server != nil {
		r.done.server = &kept{err: errNotBegun}
		left = append(left, "server")
	}
	if left == nil {
		return err
	}
	return fmt.Errorf("%w; not begun because of that: %s", err, strings.Join(left, ", "))
}

// errEnded is the error of a run that a signal ends.
var errEnded = errors.New("what was not begun by then is left")

// errNotBegun is why the parts after a failed one are left alone.
var errNotBegun = fmt.Errorf("%w, because a part before it failed", reconcile.ErrNotAttempted)

func notBegun[S any](plan reconcile.Plan[S]) reconcile.Plan[S] {
	for i := range plan {
		if step := &plan[i]; step.Action != reconcile.Unchanged && step.Err == nil {
			step.Err = fmt.Errorf("%s: %w", step.Key, errNotBegun)
		}
	}
	return plan
}

// perform carries out a plan and adds it to what is done, step by step and in the end in its own order.
func perform[S any](ctx context.Context, r *run, p reconcile.Provider[S], plan reconcile.Plan[S], done *reconcile.Plan[S], ledger reconcile.Ledger) error {
	before := *done
	able, unable := make(reconcile.Plan[S], 0, len(plan)), reconcile.Plan[S]{}
	for _, step := range plan {
		if step.Err != nil {
			unable = append(unable, step) // decided when it was planned, and no reason to leave others
		} else {
			able = append(able, step)
		}
	}
	applied, err := reconcile.Apply(ctx, p, able, reconcile.Options[S]{
		Limit: r.concurrency, Ledger: ledger, Sleep: r.clients[0].http.Sleep,
		Done: func(s *reconcile.Step[S]) {
			r.mu.Lock()
			defer r.mu.Unlock()
			*done = append(*done, spared(r, *s))
		},
	})
	for i := range applied {
		applied[i] = spared(r, applied[i])
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	*done = slices.Concat(before, applied, unable)
	if err != nil && ctx.Err() != nil {
		return errEnded // the signal is told before it
	}
	return err
}

// spared turns a step on what this run did not change after all into what it is.
func spared[S any](r *run, step reconcile.Step[S]) reconcile.Step[S] {
	for _, c := range r.clients {
		if why, known := c.spared.Load(step.ID); known && step.Err == nil && step.Action != reconcile.Create {
			step.Reason, _ = why.(string)
			step.Action, step.Changes = reconcile.Unchanged, nil
		}
	}
	return step
}

// clear works on the planned alerts, then looks once more for those that came in meanwhile. More than one look would not end where they keep
// coming.
func (r *run) clear(ctx context.Context, a *alerts, plan reconcile.Plan[Alert], total int) error {
	if !plan.Changed() {
		// This tells of them, and calls nothing.
		return perform(ctx, r, a, plan, &r.done.alerts, nil)
	}
	var provider reconcile.Provider[Alert] = a
	if r.bulk {
		provider = &bulkAlerts{alerts: *a, warn: r.call.Warn}
	}
	attempt := func(plan reconcile.Plan[Alert]) error {
		return perform(ctx, r, provider, plan, &r.done.alerts, nil)
	}
	if err := attempt(plan); err != nil || len(r.done.alerts.Failed()) > 0 {
		return err
	}
	late, err := r.selected(ctx, a, func(string, int, bool, bool) error { return nil })
	if err != nil {
		return fmt.Errorf("what came in meanwhile is not known: %w", err)
	}
	known := make(map[string]bool, len(plan))
	for _, step := range plan {
		known[step.ID] = true
	}
	var more reconcile.Plan[Alert]
	for _, step := range late {
		if !known[step.ID] && step.Action != reconcile.Unchanged {
			more = append(more, step)
		}
	}
	if n := len(more) + len(plan); !r.limitOf(total).Allows(n, max(total, n)) {
		r.call.Warn("%d alerts that came in meanwhile were left, because together they are over the limit of %s", len(more), r.limitOf(total))
		return nil
	}
	return attempt(more)
}
