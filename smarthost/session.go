package smarthost

import (
	"context"
	"sync"

	"mailcrane/queue"
	"mailcrane/smarthost/known"
	"mailcrane/smarthost/relay"
)

// A session keeps what it has found out about its server when it ends, and when
// it breaks.
type session struct {
	*relay.Session
	server *known.Server

	mu    sync.Mutex
	login *login
}

var (
	_ queue.Session = (*session)(nil)
	_ queue.Holder  = (*session)(nil)
	_ queue.Stirrer = (*session)(nil)
	_ queue.Coster  = (*session)(nil)
)

// Deliver implements queue.Session. A log-in that shared a flight with the
// message may be refused only now.
func (s *session) Deliver(ctx context.Context, d *queue.Delivery) *queue.RouteFault {
	fault := s.Session.Deliver(ctx, d)
	if fault == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fault = s.login.settle(fault)
	s.Learn()
	s.server.Save()
	return fault
}

// Close implements queue.Session.
func (s *session) Close(ctx context.Context) {
	s.Learn()
	s.Session.Close(ctx)
	s.server.Save()
}
