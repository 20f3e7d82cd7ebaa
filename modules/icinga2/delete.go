// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// Cascade names the services that go with their hosts, and keeps what must stay: what did not come through the API, a host that a purge
// would take although it holds services that are not its stack's, and one that was asked away by name with services of other stacks.
func (p *provider) Cascade(ctx context.Context, plan reconcile.Plan[Object]) (reconcile.Plan[Object], error) {
	doomed, planned := map[string]*reconcile.Step[Object]{}, map[string]bool{}
	for i := range plan {
		step := &plan[i]
		planned[step.ID] = true
		switch {
		case step.Err != nil || step.Action != reconcile.Delete:
		case step.Deleted.Known.pkg != apiPackage:
			step.Err = fmt.Errorf("%s %s, and is left alone", step.Key, made(step.Deleted.Known))
		case step.Deleted.Known.kind == hostKind:
			doomed[step.ID] = step
		}
	}
	carried, err := p.carried(ctx, slices.Sorted(maps.Keys(doomed)))
	if err != nil {
		return nil, err
	}
	var along []reconcile.Step[Object]
	for _, host := range slices.Sorted(maps.Keys(doomed)) {
		step := doomed[host]
		if step.Err = mustStay(*step, carried[host]); step.Err != nil {
			continue
		}
		var ruled []string
		for _, service := range carried[host] {
			switch {
			case service.Known.pkg != apiPackage: // only its host can be deleted
				ruled = append(ruled, service.Known.service)
			case !planned[service.ID]:
				along = append(along, reconcile.Along(p, *step, service))
			}
		}
		if len(ruled) > 0 {
			step.Reason = strings.TrimPrefix(step.Reason+", with its services of the configuration: "+strings.Join(ruled, ", "), ", ")
		}
	}
	plan = append(plan, along...)
	return plan, p.nameHanging(ctx, plan)
}

// takesAlong is in the changes of a deletion what goes with it and is neither a host nor a service.
const takesAlong = "takes_along"

// nameHanging names what was made through the API and goes with what is deleted, of the kinds that nothing brings back and that the user may see.
func (p *provider) nameHanging(ctx context.Context, plan reconcile.Plan[Object]) error {
	doomed, hosts := map[string]*reconcile.Step[Object]{}, map[string]bool{}
	for i := range plan {
		if step := &plan[i]; step.Err == nil && step.Action == reconcile.Delete {
			doomed[step.ID], hosts[step.Deleted.Known.host] = step, true
		}
	}
	if len(doomed) == 0 {
		return nil
	}
	may, err := p.rights(ctx)
	if err != nil {
		return err
	}
	kinds := slices.DeleteFunc([]kind{dependencyKind, notificationKind, scheduledDowntimeKind}, func(k kind) bool {
		return !may.may("objects/query/" + string(k))
	})
	named := map[string][]string{}
	for part := range slices.Chunk(slices.Sorted(maps.Keys(hosts)), mostByHosts) {
		found, err := p.hanging(ctx, part, kinds)
		if err != nil {
			return err
		}
		for _, h := range found {
			i := slices.IndexFunc(h.places(), func(id string) bool { return doomed[id] != nil })
			if i >= 0 && h.text("package") == apiPackage {
				named[h.places()[i]] = append(named[h.places()[i]], h.String())
			}
		}
	}
	for id, names := range named {
		doomed[id].Changes = append(doomed[id].Changes, reconcile.Change{Field: takesAlong, Before: names})
	}
	return nil
}

// Details returns objects that are to be deleted with all their attributes that have a value.
func (p *provider) Details(ctx context.Context, have []reconcile.Found[Object]) ([]reconcile.Found[Object], error) {
	names, whole := map[kind][]string{}, map[string]Object{}
	for _, o := range have {
		names[o.Known.kind] = append(names[o.Known.kind], o.ID)
	}
	for k, all := range names {
		asked := settable(k)
		for _, o := range p.expected(k, asked) {
			whole[o.ID] = o.Known.compact()
		}
		for part := range slices.Chunk(all, mostNames) {
			found, err := query[wire](ctx, p.client, k, byName(k, part), slices.Sorted(maps.Keys(asked))...)
			if err != nil {
				return nil, err
			}
			for _, o := range found {
				whole[o.Name] = p.held(o.Name, o.Attrs, asked).compact()
			}
		}
	}
	detailed := slices.Clone(have)
	for i, o := range detailed {
		if state, found := whole[o.ID]; found {
			detailed[i].Known = state
		}
	}
	return detailed, nil
}

// carried gives the services of hosts, by host and sorted by name.
func (p *provider) carried(ctx context.Context, hosts []string) (map[string][]reconcile.Found[Object], error) {
	carried := map[string][]reconcile.Found[Object]{}
	for part := range slices.Chunk(hosts, mostByHosts) {
		found, err := query[wire](ctx, p.client, serviceKind, byHost(part), "package", "vars")
		if err != nil {
			return nil, err
		}
		asked := map[string]bool{"package": true, "vars": true}
		services := slices.DeleteFunc(p.expected(serviceKind, asked), func(o reconcile.Found[Object]) bool { return !slices.Contains(part, o.Known.host) })
		for _, o := range found {
			services = append(services, reconcile.Found[Object]{ID: o.Name, Known: p.held(o.Name, o.Attrs, asked)})
		}
		slices.SortFunc(services, func(a, b reconcile.Found[Object]) int { return strings.Compare(a.ID, b.ID) })
		for _, service := range services {
			carried[service.Known.host] = append(carried[service.Known.host], service)
		}
	}
	return carried, nil
}

// mustStay refuses to delete a host for the sake of services that nobody has asked away.
func mustStay(step reconcile.Step[Object], services []reconcile.Found[Object]) error {
	mine := step.Deleted.Known.stack
	if mine == "" {
		mine = step.Wish.stack
	}
	var others []string
	for _, service := range services {
		stack, managed := service.Known.Vars.stack()
		switch {
		case service.Known.pkg != apiPackage || managed && stack == mine:
		case stack != "":
			others = append(others, service.Known.service+" (stack "+stack+")")
		case step.Index < 0:
			others = append(others, service.Known.service+" (no stack)")
		}
	}
	switch {
	case len(others) == 0:
		return nil
	case step.Index < 0:
		return fmt.Errorf("%s: is not purged, because it holds services that are not of its stack: %s; "+
			"delete them first, or the host by its name", step.Key, reconcile.Enumerate(others, 10))
	default:
		return fmt.Errorf("%s: is not deleted, because it holds services of other stacks: %s; delete them first", step.Key, reconcile.Enumerate(others, 10))
	}
}

// Delete removes an object with all that stands on it.
func (p *provider) Delete(ctx context.Context, have reconcile.Found[Object]) error {
	return p.notes.among(ctx, func() error { return p.takeAway(ctx, have) }, have.Known.host)
}

func (p *provider) takeAway(ctx context.Context, have reconcile.Found[Object]) error {
	if err := p.begin(ctx); err != nil {
		return err
	}
	err := p.remove(ctx, have.Known.kind, have.ID)
	if err == nil || errors.Is(err, httpapi.ErrNotFound) {
		return nil
	}
	return fmt.Errorf("deleting %s %s: %w", strings.ToLower(string(have.Known.kind)), have.ID, err)
}

// BatchSize is how many objects are deleted with one call.
func (p *provider) BatchSize() int { return 500 }

// DeleteMany removes objects with one call. Where the server refuses that for some of them, these are tried one by one.
func (p *provider) DeleteMany(ctx context.Context, have []reconcile.Found[Object]) (errs []error) {
	hosts := make([]string, len(have))
	for i, o := range have {
		hosts[i] = o.Known.host
	}
	err := p.notes.among(ctx, func() error {
		errs = p.takeAwayMany(ctx, have)
		return nil
	}, hosts...)
	if err != nil {
		return slices.Repeat([]error{err}, len(have))
	}
	return errs
}

func (p *provider) takeAwayMany(ctx context.Context, have []reconcile.Found[Object]) []error {
	k := have[0].Known.kind // the engine's waves have objects of one phase
	ids, errs := make([]string, len(have)), make([]error, len(have))
	for i, o := range have {
		ids[i] = o.ID
	}
	err := p.begin(ctx)
	if err == nil {
		if err = p.removeAll(ctx, k, ids); err == nil || errors.Is(err, httpapi.ErrNotFound) {
			return errs
		}
	}
	left := make(map[string]bool, len(have))
	if errors.Is(err, httpapi.ErrRefused) {
		var found []object[struct{}]
		found, err = query[struct{}](ctx, p.client, k, byName(k, ids))
		for _, o := range found {
			left[o.Name] = true
		}
	}
	for i, o := range have {
		switch {
		case err != nil:
			errs[i] = fmt.Errorf("deleting %s %s, which may be gone: %w", strings.ToLower(string(k)), o.ID, err)
		case left[o.ID]:
			errs[i] = p.takeAway(ctx, o)
		}
	}
	return errs
}
