// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// windowPageSize is how many windows are asked for at once. The vendor names no limit; this much any service gives.
const windowPageSize = 100

// wireNow is what the vendor takes for the current time. It accepts no time that has passed, so that a time that was
// looked up here could come too late.
const wireNow = 1

// wireWindow is a maintenance window as the list and GET by id show it. Times are unix seconds.
type wireWindow struct {
	ID             flexible      `json:"id"`
	Description    string        `json:"description"`
	From           int64         `json:"from"`
	To             int64         `json:"to"`
	RecurrenceType string        `json:"recurrencetype"` // "none", "day", "week" or "month"
	Checks         coveredChecks `json:"checks"`
}

func (w wireWindow) end() time.Time { return time.Unix(w.To, 0).UTC() }

// coveredChecks are the ids of the checks that a window covers.
type coveredChecks struct {
	Uptime []flexible `json:"uptime"`
	TMS    []flexible `json:"tms"` // transaction checks
}

// UnmarshalJSON takes an object, an empty list for no checks, and null.
func (c *coveredChecks) UnmarshalJSON(data []byte) error {
	*c = coveredChecks{}
	var none []struct{}
	if json.Unmarshal(data, &none) == nil && len(none) == 0 {
		return nil
	}
	type plain coveredChecks // without this method
	return json.Unmarshal(data, (*plain)(c))
}

// listWindows gives all maintenance windows that end after a time, in the order of their ids, and perhaps some that ended before it:
// https://docs.pingdom.com/api/#tag/Maintenance/paths/~1maintenance/get
//
// Every deployment leaves a window that is over. So the list is asked for in the order of ends, the last one first, and read only as
// far as it is needed. The answer tells no count, so what has several pages is read until the same came twice.
func (c *client) listWindows(ctx context.Context, after time.Time) ([]wireWindow, error) {
	id := func(w wireWindow) string { return string(w.ID) }
	var last []string
	windows, err := httpapi.Settled(ctx, c.http, id, func(ctx context.Context) ([]wireWindow, int, error) {
		windows, pages, err := c.listWindowsOnce(ctx, after)
		ids := make([]string, len(windows))
		for i, w := range windows {
			ids[i] = id(w)
		}
		if err != nil || pages == 1 || slices.Equal(ids, last) {
			return windows, 0, err
		}
		last = ids
		return windows, -1, nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing maintenance windows: %w", err)
	}
	slices.SortFunc(windows, func(a, b wireWindow) int { return reconcile.CompareIDs(id(a), id(b)) })
	return windows, nil
}

// listWindowsOnce reads the pages once and tells how many there were.
func (c *client) listWindowsOnce(ctx context.Context, after time.Time) (windows []wireWindow, pages int, err error) {
	lastFirst := func(a, b wireWindow) int { return b.end().Compare(a.end()) }
	windows, err = httpapi.Pages(ctx, func(ctx context.Context, number int) ([]wireWindow, bool, error) {
		pages = number
		query := url.Values{"limit": {strconv.Itoa(windowPageSize)}, "orderby": {"to"}, "order": {"desc"}}
		if number > 1 {
			query.Set("offset", strconv.Itoa((number-1)*windowPageSize))
		}
		var answer struct {
			Maintenance []wireWindow `json:"maintenance"`
		}
		err := c.http.Do(ctx, httpapi.Request{Method: http.MethodGet, Path: []string{"maintenance"}, Query: query}, &answer)
		page := answer.Maintenance
		if err == nil && page == nil {
			err = errors.New("the answer has no maintenance")
		}
		// Where the server keeps the order, what comes behind a window that is over is over too.
		rest := len(page) < windowPageSize || slices.IsSortedFunc(page, lastFirst) && !page[len(page)-1].end().After(after)
		return page, !rest, err
	})
	return windows, pages, err
}

// getWindow gives one maintenance window; an error that Is httpapi.ErrNotFound proves that there is none with that id:
// https://docs.pingdom.com/api/#tag/Maintenance/paths/~1maintenance~1{id}/get
func (c *client) getWindow(ctx context.Context, id string) (wireWindow, error) {
	var answer struct {
		Maintenance wireWindow `json:"maintenance"`
	}
	err := c.http.Do(ctx, httpapi.Request{Method: http.MethodGet, Path: []string{"maintenance", id}}, &answer)
	if err == nil && string(answer.Maintenance.ID) != id {
		err = fmt.Errorf("the answer is about %q", answer.Maintenance.ID)
	}
	if err != nil {
		return wireWindow{}, fmt.Errorf("reading maintenance window %s: %w", id, err)
	}
	return answer.Maintenance, nil
}

// createWindow makes a maintenance window and gives its id: https://docs.pingdom.com/api/#tag/Maintenance/paths/~1maintenance/post
//
// The body is asked for when the call goes out, which may have had to wait for minutes: it tells of times that begin now.
func (c *client) createWindow(ctx context.Context, body func() any) (string, error) {
	return c.create(ctx, "maintenance", httpapi.Request{Path: []string{"maintenance"}, Fresh: body})
}

// updateWindow changes the fields that the body holds, see createWindow:
// https://docs.pingdom.com/api/#tag/Maintenance/paths/~1maintenance~1{id}/put
func (c *client) updateWindow(ctx context.Context, id string, body func() any) error {
	return c.http.Do(ctx, httpapi.Request{Method: http.MethodPut, Path: []string{"maintenance", id}, Fresh: body}, nil)
}

// deleteWindow removes a maintenance window that has not begun:
// https://docs.pingdom.com/api/#tag/Maintenance/paths/~1maintenance~1{id}/delete
func (c *client) deleteWindow(ctx context.Context, id string) error {
	return c.http.Do(ctx, httpapi.Request{Method: http.MethodDelete, Path: []string{"maintenance", id}}, nil)
}
