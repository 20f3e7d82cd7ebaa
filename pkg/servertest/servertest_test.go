// SPDX-License-Identifier: GPL-3.0-or-later

package servertest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// scripts gives a folder of scripts of a server that only notes what it is told, in its folder and in the file that is returned.
func scripts(t *testing.T) (folder, notes string) {
	t.Helper()
	folder = t.TempDir()
	notes = filepath.Join(folder, "notes")
	for _, name := range []string{"start.sh", "stop.sh"} {
		text := fmt.Sprintf(`#!/bin/sh
cd "$1" || exit 1
shift
echo %s "$@" | tee -a told >>%q
[ "${1:-}" != fail ] || { echo no luck; exit 3; }
`, name, notes)
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o700))
	}
	return folder, notes
}

func noted(t *testing.T, notes string) []string {
	t.Helper()
	text, err := os.ReadFile(notes)
	require.NoError(t, err)
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

func TestAServerHasItsFolderUntilItEnds(t *testing.T) {
	t.Parallel()
	folder, notes := scripts(t)
	p, err := New("servertest-", folder)
	require.NoError(t, err)
	require.NoError(t, p.Start("0", "name"))
	require.NoError(t, p.Stop())
	require.NoError(t, p.Kill())
	err = p.Start("fail")
	require.ErrorContains(t, err, "start.sh: exit status 3")
	require.ErrorContains(t, err, "no luck")

	text, err := p.Text("told")
	require.NoError(t, err)
	assert.Equal(t, "start.sh 0 name\nstop.sh\nstop.sh kill\nstart.sh fail", text)
	words, err := p.Words("told")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"start.sh": "fail", "stop.sh": "kill"}, words)
	_, err = p.Words("nothing")
	require.ErrorIs(t, err, os.ErrNotExist)

	require.NoError(t, p.End())
	assert.NoDirExists(t, p.Dir)
	assert.Equal(t, "stop.sh kill", noted(t, notes)[4])
}

// TestAServerEndsWithTheProcess holds that nobody has to be left to end it.
func TestAServerEndsWithTheProcess(t *testing.T) {
	t.Parallel()
	folder, notes := scripts(t)
	p, err := New("servertest-", folder)
	require.NoError(t, err)
	require.NoError(t, p.alive.Close()) // as the end of this process would do
	require.NoError(t, p.guard.Wait())
	assert.NoDirExists(t, p.Dir)
	assert.Equal(t, []string{"stop.sh kill"}, noted(t, notes))
}

// ending is a test that notes how it was ended.
type ending struct {
	testing.TB
	how string
}

func (e *ending) Helper()                           {}
func (e *ending) Skipf(format string, args ...any)  { e.end("skipped: " + fmt.Sprintf(format, args...)) }
func (e *ending) Fatalf(format string, args ...any) { e.end("failed: " + fmt.Sprintf(format, args...)) }
func (e *ending) end(how string)                    { e.how = how; panic(e) }

// TestAMachineWithoutTheServer holds that a test is left out only where nobody requires it.
func TestAMachineWithoutTheServer(t *testing.T) {
	const variable = "STACKWATCH_REQUIRE_NOTHING"
	missing := Missing("no-such-program")
	e := &ending{TB: t}
	t.Setenv(variable, "")
	assert.Panics(t, func() { Need(e, "Product", variable, missing) })
	assert.Equal(t, "skipped: needs the real Product (no-such-program is missing): `make test` installs it where there is apt-get", e.how)
	t.Setenv(variable, "1")
	assert.Panics(t, func() { Need(e, "Product", variable, missing) })
	assert.Contains(t, e.how, "failed: no-such-program is missing although STACKWATCH_REQUIRE_NOTHING=1; ")
	Need(t, "Product", variable, Missing("sh"))
}

// TestTheUpstreamPassesEverythingOn holds that what is sent and what is answered stay as they were.
func TestTheUpstreamPassesEverythingOn(t *testing.T) {
	t.Parallel()
	const path = "/a%2Fb/%C3%BC?q=1&q=%22"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Answer", r.Header.Get("X-Question"))
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.RequestURI, body)
	}))
	defer server.Close()
	recorder := emulator.New(emulator.Options{}, &Upstream{
		URL: server.URL,
		Send: func(forward, _ *http.Request) (*http.Response, error) {
			return http.DefaultTransport.RoundTrip(forward)
		},
		Failure: func(status int) emulator.Response { return emulator.Text(status, "failure") },
	})
	front := httptest.NewServer(recorder)
	defer front.Close()
	send := func() (status int, answer, body string, err error) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, front.URL+path, strings.NewReader("body"))
		require.NoError(t, err)
		request.Header.Set("X-Question", "42")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return 0, "", "", err
		}
		defer response.Body.Close()
		content, err := io.ReadAll(response.Body)
		return response.StatusCode, response.Header.Get("X-Answer"), string(content), err
	}

	status, answer, body, err := send()
	require.NoError(t, err)
	assert.Equal(t, http.StatusTeapot, status)
	assert.Equal(t, "42", answer)
	assert.Equal(t, "PUT "+path+" body", body)
	assert.Equal(t, 1, recorder.Writes())

	recorder.Inject(emulator.On("PUT", "", 1, emulator.Fault{Kind: emulator.Status, Status: 500}))
	status, _, body, err = send()
	require.NoError(t, err)
	assert.Equal(t, http.StatusInternalServerError, status)
	assert.Equal(t, "failure", body)

	server.Close()
	_, _, _, err = send()
	require.ErrorIs(t, err, io.EOF, "a server that is away is no answer of the recorder's own")
}
