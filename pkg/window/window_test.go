// SPDX-License-Identifier: GPL-3.0-or-later

package window

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTimesOfAWindow: what becomes of a window's start and end, by what is asked for and what is there.
func TestTimesOfAWindow(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	at := func(minutes float64) time.Time { return noon.Add(time.Duration(minutes * float64(time.Minute))) }
	hour := Schedule{Duration: time.Hour}
	later := Schedule{Start: at(120), Duration: time.Hour}
	begunAlready := Schedule{Start: at(-20), Duration: time.Hour}
	have := func(from, to float64) *Span { return &Span{at(from), at(to)} }
	for _, c := range []struct {
		rule string
		s    Schedule
		have *Span
		want []float64
	}{
		{"a new window begins now", hour, nil, []float64{0, 60}},
		{"what was just opened stays", hour, have(0, 60), []float64{0, 60}},
		{"by the other clock it begins in a moment, and stays", hour, have(0.05, 60.05), []float64{0.05, 60.05}},
		{"half of the time left is enough", hour, have(-30, 30), []float64{-30, 30}},
		{"less is not", hour, have(-31, 29.9), []float64{-31, 60}},
		{"two minutes more are no difference", hour, have(-10, 62), []float64{-10, 62}},
		{"more is shortened", hour, have(-10, 63), []float64{-10, 60}},
		{"one that begins within the minute stays", hour, have(1, 61), []float64{1, 61}},
		{"one that begins later is moved to now", hour, have(2, 62), []float64{0, 62}},
		{"and ends in time", hour, have(30, 90), []float64{0, 60}},

		{"a new one at a time", later, nil, []float64{120, 180}},
		{"the same one stays", later, have(120, 180), []float64{120, 180}},
		{"a minute is no difference", later, have(121, 179), []float64{121, 179}},
		{"more is, at the start", later, have(122, 180), []float64{120, 180}},
		{"and at the end", later, have(120, 182), []float64{120, 180}},
		{"the start of one that has begun is left", later, have(-5, 130), []float64{-5, 180}},

		{"a time that has passed is now", begunAlready, nil, []float64{0, 40}},
		{"and finds what it opened when it came", begunAlready, have(-20, 40), []float64{-20, 40}},
		{"one that is late is moved to now", begunAlready, have(10, 40), []float64{0, 40}},

		{"kept", Schedule{Duration: time.Hour, Keep: true}, have(300, 301), []float64{300, 301}},
	} {
		is := c.s.Times(c.have, noon)
		assert.Equal(t, c.want, []float64{is.From.Sub(noon).Minutes(), is.To.Sub(noon).Minutes()}, c.rule)
	}
}

func TestStartIsReadInEveryForm(t *testing.T) {
	t.Parallel()
	evening := time.Date(2026, 11, 21, 22, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"now": {}, " Now ": {}, "2026-11-21T22:00:00Z": evening, "2026-11-21T23:00:00+01:00": evening, "2026-11-21 22:00:00+00:00": evening,
		"2026-11-21T22:00:00.75Z": evening, "1795298400": evening,
	} {
		got, err := readStart(text)
		require.NoError(t, err, text)
		assert.True(t, want.Equal(got), "%s is %s", text, got)
	}
}

func TestDurationIsReadWithItsUnits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"30m": 30 * time.Minute, "2h": 2 * time.Hour, "1h30m": 90 * time.Minute, "90s": 90 * time.Second, "1m": time.Minute, "720h": 720 * time.Hour,
		"1h0m30s": time.Hour + 30*time.Second, "1d": 24 * time.Hour, "30d": 720 * time.Hour, "3600": time.Hour, "1.5h": 90 * time.Minute,
	} {
		got, err := ReadDuration("duration", text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
}
