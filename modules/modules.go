// SPDX-License-Identifier: GPL-3.0-or-later

// Package modules lists every module of the suite. It is the one place where a new one is entered: the tests that hold
// all modules to the same rules and the documentation read it.
package modules

import (
	"github.com/stackwatch/ansible-monitoring/modules/alerta"
	"github.com/stackwatch/ansible-monitoring/modules/icinga2"
	"github.com/stackwatch/ansible-monitoring/modules/pingdom"
	"github.com/stackwatch/ansible-monitoring/modules/statuscake"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
)

// All gives the modules, sorted by name, with what `make generate` has read of their documentation.
func All() []ansible.Module {
	all := []ansible.Module{
		alerta.HousekeepingModule(),
		icinga2.DowntimeModule(),
		icinga2.HostModule(),
		icinga2.ServiceModule(),
		pingdom.CheckModule(),
		pingdom.MaintenanceModule(),
		statuscake.UptimeModule(),
	}
	for i := range all {
		all[i].Options = documented(all[i].Name)
	}
	return all
}
