// SPDX-License-Identifier: GPL-3.0-or-later

// Package pkg_test holds the layers of the suite: who may import whom, and what may be called where.
package pkg_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const modulePath = "github.com/stackwatch/ansible-monitoring/"

// A layer says what the packages below one folder may import, the standard library and their own folder aside. A trailing
// slash takes in everything below. The row with the longest matching folder rules; a package without a row is refused, so
// that whoever adds one decides where it stands.
type layer struct {
	dir     string
	imports []string
	reason  string
}

// layers is the house of the design, lowest floor first.
func layers() []layer {
	const (
		mapstructure = "github.com/mitchellh/mapstructure"
		yaml         = "go.yaml.in/yaml/v3"
		testify      = "github.com/stretchr/testify/"
	)
	service := []string{"pkg/pattern", "pkg/secret", "pkg/ansible", "pkg/localstate", "pkg/progress", "pkg/httpapi", "pkg/reconcile", "pkg/resource", "pkg/names", "pkg/stacks", "pkg/window", "pkg/duration",
		"golang.org/x/sync/", mapstructure, yaml}
	return []layer{
		{"pkg/secret", nil, "whatever can hold a secret must be able to import it, so it imports nothing"},
		{"pkg/pattern", nil, "any package may need one"},
		{"pkg/duration", []string{"pkg/pattern"}, "options of every module parse durations in the same way"},
		{"pkg/localstate", []string{"github.com/gofrs/flock", "golang.org/x/sys/"}, "state files know neither HTTP nor Ansible"},
		{"pkg/progress", nil, "how far a run is can be told from any floor, so it stands below all of them"},
		{"pkg/ansible", []string{"pkg/pattern", "pkg/secret", "pkg/progress", mapstructure, yaml}, "the AnsibleModule contract knows no API and no plan"},
		{"pkg/ansible/ansibletest", []string{"pkg/ansible", "pkg/secret", testify, yaml}, "it helps tests of modules, not of one service"},
		{"pkg/ansible/playtest", []string{"pkg/ansible/ansibletest", "golang.org/x/sys/"}, "it runs plays with whatever modules there are"},
		{"pkg/httpapi", []string{"pkg/pattern", "pkg/secret", "pkg/localstate", "pkg/progress", "github.com/go-resty/resty/v2"}, "the client knows no vendor and no module"},
		{"pkg/reconcile", []string{"pkg/progress", "golang.org/x/sync/errgroup"}, "plan and apply stay pure: any provider, any front end"},
		{"pkg/internal/memory", []string{"pkg/reconcile", "pkg/secret"}, "a provider without a service, for the tests of the engine and of what stands on it"},
		{"pkg/reconcile/reconciletest", []string{"pkg/reconcile", "pkg/secret", testify}, "the contract is the same for every provider"},
		{"pkg/names", []string{"pkg/reconcile"}, "a list of names is read by whatever the service gives"},
		{"pkg/stacks", []string{"pkg/reconcile"}, "what belongs to whom is told by tags, for any service that has them"},
		{"pkg/window", []string{"pkg/pattern", "pkg/duration"}, "when something shall be is the same for every service that keeps quiet for a while"},
		{"pkg/resource", []string{"pkg/secret", "pkg/progress", "pkg/ansible", "pkg/reconcile"}, "it joins options, provider and engine, for any service over any transport"},
		{"pkg/resource/resourcetest", []string{"pkg/ansible", "pkg/ansible/ansibletest", "pkg/emulator", testify, yaml}, "it runs any vendor's module against any vendor's emulator"},
		{"pkg/emulator", nil, "the emulator judges the modules, so it shares no code with them"},
		{"pkg/emulator/statuscake/conformtest", []string{"pkg/emulator", "pkg/emulator/", "github.com/getkin/kin-openapi/", testify}, "conformity is judged by a tool that others wrote"},
		{"modules", append([]string{"modules/"}, service...), "the list of modules names every service, and holds nothing else"},
		{"modules/bundle", []string{"modules", "pkg/ansible"}, "main.go joins all modules to the process, and does no work"},
		{"modules/collection", []string{"pkg/ansible", yaml}, "what Ansible reads about a module follows from its documentation and its rules"},
		{"modules/*", service, "services never import each other: what two of them need belongs into pkg"},
		{"modules/*/*", []string{"modules/.", "pkg/ansible", "pkg/resource"}, "main.go joins its own service to the process, and does no work"},
		{"pkg/servertest", []string{"pkg/emulator", testify}, "it runs any real server, and puts the machinery of the emulator in front of it"},
		{"modules/icinga2/icingatest", []string{"pkg/ansible/ansibletest", "pkg/emulator", "pkg/servertest", testify}, "it judges the modules against the real server, so it shares no code with them"},
		{"modules/alerta/alertatest", []string{"pkg/ansible/ansibletest", "pkg/emulator", "pkg/servertest", testify}, "it judges the module against the real server, so it shares no code with it"},
	}
}

// A ban names a call or variable that has one home.
type ban struct {
	names  []string // import path and identifier, e.g. "os.Exit"
	homes  []string // folders or files where it is at home
	tests  bool     // whether tests are held too
	reason string
}

func bans() []ban {
	process := []string{"pkg/ansible", "pkg/emulator/serve"}
	serving := []string{"pkg/emulator", "pkg/emulator/statuscake", "pkg/emulator/pingdom"}
	return []ban{
		{[]string{"os.Exit", "os.Args", "os.Stdin", "os.Stdout", "flag.Parse", "flag.CommandLine", "log.Fatal", "log.Fatalf", "log.Fatalln"}, process, false,
			"the process belongs to pkg/ansible: anything else on standard output breaks the one JSON answer that Ansible reads"},
		{[]string{"fmt.Print", "fmt.Printf", "fmt.Println", "log.Print", "log.Printf", "log.Println"}, append(slices.Clone(process), "pkg/ansible/ansibletest/argspec"), false,
			"standard output carries the one JSON answer, and nobody reads a log of a module"},
		{[]string{"context.Background", "context.TODO"}, process, false,
			"take ctx from the caller, so that SIGTERM and the total timeout reach every call"},
		{[]string{"regexp.MustCompile"}, append(serving, "pkg/pattern", "modules/collection"), false,
			"each task starts the program anew: use pattern.New, which compiles what is used"},
		{[]string{"time.Sleep"}, nil, true,
			"nobody can cancel a bare sleep: wait on a timer and ctx.Done(); a test waits on a channel or inside testing/synctest"},
	}
}

// file is one parsed Go file of the suite.
type file struct {
	dir, name string // slash-separated, relative to the root
	ast       *ast.File
}

func (f file) isTest() bool { return strings.HasSuffix(f.name, "_test.go") }

// isHelper tells whether the file is in a package that only tests import: its folder ends in "test".
func (f file) isHelper() bool {
	return strings.HasSuffix(f.dir, "test") && !strings.HasPrefix(f.dir, "modules/")
}

func TestLayers(t *testing.T) {
	t.Parallel()
	files := parseTree(t, "..")
	require.NotEmpty(t, files)
	for _, f := range files {
		for _, complaint := range complaints(f) {
			t.Errorf("%s: %s", path.Join(f.dir, f.name), complaint)
		}
	}
}

// TestPatterns compiles each pattern, which the program itself does only when it needs it.
func TestPatterns(t *testing.T) {
	t.Parallel()
	found := 0
	for _, f := range parseTree(t, "..") {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 {
				return true
			}
			if name, ok := call.Fun.(*ast.SelectorExpr); !ok || name.Sel.Name != "New" || !isNamed(name.X, "pattern") {
				return true
			}
			found++
			literal, ok := call.Args[0].(*ast.BasicLit)
			if !assert.True(t, ok, "%s/%s: a pattern is written out where it is made", f.dir, f.name) {
				return true
			}
			expression, err := strconv.Unquote(literal.Value)
			require.NoError(t, err)
			_, err = regexp.Compile(expression)
			assert.NoError(t, err, "%s/%s", f.dir, f.name)
			return true
		})
	}
	assert.Greater(t, found, 20)
}

func isNamed(x ast.Expr, name string) bool {
	id, ok := x.(*ast.Ident)
	return ok && id.Name == name
}

// TestPackageComments holds that a package says what it is for, once.
func TestPackageComments(t *testing.T) {
	t.Parallel()
	docs := map[string][]string{}
	for _, f := range parseTree(t, "..") {
		if f.isTest() {
			continue
		}
		documented := docs[f.dir]
		if f.ast.Doc != nil {
			documented = append(documented, f.name)
		}
		docs[f.dir] = documented
	}
	for dir, files := range docs {
		assert.Len(t, files, 1, "%s: a package has one doc comment, in one file, so that it can be found and cannot contradict itself", dir)
	}
}

// TestBreachesAreFound holds the rules themselves: each breach written here is refused, for its own reason.
func TestBreachesAreFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ what, path, source, complaint string }{
		{"resty outside httpapi", "modules/statuscake/client.go", `package statuscake; import _ "github.com/go-resty/resty/v2"`, "must not import github.com/go-resty/resty/v2"},
		{"service imports service", "modules/pingdom/client.go", `package pingdom; import _ "github.com/stackwatch/ansible-monitoring/modules/statuscake"`, "services never import each other"},
		{"main imports another service", "modules/pingdom/pingdom_check/main.go", `package main; import _ "github.com/stackwatch/ansible-monitoring/modules/statuscake"; func main() { run() }`, "must not import modules/statuscake"},
		{"main imports its service", "modules/pingdom/pingdom_check/main.go", `package main; import "github.com/stackwatch/ansible-monitoring/modules/pingdom"; func main() { pingdom.Check() }`, ""},
		{"pkg imports a service", "pkg/resource/a.go", `package resource; import _ "github.com/stackwatch/ansible-monitoring/modules/pingdom"`, "must not import modules/pingdom"},
		{"secret imports the suite", "pkg/secret/a.go", `package secret; import _ "github.com/stackwatch/ansible-monitoring/pkg/ansible"`, "so it imports nothing"},
		{"reconcile imports httpapi", "pkg/reconcile/a.go", `package reconcile; import _ "github.com/stackwatch/ansible-monitoring/pkg/httpapi"`, "plan and apply stay pure"},
		{"reconcile imports errgroup", "pkg/reconcile/a.go", `package reconcile; import _ "golang.org/x/sync/errgroup"`, ""},
		{"reconcile imports semaphore", "pkg/reconcile/a.go", `package reconcile; import _ "golang.org/x/sync/semaphore"`, "must not import golang.org/x/sync/semaphore"},
		{"a module ships the emulator", "modules/pingdom/a.go", `package pingdom; import _ "github.com/stackwatch/ansible-monitoring/pkg/emulator"`, "must not import pkg/emulator"},
		{"a module's test runs the emulator", "modules/pingdom/a_test.go", `package pingdom; import _ "github.com/stackwatch/ansible-monitoring/pkg/emulator"`, ""},
		{"package without a row", "pkg/newcomer/a.go", `package newcomer`, "no row in the table of layers"},
		{"exit in a service", "modules/pingdom/a.go", `package pingdom; import "os"; func f() { os.Exit(1) }`, "os.Exit: the process belongs to pkg/ansible"},
		{"exit under another name", "modules/pingdom/a.go", `package pingdom; import sys "os"; func f() { sys.Exit(1) }`, "os.Exit: the process belongs to pkg/ansible"},
		{"exit in its home", "pkg/ansible/main.go", `package ansible; import "os"; func f() { os.Exit(1) }`, ""},
		{"dot import", "modules/pingdom/a.go", `package pingdom; import . "os"; func f() { Exit(1) }`, "dot import"},
		{"context made below main", "pkg/httpapi/a.go", `package httpapi; import "context"; func f() { g(context.Background()) }`, "take ctx from the caller"},
		{"context made by main", "modules/pingdom/x/main.go", `package main; import "context"; func main() { run(context.Background()) }`, ""},
		{"a pattern that is compiled at each start", "pkg/httpapi/a.go", `package httpapi; import "regexp"; var p = regexp.MustCompile("a")`, "use pattern.New"},
		{"sleep", "pkg/httpapi/a.go", `package httpapi; import "time"; func f() { time.Sleep(1) }`, "nobody can cancel"},
		{"sleep in a test", "pkg/httpapi/a_test.go", `package httpapi; import "time"; func f() { time.Sleep(1) }`, "nobody can cancel"},
		{"print", "pkg/resource/a.go", `package resource; import "fmt"; func f() { fmt.Println() }`, "standard output"},
		{"init", "pkg/resource/a.go", `package resource; func init() {}`, "func init"},
		{"a method called init", "pkg/resource/a.go", `package resource; type t int; func (t) init() {}`, ""},
		{"main of two statements", "modules/pingdom/x/main.go", `package main; func main() { a(); b() }`, "one statement"},
		{"main with a helper", "modules/pingdom/x/main.go", `package main; func main() { a() }; func a() {}`, "one statement"},
		{"testify ships", "pkg/resource/a.go", `package resource; import _ "github.com/stretchr/testify/assert"`, "must not import github.com/stretchr/testify/assert"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			parsed, err := parser.ParseFile(token.NewFileSet(), c.path, c.source, parser.ParseComments)
			require.NoError(t, err)
			got := strings.Join(complaints(file{path.Dir(c.path), path.Base(c.path), parsed}), "\n")
			if c.complaint == "" {
				assert.Empty(t, got)
				return
			}
			assert.Contains(t, got, c.complaint)
		})
	}
}

// complaints tells what one file does against the rules, each with its reason.
func complaints(f file) []string {
	var found []string
	names := map[string]string{} // what the file calls a package → import path
	row, known := layerOf(f.dir)
	if !known && !f.isTest() {
		found = append(found, "its package has no row in the table of layers: add one that says what it may import, and why")
	}
	for _, spec := range f.ast.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			found = append(found, err.Error())
			continue
		}
		name := path.Base(imported)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = imported
		if name == "." {
			found = append(found, "dot import of "+imported+": a reader cannot see where a name comes from")
		}
		// Tests may use what they need; what ships may not.
		if known && !f.isTest() && !row.allows(f.dir, imported) {
			found = append(found, "must not import "+strings.TrimPrefix(imported, modulePath)+": "+row.reason)
		}
	}
	for _, decl := range f.ast.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			found = append(found, "func init: work at start-up that nobody called cannot be tested or left out")
		}
	}
	if f.ast.Name.Name == "main" && !f.isTest() && !oneStatement(f.ast) {
		found = append(found, "main.go is one statement: what is in package main can be neither imported nor tested")
	}
	return append(found, forbidden(f, names)...)
}

// forbidden tells which banned names a file uses away from their home.
func forbidden(f file, imports map[string]string) []string {
	var found []string
	ast.Inspect(f.ast, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := selector.X.(*ast.Ident)
		if !ok || imports[x.Name] == "" {
			return true
		}
		name := imports[x.Name] + "." + selector.Sel.Name
		for _, b := range bans() {
			isMain := f.ast.Name.Name == "main" && strings.HasPrefix(name, "context.")
			lenient := !b.tests && (f.isTest() || f.isHelper() || isMain)
			if slices.Contains(b.names, name) && !slices.Contains(b.homes, f.dir) && !lenient {
				found = append(found, name+": "+b.reason)
			}
		}
		return true
	})
	return found
}

// oneStatement tells whether a file declares nothing but imports and a main of one statement.
func oneStatement(f *ast.File) bool {
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.GenDecl:
			if d.Tok != token.IMPORT {
				return false
			}
		case *ast.FuncDecl:
			if d.Name.Name != "main" || len(d.Body.List) != 1 {
				return false
			}
		}
	}
	return true
}

// layerOf finds the row that rules a folder.
func layerOf(dir string) (layer, bool) {
	var best layer
	for _, l := range layers() {
		depth := strings.Count(l.dir, "/") + 1
		parts := strings.Split(dir, "/")
		exact := strings.HasPrefix(l.dir, "modules") // a service has no inner floors but its main packages
		if len(parts) < depth || exact && len(parts) != depth {
			continue
		}
		head := strings.Join(parts[:depth], "/")
		if ok, err := path.Match(l.dir, head); err == nil && ok && len(l.dir) > len(best.dir) {
			best = l
		}
	}
	return best, best.dir != ""
}

// allows tells whether a package in dir may import a path by this row.
func (l layer) allows(dir, imported string) bool {
	own, ours := strings.CutPrefix(imported, modulePath)
	if !ours && !strings.Contains(strings.Split(imported, "/")[0], ".") {
		return !slices.Contains([]string{"testing", "net/http/httptest"}, imported) || strings.HasSuffix(dir, "test")
	}
	if strings.HasPrefix(l.dir, "pkg/") && (own == l.dir || strings.HasPrefix(own, l.dir+"/")) {
		return true // within its own folder
	}
	return slices.ContainsFunc(l.imports, func(allowed string) bool {
		if allowed == "modules/." {
			return own == path.Dir(dir)
		}
		if strings.HasSuffix(allowed, "/") {
			return strings.HasPrefix(own, allowed)
		}
		return own == allowed
	})
}

// parseTree reads every Go file of the suite. It reads them itself, and not through the go command, so that the test
// cache sees which files the verdict depends on, and so that a file behind a build tag is held to the same rules.
func parseTree(t *testing.T, root string) []file {
	t.Helper()
	var files []file
	for _, top := range []string{"pkg", "modules", "playbooks"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(p string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				if err == nil && entry.Name() == "testdata" {
					return filepath.SkipDir // programs that tests build, under the tests' own rules
				}
				return err
			}
			if !strings.HasSuffix(p, ".go") {
				return nil
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, p)
			if err != nil {
				return err
			}
			rel = filepath.ToSlash(rel)
			files = append(files, file{path.Dir(rel), path.Base(rel), parsed})
			return nil
		})
		if !os.IsNotExist(err) {
			require.NoError(t, err)
		}
	}
	return files
}
