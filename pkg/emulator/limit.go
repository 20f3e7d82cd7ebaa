// SPDX-License-Identifier: GPL-3.0-or-later

package emulator

import "time"

// Window is one rate limit: at most Max calls in each stretch of Size, the stretches being aligned to the clock.
type Window struct {
	Size  time.Duration
	Max   int
	Used  int           // calls in the present stretch, refused ones and this one included
	Reset time.Duration // until the present stretch ends
	start time.Time
}

// Over tells whether the call is one too many.
func (w Window) Over() bool { return w.Used > w.Max }

// Remaining returns how many more calls the present stretch allows.
func (w Window) Remaining() int { return max(0, w.Max-w.Used) }

func newWindows(opt Options) []Window {
	var windows []Window
	if opt.RatePerSecond > 0 {
		windows = append(windows, Window{Size: time.Second, Max: opt.RatePerSecond})
	}
	if opt.RatePerMinute > 0 {
		windows = append(windows, Window{Size: time.Minute, Max: opt.RatePerMinute})
	}
	return windows
}

// countLocked counts one call in every window and returns them as they stand then. Refused calls count as well, which is
// how gateways that keep such windows do it, and is the harder case for a client.
func (s *Server) countLocked(now time.Time) []Window {
	if len(s.windows) == 0 {
		return nil
	}
	windows := make([]Window, len(s.windows))
	for i := range s.windows {
		w := &s.windows[i]
		if start := now.Truncate(w.Size); !start.Equal(w.start) {
			w.start, w.Used = start, 0
		}
		w.Used++
		w.Reset = w.start.Add(w.Size).Sub(now)
		windows[i] = *w
	}
	return windows
}
