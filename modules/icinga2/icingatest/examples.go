// SPDX-License-Identifier: GPL-3.0-or-later

package icingatest

import "testing"

// Furnish makes the hosts and services that the examples of the modules' documentation take for granted, in the stack shop.
func (s *Server) Furnish(t testing.TB) {
	t.Helper()
	root := s.Client(t, Root)
	attrs := map[string]any{"check_command": "dummy", "vars": map[string]any{"managed_by": "stackwatch", "stack": "shop"}}
	for host, service := range map[string]string{"web1": "http", "web2": "http", "db1": "disk"} {
		root.Put(t, "hosts", host, attrs)
		root.Put(t, "services", host+"!"+service, attrs)
	}
}
