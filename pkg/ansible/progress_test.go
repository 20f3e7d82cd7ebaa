// SPDX-License-Identifier: GPL-3.0-or-later

package ansible_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/progress"
)

// asModule is set where this program is to be a module: one that works on 10,000 things, each of which takes half a minute.
const asModule = "STACKWATCH_TEST_AS_MODULE"

func TestMain(m *testing.M) {
	if os.Getenv(asModule) == "" {
		os.Exit(m.Run())
	}
	p := ansible.OSProcess()
	var looks atomic.Int64
	p.Now = func() time.Time { return time.Unix(30*looks.Add(1), 0) }
	p.After = never
	os.Exit(ansible.Execute(context.Background(), module(`{}`, func(ctx context.Context, _ *ansible.Call) (ansible.Result, error) {
		phase := progress.Begin(progress.About(ctx, "things"), "counting", things)
		defer phase.End()
		for range things {
			phase.Add(1)
		}
		return ansible.Result{"changed": true}, nil
	}), p))
}

const things = 10_000

// started is this program as a module, with one more open file, which is its number 3, and the variable set to that number.
func started(t *testing.T, number string, file *os.File) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	cmd = exec.CommandContext(t.Context(), program)
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(`{}`), stdout, stderr
	cmd.Env = append(os.Environ(), asModule+"=1", ansible.ProgressVariable+"="+number)
	cmd.ExtraFiles = []*os.File{file}
	return cmd, stdout, stderr
}

func newPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = r.Close(), w.Close() })
	return r, w
}

// read gives what is in a pipe that nobody writes to any more.
func read(t *testing.T, r, w *os.File) []string {
	t.Helper()
	require.NoError(t, w.Close())
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	require.True(t, len(text) == 0 || bytes.HasSuffix(text, []byte("\n")), "each line is complete")
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// TestProgressOfARealProcess runs a module as the action plugin does, which reads only afterwards: a pipe holds less than what is written.
func TestProgressOfARealProcess(t *testing.T) {
	t.Parallel()
	r, w := newPipe(t)
	cmd, stdout, stderr := started(t, "3", w)
	require.NoError(t, cmd.Run())
	assert.Empty(t, stderr.String())
	assert.Equal(t, true, decode(t, stdout.String())["changed"])
	lines := read(t, r, w)
	require.Greater(t, len(lines), 1000)
	assert.Less(t, len(lines), things, "what the pipe did not hold is lost")
	for i, line := range lines {
		require.Equal(t, fmt.Sprintf("counting %d of 10000 things", i), line)
	}
}

func TestAReaderOfProgressThatWentAwayCostsNothing(t *testing.T) {
	t.Parallel()
	r, w := newPipe(t)
	cmd, stdout, stderr := started(t, "3", w)
	require.NoError(t, r.Close())
	require.NoError(t, cmd.Run())
	assert.Empty(t, stderr.String())
	assert.Equal(t, true, decode(t, stdout.String())["changed"])
}

func TestABadNumberMeansNobodyWantsProgress(t *testing.T) {
	t.Parallel()
	for _, number := range []string{"", "x", "-1", "0", "1", "2", "4", "999", "3 ", "99999999999999999999"} {
		t.Run(number, func(t *testing.T) {
			t.Parallel()
			r, w := newPipe(t)
			cmd, stdout, stderr := started(t, number, w)
			require.NoError(t, cmd.Run())
			assert.Empty(t, stderr.String())
			assert.Equal(t, true, decode(t, stdout.String())["changed"])
			assert.Equal(t, []string{""}, read(t, r, w))
		})
	}
}

func TestOnlyAPipeGetsProgress(t *testing.T) {
	t.Parallel()
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer file.Close()
	cmd, stdout, _ := started(t, "3", file)
	require.NoError(t, cmd.Run())
	assert.Equal(t, true, decode(t, stdout.String())["changed"])
	info, err := file.Stat()
	require.NoError(t, err)
	assert.Zero(t, info.Size())
}

// TestNobodyReadsTheAnswer is a parent that is gone when the work is done.
func TestNobodyReadsTheAnswer(t *testing.T) {
	t.Parallel()
	r, w := newPipe(t)
	progressed, lines := newPipe(t)
	cmd, _, stderr := started(t, "3", lines)
	cmd.Stdout = w
	require.NoError(t, r.Close())
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Run(), &exit)
	assert.Empty(t, stderr.String(), "it ends quietly")
	assert.Equal(t, "counting 0 of 10000 things", read(t, progressed, lines)[0], "after its work")
}

// TestAPersonOrNothing starts the program without anything: at a terminal there is a person, behind the null device nobody.
func TestAPersonOrNothing(t *testing.T) {
	t.Parallel()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("there is no terminal to be had: %v", err)
	}
	defer terminal.Close()
	cmd, stdout, stderr := started(t, "", nil)
	cmd.Stdin = terminal
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Run(), &exit)
	assert.Equal(t, 2, exit.ExitCode())
	assert.Empty(t, stdout.String())
	assert.Contains(t, stderr.String(), "probe is a module for Ansible")

	cmd, stdout, stderr = started(t, "", nil)
	cmd.Stdin = nil
	require.ErrorAs(t, cmd.Run(), &exit)
	assert.Equal(t, 1, exit.ExitCode())
	assert.Empty(t, stderr.String())
	assert.Contains(t, decode(t, stdout.String())["msg"], "the text ends too early")
}
