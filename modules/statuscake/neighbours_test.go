// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
)

// The tests in this file each hold a way in which a run once reached, or could reach, a test that it was not about.

func TestARenamedTestIsNotTakenBack(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.OK(site("web"))
	id := l.stored("web").ID
	l.OK(options{"id": id, "name": "web-old"})
	assert.Equal(t, "created", l.OK(site("web")).Only(t).Action, "the ledger remembers the id, but it means another test now")
	assert.Equal(t, id, l.stored("web-old").ID)
	assert.NotEqual(t, id, l.stored("web").ID)
}

func TestAStacksTestAndANameWithASlashAreTwo(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	task := options{"tests": []options{site("liveness").With(options{"stack": "shop"}), site("shop/liveness")}}
	assert.Equal(t, []string{"liveness created", "shop/liveness created"}, l.OK(task).Actions())
	l.Settled(task)
}

func TestReplacingSparesNamesakes(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.byHand("home")
	l.byHand("home", func(x *vendor.Test) { x.TestType = "PING" })
	l.byHand("home", ofStack("blog"))
	a := l.Run(options{"name": "home", "website_url": "home.example.com", "test_type": "PING", "allow_replace": true})
	assert.Contains(t, a.Msg, "more than one match")
	assert.Len(t, l.named("home"), 3)
	assert.Zero(t, l.Writes())
}

func TestDuplicatesAreOfOneStack(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.byHand("live", ofStack("shop"))
	l.byHand("live", ofStack("blog"))
	for _, state := range []string{"present", "absent"} {
		a := l.Run(options{"name": "live", "state": state, "on_duplicate": "oldest"})
		assert.Contains(t, a.Msg, "more than one match", state)
	}
	assert.Len(t, l.named("live"), 2)
}

func TestAnIDOfAnotherStackIsNotDeleted(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	id := l.byHand("live", ofStack("blog"))
	a := l.Run(options{"id": id, "stack": "shop", "state": "absent"})
	assert.Contains(t, a.Msg, "id "+id+" belongs to blog, not to shop, and is left alone")
	assert.Len(t, l.named("live"), 1)
}

func TestSharedTestsStayShared(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.byHand("both", tagged(ownershipTag, stackTag+"shop", stackTag+"blog"))
	l.OK(options{"stack": "blog", "name": "both", "check_rate": 30})
	assert.Equal(t, "blog, shop", stackOf(l.stored("both").Tags))
	l.OK(options{"stack": "shop", "state": "absent"})
	assert.Len(t, l.named("both"), 1)
}

func TestAStackAskedAwayIsNotMeantByASingleTestsOptions(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.byHand("one", ofStack("shop"))
	a := l.Run(options{"stack": "shop", "state": "absent", "url": "https://one.example.com"})
	assert.Equal(t, "state: absent with stack and without a name removes all that the stack has, which goes with no option of a single object, got: website_url", a.Msg)
	assert.Empty(t, l.Calls())
}

func TestSeveralStacksTakeOverOneHandMadeTest(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.byHand("live")
	live := func(stack string) options { return site("live").With(options{"stack": stack}) }
	task := options{"tests": []options{live("a"), live("b"), live("c")}}
	assert.Equal(t, []string{"live updated", "live created", "live created"}, l.OK(task).Actions())
	l.Settled(task)
}

func TestSeveralRunsTakeOverOneHandMadeTest(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.byHand("live")
	tasks := make([]options, 6)
	for i := range tasks {
		tasks[i] = site("live").With(options{"stack": string(rune('a' + i))})
	}
	for _, a := range l.Together(tasks...) {
		require.False(t, a.Failed, a.Msg)
	}
	assert.Len(t, l.named("live"), len(tasks), "each stack has its own")
	for _, task := range tasks {
		l.Settled(task)
	}
}

func TestNames_AreComparedExactly(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	byHand := l.byHand("live ")
	task := site("live ").With(options{"stack": "shop"})
	assert.Equal(t, "created", l.OK(task).Only(t).Action, "what a person named otherwise is not taken over; spaces around the option do not count")
	assert.Equal(t, []string{"live ", "live"}, l.names())
	l.Settled(task)
	l.OK(options{"name": "live", "state": "absent"})
	assert.Equal(t, []string{"live "}, l.names())
	assert.Equal(t, "deleted", l.OK(options{"id": byHand, "state": "absent"}).Only(t).Action, "by its id it can be reached")
}

func TestALateDefaultedTypeChecksTheURLToo(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	assert.Contains(t, l.Run(options{"name": "x", "website_url": "ftp://x"}).Msg, "value of website_url must be a URL such as https://www.example.com for test_type HTTP, got: ftp://x")
	assert.Zero(t, l.Writes())
}

func TestAdoptingSendsNoDefaults(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{ListLag: 8})
	l.OK(site("x").With(options{"check_rate": 60, "confirmation": 0, "trigger_rate": 9}))
	assert.Equal(t, map[string]change{"paused": {Before: false, After: true}}, l.OK(site("x").With(options{"paused": true})).Only(t).Changes)
	assert.Equal(t, 60, l.stored("x").CheckRate)
}

func TestPasswordsInURLsAreHidden(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	a := l.OK(options{"name": "x", "website_url": "https://ann:correct-horse@x.example.com", "_ansible_diff": true})
	assert.NotContains(t, a.Raw, "correct-horse")
	assert.Equal(t, "https://ann:correct-horse@x.example.com", l.stored("x").WebsiteURL)
}

func TestWhatTheListDoesNotShowYetIsDeletedToo(t *testing.T) {
	t.Parallel()
	for _, gone := range []options{{"stack": "shop", "state": "absent"}, {"stack": "shop", "state": "absent", "tests": sites("a", "b")}} {
		l := newLab(t, emulator.Options{ListLag: 9})
		l.byHand("nobody")
		l.OK(options{"stack": "shop", "tests": sites("a", "b")})
		assert.Equal(t, []string{"a deleted", "b deleted"}, l.DryRun(gone).Actions())
		assert.Equal(t, []string{"a deleted", "b deleted"}, l.OK(gone).Actions())
		assert.Equal(t, []string{"nobody"}, l.names())
		l.Settled(gone)
	}
}
