// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// The secrets of the leak test, each with something that escaping changes.
const (
	basicSecret  = `pass"wörd & more`
	headerSecret = "Bearer hdr/tok+en"
	bodySecret   = "body=se<ret>"
	rawSecret    = "raw\nse cret%"
)

func secretTask() options {
	return options{
		"name": "private", "website_url": "https://private.example.com", "api_key": token, "basic_username": "ann", "basic_password": basicSecret,
		"custom_header": options{"Authorization": headerSecret}, "post_body": options{"key": bodySecret},
		"update_password": "always", "api_rate_limit": 5,
	}
}

// rawTask has the other kind of body.
func rawTask() options {
	task := secretTask().With(options{"name": "raw", "post_raw": rawSecret})
	delete(task, "post_body")
	return task
}

// secrets are those of the task, by option.
func secrets() resourcetest.Secrets {
	return resourcetest.Secrets{
		"api_key": token, "basic_password": basicSecret, "custom_header": headerSecret, "post_body": bodySecret, "post_raw": rawSecret,
	}
}

func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.ExpectNoLeak(secrets(), l.DryRun(rawTask()), "check mode")
	l.ExpectNoLeak(secrets(), l.OK(rawTask()), "creation")
	assert.Equal(t, rawSecret, l.stored("raw").PostRaw, "the account has what the answer has not")
	task := secretTask()
	l.ExpectNoLeak(secrets(), l.DryRun(task), "check mode")
	l.ExpectNoLeak(secrets(), l.OK(task), "creation")
	stored := l.stored("private")
	assert.Equal(t, basicSecret, stored.BasicPassword)
	assert.Contains(t, stored.CustomHeader, headerSecret)
	l.ExpectNoLeak(secrets(), l.OK(task), "second run")
	files, err := os.ReadDir(l.StateDir)
	require.NoError(t, err)
	assert.NotEmpty(t, files, "there is a state folder to look into")

	list := options{"tests": []options{task}, "stack": "shop"}
	for _, key := range []string{"api_key", "update_password", "api_rate_limit"} {
		list[key] = task[key]
		delete(task, key)
	}
	l.ExpectNoLeak(secrets(), l.OK(list), "list")
	// What the account holds and the task does not name is as secret: the old values of an update.
	replaced := l.OK(options{"name": "private", "stack": "shop", "post_raw": "", "post_body": options{}, "custom_header": ""})
	assert.Len(t, replaced.Only(t).Changes, 2)
	l.ExpectNoLeak(secrets(), replaced, "update")
	require.NoError(t, l.Change(text(replaced.Only(t).ID), func(t *vendor.Test) { t.PostRaw, t.CustomHeader = rawSecret, headerSecret }))
	l.ExpectNoLeak(secrets(), l.OK(options{"stack": "shop", "state": "absent"}), "deletion")
}

// TestNothingLeaksFromAServerThatEchoes: whatever comes back in errors, of whichever call.
func TestNothingLeaksFromAServerThatEchoes(t *testing.T) {
	t.Parallel()
	all := strings.Join([]string{token, basicSecret, headerSecret, bodySecret, rawSecret, url.QueryEscape(basicSecret), url.QueryEscape(headerSecret)}, " | ")
	message, err := json.Marshal(map[string]any{"message": "got " + all, "errors": map[string][]string{"post_raw": {"is " + all}}})
	require.NoError(t, err)
	for _, c := range []struct {
		method string
		fault  emulator.Fault
	}{
		{http.MethodGet, emulator.Fault{Kind: emulator.Status, Status: http.StatusBadRequest, Body: string(message)}},
		{http.MethodPost, emulator.Fault{Kind: emulator.Status, Status: http.StatusBadRequest, Body: string(message)}},
		{http.MethodPost, emulator.Fault{Kind: emulator.Status, Status: http.StatusBadGateway, Body: "<html>" + all}},
		{http.MethodPost, emulator.Fault{Kind: emulator.HTML, Body: "<html>" + all}},
		{http.MethodPut, emulator.Fault{Kind: emulator.Status, Status: http.StatusUnprocessableEntity, Body: all}},
		{http.MethodPut, emulator.Fault{Kind: emulator.Status, Status: http.StatusUnauthorized, Body: string(message)}},
		{http.MethodDelete, emulator.Fault{Kind: emulator.HTMLAfter, Body: all}},
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
		if c.method != http.MethodDelete { // 404 comes after the first one acted, under the page of a gateway
			assert.True(t, a.Failed)
		}
		l.ExpectNoLeak(secrets(), a, c.method)
	}
}

func TestNothingLeaksFromRefusals(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	for _, more := range []options{
		{"confirmation": 90}, {"post_raw": rawSecret}, {"url": "ann:" + basicSecret + "@private.example.com"}, {"name": ""}, {"custom_header": "[" + headerSecret}, {"post_body": bodySecret}, {"unknown": 1}, {"id": "x"}, {"api_url": "nowhere"},
	} {
		l.ExpectNoLeak(secrets(), l.Run(secretTask().With(more)), "refusal")
	}
}

// TestShortHeaderValuesLeaveTheAnswerReadable: what is too short for a credential is hidden where it stands, and nowhere else.
func TestShortHeaderValuesLeaveTheAnswerReadable(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	a := l.OK(options{"tests": []options{site("unchanged").With(options{"custom_header": options{"X-Debug": "1", "X-Key": headerSecret}, "post_body": options{"d": "d"}})}})
	assert.Equal(t, 1, a.Summary["created"])
	assert.Equal(t, "unchanged", text(a.Objects[0].Name))
	assert.Equal(t, l.stored("unchanged").ID, text(a.Objects[0].ID))
	assert.NotContains(t, a.Raw, headerSecret)
	assert.NotContains(t, a.Raw, "X-Debug", "the option itself is hidden whole")
}

// TestPasswordsThatWereReadStayHidden: a URL that somebody else wrote shows in the diff without its password.
func TestPasswordsThatWereReadStayHidden(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	login := func(t *vendor.Test) { t.WebsiteURL = "https://ann:oldPw777@x.example.com" }
	l.byHand("login", login)
	l.byHand("going", login, ofStack("shop"))
	for _, a := range []answer{
		l.DryRun(options{"name": "login", "website_url": "https://x.example.com"}),
		l.OK(options{"name": "login", "website_url": "https://x.example.com"}),
		l.OK(options{"stack": "shop", "state": "absent"}),
	} {
		assert.Contains(t, a.Raw, "https://ann:********@x.example.com")
		assert.NotContains(t, a.Raw, "oldPw777")
	}
}

// TestURLs_HideTheirPasswords holds that no answer shows the password of a URL, valid or not.
func TestURLs_HideTheirPasswords(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	for _, address := range []string{"https://ann:S3cretInUrl@x.example.com:99 9", "https://ann:S3cret/InUrl@x.example.com", "ftp://ann:S3cret%zz@x.example.com"} {
		for _, given := range []options{
			{"name": "a", "website_url": address, "test_type": "PING"},
			{"name": "a", "website_url": address, "url": "https://x.example.com"},
			{"name": "a", "final_endpoint": address, "timeout": 1},
			{"tests": []options{{"name": "a", "final_endpoint": address, "url": address, "colour": "red"}}},
		} {
			a := l.Run(given)
			assert.True(t, a.Failed)
			assert.NotContains(t, a.Raw, "S3cret", "%v", given)
		}
	}
}
