package queue

import (
	"context"
	"fmt"
	"time"

	"mailcrane/internal/sysexits"
)

// A line is what the serving runner knows of one route.
type line struct {
	carrier *carrier  // at work, or nil
	began   time.Time // when the carrier began
	stale   bool      // something happened meanwhile: look again when it ends
	plan    plan
	rumour  rumour
	ran     time.Time // the queue run that it was last called for
}

// A server is the state of Serve.
type server struct {
	*Runner
	guide *guide
	queue reading
	lines map[Route]*line
	rests rests
	// looked are the messages whose time-out needs no second look.
	looked rests
	// changed is when something last made all due. What was known of a host
	// before says nothing: a new way out comes first (law 6).
	changed time.Time
	clock   clock
	day     *day
	done    chan *carrier
	lulls   chan struct{}
	running int // carriers
}

// Serve runs the queue until ctx ends: whenever something arrives (a value on
// arrivals), a route may have come up, a retry falls due, or a value comes on
// pokes. With nothing due it sleeps without a timer (law 6). It ends with an
// error when arrivals is closed: nothing would wake it any more. While the
// machine sleeps (Naps) it begins nothing, whatever happens.
func (r *Runner) Serve(ctx context.Context, arrivals, pokes <-chan struct{}) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if err := r.Spool.Prepare(); err != nil {
		return fmt.Errorf("the queue in %s cannot be used: %w", r.Spool.Dir(), cause(err))
	}
	r.mend()
	s := &server{
		Runner: r, guide: r.newGuide(), lines: make(map[Route]*line), rests: make(rests), looked: make(rests),
		clock: clock{began: r.Now().Round(0), interval: r.Tuning.Interval}, day: newDay(ctx), done: make(chan *carrier), lulls: make(chan struct{}, 1),
	}
	return s.serve(ctx, stop, arrivals, pokes)
}

func (s *server) serve(ctx context.Context, stop func(), arrivals, pokes <-chan struct{}) error {
	var lost error
	// The directory is read when wanted and not before earliest; next is when
	// that is wanted though nothing happens, zero for never.
	var earliest, next time.Time
	for wanted := true; ; {
		if now := s.Now(); wanted && !s.day.asleep() && !ahead(earliest, now) {
			var started int
			var err error
			if started, next, err = s.dispatch(s.day.ctx); err != nil {
				s.Log.Error("cannot read the queue", "err", err)
				next = sooner(next, s.Now().Add(restTime)) // the disk may come back
			}
			s.running += started
			wanted, earliest = false, nextScan(now, s.Now())
		}
		if s.running == 0 {
			s.day.settle()
		}
		wake := next
		if wanted {
			wake = earliest
		}
		timer := newTimer(s.day.alarm(wake), s.Now())
		select {
		case <-ctx.Done():
			timer.Stop()
			for ; s.running > 0; s.running-- {
				<-s.done
			}
			s.day.settle()
			return lost
		case _, ok := <-arrivals:
			if !ok {
				lost = sysexits.Errorf(sysexits.IOErr, "start the agent again", "the queue in %s was moved or removed while the agent watched it", s.Spool.Dir())
				arrivals = nil
				stop()
			}
		case <-pokes:
			s.forget()
			s.asked()
			s.stir()
		case <-s.Reach.Changes():
			s.forget()
			s.stir()
		case <-s.Stirs:
			s.stir()
		case nap := <-s.Naps:
			s.day.turnIn(nap)
		case <-s.day.morning():
			s.day.settle()
			s.day = newDay(ctx)
			s.forget()
			s.stir()
		case <-s.lulls:
		case <-timer.C:
		case c := <-s.done:
			s.running--
			s.ended(c)
		}
		timer.Stop()
		wanted = true
	}
}

// scanShare is the part of the time that may go into reading the directory, as
// its inverse. A short queue is read at each event, a full one for all events
// that came meanwhile.
const scanShare = 5

// nextScan is when the directory may be read again that was last read from
// began to ended.
func nextScan(began, ended time.Time) time.Time {
	const short = 200 * time.Microsecond
	took := ended.Sub(began)
	if took < short {
		return ended
	}
	return ended.Add((scanShare - 1) * took)
}

// ahead says that a time until which something rests is still to come. No rest
// is longer than an hour: what lies further ahead was written down before the
// clock was set back.
func ahead(until, now time.Time) bool {
	left := until.Sub(now)
	return left > 0 && left <= time.Hour
}

// newTimer fires at next; a zero next never.
func newTimer(next, now time.Time) *time.Timer {
	if next.IsZero() {
		timer := time.NewTimer(time.Hour)
		timer.Stop()
		return timer
	}
	return time.NewTimer(max(next.Sub(now), 0))
}

// forget makes every route and message due at once: what kept it back may
// have changed.
func (s *server) forget() {
	s.changed = s.Now()
	for _, l := range s.lines {
		l.plan.reset(s.changed)
		l.stale = l.carrier != nil
	}
	clear(s.rests)
}

// asked is called when a person says to run the queue now.
func (s *server) asked() {
	s.clock.asked = s.Now().Round(0)
	for _, l := range s.lines {
		l.plan.asked(s.Now())
	}
}

func (s *server) ended(c *carrier) {
	l, now := s.lines[c.route], s.Now()
	if c.closed {
		l.carrier, l.stale = nil, false
		s.reckoned(c)
		return
	}
	l.carrier = nil
	if c.calledOff {
		l.ran = time.Time{} // its queue run goes on after the sleep
	}
	pause := restTime
	switch {
	case c.fault == nil:
		l.plan.worked()
	case l.stale:
		l.plan.outdated(now, c.fault)
	case c.fault.Step == StepSession && !c.untried():
		// The server lets us in, and breaks off at each message that was due:
		// those rest, and what comes meanwhile need not wait for them.
		pause = l.plan.rest(now, c.fault)
	default:
		again := l.plan.down(now, c.fault)
		l.plan.later(now, c.until)
		if c.fault.Step != StepSession {
			// The way out went in the middle of a message. The others get one
			// go before it, should it have been the cause.
			pause = min(pause, 2*again)
		}
		s.tell(Event{Kind: Retry, Route: c.route, Fault: c.fault, Next: s.nextTry(c.route, &l.plan)})
	}
	if !l.stale {
		for _, name := range c.tried() {
			s.rests.add(name, now.Add(pause))
		}
	}
	l.stale = false
}

// sooner is the earlier of two times; a zero one is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func (s *server) lull() {
	select {
	case s.lulls <- struct{}{}:
	default:
	}
}

// reachedSince says that another process, such as a flush, has opened a
// session on the route since then.
func (s *server) reachedSince(route Route, then time.Time) bool {
	state, err := s.Spool.RouteState(route)
	return err == nil && state.Fault == nil && state.At.After(then)
}
