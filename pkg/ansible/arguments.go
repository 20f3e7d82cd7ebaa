// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// maxDepth bounds how deep arguments and results may nest; Python's own limit is near it.
const maxDepth = 900

// wrapper is the key under which Ansible passes the arguments to some styles of module.
const wrapper = "ANSIBLE_MODULE_ARGS"

// readArguments gives the module's arguments: the file that the last process argument names, or standard input where
// there is none or "-".
func readArguments(p Process, args []string) (*dict, error) {
	var text []byte
	var err error
	from := "standard input"
	if len(args) > 0 && args[0] != "-" {
		from = filepath.Base(args[0])
		text, err = os.ReadFile(args[0])
	} else {
		text, err = io.ReadAll(p.Stdin)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the module's arguments: %w", err)
	}
	value, err := decodeJSON(withoutBareNumbers(string(text)))
	if err != nil {
		return nil, fmt.Errorf("reading the module's arguments from %s: %w", from, err)
	}
	params, ok := value.(*dict)
	if !ok {
		return nil, fmt.Errorf("reading the module's arguments from %s: a JSON object is wanted, not %s", from, typeName(value))
	}
	if inner, ok := params.get(wrapper); ok {
		if params, ok = inner.(*dict); !ok {
			return nil, fmt.Errorf("reading the module's arguments from %s: %s must be a JSON object, not %s", from, wrapper, typeName(inner))
		}
	}
	return params, nil
}

// notANumber stands for NaN in what decodeNumber reads. Nothing else is written in this form.
const notANumber = "0.0E+0909"

// withoutBareNumbers replaces NaN and Infinity, which Python's JSON has and JSON lacks, so that the error can name the
// option. YAML has them as .inf and .nan.
func withoutBareNumbers(text string) string {
	if !strings.Contains(text, "NaN") && !strings.Contains(text, "Infinity") {
		return text
	}
	var b strings.Builder
	quoted := false
	for i := 0; i < len(text); i++ {
		switch rest := text[i:]; {
		case quoted && text[i] == '\\' && i+1 < len(text):
			b.WriteByte(text[i])
			i++
			b.WriteByte(text[i])
		case text[i] == '"':
			quoted = !quoted
			b.WriteByte('"')
		case !quoted && strings.HasPrefix(rest, "NaN"):
			b.WriteString(notANumber)
			i += len("NaN") - 1
		case !quoted && strings.HasPrefix(rest, "Infinity"):
			b.WriteString("1e999")
			i += len("Infinity") - 1
		default:
			b.WriteByte(text[i])
		}
	}
	return b.String()
}

// decodeJSON reads one JSON text. A lone surrogate becomes U+FFFD; a key that comes twice keeps its last value.
func decodeJSON(text string) (any, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	value, err := decodeValue(dec, 0)
	if err == nil {
		var more json.Token
		if more, err = dec.Token(); errors.Is(err, io.EOF) {
			return value, nil
		} else if err == nil {
			err = fmt.Errorf("%T after the end of the value", more)
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errors.New("not valid JSON: the text ends too early")
	}
	// The offset alone: the text itself may hold secrets.
	return nil, fmt.Errorf("not valid JSON (near byte %d): %w", dec.InputOffset(), err)
}

func decodeValue(dec *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d levels", maxDepth)
	}
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Number:
		return decodeNumber(string(t)), nil
	case json.Delim:
		if t == '[' {
			return decodeList(dec, depth)
		}
		return decodeObject(dec, depth)
	default:
		return t, nil
	}
}

func decodeList(dec *json.Decoder, depth int) (any, error) {
	list := []any{}
	for dec.More() {
		item, err := decodeValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	_, err := dec.Token()
	return list, err
}

func decodeObject(dec *json.Decoder, depth int) (any, error) {
	object := newDict()
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, err
		}
		key, ok := token.(string)
		if !ok {
			return nil, fmt.Errorf("a key of an object is %T", token)
		}
		item, err := decodeValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		object.set(key, item)
	}
	_, err := dec.Token()
	return object, err
}

// decodeNumber tells integers from others by their writing, as Python does. The decoder has checked the text.
func decodeNumber(text string) any {
	if text == notANumber {
		return math.NaN()
	}
	if !strings.ContainsAny(text, ".eE") {
		if n, ok := new(big.Int).SetString(text, 10); ok {
			return integer(n)
		}
	}
	f, _ := strconv.ParseFloat(text, 64) // out of range is an infinity or zero, in Python too
	return f
}
