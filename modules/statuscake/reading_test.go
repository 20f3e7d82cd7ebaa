// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	vendor "github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
)

// TestObserve_LeavesAloneWhatItDidNotRead renames the test that a task means between the list, which shows a few fields, and the reading of
// all of them. Then the task means a test of the same name without a stack, known from the list only.
func TestObserve_LeavesAloneWhatItDidNotRead(t *testing.T) {
	t.Parallel()
	var l *lab
	var renamed string
	l = startLab(t, emulator.Options{}, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if renamed != "" && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/uptime/"+renamed) {
				assert.NoError(t, l.Change(renamed, func(test *vendor.Test) { test.Name = "other" }))
			}
			h.ServeHTTP(w, r)
		})
	})
	own := l.byHand("web", tagged(ownershipTag, stackTag+"shop"))
	sameName := l.byHand("web", func(test *vendor.Test) { test.FollowRedirects, test.UserAgent = true, "by hand" })
	renamed = own
	before, _ := l.Test(sameName)
	task := options{"tests": []options{
		site("web").With(options{"stack": "shop", "follow_redirects": true, "contact_groups": []string{}}),
		site("api").With(options{"stack": "blog", "contact_groups": []string{}}),
	}}
	a := l.Run(task)
	require.True(t, a.Failed)
	assert.Contains(t, a.Msg, "shop/web: "+sameName+" was changed by somebody else while it was read, and is left alone; run the task again")
	assert.Equal(t, before, l.stored("web"))

	a = l.OK(task)
	assert.Equal(t, []string{"web updated", "api unchanged"}, a.Actions())
	assert.Equal(t, []string{"tags"}, slices.Collect(maps.Keys(a.Objects[0].Changes)), "the next run reads it, and takes it over")
	l.Settled(task)
}
