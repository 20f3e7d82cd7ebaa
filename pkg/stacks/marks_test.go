// SPDX-License-Identifier: GPL-3.0-or-later

package stacks_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/stacks"
)

const managed = "managed_by:stackwatch"

func TestMarksAreToldFromTheUsersTags(t *testing.T) {
	for _, m := range []stacks.Marks{stacks.Colons(), stacks.Dashes()} {
		for _, tag := range []string{m.Managed, m.Replaced, m.Stack, m.Stack + "shop"} {
			assert.True(t, m.Own(tag), tag)
			require.EqualError(t, m.Refuse([]string{"web", tag}),
				"value of tags must not hold the suite's own marks, got: "+tag+"; write the option stack instead")
		}
		require.NoError(t, m.Refuse([]string{"web", "stack", "stacks", "managed_by"}))
	}
	assert.Regexp(t, "^[A-Za-z0-9_-]+$", stacks.Dashes().Managed+stacks.Dashes().Stack+stacks.Dashes().Replaced)
}

func TestScope(t *testing.T) {
	m := stacks.Colons()
	for _, test := range []struct {
		tags        []string
		group       string
		any, inShop bool
	}{
		{nil, "", false, false},
		{[]string{"web"}, "", false, false},
		{[]string{managed}, "", true, false},
		{[]string{managed, "stack:shop"}, "shop", true, true},
		{[]string{"stack:shop"}, "shop", false, false},
		{[]string{managed, "stack:shop2"}, "shop2", true, false},
		{[]string{managed, "stack:shop", "stack:shop"}, "shop", true, true},
		{[]string{managed, "stack:shop", "stack:blog"}, "blog, shop", false, false},
	} {
		assert.Equal(t, test.group, m.Group(test.tags), test.tags)
		assert.Equal(t, test.any, m.In(test.tags, ""), test.tags)
		assert.Equal(t, test.inShop, m.In(test.tags, "shop"), test.tags)
	}
}

func TestTags(t *testing.T) {
	m := stacks.Colons()
	type list = []string
	for name, test := range map[string]struct {
		want, have list
		stack      string
		owned      bool
		tags       list
	}{
		"nothing is said of nothing":          {},
		"nothing is said, what is there is":   {have: list{"web", managed, "stack:a"}, tags: list{"web", managed, "stack:a"}},
		"cleared":                             {want: list{}, have: list{"web"}, tags: list{}},
		"cleared but for the marks":           {want: list{}, have: list{"web", managed, "stack:a"}, tags: list{managed, "stack:a"}},
		"of a stack":                          {want: list{"x"}, stack: "a", tags: list{"x", managed, "stack:a"}},
		"owned without a stack":               {want: list{"x"}, owned: true, tags: list{"x", managed}},
		"moved to another stack":              {have: list{"x", managed, "stack:a"}, stack: "b", tags: list{"x", managed, "stack:b"}},
		"shared stays shared":                 {have: list{managed, "stack:a", "stack:b"}, stack: "b", tags: list{managed, "stack:a", "stack:b"}},
		"the mark of a replacement comes off": {have: list{"replaced_by:stackwatch", managed, "stack:a"}, stack: "a", tags: list{managed, "stack:a"}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.tags, m.Tags(test.want, test.have, test.stack, test.owned))
		})
	}
}
