// SPDX-License-Identifier: GPL-3.0-or-later

// Package reconcile makes the difference between what is wished and what a service holds vanish.
//
// It works in two halves. Compute is pure: from the observed objects and the wishes it makes a Plan, or an error before
// anything was written. Apply carries a Plan out, several steps at a time, and reports what was done even when calls fail
// half-way or the context ends. Check mode is Compute without Apply.
//
// The package knows no service: a Provider is all that it sees of one. Package reconciletest holds the contract that every
// Provider must pass.
package reconcile

import (
	"context"
	"errors"
	"time"
)

// Object is one thing that the service holds, read whole: its State has at least the fields that the Wants set for
// which it was read. Only Objects are compared and updated.
type Object[S any] struct {
	ID    string // the service's own identifier, never empty
	State S
}

// Found returns the object as Observe returns it when it was read whole.
func (o Object[S]) Found() Found[S] { return Found[S]{ID: o.ID, Known: o.State, whole: true} }

// Found is one thing that the service holds, as Observe found it. Known may lack fields that are not needed to match,
// name and delete it, such as those that a list does not show. Only Whole makes an Object of it.
type Found[S any] struct {
	ID    string
	Known S
	whole bool
}

// Whole returns the object, if it was read whole.
func (f Found[S]) Whole() (Object[S], bool) { return Object[S]{ID: f.ID, State: f.Known}, f.whole }

// Want is one wish.
type Want[S any] struct {
	ID     string // the service's identifier where the user named it: then nothing else identifies the object
	State  S      // fields left unset keep the server's value
	Absent bool   // the object shall not exist
}

// Provider is one kind of object in one service. S is its state: a struct whose fields are pointers, slices or values that
// tell unset from empty, each tagged with its name (see Diff).
//
// Methods are called concurrently. Errors say what was attempted on which object.
type Provider[S any] interface {
	// Key is the identity of a wish in words, unique among the wishes of a run: "shop/liveness".
	// Messages, the order of deletions and the Ledger use it.
	Key(S) string

	// Observe returns the objects that the wishes may be about, and with scope also those that Policy.Scope must see: every page
	// of them, or an error, never a part, and each object once. Those that a present wish matches are read whole (see Object.Found). A
	// Want with an ID is looked up by it; an ID that does not exist is no error.
	Observe(ctx context.Context, want []Want[S], scope bool) ([]Found[S], error)

	// Merge gives the state that an object shall have: what the user left unset is filled from have (or, for a new object,
	// with the values that creation needs), and what means the same to the service takes the form it has there, so that Diff
	// sees only true differences. have is nil for a new object, and where MustReplace names a field the object that is replaced.
	// An error means that the wish cannot be met.
	Merge(have *Object[S], want S) (S, error)

	// Create makes the object and gives it as it was written, which may differ from want in what only the writing tells, such as a time that
	// is now. An error whose chain has `Uncertain() bool` answering true means that the service may have
	// acted all the same.
	Create(ctx context.Context, want S) (Object[S], error)

	// Update changes what differs between have and want, and nothing else. It gives the object as Create does. An error of it, or of
	// Recreate, whose chain has `Partly() bool` answering true means that something was changed; one of any of these calls with
	// `MayHaveActed() bool` answering true that perhaps something was.
	Update(ctx context.Context, have Object[S], want S) (Object[S], error)

	// Delete removes the object; one that is already gone is success.
	Delete(ctx context.Context, have Found[S]) error
}

// Finder is implemented by providers whose objects are not identified by Key alone. Find prepares the observed objects and
// returns a function that gives all objects a wish may mean: none, one, or the several that make it ambiguous.
// It is not asked about wishes with an ID. Without it an object matches a wish when their keys are equal.
type Finder[S any] interface {
	Find(have []Found[S]) func(Want[S]) []Found[S]
}

// LateLister is implemented by providers of services whose list shows new objects late. ReadIDs returns objects by
// their ids, read whole for any Want, without those that do not exist.
type LateLister[S any] interface {
	ReadIDs(ctx context.Context, ids []string) ([]Object[S], error)
}

// Replacer is implemented by providers with fields that the service does not change after creation. MustReplace returns the
// name of such a field that differs, or "" where the object can be updated in place.
//
// Before an object is replaced, Claim marks it as what the new one replaces, and as belonging where want does, so that a run after
// an interrupted replacement finds it and Claimed tells it from an innocent namesake. Merge takes the mark off where the object is
// kept after all.
type Replacer[S any] interface {
	MustReplace(have Object[S], want S) string
	Claim(ctx context.Context, have Object[S], want S) error
	Claimed(have Found[S]) bool
}

// Recreator is implemented, beside Replacer, where names are unique, so that the old object must go before the new one can come. Recreate
// does both, and where the new one cannot be made it brings the old one back. wish is what was asked for, before Merge: the new object has
// the rest from the old one. was and is tell what of the rest became different all the same. A was that MustReplace finds nothing in is what
// another run has created anew meanwhile, and was updated at most.
type Recreator[S any] interface {
	Recreate(ctx context.Context, have Object[S], wish S) (was, is Object[S], err error)
}

// Grouper is implemented by providers whose objects belong to groups (stacks). Objects of different groups are never duplicates
// of each other, and an id does not reach from a wish of one group into another to delete. "" is no group.
type Grouper[S any] interface {
	Group(S) string
}

// Liker is implemented by providers whose objects can have the same name and still be of different kinds, of which none is a duplicate of
// another. A state that says no kind is like all. Find never offers an object of another kind than the wish says.
type Liker[S any] interface {
	Alike(a, b S) bool
}

// Admitter is implemented by providers that can tell before anything is written that a plan will not go through: an account that has no room
// for all that is new. An error refuses the plan as a whole; what concerns a single step is set as its Err, with Action Unchanged, and
// leaves the others alone. It is asked in check mode too, and must not write.
type Admitter[S any] interface {
	Admit(ctx context.Context, plan Plan[S]) error
}

// Detailer is implemented by providers whose list shows less of an object than there is. Details returns the objects,
// in the same order, with all that a diff of their deletion shows; one that can no longer be read stays as it was.
type Detailer[S any] interface {
	Details(ctx context.Context, have []Found[S]) ([]Found[S], error)
}

// Cascader is implemented by providers whose objects take others along when they go. Cascade gives the plan with a step for each of these,
// see Along, so that nothing goes unnamed. What must not go is set as the Err of the step that would take it along. It is asked before
// Admit, in check mode too, and must not write.
type Cascader[S any] interface {
	Cascade(ctx context.Context, plan Plan[S]) (Plan[S], error)
}

// Phaser is implemented by providers with objects that stand on others, as a service on its host. Objects of a lower phase (from 0) are
// made before those of a higher one and deleted after them.
type Phaser[S any] interface {
	Phase(S) int
}

// BulkDeleter is implemented by providers whose service deletes several objects in one call. DeleteMany removes up to BatchSize objects and
// gives an error for each of them, in order: nil for those that are gone, which has been looked at.
type BulkDeleter[S any] interface {
	BatchSize() int
	DeleteMany(ctx context.Context, have []Found[S]) []error
}

// BulkUpdater is implemented by providers whose service makes one change to several objects in one call. Uniform gives what an update does,
// as a text that is equal for updates which can go together, or "" for one that cannot. UpdateMany makes such updates of at least fewest and at
// most `most` objects, and gives an error for each, in order: nil for those of which the service said that they are changed.
type BulkUpdater[S any] interface {
	UniformSize() (fewest, most int)
	Uniform(have Object[S], want S) string
	UpdateMany(ctx context.Context, have []Object[S], want []S) []error
}

// Exclusive is implemented by providers with updates that are made of what there is at that moment, so that of two at once one would be lost.
// Such an update is made while no other process of this controller creates or so updates what has the same key. Names are unique there: an
// object that is taken over has the wish's key.
type Exclusive[S any] interface {
	Exclusive(have Object[S], want S) bool
}

// Ledger keeps two runs that both saw an object missing from creating it twice, also while the service's list does not show it yet.
type Ledger interface {
	// Once calls create unless another run has created the key or is creating it. If one has, known is called with the
	// id, and nothing else is done if the object is still there. Where the outcome of a creation is unknown, such as
	// that of a killed run, find is called first and returns the id of the object if it exists; age is the time since
	// the service can have received that creation at the latest. find is nil where create itself finds existing
	// objects. Recent finds the id by group.
	Once(ctx context.Context, group, key string,
		known func(id string) (bool, error), find func(age time.Duration) (id string, err error), create func() (id string, err error)) error
	// Alone calls do while no other run is in Once or Alone with the same key.
	Alone(ctx context.Context, key string, do func() error) error
	// Recent returns the ids that were created moments ago in some groups (see Grouper), each once, so that objects
	// which the list does not show yet can be deleted.
	Recent(ctx context.Context, groups ...string) []string
	// WarnLost adds a warning if killed runs may have created objects of a group moments ago. keys are those whose objects
	// were found, or that Once is called with if they were not.
	WarnLost(ctx context.Context, group string, keys []string)
	// Forget removes deleted objects, by their ids.
	Forget(ctx context.Context, ids ...string)
}

// Errors of Compute and Apply, to be told apart with errors.Is.
var (
	// ErrAmbiguous is a wish that several objects match.
	ErrAmbiguous = errors.New("more than one match")
	// ErrDuplicate is two wishes for the same object.
	ErrDuplicate = errors.New("declared twice")
	// ErrNotFound is a wish for an object by an ID that does not exist.
	ErrNotFound = errors.New("does not exist")
	// ErrReplace is a wish that only a new object can meet, without Policy.AllowReplace.
	ErrReplace = errors.New("cannot be changed after creation")
	// ErrLimit is a plan that would delete more than Policy.Limit allows; see LimitError.
	ErrLimit = errors.New("over the limit")
	// ErrNotAttempted marks steps that were not begun: the run was interrupted, or another step failed before.
	ErrNotAttempted = errors.New("not attempted")
)

// uncertain tells whether the service may have acted although err came back.
func uncertain(err error) bool {
	var u interface{ Uncertain() bool }
	return errors.As(err, &u) && u.Uncertain()
}

// acted reports whether the service has changed something, or may have, although err came back.
func acted(err error) bool {
	var none *unmade
	if errors.As(err, &none) {
		return false
	}
	var m interface{ MayHaveActed() bool }
	return partly(err) || uncertain(err) || errors.As(err, &m) && m.MayHaveActed()
}

// Unmade returns the error of a write that was looked for in the service and did nothing there: such a step counts as unchanged.
func Unmade(err error) error { return &unmade{err} }

// unmade is the error of a write that was looked for and did nothing.
type unmade struct{ error }

// Unwrap returns the error of the write.
func (u *unmade) Unwrap() error { return u.error }

// partly tells whether the service has changed something although err came back.
func partly(err error) bool {
	var p interface{ Partly() bool }
	return errors.As(err, &p) && p.Partly()
}
