// SPDX-License-Identifier: GPL-3.0-or-later

package alertatest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/servertest"
)

// Recorder stands between the module and the real server. It notes every call and injects faults as an emulator does.
type Recorder struct {
	*emulator.Server

	// URL is the recorder's own, with the base path.
	URL string
}

// Record starts a recorder in front of the server, for one test. It serves the API below a base path such as /api, as Alerta's
// image does, or at the root where base is empty; the paths of the noted calls have it too. The options' token must be empty: the
// server itself judges who calls. While the server is down, calls end without an answer.
func (s *Server) Record(t testing.TB, base string, opt emulator.Options) *Recorder {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	recorder := emulator.New(opt, &servertest.Upstream{
		URL: s.URL,
		Send: func(forward, _ *http.Request) (*http.Response, error) {
			line, below := strings.CutPrefix(forward.URL.String(), s.URL+base)
			if !below {
				line = "/not-below-the-base-path"
			}
			address, err := forward.URL.Parse(s.URL + line)
			if err != nil {
				return nil, err
			}
			forward.URL = address
			return transport.RoundTrip(forward)
		},
		Failure: func(status int) emulator.Response {
			return emulator.JSON(status, map[string]any{
				"status": "error", "message": http.StatusText(status), "code": status, "errors": []string{}, "requestId": nil,
			})
		},
	})
	front := httptest.NewServer(recorder)
	t.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
		transport.CloseIdleConnections()
	})
	return &Recorder{Server: recorder, URL: front.URL + base}
}
