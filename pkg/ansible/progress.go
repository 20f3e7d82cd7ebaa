// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"io"
	"os"
	"strconv"
	"syscall"
)

// ProgressVariable is the environment variable by which whoever starts a module learns how far a long run is: the number of a file
// descriptor that the module inherits, the writing end of a pipe. It gets lines of text, each in one write of less than 512 bytes.
const ProgressVariable = "STACKWATCH_PROGRESS_FD"

// openProgress gives the pipe that the number names, and nil where there is none: a bad number must not cost a run.
func openProgress(number string) io.Writer {
	fd := inheritedPipe(number)
	if fd == 0 || syscall.SetNonblock(fd, true) != nil {
		return nil
	}
	return pipe(fd)
}

// inheritedPipe gives the descriptor of a pipe that a text names, and 0 where it names none.
func inheritedPipe(number string) int {
	fd, err := strconv.Atoi(number)
	var stat syscall.Stat_t
	if err != nil || fd <= syscall.Stderr || syscall.Fstat(fd, &stat) != nil || stat.Mode&syscall.S_IFMT != syscall.S_IFIFO {
		return 0
	}
	return fd
}

// pipe is written to without ever waiting: what a full one does not take is lost, as is what nobody reads any more. An *os.File would wait.
type pipe int

func (p pipe) Write(line []byte) (int, error) { return syscall.Write(int(p), line) }

// terminal tells whether a file is a terminal, at which a person sits. The null device is of the same kind.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err == nil && !os.SameFile(info, null)
}
