// SPDX-License-Identifier: GPL-3.0-or-later

package conformtest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake/conformtest"
)

// spy is a test that is allowed to fail.
type spy struct {
	testing.TB
	failures []string
}

func (s *spy) Errorf(format string, args ...any) {
	s.failures = append(s.failures, fmt.Sprintf(format, args...))
}

// answering is a server that always answers the same.
func answering(status int, contentType, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		if status != 200 { // else the first Write says so
			w.WriteHeader(status)
		}
		_, _ = io.WriteString(w, body)
	})
}

func do(t *testing.T, h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer x")
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const created = `{"data":{"new_id":"1"}}`

func TestRequestsThatDoNotConform(t *testing.T) {
	for what, r := range map[string]struct{ method, path, body, want string }{
		"unknown path":          {"GET", "/v1/uptimes", "", "no matching operation"},
		"outside the base path": {"GET", "/uptime", "", "no matching operation"},
		"no id":                 {"DELETE", "/v1/uptime/", "", `path "/v1/uptime/" is not in the file`},
		"id with a slash":       {"GET", "/v1/uptime/1%2f2", "", "is not in the file"},
		"unknown method":        {"PATCH", "/v1/uptime/1", "name=x", "no matching operation"},
		"unknown parameter":     {"GET", "/v1/uptime?name=x", "", `query parameter "name"`},
		"parameter's bounds":    {"GET", "/v1/uptime?limit=101", "", "at most 100"},
		"flag with a value":     {"GET", "/v1/uptime?matchany=no", "", "matchany"},
		"broken query":          {"GET", "/v1/uptime?page=%zz", "", "invalid URL escape"},
		"unknown field":         {"PUT", "/v1/uptime/1", "nmae=x", `field "nmae"`},
		"list without brackets": {"PUT", "/v1/uptime/1", "tags=x", `field "tags": brackets`},
		"brackets on a text":    {"PUT", "/v1/uptime/1", "name[]=x", `field "name[]": brackets`},
		"empty brackets":        {"PUT", "/v1/uptime/1", "host[]=", `field "host[]" is no list`},
		"field twice":           {"PUT", "/v1/uptime/1", "name=x&name=y", `field "name" is sent 2 times`},
		"immutable field":       {"PUT", "/v1/uptime/1", "test_type=HTTP", `field "test_type"`},
		"enumeration":           {"PUT", "/v1/uptime/1", "check_rate=45", "check_rate"},
		"bounds":                {"PUT", "/v1/uptime/1", "timeout=4", "at least 5"},
		"not a number":          {"PUT", "/v1/uptime/1", "timeout=x", "timeout"},
		"required field":        {"POST", "/v1/uptime", "name=x", `"website_url" is missing`},
		"nothing at all":        {"POST", "/v1/uptime", "", "value is required but missing"},
		"broken form":           {"PUT", "/v1/uptime/1", "name=%zz", "invalid URL escape"},
		"body of a reading":     {"GET", "/v1/uptime/1", "name=x", "body"},
	} {
		t.Run(what, func(t *testing.T) {
			test := &spy{TB: t}
			do(t, conformtest.Wrap(test, answering(200, "application/json", created)), r.method, r.path, r.body)
			require.Len(t, test.failures, 1)
			assert.Contains(t, test.failures[0], "the request does not conform")
			assert.Contains(t, test.failures[0], r.want)

			test = &spy{TB: t}
			do(t, conformtest.Wrap(test, answering(400, "text/plain", "no"), conformtest.AllowRefused()), r.method, r.path, r.body)
			assert.Empty(t, test.failures, "on purpose")

			test = &spy{TB: t}
			do(t, conformtest.Wrap(test, answering(201, "application/json", created), conformtest.AllowRefused()), r.method, r.path, r.body)
			require.Len(t, test.failures, 1, "on purpose, but accepted")
			assert.Contains(t, test.failures[0], "answered with 201 although")
		})
	}
}

func TestABodyThatIsNoForm(t *testing.T) {
	test := &spy{TB: t}
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/uptime", strings.NewReader(`{"name":"x"}`))
	r.Header.Set("Content-Type", "application/json")
	conformtest.Wrap(test, answering(400, "application/json", `{}`)).ServeHTTP(httptest.NewRecorder(), r)
	require.Len(t, test.failures, 1)
	assert.Contains(t, test.failures[0], `the body is "application/json"`)

	test = &spy{TB: t}
	r = httptest.NewRequestWithContext(t.Context(), "GET", "/v1/uptime", io.NopCloser(brokenBody{}))
	conformtest.Wrap(test, answering(400, "application/json", `{}`)).ServeHTTP(httptest.NewRecorder(), r)
	require.Len(t, test.failures, 1)
	assert.Contains(t, test.failures[0], "cannot be read")
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestAnswersThatDoNotConform(t *testing.T) {
	const metadata = `"metadata":{"page":1,"per_page":25,"page_count":1,"total_count":0}`
	for what, c := range map[string]struct {
		path        string
		status      int
		contentType string
		body        string
		want        string // empty: it conforms
	}{
		"empty list":            {"/v1/uptime", 200, "application/json", `{"data":[],` + metadata + `}`, ""},
		"no metadata":           {"/v1/uptime", 200, "application/json", `{"data":[]}`, `"metadata" is missing`},
		"field missing":         {"/v1/uptime", 200, "application/json", `{"data":[{"id":"1"}],` + metadata + `}`, "is missing"},
		"id as a number":        {"/v1/contact-groups/1", 200, "application/json", `{"data":{"id":1,"name":"a","email_addresses":[],"mobile_numbers":[],"integrations":[]}}`, "must be a string"},
		"another success":       {"/v1/uptime", 202, "application/json", `{}`, "knows no such success"},
		"a page of HTML":        {"/v1/uptime", 200, "text/html", `<html>`, "Content-Type"},
		"not JSON":              {"/v1/uptime", 200, "application/json", `<html>`, "failed to decode"},
		"error body":            {"/v1/uptime/1", 404, "application/json", `{"message":"No results found","errors":{}}`, ""},
		"errors not lists":      {"/v1/uptime/1", 400, "application/json", `{"message":"No","errors":{"a":"b"}}`, "must be an array"},
		"limit hit":             {"/v1/uptime/1", 429, "", "", ""},
		"gateway":               {"/v1/uptime/1", 504, "text/html", "<html>", ""},
		"content that is none":  {"/v1/uptime", 204, "application/json", "x", "without content has a body"},
		"admin calls pass over": {"/v1/_emulator/calls", 200, "text/plain", "x", ""},
	} {
		t.Run(what, func(t *testing.T) {
			test := &spy{TB: t}
			got := do(t, conformtest.Wrap(test, answering(c.status, c.contentType, c.body)), "GET", c.path, "")
			assert.Equal(t, c.status, got.Code)
			assert.Equal(t, c.body, got.Body.String(), "the answer passes unchanged")
			if c.want == "" {
				assert.Empty(t, test.failures)
				return
			}
			require.Len(t, test.failures, 1)
			assert.Contains(t, test.failures[0], "the answer of")
			assert.Contains(t, test.failures[0], c.want)
		})
	}
}

// TestFaultsPass drives the faults through the wrapper over a real socket: they reach the caller as without it, and are
// no failure of the test.
func TestFaultsPass(t *testing.T) {
	e := statuscake.New(emulator.Options{})
	server := httptest.NewServer(conformtest.Wrap(t, e))
	defer server.Close()
	e.Inject(
		emulator.At(0, emulator.Fault{Kind: emulator.HTML}),
		emulator.At(1, emulator.Fault{Kind: emulator.CutBody}),
		emulator.At(2, emulator.Fault{Kind: emulator.DropBefore}),
	)
	read := func() (string, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/v1/uptime", nil)
		require.NoError(t, err)
		r.Close = true
		r.Header.Set("Authorization", "Bearer x")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		return string(text), err
	}
	text, err := read()
	require.NoError(t, err)
	assert.Contains(t, text, "<html>")
	_, err = read()
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	_, err = read()
	require.ErrorIs(t, err, io.EOF)
	text, err = read()
	require.NoError(t, err)
	assert.Contains(t, text, `"data":[]`)
}
