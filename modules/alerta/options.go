// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"regexp/syntax"
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
	ActionTimeout   *string        `mapstructure:"action_timeout"`
	Bulk            bool           `mapstructure:"bulk"`
	Server          *serverOptions `mapstructure:"server"`
	Text            *string        `mapstructure:"text"`
	DeleteLimit     *string        `mapstructure:"delete_limit"`
	Results         string         `mapstructure:"results"`

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
	action     string        // "" for none
	holds      time.Duration // how long an acknowledgement or a shelving lasts; 0 is what the server says
	bulk       bool
	server     *ages // nil for none
	text       string
	limit      *reconcile.Limit // nil: see limitOf
	results    string           // resource.OnlyChanged leaves unchanged objects out of the answer
}

// read validates the options without calling the server. Its error joins everything that is wrong with them.
func read(call *ansible.Call, o options) (job, error) {
	r := reader{call: call}
	for _, element := range call.NullElements() {
		r.refuse("value of %s must not be null; leave the element out", element)
	}
	for _, option := range []string{"heartbeats", "bulk"} {
		r.notNull(option)
	}
	j := job{
		selection: r.selection(o), live: r.living(o), heartbeats: o.Heartbeats, action: text(o.Action), bulk: o.Bulk, server: r.server(o),
		text: r.text("text", o.Text), limit: r.limit(o.DeleteLimit), duration: r.duration(o.Duration), holds: r.age("action_timeout", o.ActionTimeout),
		results: o.Results,
	}
	j.heartbeatsOlder = r.age("heartbeats_older_than", o.HeartbeatsOlder)
	r.add(j.check(call))
	if o.Blackout != nil && len(r.errs) == 0 {
		var err error
		j.blackouts, err = desiredBlackouts(j.selection, *o.Blackout == "absent")
		r.add(err)
	}
	return j, errors.Join(r.errs...)
}

// check returns an error for each invalid combination of options.
func (j job) check(call *ansible.Call) error {
	blackout, live := call.Given("blackout"), call.Mentioned("live")
	works := blackout || j.heartbeats || j.action != ""
	selects := selectsAnything(call)
	var errs []error
	for _, c := range []struct {
		wrong bool
		text  string
	}{
		{!works && !call.Mentioned("server"), "one of the following is required: blackout, heartbeats, action, server"},
		{
			(blackout || j.action != "") && !selects, "the selection is empty, which would mean everything: at least one of the options that select is " +
				"required, such as stack, environment or resource",
		},
		{
			!works && call.Mentioned("server") && (selects || live),
			"the selection requires blackout, heartbeats or action; server works on all alerts",
		},
		{live && blackout, "blackout cannot be combined with live"},
		{call.Given("grace") && !live, "grace is only valid with live"},
		{call.Given("heartbeats_older_than") && !j.heartbeats, "heartbeats_older_than is only valid with heartbeats: true"},
		{call.Given("duration") && !blackout, "duration is only valid with blackout; how long an alert stays acknowledged or shelved is action_timeout"},
		{call.Given("action_timeout") && !operations()[j.action].ends, "action_timeout is only valid with action: ack or action: shelve"},
		{j.bulk && j.action != deleting, "bulk: true is only valid with action: delete"},
		{
			j.heartbeats && !live && !j.ofHeartbeats(),
			"heartbeats is true but any of the following are missing: origin, tags, stack, customer, heartbeats_older_than",
		},
		{
			j.heartbeats && j.live != nil && j.live.stacks == nil,
			"heartbeats: true with live requires live.stacks, because a heartbeat has no resource",
		},
		{
			j.heartbeats && live && !selects,
			"heartbeats is true and live is set but any of the following are missing: environment, origin, tags, stack, customer",
		},
		{
			j.heartbeats && j.ofAlerts() != nil, "heartbeats cannot be combined with " + strings.Join(j.ofAlerts(), ", ") +
				": a heartbeat has none of these; select alerts by them in a separate task",
		},
		{blackout && !call.Mentioned("environment") && selects, "blackout is set but all of the following are missing: environment"},
		{
			blackout && j.ofStates() != nil,
			"blackout cannot be combined with " + strings.Join(j.ofStates(), ", ") + ": a blackout cannot be limited to that",
		},
	} {
		if c.wrong {
			errs = append(errs, errors.New(c.text))
		}
	}
	return errors.Join(errs...)
}

// selectsAnything reports whether an option that selects alerts is set. One that is set to null counts, and is refused
// by reader.
func selectsAnything(call *ansible.Call) bool {
	return slices.ContainsFunc([]string{
		"environment", "resource", "resource_prefix", "resource_regex", "service", "group", "event", "origin", "tags", "attributes", "customer",
		"status", "severity", "stack", "older_than", "newer_than",
	}, call.Mentioned)
}

// reader reads options and collects their errors.
type reader struct {
	call *ansible.Call
	errs []error
}

func (r *reader) refuse(format string, args ...any) { r.add(fmt.Errorf(format, args...)) }

func (r *reader) add(err error) {
	if err != nil {
		r.errs = append(r.errs, err)
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
		r.refuse("value of %s must hold at least one value, got: an empty list; leave the option out to select by others", option)
	}
	for _, value := range list {
		// A null element was refused already, and is an empty string here.
		if value != "" || len(r.call.NullElements()) == 0 {
			r.exactValue(option, value)
		}
	}
	return list
}

// exactValue refuses what value refuses, and wildcards, which would match nothing.
func (r *reader) exactValue(option, value string) {
	if !strings.ContainsAny(value, "*?") || strings.Contains(value, "{{") {
		r.value(option, value)
		return
	}
	hint := "values are compared exactly"
	switch option {
	case "resource":
		hint += "; resource_prefix and resource_regex match more than one"
	case "resource_prefix":
		hint = "every resource that begins with it is selected, without a wildcard"
	}
	r.refuse("value of %s must not contain * or ?, got: %s; %s", option, value, hint)
}

// value refuses what a template makes of what is not there.
func (r *reader) value(option, value string) {
	switch {
	case value == "" || value == "None":
		r.refuse("value of %s must not be empty, got: %q", option, value)
	case strings.Trim(value, "%*") == "":
		r.refuse("value of %s must be a value, got: %s; values are compared exactly", option, value)
	case value != strings.TrimSpace(value) || strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c == 0x7f }):
		r.refuse("value of %s must have no spaces around it and no line's end in it, got: %q", option, value)
	}
	r.add(resource.Rendered(option, &value))
}

func (r *reader) text(option string, value *string) string {
	r.notNull(option)
	r.add(resource.Rendered(option, value))
	if value == nil {
		return "cleared by alerta_housekeeping"
	}
	return *value
}

// attributes reads the option of that name. Values may contain * and ?, as addresses do.
func (r *reader) attributes(given map[string]any) map[string][]string {
	r.notNull("attributes")
	if given == nil {
		return nil
	}
	if len(given) == 0 {
		r.refuse("value of attributes must hold at least one attribute, got: an empty dictionary; leave the option out to select by others")
	}
	attributes := make(map[string][]string, len(given))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if name == "" {
			r.refuse("value of attributes must have names of attributes, got an empty one")
			continue
		}
		list, many := given[name].([]any)
		if !many {
			list = []any{given[name]}
		}
		if len(list) == 0 || slices.Contains(list, nil) {
			r.refuse("value of attributes.%s must hold at least one value, and none that is null, got: %s", name, plainText(given[name]))
			continue
		}
		for _, element := range list {
			plain := plainText(element)
			r.value("attributes."+name, plain)
			attributes[name] = append(attributes[name], plain)
		}
	}
	return attributes
}

// pattern compiles resource_regex. It must match the whole name: web1 does not match web10.
func (r *reader) pattern(value *string) *regexp.Regexp {
	r.notNull("resource_regex")
	if value == nil {
		return nil
	}
	before := len(r.errs)
	if r.value("resource_regex", *value); len(r.errs) > before {
		return nil
	}
	// It has to be an expression by itself, so that no parenthesis in it ends the one around it.
	if _, err := regexp.Compile(*value); err != nil {
		r.add(badPattern(*value, err))
		return nil
	}
	compiled, err := regexp.Compile("^(?:" + *value + ")$")
	if err != nil {
		r.add(badPattern(*value, err))
		return nil
	}
	if compiled.MatchString("") {
		r.refuse("value of resource_regex must not match an empty name, got: %s", *value)
	}
	return compiled
}

// badPattern returns the error for an invalid regular expression. It names syntax that other engines have and RE2
// lacks.
func badPattern(value string, err error) error {
	why := strings.TrimPrefix(err.Error(), "error parsing regexp: ")
	var syntaxError *syntax.Error
	foreign := []syntax.ErrorCode{syntax.ErrInvalidPerlOp, syntax.ErrInvalidNamedCapture, syntax.ErrInvalidRepeatOp, syntax.ErrInvalidEscape}
	if errors.As(err, &syntaxError) && slices.Contains(foreign, syntaxError.Code) {
		return fmt.Errorf("value of resource_regex must be a regular expression in the syntax of RE2, which has no lookahead, lookbehind, "+
			"backreferences or possessive repeats, got: %s (%s)", value, why)
	}
	return fmt.Errorf("value of resource_regex must be a regular expression, got: %s (%s)", value, why)
}

func (r *reader) age(option string, value *string) time.Duration {
	r.notNull(option)
	if value == nil {
		return 0
	}
	age, err := readAge(option, *value)
	r.add(err)
	return age
}

func (r *reader) duration(value *string) time.Duration {
	r.notNull("duration")
	given := window.DefaultDuration
	if value != nil {
		given = *value
	}
	length, err := window.ReadDuration("duration", given)
	r.add(err)
	return length
}

func (r *reader) living(o options) *living {
	r.notNull("live")
	grace := r.age("grace", o.Grace)
	if o.Live == nil {
		return nil
	}
	l := &living{stacks: r.values("live.stacks", o.Live.Stacks), resources: r.values("live.resources", o.Live.Resources), grace: grace}
	for _, name := range l.stacks {
		// What a list looks like when it was made a text, which would let all stacks that there are count as gone.
		if strings.ContainsAny(name, "[]{}()'\"` ") {
			r.refuse("value of live.stacks must be a list of names without brackets, quotes and spaces, got: %q", name)
		}
	}
	if !r.call.Mentioned("live.stacks") && !r.call.Mentioned("live.resources") && l.stacks == nil && l.resources == nil {
		r.refuse("live is set but any of the following are missing: live.stacks, live.resources")
	}
	return l
}

func (r *reader) server(o options) *ages {
	r.notNull("server")
	if o.Server == nil {
		return nil
	}
	a := &ages{}
	for _, age := range []struct {
		option, value string
		hours         *int
	}{{"server.expired", o.Server.Expired, &a.expired}, {"server.info", o.Server.Info, &a.info}} {
		if r.call.Null(age.option) {
			r.notNull(age.option)
			continue
		}
		var err error
		*age.hours, err = readHours(age.option, age.value)
		r.add(err)
	}
	return a
}

func (r *reader) limit(value *string) *reconcile.Limit {
	r.notNull("delete_limit")
	if value == nil {
		return nil
	}
	if strings.TrimSpace(*value) == "" {
		r.refuse("value of delete_limit must be a count such as 10 or a share such as 20%%, got: an empty string")
		return nil
	}
	limit, err := resource.ParseLimit("delete_limit", *value)
	r.add(err)
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
		return reconcile.Limit{Set: true, Option: "delete_limit", Count: few}
	default:
		return reconcile.Limit{Set: true, Option: "delete_limit", IsShare: true, Percent: defaultShare}
	}
}
