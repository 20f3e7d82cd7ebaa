// SPDX-License-Identifier: GPL-3.0-or-later

package duration

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse_ReadsUnitsAndSeconds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"60": time.Minute, "0.5": 500 * time.Millisecond, " 90s ": 90 * time.Second, "5m": 5 * time.Minute, "2h": 2 * time.Hour,
		"1h30m": 90 * time.Minute, "7d": 7 * 24 * time.Hour, "1d12h": 36 * time.Hour, "500ms": 500 * time.Millisecond, "5m500ms": 5*time.Minute + 500*time.Millisecond,
		"1.5h": 90 * time.Minute, "1d0h0m30s": 24*time.Hour + 30*time.Second, "36500d": 36500 * 24 * time.Hour,
	} {
		got, err := Parse("x", text, Range{})
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
}

func TestParse_RefusesOtherTexts(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", " ", "soon", "-1h", "+60m", "1w", "30m2h", "1h1h", "1 h", "1e3", ".5", "5.", "١h", "0x10", "NaN", "1h,30m", "[]"} {
		_, err := Parse("x", text, Range{})
		assert.ErrorContains(t, err, "value of x must be a duration such as 90s, 30m, 2h, 7d or 1d12h, or a number of seconds, got: ", text)
	}
}

func TestParse_ChecksItsRange(t *testing.T) {
	t.Parallel()
	window := Range{Min: time.Minute, Max: 30 * 24 * time.Hour}
	for text, r := range map[string]Range{"0": {}, "0s": {}, "0d0h": {}, "0.0000000001s": {}, "36501d": {}, "999999999999d": {}, "59s": window, "30d1ms": window} {
		_, err := Parse("x", text, r)
		assert.Error(t, err, text)
	}
	_, err := Parse("x", "31d", window)
	assert.EqualError(t, err, "value of x must be a duration from 1m to 30d, got: 31d")
	_, err = Parse("x", "0", Range{})
	assert.EqualError(t, err, "value of x must be a duration of more than 0 seconds, got: 0")
	for _, text := range []string{"1m", "30d", "720h", "60"} {
		_, err := Parse("x", text, window)
		assert.NoError(t, err, text)
	}
}

func TestFormat_IsReadBack(t *testing.T) {
	t.Parallel()
	for d, text := range map[time.Duration]string{
		time.Millisecond: "1ms", 90 * time.Second: "1m30s", 36 * time.Hour: "1d12h", 30 * 24 * time.Hour: "30d", 0: "0s",
	} {
		assert.Equal(t, text, Format(d))
		if d > 0 {
			got, err := Parse("x", text, Range{})
			require.NoError(t, err)
			assert.Equal(t, d, got)
		}
	}
}
