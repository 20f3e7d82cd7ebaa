// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/localstate"
)

// notes are where this controller keeps what a recreation must bring back on one server, whatever becomes of the process.
type notes struct {
	dir    string // "" is the user's cache folder
	server string // its URL
}

// note is that of one recreation, held as long as it lasts.
type note struct {
	*localstate.Note

	content noted
	made    int  // rehearsals
	left    bool // one of them could not be removed
}

// noted is what a note holds.
type noted struct {
	Object    string   `json:"object"`    // which is created anew, by its full name
	Rehearsal string   `json:"rehearsal"` // how the names begin of what is made for a moment
	Records   []record `json:"records"`   // what has to be there at the end; none before anything is deleted
}

// prefix is how the names of all notes about the server begin.
func (n notes) prefix() string { return localstate.Name("recreate", n.server) }

func (n notes) open(ctx context.Context, id string) (*note, error) {
	dir, err := localstate.Open(n.dir)
	if err != nil {
		return nil, unwritable(err)
	}
	held, old, err := dir.Note(ctx, localstate.Name(n.prefix(), id))
	if err != nil {
		return nil, unwritable(err)
	}
	opened := &note{Note: held, content: noted{Object: id, Rehearsal: rehearsalName + rand.Text()[:10]}}
	var left noted
	if json.Unmarshal(old, &left) == nil && len(left.Records) > 0 {
		held.Close()
		return nil, fmt.Errorf("an earlier run was interrupted, and what it deleted is not all back: %s", enumerated(left.Records))
	}
	if err := opened.records(nil); err != nil {
		held.Close()
		return nil, unwritable(err)
	}
	return opened, nil
}

// unwritable says what helps: without a note nothing is deleted that is to be brought back.
func unwritable(err error) error {
	if !errors.Is(err, localstate.ErrUnusable) {
		return err
	}
	return fmt.Errorf("what is to be brought back cannot be written down: %w; "+
		"the folder is below the user's cache folder, which the environment variable XDG_CACHE_HOME names", err)
}

// done ends the note, unless there is something that the next run has to remove.
func (n *note) done() error {
	if n.left {
		n.Close()
		return nil
	}
	return n.Remove()
}

// records writes down what has to be there at the end.
func (n *note) records(records []record) error {
	n.content.Records = records
	text, err := json.Marshal(n.content)
	if err != nil {
		return err
	}
	return n.Write(text)
}

const (
	rehearsalName = "stackwatch-rehearsal-"
	// rehearsalMark is in the place of the suite's own mark, so that no purge and no stack has these objects.
	rehearsalMark = "stackwatch-rehearsal"
)

var rehearsalPattern = regexp.MustCompile(`^` + rehearsalName + `[A-Z2-7]{10}-[0-9]+$`)

// isRehearsal tells whether a host or service is one that is made for a moment, by its name.
func isRehearsal(short string) bool { return rehearsalPattern.MatchString(short) }

// rehearsal is a new name for an object that is made for a moment.
func (n *note) rehearsal() string {
	n.made++
	return fmt.Sprintf("%s-%d", n.content.Rehearsal, n.made)
}

// finish does what runs before this one on this controller were kept from: it brings back what they had deleted to create it anew, and
// removes their rehearsals. In check mode it only says so. Where it fails the task goes on, and the next one tries again.
func (p *provider) finish(ctx context.Context) {
	dir, err := localstate.Open(p.notes.dir)
	if err != nil {
		return // then there can be no notes; the ledger says what is wrong
	}
	err = dir.Left(p.notes.prefix(), func(path string, content []byte) bool {
		var left noted
		if json.Unmarshal(content, &left) != nil { // cut off while it was written, and that is before anything is deleted
			return !p.checkMode
		}
		if info, err := os.Stat(path); err == nil && len(left.Records) > 0 && time.Since(info.ModTime()) > forgotten {
			p.warn("more than a day ago a run was interrupted while it created %s anew; what it deleted is not brought back, because somebody may have wanted "+
				"it gone since: %s. Touch the file %s to have the next run bring it back, or delete it", left.Object, enumerated(left.Records), path)
			return false
		}
		err := p.finishOne(ctx, left)
		if err != nil {
			p.warn("an earlier run was interrupted while it created %s anew, and what it left behind could not be put in order, "+
				"which the next run tries again, until the file %s is deleted: %v", left.Object, path, err)
		}
		return err == nil && !p.checkMode
	})
	if err != nil {
		p.warn("whether an earlier run was interrupted could not be found out: %v", err)
	}
}

// forgotten is the age from which on a note is only told, because the server has gone its own way since.
const forgotten = 24 * time.Hour

func (p *provider) finishOne(ctx context.Context, left noted) error {
	return p.notes.alone(ctx, identified(left.Object).host, func() error { return p.finishAlone(ctx, left) })
}

func (p *provider) finishAlone(ctx context.Context, left noted) error {
	missing, err := p.missingOf(ctx, left.Records)
	if err == nil {
		missing, err = p.withHosts(ctx, missing)
	}
	if err != nil {
		return err
	}
	if p.checkMode {
		if len(missing) > 0 {
			p.warn("an earlier run was interrupted while it created %s anew; a run without check mode brings back: %s", left.Object, enumerated(missing))
		}
		return nil
	}
	if err := p.removeRehearsals(ctx, "true", func(short string) bool { return strings.HasPrefix(short, left.Rehearsal+"-") }); err != nil {
		return err
	}
	if len(missing) == 0 {
		return nil
	}
	if err := p.bringBack(ctx, missing); err != nil {
		return err
	}
	p.warn("an earlier run was interrupted while it created %s anew; brought back: %s", left.Object, enumerated(missing))
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range missing {
		p.brought = append(p.brought, r.Name)
	}
	return nil
}

// withHosts leaves out what stands on a host that somebody has deleted since.
func (p *provider) withHosts(ctx context.Context, records []record) ([]record, error) {
	there, asked := map[string]bool{}, map[string]bool{}
	for _, r := range records {
		host, _, _ := strings.Cut(r.Name, "!")
		asked[host] = true
		if r.Kind == hostKind {
			there[host] = true
		}
	}
	if len(asked) == 0 {
		return nil, nil
	}
	found, err := query[struct{}](ctx, p.client, hostKind, byName(hostKind, slices.Sorted(maps.Keys(asked))))
	for _, o := range found {
		there[o.Name] = true
	}
	return slices.DeleteFunc(records, func(r record) bool {
		host, _, _ := strings.Cut(r.Name, "!")
		return !there[host]
	}), err
}

// abandoned is how old a rehearsal is, in seconds by the server's clock, that nobody is at work on. They last less than one.
const abandoned = 600

// sweep removes rehearsals of that age, which other controllers have left behind.
func (p *provider) sweep(ctx context.Context, age int) error {
	return p.removeRehearsals(ctx, fmt.Sprintf("version <= get_time() - %d", age), func(string) bool { return true })
}

// removeRehearsals removes rehearsals of which a condition on the server holds and whose names are also right.
func (p *provider) removeRehearsals(ctx context.Context, condition string, ours func(short string) bool) error {
	for _, k := range []kind{hostKind, serviceKind} {
		variable := strings.ToLower(string(k)) + "."
		f := filter{variable + "vars." + managedBy + " == mark", map[string]any{"mark": rehearsalMark}}
		if condition != "true" {
			f.Expression += " && " + variable + condition
		}
		found, err := query[struct{}](ctx, p.client, k, f)
		if err != nil {
			return err
		}
		var names []string
		for _, o := range found {
			if short := identified(o.Name).short(); isRehearsal(short) && ours(short) {
				names = append(names, o.Name)
			}
		}
		if len(names) > 0 {
			if err := p.removeAll(ctx, k, names); err != nil {
				return fmt.Errorf("removing what an interrupted run left behind: %w", err)
			}
		}
	}
	return nil
}
