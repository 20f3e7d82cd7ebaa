// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
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

func TestErrorOfFakes(t *testing.T) {
	assert.EqualError(t, &Error{Method: "GET", Path: "/x", Err: ErrNotFound}, "GET /x: not found")
	both := &Error{Method: "POST", Path: "/x", Err: causes{ErrRateLimited, ErrUncertain}}
	assert.EqualError(t, both, "POST /x: too many requests; the server may have acted")
	assert.ErrorIs(t, both, ErrRateLimited)
	assert.ErrorIs(t, both, ErrUncertain)
	assert.True(t, both.Uncertain(), "what pkg/reconcile asks, which does not know this package")
	assert.False(t, (&Error{Err: ErrTransient}).Uncertain())
}
