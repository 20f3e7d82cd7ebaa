// SPDX-License-Identifier: GPL-3.0-or-later

//go:build race

package statuscake

// stride is which calls of the fault matrix fail: every third one, because the race detector makes everything many times slower.
const stride = 3
