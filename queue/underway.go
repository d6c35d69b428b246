package queue

import "context"

// begin makes an attempt at m, which is claimed, and comes back while that is
// under way.
func (l *lane) begin(ctx context.Context, m *Message, j job) {
	c := l.carrier
	r := c.runner
	a, err := r.newAttempt(c.route, m)
	switch {
	case err != nil:
		r.Log.Error("cannot prepare the attempt", "id", m.Name.ID, "err", err)
	case len(a.delivery.To) == 0 || a.answeredBefore:
		a.settle(nil)
	default:
		a.job = j
		l.send(ctx, a)
		return
	}
	m.Release()
	c.leave(m.Name, nil)
}

// send gives the session the delivery, from a goroutine of its own.
func (l *lane) send(ctx context.Context, a *attempt) {
	c, r, m := l.carrier, l.carrier.runner, a.message
	a.moved = l.watch.moved
	a.delivery.Progress = func(octets int64) {
		l.moved(ctx, a, octets)
		r.tell(Event{Kind: Progress, Route: c.route, ID: m.Name.ID, Size: m.Name.Size, Octets: octets})
	}
	if !r.Tuning.SeparateSessions {
		a.delivery.Next = func() { l.passedOn(a, true) }
	}
	r.tell(Event{
		Kind: Begun, Route: c.route, ID: m.Name.ID, From: m.Envelope.From, Size: m.Name.Size, Dir: m.spool.placeOf(m.Name).root.dir,
	})
	a.begun = r.Now()
	c.mu.Lock()
	l.sent++
	a.place, a.broke = l.sent, c.breaks[m.Name.ID] > 0
	l.underWay = append(l.underWay, a)
	l.taken, l.alone = true, a.job.alone()
	l.watch.begin()
	c.mu.Unlock()
	session, patient := l.session, l.patient
	go func() {
		fault := session.Deliver(patient, &a.delivery)
		l.answered(ctx, a, fault)
		l.settle(a, fault)
	}()
}

// moved notes how far the message of a is. Its rest may take so long that small
// ones go past it.
func (l *lane) moved(ctx context.Context, a *attempt, octets int64) {
	c := l.carrier
	c.mu.Lock()
	defer c.mu.Unlock()
	l.watch.setMoving(true)
	if l.weigh(a, octets); l.heavy != nil {
		c.pass(ctx)
	}
}

// passedOn says that the session can take another delivery behind a; early,
// that it can do so before a is answered.
func (l *lane) passedOn(a *attempt, early bool) {
	c := l.carrier
	c.mu.Lock()
	defer c.mu.Unlock()
	l.streams = l.streams || early
	if n := len(l.underWay); n > 0 && l.underWay[n-1] == a {
		l.taken = false
		l.tell()
	}
}

// answered says that Deliver has returned for a. What becomes of it is yet to
// be written down, for which the session need not wait.
func (l *lane) answered(ctx context.Context, a *attempt, fault *RouteFault) {
	c := l.carrier
	c.mu.Lock()
	l.watch.setMoving(true)
	if l.heavy == a {
		l.heavy = nil
	}
	if fault != nil {
		l.stranded = append(l.stranded, stranding{a, fault})
	} else {
		c.widen(ctx, l, a)
	}
	c.mu.Unlock()
	if fault == nil {
		l.passedOn(a, false)
		l.proves()
	}
}

// settle writes down what became of a, and lets go of it if it was answered.
func (l *lane) settle(a *attempt, fault *RouteFault) {
	c, m := l.carrier, a.message
	a.settle(fault)
	if fault == nil {
		if !a.settled && !a.delivery.HoldUntil.IsZero() {
			c.learnHold(0) // it said that it does, and does not
		}
		m.Release()
		c.leave(m.Name, nil)
	} else if len(fault.Transcript) == 0 {
		fault.Transcript = a.session.lines()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if a.answered {
		c.broken = 0
	}
	l.ended(a)
}

// ended takes a out of what is under way. The caller holds mu.
func (l *lane) ended(a *attempt) {
	kept := l.underWay[:0]
	for _, other := range l.underWay {
		if other != a {
			kept = append(kept, other)
		}
	}
	clear(l.underWay[len(kept):])
	l.underWay = kept
	if len(kept) == 0 {
		l.watch.end()
	}
	l.tell()
}
