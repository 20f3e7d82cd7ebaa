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
	sought  []time.Duration // ages with which find was called
	there   string          // what find finds
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

func (m *maker) find(age time.Duration) (string, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.sought = append(m.sought, age)
	return m.there, m.failing
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

func (m *maker) once(t *testing.T, l *localstate.Ledger, key string) error {
	return l.Once(t.Context(), "group", key, m.known, m.find, m.create)
}

func once(t *testing.T, l *localstate.Ledger, key string, m *maker) {
	t.Helper()
	require.NoError(t, m.once(t, l, key))
}

// lostAnswerError is the error of a creation with unknown outcome.
type lostAnswerError struct{ error }

func (lostAnswerError) Uncertain() bool { return true }

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// clock is one that moves only when somebody moves it.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(noon.UnixNano())
	return c
}

func (c *clock) now() time.Time { return time.Unix(0, c.at.Load()).UTC() }

func (c *clock) move(d time.Duration) { c.at.Add(int64(d)) }

// ledger makes one whose sleeps move the clock.
func (c *clock) ledger(t *testing.T, folder string, scope ...string) *localstate.Ledger {
	t.Helper()
	l := localstate.NewLedger(folder, scope...)
	l.Now = c.now
	l.Sleep = func(ctx context.Context, d time.Duration) error { c.move(d); return ctx.Err() }
	t.Cleanup(l.Close)
	return l
}

func TestOnce_CreatesOnce(t *testing.T) {
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
	assert.Empty(t, m.sought)
}

func TestOnce_RemembersWhatWasMadeThoughNotFinished(t *testing.T) {
	folder := t.TempDir()
	half := errors.New("created, but not configured")
	m := &maker{valid: true}
	err := localstate.NewLedger(folder, "api").Once(t.Context(), "group", "web", m.known, m.find, func() (string, error) { return "7", half })
	require.ErrorIs(t, err, half)
	once(t, localstate.NewLedger(folder, "api"), "web", m)
	assert.Equal(t, []string{"7"}, m.asked)
	assert.Zero(t, m.made)
}

// TestOnce_LooksForALostCreation holds what follows a creation with unknown outcome.
func TestOnce_LooksForALostCreation(t *testing.T) {
	for name, c := range map[string]struct {
		lose func(t *testing.T, l *localstate.Ledger)
		age  time.Duration
	}{
		"its answer did not come": {func(t *testing.T, l *localstate.Ledger) {
			err := l.Once(t.Context(), "group", "web", nil, nil, func() (string, error) { return "", lostAnswerError{errors.New("timeout")} })
			require.ErrorContains(t, err, "timeout")
		}, time.Minute},
		"it panicked": {func(t *testing.T, l *localstate.Ledger) {
			assert.Panics(t, func() { _ = l.Once(t.Context(), "group", "web", nil, nil, func() (string, error) { panic("boom") }) })
		}, time.Minute},
		"its run has ended": {abandon, 0},
	} {
		for _, there := range []string{"", "7"} {
			t.Run(name+", there: "+there, func(t *testing.T) {
				clock, folder := newClock(), t.TempDir()
				c.lose(t, clock.ledger(t, folder))
				clock.move(time.Minute)
				m := &maker{there: there, valid: true}
				once(t, clock.ledger(t, folder), "web", m)
				assert.Equal(t, []time.Duration{c.age}, m.sought)
				assert.Equal(t, there == "", m.made == 1, "created only if it is not there")
				once(t, clock.ledger(t, folder), "web", m)
				assert.Len(t, m.sought, 1, "what became of it is known now")
				assert.Len(t, m.asked, 1)
			})
		}
	}
}

// abandon leaves a creation of the key web as a process does that is killed.
func abandon(t *testing.T, l *localstate.Ledger) {
	inside, end := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		_ = l.Once(t.Context(), "group", "web", nil, nil, func() (string, error) { l.Close(); close(inside); <-end; return "", nil })
	})
	<-inside
	t.Cleanup(func() { close(end); group.Wait() })
}

func TestOnce_KeepsALostCreationWhileLookingForItFails(t *testing.T) {
	clock, folder := newClock(), t.TempDir()
	abandon(t, clock.ledger(t, folder))
	m := &maker{failing: errors.New("no network")}
	require.ErrorIs(t, m.once(t, clock.ledger(t, folder), "web"), m.failing)
	m.failing = nil
	once(t, clock.ledger(t, folder), "web", m)
	assert.Equal(t, []time.Duration{0, 0}, m.sought)
	assert.Equal(t, 1, m.made)
}

// busy has another run hold a key until release is called.
func busy(t *testing.T, l *localstate.Ledger, key string, m *maker) (release func()) {
	t.Helper()
	inside, proceed := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		assert.NoError(t, l.Once(t.Context(), "group", key, m.known, m.find, func() (string, error) {
			close(inside)
			<-proceed
			return m.create()
		}))
	})
	<-inside
	return sync.OnceFunc(func() { close(proceed); group.Wait() })
}

func TestOnce_WaitsForARunThatCreates(t *testing.T) {
	clock, folder := newClock(), t.TempDir()
	m := &maker{valid: true}
	release := busy(t, clock.ledger(t, folder), "web", m)

	// A run that is cancelled while it waits creates nothing.
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	err := clock.ledger(t, folder).Once(gone, "group", "web", m.known, m.find, m.create)
	require.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, "web: waiting for another process that holds the same object")

	second := clock.ledger(t, folder)
	sleeps := 0
	second.Sleep = func(context.Context, time.Duration) error {
		if sleeps++; sleeps == 3 {
			clock.move(-time.Hour) // whatever the clock does meanwhile
			release()
		}
		return nil
	}
	once(t, second, "web", m)
	assert.Equal(t, 1, m.made)
	assert.Equal(t, []string{"1"}, m.asked)
	assert.Empty(t, m.sought)
	assert.Empty(t, second.Warnings())
}

// TestOnce_GivesUpOnARunThatDoesNotEnd holds how long one run can keep another one waiting, and the message after that.
func TestOnce_GivesUpOnARunThatDoesNotEnd(t *testing.T) {
	clock, folder := newClock(), t.TempDir()
	m := &maker{valid: true}
	first := clock.ledger(t, folder)
	release, other := busy(t, first, "web", m), busy(t, first, "api", m)
	defer release()
	defer other()

	second := clock.ledger(t, folder)
	for i, key := range []string{"web", "api", "web"} {
		before := clock.now()
		err := m.once(t, second, key)
		require.ErrorContains(t, err, fmt.Sprintf(key+": another run (process %d on ", os.Getpid()))
		require.ErrorContains(t, err, "since 2026-03-01T12:00:00Z) has held it since 2026-03-01T12:00:00Z and did not finish within 2m0s; "+
			"it was looked for and is not there, and is not created a second time; end that process, or run this task again when it has ended")
		patience := localstate.DefaultPatience
		if i > 0 {
			patience = 0
		}
		assert.Equal(t, patience, clock.now().Sub(before), "for each run, not for each of its keys")
	}
	assert.Zero(t, m.count())
	assert.Len(t, m.sought, 3)
	require.Len(t, second.Warnings(), 1, "once for each run")
	assert.Contains(t, second.Warnings()[0], "holds what this run was to create, and does not finish")

	m.there = "9" // it is the answer that is slow
	once(t, second, "web", m)
	once(t, clock.ledger(t, folder, "other api"), "web", &maker{})
	once(t, clock.ledger(t, folder), "db", &maker{})
	release()
	other()
	assert.Equal(t, 2, m.count())
}

// TestOnce_RestoresItsLifeline checks that other runs wait for a run again, from its next creation on, after the cache was cleared.
func TestOnce_RestoresItsLifeline(t *testing.T) {
	for name, remove := range map[string]func(t *testing.T, folder string){
		"the folder": func(t *testing.T, folder string) { require.NoError(t, os.RemoveAll(folder)) },
		"the lifeline": func(t *testing.T, folder string) {
			for _, name := range files(t, folder, "run-*") {
				require.NoError(t, os.Remove(filepath.Join(folder, name)))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			clock, folder := newClock(), filepath.Join(t.TempDir(), "cache")
			m := &maker{valid: true}
			first, second := clock.ledger(t, folder), clock.ledger(t, folder)
			once(t, first, "before", m)
			remove(t, folder)
			release := busy(t, first, "web", m)
			defer release()
			assert.Len(t, files(t, folder, "run-*"), 1)
			second.Sleep = func(context.Context, time.Duration) error { release(); return nil }
			once(t, second, "web", m)
			assert.Equal(t, 2, m.count(), "the second run waits for the first one")
			assert.Equal(t, []string{"2"}, m.asked)
			require.Len(t, first.Warnings(), 1)
			assert.Contains(t, first.Warnings()[0], "the cache folder was cleared while this run was working")
			assert.Empty(t, second.Warnings())
			first.Close()
			assert.Len(t, files(t, folder, "run-*"), 1, "that of the second run")
		})
	}
}

// TestOnce_WarnsOfAClearedFolder checks that a run warns if other runs could not see its last creation.
func TestOnce_WarnsOfAClearedFolder(t *testing.T) {
	clock, folder := newClock(), filepath.Join(t.TempDir(), "cache")
	m := &maker{}
	first := clock.ledger(t, folder)
	release := busy(t, first, "web", m)
	require.NoError(t, os.RemoveAll(folder))
	release()
	require.Len(t, first.Warnings(), 1)
	assert.Contains(t, first.Warnings()[0], "check for objects that were created twice")
	assert.Equal(t, []string{"1"}, clock.ledger(t, folder).Recent(t.Context(), "group"), "what it made is remembered")
}

func TestAlone_KeepsOthersWaiting(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var group sync.WaitGroup
		m := &maker{}
		var alone atomic.Int32
		one, two := localstate.NewLedger(folder, "api"), localstate.NewLedger(folder, "api")
		defer one.Close()
		defer two.Close()
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

func TestAlone_LeavesWhatIsKnown(t *testing.T) {
	clock, folder := newClock(), t.TempDir()
	l := clock.ledger(t, folder)
	m := &maker{valid: true}
	once(t, l, "web", m)
	require.NoError(t, l.Alone(t.Context(), "web", func() error {
		assert.Equal(t, []string{"1"}, clock.ledger(t, folder).Recent(t.Context(), "group"))
		return nil
	}))
	once(t, l, "web", m)
	assert.Equal(t, 1, m.made)

	// One that was killed in it leaves the id too.
	inside, end := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	killed := clock.ledger(t, folder)
	group.Go(func() {
		_ = killed.Alone(t.Context(), "web", func() error { killed.Close(); close(inside); <-end; return nil })
	})
	<-inside
	defer func() { close(end); group.Wait() }()
	once(t, l, "web", m)
	require.NoError(t, l.Alone(t.Context(), "web", func() error { return nil }))
	once(t, l, "web", m)
	assert.Equal(t, 1, m.made)
	assert.Empty(t, m.sought)
	assert.Equal(t, []string{"1"}, l.Recent(t.Context(), "group"))
}

func TestRecent(t *testing.T) {
	clock, folder := newClock(), t.TempDir()
	ledger := func(scope string) *localstate.Ledger { return clock.ledger(t, folder, scope) }
	enter := func(scope, group, key, id string) {
		require.NoError(t, ledger(scope).Once(t.Context(), group, key, nil, nil, func() (string, error) { return id, nil }))
	}
	enter("api", "shop", "old", "1")
	clock.move(localstate.DefaultKeep - time.Minute)
	enter("api", "shop", "b", "3")
	enter("api", "shop", "a", "2")
	enter("api", "blog", "a of blog", "4")
	enter("other", "shop", "a", "5")
	assert.Equal(t, []string{"1", "2", "3"}, ledger("api").Recent(t.Context(), "shop"))
	clock.move(2 * time.Minute)
	assert.Equal(t, []string{"2", "3"}, ledger("api").Recent(t.Context(), "shop"))
	assert.Equal(t, []string{"2", "3", "4"}, ledger("api").Recent(t.Context(), "shop", "blog", "shop"))
	assert.Empty(t, ledger("api").Recent(t.Context(), "none"))
	assert.Empty(t, ledger("api").Recent(t.Context()))
	clock.move(-time.Hour)
	assert.Equal(t, []string{"1", "2", "3"}, ledger("api").Recent(t.Context(), "shop"), "what seems to be of the future is new")

	ledger("api").Forget(t.Context(), "2", "none")
	assert.Equal(t, []string{"1", "3"}, ledger("api").Recent(t.Context(), "shop"))
	m := &maker{}
	require.NoError(t, ledger("api").Once(t.Context(), "shop", "a", m.known, m.find, m.create))
	assert.Empty(t, m.asked, "nothing is known of what was deleted")

	assert.Empty(t, localstate.NewLedger("/dev/null/nowhere", "api").Recent(t.Context(), "shop"))
	localstate.NewLedger("/dev/null/nowhere", "api").Forget(t.Context(), "1")
	ended, end := context.WithCancel(t.Context())
	end()
	l := ledger("api")
	l.Recent(ended, "shop")
	assert.Empty(t, l.Warnings())
}

// TestRecent_IsNotHeldUp holds that neither a creation nor a lock on the file keeps others from looking.
func TestRecent_IsNotHeldUp(t *testing.T) {
	clock, folder := newClock(), t.TempDir()
	once(t, clock.ledger(t, folder), "db", &maker{})
	defer busy(t, clock.ledger(t, folder), "web", &maker{})()
	d, err := localstate.Open(folder)
	require.NoError(t, err)
	unlock, err := d.Lock(t.Context(), filepath.Base(ledgerFile(t, folder)))
	require.NoError(t, err)
	defer unlock()
	l := clock.ledger(t, folder)
	assert.Equal(t, []string{"1"}, l.Recent(t.Context(), "group"))
	assert.Equal(t, noon, clock.now())
	assert.Empty(t, l.Warnings())
}

// TestRecent_ClockThatMovesWhileAnotherRunCreates holds fault A10: what is written while somebody looks is not of the future, and stays.
func TestRecent_ClockThatMovesWhileAnotherRunCreates(t *testing.T) {
	clock, folder := newClock(), t.TempDir()
	m := &maker{valid: true}
	second := clock.ledger(t, folder)
	require.NoError(t, clock.ledger(t, folder).Once(t.Context(), "group", "web", m.known, m.find, func() (string, error) {
		assert.Empty(t, second.Recent(t.Context(), "group"))
		clock.move(5 * time.Second)
		return m.create()
	}))
	clock.move(-5 * time.Second) // the second run's clock, as it was when that began
	assert.Equal(t, []string{"1"}, second.Recent(t.Context(), "group"))
	once(t, second, "web", m)
	assert.Equal(t, 1, m.made)
}

func TestRecent_RemovesExpiredEntries(t *testing.T) {
	clock, folder := newClock(), t.TempDir()
	l := clock.ledger(t, folder)
	m := &maker{valid: true}
	once(t, l, "old", m)
	require.Error(t, l.Once(t.Context(), "group", "never made", nil, nil, func() (string, error) { return "", errors.New("no") }))
	clock.move(localstate.DefaultRemember)
	once(t, l, "young", m)
	assert.Equal(t, []string{"2"}, l.Recent(t.Context(), "group"))
	assert.FileExists(t, ledgerFile(t, folder))
	clock.move(localstate.DefaultRemember)
	assert.Empty(t, l.Recent(t.Context(), "group"))
	l.Close()
	assert.Empty(t, files(t, folder, "*"))
	once(t, l, "new", m)
	assert.Equal(t, []string{"3"}, l.Recent(t.Context(), "group"))
	assert.Empty(t, l.Warnings())
}

// TestOnce_RemovesFilesOfKilledRuns holds that they do not pile up.
func TestOnce_RemovesFilesOfKilledRuns(t *testing.T) {
	clock, folder := newClock(), t.TempDir()
	living := clock.ledger(t, folder)
	defer busy(t, living, "web", &maker{})()
	put := func(name string, age time.Duration) {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		info, err := os.Stat(path)
		require.NoError(t, err)
		then := info.ModTime().Add(-age)
		require.NoError(t, os.Chtimes(path, then, then))
	}
	put("run-KILLED", 0)
	put("ledger-old", 24*time.Hour)
	put("ledger-0a", 24*time.Hour)
	put("ledger-young", time.Hour)
	put("limit-old", 24*time.Hour)
	once(t, clock.ledger(t, folder), "db", &maker{})
	left := files(t, folder, "*")
	assert.Subset(t, left, []string{"ledger-young", "limit-old"})
	assert.NotContains(t, left, "ledger-old")
	assert.NotContains(t, left, "ledger-0a")
	assert.NotContains(t, left, "run-KILLED")
	assert.Len(t, files(t, folder, "run-*"), 2, "those of runs that live stay")
}

// TestLedger_FilesAreRemovedAndReplaced has runs create, look and forget while the file is made shorter under them.
func TestLedger_FilesAreRemovedAndReplaced(t *testing.T) {
	folder := t.TempDir()
	m := &maker{valid: true}
	var group sync.WaitGroup
	for n := range 4 {
		l := localstate.NewLedger(folder)
		t.Cleanup(l.Close)
		group.Go(func() {
			for key := range 40 {
				assert.NoError(t, l.Once(t.Context(), "group", fmt.Sprint("key", key), m.known, m.find, m.create))
				for again := range 10 { // so that there is much to leave out
					_ = l.Once(t.Context(), "group", fmt.Sprint("none", n, key, again), m.known, m.find, func() (string, error) { return "", errors.New("no") })
				}
			}
		})
		group.Go(func() {
			for range 100 {
				l.Recent(t.Context(), "group")
				l.Forget(t.Context(), "none")
			}
			assert.Empty(t, l.Warnings())
		})
	}
	group.Wait()
	assert.Equal(t, 40, m.made, "nothing is made twice")
	assert.Len(t, localstate.NewLedger(folder).Recent(t.Context(), "group"), 40)
	text, err := os.ReadFile(ledgerFile(t, folder))
	require.NoError(t, err)
	assert.Less(t, strings.Count(string(text), "\n"), 2500, "the file does not grow for ever")
}

func files(t *testing.T, folder, pattern string) (names []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, pattern))
	require.NoError(t, err)
	for _, path := range paths {
		names = append(names, filepath.Base(path))
	}
	return names
}

// ledgerFile is the only one of the ledger.
func ledgerFile(t *testing.T, folder string) string {
	t.Helper()
	found := files(t, folder, "ledger-*")
	require.Len(t, found, 1)
	return filepath.Join(folder, found[0])
}

func TestOnce_Forgets(t *testing.T) {
	for name, c := range map[string]struct {
		later time.Duration
		valid bool
		made  int
	}{
		"just before the time is over":          {localstate.DefaultRemember - time.Millisecond, true, 1},
		"after the time":                        {localstate.DefaultRemember, true, 2},
		"what is no longer valid":               {time.Second, false, 2},
		"not what a clock set back made future": {-24 * time.Hour, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			l := clock.ledger(t, t.TempDir())
			m := &maker{valid: true}
			once(t, l, "web", m)
			clock.move(c.later)
			m.valid = c.valid
			once(t, l, "web", m)
			assert.Equal(t, c.made, m.made)
			m.valid = true
			once(t, l, "web", m)
			assert.Equal(t, c.made, m.made, "and remembers the last one")
		})
	}
}

// TestOnce_RecreatesOnceWhatIsGone holds fault N2: of two runs that both learn that a remembered object is gone one creates it.
func TestOnce_RecreatesOnceWhatIsGone(t *testing.T) {
	clock, folder := newClock(), t.TempDir()
	m := &maker{}
	once(t, clock.ledger(t, folder), "web", m)
	one, two := clock.ledger(t, folder), clock.ledger(t, folder)
	isNew := func(id string) (bool, error) { return id == "2", nil }
	require.NoError(t, one.Once(t.Context(), "group", "web", func(id string) (bool, error) {
		// While the first run looks, the second one has looked and created.
		require.NoError(t, two.Once(t.Context(), "group", "web", isNew, m.find, m.create))
		return isNew(id)
	}, m.find, m.create))
	assert.Equal(t, 2, m.made)
}

func TestOnce_Errors(t *testing.T) {
	l := localstate.NewLedger(t.TempDir())
	refused := errors.New("refused")
	m := &maker{failing: refused}
	require.ErrorIs(t, m.once(t, l, "web"), refused)
	m.failing = nil
	once(t, l, "web", m)
	assert.Equal(t, 1, m.made, "a failed create is not remembered")
	assert.Empty(t, m.sought)

	m.failing = refused
	require.ErrorIs(t, m.once(t, l, "web"), refused)
	assert.Equal(t, 1, m.made, "no create when it is not known whether the object is there")
	m.failing = nil
	require.ErrorIs(t, l.Once(t.Context(), "group", "web", m.known, m.find, func() (string, error) { return "", refused }), refused)
	m.valid = true
	once(t, l, "web", m)
	assert.Equal(t, 1, m.made, "nor is what was known before forgotten")
	assert.Empty(t, l.Warnings())
}

func TestOnce_WithoutUsableFolder(t *testing.T) {
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

func TestOnce_WithUnusableFiles(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(path string) error
		made  int
	}{
		"damaged":            {func(path string) error { return os.WriteFile(path, []byte("{\"v\":1\n"), 0o600) }, 2},
		"a folder":           {func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) }, 3},
		"a link":             {func(path string) error { return errors.Join(os.Remove(path), os.Symlink("/etc/passwd", path)) }, 3},
		"writable by others": {func(path string) error { return os.Chmod(path, 0o666) }, 3},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			m := &maker{valid: true}
			once(t, localstate.NewLedger(folder), "web", m)
			require.NoError(t, c.spoil(ledgerFile(t, folder)))

			l := localstate.NewLedger(folder)
			once(t, l, "web", m)
			once(t, l, "web", m)
			assert.Equal(t, c.made, m.made)
			assert.Len(t, l.Warnings(), 1)
		})
	}
}

// TestOnce_SurvivesAPartlyWrittenLine holds that a process killed while it wrote costs one line only.
func TestOnce_SurvivesAPartlyWrittenLine(t *testing.T) {
	folder := t.TempDir()
	m := &maker{valid: true}
	once(t, localstate.NewLedger(folder), "web", m)
	file, err := os.OpenFile(ledgerFile(t, folder), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString("{\"k\":\"half")
	require.NoError(t, errors.Join(err, file.Close()))
	l := localstate.NewLedger(folder)
	once(t, l, "db", m)
	once(t, l, "web", m)
	once(t, localstate.NewLedger(folder), "db", m)
	assert.Equal(t, 2, m.made)
	assert.Empty(t, l.Warnings())
}

// TestOnce_FileThatIsLockedForEver holds what follows where a process was stopped in the moment in which it had the file locked.
func TestOnce_FileThatIsLockedForEver(t *testing.T) {
	folder := t.TempDir()
	once(t, localstate.NewLedger(folder), "db", &maker{})
	synctest.Test(t, func(t *testing.T) {
		d, err := localstate.Open(folder)
		require.NoError(t, err)
		unlock, err := d.Lock(t.Context(), filepath.Base(ledgerFile(t, folder)))
		require.NoError(t, err)
		l := localstate.NewLedger(folder)
		m, start := &maker{}, time.Now()
		for key := range 3 {
			require.ErrorContains(t, m.once(t, l, fmt.Sprint(key)), "nothing was sent, because another run has held ")
			assert.Equal(t, 10*time.Second, time.Since(start), "it is waited for once")
		}
		assert.Zero(t, m.made)
		unlock()
		once(t, l, "web", m)
		assert.Empty(t, l.Warnings())
		l.Close()
	})
}

func TestOnce_ManyAtOnce(t *testing.T) {
	folder := t.TempDir()
	m := &maker{valid: true}
	var group sync.WaitGroup
	for range 4 {
		l := localstate.NewLedger(folder)
		t.Cleanup(l.Close)
		for range 4 {
			group.Go(func() {
				for key := range 20 {
					assert.NoError(t, m.once(t, l, fmt.Sprint("key", key)))
				}
			})
		}
	}
	group.Wait()
	assert.Equal(t, 20, m.made)
	assert.Len(t, m.asked, 16*20-20)
}

func TestOnce_BetweenProcesses(t *testing.T) {
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
	for name, keys := range map[string]int{"known": 1000, "new": 1 << 62} {
		b.Run(name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if err := l.Once(b.Context(), "group", name+strconv.Itoa(i%keys), known, nil, create); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	if w := l.Warnings(); len(w) > 0 {
		b.Fatal(w)
	}
}

// TestWarnLost_KilledRuns checks that deletions warn of objects that a killed run may have created unseen.
func TestWarnLost_KilledRuns(t *testing.T) {
	clock, folder := newClock(), t.TempDir()
	warnings := func(group string, keys ...string) []string {
		l := clock.ledger(t, folder)
		l.WarnLost(t.Context(), group, keys)
		return l.Warnings()
	}
	assert.Empty(t, warnings("group"))
	release := busy(t, clock.ledger(t, folder), "live", &maker{})
	defer release()
	assert.Empty(t, warnings("group"), "a run that lives is not lost")
	abandon(t, clock.ledger(t, folder)) // the key web
	err := clock.ledger(t, folder).Once(t.Context(), "group", "db", nil, nil, func() (string, error) { return "", lostAnswerError{errors.New("timeout")} })
	require.ErrorContains(t, err, "timeout")
	assert.Equal(t, []string{"group: a run that was killed or got no answer may have created 2 objects that the list does not show yet; " +
		"run the task again in a minute"}, warnings("group"))
	require.Len(t, warnings("group", "web"), 1)
	assert.Contains(t, warnings("group", "web")[0], "may have created 1 object that")
	assert.Empty(t, warnings("group", "web", "db"), "they were found, or are looked for")
	assert.Empty(t, warnings("other group"))
	clock.move(time.Minute)
	assert.Empty(t, warnings("group"), "the list shows them by then")
}
