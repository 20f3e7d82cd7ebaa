// SPDX-License-Identifier: GPL-3.0-or-later

package ansibletest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible/ansibletest"
)

// recorder is a test that notes how it was ended, and goes on.
type recorder struct {
	testing.TB
	ended string
}

func (r *recorder) Helper() {}
func (r *recorder) Skipf(format string, args ...any) {
	r.ended = "skipped: " + fmt.Sprintf(format, args...)
}
func (r *recorder) Fatalf(format string, args ...any) {
	r.ended = "failed: " + fmt.Sprintf(format, args...)
	panic(r)
}

func TestPythonThatIsThere(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"python", "ansible-playbook"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o700))
	}
	t.Setenv(ansibletest.PythonVariable, filepath.Join(dir, "python"))
	assert.Equal(t, filepath.Join(dir, "python"), ansibletest.Python(t))
	assert.Equal(t, filepath.Join(dir, "ansible-playbook"), ansibletest.Tool(t, "ansible-playbook"))
}

func TestPythonThatIsMissing(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "python")
	t.Setenv(ansibletest.PythonVariable, missing)
	t.Setenv(ansibletest.RequireVariable, "")
	r := &recorder{TB: t}
	assert.Empty(t, ansibletest.Python(r))
	assert.Equal(t, "skipped: needs the real Ansible ("+missing+" is missing): run `make test`, which installs it", r.ended)

	t.Setenv(ansibletest.RequireVariable, "1")
	assert.Panics(t, func() { ansibletest.Tool(r, "ansible-doc") })
	assert.Contains(t, r.ended, "failed: ")
}

func TestPythonOfTheProject(t *testing.T) {
	t.Setenv(ansibletest.PythonVariable, "")
	t.Setenv(ansibletest.RequireVariable, "")
	r := &recorder{TB: t}
	found := ansibletest.Python(r)
	assert.Contains(t, found+r.ended, filepath.Join(ansibletest.Root(t), ".venv", "bin", "python"))
	assert.FileExists(t, filepath.Join(ansibletest.Root(t), "go.mod"))
}
