// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestVars_SurvivePathsOfOthers holds that the null which each reload leaves at a path that was set by somebody else is
// no difference.
func TestVars_SurvivePathsOfOthers(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	task := options{"name": "web1", "check_command": "dummy", "vars": options{"k": 1, "disks": options{"a": options{"w": 1}}}}
	l.ok(task)
	l.root.Update(t, "hosts", "web1", map[string]any{"vars.disks.a.x": 5})
	l.root.Update(t, "hosts", "web1", map[string]any{"vars.gone.y": 5})

	task = options{"name": "web1", "check_command": "dummy", "vars": options{"k": 2, "disks": options{"a": options{"w": 1}}, "gone": nil}}
	l.ok(task)
	l.settled(task)
	l.server.Reload(t)
	stored := l.attributes(hostKind, "web1")["vars"].(map[string]any)
	assert.Equal(t, map[string]any{"y": nil}, stored["gone"], "the server brings the path back")
	assert.Equal(t, map[string]any{"a": map[string]any{"w": 1.0, "x": nil}}, stored["disks"])
	l.settled(task)

	// A null deep inside a declared variable means the same.
	l.settled(options{"name": "web1", "vars": options{"disks": options{"a": options{"w": 1, "other": nil}}, "gone": options{"z": options{"deep": nil}}}})
}

// TestVars_KeepWhatTheServerCanSave holds that no update lets a path lead through something other than a dictionary:
// the server could then save no modification of any object, and would crash at the next reload.
func TestVars_KeepWhatTheServerCanSave(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	l.ok(options{"hosts": []options{{"name": "web1"}, {"name": "web2"}}, "check_command": "dummy", "vars": options{"disks": options{"a": options{"w": 1}}}})
	l.root.Update(t, "hosts", "web1", map[string]any{"vars.disks.a.x": 5})
	before := l.contents()
	for _, bad := range []any{"none", 7, []any{}, options{"a": true}, options{"a": []any{options{"x": 1}}}} {
		task := options{"name": "web1", "vars": options{"disks": bad}}
		l.recorder.ResetCalls()
		dry, a := l.dryRun(task), l.run(task)
		assert.Equal(t, dry.Msg, a.Msg, bad)
		assert.Contains(t, a.Msg, "must be a dictionary or null", bad)
		assert.Contains(t, a.Msg, "vars.disks.a.x was once set by its path", bad)
		assert.Contains(t, a.Msg, "recreate_for: [vars]", bad)
		assert.Zero(t, l.recorder.Writes(), bad)
	}
	assert.Equal(t, before, l.contents())

	// Values that keep the dictionaries or leave them out are written, and any value to hosts without such a path.
	l.ok(options{"name": "web2", "vars": options{"disks": "none"}})
	for _, good := range []any{options{"a": options{}}, options{"b": 1}, options{}, nil} {
		task := options{"name": "web1", "vars": options{"disks": good, "k": 1}}
		l.ok(task)
		l.server.Reload(t)
		l.settled(task)
	}
	assert.NotContains(t, l.server.Log(t), "Value must be a dictionary")

	// A recreated object has no such path.
	task := options{"name": "web1", "vars": options{"disks": "none"}, "recreate": "always", "recreate_for": []string{"vars"}}
	a := l.ok(task)
	assert.Equal(t, "replaced", a.Only(t).Action)
	l.server.Reload(t)
	l.settled(task)
	assert.Equal(t, "none", l.attributes(hostKind, "web1")["vars"].(map[string]any)["disks"])
}

// TestVars_RefuseInexactNumbers holds that no number is stored differently.
func TestVars_RefuseInexactNumbers(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	message := l.refusal(options{"name": "web1", "vars": options{
		"serial": int64(9007199254740993), "list": []any{1, options{"n": -9007199254740993}}, "tiny": 0.0000001, "fine": 9007199254740992,
	}, "services": []options{element("a", options{"vars": options{"id": int64(1234567890123456789)}})}})
	for _, path := range []string{"vars.serial", "vars.list[1].n", "vars.tiny"} {
		assert.Contains(t, message, "value of "+path+" must be a number that Icinga stores as it is, got: ")
	}
	assert.NotContains(t, message, "fine")
	assert.Equal(t, 4, strings.Count(message, "write it in quotes"))
	huge := l.refusal(options{"name": "web1", "vars": `{"n": 12345678901234567890}`})
	assert.Contains(t, huge, "value of vars.n must be a number that Icinga stores as it is, got: 12345678901234567890; write it in quotes")

	task := options{"name": "web1", "check_command": "dummy", "vars": options{"a": 9007199254740992, "b": 0.5, "c": "12345678901234567890", "d": 0}}
	l.ok(task)
	l.settled(task)
	l.server.Restart(t)
	l.settled(task)
}
