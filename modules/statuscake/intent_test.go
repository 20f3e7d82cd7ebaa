// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake/conformtest"
)

// TestCheckMode_RefusesWhatTheServerWould holds that nothing is promised which the run cannot do.
func TestCheckMode_RefusesWhatTheServerWould(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		given options
		says  string
	}{
		"an unknown region": {options{"regions": []string{"london", "atlantis"}}, "a: value of regions must be region codes, got: atlantis; there are: amsterdam, "},
		"an unknown contact group": {options{"contact_groups": []int{300001, 7}},
			"a: value of contact_groups must be ids or names of contact groups, got: 7; there are: Day (300001)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, emulator.Options{})
			l.AddContactGroup("Day")
			task := site("a").With(c.given)
			for _, a := range []answer{l.DryRun(task), l.Run(task)} {
				assert.True(t, a.Failed)
				assert.Contains(t, a.Msg, c.says)
			}
			l.byHand("a")
			for _, a := range []answer{l.DryRun(task), l.Run(task), l.DryRun(options{"tests": []options{task}}), l.Run(options{"tests": []options{task}})} {
				assert.True(t, a.Failed)
				assert.Contains(t, a.Msg, c.says)
			}
			assert.Zero(t, l.Writes())
		})
	}
}

func TestUnknownIDs_AreLookedUpOnlyForChanges(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	group := l.AddContactGroup("Day")
	task := site("a").With(options{"regions": "london,london,paris", "contact_groups": group})
	l.OK(task)
	assert.Equal(t, 1, l.Count(http.MethodGet, "/v1/uptime-locations"))
	assert.Equal(t, 1, l.Count(http.MethodGet, "/v1/contact-groups"))
	assert.Equal(t, []string{"london", "london", "paris"}, l.stored("a").Regions, "two servers in one region are asked for as it was written")
	l.ResetCalls()
	l.Settled(task)
	l.Settled(task.With(options{"regions": "paris,london"}))
	l.OK(task.With(options{"state": "absent"}))
	assert.Zero(t, l.Count("", "/v1/uptime-locations")+l.Count("", "/v1/contact-groups"), "what the test has already exists")
}

func TestRename_RefusesATakenName(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	first := l.byHand("first")
	second := l.byHand("second", ofStack("shop"))
	l.byHand("third", ofStack("shop"))
	l.byHand("second")
	for _, task := range []options{
		{"id": second, "name": "third"}, {"id": second, "name": "third", "stack": "shop"}, {"id": first, "name": "second"},
		{"id": first, "name": "third", "stack": "shop"}, {"tests": []options{{"id": first, "name": "new"}, {"id": second, "name": "third"}}},
	} {
		for _, a := range []answer{l.DryRun(task), l.Run(task)} {
			assert.True(t, a.Failed, "%v", task)
			assert.Contains(t, a.Msg, "which is the name of id ")
			assert.Contains(t, a.Msg, "every task by that name would then find both")
		}
	}
	assert.ElementsMatch(t, []string{"new", "second", "third", "second"}, l.names(), "only what was right was done")
	swapped := options{"tests": []options{{"id": second, "name": "third"}, {"id": l.stored("third").ID, "name": "second"}}}
	l.OK(swapped)
	l.Settled(swapped)
}

func TestNewTests_WarnWhereNobodyIsAlerted(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.AddContactGroup("Day")
	warning := func(names string) []string {
		return []string{"new tests without contact_groups alert nobody: " + names + "; set contact_groups, or write contact_groups: [] where that is meant"}
	}
	list := options{"stack": "shop", "tests": []options{
		site("a"), site("b"), site("meant").With(options{"contact_groups": []string{}}), site("alerted").With(options{"contact_groups": "Day"}),
	}}
	assert.Equal(t, warning("shop/a, shop/b"), l.DryRun(list).Warnings)
	assert.Equal(t, warning("shop/a, shop/b"), l.OK(list).Warnings)
	assert.Empty(t, l.OK(list).Warnings, "only new tests")
	assert.Empty(t, l.OK(options{"contact_groups": "Day", "tests": []options{site("c")}}).Warnings)
	assert.Empty(t, l.OK(options{"contact_groups": []string{}, "tests": []options{site("d")}}).Warnings)
}

func TestCredentials_AreNotDroppedInSilence(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.byHand("a", func(t *vendor.Test) { t.BasicUsername, t.BasicPassword = "bob", "old" })
	task := options{"name": "a", "basic_username": "ada", "basic_password": "correct-horse"}
	for _, a := range []answer{l.DryRun(task), l.OK(task), l.OK(options{"name": "a", "basic_username": ""})} {
		require.Len(t, a.Warnings, 1)
		assert.Contains(t, a.Warnings[0], "are not sent to tests that exist, because StatusCake does not tell whether they differ: a; write update_password: always")
		assert.False(t, a.Changed)
	}
	assert.Equal(t, "bob", l.stored("a").BasicUsername)

	assert.Empty(t, l.OK(task.With(options{"update_password": "on_create"})).Warnings, "the user has decided")
	assert.Empty(t, l.OK(task.With(options{"update_password": "always"})).Warnings)
	assert.Equal(t, []string{"ada", "correct-horse"}, []string{l.stored("a").BasicUsername, l.stored("a").BasicPassword})
	assert.Empty(t, l.OK(site("new").With(task).With(options{"name": "new", "contact_groups": ""})).Warnings, "a new test gets them")
	assert.Empty(t, l.OK(options{"name": "a", "basic_username": "x", "state": "absent"}).Warnings)
}

func TestBareHosts_KeepTheSchemeThatIsThere(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{}, conformtest.AllowRefused())
	for i, c := range []struct{ current, given, stored string }{
		{"", "www.example.com", "https://www.example.com"},
		{"", "www.example.com/x?y=1", "https://www.example.com/x?y=1"},
		{"", "www.example.com:443", "https://www.example.com:443"},
		{"", "www.example.com:80/x", "http://www.example.com:80/x"},
		{"http://www.example.com/", "WWW.example.com", "http://www.example.com/"},
		{"www.example.com", "www.example.com/", "www.example.com"},
		{"http://www.example.org", "www.example.com", "https://www.example.com"},
	} {
		name := fmt.Sprintf("test %d", i)
		if c.current != "" {
			l.byHand(name, func(t *vendor.Test) { t.WebsiteURL = c.current })
		}
		for range 2 {
			a := l.OK(options{"name": name, "url": c.given, "contact_groups": ""})
			assert.Equal(t, c.stored, l.stored(name).WebsiteURL)
			require.Len(t, a.Deprecations, 1)
			assert.Equal(t, "website_url: "+c.given+" has no scheme and is taken for "+c.stored+"; write it with http:// or https://", a.Deprecations[0].Msg)
		}
		l.Settled(options{"name": name, "url": c.given})
	}
	l.byHand("host", func(t *vendor.Test) { t.TestType, t.WebsiteURL = "PING", "host.example.com" })
	assert.Empty(t, l.OK(options{"name": "host", "url": "host.example.com"}).Deprecations)
	assert.Contains(t, l.Run(options{"name": "host", "url": "https://host.example.com"}).Msg, "write website_url: host.example.com")
}

// TestTargets_AreComplete holds that no test is created or changed so that it tests nothing, also where only the
// service knows its type.
func TestTargets_AreComplete(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.byHand("tcp", func(t *vendor.Test) { t.TestType, t.WebsiteURL, t.Port = "TCP", "db.example.com", 5432 })
	l.byHand("dns", func(t *vendor.Test) { t.TestType, t.WebsiteURL, t.DNSIPs = "DNS", "example.com", []string{"192.0.2.1"} })
	l.byHand("half", func(t *vendor.Test) { t.TestType, t.WebsiteURL = "TCP", "db.example.com" })
	for what, c := range map[string]struct {
		task options
		says string
	}{
		"the port is cleared":           {options{"name": "tcp", "port": 0}, "tcp: port is required for test_type TCP"},
		"the addresses are cleared":     {options{"name": "dns", "dns_ips": ""}, "dns: dns_ips is required for test_type DNS"},
		"a URL for a host":              {options{"name": "tcp", "website_url": "https://db.example.com"}, "tcp: value of website_url must be a host name"},
		"replaced without a port":       {options{"name": "dns", "test_type": "SSH", "allow_replace": true}, "dns: port is required for test_type SSH"},
		"a host alone without a scheme": {options{"name": "new", "website_url": "localhost"}, "new: value of website_url must be a URL"},
	} {
		for _, a := range []answer{l.DryRun(c.task), l.Run(c.task)} {
			assert.True(t, a.Failed, what)
			assert.Contains(t, a.Msg, c.says, what)
		}
	}
	assert.Zero(t, l.Writes())
	assert.Equal(t, "updated", l.OK(options{"name": "half", "paused": true}).Only(t).Action, "only what the task sets is checked")
	assert.Equal(t, "updated", l.OK(options{"name": "tcp", "test_type": "TCP", "paused": true}).Only(t).Action, "the port stays")
	l.OK(options{"name": "dns", "website_url": "example.com", "test_type": "SSH", "port": 22, "allow_replace": true, "contact_groups": ""})
	assert.Equal(t, 22, l.stored("dns").Port)
}

func TestBodies_ReplaceEachOther(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.OK(site("a").With(options{"post_raw": "raw text"}))
	task := options{"name": "a", "post_body": options{"field": "value of it"}}
	a := l.OK(task)
	assert.Len(t, a.Only(t).Changes, 2, "a test sends one body")
	assert.Empty(t, l.stored("a").PostRaw)
	l.Settled(task)
	l.OK(options{"name": "a", "post_raw": "raw text"})
	assert.Empty(t, l.stored("a").PostBody)
}

func TestHeaders_AreTexts(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	task := site("a").With(options{"custom_header": options{"X-N": 5, "X-B": true, "X-T": "text"}})
	l.OK(task)
	assert.JSONEq(t, `{"X-N": "5", "X-B": "true", "X-T": "text"}`, l.stored("a").CustomHeader)
	l.Settled(task)
}
