// SPDX-License-Identifier: GPL-3.0-or-later

package stacks

import (
	"context"
	"fmt"

	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// RefuseTakenNames sets the error of each step that gives an object a name or a stack in which another object of the
// same kind has that name, or gets it in the same plan: every task by that name would then fail. It lists the objects
// only if there is such a step. Providers call it from Admit.
func (b Base[S]) RefuseTakenNames(ctx context.Context, plan reconcile.Plan[S]) error {
	renamed := make(map[int]bool)
	groups := make(map[string]bool)
	for i, step := range plan {
		if step.Err == nil && step.Action == reconcile.Update && b.renames(step) {
			renamed[i] = true
			groups[b.identityAfter(step).Stack] = true
		}
	}
	if len(renamed) == 0 {
		return nil
	}
	tag := ""
	if len(groups) == 1 && !groups[""] {
		for group := range groups {
			tag = b.Marks.Stack + group
		}
	}
	listed, err := b.List(ctx, tag)
	if err != nil {
		return err
	}
	after := b.after(listed, plan)
	for i := range renamed {
		step := &plan[i]
		if taken := b.sameNamed(after, step.ID); taken != "" {
			step.Action = reconcile.Unchanged
			step.Err = fmt.Errorf("%s: id %s must not get the name %s, which is the name of id %s%s; every task by that name would then find both",
				step.Key, step.ID, *after[step.ID].Name, taken, in(after[step.ID].Stack))
		}
	}
	return nil
}

func in(stack string) string {
	if stack == "" {
		return ""
	}
	return " in the stack " + stack
}

// renames reports whether a step changes the name or the stack of an object that is there.
func (b Base[S]) renames(step reconcile.Step[S]) bool {
	if step.Have == nil {
		return false
	}
	before, after := b.Identify(step.Have.State), b.identityAfter(step)
	return before.Name != nil && after.Name != nil && (*before.Name != *after.Name || before.Stack != after.Stack)
}

// identityAfter returns the identity of an object after its update, which leaves it in its stack unless it names
// another one.
func (b Base[S]) identityAfter(step reconcile.Step[S]) Identity {
	identity := b.Identify(step.Want)
	if identity.Stack == "" {
		identity.Stack = b.Group(step.Have.State)
	}
	return identity
}

// after returns the identities of all objects once the plan is applied, by id.
func (b Base[S]) after(listed []reconcile.Found[S], plan reconcile.Plan[S]) map[string]Identity {
	after := make(map[string]Identity, len(listed))
	for _, o := range listed {
		after[o.ID] = b.Identify(o.Known)
	}
	for _, step := range plan {
		switch {
		case step.ID == "" || step.Err != nil:
		case step.Action == reconcile.Delete:
			delete(after, step.ID)
		case step.Action == reconcile.Update:
			after[step.ID] = b.identityAfter(step)
		}
	}
	return after
}

// sameNamed returns the lowest id of another object with the same name, stack and kind as the object with this id, ""
// for none.
func (b Base[S]) sameNamed(objects map[string]Identity, id string) string {
	taken, own := "", objects[id]
	for other, identity := range objects {
		if other == id || identity.Name == nil || *identity.Name != *own.Name || identity.Stack != own.Stack || identity.Kind != own.Kind {
			continue
		}
		if taken == "" || reconcile.CompareIDs(other, taken) < 0 {
			taken = other
		}
	}
	return taken
}
