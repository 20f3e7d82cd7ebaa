// SPDX-License-Identifier: GPL-3.0-or-later

package pingdom

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/stackwatch/ansible-monitoring/pkg/emulator"
)

// TestClocksDiffer: Pingdom's clock may be ahead or behind by some seconds. Still one window is made, left alone, and ended.
func TestClocksDiffer(t *testing.T) {
	t.Parallel()
	for _, slip := range []time.Duration{-10 * time.Second, -time.Second, time.Second, 10 * time.Second} {
		t.Run(slip.String(), func(t *testing.T) {
			t.Parallel()
			d := startDock(t, emulator.Options{}, slip, nil)
			d.watch("shop/cart")
			for _, o := range []options{deployment(), deployment().With(options{"duration": "1m"})} {
				d.ok(o)
				d.settled(o)
				d.pass(25 * time.Second)
				d.settled(o)
				d.ok(o.With(gone()))
				d.settled(o.With(gone()))
				d.pass(time.Second)
				d.ok(o)
				d.ok(o.With(gone()))
				d.pass(time.Minute)
			}
			assert.Len(t, d.Windows(), 4)
			now := d.Clock.Now().Unix()
			for _, w := range d.Windows() {
				assert.LessOrEqual(t, w.To, now)
			}
		})
	}
}

// TestAWindowThatBeginsOrEndsMeanwhile lets time pass between the look and the write.
func TestAWindowThatBeginsOrEndsMeanwhile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		from, to float64
		pass     time.Duration
		sent     []string
		left     []float64 // nil: deleted
	}{
		{"begins", 0.5, 60, time.Minute, []string{"DELETE", `PUT {"to":1}`}, []float64{-0.5, 0}},
		{"begins and ends", 0.5, 1.5, 2 * time.Minute, []string{"DELETE", `PUT {"to":1}`}, []float64{-1.5, -0.5}},
		{"ends", -60, 0.5, time.Minute, []string{`PUT {"to":1}`, "DELETE"}, []float64{-61, -0.5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			passed := false
			d := startDock(t, emulator.Options{}, 0, func(d *dock, account http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method != http.MethodGet && !passed {
						passed = true
						d.pass(c.pass)
					}
					account.ServeHTTP(w, r)
				})
			})
			id := d.window("Deployment", c.from, c.to, d.watch("shop/cart"))
			a := d.run(deployment().With(gone()))
			require.False(t, a.Failed, a.Msg)
			assert.Equal(t, c.sent, d.sent())
			_, times, _ := d.stored(id)
			assert.Equal(t, c.left, times)
		})
	}
	t.Run("is deleted by somebody", func(t *testing.T) {
		t.Parallel()
		d := newDock(t)
		d.window("Deployment", 5, 60, d.watch("shop/cart"))
		d.Inject(emulator.On(http.MethodDelete, "", 1, emulator.Fault{Kind: emulator.DropAfter})) // sent again it finds nothing
		d.run(deployment().With(gone()))
		assert.Empty(t, d.Windows())
		assert.Len(t, d.sent(), 2)
	})
	t.Run("is refused for another reason", func(t *testing.T) {
		t.Parallel()
		d := newDock(t)
		d.window("Deployment", 5, 60, d.watch("shop/cart"))
		refuse := emulator.Fault{Kind: emulator.Status, Status: http.StatusForbidden}
		d.Inject(emulator.On(http.MethodDelete, "", emulator.Always, refuse), emulator.On(http.MethodPut, "", emulator.Always, refuse))
		a := d.run(deployment().With(gone()))
		assert.True(t, a.Failed)
		assert.Contains(t, a.Msg, "ending maintenance window Deployment")
		assert.Contains(t, a.Msg, "DELETE /maintenance/")
		assert.Len(t, d.Windows(), 1)
	})
}

// TestAStartThatIsNearIsNow: by Pingdom's clock it may have passed, and it takes no time that has.
func TestAStartThatIsNearIsNow(t *testing.T) {
	t.Parallel()
	for _, seconds := range []int64{-3000, 0, 5, 11, 20} {
		d := startDock(t, emulator.Options{}, 10*time.Second, onTheWay(5*time.Second))
		d.watch("shop/cart")
		near := deployment().With(options{"start": noon().Unix() + seconds, "duration": "1h"})
		d.ok(near)
		sent := d.sent()
		require.Len(t, sent, 1)
		assert.Contains(t, sent[0], `"from":1,`)
		d.settled(near)
	}
}

// onTheWay lets time pass before a write arrives.
func onTheWay(span time.Duration) func(*dock, http.Handler) http.Handler {
	return func(d *dock, account http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet {
				d.pass(span)
			}
			account.ServeHTTP(w, r)
		})
	}
}

// TestWaitingDoesNotShortenAWindow: a call that Pingdom put off tells the times of the moment at which it goes out, and so does the answer.
func TestWaitingDoesNotShortenAWindow(t *testing.T) {
	t.Parallel()
	putOff := func(method, path string) emulator.Rule {
		return emulator.On(method, "/api/3.1"+path, 3, emulator.Fault{
			Kind: emulator.Status, Status: http.StatusTooManyRequests, Header: http.Header{"Req-Limit-Short": {"Remaining: 0 Time until reset: 240"}},
		})
	}
	const waited = 12 * time.Minute
	told := func(d *dock, a windowsAnswer) {
		d.T.Helper()
		require.False(d.T, a.Failed, a.Msg)
		stored, _, _ := d.stored(value(a.Windows[0].ID))
		assert.Equal(d.T, time.Unix(stored.From, 0).UTC().Format(time.RFC3339), value(a.Windows[0].Start))
		assert.Equal(d.T, time.Unix(stored.To, 0).UTC().Format(time.RFC3339), value(a.Windows[0].End))
		assert.Equal(d.T, value(a.Windows[0].End), a.Windows[0].Changes["end"].After)
		assert.GreaterOrEqual(d.T, d.Clock.Now().Sub(noon()), waited)
	}
	t.Run("opened", func(t *testing.T) {
		t.Parallel()
		d := newDock(t)
		d.watch("shop/cart")
		d.Inject(putOff(http.MethodPost, "/maintenance"))
		a := d.run(deployment())
		told(d, a)
		_, times := d.only()
		assert.Equal(t, []float64{0, 60}, times)
		d.settled(deployment())
	})
	t.Run("shorter than the wait", func(t *testing.T) {
		t.Parallel()
		d := newDock(t)
		d.watch("shop/cart")
		d.Inject(putOff(http.MethodPost, "/maintenance"))
		told(d, d.run(deployment().With(options{"duration": "5m"})))
		_, times := d.only()
		assert.Equal(t, []float64{0, 5}, times)
	})
	t.Run("made to last", func(t *testing.T) {
		t.Parallel()
		d := newDock(t)
		d.window("Deployment", -50, 20, d.watch("shop/cart"))
		d.Inject(putOff(http.MethodPut, ""))
		told(d, d.run(deployment()))
		_, times := d.only()
		assert.InDelta(t, 60, times[1], 0, "it began %v minutes ago", times[0])
	})
	t.Run("moved to now", func(t *testing.T) {
		t.Parallel()
		d := newDock(t)
		d.window("Deployment", 30, 90, d.watch("shop/cart"))
		d.Inject(putOff(http.MethodPut, ""))
		told(d, d.run(deployment()))
		_, times := d.only()
		assert.Equal(t, []float64{0, 60}, times)
	})
	t.Run("planned, to its end", func(t *testing.T) {
		t.Parallel()
		d := newDock(t)
		d.watch("shop/cart")
		d.Inject(putOff(http.MethodPost, "/maintenance"))
		told(d, d.run(deployment().With(options{"start": noon().Add(5 * time.Minute).Unix()})))
		w, times := d.only()
		assert.InDelta(t, 0, times[0], 0)
		assert.Equal(t, noon().Add(65*time.Minute).Unix(), w.To)
	})
	t.Run("looked for", func(t *testing.T) {
		t.Parallel()
		d := newDock(t)
		ended := d.window("Deployment", -20, 8, d.watch("shop/cart"))
		d.Inject(putOff(http.MethodGet, "/maintenance$"))
		a := d.run(deployment())
		told(d, a)
		assert.NotEqual(t, ended, value(a.Windows[0].ID), "what ended while the list was waited for is over")
	})
}
