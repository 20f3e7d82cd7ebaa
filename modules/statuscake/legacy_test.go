// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"encoding/csv"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
)

// legacyCase is one option of the earlier Ansible modules for StatusCake, set alone beside name and URL of a test.
type legacyCase struct {
	given  options
	stored func(vendor.Test) any // what of the test it sets; nil for nothing
	want   any
	says   string // the deprecation, or the error; "" for none
	fails  bool
}

const noCounterpart = " has no counterpart in the API v1 and no effect; remove it"

func legacyCases() map[string]legacyCase {
	groups := func(t vendor.Test) any { return t.ContactGroups }
	tags := func(t vendor.Test) any { return t.Tags }
	codes := func(t vendor.Test) any { return t.StatusCodes }
	follows := func(t vendor.Test) any { return t.FollowRedirects }
	alerts := func(t vendor.Test) any { return t.EnableSSLAlert }
	paused := func(t vendor.Test) any { return t.Paused }
	end := func(t vendor.Test) any { return t.FinalEndpoint }
	user := func(t vendor.Test) any { return t.BasicUsername }
	password := func(t vendor.Test) any { return t.BasicPassword }
	host := func(t vendor.Test) any { return t.Host }
	address := func(t vendor.Test) any { return t.WebsiteURL }
	header := func(t vendor.Test) any { return t.CustomHeader }
	body := func(t vendor.Test) any { return t.PostBody }
	dropped := func(name string) legacyCase {
		return legacyCase{given: options{name: "a value"}, says: name + noCounterpart}
	}
	return map[string]legacyCase{
		"username":           {given: options{"username": "my-user"}},
		"api_key":            {given: options{"api_key": token}},
		"name":               {given: options{"name": "legacy"}, stored: func(t vendor.Test) any { return t.Name }, want: "legacy"},
		"url":                {given: options{"url": "https://legacy.example.com/x"}, stored: address, want: "https://legacy.example.com/x"},
		"website_url":        {given: options{"website_url": "https://legacy.example.com/x"}, stored: address, want: "https://legacy.example.com/x"},
		"state":              {given: options{"state": "present"}},
		"state: list":        {given: options{"state": "list"}, says: "value of state must be one of: present, absent, got: list", fails: true},
		"test_tags":          {given: options{"test_tags": "one,two"}, stored: tags, want: []string{"one", "two"}},
		"tags":               {given: options{"tags": []string{"one", "two"}}, stored: tags, want: []string{"one", "two"}},
		"tags_csv":           {given: options{"tags_csv": "one,two"}, stored: tags, want: []string{"one", "two"}},
		"check_rate":         {given: options{"check_rate": "60"}, stored: func(t vendor.Test) any { return t.CheckRate }, want: 60},
		"check_rate: 120":    {given: options{"check_rate": 120}, says: "value of check_rate must be one of: 0, 30, 60, 300, 900, 1800, 3600, 86400, got: 120", fails: true},
		"test_type":          {given: options{"test_type": "HEAD"}, stored: func(t vendor.Test) any { return t.TestType }, want: "HEAD"},
		"test_type: PUSH":    {given: options{"test_type": "PUSH"}, says: "A PUSH test is a heartbeat check in the API v1 (POST /heartbeat), which this module does not manage", fails: true},
		"contact":            {given: options{"contact": 300001}, stored: groups, want: []string{"300001"}},
		"contact_group":      {given: options{"contact_group": "300001"}, stored: groups, want: []string{"300001"}},
		"contact_groups":     {given: options{"contact_groups": []int{300001, 300002}}, stored: groups, want: []string{"300001", "300002"}},
		"contact_groups_csv": {given: options{"contact_groups_csv": "300001,300002"}, stored: groups, want: []string{"300001", "300002"}},
		"user_agent":         {given: options{"user_agent": "agent/1"}, stored: func(t vendor.Test) any { return t.UserAgent }, want: "agent/1"},
		"custom_header":      {given: options{"custom_header": `{"X-Token": "abcdef"}`}, stored: header, want: `{"X-Token": "abcdef"}`},
		"custom_header: {}":  {given: options{"custom_header": options{"X-Token": "abcdef"}}, stored: header, want: `{"X-Token": "abcdef"}`},
		"status_codes":       {given: options{"status_codes": "404,500"}, stored: codes, want: []string{"404", "500"}},
		"status_codes: []":   {given: options{"status_codes": []int{404, 500}}, stored: codes, want: []string{"404", "500"}},
		"status_codes_csv":   {given: options{"status_codes_csv": "404,500"}, stored: codes, want: []string{"404", "500"}},
		"node_locations":     {given: options{"node_locations": "UK1,AU2"}, says: "value of regions must be region codes such as london or new-york, which GET /uptime-locations lists, got: UK1", fails: true},
		"regions":            {given: options{"regions": []string{"london"}}, stored: func(t vendor.Test) any { return t.Regions }, want: []string{"london"}},
		"follow_redirect":    {given: options{"follow_redirect": 1}, stored: follows, want: true},
		"follow_redirects":   {given: options{"follow_redirects": "yes"}, stored: follows, want: true},
		"enable_ssl_alert":   {given: options{"enable_ssl_alert": 1}, stored: alerts, want: true},
		"enable_ssl_warning": {given: options{"enable_ssl_warning": "true"}, stored: alerts, want: true},
		"enable_ssl":         {given: options{"enable_ssl": true}, stored: alerts, want: true},
		"paused":             {given: options{"paused": 1}, stored: paused, want: true},
		"pause":              {given: options{"pause": "yes"}, stored: paused, want: true},
		"trigger_rate":       {given: options{"trigger_rate": "5"}, stored: func(t vendor.Test) any { return t.TriggerRate }, want: 5},
		"confirmation":       {given: options{"confirmation": "3"}, stored: func(t vendor.Test) any { return t.Confirmation }, want: 3},
		"confirmation: 5":    {given: options{"confirmation": 5}, says: "value of confirmation must be 0 to 3 servers, got: 5; the API v1 confirms with at most 3", fails: true},
		"timeout":            {given: options{"timeout": "40"}, stored: func(t vendor.Test) any { return t.Timeout }, want: 40},
		"timeout: 99":        {given: options{"timeout": 99}, says: "value of timeout must be 5 to 75 seconds, got: 99", fails: true},
		"final_location":     {given: options{"final_location": "https://a.example.com/end"}, stored: end, want: "https://a.example.com/end"},
		"final_endpoint":     {given: options{"final_endpoint": "https://a.example.com/end"}, stored: end, want: "https://a.example.com/end"},
		"do_not_find":        {given: options{"do_not_find": 1}, stored: func(t vendor.Test) any { return t.DoNotFind }, want: true},
		"find_string":        {given: options{"find_string": "Welcome"}, stored: func(t vendor.Test) any { return t.FindString }, want: "Welcome"},
		"basicuser":          {given: options{"basicuser": "ann"}, stored: user, want: "ann"},
		"basic_user":         {given: options{"basic_user": "ann"}, stored: user, want: "ann"},
		"basic_username":     {given: options{"basic_username": "ann"}, stored: user, want: "ann"},
		"basicpass":          {given: options{"basicpass": "a secret"}, stored: password, want: "a secret"},
		"basic_pass":         {given: options{"basic_pass": "a secret"}, stored: password, want: "a secret"},
		"basic_password":     {given: options{"basic_password": "a secret"}, stored: password, want: "a secret"},
		"port":               {given: options{"port": "8443"}, stored: func(t vendor.Test) any { return t.Port }, want: 8443},
		"post_raw":           {given: options{"post_raw": "raw text"}, stored: func(t vendor.Test) any { return t.PostRaw }, want: "raw text"},
		"post_body":          {given: options{"post_body": `{"user": "abcdef"}`}, stored: body, want: `{"user": "abcdef"}`},
		"post_body: {}":      {given: options{"post_body": options{"user": "abcdef"}}, stored: body, want: `{"user": "abcdef"}`},
		"use_jar":            {given: options{"use_jar": 1}, stored: func(t vendor.Test) any { return t.UseJAR }, want: true},
		"website_host":       {given: options{"website_host": "Provider"}, stored: host, want: "Provider"},
		"host":               {given: options{"host": "Provider"}, stored: host, want: "Provider"},
		"dns_ip":             {given: options{"dns_ip": "192.0.2.1,192.0.2.2"}, stored: func(t vendor.Test) any { return t.DNSIPs }, want: []string{"192.0.2.1", "192.0.2.2"}},
		"dns_server":         {given: options{"dns_server": "ns.example.com"}, stored: func(t vendor.Test) any { return t.DNSServer }, want: "ns.example.com"},
		"include_header":     {given: options{"include_header": "on"}, stored: func(t vendor.Test) any { return t.IncludeHeader }, want: true},
		"site_ip":            dropped("site_ip"),
		"full_test":          dropped("full_test"),
		"custom_message":     dropped("custom_message"),
		"subject_line":       dropped("subject_line"),
		"sender_address":     dropped("sender_address"),
		"http_agent":         dropped("http_agent"),
		"log_file":           dropped("log_file"),
		"command":            {given: options{"command": "create"}, says: "command: create is state: present now"},
		"command: update":    {given: options{"command": "update"}, says: "command: update is state: present now"},
	}
}

func TestLegacyOptions(t *testing.T) {
	t.Parallel()
	for name, c := range legacyCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, emulator.Options{})
			l.AddContactGroup("Day")
			l.AddContactGroup("Night")
			task := site("legacy")
			if c.given["url"] != nil {
				delete(task, "website_url")
			}
			task = task.With(c.given)
			if c.fails {
				assert.Contains(t, l.Refusal(task), c.says)
				return
			}
			a := l.OK(task)
			assert.Equal(t, "created", a.Only(t).Action)
			assert.Empty(t, a.Warnings)
			if c.says == "" {
				assert.Empty(t, a.Deprecations)
			} else if assert.Len(t, a.Deprecations, 1) {
				assert.Equal(t, c.says, a.Deprecations[0].Msg)
				assert.Equal(t, "stackwatch.monitoring", a.Deprecations[0].Collection)
				assert.NotEmpty(t, a.Deprecations[0].Version)
			}
			if c.stored != nil {
				assert.Equal(t, c.want, c.stored(l.stored("legacy")))
			}
			l.Settled(task)
		})
	}
}

// TestEveryLegacyOption holds the table above against the list of what the earlier modules had.
func TestEveryLegacyOption(t *testing.T) {
	t.Parallel()
	file, err := os.Open("testdata/legacy-options.csv")
	require.NoError(t, err)
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	require.NoError(t, err)
	require.Greater(t, len(rows), 50)
	cases := legacyCases()
	for _, row := range rows[1:] {
		option, field := row[0], row[1]
		c, ok := cases[option]
		if option == "id" { // which finds a test, and so cannot create one: TestLegacyID
			continue
		}
		if !assert.True(t, ok, "no case for %s", option) {
			continue
		}
		// What had a field of the API is stored there or refused, what had none is without effect.
		effect := c.stored != nil || c.fails
		free := slices.Contains([]string{"-", "Authorization: Bearer"}, field)
		assert.Equal(t, free, !effect, "%s, of field %s", option, field)
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
	assert.Equal(t, "unchanged", l.OK(options{"command": "delete", "id": id, "state": "absent"}).Only(t).Action)
}

func TestLegacyNamesInAList(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.OK(options{"tests": []options{{"name": "legacy", "url": "https://legacy.example.com", "test_tags": "a,b", "pause": "yes", "basicpass": "a secret"}}})
	stored := l.stored("legacy")
	assert.Equal(t, "https://legacy.example.com", stored.WebsiteURL)
	assert.Equal(t, []string{"a", "b"}, stored.Tags)
	assert.True(t, stored.Paused)
	assert.Equal(t, "a secret", stored.BasicPassword)
}
