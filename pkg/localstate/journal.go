// SPDX-License-Identifier: GPL-3.0-or-later

package localstate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

const (
	journalPrefix = "ledger"
	compactFrom   = 2000             // lines below which the file is not compacted
	lockPatience  = 10 * time.Second // for the file's lock, which is held for microseconds
)

// journal is a Store in one file with a line for each change of an entry; the last line of a key counts. A change costs
// one line, however many entries there are. Readers read what is new, without a lock: a whole line is valid, and an
// incomplete one counts as not yet written. A process that is killed while it writes leaves part of a line, which the
// next writer ends.
type journal struct {
	folder, name string
	now          func() time.Time
	damaged      func(error) // is called with what is wrong with a file that stays in use
	cleared      func()      // is called when the lifeline of this run was removed

	turn    chan struct{} // held while something below is used; never while waiting for anything but the disk
	dir     *Dir
	file    *os.File // kept open, so that its inode is not reused
	info    fs.FileInfo
	read    int64 // how far the file is known
	size    int64 // where the file ends; more than read where its last line is not whole
	lines   int
	worth   int // number of lines at which to try compacting again
	entries map[string]Entry
	stuck   error // the error of a wait for the file's lock that timed out
	life    *lifeline
}

// line is a change as it stands in the file. An empty entry removes the key.
type line struct {
	Key string `json:"k"`
	Entry
}

// use runs do while no other goroutine of this run uses the journal.
func (j *journal) use(ctx context.Context, do func() error) error {
	select {
	case j.turn <- struct{}{}:
		defer func() { <-j.turn }()
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if j.dir == nil {
		dir, err := Open(j.folder)
		if err != nil {
			return err
		}
		j.dir = dir
	}
	return do()
}

func (j *journal) path() string { return filepath.Join(j.dir.path, j.name) }

// current opens the file that the path names now, and reads what is new in it. A missing file is created if create is
// set, and counts as empty otherwise.
func (j *journal) current(create bool) error {
	info, err := os.Lstat(j.path())
	if j.file != nil && (err != nil || !os.SameFile(info, j.info)) {
		j.close()
	}
	if j.file == nil {
		flags := os.O_RDWR | syscall.O_NOFOLLOW
		if create {
			flags |= os.O_CREATE
		}
		file, err := os.OpenFile(j.path(), flags, 0o600)
		if errors.Is(err, fs.ErrNotExist) && create {
			if err := j.dir.prepare(); err != nil {
				return err
			}
			file, err = os.OpenFile(j.path(), flags, 0o600)
		}
		if errors.Is(err, fs.ErrNotExist) && !create {
			return nil
		}
		if err == nil {
			j.file = file
			info, err = file.Stat()
		}
		if err != nil {
			j.close()
			return unusable("opening the ledger", err)
		}
		j.info = info
	}
	if err := private(info); err != nil {
		j.close()
		return unusable("using "+j.path(), err)
	}
	if info.Size() < j.read { // it was truncated
		j.read, j.lines, j.entries = 0, 0, nil
	}
	j.size = info.Size()
	return j.readOn()
}

func (j *journal) close() {
	if j.file != nil {
		_ = j.file.Close()
	}
	j.file, j.read, j.size, j.lines, j.entries = nil, 0, 0, 0, nil
}

// readOn reads the whole lines that are new.
func (j *journal) readOn() error {
	if j.size == j.read {
		return nil
	}
	text := make([]byte, j.size-j.read)
	n, err := j.file.ReadAt(text, j.read)
	if err != nil && !errors.Is(err, io.EOF) {
		return unusable("reading "+j.path(), err)
	}
	whole := text[:bytes.LastIndexByte(text[:n], '\n')+1]
	j.read += int64(len(whole))
	var damage error
	for text := range bytes.SplitSeq(bytes.TrimRight(whole, "\n"), []byte("\n")) {
		if len(text) == 0 {
			continue
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil || l.Key == "" {
			damage = fmt.Errorf("%s is damaged, and known only in part", j.path())
			continue
		}
		j.take(l)
	}
	if damage != nil {
		j.damaged(damage)
	}
	return nil
}

func (j *journal) take(l line) {
	j.lines++
	if l.State == "" {
		delete(j.entries, l.Key)
		return
	}
	if j.entries == nil {
		j.entries = map[string]Entry{}
	}
	j.entries[l.Key] = l.Entry
}

// locked runs do with the file locked and read to its end.
func (j *journal) locked(ctx context.Context, create bool, do func() error) error {
	for range maxReopen {
		if j.file == nil {
			if err := j.current(create); err != nil || j.file == nil {
				return err
			}
		}
		if err := j.lock(ctx); err != nil {
			return err
		}
		file := j.file
		err := j.current(create)
		if err == nil && j.file != file {
			continue // the file was replaced and closed, which released the lock
		}
		if err == nil {
			err = do()
		}
		if j.file == file {
			_ = syscall.Flock(int(file.Fd()), syscall.LOCK_UN)
		}
		return err
	}
	return unusable("opening "+j.path(), errors.New("it is replaced again and again"))
}

// lock waits for the file's lock. It waits only once for a process that was stopped while it held the lock.
func (j *journal) lock(ctx context.Context) error {
	patient, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	for {
		err := syscall.Flock(int(j.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			j.stuck = nil
			return nil
		case errors.Is(err, syscall.EINTR):
			continue
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return unusable("locking "+j.path(), err)
		case j.stuck != nil:
			return j.stuck
		}
		if sleep(patient, pollEvery) == nil {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		j.stuck = fmt.Errorf("nothing was sent, because another run has held %s for %s: %s; end that process", j.path(), lockPatience, lockedBy(j.path()))
		return j.stuck
	}
}

// write appends changes to the file, which is locked.
func (j *journal) write(changes ...line) error {
	var text []byte
	if j.size > j.read {
		text = append(text, '\n') // ends what a killed process began
	}
	for _, l := range changes {
		t, err := json.Marshal(l)
		if err != nil {
			return err
		}
		text = append(append(text, t...), '\n')
	}
	if _, err := j.file.WriteAt(text, j.size); err != nil {
		return unusable("writing "+j.path(), err)
	}
	j.size += int64(len(text))
	j.read = j.size
	for _, l := range changes {
		j.take(l)
	}
	if j.lines < max(j.worth, compactFrom) {
		return nil
	}
	return j.compact()
}

// compact replaces the file by a shorter one where that is worthwhile. An entry from the future was written before the
// clock was set back, and counts from now on.
func (j *journal) compact() error {
	now := j.now()
	var keep []string
	for key, e := range j.entries {
		if j.counts(e, now) {
			keep = append(keep, key)
		}
	}
	if j.worth = 4 * len(keep); j.lines < j.worth {
		return nil
	}
	var text []byte
	for _, key := range keep {
		e := j.entries[key]
		if e.State != Pending { // a pending entry must stay equal to what its holder wrote
			e.At = min(e.At, now.UnixMilli())
		}
		t, err := json.Marshal(line{key, e})
		if err != nil {
			return err
		}
		text = append(append(text, t...), '\n')
	}
	next, err := os.OpenFile(j.path()+".next", os.O_RDWR|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW, 0o600)
	if err == nil {
		defer func() { _ = next.Close() }()
		_, err = next.Write(text)
	}
	if err == nil {
		err = os.Rename(next.Name(), j.path())
	}
	if err != nil {
		return unusable("writing "+j.path(), err)
	}
	j.close() // those that wait for its lock see that it was replaced
	return nil
}

// counts reports whether an entry is still valid. The age of one from the future is zero.
func (j *journal) counts(e Entry, now time.Time) bool {
	if now.Sub(time.UnixMilli(e.At)) < DefaultRemember {
		return true
	}
	if e.State != Pending {
		return false
	}
	_, lives, err := j.dir.holder(e.Run)
	return lives || err != nil
}

func (j *journal) get(key string) Entry {
	if e := j.entries[key]; e.State != "" && j.counts(e, j.now()) {
		return e
	}
	return Entry{}
}

// Get returns the entry of a key. It needs no lock.
func (j *journal) Get(ctx context.Context, key string) (e Entry, err error) {
	err = j.use(ctx, func() error {
		err := j.current(false)
		e = j.get(key)
		return err
	})
	return e, err
}

func (j *journal) Swap(ctx context.Context, key string, old, next Entry) (current Entry, ok bool, err error) {
	err = j.use(ctx, func() error {
		return j.locked(ctx, true, func() error {
			if current = j.get(key); current != old {
				return nil
			}
			ok = true
			if old == next {
				return nil
			}
			return j.write(line{key, next})
		})
	})
	return current, ok && err == nil, err
}

// Recent returns ids without a lock. It removes a file without valid entries, unless that is locked.
func (j *journal) Recent(ctx context.Context, within time.Duration, groups []string) (ids []string, err error) {
	err = j.use(ctx, func() error {
		if err := j.current(false); err != nil || j.file == nil {
			return err
		}
		now, spent := j.now(), true // read after the file
		for _, e := range j.entries {
			if e.ID != "" && slices.Contains(groups, e.Group) && now.Sub(time.UnixMilli(e.At)) < within {
				ids = append(ids, e.ID)
			}
			spent = spent && !j.counts(e, now)
		}
		if spent && syscall.Flock(int(j.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			return j.removeSpent()
		}
		return nil
	})
	return ids, err
}

// Unresolved needs no lock.
func (j *journal) Unresolved(ctx context.Context, group string) (map[string]Entry, error) {
	entries := map[string]Entry{}
	err := j.use(ctx, func() error {
		err := j.current(false)
		for key, e := range j.entries {
			if e.Group == group && e.ID == "" {
				entries[key] = e
			}
		}
		return err
	})
	return entries, err
}

// removeSpent removes the file, which is locked, unless something was written since it was read.
func (j *journal) removeSpent() error {
	defer j.close() // and the lock with it
	file := j.file
	if err := j.current(false); err != nil || j.file != file {
		return err
	}
	now := j.now()
	for _, e := range j.entries {
		if j.counts(e, now) {
			return nil
		}
	}
	if err := os.Remove(j.path()); err != nil {
		return unusable("removing "+j.path(), err)
	}
	return nil
}

func (j *journal) Forget(ctx context.Context, ids []string) error {
	return j.use(ctx, func() error {
		gone := func() (lines []line) {
			for key, e := range j.entries {
				if e.State == Created && slices.Contains(ids, e.ID) {
					lines = append(lines, line{Key: key})
				}
			}
			return lines
		}
		if err := j.current(false); err != nil || len(gone()) == 0 {
			return err
		}
		return j.locked(ctx, false, func() error {
			if lines := gone(); len(lines) > 0 {
				return j.write(lines...)
			}
			return nil
		})
	})
}

func (j *journal) Begin(ctx context.Context) (run string, err error) {
	err = j.use(ctx, func() (err error) {
		switch {
		case j.life == nil:
			j.life, err = j.dir.begin(ctx, j.now())
		case !j.life.intact():
			j.cleared()
			var restored *lifeline
			if restored, err = j.dir.lifeline(ctx, j.life.run, j.life.since); err == nil {
				j.life.unlock()
				j.life = restored
			}
		}
		if err == nil {
			run = j.life.run
		}
		return err
	})
	return run, err
}

func (j *journal) Holder(ctx context.Context, run string) (who Holder, lives bool, err error) {
	err = j.use(ctx, func() (err error) {
		who, lives, err = j.dir.holder(run)
		return err
	})
	return who, lives, err
}

func (j *journal) End() {
	j.turn <- struct{}{} // held for lockPatience at most
	defer func() { <-j.turn }()
	if j.life != nil {
		j.life.end()
		j.life = nil
	}
	j.close()
}
