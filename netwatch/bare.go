package netwatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mailcrane/netwatch/portal"
	"mailcrane/queue"
)

// bareAge is how long no portal is looked for before a server without TLS once
// it has taken mail by this network: a log-in on a portal's page holds for
// longer.
const bareAge = 10 * time.Minute

// guard is the fault of a server without TLS that must not be spoken to, since
// a portal answers for it. Nothing would show that: it takes what it is told.
func (a *attempt) guard(ctx context.Context) *queue.RouteFault {
	if !a.far || !a.server.Bare || a.tookLately() || a.unguarded(ctx) {
		return nil
	}
	f := &queue.RouteFault{Step: queue.StepConnect, Server: a.server.Host, Unproven: true, Err: errBare}
	if err := context.Cause(ctx); err != nil {
		f.Err = err
		return f
	}
	return a.blame(f, silence, a.now().Sub(a.began))
}

// unguarded says that no portal is found in the way. Where one is known, it
// answers each look.
func (a *attempt) unguarded(ctx context.Context) bool {
	for range mostMisses {
		found := a.look(ctx)
		switch {
		case ctx.Err() != nil, found == portal.FindsPortal:
			return false
		case found == portal.FindsOpen, !a.inPortal():
			return true
		}
	}
	return !a.inPortal()
}

// errBare is why a portal is looked for before anything is said.
var errBare = errors.New("the account uses no TLS, so nothing is said where a portal may listen")

func (a *attempt) tookLately() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.proofs[a.route]
	return p.taken && p.fault == nil && a.now().Sub(p.reached) < bareAge && !a.known().Portal
}

// A bareSession is one without TLS, by a network that has yet to show that it
// leads to the server: no refusal is for good before it has taken a message.
// Who answers in its place could have mail returned that it would take.
type bareSession struct {
	queue.Session
	attempt *attempt
}

var (
	_ queue.Holder  = (*bareSession)(nil)
	_ queue.Stirrer = (*bareSession)(nil)
	_ queue.Coster  = (*bareSession)(nil)
	_ queue.Roomer  = (*bareSession)(nil)
)

// Deliver implements queue.Session.
func (s *bareSession) Deliver(ctx context.Context, d *queue.Delivery) *queue.RouteFault {
	report := d.Report
	careful := *d
	careful.Report = func(i int, o queue.Outcome) {
		switch o.State() {
		case queue.Delivered:
			s.attempt.took()
		case queue.Failed:
			o = s.attempt.doubt(o)
		}
		report(i, o)
	}
	return s.Session.Deliver(ctx, &careful)
}

// took notes that the server has taken a message.
func (a *attempt) took() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p, ok := a.proofs[a.route]; ok && a.epoch == a.Watcher.epoch {
		p.taken = true
		a.proofs[a.route] = p
	}
}

// doubt makes a refusal one for now where nothing shows whose it is. What was
// found here and not said by the server stands.
func (a *attempt) doubt(o queue.Outcome) queue.Outcome {
	a.mu.Lock()
	defer a.mu.Unlock()
	said := o.Reply()
	if said.Code == 0 || a.epoch == a.Watcher.epoch && a.proofs[a.route].taken {
		return o
	}
	return queue.Defer(o.Host(), "4.7.0", fmt.Sprintf("refused (%s), but without TLS nothing shows that this is %s, which has taken no mail by this network yet", said, a.server.Host))
}

// MayHold implements queue.Holder.
func (s *bareSession) MayHold() time.Duration {
	if h, ok := s.Session.(queue.Holder); ok {
		return h.MayHold()
	}
	return 0
}

// Stir implements queue.Stirrer.
func (s *bareSession) Stir() {
	if stirrer, ok := s.Session.(queue.Stirrer); ok {
		stirrer.Stir()
	}
}

// Room implements queue.Roomer.
func (s *bareSession) Room() (roundTrip time.Duration, some bool) {
	if r, ok := s.Session.(queue.Roomer); ok {
		return r.Room()
	}
	return 0, false
}

// Cost implements queue.Coster.
func (s *bareSession) Cost() queue.Cost {
	if c, ok := s.Session.(queue.Coster); ok {
		return c.Cost()
	}
	return queue.Cost{}
}
