// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/resource"
	"github.com/stackwatch/ansible-monitoring/pkg/window"
)

// defaultAuthor is who schedules downtimes where nobody is named.
const defaultAuthor = "stackwatch"

// downtimeWish checks one declared downtime. Its errors name the option, the value and what would be right.
func downtimeWish(item resource.Item[downtimeItem], now time.Time) (Downtime, error) {
	o := item.Object
	d := Downtime{}
	d.absent, d.stack = value(item.State) == "absent", value(item.Stack)
	if item.ID != nil {
		return d, checkByID(item, d.absent)
	}
	var err error
	if d.Comment, err = line("comment", o.Comment, ""); err != nil {
		return d, err
	}
	if d.Author, err = line("author", o.Author, defaultAuthor); err != nil {
		return d, err
	}
	if d.selection, err = readSelection(o, d.stack, d.absent); err != nil {
		return d, err
	}
	if d.Schedule, err = window.Read(o.Start, o.Duration, now, d.absent); err != nil {
		return d, err
	}
	if err := readKind(&d, o); err != nil {
		return d, err
	}
	d.allServices, d.ChildHosts = o.AllServices, o.ChildHosts
	return d, nil
}

// checkByID holds that a downtime that is named by its id shall go. Who wants another one says which object it is for.
func checkByID(item resource.Item[downtimeItem], absent bool) error {
	host, name, both := strings.Cut(*item.ID, "!")
	switch {
	case !both || host == "" || name == "" || strings.HasSuffix(name, "!"):
		return fmt.Errorf("value of id must be the full name of a downtime, such as web1!0c7f5a7e-3f3b-4d0f-9d0b-6a2c1d5c8a11, got: %s", *item.ID)
	case !absent:
		return errors.New("id goes only with state: absent; a downtime that shall be is known by its comment and its objects")
	case item.Object.Hosts != nil || item.Object.Services != nil || item.Stack != nil:
		return errors.New("id names one downtime, which goes with none of: hosts, services, stack")
	}
	return nil
}

// line reads a text that says who or what for. missing stands for one that was not given, "" for none.
func line(option string, text *string, missing string) (*string, error) {
	if text == nil {
		if missing == "" {
			return nil, fmt.Errorf("missing required arguments: %s", option)
		}
		return &missing, nil
	}
	if err := checkRendered(option, text); err != nil {
		return nil, err
	}
	trimmed := strings.TrimSpace(*text)
	if trimmed == "" {
		return nil, fmt.Errorf("value of %s must be a text that is not empty, got: %q", option, *text)
	}
	return &trimmed, nil
}

// readSelection reads which objects are meant. A downtime that shall be says it; without, one that shall go is sought everywhere.
func readSelection(o downtimeItem, stack string, absent bool) (selection, error) {
	s := selection{hosts: resource.Tidy(o.Hosts), services: resource.Tidy(o.Services), stack: stack, filter: o.Selected}
	if s.filter != nil {
		return s, nil
	}
	for option, names := range map[string][]string{"hosts": s.hosts, "services": s.services} {
		if names != nil && len(names) == 0 {
			return s, fmt.Errorf("value of %s must hold a name or a pattern at least, got an empty list", option)
		}
		if err := checkNames(option, names); err != nil {
			return s, err
		}
	}
	switch {
	case s.hosts == nil && s.stack == "" && s.services != nil:
		return s, errors.New("services needs to know of which hosts: one of the following is required: hosts, stack")
	case s.hosts == nil && s.stack == "" && !absent:
		return s, errors.New("one of the following is required to say what the downtime is for: hosts, stack")
	case s.services != nil && value(o.AllServices):
		return s, fmt.Errorf("all_services: true is for hosts and goes with no services, got: %s", strings.Join(s.services, ", "))
	}
	return s, nil
}

// readKind reads whether the downtime is fixed or flexible.
func readKind(d *Downtime, o downtimeItem) error {
	switch {
	case d.absent:
		return nil // it goes whatever it is
	case (o.Fixed == nil || *o.Fixed) && o.FlexibleDuration != nil:
		return fmt.Errorf("flexible_duration goes with fixed: false alone, got: %s; a fixed downtime lasts for its duration", *o.FlexibleDuration)
	case o.Fixed == nil || *o.Fixed:
		d.Fixed = o.Fixed
		return nil
	case o.FlexibleDuration == nil:
		return errors.New("fixed is false but all of the following are missing: flexible_duration")
	}
	length, err := window.ReadDuration("flexible_duration", *o.FlexibleDuration)
	if err != nil {
		return err
	}
	text := length.String()
	d.Fixed, d.FlexibleDuration, d.flexible = o.Fixed, &text, length
	return nil
}

// sorted gives the elements of a set of names, in order and each once.
func sorted(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
