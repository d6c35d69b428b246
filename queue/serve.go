package queue

import (
	"context"
	"fmt"
	"maps"
	"time"

	"mailcrane/internal/sysexits"
)

// A line is what the serving runner knows of one route.
type line struct {
	carrier *carrier  // at work, or nil
	stale   bool      // something happened meanwhile: look again when it ends
	faults  int       // in a row
	faultAt time.Time // the last of them
	retryAt time.Time
}

// restTime is how long a message that a carrier has had is left alone though
// it still counts as due: another process may be at it, or its disk may refuse
// to take what became of it. Without a rest it would be tried in a circle.
const restTime = time.Minute

// A rest leaves a message alone as long as it has that very name: another one
// is another state.
type rest struct {
	name  Name
	until time.Time // zero: until something happens that makes all due
}

// A server is the state of Serve.
type server struct {
	*Runner
	lines map[Route]*line
	known map[ID]Route
	rests map[ID]rest
	done  chan *carrier
	lulls chan struct{}
}

// Serve runs the queue until ctx ends: whenever something arrives (a value on
// arrivals), a route may have come up, a retry falls due, or a value comes on
// pokes. With nothing due it sleeps without a timer (law 6). It ends with an
// error when arrivals is closed: nothing would wake it any more.
func (r *Runner) Serve(ctx context.Context, arrivals, pokes <-chan struct{}) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if err := r.Spool.Prepare(); err != nil {
		return fmt.Errorf("the queue in %s cannot be used: %w", r.Spool.Dir(), cause(err))
	}
	r.setAsideStrays()
	s := &server{
		Runner: r, lines: make(map[Route]*line), known: make(map[ID]Route),
		rests: make(map[ID]rest), done: make(chan *carrier), lulls: make(chan struct{}, 1),
	}
	running := 0
	var lost error
	for {
		started, next, err := s.dispatch(ctx)
		if err != nil {
			r.Log.Error("cannot read the queue", "err", err)
			next = r.Now().Add(restTime) // the disk may come back
		}
		running += started
		timer := newTimer(next, r.Now())
		select {
		case <-ctx.Done():
			timer.Stop()
			for ; running > 0; running-- {
				<-s.done
			}
			return lost
		case _, ok := <-arrivals:
			if !ok {
				lost = sysexits.Errorf(sysexits.IOErr, "start the agent again", "the queue in %s was moved or removed while the agent watched it", r.Spool.Dir())
				arrivals = nil
				stop()
			}
		case <-pokes:
			s.forget()
		case <-r.Reach.Changes():
			s.forget()
		case <-s.lulls:
		case <-timer.C:
		case c := <-s.done:
			running--
			s.ended(c)
		}
		timer.Stop()
	}
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
	for _, l := range s.lines {
		l.faults, l.retryAt, l.stale = 0, time.Time{}, l.carrier != nil
	}
	clear(s.rests)
}

func (s *server) ended(c *carrier) {
	l, now := s.lines[c.route], s.Now()
	l.carrier, l.faultAt = nil, now
	pause := restTime
	switch {
	case c.fault == nil || l.stale:
		// Nothing failed, or the network changed while it did: at once again.
		l.faults, l.retryAt = 0, time.Time{}
	case c.fault.Step == StepSession && !c.untried():
		// The server lets us in, and breaks off at each message that was due:
		// those rest, and what comes meanwhile need not wait for them.
		l.faults++
		pause = routeRetry(l.faults, c.fault.NeedsPerson)
	default:
		l.faults++
		again := routeRetry(l.faults, c.fault.NeedsPerson)
		l.retryAt = now.Add(again)
		if c.fault.Step != StepSession {
			// The way out went in the middle of a message. The others get one
			// go before it, should it have been the cause.
			pause = min(pause, 2*again)
		}
	}
	if !l.stale {
		for _, name := range c.tried() {
			s.rests[name.ID] = rest{name, now.Add(pause)}
		}
	}
	l.stale = false
}

// sooner is the earlier of two times, of which the zero one is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// ready are the names that are due and do not rest; next is when another will
// be, zero for never.
func (s *server) ready(names []Name, now time.Time) (due []Name, next time.Time) {
	for _, n := range names {
		resting := s.rests[n.ID]
		switch {
		case n.Waits():
		case !s.due(n, now):
			next = sooner(next, n.Next)
		case resting.name == n && resting.until.IsZero():
		case resting.name == n && resting.until.After(now):
			next = sooner(next, resting.until)
		default:
			due = append(due, n)
		}
	}
	return due, next
}

// dispatch starts a carrier for each idle route that has due messages and may
// be tried. next is when to look again though nothing happens; zero for never.
func (s *server) dispatch(ctx context.Context) (started int, next time.Time, err error) {
	names, err := s.Spool.Sorted()
	if err != nil {
		return 0, time.Time{}, err
	}
	now := s.Now()
	due, next := s.ready(names, now)
	s.forgetGone(names)
	routes := s.byRoute(ctx, due, s.known)
	for _, n := range due {
		if _, ok := s.known[n.ID]; !ok && ctx.Err() == nil {
			// It cannot be read, or no account carries it. To look again each
			// time would find the same.
			s.rests[n.ID] = rest{name: n}
		}
	}
	for route, names := range routes {
		l := s.lines[route]
		if l == nil {
			l = &line{}
			s.lines[route] = l
		}
		switch {
		case l.carrier != nil:
			l.carrier.add(ctx, names)
		case !s.Reach.Verdict(route).Try: // a change will wake us
		case l.retryAt.After(now) && !s.reachedSince(route, l.faultAt):
			next = sooner(next, l.retryAt)
		default:
			c := s.newCarrier(route, names)
			c.lull = s.lull
			l.carrier = c
			started++
			go func() {
				c.carry(ctx)
				s.done <- c
			}()
		}
	}
	return started, next, nil
}

func (s *server) lull() {
	select {
	case s.lulls <- struct{}{}:
	default:
	}
}

// due is Name.Due, but for a message that is put off for longer than the
// schedule ever waits: the clock was wrong when it was, and has been set back.
func (r *Runner) due(n Name, now time.Time) bool {
	return n.Due(now) || !n.Waits() && n.Next.Sub(now) > r.Schedule.Retry(n.Attempts+1)+restTime
}

// reachedSince says that another process, such as a flush, has opened a
// session on the route since then.
func (s *server) reachedSince(route Route, then time.Time) bool {
	state, err := s.Spool.RouteState(route)
	return err == nil && state.Fault == nil && state.At.After(then)
}

// forgetGone drops what is remembered of messages that have left the queue.
func (s *server) forgetGone(names []Name) {
	present := make(map[ID]bool, len(names))
	for _, n := range names {
		present[n.ID] = true
	}
	maps.DeleteFunc(s.known, func(id ID, _ Route) bool { return !present[id] })
	maps.DeleteFunc(s.rests, func(id ID, _ rest) bool { return !present[id] })
}

// Prepare makes the directories and removes what dead processes left.
func (s *Spool) Prepare() error {
	for _, r := range s.roots {
		if err := s.makeDirs(r); err != nil {
			return err
		}
	}
	s.forgetDone()
	return s.Sweep()
}
