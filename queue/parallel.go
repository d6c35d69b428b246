package queue

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// autoSessions is the most sessions that one carrier has open at once where its
// account does not say: a smarthost counts them, and each costs it a process.
const autoSessions = 3

const (
	// leastWait is what a delivery takes where it is the server's distance that
	// takes it, and not the work: with less, a second session saves nothing.
	leastWait = 20 * time.Millisecond
	// leastThought is it for a session that has several under way, where the link has
	// room: what a delivery takes then is what its server does with it.
	leastThought = 4 * time.Millisecond
	// leastDepth is how many deliveries such a session has under way at the least.
	leastDepth = 3
	// leastGain is by how much one more session must hurry the messages up, in
	// parts of a hundred, to be kept: a link that is full gets no faster.
	leastGain = 15
	// longRest is how long the rest of a message must take for those that are
	// small beside it to go by another session, if that is worth what one costs.
	longRest = 10 * time.Second
	// worth is how often a session's opening must be gained by it.
	worth = 3
)

// A pace is what a carrier has found out of the sessions of its route. The
// carrier's mu guards it.
type pace struct {
	// opening is what it took to open the last session, and each what one
	// delivery takes.
	opening, each time.Duration
	// done deliveries have ended since then, with as many sessions as now. before, if
	// not 0, is how many did in a second with fewer sessions, that many.
	done   int
	since  time.Time
	before float64
	fewer  int
	// depth is how many deliveries a session that streams needs under way, one of
	// several with a server that thinks: what one has, the others cannot take.
	depth int
	// growing is how many more sessions are on their way.
	growing int
}

// mostSessions is how many sessions the carrier may have open at once.
func (c *carrier) mostSessions() int {
	r := c.runner
	if r.Tuning.SingleThread {
		return 1
	}
	return cmp.Or(c.sessionsSaid(), autoSessions)
}

// sessionsSaid is how many it is said to have at the most; 0 is that nobody has. To a
// smarthost of which nobody has, mail goes by one session that streams, however long
// it thinks: so it arrives in order, and costs the link no more.
func (c *carrier) sessionsSaid() int {
	if c.runner.Sessions == nil {
		return 0
	}
	return max(c.runner.Sessions(c.route), 0)
}

// mayGrow says that one more session may be opened, and that there is something
// to do for it. The caller holds mu.
func (c *carrier) mayGrow(ctx context.Context) bool {
	return len(c.lanes) > 0 && len(c.todo) > 0 && len(c.lanes) < c.mostSessions() && !c.narrow && c.fault == nil && ctx.Err() == nil
}

// pass opens one more lane where all stand still, or have a message on the wire
// whose rest takes long: what is behind them goes by that (law 3); past the
// latter only what is small beside the rest. The caller holds mu.
func (c *carrier) pass(ctx context.Context) {
	if !c.mayGrow(ctx) {
		return
	}
	past := int64(0)
	for _, l := range c.lanes {
		switch {
		case l.watch.still:
		case l.heavy != nil:
			small := (l.heavy.delivery.Size - l.heavy.octets) / worth
			past = max(past, small)
		default:
			return
		}
	}
	if past > 0 && c.todo[0].name.Size > past {
		return
	}
	c.startLane(ctx).past = past
}

// stuck says that nothing that is next can soon go by the lane. The caller holds
// mu.
func (l *lane) stuck() bool { return l.watch.still || l.heavy != nil }

// weigh notes how far a message on the wire is, and whether its rest takes long
// at the rate seen. The caller holds mu.
func (l *lane) weigh(a *attempt, octets int64) {
	now := l.carrier.runner.Now()
	if a.firstAt.IsZero() {
		a.firstAt, a.first = now, octets // what the kernel took at once says nothing
	}
	a.octets = octets
	took := now.Sub(a.firstAt)
	if took < time.Second || octets <= a.first {
		return
	}
	rest := time.Duration(float64(took) * float64(a.delivery.Size-octets) / float64(octets-a.first))
	switch heavy := rest > longRest && rest > worth*l.carrier.pace.opening; {
	case heavy:
		l.heavy = a
	case l.heavy == a:
		l.heavy = nil
		l.tell()
	}
}

// opened notes what the opening of a session took. The caller holds mu.
func (p *pace) opened(took time.Duration, now time.Time) {
	p.opening, p.done, p.since = took, 0, now
}

// widen opens more lanes where what each delivery takes is neither work nor the
// link, and where that is the sooner for all that wait; and goes back to fewer
// where they have not hurried it up. It doubles them: the gain of one more among
// many is no more than what chance makes of a few messages. a was just answered by
// the lane. The caller holds mu.
func (c *carrier) widen(ctx context.Context, l *lane, a *attempt) {
	p, now, n := &c.pace, c.runner.Now(), len(c.lanes)
	if c.runner.Tuning.SeparateSessions || p.growing > 0 || c.narrow {
		return
	}
	streams := slices.ContainsFunc(c.lanes, func(other *lane) bool { return other.streams })
	part := 2 // until each lane has had its part
	if streams {
		part = 8 // answers may come in groups
	} else {
		p.took(now.Sub(a.begun))
	}
	if p.done++; p.done < part*n {
		return
	}
	done, passed, before := p.done, max(now.Sub(p.since), time.Microsecond), p.before
	p.done, p.since, p.before = 0, now, 0
	speed := float64(done) / passed.Seconds()
	if n > p.fewer && speed*100 < before*(100+leastGain) {
		c.narrowTo(p.fewer)
		return
	}
	each, least := p.each, leastWait
	if streams {
		// How long one was under way says no more than how many were.
		each, least = passed*time.Duration(n)/time.Duration(done), leastThought
	}
	more := min(n, c.mostSessions()-n)
	sooner := each * time.Duration(len(c.todo)*more) / time.Duration(n*(n+more))
	if each < least || sooner < p.opening || !c.mayGrow(ctx) || streams && !l.thinks(each) {
		return
	}
	p.before, p.fewer, p.growing = speed, n, more
	for range more {
		c.startLane(ctx).joins = true
	}
}

// took notes what a delivery took.
func (p *pace) took(d time.Duration) {
	if p.each == 0 {
		p.each = d
	}
	p.each = (3*p.each + d) / 4
}

// joined says that the lane that widen has started has its session, or will have
// none. The caller holds mu.
func (l *lane) joined() {
	if l.joins {
		l.joins = false
		l.carrier.pace.growing--
	}
}

// thinks says that each delivery of a session that streams waits for its server:
// there is room on the link, and so many are under way that its length costs
// nothing. The caller holds mu.
func (l *lane) thinks(each time.Duration) bool {
	r, ok := l.session.(Roomer)
	if !ok || l.carrier.sessionsSaid() == 0 {
		return false
	}
	trip, some := r.Room()
	if !some || each*time.Duration(len(l.underWay)) < 3*trip {
		return false
	}
	l.carrier.pace.depth = leastDepth + int(2*trip/each)
	return true
}

// narrowTo bounds the sessions from here on: the server allows no more, or more
// are of no use. The caller holds mu.
func (c *carrier) narrowTo(most int) {
	c.narrow = true
	if c.limit == 0 || most < c.limit {
		c.limit = most
	}
}

// surplus says that the lane is one too many. The caller holds mu.
func (l *lane) surplus() bool {
	c := l.carrier
	return c.limit > 0 && slices.Index(c.lanes, l) >= c.limit
}

// giveUp says that a lane whose session broke need not open another, since
// there is one that moves: what broke is not the route, and where it was the
// server that ended the session, it allows us fewer.
func (l *lane) giveUp(fault *RouteFault) bool {
	c := l.carrier
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, other := range c.lanes {
		if other != l && other.open && !other.stuck() && len(other.stranded) == 0 {
			l.over = true
			break
		}
	}
	if l.over && !fault.Lost {
		c.narrowTo(max(len(c.lanes)-1, 1))
	}
	return l.over
}
