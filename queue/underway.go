package queue

// begin makes an attempt at m, which is claimed, and comes back while that is
// under way.
func (l *lane) begin(m *Message, j job) {
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
		l.send(a)
		return
	}
	m.Release()
	c.leave(m.Name, nil)
}

// send gives the session the delivery, from a goroutine of its own.
func (l *lane) send(a *attempt) {
	c, r, m := l.carrier, l.carrier.runner, a.message
	a.moved = l.watch.moved
	a.delivery.Progress = func(octets int64) {
		l.watch.moved()
		r.tell(Event{Kind: Progress, Route: c.route, ID: m.Name.ID, Size: m.Name.Size, Octets: octets})
	}
	if !r.Tuning.SeparateSessions {
		a.delivery.Next = func() { l.passedOn(a) }
	}
	r.tell(Event{
		Kind: Begun, Route: c.route, ID: m.Name.ID, From: m.Envelope.From, Size: m.Name.Size, Dir: m.spool.placeOf(m.Name).root.dir,
	})
	c.mu.Lock()
	l.sent++
	a.place = l.sent
	l.underWay = append(l.underWay, a)
	l.taken, l.alone = true, a.job.alone()
	l.watch.begin()
	c.mu.Unlock()
	session, patient := l.session, l.patient
	go func() {
		fault := session.Deliver(patient, &a.delivery)
		l.answered(a, fault)
		l.settle(a, fault)
	}()
}

// passedOn says that the session can take another delivery behind a.
func (l *lane) passedOn(a *attempt) {
	c := l.carrier
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(l.underWay); n > 0 && l.underWay[n-1] == a {
		l.taken = false
		l.tell()
	}
}

// answered says that Deliver has returned for a. What becomes of it is yet to
// be written down, for which the session need not wait.
func (l *lane) answered(a *attempt, fault *RouteFault) {
	l.watch.moved()
	if fault == nil {
		l.passedOn(a)
		l.proves()
		return
	}
	c := l.carrier
	c.mu.Lock()
	defer c.mu.Unlock()
	l.stranded = append(l.stranded, stranding{a, fault})
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
