// Package policy decides about clients, senders and recipients in the order of
// sendmail's check_relay, check_mail and check_rcpt.
package policy

import (
	"net/netip"

	"github.com/emersion/go-smtp"

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
// FAIL, NONE.
type Certificate struct{ Verify, Issuer, Subject, CN string }

// A Verdict is what a test has come to.
type Verdict struct {
	// Refusal is the reply that refuses; nil takes it.
	Refusal *smtp.SMTPError
	// Discard takes the message and delivers it to nobody.
	Discard bool
	// Quarantine is the reason for which the message is kept apart, or "".
	Quarantine string
	// Rule is the test, as sendmail's log has it: check_relay, check_mail, …
	Rule string
}
