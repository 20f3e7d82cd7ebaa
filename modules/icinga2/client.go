// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// client is the part of Icinga's API that the modules use: https://icinga.com/docs/icinga-2/latest/doc/12-icinga2-api/
// Its methods wrap httpapi.Error.
type client struct {
	http        *httpapi.Client
	warn        func(format string, args ...any)
	hide        func(secret.Value) // in the answer, wherever it stands
	concurrency int                // requests at a time
	now         func() time.Time
	// plain is what follows http:// in the URL, "" where that is https.
	plain string

	mu      sync.Mutex
	started float64 // when the server's process began, as of the first write; 0 before
}

// Connection are the options by which every module of this package reaches a server.
type Connection struct {
	API      httpapi.Options   `mapstructure:",squash"`
	TLS      httpapi.TLSClient `mapstructure:",squash"`
	APIURL   string            `mapstructure:"api_url"`
	UseProxy bool              `mapstructure:"use_proxy"`
	Username *string           `mapstructure:"username"`
	Password *secret.Value     `mapstructure:"password"`
}

// connectionRules are what the documentation cannot say about Connection. A module adds them to its own.
func connectionRules() map[string]ansible.OptionRules {
	return map[string]ansible.OptionRules{
		"api_url":  {Env: []string{"ICINGA2_API_URL"}, Address: true},
		"username": {Env: []string{"ICINGA2_API_USERNAME"}},
		"password": {Env: []string{"ICINGA2_API_PASSWORD"}},
	}
}

// world is what a module has around it; the zero world is the real one. Tests replace it.
type world struct {
	stateDir string        // "" is the user's cache folder
	clock    httpapi.Clock // nil is the real one
}

// idle is less than the 10 seconds after which the server closes a connection.
const idle = 8 * time.Second

// connect makes the client that the modules of this package share.
func (w world) connect(call *ansible.Call, o Connection) (*client, error) {
	user, password := value(o.Username), value(o.Password)
	switch {
	case user == "" && o.TLS.ClientCert == "":
		return nil, errors.New("one of the following is required to log in: username with password (environment ICINGA2_API_USERNAME, ICINGA2_API_PASSWORD), client_cert")
	case user != "" && password.IsZero():
		return nil, errors.New("username requires password (environment ICINGA2_API_PASSWORD), which is missing or empty")
	case user == "" && !password.IsZero():
		return nil, errors.New("password requires username (environment ICINGA2_API_USERNAME), which is missing or empty")
	}
	login := "the login of username and password (environment ICINGA2_API_USERNAME, ICINGA2_API_PASSWORD)"
	if user == "" {
		login = "the certificate of client_cert"
	}
	conn, err := httpapi.New(httpapi.Config{
		BaseURL: baseURL(o.APIURL), Service: "Icinga 2", Options: o.API, TLSClient: o.TLS, Secrets: []secret.Value{password},
		Authorize: func(h http.Header) {
			if user != "" {
				r := http.Request{Header: h}
				r.SetBasicAuth(user, password.Reveal())
			}
		},
		Login: login, Redact: call.Redact,
		ParseError: parseError, Classify: classify, Warn: call.Warn, AtEnd: call.AtEnd,
		Idle: idle, QuickAck: true, NoProxy: !o.UseProxy,
		// Account stays empty: what one user creates on a server, another one must not create at the same time.
		StateDir: w.stateDir, Clock: w.clock,
	})
	if err != nil {
		return nil, err
	}
	c := &client{http: conn, warn: call.Warn, hide: call.AddSecret, concurrency: o.API.Concurrency, now: w.now}
	if plain, found := strings.CutPrefix(baseURL(o.APIURL), "http://"); found {
		c.plain = plain
	}
	return c, nil
}

// version is the API's, the first segment of each path.
const version = "v1"

// baseURL leaves out the version, which users write as often as they leave it out.
func baseURL(apiURL string) string {
	return strings.TrimSuffix(strings.TrimRight(apiURL, "/"), "/"+version)
}

// do sends a request to a path below the version.
func (c *client) do(ctx context.Context, r httpapi.Request, out any) error {
	r.Path = append([]string{version}, r.Path...)
	err := c.http.Do(ctx, r, out)
	var failure *httpapi.Error
	if c.plain != "" && errors.As(err, &failure) && failure.Status == 0 && ctx.Err() == nil {
		return fmt.Errorf("%w; Icinga 2 speaks only HTTPS, so without a proxy that ends it api_url must be https://%s", err, c.plain)
	}
	return err
}

// kind is a type of configuration object, as the API's filters and permissions name it.
type kind string

const (
	hostKind    kind = "Host"
	serviceKind kind = "Service"
)

// plural is the kind as URLs name it. The API wants it in lower case.
func (k kind) plural() string {
	name := strings.ToLower(string(k))
	if stem, ok := strings.CutSuffix(name, "y"); ok {
		return stem + "ies"
	}
	return name + "s"
}

// object is what a query gives of one object. A is the struct of the attributes that were asked for.
type object[A any] struct {
	Name  string `json:"name"` // in full: "host!service" of a service
	Attrs A      `json:"attrs"`
}

// filter selects objects by an expression over variables. The zero filter selects all.
type filter struct {
	Expression string
	Vars       map[string]any
}

// get gives some attributes of one object. An error that Is httpapi.ErrNotFound proves that there is none of that name.
func get[A any](ctx context.Context, c *client, k kind, name string, attrs ...string) (A, error) {
	var answer struct {
		Results []object[A] `json:"results"`
	}
	request := httpapi.Request{
		Method: http.MethodGet, Path: []string{"objects", k.plural(), name},
		Query: url.Values{"verbose": {"1"}, "attrs": named(attrs)},
	}
	err := c.do(ctx, request, &answer)
	if err == nil && (len(answer.Results) != 1 || answer.Results[0].Name != name) {
		err = errors.New("the answer is not about it")
	}
	if err != nil {
		var none A
		return none, fmt.Errorf("reading %s %s: %w", strings.ToLower(string(k)), name, err)
	}
	return answer.Results[0].Attrs, nil
}

// query gives some attributes of all objects that a filter selects: a POST that reads, because a filter can be long.
func query[A any](ctx context.Context, c *client, k kind, f filter, attrs ...string) ([]object[A], error) {
	body := map[string]any{"attrs": named(attrs)}
	if f.Expression != "" {
		body["filter"], body["filter_vars"] = f.Expression, f.Vars
	}
	var answer struct {
		Results []object[A] `json:"results"`
	}
	request := httpapi.Request{
		Method: http.MethodPost, Repeat: httpapi.Harmless, Path: []string{"objects", k.plural()}, JSON: body,
		Query: url.Values{"verbose": {"1"}}, Header: http.Header{"X-Http-Method-Override": {http.MethodGet}},
	}
	err := c.do(ctx, request, &answer)
	if err == nil && answer.Results == nil {
		err = errors.New("the answer has no results")
	}
	if err != nil {
		return nil, fmt.Errorf("querying %s: %w", k.plural(), err)
	}
	return answer.Results, nil
}

// named keeps an empty list from meaning all attributes, which are many and slow.
func named(attrs []string) []string {
	if len(attrs) == 0 {
		return []string{"__name"}
	}
	return attrs
}

// put creates an object. The server's refusal of a name that is taken Is httpapi.ErrConflict.
func (c *client) put(ctx context.Context, k kind, name string, templates []string, attrs map[string]any) error {
	body := map[string]any{"attrs": attrs}
	if len(templates) > 0 {
		body["templates"] = templates
	}
	results, err := c.write(ctx, httpapi.Request{
		Method: http.MethodPut, Repeat: httpapi.Creates, Path: []string{"objects", k.plural(), name}, JSON: body,
	})
	if err == nil && (len(results) != 1 || results[0].Status == "") {
		return httpapi.Lost("the server's answer does not say that it was created") // so it is where something else was made, or nothing
	}
	return permission(err, "objects/create/"+string(k))
}

// modify sets attributes of an object. Setting them twice has the effect of once.
func (c *client) modify(ctx context.Context, k kind, name string, attrs map[string]any) error {
	_, err := c.write(ctx, httpapi.Request{
		Method: http.MethodPost, Repeat: httpapi.Harmless, Path: []string{"objects", k.plural(), name}, JSON: map[string]any{"attrs": attrs},
	})
	return err
}

// modifyAll sets the same attributes of the objects of these exact names, and tells of which the server said that they are changed. Where one
// of them is not there it changes none, and the error Is httpapi.ErrNotFound.
func (c *client) modifyAll(ctx context.Context, k kind, names []string, attrs map[string]any) (confirmed map[string]bool, err error) {
	if len(names) == 0 || slices.Contains(names, "") {
		return nil, errors.New("changing objects without a name would change all: this is an error in the module")
	}
	results, err := c.write(ctx, httpapi.Request{
		Method: http.MethodPost, Repeat: httpapi.Harmless, Path: []string{"objects", k.plural()},
		JSON: map[string]any{k.plural(): names, "attrs": attrs}, // a filter beside the names would add to them
	})
	confirmed = map[string]bool{}
	for _, r := range results {
		confirmed[r.Name] = r.done()
	}
	return confirmed, err
}

// remove deletes an object with all that stands on it: services of a host, downtimes and comments.
func (c *client) remove(ctx context.Context, k kind, name string) error {
	_, err := c.write(ctx, httpapi.Request{
		Method: http.MethodDelete, Path: []string{"objects", k.plural(), name}, Query: url.Values{"cascade": {"1"}},
	})
	return err
}

// removeAll deletes the objects of these exact names with all that stands on them. Where it fails some may be gone.
func (c *client) removeAll(ctx context.Context, k kind, names []string) error {
	if len(names) == 0 || slices.Contains(names, "") {
		return errors.New("deleting objects without a name would delete all: this is an error in the module")
	}
	f := byName(k, names)
	_, err := c.write(ctx, httpapi.Request{
		Method: http.MethodDelete, Path: []string{"objects", k.plural()}, Query: url.Values{"cascade": {"1"}},
		JSON: map[string]any{"filter": f.Expression, "filter_vars": f.Vars},
	})
	return err
}

// act carries out an action: https://icinga.com/docs/icinga-2/latest/doc/12-icinga2-api/#actions
// repeat says whether it does harm to send it twice.
func (c *client) act(ctx context.Context, action string, repeat httpapi.Repeat, body any) ([]result, error) {
	return c.write(ctx, httpapi.Request{Method: http.MethodPost, Repeat: repeat, Path: []string{"actions", action}, JSON: body})
}

// byName selects objects by their full names. A dictionary's lookup is what the server does fastest.
func byName(k kind, names []string) filter {
	return filter{"names.contains(" + strings.ToLower(string(k)) + ".__name)", map[string]any{"names": set(names)}}
}

// byHost selects hosts, or what belongs to them, by the hosts' names.
func byHost(hosts []string) filter {
	return filter{"hosts.contains(host.name)", map[string]any{"hosts": set(hosts)}}
}

func set(names []string) map[string]bool {
	members := make(map[string]bool, len(names))
	for _, name := range names {
		members[name] = true
	}
	return members
}

// result is what became of one object in a write or action.
type result struct {
	Code   float64         `json:"code"` // like a status of HTTP
	Status string          `json:"status"`
	Errors []string        `json:"errors"`
	Name   string          `json:"name"`
	More   json.RawMessage `json:"-"` // the whole result, for what an action tells beside these
}

// UnmarshalJSON keeps the whole text.
func (r *result) UnmarshalJSON(data []byte) error {
	type plain result
	r.More = slices.Clone(data)
	return json.Unmarshal(data, (*plain)(r))
}

// done tells whether it is a success.
func (r result) done() bool { return r.Code >= 200 && r.Code < 300 }

// text is what a result that is no success says.
func (r result) text() string {
	texts := make([]string, 0, len(r.Errors)+1)
	for _, text := range r.Errors {
		texts = append(texts, firstLine(text))
	}
	if len(texts) == 0 {
		texts = append(texts, firstLine(r.Status))
	}
	return strings.Join(texts, "; ")
}

// firstLine leaves out places in files of the server, and stack traces.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(text), "Error: "), "\n")
	return strings.TrimSpace(line)
}

// write sends what changes something and reads the result of each object: the status 200 says nothing.
func (c *client) write(ctx context.Context, request httpapi.Request) ([]result, error) {
	if request.Query == nil {
		request.Query = url.Values{}
	}
	request.Query.Set("verbose", "1")
	var answer struct {
		Results []result `json:"results"`
	}
	if err := c.do(ctx, request, &answer); err != nil {
		return nil, err
	}
	if answer.Results == nil {
		return nil, httpapi.Lost("the answer does not say what was done")
	}
	var texts []string
	code := 0
	for _, r := range answer.Results {
		if !r.done() {
			code = int(r.Code)
			texts = append(texts, c.http.Quote(r.text()))
		}
	}
	if len(texts) == 0 {
		return answer.Results, nil
	}
	return answer.Results, &httpapi.Error{
		Method: request.Method, Path: "/" + strings.Join(append([]string{version}, request.Path...), "/"), Status: code, Msg: strings.Join(texts, "; "), Err: httpapi.ErrRefused,
	}
}

// programStart tells since when the server's process runs. A reload begins another process, which reads the files. The old one goes on
// answering, and confirms what the new one will not know, until that one is done; only then is this the new one's time:
// https://icinga.com/docs/icinga-2/latest/doc/12-icinga2-api/#status-and-statistics
func (c *client) programStart(ctx context.Context) (float64, error) {
	var answer struct {
		Results []struct {
			Status struct {
				Application struct {
					App struct {
						ProgramStart float64 `json:"program_start"`
					} `json:"app"`
				} `json:"icingaapplication"`
			} `json:"status"`
		} `json:"results"`
	}
	request := httpapi.Request{Method: http.MethodGet, Path: []string{"status", "IcingaApplication"}, Query: url.Values{"verbose": {"1"}}}
	err := c.do(ctx, request, &answer)
	if err == nil && len(answer.Results) == 0 {
		err = errors.New("the answer has no results")
	}
	if err != nil {
		return 0, permission(fmt.Errorf("reading since when the server runs: %w", err), "status/query")
	}
	return answer.Results[0].Status.Application.App.ProgramStart, nil
}

// begin learns before the first write since when the server's process runs. A restart before that loses nothing of this run.
func (c *client) begin(ctx context.Context) (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.started == 0 {
		c.started, err = c.programStart(ctx)
	}
	return err
}

// since is when the server's process began that the first write went to.
func (c *client) since() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.started
}

// restarted warns where the server was started anew after the first write: what it was told meanwhile may be lost.
func (c *client) restarted(ctx context.Context) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.started == 0 {
		return false, nil
	}
	now, err := c.programStart(ctx)
	if err != nil || now == c.started {
		return false, err
	}
	c.warn("the server was reloaded or restarted while it was written to; what was written is looked at once more, but repeat the task to be sure")
	c.started = now
	return true, nil
}

// access is what the API user may do.
type access struct {
	User        string   `json:"user"`
	Version     string   `json:"version"`     // "r2.13.6-1"
	Permissions []string `json:"permissions"` // with * for any text
}

// access asks what the user may do, which everybody may ask.
func (c *client) access(ctx context.Context) (access, error) {
	var answer struct {
		Results []access `json:"results"`
	}
	err := c.do(ctx, httpapi.Request{Method: http.MethodGet}, &answer)
	if err == nil && len(answer.Results) == 0 {
		err = errors.New("the answer has no results")
	}
	if err != nil {
		return access{}, fmt.Errorf("reading what the API user may do: %w", err)
	}
	return answer.Results[0], nil
}

// filtered stands behind permissions that hold for some objects only.
const filtered = " (filtered)"

// may tells whether the user has a permission, be it for some objects only.
func (a access) may(permission string) bool {
	return slices.ContainsFunc(a.Permissions, func(p string) bool {
		return matches(strings.ToLower(strings.TrimSuffix(p, filtered)), strings.ToLower(permission))
	})
}

// mayAll tells whether the user has a permission for all objects.
func (a access) mayAll(permission string) bool {
	a.Permissions = slices.DeleteFunc(slices.Clone(a.Permissions), func(p string) bool { return strings.HasSuffix(p, filtered) })
	return a.may(permission)
}

const missingPermission = "Missing permission: "

// parseError reads both forms of refusals: one error, or results with the errors of each object.
func parseError(_ int, body []byte) (code, msg string) {
	var answer struct {
		Status      string          `json:"status"`
		Diagnostics json.RawMessage `json:"diagnostic_information"` // a text here, a list in results
		Results     []result        `json:"results"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return "", ""
	}
	if _, permission, found := strings.Cut(string(answer.Diagnostics), missingPermission); found {
		permission, _, _ = strings.Cut(permission, `\n`)
		return "", missingPermission + strings.Trim(permission, `"`)
	}
	var texts []string
	for _, r := range answer.Results {
		if !r.done() {
			texts = append(texts, r.text())
		}
	}
	if len(texts) > 0 {
		return refused, strings.Join(texts, "; ")
	}
	return "", answer.Status
}

// refused is the code of what the server says about single objects: it has looked at them and not done it.
const refused = "refused"

// noSuchPath is how the server answers an unknown path, a name that is too long, and some calls that the user may not make.
const noSuchPath = "could not be found or the request method is not valid"

// classify knows what the statuses do not tell: a missing permission is a 404, and a refusal a 500.
func classify(a httpapi.Answer) error {
	switch {
	case strings.HasPrefix(a.Msg, missingPermission):
		return httpapi.ErrForbidden
	case a.Status == http.StatusNotFound && strings.Contains(a.Msg, noSuchPath):
		return httpapi.ErrForbidden
	case a.Code == refused && strings.HasSuffix(a.Msg, "already exists."):
		return httpapi.ErrConflict
	case a.Code == refused:
		return httpapi.ErrRefused
	}
	return nil
}

// permission names the permission that a call needs whose refusal the server does not explain.
func permission(err error, needed string) error {
	if errors.Is(err, httpapi.ErrForbidden) && !strings.Contains(err.Error(), missingPermission) {
		return fmt.Errorf("the API user seems to lack the permission %s: %w", needed, err)
	}
	return err
}

// value follows a pointer; nil is the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
