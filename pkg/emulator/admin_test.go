// SPDX-License-Identifier: GPL-3.0-or-later

package emulator_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

func TestAdminEndpoints(t *testing.T) {
	e, url := start(t, emulator.Options{Token: token, RatePerMinute: 4})
	admin := url + "/_emulator/"

	got := call(t, "POST", admin+"faults", `[{"method":"DELETE","path":"/v1/uptime","kind":"status","status":503},{"index":99,"kind":"html"}]`)
	require.Equal(t, 204, got.status, got.body)
	assert.JSONEq(t, `[{"method":"DELETE","path":"/v1/uptime","kind":"status","status":503},{"index":99,"kind":"html"}]`,
		call(t, "GET", admin+"faults", "").body)

	call(t, "POST", url+"/uptime", creation+"&basic_password=pw")
	call(t, "DELETE", url+"/uptime/6000001", "")
	call(t, "GET", url+"/uptime/6000001", "")
	call(t, "GET", url+"/uptime/17", "")
	assert.JSONEq(t, `{"total":4,"writes":2,"max_in_flight":1,"calls":[
		{"method":"POST","path":"/v1/uptime","count":1,"statuses":{"201":1}},
		{"method":"DELETE","path":"/v1/uptime/{id}","count":1,"statuses":{"503":1}},
		{"method":"GET","path":"/v1/uptime/{id}","count":2,"statuses":{"200":1,"404":1}}]}`,
		call(t, "GET", admin+"calls", "").body, "admin calls are neither counted nor limited")
	assert.JSONEq(t, `[{"index":99,"kind":"html"}]`, call(t, "GET", admin+"faults", "").body)

	var state struct {
		Tests         []map[string]any `json:"tests"`
		ContactGroups []any            `json:"contact_groups"`
	}
	require.NoError(t, json.Unmarshal([]byte(call(t, "GET", admin+"state", "").body), &state))
	require.Len(t, state.Tests, 1)
	assert.Equal(t, "pw", state.Tests[0]["basic_password"], "write-only fields are there for assertions")
	assert.NotNil(t, state.ContactGroups)

	assert.Equal(t, 204, call(t, "DELETE", admin+"faults", "").status)
	assert.JSONEq(t, `[]`, call(t, "GET", admin+"faults", "").body)
	assert.Equal(t, 204, call(t, "DELETE", admin+"calls", "").status)
	assert.JSONEq(t, `{"total":0,"writes":0,"max_in_flight":0,"calls":[]}`, call(t, "GET", admin+"calls", "").body)
	assert.Len(t, e.Tests(), 1)

	call(t, "POST", admin+"faults", `[{"kind":"html"}]`)
	assert.Equal(t, 204, call(t, "POST", admin+"reset", "").status)
	assert.Empty(t, e.Tests())
	assert.Empty(t, e.Pending())
	assert.Equal(t, 201, call(t, "POST", url+"/uptime", creation).status)
	assert.Equal(t, "6000001", e.Tests()[0].ID, "as at the start")
}

func TestAdminRefusals(t *testing.T) {
	e, url := start(t, emulator.Options{Token: token})
	for name, c := range map[string]struct{ method, path, body, want string }{
		"unknown endpoint":  {"GET", "secrets", "", "no such admin endpoint"},
		"wrong method":      {"PUT", "faults", "", "no such admin endpoint"},
		"no JSON":           {"POST", "faults", "kind=html", "must be a JSON list"},
		"more than one":     {"POST", "faults", `[] []`, "nothing after it"},
		"unknown field":     {"POST", "faults", `[{"kind":"html","tims":2}]`, `unknown field "tims"`},
		"unknown kind":      {"POST", "faults", `[{"kind":"html"},{"kind":"x"}]`, "item 1: fault rule: kind"},
		"delay, not a time": {"POST", "faults", `[{"kind":"delay","delay":"soon"}]`, `invalid duration "soon"`},
	} {
		t.Run(name, func(t *testing.T) {
			got := call(t, c.method, url+"/_emulator/"+c.path, c.body)
			assert.Contains(t, []int{400, 404}, got.status)
			assert.Contains(t, got.body, c.want)
			assert.Empty(t, e.Pending())
		})
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/_emulator/state", nil))
	assert.Equal(t, 401, w.Code, "the state holds passwords: it wants the token, below any path")
	assert.Empty(t, e.Calls())
}
