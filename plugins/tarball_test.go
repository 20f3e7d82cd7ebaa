// SPDX-License-Identifier: GPL-3.0-or-later

package plugins_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/elf"
	"debug/macho"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible/ansibletest"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible/playtest"
)

// largest is how large the tarball may be: Galaxy takes 20 MB, and this leaves room to see it coming.
const largest = 18_000_000

// packed is one entry of the tarball.
type packed struct {
	*tar.Header
	content []byte
}

// contents are the tarball's entries in their order.
type contents []packed

func unpacked(t *testing.T) contents {
	t.Helper()
	file, err := os.Open(tarball(t))
	require.NoError(t, err)
	defer func() { assert.NoError(t, file.Close()) }()
	plain, err := gzip.NewReader(file)
	require.NoError(t, err)
	var entries contents
	for reader := tar.NewReader(plain); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return entries
		}
		require.NoError(t, err)
		content, err := io.ReadAll(reader)
		require.NoError(t, err)
		entries = append(entries, packed{header, content})
	}
}

// file gives the entry of a name.
func (c contents) file(t *testing.T, name string) packed {
	t.Helper()
	i := slices.IndexFunc(c, func(e packed) bool { return e.Name == name })
	require.GreaterOrEqual(t, i, 0, "%s is not in the tarball", name)
	return c[i]
}

func TestTarball(t *testing.T) {
	t.Parallel()
	c := unpacked(t)
	t.Run("only what belongs there is in it", c.onlyWhatBelongsThere)
	t.Run("it tells nothing of its builder", c.nothingOfItsBuilder)
	t.Run("each program is of its platform", c.eachProgramIsOfItsPlatform)
	t.Run("the checksums are those of the programs", c.checksums)
	t.Run("the programs start", c.programsStart)
}

func (c contents) onlyWhatBelongsThere(t *testing.T) {
	t.Parallel()
	var wanted []string
	for _, m := range modules.All() {
		wanted = append(wanted, "plugins/modules/"+m.Name+".py")
	}
	for _, p := range []string{"stackwatch_darwin_amd64", "stackwatch_darwin_arm64", "stackwatch_linux_amd64", "stackwatch_linux_arm64"} {
		wanted = append(wanted, "plugins/bin/"+p, "plugins/modules/"+p)
	}
	wanted = append(wanted, "FILES.json", "LICENSE", "MANIFEST.json", "README.md", "changelogs/changelog.yaml", "changelogs/config.yaml",
		"docs/testing.md", "meta/execution-environment.yml", "meta/runtime.yml", "plugins/action/bundle.py", "plugins/bin/NOTICES.txt",
		"plugins/bin/SHA256SUMS", "plugins/bin/licences.spdx")
	more := regexp.MustCompile(`^(` + strings.Join([]string{
		`changelogs/fragments/[^/]+\.yml`, `docs/migrating\.md`, `playbooks/([^/]+/)*[^/]+\.(yml|cfg)`, `plugins/doc_fragments/\w+\.py`,
		`tests/sanity/ignore-[0-9.]+\.txt`,
	}, "|") + `)$`)
	for _, entry := range c {
		if entry.Typeflag == tar.TypeDir {
			continue
		}
		if i := slices.Index(wanted, entry.Name); i >= 0 {
			wanted = slices.Delete(wanted, i, i+1)
			continue
		}
		assert.Regexp(t, more, entry.Name, "this is for nobody who uses the collection: name it in build_ignore of galaxy.yml")
	}
	assert.Empty(t, wanted, "these are missing in the tarball")
}

func TestTheTarballIsNoLargerThanGalaxyTakes(t *testing.T) {
	t.Parallel()
	info, err := os.Stat(tarball(t))
	require.NoError(t, err)
	assert.LessOrEqual(t, info.Size(), int64(largest))
}

// nothingOfItsBuilder holds what makes two builds the same: an order, one time, no user, no folder.
func (c contents) nothingOfItsBuilder(t *testing.T) {
	t.Parallel()
	assert.True(t, slices.IsSortedFunc(c, func(a, b packed) int { return strings.Compare(a.Name, b.Name) }), "sorted by name")
	for _, entry := range c {
		assert.Equal(t, c[0].ModTime, entry.ModTime, entry.Name)
		assert.Equal(t, "0 0  ", fmt.Sprint(entry.Uid, entry.Gid)+" "+entry.Uname+" "+entry.Gname, entry.Name)
		assert.False(t, bytes.Contains(entry.content, []byte(ansibletest.Root(t)+"/")), "%s names the folder that it was built in", entry.Name)
	}
}

func (c contents) eachProgramIsOfItsPlatform(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		system, machine string
		format          func(*testing.T, io.ReaderAt) string
		want            string
	}{
		{"linux", "amd64", linux, "EM_X86_64"},
		{"linux", "arm64", linux, "EM_AARCH64"},
		{"darwin", "amd64", darwin, "CpuAmd64"},
		{"darwin", "arm64", darwin, "CpuArm64"},
	} {
		t.Run(tt.system+"/"+tt.machine, func(t *testing.T) {
			t.Parallel()
			name := "stackwatch_" + tt.system + "_" + tt.machine
			program := c.file(t, "plugins/bin/"+name)
			assert.Equal(t, tt.want, tt.format(t, bytes.NewReader(program.content)))
			assert.Equal(t, int64(0o755), program.Mode)
			link := c.file(t, "plugins/modules/"+name)
			assert.Equal(t, byte(tar.TypeSymlink), link.Typeflag, "Ansible looks there for what it copies to a host")
			assert.Equal(t, "../bin/"+name, link.Linkname)
		})
	}
}

// linux tells the machine that a program is for, which needs nothing of the system beside its kernel.
func linux(t *testing.T, program io.ReaderAt) string {
	t.Helper()
	f, err := elf.NewFile(program)
	require.NoError(t, err)
	assert.Equal(t, elf.ET_EXEC, f.Type)
	libraries, err := f.ImportedLibraries()
	require.NoError(t, err)
	assert.Empty(t, libraries)
	return f.Machine.String()
}

func darwin(t *testing.T, program io.ReaderAt) string {
	t.Helper()
	f, err := macho.NewFile(program)
	require.NoError(t, err)
	assert.Equal(t, macho.TypeExec, f.Type)
	return f.Cpu.String()
}

func (c contents) checksums(t *testing.T) {
	t.Parallel()
	sums := map[string]string{}
	for _, entry := range c {
		if name, ok := strings.CutPrefix(entry.Name, "plugins/bin/"); ok && name != "SHA256SUMS" && entry.Typeflag == tar.TypeReg {
			sums[name] = fmt.Sprintf("%x", sha256.Sum256(entry.content))
		}
	}
	listed := map[string]string{}
	for line := range strings.Lines(string(c.file(t, "plugins/bin/SHA256SUMS").content)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		listed[name] = sum
	}
	assert.Equal(t, sums, listed)
}

// programsStart runs those of this machine's system: its own, and that of the other machine in an emulator of it.
func (c contents) programsStart(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the emulator runs programs of Linux")
	}
	for machine, emulator := range map[string]string{"amd64": "qemu-x86_64", "arm64": "qemu-aarch64"} {
		t.Run(machine, func(t *testing.T) {
			t.Parallel()
			var through []string
			if machine != runtime.GOARCH {
				path, err := exec.LookPath(emulator)
				if err != nil {
					skip(t, "needs %s, which Debian has in the package qemu-user", emulator)
				}
				through = append(through, path)
			}
			program := filepath.Join(t.TempDir(), "program")
			syscall.ForkLock.RLock() // a child of another test that inherits the open file would keep it from being run
			err := os.WriteFile(program, c.file(t, "plugins/bin/stackwatch_linux_"+machine).content, 0o700)
			syscall.ForkLock.RUnlock()
			require.NoError(t, err)
			arguments := append(through, program, "status_cake_test")
			command := exec.CommandContext(t.Context(), arguments[0], arguments[1:]...)
			command.Env, command.Stdin = []string{"HOME=" + t.TempDir()}, strings.NewReader("{}")
			output, err := command.Output()
			var ended *exec.ExitError
			require.ErrorAs(t, err, &ended, string(output))
			assert.Equal(t, 1, ended.ExitCode(), string(ended.Stderr))
			var answer struct {
				Failed bool
				Msg    string
			}
			require.NoError(t, json.Unmarshal(output, &answer), string(output))
			assert.True(t, answer.Failed)
			assert.Equal(t, "missing required arguments: api_key (environment STATUSCAKE_API_TOKEN)", answer.Msg)
		})
	}
}

// documented is what ansible-doc tells of a module.
type documented struct {
	Doc struct {
		Options    map[string]any `json:"options"`
		Attributes map[string]any `json:"attributes"`
	} `json:"doc"`
}

// TestDocumentationOfTheCollection holds what ansible-doc shows of the installed collection against the modules' own documentation: what
// was moved into fragments comes back.
func TestDocumentationOfTheCollection(t *testing.T) {
	t.Parallel()
	controller := playtest.NewController(t, nil)
	controller.Env["ANSIBLE_COLLECTIONS_PATH"], controller.Env["ANSIBLE_COLLECTIONS_SCAN_SYS_PATH"] = installed.by(t, controller), "false"
	doc := func(into any, args ...string) {
		output, err := controller.Command("", "ansible-doc", append([]string{"-t", "module", "--json"}, args...)...).Output()
		require.NoError(t, err, string(output))
		require.NoError(t, json.Unmarshal(output, into))
	}
	var names, full []string
	for _, m := range modules.All() {
		controller.Write(filepath.Join("alone", m.Name), "") // in the place of its program
		controller.Write(filepath.Join("alone", m.Name+".yml"), string(m.Documentation))
		names, full = append(names, m.Name), append(full, "stackwatch.monitoring."+m.Name)
	}
	var listed map[string]string
	doc(&listed, "--list", "stackwatch.monitoring")
	var packed, alone map[string]documented
	doc(&packed, full...)
	doc(&alone, append([]string{"-M", filepath.Join(controller.Dir, "alone")}, names...)...)
	for i, name := range names {
		have, want := packed[full[i]], alone[name]
		assert.NotEmpty(t, listed[full[i]], "ansible-doc -l does not list %s", full[i])
		assert.ElementsMatch(t, []string{"action_group", "async", "check_mode", "diff_mode", "platform"}, slices.Collect(maps.Keys(have.Doc.Attributes)))
		assert.Len(t, have.Doc.Options, len(want.Doc.Options), name)
		for option, said := range want.Doc.Options {
			assert.Equal(t, alike(t, said), alike(t, have.Doc.Options[option]), "%s of %s", option, name)
		}
	}
}

// alike is what is said of an option, with modules by their short names, and without what stands in a collection only. What can come from
// the environment is not required there.
func alike(t *testing.T, option any) map[string]any {
	t.Helper()
	text, err := json.Marshal(option)
	require.NoError(t, err)
	var said map[string]any
	require.NoError(t, json.Unmarshal(bytes.ReplaceAll(text, []byte("M(stackwatch.monitoring."), []byte("M(")), &said))
	if delete(said, "version_added_collection"); bytes.Contains(text, []byte("environment variable E(")) {
		delete(said, "required")
	}
	return said
}
