package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A plain is a transport whose servers have no PIPELINING: a session carries one
// message at a time.
type plain struct {
	*world
	connect, each time.Duration
	// most sessions are allowed; link, if not 0, is how many messages fit through
	// at once without taking longer.
	most, link int
	// ends, if not 0, is after how many messages a session beyond the first ends
	// with 421.
	ends int

	open, opened, width int // sessions; all so far; the most at once
	busy                int
}

type plainSession struct {
	*plain
	nth, carried int
}

func newPlain(t *testing.T, s *Spool) *plain {
	w := &plain{world: newWorld(t, s), connect: 3 * time.Second, each: 2400 * time.Millisecond, most: 20}
	w.runner.Transport = w
	return w
}

func (p *plain) Open(ctx context.Context, r Route) (Session, *RouteFault) {
	time.Sleep(p.connect)
	if _, fault := p.world.Open(ctx, r); fault != nil {
		return nil, fault
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.opened++; p.open == p.most {
		return nil, &RouteFault{Step: StepGreeting, Err: errors.New("421 too many connections")}
	}
	p.open++
	p.width = max(p.width, p.open)
	return &plainSession{plain: p, nth: p.opened}, nil
}

func (s *plainSession) Close(context.Context) { s.set(func() { s.open-- }) }

func (s *plainSession) Deliver(ctx context.Context, d *Delivery) *RouteFault {
	took := s.each
	s.set(func() {
		if s.busy++; s.link > 0 && s.busy > s.link {
			took = took * time.Duration(s.busy) / time.Duration(s.link)
		}
	})
	defer s.set(func() { s.busy-- })
	if s.carried++; s.ends > 0 && s.nth > 1 && s.carried > s.ends {
		return ends()
	}
	time.Sleep(took)
	return s.world.Deliver(ctx, d)
}

// Coverage: sessions.
func TestSessionsAreAddedOnlyWhereThatHidesTheDistance(t *testing.T) {
	for _, c := range []struct {
		reason  string
		set     func(*plain)
		count   int
		opened  int
		fastest time.Duration // at the most
	}{
		{"a server far away without PIPELINING", func(*plain) {}, 40, 3, 45 * time.Second},
		{"what is left is not worth a session", func(*plain) {}, 4, 1, 13 * time.Second},
		{"a server nearby", func(p *plain) { p.each, p.connect = 5*time.Millisecond, time.Millisecond }, 40, 1, time.Second},
		{"the account allows one", func(p *plain) { p.runner.Sessions = func(Route) int { return 1 } }, 40, 1, 100 * time.Second},
		{"the account allows six", func(p *plain) { p.runner.Sessions = func(Route) int { return 6 } }, 200, 6, 130 * time.Second},
		{"one session at a time is all that is wanted", func(p *plain) { p.runner.Tuning.SingleThread = true }, 40, 1, 100 * time.Second},
		{"the server refuses a second", func(p *plain) { p.most = 1 }, 40, 2, 100 * time.Second},
		{"the server refuses a third", func(p *plain) { p.most = 2 }, 40, 3, 60 * time.Second},
		{"the link is full with one", func(p *plain) { p.link = 1 }, 40, 2, 105 * time.Second},
		{"the server ends the second after a message", func(p *plain) { p.ends = 1 }, 40, 2, 105 * time.Second},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlain(t, testSpool(t))
				c.set(p)
				for i := range c.count {
					put(t, p.runner.Spool, envelope(fmt.Sprintf("n%d@x.org", i)), "x")
					time.Sleep(time.Millisecond)
				}
				began := time.Now()
				sum := p.flush()
				if sum.Delivered != c.count || len(sum.Faults) != 0 || sum.Uncertain != 0 {
					t.Errorf("summary %+v", sum)
				}
				if state, _ := p.runner.Spool.RouteState("main"); state.Fault != nil {
					t.Errorf("the route counts as down: %s", state.Fault.Sentence)
				}
				if took := time.Since(began); p.opened != c.opened || took > c.fastest {
					t.Errorf("%d sessions, of which %d at once, and %v; want %d and %v at the most", p.opened, p.width, took, c.opened, c.fastest)
				}
			})
		})
	}
}

// Coverage: sessions.
func TestSessionsThatStreamAreAddedWhereTheServerThinks(t *testing.T) {
	const far = 600 * time.Millisecond
	for _, c := range []struct {
		reason   string
		of       *stream
		said     int // that there may be so many
		count    int
		sessions int // open at once at some time
		fastest  time.Duration
	}{
		{"it has 10 ms to do with each message", &stream{trip: time.Millisecond, thinks: 10 * time.Millisecond}, 8, 1000, 8, 2 * time.Second},
		{"it is far away and thinks", &stream{trip: 50 * time.Millisecond, thinks: 100 * time.Millisecond}, 8, 1000, 8, 17 * time.Second},
		{"nobody has said that there may be several", &stream{trip: time.Millisecond, thinks: 10 * time.Millisecond}, 0, 300, 1, 3100 * time.Millisecond},
		{"it answers at once", &stream{trip: time.Millisecond, thinks: time.Millisecond}, 8, 500, 1, 600 * time.Millisecond},
		{"it is far away, which what is under way makes good", &stream{trip: far}, 8, 500, 1, 20 * time.Second},
		{"the link is full", &stream{trip: far, thinks: 100 * time.Millisecond, full: true}, 8, 100, 1, 11 * time.Second},
		{"it does one message after the other, by however many sessions", &stream{trip: time.Millisecond, thinks: 10 * time.Millisecond, alone: true}, 8, 300, 2, 3100 * time.Millisecond},
		{"too few are left", &stream{trip: time.Millisecond, thinks: 10 * time.Millisecond}, 8, 8, 1, 100 * time.Millisecond},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := c.of
				s.world, s.window, s.commitsEarly = newWorld(t, testSpool(t)), 16, true
				s.runner.Transport = s
				s.runner.Sessions = func(Route) int { return c.said }
				for i := range c.count {
					put(t, s.runner.Spool, envelope(fmt.Sprintf("n%d@x.org", i)), "x")
					time.Sleep(time.Millisecond)
				}
				began := time.Now()
				if sum := s.flush(); sum.Delivered != c.count || len(sum.Faults) != 0 {
					t.Errorf("summary %+v", sum)
				}
				if took := time.Since(began); len(s.sessions) != c.sessions || took > c.fastest {
					t.Errorf("%d sessions and %v; want %d, and %v at the most", len(s.sessions), took, c.sessions, c.fastest)
				}
			})
		})
	}
}

// What one session has under way, the others cannot take.
func TestOneOfSeveralSessionsWithAServerThatThinksTakesNoMoreThanItNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stream{world: newWorld(t, testSpool(t)), window: 64, commitsEarly: true, trip: time.Millisecond, thinks: 10 * time.Millisecond}
		s.runner.Transport = s
		s.runner.Sessions = func(Route) int { return 4 }
		for i := range 300 {
			put(t, s.runner.Spool, envelope(fmt.Sprintf("n%d@x.org", i)), "x")
			time.Sleep(time.Millisecond)
		}
		s.flush()
		for i, session := range s.sessions[1:] {
			if session.most > leastDepth+1 {
				t.Errorf("session %d had %d under way", i+2, session.most)
			}
		}
		if len(s.sessions) != 4 {
			t.Errorf("%d sessions, want 4", len(s.sessions))
		}
	})
}

// On a link of 9.6 kbit/s a message of 1 MB takes a quarter of an hour.
//
// Coverage: sessions.
func TestASmallMessageGoesPastALargeOneOnTheWire(t *testing.T) {
	for _, c := range []struct {
		reason   string
		connect  time.Duration
		size     int // of the large one
		arrives  time.Duration
		other    int
		most     int
		opened   int
		sessions int
		within   time.Duration // from its arrival
	}{
		{"the rest takes a quarter of an hour", 12 * time.Second, 1_000_000, time.Minute, 100, 20, 2, 0, 15 * time.Second},
		{"it came before anything is known of the rate", 12 * time.Second, 1_000_000, 13500 * time.Millisecond, 100, 20, 2, 0, 16 * time.Second},
		{"the rest takes no longer than a session", 12 * time.Second, 60_000, 45 * time.Second, 100, 20, 1, 0, 30 * time.Second},
		{"the other is as large", 12 * time.Second, 1_000_000, time.Minute, 1_000_000, 20, 1, 0, time.Hour},
		{"the server allows one session", 12 * time.Second, 1_000_000, time.Minute, 100, 1, 2, 0, 15 * time.Minute},
		{"the account allows one", 12 * time.Second, 1_000_000, time.Minute, 100, 20, 1, 1, 15 * time.Minute},
		{"the rest is short, though a session costs little", time.Second, 30_000, 20 * time.Second, 100, 20, 1, 0, 15 * time.Second},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := testSpool(t)
				w := newSlowly(t, s)
				w.connect, w.most = c.connect, c.most
				w.runner.Sessions = func(Route) int { return c.sessions }
				put(t, s, envelope("large@x.org"), strings.Repeat("x", c.size))
				arrivals := make(chan struct{}, 1)
				stop := w.serve(arrivals)
				time.Sleep(c.arrives)
				put(t, s, envelope("small@x.org"), strings.Repeat("x", c.other))
				arrivals <- struct{}{}
				time.Sleep(c.within)
				synctest.Wait()
				if w.copies("small@x.org") != 1 || w.opened() != c.opened {
					t.Errorf("%d copies after %v, over %d sessions, want one over %d", w.copies("small@x.org"), c.within, w.opened(), c.opened)
				}
				time.Sleep(time.Hour)
				if w.copies("large@x.org") != 1 {
					t.Error("the large one has not gone")
				}
				if err := stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A session past a large message carries the small ones, and leaves the next
// large one to the first session.
func TestTwoLargeMessagesDoNotShareTheLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newSlowly(t, s)
		for _, to := range []string{"large1@x.org", "large2@x.org"} {
			put(t, s, envelope(to), strings.Repeat("x", 500_000))
			time.Sleep(time.Millisecond)
		}
		arrivals := make(chan struct{}, 1)
		stop := w.serve(arrivals)
		time.Sleep(time.Minute)
		for range 3 {
			put(t, s, envelope("small@x.org"), "x")
			arrivals <- struct{}{}
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		var got string
		w.set(func() { got = strings.Join(w.order, " ") })
		if got != "large1@x.org small@x.org small@x.org small@x.org" {
			t.Errorf("went as %s", got)
		}
		time.Sleep(time.Hour)
		if w.copies("large2@x.org") != 1 {
			t.Error("the second large one has not gone")
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// A slowStream takes the next message before it has sent the one before, which
// then waits for its turn.
type slowStream struct {
	*slowly
	turn chan struct{}
}

func (s *slowStream) Open(ctx context.Context, r Route) (Session, *RouteFault) {
	if _, fault := s.slowly.Open(ctx, r); fault != nil {
		return nil, fault
	}
	return &slowStream{slowly: s.slowly, turn: make(chan struct{}, 1)}, nil
}

func (s *slowStream) Deliver(ctx context.Context, d *Delivery) *RouteFault {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	d.Next()
	return s.slowly.Deliver(ctx, d)
}

func TestASmallMessageIsNotPutBehindALargeOneOnTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newSlowly(t, s)
		w.runner.Transport = &slowStream{slowly: w}
		put(t, s, envelope("large@x.org"), strings.Repeat("x", 1_000_000))
		arrivals := make(chan struct{}, 1)
		stop := w.serve(arrivals)
		time.Sleep(time.Minute)
		put(t, s, envelope("small@x.org"), "x")
		arrivals <- struct{}{}
		time.Sleep(15 * time.Second)
		if w.copies("small@x.org") != 1 {
			t.Error("it waits behind the large one")
		}
		time.Sleep(time.Hour)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// A link that went under two sessions: the message that one of them had lost went
// on to the other, which did not know yet that it was dead, and for that second
// break the message waited for minutes.
func TestAMessageThatTwoSessionsLoseByOneCauseGoesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStuck(t)
		first := put(t, s.runner.Spool, envelope("first@x.org"), "x")
		put(t, s.runner.Spool, envelope("second@x.org"), "x")
		onFirst := 0
		s.hangs = func(int) bool { return false }
		s.answer = func(d *Delivery, _ Recipient) (Outcome, *RouteFault) {
			switch {
			case d.ID != first:
				time.Sleep(15 * time.Second) // until the first has been lost
			case onFirst == 0:
				onFirst++
				time.Sleep(30 * time.Second) // past which the second goes by another session
				return Outcome{}, lostFault(StepSession)
			case onFirst == 1:
				onFirst++
				return Outcome{}, lostFault(StepSession)
			}
			return refuse(250, "ok"), nil
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if err := s.runner.Serve(ctx, make(chan struct{}), nil); err != nil {
			t.Error(err)
		}
		if onFirst != 2 || s.copies("first@x.org") != 1 || s.copies("second@x.org") != 1 {
			t.Errorf("lost %d times, got %v", onFirst, s.got)
		}
	})
}
