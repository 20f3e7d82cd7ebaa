// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"context"
	"errors"
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
