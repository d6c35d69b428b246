package policy

import (
	"fmt"
	"time"

	"mailcrane/internal/config"
	"mailcrane/mta/access"
)

// spamAsked says whether a recipient wants clients and senders to be judged, by
// Spam: in the access map.
func (p *Policy) spamAsked(to string) (bool, Verdict) {
	way := p.rules.DelayChecks
	if way != config.ChecksFriend && way != config.ChecksHater {
		return true, Verdict{}
	}
	local, domain := path(to)
	if domain == "" {
		domain = p.classes.host
	}
	entry, err := p.parts.Access.Spam(local + "@" + domain)
	if err != nil {
		return false, unknown()
	}
	if way == config.ChecksFriend {
		return entry.Verb != access.Friend, Verdict{}
	}
	return entry.Verb == access.Hater, Verdict{}
}

// grey puts a recipient off where this client, sender and recipient were not seen
// before. Who may relay, has logged in, or is taken by the access map is not
// made to wait.
func (v *Visit) grey(to string) Verdict {
	p, c := v.policy, &v.Client
	if p.parts.Greylist == nil || !c.Addr.IsValid() || c.Addr.IsLoopback() || c.User != "" ||
		v.passed || v.message.passed || p.classes.relaysAddress(c.Addr) != "" {
		return Verdict{}
	}
	wait, passed := p.parts.Greylist.Seen(c.Addr, v.message.from, to)
	p.parts.Greylisted(!passed)
	if passed {
		return Verdict{}
	}
	verdict := refuse(451, [3]int{4, 7, 1}, "Greylisted, please try again in "+roundly(wait))
	verdict.Rule = "greylist"
	return verdict
}

// roundly is a time as a person says it, rounded up.
func roundly(d time.Duration) string {
	n, unit := int64((d+time.Second-1)/time.Second), "second"
	if d > 2*time.Minute {
		n, unit = int64((d+time.Minute-1)/time.Minute), "minute"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", n, unit)
}
