// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/names"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// client is the part of StatusCake's API that the modules use. Its methods wrap httpapi.Error.
type client struct {
	http        *httpapi.Client
	concurrency int // reads at a time
}

const (
	pageSize    = 100       // the most that a list gives at once
	mostObjects = 1_000_000 // more than any account has
)

// overview is a test as the list shows it: https://developers.statuscake.com/api/#operation/list-uptime-tests
type overview struct {
	ID            string   `json:"id"`
	Name          string   `json:"name"`
	WebsiteURL    string   `json:"website_url"`
	TestType      string   `json:"test_type"`
	CheckRate     int      `json:"check_rate"` // seconds
	ContactGroups []string `json:"contact_groups"`
	Paused        bool     `json:"paused"`
	Tags          []string `json:"tags"`
}

// details is a test as GET by id shows it: https://developers.statuscake.com/api/#operation/get-uptime-test
type details struct {
	overview
	Confirmation    int      `json:"confirmation"`
	CustomHeader    string   `json:"custom_header"`
	DNSIPs          []string `json:"dns_ips"`
	DNSServer       string   `json:"dns_server"`
	DoNotFind       bool     `json:"do_not_find"`
	EnableSSLAlert  bool     `json:"enable_ssl_alert"`
	FinalEndpoint   string   `json:"final_endpoint"`
	FindString      string   `json:"find_string"`
	FollowRedirects bool     `json:"follow_redirects"`
	Host            string   `json:"host"`
	IncludeHeader   bool     `json:"include_header"`
	Port            int      `json:"port"` // not told where it is 0
	PostBody        string   `json:"post_body"`
	PostRaw         string   `json:"post_raw"`
	Servers         []server `json:"servers"`
	StatusCodes     []string `json:"status_codes"`
	Timeout         int      `json:"timeout"`      // seconds
	TriggerRate     int      `json:"trigger_rate"` // minutes
	UseJar          bool     `json:"use_jar"`
	UserAgent       string   `json:"user_agent"`
}

// server is a monitoring location that runs a test.
type server struct {
	RegionCode string `json:"region_code"`
}

// contactGroup is as the list shows it: https://developers.statuscake.com/api/#operation/list-contact-groups
type contactGroup struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// page is one answer of a list.
type page[T any] struct {
	Data     []T `json:"data"`
	Metadata struct {
		TotalCount int `json:"total_count"` // has been seen as 0: then only a short page ends the list
	} `json:"metadata"`
}

// listUptime gives all tests of the account, or those with a tag.
func (c *client) listUptime(ctx context.Context, tag string) ([]overview, error) {
	query := url.Values{"nouptime": {"true"}}
	if tag != "" {
		query.Set("tags", tag)
	}
	tests, err := list(ctx, c, "uptime", query, func(t overview) string { return t.ID })
	if err != nil {
		return nil, fmt.Errorf("listing uptime tests: %w", err)
	}
	return tests, nil
}

// getUptime gives one test; an error that Is httpapi.ErrNotFound proves that there is none with that id.
func (c *client) getUptime(ctx context.Context, id string) (details, error) {
	var answer struct {
		Data details `json:"data"`
	}
	err := c.http.Do(ctx, httpapi.Request{Method: http.MethodGet, Path: []string{"uptime", id}}, &answer)
	if err == nil && answer.Data.ID != id {
		err = fmt.Errorf("the answer is about %q", answer.Data.ID)
	}
	if err != nil {
		return details{}, fmt.Errorf("reading uptime test %s: %w", id, err)
	}
	return answer.Data, nil
}

// createUptime makes a test and gives its id: https://developers.statuscake.com/api/#operation/create-uptime-test
func (c *client) createUptime(ctx context.Context, form url.Values) (string, error) {
	var answer struct {
		Data struct {
			NewID string `json:"new_id"`
		} `json:"data"`
	}
	err := c.http.Do(ctx, httpapi.Request{Method: http.MethodPost, Path: []string{"uptime"}, Form: form}, &answer)
	if err == nil && answer.Data.NewID == "" {
		err = httpapi.Lost("the answer has no data.new_id")
	}
	return answer.Data.NewID, err
}

// updateUptime changes the fields that form holds: https://developers.statuscake.com/api/#operation/update-uptime-test
func (c *client) updateUptime(ctx context.Context, id string, form url.Values) error {
	return c.http.Do(ctx, httpapi.Request{Method: http.MethodPut, Path: []string{"uptime", id}, Form: form}, nil)
}

// deleteUptime removes a test: https://developers.statuscake.com/api/#operation/delete-uptime-test
func (c *client) deleteUptime(ctx context.Context, id string) error {
	return c.http.Do(ctx, httpapi.Request{Method: http.MethodDelete, Path: []string{"uptime", id}}, nil)
}

// listContactGroups gives all contact groups of the account.
func (c *client) listContactGroups(ctx context.Context) ([]names.Named, error) {
	groups, err := list(ctx, c, "contact-groups", nil, func(g contactGroup) string { return g.ID })
	if err != nil {
		return nil, fmt.Errorf("listing contact groups: %w", err)
	}
	named := make([]names.Named, len(groups))
	for i, g := range groups {
		named[i] = names.Named{ID: g.ID, Name: g.Name}
	}
	return named, nil
}

// listRegions returns the regions that have monitoring locations, each once:
// https://developers.statuscake.com/api/#operation/list-uptime-monitoring-locations
func (c *client) listRegions(ctx context.Context) ([]names.Named, error) {
	var answer struct {
		Data []server `json:"data"`
	}
	err := c.http.Do(ctx, httpapi.Request{Method: http.MethodGet, Path: []string{"uptime-locations"}}, &answer)
	if err == nil && answer.Data == nil {
		err = errors.New("the answer has no data")
	}
	if err != nil {
		return nil, fmt.Errorf("listing monitoring locations: %w", err)
	}
	var regions []names.Named
	for _, s := range answer.Data {
		if named := (names.Named{ID: s.RegionCode, Name: s.RegionCode}); !slices.Contains(regions, named) {
			regions = append(regions, named)
		}
	}
	return regions, nil
}

// list reads every page of a list.
func list[T any](ctx context.Context, c *client, path string, query url.Values, id func(T) string) ([]T, error) {
	return httpapi.Settled(ctx, c.http, id, func(ctx context.Context) ([]T, int, error) { return listOnce[T](ctx, c, path, query) })
}

// listOnce reads every page once, and tells how many objects there are by the answers' own count, 0 where they do not say.
func listOnce[T any](ctx context.Context, c *client, path string, query url.Values) (items []T, total int, err error) {
	get := func(ctx context.Context, number int) (page[T], error) {
		q := url.Values{"limit": {strconv.Itoa(pageSize)}, "page": {strconv.Itoa(number)}}
		for k, v := range query {
			q[k] = v
		}
		var p page[T]
		err := c.http.Do(ctx, httpapi.Request{Method: http.MethodGet, Path: []string{path}, Query: q}, &p)
		if err == nil && p.Data == nil {
			err = fmt.Errorf("page %d has no data", number)
		}
		return p, err
	}
	first, err := get(ctx, 1)
	if err != nil {
		return nil, 0, err
	}
	if count := first.Metadata.TotalCount; count > mostObjects {
		return nil, 0, fmt.Errorf("the list says that it has %d entries, which is taken for a mistake", count)
	} else if count > 0 {
		pages := make([]page[T], (count+pageSize-1)/pageSize)
		pages[0] = first
		err := reconcile.Each(ctx, c.concurrency, len(pages)-1, func(ctx context.Context, i int) (err error) {
			pages[i+1], err = get(ctx, i+2)
			return err
		})
		if err != nil {
			return nil, 0, err
		}
		for _, p := range pages {
			items = append(items, p.Data...)
			total = max(total, p.Metadata.TotalCount)
		}
		return items, total, nil
	}
	items, err = httpapi.Pages(ctx, func(ctx context.Context, number int) ([]T, bool, error) {
		if number == 1 {
			return first.Data, len(first.Data) == pageSize, nil
		}
		p, err := get(ctx, number)
		return p.Data, len(p.Data) == pageSize, err
	})
	return items, 0, err
}

// parseError reads the error body {"message": "…", "errors": {"field": ["…"]}}: https://developers.statuscake.com/guides/api/errors
func parseError(_ int, body []byte) (code, msg string) {
	var answer struct {
		Message string              `json:"message"`
		Errors  map[string][]string `json:"errors"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return "", ""
	}
	var fields []string
	for field, texts := range answer.Errors {
		fields = append(fields, field+": "+strings.Join(texts, ", "))
	}
	slices.Sort(fields)
	if len(fields) == 0 {
		return "", answer.Message
	}
	return "", strings.TrimSuffix(answer.Message, ".") + " (" + strings.Join(fields, "; ") + ")"
}

// classify tells a refused token, which some answers give the status 403, from a plan without the feature.
func classify(a httpapi.Answer) error {
	if a.Status == http.StatusForbidden && a.Header.Get("x-ext-authz") == "denied" {
		return httpapi.ErrAuth
	}
	return nil
}

// parseLimits gives the wait that a 429 asks for: https://developers.statuscake.com/guides/api/ratelimiting
func parseLimits(_ int, header http.Header) (time.Duration, bool) {
	seconds, err := strconv.Atoi(header.Get("x-ratelimit-reset"))
	if err != nil || seconds < 0 || seconds > 3600 {
		return 0, false
	}
	return time.Duration(max(seconds, 1)) * time.Second, true
}
