// SPDX-License-Identifier: GPL-3.0-or-later

package resource_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stackwatch/ansible-monitoring/pkg/internal/memory"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/resource"
)

func TestPartsShareAnAnswer(t *testing.T) {
	describe := func(s memory.Thing) map[string]any { return map[string]any{"name": s.Name} }
	things := resource.Part[memory.Thing]{Noun: "thing", Plural: "things", Describe: describe}
	others := resource.Part[memory.Thing]{Noun: "other", Plural: "others", Describe: describe}
	have := reconcile.Found[memory.Thing]{ID: "1", Known: memory.Named("a")}
	gone := reconcile.Step[memory.Thing]{
		Index: -1, Key: "a", ID: "1", Action: reconcile.Delete, Deleted: &have, Changes: reconcile.Removed(have),
	}
	stuck := gone
	stuck.Err = errors.New("stuck")

	answer := resource.NewAnswer(resource.Usage{Calls: 3}, true)
	assert.Equal(t, false, answer["changed"])
	things.AddTo(answer, nil, "all")
	assert.Equal(t, []map[string]any{}, answer["things"])
	others.AddTo(answer, reconcile.Plan[memory.Thing]{gone, stuck}, "all")
	things.AddTo(answer, reconcile.Plan[memory.Thing]{gone}, "all")
	assert.Equal(t, true, answer["changed"])
	assert.Equal(t, map[string]int{"created": 0, "updated": 0, "replaced": 0, "deleted": 2, "unchanged": 0, "failed": 1}, answer["summary"])
	assert.Len(t, answer["things"], 1)
	assert.Len(t, answer["others"], 2)
	assert.Len(t, answer["diff"], 2, "what failed is no difference")
	assert.Equal(t, 3, answer["api"].(map[string]any)["calls"])

	assert.NoError(t, things.Failure(reconcile.Plan[memory.Thing]{gone}))
	assert.EqualError(t, others.Failure(reconcile.Plan[memory.Thing]{gone, stuck}), "1 of 2 others failed: stuck")

	same := gone
	same.Action, same.Changes = reconcile.Unchanged, nil
	short := resource.NewAnswer(resource.Usage{}, false)
	things.AddTo(short, reconcile.Plan[memory.Thing]{same, gone}, resource.OnlyChanged)
	assert.Len(t, short["things"], 1)
	assert.Equal(t, 1, short["summary"].(map[string]int)["unchanged"])

	assert.NotContains(t, resource.NewAnswer(resource.Usage{}, false), "diff")
}
