package netwatch

import (
	"context"
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
}

// Prove is t, but each session that it opens, or fails to, is remembered as a
// proof of the way out, or against it, until the network changes.
func (w *Watcher) Prove(t queue.Transport) queue.Transport {
	return &prover{Transport: t, watcher: w}
}

type prover struct {
	queue.Transport
	watcher *Watcher
}

func (p *prover) Open(ctx context.Context, r queue.Route) (queue.Session, *queue.RouteFault) {
	epoch := p.watcher.currentEpoch()
	s, fault := p.Transport.Open(ctx, r)
	if ctx.Err() == nil {
		p.watcher.note(epoch, r, fault)
	}
	return s, fault
}

func (w *Watcher) currentEpoch() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.epoch
}

// note remembers how an attempt at r that began in epoch ended. If the network
// has changed since, it says nothing of the network there is now.
func (w *Watcher) note(epoch uint64, r queue.Route, fault *queue.RouteFault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if epoch != w.epoch {
		return
	}
	p, now := w.proofs[r], w.now()
	switch {
	case fault != nil:
		if p.fault == nil {
			p.since = now
		}
		p.fault, p.failed = fault, now
	case p.fault != nil || p.first.IsZero():
		p = proof{reached: now, first: now}
	default:
		p.reached = now
	}
	w.proofs[r] = p
}
