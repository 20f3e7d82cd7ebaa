// SPDX-License-Identifier: GPL-3.0-or-later

package plugins_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible/playtest"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// holding is a site whose account holds back the answer to one of the creations.
type holding struct {
	site
	held    <-chan struct{} // gets something when it does
	release func()
	mark    string // in the environment of each process of the plays
}

func newHolding(t *testing.T, tools string, tests, before int) holding {
	t.Helper()
	held, released := make(chan struct{}, 1), make(chan struct{})
	h := holding{held: held, release: sync.OnceFunc(func() { close(released) })}
	t.Cleanup(h.release)
	h.site = newSite(t, tools, emulator.Options{Token: token, Sleep: func(ctx context.Context, d time.Duration) error {
		if d > 0 { // only the fault asks for that
			held <- struct{}{}
			select {
			case <-ctx.Done():
			case <-released:
			}
		}
		return ctx.Err()
	}})
	h.account.Inject(emulator.Rule{
		Index: emulator.AnyCall, Method: http.MethodPost, Path: "/v1/uptime", Skip: before, Fault: emulator.Fault{Kind: emulator.Delay, Delay: time.Hour},
	})
	h.mark = "PLAYTEST_MARK=" + h.Dir
	h.Env["PLAYTEST_MARK"] = h.Dir
	h.Write("slow.yml", `- hosts: localhost
  gather_facts: false
  tasks:
    - name: Slow
      stackwatch.monitoring.status_cake_test:
        tests: "{{ lookup('ansible.builtin.file', 'tests.json') | from_json }}"
        api_concurrency: 1
        api_key: "{{ key }}"
      timeout: "{{ limit | default(0) }}"
`)
	declared := make([]string, tests)
	for i := range declared {
		declared[i] = fmt.Sprintf(`{"name": "test %d", "website_url": "https://a.example.com"}`, i)
	}
	h.Write("tests.json", "["+strings.Join(declared, ",")+"]")
	return h
}

func (h holding) start(args ...string) *playtest.Playing {
	h.t.Helper()
	h.Write("hosts.ini", "localhost ansible_connection=local\n")
	return h.Start("", append([]string{"-i", "hosts.ini", "-e", "key=" + token, "slow.yml"}, args...)...)
}

// endBy sends a signal to ansible-playbook while the answer is held back, and waits until all that it had begun has ended.
func (h holding) endBy(signal syscall.Signal) {
	h.t.Helper()
	playing := h.start()
	<-h.held
	children := playtest.Processes(h.t, h.mark)
	delete(children, playing.Process.Pid)
	require.GreaterOrEqual(h.t, len(children), 2, "a worker and the module are at work")
	require.NoError(h.t, playing.Process.Signal(signal))
	assert.NotZero(h.t, playing.Wait().Code)
	for _, child := range children {
		playtest.AwaitEnd(h.t, child)
	}
	assert.Empty(h.t, playtest.Processes(h.t, h.mark), "no process is left")
}

func TestNoModuleOutlivesItsPlay(t *testing.T) {
	t.Parallel()
	for version, tools := range cores(t) {
		for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			t.Run(version+" "+signal.String(), func(t *testing.T) {
				t.Parallel()
				h := newHolding(t, tools, 20, 4)
				h.endBy(signal)
				assert.Len(t, h.account.Tests(), 4, "no further write began")
			})
		}
	}
}

// TestAModuleEndsWithAWorkerThatIsKilled leaves the action plugin no chance to end it.
func TestAModuleEndsWithAWorkerThatIsKilled(t *testing.T) {
	t.Parallel()
	h := newHolding(t, "", 20, 4)
	playing := h.start()
	<-h.held
	children := playtest.Processes(t, h.mark)
	delete(children, playing.Process.Pid)
	for pid := range children {
		program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		if err == nil && strings.HasPrefix(filepath.Base(program), "python") {
			require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		}
	}
	for _, child := range children {
		playtest.AwaitEnd(t, child)
	}
	require.NoError(t, playing.Process.Signal(syscall.SIGTERM))
	playing.Wait()
	assert.Len(t, h.account.Tests(), 4, "no further write began")
}

func TestATimeoutTellsWhatWasDone(t *testing.T) {
	t.Parallel()
	for version, tools := range cores(t) {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			h := newHolding(t, tools, 20, 4)
			run := h.start("-e", "limit=3").Wait()
			results := run.Of("Slow")
			require.Len(t, results, 1, run.Output)
			assert.Equal(t, "failed", results[0].Verdict)
			answer := results[0].Answer
			assert.Contains(t, answer["msg"], "The stackwatch.monitoring.status_cake_test action failed to execute in the expected time frame (3) and was terminated: "+
				"interrupted by SIGTERM")
			assert.Contains(t, answer, "timedout")
			summary, _ := answer["summary"].(map[string]any)
			assert.EqualValues(t, len(h.account.Tests()), summary["created"], "what was done is told: %v", answer)
			assert.Empty(t, playtest.Processes(t, h.mark), "no process is left")
		})
	}
}

// TestALoopThatIsStopped holds back what the second item creates: the task's timeout ends that item alone, a signal the whole play.
func TestALoopThatIsStopped(t *testing.T) {
	t.Parallel()
	const loop = `- hosts: localhost
  gather_facts: false
  tasks:
    - name: Items
      stackwatch.monitoring.status_cake_test: {name: "{{ item }}", website_url: "https://a.example.com", api_key: "{{ key }}"}
      loop: [one, two, three]
      timeout: "{{ limit | default(0) }}"
      ignore_errors: true
`
	for version, tools := range cores(t) {
		t.Run(version+" timeout", func(t *testing.T) {
			t.Parallel()
			h := newHolding(t, tools, 1, 1)
			h.Write("slow.yml", loop)
			run := h.start("-e", "limit=3").Wait()
			require.Len(t, run.Of("Items"), 1, run.Output)
			items, _ := run.Of("Items")[0].Answer["results"].([]any)
			require.Len(t, items, 3, run.Output)
			for i, stopped := range []bool{false, true, false} {
				answer, _ := items[i].(map[string]any)
				assert.Equal(t, stopped, answer["timedout"] != nil, answer)
			}
			assert.Empty(t, playtest.Processes(t, h.mark), "no process is left")
			assert.Len(t, h.account.Tests(), 2, "the item after it has a program of its own")
		})
		t.Run(version+" signal", func(t *testing.T) {
			t.Parallel()
			h := newHolding(t, tools, 1, 1)
			h.Write("slow.yml", loop)
			h.endBy(syscall.SIGTERM)
			assert.Len(t, h.account.Tests(), 1, "no further item began")
		})
	}
}

// TestProgressIsShownWhileAModuleRuns holds an answer back until the line is there.
func TestProgressIsShownWhileAModuleRuns(t *testing.T) {
	t.Parallel()
	for version, tools := range cores(t) {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			h := newHolding(t, tools, 30, 12)
			h.Write("hosts.ini", "localhost ansible_connection=local\n")
			command := h.Command("", "ansible-playbook", "-i", "hosts.ini", "-e", "key="+token, "slow.yml")
			var output bytes.Buffer
			command.Stdout = &output
			errors, err := command.StderrPipe()
			require.NoError(t, err)
			require.NoError(t, command.Start())
			const line = "localhost: stackwatch.monitoring.status_cake_test: changing 12 of 30 tests"
			lines := bufio.NewScanner(errors)
			found := false
			for lines.Scan() {
				if lines.Text() == line {
					found = true
					h.release()
				}
			}
			require.NoError(t, command.Wait(), output.String())
			assert.True(t, found)
			assert.NotContains(t, output.String(), "of 30", "callbacks that write JSON have the standard output for themselves")
			assert.Len(t, h.account.Tests(), 30)
		})
	}
}

func TestProgressCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		variable, environment string
		wanted                bool
	}{
		"by nobody":                {"", "", true},
		"by a variable":            {"false", "", false},
		"by the environment":       {"", "no", false},
		"the variable goes before": {"true", "no", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHolding(t, "", 1, 0)
			if c.environment != "" {
				h.Env["STACKWATCH_PROGRESS"] = c.environment
			}
			var args []string
			if c.variable != "" {
				args = []string{"-e", "stackwatch_progress=" + c.variable}
			}
			playing := h.start(args...)
			<-h.held
			told := 0
			for pid := range playtest.Processes(t, h.mark) {
				environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
				require.NoError(t, err)
				if bytes.Contains(environment, []byte("STACKWATCH_PROGRESS_FD=")) {
					told++
				}
			}
			h.release()
			assert.Zero(t, playing.Wait().Code)
			assert.Equal(t, c.wanted, told == 1)
		})
	}
}
