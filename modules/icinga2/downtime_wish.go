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

// downtimeWish checks one declared downtime. It returns an error for each option that is wrong.
func downtimeWish(item resource.Item[downtimeItem], now time.Time) (Downtime, error) {
	o := item.Object
	d := Downtime{}
	d.absent, d.stack = value(item.State) == "absent", value(item.Stack)
	if item.ID != nil {
		return d, checkByID(item, d.absent)
	}
	errs := make([]error, 5)
	d.Comment, errs[0] = line("comment", o.Comment, "")
	d.Author, errs[1] = line("author", o.Author, defaultAuthor)
	d.selection, errs[2] = readSelection(o, d.stack, d.absent)
	d.Schedule, errs[3] = window.Read(o.Start, o.Duration, now, d.absent)
	errs[4] = readKind(&d, o)
	d.allServices, d.ChildHosts = o.AllServices, o.ChildHosts
	return d, errors.Join(errs...)
}

// checkByID holds that a downtime that is named by its id shall go. Who wants another one says which object it is for.
func checkByID(item resource.Item[downtimeItem], absent bool) error {
	var errs []error
	if host, name, both := strings.Cut(*item.ID, "!"); !both || host == "" || name == "" || strings.HasSuffix(name, "!") {
		errs = append(errs, fmt.Errorf("value of id must be the full name of a downtime, such as web1!0c7f5a7e-3f3b-4d0f-9d0b-6a2c1d5c8a11, got: %s", *item.ID))
	}
	if !absent {
		errs = append(errs, errors.New("id goes only with state: absent; a downtime that shall be is known by its comment and its objects"))
	}
	if item.Object.Hosts != nil || item.Object.Services != nil || item.Stack != nil {
		errs = append(errs, errors.New("id names one downtime, which goes with none of: hosts, services, stack"))
	}
	return errors.Join(errs...)
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
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, list := range []struct {
		option string
		names  []string
	}{{"hosts", s.hosts}, {"services", s.services}} {
		if list.names != nil && len(list.names) == 0 {
			refuse("value of %s must hold a name or a pattern at least, got an empty list", list.option)
		}
		errs = append(errs, checkNames(list.option, list.names))
	}
	switch {
	case s.hosts == nil && s.stack == "" && s.services != nil:
		refuse("services needs to know of which hosts: one of the following is required: hosts, stack")
	case s.hosts == nil && s.stack == "" && !absent:
		refuse("one of the following is required to say what the downtime is for: hosts, stack")
	}
	if s.services != nil && value(o.AllServices) {
		refuse("all_services: true is for hosts and goes with no services, got: %s", strings.Join(s.services, ", "))
	}
	return s, errors.Join(errs...)
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
