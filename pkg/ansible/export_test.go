// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

// OSProcess is the process itself, for tests that start themselves as a module and set its clock.
func OSProcess() Process { return osProcess() }
