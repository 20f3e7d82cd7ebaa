// SPDX-License-Identifier: GPL-3.0-or-later

package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"time"
)

// Kind is a way in which a call fails.
type Kind string

// The kinds of faults. "Before" leaves the account as it was; "after" has changed it, only the answer is lost. The kinds that
// end a connection panic with http.ErrAbortHandler, as net/http wants it, so they need a real server around the handler.
const (
	Status      Kind = "status"       // another status, before acting
	StatusAfter Kind = "status_after" // another status, after acting: a gateway that lost patience
	DropBefore  Kind = "drop_before"  // the connection ends without an answer, before acting
	DropAfter   Kind = "drop_after"   // the same, after acting
	CutBody     Kind = "cut_body"     // the answer ends in the middle of its body, after acting; without a body as DropAfter
	HTML        Kind = "html"         // status 200 with a gateway's page, before acting
	HTMLAfter   Kind = "html_after"   // the same, after acting
	Delay       Kind = "delay"        // the right answer, but late; a caller that leaves before has changed nothing
	DelayAfter  Kind = "delay_after"  // the right answer, acted upon at once but sent late
)

// Always as Rule.Times lets a rule hit every call that it matches.
const Always = -1

// AnyCall as Rule.Index lets a rule look at every call.
const AnyCall = -1

// gatewayPage stands for the pages that proxies and load balancers put in place of an API's answer.
const gatewayPage = "<!DOCTYPE html>\n<html><head><title>Gateway</title></head>\n<body><h1>Please try again later</h1></body></html>\n"

// Fault is what befalls a call.
type Fault struct {
	Kind Kind
	// Status is the answer's status with Status and StatusAfter (default 500), HTML and HTMLAfter (default 200).
	Status int
	// Header is added to the answer, for example Retry-After.
	Header http.Header
	// Body replaces the default one: a page of HTML for 502, 503, 504 and the kinds HTML, else the vendor's own error.
	Body string
	// Delay passes first, on top of Options.Latency; with DelayAfter it passes after acting.
	Delay time.Duration
}

// Rule says which calls a fault hits. Of several rules that match a call the first one does.
type Rule struct {
	// Index is the index of the one call that is hit, or AnyCall. Mind that a literal without it means call 0:
	// At and On make rules that cannot be mistaken.
	Index int
	// Method is the call's method; empty matches any.
	Method string
	// Path is matched segment by segment from the left: /v1/uptime matches /v1/uptime/7, not /v1/uptime-locations.
	// With a $ at its end it is the whole path; with a * it is a pattern of path.Match. Empty matches any.
	Path string
	// Skip lets that many matching calls pass first.
	Skip int
	// Times is how many calls are hit: 0 means one, Always all.
	Times int
	Fault
}

// At makes a rule that hits the call with an index, counted from 0 since the last ResetCalls.
func At(index int, fault Fault) Rule { return Rule{Index: index, Fault: fault} }

// On makes a rule that hits calls by method and path, so many times (0: once, or Always).
func On(method, path string, times int, fault Fault) Rule {
	return Rule{Index: AnyCall, Method: method, Path: path, Times: times, Fault: fault}
}

type activeRule struct {
	Rule
	skip, left int // left < 0: for ever
}

// Inject adds rules. A rule that Validate refuses is a mistake of the test, so it panics.
func (s *Server) Inject(rules ...Rule) {
	for _, rule := range rules {
		if err := rule.Validate(); err != nil {
			panic(err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rule := range rules {
		active := &activeRule{Rule: rule, skip: rule.Skip, left: rule.Times}
		if rule.Times == 0 {
			active.left = 1
		}
		s.rules = append(s.rules, active)
	}
}

// ClearFaults removes all rules.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = nil
}

// Pending returns the rules that may still hit a call.
func (s *Server) Pending() []Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	rules := make([]Rule, 0, len(s.rules))
	for _, rule := range s.rules {
		if rule.left != 0 {
			rules = append(rules, rule.Rule)
		}
	}
	return rules
}

// Validate says what is wrong with a rule, if anything.
func (r Rule) Validate() error {
	kinds := []Kind{Status, StatusAfter, DropBefore, DropAfter, CutBody, HTML, HTMLAfter, Delay, DelayAfter}
	switch {
	case !slices.Contains(kinds, r.Kind):
		return fmt.Errorf("fault rule: kind must be one of %v, got: %q", kinds, r.Kind)
	case r.Index < AnyCall, r.Times < Always, r.Skip < 0:
		return errors.New("fault rule: index and times must be -1 or more, skip 0 or more")
	case r.Fault.Status != 0 && (r.Fault.Status < 200 || r.Fault.Status > 599):
		return fmt.Errorf("fault rule: status must be 200 to 599, got: %d", r.Fault.Status)
	case r.Fault.Delay < 0:
		return fmt.Errorf("fault rule: delay must not be negative, got: %s", r.Fault.Delay)
	}
	if _, err := path.Match(r.Path, ""); err != nil {
		return fmt.Errorf("fault rule: path %q: %w", r.Path, err)
	}
	return nil
}

func (s *Server) matchLocked(call *Call) *Fault {
	for _, rule := range s.rules {
		if rule.left == 0 || rule.Index != AnyCall && rule.Index != call.Index || !matches(call, rule.Method, rule.Path) {
			continue
		}
		if rule.skip > 0 {
			rule.skip--
			continue
		}
		if rule.left > 0 {
			rule.left--
		}
		return &rule.Fault
	}
	return nil
}

func (f *Fault) delayBefore() time.Duration {
	if f == nil || f.Kind == DelayAfter {
		return 0
	}
	return f.Delay
}

func (f *Fault) beforeActing() bool {
	return f.Kind == Status || f.Kind == DropBefore || f.Kind == HTML
}

// response is what the kinds that replace the answer send; the kinds that drop it send nothing of it.
func (f *Fault) response(api API) Response {
	status := f.Status
	page := f.Kind == HTML || f.Kind == HTMLAfter
	switch {
	case status == 0 && page:
		status = http.StatusOK
	case status == 0:
		status = http.StatusInternalServerError
	}
	var resp Response
	if page || status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout {
		resp = Response{Status: status, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, Body: []byte(gatewayPage)}
	} else {
		resp = api.Error(status)
	}
	if f.Body != "" {
		resp.Body = []byte(f.Body)
		if json.Valid(resp.Body) {
			resp.Header = http.Header{"Content-Type": {"application/json"}}
		}
	}
	return resp
}

// FaultHeader names the fault in answers that one has changed, for whoever reads a trace, and so that a validating
// wrapper can tell them from the vendor's own answers.
const FaultHeader = "X-Emulator-Fault"

// deliver sends the answer, or what the fault leaves of it.
func (s *Server) deliver(w http.ResponseWriter, r *http.Request, v *visit, resp Response) {
	s.api.LimitHeaders(w.Header(), v.windows)
	fault := v.fault
	if fault == nil {
		s.finish(v, resp.Status)
		send(w, resp)
		return
	}
	w.Header().Set(FaultHeader, string(fault.Kind))
	switch fault.Kind {
	case DropBefore, DropAfter:
		panic(http.ErrAbortHandler)
	case CutBody:
		s.cut(w, v, resp)
	case StatusAfter, HTMLAfter:
		resp = fault.response(s.api)
	case DelayAfter:
		if s.opt.Sleep(r.Context(), fault.Delay) != nil {
			return
		}
	}
	for name, values := range fault.Header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
		delete(resp.Header, http.CanonicalHeaderKey(name)) // else the answer's own value would win
	}
	s.finish(v, resp.Status)
	send(w, resp)
}

// cut announces the whole answer, sends half of it and ends the connection.
func (s *Server) cut(w http.ResponseWriter, v *visit, resp Response) {
	if len(resp.Body) > 0 {
		s.finish(v, resp.Status)
		half := Response{Status: resp.Status, Header: resp.Header, Body: resp.Body[:len(resp.Body)/2]}
		sendPart(w, half, len(resp.Body))
		_ = http.NewResponseController(w).Flush()
	}
	panic(http.ErrAbortHandler)
}
