// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// ruled returns the first of the attributes in which a desired object differs from the current one, "" for none.
func (p *provider) ruled(have, want Object, attributes []string) string {
	differs := func(is, desired *string) bool { return desired != nil && *desired != value(is) }
	for _, attribute := range attributes {
		after := p.marked(want).unless(have.Vars).over(have.Vars)
		switch {
		case attribute == "vars" && !after.onlyMarked(have.Vars),
			attribute == "address" && differs(have.Address, want.Address),
			attribute == "address6" && differs(have.Address6, want.Address6):
			return attribute
		}
	}
	return ""
}

// warnOfRules warns of updates that rules of the configuration do not follow: Icinga evaluates apply and assign rules
// only when it creates an object or reads its files, and an update does neither.
func (p *provider) warnOfRules(ctx context.Context, updates []*reconcile.Step[Object], may access) error {
	if p.recreateFor != nil && len(p.recreateFor) == 0 {
		return nil
	}
	changed := map[kind]map[string][]string{hostKind: {}, serviceKind: {}}
	for _, step := range updates {
		if step.Err != nil {
			continue
		}
		for _, c := range step.Changes {
			text := func(v any) string { s, _ := v.(string); return s }
			if c.Field == "vars" && !step.Want.Vars.onlyMarked(step.Have.State.Vars) || (c.Field == "address" || c.Field == "address6") && (text(c.Before) == "") != (text(c.After) == "") {
				changed[step.Want.kind][c.Field] = append(changed[step.Want.kind][c.Field], step.ID)
			}
		}
	}
	for _, k := range []kind{hostKind, serviceKind} {
		if len(changed[k]) == 0 {
			continue
		}
		ruled, err := p.hasRules(ctx, k, may)
		if err != nil {
			return err
		}
		if !ruled {
			continue
		}
		for _, field := range slices.Sorted(maps.Keys(changed[k])) {
			p.warn("%s of %s: Icinga applies the rules of its configuration (apply, assign) only when it creates an object, so what they made by %s stays; "+
				"write recreate: always with recreate_for: [%s] to recreate the object, or recreate_for: [] to silence this", field, reconcile.Enumerate(changed[k][field], 10), field, field)
		}
	}
	return nil
}

// hasRules reports whether the configuration has anything that rules may have made for objects of a kind, as far as the
// user may see it.
func (p *provider) hasRules(ctx context.Context, k kind, may access) (bool, error) {
	kinds := []kind{notificationKind, dependencyKind, scheduledDowntimeKind, k + "Group"}
	if k == hostKind {
		kinds = append([]kind{serviceKind}, kinds...)
	}
	for _, k := range kinds {
		if !may.may("objects/query/" + string(k)) {
			continue
		}
		found, err := query[struct{}](ctx, p.client, k, filter{strings.ToLower(string(k)) + ".package != api", map[string]any{"api": apiPackage}})
		if err != nil || len(found) > 0 {
			return err == nil, err
		}
	}
	return false, nil
}
