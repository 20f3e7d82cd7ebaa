// SPDX-License-Identifier: GPL-3.0-or-later

// Command argspec is the test modules as one binary, called by a module's name.
package main

import (
	"os"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible/ansibletest/argspec"
)

func main() {
	ansible.MainAmong([]ansible.Module{argspec.Argspec(), argspec.Behave(func() { _, _ = os.Stderr.WriteString("started\n") })})
}
