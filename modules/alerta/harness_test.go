// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules/alerta/alertatest"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

type task = resourcetest.Options

// lab is a real Alerta behind a recorder, and a controller from which the module is run as Ansible runs it, with the key that has the
// least rights that it needs.
type lab struct {
	*resourcetest.Lab
	server   *alertatest.Server
	recorder *alertatest.Recorder
}

// newLab starts a server.
func newLab(t testing.TB, version string, more ...alertatest.Option) *lab {
	t.Helper()
	return labOn(t, alertatest.Start(t, version, more...), nil)
}

// labOn makes a lab of a server, behind a wrapper of the recorder, nil for none.
func labOn(t testing.TB, server *alertatest.Server, wrap func(http.Handler) http.Handler) *lab {
	t.Helper()
	l := &lab{server: server, recorder: server.Record(t, "", emulator.Options{})}
	l.Lab = resourcetest.New(t, emptied{l.recorder.Server, l}, resourcetest.Setup{
		Name: "alerta_housekeeping", Plural: "alerts", More: []string{"heartbeats", "blackouts"}, Token: server.Key(alertatest.Ansible),
		URLVariable: "ALERTA_ENDPOINT", TokenVariable: "ALERTA_API_KEY",
		Module: func(stateDir string, clock *resourcetest.Clock) ansible.Module {
			clock.Reach(time.Now()) // the server goes by the machine's clock
			return world{stateDir: stateDir, clock: clock}.housekeepingModule()
		},
		Contents: func() any { return l.contents() },
		Beside:   func(a resourcetest.Answer) bool { return tell(t, a).Server.changed() },
		Wrap:     wrap,
	})
	return l
}

// onBoth runs a test on both versions.
func onBoth(t *testing.T, test func(t *testing.T, l *lab)) {
	t.Helper()
	for _, version := range alertatest.Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			test(t, newLab(t, version))
		})
	}
}

// emptied is a recorder whose reset empties the server.
type emptied struct {
	*emulator.Server
	lab *lab
}

func (e emptied) Reset() {
	e.Server.Reset()
	e.lab.server.Reset(e.lab.T)
}

func (l *lab) contents() alertatest.Contents { return l.server.Contents(l.T) }

// alert gives an alert of a stack.
func alert(stack, resource, event string, change ...func(*alertatest.Alert)) alertatest.Alert {
	a := alertatest.Alert{
		Environment: "Production", Resource: resource, Event: event, Severity: "critical", Service: []string{"web"}, Origin: "probe",
	}
	if stack != "" {
		a.Tags = []string{"stack=" + stack}
	}
	for _, f := range change {
		f(&a)
	}
	return a
}

// aged lets an alert be received that long ago.
func aged(age time.Duration) func(*alertatest.Alert) {
	return func(a *alertatest.Alert) { a.Age = age }
}

// left gives "resource/event" of all alerts that the server holds, sorted.
func (l *lab) left() []string {
	left := []string{}
	for _, a := range l.server.Alerts(l.T) {
		left = append(left, a.Resource+"/"+a.Event)
	}
	slices.Sort(left)
	return left
}

// told is an answer with what it tells of each part.
type told struct {
	resourcetest.Answer
	Alerts, Heartbeats, Blackouts []object
	Server                        *housework
}

type object struct {
	ID, Environment, Resource, Event, Origin, Status, End string
	Action, Reason, Error                                 string
	Changes                                               map[string]resourcetest.Change
}

type housework struct {
	Deleted, Expired, Released, Calls int
	Error                             string
}

func (h *housework) changed() bool { return h != nil && h.Deleted+h.Expired+h.Released > 0 }

func tell(t testing.TB, a resourcetest.Answer) told {
	t.Helper()
	r := told{Answer: a}
	require.NoError(t, json.Unmarshal([]byte(a.Raw), &r))
	return r
}

// run runs the module.
func (l *lab) run(o task) told { l.T.Helper(); return tell(l.T, l.Run(o)) }

// foretold runs the module in check mode, which must change nothing.
func (l *lab) foretold(o task) told { l.T.Helper(); return tell(l.T, l.DryRun(o)) }

// ok runs the module in check mode and then truly, and demands that both tell the same and that a further run changes nothing.
func (l *lab) ok(o task) told {
	l.T.Helper()
	foretold := l.foretold(o)
	done := l.run(o)
	require.False(l.T, done.Failed, done.Msg)
	assert.Equal(l.T, foretold.actions(), done.actions(), "check mode foretells what is done")
	assert.Equal(l.T, foretold.Changed, done.Changed)
	l.Settled(o)
	return done
}

// actions gives what was done to what.
func (r told) actions() []string {
	actions := []string{}
	for _, part := range [][]object{r.Blackouts, r.Heartbeats, r.Alerts} {
		for _, o := range part {
			actions = append(actions, o.Environment+" "+o.Resource+o.Origin+" "+o.Event+" "+o.Action)
		}
	}
	return actions
}

// cleared gives "resource/event" of the alerts with an action, sorted.
func (r told) cleared(action string) []string {
	names := []string{}
	for _, a := range r.Alerts {
		if a.Action == action {
			names = append(names, a.Resource+"/"+a.Event)
		}
	}
	slices.Sort(names)
	return names
}
