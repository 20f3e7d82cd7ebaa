// SPDX-License-Identifier: GPL-3.0-or-later

package playbooks_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/stackwatch/ansible-monitoring/modules"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible/ansibletest"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// TestDocuments runs every example of every document, in the order of the document, on one account: what it shows is
// true together. A fenced block must be of a kind that this test can run, so that no example can be added without being run.
func TestDocuments(t *testing.T) {
	t.Parallel()
	for _, document := range documents(t) {
		t.Run(filepath.Base(document), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(document)
			require.NoError(t, err)
			blocks := fencedBlocks(string(text))
			if len(blocks) == 0 {
				return
			}
			w := newWorld(t, emulator.Options{}) // any token will do: an example may show one
			w.ownPlaybooks()
			w.Env["ANSIBLE_VAULT_PASSWORD_FILE"] = w.Write("vault-password", "only for this test\n")
			for _, module := range []string{"icinga2_service", "alerta_housekeeping"} { // whose servers are real
				if strings.Contains(string(text), "\n  "+module+":\n") {
					w = w.furnish(module)
				}
			}
			if strings.Contains(string(text), "emulator --port-file") {
				path := []string{filepath.Dir(emulatorProgram(t)), filepath.Dir(ansibletest.Python(t)), os.Getenv("PATH")}
				w.Env["PATH"] = strings.Join(path, string(filepath.ListSeparator))
			}
			for _, b := range blocks {
				t.Logf("%s:%d", filepath.Base(document), b.line)
				if b.language == "sh" && strings.HasPrefix(b.text, "molecule ") {
					w.runMolecule(b)
				}
				w.runBlock(b)
			}
		})
	}
}

// TestModuleExamples runs each task that a module's documentation gives as an example, in its order.
func TestModuleExamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(ansibletest.Root(t), "modules", "*", "*", "*.yml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			var documentation struct {
				Examples string `yaml:"EXAMPLES"`
			}
			require.NoError(t, yaml.Unmarshal(text, &documentation))
			require.NotEmpty(t, documentation.Examples, "%s has examples", file)
			w := newWorld(t, unlimited())
			w = w.furnish(strings.TrimSuffix(filepath.Base(file), ".yml"))
			w.runTasks("EXAMPLES of "+file, documentation.Examples)
		})
	}
}

// TestDocumentsNameWhatExists looks up every path and every test that a document names in code style.
func TestDocumentsNameWhatExists(t *testing.T) {
	t.Parallel()
	root := ansibletest.Root(t)
	tests := testNames(t, root)
	code := regexp.MustCompile("`([^`\n]+)`")
	aPath := regexp.MustCompile(`^(docs|meta|modules|pkg|playbooks|\.ci)/[\w./-]*$`)
	aTest := regexp.MustCompile(`^Test[A-Z]\w+$`)
	for _, document := range documents(t) {
		text, err := os.ReadFile(document)
		require.NoError(t, err)
		for _, match := range code.FindAllStringSubmatch(string(text), -1) {
			switch word := match[1]; {
			case aPath.MatchString(word):
				_, err := os.Stat(filepath.Join(root, word))
				assert.NoError(t, err, "%s names %s", document, word)
			case aTest.MatchString(word):
				assert.Contains(t, tests, word, "%s names the test %s", document, word)
			}
		}
	}
}

// TestReadmeShows holds what a newcomer must find in the README.
func TestReadmeShows(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(ansibletest.Root(t), "README.md"))
	require.NoError(t, err)
	assert.Contains(t, string(text), strings.TrimSpace(seedTask), "the task that people have already")
	for _, module := range modules.All() {
		assert.Contains(t, string(text), "\n| `"+module.Name+"` |", "its table has every module")
	}
}

func documents(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.md", "docs/*.md", "playbooks/*.md", "modules/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(ansibletest.Root(t), pattern))
		require.NoError(t, err)
		all = append(all, found...)
	}
	require.NotEmpty(t, all)
	return all
}

// testNames gives the names of all tests of the repository.
func testNames(t *testing.T, root string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	declaration := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	for _, top := range []string{"modules", "pkg", "playbooks", "plugins"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, match := range declaration.FindAllSubmatch(text, -1) {
				names[string(match[1])] = true
			}
			return err
		})
		require.NoError(t, err)
	}
	return names
}

// block is one fenced block of a document.
type block struct {
	line           int // of its opening fence, from 1
	language, text string
}

func fencedBlocks(document string) []block {
	var blocks []block
	var open *block
	for i, line := range strings.Split(document, "\n") {
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && open == nil:
			open = &block{line: i + 1, language: fence}
		case isFence:
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	return blocks
}

// runBlock runs a block by its language: sh and yaml, with "yaml once" for what does something each time it is run. Drawings are
// "text"; anything else is refused.
func (w world) runBlock(b block) {
	w.t.Helper()
	what := fmt.Sprintf("the block at line %d", b.line)
	switch b.language {
	case "text":
	case "sh":
		w.runShell(what, b.text)
	case "yaml", "yaml once":
		w.runYAML(what, b.text, b.language == "yaml once")
	default:
		require.Failf(w.t, "not run", "%s is of the language %q; blocks are yaml, sh or text", what, b.language)
	}
}

// runMolecule runs a block without the emulator on the PATH, where it must fail and say so, and then as it stands. A run of Molecule must not
// depend on the one before it.
func (w world) runMolecule(b block) {
	w.t.Helper()
	path := w.Env["PATH"]
	defer func() { w.Env["PATH"] = path }()
	emulator, others, _ := strings.Cut(path, string(filepath.ListSeparator))
	require.FileExists(w.t, filepath.Join(emulator, "emulator"))
	w.Env["PATH"] = others
	output, err := w.Command("", "bash", "-c", "set -euo pipefail\n"+b.text).CombinedOutput()
	require.Error(w.t, err, string(output))
	assert.Contains(w.t, string(output), "Look for the emulator on the PATH")
	assert.NotContains(w.t, string(output), "Start the emulator")

	w.Env["PATH"] = path
	w.runBlock(b)
}

// runShell runs commands as they stand. For make it only looks whether there is such a target: make test would run this test.
func (w world) runShell(what, text string) {
	w.t.Helper()
	const prelude = `set -euo pipefail
make() { grep -q "^$1:" "$MAKEFILE" || { echo "there is no make target $1"; exit 1; }; }
`
	w.Env["MAKEFILE"] = filepath.Join(ansibletest.Root(w.t), "Makefile")
	output, err := w.Command("", "bash", "-c", prelude+text).CombinedOutput()
	require.NoError(w.t, err, "%s: %s", what, output)
}

// runYAML tells plays, lists of tasks and files apart. Files have their name in a comment on the first line, and mappings are always files.
func (w world) runYAML(what, text string, once bool) {
	w.t.Helper()
	var node yaml.Node
	require.NoError(w.t, yaml.Unmarshal([]byte(text), &node), what)
	require.NotEmpty(w.t, node.Content, "%s is empty", what)
	name, isComment := strings.CutPrefix(strings.SplitN(text, "\n", 2)[0], "# ")
	isFile := isComment && filepath.IsLocal(name) && filepath.Ext(name) == ".yml"
	if isFile || node.Content[0].Kind == yaml.MappingNode {
		require.True(w.t, isFile, "%s is a file, whose name stands in a comment on its first line", what)
		w.Write(name, text)
		return
	}
	var items []map[string]any
	require.NoError(w.t, node.Decode(&items), what)
	if _, isPlay := items[0]["hosts"]; isPlay {
		w.runPlay(what, text, once)
		return
	}
	w.runTasks(what, text)
}

// runTasks runs each task of a list as a play of its own.
func (w world) runTasks(what, text string) {
	w.t.Helper()
	starts := regexp.MustCompile(`(?m)^- `).FindAllStringIndex(text, -1)
	require.NotEmpty(w.t, starts, "%s has tasks", what)
	for i, start := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		w.runPlay(fmt.Sprintf("%s, task %d", what, i+1), taskPlay(text[start[0]:end]), false)
	}
}

// runPlay runs example.yml, and once more, which must write nothing, unless it is said to act each time. It gets the variables that
// examples take from elsewhere, and the inventory and the secrets that the document may have made before.
func (w world) runPlay(what, text string, once bool) {
	w.t.Helper()
	w.Write("example.yml", text)
	args := []string{"example.yml", "-e", "statuscake_token=" + token, "-e", "pingdom_token=" + token}
	for name, value := range w.variables {
		args = append(args, "-e", name+"="+value)
	}
	if _, err := os.Stat(filepath.Join(w.Dir, "inventory")); err == nil {
		args = append(args, "-i", "inventory")
	}
	if _, err := os.Stat(filepath.Join(w.Dir, "secrets.yml")); err == nil {
		args = append(args, "-e", "@secrets.yml")
	}
	for _, time := range []string{"the first time", "again"} {
		for _, a := range w.accounts {
			a.ResetCalls()
		}
		run := w.Play("", args...)
		require.Zero(w.t, run.Code, "%s, run %s: %s", what, time, run.Output)
		require.NotZero(w.t, w.sum(func(a account) int { return len(a.Calls()) }), "%s, run %s, calls the service", what, time)
		if !strings.Contains(text, "local_action:") { // of which ansible-core 2.19 warns
			assert.NotContains(w.t, run.Output, "[WARNING]", what)
		}
	}
	assert.Equal(w.t, once, w.sum(account.Writes) > 0, "%s writes nothing when it is run again", what)
}
