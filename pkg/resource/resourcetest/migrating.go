// SPDX-License-Identifier: GPL-3.0-or-later

package resourcetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible/ansibletest"
)

// Migration is a row of a table in docs/migrating.md: what becomes of an option of an earlier module.
type Migration struct {
	Line    int     // in the document
	Option  string  // of the earlier module
	Earlier Options // what a task for it says
	Here    string  // what this module does with it, see Migrating.Row
	Write   Options // what to write instead; nil if nothing is named
}

// Migrating runs the rows of one table of docs/migrating.md.
type Migrating struct {
	*Lab
	Heading string // of the section that has the table
	// Base returns what a task needs beside the options of a row, of which it must name none, nor an alias.
	Base func(row Options) Options
	Seed func() // fills a new account; nil leaves it empty
}

// What the tables of docs/migrating.md say of an option, in the column "Here".
const (
	migrationWorks   = "works"
	migrationWarns   = "works, with a warning"
	migrationRefused = "refused"
	migrationIgnored = "no effect"
	migrationDropped = "no effect, with a warning"
)

// Run runs each row of the table as a subtest, on an account of its own, and returns the options that the table has.
//
//   - "works": the task runs without a warning and does something; with what stands under "Write" it does the same.
//   - "works, with a warning": likewise, with a deprecation warning that is not there with what stands under "Write".
//   - "refused": the task fails and names the option; what stands under "Write" works.
//   - "no effect", "no effect, with a warning": the account is as it would be without the option.
func (m Migrating) Run(t *testing.T) (options []string) {
	t.Helper()
	for _, row := range MigrationTable(t, m.Heading) {
		options = append(options, row.Option)
		t.Run(fmt.Sprintf("%s, line %d", row.Option, row.Line), func(t *testing.T) {
			l := *m.Lab
			l.T = t
			m.Lab = &l
			m.row(row)
		})
	}
	return options
}

func (m Migrating) row(row Migration) {
	m.T.Helper()
	a, contents := m.task(row.Earlier)
	warned := len(a.Deprecations) > 0
	if row.Here == migrationRefused {
		assert.True(m.T, a.Failed, "is not refused: %s", a.Raw)
		named := slices.ContainsFunc(append(row.Write.Names(), row.Option), func(option string) bool { return strings.Contains(a.Msg, option) })
		assert.True(m.T, named, "the message names the option: %s", a.Msg)
		assert.False(m.T, a.Changed)
	} else {
		require.False(m.T, a.Failed, a.Msg)
		assert.Empty(m.T, a.Warnings)
		assert.Equal(m.T, row.Here == migrationWarns || row.Here == migrationDropped, warned, "the warnings are %v", a.Deprecations)
		m.Settled(m.whole(row.Earlier))
	}
	if row.Write != nil {
		written, instead := m.task(row.Write)
		require.False(m.T, written.Failed, "what is to be written instead: %s", written.Msg)
		assert.Empty(m.T, written.Warnings)
		assert.Empty(m.T, written.Deprecations)
		if row.Here != migrationRefused {
			assert.Equal(m.T, instead, contents, "what is to be written instead does the same")
		}
	}
	_, without := m.task(Options{})
	switch row.Here {
	case migrationWorks, migrationWarns:
	case migrationIgnored, migrationDropped:
		assert.Equal(m.T, without, contents, "it has an effect")
	case migrationRefused:
	default:
		assert.Fail(m.T, "unknown word under Here", row.Here)
	}
}

// task runs a task on a new account, and returns what the account then holds.
func (m Migrating) task(o Options) (a Answer, contents string) {
	m.T.Helper()
	m.Fresh()
	if m.Seed != nil {
		m.Seed()
	}
	a = m.Lab.Run(m.whole(o))
	held, err := json.MarshalIndent(m.Setup.Contents(), "", " ")
	require.NoError(m.T, err)
	return a, string(held)
}

func (m Migrating) whole(o Options) Options { return m.Base(o).With(o) }

// MigrationTable reads the table below a heading of docs/migrating.md.
func MigrationTable(t testing.TB, heading string) []Migration {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(ansibletest.Root(t), "docs", "migrating.md"))
	require.NoError(t, err)
	var rows []Migration
	inside := false
	for i, line := range strings.Split(string(text), "\n") {
		if title, isHeading := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); isHeading && strings.HasPrefix(line, "#") {
			inside = title == heading
		}
		if !inside || !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		require.Len(t, cells, 4, "line %d: cells", i+1)
		for n := range cells {
			cells[n] = strings.TrimSpace(cells[n])
		}
		rows = append(rows, Migration{
			Line: i + 1, Option: strings.Trim(cells[0], "`"), Earlier: migrationOptions(t, i+1, cells[1]), Here: cells[2], Write: migrationOptions(t, i+1, cells[3]),
		})
	}
	require.NotEmpty(t, rows, "the table below %q", heading)
	return rows
}

// migrationOptions reads the options of a task from the code at the beginning of a cell, nil if it begins with none.
func migrationOptions(t testing.TB, line int, cell string) Options {
	t.Helper()
	code, isCode := strings.CutPrefix(strings.TrimSpace(cell), "`")
	if !isCode {
		return nil
	}
	code, _, _ = strings.Cut(code, "`")
	options := Options{}
	require.NoError(t, yaml.Unmarshal([]byte("{"+code+"}"), &options), "line %d: %s", line, code)
	return options
}

// Names returns the options of a task, sorted.
func (o Options) Names() []string { return slices.Sorted(maps.Keys(o)) }
