// Package smtpd speaks SMTP as a server (RFC 5321): it reads commands and
// bodies so that no octet can be taken for another than it is, and leaves every
// decision to a Session.
//
// It is a server of our own behind go-smtp's interface of a session, since
// go-smtp's own server would have to be guarded octet by octet
// (docs/decisions.md).
package smtpd

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/emersion/go-smtp"
)

// A Backend decides about clients.
type Backend interface {
	// Open is called when a client has connected, before anything is said to it;
	// ctx ends with the connection. Of an error that is a *smtp.SMTPError, one of
	// code 421 is said and the connection ends; after any other code, every
	// command but QUIT is refused (RFC 5321 section 3.1); all other errors are 421.
	Open(ctx context.Context, c *Conn) (Session, error)
}

// A Session is one client. Its methods are called one at a time, and each error
// that is a *smtp.SMTPError is the reply; any other is 451 and goes to the log.
// One of code 421 ends the connection. An *smtp.SMTPError of a 2yz code is the
// text of a success.
type Session interface {
	// Mail, Rcpt, Data, Reset and Logout. Addresses are in wire form, with
	// their quotes. Data reads the message with lines that end in CRLF,
	// no NUL, no bare CR or LF, unless BODY=BINARYMIME was declared; an error of
	// its reader must be returned, or wrapped.
	smtp.Session
	// AuthMechanisms are those that EHLO offers. Auth refuses every other that a
	// client names: 504, or 538 where only TLS is missing (RFC 4954 section 6).
	smtp.AuthSession

	// Greeting is the text after 220, and how long is waited before it for a
	// client that talks early; both are asked once.
	Greeting() (text string, pause time.Duration)
	// Features are asked for each EHLO, and before each command that needs one.
	Features() Features
	// Helo judges the name in EHLO or HELO, "" where HELO came without one.
	Helo(name string, extended bool) error
	// TLS is the configuration for a handshake that is about to begin.
	TLS() (*tls.Config, error)
	// Secured is called when a handshake has ended; Conn.TLS tells its state. What
	// the client said before it, a log-in too, counts no more (RFC 3207 section
	// 4.2).
	Secured() error
	// Body is asked at DATA and at the first BDAT, when there are recipients.
	Body() error
	// Verify answers VRFY, Expand EXPN; a success is an *smtp.SMTPError of code
	// 250 or 252.
	Verify(address string) error
	Expand(list string) error
	// ETRN starts a queue run for a node (RFC 1985), by its code.
	ETRN(node string) error
}

// A Turner is a Session whose client may have the connection turned round (ATRN,
// RFC 2645). Features.ATRN is for such a one alone.
type Turner interface {
	// Turn is asked of a client that has logged in; domains is what it has said,
	// "" for all that it may fetch. run has the connection, which is under TLS where
	// it was before, once 250 was said; the server closes it afterwards. ctx ends
	// when the server is told to stop. Without an error, run is called in any case,
	// with a nil conn where the client has gone.
	Turn(domains string) (run func(ctx context.Context, conn net.Conn), err error)
}

// Features are what a client is offered.
type Features struct {
	StartTLS, Auth, DSN, ETRN, ATRN, Pipelining, Expand, Verbose bool
	// Size is the most octets of a message; 0 is no bound that is told.
	Size int64
	// FutureRelease is the longest time a message is kept (RFC 4865), 0 for not
	// at all; Priority offers MT-PRIORITY (RFC 6710).
	FutureRelease time.Duration
	Priority      bool
	// MaxRecipients of a message, told by LIMITS (RFC 9422); 0 tells none.
	MaxRecipients int
	// XClient lets the client say whom it speaks for.
	XClient bool
	// DropHTTP ends the connection at a command of HTTP at any time, not only
	// where it is the first.
	DropHTTP bool
	// NeedAuth refuses MAIL with 530 from a client that has not logged in.
	NeedAuth bool
}

// Extras are what go-smtp's options of MAIL and RCPT do not have.
type Extras struct {
	// Until is when the message may leave (RFC 4865); zero for at once.
	Until time.Time
	// Priority is that of MT-PRIORITY; Prioritized says that it was given.
	Priority    int
	Prioritized bool
	// Size is SIZE= where it was given.
	Size int64
	// EnvelopeID is ENVID= and OriginalRecipient the ORCPT= of the RCPT under way,
	// in wire form: xtext, type and all, checked (RFC 3461).
	EnvelopeID, OriginalRecipient string
}
