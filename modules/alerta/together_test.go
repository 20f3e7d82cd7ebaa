// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules/alerta/alertatest"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

func TestSeveralRunsAtOnceAllSucceed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, l *lab) {
		for _, bulk := range []bool{false, true} {
			l.server.Reset(t)
			l.server.Insert(t, alertatest.Stacks(12, 30)...)
			for i := range 10 {
				l.server.Beat(t, alertatest.Heartbeat{Origin: fmt.Sprintf("cron/%d", i), Tags: []string{"stack=s1"}})
			}
			o := task{
				"stack": "s1", "environment": "Production", "action": "delete", "bulk": bulk, "heartbeats": true, "delete_limit": "100%", "blackout": "present",
			}
			deleted := 0
			for _, a := range l.Together(o, o, o) {
				assert.False(t, a.Failed, a.Msg)
				deleted += tell(t, a).Summary["deleted"]
			}
			assert.Equal(t, 40, deleted, "each is counted by the run that removed it")
			assert.Equal(t, 330, l.server.Count(t))
			assert.Empty(t, l.server.Heartbeats(t))
			assert.Len(t, l.server.Blackouts(t), 1, "one controller makes a blackout once")
			l.Settled(o)
			ended := 0
			over := task{"stack": "s1", "environment": "Production", "blackout": "absent"}
			for _, a := range l.Together(over, over, over) {
				assert.False(t, a.Failed, a.Msg)
				ended += tell(t, a).Summary["deleted"]
			}
			assert.Equal(t, 1, ended)
			closing := task{"stack": "s10", "action": "close"}
			for _, a := range l.Together(closing, closing) {
				assert.False(t, a.Failed, a.Msg)
			}
			l.Settled(closing)
		}
	})
}

// TestAnAnswerThatConfirmsNothingIsNotBelieved holds that a proxy's "{}" with 200 is no deletion, and that what is then found to be done is told.
func TestAnAnswerThatConfirmsNothingIsNotBelieved(t *testing.T) {
	t.Parallel()
	l := newLab(t, alertatest.Newest)
	base := task{"stack": "s1", "environment": "Production"}
	for _, c := range []struct {
		o            task
		method, path string
		deletion     bool
	}{
		{base.With(task{"action": "delete"}), http.MethodDelete, "/alert", true},
		{base.With(task{"action": "delete", "bulk": true}), http.MethodDelete, "/_bulk", true},
		{base.With(task{"heartbeats": true}), http.MethodDelete, "/heartbeat", true},
		{base.With(task{"blackout": "absent"}), http.MethodDelete, "/blackout", true},
		{base.With(task{"action": "close"}), http.MethodPut, "/alert", false},
		{base.With(task{"blackout": "present", "duration": "9h"}), http.MethodPut, "/blackout", false},
		{task{"server": task{}}, http.MethodGet, "/management", false},
	} {
		for _, kind := range []emulator.Kind{emulator.Status, emulator.StatusAfter} {
			at := fmt.Sprintf("%v, %v", c, kind)
			l.Fresh()
			l.server.Insert(t, alert("s1", "web", "down"))
			l.server.Beat(t, alertatest.Heartbeat{Origin: "cron", Tags: []string{"stack=s1"}})
			l.server.BlackOut(t, alertatest.Blackout{Environment: "Production", Tags: []string{"stack=s1"}, Duration: 3600, Text: "cleared by alerta_housekeeping"})
			before := l.contents()
			for range 2 { // once for the call in bulk, once for the single one
				if c.path == "/_bulk" && kind == emulator.Status {
					l.recorder.Inject(emulator.On(c.method, "/alert", 1, emulator.Fault{Kind: kind, Status: http.StatusOK, Body: "{}"}))
				}
				l.recorder.Inject(emulator.On(c.method, c.path, 1, emulator.Fault{Kind: kind, Status: http.StatusOK, Body: "{}"}))
			}
			a := l.run(c.o)
			l.recorder.ClearFaults()
			if kind == emulator.StatusAfter && c.deletion {
				assert.False(t, a.Failed, "%s: %s", at, a.Msg)
				assert.Equal(t, 1, a.Summary["deleted"], at)
				continue
			}
			if kind == emulator.Status {
				assert.True(t, a.Failed, at)
				assert.Contains(t, a.Msg, "the answer does not", at)
				assert.Equal(t, c.method == http.MethodPut && c.path == "/blackout", a.Changed, "%s: an end that may have moved counts", at)
				assert.Equal(t, before, l.contents(), at)
			}
			l.run(c.o)
			l.Settled(c.o)
		}
	}
	for _, kind := range []emulator.Kind{emulator.Status, emulator.StatusAfter} {
		l.Fresh()
		l.recorder.Inject(emulator.On(http.MethodPost, "/blackout", 1, emulator.Fault{Kind: kind, Status: http.StatusOK, Body: "{}"}))
		o := base.With(task{"blackout": "present"})
		assert.Equal(t, 1, l.run(o).Summary["created"], "it is looked whether it was made")
		assert.Len(t, l.server.Blackouts(t), 1)
		l.Settled(o)
	}
}

// TestARacingDeletionIsLookedAt holds that the 500 of a server whose alert somebody else has just deleted is no failure, however often it is
// repeated, and that what is there after the last one is.
func TestARacingDeletionIsLookedAt(t *testing.T) {
	t.Parallel()
	l := newLab(t, alertatest.Newest)
	fill := func() {
		l.Fresh()
		l.server.Insert(t, alert("s1", "web", "down"))
		l.server.Beat(t, alertatest.Heartbeat{Origin: "cron", Tags: []string{"stack=s1"}})
		l.server.BlackOut(t, alertatest.Blackout{Environment: "Production", Tags: []string{"stack=s1"}, Duration: 3600, Text: "cleared by alerta_housekeeping"})
	}
	o := task{"stack": "s1", "environment": "Production"}
	parts := map[string]task{"/alert": {"action": "delete"}, "/heartbeat": {"heartbeats": true}, "/blackout": {"blackout": "absent"}}
	fail := func(path string, times int, kind emulator.Kind) {
		l.recorder.Inject(emulator.On(http.MethodDelete, path, times, emulator.Fault{Kind: kind, Status: http.StatusInternalServerError}))
	}
	for path, part := range parts {
		fill()
		before := l.contents()
		fail(path, emulator.Always, emulator.Status)
		a := l.run(o.With(part))
		assert.True(t, a.Failed, "%s is there still", path)
		assert.Contains(t, a.Msg, "status 500", path)
		assert.False(t, a.Changed, path)
		assert.Equal(t, before, l.contents(), path)
		l.recorder.ClearFaults()
	}
	for _, c := range []struct {
		kind  emulator.Kind
		times int
	}{{emulator.Status, 1}, {emulator.StatusAfter, 1}, {emulator.StatusAfter, emulator.Always}} {
		fill()
		all := o
		for path, part := range parts {
			all = all.With(part)
			fail(path, c.times, c.kind)
		}
		a := l.run(all)
		assert.False(t, a.Failed, "%v: %s", c, a.Msg)
		assert.Equal(t, 3, a.Summary["deleted"], "%v", c)
		assert.Equal(t, alertatest.Contents{Alerts: []alertatest.Alert{}, Heartbeats: []alertatest.Heartbeat{}, Blackouts: []alertatest.Blackout{}}, l.contents(), "%v", c)
		if c.times == 1 {
			assert.Empty(t, l.recorder.Pending(), "%v", c)
		}
		l.recorder.ClearFaults()
	}
}

func TestAnAlertThatIsClosedOrGoneMeanwhileIsNoFailure(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(*alertatest.Server, testing.TB, string){
		"closed": func(s *alertatest.Server, t testing.TB, id string) {
			s.Do(t, s.Key(alertatest.Admin), http.MethodPut, "/alert/"+id+"/action", map[string]string{"action": "close"})
		},
		"gone": func(s *alertatest.Server, t testing.TB, id string) {
			s.Do(t, s.Key(alertatest.Admin), http.MethodDelete, "/alert/"+id, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := alertatest.Start(t, alertatest.Newest)
			ids := server.Send(t, alert("s1", "web", "down"))
			l := labOn(t, server, before(http.MethodPut, func() { meanwhile(server, t, ids[0]) }))
			a := l.run(task{"stack": "s1", "action": "close"})
			assert.False(t, a.Failed, a.Msg)
		})
	}
}

// before does something once, when the first call with a method comes.
func before(method string, do func()) func(http.Handler) http.Handler {
	var once sync.Once
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == method {
				once.Do(do)
			}
			next.ServeHTTP(w, r)
		})
	}
}

// TestWhatIsReceivedAgainIsKeptWhereAgesSelect holds that an old alert that is received while others are deleted is old no more.
func TestWhatIsReceivedAgainIsKeptWhereAgesSelect(t *testing.T) {
	t.Parallel()
	server := alertatest.Start(t, alertatest.Newest)
	again := alert("s1", "web", "z", aged(48*time.Hour))
	server.Insert(t, again, alert("s1", "web", "a", aged(48*time.Hour)))
	l := labOn(t, server, before(http.MethodDelete, func() { server.Send(t, again) }))
	a := l.run(task{"stack": "s1", "action": "delete", "older_than": "1d", "api_concurrency": 1})
	assert.False(t, a.Failed, a.Msg)
	assert.Equal(t, []string{"web/a"}, a.cleared("deleted"))
	assert.Equal(t, []string{"web/z"}, a.cleared("unchanged"))
	assert.Equal(t, []string{"web/z"}, l.left())
}

// TestAHeartbeatThatIsBackIsKeptWhereAgesSelect holds the same of a heartbeat whose sender is back before its turn comes.
func TestAHeartbeatThatIsBackIsKeptWhereAgesSelect(t *testing.T) {
	t.Parallel()
	server := alertatest.Start(t, alertatest.Newest)
	dead, back := alertatest.Heartbeat{Origin: "a", Tags: []string{"stack=s1"}}, alertatest.Heartbeat{Origin: "b", Tags: []string{"stack=s1"}}
	server.Age(t, 48*time.Hour, server.Beat(t, dead), server.Beat(t, back))
	l := labOn(t, server, before(http.MethodDelete, func() { server.Beat(t, back) }))
	a := l.run(task{"stack": "s1", "heartbeats": true, "heartbeats_older_than": "1d", "api_concurrency": 1})
	assert.False(t, a.Failed, a.Msg)
	require.Len(t, a.Heartbeats, 2)
	assert.Equal(t, "deleted", a.Heartbeats[0].Action)
	assert.Equal(t, "unchanged", a.Heartbeats[1].Action)
	assert.Equal(t, "no longer selected when its turn came", a.Heartbeats[1].Reason)
	left := server.Heartbeats(t)
	require.Len(t, left, 1)
	assert.Equal(t, "b", left[0].Origin)
}

// TestWhatIsReceivedAgainIsKeptInBulk holds that a bulk deletion takes what was listed, and no news.
func TestWhatIsReceivedAgainIsKeptInBulk(t *testing.T) {
	t.Parallel()
	for _, version := range alertatest.Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			server := alertatest.Start(t, version)
			again := alert("s1", "web", "again")
			server.Send(t, again, alert("s1", "web", "old"))
			l := labOn(t, server, before(http.MethodDelete, func() { server.Send(t, again) }))
			a := l.run(task{"stack": "s1", "action": "delete", "bulk": true})
			assert.False(t, a.Failed, a.Msg)
			assert.Equal(t, []string{"web/old"}, a.cleared("deleted"))
			assert.Equal(t, []string{"web/again"}, a.cleared("unchanged"))
			assert.Equal(t, []string{"web/again"}, l.left())
			for _, o := range a.Alerts {
				if o.Action == "unchanged" {
					assert.Equal(t, "received again since it was listed", o.Reason)
				}
			}
		})
	}
}

func TestAServerWithoutBulkDeletionIsServedToo(t *testing.T) {
	t.Parallel()
	l := newLab(t, alertatest.Newest)
	for _, status := range []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusInternalServerError} {
		l.Fresh()
		l.server.Insert(t, alertatest.Stacks(2, 10)...)
		l.recorder.Inject(emulator.On(http.MethodDelete, "/_bulk", emulator.Always, emulator.Fault{
			Kind: emulator.Status, Status: status, Body: `{"status":"error","message":"no","code":500}`,
		}))
		a := l.run(task{"stack": "s1", "action": "delete", "bulk": true})
		assert.False(t, a.Failed, a.Msg)
		assert.Equal(t, 10, a.Summary["deleted"])
		assert.Equal(t, 10, l.server.Count(t))
		l.recorder.ClearFaults()
		require.Len(t, a.Warnings, 1)
		assert.Contains(t, a.Warnings[0], "the server does not delete in bulk, so alerts are deleted one by one")
	}
}

// TestARunEndsWhileAlertsKeepArriving sends alerts of the stack, new ones and known ones, as fast as the server takes them, until the run is over.
func TestARunEndsWhileAlertsKeepArriving(t *testing.T) {
	t.Parallel()
	for _, version := range alertatest.Versions() {
		for _, bulk := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, bulk %t", version, bulk), func(t *testing.T) {
				t.Parallel()
				l := newLab(t, version)
				l.server.Insert(t, alertatest.Stacks(2, 200)...)
				neighbours := l.stack("s2")
				ctx, stop := context.WithCancel(t.Context())
				var sent atomic.Int64
				started := make(chan struct{})
				var sender sync.WaitGroup
				sender.Go(func() {
					for i := 0; ctx.Err() == nil; i++ {
						for _, a := range []alertatest.Alert{alert("s1", fmt.Sprintf("new%d", i), "down"), alert("s1", fmt.Sprintf("web%d.s1.example.com", i%200), "NodeDown")} {
							// The server itself answers 500 where an alert is deleted while it is received again.
							l.server.Do(t, l.server.Key(alertatest.Admin), http.MethodPost, "/alert", a)
						}
						if sent.Add(2) == 10 {
							close(started)
						}
					}
				})
				<-started
				a := l.run(task{"stack": "s1", "action": "delete", "bulk": bulk, "delete_limit": "100%"})
				stop()
				sender.Wait()
				assert.False(t, a.Failed, a.Msg)
				assert.GreaterOrEqual(t, len(a.Alerts), 200)
				looks, reading := 0, 0
				for _, call := range l.recorder.Calls() {
					switch {
					case call.Write():
						reading = 0
					case call.Path == "/alerts" && strings.Contains(call.Query, "q="):
						if reading++; reading == 1 {
							looks++
						}
						assert.LessOrEqual(t, reading, readings, "a list is read again while it moves, so many times at most")
					}
				}
				assert.Equal(t, 2, looks, "one look, and one more after what it found is deleted")
				there := map[string]bool{}
				for _, left := range l.server.Alerts(t) {
					there[left.ID] = true
				}
				for _, o := range a.Alerts {
					if o.Action == "deleted" {
						assert.False(t, there[o.ID], "%s is told as deleted and is there", o.ID)
					}
				}
				assert.Equal(t, neighbours, l.stack("s2"), "the neighbours")
				l.run(task{"stack": "s1", "action": "delete", "delete_limit": "100%"})
				assert.Empty(t, l.stack("s1"), "the next run does the rest")
			})
		}
	}
}

// stack gives the alerts of a stack.
func (l *lab) stack(name string) (alerts []alertatest.Alert) {
	for _, a := range l.server.Alerts(l.T) {
		if strings.Join(a.Tags, ",") == "stack="+name {
			alerts = append(alerts, a)
		}
	}
	return alerts
}
