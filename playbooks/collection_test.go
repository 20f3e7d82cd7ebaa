// SPDX-License-Identifier: GPL-3.0-or-later

package playbooks_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible/ansibletest"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// TestPlaybooksOfTheCollection runs the playbooks by their names in the collection, from a folder and over an inventory that are the
// user's: the stacks are no machines that could be reached, and the account is named there and not in the environment.
func TestPlaybooksOfTheCollection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited())
	w.Env["ANSIBLE_COLLECTIONS_PATH"] = collection.Dir(t)
	accounts := "    statuscake_api_url: " + w.Env["STATUSCAKE_API_URL"] + "\n    statuscake_api_key: " + token + "\n" +
		"    pingdom_api_url: " + w.Env["PINGDOM_API_URL"] + "\n    pingdom_api_token: " + token + "\n    api_rate_limit: 0\n"
	for _, vendor := range []string{"STATUSCAKE", "PINGDOM"} {
		delete(w.Env, vendor+"_API_URL")
		delete(w.Env, vendor+"_API_TOKEN")
	}
	const stacks = `stacks:
  hosts:
    mail:
      ansible_host: mail.invalid
      uptime_tests: [{stack: mail, name: web, website_url: "https://mail.example.com"}]
      site_checks: [{name: front page, host: mail.example.com}]
`
	// The account is of localhost too, because some of the playbooks are about all stacks at once.
	w.Write("inventory.yml", stacks+"all:\n  hosts: {localhost: {ansible_connection: local}}\n  vars:\n"+accounts)
	w.Write("deploy_mail.yml", "- name: Deploy it\n  ansible.builtin.debug: {msg: deployed}\n")
	play := func(name string, args ...string) (int, string) {
		w.ResetCalls()
		w.pingdom.ResetCalls()
		run := w.Play("", append([]string{"-i", "inventory.yml", "stackwatch.monitoring." + name}, args...)...)
		return run.Code, run.Output
	}

	for _, name := range []string{"provision", "converge", "sites", "housekeeping"} {
		code, output := play(name)
		require.Zero(t, code, "%s: %s", name, output)
	}
	assert.Equal(t, []string{"mail/web"}, w.held())
	require.Len(t, w.pingdom.Checks(), 1)

	code, output := play("deploy")
	assert.NotZero(t, code)
	assert.Contains(t, output, "value of deploy_tasks must be the whole path of a file with the tasks that deploy a stack, got: nothing")
	assert.Zero(t, w.sum(account.Writes), "no window is opened for a deployment that does nothing")
	code, output = play("deploy", "-e", "deploy_tasks="+w.Dir+"/deploy_mail.yml")
	require.Zero(t, code, output)
	assert.Contains(t, output, "deployed")
	assert.Len(t, w.pingdom.Windows(), 1)

	// A stack whose tests nobody declared is no stack without tests.
	w.Write("forgotten.yml", "stacks: {hosts: {forgotten: {}}}\n")
	for _, name := range []string{"converge", "housekeeping", "provision", "sites"} {
		code, output = play(name, "-i", "forgotten.yml")
		assert.NotZero(t, code, "%s: %s", name, output)
		assert.Empty(t, deletions(w), name)
	}
	assert.Equal(t, []string{"mail/web"}, w.held())

	code, output = play("decommission", "-l", "mail", "-e", "pingdom=true")
	require.Zero(t, code, output)
	assert.Empty(t, w.held())
	assert.Empty(t, w.pingdom.Checks())
}

// deletions gives the paths of what plays have deleted in all accounts.
func deletions(w world) []string {
	var paths []string
	for _, a := range w.accounts {
		for _, call := range a.Calls() {
			if call.Method == http.MethodDelete {
				paths = append(paths, call.Path)
			}
		}
	}
	return paths
}

// TestPlaybooksOfTheCollection_TakeTheReadmesInventory runs the playbooks over the inventory that a reader of the README writes.
func TestPlaybooksOfTheCollection_TakeTheReadmesInventory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited())
	w.Env["ANSIBLE_COLLECTIONS_PATH"] = collection.Dir(t)
	w.Env["ANSIBLE_INVENTORY"] = "inventory"
	text, err := os.ReadFile(filepath.Join(ansibletest.Root(t), "README.md"))
	require.NoError(t, err)
	files := 0
	for _, b := range fencedBlocks(string(text)) {
		if strings.HasPrefix(b.text, "# inventory/") {
			w.runBlock(b)
			files++
		}
	}
	require.Equal(t, 2, files)
	w.Write("deploy_stack.yml", "- name: Deploy it\n  ansible.builtin.debug: {msg: deployed}\n")
	for _, args := range [][]string{
		{"provision", "-l", "shop"}, {"converge"}, {"sites"}, {"housekeeping"}, {"deploy", "-l", "shop", "-e", "deploy_tasks=" + w.Dir + "/deploy_stack.yml"},
		{"decommission", "-e", "stack=blog", "-e", "pingdom=true"},
	} {
		run := w.Play("", append([]string{"stackwatch.monitoring." + args[0], "-e", "api_rate_limit=0"}, args[1:]...)...)
		require.Zero(t, run.Code, "%v: %s", args, run.Output)
	}
	assert.Equal(t, []string{"shop/cart liveness", "shop/cart readiness", "shop/search liveness", "shop/search readiness"}, w.held())
	assert.Equal(t, []string{"shop/front page"}, w.watched())
}

// TestCollection_TakesShortNames runs the task that people have already, in a play and in a role that name the collection.
func TestCollection_TakesShortNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, emulator.Options{Token: "my-api-key"})
	delete(w.Env, "STATUSCAKE_API_TOKEN")
	w.Env["ANSIBLE_COLLECTIONS_PATH"], w.Env["ANSIBLE_LIBRARY"] = collection.Dir(t), t.TempDir()
	w.Write("play.yml", "- hosts: localhost\n  gather_facts: false\n  collections: [stackwatch.monitoring]\n"+
		"  module_defaults: {group/stackwatch.monitoring.statuscake: {api_rate_limit: 0}}\n  tasks:\n"+indent(seedTask, 4))
	w.Write("roles/watch/meta/main.yml", "collections: [stackwatch.monitoring]\ndependencies: []\n")
	w.Write("roles/watch/tasks/main.yml", seedTask)
	w.Write("role.yml", "- hosts: localhost\n  gather_facts: false\n  roles: [watch]\n")
	for playbook, verdict := range map[string]string{"play.yml": "changed 1", "role.yml": "changed 1"} {
		w.Emulator.Reset()
		run := w.Play("", playbook)
		require.Zero(t, run.Code, run.Output)
		assert.Equal(t, verdict, run.Verdicts())
		assert.Equal(t, []string{"My service check"}, w.held())
	}
}
