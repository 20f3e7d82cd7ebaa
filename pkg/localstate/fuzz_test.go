// SPDX-License-Identifier: GPL-3.0-or-later

package localstate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever a file holds, a key is created at most once more and then remembered.
func FuzzLedgerFile(f *testing.F) {
	for _, content := range []string{
		`{"v":1,"entries":{"mark":{"id":"1","made":1772366400000}}}`, `{"v":1,"entries":null}`, `{"v":1}x`, `{"v":2}`, "\x00", "",
		`{"v":1,"entries":{"mark":{"made":-9223372036854775808}}}`,
	} {
		f.Add([]byte(content))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		l := &Ledger{Keep: DefaultKeep, Now: func() time.Time { return now }}
		made := 0
		create := func() (string, error) { made++; return "new", nil }
		stale := func(string) (bool, error) { return false, nil }
		content, err := l.enter(content, "mark", "group", stale, create)
		require.NoError(t, err)
		assert.Equal(t, 1, made)

		known := func(id string) (bool, error) { return id == "new", nil }
		_, err = l.enter(content, "mark", "group", known, create)
		require.NoError(t, err)
		assert.Equal(t, 1, made)
		assert.LessOrEqual(t, len(l.Warnings()), 1)
	})
}
