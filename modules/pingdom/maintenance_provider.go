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
	"github.com/stackwatch/ansible-monitoring/pkg/progress"
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
	foreign   bool  // it covers transaction checks, which no wish selects
	exact     bool  // its checks are those that the wish selects
	problem   error // the wish that found this window means others as well
	// twins are others that cover the same checks at the same time, as two runs at once open them. They are ended together.
	twins []Window

	// Not part of the state: what a wish asks for.
	selection
	window.Schedule
	absent bool
	label  string // what stands for a description where the user gave only an id
}

// maintenance is the reconcile.Provider of maintenance windows.
type maintenance struct {
	*client
	clock func() time.Time
	warn  func(format string, args ...any) // adds a warning

	mu     sync.Mutex
	checks *catalogue          // nil until a wish needs it
	found  map[string][]Window // by description, what Find looked among
}

func newMaintenance(c *client, clock func() time.Time) *maintenance {
	return &maintenance{client: c, clock: clock, warn: func(string, ...any) {}}
}

func (m *maintenance) now() time.Time { return m.clock().UTC().Truncate(time.Second) }

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

// byDescription reports whether the description, and not an id, names a declared window.
func (w Window) byDescription() bool { return w.label == "" }

func (w Window) title() string {
	if w.Description == nil {
		return w.label
	}
	return *w.Description
}

// Find matches by description among the windows that occur once and are not over, then by the checks (see own) and the
// time (see meant). Windows that cover exactly the selection come first. Of twins, a present window is the one that
// was made first, however long it lasts, and an absent one means all. Otherwise one of several carries an error as its problem, because nothing
// says which is meant.
func (m *maintenance) Find(have []reconcile.Found[Window]) func(reconcile.Want[Window]) []reconcile.Found[Window] {
	now := m.now()
	byTitle := titled(have, now)
	m.mu.Lock()
	m.found = byTitle
	m.mu.Unlock()
	return func(want reconcile.Want[Window]) []reconcile.Found[Window] {
		wish := want.State
		wanted, err := m.selected(wish)
		if err != nil {
			return nil // Merge says it, or Admit
		}
		found := meant(m.own(wish, wanted, byTitle[wish.title()]), wish.Schedule, want.Absent, now)
		if exact := filter(found, func(w Window) bool { return w.exact }); len(exact) > 0 {
			found = exact
		}
		nothing := !want.Absent && want.State.given() && len(wanted) == 0 // see unopened
		if len(found) == 0 || nothing {
			return nil
		}
		switch {
		case len(found) == 1:
		case m.areTwins(found):
			slices.SortStableFunc(found, func(a, b Window) int { return reconcile.CompareIDs(a.label, b.label) })
			found[0].twins = found[1:]
		default:
			var texts []string
			for _, w := range found {
				texts = append(texts, w.when())
			}
			advice := "give id or start"
			if !wish.given() {
				advice = "give stack, checks, id or start"
			}
			found[0].problem = fmt.Errorf("%s: %w: %s; %s", m.Key(wish), reconcile.ErrAmbiguous, reconcile.Enumerate(texts, 10), advice)
		}
		return []reconcile.Found[Window]{reconcile.Object[Window]{ID: found[0].label, State: found[0]}.Found()}
	}
}

// when names a window with its times.
func (w Window) when() string { return fmt.Sprintf("%s (%s to %s)", w.label, *w.Start, *w.End) }

// areTwins reports whether windows cover the same checks and overlap, as those that two runs at once open.
func (m *maintenance) areTwins(windows []Window) bool {
	checks := m.catalogue()
	if checks == nil {
		checks = newCatalogue(nil, nil)
	}
	first := windows[0]
	return !slices.ContainsFunc(windows[1:], func(w Window) bool {
		return w.foreign != first.foreign || !reconcile.SameSet(checks.left(w), checks.left(first)) || !w.span.Overlaps(first.span)
	})
}

// titled gives the windows that occur once and are not over by their descriptions.
func titled(have []reconcile.Found[Window], now time.Time) map[string][]Window {
	byTitle := make(map[string][]Window, len(have))
	for _, o := range have {
		if w := o.Known; !w.recurring && !w.span.Over(now) {
			w.label = o.ID
			byTitle[w.title()] = append(byTitle[w.title()], w)
		}
	}
	return byTitle
}

// own gives those of some windows that are a wish's own, as far as their checks tell it. A window that covers anything beside what is
// selected can be another deployment's, so it is nobody's but that one's: two windows at a time do no harm, and each ends by itself.
//
//   - It covers what is selected, or a part of that: the selection has grown since. Where a stack is selected, and not all of it is covered,
//     one of its checks must be in no other stack, which could have opened the window too.
//   - If there is none: none of its checks exists any more. Whoever removes a stack can still end its window.
//
// A wish that selects nothing means them all.
func (m *maintenance) own(wish Window, wanted []string, windows []Window) []Window {
	if !wish.given() {
		return windows
	}
	checks := m.catalogue()
	var shared, empty []Window
	for _, w := range windows {
		left := checks.left(w)
		switch {
		case w.foreign || len(without(left, wanted)) > 0:
		case len(left) == 0:
			empty = append(empty, w)
		case len(left) == len(wanted):
			w.exact = true
			shared = append(shared, w)
		case slices.ContainsFunc(left, func(id string) bool { return checks.only(id, wish.stack) }):
			shared = append(shared, w)
		}
	}
	if len(shared) > 0 {
		return shared
	}
	return empty
}

// selected gives the ids of the checks that a wish selects, nil where it says nothing of checks.
func (m *maintenance) selected(wish Window) ([]string, error) {
	if !wish.given() {
		return nil, nil
	}
	ids, err := m.catalogue().ids(wish.selection, wish.absent || wish.byDescription() && m.catalogue().isNew(wish.stack))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Key(wish), err)
	}
	return ids, nil
}

// Observe lists the windows, if a wish is known by its description, and then the checks, once and only if a wish selects some: so every
// check of a window that is seen was there when the checks were listed. What a wish names by its id and the list does not show is read
// singly.
func (m *maintenance) Observe(ctx context.Context, wants []reconcile.Want[Window], _ bool) ([]reconcile.Found[Window], error) {
	now := m.now()
	var windows []wireWindow
	if slices.ContainsFunc(wants, func(w reconcile.Want[Window]) bool { return w.ID == "" }) {
		var err error
		if windows, err = m.listWindows(ctx, now); err != nil {
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
	var have []reconcile.Found[Window]
	for _, w := range append(windows, more...) {
		state := fromWireWindow(w)
		if !(ended[string(w.ID)] && !state.recurring && state.span.Over(now)) {
			have = append(have, reconcile.Object[Window]{ID: string(w.ID), State: state}.Found())
		}
	}
	if err := m.loadChecks(ctx, wants); err != nil {
		return nil, err
	}
	return have, m.prove(ctx, wants, have)
}

// ReadIDs returns the windows with these ids.
func (m *maintenance) ReadIDs(ctx context.Context, ids []string) ([]reconcile.Object[Window], error) {
	read, err := m.readWindows(ctx, ids)
	if err != nil {
		return nil, err
	}
	var objects []reconcile.Object[Window]
	var found []reconcile.Found[Window]
	var wants []reconcile.Want[Window]
	for _, w := range read {
		o := reconcile.Object[Window]{ID: string(w.ID), State: fromWireWindow(w)}
		objects, found, wants = append(objects, o), append(found, o.Found()), append(wants, reconcile.Want[Window]{ID: o.ID})
	}
	return objects, m.prove(ctx, wants, found)
}

// loadChecks lists the checks, if a wish selects some, and reads those that this controller created moments ago and the list does not show.
func (m *maintenance) loadChecks(ctx context.Context, wants []reconcile.Want[Window]) error {
	if m.catalogue() != nil || !slices.ContainsFunc(wants, func(w reconcile.Want[Window]) bool { return w.State.given() }) {
		return nil
	}
	listed, err := m.listChecks(ctx, "")
	if err != nil {
		return err
	}
	checks := newCatalogue(listed, nil)
	recent := without(m.http.Ledger().Recent(ctx, checks.groups(wants)...), checks.listed())
	read, err := m.look(ctx, recent)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.checks = checks.with(recent, read)
	return nil
}

// look reads checks by their ids; one that does not exist has no id.
func (m *maintenance) look(ctx context.Context, ids []string) ([]overview, error) {
	read := make([]overview, len(ids))
	err := reconcile.ReadEach(progress.About(ctx, "checks"), m.concurrency, len(ids), func(ctx context.Context, i int) error {
		check, err := m.getCheck(ctx, ids[i])
		if errors.Is(err, httpapi.ErrNotFound) {
			return nil
		}
		read[i] = check.overview
		return err
	})
	return read, err
}

func (m *maintenance) catalogue() *catalogue {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.checks
}

// prove reads the checks of windows that the list of checks does not show, where they decide whose the window is. Only Pingdom's word on
// a check proves that it is gone: the list shows a new one late.
func (m *maintenance) prove(ctx context.Context, wants []reconcile.Want[Window], have []reconcile.Found[Window]) error {
	checks := m.catalogue()
	if checks == nil {
		return nil
	}
	byID := make(map[string]Window, len(have))
	for _, o := range have {
		byID[o.ID] = o.Known
	}
	byTitle := titled(have, m.now())
	var doubtful []string
	for _, want := range wants {
		wanted, err := m.selected(want.State)
		switch {
		case err != nil: // nothing will be done
		case want.ID != "":
			doubtful = append(doubtful, checks.unknown(byID[want.ID])...)
		case want.State.given():
			for _, w := range byTitle[want.State.title()] {
				unknown := checks.unknown(w)
				if len(without(w.Checks, append(unknown, wanted...))) == 0 {
					doubtful = append(doubtful, unknown...)
				}
			}
		}
	}
	doubtful = sortIDs(doubtful)
	if len(doubtful) == 0 {
		return nil
	}
	read, err := m.look(ctx, doubtful)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.checks = m.checks.with(doubtful, read)
	return nil
}

// readWindows gives those of some windows that exist.
func (m *maintenance) readWindows(ctx context.Context, ids []string) ([]wireWindow, error) {
	read := make([]wireWindow, len(ids))
	err := reconcile.ReadEach(ctx, m.concurrency, len(ids), func(ctx context.Context, i int) (err error) {
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
		want.span = want.Times(nil, m.now())
		return want.stamped(), nil
	}
	if err := m.untouchable(m.Key(want), have.Found(), false); err != nil {
		return Window{}, err
	}
	if err := m.elsewhere(m.Key(want), *have, want.stack); err != nil {
		return Window{}, err
	}
	merged := have.State
	merged.selection, merged.Schedule = want.selection, want.Schedule
	if want.Description != nil && *want.Description != have.State.title() {
		merged.Description = want.Description
	}
	if wanted != nil {
		merged.Checks = wanted
	}
	merged.span = want.Times(&have.State.span, m.now())
	return merged.stamped(), nil
}

// untouchable says why a window that a wish found must be left alone.
func (m *maintenance) untouchable(key string, have reconcile.Found[Window], absent bool) error {
	switch {
	case have.Known.problem != nil:
		return have.Known.problem
	case have.Known.recurring:
		return fmt.Errorf("%s: window %s recurs, and is left alone; this module is about windows that occur once", key, have.ID)
	case have.Known.span.Over(m.now()) && !absent:
		return fmt.Errorf("%s: window %s was over at %s and cannot be changed; leave id out to make another one", key, have.ID, *have.Known.End)
	}
	return nil
}

// elsewhere says where a window that a wish for a stack names by its id belongs to another one.
func (m *maintenance) elsewhere(key string, have reconcile.Object[Window], stack string) error {
	if stack == "" {
		return nil
	}
	checks := m.catalogue()
	others := filter(checks.left(have.State), func(id string) bool {
		o := checks.byID[id]
		return len(marks().Stacks(o.userTags())) > 0 && !inStack(o, stack)
	})
	if len(others) == 0 {
		return nil
	}
	return fmt.Errorf("%s: window %s covers checks of other stacks, and is left alone: %s; leave stack out to change it all the same",
		key, have.ID, checks.names(others))
}

// beside says what a window that a wish names by its id covers beside the selection of that wish.
func (m *maintenance) beside(step reconcile.Step[Window]) error {
	wanted, err := m.selected(step.Wish)
	if err != nil || !step.Wish.given() {
		return err
	}
	what := m.catalogue().beside(step.Deleted.Known, wanted)
	if what == "" {
		return nil
	}
	return fmt.Errorf("%s: window %s also covers what is not selected, and is left alone: %s; leave checks, tags and stack out to end it all the same",
		step.Key, step.ID, what)
}

// stillOpen is the error of a wish that shall end a window, found none of its own, and would leave alerts off: a window of that description
// is open for some of what is selected, and nothing tells whose it is. Perhaps a check has left the selection since it was opened.
func (m *maintenance) stillOpen(step reconcile.Step[Window]) error {
	wanted, err := m.selected(step.Wish)
	if err != nil || !step.Wish.given() || step.ID != "" {
		return err
	}
	now, checks := m.now(), m.catalogue()
	m.mu.Lock()
	windows := m.found[step.Wish.title()]
	m.mu.Unlock()
	var texts []string
	for _, w := range windows {
		timely := w.span.Begun(now)
		if !step.Wish.Schedule.Start.IsZero() {
			timely = step.Wish.MeansGone(w.span, now)
		}
		if !timely || len(without(w.Checks, wanted)) == len(w.Checks) {
			continue
		}
		text := w.when() + " covers checks that other stacks have as well"
		if what := checks.beside(w, wanted); what != "" {
			text = w.when() + " also covers " + what
		}
		texts = append(texts, text)
	}
	if len(texts) == 0 {
		return nil
	}
	return fmt.Errorf("%s: a window of this description keeps alerts off for what is selected, and cannot be told to be the one that is meant: "+
		"%s; write its id, without checks, tags and stack, to end it", step.Key, reconcile.Enumerate(texts, 10))
}

// unopened reports whether a step would open a window for a stack without checks, as the first deployment of a stack
// does.
func (m *maintenance) unopened(step reconcile.Step[Window]) bool {
	return step.Action == reconcile.Create && len(step.Want.Checks) == 0
}

// Admit sets the errors of windows that cannot be told apart or must not be changed, and skips those of stacks without
// checks. The rest of the plan goes on.
func (m *maintenance) Admit(_ context.Context, plan reconcile.Plan[Window]) error {
	for i := range plan {
		step := &plan[i]
		switch {
		case step.Err != nil:
			continue
		case m.unopened(*step):
			m.warn("%s: the stack %s has no check yet, so no window is opened", step.Key, step.Wish.stack)
			step.Action, step.Changes = reconcile.Unchanged, nil
		case step.Action == reconcile.Delete:
			if step.Err = m.untouchable(step.Key, *step.Deleted, true); step.Err == nil {
				step.Err = m.beside(*step)
			}
		case step.Wish.absent:
			step.Err = m.stillOpen(*step)
		}
		if step.Err != nil {
			step.Action, step.Changes = reconcile.Unchanged, nil
		}
	}
	return nil
}

// Create opens or schedules a window.
func (m *maintenance) Create(ctx context.Context, want Window) (reconcile.Object[Window], error) {
	var sent Window
	id, err := m.createWindow(ctx, func() any {
		sent = m.current(Window{}, want)
		return m.body(reconcile.Set(sent), sent)
	})
	if err != nil {
		return reconcile.Object[Window]{}, fmt.Errorf("creating maintenance window %s: %w", m.Key(want), err)
	}
	return reconcile.Object[Window]{ID: id, State: sent}, nil
}

// Update sends the fields that differ.
func (m *maintenance) Update(ctx context.Context, have reconcile.Object[Window], want Window) (reconcile.Object[Window], error) {
	var sent Window
	err := m.updateWindow(ctx, have.ID, func() any {
		sent = m.current(have.State, want)
		return m.body(reconcile.Diff(have, sent), sent)
	})
	if err != nil {
		return reconcile.Object[Window]{}, fmt.Errorf("updating maintenance window %s (%s): %w", m.Key(want), have.ID, err)
	}
	return reconcile.Object[Window]{ID: have.ID, State: sent}, nil
}

// current gives a window that is about to be sent its times anew: since it was planned the call may have waited for minutes, and what
// begins now begins only when it arrives. A start in a moment is now as well, since by Pingdom's clock it may have passed.
func (m *maintenance) current(have, want Window) Window {
	now := m.now()
	if !want.span.From.Equal(have.span.From) && want.span.Begun(now.Add(window.Slip)) {
		want.span.From = now
	}
	if want.Schedule.Start.IsZero() && !want.span.To.Equal(have.span.To) {
		want.span.To = now.Add(want.Duration)
	}
	return want.stamped()
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

// Delete ends a window and its twins. An error does not keep the others from being ended.
func (m *maintenance) Delete(ctx context.Context, have reconcile.Found[Window]) error {
	if err := m.untouchable(m.Key(have.Known), have, true); err != nil {
		return err
	}
	err, ended := m.end(ctx, have), 0
	for _, twin := range have.Known.twins {
		switch failed := m.end(ctx, reconcile.Found[Window]{ID: twin.label, Known: twin}); {
		case failed == nil:
			ended++
		case err == nil:
			err, ended = failed, ended+1
		default:
			err = fmt.Errorf("%w; %w", err, failed)
		}
	}
	if err != nil && ended > 0 {
		return &partial{err}
	}
	return err
}

// partial is the error of a deletion that ended only some of several windows.
type partial struct{ error }

// Partly reports that something was changed.
func (*partial) Partly() bool { return true }

// Unwrap returns the error itself.
func (p *partial) Unwrap() error { return p.error }

// end deletes a window that has not begun, and ends one that has. Which applies may change before the call arrives, or
// differ by Pingdom's clock, so a refused call is tried the other way and then looked at.
func (m *maintenance) end(ctx context.Context, have reconcile.Found[Window]) error {
	remove := func() error { return m.deleteWindow(ctx, have.ID) }
	end := func() error {
		return m.updateWindow(ctx, have.ID, func() any { return map[string]any{"to": wireNow} })
	}
	ways := []func() error{remove, end}
	if have.Known.span.Begun(m.clock()) {
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
	return fmt.Errorf("ending maintenance window %s (%s): %w", m.Key(have.Known), have.ID, err)
}
