// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
)

// Check is an uptime check as it is stored. Of the fields of other types than its own a check has the zero values.
type Check struct {
	ID                       int      `json:"id"`
	Name                     string   `json:"name"`
	Host                     string   `json:"host"`
	Type                     string   `json:"type"`
	Paused                   bool     `json:"paused"`
	Status                   string   `json:"status"`     // while it is not paused: up, down, unconfirmed_down or unknown
	Resolution               int      `json:"resolution"` // minutes
	SendNotificationWhenDown int      `json:"sendnotificationwhendown"`
	NotifyAgainEvery         int      `json:"notifyagainevery"`
	NotifyWhenBackup         bool     `json:"notifywhenbackup"`
	ResponseTimeThreshold    int      `json:"responsetime_threshold"` // milliseconds
	CustomMessage            string   `json:"custom_message"`
	IntegrationIDs           []int    `json:"integrationids"`
	UserIDs                  []int    `json:"userids"`
	TeamIDs                  []int    `json:"teamids"`
	Tags                     []string `json:"tags"`          // the user's own
	AutoTags                 []string `json:"auto_tags"`     // those that the service gave
	ProbeFilters             []string `json:"probe_filters"` // regions, such as EU
	IPv6                     bool     `json:"ipv6"`

	URL               string            `json:"url"`
	Encryption        bool              `json:"encryption"`
	Port              int               `json:"port"`
	Username          string            `json:"username"`
	Password          string            `json:"password"`
	ShouldContain     string            `json:"shouldcontain"`
	ShouldNotContain  string            `json:"shouldnotcontain"`
	PostData          string            `json:"postdata"`
	RequestHeaders    map[string]string `json:"requestheaders"` // without the one that the service adds
	VerifyCertificate bool              `json:"verify_certificate"`
	SSLDownDaysBefore int               `json:"ssl_down_days_before"`
	AdditionalURLs    string            `json:"additionalurls"`
	StringToSend      string            `json:"stringtosend"`
	StringToExpect    string            `json:"stringtoexpect"`
	NameServer        string            `json:"nameserver"`
	ExpectedIP        string            `json:"expectedip"`

	Created int64 `json:"created"` // unix seconds
}

// Window is a maintenance window as it is stored. Times are unix seconds.
type Window struct {
	ID             int    `json:"id"`
	Description    string `json:"description"`
	From           int64  `json:"from"`
	To             int64  `json:"to"`
	RecurrenceType string `json:"recurrencetype"` // none, day, week or month
	RepeatEvery    int    `json:"repeatevery"`
	EffectiveTo    int64  `json:"effectiveto"`
	UptimeIDs      []int  `json:"uptimeids"`
	TMSIDs         []int  `json:"tmsids"`
}

// Team is an alerting team.
type Team struct {
	ID      int    `json:"id"`
	Name    string `json:"name"`
	Members []int  `json:"members"` // ids of contacts
}

// Contact is a person who can be alerted. Checks name contacts in userids.
type Contact struct {
	ID     int      `json:"id"`
	Name   string   `json:"name"`
	Emails []string `json:"emails"`
}

// What a creation gets where it says nothing.
const (
	defaultResolution    = 5
	defaultNotifications = 2
	defaultThreshold     = 30_000
	defaultURL           = "/"
)

// userAgent is the header that the service adds to every check over HTTP that names none.
const userAgent = "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)"

// Types returns the types of checks.
func Types() []string {
	return []string{"http", "httpcustom", "tcp", "ping", "dns", "udp", "smtp", "pop3", "imap"}
}

func overHTTP() []string { return []string{"http", "httpcustom"} }

func withEncryption() []string { return []string{"http", "httpcustom", "smtp", "pop3", "imap"} }

// defaults returns a check of a type as a creation begins it.
func defaults(kind string) Check {
	c := Check{
		Type: kind, Status: "unknown", Resolution: defaultResolution, SendNotificationWhenDown: defaultNotifications,
		NotifyWhenBackup: true, ResponseTimeThreshold: defaultThreshold,
	}
	if slices.Contains(overHTTP(), kind) {
		c.URL, c.VerifyCertificate, c.AutoTags = defaultURL, true, []string{"nginx"}
	}
	return c
}

// usualPort is the port of a type that names none, or 0.
func usualPort(kind string, encryption bool) int {
	ports := map[string][2]int{"http": {80, 443}, "httpcustom": {80, 443}, "smtp": {25, 465}, "pop3": {110, 995}, "imap": {143, 993}}
	if encryption {
		return ports[kind][1]
	}
	return ports[kind][0]
}

func (c *Check) clone() Check {
	copied := *c
	for _, list := range []*[]int{&copied.IntegrationIDs, &copied.UserIDs, &copied.TeamIDs} {
		*list = slices.Clone(*list)
	}
	for _, list := range []*[]string{&copied.Tags, &copied.AutoTags, &copied.ProbeFilters} {
		*list = slices.Clone(*list)
	}
	copied.RequestHeaders = maps.Clone(c.RequestHeaders)
	return copied
}

func (w *Window) clone() Window {
	copied := *w
	copied.UptimeIDs, copied.TMSIDs = slices.Clone(w.UptimeIDs), slices.Clone(w.TMSIDs)
	return copied
}

func (t *Team) clone() Team {
	return Team{ID: t.ID, Name: t.Name, Members: slices.Clone(t.Members)}
}

func (c *Contact) clone() Contact {
	return Contact{ID: c.ID, Name: c.Name, Emails: slices.Clone(c.Emails)}
}

// tagged tells whether the check has one of the tags, the service's among them.
func (c *Check) tagged(tags []string) bool {
	return slices.ContainsFunc(tags, func(tag string) bool {
		return slices.Contains(c.Tags, tag) || slices.Contains(c.AutoTags, tag)
	})
}

func (c *Check) shownStatus() string {
	if c.Paused {
		return "paused"
	}
	return c.Status
}

// followAddress sets ipv6 to what an address as the host means, whatever was asked for.
func (c *Check) followAddress() {
	if address, err := netip.ParseAddr(c.Host); err == nil {
		c.IPv6 = address.Is6()
	}
}

// wire is an object as it is read. Sparse ones leave out what has its usual value: "not all attributes are always present".
type wire struct {
	fields map[string]any
	sparse bool
}

func (w wire) put(name string, value any, usual bool) {
	if !w.sparse || !usual {
		w.fields[name] = value
	}
}

// putText shows a text, where it is empty only in full answers.
func (w wire) putText(name, value string) { w.put(name, value, value == "") }

// common fills in what the list and the detail both have.
func (c *Check) common(w wire) {
	w.fields["id"], w.fields["name"], w.fields["hostname"] = c.ID, c.Name, c.Host
	w.fields["resolution"], w.fields["status"] = c.Resolution, c.shownStatus()
	w.put("ipv6", c.IPv6, !c.IPv6)
	if slices.Contains(overHTTP(), c.Type) {
		w.put("verify_certificate", c.VerifyCertificate, c.VerifyCertificate)
	}
}

func (c *Check) shownFilters() []string {
	filters := []string{}
	for _, region := range c.ProbeFilters {
		filters = append(filters, "region: "+region)
	}
	return filters
}

// overview is a check in the list: its type is a text, its tags are asked for and count in numbers.
func (a *account) overview(c *Check, asked map[string]string, counts map[string]int) map[string]any {
	w := wire{fields: map[string]any{"type": c.Type}, sparse: a.quirks.Sparse}
	c.common(w)
	if len(c.ProbeFilters) > 0 {
		w.fields["probe_filters"] = c.shownFilters()
	}
	if asked["include_tags"] == "true" {
		w.fields["tags"] = c.shownTags(func(tag string) any { return counts[tag] })
	}
	if asked["include_severity"] == "true" {
		w.fields["severity_level"] = "HIGH"
	}
	if asked["showencryption"] == "true" {
		w.fields["encryption"] = c.Encryption
	}
	return w.fields
}

// detail is a check read by its id: its type is an object and tags count in texts.
func (a *account) detail(c *Check, teams bool) map[string]any {
	w := wire{fields: map[string]any{"created": c.Created, "type": a.shownType(c)}, sparse: a.quirks.Sparse}
	c.common(w)
	counts := a.tagCounts()
	w.put("tags", c.shownTags(func(tag string) any { return strconv.Itoa(counts[tag]) }), len(c.Tags)+len(c.AutoTags) == 0)
	w.put("probe_filters", c.shownFilters(), len(c.ProbeFilters) == 0)
	w.put("sendnotificationwhendown", c.SendNotificationWhenDown, c.SendNotificationWhenDown == defaultNotifications)
	w.put("notifyagainevery", c.NotifyAgainEvery, c.NotifyAgainEvery == 0)
	w.put("notifywhenbackup", c.NotifyWhenBackup, c.NotifyWhenBackup)
	w.put("responsetime_threshold", c.ResponseTimeThreshold, c.ResponseTimeThreshold == defaultThreshold)
	w.putText("custom_message", c.CustomMessage)
	w.put("integrationids", append([]int{}, c.IntegrationIDs...), len(c.IntegrationIDs) == 0)
	if len(c.UserIDs) > 0 {
		w.fields["userids"] = slices.Clone(c.UserIDs)
	}
	if teams {
		w.put("teams", a.shownTeams(c), len(c.TeamIDs) == 0)
	}
	return w.fields
}

func (c *Check) shownTags(count func(tag string) any) []map[string]any {
	tags := []map[string]any{}
	for _, tag := range c.AutoTags {
		tags = append(tags, map[string]any{"name": tag, "type": "a", "count": count(tag)})
	}
	for _, tag := range c.Tags {
		tags = append(tags, map[string]any{"name": tag, "type": "u", "count": count(tag)})
	}
	return tags
}

// tagCounts counts the checks of each tag.
func (a *account) tagCounts() map[string]int {
	counts := map[string]int{}
	for c := range a.checks.All() {
		for _, tag := range slices.Concat(c.Tags, c.AutoTags) {
			counts[tag]++
		}
	}
	return counts
}

func (a *account) shownTeams(c *Check) []map[string]any {
	teams := []map[string]any{}
	for _, id := range c.TeamIDs {
		team := map[string]any{"id": id, "name": ""}
		if a.quirks.TextTeamIDs {
			team["id"] = strconv.Itoa(id)
		}
		if known := a.teams.Get(id); known != nil {
			team["name"] = known.Name
		}
		teams = append(teams, team)
	}
	return teams
}

// shownType is the type with its own fields, as the detail has it.
func (a *account) shownType(c *Check) any {
	w := wire{fields: map[string]any{}, sparse: a.quirks.Sparse}
	switch c.Type {
	case "ping":
		switch a.quirks.Ping {
		case PingText:
			return "ping"
		case PingList:
			return map[string]any{"ping": []any{}}
		}
	case "http", "httpcustom":
		c.showHTTP(w)
	case "dns":
		w.fields["nameserver"], w.fields["expectedip"] = c.NameServer, c.ExpectedIP
	case "tcp", "udp":
		w.fields["port"] = c.Port
		w.putText("stringtosend", c.StringToSend)
		w.putText("stringtoexpect", c.StringToExpect)
	default:
		c.showEncryption(w)
		w.putText("stringtoexpect", c.StringToExpect)
		if c.Type == "smtp" {
			c.showAuth(w)
		}
	}
	return map[string]any{c.Type: w.fields}
}

func (c *Check) showHTTP(w wire) {
	c.showEncryption(w)
	c.showAuth(w)
	w.put("url", c.URL, c.URL == defaultURL)
	w.putText("shouldcontain", c.ShouldContain)
	w.putText("shouldnotcontain", c.ShouldNotContain)
	w.putText("postdata", c.PostData)
	w.put("verify_certificate", c.VerifyCertificate, c.VerifyCertificate)
	if c.VerifyCertificate && c.SSLDownDaysBefore >= 1 {
		w.fields["ssl_down_days_before"] = c.SSLDownDaysBefore
	}
	headers := map[string]string{"User-Agent": userAgent}
	maps.Copy(headers, c.RequestHeaders)
	w.fields["requestheaders"] = headers
	if c.Type == "httpcustom" {
		w.putText("additionalurls", c.AdditionalURLs)
	}
}

func (c *Check) showEncryption(w wire) {
	w.put("encryption", c.Encryption, !c.Encryption)
	w.put("port", c.Port, c.Port == usualPort(c.Type, c.Encryption))
}

// showAuth tells the credentials in clear, as the service does.
func (c *Check) showAuth(w wire) {
	if c.Username != "" || c.Password != "" {
		w.fields["username"], w.fields["password"] = c.Username, c.Password
	}
}
