package relay

import (
	"context"
	"errors"
	"net"
	"time"

	"mailcrane/queue"
)

// Say has the server of a session that is for questions (Target.Asks) answer one
// command.
func (s *Session) Say(ctx context.Context, line string, limit time.Duration) (queue.Reply, *queue.RouteFault) {
	release := s.dialogue.wire.obey(ctx)
	defer release()
	r, err := s.dialogue.ask(line, limit)
	if err != nil {
		return queue.Reply{}, s.broken(queue.StepSession, err)
	}
	return r.said(), nil
}

var errAhead = errors.New("the server talks before it was greeted")

// GiveUp is the connection of a session that is for questions, when both sides have
// agreed to go on by another protocol, or the other way round. It is the caller's
// from then on, with its deadlines.
func (s *Session) GiveUp() (net.Conn, *queue.RouteFault) {
	d := s.dialogue
	d.wire.given.Store(true)
	err := d.conn.SetDeadline(time.Time{})
	if d.r.Buffered() > 0 {
		err = errAhead
	}
	if err != nil {
		_ = d.conn.Close() // for nothing more
		return nil, s.broken(queue.StepSession, err)
	}
	return d.conn, nil
}

// Leave says QUIT on a session that is for questions, and closes the connection.
func (s *Session) Leave(ctx context.Context) {
	// Nothing depends on the answer.
	_, _ = s.Say(ctx, "QUIT", s.target.Timeouts.Quit)
	s.dialogue.wire.hurry(closeTime)
	_ = s.dialogue.conn.Close()
}
