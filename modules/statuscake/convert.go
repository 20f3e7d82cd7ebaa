// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
	"github.com/stackwatch/ansible-monitoring/pkg/stacks"
)

// Test is the state of an uptime test, under the field names of the API; nil is unset. The same struct takes a user's options
// (fields unset keep the server's value, empty ones clear it) and what was read of a test (nil: not read).
type Test struct {
	Name            *string       `mapstructure:"name"`
	TestType        *string       `mapstructure:"test_type"`
	WebsiteURL      *string       `mapstructure:"website_url"`
	CheckRate       *int          `mapstructure:"check_rate"` // seconds
	BasicUsername   *string       `mapstructure:"basic_username"`
	BasicPassword   *secret.Value `mapstructure:"basic_password"`
	Confirmation    *int          `mapstructure:"confirmation"`
	ContactGroups   []string      `mapstructure:"contact_groups"` // ids; names too in a user's options
	CustomHeader    *secret.Value `mapstructure:"custom_header"`  // a JSON object
	DNSIPs          []string      `mapstructure:"dns_ips"`
	DNSServer       *string       `mapstructure:"dns_server"`
	DoNotFind       *bool         `mapstructure:"do_not_find"`
	EnableSSLAlert  *bool         `mapstructure:"enable_ssl_alert"`
	FinalEndpoint   *string       `mapstructure:"final_endpoint"`
	FindString      *string       `mapstructure:"find_string"`
	FollowRedirects *bool         `mapstructure:"follow_redirects"`
	Host            *string       `mapstructure:"host"`
	IncludeHeader   *bool         `mapstructure:"include_header"`
	Paused          *bool         `mapstructure:"paused"`
	Port            *int          `mapstructure:"port"`
	PostBody        *secret.Value `mapstructure:"post_body"` // a JSON object
	PostRaw         *secret.Value `mapstructure:"post_raw"`
	Regions         []string      `mapstructure:"regions"`
	StatusCodes     []string      `mapstructure:"status_codes_csv"`
	Tags            []string      `mapstructure:"tags"`
	Timeout         *int          `mapstructure:"timeout"`      // seconds
	TriggerRate     *int          `mapstructure:"trigger_rate"` // minutes
	UseJar          *bool         `mapstructure:"use_jar"`
	UserAgent       *string       `mapstructure:"user_agent"`

	// Not part of the state: how a wish identifies the test.
	stack string // the stack that it belongs to, "" for none
	label string // what stands for a name where the user gave only an id
}

// identity is what a test is known by in a stack.
func (t Test) identity() stacks.Identity {
	return stacks.Identity{Name: t.Name, Label: t.label, Stack: t.stack, Tags: t.Tags}
}

// DefaultStatusCodes are the codes that the server takes for failures where a test is created without status_codes_csv.
// Seen on the API in 2024; status_codes_csv: default writes them.
func DefaultStatusCodes() []string {
	codes := []string{"204", "205", "206", "303", "400", "401", "403", "404", "405", "406", "408", "410", "413", "429", "444",
		"494", "495", "496", "499"}
	for code := 500; code <= 511; code++ {
		codes = append(codes, strconv.Itoa(code))
	}
	return append(codes, "520", "521", "522", "523", "524", "598", "599")
}

// fromOverview gives the state that the list tells.
func fromOverview(o overview) Test {
	return Test{
		Name: &o.Name, TestType: &o.TestType, WebsiteURL: &o.WebsiteURL, CheckRate: &o.CheckRate, Paused: &o.Paused,
		ContactGroups: reconcile.Known(o.ContactGroups), Tags: reconcile.Known(o.Tags), stack: marks().Group(o.Tags),
	}
}

// fromWire gives the whole state of a test but for basic_username and basic_password, which the API never tells.
func fromWire(d details) Test {
	t := fromOverview(d.overview)
	t.Confirmation, t.Timeout, t.TriggerRate, t.Port = &d.Confirmation, &d.Timeout, &d.TriggerRate, &d.Port
	t.CustomHeader, t.PostBody, t.PostRaw = hidden(d.CustomHeader), hidden(d.PostBody), hidden(d.PostRaw)
	t.DNSIPs, t.DNSServer = reconcile.Known(d.DNSIPs), &d.DNSServer
	t.DoNotFind, t.EnableSSLAlert, t.FollowRedirects = &d.DoNotFind, &d.EnableSSLAlert, &d.FollowRedirects
	t.IncludeHeader, t.UseJar = &d.IncludeHeader, &d.UseJar
	t.FinalEndpoint, t.FindString, t.Host, t.UserAgent = &d.FinalEndpoint, &d.FindString, &d.Host, &d.UserAgent
	t.StatusCodes = reconcile.Known(d.StatusCodes)
	t.Regions = []string{}
	for _, s := range d.Servers {
		if !slices.Contains(t.Regions, s.RegionCode) {
			t.Regions = append(t.Regions, s.RegionCode)
		}
	}
	return t
}

// toWire gives the form that makes the changes. Arrays repeat field[]; an empty one is sent as one empty value, which clears.
// Only here are secrets revealed.
func toWire(changes []reconcile.Change) url.Values {
	form := url.Values{}
	for _, c := range changes {
		switch v := c.After.(type) {
		case nil: // nothing is known or wished: the server's value stays
		case string:
			form.Set(c.Field, v)
		case secret.Value:
			form.Set(c.Field, v.Reveal())
		case int:
			form.Set(c.Field, strconv.Itoa(v))
		case bool:
			form.Set(c.Field, strconv.FormatBool(v))
		case []string:
			switch {
			case c.Field == "status_codes_csv":
				form.Set(c.Field, strings.Join(v, ","))
			case len(v) == 0:
				form[c.Field+"[]"] = []string{""}
			default:
				form[c.Field+"[]"] = v
			}
		default:
			panic(fmt.Sprintf("no wire form for %s of type %T", c.Field, v))
		}
	}
	return form
}

// creation gives the form that creates a test. What is empty is left out: a new test has nothing to clear.
func creation(t Test) url.Values {
	form := toWire(reconcile.Set(t))
	for field, values := range form {
		if len(values) == 1 && values[0] == "" {
			delete(form, field)
		}
	}
	return form
}

// same tells whether two values of one field mean the same to StatusCake.
func same(field string, have, want any) bool {
	switch h := have.(type) {
	case string:
		return field == "website_url" && sameURL(h, want.(string))
	case secret.Value:
		return field != "post_raw" && sameJSON(h.Reveal(), want.(secret.Value).Reveal())
	}
	return false
}

// sameURL takes a slash on an empty path for no difference.
func sameURL(a, b string) bool {
	canonical := func(text string) string {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			return text
		}
		if u.Path == "" {
			u.Path = "/"
		}
		u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
		return u.String()
	}
	return canonical(a) == canonical(b)
}

// sameJSON compares what parses as JSON by meaning, and anything else as text: the API gives back some bodies as something else.
func sameJSON(a, b string) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return a == b
	}
	return reflect.DeepEqual(x, y)
}

func hidden(text string) *secret.Value {
	v := secret.New(text)
	return &v
}
