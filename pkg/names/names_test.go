// SPDX-License-Identifier: GPL-3.0-or-later

package names_test

import (
	"context"
	"errors"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/names"
)

// teams is a list of teams that counts how often it is read.
func teams(reads *int, err error) *names.List {
	return &names.List{
		Option: "teamids", Noun: "team", IsID: regexp.MustCompile(`^[0-9]+$`).MatchString,
		Load: func(context.Context) ([]names.Named, error) {
			*reads++
			return []names.Named{{ID: "1", Name: "Operations"}, {ID: "2", Name: "Sales"}, {ID: "3", Name: "Sales"}}, err
		},
	}
}

func TestNamesBecomeIDs(t *testing.T) {
	reads := 0
	l := teams(&reads, nil)
	require.NoError(t, l.Resolve(t.Context(), []string{"7"}, nil, []string{}))
	assert.Zero(t, reads, "nobody named anything")
	ids, err := l.IDs("web", []string{"7", "7"})
	require.NoError(t, err)
	assert.Equal(t, []string{"7"}, ids)

	for range 2 {
		require.NoError(t, l.Resolve(t.Context(), []string{"7"}, []string{"Operations"}))
	}
	assert.Equal(t, 1, reads)
	ids, err = l.IDs("web", []string{"7", "Operations", "1"})
	require.NoError(t, err)
	assert.Equal(t, []string{"7", "1"}, ids, "each once, in the order that was written")

	ids, err = l.IDs("web", nil)
	require.NoError(t, err)
	assert.Nil(t, ids, "unset stays unset")
	ids, err = l.IDs("web", []string{})
	require.NoError(t, err)
	assert.Equal(t, []string{}, ids, "and empty stays empty")
}

func TestNamesThatMeanNothingOrTooMuch(t *testing.T) {
	reads := 0
	l := teams(&reads, nil)
	require.NoError(t, l.Resolve(t.Context(), []string{"Nobody"}))
	_, err := l.IDs("web", []string{"Nobody"})
	require.EqualError(t, err, "web: value of teamids must be ids or names of teams, got: Nobody; there are: Operations, Sales")
	_, err = l.IDs("web", []string{"Sales"})
	require.EqualError(t, err, "web: the team name Sales is not unique; write the id of one of them: 2, 3")

	empty := &names.List{Option: "teamids", Noun: "team", IsID: l.IsID, Load: func(context.Context) ([]names.Named, error) { return nil, nil }}
	require.NoError(t, empty.Resolve(t.Context(), []string{"Nobody"}))
	_, err = empty.IDs("web", []string{"Nobody"})
	require.ErrorContains(t, err, "there are: none")
}

func TestUnknown_NamesIDsThatDoNotExist(t *testing.T) {
	reads := 0
	l := teams(&reads, nil)
	require.NoError(t, l.Require(t.Context(), []string{"7", "8"}, []string{"8", "7"}))
	assert.Zero(t, reads, "what the object has already is not asked about")
	require.NoError(t, l.Unknown("web", []string{"9"}, nil), "nobody was asked")

	require.NoError(t, l.Require(t.Context(), []string{"7", "1"}, []string{"7"}))
	assert.Equal(t, 1, reads)
	require.NoError(t, l.Unknown("web", []string{"7", "1"}, []string{"7"}))
	require.NoError(t, l.Unknown("web", nil, nil))
	require.EqualError(t, l.Unknown("web", []string{"8", "1", "9"}, []string{"7"}),
		"web: value of teamids must be ids or names of teams, got: 8, 9; there are: Operations (1), Sales (2), Sales (3)")

	regions := &names.List{
		Option: "regions", Noun: "region", Right: "region codes", Show: 1, IsID: func(string) bool { return true },
		Load: func(context.Context) ([]names.Named, error) {
			return []names.Named{{ID: "london", Name: "london"}, {ID: "paris", Name: "paris"}}, nil
		},
	}
	require.NoError(t, regions.Require(t.Context(), []string{"rome"}, nil))
	require.EqualError(t, regions.Unknown("web", []string{"rome"}, nil), "web: value of regions must be region codes, got: rome; there are: london and 1 more")

	empty := &names.List{Option: "teamids", Noun: "team", IsID: l.IsID, Load: func(context.Context) ([]names.Named, error) { return nil, nil }}
	require.NoError(t, empty.Require(t.Context(), []string{"1"}, nil))
	require.ErrorContains(t, empty.Unknown("web", []string{"1"}, nil), "there are: none")
}

func TestAListThatCannotBeReadIsAnError(t *testing.T) {
	reads, broken := 0, errors.New("broken")
	require.ErrorIs(t, teams(&reads, broken).Resolve(t.Context(), []string{"Sales"}), broken)
	require.ErrorIs(t, teams(&reads, broken).Require(t.Context(), []string{"1"}, nil), broken)
}
