// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
)

// refusedFields are single fields that neither a creation nor an update of a check of that type may hold: the text begins
// with the name of the field.
func refusedFields() map[string]struct{ kind, field, text string } {
	return map[string]struct{ kind, field, text string }{
		"unknown":                     {"http", `"nmae":"x"`, "nmae is not known"},
		"read form of host":           {"http", `"hostname":"a.example.com"`, "hostname is not known"},
		"read form of auth":           {"http", `"username":"a"`, "username is not known"},
		"checkids of one check":       {"http", `"checkids":"1"`, "checkids is not known"},
		"null":                        {"http", `"tags":null`, "tags must be a list"},
		"object":                      {"http", `"name":{}`, "name must be a text"},
		"name empty":                  {"http", `"name":""`, "name must not be empty"},
		"name blank":                  {"ping", `"name":" "`, "name must not be empty"},
		"name, a number":              {"ping", `"name":5`, "name must be a text"},
		"host with a scheme":          {"http", `"host":"https://a.example.com"`, "host must be a host name"},
		"host with a path":            {"http", `"host":"a.example.com/x"`, "host must be a host name"},
		"host with a port":            {"tcp", `"host":"a.example.com:22"`, "host must be a host name"},
		"host with a user":            {"http", `"host":"u@a.example.com"`, "host must be a host name"},
		"host empty":                  {"http", `"host":""`, "host must be a host name"},
		"no address":                  {"ping", `"host":"10.0.0.256"`, "host must be a host name"},
		"paused, a text":              {"ping", `"paused":"true"`, "paused must be true or false"},
		"paused, a number":            {"ping", `"paused":1`, "paused must be true or false"},
		"resolution":                  {"ping", `"resolution":10`, "resolution must be one of [1 5 15 30 60]"},
		"resolution, a text":          {"ping", `"resolution":"5"`, "resolution must be one of"},
		"resolution, a fraction":      {"ping", `"resolution":5.0`, "resolution must be one of"},
		"no notification":             {"ping", `"sendnotificationwhendown":0`, "sendnotificationwhendown must be a whole number of at least 1"},
		"no threshold":                {"ping", `"responsetime_threshold":0`, "responsetime_threshold must be a whole number of at least 1"},
		"notify before":               {"ping", `"notifyagainevery":-1`, "notifyagainevery must be a whole number of at least 0"},
		"ids as texts":                {"ping", `"integrationids":["1"]`, "integrationids must be a list of numbers"},
		"id 0":                        {"ping", `"integrationids":[0]`, `integrationids holds "0"`},
		"id with a zero":              {"ping", `"integrationids":"007"`, `integrationids holds "007"`},
		"ids with a blank":            {"ping", `"integrationids":"1, 2"`, `integrationids holds " 2"`},
		"users as an array":           {"ping", `"userids":[1]`, "userids must be a list of numbers in the documented form"},
		"users, a number":             {"ping", `"userids":1`, "userids must be a list of numbers in the documented form"},
		"unknown user":                {"ping", `"userids":"1"`, `userids holds "1", which is not the id of a contact`},
		"team by name":                {"ping", `"teamids":"Web"`, `teamids holds "Web", which is not an id`},
		"unknown team":                {"ping", `"teamids":"1"`, `teamids holds "1", which is not the id of a team`},
		"tag too long":                {"ping", `"tags":["` + strings.Repeat("a", 65) + `"]`, `tags holds "aaa`},
		"tag with a colon":            {"ping", `"tags":["stack:shop"]`, `tags holds "stack:shop", which must consist of`},
		"tag with a blank":            {"ping", `"tags":"a, b"`, `tags holds " b"`},
		"tag empty":                   {"ping", `"tags":["a",""]`, `tags holds ""`},
		"tag, a number":               {"ping", `"tags":[1]`, "tags must be a list of texts"},
		"tag, umlaut":                 {"ping", `"tags":"ä"`, `tags holds "ä"`},
		"tags, an object":             {"ping", `"tags":[{"name":"a"}]`, "tags must be a list of texts"},
		"region alone":                {"ping", `"probe_filters":["EU"]`, `probe_filters holds "EU"`},
		"unknown region":              {"ping", `"probe_filters":"region:EU,region:MARS"`, `probe_filters holds "region:MARS"`},
		"IPv6, a text":                {"ping", `"ipv6":"no"`, "ipv6 must be true or false"},
		"whole URL":                   {"http", `"url":"https://a.example.com/"`, "url must be a path"},
		"URL of another type":         {"tcp", `"url":"/"`, "url does not belong to a check of type tcp"},
		"header of another type":      {"ping", `"requestheaders0":"A:1"`, "requestheaders0 does not belong to a check of type ping"},
		"header without number":       {"http", `"requestheaders":["A:1"]`, "requestheaders is not known"},
		"header as it was misspelt":   {"http", `"requestheader0":"A:1"`, "requestheader0 is not known"},
		"other field with a number":   {"http", `"url0":"/"`, "url0 is not known"},
		"header without value":        {"http", `"requestheaders0":"A"`, "requestheaders0 must be a header's name"},
		"header without name":         {"http", `"requestheaders0":":1"`, "requestheaders0 must be a header's name"},
		"two headers in one":          {"http", `"requestheaders0":["A:1","B:2"]`, "requestheaders0 must be a header's name"},
		"header with a line break":    {"http", `"requestheaders0":"A:1\r\nB:2"`, "requestheaders0 must be a header's name"},
		"header, an object":           {"http", `"requestheaders0":{"A":"1"}`, "requestheaders0 must be a header's name"},
		"encryption of tcp":           {"tcp", `"encryption":true`, "encryption does not belong"},
		"port 0":                      {"tcp", `"port":0`, "port must be between 1 and 65535"},
		"port over":                   {"http", `"port":65536`, "port must be between 1 and 65535"},
		"port, a text":                {"udp", `"port":"53"`, "port must be between 1 and 65535"},
		"port too large":              {"udp", `"port":99999999999999999999`, "port must be between 1 and 65535"},
		"port of ping":                {"ping", `"port":7`, "port does not belong"},
		"port of dns":                 {"dns", `"port":53`, "port does not belong"},
		"auth without colon":          {"http", `"auth":"secret"`, "auth must be a user name and a password"},
		"auth without user":           {"smtp", `"auth":":secret"`, "auth must be a user name and a password"},
		"auth of imap":                {"imap", `"auth":"a:secret"`, "auth does not belong"},
		"both matchers":               {"http", `"shouldcontain":"a","shouldnotcontain":"b"`, "shouldcontain cannot be used together"},
		"expiry without verification": {"http", `"ssl_down_days_before":1,"verify_certificate":false`, "ssl_down_days_before requires verify_certificate"},
		"expiry before":               {"http", `"ssl_down_days_before":-1`, "ssl_down_days_before must be a whole number of at least 0"},
		"URLs of http":                {"http", `"additionalurls":"https://a.example.com"`, "additionalurls does not belong"},
		"URLs that are none":          {"httpcustom", `"additionalurls":"https://a.example.com;b"`, "additionalurls must hold whole URLs"},
		"string of ping":              {"ping", `"stringtosend":"a"`, "stringtosend does not belong"},
		"string to smtp":              {"smtp", `"stringtosend":"a"`, "stringtosend does not belong"},
		"udp sends nothing":           {"udp", `"stringtosend":""`, "stringtosend must not be empty"},
		"udp expects nothing":         {"udp", `"stringtoexpect":""`, "stringtoexpect must not be empty"},
		"server of names, a URL":      {"dns", `"nameserver":"dns://a"`, "nameserver must be a host name"},
		"expected address, a name":    {"dns", `"expectedip":"a.example.com"`, "expectedip must be an IP address"},
		"expected address, none":      {"dns", `"expectedip":""`, "expectedip must be an IP address"},
	}
}

func TestRefusedFields(t *testing.T) {
	t.Parallel()
	c := newClient(t, emulator.Options{})
	ids := map[string]int{}
	for _, kind := range pingdom.Types() {
		ids[kind] = c.create(object{"type": kind})
	}
	before := c.e.Checks()
	for what, refused := range refusedFields() {
		var sent object
		require.NoError(t, json.Unmarshal([]byte("{"+refused.field+"}"), &sent), what)
		update := "{" + refused.field + `,"custom_message":"x"}`
		// The field as it is written: a number with a fraction would lose it on the way.
		whole := creation(object{"type": refused.kind})
		for name := range sent {
			delete(whole, name)
		}
		rest, err := json.Marshal(whole)
		require.NoError(t, err)
		for method, got := range map[string]reply{
			"POST": c.do("POST", "/checks", "{"+refused.field+","+string(rest[1:])),
			"PUT":  c.do("PUT", at(ids[refused.kind]), update),
		} {
			require.Equal(t, 400, got.status, "%s %s", method, what)
			message := got.problem(t)
			assert.True(t, strings.HasPrefix(message, "Parameter "+refused.text), "%s %s: %s", method, what, message)
			assert.NotContains(t, message, "; ", "%s %s: one complaint", method, what)
			assert.NotContains(t, message, "secret")
		}
		assert.Equal(t, before, c.e.Checks(), "%s: a refused call changes nothing", what)
	}
}

func TestRefusedCreationsAndUpdates(t *testing.T) {
	t.Parallel()
	c := newClient(t, emulator.Options{})
	for kind, names := range map[string][]string{
		"http": {"name", "host"}, "tcp": {"port"}, "udp": {"port", "stringtosend", "stringtoexpect"}, "dns": {"nameserver", "expectedip"},
	} {
		for _, name := range names {
			body := creation(object{"type": kind})
			delete(body, name)
			got := c.do("POST", "/checks", body)
			assert.Equal(t, 400, got.status)
			assert.Equal(t, "Parameter "+name+" is required", got.problem(t), kind)
		}
	}
	assert.Equal(t, "Parameter type is required", c.do("POST", "/checks", object{"name": "a", "host": "b"}).problem(t))
	assert.Contains(t, c.do("POST", "/checks", creation(object{"type": "dn"})).problem(t), "Parameter type must be one of [http httpcustom")
	assert.Contains(t, c.do("POST", "/checks", creation(object{"addtags": "a"})).problem(t), "addtags is not known")
	assert.Empty(t, c.e.Checks())

	id := c.create(nil)
	assert.Equal(t, "Parameter type cannot be changed", c.do("PUT", at(id), object{"type": "http"}).problem(t), "not even to what it is")
	assert.Equal(t, "Parameter name must not be empty; Parameter resolution must be one of [1 5 15 30 60]",
		c.do("PUT", at(id), object{"resolution": 2, "name": "", "paused": true}).problem(t), "all complaints at once")
	assert.False(t, c.stored(id).Paused)
}

func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	c := newClient(t, emulator.Options{Now: noon})
	c.create(nil)
	c.must("POST", "/maintenance", object{"description": "x", "from": 1, "to": in(60)})
	const id, form, js = "/checks/8000001", "application/x-www-form-urlencoded", "application/json"
	for what, r := range map[string]struct {
		method, path, body, media string
		want                      int
		text                      string
	}{
		"no media type":             {"PUT", id, `{"name":"x"}`, "", 400, "must be sent as application/json or"},
		"text":                      {"PUT", id, `{"name":"x"}`, "text/plain", 400, "must be sent as application/json or"},
		"broken JSON":               {"PUT", id, `{"name":`, js, 400, "not one JSON object"},
		"two objects":               {"PUT", id, `{"name":"x"}{}`, js, 400, "not one JSON object"},
		"a list":                    {"PUT", id, `[]`, js, 400, "not one JSON object"},
		"null":                      {"PUT", id, `null`, js, 400, "not one JSON object"},
		"broken form":               {"PUT", id, `name=%zz`, form, 400, "not a well-formed form"},
		"form field twice":          {"PUT", id, `name=a&name=b`, form, 400, "name is sent more than once"},
		"form, no number":           {"PUT", id, `resolution=five`, form, 400, "resolution must be one of"},
		"form, no boolean":          {"PUT", id, `paused=1`, form, 400, "paused must be"},
		"update of nothing":         {"PUT", id, "", "", 400, "holds no parameter"},
		"update of an empty object": {"PUT", id, "{}", js, 400, "holds no parameter"},
		"bulk change of nothing":    {"PUT", "/checks", "", "", 400, "holds no parameter"},
		"creation of nothing":       {"POST", "/checks", "", "", 400, "holds no parameter"},
		"window of nothing":         {"POST", "/maintenance", "{}", js, 400, "holds no parameter"},
		"creation in the URL":       {"POST", "/checks?name=a&host=b&type=ping", "", "", 400, "host is not known; Parameter name is not known"},
		"update in the URL":         {"PUT", id + "?auth=a:b", `{"name":"x"}`, js, 400, "auth is not known"},
		"body of a list":            {"GET", "/checks", `{}`, js, 400, "takes no body"},
		"body of a check":           {"GET", id, `{}`, js, 400, "takes no body"},
		"body of a deletion":        {"DELETE", id, `{}`, js, 400, "takes no body"},
		"query of a deletion":       {"DELETE", id + "?force=1", "", "", 400, "force is not known"},
		"query of a check":          {"GET", id + "?include_tags=true", "", "", 400, "include_tags is not known"},
		"teams, a number":           {"GET", id + "?include_teams=1", "", "", 400, "include_teams must be true or false"},
		"query of credits":          {"GET", "/credits?limit=1", "", "", 400, "limit is not known"},
		"query of teams":            {"GET", "/alerting/teams?limit=1", "", "", 400, "limit is not known"},
		"query of contacts":         {"GET", "/alerting/contacts?limit=1", "", "", 400, "limit is not known"},
		"flag of probes":            {"GET", "/probes?onlyactive=1", "", "", 400, "onlyactive must be true or false"},
		"unknown parameter":         {"GET", "/checks?name=x", "", "", 400, "name is not known"},
		"broken query":              {"GET", "/checks?limit=%zz", "", "", 400, "query is not well-formed"},
		"limit 0":                   {"GET", "/checks?limit=0", "", "", 400, "limit must be a whole number between 1 and 25000"},
		"limit over":                {"GET", "/checks?limit=25001", "", "", 400, "limit must be"},
		"limit, a word":             {"GET", "/checks?limit=all", "", "", 400, "limit must be"},
		"limit twice":               {"GET", "/checks?limit=1&limit=2", "", "", 400, "limit is sent more than once"},
		"offset alone":              {"GET", "/checks?offset=1", "", "", 400, "offset requires limit"},
		"offset before":             {"GET", "/checks?limit=1&offset=-1", "", "", 400, "offset must be"},
		"tags empty":                {"GET", "/checks?tags=", "", "", 400, "tags must not be empty"},
		"include_tags=1":            {"GET", "/checks?include_tags=1", "", "", 400, "include_tags must be true or false"},
		"deletion of all":           {"DELETE", "/checks", "", "", 400, "delcheckids is required"},
		"deletion of none":          {"DELETE", "/checks", `{"delcheckids":""}`, js, 400, "delcheckids is required"},
		"deletion with an array":    {"DELETE", "/checks", `{"delcheckids":[1]}`, js, 400, "delcheckids must be"},
		"deletion with a word":      {"DELETE", "/checks?delcheckids=all", "", "", 400, "delcheckids holds"},
		"deletion of broken JSON":   {"DELETE", "/checks", `{`, js, 400, "not one JSON object"},
		"deletion of something":     {"DELETE", "/checks?checkids=1", "", "", 400, "checkids is not known"},
		"method of one":             {"POST", id, "", "", 405, "Method not allowed"},
		"method of windows":         {"PUT", "/maintenance", "", "", 405, "Method not allowed"},
		"teams are not written":     {"POST", "/alerting/teams", "", "", 405, "Method not allowed"},
		"contacts are not written":  {"POST", "/alerting/contacts", "", "", 405, "Method not allowed"},
		"no id":                     {"DELETE", "/checks/", "", "", 404, "404 page not found"},
		"an id that is a word":      {"DELETE", "/checks/all", "", "", 404, "404 page not found"},
		"path below":                {"GET", id + "/", "", "", 404, "404 page not found"},
		"one team":                  {"GET", "/alerting/teams/1", "", "", 404, "404 page not found"},
		"one credit":                {"GET", "/credits/1", "", "", 404, "404 page not found"},
		"unknown collection":        {"GET", "/nothing", "", "", 404, "404 page not found"},
	} {
		got := c.send(r.method, r.path, r.media, r.body)
		assert.Equal(t, r.want, got.status, what)
		assert.Contains(t, got.text, r.text, what)
		assert.Equal(t, r.want == 405, got.header.Get("Allow") != "", what)
		if r.want != 404 {
			got.problem(t)
		}
		assert.Len(t, c.e.Checks(), 1, what)
	}
	assert.Equal(t, "DELETE, GET, POST, PUT", c.do("PATCH", "/checks", nil).header.Get("Allow"))
	assert.Equal(t, "DELETE, GET, PUT", c.do("POST", id, nil).header.Get("Allow"))
}

func TestOutsideTheBasePathNothingLooksLikeAnAbsentCheck(t *testing.T) {
	t.Parallel()
	e := pingdom.New(emulator.Options{})
	for _, path := range []string{"/", "/checks", "/api/3.1", "/api/3.1/", "/api/3.1checks", "/api/3.0/checks/1", "/api/2.1/checks", "//api/3.1/checks"} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
		r.Header.Set("Authorization", "Bearer x")
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		assert.Equal(t, 404, w.Code, path)
		assert.False(t, json.Valid(w.Body.Bytes()), path)
	}
}

// FuzzBody looks for bodies that crash the emulator, or that it accepts without being able to tell what it stored.
func FuzzBody(f *testing.F) {
	for kind := range samples(0, 0) {
		body, err := json.Marshal(creation(object{"type": kind}))
		require.NoError(f, err)
		f.Add(string(body))
	}
	for _, refused := range refusedFields() {
		f.Add("{" + refused.field + "}")
	}
	f.Fuzz(func(t *testing.T, body string) {
		c := newClient(t, emulator.Options{Now: noon})
		id := c.e.Seed(1)[0]
		c.e.AddWindow(pingdom.Window{From: in(1), To: in(2)})
		for _, path := range []string{at(id), "/maintenance/500001", "/checks"} {
			assert.Contains(t, []int{200, 400}, c.do("PUT", path, body).status)
		}
		for _, path := range []string{"/checks", "/maintenance"} {
			assert.Contains(t, []int{200, 400}, c.do("POST", path, body).status)
		}
		c.read(id)
		c.list("?include_tags=true")
		c.must("GET", "/maintenance", nil)
	})
}
