// SPDX-License-Identifier: GPL-3.0-or-later

// Package stacks says which objects of a service belong to the suite and to which stack, for services that let an object carry
// tags. Marks are those tags; Base is what the providers of such objects have in common.
package stacks

import (
	"fmt"
	"slices"
	"strings"
)

// Marks are the tags that the suite sets by itself.
type Marks struct {
	Managed  string // on everything that belongs to the suite
	Stack    string // with the stack's name behind it
	Replaced string // on an object that is about to be replaced, and so only after an interruption
}

// Colons are the marks for services whose tags take any character.
func Colons() Marks { return marks(":") }

// Dashes are the marks for services whose tags are letters, digits, underscores and dashes.
func Dashes() Marks { return marks("-") }

func marks(separator string) Marks {
	return Marks{
		Managed:  "managed_by" + separator + "stackwatch",
		Stack:    "stack" + separator,
		Replaced: "replaced_by" + separator + "stackwatch",
	}
}

// Own tells whether a tag is one that the suite sets by itself.
func (m Marks) Own(tag string) bool {
	return tag == m.Managed || tag == m.Replaced || strings.HasPrefix(tag, m.Stack)
}

// Refuse gives an error where a user's tags hold one of the suite's own.
func (m Marks) Refuse(tags []string) error {
	for _, tag := range tags {
		if m.Own(tag) {
			return fmt.Errorf("value of tags must not hold the suite's own marks, got: %s; write the option stack instead", tag)
		}
	}
	return nil
}

// Stacks gives the stacks that tags name, sorted. Usually it is one or none; only by hand an object gets several, and is then shared.
func (m Marks) Stacks(tags []string) []string {
	var stacks []string
	for _, tag := range tags {
		if stack, ok := strings.CutPrefix(tag, m.Stack); ok {
			stacks = append(stacks, stack)
		}
	}
	slices.Sort(stacks)
	return slices.Compact(stacks)
}

// Group is the text for Identity.Stack of an object with these tags: its stack, all of them where it is shared, "" for none.
func (m Marks) Group(tags []string) string { return strings.Join(m.Stacks(tags), ", ") }

// In tells whether tags mark an object as the suite's, and, where a stack is named, as that stack's. An object that several stacks
// share is in no scope.
func (m Marks) In(tags []string, stack string) bool {
	stacks := m.Stacks(tags)
	return slices.Contains(tags, m.Managed) && len(stacks) < 2 && (stack == "" || slices.Contains(stacks, stack))
}

// Tags gives an object its user's tags, or those that it has where the user says nothing (want is nil), and the marks. owned asks for
// the mark of the suite on objects without a stack too.
func (m Marks) Tags(want, have []string, stack string, owned bool) []string {
	var tags []string
	add := func(tag string) {
		if !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	// What is of a stack stays so unless the wish, by its id, moves it or takes it over. What is shared stays shared.
	keep := stack == "" || slices.Contains(have, m.Stack+stack)
	for _, tag := range have {
		if want == nil && !m.Own(tag) || tag == m.Managed || keep && strings.HasPrefix(tag, m.Stack) {
			add(tag)
		}
	}
	for _, tag := range want {
		add(tag)
	}
	if stack != "" || owned {
		add(m.Managed)
	}
	if stack != "" {
		add(m.Stack + stack)
	}
	if tags == nil && want != nil {
		tags = []string{}
	}
	return tags
}
