package relay

import (
	"context"

	"mailcrane/queue"
)

// Takes asks what the server says to mail from a reverse-path: MAIL FROM, and RSET
// before anything comes of it (RFC 5321 section 4.1.1.5). Some servers judge the
// sender only together with a recipient, so that a yes promises nothing.
func (s *Session) Takes(ctx context.Context, from string) (queue.Reply, *queue.RouteFault) {
	turn, fault := s.queueUp(ctx)
	if fault != nil {
		return queue.Reply{}, fault
	}
	defer turn.pass()
	release := s.dialogue.wire.obey(ctx)
	defer release()
	if err := turn.await(ctx); err != nil {
		return queue.Reply{}, s.broken(queue.StepSession, err)
	}
	var said reply
	limit := s.target.Timeouts
	err := s.dialogue.command("MAIL FROM:<"+from+">", expected{verb: "MAIL", limit: limit.Mail, take: func(r reply) { said = r }})
	if err == nil {
		err = s.dialogue.drain(0)
	}
	if err == nil && said.ok() {
		err = s.dialogue.command("RSET", expected{verb: "RSET", limit: limit.Rset, take: func(reply) {}})
		if err == nil {
			err = s.dialogue.drain(0)
		}
	}
	s.used = true
	if err != nil {
		return queue.Reply{}, s.broken(queue.StepSession, err)
	}
	return said.said(), nil
}
