// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/resource"
	"github.com/stackwatch/ansible-monitoring/pkg/window"
)

// windowWish validates one declared window. Its error names every wrong option, its value and what would be right.
func windowWish(item resource.Item[windowOptions], now time.Time) (Window, error) {
	o := item.Object
	w := Window{absent: value(item.State) == "absent"}
	var errs []error
	switch {
	case item.ID != nil && !idPattern.MatchString(*item.ID):
		errs = append(errs, fmt.Errorf("value of id must be the number of a maintenance window, got: %s", *item.ID))
	case item.ID != nil:
		w.label = "id " + *item.ID
	case o.Description == nil:
		errs = append(errs, errors.New("one of the following is required: id, description"))
	}
	if o.Description != nil {
		description := strings.TrimSpace(*o.Description)
		if description == "" || description == "None" {
			errs = append(errs, fmt.Errorf("value of description must say what the window is for, got: %q", *o.Description))
		}
		w.Description = &description
	}
	w.selection = selection{checks: resource.Tidy(o.Checks), tags: resource.Tidy(o.Tags)}
	w.stack = value(item.Stack)
	var times error
	w.Schedule, times = window.Read(o.Start, o.Duration, now, w.absent)
	w.Keep = item.ID != nil && o.Start == nil && o.Duration == nil // what is known by its id keeps the times that nobody gave
	return w, errors.Join(append(errs, checkTemplates(w), checkSelection(w.selection, item.ID != nil || w.absent), times)...)
}

func checkTemplates(w Window) error {
	texts := map[string][]string{"checks": w.checks, "tags": w.tags}
	if w.Description != nil {
		texts["description"] = []string{*w.Description}
	}
	var errs []error
	for _, option := range []string{"description", "checks", "tags"} {
		for _, text := range texts[option] {
			errs = append(errs, resource.Rendered(option, &text))
		}
	}
	return errors.Join(errs...)
}

// checkSelection demands that a window says what it covers, unless it is one that is there and so covers something. An empty list is what a
// template makes by mistake: with absent it would end nothing and look done.
func checkSelection(s selection, there bool) error {
	switch {
	case !s.given() && !there:
		return errors.New("one of the following is required to say what the window covers: checks, tags, stack")
	case s.checks != nil && len(s.checks)+len(s.tags) == 0:
		return errors.New("value of checks must hold the name or id of a check at least, got an empty list; leave checks out where stack alone says it")
	case s.tags != nil && len(s.checks)+len(s.tags) == 0:
		return errors.New("value of tags must hold a tag at least, got an empty list; leave tags out where stack alone says it")
	}
	return nil
}

// sortIDs brings ids into the order of their numbers.
func sortIDs(ids []string) []string {
	slices.SortFunc(ids, reconcile.CompareIDs)
	return slices.Compact(ids)
}
