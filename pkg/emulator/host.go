// SPDX-License-Identifier: GPL-3.0-or-later

package emulator

import (
	"net/netip"
	"strings"
	"unicode"
)

// IsHost tells whether a text is a host name or an IP address, with nothing around it. A name may hold underscores.
func IsHost(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	labels := strings.Split(strings.TrimSuffix(text, "."), ".")
	for _, label := range labels {
		odd := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_' }
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, odd) {
			return false
		}
	}
	return strings.Trim(labels[len(labels)-1], "0123456789") != "" // else an address that is none, such as 10.0.0.256
}
