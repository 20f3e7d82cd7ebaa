// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

const token = "tok-S3cret/+ä"

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// TestMain lets the tests start this binary again as another process of the same controller.
func TestMain(m *testing.M) {
	if job := os.Getenv("HTTPAPI_TEST_JOB"); job != "" {
		os.Exit(jobs[job]())
	}
	os.Exit(m.Run())
}

var jobs = map[string]func() int{"book": jobBook, "proxy": jobProxy}

// fakeClock moves only when somebody sleeps.
type fakeClock struct {
	mutex  sync.Mutex
	now    time.Time
	slept  []time.Duration
	during func() // called by each Sleep
}

func (f *fakeClock) Now() time.Time {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.now
}

func (f *fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	if f.during != nil {
		f.during()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.now = f.now.Add(d)
	f.slept = append(f.slept, d)
	return nil
}

func (f *fakeClock) sleeps() []time.Duration {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return append([]time.Duration(nil), f.slept...)
}

type setting func(*Config)

// testConfig has a clock that does not wait, no rate limit, and the token as its credentials.
func testConfig(url string, settings ...setting) Config {
	cfg := Config{
		BaseURL: url, Service: "TestVendor",
		Authorize:  func(h http.Header) { h.Set("Authorization", "Bearer "+token) },
		Secrets:    []secret.Value{secret.New(token)},
		Account:    secret.New(token),
		Options:    DefaultOptions(),
		ParseError: parseTestError,
		Clock:      &fakeClock{now: epoch},
	}
	cfg.RateLimit = 0
	for _, set := range settings {
		set(&cfg)
	}
	return cfg
}

func parseTestError(_ int, body []byte) (code, msg string) {
	var e struct{ Code, Message string }
	if json.Unmarshal(body, &e) != nil {
		return "", ""
	}
	return e.Code, e.Message
}

func newClient(t *testing.T, url string, settings ...setting) *Client {
	t.Helper()
	c, err := New(testConfig(url, settings...))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// call is a request as the server got it.
type call struct {
	method, uri, body string
	header            http.Header
}

// server answers its first calls from a script and all others with {"id":"7"}, and remembers what it got.
type server struct {
	*httptest.Server
	mutex  sync.Mutex
	got    []call
	script []http.HandlerFunc
}

func newServer(t *testing.T, script ...http.HandlerFunc) *server {
	s := &server{script: script}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mutex.Lock()
	n := len(s.got)
	s.got = append(s.got, call{r.Method, r.RequestURI, string(body), r.Header.Clone()})
	s.mutex.Unlock()
	if n < len(s.script) {
		s.script[n](w, r)
		return
	}
	fine(w, r)
}

func (s *server) calls() []call {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return append([]call(nil), s.got...)
}

func fine(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"id":"7"}`) }

func answer(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// drop closes the connection without an answer.
func drop(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
}

// cut closes it in the middle of one.
func cut(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		fmt.Fprintf(rw, "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"id\":", status)
		rw.Flush()
		conn.Close()
	}
}

func repeat(n int, h http.HandlerFunc) []http.HandlerFunc {
	var all []http.HandlerFunc
	for range n {
		all = append(all, h)
	}
	return all
}

type thing struct{ ID string }
