// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// readCredits answers GET /credits. https://docs.pingdom.com/api/#tag/Credits/paths/~1credits/get
func (a *account) readCredits(c call) emulator.Response {
	return withoutQuery(func() emulator.Response {
		return emulator.JSON(http.StatusOK, map[string]any{"credits": map[string]any{
			"checklimit": a.checkLimit, "availablechecks": max(0, a.checkLimit-a.checks.Len()),
			"useddefault": a.checks.Len(), "usedtransaction": 0,
			"availablesms": 50, "availablesmstests": 10, "autofillsms": false, "autofillsms_amount": 0, "autofillsms_when_left": 0,
			"max_sms_overage": nil, "availablerumsites": 0, "usedrumsites": 0, "maxrumfilters": 0, "maxrumpageviews": 0,
		}})
	})(c)
}

// listTeams answers GET /alerting/teams. https://docs.pingdom.com/api/#tag/Teams/paths/~1alerting~1teams/get
func (a *account) listTeams(c call) emulator.Response {
	return withoutQuery(func() emulator.Response {
		teams := []map[string]any{}
		for team := range a.teams.All() {
			members := []map[string]any{}
			for _, id := range team.Members {
				if contact := a.contacts.Get(id); contact != nil {
					members = append(members, map[string]any{"id": id, "name": contact.Name, "type": "contact"})
				}
			}
			teams = append(teams, map[string]any{"id": team.ID, "name": team.Name, "members": members})
		}
		return emulator.JSON(http.StatusOK, map[string]any{"teams": teams})
	})(c)
}

// listContacts answers GET /alerting/contacts. https://docs.pingdom.com/api/#tag/Contacts/paths/~1alerting~1contacts/get
func (a *account) listContacts(c call) emulator.Response {
	return withoutQuery(func() emulator.Response {
		contacts := []map[string]any{}
		for contact := range a.contacts.All() {
			contacts = append(contacts, a.shownContact(contact))
		}
		return emulator.JSON(http.StatusOK, map[string]any{"contacts": contacts})
	})(c)
}

func (a *account) shownContact(c *Contact) map[string]any {
	emails, teams := []map[string]string{}, []map[string]any{}
	for _, address := range c.Emails {
		emails = append(emails, map[string]string{"severity": "HIGH", "address": address})
	}
	for team := range a.teams.All() {
		if slices.Contains(team.Members, c.ID) {
			teams = append(teams, map[string]any{"id": team.ID, "name": team.Name})
		}
	}
	return map[string]any{
		"id": c.ID, "name": c.Name, "paused": false, "type": "contact", "owner": false,
		"notification_targets": map[string]any{"email": emails, "sms": []any{}}, "teams": teams,
	}
}

// listProbes answers GET /probes with one active probe a region and one that rests; the addresses are from the ranges for
// documentation. https://docs.pingdom.com/api/#tag/Probes/paths/~1probes/get
func (a *account) listProbes(c call) emulator.Response {
	return withQuery(func(query map[string]string, wrong problems) emulator.Response {
		wantFlags(query, &wrong, "onlyactive", "includedeleted")
		p := parsePage(query, &wrong, mostChecks)
		if len(wrong) > 0 {
			return invalid(wrong)
		}
		probes := []map[string]any{}
		for i, place := range [][4]string{
			{"Sweden", "SE", "Stockholm", "EU"}, {"United States", "US", "New York", "NA"}, {"Japan", "JP", "Tokyo", "APAC"},
			{"Brazil", "BR", "Sao Paulo", "LATAM"}, {"Germany", "DE", "Frankfurt", "EU"},
		} {
			active := i < len(regions())
			if active || query["onlyactive"] != "true" {
				probes = append(probes, map[string]any{
					"id": i + 1, "country": place[0], "countryiso": place[1], "city": place[2], "region": place[3],
					"name": place[2] + ", " + place[1], "active": active, "hostname": fmt.Sprintf("probe-%d.example.com", i+1),
					"ip": fmt.Sprintf("192.0.2.%d", i+1), "ipv6": fmt.Sprintf("2001:db8::%x", i+1),
				})
			}
		}
		shown := cut(probes, p, func(probe map[string]any) map[string]any { return probe })
		return emulator.JSON(http.StatusOK, map[string]any{"probes": shown})
	}, "limit", "offset", "onlyactive", "includedeleted")(c)
}
