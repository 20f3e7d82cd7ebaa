// SPDX-License-Identifier: GPL-3.0-or-later

package emulator_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
	"github.com/stackwatch/ansible-monitoring/pkg/emulator/statuscake"
)

const token = "very-secret-token"

// start serves an emulated account on a real socket.
func start(t testing.TB, opt emulator.Options) (*statuscake.Emulator, string) {
	t.Helper()
	e := statuscake.New(opt)
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	return e, server.URL + statuscake.BasePath
}

// answer is what a caller saw of a call.
type answer struct {
	status int
	header http.Header
	body   string
	err    error // of the call or of reading the body
}

func call(t testing.TB, method, url, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	// A connection of its own for each call: net/http must not repeat a call on one that was dropped.
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{status: resp.StatusCode, header: resp.Header, body: string(text), err: err}
}

const creation = "name=Shop&test_type=HTTP&website_url=https%3A%2F%2Fshop.example.com&check_rate=300&tags%5B%5D=a"

func TestCallsAreRecordedInOrder(t *testing.T) {
	noon := time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)
	e, url := start(t, emulator.Options{Token: token, Now: func() time.Time { return noon }})
	call(t, "POST", url+"/uptime", creation)
	call(t, "GET", url+"/uptime?limit=100&nouptime", "")
	call(t, "DELETE", url+"/uptime/1", "")

	calls := e.Calls()
	require.Len(t, calls, 3)
	assert.Equal(t, emulator.Call{
		Index: 0, At: noon, Method: "POST", Path: "/v1/uptime", Status: 201, Acted: true,
		Form: map[string][]string{"name": {"Shop"}, "test_type": {"HTTP"}, "website_url": {"https://shop.example.com"}, "check_rate": {"300"}, "tags[]": {"a"}},
	}, calls[0])
	assert.Equal(t, emulator.Call{Index: 1, At: noon, Method: "GET", Path: "/v1/uptime", Query: "limit=100&nouptime", Status: 200, Acted: true}, calls[1])
	assert.Equal(t, emulator.Call{Index: 2, At: noon, Method: "DELETE", Path: "/v1/uptime/1", Status: 404, Acted: true}, calls[2])
	assert.Equal(t, 2, e.Writes())
	assert.Equal(t, 1, e.MaxInFlight())
	assert.NotContains(t, fmt.Sprintf("%+v", calls), token, "the record must not keep credentials")

	e.ResetCalls()
	call(t, "GET", url+"/uptime/7", "")
	assert.Equal(t, 0, e.Calls()[0].Index, "indexes start anew")
	assert.Len(t, e.Calls(), 1)
}

func TestCountByPath(t *testing.T) {
	e, url := start(t, emulator.Options{})
	for _, path := range []string{"/uptime", "/uptime/1", "/uptime/2", "/uptime-locations"} {
		call(t, "GET", url+path, "")
	}
	call(t, "DELETE", url+"/uptime/1", "")
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"", "", 5}, {"GET", "", 4}, {"GET", "/v1/uptime", 3}, {"GET", "/v1/uptime/", 3}, {"", "/v1/uptime", 4},
		{"GET", "/v1/uptime$", 1}, {"GET", "/v1/uptime/*", 2}, {"DELETE", "/v1/uptime/1", 1}, {"GET", "/v1/up", 0},
		{"PUT", "/v1/uptime", 0}, {"GET", "/v1/*", 2},
	} {
		assert.Equal(t, c.want, e.Count(c.method, c.path), "%s %s", c.method, c.path)
	}
}

func TestToken(t *testing.T) {
	for name, c := range map[string]struct {
		token  string
		header []string
		want   int
	}{
		"right":               {token, []string{"Bearer " + token}, 200},
		"wrong":               {token, []string{"Bearer other"}, 401},
		"missing":             {token, nil, 401},
		"empty":               {token, []string{"Bearer "}, 401},
		"another scheme":      {token, []string{"Basic " + token}, 401},
		"twice":               {token, []string{"Bearer " + token, "Bearer " + token}, 401},
		"any, where none set": {"", []string{"Bearer x"}, 200},
		"none, none set":      {"", nil, 401},
	} {
		t.Run(name, func(t *testing.T) {
			e := statuscake.New(emulator.Options{Token: c.token})
			req := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/uptime", nil)
			req.Header["Authorization"] = c.header
			w := httptest.NewRecorder()
			e.ServeHTTP(w, req)
			assert.Equal(t, c.want, w.Code)
			assert.Equal(t, c.want == 200, e.Calls()[0].Acted)
			if c.want == 401 {
				assert.JSONEq(t, `{"message":"Unauthorized","errors":{}}`, w.Body.String())
			}
		})
	}
}

func TestLatencyPassesOnTheClockAndNotUnderALock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := statuscake.New(emulator.Options{Latency: 20 * time.Millisecond})
		began := time.Now()
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() { get(t.Context(), e, "/v1/uptime") })
		}
		wg.Wait()
		assert.Equal(t, 20*time.Millisecond, time.Since(began), "sixteen calls at once wait together")
		assert.Equal(t, 16, e.MaxInFlight())
	})
}

func TestACallerThatLeavesChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := statuscake.New(emulator.Options{Latency: time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		post(ctx, e, "/v1/uptime", creation)
		assert.Empty(t, e.Tests())
		assert.Equal(t, 0, e.Calls()[0].Status)
		assert.False(t, e.Calls()[0].Acted)

		e = statuscake.New(emulator.Options{})
		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		post(ctx, e, "/v1/uptime", creation)
		assert.Empty(t, e.Tests(), "without latency, too")
	})
}

func TestABodyWithoutEndIsRefused(t *testing.T) {
	e, url := start(t, emulator.Options{})
	got := call(t, "POST", url+"/uptime", strings.Repeat("a", 5<<20))
	assert.True(t, got.err != nil || got.status == 413, "got %+v", got)
	assert.Empty(t, e.Calls())
}

func TestManyAtOnce(t *testing.T) {
	e, url := start(t, emulator.Options{RatePerSecond: 1 << 20})
	e.Inject(emulator.On("DELETE", "/v1/uptime", 10, emulator.Fault{Kind: emulator.Status, Status: 500}))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				call(t, "POST", url+"/uptime", creation)
				call(t, "GET", url+"/uptime", "")
				call(t, "DELETE", url+"/uptime/"+e.Tests()[0].ID, "")
				e.Calls()
			}
		})
	}
	wg.Wait()
	calls := e.Calls()
	assert.Len(t, calls, 240)
	for i, c := range calls {
		assert.Equal(t, i, c.Index)
	}
	assert.Equal(t, 160, e.Writes())
	assert.Empty(t, e.Pending())
}

func TestErrorsOfOwnAnswers(t *testing.T) {
	resp := emulator.JSON(200, func() {})
	assert.Equal(t, 500, resp.Status, "what cannot be marshalled is told, not sent half")
}

func get(ctx context.Context, h http.Handler, path string) *httptest.ResponseRecorder {
	return serve(ctx, h, "GET", path, "")
}

func post(ctx context.Context, h http.Handler, path, body string) *httptest.ResponseRecorder {
	return serve(ctx, h, "POST", path, body)
}

func serve(ctx context.Context, h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	req := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

// BenchmarkCreate and BenchmarkGet measure a call over a kept-alive socket, the client's share included.
func BenchmarkCreate(b *testing.B) {
	_, base := start(b, emulator.Options{})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16, MaxConnsPerHost: 16}}
	form := url.Values{
		"name": {"Shop"}, "test_type": {"HTTP"}, "website_url": {"https://shop.example.com"}, "check_rate": {"300"},
		"tags[]": {"a", "b"}, "regions[]": {"london", "paris"}, "trigger_rate": {"5"}, "confirmation": {"2"}, "status_codes_csv": {"500,502"},
	}.Encode()
	run(b, client, "POST", base+"/uptime", form, 201)
}

func BenchmarkGet(b *testing.B) {
	e, base := start(b, emulator.Options{})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16, MaxConnsPerHost: 16}}
	ids := e.Seed(1000, "a")
	run(b, client, "GET", base+"/uptime/"+ids[500], "", 200)
}

func run(b *testing.B, client *http.Client, method, url, body string, want int) {
	b.Helper()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req, err := http.NewRequestWithContext(b.Context(), method, url, strings.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			req.Header.Set("Authorization", "Bearer x")
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if body == "" {
				req.Body = nil
			}
			resp, err := client.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			_, err = io.Copy(io.Discard, resp.Body)
			if err = errors.Join(err, resp.Body.Close()); err != nil || resp.StatusCode != want {
				b.Errorf("status %d, error %v", resp.StatusCode, err)
				return
			}
		}
	})
}
