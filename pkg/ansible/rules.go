// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"fmt"
	"slices"
	"strings"
)

// An option counts as present for these rules as soon as its name was given, even as null; only requiredBy looks at the value.

func present(params *dict, names []string) int {
	count := 0
	for i, name := range names {
		if params.has(name) && !slices.Contains(names[:i], name) {
			count++
		}
	}
	return count
}

func mutuallyExclusive(spec *Spec, params *dict) error {
	var broken []string
	for _, group := range spec.MutuallyExclusive {
		if present(params, group) > 1 {
			broken = append(broken, strings.Join(group, "|"))
		}
	}
	if broken == nil {
		return nil
	}
	return fmt.Errorf("parameters are mutually exclusive: %s", strings.Join(broken, ", "))
}

// missingRequired returns the error for missing required options. Unlike Ansible's it names the environment variables
// that can provide them.
func missingRequired(spec *Spec, params *dict) error {
	var missing []string
	for _, o := range spec.Options {
		if !o.Required || params.has(o.Name) {
			continue
		}
		name := o.Name
		if len(o.Env) > 0 {
			name += " (environment " + strings.Join(o.Env, ", ") + ")"
		}
		missing = append(missing, name)
	}
	if missing == nil {
		return nil
	}
	slices.Sort(missing)
	return fmt.Errorf("missing required arguments: %s", strings.Join(missing, ", "))
}

func requiredTogether(spec *Spec, params *dict) error {
	for _, group := range spec.RequiredTogether {
		if count := present(params, group); count > 0 && slices.ContainsFunc(group, func(name string) bool { return !params.has(name) }) {
			return fmt.Errorf("parameters are required together: %s", strings.Join(group, ", "))
		}
	}
	return nil
}

func requiredOneOf(spec *Spec, params *dict) error {
	for _, group := range spec.RequiredOneOf {
		if present(params, group) == 0 {
			return fmt.Errorf("one of the following is required: %s", strings.Join(group, ", "))
		}
	}
	return nil
}

func requiredIf(spec *Spec, params *dict) error {
	for _, rule := range spec.RequiredIf {
		want := fromGo(rule.Value)
		value, ok := params.get(rule.Option)
		if !ok || !pyEqual(value, want) {
			continue
		}
		var missing []string
		for _, name := range rule.Requires {
			if !params.has(name) {
				missing = append(missing, name)
			}
		}
		quantity, tolerated := "all", 1
		if rule.AnyOf {
			quantity, tolerated = "any", len(rule.Requires)
		}
		if len(missing) > 0 && len(missing) >= tolerated {
			return fmt.Errorf("%s is %s but %s of the following are missing: %s",
				rule.Option, pyStr(want), quantity, strings.Join(missing, ", "))
		}
	}
	return nil
}

func requiredBy(spec *Spec, params *dict) error {
	for _, rule := range spec.RequiredBy {
		if params.values[rule.Option] == nil {
			continue
		}
		var missing []string
		for _, name := range rule.Requires {
			if params.values[name] == nil {
				missing = append(missing, name)
			}
		}
		if missing != nil {
			return fmt.Errorf("missing parameter(s) required by '%s': %s", rule.Option, strings.Join(missing, ", "))
		}
	}
	return nil
}

// within says in which suboptions something was found.
func within(context []place, err error) error {
	if err == nil || len(context) == 0 {
		return err
	}
	return fmt.Errorf("%w found in %s", err, positions(context))
}

func foundIn(context []place, format string) string {
	if len(context) == 0 {
		return ""
	}
	return fmt.Sprintf(format, positions(context))
}
