// SPDX-License-Identifier: GPL-3.0-or-later

// Package localstate keeps small files that the runs of one controller share: when the account's last requests were (package httpapi), what was
// created moments ago (Ledger), and what a process has begun that must not be left half done (Note). Ansible starts up to a fork for each host
// at once, and they know nothing of each other.
//
// The files help; they are never needed. Whatever is wrong with them (no folder, no right to write, somebody else's
// file, half a file) is ErrUnusable, and the caller goes on without.
//
// # The protocol of the ledger
//
// A key stands for one desired object and is in one of four states. A run changes it with a compare-and-swap (Store.Swap), so that of
// several that want the same one gets it. No lock is held between two swaps, and none while anything but the disk is waited for.
//
//	state          what the finder does                                               and the key becomes
//	nothing        writes pending, then sends the creation                            created, uncertain or nothing, by what came of it
//	created id     looks at the object by its id; takes it if it is there             stays; pending where it is gone, and then as from nothing
//	uncertain      writes pending, looks for the object, creates it if it is not there created, uncertain or nothing
//	pending, whose run is gone: as uncertain
//	pending, whose run lives: waits, then looks for the object once, and fails that object if it is not there; for Ledger.Patience at most for
//	               each run, not for each key of it
//
// Pending is written before the creation is sent. A run lives as long as it holds the lock of its lifeline, a file that the system unlocks when
// the process ends in any way; a process that is stopped lives. Uncertain is written where the service may have acted and the outcome is
// unknown. A deletion removes the entry. Entries count for DefaultRemember; one that seems to be from the future counts as new.
//
// This guarantees for runs that share the folder and the account:
//   - No second creation of a key is sent while a first one may still succeed, however slow the service is, whichever run is killed or
//     stopped, and whatever the clock does.
//   - A run waits for another one only where both want the same object, and for Patience at most for each run, however
//     many objects it holds.
//   - No run waits for a killed one.
//
// It guarantees nothing where the folder is not shared (another controller, another home) or unusable, which is warned of; where a
// run is stopped for longer than DefaultRemember between its look at the service and its creation; where the creation of a killed run reaches
// the service, or its list, only after the looks for it (10 seconds) are over; where such an object is to be deleted, for which no look is
// made, only a warning given (WarnLost); for a creation
// that was in flight when somebody removed the folder, the ledger or the lifeline: its run warns, and restores the lifeline before it
// writes pending the next time. A process that is stopped in the microseconds in which it has the file itself locked makes the creations of
// others fail after 10 seconds, with a message that names the file.
package localstate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

const (
	folderName = "stackwatch-monitoring"
	pollEvery  = 5 * time.Millisecond // how often a held lock is tried again
	maxSize    = 1 << 20              // bytes; nothing that is kept here comes near
	maxReopen  = 100                  // how often a file may vanish between open and lock before it counts as unusable
)

// ErrUnusable says that the folder or a file in it cannot be used. It never says that the caller's own function failed.
var ErrUnusable = errors.New("local state is unusable")

// Dir is a folder of state files, readable by its owner only. It is safe for use by many goroutines.
type Dir struct{ path string }

// Open makes the folder where it is missing (mode 0700) and checks that nobody else can write to it.
// An empty path means "stackwatch-monitoring" in the user's cache folder. Every error is ErrUnusable.
func Open(path string) (*Dir, error) {
	if path == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, unusable("finding the user's cache folder", err)
		}
		path = filepath.Join(cache, folderName)
	}
	d := &Dir{path: path}
	return d, d.prepare()
}

// Name makes a file name of a kind ("limit") and parts that nobody can read back from it.
func Name(kind string, parts ...string) string {
	sum := digest(parts)
	return kind + "-" + hex.EncodeToString(sum[:])
}

// Update locks the named file, gives its content (nil for a new file) to change, writes what change returns, and unlocks.
// A nil result, one equal to the old content, or an error from change leaves the file as it is; that error is returned as it is.
// Waiting for the lock ends with ctx. Errors of the file itself are ErrUnusable, before and after change has run.
func (d *Dir) Update(ctx context.Context, name string, change func(old []byte) ([]byte, error)) (err error) {
	file, unlock, err := d.open(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	old, err := io.ReadAll(io.LimitReader(file, maxSize))
	if err != nil {
		return unusable("reading "+file.Name(), err)
	}
	content, err := change(old)
	if err != nil || content == nil || bytes.Equal(content, old) {
		return err
	}
	// In place, because a renamed file would take its lock along. A process killed in between leaves a mixture, which
	// the next reader must tell from content: both users of this package hold JSON, which then no longer parses.
	if _, err = file.WriteAt(content, 0); err == nil && len(content) < len(old) {
		err = file.Truncate(int64(len(content)))
	}
	if err != nil {
		return unusable("writing "+file.Name(), err)
	}
	return nil
}

// named calls do with the name of each file that begins with a prefix, whatever the others' errors.
func (d *Dir) named(prefix string, do func(name string) error) error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return unusable("listing "+d.path, err)
	}
	var failed []error
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), prefix) {
			failed = append(failed, do(entry.Name()))
		}
	}
	return errors.Join(failed...)
}

// Lock holds the named lock until unlock is called or the process ends. It waits until ctx ends, and for heldPatience
// at most; then the error names the holder. Other errors are ErrUnusable.
func (d *Dir) Lock(ctx context.Context, name string) (unlock func(), err error) {
	_, unlock, err = d.patiently(ctx, name, (*flock.Flock).TryLockContext)
	return unlock, err
}

// Share is Lock for those who may hold it together: it waits only for who holds it by Lock, and that one for all of them.
func (d *Dir) Share(ctx context.Context, name string) (unlock func(), err error) {
	_, unlock, err = d.patiently(ctx, name, (*flock.Flock).TryRLockContext)
	return unlock, err
}

// heldPatience is how long a run waits for a lock that others hold while they work: a few calls of a service, or the
// recreation of a host. A stopped process would hold it for ever.
const heldPatience = 5 * time.Minute

func (d *Dir) patiently(
	ctx context.Context, name string, try func(*flock.Flock, context.Context, time.Duration) (bool, error),
) (*os.File, func(), error) {
	patient, cancel := context.WithTimeout(ctx, heldPatience)
	defer cancel()
	file, unlock, err := d.openWhen(patient, name, try)
	if err != nil && patient.Err() != nil && ctx.Err() == nil {
		path := filepath.Join(d.path, name)
		err = fmt.Errorf("another run holds %s and did not finish within %s: %s; end that process, or run this task again when it has ended",
			path, heldPatience, lockedBy(path))
	}
	return file, unlock, err
}

// lockedBy returns the processes that hold a lock on a file, as far as the system knows.
func lockedBy(path string) string {
	info, err := os.Stat(path)
	table, tableErr := os.ReadFile("/proc/locks")
	if err != nil || tableErr != nil {
		return "fuser " + path + " names it"
	}
	stat, _ := info.Sys().(*syscall.Stat_t)
	var holders []string
	for line := range strings.Lines(string(table)) { // 1: FLOCK  ADVISORY  WRITE 4711 fd:01:1234 0 EOF
		fields := strings.Fields(line)
		if len(fields) > 5 && fields[1] == "FLOCK" && strings.HasSuffix(fields[5], fmt.Sprint(":", stat.Ino)) {
			holders = append(holders, "process "+fields[4])
		}
	}
	if len(holders) == 0 {
		return "fuser " + path + " names it"
	}
	return strings.Join(holders, ", ")
}

// open gives the file locked. The lock is on the file that the path names now: somebody may clear the cache meanwhile.
func (d *Dir) open(ctx context.Context, name string) (file *os.File, unlock func(), err error) {
	return d.openWhen(ctx, name, (*flock.Flock).TryLockContext)
}

func (d *Dir) openWhen(
	ctx context.Context, name string, try func(*flock.Flock, context.Context, time.Duration) (bool, error),
) (file *os.File, unlock func(), err error) {
	file, unlock, err = d.openBy(name, func(lock *flock.Flock) error {
		_, err := try(lock, ctx, pollEvery)
		return err
	})
	path := filepath.Join(d.path, name)
	switch {
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, nil, fmt.Errorf("waiting for the lock on %s (%s): %w", path, lockedBy(path), ctx.Err())
	case err != nil && ctx.Err() != nil:
		return nil, nil, fmt.Errorf("waiting for the lock on %s: %w", path, ctx.Err())
	}
	return file, unlock, err
}

func (d *Dir) openBy(name string, take func(*flock.Flock) error) (file *os.File, unlock func(), err error) {
	path := filepath.Join(d.path, name)
	for range maxReopen {
		lock := flock.New(path, flock.SetFlag(os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW), flock.SetPermissions(0o600))
		if err = take(lock); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				if err = d.prepare(); err != nil {
					return nil, nil, err
				}
				continue
			}
			return nil, nil, unusable("locking "+path, err)
		}
		if file, err = sameFile(lock); err == nil {
			return file, func() { _ = file.Close(); _ = lock.Unlock() }, nil
		}
		_ = lock.Unlock()
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return nil, nil, unusable("opening "+path, err)
}

// sameFile opens the path of a held lock. fs.ErrNotExist means that the lock is on a file that was removed or replaced.
func sameFile(lock *flock.Flock) (*os.File, error) {
	locked, err := lock.Stat()
	if err != nil {
		return nil, err
	}
	if err := private(locked); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(lock.Path(), os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	named, err := file.Stat()
	if err == nil && !os.SameFile(locked, named) {
		err = fs.ErrNotExist
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// prepare makes the folder and refuses one in which somebody else could put files.
func (d *Dir) prepare() error {
	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return unusable("making the folder", err)
	}
	info, err := os.Lstat(d.path)
	if err != nil {
		return unusable("looking at the folder", err)
	}
	if !info.IsDir() {
		return unusable("using "+d.path, errors.New("it is not a folder (a link is not followed)"))
	}
	if err := owned(info); err != nil {
		return unusable("using "+d.path, err)
	}
	return nil
}

func private(info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return errors.New("it is not a regular file")
	}
	return owned(info)
}

func owned(info fs.FileInfo) error {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("it belongs to user id %d, not to %d", stat.Uid, os.Geteuid())
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("others can write to it (mode %04o)", info.Mode().Perm())
	}
	return nil
}

func unusable(doing string, err error) error {
	return fmt.Errorf("%w: %s: %w", ErrUnusable, doing, err)
}

// digest hashes parts so that ("ab","c") and ("a","bc") differ.
func digest(parts []string) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, part := range parts {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write([]byte(part))
	}
	h.Sum(sum[:0])
	return sum
}
