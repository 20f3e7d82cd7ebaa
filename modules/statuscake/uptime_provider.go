// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// uptime is the reconcile.Provider of uptime tests.
type uptime struct {
	*client
	owned          bool   // tests without a stack get the ownership tag too
	scopeStack     string // with scope Observe shows all of this stack, or of the account where it is ""
	updatePassword bool   // send basic_username and basic_password to existing tests
	groups         groupNames
}

// Tags that mark what belongs to the suite, and to which stack.
const (
	ownershipTag = "managed_by:stackwatch"
	stackTag     = "stack:"
	replacedTag  = "replaced_by:stackwatch" // on a test that is about to be replaced, and so only after an interruption
)

// stacksOf gives the stacks that tags name. Usually it is one or none; only by hand a test gets several, and is then shared.
func stacksOf(tags []string) []string {
	var stacks []string
	for _, tag := range tags {
		if stack, ok := strings.CutPrefix(tag, stackTag); ok {
			stacks = append(stacks, stack)
		}
	}
	slices.Sort(stacks)
	return slices.Compact(stacks)
}

// ofSuite tells whether a tag is one that the module sets by itself.
func ofSuite(tag string) bool {
	return tag == ownershipTag || tag == replacedTag || strings.HasPrefix(tag, stackTag)
}

// Group is the test's stack, and all of them for a test that is shared.
func (u *uptime) Group(t Test) string { return t.stack }

// Key is "stack/name", or the name alone, with a slash before it if it has one inside: a stack's name has none.
func (u *uptime) Key(t Test) string {
	name := t.label
	if t.Name != nil {
		name = *t.Name
	}
	if t.stack == "" && strings.Contains(name, "/") {
		return "/" + name
	}
	if t.stack == "" {
		return name
	}
	return t.stack + "/" + name
}

// Find matches by name. In a stack these are the stack's tests, or else, for a test that shall exist, those of no stack: made by hand
// and now adopted. Without a stack they are all tests of that name. Spaces around a name do not count: wishes have none.
func (u *uptime) Find(have []reconcile.Object[Test]) func(reconcile.Want[Test]) []reconcile.Object[Test] {
	byName := make(map[string][]reconcile.Object[Test], len(have))
	for _, o := range have {
		name := strings.TrimSpace(*o.State.Name)
		byName[name] = append(byName[name], o)
	}
	return func(w reconcile.Want[Test]) []reconcile.Object[Test] {
		if w.State.Name == nil {
			return nil
		}
		all := byName[*w.State.Name]
		if w.State.stack == "" {
			return all
		}
		var own, free []reconcile.Object[Test]
		for _, o := range all {
			switch {
			case slices.Contains(o.State.Tags, stackTag+w.State.stack):
				own = append(own, o)
			case o.State.stack == "":
				free = append(free, o)
			}
		}
		if len(own) > 0 || w.Absent {
			return own
		}
		return free
	}
}

// MustReplace names test_type, which the API does not change.
func (u *uptime) MustReplace(have reconcile.Object[Test], want Test) string {
	if want.TestType != nil && have.State.TestType != nil && *want.TestType != *have.State.TestType {
		return "test_type"
	}
	return ""
}

// Claim tags a test as replaced, and as belonging to the stack that took it over: a run after an interrupted replacement would
// otherwise find only the new test, or take the two for namesakes.
func (u *uptime) Claim(ctx context.Context, have reconcile.Object[Test], want Test) error {
	if u.Claimed(have) {
		return nil
	}
	tags := append(slices.Clone(want.Tags), replacedTag)
	return u.change(ctx, have.ID, want, []reconcile.Change{{Field: "tags", After: tags}})
}

// Claimed tells whether a replacement of the test was interrupted.
func (u *uptime) Claimed(have reconcile.Object[Test]) bool {
	return slices.Contains(have.State.Tags, replacedTag)
}

// Observe reads the tests that wishes name by id, and the list where there are names or a scope: of one stack where all
// are of it, and of the whole account where not, or where a test may have to be adopted. Tests that shall exist are
// then read one by one, because the list does not tell all.
func (u *uptime) Observe(ctx context.Context, wants []reconcile.Want[Test], scope bool) ([]reconcile.Object[Test], error) {
	if err := u.resolve(ctx, wants); err != nil {
		return nil, err
	}
	have, err := u.listed(ctx, wants, scope)
	if err != nil {
		return nil, err
	}
	index := make(map[string]int, len(have))
	for i, o := range have {
		index[o.ID] = i
	}
	var read []string
	find := u.Find(have)
	for _, w := range wants {
		if w.ID != "" {
			read = append(read, w.ID)
			continue
		}
		for _, o := range find(w) {
			if !w.Absent {
				read = append(read, o.ID)
			}
		}
	}
	slices.Sort(read)
	tests, err := u.readAll(ctx, slices.Compact(read))
	if err != nil {
		return nil, err
	}
	gone := make(map[string]bool)
	for id, t := range tests {
		i, listed := index[id]
		switch {
		case t == nil:
			gone[id] = true
		case listed:
			have[i].State = *t
		default:
			have = append(have, reconcile.Object[Test]{ID: id, State: *t})
		}
	}
	return slices.DeleteFunc(have, func(o reconcile.Object[Test]) bool { return gone[o.ID] }), nil
}

// listed reads as little of the list as the wishes allow.
func (u *uptime) listed(ctx context.Context, wants []reconcile.Want[Test], scope bool) ([]reconcile.Object[Test], error) {
	stacks := make(map[string]bool)
	if scope {
		stacks[u.scopeStack] = true
	}
	for _, w := range wants {
		if w.ID == "" {
			stacks[w.State.stack] = true
		}
	}
	tag := ""
	switch {
	case len(stacks) == 0:
		return nil, nil
	case len(stacks) == 1 && !stacks[""]:
		for stack := range stacks {
			tag = stackTag + stack
		}
	}
	have, err := u.list(ctx, tag)
	if err != nil || tag == "" {
		return have, err
	}
	find := u.Find(have)
	for _, w := range wants {
		if w.ID == "" && !w.Absent && len(find(w)) == 0 {
			return u.list(ctx, "")
		}
	}
	return have, nil
}

func (u *uptime) list(ctx context.Context, tag string) ([]reconcile.Object[Test], error) {
	tests, err := u.listUptime(ctx, tag)
	if err != nil {
		return nil, err
	}
	objects := make([]reconcile.Object[Test], len(tests))
	for i, t := range tests {
		objects[i] = reconcile.Object[Test]{ID: t.ID, State: fromOverview(t)}
	}
	return objects, nil
}

// readAll gives the whole state of tests by id, nil for those that do not exist.
func (u *uptime) readAll(ctx context.Context, ids []string) (map[string]*Test, error) {
	states := make([]*Test, len(ids))
	err := reconcile.Each(ctx, u.concurrency, len(ids), func(ctx context.Context, i int) error {
		d, err := u.getUptime(ctx, ids[i])
		if errors.Is(err, httpapi.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		t := fromWire(d)
		states[i] = &t
		return nil
	})
	if err != nil {
		return nil, err
	}
	tests := make(map[string]*Test, len(ids))
	for i, id := range ids {
		tests[id] = states[i]
	}
	return tests, nil
}

// Merge fills a wish from the test there is, or with what a creation needs. It sets the tags of the suite and the ids of contact groups.
func (u *uptime) Merge(have *reconcile.Object[Test], want Test) (Test, error) {
	groups, err := u.contactGroups(want)
	if err != nil {
		return Test{}, err
	}
	want.ContactGroups = groups
	if have == nil {
		want.Tags = u.tags(want.Tags, nil, want.stack)
		return u.complete(want)
	}
	want.Tags = u.tags(want.Tags, have.State.Tags, want.stack)
	old := have.State
	switch {
	case u.MustReplace(*have, want) != "":
		forget(&old, *want.TestType)
	case !u.updatePassword:
		want.BasicUsername, want.BasicPassword = nil, nil
	}
	return overlay(old, want), nil
}

// forget takes out what a test of another type has no use for.
func forget(old *Test, testType string) {
	old.DNSIPs, old.DNSServer = []string{}, new(string)
	if !slices.Contains([]string{"SMTP", "SSH", "TCP"}, testType) {
		old.Port = new(int)
	}
}

// complete gives a new test what the API demands of it, or does not default to what it says.
func (u *uptime) complete(want Test) (Test, error) {
	if want.Name == nil || want.WebsiteURL == nil {
		var missing []string
		if want.Name == nil {
			missing = append(missing, "name")
		}
		if want.WebsiteURL == nil {
			missing = append(missing, "website_url")
		}
		return Test{}, fmt.Errorf("%s does not exist yet, and to create it there are missing required arguments: %s", u.Key(want), strings.Join(missing, ", "))
	}
	defaultTo(&want.TestType, "HTTP")
	defaultTo(&want.CheckRate, 300)
	defaultTo(&want.Confirmation, 2)
	defaultTo(&want.TriggerRate, 0)
	if err := checkURL(&want); err != nil {
		return Test{}, fmt.Errorf("%s: %w", u.Key(want), err)
	}
	return want, nil
}

func defaultTo[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}

// tags gives a test its user's tags, or those that it has where the user says nothing, and those of the suite.
func (u *uptime) tags(want, have []string, stack string) []string {
	var tags []string
	add := func(tag string) {
		if !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	// What is of a stack stays so unless the wish, by its id, moves it or takes it over. A shared test stays shared.
	keep := stack == "" || slices.Contains(have, stackTag+stack)
	for _, tag := range have {
		if want == nil && !ofSuite(tag) || tag == ownershipTag || keep && strings.HasPrefix(tag, stackTag) {
			add(tag)
		}
	}
	for _, tag := range want {
		add(tag)
	}
	if stack != "" || u.owned {
		add(ownershipTag)
	}
	if stack != "" {
		add(stackTag + stack)
	}
	if tags == nil && want != nil {
		tags = []string{}
	}
	return tags
}

// Create makes a test. Codes that shall be empty need an update, because the server fills them at creation.
func (u *uptime) Create(ctx context.Context, want Test) (reconcile.Object[Test], error) {
	id, err := u.createUptime(ctx, creation(want))
	if err != nil {
		return reconcile.Object[Test]{}, fmt.Errorf("creating uptime test %s: %w", u.Key(want), err)
	}
	made := reconcile.Object[Test]{ID: id, State: want}
	if want.StatusCodes != nil && len(want.StatusCodes) == 0 {
		err = u.change(ctx, id, want, []reconcile.Change{{Field: "status_codes_csv", After: []string{}}})
	}
	return made, err
}

// Update sends the fields that differ.
func (u *uptime) Update(ctx context.Context, have reconcile.Object[Test], want Test) (reconcile.Object[Test], error) {
	err := u.change(ctx, have.ID, want, reconcile.Diff(have.State, want))
	return reconcile.Object[Test]{ID: have.ID, State: want}, err
}

func (u *uptime) change(ctx context.Context, id string, want Test, changes []reconcile.Change) error {
	if err := u.updateUptime(ctx, id, toWire(changes)); err != nil {
		return fmt.Errorf("updating uptime test %s (%s): %w", u.Key(want), id, err)
	}
	return nil
}

// Delete removes a test, of which nothing remains: its history goes too.
func (u *uptime) Delete(ctx context.Context, have reconcile.Object[Test]) error {
	err := u.deleteUptime(ctx, have.ID)
	if err == nil || errors.Is(err, httpapi.ErrNotFound) {
		return nil
	}
	return fmt.Errorf("deleting uptime test %s (%s): %w", u.Key(have.State), have.ID, err)
}
