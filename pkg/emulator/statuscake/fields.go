// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// testFields are the form fields of an uptime test, each with what the vendor's Swagger file says of it.
// https://developers.statuscake.com/api/#operation/create-uptime-test
func testFields() map[string]field[Test] {
	return map[string]field[Test]{
		"name":             text(func(t *Test) *string { return &t.Name }, emulator.Filled),
		"test_type":        text(func(t *Test) *string { return &t.TestType }, checkTestType),
		"website_url":      text(func(t *Test) *string { return &t.WebsiteURL }, checkTarget),
		"check_rate":       oneOf(func(t *Test) *int { return &t.CheckRate }, 0, 30, 60, 300, 900, 1800, 3600, 86400),
		"basic_username":   text(func(t *Test) *string { return &t.BasicUsername }),
		"basic_password":   text(func(t *Test) *string { return &t.BasicPassword }),
		"confirmation":     between(func(t *Test) *int { return &t.Confirmation }, 0, 3),
		"contact_groups":   list(func(t *Test) *[]string { return &t.ContactGroups }, checkContactGroup),
		"custom_header":    text(func(t *Test) *string { return &t.CustomHeader }, checkJSONObject),
		"dns_ips":          list(func(t *Test) *[]string { return &t.DNSIPs }, emulator.Address),
		"dns_server":       text(func(t *Test) *string { return &t.DNSServer }, emulator.Optional[*account](emulator.Host)),
		"do_not_find":      flag(func(t *Test) *bool { return &t.DoNotFind }),
		"enable_ssl_alert": flag(func(t *Test) *bool { return &t.EnableSSLAlert }),
		"final_endpoint":   text(func(t *Test) *string { return &t.FinalEndpoint }),
		"find_string":      text(func(t *Test) *string { return &t.FindString }),
		"follow_redirects": flag(func(t *Test) *bool { return &t.FollowRedirects }),
		"host":             text(func(t *Test) *string { return &t.Host }),
		"include_header":   flag(func(t *Test) *bool { return &t.IncludeHeader }),
		"paused":           flag(func(t *Test) *bool { return &t.Paused }),
		"port":             between(func(t *Test) *int { return &t.Port }, 0, 65535),
		"post_body":        text(func(t *Test) *string { return &t.PostBody }, checkJSONObject),
		"post_raw":         text(func(t *Test) *string { return &t.PostRaw }),
		"regions":          list(func(t *Test) *[]string { return &t.Regions }, checkRegion),
		"status_codes_csv": csv(func(t *Test) *[]string { return &t.StatusCodes }, checkStatusCode),
		"tags":             list(func(t *Test) *[]string { return &t.Tags }),
		"timeout":          between(func(t *Test) *int { return &t.Timeout }, 5, 75),
		"trigger_rate":     between(func(t *Test) *int { return &t.TriggerRate }, 0, 60),
		"use_jar":          flag(func(t *Test) *bool { return &t.UseJAR }),
		"user_agent":       text(func(t *Test) *string { return &t.UserAgent }),
	}
}

// testUpdateFields are those of an update: the type of a test is for ever.
func testUpdateFields() map[string]field[Test] {
	fields := testFields()
	fields["test_type"] = field[Test]{set: func(*account, *Test, []string) string { return "cannot be changed" }}
	return fields
}

// groupFields are the form fields of a contact group.
// https://developers.statuscake.com/api/#operation/create-contact-group
func groupFields() map[string]field[ContactGroup] {
	return map[string]field[ContactGroup]{
		"name":            text(func(g *ContactGroup) *string { return &g.Name }, emulator.Filled),
		"email_addresses": list(func(g *ContactGroup) *[]string { return &g.EmailAddresses }, checkEmail),
		"integrations":    list(func(g *ContactGroup) *[]string { return &g.Integrations }, checkDigits),
		"mobile_numbers":  list(func(g *ContactGroup) *[]string { return &g.MobileNumbers }, checkDigits),
		"ping_url":        text(func(g *ContactGroup) *string { return &g.PingURL }, emulator.Optional[*account](checkTarget)),
	}
}

// problems are what is wrong with a request: complaints by field, as the vendor's error body has them.
type problems map[string][]string

func (p problems) add(field, complaint string) {
	if complaint != "" {
		p[field] = append(p[field], field+" "+complaint)
	}
}

// field is one field of a form: set stores its value or returns a complaint.
type field[T any] struct {
	isList bool
	set    func(a *account, object *T, values []string) string
}

type check = emulator.Check[*account]

// decode stores the form's fields in the object; what is not sent stays. The object is of no use when there are problems.
func decode[T any](a *account, fields map[string]field[T], form url.Values, object *T) problems {
	wrong := problems{}
	for key, values := range form {
		name, bracketed := strings.CutSuffix(key, "[]")
		f, known := fields[name]
		switch {
		case !known:
			wrong.add(key, "is not a known field")
			continue
		case bracketed && !f.isList:
			wrong.add(name, "is not a list, its name takes no brackets")
			continue
		case !f.isList && len(values) > 1:
			wrong.add(name, "is sent more than once")
			continue
		case f.isList && !bracketed && (len(values) > 1 || values[0] != ""):
			wrong.add(name, "is a list and must be sent as "+name+"[]")
			continue
		case f.isList && !bracketed && form.Has(name+"[]"):
			wrong.add(name, "is sent with brackets and without")
			continue
		}
		if f.isList && len(values) == 1 && values[0] == "" {
			values = nil
		}
		wrong.add(name, f.set(a, object, values))
	}
	return wrong
}

func text[T any](target func(*T) *string, checks ...check) field[T] {
	return field[T]{set: func(a *account, object *T, values []string) string {
		for _, check := range checks {
			if complaint := check(a, values[0]); complaint != "" {
				return complaint
			}
		}
		*target(object) = values[0]
		return ""
	}}
}

func between[T any](target func(*T) *int, low, high int) field[T] {
	return number(target, func(n int) bool { return low <= n && n <= high }, fmt.Sprintf("must be between %d and %d", low, high))
}

func oneOf[T any](target func(*T) *int, choices ...int) field[T] {
	return number(target, func(n int) bool { return slices.Contains(choices, n) }, fmt.Sprintf("must be one of %v", choices))
}

func number[T any](target func(*T) *int, allowed func(int) bool, complaint string) field[T] {
	return field[T]{set: func(_ *account, object *T, values []string) string {
		n, err := strconv.Atoi(values[0])
		if err != nil || strconv.Itoa(n) != values[0] {
			return "must be a whole number"
		}
		if !allowed(n) {
			return complaint
		}
		*target(object) = n
		return ""
	}}
}

func flag[T any](target func(*T) *bool) field[T] {
	return field[T]{set: func(_ *account, object *T, values []string) string {
		if values[0] != "true" && values[0] != "false" {
			return "must be true or false"
		}
		*target(object) = values[0] == "true"
		return ""
	}}
}

func list[T any](target func(*T) *[]string, checks ...check) field[T] {
	return field[T]{isList: true, set: func(a *account, object *T, values []string) string {
		for _, value := range values {
			for _, check := range append([]check{emulator.Filled[*account]}, checks...) {
				if complaint := check(a, value); complaint != "" {
					return fmt.Sprintf("holds %q, which %s", value, complaint)
				}
			}
		}
		*target(object) = slices.Clone(values)
		return ""
	}}
}

// csv is the vendor's one list that is sent as a single value with commas.
func csv[T any](target func(*T) *[]string, checks ...check) field[T] {
	items := list(target, checks...)
	return field[T]{set: func(a *account, object *T, values []string) string {
		if values[0] == "" {
			return items.set(a, object, nil)
		}
		return items.set(a, object, strings.Split(values[0], ","))
	}}
}

func checkTestType(_ *account, value string) string {
	if !slices.Contains([]string{"DNS", "HEAD", "HTTP", "PING", "SMTP", "SSH", "TCP"}, value) {
		return "must be one of DNS, HEAD, HTTP, PING, SMTP, SSH, TCP"
	}
	return ""
}

// checkTarget wants a URL, a host name or an address.
func checkTarget(a *account, value string) string {
	const complaint = "must be a URL, a host name or an IP address"
	if strings.ContainsFunc(value, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return complaint
	}
	host := value
	if strings.Contains(value, "://") {
		u, err := url.Parse(value)
		if err != nil {
			return complaint
		}
		host = u.Hostname()
	}
	if emulator.Host(a, host) != "" {
		return complaint
	}
	return ""
}

func checkContactGroup(a *account, value string) string {
	if a.groups.Find(value) == nil {
		return "is not the id of a contact group"
	}
	return ""
}

func checkRegion(_ *account, value string) string {
	if !slices.Contains(RegionCodes(), value) {
		return "is not a region code"
	}
	return ""
}

func checkStatusCode(_ *account, value string) string {
	if code, err := strconv.Atoi(value); err != nil || code < 100 || code > 999 || len(value) != 3 {
		return "must be a status code of three digits"
	}
	return ""
}

func checkJSONObject(_ *account, value string) string {
	var object map[string]any
	if value != "" && (json.Unmarshal([]byte(value), &object) != nil || object == nil) {
		return "must be a JSON object"
	}
	return ""
}

func checkEmail(a *account, value string) string {
	user, host, ok := strings.Cut(value, "@")
	if !ok || user == "" || strings.ContainsAny(value, " ,") || emulator.Host(a, host) != "" {
		return "must be an e-mail address"
	}
	return ""
}

func checkDigits(_ *account, value string) string {
	if value == "" || strings.Trim(value, "0123456789") != "" {
		return "must consist of digits"
	}
	return ""
}
