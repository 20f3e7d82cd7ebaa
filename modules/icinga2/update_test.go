// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"context"
	"encoding/json"
	"errors"
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
)

// many declares thirty services on two hosts, as they shall be.
func many(more options) options {
	var list []options
	for i := range 30 {
		list = append(list, element(fmt.Sprintf("s/%d", i), options{"vars": options{"n": i}}))
	}
	return options{"for_hosts": []string{"web1", "web 2"}, "services": list}.With(more)
}

// bare declares the same services by their names alone.
func bare(more options) options {
	var list []options
	for i := range 30 {
		list = append(list, options{"name": fmt.Sprintf("s/%d", i)})
	}
	return options{"for_hosts": []string{"web1", "web 2"}, "services": list}.With(more)
}

// updates are the calls that changed attributes, with how many services each names in its body.
func (l *lab) updates() []string {
	l.T.Helper()
	var updates []string
	for _, call := range l.recorder.Calls() {
		if call.Method != http.MethodPost {
			continue
		}
		var body struct{ Services []string }
		require.NoError(l.T, json.Unmarshal(call.Body, &body))
		updates = append(updates, fmt.Sprintf("%s %d", call.Path, len(body.Services)))
	}
	return updates
}

// TestOneCallMakesTheSameChangeToMany: exactly these objects are named, and no filter could select others.
func TestOneCallMakesTheSameChangeToMany(t *testing.T) {
	t.Parallel()
	l := serviceLab(t)
	l.host("web1", "web 2", "web3")
	l.ok(many(options{}))
	l.ok(element("s/1", options{"host": "web3"}))
	l.ok(element("other", options{"host": "web1"}))
	l.ok(element("s/5", options{"host": "web1", "notes": "the same already"}))
	others := func() map[string]map[string]any {
		kept := l.contents()
		for host := range 2 {
			for i := range 30 {
				delete(kept, fmt.Sprintf("%s!s/%d", []string{"web1", "web 2"}[host], i))
			}
		}
		return kept
	}
	before := others()
	l.recorder.ResetCalls()
	task := bare(options{"notes": "the same already", "check_interval": "2m"})
	assert.Equal(t, 60, l.ok(task).Summary["updated"])
	assert.ElementsMatch(t, []string{"/v1/objects/services 59", "/v1/objects/services/web1!s/5 0"}, l.updates())
	assert.Equal(t, before, others())
	assert.Len(t, before, 7, "three hosts, two services, and those of the configuration")
	l.settled(task)

	// Variables are made of those that each object has, also where these are equal.
	l.recorder.ResetCalls()
	assert.Equal(t, 60, l.ok(bare(options{"vars": options{"x": 1}})).Summary["updated"])
	assert.Len(t, l.updates(), 60)
	assert.Equal(t, map[string]any{"n": 7.0, "x": 1.0}, l.attributes(serviceKind, "web 2!s/7")["vars"])
}

func TestWhatOneCallDoesNotConfirmIsTriedAlone(t *testing.T) {
	t.Parallel()
	l := newLab(t, world.serviceModule, "services", icingatest.Config("partly.conf", partly))
	l.host("web1", "web 2")
	l.ok(many(options{}))
	answer := func(results ...map[string]any) emulator.Fault {
		body, err := json.Marshal(map[string]any{"results": append([]map[string]any{}, results...)})
		require.NoError(t, err)
		return emulator.Fault{Kind: emulator.Status, Status: http.StatusOK, Body: string(body)}
	}
	for name, fault := range map[string]emulator.Fault{
		"one is not there":     {Kind: emulator.Status, Status: http.StatusNotFound, Body: `{"error":404,"status":"No objects found."}`},
		"nothing is said":      {Kind: emulator.Status, Status: http.StatusOK, Body: `{}`},
		"nothing is confirmed": answer(),
		"one is refused":       answer(map[string]any{"code": 500, "name": "web1!s/1", "status": "no"}),
	} {
		l.recorder.Inject(emulator.On(http.MethodPost, "/v1/objects/services", 1, fault))
		l.recorder.ResetCalls()
		a := l.ok(many(options{"notes": name}))
		assert.Equal(t, 60, a.Summary["updated"], name)
		assert.Len(t, l.updates(), 61, name)
		l.settled(many(options{"notes": name}))
	}

	// What is confirmed and not so is found out.
	var lies []map[string]any
	for name := range l.root.Objects(t, "services", `service.package == "_api"`) {
		lies = append(lies, map[string]any{"code": 200, "name": name, "status": "Attributes updated."})
	}
	l.recorder.Inject(emulator.On(http.MethodPost, "/v1/objects/services", 1, answer(lies...)))
	assert.Contains(t, l.run(many(options{"notes": "a lie"})).Msg, "60 of 60 services failed: web1!s/0: the server confirmed it, but holds something else in: notes")

	// A refusal is told for each object, in the server's words.
	wrong := l.as(icingatest.Ansible, bare(options{"check_command": "nonesuch"}))
	a := l.Run(wrong.With(options{"username": "partly", "password": "partly-password"}))
	assert.Equal(t, 60, a.Summary["failed"])
	assert.Contains(t, a.Msg, "updating service web1!s/0: ")
	assert.Contains(t, a.Msg, "'nonesuch' of type 'CheckCommand' does not exist.; nothing was changed")
}

// A lost answer is no harm: the same attributes are set once more.
func TestALostAnswerToManyIsAskedAgain(t *testing.T) {
	t.Parallel()
	l := serviceLab(t)
	l.host("web1", "web 2")
	l.ok(many(options{}))
	l.recorder.Inject(emulator.On(http.MethodPost, "/v1/objects/services", 1, emulator.Fault{Kind: emulator.DropAfter}))
	l.recorder.ResetCalls()
	assert.Equal(t, 60, l.ok(many(options{"notes": "x"})).Summary["updated"])
	assert.Equal(t, []string{"/v1/objects/services 60", "/v1/objects/services 60"}, l.updates())

	l.recorder.Inject(emulator.On(http.MethodPost, "/v1/objects/services", emulator.Always, emulator.Fault{Kind: emulator.DropBefore}))
	l.recorder.ResetCalls()
	a := l.run(many(options{"notes": "y", "api_retries": 1}))
	assert.Equal(t, 60, a.Summary["failed"])
	assert.Len(t, l.updates(), 2, "a server that does not answer is not asked for each object")
}

// What others wrote between the look at an object and its deletion would be lost with it, and what is missing for a moment would be told to be gone.
func TestNobodyTouchesAHostThatIsCreatedAnew(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	l.ok(options{"name": "web1", "check_command": "dummy", "services": []options{element("a"), element("b")}})
	p := newProvider(l.connect(), "", false)
	p.notes = notes{l.StateDir, l.URL}
	service := func(name string) Object {
		o := identified("web1!" + name)
		o.CheckCommand, o.pkg = new("dummy"), apiPackage
		return o
	}
	found, err := p.Observe(t.Context(), []reconcile.Want[Object]{{State: service("a")}, {State: service("b")}}, false)
	require.NoError(t, err)
	have := whole(t, found)
	slices.SortFunc(have, func(a, b reconcile.Object[Object]) int { return strings.Compare(a.ID, b.ID) })
	want := []Object{have[0].State, have[1].State}
	want[0].Notes, want[1].Notes = new("mine"), new("mine")

	ways := map[string]func(context.Context) error{
		"look": func(ctx context.Context) error {
			_, err := p.Observe(ctx, []reconcile.Want[Object]{{State: service("a")}}, false)
			return err
		},
		"create": func(ctx context.Context) error { _, err := p.Create(ctx, service("c")); return err },
		"update": func(ctx context.Context) error { _, err := p.Update(ctx, have[0], want[0]); return err },
		"same":   func(ctx context.Context) error { return errors.Join(p.UpdateMany(ctx, have, want)...) },
		"delete": func(ctx context.Context) error { return p.Delete(ctx, have[0].Found()) },
		"all":    func(ctx context.Context) error { return errors.Join(p.DeleteMany(ctx, found)...) },
		"another": func(ctx context.Context) error {
			wish := service("a")
			wish.Groups = []string{"http"}
			_, _, err := p.Recreate(ctx, have[0], wish)
			return err
		},
	}
	before := l.contents()
	require.NoError(t, p.begin(t.Context()))
	require.NoError(t, p.notes.alone(t.Context(), "web1", func() error {
		l.recorder.ResetCalls()
		for name, way := range ways {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond) // nothing else ends it
			require.ErrorContains(t, way(ctx), "waiting for the lock on ", name)
			cancel()
		}
		assert.Zero(t, l.recorder.Count(http.MethodPut, "")+l.recorder.Count(http.MethodDelete, ""))
		assert.Equal(t, before, l.contents())
		other := identified("web2")
		assert.NotEqual(t, gateOf("web1"), gateOf("web2"))
		other.CheckCommand = new("dummy")
		_, err := p.Create(t.Context(), other)
		return err
	}))
	for _, name := range []string{"look", "create", "update", "same", "another", "delete", "all"} {
		require.NoError(t, ways[name](t.Context()), name)
	}
}

// whole returns what was found, all of which must have been read whole.
func whole(t testing.TB, found []reconcile.Found[Object]) []reconcile.Object[Object] {
	t.Helper()
	objects := make([]reconcile.Object[Object], len(found))
	for i, f := range found {
		o, read := f.Whole()
		require.True(t, read, f.ID)
		objects[i] = o
	}
	return objects
}

// Of two runs that want the same object anew the second one finds it so, and does not take its history a second time.
func TestASecondRecreationFindsItsWorkDone(t *testing.T) {
	t.Parallel()
	l := hostLab(t)
	l.ok(options{"name": "web1", "check_command": "dummy"})
	p := newProvider(l.connect(), "", false)
	p.notes = notes{l.StateDir, l.URL}
	wish := identified("web1")
	wish.Groups = []string{"web"}
	found, err := p.Observe(t.Context(), []reconcile.Want[Object]{{State: wish}}, false)
	require.NoError(t, err)
	have := whole(t, found)
	_, _, err = p.Recreate(t.Context(), have[0], wish)
	require.NoError(t, err)
	wish.Notes = new("more")
	l.recorder.ResetCalls()
	was, is, err := p.Recreate(t.Context(), have[0], wish)
	require.NoError(t, err)
	assert.Zero(t, l.recorder.Count(http.MethodPut, "")+l.recorder.Count(http.MethodDelete, ""))
	assert.Equal(t, []string{"notes"}, changed(reconcile.Diff(was, is.State)))
	assert.Equal(t, "more", l.attributes(hostKind, "web1")["notes"])
	assert.Equal(t, []any{"web"}, l.attributes(hostKind, "web1")["groups"])
}

func changed(changes []reconcile.Change) []string {
	var fields []string
	for _, c := range changes {
		fields = append(fields, c.Field)
	}
	return fields
}
