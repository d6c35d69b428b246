package queue

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// ends is a 421: an answer, and the route's.
func ends() *RouteFault {
	return &RouteFault{Step: StepSession, Server: "mx.test:465", Err: errors.New("the server ends the session: 421 busy"), Untaken: true}
}

func TestAServerThatEndsEverySessionIsTheRoutesFault(t *testing.T) {
	for _, c := range []struct {
		reason string
		count  int
	}{{"one message", 1}, {"two", 2}, {"more than sessions are tried", 5}} {
		t.Run(c.reason, func(t *testing.T) {
			s := testSpool(t)
			w := newWorld(t, s)
			before := map[Name]bool{}
			for range c.count {
				put(t, s, envelope("a@x.org"), "x")
			}
			s.Names(func(n Name) bool { before[n] = true; return true })
			// The world commits first, so that all of the message was sent.
			w.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) { return Outcome{}, ends() }
			sum := w.flush()
			if f := sum.Faults["main"]; f == nil || sum.Uncertain != 0 || sum.Waiting != c.count {
				t.Errorf("summary %+v", sum)
			}
			if state, _ := s.RouteState("main"); state.Fault == nil || !strings.Contains(state.Fault.Sentence, "421 busy") {
				t.Errorf("route state %+v", state)
			}
			s.Names(func(n Name) bool {
				if !before[n] {
					t.Errorf("a message changed to %s", n)
				}
				return true
			})
			if w.opened() > maxBroken {
				t.Errorf("%d connections", w.opened())
			}
		})
	}
}

func TestAMessageAtWhichEverySessionEndsIsPassedOver(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	bad := put(t, s, envelope("poison@x.org"), "x")
	for range 3 {
		put(t, s, envelope("good@x.org"), "x")
	}
	w.answer = func(d *Delivery, _ Recipient) (Outcome, *RouteFault) {
		if d.ID == bad {
			return Outcome{}, ends()
		}
		return refuse(250, "ok"), nil
	}
	w.flush()
	if w.copies("good@x.org") != 3 {
		t.Errorf("%d of 3 others arrived", w.copies("good@x.org"))
	}
	if n := only(t, s); n.ID != bad || n.Attempts != 0 || n.Unsure || n.Next.Before(time.Now()) {
		t.Errorf("left in the queue: %s", n)
	}
}

func TestAMessageThatBreaksSessionsAloneDoesNotHoldUpWhatComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		bad := put(t, s, envelope("poison@x.org"), "x")
		w.answer = func(d *Delivery, _ Recipient) (Outcome, *RouteFault) {
			if d.ID == bad {
				return Outcome{}, ends()
			}
			return refuse(250, "ok"), nil
		}
		arrivals := make(chan struct{}, 1)
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan error)
		go func() { stopped <- w.runner.Serve(ctx, arrivals, nil) }()
		time.Sleep(24 * time.Hour) // virtual: the pauses have reached their longest
		synctest.Wait()
		tries := w.opened()
		if tries < 100 || tries > 300 {
			t.Errorf("%d connections in a day", tries)
		}
		put(t, s, envelope("good@x.org"), "x")
		arrivals <- struct{}{}
		synctest.Wait()
		if w.copies("good@x.org") != 1 {
			t.Error("a new message waits for one that breaks sessions")
		}
		cancel()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
}

func TestADeathOnTheWireIsToldToWhoWatches(t *testing.T) {
	s := testSpool(t)
	put(t, s, envelope("a@x.org"), "x")
	m, err := s.claim(only(t, s), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.rename(func(n *Name) { n.OnWire = true }); err != nil {
		t.Fatal(err)
	}
	m.Release() // as if the process had died
	w := newWorld(t, s)
	var told []string
	w.runner.Watch = func(e Event) {
		if e.Kind == Settled {
			told = append(told, e.Outcome.State().String()+" "+e.To)
		}
	}
	if sum := w.flush(); sum.Uncertain != 1 || sum.Delivered != 1 {
		t.Errorf("summary %+v", sum)
	}
	if want := []string{"uncertain a@x.org", "delivered a@x.org"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

func TestAMessageInWhoseMiddleTheRouteWentDownGoesSoonAfterItIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		put(t, s, envelope("a@x.org"), "x")
		w.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) {
			w.set(func() {
				w.down = &RouteFault{Step: StepConnect, Server: "mx.test:465", Err: errors.New("no connection within 1s")}
			})
			return Outcome{}, ends()
		}
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan error)
		go func() { stopped <- w.runner.Serve(ctx, nil, nil) }()
		synctest.Wait()
		w.set(func() { w.down, w.answer = nil, nil })
		time.Sleep(10 * time.Second) // virtual
		synctest.Wait()
		if w.copies("a@x.org") != 1 {
			t.Error("10 s after the route is up, the message has not gone")
		}
		cancel()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
}
