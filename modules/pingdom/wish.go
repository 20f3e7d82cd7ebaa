// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

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
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/resource"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// checkWish validates one declared check and converts it to the API's form. Its error names every wrong option, its
// value and what would be right.
func checkWish(item resource.Item[Check]) (Check, error) {
	c := item.Object
	c.stack = value(item.Stack)
	var errs []error
	switch {
	case item.ID == nil && c.Name == nil:
		errs = append(errs, errors.New("one of the following is required: id, name"))
	case item.ID == nil:
	case !idPattern.MatchString(*item.ID):
		errs = append(errs, fmt.Errorf("value of id must be the number of a check, got: %s", *item.ID))
	default:
		c.label = "id " + *item.ID
	}
	errs = append(errs, applyState(&c, value(item.State)))
	for _, check := range []func(*Check) error{
		checkTexts, checkHost, checkURL, checkIPv6, checkNumbers, checkMatchers, checkCertificate, checkSecrets, checkLists, checkRegions, checkURLs, checkFields,
	} {
		errs = append(errs, check(&c))
	}
	return c, errors.Join(errs...)
}

// checkStack refuses what cannot be part of a tag.
func checkStack(stack string) error {
	if !stackPattern.MatchString(stack) {
		return fmt.Errorf("value of stack must be a name of 1 to 50 letters, digits, underscores and dashes, as Pingdom's tags are, got: %s", stack)
	}
	return nil
}

// applyState makes the states that pause and resume a value of paused.
func applyState(c *Check, state string) error {
	var paused bool
	switch state {
	case "paused", "stopped":
		paused = true
	case "resumed", "running", "started":
	default:
		return nil
	}
	if c.Paused != nil && *c.Paused != paused {
		return fmt.Errorf("value of paused must agree with state: %s, got: %t; leave paused out", state, *c.Paused)
	}
	c.Paused = &paused
	return nil
}

var (
	idPattern     = pattern.New(`^[0-9]{1,18}$`)
	stackPattern  = pattern.New(`^[A-Za-z0-9_-]{1,50}$`)
	headerPattern = pattern.New("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
	tagPattern    = pattern.New(`^[A-Za-z0-9_-]{1,64}$`)
	regionPattern = pattern.New(`^(?i:region: *)?(?i:(EU|NA|APAC|LATAM))$`)
)

func checkTexts(c *Check) error {
	if c.Name != nil {
		name := strings.TrimSpace(*c.Name)
		if name == "" || name == "None" {
			return fmt.Errorf("value of name must be the name of a check, got: %q", *c.Name)
		}
		c.Name = &name
	}
	return errors.Join(resource.Rendered("name", c.Name), resource.Rendered("host", c.Host), resource.Rendered("url", c.URL),
		resource.Rendered("nameserver", c.Nameserver), resource.Rendered("expectedip", c.ExpectedIP))
}

// isTemplate reports whether a text is an unrendered template, which checkTexts refuses.
func isTemplate(option string, text *string) bool { return resource.Rendered(option, text) != nil }

// checkHost refuses what goes into other options: the scheme, path, port and login of a URL.
func checkHost(c *Check) error {
	if c.Host == nil || isTemplate("host", c.Host) {
		return nil
	}
	host := strings.TrimSpace(*c.Host)
	c.Host = &host
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	if host != "" && host != "None" && !strings.ContainsAny(host, "/:@?#[] \t\n,") {
		return nil
	}
	return fmt.Errorf("value of host must be a host name or an IP address alone, got: %q%s", withoutLogin(host), advice(host, c))
}

// checkURL wants the path alone, and takes the empty one for the root.
func checkURL(c *Check) error {
	if c.URL == nil || isTemplate("url", c.URL) {
		return nil
	}
	path := strings.TrimSpace(*c.URL)
	c.URL = &path
	switch {
	case path == "":
		path = "/"
	case strings.HasPrefix(path, "/"):
	case strings.Contains(path, "://"):
		return fmt.Errorf("value of url must be the path on the host such as /healthz, got: %q%s", withoutLogin(path), advice(path, c))
	default:
		return fmt.Errorf("value of url must be the path on the host such as /healthz, got: %q; write url: /%s", path, path)
	}
	return nil
}

// advice says how to write a URL, or a host with a port, with the options that there are for its parts.
func advice(text string, c *Check) string {
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		scheme, rest = "", text
	}
	u, err := url.Parse("//" + rest)
	if err != nil || u.Hostname() == "" || u.Hostname() == text {
		return ""
	}
	has := fieldsOf(value(c.Type))
	if c.Type == nil {
		has = fieldsOf(typeHTTP)
	}
	parts := []string{"host: " + u.Hostname()}
	add := func(field, value string) {
		if value != "" && slices.Contains(has, field) {
			parts = append(parts, field+": "+value)
		}
	}
	path := u.RequestURI()
	if u.Path == "" && u.RawQuery == "" {
		path = ""
	}
	add("url", path)
	port := u.Port()
	if strings.EqualFold(scheme, "https") {
		add("encryption", "true")
		port = orText(port, "443")
	}
	add("port", port)
	if u.User != nil {
		add("auth", "the user name and the password with a colon between them")
	}
	return "; write " + strings.Join(parts, ", ")
}

func orText(text, byDefault string) string {
	if text == "" {
		return byDefault
	}
	return text
}

func withoutLogin(text string) string {
	if login := secret.LoginIn(text); login != "" {
		return strings.Replace(text, login+"@", "", 1)
	}
	return text
}

// checkIPv6 refuses a protocol that the address in host is not of: Pingdom would go by the address, and the next run would differ again.
func checkIPv6(c *Check) error {
	if c.Host == nil || c.IPv6 == nil {
		return nil
	}
	address, err := netip.ParseAddr(*c.Host)
	if err == nil && address.Is6() != *c.IPv6 {
		return fmt.Errorf("value of ipv6 must agree with the address in host, got: %t with host: %s; leave ipv6 out", *c.IPv6, *c.Host)
	}
	return nil
}

func checkNumbers(c *Check) error {
	var errs []error
	for _, n := range []struct {
		option    string
		value     *int
		low, high int
		right     string
	}{
		{"sendnotificationwhendown", c.SendNotificationWhenDown, 1, 0, "at least 1"},
		{"notifyagainevery", c.NotifyAgainEvery, 0, 0, "at least 0"},
		{"responsetime_threshold", c.ResponseTimeThreshold, 1, 0, "at least 1 millisecond"},
		{"port", c.Port, 1, 65535, "1 to 65535"},
		{"ssl_down_days_before", c.SSLDownDaysBefore, 0, 0, "at least 0 days"},
	} {
		if n.value != nil && (*n.value < n.low || n.high > 0 && *n.value > n.high) {
			errs = append(errs, fmt.Errorf("value of %s must be %s, got: %d", n.option, n.right, *n.value))
		}
	}
	return errors.Join(errs...)
}

func checkMatchers(c *Check) error {
	if value(c.ShouldContain) != "" && value(c.ShouldNotContain) != "" {
		return fmt.Errorf("value of shouldcontain must be empty where shouldnotcontain is set, got: %q and %q; Pingdom looks for one text only",
			*c.ShouldContain, *c.ShouldNotContain)
	}
	return nil
}

// checkCertificate looks at what is known: a wish alone, or what a check will be.
func checkCertificate(c *Check) error {
	if value(c.SSLDownDaysBefore) > 0 && c.VerifyCertificate != nil && !*c.VerifyCertificate {
		return fmt.Errorf("value of ssl_down_days_before must be 0 where verify_certificate is false, got: %d; write verify_certificate: true",
			*c.SSLDownDaysBefore)
	}
	return nil
}

// checkSecrets wants a colon in a login, and request headers that can be sent. The values are secrets and stay out of the messages.
func checkSecrets(c *Check) error { return errors.Join(checkAuth(c), checkHeaders(c)) }

func checkAuth(c *Check) error {
	if c.Auth != nil && !c.Auth.IsZero() && strings.Index(c.Auth.Reveal(), ":") < 1 {
		return errors.New("value of auth must be a user name and a password with a colon between them, got something else")
	}
	return nil
}

func checkHeaders(c *Check) error {
	if c.RequestHeaders == nil || c.RequestHeaders.IsZero() {
		return nil
	}
	const right = `value of requestheaders must be a dictionary, or a string that holds a JSON object such as {"X-Name": "value"}`
	var given map[string]any
	decoder := json.NewDecoder(strings.NewReader(c.RequestHeaders.Reveal()))
	decoder.UseNumber()
	if decoder.Decode(&given) != nil || decoder.More() {
		return errors.New(right)
	}
	known, spelled := headers{}, map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		name := strings.TrimSpace(key)
		if !headerPattern.MatchString(name) { // and may be a whole header, with a credential
			return fmt.Errorf("%s, got a name that is empty, or has a colon, a blank or something else in it that names of headers do not have", right)
		}
		if before, twice := spelled[strings.ToLower(name)]; twice {
			return fmt.Errorf("%s, got one header twice: %s and %s", right, before, name)
		}
		spelled[strings.ToLower(name)] = name
		var text string
		switch v := given[key].(type) {
		case string:
			text = strings.TrimSpace(v)
		case json.Number:
			text = v.String()
		case bool:
			text = strconv.FormatBool(v)
		default:
			return fmt.Errorf("%s, got something else than a text or a number for %s", right, name)
		}
		if strings.ContainsAny(text, "\r\n") {
			return fmt.Errorf("%s, got a line break in the value of %s", right, name)
		}
		known[name] = text
	}
	text, err := json.Marshal(known)
	if err != nil {
		return errors.New(right)
	}
	c.RequestHeaders = hidden(string(text))
	if len(known) == 0 {
		c.RequestHeaders = hidden("")
	}
	return nil
}

func checkLists(c *Check) error {
	for _, list := range []*[]string{&c.IntegrationIDs, &c.UserIDs, &c.TeamIDs, &c.Tags, &c.ProbeFilters, &c.AdditionalURLs} {
		*list = resource.Tidy(*list)
	}
	integrations := slices.DeleteFunc(slices.Clone(c.IntegrationIDs), idPattern.MatchString)
	return errors.Join(
		wrong("value of integrationids must be numbers of integrations, whose names the API does not tell", integrations),
		checkTags(c.Tags), marks().Refuse(c.Tags))
}

// checkTags requires tags of 1 to 64 letters, digits, underscores and dashes.
func checkTags(tags []string) error {
	var errs []error
	var odd []string
	for _, tag := range tags {
		if err := resource.Rendered("tags", &tag); err != nil {
			errs = append(errs, err)
		} else if tag == "None" || !tagPattern.MatchString(tag) {
			odd = append(odd, tag)
		}
	}
	return errors.Join(append(errs, wrong("value of tags must be tags of 1 to 64 letters, digits, underscores and dashes", odd))...)
}

// wrong returns an error that lists invalid values, nil where there are none.
func wrong(right string, values []string) error {
	if len(values) == 0 {
		return nil
	}
	return fmt.Errorf("%s, got: %s", right, strings.Join(values, "; "))
}

// checkRegions brings EU, region:EU and "region: EU" into one form.
func checkRegions(c *Check) error {
	var odd []string
	for i, filter := range c.ProbeFilters {
		if found := regionPattern.FindStringSubmatch(filter); found != nil {
			c.ProbeFilters[i] = "region:" + strings.ToUpper(found[1])
		} else {
			odd = append(odd, filter)
		}
	}
	return wrong("value of probe_filters must be of EU, NA, APAC and LATAM", odd)
}

func checkURLs(c *Check) error {
	var odd []string
	for _, text := range c.AdditionalURLs {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.Contains(text, ";") {
			odd = append(odd, withoutLogin(text))
		}
	}
	return wrong("value of additionalurls must be whole URLs such as https://www.example.com/status.xml, without semicolons", odd)
}

// checkFields refuses what the type of a check has no field for.
func checkFields(c *Check) error {
	if c.Type == nil {
		return nil
	}
	return c.fitsInto(*c.Type)
}

// fitsInto tells whether a type has all fields that are set.
func (c Check) fitsInto(checkType string) error {
	stray := reconcile.Diff(reconcile.Object[Check]{State: c.of(checkType)}, c)
	if len(stray) == 0 {
		return nil
	}
	fields := make([]string, len(stray))
	for i, change := range stray {
		fields[i] = change.Field
	}
	is, right := "is no option", "leave it out"
	if len(fields) > 1 {
		is, right = "are no options", "leave them out"
	}
	if has := fieldsOf(checkType); len(has) > 0 {
		right = "what it has beside those of all checks: " + strings.Join(has, ", ")
	}
	return fmt.Errorf("%s %s of a check of type %s; %s", strings.Join(fields, ", "), is, checkType, right)
}
