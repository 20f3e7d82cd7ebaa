// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/mitchellh/mapstructure"

	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// Call is one call of a module: its options, and what Ansible wants to know about it. Its methods may be used concurrently.
type Call struct {
	CheckMode bool   // change nothing, and answer what would change
	Diff      bool   // the user wants to see differences
	Verbosity int    // how many -v
	Version   string // of the ansible-core that calls, "" if it does not say
	Name      string // the module's name as the playbook wrote it

	spec   *Spec
	params *dict // validated; not changed any more once Run has it
	given  map[string]bool
	nulls  map[string]bool

	fromEnv map[string]bool

	noLog  bool
	misfit error
	silent bool // the answer has no "invocation"

	mu           sync.Mutex
	secrets      secretSet
	warnings     []string
	deprecations []Deprecation
	progress     func() Result
	ends         []func()
	redactor     *secret.Redactor // of as many secrets as redacts says; nil before the first
	redacts      int
}

// Decode fills a struct (given by pointer) with the validated options, by its mapstructure tags. A pointer stays nil where the
// option was not given and has no default. Nothing is converted here, the spec did that: an option without a field, or a
// field of another type than the spec says, is an error in the module. What Ansible takes and no service means is the user's: a number that Go
// or JSON cannot hold, a dictionary in the place of a text.
func (c *Call) Decode(out any) error {
	if err := unhidden(c.spec, fieldsOf(out), ""); err != nil {
		return fmt.Errorf("the module's options do not fit %T: %w", out, err)
	}
	if err := errors.Join(c.misfit, unfit(c.spec, c.params)); err != nil {
		return err
	}
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result:      out,
		ErrorUnused: true,
		DecodeHook:  mapstructure.ComposeDecodeHookFunc(pythonBooleans, mapstructure.TextUnmarshallerHookFunc()),
		MatchName:   func(key, field string) bool { return key == field },
	})
	if err == nil {
		err = decoder.Decode(plain(declared(c.spec, c.params, true)))
	}
	if err != nil {
		return fmt.Errorf("the module's options do not fit %T: %w", out, err)
	}
	return nil
}

// unhidden returns an error for each option that fills a secret.Value but is shown in the answer, because Module.Params
// is another struct, or missing.
func unhidden(spec *Spec, fields map[string]field, path string) error {
	var errs []error
	for i := range spec.Options {
		o := &spec.Options[i]
		f, ok := fields[o.Name]
		if !ok {
			continue
		}
		if f.secret && o.Logging != Hidden {
			errs = append(errs, fmt.Errorf("%s%s is a secret.Value in %s, but not hidden; Module.Params must be this struct", path, o.Name, f.goName))
		}
		if o.Sub != nil {
			errs = append(errs, unhidden(o.Sub, f.sub, path+o.Name+"."))
		}
	}
	return errors.Join(errs...)
}

// misfits returns an error for each value whose coercion would hide a mistake: infinite numbers, and dictionaries and
// lists given for strings, which Ansible turns into Python's notation.
func misfits(spec *Spec, params *dict) []error {
	var errs []error
	for i := range spec.Options {
		o := &spec.Options[i]
		value, ok := params.get(o.Name)
		if !ok || value == nil {
			continue
		}
		if o.Sub != nil && o.nests() {
			continue // Suboptions are looked at in their turn.
		}
		if path, number, found := endless(o.Name, value); found {
			errs = append(errs, endlessError(path, number))
		}
		if o.Type == "str" && !o.Body && isStructured(value) {
			errs = append(errs, noText(o.Name, value))
		}
		if o.Elements != "str" {
			continue
		}
		for n, element := range asList(value) {
			if isStructured(element) {
				errs = append(errs, noText(fmt.Sprintf("%s[%d]", o.Name, n), element))
			}
		}
	}
	return errs
}

// noText returns the error for a dictionary or list given for a string. ansible-core before 2.19 makes one of a text
// that looks like it, unless the template says {{ … | string }}.
func noText(path string, value any) error {
	return fmt.Errorf("value of %s must be a text, got a %s; where a template gives a text that looks like one, write {{ … | string }}", path, typeName(value))
}

func endlessError(path string, number float64) error {
	return fmt.Errorf("value of %s must not be infinite or no number, got: %s", path, pyStr(number))
}

// unfit returns what is wrong with coerced values: integers beyond 64 bits, infinite numbers in a dictionary that was
// given as text, and bodies in Python's notation that were JSON before a template.
func unfit(spec *Spec, params *dict) error {
	var errs []error
	for i := range spec.Options {
		o := &spec.Options[i]
		value, ok := params.get(o.Name)
		if !ok || value == nil {
			continue
		}
		switch {
		case o.Sub != nil && o.nests():
			errs = append(errs, unfitSub(o, value))
		case o.Type == "dict":
			if path, number, found := endless(o.Name, value); found {
				errs = append(errs, endlessError(path, number))
			}
		case o.Body && isPythonText(toStr(value)):
			errs = append(errs, fmt.Errorf("value of %s must be a text, or a dictionary or list that is sent as JSON, got the text that Python shows of one; "+
				"write {{ … | to_json }}", o.Name))
		case isInteger(o.Type) || isInteger(o.Elements):
			for _, n := range asList(value) {
				if isHuge(n) {
					errs = append(errs, fmt.Errorf("value of %s must be a whole number between %d and %d, got: %s", o.Name, math.MinInt64, math.MaxInt64, pyStr(n)))
				}
			}
		}
	}
	return errors.Join(errs...)
}

// isPythonText reports whether a text is a dictionary or list in Python's notation and not JSON.
func isPythonText(text string) bool {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return false
	}
	if _, err := decodeJSON(text); err == nil {
		return false
	}
	value, err := parseLiteral(text)
	return err == nil && isStructured(value)
}

func unfitSub(o *Option, value any) error {
	var errs []error
	for n, item := range asList(value) {
		sub, ok := item.(*dict)
		if !ok {
			continue
		}
		position := o.Name
		if o.Type == "list" {
			position = positionOf(o, n, sub)
		}
		if err := unfit(o.Sub, sub); err != nil {
			errs = append(errs, InElement(position, err))
		}
	}
	return errors.Join(errs...)
}

// positionOf names the n-th element of a list of dictionaries.
func positionOf(o *Option, n int, element *dict) string {
	return Position(o.Name, n, func(option string) string { return toStr(element.values[option]) })
}

func isInteger(typ string) bool { return typ == "int" || typ == "bytes" || typ == "bits" }

func isHuge(value any) bool {
	_, huge := value.(*big.Int)
	return huge
}

// endless finds an infinity or a NaN behind a path.
func endless(path string, value any) (at string, number float64, found bool) {
	switch v := value.(type) {
	case float64:
		return path, v, math.IsInf(v, 0) || math.IsNaN(v)
	case []any:
		for i, item := range v {
			if at, number, found = endless(fmt.Sprintf("%s[%d]", path, i), item); found {
				return at, number, true
			}
		}
	case tuple:
		return endless(path, []any(v))
	case *dict:
		for _, key := range v.keys {
			if at, number, found = endless(path+"."+key, v.values[key]); found {
				return at, number, true
			}
		}
	}
	return "", 0, false
}

// pythonBooleans lets an integer option take true and false, which Ansible passes on as they are, because they are integers in Python.
func pythonBooleans(from, to reflect.Type, value any) (any, error) {
	truth, ok := value.(bool)
	if !ok || bare(to).Kind() < reflect.Int || bare(to).Kind() > reflect.Int64 {
		return value, nil
	}
	if truth {
		return 1, nil
	}
	return 0, nil
}

// declared gives the options without their aliases and without what the spec does not know, suboptions likewise. With given it leaves out
// those that have no value, which in long lists are by far the most.
func declared(spec *Spec, params *dict, given bool) *dict {
	result := newDict()
	for i := range spec.Options {
		o := &spec.Options[i]
		value, ok := params.get(o.Name)
		if !ok || given && value == nil {
			continue
		}
		if o.Sub != nil && o.nests() {
			value = declaredSub(o.Sub, value, given)
		}
		result.set(o.Name, value)
	}
	return result
}

func declaredSub(spec *Spec, value any, given bool) any {
	switch v := value.(type) {
	case *dict:
		return declared(spec, v, given)
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = declaredSub(spec, item, given)
		}
		return list
	default:
		return value
	}
}

// Params gives a copy of the validated options by name: string, bool, int64 (*big.Int beyond it), float64, []any,
// map[string]any, and nil for an option that was not given and has no default. Secrets are in it as plain text.
func (c *Call) Params() map[string]any {
	options, ok := plain(declared(c.spec, c.params, false)).(map[string]any)
	if !ok {
		return map[string]any{}
	}
	return options
}

// Given tells whether the caller set the option to something but null: under its name, an alias, or by an environment
// variable. A default does not count.
func (c *Call) Given(name string) bool { return c.given[name] }

// FromEnvironment reports whether the option's value came from an environment variable.
func (c *Call) FromEnvironment(name string) bool { return c.fromEnv[name] }

// Mentioned tells whether the caller set the option to anything, null included.
func (c *Call) Mentioned(name string) bool { return c.given[name] || c.nulls[name] }

// Null tells whether the caller set an option to null, which a template makes of what is not there. Suboptions are named by their
// path, as in tests[0].stack.
func (c *Call) Null(path string) bool { return c.nulls[path] }

// NullElements gives the paths of the elements of lists that the caller set to null, as in tests[0].tags[1], sorted.
func (c *Call) NullElements() []string {
	var paths []string
	for path := range c.nulls {
		if strings.HasSuffix(path, "]") {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// longestWarning is how many bytes of a warning are shown.
const longestWarning = 2000

// Warn adds a warning, which Ansible shows to the user. The same one is shown once, and a long one is cut.
func (c *Call) Warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if len(text) > longestWarning {
		text = fmt.Sprintf("%s… (%d more bytes)", strings.ToValidUTF8(text[:longestWarning], ""), len(text)-longestWarning)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.warnings = append(c.warnings, text)
}

// Deprecate tells the user that something will go, in a version or at a date (YYYY-MM-DD) of the collection; give one of them.
func (c *Call) Deprecate(msg, version, date, collection string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deprecations = append(c.deprecations, Deprecation{Msg: msg, Version: version, Date: date, Collection: collection})
}

// AddSecret hides a value in the answer that was no option, for example a key that a server made.
func (c *Call) AddSecret(value secret.Value) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.secrets.addAll(value.Reveal()) // a text can always be hidden
}

// AtEnd has do run when the module's Run has come back: what it closes would otherwise stay open for the program's next call, see Serve.
func (c *Call) AtEnd(do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ends = append(c.ends, do)
}

func (c *Call) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, do := range c.ends {
		do()
	}
}

// ReportProgress says how to learn what was already done. It is called when Run panicked or does not return in time after
// a signal, so perhaps while Run is still going: it must give a Result that nobody changes any more.
func (c *Call) ReportProgress(progress func() Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.progress = progress
}

// done asks what was already done, an empty result if nobody knows.
func (c *Call) done() (result Result) {
	c.mu.Lock()
	progress := c.progress
	c.mu.Unlock()
	if progress == nil {
		return Result{}
	}
	defer func() {
		if reason := recover(); reason != nil { // the answer about one panic must not end in another
			c.Warn("what was done before is not known: %v", reason)
			result = Result{}
		}
	}()
	return progress()
}

// internals are the arguments that Ansible adds, by the name behind "_ansible_". Those not named here are ignored.
func (c *Call) internals(params *dict) (facility, logPrefix string, ignoreUnknown bool, err error) {
	var errs []error
	flag := func(name string) bool {
		value, ok := params.get("_ansible_" + name)
		if !ok || value == nil {
			return false
		}
		truth, err := toBool(value)
		if err != nil {
			errs = append(errs, noBoolean(value))
			return false
		}
		return truth == true
	}
	text := func(name string) string {
		value, _ := params.get("_ansible_" + name)
		return toStr(value)
	}
	c.CheckMode, c.Diff, c.noLog, ignoreUnknown = flag("check_mode"), flag("diff"), flag("no_log"), flag("ignore_unknown_opts")
	// Cores before 2.21 do not say whether they want the arguments back, and keep them out of registered results; 2.21 keeps what it gets.
	wanted, said := params.get("_ansible_inject_invocation")
	c.silent = said && !truthy(wanted)
	c.Version = text("version")
	c.Name = cmp.Or(text("bundled_module"), text("module_name"), c.Name)
	switch v := params.values["_ansible_verbosity"].(type) {
	case int64:
		c.Verbosity = int(v)
	case *big.Int, float64, string:
		errs = append(errs, fmt.Errorf("_ansible_verbosity must be an integer, not %s", typeName(v)))
	}
	facility, logPrefix = text("syslog_facility"), text("target_log_info")
	for _, key := range slices.Clone(params.keys) {
		if strings.HasPrefix(key, "_ansible_") {
			params.remove(key)
		}
	}
	return facility, logPrefix, ignoreUnknown, errors.Join(errs...)
}
