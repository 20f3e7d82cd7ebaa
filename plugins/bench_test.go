// SPDX-License-Identifier: GPL-3.0-or-later

package plugins_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// BenchmarkTask compares the cost of a task that makes one call of the API: by a module in place, and by ansible.builtin.uri. Each is told as a
// multiple of ansible.builtin.debug's, which does nothing, so that it is what Ansible itself takes for a task; the time of an empty play is
// taken off. There are 50 of each: the items of a loop, tasks one after the other, and a task of 50 hosts with 10 forks.
// Want: module/debug at most 2.5, uri/module at least 20 in a loop.
func BenchmarkTask(b *testing.B) {
	const tasks = 50
	s := newSite(b, "", emulator.Options{Token: token})
	var hosts strings.Builder
	for i := range tasks {
		fmt.Fprintf(&hosts, "host%d ansible_connection=local ansible_python_interpreter='{{ ansible_playbook_python }}'\n", i)
	}
	s.Write("hosts.ini", hosts.String())
	called := map[string]string{
		"debug":  "ansible.builtin.debug: {msg: nothing}",
		"module": "stackwatch.monitoring.status_cake_test: {name: nobody, state: absent, api_rate_limit: 0, api_key: \"{{ key }}\"}",
		"uri":    "ansible.builtin.uri: {url: \"{{ url }}/uptime\", headers: {Authorization: \"Bearer {{ key }}\"}}",
	}
	for _, way := range []struct {
		name, hosts string
		tasks       func(task string) string
		calls       []string
	}{
		{"loop", "host0", func(task string) string {
			return fmt.Sprintf("    - %s\n      loop: \"{{ range(%d) | list }}\"\n", task, tasks)
		}, []string{"debug", "module", "uri"}},
		{"tasks", "host0", func(task string) string { return strings.Repeat("    - "+task+"\n", tasks) }, []string{"debug", "module"}},
		{"hosts", "all", func(task string) string { return "    - " + task + "\n" }, []string{"debug", "module"}},
	} {
		b.Run(way.name, func(b *testing.B) {
			play := "- hosts: " + way.hosts + "\n  gather_facts: false\n  tasks:"
			s.Write("empty.yml", play+" []\n")
			for _, call := range way.calls {
				s.Write(call+".yml", play+"\n"+way.tasks(called[call]))
			}
			best := map[string]time.Duration{}
			for b.Loop() {
				for _, name := range append([]string{"empty"}, way.calls...) {
					before := s.account.Count("", "")
					begun := time.Now()
					run := s.Play("", "-i", "hosts.ini", "--forks", "10", "-e", "key="+token, "-e", "url="+s.url, name+".yml")
					if took := time.Since(begun); best[name] == 0 || took < best[name] {
						best[name] = took
					}
					require.Zero(b, run.Code, run.Output)
					if name == "module" || name == "uri" {
						require.Equal(b, before+tasks, s.account.Count("", ""), "one call a task")
					}
				}
			}
			cost := func(name string) float64 { return float64(best[name] - best["empty"]) }
			b.ReportMetric(cost("module")/tasks/1e6, "ms/module")
			b.ReportMetric(cost("module")/cost("debug"), "module/debug")
			if best["uri"] != 0 {
				b.ReportMetric(cost("uri")/cost("module"), "uri/module")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}
