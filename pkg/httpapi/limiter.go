// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/localstate"
	"github.com/stackwatch/ansible-monitoring/pkg/progress"
)

const (
	maxCount  = 100                  // grants in a window; higher rates use a shorter window instead of a longer list
	keepLeast = 32                   // grants kept in the file even if this process needs fewer: another one may have a higher rate
	patience  = 5 * time.Second      // with another process that holds the file; it should be microseconds
	clockSlip = time.Second          // a file written further in the future than this is from before the clock was set back,
	clockLost = 365 * 24 * time.Hour // and one this far in the future is nonsense
	farAhead  = 2 * maxWait          // a block or a booked time further ahead is nonsense,
	queue     = 4096                 // even behind this many requests that wait
)

// limiter grants requests so that no window of time holds more than the rate allows, whoever in this controller sends
// them. A grant may lie in the future: it is booked under the file's lock and waited for outside.
type limiter struct {
	clock  Clock
	warn   func(format string, args ...any)
	count  int           // grants in any window; 0 without a limit, when only a 429 makes it wait
	window time.Duration // with a margin

	turn   chan struct{} // held while the state is read and written
	own    grants        // what this process knows; all there is without a file
	file   *localstate.Dir
	name   string
	warned bool
}

func newLimiter(rate float64, clock Clock, warn func(format string, args ...any)) *limiter {
	l := &limiter{clock: clock, warn: warn, turn: make(chan struct{}, 1), own: grants{Version: stateVersion}}
	if rate > 0 {
		l.count = int(min(max(math.Floor(rate), 1), maxCount))
		l.window = time.Duration(float64(l.count) / rate * float64(time.Second))
		l.window += min(margin, l.window/20)
	}
	return l
}

// share makes the limiter keep its state in a file for all processes.
func (l *limiter) share(folder, name string) {
	dir, err := localstate.Open(folder)
	if err != nil {
		l.alone(err)
		return
	}
	l.file, l.name = dir, name
}

// wait returns when a request may be sent, and how long that took. It fails only with ctx's error.
func (l *limiter) wait(ctx context.Context) (waited time.Duration, err error) {
	for {
		var at, now time.Time
		if err := l.change(ctx, func(g *grants, read time.Time) {
			now, at = read, g.book(read, l.count, l.window)
		}); err != nil {
			return waited, err
		}
		d := at.Sub(now)
		if d <= 0 {
			return waited, nil
		}
		over := progress.Waiting(ctx, d)
		err := l.clock.Sleep(ctx, d)
		over()
		if err != nil {
			return waited, err
		}
		waited += d
		// A 429 may have come while this one slept; its grant is void then.
		void := false
		if err := l.change(ctx, func(g *grants, _ time.Time) { void = g.Blocked > at.UnixNano() }); err != nil {
			return waited, err
		}
		if !void {
			return waited, nil
		}
	}
}

// block keeps every process of the account from sending for d, at most maxWait. With a cancelled ctx it does nothing.
func (l *limiter) block(ctx context.Context, d time.Duration) {
	_ = l.change(ctx, func(g *grants, now time.Time) { g.block(now, now.Add(min(d, maxWait))) })
}

// change runs f on the state, the shared one if possible. It fails only with ctx's error.
func (l *limiter) change(ctx context.Context, f func(g *grants, now time.Time)) error {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if l.file == nil {
		f(&l.own, l.clock.Now())
		return ctx.Err()
	}
	ran := false
	patient, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := l.file.Update(patient, l.name, func(old []byte) ([]byte, error) {
		ran = true
		now := l.clock.Now()
		g, err := decodeGrants(old, now, l.horizon())
		if err != nil {
			l.alone(err)
			g = l.own
		}
		f(&g, now)
		g.trim(max(l.count, keepLeast))
		g.Written = now.UnixNano()
		l.own = g
		return json.Marshal(g)
	})
	switch {
	case err == nil:
		return nil
	case !ran && ctx.Err() != nil:
		return ctx.Err()
	}
	l.alone(err)
	l.file = nil
	if !ran {
		f(&l.own, l.clock.Now())
	}
	return nil
}

// horizon is how far ahead the state can sensibly reach.
func (l *limiter) horizon() time.Duration {
	return farAhead + queue*l.window/time.Duration(max(l.count, 1))
}

// alone says once that other processes are not heeded.
func (l *limiter) alone(err error) {
	if !l.warned {
		l.warned = true
		l.warn("api_rate_limit is kept by this process alone, other runs on this controller do not count: %v", err)
	}
}

// grants is the state: times of the last requests, in order, some of them still to come. All times are unix nanoseconds.
type grants struct {
	Version int     `json:"v"`
	Written int64   `json:"written"`
	Blocked int64   `json:"blocked,omitempty"` // nothing before this
	Times   []int64 `json:"grants"`
}

const stateVersion = 1

// book grants a request at now or the first time after it that is allowed, and remembers that. The count-th last grant
// must be a whole window ago; grants never go back, or a later look at the list would see it wrongly.
func (g *grants) book(now time.Time, count int, window time.Duration) time.Time {
	at := max(now.UnixNano(), g.Blocked)
	if count == 0 {
		return time.Unix(0, at)
	}
	if n := len(g.Times); n > 0 {
		at = max(at, g.Times[n-1])
		if n >= count {
			at = max(at, g.Times[n-count]+int64(window))
		}
	}
	g.Times = append(g.Times, at)
	return time.Unix(0, at)
}

// block voids the grants that were booked for the time until then: those who wait for them will see it and book anew.
func (g *grants) block(now, until time.Time) {
	g.Blocked = max(g.Blocked, until.UnixNano())
	g.Times = slices.DeleteFunc(g.Times, func(at int64) bool { return at > now.UnixNano() && at < g.Blocked })
}

// setBack moves all times back by as much as the clock was set back, or as the clock of another controller that shares
// the file is ahead. The intervals between requests stay.
func (g *grants) setBack(by int64) {
	for i, at := range g.Times {
		g.Times[i] = max(at, 0) - by
	}
	g.Blocked = max(g.Blocked, 0) - by
}

func (g *grants) trim(keep int) {
	if n := len(g.Times); n > keep {
		g.Times = append(g.Times[:0], g.Times[n-keep:]...)
	}
}

var errDamaged = errors.New("the file is damaged")

// decodeGrants refuses what cannot have been written by a sane process with a clock like ours.
func decodeGrants(content []byte, now time.Time, horizon time.Duration) (grants, error) {
	g := grants{Version: stateVersion}
	if len(content) == 0 {
		return g, nil
	}
	if err := json.Unmarshal(content, &g); err != nil {
		return g, fmt.Errorf("%w: %w", errDamaged, err)
	}
	switch {
	case g.Version != stateVersion:
		return g, fmt.Errorf("%w: version %d is not known", errDamaged, g.Version)
	case !slices.IsSorted(g.Times):
		return g, fmt.Errorf("%w: its times are not in order", errDamaged)
	case g.Written > now.Add(clockLost).UnixNano():
		return g, errors.New("the file was written far in the future")
	case g.Written > now.Add(clockSlip).UnixNano():
		g.setBack(g.Written - now.UnixNano())
	}
	latest := now.Add(horizon).UnixNano()
	if n := len(g.Times); n > 0 && g.Times[n-1] > latest || g.Blocked > latest {
		return g, errors.New("the file speaks of times far in the future")
	}
	return g, nil
}
