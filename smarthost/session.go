package smarthost

import (
	"context"

	"mailcrane/queue"
	"mailcrane/smarthost/known"
	"mailcrane/smarthost/relay"
)

// A session keeps what it has found out about its server when it ends, and when
// it breaks.
type session struct {
	*relay.Session
	server *known.Server
}

var (
	_ queue.Session = (*session)(nil)
	_ queue.Holder  = (*session)(nil)
	_ queue.Stirrer = (*session)(nil)
	_ queue.Coster  = (*session)(nil)
)

// Deliver implements queue.Session. What broke the session is kept at once: the
// next process may be about to open one.
func (s *session) Deliver(ctx context.Context, d *queue.Delivery) *queue.RouteFault {
	fault := s.Session.Deliver(ctx, d)
	if fault != nil {
		s.Learn()
		s.server.Save()
	}
	return fault
}

// Close implements queue.Session.
func (s *session) Close(ctx context.Context) {
	s.Learn()
	s.Session.Close(ctx)
	s.server.Save()
}
