// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"testing"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
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

// TestRunsAtOnceCreateNothingTwice: whoever sees an object missing asks the controller before he creates it.
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
	return plainLab(t, opt).scene()
}

// scene gives what shared tests have to know of the account.
func (l *lab) scene() resourcetest.Scene {
	return resourcetest.Scene{
		Lab: l.Lab, Site: func(name string) options { return site(name).With(options{"contact_groups": []string{}}) }, Edit: options{"check_rate": 60}, Retype: options{"test_type": "HEAD"},
		Add: func(name string, edited bool, stacks ...string) string {
			return l.byHand(name, func(t *vendor.Test) {
				if edited {
					t.CheckRate = 60
				}
				for _, stack := range stacks {
					t.Tags = append(t.Tags, ownershipTag, stackTag+stack)
				}
			})
		},
		Held: func() []resourcetest.Held {
			var held []resourcetest.Held
			for _, t := range l.Tests() {
				held = append(held, resourcetest.Held{ID: t.ID, Name: t.Name, Stack: stackOf(t.Tags), Edited: t.CheckRate == 60, State: t})
			}
			return held
		},
	}
}
