// SPDX-License-Identifier: GPL-3.0-or-later

package secret

import "strings"

// LoginIn returns the user name and password of a URL such as https://user:password@www.example.com, "" for none. The
// URL may lack its scheme, and need not be valid.
func LoginIn(text string) string {
	if _, rest, found := strings.Cut(text, "//"); found {
		text = rest
	}
	authority := text
	if end := strings.IndexAny(text, "/?#"); end >= 0 {
		authority = text[:end]
	}
	if i := strings.LastIndex(authority, "@"); i >= 0 {
		return authority[:i]
	}
	// A password with a slash in it, which should be escaped, begins where a port would.
	_, after, found := strings.Cut(authority, ":")
	if i := strings.LastIndex(text, "@"); found && i >= 0 && strings.Trim(after, "0123456789") != "" {
		return text[:i]
	}
	return ""
}

// PasswordIn returns the password of a URL as it is written, "" for none.
func PasswordIn(text string) string {
	_, password, _ := strings.Cut(LoginIn(text), ":")
	return password
}
