// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// maxBody is the largest answer that is read, uncompressed.
const maxBody = 64 << 20

// lastStatus is the highest status that HTTP has.
const lastStatus = 599

var errTooLarge = errors.New("the answer is larger than the 64 MiB that are read")

// outcome is what became of one attempt.
type outcome struct {
	status  int // 0 if no answer came
	header  http.Header
	body    *bytes.Buffer // as far as it came; nil without an answer
	err     error         // of sending or reading
	unsent  bool          // the server certainly got nothing
	timeout time.Duration // the attempt's
}

// send makes one attempt. Its outcome must be released.
func (c *Client) send(ctx context.Context, do *running, timeout time.Duration) outcome {
	p := do.prepared
	w := &watch{}
	attempt, cancel := c.attempt(ctx, p.writes, w, timeout)
	defer cancel()
	r := c.rest.R().SetContext(httptrace.WithClientTrace(attempt, w.hooks(do)))
	r.Header = c.authorized(p)
	if p.fresh != nil {
		body, err := json.Marshal(p.fresh())
		if err != nil {
			return outcome{err: fmt.Errorf("the body cannot be written as JSON: %w", err), unsent: true, timeout: timeout}
		}
		p.body = body
	}
	if p.body != nil {
		r.Body = p.body
	}
	resp, err := r.Execute(p.method, p.url.String())
	if !w.traced.Load() { // a transport of a test's own
		do.count()
	}
	o := outcome{err: err, timeout: timeout}
	if err != nil || resp.RawResponse == nil {
		o.unsent = w.traced.Load() && !w.connected.Load()
		return o
	}
	raw := resp.RawResponse
	defer raw.Body.Close()
	if raw.StatusCode < http.StatusOK || raw.StatusCode > lastStatus {
		// net/http accepts any three digits, and hands over the connection where the status is 101.
		o.err = fmt.Errorf("unexpected status %03d", raw.StatusCode)
		return o
	}
	o.status, o.header = raw.StatusCode, raw.Header
	o.body = c.buffers.Get().(*bytes.Buffer)
	o.body.Reset()
	if _, o.err = o.body.ReadFrom(io.LimitReader(raw.Body, c.maxBody+1)); o.err == nil && int64(o.body.Len()) > c.maxBody {
		o.err = errTooLarge
	}
	return o
}

// attempt is the context of one attempt. A read ends with ctx. A write that was sent may be answered for lastWord after that: the service
// is about to act, and who hangs up does not know whether it did.
func (c *Client) attempt(ctx context.Context, writes bool, w *watch, timeout time.Duration) (context.Context, context.CancelFunc) {
	if !writes {
		return context.WithTimeout(ctx, timeout)
	}
	attempt, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	forget := context.AfterFunc(ctx, func() {
		defer cancel()
		// A transport of a test's own may tell nothing.
		if w.connected.Load() || c.cfg.Transport != nil && !w.traced.Load() {
			_ = c.clock.Sleep(attempt, lastWord)
		}
	})
	return attempt, func() {
		forget()
		cancel()
	}
}

// release gives the body's memory back; nothing may refer to it any more. Large ones are left to the collector.
func (c *Client) release(o outcome) {
	if o.body != nil && o.body.Cap() <= 1<<20 {
		c.buffers.Put(o.body)
	}
}

// watch sees what really goes over the wire. net/http may send a GET once more by itself, when a connection that was
// kept alive turns out to be dead; that is a call too.
type watch struct {
	traced    atomic.Bool // the transport reports at all
	connected atomic.Bool // there was a connection, so something may have been sent
}

func (w *watch) hooks(do *running) *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:      func(string) { w.traced.Store(true) },
		GotConn:      func(httptrace.GotConnInfo) { w.connected.Store(true) },
		WroteHeaders: do.count,
	}
}

// silent keeps resty from writing to stderr.
type silent struct{}

func (silent) Errorf(string, ...any) {}
func (silent) Warnf(string, ...any)  {}
func (silent) Debugf(string, ...any) {}

// dropped tells a connection that ended in the middle of an answer or before it.
func dropped(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
