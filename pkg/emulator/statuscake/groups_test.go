// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake/conformtest"
)

func TestContactGroups(t *testing.T) {
	c := newClient(t, emulator.Options{})
	got := c.do("POST", "/contact-groups", form(
		"name", "Operations", "email_addresses[]", "b@example.com", "email_addresses[]", "a@example.com", "integrations[]", "7",
		"mobile_numbers[]", "447700900001", "ping_url", "https://hook.example.com").Encode())
	require.Equal(t, 201, got.status, got.text)
	assert.JSONEq(t, `{"data":{"new_id":"300001"}}`, got.text)
	assert.JSONEq(t, `{"data":{"id":"300001","name":"Operations","email_addresses":["a@example.com","b@example.com"],
		"integrations":["7"],"mobile_numbers":["447700900001"],"ping_url":"https://hook.example.com"}}`,
		c.do("GET", "/contact-groups/300001", "").text)

	require.Equal(t, 201, c.do("POST", "/contact-groups", "name=Operations").status, "names are not unique")
	assert.JSONEq(t, `{"data":[
		{"id":"300001","name":"Operations","email_addresses":["a@example.com","b@example.com"],"integrations":["7"],"mobile_numbers":["447700900001"]},
		{"id":"300002","name":"Operations","email_addresses":[],"integrations":[],"mobile_numbers":[]}],
		"metadata":{"page":1,"per_page":25,"page_count":1,"total_count":2}}`,
		c.do("GET", "/contact-groups", "").text, "the list leaves ping_url out")
	assert.Equal(t, 2, c.do("GET", "/contact-groups?limit=1&page=2", "").body.Metadata["page_count"])

	assert.Equal(t, 204, c.do("PUT", "/contact-groups/300001", "email_addresses[]=&ping_url=").status)
	assert.Equal(t, []statuscake.ContactGroup{
		{ID: "300001", Name: "Operations", Integrations: []string{"7"}, MobileNumbers: []string{"447700900001"}},
		{ID: "300002", Name: "Operations"},
	}, c.e.ContactGroups())

	id := c.create("contact_groups[]", "300001", "contact_groups[]", "300002")
	assert.Equal(t, 204, c.do("DELETE", "/contact-groups/300001", "").status)
	assert.Equal(t, []any{"300002"}, c.read(id)["contact_groups"], "a deleted group leaves the tests")
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		assert.Equal(t, 404, c.do(method, "/contact-groups/300001", map[string]string{"PUT": "name=x"}[method]).status, method)
	}
}

func TestRefusedContactGroups(t *testing.T) {
	c := newClient(t, emulator.Options{}, conformtest.AllowRefused())
	id := c.e.AddContactGroup("Operations", "ops@example.com")
	before := c.e.ContactGroups()
	for sent, field := range map[string]string{
		"name=": "name", "group_name=x": "group_name", "email_addresses=a@example.com": "email_addresses",
		"email_addresses[]=nobody": "email_addresses", "email_addresses[]=a@b@c": "email_addresses",
		"mobile_numbers[]=%2B44": "mobile_numbers", "integrations[]=slack": "integrations", "ping_url=no url": "ping_url",
	} {
		got := c.do("PUT", "/contact-groups/"+id, sent)
		assert.Equal(t, 400, got.status, sent)
		assert.Len(t, got.body.Errors[field], 1, sent)
	}
	assert.Equal(t, map[string][]string{"name": {"name is required"}}, c.do("POST", "/contact-groups", "").body.Errors)
	assert.Equal(t, before, c.e.ContactGroups())
}

func TestLocations(t *testing.T) {
	c := newClient(t, emulator.Options{})
	var servers []map[string]string
	require.NoError(t, json.Unmarshal(c.do("GET", "/uptime-locations", "").body.Data, &servers))
	codes := map[string]int{}
	addresses := map[string]bool{}
	for _, server := range servers {
		codes[server["region_code"]]++
		addresses[server["ipv4"]], addresses[server["ipv6"]] = true, true
	}
	assert.Len(t, codes, len(statuscake.RegionCodes()))
	for _, code := range statuscake.RegionCodes() {
		assert.Equal(t, 2, codes[code], "a region has more servers than one: %s", code)
		c.create("regions[]", code)
	}
	assert.Len(t, addresses, 2*len(servers))
	assert.Subset(t, statuscake.RegionCodes(), []string{"london", "paris", "frankfurt", "new-york"})

	assert.JSONEq(t, `{"data":[
		{"description":"United Kingdom / London - 1","ipv4":"192.0.2.17","ipv6":"2001:db8::11","region":"United Kingdom / London","region_code":"london","status":"up"},
		{"description":"United Kingdom / London - 2","ipv4":"192.0.2.18","ipv6":"2001:db8::12","region":"United Kingdom / London","region_code":"london","status":"up"}]}`,
		c.do("GET", "/uptime-locations?region_code=london", "").text)
	assert.JSONEq(t, `{"data":[]}`, c.do("GET", "/uptime-locations?region_code=atlantis", "").text)
}
