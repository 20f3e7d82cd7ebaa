// SPDX-License-Identifier: GPL-3.0-or-later

package ansible_test

import (
	"bufio"
	"bytes"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRealSignal sends signals to a real process.
func TestRealSignal(t *testing.T) {
	binary := buildModules(t)
	for signal, name := range map[syscall.Signal]string{syscall.SIGTERM: "SIGTERM", syscall.SIGINT: "SIGINT"} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), binary, "behave", "-")
			cmd.Stdin = strings.NewReader(`{"do": "wait", "token": "hunter2"}`)
			var out bytes.Buffer
			cmd.Stdout = &out
			stderr, err := cmd.StderrPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			line, err := bufio.NewReader(stderr).ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "started\n", line)
			require.NoError(t, cmd.Process.Signal(signal))
			var exit *exec.ExitError
			require.ErrorAs(t, cmd.Wait(), &exit)
			assert.Equal(t, 1, exit.ExitCode())
			answer := decode(t, out.String())
			assert.Equal(t, "interrupted by "+name+": second: context canceled", answer["msg"])
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
