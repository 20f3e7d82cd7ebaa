// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules/icinga2/icingatest"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile/reconciletest"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
	"github.com/stackwatch/ansible-monitoring/pkg/window"
)

const schedulePath = "/v1/actions/schedule-downtime"

// TestDowntimeContract holds the provider of downtimes to what every provider must do.
func TestDowntimeContract(t *testing.T) {
	t.Parallel()
	server := icingatest.Start(t)
	const identity, replaced = "is a part of the identity", "is replaced and not edited; see the tests of the module"
	reconciletest.Run(t, reconciletest.Suite[Downtime]{
		New: func(t testing.TB) reconciletest.Subject[Downtime] { return newDowntimeSubject(t, server) },
		Full: func(i int) Downtime {
			comment, author := fmt.Sprintf("Plan %d", i), "stackwatch"
			d := Downtime{Comment: &comment, Author: &author, Schedule: window.Schedule{Start: noon().Add(24 * time.Hour), Duration: 2 * time.Hour}}
			return d.at(place{host: "web1"})
		},
		NotEdited: map[string]string{
			"comment": identity, "author": identity, "host": identity, "service": identity, "start": replaced, "end": replaced, "fixed": replaced,
			"flexible_duration": replaced, "all_services": replaced, "child_hosts": replaced,
			"duplicates": "is what others have made; TestSeveralDowntimesOfOneObjectBecomeOne",
		},
	})
}

// newDowntimeSubject empties the server first.
func newDowntimeSubject(t testing.TB, server *icingatest.Server) reconciletest.Subject[Downtime] {
	p := pauseOn(t, server)
	p.empty()
	p.watch("web1")
	faults := map[reconciletest.Trouble][]emulator.Rule{
		reconciletest.LastPageFails: {emulator.On(http.MethodGet, "", emulator.Always, emulator.Fault{Kind: emulator.Status, Status: 503})},
		reconciletest.TooMany: {
			emulator.On(http.MethodGet, "", 1, emulator.Fault{Kind: emulator.Status, Status: 429}),
			emulator.On(http.MethodPost, "", 1, emulator.Fault{Kind: emulator.Status, Status: 429}),
		},
		reconciletest.CreateLost:    {emulator.On(http.MethodPost, "", 1, emulator.Fault{Kind: emulator.DropAfter})},
		reconciletest.CreateDropped: {emulator.On(http.MethodPost, "", 1, emulator.Fault{Kind: emulator.DropBefore})},
	}
	return reconciletest.Subject[Downtime]{
		Provider: newDowntimes(p.connect(), p.Clock.Now), Writes: p.recorder.Writes, Count: func() int { return len(p.stored()) },
		Arm: func(trouble reconciletest.Trouble) { p.recorder.Inject(faults[trouble]...) }, Sleep: p.Clock.Sleep,
		Trace: func() string { return "" },
	}
}

// upheaval is a task of downtimes to be scheduled, replaced, left alone and removed, among those that are none of its business.
func (p pause) upheaval() resourcetest.Plight {
	hosts := map[string][]string{}
	for verb, n := range map[string]int{"new": 9, "longer": 3, "same": 2, "gone": 2} {
		for i := range n {
			name := fmt.Sprintf("%s%d", verb, i)
			hosts[verb] = append(hosts[verb], name)
		}
	}
	p.watch(slices.Concat(hosts["new"], hosts["longer"], hosts["same"], hosts["gone"], []string{"child", "new0!http", "longer0!http"})...)
	p.below("child", "new0")
	p.below("child", "longer0")
	p.empty = p.removeDowntimes // the hosts stay as they are
	const mine = "Deployment"
	const later, begin, end = 24 * time.Hour, 24.0 * 60, 25.0 * 60 // the clock goes on while calls are repeated
	mineAlone := func(text string) bool { return strings.HasPrefix(strings.TrimPrefix(text, "+"), mine+" ") }
	of := func(own bool) []string {
		return slices.DeleteFunc(p.stored(), func(text string) bool { return mineAlone(text) != own })
	}
	after := []string{"+" + mine + " new0!http 1440-1500", "+" + mine + " longer0!http 1440-1500"}
	for _, host := range slices.Concat(hosts["new"], hosts["longer"], hosts["same"], []string{"child", "child"}) {
		after = append(after, mine+" "+host+" 1440-1500")
	}
	slices.Sort(after)
	return resourcetest.Plight{
		Task: p.as(icingatest.Ansible, options{"comment": mine, "api_concurrency": 1, "start": noon().Add(later).Unix(), "downtimes": []any{
			options{"hosts": []any{"new*", "longer*"}, "all_services": true, "child_hosts": "schedule"},
			options{"hosts": []any{"same*"}},
			options{"hosts": []any{"gone*"}, "state": "absent"},
		}}),
		Fill: func() func() any {
			for _, host := range hosts["longer"] {
				p.schedule(mine, host, begin, end-30, options{"all_services": true})
			}
			for _, host := range append(hosts["same"], hosts["gone"]...) {
				p.schedule(mine, host, begin, end, nil)
			}
			p.schedule("Another", "new0", begin, end, options{"all_services": true})
			p.schedule("Another", "gone0", begin, end, nil)
			p.recorder.ResetCalls()
			return func() any { return of(false) }
		},
		Result: func() any { return of(true) },
		After:  after,
		Judge: func(a answer, at string) {
			stored := of(true)
			for _, told := range p.read(a).Downtimes {
				there := slices.ContainsFunc(stored, func(text string) bool {
					return strings.HasPrefix(text, mine+" "+value(told.Host)+" ") && (told.Action == "deleted" || strings.HasSuffix(text, "-1500"))
				})
				switch told.Action {
				case "created", "replaced", "unchanged":
					assert.True(p.T, there, "%s: %s is told as %s: %v", at, value(told.Host), told.Action, stored)
				case "deleted":
					assert.False(p.T, there, "%s: %s is told as deleted", at, value(told.Host))
				}
			}
		},
	}
}

// TestDowntimeFaultMatrix lets each single call of a run fail in each way.
func TestDowntimeFaultMatrix(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"429", "500", "500 after", "dropped before", "dropped after", "cut off"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPause(t)
			p.EachCall(p.upheaval(), resourcetest.Faults()[name])
		})
	}
}

// TestManyHostsScheduleOneDowntime: the hosts of a play that all run the same task at once make one downtime, and remove it together.
func TestManyHostsScheduleOneDowntime(t *testing.T) {
	t.Parallel()
	p := newPause(t)
	p.watch("shop:web1", "shop:web2", "blog:web3")
	tasks := make([]options, 50)
	for i := range tasks {
		tasks[i] = p.as(icingatest.Ansible, options{"comment": "Deployment", "stack": []string{"shop", "blog"}[i%2]})
	}
	// Their clocks stand still, so that they are as one at the same moment.
	count := func(action string) (n int) {
		for _, a := range p.Together(tasks...) {
			require.False(t, a.Failed, a.Msg)
			n += a.Summary[action]
		}
		return n
	}
	assert.Equal(t, 3, count("created"))
	assert.Equal(t, []string{"Deployment web1 0-60", "Deployment web2 0-60", "Deployment web3 0-60"}, p.stored())
	assert.Zero(t, count("created")+count("replaced"))
	for i := range tasks {
		tasks[i]["state"] = "absent"
	}
	assert.Positive(t, count("deleted"))
	assert.Empty(t, p.stored())
}

// TestAMissingPermissionOfDowntimesIsNamed takes away one permission after the other.
func TestAMissingPermissionOfDowntimesIsNamed(t *testing.T) {
	t.Parallel()
	p := newPause(t)
	p.watch("shop:web1", "shop:web1!http")
	all := []string{
		"status/query", "objects/query/Host", "objects/query/Service", "objects/query/Downtime",
		"actions/schedule-downtime", "actions/remove-downtime",
	}
	task := deployment().With(options{"all_services": true})
	enough := p.server.AddUser(t, all...)
	for _, missing := range all {
		user := p.server.AddUser(t, slices.DeleteFunc(slices.Clone(all), func(permission string) bool { return permission == missing })...)
		o := task
		if missing == "actions/remove-downtime" {
			p.OK(p.as(enough, task))
			o = task.With(gone())
		}
		before := p.stored()
		a := p.Run(p.as(user, o))
		assert.True(t, a.Failed, missing)
		assert.Contains(t, strings.ToLower(a.Msg), "missing permission: "+strings.ToLower(missing), "the server writes types in lower case")
		assert.Equal(t, before, p.stored(), missing)
	}
	p.OK(p.as(enough, task.With(gone())))
	assert.Empty(t, p.stored())
}

// TestARestartMeanwhileIsTold: what a server was told may be lost where it is started anew at that moment.
func TestARestartMeanwhileIsTold(t *testing.T) {
	t.Parallel()
	p := newPause(t)
	conn := p.connect()
	var warnings []string
	conn.warn = func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	provider := newDowntimes(conn, p.Clock.Now)
	look := func() {
		_, err := provider.Observe(t.Context(), []reconcile.Want[Downtime]{{ID: "web1!x"}}, false)
		require.NoError(t, err)
	}
	look()
	p.server.Restart(t)
	look()
	require.NoError(t, provider.begin(t.Context()), "the first write")
	look()
	assert.Empty(t, warnings, "what was there before the first write is not lost")
	p.server.Restart(t)
	require.NoError(t, provider.begin(t.Context()), "another write")
	look()
	look()
	require.Len(t, warnings, 1)
	assert.Contains(t, warnings[0], "the server was reloaded or restarted")
}

// TestADowntimeThatVanishesIsNoSuccess: the server has confirmed what is not there.
func TestADowntimeThatVanishesIsNoSuccess(t *testing.T) {
	t.Parallel()
	p := newPause(t)
	p.watch("web1")
	p.recorder.Inject(emulator.On(http.MethodPost, schedulePath, 1, emulator.Fault{
		Kind: emulator.Status, Status: 200, Body: `{"results": [{"code": 200, "name": "web1!none", "status": "Successfully scheduled"}]}`,
	}))
	a := p.run(options{"comment": "C", "hosts": "web1"})
	assert.True(t, a.Failed)
	assert.Contains(t, a.Msg, "C (web1) by stackwatch: the server confirmed it, but it is not there")

	p.recorder.Inject(emulator.On(http.MethodPost, schedulePath, 1, emulator.Fault{
		Kind: emulator.Status, Status: 200, Body: `{"results": [{"code": 500, "status": "no"}]}`,
	}))
	a = p.run(options{"comment": "C", "hosts": "web1"})
	assert.True(t, a.Failed)
	assert.Contains(t, a.Msg, "scheduling downtime C (web1) by stackwatch: POST ")
	assert.Contains(t, a.Msg, "status 500 Internal Server Error: no")
}

// TestNoSecretOfDowntimesShows looks for the password in all that a run leaves, whatever becomes of it.
func TestNoSecretOfDowntimesShows(t *testing.T) {
	t.Parallel()
	p := newPause(t)
	p.watch("web1")
	password := p.server.Password(icingatest.Ansible)
	given := p.as(icingatest.Ansible, options{"comment": "C", "hosts": "web1"})
	for name, o := range map[string]options{
		"done": given, "refused": given.With(options{"duration": "0m"}), "failed": given.With(options{"hosts": "none"}), "ended": given.With(gone()),
	} {
		p.ExpectNoLeak(resourcetest.Secrets{"password": password}, p.Run(o), name)
	}
	for _, status := range []int{401, 403, 500} {
		echo := emulator.Fault{Kind: emulator.Status, Status: status, Body: `{"error": 1, "status": "password ` + password + ` is bad"}`}
		p.recorder.Inject(emulator.On("", "", emulator.Always, echo))
		a := p.Run(given)
		assert.True(t, a.Failed)
		p.ExpectNoLeak(resourcetest.Secrets{"password": password}, a, fmt.Sprint(status))
		p.recorder.ClearFaults()
	}
}
