// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/resource"
)

func TestParseLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reset string
		wait  time.Duration
		known bool
	}{
		{"1", time.Second, true}, {"0", time.Second, true}, {"59", 59 * time.Second, true}, {"3600", time.Hour, true},
		{"", 0, false}, {"soon", 0, false}, {"-1", 0, false}, {"1785000000", 0, false}, // an epoch, as other APIs send it
	} {
		wait, known := parseLimits(http.StatusTooManyRequests, http.Header{"X-Ratelimit-Reset": {c.reset}})
		assert.Equal(t, c.wait, wait, c.reset)
		assert.Equal(t, c.known, known, c.reset)
	}
}

func TestParseError(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"message":"No results found","errors":{}}`:                          "No results found",
		`{"message":"Bad parameters.","errors":{"b":["is x"],"a":["y","z"]}}`: "Bad parameters (a: y, z; b: is x)",
		`<html>`:              "",
		`{"errors":"string"}`: "",
		``:                    "",
	} {
		code, msg := parseError(http.StatusBadRequest, []byte(body))
		assert.Empty(t, code)
		assert.Equal(t, want, msg)
	}
}

// TestAnswersThatAreNone: an answer of the right form about something else is an error, and a list without data no empty list.
func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what, method, path, body string
		want                     string
	}{
		{"a list without data", http.MethodGet, "/v1/uptime$", `{"metadata": {}}`, "listing uptime tests: page 1 has no data"},
		{"data that is no list", http.MethodGet, "/v1/uptime$", `{"data": {}}`, "the answer is not understood"},
		{"another test", http.MethodGet, "/v1/uptime/*", `{"data": {"id": "1"}}`, `reading uptime test 6000001: the answer is about "1"`},
		{"no test", http.MethodGet, "/v1/uptime/*", `{}`, `the answer is about ""`},
		{"no groups", http.MethodGet, "/v1/contact-groups", `{}`, "listing contact groups: page 1 has no data"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, emulator.Options{})
			l.byHand("a")
			l.Inject(emulator.On(c.method, c.path, emulator.Always, emulator.Fault{Kind: emulator.Status, Status: http.StatusOK, Body: c.body}))
			a := l.Run(site("a").With(options{"contact_groups": "Somebody"}))
			assert.True(t, a.Failed)
			assert.Contains(t, a.Msg, "nothing was changed, because the tests could not be read: ")
			assert.Contains(t, a.Msg, c.want)
			assert.Zero(t, l.Writes())
		})
	}
}

// TestCreationWithoutAnID: the service says "created" and not what. The test is looked for, not created again.
func TestCreationWithoutAnID(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.Inject(emulator.On(http.MethodPost, "", 1, emulator.Fault{Kind: emulator.StatusAfter, Status: http.StatusCreated, Body: `{"data": {}}`}))
	a := l.OK(site("a"))
	assert.Equal(t, l.stored("a").ID, text(a.Only(t).ID))

	l.Inject(emulator.On(http.MethodPost, "", emulator.Always, emulator.Fault{Kind: emulator.Status, Status: http.StatusCreated, Body: `{"data": {}}`}))
	a = l.Run(site("b"))
	assert.True(t, a.Failed)
	assert.Contains(t, a.Msg, "creating uptime test b: the answer has no data.new_id")
	assert.Contains(t, a.Msg, "it was looked for and is not there")
}

func TestToWireKnowsItsTypes(t *testing.T) {
	t.Parallel()
	assert.Empty(t, toWire([]reconcile.Change{{Field: "tags", Before: []string{"a"}}}), "nothing wished is nothing sent")
	assert.PanicsWithValue(t, "no wire form for speed of type float64", func() {
		toWire([]reconcile.Change{{Field: "speed", After: 1.5}})
	})
}

func TestSameURL(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"https://a.example.com", "https://a.example.com/", true},
		{"https://a.example.com?x=1", "https://a.example.com/?x=1", true},
		{"HTTPS://A.example.com/Path", "https://a.example.com/Path", true},
		{"https://a.example.com/Path", "https://a.example.com/path", false},
		{"https://a.example.com/x", "https://a.example.com/x/", false},
		{"http://a.example.com", "https://a.example.com", false},
		{"a.example.com", "a.example.com", true},
		{"a.example.com", "A.example.com", false},
		{"://", "://", true},
	} {
		assert.Equal(t, c.same, sameURL(c.a, c.b), "%s, %s", c.a, c.b)
	}
}

// FuzzWishReadsBack: whatever texts a wish holds, the module refuses it, or the service does, or what was created reads back
// as the wish: a second run would change nothing.
func FuzzWishReadsBack(f *testing.F) {
	f.Add("name", "https://www.example.com", "a,b", "404,500", `{"A": "b"}`, "text", "london")
	f.Add(" n ", "HTTP://Ä.example.com?x", " a ,,a", "default", "{}", "\r\n+%&=", "")
	f.Add("n", "https://h/#", "é", "", `{"a":1e3,"a":2}`, "\x00", "new-york, paris")
	f.Fuzz(func(t *testing.T, name, address, tags, codes, header, raw, regions string) {
		for _, s := range []string{name, address, tags, codes, header, raw, regions} {
			if strings.ToValidUTF8(s, "") != s {
				t.Skip("arguments are valid UTF-8 by the time they arrive")
			}
		}
		kind := "HTTP"
		wish, err := uptimeWish(resource.Item[Test]{Object: Test{
			Name: &name, WebsiteURL: &address, TestType: &kind, Tags: strings.Split(tags, ","), StatusCodes: strings.Split(codes, ","),
			CustomHeader: hidden(header), PostRaw: hidden(raw), FindString: &raw, Regions: strings.Split(regions, ","),
		}}, func(string, ...any) {})
		if err != nil {
			return
		}
		u := newUptime(&client{}, "")
		u.updatePassword = true
		want, err := u.Merge(nil, wish)
		require.NoError(t, err)
		account := vendor.New(emulator.Options{})
		if status := post(account, creation(want)); status != http.StatusCreated {
			assert.Equal(t, http.StatusBadRequest, status)
			return
		}
		have := reconcile.Object[Test]{ID: account.Tests()[0].ID, State: fromWire(read(t, account))}
		if len(want.StatusCodes) == 0 { // which Create empties by an update of its own
			have.State.StatusCodes = []string{}
		}
		merged, err := u.Merge(&have, wish)
		require.NoError(t, err)
		assert.Empty(t, reconcile.Diff(have, merged))
	})
}

func post(account http.Handler, form url.Values) int {
	r := httptest.NewRequest(http.MethodPost, "/v1/uptime", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer x")
	w := httptest.NewRecorder()
	account.ServeHTTP(w, r)
	return w.Code
}

func read(t *testing.T, account *vendor.Emulator) details {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/v1/uptime/"+account.Tests()[0].ID, nil)
	r.Header.Set("Authorization", "Bearer x")
	w := httptest.NewRecorder()
	account.ServeHTTP(w, r)
	var answer struct{ Data details }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
	return answer.Data
}
