// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
)

// fieldCase is one field of an uptime test: a first value, another one, and how that goes over the wire.
type fieldCase struct {
	first, second any
	key           string   // "" is the field's name
	sent          []string // of the second value
	empty         any      // what clears it; nil for fields that always have a value
	secret        bool
}

// fieldCases has every field of the vendor's create request, which TestEveryFieldOfTheVendor sees to. Regions and groups are
// what the emulator knows.
func fieldCases() map[string]fieldCase {
	return map[string]fieldCase{
		"name":             {first: "every field", second: "another name", sent: []string{"another name"}},
		"website_url":      {first: "https://a.example.com/", second: "https://b.example.com/x?y=1&z=2", sent: []string{"https://b.example.com/x?y=1&z=2"}},
		"check_rate":       {first: 300, second: 60, sent: []string{"60"}},
		"basic_username":   {first: "ann", second: "bob", sent: []string{"bob"}, empty: ""},
		"basic_password":   {first: "first secret", second: "second secret", sent: []string{"second secret"}, empty: "", secret: true},
		"confirmation":     {first: 1, second: 0, sent: []string{"0"}},
		"contact_groups":   {first: []string{"300001"}, second: []string{"Night"}, key: "contact_groups[]", sent: []string{"300002"}, empty: []string{}},
		"custom_header":    {first: options{"X-One": "header one"}, second: options{"X-Two": "header two"}, sent: []string{`{"X-Two": "header two"}`}, empty: options{}, secret: true},
		"dns_ips":          {first: "192.0.2.1", second: "192.0.2.2,2001:db8::2", key: "dns_ips[]", sent: []string{"192.0.2.2", "2001:db8::2"}, empty: ""},
		"dns_server":       {first: "ns1.example.com", second: "ns2.example.com", sent: []string{"ns2.example.com"}, empty: ""},
		"do_not_find":      {first: true, second: false, sent: []string{"false"}},
		"enable_ssl_alert": {first: true, second: false, sent: []string{"false"}},
		"final_endpoint":   {first: "https://a.example.com/end", second: "https://b.example.com/end", sent: []string{"https://b.example.com/end"}, empty: ""},
		"find_string":      {first: "Welcome", second: "Grüß Gott & so", sent: []string{"Grüß Gott & so"}, empty: ""},
		"follow_redirects": {first: true, second: false, sent: []string{"false"}},
		"host":             {first: "Provider A", second: "Provider B", sent: []string{"Provider B"}, empty: ""},
		"include_header":   {first: true, second: false, sent: []string{"false"}},
		"paused":           {first: false, second: true, sent: []string{"true"}},
		"port":             {first: 25, second: 587, sent: []string{"587"}},
		"post_body":        {first: `{"a": "body one"}`, second: `{"a": "body two"}`, sent: []string{`{"a": "body two"}`}, empty: "", secret: true},
		"post_raw":         {first: "raw one", second: "raw two", sent: []string{"raw two"}, empty: "", secret: true},
		"regions":          {first: []string{"london"}, second: []string{"paris", "new-york"}, key: "regions[]", sent: []string{"paris", "new-york"}, empty: []string{}},
		"status_codes_csv": {first: []int{404}, second: []int{500, 404}, sent: []string{"500,404"}, empty: []string{}},
		"tags":             {first: []string{"a"}, second: []string{"b", "c"}, key: "tags[]", sent: []string{"b", "c"}, empty: []string{}},
		"timeout":          {first: 20, second: 75, sent: []string{"75"}},
		"trigger_rate":     {first: 5, second: 0, sent: []string{"0"}},
		"use_jar":          {first: true, second: false, sent: []string{"false"}},
		"user_agent":       {first: "agent/1", second: "agent/2", sent: []string{"agent/2"}, empty: ""},
	}
}

// everyField creates a test in which each field but test_type has its first value, and gives its options.
func everyField(t *testing.T, but ...string) (*lab, options, string) {
	t.Helper()
	if but == nil {
		but = []string{"post_raw"} // which post_body excludes
	}
	l := newLab(t, emulator.Options{})
	l.AddContactGroup("Day")
	l.AddContactGroup("Night")
	task := options{}
	for field, c := range fieldCases() {
		if !slices.Contains(but, field) {
			task[field] = c.first
		}
	}
	a := l.OK(task)
	l.Settled(task)
	return l, task, text(a.Only(t).ID)
}

// expectOnePut demands that the run sent one write, of this one field, and told of nothing else.
func expectOnePut(t *testing.T, l *lab, a answer, field string, form url.Values) {
	t.Helper()
	assert.Equal(t, "updated", a.Only(t).Action)
	writes := l.WriteCalls()
	require.Len(t, writes, 1)
	assert.Equal(t, http.MethodPut, writes[0].Method)
	assert.Equal(t, form, writes[0].Form)
	assert.Equal(t, []string{field}, slices.Collect(maps.Keys(a.Only(t).Changes)))
	require.Len(t, a.Diff, 1)
	shown := maps.Clone(a.Diff[0].Before)
	maps.Copy(shown, a.Diff[0].After)
	assert.Equal(t, []string{field}, slices.Collect(maps.Keys(shown)), "the diff shows the one field")
}

func TestEachFieldEditedAlone(t *testing.T) {
	t.Parallel()
	for field, c := range fieldCases() {
		key := field
		if c.key != "" {
			key = c.key
		}
		edit := func(t *testing.T, value any, sent []string) {
			t.Parallel()
			but := "post_raw"
			if field == but {
				but = "post_body"
			}
			l, task, id := everyField(t, but)
			task = task.With(options{field: value, "id": id})
			if strings.HasPrefix(field, "basic_") {
				// What cannot be read is sent only on the user's word, so nothing else may be in the task that cannot be read.
				task = options{"id": id, field: value, "update_password": "always"}
			}
			predicted := l.DryRun(task)
			l.ResetCalls()
			a := l.OK(task)
			assert.Equal(t, predicted.Only(t), a.Only(t))
			expectOnePut(t, l, a, field, url.Values{key: sent})
			if c.secret && sent[0] != "" {
				assert.NotContains(t, a.Raw, sent[0])
				assert.NotContains(t, a.Raw, " one")
			}
			if !strings.HasPrefix(field, "basic_") {
				l.Settled(task)
			}
		}
		t.Run(field, func(t *testing.T) { edit(t, c.second, c.sent) })
		if c.empty != nil {
			t.Run(field+" cleared", func(t *testing.T) { edit(t, c.empty, []string{""}) })
		}
	}
}

func TestUnsetFieldsStay(t *testing.T) {
	t.Parallel()
	l, _, id := everyField(t)
	before, _ := l.Test(id)
	l.Settled(options{"name": "every field"})
	l.Settled(options{"id": id})
	l.OK(options{"id": id, "paused": true})
	after, _ := l.Test(id)
	before.Paused = true
	assert.Equal(t, before, after)
}

// TestWhatIsStored holds the values in the account against those of the task, field by field.
func TestWhatIsStored(t *testing.T) {
	t.Parallel()
	l, _, id := everyField(t)
	stored, ok := l.Test(id)
	require.True(t, ok)
	want := vendor.Test{
		ID: id, Name: "every field", TestType: "HTTP", WebsiteURL: "https://a.example.com/", CheckRate: 300, BasicUsername: "ann",
		BasicPassword: "first secret", Confirmation: 1, ContactGroups: []string{"300001"}, CustomHeader: `{"X-One": "header one"}`,
		DNSIPs: []string{"192.0.2.1"}, DNSServer: "ns1.example.com", DoNotFind: true, EnableSSLAlert: true,
		FinalEndpoint: "https://a.example.com/end", FindString: "Welcome", FollowRedirects: true, Host: "Provider A", IncludeHeader: true,
		Port: 25, PostBody: `{"a": "body one"}`, Regions: []string{"london"}, StatusCodes: []string{"404"},
		Tags: []string{"a"}, Timeout: 20, TriggerRate: 5, UseJAR: true, UserAgent: "agent/1", Status: "up",
	}
	assert.JSONEq(t, jsonOf(t, want), jsonOf(t, stored))
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

// TestEveryFieldOfTheVendor holds the fields of this file and of the module against the vendor's own file.
func TestEveryFieldOfTheVendor(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "pkg", "emulator", "statuscake", "conformtest", "testdata", "statuscake-v1.json"))
	require.NoError(t, err)
	var file struct {
		Definitions map[string]struct {
			Properties map[string]any
		}
	}
	require.NoError(t, json.Unmarshal(text, &file))
	create := slices.Sorted(maps.Keys(file.Definitions["UptimeTestCreateRequest"].Properties))
	require.NotEmpty(t, create)

	var options []string
	for i := range reflect.TypeFor[Test]().NumField() {
		if name := reflect.TypeFor[Test]().Field(i).Tag.Get("mapstructure"); name != "" {
			options = append(options, name)
		}
	}
	assert.Equal(t, create, sorted(options), "every field of the vendor's is an option")
	tested := append(slices.Collect(maps.Keys(fieldCases())), "test_type") // which only a new test can change
	assert.Equal(t, create, sorted(tested), "every field is edited by a test")
	for field := range file.Definitions["UptimeTestUpdateRequest"].Properties {
		assert.Contains(t, create, field)
	}
}

func TestSameValueInAnotherForm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		field string
		have  func(*vendor.Test)
		same  []any
		other any
	}{
		{"website_url", func(t *vendor.Test) { t.WebsiteURL = "https://shop.example.com" },
			[]any{"https://shop.example.com/", "HTTPS://SHOP.example.com", " https://shop.example.com "}, "https://shop.example.com/x"},
		{"website_url", func(t *vendor.Test) { t.TestType, t.WebsiteURL = "PING", "shop.example.com" }, []any{"shop.example.com"}, "www.example.com"},
		{"custom_header", func(t *vendor.Test) { t.CustomHeader = `{"A": "first","C":"5", "D": "true"}` },
			[]any{`{"C": "5", "D": true, "A": "first"}`, options{"A": "first", "C": 5, "D": true}}, options{"A": "other"}},
		{"custom_header", func(t *vendor.Test) { t.CustomHeader = "what people typed" }, nil, options{"A": "other"}},
		{"post_raw", func(t *vendor.Test) { t.PostRaw = `{"a": 1}` }, []any{`{"a": 1}`}, `{"a":1}`},
		{"contact_groups", func(t *vendor.Test) { t.ContactGroups = []string{"300002", "300001"} },
			[]any{"300001,300002", []int{300002, 300001, 300002}, []string{"Day", "Night"}}, "300001"},
		{"regions", func(t *vendor.Test) { t.Regions = []string{"paris", "london"} }, []any{"london, paris", []string{"paris", "london", "paris"}}, "paris"},
		{"tags", func(t *vendor.Test) { t.Tags = []string{"b", "a"} }, []any{"a,b", []string{" b", "a", ""}}, "a"},
		{"status_codes_csv", func(t *vendor.Test) {}, []any{"default", "DEFAULT", []string{"default"}}, "404"},
		{"port", func(t *vendor.Test) {}, []any{0, "0"}, 25},
	} {
		t.Run(c.field, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, emulator.Options{})
			l.AddContactGroup("Day")
			l.AddContactGroup("Night")
			l.byHand("formed", c.have)
			for _, same := range c.same {
				l.Settled(options{"name": "formed", c.field: same})
			}
			task := options{"name": "formed", c.field: c.other}
			assert.Equal(t, "updated", l.OK(task).Only(t).Action)
			l.Settled(task)
		})
	}
}

func TestCreationCannotBeOfNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	assert.Contains(t, l.Run(options{"name": "a"}).Msg, "missing required arguments: website_url")
	// Empty values of a new test are left out: there is nothing to clear.
	l.OK(site("bare").With(options{"tags": "", "find_string": "", "custom_header": options{}, "regions": []string{}, "contact_groups": ""}))
	require.Len(t, l.WriteCalls(), 1)
	assert.Equal(t, []string{"check_rate", "confirmation", "name", "test_type", "trigger_rate", "website_url"},
		slices.Sorted(maps.Keys(l.WriteCalls()[0].Form)))
}

func TestTexts_KeepTemplatesOfOtherSystems(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	task := options{
		"name": "braces", "website_url": "https://a.example.com/", "find_string": "{{ ok }}", "post_raw": `{"query": "{{host}}"}`,
		"custom_header": options{"X-Trace": "{{id}}"}, "basic_username": "ann", "basic_password": "a{{b}}c", "user_agent": "{{agent}}",
	}
	l.OK(task)
	stored := l.stored("braces")
	assert.Equal(t, "{{ ok }}", stored.FindString)
	assert.JSONEq(t, `{"query": "{{host}}"}`, stored.PostRaw)
	assert.Contains(t, stored.CustomHeader, "{{id}}")
	assert.Equal(t, "a{{b}}c", stored.BasicPassword)
	l.Settled(task)
}
