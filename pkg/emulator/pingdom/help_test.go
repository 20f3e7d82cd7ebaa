// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
)

// client speaks to an emulated account without sockets.
type client struct {
	t testing.TB
	e *pingdom.Emulator
}

func newClient(t testing.TB, opt emulator.Options) *client {
	t.Helper()
	return &client{t: t, e: pingdom.New(opt)}
}

// object is a JSON object.
type object = map[string]any

type reply struct {
	status int
	header http.Header
	text   string
	body   object // nil when it is no JSON
}

// problem returns the message of the vendor's error envelope, whose other parts must fit the status.
func (r reply) problem(t testing.TB) string {
	t.Helper()
	envelope, _ := r.body["error"].(object)
	message, _ := envelope["errormessage"].(string)
	require.Equal(t, object{"error": object{
		"statuscode": float64(r.status), "statusdesc": http.StatusText(r.status), "errormessage": message,
	}}, r.body, r.text)
	require.NotEmpty(t, message)
	return message
}

// do sends a body as JSON: a text as it is, anything else marshalled, nil not at all, and url.Values as a form.
func (c *client) do(method, path string, body any) reply {
	c.t.Helper()
	media, text := "application/json", ""
	switch body := body.(type) {
	case nil:
		media = ""
	case string:
		text = body
	case url.Values:
		media, text = "application/x-www-form-urlencoded", body.Encode()
	default:
		data, err := json.Marshal(body)
		require.NoError(c.t, err)
		text = string(data)
	}
	return c.send(method, path, media, text)
}

func (c *client) send(method, path, media, text string) reply {
	c.t.Helper()
	r := httptest.NewRequestWithContext(c.t.Context(), method, pingdom.BasePath+path, strings.NewReader(text))
	r.Header.Set("Authorization", "Bearer x")
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	w := httptest.NewRecorder()
	c.e.ServeHTTP(w, r)
	got := reply{status: w.Code, header: w.Header(), text: w.Body.String()}
	if w.Header().Get("Content-Type") == "application/json" {
		require.NoError(c.t, json.Unmarshal(w.Body.Bytes(), &got.body))
	}
	return got
}

// must is do where the answer is 200.
func (c *client) must(method, path string, body any) object {
	c.t.Helper()
	got := c.do(method, path, body)
	require.Equal(c.t, 200, got.status, got.text)
	return got.body
}

// create makes a check from these fields; name, host and type need not be among them.
func (c *client) create(fields object) int {
	c.t.Helper()
	return number(c.must("POST", "/checks", creation(fields))["check"].(object)["id"])
}

func (c *client) update(id int, fields object) {
	c.t.Helper()
	require.Equal(c.t, object{"message": "Modification of check was successful!"}, c.must("PUT", at(id), fields))
}

// read returns a check as the API tells it, with its teams.
func (c *client) read(id int) object {
	c.t.Helper()
	return c.must("GET", at(id)+"?include_teams=true", nil)["check"].(object)
}

// stored returns a check as the emulator holds it.
func (c *client) stored(id int) pingdom.Check {
	c.t.Helper()
	check, ok := c.e.Check(id)
	require.True(c.t, ok)
	return check
}

// list returns the checks of one list request, and their names.
func (c *client) list(query string) (checks []object, names []string) {
	c.t.Helper()
	for _, item := range c.must("GET", "/checks"+query, nil)["checks"].([]any) {
		checks = append(checks, item.(object))
		names = append(names, item.(object)["name"].(string))
	}
	return checks, names
}

func at(id int) string { return fmt.Sprintf("/checks/%d", id) }

func number(value any) int { return int(value.(float64)) }

// creation fills in what every check needs, and what its type needs.
func creation(fields object) object {
	filled := object{"name": "Shop", "host": "shop.example.com", "type": "http"}
	for name, value := range fields {
		filled[name] = value
	}
	kind, _ := filled["type"].(string)
	for name, value := range map[string]object{
		"tcp": {"port": 22}, "udp": {"port": 53, "stringtosend": "a", "stringtoexpect": "b"},
		"dns": {"nameserver": "ns.example.com", "expectedip": "192.0.2.9"},
	}[kind] {
		if _, given := filled[name]; !given {
			filled[name] = value
		}
	}
	return filled
}

// noon is where the clocks of these tests stand.
func noon() time.Time { return time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC) }
