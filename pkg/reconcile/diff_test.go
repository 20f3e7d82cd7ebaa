// SPDX-License-Identifier: GPL-3.0-or-later

package reconcile_test

import (
	"fmt"
	"strings"
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
	assert.Empty(t, reconcile.Set(state{inner: 1, Untold: "x", Skipped: "y"}), "what has no name is not compared")
	changes := reconcile.Set(state{
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
	assert.Empty(t, reconcile.Diff(reconcile.Object[state]{State: state{Name: &name}}, state{Name: &same}), "pointers are followed")
	assert.Equal(t, []reconcile.Change{{Field: "name", Before: "n"}}, reconcile.Removed(reconcile.Found[state]{Known: state{Name: &name}}))
}

func TestOverlay(t *testing.T) {
	type form struct {
		Name   *string  `mapstructure:"name"`
		Other  *string  `mapstructure:"other"`
		List   []string `mapstructure:"list"`
		hidden int
	}
	text := func(s string) *string { return &s }
	folded := func(field string, have, want any) bool {
		return field == "name" && strings.EqualFold(have.(string), want.(string))
	}
	have := form{Name: text("N"), Other: text("O"), List: []string{"b", "a"}, hidden: 1}
	assert.Equal(t, form{Name: have.Name, Other: have.Other, List: have.List, hidden: 2}, reconcile.Overlay(have, form{hidden: 2}, folded), "unset is filled")
	want := form{Name: text("n"), Other: text("o"), List: []string{"a", "b", "a"}}
	assert.Equal(t, form{Name: have.Name, Other: want.Other, List: have.List}, reconcile.Overlay(have, want, folded), "what means the same takes the form that is there")
	want = form{Name: text("x"), Other: text(""), List: []string{}}
	assert.Equal(t, want, reconcile.Overlay(have, want, folded), "empty is not unset")
	assert.Equal(t, want, reconcile.Overlay(form{}, want, folded))
	assert.Equal(t, []string{}, reconcile.Known(nil))
	assert.Equal(t, []string{"a"}, reconcile.Known([]string{"a"}))
}
