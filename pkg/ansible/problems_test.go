// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOneLine(t *testing.T) {
	port, size := errors.New("value of port must be 1 to 65535, got: 0"), errors.New("value of size must be 1, got: 2")
	both := errors.Join(port, size)
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"one":                      {port, "value of port must be 1 to 65535, got: 0"},
		"a line break in a value":  {errors.New("got: a\nb"), "got: a\nb"},
		"two":                      {both, "value of port must be 1 to 65535, got: 0; value of size must be 1, got: 2"},
		"the same twice":           {errors.Join(both, port), "value of port must be 1 to 65535, got: 0; value of size must be 1, got: 2"},
		"behind a text":            {fmt.Errorf("live: %w", both), "live: value of port must be 1 to 65535, got: 0; live: value of size must be 1, got: 2"},
		"several in one text":      {fmt.Errorf("%w, and %w", port, size), "value of port must be 1 to 65535, got: 0, and value of size must be 1, got: 2"},
		"one in an element":        {InElement("tests[3] (shop)", port), "tests[3] (shop): value of port must be 1 to 65535, got: 0"},
		"an element behind a text": {fmt.Errorf("reading: %w", InElement("tests[3]", port)), "reading: tests[3]: value of port must be 1 to 65535, got: 0"},
		"two in an element":        {InElement("a[0]", both), "a[0]: value of port must be 1 to 65535, got: 0; a[0]: value of size must be 1, got: 2"},
		"an element of an element": {InElement("hosts[0] (web)", InElement("services[1] (http)", port)), "hosts[0] (web) -> services[1] (http): value of port must be 1 to 65535, got: 0"},
		"the same in two":          {errors.Join(InElement("a[0]", both), InElement("a[2]", port)), "a[0], a[2]: value of port must be 1 to 65535, got: 0; a[0]: value of size must be 1, got: 2"},
		"inherited by elements":    {errors.Join(InElement("a[0]", both), port), "value of port must be 1 to 65535, got: 0; a[0]: value of size must be 1, got: 2"},
		"no position":              {InElement("", port), "value of port must be 1 to 65535, got: 0"},
	} {
		assert.Equal(t, c.want, OneLine(c.err), name)
	}
	require.NoError(t, InElement("a[0]", nil))
	assert.ErrorIs(t, InElement("a[0]", fmt.Errorf("b: %w", both)), size)
}

func TestOneLine_IsBounded(t *testing.T) {
	var same, other []error
	for i := range 400 {
		same = append(same, InElement(fmt.Sprintf("tests[%d]", i), errors.New("value of port must be 1, got: 0")))
		other = append(other, fmt.Errorf("value of port must be 1, got: -%d", i))
	}
	assert.Equal(t, "tests[0], tests[1], tests[2], tests[3], tests[4], tests[5], tests[6], tests[7], tests[8], tests[9] and 390 more: value of port must be 1, got: 0",
		OneLine(errors.Join(same...)))
	assert.True(t, strings.HasSuffix(OneLine(errors.Join(other...)), "value of port must be 1, got: -49 and 350 more"))
}

func TestPosition(t *testing.T) {
	for _, c := range []struct {
		want   string
		values map[string]string
	}{
		{"tests[3]", nil},
		{"tests[3] (7)", map[string]string{"id": "7"}},
		{"tests[3] (shop two)", map[string]string{"id": "7", "name": " shop\ntwo "}},
		{"tests[3] (release)", map[string]string{"comment": "release"}},
		{"tests[3] (" + strings.Repeat("ü", 60) + "…)", map[string]string{"name": strings.Repeat("ü", 61)}},
	} {
		assert.Equal(t, c.want, Position("tests", 3, func(option string) string { return c.values[option] }))
	}
}
