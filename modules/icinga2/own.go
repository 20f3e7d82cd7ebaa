// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// effective is an object as the server tells it: all its attributes that can be set, wherever they come from.
type effective struct {
	kind  kind
	name  string // in full
	attrs map[string]any
}

// whole reads objects that came through the API.
func (p *provider) whole(ctx context.Context, k kind, f filter) ([]effective, error) {
	found, err := query[map[string]any](ctx, p.client, k, f, slices.Sorted(maps.Keys(settable(k)))...)
	if err != nil {
		return nil, err
	}
	var objects []effective
	for _, o := range found {
		if o.Attrs["package"] == apiPackage {
			round(o.Attrs)
			if groups, ok := o.Attrs["groups"].([]any); ok { // the server does not keep their order
				slices.SortFunc(groups, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
			}
			objects = append(objects, effective{k, o.Name, o.Attrs})
		}
	}
	return objects, nil
}

// templates are the templates and all that they import, in the server's order.
func (e effective) templates() []string { return e.object().Templates }

// object gives it in the form of the module.
func (e effective) object() Object { return decoded(e.name, e.attrs) }

// decoded makes an object of attributes, in which those that are missing are unset.
func decoded(name string, attrs map[string]any) Object {
	asked := make(map[string]bool, len(attrs))
	for field := range attrs {
		asked[field] = true
	}
	return fromWire(name, wired(attrs), asked)
}

func wired(attrs map[string]any) (w wire) {
	text, err := json.Marshal(attrs)
	if err == nil {
		err = json.Unmarshal(text, &w)
	}
	if err != nil { // what came as JSON of the same fields can go that way again
		panic(err)
	}
	return w
}

// short is the name without that of the host.
func (e effective) short() string { return identified(e.name).short() }

// ownAttributes are what an object has of its own: which templates it names, and the attributes that it does not have from these. A
// variable of a template that was taken away from it is null.
type ownAttributes struct {
	effective
	named []string
	own   map[string]any
}

func (o ownAttributes) object() Object { return decoded(o.name, o.own) }

// record gives the object as it is made again, in one call: a run that is killed between two would leave it half made, and nobody could tell.
func (o ownAttributes) record() record {
	attrs := maps.Clone(o.own)
	delete(attrs, "vars")
	vars, _ := o.own["vars"].(map[string]any)
	entire := len(o.named) == 0
	for name, value := range vars { // neither can be set beside the variables of templates: a dot is a level
		entire = entire || value == nil || strings.Contains(name, ".")
	}
	switch {
	case !entire:
		for name, value := range vars {
			attrs["vars."+name] = value
		}
	case len(o.named) > 0: // in the place of those of the templates, which may have brought it into groups
		attrs["vars"], attrs["groups"] = o.attrs["vars"], o.attrs["groups"]
	case len(vars) > 0:
		attrs["vars"] = vars
	}
	return record{Kind: o.kind, Name: o.name, Templates: o.named, Attrs: attrs, Whole: o.attrs}
}

// ownOf finds out what an object has of its own, by making others of its templates: one with nothing else, and one that is like it but for
// what rules of the configuration decide by the rest, the groups, and for its being checked.
func (p *provider) ownOf(ctx context.Context, n *note, e effective) (ownAttributes, error) {
	named, bare, err := p.bare(ctx, n, e)
	if err != nil {
		return ownAttributes{}, err
	}
	alike := map[string]any{}
	for name, value := range e.attrs {
		if value != nil && (name != "zone" || value != "") && !slices.Contains([]string{"package", "templates", "groups", "enable_active_checks"}, name) {
			alike[name] = value
		}
	}
	alike["enable_notifications"], alike["enable_event_handler"] = false, false
	seen, err := p.rehearse(ctx, n, e, named, alike)
	if err != nil {
		return ownAttributes{}, err
	}
	base := bare.as(e.short())
	base["groups"], base["enable_active_checks"] = seen.as(e.short())["groups"], seen.as(e.short())["enable_active_checks"]
	return e.beyond(named, base), nil
}

// bare gives the templates that an object names, of those that the server tells, which are all that these import too; and what an object
// has that names these templates and nothing else. It is not checked.
func (p *provider) bare(ctx context.Context, n *note, e effective) (named []string, base sight, err error) {
	all := e.templates()
	named = all[:min(len(all), 1)]
	for {
		attrs := map[string]any{"enable_active_checks": false}
		without := []string{"enable_active_checks"}
		if len(named) > 0 {
			base, err = p.rehearse(ctx, n, e, named, attrs)
		}
		if len(named) == 0 || err != nil && needsCommand(err) {
			attrs["check_command"] = e.attrs["check_command"]
			without = append(without, "check_command")
			base, err = p.rehearse(ctx, n, e, named, attrs)
		}
		if err != nil {
			return nil, base, err
		}
		base.without = without
		got := decoded(e.name, base.as(e.short())).Templates
		switch {
		case len(got) > len(all) || !slices.Equal(got, all[:len(got)]):
			return nil, base, fmt.Errorf("the server does not tell which of these templates it names: %s", strings.Join(all, ", "))
		case len(got) == len(all):
			return named, base, nil
		}
		named = append(slices.Clone(named), all[len(got)])
	}
}

// active tells whether an object is checked that has of its own nothing but its templates, which bare cannot tell.
func (p *provider) active(ctx context.Context, n *note, e effective, named []string, base sight) (any, error) {
	if len(named) == 0 {
		return true, nil
	}
	attrs := map[string]any{"enable_notifications": false, "enable_event_handler": false}
	if slices.Contains(base.without, "check_command") {
		attrs["check_command"] = e.attrs["check_command"]
	}
	seen, err := p.rehearse(ctx, n, e, named, attrs)
	if err != nil {
		return nil, err
	}
	return seen.as(e.short())["enable_active_checks"], nil
}

// needsCommand tells whether an object was refused because nothing gave it a check command.
func needsCommand(err error) bool {
	return errors.Is(err, httpapi.ErrRefused) && strings.Contains(err.Error(), "'check_command'")
}

// beyond is what an object has that one of its templates alone has not.
func (e effective) beyond(named []string, base map[string]any) ownAttributes {
	own := map[string]any{}
	for name, value := range e.attrs {
		from := base[name]
		switch name {
		case "package", "templates":
		case "vars":
			if vars := ownVars(value, from); len(vars) > 0 {
				own[name] = vars
			}
		case "groups":
			if !reconcile.SameSet(e.object().Groups, decoded(e.name, map[string]any{name: from}).Groups) {
				own[name] = value
			}
		default:
			if !equal(value, from) {
				own[name] = value
			}
		}
	}
	return ownAttributes{effective: e, named: named, own: own}
}

// ownVars gives the variables that differ from those of the templates.
func ownVars(have, from any) map[string]any {
	mine, _ := have.(map[string]any)
	theirs, _ := from.(map[string]any)
	own := map[string]any{}
	for name, value := range mine {
		if given, ok := theirs[name]; !ok || !equal(value, given) {
			own[name] = value
		}
	}
	for name := range theirs {
		if _, ok := mine[name]; !ok {
			own[name] = nil
		}
	}
	return own
}

// equal compares values of attributes. No value, no elements and no variables are the same.
func equal(a, b any) bool {
	empty := func(v any) bool {
		switch v := v.(type) {
		case nil:
			return true
		case map[string]any:
			return len(v) == 0
		case []any:
			return len(v) == 0
		}
		return false
	}
	return empty(a) && empty(b) || reflect.DeepEqual(a, b)
}

// sight is what the server told of an object that was made to be looked at.
type sight struct {
	short   string // its name
	raw     json.RawMessage
	without []string // attributes that tell nothing
}

// as gives its attributes as an object of another name would have them: some have the name in them.
func (s sight) as(short string) map[string]any {
	name, err := json.Marshal(short)
	attrs := map[string]any{}
	if err == nil {
		err = json.Unmarshal(bytes.ReplaceAll(s.raw, []byte(s.short), name[1:len(name)-1]), &attrs)
	}
	if err != nil { // a text takes the place of another one in what was read as JSON before
		panic(err)
	}
	for _, field := range s.without {
		delete(attrs, field)
	}
	if vars, ok := attrs["vars"].(map[string]any); ok {
		delete(vars, managedBy)
	}
	round(attrs)
	return attrs
}

// rehearse makes an object with a name of our own beside another one, looks at it, and takes it away.
func (p *provider) rehearse(ctx context.Context, n *note, e effective, templates []string, attrs map[string]any) (sight, error) {
	o, short := identified(e.name), n.rehearsal()
	full := short
	if o.kind == serviceKind {
		full = o.host + "!" + short
	}
	attrs = maps.Clone(attrs)
	if vars, ok := attrs["vars"].(map[string]any); ok {
		vars = maps.Clone(vars)
		delete(vars, stackVar)
		vars[managedBy] = rehearsalMark
		attrs["vars"] = vars
	} else {
		delete(attrs, "vars."+stackVar)
		attrs["vars."+managedBy] = rehearsalMark
	}
	seen := sight{short: short}
	err := p.put(ctx, o.kind, full, templates, attrs)
	if err == nil {
		seen.raw, err = get[json.RawMessage](ctx, p.client, o.kind, full, slices.Sorted(maps.Keys(settable(o.kind)))...)
	}
	// It goes even where the run is interrupted, and where nobody knows whether it came.
	gone := p.remove(context.WithoutCancel(ctx), o.kind, full)
	n.left = n.left || gone != nil && !errors.Is(gone, httpapi.ErrNotFound)
	if err == nil && !errors.Is(gone, httpapi.ErrNotFound) {
		err = gone
	}
	return seen, err
}
