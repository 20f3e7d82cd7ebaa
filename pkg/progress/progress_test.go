// SPDX-License-Identifier: GPL-3.0-or-later

package progress_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/progress"
)

// run is a run whose time the test moves, and the lines that were shown in it.
type run struct {
	context.Context
	reporter *progress.Reporter
	lines    []string
	at       time.Time
}

func start(t *testing.T) *run {
	t.Helper()
	r := &run{at: time.Unix(0, 0)}
	r.reporter = progress.New(func() time.Time { return r.at }, func(line string) { r.lines = append(r.lines, line) })
	r.Context = progress.About(progress.With(t.Context(), r.reporter), "tests")
	return r
}

func (r *run) pass(seconds float64) { r.at = r.at.Add(time.Duration(seconds * float64(time.Second))) }

// shown gives the lines since it was last asked.
func (r *run) shown() string {
	lines := strings.Join(r.lines, "; ")
	r.lines = nil
	return lines
}

func TestFirstLineComesAfterAMomentAndThenOneEachPause(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := progress.Begin(r, "reading", 1000)
	for range 1000 {
		r.pass(0.2)
		p.Add(1)
	}
	assert.Len(t, r.lines, 40, "a run of 200 seconds")
	assert.Equal(t, []string{"reading 15 of 1000 tests", "reading 40 of 1000 tests", "reading 65 of 1000 tests"}, r.lines[:3])
	assert.Equal(t, "reading 990 of 1000 tests", r.lines[39])
	r.shown()
	p.End()
	assert.Equal(t, "reading 1000 of 1000 tests", r.shown(), "who saw a line sees the end")
}

func TestWhatIsShortOrAboutFewIsNotTold(t *testing.T) {
	t.Parallel()
	for name, total := range map[string]int{"few objects": 20, "none": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			p := progress.Begin(r, "reading", total)
			r.pass(60)
			p.Add(1)
			p.End()
			assert.Empty(t, r.shown())
		})
	}
	r := start(t)
	p := progress.Begin(r, "reading", 21)
	r.pass(2.9)
	p.Add(21)
	p.End()
	assert.Empty(t, r.shown(), "over before a line was due")
	r.pass(60)
	p = progress.Begin(r, "changing", 21)
	assert.Equal(t, "changing 0 of 21 tests", r.shown(), "a new phase of a long run is told when it begins")
	p.End()
	assert.Empty(t, r.shown(), "nothing new at its end")
}

func TestTheEndKeepsTheNextLineWaiting(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := progress.Begin(r, "reading", 30)
	r.pass(3)
	p.Add(29)
	r.pass(4)
	p.Add(1)
	p.End()
	assert.Equal(t, "reading 29 of 30 tests; reading 30 of 30 tests", r.shown())
	p = progress.Begin(r, "changing", 30)
	r.pass(4.9)
	p.Add(1)
	assert.Empty(t, r.shown())
	r.pass(0.1)
	p.Add(1)
	assert.Equal(t, "changing 2 of 30 tests", r.shown())
}

func TestWhatIsBetweenThePhasesOfALargeRunIsTold(t *testing.T) {
	t.Parallel()
	r := start(t)
	progress.Expect(r, 20)
	r.pass(3)
	progress.Expect(r, 20)
	assert.Empty(t, r.shown(), "few objects")
	progress.Expect(r, 21)
	assert.Equal(t, "reading the list of tests", r.shown())
	r.pass(5)
	over := progress.Waiting(r, 50*time.Second)
	assert.Equal(t, "reading the list of tests, waiting 50 s for the rate limit", r.shown())
	over()
	r.pass(5)
	p := progress.Begin(r, "reading", 21)
	assert.Equal(t, "reading 0 of 21 tests", r.shown())
	p.End()
	r.pass(5)
	progress.Expect(r, 21)
	assert.Equal(t, "reading the list of tests", r.shown())
	progress.Expect(t.Context(), 21)
}

func TestAPhaseWithinAnotherIsNotTold(t *testing.T) {
	t.Parallel()
	r := start(t)
	outer := progress.Begin(r, "changing", 30)
	inner := progress.Begin(r, "reading", 1000)
	r.pass(3)
	inner.Add(5)
	inner.End()
	assert.Empty(t, r.shown())
	outer.Add(1)
	assert.Equal(t, "changing 1 of 30 tests", r.shown())
}

func TestWaitingForTheRateLimitIsTold(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := progress.Begin(r, "changing", 40)
	p.Add(12)
	r.pass(3)
	long := progress.Waiting(r, 12*time.Second)
	assert.Equal(t, "changing 12 of 40 tests, waiting 12 s for the rate limit", r.shown())
	r.pass(5)
	short := progress.Waiting(r, 2*time.Second)
	assert.Equal(t, "changing 12 of 40 tests, waiting 2 s for the rate limit", r.shown(), "until the first request may go out")
	r.pass(2)
	short()
	r.pass(3)
	p.Add(1)
	assert.Equal(t, "changing 13 of 40 tests, waiting 2 s for the rate limit", r.shown())
	long()
	r.pass(5)
	over := progress.Waiting(r, 1400*time.Millisecond)
	assert.Equal(t, "changing 13 of 40 tests", r.shown(), "the common pace of a rate is no waiting")
	over()
	r.pass(1)
	progress.Waiting(r, time.Minute)
	p.End()
	assert.Empty(t, r.shown())
}

func TestWatchTellsWhileNothingHappens(t *testing.T) {
	t.Parallel()
	r := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	ticks, armed := make(chan time.Time), make(chan time.Duration)
	var watching sync.WaitGroup
	watching.Go(func() {
		r.reporter.Watch(ctx, func(d time.Duration) <-chan time.Time {
			select {
			case armed <- d:
			case <-ctx.Done():
			}
			return ticks
		})
	})
	// tick lets Watch look once; when it asks for the next moment it has looked.
	tick := func() { ticks <- time.Time{}; <-armed }
	require.Equal(t, time.Second, <-armed)
	r.pass(30)
	tick()
	assert.Empty(t, r.shown(), "between two phases there is nothing to tell")
	progress.Begin(r, "reading", 400).Add(1)
	assert.Equal(t, "reading 0 of 400 tests", r.shown())
	progress.Waiting(r, time.Minute)
	r.pass(4)
	tick()
	assert.Empty(t, r.shown())
	r.pass(1)
	tick()
	assert.Equal(t, "reading 1 of 400 tests, waiting 55 s for the rate limit", r.shown())
	cancel()
	watching.Wait()
}

func TestWithoutAReporterNothingIsTold(t *testing.T) {
	t.Parallel()
	ctx := progress.About(t.Context(), "tests")
	assert.Equal(t, t.Context(), ctx)
	p := progress.Begin(ctx, "reading", 1000)
	assert.Nil(t, p)
	p.Add(1)
	p.End()
	progress.Waiting(ctx, time.Hour)()
}

func TestObjectsOfNoNameAreObjects(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.pass(3)
	progress.Begin(progress.With(t.Context(), r.reporter), "changing", 30)
	assert.Equal(t, "changing 0 of 30 objects", r.shown())
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	r := start(t)
	p := progress.Begin(r, "reading", 1000)
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() {
			over := progress.Waiting(r, time.Minute)
			for range 10 {
				p.Add(1)
			}
			over()
		})
	}
	group.Wait()
	r.pass(3)
	p.Add(0)
	assert.Equal(t, "reading 1000 of 1000 tests", r.shown())
}
