// SPDX-License-Identifier: GPL-3.0-or-later

package emulator

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

// Call is one request as it was received. Credentials in its headers are not kept.
type Call struct {
	// Index counts from 0, in the order of arrival, since the start or the last reset.
	Index  int
	At     time.Time // of its arrival, by Options.Now
	Method string
	Path   string // unescaped
	Query  string // as sent
	Form   url.Values
	Body   []byte // as sent, where it is JSON
	// Status is what was answered; 0 while there is no answer, and when the connection was dropped without one.
	Status int
	// Acted is true when the call reached the vendor's API: it was neither refused nor replaced by a fault before.
	Acted bool
	// Fault is the kind of the injected fault that hit the call, or empty.
	Fault string
}

func newCall(r *http.Request, body []byte) *Call {
	call := &Call{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		// What cannot be parsed is the vendor's to refuse; the record then holds what could be read.
		call.Form, _ = url.ParseQuery(string(body))
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		call.Body = body
	}
	return call
}

// Write tells whether the call's method is one that changes things, whether or not it did.
func (c Call) Write() bool {
	return c.Method != http.MethodGet && c.Method != http.MethodHead && c.Method != http.MethodOptions
}

// Calls returns what was received so far, in order.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := make([]Call, len(s.calls))
	for i, call := range s.calls {
		calls[i] = *call
	}
	return calls
}

// ResetCalls forgets the calls; the next one has index 0. Rate limit windows start anew.
func (s *Server) ResetCalls() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = nil
	s.maxInFlight = s.inFlight
	s.windows = newWindows(s.opt)
}

// Count returns how many calls of a method (empty: any) went to a path; see Rule for the forms of a path.
func (s *Server) Count(method, path string) int {
	return s.count(func(call *Call) bool { return matches(call, method, path) })
}

// Writes returns how many calls were received whose method changes things, whatever became of them.
func (s *Server) Writes() int {
	return s.count(func(call *Call) bool { return call.Write() })
}

// MaxInFlight returns the largest number of calls that were being answered at one moment since the last reset.
func (s *Server) MaxInFlight() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.maxInFlight
}

// Reset forgets calls and faults and brings the account back to its state at the start.
func (s *Server) Reset() {
	s.ClearFaults()
	s.api.Reset()
	s.ResetCalls()
}

func (s *Server) count(is func(*Call) bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, call := range s.calls {
		if is(call) {
			n++
		}
	}
	return n
}

func matches(call *Call, method, pattern string) bool {
	if method != "" && method != call.Method {
		return false
	}
	if strings.Contains(pattern, "*") {
		ok, err := path.Match(pattern, call.Path)
		return ok && err == nil
	}
	if exact, ok := strings.CutSuffix(pattern, "$"); ok {
		return call.Path == exact
	}
	rest, ok := strings.CutPrefix(call.Path, strings.TrimSuffix(pattern, "/"))
	return ok && (rest == "" || rest[0] == '/')
}
