// SPDX-License-Identifier: GPL-3.0-or-later

package localstate_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/localstate"
)

// jobNote holds a note until it is killed.
func jobNote(folder string, _ int) {
	d, err := localstate.Open(folder)
	if err != nil {
		panic(err)
	}
	n, _, err := d.Note(context.Background(), "note-killed")
	if err == nil {
		err = n.Write([]byte("half done"))
	}
	fmt.Println(err)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// left gives the notes that are left, and leaves another text in each, or none where that is "".
func left(t *testing.T, d *localstate.Dir, next string) map[string]string {
	t.Helper()
	found := map[string]string{}
	require.NoError(t, d.Left("note-", func(path string, content []byte) []byte {
		found[filepath.Base(path)] = string(content)
		if next == "" {
			return nil
		}
		return []byte(next)
	}))
	return found
}

func TestANoteOutlivesOnlyAProcessThatDidNotFinish(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "state")
	d, err := localstate.Open(folder)
	require.NoError(t, err)

	self, err := os.Executable()
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), self, folder, "0")
	child.Env = append(os.Environ(), "LOCALSTATE_TEST_JOB=note")
	in, err := child.StdinPipe()
	require.NoError(t, err)
	defer in.Close()
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	var said string
	_, err = fmt.Fscanln(out, &said)
	require.NoError(t, err)
	require.Equal(t, "<nil>", said)
	assert.Empty(t, left(t, d, ""), "what somebody is at work on is left alone")
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())

	info, err := os.Stat(filepath.Join(folder, "note-killed"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	assert.Equal(t, map[string]string{"note-killed": "half done"}, left(t, d, "half done"))
	same, err := os.Stat(filepath.Join(folder, "note-killed"))
	require.NoError(t, err)
	assert.Equal(t, info.ModTime(), same.ModTime(), "it is as old as it was")
	assert.Equal(t, map[string]string{"note-killed": "half done"}, left(t, d, "done"))
	assert.Equal(t, map[string]string{"note-killed": "done"}, left(t, d, ""))
	assert.Empty(t, left(t, d, ""), "it was removed")

	n, old, err := d.Note(t.Context(), "note-own")
	require.NoError(t, err)
	assert.Empty(t, old)
	require.NoError(t, n.Write([]byte("a longer text")))
	require.NoError(t, n.Write([]byte("short")))
	n.Close()
	assert.Equal(t, map[string]string{"note-own": "short"}, left(t, d, "short"))
	n, old, err = d.Note(t.Context(), "note-own")
	require.NoError(t, err)
	assert.Equal(t, "short", string(old))
	require.NoError(t, n.Remove())
	assert.Empty(t, left(t, d, ""))

	ctx, cancel := context.WithCancel(t.Context())
	n, _, err = d.Note(t.Context(), "note-own")
	require.NoError(t, err)
	cancel()
	_, _, err = d.Note(ctx, "note-own")
	require.ErrorIs(t, err, context.Canceled)
	n.Close()
}
