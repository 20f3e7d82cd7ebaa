// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ElementError is an error about one element of a list.
type ElementError struct {
	Position string // as Position returns it
	Err      error
}

func (e *ElementError) Error() string { return e.Position + ": " + e.Err.Error() }

// Unwrap returns the error without the position.
func (e *ElementError) Unwrap() error { return e.Err }

// InElement adds the position of a list element to each of the errors that err joins. It returns nil for nil, and err
// itself for the position "".
func InElement(position string, err error) error {
	if err == nil || position == "" {
		return err
	}
	var errs []error
	for _, each := range split(err) {
		var inner *ElementError
		if e, ok := each.(*ElementError); ok { //nolint:errorlint // one that is wrapped has text in front of its position
			inner = &ElementError{position + " -> " + e.Position, e.Err}
		} else {
			inner = &ElementError{position, each}
		}
		errs = append(errs, inner)
	}
	return errors.Join(errs...)
}

// longestLabel is how many characters of an element's name a position shows.
const longestLabel = 60

// Position returns how messages name an element of a list: "tests[3] (shop)". value returns the text of one of the
// element's options, "" for none; the first of name, description, comment and id that is set becomes the label.
func Position(list string, index int, value func(option string) string) string {
	position := fmt.Sprintf("%s[%d]", list, index)
	var label string
	for _, option := range []string{"name", "description", "comment", "id"} {
		label = cmp.Or(label, strings.Join(strings.Fields(value(option)), " "))
	}
	if label == "" {
		return position
	}
	if utf8.RuneCountInString(label) > longestLabel {
		label = string([]rune(label)[:longestLabel]) + "…"
	}
	return fmt.Sprintf("%s (%s)", position, label)
}

// split returns the errors that errors.Join has combined anywhere in err. Text that fmt.Errorf has added around joined
// errors is added to each.
func split(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		inner := joined.Unwrap()
		var texts []string
		for _, e := range inner {
			texts = append(texts, e.Error())
		}
		if err.Error() != strings.Join(texts, "\n") { // fmt.Errorf with several %w
			return []error{err}
		}
		var all []error
		for _, e := range inner {
			all = append(all, split(e)...)
		}
		return all
	}
	if _, ok := err.(*ElementError); ok { //nolint:errorlint // see InElement
		return []error{err}
	}
	inner := errors.Unwrap(err)
	if inner == nil {
		return []error{err}
	}
	before, after, found := strings.Cut(err.Error(), inner.Error())
	parts := split(inner)
	if !found || len(parts) == 1 {
		return []error{err}
	}
	all := make([]error, len(parts))
	for i, part := range parts {
		all[i] = fmt.Errorf("%s%w%s", before, part, after)
	}
	return all
}

// How many errors and positions a message shows.
const (
	mostProblems  = 50
	mostPositions = 10
)

// OneLine returns the text of an error on one line. Joined errors are separated by semicolons. An error that occurs in
// several elements is shown once, after their positions.
func OneLine(err error) string {
	all := split(err)
	if len(all) == 1 {
		return err.Error()
	}
	var problems []string // in the order of their first occurrence
	positions := map[string][]string{}
	shared := map[string]bool{} // problems of the module's own options, which elements inherit
	for _, each := range all {
		problem, position := each.Error(), ""
		if e, ok := each.(*ElementError); ok { //nolint:errorlint // see InElement
			problem, position = e.Err.Error(), e.Position
		}
		if _, known := positions[problem]; !known {
			problems = append(problems, problem)
			positions[problem] = nil
		}
		if position == "" {
			shared[problem] = true
		} else if at := positions[problem]; len(at) == 0 || at[len(at)-1] != position {
			positions[problem] = append(positions[problem], position)
		}
	}
	var lines []string
	for _, problem := range problems {
		if !shared[problem] {
			problem = someOf(positions[problem], ", ", mostPositions) + ": " + problem
		}
		lines = append(lines, problem)
	}
	return someOf(lines, "; ", mostProblems)
}

// someOf joins the first n texts and adds how many more there are.
func someOf(texts []string, separator string, n int) string {
	if len(texts) <= n {
		return strings.Join(texts, separator)
	}
	return fmt.Sprintf("%s and %d more", strings.Join(texts[:n], separator), len(texts)-n)
}
