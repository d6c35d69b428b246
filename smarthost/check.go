package smarthost

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"time"

	"mailcrane/internal/config"
	"mailcrane/queue"
	"mailcrane/smarthost/relay"
)

// A Report is what Check found of a server that let us in.
type Report struct {
	Account string
	Server  string // host:port
	// TLS is the version, "TLS 1.3", or "" without TLS; Expires is the end of
	// the server's certificate.
	TLS     string
	Expires time.Time
	// Mechanism is the SASL mechanism that logged in, or "" for none.
	Mechanism    string
	Capabilities relay.Capabilities
	Cost         queue.Cost
	// Refused are the senders asked about that the server does not take mail from.
	Refused []RefusedSender
}

// A RefusedSender is a reverse-path, and what the server says to it.
type RefusedSender struct {
	Address string
	Reply   queue.Reply
}

// Check opens a session with the account's server, logs in, asks whether it takes
// mail from each of the senders, and says QUIT.
func (t *Transport) Check(ctx context.Context, account string, senders ...string) (*Report, *queue.RouteFault) {
	a := t.config.Account(account)
	if a == nil {
		return nil, configFault("", t.unknownAccount(account))
	}
	s, l, fault := t.open(ctx, queue.Route(account), a, false)
	if fault != nil {
		return nil, fault
	}
	r := reportOf(a, s.Session)
	r.Mechanism = l.mechanism
	fault = s.Prove(ctx)
	for i := 0; i < len(senders) && fault == nil; i++ {
		var said queue.Reply
		if said, fault = s.Takes(ctx, senders[i]); fault == nil && said.Code/100 != 2 {
			r.Refused = append(r.Refused, RefusedSender{senders[i], said})
		}
	}
	s.Close(ctx)
	r.Cost = s.Cost()
	if fault != nil {
		return nil, fault
	}
	return r, nil
}

// CheckServer is Check without the log-in: nobody's secret is got or sent.
func (t *Transport) CheckServer(ctx context.Context, account string) (*Report, *queue.RouteFault) {
	a := t.config.Account(account)
	if a == nil {
		return nil, configFault("", t.unknownAccount(account))
	}
	target, fault := t.target(queue.Route(account), a)
	if fault != nil {
		return nil, fault
	}
	// What was remembered is not what is to be seen.
	target.Memory, target.TLS.Sessions = nil, nil
	s, fault := relay.Open(ctx, target)
	if fault != nil {
		return nil, fault
	}
	s.Close(ctx)
	r := reportOf(a, s)
	r.Cost = s.Cost()
	return r, nil
}

func reportOf(a *config.Account, s *relay.Session) *Report {
	r := &Report{Account: a.Name, Server: a.Smarthost.Addr(), Capabilities: s.Capabilities()}
	if state := s.TLS(); state != nil {
		r.TLS, r.Expires = tls.VersionName(state.Version), state.PeerCertificates[0].NotAfter
	}
	return r
}

// String is the report in a few lines for a person.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s answers", r.Account, r.Server)
	if r.TLS == "" {
		b.WriteString(" without TLS")
	} else {
		fmt.Fprintf(&b, " over %s, its certificate is good until %s", r.TLS, r.Expires.Format(time.DateOnly))
	}
	if r.Mechanism == "" {
		b.WriteString("; nobody logs in\n")
	} else {
		fmt.Fprintf(&b, "; logged in with %s\n", r.Mechanism)
	}
	fmt.Fprintf(&b, "it offers %s; %d round trips, %d octets sent, %d received\n",
		offers(r.Capabilities), r.Cost.RoundTrips, r.Cost.Sent, r.Cost.Received)
	return b.String()
}

func offers(c relay.Capabilities) string {
	names := c.Extensions()
	if len(names) == 0 {
		return "no extensions"
	}
	return strings.Join(names, ", ")
}
