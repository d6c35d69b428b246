package queue

import (
	"time"

	"mailcrane/internal/config"
)

// The built-in back-off: soon at first, for a greylisting server, and later
// every two hours.
const (
	firstPause   = 2 * time.Minute
	longestPause = 2 * time.Hour
)

// longestNight is the most that counts between two runs of the queue that
// nobody waits for, such as one that cron makes each night.
const longestNight = 24 * time.Hour

// noticeLife is how long a report is tried where queuereturn=now, which does
// not hold for reports of our own.
const noticeLife = 5 * 24 * time.Hour

// A schedule says when a message is tried again, when its sender is told of
// the delay, and when it is given up, from what the administrator has set.
type schedule struct{ *config.Queue }

func (r *Runner) schedule() schedule { return schedule{&r.Tuning} }

// pause is how long a message waits after its nth attempt, n from 1, when it
// is of that age.
func (s schedule) pause(n int, age time.Duration) time.Duration {
	switch {
	case s.MaxAge > 0:
		// sendmail waits as long as the message is old, which doubles. Its queue
		// runs, with their interval, are what keeps the first pauses apart.
		apart := s.Interval
		if apart <= 0 {
			apart = firstPause
		}
		return max(min(age, s.MaxAge), apart)
	case s.Interval > 0:
		return max(s.Interval, s.MinAge)
	}
	wait := firstPause
	for ; n > 1 && wait < longestPause; n-- {
		wait *= 2
	}
	return max(min(wait, longestPause), s.MinAge)
}

// ripe is sendmail's test of a message in a queue run that nobody waits for:
// MinQueueAge and MaxQueueAge keep it back, counted from its last attempt and
// from its receipt. One that was never tried is always due.
func (s schedule) ripe(n Name, now time.Time) bool {
	since := now.Sub(n.Last)
	switch {
	case n.Last.IsZero() || putOffByWrongClock(n, now):
		return true
	case s.MaxAge > 0:
		return since >= min(n.Last.Sub(n.ID.Received()), s.MaxAge)
	}
	return since >= s.MinAge
}

// clockSlack is how far a clock may be corrected before it counts as set back.
const clockSlack = time.Minute

// putOffByWrongClock says that the clock was ahead when the message was put
// off, and has been set back since: it was tried, or received, in the future.
func putOffByWrongClock(n Name, now time.Time) bool {
	last := n.Last
	if last.IsZero() {
		last = n.ID.Received()
	}
	return last.After(now.Add(clockSlack))
}

// due is Name.Due, but for a message that a wrong clock has put off. A time
// that its sender has asked for is waited for all the same.
func (r *Runner) due(n Name, now time.Time) bool {
	return n.Due(now) || !n.Waits() && !n.NotBefore.After(now) && putOffByWrongClock(n, now)
}

// triedFor is how long a message with that history has been tried, up to an
// attempt at now. From one attempt to the next no more counts than the
// schedule would have waited: what is above it is time without a way out, or a
// machine asleep or with a wrong clock, which never counts (law 5). The
// schedule of a queue run that nobody waits for is not known, so that up to
// longestNight counts before it. In a slow queue it would have waited for that.
func (s schedule) triedFor(history []Record, now time.Time, byRun bool) time.Duration {
	var tried time.Duration
	var last time.Time
	attempts := 0
	slow := "" // the slow queue in which it waited
	count := func(at time.Time, byRun bool) {
		if at.Equal(last) {
			return // another recipient, in the same attempt
		}
		if attempts > 0 {
			most := s.pause(attempts, tried)
			if byRun {
				most = max(most, longestNight)
			}
			if slow != "" {
				// Nor is it tried there before its next run, see nextRun.
				most = max(most, s.SlowQueue(slow).Interval*3/2)
			}
			tried += min(max(at.Sub(last), 0), most)
		}
		attempts++
		last = at
	}
	var run time.Time
	for _, r := range history {
		switch {
		case r.Event == EventRun:
			run = r.At
		case r.Event == EventEdited:
			// A person has set something right: from here on it is tried anew.
			tried, attempts, last = 0, 0, time.Time{}
		case r.Event == EventMoved:
			slow = r.movedTo()
		case r.To >= 0 && (r.Event == Deferred.String() || r.Event == Uncertain.String()):
			count(r.At, r.At.Equal(run))
		}
	}
	if !now.IsZero() {
		count(now, byRun)
	}
	return tried
}

// of is the time of a class.
func (t Timing) of(by config.ByTiming) time.Duration {
	return [...]time.Duration{Normal: by.Normal, Urgent: by.Urgent, NonUrgent: by.NonUrgent, Notice: by.DSN}[t]
}

// life is how long a message is kept; config.Now says that it is given up
// untried. nobody says that it has the null reverse-path.
func (s schedule) life(c Class, nobody bool) time.Duration {
	life := c.Timing.of(s.Return)
	if life < 0 && c.Timing == Notice && nobody {
		return noticeLife
	}
	return life
}

// timeOut is when the age of a message asks for something though its route is
// down, as sendmail's plain age and queuereturn=now do; zero for never. A
// message that is to be tried gets that try first.
func (s schedule) timeOut(n Name) time.Time {
	life, warn := s.life(n.Class, n.Class.Timing == Notice), n.Class.Timing.of(s.Warn)
	switch {
	case life < 0:
		return n.begins()
	case !s.PlainAge:
		return time.Time{}
	case warn > 0 && warn < life && !n.Warned:
		return n.begins().Add(warn)
	}
	return n.begins().Add(life)
}

// timedOut says that its timeOut has come.
func (s schedule) timedOut(n Name, now time.Time) bool {
	out := s.timeOut(n)
	return !out.IsZero() && !out.After(now)
}

// An age is how old a message is at one moment, and what that asks for.
type age struct {
	old  time.Duration
	life time.Duration // how old it may get; below 0: it is given up untried
	// over: its recipients are given up. untried: also those for whom this
	// attempt has brought no answer.
	over, untried bool
	// late: it is time to tell its sender of the delay, which is to be done at
	// the age warnAfter.
	late      bool
	warnAfter time.Duration
}

// ageOf is the age of a claimed message. tried says that an attempt at now has
// had an answer; without one nothing but sendmail's plain age, and
// queuereturn=now, ask for anything (law 5).
func (r *Runner) ageOf(m *Message, now time.Time, tried bool) age {
	s, class := r.schedule(), m.Name.Class
	a := age{life: s.life(class, m.Envelope.From == "")}
	a.untried = s.PlainAge || a.life < 0
	switch {
	case s.PlainAge:
		a.old = max(now.Sub(m.Name.begins()), 0)
	case tried:
		a.old = s.triedFor(m.history, now, r.marksRuns())
	default:
		a.old = s.triedFor(m.history, time.Time{}, false)
	}
	a.warnAfter = class.Timing.of(s.Warn)
	if m.Name.Quarantined {
		return a // it does not grow too old before it is released
	}
	a.over = a.old >= a.life && (tried || a.untried)
	a.late = !m.Name.Warned && a.warnAfter > 0 && a.old >= a.warnAfter && (tried || s.PlainAge)
	return a
}

// begins is when a message begins to age by sendmail's plain age: a time that
// it has to wait for is none that it waits in vain.
func (n Name) begins() time.Time {
	if received := n.ID.Received(); received.After(n.NotBefore) {
		return received
	}
	return n.NotBefore
}

// nextTry is when a message of that age is tried after its nth attempt. The
// last try is at the end of its life.
func (s schedule) nextTry(n int, a age, now time.Time) time.Time {
	pause := s.pause(n, a.old)
	next := now.Add(pause).Truncate(time.Second)
	if left := a.life - a.old; left > 0 && left < pause && left >= s.MinAge {
		// Not a moment before that end: it would be tried once more.
		return now.Add(left + time.Second - 1).Truncate(time.Second)
	}
	return next
}

// marksRuns says that an attempt is to be marked as one of a queue run that
// nobody waits for, and whose interval is not known.
func (r *Runner) marksRuns() bool { return r.unattended && r.Tuning.Interval <= 0 }
