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
	if why := fault.Sentence(); c.rumour.spread(why) != why {
		c.runner.Log.Info("route is not tried", "route", c.route, "why", why)
	}
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
		c.noteRoute(fault)
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
		c.noteRoute(fault)
		c.runner.tell(Event{Kind: Closed, Route: c.route, Fault: fault})
	}
}

// noteRoute writes down how the route is; fault nil is up.
func (c *carrier) noteRoute(fault *RouteFault) {
	r, route := c.runner, c.route
	if fault == nil || !fault.Captive {
		r.noteHost(route, fault) // a portal says nothing of the host
	}
	again := false
	if fault != nil {
		why := fault.Sentence()
		if again = c.rumour.spread(why) == why; again {
			r.Log.Debug("route is still down", "route", route, "why", why)
		} else {
			r.Log.Warn("route is down", "route", route, "why", why, "hint", fault.Hint)
		}
	} else if c.rumour.spread("") != "" {
		r.Log.Info("route is up again", "route", route)
	}
	if again && fault.Captive {
		return // each second or two: the disk knows
	}
	if fault == nil && route.door() {
		r.Spool.forgetRoute(route) // a server has many, and nobody asks after those that work
		return
	}
	if err := r.Spool.NoteRoute(route, fault); err != nil {
		r.Log.Warn("cannot note the state of the route", "route", route, "err", err)
	}
}
