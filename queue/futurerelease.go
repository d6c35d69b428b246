package queue

import (
	"strconv"
	"strings"
	"time"
)

// A server with FUTURERELEASE (RFC 4865) keeps a message until its time, so
// that it leaves though this machine sleeps then. Whether one does is only
// known in a session; what the last one said is remembered with the route, so
// that no connection is made in vain. It is a hint: the session decides.

// holdSuffix is added to the name of a route's file.
const holdSuffix = ".hold"

// leastHold is how far ahead a time must lie to be worth a server's trouble;
// and by how much our clocks may differ.
const leastHold = time.Minute

// noteHold remembers how long a route's server keeps a message; 0 is not at
// all.
func (s *Spool) noteHold(route Route, longest time.Duration) error {
	known := s.holds(route)
	if known == longest || route.door() {
		return nil
	}
	seconds := strconv.FormatInt(int64(longest/time.Second), 10)
	return s.replace(dirRoute, RouteFile(route)+holdSuffix, []byte(seconds+"\n"))
}

// holds is how long the server that carries the route's mail now kept a message
// when last seen.
func (r *Runner) holds(route Route) time.Duration { return r.Spool.holds(r.carriedBy(route)) }

// carriedBy is the name of what carries the mail of a route now.
func (r *Runner) carriedBy(route Route) Route {
	if via := r.Reach.Verdict(route).Via; via != "" {
		return Route(via)
	}
	return route
}

// holds is how long the route's server kept a message when last seen.
func (s *Spool) holds(route Route) time.Duration {
	if route.door() {
		return 0
	}
	text, err := s.readAll(s.path(dirRoute, RouteFile(route)+holdSuffix), 32)
	if err != nil {
		return 0
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || seconds < 0 || seconds > int64(mostHold/time.Second) {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// mostHold bounds what a server says.
const mostHold = 10 * 366 * 24 * time.Hour

// holdOf is what a session says of its server, whole seconds of it.
func holdOf(s Session) time.Duration {
	h, ok := s.(Holder)
	if !ok {
		return 0
	}
	return min(max(h.MayHold(), 0), mostHold).Truncate(time.Second)
}

// handsOver says that nothing but its sender's time keeps the message here, and
// that a server that keeps messages for so long may have it now.
func (r *Runner) handsOver(n Name, now time.Time, longest time.Duration) bool {
	wait := n.NotBefore.Sub(now)
	if r.schedule().life(n.Class, false) < 0 {
		return false // it is given up at its time, untried
	}
	return r.Tuning.FutureRelease && !n.Waits() && !n.Next.After(now) && wait >= leastHold && wait <= longest
}

// learnHold takes in what the session that was opened says.
func (c *carrier) learnHold(longest time.Duration) {
	c.mu.Lock()
	c.hold = longest
	c.mu.Unlock()
	if err := c.runner.Spool.noteHold(c.runner.carriedBy(c.route), longest); err != nil {
		c.runner.Log.Warn("cannot note what the server offers", "route", c.route, "err", err)
	}
}

// leavesNow says that the message may be tried: neither its size nor a rule keeps
// it from the way out, and its time has come, or the server keeps it until then.
func (c *carrier) leavesNow(n Name) bool {
	now := c.runner.Now()
	switch {
	case c.runner.keeps(c.runner.Reach.Verdict(c.route), n):
		return false
	case !n.NotBefore.After(now):
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.runner.handsOver(n, now, c.hold)
}

// keptUntil says of an outcome that the server keeps the message.
func (o Outcome) keptUntil(at time.Time) Outcome {
	if o.state == Delivered && !at.IsZero() {
		o.reply.Text = strings.TrimSpace(o.reply.Text + " (the server lets it go at " + at.UTC().Format(time.RFC3339) + ")")
	}
	return o
}
