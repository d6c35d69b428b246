// Package relay is an SMTP session with the server that takes our mail: the
// connection, TLS, EHLO, AUTH, and then message after message, with as few
// round trips as the server's extensions allow.
//
// It is cut so that a message knows nothing of how the connection came about:
//
//	target, cost, fault                what a session is opened with, costs, fails by
//	connect, wire, tcp                 the connection
//	patience, stir, suspicion          whether it lives
//	tls, starttls, exchange, resume    what protects it
//	outlet, dialogue, reply, farewell  commands in groups, replies in order
//	teller, prelude                    what is shown of them
//	ask, hello, auth, sender, probe    what happens before the first message
//	session, turn, window, manner      which messages are under way, and how
//	outgoing, spill, body              a message in the form that this server takes
//	transaction, data, bdat, settle    one MAIL … RCPT … DATA or BDAT
//	asking                             other questions than to take a message
//	memory                             what sessions with one server tell each other
package relay

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"time"

	gosasl "github.com/emersion/go-sasl"

	"mailcrane/internal/config"
	"mailcrane/internal/recode"
	"mailcrane/queue"
	"mailcrane/smarthost/relay/sasl"
)

// A Mode says how a connection gets its TLS.
type Mode uint8

// The modes, in the configuration smtps, smtp and smtp+insecure.
const (
	Implicit Mode = iota // TLS at once
	StartTLS             // STARTTLS, required
	Insecure             // none, for a server on this machine or in a test
	// Opportunistic is STARTTLS where it is offered. Whoever is between can take
	// the offer away: it keeps out those who only listen (RFC 7435).
	Opportunistic
)

func (m Mode) scheme() string {
	return [...]string{"smtps", "smtp", "smtp+insecure", "smtp"}[m]
}

// NeutralHello is a client name that tells nothing about this machine.
const NeutralHello = "localhost.localdomain"

// An Authenticator picks a SASL mechanism of those that the server offers,
// upper case. name is the mechanism's name. An error must not contain a
// secret; its sysexits hint is shown.
type Authenticator interface {
	Choose(mechs []string, link sasl.Link) (client gosasl.Client, name string, err error)
}

// A Target is a server and all that is needed to speak with it.
type Target struct {
	// Server is the host name that the certificate must be for, or an IP
	// address without brackets.
	Server string
	// Name is the host of every outcome; "" is Server.
	Name string
	// Address is what is dialled, host:port.
	Address string
	Mode    Mode
	TLS     TLS
	// Hello is our name in EHLO; "" is NeutralHello.
	Hello string
	// Timeouts are each for one wait: a zero one takes the default, below zero
	// there is no limit. StartTLS is for the handshake too, Auth for each step,
	// DataBlock for sending without any progress.
	Timeouts config.Timeout
	// Auth, if nil, means that nobody logs in.
	Auth Authenticator
	// Stranger says that nobody here can ever log in: a 530 is a refusal like any
	// other, and no fault of the route.
	Stranger bool
	// LoginHint is what to do when the server refuses the log-in, or wants one;
	// "" says to check user and secret.
	LoginHint string
	// Memory is what earlier sessions have found out about the server, and what
	// this one finds out; nil is none.
	Memory *Memory

	// Settle, if not nil, is given the fault of a log-in that was refused on its
	// way with the first message, and returns what the deliveries are to say.
	Settle func(*queue.RouteFault) *queue.RouteFault

	// Asks says that the session is for questions (Say) and takes no mail.
	Asks bool

	// Dial opens the connection; nil is net.Dialer's, which tries IPv6 and
	// IPv4 side by side (RFC 8305).
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Addresses lists the addresses of this machine; nil is net.InterfaceAddrs.
	Addresses func() ([]net.Addr, error)
	// Now is the clock that certificates are checked by; nil is time.Now.
	Now func() time.Time
	// Trace is told every line in both directions, marked ">>> " or "<<< ",
	// without the message and without the secrets of AUTH. It may be nil.
	Trace func(line string)
	// Recode changes a message into a form that this server takes; nil is
	// recode.Convert.
	Recode func(w io.Writer, r io.Reader, need recode.Need) error
}

func (t *Target) fill() {
	t.Timeouts = t.Timeouts.OrDefault()
	if t.Name == "" {
		t.Name = t.Server
	}
	if t.Hello == "" {
		t.Hello = NeutralHello
	}
	if t.LoginHint == "" {
		t.LoginHint = "check user and secret"
	}
	if t.Dial == nil {
		t.Dial = new(net.Dialer).DialContext
	}
	if t.Addresses == nil {
		t.Addresses = net.InterfaceAddrs
	}
	if t.Now == nil {
		t.Now = time.Now
	}
	if t.Recode == nil {
		t.Recode = recode.Convert
	}
}

// Open connects, checks the certificate and logs in. What goes wrong belongs
// to the route. When ctx ends, so does the attempt; the session itself does
// not depend on ctx afterwards.
//
// Where what was remembered leads astray (an address that is somebody else's
// now, a TLS session of a certificate that is not good any more), it connects
// once more, without.
func Open(ctx context.Context, t Target) (*Session, *queue.RouteFault) {
	t.fill()
	known := t.Memory.Recall()
	began := time.Now()
	s, fault := t.open(ctx, t.remembered(known), known.Link.headStart())
	if fault != nil && s != nil && ctx.Err() == nil && s.misled(time.Since(began)) {
		t.TLS.anew = true
		if t.Timeouts.Connect > 0 { // all connects share it
			t.Timeouts.Connect = max(t.Timeouts.Connect-time.Since(began), time.Second)
		}
		s, fault = t.open(ctx, nil, 0)
	}
	if fault != nil {
		fault.Unproven = s == nil || s.tls == nil
		return nil, fault
	}
	s.arrived()
	return s, nil
}

// open is one connection. With a fault, the session tells how far it came; it
// is nil where there was no connection.
func (t *Target) open(ctx context.Context, addresses []string, headStart time.Duration) (*Session, *queue.RouteFault) {
	// What changes while the connection is being made is told to the session too:
	// the connect may just have been done.
	var stirred atomic.Bool
	leaveDial := queue.OnStir(ctx, func() { stirred.Store(true) })
	defer leaveDial()
	w, how, fault := t.dial(ctx, addresses, headStart)
	if fault != nil {
		return nil, fault
	}
	s := newSession(t, w)
	s.reached = how
	s.dialogue.tell(nil, "*** ", "connected to "+t.Address+numeric(w.RemoteAddr(), t.Address))
	release, leave := w.obey(ctx), queue.OnStir(ctx, s.Stir)
	if stirred.Load() {
		s.Stir()
	}
	fault = s.begin()
	leave()
	release()
	if fault == nil {
		if s.reached.slow || t.Memory.Recall().Link.Slow(t.Now()) {
			s.dialogue.out.most = slowBuffer
		}
		if !t.Asks {
			s.dialogue.listen()
		}
		return s, nil
	}
	_ = w.Close()
	if ctx.Err() == nil && !fault.Lost && fault.Step != queue.StepAuth && !fault.Step.OfSecret() {
		s.forget()
	}
	s.dialogue.tell(nil, "*** ", fault.Sentence())
	fault.Transcript, fault.Cost = s.dialogue.prelude.lines, s.Cost()
	return s, fault
}

// misled says that the fault may be that of what was remembered. took is how
// long it was in coming.
func (s *Session) misled(took time.Duration) bool {
	return s.reached.stale || s.reached.remembered && s.tls == nil && took < promptly
}

// numeric is the numeric address of a connection, where the name does not say it.
func numeric(remote net.Addr, address string) string {
	if remote == nil || remote.String() == address {
		return ""
	}
	return " at " + remote.String()
}

// begin is everything before the first message, in the order of RFC 5321,
// 3207 and 4954. EHLO is said again under TLS, since what was offered in the
// clear may be a lie.
func (s *Session) begin() *queue.RouteFault {
	steps := []func() *queue.RouteFault{s.greeting, s.hello}
	switch s.target.Mode {
	case Implicit:
		steps = append([]func() *queue.RouteFault{s.handshake}, steps...)
	case StartTLS:
		steps = append(steps, s.startTLS, s.hello)
	case Opportunistic:
		steps = append(steps, s.startTLSIfOffered)
	case Insecure:
	}
	if s.target.Auth != nil {
		steps = append(steps, s.logIn)
	}
	for _, step := range steps {
		if fault := step(); fault != nil {
			return fault
		}
	}
	return nil
}
