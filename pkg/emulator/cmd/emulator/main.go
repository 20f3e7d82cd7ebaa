// SPDX-License-Identifier: GPL-3.0-or-later

// Command emulator serves an emulated monitoring API on a loopback port; see package serve.
package main

import "github.com/stackwatch/ansible-monitoring/pkg/emulator/serve"

func main() { serve.Main() }
