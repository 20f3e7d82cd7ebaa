// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	_ "embed"
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/resource"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

//go:embed pingdom_check/pingdom_check.yml
var checkDocumentation []byte

// checkOptions are the options of pingdom_check; its documentation says what they mean.
type checkOptions struct {
	One      resource.Item[Check]   `mapstructure:",squash"`
	Checks   []resource.Item[Check] `mapstructure:"checks"`
	Shared   resource.Options       `mapstructure:",squash"`
	API      httpapi.Options        `mapstructure:",squash"`
	APIURL   string                 `mapstructure:"api_url"`
	APIToken secret.Value           `mapstructure:"api_token"`
	// The login of the earlier Ansible module.
	Key    secret.Value  `mapstructure:"key"`
	UID    *string       `mapstructure:"uid"`
	Passwd *secret.Value `mapstructure:"passwd"`
}

// CheckModule is pingdom_check.
func CheckModule() ansible.Module { return world{}.checkModule() }

func (w world) checkModule() ansible.Module {
	return resource.Kind[checkOptions, Check]{
		Name: "pingdom_check", Documentation: checkDocumentation, Rules: checkRules(),
		Noun: "check", Plural: "checks", Open: w.openCheck,
	}.Module()
}

// What is shorter than these many characters is not hidden wherever it occurs: that would hide innocent text.
const (
	shortestSecret   = 8 // a header's value, a user name that stands alone, and what was read whole
	shortestPassword = 4
)

func checkRules() ansible.Rules {
	rules := ansible.Rules{
		MutuallyExclusive: [][]string{{"checks", "name"}, {"checks", "id"}},
		RequiredOneOf:     [][]string{{"id", "name", "stack", "checks"}},
		Options:           resource.OptionRules(),
	}
	rules.Options["api_url"] = ansible.OptionRules{Env: []string{"PINGDOM_API_URL"}, Address: true}
	rules.Options["api_token"] = ansible.OptionRules{Env: []string{"PINGDOM_API_TOKEN"}}
	check := map[string]ansible.OptionRules{"requestheaders": {HideFrom: shortestSecret}, "postdata": {Body: true}}
	for _, option := range []string{"host", "url", "additionalurls"} {
		check[option] = ansible.OptionRules{HideLogins: true}
	}
	maps.Copy(rules.Options, check)
	rules.Options["checks"] = ansible.OptionRules{Rules: ansible.Rules{
		RequiredOneOf: [][]string{{"id", "name"}},
		Options:       check,
	}}
	return rules
}

// openCheck checks the options and says what shall be, without a call.
func (w world) openCheck(call *ansible.Call, o checkOptions) (*resource.Task[Check], error) {
	deprecate(call, o)
	for _, item := range append([]resource.Item[Check]{o.One}, o.Checks...) {
		hideLogins(call, item.Object)
	}
	declared := resource.Declared(call, "checks", o.One, o.Checks, o.Shared, "name", "id")
	declared.CheckStack = checkStack
	wants, err := resource.Wishes(declared, checkWish)
	token, login, tokenErr := tokenOf(call, o)
	if err := errors.Join(err, tokenErr); err != nil {
		return nil, err
	}
	tellTypes(wants)
	policy, err := resource.Policy(declared, func(c reconcile.Found[Check], stack string) bool { return marks().In(c.Known.Tags, stack) })
	if err != nil {
		return nil, err
	}
	conn, err := w.connect(call, o.API, o.APIURL, token, login)
	if err != nil {
		return nil, err
	}
	provider := newChecks(conn, policy.Group)
	provider.owned, provider.updatePassword = o.Shared.Purge, o.Shared.UpdatePassword == "always"
	provider.seen = func(c Check) { hideRead(call, c) }
	return &resource.Task[Check]{
		Provider: provider, Wants: wants, Policy: policy, Ledger: conn.http.Ledger(),
		Concurrency: o.API.Concurrency, FailFast: o.Shared.FailFast, Results: o.Shared.Results,
		Describe: func(c Check) map[string]any {
			return map[string]any{"name": c.Name, "type": c.Type, "stack": c.stack}
		},
		Usage: func() resource.Usage { return resource.Usage(conn.http.Stats()) },
		Sleep: conn.http.Sleep,
	}, nil
}

// tokenOf returns the token of a task and how messages name it. In a task for the earlier module, which sets uid or
// passwd too, key holds the application key of an earlier API, and a token from the environment is used instead.
func tokenOf(call *ansible.Call, o checkOptions) (token secret.Value, login string, err error) {
	earlier := o.UID != nil || o.Passwd != nil
	switch {
	case !call.Given("key"):
	case !call.Given("api_token") && earlier:
		return o.Key, "the application key of an earlier API in key, which is no token of the API 3.1 (write one into api_token or the environment " +
			"variable PINGDOM_API_TOKEN, and remove key, uid and passwd),", nil
	case !call.Given("api_token"):
		return o.Key, "the token of key", nil
	case !call.FromEnvironment("api_token"):
		call.Warn("key has no effect with api_token; remove it")
	case earlier:
		call.Deprecate("key is taken for the application key of an earlier API, because uid or passwd is set too, and has no effect where "+
			"PINGDOM_API_TOKEN is set; remove it", "1.0.0", "", "stackwatch.monitoring")
	default:
		return o.Key, "the token of key", nil
	}
	if !call.Given("api_token") {
		return secret.Value{}, "", errors.New("missing required arguments: api_token (environment PINGDOM_API_TOKEN)")
	}
	return o.APIToken, tokenLogin, nil
}

// tellTypes gives a wish without a type the one that a new check gets, where the task declares another type of the same name. Alone it
// means whatever there is of its name; here that would be the other wish's check as well.
func tellTypes(wants []reconcile.Want[Check]) {
	name := func(w reconcile.Want[Check]) string { return w.State.stack + "/" + value(w.State.Name) }
	typed := map[string]bool{}
	for _, w := range wants {
		typed[name(w)] = typed[name(w)] || w.ID == "" && w.State.Type != nil
	}
	for i, w := range wants {
		if w.ID == "" && typed[name(w)] {
			wants[i].State.Type = or(w.State.Type, typeHTTP)
		}
	}
}

// hideLogins masks the passwords of URLs and logins, which without their user name would show. A user name that has no password beside it is
// often a token.
func hideLogins(call *ansible.Call, c Check) {
	logins := []string{secret.LoginIn(value(c.Host)), value(c.Auth).Reveal()}
	for _, text := range append([]string{value(c.URL)}, c.AdditionalURLs...) {
		logins = append(logins, secret.LoginIn(text))
	}
	for _, login := range logins {
		user, password, _ := strings.Cut(login, ":")
		switch {
		case utf8.RuneCountInString(password) >= shortestPassword:
			call.AddSecret(secret.New(password))
		case password == "" && utf8.RuneCountInString(user) >= shortestSecret:
			call.AddSecret(secret.New(user))
		}
	}
}

// hideRead masks the secrets of a check that was read, as those of the options are: its URLs stand in the diff, and the service may repeat the
// others in an error.
func hideRead(call *ansible.Call, c Check) {
	hideLogins(call, c)
	texts := []string{value(c.Auth).Reveal(), value(c.PostData).Reveal()}
	for _, text := range append(texts, slices.Collect(maps.Values(headersIn(value(c.RequestHeaders))))...) {
		if utf8.RuneCountInString(text) >= shortestSecret {
			call.AddSecret(secret.New(text))
		}
	}
}

// deprecate says once for each what of the earlier module is accepted and should be written otherwise.
func deprecate(call *ansible.Call, o checkOptions) {
	told := map[string]bool{}
	tell := func(used bool, what, instead string) {
		if used && !told[what] {
			told[what] = true
			call.Deprecate(what+instead, "1.0.0", "", "stackwatch.monitoring")
		}
	}
	tell(o.UID != nil, "uid", " has no counterpart in the API 3.1 and no effect; remove it")
	tell(o.Passwd != nil, "passwd", " has no counterpart in the API 3.1 and no effect; remove it")
	tell(o.Shared.AllowReplace, "allow_replace", " has no effect any more, because a check of another type is another check; remove it, "+
		"and remove the check of the old type by purge or by its type and state: absent")
	for _, item := range append([]resource.Item[Check]{o.One}, o.Checks...) {
		state := value(item.State)
		tell(state == "running" || state == "started", "state: "+state, " is state: resumed now")
		tell(state == "stopped", "state: "+state, " is state: paused now")
	}
}
