// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/stackwatch/ansible-monitoring/pkg/resource"
	"github.com/stackwatch/ansible-monitoring/pkg/window"
)

// noon is when the tests of windows take place.
func noon() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

// around gives a window from some minutes after noon to others; negative ones are before it.
func around(from, to float64) Window {
	at := func(minutes float64) time.Time { return noon().Add(time.Duration(minutes * float64(time.Minute))) }
	return Window{span: window.Span{From: at(from), To: at(to)}}
}

// TestWhichWindowsAreMeantByTheirTime leaves one to each case by its start.
func TestWhichWindowsAreMeantByTheirTime(t *testing.T) {
	t.Parallel()
	const present, absent = false, true
	at := func(minutes int) time.Time { return noon().Add(time.Duration(minutes) * time.Minute) }
	all := []Window{around(-60, 0.5), around(-30, 20), around(30, 90), around(60, 120), around(200, 300)}
	for _, c := range []struct {
		rule    string
		s       window.Schedule
		absent  bool
		windows []Window
		want    []float64 // starts
	}{
		{"present now: those that overlap, not the one that ends in a moment", window.Schedule{Duration: time.Hour}, present, all, []float64{-30, 30}},
		{"what touches does not overlap", window.Schedule{Duration: 30 * time.Minute}, present, all, []float64{-30}},
		{"a short window that was just opened is found", window.Schedule{Duration: time.Minute}, present, []Window{around(0, 1)}, []float64{0}},
		{"and after half of its time", window.Schedule{Duration: time.Minute}, present, []Window{around(-0.5, 0.5)}, []float64{-0.5}},
		{"present at a time", window.Schedule{Start: at(100), Duration: time.Hour}, present, all, []float64{60}},
		{"a time that has passed counts from now", window.Schedule{Start: at(-60), Duration: 2 * time.Hour}, present, all, []float64{-30, 30}},
		{"absent: the active ones, without the one that ends by itself", window.Schedule{Duration: time.Hour}, absent, all, []float64{-30}},
		{"what begins in a moment has begun by the other clock", window.Schedule{Duration: time.Hour}, absent, []Window{around(0.1, 60), all[4]}, []float64{0.1}},
		{"that one if it is the only one", window.Schedule{Duration: time.Hour}, absent, []Window{all[0], all[3]}, []float64{-60}},
		{"absent, none active: all later ones", window.Schedule{Duration: time.Hour}, absent, all[2:], []float64{30, 60, 200}},
		{"absent at a time", window.Schedule{Start: at(190), Duration: time.Hour}, absent, all, []float64{200}},
		{"none", window.Schedule{Duration: time.Hour}, absent, nil, []float64{}},
	} {
		starts := []float64{}
		for _, w := range meant(c.windows, c.s, c.absent, noon()) {
			starts = append(starts, w.span.From.Sub(noon()).Minutes())
		}
		assert.Equal(t, c.want, starts, c.rule)
	}
}

// TestWindowWishRefuses holds that bad input is told by the option, the value and what would be right, without a call.
func TestWindowWishRefuses(t *testing.T) {
	t.Parallel()
	set := func(text string) *string { return &text }
	const startIs = "value of start must be now, a time with its zone such as 2026-11-21T22:00:00Z or 2026-11-21T22:00:00+01:00, or unix seconds, got"
	const durationIs = "value of duration must be a duration such as 90s, 30m, 2h, 7d or 1d12h, or a number of seconds, got"
	type item = resource.Item[windowOptions]
	whole := func(change func(*item)) item {
		i := item{State: set("present"), Stack: set("shop"), Object: windowOptions{Description: set("Deployment")}}
		change(&i)
		return i
	}
	start := func(text string) item { return whole(func(i *item) { i.Object.Start = &text }) }
	duration := func(text string) item { return whole(func(i *item) { i.Object.Duration = &text }) }
	for _, c := range []struct {
		item item
		want string
	}{
		{whole(func(i *item) { i.Object.Description = nil }), "one of the following is required: id, description"},
		{whole(func(i *item) { i.ID = set("x") }), "value of id must be the number of a maintenance window, got: x"},
		{whole(func(i *item) { i.Object.Description = set(" ") }), `value of description must say what the window is for, got: " "`},
		{whole(func(i *item) { i.Object.Description = set("None") }), `value of description must say what the window is for, got: "None"`},
		{whole(func(i *item) { i.Object.Description = set("{{ what }}") }), "value of description must be rendered, got a template: {{ what }}"},
		{whole(func(i *item) { i.Object.Checks = []string{"{{ a }}"} }), "value of checks must be rendered, got a template: {{ a }}"},
		{whole(func(i *item) { i.Object.Tags = []string{"{{ a }}"} }), "value of tags must be rendered, got a template: {{ a }}"},
		{whole(func(i *item) { i.Stack = nil }), "one of the following is required to say what the window covers: checks, tags, stack"},
		{
			whole(func(i *item) { i.Object.Checks = []string{" "} }),
			"value of checks must hold the name or id of a check at least, got an empty list; leave checks out where stack alone says it",
		},
		{
			whole(func(i *item) { i.Object.Tags = []string{} }),
			"value of tags must hold a tag at least, got an empty list; leave tags out where stack alone says it",
		},
		{start("soon"), startIs + ": soon"},
		{start(""), startIs + ": "},
		{start("2026-11-21T22:00:00"), startIs + " a time without a zone: 2026-11-21T22:00:00; write Z behind it for UTC"},
		{start("2026-11-21 22:00"), startIs + " a time without a zone: 2026-11-21 22:00; write Z behind it for UTC"},
		{start("2026-11-21"), startIs + ": 2026-11-21"},
		{start("1"), startIs + ": 1"},
		{start("1795298400000"), startIs + ": 1795298400000"},
		{
			start("2026-11-21T11:00:00Z"),
			"value of start must be less than the duration of 1h ago, got: 2026-11-21T11:00:00Z; that window was over at 2026-11-21T12:00:00Z",
		},
		{duration("30"), "value of duration must be a duration from 1m to 30d, got: 30"},
		{duration("100ms"), "value of duration must be a duration from 1m to 30d, got: 100ms"},
		{duration("-5m"), durationIs + ": -5m"},
		{duration(""), durationIs + ": "},
		{duration("30 m"), durationIs + ": 30 m"},
		{duration("59s"), "value of duration must be a duration from 1m to 30d, got: 59s"},
		{duration("721h"), "value of duration must be a duration from 1m to 30d, got: 721h"},
	} {
		_, err := windowWish(c.item, noon())
		assert.EqualError(t, err, c.want)
	}
}

// TestEndingAWindowAsksForLess: what may be gone cannot be demanded.
func TestEndingAWindowAsksForLess(t *testing.T) {
	t.Parallel()
	set := func(text string) *string { return &text }
	for _, o := range []windowOptions{
		{}, {Checks: []string{"7"}, Tags: []string{}}, {Start: set("2020-01-01T00:00:00Z")},
	} {
		o.Description = set("Deployment")
		_, err := windowWish(resource.Item[windowOptions]{State: set("absent"), Object: o}, noon())
		assert.NoError(t, err)
	}
}

func TestIDsAreInTheOrderOfTheirNumbers(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"9", "10", "11", "100"}, sortIDs([]string{"100", "10", "9", "11", "10"}))
}
