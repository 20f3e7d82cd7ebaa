// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
)

//go:embed demo.json
var demoSeed []byte

// DemoSeed returns a small account for demonstrations, for Load: a few contact groups.
func DemoSeed() []byte { return bytes.Clone(demoSeed) }

// snapshot is an account's state at the start.
type snapshot struct {
	tests               []Test
	groups              []ContactGroup
	nextTest, nextGroup int
}

// Load adds contact groups and tests from JSON and makes the account as it then is the one that Reset returns to:
//
//	{"contact_groups": [{"name": "Operations", "email_addresses": ["ops@example.com"]}],
//	 "tests": [{"name": "Shop", "test_type": "HTTP", "website_url": "https://shop.example.com", "check_rate": 300,
//	            "contact_groups": ["300001"], "tags": ["shop"]}]}
//
// The fields are those of the API's creations and checked like them. Contact groups get the ids 300001, 300002 and so on,
// tests those from 6000001, in the order of the file. On an error the account is as it was.
func (e *Emulator) Load(data []byte) error {
	var file struct {
		ContactGroups []map[string]any `json:"contact_groups"`
		Tests         []map[string]any `json:"tests"`
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	if err := decoder.Decode(&file); err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("seed: the file must hold one JSON object, nothing after it")
	}

	a := e.account
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.snapshot()
	err := makeAll(file.ContactGroups, "contact_groups", a.makeGroup)
	if err == nil {
		err = makeAll(file.Tests, "tests", func(form url.Values) (string, problems) { return a.makeTest(form, 0) })
	}
	if err != nil {
		a.restore(before)
		return err
	}
	a.start = a.snapshot()
	return nil
}

func makeAll(items []map[string]any, what string, create func(url.Values) (string, problems)) error {
	for i, item := range items {
		form := url.Values{}
		for name, value := range item {
			if err := addToForm(form, name, value); err != nil {
				return fmt.Errorf("seed: %s[%d]: %w", what, i, err)
			}
		}
		if _, wrong := create(form); len(wrong) > 0 {
			return fmt.Errorf("seed: %s[%d]: %v", what, i, map[string][]string(wrong))
		}
	}
	return nil
}

func addToForm(form url.Values, name string, value any) error {
	items, isList := value.([]any)
	if !isList {
		text, err := scalar(name, value)
		form.Set(name, text)
		return err
	}
	if len(items) == 0 {
		form.Set(name, "")
	}
	for _, item := range items {
		text, err := scalar(name, item)
		if err != nil {
			return err
		}
		form.Add(name+"[]", text)
	}
	return nil
}

func scalar(name string, value any) (string, error) {
	switch value.(type) {
	case string, bool, json.Number:
		return fmt.Sprint(value), nil
	}
	return "", fmt.Errorf("%s must be a text, a number, a boolean or a list of them", name)
}

func (a *account) snapshot() snapshot {
	return snapshot{tests: a.copyTests(), groups: a.copyGroups(), nextTest: a.nextTest, nextGroup: a.nextGroup}
}

func (a *account) restore(s snapshot) {
	a.tests, a.groups = nil, nil
	for _, t := range s.tests {
		stored := t.clone()
		a.tests = append(a.tests, &stored)
	}
	for _, g := range s.groups {
		stored := g.clone()
		a.groups = append(a.groups, &stored)
	}
	a.nextTest, a.nextGroup = s.nextTest, s.nextGroup
}
