// SPDX-License-Identifier: GPL-3.0-or-later

package playbooks_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible/ansibletest"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible/playtest"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
)

// earlierExample is an example that an earlier StatusCake module was published with: its options and their values, with hosts and ids of
// contact groups that there are.
type earlierExample struct {
	task   string
	says   []string // what the one error names that must be changed; nil where the task works
	remedy []string // old and new texts by which the task follows the error
	warns  []string // what else is to be written otherwise
	tests  []string
}

func earlierExamples() map[string]earlierExample {
	const standardCodes = "204,205,206,303,400,401,403,404,405,406,408,410,413,444,429,494,495,496,499,500,501,502,503,504,505,506,507,508,509," +
		"510,511,521,522,523,524,520,598,599,301,302"
	const scheme = "www.example.com has no scheme and is taken for https://www.example.com"
	const labynocle = `- status_cake_test:
    username: user
    api_key: KEY
    state: present
    name: "{{ item.value.url }}"
    url: "{{ item.value.url }}"
    test_tags: one,two,three
    test_type: HTTP
    check_rate: 300
    trigger_rate: 5
    confirmation: 5
    user_agent: an agent
    custom_header: {Header01: Plop, Header02: Plip}
    status_codes: "200,204,205"
    node_locations: AU1,AU5,AU3
    paused: 0
    enable_ssl_alert: 0
    follow_redirect: 1
    contact: "300001,300002"
`
	const niavlys = `- MODULE:
    username: user
    api_key: KEY
    name: MyWebSite
    state: present
    url: https://www.example.com
    test_type: HTTP
    confirmation: 3
    paused: 0
    check_rate: 3
    status_codes: "` + standardCodes + `"
    timeout: 300
    test_tags: "Google, SSL"
    node_locations: "UG4,HRSM1,BR1,BR3"
    host: Google cloud
    contact_group: 0
    custom_header: ""
    follow_redirect: 0
    enable_ssl: 1
    find_string: "/html>"
    do_not_find: 0
`
	noCounterpart := []string{"value of regions must be region codes", "the server codes of the earlier API have no counterpart"}
	return map[string]earlierExample{
		"p404": {
			task: `- status_cake_test:
    username: user
    api_key: KEY
    name: "{{ item.value.url }}"
    url: "{{ item.value.url }}"
    test_tags: something
    test_type: HTTP
    check_rate: 300
    user_agent: an agent
  with_dict: {one: {url: www.example.com}}
`, warns: []string{scheme}, tests: []string{"www.example.com"},
		},
		"labynocle": {
			task: labynocle + "  with_dict: {one: {url: www.example.com}}\n", says: append([]string{"AU1, AU5, AU3"}, noCounterpart...),
			remedy: []string{"    node_locations: AU1,AU5,AU3\n", ""}, warns: []string{scheme, "confirmation: 5 is taken for 3"}, tests: []string{"www.example.com"},
		},
		"labynocle for the API v1": {
			task: `- status_cake_test:
    api_key: KEY
    state: present
    name: Test for my website
    website_url: https://www.example.com
    status_codes_csv: "404,500"
    tags: [one, two, three]
    check_rate: 300
    test_type: HTTP
    contact_groups: [300001, 300002]
    user_agent: an agent
    follow_redirect: true
    enable_ssl_alert: true
    paused: true
    trigger_rate: 5
    confirmation: 5
    regions: [sao-polo, singapore]
`, says: []string{"value of regions must be region codes, got: sao-polo; there are: ", "sao-paulo"}, remedy: []string{"sao-polo", "sao-paulo"},
			warns: []string{"confirmation: 5 is taken for 3"}, tests: []string{"Test for my website"},
		},
		"raphapr": {
			task: `- statuscake:
    username: user
    api_key: KEY
    state: present
    name: "{{ item }}"
    url: www.example.com
    test_type: HTTP
    confirmation: 6
    paused: 0
    check_rate: 300
    status_codes: '` + standardCodes + `'
    timeout: 500
    test_tags: GoogleWeb
    user_agent: "Mozilla/5.0 (Windows NT 6.1; Win64; x64; rv:47.0) Gecko/20100101 Firefox/47.0"
  with_items: [google]
`, warns: []string{scheme, "confirmation: 6 is taken for 3", "timeout: 500 is taken for 75"}, tests: []string{"google"},
		},
		"niavlysAO": {
			task: strings.Replace(niavlys, "MODULE", "statuscake_uptime", 1) + "    post_raw: \"\"\n", says: append([]string{"UG4, HRSM1, BR1, BR3"}, noCounterpart...),
			remedy: []string{"    node_locations: \"UG4,HRSM1,BR1,BR3\"\n", ""},
			warns:  []string{"check_rate: 3 is taken for 30", "timeout: 300 is taken for 75", "contact_groups: 0 is taken for no contact group"},
			tests:  []string{"MyWebSite"},
		},
		"niavlysAO, the list": {
			task: "- statuscake: {username: user, api_key: KEY, state: list}\n", says: []string{"This module lists nothing; ansible.builtin.uri with GET /v1/uptime does"},
		},
		"ecometrica": {
			task: "- statuscake: {username: user, api_key: KEY, name: there, pause: true}\n", tests: []string{},
		},
		"missing_collection": {
			task:  "- statuscake_uptime: {api_key: KEY, command: create, website_url: \"https://www.example.com\", test_type: HTTP, check_rate: 60, name: google_http_check}\n",
			warns: []string{"command: create is state: present now"}, tests: []string{"google_http_check"},
		},
	}
}

// TestEarlierModules_PublishedExamples runs what the earlier modules were published with, by their own names: in the collection, and beside a playbook
// where a link has the earlier name. A task works, or one error names everything that has to be changed, after which it works.
func TestEarlierModules_PublishedExamples(t *testing.T) {
	t.Parallel()
	for _, from := range []string{"collection", "library"} {
		for name, example := range earlierExamples() {
			if from == "library" && name != "raphapr" {
				continue // one is enough: the task is the same
			}
			t.Run(name+" from the "+from, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, unlimited())
				delete(w.Env, "STATUSCAKE_API_TOKEN")
				w.AddContactGroup("Night")
				head := "- hosts: localhost\n  gather_facts: false\n"
				if from == "collection" {
					w.Env["ANSIBLE_COLLECTIONS_PATH"] = collection.Dir(t)
					head += "  collections: [stackwatch.monitoring]\n  module_defaults: {stackwatch.monitoring.status_cake_test: {api_rate_limit: 0}}\n"
				} else {
					links := t.TempDir()
					w.Env["ANSIBLE_LIBRARY"] = links
					for _, name := range []string{"statuscake", "statuscake_uptime"} {
						require.NoError(t, os.Symlink(filepath.Join(library.Dir(t), "status_cake_test"), filepath.Join(links, name)))
					}
				}
				if name == "ecometrica" {
					w.Add(statuscake.Test{Name: "there", WebsiteURL: "https://www.example.com"})
					example.tests = []string{"there"}
				}
				play := func(task string) playtest.Run {
					w.Write("play.yml", head+"  tasks:\n"+indent(strings.ReplaceAll(task, "KEY", token), 4))
					w.ResetCalls()
					return w.Play("", "play.yml")
				}
				run := play(example.task)
				for _, text := range example.says {
					assert.Contains(t, run.Output, text)
				}
				if example.says != nil {
					assert.Equal(t, "failed 1", run.Verdicts())
					assert.Zero(t, w.sum(account.Writes))
					if example.remedy == nil {
						return
					}
					run = play(strings.NewReplacer(example.remedy...).Replace(example.task))
				}
				assert.Equal(t, "changed 1", run.Verdicts(), run.Output)
				said := strings.Join(strings.Fields(run.Output), " ") // Ansible breaks lines anywhere
				for _, text := range example.warns {
					assert.Contains(t, said, text)
				}
				assert.Equal(t, example.tests, w.held())
			})
		}
	}
}

// TestEarlierModules_WithoutASuccessor says what to write for what nothing here does yet.
func TestEarlierModules_WithoutASuccessor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited())
	w.Env["ANSIBLE_COLLECTIONS_PATH"] = collection.Dir(t)
	for name, says := range map[string]string{
		"status_cake_ssl": "enable_ssl_alert: true", "statuscake_ssl": "enable_ssl_alert: true", "status_cake_pagespeed": "POST /v1/pagespeed",
	} {
		w.Write("play.yml", taskPlay("- stackwatch.monitoring."+name+": {domain: https://www.example.com}\n"))
		run := w.Play("", "play.yml")
		assert.NotZero(t, run.Code, name)
		assert.Contains(t, strings.Join(strings.Fields(run.Output), " "), says, name)
	}
}

// TestMigrating_TablesNameTheirTests holds that each table of options names the test that runs its rows; TestDocumentsNameWhatExists looks it up.
func TestMigrating_TablesNameTheirTests(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(ansibletest.Root(t), "docs", "migrating.md"))
	require.NoError(t, err)
	tables := 0
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		if strings.Contains(section, "\n| Option |") {
			tables++
			assert.Contains(t, section, "\n<!-- Run by `Test", "the section %.40q", section)
		}
	}
	assert.GreaterOrEqual(t, tables, 3)
}
