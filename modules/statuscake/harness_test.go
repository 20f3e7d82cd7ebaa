// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake/conformtest"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// lab is an emulated StatusCake account behind HTTP, and a controller from which the module is run as Ansible runs it.
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
const token = "my-api-key"

// newLab starts an account whose every request and answer is held against the vendor's Swagger file.
func newLab(t testing.TB, opt emulator.Options, check ...conformtest.Option) *lab {
	t.Helper()
	return startLab(t, opt, func(h http.Handler) http.Handler { return conformtest.Wrap(t, h, check...) })
}

// plainLab starts an account whose calls nobody else judges: for answers that the vendor's file does not know, and for speed.
func plainLab(t testing.TB, opt emulator.Options) *lab {
	t.Helper()
	return startLab(t, opt, nil)
}

// startLab starts an account behind a wrapper of its handler, nil for none.
func startLab(t testing.TB, opt emulator.Options, wrap func(http.Handler) http.Handler) *lab {
	t.Helper()
	opt.Token = token
	account := vendor.New(opt)
	return &lab{Emulator: account, Lab: resourcetest.New(t, account, resourcetest.Setup{
		Name: "status_cake_test", Plural: "tests", Token: token, BasePath: vendor.BasePath,
		URLVariable: "STATUSCAKE_API_URL", TokenVariable: "STATUSCAKE_API_TOKEN",
		Module: func(stateDir string, clock *resourcetest.Clock) ansible.Module {
			if clock == nil {
				return world{stateDir: stateDir}.uptimeModule()
			}
			return world{stateDir: stateDir, clock: clock}.uptimeModule()
		},
		Contents: func() any { return account.Tests() }, Wrap: wrap,
	})}
}

// stored gives the one test of a name in the account.
func (l *lab) stored(name string) vendor.Test {
	l.T.Helper()
	found := l.named(name)
	require.Len(l.T, found, 1, "tests of the name %s", name)
	return found[0]
}

func (l *lab) named(name string) []vendor.Test {
	var found []vendor.Test
	for _, test := range l.Tests() {
		if test.Name == name {
			found = append(found, test)
		}
	}
	return found
}

// names gives the names of all tests of the account, oldest first.
func (l *lab) names() []string {
	names := []string{}
	for _, test := range l.Tests() {
		names = append(names, test.Name)
	}
	return names
}

// site gives the options of a plain HTTP test.
func site(name string) options {
	return options{"name": name, "website_url": "https://" + strings.ReplaceAll(name, " ", "-") + ".example.com/"}
}

// sites gives the elements of tests for plain HTTP tests.
func sites(names ...string) []options {
	items := make([]options, len(names))
	for i, name := range names {
		items[i] = site(name)
	}
	return items
}

// byHand adds a test as a person would have made it in the vendor's pages.
func (l *lab) byHand(name string, more ...func(*vendor.Test)) (id string) {
	t := vendor.Test{Name: name, WebsiteURL: site(name)["website_url"].(string), CheckRate: 300, Confirmation: 2}
	for _, f := range more {
		f(&t)
	}
	return l.Add(t)
}

func tagged(tags ...string) func(*vendor.Test) { return func(t *vendor.Test) { t.Tags = tags } }

func text(s *string) string { return resourcetest.Text(s) }

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

// stackOf gives the stack that tags name, several of a shared test.
func stackOf(tags []string) string { return marks().Group(tags) }

// The marks of the suite, as people see them.
const (
	ownershipTag = "managed_by:stackwatch"
	stackTag     = "stack:"
)
