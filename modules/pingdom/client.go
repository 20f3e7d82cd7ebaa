// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/names"
	"github.com/stackwatch/ansible-monitoring/pkg/pattern"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// client is the part of Pingdom's API that the modules use. Its methods wrap httpapi.Error.
type client struct {
	http        *httpapi.Client
	concurrency int // reads at a time
}

// world is what a module has around it; the zero world is the real one. Tests replace it.
type world struct {
	stateDir string        // "" is the user's cache folder
	clock    httpapi.Clock // nil is the real one
}

// tokenLogin is what messages call the token.
const tokenLogin = "the token of api_token (environment PINGDOM_API_TOKEN)"

// connect makes the client that the modules of this package share.
func (w world) connect(call *ansible.Call, o httpapi.Options, apiURL string, token secret.Value, login string) (*client, error) {
	if token.IsZero() {
		return nil, errors.New("value of api_token (environment PINGDOM_API_TOKEN) must be a Pingdom API token, got an empty string")
	}
	conn, err := httpapi.New(httpapi.Config{
		BaseURL: apiURL, Service: "Pingdom", Options: o, Account: token, Secrets: []secret.Value{token},
		Login: login, Redact: call.Redact,
		Authorize:  func(h http.Header) { h.Set("Authorization", "Bearer "+token.Reveal()) },
		ParseError: parseError, ParseLimits: parseLimits, Classify: classify, Warn: call.Warn, AtEnd: call.AtEnd,
		StateDir: w.stateDir, Clock: w.clock,
	})
	if err != nil {
		return nil, err
	}
	return &client{http: conn, concurrency: o.Concurrency}, nil
}

// pageSize is the most that a list gives at once.
const pageSize = 25000

// flexible is an id or a count: a number in some answers and a string in others. null is "".
type flexible string

// UnmarshalJSON takes a number, a string or null.
func (f *flexible) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil { // null too
		*f = flexible(text)
		return nil
	}
	var number json.Number
	if err := json.Unmarshal(data, &number); err != nil {
		return fmt.Errorf("must be a number or a string, got: %s", data)
	}
	*f = flexible(number)
	return nil
}

// overview is a check as the list shows it: https://docs.pingdom.com/api/#tag/Checks/paths/~1checks/get
type overview struct {
	ID           flexible  `json:"id"`
	Name         string    `json:"name"`
	Hostname     string    `json:"hostname"`
	Type         checkType `json:"type"`
	Resolution   int       `json:"resolution"` // minutes
	Status       string    `json:"status"`     // "paused" or what was last seen
	Tags         []tag     `json:"tags"`
	IPv6         bool      `json:"ipv6"`
	ProbeFilters []string  `json:"probe_filters"` // "region: EU"
	// Tells of http checks only; in the details it stands among the fields of the type.
	VerifyCertificate *bool `json:"verify_certificate"`
}

// userTags are the tags that somebody set, without those that the server gives by itself.
func (o overview) userTags() []string {
	tags := []string{}
	for _, t := range o.Tags {
		if t.Type == "u" {
			tags = append(tags, t.Name)
		}
	}
	return tags
}

// tag is a tag of a check; the Type is "u" for those that somebody set and "a" for those that the server gives.
type tag struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// checkType is the type of a check, and in the details its fields.
type checkType struct {
	Name   string
	Fields json.RawMessage // nil in the list
}

// UnmarshalJSON takes "ping", ["ping"], {"ping": []} and {"http": {…}}.
func (c *checkType) UnmarshalJSON(data []byte) error {
	*c = checkType{}
	var elements []json.RawMessage
	if json.Unmarshal(data, &elements) == nil && len(elements) == 1 {
		data = elements[0]
	}
	if json.Unmarshal(data, &c.Name) == nil { // null too
		return nil
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil || len(fields) != 1 {
		return errors.New("the type of a check must be a word, or an object with one field")
	}
	for name, of := range fields {
		c.Name = name
		if of = bytes.TrimSpace(of); bytes.HasPrefix(of, []byte("{")) {
			c.Fields = of
		}
	}
	return nil
}

// details is a check as GET by id shows it: https://docs.pingdom.com/api/#tag/Checks/paths/~1checks~1{checkid}/get
// Fields that are absent have their defaults.
type details struct {
	overview
	SendNotificationWhenDown *int       `json:"sendnotificationwhendown"`
	NotifyAgainEvery         int        `json:"notifyagainevery"`
	NotifyWhenBackup         *bool      `json:"notifywhenbackup"`
	ResponseTimeThreshold    *int       `json:"responsetime_threshold"` // milliseconds
	CustomMessage            string     `json:"custom_message"`
	IntegrationIDs           []flexible `json:"integrationids"`
	UserIDs                  []flexible `json:"userids"`
	Teams                    []named    `json:"teams"` // with include_teams only
}

// named is a team or a contact, as their lists show them too.
type named struct {
	ID   flexible `json:"id"`
	Name string   `json:"name"`
}

// typeFields are those that a type has beside what all checks have. Absent is the default of the type.
type typeFields struct {
	URL               *string `json:"url"`
	Encryption        bool    `json:"encryption"`
	Port              *int    `json:"port"`
	Username          string  `json:"username"`
	Password          string  `json:"password"`
	ShouldContain     string  `json:"shouldcontain"`
	ShouldNotContain  string  `json:"shouldnotcontain"`
	PostData          string  `json:"postdata"`
	RequestHeaders    headers `json:"requestheaders"`
	VerifyCertificate *bool   `json:"verify_certificate"`
	SSLDownDaysBefore *int    `json:"ssl_down_days_before"` // not told while verify_certificate is false
	AdditionalURLs    urls    `json:"additionalurls"`
	StringToSend      string  `json:"stringtosend"`
	StringToExpect    string  `json:"stringtoexpect"`
	Nameserver        string  `json:"nameserver"`
	ExpectedIP        string  `json:"expectedip"`
}

// headers are the request headers of a check by name; without any the server sends an empty list.
type headers map[string]string

// UnmarshalJSON takes an object, an empty list or null.
func (h *headers) UnmarshalJSON(data []byte) error {
	*h = nil
	var none []struct{}
	if json.Unmarshal(data, &none) == nil && len(none) == 0 {
		return nil
	}
	return json.Unmarshal(data, (*map[string]string)(h))
}

// urls are URLs in one text with semicolons between them, or in a list.
type urls []string

// UnmarshalJSON takes both forms.
func (u *urls) UnmarshalJSON(data []byte) error {
	*u = nil
	var text string
	if json.Unmarshal(data, &text) != nil {
		return json.Unmarshal(data, (*[]string)(u))
	}
	for _, one := range strings.Split(text, ";") {
		if one = strings.TrimSpace(one); one != "" {
			*u = append(*u, one)
		}
	}
	return nil
}

// checkPage is one answer of the list of checks.
type checkPage struct {
	Checks []overview `json:"checks"`
	Counts struct {
		// The vendor describes these two in contradictory words: one is what the tags leave, the other what the limit leaves of it.
		Limited  int `json:"limited"`
		Filtered int `json:"filtered"`
	} `json:"counts"`
}

// listChecks gives all checks of the account, or those with a tag.
func (c *client) listChecks(ctx context.Context, tag string) ([]overview, error) {
	checks, err := httpapi.Settled(ctx, c.http, func(o overview) flexible { return o.ID }, func(ctx context.Context) ([]overview, int, error) {
		return c.listOnce(ctx, tag)
	})
	if err != nil {
		return nil, fmt.Errorf("listing checks: %w", err)
	}
	return checks, nil
}

// listOnce reads every page once, and tells how many checks there are by the answers' own counts, 0 where they do not say. With a tag one of
// the two counts may be about all checks, so that the list need only agree with either.
func (c *client) listOnce(ctx context.Context, tag string) (checks []overview, total int, err error) {
	var limited, filtered int
	checks, err = httpapi.Pages(ctx, func(ctx context.Context, number int) ([]overview, bool, error) {
		query := url.Values{"limit": {strconv.Itoa(pageSize)}, "include_tags": {"true"}}
		if number > 1 {
			query.Set("offset", strconv.Itoa((number-1)*pageSize))
		}
		if tag != "" {
			query.Set("tags", tag)
		}
		var p checkPage
		err := c.http.Do(ctx, httpapi.Request{Method: http.MethodGet, Path: []string{"checks"}, Query: query}, &p)
		if err == nil && p.Checks == nil {
			err = errors.New("the answer has no checks")
		}
		for _, o := range p.Checks {
			if err == nil && !idPattern.MatchString(string(o.ID)) {
				err = fmt.Errorf("the answer has a check whose id is no number, but %q", o.ID)
			}
		}
		limited, filtered = max(limited, p.Counts.Limited), max(filtered, p.Counts.Filtered)
		return p.Checks, len(p.Checks) == pageSize, err
	})
	if n := len(checks); tag != "" && (n == limited || n == filtered) {
		return checks, n, err
	}
	return checks, max(limited, filtered), err
}

// getCheck gives one check; an error that Is httpapi.ErrNotFound proves that there is none with that id.
func (c *client) getCheck(ctx context.Context, id string) (details, error) {
	var answer struct {
		Check details `json:"check"`
	}
	request := httpapi.Request{Method: http.MethodGet, Path: []string{"checks", id}, Query: url.Values{"include_teams": {"true"}}}
	err := c.http.Do(ctx, request, &answer)
	if err == nil && string(answer.Check.ID) != id {
		err = fmt.Errorf("the answer is about %q", answer.Check.ID)
	}
	if err != nil {
		return details{}, fmt.Errorf("reading check %s: %w", id, err)
	}
	return answer.Check, nil
}

// createCheck makes a check and gives its id: https://docs.pingdom.com/api/#tag/Checks/paths/~1checks/post
func (c *client) createCheck(ctx context.Context, body map[string]any) (string, error) {
	return c.create(ctx, "check", httpapi.Request{Path: []string{"checks"}, JSON: body})
}

// create sends what shall be made, and gives the id that the answer has under a key.
func (c *client) create(ctx context.Context, key string, r httpapi.Request) (string, error) {
	var answer map[string]json.RawMessage
	var made struct {
		ID flexible `json:"id"`
	}
	r.Method = http.MethodPost
	err := c.http.Do(ctx, r, &answer)
	if err == nil && (json.Unmarshal(answer[key], &made) != nil || made.ID == "") {
		err = httpapi.Lost("the answer has no id of what was created")
	}
	return string(made.ID), err
}

// updateCheck changes the fields that body holds: https://docs.pingdom.com/api/#tag/Checks/paths/~1checks~1{checkid}/put
func (c *client) updateCheck(ctx context.Context, id string, body map[string]any) error {
	return c.http.Do(ctx, httpapi.Request{Method: http.MethodPut, Path: []string{"checks", id}, JSON: body}, nil)
}

// deleteCheck removes a check with its history: https://docs.pingdom.com/api/#tag/Checks/paths/~1checks~1{checkid}/delete
func (c *client) deleteCheck(ctx context.Context, id string) error {
	return c.http.Do(ctx, httpapi.Request{Method: http.MethodDelete, Path: []string{"checks", id}}, nil)
}

// deleteChecks removes several checks with one call: https://docs.pingdom.com/api/#tag/Checks/paths/~1checks/delete
func (c *client) deleteChecks(ctx context.Context, ids []string) error {
	query := url.Values{"delcheckids": {strings.Join(ids, ",")}}
	return c.http.Do(ctx, httpapi.Request{Method: http.MethodDelete, Path: []string{"checks"}, Query: query}, nil)
}

// availableChecks tells how many more checks the plan has room for: https://docs.pingdom.com/api/#tag/Credits
func (c *client) availableChecks(ctx context.Context) (int, error) {
	var answer struct {
		Credits struct {
			AvailableChecks *int `json:"availablechecks"`
		} `json:"credits"`
	}
	err := c.http.Do(ctx, httpapi.Request{Method: http.MethodGet, Path: []string{"credits"}}, &answer)
	if err == nil && answer.Credits.AvailableChecks == nil {
		err = errors.New("the answer has no credits.availablechecks")
	}
	if err != nil {
		return 0, fmt.Errorf("reading the credits: %w", err)
	}
	return *answer.Credits.AvailableChecks, nil
}

// listTeams gives all teams of the account: https://docs.pingdom.com/api/#tag/Teams
func (c *client) listTeams(ctx context.Context) ([]names.Named, error) {
	return c.listNamed(ctx, "teams")
}

// listContacts gives all contacts of the account, users among them: https://docs.pingdom.com/api/#tag/Contacts
func (c *client) listContacts(ctx context.Context) ([]names.Named, error) {
	return c.listNamed(ctx, "contacts")
}

func (c *client) listNamed(ctx context.Context, what string) ([]names.Named, error) {
	var answer map[string][]named
	err := c.http.Do(ctx, httpapi.Request{Method: http.MethodGet, Path: []string{"alerting", what}}, &answer)
	if err == nil && answer[what] == nil {
		err = fmt.Errorf("the answer has no %s", what)
	}
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", what, err)
	}
	all := make([]names.Named, len(answer[what]))
	for i, n := range answer[what] {
		all[i] = names.Named{ID: string(n.ID), Name: n.Name}
	}
	return all, nil
}

// parseError reads the error body {"error": {"statuscode": 403, "statusdesc": "Forbidden", "errormessage": "…"}}.
func parseError(_ int, body []byte) (code, msg string) {
	var answer struct {
		Error struct {
			Description string `json:"statusdesc"`
			Message     string `json:"errormessage"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return "", ""
	}
	if answer.Error.Message == "" {
		return "", answer.Error.Description
	}
	return "", answer.Error.Message
}

// classify knows that a check that does not exist gets various statuses, and always these words.
func classify(a httpapi.Answer) error {
	if a.Status < http.StatusInternalServerError && strings.Contains(a.Msg, "Invalid check identifier") {
		return httpapi.ErrNotFound
	}
	return nil
}

var limitPattern = pattern.New(`Remaining: (\d+) Time until reset: (\d+)`)

// parseLimits gives the wait that a 429 asks for: the longest until one of the two limits that is used up starts anew.
func parseLimits(_ int, header http.Header) (wait time.Duration, known bool) {
	for _, name := range []string{"Req-Limit-Short", "Req-Limit-Long"} {
		found := limitPattern.FindStringSubmatch(header.Get(name))
		if found == nil || strings.Trim(found[1], "0") != "" {
			continue
		}
		seconds, err := strconv.ParseInt(found[2], 10, 32)
		if err != nil {
			continue
		}
		wait, known = max(wait, time.Duration(max(seconds, 1))*time.Second), true
	}
	return wait, known
}
