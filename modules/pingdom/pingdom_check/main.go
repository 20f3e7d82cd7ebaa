// SPDX-License-Identifier: GPL-3.0-or-later

// Command pingdom_check is the Ansible module of that name; its documentation is pingdom_check.yml beside it.
package main

import (
	"github.com/stackwatch/ansible-monitoring/modules/pingdom"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
)

func main() { ansible.Main(pingdom.CheckModule()) }
