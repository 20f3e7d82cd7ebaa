// SPDX-License-Identifier: GPL-3.0-or-later

package resource

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// Options are those that every module has in the same words; a module's options struct squashes them.
type Options struct {
	Purge          bool    `mapstructure:"purge"`
	PurgeLimit     *string `mapstructure:"purge_limit"`
	OnDuplicate    string  `mapstructure:"on_duplicate"`
	AllowReplace   bool    `mapstructure:"allow_replace"`
	UpdatePassword string  `mapstructure:"update_password"`
	FailFast       bool    `mapstructure:"fail_fast"`
	Results        string  `mapstructure:"results"`
}

// OnlyChanged is the value of results that leaves unchanged objects out of the answer.
const OnlyChanged = "changed"

// OptionRules are what documentation cannot say about Options; a module adds them to its own.
func OptionRules() map[string]ansible.OptionRules {
	return map[string]ansible.OptionRules{"update_password": {NotSecret: true}}
}

// Item is one object as the user declared it, by a module's options or as an element of its list. T is the struct of the
// object's own options, in which nil is unset.
type Item[T any] struct {
	ID     *string `mapstructure:"id"`
	State  *string `mapstructure:"state"` // present or absent
	Stack  *string `mapstructure:"stack"`
	Object T       `mapstructure:",squash"`
}

// Declaration is what a task declares: one object by the module's options, or many by a list for whose elements the
// module's options are defaults, or a whole stack to be removed.
//
// A template that finds nothing makes null of an option. Null is not the same as leaving the option out: a list that is null is
// an empty one, a name that is null does not ask for a whole stack, and a stack that is null is refused.
type Declaration[T any] struct {
	ListOption string    // the option that holds the list: "tests"
	One        Item[T]   // the module's own options
	List       []Item[T] // what the list holds
	Listed     bool      // the list was given, be it empty or null
	Named      bool      // an option that names one object was given, be it null
	Options    Options
	Null       func(path string) bool // tells what was given as null: "stack", "tests[0].stack"; nil for nothing
	// CheckStack refuses names of stacks that the service cannot mark objects with, beside those that every service refuses; nil for none.
	CheckStack func(stack string) error
	// NullElements are the elements of lists that were given as null: "tests[0].tags[1]".
	NullElements []string
}

// Declared takes a declaration from a call. names are the options that name one object.
func Declared[T any](call *ansible.Call, listOption string, one Item[T], list []Item[T], options Options, names ...string) Declaration[T] {
	return Declaration[T]{
		ListOption: listOption, One: one, List: list, Options: options,
		Listed: call.Mentioned(listOption), Named: slices.ContainsFunc(names, call.Mentioned),
		Null: call.Null, NullElements: call.NullElements(),
	}
}

// absent is the Item.State of what shall not exist; anything else is present.
const absent = "absent"

// Wishes turns the declaration into Wants. convert validates one item and returns its state; its error joins all that
// is wrong. Wishes joins the errors of all elements, each with the element's position and name, and those of the shared
// options. No call is made.
func Wishes[T, S any](d Declaration[T], convert func(Item[T]) (S, error)) ([]reconcile.Want[S], error) {
	errs := []error{d.check()}
	if errs[0] != nil && !d.Listed && !d.Named {
		return nil, errs[0] // perhaps no object is meant at all
	}
	items, position := d.items()
	wants := make([]reconcile.Want[S], 0, len(items))
	for i, item := range items {
		state, err := convert(item)
		if err = errors.Join(err, d.checkItem(i, item)); err != nil {
			errs = append(errs, ansible.InElement(position(i), err))
		}
		wants = append(wants, reconcile.Want[S]{ID: text(item.ID), State: state, Absent: text(item.State) == absent})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return wants, nil
}

// checkItem validates the stack of one item.
func (d Declaration[T]) checkItem(i int, item Item[T]) error {
	if d.Listed && d.null(fmt.Sprintf("%s[%d].stack", d.ListOption, i)) {
		return errNullStack
	}
	if d.Options.Purge && text(item.Stack) != text(d.One.Stack) && text(d.One.Stack) != "" {
		return fmt.Errorf("value of stack must be %s, the stack that is purged, got: %s", text(d.One.Stack), text(item.Stack))
	}
	return d.checkName(item.Stack)
}

// WholeStack tells whether the declaration asks for the removal of everything that a stack has.
func (d Declaration[T]) WholeStack() bool {
	return !d.Listed && !d.Named && text(d.One.State) == absent && text(d.One.Stack) != ""
}

// limit is the guard on deletions: purge_limit where it was set, DefaultPurgeLimit for a purge, and none for a stack that is
// removed as a whole, because there the user said exactly that.
func (d Declaration[T]) limit() (reconcile.Limit, error) {
	limit := text(d.Options.PurgeLimit)
	if limit == "" && !d.WholeStack() {
		limit = DefaultPurgeLimit
	}
	return ParseLimit("purge_limit", limit)
}

// Policy is how far the declaration lets a plan go. in tells whether an object belongs to a stack, to any of the suite's where it is "".
func Policy[T, S any](d Declaration[T], in func(o reconcile.Found[S], stack string) bool) (reconcile.Policy[S], error) {
	limit, err := d.limit()
	policy := reconcile.Policy[S]{
		OnDuplicate: reconcile.OnDuplicate(d.Options.OnDuplicate), AllowReplace: d.Options.AllowReplace, Limit: limit,
	}
	if d.Options.Purge || d.WholeStack() {
		stack := text(d.One.Stack)
		policy.Group, policy.Whole = stack, d.WholeStack()
		policy.Scope = func(o reconcile.Found[S]) bool { return in(o, stack) }
	}
	return policy, err
}

// DefaultPurgeLimit is how many objects a purge may delete where purge_limit is not set.
const DefaultPurgeLimit = "10"

func (d Declaration[T]) check() error {
	var errs []error
	for _, path := range d.NullElements {
		errs = append(errs, fmt.Errorf("value of %s must not be null; leave the element out, and write an empty list to clear one", path))
	}
	return errors.Join(append(errs, d.checkStack(), d.checkLimit(), d.checkWhole(), d.checkPurge())...)
}

func (d Declaration[T]) checkStack() error {
	if d.null("stack") {
		return errNullStack
	}
	return d.checkName(d.One.Stack)
}

// checkName returns one error for a stack's name, the service's own where there are two.
func (d Declaration[T]) checkName(stack *string) error {
	if stack != nil && d.CheckStack != nil {
		if err := d.CheckStack(*stack); err != nil {
			return err
		}
	}
	return checkStack(stack)
}

func (d Declaration[T]) checkLimit() error {
	if d.null("purge_limit") {
		return badLimit("purge_limit", "null")
	}
	if d.Options.PurgeLimit != nil && strings.TrimSpace(*d.Options.PurgeLimit) == "" {
		return badLimit("purge_limit", "an empty string")
	}
	_, err := d.limit()
	return err
}

// checkWhole refuses options of a single object, null included, where a whole stack is removed.
func (d Declaration[T]) checkWhole() error {
	if !d.WholeStack() {
		return nil
	}
	var errs []error
	if given := set(reflect.ValueOf(d.One.Object)); len(given) > 0 {
		errs = append(errs, fmt.Errorf("state: absent with stack and without a name removes all that the stack has, "+
			"which goes with no option of a single object, got: %s", strings.Join(given, ", ")))
	}
	for _, name := range optionsOf(reflect.TypeFor[T]()) {
		if d.null(name) {
			errs = append(errs, fmt.Errorf("value of %s must not be null where state: absent with stack removes all that the stack has; leave it out", name))
		}
	}
	return errors.Join(errs...)
}

func (d Declaration[T]) checkPurge() error {
	switch {
	case d.Options.Purge && text(d.One.State) == absent:
		return errors.New("purge: true keeps what is declared and removes the rest, so it goes with state: present; " +
			"to remove all that a stack has, write state: absent with stack and nothing else")
	case d.Options.Purge && !d.Listed:
		return fmt.Errorf("purge is true but all of the following are missing: %s", d.ListOption)
	case d.Options.Purge && !d.declaresAny():
		return fmt.Errorf("purge: true with no present element in %s would remove everything in its scope; "+
			"to remove all that a stack has, write state: absent with stack and no %s", d.ListOption, d.ListOption)
	}
	return nil
}

func (d Declaration[T]) declaresAny() bool {
	for _, item := range d.List {
		if text(item.State) != absent {
			return true
		}
	}
	return false
}

// items gives what is declared, each with the module's options as defaults, and a function that names a position.
func (d Declaration[T]) items() (items []Item[T], position func(int) string) {
	switch {
	case d.WholeStack():
		return nil, nil
	case !d.Listed:
		return []Item[T]{d.One}, func(int) string { return "" }
	}
	for _, item := range d.List {
		Fill(&item, d.One)
		items = append(items, item)
	}
	return items, d.position
}

// position returns how messages name the i-th element of the list.
func (d Declaration[T]) position(i int) string {
	item := d.List[i]
	return ansible.Position(d.ListOption, i, func(option string) string {
		if option == "id" {
			return text(item.ID)
		}
		return textOf(reflect.ValueOf(item.Object), option)
	})
}

// textOf returns the text that an object has for an option, "" where it has none or the option is no text.
func textOf(object reflect.Value, option string) string {
	for i := range object.NumField() {
		field := object.Field(i)
		name, rest, _ := strings.Cut(object.Type().Field(i).Tag.Get("mapstructure"), ",")
		if rest == "squash" {
			if found := textOf(field, option); found != "" {
				return found
			}
		}
		if name != option || rest != "" || !field.CanInterface() {
			continue
		}
		if value, ok := field.Interface().(*string); ok {
			return text(value)
		}
	}
	return ""
}

func (d Declaration[T]) null(path string) bool { return d.Null != nil && d.Null(path) }

var errNullStack = errors.New("value of stack must be the name of a stack, got null; leave the option out where there is none, as default(omit) does")

// set names the options of an object that are not unset.
func set(object reflect.Value) []string {
	var names []string
	for i := range object.NumField() {
		field, of := object.Field(i), object.Type().Field(i)
		switch name, rest, _ := strings.Cut(of.Tag.Get("mapstructure"), ","); {
		case rest == "squash":
			names = append(names, set(field)...)
		case name != "" && slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface}, field.Kind()) && !field.IsNil():
			names = append(names, name)
		}
	}
	return names
}

// optionsOf names all options of an object.
func optionsOf(object reflect.Type) []string {
	var names []string
	for i := range object.NumField() {
		switch name, rest, _ := strings.Cut(object.Field(i).Tag.Get("mapstructure"), ","); {
		case rest == "squash":
			names = append(names, optionsOf(object.Field(i).Type)...)
		case name != "":
			names = append(names, name)
		}
	}
	return names
}

// Fill sets the fields of dst that are nil to those of defaults, also in nested structs.
func Fill[T any](dst *T, defaults T) {
	fill(reflect.ValueOf(dst).Elem(), reflect.ValueOf(defaults))
}

func fill(dst, defaults reflect.Value) {
	for i := range dst.NumField() {
		field := dst.Field(i)
		switch field.Kind() {
		case reflect.Struct:
			fill(field, defaults.Field(i))
		case reflect.Pointer, reflect.Slice, reflect.Map:
			if field.IsNil() {
				field.Set(defaults.Field(i))
			}
		}
	}
}

// Tidy trims the elements of a list and drops empty and repeated ones: "a, b," of a csv is a and b. nil stays nil.
func Tidy(list []string) []string {
	if list == nil {
		return nil
	}
	tidied := make([]string, 0, len(list))
	for _, element := range list {
		element = strings.TrimSpace(element)
		if element != "" && !slices.Contains(tidied, element) {
			tidied = append(tidied, element)
		}
	}
	return tidied
}

// Rendered gives an error where a text still holds a template.
func Rendered(option string, value *string) error {
	if value != nil && (strings.Contains(*value, "{{") || strings.Contains(*value, "}}")) {
		return fmt.Errorf("value of %s must be rendered, got a template: %s", option, *value)
	}
	return nil
}

// ParseLimit reads "10" or "20%", which an option holds; "" is no limit.
func ParseLimit(option, limit string) (reconcile.Limit, error) {
	number, isShare := strings.CutSuffix(strings.TrimSpace(limit), "%")
	if number == "" && !isShare {
		return reconcile.Limit{}, nil
	}
	if isShare {
		share, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err == nil && share >= 0 && share <= 100 {
			return reconcile.Limit{Set: true, Option: option, IsShare: true, Percent: share}, nil
		}
	} else if count, err := strconv.Atoi(number); err == nil && count >= 0 {
		return reconcile.Limit{Set: true, Option: option, Count: count}, nil
	}
	return reconcile.Limit{}, badLimit(option, limit)
}

func badLimit(option, limit string) error {
	return fmt.Errorf("value of %s must be a count such as 10 or a share such as 20%%, got: %s", option, limit)
}

// checkStack refuses what cannot be a tag or came out of a template half rendered.
func checkStack(stack *string) error {
	if stack == nil {
		return nil
	}
	s := *stack
	if s == "None" {
		return errors.New("value of stack must be the name of a stack, got None, which is what a template makes of nothing")
	}
	if s == "" || s != strings.TrimSpace(s) || utf8.RuneCountInString(s) > 50 || strings.ContainsAny(s, ",/{}\"'") ||
		strings.ContainsFunc(s, func(r rune) bool { return r < ' ' }) {
		return fmt.Errorf("value of stack must be a name of 1 to 50 characters without commas, slashes, quotes, braces and outer spaces, got: %s", s)
	}
	return nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
