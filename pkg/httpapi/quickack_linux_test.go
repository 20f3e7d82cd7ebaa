// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestQuickAckIsAskedForBeforeEachRead(t *testing.T) {
	s := newServer(t)
	var d net.Dialer
	conn, err := quickAck(d.DialContext)(t.Context(), "tcp", s.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	quick, ok := conn.(*quickConn)
	require.True(t, ok)
	option := func() (value int) {
		require.NoError(t, quick.raw.Control(func(fd uintptr) {
			value, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK)
		}))
		require.NoError(t, err)
		return value
	}
	require.NoError(t, quick.raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 0)
	}))
	require.NoError(t, err)
	require.Zero(t, option())
	_, err = conn.Read(nil)
	require.NoError(t, err)
	assert.Equal(t, 1, option())
}

func TestCallsWithQuickAck(t *testing.T) {
	s := newServer(t)
	var got thing
	require.NoError(t, newClient(t, s.URL, func(c *Config) { c.QuickAck = true }).Do(t.Context(), get("x"), &got))
	assert.Equal(t, "7", got.ID)
	err := newClient(t, "http://127.0.0.1:1", func(c *Config) { c.QuickAck, c.Retries = true, 0 }).Do(t.Context(), get("x"), nil)
	require.ErrorContains(t, err, "connection refused")
}
