// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules/alerta/alertatest"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// TestAStackGoesWithAllThatItHas clears one of a hundred stacks, of 10,000 alerts, among which are stacks and hosts whose names begin alike.
func TestAStackGoesWithAllThatItHas(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, l *lab) {
		l.server.Insert(t, alertatest.Stacks(100, 100)...)
		done := l.ok(task{"stack": "s1", "action": "delete"})
		assert.Len(t, done.Alerts, 100)
		assert.Equal(t, 100, done.Summary["deleted"])
		left := l.server.Alerts(t)
		assert.Len(t, left, 9900)
		for _, a := range left {
			assert.NotContains(t, a.Tags, "stack=s1", "%s is left", a.Resource)
		}
		for _, o := range done.Alerts {
			assert.True(t, strings.HasSuffix(o.Resource, ".s1.example.com"), o.Resource)
		}
	})
}

// TestNamesAreComparedExactly clears what is named, whatever is in the name, and no neighbour of it.
func TestNamesAreComparedExactly(t *testing.T) {
	t.Parallel()
	names := []string{
		"web1", "web10", "web1.s1", "web1xs1", "web1:9100", "~web1", "WEB1", `web"1`, "web'1", "web/1", `web\1`, "web%1", "web_1", "web1%", "bücher", "buecher",
		"[a-z]+", "web1|web10", "web 1", "a,b", "日本",
	}
	onBoth(t, func(t *testing.T, l *lab) {
		for _, by := range []string{"resource", "tags", "stack"} {
			l.server.Reset(t)
			var all []alertatest.Alert
			for _, name := range names {
				all = append(all, alert("", name, "down", func(a *alertatest.Alert) { a.Tags = []string{name, "stack=" + name} }))
			}
			l.server.Insert(t, all...)
			for _, name := range names {
				done := l.run(task{by: []string{name}, "action": "delete"})
				require.False(t, done.Failed, done.Msg)
				assert.Equal(t, []string{name + "/down"}, done.cleared("deleted"), "by %s", by)
			}
			assert.Empty(t, l.left(), "each was there until it was its turn")
		}
	})
}

func TestEachActionIsDoneOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, l *lab) {
		for action, want := range map[string]struct {
			status  string
			updated []string
		}{
			"close":  {"closed", []string{"web/ack", "web/open", "web/shelved"}},
			"ack":    {"ack", []string{"web/open"}},
			"shelve": {"shelved", []string{"web/ack", "web/open"}},
		} {
			l.server.Reset(t)
			var all []alertatest.Alert
			for _, status := range []string{"open", "ack", "shelved", "closed", "expired"} {
				all = append(all, alert("s1", "web", status, func(a *alertatest.Alert) { a.Status = status }))
			}
			l.server.Insert(t, append(all, alert("s2", "web", "other"))...)
			done := l.ok(task{"stack": "s1", "action": action})
			assert.Equal(t, want.updated, done.cleared("updated"), action)
			assert.Len(t, done.Alerts, 5)
			for _, a := range l.server.Alerts(t) {
				if slices.Contains(want.updated, "web/"+a.Event) {
					assert.Equal(t, want.status, a.Status, "%s of %s", action, a.Event)
				} else if a.Event != "other" {
					assert.Equal(t, a.Event, a.Status, "%s leaves others as they are", action)
				}
			}
			for _, o := range done.Alerts {
				if o.Action == "updated" {
					assert.Equal(t, want.status, o.Status)
					assert.Equal(t, want.status, o.Changes["status"].After)
				} else if o.Status != want.status {
					assert.Equal(t, action+" has no effect on an alert whose status is "+o.Status, o.Reason)
				}
			}
		}
	})
}

func TestOrphansAreCleared(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, l *lab) {
		old := aged(time.Hour)
		dev := func(a *alertatest.Alert) { a.Environment = "Development" }
		fill := func() {
			l.server.Reset(t)
			l.server.Insert(t, alert("s1", "web1", "live", old), alert("s10", "web10", "dead", old), alert("s10", "web10", "young"),
				alert("", "web1", "loose", old), alert("", "web2", "loose", old), alert("s10", "web10", "elsewhere", old, dev))
		}
		for name, c := range map[string]struct {
			live task
			want []string
		}{
			"by stacks":    {task{"stacks": []string{"s1"}}, []string{"web10/dead"}},
			"by resources": {task{"resources": []string{"web1"}}, []string{"web10/dead", "web2/loose"}},
			"by both":      {task{"stacks": []string{"s10"}, "resources": []string{"web1"}}, []string{"web2/loose"}},
		} {
			fill()
			done := l.ok(task{"environment": "Production", "action": "delete", "live": c.live, "grace": "30m"})
			assert.Equal(t, c.want, done.cleared("deleted"), name)
			assert.Len(t, l.left(), 6-len(c.want), name)
			assert.Equal(t, "belongs to nothing that is live", done.Alerts[0].Reason)
		}
		fill()
		of := func(environment string) map[string]any { return map[string]any{"environment": environment} }
		beat := l.server.Beat(t, alertatest.Heartbeat{Origin: "cron/web10", Tags: []string{"stack=s10"}, Attributes: of("Production")})
		l.server.Beat(t, alertatest.Heartbeat{Origin: "cron/web1", Tags: []string{"stack=s1"}, Attributes: of("Production")})
		l.server.Beat(t, alertatest.Heartbeat{Origin: "cron/loose", Attributes: of("Production")})
		l.server.Age(t, time.Hour, l.server.Beat(t, alertatest.Heartbeat{Origin: "dev", Tags: []string{"stack=dev"}, Attributes: of("Development")}))
		l.server.Age(t, time.Hour, l.server.Beat(t, alertatest.Heartbeat{Origin: "untold", Tags: []string{"stack=dev"}}))
		assert.Empty(t, l.run(task{"environment": "Production", "heartbeats": true, "live": task{"stacks": []string{"s1"}}, "grace": "30m"}).Heartbeats)
		l.server.Age(t, time.Hour, beat)
		l.ok(task{"environment": "Production", "heartbeats": true, "live": task{"stacks": []string{"s1"}}, "grace": "30m"})
		assert.Len(t, l.server.Heartbeats(t), 4, "those of another environment, or of none, are not judged by this list")
	})
}

func TestHeartbeatsGo(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, l *lab) {
		beat := func(origin, stack string) string {
			return l.server.Beat(t, alertatest.Heartbeat{Origin: origin, Tags: []string{"stack=" + stack}})
		}
		beat("cron/web1", "s1")
		beat("cron/web10", "s10")
		l.server.Age(t, 48*time.Hour, beat("cron/old", "s100"))
		left := func() (origins []string) {
			for _, h := range l.server.Heartbeats(t) {
				origins = append(origins, h.Origin)
			}
			return origins
		}
		done := l.ok(task{"stack": "s1", "heartbeats": true})
		require.Len(t, done.Heartbeats, 1)
		assert.Equal(t, "cron/web1", done.Heartbeats[0].Origin)
		assert.Equal(t, []string{"cron/old", "cron/web10"}, left())
		l.ok(task{"heartbeats": true, "heartbeats_older_than": "1d"})
		assert.Equal(t, []string{"cron/web10"}, left())
		l.ok(task{"heartbeats": true, "origin": "cron/web1"})
		assert.Equal(t, []string{"cron/web10"}, left())
		l.ok(task{"heartbeats": true, "origin": "cron/web10", "environment": "Production"})
		assert.Empty(t, left())
	})
}

func TestBlackoutsAreMadeOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, l *lab) {
		open := task{"environment": []string{"Production", "Development"}, "stack": "s1", "blackout": "present", "duration": "1h"}
		stranger := l.server.BlackOut(t, alertatest.Blackout{Environment: "Production", Tags: []string{"stack=s10"}, Duration: 3600})
		done := l.ok(open)
		assert.Equal(t, 2, done.Summary["created"])
		require.Len(t, l.server.Blackouts(t), 3)

		suppressed := l.server.Send(t, alert("s1", "web", "suppressed"))
		assert.Empty(t, l.left(), "the alert %v is suppressed", suppressed)
		l.server.Send(t, alert("s2", "web", "passes"))
		assert.Equal(t, []string{"web/passes"}, l.left())

		done = l.ok(open.With(task{"duration": "3h"}))
		assert.Equal(t, 2, done.Summary["updated"])

		// A duplicate that another controller made in the same moment, and leftovers whose text is no matter.
		l.server.BlackOut(t, alertatest.Blackout{Environment: "Production", Tags: []string{"stack=s1"}, Duration: 3 * 3600, Text: "cleared by alerta_housekeeping"})
		past := func(d time.Duration) string { return time.Now().UTC().Add(-d).Format(alertatest.TimeFormat) }
		l.server.BlackOut(t, alertatest.Blackout{Environment: "Production", Tags: []string{"stack=s1"}, StartTime: past(2 * time.Hour), EndTime: past(time.Hour)})
		other := l.server.BlackOut(t, alertatest.Blackout{Environment: "Production", Tags: []string{"stack=s10"}, StartTime: past(2 * time.Hour), EndTime: past(time.Hour)})
		planned := l.server.BlackOut(t, alertatest.Blackout{Environment: "Production", Tags: []string{"stack=s1"}, StartTime: past(-2 * time.Hour), EndTime: past(-3 * time.Hour)})
		done = l.ok(open.With(task{"duration": "3h"}))
		assert.Equal(t, 2, done.Summary["deleted"])
		assert.Len(t, l.server.Blackouts(t), 5)

		done = l.ok(open.With(task{"blackout": "absent"}))
		assert.Equal(t, 2, done.Summary["deleted"])
		var left []string
		for _, b := range l.server.Blackouts(t) {
			left = append(left, b.ID)
		}
		assert.ElementsMatch(t, []string{stranger, other, planned}, left)
	})
}

// TestABlackoutOfSomebodyElseIsLeftAlone holds that one with another text is neither ended nor taken for enough, and that this is told.
func TestABlackoutOfSomebodyElseIsLeftAlone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, l *lab) {
		var theirs []string
		for _, text := range []string{"", "the disks are replaced"} {
			theirs = append(theirs, l.server.BlackOut(t, alertatest.Blackout{Environment: "Production", Tags: []string{"stack=s1"}, Duration: 72 * 3600, Text: text}))
		}
		before := l.server.Blackouts(t)
		o := task{"environment": "Production", "stack": "s1", "blackout": "present", "duration": "1h", "text": "a deployment"}
		done := l.ok(o)
		assert.Equal(t, 1, done.Summary["created"])
		assert.Empty(t, done.Warnings)
		done = l.ok(o.With(task{"duration": "3h"}))
		assert.Equal(t, 1, done.Summary["updated"])
		done = l.ok(o.With(task{"blackout": "absent"}))
		assert.Equal(t, 1, done.Summary["deleted"])
		assert.Equal(t, before, l.server.Blackouts(t))
		require.Len(t, done.Warnings, 2)
		for i, text := range []string{`""`, `"the disks are replaced"`} {
			assert.Contains(t, done.Warnings, `blackout Production, tags ["stack=s1"] (`+theirs[i]+`) is left: it goes on, because its text is another: `+text)
		}
	})
}

// TestAKeyOfACustomerMakesOneBlackout holds that the customer which the server adds does not hide a blackout from the next run.
func TestAKeyOfACustomerMakesOneBlackout(t *testing.T) {
	t.Parallel()
	for _, setting := range []string{"CUSTOMER_VIEWS = True", "CUSTOMER_VIEWS = False"} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, alertatest.Newest, alertatest.Setting(setting))
			acme := task{
				"environment": "Production", "stack": "s1", "blackout": "present", "duration": "1h",
				"api_key": l.server.AddKey(t, "acme", "write:blackouts", "read:alerts"),
			}
			beta := acme.With(task{"api_key": l.server.AddKey(t, "beta", "write:blackouts", "read:alerts")})
			admin := acme.With(task{"api_key": l.server.Key(alertatest.Admin)})
			customers := func() (customers []string) {
				for _, b := range l.server.Blackouts(t) {
					customers = append(customers, b.Customer)
				}
				return customers
			}
			l.ok(acme)
			assert.Equal(t, []string{"acme"}, customers())
			l.ok(acme.With(task{"customer": "acme"}))
			assert.Equal(t, []string{"acme"}, customers(), "named or not, it is the same")
			l.ok(beta)
			l.ok(admin)
			assert.Equal(t, []string{"acme", "beta", ""}, customers())
			l.ok(acme.With(task{"duration": "4h"}))
			assert.Equal(t, []string{"acme", "beta", ""}, customers())
			l.ok(admin.With(task{"blackout": "absent"}))
			assert.Equal(t, []string{"acme", "beta"}, customers(), "who sees those of several customers means none of theirs")
			l.ok(acme.With(task{"blackout": "absent"}))
			assert.Equal(t, []string{"beta"}, customers())
		})
	}
}

// TestABlackoutKeepsItsCustomer holds that moving the end takes nothing away.
func TestABlackoutKeepsItsCustomer(t *testing.T) {
	t.Parallel()
	l := newLab(t, alertatest.Newest)
	made := task{
		"environment": "Production", "resource": "web", "service": "shop", "event": "down", "group": "OS", "tags": "a", "stack": "s1", "origin": "probe",
		"customer": "acme", "blackout": "present", "duration": "1h", "text": "taken down", "api_key": l.server.Key(alertatest.Admin),
	}
	l.ok(made)
	want := l.server.Blackouts(t)
	require.Len(t, want, 1)
	assert.Equal(t, "acme", want[0].Customer)
	assert.Equal(t, "taken down", want[0].Text)
	assert.Equal(t, []string{"a", "stack=s1"}, want[0].Tags)
	l.ok(made.With(task{"duration": "4h"}))
	got := l.server.Blackouts(t)
	require.Len(t, got, 1)
	assert.NotEqual(t, want[0].EndTime, got[0].EndTime)
	got[0].EndTime = want[0].EndTime
	assert.Equal(t, want, got)
}

// TestTheServersOwnHousekeeping holds that both versions come to the same end, and that the numbers are true.
func TestTheServersOwnHousekeeping(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, l *lab) {
		timeout, never := 3600, 0
		var all []alertatest.Alert
		for i := range 60 {
			name := strings.Repeat("i", i+1)
			all = append(all,
				alert("s1", name, "over", aged(90*time.Minute), func(a *alertatest.Alert) { a.Timeout = &timeout }),
				alert("s1", name, "over and old", aged(5*time.Hour), func(a *alertatest.Alert) { a.Timeout = &timeout }),
				alert("s1", name, "closed", aged(5*time.Hour), func(a *alertatest.Alert) { a.Status = "closed" }),
				alert("s1", name, "open", aged(5*time.Hour), func(a *alertatest.Alert) { a.Timeout = &never }))
		}
		l.server.Insert(t, all...)
		foretold := l.foretold(task{"server": task{"expired": "2h", "info": "12h"}})
		done := l.ok(task{"server": task{"expired": "2h", "info": "12h"}})
		assert.Equal(t, housework{Deleted: foretold.Server.Deleted, Expired: foretold.Server.Expired, Calls: done.Server.Calls}, *done.Server)
		assert.Equal(t, "server's housekeeping: would delete 120, expire 60", foretold.Msg)
		assert.Equal(t, "server's housekeeping: deleted 120, expired 60, released 0", done.Msg)
		assert.Equal(t, 120, done.Server.Deleted)
		assert.Equal(t, 60, done.Server.Expired)
		assert.Equal(t, done.Server.Deleted, len(all)-l.server.Count(t))
		status := map[string]int{}
		for _, a := range l.server.Alerts(t) {
			status[a.Event+" "+a.Status]++
		}
		assert.Equal(t, map[string]int{"over expired": 60, "open open": 60}, status)
	})
}

// TestCheckModeForetellsTheServersHousekeepingAfterTheOtherParts holds that what the run closes or deletes first is reckoned with.
func TestCheckModeForetellsTheServersHousekeepingAfterTheOtherParts(t *testing.T) {
	t.Parallel()
	l := newLab(t, alertatest.Newest)
	for action, want := range map[string]int{"close": 2, "delete": 1, "ack": 1, "shelve": 1} {
		l.server.Reset(t)
		l.server.Insert(t, alert("s1", "web", "open", aged(5*time.Hour)), alert("s1", "web", "new"),
			alert("s2", "web", "closed", aged(5*time.Hour), func(a *alertatest.Alert) { a.Status = "closed" }), alert("s2", "db", "open", aged(5*time.Hour)))
		o := task{"stack": "s1", "action": action, "server": task{}}
		foretold := l.foretold(o)
		done := l.run(o)
		assert.False(t, done.Failed, done.Msg)
		assert.Equal(t, want, foretold.Server.Deleted, action)
		assert.Equal(t, want, done.Server.Deleted, action)
	}
}

func TestTheLimitRefusesAllOrNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t, alertatest.Newest)
	l.server.Insert(t, alertatest.Stacks(3, 20)...)
	both := task{"stack": []string{"s1", "s2"}, "action": "delete", "environment": "Production", "blackout": "present"}
	for limit, refusal := range map[string]string{
		"":    "40 of 60 would be deleted, which is over the limit of 50%; nothing was changed; if this is meant, set delete_limit to 40: ",
		"39":  "40 of 60 would be deleted, which is over the limit of 39; nothing was changed; if this is meant, set delete_limit to 40: ",
		"66%": "40 of 60 would be deleted, which is over the limit of 66%; nothing was changed; if this is meant, set delete_limit to 40: ",
	} {
		o := both
		if limit != "" {
			o = both.With(task{"delete_limit": limit})
		}
		for _, check := range []bool{true, false} {
			refused := l.run(o.With(task{"_ansible_check_mode": check}))
			assert.True(t, refused.Failed)
			assert.Contains(t, refused.Msg, refusal)
			assert.Len(t, refused.Refused, 40)
			assert.False(t, refused.Changed)
		}
	}
	assert.Len(t, l.server.Alerts(t), 60)
	assert.Empty(t, l.server.Blackouts(t), "nothing at all is changed")
	assert.Contains(t, l.run(both.With(task{"action": "close"})).Msg, "40 of 60 would be updated")
	l.ok(both.With(task{"delete_limit": "67%"}))
	assert.Len(t, l.server.Alerts(t), 20)

	l.server.Reset(t)
	l.server.Insert(t, alertatest.Stacks(1, 10)...)
	assert.Len(t, l.ok(task{"stack": "s1", "action": "delete"}).Alerts, 10, "a small server may lose all of a few")
	for range 11 {
		l.server.Beat(t, alertatest.Heartbeat{Origin: "cron/" + strings.Repeat("i", len(l.server.Heartbeats(t))), Tags: []string{"stack=s1"}})
	}
	assert.Contains(t, l.run(task{"stack": "s1", "heartbeats": true}).Msg, "11 of 11 would be deleted, which is over the limit of 10")
}

// TestAFailedPartStopsThoseAfterIt holds that nothing that was done is hidden, and nothing that was not begun.
func TestAFailedPartStopsThoseAfterIt(t *testing.T) {
	t.Parallel()
	l := newLab(t, alertatest.Newest)
	l.server.Insert(t, alert("s1", "web", "down"))
	l.server.Beat(t, alertatest.Heartbeat{Origin: "cron", Tags: []string{"stack=s1"}})
	l.recorder.Inject(emulator.On(http.MethodDelete, "/heartbeat", emulator.Always, emulator.Fault{Kind: emulator.Status, Status: http.StatusInternalServerError}))
	all := task{"environment": "Production", "stack": "s1", "blackout": "present", "heartbeats": true, "action": "delete", "server": task{}}
	a := l.run(all)
	assert.True(t, a.Failed)
	assert.True(t, a.Changed, "the blackout was made")
	assert.Equal(t, []string{"Production   created", " cron  failed", "Production web down failed"}, a.actions())
	assert.Contains(t, a.Msg, "1 of 1 heartbeat failed: deleting heartbeat cron")
	assert.Contains(t, a.Msg, "; not begun because of that: alerts, server")
	assert.Equal(t, "Production/web/down: not attempted, because a part before it failed", a.Alerts[0].Error)
	assert.Equal(t, "not attempted, because a part before it failed", a.Server.Error)
	assert.Len(t, l.left(), 1)
	l.recorder.ClearFaults()
	l.ok(all)
	assert.Empty(t, l.left())
}

// TestTheServersHousekeepingIsCalledUntilItHasNothingLeft holds the numbers of what cannot be made old in a test.
func TestTheServersHousekeepingIsCalledUntilItHasNothingLeft(t *testing.T) {
	t.Parallel()
	l := newLab(t, alertatest.Newest)
	told := func(times int, body string) {
		l.recorder.Inject(emulator.On(http.MethodGet, "/management/housekeeping", times, emulator.Fault{Kind: emulator.Status, Status: http.StatusOK, Body: body}))
	}
	told(1, `{"status":"ok","expired":[],"unshelve":["x"],"unack":["y","z"],"count":3}`)
	a := l.run(task{"server": task{}})
	assert.False(t, a.Failed, a.Msg)
	assert.True(t, a.Changed)
	assert.Equal(t, housework{Released: 3, Calls: 2}, *a.Server)

	told(emulator.Always, `{"status":"ok","expired":["x"],"unshelve":[],"unack":[],"count":1}`)
	a = l.run(task{"server": task{}})
	assert.False(t, a.Failed, a.Msg)
	assert.Equal(t, mostRounds, a.Server.Calls, "it does not go on for ever")
	assert.Equal(t, []string{"the server's housekeeping still found something to do after 1000 calls; the next run goes on"}, a.Warnings)
}

// TestAListThatIsNotWholeChangesNothing holds that what the server did not tell is not taken for absent.
func TestAListThatIsNotWholeChangesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t, alertatest.Newest)
	l.fillEveryPart()
	for _, list := range []string{"alerts", "heartbeats", "blackouts"} {
		l.recorder.Inject(emulator.On(http.MethodGet, "/"+list, 1, emulator.Fault{
			Kind: emulator.Status, Status: http.StatusOK, Body: `{"status":"ok","` + list + `":[],"more":true,"total":51}`,
		}))
		a := l.run(everyPart())
		assert.True(t, a.Failed)
		assert.Equal(t, "nothing was changed: listing "+list+": the server gives only 0 of 51 at once, so it is not known what exists", a.Msg)
		assert.False(t, a.Changed)
	}
	for _, list := range []string{"alerts", "heartbeats", "blackouts"} {
		for body, want := range map[string]string{
			`{"status":"ok","` + list + `":[],"total":51}`: "the server gives only 0 of 51 at once",
			`{}`:                                "the answer holds no list of them",
			`{"` + list + `":null}`:             "the answer holds no list of them",
			`{"status":"error","message":"no"}`: "the answer holds no list of them",
			`[]`:                                "the answer is none of Alerta's",
		} {
			l.recorder.Server.Reset()
			for range readings {
				l.recorder.Inject(emulator.On(http.MethodGet, "/"+list, 1, emulator.Fault{Kind: emulator.Status, Status: http.StatusOK, Body: body}))
			}
			a := l.run(everyPart())
			assert.True(t, a.Failed)
			assert.Contains(t, a.Msg, "nothing was changed: listing "+list+": "+want)
			assert.False(t, a.Changed)
		}
	}
	assert.Zero(t, l.recorder.Writes())
}

// TestALiveListOfWhichNothingIsSeenIsNotBelieved holds that a list of wrong names does not make orphans of all.
func TestALiveListOfWhichNothingIsSeenIsNotBelieved(t *testing.T) {
	t.Parallel()
	l := newLab(t, alertatest.Newest)
	l.server.Insert(t, alert("s1", "web1", "down", aged(time.Hour)), alert("s2", "web2", "down", aged(time.Hour)))
	l.server.Age(t, time.Hour, l.server.Beat(t, alertatest.Heartbeat{Origin: "cron", Tags: []string{"stack=s1"}}))
	const refusal = "selected, so that live is taken for wrong; if it is right, say delete_limit: 100%"
	o := task{"environment": "Production", "action": "delete", "live": task{"stacks": []string{"S1"}}}
	assert.Contains(t, l.run(o).Msg, "none of what is live is seen among the 2 alerts that are "+refusal)
	assert.Contains(t, l.foretold(o.With(task{"delete_limit": 20})).Msg, refusal)
	beats := task{"origin": "cron", "heartbeats": true, "live": task{"stacks": []string{"S1"}}}
	assert.Contains(t, l.run(beats).Msg, "none of what is live is seen among the 1 heartbeats that are "+refusal)
	assert.Len(t, l.server.Alerts(t), 2)
	l.ok(o.With(task{"delete_limit": "100%"}))
	l.ok(beats.With(task{"delete_limit": "100%"}))
	assert.Empty(t, l.server.Alerts(t))
	assert.Empty(t, l.server.Heartbeats(t))
}
