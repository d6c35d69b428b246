package mta

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"mailcrane/internal/address"
	"mailcrane/internal/config"
	"mailcrane/internal/header"
	"mailcrane/mta/policy"
	"mailcrane/mta/smtpd"
	"mailcrane/queue"
)

// A Fetch is mail that was asked for by ATRN (RFC 2645), and comes over the
// connection that we have made: we are the server of one client.
type Fetch struct {
	Config *config.Config
	// Domains are those that were asked for. A recipient of any other is refused.
	Domains []string
	Spool   *queue.Spool
	// Place says in an envelope where the mail goes; nil leaves that to sorting.
	Place func(*queue.Envelope)
	Now   func() time.Time
	Log   *slog.Logger
}

// Fetched is a message that has come, and is in the queue.
type Fetched struct {
	ID     queue.ID
	From   string
	To     []string
	Octets int64
}

// Take is the server on conn, which it closes, until the client leaves, says nothing
// for too long, or ctx is done. It returns what has come.
func (f *Fetch) Take(ctx context.Context, conn net.Conn) []Fetched {
	c := f.Config
	b := &fetchBackend{Fetch: f}
	if secure, ok := conn.(*tls.Conn); ok {
		b.secure = secure.ConnectionState().Version != 0
	}
	smtpd.New(b, smtpd.Options{
		Hostname: Hostname(c), MaxHeaders: c.Submit.MaxHeaders, Command: c.Timeout.Command, Block: c.Timeout.DataBlock,
		Now: f.Now, Log: f.Log,
	}).ServeConn(ctx, conn, &config.Listener{Address: "fetch", Auth: config.AuthNone, TLS: config.ListenClear})
	return b.got
}

// A fetchBackend is a Backend of one client.
type fetchBackend struct {
	*Fetch
	secure bool
	got    []Fetched
}

// Open implements smtpd.Backend.
func (b *fetchBackend) Open(ctx context.Context, c *smtpd.Conn) (smtpd.Session, error) {
	return &fetchSession{fetchBackend: b, conn: c, ctx: ctx}, nil
}

// A fetchSession is the server that has our mail, as a client.
type fetchSession struct {
	*fetchBackend
	conn *smtpd.Conn
	ctx  context.Context

	from    string
	options smtp.MailOptions
	to      []queue.Recipient
}

// Greeting implements smtpd.Session.
func (s *fetchSession) Greeting() (string, time.Duration) {
	return Hostname(s.Config) + " ESMTP mailcrane", 0
}

// Features implements smtpd.Session.
func (s *fetchSession) Features() smtpd.Features {
	c := &s.Config.Submit
	return smtpd.Features{
		DSN: true, Pipelining: true, Size: cmp.Or(c.MaxMessage, mostOctets), MaxRecipients: cmp.Or(c.MaxRecipients, mostRecipients),
	}
}

// Helo implements smtpd.Session: with whom we speak is known.
func (s *fetchSession) Helo(string, bool) error { return nil }

// TLS is what the connection has already, where it has.
func (s *fetchSession) TLS() (*tls.Config, error) { return nil, errNotHere }

// Secured implements smtpd.Session.
func (s *fetchSession) Secured() error { return nil }

// Body implements smtpd.Session.
func (s *fetchSession) Body() error { return nil }

// Verify implements smtpd.Session.
func (s *fetchSession) Verify(string) error { return errNotHere }

// Expand implements smtpd.Session.
func (s *fetchSession) Expand(string) error { return errNotHere }

// ETRN implements smtpd.Session.
func (s *fetchSession) ETRN(string) error { return errNotHere }

// AuthMechanisms implements smtp.AuthSession: none.
func (s *fetchSession) AuthMechanisms() []string { return nil }

// Auth implements smtp.AuthSession.
func (s *fetchSession) Auth(string) (sasl.Server, error) { return nil, errNotHere }

var errNotHere = reply(502, smtp.EnhancedCode{5, 5, 1}, "Not on a connection that was turned round")

// Mail implements smtp.Session.
func (s *fetchSession) Mail(from string, o *smtp.MailOptions) error {
	s.from, s.options, s.to = from, *o, nil
	return nil
}

// Rcpt takes recipients of the domains that were asked for, and no others. What is
// sorted here must not be a route through us either (RFC 5321 section 4.1.1.3):
// sorting would take our domain off it, and anybody whom the provider lets send to
// us would send to anywhere in our name.
func (s *fetchSession) Rcpt(to string, o *smtp.RcptOptions) error {
	if local, _ := policy.Path(to); s.Place == nil && policy.Routed(local) {
		return reply(550, smtp.EnhancedCode{5, 7, 1}, "Relaying denied: this is a route to somewhere else")
	}
	domain := address.Domain(to)
	for _, own := range s.Domains {
		if strings.EqualFold(domain, own) {
			s.to = append(s.to, queue.Recipient{Address: to, ORcpt: s.conn.Extras().OriginalRecipient, Notify: notifyOf(o)})
			return nil
		}
	}
	return reply(550, smtp.EnhancedCode{5, 7, 1}, "Relaying denied: this domain was not asked for")
}

// notifyOf is NOTIFY= as the queue keeps it.
func notifyOf(o *smtp.RcptOptions) string {
	words := make([]string, len(o.Notify))
	for i, n := range o.Notify {
		words[i] = string(n)
	}
	return strings.Join(words, ",")
}

// Data takes the message in: it is durable when it is said to be (law 1).
func (s *fetchSession) Data(r io.Reader) error {
	h, rest, ended, err := collect(r, s.Config.Submit.MaxHeaders)
	switch {
	case errors.Is(err, header.ErrTooLarge):
		return errHeaders
	case err != nil:
		return err // the client's, who has gone or is told
	case h.Count("Received") >= s.Config.Submit.MaxHops:
		return errHops
	}
	l := &letter{head: append(h.AppendTo(nil), rest...), body: r, now: s.Now, trace: s.trace}
	if ended {
		l.body = strings.NewReader("")
	}
	e := &queue.Envelope{
		From: s.from, To: s.to, Ret: string(s.options.Return), EnvID: s.conn.Extras().EnvelopeID, UTF8: s.options.UTF8,
		Submitter: "fetched from " + word(s.conn.Helo(), "unknown"),
	}
	if s.Place != nil {
		s.Place(e)
	}
	id, err := s.Spool.Put(s.ctx, e, l)
	if err != nil && l.failed != nil {
		return l.failed
	}
	if err != nil {
		s.Log.Error("a fetched message could not be queued", "err", err)
		return cannotKeep(err)
	}
	one := Fetched{ID: id, From: s.from, Octets: l.octets}
	for _, to := range s.to {
		one.To = append(one.To, to.Address)
	}
	s.got = append(s.got, one)
	return reply(250, smtp.EnhancedCode{2, 0, 0}, string(id)+" Message accepted for delivery")
}

// trace is the Received field (RFC 5321 section 4.4).
func (s *fetchSession) trace(id queue.ID) string {
	protocol := "ESMTP"
	if s.secure {
		protocol = "ESMTPS"
	}
	text := "Received: from " + word(s.conn.Helo(), "unknown") + "\r\n\tby " + Hostname(s.Config) + " (mailcrane) with " + protocol + " id " + string(id)
	if len(s.to) == 1 {
		text += "\r\n\tfor <" + s.to[0].Address + ">"
	}
	return text + "; " + s.Now().Format(dateForm) + "\r\n"
}

// Reset implements smtp.Session.
func (s *fetchSession) Reset() { s.from, s.options, s.to = "", smtp.MailOptions{}, nil }

// Logout implements smtp.Session.
func (s *fetchSession) Logout() error { return nil }
