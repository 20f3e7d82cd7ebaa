// SPDX-License-Identifier: GPL-3.0-or-later

package playbooks_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
)

// watched gives the checks of the Pingdom account as "stack/name", sorted.
func (w world) watched() []string {
	names := []string{}
	for _, check := range w.pingdom.Checks() {
		name := check.Name
		for _, tag := range check.Tags {
			if stack, ok := strings.CutPrefix(tag, "stack-"); ok {
				name = stack + "/" + name
			}
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func TestSites(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited())
	w.ownPlaybooks()
	w.pingdom.Add(pingdom.Check{Name: "made by hand", Host: "other.example.com"})

	run := w.own("sites.yml", "--check")
	require.Zero(t, run.Code, run.Output)
	assert.Zero(t, w.pingdom.Writes())
	require.Zero(t, w.own("sites.yml").Code)
	all := []string{"blog/front page", "made by hand", "shop/checkout", "shop/front page"}
	assert.Equal(t, all, w.watched())
	assert.Equal(t, 3, w.pingdom.Writes())
	require.Zero(t, w.own("sites.yml").Code)
	assert.Equal(t, 3, w.pingdom.Writes(), "the second run changes nothing")

	// The last site of a stack goes, and one of two of another.
	inventory := filepath.Join(w.Dir, "playbooks", "inventory", "stacks.yml")
	text, err := os.ReadFile(inventory)
	require.NoError(t, err)
	less := strings.NewReplacer("      sites:\n        - name: front page\n      services:\n        - name: frontend", "      services:\n        - name: frontend",
		"        - name: checkout\n          url: /checkout\n", "").Replace(string(text))
	require.Less(t, len(less), len(text)-60)
	require.NoError(t, os.WriteFile(inventory, []byte(less), 0o600))
	w.pingdom.ResetCalls()
	require.Zero(t, w.own("sites.yml").Code)
	assert.Equal(t, []string{"made by hand", "shop/front page"}, w.watched())
	assert.Equal(t, 2, w.pingdom.Count(http.MethodDelete, "/api/3.1/checks"))
	assert.Equal(t, 2, w.pingdom.Writes())
}

func TestDecommissionRemovesTheSitesToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unlimited())
	w.ownPlaybooks()
	for _, playbook := range []string{"provision.yml", "sites.yml"} {
		require.Zero(t, w.own(playbook, "-l", "shop,blog").Code)
	}
	w.pingdom.ResetCalls()
	require.Zero(t, w.own("decommission.yml", "-l", "blog").Code)
	assert.Empty(t, w.pingdom.Calls(), "who has no account there is not asked for a token")
	require.Zero(t, w.own("decommission.yml", "-l", "shop", "-e", "pingdom=true", "--check").Code)
	assert.Zero(t, w.pingdom.Writes())
	require.Zero(t, w.own("decommission.yml", "-l", "shop", "-e", "pingdom=true").Code)
	assert.Equal(t, []string{"blog/front page"}, w.watched())
	assert.Empty(t, w.held())
}
