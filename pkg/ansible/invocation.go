// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"maps"
	"slices"
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
	mask, shown, logs := masker{}, call.params, p.Syslog != nil
	if logs {
		mask, shown = call.secrets.masker(), shownParams(call.spec, call.params)
	}
	parts := []string{"Invoked"}
	for i, name := range shown.allKeys() {
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
		case !logs:
		default:
			text = mask.text(hideLogins(pyStr(shown.values[name])))
		}
		if i == 0 {
			parts[0] = "Invoked with"
		}
		parts = append(parts, name+"="+text)
	}
	if !logs {
		return
	}
	line := strings.Join(parts, " ")
	if prefix != "" {
		line = prefix + " " + line
	}
	_ = p.Syslog(facility, "ansible-"+call.Name, mask.text(line))
}

// shownParams returns the options with hidden parts masked in place, however short: values below keys that hide them,
// and the contents of hidden lists and dictionaries. The masker hides longer ones wherever else they occur.
func shownParams(spec *Spec, params *dict) *dict {
	if spec == nil || !spec.hidesParts() {
		return params
	}
	shown := &dict{keys: slices.Clone(params.keys), values: maps.Clone(params.values), unset: params.unset}
	for i := range spec.Options {
		o := &spec.Options[i]
		for _, name := range append([]string{o.Name}, o.Aliases...) {
			value, ok := params.get(name)
			switch {
			case !ok || value == nil:
			case o.Logging == Hidden && isStructured(value):
				shown.set(name, hideLeaves(value))
			case o.Address:
				shown.set(name, shownAddress(value))
			case o.HideBelow != nil:
				shown.set(name, shownBelow(o, value))
			case o.Sub != nil && o.nests():
				shown.set(name, shownSub(o.Sub, value))
			}
		}
	}
	return shown
}

// hidesBelow reports whether an option hides what is below some keys, suboptions included.
func (s *Spec) hidesBelow() bool {
	return slices.ContainsFunc(s.Options, func(o Option) bool { return o.HideBelow != nil || o.Sub != nil && o.Sub.hidesBelow() })
}

// hidesParts reports whether an option is hidden or hides what is below some keys, suboptions included.
func (s *Spec) hidesParts() bool {
	return slices.ContainsFunc(s.Options, func(o Option) bool {
		return o.Logging == Hidden || o.Address || o.HideBelow != nil || o.Sub != nil && o.Sub.hidesParts()
	})
}

func shownSub(spec *Spec, value any) any {
	switch v := value.(type) {
	case string: // not validated yet
		if parsed, err := toDict(v); err == nil && spec.hidesBelow() {
			return shownSub(spec, parsed)
		}
	case *dict:
		return shownParams(spec, v)
	case []any:
		return series{len(v), func(i int) any { return shownSub(spec, v[i]) }}
	}
	return value
}

// shownBelow masks a value below the option's keys. A text that is no dictionary is masked as a whole, because its
// contents are unknown.
func shownBelow(o *Option, value any) any {
	if text, ok := value.(string); ok {
		parsed, err := toDict(text)
		if err != nil {
			return wholeMask
		}
		value = parsed
	}
	return maskBelow(o.HideBelow, value, false)
}

func maskBelow(keys *pattern.Pattern, value any, hide bool) any {
	switch v := value.(type) {
	case nil, bool:
		return v
	case *dict:
		shown := newDict()
		for _, key := range v.allKeys() {
			shown.set(key, maskBelow(keys, v.values[key], hide || keys.MatchString(key)))
		}
		return shown
	case tuple:
		return maskBelow(keys, []any(v), hide)
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = maskBelow(keys, item, hide)
		}
		return list
	}
	if hide && value != "" {
		return wholeMask
	}
	return value
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
