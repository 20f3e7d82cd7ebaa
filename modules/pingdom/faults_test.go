// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"strconv"
	"testing"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// TestFaultMatrix lets each single call of a run fail in each way. Whatever happens: one valid answer, no duplicate, no wrong
// deletion, what is told as done is done, and the next run puts right what is left.
func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	resourcetest.FaultMatrix(t, scene)
}

// TestFaults_OccasionalErrorsFailNoRun holds that a service of which one answer of fifty is 500 is one to work with.
func TestFaults_OccasionalErrorsFailNoRun(t *testing.T) {
	t.Parallel()
	resourcetest.SomeFaults(t, scene)
}

// TestRunsAtOnceCreateNothingTwice: whoever sees a check missing asks the controller before he creates it.
func TestRunsAtOnceCreateNothingTwice(t *testing.T) {
	t.Parallel()
	resourcetest.RunsAtOnce(t, scene)
}

// TestAWriteThatIsAnsweredAfterASignalIsDone: who hangs up on it would not know.
func TestAWriteThatIsAnsweredAfterASignalIsDone(t *testing.T) {
	t.Parallel()
	resourcetest.AnsweredAfterASignal(t, scene)
}

// TestWrite_WithoutAnAnswerIsAChange, because it may be done.
func TestWrite_WithoutAnAnswerIsAChange(t *testing.T) {
	t.Parallel()
	resourcetest.UnansweredWrites(t, scene)
}

// scene is an account for the runs that every module must survive.
func scene(t testing.TB, opt emulator.Options) resourcetest.Scene {
	t.Helper()
	l := newLab(t, opt)
	return resourcetest.Scene{
		Lab: l.Lab, Edit: options{"resolution": 1},
		Site: func(name string) options { return site(name).With(options{"type": "http"}) },
		Add: func(name string, edited bool, stacks ...string) string {
			return l.byHand(name, func(c *vendor.Check) {
				if edited {
					c.Resolution = 1
				}
				for _, stack := range stacks {
					c.Tags = append(c.Tags, "managed_by-stackwatch", "stack-"+stack)
				}
			})
		},
		Strangers: func() []string { return []string{l.byHand("new-04", ofType("ping"))} },
		Held: func() []resourcetest.Held {
			var held []resourcetest.Held
			for _, c := range l.Checks() {
				held = append(held, resourcetest.Held{
					ID: strconv.Itoa(c.ID), Name: c.Name, Stack: marks().Group(c.Tags), Edited: c.Resolution == 1, State: c,
				})
			}
			return held
		},
	}
}
