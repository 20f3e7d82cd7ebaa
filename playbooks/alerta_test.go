// SPDX-License-Identifier: GPL-3.0-or-later

package playbooks_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules/alerta/alertatest"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible/playtest"
)

func TestDecommissionClearsAlerta(t *testing.T) {
	t.Parallel()
	server := alertatest.Start(t, alertatest.Newest)
	w := newWorld(t, unlimited())
	w.ownPlaybooks()
	server.Examples(t)
	w.Env["ALERTA_ENDPOINT"], w.Env["ALERTA_API_KEY"] = server.URL, server.Key(alertatest.Ansible)
	alerts, beats := server.Count(t), len(server.Heartbeats(t))
	require.Zero(t, w.own("decommission.yml", "-l", "shop").Code)
	require.Zero(t, w.own("decommission.yml", "-l", "shop", "-e", "alerta=true", "--check").Code)
	assert.Equal(t, alerts, server.Count(t), "nobody said that there is an Alerta, or only asked")
	require.Zero(t, w.own("decommission.yml", "-l", "shop", "-e", "alerta=true").Code)
	assert.Equal(t, alerts-2, server.Count(t))
	assert.Len(t, server.Heartbeats(t), beats-1)
	for _, a := range server.Alerts(t) {
		assert.NotContains(t, a.Tags, "stack=shop")
	}
}

// TestDecommissionKeepsToItsLimitInAlerta holds that more than alerta_delete_limit, or half of all alerts where it is not said, is refused as
// a whole.
func TestDecommissionKeepsToItsLimitInAlerta(t *testing.T) {
	t.Parallel()
	server := alertatest.Start(t, alertatest.Newest)
	w := newWorld(t, unlimited())
	w.ownPlaybooks()
	server.Insert(t, alertatest.Stacks(2, 15)...)
	for _, stack := range []string{"s1", "s2", "s3"} {
		server.Beat(t, alertatest.Heartbeat{Origin: "cron/" + stack, Tags: []string{"stack=" + stack}})
	}
	w.Env["ALERTA_ENDPOINT"], w.Env["ALERTA_API_KEY"] = server.URL, server.Key(alertatest.Ansible)
	decommission := func(limit string) playtest.Run {
		return w.own("decommission.yml", "-e", "stack=s1", "-e", "alerta=true", "-e", "alerta_delete_limit="+limit)
	}
	for limit, refusal := range map[string]string{
		"14":  "alerts: 15 of 30 would be deleted, which is over the limit of 14; nothing was changed; if this is meant, set delete_limit to 15",
		"49%": "alerts: 15 of 30 would be deleted, which is over the limit of 49%; nothing was changed; if this is meant, set delete_limit to 15",
		"lot": "value of delete_limit must be",
	} {
		run := decommission(limit)
		assert.NotZero(t, run.Code)
		assert.Contains(t, run.Output, refusal)
		assert.Equal(t, 30, server.Count(t))
		assert.Len(t, server.Heartbeats(t), 3)
	}
	require.Zero(t, decommission("50%").Code)
	assert.Equal(t, 15, server.Count(t))
	assert.Len(t, server.Heartbeats(t), 2)
	run := w.own("decommission.yml", "-e", "stack=s2", "-e", "alerta=true")
	assert.Contains(t, run.Output, "15 of 15 would be deleted, which is over the limit of 10; nothing was changed")
	assert.Equal(t, 15, server.Count(t))
}
