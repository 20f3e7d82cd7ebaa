// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake_test

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake/conformtest"
)

func asMap(t *testing.T, v any) map[string]any {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	var m map[string]any
	require.NoError(t, json.Unmarshal(data, &m))
	return m
}

// refusedFields are single fields, as they stand in a form, that neither a creation nor an update may hold.
func refusedFields() map[string][2]string { // what: form, field that is complained about
	return map[string][2]string{
		"unknown":                  {"nmae=x", "nmae"},
		"read-only":                {"servers[]=london", "servers[]"},
		"list without brackets":    {"tags=a", "tags"},
		"more without brackets":    {"tags=a&tags=b", "tags"},
		"empty twice":              {"tags=&tags=", "tags"},
		"both ways":                {"tags=&tags[]=a", "tags"},
		"indexed list":             {"tags[0]=a", "tags[0]"},
		"brackets on a text":       {"find_string[]=a", "find_string"},
		"codes as a list":          {"status_codes[]=200", "status_codes[]"},
		"codes with brackets":      {"status_codes_csv[]=200", "status_codes_csv"},
		"code of two digits":       {"status_codes_csv=20", "status_codes_csv"},
		"code with a blank":        {"status_codes_csv=200, 201", "status_codes_csv"},
		"code missing":             {"status_codes_csv=200,", "status_codes_csv"},
		"code not a number":        {"status_codes_csv=2xx", "status_codes_csv"},
		"text sent twice":          {"find_string=a&find_string=b", "find_string"},
		"empty item":               {"tags[]=a&tags[]=", "tags"},
		"name empty":               {"name=", "name"},
		"name blank":               {"name=%20", "name"},
		"URL empty":                {"website_url=", "website_url"},
		"URL with a blank":         {"website_url=https://a.example.com/a b", "website_url"},
		"URL without host":         {"website_url=https://", "website_url"},
		"URL cannot be parsed":     {"website_url=https://%25zz/", "website_url"},
		"no host":                  {"website_url=what is this", "website_url"},
		"path without scheme":      {"website_url=example.com/path", "website_url"},
		"address out of range":     {"website_url=10.0.0.256", "website_url"},
		"label too long":           {"website_url=" + strings.Repeat("a", 64) + ".com", "website_url"},
		"check rate not offered":   {"check_rate=45", "check_rate"},
		"check rate empty":         {"check_rate=", "check_rate"},
		"confirmation over":        {"confirmation=4", "confirmation"},
		"confirmation under":       {"confirmation=-1", "confirmation"},
		"timeout over":             {"timeout=76", "timeout"},
		"timeout under":            {"timeout=4", "timeout"},
		"trigger rate over":        {"trigger_rate=61", "trigger_rate"},
		"port over":                {"port=65536", "port"},
		"port under":               {"port=-1", "port"},
		"number with a fraction":   {"port=1.0", "port"},
		"number with a zero":       {"port=080", "port"},
		"number with a sign":       {"port=%2B80", "port"},
		"number too large":         {"port=99999999999999999999", "port"},
		"boolean as 1":             {"paused=1", "paused"},
		"boolean as yes":           {"paused=yes", "paused"},
		"boolean as True":          {"paused=True", "paused"},
		"boolean empty":            {"paused=", "paused"},
		"unknown region":           {"regions[]=atlantis", "regions"},
		"unknown contact group":    {"contact_groups[]=17", "contact_groups"},
		"group by name":            {"contact_groups[]=Operations", "contact_groups"},
		"DNS address":              {"dns_ips[]=a.example.com", "dns_ips"},
		"DNS server":               {"dns_server=https://ns.example.com", "dns_server"},
		"header, not JSON":         {"custom_header=X-A: b", "custom_header"},
		"header, not an object":    {"custom_header=[1]", "custom_header"},
		"body, null":               {"post_body=null", "post_body"},
		"SSL test's field":         {"alert_at[]=1", "alert_at[]"},
		"user name as it was once": {"basic_user=a", "basic_user"},
	}
}

func TestRefusedFields(t *testing.T) {
	c := newClient(t, emulator.Options{}, conformtest.AllowRefused())
	c.e.AddContactGroup("Operations")
	id := c.create("find_string", "ok")
	before := c.e.Tests()
	for what, refused := range refusedFields() {
		t.Run(what, func(t *testing.T) {
			sent, err := url.ParseQuery(strings.ReplaceAll(refused[0], " ", "%20"))
			require.NoError(t, err)
			body := creation()
			for name, values := range sent {
				body[name] = values
			}
			for method, got := range map[string]reply{
				"POST": c.do("POST", "/uptime", body.Encode()),
				"PUT":  c.do("PUT", "/uptime/"+id, sent.Encode()+"&user_agent=x"),
			} {
				assert.Equal(t, 400, got.status, method)
				assert.NotEmpty(t, got.body.Message)
				require.Len(t, got.body.Errors, 1, "%s: %s", method, got.text)
				require.Len(t, got.body.Errors[refused[1]], 1, "%s: %s", method, got.text)
				assert.Contains(t, got.body.Errors[refused[1]][0], refused[1]+" ")
			}
			assert.Equal(t, before, c.e.Tests(), "a refused call changes nothing")
		})
	}
}

func TestRefusedCreationsAndUpdates(t *testing.T) {
	c := newClient(t, emulator.Options{}, conformtest.AllowRefused())
	id := c.create()
	for _, name := range []string{"name", "test_type", "website_url", "check_rate"} {
		body := creation()
		body.Del(name)
		got := c.do("POST", "/uptime", body.Encode())
		assert.Equal(t, 400, got.status)
		assert.Equal(t, map[string][]string{name: {name + " is required"}}, got.body.Errors)
	}
	assert.Len(t, c.do("POST", "/uptime", "").body.Errors, 4)
	assert.Contains(t, c.do("POST", "/uptime", creation("test_type", "PUSH").Encode()).body.Errors["test_type"][0], "must be one of DNS")
	assert.Equal(t, map[string][]string{"test_type": {"test_type cannot be changed"}},
		c.do("PUT", "/uptime/"+id, "test_type=HTTP").body.Errors, "not even to what it is")
	assert.Len(t, c.e.Tests(), 1)
}

func TestRefusedRequests(t *testing.T) {
	c := newClient(t, emulator.Options{}, conformtest.AllowRefused())
	c.e.AddContactGroup("Operations")
	c.create()
	const id = "/uptime/6000001"
	const form = "application/x-www-form-urlencoded"
	for what, r := range map[string]struct {
		method, path, body, mediaType string
		want                          int
		text                          string
	}{
		"JSON body":                {"POST", "/uptime", `{"name":"x"}`, "application/json", 400, "x-www-form-urlencoded"},
		"JSON body of an update":   {"PUT", id, `{"name":"x"}`, "application/json", 400, "x-www-form-urlencoded"},
		"no media type":            {"PUT", id, `name=x`, " ", 400, "x-www-form-urlencoded"},
		"broken form":              {"PUT", id, `name=%zz`, form, 400, "not a well-formed form"},
		"update of nothing":        {"PUT", id, "", "", 400, "holds no field"},
		"update of a group, too":   {"PUT", "/contact-groups/300001", "", "", 400, "holds no field"},
		"body of a list":           {"GET", "/uptime", `page=1`, form, 400, "takes no body"},
		"body of a deletion":       {"DELETE", id, `a=b`, form, 400, "takes no body"},
		"query of a creation":      {"POST", "/uptime?name=x", creation().Encode(), form, 400, "name is not a known parameter"},
		"query of an update":       {"PUT", id + "?page=1", "name=x", form, 400, "page is not a known parameter"},
		"query of a single test":   {"GET", id + "?nouptime", "", "", 400, "nouptime is not a known parameter"},
		"query of a deletion":      {"DELETE", id + "?force=1", "", "", 400, "force is not a known parameter"},
		"unknown parameter":        {"GET", "/uptime?name=x", "", "", 400, "name is not a known parameter"},
		"broken query":             {"GET", "/uptime?page=%zz", "", "", 400, "query is not well-formed"},
		"page 0":                   {"GET", "/uptime?page=0", "", "", 400, "page must be between"},
		"page twice":               {"GET", "/uptime?page=1&page=2", "", "", 400, "page is sent more than once"},
		"page, a word":             {"GET", "/uptime?page=last", "", "", 400, "page must be a whole number"},
		"page empty":               {"GET", "/uptime?page=", "", "", 400, "page must not be empty"},
		"limit 0":                  {"GET", "/uptime?limit=0", "", "", 400, "limit must be between 1 and 100"},
		"limit 101":                {"GET", "/uptime?limit=101", "", "", 400, "limit must be between 1 and 100"},
		"status unknown":           {"GET", "/uptime?status=paused", "", "", 400, "status must be up or down"},
		"tags empty":               {"GET", "/uptime?tags=", "", "", 400, "tags must not be empty"},
		"matchany=false":           {"GET", "/uptime?tags=a&matchany=false", "", "", 400, "matchany counts by its presence"},
		"nouptime=false":           {"GET", "/uptime?nouptime=false", "", "", 400, "nouptime counts by its presence"},
		"contact groups, limit":    {"GET", "/contact-groups?limit=1000", "", "", 400, "limit must be between"},
		"contact groups, filter":   {"GET", "/contact-groups?tags=a", "", "", 400, "tags is not a known parameter"},
		"locations, parameter":     {"GET", "/uptime-locations?location=GB", "", "", 400, "location is not a known"},
		"method of a collection":   {"PUT", "/uptime", "", "", 405, "Method not allowed"},
		"deletion of a collection": {"DELETE", "/uptime", "", "", 405, "Method not allowed"},
		"method of one":            {"POST", id, "", "", 405, "Method not allowed"},
		"patch":                    {"PATCH", id, "", "", 405, "Method not allowed"},
		"method of locations":      {"POST", "/uptime-locations", "", "", 405, "Method not allowed"},
		"no id":                    {"DELETE", "/uptime/", "", "", 404, "404 page not found"},
		"path below":               {"GET", id + "/", "", "", 404, "404 page not found"},
		"an id with a slash":       {"GET", "/uptime/1%2F2", "", "", 404, "404 page not found"},
		"unknown collection":       {"GET", "/nothing", "", "", 404, "404 page not found"},
		"below locations":          {"GET", "/uptime-locations/london", "", "", 404, "404 page not found"},
	} {
		t.Run(what, func(t *testing.T) {
			var header []string
			if r.mediaType != "" {
				header = []string{"Content-Type", strings.TrimSpace(r.mediaType)}
			}
			got := c.do(r.method, r.path, r.body, header...)
			assert.Equal(t, r.want, got.status)
			assert.Contains(t, got.text, r.text)
			assert.Equal(t, r.want == 405, got.header.Get("Allow") != "")
			assert.Len(t, c.e.Tests(), 1)
		})
	}
}

func TestOutsideTheBasePathNothingLooksLikeAnAbsentTest(t *testing.T) {
	e := statuscake.New(emulator.Options{})
	for _, path := range []string{"/", "/uptime", "/uptime/6000001", "/v1", "/v1/", "/v1uptime", "/v2/uptime/1", "//v1/uptime"} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
		r.Header.Set("Authorization", "Bearer x")
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		assert.Equal(t, 404, w.Code, path)
		assert.False(t, json.Valid(w.Body.Bytes()), path)
	}
}

func TestAllowNamesTheMethods(t *testing.T) {
	c := newClient(t, emulator.Options{}, conformtest.AllowRefused())
	assert.Equal(t, "GET, POST", c.do("DELETE", "/uptime", "").header.Get("Allow"))
	assert.Equal(t, "DELETE, GET, PUT", c.do("POST", "/contact-groups/1", "").header.Get("Allow"))
}

// schema is what this test needs of the vendor's file.
type schema struct {
	Ref        string            `json:"$ref"`
	Type       string            `json:"type"`
	Enum       []any             `json:"enum"`
	Minimum    *int              `json:"minimum"`
	Maximum    *int              `json:"maximum"`
	Properties map[string]schema `json:"properties"`
}

// TestTheFieldsAreTheVendors holds the emulator against the file from its other side: what the file allows is accepted, and
// the values just outside are not.
func TestTheFieldsAreTheVendors(t *testing.T) {
	data, err := os.ReadFile("conformtest/testdata/statuscake-v1.json")
	require.NoError(t, err)
	var file struct {
		Definitions map[string]schema `json:"definitions"`
	}
	require.NoError(t, json.Unmarshal(data, &file))
	c := newClient(t, emulator.Options{}, conformtest.AllowRefused())
	fields, _ := every(c.e.AddContactGroup("Operations"))
	sample := form(fields...)

	for name, property := range file.Definitions["UptimeTestCreateRequest"].Properties {
		property = file.Definitions[strings.TrimPrefix(property.Ref, "#/definitions/")].or(property)
		key := name
		if property.Type == "array" {
			key += "[]"
		}
		require.True(t, sample.Has(key), "the sample of every field lacks %s", key)
		accepted := func(value string) bool {
			status := c.do("POST", "/uptime", creation(key, value).Encode()).status
			require.Contains(t, []int{201, 400}, status)
			return status == 201
		}
		for _, value := range sample[key] {
			assert.True(t, accepted(value), "%s=%s", key, value)
		}
		for _, value := range property.Enum {
			assert.True(t, accepted(text(value)), "%s=%v", key, value)
		}
		if property.Enum != nil {
			assert.False(t, accepted("1"), key)
		}
		if property.Minimum != nil {
			assert.True(t, accepted(strconv.Itoa(*property.Minimum)), key)
			assert.False(t, accepted(strconv.Itoa(*property.Minimum-1)), key)
		}
		if property.Maximum != nil {
			assert.True(t, accepted(strconv.Itoa(*property.Maximum)), key)
			assert.False(t, accepted(strconv.Itoa(*property.Maximum+1)), key)
		}
	}
	names := func(definition string) []string {
		var names []string
		for name := range file.Definitions[definition].Properties {
			names = append(names, name)
		}
		slices.Sort(names)
		return names
	}
	assert.Len(t, names("UptimeTestCreateRequest"), 29)
	assert.Len(t, names("UptimeTestUpdateRequest"), 28)
}

func (s schema) or(other schema) schema {
	if s.Type == "" {
		return other
	}
	return s
}

func text(value any) string {
	if number, ok := value.(float64); ok {
		return strconv.Itoa(int(number))
	}
	return value.(string)
}

// FuzzForm looks for forms that the emulator takes and the vendor's file does not.
func FuzzForm(f *testing.F) {
	fields, _ := every("300001")
	f.Add(form(fields...).Encode())
	f.Add(creation().Encode())
	for _, refused := range refusedFields() {
		f.Add(creation().Encode() + "&" + refused[0])
	}
	f.Fuzz(func(t *testing.T, body string) {
		if body == "" {
			return
		}
		c := newClient(t, emulator.Options{}, conformtest.AllowRefused())
		c.e.AddContactGroup("Operations")
		id := c.e.Seed(1)[0]
		assert.Contains(t, []int{201, 400}, c.do("POST", "/uptime", body).status)
		assert.Contains(t, []int{204, 400}, c.do("PUT", "/uptime/"+id, body).status)
		c.do("GET", "/uptime/"+id, "")
		c.do("GET", "/uptime", "")
	})
}
