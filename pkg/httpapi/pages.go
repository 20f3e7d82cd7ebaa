// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"context"
	"fmt"
	"reflect"
)

// maxPages stops a server that pages for ever; a hundred items a page make a million.
const maxPages = 10_000

// Pages collects the items of all pages, numbered from 1, until fetch says that there are no more. It gives every page
// or an error, never a part. A server that announces more after an empty page, or sends the same page twice in a row,
// ignores the page number: that is an error too.
func Pages[T any](ctx context.Context, fetch func(ctx context.Context, page int) (items []T, more bool, err error)) ([]T, error) {
	var all, last []T
	for page := 1; page <= maxPages; page++ {
		items, more, err := fetch(ctx, page)
		if err != nil {
			return nil, fmt.Errorf("page %d: %w", page, err)
		}
		if more && len(items) == 0 {
			return nil, fmt.Errorf("page %d is empty, yet the server announces more", page)
		}
		if page > 1 && len(items) > 0 && reflect.DeepEqual(items, last) {
			return nil, fmt.Errorf("page %d is the same as the one before: the server ignores the page number", page)
		}
		all, last = append(all, items...), items
		if !more {
			return all, nil
		}
	}
	return nil, fmt.Errorf("the server still announces more after %d pages", maxPages)
}
