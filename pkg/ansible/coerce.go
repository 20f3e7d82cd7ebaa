// SPDX-License-Identifier: GPL-3.0-or-later

package ansible

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/stackwatch/ansible-monitoring/pkg/pattern"
)

// coerceOption coerces the value of an option. For a body it converts dictionaries and lists to JSON, as the filter
// to_json does.
func (e environment) coerceOption(o *Option, value any) (any, error) {
	if _, truth := value.(bool); o.Body && (truth || isStructured(value)) {
		var b jsonBuffer
		writeJSON(&b, value, pythonJSON) // as the filter to_json writes it
		return b.String(), nil
	}
	return e.coerce(o.Type, value)
}

// isStructured reports whether a value is a dictionary or a list.
func isStructured(value any) bool {
	switch value.(type) {
	case *dict, []any, tuple:
		return true
	default:
		return false
	}
}

// coerce makes a value of the named type out of what was given, or says in Ansible's words why it cannot.
func (e environment) coerce(wanted string, value any) (any, error) {
	switch wanted {
	case "str":
		return toStr(value), nil
	case "int":
		return toInt(value)
	case "float":
		return toFloat(value)
	case "bool":
		return toBool(value)
	case "list":
		return toList(value)
	case "dict":
		return toDict(value)
	case "path":
		return e.expandPath(toStr(value)), nil
	case "json", "jsonarg":
		return toJSON(value)
	case "bytes":
		return toBytes(value, false)
	case "bits":
		return toBytes(value, true)
	default: // raw
		return value, nil
	}
}

// toStr is Python's str(), but nothing for None.
func toStr(value any) string {
	if value == nil {
		return ""
	}
	return pyStr(value)
}

func toBool(value any) (any, error) {
	switch v := value.(type) {
	case bool:
		return v, nil
	case string:
		if truth, ok := boolWord(strings.TrimFunc(strings.ToLower(v), isSpace)); ok {
			return truth, nil
		}
	case int64, *big.Int, float64:
		if truth, ok := boolWord(v); ok {
			return truth, nil
		}
	default:
		return nil, fmt.Errorf("%s cannot be converted to a bool", className(value))
	}
	return nil, noBoolean(value)
}

func noBoolean(value any) error {
	return fmt.Errorf("The value '%s' is not a valid boolean. Valid booleans include: %s", pyStr(value), //nolint:staticcheck // Ansible's wording
		"'y', 'yes', 'on', '1', 'true', 't', 1, 'n', 'no', 'off', '0', 'false', 'f', 0")
}

// boolWord gives the truth of what Ansible counts as a boolean: twelve lower-case words and the numbers 0 and 1.
func boolWord(value any) (truth, ok bool) {
	switch v := value.(type) {
	case string:
		switch v {
		case "y", "yes", "on", "1", "true", "t":
			return true, true
		case "n", "no", "off", "0", "false", "f":
			return false, true
		}
	case bool:
		return v, true
	case int64:
		return v == 1, v == 0 || v == 1
	case float64:
		return v == 1, v == 0 || v == 1
	}
	return false, false
}

// maxDigits bounds integers as Python bounds their conversion to text.
const maxDigits = 4300

var decimal = pattern.New(`^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$`)

// toInt takes integers (booleans stay what they are) and whatever Python's Decimal reads as a whole number.
func toInt(value any) (any, error) {
	refused := fmt.Errorf(`"%s" cannot be converted to an int`, pyRepr(value))
	switch v := value.(type) {
	case bool, int64, *big.Int:
		return v, nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) || v != math.Trunc(v) {
			return nil, refused
		}
		n, _ := big.NewFloat(v).Int(nil)
		return integer(n), nil
	case string:
		// Decimal takes underscores wherever they stand.
		text := strings.ReplaceAll(asciiDigits(strings.TrimFunc(v, isSpace)), "_", "")
		if n, ok := wholeNumber(text); ok {
			return integer(n), nil
		}
	}
	return nil, refused
}

// wholeNumber reads decimal writing, exponent included, exactly.
func wholeNumber(text string) (*big.Int, bool) {
	if !decimal.MatchString(text) {
		return nil, false
	}
	mantissa, exponent := text, 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		var err error
		mantissa = text[:i]
		if exponent, err = strconv.Atoi(text[i+1:]); err != nil {
			exponent = maxDigits * maxDigits // beyond all bounds, and only zero may have it
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	exponent -= len(fraction)
	n, ok := new(big.Int).SetString(whole+fraction, 10)
	switch {
	case !ok:
		return nil, false
	case n.Sign() == 0:
		return n, true
	case exponent < 0:
		if -exponent > len(text) {
			return nil, false
		}
		var rest big.Int
		n.QuoRem(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-exponent)), nil), &rest)
		return n, rest.Sign() == 0 && len(n.String()) <= maxDigits
	case len(text)+exponent > maxDigits+1:
		return nil, false
	default:
		return n.Mul(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(exponent)), nil)), true
	}
}

// asciiDigits replaces the decimal digits of every script by those that strconv and big read.
func asciiDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf {
			return r
		}
		for _, table := range unicode.Nd.R16 {
			if lo, hi := rune(table.Lo), rune(table.Hi); r >= lo && r <= hi {
				return '0' + (r-lo)%10
			}
		}
		for _, table := range unicode.Nd.R32 {
			if lo, hi := rune(table.Lo), rune(table.Hi); r >= lo && r <= hi {
				return '0' + (r-lo)%10
			}
		}
		return r
	}, text)
}

// A number in Python's writing: underscores stand between digits only.
var float = pattern.New(`^[+-]?(?:(?:[0-9](?:_?[0-9])*)?\.?(?:[0-9](?:_?[0-9])*)?(?:[eE][+-]?[0-9](?:_?[0-9])*)?|(?i:inf|infinity|nan))$`)

func toFloat(value any) (any, error) {
	refused := fmt.Errorf("%s cannot be converted to a float", className(value))
	switch v := value.(type) {
	case float64:
		return v, nil
	case bool:
		if v {
			return 1.0, nil
		}
		return 0.0, nil
	case int64:
		return float64(v), nil
	case *big.Int:
		f, _ := new(big.Float).SetInt(v).Float64()
		if math.IsInf(f, 0) {
			return nil, refused
		}
		return f, nil
	case string:
		text := asciiDigits(strings.TrimFunc(v, isSpace))
		if !float.MatchString(text) {
			return nil, refused
		}
		if strings.EqualFold(strings.TrimLeft(text, "+-"), "nan") {
			return math.NaN(), nil
		}
		f, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return nil, refused
		}
		return f, nil
	default:
		return nil, refused
	}
}

func toList(value any) (any, error) {
	switch v := value.(type) {
	case []any:
		return v, nil
	case string:
		list := []any{}
		for part := range strings.SplitSeq(v, ",") {
			list = append(list, part)
		}
		return list, nil
	case bool, int64, *big.Int, float64:
		return []any{pyStr(value)}, nil
	default:
		return nil, fmt.Errorf("%s cannot be converted to a list", className(value))
	}
}

func toDict(value any) (any, error) {
	switch v := value.(type) {
	case *dict:
		return v, nil
	case string:
		if strings.HasPrefix(v, "{") {
			if parsed, err := decodeJSON(v); err == nil {
				return parsed, nil
			}
			if parsed, err := parseLiteral(v); err == nil {
				if d, ok := parsed.(*dict); ok {
					return d, nil
				}
			}
			return nil, errors.New("unable to evaluate string as dictionary")
		}
		if strings.Contains(v, "=") {
			return pairs(v)
		}
		return nil, errors.New("dictionary requested, could not parse JSON or key=value")
	default:
		return nil, fmt.Errorf("%s cannot be converted to a dict", className(value))
	}
}

// pairs reads key=value pairs between commas or spaces; quotes and backslashes protect both.
func pairs(text string) (any, error) {
	var fields []string
	var current strings.Builder
	var quote rune
	escaped := false
	flush := func() {
		if current.Len() > 0 {
			fields = append(fields, current.String())
		}
		current.Reset()
	}
	for _, r := range strings.TrimFunc(text, isSpace) {
		switch {
		case escaped:
			current.WriteRune(r)
			escaped = false
		case r == '\\':
			escaped = true
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
		case quote != 0 && quote == r:
			quote = 0
		case quote == 0 && (r == ',' || r == ' '):
			flush()
		default:
			current.WriteRune(r)
		}
	}
	flush()
	result := newDict()
	for _, f := range fields {
		key, value, ok := strings.Cut(f, "=")
		if !ok {
			return nil, errors.New(`unable to evaluate string in the "key=value" format as dictionary`)
		}
		result.set(key, value)
	}
	return result, nil
}

func toJSON(value any) (any, error) {
	switch v := value.(type) {
	case string:
		return strings.TrimFunc(v, isSpace), nil
	case []any, tuple, *dict:
		var b jsonBuffer
		writeJSON(&b, v, pythonJSON)
		return b.String(), nil
	default:
		return nil, fmt.Errorf("%s cannot be converted to a json string", className(value))
	}
}

var human = pattern.New(`^([0-9]*\.?[0-9]+)(?:[\s\v\x1c-\x1f\x{85}\p{Z}]*([A-Za-z]+))?[\s\v\x1c-\x1f\x{85}\p{Z}]*$`)

// toBytes reads sizes such as 10M or 1.5 GB; with bits the units are Mb and the like.
func toBytes(value any, bits bool) (any, error) {
	kind := "Byte"
	if bits {
		kind = "Bit"
	}
	refused := fmt.Errorf("%s cannot be converted to a %s value", className(value), kind)
	m := human.FindStringSubmatch(pyStr(value))
	if m == nil {
		return nil, refused
	}
	size, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return nil, refused
	}
	if unit := m[2]; unit != "" {
		factor, ok := unitFactor(unit, bits)
		if !ok {
			return nil, refused
		}
		size *= factor
	}
	if math.IsInf(size, 0) {
		return nil, refused
	}
	n, _ := big.NewFloat(math.RoundToEven(size)).Int(nil)
	return integer(n), nil
}

// unitFactor knows a unit by its first letter; what follows must be nothing, or say bytes or bits, whichever is wanted.
func unitFactor(unit string, bits bool) (float64, bool) {
	const letters = "BKMGTPEZY"
	initial := unit[0] &^ 0x20
	power := strings.IndexByte(letters, initial)
	if power < 0 {
		return 0, false
	}
	names := [...]string{"", "kilo", "mega", "giga", "tera", "peta", "exa", "zeta", "yotta"}
	word, letter := "byte", "B"
	if bits {
		word, letter = "bit", "b"
	}
	short := string(initial) + letter
	if power == 0 {
		short = letter
	}
	if len(unit) > 1 && strings.ToLower(unit) != names[power]+word && unit != short {
		return 0, false
	}
	return math.Ldexp(1, 10*power), true
}

// fromGo makes a value of what stands in Go code: a default, a choice, the value of a rule.
func fromGo(value any) any {
	switch v := value.(type) {
	case nil, bool, int64, float64, string, *big.Int, tuple, *dict:
		return v
	case []any:
		return v
	case int:
		return int64(v)
	default:
		text, err := json.Marshal(v)
		if err != nil {
			return fmt.Sprint(v)
		}
		decoded, err := decodeJSON(string(text))
		if err != nil {
			return fmt.Sprint(v)
		}
		return decoded
	}
}
