package queue

import (
	"context"
	"errors"
	"time"

	"mailcrane/internal/config"
)

// window is how many messages of a route a carrier takes at once. It comes
// back for more: what is held in memory does not grow with the queue.
const window = 10_000

// A course is what one reading of the queue finds of one route.
type course struct {
	line    *line
	verdict Verdict
	pick    pick
	// closed: it may not be tried now. Its messages are looked at again at the
	// time, or when something changes where that is zero.
	closed bool
	again  time.Time
	// byRun: it is called for queue runs only, of which the last and the next are
	// these.
	byRun      bool
	last, next time.Time
	// hold is how long the server is known to keep a message for a later time.
	hold time.Duration
	// overdue are those whose time-outs hold all the same.
	overdue pick
}

// dispatch starts a carrier for each idle route that has due messages and may
// be tried. next is when to look again though nothing happens; zero for never.
func (s *server) dispatch(ctx context.Context) (started int, next time.Time, err error) {
	courses, next, err := s.survey(ctx)
	room := s.room()
	for route, c := range s.wellFirst(courses) {
		picked := &c.pick
		if c.closed {
			picked = &c.overdue
		}
		jobs := s.inOrder(picked)
		switch {
		case len(jobs) == 0:
		case c.line.carrier != nil:
			c.line.carrier.add(ctx, jobs, c.pick.more)
		case !room.enter(route): // the end of another wakes us too
			next = sooner(next, room.again)
		default:
			s.start(ctx, route, c, jobs)
			started++
		}
	}
	return started, next, err
}

// survey reads the directory once, and picks the messages to be tried now.
func (s *server) survey(ctx context.Context) (courses map[Route]*course, next time.Time, err error) {
	courses = make(map[Route]*course)
	now, brake, seen := s.Now(), s.brake(), 0
	s.rests.unseen()
	s.looked.unseen()
	err = s.queue.names(s.Runner, func(n Name) bool {
		seen++
		if n.Waits() {
			return true
		}
		again, ready := s.ready(n, now)
		early := !ready && s.handsOver(n, now, mostHold)
		if !ready {
			next = sooner(next, again)
		}
		if until, resting := s.resting(n, now); early && resting {
			early, next = false, sooner(next, until)
		}
		if !ready && !early {
			return true
		}
		if brake.holds(n) {
			next = sooner(next, now.Add(loadPause))
			return true
		}
		route, err := s.guide.route(n)
		if err != nil {
			// To look again each time would find the same.
			var until time.Time
			if errors.Is(err, errUnread) {
				until = now.Add(unreadTime)
			}
			s.rests.add(n, until)
			next = sooner(next, until)
			return ctx.Err() == nil
		}
		c := courses[route]
		if c == nil {
			c = s.course(route, now)
			courses[route] = c
		}
		if !early || !c.closed && s.handsOver(n, now, c.hold) {
			next = sooner(next, s.enter(c, n, seen, now))
		}
		return ctx.Err() == nil
	})
	if err == nil && ctx.Err() == nil {
		s.rests.forgetGone()
		s.looked.forgetGone()
		s.forgetIdle(courses)
	}
	return courses, next, err
}

// mostIdle is how many routes without mail are remembered: a server meets new
// ones all the time.
const mostIdle = 1000

// forgetIdle forgets the routes for which nothing waits, where there are many.
func (s *server) forgetIdle(courses map[Route]*course) {
	if len(s.lines) < len(courses)+mostIdle {
		return
	}
	for route, l := range s.lines {
		if courses[route] == nil && l.carrier == nil {
			delete(s.lines, route)
		}
	}
}

// enter puts a message that may be tried into its course, and says when to look
// at it again where the course does not take it; zero for when that changes.
func (s *server) enter(c *course, n Name, seen int, now time.Time) (again time.Time) {
	switch {
	case s.keeps(c.verdict, n): // a change will wake us
	case c.missedRun(n):
		return c.next
	case c.closed:
		return sooner(c.again, s.overdue(c, n, seen, now))
	case c.line.carrier == nil || !c.line.carrier.has(n):
		c.pick.add(s.job(n, seen))
	}
	return time.Time{}
}

// ready says whether the message is due and does not rest; again is when it
// will be, zero for never.
func (s *server) ready(n Name, now time.Time) (again time.Time, ready bool) {
	if !s.due(n, now) && n.Next.After(now) && s.Tuning.FutureRelease {
		return n.Next, false // from then on a server may keep it until its time
	}
	if !s.due(n, now) {
		return n.DueAt(), false
	}
	until, resting := s.resting(n, now)
	return until, !resting
}

// resting says whether the message rests at now, and until when; the zero time
// is until something happens.
func (s *server) resting(n Name, now time.Time) (until time.Time, resting bool) {
	until, resting = s.rests.resting(n, now)
	return until, resting && (until.IsZero() || ahead(until, now))
}

// course looks whether the route may be tried at now.
func (s *server) course(route Route, now time.Time) *course {
	l := s.lines[route]
	if l == nil {
		young := s.clock.began
		if s.changed.After(young) {
			young = s.changed
		}
		l = &line{plan: newPlan(s.dice(), young)}
		s.lines[route] = l
	}
	c := &course{
		line: l, verdict: s.Reach.Verdict(route), hold: s.holds(route),
		pick: pick{most: s.windowSize()}, overdue: pick{most: s.windowSize()},
	}
	until, waits := l.plan.waits(now)
	again, may := s.mayDial(c, route, now)
	switch {
	case l.carrier != nil:
	case !c.verdict.Try: // a change will wake us
		c.closed = true
	case !may:
		c.closed, c.again = true, again
	case waits && !s.reachedSince(route, l.plan.failed):
		c.closed, c.again = true, until
	}
	return c
}

// windowSize is how many messages one run takes. sendmail stops reading the
// directory after MaxQueueRunSize jobs; here these are the first in order.
func (r *Runner) windowSize() int {
	if most := r.Tuning.MaxRunSize; most > 0 {
		return min(most, window)
	}
	return window
}

// inOrder is what was picked, the first first.
func (r *Runner) inOrder(p *pick) []job {
	p.cut()
	if r.Tuning.Sort == config.ByHost {
		r.byHost(p.jobs)
	}
	return p.jobs
}

func (s *server) start(ctx context.Context, route Route, c *course, jobs []job) {
	carrier := s.newCarrier(s.guide, route, jobs)
	carrier.lull, carrier.more, carrier.closed = s.lull, c.pick.more, c.closed
	carrier.heeds, carrier.believes, carrier.fresh = true, true, s.changed
	carrier.tries, carrier.rumour = c.line.plan.tries, &c.line.rumour
	c.line.carrier, c.line.began = carrier, s.Now()
	c.line.ran = c.last
	go func() {
		carrier.carry(ctx)
		carrier.calledOff = ctx.Err() != nil
		s.done <- carrier
	}()
}
