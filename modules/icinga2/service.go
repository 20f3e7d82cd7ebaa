// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/resource"
)

//go:embed icinga2_service/icinga2_service.yml
var serviceDocumentation []byte

// serviceOptions are the options of icinga2_service; its documentation says what they mean.
type serviceOptions struct {
	Shared   `mapstructure:",squash"`
	Service  `mapstructure:",squash"`
	Services []serviceItem `mapstructure:"services"`
	ForHosts []string      `mapstructure:"for_hosts"`
	Profiles []profile     `mapstructure:"profiles"`
	Hosts    []profiled    `mapstructure:"hosts"`
}

// Service are the options of one service.
type Service struct {
	Host       *string `mapstructure:"host"`
	Name       *string `mapstructure:"name"`
	Attributes `mapstructure:",squash"`
}

// serviceItem is an element of services.
type serviceItem struct {
	State   *string `mapstructure:"state"`
	Stack   *string `mapstructure:"stack"`
	Service `mapstructure:",squash"`
}

// profile is a set of services with a name.
type profile struct {
	Name     string        `mapstructure:"name"`
	Services []serviceItem `mapstructure:"services"`
}

// profiled are hosts that get profiles.
type profiled struct {
	Name     string   `mapstructure:"name"` // of a host, or a pattern
	Profiles []string `mapstructure:"profiles"`
	State    *string  `mapstructure:"state"`
	Stack    *string  `mapstructure:"stack"`

	// What else icinga2_host takes.
	HostAttributes `mapstructure:",squash"`
	Attributes     `mapstructure:",squash"`
	Services       []map[string]any `mapstructure:"services"`
}

// ServiceModule is icinga2_service.
func ServiceModule() ansible.Module { return world{}.serviceModule() }

func (w world) serviceModule() ansible.Module {
	return resource.Kind[serviceOptions, Object]{
		Name: "icinga2_service", Documentation: serviceDocumentation, Rules: serviceRules(),
		Noun: "service", Plural: "services", Open: w.openService,
	}.Module()
}

func serviceRules() ansible.Rules {
	rules := ansible.Rules{
		MutuallyExclusive: [][]string{{"services", "name"}, {"host", "for_hosts"}, {"profiles", "name"}},
		RequiredTogether:  [][]string{{"profiles", "hosts"}},
		RequiredOneOf:     [][]string{{"name", "services", "hosts", "stack"}},
		Options:           connectionRules(),
	}
	maps.Copy(rules.Options, attributeRules())
	element := ansible.OptionRules{Rules: ansible.Rules{Options: attributeRules()}}
	rules.Options["services"] = element
	host := attributeRules()
	host["services"] = varsRules()
	rules.Options["hosts"] = ansible.OptionRules{Rules: ansible.Rules{Options: host}}
	rules.Options["profiles"] = ansible.OptionRules{Rules: ansible.Rules{Options: map[string]ansible.OptionRules{"services": element}}}
	return rules
}

// attributeRules hide credentials among the variables of an object, and in its URLs.
func attributeRules() map[string]ansible.OptionRules {
	url := ansible.OptionRules{HideLogins: true}
	return map[string]ansible.OptionRules{"vars": varsRules(), "notes_url": url, "action_url": url}
}

// varsRules hides what looks like a credential among the variables of an object, see Vars.
func varsRules() ansible.OptionRules {
	return ansible.OptionRules{HideBelow: credential, HideFrom: shortestSecret}
}

// openService checks the options and says what shall be, without a call.
func (w world) openService(call *ansible.Call, o serviceOptions) (*resource.Task[Object], error) {
	d := declaration(call, "services", o.Shared, o.Service, items(o.Services), "name", "host", "for_hosts")
	d.Listed = d.Listed || call.Mentioned("hosts")
	checked := d
	checked.Options.Purge = d.Options.Purge && !o.profilesDeclare()
	errs := []error{o.Shared.check()}
	for _, option := range []string{"for_hosts", "hosts", "profiles"} {
		if call.Null(option) {
			errs = append(errs, fmt.Errorf("value of %s must be a list, got null; leave the option out, as default(omit) does", option))
		}
	}
	static, targets, err := services(checked, o.ForHosts, call.Mentioned("for_hosts"))
	more, profilesErr := profiles(d, o.Profiles, o.Hosts)
	conn, connErr := w.connect(call, o.Connection)
	if err := errors.Join(append(errs, err, profilesErr, connErr)...); err != nil {
		return nil, err
	}
	policy, err := resource.Policy(d, func(have reconcile.Found[Object], stack string) bool {
		return have.Known.kind == serviceKind && have.Known.in(stack)
	})
	if err != nil {
		return nil, err
	}
	return w.task(call, conn, o.Shared, policy, static, append(targets, more...), nil)
}

// profilesDeclare tells whether the profiles declare anything that shall be, so that a purge does not remove all that there is.
func (o serviceOptions) profilesDeclare() bool {
	return len(o.Hosts) > 0 && slices.ContainsFunc(o.Profiles, func(p profile) bool {
		return slices.ContainsFunc(p.Services, func(item serviceItem) bool {
			return value(cmp.Or(item.State, o.State)) != "absent"
		})
	})
}

// items gives elements in the form of package resource.
func items(list []serviceItem) []resource.Item[Service] {
	all := make([]resource.Item[Service], len(list))
	for i, item := range list {
		all[i] = resource.Item[Service]{State: item.State, Stack: item.Stack, Object: item.Service}
	}
	return all
}

// declaration makes what package resource knows of a task's options.
func declaration[T any](call *ansible.Call, listOption string, s Shared, one T, list []resource.Item[T], names ...string) resource.Declaration[T] {
	return resource.Declared(call, listOption, resource.Item[T]{State: s.State, Stack: s.Stack, Object: one}, list, s.options(), names...)
}

// services gives the wishes of a task's own service or of its list, those without a host for the hosts of for_hosts.
func services(d resource.Declaration[Service], forHosts []string, forMany bool) (static []wish, targets []target, err error) {
	errs := []error{checkNames("for_hosts", forHosts)}
	for i, host := range forHosts {
		if slices.Index(forHosts, host) < i && !slices.Contains(forHosts[i+1:], host) { // the last of them says it
			errs = append(errs, fmt.Errorf("value of for_hosts must name each host once, got twice: %s", host))
		}
	}
	hostless := make(map[int]bool)
	index := 0
	wanted, err := resource.Wishes(d, func(item resource.Item[Service]) (Object, error) {
		if item.Object.Host == nil && forMany {
			hostless[index] = true
		}
		index++
		return serviceWish(item, forMany)
	})
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, nil, err
	}
	for i, want := range wanted {
		source := "the task's own options"
		if d.Listed {
			source = fmt.Sprintf("services[%d]", i)
		}
		w := newWish(want.State, want.Absent, source)
		if hostless[i] {
			w.ID = ""
			targets = append(targets, target{w, forHosts})
		} else {
			static = append(static, w)
		}
	}
	return static, targets, nil
}

// profiles gives the services that hosts get by profiles.
func profiles(d resource.Declaration[Service], sets []profile, hosts []profiled) ([]target, error) {
	known := make(map[string][]wish, len(sets))
	var errs []error
	for i, set := range sets {
		if _, twice := known[set.Name]; twice || set.Name == "" {
			errs = append(errs, fmt.Errorf("value of profiles must have a name of its own for each profile, got: %q", set.Name))
		}
		of := d
		of.ListOption, of.List, of.Listed, of.Options.Purge = fmt.Sprintf("profiles[%d].services", i), items(set.Services), true, false
		wanted, err := resource.Wishes(of, func(item resource.Item[Service]) (Object, error) {
			var hostErr error
			if item.Object.Host != nil {
				hostErr = errors.New("host is no option of a service of a profile; hosts says which hosts get it")
				item.Object.Host = nil
			}
			o, err := serviceWish(item, true)
			return o, errors.Join(hostErr, err)
		})
		errs = append(errs, err)
		known[set.Name] = []wish{}
		for _, want := range wanted {
			known[set.Name] = append(known[set.Name], wish{want, "profile " + set.Name})
		}
	}
	var targets []target
	for i, host := range hosts {
		if err := checkName("name", &host.Name); err != nil {
			errs = append(errs, inElement("hosts", i, host.Name, err))
		}
		if value(host.State) == "absent" {
			continue
		}
		for _, name := range host.Profiles {
			set, ok := known[name]
			if !ok {
				errs = append(errs, inElement("hosts", i, host.Name, fmt.Errorf("value of profiles must be names of profiles, got: %s; there are: %s",
					name, reconcile.Enumerate(slices.Sorted(maps.Keys(known)), 10))))
			}
			for _, w := range set {
				w.source = fmt.Sprintf("hosts[%d] with profile %s", i, name)
				if host.Stack != nil && w.State.stack == "" && !w.Absent {
					w.State.stack = *host.Stack
				}
				targets = append(targets, target{w, []string{host.Name}})
			}
		}
	}
	return targets, errors.Join(errs...)
}

// serviceWish checks one declared service. Where hosts come from elsewhere its host may be missing.
func serviceWish(item resource.Item[Service], hostless bool) (Object, error) {
	o := Object{kind: serviceKind, stack: value(item.Stack), Attributes: item.Object.Attributes}
	errs := []error{errors.New("missing required arguments: name")}
	if item.Object.Name != nil {
		errs[0] = checkName("name", item.Object.Name)
	}
	switch {
	case item.Object.Host != nil:
		errs = append(errs, checkName("host", item.Object.Host))
		o.host = *item.Object.Host
	case !hostless:
		errs = append(errs, errors.New("one of the following is required: host, for_hosts"))
	}
	if errors.Join(errs...) == nil {
		o.service = *item.Object.Name
	} else {
		o.host = ""
	}
	o, err := o.checked()
	return o, errors.Join(append(errs, err)...)
}

// in tells whether an object was made through the API and is marked as a stack's, or as any of the suite's where that is "".
func (o Object) in(stack string) bool {
	mine, managed := o.Vars.stack()
	return o.pkg == apiPackage && managed && (stack == "" || mine == stack)
}
