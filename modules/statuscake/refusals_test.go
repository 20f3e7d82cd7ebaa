// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake/conformtest"
)

// TestBadInputIsRefusedBeforeAnyCall holds that a mistake in a task is told with the option, the value and what is right, and
// that nothing was asked of the service by then.
func TestBadInputIsRefusedBeforeAnyCall(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	one := site("a")
	tests := func(items ...options) options { return options{"tests": append([]options{}, items...)} }
	for _, c := range []struct {
		what  string
		given options
		want  string // the whole message, or its start where it ends in …
	}{
		{"nothing", options{}, "one of the following is required: id, name, stack, tests"},
		{"a stack, but nothing in it", options{"stack": "shop"}, "one of the following is required: id, name"},
		{"list and name", tests(one).With(options{"name": "b"}), "parameters are mutually exclusive: tests|name"},
		{"list and id", tests(one).With(options{"id": "7"}), "parameters are mutually exclusive: tests|id"},
		{"an item without identity", tests(one, options{"url": "https://x.example.com"}), "one of the following is required: id, name found in tests[1]"},
		{"an unknown option", one.With(options{"colour": "red"}), "Unsupported parameters for (status_cake_test) module: colour. Supported parameters include: …"},
		{"an unknown option in an item", tests(one.With(options{"colour": "red"})), "Unsupported parameters for (status_cake_test) module: tests.colour. …"},
		{"a state", one.With(options{"state": "list"}), "value of state must be one of: present, absent, got: list. This module lists nothing; …"},
		{"an item's state", tests(one.With(options{"state": "gone"})), "value of state must be one of: present, absent, got: gone found in tests[0] (a)"},
		{"an empty name", one.With(options{"name": " "}), `value of name must be the name of a test, got: " "`},
		{"an empty name in an item", tests(one, one.With(options{"name": ""})), `tests[1]: value of name must be the name of a test, got: ""`},
		{"a template for a name", one.With(options{"name": "{{ item }} live"}), "value of name must be rendered, got a template: {{ item }} live"},
		{"a template for a URL", one.With(options{"website_url": "https://{{ host }}/"}), "value of website_url must be rendered, got a template: https://{{ host }}/"},
		{"an id that is none", options{"id": "7a"}, "value of id must be the number of a test, got: 7a"},
		{"an id with a path in it", options{"id": "../7"}, "value of id must be the number of a test, got: ../7"},
		{"an empty id", options{"id": ""}, "value of id must be the number of a test, got: "},
		{"a host name alone for HTTP", options{"name": "a", "url": "localhost", "test_type": "HTTP"},
			"value of website_url must be a URL such as https://www.example.com for test_type HTTP, got: localhost"},
		{"a port that does not tell the scheme", options{"name": "a", "url": "www.example.com:8080", "test_type": "HEAD"},
			"value of website_url must be a URL such as https://www.example.com for test_type HEAD, got: www.example.com:8080"},
		{"a URL for PING", one.With(options{"test_type": "PING"}),
			"value of website_url must be a host name or an IP address alone for test_type PING, got: https://a.example.com/; write website_url: a.example.com"},
		{"a URL for DNS", one.With(options{"test_type": "DNS", "dns_ips": "192.0.2.1"}),
			"value of website_url must be a host name or an IP address alone for test_type DNS, got: https://a.example.com/; write website_url: a.example.com"},
		{"a port in the address", tests(options{"name": "a", "url": "db.example.com:22", "test_type": "SSH"}),
			"tests[0] (a): value of website_url must be a host name or an IP address alone for test_type SSH, got: db.example.com:22; write website_url: db.example.com, port: 22…"},
		{"a port and an address of IPv6", options{"name": "a", "url": "[2001:db8::1]:25", "test_type": "SMTP", "port": 25},
			"value of website_url must be a host name or an IP address alone for test_type SMTP, got: [2001:db8::1]:25; write website_url: 2001:db8::1, port: 25"},
		{"TCP without a port", options{"name": "a", "url": "db.example.com", "test_type": "TCP"},
			"port is required for test_type TCP; write the port to connect to, such as port: 443"},
		{"SSH without a port", options{"name": "a", "url": "2001:db8::1", "test_type": "SSH"},
			"port is required for test_type SSH; write the port to connect to, such as port: 22"},
		{"SMTP to port 0", options{"id": "7", "test_type": "SMTP", "port": 0},
			"port is required for test_type SMTP; write the port to connect to, such as port: 25"},
		{"DNS without addresses", options{"name": "a", "url": "example.com", "test_type": "DNS"},
			"dns_ips is required for test_type DNS; write the addresses that the name must resolve to, such as dns_ips: [192.0.2.1]"},
		{"DNS with no addresses", options{"name": "a", "test_type": "DNS", "dns_ips": ""}, "dns_ips is required for test_type DNS; …"},
		{"two bodies", one.With(options{"post_raw": "a=b", "post_body": options{"a": "b"}}),
			"post_body cannot be combined with post_raw, because a test sends one body; leave one of them out"},
		{"a header of several values", one.With(options{"custom_header": options{"X-N": []int{5}}}),
			`value of custom_header must be a dictionary, or a string that holds a JSON object such as {"key": "value"}, got something else than a text or a number for X-N`},
		{"another scheme for HEAD", one.With(options{"website_url": "ftp://www.example.com", "test_type": "HEAD"}),
			"value of website_url must be a URL such as https://www.example.com for test_type HEAD, got: ftp://www.example.com"},
		{"an empty URL", one.With(options{"website_url": ""}), `value of website_url must be a URL or a host name, got: ""`},
		{"a URL with a blank", one.With(options{"website_url": "https://a b.example.com"}), `value of website_url must be a URL or a host name, got: "https://a b.example.com"`},
		{"a test type", one.With(options{"test_type": "GOPHER"}), "value of test_type must be one of: DNS, HEAD, HTTP, PING, SMTP, SSH, TCP, got: GOPHER"},
		{"a push test", one.With(options{"test_type": "PUSH"}), "value of test_type must be one of: DNS, HEAD, HTTP, PING, SMTP, SSH, TCP, got: PUSH. A PUSH test is a heartbeat check …"},
		{"a push test in a list", tests(one.With(options{"test_type": "PUSH"})), "value of test_type must be one of: DNS, HEAD, HTTP, PING, SMTP, SSH, TCP, got: PUSH found in tests[0] (a). A PUSH test is …"},
		{"a put test", one.With(options{"test_type": "PUT"}), "value of test_type must be one of: DNS, HEAD, HTTP, PING, SMTP, SSH, TCP, got: PUT. The API v1 sends PUT requests no more; use HTTP…"},
		{"a check rate", one.With(options{"check_rate": 86401}), "value of check_rate must be one of: 0, 30, 60, 300, 900, 1800, 3600, 86400, got: 86401"},
		{"a word for a number", one.With(options{"check_rate": "often"}), "argument 'check_rate' is of type str and we were unable to convert to int: …"},
		{"a word for a boolean", one.With(options{"paused": "perhaps"}), "argument 'paused' is of type str and we were unable to convert to bool: …"},
		{"confirmation", one.With(options{"confirmation": 11}), "value of confirmation must be 0 to 3 servers, got: 11; the API v1 confirms with at most 3"},
		{"confirmation below", one.With(options{"confirmation": -1}), "value of confirmation must be 0 to 3 servers, got: -1; …"},
		{"port", one.With(options{"port": 65536}), "value of port must be 0 to 65535, got: 65536"},
		{"timeout above", one.With(options{"timeout": 1000}), "value of timeout must be 5 to 75 seconds, got: 1000"},
		{"timeout below", tests(one, one.With(options{"timeout": 4})), "tests[1] (a): value of timeout must be 5 to 75 seconds, got: 4"},
		{"trigger_rate", one.With(options{"trigger_rate": 61}), "value of trigger_rate must be 0 to 60 minutes, got: 61"},
		{"a header that is no object", one.With(options{"custom_header": "[1]"}), `value of custom_header must be a dictionary, or a string that holds a JSON object such as {"key": "value"}`},
		{"a body that is no JSON", one.With(options{"post_body": "a=b"}), `value of post_body must be a dictionary, or a string that holds a JSON object such as {"key": "value"}`},
		{"a status code", one.With(options{"status_codes_csv": "200,4xx"}), "value of status_codes_csv must be HTTP status codes, or the one word default, got: 4xx"},
		{"default among codes", one.With(options{"status_codes_csv": "default,200"}), "value of status_codes_csv must be HTTP status codes, or the one word default, got: default"},
		{"a node location code", one.With(options{"regions": "UK1,london,AU2"}),
			"value of regions must be region codes such as london or new-york, which GET /uptime-locations lists, got: UK1, AU2; " +
				"the server codes of the earlier API have no counterpart, so write regions, or leave it out to let StatusCake choose"},
		{"a tag of the suite", one.With(options{"tags": ownershipTag}), "value of tags must not hold the suite's own marks, got: managed_by:stackwatch; write the option stack instead"},
		{"a tag of a stack", one.With(options{"tags": []string{"stack:shop"}}), "value of tags must not hold the suite's own marks, got: stack:shop; …"},
		{"a comma in a tag", one.With(options{"tags": []string{"a,b"}}), "value of tags must not have a comma inside a tag, got: a,b"},
		{"an empty stack", options{"stack": "", "state": "absent"}, "value of stack must be a name of 1 to 50 characters without commas, slashes, quotes, braces and outer spaces, got: "},
		{"a template for a stack", options{"stack": "{{ stack }}", "state": "absent"}, "value of stack must be a name of …"},
		{"a comma in a stack", one.With(options{"stack": "a,b"}), "value of stack must be a name of …"},
		{"an empty stack in an item", tests(one.With(options{"stack": ""})), "tests[0] (a): value of stack must be a name of …"},
		{"a template for a stack in an item", tests(one.With(options{"stack": "{{ s }}"})), "tests[0] (a): value of stack must be a name of …"},
		{"purge without a list", one.With(options{"purge": true}), "purge is true but all of the following are missing: tests"},
		{"purge of a stack without a list", options{"purge": true, "stack": "shop"}, "purge is true but all of the following are missing: tests"},
		{"purge with an empty list", tests().With(options{"purge": true}), "purge: true with no present element in tests would remove everything in its scope; …"},
		{"purge with absent items only", tests(one.With(options{"state": "absent"})).With(options{"purge": true, "stack": "shop"}), "purge: true with no present element in tests …"},
		{"purge of what shall be absent", tests(one).With(options{"purge": true, "state": "absent"}), "purge: true keeps what is declared and removes the rest, so it goes with state: present; …"},
		{"purge with a foreign item", tests(one.With(options{"stack": "blog"})).With(options{"purge": true, "stack": "shop"}),
			"tests[0] (a): value of stack must be shop, the stack that is purged, got: blog"},
		{"a limit that is none", tests(one).With(options{"purge": true, "purge_limit": "few"}), "value of purge_limit must be a count such as 10 or a share such as 20%, got: few"},
		{"a share above all", tests(one).With(options{"purge": true, "purge_limit": "101%"}), "value of purge_limit must be a count such as 10 or a share such as 20%, got: 101%"},
		{"a negative limit", tests(one).With(options{"purge": true, "purge_limit": "-1"}), "value of purge_limit must be a count such as 10 or a share such as 20%, got: -1"},
		{"on_duplicate", one.With(options{"on_duplicate": "newest"}), "value of on_duplicate must be one of: fail, oldest, got: newest"},
		{"update_password", one.With(options{"update_password": "never"}), "value of update_password must be one of: always, on_create, got: never"},
		{"an empty token", one.With(options{"api_key": ""}), "value of api_key (environment STATUSCAKE_API_TOKEN) must be a StatusCake API token, got an empty string"},
		{"an address without a scheme", one.With(options{"api_url": "api.example.com"}), "api_url must be like https://api.example.com/v1, …"},
		{"an address with a password", one.With(options{"api_url": "https://u:p@api.example.com"}), "api_url must be like https://api.example.com/v1, …"},
		{"api_timeout", one.With(options{"api_timeout": 0}), "api_timeout must be more than 0 and at most 3600 seconds, got: 0"},
		{"api_retries", one.With(options{"api_retries": -1}), "api_retries must be a number from 0 (never) to 20, got: -1"},
		{"api_concurrency", one.With(options{"api_concurrency": 0}), "api_concurrency must be a number from 1 to 256, got: 0"},
		{"api_rate_limit", one.With(options{"api_rate_limit": -2}), "api_rate_limit must be 0 (no limit) or from 0.01 to 1000 requests a second, got: -2"},
		{"ca_path", one.With(options{"ca_path": "/nowhere/at/all.pem"}), "value of ca_path must be a file with certificates in PEM form or a folder of such, got: /nowhere/at/all.pem (no such file or directory)"},
		{"an alias against its option", options{"name": "a", "url": "https://b.example.com", "website_url": "https://a.example.com"},
			"value of url must agree with website_url, got: https://b.example.com with website_url: https://a.example.com; " +
				"url is an earlier name of website_url; for the API's address write api_url"},
		{"the API's address in a list", tests(one, options{"name": "b", "url": "https://ann:S3cret@b.example.com", "website_url": "b.example.com"}),
			"tests[1] (b): value of url must agree with website_url, got: https://ann:********@b.example.com with website_url: b.example.com; …"},
		{"command against state", one.With(options{"command": "delete", "state": "present"}),
			"value of command must agree with state, got: delete with state: present; leave command out"},
	} {
		msg := l.Refusal(c.given)
		if start, cut := strings.CutSuffix(c.want, "…"); cut {
			assert.Contains(t, msg, start, c.what)
			assert.True(t, strings.HasPrefix(msg, strings.TrimSuffix(start, " ")), "%s: %s", c.what, msg)
		} else {
			assert.Equal(t, c.want, msg, c.what)
		}
	}
}

func TestDuplicateDeclarationsChangeNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{}, conformtest.AllowRefused())
	for _, c := range []struct {
		items []options
		want  string
	}{
		{[]options{site("a"), site("b"), site("a")}, "a: declared twice, at positions 0 and 2 of the list"},
		{[]options{site(" a"), site("a ")}, "a: declared twice, at positions 0 and 1 of the list"},
		{[]options{{"id": "7"}, {"id": "7", "name": "x"}}, "id 7: declared twice, at positions 0 and 1 of the list"},
	} {
		assert.Equal(t, c.want, l.Run(options{"tests": c.items}).Msg)
	}
	assert.Zero(t, l.Writes())
}

func TestTokenIsRequired(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	a := l.Run(site("a"), func(p *ansible.Process) { p.LookupEnv = func(string) (string, bool) { return "", false } })
	assert.True(t, a.Failed)
	assert.Equal(t, "missing required arguments: api_key (environment STATUSCAKE_API_TOKEN)", a.Msg)
}

func TestBadTokenIsSaid(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.Inject(emulator.On("", "", emulator.Always, emulator.Fault{Kind: emulator.Status, Status: 401}))
	a := l.Run(site("a"))
	assert.True(t, a.Failed)
	assert.Contains(t, a.Msg, "401")
	assert.Equal(t, 1, a.API.Calls, "a bad token is not tried again")
}

func TestRefusal_NamesEveryWrongOption(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	wrong := options{
		"name": " ", "url": "https://db.example.com", "test_type": "SSH", "confirmation": 20, "timeout": 2, "check_rate": 90000,
		"status_codes_csv": "4xx,5xx", "regions": "UK1", "tags": []string{"a,b"}, "custom_header": "no headers", "post_body": options{"field": "value of it"}, "post_raw": "a whole body",
	}
	for _, msg := range []string{l.Refusal(wrong), l.Refusal(options{"tests": []options{site("right"), wrong}})} {
		assert.NotContains(t, msg, "\n")
		for _, part := range []string{
			"value of name must", "value of website_url must", "port is required", "value of confirmation must", "value of timeout must",
			"value of check_rate must", "got: 4xx, 5xx", "value of regions must", "value of tags must", "value of custom_header must", "post_body cannot",
		} {
			assert.Contains(t, msg, part)
		}
	}
}

func TestErrors_NameCredentialsAndURL(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	for _, task := range []options{{"name": "a", "website_url": "https://a.example.com"}, {"id": "7", "paused": true}, {"stack": "shop", "state": "absent"}} {
		l.ExpectHints(task, "the token of api_key (environment STATUSCAKE_API_TOKEN)")
	}
}
