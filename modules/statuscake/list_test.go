// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake/conformtest"
)

// ofStack are the tags of a stack's test.
func ofStack(stack string) func(*vendor.Test) { return tagged(ownershipTag, stackTag+stack) }

func TestListTakesDefaultsFromTheModule(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	task := options{
		"stack": "shop", "check_rate": 60, "paused": true, "tags": []string{"web"}, "test_type": "HEAD",
		"tests": []options{
			site("cart live"),
			site("cart ready").With(options{"check_rate": 30, "paused": false, "tags": []string{}, "url": "https://cart.example.com/ready"}),
			site("blog live").With(options{"stack": "blog", "test_type": "HTTP"}),
		},
	}
	delete(task["tests"].([]options)[1], "website_url")
	a := l.OK(task)
	assert.Equal(t, []string{"cart live created", "cart ready created", "blog live created"}, a.Actions())

	live, ready, blog := l.stored("cart live"), l.stored("cart ready"), l.stored("blog live")
	assert.Equal(t, []any{60, true, "HEAD"}, []any{live.CheckRate, live.Paused, live.TestType})
	assert.ElementsMatch(t, []string{"web", ownershipTag, stackTag + "shop"}, live.Tags)
	assert.Equal(t, []any{30, false, "https://cart.example.com/ready"}, []any{ready.CheckRate, ready.Paused, ready.WebsiteURL})
	assert.ElementsMatch(t, []string{ownershipTag, stackTag + "shop"}, ready.Tags)
	assert.Equal(t, "HTTP", blog.TestType)
	assert.ElementsMatch(t, []string{"web", ownershipTag, stackTag + "blog"}, blog.Tags)
	l.Settled(task)
}

func TestListWithOwnStates(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	for _, name := range []string{"a", "b", "c"} {
		l.byHand(name, ofStack("shop"))
	}
	task := options{"stack": "shop", "tests": []options{{"name": "c", "state": "absent"}, site("d"), {"name": "a"}, {"name": "z", "state": "absent"}}}
	assert.Equal(t, []string{"c deleted", "d created", "a unchanged", "z unchanged"}, l.OK(task).Actions(), "the answer keeps the task's order")
	assert.Equal(t, []string{"a", "b", "d"}, l.names())
	l.Settled(task)

	all := options{"stack": "shop", "state": "absent", "tests": []options{{"name": "a"}, site("e").With(options{"state": "present"})}}
	assert.Equal(t, []string{"a deleted", "e created"}, l.OK(all).Actions(), "state is a default like any other option")
	assert.Equal(t, []string{"b", "d", "e"}, l.names())
}

func TestEmptyListDoesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.byHand("a", ofStack("shop"))
	for _, task := range []options{
		{"tests": []options{}}, {"tests": []options{}, "stack": "shop"}, {"tests": []options{}, "stack": "shop", "state": "absent"},
	} {
		a := l.OK(task)
		assert.False(t, a.Changed)
		assert.Empty(t, a.Objects)
		assert.Zero(t, a.API.Calls)
	}
	assert.Len(t, l.Tests(), 1)
}

// crowd fills an account with tests of two stacks, of the suite without a stack, of two stacks at once, and of nobody.
func crowd(l *lab) {
	for _, name := range []string{"shop 1", "shop 2", "shop 3"} {
		l.byHand(name, ofStack("shop"))
	}
	l.byHand("blog 1", ofStack("blog"))
	l.byHand("suite", tagged(ownershipTag))
	l.byHand("shared", tagged(ownershipTag, stackTag+"shop", stackTag+"blog"))
	l.byHand("claimed by hand", tagged(stackTag+"shop"))
	l.byHand("nobody")
	l.byHand("shop 1") // of the same name, but nobody's
}

func TestAbsentStack(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	crowd(l)
	task := options{"stack": "shop", "state": "absent"}
	predicted, done := l.DryRun(task), l.OK(task)
	assert.Equal(t, []string{"shop 1 deleted", "shop 2 deleted", "shop 3 deleted"}, done.Actions())
	assert.Equal(t, predicted.Actions(), done.Actions())
	assert.Equal(t, []string{"blog 1", "suite", "shared", "claimed by hand", "nobody", "shop 1"}, l.names(),
		"only what the suite manages and no other stack uses goes")
	l.Settled(task)

	guarded := options{"stack": "blog", "state": "absent", "purge_limit": "0"}
	a := l.Run(guarded)
	assert.True(t, a.Failed, "a limit that is set holds here, too")
	assert.Len(t, a.Refused, 1)
	assert.Len(t, l.named("blog 1"), 1)
}

func TestAbsentStackOfManyTestsNeedsNoLimit(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.Seed(130, ownershipTag, stackTag+"shop")
	assert.Equal(t, 130, l.OK(options{"stack": "shop", "state": "absent", "api_rate_limit": 0}).Summary["deleted"])
	assert.Empty(t, l.Tests())
}

func TestPurge(t *testing.T) {
	t.Parallel()
	t.Run("of a stack", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, emulator.Options{})
		crowd(l)
		task := options{"stack": "shop", "purge": true, "tests": sites("shop 2", "shop 4")}
		predicted, done := l.DryRun(task), l.OK(task)
		assert.Equal(t, []string{"shop 2 unchanged", "shop 4 created", "shop 1 deleted", "shop 3 deleted"}, done.Actions())
		assert.Equal(t, predicted.Actions(), done.Actions())
		assert.Equal(t, "not declared", done.Objects[2].Reason)
		assert.Equal(t, []string{"shop 2", "blog 1", "suite", "shared", "claimed by hand", "nobody", "shop 1", "shop 4"}, l.names())
		l.Settled(task)
	})
	t.Run("of the whole suite", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, emulator.Options{})
		crowd(l)
		task := options{"purge": true, "tests": []options{site("nobody"), site("shop 2").With(options{"stack": "shop"})}}
		done := l.OK(task)
		assert.Equal(t, []string{"nobody updated", "shop 2 unchanged", "blog 1 deleted", "shop 1 deleted", "shop 3 deleted", "suite deleted"},
			done.Actions())
		assert.Equal(t, []string{ownershipTag}, l.stored("nobody").Tags, "what is declared gets the suite's mark")
		assert.Equal(t, []string{"shop 2", "shared", "claimed by hand", "nobody", "shop 1"}, l.names(), "a test that stacks share is nobody's to purge")
		l.Settled(task)
	})
	t.Run("a test by its id is declared", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, emulator.Options{})
		id := l.byHand("a", ofStack("shop"))
		l.byHand("b", ofStack("shop"))
		l.OK(options{"stack": "shop", "purge": true, "tests": []options{{"id": id, "name": "renamed"}}})
		assert.Equal(t, []string{"renamed"}, l.names())
	})
	t.Run("not after a failure", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, emulator.Options{})
		crowd(l)
		l.Inject(emulator.On(http.MethodPost, "", 1, emulator.Fault{Kind: emulator.Status, Status: http.StatusForbidden}))
		task := options{"stack": "shop", "purge": true, "tests": sites("shop 2", "shop 4")}
		a := l.Run(task)
		assert.True(t, a.Failed)
		assert.Equal(t, []string{"shop 2 unchanged", "shop 4 failed", "shop 1 failed", "shop 3 failed"}, a.Actions())
		assert.Contains(t, a.Objects[2].Error, "not attempted, because 1 other failed")
		assert.Zero(t, l.Count(http.MethodDelete, ""), "what a new test was to succeed is still needed")
	})
	t.Run("not where a wish cannot be met", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, emulator.Options{})
		crowd(l)
		a := l.Run(options{"stack": "shop", "purge": true, "tests": []options{{"name": "without an address"}}})
		assert.True(t, a.Failed)
		assert.Contains(t, a.Msg, "shop/without an address does not exist yet, and to create it there are missing required arguments: website_url")
		assert.Zero(t, l.Writes())
	})
}

func TestPurgeLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what    string
		limit   any // nil leaves it out
		present int // of 20 tests, so many are declared
		allowed bool
	}{
		{"ten by default", nil, 10, true},
		{"eleven are over the default", nil, 9, false},
		{"a count that is kept", "5", 15, true},
		{"a count that is not", 5, 14, false},
		{"a share that is kept", "25%", 15, true},
		{"a share that is not", "24%", 15, false},
		{"nothing to delete is within any limit", "0", 20, true},
		{"all of it", "100%", 1, true},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, emulator.Options{})
			names := make([]string, 20)
			for i := range names {
				names[i] = fmt.Sprintf("test %02d", i)
				l.byHand(names[i], ofStack("shop"))
			}
			items := append(sites(names[:c.present]...), site("new one"))
			items[0]["check_rate"] = 30
			task := options{"stack": "shop", "purge": true, "tests": items}
			if c.limit != nil {
				task["purge_limit"] = c.limit
			}
			doomed := 20 - c.present
			a := l.Run(task)
			if c.allowed {
				require.False(t, a.Failed, a.Msg)
				assert.Equal(t, doomed, a.Summary["deleted"])
				assert.Empty(t, a.Refused)
				return
			}
			assert.True(t, a.Failed)
			assert.False(t, a.Changed)
			assert.Zero(t, l.Writes(), "nothing at all is changed")
			assert.Contains(t, a.Msg, fmt.Sprintf("%d of 20 would be deleted", doomed))
			assert.Contains(t, a.Msg, "nothing was changed")
			require.Len(t, a.Refused, doomed)
			last := l.stored(names[19])
			assert.Equal(t, "shop/"+last.Name+" ("+last.ID+")", a.Refused[doomed-1])
		})
	}
}

func TestPartialFailure(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{}, conformtest.AllowRefused())
	l.byHand("edited")
	l.byHand("gone")
	items := sites("first", "edited", "gone", "refused", "last")
	items[1]["check_rate"] = 60
	items[2]["state"] = "absent"
	items[3]["dns_ips"] = []string{"nowhere"}
	a := l.Run(options{"tests": items})
	assert.True(t, a.Failed)
	assert.True(t, a.Changed)
	assert.Equal(t, []string{"first created", "edited updated", "gone deleted", "refused failed", "last created"}, a.Actions())
	assert.Contains(t, a.Msg, "1 of 5 tests failed: creating uptime test refused: ")
	assert.Contains(t, a.Msg, "dns_ips", "the server's own complaint is passed on")
	assert.Equal(t, a.Msg, "1 of 5 tests failed: "+a.Objects[3].Error)
	assert.Equal(t, []string{"edited", "first", "last"}, sorted(l.names()))
	assert.Equal(t, 60, l.stored("edited").CheckRate)
	assert.Len(t, a.Diff, 4, "the diff shows what was done")
}

func TestManyFailuresAreNotAllInTheMessage(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	items := make([]options, 8)
	for i := range items {
		items[i] = options{"name": fmt.Sprint("incomplete ", i)}
	}
	a := l.Run(options{"tests": items})
	assert.Contains(t, a.Msg, "8 of 8 tests failed: ")
	assert.Contains(t, a.Msg, "incomplete 4 ")
	assert.NotContains(t, a.Msg, "incomplete 5 ")
	assert.Contains(t, a.Msg, "; and 3 more")
	assert.Contains(t, a.Objects[7].Error, "incomplete 7 does not exist yet, and to create it there are missing required arguments: website_url")
}

func TestFailFast(t *testing.T) {
	t.Parallel()
	for _, fast := range []bool{false, true} {
		t.Run(fmt.Sprint(fast), func(t *testing.T) {
			t.Parallel()
			l := newLab(t, emulator.Options{})
			l.Inject(emulator.Rule{Index: emulator.AnyCall, Method: http.MethodPost, Skip: 1, Fault: emulator.Fault{Kind: emulator.Status, Status: http.StatusForbidden}})
			a := l.Run(options{"tests": sites("a", "b", "c", "d"), "fail_fast": fast, "api_concurrency": 1})
			assert.True(t, a.Failed)
			if !fast {
				assert.Equal(t, []string{"a created", "b failed", "c created", "d created"}, a.Actions())
				return
			}
			assert.Equal(t, []string{"a created", "b failed", "c failed", "d failed"}, a.Actions())
			assert.Contains(t, a.Objects[3].Error, "d: not attempted, because another one failed")
			assert.Equal(t, []string{"a"}, l.names())
			assert.Len(t, l.WriteCalls(), 2)
		})
	}
}

func TestListsWithoutACount(t *testing.T) {
	t.Parallel()
	for _, how := range []vendor.ListMetadata{vendor.MetadataFull, vendor.MetadataZeroTotal, vendor.MetadataMissing} {
		for _, n := range []int{0, 1, 99, 100, 101, 200, 250} {
			t.Run(fmt.Sprintf("%s %d", how, n), func(t *testing.T) {
				t.Parallel()
				l := plainLab(t, emulator.Options{}) // the vendor's own file does not know answers without metadata
				require.NoError(t, l.SetListMetadata(how))
				l.Seed(n, ownershipTag, stackTag+"shop")
				a := l.OK(options{"stack": "shop", "state": "absent", "api_rate_limit": 0})
				assert.Equal(t, n, a.Summary["deleted"])
				assert.Empty(t, l.Tests())
			})
		}
	}
}

func TestListFailsOnALaterPage(t *testing.T) {
	t.Parallel()
	for page := range 3 {
		// Nobody judges the calls: where one page fails the module hangs up on the others, and a call without an answer conforms to nothing.
		l := plainLab(t, emulator.Options{})
		l.Seed(250, ownershipTag, stackTag+"shop")
		l.Inject(emulator.Rule{Index: emulator.AnyCall, Path: "/v1/uptime$", Skip: page, Times: emulator.Always,
			Fault: emulator.Fault{Kind: emulator.Status, Status: http.StatusInternalServerError}})
		a := l.Run(options{"stack": "shop", "purge": true, "purge_limit": "100%", "tests": sites("new"), "api_rate_limit": 0})
		assert.True(t, a.Failed)
		assert.Contains(t, a.Msg, "nothing was changed, because the tests could not be read: listing uptime tests: ")
		assert.Zero(t, l.Writes(), "a part of the list is no list")
		assert.Empty(t, a.Objects)
	}
}

func TestTestGoneWhileItWasRead(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	id := l.byHand("fleeting")
	l.Inject(emulator.On(http.MethodGet, "/v1/uptime/"+id, 1, emulator.Fault{Kind: emulator.Status, Status: http.StatusNotFound}))
	assert.Equal(t, "created", l.OK(site("fleeting")).Only(t).Action, "404 on GET by id proves absence")

	l = newLab(t, emulator.Options{})
	id = l.byHand("hidden")
	l.Inject(emulator.On(http.MethodGet, "/v1/uptime/"+id, emulator.Always, emulator.Fault{
		Kind: emulator.HTML, Status: http.StatusNotFound,
	}))
	a := l.Run(site("hidden"))
	assert.True(t, a.Failed, "a gateway's 404 proves nothing")
	assert.Contains(t, a.Msg, "reading uptime test "+id)
	assert.Zero(t, l.Writes())
}

func TestDeletingWhatIsGone(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	id := l.byHand("fleeting")
	l.Inject(emulator.On(http.MethodDelete, "/v1/uptime/"+id, 1, emulator.Fault{Kind: emulator.Status, Status: http.StatusNotFound}))
	assert.Equal(t, "deleted", l.OK(options{"name": "fleeting", "state": "absent"}).Only(t).Action)
}
