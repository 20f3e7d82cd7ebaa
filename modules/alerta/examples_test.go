// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/stackwatch/ansible-monitoring/modules/alerta/alertatest"
)

// TestExamplesDoWhatTheySay runs the examples of the documentation one after another.
func TestExamplesDoWhatTheySay(t *testing.T) {
	t.Parallel()
	var documentation struct {
		Examples string `yaml:"EXAMPLES"`
	}
	require.NoError(t, yaml.Unmarshal(housekeepingDocumentation, &documentation))
	var tasks []struct {
		Name    string
		Options task `yaml:"alerta_housekeeping"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(documentation.Examples), &tasks))
	l := newLab(t, alertatest.Newest)
	l.server.Examples(t)
	for _, example := range tasks {
		require.NotEmpty(t, example.Options)
		delete(example.Options, "api_url") // which are variables
		delete(example.Options, "api_key")
		done := l.run(example.Options)
		assert.False(t, done.Failed, "%s: %s", example.Name, done.Msg)
		assert.True(t, done.Changed, "%s: it finds nothing", example.Name)
		l.Settled(example.Options)
	}
	assert.Equal(t, []string{
		"web01.example.com/HttpError", "web05.example.com/CpuHigh", "web05.example.com/DiskFull", "web05.example.com/LoadHigh",
		"web05.example.com/SwapUsed", "web05.example.com/TimeOff",
	}, l.left())
	assert.Empty(t, l.server.Heartbeats(t))
}
