// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// TestRunsAtOnceWithDifferentWishes: the second run finds what the first one just created, and makes it as it wants it.
func TestRunsAtOnceWithDifferentWishes(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{ListLag: 1000})
	l.OK(site("fresh").With(options{"check_rate": 60}))
	a := l.OK(site("fresh").With(options{"check_rate": 30}))
	assert.Equal(t, "updated", a.Only(t).Action, "the list does not show it, the controller knows it")
	assert.Equal(t, map[string]change{"check_rate": {Before: 60.0, After: 30.0}}, a.Only(t).Changes)
	assert.Equal(t, 30, l.stored("fresh").CheckRate)

	require.NoError(t, l.Remove(l.stored("fresh").ID))
	assert.Equal(t, "created", l.OK(site("fresh")).Only(t).Action, "what somebody deleted meanwhile is created anew")
	assert.Len(t, l.named("fresh"), 1)

	l.Inject(emulator.On(http.MethodGet, "/v1/uptime/"+l.stored("fresh").ID, emulator.Always, emulator.Fault{Kind: emulator.Status}))
	a = l.Run(site("fresh"))
	assert.True(t, a.Failed)
	assert.Contains(t, a.Msg, "nothing was changed, because the tests could not be read: reading uptime test "+l.stored("fresh").ID)
	assert.Len(t, l.named("fresh"), 1, "what cannot be looked at is not created a second time")
}

// TestDeployWhileAnotherStackGoes: neither run sees or spoils what the other one does.
func TestDeployWhileAnotherStackGoes(t *testing.T) {
	t.Parallel()
	resourcetest.DeployWhileAnotherStackGoes(t, scene)
}

// TestListMovesWhileItIsRead: a test that is deleted between two pages moves the others up. The list is read again until it
// is whole, and a list that never is fails the run before it writes.
func TestListMovesWhileItIsRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		moves int
		fails bool
	}{{1, false}, {6, false}, {7, true}} {
		t.Run(fmt.Sprint(c.moves), func(t *testing.T) {
			t.Parallel()
			var l *lab
			var moved atomic.Int32
			l = startLab(t, emulator.Options{}, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					next.ServeHTTP(w, r)
					if r.URL.Query().Get("page") == "1" && int(moved.Load()) < c.moves {
						moved.Add(1)
						assert.NoError(t, l.Remove(l.Tests()[0].ID))
					}
				})
			})
			l.Seed(250)
			l.byHand("the last one")
			a := l.Run(site("the last one"))
			assert.Zero(t, l.Writes())
			if c.fails {
				assert.True(t, a.Failed)
				assert.Contains(t, a.Msg, "nothing was changed, because the tests could not be read: listing uptime tests: the list kept changing")
				return
			}
			require.False(t, a.Failed, a.Msg)
			assert.Equal(t, "unchanged", a.Only(t).Action, "a test that moved is not taken for missing")
		})
	}
}

// TestSignalEndsTheRunInOrder sends a signal while the k-th write is under way.
func TestSignalEndsTheRunInOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		signal      os.Signal
		name        string
		concurrency int
	}{{syscall.SIGTERM, "SIGTERM", 1}, {syscall.SIGINT, "SIGINT", 4}} {
		for _, acts := range []bool{false, true} {
			for k := 1; k <= 12; k += 3 {
				t.Run(fmt.Sprintf("%s at write %d, which acts: %t", c.name, k, acts), func(t *testing.T) {
					t.Parallel()
					signals := make(chan os.Signal, 1)
					var writes atomic.Int32
					var over atomic.Bool // the run that gets the signal
					l := startLab(t, emulator.Options{}, func(next http.Handler) http.Handler {
						return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
							if r.Method == http.MethodGet || over.Load() {
								next.ServeHTTP(w, r)
								return
							}
							n := int(writes.Add(1))
							if n < k {
								next.ServeHTTP(w, r)
								return
							}
							if acts {
								next.ServeHTTP(&deaf{header: http.Header{}}, r)
							}
							_, _ = io.Copy(io.Discard, r.Body) // before its end the server does not notice who hangs up
							if n == k {
								signals <- c.signal
							}
							<-r.Context().Done() // the module hangs up; until then nobody who waits for an answer begins another write
						})
					})
					items := sites("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l")
					for i := range 4 {
						l.byHand(items[i]["name"].(string))
						items[i]["check_rate"] = 60
					}
					task := options{"tests": items, "api_concurrency": c.concurrency, "api_rate_limit": 0}
					a := l.Run(task, func(p *ansible.Process) { p.Signals = signals })
					l.Quiet()
					over.Store(true)

					assert.True(t, a.Failed)
					assert.Contains(t, a.Msg, "interrupted by "+c.name)
					sent := int(writes.Load())
					assert.LessOrEqual(t, sent, k+c.concurrency-1, "no further write begins")
					done := a.Summary["created"] + a.Summary["updated"]
					assert.LessOrEqual(t, done, sent)
					assert.GreaterOrEqual(t, done, k-c.concurrency)
					require.Len(t, a.Objects, 12)
					for _, told := range a.Objects {
						there := len(l.named(text(told.Name)))
						assert.LessOrEqual(t, there, 1)
						if told.Action == "created" || told.Action == "updated" {
							assert.Equal(t, 1, there)
						}
					}
					again := l.Run(task)
					assert.False(t, again.Failed, again.Msg)
					assert.Len(t, l.Tests(), 12)
					l.Settled(task)
				})
			}
		}
	}
}

// deaf is where an answer goes that nobody hears.
type deaf struct{ header http.Header }

func (d *deaf) Header() http.Header         { return d.header }
func (d *deaf) Write(p []byte) (int, error) { return len(p), nil }
func (d *deaf) WriteHeader(int)             {}

func TestSignalWhileReadingChangesNothing(t *testing.T) {
	t.Parallel()
	signals := make(chan os.Signal, 1)
	l := startLab(t, emulator.Options{}, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			signals <- syscall.SIGTERM
			<-r.Context().Done()
		})
	})
	a := l.Run(site("a"), func(p *ansible.Process) { p.Signals = signals })
	assert.True(t, a.Failed)
	assert.Contains(t, a.Msg, "interrupted by SIGTERM: nothing was changed, because the tests could not be read")
	assert.Empty(t, a.Objects)
}

// TestUnusableStateFolderIsSaid: the module works without it, and says what is not kept then.
func TestUnusableStateFolderIsSaid(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	file := t.TempDir() + "/file"
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	l.StateDir = file
	a := l.OK(site("a"))
	assert.Equal(t, "created", a.Only(t).Action)
	require.NotEmpty(t, a.Warnings)
	assert.Contains(t, a.Warnings[0], "api_rate_limit is kept by this process alone")
}
