// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mitchellh/mapstructure"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDoSendsWhatWasAsked(t *testing.T) {
	s := newServer(t, fine, fine, answer(http.StatusNoContent, ""), answer(http.StatusNoContent, ""))
	c := newClient(t, s.URL+"/base/v1/")
	var got thing
	require.NoError(t, c.Do(t.Context(), Request{Method: http.MethodGet, Path: []string{"uptime"}, Query: url.Values{"page": {"1"}, "tags": {"a b&c"}}}, &got))
	assert.Equal(t, "7", got.ID)
	require.NoError(t, c.Do(t.Context(), Request{Method: http.MethodPost, Path: []string{"uptime"}, Form: url.Values{"tags[]": {"x", "y"}, "name": {""}}}, &got))
	require.NoError(t, c.Do(t.Context(), Request{
		Method: http.MethodPut, Path: []string{"uptime", "1"}, JSON: map[string]int{"a": 1},
		Header: http.Header{"X-Extra": {"e"}, "Accept": {"text/plain"}},
	}, nil))
	require.NoError(t, c.Do(t.Context(), Request{Method: http.MethodDelete, Path: []string{"uptime", "a/b%c d?"}}, nil))

	calls := s.calls()
	require.Len(t, calls, 4)
	assert.Equal(t, "/base/v1/uptime?page=1&tags=a+b%26c", calls[0].uri)
	assert.Empty(t, calls[0].body)
	assert.Equal(t, "tags%5B%5D=x&tags%5B%5D=y", calls[1].body[len("name=&"):])
	assert.Equal(t, "application/x-www-form-urlencoded", calls[1].header.Get("Content-Type"))
	assert.JSONEq(t, `{"a":1}`, calls[2].body)
	assert.Equal(t, "application/json", calls[2].header.Get("Content-Type"))
	assert.Equal(t, "e", calls[2].header.Get("X-Extra"))
	assert.Equal(t, "text/plain", calls[2].header.Get("Accept"))
	assert.Equal(t, "/base/v1/uptime/a%2Fb%25c%20d%3F", calls[3].uri)
	for _, call := range calls {
		assert.Equal(t, "Bearer "+token, call.header.Get("Authorization"))
		assert.Equal(t, userAgent, call.header.Get("User-Agent"))
	}
	assert.Equal(t, "application/json", calls[0].header.Get("Accept"))
	assert.Equal(t, Stats{Calls: 4}, c.Stats())
}

// TestAFreshBodyIsMadeWhenItsTurnHasCome: a call that was put off tells the time at which it goes out.
func TestAFreshBodyIsMadeWhenItsTurnHasCome(t *testing.T) {
	s := newServer(t, answer(http.StatusTooManyRequests, ""), fine)
	clock := &fakeClock{now: epoch}
	c := newClient(t, s.URL, func(c *Config) { c.Clock = clock })
	var made []time.Time
	require.NoError(t, c.Do(t.Context(), Request{Method: http.MethodPost, Path: []string{"x"}, Fresh: func() any {
		made = append(made, clock.Now())
		return made[len(made)-1]
	}}, nil))
	require.Len(t, made, 2)
	assert.Greater(t, made[1], made[0])
	for i, call := range s.calls() {
		assert.JSONEq(t, `"`+made[i].Format(time.RFC3339Nano)+`"`, call.body)
		assert.Equal(t, "application/json", call.header.Get("Content-Type"))
	}
	require.ErrorContains(t, c.Do(t.Context(), Request{Method: http.MethodPost, Path: []string{"x"}, Fresh: func() any { return func() {} }}, nil),
		"cannot be written as JSON")
	assert.Len(t, s.calls(), 2)
}

func TestRequestsThatAreNeverSent(t *testing.T) {
	s := newServer(t)
	c := newClient(t, s.URL)
	one := []string{"x"}
	for name, bad := range map[string]struct {
		r    Request
		want string
	}{
		"no path":                  {Request{Method: http.MethodDelete}, "no path"},
		"empty id":                 {Request{Method: http.MethodDelete, Path: []string{"uptime", ""}}, `segment 2 of the path below /uptime is ""`},
		"parent":                   {Request{Method: http.MethodDelete, Path: []string{"uptime", ".."}}, `".."`},
		"parent inside":            {Request{Method: http.MethodDelete, Path: []string{"uptime", "a/../b"}}, "would address something else"},
		"itself inside":            {Request{Method: http.MethodDelete, Path: []string{"uptime", "a/./b"}}, "would address something else"},
		"parent at the end":        {Request{Method: http.MethodDelete, Path: []string{"uptime", "a/.."}}, "would address something else"},
		"parent escaped":           {Request{Method: http.MethodDelete, Path: []string{"uptime", "a%2F..%2Fb"}}, "would address something else"},
		"parent escaped dots":      {Request{Method: http.MethodDelete, Path: []string{"uptime", "%2e%2E"}}, "would address something else"},
		"parent escaped twice":     {Request{Method: http.MethodDelete, Path: []string{"uptime", "x%252f%252e%252e"}}, "would address something else"},
		"parent after a backslash": {Request{Method: http.MethodDelete, Path: []string{"uptime", "a\\..\\b"}}, "would address something else"},
		"parent with parameters":   {Request{Method: http.MethodDelete, Path: []string{"uptime", "a/..;x=1/b"}}, "would address something else"},
		"dot":                      {Request{Method: http.MethodGet, Path: []string{"."}}, `"."`},
		"no method":                {Request{Path: one}, `method ""`},
		"unknown method":           {Request{Method: "get", Path: one}, `method "get"`},
		"GET with a form":          {Request{Method: http.MethodGet, Path: one, Form: url.Values{}}, "cannot carry a body"},
		"two bodies":               {Request{Method: http.MethodPut, Path: one, Form: url.Values{}, JSON: 1}, "both a form and JSON"},
		"a fresh body beside another": {
			Request{Method: http.MethodPut, Path: one, JSON: 1, Fresh: func() any { return 1 }}, "a fresh body beside another one",
		},
		"GET with a fresh body": {Request{Method: http.MethodGet, Path: one, Fresh: func() any { return 1 }}, "cannot carry a body"},
		"not JSON":              {Request{Method: http.MethodPut, Path: one, JSON: func() {}}, "cannot be written as JSON"},
		"line break":            {Request{Method: http.MethodGet, Path: one, Header: http.Header{"X-A": {"a\r\nB: c"}}}, "header X-A"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.ErrorContains(t, c.Do(t.Context(), bad.r, nil), bad.want)
		})
	}
	assert.Empty(t, s.calls())
	assert.Zero(t, c.Stats())
}

func TestNewNamesTheBadOption(t *testing.T) {
	folder := t.TempDir()
	noPEM := filepath.Join(folder, "empty.pem")
	require.NoError(t, os.WriteFile(noPEM, []byte("nothing"), 0o600))
	for want, set := range map[string]setting{
		"api_timeout must be more than 0 and at most 3600 seconds, got: 0":                      func(c *Config) { c.Timeout = 0 },
		"api_timeout must be more than 0 and at most 3600 seconds, got: NaN":                    func(c *Config) { c.Timeout = math.NaN() },
		"api_retries must be a number from 0 (never) to 20, got: -1":                            func(c *Config) { c.Retries = -1 },
		"api_concurrency must be a number from 1 to 256, got: 0":                                func(c *Config) { c.Concurrency = 0 },
		"api_rate_limit must be 0 (no limit) or from 0.01 to 1000 requests a second, got: -0.5": func(c *Config) { c.RateLimit = -0.5 },
		"api_retries must be a number from 0 (never) to 20, got: 21; api_concurrency must be a number from 1 to 256, got: 300": func(c *Config) {
			c.Retries, c.Concurrency = 21, 300
		},
		"total timeout must not be negative": func(c *Config) { c.TotalTimeout = -1 },
		"client_key needs client_cert":       func(c *Config) { c.ClientKey = "x" },
		"values of client_cert and client_key must be PEM files with a certificate and its own key, got: /nowhere and /nowhere " +
			"(/nowhere: no such file or directory)": func(c *Config) { c.ClientCert = "/nowhere" },
		"value of ca_path must be a file with certificates in PEM form or a folder of such, got: /nowhere " +
			"(no such file or directory)": func(c *Config) { c.CAPath = "/nowhere" },
		"empty.pem (there is none in it)": func(c *Config) { c.CAPath = noPEM },
		folder + " (there is none in it)": func(c *Config) { c.CAPath = folder },
		"got something that is not a URL": func(c *Config) { c.BaseURL = "http://h:" + token + "x y" },
		`got the scheme "ftp"`:            func(c *Config) { c.BaseURL = "ftp://h" },
		`got the scheme ""`:               func(c *Config) { c.BaseURL = "api.example.com/v1" },
		"got a URL without a host":        func(c *Config) { c.BaseURL = "https:///v1" },
		"user name or password":           func(c *Config) { c.BaseURL = "https://u:" + url.PathEscape(token) + "@h/v1" },
		"got one with a query":            func(c *Config) { c.BaseURL = "https://h/v1?" },
		"got one with a fragment":         func(c *Config) { c.BaseURL = "https://h/v1#" },
		"got one with a space at its end": func(c *Config) { c.BaseURL = "https://h/v1 " },
		"got one with . or .. in its":     func(c *Config) { c.BaseURL = "https://h/x/%2e%2E/v1" },
		"got the port 70000":              func(c *Config) { c.BaseURL = "https://h:70000/v1" },
	} {
		t.Run(want, func(t *testing.T) {
			_, err := New(testConfig("https://h/v1", set))
			require.ErrorContains(t, err, want)
			assert.NotContains(t, err.Error(), "S3cret")
		})
	}
	assert.NoError(t, DefaultOptions().Validate())
}

// Options are what modules squash into their own.
func TestOptionsDecode(t *testing.T) {
	var module struct {
		Options   `mapstructure:",squash"`
		TLSClient `mapstructure:",squash"`
	}
	require.NoError(t, mapstructure.Decode(map[string]any{
		"api_timeout": 10, "api_retries": 2, "api_concurrency": 4, "api_rate_limit": 0.5, "validate_certs": true,
		"ca_path": "/ca", "client_cert": "/cert", "client_key": "/key",
	}, &module))
	assert.Equal(t, Options{Timeout: 10, Retries: 2, Concurrency: 4, RateLimit: 0.5, ValidateCerts: true, CAPath: "/ca"}, module.Options)
	assert.Equal(t, TLSClient{ClientCert: "/cert", ClientKey: "/key"}, module.TLSClient)
}

func TestBaseAndPath(t *testing.T) {
	for base, want := range map[string]string{
		"":               "/a%20b/%2E%2E.%2F/%E2%82%AC/x:y",
		"/":              "/a%20b/%2E%2E.%2F/%E2%82%AC/x:y",
		"/base%2Fone/v1": "/base%2Fone/v1/a%20b/%2E%2E.%2F/%E2%82%AC/x:y",
		"/v1//":          "/v1/a%20b/%2E%2E.%2F/%E2%82%AC/x:y",
	} {
		s := newServer(t)
		c := newClient(t, s.URL+base)
		require.NoError(t, c.Do(t.Context(), Request{Method: http.MethodGet, Path: []string{"a b", ".../", "€", "x:y"}}, nil))
		require.NoError(t, c.Do(t.Context(), Request{Method: http.MethodHead, Path: []string{"a"}}, nil))
		got, err := url.PathUnescape(s.calls()[0].uri)
		require.NoError(t, err)
		plain, err := url.PathUnescape(want)
		require.NoError(t, err)
		assert.Equal(t, plain, got)
		assert.Contains(t, s.calls()[0].uri, "...%2F", "an escaped slash stays one")
	}
}

// However many goroutines call, no more requests are under way than api_concurrency says, on no more connections.
func TestManyAtOnce(t *testing.T) {
	const most = 4
	var now, peak atomic.Int32
	var mutex sync.Mutex
	connections := map[string]bool{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		peak.Store(max(peak.Load(), now.Add(1)))
		connections[r.RemoteAddr] = true
		mutex.Unlock()
		fine(w, r)
		now.Add(-1)
	}))
	t.Cleanup(s.Close)
	c := newClient(t, s.URL, func(c *Config) { c.Concurrency = most })
	var group sync.WaitGroup
	for range 200 {
		group.Go(func() {
			var got thing
			assert.NoError(t, c.Do(t.Context(), get("x"), &got))
			assert.Equal(t, "7", got.ID)
		})
	}
	group.Wait()
	assert.LessOrEqual(t, peak.Load(), int32(most))
	assert.LessOrEqual(t, len(connections), most)
	assert.Equal(t, Stats{Calls: 200}, c.Stats())
}
