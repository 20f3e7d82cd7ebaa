// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestVars_SurvivePathsOfOthers holds that what is left of a path that somebody has set, which each reload brings back as null, is no difference.
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

	// Who writes a null deep inside means the same.
	l.settled(options{"name": "web1", "vars": options{"disks": options{"a": options{"w": 1, "other": nil}}, "gone": options{"z": options{"deep": nil}}}})
}

// TestVars_KeepWhatTheServerCanSave holds that no update lets a path lead through something else than a dictionary: the server would save no
// modification of any object any more, and crash at the next reload.
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
		assert.Contains(t, a.Msg, "must stay a dictionary or be taken away by null", bad)
		assert.Contains(t, a.Msg, "somebody has set vars.disks.a.x by its path", bad)
		assert.Contains(t, a.Msg, "recreate_for: [vars]", bad)
		assert.Zero(t, l.recorder.Writes(), bad)
	}
	assert.Equal(t, before, l.contents())

	// What keeps the dictionaries, or leaves them out, is written, also to others without such a past.
	l.ok(options{"name": "web2", "vars": options{"disks": "none"}})
	for _, good := range []any{options{"a": options{}}, options{"b": 1}, options{}, nil} {
		task := options{"name": "web1", "vars": options{"disks": good, "k": 1}}
		l.ok(task)
		l.server.Reload(t)
		l.settled(task)
	}
	assert.NotContains(t, l.server.Log(t), "Value must be a dictionary")

	// Created anew it has no past.
	task := options{"name": "web1", "vars": options{"disks": "none"}, "recreate": "always", "recreate_for": []string{"vars"}}
	a := l.ok(task)
	assert.Equal(t, "replaced", a.Only(t).Action)
	l.server.Reload(t)
	l.settled(task)
	assert.Equal(t, "none", l.attributes(hostKind, "web1")["vars"].(map[string]any)["disks"])
}

// TestVars_RefuseInexactNumbers holds that no number is stored as another one.
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
