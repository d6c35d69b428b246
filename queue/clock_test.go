package queue

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestAClockThatJumpsLosesAndReturnsNothing sets the machine's clock a day
// ahead and then more than a week back while the queue is served: retries go
// on, and nothing is returned before it was tried for its time.
func TestAClockThatJumpsLosesAndReturnsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wrong atomic.Int64
		// Without the monotonic clock, which would know better.
		now := func() time.Time { return time.Now().Add(time.Duration(wrong.Load())).Round(0) }
		s := NewSpool(t.TempDir(), swiftDisk{OS{}}, now)
		w := newWorld(t, s)
		w.runner.Now = now
		later := func(*Delivery, Recipient) (Outcome, *RouteFault) { return refuse(450, "later"), nil }
		w.answer = later
		put(t, s, envelope("before@x.org"), "x")
		ctx, cancel := context.WithCancel(t.Context())
		arrivals, stopped := make(chan struct{}, 1), make(chan error)
		go func() { stopped <- w.runner.Serve(ctx, arrivals, nil) }()
		time.Sleep(10 * time.Hour) // virtual: the waits have reached their longest
		for _, jump := range []struct {
			how string
			by  time.Duration
			to  string
		}{
			{"a day ahead", 24 * time.Hour, "ahead@x.org"},
			{"a week and a day back", -8 * 24 * time.Hour, "back@x.org"},
			{"right again", 7 * 24 * time.Hour, "right@x.org"},
		} {
			// The route rests when the clock jumps.
			w.set(func() {
				w.down = &RouteFault{Step: StepConnect, Server: "mx.test:465", Err: errors.New("connection refused")}
			})
			time.Sleep(5 * time.Hour)
			wrong.Add(int64(jump.by))
			w.set(func() { w.down = nil })
			put(t, s, envelope(jump.to), "x")
			arrivals <- struct{}{}
			synctest.Wait()
			for hours := range 3 {
				before := w.opened()
				time.Sleep(5 * time.Hour)
				if tries := w.opened() - before; tries < 2 || tries > 40 {
					t.Errorf("%s: %d sessions from hour %d to %d", jump.how, tries, 5*hours, 5*hours+5)
				}
			}
		}
		w.set(func() { w.answer = nil })
		time.Sleep(5 * time.Hour)
		for _, to := range []string{"before@x.org", "ahead@x.org", "back@x.org", "right@x.org"} {
			if n := w.copies(to); n != 1 {
				t.Errorf("%s has %d copies", to, n)
			}
		}
		for _, report := range w.got["me@example.org"] {
			if !strings.Contains(report, "Subject: Warning: ") {
				t.Errorf("returned, though it was not tried for five days: %s", report)
			}
		}
		cancel()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
}
