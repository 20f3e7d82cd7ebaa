// SPDX-License-Identifier: GPL-3.0-or-later

// Package argspec holds modules for tests of the contract with Ansible. Argspec takes every kind of option, as the module
// of that name in Ansible's own integration tests does; Behave does what it is told to, panics and endless work included.
package argspec

import (
	"context"
	_ "embed"
	"errors"
	"fmt"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

//go:embed argspec.yml
var argspecDocumentation []byte

//go:embed behave.yml
var behaveDocumentation []byte

// Argspec answers its options under "options".
func Argspec() ansible.Module {
	oldAliases := []ansible.DeprecatedAlias{
		{Name: "deprecation_aliases_version", Version: "2.0.0", Collection: "foo.bar"},
		{Name: "deprecation_aliases_date", Date: "2023-01-01", Collection: "foo.bar"},
	}
	old := map[string]ansible.OptionRules{
		"deprecation_aliases":       {DeprecatedAliases: oldAliases},
		"deprecation_param_version": {RemovedInVersion: "2.0.0", RemovedFromCollection: "foo.bar"},
		"deprecation_param_date":    {RemovedAtDate: "2023-01-01", RemovedFromCollection: "foo.bar"},
	}
	options := map[string]ansible.OptionRules{
		"required_one_of":   {Rules: ansible.Rules{RequiredOneOf: [][]string{{"thing", "other"}}}},
		"required_by":       {Rules: ansible.Rules{RequiredBy: map[string][]string{"thing": {"other"}}}},
		"required_together": {Rules: ansible.Rules{RequiredTogether: [][]string{{"thing", "other"}}}},
		"required_if": {Rules: ansible.Rules{RequiredIf: []ansible.RequiredIf{
			{Option: "thing", Value: "foo", Requires: []string{"other"}, AnyOf: true},
		}}},
		"password":            {Secret: true},
		"not_a_password":      {NotSecret: true},
		"apply_defaults":      {ApplyDefaults: true},
		"subdeprecation":      {Rules: ansible.Rules{Options: old}},
		"subdeprecation_list": {Rules: ansible.Rules{Options: old}},
	}
	for name, rules := range old {
		options[name] = rules
	}
	return ansible.Module{
		Name: "argspec", Documentation: argspecDocumentation,
		Rules: ansible.Rules{
			RequiredIf:        []ansible.RequiredIf{{Option: "state", Value: "present", Requires: []string{"path", "content"}, AnyOf: true}},
			MutuallyExclusive: [][]string{{"path", "content", "default_value"}},
			RequiredOneOf:     [][]string{{"required_one_of_one", "required_one_of_two"}},
			RequiredBy:        map[string][]string{"required_by_one": {"required_by_two", "required_by_three"}},
			RequiredTogether:  [][]string{{"required_together_one", "required_together_two"}},
			Options:           options,
		},
		Run: func(_ context.Context, call *ansible.Call) (ansible.Result, error) {
			return ansible.Result{"options": call.Params()}, nil
		},
	}
}

type behaveOptions struct {
	Do    string        `mapstructure:"do"`
	Token *secret.Value `mapstructure:"token"`
}

// Behave fails, panics, waits for the end of its context ("wait") or ignores it ("hang"), as the option "do" says. It says
// "started" on standard error before it waits.
func Behave(announce func()) ansible.Module {
	return ansible.Module{
		Name: "behave", Documentation: behaveDocumentation, Params: behaveOptions{}, SupportsCheckMode: true,
		Run: func(ctx context.Context, call *ansible.Call) (ansible.Result, error) {
			var options behaveOptions
			if err := call.Decode(&options); err != nil {
				return nil, err
			}
			result := ansible.Result{"changed": true, "done": []string{"first"}, "token": options.Token}
			call.ReportProgress(func() ansible.Result { return result })
			token := ""
			if options.Token != nil {
				token = options.Token.Reveal()
			}
			switch options.Do {
			case "fail":
				return result, fmt.Errorf("asking with token %s: %w", token, errors.ErrUnsupported)
			case "panic":
				panic("lost " + token)
			case "print":
				fmt.Println("left behind") //nolint:forbidigo // what must not reach the answer
			case "wait":
				announce()
				<-ctx.Done()
				return result, fmt.Errorf("second: %w", ctx.Err())
			case "hang":
				announce()
				<-make(chan struct{})
			}
			return result, nil
		},
	}
}
