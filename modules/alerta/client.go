// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/ansible"
	"github.com/stackwatch/ansible-monitoring/pkg/httpapi"
	"github.com/stackwatch/ansible-monitoring/pkg/pattern"
	"github.com/stackwatch/ansible-monitoring/pkg/reconcile"
	"github.com/stackwatch/ansible-monitoring/pkg/secret"
)

// client is the part of Alerta's API that the module uses. Its methods wrap httpapi.Error.
type client struct {
	http   *httpapi.Client
	spared sync.Map // by the ids of what this run did not change after all, why
}

// spare notes that an object is as it should be, or is not to be changed any more, without this run having done anything to it.
func (c *client) spare(id, why string) { c.spared.Store(id, why) }

// Why an object is spared.
const (
	gone  = "gone already, which somebody else did"
	other = "no longer selected when its turn came"
	again = "received again since it was listed"
)

// world is what the module has around it; the zero world is the real one. Tests replace it.
type world struct {
	stateDir string        // "" is the user's cache folder
	clock    httpapi.Clock // nil is the real one
}

// connection are the options that say where the server is and who calls.
type connection struct {
	API      httpapi.Options   `mapstructure:",squash"`
	TLS      httpapi.TLSClient `mapstructure:",squash"`
	URL      string            `mapstructure:"api_url"`
	Key      secret.Value      `mapstructure:"api_key"`
	Username string            `mapstructure:"api_username"`
	Password secret.Value      `mapstructure:"api_password"`
}

// idle is less than the two seconds for which gunicorn, the server's usual front, keeps a connection.
const idle = time.Second

// connect makes the client. With a user name it sends nothing but the login, and that only when login is called.
func (w world) connect(call *ansible.Call, o connection, authorize func(http.Header), secrets ...secret.Value) (*client, error) {
	login := "the key of api_key (environment ALERTA_API_KEY)"
	if o.Username != "" {
		login = "the login of api_username and api_password"
	}
	conn, err := httpapi.New(httpapi.Config{
		BaseURL: o.URL, Service: "Alerta", Options: o.API, TLSClient: o.TLS, Account: secret.New(o.Key.Reveal() + o.Username),
		Authorize: authorize, Secrets: secrets, Login: login, Redact: call.Redact, ParseError: parseError, Classify: classify,
		Warn: call.Warn, AtEnd: call.AtEnd, Idle: idle,
		StateDir: w.stateDir, Clock: w.clock,
	})
	if err != nil {
		return nil, err
	}
	return &client{http: conn}, nil
}

// open gives the client of a run. Bad options are errors; who calls by a user name is logged in when login is called.
func (w world) open(call *ansible.Call, o connection) (*client, error) {
	switch {
	case o.URL == "":
		return nil, errors.New("value of api_url (environment ALERTA_ENDPOINT) must be the server's address such as https://alerta.example.com/api, got an empty string")
	case call.Given("api_username") && (o.Username == "" || o.Password.IsZero()):
		return nil, errors.New("values of api_username and api_password must not be empty")
	case call.Given("api_username"):
		return w.connect(call, o, nil, o.Password)
	case call.Given("api_key") && strings.TrimSpace(o.Key.Reveal()) == "":
		return nil, errors.New("value of api_key (environment ALERTA_API_KEY) must be an API key of Alerta, got an empty string")
	case call.Given("api_key") && strings.ContainsAny(o.Key.Reveal(), " \t\r\n"):
		return nil, errors.New("value of api_key (environment ALERTA_API_KEY) must be an API key of Alerta, got one with a space or a line's end in it")
	case call.Given("api_key") && strings.ContainsFunc(o.Key.Reveal(), func(c rune) bool { return c <= ' ' || c >= 0x7f }):
		return nil, errors.New("value of api_key (environment ALERTA_API_KEY) must be an API key of Alerta, got one with characters that are not ASCII")
	case call.Given("api_key"):
		return w.connect(call, o, func(h http.Header) { h.Set("Authorization", "Key "+o.Key.Reveal()) }, o.Key)
	}
	return nil, errors.New("one of the following is required: api_key (environment ALERTA_API_KEY), api_username")
}

// login gives a client with the token that the server has for a user; one with a key needs none.
// https://docs.alerta.io/api/reference.html#login
func (w world) login(ctx context.Context, call *ansible.Call, c *client, o connection) (*client, error) {
	if o.Username == "" {
		return c, nil
	}
	var answer struct {
		Token string `json:"token"`
	}
	body := map[string]string{"username": o.Username, "password": o.Password.Reveal()}
	err := c.http.Do(ctx, httpapi.Request{Method: http.MethodPost, Path: []string{"auth", "login"}, JSON: body, Repeat: httpapi.Reads}, &answer)
	if err == nil && answer.Token == "" {
		err = errors.New("the answer holds no token")
	}
	if err != nil {
		return nil, fmt.Errorf("logging in as %s: %w", o.Username, err)
	}
	token := secret.New(answer.Token)
	call.AddSecret(token)
	return w.connect(call, o, func(h http.Header) { h.Set("Authorization", "Bearer "+token.Reveal()) }, o.Password, token)
}

// everything as the size of a page makes the server give all there is at once. It has no maximum, and its pages overlap.
const everything = 1_000_000

// wireAlert is an alert as the server lists it: https://docs.alerta.io/api/alert.html
type wireAlert struct {
	ID              string         `json:"id"`
	LastReceiveID   string         `json:"lastReceiveId"`
	LastReceiveTime time.Time      `json:"lastReceiveTime"`
	Environment     string         `json:"environment"`
	Resource        string         `json:"resource"`
	Event           string         `json:"event"`
	Severity        string         `json:"severity"`
	Status          string         `json:"status"`
	Service         []string       `json:"service"`
	Group           string         `json:"group"`
	Tags            []string       `json:"tags"`
	Attributes      map[string]any `json:"attributes"`
	Origin          string         `json:"origin"`
	Customer        string         `json:"customer"`
	Timeout         int64          `json:"timeout"` // seconds; 0 never expires
}

// listAlerts gives every alert that the filters let through, which must be exact (see selection.filters); none lets all through.
// https://docs.alerta.io/api/reference.html#search-alerts
func (c *client) listAlerts(ctx context.Context, filters url.Values) ([]wireAlert, error) {
	return list[wireAlert](ctx, c, "alerts", filters)
}

// readings is how often a list is read that is shorter than the server says, because alerts may be deleted meanwhile.
const readings = 3

// list reads one list as a whole, or gives an error. Servers before 8.8 answer 500 to a list that is not sorted.
func list[T any](ctx context.Context, c *client, name string, filters url.Values) ([]T, error) {
	query := url.Values{"page-size": {strconv.Itoa(everything)}, "sort-by": {"createTime"}}
	maps.Copy(query, filters)
	request := httpapi.Request{Method: http.MethodGet, Path: []string{name}, Query: query}
	total := 0
	for reading := 1; ; reading++ {
		var body json.RawMessage
		if err := c.http.Do(ctx, request, &body); err != nil {
			return nil, wrap("listing "+name, err)
		}
		var answer map[string]json.RawMessage
		if err := json.Unmarshal(body, &answer); err != nil {
			return nil, fmt.Errorf("listing %s: the answer is none of Alerta's: %s", name, httpapi.Misfit(err))
		}
		var objects []T
		if err := json.Unmarshal(answer[name], &objects); err != nil || objects == nil {
			return nil, fmt.Errorf("listing %s: the answer holds no list of them, so it is not known what exists", name)
		}
		var size struct {
			More  bool `json:"more"`
			Total int  `json:"total"`
		}
		if err := json.Unmarshal(body, &size); err != nil {
			return nil, fmt.Errorf("listing %s: the answer does not tell how many there are: %s", name, httpapi.Misfit(err))
		}
		// The server counts before it reads, so that what goes in between is counted, but not with the same total again and again.
		switch moved := reading > 1 && size.Total != total; {
		case !size.More && (size.Total <= len(objects) || moved):
			return objects, nil
		case size.More || reading == readings:
			return nil, fmt.Errorf("listing %s: the server gives only %d of %d at once, so it is not known what exists", name, len(objects), size.Total)
		}
		total = size.Total
	}
}

// alike gives the alerts that the server could take for one of these ids, which are full: those whose own id, or the id of whose last
// reception, begins with one, whatever its capitals. Senders choose both. It may give others too.
func (c *client) alike(ctx context.Context, concurrency int, ids ...string) ([]wireAlert, error) {
	for _, id := range ids {
		if err := whole(id); err != nil {
			return nil, err
		}
	}
	if len(ids) == 0 {
		return nil, nil // without a filter the server lists all there is
	}
	filters, err := c.likeness(ctx, ids)
	if err != nil {
		return nil, err
	}
	found := make([][]wireAlert, len(filters))
	err = reconcile.Each(ctx, concurrency, len(filters), func(ctx context.Context, i int) (err error) {
		found[i], err = c.listAlerts(ctx, filters[i])
		return err
	})
	return slices.Concat(found...), err
}

// many is from how many ids on likeness has a quicker way.
const many = 10

// likeness gives the filters of the lists that alike consists of. To look for ids is slow, because the server tries each as a pattern, without
// regard to capitals, on every alert. What else a full id can mean is an alert that was last received under the same one, which has an exact
// filter, or whose id is longer or has capitals. Such ids are few, so that all of them are listed.
func (c *client) likeness(ctx context.Context, ids []string) ([]url.Values, error) {
	if len(ids) < many {
		return []url.Values{{"id": append(ids, ids[0])}}, nil // a single one would be compared with its capitals
	}
	var filters []url.Values
	exact := "id"
	understood, err := c.understandsWildcards(ctx, ids[0])
	if err != nil {
		return nil, err
	}
	if understood {
		exact = "lastReceiveId"
		filters = append(filters, url.Values{"id": {strings.Repeat("_", idLength+1)}})
		for capital := 'A'; capital <= 'F'; capital++ {
			filters = append(filters, url.Values{"id": {"%" + string(capital)}})
		}
	}
	for chunk := range slices.Chunk(ids, batch) {
		filters = append(filters, url.Values{exact: chunk})
	}
	return filters, nil
}

// understandsWildcards tells whether the server takes a single id for a pattern of SQL, as it does on PostgreSQL: it then finds the alert with
// this id, or which was last received under it, by one with an underscore in it.
func (c *client) understandsWildcards(ctx context.Context, id string) (bool, error) {
	found, err := c.listAlerts(ctx, url.Values{"id": {id[:idLength-1] + "_"}})
	return slices.ContainsFunc(found, func(a wireAlert) bool { return a.ID == id || a.LastReceiveID == id }), err
}

// getAlert reads one alert by its full id. It gives an error if a call with this id could reach another alert.
func (c *client) getAlert(ctx context.Context, id string) (wireAlert, error) {
	found, err := c.alike(ctx, 1, id)
	if err != nil {
		return wireAlert{}, err
	}
	alert := wireAlert{}
	for _, a := range found {
		if a.ID != id {
			return wireAlert{}, shared(id, a.ID)
		}
		alert = a
	}
	if alert.ID == "" {
		return wireAlert{}, httpapi.ErrNotFound
	}
	return alert, nil
}

// lookAtAlert reads one alert by its full id, more quickly than getAlert. It can miss that a call with this id could reach another alert.
// https://docs.alerta.io/api/reference.html#retrieve-an-alert
func (c *client) lookAtAlert(ctx context.Context, id string) (wireAlert, error) {
	return lookAt(ctx, c, "alert", id, func(a wireAlert) string { return a.ID })
}

// lookAtHeartbeat reads one heartbeat by its full id: https://docs.alerta.io/api/reference.html#retrieve-a-heartbeat
func (c *client) lookAtHeartbeat(ctx context.Context, id string) (wireHeartbeat, error) {
	return lookAt(ctx, c, "heartbeat", id, func(h wireHeartbeat) string { return h.ID })
}

// lookAt reads one object of a kind, which the answer holds under that name. It is an error if the server takes the id for that of another.
func lookAt[T any](ctx context.Context, c *client, kind, id string, idOf func(T) string) (object T, err error) {
	if err := whole(id); err != nil {
		return object, err
	}
	var answer map[string]json.RawMessage
	if err := c.http.Do(ctx, httpapi.Request{Method: http.MethodGet, Path: []string{kind, id}}, &answer); err != nil {
		return object, err
	}
	if json.Unmarshal(answer[kind], &object) != nil || idOf(object) == "" {
		return object, errors.New("the answer holds no " + kind)
	}
	if idOf(object) != id {
		return object, shared(id, idOf(object))
	}
	return object, nil
}

// confirmation is what each answer to a change has in it.
type confirmation struct {
	Status string `json:"status"`
}

// err is nil where the server says that it did what it was asked for. That it answers is not enough.
func (a confirmation) err() error {
	if a.Status != "ok" {
		return httpapi.Lost("the answer does not say that it is done")
	}
	return nil
}

// change sends a change, and tells how often it went out.
func (c *client) change(ctx context.Context, request httpapi.Request) (sent int, err error) {
	var answer confirmation
	request.Sent = &sent
	if err = c.http.Do(ctx, request, &answer); err == nil {
		err = answer.err()
	} else if ctx.Err() != nil && sent > 0 {
		err = fmt.Errorf("%w, though it may have been carried out", err)
	}
	return sent, err
}

// deleteAlert removes one alert by its full id: https://docs.alerta.io/api/reference.html#delete-an-alert
func (c *client) deleteAlert(ctx context.Context, id string) error {
	return c.deleteOne(ctx, "alert", id)
}

// deleteHeartbeat removes one heartbeat by its full id: https://docs.alerta.io/api/reference.html#delete-a-heartbeat
func (c *client) deleteHeartbeat(ctx context.Context, id string) error {
	return c.deleteOne(ctx, "heartbeat", id)
}

// deleteBlackout removes one blackout: https://docs.alerta.io/api/reference.html#delete-a-blackout
func (c *client) deleteBlackout(ctx context.Context, id string) error {
	return c.deleteOne(ctx, "blackout", id)
}

// deleteOne takes what is gone already for success, and notes that it was not this run that removed it. Where several delete the same at once
// the server answers 500 to all but one, so that after a failure it is looked whether the object is there.
func (c *client) deleteOne(ctx context.Context, kind, id string) error {
	if err := whole(id); err != nil {
		return err
	}
	sent, err := c.change(ctx, httpapi.Request{Method: http.MethodDelete, Path: []string{kind, id}})
	absent := errors.Is(err, httpapi.ErrNotFound)
	lost := absent || failedToDelete(err)
	if asksAgain(ctx, err) {
		look := c.http.Do(ctx, httpapi.Request{Method: http.MethodGet, Path: []string{kind, id}}, nil)
		if look == nil {
			return reconcile.Unmade(err)
		}
		absent = errors.Is(look, httpapi.ErrNotFound)
	}
	switch {
	case !absent:
		return err
	case lost && sent == 1: // if it went out again, the first time may have been the one that did it
		c.spare(id, gone)
	}
	return nil
}

// failedToDelete tells whether the server found an object but, when it came to delete it, no more.
func failedToDelete(err error) bool {
	var refusal *httpapi.Error
	return errors.As(err, &refusal) && refusal.Status == http.StatusInternalServerError && strings.HasPrefix(refusal.Msg, cannotDelete)
}

// classify returns httpapi.ErrRefused for the one 500 whose cause is known: the object was gone when the server came to
// delete it.
func classify(a httpapi.Answer) error {
	if a.Status == http.StatusInternalServerError && strings.HasPrefix(a.Msg, cannotDelete) {
		return httpapi.ErrRefused
	}
	return nil
}

const cannotDelete = "failed to delete"

// asksAgain tells whether a look can say more about a call that failed than its error does.
func asksAgain(ctx context.Context, err error) bool {
	for _, known := range []error{httpapi.ErrNotFound, httpapi.ErrAuth, httpapi.ErrForbidden} {
		if errors.Is(err, known) {
			return false
		}
	}
	return err != nil && ctx.Err() == nil
}

// deleteReceived removes the alerts that were last received under these ids, and gives the ids of the alerts that it removed. One
// that was received again since then has another id there and stays. certain is false where the server may have removed more than it tells.
func (c *client) deleteReceived(ctx context.Context, receiveIDs []string) (deleted []string, certain bool, err error) {
	if len(receiveIDs) == 0 {
		return nil, true, nil // without a filter the server deletes all there is
	}
	for _, id := range receiveIDs {
		if err := whole(id); err != nil {
			return nil, true, err
		}
	}
	var answer struct {
		confirmation

		Deleted []string `json:"deleted"`
	}
	sent := 0
	if err = c.http.Do(ctx, httpapi.Request{
		Method: http.MethodDelete, Path: []string{"_bulk", "alerts"}, Query: url.Values{"lastReceiveId": receiveIDs}, Sent: &sent,
	}, &answer); err == nil {
		err = answer.err()
	}
	var refusal *httpapi.Error
	refused := errors.As(err, &refusal) && refusal.Status >= http.StatusBadRequest && !errors.Is(err, httpapi.ErrTransient)
	return answer.Deleted, sent == 1 && (refused || err == nil && answer.Deleted != nil), err
}

// act does what an operator would: close, ack, shelve. It returns httpapi.ErrConflict for an alert that is in that
// status already, and how often the call was sent. An acknowledgement or a shelving ends after holds; 0 is the server's
// default.
// https://docs.alerta.io/api/reference.html#action-an-alert
func (c *client) act(ctx context.Context, id, action, text string, holds time.Duration) (sent int, err error) {
	if err := whole(id); err != nil {
		return 0, err
	}
	body := map[string]any{"action": action, "text": text}
	if holds > 0 {
		body["timeout"] = int(holds.Seconds())
	}
	return c.change(ctx, httpapi.Request{Method: http.MethodPut, Path: []string{"alert", id, "action"}, JSON: body})
}

// countAlerts returns how many alerts match the filters, as far as this caller may see them; without filters it counts
// all.
// https://docs.alerta.io/api/reference.html#get-counts
func (c *client) countAlerts(ctx context.Context, filters url.Values) (int, error) {
	var answer struct {
		Total *int `json:"total"`
	}
	err := c.http.Do(ctx, httpapi.Request{Method: http.MethodGet, Path: []string{"alerts", "count"}, Query: filters}, &answer)
	if err == nil && answer.Total == nil {
		err = errors.New("the answer does not tell how many there are")
	}
	if err != nil {
		return 0, wrap("counting alerts", err)
	}
	return *answer.Total, nil
}

// wireConfig holds the server's settings that the module needs. What the server leaves out is empty.
type wireConfig struct {
	Model struct {
		Severities map[string]any `json:"severity"`
		Statuses   map[string]any `json:"status"`
	} `json:"alarm_model"`
	Environments []string `json:"environments"` // ALLOWED_ENVIRONMENTS, from which a plugin may deviate
}

// getConfig returns the server's settings, empty where they are hidden: a proxy may hide them, because only the web
// interface needs them.
// https://docs.alerta.io/api/reference.html#get-config
func (c *client) getConfig(ctx context.Context) (config wireConfig, err error) {
	err = c.http.Do(ctx, httpapi.Request{Method: http.MethodGet, Path: []string{"config"}}, &config)
	for _, hidden := range []error{httpapi.ErrNotFound, httpapi.ErrAuth, httpapi.ErrForbidden} {
		if errors.Is(err, hidden) {
			return wireConfig{}, nil
		}
	}
	return config, wrap("reading the server's settings", err)
}

// wireHeartbeat is a heartbeat as the server lists it: https://docs.alerta.io/api/heartbeat.html
type wireHeartbeat struct {
	ID          string         `json:"id"`
	Origin      string         `json:"origin"`
	Tags        []string       `json:"tags"`
	Attributes  map[string]any `json:"attributes"`
	Customer    string         `json:"customer"`
	Status      string         `json:"status"`
	ReceiveTime time.Time      `json:"receiveTime"`
}

// listHeartbeats gives all heartbeats: https://docs.alerta.io/api/reference.html#list-all-heartbeats
func (c *client) listHeartbeats(ctx context.Context) ([]wireHeartbeat, error) {
	return list[wireHeartbeat](ctx, c, "heartbeats", nil)
}

// wireBlackout is a blackout as the server lists it: https://docs.alerta.io/api/blackout.html
type wireBlackout struct {
	ID          string    `json:"id"`
	Environment string    `json:"environment"`
	Resource    string    `json:"resource"`
	Service     []string  `json:"service"`
	Event       string    `json:"event"`
	Group       string    `json:"group"`
	Tags        []string  `json:"tags"`
	Origin      string    `json:"origin"`
	Customer    string    `json:"customer"`
	Start       time.Time `json:"startTime"`
	End         time.Time `json:"endTime"`
	Status      string    `json:"status"` // active, pending or expired, by the server's clock
	Text        string    `json:"text"`
}

// listBlackouts gives all blackouts: https://docs.alerta.io/api/reference.html#list-all-blackouts
func (c *client) listBlackouts(ctx context.Context) ([]wireBlackout, error) {
	return list[wireBlackout](ctx, c, "blackouts", nil)
}

// createBlackout makes a blackout, also where there is one like it: https://docs.alerta.io/api/reference.html#create-a-blackout
func (c *client) createBlackout(ctx context.Context, body map[string]any) (wireBlackout, error) {
	var answer struct {
		confirmation

		Blackout wireBlackout `json:"blackout"`
	}
	err := c.http.Do(ctx, httpapi.Request{Method: http.MethodPost, Path: []string{"blackout"}, JSON: body}, &answer)
	if err == nil && (answer.err() != nil || answer.Blackout.ID == "") {
		err = httpapi.Lost("the answer does not hold the blackout that was made")
	}
	return answer.Blackout, err
}

// updateBlackout changes a blackout. A customer that is not sent is taken away from it.
// https://docs.alerta.io/api/reference.html#update-a-blackout
func (c *client) updateBlackout(ctx context.Context, id string, body map[string]any) error {
	if err := whole(id); err != nil {
		return err
	}
	_, err := c.change(ctx, httpapi.Request{Method: http.MethodPut, Path: []string{"blackout", id}, JSON: body})
	return err
}

// housekept is what one call of the server's housekeeping did, beside the deletions, which it does not tell.
type housekept struct {
	confirmation

	Expired  []string `json:"expired"`
	Unshelve []string `json:"unshelve"`
	Unack    []string `json:"unack"`
}

// keepHouse calls the server's own housekeeping, with ages in hours, which must not be 0.
// https://docs.alerta.io/api/reference.html#housekeeping
func (c *client) keepHouse(ctx context.Context, expired, info int) (housekept, error) {
	var answer housekept
	query := url.Values{"expired": {strconv.Itoa(expired)}, "info": {strconv.Itoa(info)}}
	err := c.http.Do(ctx, httpapi.Request{Method: http.MethodGet, Path: []string{"management", "housekeeping"}, Query: query}, &answer)
	if err == nil {
		err = answer.err()
	}
	return answer, wrap("housekeeping", err)
}

// idLength is how long a full UUID is.
const idLength = 36

var uuidPattern = pattern.New(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// whole refuses ids that could mean several objects: the server takes the id in a path for a prefix and a pattern.
func whole(id string) error {
	if !uuidPattern.MatchString(id) {
		return fmt.Errorf("the id %q is no full UUID, so that the server would look for others too; it is left alone", id)
	}
	return nil
}

// shared is the error of an id with which the server would reach another object as well.
func shared(id, other string) error {
	return fmt.Errorf("the server takes the id %s for that of another as well (%q begins with it, or was last received under it); "+
		"it is left alone", id, other)
}

// begins tells whether an id begins with another one, whatever its capitals, because some of the server's queries ignore them.
func begins(id, with string) bool {
	return len(id) >= len(with) && strings.EqualFold(id[:len(with)], with)
}

// wrap says what was attempted, and which right is missing.
func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	var refusal *httpapi.Error
	if errors.As(err, &refusal) && errors.Is(err, httpapi.ErrForbidden) {
		if _, scope, found := strings.Cut(refusal.Msg, "Missing required scope: "); found {
			return fmt.Errorf("%s: the key lacks %s: %w", what, scope, err)
		}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// parseError reads {"status":"error","message":"…","code":404,"errors":[…]}.
func parseError(_ int, body []byte) (code, msg string) {
	var e struct {
		Message string `json:"message"`
		Errors  []any  `json:"errors"`
	}
	if json.Unmarshal(body, &e) != nil || e.Message == "" {
		return "", ""
	}
	for _, detail := range e.Errors {
		e.Message += fmt.Sprintf("; %v", detail)
	}
	return "", e.Message
}
