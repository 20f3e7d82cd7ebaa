// SPDX-License-Identifier: GPL-3.0-or-later

package stacks

import (
	"context"
	"slices"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// Identity is what an object, or a wish for one, is known by where no id is given.
type Identity struct {
	Name  *string  // nil in a wish that has only an id
	Label string   // what messages say instead of a name
	Kind  string   // where objects of several kinds may have the same name; "" in a wish means any
	Stack string   // of a wish its stack, of an object Marks.Group; "" for none
	Tags  []string // of an object
}

// Base is the half of a reconcile.Provider that is the same for all services with tags: what a wish means among the objects that
// there are, and which of them to read. A provider embeds it. Names are unique at most within a stack and a kind.
type Base[S any] struct {
	Marks       Marks
	Identify    func(S) Identity
	DefaultKind string // the kind that Key leaves out, and that Find prefers for a Want without one

	// List gives what the service's list tells of all objects with a tag, of all where it is "": every page, or an error.
	List func(ctx context.Context, tag string) ([]reconcile.Found[S], error)
	// Read gives the whole state of one object, nil where there is none with that id.
	Read        func(ctx context.Context, id string) (*S, error)
	Concurrency int // reads at a time

	ScopeStack string // with scope Observe shows all of this stack, or all that there is where it is ""
}

// Group is the stack, and all of them for an object that is shared.
func (b Base[S]) Group(s S) string { return b.Identify(s).Stack }

// Key is "stack/name", or the name alone, with a slash before it if it has one inside: a stack's name has none. Behind it stands
// the kind, in parentheses, where it is not the default: "shop/gateway (ping)".
func (b Base[S]) Key(s S) string {
	id := b.Identify(s)
	key := id.Label
	if id.Name != nil {
		key = *id.Name
	}
	switch {
	case id.Stack != "":
		key = id.Stack + "/" + key
	case strings.Contains(key, "/"):
		key = "/" + key
	}
	if id.Kind != "" && id.Kind != b.DefaultKind {
		key += " (" + id.Kind + ")"
	}
	return key
}

// Alike tells whether two objects are of one kind.
func (b Base[S]) Alike(x, y S) bool {
	one, other := b.Identify(x).Kind, b.Identify(y).Kind
	return one == other || one == "" || other == ""
}

// Claimed tells whether a replacement of the object was interrupted.
func (b Base[S]) Claimed(have reconcile.Found[S]) bool {
	return slices.Contains(b.Identify(have.Known).Tags, b.Marks.Replaced)
}

// Find matches by name. With a stack these are the stack's objects, or else, for a present Want, those without a stack,
// which are adopted. Without a stack they are all objects of that name. A Want with a kind matches that kind only. One
// without matches any; if present it prefers the default kind, which it would create. Names are compared exactly: a
// trailing space makes another name.
func (b Base[S]) Find(have []reconcile.Found[S]) func(reconcile.Want[S]) []reconcile.Found[S] {
	type named struct {
		Identity
		object reconcile.Found[S]
	}
	byName := make(map[string][]named, len(have))
	for _, o := range have {
		id := b.Identify(o.Known)
		byName[*id.Name] = append(byName[*id.Name], named{id, o})
	}
	return func(w reconcile.Want[S]) []reconcile.Found[S] {
		wish := b.Identify(w.State)
		if wish.Name == nil {
			return nil
		}
		// First choice to last.
		choices := make([][]reconcile.Found[S], 4)
		for _, o := range byName[*wish.Name] {
			choice := 0
			switch {
			case wish.Stack == "" || slices.Contains(o.Tags, b.Marks.Stack+wish.Stack):
			case w.Absent || o.Stack != "":
				continue
			default:
				choice = 2
			}
			switch {
			case wish.Kind != "" && wish.Kind != o.Kind:
				continue
			case wish.Kind == "" && !w.Absent && o.Kind != b.DefaultKind:
				choice++
			}
			choices[choice] = append(choices[choice], o.object)
		}
		for _, found := range choices {
			if len(found) > 0 {
				return found
			}
		}
		return nil
	}
}

// Observe reads the objects that wishes name by id, and the list where there are names or a scope: of one stack where all
// are of it, and of the whole account where not, or where an object may have to be adopted. Those that shall exist are
// then read one by one, because the list does not tell all.
func (b Base[S]) Observe(ctx context.Context, wants []reconcile.Want[S], scope bool) ([]reconcile.Found[S], error) {
	have, err := b.listed(ctx, wants, scope)
	if err != nil {
		return nil, err
	}
	index := make(map[string]int, len(have))
	for i, o := range have {
		index[o.ID] = i
	}
	var read []string
	find := b.Find(have)
	for _, w := range wants {
		if w.ID != "" {
			read = append(read, w.ID)
			continue
		}
		for _, o := range find(w) {
			if !w.Absent {
				read = append(read, o.ID)
			}
		}
	}
	slices.Sort(read)
	states, err := b.readAll(ctx, slices.Compact(read))
	if err != nil {
		return nil, err
	}
	gone := make(map[string]bool)
	for id, state := range states {
		i, listed := index[id]
		switch {
		case state == nil:
			gone[id] = true
		case listed:
			have[i] = reconcile.Object[S]{ID: id, State: *state}.Found()
		default:
			have = append(have, reconcile.Object[S]{ID: id, State: *state}.Found())
		}
	}
	return slices.DeleteFunc(have, func(o reconcile.Found[S]) bool { return gone[o.ID] }), nil
}

// listed reads as little of the list as the wishes allow.
func (b Base[S]) listed(ctx context.Context, wants []reconcile.Want[S], scope bool) ([]reconcile.Found[S], error) {
	stacks := make(map[string]bool)
	if scope {
		stacks[b.ScopeStack] = true
	}
	for _, w := range wants {
		if w.ID == "" {
			stacks[b.Group(w.State)] = true
		}
	}
	tag := ""
	switch {
	case len(stacks) == 0:
		return nil, nil
	case len(stacks) == 1 && !stacks[""]:
		for stack := range stacks {
			tag = b.Marks.Stack + stack
		}
	}
	have, err := b.List(ctx, tag)
	if err != nil || tag == "" {
		return have, err
	}
	find := b.Find(have)
	for _, w := range wants {
		if w.ID == "" && !w.Absent && len(find(w)) == 0 {
			return b.List(ctx, "")
		}
	}
	return have, nil
}

// mostDetails is how many objects are read for a diff of deletions: these services allow few calls a second.
const mostDetails = 10

// Details reads up to ten objects whole for the diff of their deletion; of more, it shows what the list has.
func (b Base[S]) Details(ctx context.Context, have []reconcile.Found[S]) ([]reconcile.Found[S], error) {
	if len(have) > mostDetails {
		return have, nil
	}
	ids := make([]string, len(have))
	for i, o := range have {
		ids[i] = o.ID
	}
	states, err := b.readAll(ctx, ids)
	if err != nil {
		return nil, err
	}
	whole := slices.Clone(have)
	for i, o := range whole {
		if state := states[o.ID]; state != nil {
			whole[i] = reconcile.Object[S]{ID: o.ID, State: *state}.Found()
		}
	}
	return whole, nil
}

// ReadIDs reads objects by their ids, and leaves out those that do not exist.
func (b Base[S]) ReadIDs(ctx context.Context, ids []string) ([]reconcile.Object[S], error) {
	states, err := b.readAll(ctx, ids)
	var objects []reconcile.Object[S]
	for _, id := range ids {
		if state := states[id]; state != nil {
			objects = append(objects, reconcile.Object[S]{ID: id, State: *state})
		}
	}
	return objects, err
}

// Current returns a function that returns what is known of the object that a Want is about, the zero state where there
// is none or several.
func (b Base[S]) Current(have []reconcile.Found[S]) func(reconcile.Want[S]) S {
	byID := make(map[string]S, len(have))
	for _, o := range have {
		byID[o.ID] = o.Known
	}
	find := b.Find(have)
	return func(w reconcile.Want[S]) S {
		if w.ID != "" {
			return byID[w.ID]
		}
		if found := find(w); len(found) == 1 {
			return found[0].Known
		}
		var none S
		return none
	}
}

// readAll gives the whole state of objects by id, nil for those that do not exist.
func (b Base[S]) readAll(ctx context.Context, ids []string) (map[string]*S, error) {
	read := make([]*S, len(ids))
	err := reconcile.ReadEach(ctx, b.Concurrency, len(ids), func(ctx context.Context, i int) (err error) {
		read[i], err = b.Read(ctx, ids[i])
		return err
	})
	if err != nil {
		return nil, err
	}
	states := make(map[string]*S, len(ids))
	for i, id := range ids {
		states[id] = read[i]
	}
	return states, nil
}
