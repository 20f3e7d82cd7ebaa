// SPDX-License-Identifier: GPL-3.0-or-later

package playbooks_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible/playtest"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// seedTask stands in playbooks that people had before there was this suite; not a letter of it may have to change.
const seedTask = `- local_action: {module: status_cake_test, username: my-user, api_key: my-api-key, ` +
	`name: "My service check", url: "https://myservice.example.com", state: present, test_type: HTTP, check_rate: 60}
`

func TestSeedTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t, emulator.Options{Token: "my-api-key"})
	delete(w.Env, "STATUSCAKE_API_TOKEN")
	w.Write("seed.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n"+indent(seedTask, 4))
	seed := func(args ...string) func() playtest.Run {
		return func() playtest.Run { return w.Play("", append([]string{"seed.yml"}, args...)...) }
	}
	const created = `--- before: test My service check
+++ after: test My service check created
@@ -1 +1,8 @@
-{}
+{
+    "check_rate": 60,
+    "confirmation": 2,
+    "name": "My service check",
+    "test_type": "HTTP",
+    "trigger_rate": 0,
+    "website_url": "https://myservice.example.com"
+}
`
	run, writes := w.did(seed("--check", "--diff"))
	assert.Equal(t, "changed 1", run.Verdicts())
	assert.Contains(t, run.Output, created)
	assert.Empty(t, writes, "check mode writes nothing")
	assert.Empty(t, w.Tests())

	run, writes = w.did(seed())
	assert.Equal(t, "changed 1", run.Verdicts())
	assert.Equal(t, []string{"POST My service check"}, writes)
	require.Len(t, w.Tests(), 1)
	test := w.Tests()[0]
	assert.Equal(t, "https://myservice.example.com", test.WebsiteURL)
	assert.Equal(t, "HTTP", test.TestType)
	assert.Equal(t, 60, test.CheckRate)

	run, writes = w.did(seed())
	assert.Equal(t, "ok 1", run.Verdicts())
	assert.Empty(t, writes)

	run, writes = w.did(seed("--check", "--diff"))
	assert.Equal(t, "ok 1", run.Verdicts())
	assert.NotContains(t, run.Output, "+++ after", "where nothing changes there is no diff")
	assert.Empty(t, writes)
}
