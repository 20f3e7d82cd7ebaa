// SPDX-License-Identifier: GPL-3.0-or-later

// Package names lets users write the names of things that a service knows by id: contact groups, users, teams.
package names

import (
	"cmp"
	"context"
	"fmt"
	"maps"
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
	Right        string                                 // what errors say the values must be, "" for "ids or names of <noun>s"
	Show         int                                    // how many of the existing names an error shows, 0 for 10

	mu     sync.Mutex
	loaded bool
	ids    map[string][]string // several where a name is not unique
	exists map[string]bool     // by id
}

// maxNames is how many of the existing names an error shows by default.
const maxNames = 10

// Named is one thing that has a name.
type Named struct{ ID, Name string }

// Resolve reads what there is if one of the values is a name.
func (l *List) Resolve(ctx context.Context, values ...[]string) error {
	named := slices.ContainsFunc(values, func(v []string) bool { return slices.ContainsFunc(v, func(text string) bool { return !l.IsID(text) }) })
	if !named {
		return nil
	}
	return l.load(ctx)
}

func (l *List) load(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.loaded {
		return nil
	}
	all, err := l.Load(ctx)
	if err != nil {
		return err
	}
	l.ids, l.exists = make(map[string][]string, len(all)), make(map[string]bool, len(all))
	for _, n := range all {
		l.ids[n.Name] = append(l.ids[n.Name], n.ID)
		l.exists[n.ID] = true
	}
	l.loaded = true
	return nil
}

// Require loads the list if a value is a name, or an id that the object does not have already: only the service knows
// whether that exists.
func (l *List) Require(ctx context.Context, values, current []string) error {
	if !slices.ContainsFunc(values, func(text string) bool { return !l.IsID(text) || !slices.Contains(current, text) }) {
		return nil
	}
	return l.load(ctx)
}

// Unknown returns an error that names the ids which do not exist, if the list was loaded. Ids that the object has
// already are not checked. key names the object in the error.
func (l *List) Unknown(key string, ids, current []string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.loaded {
		return nil
	}
	var unknown []string
	for _, id := range ids {
		if l.IsID(id) && !l.exists[id] && !slices.Contains(current, id) {
			unknown = append(unknown, id)
		}
	}
	if unknown == nil {
		return nil
	}
	return fmt.Errorf("%s: value of %s must be %s, got: %s; there are: %s",
		key, l.Option, l.right(), strings.Join(unknown, ", "), reconcile.Enumerate(l.knownWithIDs(), cmp.Or(l.Show, maxNames)))
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
				return nil, fmt.Errorf("%s: value of %s must be %s, got: %s; there are: %s",
					key, l.Option, l.right(), reconcile.Quoted(value), reconcile.Enumerate(l.known(), cmp.Or(l.Show, maxNames)))
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

// right returns what the values must be.
func (l *List) right() string { return cmp.Or(l.Right, fmt.Sprintf("ids or names of %ss", l.Noun)) }

// knownWithIDs returns what there is as "name (id)", or the id alone where it is the name too.
func (l *List) knownWithIDs() []string {
	var known []string
	for _, name := range slices.Sorted(maps.Keys(l.ids)) {
		for _, id := range l.ids[name] {
			if id != name {
				id = fmt.Sprintf("%s (%s)", name, id)
			}
			known = append(known, id)
		}
	}
	if known == nil {
		return []string{"none"}
	}
	return known
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
