// SPDX-License-Identifier: GPL-3.0-or-later

package plugins_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// TestValuesThatJSONDoesNotHave also covers those that only native Jinja lets through to a task.
func TestValuesThatJSONDoesNotHave(t *testing.T) {
	t.Parallel()
	for version, tools := range cores(t) {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, tools, emulator.Options{Token: token})
			s.Env["ANSIBLE_JINJA2_NATIVE"] = "true"
			s.Write("odd.yml", `- hosts: localhost
  gather_facts: false
  module_defaults: {stackwatch.monitoring.status_cake_test: {api_key: "{{ key }}", website_url: "https://a.example.com"}}
  tasks:
    - name: A date among the variables of a host
      ansible.builtin.set_fact: {born: 2026-11-21}
    - name: No number
      stackwatch.monitoring.status_cake_test: {name: odd, confirmation: .nan}
      ignore_errors: true
    - name: Variables of a host
      stackwatch.monitoring.status_cake_test: {tests: ["{{ hostvars['localhost'] }}"]}
      ignore_errors: true
    - name: Set
      stackwatch.monitoring.status_cake_test: {name: odd, tags: !!set {one, two}}
`)
			run := s.play("odd.yml", "localhost ansible_connection=local\n")
			expect(t, run, map[string]string{"No number": "failed", "Variables of a host": "failed", "Set": "changed"})
			said := func(task string) any { return run.Of(task)[0].Answer["msg"] }
			assert.Equal(t, `argument 'confirmation' is of type float and we were unable to convert to int: "nan" cannot be converted to an int`, said("No number"))
			assert.Equal(t, "value of state must be one of: present, absent, got: "+s.Home()+" found in tests[0]", said("Variables of a host"), "they are options, not a text")
			require.Len(t, s.account.Tests(), 1)
			assert.ElementsMatch(t, []string{"one", "two"}, s.account.Tests()[0].Tags)
		})
	}
}

func TestAProgramThatDoesNotStartSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		damage func(program string) error
		said   string
	}{
		"missing": {os.Remove, "This copy of the collection is without its programs, as one that comes from git: install the collection again from its tarball"},
		"without its mode": {
			func(program string) error { return os.Chmod(program, 0o644) },
			"Files of the collection may not be run: its folder is mounted with noexec, or its copy has lost their modes.",
		},
		"empty": {func(program string) error { return os.Truncate(program, 0) }, "is not the program that the collection was installed with, and is not run: its SHA-256 is e3b0c442"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "", emulator.Options{Token: token})
			program := s.ownCopy()
			require.NoError(t, c.damage(program))
			s.Write("one.yml", `- hosts: localhost
  gather_facts: false
  tasks:
    - name: One
      stackwatch.monitoring.status_cake_test: {name: one, api_key: "{{ key }}"}
`)
			run := s.play("one.yml", "localhost ansible_connection=local\n")
			results := run.Of("One")
			require.Len(t, results, 1, run.Output)
			assert.Equal(t, "failed", results[0].Verdict)
			assert.Contains(t, results[0].Answer["msg"], program)
			assert.Contains(t, results[0].Answer["msg"], c.said)
		})
	}
}
