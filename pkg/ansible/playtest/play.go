// SPDX-License-Identifier: GPL-3.0-or-later

package playtest

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

//go:embed callback.py
var callback []byte

// Run is an ansible-playbook run that has ended.
type Run struct {
	Code    int      // its exit code: 0, 2 for failed tasks, 4 for a playbook that cannot be read, -1 for a signal
	Output  string   // standard output and standard error
	Results []Result // of each task and host, in the order in which they ended
}

// Result is what became of one task on one host.
type Result struct {
	Verdict string // ok, changed, failed, skipped or unreachable
	Host    string
	Task    string         // its name, or the module's
	Answer  map[string]any // what the module answered; of a loop {"results": […]}
}

// Play runs ansible-playbook with arguments in a folder below Dir ("" for Dir itself).
func (c *Controller) Play(folder string, args ...string) Run {
	c.t.Helper()
	return c.Start(folder, args...).Wait()
}

// Playing is a run that is under way.
type Playing struct {
	Process *os.Process // ansible-playbook itself

	controller *Controller
	command    *exec.Cmd
	output     *bytes.Buffer
	results    string
}

// Start begins what Play does and does not wait for its end.
func (c *Controller) Start(folder string, args ...string) *Playing {
	c.t.Helper()
	results, err := os.CreateTemp(c.home, "results-*")
	c.need(err)
	c.need(results.Close())
	p := &Playing{controller: c, output: &bytes.Buffer{}, results: results.Name(), command: c.Command(folder, "ansible-playbook", args...)}
	p.command.Env = append(p.command.Env, "PLAYTEST_RESULTS="+p.results)
	p.command.Stdout, p.command.Stderr = p.output, p.output
	c.need(p.command.Start())
	p.Process = p.command.Process
	return p
}

// Wait waits for the end of the run.
func (p *Playing) Wait() Run {
	c := p.controller
	c.t.Helper()
	if err := p.command.Wait(); !errors.As(err, new(*exec.ExitError)) {
		c.need(err)
	}
	run := Run{Code: p.command.ProcessState.ExitCode(), Output: p.output.String()}
	lines, err := os.ReadFile(p.results)
	c.need(err)
	decoder := json.NewDecoder(bytes.NewReader(lines))
	for decoder.More() {
		var result Result
		c.need(decoder.Decode(&result))
		run.Results = append(run.Results, result)
	}
	return run
}

// Verdicts tells how many results there are of each verdict: "changed 2, ok 1".
func (r Run) Verdicts() string {
	var parts []string
	for _, verdict := range []string{"changed", "failed", "ok", "skipped", "unreachable"} {
		n := 0
		for _, result := range r.Results {
			if result.Verdict == verdict {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, verdict+" "+strconv.Itoa(n))
		}
	}
	return strings.Join(parts, ", ")
}

// Of gives the results of the tasks of a name.
func (r Run) Of(task string) []Result {
	var found []Result
	for _, result := range r.Results {
		if result.Task == task {
			found = append(found, result)
		}
	}
	return found
}
