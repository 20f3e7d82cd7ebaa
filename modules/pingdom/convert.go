// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
	"github.com/stackwatch/ansible-monitoring/pkg/stacks"
)

// Check is the state of an uptime check, under the field names of the API; nil is unset. The same struct takes a user's options
// (fields unset keep the server's value, empty ones clear it) and what was read of a check (nil: not read, or no field of its type).
type Check struct {
	Name                     *string  `mapstructure:"name"`
	Host                     *string  `mapstructure:"host"`
	Type                     *string  `mapstructure:"type"`
	Paused                   *bool    `mapstructure:"paused"`
	Resolution               *int     `mapstructure:"resolution"` // minutes
	SendNotificationWhenDown *int     `mapstructure:"sendnotificationwhendown"`
	NotifyAgainEvery         *int     `mapstructure:"notifyagainevery"`
	NotifyWhenBackup         *bool    `mapstructure:"notifywhenbackup"`
	ResponseTimeThreshold    *int     `mapstructure:"responsetime_threshold"` // milliseconds
	CustomMessage            *string  `mapstructure:"custom_message"`
	IntegrationIDs           []string `mapstructure:"integrationids"`
	UserIDs                  []string `mapstructure:"userids"` // ids; names too in a user's options
	TeamIDs                  []string `mapstructure:"teamids"` // likewise
	Tags                     []string `mapstructure:"tags"`
	ProbeFilters             []string `mapstructure:"probe_filters"` // "region:EU"
	IPv6                     *bool    `mapstructure:"ipv6"`

	// Fields of some types only, see fieldsOf.
	URL               *string       `mapstructure:"url"`
	Encryption        *bool         `mapstructure:"encryption"`
	Port              *int          `mapstructure:"port"`
	Auth              *secret.Value `mapstructure:"auth"` // user:password
	ShouldContain     *string       `mapstructure:"shouldcontain"`
	ShouldNotContain  *string       `mapstructure:"shouldnotcontain"`
	PostData          *secret.Value `mapstructure:"postdata"`
	RequestHeaders    *secret.Value `mapstructure:"requestheaders"` // a JSON object of texts
	VerifyCertificate *bool         `mapstructure:"verify_certificate"`
	SSLDownDaysBefore *int          `mapstructure:"ssl_down_days_before"`
	AdditionalURLs    []string      `mapstructure:"additionalurls"`
	StringToSend      *string       `mapstructure:"stringtosend"`
	StringToExpect    *string       `mapstructure:"stringtoexpect"`
	Nameserver        *string       `mapstructure:"nameserver"`
	ExpectedIP        *string       `mapstructure:"expectedip"`

	// Not part of the state: how a wish identifies the check.
	stack string // the stack that it belongs to, "" for none
	label string // what stands for a name where the user gave only an id
}

// The types of checks.
const (
	typeHTTP       = "http"
	typeHTTPCustom = "httpcustom"
	typeTCP        = "tcp"
	typePing       = "ping"
	typeDNS        = "dns"
	typeUDP        = "udp"
	typeSMTP       = "smtp"
	typePOP3       = "pop3"
	typeIMAP       = "imap"
)

// webFields are those of checks that read a page.
func webFields() []string {
	return []string{
		"url", "encryption", "port", "auth", "shouldcontain", "shouldnotcontain", "postdata", "requestheaders", "verify_certificate",
		"ssl_down_days_before",
	}
}

// fieldsOf gives the fields that a type has beside those of all checks.
func fieldsOf(checkType string) []string {
	switch checkType {
	case typeHTTP:
		return webFields()
	case typeHTTPCustom:
		return append(webFields(), "additionalurls")
	case typeTCP, typeUDP:
		return []string{"port", "stringtosend", "stringtoexpect"}
	case typeDNS:
		return []string{"nameserver", "expectedip"}
	case typeSMTP:
		return []string{"port", "encryption", "stringtoexpect", "auth"}
	case typePOP3, typeIMAP:
		return []string{"port", "encryption", "stringtoexpect"}
	}
	return nil
}

// ofSomeTypes tells whether a field is not one of all checks.
func ofSomeTypes(field string) bool {
	return slices.ContainsFunc([]string{typeHTTPCustom, typeTCP, typeDNS}, func(t string) bool { return slices.Contains(fieldsOf(t), field) })
}

// requiredOf gives the fields without which a check of a type cannot be created.
func requiredOf(checkType string) []string {
	switch checkType {
	case typeTCP:
		return []string{"port"}
	case typeUDP:
		return []string{"port", "stringtosend", "stringtoexpect"}
	case typeDNS:
		return []string{"nameserver", "expectedip"}
	}
	return nil
}

// defaultPort is the port of a check that names none, 0 for types without a default.
func defaultPort(checkType string, encrypted bool) int {
	ports := map[string][2]int{
		typeHTTP: {80, 443}, typeHTTPCustom: {80, 443}, typeSMTP: {25, 465}, typePOP3: {110, 995}, typeIMAP: {143, 993},
	}[checkType]
	if encrypted {
		return ports[1]
	}
	return ports[0]
}

// marks are the tags of the suite on a check. The vendor describes tags as letters, digits, underscores and dashes.
func marks() stacks.Marks { return stacks.Dashes() }

func (c Check) identity() stacks.Identity {
	return stacks.Identity{Name: c.Name, Label: c.label, Kind: value(c.Type), Stack: c.stack, Tags: c.Tags}
}

// value follows a pointer; nil is the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// or gives a pointer to a value that always stands: the default where the server left it out.
func or[T any](p *T, byDefault T) *T {
	if p == nil {
		return &byDefault
	}
	return p
}

// fromOverview gives the state that the list tells.
func fromOverview(o overview) Check {
	paused, tags := o.Status == "paused", o.userTags()
	c := Check{
		Name: &o.Name, Host: &o.Hostname, Type: &o.Type.Name, Paused: &paused, Resolution: &o.Resolution, IPv6: &o.IPv6, Tags: tags,
		ProbeFilters: []string{}, stack: marks().Group(tags),
	}
	if o.Resolution == 0 {
		c.Resolution = or(nil, 5)
	}
	for _, filter := range o.ProbeFilters {
		c.ProbeFilters = append(c.ProbeFilters, strings.ReplaceAll(filter, " ", ""))
	}
	return c
}

// fromDetails gives the whole state of a check.
func fromDetails(d details) (Check, error) {
	c := fromOverview(d.overview)
	c.SendNotificationWhenDown, c.NotifyAgainEvery = or(d.SendNotificationWhenDown, 2), &d.NotifyAgainEvery
	c.NotifyWhenBackup, c.ResponseTimeThreshold = or(d.NotifyWhenBackup, true), or(d.ResponseTimeThreshold, 30000)
	c.CustomMessage = &d.CustomMessage
	c.IntegrationIDs, c.UserIDs, c.TeamIDs = ids(d.IntegrationIDs), ids(d.UserIDs), []string{}
	for _, team := range d.Teams {
		c.TeamIDs = append(c.TeamIDs, string(team.ID))
	}
	var f typeFields
	if d.Type.Fields != nil {
		if err := json.Unmarshal(d.Type.Fields, &f); err != nil {
			return c, fmt.Errorf("the fields of type %s are not understood: %s", d.Type.Name, httpapi.Misfit(err))
		}
	}
	headers := jsonOf(f.RequestHeaders)
	c.URL, c.Encryption, c.Port = or(f.URL, "/"), &f.Encryption, or(f.Port, defaultPort(d.Type.Name, f.Encryption))
	c.Auth, c.PostData, c.RequestHeaders = login(f.Username, f.Password), hidden(f.PostData), &headers
	c.ShouldContain, c.ShouldNotContain = &f.ShouldContain, &f.ShouldNotContain
	c.VerifyCertificate = or(cmp.Or(f.VerifyCertificate, d.VerifyCertificate), true)
	if c.SSLDownDaysBefore = f.SSLDownDaysBefore; *c.VerifyCertificate {
		c.SSLDownDaysBefore = or(f.SSLDownDaysBefore, 0)
	}
	c.AdditionalURLs = reconcile.Known(f.AdditionalURLs)
	c.StringToSend, c.StringToExpect = &f.StringToSend, &f.StringToExpect
	c.Nameserver, c.ExpectedIP = &f.Nameserver, &f.ExpectedIP
	return c.of(d.Type.Name), nil
}

// of gives the check without what a type has no field for.
func (c Check) of(checkType string) Check {
	v, has := reflect.ValueOf(&c).Elem(), fieldsOf(checkType)
	for i := range v.NumField() {
		field := v.Type().Field(i).Tag.Get("mapstructure")
		if ofSomeTypes(field) && !slices.Contains(has, field) {
			v.Field(i).SetZero()
		}
	}
	return c
}

func ids(list []flexible) []string {
	texts := make([]string, len(list))
	for i, id := range list {
		texts[i] = string(id)
	}
	return texts
}

func hidden(text string) *secret.Value {
	v := secret.New(text)
	return &v
}

// login is a user name and a password in the form in which they are sent.
func login(user, password string) *secret.Value {
	if user == "" && password == "" {
		return hidden("")
	}
	return hidden(user + ":" + password)
}

// jsonOf gives request headers as a text, sorted by name; none are the empty text. The User-Agent that Pingdom sends by itself is none
// of them.
func jsonOf(h headers) secret.Value {
	h = maps.Clone(h)
	maps.DeleteFunc(h, func(name, value string) bool {
		return strings.EqualFold(name, "User-Agent") && strings.HasPrefix(value, "Pingdom.com_bot")
	})
	if len(h) == 0 {
		return secret.Value{}
	}
	text, err := json.Marshal(h)
	if err != nil {
		panic(err) // texts always marshal
	}
	return secret.New(string(text))
}

// headersIn gives the request headers of a state, in which a text that is none has been refused.
func headersIn(v secret.Value) headers {
	var h headers
	_ = json.Unmarshal([]byte(v.Reveal()), &h)
	return h
}

// toWire gives the JSON body that makes the changes. Empty values clear. Only here are secrets revealed.
func toWire(changes []reconcile.Change) map[string]any {
	body := make(map[string]any, len(changes))
	for _, c := range changes {
		switch v := c.After.(type) {
		case nil: // nothing is known or wished: the server's value stays
		case string, int, bool:
			body[c.Field] = v
		case secret.Value:
			if c.Field == "requestheaders" {
				before, _ := c.Before.(secret.Value)
				putHeaders(body, headersIn(before), headersIn(v))
				continue
			}
			body[c.Field] = v.Reveal()
		case []string:
			body[c.Field] = listToWire(c.Field, v)
		default:
			panic(fmt.Sprintf("no wire form for %s of type %T", c.Field, v))
		}
	}
	return body
}

func listToWire(field string, list []string) any {
	switch field {
	case "userids", "teamids":
		return strings.Join(list, ",")
	case "additionalurls":
		return strings.Join(list, ";")
	case "integrationids":
		numbers := make([]json.Number, len(list))
		for i, id := range list {
			numbers[i] = json.Number(id)
		}
		return numbers
	}
	return list // tags, probe_filters
}

// putHeaders numbers request headers. Numbers that the check had more of are sent empty, so that nothing of them stays.
func putHeaders(body map[string]any, before, after headers) {
	n := 0
	put := func(text string) {
		body["requestheaders"+strconv.Itoa(n)] = text
		n++
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		put(name + ":" + after[name])
	}
	for n < len(before) {
		put("")
	}
}

// creation gives the body that creates a check. What is empty is left out: a new check has nothing to clear.
func creation(c Check) map[string]any {
	var changes []reconcile.Change
	for _, change := range reconcile.Set(c) {
		v := reflect.ValueOf(change.After)
		if empty := v.Kind() == reflect.Slice && v.Len() == 0 || change.After == "" || change.After == (secret.Value{}); !empty {
			changes = append(changes, change)
		}
	}
	return toWire(changes)
}

// same tells whether two values of a field mean the same to Pingdom.
func same(field string, have, want any) bool {
	switch field {
	case "host", "nameserver", "expectedip":
		return strings.EqualFold(have.(string), want.(string))
	case "requestheaders":
		return maps.Equal(byLowerName(have), byLowerName(want))
	}
	return have == want
}

// byLowerName gives request headers by names in lower case, which is all one to HTTP, and without those that Pingdom sends by itself.
func byLowerName(v any) headers {
	lower := headers{}
	for name, text := range headersIn(jsonOf(headersIn(v.(secret.Value)))) {
		lower[strings.ToLower(name)] = text
	}
	return lower
}
