// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// groupNames knows the ids of contact groups by name, once a wish has used a name.
type groupNames struct {
	mu     sync.Mutex
	loaded bool
	ids    map[string][]string // several where a name is not unique
}

// resolve reads the contact groups if a wish names one, once for all.
func (u *uptime) resolve(ctx context.Context, wants []reconcile.Want[Test]) error {
	named := slices.ContainsFunc(wants, func(w reconcile.Want[Test]) bool {
		return !w.Absent && slices.ContainsFunc(w.State.ContactGroups, isName)
	})
	u.groups.mu.Lock()
	defer u.groups.mu.Unlock()
	if !named || u.groups.loaded {
		return nil
	}
	groups, err := u.listContactGroups(ctx)
	if err != nil {
		return err
	}
	u.groups.ids = make(map[string][]string, len(groups))
	for _, g := range groups {
		u.groups.ids[g.Name] = append(u.groups.ids[g.Name], g.ID)
	}
	u.groups.loaded = true
	return nil
}

// contactGroups gives the ids of a wish's contact groups, nil where it has none.
func (u *uptime) contactGroups(want Test) ([]string, error) {
	if want.ContactGroups == nil {
		return nil, nil
	}
	u.groups.mu.Lock()
	defer u.groups.mu.Unlock()
	ids := make([]string, 0, len(want.ContactGroups))
	for _, group := range want.ContactGroups {
		if !isName(group) {
			ids = append(ids, group)
			continue
		}
		switch found := u.groups.ids[group]; len(found) {
		case 0:
			return nil, fmt.Errorf("%s: value of contact_groups must be ids or names of contact groups, got: %s; there are: %s",
				u.Key(want), group, reconcile.Enumerate(u.groups.sorted(), 10))
		case 1:
			ids = append(ids, found[0])
		default:
			return nil, fmt.Errorf("%s: the contact group name %s is not unique; write the id of one of them: %s",
				u.Key(want), group, strings.Join(found, ", "))
		}
	}
	return tidy(ids), nil
}

func (g *groupNames) sorted() []string {
	names := make([]string, 0, len(g.ids))
	for name := range g.ids {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func isName(group string) bool { return !idPattern.MatchString(group) }
