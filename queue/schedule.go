package queue

import "time"

// A Schedule says when a message is tried again, and when no more. The route
// is up whenever it is asked: time without one never counts (law 5).
type Schedule interface {
	// Retry is how long a message waits after its nth attempt, n from 1.
	Retry(n int) time.Duration
	// GiveUp says whether the recipients of a message that was tried for so
	// long, and just now did not reach them again, are to be given up.
	GiveUp(tried time.Duration) bool
}

// triedFor is how long a message with that history has been tried. From one
// attempt to the next no more counts than the schedule would have waited: what
// is above it is time without a way out, or a machine asleep or with a wrong
// clock, which never counts (law 5).
func triedFor(history []Record, s Schedule, now time.Time) time.Duration {
	var tried time.Duration
	var last time.Time
	attempts := 0
	count := func(at time.Time) {
		if at.Equal(last) {
			return // another recipient, in the same attempt
		}
		if attempts > 0 {
			tried += min(max(at.Sub(last), 0), s.Retry(attempts))
		}
		attempts++
		last = at
	}
	for _, r := range history {
		if r.To >= 0 && (r.Event == Deferred.String() || r.Event == Uncertain.String()) {
			count(r.At)
		}
	}
	count(now)
	return tried
}

// Backoff doubles the wait from First to Most, and gives up After that time of
// trying (RFC 5321 section 4.5.4.1: at least 4 to 5 days).
type Backoff struct{ First, Most, After time.Duration }

// DefaultBackoff tries again soon, for a greylisting server, and later every
// two hours.
func DefaultBackoff() Backoff {
	return Backoff{First: 2 * time.Minute, Most: 2 * time.Hour, After: 5 * 24 * time.Hour}
}

// Retry implements Schedule.
func (b Backoff) Retry(n int) time.Duration {
	wait := b.First
	for ; n > 1 && wait < b.Most; n-- {
		wait *= 2
	}
	return min(wait, b.Most)
}

// GiveUp implements Schedule.
func (b Backoff) GiveUp(tried time.Duration) bool {
	return tried >= b.After
}

// routeRetry is how long to leave a route alone after its nth fault in a row:
// quick at first, while a new network settles, then seldom. A change of
// network or a flush cuts it short.
func routeRetry(n int, needsPerson bool) time.Duration {
	if needsPerson {
		// Repeating a wrong password gets an account locked.
		return time.Hour
	}
	steps := [...]time.Duration{
		2 * time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute,
	}
	return steps[min(max(n, 1), len(steps))-1]
}
