package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"time"

	"mailcrane/queue"
)

// A Session is a connection on which mail is handed over. It carries one
// delivery at a time; calls of several goroutines wait for each other.
type Session struct {
	target   *Target
	dialogue *dialogue
	tls      *tls.ConnectionState // nil without TLS
	// these are what TLS took of the octets that the wire has counted.
	handshakeSent, handshakeReceived int64
	caps                             Capabilities

	// turn holds one token: who has it may speak.
	turn chan struct{}
	// over says why the session can carry no more, or is nil.
	over error
	// used: a transaction went before. dirty: it may still be open.
	used, dirty bool
	// portion and piece are the buffers of the message under way, kept from
	// message to message.
	portion, piece []byte
	// portionSize is the most octets of a BDAT chunk.
	portionSize int
}

var (
	_ queue.Session = (*Session)(nil)
	_ queue.Holder  = (*Session)(nil)
	_ queue.Coster  = (*Session)(nil)
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
	s := &Session{target: t, dialogue: newDialogue(w, t.Trace), turn: make(chan struct{}, 1), portionSize: chunk}
	s.turn <- struct{}{}
	return s
}

// Capabilities is what the server offers.
func (s *Session) Capabilities() Capabilities { return s.caps }

// TLS is the state of TLS, or nil without TLS.
func (s *Session) TLS() *tls.ConnectionState { return s.tls }

// Deliver hands one message over: queue.Session says what is promised. A
// refusal, whatever it is, leaves the session ready for the next message.
func (s *Session) Deliver(ctx context.Context, d *queue.Delivery) *queue.RouteFault {
	if fault := s.enter(ctx); fault != nil {
		return fault
	}
	defer s.leave()
	m := s.prepare(d)
	if m == nil {
		return nil
	}
	defer m.close()
	release := s.dialogue.wire.obey(ctx)
	defer release()
	end := s.dialogue.tellStory(d.Transcript)
	defer end()
	fault := m.deliver(ctx, s)
	if fault != nil && s.over == nil {
		s.over = fault.Err
	}
	if fault != nil {
		s.dialogue.tell("*** ", fault.Sentence())
	}
	return fault
}

// enter waits for the session's turn.
func (s *Session) enter(ctx context.Context) *queue.RouteFault {
	if err := ctx.Err(); err != nil {
		return s.broken(queue.StepSession, context.Cause(ctx))
	}
	select {
	case <-s.turn:
	case <-ctx.Done():
		return s.broken(queue.StepSession, context.Cause(ctx))
	}
	if s.over != nil {
		s.leave()
		return s.fault(queue.StepSession, "", "the session had ended before: %w", s.over)
	}
	return nil
}

func (s *Session) leave() { s.turn <- struct{}{} }

// Close says QUIT and closes the connection, within ctx. A session that broke
// is closed without a word.
func (s *Session) Close(ctx context.Context) {
	w := s.dialogue.wire
	release := w.obey(ctx)
	defer release()
	select {
	case <-s.turn:
		defer s.leave()
	case <-ctx.Done():
		w.Close()
		return
	}
	if s.over != nil {
		w.Close()
		return
	}
	s.over = errors.New("it was closed")
	w.hurry(s.target.Timeouts.Quit)
	// Nothing depends on the answer; a server that closes without one is fine.
	_, _ = s.dialogue.ask("QUIT", s.target.Timeouts.Quit)
	w.hurry(closeTime)
	s.dialogue.conn.Close()
}

// closeTime is how long the TLS farewell may take.
const closeTime = 5 * time.Second
