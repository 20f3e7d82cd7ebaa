// SPDX-License-Identifier: GPL-3.0-or-later

// Package servertest runs real servers for tests. The scripts start.sh and stop.sh of a folder below molecule start and stop one in
// a folder of its own; here is what ends it together with the test's process, and a recorder that stands in front of one, counts
// its calls and makes them fail.
package servertest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Process is a server in a folder of its own.
type Process struct {
	// Dir is the folder; it is what the scripts are called with.
	Dir string

	scripts string
	// alive keeps the server running: when it is closed, by End or by the end of the test's process, guard ends the server.
	alive io.Closer
	guard *exec.Cmd
}

// New makes the folder of a server, whose name begins with prefix, for the scripts of another folder. Nothing is started yet.
func New(prefix, scripts string) (*Process, error) {
	// A test's own temporary folder is closed to the user that a server runs as.
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		return nil, err
	}
	p := &Process{Dir: dir, scripts: scripts}
	if err := p.watch(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return p, nil
}

// watch starts the process that ends the server and removes its folder once the test's process has gone, however it went:
// nothing is ever sent through the pipe, so what it waits for is that nobody holds the other end any more.
func (p *Process) watch() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	p.guard = exec.Command("sh", "-c", `cat; "$0" "$1" kill; rm -rf "$1"`, filepath.Join(p.scripts, "stop.sh"), p.Dir)
	p.guard.Stdin = r
	p.guard.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // else the interrupt from a terminal would end it first
	if err := p.guard.Start(); err != nil {
		return errors.Join(err, r.Close(), w.Close())
	}
	p.alive = w
	return r.Close()
}

// Start starts the server, with what start.sh takes after the folder, and waits until it answers.
func (p *Process) Start(arguments ...string) error {
	_, err := p.Script("start.sh", "", arguments...)
	return err
}

// Stop ends the server as an administrator would, and waits until it has written down what it knows. The folder stays.
func (p *Process) Stop() error {
	_, err := p.Script("stop.sh", "")
	return err
}

// Kill ends the server at once, as a crash does. The folder stays.
func (p *Process) Kill() error {
	_, err := p.Script("stop.sh", "", "kill")
	return err
}

// End ends the server and removes its folder.
func (p *Process) End() error { return errors.Join(p.alive.Close(), p.guard.Wait()) }

// Command returns the call of one of the scripts on the folder, not started yet.
func (p *Process) Command(name string, arguments ...string) *exec.Cmd {
	return exec.Command(filepath.Join(p.scripts, name), append([]string{p.Dir}, arguments...)...)
}

// Script runs one of the scripts on the folder, with an input, and gives what it prints.
func (p *Process) Script(name, input string, arguments ...string) (string, error) {
	cmd := p.Command(name, arguments...)
	var out, complaint strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s%s", name, err, out.String(), complaint.String())
	}
	return out.String(), nil
}

// Text reads a file of the folder, without the space around its text.
func (p *Process) Text(file string) (string, error) {
	text, err := os.ReadFile(filepath.Join(p.Dir, file))
	return strings.TrimSpace(string(text)), err
}

// Words reads a file of the folder that has two words a line, and gives the second ones by the first.
func (p *Process) Words(file string) (map[string]string, error) {
	text, err := p.Text(file)
	words := map[string]string{}
	for line := range strings.Lines(text) {
		first, second, _ := strings.Cut(strings.TrimSpace(line), " ")
		words[first] = second
	}
	return words, err
}

// Need ends a test of a product for which something is missing here. The test is skipped, or fails where the environment
// variable is 1.
func Need(t testing.TB, product, variable, missing string) {
	t.Helper()
	const hint = "`make test` installs it where there is apt-get"
	switch {
	case missing == "":
	case os.Getenv(variable) == "1":
		t.Fatalf("%s is missing although %s=1; %s", missing, variable, hint)
	default:
		t.Skipf("needs the real %s (%s is missing): %s", product, missing, hint)
	}
}

// Missing gives a program that cannot be found, or an empty text where it can. It looks where a user's PATH may not lead, too.
func Missing(program string) string {
	for _, name := range []string{program, filepath.Join("/usr/sbin", program)} {
		if _, err := exec.LookPath(name); err == nil {
			return ""
		}
	}
	return program
}
