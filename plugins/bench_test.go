// SPDX-License-Identifier: GPL-3.0-or-later

package plugins_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// BenchmarkTask compares the cost of a task that makes one call of the API: by a module in place, and by ansible.builtin.uri. Each is told as a
// multiple of ansible.builtin.debug's, which does nothing, so that it is what Ansible itself takes for a task; the time of an empty play is
// taken off. Want: module/debug at most 2.5, uri/module at least 20.
func BenchmarkTask(b *testing.B) {
	const tasks = 50
	s := newSite(b, "", emulator.Options{Token: token})
	s.Write("hosts.ini", "localhost ansible_connection=local ansible_python_interpreter='{{ ansible_playbook_python }}'\n")
	plays := map[string]string{
		"empty":  "",
		"debug":  "ansible.builtin.debug: {msg: nothing}",
		"module": "stackwatch.monitoring.status_cake_test: {name: nobody, state: absent, api_rate_limit: 0, api_key: \"{{ key }}\"}",
		"uri":    "ansible.builtin.uri: {url: \"{{ url }}/uptime\", headers: {Authorization: \"Bearer {{ key }}\"}}",
	}
	for name, task := range plays {
		if task == "" {
			s.Write(name+".yml", "- hosts: localhost\n  gather_facts: false\n  tasks: []\n")
			continue
		}
		s.Write(name+".yml", fmt.Sprintf("- hosts: localhost\n  gather_facts: false\n  tasks:\n    - %s\n      loop: \"{{ range(%d) | list }}\"\n", task, tasks))
	}
	best := map[string]time.Duration{}
	for b.Loop() {
		for name := range plays {
			calls := s.account.Count("", "")
			begun := time.Now()
			run := s.Play("", "-i", "hosts.ini", "-e", "key="+token, "-e", "url="+s.url, name+".yml")
			if took := time.Since(begun); best[name] == 0 || took < best[name] {
				best[name] = took
			}
			require.Zero(b, run.Code, run.Output)
			if name == "module" || name == "uri" {
				require.Equal(b, calls+tasks, s.account.Count("", ""), "one call a task")
			}
		}
	}
	cost := func(name string) float64 { return float64(best[name] - best["empty"]) }
	b.ReportMetric(cost("module")/tasks/1e6, "ms/module")
	b.ReportMetric(cost("module")/cost("debug"), "module/debug")
	b.ReportMetric(cost("uri")/cost("module"), "uri/module")
	b.ReportMetric(0, "ns/op")
}
