// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"net/http"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules/alerta/alertatest"
	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
)

// TestASignalEndsARunThatTellsWhatItDid holds that no further deletion begins, and that none is hidden.
func TestASignalEndsARunThatTellsWhatItDid(t *testing.T) {
	t.Parallel()
	server := alertatest.Start(t, alertatest.Newest)
	server.Insert(t, alertatest.Stacks(2, 60)...)
	signals := make(chan os.Signal, 1)
	l := labOn(t, server, before(http.MethodDelete, func() { signals <- syscall.SIGTERM }))
	o := task{"stack": "s1", "action": "delete", "api_concurrency": 1, "server": task{}}
	a := tell(t, l.Run(o, func(p *ansible.Process) { p.Signals = signals }))
	assert.True(t, a.Failed)
	assert.Equal(t, "interrupted by SIGTERM: what was not begun by then is left; not begun because of that: server", a.Msg)
	there := map[string]bool{}
	for _, left := range l.stack("s1") {
		there[left.ID] = true
	}
	require.NotEmpty(t, there, "the signal came too late to test anything")
	for _, told := range a.Alerts {
		if told.Action == "deleted" {
			assert.False(t, there[told.ID], "%s is told as deleted and is there", told.ID)
		}
	}
	for _, call := range l.recorder.Calls() {
		assert.NotEqual(t, "/management/housekeeping", call.Path, "a later part was begun")
	}
	assert.Len(t, l.stack("s2"), 60)
	assert.False(t, l.run(o).Failed)
	assert.Empty(t, l.stack("s1"))
}
