// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/window"
)

// Window is the state of a maintenance window; nil is unset.
type Window struct {
	Description *string  `mapstructure:"description"`
	Start       *string  `mapstructure:"start"`  // RFC 3339 in UTC
	End         *string  `mapstructure:"end"`    // RFC 3339 in UTC
	Checks      []string `mapstructure:"checks"` // ids, in the order of their numbers

	// What was read, or is to be written, beside it.
	span      window.Span
	recurring bool
	foreign   bool  // it covers transaction checks, which the module does not set
	problem   error // the wish that found this window means others as well

	// Not part of the state: what a wish asks for.
	selection
	window.Schedule
	absent bool
	label  string // what stands for a description where the user gave only an id
}

// maintenance is the reconcile.Provider of maintenance windows.
type maintenance struct {
	*client
	clock   func() time.Time
	started time.Time // the "now" of all wishes of a run

	mu     sync.Mutex
	checks *catalogue // nil until a wish needs it
}

func newMaintenance(c *client, clock func() time.Time) *maintenance {
	return &maintenance{client: c, clock: clock, started: clock().UTC().Truncate(time.Second)}
}

// Key is the description with what the window covers and, where that was said, when it begins: windows that differ in these are not the same.
func (m *maintenance) Key(w Window) string {
	key := w.title()
	if w.given() {
		key += " (" + w.words() + ")"
	}
	if !w.Schedule.Start.IsZero() {
		key += " at " + window.Stamp(w.Schedule.Start)
	}
	return key
}

// Group is the description, where one is given: the id of a window that shall go does not reach one of another description.
func (m *maintenance) Group(w Window) string {
	if w.Description == nil {
		return ""
	}
	return "the windows of " + w.title()
}

func (w Window) title() string {
	if w.Description == nil {
		return w.label
	}
	return strings.TrimSpace(*w.Description)
}

// Find matches by description among the windows that occur once and are not over, then by the checks (see covered) and the time
// (see meant). A window that is one of several carries that as its problem: nobody can tell which is meant.
func (m *maintenance) Find(have []reconcile.Object[Window]) func(reconcile.Want[Window]) []reconcile.Object[Window] {
	byTitle := make(map[string][]Window, len(have))
	for _, o := range have {
		if w := o.State; !w.recurring && !w.span.Over(m.started) {
			w.label = o.ID
			byTitle[w.title()] = append(byTitle[w.title()], w)
		}
	}
	return func(want reconcile.Want[Window]) []reconcile.Object[Window] {
		wish := want.State
		wanted, err := m.selected(wish)
		if err != nil {
			return nil // Merge says it, or Admit
		}
		found := m.covered(wish, wanted, meant(byTitle[wish.title()], wish.Schedule, want.Absent, m.started))
		if len(found) == 0 {
			return nil
		}
		if len(found) > 1 {
			var texts []string
			for _, w := range found {
				texts = append(texts, fmt.Sprintf("%s (%s to %s)", w.label, *w.Start, *w.End))
			}
			found[0].problem = fmt.Errorf("%s: %w: %s; give id or start", m.Key(wish), reconcile.ErrAmbiguous, reconcile.Enumerate(texts, 10))
		}
		return []reconcile.Object[Window]{{ID: found[0].label, State: found[0]}}
	}
}

// covered gives those of some windows that are about the checks of a wish: they share one with it, or else have none left that exists. A
// wish for a stack leaves windows alone that also cover checks of other stacks only. A wish that names no checks means them all.
func (m *maintenance) covered(wish Window, wanted []string, windows []Window) []Window {
	if !wish.given() {
		return windows
	}
	sharing := filter(windows, func(w Window) bool {
		return slices.ContainsFunc(w.Checks, func(id string) bool { return slices.Contains(wanted, id) }) &&
			!slices.ContainsFunc(w.Checks, func(id string) bool {
				o, exists := m.checks.byID[id]
				return exists && len(marks().Stacks(o.userTags())) > 0 && !inStack(o, wish.stack)
			})
	})
	if len(sharing) > 0 {
		return sharing
	}
	return filter(windows, func(w Window) bool {
		return !w.foreign && !slices.ContainsFunc(w.Checks, func(id string) bool { _, exists := m.checks.byID[id]; return exists })
	})
}

// selected gives the ids of the checks that a wish selects, nil where it says nothing of checks.
func (m *maintenance) selected(wish Window) ([]string, error) {
	if !wish.given() {
		return nil, nil
	}
	ids, err := m.checks.ids(wish.selection, wish.absent)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Key(wish), err)
	}
	return ids, nil
}

// Observe lists the checks, once and only if a wish selects some, and the windows if a wish is known by its description. What a wish
// names by its id and the list does not show is read singly.
func (m *maintenance) Observe(ctx context.Context, wants []reconcile.Want[Window], _ bool) ([]reconcile.Object[Window], error) {
	if err := m.loadChecks(ctx, wants); err != nil {
		return nil, err
	}
	var windows []wireWindow
	if slices.ContainsFunc(wants, func(w reconcile.Want[Window]) bool { return w.ID == "" }) {
		var err error
		if windows, err = m.listWindows(ctx, m.started); err != nil {
			return nil, err
		}
	}
	listed := make(map[string]bool, len(windows))
	for _, w := range windows {
		listed[string(w.ID)] = true
	}
	var missing []string
	ended := map[string]bool{} // what shall end and has ended is not there any more
	for _, w := range wants {
		if w.ID != "" && !listed[w.ID] {
			missing = append(missing, w.ID)
		}
		if w.ID != "" && w.Absent {
			ended[w.ID] = true
		}
	}
	more, err := m.readWindows(ctx, missing)
	if err != nil {
		return nil, err
	}
	var have []reconcile.Object[Window]
	for _, w := range append(windows, more...) {
		state := fromWireWindow(w)
		if !(ended[string(w.ID)] && !state.recurring && state.span.Over(m.started)) {
			have = append(have, reconcile.Object[Window]{ID: string(w.ID), State: state})
		}
	}
	return have, nil
}

func (m *maintenance) loadChecks(ctx context.Context, wants []reconcile.Want[Window]) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.checks != nil || !slices.ContainsFunc(wants, func(w reconcile.Want[Window]) bool { return w.State.given() }) {
		return nil
	}
	checks, err := m.listChecks(ctx, "")
	if err == nil {
		m.checks = newCatalogue(checks)
	}
	return err
}

// readWindows gives those of some windows that exist.
func (m *maintenance) readWindows(ctx context.Context, ids []string) ([]wireWindow, error) {
	read := make([]wireWindow, len(ids))
	err := reconcile.Each(ctx, m.concurrency, len(ids), func(ctx context.Context, i int) (err error) {
		read[i], err = m.getWindow(ctx, ids[i])
		if errors.Is(err, httpapi.ErrNotFound) {
			return nil
		}
		return err
	})
	return filter(read, func(w wireWindow) bool { return w.ID != "" }), err
}

func fromWireWindow(wire wireWindow) Window {
	w := Window{
		Description: &wire.Description, Checks: sortIDs(ids(wire.Checks.Uptime)), span: window.Span{From: time.Unix(wire.From, 0).UTC(), To: wire.end()},
		recurring: wire.RecurrenceType != "" && wire.RecurrenceType != "none", foreign: len(wire.Checks.TMS) > 0,
	}
	return w.stamped()
}

// stamped shows the times of a window as texts.
func (w Window) stamped() Window {
	from, to := window.Stamp(w.span.From), window.Stamp(w.span.To)
	w.Start, w.End = &from, &to
	return w
}

// Merge gives a window the checks of the wish's selection, and the times by the rules of window.Schedule.
func (m *maintenance) Merge(have *reconcile.Object[Window], want Window) (Window, error) {
	wanted, err := m.selected(want)
	if err != nil {
		return Window{}, err
	}
	if have == nil {
		want.Checks = wanted
		want.span = want.Times(nil, m.started)
		return want.stamped(), nil
	}
	if err := m.untouchable(m.Key(want), *have, false); err != nil {
		return Window{}, err
	}
	merged := have.State
	if want.Description != nil && *want.Description != have.State.title() {
		merged.Description = want.Description
	}
	if wanted != nil {
		merged.Checks = wanted
	}
	merged.span = want.Times(&have.State.span, m.started)
	return merged.stamped(), nil
}

// untouchable says why a window that a wish found must be left alone.
func (m *maintenance) untouchable(key string, have reconcile.Object[Window], absent bool) error {
	switch {
	case have.State.problem != nil:
		return have.State.problem
	case have.State.recurring:
		return fmt.Errorf("%s: window %s recurs, and is left alone; this module is about windows that occur once", key, have.ID)
	case have.State.span.Over(m.started) && !absent:
		return fmt.Errorf("%s: window %s was over at %s and cannot be changed; leave id out to make another one", key, have.ID, *have.State.End)
	}
	return nil
}

// Admit marks the windows that shall go and cannot be told or must not be touched. The others of the plan go on.
func (m *maintenance) Admit(_ context.Context, plan reconcile.Plan[Window]) error {
	for i := range plan {
		step := &plan[i]
		switch {
		case step.Err != nil:
			continue
		case step.Action == reconcile.Delete:
			step.Err = m.untouchable(step.Key, *step.Have, true)
		case step.Wish.absent:
			_, step.Err = m.selected(step.Wish)
		}
		if step.Err != nil {
			step.Action, step.Changes = reconcile.Unchanged, nil
		}
	}
	return nil
}

// Create opens or schedules a window.
func (m *maintenance) Create(ctx context.Context, want Window) (reconcile.Object[Window], error) {
	id, err := m.createWindow(ctx, m.body(reconcile.Diff(Window{}, want), want))
	if err != nil {
		return reconcile.Object[Window]{}, fmt.Errorf("creating maintenance window %s: %w", m.Key(want), err)
	}
	return reconcile.Object[Window]{ID: id, State: want}, nil
}

// Update sends the fields that differ.
func (m *maintenance) Update(ctx context.Context, have reconcile.Object[Window], want Window) (reconcile.Object[Window], error) {
	if err := m.updateWindow(ctx, have.ID, m.body(reconcile.Diff(have.State, want), want)); err != nil {
		return reconcile.Object[Window]{}, fmt.Errorf("updating maintenance window %s (%s): %w", m.Key(want), have.ID, err)
	}
	return reconcile.Object[Window]{ID: have.ID, State: want}, nil
}

// body gives the fields that differ the form in which the API takes them. A start that is now, or was a moment ago, is sent as the
// vendor's word for now.
func (m *maintenance) body(changes []reconcile.Change, want Window) map[string]any {
	body := make(map[string]any, len(changes))
	for _, c := range changes {
		switch c.Field {
		case "description":
			body["description"] = *want.Description
		case "start":
			body["from"] = want.span.From.Unix()
			if want.span.Begun(m.clock()) {
				body["from"] = wireNow
			}
		case "end":
			body["to"] = want.span.To.Unix()
		case "checks":
			body["uptimeids"] = strings.Join(want.Checks, ",")
		}
	}
	return body
}

// Delete removes a window that has not begun and ends one that has. Which of the two it is may change before the call arrives, or look
// different by Pingdom's clock, so what is refused in one way is tried in the other, and then looked at.
func (m *maintenance) Delete(ctx context.Context, have reconcile.Object[Window]) error {
	if err := m.untouchable(m.Key(have.State), have, true); err != nil {
		return err
	}
	remove := func() error { return m.deleteWindow(ctx, have.ID) }
	end := func() error { return m.updateWindow(ctx, have.ID, map[string]any{"to": wireNow}) }
	ways := []func() error{remove, end}
	if have.State.span.Begun(m.clock()) {
		slices.Reverse(ways)
	}
	err := ways[0]()
	if declined(err) && !errors.Is(err, httpapi.ErrNotFound) {
		if other := ways[1](); !declined(other) || errors.Is(other, httpapi.ErrNotFound) {
			err = other
		} else if left, lookErr := m.getWindow(ctx, have.ID); lookErr != nil {
			err = lookErr
		} else if fromWireWindow(left).span.Over(m.clock()) {
			return nil
		}
	}
	if err == nil || errors.Is(err, httpapi.ErrNotFound) {
		return nil
	}
	return fmt.Errorf("ending maintenance window %s (%s): %w", m.Key(have.State), have.ID, err)
}
