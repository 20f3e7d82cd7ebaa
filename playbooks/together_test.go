// SPDX-License-Identifier: GPL-3.0-or-later

package playbooks_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible/playtest"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// manyTests declares 200 tests. The account takes 100 requests a second, and the plays together send 80: on a busy machine the 8
// that may be under way arrive late, in a second that has 80 of its own.
const manyTests = `- hosts: localhost
  gather_facts: false
  tasks:
    - name: Declare 200 tests
      status_cake_test:
        tests: "{{ lookup('ansible.builtin.file', 'many.json') | from_json }}"
        api_rate_limit: 80
        api_concurrency: 4
`

func TestTwoPlaysAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, emulator.Options{Token: token, RatePerSecond: 100, ListLag: 2})
	w.Write("many.yml", manyTests)
	w.Write("many.json", declarations(200))
	plays := []*playtest.Playing{w.Start("", "many.yml"), w.Start("", "many.yml")}
	created := 0.0
	for _, play := range plays {
		run := play.Wait()
		require.Zero(t, run.Code, run.Output)
		require.Len(t, run.Results, 1)
		created += run.Results[0].Answer["summary"].(map[string]any)["created"].(float64)
	}
	assert.InDelta(t, 200, created, 0, "each test was created by one of the two")
	assert.Len(t, slices.Compact(w.held()), 200)
	assert.Len(t, w.Tests(), 200, "no test is there twice")
	w.refusedOnlyAtFirst()

	w.ResetCalls()
	run := w.Play("", "many.yml")
	require.Zero(t, run.Code, run.Output)
	assert.Equal(t, "ok 1", run.Verdicts())
	assert.Zero(t, w.Writes())
}

// declarations is a list of so many distinct tests, as JSON.
func declarations(n int) string {
	tests := make([]string, n)
	for i := range tests {
		tests[i] = fmt.Sprintf(`{"name": "service %03d", "website_url": "https://service-%03d.example.com"}`, i, i)
	}
	return "[" + strings.Join(tests, ",\n") + "]\n"
}

// refusedOnlyAtFirst holds that no call was answered with 429 later than a second after the first call.
func (w world) refusedOnlyAtFirst() {
	w.t.Helper()
	calls := w.Calls()
	for _, call := range calls {
		if call.Status == http.StatusTooManyRequests {
			assert.LessOrEqual(w.t, call.At.Sub(calls[0].At), time.Second, "call %d of %d was refused", call.Index, len(calls))
		}
	}
}

// TestManyHosts declares, on 50 hosts with 10 forks, a test of each host's own and one that all have in common.
func TestManyHosts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, emulator.Options{Token: token, ListLag: 5})
	hosts := ""
	for i := range 50 {
		hosts += "stack" + strconv.Itoa(i) + " ansible_connection=local\n"
	}
	w.Write("hosts.ini", hosts)
	w.Write("hosts.yml", `- hosts: all
  gather_facts: false
  module_defaults: {status_cake_test: {api_rate_limit: 0}}
  tasks:
    - name: Of the host
      status_cake_test: {stack: "{{ inventory_hostname }}", name: liveness, website_url: "https://{{ inventory_hostname }}.example.com"}
    - name: In common
      status_cake_test: {name: gateway, website_url: "https://gateway.example.com"}
`)
	run, writes := w.did(func() playtest.Run { return w.Play("", "hosts.yml", "-i", "hosts.ini", "--forks", "10") })
	assert.Equal(t, "changed 51, ok 49", run.Verdicts())
	assert.Len(t, writes, 51)
	assert.Len(t, slices.Compact(w.held()), 51)

	_, writes = w.did(func() playtest.Run { return w.Play("", "hosts.yml", "-i", "hosts.ini", "--forks", "10") })
	assert.Empty(t, writes)
}
