// SPDX-License-Identifier: GPL-3.0-or-later

// Package icingatest runs the real Icinga 2 for tests: servers of their own folder and port, which can be stopped, killed and
// reloaded, a plain client to look at them without the module that is tested, and a recorder that stands in front of one,
// counts its calls and makes them fail.
//
// The servers are started by molecule/icinga2/server/start.sh, with the users and the static objects that are described there.
package icingatest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible/ansibletest"
	"github.com/stackwatch/ansible-monitoring/pkg/servertest"
)

// RequireVariable set to 1 makes a test without Icinga 2 fail, where it otherwise is skipped.
const RequireVariable = "STACKWATCH_REQUIRE_ICINGA2"

// The users of every server.
const (
	Root    = "root"    // may do everything: for the tests' own calls
	Ansible = "ansible" // has the least that the modules need; a client certificate is known as this user too
	Reader  = "reader"  // only looks at hosts, services and downtimes
)

// Server is one Icinga 2 with its API on loopback.
type Server struct {
	// URL is https, the address and the port; it stays the same over a restart.
	URL string
	// Name is the one that the certificate holds. Only that of localhost holds the address in URL as well.
	Name string
	// CA is the path of the certificate of the authority that signed the server's.
	CA string
	// ClientCert and ClientKey are the paths of a client certificate of the user Ansible, and its key.
	ClientCert, ClientKey string

	process   *servertest.Process
	mu        sync.Mutex
	passwords map[string]string // by user
}

// Option changes what a server is started with.
type Option func(*setup)

type setup struct {
	name   string
	config map[string]string // by file name
}

// Named gives the server a name of its own and a certificate that holds nothing but that name, as Icinga 2's own set-up does.
func Named(name string) Option { return func(s *setup) { s.name = name } }

// Config adds a file of configuration, in Icinga 2's language; see Server.Configure.
func Config(file, text string) Option { return func(s *setup) { s.config[file] = text } }

// Start starts a server for one test, which ends with it. Where Icinga 2 is not installed, the test is skipped, or fails if it
// is required.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	need(t)
	s, err := start(scripts(t), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.process.End(); err != nil {
			t.Errorf("ending Icinga 2: %v", err)
		}
	})
	return s
}

// Shared gives the one server that all tests of the process share, under the conditions of Start. It ends with the process,
// whatever ends that. Tests that share it keep to objects with names of their own and do not stop it.
func Shared(t testing.TB) *Server {
	t.Helper()
	need(t)
	s, err := theShared(scripts(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// theShared starts the shared server once; the folder of scripts is the same in every call.
var theShared = func() func(string) (*Server, error) {
	var once sync.Once
	var s *Server
	var err error
	return func(scripts string) (*Server, error) {
		once.Do(func() { s, err = start(scripts) })
		return s, err
	}
}()

// need ends a test that cannot run here.
func need(t testing.TB) {
	t.Helper()
	servertest.Need(t, "Icinga 2", RequireVariable, servertest.Missing("icinga2"))
}

func scripts(t testing.TB) string {
	t.Helper()
	return filepath.Join(ansibletest.Root(t), "molecule", "icinga2", "server")
}

func start(scripts string, options ...Option) (*Server, error) {
	o := setup{config: map[string]string{}}
	for _, option := range options {
		option(&o)
	}
	process, err := servertest.New("icinga2-", scripts)
	if err != nil {
		return nil, err
	}
	pki := func(file string) string { return filepath.Join(process.Dir, "pki", file) }
	s := &Server{process: process, CA: pki("ca.crt"), ClientCert: pki("ansible.crt"), ClientKey: pki("ansible.key")}
	for _, file := range slices.Sorted(maps.Keys(o.config)) {
		if err := s.write(file, o.config[file]); err != nil {
			return nil, errors.Join(err, s.process.End())
		}
	}
	if err := s.process.Start("0", o.name); err != nil {
		return nil, errors.Join(err, s.process.End())
	}
	if err := s.learn(); err != nil {
		return nil, errors.Join(err, s.process.End())
	}
	return s, nil
}

// learn reads what start.sh has left.
func (s *Server) learn() error {
	name, noName := s.process.Text("name")
	port, noPort := s.process.Text("port")
	passwords, noPasswords := s.process.Words("passwords")
	s.Name, s.URL, s.passwords = name, "https://127.0.0.1:"+port, passwords
	return errors.Join(noName, noPort, noPasswords)
}

// Password gives the password of a user, or an empty one where nobody has that name.
func (s *Server) Password(user string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.passwords[user]
}

// AddUser makes a user for one test who has the given permissions and no others, and gives its name.
func (s *Server) AddUser(t testing.TB, permissions ...string) string {
	t.Helper()
	user, password := "user-"+rand.Text(), rand.Text()
	root := s.Client(t, Root)
	root.Put(t, "apiusers", user, map[string]any{"password": password, "permissions": permissions})
	t.Cleanup(func() { root.Delete(t, "apiusers", user) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passwords[user] = password
	return user
}

// Stop ends the server as an administrator would, and waits until it has written down what it knows.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	s.must(t, s.process.Stop())
}

// Kill ends the server at once, as a crash does.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	s.must(t, s.process.Kill())
}

// Restart starts the server with what it had, after stopping it where it runs, and waits until it answers.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop(t)
	s.must(t, s.process.Start())
}

// Reload makes the server read its configuration again, which it does in a new process, and waits until that one answers.
func (s *Server) Reload(t testing.TB) {
	t.Helper()
	s.beginReload(t)()
}

// HoldReload begins a reload and waits until the new process has read all files. The old one goes on answering, and confirms what the new
// one will not know. release lets the new one take its place, and waits until it answers.
func (s *Server) HoldReload(t testing.TB) (release func()) {
	t.Helper()
	const read = "test: all files are read"
	hold := filepath.Join(s.process.Dir, "run", "hold")
	s.must(t, os.WriteFile(hold, nil, 0o644))
	s.Configure(t, "hold.conf", fmt.Sprintf(`object HostGroup "hold" {
	log(LogInformation, "test", "all files are read")
	while (path_exists(%q)) { sleep(0.01) }
}
`, hold))
	log := len(s.Log(t))
	finish := s.beginReload(t)
	s.await(t, "the files are not read", func() bool { return strings.Contains(s.Log(t)[log:], read) })
	return func() {
		t.Helper()
		s.must(t, os.Remove(hold))
		finish()
	}
}

// beginReload gives a function that waits for its end.
func (s *Server) beginReload(t testing.TB) (finish func()) {
	t.Helper()
	before, log := s.ProgramStart(t), len(s.Log(t))
	pid, err := s.process.Text("pid")
	s.must(t, err)
	s.must(t, exec.Command("kill", "-s", "HUP", pid).Run())
	return func() {
		t.Helper()
		s.await(t, "no reload", func() bool {
			if now := s.Log(t)[log:]; strings.Contains(now, "reloading aborted") {
				t.Fatalf("the configuration was refused:\n%s", now)
			}
			start, err := s.programStart(t)
			return err == nil && start != before
		})
	}
}

// await waits until something has happened, at most half a minute.
func (s *Server) await(t testing.TB, not string, happened func() bool) {
	t.Helper()
	log := len(s.Log(t))
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 1500 {
		<-tick.C
		if happened() {
			return
		}
	}
	t.Fatalf("%s within half a minute:\n%s", not, s.Log(t)[log:])
}

// ProgramStart gives the time, in seconds since 1970, when the server's present process began.
func (s *Server) ProgramStart(t testing.TB) float64 {
	t.Helper()
	start, err := s.programStart(t)
	s.must(t, err)
	return start
}

// Configure writes a file below the folder of the static configuration, over what it held. It counts from the next Reload or Restart.
func (s *Server) Configure(t testing.TB, file, text string) {
	t.Helper()
	s.must(t, s.write(file, text))
}

func (s *Server) write(file, text string) error {
	path := filepath.Join(s.process.Dir, "etc", "conf.d", file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// Files gives the files of the objects that were created through the API, as they are on disk: the texts by their paths below
// the stage, such as conf.d/hosts/web1.conf, with the server's own escapes in the names.
func (s *Server) Files(t testing.TB) map[string]string {
	t.Helper()
	packages := filepath.Join(s.process.Dir, "data", "api", "packages", "_api")
	stage, err := os.ReadFile(filepath.Join(packages, "active-stage"))
	if os.IsNotExist(err) {
		return map[string]string{} // nothing was created yet
	}
	s.must(t, err)
	root := filepath.Join(packages, strings.TrimSpace(string(stage)))
	paths, err := filepath.Glob(filepath.Join(root, "conf.d", "*", "*.conf"))
	s.must(t, err)
	files := make(map[string]string, len(paths))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		s.must(t, err)
		files[strings.TrimPrefix(path, root+"/")] = string(text)
	}
	return files
}

// Log gives what the server has printed since its first start.
func (s *Server) Log(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.process.Dir, "icinga2.log"))
	s.must(t, err)
	return string(text)
}

func (s *Server) must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("Icinga 2 in %s: %v", s.process.Dir, err)
	}
}
