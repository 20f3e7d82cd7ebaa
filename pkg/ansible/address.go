// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"net/url"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// shownAddress returns an address as it may be shown; what is no text cannot be told apart, and is hidden.
func shownAddress(value any) any {
	text, ok := value.(string)
	if !ok {
		return hideLeaves(value)
	}
	shown, _ := splitAddress(text)
	return shown
}

// splitAddress returns a URL without its credentials and without what follows a ? or #, and those parts, also unescaped. In what is no URL,
// or may be none because a password holds a slash, all before the last @ counts as credentials: it hides too much rather than too little.
func splitAddress(text string) (shown string, parts []string) {
	rest := text
	if i := strings.Index(text, "://"); i >= 0 {
		shown, rest = text[:i+3], text[i+3:]
	}
	authority := len(rest)
	if u, err := url.Parse(text); err == nil && u.Host != "" && (u.User != nil || !strings.Contains(u.Host, ":")) {
		if end := strings.IndexAny(rest, "/?#"); end >= 0 {
			authority = end
		}
	}
	hide := func(part string) {
		parts = append(parts, part)
		for _, unescape := range []func(string) (string, error){url.PathUnescape, url.QueryUnescape} {
			if plain, err := unescape(part); err == nil && plain != part {
				parts = append(parts, plain)
			}
		}
	}
	if at := strings.LastIndexByte(rest[:authority], '@'); at >= 0 {
		user, password, found := strings.Cut(rest[:at], ":")
		if found {
			shown += user + ":"
		} else {
			password = user // a token alone
		}
		if password != "" {
			hide(password)
			shown += secret.Mask
		}
		rest = rest[at:]
	}
	i := strings.IndexAny(rest, "?#")
	if i < 0 || i == len(rest)-1 {
		return shown + rest, parts
	}
	hide(rest[i+1:])
	for _, pair := range strings.FieldsFunc(rest[i+1:], func(r rune) bool { return strings.ContainsRune("&;?#", r) }) {
		if _, value, found := strings.Cut(pair, "="); found {
			pair = value
		}
		hide(pair)
	}
	return shown + rest[:i+1] + secret.Mask, parts
}
