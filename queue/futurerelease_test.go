package queue

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A keeping is a world whose server keeps messages for a later time.
type keeping struct {
	*world
	longest time.Duration
	// refuses: it does not, after all.
	refuses bool
	asked   []time.Time
}

func (k *keeping) Open(ctx context.Context, r Route) (Session, *RouteFault) {
	if _, fault := k.world.Open(ctx, r); fault != nil {
		return nil, fault
	}
	return k, nil
}

func (k *keeping) MayHold() time.Duration { return k.longest }

func (k *keeping) Deliver(ctx context.Context, d *Delivery) *RouteFault {
	k.set(func() { k.asked = append(k.asked, d.HoldUntil) })
	if !d.HoldUntil.IsZero() && k.refuses {
		return nil
	}
	return k.world.Deliver(ctx, d)
}

func newKeeping(t *testing.T, s *Spool, longest time.Duration) *keeping {
	k := &keeping{world: newWorld(t, s), longest: longest}
	k.runner.Transport = k
	return k
}

// Coverage: later.
func TestAServerThatKeepsMessagesGetsThemBeforeTheirTime(t *testing.T) {
	for _, c := range []struct {
		reason  string
		longest time.Duration
		refuses bool
		change  func(*Runner, *Envelope)
		early   bool // handed over before its time
		opens   int  // connections before its time, of which one is for other mail
	}{
		{reason: "it keeps them for so long", longest: 24 * time.Hour, early: true, opens: 2},
		{reason: "it does not keep them", opens: 1},
		{reason: "it does not keep them for so long", longest: time.Hour, opens: 1},
		{reason: "it refuses after all", longest: 24 * time.Hour, refuses: true, opens: 2},
		{reason: "that is not wanted", longest: 24 * time.Hour, opens: 1, change: func(r *Runner, _ *Envelope) { r.Tuning.FutureRelease = false }},
		{reason: "it can still be taken back at first", longest: 24 * time.Hour, early: true, opens: 2, change: func(r *Runner, e *Envelope) {
			r.Tuning.Undo, e.Grace = time.Minute, time.Minute
		}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := testSpool(t)
				k := newKeeping(t, s, c.longest)
				k.refuses = c.refuses
				e := envelope("late@x.org")
				e.NotBefore = time.Now().Add(5 * time.Hour)
				if c.change != nil {
					c.change(k.runner, e)
				}
				put(t, s, e, "x")
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				arrivals := make(chan struct{}, 1)
				done := make(chan error)
				go func() { done <- k.runner.Serve(ctx, arrivals, nil) }()
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if k.opened() != 0 {
					t.Errorf("%d connections for nothing: what the server offers is not known", k.opened())
				}
				put(t, s, envelope("other@x.org"), "x")
				arrivals <- struct{}{}
				time.Sleep(40 * time.Second)
				synctest.Wait()
				if c.change != nil && e.Grace > 0 && k.copies("late@x.org") != 0 {
					t.Error("it left while it could be taken back")
				}
				time.Sleep(4 * time.Hour)
				synctest.Wait()
				if got := k.copies("late@x.org") == 1; got != c.early {
					t.Errorf("handed over before its time: %v, want %v", got, c.early)
				}
				if k.opened() != c.opens {
					t.Errorf("%d connections, want %d", k.opened(), c.opens)
				}
				var last time.Time
				k.set(func() { last = k.asked[len(k.asked)-1] })
				if c.early && !last.Equal(e.NotBefore.Truncate(time.Second)) {
					t.Errorf("the server was asked to keep it until %v, want %v", last, e.NotBefore)
				}
				time.Sleep(2 * time.Hour)
				synctest.Wait()
				if k.copies("late@x.org") != 1 || k.copies("other@x.org") != 1 {
					t.Errorf("%d and %d copies at the end", k.copies("late@x.org"), k.copies("other@x.org"))
				}
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestTheStorySaysThatTheServerKeepsIt(t *testing.T) {
	s := testSpool(t)
	k := newKeeping(t, s, 24*time.Hour)
	if err := s.Prepare(); err != nil {
		t.Fatal(err)
	}
	if err := s.noteHold("main", 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	e := envelope("late@x.org")
	e.NotBefore = time.Now().Add(time.Hour).Truncate(time.Second)
	put(t, s, e, "x")
	var said string
	k.runner.Watch = func(e Event) {
		if e.Kind == Settled {
			said = e.Outcome.Reply().String()
		}
	}
	want := "the server lets it go at " + e.NotBefore.UTC().Format(time.RFC3339)
	if sum := k.flush(); sum.Delivered != 1 || !strings.Contains(said, want) {
		t.Errorf("%+v, said %q; want %q", sum, said, want)
	}
}

func TestWhatAServerOffersIsRememberedWithinBounds(t *testing.T) {
	s := testSpool(t)
	if err := s.Prepare(); err != nil {
		t.Fatal(err)
	}
	if got := s.holds("main"); got != 0 {
		t.Errorf("an unknown server keeps messages for %v", got)
	}
	if err := s.noteHold("main", time.Hour); err != nil || s.holds("main") != time.Hour {
		t.Errorf("remembered: %v, %v", s.holds("main"), err)
	}
	for _, text := range []string{"", "x", "-5\n", "99999999999999\n"} {
		if err := s.replace(dirRoute, RouteFile("main")+holdSuffix, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got := s.holds("main"); got != 0 {
			t.Errorf("%q holds for %v", text, got)
		}
	}
}
