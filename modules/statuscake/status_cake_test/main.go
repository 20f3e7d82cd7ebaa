// SPDX-License-Identifier: GPL-3.0-or-later

// Command status_cake_test is the Ansible module of that name; its documentation is status_cake_test.yml beside it.
package main

import (
	"github.com/stackwatch/ansible-monitoring/modules/statuscake"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
)

func main() { ansible.Main(statuscake.UptimeModule()) }
