// SPDX-License-Identifier: GPL-3.0-or-later

package resource

import (
	"maps"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// Part is one list of the answer of a module that deals with several kinds of objects in a run.
type Part[S any] struct {
	Noun, Plural string // "alert", "alerts"; Plural is the key of the list
	Describe     func(S) map[string]any
}

// NewAnswer returns the answer of a run that did nothing, to which each Part is added. The caller sets msg last, see
// SummaryLine.
func NewAnswer(usage Usage, withDiff bool) ansible.Result {
	r := report[struct{}]{task: &Task[struct{}]{Usage: func() Usage { return usage }}, withDiff: withDiff}
	answer := r.result(nil)
	delete(answer, r.plural)
	delete(answer, "msg")
	return answer
}

// AddTo adds a plan, applied or only computed, to an answer of NewAnswer: its list, its diffs, its counts. results
// selects the listed objects, see OnlyChanged.
func (p Part[S]) AddTo(answer ansible.Result, plan reconcile.Plan[S], results string) {
	diff, withDiff := answer["diff"].([]map[string]any)
	r := report[S]{noun: p.Noun, plural: p.Plural, withDiff: withDiff, task: &Task[S]{
		Describe: p.Describe, Results: results, Usage: func() Usage { return Usage{} },
	}}
	part := r.result(plan)
	answer[p.Plural] = part[p.Plural]
	answer["changed"] = answer["changed"] == true || part["changed"] == true
	summary, counts := answer["summary"].(map[string]int), part["summary"].(map[string]int)
	for action := range maps.Keys(summary) {
		summary[action] += counts[action]
	}
	if withDiff {
		answer["diff"] = append(diff, part["diff"].([]map[string]any)...)
	}
}

// Failure says how many objects of a plan failed and which; nil where none did.
func (p Part[S]) Failure(plan reconcile.Plan[S]) error {
	return report[S]{noun: p.Noun, plural: p.Plural}.failure(plan)
}
