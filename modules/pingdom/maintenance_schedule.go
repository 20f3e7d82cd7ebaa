// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import "time"

// schedule says when a window shall be. The functions here are pure: what the time is, they are told.
type schedule struct {
	start    time.Time // zero: now
	duration time.Duration
	keep     bool // the window keeps its times
}

const (
	// clockSlip is how far Pingdom's clock may be from the controller's.
	clockSlip = 10 * time.Second
	// closeBy is how far apart two times may be that count as the same.
	closeBy = time.Minute
	// spareTime is how much more than the duration a window may have left that is opened from now.
	spareTime = 2 * time.Minute
)

// begun tells whether a window is under way or over.
func (w Window) begun(now time.Time) bool { return !w.from.After(now.Add(clockSlip)) }

// over tells whether a window has ended.
func (w Window) over(now time.Time) bool { return !w.to.After(now.Add(clockSlip)) }

// bounds gives the time that a wish is about. What lies in the past is no matter any more.
func (s schedule) bounds(now time.Time) (begin, end time.Time) {
	if s.start.IsZero() {
		return now, now.Add(s.duration)
	}
	return latest(s.start, now), s.start.Add(s.duration)
}

// meant gives those of some windows, none of them over, that a wish means by its time: for one that shall exist those that overlap it,
// for one that shall not exist those under way, and the later ones only if there are none.
func (s schedule) meant(windows []Window, absent bool, now time.Time) []Window {
	if absent && s.start.IsZero() {
		active := filter(windows, func(w Window) bool { return w.begun(now) })
		if len(active) == 0 {
			return windows
		}
		if lasting := filter(active, func(w Window) bool { return w.to.After(now.Add(closeBy)) }); len(lasting) > 0 {
			return lasting // the others end by themselves
		}
		return active
	}
	begin, end := s.bounds(now)
	if !absent {
		// What ends in a moment may have ended when the change arrives. Half of the duration is enough to leave a window alone, a quarter
		// is not, so that what was just opened is always found.
		begin = latest(begin, now.Add(min(closeBy, s.duration/4)))
	}
	return filter(windows, func(w Window) bool { return w.from.Before(end) && w.to.After(begin) })
}

// times gives the times that a window shall have; have is nil for a new one.
func (s schedule) times(have *Window, now time.Time) (from, to time.Time) {
	from, to = s.bounds(now)
	switch {
	case have == nil:
		return from, to
	case s.keep:
		return have.from, have.to
	}
	if have.begun(now) || near(have.from, from) {
		from = have.from // what has begun cannot begin at another time
	}
	if s.start.IsZero() {
		if left := have.to.Sub(now); left >= s.duration/2 && left <= s.duration+spareTime {
			to = have.to
		}
	} else if near(have.to, to) {
		to = have.to
	}
	return from, to
}

func near(a, b time.Time) bool { return a.Sub(b).Abs() <= closeBy }

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func filter[T any](list []T, keep func(T) bool) []T {
	var kept []T
	for _, element := range list {
		if keep(element) {
			kept = append(kept, element)
		}
	}
	return kept
}
