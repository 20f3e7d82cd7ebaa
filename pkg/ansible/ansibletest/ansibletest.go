// SPDX-License-Identifier: GPL-3.0-or-later

// Package ansibletest finds the real Ansible for tests: the Python and the tools of the project's own virtual environment.
package ansibletest

import (
	"os"
	"path/filepath"
	"testing"
)

// Environment variables that tests of this project honour.
const (
	// PythonVariable names the Python to use, in place of the project's own.
	PythonVariable = "ANSIBLE_PYTHON"
	// RequireVariable set to 1 makes a test without Ansible fail, where it otherwise is skipped.
	RequireVariable = "STACKWATCH_REQUIRE_ANSIBLE"
)

// Python gives the path of a Python that has ansible-core. Without one the test is skipped, or fails where Ansible is required.
func Python(t testing.TB) string {
	t.Helper()
	return Tool(t, "python")
}

// Tool gives the path of a program that came with ansible-core, such as ansible-playbook, under the conditions of Python.
func Tool(t testing.TB, name string) string {
	t.Helper()
	python := os.Getenv(PythonVariable)
	if python == "" {
		python = filepath.Join(Root(t), ".venv", "bin", "python")
	}
	path := python
	if name != "python" {
		path = filepath.Join(filepath.Dir(python), name)
	}
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if os.Getenv(RequireVariable) == "1" {
		t.Fatalf("%s is missing although %s=1; `make test` installs it", path, RequireVariable)
	}
	t.Skipf("needs the real Ansible (%s is missing): run `make test`, which installs it", path)
	return ""
}

// Newest is the newest ansible-core that is supported. `make cores` installs it next to the project's own.
const Newest = "2.21.5"

// PythonOf returns the path of the Python with another ansible-core. It skips the test where that is not installed.
func PythonOf(t testing.TB, version string) string {
	t.Helper()
	path := filepath.Join(Root(t), ".cache", "core", version, "bin", "python")
	if _, err := os.Stat(path); err != nil {
		t.Skipf("needs ansible-core %s: run `make cores`, which installs it where there is a Python for it", version)
	}
	return path
}

// Root gives the repository's folder: the nearest one above the test that holds go.mod.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatalf("finding the repository: %v", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("finding the repository: no go.mod above the test")
		}
		dir = parent
	}
}
