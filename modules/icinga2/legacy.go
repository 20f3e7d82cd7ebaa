// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
)

// LegacyURL has the options of Ansible's modules for URLs that have no effect here.
type LegacyURL struct {
	Force          *bool   `mapstructure:"force"`
	ForceBasicAuth *bool   `mapstructure:"force_basic_auth"`
	HTTPAgent      *string `mapstructure:"http_agent"`
	UseGSSAPI      *bool   `mapstructure:"use_gssapi"`
}

func (l LegacyURL) check(call *ansible.Call) error {
	for _, option := range []string{"force", "force_basic_auth", "http_agent"} {
		if call.Mentioned(option) {
			deprecate(call, option+" has no effect; remove it")
		}
	}
	switch {
	case value(l.UseGSSAPI):
		return errors.New("value of use_gssapi must be false or left out, because Icinga 2 takes passwords and client certificates, got: true; " +
			"write username and password, or client_cert")
	case call.Mentioned("use_gssapi"):
		deprecate(call, "use_gssapi has no effect; remove it")
	}
	return nil
}

func deprecate(call *ansible.Call, what string) {
	call.Deprecate(what, "1.0.0", "", "stackwatch.monitoring")
}

// LegacyDowntime has the options of icinga2_downtime of community.general that have other names here.
type LegacyDowntime struct {
	StartTime    *string        `mapstructure:"start_time"`
	EndTime      *string        `mapstructure:"end_time"`
	Filter       *string        `mapstructure:"filter"`
	FilterVars   map[string]any `mapstructure:"filter_vars"`
	ObjectType   *string        `mapstructure:"object_type"`
	Name         *string        `mapstructure:"name"`
	ChildOptions *string        `mapstructure:"child_options"`
	TriggerName  *string        `mapstructure:"trigger_name"`
	Timeout      *float64       `mapstructure:"timeout"`
}

func legacyDowntimeNames() []string {
	return []string{"start_time", "end_time", "filter", "filter_vars", "object_type", "name", "child_options", "trigger_name", "timeout"}
}

// translate turns legacy options into current ones, each with a deprecation warning. Its error joins what cannot be
// translated.
func (o *downtimeOptions) translate(call *ansible.Call) error {
	given := slices.DeleteFunc(legacyDowntimeNames(), func(name string) bool { return !call.Mentioned(name) })
	if len(given) == 0 {
		return nil
	}
	if call.Mentioned("downtimes") {
		return fmt.Errorf("downtimes cannot be combined with %s", strings.Join(given, ", "))
	}
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for option, today := range map[string]string{"start_time": "start", "child_options": "child_hosts", "name": "id"} {
		if call.Mentioned(option) && call.Mentioned(today) {
			refuse("%s cannot be combined with %s, which means the same", option, today)
		}
	}
	one, item, absent := &o.One, &o.One.Object, value(o.One.State) == "absent"
	if o.StartTime != nil {
		item.Start = o.StartTime
		deprecate(call, "start_time is start now")
	}
	if o.EndTime != nil {
		if err := o.translateEnd(call); err != nil {
			errs = append(errs, err)
		}
	}
	if o.ChildOptions != nil {
		children := map[string]string{"DowntimeNoChildren": "none", "DowntimeTriggeredChildren": "trigger", "DowntimeNonTriggeredChildren": "schedule"}[*o.ChildOptions]
		item.ChildHosts = &children
		deprecate(call, fmt.Sprintf("child_options: %s is child_hosts: %s now", *o.ChildOptions, children))
	}
	if o.Timeout != nil {
		if call.Given("api_timeout") {
			refuse("timeout cannot be combined with api_timeout, which means the same")
		}
		o.API.Timeout = *o.Timeout
		deprecate(call, "timeout is api_timeout now")
	}
	if o.TriggerName != nil {
		refuse("trigger_name has no counterpart, got: %s; remove it, and where the hosts depend on each other write child_hosts: trigger "+
			"in the downtime that is to trigger", *o.TriggerName)
	}
	switch {
	case o.Name != nil && absent:
		one.ID = o.Name
		deprecate(call, "name is id now")
	case o.Name != nil:
		deprecate(call, "name has no effect with state: present; remove it")
	}
	o.translateFilter(call, refuse)
	if one.ID == nil { // the defaults of the earlier module
		author, comment := "Ansible", "Downtime scheduled by Ansible"
		if item.Comment == nil {
			item.Comment = &comment
		}
		if !call.Given("author") {
			item.Author = &author
		}
	}
	return errors.Join(errs...)
}

// translateEnd turns an end into a duration. Together with an end, the earlier module's duration was that of a flexible
// downtime.
func (o *downtimeOptions) translateEnd(call *ansible.Call) error {
	item := &o.One.Object
	end, err := strconv.ParseInt(strings.TrimSpace(*o.EndTime), 10, 64)
	if err != nil {
		return fmt.Errorf("value of end_time must be unix seconds, got: %s", *o.EndTime)
	}
	start, err := strconv.ParseInt(strings.TrimSpace(value(item.Start)), 10, 64)
	switch {
	case err != nil:
		return fmt.Errorf("end_time requires start_time in unix seconds, got: %s; write start and duration", value(item.Start))
	case end <= start:
		return fmt.Errorf("value of end_time must be later than start_time, got: %d and %d", end, start)
	}
	if item.Fixed != nil && !*item.Fixed && item.FlexibleDuration == nil {
		item.FlexibleDuration = item.Duration
		if item.Duration != nil {
			deprecate(call, "duration of a flexible downtime is flexible_duration now")
		}
	}
	length := fmt.Sprint(end - start)
	item.Duration = &length
	deprecate(call, fmt.Sprintf("end_time is duration now, which is %s", time.Duration(end-start)*time.Second))
	return nil
}

// translateFilter reads a filter expression of Icinga, which the server evaluates.
func (o *downtimeOptions) translateFilter(call *ansible.Call, refuse func(string, ...any)) {
	kind := kind(value(o.ObjectType))
	if o.Filter == nil {
		switch {
		case o.FilterVars != nil:
			refuse("filter_vars requires filter")
		case o.ObjectType != nil && o.One.ID == nil:
			refuse("object_type is only valid with filter or name, got: %s", kind)
		case o.ObjectType != nil:
			deprecate(call, "object_type has no effect with id; remove it")
		}
		return
	}
	switch {
	case strings.TrimSpace(*o.Filter) == "":
		refuse("value of filter must not be empty, which would mean all objects; write hosts or stack")
	case kind == downtimeKind:
		refuse("value of object_type must be Host or Service with filter, got: Downtime; to remove downtimes write their comment and author, or id")
	case o.One.ID != nil:
		refuse("id names one downtime and cannot be combined with filter")
	case o.One.Object.Hosts != nil || o.One.Object.Services != nil || o.One.Stack != nil:
		refuse("filter cannot be combined with hosts, services, stack, which say the same")
	case kind == serviceKind && value(o.One.Object.AllServices):
		refuse("all_services: true is for hosts and cannot be combined with object_type: Service")
	}
	if kind == "" {
		kind = hostKind
	}
	o.One.Object.Selected = &objectFilter{kind, filter{*o.Filter, maps.Clone(o.FilterVars)}}
	deprecate(call, "filter is hosts, services and stack now, by names or patterns")
}
