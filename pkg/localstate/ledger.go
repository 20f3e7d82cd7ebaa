// SPDX-License-Identifier: GPL-3.0-or-later

package localstate

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// DefaultKeep is how long Recent returns what was created: longer than the lists of services lag.
	DefaultKeep = 15 * time.Minute
	// DefaultRemember is how long an entry counts for Once: the longest time from a run's look at the service to its
	// last creation. An object that was deleted elsewhere meanwhile costs one look at its id.
	DefaultRemember = 6 * time.Hour
	// DefaultPatience is how long a creation waits for a living process that is creating the same object. A longer wait
	// is likely one for the rate limit, which this run would have to wait for as well.
	DefaultPatience = 2 * time.Minute

	// lostFor is how long the list may still lack what a killed run created: its request, and the time by which lists lag.
	lostFor = time.Minute

	askAgain = 100 * time.Millisecond // how often a waiting creation looks at the entry
)

// State is how far the creation of an object has come.
type State string

// The states of a key. Nothing is known of a key without an entry.
const (
	Pending   State = "pending"   // Run is creating the object, or changing it exclusively
	Created   State = "created"   // the object has, or had, the id ID
	Uncertain State = "uncertain" // a creation has ended with unknown outcome
)

// Entry is what is known of one key. The zero Entry stands for nothing. Entries are compared with ==.
type Entry struct {
	State State  `json:"s,omitempty"`
	Run   string `json:"r,omitempty"` // the run that wrote it
	ID    string `json:"i,omitempty"` // of the object; a pending entry has the one of the object that is changed
	Group string `json:"g,omitempty"` // what Recent finds it by
	At    int64  `json:"t,omitempty"` // when it was written, in milliseconds of Unix time
}

// Holder describes the process of a run.
type Holder struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"` // when it first held something
}

func (h Holder) String() string {
	return fmt.Sprintf("process %d on %s, since %s", h.PID, h.Host, h.Since.UTC().Format(time.RFC3339))
}

// Store keeps the entries of one ledger for all runs that share it. Only Swap must be atomic; with an empty old Entry
// it sets one that is absent. No operation waits for anything but other operations, and that for a bounded time. An
// error that is ErrUnusable means that there is no store; with any other error the entry may belong to another run.
type Store interface {
	// Get returns the entry of a key, the zero Entry where there is none or it has expired.
	Get(ctx context.Context, key string) (Entry, error)
	// Swap replaces an entry and reports whether it did. Where the entry is not old it stays, and is returned. A zero next removes it.
	Swap(ctx context.Context, key string, old, next Entry) (current Entry, ok bool, err error)
	// Recent returns the ids in the entries of some groups that were written within a time.
	Recent(ctx context.Context, within time.Duration, groups []string) ([]string, error)
	// Unresolved returns the entries of a group, by their keys, that have no id.
	Unresolved(ctx context.Context, group string) (map[string]Entry, error)
	// Forget removes the entries of created objects with these ids.
	Forget(ctx context.Context, ids []string) error
	// Begin returns the name of this run, which lives until End or until its process ends.
	// Each call restores what was removed of that meanwhile.
	Begin(ctx context.Context) (run string, err error)
	// Holder returns the process of a run, and whether it lives.
	Holder(ctx context.Context, run string) (who Holder, lives bool, err error)
	End()
}

// Ledger remembers who created what and who is creating what, so that of two runs that saw an object missing only one
// creates it. The package comment has the protocol. It is safe for concurrent use; a run has one Ledger.
type Ledger struct {
	// To be set before the first use.
	Keep, Patience time.Duration
	Now            func() time.Time
	Sleep          func(context.Context, time.Duration) error // between two looks at an entry that another run holds

	store Store
	scope []string

	mutex    sync.Mutex
	warnings []string
	broken   bool            // a warning about the store was given
	cleared  bool            // the warning about a cleared store was given
	slow     map[string]bool // runs that did not finish in time
}

// NewLedger returns a ledger in a folder ("" for the user's cache folder) for one scope: service, URL and account.
// Ledgers of other scopes have other files. Nothing is touched before the first use; where the folder is unusable Once
// creates without protection, and Warnings says so.
func NewLedger(folder string, scope ...string) *Ledger {
	j := &journal{folder: folder, name: Name(journalPrefix, scope...), turn: make(chan struct{}, 1)}
	l := NewLedgerOn(j, scope...)
	j.now = func() time.Time { return l.Now() }
	j.damaged, j.cleared = l.warn, l.warnCleared
	return l
}

// NewLedgerOn returns a ledger that keeps its entries in a store.
func NewLedgerOn(store Store, scope ...string) *Ledger {
	return &Ledger{Keep: DefaultKeep, Patience: DefaultPatience, Now: time.Now, Sleep: sleep, store: store, scope: scope}
}

// Close ends the run. What it still holds becomes uncertain for others.
func (l *Ledger) Close() { l.store.End() }

// Once creates an object unless another run is creating it or has created it: it calls create and remembers the id that
// it returns, with an error too if it is not empty.
//
//   - Where another run created the key, known is asked about that id. If the object is there, nothing else is done.
//   - Where the outcome of a creation is unknown (its process was killed, its answer was lost), find looks for the
//     object first; the id that it returns is remembered, with an error too. age is the time since the service can have
//     received that creation at the latest, 0 for just now.
//   - Where a living run is creating the key, Once waits for it. After Patience it calls find once, because only the
//     answer may be slow, and returns an error that names the process if there is nothing. For other keys of that run
//     it does so without waiting.
//
// find is nil where create itself finds existing objects. The error is that of known, find or create, or says why none
// was called. No two calls of create for one key run at once, unless the store is unusable. Recent finds the id by
// group.
func (l *Ledger) Once(
	ctx context.Context, group, key string,
	known func(id string) (valid bool, err error), find func(age time.Duration) (id string, err error), create func() (id string, err error),
) error {
	mark := l.mark(key)
	mine, before, err := l.hold(ctx, key, func(Entry) Entry { return Entry{Group: l.groupMark(group)} }, known)
	var busy *busyError
	switch {
	case errors.Is(err, errAdopted):
		return nil
	case errors.Is(err, ErrUnusable):
		l.warn(err)
		_, err := create()
		return err
	case errors.As(err, &busy) && find != nil:
		return l.without(ctx, mark, err, known, find)
	case err != nil:
		return err
	}
	outcome := Entry{State: Uncertain} // also if one of them panics
	defer func() {
		switch outcome.State {
		case "": // nothing was made
			if before.State == Created {
				outcome = before
			}
		default:
			outcome.Group = mine.Group
			outcome = l.stamped(outcome, mine)
		}
		l.release(ctx, mark, mine, outcome)
	}()
	var id string
	if age, lost := l.lost(before); lost && find != nil {
		if id, err = find(age); err != nil && id == "" {
			return err
		}
	}
	if id == "" {
		id, err = create()
	}
	switch {
	case id != "":
		outcome = Entry{State: Created, ID: id}
	case err == nil || !uncertain(err):
		outcome = Entry{}
	}
	return err
}

// lost reports whether the last entry of a key is a creation with unknown outcome, and how old it is.
func (l *Ledger) lost(before Entry) (age time.Duration, lost bool) {
	switch before.State {
	case Uncertain:
		return max(l.Now().Sub(time.UnixMilli(before.At)), 0), true
	case Pending: // its run is gone, and may have sent the creation just before
		return 0, before.ID == ""
	}
	return 0, false
}

// without looks for an object whose creation by another run takes too long.
func (l *Ledger) without(ctx context.Context, mark string, busy error, known func(string) (bool, error), find func(time.Duration) (string, error)) error {
	if id, err := find(0); id != "" || err != nil {
		return err
	}
	if e, err := l.store.Get(ctx, mark); err == nil && e.State == Created {
		if valid, err := known(e.ID); valid || err != nil {
			return err
		}
	}
	return fmt.Errorf("%w; it was looked for and is not there, and is not created a second time; "+
		"end that process, or run this task again when it has ended", busy)
}

// Alone runs do while no other run is in Once or Alone with the same key. The error is that of do, or says why it did
// not run: ctx has ended, or a living process did not finish within Patience. Once and Alone must not be nested for one
// key.
func (l *Ledger) Alone(ctx context.Context, key string, do func() error) error {
	mark := l.mark(key)
	mine, before, err := l.hold(ctx, key, func(before Entry) Entry { return Entry{ID: before.ID, Group: before.Group} }, nil) // the object stays what it is
	switch {
	case errors.Is(err, ErrUnusable):
		l.warn(err)
		return do()
	case err != nil:
		return err
	}
	defer func() {
		next := before
		switch { // of one that is gone
		case before.State == Pending && before.ID != "":
			next.State = Created
		case before.State == Pending:
			next = l.stamped(Entry{State: Uncertain, Group: before.Group}, mine)
		}
		l.release(ctx, mark, mine, next)
	}()
	return do()
}

// errAdopted means that known found the object.
var errAdopted = errors.New("is there")

// busyError is the error about a run that holds an entry for too long.
type busyError struct {
	who    Holder
	since  time.Time // when it began with this one
	waited time.Duration
}

func (e *busyError) Error() string {
	return fmt.Sprintf("another run (%s) has held it since %s and did not finish within %s", e.who, e.since.UTC().Format(time.RFC3339), e.waited)
}

// hold makes this run the holder of a key. It returns the entry that it wrote, which of makes from the one before it,
// and that one. It returns errAdopted where known has found the object.
func (l *Ledger) hold(ctx context.Context, key string, of func(before Entry) Entry, known func(string) (bool, error)) (mine, before Entry, err error) {
	mark := l.mark(key)
	fail := func(err error) (Entry, Entry, error) {
		if ctx.Err() != nil {
			err = fmt.Errorf("waiting for another process that holds the same object: %w", context.Cause(ctx))
		}
		return mine, before, fmt.Errorf("%s: %w", key, err)
	}
	for {
		run, err := l.store.Begin(ctx)
		if err != nil {
			return fail(err)
		}
		mine = of(before)
		mine.State, mine.Run, mine.At = Pending, run, l.Now().UnixMilli()
		current, ok, err := l.store.Swap(ctx, mark, before, mine)
		if err != nil {
			return fail(err)
		}
		if ok {
			return mine, before, nil
		}
		if before, err = l.wait(ctx, mark, current); err != nil {
			return fail(err)
		}
		if known != nil && before.ID != "" {
			valid, err := known(before.ID)
			if err != nil {
				return mine, before, err
			}
			if valid {
				return mine, before, errAdopted
			}
		}
	}
}

// wait returns the entry of a key once no living run holds it. Each run that holds it is given Patience once.
func (l *Ledger) wait(ctx context.Context, mark string, e Entry) (Entry, error) {
	var awaited Entry
	var waited time.Duration
	for e.State == Pending {
		who, lives, err := l.store.Holder(ctx, e.Run)
		if err != nil {
			return e, err
		}
		if !lives {
			return e, nil
		}
		if e != awaited {
			awaited, waited = e, 0
		}
		if waited >= l.Patience || l.isSlow(e.Run) {
			busy := &busyError{who, time.UnixMilli(e.At), l.Patience}
			l.warnSlow(e.Run, busy)
			return e, busy
		}
		if err := l.Sleep(ctx, askAgain); err != nil {
			return e, err
		}
		waited += askAgain
		if e, err = l.store.Get(ctx, mark); err != nil {
			return e, err
		}
	}
	return e, nil
}

// release writes the outcome of what this run held, also after its context has ended or the cache was cleared.
func (l *Ledger) release(ctx context.Context, mark string, mine, next Entry) {
	ctx = context.WithoutCancel(ctx)
	current, ok, err := l.store.Swap(ctx, mark, mine, next)
	if !ok && err == nil {
		l.warnCleared()
		if current == (Entry{}) && next != (Entry{}) {
			_, _, err = l.store.Swap(ctx, mark, current, next)
		}
	}
	if err != nil {
		l.warn(err)
	}
}

// stamped returns an entry with this run and the current time.
func (l *Ledger) stamped(e Entry, mine Entry) Entry {
	e.Run, e.At = mine.Run, l.Now().UnixMilli()
	return e
}

// Recent returns the ids that were created in some groups within Keep, sorted, without those that were forgotten. The
// objects may be gone since. It waits for no other run, and a damaged or unreadable file only means fewer ids.
func (l *Ledger) Recent(ctx context.Context, groups ...string) []string {
	marks := make([]string, len(groups))
	for i, group := range groups {
		marks[i] = l.groupMark(group)
	}
	ids, err := l.store.Recent(ctx, l.Keep, marks)
	if err != nil && ctx.Err() == nil {
		l.warn(err)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// WarnLost adds a warning if killed runs may have created objects of a group moments ago. keys are those whose objects were
// found or are going to be looked for by Once.
func (l *Ledger) WarnLost(ctx context.Context, group string, keys []string) {
	entries, err := l.store.Unresolved(ctx, l.groupMark(group))
	for i := 0; i < len(keys) && len(entries) > 0; i++ {
		delete(entries, l.mark(keys[i]))
	}
	lost := 0
	for _, e := range entries {
		lives := false
		if e.State == Pending && err == nil {
			_, lives, err = l.store.Holder(ctx, e.Run)
		}
		if !lives && l.Now().Sub(time.UnixMilli(e.At)) < lostFor {
			lost++
		}
	}
	if err != nil && ctx.Err() == nil {
		l.warn(err)
	}
	if lost == 0 {
		return
	}
	count := "1 object"
	if lost > 1 {
		count = fmt.Sprintf("%d objects", lost)
	}
	warning := fmt.Sprintf("a run that was killed or got no answer may have created %s that the list does not show yet; "+
		"run the task again in a minute", count)
	if group != "" {
		warning = group + ": " + warning
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.warnings = append(l.warnings, warning)
}

// Forget removes deleted objects from the ledger, by their ids.
func (l *Ledger) Forget(ctx context.Context, ids ...string) {
	if err := l.store.Forget(context.WithoutCancel(ctx), ids); err != nil {
		l.warn(err)
	}
}

// mark returns a digest that stands for a key and cannot be read back.
func (l *Ledger) mark(key string) string {
	sum := digest(append(l.scope[:len(l.scope):len(l.scope)], key))
	return hex.EncodeToString(sum[:16])
}

// groupMark stands for a group; like a key's it cannot be read back.
func (l *Ledger) groupMark(group string) string {
	sum := digest(append(l.scope[:len(l.scope):len(l.scope)], "group", group))
	return hex.EncodeToString(sum[:8])
}

// Warnings returns what kept the ledger from protecting, and which runs did not finish in time, each once.
func (l *Ledger) Warnings() []string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return append([]string(nil), l.warnings...)
}

// warn keeps the first warning only: a broken folder makes every file in it fail.
func (l *Ledger) warn(err error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if !l.broken {
		l.broken = true
		l.warnings = append(l.warnings, fmt.Sprintf(
			"two runs at once may create an object twice, because what was created cannot be remembered: %v", err))
	}
}

// warnCleared warns that what this run wrote was removed while it was running.
func (l *Ledger) warnCleared() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if !l.cleared {
		l.cleared = true
		l.warnings = append(l.warnings, "the cache folder was cleared while this run was working; if other runs were working at the same time, "+
			"check for objects that were created twice")
	}
}

// isSlow reports whether a run did not finish in time.
func (l *Ledger) isSlow(run string) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.slow[run]
}

func (l *Ledger) warnSlow(run string, busy *busyError) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.slow[run] {
		return
	}
	if l.slow == nil {
		l.slow = map[string]bool{}
	}
	l.slow[run] = true
	l.warnings = append(l.warnings, fmt.Sprintf("another run (%s) holds what this run was to create, and does not finish", busy.who))
}

// uncertain reports whether the service may have acted although err came back.
func uncertain(err error) bool {
	var u interface{ Uncertain() bool }
	return errors.As(err, &u) && u.Uncertain()
}

// sleep waits by the real clock.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
