// SPDX-License-Identifier: GPL-3.0-or-later

package ansible_test

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
)

// TestRealSignal sends signals to a real process, or lets the one that started it go.
func TestRealSignal(t *testing.T) {
	binary := buildModules(t)
	for name, c := range map[string]struct {
		stop func(module *os.Process, lifeline *os.File) error
		told string
	}{
		"SIGTERM":                    {func(p *os.Process, _ *os.File) error { return p.Signal(syscall.SIGTERM) }, "SIGTERM"},
		"SIGINT":                     {func(p *os.Process, _ *os.File) error { return p.Signal(syscall.SIGINT) }, "SIGINT"},
		"whoever started it is gone": {func(_ *os.Process, lifeline *os.File) error { return lifeline.Close() }, "SIGTERM"},
	} {
		t.Run(name, func(t *testing.T) {
			theirs, ours, err := os.Pipe()
			require.NoError(t, err)
			t.Cleanup(func() { _ = ours.Close() })
			cmd := exec.CommandContext(t.Context(), binary, "behave", "-")
			cmd.Stdin = strings.NewReader(`{"do": "wait", "token": "hunter2"}`)
			cmd.ExtraFiles = []*os.File{theirs}
			cmd.Env = append(os.Environ(), ansible.LifelineVariable+"=3")
			var out bytes.Buffer
			cmd.Stdout = &out
			stderr, err := cmd.StderrPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			require.NoError(t, theirs.Close())
			line, err := bufio.NewReader(stderr).ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "started\n", line)
			require.NoError(t, c.stop(cmd.Process, ours))
			var exit *exec.ExitError
			require.ErrorAs(t, cmd.Wait(), &exit)
			assert.Equal(t, 1, exit.ExitCode())
			answer := decode(t, out.String())
			assert.Equal(t, "interrupted by "+c.told+": second: context canceled", answer["msg"])
			assert.Equal(t, []any{"first"}, answer["done"])
		})
	}
}

// TestRealProcess runs the binary as Ansible does, in a folder that is gone.
func TestRealProcess(t *testing.T) {
	binary := buildModules(t)
	script := `mkdir gone && cd gone && rmdir ../gone && echo '{"_ansible_module_name": "behave"}' | "$0"`
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script, binary)
	cmd.Dir = t.TempDir()
	out, err := cmd.Output()
	require.NoError(t, err)
	assert.Equal(t, true, decode(t, string(out))["changed"])
}

// TestMain_KeepsStandardOutputForTheAnswer: what a module prints goes to standard error.
func TestMain_KeepsStandardOutputForTheAnswer(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), buildModules(t), "behave", "-")
	cmd.Stdin = strings.NewReader(`{"do": "print"}`)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	assert.Equal(t, true, decode(t, string(out))["changed"])
	assert.Equal(t, "left behind\n", stderr.String())
}
