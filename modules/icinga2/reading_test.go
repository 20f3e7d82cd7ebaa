// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// numbered returns services s0, s1 and so on, from one number to before another.
func numbered(from, to int, more options) []options {
	var list []options
	for i := from; i < to; i++ {
		list = append(list, options{"name": fmt.Sprintf("s%d", i), "check_command": "http", "check_interval": "5m"}.With(more))
	}
	return list
}

// fixed are attributes that cannot be changed after creation.
func fixed() options {
	return options{"templates": []string{"generic-service"}, "groups": []string{"http"}}
}

// TestServices_AreReadWholeAfterOthersAreGone: what the controller created moments ago and is gone must not make the services that are
// still there look as if they had no attributes.
func TestServices_AreReadWholeAfterOthersAreGone(t *testing.T) {
	t.Parallel()
	l := serviceLab(t)
	gone := map[string]func(host string, fewer options){
		"purged": func(_ string, fewer options) { l.ok(fewer) },
		"deleted by hand": func(host string, _ options) {
			for i := 3; i < 10; i++ {
				l.root.Delete(t, "services", fmt.Sprintf("%s!s%d", host, i))
			}
		},
	}
	for how, remove := range gone {
		for kind, more := range map[string]options{"fixed attributes": fixed(), "plain": {}} {
			host := strings.ReplaceAll(how+" "+kind, " ", "-")
			l.host(host)
			task := options{"stack": host, "for_hosts": []string{host}, "purge": true, "services": numbered(0, 10, more)}
			l.ok(task)
			remove(host, task.With(options{"services": numbered(0, 3, more)}))
			task["services"] = append(numbered(0, 3, more), numbered(10, 11, more)...)
			for _, recreate := range []string{"always", "never"} {
				task["recreate"] = recreate
				assert.Equal(t, []string{"s0 unchanged", "s1 unchanged", "s2 unchanged", "s10 created"}, l.dryRun(task).Actions(), "%s, recreate: %s", host, recreate)
			}
			assert.Equal(t, []string{"s0 unchanged", "s1 unchanged", "s2 unchanged", "s10 created"}, l.ok(task).Actions(), host)
			l.settled(task)
		}
	}
}

// TestPurge_CountsEachServiceOnce purges twice, so that the second time there are services that were created moments ago and are gone.
func TestPurge_CountsEachServiceOnce(t *testing.T) {
	t.Parallel()
	l := serviceLab(t)
	l.host("f1")
	task := options{"stack": "f1", "for_hosts": []string{"f1"}, "purge": true, "services": numbered(0, 20, fixed())}
	l.ok(task)
	task["services"] = numbered(0, 12, fixed())
	assert.Equal(t, 8, l.ok(task).Summary["deleted"])
	task["services"], task["purge_limit"] = numbered(0, 5, fixed()), 6
	assert.Contains(t, l.run(task).Msg, "7 of 12 would be deleted, which is over the limit of 6")
	delete(task, "purge_limit")
	a := l.ok(task)
	assert.Equal(t, 7, a.Summary["deleted"])
	assert.Len(t, a.Objects, 12, "each is named once")
	l.settled(task)
}

// TestServices_AreReadWholeAfterAReload: a reload that has read the files before a run forgets what the run creates.
func TestServices_AreReadWholeAfterAReload(t *testing.T) {
	t.Parallel()
	l := serviceLab(t)
	l.host("f1")
	task := options{"stack": "f1", "for_hosts": []string{"f1"}, "services": numbered(0, 5, fixed())}
	l.ok(task)
	release := l.server.HoldReload(t)
	task["services"] = numbered(0, 30, fixed())
	assert.Equal(t, 25, l.ok(task).Summary["created"])
	release()
	require.Len(t, l.names(serviceKind), 5, "the reload has forgotten the others")
	a := l.ok(task)
	assert.Equal(t, 25, a.Summary["created"])
	assert.Equal(t, 5, a.Summary["unchanged"], a.Actions())
	l.settled(task)
}

// TestAudit_NamesNoOtherServicesOfAHost: a task is not about what it does not declare.
func TestAudit_NamesNoOtherServicesOfAHost(t *testing.T) {
	t.Parallel()
	l := serviceLab(t)
	l.host("f1")
	l.ok(options{"stack": "f1", "host": "f1", "services": numbered(0, 10, nil)})
	lost := filepath.Join(filepath.Dir(filepath.Dir(l.server.CA)), "data", "api", "packages", "_api", "*", "conf.d", "services", "f1!s9.conf")
	files, err := filepath.Glob(lost)
	require.NoError(t, err)
	require.Len(t, files, 1)
	require.NoError(t, os.Remove(files[0]))
	a := l.ok(options{"stack": "f1", "host": "f1", "services": numbered(0, 9, nil), "audit": true})
	assert.Contains(t, a.Raw, `"audit":[]`)
	a = l.dryRun(options{"stack": "f1", "host": "f1", "services": numbered(0, 9, nil), "audit": true, "purge": true})
	assert.Contains(t, a.Raw, `"audit":["f1!s9"]`)
}

// TestPurge_SeesOtherServicesOfAHostWithOne: where a single service is declared, the others of its host are read too.
func TestPurge_SeesOtherServicesOfAHostWithOne(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	task := options{
		"stack": "f1", "check_command": "dummy", "purge": true, "hosts": []options{{"name": "f1", "services": []options{element("a"), element("b")}}},
	}
	l.ok(task)
	require.NoError(t, l.Clock.Sleep(t.Context(), time.Hour)) // nobody remembers that b was created
	task["hosts"] = []options{{"name": "f1", "services": []options{element("a")}}}
	assert.Equal(t, []string{"f1 unchanged", "a unchanged", "b deleted"}, l.ok(task).Actions())
	l.settled(task)
}
