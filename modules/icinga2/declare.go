// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/resource"
)

// Shared are the options that the modules for hosts and for services have in common, beside those of an object.
type Shared struct {
	Connection `mapstructure:",squash"`
	State      *string `mapstructure:"state"`
	Stack      *string `mapstructure:"stack"`
	Purge      bool    `mapstructure:"purge"`
	PurgeLimit *string `mapstructure:"purge_limit"`
	Recreate   string  `mapstructure:"recreate"`
	// RecreateFor names attributes that rules of the configuration may use.
	RecreateFor []string `mapstructure:"recreate_for"`
	Audit       bool     `mapstructure:"audit"`
	FailFast    bool     `mapstructure:"fail_fast"`
	Results     string   `mapstructure:"results"`
}

func (s Shared) options() resource.Options {
	return resource.Options{Purge: s.Purge, PurgeLimit: s.PurgeLimit, AllowReplace: s.Recreate == "always", FailFast: s.FailFast}
}

// check returns an error where these options do not go together.
func (s Shared) check() error {
	if len(s.RecreateFor) > 0 && s.Recreate != "always" {
		return fmt.Errorf("recreate_for requires recreate: always, got: %s", s.Recreate)
	}
	return nil
}

// wish is a declared object, and where it was declared.
type wish struct {
	reconcile.Want[Object]
	source string
}

// newWish makes a wish. One for what shall not exist goes by the id: so it reaches into no other stack.
func newWish(o Object, absent bool, source string) wish {
	w := wish{reconcile.Want[Object]{State: o, Absent: absent}, source}
	if absent {
		w.ID = o.full()
	}
	return w
}

// wants gives the wishes to the engine, unless two of them are about the same object.
func wants(wishes []wish) ([]reconcile.Want[Object], error) {
	sources := make(map[string]string, len(wishes))
	list := make([]reconcile.Want[Object], len(wishes))
	var errs []error
	for i, w := range wishes {
		full := w.State.full()
		if first, twice := sources[full]; twice {
			errs = append(errs, fmt.Errorf("%s: %w, by %s and by %s", full, reconcile.ErrDuplicate, first, w.source))
			continue
		}
		sources[full] = w.source
		list[i] = w.Want
	}
	return list, errors.Join(errs...)
}

// target is a declared object without a host, and the hosts that shall have it.
type target struct {
	wish
	hosts []string // names or patterns
}

// isPattern tells whether a text stands for the hosts that it matches.
func isPattern(host string) bool { return strings.ContainsAny(host, "*?") }

// on gives the wishes for the hosts that are named. Where there are patterns, known gives all hosts that match one; nil means that
// nobody has looked yet, and patterns are left out.
func (t target) on(known []string) ([]wish, error) {
	var wishes []wish
	var errs []error
	for _, host := range t.hosts {
		matched := []string{host}
		switch {
		case isPattern(host) && known == nil:
			continue
		case isPattern(host):
			matched = slices.DeleteFunc(slices.Clone(known), func(name string) bool { return !matches(host, name) })
			if len(matched) == 0 && !t.Absent {
				errs = append(errs, fmt.Errorf("%s: no host matches %s", t.source, host))
			}
		}
		for _, name := range matched {
			o := t.State
			o.host = name
			if err := checkFull(o); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", t.source, err))
			}
			source := t.source
			if isPattern(host) {
				source += " for " + host
			}
			wishes = append(wishes, newWish(o, t.Absent, source))
		}
	}
	return wishes, errors.Join(errs...)
}

// matches tells whether a pattern with * and ? matches the whole of a name. Both are in bytes' order of UTF-8, a ? is one character.
func matches(pattern, name string) bool {
	p, n := []rune(pattern), []rune(name)
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(n) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == n[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(string(p[i:]), "*") == ""
}

// patterns gives the patterns among the targets' hosts, sorted, each once.
func patterns(targets []target) []string {
	found := map[string]bool{}
	for _, t := range targets {
		for _, host := range t.hosts {
			if isPattern(host) {
				found[host] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// matching gives the names of all hosts that a pattern matches, sorted. The server's own match does not tell upper from lower case.
func (c *client) matching(ctx context.Context, patterns []string) ([]string, error) {
	terms, vars := make([]string, len(patterns)), make(map[string]any, len(patterns))
	for i, pattern := range patterns {
		variable := fmt.Sprintf("pattern%d", i)
		terms[i], vars[variable] = fmt.Sprintf("match(%s, host.name)", variable), pattern
	}
	found, err := query[struct{}](ctx, c, hostKind, filter{strings.Join(terms, " || "), vars})
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, o := range found {
		if !isRehearsal(o.Name) && slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, o.Name) }) {
			names = append(names, o.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// task makes the task of declared objects. static are those of hosts that are named, targets those that may be for patterns of hosts,
// and ofHosts is that of the provider.
func (w world) task(
	call *ansible.Call, conn *client, s Shared, policy reconcile.Policy[Object], static []wish, targets []target, ofHosts map[string]bool,
) (*resource.Task[Object], error) {
	var errs []error
	for _, t := range targets {
		more, err := t.on(nil)
		errs, static = append(errs, err), append(static, more...)
	}
	wanted, err := wants(static)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	policy.Replacing = "recreate: always"
	p := newProvider(conn, policy.Group, s.Purge)
	p.ofHosts, p.audited, p.checkMode, p.recreateFor = ofHosts, s.Audit, call.CheckMode, s.RecreateFor
	p.notes = notes{w.stateDir, baseURL(s.APIURL)}
	ledger := conn.http.Ledger()
	task := &resource.Task[Object]{
		Provider: p, Wants: wanted, Policy: policy, Ledger: ledger, Verify: true,
		Concurrency: s.API.Concurrency, FailFast: s.FailFast, Results: s.Results,
		Before: p.finish, Describe: describe, More: nil, Extra: p.extra,
		Usage: func() resource.Usage { return resource.Usage(conn.http.Stats()) },
		Sleep: conn.http.Sleep,
	}
	if asked := patterns(targets); len(asked) > 0 {
		task.More = func(ctx context.Context) ([]reconcile.Want[Object], error) {
			known, err := conn.matching(ctx, asked)
			if err != nil {
				return nil, err
			}
			for _, host := range p.expected(hostKind, map[string]bool{}) {
				known = append(known, host.ID)
			}
			slices.Sort(known)
			all := slices.Clone(static)
			var errs []error
			for _, t := range targets {
				t.hosts = slices.DeleteFunc(slices.Clone(t.hosts), func(host string) bool { return !isPattern(host) })
				more, err := t.on(known)
				errs, all = append(errs, err), append(all, more...)
			}
			wanted, err := wants(all)
			return wanted[len(static):], errors.Join(append(errs, err)...)
		}
	}
	return task, nil
}

// describe names an object in the answer.
func describe(o Object) map[string]any {
	return map[string]any{"name": o.short(), "host": o.host, "type": strings.ToLower(string(o.kind)), "stack": o.stack}
}
