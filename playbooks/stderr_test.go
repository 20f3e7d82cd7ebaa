// SPDX-License-Identifier: GPL-3.0-or-later

package playbooks_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible/ansibletest"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// chatterer is a server that answers each request with 503 and, out of turn, with what it got. Go's own client writes that to its log, which is
// the standard error. What it gives is its address.
func chatterer(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				for reader := bufio.NewReader(conn); ; {
					request, err := http.ReadRequest(reader)
					if err != nil {
						return
					}
					got, _ := httputil.DumpRequest(request, true)
					fmt.Fprintf(conn, "HTTP/1.1 503 Busy\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}%s", got)
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

// TestStderr_IsSilent reads the standard error of the real program, with every module, once and for calls in a row.
func TestStderr_IsSilent(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "bundle")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", program, "./modules/bundle")
	build.Dir = ansibletest.Root(t)
	output, err := build.CombinedOutput()
	require.NoError(t, err, string(output))
	tasks := map[string]map[string]any{
		"status_cake_test":    {"api_key": token, "name": "a", "website_url": "https://a.example.com"},
		"pingdom_check":       {"api_token": token, "name": "a", "host": "a.example.com"},
		"pingdom_maintenance": {"api_token": token, "description": "a", "checks": []string{"a"}},
		"icinga2_host":        {"username": "ada", "password": token, "name": "a", "check_command": "dummy"},
		"icinga2_service":     {"username": "ada", "password": token, "for_hosts": []string{"a"}, "services": []any{map[string]any{"name": "b", "check_command": "dummy"}}},
		"icinga2_downtime":    {"username": "ada", "password": token, "comment": "a", "hosts": []string{"a"}},
		"alerta_housekeeping": {"api_key": token, "stack": "a", "action": "delete", "environment": "Production"},
	}
	for _, module := range modules.All() {
		t.Run(module.Name, func(t *testing.T) {
			t.Parallel()
			task := tasks[module.Name]
			require.NotNil(t, task, "a task that reads is wanted here")
			task["api_url"], task["api_retries"], task["api_rate_limit"] = chatterer(t), 1, 0
			arguments, err := json.Marshal(task)
			require.NoError(t, err)
			for _, calls := range []int{1, 2} {
				args := []string{module.Name, "-"}
				if calls > 1 {
					args = []string{"--serve", module.Name}
				}
				var stdout, stderr strings.Builder
				command := exec.CommandContext(t.Context(), program, args...)
				command.Stdin = strings.NewReader(strings.Repeat(string(arguments)+"\n", calls))
				command.Stdout, command.Stderr = &stdout, &stderr
				command.Env = append(command.Environ(), "XDG_CACHE_HOME="+t.TempDir())
				_ = command.Run() // it fails: the server is always busy
				assert.Equal(t, calls, strings.Count(stdout.String(), "status 503"), stdout.String())
				assert.Empty(t, stderr.String())
				assert.NotContains(t, stdout.String(), token)
			}
		})
	}
}

// TestStderr_IsSilentInPlays holds that neither the standard error of a task in the background nor that of a loop's items shows a token.
func TestStderr_IsSilentInPlays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, emulator.Options{})
	w.Env["ANSIBLE_COLLECTIONS_PATH"], w.Env["STATUSCAKE_API_URL"] = collection.Dir(t), chatterer(t)
	delete(w.Env, "STATUSCAKE_API_TOKEN")
	w.Write("chatter.yml", `- hosts: localhost
  gather_facts: false
  vars: {tokens: [first-token-11aa, second-token-22bb]}
  module_defaults: {stackwatch.monitoring.status_cake_test: &one {name: a, website_url: "https://a.example.com", api_retries: 1, api_rate_limit: 0}}
  tasks:
    - name: In the background
      stackwatch.monitoring.status_cake_test: {api_key: "{{ tokens[0] }}"}
      async: 60
      poll: 1
      ignore_errors: true
      register: background
    - name: Items
      stackwatch.monitoring.status_cake_test: {api_key: "{{ item }}"}
      loop: "{{ tokens }}"
      loop_control: {label: "{{ ansible_loop_var }}"}
      ignore_errors: true
      register: items
    - name: What they left
      ansible.builtin.debug: {msg: "{{ [background.stderr | default(''), background.module_stderr | default('')] }}"}
`)
	run := w.Play("", "chatter.yml")
	require.Zero(t, run.Code, run.Output)
	left := run.Of("What they left")
	require.Len(t, left, 1, run.Output)
	assert.Equal(t, []any{"", ""}, left[0].Answer["msg"])
	for _, task := range []string{"In the background", "Items"} {
		results := run.Of(task)
		require.NotEmpty(t, results, run.Output)
		answer, err := json.Marshal(results[len(results)-1].Answer)
		require.NoError(t, err)
		assert.Contains(t, string(answer), "status 503", "it asked")
		delete(results[len(results)-1].Answer, "item")
		for _, result := range results {
			items, _ := result.Answer["results"].([]any)
			for _, item := range items {
				delete(item.(map[string]any), "item") // which the loop itself is over
				delete(item.(map[string]any), "_ansible_item_label")
			}
		}
		answer, err = json.Marshal(results[len(results)-1].Answer)
		require.NoError(t, err)
		assert.NotContains(t, string(answer), "token-")
	}
}
