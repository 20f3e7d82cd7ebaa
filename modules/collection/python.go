// SPDX-License-Identifier: GPL-3.0-or-later

package collection

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
)

// program is the end of a module's Python file. It exists for those who read the argument spec by running it without a task.
func program(name string, spec ansible.Spec) string {
	imports := ""
	if usesEnvironment(spec) {
		imports = ", env_fallback"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "from ansible.module_utils.basic import AnsibleModule%s\n\n\ndef main():\n    module = AnsibleModule(\n", imports)
	arguments(&b, "argument_spec", spec, 2)
	b.WriteString(`        supports_check_mode=True,
    )
    module.fail_json(msg="` + name + ` is run by the action plugin of its collection; it cannot be run as a module of its own")


if __name__ == "__main__":
    main()
`)
	return b.String()
}

func usesEnvironment(spec ansible.Spec) bool {
	return slices.ContainsFunc(spec.Options, func(o ansible.Option) bool {
		return len(o.Env) > 0 || o.Sub != nil && usesEnvironment(*o.Sub)
	})
}

// arguments writes a spec and the rules among its options as keyword arguments.
func arguments(b *strings.Builder, name string, spec ansible.Spec, depth int) {
	tab := strings.Repeat("    ", depth)
	b.WriteString(tab + name + "=dict(\n")
	for _, o := range spec.Options {
		option(b, o, depth+1)
	}
	b.WriteString(tab + "),\n")
	for _, rule := range []struct {
		name   string
		groups [][]string
	}{
		{"mutually_exclusive", spec.MutuallyExclusive}, {"required_together", spec.RequiredTogether}, {"required_one_of", spec.RequiredOneOf},
	} {
		if len(rule.groups) > 0 {
			b.WriteString(tab + rule.name + "=[\n")
			for _, group := range rule.groups {
				b.WriteString(tab + "    " + literal(group) + ",\n")
			}
			b.WriteString(tab + "],\n")
		}
	}
	if len(spec.RequiredIf) > 0 {
		b.WriteString(tab + "required_if=[\n")
		for _, rule := range spec.RequiredIf {
			anyOf := ""
			if rule.AnyOf {
				anyOf = ", True"
			}
			fmt.Fprintf(b, "%s    (%s, %s, %s%s),\n", tab, literal(rule.Option), literal(rule.Value), literal(rule.Requires), anyOf)
		}
		b.WriteString(tab + "],\n")
	}
	if len(spec.RequiredBy) > 0 {
		b.WriteString(tab + "required_by={\n")
		for _, rule := range spec.RequiredBy {
			fmt.Fprintf(b, "%s    %s: %s,\n", tab, literal(rule.Option), literal(rule.Requires))
		}
		b.WriteString(tab + "},\n")
	}
}

func option(b *strings.Builder, o ansible.Option, depth int) {
	tab := strings.Repeat("    ", depth)
	said := []string{"type=" + literal(o.Type)}
	say := func(name string, value any) { said = append(said, name+"="+literal(value)) }
	if o.Elements != "" {
		say("elements", o.Elements)
	}
	if o.Required && len(o.Env) == 0 {
		say("required", true)
	}
	if o.Default != nil {
		say("default", o.Default)
	}
	if o.Choices != nil {
		say("choices", o.Choices)
	}
	if len(o.Aliases) > 0 {
		say("aliases", o.Aliases)
	}
	if o.Logging != ansible.Unknown {
		say("no_log", o.Logging == ansible.Hidden)
	}
	if len(o.Env) > 0 {
		said = append(said, "fallback=(env_fallback, "+literal(o.Env)+")")
	}
	if o.ApplyDefaults {
		say("apply_defaults", true)
	}
	if o.Sub == nil {
		line := tab + o.Name + "=dict(" + strings.Join(said, ", ") + "),\n"
		if len(line) <= 160 {
			b.WriteString(line)
			return
		}
		b.WriteString(tab + o.Name + "=dict(\n" + tab + "    " + strings.Join(said, ",\n"+tab+"    ") + ",\n" + tab + "),\n")
		return
	}
	b.WriteString(tab + o.Name + "=dict(\n" + tab + "    " + strings.Join(said, ",\n"+tab+"    ") + ",\n")
	arguments(b, "options", *o.Sub, depth+1)
	b.WriteString(tab + "),\n")
}

// literal writes a value of a spec as Python does.
func literal(value any) string {
	switch v := value.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case string:
		return strconv.QuoteToASCII(v)
	case []string:
		return bracketed(v)
	case []any:
		return bracketed(v)
	default:
		return fmt.Sprint(v)
	}
}

func bracketed[T any](items []T) string {
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = literal(item)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}
