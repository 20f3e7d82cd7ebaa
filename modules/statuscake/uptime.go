// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	_ "embed"
	"errors"
	"maps"
	"net/http"
	"net/url"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/resource"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

//go:embed status_cake_test/status_cake_test.yml
var uptimeDocumentation []byte

// uptimeOptions are the options of status_cake_test; its documentation says what they mean.
type uptimeOptions struct {
	One    resource.Item[Test]   `mapstructure:",squash"`
	Tests  []resource.Item[Test] `mapstructure:"tests"`
	Shared resource.Options      `mapstructure:",squash"`
	API    httpapi.Options       `mapstructure:",squash"`
	APIURL string                `mapstructure:"api_url"`
	APIKey secret.Value          `mapstructure:"api_key"`
	Legacy legacyOptions         `mapstructure:",squash"`
}

// world is what the module has around it; the zero world is the real one. Tests replace it.
type world struct {
	stateDir string        // "" is the user's cache folder
	clock    httpapi.Clock // nil is the real one
}

// UptimeModule is status_cake_test.
func UptimeModule() ansible.Module { return world{}.uptimeModule() }

func (w world) uptimeModule() ansible.Module {
	return resource.Kind[uptimeOptions, Test]{
		Name: "status_cake_test", Documentation: uptimeDocumentation, Rules: uptimeRules(),
		Noun: "test", Plural: "tests", Open: w.openUptime,
	}.Module()
}

// shortestSecret is how long a header's or form field's value must be to be taken for a credential.
const shortestSecret = 8

func uptimeRules() ansible.Rules {
	advice := map[string]string{
		"PUSH": "A PUSH test is a heartbeat check in the API v1 (POST /heartbeat), which this module does not manage",
		"PUT":  "The API v1 sends PUT requests no more; use HTTP, with post_body or post_raw for POST",
	}
	stateAdvice := map[string]string{
		"list": "This module lists nothing; ansible.builtin.uri with GET /v1/uptime does",
	}
	rules := ansible.Rules{
		MutuallyExclusive: [][]string{{"tests", "name"}, {"tests", "id"}},
		RequiredOneOf:     [][]string{{"id", "name", "stack", "tests"}},
		Options:           resource.OptionRules(),
	}
	rules.Options["api_url"] = ansible.OptionRules{Env: []string{"STATUSCAKE_API_URL"}, Address: true}
	rules.Options["api_key"] = ansible.OptionRules{Env: []string{"STATUSCAKE_API_TOKEN"}}
	test := map[string]ansible.OptionRules{
		"test_type": {Advice: advice}, "custom_header": {HideFrom: shortestSecret}, "post_body": {HideFrom: shortestSecret},
		"post_raw": {Body: true}, "final_endpoint": {HideLogins: true},
		"website_url": {HideLogins: true, AliasAdvice: map[string]string{"url": "for the API's address write api_url"}},
	}
	maps.Copy(rules.Options, test)
	rules.Options["state"] = ansible.OptionRules{Advice: stateAdvice}
	rules.Options["tests"] = ansible.OptionRules{Rules: ansible.Rules{
		RequiredOneOf: [][]string{{"id", "name"}},
		Options:       test,
	}}
	return rules
}

// openUptime checks the options and says what shall be, without a call.
func (w world) openUptime(call *ansible.Call, o uptimeOptions) (*resource.Task[Test], error) {
	err := o.Legacy.apply(call, &o.One)
	for _, item := range append([]resource.Item[Test]{o.One}, o.Tests...) {
		hideLogins(call, item.Object)
	}
	declared := resource.Declared(call, "tests", o.One, o.Tests, o.Shared, "name", "id")
	deprecate := deprecator(call)
	wants, wishErr := resource.Wishes(declared, func(item resource.Item[Test]) (Test, error) { return uptimeWish(item, deprecate) })
	if err := errors.Join(err, wishErr); err != nil {
		return nil, err
	}
	policy, err := resource.Policy(declared, func(t reconcile.Found[Test], stack string) bool { return marks().In(t.Known.Tags, stack) })
	if err != nil {
		return nil, err
	}
	conn, err := w.connect(call, o.API, o.APIURL, o.APIKey)
	if err != nil {
		return nil, err
	}
	provider := newUptime(conn, policy.Group)
	provider.updatePassword, provider.owned = o.Shared.UpdatePassword == "always", o.Shared.Purge
	provider.keepsPassword = call.Given("update_password")
	provider.seen = func(t Test) { hideLogins(call, t) }
	provider.deprecate, provider.warn = deprecate, call.Warn
	return &resource.Task[Test]{
		Provider: provider, Wants: wants, Policy: policy, Ledger: conn.http.Ledger(),
		Concurrency: o.API.Concurrency, FailFast: o.Shared.FailFast, Results: o.Shared.Results,
		Describe: func(t Test) map[string]any {
			return map[string]any{"name": t.Name, "stack": t.stack}
		},
		Usage: func() resource.Usage { return resource.Usage(conn.http.Stats()) },
		Sleep: conn.http.Sleep,
	}, nil
}

// hideLogins masks the passwords of URLs such as https://user:password@www.example.com.
func hideLogins(call *ansible.Call, t Test) {
	for _, address := range []string{or(t.WebsiteURL, ""), or(t.FinalEndpoint, "")} {
		password := secret.PasswordIn(address)
		call.AddSecret(secret.New(password))
		if plain, err := url.PathUnescape(password); err == nil {
			call.AddSecret(secret.New(plain))
		}
	}
}

// connect makes the client that the modules of this package share.
func (w world) connect(call *ansible.Call, o httpapi.Options, apiURL string, key secret.Value) (*client, error) {
	if key.IsZero() {
		return nil, errors.New("value of api_key (environment STATUSCAKE_API_TOKEN) must be a StatusCake API token, got an empty string")
	}
	conn, err := httpapi.New(httpapi.Config{
		BaseURL: apiURL, Service: "StatusCake", Options: o, Account: key, Secrets: []secret.Value{key},
		Login: "the token of api_key (environment STATUSCAKE_API_TOKEN)", Redact: call.Redact,
		Authorize:  func(h http.Header) { h.Set("Authorization", "Bearer "+key.Reveal()) },
		ParseError: parseError, ParseLimits: parseLimits, Classify: classify, Warn: call.Warn, AtEnd: call.AtEnd,
		StateDir: w.stateDir, Clock: w.clock,
	})
	if err != nil {
		return nil, err
	}
	return &client{http: conn, concurrency: o.Concurrency}, nil
}
