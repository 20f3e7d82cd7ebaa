// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules/alerta/alertatest"
)

// Ids that senders chose, some of which are the beginning of others.
const (
	short    = "deadbeef"
	whole1   = "deadbeef-0000-4000-8000-000000000001"
	whole2   = "deadbeef-0000-4000-8000-000000000002"
	wildcard = ".*"
)

// minefield is what the rows of the contract's table of hazards are tried on. The stack s1 has the alerts that are meant.
func minefield() []alertatest.Alert {
	id := func(id string) func(*alertatest.Alert) { return func(a *alertatest.Alert) { a.ID = id } }
	old := aged(48 * time.Hour)
	return []alertatest.Alert{
		alert("s1", "web01.s1.example.com", "down", old), alert("s2", "web01.s2.example.com", "down"), alert("s10", "web01", "down"),
		alert("s1.x", "web01xs1.example.com", "down"), alert("s1", "late.s1.example.com", "down", id(whole1)), alert("s3", "other", "down", id(whole2)),
		alert(`s1" OR tags:"stack=s2`, "quoted", "down"), alert("s1 s2", "spaced", "down"),
	}
}

// TestEachHazardSparesTheOthers shows for each row of the contract's table that the server matches more than is meant, and that the module does
// not.
func TestEachHazardSparesTheOthers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		query  string // what a caller would ask the server
		many   int    // how many alerts the server takes it for
		o      task
		spares bool     // the module refuses it
		want   []string // what the module clears
	}{
		"no filter":                        {query: "", many: 8, o: task{}, spares: true},
		"an empty query":                   {query: "q=", many: 8, o: task{"tags": ""}, spares: true},
		"an empty id":                      {query: "id=", many: 8, o: task{"resource": ""}, spares: true},
		"a percent sign as id":             {query: "id=%25", many: 8, o: task{"resource": "%"}, spares: true},
		"a date in another form":           {query: "to-date=2020-01-01T00:00:00Z", many: 8, o: task{"older_than": "1d"}, want: []string{"web01.s1.example.com/down"}},
		"a name with dots, unquoted":       {query: "q=resource:web01.s1.example.com", many: 4, o: task{"resource": "web01.s1.example.com"}, want: []string{"web01.s1.example.com/down"}},
		"the end of a query does not fit":  {query: "q=" + url.QueryEscape(`tags:"stack=s1" )AND resource:"quoted"`), many: 2, o: task{"stack": `s1" OR tags:"stack=s2`}, want: []string{"quoted/down"}},
		"a phrase is a pattern":            {query: "q=" + url.QueryEscape(`resource:"web01.s1"`), many: 2, o: task{"resource": "web01.s1"}, want: []string{}},
		"a tilde is a pattern":             {query: "resource=~web01", many: 4, o: task{"resource": "~web01"}, want: []string{}},
		"several values, one with a tilde": {query: "resource=other&resource=~web01", many: 5, o: task{"resource": []string{"other", "~web01"}}, want: []string{"other/down"}},
		"an id that is a prefix":           {query: "id=deadbeef", many: 2, o: task{"stack": "s1", "resource": "late.s1.example.com"}, want: []string{"late.s1.example.com/down"}},
		"words of a query":                 {query: "q=" + url.QueryEscape(`tags:stack=s1 s2`), many: 0, o: task{"stack": "s1 s2"}, want: []string{"spaced/down"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, alertatest.Newest)
			l.server.Insert(t, minefield()...)
			var answer struct{ Total int }
			listed := l.server.Do(t, l.server.Key(alertatest.Admin), http.MethodGet, "/alerts?page-size=100&"+c.query, nil)
			if json.Unmarshal(listed.Body, &answer) == nil && c.many > 0 {
				assert.Equal(t, c.many, answer.Total, "what the server takes it for")
			}
			before := l.left()
			for _, bulk := range []bool{false, true} {
				l.server.Reset(t)
				l.server.Insert(t, minefield()...)
				o := c.o.With(task{"action": "delete", "bulk": bulk})
				if c.spares {
					l.Refusal(o)
					assert.Equal(t, before, l.left())
					continue
				}
				a := l.run(o)
				require.False(t, a.Failed, a.Msg)
				assert.Equal(t, c.want, a.cleared("deleted"))
				assert.ElementsMatch(t, before, append(l.left(), c.want...), "nothing but what is meant is gone")
				l.expectExactCalls()
			}
		})
	}
}

// TestAnIdThatIsAPrefixIsNeverSent holds that an alert with an id of the sender's choice takes no other with it.
func TestAnIdThatIsAPrefixIsNeverSent(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, l *lab) {
		for _, chosen := range []string{short, "d", wildcard, strings.ToUpper(whole2)} {
			for _, action := range []string{"delete", "close"} {
				l.server.Reset(t)
				l.server.Insert(t, append(minefield(), alert("mine", "chosen", "down", func(a *alertatest.Alert) { a.ID = chosen }))...)
				before := l.server.Alerts(t)
				foretold := l.foretold(task{"stack": "mine", "action": action})
				a := l.run(task{"stack": "mine", "action": action})
				assert.True(t, a.Failed)
				assert.Equal(t, foretold.Msg, a.Msg)
				assert.Equal(t, foretold.actions(), a.actions())
				assert.Contains(t, a.Msg, "is no full UUID, so that the server would look for others too; it is left alone")
				a = l.run(task{"stack": "mine", "action": "delete", "bulk": true})
				assert.True(t, a.Failed)
				assert.Equal(t, before, l.server.Alerts(t), "%s of %s", action, chosen)
				l.expectExactCalls()
			}
		}
		// The hazard itself: the shortest id takes one that is not its own.
		l.server.Do(t, l.server.Key(alertatest.Admin), http.MethodDelete, "/alert/d", nil)
		assert.Less(t, l.server.Count(t), 9)
	})
}

// TestAnIdWithWhichAnotherBeginsIsLeftAlone holds that a full UUID is not enough where a sender chose an id that begins with it, however
// many alerts are meant: of many the others are looked for in another way.
func TestAnIdWithWhichAnotherBeginsIsLeftAlone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, l *lab) {
		for name, other := range map[string]func(*alertatest.Alert){
			"an id":                                  func(a *alertatest.Alert) { a.ID = whole1 + "-copy" },
			"an id with one capital":                 func(a *alertatest.Alert) { a.ID = strings.Replace(whole1, "f", "F", 1) },
			"the id of a last reception":             func(a *alertatest.Alert) { a.ID = whole2 },
			"the id of a last reception in capitals": func(a *alertatest.Alert) { a.ID = whole2 },
			"a longer id of a last reception":        func(a *alertatest.Alert) { a.ID = whole2 },
		} {
			for _, c := range []struct {
				o    task
				fine int
			}{
				{o: task{"action": "delete"}, fine: 1},
				{o: task{"action": "delete", "bulk": true}, fine: 1},
				{o: task{"action": "close"}, fine: 1},
				{o: task{"action": "ack"}, fine: 1},
				{o: task{"action": "shelve"}, fine: 1},
				{o: task{"action": "delete"}, fine: batch + many},
				{o: task{"action": "delete", "bulk": true}, fine: batch + many},
			} {
				at := fmt.Sprintf("%s, %v", name, c)
				l.server.Reset(t)
				fine := []alertatest.Alert{alert("s1", "mine", "down", func(a *alertatest.Alert) { a.ID = whole1 }), alert("s2", "other", "down", other)}
				for i := range c.fine {
					fine = append(fine, alert("s1", fmt.Sprintf("fine%d", i), "down"))
				}
				l.server.Insert(t, fine...)
				received := map[string]string{
					"the id of a last reception": whole1, "the id of a last reception in capitals": strings.ToUpper(whole1),
					"a longer id of a last reception": whole1 + "-copy",
				}
				if id, again := received[name]; again {
					l.server.Send(t, alert("s2", "other", "down", func(a *alertatest.Alert) { a.ID = id }))
				}
				o := c.o.With(task{"stack": "s1", "delete_limit": "100%"})
				foretold := l.foretold(o)
				assert.True(t, foretold.Failed, at)
				assert.Contains(t, foretold.Msg, "the server takes the id "+whole1+" for that of another as well", at)
				a := l.run(o)
				assert.Equal(t, foretold.Msg, a.Msg, at)
				assert.Equal(t, foretold.actions(), a.actions(), at)
				for _, one := range l.server.Alerts(t) {
					if !strings.HasPrefix(one.Resource, "fine") {
						assert.Equal(t, "open", one.Status, at)
					}
				}
				assert.Subset(t, l.left(), []string{"mine/down", "other/down"}, at)
				assert.Equal(t, 1, a.Summary["failed"], at)
				assert.Equal(t, c.fine, a.Summary["deleted"]+a.Summary["updated"], "%s: the others are done", at)
				l.expectExactCalls()
			}
		}
		l.server.Beat(t, alertatest.Heartbeat{ID: whole1, Origin: "mine", Tags: []string{"stack=s1"}})
		l.server.Beat(t, alertatest.Heartbeat{ID: whole1 + "-copy", Origin: "other", Tags: []string{"stack=s2"}})
		for _, a := range []told{l.foretold(task{"stack": "s1", "heartbeats": true}), l.run(task{"stack": "s1", "heartbeats": true})} {
			assert.Contains(t, a.Msg, "the server takes the id "+whole1+" for that of another as well")
			assert.Equal(t, "failed", a.Heartbeats[0].Action)
		}
		assert.Len(t, l.server.Heartbeats(t), 2)
	})
}

// TestAListByIdsThatIsNotWholeChangesNothing holds that what a list by ids leaves out is not taken for absent either, for few ids and for many.
func TestAListByIdsThatIsNotWholeChangesNothing(t *testing.T) {
	t.Parallel()
	server := alertatest.Start(t, alertatest.Newest)
	l := labOn(t, server, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if query := r.URL.Query(); query.Has("id") || query.Has("lastReceiveId") {
				_, err := w.Write([]byte(`{"status":"ok","alerts":[],"total":3,"more":false}`))
				assert.NoError(t, err)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	server.Insert(t, alertatest.Stacks(1, many)...)
	for _, o := range []task{{"resource": "web1.s1.example.com"}, {"stack": "s1"}} {
		a := l.run(o.With(task{"action": "delete"}))
		assert.Equal(t, "nothing was changed: listing alerts: the server gives only 0 of 3 at once, so it is not known what exists", a.Msg)
		assert.Equal(t, many, server.Count(t))
	}
}

// TestADatabaseWithoutWildcardsIsAskedForEachId holds that others with an id are found as well where the server does not take a single id
// for a pattern of SQL, as on MongoDB, which finds nothing by one.
func TestADatabaseWithoutWildcardsIsAskedForEachId(t *testing.T) {
	t.Parallel()
	server := alertatest.Start(t, alertatest.Newest)
	l := labOn(t, server, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if ids := r.URL.Query()["id"]; len(ids) == 1 && strings.ContainsAny(ids[0], "_%") {
				_, err := w.Write([]byte(`{"status":"ok","alerts":[],"total":0,"more":false}`))
				assert.NoError(t, err)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	server.Insert(t, append(alertatest.Stacks(1, many), alert("s1", "mine", "down", func(a *alertatest.Alert) { a.ID = whole1 }),
		alert("s2", "other", "down", func(a *alertatest.Alert) { a.ID = strings.ToUpper(whole1) }))...)
	a := l.run(task{"stack": "s1", "action": "delete", "delete_limit": "100%"})
	assert.Contains(t, a.Msg, "the server takes the id "+whole1+" for that of another as well")
	assert.Equal(t, many, a.Summary["deleted"])
	assert.Equal(t, []string{"mine/down", "other/down"}, l.left())
}

// TestBulkDeletionsNameWhatTheyDelete holds that a call without ids, which deletes everything, is never made.
func TestBulkDeletionsNameWhatTheyDelete(t *testing.T) {
	t.Parallel()
	l := newLab(t, alertatest.Newest)
	l.server.Insert(t, alertatest.Stacks(3, 100)...)
	done := l.ok(task{"stack": "s1", "action": "delete", "bulk": true})
	assert.Len(t, done.Alerts, 100)
	assert.Equal(t, 200, l.server.Count(t))
	bulk := 0
	for _, call := range l.WriteCalls() {
		assert.Equal(t, "/_bulk/alerts", call.Path)
		assert.Less(t, len(call.Path+"?"+call.Query)+len("DELETE  HTTP/1.1"), 4094, "the line is longer than gunicorn takes")
		bulk++
	}
	assert.Equal(t, 2, bulk)
	l.expectExactCalls()
	require.Equal(t, 200, l.server.Count(t))
	var none client
	ids, certain, err := none.deleteReceived(t.Context(), nil)
	require.NoError(t, err, "nothing is called, which would panic")
	assert.True(t, certain)
	assert.Empty(t, ids)
	l.server.Do(t, l.server.Key(alertatest.Admin), http.MethodDelete, "/_bulk/alerts", map[string]any{"id": []string{whole1}})
	assert.Zero(t, l.server.Count(t), "the hazard itself")
}

// expectExactCalls holds that each call that was made means what it says: writes name full ids, lists have no filter that is read loosely.
func (l *lab) expectExactCalls() {
	l.T.Helper()
	const uuid = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
	one := regexp.MustCompile("^/(alert|heartbeat|blackout)/" + uuid + "(/action)?$")
	many := regexp.MustCompile("^(lastReceiveId=" + uuid + "(&|$))+$")
	phrase := regexp.MustCompile(`^tags:"[A-Za-z0-9 _.:=@/-]+"$`)
	for _, call := range l.recorder.Calls() {
		switch {
		case call.Path == "/_bulk/alerts":
			assert.Regexp(l.T, many, call.Query)
		case call.Write() && call.Path != "/blackout" || strings.Count(call.Path, "/") > 1 && call.Path != "/alerts/count" && !strings.HasPrefix(call.Path, "/management"):
			assert.Regexp(l.T, one, call.Path)
			assert.Empty(l.T, call.Query)
		case call.Path == "/alerts":
			query, err := url.ParseQuery(call.Query)
			require.NoError(l.T, err)
			for filter, values := range query {
				assert.NotContains(l.T, []string{"from-date", "to-date", "tag", "tags", "page", "limit"}, filter)
				for _, value := range values {
					if filter == "id" || filter == "lastReceiveId" {
						assert.Regexp(l.T, "^("+uuid+"|"+uuid[:len(uuid)-len("{12}")]+"{11}_|_{37}|%[A-F])$", value, "of which the last three only look for others")
					}
					assert.NotEmpty(l.T, value)
					assert.False(l.T, strings.HasPrefix(value, "~"), "%s is read as a pattern", value)
				}
				if filter == "q" {
					assert.Regexp(l.T, phrase, values[0])
				}
			}
		}
	}
	l.recorder.ResetCalls()
}
