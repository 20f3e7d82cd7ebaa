// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadProxy(t *testing.T) {
	t.Parallel()
	const malformed = "http://pu:S3c%ss@proxy.test:3128"
	for name, c := range map[string]struct {
		env  map[string]string
		api  string
		want string // the proxy, "" for none
		err  string
	}{
		"none":                          {nil, "https://api.test/v1", "", ""},
		"http":                          {map[string]string{"http_proxy": "http://p.test:1"}, "http://api.test", "http://p.test:1", ""},
		"of the other scheme":           {map[string]string{"http_proxy": "http://p.test:1"}, "https://api.test", "", ""},
		"https":                         {map[string]string{"https_proxy": "http://u:p@p.test:1/"}, "https://api.test", "http://u:p@p.test:1/", ""},
		"without a scheme":              {map[string]string{"https_proxy": "p.test:1"}, "https://api.test", "http://p.test:1", ""},
		"socks":                         {map[string]string{"HTTPS_PROXY": "socks5://p.test:1"}, "https://api.test", "socks5://p.test:1", ""},
		"capitals first, as net/http":   {map[string]string{"HTTPS_PROXY": "http://a.test", "https_proxy": "http://b.test"}, "https://api.test", "http://a.test", ""},
		"malformed":                     {map[string]string{"http_proxy": malformed}, "http://api.test", "", "variable http_proxy must be a proxy's URL"},
		"malformed https":               {map[string]string{"HTTPS_PROXY": malformed}, "https://api.test", "", "variable HTTPS_PROXY must be a proxy's URL"},
		"malformed and not used":        {map[string]string{"http_proxy": malformed}, "https://api.test", "", ""},
		"malformed and exempt":          {map[string]string{"http_proxy": malformed, "no_proxy": "api.test"}, "http://api.test", "", ""},
		"a space before it":             {map[string]string{"http_proxy": " http://p.test:1"}, "http://api.test", "", "got something that is not a URL"},
		"a scheme that nobody speaks":   {map[string]string{"http_proxy": "ftp://p.test:1"}, "http://api.test", "", `the scheme "ftp"`},
		"no host":                       {map[string]string{"http_proxy": "http://"}, "http://api.test", "", "without a host"},
		"a slash in the password":       {map[string]string{"http_proxy": "http://u:1/S3c@p.test:1"}, "http://api.test", "", "percent-encoded"},
		"a hash in the password":        {map[string]string{"http_proxy": "http://u:1#S3c@p.test:1"}, "http://api.test", "", "percent-encoded"},
		"a question in the password":    {map[string]string{"http_proxy": "http://u:1?S3c@p.test:1"}, "http://api.test", "", "percent-encoded"},
		"exempt":                        {map[string]string{"http_proxy": "http://p.test", "no_proxy": "other.test,api.test"}, "http://api.test", "", ""},
		"exempt with a port":            {map[string]string{"http_proxy": "http://p.test", "no_proxy": "api.test:8080"}, "http://api.test:8080", "", ""},
		"another port is not exempt":    {map[string]string{"http_proxy": "http://p.test", "no_proxy": "api.test:8080"}, "http://api.test", "http://p.test", ""},
		"exempt by its domain":          {map[string]string{"http_proxy": "http://p.test", "NO_PROXY": ".test"}, "http://api.test", "", ""},
		"exempt by a wildcard":          {map[string]string{"http_proxy": "http://p.test", "no_proxy": "*.test"}, "http://api.test", "", ""},
		"exempt by its net":             {map[string]string{"http_proxy": "http://p.test", "no_proxy": "10.0.0.0/8"}, "http://10.1.2.3:5665", "", ""},
		"all exempt":                    {map[string]string{"http_proxy": "http://p.test", "no_proxy": "*"}, "http://api.test", "", ""},
		"names that spaces part":        {map[string]string{"http_proxy": "http://p.test", "no_proxy": "other.test  api.test"}, "http://api.test", "", ""},
		"this machine is always exempt": {map[string]string{"http_proxy": "http://p.test"}, "http://127.0.0.1:8080", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, err := url.Parse(c.api)
			require.NoError(t, err)
			p, err := readProxy(func(name string) string { return c.env[name] }, api)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				assert.NotContains(t, err.Error(), "S3c")
				return
			}
			require.NoError(t, err)
			used, err := p.choose(&http.Request{URL: api})
			require.NoError(t, err)
			if c.want == "" {
				assert.Nil(t, used)
			} else {
				assert.Equal(t, c.want, used.String())
			}
		})
	}
}

// TestProxy_MalformedSendsNothing is for the whole client: without the refusal the token went to the server directly.
func TestProxy_MalformedSendsNothing(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://pu:S3c%ss@127.0.0.1:3128")
	t.Setenv("NO_PROXY", "")
	t.Setenv("no_proxy", "")
	_, err := New(testConfig("http://api.test/v1"))
	require.ErrorContains(t, err, "value of the environment variable HTTP_PROXY must be a proxy's URL such as http://proxy.example.com:3128")
	assert.NotContains(t, err.Error(), "S3c")
}

// TestProxy_ItsPasswordIsHidden is for a proxy that repeats it in its error page.
func TestProxy_ItsPasswordIsHidden(t *testing.T) {
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer(http.StatusProxyAuthRequired, "refused: pr0xy-S3cret, "+r.Header.Get("Proxy-Authorization"))(w, r)
	}))
	t.Cleanup(echo.Close)
	u, err := url.Parse(echo.URL)
	require.NoError(t, err)
	u.User = url.UserPassword("ada", "pr0xy-S3cret")
	t.Setenv("HTTP_PROXY", u.String())
	t.Setenv("NO_PROXY", "")
	t.Setenv("no_proxy", "")
	err = newClient(t, "http://api.test/v1").Do(t.Context(), get("x"), nil)
	require.ErrorContains(t, err, "407")
	assert.NotContains(t, err.Error(), "S3cret")
	assert.NotContains(t, err.Error(), base64.StdEncoding.EncodeToString([]byte("ada:pr0xy-S3cret")))
}
