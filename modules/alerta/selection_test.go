// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// full is an alert in which each part that can be selected by is set.
func full() wireAlert {
	return wireAlert{
		ID: "1", Environment: "Production", Resource: "web1.s1", Event: "Down", Severity: "major", Status: "open", Service: []string{"web", "db"},
		Group: "OS", Tags: []string{"stack=s1", "a"}, Attributes: map[string]any{"region": "eu", "rack": 7.0}, Origin: "probe", Customer: "acme",
		LastReceiveTime: noon().Add(-time.Hour),
	}
}

func TestEachPartOfASelectionIsMatchedExactly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ yes, no selection }{
		"environment": {selection{environment: []string{"x", "Production"}}, selection{environment: []string{"production"}}},
		"resource":    {selection{resource: []string{"web1.s1"}}, selection{resource: []string{"web1", "web1.s10", "web1xs1", "%", "web1.s1 "}}},
		"service":     {selection{service: []string{"db"}}, selection{service: []string{"d", "web,db"}}},
		"group":       {selection{group: []string{"OS"}}, selection{group: []string{"O"}}},
		"event":       {selection{event: []string{"Down"}}, selection{event: []string{"Do.n"}}},
		"origin":      {selection{origin: []string{"probe"}}, selection{origin: []string{"~prob"}}},
		"tags":        {selection{tags: []string{"b", "a"}}, selection{tags: []string{"stack"}}},
		"customer":    {selection{customer: []string{"acme"}}, selection{customer: []string{"acme2"}}},
		"status":      {selection{status: []string{"open"}}, selection{status: []string{"closed"}}},
		"severity":    {selection{severity: []string{"major"}}, selection{severity: []string{"minor"}}},
		"stack":       {selection{stack: []string{"s2", "s1"}}, selection{stack: []string{"s", "s10", "S1"}}},
		"attributes": {
			selection{attributes: map[string][]string{"region": {"us", "eu"}, "rack": {"7"}}},
			selection{attributes: map[string][]string{"region": {"eu"}, "rack": {"70"}}},
		},
		"an attribute that is not there": {selection{}, selection{attributes: map[string][]string{"floor": {"null", ""}}}},
		"prefix":                         {selection{prefix: []string{"x", "web1."}}, selection{prefix: []string{"eb1"}}},
		"regex":                          {selection{pattern: regexp.MustCompile(`^(?:web[0-9]\.s1)$`)}, selection{pattern: regexp.MustCompile("^(?:web)$")}},
		"older":                          {selection{older: 59 * time.Minute}, selection{older: time.Hour}},
		"newer":                          {selection{newer: time.Hour}, selection{newer: 59 * time.Minute}},
		"two parts":                      {selection{stack: []string{"s1"}, event: []string{"Down"}}, selection{stack: []string{"s1"}, event: []string{"Up"}}},
	} {
		assert.True(t, c.yes.alert(full(), noon()), name)
		assert.False(t, c.no.alert(full(), noon()), name)
	}
}

func TestAHeartbeatHasOnlySomeParts(t *testing.T) {
	t.Parallel()
	beat := wireHeartbeat{Origin: "cron", Tags: []string{"stack=s1"}, Customer: "acme", ReceiveTime: noon().Add(-time.Hour)}
	there := beat
	there.Attributes = map[string]any{"environment": "Development"}
	production := []string{"Production"}
	for name, c := range map[string]struct {
		s    selection
		beat wireHeartbeat
		want bool
	}{
		"origin":                  {selection{origin: []string{"cron"}}, beat, true},
		"another origin":          {selection{origin: []string{"cron/web"}}, beat, false},
		"stack":                   {selection{stack: []string{"s1"}}, beat, true},
		"another stack":           {selection{stack: []string{"s10"}}, beat, false},
		"tag":                     {selection{tags: []string{"stack=s1"}}, beat, true},
		"another tag":             {selection{tags: []string{"x"}}, beat, false},
		"customer":                {selection{customer: []string{"acme"}}, beat, true},
		"another customer":        {selection{customer: []string{"x"}}, beat, false},
		"old enough":              {selection{heartbeatsOlder: 59 * time.Minute}, beat, true},
		"not old enough":          {selection{heartbeatsOlder: time.Hour}, beat, false},
		"its environment unknown": {selection{environment: production, stack: []string{"s1"}}, beat, true},
		"of another environment":  {selection{environment: production, stack: []string{"s1"}}, there, false},
		"what only alerts have":   {selection{resource: []string{"web"}, older: time.Minute, origin: []string{"cron"}}, beat, true},
	} {
		assert.Equal(t, c.want, c.s.heartbeat(c.beat, noon()), name)
	}
}

func TestOrphansBelongToNothingThatLives(t *testing.T) {
	t.Parallel()
	loose := full()
	loose.Tags = []string{"a"}
	for name, c := range map[string]struct {
		l      living
		alert  wireAlert
		orphan bool
	}{
		"of a live stack":                    {living{stacks: []string{"s1"}}, full(), false},
		"of a dead stack":                    {living{stacks: []string{"s10", "s"}}, full(), true},
		"of no stack, by stacks":             {living{stacks: []string{"s1"}}, loose, false},
		"of no stack, by resources":          {living{resources: []string{"web1.s10"}}, loose, true},
		"of a live resource":                 {living{resources: []string{"web1.s1"}}, full(), false},
		"of a dead resource in a live stack": {living{resources: []string{"x"}, stacks: []string{"s1"}}, full(), false},
		"of a dead one of both":              {living{resources: []string{"x"}, stacks: []string{"s2"}}, full(), true},
		"young":                              {living{stacks: []string{"s2"}, grace: time.Hour}, full(), false},
		"no more young":                      {living{stacks: []string{"s2"}, grace: 59 * time.Minute}, full(), true},
	} {
		assert.Equal(t, c.orphan, c.l.orphan(c.alert, noon()), name)
	}
	beat := wireHeartbeat{Tags: []string{"stack=s1"}, ReceiveTime: noon().Add(-time.Hour)}
	assert.True(t, living{stacks: []string{"s2"}}.orphanedHeartbeat(beat, noon()))
	assert.False(t, living{stacks: []string{"s1"}}.orphanedHeartbeat(beat, noon()))
	assert.False(t, living{stacks: []string{"s2"}, grace: time.Hour}.orphanedHeartbeat(beat, noon()))
	assert.False(t, living{resources: []string{"web"}}.orphanedHeartbeat(beat, noon()), "it has no resource")
	assert.False(t, living{stacks: []string{"s2"}}.orphanedHeartbeat(wireHeartbeat{}, noon()), "it has no stack")
}

// TestFiltersLoseNothing holds that the server is asked only in ways that it understands exactly.
func TestFiltersLoseNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		s    selection
		want string
	}{
		"exact parts": {selection{environment: []string{"P", "D"}, resource: []string{"a"}}, "environment=P&environment=D&resource=a"},
		"all exact parts": {
			selection{event: []string{"e"}, origin: []string{"o"}, customer: []string{"c"}, service: []string{"s"}, group: []string{"g"}, status: []string{"t"}, severity: []string{"v"}},
			"customer=c&event=e&group=g&origin=o&service=s&severity=v&status=t",
		},
		"a tilde would be a pattern": {selection{resource: []string{"a", "~b"}, event: []string{"e"}}, "event=e"},
		"one stack":                  {selection{stack: []string{"shop-1.eu"}}, `q=tags:"stack=shop-1.eu"`},
		"several stacks":             {selection{stack: []string{"s1", "s2"}}, ""},
		"one tag":                    {selection{tags: []string{"a:b c"}}, `q=tags:"a:b c"`},
		"a stack before a tag":       {selection{stack: []string{"s1"}, tags: []string{"a"}}, `q=tags:"stack=s1"`},
		"a quote":                    {selection{stack: []string{`s"1`}}, ""},
		"an apostrophe":              {selection{stack: []string{`s'1`}}, ""},
		"a percent sign":             {selection{tags: []string{`s%1`}}, ""},
		"a backslash":                {selection{tags: []string{`s\1`}}, ""},
		"what a regex would read":    {selection{tags: []string{"a+b"}}, ""},
		"no word at its end":         {selection{tags: []string{"a:"}}, ""},
		"beyond ASCII":               {selection{stack: []string{"bücher"}}, ""},
		"what the server cannot do": {
			selection{attributes: map[string][]string{"a": {"b"}}, prefix: []string{"p"}, pattern: regexp.MustCompile("r"), older: time.Hour, newer: time.Hour}, "",
		},
	} {
		got, err := url.QueryUnescape(c.s.filters().Encode())
		require.NoError(t, err)
		assert.Equal(t, c.want, got, name)
	}
	hosts := make([]string, 300)
	for i := range hosts {
		hosts[i] = strings.Repeat("ü", 20)
	}
	long := selection{resource: hosts, event: []string{"e"}, stack: []string{"s1"}}.filters()
	assert.Less(t, len(long.Encode()), maxFilters)
	assert.Equal(t, url.Values{"event": {"e"}, "q": {`tags:"stack=s1"`}}, long, "a line that is too long is refused by the server")
	assert.NotContains(t, selection{tags: []string{strings.Repeat("a", maxFilters)}}.filters(), "q")
}

func TestTheServersHousekeepingIsForetold(t *testing.T) {
	t.Parallel()
	at := func(id, status string, age time.Duration, change ...func(*wireAlert)) wireAlert {
		a := wireAlert{ID: id, Status: status, Severity: "major", LastReceiveTime: noon().Add(-age), Timeout: 3600}
		for _, f := range change {
			f(&a)
		}
		return a
	}
	info := func(a *wireAlert) { a.Severity, a.Timeout = informational, 0 }
	forever := func(a *wireAlert) { a.Timeout = 0 }
	deleted, expiring := ages{expired: 2, info: 12}.foretell([]wireAlert{
		at("closed, old", "closed", 3*time.Hour),
		at("closed, young", "closed", 30*time.Minute),
		at("closed, expiring", "closed", 90*time.Minute),
		at("expired, old", "expired", 3*time.Hour),
		at("expired, young", "expired", 90*time.Minute),
		at("open, young", "open", 30*time.Minute),
		at("open, over", "open", 90*time.Minute),
		at("open, over and old", "open", 3*time.Hour),
		at("open, never over", "open", 999*time.Hour, forever),
		at("informational, old", "open", 13*time.Hour, info),
		at("informational, young", "open", 11*time.Hour, info),
	}, noon())
	assert.Equal(t, map[string]bool{"closed, old": true, "expired, old": true, "open, over and old": true, "informational, old": true}, deleted)
	assert.Equal(t, map[string]bool{"closed, expiring": true, "open, over": true}, expiring)
}

func TestAges(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"7d": 7 * 24 * time.Hour, "2h": 2 * time.Hour, "30m": 30 * time.Minute, "90s": 90 * time.Second, "1d12h": 36 * time.Hour, " 1h30m ": 90 * time.Minute,
		"604800": 7 * 24 * time.Hour, "1.5h": 90 * time.Minute, "7s": 7 * time.Second,
	} {
		got, err := readAge("older_than", text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, bad := range []string{"", "h", "-1h", "0h", "0d0h", "2", "2.0", "1w", "2h1d", "1h ago", "9999d", "+2h", "2H", "٢h", "1e3", "NaN"} {
		_, err := readAge("older_than", bad)
		require.ErrorContains(t, err, "value of older_than must ", bad)
	}
	hours, err := readHours("server.expired", "1d60m")
	require.NoError(t, err)
	assert.Equal(t, 25, hours)
	for _, bad := range []string{"30m", "90m", "1h1s"} {
		_, err = readHours("server.expired", bad)
		require.EqualError(t, err, "value of server.expired must be whole hours, because the server takes nothing else, got: "+bad)
	}
}
