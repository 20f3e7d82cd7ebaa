// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
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
		"custom_header": options{"Authorization": headerSecret}, "post_body": options{"key": bodySecret}, "post_raw": rawSecret,
		"update_password": "always", "api_rate_limit": 5,
	}
}

// leaks names the secrets that a text holds, in any of the forms in which they may get there.
func leaks(text string) []string {
	var found []string
	for name, secret := range map[string]string{
		"api_key": token, "basic_password": basicSecret, "custom_header": headerSecret, "post_body": bodySecret, "post_raw": rawSecret,
	} {
		quoted, _ := json.Marshal(secret)
		twice, _ := json.Marshal(string(quoted))
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret), strings.Trim(string(quoted), `"`), strings.Trim(string(twice), `"\`)} {
			if strings.Contains(text, form) {
				found = append(found, name)
				break
			}
		}
	}
	return found
}

func (l *lab) expectNoLeak(a answer, when string) {
	l.t.Helper()
	assert.Empty(l.t, leaks(a.raw), "%s: in the answer: %s", when, a.raw)
	assert.Empty(l.t, leaks(a.syslog), "%s: in the system log: %s", when, a.syslog)
	for _, call := range l.Calls() {
		assert.Empty(l.t, leaks(call.Path+"?"+call.Query), "%s: in the URL of a call", when)
	}
	require.NoError(l.t, filepath.WalkDir(l.stateDir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		assert.Empty(l.t, leaks(path), "%s: in a file's name", when)
		if entry.IsDir() {
			return nil
		}
		content, err := os.ReadFile(path)
		assert.Empty(l.t, leaks(string(content)), "%s: in the file %s", when, path)
		return err
	}))
}

func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	task := secretTask()
	l.expectNoLeak(l.check(task), "check mode")
	l.expectNoLeak(l.ok(task), "creation")
	stored := l.stored("private")
	assert.Equal(t, []string{basicSecret, rawSecret}, []string{stored.BasicPassword, stored.PostRaw}, "the account has what the answer has not")
	assert.Contains(t, stored.CustomHeader, headerSecret)
	l.expectNoLeak(l.ok(task), "second run")
	files, err := os.ReadDir(l.stateDir)
	require.NoError(t, err)
	assert.NotEmpty(t, files, "there is a state folder to look into")

	list := options{"tests": []options{task}, "stack": "shop"}
	for _, key := range []string{"api_key", "update_password", "api_rate_limit"} {
		list[key] = task[key]
		delete(task, key)
	}
	l.expectNoLeak(l.ok(list), "list")
	// What the account holds and the task does not name is as secret: the old values of an update.
	replaced := l.ok(options{"name": "private", "stack": "shop", "post_raw": "", "post_body": options{}, "custom_header": ""})
	assert.Len(t, replaced.only(t).Changes, 3)
	l.expectNoLeak(replaced, "update")
	require.NoError(t, l.Change(text(replaced.only(t).ID), func(t *vendor.Test) { t.PostRaw, t.CustomHeader = rawSecret, headerSecret }))
	l.expectNoLeak(l.ok(options{"stack": "shop", "state": "absent"}), "deletion")
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
		a := l.run(task)
		if c.method != http.MethodDelete { // 404 comes after the first one acted, under the page of a gateway
			assert.True(t, a.Failed)
		}
		l.expectNoLeak(a, c.method)
	}
}

func TestNothingLeaksFromRefusals(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	for _, more := range []options{
		{"confirmation": 9}, {"name": ""}, {"custom_header": "[" + headerSecret}, {"post_body": rawSecret}, {"unknown": 1}, {"id": "x"}, {"api_url": "nowhere"},
	} {
		l.expectNoLeak(l.run(secretTask().with(more)), "refusal")
	}
}

// TestShortHeaderValuesLeaveTheAnswerReadable: what is too short for a credential is hidden where it stands, and nowhere else.
func TestShortHeaderValuesLeaveTheAnswerReadable(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	a := l.ok(options{"tests": []options{site("unchanged").with(options{"custom_header": options{"X-Debug": "1", "X-Key": headerSecret}, "post_body": options{"d": "d"}})}})
	assert.Equal(t, 1, a.Summary["created"])
	assert.Equal(t, "unchanged", text(a.Tests[0].Name))
	assert.Equal(t, l.stored("unchanged").ID, text(a.Tests[0].ID))
	assert.NotContains(t, a.raw, headerSecret)
	assert.NotContains(t, a.raw, "X-Debug", "the option itself is hidden whole")
}
