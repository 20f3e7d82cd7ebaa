// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
)

// TestBadInputIsRefusedBeforeAnyCall holds that a mistake in a task is told with the option, the value and what is right, and
// that nothing was asked of the service by then.
func TestBadInputIsRefusedBeforeAnyCall(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	one := site("a")
	host := func(value, kind string) options {
		o := options{"name": "a", "host": value}
		if kind != "" {
			o["type"] = kind
		}
		return o
	}
	of := func(kind string, more options) options { return one.With(options{"type": kind}).With(more) }
	const alone = "value of host must be a host name or an IP address alone, got: "
	const path = "value of url must be the path on the host such as /healthz, got: "
	const header = `value of requestheaders must be a dictionary, or a string that holds a JSON object such as {"X-Name": "value"}`
	const badName = ", got a name that is empty, or has a colon, a blank or something else in it that names of headers do not have"
	for _, c := range []struct {
		what  string
		given options
		want  string // the whole message, or its start where it ends in …
	}{
		{"nothing", options{}, "one of the following is required: id, name, stack, checks"},
		{"a stack, but nothing in it", options{"stack": "shop", "state": "paused"}, "one of the following is required: id, name"},
		{"list and name", options{"checks": []options{one}, "name": "b"}, "parameters are mutually exclusive: checks|name"},
		{"list and id", options{"checks": []options{one}, "checkid": "7"}, "parameters are mutually exclusive: checks|id"},
		{"an item without identity", options{"checks": []options{{"host": "a"}}}, "one of the following is required: id, name found in checks[0]"},
		{"a state", one.With(options{"state": "unpaused"}), "value of state must be one of: present, absent, paused, resumed, running, started, stopped, got: unpaused"},
		{"an empty name", one.With(options{"name": " "}), `value of name must be the name of a check, got: " "`},
		{"a name in an item", options{"checks": []options{one, one.With(options{"name": "{{ x }}"})}}, "checks[1] ({{ x }}): value of name must be rendered, got a template: {{ x }}"},
		{"a template for a host", one.With(options{"host": "{{ host }}"}), "value of host must be rendered, got a template: {{ host }}"},
		{"a template for a path", one.With(options{"url": "/{{ path }}"}), "value of url must be rendered, got a template: /{{ path }}"},
		{"an id that is none", options{"id": "7a"}, "value of id must be the number of a check, got: 7a"},
		{"an id with a path in it", options{"id": "../7"}, "value of id must be the number of a check, got: ../7"},
		{"paused against state", one.With(options{"paused": false, "state": "paused"}), "value of paused must agree with state: paused, got: false; leave paused out"},
		{"paused against resumed", one.With(options{"paused": true, "state": "resumed"}), "value of paused must agree with state: resumed, got: true; leave paused out"},

		{"a URL for a host", host("https://www.example.com/x", ""), alone + `"https://www.example.com/x"; write host: www.example.com, url: /x, encryption: true, port: 443`},
		{"a URL with all there is", host("https://ann:hunter2@www.example.com:8443/x?y=1", "http"),
			alone + `"https://www.example.com:8443/x?y=1"; write host: www.example.com, url: /x?y=1, encryption: true, port: 8443, auth: the user name and the password with a colon between them`},
		{"a host with a scheme", host("http://www.example.com", ""), alone + `"http://www.example.com"; write host: www.example.com`},
		{"a host with a path", host("www.example.com/x", ""), alone + `"www.example.com/x"; write host: www.example.com, url: /x`},
		{"a host with a port", host("www.example.com:8080", ""), alone + `"www.example.com:8080"; write host: www.example.com, port: 8080`},
		{"a host with a port for ping", host("www.example.com:8080", "ping"), alone + `"www.example.com:8080"; write host: www.example.com`},
		{"a URL for tcp", host("tcp://db.example.com:5432/x", "tcp"), alone + `"tcp://db.example.com:5432/x"; write host: db.example.com, port: 5432`},
		{"an address in brackets", host("[2001:db8::1]:443", ""), alone + `"[2001:db8::1]:443"; write host: 2001:db8::1, port: 443`},
		{"an empty host", host(" ", ""), alone + `""`},
		{"a host of none", host("None", ""), alone + `"None"`},
		{"a host with a blank", host("a b", ""), alone + `"a b"`},
		{"a whole URL for the path", one.With(options{"url": "https://ann:hunter2@b.example.com/x"}), path +
			`"https://b.example.com/x"; write host: b.example.com, url: /x, encryption: true, port: 443, auth: the user name and the password with a colon between them`},
		{"a path without a slash", one.With(options{"url": "x/y"}), path + `"x/y"; write url: /x/y`},
		{"IPv6 for an IPv4 address", host("192.0.2.1", "").With(options{"ipv6": true}), "value of ipv6 must agree with the address in host, got: true with host: 192.0.2.1; leave ipv6 out"},
		{"IPv4 for an IPv6 address", host("2001:db8::1", "").With(options{"ipv6": false}), "value of ipv6 must agree with the address in host, got: false with host: 2001:db8::1; leave ipv6 out"},

		{"a type", one.With(options{"type": "gopher"}), "value of type must be one of: dns, http, httpcustom, imap, ping, pop3, smtp, tcp, udp, got: gopher"},
		{"a resolution", one.With(options{"resolution": 2}), "value of resolution must be one of: 1, 5, 15, 30, 60, got: 2"},
		{"sendnotificationwhendown", one.With(options{"sendnotificationwhendown": 0}), "value of sendnotificationwhendown must be at least 1, got: 0"},
		{"notifyagainevery", one.With(options{"notifyagainevery": -1}), "value of notifyagainevery must be at least 0, got: -1"},
		{"responsetime_threshold", one.With(options{"responsetime_threshold": 0}), "value of responsetime_threshold must be at least 1 millisecond, got: 0"},
		{"a port below", one.With(options{"port": 0}), "value of port must be 1 to 65535, got: 0"},
		{"a port above", one.With(options{"port": 65536}), "value of port must be 1 to 65535, got: 65536"},
		{"ssl_down_days_before", one.With(options{"ssl_down_days_before": -1}), "value of ssl_down_days_before must be at least 0 days, got: -1"},
		{"both matchers", one.With(options{"shouldcontain": "a", "shouldnotcontain": "b"}),
			`value of shouldcontain must be empty where shouldnotcontain is set, got: "a" and "b"; Pingdom looks for one text only`},
		{"a certificate that is not verified", one.With(options{"ssl_down_days_before": 14, "verify_certificate": false}),
			"value of ssl_down_days_before must be 0 where verify_certificate is false, got: 14; write verify_certificate: true"},
		{"a login without a colon", one.With(options{"auth": "hunter2"}), "value of auth must be a user name and a password with a colon between them, got something else"},
		{"a login without a user", one.With(options{"auth": ":hunter2"}), "value of auth must be …"},
		{"a header that is no object", one.With(options{"requestheaders": "[1]"}), header},
		{"more than an object", one.With(options{"requestheaders": `{"a": "b"} {}`}), header},
		{"a header name with a colon", one.With(options{"requestheaders": options{"X:Y": "v"}}), header + badName},
		{"a header without a name", one.With(options{"requestheaders": options{" ": "v"}}), header + badName},
		{"a whole header for a name", one.With(options{"requestheaders": options{"Authorization: Bearer hunter2": ""}}), header + badName},
		{"a header name with a blank", one.With(options{"requestheaders": options{"Authorization hunter2": ""}}), header + badName},
		{"a header twice", one.With(options{"requestheaders": options{"x-aa": "hunter2", "X-Aa": "hunter2"}}), header + ", got one header twice: X-Aa and x-aa"},
		{"a header of two lines", one.With(options{"requestheaders": options{"X-A": "hunter2\nX-B: hunter2"}}), header + ", got a line break in the value of X-A"},
		{"a header with a list", one.With(options{"requestheaders": options{"X-A": []string{"hunter2"}}}), header + ", got something else than a text or a number for X-A"},

		{"the name of an integration", one.With(options{"integrations": "Slack"}), "value of integrationids must be numbers of integrations, whose names the API does not tell, got: Slack"},
		{"a region", one.With(options{"regions": "EU,MARS"}), "value of probe_filters must be of EU, NA, APAC and LATAM, got: MARS"},
		{"a long tag", one.With(options{"tags": strings.Repeat("x", 65)}), "value of tags must be tags of 1 to 64 letters, digits, underscores and dashes, got: " + strings.Repeat("x", 65)},
		{"a comma in a tag", one.With(options{"tags": []string{"a,b"}}), "value of tags must be tags of 1 to 64 letters, digits, underscores and dashes, got: a,b"},
		{"a template for a tag", one.With(options{"tags": []string{"{{ role }}"}}), "value of tags must be rendered, got a template: {{ role }}"},
		{"a tag of none", one.With(options{"tags": []string{"None"}}), "value of tags must be tags of 1 to 64 letters, digits, underscores and dashes, got: None"},
		{"a tag of the suite", one.With(options{"tags": "stack-shop"}), "value of tags must not hold the suite's own marks, got: stack-shop; write the option stack instead"},
		{"a further URL", of("httpcustom", options{"additionalurls": "/x.xml"}), "value of additionalurls must be whole URLs such as https://www.example.com/status.xml, without semicolons, got: /x.xml"},
		{"two further URLs in one", of("httpcustom", options{"additionalurls": "https://u:hunter2@a/x;https://b/y"}), "value of additionalurls must be …"},

		{"a path for ping", of("ping", options{"url": "/x"}), "url is no option of a check of type ping; leave it out"},
		{"further URLs for http", of("http", options{"additionalurls": "https://a/x"}), "additionalurls is no option of a check of type http; what it has beside those of all checks: url, …"},
		{"a login for imap", of("imap", options{"auth": "ann:hunter2"}), "auth is no option of a check of type imap; what it has beside those of all checks: port, encryption, stringtoexpect"},
		{"a port for dns", of("dns", options{"port": 53}), "port is no option of a check of type dns; what it has beside those of all checks: nameserver, expectedip"},
		{"in a list", options{"encryption": true, "checks": []options{one, of("tcp", options{"name": "b", "port": 1})}},
			"checks[1] (b): encryption is no option of a check of type tcp; …"},

		{"an empty stack", options{"stack": "", "state": "absent"}, "value of stack must be a name of …"},
		{"a stack that is no tag", one.With(options{"stack": "my shop"}), "value of stack must be a name of 1 to 50 letters, digits, underscores and dashes, as Pingdom's tags are, got: my shop"},
		{"a stack with a slash", one.With(options{"stack": "a b/c"}), "value of stack must be a name of 1 to 50 letters, digits, underscores and dashes, as Pingdom's tags are, got: a b/c"},
		{"a long stack", one.With(options{"stack": strings.Repeat("x", 60)}),
			"value of stack must be a name of 1 to 50 letters, digits, underscores and dashes, as Pingdom's tags are, got: " + strings.Repeat("x", 60)},
		{"all of a long stack", options{"stack": strings.Repeat("x", 60), "state": "absent"},
			"value of stack must be a name of 1 to 50 letters, digits, underscores and dashes, as Pingdom's tags are, got: " + strings.Repeat("x", 60)},
		{"all of a stack that is no tag", options{"stack": "my.shop", "state": "absent"}, "value of stack must be a name of 1 to 50 letters, …"},
		{"an empty token", one.With(options{"key": ""}), "value of api_token (environment PINGDOM_API_TOKEN) must be a Pingdom API token, got an empty string"},
		{"an address with a password", one.With(options{"api_url": "https://u:p@api.example.com"}), "api_url must be like https://api.example.com/v1, …"},
		{"purge with an empty list", options{"checks": []options{}, "purge": true}, "purge: true with no present element in checks would remove everything in its scope; …"},
		{"declared twice", options{"checks": []options{one, of("http", nil)}}, "a: declared twice, at positions 0 and 1 of the list"},
	} {
		msg := l.Refusal(c.given)
		assert.NotContains(t, msg, "hunter2", c.what)
		if start, cut := strings.CutSuffix(c.want, "…"); cut {
			assert.True(t, strings.HasPrefix(msg, strings.TrimSuffix(start, " ")), "%s: %s", c.what, msg)
		} else {
			assert.Equal(t, c.want, msg, c.what)
		}
	}
}

// TestWhatOnlyTheCheckTells: refusals that need what is there fail that check alone, in check mode too.
func TestWhatOnlyTheCheckTells(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.byHand("web", func(c *vendor.Check) { c.SSLDownDaysBefore = 14 })
	l.byHand("unverified", func(c *vendor.Check) { c.VerifyCertificate = false })
	l.byHand("gate", ofType("ping"))
	l.byHand("fine")
	l.byHand("address", func(c *vendor.Check) { c.Host = "192.0.2.1" })
	for _, c := range []struct {
		given options
		want  string
	}{
		{options{"name": "web", "verify_certificate": false}, "web: value of verify_certificate must be true where ssl_down_days_before is 14, got: false; write ssl_down_days_before: 0 beside it"},
		{options{"name": "unverified", "ssl_down_days_before": 7}, "unverified: value of ssl_down_days_before must be 0 where verify_certificate is false, got: 7; …"},
		{options{"name": "gate", "encryption": true}, "gate: encryption is no option of a check of type ping; leave it out"},
		{options{"name": "address", "ipv6": true}, "address: value of ipv6 must agree with the address in host, got: true with host: 192.0.2.1; leave ipv6 out"},
		{options{"name": "new"}, "new does not exist yet, and to create it there are missing required arguments: host"},
		{options{"name": "new", "host": "a", "port": 1, "nameserver": "b"}, "new: nameserver is no option of a check of type http; …"},
		{options{"name": "new", "type": "dns"}, "new (dns) does not exist yet, and to create it there are missing required arguments: host, nameserver, expectedip"},
		{options{"name": "new", "type": "udp", "host": "a", "stringtosend": ""}, "new (udp) does not exist yet, and to create it there are missing required arguments: port, stringtosend, stringtoexpect"},
		{options{"name": "new", "type": "tcp", "host": "a"}, "new (tcp) does not exist yet, and to create it there are missing required arguments: port"},
	} {
		task := options{"checks": []options{c.given, {"name": "fine", "resolution": 5}}}
		want := "1 of 2 checks failed: " + strings.TrimSuffix(c.want, "…")
		assert.Contains(t, l.DryRun(task).Msg, want)
		assert.Contains(t, l.Run(task).Msg, want)
	}
	assert.Zero(t, l.Writes())
	l.OK(options{"name": "unverified", "resolution": 1})
	l.OK(options{"name": "web", "verify_certificate": false, "ssl_down_days_before": 0})
}

func TestTokenIsRequired(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	a := l.Run(site("a"), func(p *ansible.Process) { p.LookupEnv = func(string) (string, bool) { return "", false } })
	assert.Equal(t, "missing required arguments: api_token (environment PINGDOM_API_TOKEN)", a.Msg)
}

// TestRefusal_NamesEveryWrongOption in one message, of one check and of all elements of a list.
func TestRefusal_NamesEveryWrongOption(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	bad := options{
		"name": "web", "host": "https://web.example.com/x", "url": "health", "port": 0, "responsetime_threshold": 0, "tags": []string{"a b", "c.d", "ok"},
		"probe_filters": []string{"EU", "Mars"}, "integrationids": []string{"x"}, "auth": "nobody", "requestheaders": "no JSON", "shouldcontain": "a", "shouldnotcontain": "b",
		"additionalurls": "ftp://x", "nameserver": "{{ ns }}", "type": "ping", "stack": "my shop", "ssl_down_days_before": -1, "verify_certificate": false,
	}
	wrong := []string{
		"value of stack must be a name of 1 to 50 letters", "value of host must be a host name", "value of url must be the path", "value of port must be 1 to 65535",
		"value of responsetime_threshold must be", "value of tags must be tags of 1 to 64 letters, digits, underscores and dashes, got: a b; c.d",
		"value of probe_filters must be of EU, NA, APAC and LATAM, got: Mars", "value of integrationids must be numbers", "value of auth must be",
		"value of requestheaders must be", "value of shouldcontain must be empty", "value of additionalurls must be whole URLs", "value of nameserver must be rendered",
		"value of ssl_down_days_before must be at least 0 days",
	}
	message := l.Refusal(bad)
	for _, part := range append(wrong, " are no options of a check of type ping; leave them out") {
		assert.Contains(t, message, part)
	}
	assert.NotContains(t, message, "\n")

	list := l.Refusal(options{"checks": []options{site("fine"), {"name": "one", "port": 0, "host": "a b"}, {"name": "two", "tags": "a b"}}})
	for _, part := range []string{"checks[1] (one): value of host", "checks[1] (one): value of port", "checks[2] (two): value of tags"} {
		assert.Contains(t, list, part)
	}

	d := newDock(t)
	message = d.refusal(options{"windows": []any{
		options{"description": "{{ x }}", "duration": "soon", "stack": "my shop"}, options{"description": "D", "tags": []any{}, "start": "never"},
	}})
	for _, part := range []string{
		"windows[0] ({{ x }}): value of description must be rendered", "windows[0] ({{ x }}): value of duration", "windows[0] ({{ x }}): value of stack must be a name of 1 to 50 letters",
		"windows[1] (D): value of tags must hold", "windows[1] (D): value of start must be",
	} {
		assert.Contains(t, message, part)
	}
	assert.Empty(t, d.Calls())
}

func TestBadTokenIsSaid(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	a := l.Run(site("a").With(options{"api_token": "another-token"}))
	assert.Contains(t, a.Msg, "listing checks: page 1: GET /checks: status 401")
	assert.Contains(t, a.Msg, "the token of api_token (environment PINGDOM_API_TOKEN) was refused")
	assert.Equal(t, 1, a.API.Calls, "a bad token is not tried again")
}

func TestErrors_NameCredentialsAndURL(t *testing.T) {
	t.Parallel()
	const login = "the token of api_token (environment PINGDOM_API_TOKEN)"
	l := newLab(t, emulator.Options{})
	for _, task := range []options{site("a"), {"id": "7", "paused": true}, {"stack": "shop", "state": "absent"}} {
		l.ExpectHints(task, login)
	}
	windows := newDock(t)
	for _, task := range []options{{"description": "a", "checks": []string{"b"}}, {"id": "7", "state": "absent"}} {
		windows.ExpectHints(task, login)
	}
}
