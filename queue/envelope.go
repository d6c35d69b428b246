// Package queue keeps mail: the spool on disk, the queue run that empties it,
// and the bounces that come back. It knows transports, reachability and time
// only through the small interfaces that it declares.
//
// Its files, from what a message is to what becomes of it:
//
//	envelope, id, class                     a message apart from its octets
//	file, record, name                      how it stands on the disk: its file, its results, its name
//	amend, change                           edits, which are laid over the envelope
//	classify, scan                          what the header and the body say, read once
//	spool, place, disk, dirsync             the directories, and what makes them durable
//	free, room                              room on the disk
//	message, find                           a message that is claimed, and how one is found
//	list, listing, order                    names first, then entries; in which order
//	result, transcript, done                what is written down of attempts, and of what has left
//	submissions                             what was taken from the machine's users already
//	telling, known, route, lastsession      what only tells, or is kept for transports
//	since                                   what is new since the last look
//	sweep, damaged, stranded                what crashes and broken disks and sessions leave
//	person, quarantine, slow                what a person does: hold, retry, remove, put apart
//	runner, serve, flush                    the queue run: of the agent, and of a command
//	dispatch, guide, carrier, lane          from the queue to a route, to a session, to a place in it
//	session, attempt, underway              one session, and one message on the wire
//	crowd, parallel, stillness, stirring    how many at once, and what stands still
//	owed, tally, cost, summary              answers the disk did not take; what it all has cost
//	plan, rest, rumour, kept, others        when a route is tried again, and what is left alone
//	schedule, expire, first                 when a message is tried again, and when no more
//	nap, nights, load                       a machine that sleeps, or is busy
//	dial, etrn, futurerelease, hosts        sessions on demand, mail for later, hosts that were down
//	bounce, doublebounce, warning, receipt  reports
//	transport                               the interfaces to the way out
package queue

import "time"

// An ID names a message for its whole life: 13 characters that sort by the
// time of receipt and are safe on any file system (see docs/spool.md).
type ID string

// An Envelope is what SMTP says about a message apart from its octets
// (RFC 5321 section 2.3.1).
type Envelope struct {
	// From is the reverse-path without angle brackets; "" is the null
	// reverse-path of bounces.
	From string
	// To holds the recipients, at least one, in the order given.
	To []Recipient
	// Ret is the DSN RET parameter: "FULL", "HDRS" or "" (RFC 3461 4.3).
	Ret string
	// EnvID is the DSN ENVID parameter, as xtext (RFC 3461 4.4).
	EnvID string
	// UTF8 says that the sender declared SMTPUTF8 (RFC 6531): an address or a
	// header field needs it.
	UTF8 bool
	// Submitter says in one line who handed the message in and how, for the
	// story of the message; it never leaves this machine.
	Submitter string
	// Owner is the user ID, in digits, of the local user whose message it is; ""
	// where the spool is one user's, and for reports of this program.
	Owner string
	// Submission is by what an agent knows it again when its program hands it in
	// once more since no answer came: 32 hex digits, or "".
	Submission string
	// Account names the account that must carry the message, or, in server mode,
	// the route; "" lets the router choose.
	Account string
	// NotBefore is when its sender wants it to leave at the earliest; the zero
	// time is at once. It counts in whole seconds.
	NotBefore time.Time
	// Grace is how long Put leaves it untried, for its sender to take it back.
	// It is in the name of the message alone.
	Grace time.Duration
	// Held: Put leaves it untried until a person releases it. It is in the name
	// of the message alone.
	Held bool
	// Quarantined: Put leaves it apart; Quarantine then says why. It is in the name
	// of the message alone.
	Quarantined bool
	// Priority is that of MT-PRIORITY (RFC 6710), -9 to 9, where the sender gave
	// one: it goes before what the header says. It is in the name of the message
	// alone; nil is none.
	Priority *int
	// DoubleBounce says that the message is a report on one without a sender, or
	// comes of such a report: if it fails too, nobody is told.
	DoubleBounce bool
	// Received is when the message was taken in. Put sets it.
	Received time.Time
}

// A Recipient is one forward-path with its DSN wishes.
type Recipient struct {
	// Address is the forward-path without angle brackets.
	Address string
	// Notify is the DSN NOTIFY parameter as sent, upper case: "NEVER" or a
	// comma list of SUCCESS, FAILURE, DELAY; "" is the default (RFC 3461 4.1).
	Notify string
	// ORcpt is the DSN ORCPT parameter as sent, "rfc822;" and xtext, or "".
	ORcpt string
	// Target is what a server has found the recipient to stand for where that is
	// no mailbox of its own: a file or a program, and in whose name. Only the
	// server that wrote it understands it; "" is the address itself. It never
	// comes from outside.
	Target string
}

// Content says what in a message not every server can take. It is found by
// Put while the octets pass, and kept in the file name.
type Content struct {
	// EightBit: an octet of the message, header or body, is above 127.
	EightBit bool
	// Binary: a NUL, or a CR that no LF follows. Needs BINARYMIME (RFC 3030).
	Binary bool
	// LongLine: a line of more than 998 octets (RFC 5322 section 2.1.1).
	LongLine bool
}

// Plain says that every server can take the message as it is.
func (c Content) Plain() bool { return c == Content{} }
