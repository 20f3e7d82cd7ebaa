// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// listGroups answers GET /contact-groups. https://developers.statuscake.com/api/#operation/list-contact-groups
func (a *account) listGroups(r *http.Request) emulator.Response {
	query, wrong := parseQuery(r.URL.RawQuery, "page", "limit")
	p := parsePage(query, wrong)
	if len(wrong) > 0 {
		return invalid(wrong)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return answerPage(a.groups.Listed(false), p, a.metadata, func(g *ContactGroup) ContactGroup { return g.wire(false) })
}

// createGroup answers POST /contact-groups. https://developers.statuscake.com/api/#operation/create-contact-group
func (a *account) createGroup(form url.Values) emulator.Response {
	a.mu.Lock()
	defer a.mu.Unlock()
	id, wrong := a.makeGroup(form)
	if len(wrong) > 0 {
		return invalid(wrong)
	}
	return created(id)
}

func (a *account) makeGroup(form url.Values) (id string, wrong problems) {
	var g ContactGroup
	wrong = decode(a, a.groupFields, form, &g)
	if !form.Has("name") {
		wrong.add("name", "is required")
	}
	if len(wrong) > 0 {
		return "", wrong
	}
	return a.insertGroup(&g), nil
}

// getGroup answers GET /contact-groups/{group_id}. https://developers.statuscake.com/api/#operation/get-contact-group
func (a *account) getGroup(id string) emulator.Response {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.groups.Find(id)
	if g == nil {
		return notFound()
	}
	return emulator.JSON(http.StatusOK, map[string]any{"data": g.wire(true)})
}

// updateGroup answers PUT /contact-groups/{group_id}.
// https://developers.statuscake.com/api/#operation/update-contact-group
func (a *account) updateGroup(id string, form url.Values) emulator.Response {
	a.mu.Lock()
	defer a.mu.Unlock()
	have := a.groups.Find(id)
	if have == nil {
		return notFound()
	}
	if len(form) == 0 {
		return invalidRequest(noFields)
	}
	g := have.clone()
	if wrong := decode(a, a.groupFields, form, &g); len(wrong) > 0 {
		return invalid(wrong)
	}
	*have = g
	return noContent()
}

// deleteGroup answers DELETE /contact-groups/{group_id}, and tests forget the group.
// https://developers.statuscake.com/api/#operation/delete-contact-group
func (a *account) deleteGroup(id string) emulator.Response {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.groups.Remove(emulator.ParseID(id)) {
		return notFound()
	}
	for t := range a.tests.All() {
		t.ContactGroups = slices.DeleteFunc(t.ContactGroups, func(group string) bool { return group == id })
	}
	return noContent()
}
