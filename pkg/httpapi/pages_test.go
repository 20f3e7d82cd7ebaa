// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPages(t *testing.T) {
	for _, n := range []int{0, 1, 99, 100, 101, 250} {
		items, err := Pages(t.Context(), func(_ context.Context, page int) ([]int, bool, error) {
			var items []int
			for i := (page - 1) * 100; i < min(page*100, n); i++ {
				items = append(items, i)
			}
			return items, page*100 < n, nil
		})
		require.NoError(t, err)
		require.Len(t, items, n)
		for i, item := range items {
			assert.Equal(t, i, item)
		}
	}
}

func TestPagesNeverGiveAPart(t *testing.T) {
	lost := errors.New("lost")
	for want, fetch := range map[string]func(page int) ([]int, bool, error){
		"page 3: lost": func(page int) ([]int, bool, error) {
			if page == 3 {
				return nil, false, lost
			}
			return []int{page}, true, nil
		},
		"page 2 is empty, yet the server announces more": func(page int) ([]int, bool, error) {
			return make([]int, 2-page), true, nil
		},
		"page 2 is the same as the one before": func(int) ([]int, bool, error) { return []int{1, 2}, true, nil },
		"after 10000 pages":                    func(page int) ([]int, bool, error) { return []int{page}, true, nil },
	} {
		items, err := Pages(t.Context(), func(_ context.Context, page int) ([]int, bool, error) { return fetch(page) })
		require.ErrorContains(t, err, want)
		assert.Nil(t, items)
	}
	_, err := Pages(t.Context(), func(context.Context, int) ([]int, bool, error) { return nil, false, lost })
	assert.ErrorIs(t, err, lost)
}

func TestSettledReadsAgainWhatMoves(t *testing.T) {
	for name, test := range map[string]struct {
		reads [][]int
		total int
		want  []int
		err   string
	}{
		"whole at once":             {[][]int{{1, 2}}, 2, []int{1, 2}, ""},
		"no count to hold it to":    {[][]int{{1, 2, 2}}, 0, []int{1, 2}, ""},
		"one moved to the next":     {[][]int{{1, 2, 2}, {1, 2, 3}}, 3, []int{1, 2, 3}, ""},
		"whole the seventh time":    {[][]int{{1}, {1}, {1}, {1}, {1}, {1}, {1, 2}}, 2, []int{1, 2}, ""},
		"never":                     {[][]int{{1}, {1}, {1}, {1}, {1}, {1}, {1}, {1, 2}}, 2, nil, "the list kept changing"},
		"more than there should be": {[][]int{{1, 2}, {1}}, 1, []int{1}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, "http://x")
			n := 0
			got, err := Settled(t.Context(), c, func(i int) int { return i }, func(context.Context) ([]int, int, error) {
				n++
				return slices.Clone(test.reads[n-1]), test.total, nil
			})
			assert.Equal(t, test.want, got)
			if test.err == "" {
				require.NoError(t, err)
				assert.Len(t, c.clock.(*fakeClock).sleeps(), len(test.reads)-1, "there is a pause before each further reading")
			} else {
				require.ErrorContains(t, err, test.err)
			}
		})
	}
}

func TestSettledGivesUpAtOnceWhereReadingFails(t *testing.T) {
	c := newClient(t, "http://x")
	lost := errors.New("lost")
	_, err := Settled(t.Context(), c, func(i int) int { return i }, func(context.Context) ([]int, int, error) { return []int{1}, 1, lost })
	require.ErrorIs(t, err, lost)
	ctx, cancel := context.WithCancel(t.Context())
	_, err = Settled(ctx, c, func(i int) int { return i }, func(context.Context) ([]int, int, error) {
		cancel()
		return []int{1}, 2, nil
	})
	require.ErrorIs(t, err, context.Canceled)
}
