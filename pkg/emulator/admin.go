// SPDX-License-Identifier: GPL-3.0-or-later

package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// CallCount is one line of the admin endpoint's list of calls.
type CallCount struct {
	Method   string      `json:"method"`
	Path     string      `json:"path"` // with {id} for segments of digits
	Count    int         `json:"count"`
	Statuses map[int]int `json:"statuses"` // how often each was answered; 0 is no answer
}

func adminPath(path string) (rest string, ok bool) {
	_, rest, ok = strings.Cut(path, "/_emulator/")
	return rest, ok
}

func (s *Server) serveAdmin(w http.ResponseWriter, r *http.Request, rest string) {
	if s.opt.Token != "" && !s.api.Authorised(r, s.opt.Token) {
		send(w, s.api.Error(http.StatusUnauthorized))
		return
	}
	done := Response{Status: http.StatusNoContent}
	switch r.Method + " " + rest {
	case "GET calls":
		send(w, JSON(http.StatusOK, map[string]any{
			"total": s.Count("", ""), "writes": s.Writes(), "max_in_flight": s.MaxInFlight(), "calls": s.CallCounts(),
		}))
	case "DELETE calls":
		s.ResetCalls()
		send(w, done)
	case "GET faults":
		send(w, JSON(http.StatusOK, s.Pending()))
	case "POST faults":
		rules, err := decodeRules(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			send(w, Text(http.StatusBadRequest, err.Error()))
			return
		}
		s.Inject(rules...)
		send(w, done)
	case "DELETE faults":
		s.ClearFaults()
		send(w, done)
	case "GET state":
		send(w, JSON(http.StatusOK, s.api.State()))
	case "POST reset":
		s.Reset()
		send(w, done)
	default:
		send(w, Text(http.StatusNotFound, "no such admin endpoint"))
	}
}

// CallCounts counts the calls by method and path, in the order of their first appearance.
func (s *Server) CallCounts() []CallCount {
	counts := []CallCount{}
	at := map[string]int{}
	for _, call := range s.Calls() {
		path := withoutIDs(call.Path)
		key := call.Method + " " + path
		i, known := at[key]
		if !known {
			i = len(counts)
			at[key] = i
			counts = append(counts, CallCount{Method: call.Method, Path: path, Statuses: map[int]int{}})
		}
		counts[i].Count++
		counts[i].Statuses[call.Status]++
	}
	return counts
}

func withoutIDs(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if segment != "" && strings.Trim(segment, "0123456789") == "" {
			segments[i] = "{id}"
		}
	}
	return strings.Join(segments, "/")
}

func decodeRules(body io.Reader) ([]Rule, error) {
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	var rules []Rule
	if err := decoder.Decode(&rules); err != nil {
		return nil, fmt.Errorf("the body must be a JSON list of fault rules: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the body must be one JSON list of fault rules, nothing after it")
	}
	for i, rule := range rules {
		if err := rule.Validate(); err != nil {
			return nil, fmt.Errorf("item %d: %w", i, err)
		}
	}
	return slices.Clip(rules), nil
}

// wireRule is a Rule as JSON: lower-case names, one level, a readable delay, and any call where no index is given.
type wireRule struct {
	Index  *int              `json:"index,omitempty"`
	Method string            `json:"method,omitempty"`
	Path   string            `json:"path,omitempty"`
	Skip   int               `json:"skip,omitempty"`
	Times  int               `json:"times,omitempty"`
	Kind   Kind              `json:"kind"`
	Status int               `json:"status,omitempty"`
	Header map[string]string `json:"header,omitempty"`
	Body   string            `json:"body,omitempty"`
	Delay  string            `json:"delay,omitempty"`
}

// MarshalJSON writes the rule in the form that the admin endpoint takes.
func (r Rule) MarshalJSON() ([]byte, error) {
	wire := wireRule{
		Method: r.Method, Path: r.Path, Skip: r.Skip, Times: r.Times, Kind: r.Kind, Status: r.Fault.Status, Body: r.Body,
	}
	if r.Index != AnyCall {
		wire.Index = &r.Index
	}
	if r.Fault.Delay != 0 {
		wire.Delay = r.Fault.Delay.String()
	}
	for name := range r.Header {
		if wire.Header == nil {
			wire.Header = map[string]string{}
		}
		wire.Header[name] = r.Header.Get(name)
	}
	return json.Marshal(wire)
}

// UnmarshalJSON reads a rule; one without an index hits any call that matches.
func (r *Rule) UnmarshalJSON(data []byte) error {
	var wire wireRule
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&wire); err != nil {
		return err
	}
	*r = Rule{Index: AnyCall, Method: wire.Method, Path: wire.Path, Skip: wire.Skip, Times: wire.Times}
	if wire.Index != nil {
		r.Index = *wire.Index
	}
	r.Fault = Fault{Kind: wire.Kind, Status: wire.Status, Body: wire.Body}
	if wire.Delay != "" {
		delay, err := time.ParseDuration(wire.Delay)
		if err != nil {
			return fmt.Errorf("fault rule: delay: %w", err)
		}
		r.Fault.Delay = delay
	}
	for name, value := range wire.Header {
		if r.Header == nil {
			r.Header = http.Header{}
		}
		r.Header.Set(name, value)
	}
	return nil
}
