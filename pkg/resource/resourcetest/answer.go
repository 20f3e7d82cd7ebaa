// SPDX-License-Identifier: GPL-3.0-or-later

package resourcetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Answer is what a module printed, decoded.
type Answer struct {
	Failed, Changed bool
	Msg             string
	Exception       string
	Objects         []Object `json:"-"` // under the module's own key
	Summary         map[string]int
	API             struct {
		Calls, Retries int
		SecondsWaited  float64 `json:"seconds_waited"`
	}
	Diff         []Diff
	Warnings     []string
	Deprecations []Deprecation
	Refused      []string

	Raw, Syslog string `json:"-"`
}

// Object is what an answer tells of one object.
type Object struct {
	Name, Type, Stack *string
	Host              *string // of an object that belongs to one
	Service           any     // likewise: a name, or a list of names
	ID                *string
	Action            string
	Changes           map[string]Change
	Reason, Error     string
}

// Change is one field that differs.
type Change struct{ Before, After any }

// Diff is one element of the diff.
type Diff struct {
	BeforeHeader string `json:"before_header"`
	AfterHeader  string `json:"after_header"`
	Before       map[string]any
	After        map[string]any
}

// Deprecation is one thing that should be written otherwise.
type Deprecation struct {
	Msg, Version string
	Collection   string `json:"collection_name"`
}

// Only gives the one object of an answer.
func (a Answer) Only(t testing.TB) Object {
	t.Helper()
	require.Len(t, a.Objects, 1, a.Raw)
	return a.Objects[0]
}

// Actions gives "name action" for each object, in order.
func (a Answer) Actions() []string {
	actions := make([]string, len(a.Objects))
	for i, object := range a.Objects {
		actions[i] = Text(object.Name) + " " + object.Action
	}
	return actions
}

// Text follows a pointer; nil is "(null)".
func Text(s *string) string {
	if s == nil {
		return "(null)"
	}
	return *s
}

// decode reads the answer of a module whose lists have these keys.
func decode(text []byte, plurals ...string) (Answer, error) {
	a := Answer{Raw: string(text)}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&a); err != nil {
		return a, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return a, errors.New("there is more than one JSON document")
	}
	var all map[string]json.RawMessage
	err := json.Unmarshal(text, &all)
	for _, plural := range plurals {
		var objects []Object
		if err == nil && all[plural] != nil {
			err = json.Unmarshal(all[plural], &objects)
		}
		a.Objects = append(a.Objects, objects...)
	}
	return a, err
}

// inconsistency says what in an answer contradicts itself, whatever the run was about. beside tells that more was changed than the objects,
// short that the task asked for an answer without what is unchanged.
func (a Answer) inconsistency(code int, token string, beside, short bool) string {
	counted := map[string]int{"created": 0, "updated": 0, "replaced": 0, "deleted": 0, "unchanged": 0, "failed": 0}
	for _, object := range a.Objects {
		if _, known := counted[object.Action]; !known {
			return fmt.Sprintf("the action %q is not documented", object.Action)
		}
		counted[object.Action]++
		if (object.Action == "failed") != (object.Error != "") {
			return fmt.Sprintf("action %s with the error %q", object.Action, object.Error)
		}
		if object.Action == "unchanged" && len(object.Changes) > 0 {
			return "unchanged, but with changes"
		}
	}
	if short {
		if counted["unchanged"] > 0 {
			return "an unchanged object in an answer with results: changed"
		}
		counted["unchanged"] = a.Summary["unchanged"]
	}
	done := counted["created"] + counted["updated"] + counted["replaced"] + counted["deleted"]
	switch {
	case (code != 0) != a.Failed:
		return fmt.Sprintf("the exit code %d does not agree with failed", code)
	case a.Msg == "":
		return "no message"
	case a.Exception != "":
		return "a panic"
	case strings.Contains(a.Raw, token):
		return "the API token is in the answer"
	case a.Summary != nil && !maps.Equal(a.Summary, counted):
		return "the summary does not count the objects"
	case a.Changed != (done > 0 || beside) && (done > 0 || counted["failed"] == 0): // what failed half-way has changed something too
		return "changed does not agree with the actions"
	case counted["failed"] > 0 && !a.Failed:
		return "an object failed and the task did not"
	case a.Diff != nil && len(a.Diff) != done:
		return "the diff does not show each change"
	}
	return ""
}
