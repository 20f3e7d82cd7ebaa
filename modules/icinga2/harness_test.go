// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules/icinga2/icingatest"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// lab is a real Icinga 2 behind a recorder, and a controller from which a module is run as Ansible runs it, by default as the user
// with the least permissions.
type lab struct {
	*resourcetest.Lab

	T        testing.TB
	server   *icingatest.Server
	recorder *icingatest.Recorder
	root     *icingatest.Client
	empty    func() // for a new account, where a test needs one
}

type (
	options = resourcetest.Options
	answer  = resourcetest.Answer
)

// newLab starts a server of the test's own.
func newLab(t testing.TB, module func(world) ansible.Module, plural string, more ...icingatest.Option) *lab {
	t.Helper()
	return labOn(t, icingatest.Start(t, more...), module, plural)
}

func serviceLab(t testing.TB) *lab { return newLab(t, world.serviceModule, "services") }

func labOn(t testing.TB, server *icingatest.Server, module func(world) ansible.Module, plural string) *lab {
	t.Helper()
	return labBehind(t, server, module, plural, emulator.Options{})
}

func labBehind(t testing.TB, server *icingatest.Server, module func(world) ansible.Module, plural string, opt emulator.Options) *lab {
	t.Helper()
	recorder := server.Record(t, opt)
	l := &lab{T: t, server: server, recorder: recorder, root: server.Client(t, icingatest.Root)}
	l.empty = func() { deleteHosts(t, l.root) }
	l.Lab = resourcetest.New(t, emptied{recorder, l}, resourcetest.Setup{
		Name: module(world{}).Name, Plural: plural, Token: server.Password(icingatest.Ansible),
		URLVariable: "ICINGA2_API_URL", TokenVariable: "ICINGA2_API_PASSWORD",
		Module: func(stateDir string, clock *resourcetest.Clock) ansible.Module {
			w := world{stateDir: stateDir}
			if clock != nil { // a nil of its type is another one than the real clock's
				w.clock = clock
			}
			return module(w)
		},
		Contents: func() any { return l.contents() },
		Beside:   func(a answer) bool { return strings.Contains(a.Raw, `"brought_back":`) },
	})
	l.URL = recorder.URL
	return l
}

// as adds to a task's options how to reach the server as a user.
func (l *lab) as(user string, o options) options {
	return options{"username": user, "password": l.server.Password(user), "ca_path": l.server.CA, "server_name": l.server.Name}.With(o)
}

// run runs the module as the user with the least permissions.
func (l *lab) run(o options) answer { l.T.Helper(); return l.Run(l.as(icingatest.Ansible, o)) }

// ok runs the module and demands that it did not fail.
func (l *lab) ok(o options) answer { l.T.Helper(); return l.OK(l.as(icingatest.Ansible, o)) }

// settled runs the module once more and demands that it writes nothing.
func (l *lab) settled(o options) { l.T.Helper(); l.Settled(l.as(icingatest.Ansible, o)) }

// refusal gives the message of a task that is refused before it calls.
func (l *lab) refusal(o options) string { l.T.Helper(); return l.Refusal(l.as(icingatest.Ansible, o)) }

// dryRun runs the module in check mode.
func (l *lab) dryRun(o options) answer { l.T.Helper(); return l.DryRun(l.as(icingatest.Ansible, o)) }

// contents are the declared attributes of all hosts and services.
func (l *lab) contents() map[string]map[string]any {
	all := map[string]map[string]any{}
	for _, k := range []kind{hostKind, serviceKind} {
		for name, attrs := range l.root.Objects(l.T, k.plural(), "") {
			kept := map[string]any{}
			for field := range settable(k) {
				kept[field] = attrs[field]
			}
			if groups, ok := kept["groups"].([]any); ok { // the server does not keep their order
				slices.SortFunc(groups, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
			}
			if kept["flapping_ignore_states"] == nil { // which means the same
				kept["flapping_ignore_states"] = []any{}
			}
			all[name] = kept
		}
	}
	return all
}

// host makes hosts as a person would.
func (l *lab) host(names ...string) {
	l.T.Helper()
	for _, name := range names {
		l.root.Put(l.T, "hosts", name, map[string]any{"check_command": "dummy"})
	}
}

// names gives the full names of the objects of a kind that came through the API, sorted.
func (l *lab) names(k kind) []string {
	l.T.Helper()
	names := slices.Sorted(maps.Keys(l.root.Objects(l.T, k.plural(), "")))
	return slices.DeleteFunc(names, func(name string) bool { return name == "static-host" || name == "static-host!static-service" })
}

// attributes gives those of one object, which must be there.
func (l *lab) attributes(k kind, name string) map[string]any {
	l.T.Helper()
	attrs := l.root.Object(l.T, k.plural(), name)
	require.NotNil(l.T, attrs, "%s is not there", name)
	return attrs
}

// connect gives a client of the user with the least permissions.
func (l *lab) connect() *client {
	l.T.Helper()
	api := httpapi.DefaultOptions()
	api.RateLimit, api.CAPath = 0, l.server.CA
	user, password := icingatest.Ansible, secret.New(l.server.Password(icingatest.Ansible))
	o := Connection{API: api, APIURL: l.URL, Username: &user, Password: &password}
	conn, err := world{stateDir: l.StateDir, clock: l.Clock}.connect(new(ansible.Call), o)
	require.NoError(l.T, err)
	return conn
}
