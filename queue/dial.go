package queue

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"time"

	"mailcrane/internal/config"
)

// dial is what it takes for a route to be called.
func (r *Runner) dial(route Route) config.Dial {
	if r.Dial == nil {
		return config.DialFreely
	}
	return r.Dial(route)
}

// A clock is when the serving runner has its queue runs, for the routes that
// nothing else calls: when it begins, at each interval after that, and when a
// person asks for one.
type clock struct {
	began, asked time.Time
	interval     time.Duration // 0: there are none but those asked for
}

// runs is when the last run was, and when the next one will be; zero for never.
func (c *clock) runs(now time.Time) (last, next time.Time) {
	now = now.Round(0)
	if c.began.After(now) || c.asked.After(now) {
		c.began, c.asked = now, time.Time{} // the clock was set back
	}
	last = c.asked
	if c.interval <= 0 {
		return last, next
	}
	tick := c.began.Add(now.Sub(c.began).Truncate(c.interval))
	if tick.After(last) {
		last = tick
	}
	return last, tick.Add(c.interval)
}

// mayDial says whether the route may be called at now by itself, and when to look
// again; zero for when something happens.
func (s *server) mayDial(c *course, route Route, now time.Time) (again time.Time, may bool) {
	switch s.dial(route) {
	case config.DialOnDemand:
		return time.Time{}, false
	case config.DialByRun:
		c.byRun = true
		c.last, c.next = s.clock.runs(now)
		return c.next, c.last.After(c.line.ran)
	case config.DialFreely:
	}
	return time.Time{}, true
}

// missedRun says that the message came after the run for which the route is
// called. One that comes while it is called goes with the others.
func (c *course) missedRun(n Name) bool {
	return c.byRun && c.line.carrier == nil && n.ID.Received().After(c.last)
}

// nextTry is when the route is tried again, should nothing happen before; zero
// for never.
func (s *server) nextTry(route Route, p *plan) time.Time {
	if s.dial(route) != config.DialByRun {
		return p.next
	}
	_, next := s.clock.runs(s.Now())
	return next
}

// dials says that this queue run calls the route: one that is on demand only
// where somebody has said what to send.
func (f *flush) dials(route Route) bool {
	return f.run.IDs != nil || f.run.Want != nil || f.run.Route != "" || f.dial(route) != config.DialOnDemand
}

// onDemand says that the message waits for a run of its account.
func (f *flush) onDemand(n Name) bool {
	route, err := f.guide.route(n)
	return err == nil && !f.dials(route)
}

// dialsAgain is DialDelay: the call that the first connection of a run sets off
// may take longer than the connection may. It waits, unless the network changes
// before, and says whether to try once more.
func (c *carrier) dialsAgain(ctx context.Context, fault *RouteFault) bool {
	delay := c.runner.Tuning.DialDelay
	c.mu.Lock()
	first := !c.dialled
	c.dialled = true
	c.mu.Unlock()
	if !first || delay <= 0 || fault == nil || !fault.unheard() || errors.Is(fault.Err, syscall.ECONNREFUSED) {
		return false
	}
	changed := make(chan struct{})
	defer c.stirring.add(sync.OnceFunc(func() { close(changed) }))()
	c.runner.tell(Event{Kind: Retry, Route: c.route, Fault: fault, Next: c.runner.Now().Add(delay)})
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-changed:
	case <-timer.C:
	}
	return !c.heeds || c.runner.Reach.Verdict(c.route).Try
}
