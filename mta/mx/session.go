package mx

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"mailcrane/mta/access"
	"mailcrane/queue"
	"mailcrane/smarthost/known"
	"mailcrane/smarthost/relay"
)

// A session is one use of a connection to a host: from its opening, or from where
// it was found open, to the end of the mail for a route.
type session struct {
	*relay.Session
	transport *Transport
	peer      Peer
	port      uint16
	terms     Terms
	link      access.Connection
	memory    *known.Server

	// leave ends that a change of the way out empties the cache.
	leave func()

	broken atomic.Bool
	// took: the host has taken mail on this connection.
	took atomic.Bool
	mu   sync.Mutex
	// before is what it had cost when this use began; ended, if not nil, what this
	// use has cost in the end.
	before queue.Cost
	ended  *queue.Cost
}

var (
	_ queue.Session = (*session)(nil)
	_ queue.Holder  = (*session)(nil)
	_ queue.Stirrer = (*session)(nil)
	_ queue.Coster  = (*session)(nil)
)

// Deliver implements queue.Session. Recipients whose mail asks for more TLS than
// there is are told so, each on its own.
func (s *session) Deliver(ctx context.Context, d *queue.Delivery) *queue.RouteFault {
	d = s.permitted(d)
	if len(d.To) == 0 {
		return nil
	}
	fault := s.Session.Deliver(ctx, s.noticed(d))
	if fault != nil {
		s.broken.Store(true)
		s.Learn()
		s.memory.Save()
		fault = plainly(fault, s.peer)
		if ctx.Err() == nil && !s.took.Load() {
			// A host may greet us and then hang up on each message. It must not keep
			// the mail from the hosts behind it. It is for this process alone: for
			// others the host was reached.
			s.transport.memories.note(s.peer.Host, fault, s.transport.Now())
		}
		return fault
	}
	return nil
}

// noticed is the delivery, of which it is noticed that the host has taken it.
func (s *session) noticed(d *queue.Delivery) *queue.Delivery {
	if s.took.Load() {
		return d
	}
	with := *d
	with.Report = func(i int, o queue.Outcome) {
		if o.State() == queue.Delivered {
			s.took.Store(true)
		}
		d.Report(i, o)
	}
	return &with
}

// permitted is the delivery for those whom TLS_Rcpt lets go by this session.
func (s *session) permitted(d *queue.Delivery) *queue.Delivery {
	var places []int
	for i, to := range d.To {
		if err := s.transport.Policy.Recipient(to.Address, s.link); err != nil {
			d.Report(i, s.unmet(err))
			continue
		}
		places = append(places, i)
	}
	if len(places) == len(d.To) {
		return d
	}
	part := *d
	part.To = make([]queue.Recipient, len(places))
	for i, place := range places {
		part.To[i] = d.To[place]
	}
	part.Report = func(i int, o queue.Outcome) { d.Report(places[i], o) }
	return &part
}

func (s *session) unmet(err error) queue.Outcome {
	refusal, ok := errors.AsType[*access.Refusal](err)
	switch {
	case !ok:
		return queue.Defer(shownHost(s.peer), "4.3.0", err.Error())
	case refusal.Status[0] == 5:
		return queue.Refuse(shownHost(s.peer), "5.7.0", refusal.Text)
	}
	return queue.Defer(shownHost(s.peer), "4.7.0", refusal.Text)
}

// Close implements queue.Session: what is in order stays open for a while.
func (s *session) Close(ctx context.Context) {
	s.leave()
	s.Learn()
	cost := s.Cost()
	s.mu.Lock()
	s.ended = &cost
	s.mu.Unlock()
	if s.broken.Load() || ctx.Err() != nil || !s.transport.cache.keep(s) {
		s.Session.Close(ctx)
	}
	s.memory.Save()
}

// Cost implements queue.Coster: that of this use.
func (s *session) Cost() queue.Cost {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return *s.ended
	}
	c, b := s.Session.Cost(), s.before
	c.Sent, c.Received, c.Arrived, c.RoundTrips = c.Sent-b.Sent, c.Received-b.Received, c.Arrived-b.Arrived, c.RoundTrips-b.RoundTrips
	c.HandshakeSent, c.HandshakeReceived = c.HandshakeSent-b.HandshakeSent, c.HandshakeReceived-b.HandshakeReceived
	return c
}

// again is the next use of the connection.
func (s *session) again(destination string) *session {
	p := s.peer
	p.Destination = destination
	next := &session{
		Session: s.Session, transport: s.transport, peer: p, port: s.port, terms: s.terms, link: s.link, memory: s.memory,
		before: s.Session.Cost(),
	}
	next.took.Store(s.took.Load())
	return next
}
