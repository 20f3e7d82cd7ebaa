// SPDX-License-Identifier: GPL-3.0-or-later

// Package pattern holds regular expressions that cost nothing until they are used. Ansible starts a module's program for each task, and
// compiling all patterns of all modules at each start took longer than reading the task's options.
package pattern

import (
	"regexp"
	"sync"
)

// Pattern is a regular expression that is compiled when it is first used. It is safe for use by many goroutines.
type Pattern struct{ compiled func() *regexp.Regexp }

// New takes an expression in the syntax of package regexp. The first use of a wrong one panics; TestPatterns finds those before.
func New(expression string) *Pattern {
	return &Pattern{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })}
}

// MatchString is that of regexp.Regexp.
func (p *Pattern) MatchString(s string) bool { return p.compiled().MatchString(s) }

// FindStringSubmatch is that of regexp.Regexp.
func (p *Pattern) FindStringSubmatch(s string) []string { return p.compiled().FindStringSubmatch(s) }

// ReplaceAllString is that of regexp.Regexp.
func (p *Pattern) ReplaceAllString(s, by string) string { return p.compiled().ReplaceAllString(s, by) }

// ReplaceAllStringFunc is that of regexp.Regexp.
func (p *Pattern) ReplaceAllStringFunc(s string, by func(string) string) string {
	return p.compiled().ReplaceAllStringFunc(s, by)
}
