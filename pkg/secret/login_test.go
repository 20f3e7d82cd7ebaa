// SPDX-License-Identifier: GPL-3.0-or-later

package secret_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

func TestPasswordIn_NeedsNoValidURL(t *testing.T) {
	for text, want := range map[string]string{
		"https://ann:S3cret@x.example.com":            "S3cret",
		"https://ann:S3cret@x.example.com:99 9":       "S3cret",
		"ann:S3cret@x.example.com/path":               "S3cret",
		"//ann:S3cret@x.example.com":                  "S3cret",
		"https://ann:S3@cret:x@x.example.com?mail=@b": "S3@cret:x",
		"https://ann:S3/cret#x@x.example.com":         "S3/cret#x",
		"https://ann:S3%zzret@x.example.com":          "S3%zzret",
		"https://ann@x.example.com":                   "",
		"https://x.example.com:8080/mail?to=a@b":      "",
		"https://x.example.com/a:b@c":                 "",
		"2001:db8::1":                                 "",
		"":                                            "",
	} {
		assert.Equal(t, want, secret.PasswordIn(text), text)
	}
}
