// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

func TestOneServiceIsCreatedUpdatedAndDeleted(t *testing.T) {
	t.Parallel()
	l := serviceLab(t)
	l.host("web1")
	task := options{"host": "web1", "name": "http", "check_command": "http", "check_interval": "1m", "vars": options{"http_uri": "/healthz"}}
	a := l.ok(task)
	assert.Equal(t, []string{"http created"}, a.Actions(), a.Raw)
	assert.Equal(t, "web1!http", *a.Only(t).ID)
	assert.EqualValues(t, 60, l.attributes(serviceKind, "web1!http")["check_interval"])
	l.settled(task)

	task["check_interval"] = 300
	a = l.ok(task)
	assert.Equal(t, map[string]resourcetest.Change{"check_interval": {Before: 60.0, After: 300.0}}, a.Only(t).Changes)
	l.settled(task)

	gone := options{"host": "web1", "name": "http", "state": "absent"}
	assert.Equal(t, []string{"http deleted"}, l.ok(gone).Actions())
	l.settled(gone)
}

// element gives the options of a plain service.
func element(name string, more ...options) options {
	o := options{"name": name, "check_command": "dummy"}
	for _, m := range more {
		o = o.With(m)
	}
	return o
}

func TestEveryNameTheServerTakesComesBack(t *testing.T) {
	t.Parallel()
	l := serviceLab(t)
	names := []string{
		"with space", "sl/ash", "per%cent", "100%", "%2F", `qu"o'te`, "ümläut €漢", `back\slash`, "c:d*?<>|", "dot.dot", ".", "..", "Null", "[prod]", "#;?+&",
		strings.Repeat("n", 245), strings.Repeat("ü", 122), strings.Repeat("/", 81),
	}
	l.host("web1", "a b/c%")
	var list []options
	for _, name := range names {
		list = append(list, element(name, options{"host": "web1", "vars": options{"name": name}}))
	}
	list = append(list, element("s", options{"host": "a b/c%"}))
	task := options{"services": list, "audit": true}
	a := l.ok(task)
	assert.Equal(t, len(list), a.Summary["created"], a.Raw)
	for _, name := range names {
		assert.Equal(t, map[string]any{"name": name}, l.attributes(serviceKind, "web1!"+name)["vars"])
	}
	l.server.Restart(t)
	a = l.ok(task)
	assert.False(t, a.Changed)
	assert.Contains(t, a.Raw, `"audit":[]`, "each has its file, whatever its name is there")
	for _, name := range names[:4] {
		l.ok(options{"host": "web1", "name": name, "state": "absent"})
		assert.Nil(t, l.root.Object(t, "services", "web1!"+name))
	}
	l.ok(options{"services": list, "state": "absent"})
	assert.Empty(t, l.names(serviceKind))
}

func TestVariablesComeBackUnchanged(t *testing.T) {
	t.Parallel()
	l := serviceLab(t)
	l.host("web1")
	vars := options{
		"if": "import", "object": options{"for": options{"this": 1}, "a b": 2, "c.d": 3, "": 4, "null": nil}, "with.dot": "x", "list": []any{1, []any{2, nil}, options{}},
		"empty": options{}, "none": []any{}, "text": "$address$ {{{x}}} \" \\ \n ü €", "big": 9007199254740992, "small": 0.1234567, "negative": -3.25, "yes": true,
		"0": "zero", "a-b": 1e20, "\"": 1,
	}
	for name, templates := range map[string][]string{"plain": nil, "templated": {"noted-service"}} {
		task := element(name, options{"host": "web1", "vars": vars, "templates": templates})
		l.ok(task)
		l.settled(task)
		held := l.attributes(serviceKind, "web1!"+name)["vars"].(map[string]any)
		assert.Equal(t, "x", held["with.dot"], name)
		assert.Equal(t, map[string]any{"for": map[string]any{"this": 1.0}, "a b": 2.0, "c.d": 3.0, "": 4.0}, held["object"], name)
		if templates != nil {
			assert.Equal(t, "https://wiki.example.com/", held["runbook"], "a template's variables stay")
		}
		// A change goes another way to the server than a creation.
		task = task.With(options{"vars": vars.With(options{"more": options{"x": []any{0.3}}, "with.dot": nil})})
		assert.Equal(t, []string{name + " updated"}, l.ok(task).Actions())
		l.settled(task)
		assert.NotContains(t, l.attributes(serviceKind, "web1!"+name)["vars"], "with.dot")
		l.server.Restart(t)
		l.settled(task)
	}
}

func TestUnnamedVariablesStay(t *testing.T) {
	t.Parallel()
	l := serviceLab(t)
	l.host("web1")
	l.root.Put(t, "services", "web1!a", map[string]any{"check_command": "dummy", "vars": map[string]any{"theirs": "x", "ours": 1}}, "noted-service")
	task := element("a", options{"host": "web1", "vars": options{"ours": 2, "runbook": nil}})
	a := l.ok(task)
	assert.Equal(t, map[string]any{"theirs": "x", "ours": 2.0}, l.attributes(serviceKind, "web1!a")["vars"])
	assert.Contains(t, a.Only(t).Changes, "vars")
	l.settled(task)
	// A new object does without the variable of its template as well.
	l.ok(element("b", options{"host": "web1", "templates": []string{"noted-service"}, "vars": options{"runbook": nil}}))
	assert.Empty(t, l.attributes(serviceKind, "web1!b")["vars"])
}

func TestWhatMeansTheSameIsNoDifference(t *testing.T) {
	t.Parallel()
	l := serviceLab(t)
	l.host("web1")
	l.root.Put(t, "services", "web1!a", map[string]any{
		"check_interval": 60, "check_timeout": "30", "groups": []string{"disk", "http"}, "vars": map[string]any{"n": 1},
	}, "noted-service", "generic-service")
	for name, same := range map[string]options{
		"a number":             {"check_interval": 60},
		"a number as text":     {"check_interval": "60"},
		"a unit":               {"check_interval": "1m"},
		"a part of a minute":   {"retry_interval": "30000ms"},
		"a text of the server": {"check_timeout": 30},
		"a default":            {"enable_active_checks": "yes", "volatile": 0, "notes_url": "", "check_period": "", "flapping_ignore_states": []string{}},
		"from a template":      {"max_check_attempts": 5, "notes": "from a template"},
		"its own name":         {"display_name": ""},
		"one of the templates": {"templates": []string{"generic-service"}},
		"all of them":          {"templates": []string{"noted-service", "generic-service"}},
		"one of the groups":    {"groups": []string{"http"}},
		"groups in any order":  {"groups": []string{"http", "disk"}},
		"the server's zone":    {"zone": l.server.Name},
		"a variable":           {"vars": options{"n": 1.0}},
		"no variable":          {"vars": options{"absent": nil}},
	} {
		a := l.ok(same.With(options{"host": "web1", "name": "a"}))
		assert.False(t, a.Changed, "%s: %s", name, a.Raw)
	}
}

func TestObjectsOfTheConfigurationAreLeftAlone(t *testing.T) {
	t.Parallel()
	l := serviceLab(t)
	l.root.Put(t, "hosts", "web1", map[string]any{"check_command": "dummy", "vars": map[string]any{"apply_service": true}})
	before := l.contents()
	for host, service := range map[string]string{"static-host": "static-service", "web1": "applied-service"} {
		own := options{"host": host, "name": service}
		assert.False(t, l.ok(own.With(options{"check_interval": "1m"})).Changed, "what is as it shall be needs no touch")
		for _, task := range []options{{"notes": "ours"}, {"stack": "shop"}, {"state": "absent"}, {"groups": []string{"http"}, "recreate": "always"}} {
			a := l.run(own.With(task))
			assert.True(t, a.Failed, "%v", task)
			assert.Contains(t, a.Msg, "was not created through the API but by the server's configuration files (package _etc)", "%v", task)
		}
	}
	// Nor does a purge touch them, whatever they say of themselves.
	l.ok(options{"stack": "shop", "host": "web1", "services": []options{element("own")}, "purge": true})
	l.ok(options{"stack": "shop", "state": "absent"})
	assert.Equal(t, before, l.contents())
}

func TestPurgeKeepsToTheStack(t *testing.T) {
	t.Parallel()
	l := serviceLab(t)
	l.host("web1", "web2")
	l.ok(options{"stack": "shop", "for_hosts": []string{"web1", "web2"}, "services": []options{element("a"), element("b")}})
	l.ok(options{"stack": "blog", "host": "web1", "services": []options{element("c")}})
	l.root.Put(t, "services", "web1!by hand", map[string]any{"check_command": "dummy"})

	task := options{"stack": "shop", "for_hosts": []string{"web1", "web2"}, "services": []options{element("a")}, "purge": true}
	assert.Equal(t, []string{"b deleted", "b deleted"}, l.dryRun(task).Actions()[2:])
	a := l.ok(task)
	assert.Equal(t, []string{"a unchanged", "a unchanged", "b deleted", "b deleted"}, a.Actions())
	assert.Equal(t, "not declared", a.Objects[2].Reason)
	assert.Equal(t, []string{"web1!a", "web1!by hand", "web1!c", "web2!a"}, l.names(serviceKind))
	l.settled(task)

	a = l.run(task.With(options{"services": []options{element("x", options{"host": "web1"})}, "purge_limit": 1}))
	assert.True(t, a.Failed)
	assert.Equal(t, []string{"web1!a (web1!a)", "web2!a (web2!a)"}, a.Refused)
	assert.Contains(t, l.run(options{"stack": "blog", "host": "web1", "name": "a", "state": "absent"}).Msg, "belongs to shop, not to blog")
	assert.Contains(t, l.run(options{"stack": "blog", "host": "web1", "services": []options{element("a")}}).Msg, "belongs to the stack shop, not to blog")

	l.ok(options{"stack": "shop", "state": "absent"})
	assert.Equal(t, []string{"web1!by hand", "web1!c"}, l.names(serviceKind))

	// Without a stack it is all that the suite manages.
	l.ok(options{"host": "web2", "services": []options{element("d")}, "purge": true})
	assert.Equal(t, []string{"web1!by hand", "web2!d"}, l.names(serviceKind))
	l.ok(options{"host": "web2", "services": []options{element("e")}, "purge": true})
	assert.Equal(t, []string{"web1!by hand", "web2!e"}, l.names(serviceKind))
}

func TestHandMadeServicesAreTakenOver(t *testing.T) {
	t.Parallel()
	l := serviceLab(t)
	l.host("web1")
	l.root.Put(t, "services", "web1!a", map[string]any{"check_command": "dummy", "notes": "kept"})
	task := options{"stack": "shop", "host": "web1", "name": "a", "max_check_attempts": 9}
	assert.Equal(t, []string{"a updated"}, l.ok(task).Actions())
	held := l.attributes(serviceKind, "web1!a")
	assert.Equal(t, map[string]any{"managed_by": "stackwatch", "stack": "shop"}, held["vars"])
	assert.Equal(t, "kept", held["notes"])
	l.settled(task)
}

func TestHostsGetServicesByPattern(t *testing.T) {
	t.Parallel()
	l := serviceLab(t)
	l.host("web1", "web2", "WEB3", "db1", "we?b")
	task := options{"stack": "shop", "for_hosts": []string{"web*", "db1"}, "services": []options{
		element("a"), element("b"), element("only", options{"host": "db1"}),
	}}
	a := l.ok(task)
	assert.Equal(t, []string{"db1!a", "db1!b", "db1!only", "web1!a", "web1!b", "web2!a", "web2!b"}, l.names(serviceKind), a.Raw)
	l.settled(task)

	assert.Contains(t, l.run(options{"for_hosts": []string{"mail*"}, "services": []options{element("a")}}).Msg, "no host matches mail*")
	twice := l.run(options{"for_hosts": []string{"web*", "web1"}, "services": []options{element("a")}})
	assert.Contains(t, twice.Msg, "web1!a: declared twice, by services[0] and by services[0] for web*")

	l.ok(options{"for_hosts": []string{"*"}, "name": "a", "state": "absent"})
	l.ok(options{"for_hosts": []string{"mail*"}, "name": "a", "state": "absent"})
	assert.Equal(t, []string{"db1!b", "db1!only", "web1!b", "web2!b"}, l.names(serviceKind))
}

func TestHostsGetServicesByProfile(t *testing.T) {
	t.Parallel()
	l := serviceLab(t)
	l.host("web1", "web2", "db1")
	task := options{
		"stack": "shop", "check_interval": "5m", "purge": true,
		"profiles": []options{
			{"name": "base", "services": []options{element("load"), element("ssh", options{"check_interval": 60})}},
			{"name": "database", "services": []options{element("postgres")}},
		},
		"hosts": []options{{"name": "web?", "profiles": []string{"base"}}, {"name": "db1", "profiles": []string{"base", "database"}}},
	}
	l.ok(task)
	assert.Equal(t, []string{"db1!load", "db1!postgres", "db1!ssh", "web1!load", "web1!ssh", "web2!load", "web2!ssh"}, l.names(serviceKind))
	assert.EqualValues(t, 300, l.attributes(serviceKind, "web1!load")["check_interval"], "the task's own options are defaults")
	assert.EqualValues(t, 60, l.attributes(serviceKind, "web1!ssh")["check_interval"])
	l.settled(task)

	task["hosts"] = []options{{"name": "web?", "profiles": []string{"base"}}, {"name": "db1", "profiles": []string{"database"}}}
	l.ok(task)
	assert.Equal(t, []string{"db1!postgres", "web1!load", "web1!ssh", "web2!load", "web2!ssh"}, l.names(serviceKind))

	task["hosts"] = []options{{"name": "web?", "profiles": []string{"base"}}, {"name": "web1", "profiles": []string{"base"}}}
	assert.Contains(t, l.run(task).Msg, "web1!load: declared twice, by hosts[1] with profile base and by hosts[0] with profile base for web?")
}

func TestOneQueryTellsThatNothingIsToDo(t *testing.T) {
	t.Parallel()
	l := serviceLab(t)
	l.host("web1", "web2")
	task := options{"stack": "shop", "for_hosts": []string{"web1", "web2"}, "purge": true, "services": []options{
		element("a"), element("b"), element("c"), element("d"), element("e"), element("f"),
	}}
	l.ok(task)
	l.recorder.ResetCalls()
	l.ok(task)
	assert.Len(t, l.recorder.Calls(), 1)

	// What differs is one call each, and a look at what came of it.
	l.recorder.ResetCalls()
	task["services"].([]options)[0]["notes"] = "changed"
	assert.Equal(t, 2, l.ok(task).Summary["updated"])
	assert.Len(t, l.WriteCalls(), 2)
}
