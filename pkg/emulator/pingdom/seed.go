// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"bytes"
	_ "embed"
	"fmt"
	"maps"
	"slices"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

//go:embed demo.json
var demoSeed []byte

// DemoSeed returns a small account for demonstrations, for Load: a few contacts and teams.
func DemoSeed() []byte { return bytes.Clone(demoSeed) }

// Load adds contacts, teams, checks and maintenance windows from JSON and makes the account as it then is the one that
// Reset returns to:
//
//	{"contacts": [{"name": "Ada", "emails": ["ada@example.com"]}],
//	 "teams": [{"name": "Operations", "members": [900001]}],
//	 "checks": [{"name": "Shop", "type": "http", "host": "shop.example.com", "encryption": true, "userids": "900001", "tags": ["shop"]}],
//	 "maintenance": [{"description": "Move", "from": 1, "to": 4102444800, "uptimeids": "8000001"}]}
//
// The fields of checks and windows are those of the API's creations and judged like them. Ids begin with 900001 for
// contacts, 700001 for teams, 8000001 for checks and 500001 for windows, in the order of the file. On an error the account
// is as it was.
func (e *Emulator) Load(data []byte) error {
	var file struct {
		Contacts    []Contact        `json:"contacts"`
		Teams       []Team           `json:"teams"`
		Checks      []map[string]any `json:"checks"`
		Maintenance []map[string]any `json:"maintenance"`
	}
	if err := emulator.DecodeSeed(data, &file); err != nil {
		return err
	}
	a := e.account
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.objects.clone()
	err := a.addPeople(file.Contacts, file.Teams)
	if err == nil {
		err = makeAll(file.Checks, "checks", func(p params) problems {
			_, wrong := a.makeCheck(p, 0)
			return wrong
		})
	}
	if err == nil {
		err = makeAll(file.Maintenance, "maintenance", func(p params) problems {
			_, wrong := a.makeWindow(p, 0)
			return wrong
		})
	}
	if err != nil {
		a.objects = before
		return err
	}
	a.start = a.objects.clone()
	return nil
}

func (a *account) addPeople(contacts []Contact, teams []Team) error {
	for i, contact := range contacts {
		if contact.ID != 0 || contact.Name == "" {
			return fmt.Errorf("seed: contacts[%d]: it needs a name and gets its id by itself", i)
		}
		a.contacts.Add(0, func(id int) Contact {
			contact.ID = id
			return contact
		})
	}
	for i, team := range teams {
		unknown := slices.ContainsFunc(team.Members, func(id int) bool { return a.contacts.Get(id) == nil })
		if team.ID != 0 || team.Name == "" || unknown {
			return fmt.Errorf("seed: teams[%d]: it needs a name, gets its id by itself, and its members are ids of contacts", i)
		}
		a.teams.Add(0, func(id int) Team {
			team.ID = id
			return team
		})
	}
	return nil
}

func makeAll(items []map[string]any, what string, create func(params) problems) error {
	for i, item := range items {
		if wrong := create(params{values: maps.Clone(item)}); len(wrong) > 0 {
			return fmt.Errorf("seed: %s[%d]: %v", what, i, []string(wrong))
		}
	}
	return nil
}
