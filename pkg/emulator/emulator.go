// SPDX-License-Identifier: GPL-3.0-or-later

// Package emulator plays the part of a monitoring vendor's HTTP API: in Go tests, in the demo, and in the Molecule runs
// of people who use the collection. What is common to all vendors lives here: the record of calls, injected faults,
// latency, the token check, rate limit windows and the admin endpoints. A vendor is an API in a folder of its own.
//
// # Admin endpoints
//
// They are reached below any path that holds the segment _emulator, so {{ api_url }}/_emulator/calls works from a
// playbook. They want the same credentials as the API when a token is set. They are never recorded, delayed, limited or
// hit by faults.
//
//	GET    …/_emulator/calls    {"total","writes","max_in_flight","calls":[{"method","path","count","statuses"}]};
//	                            numeric ids in paths are counted together as {id}
//	DELETE …/_emulator/calls    forgets the calls; the next one has index 0 again
//	GET    …/_emulator/faults   the rules that may still hit
//	POST   …/_emulator/faults   adds rules: a JSON list of {"index","method","path","skip","times","kind","status",
//	                            "header","body","delay"}; see Rule and Fault, delay is a text such as "1.5s"
//	DELETE …/_emulator/faults   removes all rules
//	GET    …/_emulator/state    what the vendor's account holds, write-only fields too
//	POST   …/_emulator/reset    forgets calls and faults; the account is again as it was at the start
//
// In a playbook:
//
//	ansible.builtin.uri:
//	  url: "{{ api_url }}/_emulator/faults"
//	  method: POST
//	  headers: {Authorization: "Bearer {{ api_key }}"}
//	  body_format: json
//	  body: [{method: POST, path: /v1/uptime, kind: drop_after}]
//	  status_code: 204
package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxBody bounds what is read of a request, so that a runaway client cannot fill the memory.
const maxBody = 4 << 20

// API is one vendor's interface. Its methods are called from many goroutines at once.
type API interface {
	// Serve answers one call and changes the account accordingly. The request's body has been read already.
	Serve(r *http.Request, body []byte) Response
	// Authorised tells whether the request carries the token. An empty token accepts any credentials of the right form.
	Authorised(r *http.Request, token string) bool
	// Error gives the vendor's own answer of that status: 401 for refused credentials, 429 for a limit that was hit,
	// any other for an injected fault.
	Error(status int) Response
	// LimitHeaders describes the windows, shortest first, in the vendor's words. There are none when no limit is on.
	LimitHeaders(h http.Header, windows []Window)
	// State gives what the account holds, for the admin endpoint; it must marshal as JSON.
	State() any
	// Reset brings the account back to its state at the start.
	Reset()
}

// Response is a whole answer. It is made before anything of it is sent, so that faults can cut or replace it.
type Response struct {
	Status int
	Header http.Header // may be nil
	Body   []byte
}

// JSON is an answer with v as its body.
func JSON(status int, v any) Response {
	body, err := json.Marshal(v)
	if err != nil {
		return Response{Status: http.StatusInternalServerError, Body: []byte(err.Error())}
	}
	return Response{Status: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
}

// Text is an answer with a plain body, as web servers in front of an API give it.
func Text(status int, text string) Response {
	return Response{Status: status, Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, Body: []byte(text)}
}

// Options says how a Server behaves beyond the vendor's API. The zero value answers at once, without limits, to any token.
type Options struct {
	// Token must be sent with each call; empty accepts any.
	Token string
	// Latency passes before a call is handled.
	Latency time.Duration
	// RatePerSecond and RatePerMinute are the account's limits in fixed windows; 0 is none.
	RatePerSecond, RatePerMinute int
	// ListLag is the number of list requests in which a newly created object is still missing.
	ListLag int
	// Now tells the time; nil is the machine's clock.
	Now func() time.Time
	// Sleep waits or returns the context's error; nil waits on the machine's clock.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Filled returns the options with the machine's clock in place of nil functions.
func (o Options) Filled() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	return o
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Server serves a vendor's API over HTTP. It is an http.Handler for any base address.
type Server struct {
	opt Options
	api API

	mu          sync.Mutex
	calls       []*Call
	rules       []*activeRule
	windows     []Window
	inFlight    int
	maxInFlight int
}

// New makes a Server in front of a vendor's API.
func New(opt Options, api API) *Server {
	return &Server{opt: opt.Filled(), api: api, windows: newWindows(opt)}
}

// ServeHTTP answers one call, after the latency and through the faults.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rest, ok := adminPath(r.URL.Path); ok {
		s.serveAdmin(w, r, rest)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		send(w, Text(http.StatusRequestEntityTooLarge, "the request's body cannot be read"))
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))

	v := s.arrive(r, body)
	defer s.finish(v, 0) // where nothing was answered
	if s.opt.Sleep(r.Context(), s.opt.Latency+v.fault.delayBefore()) != nil {
		return // the caller has gone: nothing acts, nobody reads
	}
	s.deliver(w, r, v, s.answer(r, body, v))
}

// visit is one call on its way through the server.
type visit struct {
	call    *Call
	fault   *Fault
	windows []Window

	finished bool
}

// arrive records a call and decides what befalls it, in one step so that indexes, faults and limits agree.
func (s *Server) arrive(r *http.Request, body []byte) *visit {
	call := newCall(r, body)
	s.mu.Lock()
	defer s.mu.Unlock()
	call.Index, call.At = len(s.calls), s.opt.Now()
	s.calls = append(s.calls, call)
	s.inFlight++
	s.maxInFlight = max(s.maxInFlight, s.inFlight)
	v := &visit{call: call, fault: s.matchLocked(call), windows: s.countLocked(call.At)}
	if v.fault != nil {
		call.Fault = string(v.fault.Kind)
	}
	return v
}

// finish notes the answer of a call, once. That happens before the answer is sent: whoever has read it finds it noted, and
// is not counted as in flight any more.
func (s *Server) finish(v *visit, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !v.finished {
		v.finished = true
		v.call.Status = status
		s.inFlight--
	}
}

// answer makes the answer that would be sent were there no fault on the way back. A fault comes before refusals:
// whoever injected it wants to see it.
func (s *Server) answer(r *http.Request, body []byte, v *visit) Response {
	if v.fault != nil && v.fault.beforeActing() {
		return v.fault.response(s.api)
	}
	if !s.api.Authorised(r, s.opt.Token) {
		return s.api.Error(http.StatusUnauthorized)
	}
	for _, window := range v.windows {
		if window.Over() {
			return s.api.Error(http.StatusTooManyRequests)
		}
	}
	s.mu.Lock()
	v.call.Acted = true
	s.mu.Unlock()
	return s.api.Serve(r, body)
}

// send writes a whole answer.
func send(w http.ResponseWriter, resp Response) { sendPart(w, resp, len(resp.Body)) }

// sendPart writes an answer that announces length bytes of body, whatever it has. Errors are not looked at: they only
// say that the caller has gone.
func sendPart(w http.ResponseWriter, resp Response, length int) {
	h := w.Header()
	for name, values := range resp.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	if resp.Status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(length))
	}
	w.WriteHeader(resp.Status)
	_, _ = w.Write(resp.Body)
}

// Bearer tells whether the request carries the token as `Authorization: Bearer`. An empty token accepts any.
func Bearer(r *http.Request, token string) bool {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return false
	}
	sent, ok := strings.CutPrefix(values[0], "Bearer ")
	return ok && sent != "" && (token == "" || sent == token)
}
