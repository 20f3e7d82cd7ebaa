// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

func TestFirstContact(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	a := l.OK(site("a").With(options{"stack": "shop", "encryption": true}))
	assert.Equal(t, []string{"a created"}, a.Actions())
	l.Settled(site("a").With(options{"stack": "shop", "encryption": true}))
	assert.Equal(t, 443, l.stored("a").Port)
}
