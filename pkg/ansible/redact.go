// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"unicode/utf8"

	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// leastRedacted is the length in characters from which a secret is looked for in other forms than its own: shorter ones look like innocent
// text in one of them.
const leastRedacted = 8

// Redact hides the call's secrets in what a server says, which may repeat them in another form than they were given in: escaped, encoded, in
// other case. The answer's own masking knows the forms that Ansible and Go write.
func (c *Call) Redact(text string) string {
	c.mu.Lock()
	if c.redactor == nil || c.redacts != len(c.secrets) {
		var texts []string
		for text := range c.secrets {
			if utf8.RuneCountInString(text) >= leastRedacted {
				texts = append(texts, text)
			}
		}
		c.redactor, c.redacts = secret.NewRedactor(texts...), len(c.secrets)
	}
	redactor := c.redactor
	c.mu.Unlock()
	return redactor.Redact(text)
}
