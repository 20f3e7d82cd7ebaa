// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// zone is a zone of the cluster: https://icinga.com/docs/icinga-2/latest/doc/09-object-types/#zone
type zone struct {
	Parent    string   `json:"parent"`
	Global    bool     `json:"global"`
	Endpoints []string `json:"endpoints"`
}

// zones holds all zones of the cluster by their names, and the zone of the server itself.
type zones struct {
	all map[string]zone
	own string
}

// of returns the zone of an endpoint, "" where it is unknown.
func (z zones) of(endpoint string) string {
	for name, zone := range z.all {
		if slices.Contains(zone.Endpoints, endpoint) {
			return name
		}
	}
	return ""
}

// knows reports whether the servers of the zone name get what is in the zone other: their own zone, those below it, and
// global ones.
func (z zones) knows(name, other string) bool {
	for depth := 0; other != "" && depth <= len(z.all); depth++ {
		if other == name || z.all[other].Global {
			return true
		}
		other = z.all[other].Parent
	}
	return false
}

func (p *provider) zones(ctx context.Context) (zones, error) {
	z := zones{all: map[string]zone{}}
	found, err := query[zone](ctx, p.client, "Zone", filter{}, "parent", "global", "endpoints")
	if err != nil {
		return z, fmt.Errorf("looking up zones: %w", err)
	}
	for _, o := range found {
		z.all[o.Name] = o.Attrs
	}
	var answer struct {
		Results []struct {
			Status struct {
				Application struct {
					App struct {
						NodeName string `json:"node_name"`
					} `json:"app"`
				} `json:"icingaapplication"`
			} `json:"status"`
		} `json:"results"`
	}
	if err := p.do(ctx, httpapi.Request{Method: http.MethodGet, Path: []string{"status", "IcingaApplication"}}, &answer); err != nil {
		return z, permission(fmt.Errorf("reading the name of the server: %w", err), "status/query")
	}
	for _, r := range answer.Results {
		z.own = z.of(r.Status.Application.App.NodeName)
	}
	return z, nil
}

// admitZones refuses objects in global zones, and command endpoints that their zone does not reach, as far as the user
// may query zones. The server refuses both on creation, but accepts such an endpoint in an update, after which it does
// not start again.
func (p *provider) admitZones(ctx context.Context, written []*reconcile.Step[Object], may access) error {
	var zoned, updated []*reconcile.Step[Object]
	for _, step := range written {
		o, fresh := step.Want, step.Action != reconcile.Update
		endpoint := value(o.CommandEndpoint) != "" && (fresh || changes(step, "command_endpoint"))
		if step.Err == nil && (endpoint || fresh && o.Zone != nil) {
			zoned = append(zoned, step)
			if step.Have != nil && o.Zone == nil {
				updated = append(updated, step)
			}
		}
	}
	if len(zoned) == 0 || !may.mayAll("objects/query/Zone") {
		return nil
	}
	z, err := p.zones(ctx)
	if err != nil {
		return err
	}
	known, err := p.zonesOf(ctx, updated)
	if err != nil {
		return err
	}
	for _, step := range zoned {
		o := step.Want
		in := value(o.Zone)
		if in == "" {
			in = known[step.ID]
		}
		if in == "" {
			in = z.own
		}
		endpoint := value(o.CommandEndpoint)
		theirs := z.of(endpoint)
		switch {
		case z.all[in].Global:
			step.Err = fmt.Errorf("%s: value of zone must be a zone that is not global, because Icinga takes no hosts and services into global zones, got: %s",
				step.Key, in)
		case endpoint != "" && in != "" && theirs != "" && theirs != in && z.all[theirs].Parent != in:
			step.Err = fmt.Errorf("%s: value of command_endpoint must be an endpoint of the zone %s or of one directly below it, got: %s, which is in the zone %s",
				step.Key, in, endpoint, theirs)
		}
	}
	return p.warnOfGroups(ctx, zoned, z, may)
}

func changes(step *reconcile.Step[Object], field string) bool {
	return slices.ContainsFunc(step.Changes, func(c reconcile.Change) bool { return c.Field == field })
}

// zonesOf returns the zones of objects by their ids.
func (p *provider) zonesOf(ctx context.Context, steps []*reconcile.Step[Object]) (map[string]string, error) {
	names, zones := map[kind][]string{}, map[string]string{}
	for _, step := range steps {
		names[step.Want.kind] = append(names[step.Want.kind], step.ID)
	}
	for k, all := range names {
		for part := range slices.Chunk(all, mostNames) {
			found, err := query[wire](ctx, p.client, k, byName(k, part), "zone")
			if err != nil {
				return nil, err
			}
			for _, o := range found {
				zones[o.Name] = value(o.Attrs.Zone)
			}
		}
	}
	return zones, nil
}

// warnOfGroups warns of groups that the servers of an object's zone do not get: https://github.com/Icinga/icinga2/issues/7489
func (p *provider) warnOfGroups(ctx context.Context, steps []*reconcile.Step[Object], z zones, may access) error {
	for _, k := range []kind{hostKind, serviceKind} {
		var satellites []*reconcile.Step[Object]
		for _, step := range steps {
			if in := value(step.Want.Zone); step.Err == nil && step.Want.kind == k && in != "" && in != z.own && len(step.Want.Groups) > 0 {
				satellites = append(satellites, step)
			}
		}
		if len(satellites) == 0 || !may.mayAll("objects/query/"+string(k)+"Group") {
			continue
		}
		found, err := query[wire](ctx, p.client, k+"Group", filter{}, "zone")
		if err != nil {
			return fmt.Errorf("looking up %s groups: %w", strings.ToLower(string(k)), err)
		}
		groups := make(map[string]string, len(found))
		for _, o := range found {
			groups[o.Name] = value(o.Attrs.Zone)
		}
		for _, step := range satellites {
			in := *step.Want.Zone
			unknown := slices.DeleteFunc(slices.Clone(step.Want.Groups), func(group string) bool { return z.knows(in, groups[group]) })
			if len(unknown) > 0 {
				p.warn("%s: the servers of the zone %s do not get the %s groups %s, and the object stays PENDING there; put these groups into that zone or a global one",
					step.Key, in, strings.ToLower(string(k)), strings.Join(unknown, ", "))
			}
		}
	}
	return nil
}
