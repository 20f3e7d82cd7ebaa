// SPDX-License-Identifier: GPL-3.0-or-later

// Package httpapi is the one HTTP client of the suite: base URL and credentials, TLS, a request rate that all processes
// of a controller keep together, repeats that can never act twice, and errors that say what is known about the server.
//
// The rule behind it: a request is repeated only when that cannot do harm. GET, PUT and DELETE have the same effect
// once or twice; a POST goes out again only if the server certainly did not act. Otherwise the error is ErrUncertain,
// and the caller has to look before it sends again. A Request can say that its method means something else to the service.
//
// When its context ends, a call ends too, but not while the service may be acting on it: a write that was sent is waited for a moment longer.
package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-resty/resty/v2"

	"github.com/stackwatch/ansible-monitoring/pkg/localstate"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// Config is what a service has to say about its API.
type Config struct {
	// BaseURL is http or https with a host, and a path where the API has one; a slash at the end does not matter.
	BaseURL string
	// Service is the vendor's name, for messages and for the state file's name.
	Service string
	// Authorize sets the credentials and nothing else. It is called for each attempt, by many goroutines, and once by New
	// to learn what must be hidden.
	Authorize func(h http.Header)
	// Secrets are taken out of every error text, beside the credentials that Authorize sets.
	Secrets []secret.Value
	// Login names the credentials in messages: "the token of api_key (environment VENDOR_TOKEN)".
	Login string
	// Redact masks further secrets in text from a server, such as those among what is sent to it; nil for none.
	Redact func(text string) string
	// Account is whose rate limit is shared, usually the token; only a hash of it is stored.
	Account secret.Value

	Options
	TLSClient

	// TotalTimeout bounds one Do with its repeats; waiting for the rate limit does not count. 0 is 10 minutes.
	TotalTimeout time.Duration
	// ParseError reads the vendor's error body; empty results mean that it is not one.
	ParseError func(status int, body []byte) (code, msg string)
	// ParseLimits tells how long the vendor's headers say to wait after a 429. Retry-After is read in any case.
	ParseLimits func(status int, h http.Header) (wait time.Duration, known bool)
	// Classify says which of this package's errors a refusal is, where the vendor's status alone does not tell: a refused token that gets
	// the same 403 as a missing right, an absence that gets another status than 404. nil leaves it at the status.
	Classify func(Answer) error
	// Idle is how long a connection is kept that nothing is sent on; 0 is 30 seconds. It must be less than the server's own, because a write
	// that meets the server's closing is uncertain.
	Idle time.Duration
	// QuickAck acknowledges each packet at once, where the system can. It is for servers that wait for that before they send the rest of an
	// answer, which takes 40 milliseconds otherwise.
	QuickAck bool
	// NoProxy ignores the proxies of the environment.
	NoProxy bool
	// Warn takes what the user should know though nothing failed; each thing comes once.
	Warn func(format string, args ...any)
	// AtEnd takes what closes the client's connections, to be called when nothing more is sent; nil leaves that to the end of the process.
	AtEnd func(do func())

	StateDir  string            // folder of the shared state; "" is the user's cache folder
	Clock     Clock             // nil is the real one
	Transport http.RoundTripper // nil is the real one; with another one TLS options and proxies have no effect
}

// Client sends requests to one API with one account. It is safe for use by many goroutines; make one for a run.
type Client struct {
	cfg     Config
	base    *url.URL
	rest    *resty.Client
	limiter *limiter
	clock   Clock
	hide    *scrubber
	slots   chan struct{} // one for each request under way: an attempt's timeout must not run while it waits for a connection
	buffers sync.Pool     // of *bytes.Buffer, for bodies
	maxBody int64

	mu      sync.Mutex
	ledgers map[string]*localstate.Ledger // by kind

	calls, retries atomic.Int64
	waited         atomic.Int64 // nanoseconds
}

// Stats counts what a client did. Waited is the sum over all goroutines, so it can be longer than the run.
type Stats struct {
	Calls   int           // requests that went out, as the server would count them
	Retries int           // those among them that repeat an earlier one
	Waited  time.Duration // for the rate limit and between repeats
}

// New checks the options, naming each one that is wrong, and makes a client. It sends nothing.
func New(cfg Config) (*Client, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	base, err := parseBase(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	var proxy *url.URL
	transport := cfg.Transport
	if transport == nil {
		if !cfg.NoProxy {
			proxy, err = readProxy(os.Getenv, base)
		}
		if err != nil {
			return nil, err
		}
		if transport, err = newTransport(cfg); err != nil {
			return nil, err
		}
	}
	if cfg.Clock == nil {
		cfg.Clock = realClock{}
	}
	cfg.TotalTimeout = cmp.Or(cfg.TotalTimeout, defaultTotal)
	if cfg.Warn == nil {
		cfg.Warn = func(string, ...any) {}
	}
	c := &Client{
		cfg: cfg, base: base, clock: cfg.Clock,
		hide:    newScrubber(append(slices.Clone(cfg.Secrets), proxySecrets(proxy)...), cfg.Authorize, cfg.Redact),
		slots:   make(chan struct{}, cfg.Concurrency),
		buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }},
		maxBody: maxBody,
	}
	c.limiter = newLimiter(cfg.RateLimit, cfg.Clock, c.warn)
	if cfg.RateLimit > 0 {
		c.limiter.share(cfg.StateDir, localstate.Name("limit", c.scope()...))
	}
	// Redirects are judged here, not by net/http, which would send a GET on to anybody.
	c.rest = resty.NewWithClient(&http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}).SetLogger(silent{}).SetDisableWarn(true).SetDoNotParseResponse(true)
	if cfg.AtEnd != nil {
		cfg.AtEnd(c.rest.GetClient().CloseIdleConnections)
	}
	return c, nil
}

// Do sends a request, waits and repeats as far as that is safe, and decodes the JSON answer into out.
//
// With a nil out the answer's body is not decoded, but a body that is not JSON still counts as a gateway's page and not
// as the API's answer. Errors are *Error, except that those of a Request that cannot be sent are plain.
func (c *Client) Do(ctx context.Context, r Request, out any) error {
	p, err := c.prepare(r)
	if err != nil {
		return errors.New(c.hide.text(fmt.Sprintf("a request to %s that cannot be sent: %v", c.cfg.Service, err)))
	}
	do := &running{client: c, prepared: p, started: c.clock.Now()}
	if r.Sent != nil {
		defer func() { *r.Sent = int(do.sent.Load()) }()
	}
	for {
		v := do.try(ctx, out)
		do.acted = do.acted || v.err != nil && v.err.acted
		switch v.next {
		case stepDone:
			return nil
		case stepFail:
			return do.finish(v.err)
		case stepRedirect:
			do.prepared.url = v.location
			do.hops++
			do.sent.Store(0)
		case stepLimited:
			do.limited++
			// Set even if this call gives up: the account's other processes had better wait.
			c.limiter.block(ctx, v.wait)
			if do.limited > c.cfg.Retries*limitedPerRetry || v.wait > maxWait || do.left() <= 0 {
				return do.finish(v.err)
			}
		case stepAgain:
			do.repeats++
			wait := max(backoff(do.repeats), v.wait)
			if do.repeats > c.cfg.Retries || wait > maxWait {
				return do.finish(v.err)
			}
			if do.left() <= wait {
				v.err.note("no time is left of %s", c.cfg.TotalTimeout)
				return do.finish(v.err)
			}
			if err := c.sleep(ctx, wait); err != nil {
				return do.finish(c.cancelled(p, false, err))
			}
		}
	}
}

// Stats may be read at any time.
func (c *Client) Stats() Stats {
	return Stats{
		Calls:   int(c.calls.Load()),
		Retries: int(c.retries.Load()),
		Waited:  time.Duration(c.waited.Load()),
	}
}

// Ledger returns the ledger of what this controller's runs create with this account, one for each kind where ids of
// several kinds may be equal. Calls with the same kind return the same ledger.
func (c *Client) Ledger(kind ...string) *localstate.Ledger {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := strings.Join(kind, " ")
	if known := c.ledgers[name]; known != nil {
		return known
	}
	ledger := localstate.NewLedger(c.cfg.StateDir, append(c.scope(), kind...)...)
	ledger.Now, ledger.Sleep = c.clock.Now, c.sleep
	if c.cfg.AtEnd != nil {
		c.cfg.AtEnd(ledger.Close)
	}
	if c.ledgers == nil {
		c.ledgers = map[string]*localstate.Ledger{}
	}
	c.ledgers[name] = ledger
	return ledger
}

// Quote returns text from a server on one line with secrets masked, for errors that other packages make.
func (c *Client) Quote(text string) string { return c.hide.quote(text, maxMessage) }

// Sleep waits as the client itself waits between repeats: by its clock, and counted in Stats.
func (c *Client) Sleep(ctx context.Context, d time.Duration) error { return c.sleep(ctx, d) }

// Close ends the connections that are kept alive. The client can still be used.
func (c *Client) Close() { c.rest.GetClient().CloseIdleConnections() }

func (c *Client) scope() []string {
	return []string{c.cfg.Service, c.base.String(), c.cfg.Account.Reveal()}
}

func (c *Client) warn(format string, args ...any) {
	c.cfg.Warn("%s", c.hide.text(fmt.Sprintf(format, args...)))
}

func (c *Client) sleep(ctx context.Context, d time.Duration) error {
	c.waited.Add(int64(d))
	return c.clock.Sleep(ctx, d)
}

// running is one Do under way.
type running struct {
	client   *Client
	prepared prepared
	started  time.Time
	excluded time.Duration // time that TotalTimeout does not count
	attempts int           // answered or not
	repeats  int           // after transient failures
	limited  int           // after a 429
	hops     int           // redirects followed
	acted    bool          // the server may have acted on an attempt
	sent     atomic.Int32  // times that it went out, since the last redirect
}

// count is called for each request that goes out.
func (do *running) count() {
	do.client.calls.Add(1)
	if do.sent.Add(1) > 1 {
		do.client.retries.Add(1)
	}
}

// try sends the request once, when it is its turn.
func (do *running) try(ctx context.Context, out any) verdict {
	c := do.client
	before := c.clock.Now()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
	}
	waited, err := c.limiter.wait(ctx)
	c.waited.Add(int64(waited))
	do.excluded += c.clock.Now().Sub(before)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return verdict{next: stepFail, err: c.cancelled(do.prepared, false, err)}
	}
	timeout := min(c.cfg.timeout(), do.left())
	do.attempts++
	o := c.send(ctx, do, timeout)
	defer c.release(o)
	return c.judge(ctx, do, o, out)
}

// left is what remains of TotalTimeout.
func (do *running) left() time.Duration {
	return do.client.cfg.TotalTimeout - (do.client.clock.Now().Sub(do.started) - do.excluded)
}

func (do *running) finish(err *Error) error {
	if do.acted && !errors.Is(err.Err, ErrUncertain) {
		err.acted = true
		err.note("%s", ErrUncertain)
	}
	if do.attempts > 1 {
		err.note("after %d attempts", do.attempts)
	}
	return err
}
