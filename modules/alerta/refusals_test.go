// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stackwatch/ansible-monitoring/modules/alerta/alertatest"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
	"github.com/stackwatch/ansible-monitoring/pkg/servertest"
)

// deaf is a lab whose server answers nothing, for what must be refused before any call.
func deaf(t testing.TB) *resourcetest.Lab {
	t.Helper()
	nobody := emulator.New(emulator.Options{}, &servertest.Upstream{
		Send:    func(*http.Request, *http.Request) (*http.Response, error) { return nil, errors.New("nobody is there") },
		Failure: func(status int) emulator.Response { return emulator.Text(status, "") },
	})
	return resourcetest.New(t, nobody, resourcetest.Setup{
		Name: "alerta_housekeeping", Plural: "alerts", Token: "my-key", URLVariable: "ALERTA_ENDPOINT", TokenVariable: "ALERTA_API_KEY",
		Module: func(stateDir string, clock *resourcetest.Clock) ansible.Module {
			return world{stateDir: stateDir, clock: clock}.housekeepingModule()
		},
		Contents: func() any { return nil },
	})
}

func TestBadOptionsAreRefusedBeforeAnyCall(t *testing.T) {
	t.Parallel()
	const empty = "the selection is empty, which would mean everything"
	l := deaf(t)
	remove := task{"action": "delete"}
	stack := task{"action": "delete", "stack": "s1"}
	for name, c := range map[string]struct {
		o    task
		want string
	}{
		"nothing to do":                  {task{"stack": "s1"}, "one of the following is required: blackout, heartbeats, action, server"},
		"no selection":                   {remove, empty},
		"no selection for a blackout":    {task{"blackout": "present"}, empty},
		"no selection of heartbeats":     {task{"heartbeats": true, "environment": "P"}, "heartbeats is true but any of the following are missing: origin, tags"},
		"a selection that nothing uses":  {task{"server": task{}, "stack": "s1"}, "the selection requires blackout, heartbeats or action"},
		"live alone":                     {remove.With(task{"live": task{"stacks": []string{"s1"}}}), empty},
		"live of nothing":                {stack.With(task{"live": task{}}), "live is set but any of the following are missing: live.stacks, live.resources"},
		"no live stack":                  {stack.With(task{"live": task{"stacks": []string{}}}), "value of live.stacks must hold at least one value, got: an empty list"},
		"live with a blackout":           {task{"stack": "s1", "environment": "P", "blackout": "present", "live": task{"stacks": []string{"s1"}}}, "blackout cannot be combined with live"},
		"heartbeats of live resources":   {task{"heartbeats": true, "environment": "P", "live": task{"resources": []string{"w"}}}, "heartbeats: true with live requires live.stacks"},
		"grace alone":                    {stack.With(task{"grace": "1h"}), "grace is only valid with live"},
		"an age of heartbeats alone":     {stack.With(task{"heartbeats_older_than": "1h"}), "heartbeats_older_than is only valid with heartbeats: true"},
		"a duration alone":               {stack.With(task{"duration": "1h"}), "duration is only valid with blackout"},
		"bulk without deleting":          {stack.With(task{"action": "close", "bulk": true}), "bulk: true is only valid with action: delete"},
		"a blackout without environment": {task{"blackout": "present", "stack": "s1"}, "blackout is set but all of the following are missing: environment"},
		"a blackout by status":           {task{"blackout": "present", "environment": "P", "status": "open"}, "blackout cannot be combined with status"},
		"a blackout by age":              {task{"blackout": "absent", "environment": "P", "older_than": "1h"}, "blackout cannot be combined with older_than"},
		"a blackout by prefix":           {task{"blackout": "present", "environment": "P", "resource_prefix": "w"}, "blackout cannot be combined with resource_prefix"},
		"too many blackouts": {
			task{"blackout": "present", "environment": "P", "resource": strings.Split(strings.Repeat("r,", 10)+"s", ","), "event": strings.Split(strings.Repeat("e,", 9)+"f", ",")},
			"the values of the selection combine to more than 100 blackouts",
		},
		"a long blackout":            {task{"blackout": "present", "environment": "P", "duration": "9999h"}, "value of duration must be a duration from 1m to 30d, got: 9999h"},
		"an empty stack":             {remove.With(task{"stack": ""}), "value of stack must not be empty"},
		"an empty element":           {remove.With(task{"resource": []string{"a", ""}}), "value of resource must not be empty"},
		"None":                       {remove.With(task{"stack": "None"}), `value of stack must not be empty, got: "None"`},
		"an empty list":              {stack.With(task{"resource": []string{}}), "value of resource must hold at least one value, got: an empty list"},
		"null":                       {stack.With(task{"resource": nil}), "value of resource must not be null; leave the option out"},
		"a null element":             {remove.With(task{"resource": []any{"a", nil}}), "must not be"},
		"a null action":              {task{"stack": "s1", "heartbeats": true, "action": nil}, "value of action must be one of: delete, close, ack, shelve, got: None"},
		"a null age":                 {stack.With(task{"older_than": nil}), "value of older_than must not be null"},
		"a null limit":               {stack.With(task{"delete_limit": nil}), "value of delete_limit must not be null"},
		"null live stacks":           {stack.With(task{"live": task{"stacks": nil, "resources": []string{"a"}}}), "value of live.stacks must not be null"},
		"null live":                  {stack.With(task{"live": nil}), "value of live must not be null"},
		"a template":                 {remove.With(task{"stack": "{{ stack }}"}), "value of stack must be rendered, got a template: {{ stack }}"},
		"a percent sign":             {remove.With(task{"resource": "%"}), "value of resource must be a value, got: %; values are compared exactly"},
		"an asterisk":                {remove.With(task{"resource": "*"}), "value of resource must not contain * or ?, got: *; values are compared exactly"},
		"a line's end":               {remove.With(task{"resource": []string{"a\n"}}), "value of resource must have no spaces around it"},
		"an empty prefix":            {remove.With(task{"resource_prefix": ""}), "value of resource_prefix must not be empty"},
		"an empty regex":             {remove.With(task{"resource_regex": ""}), "value of resource_regex must not be empty"},
		"a regex of anything":        {remove.With(task{"resource_regex": "(a|)*"}), "value of resource_regex must not match an empty name, got: (a|)*"},
		"a regex that is none alone": {remove.With(task{"resource_regex": "web1)|(?:x"}), "value of resource_regex must be a regular expression, got: web1)|(?:x"},
		"heartbeats of a resource":   {stack.With(task{"heartbeats": true, "resource": "w"}), "heartbeats cannot be combined with resource"},
		"heartbeats of an event":     {stack.With(task{"heartbeats": true, "event": "e"}), "heartbeats cannot be combined with event"},
		"heartbeats by age":          {stack.With(task{"heartbeats": true, "older_than": "7d"}), "heartbeats cannot be combined with older_than"},
		"heartbeats by status":       {stack.With(task{"heartbeats": true, "status": "open"}), "heartbeats cannot be combined with status"},
		"live heartbeats alone": {
			task{"heartbeats": true, "live": task{"stacks": []string{"s1"}}}, "heartbeats is true and live is set but any of the following are missing: environment",
		},
		"live as a text":              {stack.With(task{"live": task{"stacks": "['shop','blog']"}}), "value of live.stacks must be a list of names without brackets, quotes and spaces"},
		"live as words":               {stack.With(task{"live": task{"stacks": "shop blog"}}), "value of live.stacks must be a list of names without"},
		"live as no text":             {stack.With(task{"live": task{"stacks": "[]"}}), "value of live.stacks must be a list of names without"},
		"a key that is foreign":       {stack.With(task{"api_key": "s\u00e9cret"}), "value of api_key (environment ALERTA_API_KEY) must be an API key of Alerta, got one with characters that are not ASCII"},
		"no regex":                    {remove.With(task{"resource_regex": "a("}), "value of resource_regex must be a regular expression, got: a("},
		"no attribute":                {remove.With(task{"attributes": task{}}), "value of attributes must hold at least one attribute"},
		"an attribute that is null":   {remove.With(task{"attributes": task{"a": nil}}), "value of attributes.a must hold at least one value, and none that is null, got: null"},
		"an attribute without a name": {remove.With(task{"attributes": task{"": "x"}}), "value of attributes must have names of attributes, got an empty one"},
		"an attribute that is empty":  {remove.With(task{"attributes": task{"a": []string{""}}}), "value of attributes.a must not be empty"},
		"an age that is a number":     {remove.With(task{"older_than": "7"}), "value of older_than must be written with a unit where it is less than 60 seconds, got: 7; write 7d for days or 7s for seconds"},
		"a negative age":              {remove.With(task{"older_than": "-1h"}), "value of older_than must be a duration such as 90s, 30m, 2h, 7d or 1d12h, or a number of seconds, got: -1h"},
		"no hours for the server":     {task{"server": task{"expired": "30m"}}, "value of server.expired must be whole hours"},
		"nothing for the server":      {task{"server": task{"info": "0h"}}, "value of server.info must be a duration of more than 0 seconds and at most 3650d, got: 0h"},
		"less than nothing for it":    {task{"server": task{"info": "-1"}}, "value of server.info must be a duration such as"},
		"garbage for the server":      {task{"server": task{"expired": "soon"}}, "value of server.expired must be a duration such as"},
		"a null age for the server":   {task{"server": task{"expired": nil}}, "value of server.expired must not be null"},
		"a limit that is no number":   {stack.With(task{"delete_limit": "many"}), "value of delete_limit must be a count such as 10 or a share such as 20%, got: many"},
		"an empty limit":              {stack.With(task{"delete_limit": ""}), "value of delete_limit must be a count such as 10 or a share such as 20%, got: an empty string"},
		"a wildcard":                  {remove.With(task{"resource": "web*"}), "value of resource must not contain * or ?, got: web*; values are compared exactly; resource_prefix and resource_regex match more than one"},
		"a wildcard in an event":      {remove.With(task{"event": []string{"Disk?Full"}}), "value of event must not contain * or ?, got: Disk?Full; values are compared exactly"},
		"a wildcard in a prefix":      {remove.With(task{"resource_prefix": "web*"}), "value of resource_prefix must not contain * or ?, got: web*; every resource that begins with it is selected"},
		"a wildcard in what is live":  {stack.With(task{"live": task{"resources": []string{"web*"}}}), "value of live.resources must not contain * or ?, got: web*"},
		"a lookahead":                 {remove.With(task{"resource_regex": "web(?!01).*"}), "value of resource_regex must be a regular expression in the syntax of RE2, which has no lookahead, lookbehind, backreferences or possessive repeats, got: web(?!01).* (invalid or unsupported Perl syntax: `(?!`)"},
		"a lookbehind":                {remove.With(task{"resource_regex": "(?<=a)b"}), "in the syntax of RE2, which has no lookahead"},
		"a backreference":             {remove.With(task{"resource_regex": `(a)\1`}), "in the syntax of RE2, which has no lookahead"},
		"a possessive repeat":         {remove.With(task{"resource_regex": "a++"}), "in the syntax of RE2, which has no lookahead"},
		"a time without an action":    {task{"stack": "s1", "heartbeats": true, "action_timeout": "2h"}, "action_timeout is only valid with action: ack or action: shelve"},
		"a time of closing":           {stack.With(task{"action": "close", "action_timeout": "2h"}), "action_timeout is only valid with action: ack or action: shelve"},
		"a time that is a number":     {stack.With(task{"action": "ack", "action_timeout": "2"}), "value of action_timeout must be written with a unit where it is less than 60 seconds, got: 2"},
		"an unknown action":           {task{"stack": "s1", "action": "open"}, "value of action must be one of: delete, close, ack, shelve, got: open"},
		"an empty key":                {stack.With(task{"api_key": ""}), "value of api_key (environment ALERTA_API_KEY) must be an API key of Alerta, got an empty string"},
		"a key from a file":           {stack.With(task{"api_key": "abcdefgh\n"}), "value of api_key (environment ALERTA_API_KEY) must be an API key of Alerta, got one with a space or a line's end in it"},
		"a user without a password":   {stack.With(task{"api_username": "u"}), "parameters are required together: api_username, api_password"},
		"an empty password":           {stack.With(task{"api_username": "u", "api_password": ""}), "values of api_username and api_password must not be empty"},
		"an address without a scheme": {stack.With(task{"api_url": "alerta.example.com"}), "api_url must be like https://api.example.com/v1"},
		"an empty address":            {stack.With(task{"api_url": ""}), "value of api_url (environment ALERTA_ENDPOINT) must be the server's address"},
	} {
		assert.Contains(t, l.Refusal(c.o), c.want, name)
	}
}

func TestRefusal_NamesEveryWrongOption(t *testing.T) {
	t.Parallel()
	refusal := deaf(t).Refusal(task{
		"api_key": "", "action": "delete", "resource": []any{"web*", ""}, "event": "None", "status": nil, "attributes": task{"rack": nil, "": "x"},
		"resource_regex": "a(?=b)", "older_than": "7", "newer_than": "soon", "live": task{"stacks": []string{"a b"}, "resources": []string{}},
		"grace": "1", "heartbeats": true, "heartbeats_older_than": "1w", "server": task{"expired": "30m", "info": "x"}, "delete_limit": "many",
		"duration": "1h", "action_timeout": "1h", "text": "{{ text }}",
	})
	for _, wrong := range []string{
		"value of api_key (environment ALERTA_API_KEY) must be an API key", "value of resource must not contain", "value of resource must not be empty", "value of event must not be",
		"value of status must not be null", "value of attributes.rack must hold", "value of attributes must have names", "value of resource_regex must be",
		"value of older_than must be", "value of newer_than must be", "value of live.stacks must be", "value of live.resources must hold",
		"value of grace must be", "value of heartbeats_older_than must be", "value of server.expired must be", "value of server.info must be",
		"value of delete_limit must be", "duration is only valid with", "action_timeout is only valid with", "value of text must be rendered",
		"heartbeats cannot be combined with attributes, resource, event:",
	} {
		assert.Equal(t, 1, strings.Count(refusal, wrong), "%s in: %s", wrong, refusal)
	}
}

func TestErrors_NameCredentialsAndURL(t *testing.T) {
	t.Parallel()
	l := newLab(t, alertatest.Newest)
	for _, o := range []task{
		{"stack": "s1", "environment": "Production", "action": "delete"}, {"stack": "s1", "environment": "Production", "blackout": "present"}, {"server": task{}},
	} {
		l.ExpectHints(o, "the key of api_key (environment ALERTA_API_KEY)")
	}
	login := task{"stack": "s1", "action": "close", "api_username": "ada", "api_password": "a password"}
	l.ExpectHints(login, "the login of api_username and api_password")
}
