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
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
	"github.com/stackwatch/ansible-monitoring/pkg/stacks"
)

// uptime is the reconcile.Provider of uptime tests.
type uptime struct {
	stacks.Base[Test]
	*client
	owned           bool // tests without a stack get the ownership tag too
	updatePassword  bool // send basic_username and basic_password to existing tests
	keepsPassword   bool // the user has set update_password
	groups, regions names.List
	seen            func(Test)                       // called with each test that was read, to mask its passwords
	deprecate, warn func(format string, args ...any) // add a deprecation warning, and a warning
}

func newUptime(c *client, scopeStack string) *uptime {
	ignore := func(string, ...any) {}
	u := &uptime{client: c, seen: func(Test) {}, deprecate: ignore, warn: ignore}
	u.Base = stacks.Base[Test]{
		Marks: marks(), Identify: Test.identity, List: u.list, Read: u.read, Concurrency: c.concurrency, ScopeStack: scopeStack,
	}
	u.groups = names.List{Option: "contact_groups", Noun: "contact group", IsID: idPattern.MatchString, Load: u.listContactGroups}
	u.regions = names.List{
		Option: "regions", Noun: "region", Right: "region codes", Show: 100, IsID: func(string) bool { return true }, Load: u.listRegions,
	}
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
	if u.Claimed(have.Found()) {
		return nil
	}
	tags := append(slices.Clone(want.Tags), u.Marks.Replaced)
	return u.change(ctx, have.ID, want, []reconcile.Change{{Field: "tags", After: tags}})
}

// Observe also looks up the contact groups and regions that declared tests name and current ones do not have yet.
func (u *uptime) Observe(ctx context.Context, wants []reconcile.Want[Test], scope bool) ([]reconcile.Found[Test], error) {
	have, err := u.Base.Observe(ctx, wants, scope)
	if err != nil {
		return nil, err
	}
	current := u.Current(have)
	for _, w := range wants {
		if w.Absent {
			continue
		}
		test := current(w)
		if err := u.groups.Require(ctx, w.State.ContactGroups, test.ContactGroups); err != nil {
			return nil, err
		}
		if err := u.regions.Require(ctx, w.State.Regions, test.Regions); err != nil {
			return nil, err
		}
	}
	return have, nil
}

func (u *uptime) list(ctx context.Context, tag string) ([]reconcile.Found[Test], error) {
	tests, err := u.listUptime(ctx, tag)
	if err != nil {
		return nil, err
	}
	objects := make([]reconcile.Found[Test], len(tests))
	for i, t := range tests {
		objects[i] = reconcile.Found[Test]{ID: t.ID, Known: fromOverview(t)}
		u.seen(objects[i].Known)
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
	u.seen(t)
	return &t, nil
}

// Merge fills a desired test from the current one, or with what a creation needs. It sets the suite's tags and the ids
// of contact groups, completes an address without a scheme, and clears the body that another kind of body replaces.
func (u *uptime) Merge(have *reconcile.Object[Test], want Test) (Test, error) {
	key := u.Key(want)
	var old Test
	if have != nil {
		old = have.State
	}
	groups, err := u.groups.IDs(key, want.ContactGroups)
	if err == nil {
		err = u.groups.Unknown(key, groups, old.ContactGroups)
	}
	if err := errors.Join(err, u.regions.Unknown(key, want.Regions, old.Regions)); err != nil {
		return Test{}, err
	}
	want.ContactGroups = groups
	want.Tags = u.Marks.Tags(want.Tags, old.Tags, want.stack, u.owned)
	if have == nil {
		return u.complete(want)
	}
	asked := want
	replaced := u.MustReplace(*have, want) != ""
	switch {
	case replaced:
		forget(&old, *want.TestType)
	case !u.updatePassword:
		want.BasicUsername, want.BasicPassword = nil, nil
	}
	testType := or(want.TestType, *old.TestType)
	if err := u.settleAddress(&want, testType, old.WebsiteURL); err != nil {
		return Test{}, fmt.Errorf("%s: %w", key, err)
	}
	settleBody(&want)
	merged := reconcile.Overlay(old, want, same)
	// Only what the task sets is checked: what the test had before may be incomplete.
	target := merged
	if !replaced {
		target.Port, target.DNSIPs = asked.Port, asked.DNSIPs
	}
	if err := checkTarget(target, replaced); err != nil {
		return Test{}, fmt.Errorf("%s: %w", key, err)
	}
	merged.stack = u.Marks.Group(merged.Tags) // a task that names the test by its id need not name the stack
	return merged, nil
}

// settleAddress completes an address without a scheme, and refuses one that does not fit the type of the test.
func (u *uptime) settleAddress(want *Test, testType string, current *string) error {
	if want.WebsiteURL == nil {
		return nil
	}
	address := *want.WebsiteURL
	if err := addressFor(testType, address); err != nil {
		return err
	}
	if !isWeb(testType) || strings.Contains(address, "://") {
		return nil
	}
	whole := withScheme(address, or(current, ""))
	u.deprecate("website_url: %s has no scheme and is taken for %s; write it with http:// or https://", address, whole)
	want.WebsiteURL = &whole
	return nil
}

// settleBody clears one kind of body where the task sets the other, because a test sends only one.
func settleBody(want *Test) {
	none := secret.Value{}
	switch {
	case isSet(want.PostBody) && want.PostRaw == nil:
		want.PostRaw = &none
	case isSet(want.PostRaw) && want.PostBody == nil:
		want.PostBody = &none
	}
}

func or[T any](value *T, byDefault T) T {
	if value == nil {
		return byDefault
	}
	return *value
}

// forget takes out what a test of another type has no use for.
func forget(old *Test, testType string) {
	old.DNSIPs, old.DNSServer = []string{}, new(string)
	if !hasPort(testType) {
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
	if err := errors.Join(u.settleAddress(&want, *want.TestType, nil), checkTarget(want, true)); err != nil {
		return Test{}, fmt.Errorf("%s: %w", u.Key(want), err)
	}
	return want, nil
}

func defaultTo[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}

// Admit refuses names that are taken, and warns of tests that alert nobody and of credentials that are not sent.
func (u *uptime) Admit(ctx context.Context, plan reconcile.Plan[Test]) error {
	if err := u.RefuseTakenNames(ctx, plan); err != nil {
		return err
	}
	var silent, unsent []string
	for _, step := range plan {
		switch {
		case step.Err != nil:
		case step.Action == reconcile.Create && step.Wish.ContactGroups == nil:
			silent = append(silent, step.Key)
		case step.Have != nil && step.Action != reconcile.Replace && step.Action != reconcile.Delete &&
			(step.Wish.BasicUsername != nil || step.Wish.BasicPassword != nil):
			unsent = append(unsent, step.Key)
		}
	}
	if silent != nil {
		u.warn("new tests without contact_groups alert nobody: %s; set contact_groups, or write contact_groups: [] where that is meant",
			reconcile.Enumerate(silent, maxNamed))
	}
	if unsent != nil && !u.updatePassword && !u.keepsPassword {
		u.warn("basic_username and basic_password are not sent to tests that exist, because StatusCake does not tell whether they differ: %s; "+
			"write update_password: always to send them, or update_password: on_create where they are for new tests only",
			reconcile.Enumerate(unsent, maxNamed))
	}
	return nil
}

// maxNamed is how many tests a warning names.
const maxNamed = 10

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
	err := u.change(ctx, have.ID, want, reconcile.Diff(have, want))
	return reconcile.Object[Test]{ID: have.ID, State: want}, err
}

func (u *uptime) change(ctx context.Context, id string, want Test, changes []reconcile.Change) error {
	if err := u.updateUptime(ctx, id, toWire(changes)); err != nil {
		return fmt.Errorf("updating uptime test %s (%s): %w", u.Key(want), id, err)
	}
	return nil
}

// Delete removes a test, of which nothing remains: its history goes too.
func (u *uptime) Delete(ctx context.Context, have reconcile.Found[Test]) error {
	err := u.deleteUptime(ctx, have.ID)
	if err == nil || errors.Is(err, httpapi.ErrNotFound) {
		return nil
	}
	return fmt.Errorf("deleting uptime test %s (%s): %w", u.Key(have.Known), have.ID, err)
}
