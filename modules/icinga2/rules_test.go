// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules/icinga2/icingatest"
)

// The server has an apply rule for services and an assign rule for a host group, both by variables: applied-service and linux.

func TestRules_AreNotFollowedByUpdates(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	l.ok(options{"name": "web1", "check_command": "dummy", "address": "192.0.2.1"})
	task := options{"name": "web1", "vars": options{"apply_service": true, "os": "Linux"}}
	const warning = "vars of web1: Icinga applies the rules of its configuration (apply, assign) only when it creates an object, so what they made by vars " +
		"stays; write recreate: always with recreate_for: [vars] to recreate the object, or recreate_for: [] to silence this"
	assert.Equal(t, []string{warning}, l.dryRun(task).Warnings)
	assert.Empty(t, l.dryRun(task.With(options{"recreate_for": []string{}})).Warnings)
	a := l.ok(task)
	assert.Equal(t, []string{warning}, a.Warnings)
	l.server.Restart(t)
	assert.Empty(t, l.names(serviceKind), "the server says so too")
	assert.Empty(t, l.attributes(hostKind, "web1")["groups"])

	// Without a change of these attributes there is no warning.
	assert.Empty(t, l.ok(task).Warnings)
	assert.Empty(t, l.ok(task.With(options{"notes": "x", "address": "192.0.2.2"})).Warnings)
	assert.Contains(t, l.ok(task.With(options{"address": ""})).Warnings[0], "address of web1: Icinga applies the rules")
}

func TestRules_AreFollowedWithRecreateFor(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	follow := options{"recreate": "always", "recreate_for": []string{"vars"}}
	task := options{"name": "web1", "check_command": "dummy", "services": []options{element("a", options{"notes": "kept"})}}.With(follow)
	l.ok(task)
	assert.Contains(t, l.refusal(task.With(options{"recreate": "never"})), "recreate_for requires recreate: always, got: never")

	linux := task.With(options{"vars": options{"apply_service": true, "os": "Linux"}})
	assert.Equal(t, "replaced", l.dryRun(linux).Objects[0].Action)
	a := l.ok(linux)
	assert.Equal(t, []string{"web1 replaced", "a unchanged"}, a.Actions())
	assert.Empty(t, a.Warnings)
	assert.Contains(t, a.Objects[0].Changes, "vars")
	assert.Equal(t, []string{"web1!a", "web1!applied-service"}, l.names(serviceKind))
	assert.Equal(t, "kept", l.attributes(serviceKind, "web1!a")["notes"])
	assert.Equal(t, []any{"linux"}, l.attributes(hostKind, "web1")["groups"])
	l.settled(linux)

	// What rules no longer make is deleted.
	other := task.With(options{"vars": options{"apply_service": nil, "os": "Plan 9"}})
	a = l.ok(other)
	assert.Equal(t, []string{"web1 replaced", "a unchanged"}, a.Actions())
	require.Len(t, a.Warnings, 1)
	assert.Contains(t, a.Warnings[0], "web1 was recreated, and rules of the configuration no longer create: Service web1!applied-service")
	assert.Equal(t, []string{"web1!a"}, l.names(serviceKind))
	assert.Empty(t, l.attributes(hostKind, "web1")["groups"])
	l.settled(other)

	// Another attribute is changed in place, and an address unless recreate_for names it.
	assert.Equal(t, "updated", l.ok(other.With(options{"notes": "x", "address": "192.0.2.1"})).Objects[0].Action)
	assert.Equal(t, "replaced", l.ok(other.With(options{"address": "192.0.2.2", "recreate_for": []string{"address"}})).Objects[0].Action)
}

// TestRules_LeaveOutTheMarks holds that taking over what somebody has made by hand neither warns of rules nor creates it anew for them.
func TestRules_LeaveOutTheMarks(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	l.host("web1", "web2", "web3")
	l.root.Update(t, "hosts", "web3", map[string]any{"vars": map[string]any{"stack": "blog"}})
	task := func(name string) options { return options{"name": name, "stack": "shop"} }
	a := l.ok(task("web1").With(options{"notes": "ours"}))
	assert.Equal(t, "updated", a.Only(t).Action)
	assert.Empty(t, a.Warnings)
	assert.Equal(t, map[string]any{"managed_by": "stackwatch", "stack": "shop"}, l.attributes(hostKind, "web1")["vars"])
	a = l.ok(task("web2").With(options{"recreate": "always", "recreate_for": []string{"vars"}}))
	assert.Equal(t, "updated", a.Only(t).Action)
	assert.Empty(t, a.Warnings)
	assert.Contains(t, l.dryRun(task("web3")).Warnings[0], "vars of web3: Icinga applies the rules", "a variable that somebody may have rules for")
}

func TestRules_OfServices(t *testing.T) {
	t.Parallel()
	l := newLab(t, world.serviceModule, "services", icingatest.Config("ruled.conf", `
object NotificationCommand "tell" { command = [ "/bin/true" ] }
object User "ann" { enable_notifications = false }
apply Notification "ruled" to Service { command = "tell"; users = [ "ann" ]; assign where service.vars.loud }
`))
	l.host("web1")
	l.ok(element("a", options{"host": "web1"}))
	task := options{"host": "web1", "name": "a", "vars": options{"loud": true}}
	assert.Empty(t, l.dryRun(task).Warnings, "nothing is there yet by which anybody could know of the rule")
	l.ok(element("loud", options{"host": "web1", "vars": options{"loud": true}}))
	assert.Contains(t, l.dryRun(task).Warnings[0], "vars of web1!a: Icinga applies the rules")
	task = task.With(options{"recreate": "always", "recreate_for": []string{"vars"}})
	assert.Equal(t, "replaced", l.ok(task).Only(t).Action)
	assert.NotNil(t, l.root.Object(t, "notifications", "web1!a!ruled"))
	l.settled(task)
}

// TestVars_HideShortCredentials holds that a credential among the variables is not shown, however short it is.
func TestVars_HideShortCredentials(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	vars := options{"snmp_community": "geheim9", "auth": []any{options{"pin": 4711}}, "port": 161}
	a := l.ok(options{"name": "web1", "check_command": "dummy", "vars": vars, "services": []options{element("a", options{"vars": vars})},
		"_ansible_inject_invocation": true})
	for _, text := range []string{a.Raw, a.Syslog} {
		assert.NotContains(t, text, "geheim9")
		assert.NotContains(t, text, "4711")
		assert.Contains(t, text, "161")
	}
	assert.Equal(t, "geheim9", l.attributes(hostKind, "web1")["vars"].(map[string]any)["snmp_community"])
	a = l.ok(options{"hosts": []options{{"name": "web1", "vars": options{"snmp_community": "kurz"}}}})
	assert.NotContains(t, a.Raw+a.Syslog, "kurz")
}
