// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/window"
)

// Downtime is the state of a downtime of one host or service; nil is unset. Downtimes that it brought for services and for child hosts are
// a part of it.
type Downtime struct {
	Comment          *string  `mapstructure:"comment"`
	Author           *string  `mapstructure:"author"`
	Host             *string  `mapstructure:"host"`
	Service          *string  `mapstructure:"service"` // nil of a host
	Start            *string  `mapstructure:"start"`   // RFC 3339 in UTC
	End              *string  `mapstructure:"end"`     // RFC 3339 in UTC
	Fixed            *bool    `mapstructure:"fixed"`
	FlexibleDuration *string  `mapstructure:"flexible_duration"` // as Go writes durations; nil of a fixed one
	AllServices      []string `mapstructure:"all_services"`      // the services of the host that it covers, sorted
	ChildHosts       *string  `mapstructure:"child_hosts"`       // none, schedule or trigger
	Duplicates       []string `mapstructure:"duplicates"`        // others by the same author with the same comment, for this object and time

	// What was read, or is to be written, beside it.
	span     window.Span
	lasts    time.Time // when it is over: a flexible one that has begun can go on behind its end
	flexible time.Duration
	children []string // full names of the downtimes that it brought for child hosts
	others   []string // full names of the duplicates and of what these brought

	// Not part of the state: what a wish asks for.
	selection
	window.Schedule
	absent      bool
	allServices *bool
	there       []string // the services that the host has, where all are wanted
}

// at gives the wish for one object.
func (d Downtime) at(p place) Downtime {
	d.Host, d.Service = &p.host, nil
	if p.service != "" {
		d.Service = &p.service
	}
	return d
}

func (d Downtime) place() place { return place{value(d.Host), value(d.Service)} }

// same tells whether two downtimes are by the same author with the same comment.
func (d Downtime) same(as Downtime) bool {
	return value(d.Author) == value(as.Author) && value(d.Comment) == value(as.Comment)
}

// stamped shows the times of a downtime as texts.
func (d Downtime) stamped() Downtime {
	from, to := window.Stamp(d.span.From), window.Stamp(d.span.To)
	d.Start, d.End = &from, &to
	return d
}

// downtimes is the reconcile.Provider of downtimes.
//
// The API changes no downtime with the permissions that scheduling needs. So one that is not as it shall be is replaced: the new one is
// scheduled before the old one is removed.
type downtimes struct {
	*client
	clock func() time.Time
	begun time.Time // the "now" of all wishes of a run

	mu  sync.Mutex
	ids map[string]string // of the downtimes in their desired state, by key
}

// noteID remembers the id of the downtime that matches a declared one. An id that is known stays unless replace is set.
func (p *downtimes) noteID(d Downtime, id string, replace bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.ids[p.Key(d)]; replace || !known {
		p.ids[p.Key(d)] = id
	}
}

// results returns the value results that icinga2_downtime of community.general returns.
func (p *downtimes) results() map[string]any {
	p.mu.Lock()
	defer p.mu.Unlock()
	results := []map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(p.ids)) {
		results = append(results, map[string]any{"code": 200, "name": p.ids[key], "status": "The downtime is scheduled."})
	}
	return map[string]any{"results": results}
}

func newDowntimes(c *client, clock func() time.Time) *downtimes {
	return &downtimes{client: c, clock: clock, begun: clock().UTC().Truncate(time.Second), ids: map[string]string{}}
}

// Key is the comment with the author and the object and, where that was said, when the downtime begins.
func (p *downtimes) Key(d Downtime) string {
	key := fmt.Sprintf("%s (%s) by %s", value(d.Comment), d.place(), value(d.Author))
	if !d.Schedule.Start.IsZero() {
		key += " at " + window.Stamp(d.Schedule.Start)
	}
	return key
}

// Group keeps what the Ledger knows of downtimes apart from what it knows of other objects of the server.
func (p *downtimes) Group(Downtime) string { return "downtimes" }

// Find matches by author, comment, object and time. Of several that shall exist it gives one, which knows the others: one that is as it
// shall be, or else the one that lasts longest.
func (p *downtimes) Find(have []reconcile.Found[Downtime]) func(reconcile.Want[Downtime]) []reconcile.Found[Downtime] {
	byPlace := make(map[place][]reconcile.Found[Downtime], len(have))
	for _, o := range have {
		at := o.Known.place()
		byPlace[at] = append(byPlace[at], o)
	}
	return func(want reconcile.Want[Downtime]) []reconcile.Found[Downtime] {
		w := want.State
		found := slices.DeleteFunc(slices.Clone(byPlace[w.place()]), func(o reconcile.Found[Downtime]) bool {
			meant := !o.Known.span.Over(p.begun) && w.Means(o.Known.span, p.begun)
			if want.Absent {
				meant = p.goes(w, o.Known)
			}
			return !meant || !o.Known.same(w)
		})
		if want.Absent || len(found) < 2 {
			return found
		}
		return []reconcile.Found[Downtime]{p.best(found, w)}
	}
}

// best gives one of several downtimes that a wish means.
func (p *downtimes) best(found []reconcile.Found[Downtime], want Downtime) reconcile.Found[Downtime] {
	slices.SortStableFunc(found, func(a, b reconcile.Found[Downtime]) int {
		rank := func(f reconcile.Found[Downtime]) int {
			if o, whole := f.Whole(); whole && p.MustReplace(o, want) == "" {
				return 0
			}
			return 1
		}
		return cmp.Or(rank(a)-rank(b), b.Known.span.To.Compare(a.Known.span.To))
	})
	best := found[0]
	for _, o := range found[1:] {
		best.Known.Duplicates = append(best.Known.Duplicates, o.ID)
		best.Known.others = append(append(best.Known.others, o.ID), o.Known.children...)
	}
	return best
}

// goes tells whether a downtime is at the time that is meant by a wish to end it: without a start at any time to come.
func (p *downtimes) goes(wish, have Downtime) bool {
	until := window.Span{From: have.span.From, To: have.lasts}
	return !until.Over(p.begun) && (wish.Schedule.Start.IsZero() || wish.MeansGone(until, p.begun))
}

// Observe lists the downtimes of the authors and comments of the wishes, with one query.
func (p *downtimes) Observe(ctx context.Context, wants []reconcile.Want[Downtime], _ bool) ([]reconcile.Found[Downtime], error) {
	if len(wants) == 0 {
		return nil, nil
	}
	var about []Downtime
	var names []string
	for _, w := range wants {
		if w.State.Comment != nil {
			about = append(about, w.State)
		}
		if w.ID != "" {
			names = append(names, w.ID)
		}
	}
	listed, err := p.list(ctx, about, names)
	if err != nil {
		return nil, err
	}
	have := make([]reconcile.Found[Downtime], len(listed))
	for i, o := range listed {
		have[i] = reconcile.Found[Downtime]{ID: o.ID, Known: o.State} // what it brought is listed only by author and comment
		if slices.ContainsFunc(about, o.State.same) {
			have[i] = o.Found()
		}
	}
	_, err = p.restarted(ctx)
	return have, err
}

// list gives the downtimes that are about the same as some others, and those of some names. Those that a downtime brought for services and
// child hosts are a part of that one, and those that the configuration schedules are nobody's.
func (p *downtimes) list(ctx context.Context, about []Downtime, names []string) ([]reconcile.Object[Downtime], error) {
	var authors, comments []string
	for _, d := range about {
		authors, comments = append(authors, value(d.Author)), append(comments, value(d.Comment))
	}
	found, err := p.listDowntimes(ctx, authors, comments, names)
	if err != nil {
		return nil, err
	}
	return families(found), nil
}

// families joins what belongs together. The server says which downtime of a host brought one of a service. Which one brought that of a
// child host it says only of those that it triggers, so the times tell it: see scheduling.
func families(found []object[wireDowntime]) []reconcile.Object[Downtime] {
	type times struct{ start, end float64 }
	listed, heads := make(map[string]bool, len(found)), make(map[times]string)
	for _, o := range found {
		listed[o.Name] = true
		if w := o.Attrs; w.Parent == "" && w.TriggeredBy == "" && marked(w) {
			heads[times{w.Start, w.End}] = o.Name
		}
	}
	services, children, triggers := map[string][]string{}, map[string][]string{}, map[string]bool{}
	var have []reconcile.Object[Downtime]
	for _, o := range found {
		w := o.Attrs
		head, brought := heads[times{w.Start, w.End}]
		if listed[w.TriggeredBy] {
			head, brought = w.TriggeredBy, true
			triggers[head] = true
		}
		switch {
		case w.Owner != "":
		case w.Parent != "":
			services[w.Parent] = append(services[w.Parent], w.Service)
		case brought && head != o.Name:
			children[head] = append(children[head], o.Name)
		default:
			have = append(have, reconcile.Object[Downtime]{ID: o.Name, State: fromWireDowntime(w)})
		}
	}
	for i := range have {
		d := &have[i].State
		d.AllServices = reconcile.Known(sorted(services[have[i].ID]))
		d.children = children[have[i].ID]
		if triggers[have[i].ID] {
			*d.ChildHosts = "trigger"
		}
	}
	slices.SortFunc(have, func(a, b reconcile.Object[Downtime]) int {
		return cmp.Or(strings.Compare(a.State.place().String(), b.State.place().String()), strings.Compare(a.ID, b.ID))
	})
	return have
}

func fromWireDowntime(w wireDowntime) Downtime {
	d := Downtime{
		Comment: &w.Comment, Author: &w.Author, Fixed: &w.Fixed, span: window.Span{From: fromSeconds(w.Start), To: fromSeconds(w.End)},
	}.at(place{w.Host, w.Service})
	children := "none"
	if marked(w) {
		children = "schedule"
	}
	d.ChildHosts = &children
	d.lasts = d.span.To
	if !w.Fixed {
		d.flexible = time.Duration(w.Duration * float64(time.Second))
		if end := fromSeconds(w.Triggered).Add(d.flexible); w.Triggered > 0 && end.After(d.lasts) {
			d.lasts = end
		}
		text := d.flexible.String()
		d.FlexibleDuration = &text
	}
	return d.stamped()
}

// mark is the fraction of a second, never 0, at which a downtime begins that brings others for child hosts. It is made of the object's
// name. So the downtimes of the children, which have the very same times, are told from the one that brought them.
func mark(p place) time.Duration {
	h := fnv.New32a()
	h.Write([]byte(p.String())) // never fails
	return time.Duration(h.Sum32()%999_999+1) * time.Microsecond
}

func marked(w wireDowntime) bool {
	return time.Duration(fromSeconds(w.Start).Nanosecond()) == mark(place{w.Host, w.Service})
}

// Merge gives a downtime the times by the rules of window.Schedule, and what the wish says of it.
func (p *downtimes) Merge(have *reconcile.Object[Downtime], want Downtime) (Downtime, error) {
	if have == nil {
		fixed, none := true, "none"
		if want.Fixed == nil {
			want.Fixed = &fixed
		}
		if want.ChildHosts == nil {
			want.ChildHosts = &none
		}
		want.AllServices = reconcile.Known(want.there)
		want.span = want.Times(nil, p.begun)
		return want.stamped(), nil
	}
	p.noteID(want, have.ID, false)
	merged := have.State
	merged.Duplicates, merged.others = nil, nil
	merged.allServices = want.allServices // also where the host itself has none, for its children
	if want.Fixed != nil {
		merged.Fixed, merged.FlexibleDuration, merged.flexible = want.Fixed, want.FlexibleDuration, want.flexible
	}
	// Whether children are triggered shows only where there are some.
	bare := len(have.State.children) == 0 && value(have.State.ChildHosts) != "none" && value(want.ChildHosts) != "none"
	if want.ChildHosts != nil && !bare {
		merged.ChildHosts = want.ChildHosts
	}
	switch {
	case want.allServices == nil:
	case !*want.allServices:
		merged.AllServices = []string{}
	case slices.ContainsFunc(want.there, func(service string) bool { return !slices.Contains(merged.AllServices, service) }):
		merged.AllServices = want.there
	}
	merged.span = want.Times(&have.State.span, p.begun)
	return merged.stamped(), nil
}

// MustReplace names a field that differs: nothing of a downtime itself is changed in place.
func (p *downtimes) MustReplace(have reconcile.Object[Downtime], want Downtime) string {
	merged, err := p.Merge(&have, want)
	if err != nil {
		return ""
	}
	have.State.Duplicates = nil
	if changes := reconcile.Diff(have, merged); len(changes) > 0 {
		return changes[0].Field
	}
	return ""
}

// Claim has nothing to do: what an interrupted replacement has left is a duplicate, see Find.
func (p *downtimes) Claim(context.Context, reconcile.Object[Downtime], Downtime) error { return nil }

// Claimed is never true, see Claim.
func (p *downtimes) Claimed(reconcile.Found[Downtime]) bool { return false }

// Create schedules a downtime.
func (p *downtimes) Create(ctx context.Context, want Downtime) (reconcile.Object[Downtime], error) {
	id := ""
	err := p.begin(ctx)
	if err == nil {
		id, err = p.scheduleDowntime(ctx, want.scheduling())
	}
	if err != nil {
		return reconcile.Object[Downtime]{}, fmt.Errorf("scheduling downtime %s: %w", p.Key(want), err)
	}
	p.noteID(want, id, true)
	return reconcile.Object[Downtime]{ID: id, State: want}, nil
}

// scheduling gives a downtime the form in which the API takes it. Where it brings others for child hosts it begins with its mark, and ends
// with a fraction by which two of them for the same object and time are told apart.
func (d Downtime) scheduling() scheduling {
	from, to := d.span.From.Truncate(time.Second), d.span.To.Truncate(time.Second)
	s := scheduling{
		Type: hostKind, Host: value(d.Host), Author: value(d.Author), Comment: value(d.Comment), Fixed: value(d.Fixed),
		Duration: d.flexible.Seconds(), AllServices: value(d.allServices) || d.allServices == nil && len(d.AllServices) > 0,
	}
	if d.Service != nil {
		s.Type, s.Host, s.Service = serviceKind, "", d.place().String()
	}
	if children := value(d.ChildHosts); children != "none" {
		from, to = from.Add(mark(d.place())), to.Add(time.Duration(rand.N(1_000_000))*time.Microsecond)
		s.ChildOptions = map[string]string{"schedule": "DowntimeNonTriggeredChildren", "trigger": "DowntimeTriggeredChildren"}[children]
	}
	s.Start, s.End = toSeconds(from), toSeconds(to)
	return s
}

// Update removes the duplicates of a downtime. All else is replaced, see MustReplace.
func (p *downtimes) Update(ctx context.Context, have reconcile.Object[Downtime], want Downtime) (reconcile.Object[Downtime], error) {
	left, err := p.removed(ctx, have.State.others)
	if err != nil && len(left) > 0 {
		return reconcile.Object[Downtime]{}, fmt.Errorf("removing duplicates of downtime %s (%s): %w", p.Key(want), have.ID, err)
	}
	return reconcile.Object[Downtime]{ID: have.ID, State: want}, nil
}

// Delete removes a downtime with those that it brought.
func (p *downtimes) Delete(ctx context.Context, have reconcile.Found[Downtime]) error {
	return p.DeleteMany(ctx, []reconcile.Found[Downtime]{have})[0]
}

// BatchSize is how many downtimes are removed with one call.
func (p *downtimes) BatchSize() int { return 200 }

// DeleteMany removes downtimes, with those that they brought and their duplicates, by one call.
func (p *downtimes) DeleteMany(ctx context.Context, have []reconcile.Found[Downtime]) []error {
	family := func(o reconcile.Found[Downtime]) []string {
		return slices.Concat([]string{o.ID}, o.Known.children, o.Known.others)
	}
	var names []string
	for _, o := range have {
		names = append(names, family(o)...)
	}
	errs := make([]error, len(have))
	left, err := p.removed(ctx, names)
	for i, o := range have {
		if err != nil && slices.ContainsFunc(family(o), func(name string) bool { return left[name] }) {
			errs[i] = fmt.Errorf("removing downtime %s (%s): %w", p.Key(o.Known), o.ID, err)
		}
	}
	return errs
}

// removed removes downtimes by their full names. The server's answer does not tell what was gone before from what it refuses, so after an
// error a look says which are left; all may be where nobody can look.
func (p *downtimes) removed(ctx context.Context, names []string) (left map[string]bool, err error) {
	if err = p.begin(ctx); err == nil {
		err = p.removeDowntimes(ctx, names)
	}
	if err == nil {
		return nil, nil
	}
	found, lookErr := query[struct{}](ctx, p.client, downtimeKind, byName(downtimeKind, names))
	if lookErr != nil {
		return set(names), err
	}
	left = set(nil)
	for _, o := range found {
		left[o.Name] = true
	}
	return left, err
}
