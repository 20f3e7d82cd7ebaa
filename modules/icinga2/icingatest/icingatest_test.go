// SPDX-License-Identifier: GPL-3.0-or-later

package icingatest

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// TestWhatIsWrittenOutlivesTheServer holds the ways in which a server ends and comes back.
func TestWhatIsWrittenOutlivesTheServer(t *testing.T) {
	t.Parallel()
	s := Start(t)
	c := s.Client(t, Root)
	url := s.URL
	assert.Empty(t, s.Files(t))
	c.Put(t, "hosts", "web1", map[string]any{"address": "192.0.2.1"}, "generic-host")
	c.Put(t, "services", "web1!ping", map[string]any{"check_command": "dummy"})
	for _, again := range []struct {
		how string
		do  func(testing.TB)
	}{
		{"reload", s.Reload},
		{"restart", s.Restart},
		{"crash", func(t testing.TB) { s.Kill(t); s.Restart(t) }},
		{"stop", func(t testing.TB) { s.Stop(t); s.Restart(t) }},
	} {
		before := s.ProgramStart(t)
		again.do(t)
		assert.Greater(t, s.ProgramStart(t), before, again.how)
		assert.Equal(t, url, s.URL, again.how)
		require.NotNil(t, c.Object(t, "services", "web1!ping"), again.how)
		assert.Equal(t, "192.0.2.1", c.Object(t, "hosts", "web1")["address"], again.how)
		assert.Contains(t, s.Files(t)["conf.d/hosts/web1.conf"], `"192.0.2.1"`, again.how)
	}
	c.Update(t, "hosts", "web1", map[string]any{"address": "192.0.2.2"})
	assert.Equal(t, "192.0.2.2", c.Object(t, "hosts", "web1")["address"])
	c.Delete(t, "hosts", "web1")
	assert.Nil(t, c.Object(t, "services", "web1!ping"))
	assert.Empty(t, s.Files(t))
	assert.Contains(t, s.Log(t), "web1")
}

// TestAServerLeavesNothing holds the end of a server.
func TestAServerLeavesNothing(t *testing.T) {
	t.Parallel()
	need(t)
	s, err := start(scripts(t))
	require.NoError(t, err)
	group, err := s.process.Text("pid")
	require.NoError(t, err)
	assert.Len(t, running(t, group), 3, "the process that watches, the server, and its helper")
	require.NoError(t, s.process.End())
	assert.Empty(t, running(t, group))
	assert.NoDirExists(t, s.process.Dir)
}

// running gives the processes of a group that have not ended.
func running(t *testing.T, group string) []string {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	var found []string
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest) // state, parent, group
		if len(fields) > 2 && fields[2] == group && fields[0] != "Z" {
			found = append(found, path)
		}
	}
	return found
}

func TestServersAreApart(t *testing.T) {
	t.Parallel()
	one, other := Shared(t), Start(t, Named("icinga-master.example"), Config("more.conf", `template Host "more" { }`))
	assert.Same(t, one, Shared(t))
	assert.NotEqual(t, one.URL, other.URL)
	for _, user := range []string{Root, Ansible, Reader} {
		assert.NotEmpty(t, one.Password(user))
		assert.NotEqual(t, one.Password(user), other.Password(user))
	}
	c := other.Client(t, Root)
	c.Put(t, "hosts", "apart", map[string]any{"check_command": "dummy"}, "more")
	assert.Nil(t, one.Client(t, Root).Object(t, "hosts", "apart"))
	assert.Contains(t, c.Objects(t, "hosts", `host.name == "apart"`), "apart")
	assert.Len(t, c.Objects(t, "hosts", ""), 2, "and the static one")

	other.Configure(t, "more.conf", `template Host "more" { notes = "new" }`)
	other.Reload(t)
	assert.Equal(t, "new", c.Object(t, "hosts", "apart")["notes"])

	// The certificate holds the name alone, so that clients have to be told it.
	transport, err := other.transport()
	require.NoError(t, err)
	transport.TLSClientConfig.ServerName = ""
	_, err = (&http.Client{Transport: transport}).Get(other.URL) //nolint:bodyclose // there is none
	assert.ErrorContains(t, err, "127.0.0.1")
}

func TestUsersHaveTheirRights(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	attrs := map[string]any{"attrs": map[string]any{"check_command": "dummy"}}
	assert.Equal(t, http.StatusNotFound, s.Client(t, Reader).Do(t, "PUT", Path("hosts", "rights"), attrs).Status)
	s.Client(t, Ansible).Put(t, "hosts", "rights", map[string]any{"check_command": "dummy"})
	assert.NotNil(t, s.Client(t, Reader).Object(t, "hosts", "rights"))
	s.Client(t, Ansible).Delete(t, "hosts", "rights")

	c := s.Client(t, s.AddUser(t, "objects/query/Host"))
	assert.NotNil(t, c.Object(t, "hosts", "static-host"))
	assert.Nil(t, c.Object(t, "services", "static-host!static-service"), "the server says that what it hides is not there")
	assert.Equal(t, http.StatusUnauthorized, s.Client(t, "nobody").Do(t, "GET", "/v1", nil).Status)
}

// TestTheRecorderPassesEverythingOn holds that a module meets the real server behind it, and that the calls are noted.
func TestTheRecorderPassesEverythingOn(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	r := s.Record(t, emulator.Options{})
	c := through(t, s, r, Root)
	c.Put(t, "hosts", "odd name/100%", map[string]any{"check_command": "dummy", "vars": map[string]any{"ü": "€"}})
	assert.NotNil(t, s.Client(t, Root).Object(t, "hosts", "odd name/100%"))
	assert.Len(t, c.Objects(t, "hosts", `host.name == "odd name/100%"`), 1)
	assert.Equal(t, http.StatusUnauthorized, through(t, s, r, "nobody").Do(t, "GET", "/v1", nil).Status)
	c.Delete(t, "hosts", "odd name/100%")

	var seen []string
	for _, call := range r.Calls() {
		seen = append(seen, fmt.Sprintf("%s %s %d", call.Method, call.Path, call.Status))
	}
	assert.Equal(t, []string{
		"PUT /v1/objects/hosts/odd name/100% 200", "GET /v1/objects/hosts 200", "GET /v1 401", "DELETE /v1/objects/hosts/odd name/100% 200",
	}, seen)
	assert.Equal(t, 2, r.Writes(), "a question with a body is no write")
}

func TestTheRecorderPassesOnWhoCalls(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	r := s.Record(t, emulator.Options{})
	pair, err := tls.LoadX509KeyPair(s.ClientCert, s.ClientKey)
	require.NoError(t, err)
	for _, url := range []string{s.URL, r.URL} {
		transport, err := s.transport(pair)
		require.NoError(t, err)
		response, err := (&http.Client{Transport: transport}).Get(url + "/v1")
		require.NoError(t, err)
		page, err := io.ReadAll(response.Body)
		response.Body.Close()
		transport.CloseIdleConnections()
		require.NoError(t, err)
		assert.Contains(t, string(page), Ansible, url)
	}
}

// TestTheRecorderInjectsFaults holds which faults reach the server, and what is left of its answer.
func TestTheRecorderInjectsFaults(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	r := s.Record(t, emulator.Options{})
	direct, c := s.Client(t, Root), through(t, s, r, Root)
	for _, f := range []struct {
		kind     emulator.Kind
		status   int // 0: no whole answer
		happened bool
	}{
		{emulator.Status, 503, false},
		{emulator.StatusAfter, 503, true},
		{emulator.DropBefore, 0, false},
		{emulator.DropAfter, 0, true},
		{emulator.CutBody, 0, true},
		{emulator.HTML, 503, false},
		{emulator.DelayAfter, 200, true},
	} {
		name := "fault-" + string(f.kind)
		r.Inject(emulator.On("PUT", "/v1/objects/hosts", 1, emulator.Fault{Kind: f.kind, Status: f.status}))
		answer, err := c.do(t, "PUT", Path("hosts", name), map[string]any{"attrs": map[string]any{"check_command": "dummy"}})
		if f.status == 0 {
			assert.Error(t, err, f.kind)
		} else if assert.NoError(t, err, f.kind) {
			assert.Equal(t, f.status, answer.Status, f.kind)
		}
		found := direct.Objects(t, "hosts", "host.name == "+strconv.Quote(name))
		assert.Equal(t, f.happened, len(found) == 1, f.kind)
		if f.happened {
			direct.Delete(t, "hosts", name)
		}
	}
	assert.Empty(t, r.Pending())
}

// TestTheRecorderIsAsDeadAsTheServer holds that a server that is away is no answer of the recorder's own.
func TestTheRecorderIsAsDeadAsTheServer(t *testing.T) {
	t.Parallel()
	s := Start(t)
	r := s.Record(t, emulator.Options{})
	c := through(t, s, r, Root)
	s.Kill(t)
	_, err := c.do(t, "GET", "/v1", nil)
	assert.ErrorIs(t, err, io.EOF)
	s.Restart(t)
	assert.Equal(t, http.StatusOK, c.Do(t, "GET", "/v1", nil).Status)
}

// through gives a client of the recorder.
func through(t *testing.T, s *Server, r *Recorder, user string) *Client {
	t.Helper()
	c := s.Client(t, user)
	c.url = r.URL
	return c
}

// TestStart_RefusesAFolderThatTheServerMayNotEnter holds what root is told below a home folder of mode 0700.
func TestStart_RefusesAFolderThatTheServerMayNotEnter(t *testing.T) {
	t.Parallel()
	need(t)
	if os.Getuid() != 0 {
		t.Skip("only root starts the server as another user")
	}
	home := t.TempDir()
	require.NoError(t, os.Chmod(home, 0o700))
	output, err := exec.CommandContext(t.Context(), filepath.Join(scripts(t), "start.sh"), filepath.Join(home, "server")).CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(output), "the user nagios may not enter "+home+"/server: as root take a folder that everybody may enter")
	assert.NoFileExists(t, filepath.Join(home, "server", "pid"))
}
