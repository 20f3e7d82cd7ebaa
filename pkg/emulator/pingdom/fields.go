// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// checkFields are the fields of a check, each with the types that take it (none: all) and what the vendor says of it. What
// one field means for another is in settle. https://docs.pingdom.com/api/#tag/Checks/paths/~1checks/post
func checkFields() map[string]field[Check] {
	encrypted, web := withEncryption(), overHTTP()
	connected := append([]string{"tcp", "udp"}, encrypted...)
	expecting := []string{"tcp", "udp", "smtp", "pop3", "imap"}
	return map[string]field[Check]{
		"name":                     {set: text(func(c *Check) *string { return &c.Name }, emulator.Filled)},
		"host":                     {set: text(func(c *Check) *string { return &c.Host }, emulator.Host)},
		"paused":                   {set: flag(func(c *Check) *bool { return &c.Paused })},
		"resolution":               {set: oneOf(func(c *Check) *int { return &c.Resolution }, resolutions()...)},
		"sendnotificationwhendown": {set: atLeast(func(c *Check) *int { return &c.SendNotificationWhenDown }, 1)},
		"notifyagainevery":         {set: atLeast(func(c *Check) *int { return &c.NotifyAgainEvery }, 0)},
		"notifywhenbackup":         {set: flag(func(c *Check) *bool { return &c.NotifyWhenBackup })},
		"responsetime_threshold":   {set: atLeast(func(c *Check) *int { return &c.ResponseTimeThreshold }, 1)},
		"custom_message":           {set: text(func(c *Check) *string { return &c.CustomMessage })},
		"integrationids":           {set: ids(func(c *Check) *[]int { return &c.IntegrationIDs }, true, nil)},
		"userids":                  {set: ids(func(c *Check) *[]int { return &c.UserIDs }, false, checkContact)},
		"teamids":                  {set: ids(func(c *Check) *[]int { return &c.TeamIDs }, false, checkTeam)},
		"tags":                     {set: list(func(c *Check) *[]string { return &c.Tags }, checkTag)},
		"addtags":                  {set: addTags, updateOnly: true},
		"probe_filters":            {set: list(func(c *Check) *[]string { return &c.ProbeFilters }, checkFilter)},
		"ipv6":                     {set: flag(func(c *Check) *bool { return &c.IPv6 })},

		"url":                  {types: web, set: text(func(c *Check) *string { return &c.URL }, emulator.Optional[*account](checkPath))},
		"encryption":           {types: encrypted, set: flag(func(c *Check) *bool { return &c.Encryption })},
		"port":                 {types: connected, set: port},
		"auth":                 {types: append([]string{"smtp"}, web...), set: auth},
		"shouldcontain":        {types: web, set: text(func(c *Check) *string { return &c.ShouldContain })},
		"shouldnotcontain":     {types: web, set: text(func(c *Check) *string { return &c.ShouldNotContain })},
		"postdata":             {types: web, set: text(func(c *Check) *string { return &c.PostData })},
		"requestheaders":       {types: web, numbered: true, set: addHeader},
		"verify_certificate":   {types: web, set: flag(func(c *Check) *bool { return &c.VerifyCertificate })},
		"ssl_down_days_before": {types: web, set: atLeast(func(c *Check) *int { return &c.SSLDownDaysBefore }, 0)},
		"additionalurls":       {types: []string{"httpcustom"}, set: text(func(c *Check) *string { return &c.AdditionalURLs }, emulator.Optional[*account](checkURLs))},
		"stringtosend":         {types: []string{"tcp", "udp"}, set: text(func(c *Check) *string { return &c.StringToSend })},
		"stringtoexpect":       {types: expecting, set: text(func(c *Check) *string { return &c.StringToExpect })},
		"nameserver":           {types: []string{"dns"}, set: text(func(c *Check) *string { return &c.NameServer }, emulator.Host)},
		"expectedip":           {types: []string{"dns"}, set: text(func(c *Check) *string { return &c.ExpectedIP }, emulator.Address)},
	}
}

// required are the fields without which a check of a type cannot be, beside name, host and type.
func required(kind string) []string {
	return map[string][]string{
		"tcp": {"port"}, "udp": {"port", "stringtosend", "stringtoexpect"}, "dns": {"nameserver", "expectedip"},
	}[kind]
}

func resolutions() []int { return []int{1, 5, 15, 30, 60} }

// windowFields are the fields of a maintenance window. https://docs.pingdom.com/api/#tag/Maintenance/paths/~1maintenance/post
func windowFields() map[string]field[Window] {
	return map[string]field[Window]{
		"description":    {set: text(func(w *Window) *string { return &w.Description }, emulator.Filled)},
		"from":           {set: moment(func(w *Window) *int64 { return &w.From })},
		"to":             {set: moment(func(w *Window) *int64 { return &w.To })},
		"recurrencetype": {set: text(func(w *Window) *string { return &w.RecurrenceType }, checkRecurrence)},
		"repeatevery":    {set: atLeast(func(w *Window) *int { return &w.RepeatEvery }, 0)},
		"effectiveto":    {set: moment(func(w *Window) *int64 { return &w.EffectiveTo })},
		"uptimeids":      {set: ids(func(w *Window) *[]int { return &w.UptimeIDs }, false, checkCheck)},
		"tmsids":         {set: ids(func(w *Window) *[]int { return &w.TMSIDs }, false, nil)},
	}
}

// problems are what is wrong with a request.
type problems []string

func (p *problems) add(name, complaint string) {
	if complaint != "" {
		*p = append(*p, "Parameter "+name+" "+complaint)
	}
}

// params are the fields of a request, from a JSON object or from a form, in which all values are texts.
type params struct {
	values map[string]any
	form   bool
}

func (p params) has(name string) bool {
	_, sent := p.values[name]
	return sent
}

// field is one field of a request: set stores its value or returns a complaint.
type field[T any] struct {
	types      []string // of the checks that take it; none: all
	updateOnly bool
	numbered   bool // its name ends in a number
	set        setter[T]
}

type setter[T any] = func(a *account, object *T, v value) string

type check = emulator.Check[*account]

// decode stores the fields of a request in the object; what is not sent stays. The kind is a check's type, or empty. The
// object is of no use when there are problems.
func decode[T any](a *account, fields map[string]field[T], kind string, update bool, p params, object *T) problems {
	var wrong problems
	for _, name := range slices.Sorted(maps.Keys(p.values)) {
		f, known := fields[name]
		if bare := strings.TrimRight(name, "0123456789"); bare != name && fields[bare].numbered {
			f, known = fields[bare], true
		} else if f.numbered {
			known = false
		}
		switch {
		case !known, f.updateOnly && !update:
			wrong.add(name, "is not known")
		case f.types != nil && !slices.Contains(f.types, kind):
			wrong.add(name, "does not belong to a check of type "+kind)
		default:
			wrong.add(name, f.set(a, object, value{p.values[name], p.form}))
		}
	}
	return wrong
}

// value is what was sent for a field.
type value struct {
	raw  any
	form bool
}

func (v value) text() (string, bool) {
	text, ok := v.raw.(string)
	return text, ok
}

func (v value) whole() (int64, bool) {
	var text string
	switch raw := v.raw.(type) {
	case json.Number:
		text = raw.String()
	case string:
		if v.form {
			text = raw
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == text
}

func (v value) flag() (on, ok bool) {
	if on, ok = v.raw.(bool); ok {
		return on, true
	}
	text, ok := v.raw.(string)
	return text == "true", v.form && ok && (text == "true" || text == "false")
}

// items reads a list: a text with commas, or a JSON array of texts or of numbers.
func (v value) items(numbers bool) ([]string, bool) {
	switch raw := v.raw.(type) {
	case string:
		if raw == "" {
			return nil, true
		}
		return strings.Split(raw, ","), true
	case []any:
		var items []string
		for _, item := range raw {
			text, isText := item.(string)
			number, isNumber := item.(json.Number)
			if isText == numbers || isNumber != numbers {
				return nil, false
			}
			items = append(items, text+number.String())
		}
		return items, true
	}
	return nil, false
}

func text[T any](target func(*T) *string, checks ...check) setter[T] {
	return func(a *account, object *T, v value) string {
		text, ok := v.text()
		if !ok {
			return "must be a text"
		}
		for _, check := range checks {
			if complaint := check(a, text); complaint != "" {
				return complaint
			}
		}
		*target(object) = text
		return ""
	}
}

func flag[T any](target func(*T) *bool) setter[T] {
	return func(_ *account, object *T, v value) string {
		on, ok := v.flag()
		if !ok {
			return "must be true or false"
		}
		*target(object) = on
		return ""
	}
}

func whole[T any](target func(*T) *int, allowed func(int) bool, complaint string) setter[T] {
	return func(_ *account, object *T, v value) string {
		n, ok := v.whole()
		if !ok || !allowed(int(n)) {
			return complaint
		}
		*target(object) = int(n)
		return ""
	}
}

func atLeast[T any](target func(*T) *int, low int) setter[T] {
	return whole(target, func(n int) bool { return n >= low }, fmt.Sprintf("must be a whole number of at least %d", low))
}

func oneOf[T any](target func(*T) *int, choices ...int) setter[T] {
	return whole(target, func(n int) bool { return slices.Contains(choices, n) }, fmt.Sprintf("must be one of %v", choices))
}

func port(a *account, c *Check, v value) string {
	return whole(func(c *Check) *int { return &c.Port }, func(n int) bool { return 1 <= n && n <= 65535 },
		"must be between 1 and 65535")(a, c, v)
}

// moment takes a time in unix seconds, of which 1 is the present.
func moment[T any](target func(*T) *int64) setter[T] {
	return func(a *account, object *T, v value) string {
		at, ok := v.whole()
		if !ok || at < 1 {
			return "must be a time in unix seconds"
		}
		if at == 1 {
			at = a.opt.Now().Unix()
		}
		*target(object) = at
		return ""
	}
}

func list[T any](target func(*T) *[]string, checks ...check) setter[T] {
	return func(a *account, object *T, v value) string {
		items, ok := v.items(false)
		if !ok {
			return "must be a list of texts"
		}
		var kept []string
		for _, item := range items {
			for _, check := range checks {
				if complaint := check(a, item); complaint != "" {
					return fmt.Sprintf("holds %q, which %s", item, complaint)
				}
			}
			kept = append(kept, item)
		}
		*target(object) = kept
		return ""
	}
}

// ids takes a list of ids: a text with commas, and a JSON array of numbers where the vendor documents one.
func ids[T any](target func(*T) *[]int, array bool, known check) setter[T] {
	return func(a *account, object *T, v value) string {
		items, ok := v.items(true)
		if _, isText := v.text(); !ok || !array && !isText {
			return "must be a list of numbers in the documented form"
		}
		var numbers []int
		for _, item := range items {
			n := emulator.ParseID(item)
			if n == 0 {
				return fmt.Sprintf("holds %q, which is not an id", item)
			}
			if known != nil && known(a, item) != "" {
				return fmt.Sprintf("holds %q, which %s", item, known(a, item))
			}
			if !slices.Contains(numbers, n) {
				numbers = append(numbers, n)
			}
		}
		*target(object) = numbers
		return ""
	}
}

func addTags(a *account, c *Check, v value) string {
	var more []string
	complaint := list(func(*Check) *[]string { return &more }, checkTag)(a, c, v)
	for _, tag := range more {
		if !slices.Contains(c.Tags, tag) {
			c.Tags = append(c.Tags, tag)
		}
	}
	return complaint
}

// auth takes user name and password with a colon between them. The complaint does not repeat them.
func auth(_ *account, c *Check, v value) string {
	sent, ok := v.text()
	user, password, divided := strings.Cut(sent, ":")
	if !ok || sent != "" && (!divided || user == "") {
		return "must be a user name and a password with a colon between them"
	}
	c.Username, c.Password = user, password
	return ""
}

// addHeader takes one header, as a text or as an array of one text. An empty one only counts as given.
func addHeader(_ *account, c *Check, v value) string {
	items, isArray := v.raw.([]any)
	if isArray && len(items) == 1 {
		v.raw = items[0]
	}
	sent, ok := v.text()
	if isArray && len(items) == 0 || ok && sent == "" {
		return ""
	}
	name, content, divided := strings.Cut(sent, ":")
	if !ok || !divided || name == "" || strings.ContainsAny(name, " \t\r\n") || strings.ContainsAny(content, "\r\n") {
		return "must be a header's name and value with a colon between them"
	}
	if c.RequestHeaders == nil {
		c.RequestHeaders = map[string]string{}
	}
	c.RequestHeaders[name] = content
	return ""
}

func checkPath(_ *account, value string) string {
	if value[0] != '/' {
		return "must be a path that begins with a slash"
	}
	return ""
}

func checkURLs(_ *account, value string) string {
	for one := range strings.SplitSeq(value, ";") {
		if !strings.HasPrefix(one, "http://") && !strings.HasPrefix(one, "https://") {
			return "must hold whole URLs with semicolons between them"
		}
	}
	return ""
}

func checkTag(_ *account, value string) string {
	odd := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '_' && r != '-'
	}
	if value == "" || len(value) > 64 || strings.ContainsFunc(value, odd) {
		return "must consist of 1 to 64 characters of A-Z, a-z, 0-9, _ and -"
	}
	return ""
}

// regions returns the regions of probes.
func regions() []string { return []string{"EU", "NA", "APAC", "LATAM"} }

func checkFilter(_ *account, value string) string {
	region, ok := cutRegion(value)
	if !ok || !slices.Contains(regions(), region) {
		return fmt.Sprintf("must be region: with one of %v", regions())
	}
	return ""
}

func cutRegion(filter string) (string, bool) {
	region, ok := strings.CutPrefix(filter, "region:")
	return strings.TrimPrefix(region, " "), ok
}

func checkRecurrence(_ *account, value string) string {
	if !slices.Contains([]string{"none", "day", "week", "month"}, value) {
		return "must be none, day, week or month"
	}
	return ""
}

func checkContact(a *account, value string) string {
	return unless(a.contacts.Find(value) != nil, "is not the id of a contact")
}

func checkTeam(a *account, value string) string {
	return unless(a.teams.Find(value) != nil, "is not the id of a team")
}

func checkCheck(a *account, value string) string {
	return unless(a.checks.Find(value) != nil, "is not the id of a check")
}

func unless(fine bool, complaint string) string {
	if fine {
		return ""
	}
	return complaint
}
