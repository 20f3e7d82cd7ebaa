// SPDX-License-Identifier: GPL-3.0-or-later

// Package statuscake emulates the StatusCake API v1 (https://developers.statuscake.com/api/): uptime tests, contact
// groups and monitoring locations, below /v1.
//
// It is strict: what the vendor's Swagger file does not allow is answered with status 400 and the vendor's error body,
// so that a client's mistake shows in a test and not on an account. Seen on the real service and kept here:
//
//   - Without trigger_rate a test is created with 4, not with the documented 0.
//   - Without status codes, or with empty ones, it is created with the service's own list; only an update can empty it.
//   - basic_username and basic_password cannot be read. regions reads back as servers, status_codes_csv as status_codes.
//   - test_type cannot be changed. Names are not unique. Optional texts are absent when they are empty, port when it is 0.
//   - The list holds an overview only, and new tests may be missing from it for a while (emulator.Options.ListLag).
//   - total_count may be 0 and metadata missing (see ListMetadata).
//   - uptime is a fraction. Lists read back in an order of the service's own; here they are sorted, without repetitions.
//
// Where neither the Swagger file nor the service's behaviour is known, the stricter way was taken: custom_header and
// post_body must hold a JSON object, dns_ips must be addresses, port ends at 65535, a filter must not be empty, and the
// region codes are a plausible selection. When a contact group is deleted it leaves the tests that named it.
package statuscake

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// BasePath is where the API begins, on any host.
const BasePath = "/v1"

// Ids begin where a reader can tell the two kinds apart.
const (
	firstTestID         = 6_000_001
	firstContactGroupID = 300_001
)

// ListMetadata says what lists tell of their length.
type ListMetadata string

// The ways that have been seen.
const (
	MetadataFull      ListMetadata = "full"
	MetadataZeroTotal ListMetadata = "zero-total" // total_count is always 0
	MetadataMissing   ListMetadata = "missing"
)

// Emulator is one StatusCake account behind HTTP. It is an http.Handler; clients use its base address plus BasePath.
type Emulator struct {
	*emulator.Server
	account *account
}

// New makes an empty account.
func New(opt emulator.Options) *Emulator {
	a := &account{
		opt: opt.Filled(), testFields: testFields(), testUpdateFields: testUpdateFields(), groupFields: groupFields(),
		metadata: MetadataFull, start: objects{
			tests:  emulator.NewStore(firstTestID, (*Test).clone),
			groups: emulator.NewStore(firstContactGroupID, (*ContactGroup).clone),
		},
	}
	a.objects = a.start.clone()
	return &Emulator{Server: emulator.New(opt, a), account: a}
}

// account holds the state and answers as the vendor does; it implements emulator.API.
type account struct {
	opt              emulator.Options
	testFields       map[string]field[Test]
	testUpdateFields map[string]field[Test]
	groupFields      map[string]field[ContactGroup]

	mu sync.Mutex
	objects
	metadata ListMetadata
	start    objects
}

// objects are what Reset brings back.
type objects struct {
	tests  *emulator.Store[Test]
	groups *emulator.Store[ContactGroup]
}

func (o objects) clone() objects { return objects{tests: o.tests.Clone(), groups: o.groups.Clone()} }

// SetListMetadata chooses what lists tell of their length from now on.
func (e *Emulator) SetListMetadata(m ListMetadata) error {
	if !slices.Contains([]ListMetadata{MetadataFull, MetadataZeroTotal, MetadataMissing}, m) {
		return fmt.Errorf("list metadata must be full, zero-total or missing, got: %q", m)
	}
	e.account.mu.Lock()
	defer e.account.mu.Unlock()
	e.account.metadata = m
	return nil
}

// Tests returns a copy of what is stored, oldest first, with the write-only fields and the lists as they were sent.
func (e *Emulator) Tests() []Test {
	e.account.mu.Lock()
	defer e.account.mu.Unlock()
	return e.account.tests.Copies()
}

// Test returns one stored test.
func (e *Emulator) Test(id string) (Test, bool) {
	e.account.mu.Lock()
	defer e.account.mu.Unlock()
	if t := e.account.tests.Find(id); t != nil {
		return t.clone(), true
	}
	return Test{}, false
}

// Add stores a test as if a person had made it in the vendor's web pages, in every list at once and without the checks of
// the API. It needs no field: a nil StatusCodes is the service's list, an empty TestType is HTTP, an empty Status is up,
// a Timeout of 0 is 15. ID is given by the emulator.
func (e *Emulator) Add(t Test) (id string) {
	e.account.mu.Lock()
	defer e.account.mu.Unlock()
	t = t.clone()
	if t.StatusCodes == nil {
		t.StatusCodes = DefaultStatusCodes()
	}
	if t.TestType == "" {
		t.TestType = "HTTP"
	}
	if t.Timeout == 0 {
		t.Timeout = defaultTimeout
	}
	return e.account.insertTest(&t, 0)
}

// Change lets f alter a stored test behind the API's back, as somebody in the vendor's web pages would. The id stays.
func (e *Emulator) Change(id string, f func(*Test)) error {
	e.account.mu.Lock()
	defer e.account.mu.Unlock()
	t := e.account.tests.Find(id)
	if t == nil {
		return fmt.Errorf("no uptime test has id %q", id)
	}
	f(t)
	t.ID = id
	return nil
}

// Remove deletes a stored test behind the API's back.
func (e *Emulator) Remove(id string) error {
	e.account.mu.Lock()
	defer e.account.mu.Unlock()
	if !e.account.tests.Remove(emulator.ParseID(id)) {
		return fmt.Errorf("no uptime test has id %q", id)
	}
	return nil
}

// Seed adds n distinct HTTP tests with the given tags and returns their ids.
func (e *Emulator) Seed(n int, tags ...string) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = e.Add(Test{
			Name:       fmt.Sprintf("Seeded test %d", i+1),
			WebsiteURL: fmt.Sprintf("https://seed-%d.example.com/", i+1),
			CheckRate:  300, Confirmation: defaultConfirmation, TriggerRate: quirkTriggerRate,
			Tags: tags,
		})
	}
	return ids
}

// AddContactGroup stores a contact group with these e-mail addresses.
func (e *Emulator) AddContactGroup(name string, emailAddresses ...string) (id string) {
	e.account.mu.Lock()
	defer e.account.mu.Unlock()
	return e.account.insertGroup(&ContactGroup{Name: name, EmailAddresses: slices.Clone(emailAddresses)})
}

// ContactGroups returns a copy of the stored contact groups, oldest first.
func (e *Emulator) ContactGroups() []ContactGroup {
	e.account.mu.Lock()
	defer e.account.mu.Unlock()
	return e.account.groups.Copies()
}

// State gives everything that is stored, for the admin endpoint.
func (a *account) State() any {
	a.mu.Lock()
	defer a.mu.Unlock()
	return map[string]any{"tests": a.tests.Copies(), "contact_groups": a.groups.Copies()}
}

// Reset brings back what Load gave, or nothing.
func (a *account) Reset() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.objects = a.start.clone()
}

func (a *account) insertTest(t *Test, lag int) string {
	a.tests.Add(lag, func(id int) Test {
		t.ID, t.createdAt = strconv.Itoa(id), a.opt.Now()
		if t.Status == "" {
			t.Status = "up"
		}
		return *t
	})
	return t.ID
}

func (a *account) insertGroup(g *ContactGroup) string {
	a.groups.Add(0, func(id int) ContactGroup {
		g.ID = strconv.Itoa(id)
		return *g
	})
	return g.ID
}

var _ http.Handler = (*Emulator)(nil)
