// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/resource"
)

// windowWish checks one declared window. Its errors name the option, the value and what would be right.
func windowWish(item resource.Item[windowOptions], now time.Time) (Window, error) {
	o := item.Object
	w := Window{absent: value(item.State) == "absent"}
	switch {
	case item.ID != nil && !idPattern.MatchString(*item.ID):
		return w, fmt.Errorf("value of id must be the number of a maintenance window, got: %s", *item.ID)
	case item.ID != nil:
		w.label = "id " + *item.ID
	case o.Description == nil:
		return w, errors.New("one of the following is required: id, description")
	}
	if o.Description != nil {
		description := strings.TrimSpace(*o.Description)
		if description == "" || description == "None" {
			return w, fmt.Errorf("value of description must say what the window is for, got: %q", *o.Description)
		}
		w.Description = &description
	}
	w.selection = selection{checks: resource.Tidy(o.Checks), tags: resource.Tidy(o.Tags)}
	w.stack = value(item.Stack)
	if err := checkStack(item.Stack); err != nil {
		return w, err
	}
	if err := checkTemplates(w); err != nil {
		return w, err
	}
	if !w.absent {
		if err := checkSelection(w.selection, item.ID != nil); err != nil {
			return w, err
		}
	}
	var err error
	w.schedule, err = readSchedule(o, now, w.absent, item.ID != nil)
	return w, err
}

func checkTemplates(w Window) error {
	texts := map[string][]string{"checks": w.checks, "tags": w.tags}
	if w.Description != nil {
		texts["description"] = []string{*w.Description}
	}
	for _, option := range []string{"description", "checks", "tags"} {
		for _, text := range texts[option] {
			if err := resource.Rendered(option, &text); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkSelection demands of a window that shall exist to say what it covers. One that is there, by its id, has something.
func checkSelection(s selection, byID bool) error {
	switch {
	case !s.given() && !byID:
		return errors.New("one of the following is required to say what the window covers: checks, tags, stack")
	case s.checks != nil && len(s.checks)+len(s.tags) == 0:
		return errors.New("value of checks must hold the name or id of a check at least, got an empty list; leave checks out where stack alone says it")
	case s.tags != nil && len(s.checks)+len(s.tags) == 0:
		return errors.New("value of tags must hold a tag at least, got an empty list; leave tags out where stack alone says it")
	}
	return nil
}

// readSchedule reads the options of time. Where a window is known by its id and none is given, it keeps its times.
func readSchedule(o windowOptions, now time.Time, absent, byID bool) (s schedule, err error) {
	s.keep = byID && o.Start == nil && o.Duration == nil
	length := or(o.Duration, defaultDuration)
	if s.duration, err = parseDuration(*length); err != nil || o.Start == nil {
		return s, err
	}
	if s.start, err = parseStart(*o.Start); err != nil {
		return s, err
	}
	if end := s.start.Add(s.duration); !s.start.IsZero() && !absent && !end.After(now) {
		return s, fmt.Errorf("value of start must be less than the duration of %s ago, got: %s; that window was over at %s",
			*length, *o.Start, stamp(end))
	}
	return s, nil
}

// defaultDuration is how long a window is that does not say it.
const defaultDuration = "1h"

var (
	durationPattern = regexp.MustCompile(`^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,7}s)?$`)
	zonePattern     = regexp.MustCompile(`([Zz]|[+-][0-9]{2}:?[0-9]{2})$`)
	secondsPattern  = regexp.MustCompile(`^[0-9]{10}$`) // 2001 to 2286
)

// How long a window may be.
const (
	shortestWindow = time.Minute
	longestWindow  = 30 * 24 * time.Hour
)

func parseDuration(text string) (time.Duration, error) {
	const right = "value of duration must be hours, minutes and seconds such as 30m, 2h, 1h30m or 90s"
	text = strings.TrimSpace(text)
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return 0, fmt.Errorf("%s, got a number without a unit: %s", right, text)
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil || !durationPattern.MatchString(text):
		return 0, fmt.Errorf("%s, got: %s", right, text)
	case d < shortestWindow || d > longestWindow:
		return 0, fmt.Errorf("value of duration must be 1m to 720h (30 days), got: %s", text)
	}
	return d, nil
}

// parseStart gives the zero time for now.
func parseStart(text string) (time.Time, error) {
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

// stamp is a time as the module shows it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// sortIDs brings ids into the order of their numbers.
func sortIDs(ids []string) []string {
	slices.SortFunc(ids, compareIDs)
	return slices.Compact(ids)
}

// compareIDs orders ids as the numbers that they are.
func compareIDs(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}
