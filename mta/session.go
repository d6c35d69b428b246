package mta

import (
	"cmp"
	"context"
	"crypto/tls"
	"net/netip"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"mailcrane/internal/config"
	"mailcrane/mta/access"
	"mailcrane/mta/auth"
	"mailcrane/mta/certificate"
	"mailcrane/mta/ident"
	"mailcrane/mta/names"
	"mailcrane/mta/policy"
	"mailcrane/mta/smtpd"
	"mailcrane/mta/watch"
	"mailcrane/queue"
)

// A session is one client: it asks the rules, and remembers what they said.
type session struct {
	server *Server
	rules  *rules // those that held when the client came
	conn   *smtpd.Conn
	ctx    context.Context

	letters access.Letters
	visit   *policy.Visit
	told    *watch.Visit
	ident   *ident.Answer
	tls     certificate.Facts

	transaction
}

// A transaction is a message under way.
type transaction struct {
	from       string
	options    smtp.MailOptions
	to         []queue.Recipient
	discard    string // the rule that has it discarded, or ""
	quarantine string
}

// Open implements smtpd.Backend.
func (s *Server) Open(ctx context.Context, c *smtpd.Conn) (smtpd.Session, error) {
	r := s.rules.Load()
	client := policy.Client{
		Addr: c.Remote().Addr().WithZone(""),
		Port: c.Port.PortName(), Unqualified: c.Port.Unqualified, RequireFQDN: c.Port.RequireFQDN,
	}
	one := &session{server: s, rules: r, conn: c, ctx: ctx}
	if x := c.XClient(); x != nil {
		client.Helo, client.User = x.Helo, x.Login
	}
	if client.Addr.IsValid() {
		one.ident = r.ident.Ask(ctx, reachedAt(c), c.Remote())
		client.Client = r.named(ctx, c.XClient(), client.Addr)
	}
	one.told = s.Watch.Visit(s.peer(client))
	visit, verdict := r.policy.Connect(ctx, client)
	one.visit = visit
	err := one.judge(verdict)
	if err == nil {
		one.letters, err = r.access.Features(client.Name, client.Addr)
	}
	if err == nil && one.letters.Temp {
		err = reply(421, smtp.EnhancedCode{4, 3, 2}, "This server does not serve you just now; try again later")
	}
	if err != nil {
		one.end()
		return nil, err
	}
	if c.TLS() != nil { // with whom it was XCLIENT that began anew
		one.learnTLS()
	}
	return one, nil
}

// peer is a client as the log has it: one that is forged by the name that it
// claims.
func (s *Server) peer(c policy.Client) watch.Peer {
	p := watch.Peer{Name: c.Name, Addr: c.Addr, Port: c.Port, Number: s.number.Add(1)}
	if c.State == names.Forged && c.Pointer != "" {
		p.Name, p.Forged = c.Pointer, true
	}
	return p
}

// reachedAt is where the client connected to; zero where a proxy stands between.
func reachedAt(c *smtpd.Conn) netip.AddrPort {
	if len(c.Port.Proxy) > 0 || c.XClient() != nil {
		return netip.AddrPort{}
	}
	at, _ := netip.ParseAddrPort(c.Local().String())
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

func reply(code int, status smtp.EnhancedCode, text string) *smtp.SMTPError {
	return &smtp.SMTPError{Code: code, EnhancedCode: status, Message: text}
}

// judge says what a verdict comes to, and has it told.
func (s *session) judge(v policy.Verdict) error {
	if v.Discard && s.discard == "" {
		s.discard = v.Rule
	}
	if s.quarantine == "" {
		s.quarantine = v.Quarantine
	}
	if v.Refusal == nil {
		return nil
	}
	if v.Refusal.Code < 400 {
		return v.Refusal // an answer, as that of novrfy
	}
	s.told.Peer.Ident = s.ident.Known()
	s.told.Rejected("", v.Rule, v.Arg1, v.Refusal)
	return v.Refusal
}

// Greeting implements smtpd.Session.
func (s *session) Greeting() (text string, pause time.Duration) {
	return s.rules.greeting(s.server.Now()), s.visit.Pause()
}

// Features implements smtpd.Session: by the listener, the access map's letters,
// and what there is.
func (s *session) Features() smtpd.Features {
	c, port, is := s.rules.config, s.conn.Port, s.letters.Is
	f := smtpd.Features{
		StartTLS:   port.TLS == config.ListenStartTLS && s.conn.TLS() == nil && is('s', true) && s.rules.certificates.Offered(),
		Auth:       port.Auth != config.AuthNone && is('a', true) && s.rules.auth != nil,
		NeedAuth:   (port.Auth == config.AuthRequired || is('l', false)) && s.visit.Client.User == "",
		DSN:        !c.Submit.Privacy.Has(config.NoReceipts) && is('d', true),
		ETRN:       !port.Submits() && !port.NoETRN && is('e', true) && s.server.Run != nil && !c.Submit.Privacy.Has(config.NoETRN),
		ATRN:       port.Turns() && s.server.Turn != nil && s.rules.auth != nil,
		Expand:     is('x', true) && !c.Submit.Privacy.Has(config.NoExpn),
		Verbose:    is('b', true) && !c.Submit.Privacy.Has(config.NoVerb),
		Pipelining: is('p', true),
		DropHTTP:   is('h', false),
		Size:       cmp.Or(c.Submit.MaxMessage, mostOctets), MaxRecipients: cmp.Or(c.Submit.MaxRecipients, mostRecipients),
		XClient: s.trusts(),
	}
	if port.Submits() {
		f.FutureRelease, f.Priority = longestHold, true
	}
	return f
}

// What a message may be where nothing is set: what the listeners for programs of
// this machine take too.
const (
	mostOctets     = 100 << 20
	mostRecipients = 1000
)

// longestHold is how long a message may be kept for its time (RFC 4865).
const longestHold = 366 * 24 * time.Hour

// trusts says that the client may speak for others (XCLIENT).
func (s *session) trusts() bool {
	return trusted(s.conn.Peer(), s.rules.config.MTA.XClient)
}

// Helo implements smtpd.Session.
func (s *session) Helo(name string, _ bool) error {
	s.visit.Client.Helo = name
	return s.judge(s.visit.Helo(s.ctx, name))
}

// TLS implements smtpd.Session.
func (s *session) TLS() (*tls.Config, error) {
	if !s.rules.certificates.Offered() {
		return nil, reply(454, smtp.EnhancedCode{4, 3, 3}, "TLS not available due to temporary reason")
	}
	return s.rules.certificates.Config(s.requests()), nil
}

// requests says that the client is asked for a certificate.
func (s *session) requests() bool { return s.letters.Is('v', s.rules.certificates.Requests()) }

// Secured implements smtpd.Session.
func (s *session) Secured() error {
	c := &s.visit.Client
	if s.conn.XClient() == nil {
		// Whoever stands between may have said it (RFC 3207 section 4.2).
		c.Helo, c.User, c.Mechanism = "", "", ""
	}
	s.learnTLS()
	s.told.Secured(s.conn.TLS(), s.tls.Verify, nil)
	return nil
}

// learnTLS keeps what TLS tells of the client.
func (s *session) learnTLS() {
	state, c := s.conn.TLS(), &s.visit.Client
	s.tls = s.rules.certificates.Facts(state, s.requests())
	c.Peer = policy.Certificate{Verify: s.tls.Verify, Issuer: s.tls.Issuer, Subject: s.tls.Subject, CN: s.tls.CN}
	c.Encrypted, c.Bits = state != nil, s.tls.Bits
}

func (s *session) facts() auth.Facts {
	return auth.Facts{
		TLS: s.conn.TLS(), Verified: s.tls.Verify == "OK", Remote: s.conn.Remote(), Local: reachedAt(s.conn), Relay: s.told.Peer.Relay(),
		Confidential: s.letters.Is('c', false),
	}
}

// AuthMechanisms implements smtp.AuthSession.
func (s *session) AuthMechanisms() []string {
	return s.rules.auth.Mechanisms(s.facts())
}

// Auth implements smtp.AuthSession.
func (s *session) Auth(mechanism string) (sasl.Server, error) {
	return s.rules.auth.Server(s.ctx, mechanism, s.facts(), func(user string, why error) {
		if why == nil {
			s.visit.Client.User, s.visit.Client.Mechanism = user, mechanism
		}
		s.told.Authenticated(mechanism, user, why)
	})
}

// Reset forgets the message under way.
func (s *session) Reset() {
	s.transaction = transaction{}
	s.visit.Reset()
}

// Logout is the end of the connection.
func (s *session) Logout() error {
	s.end()
	return nil
}

func (s *session) end() {
	s.visit.Close()
	s.told.Ended()
}

// Verify implements smtpd.Session.
func (s *session) Verify(name string) error {
	s.told.Asked("VRFY", name)
	if err := s.judge(s.visit.Verify(s.ctx)); err != nil {
		return err
	}
	return reply(252, smtp.EnhancedCode{2, 5, 2}, "Cannot VRFY user; try RCPT to attempt delivery (or try finger)")
}

// Expand implements smtpd.Session.
func (s *session) Expand(name string) error {
	s.told.Asked("EXPN", name)
	if err := s.judge(s.visit.Expand(s.ctx)); err != nil {
		return err
	}
	return reply(502, smtp.EnhancedCode{5, 7, 0}, "Sorry, we do not allow this operation")
}
