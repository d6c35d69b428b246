package queue

import (
	"context"
	"errors"
)

// openSession opens a session; close ends it. It is nil if there is none.
func (c *carrier) openSession(ctx context.Context) (session Session, hangUp func(context.Context)) {
	r := c.runner
	if verdict := r.Reach.Verdict(c.route); verdict.Withholds() || c.heeds && !verdict.Try {
		c.notTried(&RouteFault{Step: StepConnect, Server: r.host(c.route), Err: errors.New(verdict.Why)})
		return nil, nil
	}
	if fault, until := c.believed(); fault != nil {
		c.until = until
		c.notTried(fault)
		return nil, nil
	}
	release, fault := c.claimHost()
	if fault != nil {
		c.notTried(fault)
		return nil, nil
	}
	r.tell(Event{Kind: Opening, Route: c.route})
	began, stirred := r.Now(), c.stirring.times()
	session, fault = c.openStirred(ctx)
	if fault != nil && fault.Cost != (Cost{}) && !fault.Captive {
		r.sessionEnded(SessionEnd{Route: c.route, Began: began, Cost: fault.Cost, Why: fault.Sentence()}, nil)
	}
	if errors.Is(ctx.Err(), context.Canceled) && fault != nil {
		// A person, or the end of the agent, called it off: that says nothing
		// of the route, and the next process must not believe that it does.
		r.tell(Event{Kind: Closed, Route: c.route, Fault: fault})
		release()
		return nil, nil
	}
	if fault != nil {
		// The next process is to find what we have found out.
		c.notOpened(fault)
		release()
		return nil, nil
	}
	c.learnHold(holdOf(session))
	counted := r.count(c.route, session, began)
	r.tell(Event{Kind: Opened, Route: c.route, Live: counted})
	leave := c.stirring.add(counted.Stir)
	if c.stirring.times() != stirred {
		counted.Stir() // nobody may have told it when it had just been opened
	}
	return counted, func(ctx context.Context) {
		leave()
		counted.Close(ctx)
		release()
	}
}

// notTried ends the carrier for a host that was not connected to: nothing new
// is known of the route.
func (c *carrier) notTried(fault *RouteFault) {
	c.mu.Lock()
	switch {
	case len(c.lanes) > 1:
		c.narrow = true
	case c.fault == nil:
		c.fault = fault
	}
	c.mu.Unlock()
	c.runner.Log.Info("route is not tried", "route", c.route, "why", fault.Sentence())
	c.runner.tell(Event{Kind: Closed, Route: c.route, Fault: fault})
}

// notOpened takes it for the route's fault, unless other lanes are open: a
// server may allow us no more sessions at once.
func (c *carrier) notOpened(fault *RouteFault) {
	c.mu.Lock()
	alone := len(c.lanes) == 1
	c.narrow = c.narrow || !alone
	c.mu.Unlock()
	switch {
	case alone && c.separate() && !fault.NeedsPerson:
		c.missed = fault // no other lane is open
		c.runner.noteRoute(c.route, fault)
	case alone:
		c.stop(fault)
		return
	}
	c.runner.tell(Event{Kind: Closed, Route: c.route, Fault: fault})
}

func (c *carrier) stop(fault *RouteFault) {
	c.mu.Lock()
	first := c.fault == nil
	if first {
		c.fault = fault
	}
	c.mu.Unlock()
	if first {
		c.runner.noteRoute(c.route, fault)
		c.runner.tell(Event{Kind: Closed, Route: c.route, Fault: fault})
	}
}

func (r *Runner) noteRoute(route Route, fault *RouteFault) {
	if fault == nil || !fault.Captive {
		r.noteHost(route, fault) // a portal says nothing of the host
	}
	switch {
	case fault == nil:
	case r.metAgain(route, fault):
		return
	default:
		r.Log.Warn("route is down", "route", route, "why", fault.Sentence(), "hint", fault.Hint)
	}
	if err := r.Spool.NoteRoute(route, fault); err != nil {
		r.Log.Warn("cannot note the state of the route", "route", route, "err", err)
	}
}

// metAgain says that a portal was in the way before: it is met again every second
// or two, of which neither the log nor the disk is told.
func (r *Runner) metAgain(route Route, fault *RouteFault) bool {
	if !fault.Captive {
		return false
	}
	last, err := r.Spool.RouteState(route)
	return err == nil && last.Fault != nil && *last.Fault == fault.Text()
}
