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
	var deleted []Found[S]
	for i := range plan {
		if step := &plan[i]; step.Err == nil && step.Action == Delete {
			steps, deleted = append(steps, step), append(deleted, *step.Deleted)
		}
	}
	if len(deleted) == 0 {
		return nil
	}
	whole, err := detailer.Details(ctx, deleted)
	if err != nil {
		return err
	}
	for i, step := range steps {
		listed := min(len(Removed(*step.Deleted)), len(step.Changes)) // what a Cascader has added follows
		step.Changes = append(Removed(whole[i]), step.Changes[listed:]...)
	}
	return nil
}
