// SPDX-License-Identifier: GPL-3.0-or-later

package modules

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
)

// TestAddress_ShowsNoCredentials holds that what stands in an address beside the server is shown nowhere, in whatever way it was given.
func TestAddress_ShowsNoCredentials(t *testing.T) {
	t.Parallel()
	const password, token = "Pass-4711-word", "Query-0815-token"
	for _, m := range All() {
		var names []string
		variable := ""
		spec, err := m.Spec()
		require.NoError(t, err)
		for _, o := range spec.Options {
			if o.Name == "api_url" {
				names = append(append(names, o.Name), o.Aliases...)
				require.NotEmpty(t, o.Env, m.Name)
				variable = o.Env[0]
			}
		}
		require.NotEmpty(t, names, m.Name)
		for _, address := range []string{
			"https://u:" + password + "@localhost:1/x?token=" + token, "https://" + password + "@localhost:1/", "https://localhost:1/?" + token,
			"https://localhost:1/#key=" + token, "https://u:/" + password + "@localhost/x?a=1&b=" + token, "u:" + password + "@localhost",
			"https://u:a1@localhost:1/?k=b2", "https://u:%50ass-4711-word@localhost:1/",
		} {
			tasks := []map[string]any{{"environment": true}}
			for _, name := range names {
				tasks = append(tasks, map[string]any{name: address}, map[string]any{name: address, "no_such_option": 1})
			}
			for _, task := range tasks {
				shown := runModule(t, m, task, variable, address)
				for _, secret := range []string{password, "%50ass-4711-word", token, "a1@", "k=b2"} {
					assert.NotContains(t, shown, secret, "%s: %v: %s", m.Name, slices.Sorted(maps.Keys(task)), address)
				}
				assert.Contains(t, shown, "localhost", "the server is shown")
			}
		}
	}
}

// runModule runs a module that is refused its address and returns all that it shows.
func runModule(t *testing.T, m ansible.Module, task map[string]any, variable, address string) string {
	t.Helper()
	task = maps.Clone(task)
	environment := task["environment"] != nil
	delete(task, "environment")
	arguments, err := json.Marshal(map[string]any{"ANSIBLE_MODULE_ARGS": task})
	require.NoError(t, err)
	var out, stderr, log bytes.Buffer
	ansible.Execute(t.Context(), m, ansible.Process{
		Args: []string{m.Name}, Stdin: bytes.NewReader(arguments), Stdout: &out, Stderr: &stderr,
		LookupEnv: func(name string) (string, bool) { return address, environment && name == variable },
		Syslog: func(_, _, line string) error {
			log.WriteString(line)
			return nil
		},
	})
	require.True(t, strings.HasPrefix(out.String(), "{"), out.String())
	return out.String() + stderr.String() + log.String()
}
