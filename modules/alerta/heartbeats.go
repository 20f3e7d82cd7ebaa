// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// Heartbeat is the state of a heartbeat as the module shows it; nil is unset.
type Heartbeat struct {
	Origin   *string  `mapstructure:"origin"`
	Tags     []string `mapstructure:"tags"`
	Customer *string  `mapstructure:"customer"`
	Status   *string  `mapstructure:"status"`
}

func describeHeartbeat(h Heartbeat) map[string]any {
	return map[string]any{"origin": h.Origin, "tags": reconcile.Known(h.Tags), "customer": h.Customer, "status": h.Status}
}

// heartbeats deletes heartbeats.
type heartbeats struct {
	reconcile.Provider[Heartbeat] // nil: plans without wishes need only Key and Delete
	*client
	still func(wireHeartbeat) bool // whether a heartbeat is to be deleted yet; nil where no age selects it
}

// plan gives a step for each selected heartbeat.
func (p *heartbeats) plan(selected []wireHeartbeat, reason string) reconcile.Plan[Heartbeat] {
	plan := make(reconcile.Plan[Heartbeat], 0, len(selected))
	for _, h := range selected {
		state := Heartbeat{Origin: &h.Origin, Tags: reconcile.Known(h.Tags), Status: &h.Status}
		if h.Customer != "" {
			state.Customer = &h.Customer
		}
		found := reconcile.Found[Heartbeat]{ID: h.ID, Known: state}
		plan = append(plan, reconcile.Step[Heartbeat]{
			Index: -1, Key: p.Key(state), ID: h.ID, Action: reconcile.Delete, Reason: reason, Deleted: &found, Changes: reconcile.Removed(found),
		})
	}
	slices.SortStableFunc(plan, func(a, b reconcile.Step[Heartbeat]) int {
		return strings.Compare(a.Key+"\x00"+a.ID, b.Key+"\x00"+b.ID)
	})
	return plan
}

// spareShared leaves those heartbeats alone with whose id the server would delete others as well. all are those that there are.
func spareShared(plan reconcile.Plan[Heartbeat], all []wireHeartbeat) {
	for i := range plan {
		step := &plan[i]
		err := whole(step.ID)
		for _, other := range all {
			if err == nil && other.ID != step.ID && begins(other.ID, step.ID) {
				err = shared(step.ID, other.ID)
			}
		}
		step.Err = wrap(fmt.Sprintf("deleting heartbeat %s (%s)", step.Key, step.ID), err)
	}
}

// Key is the origin, with the customer where there is one: the server keeps one heartbeat for both.
func (p *heartbeats) Key(h Heartbeat) string {
	if h.Customer == nil {
		return text(h.Origin)
	}
	return text(h.Origin) + " of " + *h.Customer
}

// Delete removes a heartbeat. One that is selected by its age is looked at once more, because its sender may be back.
func (p *heartbeats) Delete(ctx context.Context, have reconcile.Found[Heartbeat]) error {
	name := fmt.Sprintf("heartbeat %s (%s)", p.Key(have.Known), have.ID)
	if p.still != nil {
		now, err := p.lookAtHeartbeat(ctx, have.ID)
		switch {
		case errors.Is(err, httpapi.ErrNotFound):
			p.spare(have.ID, gone)
			return nil
		case err != nil:
			return wrap("looking at "+name, err)
		case !p.still(now):
			p.spare(have.ID, other)
			return nil
		}
	}
	return wrap("deleting "+name, p.deleteHeartbeat(ctx, have.ID))
}
