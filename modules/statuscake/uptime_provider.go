// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/names"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/stacks"
)

// uptime is the reconcile.Provider of uptime tests.
type uptime struct {
	stacks.Base[Test]
	*client
	owned          bool // tests without a stack get the ownership tag too
	updatePassword bool // send basic_username and basic_password to existing tests
	groups         names.List
	seen           func(Test) // is told each test that was read, so that the passwords in it are masked; nil for nobody
}

func newUptime(c *client, scopeStack string) *uptime {
	u := &uptime{client: c}
	u.Base = stacks.Base[Test]{
		Marks: marks(), Identify: Test.identity, List: u.list, Read: u.read, Concurrency: c.concurrency, ScopeStack: scopeStack,
	}
	u.groups = names.List{Option: "contact_groups", Noun: "contact group", IsID: idPattern.MatchString, Load: u.listContactGroups}
	return u
}

// marks are the tags of the suite on a test.
func marks() stacks.Marks { return stacks.Colons() }

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
	tags := append(slices.Clone(want.Tags), u.Marks.Replaced)
	return u.change(ctx, have.ID, want, []reconcile.Change{{Field: "tags", After: tags}})
}

// Observe also looks up the contact groups that wishes name.
func (u *uptime) Observe(ctx context.Context, wants []reconcile.Want[Test], scope bool) ([]reconcile.Object[Test], error) {
	var groups [][]string
	for _, w := range wants {
		if !w.Absent {
			groups = append(groups, w.State.ContactGroups)
		}
	}
	if err := u.groups.Resolve(ctx, groups...); err != nil {
		return nil, err
	}
	return u.Base.Observe(ctx, wants, scope)
}

func (u *uptime) list(ctx context.Context, tag string) ([]reconcile.Object[Test], error) {
	tests, err := u.listUptime(ctx, tag)
	if err != nil {
		return nil, err
	}
	objects := make([]reconcile.Object[Test], len(tests))
	for i, t := range tests {
		objects[i] = reconcile.Object[Test]{ID: t.ID, State: fromOverview(t)}
		if u.seen != nil {
			u.seen(objects[i].State)
		}
	}
	return objects, nil
}

func (u *uptime) read(ctx context.Context, id string) (*Test, error) {
	d, err := u.getUptime(ctx, id)
	if errors.Is(err, httpapi.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	t := fromWire(d)
	if u.seen != nil {
		u.seen(t)
	}
	return &t, nil
}

// Merge fills a wish from the test there is, or with what a creation needs. It sets the tags of the suite and the ids of contact groups.
func (u *uptime) Merge(have *reconcile.Object[Test], want Test) (Test, error) {
	groups, err := u.groups.IDs(u.Key(want), want.ContactGroups)
	if err != nil {
		return Test{}, err
	}
	want.ContactGroups = groups
	if have == nil {
		want.Tags = u.Marks.Tags(want.Tags, nil, want.stack, u.owned)
		return u.complete(want)
	}
	want.Tags = u.Marks.Tags(want.Tags, have.State.Tags, want.stack, u.owned)
	old := have.State
	switch {
	case u.MustReplace(*have, want) != "":
		forget(&old, *want.TestType)
	case !u.updatePassword:
		want.BasicUsername, want.BasicPassword = nil, nil
	}
	return reconcile.Overlay(old, want, same), nil
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
