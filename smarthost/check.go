package smarthost

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"time"

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
}

// Check opens a session with the account's server, logs in, and says QUIT.
func (t *Transport) Check(ctx context.Context, account string) (*Report, *queue.RouteFault) {
	a := t.config.Account(account)
	if a == nil {
		return nil, configFault("", t.unknownAccount(account))
	}
	s, l, fault := t.open(ctx, queue.Route(account), a)
	if fault != nil {
		return nil, fault
	}
	r := &Report{
		Account: account, Server: l.account.Smarthost.Addr(), Mechanism: l.mechanism,
		Capabilities: s.Capabilities(),
	}
	if state := s.TLS(); state != nil {
		r.TLS, r.Expires = tls.VersionName(state.Version), state.PeerCertificates[0].NotAfter
	}
	fault = s.Prove(ctx)
	s.Close(ctx)
	r.Cost = s.Cost()
	if fault != nil {
		return nil, fault
	}
	return r, nil
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
	var names []string
	for _, x := range []struct {
		have bool
		name string
	}{
		{c.Pipelining, "PIPELINING"},
		{c.Chunking, "CHUNKING"},
		{c.BinaryMIME, "BINARYMIME"},
		{c.EightBitMIME, "8BITMIME"},
		{c.SMTPUTF8, "SMTPUTF8"},
		{c.DSN, "DSN"},
		{c.Size && c.MaxSize == 0, "SIZE"},
		{c.MaxSize > 0, fmt.Sprintf("SIZE %d", c.MaxSize)},
	} {
		if x.have {
			names = append(names, x.name)
		}
	}
	if len(names) == 0 {
		return "no extensions"
	}
	return strings.Join(names, ", ")
}
