package queue

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A stuck transport opens sessions that do not answer, and are lost when they
// are stirred: those that hangs says, from 1. So does Open of those of slow.
type stuck struct {
	*world
	hangs, slow func(nth int) bool
	stirs       int
}

func newStuck(t *testing.T) *stuck {
	s := &stuck{world: newWorld(t, testSpool(t))}
	s.hangs = func(nth int) bool { return nth == 1 }
	s.runner.Transport = s
	return s
}

func lostFault(step Step) *RouteFault {
	return &RouteFault{Step: step, Err: errors.New("the connection was given up"), Lost: true, Untaken: true}
}

func (s *stuck) Open(ctx context.Context, r Route) (Session, *RouteFault) {
	if _, fault := s.world.Open(ctx, r); fault != nil {
		return nil, fault
	}
	nth := s.opened()
	if s.slow != nil && s.slow(nth) {
		stirred := make(chan struct{}, 1)
		defer OnStir(ctx, func() { stirred <- struct{}{} })()
		select {
		case <-stirred:
			return nil, lostFault(StepConnect)
		case <-ctx.Done():
			return nil, &RouteFault{Step: StepConnect, Err: ctx.Err()}
		}
	}
	return &stuckSession{stuck: s, hangs: s.hangs(nth), stirred: make(chan struct{}, 1)}, nil
}

type stuckSession struct {
	*stuck
	hangs   bool
	stirred chan struct{}
}

func (s *stuckSession) Stir() {
	s.set(func() { s.stirs++ })
	select {
	case s.stirred <- struct{}{}:
	default:
	}
}

func (s *stuckSession) Deliver(ctx context.Context, d *Delivery) *RouteFault {
	if !s.hangs {
		return s.world.Deliver(ctx, d)
	}
	if err := d.Commit(ctx); err != nil {
		return &RouteFault{Step: StepSession, Err: err}
	}
	select {
	case <-s.stirred:
		return lostFault(StepSession)
	case <-ctx.Done():
		return &RouteFault{Step: StepSession, Err: ctx.Err()}
	}
}

// serveStuck serves until the test ends. It returns with the first message on
// its way, for an hour.
func (s *stuck) serveStuck(t *testing.T) (pokes chan struct{}) {
	put(t, s.runner.Spool, envelope("a@x.org"), "x")
	pokes = make(chan struct{}, 1)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.runner.Serve(ctx, make(chan struct{}), pokes); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { stop(); <-done })
	time.Sleep(time.Hour)
	if s.opened() != 1 || s.copies("a@x.org") != 0 {
		t.Fatalf("%d opened, %d copies", s.opened(), s.copies("a@x.org"))
	}
	return pokes
}

// Coverage: lost-link.
func TestAStuckSessionIsDroppedAndRedialledAtOnce(t *testing.T) {
	stirs := make(chan struct{}, 1)
	for why, stir := range map[string]func(s *stuck, pokes chan struct{}){
		"the network changed":           func(s *stuck, _ chan struct{}) { s.changes <- struct{}{} },
		"a person said flush":           func(_ *stuck, pokes chan struct{}) { pokes <- struct{}{} },
		"a flush waits for the message": func(*stuck, chan struct{}) { stirs <- struct{}{} },
	} {
		for where, prepare := range map[string]func(s *stuck){
			"in a message": func(*stuck) {},
			"in connect":   func(s *stuck) { s.slow, s.hangs = s.hangs, func(int) bool { return false } },
		} {
			t.Run(why+", "+where, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					stirs = make(chan struct{}, 1)
					s := newStuck(t)
					s.runner.Stirs = stirs
					prepare(s)
					pokes := s.serveStuck(t)
					stir(s, pokes)
					time.Sleep(10 * time.Millisecond)
					if s.copies("a@x.org") != 1 || s.opened() != 2 {
						t.Errorf("%d copies, %d sessions opened", s.copies("a@x.org"), s.opened())
					}
				})
			})
		}
	}
}

// A large message on a network that changes again and again: each change breaks
// the session that it is on, which is no doing of the message.
func TestAMessageThatWasLostToSeveralChangesIsNotPutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStuck(t)
		const changes = 4
		s.hangs = func(nth int) bool { return nth <= changes }
		s.serveStuck(t)
		for range changes {
			s.changes <- struct{}{}
			time.Sleep(100 * time.Millisecond)
		}
		if s.copies("a@x.org") != 1 || s.opened() != changes+1 {
			t.Errorf("%d copies, %d sessions opened", s.copies("a@x.org"), s.opened())
		}
	})
}

// A link that went just when the last answer of a log-in had come: the session
// was not told yet, and the next command waited out its whole limit.
func TestASessionHearsOfAChangeThatCameWhileItWasOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStuck(t)
		put(t, s.runner.Spool, envelope("a@x.org"), "x")
		s.runner.Transport = changing{s}
		began := time.Now()
		if sum := s.flush(); sum.Delivered != 1 || s.stirs != 1 {
			t.Errorf("summary %+v, stirred %d times", sum, s.stirs)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// A changing transport's network changes when its first session is open, and
// nobody knows it yet.
type changing struct{ *stuck }

func (c changing) Open(ctx context.Context, r Route) (Session, *RouteFault) {
	session, fault := c.stuck.Open(ctx, r)
	if c.opened() == 1 {
		c.changes <- struct{}{}
		synctest.Wait()
	}
	return session, fault
}

func TestASessionIsNotGivenUpWhileThereIsNoOtherWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStuck(t)
		s.serveStuck(t)
		s.set(func() { s.try = false })
		s.changes <- struct{}{}
		time.Sleep(time.Minute)
		if s.stirs != 0 {
			t.Errorf("stirred %d times with the link down: it may come back as it was", s.stirs)
		}
		s.set(func() { s.try = true })
		s.changes <- struct{}{}
		time.Sleep(10 * time.Millisecond)
		if s.copies("a@x.org") != 1 {
			t.Error("not sent when the link came back")
		}
	})
}

// A flush that gave its session up when the cable was pulled made uncertain what
// may still be answered, and ended though the cable came back.
func TestAFlushWaitsWhileThereIsNoWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStuck(t)
		put(t, s.runner.Spool, envelope("a@x.org"), "x")
		var cutOff []string
		s.runner.Watch = func(e Event) {
			if e.Kind == CutOff {
				cutOff = append(cutOff, string(e.Route)+": "+e.Why)
			}
		}
		change := func(try bool) func() {
			return func() {
				s.set(func() { s.try = try })
				s.changes <- struct{}{}
			}
		}
		time.AfterFunc(time.Minute, change(false))
		time.AfterFunc(2*time.Minute, change(true))
		began := time.Now()
		if sum := s.flush(); sum.Delivered != 1 || sum.Uncertain != 0 || s.stirs != 1 {
			t.Errorf("summary %+v, stirred %d times", sum, s.stirs)
		}
		if took := time.Since(began); took < 2*time.Minute || took > 2*time.Minute+time.Second {
			t.Errorf("took %v", took)
		}
		if len(cutOff) != 1 {
			t.Errorf("cut off: %q", cutOff)
		}
	})
}

func TestALinkThatComesAndGoesIsNotDialledForEver(t *testing.T) {
	for where, slow := range map[string]func(int) bool{
		"it goes in connect":   func(int) bool { return true },
		"it goes in a message": nil,
	} {
		t.Run(where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStuck(t)
				s.hangs = func(int) bool { return true }
				s.slow = slow
				s.serveStuck(t)
				for range 300 {
					put(t, s.runner.Spool, envelope("others@x.org"), "x")
				}
				stop := time.After(time.Minute)
				for flapping := true; flapping; {
					select {
					case <-stop:
						flapping = false
					case <-time.After(50 * time.Millisecond):
						select {
						case s.changes <- struct{}{}:
						default:
						}
					}
				}
				if n := s.opened(); n > 60+2*mostTries {
					t.Errorf("%d sessions for 1200 changes", n)
				}
				before := s.opened()
				time.Sleep(time.Minute)
				if n := s.opened() - before; n > autoSessions {
					t.Errorf("%d more in the minute after", n)
				}
			})
		})
	}
}

func TestSessionsThatAreLostAgainAndAgainComeToTheSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStuck(t)
		s.hangs = func(int) bool { return false }
		s.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) { return Outcome{}, lostFault(StepSession) }
		put(t, s.runner.Spool, envelope("a@x.org"), "x")
		ctx, stop := context.WithCancel(t.Context())
		go func() { time.Sleep(time.Minute); stop() }()
		if err := s.runner.Serve(ctx, make(chan struct{}), nil); err != nil {
			t.Error(err)
		}
		// At once, and after 2, 5, 15 and 30 s.
		if n := s.opened(); n < 2 || n > 5*maxBroken {
			t.Errorf("%d sessions in a minute", n)
		}
	})
}

func TestAFlushGivesUpItsOwnStuckSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStuck(t)
		put(t, s.runner.Spool, envelope("a@x.org"), "x")
		time.AfterFunc(time.Hour, func() { s.changes <- struct{}{} })
		began := time.Now()
		if sum := s.flush(); sum.Delivered != 1 {
			t.Errorf("summary %+v", sum)
		}
		if took := time.Since(began); took > time.Hour+time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestASessionThatHasEndedIsStirredNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stirring
		told := 0
		leave := s.add(func() { told++ })
		s.tell()
		leave()
		s.tell()
		if told != 1 || s.times() != 2 {
			t.Errorf("told %d of %d times", told, s.times())
		}
		OnStir(t.Context(), func() { t.Error("told") })()
	})
}

// A VPN that an account needs goes, and its session with it: the next one must
// not be opened over what is left.
func TestASessionIsNotOpenedAnewWhereTheRouteMayNotBeTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(t, testSpool(t))
		s.fill(25)
		s.breaks = func(session, delivery int) *RouteFault {
			if session == 1 && delivery == 11 {
				s.set(func() { s.try = false })
				return cut(true)
			}
			return nil
		}
		stop := s.serve(nil)
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(s.sessions) != 1 {
			t.Errorf("%d sessions opened, all but one of them without a way out", len(s.sessions))
		}
		if state, _ := s.runner.Spool.RouteState("main"); state.Fault != nil {
			t.Errorf("that is taken for a fault of the route: %v", state.Fault)
		}
		s.set(func() { s.try = true })
		s.changes <- struct{}{}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		s.wantOnce(25)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
