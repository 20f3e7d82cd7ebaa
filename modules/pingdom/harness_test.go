// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// lab is an emulated Pingdom account behind HTTP, and a controller from which a module is run as Ansible runs it.
type lab struct {
	*vendor.Emulator
	*resourcetest.Lab
}

type (
	options = resourcetest.Options
	answer  = resourcetest.Answer
	change  = resourcetest.Change
)

// token is the account's, and the one that the environment of a run holds.
const token = "my-api-token"

// newLab starts an account to which pingdom_check is run, and sees that no call of any run could change all checks.
func newLab(t testing.TB, opt emulator.Options) *lab {
	t.Helper()
	opt.Token = token
	account := vendor.New(opt)
	return &lab{Emulator: account, Lab: resourcetest.New(t, account, resourcetest.Setup{
		Name: "pingdom_check", Plural: "checks", Token: token, BasePath: vendor.BasePath,
		URLVariable: "PINGDOM_API_URL", TokenVariable: "PINGDOM_API_TOKEN",
		Module: func(stateDir string, clock *resourcetest.Clock) ansible.Module {
			return world{stateDir: stateDir, clock: clock}.checkModule()
		},
		Contents: func() any { return account.Checks() },
		Wrap: func(account http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				assert.False(t, r.Method == http.MethodPut && r.URL.Path == vendor.BasePath+"/checks", "PUT /checks was called")
				account.ServeHTTP(w, r)
			})
		},
	})}
}

// stored gives the one check of a name in the account.
func (l *lab) stored(name string) vendor.Check {
	l.T.Helper()
	found := l.named(name)
	require.Len(l.T, found, 1, "checks of the name %s", name)
	return found[0]
}

func (l *lab) named(name string) []vendor.Check {
	return slices.DeleteFunc(l.Checks(), func(c vendor.Check) bool { return c.Name != name })
}

// names gives the names of all checks of the account, oldest first.
func (l *lab) names() []string {
	names := []string{}
	for _, c := range l.Checks() {
		names = append(names, c.Name)
	}
	return names
}

// byHand adds a check as a person would have made it in the vendor's pages.
func (l *lab) byHand(name string, more ...func(*vendor.Check)) (id string) {
	c := vendor.Check{Name: name, Host: name + ".example.com", NotifyWhenBackup: true, VerifyCertificate: true}
	for _, f := range more {
		f(&c)
	}
	return strconv.Itoa(l.Add(c))
}

func tagged(tags ...string) func(*vendor.Check) { return func(c *vendor.Check) { c.Tags = tags } }

// ofStack marks a check as one of a stack.
func ofStack(stack string) func(*vendor.Check) {
	return tagged("managed_by-stackwatch", "stack-"+stack)
}

func ofType(kind string) func(*vendor.Check) { return func(c *vendor.Check) { c.Type = kind } }

// bodies gives the JSON bodies of the calls that were no reads, since the last ResetCalls.
func (l *lab) bodies() []map[string]any {
	l.T.Helper()
	var bodies []map[string]any
	for _, call := range l.WriteCalls() {
		body := map[string]any{}
		if len(call.Body) > 0 {
			require.NoError(l.T, json.Unmarshal(call.Body, &body))
		}
		bodies = append(bodies, body)
	}
	return bodies
}

// site gives the options of a plain http check.
func site(name string) options { return options{"name": name, "host": name + ".example.com"} }

// sites gives the elements of checks for plain http checks.
func sites(names ...string) []options {
	items := make([]options, len(names))
	for i, name := range names {
		items[i] = site(name)
	}
	return items
}

func text(s *string) string { return resourcetest.Text(s) }
