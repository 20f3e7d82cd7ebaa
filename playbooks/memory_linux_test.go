// SPDX-License-Identifier: GPL-3.0-or-later

package playbooks_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible/ansibletest"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
)

// BenchmarkMemory reports how much memory the real program takes at most ("peak-MiB", its largest resident set) for one task over 10,000
// tests, and how large its answer is. Want: at most 128.
func BenchmarkMemory(b *testing.B) {
	const count = 10_000
	program := filepath.Join(b.TempDir(), "bundle")
	build := exec.CommandContext(b.Context(), "go", "build", "-buildvcs=false", "-o", program, "./modules/bundle")
	build.Dir = ansibletest.Root(b)
	output, err := build.CombinedOutput()
	require.NoError(b, err, string(output))
	tests := make([]map[string]any, count)
	for i := range tests {
		tests[i] = map[string]any{
			"stack": fmt.Sprintf("stack-%03d", i/50), "name": fmt.Sprintf("service %d liveness", i), "website_url": fmt.Sprintf("https://s%d.example.com/live", i),
			"check_rate": 60, "tags": []string{"production", "web"},
		}
	}
	for _, results := range []string{"all", "changed"} {
		account := statuscake.New(emulator.Options{Token: token})
		server := httptest.NewServer(account)
		b.Cleanup(server.Close)
		arguments, err := json.Marshal(map[string]any{
			"tests": tests, "api_url": server.URL + statuscake.BasePath, "api_key": token, "api_rate_limit": 0, "results": results,
		})
		require.NoError(b, err)
		run := func(b *testing.B) {
			b.Helper()
			cache := b.TempDir()
			var peak int
			var answer bytes.Buffer
			for b.Loop() {
				answer.Reset()
				command := exec.CommandContext(b.Context(), program, "status_cake_test", "-")
				command.Stdin, command.Stdout = bytes.NewReader(arguments), &answer
				command.Env = append(command.Environ(), "XDG_CACHE_HOME="+cache)
				require.NoError(b, command.Start())
				stop := watchMemory(command.Process.Pid, &peak)
				require.NoError(b, command.Wait(), answer.String()[:min(answer.Len(), 1000)])
				stop()
			}
			b.ReportMetric(float64(peak)/1024, "peak-MiB")
			b.ReportMetric(float64(answer.Len())/(1<<20), "answer-MiB")
		}
		b.Run("created/"+results, func(b *testing.B) {
			account.Reset()
			run(b)
		})
		b.Run("unchanged/"+results, run)
	}
}

// watchMemory keeps the largest resident set in KiB that a process has had. What wait tells of it counts that of the process that started it.
func watchMemory(process int, peak *int) (stop func()) {
	stopped, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for {
			status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", process)) // it may have ended
			if _, rest, found := strings.Cut(string(status), "VmHWM:"); found {
				if n, err := strconv.Atoi(strings.Fields(rest)[0]); err == nil {
					*peak = max(*peak, n)
				}
			}
			select {
			case <-stopped:
				return
			case <-ticker.C:
			}
		}
	}()
	return func() { close(stopped); <-ended }
}
