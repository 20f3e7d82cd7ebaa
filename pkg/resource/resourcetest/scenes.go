// SPDX-License-Identifier: GPL-3.0-or-later

package resourcetest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// Scene is a Lab for the runs that every module of objects in stacks must survive, with what they have to know of the vendor. In them
// an object is edited where it has the values of Edit.
type Scene struct {
	*Lab
	Site func(name string) Options // declares a plain object
	Edit Options
	// Retype has what gives an object another type, which replaces it; nil where a type is part of the identity.
	Retype Options
	// Add makes an object by hand, in stacks or in none.
	Add  func(name string, edited bool, stacks ...string) (id string)
	Held func() []Held // what the account holds
	// Strangers makes objects that a run is likely to mistake for its own; nil for none.
	Strangers func() (ids []string)
}

// Held is one object of an account.
type Held struct {
	ID, Name, Stack string // Stack is "" for none, and all of them for a shared object
	Edited          bool
	State           any // a copy of it
}

// FaultMatrix lets each single call of a run fail in each way: of one that creates 20 objects, and of one that creates, updates, deletes,
// purges and leaves alone. open makes a scene of an account whose list lags.
func FaultMatrix(t *testing.T, open func(t testing.TB, opt emulator.Options) Scene) {
	// Where the answer is lost the service's lagging list decides, so that these are tried with lag and many calls at once, too.
	lost := []string{"dropped after", "cut off"}
	all := slices.Sorted(maps.Keys(Faults()))
	for _, c := range []struct {
		name             string
		plight           func(Scene) Plight
		lag, concurrency int
		faults           []string
	}{
		{"creating", creating, 0, 1, all},
		{"mixed", mixed, 0, 1, all},
		{"creating, lag 1", creating, 1, 8, lost},
		{"creating, lag 2", creating, 2, 8, lost},
		{"creating, lag 8", creating, 8, 8, lost},
		{"mixed, lag 2", mixed, 2, 8, lost},
	} {
		for _, name := range c.faults {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := open(t, emulator.Options{ListLag: c.lag})
				p := c.plight(s)
				p.Task = p.Task.With(Options{"api_concurrency": c.concurrency})
				s.EachCall(p, Faults()[name])
			})
		}
	}
}

// SomeFaults lets two of a hundred calls fail with 500, before the service acted or after, in runs over 200 objects: each of them succeeds.
func SomeFaults(t *testing.T, open func(t testing.TB, opt emulator.Options) Scene) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			s := open(t, emulator.Options{})
			random := rand.New(rand.NewPCG(seed, 0))
			items := make([]Options, 200)
			for i := range items {
				items[i] = s.Site(fmt.Sprintf("site-%03d", i))
			}
			task := Options{"stack": "shop", s.Setup.Plural: items, "api_rate_limit": 0}
			s.FailSome(random)
			assert.Equal(t, 200, s.OK(task).Summary["created"])
			s.FailSome(random)
			assert.False(t, s.OK(task).Changed)
			for i := range items {
				items[i] = items[i].With(s.Edit)
			}
			s.FailSome(random)
			assert.Equal(t, 200, s.OK(task).Summary["updated"])
			s.FailSome(random)
			assert.Equal(t, 200, s.OK(Options{"stack": "shop", "state": "absent", "api_rate_limit": 0}).Summary["deleted"])
			assert.Empty(t, s.Held(), "no duplicate was made and none is left")
		})
	}
}

// creating is a task that creates 20 objects in an account of somebody else's.
func creating(s Scene) Plight {
	var items []Options
	after := map[string]bool{}
	for i := range 20 {
		name := fmt.Sprintf("new-%02d", i)
		items = append(items, s.Site(name).With(s.Edit))
		after["shop/"+name] = true
	}
	task := Options{"stack": "shop", s.Setup.Plural: items, "api_rate_limit": 0}
	return s.plight(task, after, nil, func() []string { return []string{s.Add("nobody", false), s.Add("new-03", false, "blog")} })
}

// mixed is a task for 16 objects that shall be and two that shall not, with a purge of two others.
func mixed(s Scene) Plight {
	var items []Options
	after := map[string]bool{}
	for i := range 16 {
		name := fmt.Sprintf("%s-%02d", [...]string{"new", "edited", "same", "same"}[i%4], i)
		items = append(items, s.Site(name).With(s.Edit))
		after["shop/"+name] = true
	}
	gone := []string{"gone-16", "gone-17", "purged-18", "purged-19"}
	items = append(items, Options{"name": gone[0], "state": "absent"}, Options{"name": gone[1], "state": "absent"})
	task := Options{"stack": "shop", s.Setup.Plural: items, "purge": true, "api_rate_limit": 0}
	return s.plight(task, after, gone, func() []string {
		for i := range 16 {
			if i%4 > 0 {
				s.Add(items[i]["name"].(string), i%4 > 1, "shop")
			}
		}
		for _, name := range gone {
			s.Add(name, false, "shop")
		}
		return []string{
			s.Add("gone-16", false), s.Add("purged-18", false, "blog"), s.Add("edited-01", false, "blog"), s.Add("shared", false, "shop", "blog"),
			s.Add("nobody", false),
		}
	})
}

// plight joins a task with what must come of it: the objects that are its business by "stack/name", all edited, without those that are
// gone. fill gives the ids of the objects that are not its business.
func (s Scene) plight(task Options, after map[string]bool, gone []string, fill func() []string) Plight {
	var strangers []string
	return Plight{
		Task: task, After: after,
		Fill: func() func() any {
			strangers = fill()
			if s.Strangers != nil {
				strangers = append(strangers, s.Strangers()...)
			}
			return func() any {
				return slices.DeleteFunc(s.Held(), func(o Held) bool { return !slices.Contains(strangers, o.ID) })
			}
		},
		Result: func() any { return s.held(strangers) },
		Judge: func(a Answer, at string) {
			s.judge(a, at)
			if a.Failed {
				return
			}
			there := s.held(strangers)
			for _, name := range gone {
				assert.NotContains(s.T, there, "shop/"+name, at)
			}
			for key := range after {
				assert.Contains(s.T, there, key, at)
			}
		},
	}
}

// held tells by "stack/name" which objects there are, beside some, and whether they are edited. Duplicates fail the test.
func (s Scene) held(without []string) map[string]bool {
	s.T.Helper()
	held := map[string]bool{}
	for _, o := range s.Held() {
		if slices.Contains(without, o.ID) {
			continue
		}
		key := o.Stack + "/" + o.Name
		_, twice := held[key]
		assert.False(s.T, twice, "two objects are %s", key)
		held[key] = o.Edited
	}
	return held
}

// judge holds what a run told against what is in the account.
func (s Scene) judge(a Answer, at string) {
	s.T.Helper()
	held := map[string]Held{}
	for _, o := range s.Held() {
		held[o.ID] = o
	}
	for _, told := range a.Objects {
		o, there := held[Text(told.ID)]
		key := Text(told.Stack) + "/" + Text(told.Name)
		switch told.Action {
		case "created", "updated":
			assert.True(s.T, there && o.Edited, "%s: %s is told as %s and is not", at, key, told.Action)
		case "deleted":
			assert.False(s.T, there, "%s: %s is told as deleted and is there", at, key)
		}
		if there {
			assert.Equal(s.T, Text(told.Name), o.Name, "%s: the id of another object", at)
		}
	}
}

// RunsAtOnce lets several runs create the same objects at the same time, five a stack.
func RunsAtOnce(t *testing.T, open func(t testing.TB, opt emulator.Options) Scene) {
	for _, c := range []struct{ runs, objects, lag int }{{2, 200, 0}, {2, 200, 3}, {5, 60, 0}, {5, 60, 7}} {
		t.Run(fmt.Sprintf("%d runs, lag %d", c.runs, c.lag), func(t *testing.T) {
			t.Parallel()
			s := open(t, emulator.Options{ListLag: c.lag})
			var items []Options
			for i := range c.objects {
				items = append(items, s.Site(fmt.Sprintf("service-%d", i%5)).With(Options{"stack": fmt.Sprintf("stack-%03d", i/5)}))
			}
			task := Options{s.Setup.Plural: items, "api_rate_limit": 0}
			created := 0
			for _, a := range s.Together(slices.Repeat([]Options{task}, c.runs)...) {
				require.False(t, a.Failed, a.Msg)
				assert.Len(t, a.Objects, c.objects)
				assert.Empty(t, a.Warnings)
				created += a.Summary["created"]
			}
			assert.Equal(t, c.objects, created, "each object is created by one run, and told by it alone")
			posts := 0
			for _, call := range s.WriteCalls() {
				posts += strings.Count(call.Method, http.MethodPost)
			}
			assert.Equal(t, c.objects, posts)
			assert.Len(t, s.held(nil), c.objects)
			s.Settled(task)
		})
	}
}

// AnsweredAfterASignal sends a signal while a write is under way that the service carries out and answers only then: it is done, no other
// begins, and nothing is left in doubt.
func AnsweredAfterASignal(t *testing.T, open func(t testing.TB, opt emulator.Options) Scene) {
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			signals, waits := make(chan os.Signal, 1), make(chan struct{})
			s := open(t, emulator.Options{Sleep: func(_ context.Context, d time.Duration) error {
				if d > 0 {
					signals <- syscall.SIGTERM
					<-waits
				}
				return nil
			}})
			clock := NewClock()
			clock.Before = func(ctx context.Context, _ time.Duration) {
				close(waits)
				<-ctx.Done()
			}
			p := mixed(s)
			p.Fill()
			s.account.Inject(emulator.Rule{Index: emulator.AnyCall, Method: method, Skip: 1, Fault: emulator.Fault{Kind: emulator.Delay, Delay: time.Second}})
			a := s.RunBy(clock, p.Task.With(Options{"api_concurrency": 1}), func(p *ansible.Process) { p.Signals = signals })
			assert.True(t, a.Failed)
			assert.Contains(t, a.Msg, "interrupted by SIGTERM")
			writes := s.WriteCalls()
			require.NotEmpty(t, writes)
			assert.Equal(t, method, writes[len(writes)-1].Method, "no further write began")
			done := 0
			for _, told := range a.Objects {
				switch told.Action {
				case "failed":
					assert.Contains(t, told.Error, "not attempted")
				case "created", "updated", "deleted":
					done++
				}
			}
			assert.GreaterOrEqual(t, done, len(writes), "each write that was sent is told as done")
			p.Judge(a, "after the signal")
			assert.False(t, s.Run(p.Task).Failed)
			s.Settled(p.Task)
		})
	}
}

// UnansweredWrites lets writes go without an answer, because the connection ends or a signal comes: each is told as failed and as a change.
func UnansweredWrites(t *testing.T, open func(t testing.TB, opt emulator.Options) Scene) {
	for method, action := range map[string]Options{http.MethodPost: {"name": "new"}, http.MethodPut: {"name": "old"}, http.MethodDelete: {"name": "old", "state": "absent"}} {
		for _, signal := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, signal %t", method, signal), func(t *testing.T) {
				t.Parallel()
				signals := make(chan os.Signal, 1)
				s := open(t, emulator.Options{Sleep: func(ctx context.Context, d time.Duration) error {
					if d > 0 {
						signals <- syscall.SIGTERM
						<-ctx.Done()
					}
					return nil
				}})
				s.Add("old", false, "shop")
				task := s.Site(action["name"].(string)).With(s.Edit).With(action).With(Options{"stack": "shop", "api_retries": 0, "api_rate_limit": 0})
				ExpectUnanswered(s.Lab, task, method, signal, signals)
			})
		}
	}
}

// ExpectUnanswered runs a task whose writes by one method are not answered, and demands that it is told as failed and as a change. signal sends
// one meanwhile, for which the account's Sleep has to care. Looks for what was created find nothing out.
func ExpectUnanswered(l *Lab, task Options, method string, signal bool, signals chan os.Signal) {
	l.T.Helper()
	fault := emulator.Fault{Kind: emulator.DropAfter}
	if signal {
		fault = emulator.Fault{Kind: emulator.DelayAfter, Delay: time.Second}
	}
	l.account.Inject(emulator.Rule{Index: emulator.AnyCall, Method: method, Fault: fault})
	clock := NewClock()
	if !signal && method == http.MethodPost {
		clock.Before = func(context.Context, time.Duration) { // before the look
			l.account.Inject(emulator.On(http.MethodGet, "", emulator.Always, emulator.Fault{Kind: emulator.DropBefore}))
		}
	}
	a := l.RunBy(clock, task, func(p *ansible.Process) { p.Signals = signals })
	l.account.ClearFaults()
	assert.True(l.T, a.Failed)
	assert.True(l.T, a.Changed, a.Msg)
	assert.Contains(l.T, a.Msg, "the server may have acted")
	assert.Equal(l.T, signal, strings.Contains(a.Msg, "interrupted by SIGTERM; 1 of 1"), a.Msg)
	if signal {
		assert.Equal(l.T, 1, strings.Count(a.Msg, "interrupted"), a.Msg)
	}
	l.OK(task)
	l.Settled(task)
}

// CheckModePredicts runs a task that does all that a task can do, first in check mode.
func CheckModePredicts(t *testing.T, open func(t testing.TB, opt emulator.Options) Scene) {
	s := open(t, emulator.Options{})
	for _, name := range []string{"updated", "deleted", "same", "retyped", "purged"} {
		s.Add(name, false, "shop")
	}
	items := []Options{
		s.Site("created"), s.Site("updated").With(s.Edit), s.Site("deleted").With(Options{"state": "absent"}), s.Site("same"),
		s.Site("retyped").With(s.Retype), {"name": "impossible"},
	}
	task := Options{"stack": "shop", s.Setup.Plural: items[:5], "purge": true, "allow_replace": true}

	retyped := "retyped replaced"
	if s.Retype == nil {
		retyped = "retyped unchanged"
	}
	predicted := s.DryRun(task)
	done := s.OK(task)
	assert.Equal(t, []string{
		"created created", "updated updated", "deleted deleted", "same unchanged", retyped, "purged deleted",
	}, done.Actions())
	assert.Equal(t, predicted.Actions(), done.Actions())
	assert.Equal(t, predicted.Summary, done.Summary)
	for i := range done.Objects {
		assert.Equal(t, predicted.Objects[i].Changes, done.Objects[i].Changes, Text(done.Objects[i].Name))
		assert.Equal(t, predicted.Objects[i].Reason, done.Objects[i].Reason)
	}
	require.Len(t, predicted.Diff, len(done.Diff))
	for i := range done.Diff {
		assert.Equal(t, predicted.Diff[i].Before, done.Diff[i].Before)
		assert.Equal(t, predicted.Diff[i].After, done.Diff[i].After)
	}
	s.Settled(task)
	assert.False(t, s.DryRun(task).Changed, "in check mode too")

	impossible := Options{"stack": "shop", s.Setup.Plural: items}
	assert.Equal(t, s.DryRun(impossible).Msg, s.Run(impossible).Msg, "what cannot be done is known in check mode")
}

// Duplicates holds what becomes of several objects of one name.
func Duplicates(t *testing.T, open func(t testing.TB, opt emulator.Options) Scene) {
	start := func(t *testing.T) (Scene, []string) {
		t.Helper()
		s := open(t, emulator.Options{})
		return s, []string{s.Add("twin", false), s.Add("twin", false), s.Add("twin", false)}
	}
	for _, state := range []string{"present", "absent"} {
		t.Run(state+" fails and names the ids", func(t *testing.T) {
			t.Parallel()
			s, ids := start(t)
			a := s.Run(s.Site("twin").With(Options{"state": state}))
			assert.True(t, a.Failed)
			for _, id := range ids {
				assert.Contains(t, a.Msg, id)
			}
			assert.Contains(t, a.Msg, "on_duplicate")
			assert.Empty(t, s.WriteCalls())
		})
	}
	t.Run("present with oldest keeps the oldest", func(t *testing.T) {
		t.Parallel()
		s, ids := start(t)
		task := s.Site("twin").With(s.Edit).With(Options{"on_duplicate": "oldest"})
		predicted, done := s.DryRun(task), s.OK(task)
		assert.Equal(t, []string{"twin updated", "twin deleted", "twin deleted"}, done.Actions())
		assert.Equal(t, predicted.Actions(), done.Actions())
		assert.Equal(t, "duplicate of "+ids[0], done.Objects[1].Reason)
		require.Len(t, s.Held(), 1)
		assert.Equal(t, ids[0], s.Held()[0].ID)
		assert.True(t, s.Held()[0].Edited)
		s.Settled(task)
	})
	t.Run("absent with oldest deletes all", func(t *testing.T) {
		t.Parallel()
		s, _ := start(t)
		task := Options{"name": "twin", "on_duplicate": "oldest", "state": "absent"}
		assert.Equal(t, 3, s.OK(task).Summary["deleted"])
		assert.Empty(t, s.Held())
		s.Settled(task)
	})
	t.Run("an id says which one", func(t *testing.T) {
		t.Parallel()
		s, ids := start(t)
		a := s.OK(s.Edit.With(Options{"id": ids[1]}))
		assert.Equal(t, ids[1], Text(a.Only(t).ID))
		for _, o := range s.Held() {
			assert.Equal(t, o.ID == ids[1], o.Edited)
		}
	})
}

// DeployWhileAnotherStackGoes lets one run create a stack while another removes one: neither sees or spoils what the other one does.
func DeployWhileAnotherStackGoes(t *testing.T, open func(t testing.TB, opt emulator.Options) Scene) {
	s := open(t, emulator.Options{})
	for i := range 90 {
		s.Add(fmt.Sprintf("old-%02d", i), false, "old")
	}
	items := []Options{s.Site("a"), s.Site("b"), s.Site("c"), s.Site("d"), s.Site("e"), s.Site("f")}
	deploy := Options{"stack": "new", s.Setup.Plural: items, "api_rate_limit": 0}
	answers := s.Together(deploy, Options{"stack": "old", "state": "absent", "api_rate_limit": 0})
	for _, a := range answers {
		assert.False(t, a.Failed, a.Msg)
	}
	assert.Equal(t, 6, answers[0].Summary["created"])
	assert.Equal(t, 90, answers[1].Summary["deleted"])
	assert.Len(t, s.held(nil), 6)
	s.Settled(deploy)
}
