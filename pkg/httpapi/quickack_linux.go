// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import "syscall"

func acknowledge(fd uintptr) {
	_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
}
