// SPDX-License-Identifier: GPL-3.0-or-later

//go:build !linux

package icingatest

import (
	"context"
	"net"
)

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, address)
}
