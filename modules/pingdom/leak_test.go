// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// secrets are those of the leak test, each with something that escaping changes.
func secrets() resourcetest.Secrets {
	return resourcetest.Secrets{
		"api_token": token, "auth": `pass"wörd & more`, "requestheaders": "Bearer hdr/tok+en", "postdata": "raw\nse cret%",
	}
}

func secretTask() options {
	return options{
		"name": "private", "host": "private.example.com", "api_token": token, "auth": "ann:" + secrets()["auth"], "api_rate_limit": 5,
		"requestheaders": options{"Authorization": secrets()["requestheaders"]}, "postdata": secrets()["postdata"],
	}
}

func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	task := secretTask()
	l.ExpectNoLeak(secrets(), l.DryRun(task), "check mode")
	l.ExpectNoLeak(secrets(), l.OK(task), "creation")
	stored := l.stored("private")
	assert.Equal(t, []string{secrets()["auth"], secrets()["postdata"]}, []string{stored.Password, stored.PostData}, "the account has what the answer has not")
	assert.Equal(t, secrets()["requestheaders"], stored.RequestHeaders["Authorization"])
	l.ExpectNoLeak(secrets(), l.OK(task), "second run")

	list := options{"checks": []options{task}, "stack": "shop"}
	for _, key := range []string{"api_token", "api_rate_limit"} {
		list[key] = task[key]
		delete(task, key)
	}
	l.ExpectNoLeak(secrets(), l.OK(list), "list")
	// What the account holds and the task does not name is as secret: the old values of an update.
	replaced := l.OK(options{"name": "private", "stack": "shop", "auth": "", "postdata": "", "requestheaders": ""})
	assert.Len(t, replaced.Only(t).Changes, 3)
	l.ExpectNoLeak(secrets(), replaced, "update")
	require.NoError(t, l.Change(stored.ID, func(c *vendor.Check) {
		c.Username, c.Password, c.PostData, c.RequestHeaders = "ann", secrets()["auth"], secrets()["postdata"], map[string]string{"A": secrets()["requestheaders"]}
	}))
	l.ExpectNoLeak(secrets(), l.OK(options{"name": "private", "resolution": 1}), "update of what holds secrets")
	l.ExpectNoLeak(secrets(), l.OK(options{"stack": "shop", "state": "absent"}), "deletion")
}

// TestNothingLeaksFromAServerThatEchoes: whatever comes back in errors, of whichever call.
func TestNothingLeaksFromAServerThatEchoes(t *testing.T) {
	t.Parallel()
	all := strings.Join(slices.Collect(maps.Values(secrets())), " | ") + " | " + url.QueryEscape(secrets()["auth"]) + url.QueryEscape(secrets()["requestheaders"])
	message, err := json.Marshal(map[string]any{"error": map[string]any{"statuscode": 400, "statusdesc": "Bad Request", "errormessage": "got " + all}})
	require.NoError(t, err)
	for _, c := range []struct {
		method string
		fault  emulator.Fault
	}{
		{http.MethodGet, emulator.Fault{Kind: emulator.Status, Status: http.StatusBadRequest, Body: string(message)}},
		{http.MethodGet, emulator.Fault{Kind: emulator.Status, Status: http.StatusOK, Body: `{"checks": "` + all + `"}`}},
		{http.MethodPost, emulator.Fault{Kind: emulator.Status, Status: http.StatusBadRequest, Body: string(message)}},
		{http.MethodPost, emulator.Fault{Kind: emulator.Status, Status: http.StatusBadGateway, Body: "<html>" + all}},
		{http.MethodPost, emulator.Fault{Kind: emulator.HTML, Body: "<html>" + all}},
		{http.MethodPut, emulator.Fault{Kind: emulator.Status, Status: http.StatusForbidden, Body: all}},
		{http.MethodPut, emulator.Fault{Kind: emulator.Status, Status: http.StatusUnauthorized, Body: string(message)}},
		{http.MethodDelete, emulator.Fault{Kind: emulator.Status, Status: http.StatusForbidden, Body: string(message)}},
	} {
		l := newLab(t, emulator.Options{})
		task := secretTask()
		switch c.method {
		case http.MethodPut:
			l.byHand("private")
		case http.MethodDelete:
			l.byHand("private")
			task["state"] = "absent"
		}
		l.Inject(emulator.On(c.method, "", emulator.Always, c.fault))
		a := l.Run(task)
		assert.True(t, a.Failed, c.method)
		l.ExpectNoLeak(secrets(), a, c.method)
	}
}

// TestNothingLeaksFromFieldsThatAreNotUnderstood: what cannot be read may hold the login.
func TestNothingLeaksFromFieldsThatAreNotUnderstood(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	id := l.byHand("private")
	body := `{"check": {"id": ` + id + `, "name": "private", "type": {"http": {"username": ["hunter2hunter2"], "port": "hunter2hunter2"}}}}`
	l.Inject(emulator.On(http.MethodGet, vendor.BasePath+"/checks/"+id, emulator.Always, emulator.Fault{Kind: emulator.Status, Status: http.StatusOK, Body: body}))
	a := l.Run(site("private"))
	assert.Contains(t, a.Msg, "reading check "+id+": the fields of type http are not understood: username is of the kind array")
	assert.NotContains(t, a.Raw, "hunter2")
}

// TestNothingLeaksOfWhatWasRead: a login in a URL that somebody else wrote stands in the difference without its password, and what the service
// repeats of the old values is masked.
func TestNothingLeaksOfWhatWasRead(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.byHand("private", ofType("httpcustom"), func(c *vendor.Check) {
		c.AdditionalURLs = "https://bob:oldPw777@a.example.com/x.xml"
		c.Username, c.Password, c.PostData = "ann", "old & secret", "old=form&data"
		c.RequestHeaders = map[string]string{"X-Key": "old/hdr/key", "X-Debug": "1"}
	})
	task := options{"name": "private", "additionalurls": "https://a.example.com/y.xml"}
	old := resourcetest.Secrets{"url": "oldPw777", "password": "old & secret", "postdata": "old=form&data", "header": "old/hdr/key"}
	a := l.DryRun(task)
	assert.Contains(t, a.Raw, "https://bob:********@a.example.com/x.xml")
	l.ExpectNoLeak(old, a, "check mode")
	l.Inject(emulator.On(http.MethodPut, "", 1, emulator.Fault{Kind: emulator.Status, Status: http.StatusBadRequest,
		Body: `{"error": {"errormessage": "got ann:old & secret old=form&data old/hdr/key oldPw777"}}`}))
	a = l.Run(task)
	assert.Contains(t, a.Msg, "status 400 Bad Request: got ********")
	l.ExpectNoLeak(old, a, "refusal")
	l.ExpectNoLeak(old, l.OK(task), "update")
}

func TestNothingLeaksFromRefusals(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	for _, more := range []options{
		{"port": 0}, {"name": ""}, {"requestheaders": "[" + secrets()["requestheaders"]}, {"unknown": 1}, {"id": "x"}, {"api_url": "nowhere"},
		{"type": "ping"}, {"host": "https://ann:" + secrets()["auth"] + "@private.example.com/"}, {"url": "https://ann:" + secrets()["auth"] + "@private.example.com/"},
	} {
		l.ExpectNoLeak(secrets(), l.Run(secretTask().With(more)), "refusal")
	}
}

// TestLoginsAreHiddenInTheirParts: a password without its user name, and what stands in the place of a user name and may be a token. What is
// too short for either would hide innocent text.
func TestLoginsAreHiddenInTheirParts(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	xml := func(login string) options {
		return options{"type": "httpcustom", "additionalurls": "https://" + login + "@www.example.com/x.xml"}
	}
	for _, c := range []struct {
		given  options
		text   string
		hidden bool
	}{
		{options{"auth": "ann:pass", "custom_message": "the word is pass"}, "is pass", true},
		{options{"auth": "ann:sea", "custom_message": "the word is sea"}, "is sea", false},
		{options{"auth": "a-long-token:", "custom_message": "the word is a-long-token"}, "a-long-token", true},
		{options{"auth": "a-long-name:sea", "custom_message": "the word is a-long-name"}, "is a-long-name", false},
		{xml("ann:pass"), ":pass@", true},
		{xml("ann:sea"), ":sea@", false},
		{xml("a-long-token"), "a-long-token", true},
		{xml("a-long-token:"), "a-long-token", true},
		{xml("monitor"), "monitor", false},
		{options{"host": "https://ann:pass@www.example.com"}, ":pass@", true},
		{options{"host": "a-long-token@www.example.com"}, "a-long-token", true},
		{options{"url": "https://ann:pass@www.example.com"}, ":pass@", true},
		{options{"url": "/people/a-long-token@www.example.com"}, "a-long-token", false},
	} {
		for _, task := range []options{site("x").With(c.given), {"checks": []options{site("x").With(c.given)}}} {
			a := l.Run(task)
			assert.Equal(t, !c.hidden, strings.Contains(a.Raw, c.text), "%v: %s", c.given, a.Raw)
		}
	}
}

// TestShortHeaderValuesLeaveTheAnswerReadable: what is too short for a credential is hidden where it stands, and nowhere else.
func TestShortHeaderValuesLeaveTheAnswerReadable(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	a := l.OK(options{"checks": []options{site("unchanged").With(options{"requestheaders": options{"X-Debug": "1", "X-Key": secrets()["requestheaders"]}})}})
	assert.Equal(t, 1, a.Summary["created"])
	assert.Equal(t, strconv.Itoa(l.stored("unchanged").ID), text(a.Only(t).ID))
	assert.NotContains(t, a.Raw, secrets()["requestheaders"])
	assert.NotContains(t, a.Raw, "X-Debug", "the option itself is hidden whole")
}

// TestURLs_HideTheirPasswords holds that no answer shows the password of a URL, valid or not.
func TestURLs_HideTheirPasswords(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	for _, address := range []string{"https://ann:S3cretInUrl@x.example.com:99 9", "https://ann:S3cret/InUrl@x.example.com"} {
		for _, given := range []options{{"host": address}, {"url": address}, {"additionalurls": []string{address}}} {
			for _, task := range []options{given.With(options{"name": "a"}), {"checks": []options{given}}} {
				a := l.Run(task)
				assert.True(t, a.Failed)
				assert.NotContains(t, a.Raw, "S3cret", "%v", given)
			}
		}
	}
}
