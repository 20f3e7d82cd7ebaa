// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// mostWindows is how many maintenance windows a list shows at most, and without a limit.
const mostWindows = 25_000

// listWindows answers GET /maintenance. https://docs.pingdom.com/api/#tag/Maintenance/paths/~1maintenance/get
func (a *account) listWindows(c call) emulator.Response {
	return withQuery(func(query map[string]string, wrong problems) emulator.Response {
		p := parsePage(query, &wrong, mostWindows)
		compare, known := windowOrders()[query["orderby"]]
		if !known {
			wrong.add("orderby", "must be description, from, to or effectiveto")
		}
		order, ordered := query["order"]
		if ordered && (query["orderby"] == "" || order != "asc" && order != "desc") {
			wrong.add("order", "must be asc or desc, and requires orderby")
		}
		if len(wrong) > 0 {
			return invalid(wrong)
		}
		windows := a.windows.Listed(p.offset == 0)
		slices.SortStableFunc(windows, func(v, w *Window) int {
			if order == "desc" {
				return compare(w, v)
			}
			return compare(v, w)
		})
		return emulator.JSON(http.StatusOK, map[string]any{"maintenance": cut(windows, p, (*Window).shown)})
	}, "limit", "offset", "orderby", "order")(c)
}

// windowOrders are the orders of a list by the name of the parameter; without it the order is that of the ids.
func windowOrders() map[string]func(v, w *Window) int {
	return map[string]func(v, w *Window) int{
		"":            func(v, w *Window) int { return cmp.Compare(v.ID, w.ID) },
		"description": func(v, w *Window) int { return cmp.Compare(v.Description, w.Description) },
		"from":        func(v, w *Window) int { return cmp.Compare(v.From, w.From) },
		"to":          func(v, w *Window) int { return cmp.Compare(v.To, w.To) },
		"effectiveto": func(v, w *Window) int { return cmp.Compare(v.EffectiveTo, w.EffectiveTo) },
	}
}

func (w *Window) shown() map[string]any {
	return map[string]any{
		"id": w.ID, "description": w.Description, "from": w.From, "to": w.To,
		"recurrencetype": w.RecurrenceType, "repeatevery": w.RepeatEvery, "effectiveto": w.EffectiveTo,
		"checks": map[string]any{"uptime": append([]int{}, w.UptimeIDs...), "tms": append([]int{}, w.TMSIDs...)},
	}
}

// createWindow answers POST /maintenance. https://docs.pingdom.com/api/#tag/Maintenance/paths/~1maintenance/post
func (a *account) createWindow(p params) emulator.Response {
	w, wrong := a.makeWindow(p, a.opt.ListLag)
	if len(wrong) > 0 {
		return invalid(wrong)
	}
	return emulator.JSON(http.StatusOK, map[string]any{"maintenance": map[string]any{"id": w.ID}})
}

func (a *account) makeWindow(p params, lag int) (Window, problems) {
	var wrong problems
	for _, name := range []string{"description", "from", "to"} {
		if !p.has(name) {
			wrong.add(name, "is required")
		}
	}
	w := Window{RecurrenceType: "none"}
	wrong = append(wrong, decode(a, a.windowFields, "", false, p, &w)...)
	if len(wrong) == 0 {
		wrong = w.settle(p, Window{}, a.opt.Now().Unix())
	}
	if len(wrong) > 0 {
		return Window{}, wrong
	}
	w.ID = a.insertWindow(w, lag)
	return w, nil
}

// settle looks at what fields mean for each other and for the present; before is the window until now, without an id for a
// new one.
func (w *Window) settle(p params, before Window, now int64) problems {
	var wrong problems
	started := before.ID != 0 && before.From <= now
	switch {
	case started && w.From != before.From:
		wrong.add("from", "cannot be changed, the window has begun")
	case w.From != before.From && w.From < now:
		wrong.add("from", "must not be in the past")
	}
	switch {
	case w.To != before.To && w.To < now:
		wrong.add("to", "must not be in the past")
	case w.To < w.From || w.To == w.From && !started: // one that began this second may end in it
		wrong.add("to", "must be after from")
	}
	if w.RecurrenceType == "none" {
		if w.RepeatEvery != 0 {
			wrong.add("repeatevery", "requires recurrencetype")
		}
		if p.has("effectiveto") && w.EffectiveTo != w.To {
			wrong.add("effectiveto", "must be the same as to where nothing recurs")
		}
		w.EffectiveTo = w.To
		return wrong
	}
	if w.RepeatEvery == 0 {
		wrong.add("repeatevery", "must be at least 1 where the window recurs")
	}
	if w.EffectiveTo == 0 {
		w.EffectiveTo = w.To
	}
	if w.EffectiveTo < w.To {
		wrong.add("effectiveto", "must not be before to")
	}
	return wrong
}

// readWindow answers GET /maintenance/{id}. https://docs.pingdom.com/api/#tag/Maintenance/paths/~1maintenance~1{id}/get
func (a *account) readWindow(id string) emulator.Response {
	w := a.windows.Find(id)
	if w == nil {
		return noWindow()
	}
	return emulator.JSON(http.StatusOK, map[string]any{"maintenance": w.shown()})
}

// updateWindow answers PUT /maintenance/{id}: what is not sent stays.
// https://docs.pingdom.com/api/#tag/Maintenance/paths/~1maintenance~1{id}/put
func (a *account) updateWindow(id string, p params) emulator.Response {
	have := a.windows.Find(id)
	if have == nil {
		return noWindow()
	}
	now := a.opt.Now().Unix()
	if have.EffectiveTo <= now {
		return apiError(http.StatusForbidden, "A past maintenance window cannot be modified")
	}
	w := have.clone()
	wrong := decode(a, a.windowFields, "", true, p, &w)
	if len(wrong) == 0 {
		wrong = w.settle(p, *have, now)
	}
	if len(wrong) > 0 {
		return invalid(wrong)
	}
	*have = w
	return done("Maintenance window successfully modified!")
}

// deleteWindow answers DELETE /maintenance/{id}.
// https://docs.pingdom.com/api/#tag/Maintenance/paths/~1maintenance~1{id}/delete
func (a *account) deleteWindow(id string) emulator.Response {
	w := a.windows.Find(id)
	if w == nil {
		return noWindow()
	}
	if refused, is := a.refuseDeletion(w); is {
		return refused
	}
	a.windows.Remove(w.ID)
	return done("Maintenance window successfully deleted!")
}

// deleteWindows answers DELETE /maintenance, all or nothing.
// https://docs.pingdom.com/api/#tag/Maintenance/paths/~1maintenance/delete
func (a *account) deleteWindows(c call) emulator.Response {
	return withQuery(func(query map[string]string, wrong problems) emulator.Response {
		var named []int
		wrong = append(wrong, decode(a, map[string]field[Window]{
			"maintenanceids": {set: ids(func(*Window) *[]int { return &named }, false, nil)},
		}, "", true, merged(params{}, query), nil)...)
		if len(named) == 0 && len(wrong) == 0 {
			wrong.add("maintenanceids", "is required")
		}
		if len(wrong) > 0 {
			return invalid(wrong)
		}
		for _, id := range named {
			w := a.windows.Get(id)
			if w == nil {
				return noWindow()
			}
			if refused, is := a.refuseDeletion(w); is {
				return refused
			}
		}
		for _, id := range named {
			a.windows.Remove(id)
		}
		return done(fmt.Sprintf("%d maintenance windows successfully deleted.", len(named)))
	}, "maintenanceids")(c)
}

// refuseDeletion refuses to delete a window that has begun or is over.
func (a *account) refuseDeletion(w *Window) (emulator.Response, bool) {
	return apiError(http.StatusForbidden, "Only future maintenance windows can be deleted"), w.From <= a.opt.Now().Unix()
}

func noWindow() emulator.Response {
	return apiError(http.StatusNotFound, "Maintenance window not found")
}
