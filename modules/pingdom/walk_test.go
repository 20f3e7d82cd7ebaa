// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/pingdom"
	"github.com/stackwatch/ansible-monitoring/pkg/resource/resourcetest"
)

// TestCheckWalk_OnTheEmulator holds pingdom_check where checks of several types have one name, each declared in the list of its stack, and some in tasks of
// their own as well. Lists lag.
func TestCheckWalk_OnTheEmulator(t *testing.T) {
	t.Parallel()
	resourcetest.RandomWalk(t, checkWalker)
}

// walkStack is the stack of the tasks of a walk.
const walkStack = "walk"

// checkKey names a check by its name and its type.
func checkKey(name, kind string) string {
	if kind == typeHTTP {
		return name
	}
	return name + " (" + kind + ")"
}

// checkOf returns the name and the type of a key.
func checkOf(key string) (name, kind string) {
	name, kind, other := strings.Cut(strings.TrimSuffix(key, ")"), " (")
	if !other {
		kind = typeHTTP
	}
	return name, kind
}

func checkWalker(t testing.TB, random *rand.Rand) resourcetest.Walker {
	t.Helper()
	l := newLab(t, emulator.Options{ListLag: random.IntN(3)})
	w := resourcetest.Walker{Lab: l.Lab, Stack: walkStack}
	for _, name := range []string{"web1", "web2", "web3"} {
		for _, kind := range []string{typeHTTP, typePing, typeTCP} {
			w.Names = append(w.Names, checkKey(name, kind))
		}
	}
	// What a run may take for its own.
	l.byHand("web1", ofStack("blog"))
	l.byHand("web1", ofStack("blog"), ofType(typePing))
	l.byHand("web2", tagged("managed_by-stackwatch", "stack-blog", "stack-"+walkStack), ofType(typeDNS))
	l.byHand("web3", ofType(typeDNS))
	l.byHand("web1", tagged("hand"), ofType(typeSMTP))
	l.byHand("nobody", tagged("managed_by-stackwatch"))

	there := func(key string) bool {
		return slices.ContainsFunc(l.Checks(), func(c vendor.Check) bool {
			return checkKey(c.Name, c.Type) == key && marks().Group(c.Tags) == walkStack
		})
	}
	item := func(key string, edited bool) options {
		name, kind := checkOf(key)
		o := site(name).With(options{"type": kind, "resolution": resolutionOf(edited)})
		switch {
		case kind == typeTCP:
			o["port"] = 22
		case kind == typeHTTP && there(key) && random.IntN(2) == 0:
			delete(o, "type") // any type matches as long as there is none of type http
		}
		return o
	}
	w.Tasks = func(declared map[string]bool) []options {
		var list, tasks []options
		for _, key := range w.Names {
			edited, ok := declared[key]
			if !ok {
				continue
			}
			o := item(key, edited)
			if random.IntN(8) == 0 {
				alone := o.With(options{"stack": walkStack, "api_rate_limit": 0, "allow_replace": random.IntN(2) == 0})
				tasks = append(tasks, alone)
			}
			list = append(list, o)
		}
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		return append(tasks, options{"stack": walkStack, "checks": list, "purge": true, "api_rate_limit": 0})
	}
	w.Key = func(o resourcetest.Object) string { return checkKey(text(o.Name), text(o.Type)) }
	w.Held = func() []resourcetest.Held {
		var held []resourcetest.Held
		for _, c := range l.Checks() {
			held = append(held, resourcetest.Held{
				ID: strconv.Itoa(c.ID), Name: checkKey(c.Name, c.Type), Stack: marks().Group(c.Tags), Edited: c.Resolution == resolutionOf(true), State: c,
			})
		}
		return held
	}
	w.Delete = func(o resourcetest.Held) { require.NoError(t, l.Remove(o.State.(vendor.Check).ID)) }
	w.Edit = func(o resourcetest.Held, edited bool) {
		require.NoError(t, l.Change(o.State.(vendor.Check).ID, func(c *vendor.Check) { c.Resolution = resolutionOf(edited) }))
	}
	w.Make = func(key string, edited bool) {
		name, kind := checkOf(key)
		l.byHand(name, ofType(kind), func(c *vendor.Check) {
			c.Resolution = resolutionOf(edited)
			if kind == typeTCP {
				c.Port = 22
			}
		})
	}
	w.Events = []resourcetest.Event{
		{Name: "another form of answers", Weight: 3, Do: func() {
			require.NoError(t, l.SetQuirks(vendor.Quirks{
				Sparse: random.IntN(2) == 0, Ping: []vendor.PingForm{vendor.PingObject, vendor.PingList, vendor.PingText}[random.IntN(3)],
				MissingStatus: []int{0, 400, 404}[random.IntN(3)],
			}))
		}},
		{Name: "the answer to the next creation is lost", Weight: 5, Do: func() {
			l.ClearFaults()
			l.Inject(emulator.On(http.MethodPost, "", 1, emulator.Fault{Kind: emulator.DropAfter}))
		}},
		{Name: "the next deletion is not carried out", Weight: 2, Do: func() {
			l.ClearFaults()
			l.Inject(emulator.On(http.MethodDelete, "", 1, emulator.Fault{Kind: emulator.Status, Status: http.StatusServiceUnavailable}))
		}},
	}
	return w
}

// resolutionOf tells the two variants of a check apart.
func resolutionOf(edited bool) int {
	if edited {
		return 1
	}
	return 5
}
