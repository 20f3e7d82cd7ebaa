// SPDX-License-Identifier: GPL-3.0-or-later

package window

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/duration"
	"github.com/stackwatch/ansible-monitoring/pkg/pattern"
)

// DefaultDuration is how long a window is that does not say it.
const DefaultDuration = "1h"

// How long a window may be.
const (
	shortest = time.Minute
	longest  = 30 * 24 * time.Hour
)

var (
	zonePattern    = pattern.New(`([Zz]|[+-][0-9]{2}:?[0-9]{2})$`)
	secondsPattern = pattern.New(`^[0-9]{10}$`) // 2001 to 2286
)

// Read reads the options start and duration, nil where they were not given. A window that shall exist must not be over.
func Read(start, lasts *string, now time.Time, absent bool) (s Schedule, err error) {
	length := DefaultDuration
	if lasts != nil {
		length = *lasts
	}
	s.Duration, err = ReadDuration("duration", length)
	if start == nil {
		return s, err
	}
	var startErr error
	s.Start, startErr = readStart(*start)
	if err = errors.Join(err, startErr); err != nil {
		return s, err
	}
	if end := s.Start.Add(s.Duration); !s.Start.IsZero() && !absent && !end.After(now) {
		return s, fmt.Errorf("value of start must be less than the duration of %s ago, got: %s; that window was over at %s",
			length, *start, Stamp(end))
	}
	return s, nil
}

// ReadDuration parses how long a window lasts. Its errors name the option.
func ReadDuration(option, text string) (time.Duration, error) {
	return duration.Parse(option, text, duration.Range{Min: shortest, Max: longest})
}

// readStart gives the zero time for now.
func readStart(text string) (time.Time, error) {
	const right = "value of start must be now, a time with its zone such as 2026-11-21T22:00:00Z or 2026-11-21T22:00:00+01:00, or unix seconds"
	text = strings.TrimSpace(text)
	if strings.EqualFold(text, "now") {
		return time.Time{}, nil
	}
	if secondsPattern.MatchString(text) {
		seconds, err := strconv.ParseInt(text, 10, 64)
		return time.Unix(seconds, 0).UTC(), err
	}
	// What Python makes of a time has a space where RFC 3339 has a T.
	at, err := time.Parse(time.RFC3339, strings.Replace(text, " ", "T", 1))
	if err == nil {
		return at.UTC().Truncate(time.Second), nil
	}
	if _, dateErr := time.Parse("2006-01-02", text[:min(len(text), 10)]); dateErr == nil && len(text) > 10 && !zonePattern.MatchString(text) {
		return time.Time{}, fmt.Errorf("%s, got a time without a zone: %s; write Z behind it for UTC", right, text)
	}
	return time.Time{}, fmt.Errorf("%s, got: %s", right, text)
}

// Stamp is a time as modules show it.
func Stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
