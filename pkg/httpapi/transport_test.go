// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func get(path string) Request { return Request{Method: http.MethodGet, Path: []string{path}} }

// gzipBomb is small on the wire: a MiB of zeros.
func gzipBomb(w http.ResponseWriter, _ *http.Request) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(make([]byte, 1<<20))
	z.Close()
	w.Header().Set("Content-Encoding", "gzip")
	w.Write(b.Bytes())
}

func TestRedirects(t *testing.T) {
	elsewhere := newServer(t)
	unencrypted, err := url.Parse(elsewhere.URL)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		method, location string
		status           int
		want             string // "" is followed
		uncertain        bool
	}{
		"within the API":            {"GET", "/v1/new?page=2", 302, "", false},
		"relative":                  {"GET", "new", 307, "", false},
		"to another port":           {"GET", elsewhere.URL + "/v1/x", 302, "redirects to http://127.0.0.1:" + unencrypted.Port(), false},
		"to another host":           {"GET", "http://other.example/x?secret=1", 308, "redirects to http://other.example:80, which", false},
		"to another scheme":         {"GET", "https://127.0.0.1/x", 301, "redirects to https://127.0.0.1:443, which", false},
		"with a user name":          {"GET", "//u:p@127.0.0.1/x", 301, "credentials are for", false},
		"to nowhere":                {"GET", "", 302, "without saying where to", false},
		"of a PUT":                  {"PUT", "/v1/new", 308, "redirects a write", false},
		"of a DELETE":               {"DELETE", "/v1/new", 303, "redirects a write", false},
		"of a POST":                 {"POST", "/v1/new", 307, "redirects a write", false},
		"of a POST that is done":    {"POST", "/v1/new", 303, "redirects a write", true},
		"of a POST to another host": {"POST", elsewhere.URL, 302, "redirects to", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, answer(c.status, "", "Location", c.location))
			client := newClient(t, s.URL+"/v1")
			err := client.Do(t.Context(), Request{Method: c.method, Path: []string{"x"}}, nil)
			if c.want == "" {
				require.NoError(t, err)
				require.Len(t, s.calls(), 2)
				assert.Contains(t, s.calls()[1].uri, "/v1/new")
				assert.Equal(t, "Bearer "+token, s.calls()[1].header.Get("Authorization"))
				assert.Equal(t, Stats{Calls: 2}, client.Stats())
				return
			}
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "secret=")
			assert.Equal(t, c.uncertain, errors.Is(err, ErrUncertain))
			assert.Len(t, s.calls(), 1)
		})
	}
	assert.Empty(t, elsewhere.calls())

	nonsense := newServer(t, repeat(20, answer(302, "", "Location", "http://["))...)
	assert.ErrorContains(t, newClient(t, nonsense.URL).Do(t.Context(), get("x"), nil), "failed to parse Location header")

	s := newServer(t, repeat(20, answer(302, "", "Location", "/x"))...)
	assert.ErrorContains(t, newClient(t, s.URL).Do(t.Context(), get("x"), nil), "redirects more than 5 times")
	assert.Len(t, s.calls(), 6)
}

// authority makes certificates for the tests and writes them as PEM files.
type authority struct {
	folder string
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{folder: t.TempDir()}
	var err error
	a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	require.NoError(t, err)
	a.cert, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	a.write(t, "ca.pem", pemBlock("CERTIFICATE", der))
	return a
}

// TestFileOptions_RefuseWhatIsNoFile holds that no option reads from a device or a pipe, which may have no end or no beginning.
func TestFileOptions_RefuseWhatIsNoFile(t *testing.T) {
	a := newAuthority(t)
	cert, key := a.client(t)
	certFile, keyFile := a.write(t, "client.pem", cert), a.write(t, "client.key", key)
	folder := t.TempDir()
	pipe, huge, link := filepath.Join(folder, "pipe"), filepath.Join(folder, "huge"), filepath.Join(folder, "link")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	require.NoError(t, os.Symlink("/dev/zero", link))
	require.NoError(t, os.WriteFile(huge, cert, 0o600))
	require.NoError(t, os.Truncate(huge, 1<<40))
	for path, want := range map[string]string{"/dev/zero": "not a regular file", link: "not a regular file", pipe: "not a regular file", huge: "larger than 16 MiB"} {
		for option, set := range map[string]setting{
			"ca_path":     func(c *Config) { c.CAPath = path },
			"client_cert": func(c *Config) { c.TLSClient = TLSClient{ClientCert: path, ClientKey: keyFile} },
			"client_key":  func(c *Config) { c.TLSClient = TLSClient{ClientCert: certFile, ClientKey: path} },
		} {
			_, err := New(testConfig("https://h", set))
			require.ErrorContains(t, err, option, path)
			require.ErrorContains(t, err, want, path)
			assert.ErrorContains(t, err, path)
		}
	}
	_, err := New(testConfig("https://h", func(c *Config) { c.TLSClient = TLSClient{ClientCert: folder} }))
	require.ErrorContains(t, err, "not a regular file")
	_, err = New(testConfig("https://h", func(c *Config) { c.CAPath = folder }))
	require.ErrorContains(t, err, "there is none in it", "what is no file in a folder is passed over")
	require.NoError(t, os.Symlink(filepath.Join(a.folder, "ca.pem"), filepath.Join(folder, "5ed36f99.0")))
	_, err = New(testConfig("https://h", func(c *Config) { c.CAPath = folder }))
	require.NoError(t, err, "links to files are files")
}

func pemBlock(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func (a *authority) write(t *testing.T, name string, content []byte) string {
	path := filepath.Join(a.folder, name)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

// client gives a certificate and its key.
func (a *authority) client(t *testing.T) (cert, key []byte) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "client"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, a.cert, &private.PublicKey, a.key)
	require.NoError(t, err)
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return pemBlock("CERTIFICATE", der), pemBlock("PRIVATE KEY", encoded)
}

func tlsServer(t *testing.T, config *tls.Config) *httptest.Server {
	s := httptest.NewUnstartedServer(http.HandlerFunc(fine))
	s.TLS = config
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func TestServerCertificate(t *testing.T) {
	s := tlsServer(t, &tls.Config{})
	a := newAuthority(t)
	ours := filepath.Join(t.TempDir(), "certs")
	require.NoError(t, os.Mkdir(ours, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(ours, "README"), []byte("not a certificate"), 0o600))
	file := filepath.Join(ours, "5ed36f99.0")
	require.NoError(t, os.WriteFile(file, pemBlock("CERTIFICATE", s.Certificate().Raw), 0o600))
	for name, c := range map[string]struct {
		set  setting
		want string
	}{
		"unknown":          {func(*Config) {}, "ca_path can name its authority"},
		"of another":       {func(c *Config) { c.CAPath = a.folder }, "ca_path can name its authority"},
		"file":             {func(c *Config) { c.CAPath = file }, ""},
		"folder":           {func(c *Config) { c.CAPath = ours }, ""},
		"not validated":    {func(c *Config) { c.ValidateCerts = false }, ""},
		"for another name": {func(c *Config) { c.CAPath, c.BaseURL = file, "https://localhost:"+portOf(t, s.URL) }, "not localhost"},
		"server_name says which": {func(c *Config) {
			c.CAPath, c.BaseURL, c.ServerName = file, "https://localhost:"+portOf(t, s.URL), "example.com"
		}, ""},
		"another server_name": {func(c *Config) { c.CAPath, c.ServerName = file, "icinga.example.org" }, "not icinga.example.org"},
	} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t, s.URL, c.set)
			err := client.Do(t.Context(), Request{Method: http.MethodPost, Path: []string{"x"}}, nil)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
			assert.NotErrorIs(t, err, ErrUncertain)
			assert.NotErrorIs(t, err, ErrTransient)
			assert.Zero(t, client.Stats())
		})
	}
}

func portOf(t *testing.T, text string) string {
	u, err := url.Parse(text)
	require.NoError(t, err)
	return u.Port()
}

func TestOldAndMissingTLS(t *testing.T) {
	old := tlsServer(t, &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10})
	insecure := func(c *Config) { c.ValidateCerts = false }
	err := newClient(t, old.URL, insecure).Do(t.Context(), get("x"), nil)
	require.ErrorContains(t, err, "no way to encrypt in common")
	assert.NotErrorIs(t, err, ErrTransient)

	plain := newServer(t)
	err = newClient(t, "https://"+plain.Listener.Addr().String()).Do(t.Context(), get("x"), nil)
	require.ErrorContains(t, err, "is api_url right?")
	assert.Empty(t, plain.calls())
}

func TestClientCertificate(t *testing.T) {
	a := newAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	s := tlsServer(t, &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool})
	cert, key := a.client(t)
	certFile, keyFile := a.write(t, "client.pem", cert), a.write(t, "client.key", key)
	bothFile := a.write(t, "both.pem", append(cert, key...))
	strangerCert, strangerKey := newAuthority(t).client(t)
	stranger := a.write(t, "stranger.pem", append(strangerCert, strangerKey...))
	for name, c := range map[string]struct {
		client TLSClient
		works  bool
	}{
		"cert and key": {TLSClient{ClientCert: certFile, ClientKey: keyFile}, true},
		"one file":     {TLSClient{ClientCert: bothFile}, true},
		"none":         {TLSClient{}, false},
		"a stranger's": {TLSClient{ClientCert: stranger}, false},
	} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t, s.URL, func(cfg *Config) { cfg.ValidateCerts, cfg.TLSClient = false, c.client })
			err := client.Do(t.Context(), get("x"), nil)
			if c.works {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, "refuses the client certificate (client_cert, client_key)")
			assert.NotErrorIs(t, err, ErrTransient)
		})
	}
	_, err := New(testConfig(s.URL, func(cfg *Config) { cfg.TLSClient = TLSClient{ClientCert: certFile, ClientKey: stranger} }))
	assert.ErrorContains(t, err, "got: "+certFile+" and "+stranger+" (private key does not match public key)")
}

// TestProxy_PrintsNothing runs in another process, whose output is all that there is to see.
func TestProxy_PrintsNothing(t *testing.T) {
	proxy := newServer(t, fine, drop, answer(200, page), answer(502, page), fine)
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), "HTTPAPI_TEST_JOB=proxy", "HTTP_PROXY="+proxy.URL, "http_proxy="+proxy.URL, "NO_PROXY=", "no_proxy=")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err)
	assert.Equal(t, "two calls, both fine", string(out))
	require.Len(t, proxy.calls(), 5)
	for _, call := range proxy.calls() {
		assert.Equal(t, "http://api.test/v1/x", call.uri)
	}
}

func jobProxy() int {
	c, err := New(testConfig("http://api.test/v1"))
	if err == nil {
		err = errors.Join(c.Do(context.Background(), get("x"), nil), c.Do(context.Background(), get("x"), &thing{}))
	}
	if err != nil {
		fmt.Print(err)
		return 1
	}
	fmt.Print("two calls, both fine")
	return 0
}

func BenchmarkDo(b *testing.B) {
	s := httptest.NewServer(http.HandlerFunc(fine))
	defer s.Close()
	c, err := New(testConfig(s.URL))
	require.NoError(b, err)
	defer c.Close()
	r := Request{Method: http.MethodPost, Path: []string{"uptime", "1"}, Form: url.Values{"name": {"web"}, "tags[]": {"a", "b"}}}
	b.ReportAllocs()
	for b.Loop() {
		var got thing
		if err := c.Do(b.Context(), r, &got); err != nil {
			b.Fatal(err)
		}
	}
}

// TestConnectionsAreClosedAtTheEnd: the program may have other calls to answer, each with a client of its own.
func TestConnectionsAreClosedAtTheEnd(t *testing.T) {
	closed := make(chan struct{}, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	var ends []func()
	c := newClient(t, server.URL, func(c *Config) { c.AtEnd = func(do func()) { ends = append(ends, do) } })
	require.NoError(t, c.Do(t.Context(), Request{Method: http.MethodGet, Path: []string{"things"}}, nil))
	require.Len(t, ends, 1)
	select {
	case <-closed:
		require.Fail(t, "the connection is kept for the next request")
	default:
	}
	ends[0]()
	<-closed
}
