// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
)

const seed = `{
	"contact_groups": [{"name": "Operations", "email_addresses": ["ops@example.com"]}],
	"tests": [
		{"name": "Shop", "test_type": "HTTP", "website_url": "https://shop.example.com", "check_rate": 300, "paused": true,
		 "contact_groups": ["300001"], "tags": ["a", "b"], "regions": [], "status_codes_csv": "500,503"},
		{"name": "Name server", "test_type": "DNS", "website_url": "example.com", "check_rate": 60}
	]}`

func TestSeed(t *testing.T) {
	c := newClient(t, emulator.Options{ListLag: 5})
	require.NoError(t, c.e.Load([]byte(seed)))
	_, names := c.list("")
	assert.Equal(t, []string{"Shop", "Name server"}, names, "seeds do not lag")
	shop := c.e.Tests()[0]
	assert.True(t, shop.Paused)
	assert.Equal(t, []string{"300001"}, shop.ContactGroups)
	assert.Equal(t, []string{"a", "b"}, shop.Tags)
	assert.Empty(t, shop.Regions)
	assert.Equal(t, []string{"500", "503"}, shop.StatusCodes)
	assert.Equal(t, 4, shop.TriggerRate, "made as the API makes them")

	start := c.e.Tests()
	c.create()
	c.update(shop.ID, "tags[]", "c")
	c.do("DELETE", "/contact-groups/300001", "")
	c.e.Reset()
	assert.Equal(t, start, c.e.Tests())
	assert.Len(t, c.e.ContactGroups(), 1)
	assert.Equal(t, "6000003", c.create())
}

func TestTheDemoSeedLoadsAndSeedsAddUp(t *testing.T) {
	e := statuscake.New(emulator.Options{})
	require.NoError(t, e.Load(statuscake.DemoSeed()))
	require.NoError(t, e.Load([]byte(`{"contact_groups":[{"name":"Mine"}]}`)))
	var names []string
	for _, group := range e.ContactGroups() {
		names = append(names, group.Name)
	}
	assert.Equal(t, []string{"Operations", "Web", "Databases", "Mine"}, names)
}

func TestASeedWithAMistakeChangesNothing(t *testing.T) {
	e := statuscake.New(emulator.Options{})
	require.NoError(t, e.Load([]byte(seed)))
	before := e.Tests()
	for want, data := range map[string]string{
		"unexpected EOF":                   `{`,
		"nothing after it":                 `{} {}`,
		`unknown field "test"`:             `{"test": []}`,
		"contact_groups[1]: map[name:":     `{"contact_groups": [{"name": "ok"}, {}]}`,
		"tests[0]: name must be a text":    `{"contact_groups": [{"name": "ok"}], "tests": [{"name": null}]}`,
		"tests[0]: tags must be a text":    `{"tests": [{"tags": [["a"]]}]}`,
		"check_rate must be one of":        `{"tests": [{"name":"a","test_type":"HTTP","website_url":"a.example.com","check_rate":7}]}`,
		"nmae is not a known field":        `{"tests": [{"nmae":"a"}]}`,
		"which is not the id of a contact": `{"tests": [{"contact_groups":["1"]}]}`,
	} {
		require.ErrorContains(t, e.Load([]byte(data)), want)
		assert.Equal(t, before, e.Tests())
		assert.Len(t, e.ContactGroups(), 1)
	}
}
