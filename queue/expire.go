package queue

import (
	"context"
	"fmt"
	"time"

	"mailcrane/queue/dsn"
)

// runRecord marks an attempt of a queue run that nobody waits for: what of the
// time before it counts is not for the schedule to say (schedule.triedFor).
func runRecord(now time.Time, route Route) Record {
	return Record{At: now, To: -1, Event: EventRun, Route: route, Text: "sendmail -q, as from cron"}
}

// outcome is the result as that of an attempt; the zero one where none was
// made.
func (r Result) outcome() Outcome {
	return Outcome{state: r.State, reply: r.Last.Reply(), host: r.Last.Host}
}

// expired turns the last result for a recipient whose time is over into a
// failure (RFC 3463: 4.4.7).
func (a age) expired(last Outcome) Outcome {
	var text string
	switch untried, time := last.state == 0, dsn.Spell(a.old); {
	case a.life < 0 && untried:
		text = "given up untried: queuereturn=now gives up all that is in the queue"
	case a.life < 0:
		text = fmt.Sprintf("given up: queuereturn=now gives up all that is in the queue; the last answer was: %s", last.reply)
	case untried:
		text = fmt.Sprintf("in the queue for %s, and no server could be reached in that time", time)
	case last.state == Uncertain:
		text = fmt.Sprintf("sent again and again for %s, and no answer came, so it may have arrived, and more than once: %s", time, last.reply)
	default:
		text = fmt.Sprintf("tried for %s without success; the last answer was: %s", time, last.reply)
	}
	return Outcome{state: Failed, reply: Reply{Enhanced: "4.4.7", Text: text}, host: last.host}
}

// reckon does what the age of a claimed message asks for, without a try, and
// lets go of the message, which then has the name returned.
func (r *Runner) reckon(route Route, m *Message) Name {
	defer m.Release()
	a, err := r.newAttempt(route, m)
	if err != nil {
		r.Log.Error("cannot look at the age of the message", "id", m.Name.ID, "err", err)
		return m.Name
	}
	a.settle(nil)
	return m.Name
}

// reckon does what the age of the messages asks for that the carrier could not
// try: the route is down. The carrier has ended.
func (c *carrier) reckon(ctx context.Context) {
	for i, j := range c.todo {
		if ctx.Err() != nil {
			return
		}
		if !c.runner.schedule().timedOut(j.name, c.runner.Now()) {
			continue
		}
		m, err := c.claim(j.name)
		if err != nil {
			c.skipped(j.name, err)
			continue
		}
		c.todo[i].name = c.runner.reckon(c.route, m)
	}
}

// overdue gives the course, whose route is closed, a message whose time-out
// has come, and says when it is to be looked at for one that has not.
func (s *server) overdue(c *course, n Name, seen int, now time.Time) (again time.Time) {
	out := s.schedule().timeOut(n)
	if out.IsZero() || out.After(now) {
		return out
	}
	if until, looked := s.looked.resting(n, now); looked {
		return until
	}
	c.overdue.add(s.job(n, seen))
	return time.Time{}
}

// reckoned remembers what the carrier of a closed route has looked at: where
// that has changed nothing, as where nobody wants to be told of a delay, it is
// left alone until its life ends.
func (s *server) reckoned(c *carrier) {
	now := s.Now()
	for _, j := range c.todo {
		until := j.name.begins().Add(s.schedule().life(j.name.Class, false))
		if !until.After(now) {
			until = now.Add(restTime)
		}
		s.looked.add(j.name, until)
	}
}
