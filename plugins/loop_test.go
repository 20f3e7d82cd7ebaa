// SPDX-License-Identifier: GPL-3.0-or-later

package plugins_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// standIn puts a shell script in the place of the site's program, which is beside it then: $0.real.
func (s site) standIn(script string) {
	s.t.Helper()
	program := s.ownCopy()
	require.NoError(s.t, os.Rename(program, program+".real"))
	require.NoError(s.t, os.WriteFile(program, []byte("#!/bin/sh\n"+script), 0o755))
	s.reseal(program)
}

// TestTheItemsOfALoopShareAProgram writes down each start of the program, which is expensive beside most calls.
func TestTheItemsOfALoopShareAProgram(t *testing.T) {
	t.Parallel()
	for version, tools := range cores(t) {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, tools, emulator.Options{Token: token})
			starts := filepath.Join(s.Dir, "starts")
			s.standIn("echo \"$$ $*\" >> '" + starts + "'\nexec \"$0.real\" \"$@\"\n")
			s.Write("loop.yml", `- hosts: localhost
  gather_facts: false
  module_defaults: {stackwatch.monitoring.status_cake_test: {api_key: "{{ key }}", website_url: "https://a.example.com"}}
  tasks:
    - name: Items
      stackwatch.monitoring.status_cake_test: {name: "{{ item }}", check_rate: "{{ 'never' if item == 'wrong' else 300 }}"}
      loop: [one, two, wrong, two, three]
      ignore_errors: true
    - name: The program has ended
      ansible.builtin.command: {argv: [sh, -c, "kill -0 $(cut -d' ' -f1 starts)"]}
      register: running
      until: running.rc != 0
      retries: 100
      delay: 0.1
      failed_when: running.rc == 0
    - name: Environments
      stackwatch.monitoring.status_cake_test: {name: one, api_key: "{{ omit }}"}
      environment: {STATUSCAKE_API_TOKEN: "{{ key if item == 'right' else item }}", STACKWATCH_LIFELINE_FD: "0"}
      loop: [right, right, another]
      ignore_errors: true
    - name: Single
      stackwatch.monitoring.status_cake_test: {name: one}
`)
			run := s.play("loop.yml", "localhost ansible_connection=local\n")
			verdicts := func(task string) (each []string) {
				results := run.Of(task)
				require.Len(t, results, 1, run.Output)
				items, _ := results[0].Answer["results"].([]any)
				for _, item := range items {
					answer, _ := item.(map[string]any)
					switch {
					case answer["msg"] != "created 1" && answer["msg"] != "unchanged 1": // 2.21 has no "failed" here
						each = append(each, "failed")
					case answer["changed"] == true:
						each = append(each, "changed")
					default:
						each = append(each, "ok")
					}
				}
				return each
			}
			assert.Equal(t, []string{"changed", "changed", "failed", "ok", "changed"}, verdicts("Items"))
			assert.Equal(t, []string{"ok", "ok", "failed"}, verdicts("Environments"))
			require.Len(t, run.Of("Single"), 1, run.Output)
			assert.Equal(t, "ok", run.Of("Single")[0].Verdict)
			assert.NotContains(t, run.Output, token)
			written, err := os.ReadFile(starts)
			require.NoError(t, err)
			var started []string
			for line := range strings.Lines(string(written)) {
				_, arguments, _ := strings.Cut(strings.TrimSpace(line), " ")
				started = append(started, arguments)
			}
			once := "--serve status_cake_test"
			assert.Equal(t, []string{once, once, once, once}, started, "one for the items, one for each environment, and one for the single task")
		})
	}
}

// TestALoopWhoseProgramEndsGoesOn with another one.
func TestALoopWhoseProgramEndsGoesOn(t *testing.T) {
	t.Parallel()
	s := newSite(t, "", emulator.Options{Token: token})
	// The first one answers a call and is gone, the second one says why it cannot answer.
	s.standIn(`echo >> "$0.starts"
case $(wc -l < "$0.starts") in
1) head -n 1 | "$0.real" status_cake_test -;;
2) echo "no memory" >&2; exit 3;;
*) exec "$0.real" "$@";;
esac
`)
	s.Write("loop.yml", `- hosts: localhost
  gather_facts: false
  tasks:
    - name: Items
      stackwatch.monitoring.status_cake_test: {name: "{{ item }}", website_url: "https://a.example.com", api_key: "{{ key }}"}
      loop: [one, two, three, four]
      ignore_errors: true
`)
	run := s.play("loop.yml", "localhost ansible_connection=local\n")
	require.Len(t, run.Of("Items"), 1, run.Output)
	items, _ := run.Of("Items")[0].Answer["results"].([]any)
	require.Len(t, items, 4, run.Output)
	for i, failed := range []bool{false, true, false, false} {
		answer, _ := items[i].(map[string]any)
		assert.Equal(t, failed, answer["module_stderr"] != nil, answer)
		if failed {
			assert.Contains(t, answer["msg"], "the program ended without an answer")
			assert.Equal(t, "no memory\n", answer["module_stderr"])
			assert.EqualValues(t, 3, answer["rc"])
		}
	}
	assert.Len(t, s.account.Tests(), 3)
}

// TestLoop_KeepsStandardErrorApart holds that a call whose program ends without an answer shows what was written during that call alone.
func TestLoop_KeepsStandardErrorApart(t *testing.T) {
	t.Parallel()
	s := newSite(t, "", emulator.Options{Token: token})
	s.standIn(`read -r call; echo "of the first" >&2; echo '{"changed": false}'
read -r call; echo "of the second" >&2; exit 3
`)
	s.Write("loop.yml", `- hosts: localhost
  gather_facts: false
  tasks:
    - name: Items
      stackwatch.monitoring.status_cake_test: {name: "{{ item }}", website_url: "https://a.example.com", api_key: "{{ key }}"}
      loop: [one, two]
      ignore_errors: true
`)
	run := s.play("loop.yml", "localhost ansible_connection=local\n")
	require.Len(t, run.Of("Items"), 1, run.Output)
	items, _ := run.Of("Items")[0].Answer["results"].([]any)
	require.Len(t, items, 2, run.Output)
	answer, _ := items[1].(map[string]any)
	assert.Equal(t, "of the second\n", answer["module_stderr"])
}

// TestAnswer_ThatIsNotJSONEndsTheTask: a program that goes on after such a line is not waited for.
func TestAnswer_ThatIsNotJSONEndsTheTask(t *testing.T) {
	t.Parallel()
	s := newSite(t, "", emulator.Options{Token: token})
	s.standIn("read -r arguments\necho 'a line' >&2\necho no JSON\nexec cat\n")
	s.Write("one.yml", `- hosts: localhost
  gather_facts: false
  tasks:
    - name: One
      stackwatch.monitoring.status_cake_test: {name: one, api_key: "{{ key }}"}
`)
	run := s.play("one.yml", "localhost ansible_connection=local\n")
	require.Len(t, run.Of("One"), 1, run.Output)
	answer := run.Of("One")[0].Answer
	assert.Contains(t, answer["msg"], "MODULE FAILURE: the program ended without an answer")
	assert.Equal(t, "no JSON\n", answer["module_stdout"])
	assert.EqualValues(t, -9, answer["rc"])
}
