// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// Whatever a server or the network throws back at us, no error shows a credential.
func TestNoSecretInErrors(t *testing.T) {
	const other, password = `p"w\d/é`, "basic-password"
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("user:"+password))
	quoted, err := json.Marshal(other)
	require.NoError(t, err)
	echo := strings.Join([]string{
		token, url.QueryEscape(token), url.PathEscape(token), other, string(quoted), url.QueryEscape(other), basic,
		strings.TrimPrefix(basic, "Basic "), password,
	}, " | ")
	hidden := []string{"S3cret", `p"w`, `p\"w`, "p%22w", "basic-password", basic[6:]}

	set := func(c *Config) {
		c.Retries = 0
		c.Secrets = []secret.Value{secret.New(token), secret.New(other), {}}
		c.Authorize = func(h http.Header) { h.Set("Authorization", basic); h.Set("X-Token", token) }
	}
	message, err := json.Marshal(map[string]string{"message": echo, "code": echo})
	require.NoError(t, err)
	handlers := []http.HandlerFunc{
		answer(200, echo), answer(302, "", "Location", "https://"+url.PathEscape(token)+".example/"+token),
		answer(302, "", "Location", "http://"+token+"@h/"), answer(200, `{"id":{"`+token+`":1}}`), answer(500, strings.Repeat(" ", 199)+echo), gibberish,
	}
	for _, status := range []int{400, 401, 403, 404, 409, 429, 500, 503} {
		handlers = append(handlers, answer(status, echo), answer(status, string(message)))
	}
	for i, handler := range handlers {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			s := newServer(t, handler)
			err := newClient(t, s.URL, set).Do(t.Context(), Request{
				Method: method, Path: []string{"x", token}, Query: url.Values{"key": {other}},
			}, &thing{})
			require.Error(t, err, "%d", i)
			for _, text := range hidden {
				assert.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), text, "%d", i)
			}
			assert.NotContains(t, err.Error(), "key=")
		}
	}

	transport := httpmock.NewMockTransport()
	transport.RegisterNoResponder(httpmock.NewErrorResponder(fmt.Errorf("proxy http://user:hidden@proxy:3128 says %s", echo)))
	c := newClient(t, "http://h", set, func(c *Config) { c.Transport = transport })
	err = c.Do(t.Context(), Request{Method: http.MethodGet, Path: []string{"x"}, Query: url.Values{"key": {other}}}, nil)
	for _, text := range append(hidden, "hidden", "key=") {
		assert.NotContains(t, err.Error(), text)
	}
	err = c.Do(t.Context(), Request{Method: http.MethodGet, Path: []string{token, ""}}, nil)
	assert.NotContains(t, err.Error(), "S3cret")
	err = newClient(t, "http://h", set, func(c *Config) {
		c.Authorize = func(h http.Header) { h.Set("Authorization", "Bearer "+token+"\n") }
	}).Do(t.Context(), Request{Method: http.MethodGet, Path: []string{"x"}}, nil)
	require.ErrorContains(t, err, "header Authorization would hold a line break")
	assert.NotContains(t, err.Error(), "S3cret")
}

// TestNoSecretInErrors_InAnyForm is for servers and gateways that repeat what they got in their own way.
func TestNoSecretInErrors_InAnyForm(t *testing.T) {
	const login, other = `pass<w>ord&"1"`, "0ther/S3cret+value"
	set := func(c *Config) {
		c.Retries, c.Secrets = 0, []secret.Value{secret.New(login)}
		c.Authorize = func(h http.Header) { (&http.Request{Header: h}).SetBasicAuth("ada", login) }
		c.Redact = func(text string) string { return secret.NewRedactor(other).Redact(text) }
	}
	for _, hidden := range []string{login, other} {
		for name, form := range map[string]string{
			"HTML": html.EscapeString(hidden), "lower-case percent": strings.ToLower(url.QueryEscape(hidden)), "upper case": strings.ToUpper(hidden),
			"base64": base64.StdEncoding.EncodeToString([]byte(hidden)), "login": base64.StdEncoding.EncodeToString([]byte("ada:" + hidden)),
			"base64url": base64.RawURLEncoding.EncodeToString([]byte(hidden)), "JSON of others": strings.ReplaceAll(hidden, "/", `\/`),
		} {
			for _, status := range []int{200, 400, 401, 403, 500, 502} {
				for _, body := range []string{"<p>Authorization: " + form + "</p>", `{"message": "not accepted: ` + form + `"}`, strings.Repeat(" ", maxRedacted-20) + form} {
					if status == 200 {
						body = "<html>" + body
					}
					err := newClient(t, newServer(t, answer(status, body)).URL, set).Do(t.Context(), get("x"), &thing{})
					require.Error(t, err)
					assert.NotContains(t, err.Error(), form, "%s, status %d", name, status)
					assert.NotContains(t, strings.ToLower(err.Error()), strings.ToLower(form[:10]), "%s, status %d: not cut either", name, status)
				}
			}
		}
	}
}

func TestErrors_NameTheRefusedLogin(t *testing.T) {
	for want, handler := range map[string]http.HandlerFunc{
		"GET /x: status 401 Unauthorized: credentials refused; the token of api_key was refused": answer(401, ``),
		"GET /x: status 401 Unauthorized: no; the token of api_key was refused":                  answer(401, `{"message":"no"}`),
		"GET /x: status 403 Forbidden: no; the token of api_key was refused":                     answer(403, `{"message":"no"}`, "X-Denied", "1"),
		"GET /x: status 403 Forbidden: no":                                                       answer(403, `{"message":"no"}`),
	} {
		c := newClient(t, newServer(t, handler).URL, func(c *Config) { c.Login, c.Classify = "the token of api_key", denied })
		assert.EqualError(t, c.Do(t.Context(), get("x"), nil), want)
	}
}

func TestErrorOfFakes(t *testing.T) {
	assert.EqualError(t, &Error{Method: "GET", Path: "/x", Err: ErrNotFound}, "GET /x: not found")
	both := &Error{Method: "POST", Path: "/x", Err: causes{ErrRateLimited, ErrUncertain}}
	assert.EqualError(t, both, "POST /x: too many requests; the server may have acted")
	assert.ErrorIs(t, both, ErrRateLimited)
	assert.ErrorIs(t, both, ErrUncertain)
	assert.True(t, both.Uncertain(), "what pkg/reconcile asks, which does not know this package")
	assert.False(t, (&Error{Err: ErrTransient}).Uncertain())
}
