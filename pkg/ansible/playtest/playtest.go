// SPDX-License-Identifier: GPL-3.0-or-later

// Package playtest runs real playbooks in tests, with the modules as they are built for users.
//
// A test package builds the modules once (Library) and gives each test a Controller: a folder with library/ in it, as it
// stands beside a playbook, and with Ansible's own folders, so that tests neither share state nor leave any behind.
package playtest

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible/ansibletest"
)

// Library builds every module of the suite when it is first asked for. Remove it in TestMain.
type Library struct {
	once sync.Once
	dir  string
	err  error
}

// Dir gives a folder in the form of library/: each module's program and, beside it, its documentation.
func (l *Library) Dir(t testing.TB) string {
	t.Helper()
	l.once.Do(func() { l.dir, l.err = build(ansibletest.Root(t)) })
	if l.err != nil {
		t.Fatalf("building the modules: %v", l.err)
	}
	return l.dir
}

// Remove deletes what was built.
func (l *Library) Remove() error {
	if l.dir == "" {
		return nil
	}
	return os.RemoveAll(l.dir)
}

func build(root string) (string, error) {
	dir, err := os.MkdirTemp("", "playtest-library-")
	if err != nil {
		return "", err
	}
	mains, err := filepath.Glob(filepath.Join(root, "modules", "*", "*", "main.go"))
	if err != nil || len(mains) == 0 {
		return dir, fmt.Errorf("no module was found below %s/modules: %w", root, err)
	}
	args := []string{"build", "-buildvcs=false", "-o", dir + string(filepath.Separator)}
	for _, main := range mains {
		folder := filepath.Dir(main)
		args = append(args, folder)
		name := filepath.Base(folder) + ".yml"
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return dir, fmt.Errorf("a module has its documentation beside it: %w", err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return dir, err
		}
	}
	command := exec.Command("go", args...)
	command.Dir = root
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("go %v: %w\n%s", args, err, output)
	}
	return dir, nil
}

// Controller is one user's Ansible. Several plays may run on it at once.
type Controller struct {
	// Dir is the folder of playbooks; what is written there lies beside library/.
	Dir string
	// Env adds to the environment of every program, or overrides it. Nothing else of the test's environment gets through.
	Env map[string]string
	// Tools is the folder of Ansible's programs, the project's own unless a test sets another.
	Tools string

	t    testing.TB
	home string
}

// NewController makes a controller whose folders go with the test; without a library it has no modules but Ansible's own. The test is
// skipped where there is no Ansible.
func NewController(t testing.TB, library *Library) *Controller {
	t.Helper()
	tools := filepath.Dir(ansibletest.Tool(t, "ansible-playbook"))
	c := &Controller{Dir: t.TempDir(), Env: map[string]string{}, Tools: tools, t: t, home: t.TempDir()}
	if library != nil {
		c.need(os.Symlink(library.Dir(t), filepath.Join(c.Dir, "library")))
	}
	c.need(os.WriteFile(filepath.Join(c.home, "playtest.py"), callback, 0o600))
	return c
}

// Write puts a file below Dir and returns its path.
func (c *Controller) Write(name, text string) string {
	c.t.Helper()
	path := filepath.Join(c.Dir, name)
	c.need(os.MkdirAll(filepath.Dir(path), 0o700))
	c.need(os.WriteFile(path, []byte(text), 0o600))
	return path
}

// Home is the home folder of the controller's user, where Ansible and the modules keep what they keep.
func (c *Controller) Home() string { return c.home }

// Command prepares a program of Ansible (ansible-doc, ansible-vault) or of the system, to run in a folder below Dir.
func (c *Controller) Command(folder, program string, args ...string) *exec.Cmd {
	c.t.Helper()
	if path := filepath.Join(c.Tools, program); fileExists(path) {
		program = path
	}
	command := exec.CommandContext(c.t.Context(), program, args...)
	command.Dir = filepath.Join(c.Dir, folder)
	env := map[string]string{
		"PATH": c.Tools + string(filepath.ListSeparator) + os.Getenv("PATH"),
		"HOME": c.home, "XDG_CACHE_HOME": filepath.Join(c.home, "cache"), "LC_ALL": "C.UTF-8",
		"ANSIBLE_HOME": filepath.Join(c.home, "ansible"), "ANSIBLE_REMOTE_TMP": filepath.Join(c.home, "ansible", "tmp"),
		"ANSIBLE_ASYNC_DIR":        filepath.Join(c.home, "ansible", "async"),
		"ANSIBLE_CALLBACK_PLUGINS": c.home, "ANSIBLE_CALLBACKS_ENABLED": "playtest", "PLAYTEST_RESULTS": os.DevNull,
		"ANSIBLE_NOCOLOR": "1", "ANSIBLE_NOCOWS": "1",
		"ANSIBLE_LOCALHOST_WARNING": "0", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
	}
	maps.Copy(env, c.Env)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		command.Env = append(command.Env, name+"="+env[name])
	}
	return command
}

// need ends the test on an error.
func (c *Controller) need(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatalf("running plays: %v", err)
	}
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
