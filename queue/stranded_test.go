package queue

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// breaksAt is a server that ends the session at each message for one of those
// recipients, and answers what came before it.
func (s *stream) breaksAt(fault func() *RouteFault, poison ...string) {
	s.breaks = func(session, delivery int) *RouteFault {
		s.mu.Lock()
		at := s.sessions[session-1]
		s.mu.Unlock()
		at.mu.Lock()
		defer at.mu.Unlock()
		if slices.Contains(poison, at.sent[delivery-1]) {
			return fault()
		}
		return nil
	}
}

func TestAMessageThatBreaksSessionsIsFoundAmongThoseUnderWay(t *testing.T) {
	for _, c := range []struct {
		reason string
		fault  func() *RouteFault
		count  int
		poison string
	}{
		{"the server ends each session at it", ends, 25, "n12@x.org"},
		{"the connection is reset at it", func() *RouteFault { return cut(true) }, 25, "n12@x.org"},
		{"all are under way when it breaks, each time", ends, 3, "n1@x.org"},
		{"it is the last of them", ends, 3, "n3@x.org"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStream(t, testSpool(t))
				s.fill(c.count)
				s.breaksAt(c.fault, c.poison)
				sum := s.flush()
				if sum.Delivered != c.count-1 || sum.Uncertain != 0 || len(sum.Faults) != 0 {
					t.Errorf("summary %+v: one of %d is poison", sum, c.count)
				}
				if len(s.sessions) > 5 {
					t.Errorf("%d sessions", len(s.sessions))
				}
				if n := only(t, s.runner.Spool); n.Attempts != 0 || n.Unsure || n.OnWire || !n.Next.After(time.Now()) {
					t.Errorf("the poison is left as %s, want it put off without blame", n)
				}
			})
		})
	}
}

// Those beside a message that breaks each session without a word are uncertain
// each time, and would share its fate for five days.
func TestWhatIsUncertainBesideAMessageThatBreaksSessionsIsAnsweredSoon(t *testing.T) {
	for reason, fault := range map[string]func() *RouteFault{
		"the connection is reset at it": func() *RouteFault { return cut(false) },
		"the server closes it": func() *RouteFault {
			return &RouteFault{Step: StepSession, Err: errors.New("the server closed the connection")}
		},
	} {
		t.Run(reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStream(t, testSpool(t))
				s.fill(25)
				s.breaksAt(fault, "n12@x.org")
				stop := s.serve(nil)
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				if n := only(t, s.runner.Spool); !n.Unsure || n.OnWire || s.copies("n12@x.org") != 0 {
					t.Errorf("left is %s, want the poison", n)
				}
				times := map[string]int{}
				for _, session := range s.sessions {
					for _, to := range session.sent {
						times[to]++
					}
				}
				for to, n := range times {
					if n > 4 || to != "n12@x.org" && s.copies(to) != 1 {
						t.Errorf("%s was sent %d times and taken %d times", to, n, s.copies(to))
					}
				}
				if err := stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestSessionsThatAllBreakAreTheRoutesFault(t *testing.T) {
	for reason, fault := range map[string]func() *RouteFault{
		"the server ends them": ends, "the link loses them": func() *RouteFault { return cut(true) },
	} {
		for _, count := range []int{1, 2, 25} {
			synctest.Test(t, func(t *testing.T) {
				s := newStream(t, testSpool(t))
				s.fill(count)
				var before []Name
				s.runner.Spool.Names(func(n Name) bool { before = append(before, n); return true })
				s.breaks = func(_, delivery int) *RouteFault {
					if delivery == 1 {
						return fault()
					}
					return nil
				}
				sum := s.flush()
				if sum.Faults["main"] == nil || sum.Waiting != count || len(s.sessions) > maxBroken+1 {
					t.Errorf("%s, %d messages: %d sessions, %+v", reason, count, len(s.sessions), sum)
				}
				s.runner.Spool.Names(func(n Name) bool {
					if !slices.Contains(before, n) {
						t.Errorf("%s, %d messages: one is left as %s", reason, count, n)
					}
					return true
				})
			})
		}
	}
}

// A server that takes the message and loses the answer each time gets it twice,
// and then by the schedule.
func TestALostAnswerIsAskedForOnceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(t, testSpool(t))
		s.fill(1)
		s.breaksAt(func() *RouteFault { return cut(false) }, "n1@x.org")
		s.flush()
		n := only(t, s.runner.Spool)
		if n.Attempts != 2 || !n.Unsure || !n.Next.After(time.Now()) || len(s.sessions) != 2 {
			t.Errorf("after %d sessions it is left as %s, want two attempts and a wait", len(s.sessions), n)
		}
		history, err := s.runner.Spool.History(n)
		if err != nil || len(history) != 2 {
			t.Errorf("its story is %v, %v, want both attempts", history, err)
		}
	})
}

// What the link has lost goes at once for those of whom nothing is known, though
// the server has refused another recipient; but not where it has asked for time.
func TestTheRestOfAMessageThatTheLinkLostGoesAtOnce(t *testing.T) {
	for _, c := range []struct {
		reason        string
		code          int
		untaken       bool
		copies, opens int // one of these for the bounce
	}{
		{"one was refused, the others may have it", 550, false, 1, 3},
		{"one was refused, the others have not got it", 550, true, 1, 3},
		{"one was put off, the others may have it", 450, false, 0, 1},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, testSpool(t))
				put(t, w.runner.Spool, envelope("odd@x.org", "good@x.org"), "x")
				w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
					switch {
					case to.Address == "odd@x.org":
						return refuse(c.code, "no"), nil
					case w.opened() == 1:
						return Outcome{}, cut(c.untaken)
					}
					return refuse(250, "ok"), nil
				}
				w.flush()
				if w.copies("good@x.org") != c.copies || w.opened() != c.opens {
					t.Errorf("%d copies after %d sessions", w.copies("good@x.org"), w.opened())
				}
			})
		})
	}
}

// One that resets the connection after each recipient that it refuses is not
// asked for a hundred of them in one go.
func TestAServerThatDropsTheLinkAtEachRefusalIsNotAskedInACircle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, testSpool(t))
		to := make([]string, 100)
		for i := range to {
			to[i] = fmt.Sprintf("r%d@x.org", i)
		}
		put(t, w.runner.Spool, envelope(to...), "x")
		var asked atomic.Int32
		w.answer = func(d *Delivery, _ Recipient) (Outcome, *RouteFault) {
			if d.Envelope.From == "" {
				return refuse(250, "ok"), nil
			}
			if asked.Add(1)%2 == 1 {
				return refuse(550, "no"), nil
			}
			return Outcome{}, cut(true)
		}
		stop := w.serve(nil)
		time.Sleep(time.Minute)
		if n := asked.Load(); n > 8 {
			t.Errorf("%d recipients were asked for in a minute", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestALogInThatIsRefusedInTheFlightIsAFaultOfTheOpening(t *testing.T) {
	for _, c := range []struct {
		reason   string
		fault    RouteFault
		sessions int
	}{
		{"a wrong password, not to be sent twice", RouteFault{NeedsPerson: true}, 1},
		{"the server cannot log in now", RouteFault{}, 1},
		{"the link broke before the answer", RouteFault{Lost: true}, 2},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStream(t, testSpool(t))
				s.fill(25)
				var before []Name
				s.runner.Spool.Names(func(n Name) bool { before = append(before, n); return true })
				s.breaks = func(session, delivery int) *RouteFault {
					if delivery == 1 && session == 1 {
						f := c.fault
						f.Step, f.Err, f.Untaken = StepAuth, errors.New("535 no"), true
						return &f
					}
					return nil
				}
				sum := s.flush()
				if len(s.sessions) != c.sessions || sum.Uncertain != 0 || sum.Failed != 0 {
					t.Errorf("%d sessions, want %d; %+v", len(s.sessions), c.sessions, sum)
				}
				state, _ := s.runner.Spool.RouteState("main")
				if c.fault.Lost {
					s.wantOnce(25)
				} else if fault := sum.Faults["main"]; fault == nil || fault.NeedsPerson != c.fault.NeedsPerson || state.Fault == nil {
					t.Errorf("the run says %+v and the route %+v, want the fault", sum, state)
				}
				s.runner.Spool.Names(func(n Name) bool {
					if !slices.Contains(before, n) {
						t.Errorf("a message was touched: %s", n)
					}
					return true
				})
			})
		})
	}
}

// ForkEachJob opens a session for each message; a wrong password is sent once all
// the same.
func TestSeparateSessionsDoNotRepeatALogInThatWasRefusedInTheFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(t, testSpool(t))
		s.runner.Tuning.SeparateSessions = true
		s.fill(5)
		s.breaks = func(_, _ int) *RouteFault {
			return &RouteFault{Step: StepAuth, Err: errors.New("535 no"), NeedsPerson: true, Untaken: true}
		}
		if sum := s.flush(); len(s.sessions) != 1 || sum.Waiting != 5 || sum.Faults["main"] == nil {
			t.Errorf("%d log-ins, %+v", len(s.sessions), sum)
		}
	})
}

// An agent must not send a wrong password again before a person has acted.
func TestAnAgentDoesNotRepeatALogInThatWasRefusedInTheFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(t, testSpool(t))
		s.fill(5)
		s.breaks = func(_, delivery int) *RouteFault {
			if delivery == 1 {
				return &RouteFault{Step: StepAuth, Err: errors.New("535 no"), NeedsPerson: true, Untaken: true}
			}
			return nil
		}
		arrivals := make(chan struct{}, 1)
		stop := s.serve(arrivals)
		time.Sleep(time.Minute)
		put(t, s.runner.Spool, envelope("new@x.org"), "x")
		arrivals <- struct{}{}
		time.Sleep(10 * time.Minute)
		if len(s.sessions) != 1 {
			t.Errorf("%d log-ins in ten minutes", len(s.sessions))
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestAStopWaitsForTheAnswersToAllThatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(t, testSpool(t))
		s.fill(25)
		arrivals := make(chan struct{}, 1)
		stop := s.serve(arrivals)
		synctest.Wait()
		if err := stop(); err != nil {
			t.Error(err)
		}
		count, touched := 0, 0
		s.runner.Spool.Names(func(n Name) bool {
			if count++; n.OnWire || n.Unsure || n.Attempts > 0 {
				touched++
			}
			return true
		})
		if count != 15 || touched != 0 {
			t.Errorf("%d are left and %d of them touched, want the 15 that were not on the wire", count, touched)
		}
	})
}
