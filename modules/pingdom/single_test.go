// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
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
		"key is taken for the application key of an earlier API, because uid or passwd is set too, and has no effect where " +
			"PINGDOM_API_TOKEN is set; remove it",
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

// TestRename_OntoATakenName is refused: from then on every task by that name would find both.
func TestRename_OntoATakenName(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	cart, search := l.byHand("cart", ofStack("shop")), l.byHand("search", ofStack("shop"))
	l.byHand("search", ofStack("blog"))
	ping := l.byHand("cart", ofStack("shop"), ofType("ping"))
	before := l.Checks()
	for _, task := range []options{
		{"id": cart, "name": "search"}, {"id": cart, "name": "search", "stack": "shop", "resolution": 1}, {"checks": []options{{"id": cart, "name": "search"}}},
	} {
		predicted, a := l.DryRun(task), l.Run(task)
		assert.Equal(t, predicted.Msg, a.Msg)
		assert.Contains(t, a.Msg, "id "+cart+" must not get the name search, which is the name of id "+search+" in the stack shop")
	}
	assert.Contains(t, l.Run(options{"id": search, "stack": "blog"}).Msg, "must not get the name search", "a move is a renaming too")
	assert.Equal(t, before, l.Checks())
	l.OK(options{"id": ping, "name": "search"})
	l.OK(options{"checks": []options{{"id": cart, "name": "search"}, {"id": search, "name": "cart"}}})
	l.Settled(options{"stack": "shop", "checks": []options{{"name": "search", "type": "http"}, {"name": "cart"}, {"name": "search", "type": "ping"}}})
}

// TestKey_OfAnEarlierTask: the application key of an earlier API does not beat a token of the environment, and nothing false is warned of.
func TestKey_OfAnEarlierTask(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	id := l.byHand("a")
	alone := func(p *ansible.Process) {
		p.LookupEnv = func(name string) (string, bool) { return l.URL, name == "PINGDOM_API_URL" }
	}
	stale := options{"checkid": id, "uid": "example@example.com", "passwd": "hunter2hunter2", "key": "stale-application-key", "state": "paused"}
	a := l.OK(stale)
	assert.True(t, l.stored("a").Paused)
	assert.Empty(t, a.Warnings)
	assert.NotContains(t, a.Raw, "stale-application-key")
	var said []string
	for _, d := range a.Deprecations {
		said = append(said, d.Msg)
	}
	assert.Contains(t, said, "key is taken for the application key of an earlier API, because uid or passwd is set too, and has no effect where "+
		"PINGDOM_API_TOKEN is set; remove it")

	refused := l.Run(stale, alone)
	assert.Contains(t, refused.Msg, "the application key of an earlier API in key, which is no token of the API 3.1 (write one into api_token or the environment "+
		"variable PINGDOM_API_TOKEN, and remove key, uid and passwd), was refused", "where it is all that there is it is tried")
	assert.NotContains(t, refused.Raw, "stale-application-key")
	for _, o := range []options{{"key": token}, {"key": token, "uid": "u"}} {
		a := l.Run(options{"id": id, "state": "paused"}.With(o), alone)
		assert.False(t, a.Failed, a.Msg)
		assert.Empty(t, a.Warnings)
	}
	assert.Contains(t, l.Run(options{"id": id, "key": "another-account"}).Msg, "401", "a token that a task of this module says beats the environment")
	both := l.OK(options{"id": id, "key": "another-account", "api_token": token})
	assert.Equal(t, []string{"key has no effect with api_token; remove it"}, both.Warnings)
}

// TestDiffHeader_NamesACheckKnownByItsID: the name, the stack and the type are known once the check was read.
func TestDiffHeader_NamesACheckKnownByItsID(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	id := l.byHand("cart", ofStack("shop"), ofType("ping"))
	for _, c := range []struct {
		task options
		want string
	}{
		{options{"id": id, "resolution": 1}, "check shop/cart (ping) (id " + id + ") updated"},
		{options{"id": id, "name": "basket"}, "check shop/basket (ping) (id " + id + ") updated"},
		{options{"id": id, "name": "basket", "stack": "blog"}, "check blog/basket (ping) (id " + id + ") updated"},
		{options{"id": id, "state": "absent"}, "check blog/basket (ping) (id " + id + ") deleted"},
	} {
		predicted, done := l.DryRun(c.task), l.OK(c.task)
		assert.Equal(t, c.want, predicted.Diff[0].AfterHeader)
		assert.Equal(t, c.want, done.Diff[0].AfterHeader)
		assert.Equal(t, predicted.Only(t).Stack, done.Only(t).Stack)
		assert.NotEmpty(t, text(done.Only(t).Stack), "the answer knows the stack too")
	}
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
	assert.Zero(t, l.Count("", vendor.BasePath+"/alerting"), "ids that the check has already are not looked at")

	for _, c := range []struct{ option, name, want, read string }{
		{"teamids", "Nobody", `value of teamids must be ids or names of teams, got: Nobody; there are: "Night, shift", Twin`, "teams"},
		{"teamids", "Twin", "the team name Twin is not unique; write the id of one of them: " + twin[0] + ", " + twin[1], "teams"},
		{"userids", "Bob", "value of userids must be ids or names of users, got: Bob; there are: Ann", "contacts"},
	} {
		l.ResetCalls()
		a := l.Run(options{"checks": []options{site("alerted").With(options{c.option: c.name}), site("other-" + c.name)}})
		assert.Contains(t, a.Msg, "1 of 2 checks failed: alerted: "+c.want)
		assert.Equal(t, "created", a.Objects[1].Action, "the others are done")
		assert.Equal(t, 1, l.Count(http.MethodGet, vendor.BasePath+"/alerting/"+c.read), "names are read once")
	}

	// An id that does not exist is known in check mode, beside all else that is wrong with the check.
	l.ResetCalls()
	for _, task := range []options{site("alerted"), site("new")} {
		task = task.With(options{"teamids": []string{shift, "424242"}, "userids": []string{"99", "98"}})
		for _, a := range []answer{l.DryRun(task), l.Run(task)} {
			assert.True(t, a.Failed)
			assert.Contains(t, a.Msg, "value of teamids must be ids or names of teams, got: 424242; there are: Night, shift ("+shift+"), Twin ("+twin[0]+"), Twin ("+twin[1]+")")
			assert.Contains(t, a.Msg, "value of userids must be ids or names of users, got: 99, 98; there are: Ann ("+ann+")")
		}
	}
	assert.Zero(t, l.Writes())
	gone := l.byHand("of somebody who left", func(c *vendor.Check) { c.UserIDs = []int{77} })
	l.Settled(options{"id": gone, "userids": "77"})
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

// TestType_IsPartOfTheIdentity: two tasks for one name and two types each have a check of their own, in every run, whatever the order
// and whatever allow_replace says. So has a third one.
func TestType_IsPartOfTheIdentity(t *testing.T) {
	t.Parallel()
	for _, stack := range []options{{}, {"stack": "shop"}} {
		for _, allow := range []options{{}, {"allow_replace": true}} {
			for _, order := range [][]string{{"ping", "http", "tcp"}, {"http", "tcp", "ping"}, {"tcp", "ping", "http"}} {
				for _, lag := range []int{0, 3} {
					l := newLab(t, emulator.Options{ListLag: lag})
					tasks := make([]options, len(order))
					for i, kind := range order {
						tasks[i] = site("web01").With(options{"type": kind}).With(stack).With(allow)
						if kind == "tcp" {
							tasks[i]["port"] = 22
						}
						predicted, done := l.DryRun(tasks[i]), l.OK(tasks[i])
						assert.Equal(t, "created", done.Only(t).Action, "%v %s", order, kind)
						assert.Equal(t, predicted.Actions(), done.Actions())
					}
					for _, task := range tasks {
						l.Settled(task)
					}
					assert.Len(t, l.Checks(), 3)
					l.OK(tasks[1].With(options{"state": "absent"}))
					assert.Len(t, l.Checks(), 2, "a deletion means its own type only")
				}
			}
		}
	}
}

// TestType_LeftOut: a task without a type goes on meaning the check that it has made, also beside checks of other types, and also while
// the list does not show it.
func TestType_LeftOut(t *testing.T) {
	t.Parallel()
	for _, lag := range []int{0, 3} {
		l := newLab(t, emulator.Options{ListLag: lag})
		plain, ping := site("web01").With(options{"url": "/healthz"}), site("web01").With(options{"type": "ping"})
		l.OK(plain)
		l.OK(ping)
		l.Settled(plain)
		l.Settled(ping)
		assert.Len(t, l.Checks(), 2)

		l = newLab(t, emulator.Options{ListLag: lag})
		l.byHand("web01", ofType("ping"))
		l.OK(site("web01").With(options{"type": "http"}))
		l.OK(options{"name": "web01", "resolution": 1})
		for _, c := range l.Checks() {
			assert.Equal(t, c.Type == "http", c.Resolution == 1, c.Type)
		}
	}

	l := newLab(t, emulator.Options{})
	id := l.byHand("gate", ofType("ping"))
	assert.Equal(t, "updated", l.OK(options{"name": "gate", "resolution": 1}).Only(t).Action, "alone a check of any type is meant")
	assert.Contains(t, l.Run(site("gate").With(options{"url": "/healthz"})).Msg, "gate: url is no option of a check of type ping; leave it out; "+
		"check "+id+" is of that type; set type to create another check of this name")
	assert.Equal(t, "created", l.OK(site("gate").With(options{"url": "/healthz", "type": "http"})).Only(t).Action)
}

// TestType_OfACheckByItsIDStays: Pingdom cannot change it, and a new check would have another id.
func TestType_OfACheckByItsIDStays(t *testing.T) {
	t.Parallel()
	for _, allow := range []bool{false, true} {
		l := newLab(t, emulator.Options{})
		id := l.byHand("gateway")
		task := options{"id": id, "type": "ping", "allow_replace": allow}
		predicted, a := l.DryRun(task), l.Run(task)
		assert.Equal(t, predicted.Msg, a.Msg)
		assert.Contains(t, a.Msg, "type of "+id+" cannot be changed after creation, and is http, got: ping; "+
			"write name instead of id to create a check of type ping, and delete this one by its id with state: absent")
		assert.Zero(t, l.Writes())
	}
}

// TestType_ChangedInAPurgedStack: the check of the old type goes in the same run.
func TestType_ChangedInAPurgedStack(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	id := l.byHand("gateway", ofStack("shop"))
	task := options{"stack": "shop", "purge": true, "checks": []options{site("gateway").With(options{"type": "ping"})}}
	a := l.OK(task)
	assert.Equal(t, []string{"gateway created", "gateway deleted"}, a.Actions())
	assert.Equal(t, id, text(a.Objects[1].ID))
	assert.Equal(t, "ping", l.stored("gateway").Type)
	l.Settled(task)
}

// TestDeletion_ShowsTheWholeState holds that the diff of a deletion has what the list of checks does not tell.
func TestDeletion_ShowsTheWholeState(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{})
	l.OK(options{"name": "live", "host": "shop.example.com", "stack": "shop", "shouldcontain": "Welcome"})
	gone := options{"name": "live", "stack": "shop", "state": "absent"}
	dry, a := l.DryRun(gone), l.OK(gone)
	assert.Equal(t, dry.Diff, a.Diff)
	require.Len(t, a.Diff, 1)
	assert.Equal(t, "Welcome", a.Diff[0].Before["shouldcontain"])
	assert.Empty(t, a.Diff[0].After)
}
