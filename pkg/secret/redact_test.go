// SPDX-License-Identifier: GPL-3.0-or-later

package secret_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// encodings are the ways in which a text comes back from a server.
func encodings(t *testing.T) map[string]func(string) string {
	t.Helper()
	quoted := func(s string) string {
		text, err := json.Marshal(s)
		require.NoError(t, err)
		return strings.Trim(string(text), `"`)
	}
	everyByte := func(format string) func(string) string {
		return func(s string) string {
			var b strings.Builder
			for _, c := range []byte(s) {
				fmt.Fprintf(&b, format, c)
			}
			return b.String()
		}
	}
	everyRune := func(format string) func(string) string {
		return func(s string) string {
			var b strings.Builder
			for _, r := range s {
				fmt.Fprintf(&b, format, r)
			}
			return b.String()
		}
	}
	everyUnit := func(s string) string {
		var b strings.Builder
		for _, unit := range utf16.Encode([]rune(s)) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
		return b.String()
	}
	lowerEscapes := func(s string) string {
		return regexp.MustCompile(`%[0-9A-F]{2}`).ReplaceAllStringFunc(s, strings.ToLower)
	}
	encode := func(e *base64.Encoding, before, after string) func(string) string {
		return func(s string) string { return e.EncodeToString([]byte(before + s + after)) }
	}
	return map[string]func(string) string{
		"plain": func(s string) string { return s }, "upper": strings.ToUpper, "lower": strings.ToLower,
		"query": url.QueryEscape, "path": url.PathEscape,
		"lower query":   func(s string) string { return lowerEscapes(url.QueryEscape(s)) },
		"lower path":    func(s string) string { return lowerEscapes(url.PathEscape(s)) },
		"every percent": everyByte("%%%02x"), "query twice": func(s string) string { return url.QueryEscape(url.QueryEscape(s)) },
		"HTML": html.EscapeString, "HTML decimal": everyRune("&#%d;"), "HTML hex": everyRune("&#x%X;"),
		"HTML in query": func(s string) string { return html.EscapeString(url.QueryEscape(s)) },
		"HTML twice":    func(s string) string { return html.EscapeString(html.EscapeString(s)) },
		"JSON":          quoted, "JSON twice": func(s string) string { return quoted(quoted(s)) }, "JSON all": everyUnit,
		"JSON of PHP": func(s string) string { return strings.ReplaceAll(quoted(s), "/", `\/`) },
		"Go ASCII":    func(s string) string { return strings.Trim(strconv.QuoteToASCII(s), `"`) },
		"hex":         func(s string) string { return hex.EncodeToString([]byte(s)) },
		"HEX":         func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
		"base64":      encode(base64.StdEncoding, "", ""), "raw base64": encode(base64.RawStdEncoding, "", ""),
		"base64url": encode(base64.URLEncoding, "", ""), "raw base64url": encode(base64.RawURLEncoding, "", ""),
		"login 0": encode(base64.StdEncoding, "ab:", ""), "login 1": encode(base64.StdEncoding, "abc:", ""),
		"login 2": encode(base64.StdEncoding, "user:", "\n"), "login url": encode(base64.RawURLEncoding, "me:", "?"),
		"base64 in query": func(s string) string { return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte("user:" + s))) },
	}
}

func TestRedactor_HidesEveryForm(t *testing.T) {
	t.Parallel()
	for _, hidden := range []string{
		"S3cretTok3n", `p"w\d/é<&>'?`, "pass word+plus~", "ÄÖÜß-Straße", "0123456789abcdef", `abc%2Fdef\u0041`, "\U0001F511 key of it",
	} {
		r := secret.NewRedactor("another", hidden, "x")
		for name, encode := range encodings(t) {
			text := "the token " + encode(hidden) + " is bad"
			assert.Equal(t, "the token ******** is bad", r.Redact(text), "%s of %s: %s", name, hidden, text)
		}
	}
}

func TestRedactor_KeepsInnocentText(t *testing.T) {
	t.Parallel()
	r := secret.NewRedactor("tok", "S3cretTok3n", "p%w&d;")
	for _, text := range []string{
		"", "tok", "a secret token", "100 % of 50%, &c; and a\\b \\u12 %zz &nosuch; \\", "caf\xe9 \xff", "S3cretTok3", "ünïcödé & <b>",
	} {
		assert.Equal(t, text, r.Redact(text))
	}
	assert.Equal(t, "S3cretTok3n", secret.NewRedactor().Redact("S3cretTok3n"), "none has nothing to hide")
	assert.Equal(t, "a ********, \xff******** and ********!", r.Redact("a S3CRETTOK3N, \xffs3crettok3n and p%25w&amp;d;!"))
	assert.Equal(t, "********", secret.NewRedactor("abcdef", "defghi").Redact("abcdefghi"), "overlapping secrets")
}

func FuzzRedactor(f *testing.F) {
	f.Add("S3cretTok3n", "the S3cretTok3n %41 &amp; \\u0041 \\ud83d\\udd11 end")
	f.Add("&&&&", "%26%26&amp;&#38;\\")
	f.Fuzz(func(t *testing.T, hidden, text string) {
		r := secret.NewRedactor(hidden)
		assert.Contains(t, secret.Mask+r.Redact(text), secret.Mask)
		if len([]rune(hidden)) >= secret.MinRedacted && !strings.Contains(secret.Mask, hidden) {
			assert.NotContains(t, r.Redact(text+hidden+text), hidden)
		}
	})
}
