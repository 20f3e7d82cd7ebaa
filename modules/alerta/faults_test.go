// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules/alerta/alertatest"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// TestFaultMatrix breaks each kind of call of a run in each way: one valid answer, what is told as deleted is gone, nobody else's objects are
// touched, and the next run does the rest.
func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	for _, name := range slices.Sorted(maps.Keys(resourcetest.Faults())) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, alertatest.Newest)
			for _, bulk := range []bool{false, true} {
				p := l.plight(bulk)
				l.Suffer(p, nil)
				for _, index := range resourcetest.Some(l.oneOfEach(p, bulk)) {
					l.Suffer(p, &emulator.Rule{Index: index, Fault: resourcetest.Faults()[name]})
				}
			}
		})
	}
}

// TestFaults_OccasionalErrorsFailNoRun holds that a server of which one answer of fifty is 500 is one to work with.
func TestFaults_OccasionalErrorsFailNoRun(t *testing.T) {
	t.Parallel()
	l := newLab(t, alertatest.Newest)
	for seed := range uint64(3) {
		l.Fresh()
		l.server.Insert(t, alertatest.Stacks(2, 100)...)
		random := rand.New(rand.NewPCG(seed, 2))
		l.FailSome(random)
		assert.Equal(t, 100, l.OK(task{"stack": "s1", "environment": "Production", "action": "close", "blackout": "present", "delete_limit": "60%"}).Summary["updated"])
		l.FailSome(random)
		a := l.OK(task{"stack": "s1", "environment": "Production", "action": "delete", "blackout": "absent", "delete_limit": "60%"})
		assert.Equal(t, 101, a.Summary["deleted"], "and the blackout")
		assert.Equal(t, 100, l.server.Count(t))
	}
}

// oneOfEach gives for each kind of call that a run makes the index of one. Lists of alerts are each of their own kind, because they are read for
// different reasons. Of a run in bulk only what differs is given.
func (l *lab) oneOfEach(p resourcetest.Plight, bulk bool) []int {
	l.Fresh()
	p.Fill()
	l.Run(p.Task)
	var indices []int
	seen := map[string]bool{}
	for i, call := range l.recorder.Calls() {
		kind := call.Method + " " + uuid.ReplaceAllString(call.Path, "")
		if (call.Path == "/alerts" || !seen[kind]) && (!bulk || call.Path == "/_bulk/alerts") {
			seen[kind] = true
			indices = append(indices, i)
		}
	}
	return indices
}

var uuid = regexp.MustCompile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

// plight is a run of all parts, among neighbours whose names begin alike.
func (l *lab) plight(bulk bool) resourcetest.Plight {
	return resourcetest.Plight{
		Task: everyPart().With(task{"bulk": bulk, "api_concurrency": 1, "delete_limit": "90%"}),
		Fill: func() func() any {
			l.server.Insert(l.T, append(minefield(), alert("s1", "web1", "a"), alert("s1", "web2", "b"))...)
			l.server.Beat(l.T, alertatest.Heartbeat{Origin: "cron/web1", Tags: []string{"stack=s1"}})
			l.server.Beat(l.T, alertatest.Heartbeat{Origin: "cron/web10", Tags: []string{"stack=s10"}})
			return func() any {
				return slices.DeleteFunc(l.listed("alerts", "heartbeats", "blackouts"), func(o listed) bool { return o.ours() })
			}
		},
		Result: func() any {
			result := map[string]int{}
			for _, o := range l.listed("alerts", "heartbeats", "blackouts") {
				if o.ours() {
					result[o.Kind]++
				}
			}
			return result
		},
		After: map[string]int{"blackouts": 1},
		Judge: func(a resourcetest.Answer, at string) {
			r := tell(l.T, a)
			there := map[string]bool{}
			for _, o := range l.listed("alerts", "heartbeats") {
				there[o.ID] = true
			}
			for _, o := range append(r.Alerts, r.Heartbeats...) {
				if o.Action == "deleted" {
					assert.False(l.T, there[o.ID], "%s: %s is told as deleted and is there", at, o.ID)
				}
			}
		},
	}
}

// listed is an object as the server lists it, which is quicker than to ask the database.
type listed struct {
	Kind, ID, Environment, Resource, Origin string
	Tags                                    []string
}

func (o listed) ours() bool { return slices.Equal(o.Tags, []string{"stack=s1"}) }

func (l *lab) listed(kinds ...string) []listed {
	l.T.Helper()
	var all []listed
	for _, kind := range kinds {
		var lists map[string]json.RawMessage
		var objects []listed
		answer := l.server.Do(l.T, l.server.Key(alertatest.Admin), http.MethodGet, "/"+kind+"?page-size=1000&sort-by=createTime", nil)
		require.NoError(l.T, json.Unmarshal(answer.Body, &lists))
		require.NoError(l.T, json.Unmarshal(lists[kind], &objects))
		slices.SortFunc(objects, func(a, b listed) int { return strings.Compare(a.ID, b.ID) })
		for _, o := range objects {
			o.Kind = kind
			all = append(all, o)
		}
	}
	return all
}
