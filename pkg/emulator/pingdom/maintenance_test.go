// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom_test

import (
	"fmt"
	"maps"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
)

// clocked is a client of an account whose clock the test turns.
type clocked struct {
	*client
	now time.Time
}

func newClocked(t *testing.T) *clocked {
	t.Helper()
	c := &clocked{now: noon()}
	c.client = newClient(t, emulator.Options{Now: func() time.Time { return c.now }})
	return c
}

// in returns the unix seconds of a time so many minutes from noon.
func in(minutes int) int64 { return noon().Unix() + int64(minutes)*60 }

// open makes a window of an hour from the present with these further fields.
func (c *clocked) open(fields object) int {
	c.t.Helper()
	sent := object{"description": "Deployment", "from": 1, "to": c.now.Unix() + 3600}
	maps.Copy(sent, fields)
	return number(c.must("POST", "/maintenance", sent)["maintenance"].(object)["id"])
}

func window(id int) string { return "/maintenance/" + strconv.Itoa(id) }

func TestAMaintenanceWindowReadsBack(t *testing.T) {
	t.Parallel()
	c := newClocked(t)
	checks := c.e.Seed(2)
	got := c.must("POST", "/maintenance", object{
		"description": "Deployment", "from": 1, "to": in(60), "uptimeids": fmt.Sprintf("%d,%d", checks[0], checks[1]), "tmsids": "17",
	})
	assert.Equal(t, object{"maintenance": object{"id": 500001.0}}, got)
	want := object{
		"id": 500001.0, "description": "Deployment", "from": float64(in(0)), "to": float64(in(60)), "recurrencetype": "none",
		"repeatevery": 0.0, "effectiveto": float64(in(60)),
		"checks": object{"uptime": []any{float64(checks[0]), float64(checks[1])}, "tms": []any{17.0}},
	}
	assert.Equal(t, object{"maintenance": want}, c.must("GET", window(500001), nil))
	assert.Equal(t, object{"maintenance": []any{want}}, c.must("GET", "/maintenance", nil))

	assert.Equal(t, object{"message": "Maintenance window successfully modified!"},
		c.must("PUT", window(500001), object{"description": "Longer", "to": in(90), "uptimeids": "", "tmsids": ""}))
	assert.Equal(t, []pingdom.Window{{
		ID: 500001, Description: "Longer", From: in(0), To: in(90), RecurrenceType: "none", EffectiveTo: in(90),
	}}, c.e.Windows())
	assert.Equal(t, object{"uptime": []any{}, "tms": []any{}},
		c.must("GET", window(500001), nil)["maintenance"].(object)["checks"])
}

func TestAWindowRecurs(t *testing.T) {
	t.Parallel()
	c := newClocked(t)
	id := c.open(object{"recurrencetype": "week", "repeatevery": 2, "effectiveto": in(100_000)})
	other := c.open(object{"recurrencetype": "day", "repeatevery": 1})
	assert.Equal(t, in(100_000), c.e.Windows()[0].EffectiveTo)
	assert.Equal(t, in(60), c.e.Windows()[1].EffectiveTo)
	c.now = c.now.Add(2 * time.Hour)
	c.must("PUT", window(id), object{"description": "it goes on"})
	assert.Equal(t, 403, c.do("PUT", window(other), object{"description": "it is over"}).status)
	c.must("PUT", window(id), object{"effectiveto": 1})
	assert.Equal(t, c.now.Unix(), c.e.Windows()[0].EffectiveTo)
}

func TestOnlyTheFutureOfAWindowChanges(t *testing.T) {
	t.Parallel()
	const past, active, future = "past", "active", "future"
	for what, c := range map[string]struct {
		window string
		sent   object // nil: it is deleted
		status int
		text   string
	}{
		"a past one is changed":            {past, object{"description": "x"}, 403, "past maintenance window"},
		"a past one is deleted":            {past, nil, 403, "Only future"},
		"an active one is deleted":         {active, nil, 403, "Only future"},
		"an active one ends now":           {active, object{"to": 1}, 200, ""},
		"an active one ends later":         {active, object{"to": in(5)}, 200, ""},
		"an active one ended before":       {active, object{"to": in(-1)}, 400, "to must not be in the past"},
		"an active one begins now":         {active, object{"from": 1}, 400, "from cannot be changed"},
		"an active one keeps its start":    {active, object{"from": in(-30), "to": in(1)}, 200, ""},
		"a future one is deleted":          {future, nil, 200, ""},
		"a future one begins now":          {future, object{"from": 1}, 200, ""},
		"a future one began before":        {future, object{"from": in(-1)}, 400, "from must not be in the past"},
		"a future one ends now":            {future, object{"to": 1}, 400, "to must be after from"},
		"a future one ends where it began": {future, object{"to": in(30)}, 400, "to must be after from"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			account := newClocked(t)
			ids := map[string]int{
				past:   account.e.AddWindow(pingdom.Window{From: in(-60), To: in(0)}),
				active: account.e.AddWindow(pingdom.Window{From: in(-30), To: in(30)}),
				future: account.e.AddWindow(pingdom.Window{From: in(30), To: in(60)}),
			}
			before := account.e.Windows()
			method, body := "PUT", any(c.sent)
			if c.sent == nil {
				method, body = "DELETE", nil
			}
			got := account.do(method, window(ids[c.window]), body)
			require.Equal(t, c.status, got.status, got.text)
			if c.status == 200 {
				assert.NotEqual(t, before, account.e.Windows())
				return
			}
			assert.Contains(t, got.problem(t), c.text)
			assert.Equal(t, before, account.e.Windows(), "a refused call changes nothing")
		})
	}
}

func TestAWindowMayEndInTheSecondOfItsBeginning(t *testing.T) {
	t.Parallel()
	c := newClocked(t)
	id := c.open(nil)
	c.must("PUT", window(id), object{"to": 1})
	assert.Equal(t, in(0), c.e.Windows()[0].To)
	assert.Equal(t, 403, c.do("PUT", window(id), object{"to": in(9)}).status, "now it is over")
}

func TestRefusedWindows(t *testing.T) {
	t.Parallel()
	c := newClocked(t)
	c.open(object{"from": in(10)})
	before := c.e.Windows()
	for what, r := range map[string]struct {
		sent object
		text string
	}{
		"description empty":     {object{"description": ""}, "description must not be empty"},
		"begins before":         {object{"from": in(-1)}, "from must not be in the past"},
		"ends before":           {object{"to": in(-1)}, "to must not be in the past"},
		"no time":               {object{"from": 0}, "from must be a time"},
		"time, a text":          {object{"to": strconv.Itoa(int(in(60)))}, "to must be a time"},
		"time, a date":          {object{"to": "2026-04-01T13:00:00Z"}, "to must be a time"},
		"fraction":              {object{"to": 1.5e9 + 0.5}, "to must be a time"},
		"ends another time":     {object{"effectiveto": in(90)}, "effectiveto must be the same as to"},
		"repeats nothing":       {object{"repeatevery": 1}, "repeatevery requires recurrencetype"},
		"recurs never":          {object{"recurrencetype": "day"}, "repeatevery must be at least 1"},
		"recurs until before":   {object{"recurrencetype": "day", "repeatevery": 1, "effectiveto": in(15)}, "effectiveto must not be before to"},
		"recurs every year":     {object{"recurrencetype": "year"}, "recurrencetype must be none, day, week or month"},
		"unknown check":         {object{"uptimeids": "17"}, `uptimeids holds "17", which is not the id of a check`},
		"checks as an array":    {object{"uptimeids": []int{17}}, "uptimeids must be a list of numbers in the documented form"},
		"checks with a blank":   {object{"uptimeids": "17, 18"}, `uptimeids holds`},
		"unknown":               {object{"checks": "17"}, "checks is not known"},
		"transaction, not a id": {object{"tmsids": "x"}, `tmsids holds "x", which is not an id`},
	} {
		sent := object{"description": "Deployment", "from": in(20), "to": in(60)}
		maps.Copy(sent, r.sent)
		for method, path := range map[string]string{"POST": "/maintenance", "PUT": window(500001)} {
			got := c.do(method, path, sent)
			require.Equal(t, 400, got.status, "%s %s", method, what)
			assert.Contains(t, got.problem(t), r.text, "%s %s", method, what)
			assert.Equal(t, before, c.e.Windows())
		}
	}
	assert.Equal(t, "Parameter description is required; Parameter from is required; Parameter to is required",
		c.do("POST", "/maintenance", object{"tmsids": ""}).problem(t))
}

func TestManyWindowsAreDeletedTogetherOrNotAtAll(t *testing.T) {
	t.Parallel()
	c := newClocked(t)
	first, second, third := c.open(object{"from": in(1)}), c.open(object{"from": in(1)}), c.open(object{"from": in(1)})
	active := c.open(nil)
	all := func(ids ...any) string { return fmt.Sprintf("/maintenance?maintenanceids=%v,%v", ids...) }

	got := c.do("DELETE", all(first, active), nil)
	assert.Equal(t, 403, got.status)
	assert.Equal(t, "Only future maintenance windows can be deleted", got.problem(t))
	assert.Equal(t, 404, c.do("DELETE", all(first, 17), nil).status)
	assert.Contains(t, c.do("DELETE", all(first, "x"), nil).problem(t), `holds "x"`)
	assert.Equal(t, "Parameter maintenanceids is required", c.do("DELETE", "/maintenance", nil).problem(t))
	assert.Len(t, c.e.Windows(), 4)
	assert.Equal(t, object{"message": "2 maintenance windows successfully deleted."}, c.must("DELETE", all(first, second), nil))
	assert.Equal(t, object{"message": "Maintenance window successfully deleted!"}, c.must("DELETE", window(third), nil))
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		got := c.do(method, window(third), map[string]any{"PUT": object{"to": 1}}[method])
		assert.Equal(t, 404, got.status)
		assert.Equal(t, "Maintenance window not found", got.problem(t))
	}
}

func TestADeletedCheckLeavesItsWindows(t *testing.T) {
	t.Parallel()
	c := newClocked(t)
	checks := c.e.Seed(4)
	c.open(object{"uptimeids": fmt.Sprintf("%d,%d,%d,%d", checks[0], checks[1], checks[2], checks[3])})
	c.must("DELETE", at(checks[0]), nil)
	c.must("DELETE", fmt.Sprintf("/checks?delcheckids=%d", checks[1]), nil)
	require.NoError(t, c.e.Remove(checks[3]))
	assert.Equal(t, []int{checks[2]}, c.e.Windows()[0].UptimeIDs)
}

func TestListsOfWindows(t *testing.T) {
	t.Parallel()
	c := newClocked(t)
	assert.Equal(t, object{"maintenance": []any{}}, c.must("GET", "/maintenance", nil))
	for i, description := range []string{"b", "a", "c"} {
		c.e.AddWindow(pingdom.Window{Description: description, From: in(-i), To: in(3 + i%2)})
	}
	for query, want := range map[string]string{
		"": "bac", "?limit=2": "ba", "?limit=2&offset=2": "c", "?orderby=description": "abc", "?orderby=description&order=desc": "cba",
		"?orderby=from&order=asc": "cab", "?orderby=to": "bca", "?orderby=effectiveto&order=desc&limit=1": "a",
	} {
		var got string
		for _, item := range c.must("GET", "/maintenance"+query, nil)["maintenance"].([]any) {
			got += item.(object)["description"].(string)
		}
		assert.Equal(t, want, got, query)
	}
	for query, text := range map[string]string{
		"?orderby=id": "orderby must be", "?order=asc": "requires orderby", "?orderby=to&order=up": "order must be asc or desc",
		"?offset=1": "offset requires limit", "?limit=0": "limit must be a whole number between 1 and 25000", "?tags=a": "tags is not known",
	} {
		assert.Contains(t, c.do("GET", "/maintenance"+query, nil).problem(t), text)
	}
}

func TestANewWindowIsMissingFromTheListForAWhile(t *testing.T) {
	t.Parallel()
	c := &clocked{client: newClient(t, emulator.Options{Now: noon, ListLag: 1}), now: noon()}
	id := c.open(nil)
	c.must("GET", window(id), nil)
	for _, want := range []int{0, 1} {
		assert.Len(t, c.must("GET", "/maintenance", nil)["maintenance"], want)
	}
}
