// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"fmt"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// Authorised wants the token as a bearer token.
func (a *account) Authorised(r *http.Request, token string) bool { return emulator.Bearer(r, token) }

// Serve answers one call. The base path is matched exactly: what lies outside is not the vendor's, and the answer there is
// no JSON, so that nobody takes it for the absence of a test.
func (a *account) Serve(r *http.Request, body []byte) emulator.Response {
	rest, inside := strings.CutPrefix(r.URL.EscapedPath(), BasePath+"/")
	collection, id, single := strings.Cut(rest, "/")
	id, err := url.PathUnescape(id)
	if !inside || err != nil || single && (id == "" || strings.Contains(id, "/")) {
		return noRoute()
	}
	if complaint := wrongBody(r, body); complaint != "" {
		return invalidRequest(complaint)
	}
	switch {
	case collection == "uptime" && !single:
		return route(r, handlers{http.MethodGet: a.listTests, http.MethodPost: withForm(body, a.createTest)})
	case collection == "uptime":
		return route(r, handlers{
			http.MethodGet:    withoutQuery(func() emulator.Response { return a.getTest(id) }),
			http.MethodPut:    withForm(body, func(form url.Values) emulator.Response { return a.updateTest(id, form) }),
			http.MethodDelete: withoutQuery(func() emulator.Response { return a.deleteTest(id) }),
		})
	case collection == "contact-groups" && !single:
		return route(r, handlers{http.MethodGet: a.listGroups, http.MethodPost: withForm(body, a.createGroup)})
	case collection == "contact-groups":
		return route(r, handlers{
			http.MethodGet:    withoutQuery(func() emulator.Response { return a.getGroup(id) }),
			http.MethodPut:    withForm(body, func(form url.Values) emulator.Response { return a.updateGroup(id, form) }),
			http.MethodDelete: withoutQuery(func() emulator.Response { return a.deleteGroup(id) }),
		})
	case collection == "uptime-locations" && !single:
		return route(r, handlers{http.MethodGet: a.listLocations})
	}
	return noRoute()
}

type handler = func(*http.Request) emulator.Response

type handlers map[string]handler

func route(r *http.Request, byMethod handlers) emulator.Response {
	if handle, ok := byMethod[r.Method]; ok {
		return handle(r)
	}
	var methods []string
	for method := range byMethod {
		methods = append(methods, method)
	}
	slices.Sort(methods)
	resp := apiError(http.StatusMethodNotAllowed, "Method not allowed", nil)
	resp.Header.Set("Allow", strings.Join(methods, ", "))
	return resp
}

func wrongBody(r *http.Request, body []byte) string {
	if len(body) == 0 {
		return ""
	}
	if r.Method != http.MethodPost && r.Method != http.MethodPut {
		return "A " + r.Method + " request takes no body"
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return "The body must be sent as application/x-www-form-urlencoded"
	}
	return ""
}

func withForm(body []byte, handle func(url.Values) emulator.Response) handler {
	return withoutQuery(func() emulator.Response {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return invalidRequest("The body is not a well-formed form")
		}
		return handle(form)
	})
}

func withoutQuery(handle func() emulator.Response) handler {
	return func(r *http.Request) emulator.Response {
		if _, wrong := parseQuery(r.URL.RawQuery); len(wrong) > 0 {
			return invalid(wrong)
		}
		return handle()
	}
}

// parseQuery reads query parameters, each of which must be allowed, sent once, and (but for those that count by their
// presence) have a value.
func parseQuery(raw string, allowed ...string) (map[string]string, problems) {
	wrong := problems{}
	values, err := url.ParseQuery(raw)
	if err != nil {
		wrong.add("query", "is not well-formed")
	}
	query := map[string]string{}
	for name, sent := range values {
		presence := name == "matchany" || name == "nouptime"
		switch {
		case !slices.Contains(allowed, name):
			wrong.add(name, "is not a known parameter")
		case len(sent) > 1:
			wrong.add(name, "is sent more than once")
		case presence && sent[0] != "" && sent[0] != "true":
			wrong.add(name, "counts by its presence and takes no value")
		case !presence && sent[0] == "":
			wrong.add(name, "must not be empty")
		}
		query[name] = sent[0]
	}
	return query, wrong
}

// page is the part of a list that a request asks for.
type page struct{ number, limit int }

func parsePage(query map[string]string, wrong problems) page {
	in := func(name string, value, high int) int {
		if text, sent := query[name]; sent {
			wrong.add(name, between(func(n *int) *int { return n }, 1, high).set(nil, &value, []string{text}))
		}
		return value
	}
	return page{number: in("page", 1, math.MaxInt32), limit: in("limit", 25, 100)}
}

// answerPage cuts the page out of the items and shows each.
func answerPage[T, W any](items []T, p page, how ListMetadata, show func(T) W) emulator.Response {
	from := min(len(items), (p.number-1)*p.limit)
	to := min(len(items), from+p.limit)
	data := make([]W, 0, to-from)
	for _, item := range items[from:to] {
		data = append(data, show(item))
	}
	answer := map[string]any{"data": data}
	if how != MetadataMissing {
		total := len(items)
		if how == MetadataZeroTotal {
			total = 0
		}
		answer["metadata"] = map[string]int{
			"page": p.number, "per_page": p.limit, "page_count": max(1, (len(items)+p.limit-1)/p.limit), "total_count": total,
		}
	}
	return emulator.JSON(http.StatusOK, answer)
}

// noFields refuses an update without a body: the Swagger file requires one.
const noFields = "The request holds no field"

func created(id string) emulator.Response {
	return emulator.JSON(http.StatusCreated, map[string]any{"data": map[string]string{"new_id": id}})
}

func noContent() emulator.Response { return emulator.Response{Status: http.StatusNoContent} }

func notFound() emulator.Response { return apiError(http.StatusNotFound, "No results found", nil) }

func noRoute() emulator.Response { return emulator.Text(http.StatusNotFound, "404 page not found\n") }

func invalid(wrong problems) emulator.Response {
	return apiError(http.StatusBadRequest, "The provided parameters are invalid", wrong)
}

func invalidRequest(message string) emulator.Response {
	return apiError(http.StatusBadRequest, message, nil)
}

func apiError(status int, message string, wrong problems) emulator.Response {
	if wrong == nil {
		wrong = problems{}
	}
	return emulator.JSON(status, map[string]any{"message": message, "errors": wrong})
}

// Error gives the vendor's answers to bad tokens and too many calls (which has no body), and its error body for the rest.
func (a *account) Error(status int) emulator.Response {
	if status == http.StatusTooManyRequests {
		return emulator.Response{Status: status}
	}
	if status == http.StatusNotFound {
		return notFound()
	}
	return apiError(status, http.StatusText(status), nil)
}

// LimitHeaders writes the three headers of every answer. They speak of the window of one second, until that of a minute
// was hit: then the limit begins with the minute's and the reset is the minute's, too. An account without limits has none of them.
func (a *account) LimitHeaders(h http.Header, windows []emulator.Window) {
	if len(windows) == 0 {
		return
	}
	speaking := windows[0]
	var quotas []string
	for _, w := range slices.Backward(windows) {
		quotas = append(quotas, fmt.Sprintf("%d;w=%d", w.Max, int(w.Size/time.Second)))
	}
	if last := windows[len(windows)-1]; last.Over() {
		speaking = last
	}
	h.Set("X-Ratelimit-Limit", strconv.Itoa(speaking.Max)+", "+strings.Join(quotas, ", "))
	h.Set("X-Ratelimit-Remaining", strconv.Itoa(speaking.Remaining()))
	h.Set("X-Ratelimit-Reset", strconv.Itoa(int(math.Ceil(speaking.Reset.Seconds()))))
}
