// SPDX-License-Identifier: GPL-3.0-or-later

package resourcetest

import (
	"encoding/json"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Secrets are texts that must not be seen, by what they are.
type Secrets map[string]string

// Leaks names the secrets that a text holds, in any of the forms in which they may get there.
func (s Secrets) Leaks(text string) []string {
	var found []string
	for name, secret := range s {
		quoted, _ := json.Marshal(secret)
		twice, _ := json.Marshal(string(quoted))
		for _, form := range []string{
			secret, url.QueryEscape(secret), url.PathEscape(secret), strings.Trim(string(quoted), `"`), strings.Trim(string(twice), `"\`),
		} {
			if strings.Contains(text, form) {
				found = append(found, name)
				break
			}
		}
	}
	return found
}

// ExpectNoLeak looks for secrets in an answer, the system log, the URLs of all calls and the controller's files.
func (l *Lab) ExpectNoLeak(secrets Secrets, a Answer, when string) {
	l.T.Helper()
	assert.Empty(l.T, secrets.Leaks(a.Raw), "%s: in the answer: %s", when, a.Raw)
	assert.Empty(l.T, secrets.Leaks(a.Syslog), "%s: in the system log: %s", when, a.Syslog)
	for _, call := range l.account.Calls() {
		assert.Empty(l.T, secrets.Leaks(call.Path+"?"+call.Query), "%s: in the URL of a call", when)
	}
	require.NoError(l.T, filepath.WalkDir(l.StateDir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		assert.Empty(l.T, secrets.Leaks(path), "%s: in a file's name", when)
		if entry.IsDir() {
			return nil
		}
		content, err := os.ReadFile(path)
		assert.Empty(l.T, secrets.Leaks(string(content)), "%s: in the file %s", when, path)
		return err
	}))
}
