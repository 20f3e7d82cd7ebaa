// SPDX-License-Identifier: GPL-3.0-or-later

package reconcile_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

type inner struct {
	Port *int `mapstructure:"port"`
}

type state struct {
	Name    *string `mapstructure:"name"`
	Plain   string  `mapstructure:"plain,omitempty"`
	inner   int
	Inner   inner          `mapstructure:",squash"`
	List    []string       `mapstructure:"list"`
	Map     map[string]any `mapstructure:"map"`
	Any     any            `mapstructure:"any"`
	Token   *secret.Value  `mapstructure:"token"`
	Untold  string
	Skipped string `mapstructure:"-"`
}

func TestDiff(t *testing.T) {
	name, port, token := "n", 80, secret.New("hunter2")
	assert.Empty(t, reconcile.Diff(state{}, state{inner: 1, Untold: "x", Skipped: "y"}), "what has no name is not compared")
	changes := reconcile.Diff(state{}, state{
		Name: &name, Plain: "p", Inner: inner{Port: &port}, List: []string{}, Map: map[string]any{"k": 1}, Any: 1.5, Token: &token,
	})
	assert.Equal(t, []reconcile.Change{
		{Field: "name", After: "n"},
		{Field: "plain", Before: "", After: "p"},
		{Field: "port", After: 80},
		{Field: "list", After: []string{}},
		{Field: "map", After: map[string]any{"k": 1}},
		{Field: "any", After: 1.5},
		{Field: "token", After: token},
	}, changes, "unset and empty are different")
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v", changes, changes, changes), "hunter2")

	same := "n"
	assert.Empty(t, reconcile.Diff(state{Name: &name}, state{Name: &same}), "pointers are followed")
	assert.Equal(t, []reconcile.Change{{Field: "name", Before: "n"}}, reconcile.Diff(state{Name: &name}, state{}))
}
