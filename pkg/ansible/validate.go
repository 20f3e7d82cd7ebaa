// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// validator holds arguments against a spec in Ansible's order. Every check runs, and what each finds is collected, because
// the checks change the arguments that later ones see; only the first finding is shown.
type validator struct {
	env       environment
	secrets   secretSet
	collector collector

	findings     []string
	unsupported  []stranger
	warnings     []string
	deprecations []Deprecation
	given        map[string]bool   // what was given and is not null, by name
	fromEnv      map[string]bool   // what the environment gave, by name
	nulls        map[string]bool   // what was given as null, suboptions and elements by their path: tests[0].stack
	unset        map[string]*unset // by its keys
	misfits      []error           // what Ansible takes, but no module of this package; see Call.Decode
}

// stranger is an argument that the spec does not know, and what the spec would have taken in its place.
type stranger struct {
	name      string // with the options that lead to it, "a.b"
	supported string
	position  string // of the element of a list that it is in, "" for none
}

// place is a step on the path to suboptions.
type place struct {
	option   string
	position string // with the element's position and name where the option is a list
}

// positions joins the places of a path, "" for none.
func positions(context []place) string {
	texts := make([]string, len(context))
	for i, p := range context {
		texts[i] = p.position
	}
	return strings.Join(texts, " -> ")
}

// Deprecation is one entry of the answer's "deprecations". Either Version or Date is set.
type Deprecation struct{ Msg, Version, Date, Collection string }

// validate changes params into the values that the module works with.
func (v *validator) validate(spec *Spec, params *dict) {
	filled := v.fallbacks(spec, params)
	v.fromEnv = map[string]bool{}
	for _, name := range filled {
		v.fromEnv[name] = true
	}
	both, deprecated := v.aliases(spec, params, filled, nil)
	v.deprecateAliases(deprecated, "")
	v.given = map[string]bool{}
	for _, o := range spec.Options {
		v.given[o.Name] = params.values[o.Name] != nil
	}
	v.nulls = map[string]bool{}
	v.noteNulls(spec, params, "")
	v.misfits = append(v.misfits, misfits(spec, params)...)
	v.collector = collector{secrets: v.secrets, bland: map[string]bool{}}
	v.find(v.collector.collect(spec, params, ""))
	v.deprecateOptions(spec, params, "")
	v.strangers(spec, params, nil)
	v.check(spec, params, nil)
	v.defaults(spec, params, true)
	v.suboptions(spec, params, "", nil)
	for _, pair := range both { // Ansible too says this after what it says of suboptions
		v.warn("Both option %s and its alias %s are set.", pair[0], pair[1])
	}
	// Ansible hides only what came in. What coercion made of it (the parts of a list, an expanded path) is hidden here too.
	v.collector.coerced = true
	_ = v.collector.collect(spec, params, "")
}

// failure is the message to answer, "" where all is well. Arguments that nobody knows count last, and not at all if the
// caller wants them ignored.
func (v *validator) failure(module string, ignoreUnknown bool) string {
	if len(v.findings) > 0 {
		return v.findings[0]
	}
	if len(v.unsupported) == 0 || ignoreUnknown {
		return ""
	}
	slices.SortFunc(v.unsupported, func(a, b stranger) int { return strings.Compare(a.name, b.name) })
	var names []string
	for _, s := range v.unsupported {
		names = append(names, s.name)
	}
	last := v.unsupported[len(v.unsupported)-1]
	names = slices.Compact(names)
	text := fmt.Sprintf("Unsupported parameters for (%s) module: %s. Supported parameters include: %s.", module, strings.Join(names, ", "), last.supported)
	var found []string
	for _, name := range names {
		var in []string
		for _, s := range v.unsupported {
			if s.name == name && s.position != "" {
				in = append(in, s.position)
			}
		}
		if in != nil {
			found = append(found, name+" in "+someOf(in, ", ", mostPositions))
		}
	}
	if found != nil {
		text += fmt.Sprintf(" Found %s.", strings.Join(found, "; "))
	}
	return text
}

func (v *validator) find(err error) {
	if err != nil {
		v.findings = append(v.findings, err.Error())
	}
}

func (v *validator) warn(format string, args ...any) {
	v.warnings = append(v.warnings, fmt.Sprintf(format, args...))
}

// check is the part that options and suboptions share: from what excludes each other to the rules that look at coerced values.
func (v *validator) check(spec *Spec, params *dict, context []place) {
	v.find(within(context, mutuallyExclusive(spec, params)))
	v.defaults(spec, params, false)
	v.find(within(context, missingRequired(spec, params)))
	v.types(spec, params, context)
	v.choices(spec, params, context)
	for _, rule := range []func(*Spec, *dict) error{requiredTogether, requiredOneOf, requiredIf, requiredBy} {
		v.find(within(context, rule(spec, params)))
	}
}

// fallbacks fills options that were not given from the environment, and returns their names.
func (v *validator) fallbacks(spec *Spec, params *dict) (filled []string) {
	for i := range spec.Options {
		o := &spec.Options[i]
		if params.has(o.Name) {
			continue
		}
		for _, name := range o.Env {
			if text, ok := v.env.lookup(name); ok {
				if o.Logging == Hidden {
					v.secrets.add(text)
				}
				params.set(o.Name, text)
				filled = append(filled, o.Name)
				break
			}
		}
	}
	return filled
}

// aliases copies what was given under an alias to the option's own name; the alias wins. It gives the pairs of option and
// alias that were both set, and the deprecated aliases that were used.
func (v *validator) aliases(spec *Spec, params *dict, filled []string, context []place) (both [][2]string, deprecated []DeprecatedAlias) {
	for i := range spec.Options {
		o := &spec.Options[i]
		for _, alias := range o.DeprecatedAliases {
			if params.has(alias.Name) {
				deprecated = append(deprecated, alias)
			}
		}
		for _, alias := range o.Aliases {
			value, ok := params.get(alias)
			if !ok {
				continue
			}
			if err := v.disagreement(o, alias, params); err != nil {
				v.misfits = append(v.misfits, InElement(positions(context), err))
			} else if params.has(o.Name) && !slices.Contains(filled, o.Name) {
				both = append(both, [2]string{o.Name, alias})
			}
			params.set(o.Name, value)
		}
	}
	return both, deprecated
}

// disagreement returns an error where an alias with advice and its option are set to different values.
func (v *validator) disagreement(o *Option, alias string, params *dict) error {
	advice, known := o.AliasAdvice[alias]
	under, value := params.values[alias], params.values[o.Name]
	if !known || under == nil || value == nil || pyStr(under) == pyStr(value) {
		return nil
	}
	if o.HideLogins {
		v.secrets.addLogins(under)
		v.secrets.addLogins(value)
	}
	return fmt.Errorf("value of %s must agree with %s, got: %s with %s: %s; %s is an earlier name of %s; %s",
		alias, o.Name, pyStr(under), o.Name, pyStr(value), alias, o.Name, advice)
}

func (v *validator) deprecateAliases(aliases []DeprecatedAlias, prefix string) {
	for _, a := range aliases {
		v.deprecations = append(v.deprecations, Deprecation{
			Msg:     fmt.Sprintf("Alias '%s%s' is deprecated. See the module docs for more information", prefix, a.Name),
			Version: a.Version, Date: a.Date, Collection: a.Collection,
		})
	}
}

func (v *validator) deprecateOptions(spec *Spec, params *dict, prefix string) {
	for i := range spec.Options {
		o := &spec.Options[i]
		value, ok := params.get(o.Name)
		if !ok {
			continue
		}
		name := o.Name
		if prefix != "" {
			name = fmt.Sprintf(`%s["%s"]`, prefix, o.Name)
		}
		if o.RemovedAtDate != "" || o.RemovedInVersion != "" {
			d := Deprecation{
				Msg:  fmt.Sprintf("Param '%s' is deprecated. See the module docs for more information", name),
				Date: o.RemovedAtDate, Collection: o.RemovedFrom,
			}
			if d.Date == "" {
				d.Version = o.RemovedInVersion
			}
			v.deprecations = append(v.deprecations, d)
		}
		if o.Sub == nil {
			continue
		}
		for _, item := range asList(value) {
			if sub, ok := item.(*dict); ok {
				v.deprecateOptions(o.Sub, sub, name)
			}
		}
	}
}

// strangers notes the arguments that are neither options nor aliases.
func (v *validator) strangers(spec *Spec, params *dict, context []place) {
	var names, aliases []string
	for _, o := range spec.Options {
		names = append(names, o.Name)
		aliases = append(aliases, o.Aliases...)
	}
	slices.Sort(names)
	slices.Sort(aliases)
	supported := strings.Join(names, ", ")
	if len(aliases) > 0 {
		supported += fmt.Sprintf(" (%s)", strings.Join(slices.Compact(aliases), ", "))
	}
	var path, position string
	for _, p := range context {
		path += p.option + "."
		if p.position != p.option {
			position = positions(context)
		}
	}
	for _, key := range params.keys {
		if !slices.Contains(names, key) && !slices.Contains(aliases, key) {
			v.unsupported = append(v.unsupported, stranger{path + key, supported, position})
		}
	}
}

// defaults fills what was not given. The first round leaves out options without a default, so that the rules can tell
// them from given ones; the last one sets them to nil.
func (v *validator) defaults(spec *Spec, params *dict, all bool) {
	var missing []string
	for i := range spec.Options {
		o := &spec.Options[i]
		switch {
		case params.has(o.Name):
			continue
		case o.standard == nil:
			missing = append(missing, o.Name)
			continue
		}
		if o.Logging == Hidden && truthy(o.standard) {
			v.secrets.add(pyStr(o.standard)) // "True" too, which as a given value hides nothing
			_ = v.secrets.addFrom(o.standard, o.HideFrom)
		}
		params.set(o.Name, deepCopy(o.standard))
	}
	if all && missing != nil {
		params.own()
		params.unset = v.unsetOf(missing)
	}
}

// unsetOf returns the same value for the same keys.
func (v *validator) unsetOf(keys []string) *unset {
	id := strings.Join(keys, ",")
	if v.unset[id] == nil {
		u := &unset{keys: keys, has: make(map[string]bool, len(keys))}
		for _, key := range keys {
			u.has[key] = true
		}
		if v.unset == nil {
			v.unset = map[string]*unset{}
		}
		v.unset[id] = u
	}
	return v.unset[id]
}

func (v *validator) types(spec *Spec, params *dict, context []place) {
	for i := range spec.Options {
		o := &spec.Options[i]
		value, ok := params.get(o.Name)
		if !ok || value == nil && !o.Required && o.standard == nil {
			continue
		}
		coerced, err := v.env.coerceOption(o, value)
		if err != nil {
			v.find(fmt.Errorf("argument '%s' is of type %s%s and we were unable to convert to %s: %w",
				o.Name, typeName(value), foundIn(context, " found in '%s'."), o.Type, err))
			continue
		}
		if list, ok := coerced.([]any); ok && o.Elements != "" {
			coerced = v.elements(o, list, context)
		}
		params.set(o.Name, coerced)
	}
}

// elements coerces a list's items; those that cannot be coerced are left out, beside a finding.
func (v *validator) elements(o *Option, list []any, context []place) []any {
	items := make([]any, 0, len(list))
	for n, item := range list {
		coerced, err := v.env.coerce(o.Elements, item)
		if err != nil {
			v.find(fmt.Errorf("Elements value for option '%s[%d]'%s is of type %s and we were unable to convert to %s: %w", //nolint:staticcheck // Ansible's wording
				o.Name, n, foundIn(context, " found in '%s'"), typeName(item), o.Elements, err))
			continue
		}
		items = append(items, coerced)
	}
	return items
}

func (v *validator) choices(spec *Spec, params *dict, context []place) {
	for i := range spec.Options {
		o := &spec.Options[i]
		value, ok := params.get(o.Name)
		if o.allowed == nil || !ok {
			continue
		}
		if list, ok := value.([]any); ok {
			wrong := slices.DeleteFunc(slices.Clone(list), func(item any) bool { return contains(o.allowed, item) })
			if len(wrong) > 0 {
				v.find(within(context, fmt.Errorf("value of %s must be one or more of: %s. Got no match for: %s",
					o.Name, joinStr(o.allowed), joinStr(wrong))))
			}
			continue
		}
		if contains(o.allowed, value) {
			continue
		}
		if word, ok := unambiguous(value, o.allowed); ok {
			params.set(o.Name, word)
			continue
		}
		wrong := pyStr(value)
		err := within(context, fmt.Errorf("value of %s must be one of: %s, got: %s", o.Name, joinStr(o.allowed), wrong))
		if advice := o.Advice[wrong]; advice != "" {
			err = fmt.Errorf("%w. %s", err, advice)
		}
		v.find(err)
	}
}

// unambiguous turns a boolean that YAML made out of a word back into the word, if only one of the choices can have been it.
func unambiguous(value any, allowed []any) (any, bool) {
	truth := pyEqual(value, "True")
	if !truth && !pyEqual(value, "False") {
		return nil, false
	}
	var words []any
	for _, choice := range allowed {
		if meaning, ok := boolWord(choice); ok && meaning == truth && !contains(words, choice) {
			words = append(words, choice)
		}
	}
	if len(words) != 1 {
		return nil, false
	}
	return words[0], true
}

// suboptions does for the dictionaries inside an option what was done for the arguments themselves.
func (v *validator) suboptions(spec *Spec, params *dict, prefix string, context []place) {
	for i := range spec.Options {
		o := &spec.Options[i]
		if !o.nests() || o.Sub == nil {
			continue
		}
		if params.values[o.Name] == nil {
			if !o.ApplyDefaults {
				continue
			}
			params.set(o.Name, newDict())
		}
		for n, item := range asList(params.values[o.Name]) {
			path, at := o.Name, place{o.Name, o.Name}
			if o.Type == "list" {
				path = fmt.Sprintf("%s[%d]", o.Name, n)
			}
			sub, ok := item.(*dict)
			if !ok {
				v.find(fmt.Errorf("value of '%s' must be of type dict or list of dicts", path))
				continue
			}
			if o.Type == "list" {
				at.position = positionOf(o, n, sub)
			}
			v.suboptionsOf(o, sub, prefix+path+".", append(slices.Clone(context), at))
		}
	}
}

func (v *validator) suboptionsOf(o *Option, sub *dict, prefix string, context []place) {
	both, deprecated := v.aliases(o.Sub, sub, v.fallbacks(o.Sub, sub), context)
	for _, pair := range both {
		v.warn("Both option %s%s and its alias %s%s are set.", prefix, pair[0], prefix, pair[1])
	}
	v.deprecateAliases(deprecated, prefix)
	v.noteNulls(o.Sub, sub, prefix)
	if err := errors.Join(misfits(o.Sub, sub)...); err != nil {
		v.misfits = append(v.misfits, InElement(positions(context), err))
	}
	v.find(v.collector.collect(o.Sub, sub, prefix))
	v.strangers(o.Sub, sub, context)
	v.check(o.Sub, sub, context)
	v.defaults(o.Sub, sub, true)
	v.suboptions(o.Sub, sub, prefix, context)
}

func (v *validator) noteNulls(spec *Spec, params *dict, prefix string) {
	for _, o := range spec.Options {
		value, ok := params.get(o.Name)
		if ok && value == nil {
			v.nulls[prefix+o.Name] = true
		}
		if list, ok := value.([]any); ok {
			for i, item := range list {
				if item == nil {
					v.nulls[fmt.Sprintf("%s%s[%d]", prefix, o.Name, i)] = true
				}
			}
		}
	}
}

// asList makes a list of what may be one thing or several.
func asList(value any) []any {
	switch v := value.(type) {
	case []any:
		return v
	case tuple:
		return v
	case series:
		list := make([]any, v.len)
		for i := range list {
			list[i] = v.at(i)
		}
		return list
	default:
		return []any{value}
	}
}

func joinStr(values []any) string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = pyStr(value)
	}
	return strings.Join(texts, ", ")
}
