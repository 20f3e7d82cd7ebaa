// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/pattern"
	"github.com/stackwatch/ansible-monitoring/pkg/resource"
)

// legacyOptions has the options of earlier modules for StatusCake that have no field in the API v1.
type legacyOptions struct {
	Command       *string `mapstructure:"command"`
	CustomMessage *string `mapstructure:"custom_message"`
	FullTest      *string `mapstructure:"full_test"`
	HTTPAgent     *string `mapstructure:"http_agent"`
	LogFile       *string `mapstructure:"log_file"`
	SenderAddress *string `mapstructure:"sender_address"`
	SiteIP        *string `mapstructure:"site_ip"`
	SubjectLine   *string `mapstructure:"subject_line"`
	Username      *string `mapstructure:"username"`
}

// deprecator returns a function that adds a deprecation warning.
func deprecator(call *ansible.Call) func(format string, args ...any) {
	return func(format string, args ...any) {
		call.Deprecate(fmt.Sprintf(format, args...), "1.0.0", "", "stackwatch.monitoring")
	}
}

// apply sets the state by command, and warns of the options that have no effect.
func (l legacyOptions) apply(call *ansible.Call, one *resource.Item[Test]) error {
	deprecate := deprecator(call)
	for _, o := range []struct {
		name  string
		value *string
	}{
		{"custom_message", l.CustomMessage}, {"full_test", l.FullTest}, {"http_agent", l.HTTPAgent}, {"log_file", l.LogFile},
		{"sender_address", l.SenderAddress}, {"site_ip", l.SiteIP}, {"subject_line", l.SubjectLine},
	} {
		if o.value != nil {
			deprecate("%s has no counterpart in the API v1 and no effect; remove it", o.name)
		}
	}
	if l.Command == nil {
		return nil
	}
	state := "present"
	if *l.Command == "delete" {
		state = "absent"
	}
	if call.Given("state") && *one.State != state {
		return fmt.Errorf("value of command must agree with state, got: %s with state: %s; leave command out", *l.Command, *one.State)
	}
	one.State = &state
	deprecate("command: %s is state: %s now", *l.Command, state)
	return nil
}

// checkRates are the rates that the API v1 has, in seconds; 0 is as often as the account allows.
func checkRates() []int { return []int{0, 30, 60, 300, 900, 1800, 3600, 86400} }

// The limits of the API v1, and those up to which values of earlier modules are accepted. A higher timeout may be in milliseconds.
const (
	mostConfirmation, legacyConfirmation = 3, 10
	mostTimeout, legacyTimeout           = 75, 999 // seconds
)

// fitLegacyValues replaces values that only earlier modules accepted by the nearest that the API v1 accepts, where the
// meaning is clear. Other values are left to the checks.
func fitLegacyValues(t *Test, deprecate func(format string, args ...any)) {
	nearest := func(option string, value **int, is func(int) bool, to func(int) int, why string) {
		if *value == nil || !is(**value) {
			return
		}
		fits := to(**value)
		deprecate("%s: %d is taken for %d, %s; write %s: %d", option, **value, fits, why, option, fits)
		*value = &fits
	}
	nearest("confirmation", &t.Confirmation, func(n int) bool { return n > mostConfirmation && n <= legacyConfirmation },
		func(int) int { return mostConfirmation }, "the most servers with which the API v1 confirms")
	nearest("timeout", &t.Timeout, func(n int) bool { return n > mostTimeout && n <= legacyTimeout },
		func(int) int { return mostTimeout }, "the most seconds that the API v1 waits")
	nearest("check_rate", &t.CheckRate, func(n int) bool { return n > 0 && n < 86400 && !slices.Contains(checkRates(), n) },
		nearestRate, "the nearest rate that the API v1 has")
	if slices.Contains(t.ContactGroups, "0") {
		t.ContactGroups = slices.DeleteFunc(slices.Clone(t.ContactGroups), func(id string) bool { return id == "0" })
		instead := "an empty list"
		if len(t.ContactGroups) > 0 {
			instead = "contact_groups: [" + strings.Join(t.ContactGroups, ", ") + "]"
		}
		deprecate("contact_groups: 0 is taken for no contact group; write %s", instead)
	}
}

// nearestRate returns the rate of the API v1 that is nearest to a number of seconds, the more frequent one of two. It
// never returns 0.
func nearestRate(seconds int) int {
	best := checkRates()[1]
	for _, rate := range checkRates()[1:] {
		if abs(rate-seconds) < abs(best-seconds) {
			best = rate
		}
	}
	return best
}

func abs(n int) int { return max(n, -n) }

// bareHost matches an address without a scheme that means https, or http where its port is 80.
var bareHost = pattern.New(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+(:443|:80)?([/?].*)?$`)

// withScheme returns a bare host as a URL: the current one if they differ only in the scheme, else with the scheme of
// its port, https by default.
func withScheme(address, current string) string {
	for _, scheme := range []string{"https://", "http://"} {
		if sameURL(scheme+address, current) || !strings.Contains(current, "://") && sameURL(scheme+address, scheme+current) {
			return current
		}
	}
	if found := bareHost.FindStringSubmatch(address); found != nil && found[2] == ":80" {
		return "http://" + address
	}
	return "https://" + address
}
