// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"
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

// rereads is how often a list is read that changes meanwhile, with growing pauses: 21 seconds of them.
const rereads = 7

// errMoved is a list that changed while it was read.
var errMoved = errors.New("the list kept changing while it was read, so it is not known what exists; run again when fewer others write")

// Settled gives a whole list whose objects are created and deleted by others while its pages are read: that moves some from one page to
// the next. read reads every page and tells how many objects there are by the answers' own count, 0 where they do not say. As long as
// the distinct ids are not as many, the list is read again; when that does not help it is an error.
func Settled[T any, ID comparable](ctx context.Context, c *Client, id func(T) ID, read func(context.Context) (items []T, total int, err error)) ([]T, error) {
	for n := range rereads {
		if n > 0 {
			if err := c.Sleep(ctx, time.Duration(n)*time.Second); err != nil {
				return nil, err
			}
		}
		items, total, err := read(ctx)
		if err != nil {
			return nil, err
		}
		seen := make(map[ID]bool, len(items))
		items = slices.DeleteFunc(items, func(item T) bool {
			again := seen[id(item)]
			seen[id(item)] = true
			return again
		})
		if total == 0 || total == len(items) {
			return items, nil
		}
	}
	return nil, errMoved
}
