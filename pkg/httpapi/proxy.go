// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// readProxy returns the proxy that the environment names for the API's scheme (http_proxy or https_proxy, upper case
// first), nil for none. A malformed one is an error, also where no_proxy exempts the API: net/http would ignore it and
// send the credentials directly.
func readProxy(environment func(name string) string, api *url.URL) (*url.URL, error) {
	name := api.Scheme + "_proxy"
	for _, name := range []string{strings.ToUpper(name), name} { // in this order, as net/http reads them
		if value := environment(name); value != "" {
			proxy, err := parseProxy(value)
			if err != nil {
				return nil, fmt.Errorf("value of the environment variable %s must be a proxy's URL such as http://proxy.example.com:3128, got %w", name, err)
			}
			return proxy, nil
		}
	}
	return nil, nil
}

// parseProxy parses a proxy's URL. Its errors never repeat it, because it may have a password.
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

// proxySecrets returns the password in a proxy's URL, which the proxy may repeat.
func proxySecrets(proxy *url.URL) []secret.Value {
	if proxy == nil {
		return nil
	}
	password, _ := proxy.User.Password()
	return []secret.Value{secret.New(password)}
}
