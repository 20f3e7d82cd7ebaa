// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/http/httpproxy"

	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// proxy is the one through which an API is reached; nil reaches it directly.
type proxy struct {
	url    *url.URL
	exempt func(*url.URL) (*url.URL, error) // nil for what no_proxy leaves out
}

// readProxy reads http_proxy or https_proxy, whichever is for the API, and no_proxy, each in capitals too. One that cannot be understood is an
// error: net/http ignores it, and the credentials would go out directly.
func readProxy(environment func(name string) string, api *url.URL) (*proxy, error) {
	first := func(name string) (value, from string) {
		for _, from := range []string{strings.ToUpper(name), name} {
			if value := environment(from); value != "" {
				return value, from
			}
		}
		return "", name
	}
	value, from := first(api.Scheme + "_proxy")
	if value == "" {
		return nil, nil
	}
	names, _ := first("no_proxy")
	const some = "http://proxy.invalid"
	p := &proxy{exempt: (&httpproxy.Config{
		HTTPProxy: some, HTTPSProxy: some,
		// Some tools separate the names by spaces.
		NoProxy: strings.Join(strings.FieldsFunc(names, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }), ","),
	}).ProxyFunc()}
	if used, err := p.exempt(api); err == nil && used == nil {
		return nil, nil
	}
	var err error
	if p.url, err = parseProxy(value); err != nil {
		return nil, fmt.Errorf("value of the environment variable %s must be a proxy's URL such as http://proxy.example.com:3128, got %w", from, err)
	}
	return p, nil
}

// parseProxy never repeats the URL in its errors, which may hold a password.
func parseProxy(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("something that is not a URL; special characters in its user name and password must be percent-encoded")
	case !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme):
		return nil, fmt.Errorf("the scheme %q: only http, https, socks5 and socks5h are known", u.Scheme)
	case u.Hostname() == "":
		return nil, errors.New("a URL without a host")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("a URL with more than a host and a port; special characters in its user name and password must be percent-encoded")
	}
	return u, nil
}

// choose returns the proxy for a request, as http.Transport asks for it.
func (p *proxy) choose(r *http.Request) (*url.URL, error) {
	if p == nil {
		return nil, nil
	}
	if used, err := p.exempt(r.URL); err != nil || used == nil {
		return nil, err
	}
	return p.url, nil
}

// secrets returns the password in the proxy's URL, which the proxy may repeat.
func (p *proxy) secrets() []secret.Value {
	if p == nil {
		return nil
	}
	if password, ok := p.url.User.Password(); ok {
		return []secret.Value{secret.New(password)}
	}
	return nil
}
