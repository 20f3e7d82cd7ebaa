// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake/conformtest"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// estate declares tests of many stacks, five each.
func estate(tests int) []options {
	items := make([]options, tests)
	for i := range items {
		stack := fmt.Sprintf("stack-%03d", i/5)
		items[i] = options{
			"name": fmt.Sprintf("service %d", i%5), "stack": stack, "check_rate": 60,
			"website_url": fmt.Sprintf("https://%s.example.com/%d", stack, i%5),
		}
	}
	return items
}

// TestThousandTests is one task for 1,000 tests over 200 stacks through its life, with every call counted.
func TestThousandTests(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	items := estate(1000)
	task := options{"tests": items, "purge": true, "api_concurrency": 16, "api_rate_limit": 0, "_ansible_diff": false}
	calls := func(lists, details, creates, updates, deletes int) {
		t.Helper()
		assert.Equal(t, lists, l.Count(http.MethodGet, "/v1/uptime$"), "list pages")
		assert.Equal(t, details, l.Count(http.MethodGet, "/v1/uptime/*"), "details")
		assert.Equal(t, creates, l.Count(http.MethodPost, ""), "creations")
		assert.Equal(t, updates, l.Count(http.MethodPut, ""), "updates")
		assert.Equal(t, deletes, l.Count(http.MethodDelete, ""), "deletions")
		assert.Len(t, l.Calls(), lists+details+creates+updates+deletes, "and not one call more")
		assert.LessOrEqual(t, l.MaxInFlight(), 16)
	}
	run := func() answer {
		t.Helper()
		l.ResetCalls()
		a := l.OK(task)
		assert.Equal(t, len(l.Calls()), a.API.Calls, "the answer counts the calls that were made")
		return a
	}

	a := run()
	assert.Equal(t, 1000, a.Summary["created"])
	calls(1, 0, 1000, 0, 0)
	require.Len(t, l.Tests(), 1000)
	for i, test := range a.Objects {
		require.Equal(t, items[i]["name"], text(test.Name), "the answer is in the order of the task")
		require.Equal(t, items[i]["stack"], text(test.Stack))
	}

	a = run()
	assert.Equal(t, 1000, a.Summary["unchanged"])
	calls(10, 1000, 0, 0, 0)

	for i := range 10 {
		items[i*97] = items[i*97].With(options{"check_rate": 30})
	}
	a = run()
	assert.Equal(t, 10, a.Summary["updated"])
	assert.Equal(t, 990, a.Summary["unchanged"])
	calls(10, 1000, 0, 10, 0)

	gone := items[500:505]
	task["tests"] = append(append([]options{}, items[:500]...), items[505:]...)
	a = run()
	assert.Equal(t, 5, a.Summary["deleted"])
	assert.Equal(t, 995, a.Summary["unchanged"])
	calls(10, 995, 0, 0, 5)
	assert.Len(t, l.Tests(), 995)
	for _, test := range l.Tests() {
		require.NotEqual(t, gone[0]["stack"], stackOf(test.Tags))
	}
	l.Settled(task)
}

// TestOneStackReadsItsOwnTests: who deploys one stack of many must not pay for the others.
func TestOneStackReadsItsOwnTests(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.OK(options{"tests": estate(250), "api_rate_limit": 0})
	l.ResetCalls()
	l.Settled(options{"stack": "stack-007", "tests": estate(250)[35:40]})
	assert.Len(t, l.Calls(), 1+5, "one page of the stack, and its five tests")
	for _, call := range l.Calls()[:1] {
		assert.Contains(t, call.Query, "tags=stack%3Astack-007")
		assert.Contains(t, call.Query, "nouptime=true", "what nobody looks at is costly for the service")
	}
}

// TestRateLimitIsKept runs a task one request at a time under the vendor's limits: on time, not one request is refused.
func TestRateLimitIsKept(t *testing.T) {
	t.Parallel()
	clock := resourcetest.NewClock()
	l := newLab(t, emulator.Options{RatePerSecond: 5, Now: clock.Now, Sleep: clock.Sleep})
	l.Clock = clock
	task := options{"tests": estate(40), "api_concurrency": 1}
	start := clock.Now()
	a := l.OK(task)
	assert.Zero(t, a.API.Retries)
	assert.Equal(t, 41, a.API.Calls)
	assert.GreaterOrEqual(t, clock.Now().Sub(start).Seconds(), 8.0, "41 calls at 5 a second")
	assert.InDelta(t, clock.Now().Sub(start).Seconds(), a.API.SecondsWaited, 0.1)

	// Without the module's own limit the server refuses, and the module waits as the server says.
	l.ResetCalls()
	a = l.OK(options{"tests": estate(40), "api_concurrency": 1, "api_rate_limit": 0})
	assert.Equal(t, 40, a.Summary["unchanged"])
	assert.Positive(t, a.API.Retries)
}

// TestMinuteLimitIsWaitedOut: free plans have 60 requests a minute on top.
func TestMinuteLimitIsWaitedOut(t *testing.T) {
	t.Parallel()
	clock := resourcetest.NewClock()
	l := newLab(t, emulator.Options{RatePerSecond: 5, RatePerMinute: 60, Now: clock.Now, Sleep: clock.Sleep}, conformtest.AllowRefused())
	l.Clock = clock
	a := l.OK(options{"tests": estate(100)})
	assert.Equal(t, 100, a.Summary["created"])
	assert.Len(t, l.Tests(), 100)
	l.Settled(options{"tests": estate(100)})
}

// TestProgressOfAThousandTests runs a task at the vendor's rate: what a person is told meanwhile, and how often.
func TestProgressOfAThousandTests(t *testing.T) {
	t.Parallel()
	l := plainLab(t, emulator.Options{})
	items := estate(1000)
	l.OK(options{"tests": items, "api_rate_limit": 0})
	for i := range 500 {
		items[i] = items[i].With(options{"check_rate": 30})
	}
	task := options{"tests": items, "api_concurrency": 1}
	start := l.Clock.Now()
	lines := runTold(l, task)
	took := l.Clock.Now().Sub(start)
	assert.InDelta(t, 315, took.Seconds(), 5, "10 pages, 1000 details and 500 updates")
	assert.InDelta(t, took.Seconds()/5, len(lines), 2)
	assert.Contains(t, lines, "reading 1000 of 1000 tests")
	assert.Equal(t, "changing 500 of 500 tests", lines[len(lines)-1])
	for _, line := range lines {
		assert.Regexp(t, `^(reading \d+ of 1000|changing \d+ of 500) tests$`, line, "no name, and the pace of the rate limit is no waiting")
	}

	assert.Contains(t, runTold(l, options{"tests": items[:21], "api_rate_limit": 0.1, "api_concurrency": 1}), "reading the list of tests, waiting 10 s for the rate limit")

	assert.Empty(t, runTold(l, options{"tests": items[:20], "api_rate_limit": 0.1}), "few tests, be they slow")
}

// runTold runs the module by the laboratory's clock and gives the lines that it writes while it runs.
func runTold(l *lab, task options) []string {
	l.T.Helper()
	var told bytes.Buffer
	a := l.Run(task, func(p *ansible.Process) {
		p.Progress, p.Now = &told, l.Clock.Now
		p.After = func(time.Duration) <-chan time.Time { return nil } // only what the module does is told
	})
	require.False(l.T, a.Failed, a.Msg)
	return strings.FieldsFunc(told.String(), func(r rune) bool { return r == '\n' })
}
