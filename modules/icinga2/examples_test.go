// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// TestExamples runs the examples of the documentation in their order, each twice: what is not written down anew stays.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, l := range []*lab{serviceLab(t), hostLab(t)} {
		var documentation struct {
			Examples string `yaml:"EXAMPLES"`
		}
		require.NoError(t, yaml.Unmarshal(l.Setup.Module(t.TempDir(), nil).Documentation, &documentation))
		var tasks []map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(documentation.Examples), &tasks))
		require.NotEmpty(t, tasks)
		if l.Setup.Name == "icinga2_service" {
			l.host("web1", "web2", "db1")
		}
		for _, task := range tasks {
			o, ok := task[l.Setup.Name].(map[string]any)
			require.True(t, ok, "%v", task["name"])
			if task["check_mode"] == true {
				assert.True(t, l.dryRun(o).Changed, "%v", task["name"])
				continue
			}
			assert.True(t, l.ok(o).Changed, "%v", task["name"])
			l.settled(o)
		}
	}
}
