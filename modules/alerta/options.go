// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/resource"
	"github.com/stackwatch/ansible-monitoring/pkg/window"
)

// options are the options of alerta_housekeeping; its documentation says what they mean.
type options struct {
	Environment    []string       `mapstructure:"environment"`
	Resource       []string       `mapstructure:"resource"`
	ResourcePrefix []string       `mapstructure:"resource_prefix"`
	ResourceRegex  *string        `mapstructure:"resource_regex"`
	Service        []string       `mapstructure:"service"`
	Group          []string       `mapstructure:"group"`
	Event          []string       `mapstructure:"event"`
	Origin         []string       `mapstructure:"origin"`
	Tags           []string       `mapstructure:"tags"`
	Attributes     map[string]any `mapstructure:"attributes"`
	Customer       []string       `mapstructure:"customer"`
	Status         []string       `mapstructure:"status"`
	Severity       []string       `mapstructure:"severity"`
	Stack          []string       `mapstructure:"stack"`
	OlderThan      *string        `mapstructure:"older_than"`
	NewerThan      *string        `mapstructure:"newer_than"`
	Live           *liveOptions   `mapstructure:"live"`
	Grace          *string        `mapstructure:"grace"`

	Blackout        *string        `mapstructure:"blackout"`
	Duration        *string        `mapstructure:"duration"`
	Heartbeats      bool           `mapstructure:"heartbeats"`
	HeartbeatsOlder *string        `mapstructure:"heartbeats_older_than"`
	Action          *string        `mapstructure:"action"`
	Bulk            bool           `mapstructure:"bulk"`
	Server          *serverOptions `mapstructure:"server"`
	Text            *string        `mapstructure:"text"`
	DeleteLimit     *string        `mapstructure:"delete_limit"`

	Connection connection `mapstructure:",squash"`
}

// liveOptions name what exists.
type liveOptions struct {
	Stacks    []string `mapstructure:"stacks"`
	Resources []string `mapstructure:"resources"`
}

// serverOptions are the ages of the server's own housekeeping.
type serverOptions struct {
	Expired string `mapstructure:"expired"`
	Info    string `mapstructure:"info"`
}

// job is what a run shall do, in the order in which it does it.
type job struct {
	selection
	live *living // nil: what is selected, else those of it that are orphans

	blackouts  []reconcile.Want[Blackout]
	duration   time.Duration // of blackouts
	heartbeats bool
	action     string // "" for none
	bulk       bool
	server     *ages // nil for none
	text       string
	limit      *reconcile.Limit // nil: see limitOf
}

// read checks the options, without a call.
func read(call *ansible.Call, o options) (job, error) {
	r := reader{call: call}
	j := job{
		selection: r.selection(o), live: r.living(o), heartbeats: o.Heartbeats, action: text(o.Action), bulk: o.Bulk, server: r.server(o),
		text: r.text("text", o.Text), limit: r.limit(o.DeleteLimit),
	}
	if call.NullElements() != nil {
		r.refuse("value of %s must not be null; leave the element out", call.NullElements()[0])
	}
	for _, option := range []string{"heartbeats", "bulk"} {
		r.notNull(option)
	}
	j.heartbeatsOlder = r.age("heartbeats_older_than", o.HeartbeatsOlder)
	if j.duration = r.duration(o.Duration); r.err == nil {
		r.err = j.check(call)
	}
	if r.err == nil && o.Blackout != nil {
		j.blackouts, r.err = blackoutWishes(j.selection, *o.Blackout == "absent")
	}
	return j, r.err
}

// check refuses options that do not go together.
func (j job) check(call *ansible.Call) error {
	selects := call.Given("blackout") || j.heartbeats || j.action != ""
	switch {
	case !selects && j.server == nil:
		return errors.New("one of the following is required: blackout, heartbeats, action, server")
	case (call.Given("blackout") || j.action != "") && !j.given():
		return errors.New("the selection is empty, which would mean everything: at least one of the options that select is required, such as stack, " +
			"environment or resource")
	case !selects && (j.given() || j.live != nil):
		return errors.New("the selection is for blackout, heartbeats or action, of which none is set; server works on all alerts")
	case j.live != nil && call.Given("blackout"):
		return errors.New("parameters are mutually exclusive: blackout|live")
	case call.Given("grace") && j.live == nil:
		return errors.New("missing parameter(s) required by 'grace': live")
	case call.Given("heartbeats_older_than") && !j.heartbeats:
		return errors.New("missing parameter(s) required by 'heartbeats_older_than': heartbeats: true")
	case call.Given("duration") && !call.Given("blackout"):
		return errors.New("missing parameter(s) required by 'duration': blackout")
	case j.bulk && j.action != deleting:
		return errors.New("bulk: true is for action: delete")
	case j.heartbeats && j.live == nil && !j.ofHeartbeats():
		return errors.New("heartbeats is true but any of the following are missing: origin, tags, stack, customer, heartbeats_older_than")
	case j.heartbeats && j.live != nil && j.live.stacks == nil:
		return errors.New("heartbeats: true with live needs live.stacks, because a heartbeat has no resource")
	case j.heartbeats && j.live != nil && !j.given():
		return errors.New("heartbeats is true and live is set but any of the following are missing: environment, origin, tags, stack, customer")
	case j.heartbeats && j.ofAlerts() != "":
		return fmt.Errorf("heartbeats and %s exclude each other: a heartbeat has nothing like it; clear alerts by it in a task of its own", j.ofAlerts())
	}
	return nil
}

// given tells whether anything is selected by.
func (s selection) given() bool {
	for _, values := range [][]string{
		s.environment, s.resource, s.service, s.group, s.event, s.origin, s.tags, s.customer, s.status, s.severity, s.stack, s.prefix,
	} {
		if values != nil {
			return true
		}
	}
	return s.attributes != nil || s.pattern != nil || s.older != 0 || s.newer != 0
}

// reader reads options and keeps the first error.
type reader struct {
	call *ansible.Call
	err  error
}

func (r *reader) refuse(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *reader) selection(o options) selection {
	return selection{
		environment: r.values("environment", o.Environment), resource: r.values("resource", o.Resource), service: r.values("service", o.Service),
		group: r.values("group", o.Group), event: r.values("event", o.Event), origin: r.values("origin", o.Origin),
		tags: r.values("tags", o.Tags), customer: r.values("customer", o.Customer), status: r.values("status", o.Status),
		severity: r.values("severity", o.Severity), stack: r.values("stack", o.Stack), prefix: r.values("resource_prefix", o.ResourcePrefix),
		attributes: r.attributes(o.Attributes), pattern: r.pattern(o.ResourceRegex),
		older: r.age("older_than", o.OlderThan), newer: r.age("newer_than", o.NewerThan),
	}
}

// notNull refuses what a half-rendered template makes of an option: taken for left out, it would select more.
func (r *reader) notNull(option string) {
	if r.call.Null(option) {
		r.refuse("value of %s must not be null; leave the option out, as default(omit) does", option)
	}
}

// values reads an option that selects; nil where it was not given.
func (r *reader) values(option string, list []string) []string {
	r.notNull(option)
	if list != nil && len(list) == 0 {
		r.refuse("value of %s must hold a value at least, got an empty list; leave the option out to select by others", option)
	}
	for _, value := range list {
		r.value(option, value)
	}
	return list
}

// value refuses what a template makes of what is not there, and what is meant as a pattern.
func (r *reader) value(option, value string) {
	switch {
	case value == "" || value == "None":
		r.refuse("value of %s must not be empty, got: %q", option, value)
	case strings.Trim(value, "%*") == "":
		r.refuse("value of %s must be a value, got: %s; values are compared exactly, and resource_prefix or resource_regex take more", option, value)
	case value != strings.TrimSpace(value) || strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c == 0x7f }):
		r.refuse("value of %s must have no spaces around it and no line's end in it, got: %q", option, value)
	}
	if err := resource.Rendered(option, &value); err != nil && r.err == nil {
		r.err = err
	}
}

func (r *reader) text(option string, value *string) string {
	r.notNull(option)
	if err := resource.Rendered(option, value); err != nil && r.err == nil {
		r.err = err
	}
	if value == nil {
		return "cleared by alerta_housekeeping"
	}
	return *value
}

func (r *reader) attributes(given map[string]any) map[string][]string {
	r.notNull("attributes")
	if given == nil {
		return nil
	}
	if len(given) == 0 {
		r.refuse("value of attributes must hold an attribute at least, got an empty dictionary; leave the option out to select by others")
	}
	attributes := make(map[string][]string, len(given))
	for name, value := range given {
		if name == "" {
			r.refuse("value of attributes must have names of attributes, got an empty one")
		}
		list, many := value.([]any)
		if !many {
			list = []any{value}
		}
		if len(list) == 0 || slices.Contains(list, nil) {
			r.refuse("value of attributes.%s must hold a value at least, and none that is null, got: %s", name, plainText(value))
		}
		for _, element := range list {
			plain := plainText(element)
			r.value("attributes."+name, plain)
			attributes[name] = append(attributes[name], plain)
		}
	}
	return attributes
}

func (r *reader) pattern(value *string) *regexp.Regexp {
	r.notNull("resource_regex")
	if value == nil {
		return nil
	}
	r.value("resource_regex", *value)
	// The whole name has to match, so that web1 is not web10 as well.
	// It has to be an expression by itself, so that no parenthesis in it ends the one around it.
	if _, err := regexp.Compile(*value); err != nil {
		r.refuse("value of resource_regex must be a regular expression, got: %s", *value)
		return nil
	}
	pattern, err := regexp.Compile("^(?:" + *value + ")$")
	if err != nil {
		r.refuse("value of resource_regex must be a regular expression, got: %s", *value)
		return nil
	}
	if pattern.MatchString("") {
		r.refuse("value of resource_regex must not match an empty name, got: %s", *value)
	}
	return pattern
}

func (r *reader) age(option string, value *string) time.Duration {
	r.notNull(option)
	if value == nil || r.err != nil {
		return 0
	}
	var age time.Duration
	age, r.err = readAge(option, *value)
	return age
}

func (r *reader) duration(value *string) (length time.Duration) {
	r.notNull("duration")
	if r.err != nil {
		return 0
	}
	given := window.DefaultDuration
	if value != nil {
		given = *value
	}
	length, r.err = window.ReadDuration("duration", given)
	return length
}

func (r *reader) living(o options) *living {
	r.notNull("live")
	if o.Live == nil {
		return nil
	}
	l := &living{stacks: r.values("live.stacks", o.Live.Stacks), resources: r.values("live.resources", o.Live.Resources), grace: r.age("grace", o.Grace)}
	for _, name := range l.stacks {
		// What a list looks like when it was made a text, which would let all stacks that there are count as gone.
		if strings.ContainsAny(name, "[]{}()'\"` ") {
			r.refuse("value of live.stacks must be a list of names without brackets, quotes and spaces, got: %q", name)
		}
	}
	if l.stacks == nil && l.resources == nil {
		r.refuse("live is set but any of the following are missing: live.stacks, live.resources")
	}
	return l
}

func (r *reader) server(o options) *ages {
	r.notNull("server")
	if o.Server == nil || r.err != nil {
		return nil
	}
	a := &ages{}
	for _, age := range []struct {
		option, value string
		hours         *int
	}{{"server.expired", o.Server.Expired, &a.expired}, {"server.info", o.Server.Info, &a.info}} {
		if r.notNull(age.option); r.err == nil {
			*age.hours, r.err = readHours(age.option, age.value)
		}
	}
	return a
}

func (r *reader) limit(value *string) *reconcile.Limit {
	r.notNull("delete_limit")
	if value == nil || r.err != nil {
		return nil
	}
	if strings.TrimSpace(*value) == "" {
		r.refuse("value of delete_limit must be a count such as 10 or a share such as 20%%, got an empty string")
		return nil
	}
	var limit reconcile.Limit
	limit, r.err = resource.ParseLimit("delete_limit", *value)
	return &limit
}

// The limit of a run that does not set delete_limit is a share of all there are, because a stack that goes can have hundreds of alerts. Few are
// always allowed, because a small server may have little else.
const (
	defaultShare = 50 // of a hundred
	few          = 10
)

// limitOf gives the limit where there are so many objects in all.
func (j job) limitOf(total int) reconcile.Limit {
	switch {
	case j.limit != nil:
		return *j.limit
	case total <= few*100/defaultShare:
		return reconcile.Limit{Set: true, Count: few}
	default:
		return reconcile.Limit{Set: true, IsShare: true, Percent: defaultShare}
	}
}
