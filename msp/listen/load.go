package listen

import (
	"time"

	"mailcrane/internal/load"
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

// limit is what the load is now, beside one of the limits.
func (l *Load) limit(most int64) load.Limit {
	if l.Average == nil || most <= 0 {
		return load.Limit{}
	}
	return load.Limit{Average: l.Average(), Most: most, Every: l.LogInterval}
}

// slowDown waits while the load is high, unless the session ends.
func (g *guard) slowDown() {
	if g.lenient || !g.limits.Load.limit(g.limits.Load.Delay).Reached() {
		return
	}
	timer := time.NewTimer(loadDelay)
	defer timer.Stop()
	select {
	case <-g.done:
	case <-timer.C:
	}
}
