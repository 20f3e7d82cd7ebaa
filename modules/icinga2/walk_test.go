// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules/icinga2/icingatest"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// TestServiceWalk_OnTheRealServer walks with services of which every other one has attributes that cannot be changed after creation.
func TestServiceWalk_OnTheRealServer(t *testing.T) {
	t.Parallel()
	resourcetest.RandomWalk(t, serviceWalker)
}

// serviceWalker declares services, each for two hosts at a time.
func serviceWalker(t testing.TB, random *rand.Rand) resourcetest.Walker {
	t.Helper()
	l := serviceLab(t)
	hosts := []string{"w1", "w2"}
	l.host(append(hosts, "w3")...)
	w := l.walker("s")
	w.Tasks = func(declared map[string]bool) []options {
		var list []options
		for _, name := range slices.Sorted(maps.Keys(declared)) {
			list = append(list, options{"name": name}.With(walked(name, declared[name])))
		}
		recreate := []string{"never", "always"}[random.IntN(2)] // nothing has to be
		return []options{l.as(icingatest.Ansible, options{"stack": w.Stack, "for_hosts": hosts, "services": list, "purge": true, "recreate": recreate})}
	}
	w.Want = func(declared map[string]bool) map[string]bool {
		want := map[string]bool{}
		for name, edited := range declared {
			for _, host := range hosts {
				want[host+"!"+name] = edited
			}
		}
		return want
	}
	l.foreign("w1!theirs", "blog")
	l.foreign("w3!s0", "blog")
	l.foreign("w2!by hand", "")
	return w
}

// TestHostWalk_OnTheRealServer walks with hosts and their services.
func TestHostWalk_OnTheRealServer(t *testing.T) {
	t.Parallel()
	resourcetest.RandomWalk(t, hostWalker)
}

// hostWalker declares hosts with a service each, and with another one where they are edited.
func hostWalker(t testing.TB, random *rand.Rand) resourcetest.Walker {
	t.Helper()
	l := hostLab(t)
	w := l.walker("h")
	services := func(edited bool) []string {
		if edited {
			return []string{"a1", "b2"}
		}
		return []string{"a1"}
	}
	w.Tasks = func(declared map[string]bool) []options {
		var list []options
		for _, name := range slices.Sorted(maps.Keys(declared)) {
			var inside []options
			for _, service := range services(declared[name]) {
				inside = append(inside, options{"name": service}.With(walked(service, declared[name])))
			}
			list = append(list, options{"name": name, "check_command": "dummy", "notes": variant(declared[name]), "services": inside})
		}
		recreate := []string{"never", "always"}[random.IntN(2)]
		// A service that goes with its host does not count, so that the walk cannot tell the limit.
		return []options{l.as(icingatest.Ansible, options{
			"stack": w.Stack, "hosts": list, "purge": true, "purge_limit": "100%", "recreate": recreate,
		})}
	}
	w.Want = func(declared map[string]bool) map[string]bool {
		want := map[string]bool{}
		for name, edited := range declared {
			want[name] = edited
			for _, service := range services(edited) {
				want[name+"!"+service] = edited
			}
		}
		return want
	}
	l.foreign("theirs", "blog")
	l.foreign("theirs!a1", "blog")
	l.foreign("by hand", "")
	return w
}

// foreign makes an object of another stack, or of none.
func (l *lab) foreign(id, stack string) {
	l.T.Helper()
	attrs := map[string]any{"check_command": "dummy"}
	if stack != "" {
		attrs["vars"] = map[string]any{"managed_by": "stackwatch", "stack": stack}
	}
	l.root.Put(l.T, identified(id).kind.plural(), id, attrs)
}

// walked returns the attributes of a service of a walk, by its name.
func walked(name string, edited bool) options {
	o := options{"check_command": "http", "check_interval": "5m", "notes": variant(edited)}
	if (name[len(name)-1]-'0')%2 == 1 {
		o = o.With(fixed())
	}
	return o
}

// walker is the half of a walker that hosts and services have in common. Names of what it declares begin with a letter.
func (l *lab) walker(letter string) resourcetest.Walker {
	w := resourcetest.Walker{
		Lab: l.Lab, Stack: "walk",
		Held: func() []resourcetest.Held {
			var held []resourcetest.Held
			for name, attrs := range l.contents() {
				vars, _ := attrs["vars"].(map[string]any)
				stack, _ := vars["stack"].(string)
				held = append(held, resourcetest.Held{ID: name, Name: name, Stack: stack, Edited: attrs["notes"] == variant(true), State: attrs})
			}
			return held
		},
		Key: func(o resourcetest.Object) string {
			if resourcetest.Text(o.Type) == "host" {
				return resourcetest.Text(o.Name)
			}
			return resourcetest.Text(o.Host) + "!" + resourcetest.Text(o.Name)
		},
		Delete: func(o resourcetest.Held) { l.root.Delete(l.T, identified(o.ID).kind.plural(), o.ID) },
		Edit: func(o resourcetest.Held, edited bool) {
			l.root.Update(l.T, identified(o.ID).kind.plural(), o.ID, map[string]any{"notes": variant(edited)})
		},
		Make: l.makeByHand, Events: l.restarts(),
	}
	for i := range 8 {
		w.Names = append(w.Names, fmt.Sprint(letter, i))
	}
	return w
}

// restarts are the ways in which a server ends and comes back.
func (l *lab) restarts() []resourcetest.Event {
	return []resourcetest.Event{
		{Name: "reload", Weight: 1, Do: func() { l.server.Reload(l.T) }},
		{Name: "restart", Weight: 1, Do: func() { l.server.Restart(l.T) }},
		{Name: "crash", Weight: 1, Do: func() { l.server.Kill(l.T); l.server.Restart(l.T) }},
	}
}

// makeByHand makes a host, or a service like that of a task. Without its host it makes the host instead.
func (l *lab) makeByHand(id string, edited bool) {
	l.T.Helper()
	o := identified(id)
	if o.kind == hostKind || l.root.Object(l.T, "hosts", o.host) == nil {
		l.root.Put(l.T, "hosts", o.host, map[string]any{"check_command": "dummy", "notes": variant(edited)})
		return
	}
	attrs := walked(o.service, edited)
	attrs["check_interval"] = 300
	templates, _ := attrs["templates"].([]string)
	delete(attrs, "templates")
	l.root.Put(l.T, "services", id, attrs, templates...)
}

// variant is what tells the two variants of an object apart.
func variant(edited bool) string {
	if edited {
		return "edited"
	}
	return "plain"
}

// TestDowntimeWalk_OnTheRealServer walks with downtimes of hosts, with those of their services, and of services.
func TestDowntimeWalk_OnTheRealServer(t *testing.T) {
	t.Parallel()
	resourcetest.RandomWalk(t, downtimeWalker)
}

// downtimeWalker declares downtimes of one day in the future, of two days where they are edited.
func downtimeWalker(t testing.TB, _ *rand.Rand) resourcetest.Walker {
	t.Helper()
	p := newPause(t)
	const begins = 100 * 24 * 60 // minutes after noon
	days := func(edited bool) float64 {
		if edited {
			return 2
		}
		return 1
	}
	w := resourcetest.Walker{Lab: p.Lab, Stack: "walk", Edited: "replaced", Events: p.restarts()}
	p.watch("w0", "w0!a", "w0!b", "w1", "w1!a", "w2", "w3", "w3!a", "w4", "w4!a", "w4!b", "w4!c")
	w.Names = []string{"w0", "w1", "w2", "w3", "w4!a", "w4!b", "w4!c", "w3!a"}
	w.Tasks = func(declared map[string]bool) []options {
		var list []options
		for _, name := range w.Names {
			item := options{"comment": "Walk", "start": noon().Add(begins * time.Minute).Format(time.RFC3339), "duration": "1d"}
			if edited, is := declared[name]; !is {
				item = options{"comment": "Walk", "state": "absent"}
			} else if edited {
				item["duration"] = "2d"
			}
			o := identified(name)
			item["hosts"] = []string{o.host}
			if o.kind == serviceKind {
				item["services"] = []string{o.service}
			} else if item["state"] == nil {
				item["all_services"] = true
			}
			list = append(list, item)
		}
		return []options{p.as(icingatest.Ansible, options{"downtimes": list})}
	}
	w.Held = func() []resourcetest.Held {
		var held []resourcetest.Held
		for id, attrs := range p.Setup.Contents().(map[string]map[string]any) {
			at := place{attrs["host_name"].(string), attrs["service_name"].(string)}.String()
			o := resourcetest.Held{ID: id, Name: at, State: attrs, Edited: minutes(attrs["end_time"]) == begins+days(true)*24*60}
			if attrs["comment"] == "Walk" && attrs["author"] == "stackwatch" {
				o.Stack = w.Stack
			}
			if attrs["parent"] == "" { // what another one brought is a part of that
				held = append(held, o)
			}
		}
		return held
	}
	w.Key = func(o resourcetest.Object) string {
		service, _ := o.Service.(string) // null for a host's own
		return place{value(o.Host), service}.String()
	}
	w.Delete = func(o resourcetest.Held) {
		a := p.root.Do(t, "POST", "/v1/actions/remove-downtime", options{"type": "Downtime", "downtime": o.ID})
		require.Equal(t, 200, a.Status, string(a.Body))
	}
	schedule := func(at string, edited bool) {
		p.schedule("Walk", at, begins, begins+days(edited)*24*60, options{"all_services": identified(at).kind == hostKind})
	}
	w.Edit = func(o resourcetest.Held, edited bool) {
		w.Delete(o)
		schedule(o.Name, edited)
	}
	p.schedule("Other", "w0", begins, begins+60, options{"all_services": true})
	p.schedule("Walk", "w1", begins, begins+60, options{"author": "somebody"})
	p.schedule("Other", "w4!a", begins, begins+60, nil)
	return w
}
