// SPDX-License-Identifier: GPL-3.0-or-later

//go:build !race

package statuscake

// stride is which calls of the fault matrix fail: every single one.
const stride = 1
