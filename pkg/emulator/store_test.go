// SPDX-License-Identifier: GPL-3.0-or-later

package emulator_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// thing is an object that has something to share.
type thing struct {
	id   int
	tags []string
}

func newThings(n int) *emulator.Store[thing] {
	store := emulator.NewStore(100, func(have *thing) thing { return thing{have.id, slices.Clone(have.tags)} })
	for range n {
		store.Add(0, func(id int) thing { return thing{id: id, tags: []string{"a"}} })
	}
	return store
}

func TestAStoreFindsByIDAndGivesNoneTwice(t *testing.T) {
	t.Parallel()
	store := newThings(3)
	assert.Equal(t, 101, store.Get(101).id)
	assert.Equal(t, 102, store.Find("102").id)
	for _, id := range []string{"", "0", "-101", "0101", "+101", " 101", "101.0", "x", "99999999999999999999"} {
		assert.Nil(t, store.Find(id), id)
	}
	assert.True(t, store.Remove(102))
	assert.False(t, store.Remove(102))
	assert.Nil(t, store.Get(102))
	assert.Equal(t, 103, store.Add(0, func(id int) thing { return thing{id: id} }))
	assert.Equal(t, 3, store.Len())

	var ids []int
	for have := range store.All() {
		if have.id == 103 {
			break
		}
		have.tags = nil
		ids = append(ids, have.id)
	}
	assert.Equal(t, []int{100, 101}, ids)
	assert.Empty(t, store.Get(100).tags, "these are the objects themselves")
}

func TestAStoreHidesNewObjectsFromLists(t *testing.T) {
	t.Parallel()
	store := newThings(1)
	store.Listed(true)
	store.Add(2, func(id int) thing { return thing{id: id} })
	for _, want := range []int{1, 1, 2} {
		assert.Len(t, store.Listed(true), want)
		assert.Len(t, store.Listed(false), want, "a further page")
	}
}

func TestACloneOfAStoreSharesNothing(t *testing.T) {
	t.Parallel()
	store := newThings(2)
	clone, copies := store.Clone(), store.Copies()
	copies[0].tags[0] = "x"
	require.True(t, store.Remove(101))
	store.Get(100).tags[0] = "y"
	assert.Equal(t, []thing{{100, []string{"a"}}, {101, []string{"a"}}}, clone.Copies())
	assert.Equal(t, 102, clone.Add(0, func(id int) thing { return thing{id: id} }))
	assert.Equal(t, 1, store.Len())
}

func TestChecksOfValues(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]struct{ host, address, filled bool }{
		"":                {},
		" ":               {},
		"a.example.com":   {host: true, filled: true},
		"a_b.example.com": {host: true, filled: true},
		"example.com.":    {host: true, filled: true},
		"192.0.2.1":       {host: true, address: true, filled: true},
		"2001:db8::1":     {host: true, address: true, filled: true},
		"10.0.0.256":      {filled: true},
		"a..example.com":  {filled: true},
		"https://a":       {filled: true},
		"a:80":            {filled: true},
	} {
		assert.Equal(t, want.host, emulator.Host(0, value) == "", value)
		assert.Equal(t, want.address, emulator.Address(0, value) == "", value)
		assert.Equal(t, want.filled, emulator.Filled(0, value) == "", value)
		assert.Equal(t, want.address || value == "", emulator.Optional(emulator.Address[int])(0, value) == "", value)
	}
}
