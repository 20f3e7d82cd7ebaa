// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"time"

	"github.com/stackwatch/ansible-monitoring/pkg/window"
)

// meant gives those of some windows, none of them over, that a wish means by its time: for one that shall exist those that overlap it,
// for one that shall not exist those under way, and the later ones only if there are none.
func meant(windows []Window, s window.Schedule, absent bool, now time.Time) []Window {
	switch {
	case !absent:
		return filter(windows, func(w Window) bool { return s.Means(w.span, now) })
	case !s.Start.IsZero():
		return filter(windows, func(w Window) bool { return s.MeansGone(w.span, now) })
	}
	active := filter(windows, func(w Window) bool { return w.span.Begun(now) })
	if len(active) == 0 {
		return windows
	}
	if lasting := filter(active, func(w Window) bool { return w.span.Lasting(now) }); len(lasting) > 0 {
		return lasting // the others end by themselves
	}
	return active
}

func filter[T any](list []T, keep func(T) bool) []T {
	var kept []T
	for _, element := range list {
		if keep(element) {
			kept = append(kept, element)
		}
	}
	return kept
}
