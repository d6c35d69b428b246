// Package policy decides about clients, senders and recipients in the order of
// sendmail's check_relay, check_mail and check_rcpt.
//
// A Policy makes a Visit of each connection; the Visit is asked at each step of
// the session and remembers what delay_checks puts off to RCPT. Nothing here
// speaks SMTP or touches the spool: facts go in, a Verdict comes out.
package policy

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/emersion/go-smtp"

	"mailcrane/internal/config"
	"mailcrane/mta/access"
	"mailcrane/mta/dnsbl"
	"mailcrane/mta/greylist"
	"mailcrane/mta/names"
	"mailcrane/mta/safefile"
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
// FAIL, NONE. Issuer and Subject are distinguished names, not encoded.
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

// Blocks are the DNS block lists, as *dnsbl.Checker asks them.
type Blocks interface {
	Check(ctx context.Context, client netip.Addr) (dnsbl.Result, error)
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
	// Counts are the connections that are counted, which a Policy takes over from
	// the one before it; nil begins anew.
	Counts *Counts
	// Recipient says what a recipient has come to that may be sent to: a refusal
	// where nobody has that name; nil takes all. See Answered.
	Recipient func(ctx context.Context, sender, recipient string) Verdict
	// Classes are those that it decides by; nil makes them of Config.
	Classes *Classes
	// Safe opens the files of the classes.
	Safe safefile.Rules
	// Load is the load average of the last minute, and Free how many octets fit
	// on the disk of a directory; nil is not known.
	Load func() float64
	Free func(dir string) (int64, error)
	// LowOnSpace is told of mail that is put off since it would not fit: so many
	// octets were free, and so many were wanted; nil is nobody. Greylisted is
	// told what the greylist decides.
	LowOnSpace func(free, wanted int64)
	Greylisted func(deferred bool)
	// Now is the clock; nil is the system's.
	Now func() time.Time
	Log *slog.Logger
}

// A Policy decides about all clients. It is safe for use by several goroutines.
type Policy struct {
	parts   Parts
	rules   config.ServerPolicy
	privacy config.PrivacyFlags
	asks    bool // names may be asked: not so in delivery mode d
	classes *Classes
	counts  *Counts
	dirs    []string // of the spool
}

// New makes a Policy. An error is that of a file of a class that cannot be read,
// or of a line in it.
func New(parts Parts) (*Policy, error) {
	c := parts.Config
	if parts.Now == nil {
		parts.Now = time.Now
	}
	if parts.Log == nil {
		parts.Log = slog.New(slog.DiscardHandler)
	}
	if parts.LowOnSpace == nil {
		parts.LowOnSpace = func(int64, int64) {}
	}
	if parts.Greylisted == nil {
		parts.Greylisted = func(bool) {}
	}
	if parts.Recipient == nil {
		parts.Recipient = func(context.Context, string, string) Verdict { return Verdict{} }
	}
	if parts.Counts == nil {
		parts.Counts = NewCounts()
	}
	p := &Policy{
		parts: parts, rules: c.MTA.Policy, privacy: c.Submit.Privacy, counts: parts.Counts,
		asks: parts.Names != nil && c.ServerMode() != config.DeferredRun,
	}
	var err error
	if p.classes = parts.Classes; p.classes == nil {
		if p.classes, err = NewClasses(parts); err != nil {
			return nil, err
		}
	}
	if c.ServerFreeBlocks() > 0 && parts.Free != nil {
		p.dirs, err = c.QueueDirs()
	}
	return p, err
}

// Classes are those that it decides by.
func (p *Policy) Classes() *Classes { return p.classes }

// Local says whether mail to a domain ends here: class w.
func (p *Policy) Local(domain string) bool { return p.classes.local(canonical(domain)) }

// trusted says that a client has logged in by a mechanism that permits relaying.
func (p *Policy) trusted(c *Client) bool {
	return c.User != "" && slices.Contains(p.rules.TrustedMechanisms, c.Mechanism)
}
