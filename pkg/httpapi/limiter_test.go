// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/localstate"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// frozen never moves and sleeps at once: what is booked can be seen without waiting for it.
type frozen struct{}

func (frozen) Now() time.Time                                   { return epoch }
func (frozen) Sleep(ctx context.Context, d time.Duration) error { return ctx.Err() }

// warnings collects what a limiter or client warns of.
type warnings struct {
	mutex sync.Mutex
	texts []string
}

func (w *warnings) add(format string, args ...any) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.texts = append(w.texts, fmt.Sprintf(format, args...))
}

// assertRate holds that no window has more grants than the rate allows.
func assertRate(t *testing.T, times []int64, count int, window time.Duration) {
	t.Helper()
	slices.Sort(times)
	for i := count; i < len(times); i++ {
		require.GreaterOrEqual(t, time.Duration(times[i]-times[i-count]), window, "grants %d and %d", i-count, i)
	}
}

func bookAll(t *testing.T, l *limiter, n int) (times []int64) {
	t.Helper()
	for range n {
		require.NoError(t, l.change(t.Context(), func(g *grants, now time.Time) {
			times = append(times, g.book(now, l.count, l.window).UnixNano())
		}))
	}
	return times
}

func TestRates(t *testing.T) {
	for rate, want := range map[float64]struct {
		count  int
		window time.Duration
	}{
		5:    {5, 1050 * time.Millisecond},
		0.5:  {1, 2050 * time.Millisecond},
		2.5:  {2, 840 * time.Millisecond},
		1000: {100, 105 * time.Millisecond},
		0:    {0, 0},
	} {
		l := newLimiter(rate, frozen{}, nil)
		assert.Equal(t, want.count, l.count, "%v", rate)
		assert.Equal(t, want.window, l.window, "%v", rate)
		times := bookAll(t, l, 3*want.count+7)
		if want.count == 0 {
			assert.Equal(t, epoch.UnixNano(), times[len(times)-1])
			continue
		}
		assertRate(t, times, want.count, want.window)
		assert.Equal(t, epoch.UnixNano(), times[want.count-1], "the first ones go out at once")
		assert.Equal(t, epoch.Add(want.window).UnixNano(), times[want.count], "and nobody waits longer than needed")
	}
}

func TestWaitMovesTheClock(t *testing.T) {
	clock := &fakeClock{now: epoch}
	l := newLimiter(5, clock, nil)
	var sum time.Duration
	for range 11 {
		waited, err := l.wait(t.Context())
		require.NoError(t, err)
		sum += waited
	}
	assert.Equal(t, 2*l.window, sum)
	assert.Equal(t, 2*l.window, clock.Now().Sub(epoch))
}

// A 429 voids the grants that were booked for the time that it blocks; who waits for one of them books anew.
func TestBlockHoldsWhoAlreadyWaits(t *testing.T) {
	clock := &fakeClock{now: epoch}
	l := newLimiter(1, clock, nil)
	bookAll(t, l, 1)
	blocked := false
	clock.during = func() {
		if !blocked {
			blocked = true
			l.block(t.Context(), 30*time.Second)
		}
	}
	waited, err := l.wait(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 30*time.Second, waited)
	assert.Equal(t, []int64{epoch.UnixNano(), epoch.Add(30 * time.Second).UnixNano()}, l.own.Times)
}

func TestBlockKeepsLaterGrants(t *testing.T) {
	l := newLimiter(1, frozen{}, nil)
	times := bookAll(t, l, 40)
	l.block(t.Context(), 10*time.Second)
	var kept []int64
	for _, at := range times {
		if at <= epoch.UnixNano() || at >= epoch.Add(10*time.Second).UnixNano() {
			kept = append(kept, at)
		}
	}
	assert.Equal(t, kept, l.own.Times)
	assertRate(t, append(kept, bookAll(t, l, 20)...), 1, l.window)
	l.block(t.Context(), time.Second)
	assert.Equal(t, epoch.Add(10*time.Second).UnixNano(), l.own.Blocked, "a shorter block does not shorten it")
	l.block(t.Context(), 24*time.Hour)
	assert.Equal(t, epoch.Add(maxWait).UnixNano(), l.own.Blocked)
}

func TestWaitEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	clock := &fakeClock{now: epoch, during: cancel}
	l := newLimiter(1, clock, nil)
	bookAll(t, l, 1)
	_, err := l.wait(ctx)
	require.ErrorIs(t, err, context.Canceled)
	l.turn <- struct{}{} // somebody else's turn
	_, err = l.wait(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func shared(t *testing.T, folder string, w *warnings) *limiter {
	t.Helper()
	l := newLimiter(5, frozen{}, w.add)
	l.share(folder, "limit-test")
	return l
}

func TestSharedState(t *testing.T) {
	folder, w := t.TempDir(), &warnings{}
	one, two := shared(t, folder, w), shared(t, folder, w)
	times := bookAll(t, one, 50)
	times = append(times, bookAll(t, two, 50)...)
	times = append(times, bookAll(t, one, 50)...)
	assertRate(t, times, 5, one.window)

	content, err := os.ReadFile(filepath.Join(folder, "limit-test"))
	require.NoError(t, err)
	var g grants
	require.NoError(t, json.Unmarshal(content, &g))
	assert.Len(t, g.Times, keepLeast, "the file does not grow")

	one.block(t.Context(), 3*time.Minute)
	assert.GreaterOrEqual(t, bookAll(t, two, 1)[0], epoch.Add(3*time.Minute).UnixNano())
	assert.Empty(t, w.texts)
}

func TestGoroutinesShareToo(t *testing.T) {
	folder, w := t.TempDir(), &warnings{}
	var mutex sync.Mutex
	var times []int64
	var group sync.WaitGroup
	for range 3 {
		l := shared(t, folder, w)
		for range 4 {
			group.Go(func() {
				for range 10 {
					booked := bookAll(t, l, 1)
					mutex.Lock()
					times = append(times, booked...)
					mutex.Unlock()
				}
			})
		}
	}
	group.Wait()
	assert.Len(t, times, 120)
	assertRate(t, times, 5, shared(t, folder, w).window)
	assert.Empty(t, w.texts)
}

func TestProcessesShareTheLimit(t *testing.T) {
	const processes, each = 5, 40
	folder := t.TempDir()
	self, err := os.Executable()
	require.NoError(t, err)
	outputs := make([]string, processes)
	var group sync.WaitGroup
	for i := range processes {
		group.Go(func() {
			cmd := exec.CommandContext(t.Context(), self, folder, strconv.Itoa(each))
			cmd.Env = append(os.Environ(), "HTTPAPI_TEST_JOB=book")
			out, err := cmd.CombinedOutput()
			assert.NoError(t, err)
			outputs[i] = string(out)
		})
	}
	group.Wait()
	var times []int64
	for _, line := range strings.Fields(strings.Join(outputs, "")) {
		at, err := strconv.ParseInt(line, 10, 64)
		require.NoError(t, err, line)
		times = append(times, at)
	}
	require.Len(t, times, processes*each)
	l := newLimiter(5, frozen{}, nil)
	assertRate(t, times, l.count, l.window)
	last := epoch.Add(l.window * (processes*each/5 - 1))
	assert.Equal(t, last.UnixNano(), times[len(times)-1], "no grant is wasted either")
}

func jobBook() int {
	l := newLimiter(5, frozen{}, func(format string, args ...any) { fmt.Printf(format, args...) })
	l.share(os.Args[1], "limit-test")
	n, err := strconv.Atoi(os.Args[2])
	for i := 0; i < n && err == nil; i++ {
		err = l.change(context.Background(), func(g *grants, now time.Time) {
			fmt.Println(g.book(now, l.count, l.window).UnixNano())
		})
	}
	if err != nil {
		fmt.Print(err)
		return 1
	}
	return 0
}

// Whatever is wrong with the file, the limit is kept in the process and the user hears of it once.
func TestUnusableState(t *testing.T) {
	state := func(g grants) []byte {
		content, err := json.Marshal(g)
		require.NoError(t, err)
		return content
	}
	ahead := epoch.Add(24 * time.Hour).UnixNano()
	put := func(content []byte) func(string) error {
		return func(path string) error { return os.WriteFile(path, content, 0o600) }
	}
	for name, c := range map[string]struct {
		spoil func(path string) error
		want  string
		heals bool
	}{
		"half a file":            {put([]byte(`{"v":1,"gra`)), "damaged", true},
		"not JSON":               {put([]byte("\x00\x00")), "damaged", true},
		"another version":        {put(state(grants{Version: 2})), "version 2", true},
		"not in order":           {put(state(grants{Version: 1, Times: []int64{2, 1}})), "not in order", true},
		"from the far future":    {put(state(grants{Version: 1, Written: epoch.Add(20000 * time.Hour).UnixNano()})), "far in the future", true},
		"grants far ahead":       {put(state(grants{Version: 1, Times: []int64{ahead}})), "far in the future", true},
		"blocked far too long":   {put(state(grants{Version: 1, Blocked: ahead})), "far in the future", true},
		"a folder instead":       {func(path string) error { return os.Mkdir(path, 0o700) }, "unusable", false},
		"a link instead":         {func(path string) error { return os.Symlink("/etc/passwd", path) }, "unusable", false},
		"writable by others":     {func(path string) error { return os.WriteFile(path, nil, 0o600) }, "", true},
		"a folder not our own":   {func(path string) error { return os.Chmod(filepath.Dir(path), 0o777) }, "others can write", false},
		"no folder but a file":   {func(path string) error { return os.WriteFile(filepath.Dir(path)+"/x", nil, 0o600) }, "", true},
		"empty, after an update": {put(nil), "", true},
	} {
		t.Run(name, func(t *testing.T) {
			folder, w := filepath.Join(t.TempDir(), "state"), &warnings{}
			require.NoError(t, os.Mkdir(folder, 0o700))
			path := filepath.Join(folder, "limit-test")
			require.NoError(t, c.spoil(path))
			l := shared(t, folder, w)
			times := bookAll(t, l, 20)
			assertRate(t, times, l.count, l.window)
			assert.Equal(t, epoch.UnixNano(), times[0])
			if c.want == "" {
				assert.Empty(t, w.texts)
			} else {
				require.Len(t, w.texts, 1)
				assert.Contains(t, w.texts[0], c.want)
				assert.Contains(t, w.texts[0], "api_rate_limit is kept by this process alone")
			}
			again := &warnings{}
			times = append(times, bookAll(t, shared(t, folder, again), 5)...)
			if c.heals {
				assertRate(t, times, l.count, l.window)
				assert.Empty(t, again.texts)
			}
		})
	}
}

// TestLimiter_ClockSetBack holds that what was sent before the clock was set back still counts, and stalls nobody.
func TestLimiter_ClockSetBack(t *testing.T) {
	for name, by := range map[string]time.Duration{"a little": 2 * time.Second, "a day": 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			folder, w := t.TempDir(), &warnings{}
			before := &fakeClock{now: epoch.Add(by)}
			l := newLimiter(5, before, w.add)
			l.share(folder, "limit-test")
			bookAll(t, l, 12) // two windows and two more
			l = shared(t, folder, w)
			times := bookAll(t, l, 8)
			assert.Equal(t, epoch.Add(2*l.window).UnixNano(), times[0], "there is room for three in the last window")
			assert.Equal(t, epoch.Add(3*l.window).UnixNano(), times[3])
			assertRate(t, times, l.count, l.window)

			l = newLimiter(5, before, w.add)
			l.share(folder, "limit-test")
			l.block(t.Context(), time.Minute)
			assert.Equal(t, epoch.Add(time.Minute).UnixNano(), bookAll(t, shared(t, folder, w), 1)[0], "nor is a block longer than it was")
			assert.Empty(t, w.texts)
		})
	}
}

func TestStateSpoiledMeanwhile(t *testing.T) {
	folder, w := t.TempDir(), &warnings{}
	l := shared(t, folder, w)
	times := bookAll(t, l, 10)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "limit-test"), []byte("x"), 0o600))
	times = append(times, bookAll(t, l, 10)...)
	require.NoError(t, os.Chmod(filepath.Join(folder, "limit-test"), 0o666))
	times = append(times, bookAll(t, l, 10)...)
	assertRate(t, times, l.count, l.window)
	assert.Len(t, w.texts, 1, "what the process knows itself goes on")
}

// A process that was stopped while it held the file must not stop the others.
func TestFileHeldForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder, w := t.TempDir(), &warnings{}
		dir, err := localstate.Open(folder)
		require.NoError(t, err)
		unlock, err := dir.Lock(t.Context(), "limit-test")
		require.NoError(t, err)
		defer unlock()
		ctx, cancel := context.WithTimeout(t.Context(), patience/2)
		defer cancel()
		l := shared(t, folder, w)
		_, err = l.wait(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Empty(t, w.texts, "the caller had less patience")

		start := time.Now()
		assertRate(t, bookAll(t, l, 20), l.count, l.window)
		assert.Equal(t, patience, time.Since(start))
		assert.Len(t, w.texts, 1)
	})
}

func TestClientsShareTheLimit(t *testing.T) {
	folder := t.TempDir()
	s := newServer(t, repeat(3, answer(http.StatusTooManyRequests, "", "Retry-After", "30"))...)
	clock := &fakeClock{now: epoch}
	limited := func(c *Config) { c.RateLimit, c.StateDir, c.Clock = 2, folder, clock }
	one, two := newClient(t, s.URL+"/v1", limited), newClient(t, s.URL+"/v1/", limited)
	require.ErrorIs(t, newClient(t, s.URL+"/v1", limited, func(c *Config) { c.Retries = 0 }).Do(t.Context(), get("x"), nil), ErrRateLimited)
	assert.Equal(t, epoch, clock.Now())
	require.NoError(t, one.Do(t.Context(), get("x"), nil))
	require.NoError(t, two.Do(t.Context(), get("x"), nil))
	assert.GreaterOrEqual(t, one.Stats().Waited, 90*time.Second, "the first client's 429 holds for the second as well")
	assert.Equal(t, 3, one.Stats().Calls)
	assert.Zero(t, two.Stats().Waited)
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, files, 1, "one API and account")
	assert.Regexp(t, "^limit-[0-9a-f]{64}$", files[0].Name())

	require.NoError(t, one.Ledger().Once(t.Context(), "group", "key", nil, nil, func() (string, error) { return "1", nil }))
	require.NoError(t, two.Ledger().Once(t.Context(), "group", "key", func(id string) (bool, error) { return id == "1", nil }, nil, nil))
}

func TestClientWarnsOnce(t *testing.T) {
	w := &warnings{}
	s := newServer(t)
	c := newClient(t, s.URL, func(c *Config) {
		c.RateLimit, c.StateDir, c.Warn = 5, "/dev/null/x", w.add
		c.Secrets = append(c.Secrets, secret.New("null"))
	})
	for range 3 {
		require.NoError(t, c.Do(t.Context(), get("x"), nil))
	}
	require.Len(t, w.texts, 1)
	assert.Contains(t, w.texts[0], "/dev/"+secret.Mask)
}

func TestNoLimitNoFile(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state")
	s := newServer(t, answer(429, ""))
	require.NoError(t, newClient(t, s.URL, func(c *Config) { c.StateDir = folder }).Do(t.Context(), get("x"), nil))
	assert.NoDirExists(t, folder)
}

func FuzzState(f *testing.F) {
	f.Add([]byte(`{"v":1,"written":1772366400000000000,"grants":[1772366400000000000]}`))
	f.Add([]byte(`{"v":1,"blocked":-9223372036854775808,"grants":null}`))
	f.Add([]byte(`{"v":1,"grants":[-9223372036854775808,9223372036854775807]}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, content []byte) {
		l := newLimiter(5, frozen{}, nil)
		g, err := decodeGrants(content, epoch, l.horizon())
		if err != nil {
			return
		}
		var times []int64
		for range 20 {
			at := g.book(epoch, l.count, l.window)
			assert.False(t, at.Before(epoch))
			assert.False(t, at.After(epoch.Add(2*l.horizon())), "no file makes anybody wait for ever")
			times = append(times, at.UnixNano())
		}
		assertRate(t, times, l.count, l.window)
	})
}

func BenchmarkLimiter(b *testing.B) {
	for name, rate := range map[string]float64{"shared": 5, "unlimited": 0} {
		b.Run(name, func(b *testing.B) {
			l := newLimiter(rate, &fakeClock{now: epoch}, func(string, ...any) { b.Fatal("the file is unusable") })
			if rate > 0 {
				l.share(b.TempDir(), "limit-bench")
			}
			for b.Loop() {
				if _, err := l.wait(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
