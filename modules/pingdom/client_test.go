// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
)

// TestAnswersInEachOfTheirForms: what the service tells now so and now otherwise.
func TestAnswersInEachOfTheirForms(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"id": 7, "type": "ping", "tags": [{"name": "a", "type": "u", "count": 1}]}`,
		`{"id": "7", "type": ["ping"], "tags": [{"name": "a", "type": "u", "count": "1"}, {"name": "b", "type": "a", "count": "1"}]}`,
		`{"id": 7, "type": {"ping": {}}, "tags": [{"name": "a", "type": "u"}], "userids": null, "teams": [], "status": "up"}`,
		`{"id": 7, "type": {"ping": []}, "tags": [{"name": "a", "type": "u"}], "integrationids": [], "probe_filters": []}`,
		`{"id": 7, "type": {"ping": null}, "tags": [{"name": "a", "type": "u"}], "resolution": 5, "responsetime_threshold": 30000}`,
	} {
		var d details
		require.NoError(t, json.Unmarshal([]byte(text), &d), text)
		c, err := fromDetails(d)
		require.NoError(t, err)
		assert.Equal(t, Check{
			Name: ptr(""), Host: ptr(""), Type: ptr("ping"), Paused: ptr(false), Resolution: ptr(5), SendNotificationWhenDown: ptr(2),
			NotifyAgainEvery: ptr(0), NotifyWhenBackup: ptr(true), ResponseTimeThreshold: ptr(30000), CustomMessage: ptr(""),
			IntegrationIDs: []string{}, UserIDs: []string{}, TeamIDs: []string{}, Tags: []string{"a"}, ProbeFilters: []string{}, IPv6: ptr(false),
		}, c, text)
		assert.Equal(t, flexible("7"), d.ID)
	}
	var d details
	require.NoError(t, json.Unmarshal([]byte(`{"id": 7, "status": "paused", "verify_certificate": false, "userids": [1, "2"],
		"teams": [{"id": "3", "name": "x"}, {"id": 4}], "type": {"httpcustom": {"requestheaders": [], "additionalurls": ["https://a", "https://b"]}}}`), &d))
	c, err := fromDetails(d)
	require.NoError(t, err)
	assert.Equal(t, []string{"1", "2", "3", "4"}, append(c.UserIDs, c.TeamIDs...))
	assert.Equal(t, []any{true, false, 80, "/", ""}, []any{*c.Paused, *c.VerifyCertificate, *c.Port, *c.URL, c.RequestHeaders.Reveal()})
	assert.Equal(t, []string{"https://a", "https://b"}, c.AdditionalURLs)

	for _, text := range []string{`{"id": true}`, `{"type": {"http": {}, "ping": {}}}`, `{"type": 7}`} {
		assert.Error(t, json.Unmarshal([]byte(text), &details{}), text)
	}
	assert.Error(t, json.Unmarshal([]byte(`{"requestheaders": ["a"]}`), &typeFields{}))
}

func TestErrorsAreTheVendorsOwn(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"error": {"statuscode": 403, "statusdesc": "Forbidden", "errormessage": "No free uptime checks available"}}`: "No free uptime checks available",
		`{"error": {"statuscode": 500, "statusdesc": "Internal Server Error"}}`:                                        "Internal Server Error",
		`<html>`: "", `{"error": "odd"}`: "", `{}`: "",
	} {
		code, msg := parseError(0, []byte(body))
		assert.Empty(t, code)
		assert.Equal(t, want, msg, body)
	}
	for status, want := range map[int]error{400: httpapi.ErrNotFound, 403: httpapi.ErrNotFound, 404: httpapi.ErrNotFound, 500: nil} {
		assert.Equal(t, want, classify(httpapi.Answer{Status: status, Msg: "Invalid check identifier"}))
		assert.NoError(t, classify(httpapi.Answer{Status: status, Msg: "Forbidden"}))
	}
}

func TestTheLongestLimitThatIsUsedUpIsWaitedFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		short, long string
		want        time.Duration
		known       bool
	}{
		{"Remaining: 0 Time until reset: 12", "Remaining: 100 Time until reset: 3589", 12 * time.Second, true},
		{"Remaining: 0 Time until reset: 12", "Remaining: 0 Time until reset: 3589", 3589 * time.Second, true},
		{"Remaining: 3 Time until reset: 12", "Remaining: 0 Time until reset: 0", time.Second, true},
		{"Remaining: 10 Time until reset: 12", "Remaining: 100 Time until reset: 3589", 0, false},
		{"", "", 0, false},
		{"Remaining: none", "Remaining: 0 Time until reset: 99999999999999999999", 0, false},
	} {
		wait, known := parseLimits(429, http.Header{"Req-Limit-Short": {c.short}, "Req-Limit-Long": {c.long}})
		assert.Equal(t, c.known, known, "%+v", c)
		assert.Equal(t, c.want, wait, "%+v", c)
	}
}

// TestOddAnswersOfTheServer: what is not understood is never taken for an absence, and a creation without an id is looked for.
func TestOddAnswersOfTheServer(t *testing.T) {
	t.Parallel()
	answer := func(body string) emulator.Fault {
		return emulator.Fault{Kind: emulator.Status, Status: http.StatusOK, Body: body}
	}
	l := newLab(t, emulator.Options{})
	id := l.byHand("a")
	for _, body := range []string{`{}`, `{"check": {"id": 1}}`, `{"check": []}`} {
		l.Inject(emulator.On(http.MethodGet, "/api/3.1/checks/"+id, emulator.Always, answer(body)))
		assert.Contains(t, l.Run(site("a")).Msg, "nothing was changed, because the checks could not be read: reading check "+id, body)
		l.ClearFaults()
	}
	l.Inject(emulator.On(http.MethodGet, "/api/3.1/credits", emulator.Always, answer(`{"credits": {}}`)))
	assert.Contains(t, l.Run(options{"checks": sites("x", "y")}).Msg, "reading the credits: the answer has no credits.availablechecks")
	l.Inject(emulator.On(http.MethodGet, "/api/3.1/alerting/teams", emulator.Always, answer(`{"groups": []}`)))
	assert.Contains(t, l.Run(site("x").With(options{"teams": "Day"})).Msg, "listing teams: the answer has no teams")
	assert.Zero(t, l.Writes())
	l.ClearFaults()

	l.Inject(emulator.On(http.MethodPost, "", 1, emulator.Fault{Kind: emulator.StatusAfter, Status: http.StatusOK, Body: `{"check": {}}`}))
	assert.Equal(t, []string{"new created"}, l.OK(site("new")).Actions())
	assert.Len(t, l.named("new"), 1)
}
