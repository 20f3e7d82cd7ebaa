// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
)

// every is each field of a creation with a value that is not its default, and how it reads back.
func every(group string) (fields []string, want map[string]any) {
	server := func(description, ipv4, ipv6, region, code string) map[string]any {
		return map[string]any{"description": description, "ipv4": ipv4, "ipv6": ipv6, "region": region, "region_code": code, "status": "up"}
	}
	fields = []string{
		"name", "Every field", "test_type", "TCP", "website_url", "shop.example.com", "check_rate", "60",
		"basic_username", "user", "basic_password", "pass", "confirmation", "3", "contact_groups[]", group,
		"custom_header", `{"X-A":"b"}`, "dns_ips[]", "192.0.2.7", "dns_ips[]", "2001:db8::7", "dns_server", "ns.example.com",
		"do_not_find", "true", "enable_ssl_alert", "true", "final_endpoint", "https://end.example.com", "find_string", "ok",
		"follow_redirects", "true", "host", "Acme", "include_header", "true", "paused", "true", "port", "8443",
		"post_body", `{"a":1}`, "post_raw", "a=1", "regions[]", "paris", "regions[]", "london", "status_codes_csv", "503,500",
		"tags[]", "web", "tags[]", "a,b", "timeout", "75", "trigger_rate", "0", "use_jar", "true", "user_agent", "agent/1",
	}
	want = map[string]any{
		"name": "Every field", "test_type": "TCP", "website_url": "shop.example.com", "check_rate": 60.0, "confirmation": 3.0,
		"contact_groups": []any{group}, "custom_header": `{"X-A":"b"}`, "dns_ips": []any{"192.0.2.7", "2001:db8::7"},
		"dns_server": "ns.example.com", "do_not_find": true, "enable_ssl_alert": true,
		"final_endpoint": "https://end.example.com", "find_string": "ok", "follow_redirects": true, "host": "Acme",
		"include_header": true, "paused": true, "port": 8443.0, "post_body": `{"a":1}`, "post_raw": "a=1",
		"servers": []any{
			server("United Kingdom / London - 1", "192.0.2.17", "2001:db8::11", "United Kingdom / London", "london"),
			server("France / Paris - 1", "192.0.2.33", "2001:db8::21", "France / Paris", "paris"),
		},
		"status_codes": []any{"500", "503"}, "tags": []any{"a,b", "web"}, "timeout": 75.0, "trigger_rate": 0.0, "use_jar": true,
		"user_agent": "agent/1",
		"uptime":     99.98, "status": "up", "processing": false, "processing_state": "complete",
		"last_tested_at": "2026-04-01T12:00:00Z",
	}
	return fields, want
}

// aprilClock stands still.
func aprilClock() time.Time { return time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC) }

func TestEveryFieldReadsBack(t *testing.T) {
	c := newClient(t, emulator.Options{Now: aprilClock})
	group := c.e.AddContactGroup("Operations", "ops@example.com")
	fields, want := every(group)

	id := c.create(fields...)
	want["id"] = id
	assert.Equal(t, want, c.read(id), "write-only fields and only those are missing")

	stored, ok := c.e.Test(id)
	require.True(t, ok)
	assert.Equal(t, "user", stored.BasicUsername)
	assert.Equal(t, "pass", stored.BasicPassword)
	assert.Equal(t, []string{"paris", "london"}, stored.Regions, "the state keeps what was sent as it was sent")
	assert.Equal(t, []statuscake.Test{stored}, c.e.Tests())

	other := c.create()
	update := form(fields...)
	update.Del("test_type")
	require.Equal(t, 204, c.do("PUT", "/uptime/"+other, update.Encode()).status)
	want["id"], want["test_type"] = other, "HTTP"
	assert.Equal(t, want, c.read(other), "an update reaches the same state, but for the type")
}

func TestWhatACreationGetsByItself(t *testing.T) {
	c := newClient(t, emulator.Options{Now: aprilClock})
	codes := []any{}
	for _, code := range strings.Fields(`204 205 206 303 400 401 403 404 405 406 408 410 413 429 444 494 495 496 499
		500 501 502 503 504 505 506 507 508 509 510 511 520 521 522 523 524 598 599`) {
		codes = append(codes, code)
	}
	want := map[string]any{
		"name": "Shop", "test_type": "HTTP", "website_url": "https://shop.example.com", "check_rate": 300.0, "confirmation": 2.0,
		"contact_groups": []any{}, "dns_ips": []any{}, "do_not_find": false, "enable_ssl_alert": false, "follow_redirects": false,
		"include_header": false, "paused": false, "servers": []any{}, "status_codes": codes, "tags": []any{}, "timeout": 15.0,
		"trigger_rate": 4.0, "use_jar": false, "uptime": 99.98, "status": "up", "processing": false, "processing_state": "complete",
		"last_tested_at": "2026-04-01T12:00:00Z",
	}
	for _, fields := range [][]string{nil, {"status_codes_csv", ""}, {"tags[]", "", "find_string", ""}, {"tags", "", "port", "0"}} {
		id := c.create(fields...)
		want["id"] = id
		assert.Equal(t, want, c.read(id), "%v", fields)
	}

	id := c.create()
	c.update(id, "status_codes_csv", "")
	assert.Empty(t, c.read(id)["status_codes"], "an update can empty the codes")
}

func TestAnUpdateChangesOnlyWhatIsSent(t *testing.T) {
	c := newClient(t, emulator.Options{Now: aprilClock})
	group := c.e.AddContactGroup("Operations")
	fields, _ := every(group)
	for i := 0; i < len(fields); i += 2 {
		if fields[i] == "test_type" {
			continue
		}
		id := c.create()
		before, _ := c.e.Test(id)
		c.update(id, fields[i], fields[i+1])
		after, _ := c.e.Test(id)
		assert.Len(t, differing(t, before, after), 1, "%s=%s", fields[i], fields[i+1])
	}
}

func differing(t *testing.T, a, b statuscake.Test) []string {
	t.Helper()
	var names []string
	left, right := asMap(t, a), asMap(t, b)
	for name := range left {
		if fmt.Sprint(left[name]) != fmt.Sprint(right[name]) {
			names = append(names, name)
		}
	}
	return names
}

func TestClearing(t *testing.T) {
	c := newClient(t, emulator.Options{})
	fields, _ := every(c.e.AddContactGroup("Operations"))
	for name, key := range map[string]string{
		"basic_username": "basic_username", "basic_password": "basic_password", "contact_groups": "contact_groups[]",
		"custom_header": "custom_header", "dns_ips": "dns_ips[]", "dns_server": "dns_server", "final_endpoint": "final_endpoint",
		"find_string": "find_string", "host": "host", "post_body": "post_body", "post_raw": "post_raw", "regions": "regions[]",
		"status_codes": "status_codes_csv", "tags": "tags[]", "user_agent": "user_agent",
	} {
		for _, sent := range []string{key, strings.TrimSuffix(key, "[]")} {
			id := c.create(fields...)
			require.NotEmpty(t, stored(t, c, id)[name])
			c.update(id, sent, "")
			assert.Empty(t, stored(t, c, id)[name], "%s=", sent)
			if _, shown := c.read(id)[name]; shown {
				assert.Equal(t, []any{}, c.read(id)[name], "only lists are shown when they are empty")
			}
		}
	}
}

func stored(t *testing.T, c *client, id string) map[string]any {
	t.Helper()
	test, ok := c.e.Test(id)
	require.True(t, ok)
	return asMap(t, test)
}

func TestDelete(t *testing.T) {
	c := newClient(t, emulator.Options{})
	first, second := c.create(), c.create()
	got := c.do("DELETE", "/uptime/"+first, "")
	assert.Equal(t, 204, got.status)
	assert.Empty(t, got.text)
	for _, method := range []string{"GET", "DELETE", "PUT"} {
		got = c.do(method, "/uptime/"+first, map[string]string{"PUT": "name=x"}[method])
		assert.Equal(t, 404, got.status, method)
		assert.JSONEq(t, `{"message":"No results found","errors":{}}`, got.text, method)
	}
	assert.Equal(t, second, c.e.Tests()[0].ID)
	assert.NotEqual(t, second, c.create(), "ids are not given twice")
	assert.Equal(t, 404, c.do("GET", "/uptime/0"+second, "").status, "an id is a text, not a number")
	assert.Equal(t, 404, c.do("GET", "/uptime/abc", "").status)
}

func TestListPages(t *testing.T) {
	c := newClient(t, emulator.Options{})
	got := c.do("GET", "/uptime", "")
	assert.JSONEq(t, `{"data":[],"metadata":{"page":1,"per_page":25,"page_count":1,"total_count":0}}`, got.text)

	c.e.Seed(101, "seeded")
	for query, want := range map[string]struct{ first, n, pages int }{
		"": {1, 25, 5}, "?page=2": {26, 25, 5}, "?page=5": {101, 1, 5}, "?page=6": {0, 0, 5}, "?limit=100": {1, 100, 2},
		"?limit=100&page=2": {101, 1, 2}, "?limit=1&page=101": {101, 1, 101}, "?page=2147483647&limit=100": {0, 0, 2},
	} {
		got := c.do("GET", "/uptime"+query, "")
		_, names := c.list(query)
		assert.Len(t, names, want.n, query)
		if want.n > 0 {
			assert.Equal(t, fmt.Sprintf("Seeded test %d", want.first), names[0], query)
		}
		assert.Equal(t, want.pages, got.body.Metadata["page_count"], query)
		assert.Equal(t, 101, got.body.Metadata["total_count"], query)
	}
}

func TestListShowsAnOverview(t *testing.T) {
	c := newClient(t, emulator.Options{})
	group := c.e.AddContactGroup("Operations")
	fields, _ := every(group)
	id := c.create(fields...)
	want := map[string]any{
		"id": id, "name": "Every field", "website_url": "shop.example.com", "test_type": "TCP", "check_rate": 60.0,
		"contact_groups": []any{group}, "paused": true, "status": "up", "tags": []any{"a,b", "web"}, "uptime": 99.98,
	}
	tests, _ := c.list("")
	assert.Equal(t, []map[string]any{want}, tests)
	delete(want, "uptime")
	for _, query := range []string{"?nouptime", "?nouptime=", "?nouptime=true"} {
		tests, _ = c.list(query)
		assert.Equal(t, []map[string]any{want}, tests, query)
	}
}

func TestListFilters(t *testing.T) {
	c := newClient(t, emulator.Options{})
	c.e.Add(statuscake.Test{Name: "both", Tags: []string{"a", "b"}})
	c.e.Add(statuscake.Test{Name: "one", Tags: []string{"a"}, Status: "down"})
	c.e.Add(statuscake.Test{Name: "none"})
	for query, want := range map[string][]string{
		"": {"both", "one", "none"}, "?tags=a": {"both", "one"}, "?tags=a,b": {"both"}, "?tags=b,a&matchany": {"both", "one"},
		"?tags=b,x": nil, "?tags=b,x&matchany": {"both"}, "?tags=x&matchany=": nil, "?matchany": {"both", "one", "none"},
		"?status=down": {"one"}, "?status=up&tags=a": {"both"}, "?tags=A": nil,
	} {
		_, names := c.list(query)
		assert.Equal(t, want, names, query)
	}
}

func TestListMetadataMayLie(t *testing.T) {
	c := newClient(t, emulator.Options{})
	c.e.Seed(30)
	require.NoError(t, c.e.SetListMetadata(statuscake.MetadataZeroTotal))
	assert.Equal(t, map[string]int{"page": 1, "per_page": 25, "page_count": 2, "total_count": 0}, c.do("GET", "/uptime", "").body.Metadata)
	require.ErrorContains(t, c.e.SetListMetadata("none"), `got: "none"`)

	bare := &client{t: t, e: c.e, handler: c.e} // the vendor's file says that there is metadata
	require.NoError(t, c.e.SetListMetadata(statuscake.MetadataMissing))
	got := bare.do("GET", "/uptime?page=2", "")
	assert.NotContains(t, got.text, "metadata")
	_, names := bare.list("?page=2")
	assert.Len(t, names, 5)
}

func TestANewTestIsMissingFromTheListForAWhile(t *testing.T) {
	c := newClient(t, emulator.Options{ListLag: 2})
	old := c.e.Add(statuscake.Test{Name: "made by hand"})
	_, names := c.list("")
	require.Equal(t, []string{"made by hand"}, names)

	id := c.create("name", "new")
	careless := &client{t: t, e: c.e, handler: c.e}
	assert.Equal(t, "new", c.read(id)["name"], "by its id it is there at once")
	for _, want := range [][]string{{"made by hand"}, {"made by hand"}, {"made by hand", "new"}} {
		require.Equal(t, 400, careless.do("GET", "/uptime?limit=0", "").status, "a refused request does not count")
		_, names = c.list("?page=2")
		assert.Empty(t, names, "further pages belong to the same request")
		_, names = c.list("")
		assert.Equal(t, want, names)
	}
	assert.Equal(t, "made by hand", c.read(old)["name"])
}

func TestBehindTheAPI(t *testing.T) {
	c := newClient(t, emulator.Options{})
	id := c.e.Add(statuscake.Test{Name: "made by hand", WebsiteURL: "https://a.example.com/", StatusCodes: []string{}, PostBody: "no JSON"})
	read := c.read(id)
	assert.Equal(t, "HTTP", read["test_type"])
	assert.EqualValues(t, 15, read["timeout"])
	assert.Equal(t, "https://a.example.com/", read["website_url"], "as it was given")
	assert.Empty(t, read["status_codes"])
	assert.Equal(t, "no JSON", read["post_body"])

	require.NoError(t, c.e.Change(id, func(test *statuscake.Test) { test.ID, test.Paused = "1", true }))
	assert.Equal(t, true, c.read(id)["paused"])
	require.ErrorContains(t, c.e.Change("1", func(*statuscake.Test) {}), `"1"`)

	tests := c.e.Tests()
	tests[0].Name, tests[0].StatusCodes = "x", append(tests[0].StatusCodes, "200")
	assert.Equal(t, "made by hand", c.read(id)["name"], "what is handed out is a copy")

	require.NoError(t, c.e.Remove(id))
	require.ErrorContains(t, c.e.Remove(id), id)
	_, ok := c.e.Test(id)
	assert.False(t, ok)
}
