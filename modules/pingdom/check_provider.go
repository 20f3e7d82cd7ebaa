// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/names"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/stacks"
)

// checks is the reconcile.Provider of uptime checks.
type checks struct {
	stacks.Base[Check]
	*client
	owned          bool // checks without a stack get the mark of the suite too
	updatePassword bool // compare and send auth of existing checks
	users, teams   names.List
	seen           func(Check) // called with each check that was read whole, to mask its secrets

	mu    sync.Mutex
	shown map[string]bool // ids that the list has shown
}

func newChecks(c *client, scopeStack string) *checks {
	p := &checks{client: c, shown: map[string]bool{}, seen: func(Check) {}}
	p.Base = stacks.Base[Check]{
		Marks: marks(), Identify: Check.identity, DefaultKind: typeHTTP, List: p.list, Read: p.read, Concurrency: c.concurrency,
		ScopeStack: scopeStack,
	}
	p.users = names.List{Option: "userids", Noun: "user", IsID: idPattern.MatchString, Load: c.listContacts}
	p.teams = names.List{Option: "teamids", Noun: "team", IsID: idPattern.MatchString, Load: c.listTeams}
	return p
}

// Observe also looks up the users and teams that declared checks name and current ones do not have yet.
func (p *checks) Observe(ctx context.Context, wants []reconcile.Want[Check], scope bool) ([]reconcile.Found[Check], error) {
	have, err := p.Base.Observe(ctx, wants, scope)
	if err != nil {
		return nil, err
	}
	current := p.Current(have)
	for _, w := range wants {
		if w.Absent {
			continue
		}
		check := current(w)
		if err := p.users.Require(ctx, w.State.UserIDs, check.UserIDs); err != nil {
			return nil, err
		}
		if err := p.teams.Require(ctx, w.State.TeamIDs, check.TeamIDs); err != nil {
			return nil, err
		}
	}
	return have, nil
}

func (p *checks) list(ctx context.Context, tag string) ([]reconcile.Found[Check], error) {
	all, err := p.listChecks(ctx, tag)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	objects := make([]reconcile.Found[Check], len(all))
	for i, o := range all {
		p.shown[string(o.ID)] = true
		objects[i] = reconcile.Found[Check]{ID: string(o.ID), Known: fromOverview(o)}
	}
	return objects, nil
}

func (p *checks) read(ctx context.Context, id string) (*Check, error) {
	d, err := p.getCheck(ctx, id)
	if errors.Is(err, httpapi.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c, err := fromDetails(d)
	if err != nil {
		return nil, fmt.Errorf("reading check %s: %w", id, err)
	}
	p.seen(c)
	return &c, nil
}

// Merge fills a wish from the check there is, or with what a creation needs. It sets the tags of the suite and the ids of users and
// teams, blanks a matcher that excludes the wished one, and lets the port follow the encryption.
func (p *checks) Merge(have *reconcile.Object[Check], want Check) (Check, error) {
	key := p.Key(want)
	var old Check
	if have != nil {
		old = have.State
	}
	if err := p.resolve(key, &want, old); err != nil {
		return Check{}, err
	}
	if have == nil {
		want.Tags = p.Marks.Tags(want.Tags, nil, want.stack, p.owned)
		return p.complete(want)
	}
	want.Tags = p.Marks.Tags(want.Tags, have.State.Tags, want.stack, p.owned)
	if want.Type != nil && *want.Type != value(old.Type) { // only a check declared by its id gets here
		return Check{}, fmt.Errorf("%s: type of %s cannot be changed after creation, and is %s, got: %s; "+
			"write name instead of id to create a check of type %s, and delete this one by its id with state: absent",
			key, have.ID, value(old.Type), *want.Type, *want.Type)
	}
	if err := want.fitsInto(value(old.Type)); err != nil {
		if want.Type == nil {
			err = fmt.Errorf("%w; check %s is of that type; set type to create another check of this name", err, have.ID)
		}
		return Check{}, fmt.Errorf("%s: %w", key, err)
	}
	if !p.updatePassword {
		want.Auth = nil
	}
	settle(&want, old)
	merged := reconcile.Overlay(old, want, same)
	if err := agree(merged, want); err != nil {
		return Check{}, fmt.Errorf("%s: %w", key, err)
	}
	merged.stack = p.Marks.Group(merged.Tags) // a declaration by id may leave it out
	return merged, nil
}

// resolve replaces names of users and teams by their ids, and refuses ids that do not exist.
func (p *checks) resolve(key string, want *Check, old Check) error {
	users, usersErr := p.users.IDs(key, want.UserIDs)
	teams, teamsErr := p.teams.IDs(key, want.TeamIDs)
	want.UserIDs, want.TeamIDs = users, teams
	return errors.Join(cmp.Or(usersErr, p.users.Unknown(key, users, old.UserIDs)), cmp.Or(teamsErr, p.teams.Unknown(key, teams, old.TeamIDs)))
}

// agree looks at what only the whole check tells, as far as the wish is about it: what somebody made by hand is no fault of the wish.
func agree(merged, want Check) error {
	if days := value(merged.SSLDownDaysBefore); days > 0 && want.SSLDownDaysBefore == nil && want.VerifyCertificate != nil && !*want.VerifyCertificate {
		return fmt.Errorf("value of verify_certificate must be true where ssl_down_days_before is %d, got: false; write ssl_down_days_before: 0 beside it", days)
	}
	if want.SSLDownDaysBefore != nil {
		if err := checkCertificate(&merged); err != nil {
			return err
		}
	}
	if want.IPv6 != nil {
		return checkIPv6(&merged)
	}
	return nil
}

// settle adds what a wish entails: one matcher takes the other's place, and a port that was the default of its encryption is so again. While
// certificates are not verified Pingdom does not tell the days before their end, which are then as good as none.
func settle(c *Check, have Check) {
	none := ""
	switch {
	case value(c.ShouldContain) != "" && c.ShouldNotContain == nil:
		c.ShouldNotContain = &none
	case value(c.ShouldNotContain) != "" && c.ShouldContain == nil:
		c.ShouldContain = &none
	}
	if have.SSLDownDaysBefore == nil && value(c.SSLDownDaysBefore) == 0 && !value(cmp.Or(c.VerifyCertificate, have.VerifyCertificate)) {
		c.SSLDownDaysBefore = nil
	}
	before := value(have.Encryption)
	if c.Port == nil && c.Encryption != nil && *c.Encryption != before && value(have.Port) == defaultPort(value(have.Type), before) {
		c.Port = or(nil, defaultPort(value(have.Type), *c.Encryption))
	}
}

// complete gives a new check what the API demands of it.
func (p *checks) complete(want Check) (Check, error) {
	key := p.Key(want)
	want.Type = or(want.Type, typeHTTP)
	if err := want.fitsInto(*want.Type); err != nil {
		return Check{}, fmt.Errorf("%s: %w", key, err)
	}
	given := creation(want)
	var missing []string
	for _, field := range append([]string{"name", "host"}, requiredOf(*want.Type)...) {
		if _, ok := given[field]; !ok {
			missing = append(missing, field)
		}
	}
	if missing != nil {
		return Check{}, fmt.Errorf("%s does not exist yet, and to create it there are missing required arguments: %s", key,
			strings.Join(missing, ", "))
	}
	if value(want.Encryption) && want.Port == nil {
		want.Port = or(nil, defaultPort(*want.Type, true))
	}
	if *want.Type == typeHTTPCustom {
		want.URL = or(want.URL, "/")
	}
	return want, nil
}

// Create makes a check.
func (p *checks) Create(ctx context.Context, want Check) (reconcile.Object[Check], error) {
	id, err := p.createCheck(ctx, creation(want))
	if planFull(err) {
		err = fmt.Errorf("the plan is full, there is no free uptime check for it; delete checks or extend the plan: %w", err)
	}
	if err != nil {
		return reconcile.Object[Check]{}, fmt.Errorf("creating check %s: %w", p.Key(want), err)
	}
	return reconcile.Object[Check]{ID: id, State: want}, nil
}

// planFull tells a refusal for want of room from one of a missing right: both are 403.
func planFull(err error) bool {
	var refusal *httpapi.Error
	return errors.As(err, &refusal) && refusal.Status == http.StatusForbidden && strings.Contains(refusal.Msg, "No free uptime checks")
}

// Update sends the fields that differ.
func (p *checks) Update(ctx context.Context, have reconcile.Object[Check], want Check) (reconcile.Object[Check], error) {
	err := p.change(ctx, have.ID, want, reconcile.Diff(have, want))
	return reconcile.Object[Check]{ID: have.ID, State: want}, err
}

// change sends fields of a check, and with the encryption always the port: it would be guessed otherwise.
func (p *checks) change(ctx context.Context, id string, want Check, changes []reconcile.Change) error {
	body := toWire(changes)
	if _, toggled := body["encryption"]; toggled && want.Port != nil {
		body["port"] = *want.Port
	}
	if err := p.updateCheck(ctx, id, body); err != nil {
		return fmt.Errorf("updating check %s (%s): %w", p.Key(want), id, err)
	}
	return nil
}

// Delete removes a check, of which nothing remains: its history goes too.
func (p *checks) Delete(ctx context.Context, have reconcile.Found[Check]) error {
	err := p.deleteCheck(ctx, have.ID)
	if err == nil || errors.Is(err, httpapi.ErrNotFound) {
		return nil
	}
	return fmt.Errorf("deleting check %s (%s): %w", p.Key(have.Known), have.ID, err)
}

// mostIDs is how many checks one call deletes: their ids stand in its URL.
const mostIDs = 100

// BatchSize is how many checks are deleted before the account is listed to look what is left.
func (p *checks) BatchSize() int { return 25 * mostIDs }

// DeleteMany removes a hundred checks with one call, looks in the end what is left of all, and deletes that one by one. So it does where
// the service refuses a call: one check that is gone already is enough for that.
func (p *checks) DeleteMany(ctx context.Context, have []reconcile.Found[Check]) []error {
	said := p.sendDeletions(ctx, have)
	var left map[string]bool
	var unseen error // why it is not known what is left
	if !vain(said[0]) {
		left, unseen = p.left(ctx)
	}
	errs := make([]error, len(have))
	for i, o := range have {
		err, doubt := said[i], ""
		switch {
		case vain(err):
		case err == nil && ctx.Err() != nil:
			continue // no look is left to the run, and Pingdom has said that it is done
		case unseen != nil && err == nil:
			err, doubt = unseen, ", which Pingdom says is done"
		case unseen != nil && !declined(err):
			doubt = ", which may be gone"
		case unseen != nil:
		case p.gone(ctx, o.ID, left):
			continue
		case err == nil || declined(err):
			errs[i] = p.Delete(ctx, o)
			continue
		}
		errs[i] = fmt.Errorf("deleting check %s (%s)%s: %w", p.Key(o.Known), o.ID, doubt, err)
	}
	return errs
}

// sendDeletions makes the calls that delete checks, and gives for each check what came of its call.
func (p *checks) sendDeletions(ctx context.Context, have []reconcile.Found[Check]) []error {
	said := make([]error, 0, len(have))
	var enough error // no call is worth it any more
	for batch := range slices.Chunk(have, mostIDs) {
		ids := make([]string, len(batch))
		for i, o := range batch {
			ids[i] = o.ID
		}
		if enough == nil && ctx.Err() != nil {
			enough = fmt.Errorf("%w: %w", reconcile.ErrNotAttempted, context.Cause(ctx))
		}
		err := enough
		if err == nil {
			err = p.deleteChecks(ctx, ids)
			if vain(err) {
				enough = fmt.Errorf("%w: %w", reconcile.ErrNotAttempted, err)
			}
		}
		said = append(said, slices.Repeat([]error{err}, len(batch))...)
	}
	return said
}

// declined tells a call that the service understood and did not carry out from one of which nothing is known.
func declined(err error) bool {
	var refusal *httpapi.Error
	return errors.As(err, &refusal) && refusal.Status/100 == 4
}

// vain tells of a call that was not carried out, and than which no other call would fare better.
func vain(err error) bool {
	return errors.Is(err, reconcile.ErrNotAttempted) || errors.Is(err, httpapi.ErrAuth) || errors.Is(err, httpapi.ErrRateLimited)
}

// left gives the ids of all checks that there are by the list.
func (p *checks) left(ctx context.Context) (map[string]bool, error) {
	listed, err := p.listChecks(ctx, "")
	left := make(map[string]bool, len(listed))
	for _, o := range listed {
		left[string(o.ID)] = true
	}
	return left, err
}

// gone tells whether it is proven that there is no check of an id. Where the list never showed it, as it does not yet show what was created
// moments ago, that it does not show it now proves nothing.
func (p *checks) gone(ctx context.Context, id string, left map[string]bool) bool {
	p.mu.Lock()
	shown := p.shown[id]
	p.mu.Unlock()
	if shown || left[id] {
		return !left[id]
	}
	state, err := p.read(ctx, id)
	return state == nil && err == nil
}

// Admit refuses names that are taken, and a plan that creates more checks than the account has room for, before anything is written.
func (p *checks) Admit(ctx context.Context, plan reconcile.Plan[Check]) error {
	if err := p.RefuseTakenNames(ctx, plan); err != nil {
		return err
	}
	var created []string
	instead := ""
	for _, step := range plan {
		switch step.Action {
		case reconcile.Create:
			created = append(created, step.Key)
		case reconcile.Delete:
			instead = " in a task before this one (what the same task deletes makes no room)"
		}
	}
	if created == nil {
		return nil
	}
	room, err := p.availableChecks(ctx)
	if err != nil {
		return err
	}
	if room >= len(created) {
		return nil
	}
	return fmt.Errorf("nothing was changed, because the plan of the account has room for %d more checks and %d would be created: %s; "+
		"delete checks%s, extend the plan, or declare fewer", room, len(created), reconcile.Enumerate(created, 20), instead)
}
