// SPDX-License-Identifier: GPL-3.0-or-later

package alertatest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/servertest"
)

// onBoth runs a test against a server of each version.
func onBoth(t *testing.T, test func(t *testing.T, s *Server)) {
	t.Helper()
	t.Parallel()
	for _, version := range Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			test(t, Start(t, version))
		})
	}
}

// list reads all alerts through the API.
func list(t *testing.T, s *Server, key string) []map[string]any {
	t.Helper()
	answer := s.Do(t, key, "GET", "/alerts?page-size=100000&sort-by=createTime", nil)
	require.Equal(t, http.StatusOK, answer.Status, "%s", answer.Body)
	var page struct {
		Alerts []map[string]any
		Total  int
	}
	require.NoError(t, json.Unmarshal(answer.Body, &page))
	require.Len(t, page.Alerts, page.Total)
	return page.Alerts
}

// TestWhatIsInsertedIsAsReceived holds that the quick way makes the rows of the API, alert by alert and field by field.
func TestWhatIsInsertedIsAsReceived(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Server) {
		never := 0
		alerts := append(Stacks(1, 1),
			Alert{Environment: "Development", Resource: "bare", Event: "Bare", Service: []string{"shop"}},
			Alert{
				Environment: "Production", Resource: `o'b"r/ü€\n.example.com:1`, Event: "A {b}, c", Severity: "minor", Text: "multi\nline",
				Service: []string{"a,b", `c"d`}, Tags: []string{"it's", "{}"}, Attributes: map[string]any{"k'": "v\"", "ip": "192.0.2.1"},
				Timeout: &never,
			})
		for _, severity := range []string{
			"security", "critical", "major", "minor", "warning", "indeterminate", "informational", "normal", "ok", "cleared", "debug",
			"trace", "unknown",
		} {
			alerts = append(alerts, Alert{
				Environment: "Production", Resource: "severities", Event: severity, Severity: severity, Service: []string{"shop"},
			})
		}
		read := func() []map[string]any {
			found := list(t, s, s.Key(Admin))
			byName := map[string]map[string]any{}
			for _, alert := range found {
				at := []string{"createTime", "receiveTime", "lastReceiveTime", "updateTime"}
				for _, field := range append(at, "id", "lastReceiveId", "href") {
					assert.NotEmpty(t, alert[field], field)
					delete(alert, field)
				}
				for _, entry := range alert["history"].([]any) {
					for _, field := range []string{"id", "href", "updateTime"} {
						delete(entry.(map[string]any), field)
					}
				}
				// Alerta names its own process as the origin of what has none.
				delete(alert, "origin")
				// Alerta keeps tags as a set.
				slices.SortFunc(alert["tags"].([]any), func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
				byName[fmt.Sprint(alert["resource"], alert["event"])] = alert
			}
			sorted := make([]map[string]any, len(alerts))
			for i, alert := range alerts {
				sorted[i] = byName[alert.Resource+alert.Event]
				require.NotNil(t, sorted[i], alert.Resource)
			}
			return sorted
		}
		s.Send(t, alerts...)
		received := read()
		s.Reset(t)
		s.Insert(t, alerts...)
		for i, inserted := range read() {
			assert.Equal(t, received[i], inserted)
		}
	})
}

// TestTenThousandAlerts holds what the tests of scale stand on.
func TestTenThousandAlerts(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Server) {
		s.Insert(t, Stacks(100, 100)...)
		assert.Equal(t, 10_000, s.Count(t))
		ids := map[string]bool{}
		for _, alert := range list(t, s, s.Key(Reader)) {
			ids[alert["id"].(string)] = true
		}
		assert.Len(t, ids, 10_000)
		alerts := s.Alerts(t)
		require.Len(t, alerts, 10_000)
		assert.True(t, ids[alerts[0].ID])
		assert.Equal(t, []string{"stack=s1"}, alerts[0].Tags)
		assert.Equal(t, alerts[0].ID, alerts[0].LastReceiveID)
	})
}

func TestATestGetsAnEmptyServer(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Server) {
		var key string
		t.Run("first", func(t *testing.T) {
			s := Start(t, s.Version)
			first := s.Send(t, Stacks(2, 10)...)
			assert.NotContains(t, first, "")
			s.Beat(t, Heartbeat{Origin: "probe", Tags: []string{"stack=s1"}})
			s.BlackOut(t, Blackout{Environment: "Production", Tags: []string{"stack=s1"}})
			s.AddUser(t, "user@example.com", "secret-password")
			key = s.AddKey(t, "", "read:alerts")
			assert.Len(t, list(t, s, key), 20)
		})
		again := Start(t, s.Version)
		assert.NotEqual(t, s.URL, again.URL, "two tests at once have two servers")
		assert.Empty(t, again.Alerts(t))
		assert.Empty(t, again.Heartbeats(t))
		assert.Empty(t, again.Blackouts(t))
		assert.Equal(t, http.StatusUnauthorized, again.Do(t, key, "GET", "/alerts/count", nil).Status)
		login := map[string]string{"username": "user@example.com", "password": "secret-password"}
		assert.Equal(t, http.StatusUnauthorized, again.Do(t, "", "POST", "/auth/login", login).Status)
		assert.Equal(t, http.StatusOK, again.Do(t, again.Key(Reader), "GET", "/alerts/count", nil).Status)
	})
}

func TestWhatIsKeptIsRead(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Server) {
		timeout := 60
		beat := Heartbeat{Origin: "probe/ü", Tags: []string{"stack=s1", "it's"}, Attributes: map[string]any{"a": "b"}, Timeout: &timeout}
		beat.ID = s.Beat(t, beat)
		assert.Equal(t, []Heartbeat{beat}, s.Heartbeats(t))
		expired := func() bool {
			return strings.Contains(string(s.Do(t, s.Key(Reader), "GET", "/heartbeats", nil).Body), `"expired"`)
		}
		assert.False(t, expired())
		s.Age(t, time.Hour, beat.ID)
		assert.True(t, expired())

		out := Blackout{
			Environment: "Production", Resource: "web1", Service: []string{"shop"}, Event: "Down", Group: "Web", Tags: []string{"stack=s1"},
			Origin: "probe", Text: "gone", StartTime: "2030-01-02T03:04:05.000Z",
			EndTime: "2030-01-02T03:05:35.000Z",
		}
		out.ID = s.BlackOut(t, out)
		out.Duration = 90
		assert.Equal(t, []Blackout{out}, s.Blackouts(t))
	})
}

func TestKeysHaveTheirRights(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Server) {
		const nowhere = "/alert/00000000-0000-4000-8000-000000000000"
		for _, c := range []struct {
			key, method, path string
			status            int
			message           string
		}{
			{s.Key(Admin), "GET", "/keys", 200, ""},
			{s.Key(Ansible), "GET", "/keys", 403, "Missing required scope: read:keys"},
			{s.Key(Ansible), "DELETE", nowhere, 404, "not found"},
			{s.Key(Ansible), "POST", "/management/housekeeping?expired=1", 200, ""},
			{s.Key(Reader), "GET", "/blackouts", 200, "not found"},
			{s.Key(Reader), "DELETE", nowhere, 403, "Missing required scope: delete:alerts"},
			{s.AddKey(t, "", "write:heartbeats"), "GET", "/alerts", 403, "Missing required scope: read:alerts"},
			{"", "GET", "/alerts", 401, "Missing authorization API Key or Bearer Token"},
			{"nobody's", "GET", "/alerts", 401, "API key parameter 'nobody's' is invalid"},
		} {
			answer := s.Do(t, c.key, c.method, c.path, nil)
			assert.Equal(t, c.status, answer.Status, "%s %s %s", c.method, c.path, answer.Body)
			assert.Equal(t, c.message, answer.Message(), "%s %s", c.method, c.path)
		}
	})
}

func TestUsersLogIn(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Server) {
		s.AddUser(t, "user@example.com", "secret-password")
		answer := s.Do(t, "", "POST", "/auth/login", map[string]string{"username": "user@example.com", "password": "secret-password"})
		var login struct{ Token string }
		require.NoError(t, json.Unmarshal(answer.Body, &login))
		for path, status := range map[string]int{"/alerts/count": 200, "/management/housekeeping": 403} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
			require.NoError(t, err)
			request.Header.Set("Authorization", "Bearer "+login.Token)
			response, err := s.http.Do(request)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			assert.Equal(t, status, response.StatusCode, path)
		}
	})
}

func TestSettingsAreOfOneServer(t *testing.T) {
	t.Parallel()
	s := Start(t, Newest, Setting("CUSTOMER_VIEWS = True"), Setting("DELETE_SCOPES = ['delete:alerts']"))
	s.Insert(t,
		Alert{Environment: "Production", Resource: "web1", Event: "Down", Customer: "one"},
		Alert{Environment: "Production", Resource: "web1", Event: "Down", Customer: "other"})
	assert.Len(t, list(t, s, s.Key(Admin)), 2)
	assert.Len(t, list(t, s, s.AddKey(t, "one", "read:alerts")), 1)
	path := "/alert/" + s.Alerts(t)[0].ID
	assert.Equal(t, http.StatusForbidden, s.Do(t, s.AddKey(t, "", "write:alerts"), "DELETE", path, nil).Status)
	assert.Equal(t, http.StatusOK, s.Do(t, s.AddKey(t, "", "delete:alerts"), "DELETE", path, nil).Status)
	assert.Equal(t, 1, s.Count(t))
}

// TestBlackoutsWork holds that the server's plugins are there; 9.0.4 goes on without them where its surroundings are too new.
func TestBlackoutsWork(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Server) {
		s.BlackOut(t, Blackout{Environment: "Production", Tags: []string{"stack=s1"}})
		assert.NotEmpty(t, s.Send(t, Stacks(1, 1)...)[0])
		assert.Empty(t, s.Alerts(t))
	})
}

// TestWhatIsWrittenOutlivesTheServer holds the ways in which a server ends and comes back.
func TestWhatIsWrittenOutlivesTheServer(t *testing.T) {
	t.Parallel()
	s := Start(t, Newest)
	s.Insert(t, Stacks(1, 3)...)
	s.Restart(t)
	assert.Equal(t, 3, s.Count(t))
	s.Kill(t)
	_, err := s.do(t, s.Key(Reader), "GET", "/alerts", nil)
	require.Error(t, err)
	s.Restart(t)
	assert.Len(t, list(t, s, s.Key(Reader)), 3)
}

func TestAServerLeavesNothing(t *testing.T) {
	t.Parallel()
	s := Start(t, Newest)
	apart, err := start(scripts(t), s.Version, nil)
	require.NoError(t, err)
	var groups []string
	for _, file := range []string{"alerta.pid", "postgres.pid"} {
		group, err := apart.process.Text(file)
		require.NoError(t, err)
		groups = append(groups, group)
	}
	assert.NotEmpty(t, running(t, groups))
	require.NoError(t, apart.end())
	assert.Empty(t, running(t, groups))
	assert.NoDirExists(t, apart.process.Dir)
}

// running gives the processes of groups that have not ended.
func running(t *testing.T, groups []string) []string {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	var found []string
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest) // state, parent, group
		if len(fields) > 2 && fields[0] != "Z" {
			for _, group := range groups {
				if fields[2] == group {
					found = append(found, path)
				}
			}
		}
	}
	return found
}

// TestTheRecorderPassesEverythingOn holds that the module meets the real server behind it, below any base path.
func TestTheRecorderPassesEverythingOn(t *testing.T) {
	t.Parallel()
	s := Start(t, Newest)
	for _, base := range []string{"", "/api"} {
		s.Reset(t)
		s.Insert(t, Stacks(10, 1)...)
		r := s.Record(t, base, emulator.Options{})
		through := &Server{URL: r.URL, http: s.http}
		query := "?sort-by=createTime&q=" + url.QueryEscape(`tags:"stack=s1"`)
		answer := through.Do(t, s.Key(Ansible), "GET", "/alerts"+query, nil)
		var page struct{ Alerts []Alert }
		require.NoError(t, json.Unmarshal(answer.Body, &page), "%s", answer.Body)
		require.Len(t, page.Alerts, 1)
		path := "/alert/" + page.Alerts[0].ID
		assert.Equal(t, 200, through.Do(t, s.Key(Ansible), "PUT", path+"/action", map[string]string{"action": "ack"}).Status)
		r.Inject(emulator.On("DELETE", base+path, 1, emulator.Fault{Kind: emulator.StatusAfter, Status: 500}))
		assert.Equal(t, 500, through.Do(t, s.Key(Ansible), "DELETE", path, nil).Status)
		assert.Equal(t, 404, through.Do(t, s.Key(Ansible), "DELETE", path, nil).Status, "the fault came after it was deleted")
		assert.Equal(t, 9, s.Count(t))
		assert.Equal(t, 3, r.Writes())
		assert.Equal(t, 1, r.Count("GET", base+"/alerts"))
		if base != "" {
			outside := &Server{URL: strings.TrimSuffix(r.URL, base), http: s.http}
			assert.Equal(t, 404, outside.Do(t, s.Key(Ansible), "GET", "/alerts", nil).Status)
		}
	}
}

// TestStart_RefusesAFolderThatTheServerMayNotEnter holds what root is told below a home folder of mode 0700.
func TestStart_RefusesAFolderThatTheServerMayNotEnter(t *testing.T) {
	t.Parallel()
	servertest.Need(t, "Alerta", RequireVariable, missing(t, Newest))
	if os.Getuid() != 0 {
		t.Skip("only root starts the server as another user")
	}
	home := t.TempDir()
	require.NoError(t, os.Chmod(home, 0o700))
	output, err := exec.CommandContext(t.Context(), filepath.Join(scripts(t), "start.sh"), filepath.Join(home, "server")).CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(output), "the user postgres may not enter "+home+"/server: as root take a folder that everybody may enter")
	assert.NoFileExists(t, filepath.Join(home, "server", "pid"))
}
