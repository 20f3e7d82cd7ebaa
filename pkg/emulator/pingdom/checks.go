// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// mostChecks is how many checks a list shows at most, and without a limit.
const mostChecks = 25_000

// listChecks answers GET /checks. https://docs.pingdom.com/api/#tag/Checks/paths/~1checks/get
func (a *account) listChecks(c call) emulator.Response {
	return withQuery(func(query map[string]string, wrong problems) emulator.Response {
		wantFlags(query, &wrong, "include_tags", "include_severity", "showencryption")
		p := parsePage(query, &wrong, mostChecks)
		if len(wrong) > 0 {
			return invalid(wrong)
		}
		listed := a.checks.Listed(p.offset == 0)
		matching := listed
		if tags, filtered := query["tags"]; filtered {
			matching = slices.DeleteFunc(slices.Clone(listed), func(c *Check) bool { return !c.tagged(strings.Split(tags, ",")) })
		}
		counts := a.tagCounts()
		shown := cut(matching, p, func(c *Check) map[string]any { return a.overview(c, query, counts) })
		return emulator.JSON(http.StatusOK, map[string]any{
			"checks": shown,
			"counts": map[string]int{"total": len(listed), "limited": len(shown), "filtered": len(matching)},
		})
	}, "limit", "offset", "include_tags", "include_severity", "showencryption", "tags")(c)
}

// createCheck answers POST /checks. https://docs.pingdom.com/api/#tag/Checks/paths/~1checks/post
func (a *account) createCheck(p params) emulator.Response {
	if a.checks.Len() >= a.checkLimit {
		return apiError(http.StatusForbidden, "No free uptime checks available")
	}
	c, wrong := a.makeCheck(p, a.opt.ListLag)
	if len(wrong) > 0 {
		return invalid(wrong)
	}
	return emulator.JSON(http.StatusOK, map[string]any{"check": map[string]any{"id": c.ID, "name": c.Name}})
}

func (a *account) makeCheck(p params, lag int) (Check, problems) {
	kind, _ := value{raw: p.values["type"]}.text()
	var wrong problems
	if p.has("type") && !slices.Contains(Types(), kind) {
		wrong.add("type", fmt.Sprintf("must be one of %v", Types()))
		return Check{}, wrong
	}
	for _, name := range append([]string{"name", "host", "type"}, required(kind)...) {
		if !p.has(name) {
			wrong.add(name, "is required")
		}
	}
	c := defaults(kind)
	delete(p.values, "type") // no field that can be set: it has chosen them
	wrong = append(wrong, decode(a, a.checkFields, kind, false, p, &c)...)
	if !p.has("port") {
		c.Port = usualPort(kind, c.Encryption)
	}
	if wrong = append(wrong, c.settle(p)...); len(wrong) > 0 {
		return Check{}, wrong
	}
	c.ID = a.insertCheck(c, lag)
	return c, nil
}

// settle looks at what fields mean for each other, and fills in what follows from them.
func (c *Check) settle(p params) problems {
	var wrong problems
	if c.ShouldContain != "" && c.ShouldNotContain != "" {
		wrong.add("shouldcontain", "cannot be used together with shouldnotcontain")
	}
	if p.has("ssl_down_days_before") && c.SSLDownDaysBefore > 0 && !c.VerifyCertificate {
		wrong.add("ssl_down_days_before", "requires verify_certificate")
	}
	if p.has("tags") && p.has("addtags") {
		wrong.add("addtags", "cannot be used together with tags")
	}
	for _, name := range []string{"stringtosend", "stringtoexpect"} {
		if c.Type == "udp" && p.values[name] == "" {
			wrong.add(name, "must not be empty")
		}
	}
	if c.URL == "" && slices.Contains(overHTTP(), c.Type) {
		c.URL = defaultURL
	}
	for i, filter := range c.ProbeFilters {
		if region, long := cutRegion(filter); long {
			c.ProbeFilters[i] = region
		}
	}
	c.followAddress()
	return wrong
}

// readCheck answers GET /checks/{id}. https://docs.pingdom.com/api/#tag/Checks/paths/~1checks~1{checkid}/get
func (a *account) readCheck(id string, c call) emulator.Response {
	return withQuery(func(query map[string]string, wrong problems) emulator.Response {
		wantFlags(query, &wrong, "include_teams")
		if len(wrong) > 0 {
			return invalid(wrong)
		}
		have := a.checks.Find(id)
		if have == nil {
			return a.missing()
		}
		return emulator.JSON(http.StatusOK, map[string]any{"check": a.detail(have, query["include_teams"] == "true")})
	}, "include_teams")(c)
}

// updateCheck answers PUT /checks/{id}: what is not sent stays.
// https://docs.pingdom.com/api/#tag/Checks/paths/~1checks~1{checkid}/put
func (a *account) updateCheck(id string, p params) emulator.Response {
	have := a.checks.Find(id)
	if have == nil {
		return a.missing()
	}
	c := have.clone()
	for name := range p.values {
		if strings.HasPrefix(name, "requestheaders") {
			c.RequestHeaders = nil
		}
	}
	var wrong problems
	if p.has("type") {
		wrong.add("type", "cannot be changed")
		delete(p.values, "type")
	}
	wrong = append(wrong, decode(a, a.checkFields, c.Type, true, p, &c)...)
	if c.Encryption != have.Encryption && !p.has("port") {
		wrong.add("encryption", "cannot be switched without port")
	}
	if wrong = append(wrong, c.settle(p)...); len(wrong) > 0 {
		return invalid(wrong)
	}
	*have = c
	return done("Modification of check was successful!")
}

// changeChecks answers PUT /checks, which changes every check when it names none. Unknown ids are ignored.
// https://docs.pingdom.com/api/#tag/Checks/paths/~1checks/put
func (a *account) changeChecks(p params) emulator.Response {
	var named []int
	fields := map[string]field[Check]{
		"paused": a.checkFields["paused"], "resolution": a.checkFields["resolution"],
		"checkids": {set: ids(func(*Check) *[]int { return &named }, false, nil)},
	}
	var probe Check
	if wrong := decode(a, fields, "", true, p, &probe); len(wrong) > 0 {
		return invalid(wrong)
	}
	if len(named) == 0 {
		a.massChanges++
	}
	changed := 0
	for c := range a.checks.All() {
		if len(named) == 0 || slices.Contains(named, c.ID) {
			decode(a, fields, "", true, p, c)
			changed++
		}
	}
	return done(fmt.Sprintf("Modification of %d checks was successful!", changed))
}

// deleteCheck answers DELETE /checks/{id}. https://docs.pingdom.com/api/#tag/Checks/paths/~1checks~1{checkid}/delete
func (a *account) deleteCheck(id string) emulator.Response {
	have := a.checks.Find(id)
	if have == nil {
		return a.missing()
	}
	a.removeCheck(have.ID)
	return done("Deletion of check was successful!")
}

// deleteChecks answers DELETE /checks, whose ids are in the URL or in the body.
// https://docs.pingdom.com/api/#tag/Checks/paths/~1checks/delete
func (a *account) deleteChecks(c call) emulator.Response {
	query, wrong := parseQuery(c.query, "delcheckids")
	p, complaint := decodeBody(c)
	if complaint != "" {
		wrong = append(wrong, complaint)
	}
	var named []int
	wrong = append(wrong, decode(a, map[string]field[Check]{
		"delcheckids": {set: ids(func(*Check) *[]int { return &named }, false, nil)},
	}, "", true, merged(p, query), nil)...)
	if len(named) == 0 && len(wrong) == 0 {
		wrong.add("delcheckids", "is required")
	}
	if len(wrong) > 0 {
		return invalid(wrong)
	}
	for _, id := range named {
		if a.checks.Get(id) == nil && !a.quirks.IgnoreMissing {
			return a.missing()
		}
	}
	for _, id := range named {
		a.removeCheck(id)
	}
	return done("Deletion of checks was successful!")
}

// merged adds query parameters to those of a body.
func merged(p params, query map[string]string) params {
	if p.values == nil {
		p.values = map[string]any{}
	}
	for name, sent := range query {
		p.values[name] = sent
	}
	return p
}
