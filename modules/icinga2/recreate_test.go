// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules/icinga2/icingatest"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// childVariable makes the binary of the tests the module for hosts, with this folder for what it keeps.
const childVariable = "ICINGA2_TEST_STATE"

// TestMain lets a test start the module as a process that it can kill.
func TestMain(m *testing.M) {
	folder := os.Getenv(childVariable)
	if folder == "" {
		os.Exit(m.Run())
	}
	os.Exit(ansible.Execute(context.Background(), world{stateDir: folder}.hostModule(), ansible.Process{
		Args: os.Args[:1], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, LookupEnv: os.LookupEnv,
	}))
}

func TestFixedAttributesNeedTheUsersWord(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	task := options{"stack": "shop", "name": "web1", "check_command": "dummy", "address": "192.0.2.1", "groups": []string{"web"}, "services": []options{
		element("a", options{"templates": []string{"noted-service"}, "vars": options{"x.y": 1, "n": options{"m": []any{1, nil}}}}),
		element("b", options{"check_timeout": "20s", "flapping_ignore_states": []string{"Warning"}}),
	}}
	l.ok(task)
	l.services().ok(options{"host": "web1", "services": []options{element("theirs", options{"max_check_attempts": 7})}})
	before := l.contents()
	for field, change := range map[string]options{
		"templates of web1 cannot be changed after creation, and is an empty list, got: linux-host": {"templates": []string{"linux-host"}},
		"groups of web1 cannot be changed after creation, and is web, got: database":                {"groups": []string{"database"}},
		"zone of web1 cannot be changed after creation, and is localhost, got: agent":               {"zone": "agent"},
	} {
		a := l.run(task.With(change))
		assert.Contains(t, a.Msg, "web1: "+field+"; recreate: always deletes it and creates a new one")
	}
	assert.Equal(t, before, l.contents())

	changed := task.With(options{"templates": []string{"linux-host"}, "recreate": "always"})
	a := l.ok(changed)
	assert.Equal(t, []string{"web1 replaced", "a unchanged", "b unchanged"}, a.Actions())
	after := l.contents()
	assert.Equal(t, []any{"web1", "linux-host", "generic-host"}, after["web1"]["templates"])
	for _, service := range []string{"web1!a", "web1!b", "web1!theirs"} {
		assert.Equal(t, before[service], after[service], "the services of the host are what they were")
	}
	l.settled(changed)

	// A service alone.
	l.services().ok(options{"host": "web1", "name": "b", "check_command": "dummy", "groups": []string{"http"}, "recreate": "always"})
	assert.Equal(t, []any{"http"}, l.attributes(serviceKind, "web1!b")["groups"])
}

func TestARefusedReplacementLeavesTheHost(t *testing.T) {
	t.Parallel()
	l := hostLab(t, icingatest.Config("traps.conf", `template Host "trap" { check_interval = 0 }`))
	l.ok(options{"name": "web1", "check_command": "dummy", "address": "192.0.2.1", "notes": "kept", "services": []options{element("a")}})
	before := l.contents()
	a := l.run(options{"name": "web1", "check_command": "dummy", "templates": []string{"trap"}, "recreate": "always"})
	assert.Contains(t, a.Msg, "web1: cannot be created anew, and was left as it is")
	assert.Equal(t, before, l.contents())
	assert.Len(t, l.names(hostKind), 1, "nothing is left of the attempt")
}

func TestARefusedReplacementLeavesTheService(t *testing.T) {
	t.Parallel()
	l := newLab(t, world.serviceModule, "services", icingatest.Config("traps.conf", `template Service "trap" { check_interval = 0 }`))
	l.host("web1")
	l.ok(element("a", options{"host": "web1", "check_timeout": 20, "vars": options{"x.y": options{"z": nil}, "k": 1}, "templates": []string{"noted-service"}}))
	before := l.contents()
	a := l.run(element("a", options{"host": "web1", "templates": []string{"trap"}, "recreate": "always"}))
	assert.Contains(t, a.Msg, "web1!a: cannot be created anew, and was left as it is")
	assert.Equal(t, before, l.contents())
	assert.False(t, a.Changed)
}

// The server confirms what a reload then takes away, and connections break: services that went with their host are made until they are there.
func TestServicesOfARecreatedHostAreMadeUntilTheyAreThere(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	services := []options{element("a"), element("b"), element("c"), element("d")}
	host := options{"name": "web1", "check_command": "dummy", "services": services, "api_retries": 0}
	l.ok(host)
	before := l.names(serviceKind)
	l.recorder.Inject(
		emulator.On(http.MethodPut, "/v1/objects/services/web1!a", 2, emulator.Fault{Kind: emulator.DropBefore}),
		emulator.On(http.MethodPut, "/v1/objects/services/web1!b", 1, emulator.Fault{Kind: emulator.DropAfter}),
	)
	a := l.ok(host.With(options{"templates": []string{"linux-host"}, "recreate": "always"}))
	assert.Equal(t, 1, a.Summary["replaced"])
	assert.Equal(t, before, l.names(serviceKind))

	l.recorder.Inject(emulator.On(http.MethodPut, "/v1/objects/services/web1!c", emulator.Always, emulator.Fault{Kind: emulator.DropBefore}))
	a = l.run(host.With(options{"groups": []string{"web"}, "recreate": "always"}))
	assert.Contains(t, a.Msg, "service web1!c could not be brought back: ")
	assert.Contains(t, a.Msg, "the next run of this module on this controller tries again")
	assert.True(t, a.Changed)

	// Which it does, whatever it is about.
	l.recorder.ClearFaults()
	a = l.dryRun(options{"name": "web2", "state": "absent"})
	assert.Contains(t, a.Warnings[0], "a run without check mode brings back: service web1!c")
	assert.NotContains(t, l.names(serviceKind), "web1!c")
	a = l.ok(options{"name": "web2", "state": "absent"})
	assert.Contains(t, a.Warnings[0], "an earlier run was interrupted while it created web1 anew; brought back: service web1!c")
	assert.True(t, a.Changed)
	assert.Equal(t, before, l.names(serviceKind))
	l.settled(options{"name": "web2", "state": "absent"})
}

// Where the new object does not come the old one does, with all that it had.
func TestAFailedReplacementBringsTheOldOneBack(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	l.root.Put(t, "hosts", "web1", map[string]any{"address": "192.0.2.1", "check_interval": 20, "groups": []string{"web"}}, "linux-host")
	l.root.Update(t, "hosts", "web1", map[string]any{"vars": map[string]any{"a.b": 1, "c": options{"d": nil}}})
	l.root.Put(t, "services", "web1!a", map[string]any{"check_command": "dummy"})
	before := l.contents()
	l.recorder.Inject(emulator.On(http.MethodPut, "/v1/objects/hosts/web1", 1, emulator.Fault{Kind: emulator.DropBefore}))
	a := l.run(options{"name": "web1", "groups": []string{"database"}, "recreate": "always", "api_retries": 0})
	assert.Contains(t, a.Msg, "web1: was deleted to be created anew, which failed: ")
	assert.Contains(t, a.Msg, "the old one was brought back")
	assert.Equal(t, before, l.contents())

	// An answer that was lost is no failure.
	l.recorder.Inject(emulator.On(http.MethodPut, "/v1/objects/hosts/web1", 1, emulator.Fault{Kind: emulator.DropAfter}))
	l.ok(options{"name": "web1", "groups": []string{"database"}, "recreate": "always", "api_retries": 0})
	before["web1"]["groups"] = []any{"database", "linux"}
	assert.Equal(t, before, l.contents())

	// Nor is it where the answer to the deletion is lost. Where it was not deleted nothing has changed.
	task := options{"name": "web1", "groups": []string{"web"}, "recreate": "always", "api_retries": 0}
	l.recorder.Inject(emulator.On(http.MethodDelete, "/v1/objects/hosts/web1", 1, emulator.Fault{Kind: emulator.DropBefore}))
	a = l.run(task)
	assert.True(t, a.Failed)
	assert.False(t, a.Changed)
	assert.Equal(t, before, l.contents())
	l.recorder.Inject(emulator.On(http.MethodDelete, "/v1/objects/hosts/web1", 1, emulator.Fault{Kind: emulator.DropAfter}))
	l.ok(task)
	before["web1"]["groups"] = []any{"linux", "web"}
	assert.Equal(t, before, l.contents())
}

// peculiar is what an object has of its own that its templates do not give it, in each way in which that can be.
func peculiar(name string) map[string]any {
	return map[string]any{
		"display_name": "The " + name, "notes": "by hand", "check_interval": 20, "max_check_attempts": 7, "enable_notifications": false,
		"enable_active_checks": false, "check_timeout": 12, "action_url": "https://example.com/" + name,
		"flapping_ignore_states": nil, "icon_image": "a.png", "volatile": true, "vars.kept": options{"a": []any{1, nil}}, "vars.platform": "Unix",
	}
}

// The server tells effective values only. What an object has of its own stays, in its variables too, and what it has of its templates
// goes with them.
func TestWhatATaskDoesNotSetStaysWhenItIsCreatedAnew(t *testing.T) {
	t.Parallel()
	for _, k := range []kind{hostKind, serviceKind} {
		t.Run(string(k), func(t *testing.T) {
			t.Parallel()
			config := fmt.Sprintf(`
template %[1]s "old base" { check_command = "dummy"; notes_url = "https://old.example.com/"; vars.base = 1; vars.taken = 1; icon_image_alt = name }
template %[1]s "old" { import "old base"; retry_interval = 11; enable_flapping = true; vars.old = "old"; enable_event_handler = false }
template %[1]s "new" { check_command = "dummy"; retry_interval = 22; vars.fresh = "new"; vars.taken = 2; notes = "of the template"; check_interval = 33 }
object %[1]sGroup "own" { }
object %[1]sGroup "by rule" { assign where %[2]s.vars.platform == "Unix" }
object %[1]sGroup "other" { }
`, k, strings.ToLower(string(k)))
			l := hostLab(t, icingatest.Config("templates.conf", config))
			name, wish := "web1", options{"name": "web1", "recreate": "always"}
			if k == serviceKind {
				l.host("web1")
				services := l.services()
				l, name, wish = services, "web1!ping", wish.With(options{"host": "web1", "name": "ping"})
			}
			attrs := peculiar(name)
			attrs["groups"] = []string{"own"}
			l.root.Put(t, k.plural(), name, attrs, "old", "old base")
			vars := l.attributes(k, name)["vars"].(map[string]any)
			delete(vars, "taken")
			vars["a.b"] = options{"c": 1}
			l.root.Update(t, k.plural(), name, map[string]any{"vars": vars})
			before := l.contents()[name]

			task := wish.With(options{"groups": []string{"other"}})
			dry := l.dryRun(task)
			a := l.ok(task)
			assert.Equal(t, dry.Objects, a.Objects, "check mode says what the run says")
			after := l.contents()[name]
			assert.ElementsMatch(t, []any{"other", "by rule"}, after["groups"])
			expected := maps.Clone(before)
			expected["groups"] = after["groups"]
			assert.Equal(t, expected, after, "all else is what it was")
			assert.Equal(t, []any{name[strings.Index(name, "!")+1:], "old", "old base", "old base"}, after["templates"])
			l.settled(task)

			task = wish.With(options{"templates": []string{"new"}, "notes_url": "https://wish.example.com/", "vars": options{"kept": 2}})
			dry = l.dryRun(task)
			a = l.ok(task)
			for field, change := range dry.Objects[0].Changes {
				assert.Equal(t, change, a.Objects[0].Changes[field], field)
			}
			last := l.contents()[name]
			for field, value := range last {
				_, told := a.Objects[0].Changes[field]
				assert.Equal(t, !equal(value, after[field]), told, "the run tells what became different: %s", field)
			}
			expected = maps.Clone(after)
			maps.Copy(expected, map[string]any{
				"templates": []any{name[strings.Index(name, "!")+1:], "new"}, "notes_url": "https://wish.example.com/", "retry_interval": 22.0,
				"enable_flapping": false, "enable_event_handler": true, "icon_image_alt": "", "groups": last["groups"],
				"vars": map[string]any{"platform": "Unix", "kept": 2.0, "a.b": map[string]any{"c": 1.0}, "fresh": "new"},
			})
			assert.Equal(t, expected, last)
			assert.ElementsMatch(t, []any{"other", "by rule"}, last["groups"])
			l.settled(task)
		})
	}
}

// What a service of a recreated host has of its own and what it has of its templates stays so.
func TestServicesOfARecreatedHostAreWhatTheyWere(t *testing.T) {
	t.Parallel()
	l := hostLab(t, icingatest.Config("templates.conf", `
template Service "base" { check_command = "dummy"; vars.base = 1; vars.taken = 1; display_name = "of " + name }
template Service "top" { import "base"; notes = "top"; enable_active_checks = false }
`))
	l.host("web1")
	for _, name := range []string{"a", "b", `c "quoted"`} {
		l.root.Put(t, "services", "web1!"+name, map[string]any{"notes_url": name}, "top", "base")
		vars := l.attributes(serviceKind, "web1!"+name)["vars"].(map[string]any)
		delete(vars, "taken")
		l.root.Update(t, "services", "web1!"+name, map[string]any{"vars": vars})
	}
	l.root.Update(t, "services", "web1!b", map[string]any{"enable_active_checks": true, "display_name": "mine"})
	before := l.contents()
	l.recorder.ResetCalls()
	l.ok(options{"name": "web1", "check_command": "dummy", "groups": []string{"web"}, "recreate": "always"})
	assert.Zero(t, l.recorder.Count(http.MethodPost, "/v1/objects/services/*"), "they are whole at once")
	before["web1"]["groups"] = []any{"web"}
	assert.Equal(t, before, l.contents())
	text := l.server.Files(t)["conf.d/services/web1!a.conf"]
	assert.NotContains(t, text, "notes = ", "what came from a template still does")
	assert.NotContains(t, text, "enable_active_checks = ")
	assert.Contains(t, text, "notes_url = ")
}

// What hangs from an object goes with it. What cannot be made again as it was keeps it from being created anew; downtimes and comments come
// back as they were.
func TestWhatHangsFromARecreatedObjectIsNotLost(t *testing.T) {
	t.Parallel()
	l := hostLab(t, icingatest.Config("hanging.conf", `
object NotificationCommand "tell" { command = [ "/bin/true" ] }
object User "ann" { enable_notifications = false }
apply Notification "ruled" to Service { command = "tell"; users = [ "ann" ]; assign where service.name == "a" }
apply Dependency "ruled" to Host { parent_host_name = "base"; assign where host.name == "web1" }
`))
	l.host("base", "web1", "web2")
	l.root.Put(t, "services", "web1!a", map[string]any{"check_command": "dummy"})
	l.root.Put(t, "services", "web1!b", map[string]any{"check_command": "dummy"})
	task := options{"name": "web1", "check_command": "dummy", "groups": []string{"web"}, "recreate": "always"}
	service := element("a", options{"host": "web1", "groups": []string{"http"}, "recreate": "always"})
	notify := map[string]any{"command": "tell", "users": []string{"ann"}}
	parent := func(attrs map[string]any) map[string]any {
		maps.Copy(attrs, map[string]any{"parent_host_name": "web1"})
		return attrs
	}
	sched := map[string]any{"author": "ann", "comment": "nightly", "ranges": options{"monday": "02:00-03:00"}, "duration": 60}
	for _, c := range []struct {
		kind       kind
		name       string
		attrs      map[string]any
		ofServiceA bool
	}{
		{notificationKind, "web1!hand", notify, false},
		{notificationKind, "web1!a!hand", notify, true},
		{dependencyKind, "web2!hand", parent(map[string]any{"child_host_name": "web2"}), false},
		{dependencyKind, "web2!of a", parent(map[string]any{"child_host_name": "web2", "parent_service_name": "a"}), true},
		{scheduledDowntimeKind, "web1!hand", sched, false},
		{scheduledDowntimeKind, "web1!a!hand", sched, true},
	} {
		l.root.Put(t, c.kind.plural(), c.name, c.attrs)
		for _, run := range []func(options) answer{l.dryRun, l.run} {
			a := run(task)
			assert.Contains(t, a.Msg, "web1: is not created anew, because it would take along what cannot be made again as it was: "+string(c.kind)+" "+c.name)
			assert.False(t, a.Changed)
		}
		a := l.services().dryRun(service)
		assert.Equal(t, c.ofServiceA, a.Failed, "%s %s: %s", c.kind, c.name, a.Msg)
		require.NotNil(t, l.root.Object(t, c.kind.plural(), c.name))
		l.root.Delete(t, c.kind.plural(), c.name)
	}

	now := float64(time.Now().Unix())
	window := options{"author": "ann", "start_time": now - 60, "end_time": now + 3600}
	act := func(action string, o options) { l.root.Do(t, http.MethodPost, "/v1/actions/"+action, o) }
	act("schedule-downtime", window.With(options{"type": "Host", "host": "web1", "comment": "deployment", "all_services": true}))
	act("schedule-downtime", window.With(options{"type": "Service", "service": "web1!b", "comment": "later", "start_time": now + 60, "fixed": false, "duration": 9}))
	act("add-comment", options{"type": "Service", "service": "web1!a", "author": "ann", "comment": "look at this"})
	kept := func(kind string) map[string]map[string]any {
		objects := l.root.Objects(t, kind, "")
		for _, attrs := range objects {
			for _, field := range []string{"version", "legacy_id", "source_location", "trigger_time", "paused"} {
				delete(attrs, field)
			}
		}
		return objects
	}
	downtimes, comments := kept("downtimes"), kept("comments")
	require.Len(t, downtimes, 4)
	a := l.ok(task)
	assert.Empty(t, a.Warnings)
	assert.Equal(t, downtimes, kept("downtimes"))
	assert.Equal(t, comments, kept("comments"))
	for _, k := range []kind{hostKind, serviceKind} {
		for name, attrs := range l.root.Objects(t, k.plural(), `host.name == "web1"`) {
			if name != "web1!b" || k == hostKind {
				assert.InDelta(t, 1, attrs["downtime_depth"], 0, "%s is in its downtime", name)
			}
		}
	}
	assert.Len(t, l.root.Objects(t, "notifications", ""), 1, "rules apply again")
	assert.Len(t, l.root.Objects(t, "dependencies", ""), 1)
	l.services().ok(service)
	assert.Equal(t, downtimes, kept("downtimes"))
	assert.Equal(t, comments, kept("comments"))

	// A problem that somebody has acknowledged is new again, and a flexible downtime that it has begun could not be.
	for range 3 {
		act("process-check-result", options{"type": "Service", "service": "web1!a", "exit_status": 2, "plugin_output": "down"})
	}
	act("acknowledge-problem", options{"type": "Service", "service": "web1!a", "author": "ann", "comment": "on it"})
	a = l.services().dryRun(service.With(options{"groups": []string{"disk"}}))
	assert.Equal(t, []string{"web1!a is created anew, and these are lost: the acknowledgement of web1!a"}, a.Warnings)
	act("schedule-downtime", window.With(options{"type": "Service", "service": "web1!a", "comment": "begun", "fixed": false, "duration": 900}))
	a = l.services().dryRun(service.With(options{"groups": []string{"disk"}}))
	assert.Contains(t, a.Msg, "(flexible and begun, or triggered by another one)")
}

// Who creates anew must be able to see what goes with it, and to make it again.
func TestAMissingPermissionKeepsAnObjectFromBeingRecreated(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	all := []string{"status/query"}
	for _, verb := range []string{"query", "create", "modify", "delete"} {
		for _, k := range []kind{hostKind, serviceKind} {
			all = append(all, "objects/"+verb+"/"+string(k))
		}
	}
	for _, k := range []kind{notificationKind, dependencyKind, scheduledDowntimeKind, downtimeKind, commentKind} {
		all = append(all, "objects/query/"+string(k))
	}
	all = append(all, "objects/create/Downtime", "objects/create/Comment")
	l.host("web1")
	l.root.Put(t, "services", "web1!a", map[string]any{"check_command": "dummy"})
	l.root.Do(t, http.MethodPost, "/v1/actions/schedule-downtime", options{"type": "Host", "host": "web1", "author": "a", "comment": "c", "start_time": 1, "end_time": 4e9})
	l.root.Do(t, http.MethodPost, "/v1/actions/add-comment", options{"type": "Host", "host": "web1", "author": "a", "comment": "c"})
	task := options{"name": "web1", "check_command": "dummy", "groups": []string{"web"}, "recreate": "always"}
	before := l.contents()
	for _, missing := range all {
		user := l.server.AddUser(t, slices.DeleteFunc(slices.Clone(all), func(p string) bool { return p == missing })...)
		a := l.Run(l.as(user, task))
		assert.Contains(t, strings.ToLower(a.Msg), strings.ToLower(missing), "the error names it")
		assert.Equal(t, before, l.contents(), "nothing was changed without %s", missing)
	}
	assert.False(t, l.Run(l.as(l.server.AddUser(t, all...), task)).Failed)
}

// heldLab is a lab whose server lets the caller of one call wait until it leaves or is released.
func heldLab(t testing.TB) (l *lab, hold func(method, path string), arrived <-chan struct{}, release func()) {
	t.Helper()
	waits, leave := make(chan struct{}, 16), make(chan struct{})
	l = labBehind(t, icingatest.Start(t), world.hostModule, "objects", emulator.Options{Sleep: func(ctx context.Context, d time.Duration) error {
		if d > 0 {
			waits <- struct{}{}
			select {
			case <-ctx.Done():
			case <-leave:
			}
		}
		return ctx.Err()
	}})
	hold = func(method, path string) {
		l.recorder.Inject(emulator.On(method, path, 1, emulator.Fault{Kind: emulator.Delay, Delay: time.Hour}))
	}
	return l, hold, waits, func() { close(leave) }
}

// A process that is killed leaves a note. The next one brings back what is missing and removes what is too much, and says so.
func TestAKilledRecreationIsPutInOrderByTheNextRun(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	for name, at := range map[string]struct{ method, path string }{
		"while it rehearses":        {http.MethodGet, "/v1/objects/hosts/stackwatch-*"},
		"before the new host comes": {http.MethodPut, "/v1/objects/hosts/web1"},
		"before a service is back":  {http.MethodPut, "/v1/objects/services/web1!b"},
		"before a downtime is back": {http.MethodPut, "/v1/objects/downtimes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, hold, arrived, _ := heldLab(t)
			services := []options{element("a", options{"vars": options{"snmp_community": "hush hush"}}), element("b"), element("c")}
			task := options{"name": "web1", "stack": "shop", "check_command": "dummy", "address": "192.0.2.1", "services": services}
			l.ok(task)
			l.root.Do(t, http.MethodPost, "/v1/actions/schedule-downtime",
				options{"type": "Host", "host": "web1", "author": "a", "comment": "c", "start_time": 1, "end_time": 4e9, "all_services": true})
			before, downtimes := l.contents(), slices.Sorted(maps.Keys(l.root.Objects(t, "downtimes", "")))

			hold(at.method, at.path)
			changed := task.With(options{"groups": []string{"web"}, "recreate": "always"})
			arguments, err := json.Marshal(l.as(icingatest.Ansible, changed).With(options{"api_url": l.URL, "api_concurrency": 1}))
			require.NoError(t, err)
			child := exec.CommandContext(t.Context(), self)
			child.Env = append(os.Environ(), childVariable+"="+l.StateDir, "ICINGA2_API_PASSWORD="+l.Setup.Token)
			child.Stdin = bytes.NewReader(arguments)
			require.NoError(t, child.Start())
			ended := make(chan error, 1)
			go func() { ended <- child.Wait() }()
			select {
			case <-arrived:
			case err := <-ended:
				require.Fail(t, "it ended before that", "%v", err)
			}
			require.NoError(t, child.Process.Kill())
			require.Error(t, <-ended)

			// What happened long ago is told, and left to a person.
			missing := l.contents()
			rehearsing := strings.Contains(at.path, "stackwatch")
			notes, err := filepath.Glob(filepath.Join(l.StateDir, "recreate*"))
			require.NoError(t, err)
			require.Len(t, notes, 1)
			long := time.Now().Add(-25 * time.Hour)
			require.NoError(t, os.Chtimes(notes[0], long, long))
			if !rehearsing {
				a := l.ok(options{"name": "other", "state": "absent"})
				assert.Contains(t, fmt.Sprint(a.Warnings), "more than a day ago a run was interrupted while it created web1 anew")
				assert.Equal(t, missing, l.contents())
			}
			require.NoError(t, os.Chtimes(notes[0], time.Time{}, time.Now()))

			// Another task of this controller, and then the same one.
			a := l.dryRun(options{"name": "other", "state": "absent"})
			assert.Equal(t, missing, l.contents())
			assert.Equal(t, rehearsing, len(a.Warnings) == 0, "%v", a.Warnings)
			a = l.ok(options{"name": "other", "state": "absent"})
			assert.Equal(t, rehearsing, len(a.Warnings) == 0, "%v", a.Warnings)
			assert.Equal(t, !rehearsing, a.Changed)
			assert.Equal(t, downtimes, slices.Sorted(maps.Keys(l.root.Objects(t, "downtimes", ""))))
			if after := l.contents(); strings.HasPrefix(name, "before a") {
				after["web1"]["groups"] = before["web1"]["groups"] // the new one is there
				assert.Equal(t, before, after)
			} else {
				assert.Equal(t, before, after)
			}
			l.settled(options{"name": "other", "state": "absent"})
			l.ok(changed)
			l.settled(changed)
			assert.Equal(t, []any{"web"}, l.attributes(hostKind, "web1")["groups"])
			assert.Equal(t, []string{"web1"}, l.names(hostKind))
		})
	}
}

// A run that is killed between two calls would leave behind what looks whole to the next one.
func TestWhatIsCreatedAnewIsWholeAtOnce(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	l.root.Do(t, http.MethodPut, "/v1/objects/hosts/web1", options{"templates": []string{"linux-host"}, "attrs": options{"vars.own": 1}})
	l.root.Do(t, http.MethodPost, "/v1/objects/hosts/web1", options{"attrs": options{"vars": options{"own": 1, "a.b": options{"c": nil}}}})
	l.root.Do(t, http.MethodPut, "/v1/objects/services/web1!a", options{"templates": []string{"noted-service"}, "attrs": options{"check_command": "dummy"}})
	l.root.Do(t, http.MethodPost, "/v1/objects/services/web1!a", options{"attrs": options{"vars": options{"x.y": 2, "nothing": nil}, "notes": "mine"}})
	before := l.contents()
	l.recorder.ResetCalls()
	l.ok(options{"name": "web1", "groups": []string{"web"}, "recreate": "always"})
	assert.Zero(t, l.recorder.Count(http.MethodPost, "/v1/objects/hosts/*")+l.recorder.Count(http.MethodPost, "/v1/objects/services/*"))
	assert.Equal(t, 1, l.recorder.Count(http.MethodPut, "/v1/objects/services/web1!a"))
	after := l.contents()
	assert.Equal(t, []any{"linux", "web"}, after["web1"]["groups"])
	after["web1"]["groups"] = before["web1"]["groups"]
	assert.Equal(t, before, after)
}

// A signal that comes too late to keep an object says so: what was begun counts as a change.
func TestAnInterruptedRecreationIsToldAsAChange(t *testing.T) {
	t.Parallel()
	l, hold, arrived, release := heldLab(t)
	task := options{"name": "web1", "check_command": "dummy", "services": []options{element("a")}}
	l.ok(task)
	hold(http.MethodPut, "/v1/objects/services/web1!a")
	signals := make(chan os.Signal, 1)
	now := make(chan time.Time)
	close(now)
	go func() {
		<-arrived
		signals <- syscall.SIGTERM
	}()
	a := l.Run(l.as(icingatest.Ansible, task.With(options{"groups": []string{"web"}, "recreate": "always"})), func(p *ansible.Process) {
		p.Signals, p.After = signals, func(time.Duration) <-chan time.Time { return now }
	})
	assert.True(t, a.Failed)
	assert.True(t, a.Changed)
	assert.Equal(t, []string{"web1 failed"}, a.Actions())
	assert.Contains(t, a.Objects[0].Error, "web1: was under way (to be replaced) when the run ended")

	// Here the process does not end, so that it still finishes its work.
	release()
	held, err := notes{l.StateDir, l.URL}.open(t.Context(), "web1")
	require.NoError(t, err)
	require.NoError(t, held.Remove())
	assert.Equal(t, []string{"web1!a"}, l.names(serviceKind))
}

// Without a note nothing is deleted, and what a rehearsal could not clean up is left to the next run.
func TestNothingIsRecreatedWithoutANote(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	l.host("web1")
	task := options{"name": "web1", "groups": []string{"web"}, "recreate": "always", "api_retries": 0}
	l.recorder.Inject(emulator.On(http.MethodDelete, "/v1/objects/hosts/stackwatch-*", 1, emulator.Fault{Kind: emulator.DropBefore}))
	a := l.run(task)
	assert.Contains(t, a.Msg, "web1: cannot be created anew, and was left as it is")
	require.Len(t, l.names(hostKind), 2, "a rehearsal is left")
	l.ok(options{"name": "web2", "state": "absent"})
	assert.Equal(t, []string{"web1"}, l.names(hostKind))

	l.StateDir = os.DevNull
	a = l.run(task)
	assert.Contains(t, a.Msg, "web1: is not created anew: what is to be brought back cannot be written down: ")
	assert.Contains(t, a.Msg, "XDG_CACHE_HOME")
	assert.False(t, a.Changed)
}

// What an interrupted run on another controller left behind is in no stack, matches no pattern, and goes when it is old.
func TestARehearsalCountsForNothing(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	l.host("web1")
	left := rehearsalName + "ABCDEFGHIJ-1"
	mark := map[string]any{"check_command": "dummy", "vars": options{managedBy: rehearsalMark, stackVar: "shop"}}
	l.root.Put(t, "hosts", left, mark)
	l.root.Put(t, "services", "web1!"+left, mark)
	l.root.Put(t, "hosts", rehearsalName+"of ours", mark)
	services := l.services()
	a := services.ok(options{"for_hosts": []string{"*"}, "name": "a", "check_command": "dummy", "stack": "shop"})
	assert.NotContains(t, a.Raw, left)
	a = l.ok(options{"hosts": []options{{"name": "web2"}}, "check_command": "dummy", "stack": "shop", "purge": true})
	assert.Equal(t, 0, a.Summary["deleted"])

	p := newProvider(l.connect(), "", false)
	require.NoError(t, p.sweep(t.Context(), abandoned))
	assert.Contains(t, l.names(hostKind), left, "somebody may be at work on it")
	require.NoError(t, p.sweep(t.Context(), 0))
	assert.Equal(t, []string{rehearsalName + "of ours", "web1", "web2"}, l.names(hostKind), "only names of our form")
	assert.NotContains(t, l.names(serviceKind), "web1!"+left)
}

// Check mode counts with what the run would bring back first.
func TestCheckModeCountsWithWhatComesBack(t *testing.T) {
	t.Parallel()
	for path, left := range map[string]string{"/v1/objects/hosts/web1": "", "/v1/objects/services/web1!b": "web1!a"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			l := hostLab(t)
			task := options{"name": "web1", "stack": "shop", "templates": []string{"linux-host"}, "services": []options{element("a"), element("b")}}
			l.ok(task)
			l.recorder.Inject(emulator.On(http.MethodPut, path, emulator.Always, emulator.Fault{Kind: emulator.DropBefore}))
			a := l.run(task.With(options{"groups": []string{"web"}, "recreate": "always", "api_retries": 0, "services": nil}))
			require.Contains(t, a.Msg, "could not be brought back")
			require.Equal(t, left, strings.Join(l.names(serviceKind), " "))
			l.recorder.ClearFaults()

			all := options{"stack": "shop", "state": "absent"}
			a = l.dryRun(all)
			assert.ElementsMatch(t, []string{"web1 deleted", "a deleted", "b deleted"}, a.Actions())
			services := l.services()
			services.StateDir = l.StateDir
			services.URL = l.URL // that of the note
			for _, task := range []options{
				{"host": "web1", "name": "a", "notes": "changed"},
				{"for_hosts": []string{"web*"}, "services": []options{element("a")}, "stack": "shop", "purge": true},
			} {
				dry := services.dryRun(task)
				assert.NotEmpty(t, dry.Warnings)
				if _, last := task["purge"]; last {
					a = services.ok(task)
					assert.Equal(t, dry.Objects, a.Objects)
					assert.Equal(t, []string{"a unchanged", "b deleted"}, a.Actions())
				} else {
					assert.Equal(t, []string{"a updated"}, dry.Actions())
				}
			}
			dry := l.dryRun(all)
			a = l.ok(all)
			assert.Equal(t, dry.Objects, a.Objects)
			assert.ElementsMatch(t, []string{"web1 deleted", "a deleted"}, a.Actions())
		})
	}
}

// reloadedLab is a lab whose server does what the test says when a certain call comes, before it answers. There is a host with a service of
// the task, one of somebody else and a downtime; recreate is a task that creates it anew.
func reloadedLab(t testing.TB) (l *lab, when func(method, path string, do func()), recreate options) {
	t.Helper()
	events := make(chan func(), 2)
	l = labBehind(t, icingatest.Start(t), world.hostModule, "objects", emulator.Options{Sleep: func(ctx context.Context, d time.Duration) error {
		if d > 0 {
			(<-events)()
		}
		return ctx.Err()
	}})
	when = func(method, path string, do func()) {
		events <- do
		l.recorder.Inject(emulator.On(method, path, 1, emulator.Fault{Kind: emulator.Delay, Delay: time.Hour}))
	}
	task := options{"name": "web1", "stack": "shop", "check_command": "dummy", "services": []options{element("a")}}
	l.ok(task)
	l.root.Put(t, "services", "web1!theirs", map[string]any{"check_command": "dummy", "notes": "by hand"})
	long := "web1!" + strings.Repeat("a", 100) + "/" + strings.Repeat("d", 30) // so that its file has another name
	l.root.Put(t, "downtimes", long, map[string]any{"author": "a", "comment": "c", "start_time": 1, "end_time": 4e9, "fixed": true})
	return l, when, task.With(options{"groups": []string{"web"}, "recreate": "always", "api_concurrency": 1})
}

// notes gives the paths of what recreations have left on the controller.
func (l *lab) notes() []string {
	l.T.Helper()
	found, err := filepath.Glob(filepath.Join(l.StateDir, "recreate-*"))
	require.NoError(l.T, err)
	return found
}

// A reload that has read the files in the middle of a recreation takes away what the old process goes on to confirm, and nobody can see that
// before the new one answers. The next run brings it back, and nothing that somebody has deleted since.
func TestWhatAReloadHasTakenAwayIsBroughtBackByTheNextRun(t *testing.T) {
	t.Parallel()
	l, when, recreate := reloadedLab(t)
	before, downtimes := l.contents(), slices.Sorted(maps.Keys(l.root.Objects(t, "downtimes", "")))
	before["web1"]["groups"] = []any{"web"}
	var release func()
	when(http.MethodPut, "/v1/objects/hosts/web1", func() { release = l.server.HoldReload(t) })
	a := l.ok(recreate)
	assert.Empty(t, a.Warnings)
	assert.Equal(t, before, l.contents())
	other := options{"name": "other", "state": "absent"}
	l.settled(other)
	release()
	require.Empty(t, l.contents()["web1"], "it is lost")
	require.Empty(t, l.names(serviceKind))
	require.Empty(t, l.root.Objects(t, "downtimes", ""))

	const lost = "host web1, service web1!a, service web1!theirs, downtime web1!"
	a = l.dryRun(other)
	assert.Contains(t, fmt.Sprint(a.Warnings), "a reload of the server has lost what it had confirmed while web1 was created anew; a run without check mode brings back: "+lost)
	user := l.server.AddUser(t, "status/query", "objects/query/*")
	a = l.DryRun(l.as(user, other))
	assert.Contains(t, fmt.Sprint(a.Warnings), "web1 was created anew, and since then the server was reloaded and does not know any more: "+lost)
	assert.Contains(t, fmt.Sprint(a.Warnings), "config/query")
	require.Empty(t, l.names(serviceKind))
	a = l.ok(other)
	assert.Contains(t, fmt.Sprint(a.Warnings), "brought back: "+lost)
	assert.True(t, a.Changed)
	assert.Contains(t, a.Raw, `"brought_back":["web1","web1!a","web1!theirs","`+downtimes[0]+`"]`)
	assert.Equal(t, before, l.contents())
	assert.Equal(t, downtimes, slices.Sorted(maps.Keys(l.root.Objects(t, "downtimes", ""))))

	// The next reload could be under way already.
	require.Len(t, l.notes(), 1)
	l.root.Delete(t, "services", "web1!theirs")
	l.server.Reload(t)
	l.settled(other)
	assert.Equal(t, []string{"web1!a"}, l.names(serviceKind), "somebody wanted it gone")
	assert.Empty(t, l.notes(), "the new process has all")

	// No reload takes that long.
	l.ok(recreate.With(options{"groups": []string{"database"}}))
	l.settled(other)
	require.Len(t, l.notes(), 1)
	require.NoError(t, l.Clock.Sleep(t.Context(), watched))
	l.settled(other)
	assert.Empty(t, l.notes())
}

// Where the new process answers before the run has ended, the run itself makes good what was lost.
func TestWhatAReloadTakesAwayIsMadeOnceMore(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]struct{ path, warning string }{
		"while the host is created anew": {"/v1/objects/downtimes", "the server was reloaded while web1 was created anew, and lost what it had confirmed; made once more: service web1!a, service web1!theirs"},
		"after that":                     {"/v1/objects/services/web1!z", "a reload of the server has lost what it had confirmed while web1 was created anew; brought back: service web1!a, service web1!theirs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, when, recreate := reloadedLab(t)
			before := l.contents()
			before["web1"]["groups"] = []any{"web"}
			var release func()
			when(http.MethodPut, "/v1/objects/services/web1!a", func() { release = l.server.HoldReload(t) })
			when(http.MethodPut, at.path, func() { release() })
			a := l.ok(recreate.With(options{"services": []options{element("a"), element("z")}}))
			assert.Contains(t, fmt.Sprint(a.Warnings), at.warning)
			after := l.contents()
			delete(after, "web1!z")
			assert.Equal(t, before, after)
			assert.Len(t, l.root.Objects(t, "downtimes", ""), 1)
		})
	}
}
