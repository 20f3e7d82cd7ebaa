// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/pattern"
)

// stackTag is what the tag that names an alert's stack begins with.
const stackTag = "stack="

// environmentAttribute is the attribute in which a heartbeat can tell its environment.
const environmentAttribute = "environment"

// selection says which alerts and heartbeats are meant: those that match each part that is set. A part with several values is matched by
// any of them. Values are compared exactly.
type selection struct {
	environment, resource, service, group, event, origin []string
	tags, customer, status, severity, stack              []string
	attributes                                           map[string][]string
	prefix                                               []string
	pattern                                              *regexp.Regexp
	older, newer                                         time.Duration // since it was last received; 0 is not set
	heartbeatsOlder                                      time.Duration // 0 is not set
}

// alert tells whether an alert is selected.
func (s selection) alert(a wireAlert, now time.Time) bool {
	age := now.Sub(a.LastReceiveTime)
	return among(s.environment, a.Environment) &&
		among(s.resource, a.Resource) &&
		amongAny(s.service, a.Service) &&
		among(s.group, a.Group) &&
		among(s.event, a.Event) &&
		among(s.origin, a.Origin) &&
		amongAny(s.tags, a.Tags) &&
		among(s.customer, a.Customer) &&
		among(s.status, a.Status) &&
		among(s.severity, a.Severity) &&
		amongAny(s.stackTags(), a.Tags) &&
		s.hasAttributes(a.Attributes) &&
		(s.prefix == nil || slices.ContainsFunc(s.prefix, func(p string) bool { return strings.HasPrefix(a.Resource, p) })) &&
		(s.pattern == nil || s.pattern.MatchString(a.Resource)) &&
		(s.older == 0 || age > s.older) &&
		(s.newer == 0 || age <= s.newer)
}

// heartbeat tells whether a heartbeat is selected: by its origin, tags and customer, by its age, and by the environment of those that have
// one among their attributes. What else an alert has, a heartbeat has not.
func (s selection) heartbeat(h wireHeartbeat, now time.Time) bool {
	environment, told := h.Attributes[environmentAttribute].(string)
	return among(s.origin, h.Origin) &&
		amongAny(s.tags, h.Tags) &&
		amongAny(s.stackTags(), h.Tags) &&
		among(s.customer, h.Customer) &&
		(!told || among(s.environment, environment)) &&
		(s.heartbeatsOlder == 0 || now.Sub(h.ReceiveTime) > s.heartbeatsOlder)
}

// passing tells whether an alert can cease to be selected when it is received again.
func (j job) passing() bool {
	return j.older != 0 || j.newer != 0 || j.status != nil || j.severity != nil || j.live != nil && j.live.grace != 0
}

// ofHeartbeats tells whether the selection says anything that a heartbeat has.
func (s selection) ofHeartbeats() bool {
	return s.origin != nil || s.tags != nil || s.stack != nil || s.customer != nil || s.heartbeatsOlder != 0
}

// ofStates returns the set options that can limit neither a blackout nor a heartbeat.
func (s selection) ofStates() []string {
	return givenOf([]choice{
		{"attributes", s.attributes != nil},
		{"status", s.status != nil},
		{"severity", s.severity != nil},
		{"older_than", s.older != 0},
		{"newer_than", s.newer != 0},
		{"resource_prefix", s.prefix != nil},
		{"resource_regex", s.pattern != nil},
	})
}

// ofAlerts returns the set options that select by what a heartbeat does not have.
func (s selection) ofAlerts() []string {
	return append(s.ofStates(), givenOf([]choice{
		{"resource", s.resource != nil},
		{"service", s.service != nil},
		{"group", s.group != nil},
		{"event", s.event != nil},
	})...)
}

// choice is an option, and whether it selects.
type choice struct {
	option string
	given  bool
}

func givenOf(choices []choice) (options []string) {
	for _, c := range choices {
		if c.given {
			options = append(options, c.option)
		}
	}
	return options
}

func (s selection) stackTags() []string {
	if s.stack == nil {
		return nil
	}
	tags := make([]string, len(s.stack))
	for i, name := range s.stack {
		tags[i] = stackTag + name
	}
	return tags
}

func (s selection) hasAttributes(have map[string]any) bool {
	for name, values := range s.attributes {
		value, there := have[name]
		if !there || !slices.Contains(values, plainText(value)) {
			return false
		}
	}
	return true
}

// plainText gives an attribute's value as a user writes it: a text as it is, anything else as JSON.
func plainText(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	text, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return string(text)
}

// among tells whether a value is one of some; nil takes any.
func among(values []string, value string) bool {
	return values == nil || slices.Contains(values, value)
}

// amongAny tells whether one of an alert's values is.
func amongAny(values, have []string) bool {
	return values == nil || slices.ContainsFunc(have, func(v string) bool { return slices.Contains(values, v) })
}

// maxFilters is how long filters may be in a URL: gunicorn takes 4094 bytes for the whole line.
const maxFilters = 3000

// phrasePattern is what the query language takes as it is between quotes, on every database of the server: MongoDB's looks for whole words.
var phrasePattern = pattern.New(`^[A-Za-z0-9]([A-Za-z0-9 _.:=@/-]*[A-Za-z0-9])?$`)

// filters gives the parts of the selection that the server can narrow a list by without losing an alert that is meant. They only save
// reading: what the server lists is compared again.
func (s selection) filters() url.Values {
	filters := url.Values{}
	for _, part := range []struct {
		name   string
		values []string
	}{
		{"resource", s.resource},
		{"event", s.event},
		{"origin", s.origin},
		{"customer", s.customer},
		{"service", s.service},
		{"group", s.group},
		{"environment", s.environment},
		{"status", s.status},
		{"severity", s.severity},
	} {
		// A tilde in front makes a pattern of all values.
		if part.values != nil && !slices.ContainsFunc(part.values, func(v string) bool { return strings.HasPrefix(v, "~") }) {
			filters[part.name] = part.values
			if len(filters.Encode()) > maxFilters {
				delete(filters, part.name)
			}
		}
	}
	// Of several phrases the server drops what it cannot read, which would lose alerts.
	for _, tags := range [][]string{s.stackTags(), s.tags} {
		if len(tags) == 1 && phrasePattern.MatchString(tags[0]) {
			filters["q"] = []string{`tags:"` + tags[0] + `"`}
			if len(filters.Encode()) > maxFilters {
				delete(filters, "q")
			}
			break
		}
	}
	return filters
}

// living says what exists, so that what belongs to nothing of it is an orphan.
type living struct {
	stacks, resources []string      // nil where nothing is said of them
	grace             time.Duration // younger orphans are kept
}

// orphan tells whether an alert belongs to nothing that lives, and is old enough. Where only stacks are told, an alert of no stack
// belongs to nobody who could have gone.
func (l living) orphan(a wireAlert, now time.Time) bool {
	return (l.resources != nil || hasStack(a.Tags)) && !slices.Contains(l.resources, a.Resource) && !l.inStack(a.Tags) &&
		now.Sub(a.LastReceiveTime) > l.grace
}

// orphanedHeartbeat tells the same of a heartbeat, which has stacks alone.
func (l living) orphanedHeartbeat(h wireHeartbeat, now time.Time) bool {
	return l.stacks != nil && hasStack(h.Tags) && !l.inStack(h.Tags) && now.Sub(h.ReceiveTime) > l.grace
}

func (l living) inStack(tags []string) bool {
	return slices.ContainsFunc(tags, func(tag string) bool {
		name, is := strings.CutPrefix(tag, stackTag)
		return is && slices.Contains(l.stacks, name)
	})
}

func hasStack(tags []string) bool {
	return slices.ContainsFunc(tags, func(tag string) bool { return strings.HasPrefix(tag, stackTag) })
}
