// SPDX-License-Identifier: GPL-3.0-or-later

package stacks_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/stacks"
)

// probe is a state with as little as an object can have.
type probe struct {
	name  *string
	kind  string
	stack string
	tags  []string
	whole bool // it was read by its id
}

type (
	object = reconcile.Found[probe]
	want   = reconcile.Want[probe]
)

// account is a service with tags; its log has "list TAG" and "read ID".
type account struct {
	objects []object
	unread  []string // ids that the list still shows but nobody finds
	fail    string   // the entry of the log that fails
	mu      sync.Mutex
	log     []string
}

var errBroken = errors.New("broken")

func (a *account) called(entry string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.log = append(a.log, entry)
	if entry == a.fail {
		return errBroken
	}
	return nil
}

func (a *account) base(scopeStack string) stacks.Base[probe] {
	return stacks.Base[probe]{
		Marks: stacks.Colons(), DefaultKind: "http", Concurrency: 2, ScopeStack: scopeStack,
		Identify: func(p probe) stacks.Identity {
			return stacks.Identity{Name: p.name, Label: "id 7", Kind: p.kind, Stack: p.stack, Tags: p.tags}
		},
		List: func(_ context.Context, tag string) ([]object, error) {
			return slices.DeleteFunc(slices.Clone(a.objects), func(o object) bool {
				return tag != "" && !slices.Contains(o.Known.tags, tag)
			}), a.called("list " + tag)
		},
		Read: func(_ context.Context, id string) (*probe, error) {
			i := slices.IndexFunc(a.objects, func(o object) bool { return o.ID == id })
			if err := a.called("read " + id); err != nil || i < 0 || slices.Contains(a.unread, id) {
				return nil, err
			}
			whole := a.objects[i].Known
			whole.whole = true
			return &whole, nil
		},
	}
}

// there is an object as the service shows it.
func there(id, name, kind string, ofStacks ...string) object {
	p := probe{name: &name, kind: kind}
	for _, stack := range ofStacks {
		p.tags = append(p.tags, managed, "stack:"+stack)
	}
	p.stack = stacks.Colons().Group(p.tags)
	return object{ID: id, Known: p}
}

func wish(stack, name, kind string) want {
	return want{State: probe{name: &name, kind: kind, stack: stack}}
}

func ids(objects []object) string {
	var ids []string
	for _, o := range objects {
		ids = append(ids, o.ID)
	}
	return strings.Join(ids, " ")
}

func TestKey(t *testing.T) {
	b := (&account{}).base("")
	for want, w := range map[string]want{
		"web": wish("", "web", ""), "shop/web": wish("shop", "web", "http"), "/a/b": wish("", "a/b", ""), "shop/a/b": wish("shop", "a/b", ""),
		"shop/web (ping)": wish("shop", "web", "ping"), "id 7": {ID: "7"}, "shop/id 7": {ID: "7", State: probe{stack: "shop"}},
	} {
		assert.Equal(t, want, b.Key(w.State))
	}
}

func TestFind(t *testing.T) {
	have := []object{
		there("1", "web", "http", "shop"), there("2", "web", "ping", "shop"), there("3", "web", "http", "blog"), there("4", "web", "http"),
		there("5", "api", "http"), there("6", "db", "tcp", "shop"), there("7", "db", "tcp"), there("8", "both", "http", "shop", "blog"),
		there("9", "mail", "smtp"), there("10", "web ", "http"), there("11", "web ", "http", "shop"),
	}
	b := (&account{}).base("")
	find := b.Find(have)
	gone := func(w want) want { w.Absent = true; return w }
	for name, test := range map[string]struct {
		want  want
		found string
	}{
		"its own":                  {wish("shop", "web", "http"), "1"},
		"another kind":             {wish("shop", "web", "ping"), "2"},
		"no kind: the default one": {wish("shop", "web", ""), "1"},
		"or any":                   {wish("shop", "db", ""), "6"},
		"of nobody too":            {wish("shop", "mail", ""), "9"},
		"no kind, to be deleted: all of that name": {gone(wish("shop", "web", "")), "1 2"},
		"of no stack: all of them":                 {wish("", "web", "http"), "1 3 4"},
		"nobody's is adopted":                      {wish("shop", "api", "http"), "5"},
		"but not to be deleted":                    {gone(wish("shop", "api", "http")), ""},
		"of nobody where it has none":              {wish("news", "web", "http"), "4"},
		"another kind of its own is another":       {wish("shop", "db", "http"), ""},
		"another kind is never deleted":            {gone(wish("shop", "db", "http")), ""},
		"another kind of nobody's is left alone":   {wish("shop", "mail", "http"), ""},
		"of another stack never":                   {wish("news", "db", "tcp"), "7"},
		"what is shared is each one's":             {wish("blog", "both", "http"), "8"},
		"a trailing space makes another name":      {wish("shop", "web ", "http"), "11"},
		"no name":                                  {want{}, ""},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.found, ids(find(test.want))) })
	}
}

func TestObserveReadsAsLittleAsTheWishesAllow(t *testing.T) {
	objects := []object{there("1", "web", "http", "shop"), there("2", "api", "http", "shop"), there("3", "web", "http", "blog"), there("4", "free", "http")}
	gone := wish("shop", "web", "")
	gone.Absent = true
	for name, test := range map[string]struct {
		wants []want
		scope bool
		stack string
		log   string
		shown string
	}{
		"nothing":                            {},
		"by id":                              {wants: []want{{ID: "2"}}, log: "read 2", shown: "2"},
		"an id that is not there":            {wants: []want{{ID: "9"}}, log: "read 9"},
		"of one stack":                       {wants: []want{wish("shop", "web", "")}, log: "list stack:shop,read 1", shown: "1 2"},
		"of two stacks":                      {wants: []want{wish("shop", "web", ""), wish("blog", "web", "")}, log: "list ,read 1,read 3", shown: "1 2 3 4"},
		"of none":                            {wants: []want{wish("", "free", "")}, log: "list ,read 4", shown: "1 2 3 4"},
		"perhaps somebody made it by hand":   {wants: []want{wish("shop", "free", "")}, log: "list stack:shop,list ,read 4", shown: "1 2 3 4"},
		"to be deleted: only what is listed": {wants: []want{gone}, log: "list stack:shop", shown: "1 2"},
		"a scope":                            {scope: true, stack: "blog", log: "list stack:blog", shown: "3"},
		"the scope of all":                   {scope: true, log: "list ", shown: "1 2 3 4"},
		"a scope and wishes of another":      {wants: []want{wish("shop", "web", "")}, scope: true, stack: "blog", log: "list ,read 1", shown: "1 2 3 4"},
	} {
		t.Run(name, func(t *testing.T) {
			a := &account{objects: objects}
			have, err := a.base(test.stack).Observe(t.Context(), test.wants, test.scope)
			require.NoError(t, err)
			assert.Equal(t, test.shown, ids(have))
			slices.Sort(a.log[min(len(a.log), strings.Count(test.log, "list")):]) // reads are concurrent
			assert.Equal(t, test.log, strings.Join(a.log, ","))
			for _, o := range have {
				_, whole := o.Whole()
				assert.Equal(t, strings.Contains(test.log, "read "+o.ID), whole, "%s", o.ID)
				assert.Equal(t, whole, o.Known.whole, "%s", o.ID)
			}
		})
	}
}

func TestWhatIsListedButGoneIsGone(t *testing.T) {
	a := &account{objects: []object{there("1", "web", "http", "shop"), there("2", "api", "http", "shop")}, unread: []string{"1"}}
	have, err := a.base("").Observe(t.Context(), []want{wish("shop", "web", "")}, false)
	require.NoError(t, err)
	assert.Equal(t, "2", ids(have))
}

func TestAFailedReadingGivesNoPart(t *testing.T) {
	for _, fail := range []string{"list stack:shop", "list ", "read 1"} {
		a := &account{objects: []object{there("1", "web", "http", "shop")}, fail: fail}
		have, err := a.base("").Observe(t.Context(), []want{wish("shop", "web", ""), wish("shop", "new", "")}, false)
		require.ErrorIs(t, err, errBroken, fail)
		assert.Empty(t, have)
	}
}

func TestAlikeAndClaimed(t *testing.T) {
	b := (&account{}).base("")
	assert.True(t, b.Alike(probe{kind: "http"}, probe{kind: "http"}))
	assert.True(t, b.Alike(probe{kind: "http"}, probe{}), "a wish for any kind is like all")
	assert.False(t, b.Alike(probe{kind: "http"}, probe{kind: "ping"}))
	assert.True(t, b.Claimed(object{Known: probe{tags: []string{"replaced_by:stackwatch"}}}))
	assert.False(t, b.Claimed(there("1", "web", "http", "shop")))
	assert.Equal(t, "shop", b.Group(there("1", "web", "http", "shop").Known))
}

func TestRefuseTakenNames(t *testing.T) {
	objects := []object{
		there("1", "web", "http", "shop"), there("2", "api", "http", "shop"), there("3", "api", "ping", "shop"), there("4", "api", "http", "blog"),
		there("5", "db", "http"), there("6", "twin", "http", "shop"), there("7", "twin", "http", "shop"),
	}
	renamed := func(id, name string) reconcile.Step[probe] {
		i := slices.IndexFunc(objects, func(o object) bool { return o.ID == id })
		state := objects[i].Known
		state.name = &name
		return reconcile.Step[probe]{Key: "id " + id, ID: id, Action: reconcile.Update, Have: &reconcile.Object[probe]{ID: id, State: objects[i].Known}, Want: state}
	}
	moved := func(id, stack string) reconcile.Step[probe] {
		step := renamed(id, *objects[slices.IndexFunc(objects, func(o object) bool { return o.ID == id })].Known.name)
		step.Want.stack = stack
		return step
	}
	gone := func(id string) reconcile.Step[probe] {
		i := slices.IndexFunc(objects, func(o object) bool { return o.ID == id })
		return reconcile.Step[probe]{Key: "id " + id, ID: id, Action: reconcile.Delete, Deleted: &objects[i]}
	}
	for name, test := range map[string]struct {
		plan    reconcile.Plan[probe]
		refused string
		log     string
	}{
		"nothing is renamed":                      {plan: reconcile.Plan[probe]{renamed("6", "twin"), gone("2")}},
		"a free name":                             {plan: reconcile.Plan[probe]{renamed("1", "front")}, log: "list stack:shop"},
		"a name that is taken":                    {plan: reconcile.Plan[probe]{renamed("1", "api")}, refused: "1", log: "list stack:shop"},
		"taken in another stack only":             {plan: reconcile.Plan[probe]{renamed("5", "api")}, log: "list "},
		"what has the name is renamed too":        {plan: reconcile.Plan[probe]{renamed("1", "api"), renamed("2", "web")}, log: "list stack:shop"},
		"what has the name is deleted":            {plan: reconcile.Plan[probe]{renamed("1", "api"), gone("2")}, log: "list stack:shop"},
		"two get one name":                        {plan: reconcile.Plan[probe]{renamed("1", "front"), renamed("2", "front")}, refused: "1 2", log: "list stack:shop"},
		"one of two of the same name is renamed":  {plan: reconcile.Plan[probe]{renamed("6", "front")}, log: "list stack:shop"},
		"an object of another kind has that name": {plan: reconcile.Plan[probe]{renamed("3", "web")}, log: "list stack:shop"},
		"moved to a stack that has the name":      {plan: reconcile.Plan[probe]{moved("2", "blog")}, refused: "2", log: "list stack:blog"},
		"moved to a stack that has it not":        {plan: reconcile.Plan[probe]{moved("5", "blog")}, log: "list stack:blog"},
		"one list where there are several stacks": {plan: reconcile.Plan[probe]{renamed("1", "api"), renamed("4", "x")}, refused: "1", log: "list "},
	} {
		t.Run(name, func(t *testing.T) {
			a := &account{objects: objects}
			require.NoError(t, a.base("").RefuseTakenNames(t.Context(), test.plan))
			var refused []string
			for _, step := range test.plan {
				if step.Err != nil {
					refused = append(refused, step.ID)
					assert.Equal(t, reconcile.Unchanged, step.Action)
					assert.ErrorContains(t, step.Err, "is the name of id ")
				}
			}
			assert.Equal(t, test.refused, strings.Join(refused, " "))
			assert.Equal(t, test.log, strings.Join(a.log, ","))
		})
	}
	broken := &account{objects: objects, fail: "list stack:shop"}
	require.ErrorIs(t, broken.base("").RefuseTakenNames(t.Context(), reconcile.Plan[probe]{renamed("1", "api")}), errBroken)
}
