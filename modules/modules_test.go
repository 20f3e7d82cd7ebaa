// SPDX-License-Identifier: GPL-3.0-or-later

package modules

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/duration"
	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/resource"
)

// documentation is a module's file as people read it.
type documentation struct {
	Documentation struct {
		Module           string
		ShortDescription string `yaml:"short_description"`
		Description      sentences
		Options          map[string]option
	} `yaml:"DOCUMENTATION"`
	Examples string         `yaml:"EXAMPLES"`
	Return   map[string]any `yaml:"RETURN"`
}

type option struct {
	Description sentences
	Type        string
	Elements    string
	Default     any
	Choices     []any
	Required    bool
	Aliases     []string
	Suboptions  map[string]option
}

// sentences is one text or a list of them.
type sentences []string

func (s *sentences) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*s = sentences{node.Value}
		return nil
	}
	return node.Decode((*[]string)(s))
}

func read(t *testing.T, m ansible.Module) documentation {
	t.Helper()
	var d documentation
	require.NoError(t, yaml.Unmarshal(m.Documentation, &d))
	return d
}

func TestModulesAreSortedAndDistinct(t *testing.T) {
	t.Parallel()
	var names []string
	for _, m := range All() {
		names = append(names, m.Name)
	}
	require.NotEmpty(t, names)
	assert.True(t, slices.IsSorted(names), names)
	assert.Len(t, slices.Compact(slices.Clone(names)), len(names))
}

// TestEveryModuleIsListed finds the folders of modules by what is in them: a module that nobody entered would be built by nobody.
func TestEveryModuleIsListed(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("*", "*", "*.yml"))
	require.NoError(t, err)
	var found, listed []string
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yml")
		assert.Equal(t, name, filepath.Base(filepath.Dir(file)), "%s: the documentation is named after its folder", file)
		assert.FileExists(t, filepath.Join(filepath.Dir(file), "main.go"))
		found = append(found, name)
	}
	for _, m := range All() {
		listed = append(listed, m.Name)
	}
	slices.Sort(found)
	assert.Equal(t, found, listed)
}

func TestDocumentationAgreesWithTheOptions(t *testing.T) {
	t.Parallel()
	for _, m := range All() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			assert.NoError(t, ansible.CheckSpec(m))
			assert.True(t, m.SupportsCheckMode, "a module of this suite has a check mode")
			assert.NotNil(t, m.Run)
			files, err := filepath.Glob(filepath.Join("*", m.Name, m.Name+".yml"))
			require.NoError(t, err)
			require.Len(t, files, 1)
			content, err := os.ReadFile(files[0])
			require.NoError(t, err)
			assert.Equal(t, string(content), string(m.Documentation), "the module embeds its own file")
		})
	}
}

func TestDocumentationReadsWell(t *testing.T) {
	t.Parallel()
	for _, m := range All() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			d := read(t, m)
			assert.Equal(t, m.Name, d.Documentation.Module)
			assert.NotEmpty(t, d.Documentation.ShortDescription)
			assert.False(t, strings.HasSuffix(d.Documentation.ShortDescription, "."), "Ansible wants no full stop after short_description")
			expectSentences(t, "description", d.Documentation.Description)
			expectOptions(t, "", d.Documentation.Options)
			expectReturns(t, "", d.Return)
			for _, key := range []string{"api", "msg", "summary"} {
				assert.Contains(t, d.Return, key, "what every module returns")
			}
			expectExamples(t, m, d.Examples)
		})
	}
}

func expectSentences(t *testing.T, where string, texts sentences) {
	t.Helper()
	assert.NotEmpty(t, texts, "%s: has no description", where)
	for _, text := range texts {
		assert.True(t, strings.HasSuffix(text, "."), "%s: no full stop after %q", where, text)
	}
}

func expectOptions(t *testing.T, path string, options map[string]option) {
	t.Helper()
	for name, o := range options {
		expectSentences(t, path+name, o.Description)
		assert.NotEmpty(t, o.Type, "%s%s: has no type", path, name)
		if o.Type == "list" {
			assert.NotEmpty(t, o.Elements, "%s%s: has no type of its elements", path, name)
		}
		expectOptions(t, path+name+".", o.Suboptions)
	}
}

func expectReturns(t *testing.T, path string, values map[string]any) {
	t.Helper()
	for name, value := range values {
		described, ok := value.(map[string]any)
		if !assert.True(t, ok, "RETURN %s%s", path, name) {
			continue
		}
		text, _ := described["description"].(string)
		expectSentences(t, "RETURN "+path+name, sentences{text})
		assert.NotEmpty(t, described["type"], "RETURN %s%s: has no type", path, name)
		if contains, ok := described["contains"].(map[string]any); ok {
			expectReturns(t, path+name+".", contains)
		}
	}
}

// expectExamples sees that the examples are tasks of this module, with options that it has.
func expectExamples(t *testing.T, m ansible.Module, text string) {
	t.Helper()
	spec, err := ansible.ParseSpec(m.Documentation, m.Params, m.Rules)
	require.NoError(t, err)
	known := map[string]bool{}
	for _, o := range spec.Options {
		known[o.Name] = true
		for _, alias := range o.Aliases {
			known[alias] = true
		}
	}
	var tasks []map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &tasks))
	require.NotEmpty(t, tasks)
	for _, task := range tasks {
		var given map[string]any
		for key, value := range task {
			if key == m.Name || strings.HasSuffix(key, "."+m.Name) || key == "local_action" {
				given, _ = value.(map[string]any)
			}
		}
		assert.NotEmpty(t, given, "the example %q does not call the module", task["name"])
		for name := range given {
			assert.True(t, known[name] || name == "module", "the example %q has an option that is unknown: %s", task["name"], name)
		}
	}
}

// TestOptionsAreThoseDocumented: what was read before says the same as what people read.
func TestOptionsAreThoseDocumented(t *testing.T) {
	t.Parallel()
	for _, m := range All() {
		documented, err := ansible.ParseSpec(m.Documentation, m.Params, m.Rules)
		require.NoError(t, err)
		have, err := m.Spec()
		require.NoError(t, err)
		assert.NotNil(t, m.Options, "%s: run `make generate`", m.Name)
		assert.Equal(t, documented, have, "%s: run `make generate`", m.Name)
	}
}

// BenchmarkSpec is what the start of a module costs with and without it, for all modules together.
func BenchmarkSpec(b *testing.B) {
	for name, read := range map[string]func(ansible.Module) (ansible.Spec, error){
		"before": ansible.Module.Spec,
		"now": func(m ansible.Module) (ansible.Spec, error) {
			return ansible.ParseSpec(m.Documentation, m.Params, m.Rules)
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				for _, m := range All() {
					if _, err := read(m); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// TestSharedOptionsAreDocumentedAlike: whoever knows one module of the suite knows these of all.
func TestSharedOptionsAreDocumentedAlike(t *testing.T) {
	t.Parallel()
	shared := append(fieldNames(reflect.TypeFor[resource.Options]()), fieldNames(reflect.TypeFor[httpapi.Options]())...)
	shared = append(shared, "state", "stack")
	require.Greater(t, len(shared), 10)
	differs := map[string]bool{
		"alerta_housekeeping stack":     true, // which selects, and may select several
		"pingdom_check update_password": true, // Pingdom tells user name and password, so that comparing them is no change in every run
		"pingdom_check state":           true, // which can also pause, all that the earlier module could do
	}
	// Servers of the user's own have no limit, and are saturated by as many connections as was measured.
	for _, own := range []string{"alerta_housekeeping", "icinga2_downtime", "icinga2_host", "icinga2_service"} {
		differs[own+" api_rate_limit"], differs[own+" api_concurrency"] = true, true
	}
	type first struct {
		module string
		form   string
	}
	seen := map[string]first{}
	for _, m := range All() {
		for name, o := range read(t, m).Documentation.Options {
			if !slices.Contains(shared, name) {
				continue
			}
			o.Description = nil // which may name the module's own things
			if differs[m.Name+" "+name] {
				continue
			}
			form := fmt.Sprintf("%+v", o)
			if before, ok := seen[name]; ok {
				assert.Equal(t, before.form, form, "%s in %s and %s", name, before.module, m.Name)
				continue
			}
			seen[name] = first{m.Name, form}
		}
	}
	for _, name := range shared {
		assert.Contains(t, seen, name, "no module has the option %s", name)
	}
}

// TestSuboptionsAreTheModulesOwnOptions: what one object takes, each object of a list takes, in the same words.
func TestSuboptionsAreTheModulesOwnOptions(t *testing.T) {
	t.Parallel()
	for _, m := range All() {
		options := read(t, m).Documentation.Options
		// Whose elements are other things than the module's objects.
		others := map[string]bool{"icinga2_host services": true, "icinga2_service hosts": true, "icinga2_service profiles": true}
		for list, o := range options {
			if others[m.Name+" "+list] {
				continue
			}
			for name, sub := range o.Suboptions {
				if o.Type != "list" { // a dictionary is no list of objects
					continue
				}
				if strings.Contains(strings.Join(sub.Description, " "), "ithout effect here") {
					continue
				}
				own := options[name]
				own.Default, own.Required, sub.Required = sub.Default, false, false          // defaults are the module's; an element may need its name
				if strings.Contains(strings.Join(sub.Description, " "), "own O("+name+")") { // it only says where it is taken from if not set
					own.Description = sub.Description
				}
				assert.Equal(t, own, sub, "%s: %s.%s", m.Name, list, name)
			}
		}
	}
}

func fieldNames(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("mapstructure"); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// TestDurations_AreDescribedAlike holds that all options whose value is a duration say in the same words how it is written.
func TestDurations_AreDescribedAlike(t *testing.T) {
	t.Parallel()
	found := map[string]int{}
	var look func(module, path string, options map[string]option)
	look = func(module, path string, options map[string]option) {
		for name, o := range options {
			text := strings.Join(o.Description, " ")
			if strings.Contains(text, "ithout effect here") {
				continue
			}
			if strings.Contains(text, duration.Sentence) {
				found[name]++
				assert.Equal(t, "str", o.Type, "%s: %s%s", module, path, name)
			} else {
				assert.NotRegexp(t, `V\([0-9]+[smhd]\)`, text, "%s: %s%s describes a duration in words of its own", module, path, name)
				assert.NotRegexp(t, `_(interval|than|duration)$|^(duration|grace|check_timeout)$`, name, "%s: %s%s", module, path, name)
			}
			look(module, path+name+".", o.Suboptions)
		}
	}
	for _, m := range All() {
		look(m.Name, "", read(t, m).Documentation.Options)
	}
	for _, name := range []string{"duration", "flexible_duration", "check_interval", "retry_interval", "check_timeout", "older_than", "grace"} {
		assert.NotZero(t, found[name], name)
	}
}
