// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/resource"
)

//go:embed icinga2_host/icinga2_host.yml
var hostDocumentation []byte

// hostOptions are the options of icinga2_host; its documentation says what they mean.
type hostOptions struct {
	Shared `mapstructure:",squash"`
	Host   `mapstructure:",squash"`
	Hosts  []hostItem `mapstructure:"hosts"`

	LegacyURL `mapstructure:",squash"`
}

// Host are the options of one host.
type Host struct {
	Name           *string       `mapstructure:"name"`
	Services       []hostService `mapstructure:"services"`
	HostAttributes `mapstructure:",squash"`
	Attributes     `mapstructure:",squash"`
}

// hostItem is an element of hosts.
type hostItem struct {
	State    *string  `mapstructure:"state"`
	Stack    *string  `mapstructure:"stack"`
	Profiles []string `mapstructure:"profiles"` // for icinga2_service
	Host     `mapstructure:",squash"`
}

// hostService is a service inside a host.
type hostService struct {
	State      *string `mapstructure:"state"`
	Name       *string `mapstructure:"name"`
	Attributes `mapstructure:",squash"`
}

// HostModule is icinga2_host.
func HostModule() ansible.Module { return world{}.hostModule() }

func (w world) hostModule() ansible.Module {
	return resource.Kind[hostOptions, Object]{
		Name: "icinga2_host", Documentation: hostDocumentation, Rules: hostRules(),
		Noun: "object", Plural: "objects", Open: w.openHost,
	}.Module()
}

func hostRules() ansible.Rules {
	rules := ansible.Rules{
		MutuallyExclusive: [][]string{{"hosts", "name"}},
		RequiredOneOf:     [][]string{{"name", "hosts", "stack"}},
		Options:           connectionRules(),
	}
	of := func(options map[string]ansible.OptionRules) ansible.OptionRules {
		return ansible.OptionRules{Rules: ansible.Rules{Options: options}}
	}
	services := of(attributeRules())
	maps.Copy(rules.Options, attributeRules())
	rules.Options["services"] = services
	host := attributeRules()
	host["services"] = services
	rules.Options["hosts"] = of(host)
	return rules
}

// openHost checks the options and says what shall be, without a call.
func (w world) openHost(call *ansible.Call, o hostOptions) (*resource.Task[Object], error) {
	list := make([]resource.Item[Host], len(o.Hosts))
	for i, item := range o.Hosts {
		list[i] = resource.Item[Host]{State: item.State, Stack: item.Stack, Object: item.Host}
	}
	d := declaration(call, "hosts", o.Shared, o.Host, list, "name")
	wishes, ofHosts, wishErr := hosts(d)
	conn, connErr := w.connect(call, o.Connection)
	if err := errors.Join(o.LegacyURL.check(call), wishErr, o.Shared.check(), connErr); err != nil {
		return nil, err
	}
	policy, err := resource.Policy(d, func(have reconcile.Found[Object], stack string) bool {
		return have.Known.in(stack) && (have.Known.kind == hostKind || ofHosts[have.Known.host])
	})
	if err != nil {
		return nil, err
	}
	return w.task(call, conn, o.Shared, policy, wishes, nil, ofHosts)
}

// hosts gives the wishes of declared hosts and of the services inside them, and the hosts that declare services at all.
func hosts(d resource.Declaration[Host]) (wishes []wish, ofHosts map[string]bool, err error) {
	ofHosts = map[string]bool{}
	var inside []wish
	index := -1
	wanted, err := resource.Wishes(d, func(item resource.Item[Host]) (Object, error) {
		index++
		o, err := hostWish(item)
		if value(item.State) == "absent" { // the services go with it
			return o, err
		}
		errs := []error{err}
		if item.Object.Services != nil {
			ofHosts[o.host] = true
		}
		for i, service := range item.Object.Services {
			declared := resource.Item[Service]{
				State: service.State, Stack: item.Stack, Object: Service{Name: service.Name, Attributes: service.Attributes},
			}
			if o.host != "" { // else its name is wrong, which is said once
				declared.Object.Host = &o.host
			}
			s, err := serviceWish(declared, true)
			errs = append(errs, inElement("services", i, value(service.Name), err))
			inside = append(inside, newWish(s, value(service.State) == "absent", fmt.Sprintf("%sservices[%d]", source(d, index, "."), i)))
		}
		return o, errors.Join(errs...)
	})
	if err != nil {
		return nil, nil, err
	}
	for i, want := range wanted {
		wishes = append(wishes, newWish(want.State, want.Absent, source(d, i, "")))
	}
	return append(wishes, inside...), ofHosts, nil
}

// inElement adds the position and the name of a list element to an error.
func inElement(list string, i int, name string, err error) error {
	return ansible.InElement(ansible.Position(list, i, func(option string) string {
		if option == "name" {
			return name
		}
		return ""
	}), err)
}

// source says where the i-th host was declared; where nothing follows, the task's own has words of its own.
func source(d resource.Declaration[Host], i int, next string) string {
	switch {
	case d.Listed:
		return fmt.Sprintf("hosts[%d]%s", i, next)
	case next == "":
		return "the task's own options"
	}
	return ""
}

// hostWish checks one declared host.
func hostWish(item resource.Item[Host]) (Object, error) {
	o := Object{kind: hostKind, stack: value(item.Stack), HostAttributes: item.Object.HostAttributes, Attributes: item.Object.Attributes}
	nameErr := checkName("name", item.Object.Name)
	if nameErr == nil {
		o.host = *item.Object.Name
	}
	o, err := o.checked()
	return o, errors.Join(nameErr, err)
}
