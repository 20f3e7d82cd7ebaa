// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules/icinga2/icingatest"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// emptied is a recorder whose server can be emptied.
type emptied struct {
	*icingatest.Recorder
	lab *lab
}

// Reset deletes what was made through the API, or what the lab says.
func (e emptied) Reset() {
	e.lab.empty()
	e.ResetCalls()
}

// deleteHosts deletes the hosts that were made through the API, and all that stands on them.
func deleteHosts(t testing.TB, root *icingatest.Client) {
	t.Helper()
	answer := root.Do(t, http.MethodDelete, "/v1/objects/hosts?cascade=1", options{"filter": `host.package == "_api"`})
	require.Equal(t, http.StatusOK, answer.Status, "%s", answer.Body)
}

// TestFaultMatrix lets each single call of a run fail in each way. Whatever happens: one valid answer, no wrong deletion, what is told as
// done is done, and the next run puts right what is left.
func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	for name, fault := range resourcetest.Faults() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := hostLab(t)
			l.EachCall(l.plight(), fault)
		})
	}
}

// TestFaults_OccasionalErrorsFailNoRun holds that a server of which one answer of fifty is 500 is one to work with. What the server itself says with
// that status, about single objects, is no fault.
func TestFaults_OccasionalErrorsFailNoRun(t *testing.T) {
	t.Parallel()
	l := serviceLab(t)
	l.host("web1")
	items := make([]options, 100)
	for i := range items {
		items[i] = options{"name": fmt.Sprintf("service %d", i), "check_command": "dummy", "notes": fmt.Sprint(i)} // no two are updated by one call
	}
	task := options{"stack": "shop", "for_hosts": []string{"web1"}, "services": items, "purge": true}
	for seed := range uint64(3) {
		random := rand.New(rand.NewPCG(seed, 1))
		l.FailSome(random)
		assert.Equal(t, 100, l.ok(task).Summary["created"])
		l.FailSome(random)
		assert.False(t, l.ok(task).Changed)
		for i := range items {
			items[i]["notes"] = fmt.Sprint(i, seed)
		}
		l.FailSome(random)
		assert.Equal(t, 100, l.ok(task).Summary["updated"])
		l.FailSome(random)
		assert.Equal(t, 100, l.ok(options{"stack": "shop", "state": "absent"}).Summary["deleted"])
		assert.Empty(t, l.names(serviceKind))
	}
}

// plight is a task for three hosts with services, of which one is new, one differs and one is to go, and of which another is purged.
func (l *lab) plight() resourcetest.Plight {
	var list []options
	for i := range 3 {
		list = append(list, element(fmt.Sprintf("service %d", i), options{"notes": "edited"}))
	}
	task := l.as(icingatest.Ansible, options{
		"stack": "shop", "check_command": "dummy", "notes": "edited", "services": list, "purge": true, "api_concurrency": 1,
		"hosts": []options{{"name": "new"}, {"name": "differs"}, {"name": "gone", "state": "absent"}},
	})
	after := map[string]string{"new": "edited", "differs": "edited"}
	for i := range 3 {
		after[fmt.Sprintf("new!service %d", i)], after[fmt.Sprintf("differs!service %d", i)] = "edited", "edited"
	}
	held := func(ours bool) map[string]string {
		notes := map[string]string{}
		for _, k := range []kind{hostKind, serviceKind} {
			for name, attrs := range l.root.Objects(l.T, k.plural(), "") {
				vars, _ := attrs["vars"].(map[string]any)
				if attrs["package"] == apiPackage && ours == (vars["stack"] == "shop") {
					notes[name], _ = attrs["notes"].(string)
				}
			}
		}
		return notes
	}
	mark := func(stack string) map[string]any {
		return map[string]any{"check_command": "dummy", "vars": map[string]any{"managed_by": "stackwatch", "stack": stack}}
	}
	return resourcetest.Plight{
		Task: task, After: after,
		Fill: func() func() any {
			for _, name := range []string{"differs", "gone", "purged"} {
				l.root.Put(l.T, "hosts", name, mark("shop"))
				for _, service := range []string{"service 0", "service 1", "extra"} {
					l.root.Put(l.T, "services", name+"!"+service, mark("shop"))
				}
			}
			l.host("theirs")
			l.root.Put(l.T, "services", "theirs!a", mark("blog"))
			l.root.Put(l.T, "services", "differs!by hand", map[string]any{"check_command": "dummy"})
			return func() any { return held(false) }
		},
		Result: func() any { return held(true) },
		Judge: func(a answer, at string) {
			there := held(true)
			for _, o := range a.Objects {
				notes, exists := there[resourcetest.Text(o.ID)]
				switch o.Action {
				case "created", "updated":
					assert.True(l.T, exists && notes == "edited", "%s: %s is told as %s and is not", at, *o.ID, o.Action)
				case "deleted":
					assert.False(l.T, exists, "%s: %s is told as deleted and is there", at, *o.ID)
				}
			}
			if !a.Failed {
				assert.Equal(l.T, after, there, at)
			}
		},
	}
}

// TestRunsAtOnceCreateNothingTwice: a server loses the file of an object that two callers create at once, and the object at its next start.
func TestRunsAtOnceCreateNothingTwice(t *testing.T) {
	t.Parallel()
	const runs, objects = 8, 300
	l := hostLab(t)
	var list []options
	for i := range objects {
		list = append(list, options{"name": fmt.Sprintf("host %d", i)})
	}
	task := l.as(icingatest.Ansible, options{"hosts": list, "check_command": "dummy"})
	created := 0
	for _, a := range l.Together(slices.Repeat([]options{task}, runs)...) {
		require.False(t, a.Failed, a.Msg)
		created += a.Summary["created"]
	}
	assert.Equal(t, objects, created, "each is created by one run, and told by it alone")
	assert.Equal(t, objects, l.recorder.Count(http.MethodPut, ""))
	assert.Len(t, l.server.Files(t), objects)
	l.server.Restart(t)
	assert.Len(t, l.names(hostKind), objects)
	l.settled(options{"hosts": list, "check_command": "dummy"})
}

// TestRunsAtOnceLoseNoVariable: variables are sent as a whole, so that a run that had looked before another one has written would take away
// what that one has set.
func TestRunsAtOnceLoseNoVariable(t *testing.T) {
	t.Parallel()
	const runs, objects = 8, 20
	l := hostLab(t)
	var names []string
	for i := range objects {
		names = append(names, fmt.Sprintf("host %d", i))
	}
	l.host(names...)
	var tasks []options
	want := map[string]any{"managed_by": "stackwatch", "stack": "shop"}
	for run := range runs {
		var list []options
		for _, name := range names {
			list = append(list, options{"name": name})
		}
		own := fmt.Sprintf("of run %d", run)
		task := options{"hosts": list, "vars": options{own: run}}
		if run%2 == 0 { // which takes them over
			task["stack"] = "shop"
		}
		tasks, want[own] = append(tasks, l.as(icingatest.Ansible, task)), float64(run)
	}
	for _, a := range l.Together(tasks...) {
		require.False(t, a.Failed, a.Msg)
	}
	for _, name := range names {
		assert.Equal(t, want, l.attributes(hostKind, name)["vars"], name)
	}
}

// TestSomebodyElsesCreationIsAdopted: another controller made it after the look.
func TestSomebodyElsesCreationIsAdopted(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	// The first query is answered as if nothing was there.
	l.host("web1")
	l.recorder.Inject(emulator.Rule{Index: 0, Fault: emulator.Fault{
		Kind: emulator.Status, Status: http.StatusNotFound, Body: `{"error":404,"status":"No objects found."}`,
	}})
	task := options{"name": "web1", "check_command": "dummy", "notes": "ours"}
	a := l.ok(task)
	assert.Equal(t, "ours", l.attributes(hostKind, "web1")["notes"], a.Raw)
	l.settled(task)
}

// TestACreationIsToldThoughItsVariablesFailed: a template's variables are completed by a second write.
func TestACreationIsToldThoughItsVariablesFailed(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	l.recorder.Inject(emulator.Rule{Index: emulator.AnyCall, Method: http.MethodPost, Path: "/v1/objects/hosts/web1", Times: 1, Fault: emulator.Fault{
		Kind: emulator.Status, Status: http.StatusForbidden, Body: `{"error":403,"status":"Missing permission: objects/modify/Host"}`,
	}})
	task := options{"name": "web1", "templates": []string{"generic-host"}, "vars": options{"a.b": 1}}
	a := l.run(task)
	assert.True(t, a.Failed, a.Raw)
	assert.True(t, a.Changed, a.Raw)
	require.Len(t, a.Objects, 1)
	assert.Equal(t, "failed", a.Objects[0].Action)
	assert.Equal(t, "web1", *a.Objects[0].ID)
	assert.Contains(t, a.Msg, "objects/modify/Host")
	assert.Equal(t, []string{"web1"}, l.names(hostKind))
	l.ok(task)
	l.settled(task)
}

func TestEachMissingPermissionIsNamed(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	all := []string{
		"status/query", "config/query", "objects/query/Host", "objects/create/Host", "objects/modify/Host", "objects/delete/Host",
		"objects/query/Service", "objects/create/Service", "objects/modify/Service", "objects/delete/Service",
	}
	mark := map[string]any{"managed_by": "stackwatch", "stack": "shop"}
	task := func() options {
		for name := range l.root.Objects(t, "hosts", `host.package == "_api"`) {
			l.root.Delete(t, "hosts", name)
		}
		for _, host := range []string{"differs", "gone"} {
			l.root.Put(t, "hosts", host, map[string]any{"check_command": "dummy", "vars": mark})
			l.root.Put(t, "services", host+"!a", map[string]any{"check_command": "dummy", "vars": mark})
			l.root.Put(t, "services", host+"!b", map[string]any{"check_command": "dummy", "vars": mark})
		}
		return options{
			"stack": "shop", "check_command": "dummy", "notes": "edited", "purge": true, "audit": true,
			"services": []options{element("a", options{"notes": "edited"}), element("c")}, "hosts": []options{{"name": "differs"}, {"name": "new"}},
		}
	}
	for _, missing := range all {
		user := l.server.AddUser(t, slices.DeleteFunc(slices.Clone(all), func(p string) bool { return p == missing })...)
		o := task()
		before := l.contents()
		a := l.Run(l.as(user, o))
		assert.True(t, a.Failed, missing)
		assert.Contains(t, strings.ToLower(a.Msg), strings.ToLower(missing), "the error names it")
		assert.Equal(t, before, l.contents(), "nothing was changed without %s", missing)
	}
	enough := l.server.AddUser(t, all...)
	o := task()
	require.False(t, l.Run(l.as(enough, o)).Failed)
	assert.ElementsMatch(t, []string{"differs", "new"}, l.names(hostKind))

	// Who may only look can still see what would be done.
	o["notes"] = "again"
	a := l.Run(l.as(icingatest.Reader, o.With(options{"_ansible_check_mode": true, "audit": false})))
	assert.False(t, a.Failed, a.Msg)
	assert.Equal(t, 2, a.Summary["updated"])
}

func TestAnAgentThatCannotLogInIsTold(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	o := options{"name": "web1", "check_command": "dummy"}
	a := l.Run(l.as(icingatest.Ansible, o).With(options{"password": "wrong password"}))
	assert.Contains(t, a.Msg, "the login of username and password (environment ICINGA2_API_USERNAME, ICINGA2_API_PASSWORD) was refused")
	assert.NotContains(t, a.Raw, "wrong password")
}

// The server closes connections that do not begin with TLS, without a word. A proxy before it may well speak plain HTTP, so that the URL is
// not refused.
func TestAnURLWithoutTLSGetsAHint(t *testing.T) {
	t.Parallel()
	l := sharedLab(t, world.hostModule, "objects")
	address := strings.TrimPrefix(l.server.URL, "https://")
	a := l.run(options{"name": "web1", "check_command": "dummy", "api_url": "http://" + address + "/v1/"})
	assert.Contains(t, a.Msg, "the connection was closed (EOF)")
	assert.Contains(t, a.Msg, "Icinga 2 speaks only HTTPS, so without a proxy that ends it api_url must be https://"+address)
}

func TestAClientCertificateIsEnough(t *testing.T) {
	t.Parallel()
	server := icingatest.Start(t, icingatest.Named("master.example.com"))
	l := labOn(t, server, world.hostModule, "objects")
	o := options{"name": "web1", "check_command": "dummy", "ca_path": server.CA, "client_cert": server.ClientCert, "client_key": server.ClientKey}
	l.Setup.TokenVariable = "NOTHING"
	a := l.Run(o)
	assert.Contains(t, a.Msg, "certificate is not accepted", "the certificate has another name")
	a = l.Run(o.With(options{"server_name": "master.example.com"}))
	assert.False(t, a.Failed, a.Msg)
	assert.NotNil(t, l.root.Object(t, "hosts", "web1"))
}

// TestWhatAServerForgetsIsRepaired kills the server right after a run: creations are on its disk, changes are not.
func TestWhatAServerForgetsIsRepaired(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	task := options{"stack": "shop", "check_command": "dummy", "audit": true, "hosts": []options{{"name": "web1"}, {"name": "web2"}}}
	l.ok(task)
	l.server.Kill(t)
	l.server.Restart(t)
	assert.ElementsMatch(t, []string{"web1", "web2"}, l.names(hostKind))
	l.settled(task)

	task["notes"] = "changed"
	assert.Equal(t, 2, l.ok(task).Summary["updated"])
	l.server.Kill(t)
	l.server.Restart(t)
	l.ok(task)
	assert.Equal(t, "changed", l.attributes(hostKind, "web2")["notes"])
	l.settled(task)
}

func TestAuditFindsWhatHasNoFile(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	task := options{"check_command": "dummy", "audit": true, "hosts": []options{{"name": "web1"}, {"name": "with space/and slash"}}}
	a := l.ok(task)
	assert.Contains(t, a.Raw, `"audit":[]`)
	folder := filepath.Dir(filepath.Dir(l.server.CA))
	files, err := filepath.Glob(filepath.Join(folder, "data", "api", "packages", "_api", "*", "conf.d", "hosts", "with space%2Fand slash.conf"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	require.NoError(t, os.Remove(files[0]))
	a = l.ok(task)
	assert.False(t, a.Changed)
	assert.Contains(t, a.Raw, `"audit":["with space/and slash"]`)
	assert.Contains(t, a.Warnings[0], "1 objects have no file on the server and will be gone when it restarts")
}
