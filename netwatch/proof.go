package netwatch

import (
	"time"

	"mailcrane/queue"
)

// A proof is what attempts have shown of one route since the network last
// changed. Its zero value means that none was made.
type proof struct {
	// reached is when the smarthost was last reached: a session was open, its
	// certificate verified. first is when that was so without a failure since.
	reached, first time.Time
	// fault is why the last attempt failed, nil if it did not; failed is when, and
	// since when none has succeeded.
	fault  *queue.RouteFault
	failed time.Time
	since  time.Time
	// taken: the server has taken a message.
	taken bool
	// bare: no certificate was verified for it.
	bare bool
}

// note remembers how the attempt ended. If the network has changed since it
// began, it says nothing of the network there is now.
func (a *attempt) note(fault *queue.RouteFault) {
	if a.prove(fault) && a.far && !a.server.Bare {
		a.passed(a.epoch)
	}
}

// prove says whether the server itself was reached, though it may not have let
// us in.
func (a *attempt) prove(fault *queue.RouteFault) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.epoch != a.Watcher.epoch {
		return false
	}
	p, now := a.proofs[a.route], a.now()
	switch {
	case fault != nil:
		if p.fault == nil {
			p.since = now
		}
		p.fault, p.failed = fault, now
	case p.fault != nil || p.first.IsZero():
		p = proof{reached: now, first: now, taken: p.taken, bare: a.server.Bare}
	default:
		p.reached = now
	}
	a.proofs[a.route] = p
	if fault == nil {
		return true
	}
	return !fault.Unproven && (fault.Step == queue.StepAuth || fault.Step == queue.StepGreeting || fault.Step == queue.StepHello)
}
