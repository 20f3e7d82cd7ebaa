// SPDX-License-Identifier: GPL-3.0-or-later

package reconcile

import (
	"context"
	"fmt"
	"strings"
)

// Verify looks once more at what a plan was about, after it was applied, for services whose word is not enough: steps that were written
// and are not as they shall be get an Err. want and pol are those that the plan was computed from. The error says that nobody could look.
func Verify[S any](ctx context.Context, p Provider[S], done Plan[S], want []Want[S], pol Policy[S]) error {
	if !done.Changed() {
		return nil
	}
	have, err := p.Observe(ctx, want, pol.Scope != nil)
	if err != nil {
		return fmt.Errorf("what was written could not be looked at: %w", err)
	}
	pol.Limit = Limit{} // nothing is deleted here
	now, err := Compute(p, have, want, pol)
	if err != nil {
		return fmt.Errorf("what was written could not be compared: %w", err)
	}
	left := make(map[string]bool, len(have))
	for _, o := range have {
		left[o.ID] = true
	}
	for i := range done {
		step := &done[i]
		switch {
		case step.Err != nil || !step.changes():
		case step.Action == Delete && left[step.ID]:
			step.Err = fmt.Errorf("%s (%s): its deletion was confirmed, but it is still there", step.Key, step.ID)
		case step.Index >= 0 && now[step.Index].Err != nil:
			step.Err = fmt.Errorf("written, but now: %w", now[step.Index].Err)
		case step.Index >= 0 && now[step.Index].Action == Create:
			step.Err = fmt.Errorf("%s: the server confirmed it, but it is not there", step.Key)
		case step.Index >= 0 && now[step.Index].Action != Unchanged:
			var fields []string
			for _, c := range now[step.Index].Changes {
				fields = append(fields, c.Field)
			}
			step.Err = fmt.Errorf("%s: the server confirmed it, but holds something else in: %s", step.Key, strings.Join(fields, ", "))
		}
	}
	return nil
}
