// SPDX-License-Identifier: GPL-3.0-or-later

package emulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

const errorBody = `{"errors":{},"message":"Internal Server Error"}`

func TestWhatTheCallerSeesOfAFault(t *testing.T) {
	for name, c := range map[string]struct {
		fault    emulator.Fault
		status   int // that the caller sees; 0: none
		recorded int
		body     string // that the caller's body contains
		isHTML   bool
		cut      bool
		acted    bool
	}{
		"429":             {fault: emulator.Fault{Kind: emulator.Status, Status: 429, Header: http.Header{"retry-after": {"7"}}}, status: 429, recorded: 429},
		"500":             {fault: emulator.Fault{Kind: emulator.Status}, status: 500, recorded: 500, body: errorBody},
		"404":             {fault: emulator.Fault{Kind: emulator.Status, Status: 404}, status: 404, recorded: 404, body: "No results found"},
		"502":             {fault: emulator.Fault{Kind: emulator.Status, Status: 502}, status: 502, recorded: 502, body: "<html>", isHTML: true},
		"503":             {fault: emulator.Fault{Kind: emulator.Status, Status: 503}, status: 503, recorded: 503, body: "<html>", isHTML: true},
		"504 after":       {fault: emulator.Fault{Kind: emulator.StatusAfter, Status: 504}, status: 504, recorded: 504, body: "<html>", isHTML: true, acted: true},
		"500 after":       {fault: emulator.Fault{Kind: emulator.StatusAfter}, status: 500, recorded: 500, body: errorBody, acted: true},
		"own body":        {fault: emulator.Fault{Kind: emulator.Status, Status: 503, Body: `{"message":"busy"}`}, status: 503, recorded: 503, body: `{"message":"busy"}`},
		"own text":        {fault: emulator.Fault{Kind: emulator.Status, Status: 429, Body: `slow down`}, status: 429, recorded: 429, body: `slow down`},
		"dropped before":  {fault: emulator.Fault{Kind: emulator.DropBefore}},
		"dropped after":   {fault: emulator.Fault{Kind: emulator.DropAfter}, acted: true},
		"cut body":        {fault: emulator.Fault{Kind: emulator.CutBody}, status: 201, recorded: 201, body: `{"data":{"new_`, cut: true, acted: true},
		"HTML":            {fault: emulator.Fault{Kind: emulator.HTML}, status: 200, recorded: 200, body: "<html>", isHTML: true},
		"HTML after":      {fault: emulator.Fault{Kind: emulator.HTMLAfter}, status: 200, recorded: 200, body: "<html>", isHTML: true, acted: true},
		"HTML of its own": {fault: emulator.Fault{Kind: emulator.HTML, Status: 404}, status: 404, recorded: 404, body: "<html>", isHTML: true},
		"late":            {fault: emulator.Fault{Kind: emulator.Delay, Delay: time.Nanosecond}, status: 201, recorded: 201, body: `"new_id"`, acted: true},
		"late after":      {fault: emulator.Fault{Kind: emulator.DelayAfter, Delay: time.Nanosecond}, status: 201, recorded: 201, body: `"new_id"`, acted: true},
	} {
		t.Run(name, func(t *testing.T) {
			e, url := start(t, emulator.Options{Token: token})
			e.Inject(emulator.At(0, c.fault))
			got := call(t, "POST", url+"/uptime", creation)
			switch {
			case c.cut:
				require.ErrorIs(t, got.err, io.ErrUnexpectedEOF)
			case c.status == 0:
				require.ErrorIs(t, got.err, io.EOF)
			default:
				require.NoError(t, got.err)
				assert.Equal(t, string(c.fault.Kind), got.header.Get(emulator.FaultHeader))
			}
			assert.Equal(t, c.status, got.status)
			assert.Contains(t, got.body, c.body)
			assert.Equal(t, c.body == "", got.body == "")
			assert.Equal(t, c.isHTML, got.header.Get("Content-Type") == "text/html; charset=utf-8")
			if c.fault.Header != nil {
				assert.Equal(t, "7", got.header.Get("Retry-After"))
			}

			assert.Equal(t, c.acted, len(e.Tests()) == 1, "whether it acted")
			calls := e.Calls()
			require.Len(t, calls, 1)
			assert.Equal(t, c.acted, calls[0].Acted)
			assert.Equal(t, c.recorded, calls[0].Status)
			assert.Equal(t, string(c.fault.Kind), calls[0].Fault)
			assert.Empty(t, e.Pending())

			again := call(t, "GET", url+"/uptime", "")
			assert.Equal(t, 200, again.status, "the next call is as ever")
			assert.Empty(t, again.header.Get(emulator.FaultHeader))
		})
	}
}

func TestACutAnswerWithoutBodyIsADrop(t *testing.T) {
	e, url := start(t, emulator.Options{})
	id := e.Seed(1)[0]
	e.Inject(emulator.At(0, emulator.Fault{Kind: emulator.CutBody}))
	got := call(t, "DELETE", url+"/uptime/"+id, "")
	require.ErrorIs(t, got.err, io.EOF)
	assert.Empty(t, e.Tests(), "it has acted")
}

func TestAFaultComesBeforeRefusalsAndAfterLatency(t *testing.T) {
	var slept []time.Duration
	e, url := start(t, emulator.Options{
		Token: "another", Latency: 20 * time.Millisecond,
		Sleep: func(_ context.Context, d time.Duration) error { slept = append(slept, d); return nil },
	})
	e.Inject(
		emulator.At(0, emulator.Fault{Kind: emulator.Status, Status: 503, Delay: time.Second}),
		emulator.At(1, emulator.Fault{Kind: emulator.Delay, Delay: time.Second}),
		emulator.At(2, emulator.Fault{Kind: emulator.DelayAfter, Delay: time.Second}),
	)
	assert.Equal(t, 503, call(t, "GET", url+"/uptime", "").status)
	assert.Equal(t, 401, call(t, "GET", url+"/uptime", "").status)
	assert.Equal(t, 401, call(t, "GET", url+"/uptime", "").status)
	late := time.Second + 20*time.Millisecond
	assert.Equal(t, []time.Duration{late, late, 20 * time.Millisecond, time.Second}, slept)
}

func TestACallerThatLeavesDuringDelayAfterHasChangedTheAccount(t *testing.T) {
	gone := errors.New("gone")
	e, _ := start(t, emulator.Options{Sleep: func(_ context.Context, d time.Duration) error {
		if d == time.Hour {
			return gone
		}
		return nil
	}})
	e.Inject(emulator.At(0, emulator.Fault{Kind: emulator.DelayAfter, Delay: time.Hour}))
	post(t.Context(), e, "/v1/uptime", creation)
	assert.Len(t, e.Tests(), 1)
	assert.Equal(t, 0, e.Calls()[0].Status)
}

func TestWhichCallsARuleHits(t *testing.T) {
	fail := emulator.Fault{Kind: emulator.Status, Status: 500}
	for name, c := range map[string]struct {
		rules []emulator.Rule
		want  []int // statuses of: GET list, POST, GET 1, GET 1, DELETE 1, GET list
		left  int
	}{
		"by index":           {[]emulator.Rule{emulator.At(3, fail)}, []int{200, 201, 200, 500, 204, 200}, 0},
		"index and method":   {[]emulator.Rule{{Index: 3, Method: "POST", Fault: fail}}, []int{200, 201, 200, 200, 204, 200}, 1},
		"once":               {[]emulator.Rule{emulator.On("GET", "", 0, fail)}, []int{500, 201, 200, 200, 204, 200}, 0},
		"twice":              {[]emulator.Rule{emulator.On("GET", "/v1/uptime", 2, fail)}, []int{500, 201, 500, 200, 204, 200}, 0},
		"always, one path":   {[]emulator.Rule{emulator.On("", "/v1/uptime$", emulator.Always, fail)}, []int{500, 500, 404, 404, 404, 500}, 1},
		"always, pattern":    {[]emulator.Rule{emulator.On("GET", "/v1/uptime/*", emulator.Always, fail)}, []int{200, 201, 500, 500, 204, 200}, 1},
		"after two":          {[]emulator.Rule{{Index: -1, Method: "GET", Skip: 2, Times: 1, Fault: fail}}, []int{200, 201, 200, 500, 204, 200}, 0},
		"the first rule":     {[]emulator.Rule{emulator.On("GET", "", 1, fail), emulator.On("GET", "", 1, emulator.Fault{Kind: emulator.Status, Status: 503})}, []int{500, 201, 503, 200, 204, 200}, 0},
		"never, other paths": {[]emulator.Rule{emulator.On("", "/v1/ssl", emulator.Always, fail)}, []int{200, 201, 200, 200, 204, 200}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			e, url := start(t, emulator.Options{})
			e.Inject(c.rules...)
			id := "6000001"
			got := []int{
				call(t, "GET", url+"/uptime", "").status, call(t, "POST", url+"/uptime", creation).status,
				call(t, "GET", url+"/uptime/"+id, "").status, call(t, "GET", url+"/uptime/"+id, "").status,
				call(t, "DELETE", url+"/uptime/"+id, "").status, call(t, "GET", url+"/uptime", "").status,
			}
			assert.Equal(t, c.want, got)
			assert.Len(t, e.Pending(), c.left)
			e.ClearFaults()
			assert.Empty(t, e.Pending())
		})
	}
}

func TestRulesThatMakeNoSense(t *testing.T) {
	fine := emulator.Fault{Kind: emulator.DropAfter}
	require.NoError(t, emulator.At(0, fine).Validate())
	for want, rule := range map[string]emulator.Rule{
		"kind must be one of":            emulator.At(0, emulator.Fault{Kind: "explode"}),
		"index and times must be -1":     emulator.At(-2, fine),
		"-1 or more, skip 0":             emulator.On("", "", -2, fine),
		"skip 0 or more":                 {Skip: -1, Fault: fine},
		"status must be 200 to 599":      emulator.At(0, emulator.Fault{Kind: emulator.Status, Status: 99}),
		"delay must not be negative":     emulator.At(0, emulator.Fault{Kind: emulator.Delay, Delay: -1}),
		"syntax error in pattern":        emulator.On("", "/v1/[", 0, fine),
		`kind must be one of [status st`: {},
	} {
		require.ErrorContains(t, rule.Validate(), want)
		e, _ := start(t, emulator.Options{})
		assert.Panics(t, func() { e.Inject(rule) })
		assert.Empty(t, e.Pending())
	}
}

func TestRulesAsJSON(t *testing.T) {
	rules := []emulator.Rule{
		{Index: 3, Method: "PUT", Path: "/v1", Skip: 1, Times: 2, Fault: emulator.Fault{
			Kind: emulator.StatusAfter, Status: 503, Header: http.Header{"Retry-After": {"1"}}, Body: "x", Delay: 1500 * time.Millisecond}},
		emulator.At(0, emulator.Fault{Kind: emulator.HTML}),
		emulator.On("POST", "", emulator.Always, emulator.Fault{Kind: emulator.DropAfter}),
	}
	data, err := json.Marshal(rules)
	require.NoError(t, err)
	assert.JSONEq(t, `[
		{"index":3,"method":"PUT","path":"/v1","skip":1,"times":2,"kind":"status_after","status":503,"header":{"Retry-After":"1"},"body":"x","delay":"1.5s"},
		{"index":0,"kind":"html"},
		{"method":"POST","times":-1,"kind":"drop_after"}]`, string(data))
	var back []emulator.Rule
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, rules, back)
}
