// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// Servers and load balancers close idle connections after a minute or so, and a POST that meets that moment is
	// uncertain: better to connect anew before.
	defaultIdle    = 30 * time.Second
	maxHeaderBytes = 1 << 20
)

// newTransport speaks HTTP/1.1 only: the vendors' limits are a few requests a second, for which one request a connection
// is enough, and what was sent when a connection breaks is then known.
func newTransport(c Config) (*http.Transport, error) {
	config, err := tlsConfig(c.Options, c.TLSClient)
	if err != nil {
		return nil, err
	}
	o := c.Options
	dial := (&net.Dialer{Timeout: o.timeout()}).DialContext
	if c.QuickAck {
		dial = quickAck(dial)
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	proxy := http.ProxyFromEnvironment
	if c.NoProxy {
		proxy = nil
	}
	return &http.Transport{
		Proxy:                  proxy,
		DialContext:            dial,
		TLSHandshakeTimeout:    o.timeout(),
		TLSClientConfig:        config,
		Protocols:              &protocols,
		MaxConnsPerHost:        o.Concurrency,
		MaxIdleConns:           o.Concurrency,
		MaxIdleConnsPerHost:    o.Concurrency,
		IdleConnTimeout:        cmp.Or(c.Idle, defaultIdle),
		MaxResponseHeaderBytes: maxHeaderBytes,
	}, nil
}

func tlsConfig(o Options, client TLSClient) (*tls.Config, error) {
	config := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         client.ServerName,
		InsecureSkipVerify: !o.ValidateCerts, //nolint:gosec // the user's explicit word
	}
	if o.CAPath != "" {
		pool, err := readAuthorities(o.CAPath)
		if err != nil {
			return nil, fmt.Errorf("value of ca_path must be a file with certificates in PEM form or a folder of such, got: %s (%s)", o.CAPath,
				strings.TrimPrefix(whyUnread(err), o.CAPath+": "))
		}
		config.RootCAs = pool
	}
	if client.ClientCert != "" {
		key := client.ClientKey
		if key == "" {
			key = client.ClientCert
		}
		pair, err := readPair(client.ClientCert, key)
		if err != nil {
			return nil, fmt.Errorf("values of client_cert and client_key must be PEM files with a certificate and its own key, got: %s and %s (%s)",
				client.ClientCert, key, whyUnread(err))
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// readAuthorities adds the PEM certificates of a file, or of all files in a folder, to the system's authorities.
func readAuthorities(path string) (*x509.CertPool, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	files := []string{path}
	if info.IsDir() {
		// Every file: OpenSSL's folders hold links with names like 5ed36f99.0.
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, err
		}
		files = nil
		for _, entry := range entries {
			files = append(files, filepath.Join(path, entry.Name()))
		}
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // no system store to add to
	}
	found := false
	for _, file := range files {
		content, err := readFile(file)
		if err != nil && !info.IsDir() {
			return nil, err
		}
		found = pool.AppendCertsFromPEM(content) || found
	}
	if !found {
		return nil, errors.New("there is none in it")
	}
	return pool, nil
}

// readPair returns a certificate with its key.
func readPair(cert, key string) (tls.Certificate, error) {
	certPEM, err := readFile(cert)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyPEM, err := readFile(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(certPEM, keyPEM)
}

// maxFile is the size of the largest file that is read. The authorities of a whole system take less than 1 MiB.
const maxFile = 16 << 20

// readFile returns the content of a file that an option names. It refuses devices and pipes, which may never end.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	tooLarge := &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("larger than %d MiB", maxFile>>20)}
	if info.Size() > maxFile {
		return nil, tooLarge
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()                         // it was only read
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1)) // a file of /proc has no size and may have no end
	if err == nil && len(content) > maxFile {
		return nil, tooLarge
	}
	return content, err
}

// whyUnread leaves out the names of functions that errors of files and certificates have in them.
func whyUnread(err error) string {
	var file *fs.PathError
	if errors.As(err, &file) {
		return file.Path + ": " + file.Err.Error()
	}
	return strings.TrimPrefix(err.Error(), "tls: ")
}

// tlsHint tells failures of TLS, which repeating does not cure, and what to do about them. In all of them the server has
// refused the connection and not looked at any request, though TLS 1.3 may say so only after one was sent.
func tlsHint(err error) (hint string, found bool) {
	var untrusted *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert *net.OpError
	switch {
	case errors.As(err, &untrusted):
		return "the server's certificate is not accepted; ca_path can name its authority, validate_certs: false skips the check", true
	case errors.Is(err, http.ErrSchemeMismatch) || errors.As(err, &record):
		return "the server does not speak TLS on this port; is api_url right?", true
	case errors.As(err, &alert) && alert.Op == "remote error": // crypto/tls shows a server's alerts in no other way
		text := alert.Err.Error()
		switch {
		case strings.Contains(text, "certificate"):
			return "the server refuses the client certificate (client_cert, client_key)", true
		case strings.Contains(text, "protocol version"), strings.Contains(text, "handshake failure"):
			return "the server and this client (TLS 1.2 or newer) have no way to encrypt in common", true
		}
	}
	return "", false
}
