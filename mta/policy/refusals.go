package policy

import (
	"fmt"
	"time"
)

// refusals are a time in which connections are refused for the load.
type refusals struct {
	since  time.Time // zero while they are taken
	told   time.Time
	number int // refused since then
}

// refusing has the log hear of the first connection that is refused for the
// load, then of the number in each RejectLogInterval: a line for each would add
// to the load.
func (c *Counts) refusing(p *Policy, daemon string, high bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, now, queue := &c.refusals, p.parts.Now(), &p.parts.Config.Queue
	switch {
	case !high && !r.since.IsZero():
		p.parts.Log.Info("taking connections again", "daemon", daemon, "refused", r.number, "for", now.Sub(r.since).Round(time.Second))
		*r = refusals{}
	case high && r.since.IsZero():
		*r = refusals{since: now, told: now, number: 1}
		p.parts.Log.Warn(rejecting(daemon, p.parts.Load()), "limit", queue.RefuseLoad)
	case high:
		if r.number++; now.Sub(r.told) >= queue.RejectLogInterval {
			r.told = now
			p.parts.Log.Warn("still "+rejecting(daemon, p.parts.Load()), "limit", queue.RefuseLoad, "refused", r.number, "for", now.Sub(r.since).Round(time.Second))
		}
	}
}

// rejecting is what sendmail's log says.
func rejecting(daemon string, average float64) string {
	return fmt.Sprintf("rejecting connections on daemon %s: load average: %d", daemon, int64(average))
}
