// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
)

const downtimeKind kind = "Downtime"

// wireDowntime is a downtime as a query gives it. Times are seconds since 1970, with fractions.
type wireDowntime struct {
	Author      string  `json:"author"`
	Comment     string  `json:"comment"`
	Host        string  `json:"host_name"`
	Service     string  `json:"service_name"` // "" of a host
	Start       float64 `json:"start_time"`
	End         float64 `json:"end_time"`
	Fixed       bool    `json:"fixed"`
	Duration    float64 `json:"duration"`     // of a flexible one
	Triggered   float64 `json:"trigger_time"` // when a problem began a flexible one, 0 before
	Parent      string  `json:"parent"`       // of a service: the host's downtime that brought it
	TriggeredBy string  `json:"triggered_by"` // of a child host: the downtime that starts it
	Owner       string  `json:"config_owner"` // the ScheduledDowntime of the configuration that makes it, "" where there is none
}

// listDowntimes gives all downtimes that some authors made with some comments, and those of some full names.
func (c *client) listDowntimes(ctx context.Context, authors, comments, names []string) ([]object[wireDowntime], error) {
	f := filter{
		"authors.contains(downtime.author) && comments.contains(downtime.comment) || names.contains(downtime.__name)",
		map[string]any{"authors": set(authors), "comments": set(comments), "names": set(names)},
	}
	found, err := query[wireDowntime](ctx, c, downtimeKind, f, "author", "comment", "host_name", "service_name", "start_time", "end_time",
		"fixed", "duration", "trigger_time", "parent", "triggered_by", "config_owner")
	return found, permission(err, "objects/query/Downtime")
}

// scheduling is what the action schedule-downtime takes.
type scheduling struct {
	Type         kind    `json:"type"`
	Host         string  `json:"host,omitempty"`
	Service      string  `json:"service,omitempty"` // the full name
	Author       string  `json:"author"`
	Comment      string  `json:"comment"`
	Start        float64 `json:"start_time"`
	End          float64 `json:"end_time"`
	Fixed        bool    `json:"fixed"`
	Duration     float64 `json:"duration,omitempty"` // of a flexible one
	AllServices  bool    `json:"all_services,omitempty"`
	ChildOptions string  `json:"child_options,omitempty"`
}

// scheduleDowntime makes a downtime for one object and gives its full name. Each call makes another one:
// https://icinga.com/docs/icinga-2/latest/doc/12-icinga2-api/#schedule-downtime
func (c *client) scheduleDowntime(ctx context.Context, s scheduling) (string, error) {
	results, err := c.act(ctx, "schedule-downtime", httpapi.ByMethod, s)
	if err != nil {
		return "", permission(err, "actions/schedule-downtime")
	}
	if len(results) != 1 || results[0].Name == "" {
		return "", httpapi.Lost("the answer does not name the one downtime that was scheduled")
	}
	return results[0].Name, nil
}

// removeDowntimes removes the downtimes of these full names, with those that stand below them. That some are gone is an error like others:
// https://icinga.com/docs/icinga-2/latest/doc/12-icinga2-api/#remove-downtime
func (c *client) removeDowntimes(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return errors.New("removing downtimes without a name: this is an error in the module")
	}
	f := byName(downtimeKind, names)
	_, err := c.act(ctx, "remove-downtime", httpapi.Harmless, map[string]any{"type": downtimeKind, "filter": f.Expression, "filter_vars": f.Vars})
	return permission(err, "actions/remove-downtime")
}

// toSeconds and fromSeconds keep microseconds, as the server does.
func toSeconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

func fromSeconds(seconds float64) time.Time {
	return time.UnixMicro(int64(math.Round(seconds * 1e6))).UTC()
}
