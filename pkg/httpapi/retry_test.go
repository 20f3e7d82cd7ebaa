// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/progress"
)

const page = "<html><body>Bad gateway</body></html>"

// faults are what a server or something in front of it can do to a call.
var faults = map[string]struct {
	handler http.HandlerFunc
	status  int     // the error's, where the fault stays
	get     []error // what the error is for GET, PUT and DELETE, none: a plain refusal
	post    []error // and for POST
	again   bool    // GET, PUT and DELETE are sent again
	resent  bool    // POST too
}{
	"502":                  {answer(502, page), 502, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"503":                  {answer(503, ""), 503, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"504":                  {answer(504, `{"message":"late"}`), 504, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"522":                  {answer(522, page), 522, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"500":                  {answer(500, `{"message":"oops"}`), 500, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"500 page":             {answer(500, page), 500, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"500 that is settled":  {answer(500, `{"message":"failed to delete"}`), 500, []error{ErrRefused}, []error{ErrRefused}, false, false},
	"503 that is settled":  {answer(503, `{"message":"failed to delete"}`), 503, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"529":                  {answer(529, page), 529, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"501":                  {answer(501, page), 501, nil, []error{ErrUncertain}, false, false},
	"dropped":              {drop, 0, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"cut off":              {cut(201), 201, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"cut off 503":          {cut(503), 503, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"cut off 404":          {cut(404), 404, []error{ErrTransient}, nil, true, false},
	"half JSON":            {answer(200, `{"id":`), 200, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"page":                 {answer(200, page), 200, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"empty":                {answer(200, ""), 200, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"bare number":          {answer(200, "404"), 200, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"not HTTP":             {gibberish, 0, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"status 000":           {raw("000 X", `{"id":"1"}`), 0, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"status 001":           {raw("001 X", `{"id":"1"}`), 0, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"status 101":           {raw("101 Switching Protocols", `{"id":"1"}`), 0, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"status 600":           {raw("600 X", `{"id":"1"}`), 0, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"status 999":           {raw("999 X", `{"id":"1"}`), 0, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"status -12":           {raw("-12 X", `{"id":"1"}`), 0, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"status OK":            {raw("OK", `{"id":"1"}`), 0, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"status alone":         {raw("", ""), 0, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"no gzip":              {answer(200, `{"id":"1"}`, "Content-Encoding", "gzip"), 200, []error{ErrTransient}, []error{ErrUncertain}, true, false},
	"404 page":             {answer(404, page), 404, []error{ErrTransient}, nil, true, false},
	"404 empty":            {answer(404, ""), 404, []error{ErrTransient}, nil, true, false},
	"404 of a gateway":     {answer(404, `{"error":"no route"}`), 404, []error{ErrTransient}, nil, true, false},
	"404":                  {answer(404, `{"message":"No results found"}`), 404, []error{ErrNotFound}, []error{ErrNotFound}, false, false},
	"400":                  {answer(400, `{"message":"bad"}`), 400, nil, nil, false, false},
	"401":                  {answer(401, `{}`), 401, []error{ErrAuth}, []error{ErrAuth}, false, false},
	"403":                  {answer(403, `{}`), 403, []error{ErrForbidden}, []error{ErrForbidden}, false, false},
	"403 of a bad token":   {answer(403, ``, "X-Denied", "1"), 403, []error{ErrAuth}, []error{ErrAuth}, false, false},
	"409":                  {answer(409, `{}`), 409, []error{ErrConflict}, []error{ErrConflict}, false, false},
	"304":                  {answer(304, ``), 304, nil, nil, false, false},
	"429":                  {answer(429, "slow down"), 429, []error{ErrRateLimited}, []error{ErrRateLimited}, true, true},
	"429 cut off":          {cut(429), 429, []error{ErrRateLimited}, []error{ErrRateLimited}, true, true},
	"JSON of another kind": {answer(200, `{"id":[]}`), 200, nil, []error{ErrUncertain}, false, false},
}

var sentinels = []error{ErrNotFound, ErrConflict, ErrAuth, ErrForbidden, ErrRateLimited, ErrRefused, ErrTransient, ErrUncertain}

// raw answers with a status line as it is.
func raw(status, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			fmt.Fprintf(conn, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
			conn.Close()
		}
	}
}

func gibberish(w http.ResponseWriter, _ *http.Request) {
	if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
		io.WriteString(conn, "SSH-2.0-OpenSSH_9.2\r\n")
		conn.Close()
	}
}

func denied(a Answer) error {
	if a.Header.Get("X-Denied") != "" {
		return ErrAuth
	}
	if strings.HasPrefix(a.Msg, "failed to") {
		return ErrRefused
	}
	return nil
}

func TestFaults(t *testing.T) {
	for name, fault := range faults {
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodPost, http.MethodPatch} {
			want, again := fault.get, fault.again
			if method == http.MethodPost || method == http.MethodPatch {
				want, again = fault.post, fault.resent
			}
			t.Run(name+" "+method+" once", func(t *testing.T) {
				s := newServer(t, fault.handler)
				c := newClient(t, s.URL, func(c *Config) { c.Classify = denied })
				var got thing
				sent := 0
				err := c.Do(t.Context(), Request{Method: method, Path: []string{"x"}, Sent: &sent}, &got)
				assert.Equal(t, len(s.calls()), sent)
				if again {
					require.NoError(t, err)
					assert.Equal(t, "7", got.ID)
					assert.Len(t, s.calls(), 2)
				} else {
					require.Error(t, err)
					assert.Len(t, s.calls(), 1)
				}
				assert.Equal(t, len(s.calls()), c.Stats().Calls)
				assert.Equal(t, len(s.calls())-1, c.Stats().Retries)
			})
			t.Run(name+" "+method+" for ever", func(t *testing.T) {
				s := newServer(t, repeat(20, fault.handler)...)
				c := newClient(t, s.URL, func(c *Config) { c.Classify, c.Retries = denied, 1 })
				err := c.Do(t.Context(), Request{Method: method, Path: []string{"x"}}, &thing{})
				var e *Error
				require.ErrorAs(t, err, &e)
				assert.Equal(t, method, e.Method)
				assert.Equal(t, "/x", e.Path)
				assert.Equal(t, fault.status, e.Status)
				for _, sentinel := range sentinels {
					assert.Equal(t, slices.Contains(want, sentinel), errors.Is(err, sentinel), "%v is %v", err, sentinel)
				}
				calls := 1
				if again {
					calls = 2
				}
				if fault.status == http.StatusTooManyRequests {
					calls = 1 + limitedPerRetry
				}
				assert.Len(t, s.calls(), calls)
				assert.Equal(t, calls, c.Stats().Calls)
			})
		}
	}
}

// With nobody interested in the body an empty answer is fine, and a gateway's page is still none.
func TestAnswersWithoutInterest(t *testing.T) {
	put := Request{Method: http.MethodPut, Path: []string{"x"}}
	for name, handler := range map[string]http.HandlerFunc{
		"204": answer(204, ""), "200 without a body": answer(200, ""), "list": answer(200, "[]"), "object": answer(201, " {} "),
	} {
		s := newServer(t, handler)
		require.NoError(t, newClient(t, s.URL).Do(t.Context(), put, nil), name)
		assert.Len(t, s.calls(), 1, name)
	}
	s := newServer(t, answer(200, page))
	require.NoError(t, newClient(t, s.URL).Do(t.Context(), put, nil))
	assert.Len(t, s.calls(), 2)
	s = newServer(t, answer(201, page))
	err := newClient(t, s.URL).Do(t.Context(), Request{Method: http.MethodPost, Path: []string{"x"}}, nil)
	assert.ErrorIs(t, err, ErrUncertain)
}

func TestErrorTexts(t *testing.T) {
	for want, handler := range map[string]http.HandlerFunc{
		"POST /uptime: status 400 Bad Request: name: required [E7]":                                                                        answer(400, `{"code":"E7","message":"name: required"}`),
		"POST /uptime: status 401 Unauthorized: credentials refused":                                                                       answer(401, ``),
		"POST /uptime: status 409 Conflict: \"{'a'}\"":                                                                                     answer(409, "{'a'}"),
		"POST /uptime: status 502 Bad Gateway: \"<html><body>Bad gateway</body></html>\" (the server may have acted)":                      answer(502, page),
		"POST /uptime: status 503 Service Unavailable: the server may have acted":                                                          answer(503, ""),
		"POST /uptime: status 500 Internal Server Error: oops (the server may have acted) [E1]":                                            answer(500, `{"code":"E1","message":"oops"}`),
		"POST /uptime: the connection was closed (EOF) (api_url: http://SERVER) (the server may have acted)":                               drop,
		"POST /uptime: unexpected status 000 (api_url: http://SERVER) (the server may have acted)":                                         raw("000", "{}"),
		"POST /uptime: status 201 Created: the answer was cut off: the connection was closed (unexpected EOF) (the server may have acted)": cut(201),
		"POST /uptime: status 200 OK: the answer is not understood: ID is of the kind number (the server may have acted)":                  answer(200, `{"id":1.5}`),
		"POST /uptime: status 200 OK: the answer is not understood: it is of the kind array (the server may have acted)":                   answer(200, `[]`),
	} {
		s := newServer(t, handler)
		err := newClient(t, s.URL).Do(t.Context(), Request{Method: http.MethodPost, Path: []string{"uptime"}}, &thing{})
		assert.EqualError(t, err, strings.ReplaceAll(want, "http://SERVER", s.URL))
	}
	empty := newServer(t, repeat(99, answer(429, "", "Retry-After", "900"))...)
	assert.EqualError(t, newClient(t, empty.URL).Do(t.Context(), Request{Method: http.MethodGet, Path: []string{"uptime"}}, &thing{}),
		`GET /uptime: status 429 Too Many Requests: too many requests (the server asks to wait 15m0s)`)
	s := newServer(t, repeat(9, answer(503, "x"))...)
	err := newClient(t, s.URL).Do(t.Context(), Request{Method: http.MethodGet, Path: []string{"uptime"}}, &thing{})
	assert.EqualError(t, err, `GET /uptime: status 503 Service Unavailable: "x" (after 4 attempts)`)
}

func TestBackoffGrows(t *testing.T) {
	s := newServer(t, repeat(9, drop)...)
	clock := &fakeClock{now: epoch}
	c := newClient(t, s.URL, func(c *Config) { c.Clock, c.Retries = clock, 4 })
	require.ErrorIs(t, c.Do(t.Context(), Request{Method: http.MethodDelete, Path: []string{"x"}}, nil), ErrTransient)
	require.Len(t, clock.sleeps(), 4)
	var sum time.Duration
	for i, slept := range clock.sleeps() {
		most := firstBackoff << i
		assert.GreaterOrEqual(t, slept, most/2)
		assert.LessOrEqual(t, slept, most)
		sum += slept
	}
	assert.Equal(t, Stats{Calls: 5, Retries: 4, Waited: sum}, c.Stats())
	for n := 1; n < 100; n++ {
		assert.LessOrEqual(t, backoff(n), maxBackoff)
		assert.Positive(t, backoff(n))
	}
}

// waits are the answers that say how long to wait, and what becomes of it.
func TestServerSaysHowLong(t *testing.T) {
	vendor := func(_ int, h http.Header) (time.Duration, bool) {
		d, err := time.ParseDuration(h.Get("X-Wait"))
		return d, err == nil
	}
	date := epoch.Add(-time.Hour).Format(http.TimeFormat) // the server's clock is an hour late
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		least   time.Duration
		most    time.Duration // 0: the call fails
	}{
		"429 by the vendor's header":      {answer(429, "", "X-Wait", "10s"), 10 * time.Second, 12 * time.Second},
		"429 by Retry-After":              {answer(429, "", "Retry-After", "20"), 20 * time.Second, 23 * time.Second},
		"429 by both, the longer one":     {answer(429, "", "Retry-After", "2", "X-Wait", "30s"), 30 * time.Second, 34 * time.Second},
		"429 by a date":                   {answer(429, "", "Date", date, "Retry-After", epoch.Add(-time.Hour+time.Minute).Format(http.TimeFormat)), time.Minute, 67 * time.Second},
		"429 by nothing":                  {answer(429, ""), firstBackoff / 2, firstBackoff},
		"429 by a negative wait":          {answer(429, "", "X-Wait", "-10s"), margin, margin},
		"429 that asks for too much":      {answer(429, "", "Retry-After", "3600"), 0, 0},
		"503 by Retry-After":              {answer(503, "", "Retry-After", "20"), 20 * time.Second, 20 * time.Second},
		"503 that asks for too much":      {answer(503, "", "Retry-After", "1e300"), 0, 0},
		"503 that does not ask for much":  {answer(503, "", "Retry-After", "0"), firstBackoff / 2, firstBackoff},
		"503 with a Retry-After of words": {answer(503, "", "Retry-After", "later"), firstBackoff / 2, firstBackoff},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, c.handler)
			clock := &fakeClock{now: epoch}
			client := newClient(t, s.URL, func(cfg *Config) { cfg.Clock, cfg.ParseLimits = clock, vendor })
			err := client.Do(t.Context(), Request{Method: http.MethodGet, Path: []string{"x"}}, nil)
			waited := clock.Now().Sub(epoch)
			assert.Equal(t, c.most == 0, err != nil, "%v", err)
			assert.GreaterOrEqual(t, waited, c.least)
			assert.LessOrEqual(t, waited, c.most)
			assert.Equal(t, waited, client.Stats().Waited)
		})
	}
}

func TestLimitedBudget(t *testing.T) {
	s := newServer(t, repeat(25, answer(429, "", "Retry-After", "1"))...)
	c := newClient(t, s.URL)
	require.NoError(t, c.Do(t.Context(), Request{Method: http.MethodPost, Path: []string{"x"}}, nil), "25 of 30")
	assert.Equal(t, 26, c.Stats().Calls)
	assert.Equal(t, 25, c.Stats().Retries)

	s = newServer(t, repeat(2, answer(429, `{"message":"Slow down"}`))...)
	c = newClient(t, s.URL, func(c *Config) { c.Retries = 0 })
	err := c.Do(t.Context(), Request{Method: http.MethodGet, Path: []string{"x"}}, nil)
	require.ErrorIs(t, err, ErrRateLimited)
	assert.EqualError(t, err, "GET /x: status 429 Too Many Requests: Slow down")
	assert.Len(t, s.calls(), 1)
}

// A 429 and a gateway's failure do not use up each other's budget.
func TestBudgetsAreSeparate(t *testing.T) {
	script := append(repeat(5, answer(429, "")), answer(502, ""), answer(429, ""))
	s := newServer(t, script...)
	c := newClient(t, s.URL, func(c *Config) { c.Retries = 1 })
	require.NoError(t, c.Do(t.Context(), Request{Method: http.MethodGet, Path: []string{"x"}}, nil))
	assert.Len(t, s.calls(), 8)
}

func TestNobodyListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	clock := &fakeClock{now: epoch}
	c := newClient(t, "http://"+address, func(c *Config) { c.Clock = clock })
	err = c.Do(t.Context(), Request{Method: http.MethodPost, Path: []string{"x"}}, nil)
	require.ErrorIs(t, err, ErrTransient)
	assert.NotErrorIs(t, err, ErrUncertain, "nothing was sent")
	assert.ErrorContains(t, err, "connection refused (api_url: http://"+address+") (after 4 attempts)")
	assert.Len(t, clock.sleeps(), 3, "so a POST is tried again as well")
	assert.Zero(t, c.Stats().Calls)
	assert.Equal(t, 0, c.Stats().Retries, "what never went out was not repeated")
}

func TestUnknownHost(t *testing.T) {
	transport := httpmock.NewMockTransport()
	transport.RegisterNoResponder(httpmock.NewErrorResponder(&net.DNSError{Err: "no such host", Name: "h.invalid", IsNotFound: true}))
	c := newClient(t, "http://h.invalid", func(c *Config) { c.Transport = transport })
	err := c.Do(t.Context(), Request{Method: http.MethodGet, Path: []string{"x"}}, nil)
	assert.EqualError(t, err, "GET /x: lookup h.invalid: no such host (api_url: http://h.invalid)")
	assert.Equal(t, 1, transport.GetTotalCallCount(), "a name that does not exist is no passing failure")
}

// stuck never answers.
type stuck struct{}

func (stuck) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestAttemptTimeout(t *testing.T) {
	for method, want := range map[string]struct {
		err   error
		calls int
	}{http.MethodGet: {ErrTransient, 4}, http.MethodPost: {ErrUncertain, 1}} {
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, "http://h", func(c *Config) { c.Transport, c.Clock = stuck{}, nil })
			err := c.Do(t.Context(), Request{Method: method, Path: []string{"x"}}, nil)
			require.ErrorIs(t, err, want.err)
			assert.NotErrorIs(t, err, context.DeadlineExceeded, "the caller's time is not over")
			assert.ErrorContains(t, err, "no answer within 30s")
			assert.Equal(t, want.calls, c.Stats().Calls)
		})
	}
}

func TestRealClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		require.NoError(t, realClock{}.Sleep(t.Context(), time.Minute))
		assert.Equal(t, start.Add(time.Minute), realClock{}.Now())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for range 2 { // during the sleep, and before it
			require.ErrorIs(t, realClock{}.Sleep(ctx, time.Minute), context.DeadlineExceeded)
			assert.Equal(t, time.Minute+time.Second, time.Since(start))
		}
	})
}

func TestTotalTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, "http://h", func(c *Config) {
			c.Transport, c.Clock, c.TotalTimeout, c.Retries = stuck{}, nil, 45*time.Second, 20
		})
		start := time.Now()
		err := c.Do(t.Context(), Request{Method: http.MethodGet, Path: []string{"x"}}, nil)
		require.ErrorIs(t, err, ErrTransient)
		assert.Equal(t, 2, c.Stats().Calls, "30 s and what was left of 45 s")
		assert.Equal(t, 45*time.Second, time.Since(start))
		assert.ErrorContains(t, err, "(no time is left of 45s) (after 2 attempts)")
	})
	// Waiting for the account's limit is not the server's fault.
	s := newServer(t, repeat(5, answer(429, "", "Retry-After", "60"))...)
	c := newClient(t, s.URL, func(c *Config) { c.TotalTimeout = 10 * time.Second })
	require.NoError(t, c.Do(t.Context(), Request{Method: http.MethodGet, Path: []string{"x"}}, nil))
}

func TestCancelled(t *testing.T) {
	gone := errors.New("the user is gone")
	t.Run("before", func(t *testing.T) {
		s := newServer(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(gone)
		err := newClient(t, s.URL).Do(ctx, Request{Method: http.MethodPost, Path: []string{"x"}}, nil)
		require.ErrorIs(t, err, context.Canceled)
		assert.NotErrorIs(t, err, ErrUncertain)
		assert.Empty(t, s.calls())
	})
	for method, uncertain := range map[string]bool{http.MethodGet: false, http.MethodDelete: false, http.MethodPost: true} {
		t.Run("during "+method, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			s := newServer(t, func(_ http.ResponseWriter, r *http.Request) {
				cancel()
				<-r.Context().Done()
			})
			err := newClient(t, s.URL).Do(ctx, Request{Method: method, Path: []string{"x"}}, nil)
			require.ErrorIs(t, err, context.Canceled)
			assert.Equal(t, uncertain, errors.Is(err, ErrUncertain))
			assert.NotErrorIs(t, err, ErrTransient)
			assert.Len(t, s.calls(), 1)
		})
	}
	for name, fault := range map[string]http.HandlerFunc{"backing off": drop, "limited": answer(429, "")} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			s := newServer(t, fault)
			c := newClient(t, s.URL, func(c *Config) { c.Clock = &fakeClock{now: epoch, during: cancel} })
			err := c.Do(ctx, Request{Method: http.MethodGet, Path: []string{"x"}}, nil)
			require.ErrorIs(t, err, context.Canceled)
			assert.Len(t, s.calls(), 1)
		})
	}
	t.Run("waiting for a slot", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		inside, proceed := make(chan struct{}), make(chan struct{})
		s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
			close(inside)
			<-proceed
			fine(w, r)
		})
		c := newClient(t, s.URL, func(c *Config) { c.Concurrency = 1 })
		first := make(chan error)
		go func() { first <- c.Do(t.Context(), Request{Method: http.MethodGet, Path: []string{"x"}}, nil) }()
		<-inside
		cancel()
		require.ErrorIs(t, c.Do(ctx, Request{Method: http.MethodGet, Path: []string{"y"}}, nil), context.Canceled)
		close(proceed)
		require.NoError(t, <-first)
		assert.Len(t, s.calls(), 1)
	})
}

// patient is a clock whose sleeps last until nobody waits for their end any more. It tells how long each was to be.
type patient struct {
	fakeClock

	asked chan time.Duration
}

func newPatient() *patient {
	return &patient{fakeClock{now: epoch}, make(chan time.Duration, 1)}
}

func (p *patient) Sleep(ctx context.Context, d time.Duration) error {
	p.asked <- d
	<-ctx.Done()
	return ctx.Err()
}

func TestAWriteThatWasSentIsAnsweredAfterTheEnd(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		t.Run(method, func(t *testing.T) {
			clock := newPatient()
			ctx, cancel := context.WithCancel(t.Context())
			s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
				cancel()
				assert.Equal(t, lastWord, <-clock.asked)
				fine(w, r)
			})
			c := newClient(t, s.URL, func(c *Config) { c.Clock = clock })
			var got thing
			require.NoError(t, c.Do(ctx, Request{Method: method, Path: []string{"x"}}, &got))
			assert.Equal(t, thing{"7"}, got)
			require.ErrorIs(t, c.Do(ctx, Request{Method: method, Path: []string{"x"}}, nil), context.Canceled)
			assert.Len(t, s.calls(), 1, "no further write begins")
			assert.Zero(t, c.Stats().Waited, "the time is not the rate limit's")
		})
	}
	t.Run("by a refusal", func(t *testing.T) {
		clock := newPatient()
		ctx, cancel := context.WithCancel(t.Context())
		s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
			cancel()
			<-clock.asked
			answer(http.StatusTooManyRequests, "")(w, r)
		})
		err := newClient(t, s.URL, func(c *Config) { c.Clock = clock }).Do(ctx, Request{Method: http.MethodPost, Path: []string{"x"}}, nil)
		require.ErrorIs(t, err, context.Canceled)
		assert.NotErrorIs(t, err, ErrUncertain, "the server has said that it did nothing")
		assert.Len(t, s.calls(), 1)
	})
}

func TestNothingElseIsWaitedForAfterTheEnd(t *testing.T) {
	override := http.Header{methodOverride: {http.MethodGet}}
	for name, request := range map[string]Request{
		"a GET":                      {Method: http.MethodGet, Path: []string{"x"}},
		"a POST that stands for one": {Method: http.MethodPost, Path: []string{"x"}, Repeat: Harmless, Header: override},
	} {
		t.Run(name, func(t *testing.T) {
			clock := newPatient()
			ctx, cancel := context.WithCancel(t.Context())
			s := newServer(t, func(_ http.ResponseWriter, r *http.Request) {
				cancel()
				_, _ = io.Copy(io.Discard, r.Body) // before its end the server does not notice who hangs up
				<-r.Context().Done()
			})
			require.ErrorIs(t, newClient(t, s.URL, func(c *Config) { c.Clock = clock }).Do(ctx, request, nil), context.Canceled)
			assert.Empty(t, clock.asked)
		})
	}
	t.Run("a write that was not sent", func(t *testing.T) {
		clock := newPatient()
		ctx, cancel := context.WithCancel(t.Context())
		transport := &http.Transport{DialContext: func(dialing context.Context, _, _ string) (net.Conn, error) {
			cancel()
			<-dialing.Done()
			return nil, dialing.Err()
		}}
		c := newClient(t, "http://unreachable.invalid", func(c *Config) { c.Clock, c.Transport = clock, transport })
		err := c.Do(ctx, Request{Method: http.MethodPost, Path: []string{"x"}}, nil)
		require.ErrorIs(t, err, context.Canceled)
		assert.NotErrorIs(t, err, ErrUncertain)
		assert.Empty(t, clock.asked)
	})
}

// net/http sends a GET again by itself when a connection that was kept alive dies. The count must know, and a POST must
// not be among them.
func TestReusedConnectionDies(t *testing.T) {
	for method, want := range map[string]int{http.MethodGet: 3, http.MethodPost: 2, http.MethodPut: 3} {
		t.Run(method, func(t *testing.T) {
			s := newServer(t, fine, drop)
			c := newClient(t, s.URL)
			require.NoError(t, c.Do(t.Context(), Request{Method: http.MethodGet, Path: []string{"first"}}, nil))
			err := c.Do(t.Context(), Request{Method: method, Path: []string{"x"}}, nil)
			assert.Equal(t, method == http.MethodPost, errors.Is(err, ErrUncertain), "%v", err)
			assert.Len(t, s.calls(), want)
			assert.Equal(t, want, c.Stats().Calls)
			assert.Equal(t, want-2, c.Stats().Retries)
		})
	}
}

// A server closes idle connections some day, and no call may fail for it that can be sent again.
func TestIdleConnectionWasClosed(t *testing.T) {
	s := newServer(t)
	c := newClient(t, s.URL)
	for range 20 {
		require.NoError(t, c.Do(t.Context(), Request{Method: http.MethodPost, Path: []string{"x"}, JSON: 1}, nil))
		s.CloseClientConnections()
		require.NoError(t, c.Do(t.Context(), Request{Method: http.MethodGet, Path: []string{"x"}}, nil))
	}
	assert.Len(t, s.calls(), 40)
}

// What counts is the size in memory, not on the wire.
func TestTooLarge(t *testing.T) {
	for method, want := range map[string]bool{http.MethodGet: false, http.MethodPost: true} {
		s := newServer(t, gzipBomb)
		c := newClient(t, s.URL)
		assert.EqualValues(t, 64<<20, c.maxBody)
		c.maxBody = 1<<20 - 1
		err := c.Do(t.Context(), Request{Method: method, Path: []string{"x"}}, &thing{})
		require.ErrorContains(t, err, "larger than the 64 MiB")
		assert.Equal(t, want, errors.Is(err, ErrUncertain))
		assert.Len(t, s.calls(), 1)
	}
}

func TestRetryAfterForms(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "7": 7 * time.Second, " 1.5 ": 1500 * time.Millisecond, "1e400": -1, "-1": -1, "NaN": -1, "": -1, "soon": -1,
		"99999999999999999999":                          forEver,
		epoch.Add(time.Minute).Format(http.TimeFormat):  time.Minute,
		epoch.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		got, known := retryAfter(http.Header{"Retry-After": {text}}, epoch)
		assert.Equal(t, want >= 0, known, text)
		assert.Equal(t, max(want, 0), got, text)
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, text := range []string{"1", "-1", "1e309", "NaN", "Sun, 01 Mar 2026 12:00:00 GMT", "0x1p-2", "Inf"} {
		f.Add(text, "Sun, 01 Mar 2026 12:00:00 GMT", int64(time.Second), 1)
	}
	f.Fuzz(func(t *testing.T, text, date string, vendor int64, n int) {
		wait, known := retryAfter(http.Header{"Retry-After": {text}, "Date": {date}}, epoch)
		assert.True(t, wait >= 0 && wait <= forEver && (known || wait == 0), fmt.Sprint(wait, known))
		n = max(1, n%1000)
		got := limitedWait(n, min(max(time.Duration(vendor), wait), forEver), known)
		assert.Positive(t, got)
		if known {
			assert.GreaterOrEqual(t, got, wait, "never sooner than the server says")
		}
	})
}

func TestQuote(t *testing.T) {
	hide := newScrubber(nil, nil, nil)
	assert.Equal(t, "a b c", hide.quote("a\n\tb\x00 c\r\n", 200))
	long := hide.quote(strings.Repeat("é", 1000), 200)
	assert.Len(t, []rune(long), 200)
	assert.True(t, strings.HasSuffix(long, "…"))
}

func TestAServiceSaysWhatItsRefusalsAre(t *testing.T) {
	s := newServer(t, answer(400, `{"code":"E7","message":"Invalid identifier"}`, "X-Kind", "id"))
	var got Answer
	c := newClient(t, s.URL, func(c *Config) {
		c.Classify = func(a Answer) error {
			got = a
			return ErrNotFound
		}
	})
	err := c.Do(t.Context(), Request{Method: http.MethodDelete, Path: []string{"x", "1"}}, nil)
	require.ErrorIs(t, err, ErrNotFound)
	require.EqualError(t, err, "DELETE /x/1: status 400 Bad Request: Invalid identifier [E7]")
	assert.Equal(t, "id", got.Header.Get("X-Kind"))
	got.Header = nil
	assert.Equal(t, Answer{Status: 400, Code: "E7", Msg: "Invalid identifier"}, got)
}

func TestARequestMaySayWhatItsMethodMeans(t *testing.T) {
	for name, test := range map[string]struct {
		method    string
		repeat    Repeat
		uncertain bool
	}{
		"a PUT sets":                  {http.MethodPut, ByMethod, false},
		"a PUT that creates":          {http.MethodPut, Creates, true},
		"a POST creates":              {http.MethodPost, ByMethod, true},
		"a POST that only asks":       {http.MethodPost, Harmless, false},
		"a DELETE that is not twice":  {http.MethodDelete, Creates, true},
		"a GET that must not be sent": {http.MethodGet, Creates, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, answer(502, page))
			err := newClient(t, s.URL).Do(t.Context(), Request{Method: test.method, Repeat: test.repeat, Path: []string{"x"}}, nil)
			if !test.uncertain {
				require.NoError(t, err)
				assert.Len(t, s.calls(), 2)
				return
			}
			require.ErrorIs(t, err, ErrUncertain)
			assert.Len(t, s.calls(), 1)
		})
	}
}

func TestARefusalForGoodIsCertainWhateverItsStatus(t *testing.T) {
	refuse := func(c *Config) { c.Classify = func(Answer) error { return ErrRefused } }
	for status, certain := range map[int]bool{500: true, 501: true, 502: false, 422: true} {
		s := newServer(t, answer(status, `{"message":"no such command"}`))
		err := newClient(t, s.URL, refuse, func(c *Config) { c.Retries = 0 }).Do(t.Context(), Request{Method: http.MethodPost, Path: []string{"x"}}, nil)
		assert.Equal(t, certain, errors.Is(err, ErrRefused), status)
		assert.Equal(t, !certain, errors.Is(err, ErrUncertain), status)
	}
}

// TestWaitingForTheRateLimitIsTold holds requests back by a 429 in a phase of a long run.
func TestWaitingForTheRateLimitIsTold(t *testing.T) {
	s := newServer(t, answer(http.StatusTooManyRequests, "", "Retry-After", "12"))
	clock := &fakeClock{now: epoch}
	c := newClient(t, s.URL, func(cfg *Config) { cfg.Clock = clock })
	var lines []string
	ctx := progress.With(t.Context(), progress.New(clock.Now, func(line string) { lines = append(lines, line) }))
	phase := progress.Begin(ctx, "changing", 40)
	clock.now = epoch.Add(time.Minute)
	require.NoError(t, c.Do(ctx, Request{Method: http.MethodPut, Path: []string{"x"}}, nil))
	phase.Add(1)
	require.Len(t, lines, 2)
	assert.Regexp(t, `^changing 0 of 40 objects, waiting 1[23] s for the rate limit$`, lines[0])
	assert.Equal(t, "changing 1 of 40 objects", lines[1], "and no longer when it is over")
}
