// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/window"
)

// Blackout is the state of a blackout; nil is unset. All but End is what it covers. Together with the text that identifies it.
type Blackout struct {
	Environment *string  `mapstructure:"environment"`
	Resource    *string  `mapstructure:"resource"`
	Service     []string `mapstructure:"service"`
	Event       *string  `mapstructure:"event"`
	Group       *string  `mapstructure:"group"`
	Tags        []string `mapstructure:"tags"`
	Origin      *string  `mapstructure:"origin"`
	Customer    *string  `mapstructure:"customer"`
	End         *string  `mapstructure:"end"` // RFC 3339 in UTC

	span   window.Span
	status string
	text   string
	given  bool // the customer can be one that nobody asked for
}

func describeBlackout(b Blackout) map[string]any {
	return map[string]any{
		"environment": b.Environment, "resource": b.Resource, "service": reconcile.Known(b.Service), "event": b.Event, "group": b.Group,
		"tags": reconcile.Known(b.Tags), "origin": b.Origin, "customer": b.Customer, "end": b.End,
	}
}

// expired is the status of a blackout that is over, active of one that is under way.
const (
	expired = "expired"
	active  = "active"
)

func fromWireBlackout(b wireBlackout) reconcile.Object[Blackout] {
	set := func(value string) *string {
		if value == "" {
			return nil
		}
		return &value
	}
	sorted := func(list []string) []string {
		list = append([]string{}, list...)
		slices.Sort(list)
		return slices.Compact(list)
	}
	end := window.Stamp(b.End)
	return reconcile.Object[Blackout]{ID: b.ID, State: Blackout{
		Environment: &b.Environment, Resource: set(b.Resource), Service: sorted(b.Service), Event: set(b.Event), Group: set(b.Group),
		Tags: sorted(b.Tags), Origin: set(b.Origin), Customer: set(b.Customer), End: &end,
		span: window.Span{From: b.Start, To: b.End}, status: b.Status, text: b.Text,
	}}
}

// mostBlackouts bounds what lists of several values multiply to.
const mostBlackouts = 100

// desiredBlackouts returns a blackout for each combination of the selection's values, because a blackout covers a
// single value of each part. It applies to alerts that have all of its services and tags, so each gets one service, and
// one tag besides the stack's.
func desiredBlackouts(s selection, absent bool) ([]reconcile.Want[Blackout], error) {
	states := []Blackout{{Service: []string{}, Tags: []string{}}}
	for _, part := range []struct {
		values []string
		set    func(*Blackout, string)
	}{
		{s.environment, func(b *Blackout, v string) { b.Environment = &v }},
		{s.resource, func(b *Blackout, v string) { b.Resource = &v }},
		{s.service, func(b *Blackout, v string) { b.Service = []string{v} }},
		{s.event, func(b *Blackout, v string) { b.Event = &v }},
		{s.group, func(b *Blackout, v string) { b.Group = &v }},
		{s.stackTags(), func(b *Blackout, v string) { b.Tags = []string{v} }},
		{s.tags, func(b *Blackout, v string) { b.Tags = append(slices.Clone(b.Tags), v) }},
		{s.origin, func(b *Blackout, v string) { b.Origin = &v }},
		{s.customer, func(b *Blackout, v string) { b.Customer = &v }},
	} {
		if part.values == nil {
			continue
		}
		var combined []Blackout
		for _, state := range states {
			for _, value := range part.values {
				with := state
				part.set(&with, value)
				slices.Sort(with.Tags)
				with.Tags = slices.Compact(with.Tags)
				combined = append(combined, with)
			}
		}
		if states = combined; len(states) > mostBlackouts {
			return nil, fmt.Errorf("the values of the selection combine to more than %d blackouts; select by a stack, a tag or a service instead", mostBlackouts)
		}
	}
	wants := make([]reconcile.Want[Blackout], len(states))
	for i, state := range states {
		wants[i] = reconcile.Want[Blackout]{State: state, Absent: absent}
	}
	return wants, nil
}

// blackouts is the reconcile.Provider of blackouts.
type blackouts struct {
	*client
	now      func() time.Time
	duration time.Duration
	text     string
}

// Key says what a blackout covers.
func (p *blackouts) Key(b Blackout) string {
	parts := []string{text(b.Environment)}
	for _, part := range []struct {
		name   string
		values []string
	}{
		{"resource", one(b.Resource)},
		{"service", b.Service},
		{"event", one(b.Event)},
		{"group", one(b.Group)},
		{"tags", b.Tags},
		{"origin", one(b.Origin)},
		{"customer", one(b.Customer)},
	} {
		if len(part.values) > 0 {
			parts = append(parts, fmt.Sprintf("%s %q", part.name, part.values))
		}
	}
	return strings.Join(parts, ", ")
}

// keys are those of the wishes that mean a blackout. The server gives it the customer of the caller's key where the wish has none.
func (p *blackouts) keys(b Blackout) []string {
	keys := []string{p.Key(b)}
	if b.given {
		b.Customer = nil
		keys = append(keys, p.Key(b))
	}
	return keys
}

// Find matches by what is covered and by the text, among the blackouts that are under way. Planned ones are somebody's plan for later, and those
// with another text are somebody else's.
func (p *blackouts) Find(have []reconcile.Found[Blackout]) func(reconcile.Want[Blackout]) []reconcile.Found[Blackout] {
	byKey := make(map[string][]reconcile.Found[Blackout], len(have))
	for _, o := range have {
		if o.Known.status == active && o.Known.text == p.text {
			for _, key := range p.keys(o.Known) {
				byKey[key] = append(byKey[key], o)
			}
		}
	}
	return func(w reconcile.Want[Blackout]) []reconcile.Found[Blackout] { return byKey[p.Key(w.State)] }
}

// Observe lists all blackouts. A key that is bound to a customer sees those of this customer alone, and no other sign of what it is bound to.
func (p *blackouts) Observe(ctx context.Context, _ []reconcile.Want[Blackout], _ bool) ([]reconcile.Found[Blackout], error) {
	list, err := p.listBlackouts(ctx)
	if err != nil {
		return nil, err
	}
	bound := !slices.ContainsFunc(list, func(b wireBlackout) bool { return b.Customer == "" || b.Customer != list[0].Customer })
	found := make([]reconcile.Found[Blackout], len(list))
	for i, b := range list {
		o := fromWireBlackout(b)
		o.State.given = bound
		found[i] = o.Found()
	}
	return found, nil
}

// plan compares the wishes with what there is. Of several blackouts alike one is kept, and those that are over go as well, whoever made them.
// Where blackouts shall be absent it tells of those that go on because their text is another.
func (p *blackouts) plan(ctx context.Context, wants []reconcile.Want[Blackout]) (reconcile.Plan[Blackout], error) {
	have, err := p.Observe(ctx, wants, true)
	if err != nil {
		return nil, err
	}
	wanted := make(map[string]bool, len(wants))
	for _, w := range wants {
		wanted[p.Key(w.State)] = true
	}
	meant := func(o reconcile.Found[Blackout]) bool {
		return slices.ContainsFunc(p.keys(o.Known), func(key string) bool { return wanted[key] })
	}
	plan, err := reconcile.Compute(p, have, wants, reconcile.Policy[Blackout]{
		OnDuplicate: reconcile.Oldest,
		Scope:       func(o reconcile.Found[Blackout]) bool { return o.Known.status == expired && meant(o) },
	})
	for i := range plan {
		if plan[i].Reason == reconcile.NotDeclared {
			plan[i].Reason = expired
		}
	}
	for _, f := range have {
		if o, _ := f.Whole(); wants[0].Absent && o.State.status == active && o.State.text != p.text && meant(f) {
			plan = append(plan, reconcile.Step[Blackout]{
				Index: -1, Key: p.Key(o.State), ID: o.ID, Action: reconcile.Unchanged, Have: &o, Wish: o.State, Want: o.State,
				Reason: fmt.Sprintf("it goes on, because its text is another: %q", o.State.text),
			})
		}
	}
	return plan, err
}

// Merge decides when the blackout ends: one with at least half of the duration left is left alone.
func (p *blackouts) Merge(have *reconcile.Object[Blackout], want Blackout) (Blackout, error) {
	schedule := window.Schedule{Duration: p.duration}
	var span *window.Span
	if have != nil {
		want = have.State
		span = &have.State.span
	}
	want.span = schedule.Times(span, p.now().UTC().Truncate(time.Second))
	if have == nil || !want.span.To.Equal(have.State.span.To) {
		end := window.Stamp(want.span.To)
		want.End = &end
	}
	return want, nil
}

// wireTime is the only form of a time that the server takes.
const wireTime = "2006-01-02T15:04:05.000Z"

// Create makes a blackout that begins now by the server's clock.
func (p *blackouts) Create(ctx context.Context, want Blackout) (reconcile.Object[Blackout], error) {
	body := map[string]any{
		"environment": want.Environment, "service": want.Service, "tags": want.Tags, "duration": int(p.duration.Seconds()), "text": p.text,
	}
	for name, value := range map[string]*string{
		"resource": want.Resource, "event": want.Event, "group": want.Group, "origin": want.Origin, "customer": want.Customer,
	} {
		if value != nil {
			body[name] = value
		}
	}
	made, err := p.createBlackout(ctx, body)
	if err != nil {
		return reconcile.Object[Blackout]{}, wrap("creating blackout "+p.Key(want), err)
	}
	return fromWireBlackout(made), nil
}

// Update moves the end. The server ignores a duration here.
func (p *blackouts) Update(ctx context.Context, have reconcile.Object[Blackout], want Blackout) (reconcile.Object[Blackout], error) {
	body := map[string]any{"endTime": want.span.To.UTC().Format(wireTime)}
	if have.State.Customer != nil {
		body["customer"] = have.State.Customer
	}
	err := p.updateBlackout(ctx, have.ID, body)
	return reconcile.Object[Blackout]{ID: have.ID, State: want}, wrap(fmt.Sprintf("moving the end of blackout %s (%s)", p.Key(want), have.ID), err)
}

// Delete removes a blackout.
func (p *blackouts) Delete(ctx context.Context, have reconcile.Found[Blackout]) error {
	return wrap(fmt.Sprintf("deleting blackout %s (%s)", p.Key(have.Known), have.ID), p.deleteBlackout(ctx, have.ID))
}

// one gives the value of a part that has a single one.
func one(value *string) []string {
	if value == nil {
		return nil
	}
	return []string{*value}
}

func text(value *string) string {
	if value == nil {
		return ""
	}
	return *value
}
