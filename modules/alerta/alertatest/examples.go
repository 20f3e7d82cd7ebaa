// SPDX-License-Identifier: GPL-3.0-or-later

package alertatest

import (
	"testing"
	"time"
)

// Examples makes what the examples in the module's documentation are about: the stack shop with alerts and a heartbeat, a host with alerts,
// a stack that is gone, a heartbeat that nobody sends any more, and alerts that are over. Most of what there is belongs to the stack blog, which lives.
func (s *Server) Examples(t testing.TB) {
	t.Helper()
	of := func(stack, resource, event string, age time.Duration) Alert {
		return Alert{
			Environment: "Production", Resource: resource, Event: event, Severity: "critical", Service: []string{"web"}, Origin: "probe",
			Tags: []string{"stack=" + stack}, Age: age,
		}
	}
	closed := of("blog", "web09.example.com", "HttpError", 72*time.Hour)
	closed.Status = "closed"
	alerts := []Alert{
		of("shop", "web02.example.com", "HttpError", 0), of("shop", "web03.example.com", "HttpError", time.Hour),
		of("blog", "web01.example.com", "HttpError", time.Hour), of("gone", "web04.example.com", "HttpError", time.Hour), closed,
	}
	for _, event := range []string{"CpuHigh", "DiskFull", "LoadHigh", "SwapUsed", "TimeOff"} {
		alerts = append(alerts, of("blog", "web05.example.com", event, time.Hour))
	}
	s.Insert(t, alerts...)
	s.Beat(t, Heartbeat{Origin: "cron/web02.example.com", Tags: []string{"stack=shop"}})
	s.Age(t, 10*24*time.Hour, s.Beat(t, Heartbeat{Origin: "cron/forgotten"}))
}
