// SPDX-License-Identifier: GPL-3.0-or-later

package playbooks_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules/alerta/alertatest"
	"github.com/stackwatch/ansible-monitoring/modules/icinga2/icingatest"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible/ansibletest"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible/playtest"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake/conformtest"
)

var (
	library    playtest.Library
	collection playtest.Collection
)

func TestMain(m *testing.M) {
	m.Run()
	if err := errors.Join(library.Remove(), collection.Remove()); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// token is what the emulated account wants; its form makes it easy to find where it must not be.
const token = "play-token-9f27c1"

// world is a controller and what its plays talk to: emulated accounts at StatusCake and Pingdom, and where a test asks for them real
// servers of Icinga 2 and Alerta.
type world struct {
	*playtest.Controller
	*statuscake.Emulator
	pingdom   *pingdom.Emulator
	accounts  []account         // all of them
	variables map[string]string // of plays that are made from examples
	t         *testing.T
}

// account is what notes the calls that it gets.
type account interface {
	Calls() []emulator.Call
	ResetCalls()
	Writes() int
}

// sum adds up something of all accounts.
func (w world) sum(of func(account) int) int {
	n := 0
	for _, a := range w.accounts {
		n += of(a)
	}
	return n
}

// newWorld starts the accounts. Every call of a play to StatusCake is held against the vendor's file.
func newWorld(t *testing.T, options emulator.Options) world {
	t.Helper()
	return startWorld(t, options, func(account http.Handler) http.Handler { return conformtest.Wrap(t, account) })
}

// startWorld starts the accounts, the one at StatusCake behind whatever stands in front of it.
func startWorld(t *testing.T, options emulator.Options, front func(http.Handler) http.Handler) world {
	t.Helper()
	w := world{Controller: playtest.NewController(t, &library), Emulator: statuscake.New(options), pingdom: pingdom.New(options), t: t}
	w.accounts, w.variables = []account{w.Emulator, w.pingdom}, map[string]string{}
	w.AddContactGroup("Operations", "operations@example.com")
	w.pingdom.AddTeam("Operations", w.pingdom.AddContact("Jane Doe", "jane@example.com"))
	for vendor, account := range map[string]http.Handler{"STATUSCAKE": front(w.Emulator), "PINGDOM": w.pingdom} {
		server := httptest.NewServer(account)
		t.Cleanup(server.Close)
		w.Env[vendor+"_API_URL"] = server.URL + map[string]string{"STATUSCAKE": statuscake.BasePath, "PINGDOM": pingdom.BasePath}[vendor]
		w.Env[vendor+"_API_TOKEN"] = token
	}
	return w
}

// furnish makes what the examples of a module take for granted, and gives the world with the servers that they need.
func (w world) furnish(module string) world {
	w.t.Helper()
	switch module {
	case "pingdom_check", "pingdom_maintenance":
		w.addChecks(map[string][]string{"shop": {"cart liveness", "search liveness"}, "blog": {"frontend liveness"}})
	case "icinga2_service", "icinga2_host", "icinga2_downtime":
		server := icingatest.Start(w.t)
		switch module {
		case "icinga2_service":
			for _, host := range []string{"web1", "web2", "db1"} {
				server.Client(w.t, icingatest.Root).Put(w.t, "hosts", host, map[string]any{"check_command": "dummy"})
			}
		case "icinga2_downtime":
			server.Furnish(w.t)
		}
		recorder := server.Record(w.t, emulator.Options{})
		w.accounts = append(w.accounts, recorder)
		w.Env["ICINGA2_API_URL"], w.Env["ICINGA2_API_USERNAME"] = recorder.URL, icingatest.Ansible
		w.Env["ICINGA2_API_PASSWORD"] = server.Password(icingatest.Ansible)
		w.Env["SSL_CERT_FILE"] = server.CA // as if the system trusted it
	case "alerta_housekeeping":
		server := alertatest.Start(w.t, alertatest.Newest)
		server.Examples(w.t)
		recorder := server.Record(w.t, "/api", emulator.Options{})
		w.accounts = append(w.accounts, recorder)
		w.Env["ALERTA_ENDPOINT"], w.Env["ALERTA_API_KEY"] = recorder.URL, server.Key(alertatest.Ansible)
		w.variables["alerta_url"], w.variables["alerta_key"] = recorder.URL, server.Key(alertatest.Ansible)
	}
	return w
}

// addChecks puts checks of stacks into the Pingdom account, as pingdom_check makes them.
func (w world) addChecks(ofStacks map[string][]string) {
	for stack, names := range ofStacks {
		for _, name := range names {
			w.pingdom.Add(pingdom.Check{Name: name, Host: stack + ".example.com", Tags: []string{"managed_by-stackwatch", "stack-" + stack}})
		}
	}
}

// ownPlaybooks puts the repository's playbooks into the controller's folder "playbooks", and the collection that they call where Ansible
// finds it. The emulated account has no rate limit.
func (w world) ownPlaybooks() {
	w.t.Helper()
	require.NoError(w.t, os.CopyFS(filepath.Join(w.Dir, "playbooks"), os.DirFS(filepath.Join(ansibletest.Root(w.t), "playbooks"))))
	w.Write("playbooks/inventory/group_vars/all.yml", "api_rate_limit: 0\n")
	w.Env["ANSIBLE_COLLECTIONS_PATH"] = collection.Dir(w.t)
}

// own runs one of the repository's playbooks.
func (w world) own(playbook string, args ...string) playtest.Run {
	w.t.Helper()
	return w.Play("playbooks", append([]string{playbook}, args...)...)
}

// emulatorProgram builds the emulator as users run it.
func emulatorProgram(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "emulator")
	command := exec.Command("go", "build", "-buildvcs=false", "-o", program, "./pkg/emulator/cmd/emulator")
	command.Dir = ansibletest.Root(t)
	output, err := command.CombinedOutput()
	require.NoError(t, err, string(output))
	return program
}

// did runs a play that must end well, and gives the writes it sent to the account, as "METHOD name" in order of names.
func (w world) did(run func() playtest.Run) (playtest.Run, []string) {
	w.t.Helper()
	names := map[string]string{}
	remember := func() {
		for _, test := range w.Tests() {
			names[test.ID] = fullName(test)
		}
	}
	remember()
	w.ResetCalls()
	r := run()
	require.Zero(w.t, r.Code, r.Output)
	remember()
	writes := []string{}
	for _, call := range w.Calls() {
		switch {
		case call.Method == http.MethodPost:
			writes = append(writes, "POST "+call.Form.Get("name"))
		case call.Write():
			writes = append(writes, call.Method+" "+names[filepath.Base(call.Path)])
		}
	}
	slices.Sort(writes)
	return r, writes
}

// fullName is a test's name after its stack's.
func fullName(test statuscake.Test) string {
	for _, tag := range test.Tags {
		if stack, ok := strings.CutPrefix(tag, "stack:"); ok {
			return stack + "/" + test.Name
		}
	}
	return test.Name
}

// held gives the names of the account's tests, sorted.
func (w world) held() []string {
	names := []string{}
	for _, test := range w.Tests() {
		names = append(names, fullName(test))
	}
	slices.Sort(names)
	return names
}

// unlimited is an account without rate limit that wants the token.
func unlimited() emulator.Options { return emulator.Options{Token: token} }

// taskPlay is a playbook of one play on the controller with these tasks, each indented by four spaces.
func taskPlay(tasks string) string {
	return "- hosts: localhost\n  gather_facts: false\n  module_defaults: {status_cake_test: &fast {api_rate_limit: 0}, pingdom_check: *fast, pingdom_maintenance: *fast}\n  tasks:\n" + indent(tasks, 4)
}

func indent(text string, n int) string {
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		if strings.TrimSpace(line) != "" {
			lines[i] = strings.Repeat(" ", n) + line
		}
	}
	return strings.Join(lines, "")
}
