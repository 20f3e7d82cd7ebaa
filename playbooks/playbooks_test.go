// SPDX-License-Identifier: GPL-3.0-or-later

// Package playbooks_test runs the playbooks of this folder, and every example that the suite gives its users, with the real
// ansible-playbook and the modules as they are built, against an emulated account.
package playbooks_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible/ansibletest"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible/playtest"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
)

// ofStacks gives what the example inventory declares for stacks, with a word before each name.
func ofStacks(before string, stacks ...string) []string {
	services := map[string][]string{
		"blog": {"comments", "frontend"}, "intranet": {"calendar", "wiki"}, "payments": {"api", "ledger"}, "shop": {"cart", "search"},
	}
	names := []string{}
	for _, stack := range stacks {
		for _, service := range services[stack] {
			names = append(names, before+stack+"/"+service+" liveness", before+stack+"/"+service+" readiness")
		}
	}
	slices.Sort(names)
	return names
}

func TestPlaybooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited())
	w.ownPlaybooks()
	foreign := w.Add(statuscake.Test{Name: "made by hand", WebsiteURL: "https://other.example.com", CheckRate: 300})
	all := []string{"blog", "intranet", "payments", "shop"}
	declared := append([]string{"made by hand"}, ofStacks("", all...)...)
	slices.Sort(declared)
	own := func(playbook string, args ...string) func() playtest.Run {
		return func() playtest.Run { return w.own(playbook, args...) }
	}

	run, writes := w.did(own("provision.yml", "--check", "--diff"))
	assert.Equal(t, "changed 4, ok 1", run.Verdicts())
	assert.Equal(t, 16, strings.Count(run.Output, "+++ after: test "))
	assert.Empty(t, writes)

	run, writes = w.did(own("provision.yml"))
	assert.Equal(t, "changed 4, ok 1", run.Verdicts())
	assert.Len(t, writes, 16)
	assert.Equal(t, declared, w.held())
	ready := slices.IndexFunc(w.Tests(), func(test statuscake.Test) bool { return fullName(test) == "blog/comments readiness" })
	assert.Equal(t, 15, w.Tests()[ready].TriggerRate, "a service may say otherwise than its group")

	for _, playbook := range []string{"provision.yml", "converge.yml", "housekeeping.yml"} {
		run, writes = w.did(own(playbook))
		assert.NotContains(t, run.Verdicts(), "changed", playbook)
		assert.Empty(t, writes, playbook)
	}

	run, writes = w.did(own("provision.yml", "-l", "shop", "-e", "trigger_rate=10", "--check", "--diff"))
	assert.Equal(t, "changed 1, ok 1", run.Verdicts())
	assert.Equal(t, 2, strings.Count(run.Output, "-    \"trigger_rate\": 5\n+    \"trigger_rate\": 10\n"))
	assert.Equal(t, 4, strings.Count(run.Output, "trigger_rate"), "only the field that differs is shown")
	assert.Empty(t, writes)

	_, writes = w.did(own("provision.yml", "-l", "shop", "-e", "trigger_rate=10"))
	assert.Equal(t, []string{"PUT shop/cart readiness", "PUT shop/search readiness"}, writes)

	_, writes = w.did(own("converge.yml"))
	assert.Equal(t, []string{"PUT shop/cart readiness", "PUT shop/search readiness"}, writes, "the inventory says 5 again")

	for _, c := range []struct {
		playbook, says string
		args           []string
	}{
		{"decommission.yml", "no stack was named. Say -l NAME[,NAME], or -e stack=NAME", nil},
		{"decommission.yml", "these stacks were not named in full: blog, intranet, payments, shop.", []string{"-l", "stacks"}},
		{"decommission.yml", "these stacks were not named in full: blog.", []string{"-l", "shop,bl*"}},
		{"decommission.yml", "these are not in the group stacks of the inventory: gone. Say -e stack=NAME for", []string{"-l", "shop,gone"}},
		{"decommission.yml", "-e stack and -l exclude each other", []string{"-l", "shop", "-e", "stack=shop"}},
		{"decommission.yml", "value of stack must", []string{"-e", "stack="}},
		{"converge.yml", "this playbook is about all stacks, which -l cannot shorten. For one stack run provision with -l", []string{"-l", "shop"}},
		{"housekeeping.yml", "this playbook is about all stacks, which -l cannot shorten", []string{"-l", "shop"}},
		{"provision.yml", "-l machine names no host of the group stacks", []string{"-l", "machine", "-i", "inventory", "-i", "machine,"}},
		{"provision.yml", "the inventory has no group stacks with hosts in it", []string{"-i", "machine,"}},
		{"converge.yml", "the inventory has no group stacks with hosts in it", []string{"-i", "machine,"}},
	} {
		w.ResetCalls()
		run = w.own(c.playbook, c.args...)
		assert.NotZero(t, run.Code, "%s %v: %s", c.playbook, c.args, run.Output)
		assert.Contains(t, strings.Join(strings.Fields(run.Output), " "), c.says, "%s %v", c.playbook, c.args)
		assert.Zero(t, w.Writes(), "%s %v", c.playbook, c.args)
	}

	run, writes = w.did(own("decommission.yml", "-l", "shop,blog", "--check"))
	assert.Len(t, run.Of("Remove all tests of the stack"), 2)
	assert.Empty(t, writes)
	_, writes = w.did(own("decommission.yml", "-l", "shop,blog"))
	assert.Equal(t, ofStacks("DELETE ", "blog", "shop"), writes)
	_, writes = w.did(own("decommission.yml", "-e", "stack=payments"))
	assert.Equal(t, ofStacks("DELETE ", "payments"), writes)
	run, writes = w.did(own("decommission.yml", "-e", "stack=payments"))
	assert.Equal(t, "ok 2, skipped 2", run.Verdicts(), "what is gone is gone")
	assert.Empty(t, writes)

	_, writes = w.did(own("converge.yml"))
	assert.Len(t, writes, 12)
	assert.Equal(t, declared, w.held())
	_, stillThere := w.Test(foreign)
	assert.True(t, stillThere)
	assert.Zero(t, w.Count(http.MethodGet, "/v1/uptime/"+foreign+"$"), "what the suite does not manage is not even read")
}

func TestConvergePurgesWithinItsLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited())
	w.ownPlaybooks()
	w.did(func() playtest.Run { return w.own("converge.yml") })

	// A service leaves: 2 of 16 tests are more than one in ten, and less than one in five.
	stacks := filepath.Join(w.Dir, "playbooks", "inventory", "stacks.yml")
	text, err := os.ReadFile(stacks)
	require.NoError(t, err)
	less := strings.Replace(string(text), "        - name: ledger\n", "", 1)
	require.NotEqual(t, string(text), less)
	require.NoError(t, os.WriteFile(stacks, []byte(less), 0o600))

	w.ResetCalls()
	run := w.own("converge.yml", "-e", "purge_limit=10%")
	assert.Equal(t, 2, run.Code, run.Output)
	refused := run.Of("Declare the tests of all stacks, and no others")
	require.Len(t, refused, 1)
	assert.Len(t, refused[0].Answer["refused"], 2)
	assert.Contains(t, refused[0].Answer["msg"], "over the limit of 10%; nothing was changed; if this is meant, set purge_limit to 2: ")
	assert.Contains(t, refused[0].Answer["msg"], "payments/ledger readiness")
	assert.Zero(t, w.Writes())

	_, writes := w.did(func() playtest.Run { return w.own("converge.yml") })
	assert.Equal(t, []string{"DELETE payments/ledger liveness", "DELETE payments/ledger readiness"}, writes)

	// One stack of two is more than one in five, and no more than ten tests.
	half := regexp.MustCompile(`(?s)    blog:\n.*    payments:`).ReplaceAllString(less, "    payments:")
	require.NoError(t, os.WriteFile(stacks, []byte(half), 0o600))
	_, writes = w.did(func() playtest.Run { return w.own("converge.yml") })
	assert.Equal(t, ofStacks("DELETE ", "blog", "intranet"), writes)
	_, writes = w.did(func() playtest.Run { return w.own("decommission.yml", "-e", "stack=blog") })
	assert.Empty(t, writes, "a stack that has left the inventory is gone")
}

func TestHousekeeping(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited())
	w.ownPlaybooks()
	w.Write("yesterday.yml", "stacks: {hosts: {legacy: {domain: legacy.example.com, services: [{name: web}]}}}\n")
	w.did(func() playtest.Run { return w.own("provision.yml", "-i", "inventory", "-i", "../yesterday.yml") })
	w.Add(statuscake.Test{Name: "made by hand", WebsiteURL: "https://other.example.com", CheckRate: 300})
	require.Len(t, w.Tests(), 19)
	undeclared := w.Add(statuscake.Test{
		Name: "undeclared", WebsiteURL: "https://shop.example.com", CheckRate: 300, Tags: []string{"managed_by:stackwatch", "stack:shop"},
	})

	run, writes := w.did(func() playtest.Run { return w.own("housekeeping.yml") })
	shown := run.Of("Show them")
	require.Len(t, shown, 1)
	assert.Equal(t, []any{"legacy/web liveness", "legacy/web readiness"}, shown[0].Answer["msg"])
	assert.NotContains(t, run.Verdicts(), "changed")
	assert.Empty(t, writes)

	run, writes = w.did(func() playtest.Run { return w.own("housekeeping.yml", "-e", "remove=true", "--check") })
	assert.Contains(t, run.Verdicts(), "changed 1")
	assert.Empty(t, writes)

	w.ResetCalls()
	run = w.own("housekeeping.yml", "-e", "remove=true", "-e", "remove_limit=1")
	assert.Equal(t, 2, run.Code, run.Output)
	assert.Contains(t, run.Output, "Nothing was removed: 2 tests are of stacks that this inventory does not have.")
	assert.Zero(t, w.Writes())

	run, writes = w.did(func() playtest.Run { return w.own("decommission.yml", "-e", "stack=legacy", "--check") })
	assert.Contains(t, run.Verdicts(), "changed 1", "a stack that has left the inventory can be named all the same")
	assert.Empty(t, writes)

	_, writes = w.did(func() playtest.Run { return w.own("housekeeping.yml", "-e", "remove=true") })
	assert.Equal(t, []string{"DELETE legacy/web liveness", "DELETE legacy/web readiness"}, writes)
	_, kept := w.Test(undeclared)
	assert.True(t, kept, "a stack that is in the inventory is converge.yml's to tidy")
}

// TestDemo runs what `make demo` runs. The script checks by itself what it shows.
func TestDemo(t *testing.T) {
	t.Parallel()
	python := ansibletest.Python(t)
	temporary := t.TempDir()
	demo := exec.CommandContext(t.Context(), filepath.Join(ansibletest.Root(t), "playbooks", "demo.sh"))
	demo.Env = append(os.Environ(),
		"ANSIBLE_PYTHON="+python, "EMULATOR="+emulatorProgram(t), "ANSIBLE_COLLECTIONS_PATH="+collection.Dir(t), "TMPDIR="+temporary)
	output, err := demo.CombinedOutput()
	require.NoError(t, err, string(output))
	assert.Contains(t, string(output), "All as it should be.")
	left, err := os.ReadDir(temporary)
	require.NoError(t, err)
	assert.Empty(t, left, "the demo leaves nothing behind")
}
