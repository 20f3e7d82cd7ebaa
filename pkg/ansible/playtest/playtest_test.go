// SPDX-License-Identifier: GPL-3.0-or-later

package playtest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible/playtest"
)

var library playtest.Library

func TestMain(m *testing.M) {
	m.Run()
	if err := library.Remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

const play = `- hosts: all
  gather_facts: false
  tasks:
    - {name: Fine, ansible.builtin.debug: {msg: "{{ lookup('ansible.builtin.env', 'WORD') }}"}}
    - {name: Changing, ansible.builtin.command: "true"}
    - {name: Left out, ansible.builtin.debug: {msg: no}, when: false}
    - {name: Wrong, ansible.builtin.fail: {msg: on purpose}}
`

func TestResultsOfAPlay(t *testing.T) {
	t.Parallel()
	c := playtest.NewController(t, &library)
	c.Env["WORD"] = "hello"
	c.Write("sub/play.yml", play)
	c.Write("sub/hosts.ini", "near ansible_connection=local ansible_python_interpreter='{{ ansible_playbook_python }}'\n")
	run := c.Play("sub", "play.yml", "-i", "hosts.ini")

	assert.Equal(t, 2, run.Code, run.Output)
	assert.Contains(t, run.Output, "on purpose")
	assert.Equal(t, "changed 1, failed 1, ok 1, skipped 1", run.Verdicts())
	require.Len(t, run.Of("Fine"), 1)
	fine := run.Of("Fine")[0]
	assert.Equal(t, playtest.Result{Verdict: "ok", Host: "near", Task: "Fine", Answer: fine.Answer}, fine)
	assert.Equal(t, "hello", fine.Answer["msg"])
	assert.Empty(t, run.Of("No such task"))
}

func TestAPlaybookThatCannotBeRead(t *testing.T) {
	t.Parallel()
	c := playtest.NewController(t, &library)
	c.Write("play.yml", "- tasks: {}\n")
	run := c.Play("", "play.yml")
	assert.NotZero(t, run.Code)
	assert.Empty(t, run.Results)
}

func TestTheLibraryLiesBesideThePlaybooks(t *testing.T) {
	t.Parallel()
	c := playtest.NewController(t, &library)
	for _, name := range []string{"status_cake_test", "status_cake_test.yml"} {
		assert.FileExists(t, filepath.Join(c.Dir, "library", name))
	}
}

func TestALibraryGoesWhole(t *testing.T) {
	t.Parallel()
	var own playtest.Library
	require.NoError(t, own.Remove(), "nothing was built")
	dir := own.Dir(t)
	assert.DirExists(t, dir)
	require.NoError(t, own.Remove())
	assert.NoDirExists(t, dir)
}

// TestNothingOfTheUsersGetsThrough keeps a test from using somebody's real account by accident.
func TestNothingOfTheUsersGetsThrough(t *testing.T) {
	t.Setenv("STATUSCAKE_API_TOKEN", "somebody's")
	t.Setenv("ANSIBLE_CONFIG", "/somewhere/ansible.cfg")
	c := playtest.NewController(t, &library)
	environment, err := c.Command("", "env").Output()
	require.NoError(t, err)
	assert.NotContains(t, string(environment), "somebody's")
	assert.NotContains(t, string(environment), "ANSIBLE_CONFIG")
	assert.Contains(t, string(environment), "HOME="+c.Home())
}
