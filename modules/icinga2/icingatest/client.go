// SPDX-License-Identifier: GPL-3.0-or-later

package icingatest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"testing"
	"time"
)

// Client calls a server as one of its users, for what a test arranges and checks. It shares no code with the modules, so that
// a mistake of theirs cannot hide itself.
type Client struct {
	user, password, url string
	http                *http.Client
}

// Answer is what the server said.
type Answer struct {
	Status  int
	Results []Result // of the answers that have them
	Body    []byte
}

// Result is one of an answer's results: of an object that was read, or of one that was written.
type Result struct {
	Name   string         `json:"name"`
	Type   string         `json:"type"`
	Attrs  map[string]any `json:"attrs"`
	Code   float64        `json:"code"`
	Status any            `json:"status"`
	Errors []string       `json:"errors"`
}

// Client gives a client that calls as a user.
func (s *Server) Client(t testing.TB, user string) *Client {
	t.Helper()
	c, err := s.client(user)
	s.must(t, err)
	return c
}

func (s *Server) client(user string) (*Client, error) {
	transport, err := s.transport()
	if err != nil {
		return nil, err
	}
	return &Client{user: user, password: s.Password(user), url: s.URL, http: &http.Client{Transport: transport, Timeout: time.Minute}}, nil
}

// transport trusts the server's authority alone.
func (s *Server) transport(certificates ...tls.Certificate) (*http.Transport, error) {
	pool, err := s.authority()
	if err != nil {
		return nil, err
	}
	return &http.Transport{
		DialContext:         dial,
		TLSClientConfig:     &tls.Config{RootCAs: pool, ServerName: s.Name, Certificates: certificates, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     5 * time.Second, // sooner than the server's ten, so that no call meets a closing connection
	}, nil
}

func (s *Server) authority() (*x509.CertPool, error) {
	pem, err := os.ReadFile(s.CA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in " + s.CA)
	}
	return pool, nil
}

// Do sends one call; a body of nil is none, any other is sent as JSON. It fails the test only if there is no answer.
func (c *Client) Do(t testing.TB, method, path string, body any) Answer {
	t.Helper()
	answer, err := c.do(t, method, path, body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer
}

func (c *Client) do(t testing.TB, method, path string, body any) (Answer, error) {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return Answer{}, err
		}
	}
	// Clean-ups call too, when the test's own context has ended.
	r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, c.url+path, bytes.NewReader(content))
	if err != nil {
		return Answer{}, err
	}
	r.SetBasicAuth(c.user, c.password)
	r.Header.Set("Accept", "application/json")
	if method == http.MethodGet && body != nil {
		r.Method = http.MethodPost // many servers and proxies drop the body of a GET
		r.Header.Set(methodOverride, http.MethodGet)
	}
	response, err := c.http.Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	answer := Answer{Status: response.StatusCode}
	if answer.Body, err = io.ReadAll(response.Body); err != nil {
		return Answer{}, err
	}
	var decoded struct{ Results []Result }
	if json.Unmarshal(answer.Body, &decoded) == nil { // what is no JSON has no results
		answer.Results = decoded.Results
	}
	return answer, nil
}

// Path gives the path of an object, or of all objects of a kind where name is empty: Path("services", "web1!ping").
func Path(kind, name string) string {
	path := "/v1/objects/" + kind
	if name != "" {
		path += "/" + url.PathEscape(name)
	}
	return path
}

// Put creates an object and fails the test if the server does not.
func (c *Client) Put(t testing.TB, kind, name string, attrs map[string]any, templates ...string) {
	t.Helper()
	body := map[string]any{"attrs": attrs}
	if len(templates) > 0 {
		body["templates"] = templates
	}
	c.done(t, http.MethodPut, Path(kind, name), body)
}

// Update sets attributes of an object and fails the test if the server does not.
func (c *Client) Update(t testing.TB, kind, name string, attrs map[string]any) {
	t.Helper()
	c.done(t, http.MethodPost, Path(kind, name), map[string]any{"attrs": attrs})
}

// Delete deletes an object and all that depends on it, and fails the test if the server does not.
func (c *Client) Delete(t testing.TB, kind, name string) {
	t.Helper()
	c.done(t, http.MethodDelete, Path(kind, name)+"?cascade=1", nil)
}

func (c *Client) done(t testing.TB, method, path string, body any) {
	t.Helper()
	answer := c.Do(t, method, path, body)
	ok := answer.Status == http.StatusOK && len(answer.Results) > 0
	for _, result := range answer.Results {
		ok = ok && result.Code == http.StatusOK
	}
	if !ok {
		t.Fatalf("%s %s: %d %s", method, path, answer.Status, answer.Body)
	}
}

// Objects gives the attributes of all objects of a kind for which a filter holds (empty: of all), by name.
func (c *Client) Objects(t testing.TB, kind, filter string) map[string]map[string]any {
	t.Helper()
	var body any
	if filter != "" {
		body = map[string]any{"filter": filter}
	}
	answer := c.Do(t, http.MethodGet, Path(kind, ""), body)
	if answer.Status != http.StatusOK {
		t.Fatalf("the objects of kind %s: %d %s", kind, answer.Status, answer.Body)
	}
	objects := make(map[string]map[string]any, len(answer.Results))
	for _, result := range answer.Results {
		objects[result.Name] = result.Attrs
	}
	return objects
}

// Object gives the attributes of one object, or nil if there is none.
func (c *Client) Object(t testing.TB, kind, name string) map[string]any {
	t.Helper()
	answer := c.Do(t, http.MethodGet, Path(kind, name), nil)
	switch {
	case answer.Status == http.StatusNotFound:
		return nil
	case answer.Status != http.StatusOK || len(answer.Results) != 1:
		t.Fatalf("%s %s: %d %s", kind, name, answer.Status, answer.Body)
	}
	return answer.Results[0].Attrs
}

func (s *Server) programStart(t testing.TB) (float64, error) {
	c, err := s.client(Root)
	if err != nil {
		return 0, err
	}
	defer c.http.CloseIdleConnections()
	answer, err := c.do(t, http.MethodGet, "/v1/status/IcingaApplication", nil)
	if err != nil {
		return 0, err
	}
	var status struct {
		Results []struct {
			Status struct {
				Application struct {
					App struct {
						ProgramStart float64 `json:"program_start"`
					}
				} `json:"icingaapplication"`
			}
		}
	}
	if err := json.Unmarshal(answer.Body, &status); err != nil || len(status.Results) != 1 {
		return 0, fmt.Errorf("the status: %d %s", answer.Status, answer.Body)
	}
	return status.Results[0].Status.Application.App.ProgramStart, nil
}
