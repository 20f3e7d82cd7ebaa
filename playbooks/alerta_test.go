// SPDX-License-Identifier: GPL-3.0-or-later

package playbooks_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules/alerta/alertatest"
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
