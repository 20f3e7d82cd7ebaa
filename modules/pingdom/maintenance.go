// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	_ "embed"
	"errors"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/resource"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

//go:embed pingdom_maintenance/pingdom_maintenance.yml
var maintenanceDocumentation []byte

// maintenanceOptions are the options of pingdom_maintenance; its documentation says what they mean.
type maintenanceOptions struct {
	One      resource.Item[windowOptions]   `mapstructure:",squash"`
	Windows  []resource.Item[windowOptions] `mapstructure:"windows"`
	FailFast bool                           `mapstructure:"fail_fast"`
	Results  string                         `mapstructure:"results"`
	API      httpapi.Options                `mapstructure:",squash"`
	APIURL   string                         `mapstructure:"api_url"`
	APIToken secret.Value                   `mapstructure:"api_token"`
}

// windowOptions are those of one window. A list that is nil was not given; an empty one names no check.
type windowOptions struct {
	Description *string  `mapstructure:"description"`
	Checks      []string `mapstructure:"checks"` // names or ids
	Tags        []string `mapstructure:"tags"`
	Start       *string  `mapstructure:"start"`
	Duration    *string  `mapstructure:"duration"`
}

// MaintenanceModule is pingdom_maintenance.
func MaintenanceModule() ansible.Module { return world{}.maintenanceModule() }

func (w world) maintenanceModule() ansible.Module {
	return resource.Kind[maintenanceOptions, Window]{
		Name: "pingdom_maintenance", Documentation: maintenanceDocumentation, Rules: maintenanceRules(),
		Noun: "maintenance window", Plural: "windows", Open: w.openMaintenance,
	}.Module()
}

func maintenanceRules() ansible.Rules {
	return ansible.Rules{
		MutuallyExclusive: [][]string{{"windows", "id"}},
		RequiredOneOf:     [][]string{{"id", "description", "windows"}},
		Options: map[string]ansible.OptionRules{
			"api_url":   {Env: []string{"PINGDOM_API_URL"}, Address: true},
			"api_token": {Env: []string{"PINGDOM_API_TOKEN"}},
		},
	}
}

// openMaintenance checks the options and says what shall be, without a call.
func (w world) openMaintenance(call *ansible.Call, o maintenanceOptions) (*resource.Task[Window], error) {
	// What a half-rendered template makes of an option must not be taken for left out: a list would widen a window to a whole stack, and a
	// time would open it at once.
	nulls := resource.RefuseNulls(call, "windows", len(o.Windows), "description", "checks", "tags", "start", "duration")
	declared := resource.Declared(call, "windows", o.One, o.Windows, resource.Options{FailFast: o.FailFast}, "description", "id")
	declared.CheckStack = checkStack
	wants, err := resource.Wishes(declared, func(item resource.Item[windowOptions]) (Window, error) { return windowWish(item, w.now()) })
	if err := errors.Join(nulls, err); err != nil {
		return nil, err
	}
	conn, err := w.connect(call, o.API, o.APIURL, o.APIToken, tokenLogin)
	if err != nil {
		return nil, err
	}
	provider := newMaintenance(conn, w.now)
	provider.warn = call.Warn
	return &resource.Task[Window]{
		Provider: provider, Wants: wants, Policy: reconcile.Policy[Window]{}, Ledger: conn.http.Ledger("windows"),
		Concurrency: o.API.Concurrency, FailFast: o.FailFast, Results: o.Results,
		Describe: func(w Window) map[string]any {
			return map[string]any{"description": w.Description, "start": w.Start, "end": w.End, "checks": reconcile.Known(w.Checks)}
		},
		Usage: func() resource.Usage { return resource.Usage(conn.http.Stats()) },
		Sleep: conn.http.Sleep,
	}, nil
}

// now is the time by the world's clock.
func (w world) now() time.Time {
	if w.clock == nil {
		return time.Now()
	}
	return w.clock.Now()
}
