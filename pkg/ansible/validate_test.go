// SPDX-License-Identifier: GPL-3.0-or-later

package ansible_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
)

// TestFindings_NameTheElement: of 400 dictionaries in a list the message says which one is wrong, by its position and its name.
func TestFindings_NameTheElement(t *testing.T) {
	m := ansible.Module{Name: "probe", Documentation: []byte(`
DOCUMENTATION:
  options:
    tests:
      type: list
      elements: dict
      options:
        name: {}
        kind: {choices: [HTTP, TCP]}
        port: {type: int}
        codes: {type: list, elements: int}
        checks: {type: list, elements: dict, options: {name: {required: true}, when: {type: dict, options: {hour: {type: int}}}}}
`), Run: func(context.Context, *ansible.Call) (ansible.Result, error) { return nil, nil }}
	many := strings.Repeat(`{"name": "x"}, `, 398)
	typos := strings.Repeat(`{"prot": 1}, `, 12)
	for element, want := range map[string]string{
		`{"name": "shop", "kind": "FTP"}`:          "value of kind must be one of: HTTP, TCP, got: FTP found in tests[398] (shop)",
		`{"kind": "FTP"}`:                          "value of kind must be one of: HTTP, TCP, got: FTP found in tests[398]",
		`{"name": "shop", "port": "x"}`:            `argument 'port' is of type str found in 'tests[398] (shop)'. and we were unable to convert to int: "'x'" cannot be converted to an int`,
		`{"name": "shop", "codes": [1, "x"]}`:      `Elements value for option 'codes[1]' found in 'tests[398] (shop)' is of type str and we were unable to convert to int: "'x'" cannot be converted to an int`,
		`"shop"`:                                   "dictionary requested, could not parse JSON or key=value found in tests[398]",
		`{"name": "shop", "checks": [{}]}`:         "missing required arguments: name found in tests[398] (shop) -> checks[0]",
		`{"name": "shop", "nmae": "y", "prot": 1}`: "Unsupported parameters for (probe) module: tests.nmae, tests.prot. Supported parameters include: checks, codes, kind, name, port. Found tests.nmae in tests[398] (shop); tests.prot in tests[398] (shop).",
		`{"name": "shop", "checks": [{"name": "c", "when": {"min": 1}}]}`: "Unsupported parameters for (probe) module: tests.checks.when.min. Supported parameters include: hour. Found tests.checks.when.min in tests[398] (shop) -> checks[0] (c) -> when.",
	} {
		code, answer := execute(t, m, `{"tests": [`+many+element+`]}`)
		assert.Equal(t, 1, code)
		assert.Equal(t, want, answer["msg"])
	}
	_, answer := execute(t, m, `{"tests": [`+typos+`{"name": "x"}]}`)
	var in []string
	for i := range 10 {
		in = append(in, fmt.Sprintf("tests[%d]", i))
	}
	assert.Equal(t, "Unsupported parameters for (probe) module: tests.prot. Supported parameters include: checks, codes, kind, name, port. Found tests.prot in "+
		strings.Join(in, ", ")+" and 2 more.", answer["msg"])
}
