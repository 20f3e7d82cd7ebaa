// SPDX-License-Identifier: GPL-3.0-or-later

package localstate_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/localstate"
)

// TestMain lets the tests start this binary again as another process of the same controller.
func TestMain(m *testing.M) {
	job := map[string]func(folder string, n int){"ledger": jobLedger, "count": jobCount, "full": jobFull, "note": jobNote}[os.Getenv("LOCALSTATE_TEST_JOB")]
	if job == nil {
		os.Exit(m.Run())
	}
	n, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	job(os.Args[1], n)
}

func jobLedger(folder string, n int) {
	l := localstate.NewLedger(folder)
	for key := range n {
		what := "known"
		err := l.Once(context.Background(), "group", strconv.Itoa(key),
			func(id string) (bool, error) { return id == "id"+strconv.Itoa(key), nil }, nil,
			func() (string, error) { what = "created"; return "id" + strconv.Itoa(key), nil })
		if err != nil || len(l.Warnings()) > 0 {
			fmt.Println("failed", err, l.Warnings())
		}
		fmt.Println(what, key)
	}
}

func jobCount(folder string, n int) {
	d, err := localstate.Open(folder)
	for i := 0; i < n && err == nil; i++ {
		err = d.Update(context.Background(), "counter", increment)
	}
	if err != nil {
		fmt.Println("failed", err)
	}
}

// jobFull cannot write, as on a full disk: the limit on a file's size is nothing.
func jobFull(folder string, _ int) {
	signal.Ignore(syscall.SIGXFSZ)
	var before syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before)
	if err == nil {
		err = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Max: before.Max})
	}
	if err != nil {
		fmt.Println("failed", err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before) //nolint:errcheck // for the coverage's own files
	d, err := localstate.Open(folder)
	if err != nil {
		fmt.Println("failed", err)
	}
	fmt.Println("unusable", errors.Is(d.Update(context.Background(), "counter", increment), localstate.ErrUnusable))
	l := localstate.NewLedger(folder)
	for range 2 {
		err := l.Once(context.Background(), "group", "web", nil, nil, func() (string, error) { fmt.Println("created"); return "1", nil })
		fmt.Println(err, len(l.Warnings()))
	}
}

func increment(old []byte) ([]byte, error) {
	n, _ := strconv.Atoi(string(old))
	return []byte(strconv.Itoa(n + 1)), nil
}

// inProcesses runs a job in n processes at once and gives the lines that they printed.
func inProcesses(t *testing.T, n int, job string, args ...string) []string {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	outputs := make([]string, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			cmd := exec.CommandContext(t.Context(), self, args...)
			cmd.Env = append(os.Environ(), "LOCALSTATE_TEST_JOB="+job)
			out, err := cmd.CombinedOutput()
			assert.NoError(t, err)
			outputs[i] = string(out)
		})
	}
	group.Wait()
	var lines []string
	for _, out := range outputs {
		lines = append(lines, strings.FieldsFunc(out, func(r rune) bool { return r == '\n' })...)
	}
	return lines
}

func open(t *testing.T, path string) *localstate.Dir {
	t.Helper()
	d, err := localstate.Open(path)
	require.NoError(t, err)
	return d
}

func TestOpenDefaultFolder(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache) // where macOS looks
	d := open(t, "")
	require.NoError(t, d.Update(t.Context(), "x", increment))
	want, err := os.UserCacheDir()
	require.NoError(t, err)
	for path, mode := range map[string]os.FileMode{"stackwatch-monitoring": 0o700, "stackwatch-monitoring/x": 0o600} {
		info, err := os.Stat(filepath.Join(want, path))
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode().Perm(), path)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	_, err := localstate.Open("")
	require.ErrorIs(t, err, localstate.ErrUnusable)

	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	link := filepath.Join(folder, "link")
	require.NoError(t, os.Symlink(t.TempDir(), link))
	open2 := filepath.Join(folder, "open")
	require.NoError(t, os.Mkdir(open2, 0o700))
	require.NoError(t, os.Chmod(open2, 0o777))
	for path, why := range map[string]string{
		file:                          "not a directory",
		filepath.Join(file, "sub"):    "not a directory",
		link:                          "not a folder",
		open2:                         "others can write",
		filepath.Join(folder, "\x00"): "invalid argument",
	} {
		_, err := localstate.Open(path)
		require.ErrorIs(t, err, localstate.ErrUnusable, path)
		assert.ErrorContains(t, err, why)
	}
}

func TestForeignOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	folder := filepath.Join(t.TempDir(), "state")
	d := open(t, folder)
	require.NoError(t, d.Update(t.Context(), "x", increment))
	require.NoError(t, os.Chown(filepath.Join(folder, "x"), 12345, 12345))
	err := d.Update(t.Context(), "x", increment)
	require.ErrorIs(t, err, localstate.ErrUnusable)
	assert.ErrorContains(t, err, "belongs to user id 12345")
	require.NoError(t, os.Chown(folder, 12345, 12345))
	_, err = localstate.Open(folder)
	assert.ErrorIs(t, err, localstate.ErrUnusable)
}

func TestUpdate(t *testing.T) {
	folder := t.TempDir()
	d := open(t, folder)
	set := func(text string, fail error) func([]byte) ([]byte, error) {
		return func([]byte) ([]byte, error) { return []byte(text), fail }
	}
	content := func() string {
		text, err := os.ReadFile(filepath.Join(folder, "x"))
		require.NoError(t, err)
		return string(text)
	}
	require.NoError(t, d.Update(t.Context(), "x", func(old []byte) ([]byte, error) {
		assert.Empty(t, old)
		return []byte("long content"), nil
	}))
	assert.Equal(t, "long content", content())
	require.NoError(t, d.Update(t.Context(), "x", set("short", nil)))
	assert.Equal(t, "short", content())
	own := errors.New("own")
	assert.Equal(t, own, d.Update(t.Context(), "x", set("failed", own)))
	assert.Equal(t, "short", content())
	require.NoError(t, d.Update(t.Context(), "x", func(old []byte) ([]byte, error) {
		assert.Equal(t, "short", string(old))
		return nil, nil
	}))
	assert.Equal(t, "short", content())
}

// The cache may be cleared while runs are under way.
func TestUpdateAfterRemoval(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state")
	d := open(t, folder)
	require.NoError(t, d.Update(t.Context(), "x", increment))
	require.NoError(t, os.RemoveAll(folder))
	require.NoError(t, d.Update(t.Context(), "x", increment))
	text, err := os.ReadFile(filepath.Join(folder, "x"))
	require.NoError(t, err)
	assert.Equal(t, "1", string(text))

	require.NoError(t, os.RemoveAll(folder))
	require.NoError(t, os.WriteFile(folder, nil, 0o600))
	require.ErrorIs(t, d.Update(t.Context(), "x", increment), localstate.ErrUnusable)
}

// Whoever waited for the lock on a file that was replaced meanwhile must lock the new one.
func TestLockFollowsThePath(t *testing.T) {
	folder := t.TempDir()
	d := open(t, folder)
	unlock, err := d.Lock(t.Context(), "x")
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(folder, "x")))
	unlockNew, err := d.Lock(t.Context(), "x")
	require.NoError(t, err, "the new file is not locked by the old lock")
	unlock()

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = d.Lock(gone, "x")
	require.ErrorIs(t, err, context.Canceled)
	assert.NotErrorIs(t, err, localstate.ErrUnusable)
	unlockNew()
	unlock, err = d.Lock(t.Context(), "x")
	require.NoError(t, err)
	unlock()
}

func TestSharersWaitOnlyForWhoLocks(t *testing.T) {
	t.Parallel()
	d, err := localstate.Open(filepath.Join(t.TempDir(), "state"))
	require.NoError(t, err)
	waits := func(take func(context.Context, string) (func(), error)) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond) // nothing else ends it
		defer cancel()
		_, err := take(ctx, "gate")
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
	first, err := d.Share(t.Context(), "gate")
	require.NoError(t, err)
	second, err := d.Share(t.Context(), "gate")
	require.NoError(t, err)
	waits(d.Lock)
	first()
	waits(d.Lock)
	second()
	unlock, err := d.Lock(t.Context(), "gate")
	require.NoError(t, err)
	waits(d.Share)
	unlock()
	third, err := d.Share(t.Context(), "gate")
	require.NoError(t, err)
	third()
}

// TestLock_GivesUpOnAHolderThatIsStopped holds that no run waits for ever, and that the error names the holder.
func TestLock_GivesUpOnAHolderThatIsStopped(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := open(t, folder)
		for name, hold := range map[string]func(context.Context, string) (func(), error){"held": d.Lock, "shared": d.Share} {
			unlock, err := hold(t.Context(), name)
			require.NoError(t, err)
			start := time.Now()
			_, err = d.Lock(t.Context(), name)
			require.ErrorContains(t, err, "another run holds "+filepath.Join(folder, name)+" and did not finish within 5m0s: ")
			require.NotErrorIs(t, err, localstate.ErrUnusable)
			assert.Equal(t, 5*time.Minute, time.Since(start))
			if runtime.GOOS == "linux" {
				require.ErrorContains(t, err, fmt.Sprintf(": process %d; end that process", os.Getpid()))
			}
			unlock()
		}
		unlock, err := d.Lock(t.Context(), "held")
		require.NoError(t, err)
		_, _, err = d.Note(t.Context(), "held")
		require.ErrorContains(t, err, "another run holds ")
		unlock()
	})
}

func TestUpdateBetweenProcessesAndGoroutines(t *testing.T) {
	const processes, each = 4, 100
	folder := t.TempDir()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			d, err := localstate.Open(folder)
			assert.NoError(t, err)
			for range each {
				assert.NoError(t, d.Update(t.Context(), "counter", increment))
			}
		})
	}
	assert.Empty(t, inProcesses(t, processes, "count", folder, strconv.Itoa(each)))
	group.Wait()
	text, err := os.ReadFile(filepath.Join(folder, "counter"))
	require.NoError(t, err)
	assert.Equal(t, strconv.Itoa((processes+4)*each), string(text))
}

func TestFullDisk(t *testing.T) {
	lines := inProcesses(t, 1, "full", t.TempDir(), "0")
	assert.Equal(t, []string{"unusable true", "created", "<nil> 1", "created", "<nil> 1"}, lines, "made, not written down, no failure")
}

func TestName(t *testing.T) {
	name := localstate.Name("limit", "api", "s3cret")
	assert.Regexp(t, `^limit-[0-9a-f]{64}$`, name)
	assert.Equal(t, name, localstate.Name("limit", "api", "s3cret"))
	assert.NotEqual(t, name, localstate.Name("limit", "apis", "3cret"))
	assert.NotEqual(t, name, localstate.Name("limit", "api"))
}
