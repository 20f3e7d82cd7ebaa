// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
)

const agent = "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)"

// sample is every field of a type as it is sent, and the check that is then read, without its id.
type sample struct{ sent, read object }

// samples has one for each type; users and teams are those of people.
func samples(user, team int) map[string]sample {
	sent := object{
		"paused": true, "resolution": 15, "sendnotificationwhendown": 4, "notifyagainevery": 3, "notifywhenbackup": false,
		"responsetime_threshold": 2300, "custom_message": "Call us", "integrationids": []int{7, 8}, "userids": fmt.Sprint(user),
		"teamids": fmt.Sprint(team), "tags": []string{"web", "stack-shop"}, "probe_filters": []string{"region: EU", "region:NA"}, "ipv6": true,
	}
	read := object{
		"name": "Every field", "hostname": "every.example.com", "status": "paused", "created": float64(noon().Unix()),
		"resolution": 15.0, "sendnotificationwhendown": 4.0, "notifyagainevery": 3.0, "notifywhenbackup": false,
		"responsetime_threshold": 2300.0, "custom_message": "Call us", "integrationids": []any{7.0, 8.0}, "userids": []any{float64(user)},
		"teams": []any{object{"id": float64(team), "name": "Web"}}, "probe_filters": []any{"region: EU", "region: NA"}, "ipv6": true,
		"tags": []any{object{"name": "web", "type": "u", "count": "1"}, object{"name": "stack-shop", "type": "u", "count": "1"}},
	}
	webSent := object{
		"url": "/health", "encryption": true, "port": 8443, "auth": "user:pa:ss", "shouldcontain": "ok", "postdata": "a=b",
		"requestheaders0": "X-One:1", "requestheaders1": []string{"X-Two: 2"}, "verify_certificate": true, "ssl_down_days_before": 14,
	}
	webRead := object{
		"url": "/health", "encryption": true, "port": 8443.0, "username": "user", "password": "pa:ss", "shouldcontain": "ok",
		"shouldnotcontain": "", "postdata": "a=b", "verify_certificate": true, "ssl_down_days_before": 14.0,
		"requestheaders": object{"X-One": "1", "X-Two": " 2", "User-Agent": agent},
	}
	all := map[string]sample{}
	add := func(kind string, ownSent, ownRead object) {
		s := sample{sent: object{"name": "Every field", "host": "every.example.com", "type": kind}, read: object{"type": object{kind: ownRead}}}
		maps.Copy(s.sent, sent)
		maps.Copy(s.sent, ownSent)
		maps.Copy(s.read, read)
		if kind == "http" || kind == "httpcustom" {
			s.read["verify_certificate"] = true
			s.read["tags"] = append([]any{object{"name": "nginx", "type": "a", "count": "1"}}, read["tags"].([]any)...)
		}
		all[kind] = s
	}
	add("http", webSent, webRead)
	custom, customRead := maps.Clone(webSent), maps.Clone(webRead)
	custom["additionalurls"], customRead["additionalurls"] = "https://a.example.com/x;http://b.example.com", "https://a.example.com/x;http://b.example.com"
	add("httpcustom", custom, customRead)
	add("ping", object{}, object{})
	add("dns", object{"nameserver": "192.0.2.53", "expectedip": "192.0.2.1"}, object{"nameserver": "192.0.2.53", "expectedip": "192.0.2.1"})
	for _, kind := range []string{"tcp", "udp"} {
		add(kind, object{"port": 7, "stringtosend": "hi", "stringtoexpect": "ho"}, object{"port": 7.0, "stringtosend": "hi", "stringtoexpect": "ho"})
	}
	for _, kind := range []string{"pop3", "imap"} {
		add(kind, object{"port": 7, "encryption": true, "stringtoexpect": "ho"}, object{"port": 7.0, "encryption": true, "stringtoexpect": "ho"})
	}
	add("smtp", object{"port": 7, "encryption": true, "stringtoexpect": "ho", "auth": "user:pw"},
		object{"port": 7.0, "encryption": true, "stringtoexpect": "ho", "username": "user", "password": "pw"})
	return all
}

// withPeople is a client of an account with a contact and a team, and the samples that name them.
func withPeople(t *testing.T) (*client, map[string]sample) {
	t.Helper()
	c := newClient(t, emulator.Options{Now: noon})
	user := c.e.AddContact("Ada", "ada@example.com")
	return c, samples(user, c.e.AddTeam("Web", user))
}

func TestEveryFieldOfEveryTypeReadsBack(t *testing.T) {
	t.Parallel()
	c, all := withPeople(t)
	require.Len(t, all, len(pingdom.Types()))
	for kind, s := range all {
		id := c.create(s.sent)
		s.read["id"] = float64(id)
		assert.Equal(t, s.read, c.read(id), kind)

		update := maps.Clone(s.sent)
		delete(update, "type")
		require.NoError(t, c.e.Remove(id))
		other := c.create(object{"type": kind})
		c.update(other, update)
		s.read["id"] = float64(other)
		assert.Equal(t, s.read, c.read(other), "%s: an update reaches the same state", kind)
		require.NoError(t, c.e.Remove(other))
	}
}

func TestAFormSaysTheSameAsJSON(t *testing.T) {
	t.Parallel()
	c, all := withPeople(t)
	for kind, s := range all {
		form := url.Values{}
		for name, value := range s.sent {
			form.Set(name, strings.NewReplacer("[", "", "]", "", "region: ", "region:").Replace(fmt.Sprint(value)))
		}
		form.Set("tags", "web,stack-shop")
		form.Set("probe_filters", "region:EU,region: NA")
		form.Set("integrationids", "7,8")
		if form.Has("requestheaders1") {
			form.Set("requestheaders1", "X-Two: 2")
		}
		id := number(c.must("POST", "/checks", form)["check"].(object)["id"])
		s.read["id"] = float64(id)
		assert.Equal(t, s.read, c.read(id), kind)
		require.NoError(t, c.e.Remove(id))
	}
}

func TestAnUpdateChangesOnlyWhatIsSent(t *testing.T) {
	t.Parallel()
	c, all := withPeople(t)
	for kind, s := range all {
		for name, value := range s.sent {
			id := c.create(object{"type": kind})
			before, sent, want := c.stored(id), object{name: value}, 1
			switch name {
			case "type":
				continue
			case "encryption":
				sent["port"] = before.Port
			case "verify_certificate":
				sent[name] = false
			case "auth":
				want = 2 // user name and password
			}
			c.update(id, sent)
			assert.Len(t, differing(t, before, c.stored(id)), want, "%s: %s", kind, name)
		}
	}
}

// differing names the fields in which two stored checks differ.
func differing(t *testing.T, a, b pingdom.Check) []string {
	t.Helper()
	left, right := asObject(t, a), asObject(t, b)
	var names []string
	for name := range left {
		if !assert.ObjectsAreEqual(left[name], right[name]) {
			names = append(names, name)
		}
	}
	return names
}

func asObject(t *testing.T, v any) object {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	var o object
	require.NoError(t, json.Unmarshal(data, &o))
	return o
}
