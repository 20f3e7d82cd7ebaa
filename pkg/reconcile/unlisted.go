// SPDX-License-Identifier: GPL-3.0-or-later

package reconcile

import "context"

// Unlisted adds to the observed objects those that the list did not show yet although they were created moments ago, as far as the
// deletions that are asked for may be about them.
func Unlisted[S any](ctx context.Context, p Provider[S], ledger Ledger, have []Object[S], want []Want[S], pol Policy[S]) ([]Object[S], error) {
	var groups []string
	if pol.Scope != nil && pol.Group != "" {
		groups = append(groups, pol.Group)
	}
	for _, w := range want {
		if w.Absent && w.ID == "" {
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
	return append(have, found...), err
}
