// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"encoding/csv"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// TestMigrating_UptimeTests runs every row of the table of docs/migrating.md, which has every option of the earlier modules.
func TestMigrating_UptimeTests(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	aliases := map[string]string{
		"url": "website_url", "contact": "contact_groups", "contact_group": "contact_groups", "contact_groups_csv": "contact_groups",
	}
	migrating := resourcetest.Migrating{
		Lab: l.Lab, Heading: "StatusCake uptime tests",
		Base: func(row options) options {
			base := options{"name": "web", "website_url": "https://www.example.com", "contact_groups": []string{}, "api_rate_limit": 0}
			for option := range row {
				delete(base, option)
				delete(base, aliases[option])
			}
			if row["id"] != nil {
				base = options{"api_rate_limit": 0}
			}
			return base
		},
		Seed: func() {
			l.byHand("there")
			l.AddContactGroup("Day")
			l.AddContactGroup("Night")
		},
	}
	options := migrating.Run(t)

	file, err := os.Open("testdata/legacy-options.csv")
	require.NoError(t, err)
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	require.NoError(t, err)
	require.Greater(t, len(rows), 50)
	for _, row := range rows[1:] {
		assert.Contains(t, options, row[0], "the table has every option of the earlier modules")
	}
}

func TestLegacyIDAndCommand(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	id := l.byHand("legacy")
	a := l.OK(options{"command": "update", "id": id, "check_rate": 60})
	assert.Equal(t, "updated", a.Only(t).Action)
	a = l.OK(options{"command": "delete", "id": id})
	assert.Equal(t, "deleted", a.Only(t).Action)
	assert.Empty(t, l.Tests())
	assert.Equal(t, "command: delete is state: absent now", a.Deprecations[0].Msg)
	assert.Equal(t, "stackwatch.monitoring", a.Deprecations[0].Collection)
	assert.NotEmpty(t, a.Deprecations[0].Version)
	assert.Equal(t, "unchanged", l.OK(options{"command": "delete", "id": id, "state": "absent"}).Only(t).Action)
}

func TestLegacyNamesInAList(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	a := l.OK(options{"tests": []options{{
		"name": "legacy", "url": "https://legacy.example.com", "test_tags": "a,b", "pause": "yes", "basicpass": "a secret", "confirmation": 6, "contact": 0,
	}}})
	stored := l.stored("legacy")
	assert.Equal(t, "https://legacy.example.com", stored.WebsiteURL)
	assert.Equal(t, []string{"a", "b"}, stored.Tags)
	assert.True(t, stored.Paused)
	assert.Equal(t, "a secret", stored.BasicPassword)
	assert.Equal(t, 3, stored.Confirmation)
	assert.Len(t, a.Deprecations, 2)
}
