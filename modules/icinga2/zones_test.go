// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stackwatch/ansible-monitoring/modules/icinga2/icingatest"
)

// cluster adds to the server's own zone and agent, the zone below it, what is below that one, and groups in zones.
const cluster = `
object Endpoint "leaf" { }
object Zone "leaf" { endpoints = [ "leaf" ]; parent = "agent" }
object HostGroup "of-agent" { zone = "agent" }
object HostGroup "of-leaf" { zone = "leaf" }
object HostGroup "of-all" { zone = "global-templates" }
object HostGroup "of-master" { zone = ZoneName }
`

// TestZones_AreCheckedBeforeAnyWrite holds that check mode refuses what the server would.
func TestZones_AreCheckedBeforeAnyWrite(t *testing.T) {
	t.Parallel()
	l := hostLab(t, icingatest.Config("cluster.conf", cluster))
	run := func(o options) answer { return l.Run(l.as(icingatest.Root, o)) }
	l.ok(options{"name": "there", "check_command": "dummy"})
	for _, c := range []struct {
		task options
		want string
	}{
		{options{"name": "web1", "zone": "global-templates"}, "web1: value of zone must be a zone that is not global"},
		{options{"name": "web1", "command_endpoint": "leaf"}, "of the zone localhost or of one directly below it, got: leaf, which is in the zone leaf"},
		{options{"name": "web1", "zone": "agent", "command_endpoint": "localhost"}, "of the zone agent or of one directly below it, got: localhost, which is in the zone localhost"},
		{options{"name": "there", "command_endpoint": "leaf"}, "there: value of command_endpoint must be an endpoint of the zone localhost"},
		{options{"name": "there", "services": []options{element("a", options{"zone": "global-templates"})}}, "there!a: value of zone must be a zone that is not global"},
		{options{"name": "there", "zone": "global-templates", "recreate": "always"}, "there: value of zone must be a zone that is not global"},
	} {
		task := options{"check_command": "dummy"}.With(c.task)
		l.recorder.ResetCalls()
		dry, a := l.DryRun(l.as(icingatest.Root, task)), run(task)
		assert.Contains(t, a.Msg, c.want)
		assert.Equal(t, dry.Msg, a.Msg)
		assert.Zero(t, l.recorder.Writes())
	}
	for _, task := range []options{
		{"name": "web1", "command_endpoint": "agent"}, {"name": "web2", "zone": "agent", "command_endpoint": "leaf"}, {"name": "web3", "zone": "leaf"},
		{"name": "there", "command_endpoint": "agent"},
	} {
		a := run(options{"check_command": "dummy"}.With(task))
		assert.True(t, a.Changed && !a.Failed, a.Raw)
	}
}

func TestZones_WarnOfGroupsThatASatelliteDoesNotGet(t *testing.T) {
	t.Parallel()
	l := hostLab(t, icingatest.Config("cluster.conf", cluster))
	task := options{"name": "web1", "check_command": "dummy", "zone": "agent", "groups": []string{"of-agent", "of-leaf", "of-all", "of-master", "web"}}
	warnings := []string{"web1: the servers of the zone agent do not get the host groups of-master, web, and the object stays PENDING there; " +
		"put these groups into that zone or a global one"}
	assert.Equal(t, warnings, l.DryRun(l.as(icingatest.Root, task)).Warnings)
	assert.Equal(t, warnings, l.Run(l.as(icingatest.Root, task)).Warnings)
	assert.Empty(t, l.Run(l.as(icingatest.Root, task)).Warnings, "it is there")
	task = task.With(options{"name": "web2"})
	assert.Empty(t, l.Run(l.as(icingatest.Root, task.With(options{"groups": []string{"of-agent", "of-all"}}))).Warnings)
	assert.Empty(t, l.Run(l.as(icingatest.Root, options{"name": "web3", "check_command": "dummy", "groups": []string{"web"}})).Warnings)
}
