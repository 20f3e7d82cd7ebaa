// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake/conformtest"
	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile/reconciletest"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// TestContract holds the provider of uptime tests to what every provider must do. Lists without lag: what keeps a
// second run right while a list lags is the ledger, which has the whole module's tests.
func TestContract(t *testing.T) {
	reconciletest.Run(t, reconciletest.Suite[Test]{
		New: newSubject, Full: fullTest, Edits: edits(), PageSize: pageSize,
		NotEdited: map[string]string{
			"name":           "is the identity",
			"test_type":      "cannot change after creation",
			"basic_username": "is never read back; update_password has tests of its own",
			"basic_password": "is never read back; update_password has tests of its own",
		},
		Secrets: []string{"contract-token", "hunter2", "correct-horse"},
	})
}

func newSubject(t testing.TB) reconciletest.Subject[Test] {
	account := vendor.New(emulator.Options{Token: "contract-token"})
	account.AddContactGroup("Operations")
	account.AddContactGroup("Developers")
	server := httptest.NewServer(conformtest.Wrap(t, account))
	t.Cleanup(server.Close)
	clock := resourcetest.NewClock()
	token := secret.New("contract-token")
	api := httpapi.DefaultOptions()
	api.RateLimit = 0
	conn, err := httpapi.New(httpapi.Config{
		BaseURL: server.URL + vendor.BasePath, Service: "StatusCake", Options: api, Account: token,
		Authorize:  func(h http.Header) { h.Set("Authorization", "Bearer "+token.Reveal()) },
		ParseError: parseError, ParseLimits: parseLimits, StateDir: t.TempDir(), Clock: clock,
	})
	require.NoError(t, err)
	faults := map[reconciletest.Trouble][]emulator.Rule{
		reconciletest.LastPageFails: {{
			Index: emulator.AnyCall, Method: http.MethodGet, Path: "/v1/uptime$", Skip: 1, Times: emulator.Always,
			Fault: emulator.Fault{Kind: emulator.Status, Status: 500},
		}},
		reconciletest.TooMany: {
			emulator.On(http.MethodGet, "", 1, emulator.Fault{Kind: emulator.Status, Status: 429}),
			emulator.On(http.MethodPost, "", 1, emulator.Fault{Kind: emulator.Status, Status: 429}),
		},
		reconciletest.CreateLost:    {emulator.On(http.MethodPost, "", 1, emulator.Fault{Kind: emulator.DropAfter})},
		reconciletest.CreateDropped: {emulator.On(http.MethodPost, "", 1, emulator.Fault{Kind: emulator.DropBefore})},
	}
	return reconciletest.Subject[Test]{
		Provider: newUptime(&client{http: conn, concurrency: 8}, ""),
		Writes:   account.Writes,
		Count:    func() int { return len(account.Tests()) },
		Arm:      func(trouble reconciletest.Trouble) { account.Inject(faults[trouble]...) },
		Sleep:    clock.Sleep,
		Trace: func() string {
			var urls strings.Builder
			for _, call := range account.Calls() {
				fmt.Fprintln(&urls, call.Method, call.Path, call.Query)
			}
			return urls.String()
		},
	}
}

// fullTest has every field set.
func fullTest(i int) Test {
	set := func(text string) *string { return &text }
	number := func(n int) *int { return &n }
	yes := true
	return Test{
		Name: set(fmt.Sprintf("test %d", i)), TestType: set("HTTP"), WebsiteURL: set(fmt.Sprintf("https://example.com/%d", i)),
		CheckRate: number(60), BasicUsername: set("user"), BasicPassword: hidden("hunter2 basic"), Confirmation: number(3),
		ContactGroups: []string{"Operations"}, CustomHeader: hidden(`{"X-Token": "hunter2 header"}`), DNSIPs: []string{"192.0.2.1"},
		DNSServer: set("ns.example.com"), DoNotFind: &yes, EnableSSLAlert: &yes, FinalEndpoint: set("https://example.com/end"),
		FindString: set("ok"), FollowRedirects: &yes, Host: set("hoster"), IncludeHeader: &yes, Paused: &yes, Port: number(443),
		PostBody: hidden(`{"password": "hunter2 body"}`), PostRaw: hidden("hunter2 raw"), Regions: []string{"paris", "london"},
		StatusCodes: []string{"500", "404"}, Tags: []string{"b", "a"}, Timeout: number(20), TriggerRate: number(7), UseJar: &yes,
		UserAgent: set("agent"),
	}
}

// edits gives every field another value; flipping serves where there are only two.
func edits() map[string]func(*Test) {
	edits := map[string]func(*Test){
		"contact_groups":   func(t *Test) { t.ContactGroups = []string{"Developers", "Operations"} },
		"custom_header":    func(t *Test) { t.CustomHeader = hidden(`{"X-Token": "correct-horse header"}`) },
		"post_body":        func(t *Test) { t.PostBody = hidden(`{"password": "correct-horse body"}`) },
		"post_raw":         func(t *Test) { t.PostRaw = hidden("correct-horse raw") },
		"dns_ips":          func(t *Test) { t.DNSIPs = []string{"192.0.2.2", "192.0.2.3"} },
		"regions":          func(t *Test) { t.Regions = []string{"london"} },
		"status_codes_csv": func(t *Test) { t.StatusCodes = []string{} },
		"tags":             func(t *Test) { t.Tags = append(slices.Clone(t.Tags), "c") },
	}
	for field, of := range map[string]func(*Test) **string{
		"dns_server": func(t *Test) **string { return &t.DNSServer }, "final_endpoint": func(t *Test) **string { return &t.FinalEndpoint },
		"find_string": func(t *Test) **string { return &t.FindString }, "host": func(t *Test) **string { return &t.Host },
		"user_agent": func(t *Test) **string { return &t.UserAgent }, "website_url": func(t *Test) **string { return &t.WebsiteURL },
	} {
		edits[field] = func(t *Test) { text := **of(t) + "-2"; *of(t) = &text }
	}
	for field, of := range map[string]func(*Test) **int{
		"confirmation": func(t *Test) **int { return &t.Confirmation }, "port": func(t *Test) **int { return &t.Port },
		"timeout": func(t *Test) **int { return &t.Timeout }, "trigger_rate": func(t *Test) **int { return &t.TriggerRate },
		"check_rate": func(t *Test) **int { return &t.CheckRate },
	} {
		edits[field] = func(t *Test) { n := **of(t) / 2; *of(t) = &n }
	}
	for field, of := range map[string]func(*Test) **bool{
		"do_not_find": func(t *Test) **bool { return &t.DoNotFind }, "enable_ssl_alert": func(t *Test) **bool { return &t.EnableSSLAlert },
		"follow_redirects": func(t *Test) **bool { return &t.FollowRedirects }, "include_header": func(t *Test) **bool { return &t.IncludeHeader },
		"paused": func(t *Test) **bool { return &t.Paused }, "use_jar": func(t *Test) **bool { return &t.UseJar },
	} {
		edits[field] = func(t *Test) { flipped := !**of(t); *of(t) = &flipped }
	}
	return edits
}
