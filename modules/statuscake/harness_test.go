// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake/conformtest"
)

// lab is an emulated StatusCake account behind HTTP, and a controller from which the module is run as Ansible runs it.
type lab struct {
	*vendor.Emulator
	t        testing.TB
	url      string
	server   *httptest.Server
	stateDir string
	clock    *fakeClock
}

// token is the account's, and the one that the environment of a run holds.
const token = "my-api-key"

// newLab starts an account whose every request and answer is held against the vendor's Swagger file.
func newLab(t testing.TB, opt emulator.Options, check ...conformtest.Option) *lab {
	t.Helper()
	return startLab(t, opt, func(h http.Handler) http.Handler { return conformtest.Wrap(t, h, check...) })
}

// plainLab starts an account whose calls nobody else judges: for answers that the vendor's file does not know, and for speed.
func plainLab(t testing.TB, opt emulator.Options) *lab {
	t.Helper()
	return startLab(t, opt, func(h http.Handler) http.Handler { return h })
}

// startLab starts an account behind a wrapper of its handler.
func startLab(t testing.TB, opt emulator.Options, wrap func(http.Handler) http.Handler) *lab {
	t.Helper()
	opt.Token = token
	account := vendor.New(opt)
	server := httptest.NewServer(wrap(account))
	t.Cleanup(server.Close)
	return &lab{
		Emulator: account, t: t, server: server, url: server.URL + vendor.BasePath, stateDir: t.TempDir(),
		clock: &fakeClock{now: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)},
	}
}

// fakeClock advances itself by every sleep, so that nothing waits.
type fakeClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ctx.Err() == nil {
		c.now = c.now.Add(d)
	}
	return ctx.Err()
}

// options are a task's, as the playbook has them.
type options map[string]any

// with gives the options with others added or replaced.
func (o options) with(more options) options {
	joined := maps.Clone(o)
	maps.Copy(joined, more)
	return joined
}

// answer is what the module printed, decoded.
type answer struct {
	Failed, Changed bool
	Msg             string
	Exception       string
	Tests           []testAnswer
	Summary         map[string]int
	API             struct {
		Calls, Retries int
		SecondsWaited  float64 `json:"seconds_waited"`
	}
	Diff         []diffAnswer
	Warnings     []string
	Deprecations []struct {
		Msg, Version string
		Collection   string `json:"collection_name"`
	}
	Refused []string

	raw, syslog string
}

type testAnswer struct {
	Name, Stack   *string
	ID            *string
	Action        string
	Changes       map[string]change
	Reason, Error string
}

type change struct{ Before, After any }

type diffAnswer struct {
	BeforeHeader string `json:"before_header"`
	AfterHeader  string `json:"after_header"`
	Before       map[string]any
	After        map[string]any
}

// run runs the module with the task's options. The account's address and token come from the environment.
func (l *lab) run(o options, change ...func(*ansible.Process)) answer {
	l.t.Helper()
	return l.runAs(world{stateDir: l.stateDir, clock: l.clock}, o, change...)
}

// check runs the module in check mode, and sees that nothing was written.
func (l *lab) check(o options) answer {
	l.t.Helper()
	before, writes := l.Tests(), l.Writes()
	a := l.run(o.with(options{"_ansible_check_mode": true}))
	assert.Equal(l.t, before, l.Tests(), "check mode changed the account")
	assert.Equal(l.t, writes, l.Writes(), "check mode sent a write")
	return a
}

// ok runs the module and demands that it did not fail.
func (l *lab) ok(o options) answer {
	l.t.Helper()
	a := l.run(o)
	require.False(l.t, a.Failed, a.Msg)
	return a
}

// settled runs the module once more and demands that nothing is left to do: no write at all.
func (l *lab) settled(o options) {
	l.t.Helper()
	writes := l.Writes()
	a := l.ok(o)
	assert.False(l.t, a.Changed, "a second run changes something: %s", a.raw)
	assert.Equal(l.t, writes, l.Writes(), "a second run writes")
}

// refusal runs the module, demands that it failed before it called the server, and gives the message.
func (l *lab) refusal(o options) string {
	l.t.Helper()
	l.ResetCalls()
	a := l.run(o)
	assert.True(l.t, a.Failed, "not refused: %s", a.raw)
	assert.Empty(l.t, l.Calls(), "refused only after calls")
	return a.Msg
}

func (l *lab) runAs(w world, o options, change ...func(*ansible.Process)) answer {
	l.t.Helper()
	arguments, err := json.Marshal(options{"_ansible_diff": true}.with(o))
	require.NoError(l.t, err)
	environment := map[string]string{"STATUSCAKE_API_URL": l.url, "STATUSCAKE_API_TOKEN": token}
	var stdout, stderr bytes.Buffer
	var log string
	p := ansible.Process{
		Args: []string{"status_cake_test"}, Stdin: bytes.NewReader(arguments), Stdout: &stdout, Stderr: &stderr,
		LookupEnv: func(name string) (string, bool) { v, ok := environment[name]; return v, ok },
		Syslog:    func(_, _, line string) error { log = line; return nil },
	}
	for _, f := range change {
		f(&p)
	}
	code := ansible.Execute(context.Background(), w.uptimeModule(), p)
	a, err := decodeAnswer(stdout.Bytes())
	require.NoError(l.t, err, "the answer: %s", stdout.String())
	a.syslog = log
	assert.Empty(l.t, stderr.String(), "standard error")
	if complaint := a.inconsistency(code); complaint != "" {
		assert.Fail(l.t, complaint, a.raw)
	}
	return a
}

func decodeAnswer(text []byte) (answer, error) {
	a := answer{raw: string(text)}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&a); err != nil {
		return a, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return a, errors.New("there is more than one JSON document")
	}
	return a, nil
}

// inconsistency says what in an answer contradicts itself, whatever the run was about.
func (a answer) inconsistency(code int) string {
	counted := map[string]int{"created": 0, "updated": 0, "replaced": 0, "deleted": 0, "unchanged": 0, "failed": 0}
	for _, test := range a.Tests {
		if _, known := counted[test.Action]; !known {
			return fmt.Sprintf("the action %q is not documented", test.Action)
		}
		counted[test.Action]++
		if (test.Action == "failed") != (test.Error != "") {
			return fmt.Sprintf("action %s with the error %q", test.Action, test.Error)
		}
		if test.Action == "unchanged" && len(test.Changes) > 0 {
			return "unchanged, but with changes"
		}
	}
	done := counted["created"] + counted["updated"] + counted["replaced"] + counted["deleted"]
	switch {
	case (code != 0) != a.Failed:
		return fmt.Sprintf("the exit code %d does not agree with failed", code)
	case a.Failed && a.Msg == "":
		return "failed without a message"
	case a.Exception != "":
		return "a panic"
	case strings.Contains(a.raw, token):
		return "the API token is in the answer"
	case a.Summary != nil && !maps.Equal(a.Summary, counted):
		return "the summary does not count the tests"
	case a.Changed != (done > 0) && (done > 0 || counted["failed"] == 0): // what failed half-way has changed something too
		return "changed does not agree with the actions"
	case counted["failed"] > 0 && !a.Failed:
		return "a test failed and the task did not"
	case a.Diff != nil && len(a.Diff) != done:
		return "the diff does not show each change"
	}
	return ""
}

// only gives the one test of an answer.
func (a answer) only(t testing.TB) testAnswer {
	t.Helper()
	require.Len(t, a.Tests, 1, a.raw)
	return a.Tests[0]
}

// actions gives "name action" for each test, in order.
func (a answer) actions() []string {
	actions := make([]string, len(a.Tests))
	for i, test := range a.Tests {
		actions[i] = text(test.Name) + " " + test.Action
	}
	return actions
}

func text(s *string) string {
	if s == nil {
		return "(null)"
	}
	return *s
}

// stored gives the one test of a name in the account.
func (l *lab) stored(name string) vendor.Test {
	l.t.Helper()
	found := l.named(name)
	require.Len(l.t, found, 1, "tests of the name %s", name)
	return found[0]
}

func (l *lab) named(name string) []vendor.Test {
	var found []vendor.Test
	for _, test := range l.Tests() {
		if test.Name == name {
			found = append(found, test)
		}
	}
	return found
}

// names gives the names of all tests of the account, oldest first.
func (l *lab) names() []string {
	names := []string{}
	for _, test := range l.Tests() {
		names = append(names, test.Name)
	}
	return names
}

// writes gives the calls that were no reads, since the last ResetCalls.
func (l *lab) writes() []emulator.Call {
	var writes []emulator.Call
	for _, call := range l.Calls() {
		if call.Write() {
			writes = append(writes, call)
		}
	}
	return writes
}

// site gives the options of a plain HTTP test.
func site(name string) options {
	return options{"name": name, "website_url": "https://" + strings.ReplaceAll(name, " ", "-") + ".example.com/"}
}

// sites gives the elements of tests for plain HTTP tests.
func sites(names ...string) []options {
	items := make([]options, len(names))
	for i, name := range names {
		items[i] = site(name)
	}
	return items
}

// by hand adds a test as a person would have made it in the vendor's pages.
func (l *lab) byHand(name string, more ...func(*vendor.Test)) (id string) {
	t := vendor.Test{Name: name, WebsiteURL: site(name)["website_url"].(string), CheckRate: 300, Confirmation: 2}
	for _, f := range more {
		f(&t)
	}
	return l.Add(t)
}

func tagged(tags ...string) func(*vendor.Test) { return func(t *vendor.Test) { t.Tags = tags } }

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

// stackOf gives the stack that tags name, several of a shared test.
func stackOf(tags []string) string { return marks().Group(tags) }

// The marks of the suite, as people see them.
const (
	ownershipTag = "managed_by:stackwatch"
	stackTag     = "stack:"
)
