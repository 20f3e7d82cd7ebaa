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
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/localstate"
	"github.com/stackwatch/ansible-monitoring/pkg/pattern"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
)

// notes are where this controller keeps what a recreation must bring back on one server, whatever becomes of the process. They stay for a while
// after it has come to its end: a server that is being reloaded confirms what it then forgets.
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

	// Of a recreation that has come to its end: when that was, by this controller's clock, and since when the server's process ran that has
	// all of it.
	Ended time.Time `json:"ended,omitzero"`
	Since float64   `json:"since,omitempty"`
}

// atEnd tells whether the recreation has come to its end.
func (n noted) atEnd() bool { return !n.Ended.IsZero() }

// ended gives what a note holds of a recreation after its end.
func (n noted) ended(records []record, since float64, now time.Time) noted {
	return noted{Object: n.Object, Rehearsal: n.Rehearsal, Records: records, Ended: now, Since: since}
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
	if json.Unmarshal(old, &left) == nil && len(left.Records) > 0 && !left.atEnd() {
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
	return n.Write(n.content.text())
}

// keep ends the recreation and leaves its note to the runs after this one.
func (n *note) keep(ended noted) error {
	defer n.Close()
	if n.left { // the next run takes it for one that was interrupted, and removes what is left
		return nil
	}
	return n.Write(ended.text())
}

func (n noted) text() []byte {
	text, err := json.Marshal(n)
	if err != nil { // all of it is texts, numbers, and what came as JSON
		panic(err)
	}
	return text
}

const (
	rehearsalName = "stackwatch-rehearsal-"
	// rehearsalMark is in the place of the suite's own mark, so that no purge and no stack has these objects.
	rehearsalMark = "stackwatch-rehearsal"
)

var rehearsalPattern = pattern.New(`^stackwatch-rehearsal-[A-Z2-7]{10}-[0-9]+$`)

// isRehearsal tells whether a host or service is one that is made for a moment, by its name.
func isRehearsal(short string) bool { return rehearsalPattern.MatchString(short) }

// rehearsal is a new name for an object that is made for a moment.
func (n *note) rehearsal() string {
	n.made++
	return fmt.Sprintf("%s-%d", n.content.Rehearsal, n.made)
}

// finish does what runs before this one on this controller were kept from: it brings back what they had deleted to create it anew, and
// removes their rehearsals. Of those that came to their end it looks whether a reload has taken something away since. In check mode it only
// says so. Where it fails the task goes on, and the next one tries again.
func (p *provider) finish(ctx context.Context) {
	dir, err := localstate.Open(p.notes.dir)
	if err != nil {
		return // then there can be no notes; the ledger says what is wrong
	}
	since := sync.OnceValues(func() (float64, error) { return p.programStart(ctx) })
	err = dir.Left(p.notes.prefix(), func(path string, content []byte) []byte {
		var left noted
		if json.Unmarshal(content, &left) != nil { // cut off while it was written: nothing is deleted yet, or all is back
			left = noted{}
		}
		if info, err := os.Stat(path); err == nil && !left.atEnd() && len(left.Records) > 0 && time.Since(info.ModTime()) > forgotten {
			p.warn("more than a day ago a run was interrupted while it created %s anew; what it deleted is not brought back, because somebody may have wanted "+
				"it gone since: %s. Touch the file %s to have the next run bring it back, or delete it", left.Object, enumerated(left.Records), path)
			return content
		}
		next, err := p.finishOne(ctx, left, since)
		if err != nil {
			p.warn("what an earlier run that created %s anew has left behind could not be put in order, which the next run tries again, "+
				"until the file %s is deleted: %v", left.Object, path, err)
		}
		switch {
		case err != nil || p.checkMode:
			return content
		case next == nil:
			return nil
		}
		return next.text()
	})
	if err != nil {
		p.warn("whether an earlier run was interrupted could not be found out: %v", err)
	}
}

const (
	// forgotten is the age from which on a note is only told, because the server has gone its own way since.
	forgotten = 24 * time.Hour
	// watched is for how long a reload may be under way that had read the files before a recreation ended.
	watched = 10 * time.Minute
)

// finishOne gives what the note holds from then on, nil for nothing. since tells since when the server's process runs.
func (p *provider) finishOne(ctx context.Context, left noted, since func() (float64, error)) (next *noted, err error) {
	var now float64
	if len(left.Records) > 0 {
		now, err = since()
		if err != nil && left.atEnd() { // the rest of the run says what is wrong
			return &left, nil
		}
		if err != nil {
			return nil, err
		}
	}
	if left.atEnd() && now == left.Since {
		if p.now().Sub(left.Ended) < watched {
			next = &left
		}
		return next, nil
	}
	err = p.notes.alone(ctx, identified(left.Object).host, func() error {
		back, err := p.finishAlone(ctx, left)
		if len(back) > 0 || !left.atEnd() && len(left.Records) > 0 { // it may be reloaded by now
			ended := left.ended(left.Records, now, p.now())
			next = &ended
		}
		return err
	})
	return next, err
}

// finishAlone gives what it brought back.
func (p *provider) finishAlone(ctx context.Context, left noted) ([]record, error) {
	event := "an earlier run was interrupted while it created " + left.Object + " anew"
	missing, err := p.missingOf(ctx, left.Records)
	if left.atEnd() && len(missing) > 0 && err == nil {
		event = "a reload of the server has lost what it had confirmed while " + left.Object + " was created anew"
		missing, err = p.lost(ctx, left.Object, missing)
	}
	if err == nil {
		missing, err = p.withHosts(ctx, missing)
	}
	if err != nil {
		return nil, err
	}
	if p.checkMode {
		if len(missing) > 0 {
			p.warn("%s; a run without check mode brings back: %s", event, enumerated(missing))
			p.coming = append(p.coming, missing...)
		}
		return nil, nil
	}
	if left.Rehearsal != "" {
		if err := p.removeRehearsals(ctx, "true", func(short string) bool { return strings.HasPrefix(short, left.Rehearsal+"-") }); err != nil {
			return nil, err
		}
	}
	if len(missing) == 0 {
		return nil, nil
	}
	if err := p.bringBack(ctx, missing); err != nil {
		return nil, err
	}
	p.warn("%s; brought back: %s", event, enumerated(missing))
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range missing {
		p.brought = append(p.brought, r.Name)
	}
	return missing, nil
}

// expected returns the objects of a kind that a run without check mode would find, because it would have restored them
// first.
func (p *provider) expected(k kind, asked map[string]bool) []reconcile.Found[Object] {
	var objects []reconcile.Found[Object]
	for _, r := range p.coming {
		if r.Kind == k {
			objects = append(objects, reconcile.Found[Object]{ID: r.Name, Known: p.held(r.Name, wired(r.will(asked)), asked)})
		}
	}
	return objects
}

// lost gives those of some records which the server has a file of and does not know: a reload has forgotten them. What somebody has deleted
// since has no file.
func (p *provider) lost(ctx context.Context, id string, missing []record) ([]record, error) {
	files, err := p.files(ctx)
	if errors.Is(err, httpapi.ErrForbidden) {
		p.warn("%s was created anew, and since then the server was reloaded and does not know any more: %s. Either somebody has deleted them, or the reload "+
			"has lost them, and a restart of the server brings them back; with the permission config/query for the API user this module would know, "+
			"and bring them back", id, enumerated(missing))
		return nil, nil
	}
	return slices.DeleteFunc(missing, func(r record) bool { return !files[filePath(r.Kind, r.Name)] }), err
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
