// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// listTests answers GET /uptime. https://developers.statuscake.com/api/#operation/list-uptime-tests
func (a *account) listTests(r *http.Request) emulator.Response {
	query, wrong := parseQuery(r.URL.RawQuery, "page", "limit", "status", "tags", "matchany", "nouptime")
	p := parsePage(query, wrong)
	status := query["status"]
	if _, sent := query["status"]; sent && status != "up" && status != "down" {
		wrong.add("status", "must be up or down")
	}
	if len(wrong) > 0 {
		return invalid(wrong)
	}
	var tags []string
	if csv, sent := query["tags"]; sent {
		tags = strings.Split(csv, ",")
	}
	_, anyTag := query["matchany"]
	_, noUptime := query["nouptime"]

	a.mu.Lock()
	defer a.mu.Unlock()
	var matching []*Test
	for _, t := range a.tests.Listed(p.number == 1) {
		if (status == "" || status == t.Status) && t.tagged(tags, anyTag) {
			matching = append(matching, t)
		}
	}
	return answerPage(matching, p, a.metadata, func(t *Test) overview { return t.overview(!noUptime) })
}

func (t *Test) tagged(tags []string, anyTag bool) bool {
	found := 0
	for _, tag := range tags {
		if slices.Contains(t.Tags, tag) {
			found++
		}
	}
	return found == len(tags) || anyTag && found > 0
}

// createTest answers POST /uptime. https://developers.statuscake.com/api/#operation/create-uptime-test
func (a *account) createTest(form url.Values) emulator.Response {
	a.mu.Lock()
	defer a.mu.Unlock()
	id, wrong := a.makeTest(form, a.opt.ListLag)
	if len(wrong) > 0 {
		return invalid(wrong)
	}
	return created(id)
}

func (a *account) makeTest(form url.Values, lag int) (id string, wrong problems) {
	t := Test{Confirmation: defaultConfirmation, Timeout: defaultTimeout, TriggerRate: quirkTriggerRate}
	wrong = decode(a, a.testFields, form, &t)
	for _, name := range []string{"name", "test_type", "website_url", "check_rate"} {
		if !form.Has(name) {
			wrong.add(name, "is required")
		}
	}
	if len(wrong) > 0 {
		return "", wrong
	}
	if len(t.StatusCodes) == 0 {
		t.StatusCodes = DefaultStatusCodes()
	}
	return a.insertTest(&t, lag), nil
}

// getTest answers GET /uptime/{test_id}. https://developers.statuscake.com/api/#operation/get-uptime-test
func (a *account) getTest(id string) emulator.Response {
	a.mu.Lock()
	t := a.tests.Find(id)
	if t == nil {
		a.mu.Unlock()
		return notFound()
	}
	d := t.detail() // shares nothing with the stored test
	a.mu.Unlock()
	return emulator.JSON(http.StatusOK, map[string]any{"data": d})
}

// updateTest answers PUT /uptime/{test_id}: what is not sent stays.
// https://developers.statuscake.com/api/#operation/update-uptime-test
func (a *account) updateTest(id string, form url.Values) emulator.Response {
	a.mu.Lock()
	defer a.mu.Unlock()
	have := a.tests.Find(id)
	if have == nil {
		return notFound()
	}
	if len(form) == 0 {
		return invalidRequest(noFields)
	}
	t := have.clone()
	if wrong := decode(a, a.testUpdateFields, form, &t); len(wrong) > 0 {
		return invalid(wrong)
	}
	*have = t
	return noContent()
}

// deleteTest answers DELETE /uptime/{test_id}. https://developers.statuscake.com/api/#operation/delete-uptime-test
func (a *account) deleteTest(id string) emulator.Response {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.tests.Remove(emulator.ParseID(id)) {
		return notFound()
	}
	return noContent()
}
