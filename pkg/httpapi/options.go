// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Options are the options that every module has, under the names that playbooks use. Modules squash them into their own.
type Options struct {
	Timeout       float64 `mapstructure:"api_timeout"`     // seconds for one attempt, from connecting to the last byte
	Retries       int     `mapstructure:"api_retries"`     // repeats after transient failures; ten times as many after "too many requests"
	Concurrency   int     `mapstructure:"api_concurrency"` // requests under way at once
	RateLimit     float64 `mapstructure:"api_rate_limit"`  // requests a second for the account over all processes; 0 is no limit
	ValidateCerts bool    `mapstructure:"validate_certs"`
	CAPath        string  `mapstructure:"ca_path"` // PEM file, or folder of such, trusted beside the system's authorities
}

// TLSClient are the options of modules whose API is a server of the user's own, with certificates of its own authority.
type TLSClient struct {
	ClientCert string `mapstructure:"client_cert"` // PEM file; it may hold the key as well
	ClientKey  string `mapstructure:"client_key"`  // PEM file; empty if client_cert holds the key
	ServerName string `mapstructure:"server_name"` // the name in the server's certificate, where the URL has another or an address
}

const (
	maxTimeout     = 3600
	maxRetries     = 20
	maxConcurrency = 256
	maxRate        = 1000
)

// DefaultOptions are those of a module whose user says nothing.
func DefaultOptions() Options {
	return Options{Timeout: 30, Retries: 3, Concurrency: 8, RateLimit: 5, ValidateCerts: true}
}

// Validate says for each bad value which option it is, what it is and what would be right.
func (o Options) Validate() error {
	var bad []string
	check := func(ok bool, option, right string, got any) {
		if !ok {
			bad = append(bad, fmt.Sprintf("%s must be %s, got: %v", option, right, got))
		}
	}
	// Each comparison is written so that NaN fails it.
	check(o.Timeout > 0 && o.Timeout <= maxTimeout, "api_timeout", fmt.Sprintf("more than 0 and at most %d seconds", maxTimeout), o.Timeout)
	check(o.Retries >= 0 && o.Retries <= maxRetries, "api_retries", fmt.Sprintf("a number from 0 (never) to %d", maxRetries), o.Retries)
	check(o.Concurrency >= 1 && o.Concurrency <= maxConcurrency, "api_concurrency", fmt.Sprintf("a number from 1 to %d", maxConcurrency), o.Concurrency)
	check(o.RateLimit == 0 || o.RateLimit >= 0.01 && o.RateLimit <= maxRate, "api_rate_limit",
		fmt.Sprintf("0 (no limit) or from 0.01 to %d requests a second", maxRate), o.RateLimit)
	if len(bad) > 0 {
		return errors.New(strings.Join(bad, "; "))
	}
	return nil
}

// Validate refuses a key without a certificate.
func (t TLSClient) Validate() error {
	if t.ClientKey != "" && t.ClientCert == "" {
		return errors.New("client_key needs client_cert, the certificate that it belongs to")
	}
	return nil
}

func (c Config) validate() error {
	if err := c.Options.Validate(); err != nil {
		return err
	}
	if c.TotalTimeout < 0 {
		return fmt.Errorf("the total timeout must not be negative, got: %s", c.TotalTimeout)
	}
	return c.TLSClient.Validate()
}

func (o Options) timeout() time.Duration { return time.Duration(o.Timeout * float64(time.Second)) }
