package netwatch

import (
	"context"
	"time"

	"mailcrane/queue"
)

// A Standing is what attempts have shown of one route since the network last
// changed. Its zero value means that none was made.
type Standing struct {
	// Proved is when the smarthost was last reached: a session was open, its
	// certificate verified. The zero time: not yet.
	Proved time.Time `json:"proved,omitzero"`
	// Fault is why the last attempt failed, in one sentence, or "" if it did
	// not; Failed is when.
	Fault  string    `json:"fault,omitempty"`
	Failed time.Time `json:"failed,omitzero"`
}

// Standing is what attempts through Prove have shown of r.
func (w *Watcher) Standing(r queue.Route) Standing {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.standings[r]
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
	if fault == nil {
		w.standings[r] = Standing{Proved: w.now()}
		return
	}
	s := w.standings[r]
	s.Fault, s.Failed = fault.Sentence(), w.now()
	w.standings[r] = s
}
