// SPDX-License-Identifier: GPL-3.0-or-later

// Command bundle is every module of the suite in one program, as the collection carries it: plugins/action/bundle.py starts it.
package main

import (
	"github.com/stackwatch/ansible-monitoring/modules"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
)

func main() { ansible.MainAmong(modules.All()) }
