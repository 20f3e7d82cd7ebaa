// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"context"
	"crypto/rand"
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

// Recreate deletes an object and makes it anew. The services of a host, which go with it, are made again as they were, those that came
// through the API; downtimes and comments are lost. Where the new object is refused the old one is made again.
func (p *provider) Recreate(ctx context.Context, have reconcile.Object[Object], want Object) (reconcile.Object[Object], error) {
	if err := p.begin(ctx); err != nil {
		return have, err
	}
	old, err := p.whole(ctx, have.State.kind, byName(have.State.kind, []string{have.ID}))
	if err == nil && len(old) != 1 {
		err = fmt.Errorf("%s: is not there any more", have.ID)
	}
	if err != nil {
		return have, err
	}
	if err := p.rehearse(ctx, want); err != nil {
		return have, fmt.Errorf("%s: cannot be created anew, and was left as it is: %w", have.ID, err)
	}
	var services []Object
	if have.State.kind == hostKind {
		if services, err = p.whole(ctx, serviceKind, byHost([]string{have.ID})); err != nil {
			return have, err
		}
	}
	if err := p.Delete(ctx, have); err != nil {
		return have, err
	}
	ctx = context.WithoutCancel(ctx) // nobody gains from an object that is gone
	created, err := p.Create(ctx, want)
	if err != nil {
		err = fmt.Errorf("%s: was deleted to be created anew, which failed: %w", have.ID, err)
		if back := p.create(ctx, old[0]); back != nil {
			return have, &partial{fmt.Errorf("%w; the old one could not be brought back: %w", err, back)}
		}
		p.setBroken(have.State.host, false)
		err = fmt.Errorf("%w; the old one was brought back", err)
	}
	if back := p.bringBack(ctx, services); back != nil {
		if err != nil {
			back = fmt.Errorf("%w; %w", err, back)
		}
		return created, &partial{back}
	}
	return created, err
}

// rehearse creates a host under another name and deletes it, because older servers would take neither the new nor the old one under the name
// of a host that they have refused.
func (p *provider) rehearse(ctx context.Context, want Object) error {
	if want.kind != hostKind {
		return nil
	}
	off := false
	want.host = "stackwatch-rehearsal-" + rand.Text()
	want.EnableActiveChecks, want.EnableNotifications, want.EnableEventHandler = &off, &off, &off
	attrs, _ := creation(want)
	err := p.put(ctx, hostKind, want.host, want.Templates, attrs)
	// It goes even where the run is interrupted, and where nobody knows whether it came.
	gone := p.remove(context.WithoutCancel(ctx), hostKind, want.host)
	if err == nil && !errors.Is(gone, httpapi.ErrNotFound) {
		err = gone
	}
	return err
}

// restores is how often services are made again that went with their host, with a second more of a pause each time: a server that is
// reloaded meanwhile confirms what it then forgets.
const restores = 6

// bringBack makes services again, and looks until all are there.
func (p *provider) bringBack(ctx context.Context, services []Object) error {
	left := services
	var last error
	for n := 0; len(left) > 0 && n < restores; n++ {
		if err := p.http.Sleep(ctx, time.Duration(n)*time.Second); err != nil {
			return err
		}
		failed := make([]error, len(left))
		err := reconcile.Each(ctx, p.concurrency, len(left), func(ctx context.Context, i int) error {
			// A conflict is no failure: an apply rule, somebody else, or an attempt whose answer was lost has made it.
			if err := p.create(ctx, left[i]); !errors.Is(err, httpapi.ErrConflict) {
				failed[i] = err
			}
			return nil
		})
		last = errors.Join(errors.Join(failed...), err)
		names := make([]string, len(left))
		for i, o := range left {
			names[i] = o.full()
		}
		there := map[string]bool{}
		for part := range slices.Chunk(names, mostNames) {
			found, err := query[struct{}](ctx, p.client, serviceKind, byName(serviceKind, part))
			if err != nil {
				last = errors.Join(last, err)
			}
			for _, o := range found {
				there[o.Name] = true
			}
		}
		left = slices.DeleteFunc(slices.Clone(left), func(o Object) bool { return there[o.full()] })
	}
	if len(left) == 0 {
		return nil
	}
	names := make([]string, len(left))
	for i, o := range left {
		names[i] = o.full()
	}
	return fmt.Errorf("%d services that went with their host could not be brought back: %s: %w", len(left), strings.Join(names, ", "), last)
}

// whole reads all attributes that can be set of objects that came through the API.
func (p *provider) whole(ctx context.Context, k kind, f filter) ([]Object, error) {
	asked := settable(k)
	found, err := query[wire](ctx, p.client, k, f, slices.Sorted(maps.Keys(asked))...)
	if err != nil {
		return nil, err
	}
	var objects []Object
	for _, o := range found {
		if object := p.held(o.Name, o.Attrs, asked); object.pkg == apiPackage {
			// The variables are known as a whole: those of the templates are among them.
			objects = append(objects, object)
		}
	}
	return objects, nil
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
