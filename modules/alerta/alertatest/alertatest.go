// SPDX-License-Identifier: GPL-3.0-or-later

// Package alertatest runs the real Alerta for tests: servers of their own folder, port and database, which are empty when a test
// gets them, what they hold without the module that is tested, and a recorder that stands in front of one, counts its calls and
// makes them fail.
//
// The servers are started by molecule/alerta/server/start.sh, with the keys that are described there.
package alertatest

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible/ansibletest"
	"github.com/stackwatch/ansible-monitoring/pkg/servertest"
)

// RequireVariable set to 1 makes a test without Alerta fail, where it otherwise is skipped.
const RequireVariable = "STACKWATCH_REQUIRE_ALERTA"

// The versions that are installed for tests.
const (
	Newest = "9.1.0"
	Older  = "9.0.4" // its housekeeping expires 50 alerts a call
)

// Versions gives both, and with -short the newest alone: the race detector looks at our programs, which are the same for both.
func Versions() []string {
	if testing.Short() {
		return []string{Newest}
	}
	return []string{Newest, Older}
}

// The names of the keys of every server.
const (
	Admin   = "admin"   // may do everything: for the tests' own calls
	Ansible = "ansible" // has the least that the module needs
	Reader  = "reader"  // only looks
)

// Server is one Alerta on loopback.
type Server struct {
	// URL is http, the address and the port, without a path; it stays the same over a restart.
	URL     string
	Version string

	process  *servertest.Process
	database database
	keys     map[string]string // by name
	http     *http.Client
	stopped  bool // by the test
	logged   int  // how long the log was when the test got the server
}

// Option changes what a server is started with.
type Option func(*setup)

type setup struct{ settings []string }

// Setting gives a server a setting of Alerta's, in Python: Setting("DELETE_SCOPES = ['delete:alerts']").
// The names are in https://docs.alerta.io/configuration.html.
func Setting(line string) Option {
	return func(s *setup) { s.settings = append(s.settings, line) }
}

// Start gives a test an empty server of a version for itself, until the test ends. Where Alerta is not installed, the test is
// skipped, or fails if it is required.
//
// A server without settings of its own goes from test to test, which costs nothing but the emptying.
func Start(t testing.TB, version string, options ...Option) *Server {
	t.Helper()
	servertest.Need(t, "Alerta", RequireVariable, missing(t, version))
	var o setup
	for _, option := range options {
		option(&o)
	}
	var s *Server
	if len(o.settings) == 0 {
		s = idle.take(version)
	}
	if s == nil {
		var err error
		if s, err = start(scripts(t), version, o.settings); err != nil {
			t.Fatal(err)
		}
	} else {
		s.Reset(t)
	}
	s.logged = 0
	s.logged = len(s.Log(t))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Alerta's log:\n%s", s.Log(t))
		}
		if len(o.settings) == 0 && !s.stopped {
			idle.give(s)
			return
		}
		if err := s.end(); err != nil {
			t.Errorf("ending Alerta: %v", err)
		}
	})
	return s
}

// shelf holds the servers that no test uses now, by their version. They end with the process, whatever ends that.
type shelf struct {
	mu      sync.Mutex
	servers map[string][]*Server
}

var idle = &shelf{servers: map[string][]*Server{}}

func (i *shelf) give(s *Server) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.servers[s.Version] = append(i.servers[s.Version], s)
}

func (i *shelf) take(version string) *Server {
	i.mu.Lock()
	defer i.mu.Unlock()
	servers := i.servers[version]
	if len(servers) == 0 {
		return nil
	}
	last := len(servers) - 1
	i.servers[version] = servers[:last]
	return servers[last]
}

// missing gives what a server of a version lacks on this machine, or an empty text.
func missing(t testing.TB, version string) string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(ansibletest.Root(t), ".cache", "alerta", version, "bin", "gunicorn")); err != nil {
		return "Alerta " + version
	}
	if found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb"); err != nil || len(found) == 0 {
		if _, err := exec.LookPath("initdb"); err != nil {
			return "PostgreSQL"
		}
	}
	return servertest.Missing("curl")
}

func scripts(t testing.TB) string {
	t.Helper()
	return filepath.Join(ansibletest.Root(t), "molecule", "alerta", "server")
}

func start(scripts, version string, settings []string) (*Server, error) {
	process, err := servertest.New("alerta-", scripts)
	if err != nil {
		return nil, err
	}
	// Idle connections end sooner than the server's thirty seconds, so that no call meets a closing one.
	transport := &http.Transport{MaxIdleConnsPerHost: connections, IdleConnTimeout: 5 * time.Second}
	s := &Server{Version: version, process: process, http: &http.Client{Transport: transport}}
	text := strings.Join(settings, "\n") + "\n"
	if err := os.WriteFile(filepath.Join(process.Dir, "settings.conf"), []byte(text), 0o600); err != nil {
		return nil, errors.Join(err, s.end())
	}
	if err := process.Start("0", version); err != nil {
		return nil, errors.Join(err, s.end())
	}
	port, noPort := process.Text("port")
	keys, noKeys := process.Words("keys")
	if err := errors.Join(noPort, noKeys); err != nil {
		return nil, errors.Join(err, s.end())
	}
	s.URL, s.keys = "http://127.0.0.1:"+port, keys
	return s, nil
}

func (s *Server) end() error {
	s.http.CloseIdleConnections()
	s.database.close()
	return s.process.End()
}

// Key gives the key of a name, or an empty one where there is none.
func (s *Server) Key(name string) string { return s.keys[name] }

// AddKey makes a key for one test with the given scopes and no others, and gives it. Customer may be empty; it counts where the
// setting CUSTOMER_VIEWS is on.
func (s *Server) AddKey(t testing.TB, customer string, scopes ...string) string {
	t.Helper()
	key := "key-" + rand.Text()
	s.sql(t, `INSERT INTO keys (id, key, "user", scopes, text, expire_time, count, customer)
		SELECT gen_random_uuid(), key, 'test@alerta.io', scopes, 'test', 'infinity', 0, nullif(customer, '')
		FROM jsonb_to_record(`+quoted(t, map[string]any{"key": key, "scopes": scopes, "customer": customer})+`)
			AS k(key text, scopes text[], customer text)`)
	return key
}

// AddUser makes a user for one test who may log in with a password, and has the rights that Alerta gives by default: to read and
// to write everything but the management.
func (s *Server) AddUser(t testing.TB, mail, password string) {
	t.Helper()
	user := map[string]any{"name": mail, "email": mail, "password": password, "roles": []string{"user"}}
	s.done(t, http.MethodPost, "/user", user)
}

// Reset empties the server: only its own keys stay.
func (s *Server) Reset(t testing.TB) {
	t.Helper()
	s.sql(t, `TRUNCATE alerts, blackouts, customers, groups, heartbeats, metrics, notes, perms, users;
		DELETE FROM keys WHERE text NOT IN ('admin', 'ansible', 'reader')`)
}

// Stop ends the server as an administrator would.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	s.stopped = true
	s.database.close()
	s.must(t, s.process.Stop())
}

// Kill ends the server at once, as a crash does.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	s.stopped = true
	s.database.close()
	s.must(t, s.process.Kill())
}

// Restart starts the server with what it had, after stopping it where it runs, and waits until it answers.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop(t)
	s.must(t, s.process.Start())
}

// Log gives what the server has printed since the test got it.
func (s *Server) Log(t testing.TB) string {
	t.Helper()
	text, err := s.process.Text("alerta.log")
	s.must(t, err)
	return text[s.logged:]
}

// sql runs statements in the database and gives the bare values that they print.
func (s *Server) sql(t testing.TB, statements string) string {
	t.Helper()
	out, err := s.database.run(s.process, statements)
	s.must(t, err)
	return out
}

// quoted gives a value as JSON in a literal of SQL.
func quoted(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return "'" + strings.ReplaceAll(string(text), "'", "''") + "'"
}

func (s *Server) must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("Alerta in %s: %v", s.process.Dir, err)
	}
}
