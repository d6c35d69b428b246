package queue

import (
	"context"
	"fmt"
	"maps"
	"time"
)

// A line is what the serving runner knows of one route.
type line struct {
	busy    bool // a carrier is at work
	stale   bool // something happened meanwhile: look again when it ends
	faults  int  // in a row
	retryAt time.Time
}

// restTime is how long a message that a carrier has had is left alone though
// it still counts as due: another process may be at it, or its disk may refuse
// to take what became of it. Without a rest it would be tried in a circle.
const restTime = time.Minute

// A server is the state of Serve.
type server struct {
	*Runner
	lines map[Route]*line
	known map[ID]Route
	rest  map[ID]time.Time
	done  chan *carrier
}

// Serve runs the queue until ctx ends: whenever something arrives (a value on
// arrivals), a route may have come up, a retry falls due, or Poke is called.
// With nothing due it sleeps without a timer (law 6).
func (r *Runner) Serve(ctx context.Context, arrivals, pokes <-chan struct{}) error {
	if err := r.Spool.Prepare(); err != nil {
		return fmt.Errorf("the queue in %s cannot be used: %w", r.Spool.dir, cause(err))
	}
	r.setAsideStrays()
	s := &server{
		Runner: r, lines: make(map[Route]*line), known: make(map[ID]Route),
		rest: make(map[ID]time.Time), done: make(chan *carrier),
	}
	running := 0
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
			return nil
		case <-arrivals:
		case <-pokes:
			s.forget()
		case <-r.Reach.Changes():
			s.forget()
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
		l.faults, l.retryAt, l.stale = 0, time.Time{}, l.busy
	}
	clear(s.rest)
}

func (s *server) ended(c *carrier) {
	l, now := s.lines[c.route], s.Now()
	l.busy = false
	rest := restTime
	switch {
	case c.fault == nil || l.stale:
		// Nothing failed, or the network changed while it did: at once again.
		l.faults, l.retryAt = 0, time.Time{}
	case c.fault.Step == StepSession && !c.untried():
		// The server lets us in, and breaks off at each message that was due:
		// those rest, and what comes meanwhile need not wait for them.
		l.faults++
		rest = routeRetry(l.faults, c.fault.NeedsPerson)
	default:
		l.faults++
		l.retryAt = now.Add(routeRetry(l.faults, c.fault.NeedsPerson))
	}
	if !l.stale {
		for _, name := range c.taken {
			s.rest[name.ID] = now.Add(rest)
		}
	}
	l.stale = false
}

// dispatch starts a carrier for each idle route that has due messages and may
// be tried. next is when to look again though nothing happens; zero for never.
func (s *server) dispatch(ctx context.Context) (started int, next time.Time, err error) {
	names, err := s.Spool.Sorted()
	if err != nil {
		return 0, time.Time{}, err
	}
	now := s.Now()
	sooner := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	var due []Name
	for _, n := range names {
		rest := s.rest[n.ID]
		switch {
		case n.Held:
		case !n.Due(now):
			sooner(n.Next)
		case rest.After(now):
			sooner(rest)
		default:
			due = append(due, n)
		}
	}
	s.forgetGone(names)
	for route, names := range s.byRoute(ctx, due, s.known) {
		l := s.lines[route]
		if l == nil {
			l = &line{}
			s.lines[route] = l
		}
		switch {
		case l.busy:
		case !s.Reach.Verdict(route).Try: // a change will wake us
		case l.retryAt.After(now):
			sooner(l.retryAt)
		default:
			l.busy = true
			started++
			go func() { s.done <- s.carry(ctx, route, names) }()
		}
	}
	return started, next, nil
}

// forgetGone drops what is remembered of messages that have left the queue.
func (s *server) forgetGone(names []Name) {
	present := make(map[ID]bool, len(names))
	for _, n := range names {
		present[n.ID] = true
	}
	maps.DeleteFunc(s.known, func(id ID, _ Route) bool { return !present[id] })
	maps.DeleteFunc(s.rest, func(id ID, _ time.Time) bool { return !present[id] })
}

// Prepare makes the directories and removes what dead processes left.
func (s *Spool) Prepare() error {
	if err := s.makeDirs(); err != nil {
		return err
	}
	return s.Sweep()
}
