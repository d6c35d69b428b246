package smarthost

import (
	"context"
	"net"
	"strings"
	"time"

	"mailcrane/internal/config"
	"mailcrane/queue"
)

// atrnTime is how long the server may take to find out what there is for us: it may
// have to look through its queue (RFC 2645 section 5.2.1 has ten minutes).
const atrnTime = 10 * time.Minute

// Turn logs in to the server that has the account's mail and asks for it by ATRN
// (RFC 2645). conn is the connection when it is turned round: we are the server on
// it. It is nil where the server says something else, which said has.
func (t *Transport) Turn(ctx context.Context, a *config.Account) (conn net.Conn, said queue.Reply, fault *queue.RouteFault) {
	s, _, fault := t.open(ctx, queue.Route(a.Name), fetching(a), true)
	if fault != nil {
		return nil, queue.Reply{}, fault
	}
	said, fault = s.Say(ctx, "ATRN "+strings.Join(a.FetchDomains, ","), atrnTime)
	if fault != nil || said.Code != 250 {
		s.Leave(ctx)
		return nil, said, fault
	}
	conn, fault = s.GiveUp()
	return conn, said, fault
}

// Call has the server call us with the mail of each of the account's domains, by
// ETRN (RFC 1985). said are its replies, in the order of the domains.
func (t *Transport) Call(ctx context.Context, a *config.Account) (said []queue.Reply, fault *queue.RouteFault) {
	s, _, fault := t.open(ctx, queue.Route(a.Name), fetching(a), true)
	if fault != nil {
		return nil, fault
	}
	defer s.Leave(ctx)
	for _, domain := range a.FetchDomains {
		r, fault := s.Say(ctx, "ETRN "+domain, atrnTime)
		if fault != nil {
			return said, fault
		}
		said = append(said, r)
	}
	return said, nil
}

// fetching is the account with the server that has its mail.
func fetching(a *config.Account) *config.Account {
	with := *a
	with.Smarthost = a.FetchesFrom()
	return &with
}
