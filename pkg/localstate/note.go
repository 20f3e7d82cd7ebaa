// SPDX-License-Identifier: GPL-3.0-or-later

package localstate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// Note is what a process writes down before it begins what must not be left half done. It is held until it is closed or removed. Where
// the process ends before that, however it ends, the note stays for the next one; see Dir.Left.
//
// Unlike the other files here a note may hold what nobody else should see. Only its owner can read it.
type Note struct {
	file   *os.File
	unlock func()
}

// Note opens the note of a name, and waits while another process holds it, as Lock does. old is what an earlier process
// has left in it, see Left.
func (d *Dir) Note(ctx context.Context, name string) (n *Note, old []byte, err error) {
	file, unlock, err := d.patiently(ctx, name, (*flock.Flock).TryLockContext)
	if err != nil {
		return nil, nil, err
	}
	return noteIn(file, unlock)
}

// noteIn takes over a locked file, and reads it.
func noteIn(file *os.File, unlock func()) (n *Note, old []byte, err error) {
	if old, err = io.ReadAll(file); err != nil {
		unlock()
		return nil, nil, unusable("reading "+file.Name(), err)
	}
	return &Note{file, unlock}, old, nil
}

// Write replaces the content, and comes back when it is on disk.
func (n *Note) Write(content []byte) error {
	err := n.file.Truncate(0)
	if err == nil {
		_, err = n.file.WriteAt(content, 0)
	}
	if err == nil {
		err = n.file.Sync()
	}
	if err != nil {
		return unusable("writing "+n.file.Name(), err)
	}
	return nil
}

// Close leaves the note to the next process.
func (n *Note) Close() { n.unlock() }

// Remove ends what the note was for.
func (n *Note) Remove() error {
	defer n.unlock()
	if err := os.Remove(n.file.Name()); err != nil {
		return unusable("removing "+n.file.Name(), err)
	}
	return nil
}

// Left gives to look each note whose name begins with a prefix and that no process holds, with its path and content, which may be cut
// off where a process ended while it wrote. Nobody else can open the note meanwhile. What look answers is what it holds from then on; nil
// removes it.
func (d *Dir) Left(prefix string, look func(path string, content []byte) (next []byte)) error {
	return d.named(prefix, func(name string) error { return d.left(name, look) })
}

func (d *Dir) left(name string, look func(path string, content []byte) []byte) error {
	file, unlock, err := d.openBy(name, func(lock *flock.Flock) error {
		got, err := lock.TryLock()
		if err == nil && !got {
			err = errHeld
		}
		return err
	})
	if errors.Is(err, errHeld) {
		return nil
	}
	if err != nil {
		return err
	}
	n, content, err := noteIn(file, unlock)
	if err != nil {
		return err
	}
	next := look(filepath.Join(d.path, name), content)
	if next == nil {
		return n.Remove()
	}
	defer n.Close()
	if bytes.Equal(next, content) { // the age of the file tells when it was written
		return nil
	}
	return n.Write(next)
}

// errHeld is the lock of a note whose process is at work.
var errHeld = fmt.Errorf("%w: another process holds it", ErrUnusable)
