// SPDX-License-Identifier: GPL-3.0-or-later

package icingatest

import (
	"bytes"
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// methodOverride is the header by which a POST says that it is meant as another method.
const methodOverride = "X-HTTP-Method-Override"

// Recorder stands between a module and the real server. It has the server's name and certificate, passes on client
// certificates, and notes every call and injects faults as an emulator does. A POST that is meant as a GET is noted as the GET.
type Recorder struct {
	*emulator.Server

	// URL is the recorder's own; all else that leads to the server leads to the recorder too.
	URL string
}

// Record starts a recorder in front of the server, for one test. The options' token must be empty: the server itself judges
// who calls. While the server is down, calls end without an answer.
func (s *Server) Record(t testing.TB, opt emulator.Options) *Recorder {
	t.Helper()
	pki := func(name string) tls.Certificate {
		pair, err := tls.LoadX509KeyPair(filepath.Join(s.dir, "pki", name+".crt"), filepath.Join(s.dir, "pki", name+".key"))
		s.must(t, err)
		return pair
	}
	authority, err := s.authority()
	s.must(t, err)
	plain, err := s.transport()
	s.must(t, err)
	known, err := s.transport(pki("ansible"))
	s.must(t, err)

	recorder := emulator.New(opt, &upstream{url: s.URL, plain: plain, known: known})
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if method := r.Header.Get(methodOverride); method != "" && r.Method == http.MethodPost {
			r.Method = method
		}
		recorder.ServeHTTP(w, r)
	}))
	front.TLS = &tls.Config{
		Certificates: []tls.Certificate{pki("server")}, MinVersion: tls.VersionTLS12,
		ClientCAs: authority, ClientAuth: tls.VerifyClientCertIfGiven,
	}
	front.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that distrust the certificate are part of tests
	front.StartTLS()
	t.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
		plain.CloseIdleConnections()
		known.CloseIdleConnections()
	})
	return &Recorder{Server: recorder, URL: front.URL}
}

// upstream is the real server as an emulator's API.
type upstream struct {
	url          string
	plain, known *http.Transport // without and with the client certificate
}

// Serve passes a call on, as it was sent, and gives the answer as it came.
func (u *upstream) Serve(r *http.Request, body []byte) emulator.Response {
	method, transport := r.Method, u.plain
	if r.Header.Get(methodOverride) != "" {
		method = http.MethodPost
	}
	if len(r.TLS.PeerCertificates) > 0 {
		transport = u.known
	}
	// The request's own line is taken as it is: what is escaped in a name has to stay so.
	forward, err := http.NewRequestWithContext(r.Context(), method, u.url+r.RequestURI, bytes.NewReader(body))
	if err != nil {
		return emulator.Text(http.StatusBadRequest, err.Error())
	}
	forward.Header = r.Header.Clone()
	forward.Header.Del("Connection")
	response, err := transport.RoundTrip(forward)
	if err != nil {
		panic(http.ErrAbortHandler) // the server is away: so is the answer
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	for _, hop := range []string{"Connection", "Content-Length", "Transfer-Encoding"} {
		response.Header.Del(hop)
	}
	return emulator.Response{Status: response.StatusCode, Header: response.Header, Body: content}
}

// Authorised leaves the judgement to the server.
func (u *upstream) Authorised(*http.Request, string) bool { return true }

// Error is the server's own form of an error that concerns the whole call.
func (u *upstream) Error(status int) emulator.Response {
	return emulator.JSON(status, map[string]any{"error": status, "status": http.StatusText(status)})
}

// LimitHeaders adds nothing: there are no limits.
func (u *upstream) LimitHeaders(http.Header, []emulator.Window) {}

// State is empty: the server is asked itself.
func (u *upstream) State() any { return nil }

// Reset leaves the server's objects alone; a test that wants an empty server starts one.
func (u *upstream) Reset() {}
