// SPDX-License-Identifier: GPL-3.0-or-later

package reconcile

import "context"

// Unlisted adds to the observed objects those that the list did not show yet although they were created moments ago, as far as the
// wishes may be about them: what shall go, and what shall exist and seems not to.
func Unlisted[S any](ctx context.Context, p Provider[S], ledger Ledger, have []Object[S], want []Want[S], pol Policy[S]) ([]Object[S], error) {
	var groups []string
	if pol.Scope != nil && pol.Group != "" {
		groups = append(groups, pol.Group)
	}
	find := finder(p, have)
	for _, w := range want {
		if w.ID == "" && (w.Absent || len(find(w)) == 0) {
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
