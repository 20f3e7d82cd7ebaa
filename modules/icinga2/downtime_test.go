// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// deployment is the task that schedules a downtime for the stack shop.
func deployment() options { return options{"comment": "Deployment", "stack": "shop"} }

func gone() options { return options{"state": "absent"} }

func TestDowntimeDocumentation(t *testing.T) {
	t.Parallel()
	require.NoError(t, ansible.CheckSpec(DowntimeModule()))
}

// TestADeploymentsDowntime follows the downtimes of a stack from the beginning to the end.
func TestADeploymentsDowntime(t *testing.T) {
	t.Parallel()
	p := newPause(t)
	p.watch("shop:web1", "shop:web1!http", "web1!by hand", "blog:web2", "shop:web2!shared", "lone")

	a := p.does(deployment())
	assert.Equal(t, []string{"web1 created", "web1!http created", "web2!shared created"}, a.actions())
	assert.Equal(t, []string{"Deployment web1 0-60", "Deployment web1!http 0-60", "Deployment web2!shared 0-60"}, p.stored())
	first := p.ids()
	assert.Equal(t, first["web1!http"], value(a.Downtimes[1].ID))
	assert.Equal(t, "2099-11-21T12:00:00Z", value(a.Downtimes[1].Start))
	assert.Equal(t, "2099-11-21T13:00:00Z", value(a.Downtimes[1].End))
	assert.Equal(t, "stackwatch", value(a.Downtimes[1].Author))

	p.pass(20 * time.Minute)
	p.rests(deployment())
	p.recorder.ResetCalls()
	p.ok(deployment())
	assert.Len(t, p.recorder.Calls(), 3, "hosts, services and downtimes")

	p.pass(20 * time.Minute)
	a = p.does(deployment())
	assert.Equal(t, []string{"web1 replaced", "web1!http replaced", "web2!shared replaced"}, a.actions(), "a deployment that starts over gets its time")
	assert.Equal(t, []string{"Deployment web1 0-100", "Deployment web1!http 0-100", "Deployment web2!shared 0-100"}, p.stored())
	assert.NotEqual(t, first, p.ids())
	p.rests(deployment())

	a = p.does(deployment().With(gone()))
	assert.Equal(t, []string{"web1 deleted", "web1!http deleted", "web2!shared deleted"}, a.actions())
	assert.Empty(t, p.stored())
	p.rests(deployment().With(gone()))
	p.does(deployment())
	assert.Len(t, p.stored(), 3)
}

// TestAScheduledDowntime follows one with a time.
func TestAScheduledDowntime(t *testing.T) {
	t.Parallel()
	p := newPause(t)
	p.watch("web1", "web2")
	evening := options{"comment": "Upgrade", "host": "web1", "start": "2099-11-21T22:00:00+01:00", "duration": "2h"}
	p.does(evening)
	assert.Equal(t, []string{"Upgrade web1 540-660"}, p.stored())
	p.rests(evening)
	p.rests(evening.With(options{"start": "2099-11-21T21:00:30Z"}))
	p.rests(evening.With(options{"start": noon().Unix() + 9*3600}))

	a := p.does(evening.With(options{"start": "2099-11-21T22:00:00Z", "duration": "1h"}))
	assert.Equal(t, []string{"start"}, a.changed())
	assert.Equal(t, []string{"Upgrade web1 600-660"}, p.stored())

	tomorrow := evening.With(options{"start": "2099-11-22T22:00:00+01:00"})
	p.does(tomorrow)
	assert.Len(t, p.stored(), 2, "another night is another downtime")
	p.does(tomorrow.With(gone()))
	assert.Equal(t, []string{"Upgrade web1 600-660"}, p.stored(), "a start limits what goes to its time")

	a = p.does(options{"comment": "Upgrade", "host": "web1", "duration": "12h"})
	assert.Equal(t, []string{"start"}, a.changed(), "now is earlier than what was scheduled; it lasts long enough")
	assert.Equal(t, []string{"Upgrade web1 0-660"}, p.stored())
	late := evening.With(options{"start": "2099-11-21T11:30:00Z", "duration": "1h"})
	assert.Equal(t, []string{"end"}, p.does(late).changed(), "the start of what has begun is left")
	p.rests(late)
	assert.Contains(t, p.refusal(late.With(options{"duration": "30m"})), "that window was over at 2099-11-21T12:00:00Z")
}

// TestServicesBelongToTheirHostsDowntime: they come with it, go with it, and one that was added since is covered too.
func TestServicesBelongToTheirHostsDowntime(t *testing.T) {
	t.Parallel()
	p := newPause(t)
	p.watch("web1", "web1!http", "web1!ssh", "web2")
	all := options{"comment": "D", "hosts": []any{"web1", "web2"}, "all_services": true}
	assert.Equal(t, []string{"web1 created", "web2 created"}, p.does(all).actions())
	assert.Equal(t, []string{"+D web1!http 0-60", "+D web1!ssh 0-60", "D web1 0-60", "D web2 0-60"}, p.stored())
	p.rests(all)
	p.rests(options{"comment": "D", "hosts": "web1, web2"})

	p.watch("web1!new")
	a := p.does(all)
	assert.Equal(t, []string{"web1 replaced", "web2 unchanged"}, a.actions())
	assert.Equal(t, []any{"http", "new", "ssh"}, a.Downtimes[0].Changes["all_services"].After)
	assert.Len(t, p.stored(), 3+2)
	p.root.Delete(t, "services", "web1!ssh")
	p.rests(all)

	assert.Equal(t, []string{"web1 replaced", "web2 unchanged"}, p.does(all.With(options{"all_services": false})).actions())
	assert.Equal(t, []string{"D web1 0-60", "D web2 0-60"}, p.stored())
	p.does(all)
	p.does(options{"comment": "D", "host": "web1", "state": "absent"})
	assert.Equal(t, []string{"D web2 0-60"}, p.stored())
}

// TestChildHostsBelongToTheirParentsDowntime: the server tells nothing of whose children they are. They are known again also after a restart.
func TestChildHostsBelongToTheirParentsDowntime(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"schedule", "trigger"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			p := newPause(t)
			p.watch("router", "switch", "web1", "web1!http", "other", "other child")
			p.below("switch", "router")
			p.below("web1", "switch")
			p.below("other child", "other")
			task := options{"comment": "D", "hosts": "router, other", "child_hosts": mode, "all_services": true}
			assert.Equal(t, []string{"other created", "router created"}, p.does(task).actions())
			whole := []string{"+D web1!http 0-60", "D other 0-60", "D other child 0-60", "D router 0-60", "D switch 0-60", "D web1 0-60"}
			assert.Equal(t, whole, p.stored())
			p.rests(task)
			p.server.Restart(t)
			p.rests(task)

			// A downtime for a child's own sake is another one.
			own := options{"comment": "D", "host": "switch"}
			assert.Equal(t, []string{"switch created"}, p.does(own).actions())
			p.rests(own)
			p.rests(task)
			p.does(own.With(gone()))
			assert.Equal(t, whole, p.stored())

			other := map[string]string{"schedule": "trigger", "trigger": "schedule"}[mode]
			assert.Equal(t, []string{"other replaced", "router replaced"}, p.does(task.With(options{"child_hosts": other})).actions())
			assert.Equal(t, whole, p.stored())
			p.does(options{"comment": "D", "host": "router", "state": "absent"})
			assert.Equal(t, []string{"D other 0-60", "D other child 0-60"}, p.stored())
			p.does(task.With(options{"hosts": "other", "child_hosts": "none"}))
			assert.Equal(t, []string{"D other 0-60"}, p.stored())
			p.rests(task.With(options{"hosts": "other", "child_hosts": "none"}))
		})
	}
}

func TestWhatADowntimeIsFor(t *testing.T) {
	t.Parallel()
	p := newPause(t)
	p.watch("shop:web1", "shop:web1!http", "shop:web1!ssh", "web2", "shop:web2!http", "web2!ssh", "blog:WEB3", "WEB3!http", "db1", "db1!http")
	for _, c := range []struct {
		task options
		want []string
	}{
		{options{"hosts": "web1"}, []string{"web1"}},
		{options{"host": "web1", "service": "ssh"}, []string{"web1!ssh"}},
		{options{"hosts": []any{"web?"}}, []string{"web1", "web2"}},
		{options{"hosts": []any{"*"}}, []string{"WEB3", "db1", "static-host", "web1", "web2"}},
		{options{"hosts": []any{"db*", "web1"}, "services": []any{"h*"}}, []string{"db1!http", "web1!http"}},
		{options{"hosts": []any{"w*"}, "services": []any{"*"}}, []string{"web1!http", "web1!ssh", "web2!http", "web2!ssh"}},
		{options{"stack": "shop"}, []string{"web1", "web1!http", "web1!ssh", "web2!http"}},
		{options{"stack": "shop", "hosts": []any{"web1"}}, []string{"web1", "web1!http", "web1!ssh"}},
		{options{"stack": "shop", "services": []any{"http"}}, []string{"web1!http", "web2!http"}},
		{options{"stack": "shop", "hosts": []any{"web*"}, "services": []any{"ssh"}}, []string{"web1!ssh"}},
		{options{"stack": "shop", "all_services": true}, []string{"web1", "web2!http"}},
	} {
		task := options{"comment": "C"}.With(c.task)
		var at []string
		for _, d := range p.does(task).Downtimes {
			at = append(at, place{value(d.Host), value(d.Service)}.String())
		}
		assert.Equal(t, c.want, at, c.task)
		p.rests(task)
		p.schedule("C", "db1!http", 100, 200, options{"author": "somebody else"})
		p.does(task.With(gone()))
		assert.Equal(t, []string{"C db1!http 100-200"}, p.stored(), c.task)
		p.does(options{"comment": "C", "author": "somebody else", "state": "absent"})
		assert.Empty(t, p.stored())
	}
	for _, c := range []struct {
		task options
		want string
	}{
		{options{"hosts": []any{"web1", "web9", "x*"}}, "nothing was changed: C: there is no object that these mean: web9, x*"},
		{options{"hosts": []any{"web1", "db1"}, "services": []any{"http", "ssh"}}, "there is no object that these mean: db1!ssh"},
		{options{"hosts": []any{"web2"}, "stack": "blog"}, "there is no object in the stack blog that these mean: web2"},
		{options{"stack": "none"}, "there is no host or service for the downtime: nothing matches stack none"},
		{options{"stack": "shop", "services": []any{"dns"}}, "nothing matches stack shop: services dns"},
		{options{"hosts": []any{"Web1"}}, "Web1"},
		{options{"downtimes": []any{options{"hosts": "web1"}, options{"hosts": "nobody"}}}, "C: there is no object that these mean: nobody"},
		{options{"downtimes": []any{options{"hosts": "web1"}, options{"hosts": "web*"}}}, "C (web1) by stackwatch: declared twice"},
	} {
		assert.Contains(t, p.fails(options{"comment": "C"}.With(c.task)), c.want)
	}
	assert.Empty(t, p.stored())
	// What shall not be any more need not exist.
	for _, o := range []options{{"hosts": "nobody"}, {"stack": "none"}, {"hosts": "web1", "services": "dns"}, {"hosts": "x*"}, {}} {
		p.rests(options{"comment": "C"}.With(o).With(gone()))
	}
}

func TestBadDowntimesAreRefusedBeforeAnyCall(t *testing.T) {
	t.Parallel()
	p := newPause(t)
	host := options{"comment": "C", "hosts": "web1"}
	for _, c := range []struct {
		task options
		want string
	}{
		{options{}, "one of the following is required: comment, id, downtimes"},
		{options{"comment": "C"}, "one of the following is required to say what the downtime is for: hosts, stack"},
		{options{"comment": "C", "services": "http"}, "services needs to know of which hosts"},
		{options{"comment": "C", "services": "http", "state": "absent"}, "services needs to know of which hosts"},
		{options{"comment": " ", "hosts": "web1"}, "value of comment must be a text that is not empty"},
		{options{"comment": "{{ why }}", "hosts": "web1"}, "value of comment must be rendered"},
		{host.With(options{"author": ""}), "value of author must be a text that is not empty"},
		{host.With(options{"hosts": []any{}}), "value of hosts must hold a name or a pattern at least, got an empty list"},
		{host.With(options{"hosts": []any{}, "state": "absent"}), "value of hosts must hold a name"},
		{host.With(options{"hosts": ""}).With(gone()), "value of hosts must hold a name"},
		{host.With(options{"hosts": nil}).With(gone()), "value of hosts must not be null"},
		{host.With(options{"hosts": []any{nil}}), "value of hosts[0] must not be null"},
		{host.With(options{"hosts": "None"}).With(gone()), "value of hosts must be a text or left out, got: None"},
		{host.With(options{"hosts": "web1!http"}), "without an exclamation mark"},
		{host.With(options{"hosts": "{{ host }}"}), "value of hosts must be rendered"},
		{host.With(options{"services": []any{}}), "value of services must hold a name"},
		{host.With(options{"services": "http", "all_services": true}), "all_services: true is for hosts and goes with no services, got: http"},
		{host.With(options{"stack": nil}), "value of stack must be the name of a stack, got null"},
		{host.With(options{"start": nil}), "value of start must not be null"},
		{host.With(options{"start": "tomorrow"}), "value of start must be now, a time with its zone"},
		{host.With(options{"start": "2099-11-21T22:00:00"}), "got a time without a zone"},
		{host.With(options{"start": "2099-11-21T10:00:00Z"}), "that window was over at 2099-11-21T11:00:00Z"},
		{host.With(options{"duration": 30}), "value of duration must be a duration from 1m to 30d, got: 30"},
		{host.With(options{"duration": "-1h"}), "value of duration must be a duration such as"},
		{host.With(options{"duration": "0m"}), "value of duration must be a duration from 1m to 30d"},
		{host.With(options{"flexible_duration": "10m"}), "flexible_duration goes with fixed: false alone, got: 10m"},
		{host.With(options{"fixed": false}), "fixed is false but all of the following are missing: flexible_duration"},
		{host.With(options{"fixed": false, "flexible_duration": "0s"}), "value of flexible_duration must be a duration from 1m to 30d"},
		{host.With(options{"child_hosts": "all"}), "value of child_hosts must be one of"},
		{options{"id": "web1!x"}, "id goes only with state: absent"},
		{options{"id": "", "state": "absent"}, "value of id must be the full name of a downtime"},
		{options{"id": "web1!", "state": "absent"}, "value of id must be the full name of a downtime"},
		{options{"id": "web1!x", "hosts": "web1", "state": "absent"}, "id names one downtime, which goes with none of"},
		{options{"downtimes": []any{options{"hosts": "web1"}}}, "downtimes[0]: missing required arguments: comment"},
		{options{"comment": "C", "downtimes": []any{options{"hosts": "a"}, options{"hosts": nil}}}, "value of downtimes[1].hosts must not be null"},
	} {
		assert.Contains(t, p.refusal(c.task), c.want, c.task)
	}
	p.recorder.ResetCalls()
	p.ok(options{"downtimes": []any{}, "comment": "C"})
	p.ok(options{"downtimes": nil})
	assert.Empty(t, p.recorder.Calls(), "no downtime, no call")
}

// TestAFlexibleDowntime begins with the first problem, and differs from a fixed one.
func TestAFlexibleDowntime(t *testing.T) {
	t.Parallel()
	p := newPause(t)
	p.watch("web1")
	fixed := options{"comment": "C", "hosts": "web1", "duration": "4h"}
	flexible := fixed.With(options{"fixed": false, "flexible_duration": "10m"})
	p.does(flexible)
	attrs := p.root.Object(t, "downtimes", p.ids()["web1"])
	assert.Equal(t, []any{false, 600.0}, []any{attrs["fixed"], attrs["duration"]})
	p.rests(flexible)
	p.rests(flexible.With(options{"flexible_duration": "600s"}))
	p.rests(fixed)
	assert.Equal(t, []string{"flexible_duration"}, p.does(flexible.With(options{"flexible_duration": "20m"})).changed())
	assert.Equal(t, []string{"fixed", "flexible_duration"}, p.does(fixed.With(options{"fixed": true})).changed())
	assert.Equal(t, []string{"C web1 0-240"}, p.stored())
	p.rests(fixed)
}

// TestAFlexibleDowntimeThatHasBegunOutlastsItsEnd: it is not over before its own duration is.
func TestAFlexibleDowntimeThatHasBegunOutlastsItsEnd(t *testing.T) {
	t.Parallel()
	at := func(minutes float64) float64 {
		return toSeconds(noon().Add(time.Duration(minutes * float64(time.Minute))))
	}
	for _, c := range []struct {
		rule      string
		fixed     bool
		triggered float64
		goes      bool
	}{
		{"it has begun and goes on", false, at(-5), true},
		{"it has begun and is over", false, at(-11), false},
		{"it has not begun", false, 0, false},
		{"a fixed one ends with its end", true, at(-60), false},
	} {
		have := families([]object[wireDowntime]{{Name: "web1!x", Attrs: wireDowntime{
			Host: "web1", Start: at(-60), End: at(-1), Fixed: c.fixed, Duration: 600, Triggered: c.triggered,
		}}})
		p := &downtimes{begun: noon()}
		assert.Equal(t, c.goes, p.goes(Downtime{}, have[0].State), c.rule)
		assert.Empty(t, p.Find([]reconcile.Found[Downtime]{have[0].Found()})(reconcile.Want[Downtime]{State: have[0].State}), "whose end has come is not what shall be")
	}
}

// TestDowntimesThatAreNobodysBusinessStay surrounds one with all that could be taken for it.
func TestDowntimesThatAreNobodysBusinessStay(t *testing.T) {
	t.Parallel()
	p := newPause(t)
	p.watch("web1", "web1!http", "web2")
	p.schedule("C", "web1", 0, 60, options{"author": "other"})
	p.schedule("c", "web1", 0, 60, nil)
	p.schedule("C!", "web1", 0, 60, nil)
	p.schedule("C", "web1!http", 0, 60, nil)
	p.schedule("C", "web1", 100, 200, nil)
	p.schedule("C", "web1", -200, -100, nil)
	p.schedule("C", "web1", -200, 0, nil)
	p.root.Put(t, "downtimes", "web1!owned", map[string]any{
		"author": "stackwatch", "comment": "C", "fixed": true, "start_time": noon().Unix(), "end_time": noon().Unix() + 1800,
		"config_owner": "web1!every night", // as a ScheduledDowntime of that name makes it
	})
	before := p.stored()

	task := options{"comment": "C", "hosts": "web1", "duration": "30m", "start": "2099-11-21T12:00:00Z"}
	assert.Equal(t, []string{"web1 created"}, p.does(task).actions())
	p.rests(task)
	assert.Equal(t, []string{"web1 deleted"}, p.does(task.With(gone())).actions())
	assert.Equal(t, before, p.stored())
	a := p.does(options{"comment": "C", "state": "absent"})
	assert.Equal(t, []string{"web1 deleted", "web1!http deleted"}, a.actions(), "the one to come too, and not what is over")
	p.rests(options{"id": "web1!owned", "state": "absent"})
	assert.Contains(t, p.stored(), "C web1 0-30")
}

// TestSeveralDowntimesOfOneObjectBecomeOne: those of other tools, and what an interrupted replacement has left.
func TestSeveralDowntimesOfOneObjectBecomeOne(t *testing.T) {
	t.Parallel()
	p := newPause(t)
	p.watch("web1")
	task := options{"comment": "C", "hosts": "web1"}
	for name, c := range map[string]struct {
		ends []float64
		does string
		want string
	}{
		"as they shall be":         {[]float64{50, 60}, "updated", "C web1 -5-60"},
		"one is":                   {[]float64{10, 60, 300}, "updated", "C web1 -5-60"},
		"one is, which came later": {[]float64{240, 61}, "updated", "C web1 -5-61"},
		"none is":                  {[]float64{10, 300}, "replaced", "C web1 -5-60"},
	} {
		for _, end := range c.ends {
			p.schedule("C", "web1", -5, end, nil)
		}
		assert.Equal(t, []string{"web1 " + c.does}, p.does(task).actions(), name)
		assert.Equal(t, []string{c.want}, p.stored(), name)
		p.rests(task)
		for range 2 {
			p.schedule("C", "web1", -5, 30, nil)
		}
		assert.Len(t, p.does(task.With(gone())).actions(), 3, "all go")
		assert.Empty(t, p.stored())
	}
}

func TestADowntimeIsRemovedByItsID(t *testing.T) {
	t.Parallel()
	p := newPause(t)
	p.watch("web1", "web2")
	p.does(options{"comment": "C", "hosts": "web*"})
	p.rests(options{"comment": "D", "downtimes": []any{options{"hosts": "web1"}, options{"hosts": "web*"}}, "state": "absent"})
	ids := p.ids()
	byID := options{"id": ids["web1"], "state": "absent"}
	assert.Equal(t, []string{"web1 deleted"}, p.does(byID).actions())
	p.rests(byID)
	both := options{"downtimes": []any{options{"id": ids["web1"]}, options{"id": ids["web2"]}}, "state": "absent"}
	assert.Equal(t, []string{" unchanged", "web2 deleted"}, p.does(both).actions())
	assert.Empty(t, p.stored())
	p.does(options{"comment": "C", "hosts": "web*"})
	twice := []any{options{"hosts": "web1"}, options{"hosts": "web*"}}
	assert.Equal(t, []string{"web1 deleted", "web2 deleted"}, p.does(options{"comment": "C", "downtimes": twice, "state": "absent"}).actions())
}

// TestAnyNameIsScheduled: hosts, services, authors and comments of whatever people call things.
func TestAnyNameIsScheduled(t *testing.T) {
	t.Parallel()
	p := newPause(t)
	names := []string{"with space", "a/b", "100%", `"quoted"`, "it's", "Zürich 東京", "a,b", "back\\slash", "[x]", "$y$"}
	for _, name := range names {
		p.watch(name, name+"!"+name)
		task := options{"comment": name + "\n&&", "author": name, "hosts": []any{name}, "all_services": true, "child_hosts": "schedule"}
		assert.Equal(t, []string{name + " created"}, p.does(task).actions())
		p.rests(task)
		one := options{"comment": name, "hosts": []any{name}, "services": []any{name}}
		assert.Equal(t, []string{name + "!" + name + " created"}, p.does(one).actions())
		p.rests(one)
		p.does(one.With(gone()))
		p.does(task.With(gone()))
		assert.Empty(t, p.stored())
	}
}

// TestDowntimesSurviveACrash: what the task has told as done is on the server's disk.
func TestDowntimesSurviveACrash(t *testing.T) {
	t.Parallel()
	p := newPause(t)
	p.watch("web1", "web1!http")
	task := options{"comment": "C", "hosts": "web1", "all_services": true, "child_hosts": "trigger"}
	p.does(task)
	before := p.stored()
	p.server.Kill(t)
	p.server.Restart(t)
	assert.Equal(t, before, p.stored())
	p.rests(task)
	p.does(task.With(gone()))
	p.server.Kill(t)
	p.server.Restart(t)
	assert.Empty(t, p.stored())
}

// TestADowntimeIsInForce asks the server, by its own clock, whether it takes what was scheduled for a downtime.
func TestADowntimeIsInForce(t *testing.T) {
	t.Parallel()
	p := newPause(t)
	p.watch("web1", "web1!http", "web2")
	p.below("web2", "web1")
	started := p.server.ProgramStart(t) // a moment ago
	p.pass(time.UnixMicro(int64(started * 1e6)).Sub(p.Clock.Now()))
	depths := func() []any {
		return []any{
			p.root.Object(t, "hosts", "web1")["downtime_depth"], p.root.Object(t, "services", "web1!http")["downtime_depth"],
			p.root.Object(t, "hosts", "web2")["downtime_depth"],
		}
	}
	task := options{"comment": "C", "hosts": "web1", "all_services": true, "child_hosts": "schedule", "duration": "2h"}
	p.does(task)
	assert.Equal(t, []any{1.0, 1.0, 1.0}, depths())
	p.rests(task)
	p.does(task.With(gone()))
	assert.Equal(t, []any{0.0, 0.0, 0.0}, depths())
}

// TestExamplesOfDowntimesWork runs the tasks that the documentation shows, one after the other.
func TestExamplesOfDowntimesWork(t *testing.T) {
	t.Parallel()
	p := newPause(t)
	p.server.Furnish(t)
	var documentation struct {
		Examples string `yaml:"EXAMPLES"`
	}
	require.NoError(t, yaml.Unmarshal(downtimeDocumentation, &documentation))
	var tasks []struct {
		Name   string
		Module options `yaml:"icinga2_downtime"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(documentation.Examples), &tasks))
	require.Len(t, tasks, 6)
	for _, task := range tasks {
		assert.True(t, p.does(task.Module).Changed, task.Name)
		p.rests(task.Module)
	}
	assert.Equal(t, []string{
		"+Operating system update web1!http 540-660", "+Operating system update web2!http 540-660", "Import db1!disk 13860-14100",
		"Operating system update web1 540-660", "Operating system update web2 540-660",
	}, p.stored())
}
