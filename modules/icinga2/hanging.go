// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// The kinds of objects that hang from hosts and services, and go with them.
const (
	notificationKind      kind = "Notification"
	dependencyKind        kind = "Dependency"
	scheduledDowntimeKind kind = "ScheduledDowntime"
	commentKind           kind = "Comment"
)

// hangers gives each kind that can hang from a host or service, with the attributes to ask for.
func hangers() map[kind][]string {
	return map[kind][]string{
		serviceKind:           {"package", "host_name"},
		notificationKind:      {"package", "host_name", "service_name"},
		scheduledDowntimeKind: {"package", "host_name", "service_name"},
		dependencyKind:        {"package", "child_host_name", "child_service_name", "parent_host_name", "parent_service_name"},
		downtimeKind:          append(downtimeSettings(), "host_name", "service_name", "trigger_time", "triggers", "was_cancelled"),
		commentKind:           append(commentSettings(), "host_name", "service_name"),
	}
}

// downtimeSettings are the attributes by which the server makes a downtime; with them it is the same again, its name and family included.
func downtimeSettings() []string {
	return []string{"author", "comment", "start_time", "end_time", "fixed", "duration", "entry_time", "parent", "triggered_by", "scheduled_by", "config_owner"}
}

func commentSettings() []string {
	return []string{"author", "text", "entry_time", "entry_type", "expire_time", "persistent"}
}

// allHanging reads all that hangs from hosts and from their services.
func (p *provider) allHanging(ctx context.Context, hosts []string) ([]hanger, error) {
	return p.hanging(ctx, hosts, slices.Sorted(maps.Keys(hangers())))
}

// hanger is an object that hangs from a host or service.
type hanger struct {
	kind  kind
	name  string
	attrs map[string]any
}

// hanging reads what hangs from hosts and from their services, of some kinds.
func (p *provider) hanging(ctx context.Context, hosts []string, kinds []kind) ([]hanger, error) {
	var found []hanger
	for _, k := range kinds {
		variable := strings.ToLower(string(k))
		expression := "hosts.contains(" + variable + ".host_name)"
		if k == dependencyKind {
			expression = "hosts.contains(dependency.parent_host_name) || hosts.contains(dependency.child_host_name)"
		}
		objects, err := query[map[string]any](ctx, p.client, k, filter{expression, map[string]any{"hosts": set(hosts)}}, hangers()[k]...)
		if err != nil {
			return nil, fmt.Errorf("looking for what goes with %s: %w", reconcile.Enumerate(hosts, 3), err)
		}
		slices.SortFunc(objects, func(a, b object[map[string]any]) int { return strings.Compare(a.Name, b.Name) })
		for _, o := range objects {
			found = append(found, hanger{k, o.Name, o.Attrs})
		}
	}
	return found, nil
}

func (h hanger) text(name string) string {
	text, _ := h.attrs[name].(string)
	return text
}

// on tells whether it goes with an object.
func (h hanger) on(o Object) bool {
	at := func(end string) bool {
		return h.text(end+"host_name") == o.host && (o.kind == hostKind || h.text(end+"service_name") == o.service)
	}
	switch h.kind {
	case serviceKind:
		return o.kind == hostKind && h.text("host_name") == o.host
	case dependencyKind:
		return at("child_") || at("parent_")
	}
	return at("")
}

// places gives the full names of all that it goes with, services before their hosts.
func (h hanger) places() []string {
	var services, hosts []string
	for _, end := range []string{"", "child_", "parent_"} {
		if host := h.text(end + "host_name"); host != "" {
			hosts = append(hosts, host)
			if service := h.text(end + "service_name"); service != "" {
				services = append(services, host+"!"+service)
			}
		}
	}
	return append(services, hosts...)
}

func (h hanger) String() string { return string(h.kind) + " " + h.name }

// verdict is what becomes of all that hangs from an object which is created anew.
type verdict struct {
	refusal error
	back    []record // is made again
	outside []string // comes from the configuration, and comes back by its rules
	lost    []string
	needs   map[string]bool // permissions
}

// judge refuses where something could not be made again as it was.
func judge(o Object, all []hanger) verdict {
	v := verdict{needs: map[string]bool{}}
	var stuck []string
	for _, h := range all {
		if !h.on(o) {
			continue
		}
		switch made := h.text("package") == apiPackage; {
		case h.kind == downtimeKind && (h.text("config_owner") != "" || h.attrs["was_cancelled"] == true):
		case h.kind == downtimeKind && h.entangled():
			stuck = append(stuck, h.String()+" (flexible and begun, or triggered by another one)")
		case h.kind == downtimeKind:
			v.remake(h, downtimeSettings())
		case h.kind == commentKind && h.attrs["entry_type"] == entryUser:
			v.remake(h, commentSettings())
		case h.kind == commentKind && h.attrs["entry_type"] == entryAcknowledgement:
			host, service := h.text("host_name"), h.text("service_name")
			v.lost = append(v.lost, "the acknowledgement of "+strings.TrimSuffix(host+"!"+service, "!"))
		case h.kind == commentKind: // goes and comes with its downtime
		case h.kind == serviceKind && made:
			for _, verb := range []string{"create", "modify", "delete"} { // they are rehearsed
				v.needs["objects/"+verb+"/"+string(serviceKind)] = true
			}
		case made:
			stuck = append(stuck, h.String())
		default:
			v.outside = append(v.outside, h.String())
		}
	}
	if len(stuck) > 0 {
		v.refusal = fmt.Errorf("%s: is not created anew, because it would take along what cannot be made again as it was: %s; "+
			"delete these first, and make them again afterwards", o.full(), reconcile.Enumerate(stuck, 10))
	}
	return v
}

// What comments are about.
const (
	entryUser            = 1.0
	entryAcknowledgement = 4.0
)

// entangled tells whether a downtime is in a state that a new one cannot be given.
func (h hanger) entangled() bool {
	triggers, _ := h.attrs["triggers"].([]any)
	begun, _ := h.attrs["trigger_time"].(float64)
	return len(triggers) > 0 || h.text("triggered_by") != "" || h.attrs["fixed"] != true && begun > 0
}

func (v *verdict) remake(h hanger, settings []string) {
	attrs := map[string]any{}
	for _, name := range settings {
		if value, known := h.attrs[name]; known && value != nil && value != "" {
			attrs[name] = value
		}
	}
	v.back = append(v.back, record{Kind: h.kind, Name: h.name, Attrs: attrs})
	v.needs["objects/create/"+string(h.kind)] = true
}

// admitReplacements refuses to create anew what takes something along that cannot be made again, and says what is lost.
func (p *provider) admitReplacements(ctx context.Context, plan reconcile.Plan[Object], may access) error {
	var steps []*reconcile.Step[Object]
	hosts := map[string]bool{}
	for i := range plan {
		if step := &plan[i]; step.Err == nil && step.Action == reconcile.Replace {
			steps, hosts[step.Want.host] = append(steps, step), true
		}
	}
	if len(steps) == 0 {
		return nil
	}
	looks := map[string]bool{}
	for k := range hangers() {
		looks["objects/query/"+string(k)] = true
	}
	maps.DeleteFunc(looks, func(permission string, _ bool) bool { return may.mayAll(permission) })
	if len(looks) > 0 {
		for _, step := range steps {
			step.Err = fmt.Errorf("%s: is not created anew, because what would go with it cannot be seen: the API user %s lacks: %s",
				step.Key, may.User, strings.Join(slices.Sorted(maps.Keys(looks)), ", "))
		}
		return nil
	}
	var all []hanger
	for part := range slices.Chunk(slices.Sorted(maps.Keys(hosts)), mostByHosts) {
		found, err := p.allHanging(ctx, part)
		if err != nil {
			return err
		}
		all = append(all, found...)
	}
	for _, step := range steps {
		v := judge(step.Have.State, all)
		maps.DeleteFunc(v.needs, func(permission string, _ bool) bool { return may.may(permission) })
		switch {
		case v.refusal != nil:
			step.Err = v.refusal
		case len(v.needs) > 0 && !p.checkMode: // who may only look can still see what would be done
			step.Err = fmt.Errorf("%s: is not created anew, because what goes with it could not be made again: the API user %s lacks: %s",
				step.Key, may.User, strings.Join(slices.Sorted(maps.Keys(v.needs)), ", "))
		case len(v.lost) > 0:
			p.warn("%s is created anew, and these are lost: %s", step.Key, strings.Join(v.lost, ", "))
		}
	}
	return nil
}
