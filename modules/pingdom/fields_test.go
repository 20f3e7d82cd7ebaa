// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
)

// fieldCase is one field of a check: a first value, another one, and what a PUT sends then.
type fieldCase struct {
	first, second any
	sent          any            // where it is another value than second
	with          map[string]any // what is sent beside it
	empty         any            // what clears it; nil for fields that always have a value
	cleared       map[string]any // what is sent then
	start         options        // other first values that the edit needs
	secret        bool
}

// fieldCases has every field of Check, which TestEveryFieldIsEdited sees to. Users and teams are those of fieldLab.
func fieldCases() map[string]fieldCase {
	none := func(field string) map[string]any { return map[string]any{field: ""} }
	return map[string]fieldCase{
		"name":                     {first: "every field", second: "another name"},
		"host":                     {first: "a.example.com", second: "b.example.com"},
		"paused":                   {first: false, second: true},
		"resolution":               {first: 15, second: 60},
		"sendnotificationwhendown": {first: 3, second: 1},
		"notifyagainevery":         {first: 5, second: 0},
		"notifywhenbackup":         {first: false, second: true},
		"responsetime_threshold":   {first: 1000, second: 2000},
		"custom_message":           {first: "wake Ann", second: "Grüß Gott & so", empty: "", cleared: none("custom_message")},
		"integrationids":           {first: []int{11}, second: "12,13", sent: []any{12.0, 13.0}, empty: []int{}, cleared: map[string]any{"integrationids": []any{}}},
		"userids":                  {first: []int{900001}, second: []any{900002, "Ann"}, sent: "900002,900001", empty: []int{}, cleared: none("userids")},
		"teamids":                  {first: []string{"Day"}, second: []string{"Night"}, sent: "700002", empty: "", cleared: none("teamids")},
		"tags":                     {first: []string{"a"}, second: []string{"b", "c"}, sent: []any{"b", "c"}, empty: []string{}, cleared: map[string]any{"tags": []any{}}},
		"probe_filters":            {first: "EU", second: []string{"NA", "region: APAC"}, sent: []any{"region:NA", "region:APAC"}, empty: []string{}, cleared: map[string]any{"probe_filters": []any{}}},
		"ipv6":                     {first: true, second: false},

		"url":                  {first: "/a", second: "/b?x=1&y=2", empty: "", cleared: map[string]any{"url": "/"}},
		"encryption":           {first: true, second: false, with: map[string]any{"port": 8443.0}},
		"port":                 {first: 8443, second: 8444},
		"auth":                 {first: "ann:first secret", second: "ann:second secret", empty: "", cleared: none("auth"), secret: true},
		"shouldcontain":        {first: "Welcome", second: "Grüß Gott", empty: "", cleared: none("shouldcontain")},
		"shouldnotcontain":     {first: "Error", second: "Fault", start: options{"shouldcontain": ""}, empty: "", cleared: none("shouldnotcontain")},
		"postdata":             {first: "a=one secret", second: "a=two secret", empty: "", cleared: none("postdata"), secret: true},
		"verify_certificate":   {first: true, second: false, start: options{"ssl_down_days_before": 0}},
		"ssl_down_days_before": {first: 14, second: 7, empty: 0, cleared: map[string]any{"ssl_down_days_before": 0.0}},
		"additionalurls": {first: "https://a.example.com/1.xml", second: []string{"https://a.example.com/2.xml", "https://b.example.com/3.xml"},
			sent: "https://a.example.com/2.xml;https://b.example.com/3.xml", empty: []string{}, cleared: none("additionalurls")},
		"stringtosend":   {first: "HELO", second: "EHLO"},
		"stringtoexpect": {first: "220", second: "250"},
		"nameserver":     {first: "ns1.example.com", second: "192.0.2.53"},
		"expectedip":     {first: "192.0.2.1", second: "2001:db8::1"},
	}
}

// has tells whether a type has a field.
func has(kind, field string) bool {
	return !ofSomeTypes(field) || slices.Contains(fieldsOf(kind), field)
}

func fieldLab(t *testing.T) *lab {
	t.Helper()
	l := newLab(t, emulator.Options{})
	l.AddTeam("Day")
	l.AddTeam("Night")
	l.AddContact("Ann")
	l.AddContact("Bob")
	return l
}

// everyField creates a check in which each field of its type has its first value, and gives its options.
func everyField(t *testing.T, kind string, start options) (*lab, options, string) {
	t.Helper()
	l := fieldLab(t)
	task := options{"type": kind}
	for field, c := range fieldCases() {
		if has(kind, field) && field != "shouldnotcontain" {
			task[field] = c.first
		}
	}
	if has(kind, "requestheaders") {
		task["requestheaders"] = options{"X-One": "header one"}
	}
	for field, v := range start {
		task[field] = v
	}
	a := l.OK(task)
	require.Equal(t, []string{"every field created"}, a.Actions())
	l.Settled(task)
	return l, task, text(a.Only(t).ID)
}

// expectOnePut demands that the run sent one write with this body, and told of this one field and nothing else.
func expectOnePut(t *testing.T, l *lab, a answer, field string, body map[string]any) {
	t.Helper()
	assert.Equal(t, "updated", a.Only(t).Action)
	require.Len(t, l.WriteCalls(), 1)
	assert.Equal(t, http.MethodPut, l.WriteCalls()[0].Method)
	assert.Equal(t, body, l.bodies()[0])
	assert.Equal(t, []string{field}, slices.Collect(maps.Keys(a.Only(t).Changes)))
	require.Len(t, a.Diff, 1)
	shown := maps.Clone(a.Diff[0].Before)
	maps.Copy(shown, a.Diff[0].After)
	assert.Equal(t, []string{field}, slices.Collect(maps.Keys(shown)), "the diff shows the one field")
}

// TestEachFieldEditedAlone: for each of the nine types, each of its fields.
func TestEachFieldEditedAlone(t *testing.T) {
	t.Parallel()
	edit := func(kind, field string, c fieldCase, value any, body map[string]any) func(t *testing.T) {
		return func(t *testing.T) {
			t.Parallel()
			start := maps.Clone(c.start)
			if start == nil {
				start = options{}
			}
			start[field] = c.first
			l, task, id := everyField(t, kind, start)
			task = task.With(options{field: value, "id": id})
			if field == "name" {
				delete(task, "type") // an id is enough
			}
			predicted := l.DryRun(task)
			l.ResetCalls()
			a := l.OK(task)
			assert.Equal(t, predicted.Only(t), a.Only(t))
			expectOnePut(t, l, a, field, body)
			if c.secret {
				assert.NotContains(t, a.Raw, " secret")
			}
			l.Settled(task)
		}
	}
	for _, kind := range vendor.Types() {
		for field, c := range fieldCases() {
			if !has(kind, field) {
				continue
			}
			body := map[string]any{field: wire(c.second)}
			if c.sent != nil {
				body[field] = c.sent
			}
			maps.Copy(body, c.with)
			t.Run(kind+" "+field, edit(kind, field, c, c.second, body))
			if c.empty != nil {
				t.Run(kind+" "+field+" cleared", edit(kind, field, c, c.empty, c.cleared))
			}
		}
	}
}

// wire is a value as it comes out of JSON.
func wire(v any) any {
	if n, ok := v.(int); ok {
		return float64(n)
	}
	return v
}

// TestRequestHeaders: they are numbered, and the numbers of those that go are sent empty.
func TestRequestHeaders(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	task := site("a").With(options{"requestheaders": options{"X-B": "bearer two:three", "X-A": 1, "X-C": true}})
	a := l.OK(task)
	assert.NotContains(t, a.Raw, "bearer two")
	assert.Equal(t, map[string]string{"X-A": "1", "X-B": "bearer two:three", "X-C": "true"}, l.stored("a").RequestHeaders)
	l.Settled(task)
	l.Settled(site("a").With(options{"request_headers": `{"x-c": "true", "X-B": "bearer two:three", "X-A": "1"}`}))

	for _, c := range []struct {
		given any
		body  map[string]any
	}{
		{options{"X-C": "c"}, map[string]any{"requestheaders0": "X-C:c", "requestheaders1": "", "requestheaders2": ""}},
		{options{"X-C": "c", "X-D": "d"}, map[string]any{"requestheaders0": "X-C:c", "requestheaders1": "X-D:d"}},
		{options{"User-Agent": "mine"}, map[string]any{"requestheaders0": "User-Agent:mine", "requestheaders1": ""}},
		{options{}, map[string]any{"requestheaders0": ""}},
	} {
		l.ResetCalls()
		expectOnePut(t, l, l.OK(site("a").With(options{"requestheaders": c.given})), "requestheaders", c.body)
		l.Settled(site("a").With(options{"requestheaders": c.given}))
	}
	assert.Empty(t, l.stored("a").RequestHeaders)
}

// TestEveryFieldIsEdited holds the cases of this file against the fields of a check.
func TestEveryFieldIsEdited(t *testing.T) {
	t.Parallel()
	tested := append(slices.Collect(maps.Keys(fieldCases())), "type", "requestheaders") // of which the first cannot change
	var fields []string
	for i := range reflect.TypeFor[Check]().NumField() {
		if name := reflect.TypeFor[Check]().Field(i).Tag.Get("mapstructure"); name != "" {
			fields = append(fields, name)
		}
	}
	assert.ElementsMatch(t, fields, tested)
}

// TestUnsetFieldsStay: what a task does not say is not touched, whatever the type.
func TestUnsetFieldsStay(t *testing.T) {
	t.Parallel()
	for _, kind := range vendor.Types() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			l, _, id := everyField(t, kind, nil)
			before := l.stored("every field")
			l.Settled(options{"name": "every field"})
			l.Settled(options{"id": id})
			l.OK(options{"id": id, "paused": true})
			before.Paused = true
			assert.Equal(t, before, l.stored("every field"))
			assert.Equal(t, "deleted", l.OK(options{"name": "every field", "type": kind, "state": "absent"}).Only(t).Action)
			assert.Empty(t, l.Checks())
		})
	}
}

// TestWhatIsStored holds the values in the account against those of the task, field by field.
func TestWhatIsStored(t *testing.T) {
	t.Parallel()
	l, _, _ := everyField(t, "httpcustom", nil)
	stored := l.stored("every field")
	assert.Equal(t, vendor.Check{
		ID: stored.ID, Name: "every field", Host: "a.example.com", Type: "httpcustom", Status: "unknown", Resolution: 15, SendNotificationWhenDown: 3,
		NotifyAgainEvery: 5, ResponseTimeThreshold: 1000, CustomMessage: "wake Ann", IntegrationIDs: []int{11}, UserIDs: []int{900001},
		TeamIDs: []int{700001}, Tags: []string{"a"}, AutoTags: stored.AutoTags, ProbeFilters: []string{"EU"}, IPv6: true, URL: "/a",
		Encryption: true, Port: 8443, Username: "ann", Password: "first secret", ShouldContain: "Welcome", PostData: "a=one secret",
		RequestHeaders: map[string]string{"X-One": "header one"}, VerifyCertificate: true, SSLDownDaysBefore: 14,
		AdditionalURLs: "https://a.example.com/1.xml", Created: stored.Created,
	}, stored)
}

// TestWhatTheServerMakesOfItIsNoDifference: however it answers, a second run changes nothing.
func TestWhatTheServerMakesOfItIsNoDifference(t *testing.T) {
	t.Parallel()
	for what, quirks := range map[string]vendor.Quirks{
		"whole answers":      {},
		"what is usual left": {Sparse: true, TextTeamIDs: true},
		"ping as a word":     {Ping: vendor.PingText, Sparse: true},
		"ping as a list":     {Ping: vendor.PingList},
	} {
		for _, kind := range vendor.Types() {
			t.Run(what+" "+kind, func(t *testing.T) {
				t.Parallel()
				l := fieldLab(t)
				require.NoError(t, l.SetQuirks(quirks))
				bare := options{"name": "bare", "host": "a.example.com", "type": kind}
				for _, field := range requiredOf(kind) {
					bare[field] = fieldCases()[field].first
				}
				full := options{"name": "full", "type": kind}
				for field, c := range fieldCases() {
					if has(kind, field) && field != "shouldnotcontain" && field != "name" {
						full[field] = c.first
					}
				}
				usual := bare.With(options{
					"name": "usual", "resolution": 5, "sendnotificationwhendown": 2, "notifyagainevery": 0, "notifywhenbackup": true,
					"responsetime_threshold": 30000, "custom_message": "", "integrationids": []int{}, "userids": "", "teamids": []int{},
					"tags": []string{}, "probe_filters": []string{}, "ipv6": false, "paused": false,
				})
				for field, v := range map[string]any{
					"url": "", "encryption": false, "auth": "", "shouldcontain": "", "shouldnotcontain": "", "postdata": "", "requestheaders": options{},
					"verify_certificate": true, "ssl_down_days_before": 0, "additionalurls": []string{},
				} {
					if slices.Contains(fieldsOf(kind), field) {
						usual[field] = v
					}
				}
				if port := defaultPort(kind, false); port > 0 {
					usual["port"] = port
				}
				task := options{"checks": []options{bare, full, usual}}
				assert.Equal(t, []string{"bare created", "full created", "usual created"}, l.OK(task).Actions())
				l.Settled(task)
			})
		}
	}
}

func TestSameValueInAnotherForm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		field string
		have  func(*vendor.Check)
		same  []any
		other any
	}{
		{"host", func(c *vendor.Check) { c.Host = "shop.example.com" }, []any{"SHOP.example.com", " shop.example.com "}, "www.example.com"},
		{"url", func(*vendor.Check) {}, []any{"", "/"}, "/x"},
		{"nameserver", func(c *vendor.Check) { c.Type, c.NameServer, c.ExpectedIP = "dns", "ns.example.com", "2001:db8::1" }, []any{"NS.example.com"}, "ns2.example.com"},
		{"expectedip", func(c *vendor.Check) { c.Type, c.NameServer, c.ExpectedIP = "dns", "ns.example.com", "2001:db8::1" }, []any{"2001:DB8::1"}, "192.0.2.1"},
		{"userids", func(c *vendor.Check) { c.UserIDs = []int{900002, 900001} }, []any{"900001,900002", []int{900002, 900001, 900002}, []string{"Ann", "Bob"}}, "Ann"},
		{"teamids", func(c *vendor.Check) { c.TeamIDs = []int{700001} }, []any{700001, []string{"Day", "700001"}}, "Night"},
		{"tags", func(c *vendor.Check) { c.Tags = []string{"b", "a"} }, []any{"a,b", []string{" b", "a", ""}}, "a"},
		{"probe_filters", func(c *vendor.Check) { c.ProbeFilters = []string{"NA", "EU"} }, []any{"EU,NA", []string{"region:eu", "region: NA"}}, "EU"},
		{"requestheaders", func(*vendor.Check) {}, []any{options{}, "", `{"User-Agent": "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)"}`}, options{"A": "b"}},
		{"port", func(*vendor.Check) {}, []any{80, "80"}, 8080},
	} {
		t.Run(c.field, func(t *testing.T) {
			t.Parallel()
			l := fieldLab(t)
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

// TestOneMatcherTakesTheOthersPlace: a check looks for one text, or for the absence of one.
func TestOneMatcherTakesTheOthersPlace(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.OK(site("a").With(options{"shouldcontain": "Welcome"}))
	l.ResetCalls()
	task := site("a").With(options{"shouldnotcontain": "Error"})
	a := l.OK(task)
	assert.Equal(t, []map[string]any{{"shouldcontain": "", "shouldnotcontain": "Error"}}, l.bodies())
	assert.Equal(t, map[string]change{"shouldcontain": {Before: "Welcome", After: ""}, "shouldnotcontain": {Before: "", After: "Error"}}, a.Only(t).Changes)
	l.Settled(task)
	for _, back := range []options{{"shouldcontain": "Hi"}, {"shouldnotcontain": "Error"}, {"shouldcontain": "Hello", "shouldnotcontain": ""}} {
		l.OK(site("a").With(back))
		l.Settled(site("a").With(back))
	}
	assert.Equal(t, []string{"Hello", ""}, []string{l.stored("a").ShouldContain, l.stored("a").ShouldNotContain})
}

// TestTLSIsToggledWithItsPort: the usual port follows, one that somebody chose stays, and both are always sent together.
func TestTLSIsToggledWithItsPort(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind           string
		encrypted      bool
		port, wantPort int
		given          options
	}{
		{"http", false, 80, 443, options{"encryption": true}},
		{"http", true, 443, 80, options{"encryption": false}},
		{"httpcustom", false, 80, 443, options{"encryption": true}},
		{"http", false, 8080, 8080, options{"encryption": true}},
		{"http", false, 80, 8443, options{"encryption": true, "port": 8443}},
		{"http", false, 80, 80, options{"encryption": true, "port": 80}},
		{"smtp", false, 25, 465, options{"encryption": true}},
		{"pop3", true, 995, 110, options{"encryption": false}},
		{"imap", false, 1430, 1430, options{"encryption": true}},
	} {
		l := newLab(t, emulator.Options{})
		l.byHand("a", ofType(c.kind), func(v *vendor.Check) { v.Encryption, v.Port = c.encrypted, c.port })
		task := c.given.With(options{"name": "a"})
		l.OK(task)
		assert.Equal(t, []map[string]any{{"encryption": !c.encrypted, "port": float64(c.wantPort)}}, l.bodies(), "%+v", c)
		l.Settled(task)
	}
	l := newLab(t, emulator.Options{})
	l.OK(site("new").With(options{"encryption": true}))
	assert.InDelta(t, 443, l.bodies()[0]["port"], 0, "a new check gets the port of its encryption")
}

// TestDaysBeforeACertificateEnds: Pingdom keeps them unseen while certificates are not verified, so they are sent with what makes them seen.
func TestDaysBeforeACertificateEnds(t *testing.T) {
	t.Parallel()
	for days, verify := range map[int]options{0: {"ssl_down_days_before": 0}, 14: {"ssl_down_days_before": 14}, 30: {}} {
		l := newLab(t, emulator.Options{})
		l.byHand("a", func(c *vendor.Check) { c.VerifyCertificate, c.SSLDownDaysBefore = false, 30 })
		l.Settled(options{"name": "a", "verify_certificate": false, "ssl_down_days_before": 0})
		task := verify.With(options{"name": "a", "verify_certificate": true})
		l.OK(task)
		assert.Equal(t, days, l.stored("a").SSLDownDaysBefore, "what is unseen and not wished for stays")
		l.Settled(task)
		off := options{"name": "a", "verify_certificate": false, "ssl_down_days_before": 0}
		l.OK(off)
		l.Settled(off)
	}
}

func TestCreationSendsNoEmptyValues(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.OK(site("bare").With(options{"tags": "", "custom_message": "", "requestheaders": options{}, "userids": []string{}, "auth": ""}))
	assert.Equal(t, []map[string]any{{"name": "bare", "host": "bare.example.com", "type": "http"}}, l.bodies())
	l.ResetCalls()
	l.OK(site("custom").With(options{"type": "httpcustom"}))
	assert.Equal(t, "/", l.bodies()[0]["url"], "which this type cannot be without")
}

func TestTexts_KeepTemplatesOfOtherSystems(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	task := site("braces").With(options{
		"auth": "ann:a{{b}}c", "requestheaders": options{"X-Trace": "{{id}}"}, "postdata": `{"query": "{{host}}"}`, "shouldcontain": "{{ ok }}",
		"custom_message": "see {{runbook}}",
	})
	l.OK(task)
	body := l.bodies()[0]
	assert.Equal(t, "ann:a{{b}}c", body["auth"])
	assert.JSONEq(t, `{"query": "{{host}}"}`, fmt.Sprint(body["postdata"]))
	assert.Equal(t, "{{ ok }}", body["shouldcontain"])
	assert.Equal(t, "see {{runbook}}", body["custom_message"])
	assert.Contains(t, fmt.Sprint(body), "X-Trace")
	assert.Contains(t, fmt.Sprint(body), "{{id}}")
	l.Settled(task)
}
