// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stackwatch/ansible-monitoring/modules/icinga2/icingatest"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// sharedLab is a lab over the server that all tests share, for tests that change nothing on it.
func sharedLab(t testing.TB, module func(world) ansible.Module, plural string) *lab {
	t.Helper()
	return labOn(t, icingatest.Shared(t), module, plural)
}

func TestBadServicesAreRefusedBeforeAnyCall(t *testing.T) {
	t.Parallel()
	l := sharedLab(t, world.serviceModule, "services")
	long := strings.Repeat("x", 246)
	for _, c := range []struct {
		task options
		says string
	}{
		{options{"name": "a"}, "one of the following is required: host, for_hosts"},
		{options{"host": "h"}, "one of the following is required: name, services, hosts, stack"},
		{options{"host": "", "name": "a"}, `value of host must be a name without spaces around it, got: ""`},
		{options{"host": "h", "name": " a"}, `value of name must be a name without spaces around it, got: " a"`},
		{options{"host": "h", "name": "None"}, "value of name must be a text or left out, got: None, which is what a template makes of nothing"},
		{options{"host": []string{"web1"}, "name": "a"}, "value of host must be a text, got a list"},
		{options{"host": "h", "name": options{"x": 1}}, "value of name must be a text, got a dict"},
		{options{"host": "h", "name": "{{ x }}"}, "value of name must be rendered, got a template: {{ x }}"},
		{options{"host": "h!x", "name": "a"}, "value of host must be a name without an exclamation mark, which stands between host and service, got: h!x"},
		{options{"host": "h", "name": "a!b"}, "value of name must be a name without an exclamation mark"},
		{options{"host": "h", "name": "a\nb"}, `value of name must be a name without line breaks and control characters, got: "a\nb"`},
		{options{"host": "web1", "name": long}, "value of name must be so short that the full name has at most 250 bytes, got 251: web1!" + long},
		{options{"host": "web1", "name": strings.Repeat("/", 82)}, "at most 250 bytes, got 251"},
		{options{"host": "h", "name": "a", "check_interval": "1x"}, "value of check_interval must be a duration such as 90s, 30m, 2h, 7d or 1d12h, or a number of seconds, got: 1x"},
		{options{"host": "h", "name": "a", "check_interval": 0}, "value of check_interval must be a duration of more than 0 seconds, got: 0"},
		{options{"host": "h", "name": "a", "retry_interval": ""}, "value of retry_interval must be a duration such as"},
		{options{"host": "h", "name": "a", "retry_interval": "-5"}, "value of retry_interval must be a duration such as"},
		{options{"host": "h", "name": "a", "check_timeout": "soon"}, "value of check_timeout must be a duration such as"},
		{options{"host": "h", "name": "a", "max_check_attempts": 0}, "value of max_check_attempts must be at least 1 and at most 2147483647, got: 0"},
		{options{"host": "h", "name": "a", "max_check_attempts": 1 << 31}, "value of max_check_attempts must be at least 1 and at most 2147483647, got: 2147483648"},
		{options{"host": "h", "name": "a", "flapping_threshold_low": 101}, "value of flapping_threshold_low must be a share from 0 to 100 percent, got: 101"},
		{
			options{"host": "h", "name": "a", "flapping_threshold_low": 50, "flapping_threshold_high": 40},
			"value of flapping_threshold_low must not be more than flapping_threshold_high, got: 50 and 40",
		},
		{options{"host": "h", "name": "a", "flapping_ignore_states": []string{"Up"}}, "value of flapping_ignore_states must be of OK, Warning, Critical, Unknown, got: Up"},
		{options{"host": "h", "name": "a", "check_command": ""}, "value of check_command must not be empty; leave it out where a template or the server decides"},
		{options{"host": "h", "name": "a", "templates": []string{"{{ x }}"}}, "value of templates must be rendered, got a template: {{ x }}"},
		{options{"host": "h", "name": "a", "vars": options{"stack": "x"}}, "value of vars must not hold the suite's own marks, got: stack; write the option stack instead"},
		{options{"host": "h", "name": "a", "vars": options{"managed_by": "me"}}, "value of vars must not hold the suite's own marks, got: managed_by"},
		{options{"host": "h", "name": "a", "vars": options{"": 1}}, "value of vars must have a name for each variable, got an empty one"},
		{options{"host": "h", "name": "a", "groups": []any{"x", nil}}, "value of groups[1] must not be null"},
		{options{"host": "h", "name": "a", "stack": "a/b"}, "value of stack must be a name of 1 to 50 characters"},
		{options{"host": "h", "stack": nil, "name": "a"}, "value of stack must be the name of a stack, got null"},
		{options{"stack": "shop", "state": "absent", "notes": "x"}, "which goes with no option of a single object, got: notes"},
		{options{"for_hosts": []string{"h", "h"}, "name": "a"}, "value of for_hosts must name each host once, got twice: h"},
		{options{"for_hosts": nil, "name": "a"}, "value of for_hosts must be a list, got null"},
		{options{"for_hosts": "[]", "name": "a"}, "value of for_hosts must be a list, got a text that looks like one: []"},
		{options{"for_hosts": "['web1', 'web2']", "name": "a"}, "value of for_hosts must be a list, got a text that looks like one: ['web1', 'web2']"},
		{options{"for_hosts": []string{"{{ host }}"}, "name": "a"}, "value of for_hosts must be rendered, got a template: {{ host }}"},
		{options{"host": "h", "name": "a", "groups": "[web, db]"}, "value of groups must be a list, got a text that looks like one: [web,db]"},
		{options{"for_hosts": []string{"x!y"}, "name": "a"}, "value of for_hosts must be a name without an exclamation mark"},
		{
			options{"host": "h", "services": []options{{"name": "a"}, {"name": "b"}, {"name": "a"}}},
			"h!a: declared twice, by services[0] and by services[2]",
		},
		{options{"services": []options{{"name": "a", "host": "h"}, {"name": "b"}}}, "services[1] (b): one of the following is required: host, for_hosts"},
		{options{"services": []options{}, "purge": true, "stack": "shop"}, "purge: true with no present element in services would remove everything in its scope"},
		{options{"host": "h", "services": []options{{"name": "a", "state": "absent"}}, "purge": true}, "purge: true with no present element in services"},
		{options{"profiles": []options{{"name": "p", "services": []options{{"name": "a"}}}}}, "parameters are required together: profiles, hosts"},
		{
			options{"profiles": []options{{"name": "p", "services": []options{{"name": "a"}}}}, "hosts": []options{{"name": "h", "profiles": []string{"q"}}}},
			"hosts[0] (h): value of profiles must be names of profiles, got: q; there are: p",
		},
		{
			options{"profiles": []options{{"name": "p", "services": []options{{"name": "a", "host": "h"}}}}, "hosts": []options{{"name": "h", "profiles": []string{"p"}}}},
			"profiles[0].services[0] (a): host is no option of a service of a profile; hosts says which hosts get it",
		},
		{
			options{"profiles": []options{{"name": "p", "services": []options{{"name": "a", "max_check_attempts": -1}}}}, "hosts": []options{{"name": "h", "profiles": []string{"p"}}}},
			"profiles[0].services[0] (a): value of max_check_attempts must be at least 1",
		},
		{options{"host": "h", "name": "a", "api_url": "ftp://x"}, `got the scheme "ftp"`},
		{options{"host": "h", "name": "a", "client_key": "/x"}, "client_key needs client_cert"},
	} {
		assert.Contains(t, l.refusal(c.task), c.says, "%v", c.task)
	}
	missing := options{"host": "h", "name": "a", "ca_path": l.server.CA}
	l.Setup.TokenVariable = "NOTHING"
	assert.Contains(t, l.Refusal(missing), "one of the following is required to log in: username with password (environment ICINGA2_API_USERNAME, ICINGA2_API_PASSWORD), client_cert")
	assert.Contains(t, l.Refusal(missing.With(options{"username": "x"})), "username requires password (environment ICINGA2_API_PASSWORD), which is missing or empty")
	assert.Contains(t, l.Refusal(missing.With(options{"password": "x", "client_cert": "/x"})), "password requires username (environment ICINGA2_API_USERNAME), which is missing or empty")
}

// TestBadInput_IsToldAllAtOnce holds that one message names every wrong option of a task, and of all elements of its lists.
func TestBadInput_IsToldAllAtOnce(t *testing.T) {
	t.Parallel()
	attributes := options{
		"check_interval": "1x", "retry_interval": 0, "check_timeout": "soon", "max_check_attempts": 0, "flapping_threshold_low": 101,
		"flapping_threshold_high": -1, "flapping_ignore_states": []string{"Gone"}, "check_command": "", "zone": "None",
		"notes_url": "undefined", "groups": []string{"null", "{{ y }}"}, "templates": "[a, b]", "vars": options{"stack": "x", "": 1},
	}
	wrongAttributes := []string{
		"value of check_interval must", "value of retry_interval must", "value of check_timeout must", "value of max_check_attempts must",
		"value of flapping_threshold_low must be a share", "value of flapping_threshold_high must", "value of flapping_ignore_states must",
		"value of check_command must", "value of zone must", "value of notes_url must", "got: null", "got a template: {{ y }}",
		"value of templates must", "value of vars must not hold", "value of vars must have a name",
	}
	shared := options{"recreate_for": []string{"vars"}, "stack": "a/b", "client_key": "/x"}
	wrongShared := []string{"recreate_for requires recreate: always", "value of stack must", "client_key needs client_cert"}
	check := func(l *lab, task options, wrong ...[]string) {
		t.Helper()
		msg := l.refusal(task)
		assert.NotContains(t, msg, "\n")
		for _, part := range slices.Concat(wrong...) {
			assert.Contains(t, msg, part)
		}
	}

	l := sharedLab(t, world.hostModule, "objects")
	host := attributes.With(options{"name": "a!b", "address": "None", "address6": "{{ v6 }}", "services": []options{
		{"name": "right"}, {"name": "", "max_check_attempts": -1},
	}})
	wrongHost := []string{"value of name must", "value of address must", "value of address6 must"}
	check(l, host.With(shared).With(options{"use_gssapi": true}), wrongAttributes, wrongHost, wrongShared,
		[]string{"services[1]: value of name must", "services[1]: value of max_check_attempts must", "value of use_gssapi must"})
	check(l, shared.With(options{"hosts": []options{{"name": "right"}, host, {"name": "w", "check_interval": "y"}}}), wrongAttributes, wrongHost, wrongShared,
		[]string{"hosts[1] (a!b): value of name", "hosts[1] (a!b) -> services[1]: value of name", "hosts[2] (w): value of check_interval"})
	check(l, options{"hosts": []options{{"name": "a"}, {"name": "a"}, {"name": "b"}, {"name": "b"}}}, []string{"a: declared twice", "b: declared twice"})

	l = sharedLab(t, world.serviceModule, "services")
	service := attributes.With(options{"name": "a!b", "host": "{{ h }}"})
	wrongService := []string{"value of name must", "value of host must"}
	check(l, service.With(shared), wrongAttributes, wrongService, wrongShared)
	check(l, shared.With(options{
		"services":  []options{{"name": "right"}, service, {"name": "w", "check_interval": "y"}},
		"for_hosts": []string{"x!y", "None", "h", "h"},
		"profiles":  []options{{"name": "p", "services": []options{{"name": "a", "host": "h", "max_check_attempts": -1}}}},
		"hosts":     []options{{"name": "h", "profiles": []string{"q"}}, {"name": "z!", "profiles": []string{"p"}}},
	}), wrongAttributes, wrongService, wrongShared, []string{
		"services[1] (a!b): value of host", "services[2] (w): value of check_interval", "got: x!y", "value of for_hosts must be a text or left out, got: None",
		"got twice: h", "profiles[0].services[0] (a): host is no option", "profiles[0].services[0] (a): value of max_check_attempts",
		"hosts[0] (h): value of profiles must", "hosts[1] (z!): value of name must",
	})

	l = sharedLab(t, world.downtimeModule, "downtimes")
	downtime := options{
		"comment": " ", "author": "None", "hosts": []string{"x!y", "{{ h }}"}, "services": []string{}, "all_services": true, "start": "soon", "duration": "1x",
		"flexible_duration": "1h",
	}
	wrongDowntime := []string{
		"value of comment must", "value of author must", "got: x!y", "got a template: {{ h }}", "value of services must hold", "all_services: true is for hosts",
		"value of start must", "value of duration must", "flexible_duration goes with fixed: false alone",
	}
	check(l, downtime.With(options{"use_gssapi": true, "client_key": "/x", "trigger_name": "t"}), wrongDowntime,
		[]string{"value of use_gssapi must", "client_key needs client_cert", "trigger_name has no counterpart"})
	check(l, options{"downtimes": []options{
		{"comment": "right", "hosts": []string{"h"}}, downtime, {"id": "x", "stack": "shop"}, {"comment": "w", "fixed": nil, "hosts": []string{"h"}},
	}}, wrongDowntime, []string{
		"downtimes[1]: value of start", "downtimes[2] (x): value of id must", "downtimes[2] (x): id goes only with", "downtimes[2] (x): id names one",
		"value of downtimes[3].fixed must not be null",
	})
}

// What a template leaves of nothing is no value of any option, and what only resembles it is.
func TestLeftoversOfTemplatesAreRefused(t *testing.T) {
	t.Parallel()
	l := sharedLab(t, world.hostModule, "objects")
	texts := []string{
		"name", "address", "address6", "display_name", "check_command", "check_period", "event_command", "command_endpoint", "zone", "templates", "groups",
	}
	prose := []string{"notes", "notes_url", "action_url", "icon_image", "icon_image_alt"}
	host := options{"name": "web1", "check_command": "dummy"}
	for _, option := range slices.Concat(texts, prose) {
		for _, nothing := range []string{"None", "null", " undefined "} {
			assert.Contains(t, l.refusal(host.With(options{option: nothing})), "value of "+option+" must be a text or left out, got: "+strings.TrimSpace(nothing))
		}
	}
	for _, option := range texts {
		assert.Contains(t, l.refusal(host.With(options{option: "x {{ y }}"})), "value of "+option+" must be rendered, got a template: x {{ y }}")
		assert.Contains(t, l.refusal(host.With(options{option: "[]"})), "value of "+option+" must be ")
		assert.Contains(t, l.refusal(host.With(options{option: `{"a": 1}`})), "value of "+option+" must be one text, got a list or dictionary")
	}
	for _, option := range prose {
		for _, fine := range []string{"x {{ y }}", "[]", `{"a": 1}`} {
			a := l.dryRun(host.With(options{option: fine}))
			assert.False(t, a.Failed, "%s %s: %s", option, fine, a.Msg)
		}
	}
	for _, fine := range []options{
		{"notes": "None of these"}, {"notes": "a lone }}"}, {"notes": `{"json": 1}`}, {"notes": "[]"}, {"display_name": "null device"}, {"name": "[prod]"},
		{"name": "none"}, {"address": "$name$"}, {"address6": "2001:db8::1"}, {"notes_url": ""}, {"address": ""},
	} {
		a := l.dryRun(host.With(fine))
		assert.False(t, a.Failed, "%v: %s", fine, a.Msg)
	}
	assert.NoError(t, checkNames("hosts", []string{"[a]", "b", "[c]"}))
}

func TestProse_KeepsTemplatesOfOtherSystems(t *testing.T) {
	t.Parallel()
	l := sharedLab(t, world.hostModule, "objects")
	task := options{"name": "braces", "check_command": "dummy"}
	for _, option := range []string{"notes", "notes_url", "action_url", "icon_image", "icon_image_alt"} {
		task[option] = "https://grafana.example.com/d/" + option + "?var-host={{host}}"
	}
	l.ok(task)
	for _, option := range []string{"notes", "notes_url", "action_url", "icon_image", "icon_image_alt"} {
		assert.Equal(t, task[option], l.attributes(hostKind, "braces")[option])
	}
	l.settled(task)
	l.ok(options{"name": "braces", "state": "absent"})
}

func TestBadHostsAreRefusedBeforeAnyCall(t *testing.T) {
	t.Parallel()
	l := sharedLab(t, world.hostModule, "objects")
	for _, c := range []struct {
		task options
		says string
	}{
		{options{"name": ".."}, "value of name must be a name that can stand in a URL, got: .."},
		{options{"name": "a!b"}, "value of name must be a name without an exclamation mark"},
		{options{"name": nil, "state": "absent", "stack": "shop"}, `value of name must be a name`},
		{options{"name": "h", "address": "{{ ip }}"}, "value of address must be rendered, got a template: {{ ip }}"},
		{options{"name": "h", "flapping_ignore_states": []string{"Critical"}}, "value of flapping_ignore_states must be of Up, Down, got: Critical"},
		{options{"name": "h", "services": []options{{"name": "a", "check_interval": "x"}}}, "services[0] (a): value of check_interval must be a duration such as"},
		{options{"hosts": []options{{"name": "a"}, {"name": "a"}}}, "a: declared twice, by hosts[0] and by hosts[1]"},
		{
			options{"hosts": []options{{"name": "h", "services": []options{{"name": "a"}, {"name": "a"}}}}},
			"h!a: declared twice, by hosts[0].services[0] and by hosts[0].services[1]",
		},
		{options{"stack": "shop", "state": "absent", "address": "192.0.2.1"}, "which goes with no option of a single object, got: address"},
		{options{"hosts": []options{}, "purge": true}, "purge: true with no present element in hosts"},
	} {
		assert.Contains(t, l.refusal(c.task), c.says, "%v", c.task)
	}
}

// What cannot be created is known before it is sent; a creation that is refused would cost a host its name.
func TestAnObjectNeedsACommand(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	a := l.run(options{"name": "web1", "services": []options{{"name": "a"}}})
	assert.Contains(t, a.Msg, "web1!a does not exist yet, and to create it there are missing required arguments: check_command, or templates that set it")
	l.ok(options{"name": "web2"})
	assert.Equal(t, "hostalive", l.attributes(hostKind, "web2")["check_command"], "the default for a host without a command and templates")
	l.ok(options{"name": "web1", "state": "absent"})
	assert.Equal(t, 1, l.ok(options{"name": "web1", "templates": []string{"generic-host"}}).Summary["created"])
}

// partly is the configuration of a user for whom commands cannot be looked up, because it may see some of them.
const partly = `object ApiUser "partly" {
  password = "partly-password"
  permissions = [ "status/query", "objects/query/Host", "objects/query/Service", "objects/modify/*",
    { permission = "objects/query/CheckCommand", filter = {{ false }} } ]
}`

// TestAPartlyRefusedUpdateSaysHowFarItCame: the server answers 200, and sets attributes up to the one that it refuses.
func TestAPartlyRefusedUpdateSaysHowFarItCame(t *testing.T) {
	t.Parallel()
	l := hostLab(t, icingatest.Config("partly.conf", partly))
	l.host("web1")
	run := func(o options) answer {
		return l.Run(l.as(icingatest.Ansible, o).With(options{"username": "partly", "password": "partly-password"}))
	}
	a := run(options{"name": "web1", "action_url": "https://example.com", "check_command": "none", "notes": "never set"})
	assert.Contains(t, a.Msg, "Object 'none' of type 'CheckCommand' does not exist.; changed before that: action_url")
	assert.True(t, a.Changed)
	assert.Equal(t, "https://example.com", l.attributes(hostKind, "web1")["action_url"])
	assert.Empty(t, l.attributes(hostKind, "web1")["notes"])
	a = run(options{"name": "web1", "check_command": "none", "notes": "never set"})
	assert.Contains(t, a.Msg, "; nothing was changed")
	assert.False(t, a.Changed)
}

// TestARestartWhileWritingIsTold answers as a server does that runs since another time.
func TestARestartWhileWritingIsTold(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	l.recorder.Inject(emulator.Rule{
		Index: emulator.AnyCall, Method: http.MethodGet, Path: "/v1/status/IcingaApplication", Skip: 1, Times: 1,
		Fault: emulator.Fault{
			Kind: emulator.Status, Status: http.StatusOK,
			Body: `{"results":[{"status":{"icingaapplication":{"app":{"program_start":1.5}}}}]}`,
		},
	})
	a := l.ok(options{"name": "web1", "check_command": "dummy"})
	assert.Equal(t, "created", a.Only(t).Action)
	assert.Contains(t, a.Warnings[0], "the server was reloaded or restarted while it was written to")
}

// TestWhatVanishesAfterItsCreationIsTold: a server that reloads confirms what it then forgets.
func TestWhatVanishesAfterItsCreationIsTold(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	l.recorder.Inject(emulator.On(http.MethodPut, "", 1, emulator.Fault{
		Kind: emulator.Status, Status: http.StatusOK, Body: `{"results":[{"code":200,"status":"Object was created"}]}`,
	}))
	task := options{"name": "web1", "check_command": "dummy"}
	assert.Contains(t, l.run(task).Msg, "web1: the server confirmed it, but it is not there")
	assert.Equal(t, "created", l.ok(task).Only(t).Action)
}

func secrets() resourcetest.Secrets {
	return resourcetest.Secrets{
		"community": `hunter2 & "more"`, "nested": "hunter3/tok+en", "in a list": "hunter4 secret", "password": "filled in by the test",
	}
}

func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	all := secrets()
	all["password"] = l.server.Password(icingatest.Ansible)
	vars := options{
		"snmp_community": all["community"], "http_auth": options{"user": all["nested"]}, "api_tokens": []any{all["in a list"]}, "short_password": "abc",
	}
	task := l.as(icingatest.Ansible, options{
		"name": "web1", "check_command": "dummy", "stack": "shop", "vars": vars, "services": []options{element("a", options{"vars": vars})},
	})
	l.ExpectNoLeak(all, l.DryRun(task), "check mode")
	a := l.OK(task)
	l.ExpectNoLeak(all, a, "creation")
	assert.Equal(t, "********", a.Diff[0].After["vars"].(map[string]any)["short_password"], "where the variables are shown all is hidden")
	assert.Equal(t, all["community"], l.attributes(hostKind, "web1")["vars"].(map[string]any)["snmp_community"], "the server has what the answer has not")
	l.ExpectNoLeak(all, l.OK(task), "second run")
	// What the server holds and the task does not name is as secret: the old values of an update.
	update := l.ok(options{"name": "web1", "vars": options{"snmp_community": "new community", "api_tokens": nil}})
	assert.Contains(t, update.Only(t).Changes, "vars")
	l.ExpectNoLeak(all, update, "update")
	l.ExpectNoLeak(all, l.ok(options{"stack": "shop", "state": "absent"}), "deletion")

	// A server that repeats what it was sent.
	message, err := json.Marshal(map[string]any{"results": []any{map[string]any{"code": 500, "errors": []string{strings.Join(slices.Collect(maps.Values(all)), " | ")}}}})
	assert.NoError(t, err)
	l.recorder.Inject(emulator.On(http.MethodPut, "", emulator.Always, emulator.Fault{Kind: emulator.Status, Status: 500, Body: string(message)}))
	a = l.Run(task)
	assert.True(t, a.Failed)
	l.ExpectNoLeak(all, a, "echo")
}

// What an earlier task has set is as secret as what the task names, also where it stands below names that tell nothing.
func TestCredentialsThatTheServerHoldsStayHidden(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	all := resourcetest.Secrets{"community": "hunter2 public", "pair": "monitor:hunter3", "nested": "hunter4-in-depth"}
	first := options{
		"name": "web1", "check_command": "dummy", "stack": "shop", "notes": "asks as " + all["community"], "action_url": "https://" + all["pair"] + "@example.com",
		"vars": options{
			"snmp_community": all["community"], "http_auth_pair": all["pair"], "mysql": options{"password": []any{all["nested"]}},
			"command_line": "check -c '" + all["community"] + "'", "header": options{"text": []any{"Bearer " + all["nested"]}},
		},
	}
	l.ok(first)
	l.services().ok(element("a", first, options{"name": "a", "host": "web1"}))
	next := options{"stack": "shop", "notes": "none", "action_url": "", "vars": options{"command_line": nil, "header": "none", "ours": 1}}
	for name, run := range map[string]func() answer{
		"check mode":        func() answer { return l.dryRun(next.With(options{"name": "web1"})) },
		"a service":         func() answer { return l.services().ok(next.With(options{"name": "a", "host": "web1"})) },
		"without variables": func() answer { return l.dryRun(options{"name": "web1", "notes": "none", "action_url": ""}) },
		"a stack that goes": func() answer { return l.dryRun(options{"stack": "shop", "state": "absent"}) },
	} {
		l.ExpectNoLeak(all, run(), name)
	}
	a := l.ok(next.With(options{"name": "web1"}))
	l.ExpectNoLeak(all, a, "update")
	assert.Equal(t, "asks as ********", a.Only(t).Changes["notes"].Before)
	assert.Equal(t, "https://********@example.com", a.Only(t).Changes["action_url"].Before)
}

func TestErrors_NameCredentialsAndURL(t *testing.T) {
	t.Parallel()
	server := icingatest.Start(t)
	for _, c := range []struct {
		module func(world) ansible.Module
		plural string
		tasks  []options
	}{
		{world.hostModule, "objects", []options{{"name": "a", "check_command": "dummy"}, {"stack": "shop", "state": "absent"}}},
		{world.serviceModule, "services", []options{{"for_hosts": []string{"a"}, "services": []options{{"name": "b", "check_command": "dummy"}}}}},
		{world.downtimeModule, "downtimes", []options{{"comment": "a", "hosts": []string{"a"}}, {"id": "a!b", "state": "absent"}}},
	} {
		l := labOn(t, server, c.module, c.plural)
		for _, task := range c.tasks {
			l.ExpectHints(l.as(icingatest.Ansible, task), "the login of username and password (environment ICINGA2_API_USERNAME, ICINGA2_API_PASSWORD)")
		}
	}
}
