// SPDX-License-Identifier: GPL-3.0-or-later

package playbooks_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
)

// TestEarlierPingdomModule_PublishedExamples runs the two tasks that community.general has published, with the id of a check that there is, by the
// earlier name beside a playbook. With a token in the environment they work as they are. Without one a single error says all that is to be changed.
func TestEarlierPingdomModule_PublishedExamples(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited())
	links := t.TempDir()
	w.Env["ANSIBLE_LIBRARY"] = links
	require.NoError(t, os.Symlink(filepath.Join(library.Dir(t), "pingdom_check"), filepath.Join(links, "pingdom")))
	id := w.pingdom.Add(vendor.Check{Name: "there", Host: "www.example.com"})
	w.Write("play.yml", fmt.Sprintf(`- hosts: localhost
  gather_facts: false
  tasks:
    - name: Pause the check
      pingdom:
        uid: example@example.com
        passwd: password123
        key: apipassword123
        checkid: %[1]d
        state: paused
    - name: Unpause the check
      pingdom:
        uid: example@example.com
        passwd: password123
        key: apipassword123
        checkid: %[1]d
        state: running
`, id))
	run := w.Play("", "play.yml")
	require.Zero(t, run.Code, run.Output)
	for _, task := range []string{"Pause the check", "Unpause the check"} {
		require.Len(t, run.Of(task), 1)
		assert.Equal(t, "changed", run.Of(task)[0].Verdict)
	}
	said := strings.Join(strings.Fields(run.Output), " ") // Ansible breaks lines anywhere
	for _, text := range []string{"uid has no counterpart", "passwd has no counterpart", "state: running is state: resumed now", "key is taken for the application key"} {
		assert.Contains(t, said, text)
	}
	assert.NotContains(t, said, "are set.", "a task that set one name is not told of two")
	assert.NotContains(t, said, "apipassword123")
	check, _ := w.pingdom.Check(id)
	assert.False(t, check.Paused)

	delete(w.Env, "PINGDOM_API_TOKEN")
	run = w.Play("", "play.yml")
	assert.NotZero(t, run.Code)
	said = strings.Join(strings.Fields(run.Output), " ")
	assert.Contains(t, said, "write one into api_token or the environment variable PINGDOM_API_TOKEN, and remove key, uid and passwd")
	assert.NotContains(t, said, "apipassword123")
}
