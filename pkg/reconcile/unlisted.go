// SPDX-License-Identifier: GPL-3.0-or-later

package reconcile

import (
	"context"
	"slices"
)

// Unlisted adds the objects that were created moments ago and that a LateLister does not list yet, as far as the Wants
// may be about them: what must be absent, what seems to be missing, and what matches a Want better than what it found.
func Unlisted[S any](
	ctx context.Context, p Provider[S], ledger Ledger, found []Found[S], want []Want[S], pol Policy[S],
) ([]Found[S], error) {
	late, ok := p.(LateLister[S])
	if !ok {
		return found, nil
	}
	var groups []string
	if pol.Scope != nil && pol.Group != "" {
		groups = append(groups, pol.Group)
	}
	find := finder(p, found)
	for _, w := range want {
		if w.ID == "" && (w.Absent || !settled(p, w.State, find(w))) {
			groups = append(groups, group(p, w.State))
		}
	}
	if len(groups) == 0 {
		return found, nil
	}
	there := make(map[string]bool, len(found))
	for _, o := range found {
		there[o.ID] = true
	}
	missing := slices.DeleteFunc(ledger.Recent(ctx, groups...), func(id string) bool { return there[id] })
	if len(missing) == 0 {
		return found, nil
	}
	read, err := late.ReadIDs(ctx, missing)
	for _, o := range read {
		found = append(found, o.Found())
	}
	return distinct(found), err
}

// settled reports whether a present Want has found its object, so that an unlisted one cannot match better. A Want
// without a kind may have found an object of another kind than the one that it would create.
func settled[S any](p Provider[S], want S, found []Found[S]) bool {
	if len(found) == 0 {
		return false
	}
	_, kinds := p.(Liker[S])
	return !kinds || p.Key(found[0].Known) == p.Key(want)
}
