// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
)

func TestTeamsAndContacts(t *testing.T) {
	t.Parallel()
	c := newClient(t, emulator.Options{})
	assert.Equal(t, object{"teams": []any{}}, c.must("GET", "/alerting/teams", nil))
	assert.Equal(t, object{"contacts": []any{}}, c.must("GET", "/alerting/contacts", nil))
	ada, grace := c.e.AddContact("Ada", "ada@example.com"), c.e.AddContact("Grace")
	c.e.AddTeam("Web", ada, 17)
	c.e.AddTeam("Web")
	assert.Equal(t, object{"teams": []any{
		object{"id": 700001.0, "name": "Web", "members": []any{object{"id": float64(ada), "name": "Ada", "type": "contact"}}},
		object{"id": 700002.0, "name": "Web", "members": []any{}},
	}}, c.must("GET", "/alerting/teams", nil), "names are not unique")
	contact := func(id int, name string, emails, teams []any) object {
		return object{
			"id": float64(id), "name": name, "paused": false, "type": "contact", "owner": false,
			"notification_targets": object{"email": emails, "sms": []any{}}, "teams": teams,
		}
	}
	assert.Equal(t, object{"contacts": []any{
		contact(ada, "Ada", []any{object{"severity": "HIGH", "address": "ada@example.com"}}, []any{object{"id": 700001.0, "name": "Web"}}),
		contact(grace, "Grace", []any{}, []any{}),
	}}, c.must("GET", "/alerting/contacts", nil))
}

func TestProbes(t *testing.T) {
	t.Parallel()
	c := newClient(t, emulator.Options{})
	probes := func(query string) (found []any) {
		for _, probe := range c.must("GET", "/probes"+query, nil)["probes"].([]any) {
			found = append(found, probe.(object)["region"])
		}
		return found
	}
	assert.Equal(t, []any{"EU", "NA", "APAC", "LATAM", "EU"}, probes(""))
	assert.Equal(t, []any{"EU", "NA", "APAC", "LATAM"}, probes("?onlyactive=true"))
	assert.Equal(t, []any{"APAC", "LATAM"}, probes("?limit=2&offset=2&includedeleted=true&onlyactive=false"))
}

func TestEveryAnswerTellsTheLimits(t *testing.T) {
	t.Parallel()
	const plenty = "Remaining: 99999 Time until reset: 3600"
	for what, l := range map[string]struct {
		opt         emulator.Options
		short, long string
	}{
		"none":   {emulator.Options{}, plenty, plenty},
		"second": {emulator.Options{RatePerSecond: 5}, "Remaining: 4 Time until reset: 1", plenty},
		"minute": {emulator.Options{RatePerMinute: 9}, plenty, "Remaining: 8 Time until reset: 50"},
		"both":   {emulator.Options{RatePerSecond: 5, RatePerMinute: 9}, "Remaining: 4 Time until reset: 1", "Remaining: 8 Time until reset: 50"},
	} {
		l.opt.Now = func() time.Time { return noon().Add(10250 * time.Millisecond) }
		c := newClient(t, l.opt)
		got := c.do("GET", "/checks/1", nil)
		assert.Equal(t, 403, got.status)
		assert.Equal(t, []string{l.short, l.long}, []string{got.header.Get("Req-Limit-Short"), got.header.Get("Req-Limit-Long")}, what)
	}
}

func TestTooManyCalls(t *testing.T) {
	t.Parallel()
	c := newClient(t, emulator.Options{RatePerSecond: 1, Now: noon})
	c.create(nil)
	got := c.do("POST", "/checks", creation(nil))
	assert.Equal(t, 429, got.status)
	assert.Equal(t, "Request limit exceeded, try again later", got.problem(t))
	assert.Empty(t, got.header.Get("Retry-After"))
	assert.Equal(t, "Remaining: 0 Time until reset: 1", got.header.Get("Req-Limit-Short"))
	assert.Len(t, c.e.Checks(), 1)
}

func TestErrorsHaveTheVendorsEnvelope(t *testing.T) {
	t.Parallel()
	c := newClient(t, emulator.Options{Token: "another"})
	got := c.do("GET", "/checks", nil)
	assert.Equal(t, 401, got.status)
	assert.Equal(t, "Invalid access token", got.problem(t))
	c.e.Inject(emulator.At(1, emulator.Fault{Kind: emulator.Status, Status: 500}))
	got = c.do("GET", "/checks", nil)
	assert.Equal(t, 500, got.status)
	assert.Equal(t, "Something went wrong", got.problem(t))
}

func TestABodyOfJSONIsOnRecord(t *testing.T) {
	t.Parallel()
	c := newClient(t, emulator.Options{})
	c.create(object{"name": "recorded"})
	calls := c.e.Calls()
	assert.JSONEq(t, `{"name":"recorded","host":"shop.example.com","type":"http"}`, string(calls[0].Body))
	assert.Nil(t, calls[0].Form)
}

const seed = `{
	"contacts": [{"name": "Ada", "emails": ["ada@example.com"]}],
	"teams": [{"name": "Web", "members": [900001]}],
	"checks": [
		{"name": "Shop", "type": "http", "host": "shop.example.com", "encryption": true, "userids": "900001", "tags": ["a", "b"]},
		{"name": "Router", "type": "ping", "host": "192.0.2.1", "teamids": "700001", "paused": true}
	],
	"maintenance": [{"description": "Move", "from": 1, "to": 4102444800, "uptimeids": "8000001"}]}`

func TestSeed(t *testing.T) {
	t.Parallel()
	c := newClient(t, emulator.Options{ListLag: 5, Now: noon})
	require.NoError(t, c.e.Load([]byte(seed)))
	_, names := c.list("")
	assert.Equal(t, []string{"Shop", "Router"}, names, "seeds do not lag")
	start, windows := c.e.Checks(), c.e.Windows()
	assert.Equal(t, 443, start[0].Port, "made as the API makes them")
	assert.Equal(t, []int{8000001}, windows[0].UptimeIDs)

	c.create(nil)
	c.update(8000001, object{"tags": "c"})
	c.must("DELETE", "/checks/8000002", nil)
	c.must("PUT", "/maintenance/500001", object{"to": 1})
	c.e.Reset()
	assert.Equal(t, start, c.e.Checks())
	assert.Equal(t, windows, c.e.Windows())
	assert.Equal(t, 8000003, c.create(nil))
}

func TestTheDemoSeedLoadsAndSeedsAddUp(t *testing.T) {
	t.Parallel()
	c := newClient(t, emulator.Options{Token: "x"})
	require.NoError(t, c.e.Load(pingdom.DemoSeed()))
	require.NoError(t, c.e.Load([]byte(`{"teams":[{"name":"Mine","members":[900002]}]}`)))
	var names []string
	for _, team := range c.must("GET", "/alerting/teams", nil)["teams"].([]any) {
		names = append(names, team.(object)["name"].(string))
	}
	assert.Equal(t, []string{"Operations", "Web", "Mine"}, names)

	r := httptest.NewRequestWithContext(t.Context(), "GET", "/api/3.1/_emulator/state", nil)
	r.Header.Set("Authorization", "Bearer x")
	w := httptest.NewRecorder()
	c.e.ServeHTTP(w, r)
	for _, part := range []string{`"checks":[]`, `"maintenance":[]`, `"name":"Mine"`, `"name":"Ada"`, `"check_limit":10000`, `"mass_changes":0`} {
		assert.Contains(t, w.Body.String(), part)
	}
}

func TestASeedWithAMistakeChangesNothing(t *testing.T) {
	t.Parallel()
	e := pingdom.New(emulator.Options{Now: noon})
	require.NoError(t, e.Load([]byte(seed)))
	checks, windows := e.Checks(), e.Windows()
	for want, data := range map[string]string{
		"unexpected EOF":              `{`,
		"nothing after it":            `{} {}`,
		`unknown field "tests"`:       `{"tests": []}`,
		"contacts[1]: it needs":       `{"contacts": [{"name": "ok"}, {}]}`,
		"contacts[0]: it needs":       `{"contacts": [{"name": "ok", "id": 1}]}`,
		"teams[0]: it needs":          `{"contacts": [{"name": "ok"}], "teams": [{"name": "x", "members": [1]}]}`,
		"checks[1]: [Parameter name":  `{"checks": [{"name": "a", "host": "b", "type": "ping"}, {"host": "b", "type": "ping"}]}`,
		"Parameter type is required]": `{"checks": [null]}`,
		"maintenance[0]: [Parameter ": `{"checks": [{"name": "a", "host": "b", "type": "ping"}], "maintenance": [{"description": "x", "from": 5, "to": 6}]}`,
	} {
		require.ErrorContains(t, e.Load([]byte(data)), want)
		assert.Equal(t, checks, e.Checks())
		assert.Equal(t, windows, e.Windows())
	}
}
