// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// Exclusive tells whether an update is made of what there is: variables are sent as a whole, with those that others have set.
func (p *provider) Exclusive(have reconcile.Object[Object], want Object) bool {
	return !reflect.DeepEqual(have.State.Vars, want.Vars)
}

// Update sets the attributes that differ. The variables are those that the object has by now, with the ones that differ.
func (p *provider) Update(ctx context.Context, have reconcile.Object[Object], want Object) (is reconcile.Object[Object], err error) {
	is = have
	err = p.notes.among(ctx, func() error {
		is, err = p.update(ctx, have, want)
		return err
	}, want.host)
	return is, err
}

func (p *provider) update(ctx context.Context, have reconcile.Object[Object], want Object) (reconcile.Object[Object], error) {
	if err := p.begin(ctx); err != nil {
		return have, err
	}
	attrs := toWire(reconcile.Diff(have, want))
	if _, varied := attrs["vars"]; varied {
		now, err := get[modified](ctx, p.client, want.kind, have.ID, "vars", "original_attributes")
		if err != nil {
			return have, fmt.Errorf("updating %s %s: %w", strings.ToLower(string(want.kind)), have.ID, err)
		}
		round(map[string]any(now.Vars))
		vars := want.Vars.since(have.State.Vars).over(now.Vars.withoutNulls())
		if err := now.breaks(have.ID, vars); err != nil {
			return have, err
		}
		attrs["vars"] = map[string]any(vars)
	}
	if err := p.modify(ctx, want.kind, have.ID, attrs); err != nil {
		return have, fmt.Errorf("updating %s %s: %w", strings.ToLower(string(want.kind)), have.ID, before(err, attrs))
	}
	return reconcile.Object[Object]{ID: have.ID, State: want}, nil
}

// modified holds the variables of an object and the record of what was ever modified.
type modified struct {
	Vars     Vars           `json:"vars"`
	Original map[string]any `json:"original_attributes"` // by the path that was set, such as vars or vars.disks.x
}

// breaks refuses variables in which a path that was once set leads through something other than a dictionary. The
// server could then save no modification of any object, and would lose all of them at the next reload.
func (m modified) breaks(id string, vars Vars) error {
	for _, path := range slices.Sorted(maps.Keys(m.Original)) {
		steps := strings.Split(path, ".")
		if steps[0] != "vars" {
			continue
		}
		var at any = map[string]any(vars)
		for i := 1; i < len(steps)-1; i++ {
			next, there := at.(map[string]any)[steps[i]]
			if !there {
				break
			}
			if _, ok := next.(map[string]any); !ok {
				return fmt.Errorf("%s: value of %s must be a dictionary or null, got: %s; %s was once set by its path, and with "+
					"another value Icinga could no longer save changes of any object; write {}, or recreate the object "+
					"(recreate: always with recreate_for: [vars])", id, strings.Join(steps[:i+1], "."), shownVar(steps[1:i+1], next), path)
			}
			at = next
		}
	}
	return nil
}

// shownVar returns the value at a path of variables for messages, with credentials masked.
func shownVar(path []string, value any) string {
	text, err := json.Marshal(mask(value, slices.ContainsFunc(path, credential.MatchString), func(string) {}))
	if err != nil {
		return secret.Mask
	}
	return string(text)
}

// admitVars refuses updates that the server could not save, see modified.breaks.
func (p *provider) admitVars(ctx context.Context, updates []*reconcile.Step[Object]) error {
	named := map[kind]map[string]*reconcile.Step[Object]{hostKind: {}, serviceKind: {}}
	for _, step := range updates {
		for _, value := range step.Want.Vars.since(step.Have.State.Vars) {
			if value != nil {
				named[step.Want.kind][step.ID] = step
			}
		}
	}
	for k, steps := range named {
		for part := range slices.Chunk(slices.Sorted(maps.Keys(steps)), mostNames) {
			found, err := query[modified](ctx, p.client, k, byName(k, part), "original_attributes")
			if err != nil {
				return err
			}
			for _, o := range found {
				if err := o.Attrs.breaks(o.Name, steps[o.Name].Want.Vars); err != nil {
					steps[o.Name].Err = err
				}
			}
		}
	}
	return nil
}

// UniformSize is of how many objects one call sets the same attributes. Ten changes are ten calls; a call for more takes a quarter of the time
// that single ones take.
func (p *provider) UniformSize() (fewest, most int) { return 20, 250 }

// Uniform gives what an update sends. Variables do not go together with others: they are made of those that each object has.
func (p *provider) Uniform(have reconcile.Object[Object], want Object) string {
	if p.Exclusive(have, want) {
		return ""
	}
	text, err := json.Marshal(toWire(reconcile.Diff(have, want)))
	if err != nil {
		return ""
	}
	return string(want.kind) + " " + string(text)
}

// UpdateMany sets the same attributes of several objects by one call. Those that the server does not confirm are tried one by one, so that
// each error is that of its object.
func (p *provider) UpdateMany(ctx context.Context, have []reconcile.Object[Object], want []Object) (errs []error) {
	err := p.notes.among(ctx, func() error {
		errs = p.updateMany(ctx, have, want)
		return nil
	}, hostsOf(have)...)
	if err != nil {
		return slices.Repeat([]error{err}, len(have))
	}
	return errs
}

func (p *provider) updateMany(ctx context.Context, have []reconcile.Object[Object], want []Object) []error {
	errs := make([]error, len(have))
	confirmed, err := map[string]bool{}, p.begin(ctx)
	if err == nil {
		confirmed, err = p.modifyAll(ctx, want[0].kind, ids(have), toWire(reconcile.Diff(have[0], want[0])))
	}
	away := ctx.Err() != nil || errors.Is(err, httpapi.ErrTransient) || errors.Is(err, httpapi.ErrRateLimited) || errors.Is(err, httpapi.ErrAuth)
	for i, o := range have {
		switch {
		case confirmed[o.ID]:
		case away:
			errs[i] = fmt.Errorf("updating %s %s: %w", strings.ToLower(string(want[i].kind)), o.ID, cmp.Or(err, ctx.Err()))
		default:
			_, errs[i] = p.update(ctx, o, want[i])
		}
	}
	return errs
}

func ids(objects []reconcile.Object[Object]) []string {
	ids := make([]string, len(objects))
	for i, o := range objects {
		ids[i] = o.ID
	}
	return ids
}

func hostsOf(objects []reconcile.Object[Object]) []string {
	hosts := make([]string, len(objects))
	for i, o := range objects {
		hosts[i] = o.State.host
	}
	return hosts
}

// before says which attributes were set all the same: the server takes them in the order of their names and stops at the first that it
// refuses.
func before(err error, attrs map[string]any) error {
	_, bad, _ := strings.Cut(err.Error(), "Attribute '")
	bad, _, found := strings.Cut(bad, "'")
	if !errors.Is(err, httpapi.ErrRefused) || !found {
		return err
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(attrs)), func(name string) bool { return name >= bad })
	if len(names) == 0 {
		return fmt.Errorf("%w; nothing was changed", err)
	}
	return &partial{fmt.Errorf("%w; changed before that: %s", err, strings.Join(names, ", "))}
}

// partial is the error of a write that was carried out in part.
type partial struct{ err error }

func (p *partial) Error() string { return p.err.Error() }

func (p *partial) Unwrap() error { return p.err }

// Partly tells that something was changed.
func (p *partial) Partly() bool { return true }
