// SPDX-License-Identifier: GPL-3.0-or-later

package playtest

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// Processes gives the living processes whose environment holds mark, each with a descriptor that tells its end.
func Processes(t testing.TB, mark string) map[int]int {
	t.Helper()
	found := map[int]int{}
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	need(t, err)
	for _, file := range environments {
		environment, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(environment, []byte(mark+"\x00")) {
			continue // it has ended, is somebody else's, or is a zombie
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		need(t, err)
		descriptor, err := unix.PidfdOpen(pid, 0)
		if errors.Is(err, unix.ESRCH) {
			continue
		}
		need(t, err)
		t.Cleanup(func() { _ = unix.Close(descriptor) })
		found[pid] = descriptor
	}
	return found
}

// AwaitEnd returns when a process has ended, of which Processes gave the descriptor.
func AwaitEnd(t testing.TB, descriptor int) {
	t.Helper()
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(descriptor), Events: unix.POLLIN}}, -1)
		if !errors.Is(err, unix.EINTR) {
			need(t, err)
			return
		}
	}
}

func need(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("watching processes: %v", err)
	}
}
