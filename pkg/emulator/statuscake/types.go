// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"slices"
	"strconv"
	"time"
)

// What a creation gets where it says nothing.
const (
	defaultConfirmation = 2
	defaultTimeout      = 15
	quirkTriggerRate    = 4 // the documentation says 0
)

// uptimePercentage is what every test shows: a fraction, so that a client that expects a whole number is caught.
const uptimePercentage = 99.98

// Test is an uptime test as it is stored. Lists are as they were sent.
type Test struct {
	ID              string   `json:"id"`
	Name            string   `json:"name"`
	TestType        string   `json:"test_type"`
	WebsiteURL      string   `json:"website_url"`
	CheckRate       int      `json:"check_rate"` // seconds
	BasicUsername   string   `json:"basic_username"`
	BasicPassword   string   `json:"basic_password"`
	Confirmation    int      `json:"confirmation"`
	ContactGroups   []string `json:"contact_groups"`
	CustomHeader    string   `json:"custom_header"`
	DNSIPs          []string `json:"dns_ips"`
	DNSServer       string   `json:"dns_server"`
	DoNotFind       bool     `json:"do_not_find"`
	EnableSSLAlert  bool     `json:"enable_ssl_alert"`
	FinalEndpoint   string   `json:"final_endpoint"`
	FindString      string   `json:"find_string"`
	FollowRedirects bool     `json:"follow_redirects"`
	Host            string   `json:"host"`
	IncludeHeader   bool     `json:"include_header"`
	Paused          bool     `json:"paused"`
	Port            int      `json:"port"`
	PostBody        string   `json:"post_body"`
	PostRaw         string   `json:"post_raw"`
	Regions         []string `json:"regions"`
	StatusCodes     []string `json:"status_codes"`
	Tags            []string `json:"tags"`
	Timeout         int      `json:"timeout"`      // seconds
	TriggerRate     int      `json:"trigger_rate"` // minutes
	UseJAR          bool     `json:"use_jar"`
	UserAgent       string   `json:"user_agent"`
	Status          string   `json:"status"` // up or down

	createdAt time.Time
}

// lists gives the fields that must not be shared between copies.
func (t *Test) lists() []*[]string {
	return []*[]string{&t.ContactGroups, &t.DNSIPs, &t.Regions, &t.StatusCodes, &t.Tags}
}

func (t *Test) clone() Test {
	c := *t
	for _, list := range c.lists() {
		*list = slices.Clone(*list)
	}
	return c
}

// DefaultStatusCodes returns the codes with which the service fills a test that is created without any.
func DefaultStatusCodes() []string {
	ranges := [][2]int{
		{204, 206}, {303, 303}, {400, 401}, {403, 406}, {408, 408}, {410, 410}, {413, 413}, {429, 429}, {444, 444},
		{494, 496}, {499, 511}, {520, 524}, {598, 599},
	}
	var codes []string
	for _, r := range ranges {
		for code := r[0]; code <= r[1]; code++ {
			codes = append(codes, strconv.Itoa(code))
		}
	}
	return codes
}

// overview is a test in the list.
type overview struct {
	ID            string   `json:"id"`
	Name          string   `json:"name"`
	WebsiteURL    string   `json:"website_url"`
	TestType      string   `json:"test_type"`
	CheckRate     int      `json:"check_rate"`
	ContactGroups []string `json:"contact_groups"`
	Paused        bool     `json:"paused"`
	Status        string   `json:"status"`
	Tags          []string `json:"tags"`
	Uptime        *float64 `json:"uptime,omitempty"`
}

func (t *Test) overview(uptime bool) overview {
	o := overview{
		ID: t.ID, Name: t.Name, WebsiteURL: t.WebsiteURL, TestType: t.TestType, CheckRate: t.CheckRate,
		ContactGroups: sorted(t.ContactGroups), Paused: t.Paused, Status: t.Status, Tags: sorted(t.Tags),
	}
	if uptime {
		percentage := uptimePercentage
		o.Uptime = &percentage
	}
	return o
}

// detail is a test read by its id. The fields are the vendor's; what is write-only is not among them.
type detail struct {
	overview
	Confirmation    int        `json:"confirmation"`
	CustomHeader    string     `json:"custom_header,omitempty"`
	DNSIPs          []string   `json:"dns_ips"`
	DNSServer       string     `json:"dns_server,omitempty"`
	DoNotFind       bool       `json:"do_not_find"`
	EnableSSLAlert  bool       `json:"enable_ssl_alert"`
	FinalEndpoint   string     `json:"final_endpoint,omitempty"`
	FindString      string     `json:"find_string,omitempty"`
	FollowRedirects bool       `json:"follow_redirects"`
	Host            string     `json:"host,omitempty"`
	IncludeHeader   bool       `json:"include_header"`
	LastTestedAt    string     `json:"last_tested_at,omitempty"`
	Port            int        `json:"port,omitempty"`
	PostBody        string     `json:"post_body,omitempty"`
	PostRaw         string     `json:"post_raw,omitempty"`
	Processing      bool       `json:"processing"`
	ProcessingState string     `json:"processing_state"`
	Servers         []location `json:"servers"`
	StatusCodes     []string   `json:"status_codes"`
	Timeout         int        `json:"timeout"`
	TriggerRate     int        `json:"trigger_rate"`
	UseJAR          bool       `json:"use_jar"`
	UserAgent       string     `json:"user_agent,omitempty"`
}

func (t *Test) detail() detail {
	d := detail{
		overview:     t.overview(true),
		Confirmation: t.Confirmation, CustomHeader: t.CustomHeader, DNSIPs: sorted(t.DNSIPs), DNSServer: t.DNSServer,
		DoNotFind: t.DoNotFind, EnableSSLAlert: t.EnableSSLAlert, FinalEndpoint: t.FinalEndpoint, FindString: t.FindString,
		FollowRedirects: t.FollowRedirects, Host: t.Host, IncludeHeader: t.IncludeHeader, Port: t.Port, PostBody: t.PostBody,
		PostRaw: t.PostRaw, ProcessingState: "complete", Servers: serversOf(sorted(t.Regions)),
		StatusCodes: sorted(t.StatusCodes), Timeout: t.Timeout, TriggerRate: t.TriggerRate, UseJAR: t.UseJAR,
		UserAgent: t.UserAgent,
	}
	if !t.createdAt.IsZero() {
		d.LastTestedAt = t.createdAt.UTC().Format(time.RFC3339)
	}
	return d
}

// sorted returns the values in the service's order; never nil, since the vendor sends [] for an empty list.
func sorted(values []string) []string {
	out := append([]string{}, values...)
	slices.Sort(out)
	return slices.Compact(out)
}

// ContactGroup is a contact group as it is stored.
type ContactGroup struct {
	ID             string   `json:"id"`
	Name           string   `json:"name"`
	EmailAddresses []string `json:"email_addresses"`
	Integrations   []string `json:"integrations"`
	MobileNumbers  []string `json:"mobile_numbers"`
	PingURL        string   `json:"ping_url,omitempty"`
}

func (g *ContactGroup) clone() ContactGroup {
	c := *g
	c.EmailAddresses = slices.Clone(g.EmailAddresses)
	c.Integrations = slices.Clone(g.Integrations)
	c.MobileNumbers = slices.Clone(g.MobileNumbers)
	return c
}

// wire is the group as it is read. The list leaves ping_url out: a client must read a group by its id to know it all.
func (g *ContactGroup) wire(whole bool) ContactGroup {
	w := ContactGroup{
		ID: g.ID, Name: g.Name, EmailAddresses: sorted(g.EmailAddresses),
		Integrations: sorted(g.Integrations), MobileNumbers: sorted(g.MobileNumbers),
	}
	if whole {
		w.PingURL = g.PingURL
	}
	return w
}
