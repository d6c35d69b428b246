package queue

import (
	"context"
	"errors"
)

// mostUnderWay bounds the messages that one lane has claimed at once: those
// whose answers are awaited, how many of which the session decides, and those
// whose answers are being written down.
const mostUnderWay = 256

// A lane carries messages over one session, opened for the first message that
// can be claimed, and again when it broke. The session says by Delivery.Next
// that it can take another one; so several may be under way at once.
type lane struct {
	carrier *carrier
	watch   stillness
	// session is nil before it is opened and after it broke; via is what carries
	// the mail by it (Verdict.Via).
	session Session
	via     string
	hangUp  func(context.Context)
	// patient ends a while after the carrier's context: a stop, or the sleep of
	// the machine, waits for the answers to what is on the wire, so that it does not become uncertain for
	// nothing.
	patient context.Context //nolint:containedctx // the session's own
	forsake context.CancelFunc
	// news holds a value when something may have changed of what follows.
	news chan struct{}

	// The carrier's mu guards these.

	// underWay are the attempts that have not ended, in the order of the wire.
	underWay []*attempt
	// sent counts the deliveries of the session.
	sent int
	// taken: the session has yet to say that it can take another delivery. alone:
	// a message is on it that goes by itself.
	taken, alone bool
	// after is how many broken sessions had been counted when it was opened.
	after int
	// stirred is how often the way out had changed by then.
	stirred int
	// proven: the session has carried one, so that the log-in went well, which
	// may have gone out with the first messages.
	proven bool
	// open: there is a session that goes on. streams: it takes a delivery behind one that is
	// not answered. over: it is to open no more.
	open, streams, over bool
	// joins: it is one more, and not there yet.
	joins bool
	// heavy is a message on the wire whose rest takes long, or nil. past, if not
	// 0, is the most octets of those that are to go past such a one by this lane.
	heavy *attempt
	past  int64
	// stranded are the attempts that a broken session has left, still claimed,
	// each with its fault.
	stranded []stranding
}

// startLane opens a lane. The caller holds mu.
func (c *carrier) startLane(ctx context.Context) *lane {
	l := &lane{carrier: c, news: make(chan struct{}, 1)}
	l.watch.lane, l.watch.ctx = l, ctx
	c.lanes = append(c.lanes, l)
	c.open.Go(func() { l.run(ctx) })
	return l
}

func (l *lane) run(ctx context.Context) {
	c := l.carrier
	defer func() {
		if l.session != nil {
			l.goodbye(ctx, true)
		}
		c.endLane(l)
	}()
	for {
		j, ok := l.next(ctx)
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
		if l.session == nil {
			// A connection may take a while; a person may hold or remove the
			// message meanwhile.
			j.name = m.Name // an edit that a crash cut off was made good
			m.Release()
			if !l.connect(c.firstTry(ctx, j.name)) {
				if c.separate() && ctx.Err() == nil {
					c.leave(j.name, nil)
					continue
				}
				c.putBack(j)
				return
			}
			if ctx.Err() != nil {
				c.putBack(j)
				continue // it was called off as it opened: nothing is begun
			}
			if j, ok = c.exchange(j); !ok {
				continue
			}
			if m, err = c.claim(j.name); err != nil {
				c.skipped(j.name, err)
				continue
			}
		}
		l.begin(ctx, m, j)
	}
}

// next waits until the session can take a message, and there is one. It says
// false when there is nothing more to do and nothing is under way.
func (l *lane) next(ctx context.Context) (job, bool) {
	c := l.carrier
	for {
		c.mu.Lock()
		idle, broke := len(l.underWay) == 0, len(l.stranded) > 0
		if !broke && ctx.Err() == nil && l.mayTake() {
			if j, ok := c.take(); ok {
				c.mu.Unlock()
				return j, true
			}
		}
		c.mu.Unlock()
		switch {
		case idle && broke:
			l.broke(ctx)
		case idle && l.used():
			l.goodbye(ctx, false)
		case idle:
			return job{}, false
		default:
			<-l.news
		}
	}
}

// mayTake says that the lane can take what is next. The caller holds mu.
func (l *lane) mayTake() bool {
	c := l.carrier
	switch n := len(l.underWay); {
	case l.used(), l.over, l.heavy != nil, l.surplus():
		return false
	case l.past > 0 && len(c.lanes) > 1 && len(c.todo) > 0 && c.todo[0].name.Size > l.past:
		return false
	case n == 0:
		return true
	case l.taken, l.alone, n >= mostUnderWay, len(c.lanes) > 1 && c.pace.depth > 0 && n >= c.pace.depth:
		return false
	}
	return !c.nextIsAlone()
}

// used says that the session is to carry no more: it had its one message, or the
// policy has the mail go by another server now.
func (l *lane) used() bool {
	r := l.carrier.runner
	return l.session != nil && (l.sent > 0 && r.Tuning.SeparateSessions || l.via != r.Reach.Verdict(l.carrier.route).Via)
}

// tell has the lane look again.
func (l *lane) tell() {
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// connect opens the session, and says false if there is none.
func (l *lane) connect(ctx context.Context) bool {
	c := l.carrier
	began, stirred := c.runner.Now(), c.stirring.times()
	l.via = c.runner.Reach.Verdict(c.route).Via
	l.session, l.hangUp = c.openSession(ctx)
	now := c.runner.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.joined(); l.session == nil {
		return false
	}
	c.pace.opened(now.Sub(began), now)
	l.open, l.streams, l.sent, l.proven, l.after, l.stirred = true, false, 0, false, c.counted, stirred
	l.patient, l.forsake = withGrace(ctx, answerGrace)
	return true
}

// goodbye ends a session that is in order. cut says that new mail may cut the
// farewell short.
func (l *lane) goodbye(ctx context.Context, cut bool) {
	l.proves()
	l.close()
	polite, cancel := withGrace(ctx, farewellGrace)
	defer cancel()
	if cut {
		l.carrier.mayCut(cancel)
	}
	l.hangUp(polite)
	l.forget()
}

// forget lets go of a session that is over.
func (l *lane) forget() {
	l.forsake()
	l.session = nil
	l.close()
}

// close says that the session takes no more: nobody is to count on it.
func (l *lane) close() {
	l.carrier.mu.Lock()
	defer l.carrier.mu.Unlock()
	l.open = false
}

// proves notes that the route is up, once a session.
func (l *lane) proves() {
	c := l.carrier
	c.mu.Lock()
	first := !l.proven
	l.proven = true
	c.mu.Unlock()
	if first {
		c.noteRoute(nil)
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
