// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stackwatch/ansible-monitoring/modules/alerta/alertatest"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// everyPart is a task that uses all rights.
func everyPart() task {
	return task{"environment": "Production", "stack": "s1", "blackout": "present", "heartbeats": true, "action": "delete", "server": task{}}
}

func (l *lab) fillEveryPart() {
	l.server.Reset(l.T)
	l.server.Insert(l.T, alert("s1", "web", "down"))
	l.server.Beat(l.T, alertatest.Heartbeat{Origin: "cron", Tags: []string{"stack=s1"}})
}

func TestAMissingScopeIsNamed(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, l *lab) {
		for _, c := range []struct {
			scopes []string
			want   string
		}{
			{[]string{"read:heartbeats", "read:blackouts", "write:alerts"}, "creating blackout Production, tags [\"stack=s1\"]: the key lacks write:blackouts"},
			{[]string{"read:heartbeats", "write:blackouts", "write:alerts"}, "deleting heartbeat cron ("},
			{[]string{"read:heartbeats", "write:blackouts", "write:alerts"}, ": the key lacks write:heartbeats"},
			{[]string{"write:heartbeats", "write:blackouts", "read:alerts"}, "deleting alert Production/web/down ("},
			{[]string{"write:heartbeats", "write:blackouts", "read:alerts"}, ": the key lacks delete:alerts"},
			{[]string{"write:heartbeats", "write:blackouts"}, "nothing was changed: listing alerts: the key lacks read:alerts"},
			{[]string{"write:heartbeats", "write:blackouts", "write:alerts"}, "housekeeping: the key lacks admin:management"},
		} {
			l.fillEveryPart()
			key := l.server.AddKey(t, "", c.scopes...)
			a := l.run(everyPart().With(task{"api_key": key}))
			assert.True(t, a.Failed, c.want)
			assert.Contains(t, a.Msg, c.want)
			assert.Empty(t, resourcetest.Secrets{"the key": key}.Leaks(a.Raw))
		}
		l.fillEveryPart()
		l.ok(everyPart())
	})
}

func TestASuitableUserLogsIn(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, l *lab) {
		const password = "pass-W0rd/+ä!"
		l.fillEveryPart()
		l.server.AddUser(t, "ops@example.com", password)
		as := everyPart().With(task{"api_username": "ops@example.com", "api_password": password})
		delete(as, "server") // which a user may not use
		a := l.run(as)
		assert.False(t, a.Failed, a.Msg)
		assert.Equal(t, 2, a.Summary["deleted"])
		assert.False(t, l.run(as).Changed)
		l.ExpectNoLeak(resourcetest.Secrets{"the password": password}, a.Answer, "logged in")
		wrong := as.With(task{"api_password": "wrong-pass-word"})
		a = l.run(wrong)
		assert.True(t, a.Failed)
		assert.Contains(t, a.Msg, "nothing was changed: logging in as ops@example.com: POST /auth/login: status 401")
		l.ExpectNoLeak(resourcetest.Secrets{"the password": "wrong-pass-word"}, a.Answer, "refused")
	})
}

// TestSecretsStayHidden makes calls fail in ways that make servers tell what they were sent.
func TestSecretsStayHidden(t *testing.T) {
	t.Parallel()
	l := newLab(t, alertatest.Newest)
	const wrong = "wrong-key/+0123456789"
	a := l.run(everyPart().With(task{"api_key": wrong}))
	assert.True(t, a.Failed)
	assert.Contains(t, a.Msg, "status 401")
	assert.Contains(t, a.Msg, "API key parameter '********' is invalid", "the server repeats the key")
	l.ExpectNoLeak(resourcetest.Secrets{"the key": wrong}, a.Answer, "refused")

	key := l.server.Key(alertatest.Ansible)
	for name, fault := range resourcetest.Faults() {
		fault.Body = "you sent " + key
		l.fillEveryPart()
		l.recorder.ResetCalls()
		l.recorder.Inject(emulator.On("", "", emulator.Always, fault))
		l.ExpectNoLeak(resourcetest.Secrets{"the key": key}, l.run(everyPart()).Answer, name)
		l.recorder.ClearFaults()
	}
}

// TestTheAddressIsTakenAsItIs serves the API at the root, as a server that was started by hand, and below a path, as Alerta's image does.
func TestTheAddressIsTakenAsItIs(t *testing.T) {
	t.Parallel()
	l := newLab(t, alertatest.Newest)
	for _, base := range []string{"", "/api", "/monitoring/api"} {
		recorder := l.server.Record(t, base, emulator.Options{})
		for _, slash := range []string{"", "/"} {
			l.fillEveryPart()
			a := l.run(everyPart().With(task{"api_url": recorder.URL + slash}))
			assert.False(t, a.Failed, a.Msg)
			assert.Equal(t, 2, a.Summary["deleted"])
		}
		l.fillEveryPart()
		a := l.run(everyPart().With(task{"alerta_url": recorder.URL + "/elsewhere"}))
		assert.True(t, a.Failed)
		assert.False(t, a.Changed)
		assert.Len(t, l.left(), 1)
	}
}

// TestAKeyOfACustomerSeesItsOwn holds that what is not listed is not touched.
func TestAKeyOfACustomerSeesItsOwn(t *testing.T) {
	t.Parallel()
	l := newLab(t, alertatest.Newest, alertatest.Setting("CUSTOMER_VIEWS = True"))
	acme := func(a *alertatest.Alert) { a.Customer = "acme" }
	l.server.Insert(t, alert("s1", "web", "acme", acme), alert("s1", "web", "others", func(a *alertatest.Alert) { a.Customer = "others" }))
	key := l.server.AddKey(t, "acme", "read", "write")
	for _, bulk := range []bool{false, true} {
		a := l.run(task{"stack": "s1", "action": "delete", "bulk": bulk, "api_key": key})
		assert.False(t, a.Failed, a.Msg)
		assert.Equal(t, []string{"web/others"}, l.left())
		l.server.Insert(t, alert("s1", "web", "more", acme))
		assert.Equal(t, http.StatusOK, l.server.Do(t, key, http.MethodGet, "/alerts?sort-by=event", nil).Status)
		l.run(task{"stack": "s1", "action": "delete", "api_key": key})
	}
}
