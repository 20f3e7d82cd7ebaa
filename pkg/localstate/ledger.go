// SPDX-License-Identifier: GPL-3.0-or-later

package localstate

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// DefaultKeep is how long a Ledger remembers what was created: longer than any service's list lags behind, shorter than
// the time after which somebody wonders why an object that was deleted by hand is looked up first.
const DefaultKeep = 15 * time.Minute

// clockSlip is how far in the future an entry may lie; one further ahead was written before the clock was set back.
const clockSlip = time.Second

// Ledger remembers who created what moments ago, so that of two processes that both saw an object missing only one creates it.
// It is safe for use by many goroutines and processes, and any number of Ledgers may share a folder.
//
// Its 256 files are locks and stores at once: a key's file is held while its object is made, so whoever comes second waits
// for the answer. Keys that share a file by chance wait for each other too.
type Ledger struct {
	Keep time.Duration    // how long an entry counts; set it before the first use
	Now  func() time.Time // set it before the first use

	dir   *Dir
	scope []string

	mutex    sync.Mutex
	warnings []string
}

// NewLedger makes a ledger in a folder ("" means the user's cache folder) for one scope: the service, its URL, the account.
// It never fails: where the folder is unusable Once creates without protection, and Warnings says so.
func NewLedger(folder string, scope ...string) *Ledger {
	l := &Ledger{Keep: DefaultKeep, Now: time.Now, scope: scope}
	dir, err := Open(folder)
	if err != nil {
		l.warn(err)
		return l
	}
	l.dir = dir
	return l
}

// Once calls create and remembers the id that it returns, with an error too if it is not empty, unless a process of this controller
// created the same key within the keep time. Then it calls known with that id instead, and create only if known finds the id no
// longer valid. The error is that of known or create, or ctx's while waiting for another process; create does not run after either.
// group is what Recent finds the id by.
func (l *Ledger) Once(ctx context.Context, group, key string, known func(id string) (valid bool, err error), create func() (id string, err error)) error {
	if l.dir == nil {
		_, err := create()
		return err
	}
	sum := digest(append(l.scope[:len(l.scope):len(l.scope)], key))
	mark := hex.EncodeToString(sum[1:])

	var entered bool
	var own error // what known or create said; the file's errors must not be taken for it
	err := l.dir.Update(ctx, stripeName(sum[0]), func(old []byte) ([]byte, error) {
		entered = true
		var content []byte
		content, own = l.enter(old, mark, l.groupMark(group), known, create)
		return content, nil
	})
	switch {
	case entered && own != nil:
		return own
	case entered && err != nil: // created, but not written down
		l.warn(err)
		return nil
	case entered:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("waiting for another process that is creating the same: %w", err)
	default:
		l.warn(err)
		_, err = create()
		return err
	}
}

// Alone runs do while no process of this controller is in Once or Alone with the same key. The error is that of do, or ctx's while waiting
// for another process, and then do does not run. Neither may be called with a key from within the other: keys share locks by chance.
func (l *Ledger) Alone(ctx context.Context, key string, do func() error) error {
	if l.dir == nil {
		return do()
	}
	sum := digest(append(l.scope[:len(l.scope):len(l.scope)], key))
	unlock, err := l.dir.Lock(ctx, stripeName(sum[0]))
	switch {
	case err == nil:
		defer unlock()
	case ctx.Err() != nil:
		return fmt.Errorf("waiting for another process that is writing the same: %w", err)
	default:
		l.warn(err)
	}
	return do()
}

// Recent gives the ids that processes of this controller created in some groups within the keep time, sorted, whatever became of them
// since. It reads all files, so ask for many groups at once, and removes those in which nothing counts any more.
// A damaged or unreadable file only makes it know less.
func (l *Ledger) Recent(ctx context.Context, groups ...string) []string {
	if l.dir == nil {
		return nil
	}
	now, marks := l.Now(), make(map[string]bool, len(groups))
	for _, group := range groups {
		marks[l.groupMark(group)] = true
	}
	var ids []string
	err := l.dir.Each(ctx, stripePrefix, func(content []byte) (spent bool) {
		page, err := decodePage(content)
		if err != nil {
			return false
		}
		page.expire(now, l.Keep)
		for _, e := range page.Entries {
			if marks[e.Group] {
				ids = append(ids, e.ID)
			}
		}
		return len(page.Entries) == 0
	})
	if err != nil && ctx.Err() == nil {
		l.warn(err)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

const stripePrefix = "ledger-"

func stripeName(stripe byte) string { return fmt.Sprintf("%s%02x", stripePrefix, stripe) }

// groupMark stands for a group of this ledger's scope; like a key's it cannot be read back.
func (l *Ledger) groupMark(group string) string {
	sum := digest(append(l.scope[:len(l.scope):len(l.scope)], "group", group))
	return hex.EncodeToString(sum[:8])
}

// Warnings lists what kept the ledger from protecting, each thing once.
func (l *Ledger) Warnings() []string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return append([]string(nil), l.warnings...)
}

func (l *Ledger) enter(old []byte, mark, group string, known func(string) (bool, error), create func() (string, error)) ([]byte, error) {
	now := l.Now()
	page, err := decodePage(old)
	if err != nil {
		l.warn(err)
	}
	page.expire(now, l.Keep)
	if made, ok := page.Entries[mark]; ok {
		valid, err := known(made.ID)
		if err != nil || valid {
			return nil, err
		}
		delete(page.Entries, mark)
	}
	id, err := create()
	if id == "" {
		return nil, err
	}
	page.Entries[mark] = entry{ID: id, Group: group, Made: l.Now().UnixMilli()}
	content, writeErr := page.encode()
	return content, errors.Join(err, writeErr)
}

// warn keeps the first warning only: one broken folder makes every file in it fail.
func (l *Ledger) warn(err error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if len(l.warnings) == 0 {
		l.warnings = append(l.warnings, fmt.Sprintf(
			"two runs at once may create an object twice, because what was created cannot be remembered: %v", err))
	}
}

// page is the content of one file.
type page struct {
	Version int              `json:"v"`
	Entries map[string]entry `json:"entries"`
}

type entry struct {
	ID    string `json:"id"`
	Group string `json:"group"`
	Made  int64  `json:"made"` // unix milliseconds
}

const pageVersion = 1

// decodePage gives an empty page for what it cannot read, together with the error.
func decodePage(content []byte) (page, error) {
	empty := page{Version: pageVersion, Entries: map[string]entry{}}
	if len(content) == 0 {
		return empty, nil
	}
	var p page
	if err := json.Unmarshal(content, &p); err != nil {
		return empty, unusable("reading a damaged ledger", err)
	}
	if p.Version != pageVersion {
		return empty, unusable("reading a ledger", fmt.Errorf("version %d is not known", p.Version))
	}
	if p.Entries == nil {
		p.Entries = empty.Entries
	}
	return p, nil
}

func (p page) encode() ([]byte, error) { return json.Marshal(p) }

func (p page) expire(now time.Time, keep time.Duration) {
	for mark, e := range p.Entries {
		if age := now.Sub(time.UnixMilli(e.Made)); age >= keep || age < -clockSlip {
			delete(p.Entries, mark)
		}
	}
}
