// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// Admit refuses steps that the server would refuse, before anything is written: a host whose creation fails has a name that older servers do
// not take again, and a service on it makes them crash.
func (p *provider) Admit(ctx context.Context, plan reconcile.Plan[Object]) error {
	if !plan.Changed() {
		return nil
	}
	may, err := p.rights(ctx)
	if err != nil {
		return err
	}
	if !p.checkMode {
		if err := p.admitPermissions(plan, may); err != nil {
			return err
		}
	}
	if err := p.admitReplacements(ctx, plan, may); err != nil {
		return err
	}
	var fresh, updated, written []*reconcile.Step[Object]
	for i := range plan {
		step := &plan[i]
		if step.Err != nil {
			continue
		}
		switch step.Action {
		case reconcile.Create, reconcile.Replace:
			fresh, written = append(fresh, step), append(written, step)
		case reconcile.Update:
			updated, written = append(updated, step), append(written, step)
		}
	}
	if err := p.admitReferences(ctx, written, may); err != nil {
		return err
	}
	if err := p.admitZones(ctx, written, may); err != nil {
		return err
	}
	if err := p.admitVars(ctx, updated); err != nil {
		return err
	}
	if err := p.warnOfRules(ctx, updated, may); err != nil {
		return err
	}
	return p.admitServices(ctx, plan, fresh)
}

// rights tells what the user may do, which is asked once.
func (p *provider) rights(ctx context.Context) (access, error) {
	if p.may != nil {
		return *p.may, nil
	}
	may, err := p.access(ctx)
	if err == nil {
		p.may = &may
	}
	return may, err
}

// reference is what an attribute of an object names.
type reference struct {
	field, noun string
	kind        kind
	template    bool
	names       func(Object) []string
}

func references(k kind) []reference {
	text := func(get func(Object) *string) func(Object) []string {
		return func(o Object) []string {
			if name := value(get(o)); name != "" {
				return []string{name}
			}
			return nil
		}
	}
	return []reference{
		{"check_command", "check command", "CheckCommand", false, text(func(o Object) *string { return o.CheckCommand })},
		{"event_command", "event command", "EventCommand", false, text(func(o Object) *string { return o.EventCommand })},
		{"check_period", "time period", "TimePeriod", false, text(func(o Object) *string { return o.CheckPeriod })},
		{"command_endpoint", "endpoint", "Endpoint", false, text(func(o Object) *string { return o.CommandEndpoint })},
		{"zone", "zone", "Zone", false, text(func(o Object) *string { return o.Zone })},
		{"groups", strings.ToLower(string(k)) + " group", k + "Group", false, func(o Object) []string { return o.Groups }},
		{"templates", strings.ToLower(string(k)) + " template", k, true, func(o Object) []string { return o.Templates }},
	}
}

// newly gives the names that a step would newly set: all of an object that is made, and of one that is updated those of a field that changes.
func (r reference) newly(step *reconcile.Step[Object]) []string {
	if step.Action == reconcile.Update && !changes(step, r.field) {
		return nil
	}
	return r.names(step.Want)
}

// admitReferences looks up what objects would newly name. An update to what does not exist costs no name, but the server has then set the
// attributes that come before it.
func (p *provider) admitReferences(ctx context.Context, written []*reconcile.Step[Object], may access) error {
	unknown := map[string]bool{}
	for _, k := range []kind{hostKind, serviceKind} {
		for _, r := range references(k) {
			named, costly := map[string][]*reconcile.Step[Object]{}, false
			for _, step := range written {
				if step.Want.kind != k {
					continue
				}
				for _, name := range r.newly(step) {
					named[name] = append(named[name], step)
					costly = costly || k == hostKind && step.Action != reconcile.Update
				}
			}
			if len(named) == 0 {
				continue
			}
			missing, sure, err := p.missing(ctx, r, slices.Sorted(maps.Keys(named)), may)
			if err != nil {
				return err
			}
			if !sure && costly {
				unknown[r.permission()] = true
			}
			for name, advice := range missing {
				for _, step := range named[name] {
					if step.Err == nil {
						step.Err = fmt.Errorf("%s: value of %s must be one of the server's %ss, got: %s%s", step.Key, r.field, r.noun, name, advice)
					}
				}
			}
		}
	}
	if len(unknown) > 0 && !p.checkMode {
		p.warn("what new hosts name could not be looked up, and older servers do not take the name of a host again that they refused once; "+
			"the API user %s needs for that: %s", may.User, strings.Join(slices.Sorted(maps.Keys(unknown)), ", "))
	}
	return nil
}

// missing gives those of the names that a reference can not mean, each with what to say about it. sure is false where nobody knows.
func (p *provider) missing(ctx context.Context, r reference, names []string, may access) (missing map[string]string, sure bool, err error) {
	missing = map[string]string{}
	if may.mayAll(r.permission()) {
		known, err := p.known(ctx, r)
		for _, name := range names {
			if err == nil && !known[name] {
				missing[name] = "; " + similar(name, known)
			}
		}
		return missing, true, err
	}
	for _, name := range names {
		there, sure, err := p.exists(ctx, r, name, may)
		if err != nil || !sure {
			return nil, false, err
		}
		if !there {
			missing[name] = ""
		}
	}
	return missing, true, nil
}

// permission is what the user needs to list what a reference can mean.
func (r reference) permission() string {
	if r.template {
		return "templates/query/" + string(r.kind)
	}
	return "objects/query/" + string(r.kind)
}

// known gives the names of all that a reference can mean.
func (p *provider) known(ctx context.Context, r reference) (map[string]bool, error) {
	var found []object[struct{}]
	var err error
	if r.template {
		var answer struct {
			Results []object[struct{}] `json:"results"`
		}
		// https://icinga.com/docs/icinga-2/latest/doc/12-icinga2-api/#config-templates
		err = p.do(ctx, httpapi.Request{Method: http.MethodGet, Path: []string{"templates", r.kind.plural()}, Query: url.Values{"verbose": {"1"}}}, &answer)
		found = answer.Results
	} else {
		found, err = query[struct{}](ctx, p.client, r.kind, filter{})
	}
	if err != nil {
		return nil, fmt.Errorf("looking up %ss: %w", r.noun, err)
	}
	known := make(map[string]bool, len(found))
	for _, o := range found {
		known[o.Name] = true
	}
	return known, nil
}

// exists asks for something that the user may not query in the filter of a query for a host, because older servers let filters see
// everything. Whether this one does is asked along with it, by what the host itself is checked with, which the user may not query either.
func (p *provider) exists(ctx context.Context, r reference, name string, may access) (there, sure bool, err error) {
	if may.may("objects/query/CheckCommand") {
		return false, false, nil
	}
	host, err := p.anyHost(ctx)
	if err != nil || host == "" {
		return false, false, err
	}
	look := "get_object(" + string(r.kind) + ", wanted)"
	if r.template {
		look = "get_template(" + string(r.kind) + ", wanted)"
	}
	for _, answer := range []string{"!=", "=="} {
		f := filter{"host.name == any && get_object(CheckCommand, host.check_command) != null && " + look + " " + answer + " null",
			map[string]any{"any": host, "wanted": name}}
		found, err := query[struct{}](ctx, p.client, hostKind, f)
		if errors.Is(err, httpapi.ErrNotFound) { // a filter that the server refuses
			return false, false, nil
		}
		if err != nil || len(found) > 0 {
			return answer == "!=", err == nil, err
		}
	}
	return false, false, nil
}

// anyHost gives a host that there is, "" where there is none.
func (p *provider) anyHost(ctx context.Context) (string, error) {
	if p.some != "" {
		return p.some, nil
	}
	found, err := query[struct{}](ctx, p.client, hostKind, filter{})
	if err == nil && len(found) > 0 {
		p.some = found[0].Name
	}
	return p.some, err
}

// admitPermissions refuses what the user may not do, before anything is written.
func (p *provider) admitPermissions(plan reconcile.Plan[Object], may access) error {
	verbs := map[reconcile.Action][]string{
		reconcile.Create: {"create"}, reconcile.Update: {"modify"}, reconcile.Delete: {"delete"}, reconcile.Replace: {"delete", "create", "modify"},
	}
	needed := map[string]bool{}
	for _, step := range plan {
		subject := step.Wish
		if step.Action == reconcile.Delete {
			subject = step.Deleted.Known
		}
		for _, verb := range verbs[step.Action] {
			needed["objects/"+verb+"/"+string(subject.kind)] = step.Err == nil || needed["objects/"+verb+"/"+string(subject.kind)]
		}
	}
	maps.DeleteFunc(needed, func(permission string, really bool) bool { return !really || may.may(permission) })
	if len(needed) == 0 {
		return nil
	}
	return fmt.Errorf("nothing was changed, because the API user %s lacks: %s", may.User, strings.Join(slices.Sorted(maps.Keys(needed)), ", "))
}

// admitServices wants the hosts of new services to exist or to be made by the same plan.
func (p *provider) admitServices(ctx context.Context, plan reconcile.Plan[Object], fresh []*reconcile.Step[Object]) error {
	comes, fails := map[string]bool{}, map[string]bool{}
	for _, step := range plan {
		if subject := step.Wish; subject.kind == hostKind && step.Index >= 0 {
			fails[subject.host] = step.Err != nil && step.Have == nil && step.Deleted == nil
			comes[subject.host] = step.Err == nil && step.Action != reconcile.Delete
		}
	}
	asked := map[string]bool{}
	for _, step := range fresh {
		if host := step.Want.host; step.Want.kind == serviceKind && !comes[host] && !fails[host] {
			asked[host] = true
		}
	}
	for part := range slices.Chunk(slices.Sorted(maps.Keys(asked)), mostNames) {
		found, err := query[struct{}](ctx, p.client, hostKind, byName(hostKind, part))
		if err != nil {
			return err
		}
		for _, o := range found {
			comes[o.Name] = true
		}
	}
	missing := map[string]bool{}
	for _, step := range fresh {
		host := step.Want.host
		switch {
		case step.Err != nil || step.Want.kind != serviceKind || comes[host]:
		case fails[host]:
			step.Err = fmt.Errorf("%s: %w, because its host cannot be created", step.Key, reconcile.ErrNotAttempted)
		case p.checkMode: // a task before this one may be what makes it
			missing[host] = true
		default:
			step.Err = fmt.Errorf("%s: the host %s does not exist; create it first, with icinga2_host for example", step.Key, host)
		}
	}
	if len(missing) > 0 {
		p.warn("hosts of new services do not exist yet: %s", reconcile.Enumerate(slices.Sorted(maps.Keys(missing)), 10))
	}
	return nil
}

// similar says which of the known names a wrong one may have been meant as.
func similar(name string, known map[string]bool) string {
	type candidate struct {
		name string
		far  int
	}
	var near []candidate
	for other := range known {
		far := distance(name, other)
		if strings.Contains(other, name) || strings.Contains(name, other) {
			far = 1
		}
		if far <= max(2, len(name)/3) {
			near = append(near, candidate{other, far})
		}
	}
	slices.SortFunc(near, func(a, b candidate) int {
		if a.far != b.far {
			return a.far - b.far
		}
		return strings.Compare(a.name, b.name)
	})
	if len(near) > 0 {
		names := make([]string, 0, len(near))
		for _, c := range near {
			names = append(names, c.name)
		}
		return "similar: " + strings.Join(names[:min(len(names), 3)], ", ")
	}
	return "there are: " + reconcile.Enumerate(slices.Sorted(maps.Keys(known)), 10)
}

// distance is how many letters have to be added, left out or changed to make one word of the other.
func distance(a, b string) int {
	x, y := []rune(strings.ToLower(a)), []rune(strings.ToLower(b))
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j := range y {
			cost := diagonal
			if x[i] != y[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(y)]
}
