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

// TestRunsAtOnceWithDifferentWishes: the second run finds what the first one just created, and makes it as it wants it.
func TestRunsAtOnceWithDifferentWishes(t *testing.T) {
	t.Parallel()
	l := newLab(t, emulator.Options{ListLag: 1000})
	l.OK(site("fresh").With(options{"resolution": 1}))
	a := l.OK(site("fresh").With(options{"resolution": 15}))
	assert.Equal(t, "updated", a.Only(t).Action, "the list does not show it, the controller knows it")
	assert.Equal(t, map[string]change{"resolution": {Before: 1.0, After: 15.0}}, a.Only(t).Changes)

	require.NoError(t, l.Remove(l.named("fresh")[0].ID))
	assert.Equal(t, "created", l.OK(site("fresh").With(options{"type": "http"})).Only(t).Action, "what somebody deleted meanwhile is created anew")

	last := strconv.Itoa(l.named("fresh")[0].ID)
	l.Inject(emulator.On(http.MethodGet, vendor.BasePath+"/checks/"+last, emulator.Always, emulator.Fault{Kind: emulator.Status}))
	a = l.Run(site("fresh").With(options{"type": "http"}))
	assert.Contains(t, a.Msg, "nothing was changed, because the checks could not be read: reading check "+last)
	assert.Len(t, l.named("fresh"), 1, "what cannot be looked at is not created once more")
}

// TestDeployWhileAnotherStackGoes: neither run sees or spoils what the other one does.
func TestDeployWhileAnotherStackGoes(t *testing.T) {
	t.Parallel()
	resourcetest.DeployWhileAnotherStackGoes(t, scene)
}
