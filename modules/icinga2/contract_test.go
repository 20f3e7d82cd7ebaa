// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules/icinga2/icingatest"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile/reconciletest"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// TestContract holds the provider to what every provider must do, for services and for hosts, on the real server.
func TestContract(t *testing.T) {
	t.Parallel()
	fixed := map[string]string{
		"templates": "cannot change after creation", "groups": "cannot change after creation", "zone": "cannot change after creation",
	}
	t.Run("services", func(t *testing.T) {
		t.Parallel()
		excused := map[string]string{"address": "only hosts have it", "address6": "only hosts have it"}
		for field, reason := range fixed {
			excused[field] = reason
		}
		server := icingatest.Start(t)
		reconciletest.Run(t, reconciletest.Suite[Object]{
			New:  func(t testing.TB) reconciletest.Subject[Object] { return newSubject(t, server, serviceKind) },
			Full: fullService, Edits: edits(), NotEdited: excused, Secrets: []string{"hunter2", "correct-horse"},
		})
	})
	t.Run("hosts", func(t *testing.T) {
		t.Parallel()
		ofHosts := edits()
		ofHosts["address"] = func(o *Object) { o.Address = pointer("192.0.2.99") }
		ofHosts["address6"] = func(o *Object) { o.Address6 = pointer("2001:db8::99") }
		ofHosts["flapping_ignore_states"] = func(o *Object) { o.FlappingIgnoreStates = []string{"Up", "Down"} }
		server := icingatest.Start(t)
		reconciletest.Run(t, reconciletest.Suite[Object]{
			New:  func(t testing.TB) reconciletest.Subject[Object] { return newSubject(t, server, hostKind) },
			Full: fullHost, Edits: ofHosts, NotEdited: fixed, Secrets: []string{"hunter2", "correct-horse"},
		})
	})
}

// newSubject empties the server first.
func newSubject(t testing.TB, server *icingatest.Server, k kind) reconciletest.Subject[Object] {
	root := server.Client(t, icingatest.Root)
	deleteHosts(t, root)
	if k == serviceKind {
		root.Put(t, "hosts", "web1", map[string]any{"check_command": "dummy"})
	}
	recorder := server.Record(t, emulator.Options{})
	clock := resourcetest.NewClock()
	password := secret.New(server.Password(icingatest.Ansible))
	api := httpapi.DefaultOptions()
	api.RateLimit, api.CAPath = 0, server.CA
	conn, err := httpapi.New(httpapi.Config{
		BaseURL: recorder.URL, Service: "Icinga 2", Options: api, StateDir: t.TempDir(), Clock: clock,
		Authorize: func(h http.Header) {
			r := http.Request{Header: h}
			r.SetBasicAuth(icingatest.Ansible, password.Reveal())
		},
		ParseError: parseError, Classify: classify,
	})
	require.NoError(t, err)
	faults := map[reconciletest.Trouble][]emulator.Rule{
		reconciletest.LastPageFails: {{
			Index: emulator.AnyCall, Method: http.MethodGet, Path: "/v1/objects/" + k.plural(), Times: emulator.Always,
			Fault: emulator.Fault{Kind: emulator.Status, Status: 500},
		}},
		reconciletest.TooMany: {
			emulator.On(http.MethodGet, "", 1, emulator.Fault{Kind: emulator.Status, Status: 429}),
			emulator.On(http.MethodPut, "", 1, emulator.Fault{Kind: emulator.Status, Status: 429}),
		},
		reconciletest.CreateLost:    {emulator.On(http.MethodPut, "", 1, emulator.Fault{Kind: emulator.DropAfter})},
		reconciletest.CreateDropped: {emulator.On(http.MethodPut, "", 1, emulator.Fault{Kind: emulator.DropBefore})},
	}
	return reconciletest.Subject[Object]{
		Provider: newProvider(&client{http: conn, warn: t.Logf, hide: func(secret.Value) {}, concurrency: 4}, "", false),
		Writes:   recorder.Writes,
		Count: func() int {
			count := 0
			for _, attrs := range root.Objects(t, k.plural(), "") {
				if attrs["package"] == apiPackage && attrs["name"] != "web1" {
					count++
				}
			}
			return count
		},
		Arm:   func(trouble reconciletest.Trouble) { recorder.Inject(faults[trouble]...) },
		Sleep: clock.Sleep,
		Trace: func() string {
			var urls strings.Builder
			for _, call := range recorder.Calls() {
				fmt.Fprintln(&urls, call.Method, call.Path, call.Query)
			}
			return urls.String()
		},
	}
}

func pointer[T any](v T) *T { return &v }

// full has every attribute set that hosts and services have in common.
func full(name string) Attributes {
	yes := true
	return Attributes{
		DisplayName: pointer("the " + name), CheckCommand: pointer("http"), MaxCheckAttempts: pointer(4), CheckPeriod: pointer("office-hours"),
		CheckTimeout: &seconds{seconds: 20}, CheckInterval: &seconds{seconds: 90}, RetryInterval: &seconds{seconds: 15.5},
		EventCommand: pointer("restart-it"), CommandEndpoint: pointer("localhost"), Volatile: &yes, EnableActiveChecks: &yes,
		EnablePassiveChecks: &yes, EnableEventHandler: &yes, EnableNotifications: &yes, EnablePerfdata: &yes, EnableFlapping: &yes,
		FlappingThresholdLow: pointer(10.0), FlappingThresholdHigh: pointer(40.0), FlappingIgnoreStates: []string{},
		Notes: pointer("notes of " + name), NotesURL: pointer("https://example.com/notes"), ActionURL: pointer("https://example.com/act"),
		IconImage: pointer("icon.png"), IconImageAlt: pointer("icon"),
		Vars: Vars{"snmp_community": "hunter2 community", "http_uri": "/" + name, "deep": map[string]any{"list": []any{1.0, "two", nil, true}}},
		Zone: pointer("localhost"),
	}
}

func fullService(i int) Object {
	name := fmt.Sprintf("service %d", i)
	o := Object{kind: serviceKind, host: "web1", service: name, Attributes: full(name)}
	o.Templates, o.Groups = []string{"generic-service"}, []string{"disk", "http"}
	return o
}

func fullHost(i int) Object {
	name := fmt.Sprintf("host %d", i)
	o := Object{kind: hostKind, host: name, Attributes: full(name)}
	o.Address, o.Address6 = pointer("192.0.2.1"), pointer("2001:db8::1")
	o.Templates, o.Groups = []string{"linux-host"}, []string{"web"}
	return o
}

// edits gives every attribute that can change another value.
func edits() map[string]func(*Object) {
	edits := map[string]func(*Object){
		"check_command":           func(o *Object) { o.CheckCommand = pointer("ping4") },
		"check_period":            func(o *Object) { o.CheckPeriod = pointer("") },
		"event_command":           func(o *Object) { o.EventCommand = pointer("") },
		"command_endpoint":        func(o *Object) { o.CommandEndpoint = pointer("") },
		"max_check_attempts":      func(o *Object) { o.MaxCheckAttempts = pointer(7) },
		"check_timeout":           func(o *Object) { o.CheckTimeout = &seconds{none: true} },
		"check_interval":          func(o *Object) { o.CheckInterval = &seconds{seconds: 3600} },
		"retry_interval":          func(o *Object) { o.RetryInterval = &seconds{seconds: 0.25} },
		"flapping_threshold_low":  func(o *Object) { o.FlappingThresholdLow = pointer(12.5) },
		"flapping_threshold_high": func(o *Object) { o.FlappingThresholdHigh = pointer(60.0) },
		"flapping_ignore_states":  func(o *Object) { o.FlappingIgnoreStates = []string{"Warning", "Unknown"} },
		"vars": func(o *Object) {
			o.Vars = Vars{"snmp_community": "correct-horse community", "deep": nil, "if": map[string]any{"for": 1.5}}
		},
	}
	for field, of := range map[string]func(*Object) **string{
		"display_name": func(o *Object) **string { return &o.DisplayName }, "notes": func(o *Object) **string { return &o.Notes },
		"notes_url": func(o *Object) **string { return &o.NotesURL }, "action_url": func(o *Object) **string { return &o.ActionURL },
		"icon_image": func(o *Object) **string { return &o.IconImage }, "icon_image_alt": func(o *Object) **string { return &o.IconImageAlt },
	} {
		edits[field] = func(o *Object) { *of(o) = pointer(**of(o) + " \"2\" ü") }
	}
	for field, of := range map[string]func(*Object) **bool{
		"volatile":              func(o *Object) **bool { return &o.Volatile },
		"enable_active_checks":  func(o *Object) **bool { return &o.EnableActiveChecks },
		"enable_passive_checks": func(o *Object) **bool { return &o.EnablePassiveChecks },
		"enable_event_handler":  func(o *Object) **bool { return &o.EnableEventHandler },
		"enable_notifications":  func(o *Object) **bool { return &o.EnableNotifications },
		"enable_perfdata":       func(o *Object) **bool { return &o.EnablePerfdata },
		"enable_flapping":       func(o *Object) **bool { return &o.EnableFlapping },
	} {
		edits[field] = func(o *Object) { *of(o) = pointer(!**of(o)) }
	}
	return edits
}
