// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

const listPath = vendor.BasePath + "/checks$"

func TestCheckModePredictsTheRun(t *testing.T) {
	t.Parallel()
	resourcetest.CheckModePredicts(t, scene)
}

func TestHandMadeChecksAreAdopted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what  string
		stack options
		tags  []string
	}{
		{"without a stack nothing but the difference changes", options{}, []string{"hand"}},
		{"with a stack it gets the stack's marks", options{"stack": "shop"}, []string{"hand", "managed_by-stackwatch", "stack-shop"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, emulator.Options{})
			id := l.byHand("login", tagged("hand"), func(c *vendor.Check) { c.ShouldContain, c.NotifyAgainEvery = "Welcome", 7 })
			task := site("login").With(c.stack).With(options{"resolution": 1})
			a := l.OK(task)
			assert.Equal(t, "updated", a.Only(t).Action)
			stored := l.stored("login")
			assert.Equal(t, id, strconv.Itoa(stored.ID))
			assert.Equal(t, 1, stored.Resolution)
			assert.Equal(t, "Welcome", stored.ShouldContain, "what the task does not set stays")
			assert.Equal(t, 7, stored.NotifyAgainEvery)
			assert.ElementsMatch(t, c.tags, stored.Tags)
			l.Settled(task)
		})
	}
}

// TestPausing: all that the earlier module could do, in its words and in those of this one.
func TestPausing(t *testing.T) {
	t.Parallel()
	for state, paused := range map[string]bool{"paused": true, "stopped": true, "resumed": false, "running": false, "started": false} {
		for _, before := range []bool{true, false} {
			l := newLab(t, emulator.Options{})
			id := l.byHand("a", func(c *vendor.Check) { c.Paused = before })
			task := options{"checkid": id, "state": state, "key": token}
			predicted := l.DryRun(task)
			a := l.OK(task)
			assert.Equal(t, before != paused, a.Changed, "%s: the earlier module never said so", state)
			assert.Equal(t, predicted.Only(t), a.Only(t))
			assert.Equal(t, paused, l.stored("a").Paused, state)
			l.Settled(task)
		}
	}
	l := newLab(t, emulator.Options{})
	assert.Equal(t, "created", l.OK(site("new").With(options{"state": "paused"})).Only(t).Action)
	assert.True(t, l.stored("new").Paused)
	assert.Contains(t, l.Run(options{"name": "missing", "state": "paused"}).Msg,
		"missing does not exist yet, and to create it there are missing required arguments: host")
	assert.Contains(t, l.Run(options{"id": "7", "state": "paused"}).Msg, "id 7 does not exist")

	l.OK(options{"state": "paused", "checks": []options{site("one"), site("two").With(options{"state": "resumed"}), {"name": "new", "state": "absent"}}})
	assert.Equal(t, []bool{true, false}, []bool{l.stored("one").Paused, l.stored("two").Paused})
	assert.Empty(t, l.named("new"))
}

// TestTasksForTheEarlierModule: its options are understood, and what they are called now is said.
func TestTasksForTheEarlierModule(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	id := l.byHand("a")
	a := l.OK(options{"checkid": id, "uid": "example@example.com", "passwd": "hunter2hunter2", "key": token, "state": "stopped"})
	assert.NotContains(t, a.Raw, "hunter2hunter2")
	var said []string
	for _, d := range a.Deprecations {
		assert.Equal(t, "stackwatch.monitoring", d.Collection)
		said = append(said, d.Msg)
	}
	assert.Equal(t, []string{
		"uid has no counterpart in the API 3.1 and no effect; remove it", "passwd has no counterpart in the API 3.1 and no effect; remove it",
		"state: stopped is state: paused now",
	}, said)
	assert.Empty(t, l.OK(options{"id": id, "state": "paused"}).Deprecations)
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
	for _, status := range []int{0, http.StatusBadRequest, http.StatusNotFound} {
		require.NoError(t, l.SetQuirks(vendor.Quirks{MissingStatus: status}))
		assert.Contains(t, l.Run(options{"id": "999", "resolution": 1}).Msg, "id 999 does not exist")
		assert.Equal(t, "unchanged", l.OK(options{"id": "999", "state": "absent"}).Only(t).Action)
	}
	assert.Zero(t, l.Writes())
	assert.Equal(t, "deleted", l.OK(options{"id": id, "name": "bystander", "state": "absent"}).Only(t).Action, "the id alone decides")
	assert.Equal(t, []string{"bystander"}, l.names())
	assert.Zero(t, l.Count(http.MethodGet, listPath), "an id needs no list")

	twice := l.Run(options{"checks": []options{{"id": strconv.Itoa(l.stored("bystander").ID)}, {"name": "bystander"}}})
	assert.True(t, twice.Failed)
	assert.Contains(t, twice.Msg, "declared twice")
}

// TestAForbiddenCheckIsNotTakenForMissing: the same status as for an id that does not exist, without the words.
func TestAForbiddenCheckIsNotTakenForMissing(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	id := l.byHand("a")
	l.Inject(emulator.On(http.MethodGet, vendor.BasePath+"/checks/"+id, emulator.Always, emulator.Fault{Kind: emulator.Status, Status: http.StatusForbidden}))
	for _, task := range []options{site("a"), {"id": id}, {"id": id, "state": "absent"}} {
		a := l.Run(task)
		assert.True(t, a.Failed)
		assert.Contains(t, a.Msg, "nothing was changed, because the checks could not be read: reading check "+id+": GET /checks/"+id+": status 403")
	}
	assert.Zero(t, l.Writes())
}

func TestUsersAndTeamsByName(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	ann, shift := strconv.Itoa(l.AddContact("Ann")), strconv.Itoa(l.AddTeam("Night, shift"))
	twin := []string{strconv.Itoa(l.AddTeam("Twin")), strconv.Itoa(l.AddTeam("Twin"))}

	byBoth := site("alerted").With(options{"users": []string{"Ann", ann}, "teams": []string{"Night, shift", twin[0]}})
	a := l.OK(byBoth)
	assert.Equal(t, []any{ann}, a.Only(t).Changes["userids"].After, "a name and its id are one user")
	assert.Equal(t, []any{shift, twin[0]}, a.Only(t).Changes["teamids"].After)
	l.Settled(byBoth)
	l.ResetCalls()
	l.OK(site("alerted").With(options{"userids": ann, "teamids": shift}))
	assert.Zero(t, l.Count("", vendor.BasePath+"/alerting"), "ids need no look at names")

	for _, c := range []struct{ option, name, want, read string }{
		{"teamids", "Nobody", "value of teamids must be ids or names of teams, got: Nobody; there are: Night, shift, Twin", "teams"},
		{"teamids", "Twin", "the team name Twin is not unique; write the id of one of them: " + twin[0] + ", " + twin[1], "teams"},
		{"userids", "Bob", "value of userids must be ids or names of users, got: Bob; there are: Ann", "contacts"},
	} {
		l.ResetCalls()
		a := l.Run(options{"checks": []options{site("alerted").With(options{c.option: c.name}), site("other-" + c.name)}})
		assert.Contains(t, a.Msg, "1 of 2 checks failed: alerted: "+c.want)
		assert.Equal(t, "created", a.Objects[1].Action, "the others are done")
		assert.Equal(t, 1, l.Count(http.MethodGet, vendor.BasePath+"/alerting/"+c.read), "names are read once")
	}
	assert.Contains(t, l.Run(site("alerted").With(options{"teamids": "424242"})).Msg, "teamids", "the server's own complaint is passed on")
}

// TestUpdatePassword: on_create leaves the login of existing checks alone.
func TestUpdatePassword(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	task := site("a").With(options{"auth": "ann:first secret"})
	l.OK(task.With(options{"update_password": "on_create"}))
	assert.Equal(t, "first secret", l.stored("a").Password)
	l.Settled(task)
	task["auth"] = "ann:second secret"
	l.Settled(task.With(options{"update_password": "on_create"}))
	assert.Equal(t, "first secret", l.stored("a").Password)
	a := l.OK(task)
	assert.Equal(t, map[string]change{"auth": {Before: "******** (old value)", After: "******** (new value)"}}, a.Only(t).Changes)
	assert.Equal(t, "second secret", l.stored("a").Password)
	l.Settled(task)
}

func TestTypeIsReplacedOnTheUsersWord(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T) (*lab, string, options) {
		l := newLab(t, emulator.Options{})
		id := l.byHand("gateway", tagged("hand"), func(c *vendor.Check) { c.Resolution, c.Paused, c.Username, c.Password = 1, true, "u", "p" })
		return l, id, options{"name": "gateway", "type": "ping"}
	}
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		l, id, task := start(t)
		a := l.Run(task)
		assert.Contains(t, a.Msg, "1 of 1 check failed: gateway (ping): type of "+id+" cannot be changed after creation; allow_replace: true")
		assert.Zero(t, l.Writes())
	})
	t.Run("allowed", func(t *testing.T) {
		t.Parallel()
		l, id, task := start(t)
		task["allow_replace"] = true
		predicted, a := l.DryRun(task), l.OK(task)
		assert.Equal(t, "replaced", a.Only(t).Action)
		assert.Equal(t, predicted.Only(t).Changes, a.Only(t).Changes)
		stored := l.stored("gateway")
		assert.NotEqual(t, id, strconv.Itoa(stored.ID))
		assert.Equal(t, "ping", stored.Type)
		assert.Equal(t, []any{1, true, "gateway.example.com"}, []any{stored.Resolution, stored.Paused, stored.Host}, "what all types have is taken over")
		assert.Equal(t, []string{"hand"}, stored.Tags)
		l.Settled(task)
	})
	t.Run("to the like of it", func(t *testing.T) {
		t.Parallel()
		l, id, _ := start(t)
		l.OK(options{"id": id, "shouldcontain": "Welcome", "encryption": true})
		task := options{"name": "gateway", "type": "httpcustom", "allow_replace": true, "additionalurls": "https://a.example.com/x.xml",
			"shouldnotcontain": "Error", "encryption": false}
		assert.Equal(t, "replaced", l.OK(task).Only(t).Action)
		stored := l.stored("gateway")
		assert.Equal(t, "p", stored.Password, "Pingdom tells it, so it is taken over too")
		assert.Equal(t, []any{"", "Error", 80}, []any{stored.ShouldContain, stored.ShouldNotContain, stored.Port}, "as in an update")
		l.Settled(task)
	})
	t.Run("to a type that needs more", func(t *testing.T) {
		t.Parallel()
		l, _, task := start(t)
		a := l.Run(task.With(options{"type": "tcp", "allow_replace": true}))
		assert.Contains(t, a.Msg, "to create it there are missing required arguments: port")
		assert.Zero(t, l.Writes())
	})
	t.Run("interrupted again and again", func(t *testing.T) {
		t.Parallel()
		l, id, task := start(t)
		task["allow_replace"] = true
		l.Inject(emulator.On(http.MethodPost, "", emulator.Always, emulator.Fault{Kind: emulator.Status, Status: http.StatusBadRequest}))
		assert.Contains(t, l.Run(task).Msg, "creating check gateway (ping): POST /checks: status 400")
		assert.Equal(t, []string{"hand", "replaced_by-stackwatch"}, l.stored("gateway").Tags)
		l.ResetCalls()
		assert.True(t, l.Run(task).Failed)
		assert.Equal(t, 1, l.Writes(), "what is marked is not marked again")
		l.ClearFaults()
		l.Inject(emulator.On(http.MethodDelete, "", emulator.Always, emulator.Fault{Kind: emulator.Status, Status: http.StatusBadRequest}))
		assert.Contains(t, l.Run(task).Msg, "but the old one is still there: deleting check gateway ("+id+")")
		assert.Len(t, l.named("gateway"), 2)
		l.ClearFaults()
		assert.Equal(t, 1, l.OK(task).Summary["deleted"])
		assert.Equal(t, []any{"ping", []string{"hand"}}, []any{l.stored("gateway").Type, l.stored("gateway").Tags})
		l.Settled(task)
	})
	t.Run("interrupted, and then nobody wants it", func(t *testing.T) {
		t.Parallel()
		for _, absent := range []options{{"type": "ping", "state": "absent"}, {"state": "absent"}} {
			l, task := interrupted(t)
			a := l.OK(task.With(options{"state": "absent"}).With(absent))
			assert.Equal(t, []any{2, "replaced by " + text(a.Objects[0].ID)}, []any{a.Summary["deleted"], a.Objects[1].Reason})
			assert.Empty(t, l.named("gateway"), "what was to go has gone too")
		}
	})
	t.Run("interrupted, and then the old one is wanted", func(t *testing.T) {
		t.Parallel()
		l, task := interrupted(t)
		id := strconv.Itoa(l.named("gateway")[0].ID)
		both := options{"stack": "shop", "checks": []options{{"name": "gateway", "type": "ping", "state": "absent"}, {"name": "gateway", "type": "http"}}}
		assert.Equal(t, 1, l.DryRun(both).Summary["deleted"], "a check that is declared stays")
		a := l.OK(task.With(options{"type": "http"}))
		assert.Equal(t, []string{"shop/gateway: the replacement of " + id + " by a check of another type was interrupted, and now it is kept; " +
			"look whether the other one was created, and delete it with its type and state: absent"}, a.Warnings)
		assert.Equal(t, []string{"managed_by-stackwatch", "stack-shop"}, l.named("gateway")[0].Tags)
		assert.Empty(t, l.OK(task.With(options{"type": "http"})).Warnings)
	})
	t.Run("by id", func(t *testing.T) {
		t.Parallel()
		l, id, _ := start(t)
		assert.Contains(t, l.Run(options{"id": id, "type": "ping", "allow_replace": true}).Msg, "write its name instead of the id")
		assert.Zero(t, l.Writes())
	})
}

// interrupted gives an account with a check that was replaced and could not be deleted, and the task that did so.
func interrupted(t *testing.T) (*lab, options) {
	t.Helper()
	l := newLab(t, emulator.Options{})
	l.byHand("gateway", ofStack("shop"))
	task := options{"stack": "shop", "name": "gateway", "type": "ping", "allow_replace": true}
	l.Inject(emulator.On(http.MethodDelete, "", emulator.Always, emulator.Fault{Kind: emulator.Status, Status: http.StatusBadRequest}))
	assert.True(t, l.Run(task).Failed)
	require.Len(t, l.named("gateway"), 2)
	l.ClearFaults()
	return l, task
}
