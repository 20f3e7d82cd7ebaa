// SPDX-License-Identifier: GPL-3.0-or-later

package localstate

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever a file holds, a key is created at most once more and then remembered.
func FuzzLedgerFile(f *testing.F) {
	for _, content := range []string{
		`{"k":"a","s":"created","i":"1","t":1772366400000}` + "\n", `{"k":"a","s":"pending","r":"../x"}` + "\n", `{"k":"a","s":"created`, `{}` + "\n{", "\x00", "",
		`{"k":"a","s":"uncertain","t":-9223372036854775808}` + "\n", `{"v":1,"entries":{"a":{"id":"1"}}}`, `{"k":"a","s":"nonsense"}` + "\n",
	} {
		f.Add([]byte(content))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		folder := t.TempDir()
		made := 0
		once := func(valid string) {
			l := NewLedger(folder)
			defer l.Close()
			l.Now = func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }
			require.NoError(t, os.WriteFile(filepath.Join(folder, l.store.(*journal).name), content, 0o600))
			known := func(id string) (bool, error) { return id == valid, nil }
			find := func(time.Duration) (string, error) { return "", nil }
			create := func() (string, error) { made++; return "new", nil }
			require.NoError(t, l.Once(t.Context(), "group", "key", known, find, create))
			assert.LessOrEqual(t, len(l.Warnings()), 1)
			content, _ = os.ReadFile(filepath.Join(folder, l.store.(*journal).name))
		}
		once("none")
		once("new")
		assert.Equal(t, 1, made)
		l := NewLedger(folder)
		require.Error(t, l.Once(t.Context(), "group", "other", nil, nil, func() (string, error) { return "", errors.New("refused") }))
	})
}
