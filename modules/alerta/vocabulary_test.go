// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules/alerta/alertatest"
)

// TestSelection_RefusesUnknownWords runs selections that can match nothing, because the server does not know the word.
func TestSelection_RefusesUnknownWords(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, l *lab) {
		l.server.Insert(t, alert("s1", "web", "down"))
		for _, o := range []task{
			{"status": []string{"ACK", "open"}, "severity": []string{"Major", "major"}, "action": "delete"},
			{"environment": "Production", "status": "ACK", "severity": "Major", "action": "close"},
		} {
			for _, refused := range []told{l.foretold(o), l.run(o)} {
				assert.True(t, refused.Failed)
				assert.Contains(t, refused.Msg, "value of status must be one of: ack, assign, blackout, closed, expired, open, shelved, unknown, got: ACK")
				assert.Contains(t, refused.Msg, "value of severity must be one of: cleared, critical, debug,")
				assert.Contains(t, refused.Msg, ", got: Major")
				assert.NotContains(t, refused.Msg, "got: major")
				assert.NotContains(t, refused.Msg, "got: open")
			}
		}
		words := "(?:[a-z]+, )+[a-z]+"
		assert.Regexp(t, "^nothing was changed: value of status must be one of: "+words+", got: Open, acknowledged; value of severity must be one of: "+words+", got: Major, majr$",
			l.run(task{"status": []string{"Open", "acknowledged"}, "severity": []string{"Major", "majr"}, "action": "delete"}).Msg)
		assert.Equal(t, []string{"web/down"}, l.left())
		done := l.ok(task{"status": []string{"open"}, "severity": "critical", "action": "delete"})
		assert.Equal(t, []string{"web/down"}, done.cleared("deleted"))
	})
}

// TestSelection_KnowsTheServersOwnSeverities holds that the words are the server's, not a list of the module.
func TestSelection_KnowsTheServersOwnSeverities(t *testing.T) {
	t.Parallel()
	l := newLab(t, alertatest.Newest, alertatest.Setting(
		"SEVERITY_MAP = {'fatal': 0, 'fine': 5, 'indeterminate': 6}; DEFAULT_NORMAL_SEVERITY = 'fine'; DEFAULT_PREVIOUS_SEVERITY = 'indeterminate'"))
	l.server.Insert(t, alert("s1", "web", "down", func(a *alertatest.Alert) { a.Severity = "fatal" }))
	assert.Contains(t, l.run(task{"severity": "critical", "action": "delete"}).Msg, "value of severity must be one of: fatal, fine, indeterminate, got: critical")
	assert.Equal(t, []string{"web/down"}, l.ok(task{"severity": "fatal", "action": "delete"}).cleared("deleted"))
}

func TestSelection_WarnsOfAnEnvironmentThatOccursNowhere(t *testing.T) {
	t.Parallel()
	const warning = "no alert has the environment production; the server allows: Production, Development"
	onBoth(t, func(t *testing.T, l *lab) {
		l.server.Insert(t, alert("s1", "web", "down"), alert("s1", "web", "slow", func(a *alertatest.Alert) { a.Environment = "Odd" }))
		for name, o := range map[string]task{
			"alerts":      {"action": "delete"},
			"a blackout":  {"blackout": "present"},
			"heartbeats":  {"heartbeats": true, "stack": "s1"},
			"several":     {"action": "delete", "environment": []string{"Development", "production", "Odd"}, "resource": "other"},
			"in each run": {"action": "close"},
		} {
			o = task{"environment": "production"}.With(o)
			require.False(t, l.foretold(o).Failed, name)
			assert.Equal(t, []string{warning}, l.run(o).Warnings, name)
		}
		for name, o := range map[string]task{
			"one that is empty":           {"environment": "Development", "action": "delete"},
			"one that the server has not": {"environment": "Odd", "action": "delete", "event": "other"},
			"one of which there is more":  {"environment": "Production", "action": "delete", "event": "down"},
		} {
			assert.Empty(t, l.run(o).Warnings, name)
		}
	})
}

func TestAction_EndsAfterItsTime(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, l *lab) {
		for action, status := range map[string]string{"ack": "ack", "shelve": "shelved"} {
			l.server.Reset(t)
			l.server.Insert(t, alert("s1", "web", "down"))
			done := l.ok(task{"stack": "s1", "action": action, "action_timeout": "1d"})
			assert.Equal(t, []string{"web/down"}, done.cleared("updated"))

			l.server.AgeActions(t, 23*time.Hour)
			assert.Zero(t, l.run(task{"server": task{}}).Server.Released)
			assert.Equal(t, status, l.server.Alerts(t)[0].Status)

			l.server.AgeActions(t, 2*time.Hour)
			assert.Equal(t, 1, l.run(task{"server": task{}}).Server.Released)
			assert.Equal(t, "open", l.server.Alerts(t)[0].Status)
		}
	})
}
