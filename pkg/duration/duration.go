// SPDX-License-Identifier: GPL-3.0-or-later

// Package duration parses durations in options, in one form for all modules.
package duration

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/pattern"
)

// Sentence is in the documentation of every option whose value is a duration.
const Sentence = "A duration such as V(90s), V(30m), V(2h), V(7d) or V(1d12h), or a number of seconds."

var (
	units  = pattern.New(`^(?:([0-9]{1,12}(?:\.[0-9]{1,9})?)d)?(?:([0-9]{1,12}(?:\.[0-9]{1,9})?)h)?(?:([0-9]{1,12}(?:\.[0-9]{1,9})?)m)?(?:([0-9]{1,12}(?:\.[0-9]{1,9})?)s)?(?:([0-9]{1,12}(?:\.[0-9]{1,9})?)ms)?$`)
	digits = pattern.New(`^([0-9]{1,12}(?:\.[0-9]{1,9})?)$`)
)

// Range limits a duration; both ends are included. A zero Min stands for any positive duration, a zero Max for a
// hundred years.
type Range struct{ Min, Max time.Duration }

const century = 36500 * 24 * time.Hour

// Parse parses the value of an option: days, hours, minutes, seconds and milliseconds in this order, or a number of
// seconds.
func Parse(option, text string, r Range) (time.Duration, error) {
	text = strings.TrimSpace(text)
	parts := units.FindStringSubmatch(text)
	if seconds := digits.FindStringSubmatch(text); seconds != nil {
		parts = []string{"", "", "", "", seconds[1], ""}
	}
	if parts == nil || text == "" {
		return 0, fmt.Errorf("value of %s must be a duration such as 90s, 30m, 2h, 7d or 1d12h, or a number of seconds, got: %s", option, text)
	}
	nanoseconds := 0.0
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second, time.Millisecond} {
		n, _ := strconv.ParseFloat(parts[i+1], 64) // digits, or nothing
		nanoseconds += n * float64(unit)
	}
	upper := r.Max
	if upper == 0 {
		upper = century
	}
	if nanoseconds = math.Round(nanoseconds); nanoseconds < 1 || nanoseconds < float64(r.Min) || nanoseconds > float64(upper) {
		return 0, fmt.Errorf("value of %s must be a duration %s, got: %s", option, r, text)
	}
	return time.Duration(nanoseconds), nil
}

// HasUnit reports whether a valid duration is written with a unit.
func HasUnit(text string) bool { return !digits.MatchString(strings.TrimSpace(text)) }

// String describes the range, such as "from 1m to 30d".
func (r Range) String() string {
	lower := "of more than 0 seconds"
	if r.Min > 0 {
		lower = "from " + Format(r.Min)
	}
	switch {
	case r.Max == 0:
		return lower
	case r.Min == 0:
		return lower + " and at most " + Format(r.Max)
	}
	return lower + " to " + Format(r.Max)
}

// Format returns the shortest text that Parse reads as d, such as "1d12h"; it leaves out fractions of a millisecond.
func Format(d time.Duration) string {
	var b strings.Builder
	for _, unit := range []struct {
		name   string
		length time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}} {
		if n := d / unit.length; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, unit.name)
			d %= unit.length
		}
	}
	if b.Len() == 0 {
		return "0s"
	}
	return b.String()
}
