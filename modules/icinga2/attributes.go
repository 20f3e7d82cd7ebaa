// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/stackwatch/ansible-monitoring/pkg/duration"
	"github.com/stackwatch/ansible-monitoring/pkg/pattern"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// Attributes are what hosts and services have in common: https://icinga.com/docs/icinga-2/latest/doc/09-object-types/#service
// They are options of the modules and the state of an object. nil is unset.
type Attributes struct {
	DisplayName           *string  `json:"display_name"            mapstructure:"display_name"`
	CheckCommand          *string  `json:"check_command"           mapstructure:"check_command"`
	MaxCheckAttempts      *int     `json:"max_check_attempts"      mapstructure:"max_check_attempts"`
	CheckPeriod           *string  `json:"check_period"            mapstructure:"check_period"`
	CheckTimeout          *seconds `json:"check_timeout"           mapstructure:"check_timeout"`
	CheckInterval         *seconds `json:"check_interval"          mapstructure:"check_interval"`
	RetryInterval         *seconds `json:"retry_interval"          mapstructure:"retry_interval"`
	EventCommand          *string  `json:"event_command"           mapstructure:"event_command"`
	CommandEndpoint       *string  `json:"command_endpoint"        mapstructure:"command_endpoint"`
	Volatile              *bool    `json:"volatile"                mapstructure:"volatile"`
	EnableActiveChecks    *bool    `json:"enable_active_checks"    mapstructure:"enable_active_checks"`
	EnablePassiveChecks   *bool    `json:"enable_passive_checks"   mapstructure:"enable_passive_checks"`
	EnableEventHandler    *bool    `json:"enable_event_handler"    mapstructure:"enable_event_handler"`
	EnableNotifications   *bool    `json:"enable_notifications"    mapstructure:"enable_notifications"`
	EnablePerfdata        *bool    `json:"enable_perfdata"         mapstructure:"enable_perfdata"`
	EnableFlapping        *bool    `json:"enable_flapping"         mapstructure:"enable_flapping"`
	FlappingThresholdLow  *float64 `json:"flapping_threshold_low"  mapstructure:"flapping_threshold_low"`
	FlappingThresholdHigh *float64 `json:"flapping_threshold_high" mapstructure:"flapping_threshold_high"`
	FlappingIgnoreStates  []string `json:"flapping_ignore_states"  mapstructure:"flapping_ignore_states"`
	Notes                 *string  `json:"notes"                   mapstructure:"notes"`
	NotesURL              *string  `json:"notes_url"               mapstructure:"notes_url"`
	ActionURL             *string  `json:"action_url"              mapstructure:"action_url"`
	IconImage             *string  `json:"icon_image"              mapstructure:"icon_image"`
	IconImageAlt          *string  `json:"icon_image_alt"          mapstructure:"icon_image_alt"`
	Vars                  Vars     `json:"vars"                    mapstructure:"vars"`
	// The server does not change these once the object exists.
	Templates []string `json:"templates" mapstructure:"templates"`
	Groups    []string `json:"groups"    mapstructure:"groups"`
	Zone      *string  `json:"zone"      mapstructure:"zone"`
}

// HostAttributes are those that only hosts have.
type HostAttributes struct {
	Address  *string `json:"address"  mapstructure:"address"`
	Address6 *string `json:"address6" mapstructure:"address6"`
}

// seconds is a duration of Icinga, read from a number of seconds or a text with units, or none for an attribute that
// takes null.
type seconds struct {
	text    string // as the user wrote it, until it is read
	seconds float64
	none    bool
}

// UnmarshalText only keeps the text: what is wrong with it is said by read, with the name of the option.
func (d *seconds) UnmarshalText(text []byte) error {
	d.text = string(text)
	return nil
}

// read parses the duration that the user wrote; an empty text clears the value where an attribute may have none.
func (d seconds) read(option string, orNone bool) (*seconds, error) {
	if orNone && strings.TrimSpace(d.text) == "" {
		return &seconds{none: true}, nil
	}
	length, err := duration.Parse(option, d.text, duration.Range{})
	return &seconds{seconds: length.Seconds()}, err
}

// UnmarshalJSON takes what the server tells: a number, a number as a text, or null. Any other text is a duration that no wish has.
func (d *seconds) UnmarshalJSON(data []byte) error {
	*d = seconds{}
	var text string
	switch {
	case bytes.Equal(data, []byte("null")):
		d.none = true
	case json.Unmarshal(data, &d.seconds) == nil:
	case json.Unmarshal(data, &text) == nil:
		var err error
		if d.seconds, err = strconv.ParseFloat(text, 64); err != nil {
			d.text = text
		}
	default:
		return fmt.Errorf("a duration must be a number, got: %s", data)
	}
	return nil
}

// MarshalJSON gives the number that the server takes.
func (d seconds) MarshalJSON() ([]byte, error) {
	switch {
	case d.none:
		return []byte("null"), nil
	case d.text != "":
		return json.Marshal(d.text)
	}
	return json.Marshal(d.seconds)
}

// Vars are custom variables of any depth, in the form that encoding/json gives them. Printed and encoded they are masked, see masked.
type Vars map[string]any

// MarshalJSON masks. What is sent to the server is the plain map.
func (v Vars) MarshalJSON() ([]byte, error) { return json.Marshal(v.masked()) }

// Format masks whatever the verb.
func (v Vars) Format(f fmt.State, _ rune) {
	text, err := json.Marshal(v)
	if err != nil {
		text = []byte(secret.Mask)
	}
	_, _ = f.Write(text)
}

// credential is what a variable's name has in it whose value is not to be seen.
var credential = pattern.New(`(?i)pass|secret|token|communit|auth|credential|private|pwd|(^|[_.-])(api)?_?key($|[_.-])|apikey`)

// masked hides all texts and numbers below names that look like those of credentials, and keeps the names.
func (v Vars) masked() map[string]any {
	shown, _ := mask(map[string]any(v), false, func(string) {}).(map[string]any)
	return shown
}

// credentials gives the texts that masked hides, as far as they are so long that a text which holds one is no chance.
func (v Vars) credentials() []string {
	var texts []string
	mask(map[string]any(v), false, func(text string) {
		if utf8.RuneCountInString(text) >= shortestSecret {
			texts = append(texts, text)
		}
	})
	return texts
}

// shortestSecret is how many characters a credential among the variables has at least that is hidden wherever it stands.
const shortestSecret = 8

// mask tells each text that it hides.
func mask(value any, hide bool, hidden func(text string)) any {
	switch v := value.(type) {
	case map[string]any:
		shown := make(map[string]any, len(v))
		for key, inner := range v {
			shown[key] = mask(inner, hide || credential.MatchString(key), hidden)
		}
		return shown
	case []any:
		shown := make([]any, len(v))
		for i, inner := range v {
			shown[i] = mask(inner, hide, hidden)
		}
		return shown
	case nil, bool:
		return v
	default:
		if !hide || v == "" {
			return v
		}
		if text, ok := v.(string); ok {
			hidden(text)
		}
		return secret.Mask
	}
}

// normal brings variables into the form that encoding/json gives them, in which all numbers are floats as they are on the server.
func (v Vars) normal() (Vars, error) {
	if v == nil {
		return nil, nil
	}
	text, err := json.Marshal(map[string]any(v))
	if err != nil {
		return nil, err
	}
	normal := map[string]any{}
	err = json.Unmarshal(text, &normal)
	for key, value := range normal { // null at the top deletes the variable, deeper ones count as absent
		normal[key] = withoutNulls(value)
	}
	round(normal)
	return normal, err
}

// round cuts numbers to the six decimals that the server's files have, also those behind maps and lists.
func round(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if _, leaf := inner.(string); !leaf {
				v[key] = round(inner)
			}
		}
	case []any:
		for i, inner := range v {
			v[i] = round(inner)
		}
	case float64:
		const decimals = 1e6
		if rounded := math.Round(v*decimals) / decimals; v != math.Trunc(v) && !math.IsInf(rounded, 0) {
			return rounded
		}
	}
	return value
}

// inexact returns an error for each number that the server would store differently: it holds doubles, and its files
// have six decimals.
func inexact(path string, value any) (errs []error) {
	const smallest = 1e-6
	exact := true
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			errs = append(errs, inexact(path+"."+key, v[key])...)
		}
	case []any:
		for i, inner := range v {
			errs = append(errs, inexact(fmt.Sprintf("%s[%d]", path, i), inner)...)
		}
	case int64:
		_, accuracy := new(big.Float).SetInt64(v).Float64()
		exact = accuracy == big.Exact
	case *big.Int:
		_, accuracy := new(big.Float).SetInt(v).Float64()
		exact = accuracy == big.Exact
	case float64:
		exact = v == 0 || math.Abs(v) >= smallest
	}
	if !exact {
		errs = append(errs, fmt.Errorf("value of %s must be a number that Icinga stores as it is, got: %v; write it in quotes", path, value))
	}
	return errs
}

// withoutNulls returns the variables without null values at any depth, and without dictionaries that hold nothing else.
// Where a variable was once set by its path, such as vars.disks.x, each reload brings the path back with null.
func (v Vars) withoutNulls() Vars {
	if v == nil {
		return nil
	}
	kept := Vars{}
	for key, value := range v {
		if value = withoutNulls(value); value != nil {
			kept[key] = value
		}
	}
	return kept
}

func withoutNulls(value any) any {
	dictionary, ok := value.(map[string]any)
	if !ok || len(dictionary) == 0 {
		return value
	}
	if kept := Vars(dictionary).withoutNulls(); len(kept) > 0 {
		return map[string]any(kept)
	}
	return nil
}

// unless returns the desired variables without those that equal the current ones; an empty dictionary counts as absent.
func (v Vars) unless(have Vars) Vars {
	desired := maps.Clone(v)
	maps.DeleteFunc(desired, func(name string, value any) bool {
		return value != nil && reflect.DeepEqual(withoutEmpty(value), withoutEmpty(have[name]))
	})
	return desired
}

// withoutEmpty returns a value without its empty dictionaries, nil where nothing is left.
func withoutEmpty(value any) any {
	dictionary, ok := value.(map[string]any)
	if !ok {
		return value
	}
	kept := map[string]any{}
	for key, inner := range dictionary {
		if inner = withoutEmpty(inner); inner != nil {
			kept[key] = inner
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return kept
}

// over gives the variables with those of a wish: its keys take the place of the same keys, null takes one away, and the others stay.
func (v Vars) over(have Vars) Vars {
	merged := maps.Clone(have)
	if merged == nil {
		merged = Vars{}
	}
	for key, value := range v {
		if value == nil {
			delete(merged, key)
		} else {
			merged[key] = value
		}
	}
	return merged
}

// since gives the variables that differ from earlier ones, with null for those that are gone.
func (v Vars) since(earlier Vars) Vars {
	changed := Vars{}
	for key := range earlier {
		if _, kept := v[key]; !kept {
			changed[key] = nil
		}
	}
	for key, value := range v {
		if was, there := earlier[key]; !there || !reflect.DeepEqual(was, value) {
			changed[key] = value
		}
	}
	return changed
}

// The marks of the suite among the variables.
const (
	managedBy = "managed_by"
	suite     = "stackwatch"
	stackVar  = "stack"
)

// stack gives the stack that variables mark an object as belonging to, "" for none, and whether it belongs to the suite at all.
func (v Vars) stack() (stack string, managed bool) {
	if v[managedBy] != suite {
		return "", false
	}
	stack, _ = v[stackVar].(string)
	return stack, true
}

// marks are the variables that the suite sets on an object of a stack, or of none.
func marks(stack string) Vars {
	vars := Vars{managedBy: suite}
	if stack != "" {
		vars[stackVar] = stack
	}
	return vars
}

// onlyMarked reports whether variables differ from earlier ones at most by the suite's marks, where there were none. Nobody has rules for these.
func (v Vars) onlyMarked(earlier Vars) bool {
	for name := range v.since(earlier) {
		if _, was := earlier[name]; was || name != managedBy && name != stackVar {
			return false
		}
	}
	return true
}

// subsequence tells whether all elements of part are in whole, in that order.
func subsequence(part, whole []string) bool {
	for _, element := range part {
		i := slices.Index(whole, element)
		if i < 0 {
			return false
		}
		whole = whole[i+1:]
	}
	return true
}

// subset tells whether all elements of part are in whole.
func subset(part, whole []string) bool {
	return !slices.ContainsFunc(part, func(element string) bool { return !slices.Contains(whole, element) })
}

// same compares values of one attribute that are not equal by ==, because they are behind pointers or hold maps.
func same(_ string, have, want any) bool { return reflect.DeepEqual(have, want) }

// toWire gives the attributes that changes set, in the API's form. Those that do not change after creation have places of their own.
func toWire(changes []reconcile.Change) map[string]any {
	attrs := make(map[string]any, len(changes))
	for _, c := range changes {
		switch after := c.After.(type) {
		case Vars:
			attrs[c.Field] = map[string]any(after)
		default:
			attrs[c.Field] = after
		}
	}
	return attrs
}
