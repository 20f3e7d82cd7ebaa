// SPDX-License-Identifier: GPL-3.0-or-later

// Package ansible is the contract between Ansible and a module, in Go: arguments are read, checked and coerced as Ansible's own
// AnsibleModule does it, the module's Run is called, and exactly one JSON document goes to standard output, whatever happens.
//
// A module is a Module value and a main function of one statement:
//
//	func main() { ansible.Main(statuscake.UptimeModule()) }
//
// What options exist is read from the module's documentation; what documentation cannot say stands in Rules. The behaviour and
// the wording are those of ansible-core 2.19; tests hold both against the real thing.
package ansible

import (
	"context"
	"io"
	"log"
	"os"
	"runtime/debug"

	"github.com/stackwatch/ansible-monitoring/pkg/pattern"
)

// Module is one Ansible module.
type Module struct {
	// Name is the module's own name, for example "status_cake_test". Messages use the name that Ansible passes, and fall back to this one.
	Name string
	// Documentation is the module's adjacent documentation file: a YAML mapping with DOCUMENTATION (a mapping, or a string
	// that holds one), EXAMPLES and RETURN. Its options are the argument spec.
	Documentation []byte
	// Options is what DocumentedOptions makes of Documentation. It is read at each start where it is nil, which takes longer than all else that
	// a module does before its first call.
	Options []OptionDoc
	// Params is the zero value of the struct that Call.Decode fills, with mapstructure tags. An option whose field is a
	// secret.Value, or a pointer to, list of or map of secret.Value, is hidden from every output (Ansible's no_log).
	Params any
	// Rules is what documentation cannot say.
	Rules Rules
	// SupportsCheckMode tells that Run writes nothing when Call.CheckMode is set. Otherwise check mode answers "skipped".
	SupportsCheckMode bool
	// Plain names the parts of a Result in which secrets are not masked, because they are the module's own words: a
	// top-level key ("summary"), or a field of list elements ("*.action"; "*.id" only where it is a number). A secret
	// such as "1" would make them unreadable. "msg" counts only where the task has not failed.
	Plain []string
	// Run does the module's work. What it returns is answered even beside an error: an error adds failed and msg.
	// It must return soon after ctx is done, and must not write to standard output. It runs in a goroutine of its own; a
	// panic in it is answered, one in a further goroutine that it starts is not and ends the process.
	Run func(ctx context.Context, call *Call) (Result, error)
}

// Result is a module's answer: "changed", "diff" and whatever the module documents under RETURN. Values may be anything that
// encoding/json encodes; what it cannot encode is answered as text. A secret.Value is answered as its mask.
// "warnings" and "deprecations" join those of Call.Warn and Call.Deprecate.
type Result map[string]any

// Lazy stands in a Result for what it returns when the answer is written, which may be more than once: what is large together and small alone
// takes less memory so.
type Lazy func() any

// Rules is the part of an argument spec that documentation cannot say, for a module's options or for the suboptions of one.
type Rules struct {
	MutuallyExclusive [][]string
	RequiredTogether  [][]string
	RequiredOneOf     [][]string
	RequiredIf        []RequiredIf
	RequiredBy        map[string][]string
	Options           map[string]OptionRules // by option name
}

// RequiredIf demands the options Requires (one of them with AnyOf, else all) when Option has the given Value.
type RequiredIf struct {
	Option   string
	Value    any
	Requires []string
	AnyOf    bool
}

// OptionRules is what documentation cannot say of one option.
type OptionRules struct {
	// Env names environment variables that stand in for an option that was not given; the first one that is set wins.
	Env []string
	// NotSecret says that an option whose name looks like a password holds none: it silences the warning about it.
	NotSecret bool
	// Secret hides an option's value although its field is no secret.Value.
	Secret bool
	// HideFrom is how long a text or number inside a secret dictionary must be to be hidden wherever it occurs. Shorter ones
	// are hidden in the option alone: an answer in which every 1 is hidden cannot be read. 0 hides them all, as Ansible does.
	// It goes with type json, and with HideBelow.
	HideFrom int
	// HideBelow hides, in an option of type dict that is no secret as a whole, what is below keys that match. HideFrom holds there too.
	HideBelow *pattern.Pattern
	// Body marks an option of type str as a request body: a dictionary or a list is converted to JSON.
	// Address says that an option of type str is a URL, of which credentials and what follows a ? or # are hidden.
	Address bool
	// Body says that an option of type str is what is sent as a request's body: a dictionary or a list is written as JSON.
	Body bool
	// ApplyDefaults lets the defaults of suboptions hold even if the option itself was not given.
	ApplyDefaults bool
	// RemovedInVersion or RemovedAtDate (YYYY-MM-DD) deprecates the option.
	RemovedInVersion, RemovedAtDate, RemovedFromCollection string
	DeprecatedAliases                                      []DeprecatedAlias
	// AliasAdvice has the aliases that are often taken for another option, each with what to write then. Such an alias is
	// refused where the option is set too, to another value. Other aliases win, as Ansible has it.
	AliasAdvice map[string]string
	// HideLogins hides the passwords of URLs in an option of type str, or in a list.
	HideLogins bool
	// Advice says, for a value that is not among the choices but was once, what to write instead; the error ends with it.
	Advice map[string]string
	// Rules holds among the option's suboptions.
	Rules
}

// DeprecatedAlias is an alias that will go. It must be among the documented aliases too.
type DeprecatedAlias struct{ Name, Version, Date, Collection string }

// Main runs a module on the process's own arguments, streams, environment and signals, and ends the process.
func Main(m Module) { MainAmong([]Module{m}) }

// memoryLimit is the soft limit in bytes above which garbage is collected more often. A task still gets what it needs.
const memoryLimit = 112 << 20

// MainAmong runs the one of several modules that was called: the one that Ansible names (_ansible_module_name), else the one that
// the first argument names, else the one that the program was started as. What stands before the last dot of a name does not count. A
// program of one module runs it under whatever name it has.
func MainAmong(modules []Module) {
	// A module lives for seconds at most, so that memory is cheaper than the time that looking for what is free takes: a third of a run
	// over thousands of objects.
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(memoryLimit) // above it memory matters more than time
	// net/http logs unsolicited responses, which may repeat a request's credentials.
	log.SetOutput(io.Discard)
	p := osProcess()
	os.Stdout = os.Stderr // keeps what packages print out of the answer
	run := ExecuteAmong
	if len(p.Args) > 1 && p.Args[1] == serve {
		run = Serve
	}
	os.Exit(run(context.Background(), modules, p))
}
