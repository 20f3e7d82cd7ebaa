// SPDX-License-Identifier: GPL-3.0-or-later

package resource_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/internal/memory"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/resource"
)

const documentation = `
DOCUMENTATION:
  module: thing
  options:
    things:
      type: list
      elements: dict
      suboptions: &thing
        id: {type: str}
        name: {type: str}
        stack: {type: str}
        state: {type: str, choices: [present, absent]}
        kind: {type: str}
        size: {type: int}
        tags: {type: list, elements: str}
        token: {type: str}
    <<: *thing
    state: {type: str, choices: [present, absent], default: present}
    purge: {type: bool, default: false}
    purge_limit: {type: str}
    on_duplicate: {type: str, choices: [fail, oldest], default: fail}
    allow_replace: {type: bool, default: false}
    update_password: {type: str, choices: [always, on_create], default: on_create}
    fail_fast: {type: bool, default: false}
    results: {type: str, choices: [all, changed], default: all}
`

type thingOptions struct {
	One    resource.Item[memory.Thing]   `mapstructure:",squash"`
	Things []resource.Item[memory.Thing] `mapstructure:"things"`
	Shared resource.Options              `mapstructure:",squash"`
}

// module is a module over the service in memory.
func module(s *memory.Service, ledger reconcile.Ledger) ansible.Module {
	return moduleOver(s, s, ledger)
}

// moduleOver is a module over a provider that stands before the service.
func moduleOver(p reconcile.Provider[memory.Thing], s *memory.Service, ledger reconcile.Ledger) ansible.Module {
	return moduleThat(p, s, ledger, func(*resource.Task[memory.Thing]) {})
}

// moduleThat is one whose task is changed before it is done.
func moduleThat(p reconcile.Provider[memory.Thing], s *memory.Service, ledger reconcile.Ledger, change func(*resource.Task[memory.Thing])) ansible.Module {
	return resource.Kind[thingOptions, memory.Thing]{
		Name: "thing", Documentation: []byte(documentation), Noun: "thing", Plural: "things",
		Rules: ansible.Rules{Options: resource.OptionRules()},
		Open: func(call *ansible.Call, o thingOptions) (*resource.Task[memory.Thing], error) {
			declared := resource.Declared(call, "things", o.One, o.Things, o.Shared, "name", "id")
			wants, err := resource.Wishes(declared, func(item resource.Item[memory.Thing]) (memory.Thing, error) {
				if item.Object.Name == nil {
					return memory.Thing{}, errors.New("missing required arguments: name")
				}
				return item.Object, nil
			})
			if err != nil {
				return nil, err
			}
			policy, err := resource.Policy(declared, func(reconcile.Found[memory.Thing], string) bool { return true })
			if err != nil {
				return nil, err
			}
			task := &resource.Task[memory.Thing]{
				Provider: p, Wants: wants, FailFast: o.Shared.FailFast, Results: o.Shared.Results, Ledger: ledger,
				Policy:   policy,
				Describe: func(t memory.Thing) map[string]any { return map[string]any{"name": t.Name} },
				Usage: func() resource.Usage {
					return resource.Usage{Calls: len(s.Log()), Retries: 1, Waited: 1234 * time.Millisecond}
				},
				Sleep: s.Sleep,
			}
			change(task)
			return task, nil
		},
	}.Module()
}

// run calls the module as Ansible does and gives its answer without the parts that every module's has.
func run(t *testing.T, m ansible.Module, options map[string]any, signals <-chan os.Signal) map[string]any {
	t.Helper()
	args, err := json.Marshal(options)
	require.NoError(t, err)
	var stdout bytes.Buffer
	ansible.Execute(t.Context(), m, ansible.Process{
		Args: []string{"thing"}, Stdin: bytes.NewReader(args), Stdout: &stdout, Signals: signals,
		After: func(time.Duration) <-chan time.Time { over := make(chan time.Time); close(over); return over },
	})
	assert.NotContains(t, stdout.String(), "hunter2", "a secret shows")
	var answer map[string]any
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &answer), stdout.String())
	delete(answer, "invocation")
	delete(answer, "api")
	return answer
}

type (
	m = map[string]any
	l = []any
)

func summary(counts m) m {
	all := m{"created": 0.0, "updated": 0.0, "replaced": 0.0, "deleted": 0.0, "unchanged": 0.0, "failed": 0.0}
	for k, v := range counts {
		all[k] = v
	}
	return all
}

func TestAnswer(t *testing.T) {
	s := &memory.Service{}
	old := memory.Full(1)
	s.Add(old)
	s.Add(memory.Named("gone"))
	options := m{"_ansible_diff": true, "_ansible_check_mode": true, "things": l{
		m{"name": "new", "kind": "a", "size": 2},
		m{"name": "thing 1", "size": 9, "token": "new-secret"},
		m{"name": "gone", "state": "absent"},
	}}
	want := m{
		"changed": true, "msg": "would create 1, update 1, delete 1",
		"things": l{
			m{
				"name": "new", "id": nil, "action": "created",
				"changes": m{"name": m{"before": nil, "after": "new"}, "kind": m{"before": nil, "after": "a"}, "size": m{"before": nil, "after": 2.0}},
			},
			m{
				"name": "thing 1", "id": "1", "action": "updated",
				"changes": m{"size": m{"before": 1.0, "after": 9.0}, "token": m{"before": "******** (old value)", "after": "******** (new value)"}},
			},
			m{
				"name": "gone", "id": "2", "action": "deleted",
				"changes": m{"name": m{"before": "gone", "after": nil}, "kind": m{"before": "a", "after": nil}},
			},
		},
		"summary": summary(m{"created": 1.0, "updated": 1.0, "deleted": 1.0}),
		"diff": l{
			m{"before_header": "thing new", "after_header": "thing new created", "before": m{}, "after": m{"name": "new", "kind": "a", "size": 2.0}},
			m{
				"before_header": "thing thing 1 (id 1)", "after_header": "thing thing 1 (id 1) updated",
				"before": m{"size": 1.0, "token": "******** (old value)"}, "after": m{"size": 9.0, "token": "******** (new value)"},
			},
			m{"before_header": "thing gone (id 2)", "after_header": "thing gone (id 2) deleted", "before": m{"name": "gone", "kind": "a"}, "after": m{}},
		},
	}
	assert.Equal(t, want, run(t, module(s, nil), options, nil), "check mode")
	assert.Empty(t, s.Log(), "check mode writes nothing")

	delete(options, "_ansible_check_mode")
	want["msg"] = "created 1, updated 1, deleted 1"
	want["things"].(l)[0].(m)["id"] = "3"
	want["diff"].(l)[0].(m)["before_header"] = "thing new (id 3)"
	want["diff"].(l)[0].(m)["after_header"] = "thing new (id 3) created"
	assert.Equal(t, want, run(t, module(s, nil), options, nil), "what was done is what check mode said")
	assert.Equal(t, []string{"thing 1", "new"}, s.Things())

	delete(options, "_ansible_diff")
	again := run(t, module(s, nil), options, nil)
	assert.Equal(t, false, again["changed"])
	assert.Equal(t, summary(m{"unchanged": 3.0}), again["summary"])
	assert.NotContains(t, again, "diff")
}

func TestUsageIsTold(t *testing.T) {
	var stdout bytes.Buffer
	code := ansible.Execute(t.Context(), module(&memory.Service{}, nil), ansible.Process{
		Args: []string{"thing"}, Stdin: bytes.NewReader([]byte(`{"name": "a"}`)), Stdout: &stdout,
	})
	var answer m
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &answer))
	assert.Zero(t, code)
	assert.Equal(t, m{"calls": 1.0, "retries": 1.0, "seconds_waited": 1.2}, answer["api"])
}

func TestFailedObjectsAreToldAmongTheOthers(t *testing.T) {
	s := &memory.Service{}
	s.Add(memory.Named("undeclared"))
	answer := run(t, module(s, nil), m{"purge": true, "things": l{m{"name": "good"}, m{"name": "bad", "size": -1}}}, nil)
	assert.Equal(t, true, answer["failed"])
	assert.Equal(t, true, answer["changed"])
	assert.Equal(t, "2 of 3 things failed: bad: size must not be negative; undeclared (1): deletion not attempted, because 1 other failed", answer["msg"])
	assert.Equal(t, summary(m{"created": 1.0, "failed": 2.0}), answer["summary"])
	assert.Equal(t, m{"name": "bad", "id": nil, "action": "failed", "changes": m{}, "error": "bad: size must not be negative"}, answer["things"].(l)[1])
	assert.Equal(t, "not declared", answer["things"].(l)[2].(m)["reason"])

	one := run(t, module(s, nil), m{"name": "bad", "size": -1}, nil)
	assert.Equal(t, "1 of 1 thing failed: bad: size must not be negative", one["msg"])

	var many l
	for i := range 7 {
		many = append(many, m{"name": string(rune('a' + i)), "size": -1})
	}
	msg := run(t, module(s, nil), m{"things": many}, nil)["msg"]
	assert.Contains(t, msg, "7 of 7 things failed: a: size")
	assert.Contains(t, msg, "e: size must not be negative; and 2 more")
	assert.NotContains(t, msg, "f: size")
}

func TestAListThatCannotBeReadChangesNothing(t *testing.T) {
	s := &memory.Service{FailPage: 1}
	answer := run(t, module(s, nil), m{"name": "a"}, nil)
	assert.Equal(t, m{
		"failed": true, "changed": false, "things": l{}, "summary": summary(nil),
		"msg": "nothing was changed, because the things could not be read: page 1: broken",
	}, answer)
}

func TestARefusedPurgeListsWhatWouldHaveGone(t *testing.T) {
	s := &memory.Service{}
	s.Add(memory.Named("a"))
	s.Add(memory.Named("b"))
	s.Add(memory.Named("c"))
	answer := run(t, module(s, nil), m{"purge": true, "purge_limit": "1", "things": l{m{"name": "c"}, m{"name": "new"}}}, nil)
	assert.Equal(t, true, answer["failed"])
	assert.Equal(t, l{"a (1)", "b (2)"}, answer["refused"])
	assert.Equal(t, "2 of 3 would be deleted, which is over the limit of 1; nothing was changed; if this is meant, set purge_limit to 2: a (1), b (2)", answer["msg"])
	assert.Empty(t, s.Log())
}

func TestWholeStack(t *testing.T) {
	s := &memory.Service{}
	for i := range 12 {
		s.Add(memory.Full(i))
	}
	options := m{"stack": "s1", "state": "absent", "purge_limit": "50%"}
	assert.Equal(t, true, run(t, module(s, nil), options, nil)["failed"], "purge_limit guards it where it is set")
	delete(options, "purge_limit")
	answer := run(t, module(s, nil), options, nil)
	assert.Equal(t, summary(m{"deleted": 12.0}), answer["summary"])
	assert.Empty(t, s.Things())
}

func TestNullIsNotLeftOut(t *testing.T) {
	s := &memory.Service{}
	s.Add(memory.Full(1))
	for _, half := range []m{
		{"stack": "s1", "state": "absent", "things": nil},
		{"stack": "s1", "state": "absent", "name": nil},
		{"stack": "s1", "state": "absent", "id": nil},
		{"stack": nil, "state": "absent", "name": "thing 1"},
		{"stack": nil, "purge": true, "things": l{m{"name": "new"}}},
		{"purge": true, "things": nil},
		{"state": "absent", "things": l{m{"name": "thing 1", "stack": nil}}},
		{"stack": "s1", "state": "absent", "purge_limit": nil},
		{"stack": "s1", "state": "absent", "size": nil},
		{"stack": "s1", "state": "absent", "tags": nil},
		{"name": "thing 1", "tags": l{nil}},
		{"things": l{m{"name": "thing 1", "tags": l{"x", nil}}}},
		{"stack": "s1", "state": "absent", "purge_limit": ""},
	} {
		run(t, module(s, nil), half, nil)
		assert.Equal(t, []string{"thing 1"}, s.Things(), "%v came out of a template half rendered and deletes", half)
	}
	assert.Empty(t, s.Log())
	assert.Equal(t, "value of stack must be the name of a stack, got null; leave the option out where there is none, as default(omit) does",
		run(t, module(s, nil), m{"stack": nil, "name": "a"}, nil)["msg"])
	assert.Equal(t, "value of things[0].tags[1] must not be null; leave the element out, and write an empty list to clear one",
		run(t, module(s, nil), m{"things": l{m{"name": "a", "tags": l{"x", nil}}}}, nil)["msg"])
	assert.Equal(t, summary(nil), run(t, module(s, nil), m{"stack": "s1", "state": "absent", "things": nil}, nil)["summary"], "a list that is null is empty")
}

func TestWhatIsDeclaredTwiceIsRefusedBeforeAnyCall(t *testing.T) {
	answer := run(t, module(&memory.Service{FailPage: 1}, nil), m{"things": l{m{"name": "a"}, m{"name": "a"}}}, nil)
	assert.Equal(t, "a: declared twice, at positions 0 and 1 of the list", answer["msg"], "the list was not read")
}

func TestASecretThatIsClearedOrSet(t *testing.T) {
	s := &memory.Service{}
	s.Add(memory.Full(1))
	cleared := run(t, module(s, nil), m{"name": "thing 1", "token": ""}, nil)
	assert.Equal(t, m{"token": m{"before": "********", "after": ""}}, cleared["things"].(l)[0].(m)["changes"])
	set := run(t, module(s, nil), m{"name": "thing 1", "token": "new-secret"}, nil)
	assert.Equal(t, m{"token": m{"before": "", "after": "********"}}, set["things"].(l)[0].(m)["changes"])
}

// heedless is the part of a ledger that lets others write at the same time.
type heedless struct{}

func (heedless) Alone(_ context.Context, _ string, do func() error) error { return do() }

func (heedless) WarnLost(context.Context, string, []string) {}

func (heedless) Forget(context.Context, ...string) {}

// worried is a ledger that cannot protect.
type worried struct{ heedless }

func (worried) Once(_ context.Context, _, _ string, _ func(string) (bool, error), _ func(time.Duration) (string, error), create func() (string, error)) error {
	_, err := create()
	return err
}

func (worried) Recent(context.Context, ...string) []string { return nil }

func (worried) Warnings() []string { return []string{"100% unprotected"} }

func TestTheLedgersWarningsAreTold(t *testing.T) {
	answer := run(t, module(&memory.Service{}, worried{}), m{"name": "a"}, nil)
	assert.Equal(t, l{"100% unprotected"}, answer["warnings"])
}

// second is a ledger under which the first creation is done and the second hangs, as with a server that does not answer.
type second struct {
	heedless
	signals chan os.Signal
	release chan struct{}
	count   int
}

func (s *second) Once(_ context.Context, _, _ string, _ func(string) (bool, error), _ func(time.Duration) (string, error), create func() (string, error)) error {
	if s.count++; s.count == 2 {
		s.signals <- syscall.SIGTERM
		<-s.release
		return errors.New("no answer")
	}
	_, err := create()
	return err
}

func (s *second) Recent(context.Context, ...string) []string { return nil }

func TestAnInterruptedRunTellsWhatWasDone(t *testing.T) {
	s := &memory.Service{}
	ledger := &second{signals: make(chan os.Signal, 1), release: make(chan struct{})}
	defer close(ledger.release)
	answer := run(t, module(s, ledger), m{"things": l{m{"name": "a"}, m{"name": "b"}, m{"name": "c"}}}, ledger.signals)
	assert.Equal(t, true, answer["failed"])
	assert.Equal(t, true, answer["changed"])
	assert.Contains(t, answer["msg"], "SIGTERM")
	require.Len(t, answer["things"], 2, "what was not begun is not told")
	assert.Equal(t, "created", answer["things"].(l)[0].(m)["action"])
	assert.Equal(t, "failed", answer["things"].(l)[1].(m)["action"])
	assert.Equal(t, "b: was under way (to be created) when the run ended, and may be done in part; the next run finds out", answer["things"].(l)[1].(m)["error"])
	assert.Equal(t, []string{"a"}, s.Things())
}

// hanging is a service whose first write hangs.
type hanging struct{ *second }

func (h hanging) Once(
	ctx context.Context, group, key string, known func(string) (bool, error), find func(time.Duration) (string, error), create func() (string, error),
) error {
	h.count = 1
	return h.second.Once(ctx, group, key, known, find, create)
}

func TestWhatWasUnderWayWhenARunEndedMayHaveChangedSomething(t *testing.T) {
	s := &memory.Service{}
	ledger := hanging{&second{signals: make(chan os.Signal, 1), release: make(chan struct{})}}
	defer close(ledger.release)
	answer := run(t, module(s, ledger), m{"name": "a"}, ledger.signals)
	assert.Equal(t, true, answer["failed"])
	assert.Equal(t, true, answer["changed"])
	assert.Equal(t, summary(m{"failed": 1.0}), answer["summary"])
}

// partner is a service in which b goes with a, and c must stay.
type partner struct{ *memory.Service }

func (p partner) Cascade(_ context.Context, plan reconcile.Plan[memory.Thing]) (reconcile.Plan[memory.Thing], error) {
	for i := range plan {
		switch step := &plan[i]; {
		case step.Action != reconcile.Delete:
		case step.Key == "c":
			step.Err = errors.New("c: must stay")
		case step.Key == "a":
			plan = append(plan, reconcile.Along(p, *step, reconcile.Found[memory.Thing]{ID: "2", Known: memory.Named("b")}))
		}
	}
	return plan, nil
}

func TestWhatGoesAlongIsNamedAndWhatMustStayHoldsThePurge(t *testing.T) {
	for _, check := range []bool{true, false} {
		s := &memory.Service{}
		for _, name := range []string{"a", "b", "c", "d"} {
			s.Add(memory.Named(name))
		}
		answer := run(t, moduleOver(partner{s}, s, nil), m{"_ansible_check_mode": check, "name": "a", "state": "absent"}, nil)
		assert.Equal(t, summary(m{"deleted": 2.0}), answer["summary"])
		assert.Equal(t, "goes with 1", answer["things"].(l)[1].(m)["reason"])

		before := s.Things()
		answer = run(t, moduleOver(partner{s}, s, nil), m{"_ansible_check_mode": check, "purge": true, "things": l{m{"name": "e"}}}, nil)
		assert.Contains(t, answer["msg"], "c: must stay")
		if check {
			assert.Equal(t, before, s.Things())
		} else {
			assert.Equal(t, []string{"c", "d", "e"}, s.Things())
		}
		assert.Contains(t, answer["msg"], "d (4): deletion not attempted, because 1 other failed")
	}
}

// full is a service that has no room for more.
type full struct{ *memory.Service }

func (full) Admit(_ context.Context, plan reconcile.Plan[memory.Thing]) error {
	if plan.Changed() {
		return errors.New("no room")
	}
	return nil
}

func TestAPlanThatTheServiceDoesNotAdmitChangesNothing(t *testing.T) {
	s := &memory.Service{}
	s.Add(memory.Named("there"))
	for _, check := range []bool{true, false} {
		answer := run(t, moduleOver(full{s}, s, nil), m{"_ansible_check_mode": check, "things": l{m{"name": "a"}, m{"name": "b"}}}, nil)
		assert.Equal(t, m{"failed": true, "changed": false, "things": l{}, "summary": summary(nil), "msg": "no room"}, answer)
	}
	assert.Empty(t, s.Log())
	assert.Equal(t, summary(m{"unchanged": 1.0}), run(t, moduleOver(full{s}, s, nil), m{"name": "there"}, nil)["summary"])
}

// forgetful is a service that keeps nothing of what it confirms.
type forgetful struct{ *memory.Service }

func (forgetful) Create(_ context.Context, want memory.Thing) (reconcile.Object[memory.Thing], error) {
	return reconcile.Object[memory.Thing]{ID: "1", State: want}, nil
}

func TestWhatIsVerifiedAndNotThereHasFailed(t *testing.T) {
	s := &memory.Service{}
	m := moduleOver(forgetful{s}, s, nil)
	assert.Equal(t, true, run(t, m, map[string]any{"name": "a"}, nil)["changed"], "the server's word is taken")
	answer := run(t, moduleThat(forgetful{s}, s, nil, func(task *resource.Task[memory.Thing]) { task.Verify = true }), map[string]any{"name": "a"}, nil)
	assert.Equal(t, "1 of 1 thing failed: a: the server confirmed it, but it is not there", answer["msg"])
}

func TestWishesThatOnlyTheServiceCanComplete(t *testing.T) {
	s := &memory.Service{}
	s.Add(memory.Named("there"))
	more := func(wants []reconcile.Want[memory.Thing], err error) func(*resource.Task[memory.Thing]) {
		return func(task *resource.Task[memory.Thing]) {
			task.More = func(context.Context) ([]reconcile.Want[memory.Thing], error) { return wants, err }
		}
	}
	found := []reconcile.Want[memory.Thing]{{State: memory.Named("found")}}
	answer := run(t, moduleThat(s, s, nil, more(found, nil)), m{"name": "there"}, nil)
	assert.Equal(t, summary(m{"unchanged": 1.0, "created": 1.0}), answer["summary"])
	answer = run(t, moduleThat(s, s, nil, more(found, nil)), m{"name": "found"}, nil)
	assert.Equal(t, "found: declared twice, at positions 0 and 1 of the list", answer["msg"])
	answer = run(t, moduleThat(s, s, nil, more(nil, errors.New("no hosts"))), m{"name": "new"}, nil)
	assert.Equal(t, "nothing was changed: no hosts", answer["msg"])
	assert.Equal(t, []string{"there", "found"}, s.Things())
}

func TestAPurgeWhoseWishesComeToNothingRemovesNothing(t *testing.T) {
	s := &memory.Service{}
	s.Add(memory.Named("a"))
	for _, wants := range [][]reconcile.Want[memory.Thing]{nil, {{State: memory.Named("b"), Absent: true}}} {
		m := moduleThat(s, s, nil, func(task *resource.Task[memory.Thing]) { task.Wants = wants }) // as for hosts of which there are none
		answer := run(t, m, map[string]any{"purge": true, "things": l{map[string]any{"name": "a"}}}, nil)
		assert.Equal(t, true, answer["failed"])
		assert.Contains(t, answer["msg"], "purge: true with no thing that shall be present would remove everything in its scope")
	}
	assert.Equal(t, []string{"a"}, s.Things())
}

func TestAnswer_HasSummaryInMsg(t *testing.T) {
	s := &memory.Service{}
	s.Add(memory.Named("same"))
	s.Add(memory.Named("gone"))
	options := m{"things": l{m{"name": "a"}, m{"name": "b"}, m{"name": "same"}, m{"name": "gone", "state": "absent"}}}
	with := func(more m) m {
		maps.Copy(more, options)
		return more
	}
	assert.Equal(t, "would create 2, delete 1; unchanged 1", run(t, module(s, nil), with(m{"_ansible_check_mode": true}), nil)["msg"])
	assert.Equal(t, "created 2, deleted 1, unchanged 1", run(t, module(s, nil), options, nil)["msg"])
	assert.Equal(t, "unchanged 4", run(t, module(s, nil), options, nil)["msg"])
	assert.Equal(t, "unchanged 4", run(t, module(s, nil), with(m{"_ansible_check_mode": true}), nil)["msg"], "nothing would be done")
	assert.Equal(t, "nothing to do", run(t, module(s, nil), m{"things": l{}}, nil)["msg"])
	refused := run(t, module(s, nil), m{"things": l{m{"name": "same", "id": "99"}}}, nil)
	assert.Contains(t, refused["msg"], "1 of 1 thing failed", "an error is not overwritten")
	assert.Equal(t, "created 1, updated 2, replaced 3, deleted 4, unchanged 5, failed 6", resource.SummaryLine(map[string]int{
		"created": 1, "updated": 2, "replaced": 3, "deleted": 4, "unchanged": 5, "failed": 6,
	}, false))
	assert.Equal(t, "would create 1, update 2, replace 3, delete 4", resource.SummaryLine(map[string]int{
		"created": 1, "updated": 2, "replaced": 3, "deleted": 4,
	}, true))
}

func TestResults_ChangedLeavesOutUnchanged(t *testing.T) {
	for _, check := range []bool{true, false} {
		s := &memory.Service{}
		s.Add(memory.Named("same"))
		s.Add(memory.Named("gone"))
		options := m{"_ansible_check_mode": check, "things": l{
			m{"name": "same"}, m{"name": "new"}, m{"name": "failed", "id": "99"}, m{"name": "gone", "state": "absent"},
		}}
		names := func(answer m) (names []any) {
			for _, thing := range answer["things"].(l) {
				names = append(names, thing.(m)["name"])
			}
			return names
		}
		options["results"] = "changed"
		answer := run(t, module(s, nil), options, nil)
		assert.Equal(t, []any{"new", "failed", "gone"}, names(answer), "what failed is listed")
		assert.Equal(t, summary(m{"unchanged": 1.0, "created": 1.0, "deleted": 1.0, "failed": 1.0}), answer["summary"])
	}
}
