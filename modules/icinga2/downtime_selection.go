// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// selection says which objects a declared downtime is for. Hosts alone are the hosts themselves, with services it is those services of
// theirs. A stack alone is all its hosts and services; beside it the others choose among these.
type selection struct {
	hosts, services []string // names or patterns; nil where they were not given
	stack           string   // "" for none

	filter *objectFilter
	places map[place]bool // what filter selects; set by expand
}

// objectFilter selects hosts or services by an expression that the server evaluates.
type objectFilter struct {
	kind kind
	filter
}

// words says what is selected: "stack shop: hosts web*; services ping".
func (s selection) words() string {
	var parts []string
	if s.filter != nil {
		parts = append(parts, "filter "+s.filter.Expression)
	}
	if s.hosts != nil {
		parts = append(parts, "hosts "+strings.Join(s.hosts, ", "))
	}
	if s.services != nil {
		parts = append(parts, "services "+strings.Join(s.services, ", "))
	}
	listed := strings.Join(parts, "; ")
	switch {
	case s.stack == "":
		return listed
	case listed == "":
		return "stack " + s.stack
	}
	return "stack " + s.stack + ": " + listed
}

// place is a host, or a service of it.
type place struct{ host, service string }

// String is the full name.
func (p place) String() string {
	if p.service == "" {
		return p.host
	}
	return p.host + "!" + p.service
}

// named tells whether the selection's hosts and services name an object, whatever stack it is of.
func (s selection) named(p place) bool {
	if s.filter != nil {
		return s.places[p]
	}
	of := func(list []string, name string) bool {
		return slices.ContainsFunc(list, func(wanted string) bool { return wanted == name || isPattern(wanted) && matches(wanted, name) })
	}
	switch {
	case s.hosts != nil && !of(s.hosts, p.host):
		return false
	case s.services != nil:
		return p.service != "" && of(s.services, p.service)
	case s.hosts != nil && s.stack == "":
		return p.service == ""
	}
	return true
}

// directory is the hosts and services that there are, as far as some selections are about them.
type directory struct {
	hosts    map[string]string   // name -> stack
	services map[string][]string // host -> names, sorted
	stacks   map[place]string    // of services
}

// places gives the objects that a selection means, sorted.
func (d directory) places(s selection) []place {
	var found []place
	for host, stack := range d.hosts {
		if p := (place{host: host}); s.named(p) && (s.stack == "" || s.stack == stack) {
			found = append(found, p)
		}
	}
	for host, services := range d.services {
		for _, service := range services {
			if p := (place{host, service}); s.named(p) && (s.stack == "" || s.stack == d.stacks[p]) {
				found = append(found, p)
			}
		}
	}
	slices.SortFunc(found, func(a, b place) int { return strings.Compare(a.String(), b.String()) })
	return found
}

// check finds what a selection names and does not exist.
func (d directory) check(s selection, found []place) error {
	if len(found) == 0 && s.hosts == nil {
		return fmt.Errorf("there is no host or service for the downtime: nothing matches %s", s.words())
	}
	var missing []string
	for _, host := range s.hosts {
		services := s.services
		if services == nil {
			services = []string{""}
		}
		for _, service := range services {
			one := selection{hosts: []string{host}, stack: s.stack}
			if service != "" {
				one.services = []string{service}
			}
			if !slices.ContainsFunc(found, one.named) {
				missing = append(missing, place{host, service}.String())
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	within := ""
	if s.stack != "" {
		within = " in the stack " + s.stack
	}
	return fmt.Errorf("there is no object%s that these mean: %s", within, reconcile.Enumerate(missing, 10))
}

// directory asks for the hosts and services that some declared downtimes are about, with one query of each kind.
func (c *client) directory(ctx context.Context, declared []Downtime) (directory, error) {
	d := directory{hosts: map[string]string{}, services: map[string][]string{}, stacks: map[place]string{}}
	var names, patterns, stacks []string
	serviced := false
	for _, w := range declared {
		for _, host := range w.hosts {
			if isPattern(host) {
				patterns = append(patterns, host)
			} else {
				names = append(names, host)
			}
		}
		if w.stack != "" {
			stacks = append(stacks, w.stack)
		}
		for p := range w.places {
			names = append(names, p.host)
			serviced = serviced || p.service != ""
		}
		serviced = serviced || w.services != nil || w.stack != "" || value(w.allServices)
	}
	attrs := []string{"__name"}
	if len(stacks) > 0 {
		attrs = append(attrs, "vars")
	}
	f := filter{
		"names.contains(host.__name) || stacks.contains(host.vars.stack)",
		map[string]any{"names": set(names), "stacks": set(stacks)},
	}
	for i, pattern := range sorted(patterns) {
		variable := fmt.Sprintf("pattern%d", i)
		f.Expression += fmt.Sprintf(" || match(%s, host.name)", variable) // which takes a for A; named does not
		f.Vars[variable] = pattern
	}
	hosts, err := query[wire](ctx, c, hostKind, f, attrs...)
	if err != nil {
		return d, permission(err, "objects/query/Host")
	}
	for _, h := range hosts {
		if isRehearsal(h.Name) {
			continue
		}
		d.hosts[h.Name], _ = h.Attrs.Vars[stackVar].(string)
	}
	if !serviced {
		return d, nil
	}
	services, err := query[wire](ctx, c, serviceKind, filter{
		"hosts.contains(host.name) || stacks.contains(service.vars.stack)",
		map[string]any{"hosts": set(slices.Sorted(maps.Keys(d.hosts))), "stacks": set(stacks)},
	}, attrs...)
	if err != nil {
		return d, permission(err, "objects/query/Service")
	}
	for _, s := range services {
		host, service, _ := strings.Cut(s.Name, "!")
		d.services[host] = append(d.services[host], service)
		d.stacks[place{host, service}], _ = s.Attrs.Vars[stackVar].(string)
	}
	for host := range d.services {
		slices.Sort(d.services[host])
	}
	return d, nil
}

// expand makes of each declared downtime one wish for each object: for what shall be by the objects that there are, for what shall go by
// the downtimes that there are.
func (p *downtimes) expand(ctx context.Context, declared []reconcile.Want[Downtime]) ([]reconcile.Want[Downtime], error) {
	for i := range declared {
		if f := declared[i].State.filter; f != nil {
			var err error
			if declared[i].State.places, err = p.selected(ctx, *f); err != nil {
				return nil, err
			}
		}
	}
	var lookUp, going []Downtime
	for _, w := range declared {
		if w.ID == "" && (!w.Absent || w.State.stack != "") {
			lookUp = append(lookUp, w.State)
		}
		if w.ID == "" && w.Absent {
			going = append(going, w.State)
		}
	}
	var d directory
	var have []reconcile.Object[Downtime]
	var err error
	if len(lookUp) > 0 {
		if d, err = p.directory(ctx, lookUp); err != nil {
			return nil, err
		}
	}
	if len(going) > 0 {
		if have, err = p.list(ctx, going, nil); err != nil {
			return nil, err
		}
	}
	var wants []reconcile.Want[Downtime]
	var problems []string
	for _, w := range declared {
		switch {
		case w.ID != "":
			wants = append(wants, ended(wants, w)...)
		case w.Absent:
			wants = append(wants, ended(wants, p.ending(w.State, have, d)...)...)
		default:
			found := d.places(w.State.selection)
			if err := d.check(w.State.selection, found); err != nil {
				problems = append(problems, fmt.Sprintf("%s: %v", value(w.State.Comment), err))
			}
			wants = append(wants, scheduled(w.State, found, d)...)
		}
	}
	if len(problems) > 0 {
		return nil, errors.New(strings.Join(problems, "; "))
	}
	return wants, nil
}

// selected returns what a filter selects, as the server evaluates it.
func (p *downtimes) selected(ctx context.Context, f objectFilter) (map[place]bool, error) {
	found, err := query[struct{}](ctx, p.client, f.kind, f.filter)
	if err != nil {
		return nil, permission(fmt.Errorf("value of filter must be an expression of Icinga 2, got: %s: %w", f.Expression, err), "objects/query/"+string(f.kind))
	}
	places := map[place]bool{}
	for _, o := range found {
		host, service, _ := strings.Cut(o.Name, "!")
		if !isRehearsal(host) && !isRehearsal(service) {
			places[place{host, service}] = true
		}
	}
	return places, nil
}

// ended leaves out of some wishes for what shall go those that are there already: that two patterns mean the same is no contradiction.
func ended(there []reconcile.Want[Downtime], more ...reconcile.Want[Downtime]) []reconcile.Want[Downtime] {
	return slices.DeleteFunc(more, func(w reconcile.Want[Downtime]) bool {
		return slices.ContainsFunc(there, func(known reconcile.Want[Downtime]) bool { return known.ID == w.ID })
	})
}

// scheduled gives the wishes of a downtime that shall be for some objects. A service that its host's downtime brings has none of its own.
func scheduled(w Downtime, places []place, d directory) []reconcile.Want[Downtime] {
	var wants []reconcile.Want[Downtime]
	for _, at := range places {
		one := w.at(at)
		if at.service != "" {
			if value(w.allServices) && slices.Contains(places, place{host: at.host}) {
				continue
			}
			one.allServices = nil
		} else if value(w.allServices) {
			one.there = d.services[at.host]
		}
		wants = append(wants, reconcile.Want[Downtime]{State: one})
	}
	return wants
}

// ending gives a wish for each downtime that shall go. Each is named by its id: what is not in the list is not removed.
func (p *downtimes) ending(w Downtime, have []reconcile.Object[Downtime], d directory) []reconcile.Want[Downtime] {
	members := map[place]bool{}
	if w.stack != "" {
		for _, at := range d.places(w.selection) {
			members[at] = true
		}
	}
	var wants []reconcile.Want[Downtime]
	for _, o := range have {
		at := o.State.place()
		if o.State.same(w) && w.selection.named(at) && (w.stack == "" || members[at]) && p.goes(w, o.State) {
			one := w.at(at)
			one.absent = true
			wants = append(wants, reconcile.Want[Downtime]{ID: o.ID, State: one, Absent: true})
		}
	}
	return wants
}
