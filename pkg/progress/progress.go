// SPDX-License-Identifier: GPL-3.0-or-later

// Package progress tells a person how far a long run is while it runs, in lines such as
//
//	reading 320 of 1000 tests
//	changing 12 of 40 tests, waiting 12 s for the rate limit
//
// A Reporter travels in the context. Whoever works on many objects one by one begins a Phase and counts in it; without a Reporter that
// does nothing. Lines name no object, so that no secret can be in them.
package progress

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	few   = 20              // a phase of no more objects than this is not told
	quiet = 3 * time.Second // at the beginning of a run: most runs are over by then
	pause = 5 * time.Second // between two lines
	look  = time.Second     // between two looks whether a line is due
)

// Reporter says when a line is due. Its methods and those of its phases may be used concurrently.
type Reporter struct {
	now  func() time.Time
	show func(line string)

	mu      sync.Mutex
	due     time.Time // no line before this
	phase   *Phase    // nil between two phases,
	between string    // what is told there; "" for nothing
	waits   map[*wait]bool
}

// wait is a request that is held back.
type wait struct{ until time.Time }

// New makes the reporter of a run that begins now. show takes one line at a time, without its end, and must not block.
func New(now func() time.Time, show func(line string)) *Reporter {
	return &Reporter{now: now, show: show, due: now().Add(quiet), waits: map[*wait]bool{}}
}

// Watch tells lines when they are due also while nothing is finished, until ctx ends. after is time.After.
func (r *Reporter) Watch(ctx context.Context, after func(time.Duration) <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-after(look):
			r.change(func() {})
		}
	}
}

type key struct{}

// audience is what the context carries.
type audience struct {
	reporter *Reporter
	plural   string
}

func of(ctx context.Context) audience {
	a, ok := ctx.Value(key{}).(audience)
	if !ok {
		return audience{plural: "objects"}
	}
	return a
}

// With gives a context in which phases are told.
func With(ctx context.Context, r *Reporter) context.Context {
	a := of(ctx)
	a.reporter = r
	return context.WithValue(ctx, key{}, a)
}

// About gives a context in which phases are about things of that name, as "tests". It is "objects" where nobody says.
func About(ctx context.Context, plural string) context.Context {
	a := of(ctx)
	if a.reporter == nil {
		return ctx
	}
	a.plural = plural
	return context.WithValue(ctx, key{}, a)
}

// Expect says that the run is about so many objects. Where they are not few, also the time is told in which no phase is, because lists are
// read then.
func Expect(ctx context.Context, objects int) {
	if a := of(ctx); a.reporter != nil && objects > few {
		a.reporter.change(func() { a.reporter.between = "reading the list of " + a.plural })
	}
}

// Phase is one part of a run, of which it is known how many objects it is about. The nil Phase is one that is not told.
type Phase struct {
	reporter     *Reporter
	verb, plural string
	done, total  int
	told         bool // a line of it was shown,
	last         int  // and said this many
}

// Begin begins a phase, in which total objects are dealt with as verb says ("reading"). End it. It is not told where it is about few
// objects, or is part of another phase.
func Begin(ctx context.Context, verb string, total int) *Phase {
	a := of(ctx)
	if a.reporter == nil || total <= few {
		return nil
	}
	p := &Phase{reporter: a.reporter, verb: verb, plural: a.plural, total: total}
	inner := false
	a.reporter.change(func() {
		if inner = a.reporter.phase != nil; !inner {
			a.reporter.phase = p
		}
	})
	if inner {
		return nil
	}
	return p
}

// Add counts n more objects as done.
func (p *Phase) Add(n int) {
	if p != nil {
		p.reporter.change(func() { p.done += n })
	}
}

// End ends the phase. Whoever saw a line of it sees how it ended.
func (p *Phase) End() {
	if p == nil {
		return
	}
	r := p.reporter
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase = nil; p.told && p.last != p.done {
		r.say(p.line())
	}
}

// Waiting says that a request is held back for d by the rate limit; over says that it is no longer.
func Waiting(ctx context.Context, d time.Duration) (over func()) {
	r := of(ctx).reporter
	if r == nil {
		return func() {}
	}
	w := &wait{r.now().Add(d)}
	r.change(func() { r.waits[w] = true })
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.waits, w)
	}
}

// change changes what is to be told, then tells it where a line is due.
func (r *Reporter) change(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
	switch {
	case r.now().Before(r.due):
	case r.phase != nil:
		r.say(r.phase.line() + r.waiting())
	case r.between != "":
		r.say(r.between + r.waiting())
	}
}

func (r *Reporter) say(line string) {
	r.due = r.now().Add(pause)
	r.show(line)
}

// line tells how far the phase is.
func (p *Phase) line() string {
	p.told, p.last = true, p.done
	return fmt.Sprintf("%s %d of %d %s", p.verb, p.done, p.total, p.plural)
}

// waiting tells of the rate limit where it holds back the next request for more than a second.
func (r *Reporter) waiting() string {
	var first time.Time
	for w := range r.waits {
		if first.IsZero() || w.until.Before(first) {
			first = w.until
		}
	}
	left := first.Sub(r.now()).Round(time.Second)
	if left <= time.Second {
		return ""
	}
	return fmt.Sprintf(", waiting %d s for the rate limit", left/time.Second)
}
