// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake/conformtest"
)

// client speaks to an emulated account through the vendor's Swagger file, without sockets.
type client struct {
	t       testing.TB
	e       *statuscake.Emulator
	handler http.Handler
}

// newClient judges every call by the vendor's file; mistakes on purpose need conformtest.AllowRefused.
func newClient(t testing.TB, opt emulator.Options, options ...conformtest.Option) *client {
	t.Helper()
	e := statuscake.New(opt)
	return &client{t: t, e: e, handler: conformtest.Wrap(t, e, options...)}
}

type reply struct {
	status int
	header http.Header
	text   string
	body   struct {
		Data     json.RawMessage     `json:"data"`
		Metadata map[string]int      `json:"metadata"`
		Message  string              `json:"message"`
		Errors   map[string][]string `json:"errors"`
	}
}

func (c *client) do(method, path, body string, header ...string) reply {
	c.t.Helper()
	r := httptest.NewRequestWithContext(c.t.Context(), method, "/v1"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer x")
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	got := reply{status: w.Code, header: w.Header(), text: w.Body.String()}
	if w.Header().Get("Content-Type") == "application/json" {
		require.NoError(c.t, json.Unmarshal(w.Body.Bytes(), &got.body))
	}
	return got
}

// create makes an HTTP test with these further fields, given as name and value in turn, and returns its id.
func (c *client) create(fields ...string) string {
	c.t.Helper()
	got := c.do("POST", "/uptime", creation(fields...).Encode())
	require.Equal(c.t, 201, got.status, got.text)
	var data struct {
		NewID string `json:"new_id"`
	}
	require.NoError(c.t, json.Unmarshal(got.body.Data, &data))
	return data.NewID
}

func (c *client) update(id string, fields ...string) {
	c.t.Helper()
	got := c.do("PUT", "/uptime/"+id, form(fields...).Encode())
	require.Equal(c.t, 204, got.status, got.text)
	require.Empty(c.t, got.text)
}

// read returns a test as the API tells it.
func (c *client) read(id string) map[string]any {
	c.t.Helper()
	got := c.do("GET", "/uptime/"+id, "")
	require.Equal(c.t, 200, got.status, got.text)
	var data map[string]any
	require.NoError(c.t, json.Unmarshal(got.body.Data, &data))
	return data
}

// list returns the tests of one list request, and their names.
func (c *client) list(query string) (tests []map[string]any, names []string) {
	c.t.Helper()
	got := c.do("GET", "/uptime"+query, "")
	require.Equal(c.t, 200, got.status, got.text)
	require.NoError(c.t, json.Unmarshal(got.body.Data, &tests))
	for _, test := range tests {
		names = append(names, test["name"].(string))
	}
	return tests, names
}

func form(fields ...string) url.Values {
	values := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		values.Add(fields[i], fields[i+1])
	}
	return values
}

func creation(fields ...string) url.Values {
	values := form(fields...)
	for name, value := range map[string]string{
		"name": "Shop", "test_type": "HTTP", "website_url": "https://shop.example.com", "check_rate": "300",
	} {
		if !values.Has(name) {
			values.Set(name, value)
		}
	}
	return values
}
