// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// TestUptimeWalk_OnTheEmulator walks on accounts whose lists show new tests late, beside tests of other stacks and of nobody that a run could mistake for
// its own.
func TestUptimeWalk_OnTheEmulator(t *testing.T) {
	t.Parallel()
	resourcetest.RandomWalk(t, func(t testing.TB, random *rand.Rand) resourcetest.Walker {
		l := plainLab(t, emulator.Options{ListLag: random.IntN(4)})
		s := l.scene()
		var names []string
		for i := range 10 {
			names = append(names, fmt.Sprintf("test-%d", i))
		}
		for _, name := range []string{"test-0", "test-1", "other"} {
			s.Add(name, true, "blog")
		}
		s.Add("test-0 ", false)
		s.Add("Test-1", false)
		s.Add("shop/test-2", false)
		return resourcetest.Walker{
			Lab: l.Lab, Names: names, Stack: "shop", Held: s.Held,
			Tasks: func(declared map[string]bool) []options {
				var items []options
				for _, name := range names {
					edited, is := declared[name]
					if !is {
						continue
					}
					item := s.Site(name).With(options{"check_rate": 300})
					if edited {
						item = item.With(s.Edit)
					}
					items = append(items, item)
				}
				return []options{{"stack": "shop", "tests": items, "purge": true, "api_rate_limit": 0}}
			},
			Delete: func(o resourcetest.Held) { require.NoError(t, l.Remove(o.ID)) },
			Edit: func(o resourcetest.Held, edited bool) {
				require.NoError(t, l.Change(o.ID, func(t *vendor.Test) { t.CheckRate = map[bool]int{true: 60, false: 300}[edited] }))
			},
			Make: func(name string, edited bool) { s.Add(name, edited) },
		}
	})
}
