// SPDX-License-Identifier: GPL-3.0-or-later

// Command icinga2_host is the Ansible module of that name; its documentation is icinga2_host.yml beside it.
package main

import (
	"github.com/stackwatch/ansible-monitoring/modules/icinga2"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
)

func main() { ansible.Main(icinga2.HostModule()) }
