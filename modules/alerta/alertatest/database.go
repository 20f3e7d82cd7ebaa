// SPDX-License-Identifier: GPL-3.0-or-later

package alertatest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"

	"github.com/stackwatch/ansible-monitoring/pkg/servertest"
)

// database is a lasting connection to a server's database, because a process for each statement takes longer than most statements do.
// It is opened when it is needed and ends with the test's process.
type database struct {
	mu     sync.Mutex
	psql   *exec.Cmd // nil: not open
	in     io.WriteCloser
	out    *bufio.Reader
	errors *strings.Builder // complete once psql has ended
}

// endOfOutput follows what statements print. No test has it in an object.
const endOfOutput = "-- end of output --"

// run runs statements and returns what they print. After an error the connection is closed.
func (d *database) run(process *servertest.Process, statements string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.psql == nil {
		if err := d.open(process); err != nil {
			return "", err
		}
	}
	// Writing fails where psql has ended, and so does reading, which says why.
	_, writeErr := fmt.Fprintf(d.in, "%s;\n\\echo '%s'\n", statements, endOfOutput)
	var printed strings.Builder
	for {
		line, err := d.out.ReadString('\n')
		switch {
		case err != nil:
			complaint := d.errors
			return "", fmt.Errorf("sql.sh: %w\n%s%s", errors.Join(writeErr, err, d.end()), printed.String(), complaint.String())
		case line == endOfOutput+"\n":
			return printed.String(), nil
		}
		printed.WriteString(line)
	}
}

func (d *database) open(process *servertest.Process) error {
	psql := process.Command("sql.sh")
	in, err := psql.StdinPipe()
	if err != nil {
		return err
	}
	out, err := psql.StdoutPipe()
	if err != nil {
		return err
	}
	complaint := new(strings.Builder)
	psql.Stderr = complaint
	if err := psql.Start(); err != nil {
		return err
	}
	d.psql, d.in, d.out, d.errors = psql, in, bufio.NewReader(out), complaint
	return nil
}

// close ends the connection, which may have been lost before.
func (d *database) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.psql != nil {
		_ = d.end() // what statements did is known by their output
	}
}

func (d *database) end() error {
	err := d.in.Close()
	if errors.Is(err, io.ErrClosedPipe) {
		err = nil
	}
	err = errors.Join(err, d.psql.Wait())
	d.psql = nil
	return err
}
