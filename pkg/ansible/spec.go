// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/stackwatch/ansible-monitoring/pkg/pattern"
)

// Spec is an argument spec: what options there are and what holds among them. The order of Options is that of the
// documentation, and decides which of several errors is shown.
type Spec struct {
	Options           []Option
	MutuallyExclusive [][]string
	RequiredTogether  [][]string
	RequiredOneOf     [][]string
	RequiredIf        []RequiredIf
	RequiredBy        []RequiredBy
}

// RequiredBy demands the options Requires where Option is given.
type RequiredBy struct {
	Option   string
	Requires []string
}

// Logging tells what may be shown of an option's value.
type Logging int

// An option is Unknown until somebody says whether it holds a secret; Ansible then warns if its name looks like a password.
const (
	Unknown Logging = iota
	Open
	Hidden
)

// Option is one option of a module or one suboption.
type Option struct {
	Name string
	// Type is one of str, int, float, bool, list, dict, path, raw, json, jsonarg, bytes, bits.
	Type string
	// Elements is the type of a list's items, "" for any.
	Elements string
	Required bool
	// Default is nil where there is none. Default and Choices hold string, bool, int64, float64, []any, map[string]any.
	Default           any
	Choices           []any
	Aliases           []string
	DeprecatedAliases []DeprecatedAlias
	Logging           Logging
	Env               []string
	ApplyDefaults     bool
	RemovedInVersion  string
	RemovedAtDate     string
	RemovedFrom       string
	Advice            map[string]string // by value that is no choice
	HideFrom          int
	HideBelow         *pattern.Pattern
	Body              bool
	AliasAdvice       map[string]string // by alias
	HideLogins        bool
	Address           bool
	// Sub is the spec of the suboptions, nil where the documentation has none.
	Sub *Spec

	standard any   // Default as the validator wants it
	allowed  []any // Choices likewise; nil where the documentation has none
}

// Option finds an option by its name.
func (s *Spec) Option(name string) (Option, bool) {
	i := slices.IndexFunc(s.Options, func(o Option) bool { return o.Name == name })
	if i < 0 {
		return Option{}, false
	}
	return s.Options[i], true
}

// nests tells whether suboptions are checked: Ansible does so in dictionaries and in lists of them.
func (o *Option) nests() bool { return o.Type == "dict" || o.Type == "list" && o.Elements == "dict" }

// ParseSpec reads the argument spec out of a module's documentation file and joins it with the options struct (for what is
// secret; nil for none) and with the rules. It fails on a spec that Ansible would not take: an unknown type, a required
// option with a default, an alias or a rule that names no option.
func ParseSpec(documentation []byte, params any, rules Rules) (Spec, error) {
	options, err := DocumentedOptions(documentation)
	if err != nil {
		return Spec{}, fmt.Errorf("reading the module's documentation: %w", err)
	}
	return specOf(options, params, rules)
}

// Spec gives the argument spec of the module, as ParseSpec does.
func (m Module) Spec() (Spec, error) {
	if m.Options == nil {
		return ParseSpec(m.Documentation, m.Params, m.Rules)
	}
	return specOf(m.Options, m.Params, m.Rules)
}

func specOf(options []OptionDoc, params any, rules Rules) (Spec, error) {
	spec, err := buildSpec(options, fieldsOf(params), rules, "")
	if err != nil {
		return Spec{}, fmt.Errorf("reading the module's argument spec: %w", err)
	}
	return *spec, nil
}

func buildSpec(options []OptionDoc, fields map[string]field, rules Rules, path string) (*Spec, error) {
	spec := &Spec{
		Options:           make([]Option, 0, len(options)),
		MutuallyExclusive: rules.MutuallyExclusive, RequiredTogether: rules.RequiredTogether,
		RequiredOneOf: rules.RequiredOneOf, RequiredIf: rules.RequiredIf,
	}
	for _, name := range slices.Sorted(maps.Keys(rules.RequiredBy)) {
		spec.RequiredBy = append(spec.RequiredBy, RequiredBy{Option: name, Requires: rules.RequiredBy[name]})
	}
	var errs []error
	for _, doc := range options {
		option, err := buildOption(doc, fields[doc.Name], rules.Options[doc.Name], path)
		errs = append(errs, err)
		spec.Options = append(spec.Options, option)
	}
	errs = append(errs, spec.checkNames(rules, path)...)
	return spec, errors.Join(errs...)
}

func buildOption(doc OptionDoc, f field, rules OptionRules, path string) (Option, error) {
	o := Option{
		Name: doc.Name, Type: cmp.Or(doc.Type, "str"), Elements: doc.Elements, Required: doc.Required, Aliases: doc.Aliases,
		standard: fromGo(doc.Default), allowed: doc.Choices, DeprecatedAliases: rules.DeprecatedAliases, Env: rules.Env, ApplyDefaults: rules.ApplyDefaults,
		RemovedInVersion: rules.RemovedInVersion, RemovedAtDate: rules.RemovedAtDate, RemovedFrom: rules.RemovedFromCollection,
		Advice: rules.Advice, HideFrom: rules.HideFrom, HideBelow: rules.HideBelow, Body: rules.Body,
		AliasAdvice: rules.AliasAdvice, HideLogins: rules.HideLogins, Address: rules.Address,
	}
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("option %s%s: %s", path, o.Name, fmt.Sprintf(format, args...)))
	}
	o.Default = plain(o.standard)
	if o.allowed != nil {
		o.Choices = plainAll(o.allowed)
	}
	switch {
	case rules.NotSecret:
		o.Logging = Open
	case rules.Secret || f.secret:
		o.Logging = Hidden
	}
	switch {
	case !knownType(o.Type):
		fail("unknown type %q", o.Type)
	case o.Elements != "" && !knownType(o.Elements):
		fail("unknown type of elements %q", o.Elements)
	case o.Elements != "" && o.Type != "list":
		fail("elements go with type list only, not %s", o.Type)
	case o.Required && o.standard != nil:
		fail("an option cannot be required and have a default")
	case rules.NotSecret && (rules.Secret || f.secret):
		fail("both secret and not")
	case rules.HideFrom > 0 && rules.HideBelow == nil && o.Type != "json":
		fail("only short parts of type json can be left unhidden, not of %s", o.Type)
	case rules.Body && o.Type != "str":
		fail("only type str can be a body, not %s", o.Type)
	case rules.Address && o.Type != "str":
		fail("only type str can be an address, not %s", o.Type)
	case rules.HideBelow != nil && o.Type != "dict" && o.Elements != "dict":
		fail("only type dict has keys below which something can be hidden, not %s", o.Type)
	}
	for _, alias := range o.DeprecatedAliases {
		if !slices.Contains(o.Aliases, alias.Name) {
			fail("the deprecated alias %s is not among the documented aliases", alias.Name)
		}
	}
	for alias := range o.AliasAdvice {
		if !slices.Contains(o.Aliases, alias) {
			fail("the alias %s, for which there is advice, is not among the documented aliases", alias)
		}
	}
	if doc.Options != nil {
		var err error
		o.Sub, err = buildSpec(doc.Options, f.sub, rules.Rules, path+o.Name+".")
		errs = append(errs, err)
	}
	return o, errors.Join(errs...)
}

// checkNames finds aliases that hide an option and rules that speak of none.
func (s *Spec) checkNames(rules Rules, path string) []error {
	var errs []error
	known := map[string]bool{}
	for _, o := range s.Options {
		known[o.Name] = true
	}
	for _, o := range s.Options {
		for _, alias := range o.Aliases {
			if known[alias] {
				errs = append(errs, fmt.Errorf("option %s%s: the alias %s is taken", path, o.Name, alias))
			}
			known[alias] = true
		}
	}
	mentioned := slices.Collect(maps.Keys(rules.Options))
	for _, groups := range [][][]string{s.MutuallyExclusive, s.RequiredTogether, s.RequiredOneOf} {
		for _, group := range groups {
			mentioned = append(mentioned, group...)
		}
	}
	for _, rule := range s.RequiredIf {
		mentioned = append(append(mentioned, rule.Option), rule.Requires...)
	}
	for _, rule := range s.RequiredBy {
		mentioned = append(append(mentioned, rule.Option), rule.Requires...)
	}
	slices.Sort(mentioned)
	for _, name := range slices.Compact(mentioned) {
		if !known[name] {
			errs = append(errs, fmt.Errorf("a rule names %s%s, which is no option", path, name))
		}
	}
	return errs
}

func knownType(name string) bool {
	switch name {
	case "str", "int", "float", "bool", "list", "dict", "path", "raw", "json", "jsonarg", "bytes", "bits":
		return true
	default:
		return false
	}
}
