// SPDX-License-Identifier: GPL-3.0-or-later

package icingatest

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/servertest"
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
		pair, err := tls.LoadX509KeyPair(filepath.Join(s.process.Dir, "pki", name+".crt"), filepath.Join(s.process.Dir, "pki", name+".key"))
		s.must(t, err)
		return pair
	}
	authority, err := s.authority()
	s.must(t, err)
	plain, err := s.transport()
	s.must(t, err)
	known, err := s.transport(pki("ansible"))
	s.must(t, err)

	recorder := emulator.New(opt, &servertest.Upstream{
		URL: s.URL,
		Send: func(forward, call *http.Request) (*http.Response, error) {
			if call.Header.Get(methodOverride) != "" {
				forward.Method = http.MethodPost
			}
			if len(call.TLS.PeerCertificates) > 0 {
				return known.RoundTrip(forward)
			}
			return plain.RoundTrip(forward)
		},
		Failure: func(status int) emulator.Response {
			return emulator.JSON(status, map[string]any{"error": status, "status": http.StatusText(status)})
		},
	})
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
