// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules/icinga2/icingatest"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// TestMigrating_Hosts runs every row of the table of docs/migrating.md.
func TestMigrating_Hosts(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	migrating := resourcetest.Migrating{Lab: l.Lab, Heading: "Icinga hosts", Base: func(row options) options {
		base := l.as(icingatest.Ansible, options{"name": "web1"})
		if row["host"] != nil {
			delete(base, "name")
		}
		return base
	}}
	migrating.Run(t)
}

// TestMigrating_Downtimes runs every row of the table of docs/migrating.md.
func TestMigrating_Downtimes(t *testing.T) {
	t.Parallel()
	p := newPause(t)
	p.Setup.Contents = func() any { return p.stored() } // each downtime has another name
	migrating := resourcetest.Migrating{Lab: p.Lab, Heading: "Icinga downtimes",
		Base: func(row options) options {
			base := p.as(icingatest.Ansible, options{"comment": "Deployment", "hosts": []string{"web1"}})
			if row["filter"] != nil {
				delete(base, "hosts")
			}
			if row["state"] == "absent" {
				delete(base, "hosts")
			}
			return base
		},
		Seed: func() { p.watch("web1", "web1!http", "db1") },
	}
	migrating.Run(t)
}

// TestPublishedExamples_OfCommunityGeneral runs the examples of that collection's documentation, but for the server and its hosts.
func TestPublishedExamples_OfCommunityGeneral(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	connection := options{"url": l.URL, "url_username": icingatest.Ansible, "url_password": l.server.Password(icingatest.Ansible), "ca_path": l.server.CA}
	host := connection.With(options{"state": "present", "name": "host.example.com", "ip": "192.0.2.1", "variables": options{"foo": "bar"}})
	a := l.OK(host)
	assert.Equal(t, "created", a.Only(t).Action)
	assert.Equal(t, "hostalive", l.attributes(hostKind, "host.example.com")["check_command"])
	l.Settled(host)

	p := pauseOn(t, l.server)
	start := noon().Unix()
	schedule := connection.With(options{
		"url": p.URL, "state": "present", "author": "Ansible", "comment": "Scheduled downtime for test purposes.", "all_services": true,
		"start_time": fmt.Sprint(start), "end_time": fmt.Sprint(start + 3600), "duration": "3600", "fixed": true, "object_type": "Host",
		"filter": `host.name=="host.example.com"`,
	})
	assert.Empty(t, p.read(p.DryRun(schedule)).Results)
	first := p.read(p.OK(schedule))
	require.Len(t, first.Results, 1)
	again := p.read(p.OK(schedule))
	assert.False(t, again.Changed)
	assert.Equal(t, first.Results, again.Results)
	assert.Equal(t, []string{"Scheduled downtime for test purposes. host.example.com 0-60"}, p.stored())

	remove := connection.With(options{"url": p.URL, "state": "absent", "author": "Ansible", "object_type": "Downtime", "name": first.Results[0].Name})
	assert.True(t, p.OK(remove).Changed)
	assert.Empty(t, p.stored())
	assert.False(t, p.OK(remove).Changed)
}

// TestLegacyDowntime_NamesEveryWrongOption holds that one message has everything that must change.
func TestLegacyDowntime_NamesEveryWrongOption(t *testing.T) {
	t.Parallel()
	p := newPause(t)
	message := p.refusal(options{"state": "present", "comment": "C", "start_time": 4099017600, "start": "now", "end_time": 1, "filter": " ",
		"object_type": "Service", "all_services": true, "trigger_name": "x", "use_gssapi": true})
	for _, wrong := range []string{"start_time cannot be combined with start", "value of end_time must be later", "value of filter must not be empty",
		"trigger_name has no counterpart", "value of use_gssapi must be false"} {
		assert.Contains(t, message, wrong)
	}
	for _, option := range []string{"filter", "name", "start_time", "end_time"} {
		assert.Contains(t, p.refusal(options{"comment": "C", "state": "absent", option: nil}), "value of "+option+" must not be null")
	}
	assert.Contains(t, p.refusal(options{"filter": "true", "downtimes": []options{{"hosts": "a"}}}), "downtimes cannot be combined with filter")
	assert.Contains(t, p.fails(options{"filter": "host.name == ", "comment": "C"}), "value of filter must be an expression of Icinga 2")
	assert.Contains(t, p.fails(options{"filter": "false", "comment": "C"}), "nothing matches filter false")
}

// TestServers_ServeBothModules holds that one list of servers is enough for icinga2_host and icinga2_service.
func TestServers_ServeBothModules(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	servers := []options{
		{"name": "web1", "ip": "192.0.2.1", "check_interval": "5m", "vars": options{"snmp_community": "geheim9"}, "groups": "web", "profiles": []string{"base", "web"}},
		{"name": "web2", "address": "192.0.2.2", "max_check_attempts": 3, "profiles": "base", "services": []options{element("own", options{"vars": options{"token": "kurz"}})}},
		{"name": "db1", "stack": "data"},
		{"name": "old", "state": "absent", "profiles": []string{"base"}},
	}
	l.host("old")
	hosts := options{"check_command": "dummy", "hosts": servers}
	l.ok(hosts)
	l.settled(hosts)
	services := options{"hosts": servers, "profiles": []options{
		{"name": "base", "services": []options{element("ssh")}}, {"name": "web", "services": []options{element("http")}},
	}}
	s := l.services()
	a := s.ok(services)
	assert.NotContains(t, a.Raw, "geheim9")
	assert.NotContains(t, a.Raw, "kurz")
	s.settled(services)
	assert.Equal(t, []string{"web1!http", "web1!ssh", "web2!own", "web2!ssh"}, l.names(serviceKind))
	assert.Contains(t, s.refusal(services.With(options{"hosts": []options{{"name": "web1", "adress": "x"}}})), "adress")

	servers[2]["profiles"] = []string{"base"}
	s.ok(services)
	assert.Equal(t, "data", l.attributes(serviceKind, "db1!ssh")["vars"].(map[string]any)["stack"])
	s.settled(services)
}
