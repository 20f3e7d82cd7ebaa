// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/resource"
)

// selection says which checks a window covers: those that are named and those with any of the tags, all within the stack. Without both it
// is the whole stack.
type selection struct {
	checks []string // names and ids; nil where they were not given
	tags   []string // nil where they were not given
	stack  string   // "" for none
}

func (s selection) given() bool { return s.checks != nil || s.tags != nil || s.stack != "" }

// words says what is selected: "stack shop: checks cart, search".
func (s selection) words() string {
	var parts []string
	list := func(what string, of []string) {
		if of != nil {
			of = slices.Clone(of)
			slices.Sort(of)
			parts = append(parts, what+" "+strings.Join(of, ", "))
		}
	}
	list("checks", s.checks)
	list("tags", s.tags)
	listed := strings.Join(parts, "; ")
	switch {
	case s.stack == "":
		return listed
	case listed == "":
		return "stack " + s.stack
	}
	return "stack " + s.stack + ": " + listed
}

// catalogue is every check of the account, as far as it is known. It does not change.
type catalogue struct {
	checks []overview
	byID   map[string]overview
	gone   []string // ids that are proven not to exist
}

func newCatalogue(checks []overview, gone []string) *catalogue {
	c := &catalogue{checks: checks, byID: make(map[string]overview, len(checks)), gone: gone}
	for _, o := range checks {
		c.byID[string(o.ID)] = o
	}
	return c
}

// with adds what was read of some ids that were unknown: the check, or one without an id where there is none.
func (c *catalogue) with(ids []string, read []overview) *catalogue {
	checks, gone := slices.Clone(c.checks), slices.Clone(c.gone)
	for i, o := range read {
		switch {
		case o.ID == "":
			gone = append(gone, ids[i])
		case c.byID[ids[i]].ID == "": // of two that looked at once the other may have found it
			checks = append(checks, o)
		}
	}
	return newCatalogue(checks, gone)
}

// groups gives the groups in which the Ledger knows checks that wishes may select: their stacks, or where a wish has none every stack.
func (c *catalogue) groups(wants []reconcile.Want[Window]) []string {
	groups := []string{}
	for _, want := range wants {
		if want.State.given() {
			groups = append(groups, want.State.stack)
		}
	}
	if slices.Contains(groups, "") {
		for _, o := range c.checks {
			groups = append(groups, marks().Stacks(o.userTags())...)
		}
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}

func (c *catalogue) listed() []string { return slices.Collect(maps.Keys(c.byID)) }

// beside names what a window covers beside what is selected, "" for nothing.
func (c *catalogue) beside(w Window, wanted []string) string {
	others := without(c.left(w), wanted)
	switch {
	case len(others) > 0:
		return c.names(others)
	case w.foreign:
		return "transaction checks"
	}
	return ""
}

// left gives the checks of a window without those that are proven to be gone.
func (c *catalogue) left(w Window) []string { return without(w.Checks, c.gone) }

// unknown gives the checks of a window of which it is not known whether they exist.
func (c *catalogue) unknown(w Window) []string {
	return filter(c.left(w), func(id string) bool { return c.byID[id].ID == "" })
}

// only tells whether a check is in no other stack than this one, "" for any.
func (c *catalogue) only(id, stack string) bool {
	return stack == "" || slices.Equal(marks().Stacks(c.byID[id].userTags()), []string{stack})
}

// names gives checks as a message names them.
func (c *catalogue) names(ids []string) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = strings.TrimSpace(c.byID[id].Name + " (" + id + ")")
	}
	return reconcile.Enumerate(texts, 10)
}

// without gives the elements of a list that are not in another one.
func without(list, others []string) []string {
	return filter(list, func(element string) bool { return !slices.Contains(others, element) })
}

func inStack(o overview, stack string) bool {
	return stack == "" || slices.Contains(marks().Stacks(o.userTags()), stack)
}

// isNew reports whether a stack has no check at all.
func (c *catalogue) isNew(stack string) bool {
	return stack != "" && !slices.ContainsFunc(c.checks, func(o overview) bool { return inStack(o, stack) })
}

// ids gives the checks of a selection. What does not exist is an error, unless gone says that it may be missing.
func (c *catalogue) ids(s selection, gone bool) ([]string, error) {
	pool := filter(c.checks, func(o overview) bool { return inStack(o, s.stack) })
	chosen := []string{}
	if s.checks == nil && s.tags == nil {
		for _, o := range pool {
			chosen = append(chosen, string(o.ID))
		}
	}
	for _, o := range pool {
		if slices.ContainsFunc(o.userTags(), func(tag string) bool { return slices.Contains(s.tags, tag) }) {
			chosen = append(chosen, string(o.ID))
		}
	}
	for _, value := range s.checks {
		found := matching(pool, value)
		switch {
		case len(found) == 1:
			chosen = append(chosen, found[0])
		case len(found) > 1:
			return nil, fmt.Errorf("the check name %s is not unique; write the id of one of them: %s", value, strings.Join(found, ", "))
		case !gone:
			return nil, fmt.Errorf("value of checks must be names or ids of checks%s, got: %s; there are: %s", s.within(), value, namesOf(pool))
		}
	}
	if len(chosen) == 0 && !gone {
		return nil, fmt.Errorf("there is no check for the window to cover: nothing matches %s", s.words())
	}
	return sortIDs(chosen), nil
}

func (s selection) within() string {
	if s.stack == "" {
		return ""
	}
	return " in the stack " + s.stack
}

// matching gives the ids of the checks that a name or an id means.
func matching(pool []overview, value string) []string {
	var found []string
	for _, o := range pool {
		if idPattern.MatchString(value) && value == string(o.ID) || !idPattern.MatchString(value) && value == strings.TrimSpace(o.Name) {
			found = append(found, string(o.ID))
		}
	}
	return sortIDs(found)
}

func namesOf(pool []overview) string {
	var names []string
	for _, o := range pool {
		names = append(names, o.Name)
	}
	slices.Sort(names)
	if len(names) == 0 {
		return "none"
	}
	return reconcile.Enumerate(resource.Tidy(names), 10)
}
