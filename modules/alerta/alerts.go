// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// Alert is the state of an alert, as far as the module shows or changes it; nil is unset.
type Alert struct {
	Environment *string `mapstructure:"environment"`
	Resource    *string `mapstructure:"resource"`
	Event       *string `mapstructure:"event"`
	Severity    *string `mapstructure:"severity"`
	Status      *string `mapstructure:"status"`

	receiveID string // under which it was last received
}

func fromWireAlert(a wireAlert) reconcile.Object[Alert] {
	return reconcile.Object[Alert]{ID: a.ID, State: Alert{
		Environment: &a.Environment, Resource: &a.Resource, Event: &a.Event, Severity: &a.Severity, Status: &a.Status, receiveID: a.LastReceiveID,
	}}
}

func describeAlert(a Alert) map[string]any {
	return map[string]any{
		"environment": a.Environment, "resource": a.Resource, "event": a.Event, "severity": a.Severity, "status": a.Status,
	}
}

// operation is what an operator can do with an alert, beside deleting it.
type operation struct {
	to   string   // the status that it leads to
	from []string // those in which the server takes it; in others it refuses, or answers without doing it
	ends bool     // whether the server ends it after a time
}

// operations are those of the server's own model of alarms, by the words of the API and of the option action.
func operations() map[string]operation {
	return map[string]operation{
		"close":  {to: "closed", from: []string{"open", "assign", "ack", "shelved", "blackout"}},
		"ack":    {to: "ack", from: []string{"open"}, ends: true},
		"shelve": {to: "shelved", from: []string{"open", "ack"}, ends: true},
	}
}

// deleting is the action that is no operation.
const deleting = "delete"

// alerts clears alerts.
type alerts struct {
	reconcile.Provider[Alert] // nil: plans without wishes need only Key, Update and Delete
	*client
	action string
	holds  time.Duration // how long the action lasts; 0 for the server's default
	text   string
	still  func(wireAlert) bool // whether an alert is to be deleted yet; nil where nothing passes that selects it
}

// plan gives a step for each selected alert. Those on which the action has no effect are left as they are.
func (p *alerts) plan(selected []wireAlert, reason string) reconcile.Plan[Alert] {
	plan := make(reconcile.Plan[Alert], 0, len(selected))
	for _, a := range selected {
		object := fromWireAlert(a)
		step := reconcile.Step[Alert]{
			Index: -1, Key: p.Key(object.State), ID: a.ID, Reason: reason, Have: &object, Wish: object.State, Action: reconcile.Unchanged,
		}
		op, known := operations()[p.action]
		switch {
		case !known:
			found := object.Found()
			step.Have, step.Deleted, step.Action, step.Changes = nil, &found, reconcile.Delete, reconcile.Removed(found)
		case slices.Contains(op.from, a.Status):
			step.Want = object.State
			step.Want.Status = &op.to
			step.Action, step.Changes = reconcile.Update, reconcile.Diff(object, step.Want)
		case a.Status != op.to:
			step.Reason = noEffect(p.action, a.Status)
		}
		plan = append(plan, step)
	}
	slices.SortStableFunc(plan, func(a, b reconcile.Step[Alert]) int {
		return strings.Compare(a.Key+"\x00"+a.ID, b.Key+"\x00"+b.ID)
	})
	return plan
}

// spareShared leaves those alerts alone with whose id the server would reach others as well, which can be of another stack. Bulk deletions
// go by the id of the last reception, which other alerts can have too.
func (p *alerts) spareShared(ctx context.Context, plan reconcile.Plan[Alert], concurrency int, bulk bool) error {
	ids := map[string]bool{}
	for i := range plan {
		step := &plan[i]
		if step.Action == reconcile.Unchanged {
			continue
		}
		known, _ := step.Known()
		if err := whole(step.ID); err != nil {
			step.Err = p.failed("trying to "+p.action, step.ID, known, err)
			continue
		}
		ids[step.ID] = true
		if bulk && whole(known.receiveID) == nil {
			ids[known.receiveID] = true
		}
	}
	found, err := p.alike(ctx, concurrency, slices.Sorted(maps.Keys(ids))...)
	if err != nil {
		return err
	}
	// Full ids have one length, so that what begins with one is found by its own beginning.
	others := map[string][]wireAlert{}
	for _, a := range found {
		for _, id := range []string{a.ID, a.LastReceiveID} {
			if len(id) >= idLength {
				beginning := strings.ToLower(id[:idLength])
				others[beginning] = append(others[beginning], a)
			}
		}
	}
	for i := range plan {
		step := &plan[i]
		known, _ := step.Known()
		meant := []string{step.ID}
		if bulk {
			meant = append(meant, known.receiveID)
		}
		for _, id := range meant {
			for _, other := range others[id] {
				if step.Err == nil && step.Action != reconcile.Unchanged && other.ID != step.ID {
					step.Err = p.failed("trying to "+p.action, step.ID, known, shared(id, other.ID))
				}
			}
		}
	}
	return nil
}

// Key names an alert by what makes the server take two for the same.
func (p *alerts) Key(a Alert) string {
	return text(a.Environment) + "/" + text(a.Resource) + "/" + text(a.Event)
}

// Delete removes an alert. What selects it by what passes is looked at once more, because many deletions take a while.
func (p *alerts) Delete(ctx context.Context, have reconcile.Found[Alert]) error {
	if p.still != nil {
		now, err := p.lookAtAlert(ctx, have.ID)
		switch {
		case errors.Is(err, httpapi.ErrNotFound):
			p.spare(have.ID, gone)
			return nil
		case err != nil:
			return p.failed("looking at", have.ID, have.Known, err)
		case !p.still(now):
			p.spare(have.ID, other)
			return nil
		}
	}
	return p.failed("deleting", have.ID, have.Known, p.deleteAlert(ctx, have.ID))
}

// Update does the action. An alert that is gone, or in a status in which the action has no effect, needs none.
func (p *alerts) Update(ctx context.Context, have reconcile.Object[Alert], want Alert) (reconcile.Object[Alert], error) {
	done := reconcile.Object[Alert]{ID: have.ID, State: want}
	sent, err := p.act(ctx, have.ID, p.action, p.text, p.holds)
	if err == nil {
		return done, nil
	}
	now, look := wireAlert{}, err
	if asksAgain(ctx, err) {
		now, look = p.getAlert(ctx, have.ID)
	}
	switch {
	case errors.Is(look, httpapi.ErrNotFound):
		p.spare(have.ID, gone)
		return have, nil
	case look != nil:
	case now.Status == text(want.Status) && !(errors.Is(err, httpapi.ErrConflict) && sent == 1):
		return done, nil
	case !slices.Contains(operations()[p.action].from, now.Status):
		p.spare(have.ID, noEffect(p.action, now.Status))
		return have, nil
	default:
		err = reconcile.Unmade(err)
	}
	return have, p.failed("trying to "+p.action, have.ID, have.State, err)
}

func noEffect(action, status string) string {
	return fmt.Sprintf("%s has no effect on an alert whose status is %s", action, status)
}

func (p *alerts) failed(what, id string, a Alert, err error) error {
	return wrap(fmt.Sprintf("%s alert %s (%s)", what, p.Key(a), id), err)
}

// bulkAlerts deletes many alerts in a call, as long as the server can do that.
type bulkAlerts struct {
	alerts
	broken atomic.Bool
	warn   func(format string, args ...any)
}

// batch is how many ids fit into the line of a request that gunicorn takes: up to 52 bytes each.
const batch = 75

// BatchSize is how many are deleted in a call.
func (p *bulkAlerts) BatchSize() int { return batch }

// DeleteMany deletes by the id of the last reception, and looks at what the server does not confirm. Where it has no such call, or a
// broken one, alerts are deleted one by one.
func (p *bulkAlerts) DeleteMany(ctx context.Context, have []reconcile.Found[Alert]) []error {
	errs := make([]error, len(have))
	var deleted []string
	certain := true
	if !p.broken.Load() {
		var ids []string
		for _, o := range have {
			if whole(o.ID) == nil && whole(o.Known.receiveID) == nil {
				ids = append(ids, o.Known.receiveID)
			}
		}
		var err error
		if deleted, certain, err = p.deleteReceived(ctx, ids); err != nil && ctx.Err() == nil && !p.broken.Swap(true) {
			p.warn("the server does not delete in bulk, so alerts are deleted one by one: %v", err)
		}
	}
	for i, o := range have {
		if !slices.Contains(deleted, o.ID) {
			errs[i] = p.one(ctx, o, certain)
		}
	}
	return errs
}

// one deletes an alert that the server did not confirm, unless it was received again. One that is gone was deleted by somebody else, if it is
// certain that the server has told all that it did.
func (p *bulkAlerts) one(ctx context.Context, have reconcile.Found[Alert], certain bool) error {
	if err := whole(have.ID); err != nil {
		return p.failed("deleting", have.ID, have.Known, err)
	}
	now, err := p.getAlert(ctx, have.ID)
	switch {
	case errors.Is(err, httpapi.ErrNotFound):
		if certain {
			p.spare(have.ID, gone)
		}
		return nil
	case err != nil:
		return p.failed("looking at", have.ID, have.Known, err)
	case now.LastReceiveID != have.Known.receiveID:
		p.spare(have.ID, again)
		return nil
	}
	return p.failed("deleting", have.ID, have.Known, p.deleteAlert(ctx, have.ID))
}
