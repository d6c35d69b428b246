package relay

import (
	"context"

	"mailcrane/queue"
)

// Probe asks a session that was idle whether it is still good, by RSET. With a
// fault it is over, and Close ends it without a word.
func (s *Session) Probe(ctx context.Context) *queue.RouteFault {
	turn, fault := s.queueUp(ctx)
	if fault != nil {
		return fault
	}
	defer turn.pass()
	d := s.dialogue
	release := d.wire.obey(ctx)
	defer release()
	var said reply
	err := turn.await(ctx)
	if err == nil {
		err = d.command("RSET", expected{verb: "RSET", limit: s.target.Timeouts.Rset, take: func(r reply) { said = r }})
	}
	if err == nil {
		err = d.drain(0)
	}
	if err == nil && !said.ok() {
		fault = s.fault(queue.StepSession, "", "the server refuses RSET: %v", said)
	} else if err != nil {
		fault = s.broken(queue.StepSession, err)
	}
	if fault != nil {
		s.end(fault.Err)
		return fault
	}
	s.dirty = false
	return nil
}
