// SPDX-License-Identifier: GPL-3.0-or-later

package servertest

import (
	"bytes"
	"io"
	"net/http"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// Upstream is a real server as an emulator's API, so that an emulator.Server in front of it notes every call and injects faults.
// Calls are passed on as they were sent, and answers as they came. While the server is down, calls end without an answer.
// The emulator's token must be empty: the server itself judges who calls.
type Upstream struct {
	// URL is where the server is, without a slash at its end.
	URL string
	// Send sends what is to be passed on of a call, which it may change first.
	Send func(forward, call *http.Request) (*http.Response, error)
	// Failure gives the server's own form of an error that concerns the whole call, for injected faults.
	Failure func(status int) emulator.Response
}

// Serve passes a call on.
func (u *Upstream) Serve(r *http.Request, body []byte) emulator.Response {
	// The request's own line is taken as it is: what is escaped in a name has to stay so.
	forward, err := http.NewRequestWithContext(r.Context(), r.Method, u.URL+r.RequestURI, bytes.NewReader(body))
	if err != nil {
		return emulator.Text(http.StatusBadRequest, err.Error())
	}
	forward.Header = r.Header.Clone()
	forward.Header.Del("Connection")
	response, err := u.Send(forward, r)
	if err != nil {
		panic(http.ErrAbortHandler) // the server is away: so is the answer
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	for _, hop := range []string{"Connection", "Content-Length", "Transfer-Encoding"} {
		response.Header.Del(hop)
	}
	return emulator.Response{Status: response.StatusCode, Header: response.Header, Body: content}
}

// Authorised leaves the judgement to the server.
func (u *Upstream) Authorised(*http.Request, string) bool { return true }

// Error is the server's own form of an error.
func (u *Upstream) Error(status int) emulator.Response { return u.Failure(status) }

// LimitHeaders adds nothing: there are no limits.
func (u *Upstream) LimitHeaders(http.Header, []emulator.Window) {}

// State is empty: the server is asked itself.
func (u *Upstream) State() any { return nil }

// Reset leaves what the server holds alone.
func (u *Upstream) Reset() {}
