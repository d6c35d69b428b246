package queue

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/config"
)

var (
	small = "Subject: x\n\n"
	large = small + strings.Repeat("x\n", 1000)
)

// Coverage: metered.
func TestAMessageTooLargeForAMeteredWayWaitsAndDoesNotAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		w.bound = 1000
		put(t, s, envelope("large@x.org"), large)
		put(t, s, envelope("small@x.org"), small)
		stop := w.serve(nil)
		time.Sleep(time.Hour)
		if w.copies("small@x.org") != 1 || w.copies("large@x.org") != 0 || w.opened() != 1 {
			t.Fatalf("small %d, large %d, over %d sessions", w.copies("small@x.org"), w.copies("large@x.org"), w.opened())
		}
		before := only(t, s)
		time.Sleep(30 * 24 * time.Hour)
		if after := only(t, s); after != before || after.Attempts != 0 || w.opened() != 1 {
			t.Errorf("after a month it is %s, and was %s; %d sessions", after, before, w.opened())
		}
		w.set(func() { w.bound = 0 })
		w.changes <- struct{}{}
		synctest.Wait()
		if w.copies("large@x.org") != 1 {
			t.Error("it did not go by itself when the way out was another")
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestNobodyIsToldOfAMessageThatIsTooLargeForNow(t *testing.T) {
	for _, c := range []struct {
		reason string
		change func(*config.Queue)
		want   int // messages to its sender
	}{
		{"not by the time that it was tried for", func(*config.Queue) {}, 0},
		{"nor by sendmail's plain age", func(q *config.Queue) { q.PlainAge = true }, 0},
		{"but what is given up untried costs nothing", func(q *config.Queue) { q.Return.Normal = config.Now }, 1},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := testSpool(t)
				w := newWorld(t, s)
				w.bound = 1000
				c.change(&w.runner.Tuning)
				put(t, s, envelope("large@x.org"), large)
				stop := w.serve(nil)
				time.Sleep(30 * 24 * time.Hour)
				w.set(func() { w.bound = 0 })
				w.changes <- struct{}{}
				synctest.Wait()
				if got := w.copies("me@example.org"); got != c.want || w.copies("large@x.org") != 1-c.want {
					t.Errorf("%d reports, %d delivered", got, w.copies("large@x.org"))
				}
				if err := stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Coverage: metered.
func TestAQueueRunPassesOverWhatIsTooLarge(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	w.bound = 1000
	put(t, s, envelope("large@x.org"), large)
	put(t, s, envelope("small@x.org"), small)
	put(t, s, &Envelope{From: "nobody@x.org", To: []Recipient{{Address: "lost@x.org"}}}, large)
	sum := w.flush()
	if sum.Delivered != 1 || sum.Kept != 1 || sum.Waiting != 1 || sum.Unroutable != 1 {
		t.Errorf("%+v", sum)
	}
	w.bound = 0
	if sum := w.flush(); sum.Delivered != 1 || sum.Kept != 0 || w.copies("large@x.org") != 1 {
		t.Errorf("without a bound: %+v", sum)
	}
}

// The network became another one while a session was at work.
func TestWhatBecomesTooLargeMeanwhileIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		w.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) {
			w.set(func() { w.bound = 1000 })
			return refuse(250, "ok"), nil
		}
		put(t, s, envelope("large@x.org"), large)
		put(t, s, envelope("small@x.org"), small)
		stop := w.serve(nil)
		time.Sleep(time.Hour)
		if w.copies("small@x.org") != 1 || w.copies("large@x.org") != 0 {
			t.Errorf("small %d, large %d", w.copies("small@x.org"), w.copies("large@x.org"))
		}
		w.set(func() { w.bound = 0 })
		w.changes <- struct{}{}
		synctest.Wait()
		if w.copies("large@x.org") != 1 {
			t.Error("it did not go when the way out was another again")
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
