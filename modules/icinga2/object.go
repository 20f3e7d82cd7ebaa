// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"reflect"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// Object is a host or a service, as it shall be or as the server holds it. Its full name is its identity.
type Object struct {
	kind    kind
	host    string
	service string // "" of a host
	stack   string // of a wish; of an object it is in its variables
	pkg     string // of an object that there is: apiPackage, or that of the files which it comes from
	entire  bool   // of a wish: Vars are all that a new object shall have, those of its templates included

	HostAttributes `mapstructure:",squash"`
	Attributes     `mapstructure:",squash"`
}

// apiPackage is the package of what was made through the API, and of nothing else.
const apiPackage = "_api"

// full is the object's full name, which is its id as well.
func (o Object) full() string {
	if o.kind == serviceKind {
		return o.host + "!" + o.service
	}
	return o.host
}

// identified is an object of which only the full name is known.
func identified(id string) Object {
	host, service, isService := strings.Cut(id, "!")
	if isService {
		return Object{kind: serviceKind, host: host, service: service}
	}
	return Object{kind: hostKind, host: host}
}

// short is the name without the host.
func (o Object) short() string {
	if o.kind == serviceKind {
		return o.service
	}
	return o.host
}

// wire is what a query gives of an object; what was not asked for is unset.
type wire struct {
	HostAttributes
	Attributes
	Package string `json:"package"`
}

// fromWire makes an object of an answer to a query for some attributes.
func fromWire(name string, w wire, asked map[string]bool) Object {
	o := identified(name)
	o.pkg, o.HostAttributes, o.Attributes = w.Package, w.HostAttributes, w.Attributes
	// What has no value differs from what was not asked for.
	if asked["check_timeout"] && o.CheckTimeout == nil {
		o.CheckTimeout = &seconds{none: true}
	}
	if asked["flapping_ignore_states"] {
		o.FlappingIgnoreStates = reconcile.Known(o.FlappingIgnoreStates)
	}
	if asked["groups"] {
		o.Groups = reconcile.Known(o.Groups)
	}
	if asked["vars"] && o.Vars == nil {
		o.Vars = Vars{}
	}
	round(map[string]any(o.Vars))
	if len(o.Templates) > 0 {
		o.Templates = o.Templates[1:] // the first one is the object itself
	}
	o.stack, _ = o.Vars.stack()
	return o
}

// compact returns the object without attributes that are empty.
func (o Object) compact() Object {
	for _, attributes := range []reflect.Value{reflect.ValueOf(&o.HostAttributes).Elem(), reflect.ValueOf(&o.Attributes).Elem()} {
		for i := range attributes.NumField() {
			switch field := attributes.Field(i); value := field.Interface().(type) {
			case *string:
				if value != nil && *value == "" {
					field.SetZero()
				}
			case *seconds:
				if value != nil && value.none {
					field.SetZero()
				}
			case []string, Vars:
				if field.Len() == 0 {
					field.SetZero()
				}
			}
		}
	}
	return o
}

// fields gives the names of the attributes that are set.
func (o Object) fields() []string {
	var fields []string
	for _, c := range reconcile.Set(o) {
		fields = append(fields, c.Field)
	}
	return fields
}
