// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"io"
	"slices"
	"strings"
)

// answer writes the one JSON document. Every secret that is known by now is hidden in it. Of long lists one element after the other is made
// and written: a tree of the whole answer would take many times the memory of its text.
func (o outcome) answer(calls <-chan *Call, out io.Writer) error {
	if o.call == nil {
		select {
		case o.call = <-calls:
		default:
			o.call = &Call{}
		}
	}
	answer := newDict()
	for key, value := range o.result {
		answer.set(strings.ToValidUTF8(key, "\uFFFD"), toSeries(value, o.result))
	}
	slices.Sort(answer.keys)
	if o.failed {
		answer.set("failed", true)
		answer.set("msg", strings.ToValidUTF8(o.msg, "\uFFFD"))
	}
	if o.stack != "" {
		answer.set("exception", strings.ToValidUTF8(o.stack, "\uFFFD"))
	}
	if !answer.has("changed") && !o.failed && !answer.has("skipped") {
		answer.set("changed", false)
	}
	if o.call.silent {
		answer.remove("invocation")
	} else if o.call.params != nil && !answer.has("invocation") {
		invocation := newDict()
		invocation.set("module_args", toTree(shownParams(o.call.spec, o.call.params)))
		answer.set("invocation", invocation)
	}
	c := o.call
	c.mu.Lock()
	warnings, deprecations := slices.Clone(c.warnings), slices.Clone(c.deprecations)
	mask := c.secrets.masker()
	c.mu.Unlock()
	join(answer, "warnings", warningList(warnings))
	join(answer, "deprecations", deprecationList(deprecations))

	masked := newDict()
	for _, key := range answer.keys {
		switch value := answer.values[key]; {
		case key == "deprecations":
			masked.set(key, maskedDeprecations(mask, value))
		case slices.Contains(o.plain, key) && (key != "msg" || !o.failed):
			masked.set(key, value)
		default:
			masked.set(key, o.maskedList(mask, value))
		}
	}
	b := jsonBuffer{out: out}
	writeJSON(&b, masked, answerJSON)
	b.WriteByte('\n')
	b.spill()
	return b.err
}

// maskedList masks secrets in a value, except in fields of list elements that hold the module's own words and ids.
func (o outcome) maskedList(mask masker, value any) any {
	if whole, ok := value.([]any); ok {
		value = series{len(whole), func(i int) any { return whole[i] }}
	}
	list, ok := value.(series)
	if !ok || o.plain == nil || len(mask.ordered) == 0 {
		return mask.value(value)
	}
	return series{list.len, func(i int) any {
		item := list.at(i)
		shown := mask.value(item)
		element, ok := item.(*dict)
		if !ok {
			return shown
		}
		for _, key := range element.keys {
			if text, ok := element.values[key].(string); ok && slices.Contains(o.plain, "*."+key) && (key == "action" || isNumber(text)) {
				shown.(*dict).set(key, text) //nolint:forcetypeassert // a mask leaves a dictionary a dictionary
			}
		}
		return shown
	}}
}

// isNumber reports whether a text consists of digits, like an id that a service assigns. A name that serves as an id
// may contain a secret.
func isNumber(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

// maskedDeprecations hides secrets in the messages alone: Ansible reads the dates and versions beside them.
func maskedDeprecations(mask masker, list any) any {
	for _, item := range asList(list) {
		if entry, ok := item.(*dict); ok {
			entry.set("msg", mask.value(entry.values["msg"]))
		}
	}
	return list
}

// join puts a list before what the result has under the key, and leaves each entry in it once.
func join(answer *dict, key string, list []any) {
	if more, ok := answer.get(key); ok && more != nil {
		list = append(list, asList(more)...)
	}
	once := []any{}
	for _, item := range list {
		if !contains(once, item) {
			once = append(once, item)
		}
	}
	if len(once) > 0 {
		answer.set(key, once)
	} else {
		answer.remove(key)
	}
}

func warningList(warnings []string) []any {
	list := make([]any, len(warnings))
	for i, warning := range warnings {
		list[i] = strings.ToValidUTF8(warning, "\uFFFD")
	}
	return list
}

// deprecationList has the form that every ansible-core reads: a date or a version, and the collection that says so.
func deprecationList(deprecations []Deprecation) []any {
	list := make([]any, len(deprecations))
	for i, d := range deprecations {
		entry := newDict()
		entry.set("msg", d.Msg)
		entry.set("collection_name", orNil(d.Collection))
		if d.Date != "" {
			entry.set("date", d.Date)
		} else {
			entry.set("version", orNil(d.Version))
		}
		list[i] = entry
	}
	return list
}

func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}
