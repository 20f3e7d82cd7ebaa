// SPDX-License-Identifier: GPL-3.0-or-later

package reconcile

import "context"

// DetailDeletions completes the changes of the deletions in a plan with what Observe did not read, see Detailer.
func DetailDeletions[S any](ctx context.Context, p Provider[S], plan Plan[S]) error {
	detailer, ok := p.(Detailer[S])
	if !ok {
		return nil
	}
	var steps []*Step[S]
	var deleted []Object[S]
	for i := range plan {
		if step := &plan[i]; step.Err == nil && step.Action == Delete {
			steps, deleted = append(steps, step), append(deleted, *step.Have)
		}
	}
	if len(deleted) == 0 {
		return nil
	}
	whole, err := detailer.Details(ctx, deleted)
	if err != nil {
		return err
	}
	var none S
	for i, step := range steps {
		listed := min(len(Diff(step.Have.State, none)), len(step.Changes)) // what a Cascader has added comes behind
		step.Changes = append(Diff(whole[i].State, none), step.Changes[listed:]...)
	}
	return nil
}
