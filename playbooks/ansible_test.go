// SPDX-License-Identifier: GPL-3.0-or-later

package playbooks_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible/playtest"
)

func TestAnsibleDocShowsEveryModule(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited())
	for _, module := range modules.All() {
		text, err := w.Command("", "ansible-doc", "-t", "module", "-M", "library", module.Name).CombinedOutput()
		require.NoError(t, err, string(text))
		for _, heading := range []string{"OPTIONS", "EXAMPLES", "RETURN VALUES", "NOTES"} {
			assert.Contains(t, string(text), heading)
		}
		assert.NotContains(t, string(text), "WARNING")

		text, err = w.Command("", "ansible-doc", "-t", "module", "-M", "library", "--json", module.Name).Output()
		require.NoError(t, err)
		var shown map[string]struct {
			Doc struct {
				Options map[string]any
			}
		}
		require.NoError(t, json.Unmarshal(text, &shown))
		assert.Contains(t, shown[module.Name].Doc.Options, "api_url")
	}
}

// TestWaysToCall calls the module in the ways that Ansible has for a task.
func TestWaysToCall(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, task string
		tests      []string
	}{
		{"delegated", `- status_cake_test: {name: a, website_url: "https://a.example.com"}
  delegate_to: localhost
`, []string{"a"}},
		{"action with key=value", `- local_action: status_cake_test name="a b" website_url=https://a.example.com check_rate=60
`, []string{"a b"}},
		{"loop", `- status_cake_test: {stack: "{{ item }}", name: liveness, website_url: "https://{{ item }}.example.com"}
  loop: [a, b, c]
`, []string{"a/liveness", "b/liveness", "c/liveness"}},
		{"async", `- status_cake_test: {name: a, website_url: "https://a.example.com"}
  async: 60
  poll: 1
`, []string{"a"}},
		{"environment", `- status_cake_test: {name: a, website_url: "https://a.example.com"}
  environment: {http_proxy: "http://127.0.0.1:1"}
`, []string{"a"}},
		{"block with defaults", `- module_defaults: {status_cake_test: {api_rate_limit: 0, stack: shop, check_rate: 60}}
  block:
    - status_cake_test: {name: a, website_url: "https://a.example.com"}
`, []string{"shop/a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, unlimited())
			w.Write("play.yml", taskPlay(c.task))
			run, _ := w.did(func() playtest.Run { return w.Play("", "play.yml") })
			assert.Equal(t, "changed 1", run.Verdicts())
			assert.Equal(t, c.tests, w.held())
		})
	}
}

// TestSecretsStayHidden keeps every secret in a vault and looks for it in what a user can see: the output at its most
// talkative, and what the run leaves on disk.
func TestSecretsStayHidden(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited())
	delete(w.Env, "STATUSCAKE_API_TOKEN")
	w.Env["ANSIBLE_VAULT_PASSWORD_FILE"] = w.Write("vault-password", "only for this test\n")
	secrets := map[string]string{
		"statuscake_token": token, "site_password": "play-password-55aa", "header_value": "play-header-77cc", "body_value": "play-body-88dd",
	}
	text, err := json.Marshal(secrets) // which is YAML as well
	require.NoError(t, err)
	w.Write("secrets.yml", string(text))
	said, err := w.Command("", "ansible-vault", "encrypt", "secrets.yml").CombinedOutput()
	require.NoError(t, err, string(said))
	const task = `- status_cake_test:
    api_key: "{{ statuscake_token }}"
    name: a
    website_url: https://a.example.com
    basic_username: user
    basic_password: "{{ site_password }}"
    custom_header: {X-Auth: "{{ header_value }}"}
    post_body: {token: "{{ body_value }}"}
    update_password: always
  vars: {extra: none}
`
	w.Write("good.yml", taskPlay(task))
	w.Write("refused.yml", taskPlay(strings.Replace(task, "name: a", "name: a\n    check_rate: 90000", 1)))
	w.Write("denied.yml", taskPlay(strings.Replace(task, `"{{ statuscake_token }}"`, `"{{ header_value }}"`, 1)))
	w.Write("unlogged.yml", taskPlay(strings.Replace(task, "vars: {extra: none}", "no_log: true\n  failed_when: true", 1)))
	for _, c := range []struct {
		playbook string
		code     int
		says     string // what the output must hold, so that it is not secret because it is empty
	}{
		{"good.yml", 0, "custom_header"},
		{"good.yml", 0, "basic_password"},
		{"refused.yml", 2, "value of check_rate must be one of"},
		{"denied.yml", 2, "401"},
		{"unlogged.yml", 2, "censored"},
	} {
		run := w.Play("", c.playbook, "-e", "@secrets.yml", "--diff", "-vvvv")
		assert.Equal(t, c.code, run.Code, "%s: %s", c.playbook, run.Output)
		assert.Contains(t, run.Output, c.says, c.playbook)
		for name, value := range secrets {
			assert.NotContains(t, run.Output, value, "%s in the output of %s", name, c.playbook)
		}
	}
	require.Len(t, w.Tests(), 1)
	assert.Equal(t, secrets["site_password"], w.Tests()[0].BasicPassword, "the service got what was secret")

	err = filepath.WalkDir(w.Home(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		for name, value := range secrets {
			assert.NotContains(t, string(content), value, "%s in %s", name, path)
		}
		return err
	})
	require.NoError(t, err)
}

func TestTemplatesOfOtherSystems_AreSentAsWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited()).furnish("icinga2_host")
	w.Write("braces.yml", `- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: StatusCake
      status_cake_test: {name: braces, website_url: "https://a.example.com", find_string: !unsafe "{{ ok }}", post_raw: !unsafe '{"query": "{{host}}"}'}
    - name: Pingdom
      pingdom_check: {name: braces, host: a.example.com, type: http, shouldcontain: !unsafe "{{ ok }}", postdata: !unsafe '{"query": "{{host}}"}'}
    - name: Icinga
      icinga2_host: {name: braces, check_command: dummy, notes_url: !unsafe "https://grafana.example.com/d/x?var-host={{host}}"}
      diff: true
    - name: A name is no template
      status_cake_test: {name: !unsafe "{{ item }}", website_url: "https://a.example.com"}
      ignore_errors: true
`)
	run := w.Play("", "braces.yml")
	require.Zero(t, run.Code, run.Output)
	for _, task := range []string{"StatusCake", "Pingdom", "Icinga"} {
		assert.Equal(t, "changed", run.Of(task)[0].Verdict, run.Of(task))
	}
	require.Len(t, w.Tests(), 1)
	assert.Equal(t, "{{ ok }}", w.Tests()[0].FindString)
	assert.JSONEq(t, `{"query": "{{host}}"}`, w.Tests()[0].PostRaw)
	require.Len(t, w.pingdom.Checks(), 1)
	assert.Equal(t, "{{ ok }}", w.pingdom.Checks()[0].ShouldContain)
	assert.JSONEq(t, `{"query": "{{host}}"}`, w.pingdom.Checks()[0].PostData)
	assert.Contains(t, run.Output, "https://grafana.example.com/d/x?var-host={{host}}", "the difference shows it")
	assert.Equal(t, "value of name must be rendered, got a template: {{ item }}", run.Of("A name is no template")[0].Answer["msg"])
}
