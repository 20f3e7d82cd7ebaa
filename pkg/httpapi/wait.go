// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	defaultTotal    = 10 * time.Minute // for a call with its repeats
	firstBackoff    = 500 * time.Millisecond
	maxBackoff      = 30 * time.Second
	maxWait         = 5 * time.Minute        // a server that asks for more fails the call instead
	limitedStep     = 250 * time.Millisecond // a further 429 in a row waits at least this much longer than the one before
	lastWord        = 3 * time.Second        // for the answer to a write after its caller was stopped; pkg/ansible waits a little longer
	limitedPerRetry = 10                     // many runs may share a busy account: 429 has a budget of its own
	margin          = 50 * time.Millisecond  // the server's clock, and how long requests take, are not ours
	forEver         = 365 * 24 * time.Hour   // what an absurd Retry-After is cut to
)

// Clock is time as the client sees it; tests bring their own.
type Clock interface {
	Now() time.Time
	// Sleep waits for d, or until ctx ends and then gives its error.
	Sleep(ctx context.Context, d time.Duration) error
}

type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

func (realClock) Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// backoff is how long to wait before the n-th repeat, from 1: doubled each time, between half and all of it, so that
// processes that failed together do not come back together.
func backoff(n int) time.Duration {
	d := maxBackoff
	if shift := n - 1; shift < 16 {
		d = min(d, firstBackoff<<shift)
	}
	return d/2 + rand.N(d/2)
}

// limitedWait is how long to wait after the n-th 429 of a call, from 1, where the server says wait (0 if it says nothing).
func limitedWait(n int, wait time.Duration, known bool) time.Duration {
	if !known {
		return backoff(n)
	}
	wait = max(wait, time.Duration(n-1)*limitedStep)
	return wait + margin + rand.N(wait/10+1)
}

// retryAfter reads the header's two forms, seconds and date. A date is taken relative to the server's own Date where it
// comes along, so that clocks that disagree do no harm. Never negative.
func retryAfter(h http.Header, now time.Time) (wait time.Duration, known bool) {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if text == "" {
		return 0, false
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		if !(seconds >= 0) {
			return 0, false
		}
		return time.Duration(min(seconds, forEver.Seconds()) * float64(time.Second)), true
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(until.Sub(now), 0), forEver), true
}
