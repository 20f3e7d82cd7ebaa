// SPDX-License-Identifier: GPL-3.0-or-later

package httpapi

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/stackwatch/ansible-monitoring/pkg/pattern"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// What an *Error can be, besides a cancelled context.
var (
	ErrNotFound    = errors.New("not found")                              // 404 in the API's own form: proven absence
	ErrConflict    = errors.New("in conflict with what the server holds") // 409
	ErrAuth        = errors.New("credentials refused")                    // 401
	ErrForbidden   = errors.New("not allowed")                            // 403
	ErrRateLimited = errors.New("too many requests")                      // 429, longer than the call would wait
	ErrRefused     = errors.New("refused")                                // for good, whatever the status: the server did not act
	ErrTransient   = errors.New("transient failure")                      // would be tried again; all repeats were used up
	ErrUncertain   = errors.New("the server may have acted")              // a write whose answer was lost: look before sending it again
)

// Error is a call that failed. Its text and fields hold no credentials, no query and no header.
type Error struct {
	Method, Path string // the path without the base URL and the query
	Status       int    // 0 if no answer came
	Code, Msg    string // the vendor's own, or what went wrong
	Err          error  // one of the errors above or several, or the context's; nil for a plain refusal
	acted        bool   // a write went out, and no answer says what the server did
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Method + " " + e.Path)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": status %d %s", e.Status, http.StatusText(e.Status))
	}
	switch {
	case e.Msg != "":
		b.WriteString(": " + e.Msg)
	case e.Err != nil:
		b.WriteString(": " + e.Err.Error())
	}
	if e.Code != "" {
		b.WriteString(" [" + e.Code + "]")
	}
	return b.String()
}

// Answer is what a server said when it refused a call.
type Answer struct {
	Status    int
	Header    http.Header
	Code, Msg string // as Config.ParseError read them
}

// Lost is the error of a write that was answered, but not in a way that says what was done.
func Lost(text string) error { return &lost{text} }

type lost struct{ text string }

func (l *lost) Error() string { return l.text }

// Uncertain tells that the server may have acted.
func (l *lost) Uncertain() bool { return true }

// add appends text to the message, after a semicolon.
func (e *Error) add(text string) {
	if e.Msg == "" && e.Err != nil {
		e.Msg = e.Err.Error()
	}
	if e.Msg != "" {
		e.Msg += "; "
	}
	e.Msg += text
}

// note adds to the message, in parentheses where there is one.
func (e *Error) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if e.Msg == "" && e.Err != nil {
		e.Msg = e.Err.Error()
	}
	if e.Msg == "" {
		e.Msg = text
		return
	}
	e.Msg += " (" + text + ")"
}

// Unwrap makes errors.Is and errors.As see Err.
func (e *Error) Unwrap() error { return e.Err }

// Uncertain tells whether the server may have acted although the call failed.
func (e *Error) Uncertain() bool { return errors.Is(e.Err, ErrUncertain) }

// MayHaveActed reports whether the server may have acted on a write, one that can be repeated included.
func (e *Error) MayHaveActed() bool { return e.acted || e.Uncertain() }

const (
	maxQuote   = 200  // characters of a body that is not in the vendor's error form
	maxMessage = 1000 // characters of a vendor's message
)

// scrubber masks credentials in text, in every form in which they may come back.
type scrubber struct {
	short    *strings.Replacer // of what is too short for the redactor
	redactor *secret.Redactor
	more     func(string) string // Config.Redact, nil for nothing
}

func newScrubber(secrets []secret.Value, authorize func(http.Header), more func(string) string) *scrubber {
	var texts, pairs []string
	for _, s := range secrets {
		text := s.Reveal()
		texts = append(texts, text)
		if text != "" && utf8.RuneCountInString(text) < secret.MinRedacted {
			pairs = append(pairs, text, secret.Mask)
		}
	}
	if authorize != nil {
		h := http.Header{}
		authorize(h)
		for _, values := range h {
			for _, value := range values {
				// "Bearer x", "Basic eDp5": what follows the scheme is the secret, also decoded. What is shorter than secret.MinRedacted is no
				// credential.
				_, rest, _ := strings.Cut(value, " ")
				plain, _ := base64.StdEncoding.DecodeString(rest)
				_, password, _ := strings.Cut(string(plain), ":")
				texts = append(texts, value, rest, password)
			}
		}
	}
	return &scrubber{strings.NewReplacer(pairs...), secret.NewRedactor(texts...), more}
}

// userInfo is the credentials in a URL, such as a proxy's.
var userInfo = pattern.New(`://[^/?#\s"]*@`)

func (s *scrubber) text(text string) string {
	text = s.short.Replace(s.redactor.Redact(userInfo.ReplaceAllString(text, "://")))
	if s.more != nil {
		text = s.more(text)
	}
	return text
}

// maxRedacted is how much of a body is examined, far more than is ever shown.
const maxRedacted = 16 * 1024

// quote makes a body fit for an error text: no secrets, one line, at most limit characters.
func (s *scrubber) quote(body string, limit int) string {
	if len(body) > maxRedacted {
		body = body[:maxRedacted]
		// A body that is cut inside a secret must not show its first half.
		if end := strings.LastIndexFunc(body, unicode.IsSpace); end >= 0 {
			body = body[:end]
		}
	}
	body = strings.ToValidUTF8(body, "\uFFFD")
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s.text(body))
	clean = strings.Join(strings.Fields(clean), " ")
	if runes := []rune(clean); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return clean
}

// causes lets an *Error be several things at once.
type causes []error

func (c causes) Error() string {
	texts := make([]string, len(c))
	for i, err := range c {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (c causes) Unwrap() []error { return c }
