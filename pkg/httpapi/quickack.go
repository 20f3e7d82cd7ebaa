// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"context"
	"net"
	"syscall"
)

type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// quickAck makes each connection acknowledge what it got before it waits for more.
func quickAck(dial dialer) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if tcp, ok := conn.(*net.TCPConn); ok && err == nil {
			if raw, err := tcp.SyscallConn(); err == nil {
				return &quickConn{TCPConn: tcp, raw: raw}, nil
			}
		}
		return conn, err
	}
}

type quickConn struct {
	*net.TCPConn
	raw syscall.RawConn
}

// Read asks for it each time anew: the system falls back to waiting on its own. A failure only means that it waits.
func (c *quickConn) Read(b []byte) (int, error) {
	_ = c.raw.Control(acknowledge)
	return c.TCPConn.Read(b)
}
