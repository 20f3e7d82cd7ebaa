// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// TestMigrating_Pingdom runs every row of the table of docs/migrating.md, which has every option of the module of community.general.
func TestMigrating_Pingdom(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{Now: noon}) // a check holds when it was made
	options := resourcetest.Migrating{
		Lab: l.Lab, Heading: "Pingdom of community.general",
		Base: func(row options) options {
			base := options{"id": "8000001", "state": "paused", "api_rate_limit": 0}
			if row["checkid"] != nil {
				delete(base, "id")
			}
			for option := range row {
				delete(base, option)
			}
			return base
		},
		Seed: func() { l.byHand("there") },
	}.Run(t)
	for _, option := range []string{"state", "checkid", "uid", "passwd", "key"} {
		assert.Contains(t, options, option, "the table has every option of the earlier module")
	}
}
