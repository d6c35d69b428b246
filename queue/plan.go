package queue

import (
	"sync"
	"time"
)

// A plan is when the serving runner tries one route again. After a change all
// is tried at once; while the network is young and settles (DHCP, duplicate
// address detection, resolvers, the routes of a VPN), in quick steps; later,
// more and more seldom. Its times are those of the wall clock: what rests while
// the machine sleeps has rested.
type plan struct {
	// dice is a number from 0 up to 1, another each time. It spreads the tries of
	// a hundred machines that lost their way out at the same moment.
	dice func() float64
	// changed is when something last happened that may help: a change of
	// network, the end of a sleep, a wish of a person, the start.
	changed time.Time
	// quick and slow count the faults since then, in a row.
	quick, slow int
	// failed is when the route was last down, and next when it is tried again;
	// zero for at once.
	failed, next time.Time
	// refused is when a log-in was last refused, of which no network is the
	// cause; captive when a portal was first met. Both are zero where the last
	// attempt found otherwise.
	refused, captive time.Time
	tries            *tries
}

const (
	// youth is how long a network settles.
	youth = 15 * time.Second
	// mostSpread is how far a pause may be off, as its part.
	mostSpread = 0.25
	// personPause is for what only a person can mend. Repeating a wrong password
	// gets an account locked.
	personPause = time.Hour
	// refusedPause is the least time between two log-ins that are refused, however
	// often the network changes.
	refusedPause = time.Minute
	// portalPause lets mail leave within two seconds of a person's log-in on the
	// page of a portal, of which no event tells; after portalTime nobody seems to
	// sit there, and the pauses grow to portalLongest.
	portalPause      = 1500 * time.Millisecond
	leastPortalPause = 100 * time.Millisecond
	portalTime       = 10 * time.Minute
	portalLongest    = time.Minute
)

func newPlan(dice func() float64, now time.Time) plan {
	return plan{dice: dice, changed: now.Round(0), tries: &tries{}}
}

// waits says until when the route is left alone, if it is.
func (p *plan) waits(now time.Time) (until time.Time, yes bool) {
	return p.next, ahead(p.next, now)
}

// reset is called when something happened that may help. The next try is at
// once, unless the network changes faster than a server may be troubled.
func (p *plan) reset(now time.Time) {
	now = now.Round(0)
	p.changed, p.quick, p.slow = now, 0, 0
	p.next = p.tries.next(now)
	if again := p.refused.Add(refusedPause); !p.refused.IsZero() && ahead(again, now) {
		p.next = again
	}
}

// asked is called when a person says to try now.
func (p *plan) asked(now time.Time) {
	p.refused = time.Time{}
	p.reset(now)
	p.next = time.Time{}
}

// worked is called when the route has carried mail.
func (p *plan) worked() {
	*p = plan{dice: p.dice, changed: p.changed, tries: p.tries}
}

// outdated is called when the route was down, and a change has come meanwhile.
func (p *plan) outdated(now time.Time, fault *RouteFault) {
	p.note(now.Round(0), fault)
	p.reset(now)
}

// down is called when the route was down, and plans the next try. The result is
// the pause until then.
func (p *plan) down(now time.Time, fault *RouteFault) time.Duration {
	now = now.Round(0)
	p.note(now, fault)
	pause := p.pause(now, fault)
	p.next = now.Add(pause)
	if free := p.tries.next(now); free.After(p.next) {
		p.next = free
	}
	return p.next.Sub(now)
}

// rest is called when the server lets us in, and every message that was due
// broke off: those rest for that long, and the route need not.
func (p *plan) rest(now time.Time, fault *RouteFault) time.Duration {
	now = now.Round(0)
	p.note(now, fault)
	return p.pause(now, fault)
}

// later has the route rest until then at the least, or for an hour: no rest is
// longer, see ahead.
func (p *plan) later(now, then time.Time) {
	if most := now.Add(time.Hour); then.After(most) {
		then = most
	}
	if then = then.Round(0); then.After(p.next) {
		p.next = then
	}
}

func (p *plan) note(now time.Time, fault *RouteFault) {
	p.failed = now
	switch {
	case !fault.Captive:
		p.captive = time.Time{}
	case p.captive.IsZero():
		p.captive = now
	}
	if p.refused = (time.Time{}); fault.Step == StepAuth && fault.NeedsPerson {
		p.refused = now
	}
}

// pause counts a fault, and is how long the route rests after it.
func (p *plan) pause(now time.Time, fault *RouteFault) time.Duration {
	switch {
	case fault.Captive:
		// Where a portal lets the connection wait, the wait is part of the pause.
		return max(p.portal(now)-fault.Waited, leastPortalPause)
	case fault.NeedsPerson:
		return p.early(personPause)
	case fault.unheard() && now.Sub(p.changed) < youth:
		p.quick++
		return p.about(step(p.quick, 200*time.Millisecond, 400*time.Millisecond, 800*time.Millisecond, 1500*time.Millisecond, 2*time.Second))
	}
	p.slow++
	return p.about(step(p.slow, 2*time.Second, 5*time.Second, 15*time.Second, 30*time.Second,
		time.Minute, 2*time.Minute, 5*time.Minute, 10*time.Minute, 15*time.Minute))
}

// portal is the pause while a portal stands in the way.
func (p *plan) portal(now time.Time) time.Duration {
	since := p.captive
	if p.changed.After(since) {
		since = p.changed
	}
	if now.Sub(since) < portalTime {
		p.slow = 0
		return p.early(portalPause)
	}
	p.slow++
	return p.early(min(portalPause<<min(p.slow, 10), portalLongest))
}

// step is the nth of the steps, the last of them from there on.
func step(n int, steps ...time.Duration) time.Duration {
	return steps[min(max(n, 1), len(steps))-1]
}

// about spreads a pause to both sides.
func (p *plan) about(pause time.Duration) time.Duration {
	return pause + time.Duration((2*p.dice()-1)*mostSpread*float64(pause))
}

// early spreads a pause that must not be longer.
func (p *plan) early(pause time.Duration) time.Duration {
	return pause - time.Duration(p.dice()*mostSpread*float64(pause))
}

// unheard says that no server was heard: it is the network that may still be
// settling. A server that has answered is not to be asked again and again.
func (f *RouteFault) unheard() bool {
	return f.Step == StepLookup || f.Step == StepConnect || f.Lost && f.Step != StepSession
}

// tries bounds how often a route is tried in vain because the network changes:
// mostTries at once, and then one in each tryGap. What has waited for long
// enough is free again, so that the first change after calm never waits. The
// zero tries is all free. It may be used from several goroutines.
type tries struct {
	mu sync.Mutex
	// free is when the next may be made, less (mostTries-1)·tryGap for what is
	// saved up.
	free time.Time
}

const (
	// mostTries is enough for the changes that make up one: a link, an address of
	// each kind, a route, a resolver, a VPN on top.
	mostTries = 10
	tryGap    = time.Second
)

// spend counts a try that was in vain.
func (t *tries) spend(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now = now.Round(0)
	if least := now.Add(-(mostTries - 1) * tryGap); t.free.Before(least) {
		t.free = least
	}
	if t.free = t.free.Add(tryGap); t.free.After(now.Add(tryGap)) {
		t.free = now.Add(tryGap) // also where the clock was set back
	}
}

// next is when the next may be made, zero for at once.
func (t *tries) next(now time.Time) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	if left := t.free.Sub(now.Round(0)); left <= 0 || left > tryGap {
		return time.Time{}
	}
	return t.free
}
