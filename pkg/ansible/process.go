// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/syslog"
	"os"
	"os/signal"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Process is everything that a module takes from the process it runs in. What is nil stands for nothing of the kind: no
// input, an empty environment, no signals, no system log.
type Process struct {
	Args           []string // os.Args
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Terminal tells that standard input is one, so that nobody sends arguments through it.
	Terminal bool
	// Progress takes lines that tell how far a long run is, each in one call, which must not block.
	Progress io.Writer
	// LookupEnv reads the environment, HOME included.
	LookupEnv func(name string) (string, bool)
	// LookupHome gives the home folder of the user of that name, "" for the one who runs the module.
	LookupHome func(user string) (string, bool)
	// Signals brings what the process is asked to stop by.
	Signals <-chan os.Signal
	// Now is time.Now, After brings the moment a duration from now (time.After), and Grace is how long Run may go on after a signal.
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
	Grace time.Duration
	// Syslog writes one line to the system log under a program's name. Errors are ignored: a log that cannot be reached fails no task.
	Syslog func(facility, name, line string) error
}

// defaultGrace is how long Run may go on after a signal. Ansible itself waits longer before it kills.
const defaultGrace = 5 * time.Second

// osProcess is the process itself.
func osProcess() Process {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	watchLifeline(os.Getenv(LifelineVariable), signals)
	settle()
	return Process{
		Args: os.Args, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Terminal: terminal(os.Stdin), Progress: openProgress(os.Getenv(ProgressVariable)),
		LookupEnv: os.LookupEnv, LookupHome: lookupHome,
		Signals: signals, Now: time.Now, After: time.After, Grace: defaultGrace, Syslog: systemLog(),
	}
}

// settle leaves a working directory that cannot be read, as it comes about with become; relative paths would fail in odd ways.
func settle() {
	if _, err := os.Getwd(); err == nil {
		if _, err = os.Stat("."); err == nil {
			return
		}
	}
	for _, dir := range []string{os.Getenv("HOME"), os.TempDir()} {
		if dir != "" && os.Chdir(dir) == nil {
			return
		}
	}
}

func lookupHome(name string) (string, bool) {
	u, err := user.Current()
	if name != "" {
		u, err = user.Lookup(name)
	}
	if err != nil {
		return "", false
	}
	return u.HomeDir, true
}

// withDefaults replaces what is nil.
func (p Process) withDefaults() Process {
	if p.Stdin == nil {
		p.Stdin = strings.NewReader("")
	}
	if p.Stdout == nil {
		p.Stdout = io.Discard
	}
	if p.Stderr == nil {
		p.Stderr = io.Discard
	}
	if p.LookupEnv == nil {
		p.LookupEnv = func(string) (string, bool) { return "", false }
	}
	if p.LookupHome == nil {
		p.LookupHome = func(string) (string, bool) { return "", false }
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.After == nil {
		p.After = time.After
	}
	if p.Grace == 0 {
		p.Grace = defaultGrace
	}
	return p
}

// args is what follows the program's own name.
func (p Process) args() []string {
	if len(p.Args) < 2 {
		return nil
	}
	return p.Args[1:]
}

// program is the name that the program was started under. Ansible puts something before a module's.
func (p Process) program() string {
	if len(p.Args) == 0 {
		return ""
	}
	return strings.TrimPrefix(filepath.Base(p.Args[0]), "AnsiballZ_")
}

// systemLog is nil where nobody listens, as in containers: to find that out takes package syslog as long as all the rest of a module's start.
func systemLog() func(facility, name, line string) error {
	if !slices.ContainsFunc([]string{"/dev/log", "/var/run/syslog", "/var/run/log"}, isSocket) {
		return nil
	}
	return writeSyslog
}

func isSocket(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&os.ModeSocket != 0
}

// writeSyslog writes one line for a program to the system's log.
func writeSyslog(facility, name, line string) error {
	w, err := syslog.New(syslogPriority(facility), name)
	if err != nil {
		return fmt.Errorf("reaching the system log: %w", err)
	}
	return errors.Join(w.Info(line), w.Close())
}

// syslogPriority knows facilities by the names that Ansible uses (LOG_LOCAL0); others mean LOG_USER.
func syslogPriority(facility string) syslog.Priority {
	facilities := map[string]syslog.Priority{
		"LOG_KERN": syslog.LOG_KERN, "LOG_MAIL": syslog.LOG_MAIL, "LOG_DAEMON": syslog.LOG_DAEMON, "LOG_AUTH": syslog.LOG_AUTH,
		"LOG_SYSLOG": syslog.LOG_SYSLOG, "LOG_LPR": syslog.LOG_LPR, "LOG_NEWS": syslog.LOG_NEWS, "LOG_UUCP": syslog.LOG_UUCP,
		"LOG_CRON": syslog.LOG_CRON, "LOG_AUTHPRIV": syslog.LOG_AUTHPRIV,
		"LOG_LOCAL0": syslog.LOG_LOCAL0, "LOG_LOCAL1": syslog.LOG_LOCAL1, "LOG_LOCAL2": syslog.LOG_LOCAL2, "LOG_LOCAL3": syslog.LOG_LOCAL3,
		"LOG_LOCAL4": syslog.LOG_LOCAL4, "LOG_LOCAL5": syslog.LOG_LOCAL5, "LOG_LOCAL6": syslog.LOG_LOCAL6, "LOG_LOCAL7": syslog.LOG_LOCAL7,
	}
	if known, ok := facilities[facility]; ok {
		return known | syslog.LOG_INFO
	}
	return syslog.LOG_USER | syslog.LOG_INFO
}

// interrupted is the cause of a context that a signal ended.
type interrupted struct{ signal os.Signal }

func (i interrupted) Error() string { return "interrupted by " + signalName(i.signal) }

// Is makes it a cancellation for whoever asks with errors.Is.
func (i interrupted) Is(target error) bool { return target == context.Canceled }

func signalName(s os.Signal) string {
	switch s {
	case syscall.SIGINT:
		return "SIGINT"
	case syscall.SIGTERM:
		return "SIGTERM"
	default:
		return s.String()
	}
}
