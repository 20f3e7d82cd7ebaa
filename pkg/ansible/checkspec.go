// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// CheckSpec holds a module's documentation, options struct and rules against each other, both ways, for the module's own
// test: options without a field, fields without an option, fields of another type than documented, defaults that are not
// of their type or not among the choices, rules that ask for a value that cannot be, names that look like passwords and
// are not said to be secret or not. The error lists everything that is wrong; nil means that Decode cannot fail.
func CheckSpec(m Module) error {
	spec, err := ParseSpec(m.Documentation, m.Params, m.Rules)
	if err != nil {
		return err
	}
	c := &specCheck{env: environment{lookup: noLookup, home: noLookup}}
	if documented := documentedName(m.Documentation); documented != m.Name {
		c.report("the documentation is of module %q, not %q", documented, m.Name)
	}
	if t := reflect.TypeOf(m.Params); t == nil || bare(t).Kind() != reflect.Struct {
		c.report("Params must be the zero value of a struct, not %T", m.Params)
	} else {
		c.spec(&spec, fieldsOf(m.Params), "")
	}
	return errors.Join(c.errs...)
}

func noLookup(string) (string, bool) { return "", false }

func documentedName(documentation []byte) string {
	section, err := documentationSection(documentation)
	if err != nil {
		return ""
	}
	name, _ := section.get("module")
	return toStr(name)
}

type specCheck struct {
	env  environment
	errs []error
}

func (c *specCheck) report(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

func (c *specCheck) spec(spec *Spec, fields map[string]field, path string) {
	for i := range spec.Options {
		o := &spec.Options[i]
		name := path + o.Name
		if f, ok := fields[o.Name]; !ok {
			c.report("option %s: no field takes it", name)
		} else {
			c.option(o, f, name)
		}
		c.values(o, name)
		if o.Logging == Unknown && looksLikePassword.MatchString(o.Name) {
			c.report("option %s: the name looks like a password: make its field a secret.Value, or say NotSecret in the rules", name)
		}
		if o.Logging == Hidden && o.standard != nil {
			c.report("option %s: a secret cannot have a default", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if _, ok := spec.Option(name); !ok {
			c.report("field %s%s: no option fills it", path, fields[name].goName)
		}
	}
	for _, rule := range spec.RequiredIf {
		o, ok := spec.Option(rule.Option)
		if !ok {
			c.report("required if %s%s: the name must be the option's own", path, rule.Option)
		} else if o.allowed != nil && !contains(o.allowed, fromGo(rule.Value)) {
			c.report("required if %s%s is %v: not among its choices", path, rule.Option, rule.Value)
		}
	}
}

func (c *specCheck) option(o *Option, f field, name string) {
	if !fits(o.Type, o.Elements, o.Sub != nil, f.typ) {
		wanted := o.Type
		if o.Elements != "" {
			wanted += " of " + o.Elements
		}
		c.report("option %s: documented as %s, but the field %s is %v", name, wanted, f.goName, f.typ)
		return
	}
	switch {
	case o.Sub != nil && o.nests() && f.sub != nil:
		c.spec(o.Sub, f.sub, name+".")
	case o.Sub != nil && !o.nests():
		c.report("option %s: suboptions need type dict, or list with elements dict", name)
	case o.Sub == nil && f.sub != nil && o.nests():
		c.report("option %s: the field %s is a struct, but no suboptions are documented", name, f.goName)
	}
}

// values looks at what the documentation offers: choices must be of the option's type, the default too, and among them.
func (c *specCheck) values(o *Option, name string) {
	of := o.Type
	if of == "list" {
		of = o.Elements
	}
	for _, choice := range o.allowed {
		if coerced, err := c.env.coerce(of, choice); err != nil || !sameValue(coerced, choice) {
			c.report("option %s: the choice %s is no %s (quote it?)", name, pyRepr(choice), of)
		}
	}
	if o.standard == nil {
		return
	}
	coerced, err := c.env.coerce(o.Type, o.standard)
	readable := slices.Contains([]string{"path", "bytes", "bits", "json", "jsonarg"}, o.Type) // written for people: ~/x, 1K
	if err != nil || !readable && !sameValue(coerced, o.standard) {
		c.report("option %s: the default %s is no %s", name, pyRepr(o.standard), o.Type)
		return
	}
	if o.allowed == nil {
		return
	}
	for _, value := range asList(o.standard) {
		if !contains(o.allowed, value) {
			c.report("option %s: the default %s is not among the choices", name, pyRepr(value))
		}
	}
}

func sameValue(a, b any) bool {
	_, aTruth := a.(bool)
	_, bTruth := b.(bool)
	return aTruth == bTruth && pyEqual(a, b)
}

// fits tells whether Decode can put a value of the documented type into a field of the Go type.
func fits(wanted, elements string, suboptions bool, t reflect.Type) bool {
	t = bare(t)
	if t.Kind() == reflect.Interface {
		return t.NumMethod() == 0
	}
	switch wanted {
	case "str", "path", "json", "jsonarg":
		return t.Kind() == reflect.String || reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
	case "int", "bytes", "bits":
		return t.Kind() == reflect.Int || t.Kind() == reflect.Int64
	case "float":
		return t.Kind() == reflect.Float64
	case "bool":
		return t.Kind() == reflect.Bool
	case "list":
		return t.Kind() == reflect.Slice && fits(elements, "", suboptions, t.Elem())
	case "dict":
		if t.Kind() == reflect.Struct {
			return suboptions && !isSecret(t)
		}
		return t.Kind() == reflect.Map && t.Key().Kind() == reflect.String && !suboptions
	default: // raw, and the items of a list that may hold anything
		return false
	}
}
