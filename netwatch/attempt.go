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
)

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

func (a *attempt) reachedBefore() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.proofs[a.route]
	return !p.reached.IsZero() && p.fault == nil
}
