// SPDX-License-Identifier: GPL-3.0-or-later

package icinga2

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/stackwatch/ansible-monitoring/modules/icinga2/icingatest"
)

// The benchmarks hold the whole module, from its arguments to its answer, against a bare client that sends what must be sent over as many
// connections, on the real server in the same run: "x-bare" is how many times as long the module took.

const (
	benchHosts       = 200
	benchServices    = 30
	benchConnections = 4
)

// estate declares services on hosts that there are, in one stack.
func estate() options {
	var list []options
	for s := range benchServices {
		list = append(list, element(fmt.Sprintf("service %d", s), options{"check_interval": 60 + s, "vars": options{"http_uri": "/healthz", "n": s}}))
	}
	return options{"stack": "shop", "services": list, "for_hosts": benchNames(), "_ansible_diff": false}
}

func benchNames() []string {
	names := make([]string, benchHosts)
	for h := range names {
		names[h] = fmt.Sprintf("web%d", h)
	}
	return names
}

// bench gives a lab whose module calls the server itself and not by way of a recorder.
func bench(b *testing.B) *lab {
	b.Helper()
	l := serviceLab(b)
	l.host(benchNames()...)
	l.URL = l.server.URL
	return l
}

// timed runs the module by the real clock.
func (l *lab) timed(o options) (answer, time.Duration) {
	l.T.Helper()
	start := time.Now()
	a := l.RunBy(nil, l.as(icingatest.Ansible, o))
	took := time.Since(start)
	require.False(l.T, a.Failed, a.Msg)
	return a, took
}

func BenchmarkFirstRun(b *testing.B) {
	var module, client time.Duration
	for b.Loop() {
		b.StopTimer()
		l, bare := bench(b), bench(b)
		b.StartTimer()
		a, took := l.timed(estate())
		b.StopTimer()
		module += took
		require.Equal(b, benchHosts*benchServices, a.Summary["created"])

		start := time.Now()
		bare.singly(func(s int) (string, map[string]any) {
			return http.MethodPut, map[string]any{
				"check_command": "dummy", "check_interval": 60 + s,
				"vars": map[string]any{"http_uri": "/healthz", "n": s, "managed_by": suite, "stack": "shop"},
			}
		})
		client += time.Since(start)
		b.StartTimer()
	}
	b.ReportMetric(module.Seconds()/client.Seconds(), "x-bare")
}

// BenchmarkUnchanged compares with one query for the attributes that are compared. "x-loop" is how many times as long a loop of
// ansible.builtin.uri takes, at the 233 milliseconds for each object that were measured for it.
func BenchmarkUnchanged(b *testing.B) {
	const loop = 233 * time.Millisecond
	l := bench(b)
	l.timed(estate())
	var module, client time.Duration
	runs := 0
	for b.Loop() {
		a, took := l.timed(estate())
		b.StopTimer()
		require.Equal(b, benchHosts*benchServices, a.Summary["unchanged"])
		require.Equal(b, 1, a.API.Calls)
		start := time.Now()
		l.root.Do(b, http.MethodGet, "/v1/objects/services", map[string]any{"attrs": []string{"check_command", "check_interval", "package", "vars"}})
		client += time.Since(start)
		module += took
		runs++
		b.StartTimer()
	}
	b.ReportMetric(module.Seconds()/client.Seconds(), "x-bare")
	b.ReportMetric(loop.Seconds()*benchHosts*benchServices*float64(runs)/module.Seconds(), "x-loop")
}

// BenchmarkTenChanged changes ten services among all: ten writes, a query before and one after.
func BenchmarkTenChanged(b *testing.B) {
	l := bench(b)
	l.timed(estate())
	n := 0
	for b.Loop() {
		n++
		task := estate()
		list := task["services"].([]options)
		for _, host := range benchNames()[:10] {
			list = append(list, list[0].With(options{"host": host, "notes": fmt.Sprint(n)}))
		}
		// The first service comes from the list by its hosts, so that ten of them can differ.
		for _, host := range benchNames()[10:] {
			list = append(list, list[0].With(options{"host": host}))
		}
		task["services"] = list[1:]
		a, _ := l.timed(task)
		require.Equal(b, 10, a.Summary["updated"])
		require.Equal(b, benchHosts*benchServices-10, a.Summary["unchanged"])
	}
}

// BenchmarkAllChanged makes the same change to all services. "x-single" is how many times as long the bare client takes that changes one after
// the other over as many connections.
func BenchmarkAllChanged(b *testing.B) {
	l := bench(b)
	l.timed(estate())
	var module, client time.Duration
	n := 0
	for b.Loop() {
		n++
		a, took := l.timed(estate().With(options{"retry_interval": 100 + n}))
		b.StopTimer()
		module += took
		require.Equal(b, benchHosts*benchServices, a.Summary["updated"])
		b.ReportMetric(float64(a.API.Calls), "calls")
		start := time.Now()
		l.singly(func(int) (string, map[string]any) { return http.MethodPost, map[string]any{"retry_interval": 1000 + n} })
		client += time.Since(start)
		b.StartTimer()
	}
	b.ReportMetric(client.Seconds()/module.Seconds(), "x-single")
}

// singly writes every service of the estate by a call of its own, as a bare client does.
func (l *lab) singly(write func(service int) (method string, attrs map[string]any)) {
	l.T.Helper()
	var group errgroup.Group
	group.SetLimit(benchConnections)
	for _, host := range benchNames() {
		for s := range benchServices {
			group.Go(func() error {
				method, attrs := write(s)
				answer := l.root.Do(l.T, method, icingatest.Path("services", fmt.Sprintf("%s!service %d", host, s)), map[string]any{"attrs": attrs})
				assert.Equal(l.T, http.StatusOK, answer.Status)
				return nil
			})
		}
	}
	require.NoError(l.T, group.Wait())
}

// BenchmarkPurge removes one stack of a host with its services among all the others.
func BenchmarkPurge(b *testing.B) {
	l := bench(b)
	l.timed(estate())
	hosts := labOn(b, l.server, world.hostModule, "objects")
	hosts.URL = l.server.URL
	for b.Loop() {
		b.StopTimer()
		hosts.timed(options{"stack": "blog", "name": "blog", "check_command": "dummy", "services": estate()["services"]})
		b.StartTimer()
		a, _ := hosts.timed(options{"stack": "blog", "state": "absent"})
		require.Equal(b, 1+benchServices, a.Summary["deleted"])
	}
	assert.Len(b, l.names(serviceKind), benchHosts*benchServices)
}
