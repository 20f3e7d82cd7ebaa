// SPDX-License-Identifier: GPL-3.0-or-later

package reconcile

import (
	"context"
	"slices"
)

// Unlisted adds to the observed objects those that the list did not show yet although they were created moments ago, as far as the
// wishes may be about them: what shall go, what shall exist and seems not to, and what is nearer to a wish than what it found.
func Unlisted[S any](ctx context.Context, p Provider[S], ledger Ledger, have []Object[S], want []Want[S], pol Policy[S]) ([]Object[S], error) {
	var groups []string
	if pol.Scope != nil && pol.Group != "" {
		groups = append(groups, pol.Group)
	}
	find := finder(p, have)
	for _, w := range want {
		if w.ID == "" && (w.Absent || !settled(p, w.State, find(w))) {
			groups = append(groups, group(p, w.State))
		}
	}
	if len(groups) == 0 {
		return have, nil
	}
	listed := make(map[string]bool, len(have))
	for _, o := range have {
		listed[o.ID] = true
	}
	var missing []Want[S]
	for _, id := range ledger.Recent(ctx, groups...) {
		if !listed[id] {
			missing = append(missing, Want[S]{ID: id})
		}
	}
	if len(missing) == 0 {
		return have, nil
	}
	found, err := p.Observe(ctx, missing, false)
	for _, o := range found { // whatever else was found with them may be read in part only
		if slices.ContainsFunc(missing, func(w Want[S]) bool { return w.ID == o.ID }) && !listed[o.ID] {
			listed[o.ID] = true
			have = append(have, o)
		}
	}
	return have, err
}

// settled reports whether a present wish has found what it means, so that nothing the list does not show could be meant instead. A wish that
// says no kind may have found an object of another kind than the one that it would create.
func settled[S any](p Provider[S], want S, found []Object[S]) bool {
	if len(found) == 0 {
		return false
	}
	_, kinds := p.(Liker[S])
	return !kinds || p.Key(found[0].State) == p.Key(want)
}
