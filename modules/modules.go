// SPDX-License-Identifier: GPL-3.0-or-later

// Package modules lists every module of the suite. It is the one place where a new one is entered: the tests that hold
// all modules to the same rules and the documentation read it.
package modules

import (
	"embed"

	"github.com/stackwatch/ansible-monitoring/modules/alerta"
	"github.com/stackwatch/ansible-monitoring/modules/icinga2"
	"github.com/stackwatch/ansible-monitoring/modules/pingdom"
	"github.com/stackwatch/ansible-monitoring/modules/statuscake"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
)

// All gives the modules, sorted by name.
func All() []ansible.Module {
	return []ansible.Module{
		alerta.HousekeepingModule(),
		icinga2.DowntimeModule(),
		icinga2.HostModule(),
		icinga2.ServiceModule(),
		pingdom.CheckModule(),
		pingdom.MaintenanceModule(),
		statuscake.UptimeModule(),
	}
}

// options holds what the documentation says of the modules' options, in a form that is read in a tenth of the time. `make generate` writes it.
//
//go:embed options
var options embed.FS

// Bundled gives all modules for the program that Ansible starts anew for each task: with the options that they document, and without the
// texts about them. A module for which nothing is generated yet has its documentation.
func Bundled() []ansible.Module {
	all := All()
	for i := range all {
		if short, err := options.ReadFile("options/" + all[i].Name + ".json"); err == nil {
			all[i].Documentation = short
		}
	}
	return all
}
