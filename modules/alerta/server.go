// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"context"
	"fmt"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// ages are the options of the server's own housekeeping, in hours.
type ages struct{ expired, info int }

// informational is the severity that the age info is about, unless the server has another name for it.
const informational = "informational"

// mostRounds bounds how often the housekeeping is called: 9.0 expires 50 alerts each time.
const mostRounds = 1000

// kept is what the server's housekeeping did, or in check mode would do.
type kept struct {
	deleted, expired int
	released         int // alerts whose acknowledgement or shelving timed out
	calls            int
	err              error
}

func (k *kept) changed() bool { return k.deleted+k.expired+k.released > 0 }

func (k *kept) answer() map[string]any {
	answer := map[string]any{"deleted": k.deleted, "expired": k.expired, "released": k.released, "calls": k.calls}
	if k.err != nil {
		answer["error"] = k.err.Error()
	}
	return answer
}

// summary returns one line about what was done, for the answer's msg.
func (k *kept) summary(checkMode bool) string {
	if checkMode {
		return fmt.Sprintf("would delete %d, expire %d", k.deleted, k.expired)
	}
	return fmt.Sprintf("deleted %d, expired %d, released %d", k.deleted, k.expired, k.released)
}

// foretell tells from a list of all alerts what the housekeeping will do with which, by their ids. Alerts that it lets expire in one round
// are old enough to be deleted in the next, or they stay as expired.
func (a ages) foretell(list []wireAlert, now time.Time) (deleted, expiring map[string]bool) {
	deleted, expiring = map[string]bool{}, map[string]bool{}
	for _, alert := range list {
		age := now.Sub(alert.LastReceiveTime)
		over := alert.Timeout != 0 && alert.Status != expired && age > time.Duration(alert.Timeout)*time.Second
		finished := over || alert.Status == "closed" || alert.Status == expired
		switch {
		case finished && age > time.Duration(a.expired)*time.Hour,
			alert.Severity == informational && age > time.Duration(a.info)*time.Hour:
			deleted[alert.ID] = true
		case over:
			expiring[alert.ID] = true
		}
	}
	return deleted, expiring
}

// keepServerHouse calls the housekeeping until it has nothing left. What it did is told by the alerts before and after, because the
// server does not tell all of it and others send alerts meanwhile. In check mode it only foretells, from what the plan would leave.
func (c *client) keepServerHouse(ctx context.Context, call *ansible.Call, a ages, now time.Time, plan reconcile.Plan[Alert]) *kept {
	before, err := c.listAlerts(ctx, nil)
	if err != nil {
		return &kept{err: err}
	}
	if call.CheckMode {
		deleted, expiring := a.foretell(leftBy(plan, before), now)
		return &kept{deleted: len(deleted), expired: len(expiring)}
	}
	deleted, expiring := a.foretell(before, now)
	k := &kept{}
	for k.calls < mostRounds {
		did, err := c.keepHouse(ctx, a.expired, a.info)
		k.calls++
		if err != nil {
			k.err = err
			break
		}
		released := len(did.Unshelve) + len(did.Unack)
		if k.released += released; released+len(did.Expired) == 0 {
			break
		}
		if k.calls == mostRounds {
			call.Warn("the server's housekeeping still found something to do after %d calls; the next run goes on", mostRounds)
		}
	}
	after, err := c.listAlerts(ctx, nil)
	if err != nil {
		if k.err == nil {
			k.err = fmt.Errorf("the housekeeping is done, but what it did is not known: %w", err)
		}
		return k
	}
	status := make(map[string]string, len(after))
	for _, alert := range after {
		status[alert.ID] = alert.Status
	}
	for _, alert := range before {
		now, there := status[alert.ID]
		switch {
		case !there && (deleted[alert.ID] || expiring[alert.ID]):
			k.deleted++
		case there && now == expired && alert.Status != expired:
			k.expired++
		}
	}
	return k
}

// leftBy gives the alerts as a plan that is carried out leaves them.
func leftBy(plan reconcile.Plan[Alert], list []wireAlert) []wireAlert {
	steps := make(map[string]reconcile.Step[Alert], len(plan))
	for _, step := range plan {
		if step.Err == nil {
			steps[step.ID] = step
		}
	}
	left := make([]wireAlert, 0, len(list))
	for _, alert := range list {
		switch step := steps[alert.ID]; step.Action {
		case reconcile.Delete:
			continue
		case reconcile.Update:
			alert.Status = text(step.Want.Status)
		}
		left = append(left, alert)
	}
	return left
}
