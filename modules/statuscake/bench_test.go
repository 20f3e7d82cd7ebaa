// SPDX-License-Identifier: GPL-3.0-or-later

package statuscake

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// The benchmarks hold the whole module, from its arguments to its answer, against a bare net/http client that makes the same
// calls over as many connections in the same run: "x-bare" is how many times as long the module took. "peak-MiB" is the highest
// heap while the module ran, the emulator's own included.

const (
	benchTests       = 1000
	benchConnections = 16
	benchLatency     = 20 * time.Millisecond
)

func BenchmarkCreate(b *testing.B) {
	task := benchTask()
	compare(b, emulator.Options{Latency: benchLatency}, task, func(l *lab) { l.Reset() }, func(ctx context.Context, c *bareClient) error {
		if err := c.call(ctx, http.MethodGet, "/uptime?limit=100&nouptime=true&page=1", nil); err != nil {
			return err
		}
		return c.each(func(i int) error {
			item := task["tests"].([]options)[i]
			return c.call(ctx, http.MethodPost, "/uptime", url.Values{
				"name": {item["name"].(string)}, "website_url": {item["website_url"].(string)}, "test_type": {"HTTP"}, "check_rate": {"60"},
				"confirmation": {"2"}, "trigger_rate": {"0"}, "tags[]": {ownershipTag, stackTag + item["stack"].(string)},
			})
		})
	})
}

func BenchmarkUnchanged(b *testing.B) {
	prepared := false
	compare(b, emulator.Options{Latency: benchLatency}, benchTask(), func(l *lab) {
		if !prepared {
			require.False(b, l.Run(benchTask()).Failed)
		}
		prepared = true
	}, func(ctx context.Context, c *bareClient) error {
		for page := 1; page <= benchTests/100; page++ {
			c.group.Go(func() error {
				return c.call(ctx, http.MethodGet, "/uptime?limit=100&nouptime=true&page="+strconv.Itoa(page), nil)
			})
		}
		return c.each(func(i int) error {
			return c.call(ctx, http.MethodGet, "/uptime/"+c.ids[i], nil)
		})
	})
}

func benchTask() options {
	return options{"tests": estate(benchTests), "api_concurrency": benchConnections, "api_rate_limit": 0, "_ansible_diff": false}
}

// compare runs module and bare client in turn, each after reset.
func compare(b *testing.B, opt emulator.Options, task options, reset func(*lab), bare func(context.Context, *bareClient) error) {
	l := plainLab(b, opt)
	var module, client time.Duration
	var peak uint64
	for b.Loop() {
		b.StopTimer()
		reset(l)
		l.StateDir = b.TempDir()
		stop := watchHeap(&peak)
		b.StartTimer()
		start := time.Now()
		a := l.RunBy(nil, task) // by the real clock
		module += time.Since(start)
		b.StopTimer()
		stop()
		require.False(b, a.Failed, a.Msg)
		require.Len(b, a.Objects, benchTests)

		c := newBareClient(l)
		reset(l)
		start = time.Now()
		require.NoError(b, bare(b.Context(), c))
		client += time.Since(start)
		c.http.CloseIdleConnections()
		b.StartTimer()
	}
	b.ReportMetric(module.Seconds()/client.Seconds(), "x-bare")
	b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
}

// watchHeap keeps the highest heap that it sees until stop.
func watchHeap(peak *uint64) (stop func()) {
	runtime.GC()
	var done atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for !done.Load() {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			*peak = max(*peak, m.HeapInuse)
			<-ticker.C
		}
	}()
	return func() { done.Store(true); <-ended }
}

// bareClient does what must be done over the network, and nothing else.
type bareClient struct {
	http  *http.Client
	group *errgroup.Group
	url   string
	ids   []string
}

func newBareClient(l *lab) *bareClient {
	c := &bareClient{url: l.URL, group: &errgroup.Group{}, http: &http.Client{
		Transport: &http.Transport{MaxConnsPerHost: benchConnections, MaxIdleConnsPerHost: benchConnections},
	}}
	c.group.SetLimit(benchConnections)
	for _, test := range l.Tests() {
		c.ids = append(c.ids, test.ID)
	}
	return c
}

// each calls f for each test, as many at a time as there are connections, and waits for the calls before it as well.
func (c *bareClient) each(f func(i int) error) error {
	for i := range benchTests {
		c.group.Go(func() error { return f(i) })
	}
	return c.group.Wait()
}

func (c *bareClient) call(ctx context.Context, method, path string, form url.Values) error {
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}
