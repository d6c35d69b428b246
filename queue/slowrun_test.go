package queue

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/config"
)

// TestAnUnattendedRunLeavesSlowQueuesTheirTime is cron's sendmail -q.
func TestAnUnattendedRunLeavesSlowQueuesTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		run := func() Summary {
			t.Helper()
			sum, err := w.runner.Run(t.Context(), Run{})
			if err != nil {
				t.Error(err)
			}
			return sum
		}
		id := put(t, s, envelope("a@x.org"), "x")
		if err := s.Slow(t.Context(), Name{ID: id}, config.SlowQueue{Name: "slow", Interval: 4 * time.Hour}); err != nil {
			t.Fatal(err)
		}
		if sum := run(); sum.Delivered != 0 || sum.Waiting != 0 {
			t.Errorf("before its time a run did %+v", sum)
		}
		time.Sleep(time.Until(only(t, s).Next)) // virtual
		if sum := run(); sum.Delivered != 1 {
			t.Errorf("at its time a run did %+v", sum)
		}
		id = put(t, s, envelope("b@x.org"), "x")
		if err := s.Slow(t.Context(), Name{ID: id}, slowQueue("slow")); err != nil {
			t.Fatal(err)
		}
		w.runner.Spool = s.Within("slow")
		if sum := run(); sum.Delivered != 1 {
			t.Errorf("a run of the slow queue itself did %+v", sum)
		}
	})
}

// TestAMessageThatWaitsLongGoesFromQueueToQueue is sendmail's schedule for
// slow queues (re-mqueue), in virtual time: each is run at its own times.
//
// Coverage: A28.
func TestAMessageThatWaitsLongGoesFromQueueToQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		w.runner.Tuning.Interval, w.runner.Tuning.Warn = 30*time.Minute, config.ByTiming{}
		w.runner.Tuning.Slow = []config.SlowQueue{
			{Name: "hourly", After: 45 * time.Minute, Interval: time.Hour},
			{Name: "seldom", After: 195 * time.Minute, Interval: 4 * time.Hour},
			{Name: "daily", After: 24 * time.Hour, Interval: 8 * time.Hour},
		}
		var tries []string
		w.answer = func(d *Delivery, _ Recipient) (Outcome, *RouteFault) {
			tries = append(tries, only(t, s).Slow()+time.Since(d.ID.Received()).Round(time.Minute).String())
			return refuse(450, "later"), nil
		}
		time.Sleep(10 * time.Minute) // virtual, off the whole hour
		put(t, s, envelope("a@x.org"), "x")
		ctx, stop := context.WithTimeout(t.Context(), 34*time.Hour)
		defer stop()
		if err := w.runner.Serve(ctx, make(chan struct{}), make(chan struct{})); err != nil {
			t.Error(err)
		}
		want := []string{
			"0s", "30m0s", "1h0m0s", // received at 0:10
			"hourly1h50m0s", "hourly2h50m0s", "hourly3h50m0s", // at 2:00, 3:00, 4:00
			"seldom7h50m0s", "seldom11h50m0s", "seldom15h50m0s", "seldom19h50m0s", "seldom23h50m0s",
			"seldom27h50m0s", // older than a day: it moves on
			"daily31h50m0s",
		}
		if !slices.Equal(tries, want) {
			t.Errorf("tried at\n%v, want\n%v", tries, want)
		}
	})
}
