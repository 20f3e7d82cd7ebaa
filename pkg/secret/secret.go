// SPDX-License-Identifier: GPL-3.0-or-later

// Package secret holds values that must not be seen: API tokens, passwords, request headers.
// A Value answers every way of printing, logging or marshalling it with Mask; only Reveal gives the text away,
// and only the code that builds a request calls it.
package secret

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// Mask is what a non-empty Value shows of itself. It is the text that Ansible puts in place of a secret inside a longer text.
const Mask = "********"

// Value is a text that must not be seen. The zero Value is the empty text, which has nothing to hide and prints as "".
//
// As a mapstructure target it needs mapstructure.TextUnmarshallerHookFunc. Reflection that ignores methods still finds the
// text; nothing that prints or encodes does.
type Value struct{ text string }

var (
	_ fmt.Formatter  = Value{}
	_ slog.LogValuer = Value{}
)

// New makes a Value of a text.
func New(text string) Value { return Value{text} }

// Reveal gives the text itself.
func (v Value) Reveal() string { return v.text }

// IsZero tells whether the text is empty; encoders use it for omitzero.
func (v Value) IsZero() bool { return v.text == "" }

// Equal compares two values in a time that does not depend on where they differ.
func (v Value) Equal(w Value) bool {
	return subtle.ConstantTimeCompare([]byte(v.text), []byte(w.text)) == 1
}

// String is Mask, or "" for the empty text.
func (v Value) String() string {
	if v.text == "" {
		return ""
	}
	return Mask
}

// GoString is what %#v prints.
func (v Value) GoString() string { return fmt.Sprintf("secret.Value(%q)", v.String()) }

// Format answers every verb, %x and %d included, which would otherwise reach into the struct.
func (v Value) Format(f fmt.State, verb rune) {
	text := v.String()
	switch {
	case verb == 'v' && f.Flag('#'):
		text = v.GoString()
	case verb == 'q':
		text = fmt.Sprintf("%q", text)
	}
	_, _ = io.WriteString(f, text)
}

// MarshalText serves encoding/json, encoding/xml, YAML encoders and map keys.
func (v Value) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// MarshalBinary serves encoding/gob and caches built on it.
func (v Value) MarshalBinary() ([]byte, error) { return v.MarshalText() }

// MarshalYAML serves the YAML encoders that do not look for MarshalText.
func (v Value) MarshalYAML() (any, error) { return v.String(), nil }

// LogValue is what log/slog writes.
func (v Value) LogValue() slog.Value { return slog.StringValue(v.String()) }

// UnmarshalText takes the text as it is.
func (v *Value) UnmarshalText(text []byte) error {
	v.text = string(text)
	return nil
}
