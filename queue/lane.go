package queue

import (
	"context"
	"errors"
	"time"
)

// lane carries messages one after another over one session, opened for the
// first message that can be claimed, and again when it broke.
func (c *carrier) lane(ctx context.Context) {
	var session Session
	var hangUp func(context.Context)
	// goodbye ends a session that is in order.
	goodbye := func(cut bool) {
		polite, cancel := withGrace(ctx, quitGrace)
		defer cancel()
		if cut {
			c.mayCut(cancel)
		}
		hangUp(polite)
		session = nil
	}
	defer func() {
		if session != nil {
			goodbye(true)
		}
		c.endLane()
	}()
	for ctx.Err() == nil {
		j, ok := c.take()
		if !ok {
			return
		}
		m, err := c.claim(j.name)
		if err != nil {
			c.skipped(j.name, err)
			continue
		}
		if c.runner.ageOf(m, c.runner.Now(), false).life < 0 {
			c.leave(c.runner.reckon(c.route, m), nil)
			continue
		}
		if session == nil {
			// A connection may take a while; a person may hold or remove the
			// message meanwhile.
			j.name = m.Name // an edit that a crash cut off was made good
			m.Release()
			if session, hangUp = c.openSession(c.firstTry(ctx, j.name)); session == nil {
				if c.separate() && ctx.Err() == nil {
					c.leave(j.name, nil)
					continue
				}
				c.putBack(j)
				return
			}
			if m, err = c.claim(j.name); err != nil {
				c.skipped(j.name, err)
				continue
			}
		}
		a, fault := c.deliver(ctx, session, m)
		again := a != nil && c.afterwards(ctx, a, fault)
		m.Release()
		if again {
			c.putBack(job{name: m.Name, behind: true, key: j.key})
		} else {
			c.leave(m.Name, nil)
		}
		switch {
		case fault != nil:
			hangUp(ctx)
			session = nil
		case c.runner.Tuning.SeparateSessions:
			goodbye(false)
		}
	}
}

// mayCut says how the farewell of a lane that ends is cut short.
func (c *carrier) mayCut(cut context.CancelFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.farewells = append(c.farewells, cut)
	if c.fault == nil {
		c.cutFarewells()
	}
}

// endLane tells that what the lane has put off may be wanted before the others
// end.
func (c *carrier) endLane() {
	c.mu.Lock()
	c.lanes--
	last := c.lanes == 0
	c.mu.Unlock()
	if !last && c.lull != nil {
		c.lull()
	}
}

// claim claims a message of the carrier's route.
func (c *carrier) claim(name Name) (*Message, error) {
	m, err := c.runner.claim(name)
	switch {
	case err != nil:
		return nil, err
	case c.runner.passesOver(m.Name) || !c.leavesNow(m.Name):
		err = errLater
	case !c.guide.right(c.route, m):
		err = errAstray
	default:
		return m, nil
	}
	m.Release()
	return nil, err
}

// skipped says why a message was not tried.
func (c *carrier) skipped(name Name, why error) {
	c.leave(name, why)
	switch {
	case errors.Is(why, errAstray):
		if c.lull != nil {
			c.lull() // somebody must give it to its own carrier
		}
	case !errors.Is(why, errGone) && !errors.Is(why, errBusy) && !errors.Is(why, errLater):
		c.runner.Log.Warn("message passed over", "id", name.ID, "why", why)
	}
}

// deliver makes one attempt at m, and returns nil if none could be made. While
// nothing moves for longer than the runner's patience, the messages behind go
// by another lane.
func (c *carrier) deliver(ctx context.Context, session Session, m *Message) (*attempt, *RouteFault) {
	r := c.runner
	a, err := r.newAttempt(c.route, m)
	if err != nil {
		r.Log.Error("cannot prepare the attempt", "id", m.Name.ID, "err", err)
		return nil, nil
	}
	if len(a.delivery.To) == 0 || a.answeredBefore {
		a.settle(nil)
		return nil, nil
	}
	watch := c.watch(ctx)
	defer watch.end()
	a.delivery.Progress = func(octets int64) {
		watch.moved()
		r.tell(Event{Kind: Progress, Route: c.route, ID: m.Name.ID, Size: m.Name.Size, Octets: octets})
	}
	r.tell(Event{
		Kind: Begun, Route: c.route, ID: m.Name.ID, From: m.Envelope.From, Size: m.Name.Size, Dir: m.spool.placeOf(m.Name).root.dir,
	})
	// A stop waits for the answer to what is on the wire, so that the message
	// does not become uncertain for nothing.
	patient, cancel := withGrace(ctx, stopGrace)
	fault := session.Deliver(patient, &a.delivery)
	cancel()
	a.settle(fault)
	if fault == nil && !a.settled && !a.delivery.HoldUntil.IsZero() {
		c.learnHold(0) // it said that it does, and does not
	}
	if fault != nil && len(fault.Transcript) == 0 {
		fault.Transcript = a.session.lines()
	}
	return a, fault
}

// afterwards decides what a broken session means: for the message that was on
// it, one more chance behind all others, which it returns as again, then a
// pause; for the route, an end when sessions break again and again.
func (c *carrier) afterwards(ctx context.Context, a *attempt, fault *RouteFault) (again bool) {
	r, m := c.runner, a.message
	c.mu.Lock()
	if a.answered {
		c.broken = 0
	}
	if fault == nil || ctx.Err() != nil {
		c.mu.Unlock()
		return false
	}
	c.broken++
	secondTime := c.again[m.Name.ID]
	// Where no other message had an answer in between, it is the route's doing
	// as far as anybody can tell (law 2).
	down := c.broken >= maxBroken || secondTime && c.broken > 1
	if again = !a.settled && !secondTime && !down; again {
		c.again[m.Name.ID] = true
	}
	c.mu.Unlock()
	if !a.settled && secondTime && !down {
		// The session broke at this message twice: without blame, but no
		// longer in the way of the others.
		now := r.Now()
		next := r.schedule().nextTry(m.Name.Attempts+1, r.ageOf(m, now, false), now)
		if err := m.rename(func(n *Name) { n.Last, n.Next = now.Truncate(time.Second), next }); err != nil {
			r.Log.Error("cannot postpone the message", "id", m.Name.ID, "err", err)
		}
	}
	if down {
		c.stop(fault)
	} else {
		r.tell(Event{Kind: Closed, Route: c.route, Fault: fault})
	}
	return again
}
