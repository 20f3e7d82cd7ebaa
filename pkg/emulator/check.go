// SPDX-License-Identifier: GPL-3.0-or-later

package emulator

import (
	"net/netip"
	"strings"
	"unicode"
)

// Check looks at one value that was sent and returns a complaint, or nothing. The account A knows what else exists.
type Check[A any] func(account A, value string) string

// Optional lets the empty value, which clears, pass a check.
func Optional[A any](inner Check[A]) Check[A] {
	return func(account A, value string) string {
		if value == "" {
			return ""
		}
		return inner(account, value)
	}
}

// Filled is a Check that wants more than blanks.
func Filled[A any](_ A, value string) string {
	return unless(strings.TrimSpace(value) != "", "must not be empty")
}

// Address is a Check that wants an IP address.
func Address[A any](_ A, value string) string {
	_, err := netip.ParseAddr(value)
	return unless(err == nil, "must be an IP address")
}

// Host is a Check that wants a host name or an IP address, with nothing around it. A name may hold underscores.
func Host[A any](_ A, value string) string {
	return unless(isHost(value), "must be a host name or an IP address")
}

func isHost(text string) bool {
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

func unless(fine bool, complaint string) string {
	if fine {
		return ""
	}
	return complaint
}
