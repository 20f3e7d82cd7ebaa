// SPDX-License-Identifier: GPL-3.0-or-later

// Command licences lists what is linked into a program: `licences FOLDER PACKAGE NAME VERSION` writes, into the folder, licences.spdx (SPDX 2.3)
// and NOTICES.txt with the licences' texts, which most of them want to go along with a program. It is run where the program's module is.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/licensecheck"
	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"
	"github.com/spdx/tools-golang/tagvalue"
)

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: licences FOLDER PACKAGE NAME VERSION")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

// part is one Go module of a program, or the standard library.
type part struct{ Path, Version, Dir string }

func write(folder, program, name, version string) error {
	parts, err := linked(program)
	if err != nil {
		return err
	}
	created := time.Unix(0, 0).UTC()
	if epoch, err := time.ParseDuration(os.Getenv("SOURCE_DATE_EPOCH") + "s"); err == nil {
		created = created.Add(epoch)
	}
	document := &v2_3.Document{
		SPDXVersion: v2_3.Version, DataLicense: v2_3.DataLicense, SPDXIdentifier: "DOCUMENT", DocumentName: name,
		DocumentNamespace: "https://github.com/stackwatch/ansible-monitoring/spdx/" + name + "-" + version,
		CreationInfo: &v2_3.CreationInfo{
			Creators: []common.Creator{{CreatorType: "Organization", Creator: "The stackwatch.monitoring authors"}},
			Created:  created.Format(time.RFC3339),
		},
		Packages: []*v2_3.Package{{
			PackageName: name, PackageSPDXIdentifier: "Package-suite", PackageVersion: version,
			PackageDownloadLocation: "https://github.com/stackwatch/ansible-monitoring", PackageLicenseDeclared: "GPL-3.0-or-later",
			PackageLicenseConcluded: "GPL-3.0-or-later", PackageCopyrightText: "Copyright (c) The stackwatch.monitoring authors",
		}},
		Relationships: []*v2_3.Relationship{relation("DOCUMENT", "DESCRIBES", "Package-suite")},
	}
	var notices bytes.Buffer
	fmt.Fprintf(&notices, "What is linked into the programs of %s %s beside its own code, and under which licences.\n", name, version)
	for i, p := range parts {
		id, text, err := licence(p)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Path, err)
		}
		element := common.ElementID(fmt.Sprintf("Package-%d", i+1))
		document.Packages = append(document.Packages, &v2_3.Package{
			PackageName: p.Path, PackageSPDXIdentifier: element, PackageVersion: p.Version, PackageDownloadLocation: "NOASSERTION",
			PackageLicenseDeclared: id, PackageLicenseConcluded: id, PackageCopyrightText: copyright(text),
		})
		document.Relationships = append(document.Relationships, relation("Package-suite", "STATIC_LINK", element))
		fmt.Fprintf(&notices, "\n%s\n%s %s, %s\n%[1]s\n\n%[5]s\n", strings.Repeat("=", 80), p.Path, p.Version, id, strings.TrimSpace(text))
	}
	var list bytes.Buffer
	if err := tagvalue.Write(document, &list); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(folder, "licences.spdx"), list.Bytes(), 0o644),
		os.WriteFile(filepath.Join(folder, "NOTICES.txt"), notices.Bytes(), 0o644),
	)
}

func relation(from common.ElementID, kind string, to common.ElementID) *v2_3.Relationship {
	return &v2_3.Relationship{RefA: common.DocElementID{ElementRefID: from}, RefB: common.DocElementID{ElementRefID: to}, Relationship: kind}
}

// linked gives the modules whose packages are in the program on any of the platforms, without the program's own, sorted by path.
func linked(program string) ([]part, error) {
	found := map[string]part{}
	for _, system := range []string{"linux", "darwin"} {
		list := exec.Command("go", "list", "-deps", "-json=Module,Standard", program)
		list.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
		list.Stderr = os.Stderr
		output, err := list.Output()
		if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
			var pkg struct {
				Standard bool
				Module   *struct {
					part
					Main    bool
					Replace *part
				}
			}
			if err := decoder.Decode(&pkg); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, err
			}
			if pkg.Module != nil && !pkg.Module.Main {
				p := pkg.Module.part
				if pkg.Module.Replace != nil {
					p = *pkg.Module.Replace
				}
				found[p.Path] = p
			}
		}
	}
	root, err := exec.Command("go", "env", "GOROOT", "GOVERSION").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	goroot, version, _ := strings.Cut(strings.TrimSpace(string(root)), "\n")
	found["std"] = part{Path: "std", Version: version, Dir: goroot}
	return slices.SortedFunc(maps.Values(found), func(a, b part) int { return cmp.Compare(a.Path, b.Path) }), nil
}

// licence reads a module's licence, and tells its SPDX name. One that is not recognised for the greatest part is an error: somebody has to look.
func licence(p part) (id, text string, err error) {
	names, err := filepath.Glob(filepath.Join(p.Dir, "*"))
	if err != nil {
		return "", "", err
	}
	var ids []string
	for _, name := range names {
		base := strings.ToUpper(filepath.Base(name))
		if !strings.HasPrefix(base, "LICEN") && !strings.HasPrefix(base, "COPYING") && !strings.HasPrefix(base, "NOTICE") {
			continue
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return "", "", err
		}
		text += string(content) + "\n"
		if strings.HasPrefix(base, "NOTICE") {
			continue
		}
		coverage := licensecheck.Scan(content)
		if coverage.Percent < 75 {
			return "", "", fmt.Errorf("the licence in %s is not recognised", name)
		}
		for _, match := range coverage.Match {
			ids = append(ids, match.ID)
		}
	}
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) == 0 {
		return "", "", errors.New("has no licence")
	}
	return strings.Join(ids, " AND "), text, nil
}

func copyright(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "Copyright ") && !strings.HasPrefix(line, "Copyright [") {
			lines = append(lines, line)
		}
	}
	return cmp.Or(strings.Join(lines, "\n"), "NOASSERTION")
}
