// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/pattern"
)

// environment is what coercion asks about the world around the module.
type environment struct {
	lookup func(name string) (string, bool)
	// home gives the home folder of the user of that name, "" for the user who runs the module.
	home func(user string) (string, bool)
}

var variable = pattern.New(`\$(\w+|\{[^}]*\})`)

// expandPath puts in environment variables, then a home folder for a leading ~ or ~user. What is not known stays as it is.
func (e environment) expandPath(path string) string {
	path = variable.ReplaceAllStringFunc(path, func(found string) string {
		name := found[1:]
		if strings.HasPrefix(name, "{") {
			name = name[1 : len(name)-1]
		}
		if text, ok := e.lookup(name); ok {
			return text
		}
		return found
	})
	if !strings.HasPrefix(path, "~") {
		return path
	}
	user, rest := path[1:], ""
	if slash := strings.IndexByte(path, '/'); slash >= 0 {
		user, rest = path[1:slash], path[slash:]
	}
	home, ok := "", false
	if user == "" {
		home, ok = e.lookup("HOME")
	}
	if !ok {
		home, ok = e.home(user)
	}
	if !ok {
		return path
	}
	if expanded := strings.TrimRight(home, "/") + rest; expanded != "" {
		return expanded
	}
	return "/"
}
