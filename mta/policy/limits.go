package policy

import (
	"context"
	"time"

	"mailcrane/internal/load"
)

// mostPause is the longest pause before the greeting: clients wait five minutes
// for it (RFC 5321 section 4.5.3.2.1).
const mostPause = 5 * time.Minute

// slowness is how much later a command is looked at while the load is above
// DelayLA.
const slowness = time.Second

// limits judges what was counted of a client, by the limits of the access map.
func (v *Visit) limits(rate, connections bool) Verdict {
	p, c := v.policy, &v.Client
	if rate && p.rules.Rate.On {
		most, _, err := p.parts.Access.Rate(c.Addr)
		switch {
		case err != nil:
			return unknown()
		case most > 0 && p.counts.rate(c.Addr, p.parts.Now(), p.rules.RateWindow) > most:
			return over(p.rules.Rate.Terminate, "Connection rate limit exceeded.")
		}
	}
	if connections && p.rules.Connections.On {
		most, _, err := p.parts.Access.Connections(c.Addr)
		switch {
		case err != nil:
			return unknown()
		case most > 0 && p.counts.open(c.Addr) > most:
			return over(p.rules.Connections.Terminate, "Too many open connections.")
		}
	}
	return Verdict{}
}

func over(terminate bool, words string) Verdict {
	if terminate {
		return refuse(421, [3]int{4, 3, 2}, words)
	}
	return refuse(452, [3]int{4, 3, 2}, words)
}

// greetPause is how long the greeting to a client waits.
func (p *Policy) greetPause(c *Client) (time.Duration, Verdict) {
	if !c.Addr.IsValid() {
		return 0, Verdict{}
	}
	pause, found, err := p.parts.Access.GreetPause(c.Name, c.Addr)
	switch {
	case err != nil:
		return 0, unknown()
	case !found && c.Addr.IsLoopback():
		return 0, Verdict{}
	case !found:
		pause = time.Duration(p.rules.GreetPause) * time.Millisecond
	}
	return min(pause, mostPause), Verdict{}
}

// throttle is ConnectionRateThrottle: who is above it waits, as long as a client
// can be made to.
func (p *Policy) throttle(ctx context.Context) Verdict {
	wait := p.counts.turn(p.parts.Now(), p.rules.RateThrottle)
	if wait > mostPause {
		return refuse(421, [3]int{4, 3, 2}, "Too many connections, please try again later")
	}
	pass(ctx, wait)
	return Verdict{}
}

// slow is DelayLA.
func (p *Policy) slow(ctx context.Context) {
	if p.limit(p.parts.Config.Queue.DelayLoad).Reached() {
		pass(ctx, slowness)
	}
}

// load is RefuseLA.
func (p *Policy) load(daemon string) Verdict {
	if !p.counts.refusals.Refuse(p.limit(p.parts.Config.Queue.RefuseLoad), daemon, p.parts.Now(), p.parts.Log) {
		return Verdict{}
	}
	return refuse(421, [3]int{4, 3, 2}, "This machine is too busy, please try again later")
}

// limit is what the load is now, beside one of the limits.
func (p *Policy) limit(most int64) load.Limit {
	if most <= 0 || p.parts.Load == nil {
		return load.Limit{}
	}
	return load.Limit{Average: p.parts.Load(), Most: most, Every: p.parts.Config.Queue.RejectLogInterval}
}

// pass waits, unless the connection ends before.
func pass(ctx context.Context, wait time.Duration) {
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
