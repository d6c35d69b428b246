// Package load refuses connections while the machine's load average is too high
// (sendmail's RefuseLA), and has the log hear of it now and then: a line for each
// would add to the load.
package load

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"mailcrane/internal/logbook"
)

// Refusals are a time in which connections are refused for the load; one for all
// listeners of a server. The zero Refusals are ready.
type Refusals struct {
	mu     sync.Mutex
	since  time.Time // zero while they are taken
	told   time.Time
	number int // refused since then
}

// A Limit is what connections are judged by.
type Limit struct {
	// Average is the machine's load average over the last minute, and Most that
	// from which on no connection is taken; 0 is never.
	Average float64
	Most    int64
	// Every is the time between two lines of the log while connections are
	// refused.
	Every time.Duration
}

// Reached says whether the average, as a whole number, is Most or more.
func (l Limit) Reached() bool { return l.Most > 0 && int64(l.Average) >= l.Most }

// Refuse says whether a connection to a listener is refused.
func (r *Refusals) Refuse(l Limit, daemon string, now time.Time, log *slog.Logger) bool {
	high := l.Reached()
	r.mu.Lock()
	defer r.mu.Unlock()
	facts := func() []slog.Attr {
		return []slog.Attr{
			slog.String("event", "overload"), slog.String("daemon", daemon), slog.Int64("limit", l.Most),
			slog.Int("refused", r.number), slog.Duration("for", now.Sub(r.since).Round(time.Second)),
		}
	}
	rejecting := fmt.Sprintf("rejecting connections on daemon %s: load average: %d", daemon, int64(l.Average))
	switch {
	case !high && !r.since.IsZero():
		logbook.Line(log, logbook.Deferrals, fmt.Sprintf("taking connections on daemon %s again: %d were refused", daemon, r.number), facts()...)
		r.since, r.told, r.number = time.Time{}, time.Time{}, 0
	case high && r.since.IsZero():
		r.since, r.told, r.number = now, now, 1
		logbook.Line(log, logbook.Deferrals, rejecting, facts()...)
	case high:
		if r.number++; now.Sub(r.told) >= l.Every {
			r.told = now
			logbook.Line(log, logbook.Deferrals, fmt.Sprintf("still %s, %d refused", rejecting, r.number), facts()...)
		}
	}
	return high
}
