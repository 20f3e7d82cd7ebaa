// SPDX-License-Identifier: GPL-3.0-or-later

package icingatest

import (
	"context"
	"net"
	"syscall"
)

// dial makes connections that acknowledge at once: the server waits for that in the middle of longer answers, 40 milliseconds each.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	tcp, ok := conn.(*net.TCPConn)
	if err != nil || !ok {
		return conn, err
	}
	raw, err := tcp.SyscallConn()
	return &quick{tcp, raw}, err
}

type quick struct {
	*net.TCPConn
	raw syscall.RawConn
}

// Read asks for it anew each time, because the system forgets.
func (q *quick) Read(b []byte) (int, error) {
	_ = q.raw.Control(func(fd uintptr) { // a failure only means that it takes longer
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
	})
	return q.TCPConn.Read(b)
}
