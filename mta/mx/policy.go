package mx

import (
	"context"
	"errors"
	"net/netip"

	"mailcrane/mta/access"
	"mailcrane/smarthost/relay"
)

// A Peer is an address of a host that is about to be connected to, or is.
type Peer struct {
	// Destination is the domain whose mail it is, Host the exchanger that the name
	// service has named.
	Destination, Host string
	Addr              netip.Addr
}

// Terms are how a host is spoken to.
type Terms struct {
	// Name tells these terms from others, for sessions that are used again.
	Name string
	// Mode is relay.Opportunistic where nothing more is known, relay.StartTLS
	// where the host must show who it is by TLS, relay.Insecure for no TLS.
	Mode relay.Mode
	TLS  relay.TLS
}

// A Policy says how the hosts of a destination are spoken to. It stands between
// the list of exchangers and the connection, and again before mail is handed over.
// DANE (RFC 7672) and MTA-STS (RFC 8461) belong here: by their records a host is
// left out (an error of Terms), or has the mode StartTLS, with pins or by CAs.
// DKIM does not: a message is signed where it leaves the queue, not by host.
type Policy interface {
	// Terms are those for a host; with an error it is not connected to.
	Terms(ctx context.Context, p Peer) (Terms, error)
	// Host judges what a session has, before any mail.
	Host(p Peer, c access.Connection) error
	// Recipient judges it for one recipient.
	Recipient(recipient string, c access.Connection) error
}

// ByAccess is the policy of sendmail's access map: Try_TLS, TLS_Srv and TLS_Rcpt.
type ByAccess struct{ Map *access.Map }

// Terms are STARTTLS where it is offered, unless Try_TLS says NO.
func (b ByAccess) Terms(_ context.Context, p Peer) (Terms, error) {
	try, _, err := b.Map.TryTLS(plainName(p), p.Addr)
	switch {
	case err != nil:
		return Terms{}, err
	case !try:
		return Terms{Name: "clear", Mode: relay.Insecure}, nil
	}
	return Terms{Name: "opportunistic", Mode: relay.Opportunistic, TLS: relay.TLS{Anybody: true}}, nil
}

// Host judges by TLS_Srv, or as sendmail does where that says nothing.
func (b ByAccess) Host(p Peer, c access.Connection) error {
	r, _, err := b.Map.TLSServer(plainName(p), p.Addr)
	if err != nil {
		return err
	}
	return b.judge(r, c)
}

// Recipient judges by TLS_Rcpt.
func (b ByAccess) Recipient(recipient string, c access.Connection) error {
	r, found, err := b.Map.TLSRecipient(recipient)
	if err != nil || !found {
		return err
	}
	return b.judge(r, c)
}

func (b ByAccess) judge(r access.Requirement, c access.Connection) error {
	err := r.Judge(named(r, c), b.Map.IssuerTagged)
	if refusal, ok := errors.AsType[*access.Refusal](err); ok {
		return &Unmet{Verify: c.Verify, Refusal: refusal}
	}
	return err
}

// named is the connection as a requirement is to see it. A certificate that
// anybody's authority has signed says nothing unless it is for the host: where the
// requirement does not name whom it is for, it is held to that.
func named(r access.Requirement, c access.Connection) access.Connection {
	for _, e := range r.Extensions {
		if e.Name == "CN" || e.Name == "CS" {
			return c
		}
	}
	if r.Verify && c.Verify == "OK" && !sameHost(c.CN, c.Name) {
		c.Verify = "FAIL"
	}
	return c
}

// plainName is the host's name, "" where it has none but its address.
func plainName(p Peer) string {
	if p.Host != "" && p.Host[0] == '[' {
		return ""
	}
	return p.Host
}

// Unmet is TLS that is not what is asked of a host or for a recipient.
type Unmet struct {
	// Verify is sendmail's word for what there is.
	Verify  string
	Refusal *access.Refusal
}

func (u *Unmet) Error() string { return u.Refusal.Text }
func (u *Unmet) Unwrap() error { return u.Refusal }

// Verified is Verify, for who logs it.
func (u *Unmet) Verified() string { return u.Verify }
