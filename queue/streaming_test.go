package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A stream is a transport whose sessions have several deliveries under way, as
// one with PIPELINING: each calls Next at once, and the answers come in order
// after a round trip.
type stream struct {
	*world
	trip time.Duration
	// window is how many are under way before Next is called no more.
	window int
	// commitsEarly: Next is called before Commit, as for small messages.
	commitsEarly bool
	// breaks, if not nil, says of the nth delivery of the nth session, both from
	// 1, that the session breaks at it.
	breaks func(session, delivery int) *RouteFault
	// thinks is how long the server has to do with a message, one after the other in
	// each session, or in all, where it is alone. full: the link has no room.
	thinks      time.Duration
	alone, full bool

	mu       sync.Mutex
	sessions []*streamSession
	free     time.Time // when a server that is alone has done what it has to do
}

type streamSession struct {
	stream *stream
	nth    int

	mu      sync.Mutex
	sent    []string // by first recipient, in the order of the calls
	waiting []func() // the Nexts that are to come
	open    int
	most    int // that were under way at once
	over    chan struct{}
	fault   *RouteFault
	closed  bool
	free    time.Time
}

// Room implements Roomer.
func (s *streamSession) Room() (time.Duration, bool) { return s.stream.trip, !s.stream.full }

// answersIn is how long the answer takes to what was sent now.
func (s *streamSession) answersIn() time.Duration {
	s.stream.mu.Lock()
	defer s.stream.mu.Unlock()
	free := &s.free
	if s.stream.alone {
		free = &s.stream.free
	}
	arrives := time.Now().Add(s.stream.trip / 2)
	if free.Before(arrives) {
		*free = arrives
	}
	*free = free.Add(s.stream.thinks)
	return time.Until(free.Add(s.stream.trip / 2))
}

func (s *stream) Open(ctx context.Context, r Route) (Session, *RouteFault) {
	if _, fault := s.world.Open(ctx, r); fault != nil {
		return nil, fault
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	session := &streamSession{stream: s, nth: len(s.sessions) + 1, over: make(chan struct{})}
	s.sessions = append(s.sessions, session)
	return session, nil
}

func (s *streamSession) Close(context.Context) { s.closed = true }

func (s *streamSession) Deliver(ctx context.Context, d *Delivery) *RouteFault {
	s.mu.Lock()
	s.sent = append(s.sent, d.To[0].Address)
	nth := len(s.sent)
	s.open++
	s.most = max(s.most, s.open)
	roomy := s.open < s.stream.window
	if !roomy && d.Next != nil {
		s.waiting = append(s.waiting, d.Next)
	}
	s.mu.Unlock()
	defer s.answered()
	if roomy && d.Next != nil && s.stream.commitsEarly {
		d.Next()
	}
	if err := d.Commit(ctx); err != nil {
		return &RouteFault{Step: StepSession, Err: err, Untaken: true}
	}
	if roomy && d.Next != nil && !s.stream.commitsEarly {
		d.Next()
	}
	if f := s.stream.breaks; f != nil {
		if fault := f(s.nth, nth); fault != nil {
			time.Sleep(s.stream.trip / 2) // what was sent before is answered
			s.mu.Lock()
			s.fault = fault
			s.mu.Unlock()
			close(s.over)
			return s.ownFault()
		}
	}
	select {
	case <-time.After(s.answersIn()):
	case <-s.over:
		return s.ownFault()
	case <-ctx.Done():
		return &RouteFault{Step: StepSession, Err: ctx.Err()}
	}
	for i, to := range d.To {
		o := refuse(250, "ok")
		if s.stream.answer != nil {
			o, _ = s.stream.answer(d, to)
		}
		if o.State() == Delivered {
			s.stream.set(func() { s.stream.got[to.Address] = append(s.stream.got[to.Address], "x") })
		}
		d.Report(i, o)
	}
	return nil
}

func (s *streamSession) ownFault() *RouteFault {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := *s.fault
	return &own
}

// answered makes room for the delivery that waits.
func (s *streamSession) answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	if len(s.waiting) > 0 && s.fault == nil {
		s.waiting[0]()
		s.waiting = s.waiting[1:]
	}
}

func newStream(t *testing.T, s *Spool) *stream {
	w := &stream{world: newWorld(t, s), trip: 600 * time.Millisecond, window: 10}
	w.runner.Transport = w
	return w
}

// fill puts so many messages, of which the recipients are n1@x.org and so on.
func (s *stream) fill(count int) {
	for i := range count {
		put(s.t, s.runner.Spool, envelope(fmt.Sprintf("n%d@x.org", i+1)), "x")
		time.Sleep(time.Millisecond) // an id is a time and a little chance
	}
}

// wantOnce checks that each of so many messages arrived once, and that the
// queue is empty.
func (s *stream) wantOnce(count int) {
	s.t.Helper()
	for i := range count {
		if to := fmt.Sprintf("n%d@x.org", i+1); s.copies(to) != 1 {
			s.t.Errorf("%s has %d copies, want 1", to, s.copies(to))
		}
	}
	s.runner.Spool.Names(func(n Name) bool { s.t.Errorf("left in the queue: %s", n); return true })
}

func cut(untaken bool) *RouteFault {
	return &RouteFault{Step: StepSession, Server: "mx.test:465", Err: errors.New("the connection was reset"), Lost: true, Untaken: untaken}
}

func TestASessionThatStreamsHasSeveralMessagesUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(t, testSpool(t))
		s.fill(25)
		began := time.Now()
		if sum := s.flush(); sum.Delivered != 25 {
			t.Errorf("summary %+v", sum)
		}
		if took := time.Since(began); took != 3*s.trip {
			t.Errorf("25 messages in windows of 10 took %v, want three round trips", took)
		}
		s.wantOnce(25)
		session := s.sessions[0]
		if len(s.sessions) != 1 || session.most != 10 {
			t.Errorf("%d sessions, the first with %d under way at the most", len(s.sessions), session.most)
		}
		for i, to := range session.sent {
			if want := fmt.Sprintf("n%d@x.org", i+1); to != want {
				t.Errorf("delivery %d was %s, want %s: the order of the run", i+1, to, want)
			}
		}
	})
}

func TestWhatArrivesMeanwhileStreamsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(t, testSpool(t))
		s.fill(1)
		arrivals := make(chan struct{}, 1)
		stop := s.serve(arrivals)
		synctest.Wait() // the first waits for its answer
		put(t, s.runner.Spool, envelope("n2@x.org"), "x")
		arrivals <- struct{}{}
		synctest.Wait()
		if len(s.sessions) != 1 || len(s.sessions[0].sent) != 2 {
			t.Errorf("%d sessions; the second message is not on the wire before the first is answered", len(s.sessions))
		}
		time.Sleep(time.Second)
		s.wantOnce(2)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestSeparateSessionsCarryOneMessageEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(t, testSpool(t))
		s.runner.Tuning.SeparateSessions = true
		s.fill(3)
		s.flush()
		s.wantOnce(3)
		for _, session := range s.sessions {
			if len(session.sent) != 1 || session.most != 1 || !session.closed {
				t.Errorf("session %d carried %q", session.nth, session.sent)
			}
		}
	})
}

// What was under way when the link was cut goes over one new session, opened at
// once, and nothing of it is blamed.
func TestALinkThatIsCutCostsItsMessagesNothing(t *testing.T) {
	for _, c := range []struct {
		reason          string
		untaken         bool
		uncertain       int
		attempts, trips int
	}{
		{"the kernel had not sent them", true, 0, 0, 5},
		{"they may have arrived", false, 10, 1, 5},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStream(t, testSpool(t))
				s.fill(25)
				s.breaks = func(session, delivery int) *RouteFault {
					if session == 1 && delivery == 11 {
						return cut(c.untaken)
					}
					return nil
				}
				began := time.Now()
				sum := s.flush()
				if sum.Uncertain != c.uncertain || sum.Delivered != 25 || len(sum.Faults) != 0 {
					t.Errorf("summary %+v, want %d uncertain", sum, c.uncertain)
				}
				if took := time.Since(began); took > time.Duration(c.trips)*s.trip {
					t.Errorf("took %v", took)
				}
				s.wantOnce(25)
				if len(s.sessions) != 2 {
					t.Errorf("%d sessions, want two", len(s.sessions))
				}
			})
		})
	}
}
