// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
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
// no JSON, so that nobody takes it for the absence of a check.
func (a *account) Serve(r *http.Request, body []byte) emulator.Response {
	path, inside := strings.CutPrefix(r.URL.EscapedPath(), BasePath+"/")
	if !inside {
		return noRoute()
	}
	call := call{query: r.URL.RawQuery, body: body, media: r.Header.Get("Content-Type")}
	collection, id, single := strings.Cut(path, "/")
	switch path {
	case "alerting/teams", "alerting/contacts":
		collection, single = path, false
	}
	if single && (id == "" || strings.Trim(id, "0123456789") != "") {
		return noRoute()
	}
	byMethod := a.collections()[collection]
	if single {
		byMethod = a.singles(id)[collection]
	}
	if byMethod == nil {
		return noRoute()
	}
	handle, known := byMethod[r.Method]
	if !known {
		resp := apiError(http.StatusMethodNotAllowed, "Method not allowed")
		resp.Header.Set("Allow", strings.Join(slices.Sorted(maps.Keys(byMethod)), ", "))
		return resp
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return handle(call)
}

func (a *account) collections() map[string]handlers {
	return map[string]handlers{
		"checks": {
			http.MethodGet: a.listChecks, http.MethodPost: withParams(a.createCheck),
			http.MethodPut: withParams(a.changeChecks), http.MethodDelete: a.deleteChecks,
		},
		"maintenance": {
			http.MethodGet: a.listWindows, http.MethodPost: withParams(a.createWindow), http.MethodDelete: a.deleteWindows,
		},
		"credits":           {http.MethodGet: a.readCredits},
		"probes":            {http.MethodGet: a.listProbes},
		"alerting/teams":    {http.MethodGet: a.listTeams},
		"alerting/contacts": {http.MethodGet: a.listContacts},
	}
}

func (a *account) singles(id string) map[string]handlers {
	return map[string]handlers{
		"checks": {
			http.MethodGet:    func(c call) emulator.Response { return a.readCheck(id, c) },
			http.MethodPut:    withParams(func(p params) emulator.Response { return a.updateCheck(id, p) }),
			http.MethodDelete: withoutQuery(func() emulator.Response { return a.deleteCheck(id) }),
		},
		"maintenance": {
			http.MethodGet:    withoutQuery(func() emulator.Response { return a.readWindow(id) }),
			http.MethodPut:    withParams(func(p params) emulator.Response { return a.updateWindow(id, p) }),
			http.MethodDelete: withoutQuery(func() emulator.Response { return a.deleteWindow(id) }),
		},
	}
}

// call is what of a request is left when its path and method are known.
type call struct {
	query string
	body  []byte
	media string
}

type handler = func(call) emulator.Response

type handlers map[string]handler

// withParams reads the fields from the body. Fields in the URL are refused, which the service does not do: see the package.
func withParams(handle func(params) emulator.Response) handler {
	return func(c call) emulator.Response {
		_, wrong := parseQuery(c.query)
		p, complaint := decodeBody(c)
		switch {
		case complaint != "":
			wrong = append(wrong, complaint)
		case len(p.values) == 0:
			wrong = append(wrong, "The request holds no parameter")
		}
		if len(wrong) > 0 {
			return invalid(wrong)
		}
		return handle(p)
	}
}

// withQuery reads the parameters from the URL; there must be no body.
func withQuery(handle func(query map[string]string, wrong problems) emulator.Response, allowed ...string) handler {
	return func(c call) emulator.Response {
		query, wrong := parseQuery(c.query, allowed...)
		if len(c.body) > 0 {
			wrong = append(wrong, "The request takes no body")
		}
		return handle(query, wrong)
	}
}

func withoutQuery(handle func() emulator.Response) handler {
	return withQuery(func(_ map[string]string, wrong problems) emulator.Response {
		if len(wrong) > 0 {
			return invalid(wrong)
		}
		return handle()
	})
}

// decodeBody reads a JSON object or a form, or complains.
func decodeBody(c call) (p params, complaint string) {
	if len(c.body) == 0 {
		return params{}, ""
	}
	media, _, err := mime.ParseMediaType(c.media)
	switch {
	case err == nil && media == "application/json":
		return decodeJSON(c.body)
	case err == nil && media == "application/x-www-form-urlencoded":
		return decodeForm(string(c.body))
	}
	return params{}, "The body must be sent as application/json or application/x-www-form-urlencoded"
}

func decodeJSON(body []byte) (p params, complaint string) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	err := decoder.Decode(&p.values)
	if _, more := decoder.Token(); err != nil || p.values == nil || !errors.Is(more, io.EOF) {
		return params{}, "The body is not one JSON object"
	}
	return p, ""
}

func decodeForm(body string) (p params, complaint string) {
	form, err := url.ParseQuery(body)
	if err != nil {
		return params{}, "The body is not a well-formed form"
	}
	p = params{values: map[string]any{}, form: true}
	for name, values := range form {
		if len(values) > 1 {
			return params{}, "Parameter " + name + " is sent more than once"
		}
		p.values[name] = values[0]
	}
	return p, ""
}

// parseQuery reads query parameters, each of which must be allowed, sent once, and have a value.
func parseQuery(raw string, allowed ...string) (map[string]string, problems) {
	var wrong problems
	values, err := url.ParseQuery(raw)
	if err != nil {
		wrong = append(wrong, "The query is not well-formed")
	}
	query := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch sent := values[name]; {
		case !slices.Contains(allowed, name):
			wrong.add(name, "is not known")
		case len(sent) > 1:
			wrong.add(name, "is sent more than once")
		case sent[0] == "":
			wrong.add(name, "must not be empty")
		default:
			query[name] = sent[0]
		}
	}
	return query, wrong
}

// wantFlags complains about parameters that are neither true nor false.
func wantFlags(query map[string]string, wrong *problems, names ...string) {
	for _, name := range names {
		if sent, is := query[name]; is && sent != "true" && sent != "false" {
			wrong.add(name, "must be true or false")
		}
	}
}

// page is the part of a list that a request asks for.
type page struct{ offset, limit int }

// parsePage reads limit and offset. Without a limit there is no offset.
func parsePage(query map[string]string, wrong *problems, most int) page {
	p := page{limit: most}
	number := func(name string, low, high int, target *int) {
		sent, is := query[name]
		n, err := strconv.Atoi(sent)
		switch {
		case !is:
		case err != nil || n < low || n > high:
			wrong.add(name, fmt.Sprintf("must be a whole number between %d and %d", low, high))
		default:
			*target = n
		}
	}
	number("limit", 1, most, &p.limit)
	number("offset", 0, math.MaxInt32, &p.offset)
	if _, limited := query["limit"]; !limited && p.offset > 0 {
		wrong.add("offset", "requires limit")
	}
	return p
}

// cut returns the page's part of the items, each as it is shown; never nil.
func cut[T any](items []T, p page, show func(T) map[string]any) []map[string]any {
	from := min(len(items), p.offset)
	to := min(len(items), from+p.limit)
	shown := make([]map[string]any, 0, to-from)
	for _, item := range items[from:to] {
		shown = append(shown, show(item))
	}
	return shown
}

func done(message string) emulator.Response {
	return emulator.JSON(http.StatusOK, map[string]string{"message": message})
}

func noRoute() emulator.Response { return emulator.Text(http.StatusNotFound, "404 page not found\n") }

func invalid(wrong problems) emulator.Response {
	return apiError(http.StatusBadRequest, strings.Join(wrong, "; "))
}

// missing answers a call that names a check that is not there.
func (a *account) missing() emulator.Response {
	status := a.quirks.MissingStatus
	if status == 0 {
		status = http.StatusForbidden
	}
	return apiError(status, "Invalid check identifier")
}

func apiError(status int, message string) emulator.Response {
	return emulator.JSON(status, map[string]any{"error": map[string]any{
		"statuscode": status, "statusdesc": http.StatusText(status), "errormessage": message,
	}})
}

// Error gives the vendor's envelope, with his words where they are known.
func (a *account) Error(status int) emulator.Response {
	switch status {
	case http.StatusTooManyRequests:
		return apiError(status, "Request limit exceeded, try again later")
	case http.StatusUnauthorized:
		return apiError(status, "Invalid access token")
	}
	return apiError(status, "Something went wrong")
}

// What is left where no limit is on.
const (
	plenty      = 99_999
	plentyReset = 3600 // seconds
)

// LimitHeaders writes the two headers of every answer. A window of a second plays the short one and that of a minute the
// long one, since tests and demonstrations have no month.
func (a *account) LimitHeaders(h http.Header, windows []emulator.Window) {
	short, long := limitText(plenty, plentyReset), limitText(plenty, plentyReset)
	for _, w := range windows {
		text := limitText(w.Remaining(), int(math.Ceil(w.Reset.Seconds())))
		if w.Size < time.Minute {
			short = text
		} else {
			long = text
		}
	}
	h.Set("Req-Limit-Short", short)
	h.Set("Req-Limit-Long", long)
}

func limitText(remaining, reset int) string {
	return fmt.Sprintf("Remaining: %d Time until reset: %d", remaining, reset)
}
