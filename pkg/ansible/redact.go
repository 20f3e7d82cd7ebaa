// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"unicode/utf8"

	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// leastRedacted is the number of characters from which other forms of a secret are masked too: those of shorter ones
// occur in ordinary text.
const leastRedacted = 8

// Redact masks the call's secrets in text from a server, which may repeat them escaped, encoded or in other case. The
// answer's own masking covers the forms that Ansible and Go write.
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
