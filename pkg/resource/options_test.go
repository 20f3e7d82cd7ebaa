// SPDX-License-Identifier: GPL-3.0-or-later

package resource_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/internal/memory"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/resource"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

func ptr[T any](v T) *T { return &v }

type (
	item        = resource.Item[memory.Thing]
	declaration = resource.Declaration[memory.Thing]
)

func named(name string) item { return item{Object: memory.Named(name)} }

func convert(i item) (memory.Thing, error) {
	if i.Object.Name == nil {
		return memory.Thing{}, errors.New("missing required arguments: name")
	}
	return i.Object, nil
}

func TestWishesTakeTheirDefaultsFromTheModule(t *testing.T) {
	shared := item{State: ptr("present"), Stack: ptr("s1"), Object: memory.Thing{Size: ptr(5), Tags: []string{"x"}, Token: ptr(secret.New("t"))}}
	own := item{ID: ptr("7"), State: ptr("absent"), Object: memory.Thing{Name: ptr("b"), Size: ptr(0), Tags: []string{}, Token: ptr(secret.New(""))}}
	wants, err := resource.Wishes(declaration{ListOption: "things", One: shared, Listed: true, List: []item{named("a"), own}}, convert)
	require.NoError(t, err)
	require.Len(t, wants, 2)
	assert.Equal(t, reconcile.Want[memory.Thing]{State: memory.Thing{
		Name: ptr("a"), Kind: ptr("a"), Size: ptr(5), Tags: []string{"x"}, Token: ptr(secret.New("t")),
	}}, wants[0])
	assert.Equal(t, reconcile.Want[memory.Thing]{ID: "7", Absent: true, State: memory.Thing{
		Name: ptr("b"), Size: ptr(0), Tags: []string{}, Token: ptr(secret.New("")),
	}}, wants[1], "zero and empty are set")
}

func TestWishesOfOne(t *testing.T) {
	one := named("a")
	one.State = ptr("present")
	wants, err := resource.Wishes(declaration{ListOption: "things", One: one, Named: true}, convert)
	require.NoError(t, err)
	assert.Equal(t, []reconcile.Want[memory.Thing]{{State: memory.Named("a")}}, wants)
}

func TestAnEmptyListDeclaresNothing(t *testing.T) {
	d := declaration{ListOption: "things", One: item{State: ptr("present")}, Listed: true, List: []item{}}
	wants, err := resource.Wishes(d, convert)
	require.NoError(t, err)
	assert.Empty(t, wants)
	policy, err := resource.Policy(d, func(reconcile.Found[memory.Thing], string) bool { return true })
	require.NoError(t, err)
	assert.Nil(t, policy.Scope)
	d.One = item{State: ptr("absent"), Stack: ptr("s1")}
	assert.False(t, d.WholeStack(), "an empty list does not ask for the whole stack")
}

func TestWishesRefuse(t *testing.T) {
	present, absent := ptr("present"), ptr("absent")
	tests := map[string]struct {
		d    declaration
		want string
	}{
		"an element that cannot be converted": {
			declaration{One: item{State: present}, Listed: true, List: []item{named("a"), {}}},
			"things[1]: missing required arguments: name",
		},
		"one that cannot be converted": {declaration{One: item{State: present}}, "missing required arguments: name"},
		"purge of nothing": {
			declaration{One: item{State: present}, Listed: true, List: []item{}, Options: resource.Options{Purge: true}},
			"purge: true with no present element in things would remove everything in its scope; " +
				"to remove all that a stack has, write state: absent with stack and no things",
		},
		"purge of only absent": {
			declaration{One: item{State: present}, Listed: true, List: []item{{State: absent, Object: memory.Named("a")}}, Options: resource.Options{Purge: true}},
			"purge: true with no present element in things would remove everything in its scope; " +
				"to remove all that a stack has, write state: absent with stack and no things",
		},
		"purge without a list": {
			declaration{One: named("a"), Named: true, Options: resource.Options{Purge: true}},
			"purge is true but all of the following are missing: things",
		},
		"purge and absent": {
			declaration{One: item{State: absent}, Listed: true, List: []item{named("a")}, Options: resource.Options{Purge: true}},
			"purge: true keeps what is declared and removes the rest, so it goes with state: present; " +
				"to remove all that a stack has, write state: absent with stack and nothing else",
		},
		"purge of another stack": {
			declaration{One: item{Stack: ptr("s1")}, Listed: true, List: []item{{Stack: ptr("s2"), Object: memory.Named("a")}}, Options: resource.Options{Purge: true}},
			"things[0] (a): value of stack must be s1, the stack that is purged, got: s2",
		},
		"a bad limit": {
			declaration{One: named("a"), Options: resource.Options{PurgeLimit: ptr("many")}},
			"value of purge_limit must be a count such as 10 or a share such as 20%, got: many",
		},
		"an empty limit": {
			declaration{One: named("a"), Options: resource.Options{PurgeLimit: ptr(" ")}},
			"value of purge_limit must be a count such as 10 or a share such as 20%, got: an empty string",
		},
		"a whole stack, with options of one object": {
			declaration{One: item{State: absent, Stack: ptr("s1"), Object: memory.Thing{Size: ptr(1), Tags: []string{}}}},
			"state: absent with stack and without a name removes all that the stack has, which goes with no option of a single object, got: size, tags",
		},
		"an empty stack": {
			declaration{One: item{Stack: ptr(""), Object: memory.Named("a")}},
			"value of stack must be a name of 1 to 50 characters without commas, slashes, quotes, braces and outer spaces, got: ",
		},
		"a stack half rendered": {
			declaration{One: item{}, Listed: true, List: []item{{Stack: ptr("{{ stack }}"), Object: memory.Named("a")}}},
			"things[0] (a): value of stack must be a name of 1 to 50 characters without commas, slashes, quotes, braces and outer spaces, got: {{ stack }}",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.d.ListOption = "things"
			wants, err := resource.Wishes(test.d, convert)
			assert.Nil(t, wants)
			require.Error(t, err)
			assert.Equal(t, test.want, ansible.OneLine(err))
		})
	}
}

// TestWishes_NameEveryWrongOption: one message names all that is wrong in all elements and in the shared options, each thing once.
func TestWishes_NameEveryWrongOption(t *testing.T) {
	elements := []item{named("a"), {Stack: ptr("b/c"), Object: memory.Named("b")}, {}, {Object: memory.Thing{Size: ptr(-1)}}, named("d")}
	d := declaration{
		ListOption: "things", One: item{Stack: ptr("s1")}, Listed: true, List: elements,
		Options: resource.Options{PurgeLimit: ptr("many")}, NullElements: []string{"things[0].tags[1]"},
		Null: func(path string) bool { return path == "things[4].stack" },
	}
	wants, err := resource.Wishes(d, func(i item) (memory.Thing, error) {
		state, err := convert(i)
		if i.Object.Size != nil {
			err = errors.Join(err, errors.New("value of size must be at least 0, got: -1"))
		}
		return state, err
	})
	assert.Nil(t, wants)
	require.Error(t, err)
	assert.Equal(t, strings.Join([]string{
		"value of things[0].tags[1] must not be null; leave the element out, and write an empty list to clear one",
		"value of purge_limit must be a count such as 10 or a share such as 20%, got: many",
		"things[1] (b): value of stack must be a name of 1 to 50 characters without commas, slashes, quotes, braces and outer spaces, got: b/c",
		"things[2], things[3]: missing required arguments: name",
		"things[3]: value of size must be at least 0, got: -1",
		"things[4] (d): value of stack must be the name of a stack, got null; leave the option out where there is none, as default(omit) does",
	}, "; "), ansible.OneLine(err))
}

// TestWishes_BlameAnInheritedValueOnce: what the module's own option is wrong in is not told for each element that inherits it.
func TestWishes_BlameAnInheritedValueOnce(t *testing.T) {
	d := declaration{ListOption: "things", One: item{Stack: ptr("a/b")}, Listed: true, List: []item{named("a"), named("b")}}
	_, err := resource.Wishes(d, convert)
	require.Error(t, err)
	assert.Equal(t, "value of stack must be a name of 1 to 50 characters without commas, slashes, quotes, braces and outer spaces, got: a/b", ansible.OneLine(err))
}

func TestStackNames(t *testing.T) {
	for _, good := range []string{"s1", "shop.example.com", "Ümlaut 2", "x-y_z", strings.Repeat("ü", 50)} {
		_, err := resource.Wishes(declaration{One: item{Stack: ptr(good), Object: memory.Named("a")}}, convert)
		assert.NoError(t, err, good)
	}
	for _, bad := range []string{" s1", "s1 ", "a,b", "a/b", "None", "a\nb", `"a"`, "{{ x }}", string(make([]byte, 51))} {
		_, err := resource.Wishes(declaration{One: item{Stack: ptr(bad), Object: memory.Named("a")}}, convert)
		assert.Error(t, err, bad)
	}
}

func TestScope(t *testing.T) {
	one := item{State: ptr("absent"), Stack: ptr("s1")}
	d := declaration{One: one}
	in := func(o reconcile.Found[memory.Thing], stack string) bool { return *o.Known.Name == "of "+stack }
	policy, err := resource.Policy(d, in)
	require.NoError(t, err)
	assert.Equal(t, "s1", policy.Group)
	assert.True(t, policy.Scope(reconcile.Found[memory.Thing]{Known: memory.Named("of s1")}))
	assert.False(t, policy.Scope(reconcile.Found[memory.Thing]{Known: memory.Named("of s2")}))
	assert.Equal(t, reconcile.Limit{}, policy.Limit, "a stack asked away as a whole has no limit of its own")

	d = declaration{One: item{State: ptr("present")}, Listed: true, List: []item{named("a")}, Options: resource.Options{Purge: true}}
	policy, err = resource.Policy(d, in)
	require.NoError(t, err)
	assert.Empty(t, policy.Group)
	assert.NotNil(t, policy.Scope)
	assert.Equal(t, reconcile.Limit{Set: true, Option: "purge_limit", Count: 10}, policy.Limit)

	policy, err = resource.Policy(declaration{One: named("a"), Options: resource.Options{OnDuplicate: "oldest", AllowReplace: true}}, in)
	require.NoError(t, err)
	assert.Nil(t, policy.Scope, "nothing is removed that is not asked for")
	assert.Equal(t, reconcile.Oldest, policy.OnDuplicate)
	assert.True(t, policy.AllowReplace)
}

func TestParseLimit(t *testing.T) {
	for text, want := range map[string]reconcile.Limit{
		"":      {},
		"0":     {Set: true, Option: "purge_limit"},
		"10":    {Set: true, Option: "purge_limit", Count: 10},
		"20%":   {Set: true, Option: "purge_limit", IsShare: true, Percent: 20},
		"2.5 %": {Set: true, Option: "purge_limit", IsShare: true, Percent: 2.5},
		"0%":    {Set: true, Option: "purge_limit", IsShare: true},
		"100%":  {Set: true, Option: "purge_limit", IsShare: true, Percent: 100},
	} {
		got, err := resource.ParseLimit("purge_limit", text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, bad := range []string{"-1", "101%", "-5%", "%", "ten", "1.5", "5 percent", "NaN%", "1e1"} {
		_, err := resource.ParseLimit("purge_limit", bad)
		assert.EqualError(t, err, "value of purge_limit must be a count such as 10 or a share such as 20%, got: "+bad)
	}
}
