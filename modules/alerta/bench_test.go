// SPDX-License-Identifier: GPL-3.0-or-later

package alerta

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/modules/alerta/alertatest"
)

// BenchmarkClearing deletes 1,000 of 10,000 alerts: by eight connections that do nothing else, by the module one by one, and in bulk. Only the ratios
// mean something on another machine.
func BenchmarkClearing(b *testing.B) {
	l := newLab(b, alertatest.Newest)
	all := alertatest.Stacks(10, 1000)
	var bare, single, bulk time.Duration
	for range b.N {
		bare += l.timed(b, all, func() { l.bare(b, "s1") })
		single += l.timed(b, all, func() { l.clear(b, false) })
		bulk += l.timed(b, all, func() { l.clear(b, true) })
	}
	b.ReportMetric(single.Seconds()/bare.Seconds(), "single/bare")
	b.ReportMetric(single.Seconds()/bulk.Seconds(), "single/bulk")
	b.ReportMetric(bulk.Seconds()/float64(b.N), "bulk-s")
	b.ReportMetric(single.Seconds()/float64(b.N), "single-s")
	b.ReportMetric(0, "ns/op")
}

func (l *lab) timed(b *testing.B, all []alertatest.Alert, do func()) time.Duration {
	b.Helper()
	l.server.Reset(b)
	l.server.Insert(b, all...)
	began := time.Now()
	do()
	took := time.Since(began)
	require.Equal(b, 9000, l.server.Count(b))
	return took
}

func (l *lab) clear(b *testing.B, bulk bool) {
	b.Helper()
	a := l.run(task{"stack": "s1", "action": "delete", "bulk": bulk, "api_url": l.server.URL, "_ansible_diff": false})
	require.False(b, a.Failed, a.Msg)
}

// bare deletes the alerts of a stack over eight connections, without looking for them first.
func (l *lab) bare(b *testing.B, stack string) {
	b.Helper()
	work := make(chan string)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for id := range work {
				l.server.Do(b, l.server.Key(alertatest.Ansible), http.MethodDelete, "/alert/"+id, nil)
			}
		})
	}
	for _, a := range l.stack(stack) {
		work <- a.ID
	}
	close(work)
	group.Wait()
}
