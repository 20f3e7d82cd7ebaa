// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/pattern"
	"github.com/stackwatch/ansible-monitoring/pkg/resource"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// uptimeWish validates one declared test and converts it to the API's form. Its error names every wrong option, its
// value and what would be right. deprecate adds a deprecation warning.
func uptimeWish(item resource.Item[Test], deprecate func(format string, args ...any)) (Test, error) {
	t := item.Object
	if item.Stack != nil {
		t.stack = *item.Stack
	}
	var identity error
	switch {
	case item.ID == nil && t.Name == nil:
		identity = errors.New("one of the following is required: id, name")
	case item.ID == nil:
	case !idPattern.MatchString(*item.ID):
		identity = fmt.Errorf("value of id must be the number of a test, got: %s", *item.ID)
	default:
		t.label = "id " + *item.ID
	}
	err := errors.Join(identity, checkTexts(&t), checkLists(&t))
	fitLegacyValues(&t, deprecate)
	err = errors.Join(err, checkAddress(&t), checkNumbers(&t), checkBodies(&t))
	if absent := item.State != nil && *item.State == "absent"; !absent {
		// A test that is known by its id is there, and so may be one whose address stays.
		err = errors.Join(err, checkTarget(t, item.ID == nil && t.WebsiteURL != nil))
	}
	return t, err
}

var (
	idPattern     = pattern.New(`^[0-9]{1,20}$`)
	codePattern   = pattern.New(`^[1-9][0-9]{2}$`)
	regionPattern = pattern.New(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
)

func checkTexts(t *Test) error {
	if t.Name != nil {
		name := strings.TrimSpace(*t.Name)
		if name == "" || name == "None" {
			return fmt.Errorf("value of name must be the name of a test, got: %q", *t.Name)
		}
		t.Name = &name
	}
	return errors.Join(resource.Rendered("name", t.Name), resource.Rendered("website_url", t.WebsiteURL))
}

// isWeb reports whether tests of a type request a URL. The others take a host name or an IP address.
func isWeb(testType string) bool { return testType == "HTTP" || testType == "HEAD" }

// hasPort reports whether tests of a type connect to a port of their own.
func hasPort(testType string) bool { return slices.Contains([]string{"SMTP", "SSH", "TCP"}, testType) }

// checkAddress requires a URL for types that request one, and a host name or an IP address for the others. Without a
// type it is checked later.
func checkAddress(t *Test) error {
	if t.WebsiteURL == nil {
		return nil
	}
	value := strings.TrimSpace(*t.WebsiteURL)
	t.WebsiteURL = &value
	switch {
	case strings.Contains(value, "{{") || strings.Contains(value, "}}"): // checkTexts refuses it
		return nil
	case value == "" || strings.ContainsAny(value, " \t\n"):
		return fmt.Errorf("value of website_url must be a URL or a host name, got: %q", value)
	case t.TestType == nil:
		return nil
	}
	return addressFor(*t.TestType, value)
}

// addressFor returns what is wrong with an address for a type of test, and what to write.
func addressFor(testType, address string) error {
	if isWeb(testType) {
		u, err := url.Parse(address)
		if err == nil && u.Hostname() != "" && (u.Scheme == "http" || u.Scheme == "https") || bareHost.MatchString(address) {
			return nil
		}
		return fmt.Errorf("value of website_url must be a URL such as https://www.example.com for test_type %s, got: %s", testType, address)
	}
	if _, err := netip.ParseAddr(address); err == nil || !strings.ContainsAny(address, "/:@?#[]") {
		return nil
	}
	err := fmt.Errorf("value of website_url must be a host name or an IP address alone for test_type %s, got: %s", testType, address)
	scheme, rest, found := strings.Cut(address, "://")
	if !found {
		scheme, rest = "", address
	}
	u, parseErr := url.Parse("//" + rest)
	if parseErr != nil || u.Hostname() == "" {
		return err
	}
	port := u.Port()
	if defaults := map[string]string{"http": "80", "https": "443"}; port == "" {
		port = defaults[strings.ToLower(scheme)]
	}
	if !hasPort(testType) || port == "" {
		return fmt.Errorf("%w; write website_url: %s", err, u.Hostname())
	}
	return fmt.Errorf("%w; write website_url: %s, port: %s", err, u.Hostname(), port)
}

// checkTarget refuses a test that would test nothing: without its port, or without the addresses to expect. If whole is
// not set, only what is set counts.
func checkTarget(t Test, whole bool) error {
	if t.TestType == nil {
		return nil
	}
	switch kind := *t.TestType; {
	case hasPort(kind) && (t.Port == nil && whole || t.Port != nil && *t.Port == 0):
		usual := map[string]string{"SMTP": "25", "SSH": "22", "TCP": "443"}[kind]
		return fmt.Errorf("port is required for test_type %s; write the port to connect to, such as port: %s", kind, usual)
	case kind == "DNS" && len(t.DNSIPs) == 0 && (t.DNSIPs != nil || whole):
		return fmt.Errorf("dns_ips is required for test_type %s; write the addresses that the name must resolve to, such as dns_ips: [192.0.2.1]", kind)
	}
	return nil
}

func checkNumbers(t *Test) error {
	var errs []error
	for _, n := range []struct {
		option    string
		value     *int
		low, high int
		unit      string
		more      string
	}{
		{"confirmation", t.Confirmation, 0, mostConfirmation, "servers", "; the API v1 confirms with at most 3"},
		{"port", t.Port, 0, 65535, "", ""},
		{"timeout", t.Timeout, 5, mostTimeout, "seconds", ""},
		{"trigger_rate", t.TriggerRate, 0, 60, "minutes", ""},
	} {
		if n.value != nil && (*n.value < n.low || *n.value > n.high) {
			errs = append(errs, fmt.Errorf("value of %s must be %s, got: %d%s", n.option,
				strings.TrimSpace(fmt.Sprintf("%d to %d %s", n.low, n.high, n.unit)), *n.value, n.more))
		}
	}
	if t.CheckRate != nil && !slices.Contains(checkRates(), *t.CheckRate) {
		rates := make([]string, len(checkRates()))
		for i, rate := range checkRates() {
			rates[i] = strconv.Itoa(rate)
		}
		errs = append(errs, fmt.Errorf("value of check_rate must be one of: %s, got: %d", strings.Join(rates, ", "), *t.CheckRate))
	}
	return errors.Join(errs...)
}

func checkBodies(t *Test) error {
	var both error
	if isSet(t.PostBody) && isSet(t.PostRaw) {
		both = errors.New("post_body cannot be combined with post_raw, because a test sends one body; leave one of them out")
	}
	return errors.Join(checkHeaders(t.CustomHeader), checkBody("post_body", t.PostBody), both)
}

// isSet reports whether a body is set and not empty.
func isSet(v *secret.Value) bool { return v != nil && !v.IsZero() }

// checkBody demands a JSON object, or nothing, which an empty one is too. The value is a secret and stays out of the message.
func checkBody(option string, value *secret.Value) error {
	if value == nil || value.IsZero() {
		return nil
	}
	object, ok := parseObject(value.Reveal())
	if !ok {
		return fmt.Errorf("value of %s must be %s", option, aJSONObject)
	}
	if len(object) == 0 {
		*value = secret.Value{}
	}
	return nil
}

const aJSONObject = `a dictionary, or a string that holds a JSON object such as {"key": "value"}`

// checkHeaders requires a JSON object of strings. Numbers and booleans become strings.
func checkHeaders(value *secret.Value) error {
	if err := checkBody("custom_header", value); err != nil || value == nil || value.IsZero() {
		return err
	}
	object, _ := parseObject(value.Reveal())
	changed := false
	for _, name := range slices.Sorted(maps.Keys(object)) {
		switch v := object[name].(type) {
		case string:
		case json.Number:
			object[name], changed = v.String(), true
		case bool:
			object[name], changed = strconv.FormatBool(v), true
		default:
			return fmt.Errorf("value of custom_header must be %s, got something else than a text or a number for %s", aJSONObject, name)
		}
	}
	if !changed {
		return nil
	}
	text, err := json.Marshal(object)
	if err != nil {
		return fmt.Errorf("value of custom_header must be %s", aJSONObject)
	}
	*value = secret.New(string(text))
	return nil
}

// parseObject parses a JSON object and keeps numbers as they are written.
func parseObject(text string) (object map[string]any, ok bool) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	err := decoder.Decode(&object)
	return object, err == nil && object != nil && !decoder.More()
}

func checkLists(t *Test) error {
	for _, list := range []*[]string{&t.ContactGroups, &t.DNSIPs, &t.StatusCodes, &t.Tags} {
		*list = resource.Tidy(*list)
	}
	t.Regions = trimmed(t.Regions)
	if len(t.StatusCodes) == 1 && strings.EqualFold(t.StatusCodes[0], "default") {
		t.StatusCodes = DefaultStatusCodes()
	}
	var errs []error
	if wrong := without(t.StatusCodes, codePattern.MatchString); wrong != nil {
		errs = append(errs, fmt.Errorf("value of status_codes_csv must be HTTP status codes, or the one word default, got: %s", strings.Join(wrong, ", ")))
	}
	if wrong := without(t.Regions, regionPattern.MatchString); wrong != nil {
		errs = append(errs, fmt.Errorf("value of regions must be region codes such as london or new-york, which GET /uptime-locations lists, got: %s; "+
			"the server codes of the earlier API have no counterpart, so write regions, or leave it out to let StatusCake choose", strings.Join(wrong, ", ")))
	}
	if wrong := without(t.Tags, func(tag string) bool { return !strings.Contains(tag, ",") }); wrong != nil {
		errs = append(errs, fmt.Errorf("value of tags must not have a comma inside a tag, got: %s", strings.Join(wrong, "; ")))
	}
	return errors.Join(append(errs, marks().Refuse(t.Tags))...)
}

// trimmed returns a list without empty elements and without spaces around the others. Duplicates stay: in regions they
// ask for two servers.
func trimmed(list []string) []string {
	if list == nil {
		return nil
	}
	kept := make([]string, 0, len(list))
	for _, element := range list {
		if element = strings.TrimSpace(element); element != "" {
			kept = append(kept, element)
		}
	}
	return kept
}

// without returns the elements of a list for which right is false, nil for none.
func without(list []string, right func(string) bool) []string {
	var wrong []string
	for _, element := range list {
		if !right(element) {
			wrong = append(wrong, element)
		}
	}
	return wrong
}
