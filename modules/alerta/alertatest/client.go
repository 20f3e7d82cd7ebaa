// SPDX-License-Identifier: GPL-3.0-or-later

package alertatest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"testing"
)

// connections is how many calls Send has on their way at once. More make the server no faster.
const connections = 8

// Answer is what the server said.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Message gives the text by which Alerta explains an answer, empty where it gives none.
func (a Answer) Message() string {
	var body struct{ Message string }
	if json.Unmarshal(a.Body, &body) != nil {
		return "" // it is no JSON
	}
	return body.Message
}

// Do sends one call with a key (empty: with none); a body of nil is none, any other is sent as JSON. The path may have a query.
// It fails the test only if there is no answer. It shares no code with the module, so that a mistake of that cannot hide itself.
func (s *Server) Do(t testing.TB, key, method, path string, body any) Answer {
	t.Helper()
	answer, err := s.do(t, key, method, path, body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer
}

func (s *Server) do(t testing.TB, key, method, path string, body any) (Answer, error) {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return Answer{}, err
		}
	}
	// Clean-ups call too, when the test's own context has ended.
	r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, s.URL+path, bytes.NewReader(content))
	if err != nil {
		return Answer{}, err
	}
	if key != "" {
		r.Header.Set("Authorization", "Key "+key)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := s.http.Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	answer := Answer{Status: response.StatusCode, Header: response.Header}
	answer.Body, err = io.ReadAll(response.Body)
	return answer, err
}

// done makes a call as the administrator, fails the test where the server refuses it, and gives the id of what it made.
func (s *Server) done(t testing.TB, method, path string, body any) string {
	t.Helper()
	answer := s.Do(t, s.Key(Admin), method, path, body)
	if answer.Status >= http.StatusMultipleChoices {
		t.Fatalf("%s %s: %d %s", method, path, answer.Status, answer.Body)
	}
	var made struct{ ID string }
	if err := json.Unmarshal(answer.Body, &made); err != nil {
		t.Fatalf("%s %s: %v in %s", method, path, err, answer.Body)
	}
	return made.ID
}

// Send sends alerts through the API, several at a time, and gives their ids in the order of the alerts: that of the alert which
// the server holds, also where it was there before; where a blackout swallowed it, one that does not exist.
func (s *Server) Send(t testing.TB, alerts ...Alert) []string {
	t.Helper()
	ids := make([]string, len(alerts))
	next := make(chan int)
	var senders sync.WaitGroup
	for range min(connections, len(alerts)) {
		senders.Go(func() {
			for i := range next {
				answer, err := s.do(t, s.Key(Admin), http.MethodPost, "/alert", alerts[i])
				var sent struct{ ID string }
				if err == nil {
					err = json.Unmarshal(answer.Body, &sent)
				}
				if err != nil || sent.ID == "" {
					t.Errorf("alert %s of %s: %v, %d %s", alerts[i].Event, alerts[i].Resource, err, answer.Status, answer.Body)
				}
				ids[i] = sent.ID
			}
		})
	}
	for i := range alerts {
		next <- i
	}
	close(next)
	senders.Wait()
	return ids
}

// Beat sends a heartbeat through the API and gives its id.
func (s *Server) Beat(t testing.TB, h Heartbeat) string {
	t.Helper()
	return s.done(t, http.MethodPost, "/heartbeat", h)
}

// BlackOut makes a blackout through the API and gives its id.
func (s *Server) BlackOut(t testing.TB, b Blackout) string {
	t.Helper()
	return s.done(t, http.MethodPost, "/blackout", b)
}
