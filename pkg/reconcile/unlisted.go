// SPDX-License-Identifier: GPL-3.0-or-later

package reconcile

import (
	"context"
	"slices"
)

// Unlisted adds the objects that were created moments ago and that a LateLister does not list yet, as far as the Wants
// may be about them: what must be absent, what seems to be missing, and what matches a Want better than what it found.
// Where killed runs may have created what must be absent, and nobody knows the ids, the ledger warns.
func Unlisted[S any](
	ctx context.Context, p Provider[S], ledger Ledger, found []Found[S], want []Want[S], pol Policy[S],
) ([]Found[S], error) {
	late, ok := p.(LateLister[S])
	if ok {
		var err error
		if found, err = unlisted(ctx, p, late, ledger, found, want, pol); err != nil {
			return found, err
		}
	}
	warnLost(ctx, p, ledger, found, want, pol)
	return found, nil
}

// warnLost warns where objects must be absent that killed runs may have created although the list does not show them.
func warnLost[S any](ctx context.Context, p Provider[S], ledger Ledger, found []Found[S], want []Want[S], pol Policy[S]) {
	var groups, keys []string
	if pol.Scope != nil && pol.Group != "" {
		groups = append(groups, pol.Group)
	}
	for _, w := range want {
		switch {
		case w.ID != "":
		case !w.Absent:
			keys = append(keys, p.Key(w.State))
		case !slices.Contains(groups, group(p, w.State)):
			groups = append(groups, group(p, w.State))
		}
	}
	if len(groups) == 0 {
		return
	}
	for _, o := range found {
		keys = append(keys, p.Key(o.Known), takeOverKey(o.ID))
	}
	for _, group := range groups {
		ledger.WarnLost(ctx, group, keys)
	}
}

func unlisted[S any](
	ctx context.Context, p Provider[S], late LateLister[S], ledger Ledger, found []Found[S], want []Want[S], pol Policy[S],
) ([]Found[S], error) {
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
