// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestGate_WaitsForAStoppedRunForMinutesOnly holds that a run which is stopped while it has locked a host keeps no run waiting for ever, and
// none at all that is about a host of another group.
func TestGate_WaitsForAStoppedRunForMinutesOnly(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		n := notes{folder, "https://icinga.example.com:5665"}
		none := func() error { assert.Fail(t, "it does not run"); return nil }
		require.NoError(t, n.alone(t.Context(), "web1", func() error {
			for _, err := range []error{n.alone(t.Context(), "web1", none), n.among(t.Context(), none, "web1"), n.among(t.Context(), none)} {
				require.ErrorContains(t, err, "other runs of this controller are not done with the host: another run holds ")
				require.ErrorContains(t, err, "did not finish within 5m0s")
			}
			require.NotEqual(t, gateOf("web1"), gateOf("web2"))
			return n.among(t.Context(), func() error { return nil }, "web2")
		}))
		require.NoError(t, n.among(t.Context(), func() error { return nil }))
	})
}
