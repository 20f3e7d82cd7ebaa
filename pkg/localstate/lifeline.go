// SPDX-License-Identifier: GPL-3.0-or-later

package localstate

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// lifeline is a file that a run keeps locked while it lives: the system releases the lock however the process ends, and
// keeps it while the process is stopped. A process id would not do: it is reused, and means nothing in another
// container.
type lifeline struct {
	run    string
	since  time.Time
	path   string
	info   fs.FileInfo
	unlock func()
}

// intact reports whether the path still names the locked file. Without it other runs take this one for dead.
func (l *lifeline) intact() bool {
	info, err := os.Lstat(l.path)
	return err == nil && os.SameFile(info, l.info)
}

// end removes the lifeline and releases its lock.
func (l *lifeline) end() {
	_ = os.Remove(l.path)
	l.unlock()
}

const (
	lifelinePrefix = "run-"
	// abandoned is the age, by the file system's clock, from which a ledger's file has no valid entries.
	abandoned = DefaultRemember + time.Hour
)

// begin makes the lifeline of a run, and removes what earlier runs have left.
func (d *Dir) begin(ctx context.Context, now time.Time) (*lifeline, error) {
	life, err := d.lifeline(ctx, rand.Text(), now)
	if err == nil {
		d.sweep(life.info.ModTime())
	}
	return life, err
}

// lifeline creates and locks the lifeline of a run.
func (d *Dir) lifeline(ctx context.Context, run string, since time.Time) (*lifeline, error) {
	file, unlock, err := d.open(ctx, lifelinePrefix+run)
	if err != nil {
		return nil, err
	}
	life := &lifeline{run: run, since: since, path: file.Name(), unlock: unlock}
	host, _ := os.Hostname() // only shown to people
	text, err := json.Marshal(Holder{PID: os.Getpid(), Host: host, Since: since})
	if err == nil {
		_, err = file.Write(text)
	}
	if err == nil {
		life.info, err = file.Stat()
	}
	if err != nil {
		life.end()
		return nil, unusable("writing "+file.Name(), err)
	}
	return life, nil
}

// holder returns the process of a run, and whether it lives.
func (d *Dir) holder(run string) (who Holder, lives bool, err error) {
	file, err := os.OpenFile(filepath.Join(d.path, lifelinePrefix+filepath.Base(run)), os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return who, false, nil
	}
	if err != nil {
		return who, false, unusable("looking at another run", err)
	}
	defer func() { _ = file.Close() }()
	// Shared, so that of two lookups at once neither takes the other for the run.
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	switch {
	case err == nil:
		return who, false, nil
	case !errors.Is(err, syscall.EWOULDBLOCK):
		return who, false, unusable("looking at another run", err)
	}
	_ = json.NewDecoder(file).Decode(&who) // it may not be written yet
	return who, true, nil
}

// sweep removes the lifelines of ended runs and ledger files without valid entries, also those of earlier versions.
// Locked files stay.
func (d *Dir) sweep(now time.Time) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return
	}
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasPrefix(name, lifelinePrefix) && !(strings.HasPrefix(name, journalPrefix+"-") && d.isAbandoned(name, now)) {
			continue
		}
		file, err := os.OpenFile(filepath.Join(d.path, name), os.O_RDWR|syscall.O_NOFOLLOW, 0)
		if err != nil {
			continue
		}
		if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil && (strings.HasPrefix(name, lifelinePrefix) || d.isAbandoned(name, now)) {
			_ = os.Remove(file.Name())
		}
		_ = file.Close()
	}
}

func (d *Dir) isAbandoned(name string, now time.Time) bool {
	info, err := os.Lstat(filepath.Join(d.path, name))
	return err == nil && now.Sub(info.ModTime()) > abandoned
}
