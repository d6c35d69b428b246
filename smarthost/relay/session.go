package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"sync"
	"time"

	"mailcrane/internal/recode"
	"mailcrane/queue"
)

// A Session is a connection on which mail is handed over. Where the server
// takes commands in groups, it has several deliveries under way: they go out in
// the order in which Deliver was called, and none waits for an answer to the
// one before.
type Session struct {
	target   *Target
	dialogue *dialogue
	tls      *tls.ConnectionState // nil without TLS
	// unverified is what is wrong with a certificate that was taken all the same.
	unverified error
	putOff     bool // STARTTLS was offered, and put off by a 4yz
	// these are what TLS took of the octets that the wire has counted.
	handshakeSent, handshakeReceived int64
	reached                          reached
	// offered is what the server offers, and caps what of it may be used.
	offered, caps Capabilities
	window        window

	mu sync.Mutex
	// last is the turn that was taken last, or nil.
	last *turn
	// speaks is how it speaks; onWay, that AUTH went out with the first message.
	speaks manner
	onWay  bool
	// accepted is how many messages the server has taken; counted, that the end
	// of a session that broke was taken note of.
	accepted int
	counted  bool
	// over says why the session takes no more deliveries, or is nil.
	over error
	// login is why the log-in was refused that shared a flight with the first
	// messages, or nil.
	login *queue.RouteFault

	// What follows belongs to whoever has the turn. used: a transaction went
	// before. dirty: it may still be open.
	used, dirty bool
	// portion and piece are the buffers of the message being sent, kept from
	// message to message.
	portion, piece []byte
	// portionSize is the most octets of a BDAT chunk.
	portionSize int
}

var (
	_ queue.Session = (*Session)(nil)
	_ queue.Holder  = (*Session)(nil)
	_ queue.Coster  = (*Session)(nil)
	_ queue.Roomer  = (*Session)(nil)
)

// MayHold is how long the server keeps a message for a later time: the
// shorter of the two bounds that it names (RFC 4865 section 3).
func (s *Session) MayHold() time.Duration {
	return max(min(s.caps.HoldFor, s.caps.HoldUntil.Sub(s.target.Now())), 0)
}

// chunk is the most octets of one BDAT. It bounds the memory of a session;
// larger ones save next to nothing.
const chunk = 1 << 20

func newSession(t *Target, w *wire) *Session {
	return &Session{target: t, dialogue: newDialogue(w, t.Trace), window: newWindow(), portionSize: chunk}
}

// Capabilities is what the server offers.
func (s *Session) Capabilities() Capabilities { return s.offered }

// Unverified is what is wrong with the server's certificate, where TLS.Anybody has
// taken it all the same; nil is nothing, or that there is no TLS.
func (s *Session) Unverified() error { return s.unverified }

// TLSPutOff says that the server offered STARTTLS, and had none just now.
func (s *Session) TLSPutOff() bool { return s.putOff }

// TLS is the state of TLS, or nil without TLS.
func (s *Session) TLS() *tls.ConnectionState { return s.tls }

// Deliver hands one message over: queue.Session says what is promised. A
// refusal, whatever it is, leaves the session ready for the next message. The
// end of ctx ends the session, with all that is under way.
func (s *Session) Deliver(ctx context.Context, d *queue.Delivery) *queue.RouteFault {
	if s.recodesLong(d) {
		return s.deliverRecoded(ctx, d)
	}
	turn, fault := s.queueUp(ctx)
	if fault != nil {
		return fault
	}
	defer turn.pass()
	share := s.window.enter(d.Size, d.Next, d.Size > oneFlight)
	defer share.leave()
	if m := s.prepare(d); m != nil {
		m.turn, m.share = turn, share
		return s.handOver(ctx, m)
	}
	return nil
}

// recodesLong says that a message must be made ready before it can go, and that
// this takes a while.
func (s *Session) recodesLong(d *queue.Delivery) bool {
	return d.Size > oneFlight && s.caps.need(d.Content) != (recode.Need{})
}

// deliverRecoded takes its turn when the message is ready. Those behind it go
// first (law 3).
func (s *Session) deliverRecoded(ctx context.Context, d *queue.Delivery) *queue.RouteFault {
	share := s.window.enter(d.Size, d.Next, false)
	defer share.leave()
	m := s.prepare(d)
	if m == nil {
		return nil
	}
	share.queues()
	turn, fault := s.queueUp(ctx)
	if fault != nil {
		m.close()
		return fault
	}
	defer turn.pass()
	m.turn, m.share = turn, share
	return s.handOver(ctx, m)
}

// handOver sends a message that is ready.
func (s *Session) handOver(ctx context.Context, m *outgoing) *queue.RouteFault {
	defer m.close()
	release := s.dialogue.wire.obey(ctx)
	defer release()
	story := m.delivery.Transcript
	s.dialogue.tellStory(story)
	m.manner = s.manner()
	m.manner.chunks = m.manner.chunks || m.fixed
	m.before = m.manner
	fault := m.deliver(ctx, s)
	if fault != nil {
		s.end(fault.Err)
		s.dialogue.tell(story, "*** ", fault.Sentence())
	}
	return fault
}

// end has the session take no more deliveries; those under way go on.
func (s *Session) end(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over == nil {
		s.over = why
	}
}

// queueUp takes a turn, unless the session is over.
func (s *Session) queueUp(ctx context.Context) (*turn, *queue.RouteFault) {
	if ctx.Err() != nil {
		return nil, s.untouched(s.broken(queue.StepSession, context.Cause(ctx)))
	}
	t := s.takeTurn()
	s.mu.Lock()
	over, login := s.over, s.login
	s.mu.Unlock()
	if over == nil {
		over = s.dialogue.goodbye()
	}
	select {
	case <-s.dialogue.failed:
		if over == nil {
			over = s.dialogue.over
		}
	default:
	}
	switch {
	case login != nil:
		t.pass()
		return nil, s.untouched(login)
	case over != nil:
		t.pass()
		f := s.fault(queue.StepSession, "", "the session had ended before: %w", over)
		f.Lost = isLost(over)
		return nil, s.untouched(f)
	}
	return t, nil
}

// untouched is a fault of its own for a message of which nothing was sent.
func (s *Session) untouched(f *queue.RouteFault) *queue.RouteFault {
	own := *f
	own.Untaken = true
	return &own
}

// Close says QUIT and closes the connection, within ctx, when all deliveries
// have had their turn. A session that broke is closed without a word.
func (s *Session) Close(ctx context.Context) {
	d, w := s.dialogue, s.dialogue.wire
	release := w.obey(ctx)
	defer release()
	t := s.takeTurn()
	defer t.pass()
	s.mu.Lock()
	over := s.over
	s.mu.Unlock()
	s.end(errors.New("it was closed"))
	if over != nil || t.await(ctx) != nil {
		_ = w.Close()
		<-d.ended
		return
	}
	w.hurry(s.target.Timeouts.Quit)
	// Nothing depends on the answer; a server that closes without one is fine.
	s.recover()
	if d.command("QUIT", expected{verb: "QUIT", limit: s.target.Timeouts.Quit, take: func(reply) {}}) == nil {
		_ = d.drain(0)
	}
	w.hurry(closeTime)
	d.conn.Close()
	<-d.ended
}

// closeTime is how long the TLS farewell may take.
const closeTime = 5 * time.Second

// loginRefused is why the log-in was refused that shared a flight with the
// first messages; nil where it was not.
func (s *Session) loginRefused() *queue.RouteFault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.login
}
