// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// Recreate deletes an object and makes it anew, with all that the old one had of its own and the wish does not set. What goes with it is made
// again: the services of a host, downtimes and comments. Where something hangs from it that cannot be made again nothing is touched.
// Until all is there again, a note on this controller holds what a run after this one would have to bring back.
func (p *provider) Recreate(ctx context.Context, have reconcile.Object[Object], wish Object) (was, is reconcile.Object[Object], err error) {
	if err := p.begin(ctx); err != nil {
		return was, is, err
	}
	if err := p.sweep(ctx, abandoned); err != nil {
		p.warn("what an interrupted run of another controller may have left behind could not be looked for or removed: %v", err)
	}
	note, err := p.notes.open(ctx, have.ID)
	if err != nil {
		return was, is, fmt.Errorf("%s: is not created anew: %w", have.ID, err)
	}
	r := recreation{provider: p, id: have.ID, kind: have.State.kind, wish: wish, note: note, since: p.since()}
	entered := false
	err = p.notes.alone(ctx, have.State.host, func() error {
		entered = true
		was, is, err = r.run(ctx)
		return err
	})
	if !entered {
		err = errors.Join(err, note.done())
	}
	return was, is, err
}

// run does it, while nobody else of this controller touches the host or looks at it.
func (r *recreation) run(ctx context.Context) (was, is reconcile.Object[Object], err error) {
	if err = r.prepare(ctx); err == nil {
		err = context.Cause(ctx)
	}
	was = reconcile.Object[Object]{ID: r.id, State: r.old.object()}
	if errors.Is(err, errDone) {
		is, err = r.aligned(ctx, was)
		return was, is, errors.Join(err, r.note.done())
	}
	if err != nil {
		return was, is, errors.Join(err, r.note.done())
	}
	ctx = context.WithoutCancel(ctx) // nobody gains from an object that is gone
	if err := r.takeAway(ctx, was.Found()); err != nil {
		if err := r.stayed(ctx, err); err != nil {
			return was, is, err
		}
	}
	if err := r.makeAnew(ctx); err != nil {
		return was, is, err
	}
	now, err := r.whole(ctx, r.kind, byName(r.kind, []string{r.id}))
	if err == nil && len(now) != 1 {
		err = fmt.Errorf("%s: was created anew, but is not there any more", r.id)
	}
	if err != nil {
		return was, is, &partial{err}
	}
	return was, reconcile.Object[Object]{ID: r.id, State: now[0].object()}, nil
}

// errDone says that another run has created the object anew as it shall be.
var errDone = errors.New("no longer differs in what cannot be changed")

// aligned brings what another run has created anew to the rest of the wish.
func (r *recreation) aligned(ctx context.Context, have reconcile.Object[Object]) (reconcile.Object[Object], error) {
	merged, err := r.Merge(&have, r.wish)
	if err != nil || len(reconcile.Diff(have, merged)) == 0 {
		return have, err
	}
	return r.update(ctx, have, merged)
}

// recreation is one object on its way.
type recreation struct {
	*provider
	id    string
	kind  kind
	wish  Object
	note  *note
	since float64 // when the server's process began that it begins with

	old     effective
	new     Object
	back    record   // the old object
	along   []record // what goes with it and is made again
	outside []string // what goes with it and comes back by rules of the configuration
}

// prepare finds out all that has to be known, and rehearses the new object. Nothing that anybody has is touched.
func (r *recreation) prepare(ctx context.Context) error {
	found, err := r.whole(ctx, r.kind, byName(r.kind, []string{r.id}))
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("%s: is not there any more", r.id)
	}
	if err != nil {
		return err
	}
	r.old = found[0]
	if r.MustReplace(reconcile.Object[Object]{ID: r.id, State: r.old.object()}, r.wish) == "" {
		return errDone
	}
	hanging, err := r.allHanging(ctx, []string{r.old.object().host})
	if err != nil {
		return err
	}
	v := judge(r.old.object(), hanging)
	if v.refusal != nil {
		return v.refusal
	}
	r.along, r.outside = v.back, v.outside
	own, err := r.ownOf(ctx, r.note, r.old)
	if err != nil {
		return fmt.Errorf("%s: cannot be created anew, and was left as it is: %w", r.id, err)
	}
	r.back, r.new = own.record(), r.renewed(own)
	if err := r.rehearseNew(ctx); err != nil {
		return fmt.Errorf("%s: cannot be created anew, and was left as it is: %w", r.id, err)
	}
	if r.kind == hostKind {
		services, err := r.servicesOf(ctx)
		if err != nil {
			return err
		}
		r.along = append(services, r.along...)
	}
	return r.note.records(append([]record{r.back}, r.along...))
}

// renewed is the new object: what the wish sets, and for the rest what the old one had of its own.
func (r *recreation) renewed(own ownAttributes) Object {
	old, mine, o := r.old.object(), own.object(), r.wish
	o.pkg = apiPackage
	vars := maps.Clone(mine.Vars)
	if vars == nil {
		vars = Vars{}
	}
	maps.Copy(vars, r.marked(r.wish)) // null stays null: what was taken away from the old one must not come back by a template
	o.HostAttributes = reconcile.Overlay(mine.HostAttributes, o.HostAttributes, same)
	o.Attributes = reconcile.Overlay(mine.Attributes, o.Attributes, same)
	o.Vars, o.Templates, o.Groups = vars, own.named, mine.Groups
	others := r.wish.Templates != nil && !subsequence(r.wish.Templates, old.Templates)
	if others {
		o.Templates = r.wish.Templates
	}
	switch wanted := r.wish.Groups; {
	case wanted == nil:
	case !subset(wanted, old.Groups):
		o.Groups = wanted
	case others && !subset(wanted, o.Groups):
		o.Groups = append(slices.Clone(o.Groups), wanted...)
	}
	return o
}

// rehearseNew makes the new object under another name and takes it away, because older servers would take neither the new nor the old one
// under the name of a host that they have refused.
func (r *recreation) rehearseNew(ctx context.Context) error {
	off, o := false, r.new
	o.EnableActiveChecks, o.EnableNotifications, o.EnableEventHandler = &off, &off, &off
	attrs, later := creation(o)
	seen, err := r.rehearse(ctx, r.note, r.old, o.Templates, attrs)
	if err == nil && later { // all that it shall have is known now, and can be given by the one call that creates it
		given := decoded(r.id, seen.as(r.old.short()))
		r.new.Vars, r.new.entire = r.new.Vars.over(given.Vars), true
		r.new.Groups = given.Groups // it may be in some by variables that are taken away
	}
	if err != nil && needsCommand(err) {
		err = errors.New("the templates of the new object set no check_command, and neither does the task; write check_command")
	}
	return err
}

// servicesOf gives the services of a host as they are to be made again.
func (r *recreation) servicesOf(ctx context.Context) ([]record, error) {
	found, err := r.whole(ctx, serviceKind, byHost([]string{r.id}))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b effective) int { return strings.Compare(a.name, b.name) })
	type known struct {
		named  []string
		base   sight
		active any
	}
	byTemplates := map[string]known{}
	records := make([]record, 0, len(found))
	for _, service := range found {
		if isRehearsal(service.short()) { // of another controller: it goes by itself
			continue
		}
		key := strings.Join(service.templates(), "\n")
		k, ok := byTemplates[key]
		if !ok {
			if k.named, k.base, err = r.bare(ctx, r.note, service); err == nil {
				k.active, err = r.active(ctx, r.note, service, k.named, k.base)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: its service %s could not be created again, so it was left as it is: %w", r.id, service.name, err)
			}
			byTemplates[key] = k
		}
		base := k.base.as(service.short())
		base["enable_active_checks"] = k.active
		records = append(records, service.beyond(k.named, base).record())
	}
	return records, nil
}

// stayed looks what became of a deletion that failed; nil is for an object that is gone all the same.
func (r *recreation) stayed(ctx context.Context, failed error) error {
	there, err := r.isThere(ctx)
	if err == nil && !there {
		return nil
	}
	var missing []record
	if err == nil {
		missing, err = r.missingOf(ctx, r.along) // what goes with an object goes before it
	}
	if err == nil {
		err = r.bringBack(ctx, missing)
	}
	if err != nil {
		r.note.Close()
		return &partial{fmt.Errorf("%w; what became of it is not known, and the next run of this module on this controller brings back what is missing: %w", failed, err)}
	}
	if len(missing) == 0 {
		return errors.Join(reconcile.Unmade(failed), r.note.done())
	}
	return errors.Join(failed, r.end(ctx, append([]record{r.back}, r.along...)))
}

// makeAnew creates the new object in the place of the one that was deleted, and what went with that one.
func (r *recreation) makeAnew(ctx context.Context) error {
	_, failed := r.make(ctx, r.new)
	attrs, _ := creation(r.new)
	made := record{Kind: r.kind, Name: r.id, Templates: r.new.Templates, Attrs: attrs}
	records, back := r.along, false
	if failed != nil {
		if there, _ := r.isThere(ctx); there { // the answer was lost, or somebody else was quicker
			r.setBroken(r.id, false)
			failed = r.completeVars(ctx, r.new)
		} else {
			failed = fmt.Errorf("%s: was deleted to be created anew, which failed: %w", r.id, failed)
			made = r.back
			records, back = append([]record{made}, records...), true
		}
	}
	if lost := r.bringBack(ctx, records); lost != nil {
		r.note.Close() // for the next run
		if failed != nil {
			lost = fmt.Errorf("%w; %w", failed, lost)
		}
		return &partial{fmt.Errorf("%w; the next run of this module on this controller tries again", lost)}
	}
	r.missed(ctx)
	switch {
	case back:
		r.setBroken(r.id, false)
		failed = fmt.Errorf("%w; the old one was brought back", failed)
	case failed != nil:
		failed = &partial{failed}
	}
	return errors.Join(failed, r.end(ctx, append([]record{made}, r.along...)))
}

// end looks once more for all that has to be there, where another process of the server answers by now, and leaves the note: a reload may be
// under way that is not to be seen yet.
func (r *recreation) end(ctx context.Context, records []record) error {
	now, err := r.programStart(ctx)
	if err != nil { // then it is the next run that looks
		now = r.since
	}
	if now != r.since {
		missing, err := r.missingOf(ctx, records)
		if err == nil {
			err = r.bringBack(ctx, missing)
		}
		if err != nil {
			r.note.Close()
			return &partial{fmt.Errorf("the server was reloaded while %s was created anew: %w; the next run of this module on this controller tries again", r.id, err)}
		}
		if len(missing) > 0 {
			r.warn("the server was reloaded while %s was created anew, and lost what it had confirmed; made once more: %s", r.id, enumerated(missing))
		}
	}
	return r.note.keep(r.note.content.ended(records, now, r.now()))
}

func (r *recreation) isThere(ctx context.Context) (bool, error) {
	_, err := get[struct{}](ctx, r.client, r.kind, r.id)
	if errors.Is(err, httpapi.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// missed warns of what came from the configuration and did not come back with the object.
func (r *recreation) missed(ctx context.Context) {
	if len(r.outside) == 0 {
		return
	}
	hanging, err := r.allHanging(ctx, []string{r.old.object().host})
	if err != nil {
		r.warn("%s: what its configuration files let hang from it could not be looked at again: %v", r.id, err)
		return
	}
	now := judge(r.old.object(), hanging).outside
	gone := slices.DeleteFunc(slices.Clone(r.outside), func(name string) bool { return slices.Contains(now, name) })
	switch {
	case len(gone) == 0:
	case r.ruled(r.old.object(), r.wish, r.recreateFor) != "":
		r.warn("%s was recreated, and rules of the configuration no longer create: %s", r.id, strings.Join(gone, ", "))
	default:
		r.warn("%s was created anew, and what configuration files let hang from it comes back when the server is reloaded: %s", r.id, strings.Join(gone, ", "))
	}
}

// record is an object as it is made again. It is kept in notes.
type record struct {
	Kind      kind           `json:"kind"`
	Name      string         `json:"name"`
	Templates []string       `json:"templates,omitempty"`
	Attrs     map[string]any `json:"attrs"`           // what it has of its own
	Whole     map[string]any `json:"whole,omitempty"` // all that it had; afterwards it is set to that where it comes out differently
}

// will gives those of some attributes that it has when it is made again, as a query gives them.
func (r record) will(asked map[string]bool) map[string]any {
	attrs := maps.Clone(r.Whole)
	if len(attrs) == 0 { // then its own are all that is known
		attrs = map[string]any{"package": apiPackage, "templates": append([]string{identified(r.Name).short()}, r.Templates...)}
		vars := map[string]any{}
		for name, value := range r.Attrs {
			if variable, ok := strings.CutPrefix(name, "vars."); ok {
				vars[variable] = value
			} else {
				attrs[name] = value
			}
		}
		if len(vars) > 0 {
			attrs["vars"] = vars
		}
	}
	maps.DeleteFunc(attrs, func(name string, _ any) bool { return !asked[name] })
	return attrs
}

// restores is how often objects are made again that went with another one, with a second more of a pause each time: a server that is
// reloaded meanwhile confirms what it then forgets.
const restores = 6

// bringBack makes objects again, hosts before their services and both before what hangs from them, and looks until all are there.
func (p *provider) bringBack(ctx context.Context, records []record) error {
	var failed []error
	for _, k := range []kind{hostKind, serviceKind, downtimeKind, commentKind} {
		part := slices.DeleteFunc(slices.Clone(records), func(r record) bool { return r.Kind != k })
		err := p.bringBackAll(ctx, k, part)
		if err != nil && k == hostKind {
			return err // servers crash when a host that they have refused gets a service
		}
		if err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func (p *provider) bringBackAll(ctx context.Context, k kind, left []record) error {
	var last error
	for n := 0; len(left) > 0 && n < restores; n++ {
		if err := p.http.Sleep(ctx, time.Duration(n)*time.Second); err != nil {
			return err
		}
		failed := make([]error, len(left))
		err := reconcile.Each(ctx, p.concurrency, len(left), func(ctx context.Context, i int) error {
			failed[i] = p.restore(ctx, left[i])
			return nil
		})
		last = errors.Join(errors.Join(failed...), err)
		missing, err := p.missingOf(ctx, left)
		if err != nil {
			last = errors.Join(last, err)
			continue
		}
		left = missing
		if k == hostKind && len(left) > 0 {
			break // its name may be blocked by now
		}
	}
	if len(left) == 0 {
		return nil
	}
	return fmt.Errorf("%s could not be brought back: %w", enumerated(left), last)
}

// restore makes one object again. A conflict is no failure: a rule, somebody else, or an attempt whose answer was lost has made it.
func (p *provider) restore(ctx context.Context, r record) error {
	err := p.put(ctx, r.Kind, r.Name, r.Templates, r.Attrs)
	if err != nil && !errors.Is(err, httpapi.ErrConflict) || len(r.Whole) == 0 {
		return err
	}
	final := maps.Clone(r.Whole)
	for _, fixed := range []string{"package", "templates", "groups", "zone"} {
		delete(final, fixed)
	}
	now, err := get[map[string]any](ctx, p.client, r.Kind, r.Name, slices.Sorted(maps.Keys(final))...)
	if err != nil {
		return err
	}
	round(now)
	attrs := map[string]any{}
	for name, value := range final {
		if !equal(value, now[name]) {
			attrs[name] = value
		}
	}
	if len(attrs) == 0 {
		return nil
	}
	return p.modify(ctx, r.Kind, r.Name, attrs)
}

// missingOf gives those of some records that are not there.
func (p *provider) missingOf(ctx context.Context, records []record) ([]record, error) {
	names := map[kind][]string{}
	for _, r := range records {
		names[r.Kind] = append(names[r.Kind], r.Name)
	}
	there := map[string]bool{}
	for k, all := range names {
		for part := range slices.Chunk(all, mostNames) {
			found, err := query[struct{}](ctx, p.client, k, byName(k, part))
			if err != nil {
				return nil, err
			}
			for _, o := range found {
				there[string(k)+o.Name] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(records), func(r record) bool { return there[string(r.Kind)+r.Name] }), nil
}

// enumerated names records for messages.
func enumerated(records []record) string {
	texts := make([]string, len(records))
	for i, r := range records {
		texts[i] = strings.ToLower(string(r.Kind)) + " " + r.Name
	}
	return reconcile.Enumerate(texts, 20)
}

// settable gives the names of all attributes of a kind that the modules know, and of the package.
func settable(k kind) map[string]bool {
	names := map[string]bool{"package": true}
	types := []reflect.Type{reflect.TypeFor[Attributes]()}
	if k == hostKind {
		types = append(types, reflect.TypeFor[HostAttributes]())
	}
	for _, t := range types {
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("mapstructure"), ",")
			names[name] = true
		}
	}
	return names
}
