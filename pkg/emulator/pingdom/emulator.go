// SPDX-License-Identifier: GPL-3.0-or-later

// Package pingdom emulates the Pingdom API 3.1 (https://docs.pingdom.com/api/): uptime checks, maintenance windows, credits,
// and what checks refer to (alerting teams and contacts, probes), below /api/3.1.
//
// It is strict: what the vendor does not document is refused with his error envelope, so that a client's mistake shows in
// a test and not on an account. What is told of the real service and kept here:
//
//   - The list holds an overview with the type as a text; the detail has it as an object with the fields of that type. The
//     type ping has been seen in three forms (Quirks.Ping). What is usual or empty may be absent (Quirks.Sparse).
//   - Tags have a count, a number in the list and a text in the detail, and a type: those of type a are the service's own.
//     A check over HTTP gets one here.
//   - userids is absent when it is empty, teams are told on request only, with ids as numbers or texts (Quirks.TextTeamIDs).
//   - A region reads back with a blank, the headers with a User-Agent that nobody sent, credentials in clear, and
//     ssl_down_days_before only together with verify_certificate.
//   - A creation answers with id and name only, and is refused with status 403 when the plan is full (SetCheckLimit).
//   - PUT /checks without checkids changes every check; MassChanges counts these calls.
//   - What is wrong with an id is told with a message; its status is not known (Quirks.MissingStatus).
//   - New checks and windows may be missing from lists for a while (emulator.Options.ListLag).
//   - Every answer tells how many calls are left.
//
// Where the vendor says nothing, the stricter way was taken:
//
//   - Parameters of a creation or an update in the URL are refused although the service takes them: secrets may be among them.
//   - JSON values have the documented type: no number as a text, no list of ids where a text with commas is documented.
//   - A field of another type of check is refused; so is a tag with other characters than A-Z, a-z, 0-9, _ and -.
//   - Encryption cannot be switched without naming the port in the same request.
//   - ssl_down_days_before stays, unseen, while verify_certificate is false.
//   - Any requestheaders{N} in a request replaces all headers; empty ones count as given.
//   - Users and teams of a check must exist; so must the checks of a maintenance window.
//   - A maintenance window that has begun keeps its beginning, one that is over cannot be changed (status 403), and a bulk
//     deletion refuses all for one that is not in the future.
package pingdom

import (
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// BasePath is where the API begins, on any host.
const BasePath = "/api/3.1"

// Ids begin where a reader can tell the kinds apart.
const (
	firstCheckID   = 8_000_001
	firstWindowID  = 500_001
	firstTeamID    = 700_001
	firstContactID = 900_001
)

// DefaultCheckLimit is how many checks the plan allows.
const DefaultCheckLimit = 10_000

// PingForm is how the detail tells the type of a ping check.
type PingForm string

// The forms that have been seen.
const (
	PingObject PingForm = "object" // {"ping":{}}
	PingList   PingForm = "list"   // {"ping":[]}
	PingText   PingForm = "text"   // "ping"
)

// Quirks are choices where the service is known to differ from time to time, or where nobody knows what it does.
type Quirks struct {
	Sparse        bool     // answers leave out what has its usual value or is empty
	Ping          PingForm // empty is PingObject
	TextTeamIDs   bool     // ids of teams in a detail are texts
	MissingStatus int      // the status of "Invalid check identifier", 400 to 499; 0 is 403
	IgnoreMissing bool     // DELETE /checks deletes what it can, and does not refuse all for one unknown id
}

// Emulator is one Pingdom account behind HTTP. It is an http.Handler; clients use its base address plus BasePath.
type Emulator struct {
	*emulator.Server
	account *account
}

// New makes an empty account.
func New(opt emulator.Options) *Emulator {
	a := &account{checkLimit: DefaultCheckLimit, opt: opt.Filled(), checkFields: checkFields(), windowFields: windowFields()}
	a.start = objects{
		checks:   emulator.NewStore(firstCheckID, (*Check).clone),
		windows:  emulator.NewStore(firstWindowID, (*Window).clone),
		teams:    emulator.NewStore(firstTeamID, (*Team).clone),
		contacts: emulator.NewStore(firstContactID, (*Contact).clone),
	}
	a.objects = a.start.clone()
	return &Emulator{Server: emulator.New(opt, a), account: a}
}

// account holds the state and answers as the vendor does; it implements emulator.API.
type account struct {
	opt          emulator.Options
	checkFields  map[string]field[Check]
	windowFields map[string]field[Window]

	mu sync.Mutex
	objects
	quirks     Quirks
	checkLimit int
	start      objects
}

// objects are what Reset brings back.
type objects struct {
	checks      *emulator.Store[Check]
	windows     *emulator.Store[Window]
	teams       *emulator.Store[Team]
	contacts    *emulator.Store[Contact]
	massChanges int
}

func (o objects) clone() objects {
	o.checks, o.windows, o.teams, o.contacts = o.checks.Clone(), o.windows.Clone(), o.teams.Clone(), o.contacts.Clone()
	return o
}

// SetQuirks chooses how the service behaves from now on. Reset leaves it so.
func (e *Emulator) SetQuirks(q Quirks) error {
	if !slices.Contains([]PingForm{"", PingObject, PingList, PingText}, q.Ping) {
		return fmt.Errorf("the form of ping must be object, list or text, got: %q", q.Ping)
	}
	if q.MissingStatus != 0 && (q.MissingStatus < 400 || q.MissingStatus > 499) {
		return fmt.Errorf("the status of an invalid identifier must be 400 to 499, got: %d", q.MissingStatus)
	}
	e.account.mu.Lock()
	defer e.account.mu.Unlock()
	e.account.quirks = q
	return nil
}

// SetCheckLimit chooses how many checks the plan allows. Those that are there already stay. Reset does not
// touch it.
func (e *Emulator) SetCheckLimit(limit int) {
	e.account.mu.Lock()
	defer e.account.mu.Unlock()
	e.account.checkLimit = limit
}

// MassChanges returns how many calls of PUT /checks named no checks and so changed all of them, since the start or a reset.
func (e *Emulator) MassChanges() int {
	e.account.mu.Lock()
	defer e.account.mu.Unlock()
	return e.account.massChanges
}

// Checks returns a copy of what is stored, oldest first.
func (e *Emulator) Checks() []Check {
	e.account.mu.Lock()
	defer e.account.mu.Unlock()
	return e.account.checks.Copies()
}

// Check returns one stored check.
func (e *Emulator) Check(id int) (Check, bool) {
	e.account.mu.Lock()
	defer e.account.mu.Unlock()
	if c := e.account.checks.Get(id); c != nil {
		return c.clone(), true
	}
	return Check{}, false
}

// Add stores a check as if a person had made it in the vendor's web pages, in every list at once and without the checks of
// the API. It needs no field: an empty Type is http, an empty Status is up; zero values of Resolution,
// SendNotificationWhenDown, ResponseTimeThreshold, URL and Port get the defaults of the type. ID and Created are given by
// the emulator.
func (e *Emulator) Add(c Check) (id int) {
	e.account.mu.Lock()
	defer e.account.mu.Unlock()
	c = c.clone()
	if c.Type == "" {
		c.Type = "http"
	}
	if c.Status == "" {
		c.Status = "up"
	}
	usual := defaults(c.Type)
	for _, number := range []struct {
		have *int
		want int
	}{
		{&c.Resolution, usual.Resolution},
		{&c.SendNotificationWhenDown, usual.SendNotificationWhenDown},
		{&c.ResponseTimeThreshold, usual.ResponseTimeThreshold},
		{&c.Port, usualPort(c.Type, c.Encryption)},
	} {
		if *number.have == 0 {
			*number.have = number.want
		}
	}
	if c.URL == "" {
		c.URL = usual.URL
	}
	return e.account.insertCheck(c, 0)
}

// Change lets f alter a stored check behind the API's back, as somebody in the vendor's web pages would. The id stays.
func (e *Emulator) Change(id int, f func(*Check)) error {
	e.account.mu.Lock()
	defer e.account.mu.Unlock()
	c := e.account.checks.Get(id)
	if c == nil {
		return fmt.Errorf("no check has id %d", id)
	}
	f(c)
	c.ID = id
	return nil
}

// Remove deletes a stored check behind the API's back.
func (e *Emulator) Remove(id int) error {
	e.account.mu.Lock()
	defer e.account.mu.Unlock()
	if !e.account.removeCheck(id) {
		return fmt.Errorf("no check has id %d", id)
	}
	return nil
}

// Seed adds n distinct HTTP checks with the given tags and returns their ids.
func (e *Emulator) Seed(n int, tags ...string) []int {
	ids := make([]int, n)
	for i := range ids {
		c := defaults("http")
		c.Name, c.Host, c.Status = fmt.Sprintf("Seeded check %d", i+1), fmt.Sprintf("seed-%d.example.com", i+1), ""
		c.Tags = tags
		ids[i] = e.Add(c)
	}
	return ids
}

// Windows returns a copy of the stored maintenance windows, oldest first.
func (e *Emulator) Windows() []Window {
	e.account.mu.Lock()
	defer e.account.mu.Unlock()
	return e.account.windows.Copies()
}

// AddWindow stores a maintenance window behind the API's back: it may lie in the past. An empty RecurrenceType is none, an
// EffectiveTo of 0 is To. ID is given by the emulator.
func (e *Emulator) AddWindow(w Window) (id int) {
	e.account.mu.Lock()
	defer e.account.mu.Unlock()
	w = w.clone()
	if w.RecurrenceType == "" {
		w.RecurrenceType = "none"
	}
	if w.EffectiveTo == 0 {
		w.EffectiveTo = w.To
	}
	return e.account.insertWindow(w, 0)
}

// ChangeWindow lets f alter a stored maintenance window behind the API's back, whenever it is. The id stays.
func (e *Emulator) ChangeWindow(id int, f func(*Window)) error {
	e.account.mu.Lock()
	defer e.account.mu.Unlock()
	w := e.account.windows.Get(id)
	if w == nil {
		return fmt.Errorf("no maintenance window has id %d", id)
	}
	f(w)
	w.ID = id
	return nil
}

// RemoveWindow deletes a stored maintenance window behind the API's back, whenever it is.
func (e *Emulator) RemoveWindow(id int) error {
	e.account.mu.Lock()
	defer e.account.mu.Unlock()
	if !e.account.windows.Remove(id) {
		return fmt.Errorf("no maintenance window has id %d", id)
	}
	return nil
}

// AddTeam stores an alerting team with these contacts.
func (e *Emulator) AddTeam(name string, members ...int) (id int) {
	e.account.mu.Lock()
	defer e.account.mu.Unlock()
	return e.account.teams.Add(0, func(id int) Team { return Team{ID: id, Name: name, Members: slices.Clone(members)} })
}

// AddContact stores a contact with these e-mail addresses.
func (e *Emulator) AddContact(name string, emails ...string) (id int) {
	e.account.mu.Lock()
	defer e.account.mu.Unlock()
	return e.account.contacts.Add(0, func(id int) Contact { return Contact{ID: id, Name: name, Emails: slices.Clone(emails)} })
}

// State gives everything that is stored, for the admin endpoint.
func (a *account) State() any {
	a.mu.Lock()
	defer a.mu.Unlock()
	return map[string]any{
		"checks": a.checks.Copies(), "maintenance": a.windows.Copies(), "teams": a.teams.Copies(), "contacts": a.contacts.Copies(),
		"check_limit": a.checkLimit, "mass_changes": a.massChanges,
	}
}

// Reset brings back what Load gave, or nothing.
func (a *account) Reset() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.objects = a.start.clone()
}

func (a *account) insertCheck(c Check, lag int) int {
	return a.checks.Add(lag, func(id int) Check {
		c.ID, c.Created = id, a.opt.Now().Unix()
		return c
	})
}

func (a *account) insertWindow(w Window, lag int) int {
	return a.windows.Add(lag, func(id int) Window {
		w.ID = id
		return w
	})
}

// removeCheck deletes a check; maintenance windows forget it.
func (a *account) removeCheck(id int) bool {
	for w := range a.windows.All() {
		w.UptimeIDs = slices.DeleteFunc(w.UptimeIDs, func(check int) bool { return check == id })
	}
	return a.checks.Remove(id)
}

var _ http.Handler = (*Emulator)(nil)
