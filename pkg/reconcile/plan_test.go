// SPDX-License-Identifier: GPL-3.0-or-later

package reconcile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/internal/memory"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

type (
	thing  = memory.Thing
	object = reconcile.Object[thing]
	found  = reconcile.Found[thing]
	want   = reconcile.Want[thing]
	policy = reconcile.Policy[thing]
)

func there(id, name string) object { return object{ID: id, State: memory.Named(name)} }

// seen returns objects as Observe does that has read them whole.
func seen(objects []object) []found {
	all := make([]found, len(objects))
	for i, o := range objects {
		all[i] = o.Found()
	}
	return all
}

func wants(names ...string) []want {
	list := make([]want, len(names))
	for i, name := range names {
		list[i] = want{State: memory.Named(name)}
	}
	return list
}

func sized(name string, size int) thing {
	t := memory.Named(name)
	t.Size = &size
	return t
}

func ofKind(name, kind string) thing {
	t := memory.Named(name)
	t.Kind = &kind
	return t
}

// told writes a plan down, one line a step.
func told(plan reconcile.Plan[thing]) string {
	var lines []string
	for _, s := range plan {
		line := fmt.Sprintf("%d %s %s", s.Index, s.Key, s.Action)
		if s.ID != "" {
			line += " id " + s.ID
		}
		if s.Reason != "" {
			line += " (" + s.Reason + ")"
		}
		if s.Err != nil {
			line += ": " + s.Err.Error()
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func everything(found) bool { return true }

func TestCompute(t *testing.T) {
	tests := map[string]struct {
		have []object
		want []want
		pol  policy
		plan string
	}{
		"nothing":   {plan: ""},
		"unchanged": {have: []object{there("1", "a")}, want: wants("a"), plan: "0 a unchanged id 1"},
		"create":    {want: wants("b", "a"), plan: "0 b created\n1 a created"},
		"update": {
			have: []object{there("1", "a")}, want: []want{{State: sized("a", 5)}},
			plan: "0 a updated id 1",
		},
		"undeclared stays": {have: []object{there("1", "a"), there("2", "b")}, want: wants("a"), plan: "0 a unchanged id 1"},
		"delete":           {have: []object{there("1", "a")}, want: []want{{State: memory.Named("a"), Absent: true}}, plan: "0 a deleted id 1"},
		"delete nothing":   {want: []want{{State: memory.Named("a"), Absent: true}}, plan: "0 a unchanged"},
		"by id": {
			have: []object{there("1", "a"), there("2", "b")}, want: []want{{ID: "2", State: memory.Named("renamed")}},
			plan: "0 renamed updated id 2",
		},
		"unknown id": {
			have: []object{there("1", "a")}, want: append([]want{{ID: "7", State: memory.Named("a")}}, wants("b")...),
			plan: "0 a unchanged id 7: a: id 7 does not exist; leave id out to create it\n1 b created",
		},
		"unknown id is absent": {want: []want{{ID: "7", State: memory.Named("a"), Absent: true}}, plan: "0 a unchanged id 7"},
		"ambiguous": {
			have: []object{there("10", "a"), there("9", "a"), there("3", "b")}, want: wants("a", "b"),
			plan: "0 a unchanged: a: more than one match, ids 9, 10; give the id of the one that is meant, " +
				"or on_duplicate: oldest to keep the oldest and delete the others\n1 b unchanged id 3",
		},
		"ambiguous objects are not purged": {
			have: []object{there("1", "a"), there("2", "a"), there("3", "b")}, want: wants("a"),
			pol: policy{Scope: everything},
			plan: "0 a unchanged: a: more than one match, ids 1, 2; give the id of the one that is meant, " +
				"or on_duplicate: oldest to keep the oldest and delete the others\n-1 b deleted id 3 (not declared)",
		},
		"ambiguous absent": {
			have: []object{there("1", "a"), there("2", "a")}, want: []want{{State: memory.Named("a"), Absent: true}},
			plan: "0 a unchanged: a: more than one match, ids 1, 2; give the id of the one that is meant, " +
				"or on_duplicate: oldest to keep the oldest and delete the others",
		},
		"oldest": {
			have: []object{there("10", "a"), there("9", "a"), there("11", "a")}, want: wants("a"),
			pol:  policy{OnDuplicate: reconcile.Oldest},
			plan: "0 a unchanged id 9\n-1 a deleted id 10 (duplicate of 9)\n-1 a deleted id 11 (duplicate of 9)",
		},
		"oldest absent": {
			have: []object{there("10", "a"), there("9", "a")}, want: []want{{State: memory.Named("a"), Absent: true}},
			pol:  policy{OnDuplicate: reconcile.Oldest},
			plan: "0 a deleted id 9\n-1 a deleted id 10 (duplicate of 9)",
		},
		"purge": {
			have: []object{there("4", "d"), there("1", "a"), there("3", "c"), there("2", "b")}, want: wants("b", "new"),
			pol:  policy{Scope: func(o found) bool { return *o.Known.Name != "d" }},
			plan: "0 b unchanged id 2\n1 new created\n-1 a deleted id 1 (not declared)\n-1 c deleted id 3 (not declared)",
		},
		"the whole of a group": {
			have: []object{there("1", "a"), there("2", "b")},
			pol:  policy{Scope: func(o found) bool { return *o.Known.Name != "b" }, Whole: true, Group: "shop"},
			plan: "-1 a deleted id 1 (all of shop is to go)",
		},
		"what is asked to go is not purged twice": {
			have: []object{there("1", "a"), there("2", "b")},
			want: append(wants("b"), want{State: memory.Named("a"), Absent: true}), pol: policy{Scope: everything},
			plan: "0 b unchanged id 2\n1 a deleted id 1",
		},
		"fixed field": {
			have: []object{there("1", "a")}, want: []want{{State: ofKind("a", "b")}},
			plan: "0 a unchanged id 1: a: kind of 1 cannot be changed after creation, and is a, got: b; allow_replace: true deletes it and creates a new one",
		},
		"replace": {
			have: []object{there("1", "a")}, want: []want{{State: ofKind("a", "b")}}, pol: policy{AllowReplace: true},
			plan: "0 a replaced id 1",
		},
		"a namesake that no replacement left over": {
			have: []object{there("1", "a"), {ID: "2", State: ofKind("a", "b")}}, want: []want{{State: ofKind("a", "b")}},
			pol: policy{AllowReplace: true},
			plan: "0 a unchanged: a: more than one match, ids 1, 2; give the id of the one that is meant, " +
				"or on_duplicate: oldest to keep the oldest and delete the others",
		},
		"a fixed field by id": {
			have: []object{there("1", "a")}, want: []want{{ID: "1", State: ofKind("a", "b")}}, pol: policy{AllowReplace: true},
			plan: "0 a unchanged id 1: a: kind of 1 cannot be changed after creation, and is a, got: b; the one that replaces it has another id, so write its name instead of the id",
		},
		"two that fit are ambiguous even then": {
			have: []object{{ID: "1", State: ofKind("a", "b")}, {ID: "2", State: ofKind("a", "b")}}, want: []want{{State: ofKind("a", "b")}},
			pol: policy{AllowReplace: true},
			plan: "0 a unchanged: a: more than one match, ids 1, 2; give the id of the one that is meant, " +
				"or on_duplicate: oldest to keep the oldest and delete the others",
		},
		"a wish that cannot be met": {
			have: []object{there("1", "a")}, want: []want{{State: sized("a", -1)}, {State: sized("b", -1)}},
			plan: "0 a unchanged id 1: a: size must not be negative\n1 b unchanged: b: size must not be negative",
		},
		"a replacement that cannot be met": {
			have: []object{there("1", "a")}, pol: policy{AllowReplace: true},
			want: []want{{State: func() thing { x := sized("a", -1); x.Kind = new(string); return x }()}},
			plan: "0 a unchanged id 1: a: size must not be negative",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			have, before := seen(test.have), seen(test.have)
			plan, err := reconcile.Compute(&memory.Service{}, have, test.want, test.pol)
			require.NoError(t, err)
			assert.Equal(t, test.plan, told(plan))
			assert.Equal(t, before, have, "Compute is pure")
		})
	}
}

func TestComputeRefuses(t *testing.T) {
	tests := map[string]struct {
		have  []object
		want  []want
		pol   policy
		is    error
		words string
	}{
		"the same key twice": {want: wants("a", "b", "a"), is: reconcile.ErrDuplicate, words: "a: declared twice, at positions 0 and 2 of the list"},
		"the same id twice": {
			want: []want{{ID: "1", State: memory.Named("a")}, {ID: "1", State: memory.Named("b")}},
			is:   reconcile.ErrDuplicate, words: "id 1: declared twice, at positions 0 and 1 of the list",
		},
		"the same name by id and by itself": {
			want: []want{{ID: "1", State: memory.Named("a")}, {State: memory.Named("a")}},
			is:   reconcile.ErrDuplicate, words: "a: declared twice, at positions 0 and 1 of the list",
		},
		"one object by id and by name": {
			have: []object{there("1", "a")}, want: []want{{ID: "1", State: memory.Named("b")}, {State: memory.Named("a")}},
			is: reconcile.ErrDuplicate, words: "a: the wishes at positions 0 and 1 both mean the object with id 1: declared twice",
		},
		"over the limit": {
			have: []object{there("1", "b"), there("2", "a"), there("3", "c")}, want: wants("c"),
			pol: policy{Scope: everything, Limit: reconcile.Limit{Set: true, Count: 1, Option: "purge_limit"}},
			is:  reconcile.ErrLimit, words: "2 of 3 would be deleted, which is over the limit of 1; nothing was changed; if this is meant, set purge_limit to 2: a (2), b (1)",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			plan, err := reconcile.Compute(&memory.Service{}, seen(test.have), test.want, test.pol)
			assert.Nil(t, plan)
			require.ErrorIs(t, err, test.is)
			assert.Equal(t, test.words, err.Error())
		})
	}
}

func TestLimit(t *testing.T) {
	count := func(n int) reconcile.Limit { return reconcile.Limit{Set: true, Count: n} }
	share := func(p float64) reconcile.Limit { return reconcile.Limit{Set: true, IsShare: true, Percent: p} }
	for _, test := range []struct {
		limit    reconcile.Limit
		n, total int
		allowed  bool
		text     string
	}{
		{reconcile.Limit{}, 1000, 1000, true, "none"},
		{count(0), 0, 10, true, "0"},
		{count(0), 1, 10, false, "0"},
		{count(5), 5, 5, true, "5"},
		{count(5), 6, 1000, false, "5"},
		{share(20), 2, 10, true, "20%"},
		{share(20), 3, 10, false, "20%"},
		{share(0), 0, 0, true, "0%"},
		{share(0), 1, 1, false, "0%"},
		{share(12.5), 1, 8, true, "12.5%"},
		{share(100), 8, 8, true, "100%"},
	} {
		assert.Equal(t, test.allowed, test.limit.Allows(test.n, test.total), "%+v", test)
		assert.Equal(t, test.text, test.limit.String())
	}
}

func TestPlanTells(t *testing.T) {
	have := []object{there("1", "a")}
	plan, err := reconcile.Compute(&memory.Service{}, seen(have), wants("a"), policy{})
	require.NoError(t, err)
	assert.False(t, plan.Changed())
	plan, err = reconcile.Compute(&memory.Service{}, seen(have), append(wants("a"), want{State: sized("b", -1)}), policy{})
	require.NoError(t, err)
	assert.False(t, plan.Changed(), "what cannot be done changes nothing")
	require.Len(t, plan.Failed(), 1)
	assert.Equal(t, 1, plan.Failed()[0].Index)
	plan, err = reconcile.Compute(&memory.Service{}, seen(have), wants("b"), policy{})
	require.NoError(t, err)
	assert.True(t, plan.Changed())
}

// finding is a provider that matches names without regard to case.
type finding struct{ *memory.Service }

func (finding) Find(have []found) func(want) []found {
	return func(w want) []found {
		return slices.DeleteFunc(slices.Clone(have), func(o found) bool { return !strings.EqualFold(*o.Known.Name, *w.State.Name) })
	}
}

func TestFinderDecidesWhatMatches(t *testing.T) {
	plan, err := reconcile.Compute(finding{&memory.Service{}}, seen([]object{there("1", "A"), there("2", "b")}), wants("a"), policy{Scope: everything})
	require.NoError(t, err)
	assert.Equal(t, "0 a updated id 1\n-1 b deleted id 2 (not declared)", told(plan))
}

// grouped is a provider whose things belong to the group that their first tag names.
type grouped struct{ *memory.Service }

func (grouped) Group(s thing) string {
	if len(s.Tags) == 0 {
		return ""
	}
	return s.Tags[0]
}

func TestGroupsKeepTheirObjects(t *testing.T) {
	of := func(id, group string) object {
		o := there(id, "a")
		o.State.Tags = []string{group}
		return o
	}
	mine := memory.Named("a")
	mine.Tags = []string{"shop"}
	for name, test := range map[string]struct {
		have []object
		want want
		plan string
	}{
		"duplicates of one group": {[]object{of("1", "shop"), of("2", "shop")}, want{State: memory.Named("a")},
			"0 a unchanged id 1\n-1 a deleted id 2 (duplicate of 1)"},
		"namesakes of two groups": {[]object{of("1", "shop"), of("2", "blog")}, want{State: memory.Named("a")},
			"0 a unchanged: a: more than one match, ids 1, 2; give the id of the one that is meant"},
		"namesakes of two groups, absent": {[]object{of("1", "shop"), of("2", "blog")}, want{State: memory.Named("a"), Absent: true},
			"0 a unchanged: a: more than one match, ids 1, 2; give the id of the one that is meant"},
		"an id of another group, absent": {[]object{of("1", "blog")}, want{ID: "1", State: mine, Absent: true},
			"0 a unchanged id 1: a: id 1 belongs to blog, not to shop, and is left alone"},
		"an id of the group, absent": {[]object{of("1", "shop")}, want{ID: "1", State: mine, Absent: true}, "0 a deleted id 1"},
	} {
		t.Run(name, func(t *testing.T) {
			plan, err := reconcile.Compute(grouped{&memory.Service{}}, seen(test.have), []want{test.want}, policy{OnDuplicate: reconcile.Oldest})
			require.NoError(t, err)
			assert.Equal(t, test.plan, told(plan))
		})
	}
}

func TestWhatNoGroupHasIsTakenOverOnce(t *testing.T) {
	of := func(group string) want {
		w := want{State: memory.Named("a")}
		w.State.Tags = []string{group}
		return w
	}
	p := grouped{&memory.Service{}}
	plan, err := reconcile.Compute(keyed{p}, seen([]object{there("1", "a")}), []want{of("shop"), of("blog")}, policy{})
	require.NoError(t, err)
	assert.Equal(t, "0 shop/a updated id 1\n1 blog/a created", told(plan))
}

// keyed is grouped, with the group in the key and names that match in any group or none.
type keyed struct{ grouped }

func (k keyed) Key(s thing) string { return k.Group(s) + "/" + *s.Name }

func (k keyed) Find(have []found) func(want) []found {
	return func(w want) []found {
		return slices.DeleteFunc(slices.Clone(have), func(o found) bool {
			return *o.Known.Name != *w.State.Name || k.Group(o.Known) != "" && k.Group(o.Known) != k.Group(w.State)
		})
	}
}

func TestTitle_IsTheNameOfWhatAnIDStandsFor(t *testing.T) {
	have := []object{there("1", "cart"), there("2", "search"), there("3", "login")}
	plan, err := reconcile.Compute(&memory.Service{}, seen(have), []want{
		{ID: "1", State: sized("cart", 2)}, {ID: "2", State: memory.Named("find")}, {ID: "3", State: memory.Named("id 3"), Absent: true}, {State: memory.Named("new")},
	}, policy{})
	require.NoError(t, err)
	var titles []string
	for _, step := range plan {
		titles = append(titles, step.Title(&memory.Service{}))
	}
	assert.Equal(t, []string{"cart", "find", "login", "new"}, titles)
}

func TestEnumerate(t *testing.T) {
	assert.Equal(t, "a, b", reconcile.Enumerate([]string{"a", "b"}, 2))
	assert.Equal(t, "a, b and 2 more", reconcile.Enumerate([]string{"a", "b", "c", "d"}, 2))
}

// kinds is a provider whose things may have one name and several kinds; a wish without a kind means any.
type kinds struct{ *memory.Service }

func kindOf(s thing) string {
	if s.Kind == nil {
		return ""
	}
	return *s.Kind
}

func (kinds) Alike(a, b thing) bool {
	return kindOf(a) == kindOf(b) || kindOf(a) == "" || kindOf(b) == ""
}

func (kinds) Key(s thing) string { return *s.Name + "/" + kindOf(s) }

func (k kinds) Find(have []found) func(want) []found {
	return func(w want) []found {
		var own []found
		for _, o := range have {
			if *o.Known.Name == *w.State.Name && k.Alike(o.Known, w.State) {
				own = append(own, o)
			}
		}
		return own
	}
}

func TestKindsUnderOneName(t *testing.T) {
	a, b := object{ID: "1", State: ofKind("x", "a")}, object{ID: "2", State: ofKind("x", "b")}
	wantA, wantB, wantAny := want{State: ofKind("x", "a")}, want{State: ofKind("x", "b")}, want{State: thing{Name: a.State.Name}}
	gone := func(w want) want { w.Absent = true; return w }
	for name, test := range map[string]struct {
		have []object
		want []want
		pol  policy
		plan string
	}{
		"each its own":                          {[]object{a, b}, []want{wantB, wantA}, policy{}, "0 x/b unchanged id 2\n1 x/a unchanged id 1"},
		"the second is new, whichever is first": {[]object{a}, []want{wantB, wantA}, policy{}, "0 x/b created\n1 x/a unchanged id 1"},
		"and last":                              {[]object{a}, []want{wantA, wantB}, policy{AllowReplace: true}, "0 x/a unchanged id 1\n1 x/b created"},
		"another kind alone is not replaced":    {[]object{a}, []want{wantB}, policy{AllowReplace: true}, "0 x/b created"},
		"kinds are no duplicates": {[]object{a, b}, []want{wantAny}, policy{OnDuplicate: reconcile.Oldest},
			"0 x/ unchanged: x/: more than one match, ids 1, 2; give the type or the id of the one that is meant"},
		"nor to be deleted together": {[]object{a, b}, []want{gone(wantAny)}, policy{OnDuplicate: reconcile.Oldest},
			"0 x/ unchanged: x/: more than one match, ids 1, 2; give the type or the id of the one that is meant"},
		"another kind is not what is to go": {[]object{a}, []want{gone(wantB)}, policy{}, "0 x/b unchanged"},
	} {
		t.Run(name, func(t *testing.T) {
			plan, err := reconcile.Compute(kinds{&memory.Service{}}, seen(test.have), test.want, test.pol)
			require.NoError(t, err)
			assert.Equal(t, test.plan, told(plan))
		})
	}
}

func TestALostCreationIsNotTakenForAnotherKind(t *testing.T) {
	s := &memory.Service{RefuseCreates: 1}
	s.Add(ofKind("x", "a"))
	done, err := reconcile.Apply(t.Context(), kinds{s}, reconcile.Plan[thing]{
		{Key: "x/b", Action: reconcile.Create, Want: ofKind("x", "b"), Wish: ofKind("x", "b")},
	}, options{Sleep: s.Sleep})
	require.NoError(t, err)
	assert.Equal(t, "0 x/b created id 2", told(done))
	assert.Equal(t, []string{"create x", "create x"}, s.Log())
}

// marked is grouped, with things that an interrupted replacement left.
type marked struct {
	grouped
	ids []string
}

func (m marked) Claimed(have found) bool { return slices.Contains(m.ids, have.ID) }

func TestWhatAnInterruptedReplacementLeft(t *testing.T) {
	of := func(id, group, kind string) object {
		o := object{ID: id, State: ofKind("a", kind)}
		o.State.Tags = []string{group}
		return o
	}
	allowed := policy{AllowReplace: true}
	for name, test := range map[string]struct {
		have []object
		want thing
		pol  policy
		plan string
	}{
		"goes with leave": {[]object{of("1", "shop", "a"), of("2", "shop", "b")}, ofKind("a", "b"), allowed,
			"0 a unchanged id 2\n-1 a deleted id 1 (replaced by 2)"},
		"goes too where the kind is not said": {[]object{of("1", "shop", "a"), of("2", "shop", "b")}, thing{Name: of("", "", "").State.Name}, allowed,
			"0 a unchanged id 2\n-1 a deleted id 1 (replaced by 2)"},
		"is named without leave": {[]object{of("1", "shop", "a"), of("2", "shop", "b")}, ofKind("a", "b"), policy{OnDuplicate: reconcile.Oldest},
			"0 a unchanged: a: the replacement of 1 by 2 was interrupted; allow_replace: true removes what is left of it"},
		"of another group stays": {[]object{of("1", "blog", "a"), of("2", "shop", "b")}, ofKind("a", "b"), allowed,
			"0 a unchanged: a: more than one match, ids 1, 2; give the id of the one that is meant"},
	} {
		t.Run(name, func(t *testing.T) {
			plan, err := reconcile.Compute(marked{grouped{&memory.Service{}}, []string{"1"}}, seen(test.have), []want{{State: test.want}}, test.pol)
			require.NoError(t, err)
			assert.Equal(t, test.plan, told(plan))
		})
	}
	gone := func(have ...object) string {
		plan, err := reconcile.Compute(marked{grouped{&memory.Service{}}, []string{"1"}}, seen(have), []want{{State: ofKind("a", "b"), Absent: true}}, policy{})
		require.NoError(t, err)
		return told(plan)
	}
	assert.Equal(t, "0 a deleted id 2\n-1 a deleted id 1 (replaced by 2)", gone(of("1", "shop", "a"), of("2", "shop", "b")), "goes with its successor")
	assert.Contains(t, gone(of("1", "blog", "a"), of("2", "shop", "b")), "more than one match", "but not with one of another group")
}

func TestEnumerate_QuotesNamesWithCommas(t *testing.T) {
	assert.Equal(t, `Ops, "Web team, EU", " x" and 1 more`, reconcile.Enumerate([]string{"Ops", "Web team, EU", " x", "y"}, 3))
	assert.Equal(t, "a (id 1, from 2 to 3)", reconcile.Enumerate([]string{"a (id 1, from 2 to 3)"}, 3))
}
