// SPDX-License-Identifier: GPL-3.0-or-later

package emulator_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// limited is an account whose clock the test turns.
type limited struct {
	url string
	now time.Time
}

func startLimited(t *testing.T, second, minute int) *limited {
	t.Helper()
	// A quarter of a second and ten seconds are over in the windows of a second and a minute.
	l := &limited{now: time.Date(2026, 4, 1, 12, 0, 10, 250_000_000, time.UTC)}
	_, l.url = start(t, emulator.Options{RatePerSecond: second, RatePerMinute: minute, Now: func() time.Time { return l.now }})
	return l
}

// call returns status, limit, remaining and reset of one call.
func (l *limited) call(t *testing.T) []any {
	t.Helper()
	got := call(t, "GET", l.url+"/uptime/1", "")
	require.NoError(t, got.err)
	if got.status == 429 {
		assert.Empty(t, got.body)
	}
	return []any{got.status, got.header.Get("x-ratelimit-limit"), got.header.Get("x-ratelimit-remaining"), got.header.Get("x-ratelimit-reset")}
}

func TestBothLimits(t *testing.T) {
	l := startLimited(t, 5, 12)
	for _, remaining := range []string{"4", "3", "2", "1", "0"} {
		assert.Equal(t, []any{404, "5, 12;w=60, 5;w=1", remaining, "1"}, l.call(t))
	}
	assert.Equal(t, []any{429, "5, 12;w=60, 5;w=1", "0", "1"}, l.call(t), "the sixth of a second")

	l.now = l.now.Add(750 * time.Millisecond)
	for _, remaining := range []string{"4", "3", "2", "1", "0"} {
		assert.Equal(t, []any{404, "5, 12;w=60, 5;w=1", remaining, "1"}, l.call(t), "windows begin with the clock's seconds")
	}
	l.now = l.now.Add(time.Second)
	assert.Equal(t, []any{404, "5, 12;w=60, 5;w=1", "4", "1"}, l.call(t), "the twelfth of the minute: refused ones count")
	assert.Equal(t, []any{429, "12, 12;w=60, 5;w=1", "0", "48"}, l.call(t), "the thirteenth: the minute speaks")
	l.now = l.now.Add(48 * time.Second)
	assert.Equal(t, []any{404, "5, 12;w=60, 5;w=1", "4", "1"}, l.call(t))
}

func TestOneLimitOrNone(t *testing.T) {
	assert.Equal(t, []any{404, "5, 5;w=1", "4", "1"}, startLimited(t, 5, 0).call(t))
	assert.Equal(t, []any{404, "60, 60;w=60", "59", "50"}, startLimited(t, 0, 60).call(t))
	assert.Equal(t, []any{404, "", "", ""}, startLimited(t, 0, 0).call(t))
}

func TestRefusedCallsDoNotAct(t *testing.T) {
	now := time.Unix(0, 0)
	e, url := start(t, emulator.Options{RatePerSecond: 1, Now: func() time.Time { return now }})
	assert.Equal(t, 201, call(t, "POST", url+"/uptime", creation).status)
	assert.Equal(t, 429, call(t, "POST", url+"/uptime", creation).status)
	assert.Len(t, e.Tests(), 1)
	assert.False(t, e.Calls()[1].Acted)

	e.ResetCalls()
	assert.Equal(t, 201, call(t, "POST", url+"/uptime", creation).status, "a reset opens the windows")
}
