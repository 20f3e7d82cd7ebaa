// SPDX-License-Identifier: GPL-3.0-or-later

package localstate_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/localstate"
)

// maker counts what Once asked of it.
type maker struct {
	mutex   sync.Mutex
	made    int
	asked   []string
	valid   bool
	failing error
}

func (m *maker) count() int {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.made
}

func (m *maker) known(id string) (bool, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.asked = append(m.asked, id)
	return m.valid, m.failing
}

func (m *maker) create() (string, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.failing != nil {
		return "", m.failing
	}
	m.made++
	return strconv.Itoa(m.made), nil
}

func once(t *testing.T, l *localstate.Ledger, key string, m *maker) {
	t.Helper()
	require.NoError(t, l.Once(t.Context(), "group", key, m.known, m.create))
}

func TestOnceCreatesOnce(t *testing.T) {
	folder := t.TempDir()
	m := &maker{valid: true}
	once(t, localstate.NewLedger(folder, "api", "account"), "web", m)
	once(t, localstate.NewLedger(folder, "api", "account"), "web", m)
	assert.Equal(t, 1, m.made)
	assert.Equal(t, []string{"1"}, m.asked)

	once(t, localstate.NewLedger(folder, "api", "account"), "db", m)
	once(t, localstate.NewLedger(folder, "api", "other account"), "web", m)
	once(t, localstate.NewLedger(folder, "apia", "ccount"), "web", m)
	assert.Equal(t, 4, m.made, "another key or scope is another object")
}

func TestOnceRemembersWhatWasMadeThoughNotFinished(t *testing.T) {
	folder := t.TempDir()
	half := errors.New("created, but not configured")
	m := &maker{valid: true}
	err := localstate.NewLedger(folder, "api").Once(t.Context(), "group", "web", m.known, func() (string, error) { return "7", half })
	require.ErrorIs(t, err, half)
	once(t, localstate.NewLedger(folder, "api"), "web", m)
	assert.Equal(t, []string{"7"}, m.asked)
	assert.Zero(t, m.made)
}

func TestAloneKeepsOthersWaiting(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var group sync.WaitGroup
		m := &maker{}
		var alone atomic.Int32 // the lock is one between processes, of which the race detector knows nothing
		one, two := localstate.NewLedger(folder, "api"), localstate.NewLedger(folder, "api")
		require.NoError(t, one.Alone(t.Context(), "web", func() error {
			group.Go(func() { once(t, two, "web", m) })
			group.Go(func() {
				assert.NoError(t, two.Alone(t.Context(), "web", func() error { alone.Add(1); return nil }))
			})
			synctest.Wait()
			assert.Zero(t, m.count())
			assert.Zero(t, alone.Load())
			once(t, localstate.NewLedger(folder, "other api"), "web", m)
			return nil
		}))
		group.Wait()
		assert.Equal(t, 2, m.count())
		assert.Equal(t, int32(1), alone.Load())

		failing := errors.New("own")
		require.ErrorIs(t, one.Alone(t.Context(), "web", func() error { return failing }), failing)
		ended, end := context.WithCancel(t.Context())
		end()
		err := one.Alone(ended, "web", func() error { return failing })
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, failing, "it does not run then")
		assert.Empty(t, one.Warnings())

		nowhere := localstate.NewLedger("/dev/null/nowhere", "api")
		require.ErrorIs(t, nowhere.Alone(t.Context(), "web", func() error { return failing }), failing, "without a folder it runs all the same")
		assert.NotEmpty(t, nowhere.Warnings())
	})
}

func TestRecent(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	folder := t.TempDir()
	ledger := func(scope string) *localstate.Ledger {
		l := localstate.NewLedger(folder, scope)
		l.Now = func() time.Time { return now }
		return l
	}
	enter := func(scope, group, key, id string) {
		require.NoError(t, ledger(scope).Once(t.Context(), group, key, nil, func() (string, error) { return id, nil }))
	}
	enter("api", "shop", "old", "1")
	now = now.Add(localstate.DefaultKeep - time.Minute)
	enter("api", "shop", "b", "3")
	enter("api", "shop", "a", "2")
	enter("api", "blog", "a of blog", "4")
	enter("other", "shop", "a", "5")
	assert.Equal(t, []string{"1", "2", "3"}, ledger("api").Recent(t.Context(), "shop"))
	now = now.Add(2 * time.Minute)
	assert.Equal(t, []string{"2", "3"}, ledger("api").Recent(t.Context(), "shop"))
	assert.Equal(t, []string{"2", "3", "4"}, ledger("api").Recent(t.Context(), "shop", "blog", "shop"))
	assert.Empty(t, ledger("api").Recent(t.Context(), "none"))
	assert.Empty(t, ledger("api").Recent(t.Context()))

	require.NoError(t, os.WriteFile(oneFile(t, folder), []byte("damaged"), 0o600))
	assert.Less(t, len(ledger("api").Recent(t.Context(), "shop")), 3)
	assert.Empty(t, localstate.NewLedger("/dev/null/nowhere", "api").Recent(t.Context(), "shop"))
	ended, end := context.WithCancel(t.Context())
	end()
	assert.Empty(t, ledger("api").Recent(ended, "shop"))
}

func TestRecentClearsAwayWhatCountsNoMore(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	folder := t.TempDir()
	l := localstate.NewLedger(folder)
	l.Now = func() time.Time { return now }
	m := &maker{valid: true}
	once(t, l, "old", m)
	require.Error(t, l.Once(t.Context(), "group", "never made", nil, func() (string, error) { return "", errors.New("no") }))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "ledger-new"), []byte(`{"v":9,"entries":{}}`), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "limit"), nil, 0o600))
	now = now.Add(localstate.DefaultKeep)
	once(t, l, "young", m)
	assert.Equal(t, []string{"2"}, l.Recent(t.Context(), "group"))
	left, err := filepath.Glob(filepath.Join(folder, "*"))
	require.NoError(t, err)
	assert.Len(t, left, 3, "what counts, what is of another version, and what is no ledger")
	assert.Empty(t, l.Warnings())
}

// Files are removed while others wait for their locks.
func TestRecentRemovesNothingThatIsBeingMade(t *testing.T) {
	folder := t.TempDir()
	m := &maker{valid: true}
	var group sync.WaitGroup
	for range 4 {
		l := localstate.NewLedger(folder)
		group.Go(func() {
			for key := range 40 {
				assert.NoError(t, l.Once(t.Context(), "group", fmt.Sprint("key", key), m.known, m.create))
				_ = l.Once(t.Context(), "group", fmt.Sprint("none", key), m.known, func() (string, error) { return "", errors.New("no") })
			}
		})
		group.Go(func() {
			for range 10 {
				l.Recent(t.Context(), "group")
			}
			assert.Empty(t, l.Warnings())
		})
	}
	group.Wait()
	assert.Equal(t, 40, m.made, "nothing is made twice")
	assert.Len(t, localstate.NewLedger(folder).Recent(t.Context(), "group"), 40)
}

// oneFile is one of the ledger's files.
func oneFile(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "ledger-*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files[0]
}

func TestOnceForgets(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		later time.Duration
		valid bool
		made  int
	}{
		"just before the keep time":         {localstate.DefaultKeep - time.Millisecond, true, 1},
		"after the keep time":               {localstate.DefaultKeep, true, 2},
		"what is no longer valid":           {time.Second, false, 2},
		"what a clock set back made future": {-2 * time.Second, true, 2},
		"but not over a clock's slip":       {-time.Second, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := localstate.NewLedger(t.TempDir())
			at := now
			l.Now = func() time.Time { return at }
			m := &maker{valid: true}
			once(t, l, "web", m)
			at = now.Add(c.later)
			m.valid = c.valid
			once(t, l, "web", m)
			assert.Equal(t, c.made, m.made)
			m.valid = true
			once(t, l, "web", m)
			assert.Equal(t, c.made, m.made, "and remembers the last one")
		})
	}
}

func TestOnceErrors(t *testing.T) {
	l := localstate.NewLedger(t.TempDir())
	refused := errors.New("refused")
	m := &maker{failing: refused}
	require.ErrorIs(t, l.Once(t.Context(), "group", "web", m.known, m.create), refused)
	m.failing = nil
	once(t, l, "web", m)
	assert.Equal(t, 1, m.made, "a failed create is not remembered")

	m.failing = refused
	require.ErrorIs(t, l.Once(t.Context(), "group", "web", m.known, m.create), refused)
	assert.Equal(t, 1, m.made, "no create when it is not known whether the object is there")
	assert.Empty(t, l.Warnings())
}

func TestOnceWithoutUsableFolder(t *testing.T) {
	blocker := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocker, nil, 0o600))
	l := localstate.NewLedger(filepath.Join(blocker, "below"))
	m := &maker{}
	once(t, l, "web", m)
	once(t, l, "web", m)
	assert.Equal(t, 2, m.made)
	require.Len(t, l.Warnings(), 1)
	assert.Contains(t, l.Warnings()[0], "local state is unusable")
}

func TestOnceWithUnusableFiles(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"damaged":            func(path string) error { return os.WriteFile(path, []byte(`{"v":1,"entr`), 0o600) },
		"of another version": func(path string) error { return os.WriteFile(path, []byte(`{"v":9}`), 0o600) },
		"a folder":           func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		"a link":             func(path string) error { return errors.Join(os.Remove(path), os.Symlink("/etc/passwd", path)) },
		"writable by others": func(path string) error { return os.Chmod(path, 0o666) },
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			m := &maker{valid: true}
			once(t, localstate.NewLedger(folder), "web", m)
			files, err := os.ReadDir(folder)
			require.NoError(t, err)
			require.Len(t, files, 1)
			require.NoError(t, spoil(filepath.Join(folder, files[0].Name())))

			l := localstate.NewLedger(folder)
			once(t, l, "web", m)
			once(t, l, "web", m)
			assert.GreaterOrEqual(t, m.made, 2)
			assert.Len(t, l.Warnings(), 1)
		})
	}
}

func TestOnceManyAtOnce(t *testing.T) {
	folder := t.TempDir()
	m := &maker{valid: true}
	var group sync.WaitGroup
	for range 4 {
		l := localstate.NewLedger(folder)
		for range 4 {
			group.Go(func() {
				for key := range 20 {
					assert.NoError(t, l.Once(t.Context(), "group", fmt.Sprint("key", key), m.known, m.create))
				}
			})
		}
	}
	group.Wait()
	assert.Equal(t, 20, m.made)
	assert.Len(t, m.asked, 16*20-20)
}

func TestOnceWaitsForTheFirst(t *testing.T) {
	folder := t.TempDir()
	inside, proceed := make(chan struct{}), make(chan struct{})
	m := &maker{valid: true}
	var group sync.WaitGroup
	group.Go(func() {
		assert.NoError(t, localstate.NewLedger(folder).Once(t.Context(), "group", "web", m.known, func() (string, error) {
			close(inside)
			<-proceed
			return m.create()
		}))
	})
	<-inside
	// One who does not want to wait any more creates nothing.
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	err := localstate.NewLedger(folder).Once(gone, "group", "web", m.known, m.create)
	require.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, m.made)

	close(proceed)
	once(t, localstate.NewLedger(folder), "web", m)
	group.Wait()
	assert.Equal(t, 1, m.made)
	assert.Equal(t, []string{"1"}, m.asked)
}

// A create that panics must not leave the others waiting.
func TestOncePanic(t *testing.T) {
	l := localstate.NewLedger(t.TempDir())
	m := &maker{}
	assert.Panics(t, func() {
		_ = l.Once(t.Context(), "group", "web", m.known, func() (string, error) { panic("boom") })
	})
	once(t, l, "web", m)
	assert.Equal(t, 1, m.made)
}

func TestOnceBetweenProcesses(t *testing.T) {
	const processes, keys = 6, 25
	folder := t.TempDir()
	lines := inProcesses(t, processes, "ledger", folder, strconv.Itoa(keys))
	created := map[string]int{}
	for _, line := range lines {
		what, key, _ := strings.Cut(line, " ")
		assert.Contains(t, []string{"created", "known"}, what)
		if what == "created" {
			created[key]++
		}
	}
	assert.Len(t, lines, processes*keys)
	assert.Len(t, created, keys)
	for key, n := range created {
		assert.Equal(t, 1, n, key)
	}
}

func BenchmarkLedger(b *testing.B) {
	l := localstate.NewLedger(b.TempDir())
	known := func(string) (bool, error) { return true, nil }
	create := func() (string, error) { return "1", nil }
	for i := 0; b.Loop(); i++ {
		if err := l.Once(b.Context(), "group", strconv.Itoa(i%1000), known, create); err != nil {
			b.Fatal(err)
		}
	}
	if w := l.Warnings(); len(w) > 0 {
		b.Fatal(w)
	}
}
