// SPDX-License-Identifier: GPL-3.0-or-later

// Package window is about spans of time in which a service shall keep quiet: maintenance windows, downtimes. It reads when they shall be,
// in the words of playbooks, and compares that with when they are. What the time is, its functions are told.
package window

import "time"

// Span is when a window is.
type Span struct{ From, To time.Time }

// Schedule says when a window shall be.
type Schedule struct {
	Start    time.Time // zero: now
	Duration time.Duration
	Keep     bool // a window that is there keeps its times
}

const (
	// Slip is how far the service's clock may be from the controller's.
	Slip = 10 * time.Second
	// closeBy is how far apart two times may be that count as the same.
	closeBy = time.Minute
	// spare is how much more than the duration a window may have left that is opened from now.
	spare = 2 * time.Minute
)

// Begun tells whether a window is under way or over.
func (s Span) Begun(now time.Time) bool { return !s.From.After(now.Add(Slip)) }

// Over tells whether a window has ended.
func (s Span) Over(now time.Time) bool { return !s.To.After(now.Add(Slip)) }

// Lasting tells whether a window goes on for more than a moment.
func (s Span) Lasting(now time.Time) bool { return s.To.After(now.Add(closeBy)) }

// Overlaps reports whether two spans have time in common.
func (s Span) Overlaps(other Span) bool { return s.From.Before(other.To) && s.To.After(other.From) }

// span gives the time that a schedule is about. What lies in the past is no matter any more.
func (s Schedule) span(now time.Time) Span {
	if s.Start.IsZero() {
		return Span{now, now.Add(s.Duration)}
	}
	return Span{latest(s.Start, now), s.Start.Add(s.Duration)}
}

// Means tells whether a window is what a schedule for one that shall exist means: they overlap.
func (s Schedule) Means(window Span, now time.Time) bool {
	wanted := s.span(now)
	// What ends in a moment may have ended when the change arrives. Half of the duration is enough to leave a window alone, a quarter
	// is not, so that what was just opened is always found.
	wanted.From = latest(wanted.From, now.Add(min(closeBy, s.Duration/4)))
	return window.Overlaps(wanted)
}

// MeansGone tells the same of one that shall not exist, where a start is given.
func (s Schedule) MeansGone(window Span, now time.Time) bool { return window.Overlaps(s.span(now)) }

// Times gives the times that a window shall have; have is nil for a new one.
func (s Schedule) Times(have *Span, now time.Time) Span {
	wanted := s.span(now)
	switch {
	case have == nil:
		return wanted
	case s.Keep:
		return *have
	}
	if have.Begun(now) || near(have.From, wanted.From) {
		wanted.From = have.From // what has begun cannot begin at another time
	}
	if s.Start.IsZero() {
		if left := have.To.Sub(now); left >= s.Duration/2 && left <= s.Duration+spare {
			wanted.To = have.To
		}
	} else if near(have.To, wanted.To) {
		wanted.To = have.To
	}
	return wanted
}

func near(a, b time.Time) bool { return a.Sub(b).Abs() <= closeBy }

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
