// SPDX-License-Identifier: GPL-3.0-or-later

package reconcile

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Action is what a step does, or did.
type Action string

// The actions, by the words that modules return.
const (
	Create    Action = "created"
	Update    Action = "updated"
	Replace   Action = "replaced" // a new object is created, then the old one deleted
	Delete    Action = "deleted"
	Unchanged Action = "unchanged"
)

// Step is one object's part of a plan.
type Step[S any] struct {
	Index   int        // position of the wish in the input; -1 for deletions that no single wish asked for; see Along
	Key     string     // Provider.Key of the wish or of the object
	Action  Action     // what is to be done; after Apply, what was done
	ID      string     // the object's identifier, "" until it is created
	Reason  string     // why a step without a wish exists: "not declared", "duplicate of 12"
	Have    *Object[S] // the current object that is compared, nil for none and for deletions
	Deleted *Found[S]  // the object to delete, nil for none
	Want    S          // what shall be, merged, and after Apply what was written; the zero value for deletions
	Wish    S          // what was asked for, before Merge
	Written bool       // something was changed, though perhaps not all: it can stand beside Err
	byID    bool       // the wish named the object by its id
	Changes []Change   // the fields that differ
	Err     error      // why the step cannot be or was not done
}

// Plan is what Compute found to do: the wishes in the order of the input, then the other deletions sorted by key and id.
type Plan[S any] []Step[S]

// Changed tells whether a step of the plan changes anything, or changed something before it failed.
func (p Plan[S]) Changed() bool { return slices.ContainsFunc(p, Step[S].changes) }

func (s Step[S]) changes() bool { return s.Written || s.Err == nil && s.Action != Unchanged }

// Title returns the key of the object that a step is about. The key of a step by id need not have the object's name.
func (s Step[S]) Title(p Provider[S]) string {
	known, there := s.Known()
	switch {
	case !s.byID || !there:
		return s.Key
	case s.Action == Delete || len(s.Changes) == 0:
		return p.Key(known)
	default:
		return p.Key(s.Want)
	}
}

// Known returns what is known of the current object, and whether there is one.
func (s Step[S]) Known() (known S, there bool) {
	switch {
	case s.Have != nil:
		return s.Have.State, true
	case s.Deleted != nil:
		return s.Deleted.Known, true
	default:
		return known, false
	}
}

// OnDuplicate says what to do when several objects match one wish.
type OnDuplicate string

// Fail reports them; Oldest keeps the one with the lowest id and deletes the others.
const (
	Fail   OnDuplicate = "fail"
	Oldest OnDuplicate = "oldest"
)

// Policy is how far a plan may go.
type Policy[S any] struct {
	OnDuplicate  OnDuplicate // "" is Fail
	AllowReplace bool        // a wish that changes a fixed field may delete the object and make a new one
	Replacing    string      // how the user allows that, for messages; "" is "allow_replace: true"
	// Scope selects the objects that shall exist only if a wish declares them; nil for none (wishes only add and change).
	Scope func(Found[S]) bool
	Whole bool   // all that Scope selects is asked to go; otherwise wishes must say what stays
	Group string // the group that Scope is limited to, "" for none
	Limit Limit  // how many objects of the scope may be deleted; the zero Limit means any number
}

// Limit is a number of objects or a share of those in scope.
type Limit struct {
	Set     bool    // false: no limit
	Count   int     // at most so many,
	Percent float64 // or, where IsShare, at most so many of a hundred
	IsShare bool
	Option  string // the option that sets it, for messages; "" for none
}

// Allows tells whether n of total may go.
func (l Limit) Allows(n, total int) bool {
	switch {
	case !l.Set || n == 0:
		return true
	case l.IsShare:
		return float64(n)*100 <= l.Percent*float64(total)
	default:
		return n <= l.Count
	}
}

// String is the limit as the user writes it: "10" or "20%".
func (l Limit) String() string {
	switch {
	case !l.Set:
		return "none"
	case l.IsShare:
		return fmt.Sprintf("%g%%", l.Percent)
	default:
		return fmt.Sprint(l.Count)
	}
}

// LimitError is a plan refused because it would delete too much. It Is ErrLimit. Nothing was written.
type LimitError struct {
	Limit Limit
	Total int      // objects in scope
	Keys  []string // what would have been deleted, sorted, as "key (id)"
	Done  Action   // where it would not have been deleted, what else
}

// Error names the first twenty objects, and the option that raises the limit.
func (e *LimitError) Error() string {
	remedy := ""
	if e.Limit.Option != "" {
		remedy = fmt.Sprintf("; if this is meant, set %s to %d", e.Limit.Option, len(e.Keys))
	}
	return fmt.Sprintf("%d of %d would be %s, which is over the limit of %s; nothing was changed%s: %s",
		len(e.Keys), e.Total, cmp.Or(e.Done, Delete), e.Limit, remedy, Enumerate(e.Keys, 20))
}

// Is makes errors.Is(err, ErrLimit) true.
func (e *LimitError) Is(target error) bool { return target == ErrLimit }

// Compute compares wishes with what there is. It calls nothing but Key, Find, MustReplace and Merge of the provider.
//
// A wish that cannot be met (ambiguous, unknown id, fixed field) becomes a step with Err and leaves the others alone. An error is
// returned, with nothing to apply, where the wishes contradict each other or the deletions are over the limit.
func Compute[S any](p Provider[S], have []Found[S], want []Want[S], pol Policy[S]) (Plan[S], error) {
	if err := Check(p, want); err != nil {
		return nil, err
	}
	have = distinct(have)
	c := computation[S]{provider: p, policy: pol, find: finder(p, have), byID: make(map[string]Found[S], len(have)),
		claimed: make(map[string]int, len(want))}
	for _, o := range have {
		c.byID[o.ID] = o
	}
	plan := make(Plan[S], 0, len(want))
	for i, w := range want {
		step, err := c.step(i, w)
		if err != nil {
			return nil, err
		}
		plan = append(plan, step)
	}
	purged, err := c.purge(have)
	if err != nil {
		return nil, err
	}
	extra := append(c.extra, purged...)
	slices.SortStableFunc(extra, func(a, b Step[S]) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), CompareIDs(a.ID, b.ID))
	})
	return append(plan, extra...), nil
}

type computation[S any] struct {
	provider Provider[S]
	policy   Policy[S]
	find     func(Want[S]) []Found[S]
	byID     map[string]Found[S]
	claimed  map[string]int // object id -> the step that it belongs to: such an object is never purged
	extra    Plan[S]
}

func (c *computation[S]) step(i int, w Want[S]) (Step[S], error) {
	key := c.provider.Key(w.State)
	step := Step[S]{Index: i, Key: key, ID: w.ID, Wish: w.State, Action: Unchanged, byID: w.ID != ""}
	// An object without a group goes to the first step that matches it; the next one creates its own.
	matches := slices.DeleteFunc(c.match(w), func(o Found[S]) bool {
		_, taken := c.claimed[o.ID]
		return !step.byID && taken && takesOver(c.provider, o.Known, w.State)
	})
	for _, o := range matches {
		if j, taken := c.claimed[o.ID]; taken {
			return step, fmt.Errorf("%s: the wishes at positions %d and %d both mean the object with id %s: %w", key, j, i, o.ID, ErrDuplicate)
		}
		c.claimed[o.ID] = i
	}
	if w.Absent {
		return c.absent(step, w, matches), nil
	}
	if w.ID != "" && len(matches) == 0 {
		step.Err = fmt.Errorf("%s: id %s %w; leave id out to create it", key, w.ID, ErrNotFound)
		return step, nil
	}
	matches, err := c.settle(key, w.State, matches)
	if err != nil {
		step.Err = err
		return step, nil
	}
	if len(matches) == 0 {
		return c.create(step, w.State), nil
	}
	return c.update(step, matches[0], w), nil
}

// match gives the objects that a wish means, oldest first.
func (c *computation[S]) match(w Want[S]) []Found[S] {
	if w.ID != "" {
		if o, ok := c.byID[w.ID]; ok {
			return []Found[S]{o}
		}
		return nil
	}
	matches := slices.Clone(c.find(w))
	slices.SortFunc(matches, func(a, b Found[S]) int { return CompareIDs(a.ID, b.ID) })
	return matches
}

// settle reduces several matches to one: what a replacement left behind when it was interrupted, and duplicates on the user's word.
func (c *computation[S]) settle(key string, want S, matches []Found[S]) ([]Found[S], error) {
	if one, left := c.interrupted(matches); left != nil && c.kept(one[0], want) {
		if !c.policy.AllowReplace {
			return nil, fmt.Errorf("%s: the replacement of %s by %s was interrupted; %s removes what is left of it",
				key, left[0].ID, one[0].ID, c.replacing())
		}
		c.dropAll(left, "replaced by "+one[0].ID)
		return one, nil
	}
	switch {
	case len(matches) < 2:
		return matches, nil
	case c.policy.OnDuplicate == Oldest && duplicates(c.provider, matches):
		c.dropAll(matches[1:], "duplicate of "+matches[0].ID)
		return matches[:1], nil
	default:
		return nil, ambiguous(c.provider, key, matches)
	}
}

// kept reports whether an object that was found can be updated to a desired state.
func (c *computation[S]) kept(found Found[S], want S) bool {
	have, whole := found.Whole()
	return whole && mustReplace(c.provider, have, want) == ""
}

// interrupted tells the one object of several that a replacement has made from those that it should have deleted. Where that is not how they
// are, left is nil.
func (c *computation[S]) interrupted(matches []Found[S]) (one, left []Found[S]) {
	r, ok := c.provider.(Replacer[S])
	if !ok {
		return matches, nil
	}
	for _, o := range matches {
		if r.Claimed(o) {
			left = append(left, o)
		} else {
			one = append(one, o)
		}
	}
	if len(one) != 1 || !oneGroup(c.provider, matches) {
		return matches, nil
	}
	return one, left
}

// replacing is how the user allows that objects are replaced.
func (c *computation[S]) replacing() string { return cmp.Or(c.policy.Replacing, "allow_replace: true") }

// duplicates tells whether objects of one name can be duplicates of each other: all of the same group and kind.
func duplicates[S any](p Provider[S], objects []Found[S]) bool {
	return oneGroup(p, objects) && oneKind(p, objects)
}

// oneKind tells whether all objects are of the same kind.
func oneKind[S any](p Provider[S], objects []Found[S]) bool {
	return !slices.ContainsFunc(objects, func(o Found[S]) bool { return !alikeStates(p, o.Known, objects[0].Known) })
}

// oneGroup tells whether all objects are of the same group.
func oneGroup[S any](p Provider[S], objects []Found[S]) bool {
	first := group(p, objects[0].Known)
	return !slices.ContainsFunc(objects, func(o Found[S]) bool { return group(p, o.Known) != first })
}

func (c *computation[S]) dropAll(objects []Found[S], reason string) {
	for _, o := range objects {
		c.extra = append(c.extra, c.deletion(-1, o, reason))
	}
}

func (c *computation[S]) deletion(index int, o Found[S], reason string) Step[S] {
	return deletion(c.provider, index, o, reason)
}

func deletion[S any](p Provider[S], index int, o Found[S], reason string) Step[S] {
	return Step[S]{Index: index, Key: p.Key(o.Known), ID: o.ID, Action: Delete, Reason: reason, Deleted: &o, Changes: Removed(o)}
}

// Along gives the deletion of an object that goes with that of another one. It has the place of what takes it along, so that it is
// attempted where that is, see Cascader.
func Along[S any](p Provider[S], with Step[S], o Found[S]) Step[S] {
	return deletion(p, with.Index, o, "goes with "+with.ID)
}

func (c *computation[S]) absent(step Step[S], w Want[S], matches []Found[S]) Step[S] {
	if len(matches) == 0 {
		return step
	}
	if mine, other := group(c.provider, w.State), group(c.provider, matches[0].Known); w.ID != "" && mine != "" && other != "" && mine != other {
		step.Err = fmt.Errorf("%s: id %s belongs to %s, not to %s, and is left alone", step.Key, w.ID, other, mine)
		return step
	}
	if one, left := c.interrupted(matches); left != nil {
		c.dropAll(left, "replaced by "+one[0].ID)
		matches = one
	}
	if len(matches) > 1 && (c.policy.OnDuplicate != Oldest || !duplicates(c.provider, matches)) {
		step.Err = ambiguous(c.provider, step.Key, matches)
		return step
	}
	c.dropAll(matches[1:], "duplicate of "+matches[0].ID)
	deletion := c.deletion(step.Index, matches[0], "")
	deletion.Key, deletion.Wish, deletion.byID = step.Key, step.Wish, step.byID
	return deletion
}

func (c *computation[S]) create(step Step[S], want S) Step[S] {
	merged, err := c.provider.Merge(nil, want)
	if err != nil {
		step.Err = err
		return step
	}
	step.Action, step.Want, step.Changes = Create, merged, Set(merged)
	return step
}

func (c *computation[S]) update(step Step[S], found Found[S], w Want[S]) Step[S] {
	step.ID = found.ID
	have, err := whole(found, step.Key)
	if err != nil {
		step.Err = err
		return step
	}
	step.Have = have
	if field := mustReplace(c.provider, *have, w.State); field != "" {
		return c.replace(step, w, field)
	}
	merged, err := c.provider.Merge(have, w.State)
	if err != nil {
		step.Err = err
		return step
	}
	step.Want, step.Changes = merged, Diff(*have, merged)
	if len(step.Changes) > 0 {
		step.Action = Update
	}
	return step
}

func (c *computation[S]) replace(step Step[S], w Want[S], field string) Step[S] {
	switch {
	case !c.policy.AllowReplace:
		step.Err = fmt.Errorf("%s: %s of %s %w; %s deletes it and creates a new one",
			step.Key, field, step.ID, fixedField(c.provider, *step.Have, w.State, field), c.replacing())
		return step
	case w.ID != "":
		step.Err = fmt.Errorf("%s: %s of %s %w; the one that replaces it has another id, so write its name instead of the id",
			step.Key, field, step.ID, fixedField(c.provider, *step.Have, w.State, field))
		return step
	}
	// The new object inherits what the user left unset from the old one, and a fixed field never comes from there.
	merged, err := c.provider.Merge(step.Have, w.State)
	if err != nil {
		step.Err = err
		return step
	}
	step.Action, step.Want, step.Changes = Replace, merged, Diff(*step.Have, merged)
	return step
}

// fixedField returns ErrReplace with the current and the desired value of a field.
func fixedField[S any](p Provider[S], have Object[S], want S, field string) error {
	merged, err := p.Merge(&have, want)
	if err != nil {
		merged = want
	}
	for _, c := range Diff(have, merged) {
		if c.Field == field {
			return fmt.Errorf("%w, and is %s, got: %s", ErrReplace, valueText(c.Before), valueText(c.After))
		}
	}
	return ErrReplace
}

// valueText returns a value for messages.
func valueText(value any) string {
	switch v := value.(type) {
	case nil:
		return "not set"
	case []string:
		if len(v) == 0 {
			return "an empty list"
		}
		return Enumerate(v, 10)
	case string:
		if v == "" {
			return "empty"
		}
	}
	return fmt.Sprint(value)
}

// purge gives the deletions of what is in scope and not declared.
func (c *computation[S]) purge(have []Found[S]) (Plan[S], error) {
	if c.policy.Scope == nil {
		return nil, nil
	}
	var doomed Plan[S]
	total, reason := 0, NotDeclared
	if c.policy.Whole {
		reason = "all of " + c.policy.Group + " is to go"
	}
	for _, o := range have {
		if !c.policy.Scope(o) {
			continue
		}
		total++
		if _, declared := c.claimed[o.ID]; !declared {
			doomed = append(doomed, c.deletion(-1, o, reason))
		}
	}
	if c.policy.Limit.Allows(len(doomed), total) {
		return doomed, nil
	}
	keys := make([]string, len(doomed))
	for i, s := range doomed {
		keys[i] = fmt.Sprintf("%s (%s)", s.Key, s.ID)
	}
	slices.Sort(keys)
	return nil, &LimitError{Limit: c.policy.Limit, Total: total, Keys: keys}
}

// NotDeclared is the Reason of steps that delete what Policy.Scope selects and no wish declares, unless the whole of a group is to go.
const NotDeclared = "not declared"

// Check finds wishes that contradict each other whatever there is. Compute does it too; a caller who asks before Observe spares
// the service the calls.
func Check[S any](p Provider[S], want []Want[S]) error {
	keys, ids := make(map[string]int, len(want)), make(map[string]int)
	var errs []error
	for i, w := range want {
		j, twice := ids[w.ID]
		if w.ID != "" && twice {
			errs = append(errs, fmt.Errorf("id %s: %w, at positions %d and %d of the list", w.ID, ErrDuplicate, j, i))
			continue
		}
		ids[w.ID] = i
		if w.ID != "" && w.Absent {
			continue // its name says nothing
		}
		key := p.Key(w.State)
		if j, twice = keys[key]; twice {
			errs = append(errs, fmt.Errorf("%s: %w, at positions %d and %d of the list", key, ErrDuplicate, j, i))
			continue
		}
		keys[key] = i
	}
	return errors.Join(errs...)
}

// group gives the group of a state, "" where the provider has none.
func group[S any](p Provider[S], state S) string {
	if g, ok := p.(Grouper[S]); ok {
		return g.Group(state)
	}
	return ""
}

// whole returns the object that a step is compared with. It fails where the object was not read whole, because it
// changed meanwhile: fields that were not read would seem to differ.
func whole[S any](found Found[S], key string) (*Object[S], error) {
	have, read := found.Whole()
	if !read {
		return nil, fmt.Errorf("%s: %s was changed by somebody else while it was read, and is left alone; run the task again", key, found.ID)
	}
	return &have, nil
}

// takesOver tells whether an object would come from another group, or none, into that of a wish.
func takesOver[S any](p Provider[S], have, want S) bool {
	mine := group(p, want)
	return mine != "" && mine != group(p, have)
}

// alikeStates tells whether two states are of one kind.
func alikeStates[S any](p Provider[S], a, b S) bool {
	l, ok := p.(Liker[S])
	return !ok || l.Alike(a, b)
}

// mustReplace names a field that keeps an object from being updated to a wish, "" for none.
func mustReplace[S any](p Provider[S], have Object[S], want S) string {
	if r, ok := p.(Replacer[S]); ok {
		return r.MustReplace(have, want)
	}
	return ""
}

// distinct returns each found object once, the one that was read whole if there is one: a list that grows while its
// pages are read can show an object twice.
func distinct[S any](found []Found[S]) []Found[S] {
	index := make(map[string]int, len(found))
	once := make([]Found[S], 0, len(found))
	for _, o := range found {
		i, again := index[o.ID]
		switch {
		case !again:
			index[o.ID] = len(once)
			once = append(once, o)
		case o.whole && !once[i].whole:
			once[i] = o
		}
	}
	return once
}

func finder[S any](p Provider[S], have []Found[S]) func(Want[S]) []Found[S] {
	if f, ok := p.(Finder[S]); ok {
		return f.Find(have)
	}
	byKey := make(map[string][]Found[S], len(have))
	for _, o := range have {
		k := p.Key(o.Known)
		byKey[k] = append(byKey[k], o)
	}
	return func(w Want[S]) []Found[S] { return byKey[p.Key(w.State)] }
}

// ambiguous says what helps: only what are duplicates of each other can go by on_duplicate.
func ambiguous[S any](p Provider[S], key string, matches []Found[S]) error {
	ids := make([]string, len(matches))
	for i, o := range matches {
		ids[i] = o.ID
	}
	advice := "give the id of the one that is meant"
	switch {
	case !oneKind(p, matches):
		advice = "give the type or the id of the one that is meant"
	case oneGroup(p, matches):
		advice += ", or on_duplicate: oldest to keep the oldest and delete the others"
	}
	return fmt.Errorf("%s: %w, ids %s; %s", key, ErrAmbiguous, strings.Join(ids, ", "), advice)
}

// CompareIDs orders identifiers by age where they are growing numbers, and by text where they are not.
func CompareIDs(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// Enumerate joins the first n texts and adds how many more there are. Names with commas or outer spaces are quoted.
func Enumerate(texts []string, n int) string {
	quoted := make([]string, min(n, len(texts)))
	for i := range quoted {
		quoted[i] = Quoted(texts[i])
	}
	if len(texts) <= n {
		return strings.Join(quoted, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(quoted, ", "), len(texts)-n)
}

// Quoted returns a name for messages, in quotes where its ends would be unclear.
func Quoted(name string) string {
	if name != strings.TrimSpace(name) || strings.Contains(name, ",") && !strings.ContainsAny(name, "()") {
		return strconv.Quote(name)
	}
	return name
}

// Failed gives the steps of a plan that have an error, in order.
func (p Plan[S]) Failed() []Step[S] {
	var failed []Step[S]
	for _, s := range p {
		if s.Err != nil {
			failed = append(failed, s)
		}
	}
	return failed
}
