package queue

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"mailcrane/queue/dsn"
)

// A Route is where a message goes next, as far as the queue knows: the name
// of an account, or a door of a server, MAILER:HOST. Messages of one route share
// a session.
type Route string

// door says that the route is one of a server's own, and no account.
func (r Route) door() bool { return strings.Contains(string(r), ":") }

// A Router says which route a message takes. An error is a fault of the
// configuration: the message waits and the error is shown; it is never
// bounced for it.
type Router interface {
	Route(e *Envelope) (Route, error)
	// ReturnTo is the address that a bounce of e goes to: a mailbox that its
	// sender reads.
	ReturnTo(e *Envelope) string
}

// A Transport is where mail goes next: a smarthost, an MX host, a local
// mailer. What goes wrong in Open (name, connection, TLS, greeting, EHLO,
// AUTH) belongs to the route and to no message: hence the concrete type,
// which cannot be passed where an Outcome is wanted, nor an Outcome here.
type Transport interface {
	Open(ctx context.Context, r Route) (Session, *RouteFault)
}

// A Session carries deliveries one after another, or several under way at
// once: see Delivery.Next. Deliver must have called d.Report once for every
// recipient of d.To, except for those left open when it returns a RouteFault:
// the connection was lost, or the log-in refused, and the session is not used
// again. All deliveries under way then return one, each its own. Recipients
// left open are tried again without blame, or become Uncertain where d.Commit
// had been called and the fault does not say Untaken.
//
// A session may also be a Holder, a Stirrer, a Coster, a Roomer.
type Session interface {
	Deliver(ctx context.Context, d *Delivery) *RouteFault
	// Close ends the session politely, within the context's time.
	Close(ctx context.Context)
}

// A Delivery is one attempt at one message.
type Delivery struct {
	ID       ID
	Envelope *Envelope
	// To is the recipients to try now, a subset of Envelope.To.
	To []Recipient
	// Size is the message's octets with every line end counted as CRLF.
	Size    int64
	Content Content
	Class   Class
	// Unsure says that an earlier attempt may have got through, for all that is
	// known.
	Unsure bool
	// Open returns the message as it came: line ends may be LF or CRLF. It
	// may be called more than once; the caller closes the reader.
	Open func() (io.ReadCloser, error)
	// Commit must be called, and must have returned nil, before the last
	// octet of the message is handed to the network. It records durably that
	// the message may have been delivered (law 4).
	Commit func(ctx context.Context) error
	// Report tells the result of To[i], once for each i, in any order and as
	// soon as it is known. It may be called from any goroutine.
	Report func(i int, o Outcome)
	// Next, if not nil, is called once at the most, when the session can take
	// another delivery before this one is answered: Deliver is then called for
	// that one from another goroutine, and they go out in this order. A session
	// that carries one at a time never calls it, nor is it called when Deliver
	// has returned.
	Next func()
	// Progress, if not nil, is told how many octets of the message have been
	// handed to the network so far.
	Progress func(octets int64)
	// Transcript, if not nil, is told each line of the session as far as it is
	// about this message, and what came before the first one: ">>> " or "<<< "
	// and the line, without secrets and without the message's octets.
	Transcript func(line string)
	// HoldUntil, if not zero, is when the server is to let the message go
	// (FUTURERELEASE, RFC 4865). It is only set for a session that offers that
	// for so long; if it does not after all, no recipient is reported.
	HoldUntil time.Time
}

// A Holder is a Session whose server may keep a message until a later time
// (FUTURERELEASE, RFC 4865).
type Holder interface {
	// MayHold is the longest that the server keeps a message, 0 for not at all.
	MayHold() time.Duration
}

// A Stirrer is a Session that can be told that the way out may have changed: a
// network event, or a person who says flush. If nothing moves in it, it is given
// up at once, so that another can be opened.
type Stirrer interface {
	Stir()
}

// A Roomer is a Session that knows its link. Room says whether the link has some,
// as far as anybody can tell, so that something else holds the session up; and how
// long a round trip takes. It may be called at any time.
type Roomer interface {
	Room() (roundTrip time.Duration, some bool)
}

// A Reply is an SMTP reply, whole.
type Reply struct {
	Code     int    // three digits, or 0: no server said this
	Enhanced string // RFC 3463, "5.1.1", or ""
	Text     string // one line, no code
}

func (r Reply) String() string { return dsn.Reply(r).String() }

// A State is what became of one recipient in one attempt.
type State uint8

// The states. The zero State is "not reported".
const (
	_         State = iota
	Delivered       // the next hop has taken responsibility
	Deferred        // refused for now; tried again
	Failed          // refused for good; bounced
	Uncertain       // everything was sent, no answer came; tried again, and said so
	Dropped         // a person took the recipient out; no outcome of an attempt
)

var stateNames = [...]string{"pending", "delivered", "deferred", "failed", "uncertain", "dropped"}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("State(%d)", s)
}

// An Outcome is the result of one attempt for one recipient. Its fields are
// closed so that only a reply to MAIL, RCPT or the data (or its absence) can
// make one; a RouteFault cannot.
type Outcome struct {
	state State
	reply Reply
	host  string
	// receipt is what there is to say of success; zero leaves it to the next hop.
	receipt dsn.Success
}

// OutcomeOf turns the reply of host to MAIL, RCPT or the data into an
// outcome: 2yz is Delivered, 4yz Deferred, anything else Failed. A 421 is the
// route's (law 2): give it to Fault, not here.
func OutcomeOf(host string, r Reply) Outcome {
	switch r.Code / 100 {
	case 2:
		return Outcome{state: Delivered, reply: r, host: host}
	case 4:
		return Outcome{state: Deferred, reply: r, host: host}
	}
	return Outcome{state: Failed, reply: r, host: host}
}

// WithoutDSN says of an outcome that the server does not know DSN: where a
// report on success is wanted, it is ours to give, as "relayed" (RFC 3461
// section 5.2.2).
func (o Outcome) WithoutDSN() Outcome {
	o.receipt = dsn.Relayed
	return o
}

// InMailbox says of an outcome that the message is where its recipient reads
// it: where a report on success is wanted, it is ours to give, as "delivered".
func (o Outcome) InMailbox() Outcome {
	o.receipt = dsn.Delivered
	return o
}

// Expanded says of an outcome that other recipients stand in the place of this
// one: where a report on success is wanted, it is ours to give, as "expanded"
// (RFC 3461 section 5.2.7.3).
func (o Outcome) Expanded() Outcome {
	o.receipt = dsn.Expanded
	return o
}

// Refuse is a permanent failure that we find ourselves: the message cannot be
// put into a form that host takes. enhanced is its RFC 3463 code.
func Refuse(host, enhanced, why string) Outcome {
	return Outcome{state: Failed, reply: Reply{Enhanced: enhanced, Text: why}, host: host}
}

// Defer is a temporary failure that we find ourselves, and no server's doing:
// the message cannot be made ready on this machine now. enhanced is its RFC
// 3463 code.
func Defer(host, enhanced, why string) Outcome {
	return Outcome{state: Deferred, reply: Reply{Enhanced: enhanced, Text: why}, host: host}
}

// NoAnswer is Uncertain: the last octet was sent to host and no reply came.
func NoAnswer(host, why string) Outcome {
	return Outcome{state: Uncertain, reply: Reply{Text: why}, host: host}
}

// State is what became of the recipient.
func (o Outcome) State() State { return o.state }

// Reply is the reply that says so.
func (o Outcome) Reply() Reply { return o.reply }

// Host is the name of the server that gave the reply, or "".
func (o Outcome) Host() string { return o.host }

// A Step is the part of a session in which a route fault happened, in words
// that go into "while …".
type Step string

// The steps of a session that belong to the route.
const (
	StepConfig   Step = "choosing the account"
	StepSecret   Step = "reading the password"
	StepToken    Step = "getting a token" // the password's place with an issuer of tokens
	StepLookup   Step = "looking up the server's name"
	StepConnect  Step = "connecting"
	StepTLS      Step = "checking the server's certificate"
	StepGreeting Step = "waiting for the greeting"
	StepHello    Step = "saying EHLO"
	StepAuth     Step = "logging in"
	StepSession  Step = "the session" // the connection broke, or 421 came, later on
)

// OfSecret says that the server was reached, and what logs in there was not to be
// had.
func (s Step) OfSecret() bool { return s == StepSecret || s == StepToken }

// A RouteFault says why a route cannot be used now. It is never a message's
// fault: it neither fails, nor ages, nor counts against one (law 2).
//
// It is deliberately not an error, so that it cannot be returned, wrapped or
// stored where a message's result is wanted.
type RouteFault struct {
	Step   Step
	Server string // host:port, or ""
	// Err says what happened, in one sentence without a secret in it.
	Err error
	// Hint is what to type or do next, one sentence, or "".
	Hint string
	// NeedsPerson says that trying again cannot help until a person has acted:
	// a wrong password, a locked keyring, an expired certificate. Such a route is
	// tried again at a change of route or a flush, and seldom otherwise.
	NeedsPerson bool
	// Untaken says that the server has certainly not taken the message for the
	// recipients left open, though Commit was called: it has said so, as by a
	// 421, or the last octet was not sent to them after all.
	Untaken bool
	// Unproven says that no certificate had shown by then that it is the server:
	// what answered, if anything did, may be somebody else.
	Unproven bool
	// Captive says that most likely a captive portal answers in the server's place:
	// it opens when a person logs in on a web page, of which no event may tell.
	Captive bool
	// Waited is how long that was waited for in vain, which counts for the pause
	// before the next try.
	Waited time.Duration
	// Lost says that the connection broke, or was given up because the way out
	// had changed: neither the server's doing nor the end of a wait. What was on
	// it is due again at once.
	Lost bool
	// Cost is what a connection cost on which no session could be opened; zero
	// where there was none.
	Cost Cost
	// Transcript is the lines of the session that failed, as
	// Delivery.Transcript has them: without secrets, some 8 KiB at the most.
	Transcript []string
}

// Sentence is the fault in one line: what, where, why.
func (f *RouteFault) Sentence() string {
	if f.Server == "" {
		return fmt.Sprintf("%s: %v", f.Step, f.Err)
	}
	return fmt.Sprintf("%s, %s: %v", f.Server, f.Step, f.Err)
}

// WantsLogin says that the route is down until a person logs in.
func (f *RouteFault) WantsLogin() bool {
	return f != nil && f.NeedsPerson && (f.Step.OfSecret() || f.Step == StepAuth)
}

// A Verdict is what netwatch knows of a route.
type Verdict struct {
	// Try says whether an attempt makes sense now.
	Try bool
	// Why says so in words: "no route", "eth0 is up, default route via
	// 192.0.2.1", …
	Why string
	// Since is when that became so.
	Since time.Time
	// Rule is the name of the rule of the policy that says so, or "".
	Rule string
	// MaxSize is the most octets of a message that may leave this way by itself,
	// as on a metered link; 0 is no bound. Rule is the one that says so, if one
	// does.
	MaxSize int64
	// Via names what carries the mail now, where that is not the route's own server
	// and log-in. A session that was opened under another one takes no more mail.
	Via string
}

// Reach says whether a route may be tried now, and wakes the runner when that
// may have changed. Changes delivers one value for each change, is never
// closed, and may join changes that nobody has received yet.
type Reach interface {
	Verdict(r Route) Verdict
	Changes() <-chan struct{}
}
