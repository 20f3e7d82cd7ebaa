// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// step is what follows an attempt.
type step int

const (
	stepFail     step = iota // with the verdict's error, for good
	stepDone                 // the answer is decoded
	stepAgain                // after a backoff, and not before the verdict's wait
	stepLimited              // after the verdict's wait: the server did nothing but refuse
	stepRedirect             // at the verdict's location
)

type verdict struct {
	next     step
	err      *Error
	wait     time.Duration
	location *url.URL
}

const maxHops = 5

// judge decides what an attempt's outcome means. Everything that is known about repeating safely stands here.
func (c *Client) judge(ctx context.Context, do *running, o outcome, out any) verdict {
	p := do.prepared
	if o.err != nil && ctx.Err() != nil {
		return verdict{next: stepFail, err: c.cancelled(p, !o.unsent, ctx.Err())}
	}
	if o.status == 0 {
		return c.judgeSilence(p, o)
	}
	switch {
	case o.status == http.StatusTooManyRequests:
		return c.judgeLimited(do, o)
	case errors.Is(o.err, errTooLarge):
		return verdict{next: stepFail, err: p.uncertain(c.failed(p, o, o.err.Error()))}
	case o.err != nil && (p.repeatable || o.status < 400 || o.status >= 500):
		// A refusal that was cut off is still a refusal, but only its status is known: good enough for a POST, which
		// cannot be sent again; anything else can be asked again.
		return c.again(p, o, c.failed(p, o, "the answer was cut off: "+c.reason(o)))
	case o.status < 300:
		return c.judgeSuccess(p, o, out)
	case o.status < 400:
		return c.judgeRedirect(do, o)
	case transientStatus(o.status) && !c.settled(o):
		return c.again(p, o, c.refused(p, o))
	case o.status == http.StatusNotFound && !c.own(o) && p.repeatable:
		// A gateway that does not know its way says 404 as well. Only the API's own word is absence.
		return c.again(p, o, c.failed(p, o, "the answer is not the API's own (is api_url right?): "+c.page(o)))
	}
	return verdict{next: stepFail, err: c.refused(p, o)}
}

// settled reports whether a 500 is the server's final answer, as Config.Classify decides, so that a retry would not
// change it. Other statuses come from gateways and from servers that are busy.
func (c *Client) settled(o outcome) bool {
	if o.status != http.StatusInternalServerError || c.cfg.Classify == nil {
		return false
	}
	code, msg := c.serverSays(o)
	return c.cfg.Classify(Answer{Status: o.status, Header: o.header, Code: code, Msg: msg}) != nil
}

// judgeSilence classifies attempts without an answer. Its errors name api_url, which may point to another server, or to
// none.
func (c *Client) judgeSilence(p prepared, o outcome) verdict {
	msg := c.reason(o)
	hint, final := tlsHint(o.err)
	if final {
		msg = hint + ": " + msg
	}
	err := c.failed(p, o, msg)
	err.note("api_url: %s", c.address())
	var lookup *net.DNSError
	if final || errors.As(o.err, &lookup) && lookup.IsNotFound {
		return verdict{next: stepFail, err: err}
	}
	return c.again(p, o, err)
}

// address returns the API's URL for messages.
func (c *Client) address() string { return c.hide.text(strings.TrimRight(c.base.String(), "/")) }

// judgeLimited is for 429: the server certainly did not act, so that every method may be sent again.
func (c *Client) judgeLimited(do *running, o outcome) verdict {
	wait, known := retryAfter(o.header, c.clock.Now())
	if c.cfg.ParseLimits != nil {
		if vendor, ok := c.cfg.ParseLimits(o.status, o.header); ok {
			wait, known = max(wait, min(vendor, forEver)), true
		}
	}
	err := c.refused(do.prepared, o)
	if wait > maxWait {
		err.note("the server asks to wait %s", wait.Round(time.Second))
	}
	return verdict{next: stepLimited, err: err, wait: limitedWait(do.limited+1, wait, known)}
}

// judgeSuccess decodes. A page that is not JSON did not come from the API, whatever its status.
func (c *Client) judgeSuccess(p prepared, o outcome, out any) verdict {
	body := o.body.Bytes()
	if p.method == http.MethodHead || out == nil && len(bytes.TrimSpace(body)) == 0 {
		return verdict{next: stepDone}
	}
	if !isJSON(body) {
		return c.again(p, o, c.failed(p, o, "the answer is not JSON (is api_url right?): "+c.page(o)))
	}
	if out == nil {
		return verdict{next: stepDone}
	}
	if err := json.Unmarshal(body, out); err != nil {
		return verdict{next: stepFail, err: p.uncertain(c.failed(p, o, "the answer is not understood: "+c.hide.quote(Misfit(err), maxQuote)))}
	}
	return verdict{next: stepDone}
}

// Misfit says in the API's words, not in those of Go, what an error of encoding/json says of an answer that is JSON and does not fit.
func Misfit(err error) string {
	var other *json.UnmarshalTypeError
	if !errors.As(err, &other) {
		return err.Error()
	}
	kind, _, _ := strings.Cut(other.Value, " ") // a number comes with its digits
	if other.Field == "" {
		return "it is of the kind " + kind
	}
	return other.Field + " is of the kind " + kind
}

// judgeRedirect follows a GET within the origin that the credentials are for, and nothing else.
func (c *Client) judgeRedirect(do *running, o outcome) verdict {
	p := do.prepared
	fail := func(msg string) verdict {
		err := c.failed(p, o, msg)
		if o.status == http.StatusFound || o.status == http.StatusSeeOther {
			err = p.uncertain(err) // these two may mean "done, see there"
		}
		return verdict{next: stepFail, err: err}
	}
	location, err := p.url.Parse(o.header.Get("Location"))
	switch {
	case err != nil || o.header.Get("Location") == "" || o.status == http.StatusNotModified:
		return fail("the server redirects without saying where to")
	case origin(location) != origin(p.url) || location.User != nil:
		return fail(fmt.Sprintf("the server redirects to %s, which is not followed, because the credentials are for %s alone; is api_url right?",
			c.hide.quote(origin(location), maxQuote), origin(p.url)))
	case p.method != http.MethodGet && p.method != http.MethodHead:
		return fail("the server redirects a write, which is not followed; is api_url right?")
	case do.hops >= maxHops:
		return fail(fmt.Sprintf("the server redirects more than %d times", maxHops))
	}
	return verdict{next: stepRedirect, location: location}
}

// again is for failures that pass. What cannot do harm twice goes out once more, and so does what never went out.
func (c *Client) again(p prepared, o outcome, err *Error) verdict {
	if !p.repeatable && !o.unsent {
		return verdict{next: stepFail, err: p.uncertain(err)}
	}
	err.Err = ErrTransient
	err.acted = p.writes && !o.unsent && o.status != http.StatusNotFound
	wait, _ := retryAfter(o.header, c.clock.Now())
	return verdict{next: stepAgain, err: err, wait: wait}
}

// uncertain marks the error of a request that was not answered in a way that says what the server did.
func (p prepared) uncertain(e *Error) *Error {
	e.acted = p.writes
	if !p.repeatable && !errors.Is(e.Err, ErrUncertain) {
		e.note("%s", ErrUncertain)
		e.Err = ErrUncertain
	}
	return e
}

// failed is an error in our own words.
func (c *Client) failed(p prepared, o outcome, msg string) *Error {
	return &Error{Method: p.method, Path: c.hide.text(p.path), Status: o.status, Msg: msg}
}

// refused is an error in the server's words.
func (c *Client) refused(p prepared, o outcome) *Error {
	code, msg := c.serverSays(o)
	e := c.failed(p, o, msg)
	e.Code = code
	if c.cfg.Classify != nil {
		if kind := c.cfg.Classify(Answer{Status: o.status, Header: o.header, Code: code, Msg: msg}); kind != nil {
			if errors.Is(kind, ErrAuth) {
				return c.refusedLogin(e)
			}
			e.Err = kind
			return e
		}
	}
	switch {
	case o.status == http.StatusUnauthorized:
		return c.refusedLogin(e)
	case o.status == http.StatusForbidden:
		e.Err = ErrForbidden
	case o.status == http.StatusNotFound && c.own(o):
		e.Err = ErrNotFound
	case o.status == http.StatusConflict:
		e.Err = ErrConflict
	case o.status == http.StatusTooManyRequests:
		e.Err = ErrRateLimited
	case o.status >= 500:
		return p.uncertain(e)
	}
	return e
}

// refusedLogin says in an error which credentials were refused.
func (c *Client) refusedLogin(e *Error) *Error {
	e.Err = ErrAuth
	if c.cfg.Login != "" {
		e.add(c.cfg.Login + " was refused")
	}
	return e
}

// cancelled is the end that the caller asked for. The server may have acted on a request that was on its way.
func (c *Client) cancelled(p prepared, sent bool, cause error) *Error {
	e := c.failed(p, outcome{}, "stopped: "+cause.Error())
	if sent {
		e = p.uncertain(e)
	}
	if e.Err != nil {
		e.Err = causes{cause, e.Err}
	} else {
		e.Err = cause
	}
	return e
}

// own tells whether a refusal is the API's: JSON in the vendor's form, and not in that of a gateway before it.
func (c *Client) own(o outcome) bool {
	body := o.body.Bytes()
	if !isJSON(body) || c.cfg.ParseError == nil {
		return isJSON(body)
	}
	code, msg := c.cfg.ParseError(o.status, body)
	return code != "" || msg != ""
}

// serverSays is the vendor's code and message, or the start of whatever came.
func (c *Client) serverSays(o outcome) (code, msg string) {
	body := o.body.Bytes()
	if len(bytes.TrimSpace(body)) == 0 {
		return "", ""
	}
	if c.cfg.ParseError != nil {
		if code, msg = c.cfg.ParseError(o.status, body); code != "" || msg != "" {
			return c.hide.quote(code, maxQuote), c.hide.quote(msg, maxMessage)
		}
	}
	return "", c.page(o)
}

// page shows the start of a body.
func (c *Client) page(o outcome) string {
	body := o.body.Bytes()
	if len(bytes.TrimSpace(body)) == 0 {
		return "the body is empty"
	}
	return fmt.Sprintf("%q", c.hide.quote(string(body[:min(len(body), maxRedacted+1)]), maxQuote))
}

// reason says why no answer, or no whole one, came, without the URL that net/http puts in front.
func (c *Client) reason(o outcome) string {
	err := o.err
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	text := err.Error()
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		text = fmt.Sprintf("no answer within %s", o.timeout)
	case dropped(err):
		text = "the connection was closed (" + text + ")"
	}
	return c.hide.quote(text, maxQuote)
}

// isJSON asks for an object or a list: a gateway's bare word or number is no answer of an API.
func isJSON(body []byte) bool {
	body = bytes.TrimSpace(body)
	return len(body) > 0 && (body[0] == '{' || body[0] == '[') && json.Valid(body)
}

// transientStatus reports whether a status is temporary: that of a gateway (such as Cloudflare's from 520 on), of a
// server that is busy, or of one that failed without saying why.
func transientStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported, http.StatusNetworkAuthenticationRequired:
		return false
	}
	return status >= http.StatusInternalServerError
}
