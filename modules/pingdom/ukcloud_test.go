// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"testing"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// withoutRow returns a base of a task without the options that a row of docs/migrating.md has.
func withoutRow(base, row options) options {
	for option := range row {
		delete(base, option)
	}
	return base
}

func TestMigrating_UKCloudChecks(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{Now: noon}) // a check holds when it was made
	resourcetest.Migrating{
		Lab: l.Lab, Heading: "UKCloud Pingdom checks",
		Base: func(row options) options {
			base := options{"name": "web", "host": "web.example.com", "api_rate_limit": 0}
			if row["id"] != nil {
				return withoutRow(options{"api_rate_limit": 0}, row)
			}
			return withoutRow(base, row)
		},
		Seed: func() {
			l.byHand("there")
			l.AddTeam("Operations")
			l.AddTeam("Web")
		},
	}.Run(t)
}

func TestMigrating_UKCloudWindows(t *testing.T) {
	t.Parallel()
	d := newDock(t)
	resourcetest.Migrating{
		Lab: d.Lab, Heading: "UKCloud Pingdom maintenance windows",
		Base: func(row options) options {
			base := options{"description": "Deployment", "checks": []any{"cart"}, "api_rate_limit": 0}
			if row["id"] != nil {
				base = options{"api_rate_limit": 0}
			}
			return withoutRow(base, row)
		},
		Seed: func() {
			shop := d.watch("shop/cart", "shop/search")
			d.window("Deployment", -5, 50, shop)
		},
	}.Run(t)
}
