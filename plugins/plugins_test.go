// SPDX-License-Identifier: GPL-3.0-or-later

// Package plugins_test holds the collection as users get it: installed from its tarball, with every version of ansible-core that is supported.
package plugins_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible/ansibletest"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible/playtest"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
)

const (
	// tarballVariable names the tarball; `make collection` builds it.
	tarballVariable = "STACKWATCH_TARBALL"
	// requireVariable set to 1 makes a test that cannot run fail, where it otherwise is skipped.
	requireVariable = "STACKWATCH_REQUIRE_COLLECTION"
	// token is what the emulated account wants; its form makes it easy to find where it must not be.
	token = "matrix-token-5b81d0"
)

// skip leaves a test out, unless it is required.
func skip(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv(requireVariable) == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// tarball is the collection's file.
func tarball(t testing.TB) string {
	t.Helper()
	path := os.Getenv(tarballVariable)
	if path == "" {
		found, err := filepath.Glob(filepath.Join(ansibletest.Root(t), "stackwatch-monitoring-*.tar.gz"))
		require.NoError(t, err)
		if len(found) != 1 {
			skip(t, "needs the collection's tarball: run `make collection`")
		}
		path = found[0]
	}
	return path
}

// cores gives the folders of Ansible's programs by the version of ansible-core: the project's own, and those that `make cores` installed.
func cores(t *testing.T) map[string]string {
	t.Helper()
	own := filepath.Dir(ansibletest.Tool(t, "ansible-playbook"))
	found, err := filepath.Glob(filepath.Join(ansibletest.Root(t), ".cache", "core", "*", "bin"))
	require.NoError(t, err)
	folders := map[string]string{}
	for _, folder := range append(found, own) {
		installed, err := filepath.Glob(filepath.Join(folder, "..", "lib", "python*", "site-packages", "ansible_core-*.dist-info"))
		require.NoError(t, err)
		require.Len(t, installed, 1, folder)
		_, version, _ := strings.Cut(filepath.Base(installed[0]), "-")
		folders[strings.TrimSuffix(version, ".dist-info")] = folder
	}
	return folders
}

// site is a controller with the collection, installed from its tarball, and an emulated account.
type site struct {
	*playtest.Controller
	account *statuscake.Emulator
	url     string
	t       testing.TB
}

func newSite(t testing.TB, tools string, options emulator.Options) site {
	t.Helper()
	s := site{Controller: playtest.NewController(t, nil), account: statuscake.New(options), t: t}
	if tools != "" {
		s.Tools = tools
	}
	server := httptest.NewServer(s.account)
	t.Cleanup(server.Close)
	s.url = server.URL + statuscake.BasePath
	s.Env["ANSIBLE_COLLECTIONS_PATH"], s.Env["ANSIBLE_COLLECTIONS_SCAN_SYS_PATH"] = installed.by(t, s.Controller), "false"
	s.Env["STATUSCAKE_API_URL"] = s.url
	for _, name := range []string{"matrix.yml", "elsewhere.yml"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		s.Write(name, string(text))
	}
	return s
}

// installations are empty folders into which each version of Ansible installed the tarball once; nothing else is in them.
type installations struct {
	mu      sync.Mutex
	folders map[string]string // by the folder of Ansible's programs
}

var installed = installations{folders: map[string]string{}}

func (i *installations) by(t testing.TB, c *playtest.Controller) string {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.folders[c.Tools] == "" {
		folder, err := os.MkdirTemp("", "stackwatch-collections-") //nolint:usetesting // it outlives this test
		require.NoError(t, err)
		output, err := c.Command("", "ansible-galaxy", "collection", "install", "--offline", tarball(t), "-p", folder).CombinedOutput()
		require.NoError(t, err, string(output))
		i.folders[c.Tools] = folder
	}
	return i.folders[c.Tools]
}

// ownCopy gives the site a copy of the collection that it may spoil, and tells where this machine's program is in it.
func (s site) ownCopy() (program string) {
	s.t.Helper()
	copied := s.t.TempDir()
	output, err := exec.CommandContext(s.t.Context(), "cp", "-a", s.Env["ANSIBLE_COLLECTIONS_PATH"]+"/.", copied).CombinedOutput()
	require.NoError(s.t, err, string(output))
	s.Env["ANSIBLE_COLLECTIONS_PATH"] = copied
	return filepath.Join(copied, "ansible_collections", "stackwatch", "monitoring", "plugins", "bin", "stackwatch_"+runtime.GOOS+"_"+runtime.GOARCH)
}

// reseal writes a program's checksum into the list of the collection's files, as if the collection had been installed with it.
func (s site) reseal(program string) {
	s.t.Helper()
	listed := filepath.Join(filepath.Dir(program), "..", "..", "FILES.json")
	text, err := os.ReadFile(listed)
	require.NoError(s.t, err)
	var list map[string]any
	require.NoError(s.t, json.Unmarshal(text, &list))
	content, err := os.ReadFile(program)
	require.NoError(s.t, err)
	files, _ := list["files"].([]any)
	for _, file := range files {
		if entry, _ := file.(map[string]any); entry["name"] == "plugins/bin/"+filepath.Base(program) {
			entry["chksum_sha256"] = fmt.Sprintf("%x", sha256.Sum256(content))
		}
	}
	text, err = json.Marshal(list)
	require.NoError(s.t, err)
	require.NoError(s.t, os.WriteFile(listed, text, 0o600))
}

func TestMain(m *testing.M) {
	m.Run()
	for _, folder := range installed.folders {
		if err := os.RemoveAll(folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}

// vaulted is a task whose token stands in it encrypted.
func (s site) vaulted() string {
	s.t.Helper()
	output, err := s.Command("", "ansible-vault", "encrypt_string", "--vault-password-file", "password", "--name", "api_key", token).Output()
	require.NoError(s.t, err)
	return "- name: Inline vault\n  stackwatch.monitoring.status_cake_test:\n    name: vault\n    website_url: https://a.example.com\n    " +
		strings.ReplaceAll(strings.TrimSpace(string(output)), "\n", "\n    ") + "\n"
}

// play runs a playbook whose only argument of its own is the inventory.
func (s site) play(playbook, inventory string, args ...string) playtest.Run {
	s.t.Helper()
	s.Write("password", "correct horse\n")
	s.Write("vault.yml", s.vaulted())
	s.Write("hosts.ini", inventory+"\n[all:vars]\nansible_python_interpreter='{{ ansible_playbook_python }}'\n")
	return s.Play("", append([]string{
		"-i", "hosts.ini", "--vault-password-file", "password", "--forks", "10", "-e", "key=" + token, "-e", "url=" + s.url, "-e", "state=" + s.Home(), playbook,
	}, args...)...)
}

// expect holds what became of each case: its verdicts in the order of the play, told once for those that are all the same.
func expect(t *testing.T, run playtest.Run, verdicts map[string]string) {
	t.Helper()
	got := map[string]string{}
	for _, result := range run.Results {
		if len(got[result.Task]) == 0 || got[result.Task] != result.Verdict {
			got[result.Task] = strings.TrimPrefix(got[result.Task]+" "+result.Verdict, " ")
		}
	}
	for task, verdict := range got {
		if _, known := verdicts[task]; !known && verdict != "ok" {
			assert.Fail(t, "a case that nobody expected", "%s: %s", task, verdict)
		}
	}
	for task, verdict := range verdicts {
		assert.Equal(t, verdict, got[task], "%s: %v", task, run.Of(task))
	}
	assert.NotContains(t, run.Output, token, "the token is a secret")
	if t.Failed() {
		t.Log(run.Output)
	}
}

func TestEveryWayToCallOnEveryCore(t *testing.T) {
	t.Parallel()
	for version, tools := range cores(t) {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, tools, emulator.Options{Token: token})
			var many strings.Builder
			for i := range 50 {
				fmt.Fprintf(&many, "host%d ansible_host=192.0.2.%d\n", i, i+1) // none of them exists
			}
			run := s.play("matrix.yml", "localhost ansible_connection=local\n[many]\n"+many.String())
			expect(t, run, map[string]string{
				"Full name": "changed", "Full name again": "ok", "Check mode": "changed", "Nothing came of check mode": "ok", "Diff": "changed",
				"Environment": "ok", "Loop": "changed", "Date": "changed", "Unsafe string": "changed", "Not ASCII": "changed", "Three megabytes": "ok",
				"No log": "changed", "Inline vault": "changed", "Async": "changed", "In the background": "changed",
				"The end of what was in the background": "changed", "Unknown option": "failed", "Wrong choice": "failed", "Half of it fails": "failed",
				"Mistyped secret": "failed", "Body of a text": "changed", "Body as Python shows it": "failed", "List for a text": "failed",
				"The name of an earlier module": "changed",
				"Module defaults":               "changed", "Module defaults of another module of the group": "failed", "Collections keyword": "changed",
				"Delegated to the controller": "changed", "Local action": "changed", "Local action as a mapping": "changed", "Connection": "ok",
			})
			s.sameAnswers(t, run)
			s.Write("removed.yml", "- hosts: localhost\n  tasks:\n    - stackwatch.monitoring.status_cake_ssl: {domain: \"https://a.example.com\"}\n")
			assert.Contains(t, s.play("removed.yml", "localhost ansible_connection=local\n").Output, "There is no module for SSL checks yet.")
		})
	}
}

// sameAnswers holds what the answers say, which no version of Ansible may change.
func (s site) sameAnswers(t *testing.T, run playtest.Run) {
	t.Helper()
	message := func(task string) string {
		results := run.Of(task)
		require.NotEmpty(t, results, task)
		text, _ := results[0].Answer["msg"].(string)
		return text
	}
	assert.Contains(t, message("Unknown option"), "Unsupported parameters for (stackwatch.monitoring.status_cake_test) module: colour.")
	assert.Equal(t, "value of state must be one of: present, absent, got: gone", message("Wrong choice"))
	assert.Equal(t, "value of post_raw must be a text, or a dictionary or list that is sent as JSON, got the text that Python shows of one; write {{ … | to_json }}",
		message("Body as Python shows it"))
	assert.Contains(t, message("List for a text"), "value of find_string must be a text, got a list")
	assert.Contains(t, message("Half of it fails"), "refused")
	assert.Equal(t, true, run.Of("Half of it fails")[0].Answer["changed"], "what was done is told beside the failure")
	assert.Contains(t, message("Module defaults of another module of the group"), "api_", "the group's default reached a module that has no such option")
	assert.Contains(t, run.Output, "+ ", "the difference is shown")
	names := []string{}
	for _, test := range s.account.Tests() {
		names = append(names, test.Name)
	}
	want := []string{"full name", "earlier", "loop 1", "loop 2", "loop 3", "Bücher für Zoë 日本 🚀", "not logged", "vault", "async", "in the background", "whole",
		"defaults", "short name", "local"}
	for i := range 50 {
		want = append(want, "host"+strconv.Itoa(i))
	}
	assert.ElementsMatch(t, want, names)
	i := slices.IndexFunc(s.account.Tests(), func(test statuscake.Test) bool { return test.Name == "full name" })
	require.GreaterOrEqual(t, i, 0)
	assert.JSONEq(t, `{"field1": "result1", "yes": true}`, s.account.Tests()[i].PostRaw)
	assert.ElementsMatch(t, []string{"{% raw %}", "50 %} off"}, s.account.Tests()[i].Tags)
}

func TestEveryCoreOnAnotherHost(t *testing.T) {
	t.Parallel()
	host := startSSH(t)
	nowhere := noPrograms(t)
	for version, tools := range cores(t) {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, tools, emulator.Options{Token: token})
			s.Env["ANSIBLE_LOCAL_TEMP"] = nowhere
			run := s.play("elsewhere.yml", fmt.Sprintf("localhost ansible_connection=local\nelsewhere %[1]s\nhardened %[1]s ansible_remote_tmp=%[2]s ansible_system_tmpdirs='[\"%[2]s\"]'\n",
				host.variables(), nowhere), "-vvv")
			assert.Contains(t, run.Output, "programs cannot be run in the host's temporary folder; using ")
			expect(t, run, map[string]string{
				"Over a connection": "changed", "In the background there": "changed", "Inline vault": "changed", "Become there": "changed", "With facts": "ok",
				"Delegated over a connection": "ok", "Become here": "ok", "No programs in the temporary folder": "ok", "Nor in that of another user": "ok",
				"In the background without programs in the temporary folder":                 "ok",
				"In the background on a controller without programs in the temporary folder": "ok",
				"In the background on another host without programs in the temporary folder": "ok",
				"In the background on a controller for another host":                         "ok",
				"A module of Ansible's own in the background there":                          "ok",
			})
		})
	}
}

// shell is a real SSH server on this machine.
type shell struct{ port, key string }

func (s shell) variables() string {
	return fmt.Sprintf("ansible_host=127.0.0.1 ansible_port=%s ansible_user=root ansible_ssh_private_key_file=%s "+
		"ansible_ssh_common_args='-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ControlMaster=no'", s.port, s.key)
}

func startSSH(t *testing.T) shell {
	t.Helper()
	server, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil || os.Getuid() != 0 {
		skip(t, "needs an SSH server (openssh-server) and root, who can become another user")
	}
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll("/run/sshd", 0o755))
	for _, name := range []string{"host", "user"} {
		output, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, name)).CombinedOutput()
		require.NoError(t, err, string(output))
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(free.Addr().String())
	require.NoError(t, err)
	require.NoError(t, free.Close())
	config := filepath.Join(dir, "config")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, "ListenAddress 127.0.0.1\nPort %s\nHostKey %s\nAuthorizedKeysFile %s\nStrictModes no\nUsePAM no\n"+
		"PidFile none\nPermitRootLogin yes\nPasswordAuthentication no\nMaxStartups 100\nMaxSessions 100\nSubsystem sftp internal-sftp\n", port, filepath.Join(dir, "host"), filepath.Join(dir, "user.pub")), 0o600))
	command := exec.CommandContext(t.Context(), server, "-D", "-e", "-f", config)
	log, err := command.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() { _ = command.Wait() }) // the test's context has ended it
	lines := bufio.NewScanner(log)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "Server listening") {
		t.Log(lines.Text())
	}
	require.NoError(t, lines.Err())
	go func() {
		for lines.Scan() { // so that it never waits for a reader
		}
	}()
	return shell{port, filepath.Join(dir, "user")}
}

// noPrograms is a folder that everybody may write to, on a file system from which nothing can be run.
func noPrograms(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "stackwatch-noexec-") //nolint:usetesting // where others may look into
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.Remove(dir) })
	output, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "noexec,mode=1777", "tmpfs", dir).CombinedOutput()
	if err != nil {
		skip(t, "needs to mount a file system: %s", output)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "--lazy", dir).Run() })
	return dir
}
