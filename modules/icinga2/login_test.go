// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
)

// TestURLs_HideTheirPasswords holds that no answer shows the password of a URL, not even one that refuses the task.
func TestURLs_HideTheirPasswords(t *testing.T) {
	const address = "https://ann:S3cretInUrl@x.example.com:99 9"
	for _, module := range []ansible.Module{HostModule(), ServiceModule()} {
		for _, option := range []string{"notes_url", "action_url"} {
			fields, err := json.Marshal(map[string]any{"name": "a", "host": "b", option: address, "colour": "red"})
			require.NoError(t, err)
			var out strings.Builder
			input := fmt.Sprintf(`{"ANSIBLE_MODULE_ARGS": %s}`, fields)
			ansible.Execute(t.Context(), module, ansible.Process{Stdin: strings.NewReader(input), Stdout: &out})
			assert.Contains(t, out.String(), "https://ann:********@x.example.com")
			assert.NotContains(t, out.String(), "S3cretInUrl")
		}
	}
}
