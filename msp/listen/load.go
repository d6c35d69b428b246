package listen

import (
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
)

// A Load is the machine's load average, and what the listeners do about it. A
// limit of 0 is never.
type Load struct {
	// Average is that of the last minute; nil is none.
	Average func() float64
	// Refuse is the average from which on no connection is taken, Delay that
	// from which on each is served slowly (sendmail's RefuseLA and DelayLA).
	Refuse, Delay int64
	// LogInterval is the time between two lines of the log while connections
	// are refused; 3 hours.
	LogInterval time.Duration
}

// loadDelay is how much later a command is looked at, and a client greeted,
// while the load is above Delay.
const loadDelay = time.Second

// reaches says whether the load average is limit or more, and what it is.
func (l *Load) reaches(limit int64) (average int64, high bool) {
	if l.Average == nil || limit <= 0 {
		return 0, false
	}
	average = int64(l.Average())
	return average, average >= limit
}

// A refusal is a time in which connections are refused for the load; one for
// all of a server's listeners.
type refusal struct {
	mu     sync.Mutex
	since  time.Time // zero while they are taken
	told   time.Time
	number int // refused since then
}

// tooHigh says whether the load forbids a connection. The log hears of the
// first one that is refused, then of the number in each interval: a line for
// each would add to the load.
func (r *refusal) tooHigh(l *Load, listener net.Addr, log *slog.Logger) bool {
	average, high := l.reaches(l.Refuse)
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	switch {
	case !high && !r.since.IsZero():
		log.Info("taking connections again", "daemon", listener.String(), "refused", r.number, "for", now.Sub(r.since).Round(time.Second))
		r.since, r.number = time.Time{}, 0
	case high && r.since.IsZero():
		r.since, r.told, r.number = now, now, 1
		log.Warn(rejecting(listener, average), "limit", l.Refuse)
	case high:
		if r.number++; now.Sub(r.told) >= l.LogInterval {
			r.told = now
			log.Warn("still "+rejecting(listener, average), "limit", l.Refuse,
				"refused", r.number, "for", now.Sub(r.since).Round(time.Second))
		}
	}
	return high
}

// rejecting is what sendmail's log says.
func rejecting(listener net.Addr, average int64) string {
	return fmt.Sprintf("rejecting connections on daemon %s: load average: %d", listener, average)
}

// slowDown waits while the load is high, unless the session ends.
func (g *guard) slowDown() {
	if _, high := g.limits.Load.reaches(g.limits.Load.Delay); !high || g.lenient {
		return
	}
	timer := time.NewTimer(loadDelay)
	defer timer.Stop()
	select {
	case <-g.done:
	case <-timer.C:
	}
}
