// SPDX-License-Identifier: GPL-3.0-or-later

// Command alerta_housekeeping is the Ansible module of that name; its documentation is alerta_housekeeping.yml beside it.
package main

import (
	"github.com/stackwatch/ansible-monitoring/modules/alerta"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
)

func main() { ansible.Main(alerta.HousekeepingModule()) }
