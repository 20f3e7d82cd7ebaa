// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Request is one call of the API. Form, JSON and Fresh exclude each other, and only POST, PUT, PATCH and DELETE can have them.
type Request struct {
	Method string
	Repeat Repeat     // where the method does not say it
	Path   []string   // below the base URL; each segment is escaped on its own, so "a/b" stays one segment
	Query  url.Values // never shown in errors
	Form   url.Values // sent as application/x-www-form-urlencoded
	JSON   any        // sent as application/json
	Fresh  func() any // makes the JSON for each attempt when its turn has come, where it depends on the time
	Header http.Header
	Sent   *int // set to how often it went out, for callers to whom an answer means another thing after a repeat; nil for nobody
}

// Repeat says whether sending a request twice has the effect of sending it once.
type Repeat int

// ByMethod takes GET, HEAD, PUT and DELETE for harmless. Harmless is for a POST that sets something and adds nothing, Reads for one
// that changes nothing, Creates for a PUT that makes something new.
const (
	ByMethod Repeat = iota
	Harmless
	Reads
	Creates
)

// userAgent is what servers know the suite by.
const userAgent = "stackwatch.monitoring (Ansible)"

// methodOverride is the header of a POST that stands for another method, such as a GET whose query would be too long for a URL.
const methodOverride = "X-Http-Method-Override"

// prepared is a Request in the form in which each attempt sends it.
type prepared struct {
	method     string
	path       string // below the base URL, escaped
	url        *url.URL
	header     http.Header // without credentials
	body       []byte      // nil without one
	fresh      func() any  // nil where the body is always the same
	repeatable bool        // the effect of sending it twice is that of once
	writes     bool        // the service may act on it
}

func (c *Client) prepare(r Request) (prepared, error) {
	p := prepared{method: r.Method, header: r.Header.Clone(), writes: r.Header.Get(methodOverride) != http.MethodGet}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		p.repeatable, p.writes = true, false
		if r.Form != nil || r.JSON != nil || r.Fresh != nil {
			return p, fmt.Errorf("a %s cannot carry a body", r.Method)
		}
	case http.MethodPut, http.MethodDelete:
		p.repeatable = true
	case http.MethodPost, http.MethodPatch:
	default:
		return p, fmt.Errorf("the method %q is not known", r.Method)
	}
	if r.Repeat != ByMethod {
		p.repeatable = r.Repeat == Harmless || r.Repeat == Reads
		p.writes = p.writes && r.Repeat != Reads
	}
	var err error
	if p.path, err = joinPath(r.Path); err != nil {
		return p, err
	}
	if p.url, err = c.base.Parse(strings.TrimSuffix(c.base.EscapedPath(), "/") + p.path); err != nil {
		return p, err
	}
	p.url.RawQuery = r.Query.Encode()

	if p.header == nil {
		p.header = http.Header{}
	}
	setMissing(p.header, "Accept", "application/json")
	setMissing(p.header, "User-Agent", userAgent)
	switch {
	case r.Form != nil && r.JSON != nil:
		return p, errors.New("a request cannot carry both a form and JSON")
	case r.Fresh != nil && (r.Form != nil || r.JSON != nil):
		return p, errors.New("a request cannot carry a fresh body beside another one")
	case r.Form != nil:
		p.body = []byte(r.Form.Encode())
		setMissing(p.header, "Content-Type", "application/x-www-form-urlencoded")
	case r.JSON != nil:
		if p.body, err = json.Marshal(r.JSON); err != nil {
			return p, fmt.Errorf("the body cannot be written as JSON: %w", err)
		}
		setMissing(p.header, "Content-Type", "application/json")
	case r.Fresh != nil:
		p.fresh = r.Fresh
		setMissing(p.header, "Content-Type", "application/json")
	}
	return p, checkHeader(c.authorized(p))
}

// authorized is the header of one attempt.
func (c *Client) authorized(p prepared) http.Header {
	h := p.header.Clone()
	if c.cfg.Authorize != nil {
		c.cfg.Authorize(h)
	}
	return h
}

// checkHeader finds what net/http would refuse, most often a token that was read from a file together with its line's end.
func checkHeader(h http.Header) error {
	for name, values := range h {
		for _, value := range values {
			if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return fmt.Errorf("the header %s would hold a line break or control character; is there one in the credentials?", name)
			}
		}
	}
	return nil
}

// joinPath escapes each segment on its own. Empty and dot segments are refused: an empty id must never turn
// DELETE /x/{id} into DELETE /x/, and ".." into its parent, which proxies do even with escaped dots.
func joinPath(segments []string) (string, error) {
	if len(segments) == 0 {
		return "", errors.New("it has no path")
	}
	var b strings.Builder
	for i, segment := range segments {
		if segment == "" || hasDots(segment) {
			return "", fmt.Errorf("segment %d of the path below /%s is %q, which would address something else",
				i+1, strings.Join(segments[:i], "/"), segment)
		}
		b.WriteString("/" + url.PathEscape(segment))
	}
	return b.String(), nil
}

// hasDots reports whether a segment of a path is or contains "." or "..", also escaped: some servers and proxies
// resolve "a%2F..%2Fb" and "..;x", decode twice, or treat backslashes as slashes.
func hasDots(segment string) bool {
	for range maxUnescape {
		for part := range strings.FieldsFuncSeq(segment, func(r rune) bool { return r == '/' || r == '\\' }) {
			if part, _, _ = strings.Cut(part, ";"); part == "." || part == ".." {
				return true
			}
		}
		plain, err := url.PathUnescape(segment)
		if err != nil || plain == segment {
			return false
		}
		segment = plain
	}
	return false
}

// maxUnescape is how many times a path may be unescaped on its way.
const maxUnescape = 4

// parseBase never repeats the URL in its errors, which may hold a password.
func parseBase(text string) (*url.URL, error) {
	const right = "api_url must be like https://api.example.com/v1"
	base, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New(right + ", got something that is not a URL")
	case base.Scheme != "http" && base.Scheme != "https":
		return nil, fmt.Errorf("%s, got the scheme %q: only http and https are known", right, base.Scheme)
	case base.Hostname() == "":
		return nil, errors.New(right + ", got a URL without a host")
	case base.User != nil:
		return nil, errors.New(right + ", got one with a user name or password: credentials have options of their own")
	case base.RawQuery != "" || base.ForceQuery:
		return nil, errors.New(right + ", got one with a query (?…)")
	case strings.Contains(text, "#"):
		return nil, errors.New(right + ", got one with a fragment (#…)")
	case strings.TrimSpace(text) != text:
		return nil, errors.New(right + ", got one with a space at its end")
	case hasDots(base.EscapedPath()):
		return nil, errors.New(right + ", got one with . or .. in its path")
	case !validPort(base.Port()):
		return nil, fmt.Errorf("%s, got the port %s", right, base.Port())
	}
	base.Host = strings.ToLower(base.Host)
	return base.Parse(strings.TrimRight(base.EscapedPath(), "/") + "/")
}

// validPort reports whether a port is valid; "" is.
func validPort(port string) bool {
	n, err := strconv.Atoi(port)
	return port == "" || err == nil && n > 0 && n < 1<<16
}

// origin is what credentials belong to: scheme, host and port.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

func setMissing(h http.Header, name, value string) {
	if value != "" && h.Get(name) == "" {
		h.Set(name, value)
	}
}
