// SPDX-License-Identifier: GPL-3.0-or-later

package resource

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// failed is the action of an object whose step has an error.
const failed = "failed"

// Plain returns the parts of an answer that are the module's own words, see ansible.Module.
func Plain() []string { return []string{"msg", "summary", "api", "*.action", "*.id"} }

// report gives a plan, done or only computed, the form in which every module answers:
//
//	changed: bool
//	msg: "created 3, updated 12, unchanged 985"
//	<plural>: [{name, …, id, action, changes: {field: {before, after}}, reason?, error?}]
//	summary: {created, updated, replaced, deleted, unchanged, failed: int}
//	api: {calls, retries: int, seconds_waited: float}
//	diff: [{before_header, after_header, before, after}] in diff mode
type report[S any] struct {
	noun, plural string
	task         *Task[S]
	withDiff     bool
	checkMode    bool
}

func (r report[S]) result(plan reconcile.Plan[S]) ansible.Result {
	summary := map[string]int{failed: 0}
	for _, a := range []reconcile.Action{reconcile.Create, reconcile.Update, reconcile.Replace, reconcile.Delete, reconcile.Unchanged} {
		summary[string(a)] = 0
	}
	objects := []map[string]any{}
	diffs := []map[string]any{}
	for _, s := range plan {
		action := s.Action
		if s.Err != nil {
			action = failed
		}
		summary[string(action)]++
		if action != reconcile.Unchanged || r.task.Results != OnlyChanged {
			objects = append(objects, r.object(s))
		}
		if r.withDiff && action != failed && action != reconcile.Unchanged {
			diffs = append(diffs, r.diff(s))
		}
	}
	result := ansible.Result{
		"changed": plan.Changed(), "msg": SummaryLine(summary, r.checkMode), r.plural: objects, "summary": summary, "api": r.usage(),
	}
	if r.task.Extra != nil {
		maps.Copy(result, r.task.Extra())
	}
	if r.withDiff {
		result["diff"] = diffs
	}
	return result
}

// SummaryLine returns the counts of a summary in one line: "created 3, updated 12, unchanged 985". In check mode it says what would be done:
// "would create 3, update 12; unchanged 985".
func SummaryLine(summary map[string]int, checkMode bool) string {
	var done, left []string
	for _, action := range []reconcile.Action{reconcile.Create, reconcile.Update, reconcile.Replace, reconcile.Delete} {
		if n := summary[string(action)]; n > 0 {
			verb := string(action)
			if checkMode {
				verb = strings.TrimSuffix(verb, "d") // each of the four is its verb and a d
			}
			done = append(done, fmt.Sprintf("%s %d", verb, n))
		}
	}
	for _, action := range []string{string(reconcile.Unchanged), failed} {
		if n := summary[action]; n > 0 {
			left = append(left, fmt.Sprintf("%s %d", action, n))
		}
	}
	switch {
	case len(done)+len(left) == 0:
		return "nothing to do"
	case checkMode && len(done) > 0:
		text := "would " + strings.Join(done, ", ")
		if len(left) > 0 {
			text += "; " + strings.Join(left, ", ")
		}
		return text
	}
	return strings.Join(append(done, left...), ", ")
}

// refused is the answer of a run that ended before a plan was made.
func (r report[S]) refused(err error) ansible.Result {
	result := r.result(nil)
	var limit *reconcile.LimitError
	if errors.As(err, &limit) {
		result["refused"] = limit.Keys
	}
	return result
}

// failure says how many objects failed and which; nil where none did.
func (r report[S]) failure(plan reconcile.Plan[S]) error {
	bad := plan.Failed()
	if len(bad) == 0 {
		return nil
	}
	texts := make([]string, len(bad))
	for i, s := range bad {
		texts[i] = s.Err.Error()
	}
	noun := r.plural
	if len(plan) == 1 {
		noun = r.noun
	}
	return fmt.Errorf("%d of %d %s failed: %s", len(bad), len(plan), noun, enumerateLines(texts, 5))
}

// enumerateLines joins the first n messages and says how many more there are.
func enumerateLines(texts []string, n int) string {
	if len(texts) <= n {
		return strings.Join(texts, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(texts[:n], "; "), len(texts)-n)
}

func (r report[S]) object(s reconcile.Step[S]) map[string]any {
	object := map[string]any{}
	for k, v := range r.task.Describe(subject(s)) {
		object[k] = v
	}
	object["id"] = nil
	if s.ID != "" {
		object["id"] = s.ID
	}
	object["action"] = string(s.Action)
	changes := s.Changes
	object["changes"] = ansible.Lazy(func() any { // thousands of new objects have tens of thousands of changes
		fields := map[string]any{}
		for _, c := range changes {
			before, after := shown(c)
			fields[c.Field] = map[string]any{"before": before, "after": after}
		}
		return fields
	})
	if s.Reason != "" {
		object["reason"] = s.Reason
	}
	if s.Err != nil {
		object["action"] = failed
		object["error"] = s.Err.Error()
	}
	return object
}

// subject is the state that a step is about: what shall be, else what is there, else what was asked for.
func subject[S any](s reconcile.Step[S]) S {
	known, there := s.Known()
	switch {
	case there && (s.Action == reconcile.Delete || len(s.Changes) == 0):
		return known
	case len(s.Changes) > 0:
		return s.Want
	default:
		return s.Wish
	}
}

// diff shows only the fields that differ; ansible-playbook --diff prints both sides as sorted JSON.
func (r report[S]) diff(s reconcile.Step[S]) map[string]any {
	before, after := map[string]any{}, map[string]any{}
	for _, c := range s.Changes {
		b, a := shown(c)
		if b != nil {
			before[c.Field] = b
		}
		if a != nil {
			after[c.Field] = a
		}
	}
	header := fmt.Sprintf("%s %s", r.noun, s.Title(r.task.Provider))
	if s.ID != "" {
		header += " (id " + s.ID + ")"
	}
	return map[string]any{"before_header": header, "after_header": header + " " + string(s.Action), "before": before, "after": after}
}

// shown gives both values of a change; two secrets that differ must not look the same.
func shown(c reconcile.Change) (before, after any) {
	hidBefore, _ := c.Before.(secret.Value)
	hidAfter, _ := c.After.(secret.Value)
	if hidBefore.IsZero() || hidAfter.IsZero() {
		return c.Before, c.After
	}
	return fmt.Sprintf("%s (old value)", hidBefore), fmt.Sprintf("%s (new value)", hidAfter)
}

func (r report[S]) usage() map[string]any {
	u := r.task.Usage()
	return map[string]any{"calls": u.Calls, "retries": u.Retries, "seconds_waited": math.Round(u.Waited.Seconds()*10) / 10}
}
