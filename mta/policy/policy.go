// Package policy decides about clients, senders and recipients in the order of
// sendmail's check_relay, check_mail and check_rcpt.
//
// A Policy makes a Visit of each connection; the Visit is asked at each step of
// the session and remembers what delay_checks puts off to RCPT. Nothing here
// speaks SMTP or touches the spool: facts go in, a Verdict comes out.
package policy

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"time"

	"github.com/emersion/go-smtp"

	"mailcrane/internal/config"
	"mailcrane/mta/access"
	"mailcrane/mta/greylist"
	"mailcrane/mta/names"
)

// A Client is what is known of a client when a test runs.
type Client struct {
	// Addr is its address; the zero Addr is a client of this machine, without
	// a network between.
	Addr netip.Addr
	names.Client
	// Helo is the name in EHLO or HELO.
	Helo string
	// User has logged in by Mechanism; "" has not.
	User, Mechanism string
	// Peer is the certificate that it has shown and that was verified.
	Peer Certificate
	// Port is the name of the listener; Unqualified and RequireFQDN are its
	// flags u and f.
	Port                     string
	Unqualified, RequireFQDN bool
	// Encrypted: there is TLS, by a cipher of so many bits.
	Encrypted bool
	Bits      int
}

// A Certificate is that of a client. Verify is sendmail's word: OK, NO, NOT,
// FAIL, NONE. Issuer and Subject are encoded as keys of the access map.
type Certificate struct{ Verify, Issuer, Subject, CN string }

// A Verdict is what a test has come to. The zero Verdict takes it.
type Verdict struct {
	// Refusal is the reply that refuses; nil takes it.
	Refusal *smtp.SMTPError
	// Discard takes the message and delivers it to nobody.
	Discard bool
	// Quarantine is the reason for which the message is kept apart, or "".
	Quarantine string
	// Rule is the test, as sendmail's log has it: check_relay, check_mail, …;
	// Arg1 and Arg2 are what it was asked about.
	Rule, Arg1, Arg2 string
	// Where is the line of a file, or the option, that decided, or "".
	Where string
}

// Blocks are the DNS block lists.
type Blocks interface {
	// Blocked asks the lists about a client, in the order of the
	// configuration. The zero Verdict is that none has it.
	Blocked(ctx context.Context, client netip.Addr) (Verdict, error)
}

// Parts are what a Policy decides by.
type Parts struct {
	Config *config.Config
	// Hostname is the server's own name, $j; Addresses are this machine's own.
	Hostname  string
	Addresses []netip.Addr
	// Access has no entries where it is nil.
	Access *access.Map
	// Names is asked about senders' domains; nil asks nobody.
	Names names.Resolver
	// Blocks is nil where there are no block lists.
	Blocks Blocks
	// Greylist is nil where there is none.
	Greylist *greylist.List
	// Open opens the files of the classes; nil opens any.
	Open func(path string) (io.ReadCloser, error)
	// Load is the load average of the last minute, and Free how many octets fit
	// on the disk of a directory; nil is not known.
	Load func() float64
	Free func(dir string) (int64, error)
	// Now is the clock; nil is the system's.
	Now func() time.Time
	Log *slog.Logger
}

// A Policy decides about all clients. It is safe for use by several goroutines.
type Policy struct {
	Parts
	rules   config.ServerPolicy
	classes *classes
}

// New makes a Policy. An error is that of a file of a class that cannot be read.
func New(parts Parts) (*Policy, error) {
	p := &Policy{Parts: parts, rules: parts.Config.MTA.Policy}
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	return p, nil
}

// Local says whether mail to a domain ends here: class w.
func (p *Policy) Local(domain string) bool { return false }

// A Visit is one connection. Its methods are called one at a time.
type Visit struct {
	// Client is kept up to date by the session: Helo, User, Mechanism, Peer,
	// Encrypted and Bits come after Connect.
	Client Client
	policy *Policy
}

// Connect judges a client that has connected: load, limits, check_relay. The
// Visit is never nil and must be closed, refused or not.
func (p *Policy) Connect(ctx context.Context, c Client) (*Visit, Verdict) {
	return &Visit{Client: c, policy: p}, Verdict{}
}

// Close ends the connection, so that it counts no more.
func (v *Visit) Close() {}

// Pause is how long the greeting waits for a client that talks early.
func (v *Visit) Pause() time.Duration { return 0 }

// Helo judges the name in EHLO or HELO.
func (v *Visit) Helo(ctx context.Context, name string) Verdict { return Verdict{} }

// Mail judges a sender, "" for the null reverse-path, and a message of size
// octets as SIZE= has it, 0 for not said: room, check_mail.
func (v *Visit) Mail(ctx context.Context, from string, size int64) Verdict { return Verdict{} }

// Rcpt judges a recipient, in wire form without angle brackets: check_rcpt,
// and what delay_checks has put off.
func (v *Visit) Rcpt(ctx context.Context, to string) Verdict {
	return Verdict{Refusal: &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "Relaying denied"}, Rule: "check_rcpt", Arg1: to}
}

// Data judges a message whose recipients are known: check_data. Its Verdict has
// what was found before: that the message is discarded, or quarantined.
func (v *Visit) Data(ctx context.Context) Verdict { return Verdict{} }

// Verify, Expand and ETRN judge those commands, by PrivacyOptions.
func (v *Visit) Verify(ctx context.Context) Verdict { return Verdict{} }

// Expand: see Verify.
func (v *Visit) Expand(ctx context.Context) Verdict { return Verdict{} }

// ETRN: see Verify.
func (v *Visit) ETRN(ctx context.Context) Verdict { return Verdict{} }

// Reset forgets the transaction.
func (v *Visit) Reset() {}
