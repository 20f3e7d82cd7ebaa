// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

//go:embed demo.json
var demoSeed []byte

// DemoSeed returns a small account for demonstrations, for Load: a few contact groups.
func DemoSeed() []byte { return bytes.Clone(demoSeed) }

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
	if err := emulator.DecodeSeed(data, &file); err != nil {
		return err
	}
	a := e.account
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.objects.clone()
	err := makeAll(file.ContactGroups, "contact_groups", a.makeGroup)
	if err == nil {
		err = makeAll(file.Tests, "tests", func(form url.Values) (string, problems) { return a.makeTest(form, 0) })
	}
	if err != nil {
		a.objects = before
		return err
	}
	a.start = a.objects.clone()
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
