package queue

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// A stranding is an attempt that ended with the fault of its session.
type stranding struct {
	*attempt
	fault *RouteFault
}

// broke decides what a broken session means, once for all that was under way
// on it, and forgets it.
func (l *lane) broke(ctx context.Context) {
	c := l.carrier
	c.mu.Lock()
	stranded := l.stranded
	l.stranded = nil
	c.mu.Unlock()
	slices.SortFunc(stranded, func(a, b stranding) int { return cmp.Compare(a.place, b.place) })
	fault := stranded[0].fault
	for _, s := range stranded {
		if s.fault.Step == StepAuth {
			fault = s.fault // the others only say that the session was over
		}
	}
	switch {
	case ctx.Err() != nil:
		// It was called off: that says nothing of the route.
		for _, s := range stranded {
			s.message.Release()
			c.leave(s.message.Name, nil)
		}
	case fault.Step == StepAuth && !fault.Lost:
		l.over = !c.separate()
		c.notLoggedIn(fault, stranded)
	default:
		l.afterBreak(fault, stranded, l.giveUp(fault))
	}
	l.hangUp(ctx)
	l.forget()
}

// notLoggedIn: the log-in went out with the first messages, and was refused.
// That is a fault of the opening, and none of theirs.
func (c *carrier) notLoggedIn(fault *RouteFault, stranded []stranding) {
	for _, s := range stranded {
		s.message.Release()
		if j := s.job.named(s.message.Name); c.separate() {
			c.leave(j.name, nil)
		} else {
			c.putBack(j)
		}
	}
	if fault.NeedsPerson {
		c.stop(fault) // on each session: a wrong password sent again gets an account locked
		return
	}
	c.notOpened(fault)
}

// afterBreak gives the messages of a session that broke their next chance, and
// ends the route when sessions break again and again.
//
// The first time a message goes again in the same run, behind all others if the
// link was not to blame. The second time nobody can tell at which of several
// under way it broke: each then goes by itself, and that last which was the
// first without an answer. One at which it broke when it was alone, while others
// were answered, waits, without blame, but no longer in the way of the others.
//
// What a change of network has lost is not counted against a message.
//
// spared says that another session goes on, so that this one says nothing of the
// route.
func (l *lane) afterBreak(fault *RouteFault, stranded []stranding, spared bool) {
	c := l.carrier
	same := l.brokeWithAnother()
	first, down := spared && !same, false
	if !spared && !same {
		first, down = l.countBreak(fault, stranded)
	}
	for i, s := range stranded {
		m := s.message
		j := s.job.named(m.Name)
		again := s.atOnce || !s.settled && !down
		n := 0
		if !l.lostToChange(s.fault) {
			n = c.brokeAt(m.Name.ID, same)
		}
		switch {
		case !again || s.atOnce || s.fault.Lost && n <= 1:
		case n == 1:
			j.behind = max(j.behind, behind)
		case len(stranded) > 1:
			j.behind = byItself + len(stranded) - i
		case first:
			c.runner.postpone(m)
			again = false
		case j.alone():
			j.behind += mostUnderWay // behind the others that go by themselves
		}
		m.Release()
		if again {
			c.putBack(j)
		} else {
			c.leave(m.Name, nil)
		}
	}
	if down {
		c.stop(fault)
	} else {
		c.runner.tell(Event{Kind: Closed, Route: c.route, Fault: fault})
	}
}

// countBreak counts a session that broke. first says that it is the first since
// an answer, and down that the route is: where no other message had an answer in
// between, it is the route's doing as far as anybody can tell (law 2). A session
// that was open when another one broke has broken by the same cause.
func (l *lane) countBreak(fault *RouteFault, stranded []stranding) (first, down bool) {
	c := l.carrier
	c.mu.Lock()
	defer c.mu.Unlock()
	foremost := stranded[0]
	before := c.breaks[foremost.message.Name.ID]
	switch alone := len(stranded) == 1; {
	case !alone && before == 1 && c.broken == 1:
		// One of them may be the cause. They go by themselves first.
		return false, false
	case alone && before > 0 && !foremost.job.alone() && !fault.Lost:
		down = c.broken > 0
	}
	c.broken++
	if l.lostToChange(fault) {
		c.tries.spend(c.runner.Now())
		down = down || !c.mayHurry()
	}
	return c.broken == 1, down || c.broken >= maxBroken
}

// lostToChange says that the way out has changed since the session was opened, and
// that it was lost to that.
func (l *lane) lostToChange(fault *RouteFault) bool {
	return fault.Lost && l.carrier.stirring.times() != l.stirred
}

// brokeWithAnother says that another session broke while this one was open: the
// two have broken by the same cause, though this one may have noticed only when
// it was given what the other had left.
func (l *lane) brokeWithAnother() bool {
	c := l.carrier
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.after != c.counted {
		return true
	}
	c.counted++
	return false
}

// brokeAt counts the sessions that broke with the message on them. Those that
// broke by the same cause as another count once at the most.
func (c *carrier) brokeAt(id ID, same bool) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if same {
		c.breaks[id] = max(c.breaks[id], 1)
		return 1
	}
	c.breaks[id]++
	return c.breaks[id]
}

// postpone lets a message wait as after an attempt, without counting one.
func (r *Runner) postpone(m *Message) {
	now := r.Now()
	next := r.schedule().nextTry(m.Name.Attempts+1, r.ageOf(m, now, false), now)
	if err := m.rename(func(n *Name) { n.Last, n.Next = now.Truncate(time.Second), next }); err != nil {
		r.Log.Error("cannot postpone the message", "id", m.Name.ID, "err", err)
	}
}
