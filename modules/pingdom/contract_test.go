// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile/reconciletest"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// TestContract holds the provider of checks to what every provider must do, for each type. Lists without lag: what keeps a
// second run right while a list lags is the ledger, which has the whole module's tests.
func TestContract(t *testing.T) {
	t.Parallel()
	for _, kind := range vendor.Types() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			has, notEdited := edits(), map[string]string{
				"name":               "is the identity",
				"type":               "cannot change after creation",
				"shouldnotcontain":   "excludes shouldcontain; TestEachFieldEditedAlone has it",
				"verify_certificate": "needs ssl_down_days_before to be 0; TestEachFieldEditedAlone has it",
			}
			for field := range has {
				if ofSomeTypes(field) && !slices.Contains(fieldsOf(kind), field) {
					delete(has, field)
					notEdited[field] = "is no field of the type"
				}
			}
			reconciletest.Run(t, reconciletest.Suite[Check]{
				New: newSubject, Full: func(i int) Check { return fullCheck(kind, i) }, Edits: has, NotEdited: notEdited,
				Secrets: []string{"contract-token", "hunter2", "correct-horse"},
			})
		})
	}
}

func newSubject(t testing.TB) reconciletest.Subject[Check] {
	account := vendor.New(emulator.Options{Token: "contract-token"})
	account.AddTeam("Operations")
	account.AddTeam("Night")
	account.AddContact("Ann")
	account.AddContact("Bob")
	server := httptest.NewServer(account)
	t.Cleanup(server.Close)
	clock := resourcetest.NewClock()
	token := secret.New("contract-token")
	api := httpapi.DefaultOptions()
	api.RateLimit = 0
	conn, err := httpapi.New(httpapi.Config{
		BaseURL: server.URL + vendor.BasePath, Service: "Pingdom", Options: api, Account: token,
		Authorize:  func(h http.Header) { h.Set("Authorization", "Bearer "+token.Reveal()) },
		ParseError: parseError, ParseLimits: parseLimits, Classify: classify, StateDir: t.TempDir(), Clock: clock,
	})
	require.NoError(t, err)
	faults := map[reconciletest.Trouble][]emulator.Rule{
		reconciletest.LastPageFails: {
			emulator.On(http.MethodGet, vendor.BasePath+"/checks$", emulator.Always, emulator.Fault{Kind: emulator.Status, Status: 500}),
		},
		reconciletest.TooMany: {
			emulator.On(http.MethodGet, "", 1, emulator.Fault{Kind: emulator.Status, Status: 429}),
			emulator.On(http.MethodPost, "", 1, emulator.Fault{Kind: emulator.Status, Status: 429}),
		},
		reconciletest.CreateLost:    {emulator.On(http.MethodPost, "", 1, emulator.Fault{Kind: emulator.DropAfter})},
		reconciletest.CreateDropped: {emulator.On(http.MethodPost, "", 1, emulator.Fault{Kind: emulator.DropBefore})},
	}
	provider := newChecks(&client{http: conn, concurrency: 8}, "")
	provider.updatePassword = true
	return reconciletest.Subject[Check]{
		Provider: provider,
		Writes:   account.Writes,
		Count:    func() int { return len(account.Checks()) },
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

func ptr[T any](v T) *T { return &v }

// fullCheck has every field of a type set.
func fullCheck(kind string, i int) Check {
	return Check{
		Name: ptr(fmt.Sprintf("check %d", i)), Host: ptr("www.example.com"), Type: &kind, Paused: ptr(true), Resolution: ptr(1),
		SendNotificationWhenDown: ptr(4), NotifyAgainEvery: ptr(2), NotifyWhenBackup: ptr(false), ResponseTimeThreshold: ptr(2000),
		CustomMessage: ptr("call Ann"), IntegrationIDs: []string{"12", "11"}, UserIDs: []string{"Ann"}, TeamIDs: []string{"Operations"},
		Tags: []string{"b", "a"}, ProbeFilters: []string{"region:NA", "region:EU"}, IPv6: ptr(true),
		URL: ptr("/health"), Encryption: ptr(true), Port: ptr(8443), Auth: hidden("ann:hunter2"), ShouldContain: ptr("ok"),
		PostData: hidden("hunter2=body"), RequestHeaders: hidden(`{"X-Token":"hunter2 header"}`), VerifyCertificate: ptr(true),
		SSLDownDaysBefore: ptr(14), AdditionalURLs: []string{"https://a.example.com/1.xml", "https://a.example.com/2.xml"},
		StringToSend: ptr("HELO"), StringToExpect: ptr("250"), Nameserver: ptr("ns.example.com"), ExpectedIP: ptr("192.0.2.1"),
	}.of(kind)
}

// edits gives every field another value.
func edits() map[string]func(*Check) {
	all := map[string]func(*Check){
		"integrationids":       func(c *Check) { c.IntegrationIDs = []string{"13"} },
		"userids":              func(c *Check) { c.UserIDs = []string{"Bob", "Ann"} },
		"teamids":              func(c *Check) { c.TeamIDs = []string{} },
		"tags":                 func(c *Check) { c.Tags = append(slices.Clone(c.Tags), "c") },
		"probe_filters":        func(c *Check) { c.ProbeFilters = []string{"region:APAC"} },
		"auth":                 func(c *Check) { c.Auth = hidden("ann:correct-horse") },
		"postdata":             func(c *Check) { c.PostData = hidden("correct-horse=body") },
		"requestheaders":       func(c *Check) { c.RequestHeaders = hidden(`{"X-Token":"correct-horse","X-Two":"2"}`) },
		"additionalurls":       func(c *Check) { c.AdditionalURLs = []string{"https://a.example.com/3.xml"} },
		"expectedip":           func(c *Check) { c.ExpectedIP = ptr("192.0.2.2") },
		"resolution":           func(c *Check) { c.Resolution = ptr(15) },
		"paused":               func(c *Check) { c.Paused = ptr(false) },
		"notifywhenbackup":     func(c *Check) { c.NotifyWhenBackup = ptr(true) },
		"ipv6":                 func(c *Check) { c.IPv6 = ptr(false) },
		"encryption":           func(c *Check) { c.Encryption = ptr(false) },
		"ssl_down_days_before": func(c *Check) { c.SSLDownDaysBefore = ptr(0) },
	}
	for field, of := range map[string]func(*Check) **string{
		"host": func(c *Check) **string { return &c.Host }, "custom_message": func(c *Check) **string { return &c.CustomMessage },
		"url": func(c *Check) **string { return &c.URL }, "shouldcontain": func(c *Check) **string { return &c.ShouldContain },
		"stringtosend":   func(c *Check) **string { return &c.StringToSend },
		"stringtoexpect": func(c *Check) **string { return &c.StringToExpect }, "nameserver": func(c *Check) **string { return &c.Nameserver },
	} {
		all[field] = func(c *Check) { *of(c) = ptr(**of(c) + "2") }
	}
	for field, of := range map[string]func(*Check) **int{
		"sendnotificationwhendown": func(c *Check) **int { return &c.SendNotificationWhenDown },
		"notifyagainevery":         func(c *Check) **int { return &c.NotifyAgainEvery },
		"responsetime_threshold":   func(c *Check) **int { return &c.ResponseTimeThreshold }, "port": func(c *Check) **int { return &c.Port },
	} {
		all[field] = func(c *Check) { *of(c) = ptr(**of(c) + 1) }
	}
	return maps.Clone(all)
}

var _ interface {
	reconcile.Provider[Check]
	reconcile.Finder[Check]
	reconcile.Grouper[Check]
	reconcile.Liker[Check]
	reconcile.Admitter[Check]
	reconcile.BulkDeleter[Check]
} = (*checks)(nil)
