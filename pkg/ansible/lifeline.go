// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"io"
	"os"
	"syscall"
)

// LifelineVariable is the environment variable by which a module learns that whoever started it is gone, which may be killed without a
// chance to say so: the number of a file descriptor that the module inherits, the reading end of a pipe that the other one holds open.
// Its end is for the module as SIGTERM is.
const LifelineVariable = "STACKWATCH_LIFELINE_FD"

// watchLifeline brings SIGTERM when the pipe that the number names ends. A bad number must not cost a run.
func watchLifeline(number string, signals chan<- os.Signal) {
	fd := inheritedPipe(number)
	if fd == 0 || syscall.SetNonblock(fd, true) != nil { // a read that blocks would take a thread of its own
		return
	}
	lifeline := os.NewFile(uintptr(fd), LifelineVariable)
	go func() {
		if _, err := io.Copy(io.Discard, lifeline); err != nil {
			return
		}
		select {
		case signals <- syscall.SIGTERM:
		default: // two signals wait already
		}
	}()
}
