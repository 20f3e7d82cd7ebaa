// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake/conformtest"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// seedTask is the task of an existing playbook, for an earlier module of that name, word for word.
func seedTask() options {
	return options{
		"username": "my-user", "api_key": "my-api-key", "name": "My service check", "url": "https://myservice.example.com",
		"state": "present", "test_type": "HTTP", "check_rate": 60,
	}
}

func TestSeedTask(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})

	predicted := l.DryRun(seedTask())
	assert.True(t, predicted.Changed)
	made := l.OK(seedTask())
	assert.True(t, made.Changed)
	assert.Equal(t, []string{"new tests without contact_groups alert nobody: My service check; " +
		"set contact_groups, or write contact_groups: [] where that is meant"}, made.Warnings)
	assert.Empty(t, made.Deprecations)
	test := made.Only(t)
	stored := l.stored("My service check")
	assert.Equal(t, "created", test.Action)
	assert.Equal(t, stored.ID, text(test.ID))
	assert.Nil(t, predicted.Only(t).ID, "nothing exists yet in check mode")
	assert.Equal(t, predicted.Only(t).Changes, test.Changes)

	assert.Equal(t, "https://myservice.example.com", stored.WebsiteURL)
	assert.Equal(t, "HTTP", stored.TestType)
	assert.Equal(t, 60, stored.CheckRate)
	assert.Equal(t, 2, stored.Confirmation)
	assert.Zero(t, stored.TriggerRate, "the server's own default is 4, against its documentation")
	assert.Empty(t, stored.Tags, "a test without a stack belongs to nobody")
	assert.Equal(t, DefaultStatusCodes(), stored.StatusCodes)
	require.Len(t, made.Diff, 1)
	assert.Empty(t, made.Diff[0].Before)
	assert.Equal(t, map[string]any{
		"name": "My service check", "website_url": "https://myservice.example.com", "test_type": "HTTP", "check_rate": 60.0,
		"confirmation": 2.0, "trigger_rate": 0.0,
	}, made.Diff[0].After)
	assert.Equal(t, "test My service check (id "+stored.ID+") created", made.Diff[0].AfterHeader)

	l.Settled(seedTask())
	assert.False(t, l.DryRun(seedTask()).Changed)
}

func TestCheckModePredictsTheRun(t *testing.T) {
	t.Parallel()
	resourcetest.CheckModePredicts(t, scene)
}

func TestHandMadeTestsAreAdopted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what  string
		stack options
		tags  []string
	}{
		{"without a stack nothing but the difference changes", options{}, []string{"hand"}},
		{"with a stack it gets the stack's marks", options{"stack": "shop"}, []string{"hand", ownershipTag, stackTag + "shop"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, emulator.Options{})
			id := l.byHand("login", tagged("hand"), func(t *vendor.Test) { t.FindString, t.Timeout = "Welcome", 40 })
			task := site("login").With(c.stack).With(options{"check_rate": 60})
			a := l.OK(task)
			assert.Equal(t, "updated", a.Only(t).Action)
			stored := l.stored("login")
			assert.Equal(t, id, stored.ID)
			assert.Equal(t, 60, stored.CheckRate)
			assert.Equal(t, "Welcome", stored.FindString, "what the task does not set stays")
			assert.Equal(t, 40, stored.Timeout)
			assert.ElementsMatch(t, c.tags, stored.Tags)
			l.Settled(task)
		})
	}
}

func TestStacksKeepTheirNames(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	a := l.OK(options{"tests": []options{
		site("live").With(options{"stack": "shop"}), site("live").With(options{"stack": "blog"}),
	}})
	assert.Equal(t, map[string]int{"created": 2, "updated": 0, "replaced": 0, "deleted": 0, "unchanged": 0, "failed": 0}, a.Summary)
	assert.Equal(t, "shop", text(a.Objects[0].Stack))
	assert.Equal(t, "blog", text(a.Objects[1].Stack))

	changed := site("live").With(options{"stack": "shop", "check_rate": 30})
	assert.Equal(t, "updated", l.OK(changed).Only(t).Action)
	for _, stored := range l.named("live") {
		want := 300
		if stackOf(stored.Tags) == "shop" {
			want = 30
		}
		assert.Equal(t, want, stored.CheckRate, "in stack %s", stackOf(stored.Tags))
	}
	gone := options{"name": "live", "stack": "shop", "state": "absent"}
	assert.Equal(t, "deleted", l.OK(gone).Only(t).Action)
	assert.Equal(t, "blog", stackOf(l.stored("live").Tags))
	assert.Equal(t, "unchanged", l.OK(gone).Only(t).Action)

	// Without a stack the name means any test of that name, but a stack's absent test is never one made by hand.
	l.byHand("hand made")
	assert.Equal(t, "unchanged", l.OK(options{"name": "hand made", "stack": "shop", "state": "absent"}).Only(t).Action)
	l.OK(options{"tests": []options{{"name": "hand made", "stack": "shop", "state": "absent"}, site("of no stack")}})
	assert.Len(t, l.named("hand made"), 1, "not even where the whole account is in view")
}

// TestID_AnswerNamesTheStack where the task knows the test by its id alone, in check mode too, and whether it changes or not.
func TestID_AnswerNamesTheStack(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.OK(site("live").With(options{"stack": "shop"}))
	task := options{"id": l.stored("live").ID, "check_rate": 60}
	for _, action := range []string{"updated", "unchanged"} {
		for _, a := range []answer{l.DryRun(task), l.OK(task)} {
			assert.Equal(t, action, a.Only(t).Action)
			assert.Equal(t, "shop", text(a.Only(t).Stack))
		}
	}
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	resourcetest.Duplicates(t, scene)
}

func TestIdentityByID(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	id := l.byHand("old name")
	l.byHand("bystander")

	rename := options{"id": id, "name": "new name"}
	a := l.OK(rename)
	assert.Equal(t, map[string]change{"name": {Before: "old name", After: "new name"}}, a.Only(t).Changes)
	assert.Equal(t, []string{"new name", "bystander"}, l.names())
	l.Settled(rename)

	l.ResetCalls()
	a = l.Run(options{"id": "999", "check_rate": 60})
	assert.True(t, a.Failed)
	assert.Contains(t, a.Msg, "id 999 does not exist")
	assert.Zero(t, l.Writes())

	assert.Equal(t, "unchanged", l.OK(options{"id": "999", "state": "absent"}).Only(t).Action)
	assert.Equal(t, "deleted", l.OK(options{"id": id, "state": "absent"}).Only(t).Action)
	assert.Equal(t, []string{"bystander"}, l.names())
	assert.Zero(t, l.Count(http.MethodGet, "/v1/uptime$"), "an id needs no list")

	twice := l.Run(options{"tests": []options{{"id": l.stored("bystander").ID}, {"name": "bystander"}}})
	assert.True(t, twice.Failed)
	assert.Contains(t, twice.Msg, "declared twice")
}

func TestContactGroups(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{}, conformtest.AllowRefused())
	operations, night := l.AddContactGroup("Operations"), l.AddContactGroup("Night, shift")
	twin := []string{l.AddContactGroup("Twin"), l.AddContactGroup("Twin")}

	byBoth := site("alerted").With(options{"contact_groups": []string{"Operations", night, operations}})
	a := l.OK(byBoth)
	assert.Equal(t, []any{operations, night}, a.Only(t).Changes["contact_groups"].After, "a name and its id are one group")
	assert.Equal(t, []string{operations, night}, l.stored("alerted").ContactGroups)
	l.Settled(byBoth)
	l.Settled(byBoth.With(options{"contact_groups": []string{night, "Operations"}}))

	l.ResetCalls()
	l.OK(site("alerted").With(options{"contact_groups": []string{night}}))
	assert.Zero(t, l.Count("", "/v1/contact-groups"), "ids need no look at the groups")
	l.OK(site("alerted").With(options{"contact_groups": []string{}}))
	assert.Empty(t, l.stored("alerted").ContactGroups)

	for _, c := range []struct{ group, want string }{
		{"Opérations", `value of contact_groups must be ids or names of contact groups, got: Opérations; there are: "Night, shift", Operations, Twin`},
		{"Twin", "the contact group name Twin is not unique; write the id of one of them: " + twin[0] + ", " + twin[1]},
	} {
		l.ResetCalls()
		a := l.Run(options{"tests": []options{
			site("alerted").With(options{"contact_groups": c.group}), site("other " + c.group[:1]),
		}})
		assert.True(t, a.Failed)
		assert.Contains(t, a.Msg, "1 of 2 tests failed: alerted: "+c.want)
		assert.Equal(t, "created", a.Objects[1].Action, "the others are done")
		assert.Equal(t, 1, l.Count(http.MethodGet, "/v1/contact-groups"), "groups are read once")
	}
	a = l.Run(site("alerted").With(options{"contact_groups": []string{"424242"}}))
	assert.Contains(t, a.Msg, "contact_groups", "the server's own complaint is passed on")
}

func TestContactGroupsOnManyPages(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	var last string
	for i := range 120 {
		last = l.AddContactGroup("Group " + string(rune('a'+i%26)) + string(rune('a'+i/26)))
	}
	groups := l.ContactGroups()
	l.OK(site("alerted").With(options{"contact_groups": groups[len(groups)-1].Name}))
	assert.Equal(t, []string{last}, l.stored("alerted").ContactGroups)
}

func TestTestTypeIsReplacedOnTheUsersWord(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T) (*lab, string, options) {
		l := newLab(t, emulator.Options{})
		id := l.byHand("mail", func(t *vendor.Test) {
			t.TestType, t.WebsiteURL, t.Port, t.Timeout, t.StatusCodes = "TCP", "mail.example.com", 25, 33, []string{}
		})
		return l, id, options{"name": "mail", "test_type": "SMTP"}
	}
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		l, id, task := start(t)
		a := l.Run(task)
		assert.Contains(t, a.Msg, "1 of 1 test failed: mail: test_type of "+id+" cannot be changed after creation, and is TCP, got: SMTP; allow_replace: true")
		assert.Equal(t, "failed", a.Only(t).Action)
		assert.Zero(t, l.Writes())
	})
	t.Run("allowed", func(t *testing.T) {
		t.Parallel()
		l, id, task := start(t)
		task["allow_replace"] = true
		a := l.OK(task)
		assert.Equal(t, "replaced", a.Only(t).Action)
		assert.Equal(t, map[string]change{"test_type": {Before: "TCP", After: "SMTP"}}, a.Only(t).Changes)
		stored := l.stored("mail")
		assert.NotEqual(t, id, stored.ID)
		assert.Equal(t, stored.ID, text(a.Only(t).ID))
		assert.Equal(t, "SMTP", stored.TestType)
		assert.Equal(t, 25, stored.Port, "what the task does not set comes from the old test")
		assert.Equal(t, 33, stored.Timeout)
		assert.Equal(t, "mail.example.com", stored.WebsiteURL)
		assert.Empty(t, stored.StatusCodes)
		writes := l.WriteCalls()
		require.Len(t, writes, 4, "mark the old one, create, empty the status codes, delete")
		assert.Equal(t, []string{http.MethodPut, http.MethodPost, http.MethodPut, http.MethodDelete},
			[]string{writes[0].Method, writes[1].Method, writes[2].Method, writes[3].Method}, "the old test goes only when the new one is there")
		assert.Equal(t, "/v1/uptime/"+id, writes[0].Path)
		assert.Equal(t, "/v1/uptime/"+id, writes[3].Path)
		l.Settled(task)
	})
	t.Run("interrupted", func(t *testing.T) {
		t.Parallel()
		l, id, task := start(t)
		task["allow_replace"] = true
		l.Inject(emulator.On(http.MethodDelete, "", emulator.Always, emulator.Fault{Kind: emulator.Status, Status: http.StatusForbidden}))
		a := l.Run(task)
		assert.Contains(t, a.Msg, "but the old one is still there")
		assert.Len(t, l.named("mail"), 2)
		l.ClearFaults()
		a = l.OK(task)
		assert.Equal(t, []string{"mail unchanged", "mail deleted"}, a.Actions())
		assert.Equal(t, id, text(a.Objects[1].ID))
		assert.Equal(t, "SMTP", l.stored("mail").TestType)
		l.Settled(task)
	})
	t.Run("interrupted while it was taken over", func(t *testing.T) {
		t.Parallel()
		l, id, task := start(t)
		task = task.With(options{"allow_replace": true, "stack": "shop"})
		l.Inject(emulator.On(http.MethodDelete, "", emulator.Always, emulator.Fault{Kind: emulator.Status, Status: http.StatusForbidden}))
		assert.Contains(t, l.Run(task).Msg, "but the old one is still there")
		l.ClearFaults()
		a := l.OK(task)
		assert.Equal(t, []string{"mail unchanged", "mail deleted"}, a.Actions())
		assert.Equal(t, id, text(a.Objects[1].ID))
		assert.Len(t, l.named("mail"), 1)
		l.Settled(task)
	})
	t.Run("cannot be taken over", func(t *testing.T) {
		t.Parallel()
		l, id, task := start(t)
		l.Inject(emulator.On(http.MethodPut, "", 1, emulator.Fault{Kind: emulator.Status, Status: http.StatusForbidden}))
		assert.True(t, l.Run(task.With(options{"allow_replace": true, "stack": "shop"})).Failed)
		assert.Equal(t, id, l.stored("mail").ID)
	})
	t.Run("the creation is refused", func(t *testing.T) {
		t.Parallel()
		l, id, task := start(t)
		task["allow_replace"] = true
		l.Inject(emulator.On(http.MethodPost, "", 1, emulator.Fault{Kind: emulator.Status, Status: http.StatusForbidden}))
		assert.True(t, l.Run(task).Failed)
		assert.Equal(t, id, l.stored("mail").ID, "the old test stays")
	})
	t.Run("the creation's answer is lost", func(t *testing.T) {
		t.Parallel()
		l, id, task := start(t)
		task["allow_replace"] = true
		l.Inject(emulator.On(http.MethodPost, "", 1, emulator.Fault{Kind: emulator.DropAfter}))
		assert.Equal(t, "replaced", l.OK(task).Only(t).Action)
		assert.NotEqual(t, id, l.stored("mail").ID)
		assert.Equal(t, "SMTP", l.stored("mail").TestType)
		l.Settled(task)
	})
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	task := site("private").With(options{"basic_username": "ann", "basic_password": "first secret"})
	l.OK(task)
	assert.Equal(t, "first secret", l.stored("private").BasicPassword)

	second := task.With(options{"basic_password": "second secret", "basic_username": "bob"})
	l.Settled(second)
	assert.Equal(t, "first secret", l.stored("private").BasicPassword, "on_create leaves an existing test alone")

	always := second.With(options{"update_password": "always"})
	for range 2 {
		a := l.OK(always)
		assert.Equal(t, "updated", a.Only(t).Action, "always is always a change, because the password cannot be read")
		assert.Len(t, a.Only(t).Changes, 2)
		assert.Equal(t, "bob", a.Only(t).Changes["basic_username"].After)
	}
	assert.Equal(t, "second secret", l.stored("private").BasicPassword)
	l.OK(always.With(options{"basic_username": "", "basic_password": ""}))
	assert.Empty(t, l.stored("private").BasicUsername)
	assert.Empty(t, l.stored("private").BasicPassword)
}

func TestStatusCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what   string
		given  any
		stored []string
		writes []string
	}{
		{"the server's list by default", nil, DefaultStatusCodes(), []string{"POST"}},
		{"default by its name", "default", DefaultStatusCodes(), []string{"POST"}},
		{"one string with commas", "500, 404,404,", []string{"500", "404"}, []string{"POST"}},
		{"a list of numbers", []int{404, 500}, []string{"404", "500"}, []string{"POST"}},
		{"none at all needs an update", []string{}, []string{}, []string{"POST", "PUT"}},
		{"an empty string is none, too", "", []string{}, []string{"POST", "PUT"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, emulator.Options{})
			task := site("coded")
			if c.given != nil {
				task["status_codes_csv"] = c.given
			}
			l.OK(task)
			assert.ElementsMatch(t, c.stored, l.stored("coded").StatusCodes)
			var methods []string
			for _, call := range l.WriteCalls() {
				methods = append(methods, call.Method)
			}
			assert.Equal(t, c.writes, methods)
			l.Settled(task)

			l.OK(site("coded").With(options{"status_codes_csv": "default"}))
			assert.ElementsMatch(t, DefaultStatusCodes(), l.stored("coded").StatusCodes, "there is a way back")
			l.Settled(site("coded"))
		})
	}
	assert.Equal(t, vendor.DefaultStatusCodes(), DefaultStatusCodes())
}

func TestTags(t *testing.T) {
	t.Parallel()
	own := []string{ownershipTag, stackTag + "shop"}
	for _, c := range []struct {
		what   string
		before []string
		given  options
		after  []string
	}{
		{"unset stays", []string{"a", "b"}, options{}, []string{"a", "b"}},
		{"set is set", []string{"a", "b"}, options{"tags": "b, c,"}, []string{"b", "c"}},
		{"empty clears", []string{"a"}, options{"tags": []string{}}, nil},
		{"a stack adds its marks", []string{"a"}, options{"stack": "shop"}, append([]string{"a"}, own...)},
		{"tags beside a stack's marks", append([]string{"a"}, own...), options{"stack": "shop", "tags": "b"}, append([]string{"b"}, own...)},
		{"empty keeps a stack's marks", append([]string{"a"}, own...), options{"stack": "shop", "tags": ""}, own},
		{"marks stay where the task names no stack", append([]string{"a"}, own...), options{"tags": "b"}, append([]string{"b"}, own...)},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, emulator.Options{})
			l.byHand("tagged", tagged(c.before...))
			task := site("tagged").With(c.given)
			l.OK(task)
			assert.ElementsMatch(t, c.after, l.stored("tagged").Tags)
			l.Settled(task)
		})
	}
	t.Run("another stack's test is not touched", func(t *testing.T) {
		t.Parallel()
		l := newLab(t, emulator.Options{})
		id := l.byHand("tagged", tagged(ownershipTag, stackTag+"blog"))
		before, _ := l.Test(id)
		l.OK(site("tagged").With(options{"stack": "shop", "tags": "x", "check_rate": 30}))
		after, _ := l.Test(id)
		assert.Equal(t, before, after)
		assert.Len(t, l.named("tagged"), 2)
	})
}

func TestStackByIDMovesATest(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	id := l.byHand("moving", tagged(ownershipTag, stackTag+"blog", "keep"))
	task := options{"id": id, "stack": "shop"}
	l.OK(task)
	assert.ElementsMatch(t, []string{"keep", ownershipTag, stackTag + "shop"}, l.stored("moving").Tags)
	l.Settled(task)
}

// TestDeletion_ShowsTheWholeState holds that the diff of a deletion has what the list of tests does not tell.
func TestDeletion_ShowsTheWholeState(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.OK(site("live").With(options{"stack": "shop", "find_string": "Welcome", "timeout": 40}))
	gone := options{"stack": "shop", "state": "absent"}
	assert.Equal(t, l.DryRun(gone).Diff, l.OK(gone).Diff)
	l.OK(site("live").With(options{"stack": "shop", "find_string": "Welcome", "timeout": 40}))
	diff := l.OK(options{"name": "live", "stack": "shop", "state": "absent"}).Diff
	require.Len(t, diff, 1)
	assert.Equal(t, "Welcome", diff[0].Before["find_string"])
	assert.InDelta(t, 40, diff[0].Before["timeout"], 0)
	assert.Empty(t, diff[0].After)
}
