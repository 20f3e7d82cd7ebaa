// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// provider is the reconcile.Provider of hosts and services.
type provider struct {
	*client
	stack     string // that Observe shows all of with scope; "" is all that the suite has
	owned     bool   // objects without a stack get the mark of the suite too
	audited   bool   // look for objects without a file
	checkMode bool
	notes     notes
	may       *access  // once somebody asked
	some      string   // a host that there is, once somebody asked
	coming    []record // in check mode: what a run would have brought back before it looks
	// ofHosts is nil where the scope has services. Otherwise it has hosts, and the services of these hosts.
	ofHosts     map[string]bool
	recreateFor []string // attributes whose change recreates the object, although the server could change them

	mu       sync.Mutex
	broken   map[string]bool // hosts that could not be made: the server crashes when one of these gets a service
	fileless []string
	brought  []string // what an earlier run had deleted
}

func newProvider(c *client, stack string, owned bool) *provider {
	return &provider{client: c, stack: stack, owned: owned, broken: map[string]bool{}}
}

// Key is the full name.
func (p *provider) Key(o Object) string { return o.full() }

// Group is the stack.
func (p *provider) Group(o Object) string { return o.stack }

// Phase puts hosts before their services.
func (p *provider) Phase(o Object) int {
	if o.kind == hostKind {
		return 0
	}
	return 1
}

// Find matches by the full name.
func (p *provider) Find(have []reconcile.Found[Object]) func(reconcile.Want[Object]) []reconcile.Found[Object] {
	byID := make(map[string][]reconcile.Found[Object], len(have))
	for _, o := range have {
		byID[o.ID] = []reconcile.Found[Object]{o}
	}
	return func(w reconcile.Want[Object]) []reconcile.Found[Object] { return byID[w.State.full()] }
}

// Observe reads just the attributes that the wishes set and the variables, of the objects that they are about and of those in scope: one query for hosts
// and one for services.
func (p *provider) Observe(ctx context.Context, want []reconcile.Want[Object], scope bool) ([]reconcile.Found[Object], error) {
	looks := map[kind]*look{hostKind: newLook(hostKind), serviceKind: newLook(serviceKind)}
	for _, w := range want {
		looks[w.State.kind].add(w.State)
	}
	have, err := p.observeAll(ctx, looks, scope)
	if err != nil {
		return nil, err
	}
	restarted, err := p.restarted(ctx)
	if err == nil && restarted { // what the process before this one told counts no more
		p.finish(ctx)
		have, err = p.observeAll(ctx, looks, scope)
	}
	if err != nil {
		return nil, err
	}
	if p.audited {
		if err := p.audit(ctx, have); err != nil {
			return nil, err
		}
	}
	return have, nil
}

func (p *provider) observeAll(ctx context.Context, looks map[kind]*look, scope bool) (have []reconcile.Found[Object], err error) {
	err = p.notes.among(ctx, func() error {
		for _, k := range []kind{hostKind, serviceKind} {
			found, err := p.observe(ctx, looks[k], scope)
			if err != nil {
				return err
			}
			for _, o := range append(found, p.expected(k, looks[k].asked)...) {
				if k == hostKind {
					p.setBroken(o.ID, false) // the answer to its creation was lost, and here it is
				}
				switch { // a query by hosts finds more
				case looks[k].names[o.ID]:
					have = append(have, reconcile.Object[Object]{ID: o.ID, State: o.Known}.Found())
				case scope && p.inScope(o.Known):
					have = append(have, o)
				}
			}
		}
		return nil
	})
	return have, err
}

// inScope reports whether an object is in the scope of a purge.
func (p *provider) inScope(o Object) bool {
	inside := p.ofHosts == nil && o.kind == serviceKind || p.ofHosts != nil && (o.kind == hostKind || p.ofHosts[o.host])
	return inside && o.in(p.stack)
}

// look is what to ask about the objects of one kind.
type look struct {
	kind  kind
	names map[string]bool
	hosts map[string]bool
	asked map[string]bool // attributes
}

// newLook asks for the variables in any case: they say whose an object is, and what of it is not to be seen (held).
func newLook(k kind) *look {
	return &look{kind: k, names: map[string]bool{}, hosts: map[string]bool{}, asked: map[string]bool{"package": true, "vars": true}}
}

func (l *look) add(o Object) {
	l.names[o.full()] = true
	l.hosts[o.host] = true
	for _, field := range o.fields() {
		l.asked[field] = true
	}
}

// Queries are sent in parts, because the server takes at most a megabyte; and by the hosts where that is much shorter than by names.
const (
	mostNames   = 2000
	mostAHost   = 5
	mostByHosts = 2000
)

func (p *provider) observe(ctx context.Context, l *look, scope bool) ([]reconcile.Found[Object], error) {
	names, attrs := slices.Sorted(maps.Keys(l.names)), slices.Sorted(maps.Keys(l.asked))
	inHosts := scope && l.kind == serviceKind && p.ofHosts != nil
	var filters []filter
	switch {
	case len(names) == 1 && !scope:
		return p.one(ctx, l.kind, names[0], l.asked, attrs)
	case inHosts || l.kind == serviceKind && len(names) > mostAHost*len(l.hosts):
		hosts := maps.Clone(l.hosts)
		if inHosts {
			maps.Copy(hosts, p.ofHosts)
		}
		for part := range slices.Chunk(slices.Sorted(maps.Keys(hosts)), mostByHosts) {
			filters = append(filters, byHost(part))
		}
	default:
		for part := range slices.Chunk(names, mostNames) {
			filters = append(filters, byName(l.kind, part))
		}
	}
	if scope && (l.kind == serviceKind) == (p.ofHosts == nil) {
		filters = p.withScope(l.kind, filters)
	}
	seen := make(map[string]bool, len(names))
	var have []reconcile.Found[Object]
	for _, f := range filters {
		found, err := query[wire](ctx, p.client, l.kind, f, attrs...)
		if err != nil {
			return nil, err
		}
		for _, o := range found {
			if !seen[o.Name] {
				seen[o.Name] = true
				have = append(have, reconcile.Found[Object]{ID: o.Name, Known: p.held(o.Name, o.Attrs, l.asked)})
			}
		}
	}
	return have, nil
}

// held makes an object of an answer, and hides the credentials among its variables as those of a task are hidden: an earlier task may have
// put one into notes or a URL as well.
func (p *provider) held(name string, w wire, asked map[string]bool) Object {
	o := fromWire(name, w, asked)
	o.Vars = o.Vars.withoutNulls()
	for _, text := range o.Vars.credentials() {
		p.hide(secret.New(text))
	}
	return o
}

// withScope adds what is in scope to the first of the filters.
func (p *provider) withScope(k kind, filters []filter) []filter {
	variable := strings.ToLower(string(k)) + ".vars."
	f := filter{variable + managedBy + " == suite", map[string]any{"suite": suite}}
	if p.stack != "" {
		f.Expression += " && " + variable + stackVar + " == stack"
		f.Vars["stack"] = p.stack
	}
	if len(filters) == 0 {
		return []filter{f}
	}
	first := filter{"(" + filters[0].Expression + ") || (" + f.Expression + ")", maps.Clone(filters[0].Vars)}
	maps.Copy(first.Vars, f.Vars)
	return append([]filter{first}, filters[1:]...)
}

// one reads a single object, which takes no walk through all objects of the server.
func (p *provider) one(ctx context.Context, k kind, name string, asked map[string]bool, attrs []string) ([]reconcile.Found[Object], error) {
	w, err := get[wire](ctx, p.client, k, name, attrs...)
	if errors.Is(err, httpapi.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []reconcile.Found[Object]{{ID: name, Known: p.held(name, w, asked)}}, nil
}

// MustReplace names an attribute that the server does not change.
func (p *provider) MustReplace(have reconcile.Object[Object], want Object) string {
	switch {
	case have.State.pkg != apiPackage:
		return "" // Merge refuses
	case want.Templates != nil && !subsequence(want.Templates, have.State.Templates):
		return "templates"
	case want.Groups != nil && !subset(want.Groups, have.State.Groups):
		return "groups"
	case want.Zone != nil && *want.Zone != value(have.State.Zone):
		return "zone"
	}
	return p.ruled(have.State, want, p.recreateFor)
}

// Claim has nothing to do: names are unique, so that nothing is left over; see Recreate.
func (p *provider) Claim(context.Context, reconcile.Object[Object], Object) error { return nil }

// Claimed is never true, see Claim.
func (p *provider) Claimed(reconcile.Found[Object]) bool { return false }

// Merge gives a wish the marks of its stack, and fills it from the object that there is.
func (p *provider) Merge(have *reconcile.Object[Object], want Object) (Object, error) {
	if have == nil {
		return p.complete(want)
	}
	if stack := have.State.stack; want.stack != "" && stack != "" && stack != want.stack {
		return Object{}, fmt.Errorf("%s belongs to the stack %s, not to %s, and is left alone", want.full(), stack, want.stack)
	}
	if want.Vars = p.marked(want); want.Vars != nil {
		want.Vars = want.Vars.unless(have.State.Vars).over(have.State.Vars)
	}
	if subsequence(want.Templates, have.State.Templates) {
		want.Templates = nil
	}
	if subset(want.Groups, have.State.Groups) {
		want.Groups = nil
	}
	merged := want
	merged.pkg, merged.stack = have.State.pkg, have.State.stack
	if want.stack != "" {
		merged.stack = want.stack
	}
	merged.HostAttributes = reconcile.Overlay(have.State.HostAttributes, want.HostAttributes, same)
	merged.Attributes = reconcile.Overlay(have.State.Attributes, want.Attributes, same)
	// What is still set of these differs, be it in the order only, and takes a new object.
	if want.Templates != nil {
		merged.Templates = want.Templates
	}
	if want.Groups != nil {
		merged.Groups = want.Groups
	}
	if have.State.pkg != apiPackage && len(reconcile.Diff(*have, merged)) > 0 {
		return Object{}, fmt.Errorf("%s %s, and is left alone", want.full(), made(have.State))
	}
	return merged, nil
}

// made says where an object comes from that was not made through the API.
func made(o Object) string {
	return fmt.Sprintf("was not created through the API but by the server's configuration files (package %s), as an object or by an apply rule", o.pkg)
}

// marked are the variables of a wish with the marks of the suite; nil where there are none.
func (p *provider) marked(want Object) Vars {
	if want.stack == "" && !p.owned {
		return want.Vars
	}
	vars := marks(want.stack)
	maps.Copy(vars, want.Vars)
	return vars
}

// complete gives a new object what the server demands of it. A refused host could not be made with better attributes either until the
// server is reloaded.
func (p *provider) complete(want Object) (Object, error) {
	if alive := "hostalive"; want.kind == hostKind && want.CheckCommand == nil && len(want.Templates) == 0 {
		want.CheckCommand = &alive // as in the earlier module
	}
	if value(want.CheckCommand) == "" && len(want.Templates) == 0 {
		return Object{}, fmt.Errorf("%s does not exist yet, and to create it there are missing required arguments: check_command, or templates that set it", want.full())
	}
	want.Vars = p.marked(want)
	want.pkg = apiPackage
	return want, nil
}

// Create makes an object.
func (p *provider) Create(ctx context.Context, want Object) (made reconcile.Object[Object], err error) {
	err = p.notes.among(ctx, func() error {
		made, err = p.make(ctx, want)
		return err
	}, want.host)
	return made, err
}

func (p *provider) make(ctx context.Context, want Object) (reconcile.Object[Object], error) {
	made := reconcile.Object[Object]{ID: want.full(), State: want}
	if err := p.begin(ctx); err != nil {
		return reconcile.Object[Object]{}, err
	}
	if want.kind == serviceKind && p.isBroken(want.host) {
		return reconcile.Object[Object]{}, fmt.Errorf("creating %s: %w, because its host could not be created", want.full(), reconcile.ErrNotAttempted)
	}
	exists, err := p.create(ctx, want)
	if want.kind == hostKind {
		p.setBroken(want.host, !exists)
	}
	if err != nil {
		err = fmt.Errorf("creating %s %s: %w", strings.ToLower(string(want.kind)), want.full(), err)
	}
	if !exists {
		made = reconcile.Object[Object]{}
	}
	return made, err
}

func (p *provider) isBroken(host string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.broken[host]
}

func (p *provider) setBroken(host string, broken bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken[host] = broken
}

// create tells whether the object exists then, which it may without its variables.
func (p *provider) create(ctx context.Context, want Object) (exists bool, err error) {
	templates := want.Templates
	attrs, later := creation(want)
	err = p.put(ctx, want.kind, want.full(), templates, attrs)
	switch {
	case errors.Is(err, httpapi.ErrConflict):
		// Somebody made it since it was looked for: the engine looks again and updates it.
		return false, &taken{err}
	case err != nil && strings.Contains(err.Error(), "re-defined"):
		return false, fmt.Errorf("either an earlier attempt to create it was refused, and the server takes the name again only after a reload, "+
			"or a template has this name: %w", err)
	case err != nil && want.kind == hostKind && errors.Is(err, httpapi.ErrRefused):
		return false, fmt.Errorf("%w; older servers take this host's name again only after a reload", err)
	case err != nil || !later:
		return err == nil, err
	}
	return true, p.completeVars(ctx, want)
}

// completeVars sets the variables of an object that has been created: what comes from its templates is known only then.
func (p *provider) completeVars(ctx context.Context, want Object) error {
	w, err := get[wire](ctx, p.client, want.kind, want.full(), "vars")
	if err != nil {
		return fmt.Errorf("created, but its variables could not be completed: %w", err)
	}
	return p.modify(ctx, want.kind, want.full(), map[string]any{"vars": map[string]any(want.Vars.over(w.Vars))})
}

// taken is the error of a creation of what exists. The engine takes it for one whose answer was lost, and looks.
type taken struct{ err error }

func (t *taken) Error() string { return t.err.Error() }

func (t *taken) Unwrap() error { return t.err }

// Uncertain tells that the object may be the one that was asked for.
func (t *taken) Uncertain() bool { return true }

// creation gives the attributes of a new object. Variables go one by one where there are templates, so that theirs stay; later says
// that some have to be set afterwards, because the API takes a dot in their name for a level, or because they are to be taken away.
func creation(want Object) (attrs map[string]any, later bool) {
	attrs = toWire(reconcile.Set(want))
	delete(attrs, "templates")
	delete(attrs, "vars")
	vars := Vars{}
	whole := len(want.Templates) == 0 || want.entire
	for name, value := range want.Vars {
		switch {
		case whole && value != nil:
			vars[name] = value
		case whole:
		case value == nil || strings.Contains(name, "."):
			later = true
		default:
			attrs["vars."+name] = value
		}
	}
	if len(vars) > 0 || want.entire {
		attrs["vars"] = map[string]any(vars)
	}
	return attrs, later
}

// extra is what the answer tells beside the objects.
func (p *provider) extra() map[string]any {
	p.mu.Lock()
	defer p.mu.Unlock()
	extra := map[string]any{}
	if p.audited {
		extra["audit"] = reconcile.Known(p.fileless)
	}
	if len(p.brought) > 0 {
		extra["brought_back"], extra["changed"] = p.brought, true
	}
	return extra
}
