// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"context"
	_ "embed"
	"errors"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/resource"
)

//go:embed icinga2_downtime/icinga2_downtime.yml
var downtimeDocumentation []byte

// downtimeOptions are the options of icinga2_downtime; its documentation says what they mean.
type downtimeOptions struct {
	Connection `mapstructure:",squash"`
	One        resource.Item[downtimeItem]   `mapstructure:",squash"`
	Downtimes  []resource.Item[downtimeItem] `mapstructure:"downtimes"`
	FailFast   bool                          `mapstructure:"fail_fast"`
	Results    string                        `mapstructure:"results"`

	LegacyURL      `mapstructure:",squash"`
	LegacyDowntime `mapstructure:",squash"`
}

// downtimeItem are the options of one declared downtime, of one object or of many. A list that is nil was not given.
type downtimeItem struct {
	Comment          *string  `mapstructure:"comment"`
	Author           *string  `mapstructure:"author"`
	Hosts            []string `mapstructure:"hosts"`    // names or patterns
	Services         []string `mapstructure:"services"` // names or patterns
	AllServices      *bool    `mapstructure:"all_services"`
	ChildHosts       *string  `mapstructure:"child_hosts"`
	Start            *string  `mapstructure:"start"`
	Duration         *string  `mapstructure:"duration"`
	Fixed            *bool    `mapstructure:"fixed"`
	FlexibleDuration *string  `mapstructure:"flexible_duration"`

	Selected *objectFilter `mapstructure:"-"` // see LegacyDowntime
}

// DowntimeModule is icinga2_downtime.
func DowntimeModule() ansible.Module { return world{}.downtimeModule() }

func (w world) downtimeModule() ansible.Module {
	return resource.Kind[downtimeOptions, Downtime]{
		Name: "icinga2_downtime", Documentation: downtimeDocumentation,
		Rules: ansible.Rules{RequiredOneOf: [][]string{{"comment", "id", "downtimes", "filter", "name"}}, Options: connectionRules()},
		Noun:  "downtime", Plural: "downtimes", Open: w.openDowntime,
	}.Module()
}

// openDowntime checks the options without a call. Which objects they are about only the server knows.
func (w world) openDowntime(call *ansible.Call, o downtimeOptions) (*resource.Task[Downtime], error) {
	// What a half-rendered template makes of an option must not be taken for left out: a list would widen what shall end to all objects,
	// and a time would be now.
	nullErr := errors.Join(
		resource.RefuseNulls(call, "downtimes", len(o.Downtimes), "id", "comment", "author", "hosts", "services", "all_services",
			"child_hosts", "start", "duration", "fixed", "flexible_duration"),
		resource.RefuseNulls(call, "", 0, legacyDowntimeNames()...))
	legacyErr := errors.Join(o.LegacyURL.check(call), o.translate(call))
	declared := resource.Declared(call, "downtimes", o.One, o.Downtimes, resource.Options{FailFast: o.FailFast}, "comment", "id", "filter", "name")
	wishes, err := resource.Wishes(declared, func(item resource.Item[downtimeItem]) (Downtime, error) { return downtimeWish(item, w.now()) })
	conn, connErr := w.connect(call, o.Connection)
	if err := errors.Join(nullErr, legacyErr, err, connErr); err != nil {
		return nil, err
	}
	p := newDowntimes(conn, w.now)
	task := &resource.Task[Downtime]{
		Provider: p, Ledger: conn.http.Ledger(), Verify: true, Concurrency: o.API.Concurrency, FailFast: o.FailFast, Results: o.Results,
		Policy: reconcile.Policy[Downtime]{AllowReplace: true},
		Describe: func(d Downtime) map[string]any {
			return map[string]any{"comment": d.Comment, "author": d.Author, "host": d.Host, "service": d.Service, "start": d.Start, "end": d.End}
		},
		Usage: func() resource.Usage { return resource.Usage(conn.http.Stats()) },
		Sleep: conn.http.Sleep,
	}
	if o.Filter != nil {
		task.Extra = p.results
	}
	if len(wishes) > 0 {
		task.More = func(ctx context.Context) ([]reconcile.Want[Downtime], error) { return p.expand(ctx, wishes) }
	}
	return task, nil
}

// now is the time by the world's clock.
func (w world) now() time.Time {
	if w.clock == nil {
		return time.Now()
	}
	return w.clock.Now()
}
