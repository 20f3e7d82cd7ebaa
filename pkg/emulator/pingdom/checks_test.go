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

func TestWhatACreationGetsByItself(t *testing.T) {
	t.Parallel()
	own := map[string]object{
		"ping": {}, "tcp": {"port": 22.0, "stringtosend": "", "stringtoexpect": ""},
		"udp":  {"port": 53.0, "stringtosend": "a", "stringtoexpect": "b"},
		"dns":  {"nameserver": "ns.example.com", "expectedip": "192.0.2.9"},
		"smtp": {"port": 25.0, "encryption": false, "stringtoexpect": ""},
		"pop3": {"port": 110.0, "encryption": false, "stringtoexpect": ""},
		"imap": {"port": 143.0, "encryption": false, "stringtoexpect": ""},
	}
	for _, kind := range []string{"http", "httpcustom"} {
		own[kind] = object{
			"url": "/", "port": 80.0, "encryption": false, "shouldcontain": "", "shouldnotcontain": "", "postdata": "",
			"verify_certificate": true, "requestheaders": object{"User-Agent": agent},
		}
	}
	own["httpcustom"]["additionalurls"] = ""
	for kind, fields := range own {
		c := newClient(t, emulator.Options{Now: noon})
		id := c.create(object{"type": kind})
		want := object{
			"id": float64(id), "name": "Shop", "hostname": "shop.example.com", "status": "unknown", "created": float64(noon().Unix()),
			"resolution": 5.0, "sendnotificationwhendown": 2.0, "notifyagainevery": 0.0, "notifywhenbackup": true,
			"responsetime_threshold": 30000.0, "custom_message": "", "integrationids": []any{}, "teams": []any{}, "tags": []any{},
			"probe_filters": []any{}, "ipv6": false, "type": object{kind: fields},
		}
		if _, web := fields["url"]; web {
			want["verify_certificate"] = true
			want["tags"] = []any{object{"name": "nginx", "type": "a", "count": "1"}}
		}
		assert.Equal(t, want, c.read(id), kind)
	}
}

func TestASparseAnswerLeavesOutWhatIsUsual(t *testing.T) {
	t.Parallel()
	for kind, own := range map[string]any{
		"http": object{"requestheaders": object{"User-Agent": agent}}, "ping": object{}, "tcp": object{"port": 22.0},
		"smtp": object{}, "imap": object{}, "dns": object{"nameserver": "ns.example.com", "expectedip": "192.0.2.9"},
	} {
		c := newClient(t, emulator.Options{Now: noon})
		require.NoError(t, c.e.SetQuirks(pingdom.Quirks{Sparse: true}))
		id := c.create(object{"type": kind})
		require.NoError(t, c.e.Change(id, func(check *pingdom.Check) { check.AutoTags = nil }))
		want := object{
			"id": float64(id), "name": "Shop", "hostname": "shop.example.com", "status": "unknown", "created": float64(noon().Unix()),
			"resolution": 5.0, "type": object{kind: own},
		}
		assert.Equal(t, want, c.read(id), kind)
	}

	c, all := withPeople(t)
	require.NoError(t, c.e.SetQuirks(pingdom.Quirks{Sparse: true}))
	for kind, s := range all {
		id := c.create(s.sent)
		read := c.read(id)
		for name, value := range s.read {
			if name != "type" && name != "verify_certificate" {
				assert.Equal(t, value, read[name], "%s: %s is not usual", kind, name)
			}
		}
		require.NoError(t, c.e.Remove(id))
	}
}

func TestFormsThatHaveBeenSeen(t *testing.T) {
	t.Parallel()
	c, all := withPeople(t)
	id := c.create(all["ping"].sent)
	for form, want := range map[pingdom.PingForm]any{
		"": object{"ping": object{}}, pingdom.PingObject: object{"ping": object{}}, pingdom.PingText: "ping", pingdom.PingList: object{"ping": []any{}},
	} {
		require.NoError(t, c.e.SetQuirks(pingdom.Quirks{Ping: form, TextTeamIDs: form == pingdom.PingText}))
		read := c.read(id)
		assert.Equal(t, want, read["type"])
		_, isText := read["teams"].([]any)[0].(object)["id"].(string)
		assert.Equal(t, form == pingdom.PingText, isText)
	}
	require.ErrorContains(t, c.e.SetQuirks(pingdom.Quirks{Ping: "none"}), `got: "none"`)
	require.ErrorContains(t, c.e.SetQuirks(pingdom.Quirks{MissingStatus: 500}), "400 to 499, got: 500")

	_, shown := c.must("GET", at(id), nil)["check"].(object)["teams"]
	assert.False(t, shown, "teams are told on request")
}

func TestAnEmptyValueClears(t *testing.T) {
	t.Parallel()
	c, all := withPeople(t)
	for kind, s := range all {
		for name := range s.sent {
			empty := []any{""}
			switch name {
			case "tags", "probe_filters", "integrationids":
				empty = append(empty, []string{})
			case "requestheaders0":
				empty = append(empty, []string{}, []string{""})
			case "userids", "teamids", "custom_message", "url", "auth", "shouldcontain", "postdata", "additionalurls":
			case "stringtosend", "stringtoexpect":
				if kind == "udp" {
					continue
				}
			default:
				continue
			}
			for _, value := range empty {
				id := c.create(s.sent)
				before := c.stored(id)
				c.update(id, object{name: value})
				after := c.stored(id)
				field := map[string]string{"auth": "password", "requestheaders0": "requestheaders"}[name]
				if field == "" {
					field = name
				}
				assert.Contains(t, differing(t, before, after), field, "%s: %s", kind, name)
				if name == "url" {
					assert.Equal(t, "/", after.URL)
				} else {
					assert.Empty(t, asObject(t, after)[field], "%s: %s", kind, name)
				}
				require.NoError(t, c.e.Remove(id))
			}
		}
	}
}

func TestHeadersAreReplacedTogether(t *testing.T) {
	t.Parallel()
	c := newClient(t, emulator.Options{})
	id := c.create(object{"requestheaders0": "A:1", "requestheaders7": "B:x:y", "requestheaders12": ""})
	headers := func() object { return c.read(id)["type"].(object)["http"].(object)["requestheaders"].(object) }
	assert.Equal(t, object{"A": "1", "B": "x:y", "User-Agent": agent}, headers())
	c.update(id, object{"paused": true})
	assert.Len(t, headers(), 3)
	c.update(id, object{"requestheaders3": []string{"B:2"}, "requestheaders4": "User-Agent:mine"})
	assert.Equal(t, object{"B": "2", "User-Agent": "mine"}, headers())
}

func TestOneMatcherReplacesTheOther(t *testing.T) {
	t.Parallel()
	c := newClient(t, emulator.Options{})
	id := c.create(object{"shouldcontain": "ok"})
	got := c.do("PUT", at(id), object{"shouldnotcontain": "error"})
	assert.Equal(t, 400, got.status)
	assert.Contains(t, got.problem(t), "shouldcontain cannot be used together with shouldnotcontain")
	assert.Equal(t, "ok", c.stored(id).ShouldContain)
	c.update(id, object{"shouldnotcontain": "error", "shouldcontain": ""})
	assert.Equal(t, "error", c.stored(id).ShouldNotContain)
	assert.Empty(t, c.stored(id).ShouldContain)
}

func TestEncryptionAndPortGoTogether(t *testing.T) {
	t.Parallel()
	c := newClient(t, emulator.Options{})
	for kind, ports := range map[string][2]int{
		"http": {80, 443}, "httpcustom": {80, 443}, "smtp": {25, 465}, "pop3": {110, 995}, "imap": {143, 993},
	} {
		id := c.create(object{"type": kind})
		assert.Equal(t, ports[0], c.stored(id).Port, kind)
		assert.Equal(t, ports[1], c.stored(c.create(object{"type": kind, "encryption": true})).Port, kind)
		got := c.do("PUT", at(id), object{"encryption": true})
		assert.Equal(t, 400, got.status, kind)
		assert.Contains(t, got.problem(t), "encryption cannot be switched without port")
		c.update(id, object{"encryption": false})
		c.update(id, object{"encryption": true, "port": 7})
		assert.Equal(t, 7, c.stored(id).Port)
		assert.True(t, c.stored(id).Encryption)
	}
}

func TestTheExpiryOfACertificateNeedsItsVerification(t *testing.T) {
	t.Parallel()
	c := newClient(t, emulator.Options{})
	id := c.create(object{"ssl_down_days_before": 14})
	shown := func() (any, bool) {
		days, is := c.read(id)["type"].(object)["http"].(object)["ssl_down_days_before"]
		return days, is
	}
	days, _ := shown()
	assert.InDelta(t, 14, days, 0)
	c.update(id, object{"verify_certificate": false})
	_, is := shown()
	assert.False(t, is)
	assert.Contains(t, c.do("PUT", at(id), object{"ssl_down_days_before": 7}).problem(t), "ssl_down_days_before requires verify_certificate")
	c.update(id, object{"verify_certificate": true})
	days, _ = shown()
	assert.InDelta(t, 14, days, 0, "it was there, unseen")
	c.update(id, object{"ssl_down_days_before": 0})
	_, is = shown()
	assert.False(t, is)
	c.update(id, object{"ssl_down_days_before": 0, "verify_certificate": false})
}

func TestAnAddressAsHostDecidesOverIPv6(t *testing.T) {
	t.Parallel()
	c := newClient(t, emulator.Options{})
	assert.True(t, c.stored(c.create(object{"host": "2001:db8::1", "ipv6": false})).IPv6)
	id := c.create(object{"host": "192.0.2.1", "ipv6": true})
	assert.False(t, c.stored(id).IPv6)
	c.update(id, object{"host": "2001:db8::1"})
	assert.True(t, c.stored(id).IPv6)
	c.update(id, object{"host": "example.com", "ipv6": true})
	assert.True(t, c.stored(id).IPv6)
}

func TestTagsAreAdded(t *testing.T) {
	t.Parallel()
	c := newClient(t, emulator.Options{})
	id := c.create(object{"tags": "a,b"})
	c.update(id, object{"addtags": []string{"b", "c"}})
	assert.Equal(t, []string{"a", "b", "c"}, c.stored(id).Tags)
	c.update(id, object{"addtags": "d"})
	assert.Equal(t, []string{"a", "b", "c", "d"}, c.stored(id).Tags)
	assert.Contains(t, c.do("PUT", at(id), object{"addtags": "e", "tags": "f"}).problem(t), "addtags cannot be used together with tags")
	assert.Contains(t, c.do("PUT", at(id), object{"addtags": "e f"}).problem(t), `addtags holds "e f"`)
	assert.Equal(t, []string{"a", "b", "c", "d"}, c.stored(id).Tags)
}

func TestTheListShowsAnOverview(t *testing.T) {
	t.Parallel()
	c, all := withPeople(t)
	id := c.create(all["http"].sent)
	ping := c.create(object{"type": "ping", "tags": "web"})
	want := object{
		"id": float64(id), "name": "Every field", "hostname": "every.example.com", "type": "http", "resolution": 15.0, "status": "paused",
		"ipv6": true, "verify_certificate": true, "probe_filters": []any{"region: EU", "region: NA"},
	}
	wantPing := object{
		"id": float64(ping), "name": "Shop", "hostname": "shop.example.com", "type": "ping", "resolution": 5.0, "status": "unknown", "ipv6": false,
	}
	checks, _ := c.list("")
	assert.Equal(t, []object{want, wantPing}, checks)
	checks, _ = c.list("?include_tags=false&include_severity=false&showencryption=false")
	assert.Equal(t, []object{want, wantPing}, checks)

	want["severity_level"], wantPing["severity_level"] = "HIGH", "HIGH"
	want["encryption"], wantPing["encryption"] = true, false
	want["tags"] = []any{
		object{"name": "nginx", "type": "a", "count": 1.0}, object{"name": "web", "type": "u", "count": 2.0},
		object{"name": "stack-shop", "type": "u", "count": 1.0},
	}
	wantPing["tags"] = []any{object{"name": "web", "type": "u", "count": 2.0}}
	checks, _ = c.list("?include_tags=true&include_severity=true&showencryption=true")
	assert.Equal(t, []object{want, wantPing}, checks)
	assert.Equal(t, "2", c.read(ping)["tags"].([]any)[0].(object)["count"], "a text in the detail")
}

func TestListPagesAndFilters(t *testing.T) {
	t.Parallel()
	c := newClient(t, emulator.Options{})
	assert.Equal(t, object{"checks": []any{}, "counts": object{"total": 0.0, "limited": 0.0, "filtered": 0.0}}, c.must("GET", "/checks", nil))
	c.e.Add(pingdom.Check{Name: "both", Tags: []string{"a", "b"}})
	c.e.Add(pingdom.Check{Name: "one", Tags: []string{"b"}})
	c.e.Add(pingdom.Check{Name: "none", AutoTags: []string{"auto"}})
	for query, want := range map[string]struct {
		names             []string
		limited, filtered int
	}{
		"":                         {[]string{"both", "one", "none"}, 3, 3},
		"?limit=2":                 {[]string{"both", "one"}, 2, 3},
		"?limit=2&offset=2":        {[]string{"none"}, 1, 3},
		"?limit=25000&offset=3":    {nil, 0, 3},
		"?tags=a":                  {[]string{"both"}, 1, 1},
		"?tags=a,b":                {[]string{"both", "one"}, 2, 2},
		"?tags=b&limit=1&offset=1": {[]string{"one"}, 1, 2},
		"?tags=auto,x":             {[]string{"none"}, 1, 1},
		"?tags=A":                  {nil, 0, 0},
	} {
		_, names := c.list(query)
		assert.Equal(t, want.names, names, query)
		assert.Equal(t, object{"total": 3.0, "limited": float64(want.limited), "filtered": float64(want.filtered)},
			c.must("GET", "/checks"+query, nil)["counts"], query)
	}
}

func TestANewCheckIsMissingFromTheListForAWhile(t *testing.T) {
	t.Parallel()
	c := newClient(t, emulator.Options{ListLag: 2})
	c.e.Add(pingdom.Check{Name: "made by hand"})
	id := c.create(object{"name": "new"})
	assert.Equal(t, "new", c.read(id)["name"], "by its id it is there at once")
	for _, want := range [][]string{{"made by hand"}, {"made by hand"}, {"made by hand", "new"}} {
		require.Equal(t, 400, c.do("GET", "/checks?limit=0", nil).status, "a refused request does not count")
		_, names := c.list("?limit=1&offset=2")
		assert.Empty(t, names, "further pages belong to the same request")
		_, names = c.list("")
		assert.Equal(t, want, names)
	}
}

func TestThePlanMayBeFull(t *testing.T) {
	t.Parallel()
	c := newClient(t, emulator.Options{})
	c.e.SetCheckLimit(1)
	id := c.create(nil)
	got := c.do("POST", "/checks", creation(nil))
	assert.Equal(t, 403, got.status)
	assert.Equal(t, "No free uptime checks available", got.problem(t))
	credits := func() []any {
		credits := c.must("GET", "/credits", nil)["credits"].(object)
		return []any{credits["checklimit"], credits["availablechecks"], credits["useddefault"]}
	}
	assert.Equal(t, []any{1.0, 0.0, 1.0}, credits())
	c.e.Seed(2)
	assert.Equal(t, []any{1.0, 0.0, 3.0}, credits(), "what is there stays")
	c.e.SetCheckLimit(4)
	assert.Equal(t, []any{4.0, 1.0, 3.0}, credits())
	c.must("DELETE", at(id), nil)
	assert.Equal(t, []any{4.0, 2.0, 2.0}, credits())
}

func TestManyChecksAreChangedTogether(t *testing.T) {
	t.Parallel()
	c := newClient(t, emulator.Options{})
	ids := c.e.Seed(3)
	state := func() (paused []bool, resolutions []int) {
		for _, check := range c.e.Checks() {
			paused, resolutions = append(paused, check.Paused), append(resolutions, check.Resolution)
		}
		return paused, resolutions
	}
	assert.Equal(t, object{"message": "Modification of 2 checks was successful!"},
		c.must("PUT", "/checks", object{"paused": true, "resolution": 1, "checkids": fmt.Sprintf("%d,17,%d", ids[0], ids[2])}))
	paused, resolutions := state()
	assert.Equal(t, []bool{true, false, true}, paused)
	assert.Equal(t, []int{1, 5, 1}, resolutions)
	assert.Equal(t, object{"message": "Modification of 0 checks was successful!"}, c.must("PUT", "/checks", object{"paused": false, "checkids": "17"}))
	for sent, text := range map[string]string{
		`{"paused":1}`: "paused must be", `{"name":"x","checkids":"1"}`: "name is not known", `{"checkids":[1]}`: "documented form", `{"resolution":2}`: "must be one of",
	} {
		assert.Contains(t, c.do("PUT", "/checks", sent).problem(t), text)
	}
	assert.Equal(t, 0, c.e.MassChanges())

	for i, sent := range []object{{"paused": true}, {"paused": false, "checkids": ""}} {
		assert.Equal(t, object{"message": "Modification of 3 checks was successful!"}, c.must("PUT", "/checks", sent))
		assert.Equal(t, i+1, c.e.MassChanges(), "each is on record")
		paused, _ = state()
		assert.Equal(t, []bool{i == 0, i == 0, i == 0}, paused)
	}
	c.e.Reset()
	assert.Equal(t, 0, c.e.MassChanges())
}

func TestChecksAreDeleted(t *testing.T) {
	t.Parallel()
	c := newClient(t, emulator.Options{})
	ids := c.e.Seed(6)
	assert.Equal(t, object{"message": "Deletion of check was successful!"}, c.must("DELETE", at(ids[0]), nil))
	for _, status := range []int{403, 404} {
		if status != 403 {
			require.NoError(t, c.e.SetQuirks(pingdom.Quirks{MissingStatus: status}))
		}
		for _, path := range []string{at(ids[0]), "/checks/0", "/checks/0" + fmt.Sprint(ids[1]), fmt.Sprintf("/checks?delcheckids=%d,%d", ids[1], ids[0])} {
			got := c.do("DELETE", path, nil)
			assert.Equal(t, status, got.status, path)
			assert.Equal(t, "Invalid check identifier", got.problem(t))
		}
		for _, method := range []string{"GET", "PUT"} {
			got := c.do(method, at(ids[0]), map[string]any{"PUT": object{"paused": true}}[method])
			assert.Equal(t, status, got.status, method)
		}
	}
	assert.Len(t, c.e.Checks(), 5, "one unknown id refuses all")

	many := object{"message": "Deletion of checks was successful!"}
	assert.Equal(t, many, c.must("DELETE", fmt.Sprintf("/checks?delcheckids=%d,%d", ids[1], ids[2]), nil))
	assert.Equal(t, many, c.must("DELETE", "/checks", object{"delcheckids": fmt.Sprint(ids[3])}))
	require.NoError(t, c.e.SetQuirks(pingdom.Quirks{IgnoreMissing: true}))
	assert.Equal(t, many, c.must("DELETE", fmt.Sprintf("/checks?delcheckids=%d,%d", ids[0], ids[4]), nil))
	assert.Len(t, c.e.Checks(), 1)
	assert.NotContains(t, ids, c.create(nil), "ids are not given twice")
}

func TestBehindTheAPI(t *testing.T) {
	t.Parallel()
	c := newClient(t, emulator.Options{Now: noon})
	id := c.e.Add(pingdom.Check{Name: "made by hand", Host: "https://odd", Tags: []string{"odd tag"}, Encryption: true})
	stored := c.stored(id)
	assert.Equal(t, pingdom.Check{
		ID: id, Name: "made by hand", Host: "https://odd", Type: "http", Status: "up", Resolution: 5, SendNotificationWhenDown: 2,
		ResponseTimeThreshold: 30000, Tags: []string{"odd tag"}, URL: "/", Encryption: true, Port: 443, Created: noon().Unix(),
	}, stored)
	assert.Equal(t, "up", c.read(id)["status"])

	require.NoError(t, c.e.Change(id, func(check *pingdom.Check) { check.ID, check.Status, check.TeamIDs = 1, "down", []int{5} }))
	assert.Equal(t, "down", c.read(id)["status"])
	assert.Equal(t, []any{object{"id": 5.0, "name": ""}}, c.read(id)["teams"], "a team that is gone")
	require.ErrorContains(t, c.e.Change(1, func(*pingdom.Check) {}), "no check has id 1")

	checks := c.e.Checks()
	checks[0].Tags[0] = "x"
	assert.Equal(t, []string{"odd tag"}, c.stored(id).Tags, "what is handed out is a copy")

	require.NoError(t, c.e.Remove(id))
	require.ErrorContains(t, c.e.Remove(id), fmt.Sprint(id))
	_, ok := c.e.Check(id)
	assert.False(t, ok)
}
