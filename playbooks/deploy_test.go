// SPDX-License-Identifier: GPL-3.0-or-later

package playbooks_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// deployments is a world with the repository's playbooks, whose Pingdom account has a check for two of the stacks.
type deployments struct {
	world
	checks map[string]int // ids by stack
}

func newDeployments(t *testing.T) deployments {
	t.Helper()
	d := deployments{newWorld(t, unlimited()), map[string]int{}}
	d.ownPlaybooks()
	for _, stack := range []string{"blog", "shop"} {
		d.addChecks(map[string][]string{stack: {"site"}})
		d.checks[stack] = d.pingdom.Checks()[len(d.checks)].ID
	}
	return d
}

// open gives the checks that a window covers now.
func (d deployments) open() []int {
	var covered []int
	now := time.Now().Unix()
	for _, window := range d.pingdom.Windows() {
		if window.From <= now && now < window.To {
			covered = append(covered, window.UptimeIDs...)
		}
	}
	return covered
}

// writes tells what was sent to the account since the last time.
func (d deployments) writes() []string {
	writes := []string{}
	for _, call := range d.pingdom.Calls() {
		if call.Write() {
			writes = append(writes, fmt.Sprintf("%s %d", call.Method, call.Status))
		}
	}
	d.pingdom.ResetCalls()
	return writes
}

func TestDeployOpensAWindowAndEndsIt(t *testing.T) {
	t.Parallel()
	d := newDeployments(t)
	run := d.own("deploy.yml", "-l", "shop")
	require.Zero(t, run.Code, run.Output)
	opened := run.Of("Open a maintenance window for the stack")
	require.Len(t, opened, 1)
	assert.Equal(t, "changed", opened[0].Verdict)
	assert.Len(t, run.Of("Put the new version in place"), 1)
	ended := run.Of("End the maintenance window of the stack")
	require.Len(t, ended, 1)
	assert.Equal(t, "changed", ended[0].Verdict)

	require.Len(t, d.pingdom.Windows(), 1)
	window := d.pingdom.Windows()[0]
	assert.Equal(t, "Deployment", window.Description)
	assert.Equal(t, []int{d.checks["shop"]}, window.UptimeIDs, "the other stack goes on being watched")
	assert.LessOrEqual(t, window.To, time.Now().Unix(), "the window has ended")
	assert.Equal(t, []string{"POST 200", "PUT 200"}, d.writes())
}

// TestDeploy_OfANewStack: there is no check yet for a window to cover, and the deployment goes on without one.
func TestDeploy_OfANewStack(t *testing.T) {
	t.Parallel()
	d := newDeployments(t)
	d.pingdom.Reset()
	run := d.own("deploy.yml", "-l", "shop")
	require.Zero(t, run.Code, run.Output)
	assert.Equal(t, "ok", run.Of("Open a maintenance window for the stack")[0].Verdict)
	assert.Contains(t, strings.Join(strings.Fields(run.Output), " "), "the stack shop has no check yet, so no window is opened")
	assert.Len(t, run.Of("Put the new version in place"), 1)
	assert.Equal(t, "ok", run.Of("End the maintenance window of the stack")[0].Verdict)
	assert.Empty(t, d.pingdom.Windows())
}

// TestAFailedDeploymentEndsItsWindow: the deployment of one stack fails on purpose, its window is ended like the other's.
func TestAFailedDeploymentEndsItsWindow(t *testing.T) {
	t.Parallel()
	d := newDeployments(t)
	run := d.own("deploy.yml", "-l", "shop,blog", "-e", "broken=shop")
	assert.Equal(t, 2, run.Code, run.Output)
	assert.Contains(t, run.Output, "The new version of shop does not start.")
	verdicts := map[string]string{}
	for _, result := range run.Of("Put the new version in place") {
		verdicts[result.Host] = result.Verdict
	}
	assert.Equal(t, map[string]string{"shop": "failed", "blog": "ok"}, verdicts)
	assert.Len(t, run.Of("End the maintenance window of the stack"), 2)

	require.Len(t, d.pingdom.Windows(), 2)
	for _, window := range d.pingdom.Windows() {
		assert.LessOrEqual(t, window.To, time.Now().Unix(), "%v has ended", window)
	}
	assert.Empty(t, d.open())
}

// TestADeploymentThatWasKilledIsTakenUp: the window that it left open serves the next one.
func TestADeploymentThatWasKilledIsTakenUp(t *testing.T) {
	t.Parallel()
	d := newDeployments(t)
	d.Write("open.yml", `- hosts: localhost
  gather_facts: false
  tasks:
    - pingdom_maintenance: {description: Deployment, stack: shop, duration: 30m, api_rate_limit: 0}
`)
	require.Zero(t, d.Play("", "open.yml").Code)
	assert.Equal(t, []int{d.checks["shop"]}, d.open())
	assert.Equal(t, []string{"POST 200"}, d.writes())

	run := d.own("deploy.yml", "-l", "shop")
	require.Zero(t, run.Code, run.Output)
	assert.Equal(t, "ok", run.Of("Open a maintenance window for the stack")[0].Verdict)
	assert.Equal(t, []string{"PUT 200"}, d.writes(), "nothing is opened, one window is ended")
	assert.Empty(t, d.open())
}

// TestDeployWithoutAWindowDoesNotBegin: what cannot be silenced is not deployed.
func TestDeployWithoutAWindowDoesNotBegin(t *testing.T) {
	t.Parallel()
	d := newDeployments(t)
	d.pingdom.Inject(emulator.On(http.MethodPost, "/api/3.1/maintenance", emulator.Always, emulator.Fault{Kind: emulator.Status, Status: 403}))
	run := d.own("deploy.yml", "-l", "shop")
	assert.Equal(t, 2, run.Code, run.Output)
	assert.Empty(t, run.Of("Put the new version in place"))
	assert.Empty(t, d.pingdom.Windows())
}
