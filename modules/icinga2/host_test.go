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

func hostLab(t testing.TB, more ...icingatest.Option) *lab {
	t.Helper()
	return newLab(t, world.hostModule, "objects", more...)
}

// as gives a lab over the same server for the module of services.
func (l *lab) services() *lab { return labOn(l.T, l.server, world.serviceModule, "services") }

func TestHostsGoBeforeTheirServices(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	task := options{
		"stack": "shop", "check_command": "dummy", "purge": true,
		"services": []options{element("a"), element("b")},
		"hosts":    []options{{"name": "web1", "address": "192.0.2.1"}, {"name": "web2", "services": []options{element("c")}}},
	}
	a := l.ok(task)
	assert.Equal(t, []string{"web1 created", "web2 created", "a created", "b created", "c created"}, a.Actions())
	assert.Equal(t, []string{"web1!a", "web1!b", "web2!c"}, l.names(serviceKind))
	assert.Equal(t, "192.0.2.1", l.attributes(hostKind, "web1")["address"])
	l.settled(task)

	// What a host declares of services is all that the stack has there; a host that declares none keeps what it has.
	l.services().ok(options{"stack": "shop", "host": "web2", "services": []options{element("other")}})
	l.services().ok(options{"stack": "blog", "host": "web1", "services": []options{element("theirs")}})
	task["services"] = []options{element("a")}
	task["hosts"] = []options{{"name": "web1"}}
	a = l.ok(task)
	assert.Equal(t, []string{"web1 unchanged", "a unchanged", "b deleted", "web2 deleted", "c deleted", "other deleted"}, a.Actions())
	assert.Equal(t, []string{"web1!a", "web1!theirs"}, l.names(serviceKind))
	l.settled(task)
}

// A host takes its services with it. A purge must not take what its stack does not own; a person who names the host gives away what no
// stack owns. Check mode says the same as the run.
func TestAHostTakesOnlyServicesThatAreItsOwnOrNobodys(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	both := func(o options) (a answer) {
		t.Helper()
		before := l.contents()
		dry := l.dryRun(o)
		assert.Equal(t, before, l.contents())
		a = l.run(o)
		assert.Equal(t, dry.Objects, a.Objects, "check mode says what the run says")
		if a.Failed { // else the one says what would be, the other what was
			assert.Equal(t, dry.Msg, a.Msg)
		}
		assert.Equal(t, dry.Diff, a.Diff)
		return a
	}
	l.ok(options{"stack": "shop", "check_command": "dummy", "services": []options{element("own")}, "hosts": []options{
		{"name": "web1"}, {"name": "web2"}, {"name": "web3"}, {"name": "web4"},
	}})
	l.services().ok(options{"stack": "blog", "host": "web1", "services": []options{element("theirs")}})
	l.root.Put(t, "services", "web2!by hand", map[string]any{"check_command": "dummy"})
	l.root.Put(t, "services", "web4!by hand", map[string]any{"check_command": "dummy"})

	for name, o := range map[string]options{
		"purge":           {"stack": "shop", "check_command": "dummy", "hosts": []options{{"name": "web4"}}, "purge": true},
		"the whole stack": {"stack": "shop", "state": "absent"},
	} {
		before := l.contents()
		a := both(o)
		assert.Contains(t, a.Msg, "web1: is not purged, because it holds services that are not of its stack: theirs (stack blog); ", name)
		assert.Contains(t, a.Msg, "web2: is not purged, because it holds services that are not of its stack: by hand (no stack); ", name)
		assert.Contains(t, a.Msg, "web3 (web3): deletion not attempted, because ", name)
		assert.False(t, a.Changed, name)
		assert.Equal(t, before, l.contents(), name)
	}

	a := both(options{"name": "web1", "state": "absent"})
	assert.Contains(t, a.Msg, "web1: is not deleted, because it holds services of other stacks: theirs (stack blog); delete them first")
	assert.Contains(t, l.names(serviceKind), "web1!own")

	a = both(options{"name": "web2", "state": "absent"})
	assert.Equal(t, []string{"web2 deleted", "by hand deleted", "own deleted"}, a.Actions())
	assert.Equal(t, "goes with web2", a.Objects[1].Reason)
	assert.Len(t, a.Diff, 3)
	assert.Equal(t, []string{"web1!own", "web1!theirs", "web3!own", "web4!by hand", "web4!own"}, l.names(serviceKind))
}

// TestDeletion_ShowsTheWholeState holds that the diff of a deletion has all that the object had, in check mode too.
func TestDeletion_ShowsTheWholeState(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	l.ok(options{"stack": "shop", "name": "web1", "check_command": "dummy", "address": "192.0.2.1", "notes": "front", "groups": []string{"web"},
		"services": []options{element("a", options{"check_interval": "5m", "vars": options{"snmp_community": "geheim9", "port": 8080}})}})
	task := options{"stack": "shop", "state": "absent"}
	dry := l.dryRun(task)
	a := l.ok(task)
	assert.Equal(t, dry.Diff, a.Diff)
	require.Len(t, a.Diff, 2)
	before := map[string]map[string]any{}
	for _, diff := range a.Diff {
		assert.Empty(t, diff.After)
		before[diff.BeforeHeader] = diff.Before
	}
	host, service := before["object web1 (id web1)"], before["object web1!a (id web1!a)"]
	assert.Equal(t, "192.0.2.1", host["address"])
	assert.Equal(t, "front", host["notes"])
	assert.Equal(t, []any{"web"}, host["groups"])
	assert.NotContains(t, host, "notes_url", "what is empty is left out")
	assert.InDelta(t, 300, service["check_interval"], 0)
	assert.Equal(t, map[string]any{"managed_by": "stackwatch", "stack": "shop", "port": 8080.0, "snmp_community": "********"}, service["vars"])
	assert.NotContains(t, a.Raw, "geheim9")
}

// What rules of the configuration made can only go with its host, and is named.
func TestAHostTakesTheServicesOfRules(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	l.ok(options{"name": "web1", "stack": "shop", "check_command": "dummy", "vars": options{"apply_service": true}})
	a := l.ok(options{"stack": "shop", "state": "absent"})
	assert.Equal(t, "all of shop is to go, with its services of the configuration: applied-service", a.Only(t).Reason)
	assert.Empty(t, l.names(serviceKind))
}

// What else goes with a host or service is of no kind that the module manages, and is named all the same, as far as the user may see it.
func TestADeletionNamesWhatHangsFromIt(t *testing.T) {
	t.Parallel()
	l := hostLab(t, icingatest.Config("hanging.conf", `
object NotificationCommand "tell" { command = [ "/bin/true" ] }
object User "ann" { enable_notifications = false }
apply Notification "ruled" to Service { command = "tell"; users = [ "ann" ]; assign where service.name == "a" }
`))
	l.host("web2")
	notify := map[string]any{"command": "tell", "users": []string{"ann"}}
	l.root.Put(t, "notifications", "web2!hand", notify)
	task := options{"stack": "shop", "name": "web1", "check_command": "dummy", "services": []options{element("a"), element("b")}}
	arrange := func() {
		l.ok(task)
		l.root.Put(t, "notifications", "web1!hand", notify)
		l.root.Put(t, "notifications", "web1!a!hand", notify)
		l.root.Put(t, "dependencies", "web2!hand", map[string]any{"parent_host_name": "web1", "child_host_name": "web2"})
		l.root.Put(t, "scheduleddowntimes", "web1!b!hand",
			map[string]any{"author": "ann", "comment": "nightly", "ranges": options{"monday": "02:00-03:00"}, "duration": 60})
	}
	arrange()
	along := func(names ...any) any { return resourcetest.Change{Before: names} }
	for name, o := range map[string]options{"the whole stack": {"stack": "shop", "state": "absent"}, "one host": {"name": "web1", "state": "absent"}} {
		dry := l.dryRun(o)
		a := l.ok(o)
		assert.Equal(t, dry.Objects, a.Objects, name)
		assert.Equal(t, dry.Diff, a.Diff, name)
		found := map[string]any{}
		for _, object := range a.Objects {
			found[value(object.ID)] = object.Changes[takesAlong]
		}
		assert.Equal(t, map[string]any{
			"web1": along("Dependency web2!hand", "Notification web1!hand"), "web1!a": along("Notification web1!a!hand"),
			"web1!b": along("ScheduledDowntime web1!b!hand"),
		}, found, name)
		assert.Contains(t, fmt.Sprint(a.Diff), "Notification web1!a!hand", name)
		arrange()
	}
	services := l.services()
	services.ok(options{"host": "web1", "name": "a", "state": "absent"})

	user := l.server.AddUser(t, "status/query", "objects/query/Host", "objects/query/Service", "objects/delete/*")
	a := services.OK(services.as(user, options{"host": "web1", "name": "b", "state": "absent"}))
	assert.Equal(t, []string{"b deleted"}, a.Actions())
	assert.NotContains(t, a.Raw, takesAlong)
}

func TestAStackGoesWithEverythingUnderIt(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	var list []options
	for i := range 30 {
		list = append(list, element(fmt.Sprintf("service %d", i)))
	}
	for _, stack := range []string{"shop", "blog"} {
		l.ok(options{"stack": stack, "name": "web." + stack, "check_command": "dummy", "services": list})
	}
	l.recorder.ResetCalls()
	a := l.ok(options{"stack": "shop", "state": "absent"})
	assert.Equal(t, 31, a.Summary["deleted"], "each is named")
	assert.Len(t, l.WriteCalls(), 2, "one for all services, one for the host")
	assert.Equal(t, []string{"web.blog"}, l.names(hostKind))
	assert.Len(t, l.names(serviceKind), 30)
	l.settled(options{"stack": "shop", "state": "absent"})
}

// What is missing is found before anything is sent, by the user with the least permissions too: the name of a refused host would be lost.
func TestAWrongNameDoesNotPoisonAHost(t *testing.T) {
	t.Parallel()
	for _, user := range []string{icingatest.Ansible, icingatest.Root} {
		t.Run(user, func(t *testing.T) {
			t.Parallel()
			l := hostLab(t)
			for i, c := range []struct {
				wrong options
				says  string
			}{
				{options{"check_command": "dumy"}, "value of check_command must be one of the server's check commands, got: dumy"},
				{options{"event_command": "restart"}, "value of event_command must be one of the server's event commands, got: restart"},
				{options{"check_period": "office"}, "value of check_period must be one of the server's time periods, got: office"},
				{options{"command_endpoint": "agnt"}, "value of command_endpoint must be one of the server's endpoints, got: agnt"},
				{options{"zone": "agnt"}, "value of zone must be one of the server's zones, got: agnt"},
				{options{"groups": []string{"web", "wbe"}}, "value of groups must be one of the server's host groups, got: wbe"},
				{options{"templates": []string{"linux"}}, "value of templates must be one of the server's host templates, got: linux"},
			} {
				host := options{"name": fmt.Sprintf("web%d", i), "check_command": "dummy", "services": []options{element("a")}}
				a := l.Run(l.as(user, host.With(c.wrong)))
				assert.True(t, a.Failed)
				assert.Contains(t, a.Msg, c.says)
				assert.Contains(t, a.Msg, "not attempted, because its host cannot be created")
				if user == icingatest.Root {
					assert.Contains(t, a.Msg, "; similar: ", c.says)
				}
				assert.Empty(t, l.names(hostKind))
				assert.Equal(t, 2, l.OK(l.as(user, host)).Summary["created"])
				l.ok(options{"name": host["name"], "state": "absent"})
			}
		})
	}
}

// What an update names is looked up as well, in check mode too: the server would set the attributes before it, and then refuse.
func TestAnUpdateNamesOnlyWhatThereIs(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	services := []options{element("a"), element("b")}
	l.ok(options{"name": "web1", "check_command": "dummy", "services": services})
	before := l.contents()
	for field, noun := range map[string]string{
		"check_command": "check command", "event_command": "event command", "check_period": "time period", "command_endpoint": "endpoint",
	} {
		wrong := options{"action_url": "https://example.com", field: "nonesuch"}
		says := "value of " + field + " must be one of the server's " + noun + "s, got: nonesuch"
		for _, user := range []string{icingatest.Ansible, icingatest.Root} {
			host := l.as(user, wrong.With(options{"name": "web1"}))
			service := l.as(user, options{"name": "web1", "services": []options{services[0].With(wrong), services[1]}})
			for task, object := range map[*options]string{&host: "web1: ", &service: "web1!a: "} {
				assert.Contains(t, l.Run(*task).Msg, object+says)
				assert.Contains(t, l.DryRun(*task).Msg, object+says, "check mode says the same")
			}
		}
	}
	assert.Contains(t, l.Run(l.as(icingatest.Root, options{"name": "web1", "check_command": "dumy"})).Msg, "got: dumy; similar: dummy")
	assert.Equal(t, before, l.contents(), "nothing was changed, not even what stands before the wrong name")

	// One wrong name keeps nothing from the others, and what is there already is not asked for.
	a := l.run(options{"name": "web1", "notes": "ours", "services": []options{element("a", options{"check_command": "nonesuch"}), element("b", options{"notes": "ours"})}})
	assert.Equal(t, []string{"web1 updated", "a failed", "b updated"}, a.Actions())
	l.recorder.ResetCalls()
	l.ok(options{"name": "web1", "check_command": "dummy", "notes": "again"})
	for _, call := range l.recorder.Calls() {
		assert.NotEqual(t, "/v1/objects/hosts", call.Path, "a look-up that nothing needs")
	}
}

// A server crashes when a host whose creation it has refused gets a service.
func TestNoServiceIsSentToARefusedHost(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	l.root.Do(t, "PUT", icingatest.Path("hosts", "web1"), map[string]any{"attrs": map[string]any{"check_command": "none"}})
	task := options{"name": "web1", "check_command": "dummy", "services": []options{element("a"), element("b")}}
	a := l.run(task)
	assert.Contains(t, a.Msg, "the server takes the name again only after a reload")
	assert.Contains(t, a.Msg, "creating web1!a: not attempted, because its host could not be created")
	a = l.services().run(options{"host": "web1", "services": []options{element("a")}})
	assert.Contains(t, a.Msg, "web1!a: the host web1 does not exist")

	l.server.Reload(t)
	assert.Equal(t, 3, l.ok(task).Summary["created"])
}

func TestServicesOfMissingHostsAreRefused(t *testing.T) {
	t.Parallel()
	l := hostLab(t).services()
	l.host("web1")
	task := options{"for_hosts": []string{"web1", "web2"}, "services": []options{element("a")}}
	a := l.dryRun(task)
	assert.False(t, a.Failed, "a task before this one may be what makes the host")
	assert.Contains(t, a.Warnings[0], "hosts of new services do not exist yet: web2")
	a = l.run(task)
	assert.Equal(t, []string{"a created", "a failed"}, a.Actions())
	assert.Contains(t, a.Msg, "web2!a: the host web2 does not exist")
}
