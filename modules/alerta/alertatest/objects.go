// SPDX-License-Identifier: GPL-3.0-or-later

package alertatest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// Alert is an alert in Alerta's own words; see https://docs.alerta.io/api/alert.html. What is empty is left out when it is sent.
type Alert struct {
	ID            string         `json:"id,omitempty"`
	Environment   string         `json:"environment,omitempty"` // Production or Development; others are refused by default
	Resource      string         `json:"resource,omitempty"`
	Event         string         `json:"event,omitempty"`
	Severity      string         `json:"severity,omitempty"`
	Status        string         `json:"status,omitempty"`
	Service       []string       `json:"service,omitempty"` // one at least, by default
	Group         string         `json:"group,omitempty"`
	Value         string         `json:"value,omitempty"`
	Text          string         `json:"text,omitempty"`
	Tags          []string       `json:"tags,omitempty"`
	Attributes    map[string]any `json:"attributes,omitempty"`
	Origin        string         `json:"origin,omitempty"`
	Customer      string         `json:"customer,omitempty"`
	Timeout       *int           `json:"timeout,omitempty"` // seconds; 0 is never
	LastReceiveID string         `json:"lastReceiveId,omitempty"`
	LastReceived  string         `json:"lastReceiveTime,omitempty"` // as TimeFormat says, and in UTC
	// Age is how long ago Insert lets the alert be received. It is never sent, and never read.
	Age time.Duration `json:"-"`
}

// Heartbeat is a heartbeat in Alerta's own words; see https://docs.alerta.io/api/heartbeat.html.
type Heartbeat struct {
	ID         string         `json:"id,omitempty"`
	Origin     string         `json:"origin,omitempty"`
	Tags       []string       `json:"tags,omitempty"`
	Attributes map[string]any `json:"attributes,omitempty"`
	Customer   string         `json:"customer,omitempty"`
	Timeout    *int           `json:"timeout,omitempty"` // seconds
}

// TimeFormat is the only form in which Alerta takes and gives times.
const TimeFormat = "2006-01-02T15:04:05.000Z"

// Blackout is a blackout in Alerta's own words; see https://docs.alerta.io/api/blackout.html.
type Blackout struct {
	ID          string   `json:"id,omitempty"`
	Environment string   `json:"environment,omitempty"`
	Resource    string   `json:"resource,omitempty"`
	Service     []string `json:"service,omitempty"`
	Event       string   `json:"event,omitempty"`
	Group       string   `json:"group,omitempty"`
	Tags        []string `json:"tags,omitempty"`
	Origin      string   `json:"origin,omitempty"`
	Customer    string   `json:"customer,omitempty"`
	Text        string   `json:"text,omitempty"`
	StartTime   string   `json:"startTime,omitempty"` // as TimeFormat says, and in UTC
	EndTime     string   `json:"endTime,omitempty"`
	Duration    int      `json:"duration,omitempty"` // seconds
}

// Contents is what a server holds.
type Contents struct {
	Alerts     []Alert
	Heartbeats []Heartbeat
	Blackouts  []Blackout
}

// Contents returns everything that the server holds, in the order of Alerts, Heartbeats and Blackouts.
func (s *Server) Contents(t testing.TB) Contents {
	t.Helper()
	var c Contents
	s.must(t, json.Unmarshal([]byte(s.sql(t, fmt.Sprintf("SELECT json_build_object('Alerts', (%s), 'Heartbeats', (%s), 'Blackouts', (%s))",
		asList(alertRows), asList(heartbeatRows), asList(blackoutRows)))), &c))
	return c
}

// Alerts gives all alerts that the server holds, by environment, resource, event and customer.
func (s *Server) Alerts(t testing.TB) []Alert {
	t.Helper()
	return rows[Alert](t, s, alertRows)
}

// Count gives the number of all alerts that the server holds.
func (s *Server) Count(t testing.TB) int {
	t.Helper()
	var n int
	s.must(t, json.Unmarshal([]byte(s.sql(t, "SELECT count(*) FROM alerts")), &n))
	return n
}

// Heartbeats gives all heartbeats that the server holds, by origin.
func (s *Server) Heartbeats(t testing.TB) []Heartbeat {
	t.Helper()
	return rows[Heartbeat](t, s, heartbeatRows)
}

// Blackouts gives all blackouts that the server holds, also those that have ended, the first made first.
func (s *Server) Blackouts(t testing.TB) []Blackout {
	t.Helper()
	return rows[Blackout](t, s, blackoutRows)
}

const (
	sqlTimeFormat = `'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'`
	alertRows     = `SELECT id, environment, resource, event, severity, status, service, "group", value, text, tags, attributes,
		origin, customer, timeout, last_receive_id AS "lastReceiveId", to_char(last_receive_time, ` + sqlTimeFormat + `) AS "lastReceiveTime"
		FROM alerts ORDER BY environment, resource, event, customer`
	heartbeatRows = "SELECT id, origin, tags, attributes, customer, timeout FROM heartbeats ORDER BY origin, customer"
	blackoutRows  = `SELECT id, environment, resource, service, event, "group", tags, origin, customer, text, duration,
		to_char(start_time, ` + sqlTimeFormat + `) AS "startTime", to_char(end_time, ` + sqlTimeFormat + `) AS "endTime"
		FROM blackouts ORDER BY create_time`
)

// asList turns a query for rows into a query for one value: the rows as a JSON array.
func asList(query string) string { return "SELECT coalesce(json_agg(r), '[]') FROM (" + query + ") r" }

// rows reads what a query selects, its columns by their names.
func rows[T any](t testing.TB, s *Server, query string) []T {
	t.Helper()
	var found []T
	s.must(t, json.Unmarshal([]byte(s.sql(t, asList(query))), &found))
	return found
}

// Insert puts alerts into the database as the API would have done with them when they were received, and is much quicker.
// Two alerts of one environment, resource, event and customer are an error, where the API would count a duplicate.
func (s *Server) Insert(t testing.TB, alerts ...Alert) {
	t.Helper()
	type row struct {
		Alert
		Seconds float64 `json:"seconds"`
	}
	received := make([]row, len(alerts))
	for i, alert := range alerts {
		received[i] = row{alert, alert.Age.Seconds()}
	}
	s.sql(t, `INSERT INTO alerts (id, environment, resource, event, severity, correlate, status, service, "group", value, text, tags,
			attributes, origin, type, create_time, timeout, customer, duplicate_count, repeat, previous_severity, trend_indication,
			receive_time, last_receive_id, last_receive_time, update_time, history)
		SELECT id, environment, resource, event, severity, '{}', status, coalesce(service, '{}'), coalesce("group", 'Misc'), value,
			coalesce(text, ''), coalesce(tags, '{}'), coalesce(attributes, '{}') || '{"ip": "127.0.0.1"}', origin, 'exceptionAlert', at,
			coalesce(timeout, 86400), nullif(customer, ''), 0, false, 'indeterminate',
			CASE WHEN severity IN ('security', 'critical', 'major', 'minor', 'warning') THEN 'moreSevere'
				WHEN severity = 'indeterminate' THEN 'noChange' ELSE 'lessSevere' END,
			at, id, at, at,
			ARRAY[(id, event, severity, status, value, coalesce(text, ''), 'new', at, 'admin@alerta.io', coalesce(timeout, 86400))::history]
		FROM (
			SELECT coalesce(a.id, gen_random_uuid()::text) AS id, environment, resource, event, coalesce(severity, 'normal') AS severity,
				coalesce(status, CASE WHEN coalesce(severity, 'normal') IN ('normal', 'ok', 'cleared') THEN 'closed' ELSE 'open' END) AS status,
				service, "group", value, text, tags, attributes, origin, timeout, customer,
				date_trunc('milliseconds', now() AT TIME ZONE 'utc') - seconds * interval '1 second' AS at
			FROM jsonb_to_recordset(`+quoted(t, received)+`) AS a(id text, environment text, resource text, event text, severity text,
				status text, service text[], "group" text, value text, text text, tags text[], attributes jsonb, origin text,
				timeout integer, customer text, seconds double precision)
		) a`)
}

// Stacks gives the alerts of a number of stacks s1, s2, ..., with so many each: Stacks(100, 100) are 10,000.
// Names of one stack begin with those of another (s1, s10, s100), and so do the names of hosts within a stack (web1, web10).
func Stacks(stacks, each int) []Alert {
	alerts := make([]Alert, 0, stacks*each)
	for s := 1; s <= stacks; s++ {
		stack := fmt.Sprintf("s%d", s)
		for i := 1; i <= each; i++ {
			alerts = append(alerts, Alert{
				Environment: "Production", Resource: fmt.Sprintf("web%d.%s.example.com", i, stack), Event: "NodeDown", Severity: "critical",
				Service: []string{stack}, Group: "Web", Value: "down", Text: "no answer", Tags: []string{"stack=" + stack},
				Attributes: map[string]any{"stack": stack}, Origin: "probe/" + stack,
			})
		}
	}
	return alerts
}

// Age lets heartbeats be received that long ago.
func (s *Server) Age(t testing.TB, age time.Duration, heartbeats ...string) {
	t.Helper()
	s.sql(t, fmt.Sprintf(`UPDATE heartbeats SET create_time = at, receive_time = at
		FROM (SELECT now() AT TIME ZONE 'utc' - %f * interval '1 second' AS at) now
		WHERE id IN (SELECT jsonb_array_elements_text(%s))`, age.Seconds(), quoted(t, heartbeats)))
}

// AgeActions moves the time of each alert's last action into the past.
func (s *Server) AgeActions(t testing.TB, age time.Duration) {
	t.Helper()
	s.sql(t, fmt.Sprintf("UPDATE alerts SET update_time = update_time - %f * interval '1 second'", age.Seconds()))
}

// Later moves everything that the server holds that far into the past. It rounds each age to a multiple of grid first, so that the time which
// a test itself takes does not count.
func (s *Server) Later(t testing.TB, age, grid time.Duration) {
	t.Helper()
	var statements strings.Builder
	for _, c := range []struct {
		table   string
		columns []string
	}{
		{"alerts", []string{"update_time", "receive_time", "last_receive_time"}},
		{"heartbeats", []string{"create_time", "receive_time"}},
		{"blackouts", []string{"start_time", "end_time"}},
	} {
		sets := make([]string, len(c.columns))
		for i, column := range c.columns {
			sets[i] = fmt.Sprintf("%[1]s = at - (round(extract(epoch FROM at - %[1]s) / %[2]f) * %[2]f + %[3]f) * interval '1 second'",
				column, grid.Seconds(), age.Seconds())
		}
		fmt.Fprintf(&statements, "UPDATE %s SET %s FROM (SELECT now() AT TIME ZONE 'utc' AS at) now;\n", c.table, strings.Join(sets, ", "))
	}
	s.sql(t, statements.String())
}
