// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/pattern"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

var looksLikePassword = pattern.New(`(?i)^(?:.+[-_\s])?pass(?:[-_\s]?(?:word|phrase|wrd|wd)?)(?:[-_\s].+)?$`)

// logInvocation tells the system log what the module was called with, without secrets, and warns about an option that
// looks like a password although nobody said whether it is one.
func logInvocation(call *Call, p Process, facility, prefix string) {
	canonical, logging := map[string]string{}, map[string]Logging{}
	for _, o := range call.spec.Options {
		logging[o.Name] = o.Logging
		for _, alias := range o.Aliases {
			canonical[alias] = o.Name
		}
	}
	mask := call.secrets.masker()
	parts := []string{"Invoked"}
	for i, name := range call.params.keys {
		option, ok := canonical[name]
		if !ok {
			option = name
		}
		var text string
		switch {
		case logging[option] == Unknown && looksLikePassword.MatchString(name):
			text = "NOT_LOGGING_PASSWORD"
			call.Warn("Module did not set no_log for %s", name)
		case logging[option] == Hidden:
			text = "NOT_LOGGING_PARAMETER"
		default:
			text = mask.text(hideLogins(pyStr(call.params.values[name])))
		}
		if i == 0 {
			parts[0] = "Invoked with"
		}
		parts = append(parts, name+"="+text)
	}
	line := strings.Join(parts, " ")
	if prefix != "" {
		line = prefix + " " + line
	}
	_ = p.Syslog(facility, "ansible-"+call.Name, mask.text(line))
}

// hideLogins hides what stands between a colon and an at sign, as in https://user:password@host. Like Ansible's own it
// hides too much rather than too little.
func hideLogins(text string) string {
	var parts []string
	begin, previous := len(text), len(text)
	for {
		end := strings.LastIndexByte(text[:begin], '@')
		if end < 0 {
			parts = append(parts, text[:begin])
			break
		}
		separator := -1
		for searchEnd := end; separator < 0; searchEnd = begin {
			begin = max(strings.LastIndex(text[:searchEnd], "://"), 0)
			from := min(begin+3, end)
			if at := strings.IndexByte(text[from:end], ':'); at >= 0 {
				separator = from + at
			} else if begin == 0 {
				break
			}
		}
		if separator <= 0 {
			parts = append(parts, text[:previous])
			break
		}
		parts = append(parts, text[end:previous], secret.Mask, text[begin:separator+1])
		previous = begin
	}
	var b strings.Builder
	for i := len(parts) - 1; i >= 0; i-- {
		b.WriteString(parts[i])
	}
	return b.String()
}
