// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stackwatch/ansible-monitoring/modules/icinga2/icingatest"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// TestServiceWalk_OnTheRealServer holds icinga2_service, with and without attributes that cannot be changed after creation.
func TestServiceWalk_OnTheRealServer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		of   options
	}{
		{"plain", options{}},
		{"fixed attributes", options{"templates": []string{"generic-service"}, "groups": []string{"http"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			resourcetest.RandomWalk(t, func(t testing.TB, random *rand.Rand) resourcetest.Walker { return serviceWalker(t, random, c.of) })
		})
	}
}

// serviceWalker declares services for two hosts at a time, each with some attributes more.
func serviceWalker(t testing.TB, random *rand.Rand, more options) resourcetest.Walker {
	t.Helper()
	l := serviceLab(t)
	w := l.walker()
	w.Key = func(o resourcetest.Object) string { return resourcetest.Text(o.Host) + "!" + resourcetest.Text(o.Name) }
	hosts := []string{"w1", "w2"}
	l.host(append(hosts, "w3")...)
	for i := range 12 {
		w.Names = append(w.Names, fmt.Sprintf("s%02d", i))
	}
	for _, name := range []string{"w1!theirs", "w3!s00"} {
		l.root.Put(t, "services", name, map[string]any{"check_command": "dummy", "vars": map[string]any{"managed_by": "stackwatch", "stack": "blog"}})
	}
	l.root.Put(t, "services", "w2!by hand", map[string]any{"check_command": "dummy"})

	w.Tasks = func(declared map[string]bool) []options {
		var list []options
		for _, name := range w.Names {
			if edited, ok := declared[name]; ok {
				list = append(list, options{"name": name, "check_command": "http", "check_interval": "5m", "notes": variant(edited)}.With(more))
			}
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
	w.Make = func(name string, edited bool) {
		attrs := map[string]any{"check_command": "http", "check_interval": 300, "notes": variant(edited)}
		if groups, ok := more["groups"]; ok {
			attrs["groups"] = groups
		}
		templates, _ := more["templates"].([]string)
		l.root.Put(t, "services", name, attrs, templates...)
	}
	return w
}

// walker is the half of a walker that hosts and services have in common.
func (l *lab) walker() resourcetest.Walker {
	kindOf := func(name string) string { return identified(name).kind.plural() }
	return resourcetest.Walker{
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
		Delete: func(o resourcetest.Held) { l.root.Delete(l.T, kindOf(o.ID), o.ID) },
		Edit: func(o resourcetest.Held, edited bool) {
			l.root.Update(l.T, kindOf(o.ID), o.ID, map[string]any{"notes": variant(edited)})
		},
		Events: []resourcetest.Event{
			{Name: "reload", Weight: 1, Do: func() { l.server.Reload(l.T) }},
			{Name: "restart", Weight: 1, Do: func() { l.server.Restart(l.T) }},
			{Name: "crash", Weight: 1, Do: func() { l.server.Kill(l.T); l.server.Restart(l.T) }},
		},
	}
}

// variant is what tells the two variants of an object apart.
func variant(edited bool) string {
	if edited {
		return "edited"
	}
	return "plain"
}
