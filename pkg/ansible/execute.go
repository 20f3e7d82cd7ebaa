// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/progress"
)

// Execute runs a module on the given process and returns the code to exit with: 0, or 1 where the task failed. Exactly one
// JSON document goes to p.Stdout, whether the arguments were wrong, Run failed, panicked or was interrupted. Only a person who starts the
// program at a terminal without anything, or asks for help, gets a line of usage on p.Stderr instead.
func Execute(ctx context.Context, m Module, p Process) int { return ExecuteAmong(ctx, []Module{m}, p) }

// ExecuteAmong is Execute for the one of several modules that was called, see MainAmong.
func ExecuteAmong(ctx context.Context, modules []Module, p Process) int {
	p = p.withDefaults()
	switch args := p.args(); {
	case len(args) == 0 && p.Terminal:
		fmt.Fprint(p.Stderr, usage(modules, p))
		return 2
	case slices.Equal(args, []string{"--help"}):
		fmt.Fprint(p.Stderr, usage(modules, p))
		return 0
	}
	code, _ := execute(ctx, modules, p)
	return code
}

// serve is the argument that asks for Serve; the module's name follows it.
const serve = "--serve"

// Serve runs a module time and again: each line of standard input is a call's arguments, and each line of standard output its answer, as
// ExecuteAmong gives it. It comes back when there is no more to read, or after a signal. So the items of a loop need one start of the program.
// Nothing is kept from one call to the next.
func Serve(ctx context.Context, modules []Module, p Process) int {
	p = p.withDefaults()
	p.Args = append(p.Args[:1:1], p.Args[2:]...)
	for lines := bufio.NewReader(p.Stdin); ; {
		line, err := lines.ReadString('\n')
		if err != nil && line == "" {
			return 0
		}
		p.Stdin = strings.NewReader(line)
		if code, stopped := execute(ctx, modules, p); stopped {
			return code
		}
	}
}

func execute(ctx context.Context, modules []Module, p Process) (code int, stopped bool) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	if p.Progress != nil {
		reporter := progress.New(p.Now, func(line string) { _, _ = io.WriteString(p.Progress, line+"\n") })
		ctx = progress.With(ctx, reporter)
		go reporter.Watch(ctx, p.After)
	}

	// The call comes first and the outcome second, unless the arguments already failed.
	calls, outcomes := make(chan *Call, 1), make(chan outcome, 1)
	go func() {
		end := outcome{failed: true, msg: "the module ended without an answer"} // runtime.Goexit, as in a test's FailNow
		defer func() { outcomes <- end }()
		end = work(ctx, modules, p, calls)
	}()

	var end outcome
	select {
	case end = <-outcomes:
	case s := <-p.Signals:
		cause := interrupted{s}
		cancel(cause)
		end, stopped = afterSignal(cause, p, calls, outcomes), true
	}
	if err := end.answer(calls, p.Stdout); err != nil {
		fmt.Fprintf(p.Stderr, "writing the module's answer: %v\n", err)
		return 1, true
	}
	if end.failed {
		return 1, stopped
	}
	return 0, stopped
}

// outcome is what is to be answered.
type outcome struct {
	call   *Call // nil if it did not come to one
	result Result
	failed bool
	msg    string
	stack  string   // after a panic
	plain  []string // see Module.Plain
}

// afterSignal gives Run its time to end in order; a second signal or the end of that time takes what is known.
func afterSignal(cause interrupted, p Process, calls <-chan *Call, outcomes <-chan outcome) outcome {
	select {
	case end := <-outcomes:
		reason := end.msg
		if !end.failed {
			reason = "the work had ended by then"
		}
		if !strings.HasPrefix(reason, cause.Error()) {
			reason = fmt.Sprintf("%v: %s", cause, reason)
		}
		end.failed, end.msg = true, reason
		return end
	case <-p.After(p.Grace):
	case <-p.Signals:
	}
	end := outcome{failed: true, msg: cause.Error() + ": the module did not end in time, what it was doing last may have happened or not"}
	select {
	case end.call = <-calls:
		end.result = end.call.done()
	default:
	}
	return end
}

// work goes from the arguments to the outcome, and turns a panic into one.
func work(ctx context.Context, modules []Module, p Process, calls chan<- *Call) (end outcome) {
	call := &Call{secrets: secretSet{}}
	defer func() {
		if reason := recover(); reason != nil {
			end = outcome{call: call, result: call.done(), failed: true,
				msg: fmt.Sprintf("the module panicked: %v", reason), stack: string(debug.Stack())}
		}
	}()
	m, params, err := prepare(modules, p)
	if err != nil {
		return outcome{failed: true, msg: err.Error()}
	}
	call.Name = m.Name
	end, ready := validateCall(call, m, params, p)
	if !ready {
		return end
	}
	calls <- call
	defer call.end()
	result, err := m.Run(ctx, call)
	end = outcome{call: call, result: result, plain: m.Plain}
	if err != nil {
		end.failed, end.msg = true, OneLine(err)
	}
	return end
}

// bundledModule names the module where Ansible itself names the program that several modules are in.
const bundledModule = "_ansible_bundled_module"

// prepare reads the arguments and picks the module.
func prepare(modules []Module, p Process) (Module, *dict, error) {
	args := p.args()
	named := ""
	if len(args) > 1 || len(args) == 1 && slices.Contains(namesOf(modules), args[0]) {
		named, args = args[0], args[1:]
	}
	params, err := readArguments(p, args)
	if err != nil {
		return Module{}, nil, err
	}
	if len(modules) == 1 && named == "" {
		return modules[0], params, nil
	}
	bundled, _ := params.get(bundledModule)
	called, _ := params.get("_ansible_module_name")
	name := cmp.Or(toStr(bundled), toStr(called), named, p.program())
	i := slices.Index(namesOf(modules), name[strings.LastIndexByte(name, '.')+1:])
	if i < 0 {
		return Module{}, nil, fmt.Errorf("the module must be one of: %s, got: %s", strings.Join(namesOf(modules), ", "), name)
	}
	return modules[i], params, nil
}

func namesOf(modules []Module) []string {
	names := make([]string, len(modules))
	for i, m := range modules {
		names[i] = m.Name
	}
	return names
}

// usage is for a person who starts the program by hand.
func usage(modules []Module, p Process) string {
	names, program := namesOf(modules), p.program()
	if len(modules) == 1 {
		return fmt.Sprintf("%s is a module for Ansible, which gives it options as a JSON object, in a file or on standard input:\n  %s FILE\n  %[2]s < FILE\n",
			names[0], program)
	}
	return fmt.Sprintf("%s holds modules for Ansible, which gives them options as a JSON object, in a file or on standard input:\n"+
		"  %[1]s MODULE FILE\n  %[1]s MODULE < FILE\nMODULE is one of: %s\n", program, strings.Join(names, ", "))
}

// validateCall fills the call. Where it is not ready to run, the outcome is what to answer instead.
func validateCall(call *Call, m Module, params *dict, p Process) (end outcome, ready bool) {
	end = outcome{call: call, failed: true}
	spec, err := m.Spec()
	if err != nil {
		end.call, end.msg = nil, err.Error()
		return end, false
	}
	call.spec, call.params = &spec, params
	facility, logPrefix, ignoreUnknown, err := call.internals(params)
	v := &validator{env: environment{lookup: p.LookupEnv, home: p.LookupHome}, secrets: call.secrets}
	v.validate(&spec, params)
	call.fromEnv = v.fromEnv
	call.given, call.nulls, call.misfit, call.warnings, call.deprecations = v.given, v.nulls, errors.Join(v.misfits...), v.warnings, v.deprecations
	if err != nil {
		end.msg = err.Error()
		return end, false
	}
	if end.msg = v.failure(call.Name, ignoreUnknown); end.msg != "" {
		return end, false
	}
	if call.CheckMode && !m.SupportsCheckMode {
		return outcome{call: call, result: Result{
			"skipped": true, "msg": fmt.Sprintf("remote module (%s) does not support check mode", call.Name),
		}}, false
	}
	if !call.noLog {
		logInvocation(call, p, facility, logPrefix)
	}
	return end, true
}
