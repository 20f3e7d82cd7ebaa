// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/pattern"
	"github.com/stackwatch/ansible-monitoring/pkg/resource"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// uptimeWish checks one declared test and brings it into the API's form. Its errors name the option, the value and what would be right.
func uptimeWish(item resource.Item[Test]) (Test, error) {
	t := item.Object
	if item.Stack != nil {
		t.stack = *item.Stack
	}
	if item.ID != nil {
		if !idPattern.MatchString(*item.ID) {
			return t, fmt.Errorf("value of id must be the number of a test, got: %s", *item.ID)
		}
		t.label = "id " + *item.ID
	} else if t.Name == nil {
		return t, errors.New("one of the following is required: id, name")
	}
	for _, check := range []func(*Test) error{checkTexts, checkURL, checkNumbers, checkBodies, checkLists} {
		if err := check(&t); err != nil {
			return t, err
		}
	}
	return t, nil
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
	if err := resource.Rendered("name", t.Name); err != nil {
		return err
	}
	return resource.Rendered("website_url", t.WebsiteURL)
}

// checkURL demands a URL of the types that need one, and leaves host names to the others.
func checkURL(t *Test) error {
	if t.WebsiteURL == nil {
		return nil
	}
	value := strings.TrimSpace(*t.WebsiteURL)
	t.WebsiteURL = &value
	u, err := url.Parse(value)
	web := t.TestType != nil && (*t.TestType == "HTTP" || *t.TestType == "HEAD")
	switch {
	case value == "" || strings.ContainsAny(value, " \t\n"):
		return fmt.Errorf("value of website_url must be a URL or a host name, got: %q", value)
	case web && (err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https"):
		return fmt.Errorf("value of website_url must be a URL such as https://www.example.com for test_type %s, got: %s", *t.TestType, value)
	}
	return nil
}

func checkNumbers(t *Test) error {
	for _, n := range []struct {
		option    string
		value     *int
		low, high int
		unit      string
		more      string
	}{
		{"confirmation", t.Confirmation, 0, 3, "servers", "; the API v1 confirms with at most 3"},
		{"port", t.Port, 0, 65535, "", ""},
		{"timeout", t.Timeout, 5, 75, "seconds", ""},
		{"trigger_rate", t.TriggerRate, 0, 60, "minutes", ""},
	} {
		if n.value != nil && (*n.value < n.low || *n.value > n.high) {
			return fmt.Errorf("value of %s must be %s, got: %d%s", n.option,
				strings.TrimSpace(fmt.Sprintf("%d to %d %s", n.low, n.high, n.unit)), *n.value, n.more)
		}
	}
	return nil
}

func checkBodies(t *Test) error {
	if err := checkBody("custom_header", t.CustomHeader); err != nil {
		return err
	}
	return checkBody("post_body", t.PostBody)
}

// checkBody demands a JSON object, or nothing, which an empty one is too. The value is a secret and stays out of the message.
func checkBody(option string, value *secret.Value) error {
	if value == nil || value.IsZero() {
		return nil
	}
	var object map[string]any
	if json.Unmarshal([]byte(value.Reveal()), &object) != nil {
		return fmt.Errorf(`value of %s must be a dictionary, or a string that holds a JSON object such as {"key": "value"}`, option)
	}
	if len(object) == 0 {
		*value = secret.Value{}
	}
	return nil
}

func checkLists(t *Test) error {
	for _, list := range []*[]string{&t.ContactGroups, &t.DNSIPs, &t.Regions, &t.StatusCodes, &t.Tags} {
		*list = resource.Tidy(*list)
	}
	for _, code := range t.StatusCodes {
		if len(t.StatusCodes) == 1 && strings.EqualFold(code, "default") {
			t.StatusCodes = DefaultStatusCodes()
			break
		}
		if !codePattern.MatchString(code) {
			return fmt.Errorf("value of status_codes_csv must be HTTP status codes, or the one word default, got: %s", code)
		}
	}
	for _, region := range t.Regions {
		if !regionPattern.MatchString(region) {
			return fmt.Errorf("value of regions must be region codes such as london or new-york, which GET /uptime-locations lists, got: %s; "+
				"the node location codes of the earlier API have no counterpart", region)
		}
	}
	for _, tag := range t.Tags {
		if strings.Contains(tag, ",") {
			return fmt.Errorf("value of tags must not have a comma inside a tag, got: %s", tag)
		}
	}
	return marks().Refuse(t.Tags)
}

// apply takes the options of earlier modules that v1 has no field for: command sets the state, the others only say that they do nothing.
func (l legacyOptions) apply(call *ansible.Call, one *resource.Item[Test]) error {
	if l.Command != nil {
		state := "present"
		if *l.Command == "delete" {
			state = "absent"
		}
		if call.Given("state") && *one.State != state {
			return fmt.Errorf("value of command must agree with state, got: %s with state: %s; leave command out", *l.Command, *one.State)
		}
		one.State = &state
		call.Deprecate(fmt.Sprintf("command: %s is state: %s now", *l.Command, state), "1.0.0", "", "stackwatch.monitoring")
	}
	for _, o := range []struct {
		name  string
		value *string
	}{
		{"custom_message", l.CustomMessage}, {"full_test", l.FullTest}, {"http_agent", l.HTTPAgent}, {"log_file", l.LogFile},
		{"sender_address", l.SenderAddress}, {"site_ip", l.SiteIP}, {"subject_line", l.SubjectLine},
	} {
		if o.value != nil {
			call.Deprecate(o.name+" has no counterpart in the API v1 and no effect; remove it", "1.0.0", "", "stackwatch.monitoring")
		}
	}
	return nil
}
