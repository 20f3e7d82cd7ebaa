// SPDX-License-Identifier: GPL-3.0-or-later

// Package names lets users write the names of things that a service knows by id: contact groups, users, teams.
package names

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// List is what one option may name. It asks the service once, and only if a name is used. It is safe for concurrent use.
type List struct {
	Option, Noun string // "contact_groups", "contact group"
	IsID         func(text string) bool
	Load         func(context.Context) ([]Named, error) // all that there are

	mu     sync.Mutex
	loaded bool
	ids    map[string][]string // several where a name is not unique
}

// Named is one thing that has a name.
type Named struct{ ID, Name string }

// Resolve reads what there is if one of the values is a name.
func (l *List) Resolve(ctx context.Context, values ...[]string) error {
	named := slices.ContainsFunc(values, func(v []string) bool { return slices.ContainsFunc(v, func(text string) bool { return !l.IsID(text) }) })
	l.mu.Lock()
	defer l.mu.Unlock()
	if !named || l.loaded {
		return nil
	}
	all, err := l.Load(ctx)
	if err != nil {
		return err
	}
	l.ids = make(map[string][]string, len(all))
	for _, n := range all {
		l.ids[n.Name] = append(l.ids[n.Name], n.ID)
	}
	l.loaded = true
	return nil
}

// IDs gives the ids that values mean, each once and in their order; nil stays nil. key says in errors whose values they are. Resolve
// has been called with them.
func (l *List) IDs(key string, values []string) ([]string, error) {
	if values == nil {
		return nil, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := make([]string, 0, len(values))
	for _, value := range values {
		if !l.IsID(value) {
			found := l.ids[value]
			switch len(found) {
			case 0:
				return nil, fmt.Errorf("%s: value of %s must be ids or names of %ss, got: %s; there are: %s",
					key, l.Option, l.Noun, value, reconcile.Enumerate(l.known(), 10))
			case 1:
				value = found[0]
			default:
				return nil, fmt.Errorf("%s: the %s name %s is not unique; write the id of one of them: %s", key, l.Noun, value, strings.Join(found, ", "))
			}
		}
		if !slices.Contains(ids, value) {
			ids = append(ids, value)
		}
	}
	return ids, nil
}

func (l *List) known() []string {
	if len(l.ids) == 0 {
		return []string{"none"}
	}
	known := make([]string, 0, len(l.ids))
	for name := range l.ids {
		known = append(known, name)
	}
	slices.Sort(known)
	return known
}
