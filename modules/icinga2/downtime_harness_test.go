// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules/icinga2/icingatest"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// pause is a server of the test's own, and a controller from which icinga2_downtime is run. The controller's clock begins at noon of a day
// that is far ahead, so that the server's own clock ends no downtime.
type pause struct{ *lab }

func noon() time.Time { return time.Date(2099, 11, 21, 12, 0, 0, 0, time.UTC) }

func newPause(t testing.TB, more ...icingatest.Option) pause {
	t.Helper()
	return pauseOn(t, icingatest.Start(t, more...))
}

func pauseOn(t testing.TB, server *icingatest.Server) pause {
	t.Helper()
	p := pause{labOn(t, server, world.downtimeModule, "downtimes")}
	p.Setup.Contents = func() any {
		all := p.root.Objects(t, "downtimes", "")
		for _, attrs := range all {
			delete(attrs, "paused") // which the server sets a moment after the downtime is there
		}
		return all
	}
	p.pass(noon().Sub(p.Clock.Now()))
	return p
}

// pass lets time go by on the controller.
func (p pause) pass(span time.Duration) {
	p.T.Helper()
	require.NoError(p.T, p.Clock.Sleep(p.T.Context(), span))
}

// watch makes hosts and services by their full names, of the stack in front of a colon: "shop:web1!http".
func (p pause) watch(names ...string) {
	p.T.Helper()
	for _, name := range names {
		attrs := map[string]any{"check_command": "dummy", "enable_active_checks": false}
		if stack, rest, found := strings.Cut(name, ":"); found {
			name, attrs["vars"] = rest, map[string]any{"stack": stack}
		}
		kind := "hosts"
		if strings.Contains(name, "!") {
			kind = "services"
		}
		p.root.Put(p.T, kind, name, attrs)
	}
}

// below makes a host depend on another.
func (p pause) below(child, parent string) {
	p.T.Helper()
	p.root.Put(p.T, "dependencies", child+"!on-"+parent, map[string]any{"parent_host_name": parent, "child_host_name": child})
}

// schedule makes a downtime as a person would: in minutes after noon.
func (p pause) schedule(comment, at string, from, to float64, more options) {
	p.T.Helper()
	body := options{
		"type": "Host", "host": at, "author": "stackwatch", "comment": comment, "fixed": true,
		"start_time": noon().Unix() + int64(from*60), "end_time": noon().Unix() + int64(to*60),
	}
	if strings.Contains(at, "!") {
		delete(body, "host")
		body["type"], body["service"] = "Service", at
	}
	a := p.root.Do(p.T, "POST", "/v1/actions/schedule-downtime", body.With(more))
	require.Equal(p.T, 200, a.Status, string(a.Body))
}

// minutes is a time of a downtime as minutes after noon, to a second.
func minutes(seconds any) float64 { return float64(int64(seconds.(float64))-noon().Unix()) / 60 }

// stored tells the downtimes that there are as "comment object from-to", sorted; those that others brought have a plus in front.
func (p pause) stored() []string {
	p.T.Helper()
	texts := []string{}
	for _, attrs := range p.root.Objects(p.T, "downtimes", "") {
		at := place{attrs["host_name"].(string), attrs["service_name"].(string)}
		text := fmt.Sprintf("%s %s %g-%g", attrs["comment"], at, minutes(attrs["start_time"]), minutes(attrs["end_time"]))
		if attrs["parent"] != "" {
			text = "+" + text
		}
		texts = append(texts, text)
	}
	slices.Sort(texts)
	return texts
}

// removeDowntimes removes all of them.
func (p pause) removeDowntimes() {
	p.T.Helper()
	p.root.Do(p.T, "POST", "/v1/actions/remove-downtime", options{"type": "Downtime", "filter": "true"}) // a failure where there are none
	require.Empty(p.T, p.stored())
}

// ids gives the full names of the downtimes by their objects; there must be one of each.
func (p pause) ids() map[string]string {
	p.T.Helper()
	ids := map[string]string{}
	for name, attrs := range p.root.Objects(p.T, "downtimes", "") {
		at := place{attrs["host_name"].(string), attrs["service_name"].(string)}.String()
		assert.NotContains(p.T, ids, at)
		ids[at] = name
	}
	return ids
}

// downtimesAnswer is an answer with what it tells of downtimes.
type downtimesAnswer struct {
	answer

	Downtimes []struct {
		Comment, Author, Host, Service, ID, Start, End *string
		Action, Reason                                 string
		Changes                                        map[string]resourcetest.Change
	}
	Results []struct{ Name string } // see LegacyDowntime
}

func (p pause) read(a answer) downtimesAnswer {
	p.T.Helper()
	read := downtimesAnswer{answer: a}
	require.NoError(p.T, json.Unmarshal([]byte(a.Raw), &read))
	return read
}

// does runs the module, in check mode first, which must foretell what is done and change nothing, and demands that it did not fail.
func (p pause) does(o options) downtimesAnswer {
	p.T.Helper()
	foretold := p.read(p.dryRun(o))
	a := p.read(p.ok(o))
	assert.Empty(p.T, a.Warnings)
	assert.Equal(p.T, foretold.actions(), a.actions(), "check mode foretells")
	return a
}

// rests demands that nothing is left to do.
func (p pause) rests(o options) {
	p.T.Helper()
	p.settled(o)
	assert.False(p.T, p.dryRun(o).Changed)
}

// fails demands that the task fails without a write, and gives the message.
func (p pause) fails(o options) string {
	p.T.Helper()
	writes := p.recorder.Writes()
	a := p.run(o)
	assert.True(p.T, a.Failed, a.Raw)
	assert.Equal(p.T, writes, p.recorder.Writes(), "refused only after a write")
	return a.Msg
}

// actions gives "object action" for each downtime, in order.
func (a downtimesAnswer) actions() []string {
	texts := []string{}
	for _, d := range a.Downtimes {
		texts = append(texts, place{value(d.Host), value(d.Service)}.String()+" "+d.Action)
	}
	return texts
}

// changed gives the fields that changed, sorted, of the one downtime of an answer.
func (a downtimesAnswer) changed() []string {
	if len(a.Downtimes) != 1 {
		return a.actions()
	}
	return slices.Sorted(maps.Keys(a.Downtimes[0].Changes))
}
