// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"os"
	"os/exec"
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
		"none":                        {nil, "https://api.test/v1", "", ""},
		"http":                        {map[string]string{"http_proxy": "http://p.test:1"}, "http://api.test", "http://p.test:1", ""},
		"of the other scheme":         {map[string]string{"http_proxy": "http://p.test:1"}, "https://api.test", "", ""},
		"https":                       {map[string]string{"https_proxy": "http://u:p@p.test:1/"}, "https://api.test", "http://u:p@p.test:1/", ""},
		"without a scheme":            {map[string]string{"https_proxy": "p.test:1"}, "https://api.test", "http://p.test:1", ""},
		"socks":                       {map[string]string{"HTTPS_PROXY": "socks5://p.test:1"}, "https://api.test", "socks5://p.test:1", ""},
		"capitals first, as net/http": {map[string]string{"HTTPS_PROXY": "http://a.test", "https_proxy": "http://b.test"}, "https://api.test", "http://a.test", ""},
		"malformed":                   {map[string]string{"http_proxy": malformed}, "http://api.test", "", "variable http_proxy must be a proxy's URL"},
		"malformed https":             {map[string]string{"HTTPS_PROXY": malformed}, "https://api.test", "", "variable HTTPS_PROXY must be a proxy's URL"},
		"malformed and not used":      {map[string]string{"http_proxy": malformed}, "https://api.test", "", ""},
		"malformed and exempt":        {map[string]string{"http_proxy": malformed, "no_proxy": "api.test"}, "http://api.test", "", "must be a proxy's URL"},
		"a space before it":           {map[string]string{"http_proxy": " http://p.test:1"}, "http://api.test", "", "got something that is not a URL"},
		"a scheme that nobody speaks": {map[string]string{"http_proxy": "ftp://p.test:1"}, "http://api.test", "", `the scheme "ftp"`},
		"no host":                     {map[string]string{"http_proxy": "http://"}, "http://api.test", "", "without a host"},
		"a slash in the password":     {map[string]string{"http_proxy": "http://u:1/S3c@p.test:1"}, "http://api.test", "", "percent-encoded"},
		"a hash in the password":      {map[string]string{"http_proxy": "http://u:1#S3c@p.test:1"}, "http://api.test", "", "percent-encoded"},
		"a question in the password":  {map[string]string{"http_proxy": "http://u:1?S3c@p.test:1"}, "http://api.test", "", "percent-encoded"},
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
			if c.want == "" {
				assert.Nil(t, p)
			} else {
				assert.Equal(t, c.want, p.String())
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

// TestProxy_ItsPasswordIsHidden is for a proxy that repeats it in its error page. net/http reads the environment once for a process, so that
// it takes another one.
func TestProxy_ItsPasswordIsHidden(t *testing.T) {
	proxy := newServer(t, repeat(2, func(w http.ResponseWriter, r *http.Request) {
		answer(http.StatusProxyAuthRequired, "refused: pr0xy-S3cret, "+r.Header.Get("Proxy-Authorization"))(w, r)
	})...)
	u, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	u.User = url.UserPassword("ada", "pr0xy-S3cret")
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), "HTTPAPI_TEST_JOB=proxy", "HTTP_PROXY="+u.String(), "NO_PROXY=", "no_proxy=")
	out, err := cmd.CombinedOutput()
	require.Error(t, err, "the job fails")
	require.Contains(t, string(out), "407")
	assert.NotContains(t, string(out), "S3cret")
	assert.NotContains(t, string(out), base64.StdEncoding.EncodeToString([]byte("ada:pr0xy-S3cret")))
}
