package netwatch

import (
	"context"
	"time"

	"mailcrane/netwatch/network"
	"mailcrane/netwatch/policy"
	"mailcrane/netwatch/portal"
	"mailcrane/queue"
)

const (
	// patience is how long an attempt on a network by which the server was not
	// reached yet may take before a portal is looked for beside it.
	patience = 3 * time.Second
	// portalPatience is how long one in a portal may take without a sign of life:
	// what it waits for may have been swallowed before the portal opened.
	portalPatience = 1200 * time.Millisecond
	// proofTime is how long a session with one server shows that no portal answers
	// in the place of another.
	proofTime = time.Minute
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

// Prove is t, but each session that it opens, or fails to, is remembered as a
// proof of the way out, or against it, until the network changes. What looks
// like a captive portal is looked into, and a server without TLS spoken to only
// where no portal answers for it.
func (w *Watcher) Prove(t queue.Transport) queue.Transport {
	return &prover{Transport: t, watcher: w}
}

type prover struct {
	queue.Transport
	watcher *Watcher
}

func (p *prover) Open(ctx context.Context, r queue.Route) (queue.Session, *queue.RouteFault) {
	a := p.watcher.attempt(r)
	ctx = context.WithValue(ctx, decisionKey{}, a.decision)
	fault := a.guard(ctx)
	var s queue.Session
	if fault == nil {
		s, fault = a.open(ctx, p.Transport)
	}
	if ctx.Err() == nil {
		fault = a.explain(ctx, fault)
		a.note(fault)
	}
	if s != nil && a.server.Bare && a.far {
		return &bareSession{Session: s, attempt: a}, nil
	}
	return s, fault
}

// An attempt is one opening of a session.
type attempt struct {
	*Watcher
	route    queue.Route
	decision policy.Decision
	server   Server
	// far: a portal may stand before the server.
	far   bool
	epoch uint64
	began time.Time
}

func (w *Watcher) attempt(r queue.Route) *attempt {
	a := &attempt{Watcher: w, route: r, began: w.now()}
	// The epoch first: should the rules say something else in between, what is
	// found out is of the past.
	w.mu.Lock()
	a.epoch = w.epoch
	w.mu.Unlock()
	a.decision = w.Decision(r)
	a.server = w.leadsTo(a.decision)
	w.mu.Lock()
	defer w.mu.Unlock()
	a.far = beyondUs(a.server.Host) && (w.state.Level == network.Way || w.state.Level == network.Unknown)
	return a
}

// open opens the session. Where that takes long, it is seen to whether a portal
// is why.
func (a *attempt) open(ctx context.Context, t queue.Transport) (queue.Session, *queue.RouteFault) {
	if !a.far {
		return t.Open(ctx, a.route)
	}
	within, stir, end := queue.WithStir(ctx)
	defer end()
	beside, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.attend(beside, stir)
	}()
	defer func() {
		cancel()
		<-done
	}()
	return t.Open(within, a.route)
}

// attend stirs an attempt that hangs in a portal: it is given up unless
// something moves in it.
func (a *attempt) attend(ctx context.Context, stir func()) {
	pause := portalPatience
	if !a.inPortal() {
		if a.reachedBefore() || !wait(ctx, patience) || a.look(ctx) != portal.FindsPortal {
			return
		}
		pause = 0
	}
	for ; wait(ctx, pause); pause = portalPatience {
		stir()
	}
}

// wait waits, and says whether the context has not ended meanwhile.
func wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// explain looks whether a portal is the cause of a fault, and says so in it.
func (a *attempt) explain(ctx context.Context, fault *queue.RouteFault) *queue.RouteFault {
	if fault == nil || fault.Captive || !a.far {
		return fault
	}
	took, why := a.now().Sub(a.began), a.suspicion(fault)
	if why == unsuspicious || !a.isCaptive(ctx, why) {
		return fault
	}
	return a.blame(fault, why, took)
}

// suspicion of a fault. What was given up because it hung in a portal is none
// of a change of network. A closed port is nothing new on a network by which
// the server was reached, and no certificate is a portal's where another
// server has shown the right one lately: a log-in on a portal's page runs out.
func (a *attempt) suspicion(fault *queue.RouteFault) suspicion {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.epoch != a.Watcher.epoch {
		return unsuspicious
	}
	if a.known().Portal {
		f := *fault
		f.Lost = false
		return suspect(&f)
	}
	why := suspect(fault)
	if why == silence && !a.proofs[a.route].reached.IsZero() {
		return unsuspicious
	}
	for r, p := range a.proofs {
		if r != a.route && !p.bare && !p.reached.IsZero() && p.fault == nil && a.now().Sub(p.reached) < proofTime {
			return unsuspicious
		}
	}
	return why
}

// isCaptive says whether there is a portal, by a look where none was taken
// lately.
func (a *attempt) isCaptive(ctx context.Context, why suspicion) bool {
	a.mu.Lock()
	inVain := why == silence && a.sight == nil && !a.vain.IsZero() && a.now().Sub(a.vain) < vainTime
	fresh := a.sight != nil && a.now().Sub(a.sight.looked) < lookAgain
	told := a.state.Portal
	a.mu.Unlock()
	switch {
	case fresh:
		return true
	case inVain:
		return told
	}
	switch a.look(ctx) {
	case portal.FindsPortal:
		return true
	case portal.FindsOpen:
		return false
	case portal.FindsNothing:
	}
	return told || a.inPortal()
}

// inPortal says whether a portal is known to be there.
func (a *attempt) inPortal() bool { return a.State().Portal }

func (a *attempt) reachedBefore() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.proofs[a.route]
	return !p.reached.IsZero() && p.fault == nil
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
