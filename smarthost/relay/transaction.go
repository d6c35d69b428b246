package relay

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"

	"mailcrane/queue"
)

// oneFlight is the largest message that goes out together with MAIL and RCPT,
// before their replies are known. A refusal costs these octets, waiting costs
// every message a round trip.
const oneFlight = 64 << 10

// codeLogin is "authentication required" (RFC 4954 section 6).
const codeLogin = 530

// A transaction is one MAIL, the RCPTs, and the message. Who has the turn sends
// it; replies fill it in as they come.
type transaction struct {
	session *Session
	message *outgoing
	to      []int // recipients, as indexes into the delivery's
	turn    *turn
	manner  manner

	// mu guards what the replies fill in.
	mu       sync.Mutex
	mail     reply
	rcpt     []reply // by position in to
	accepted int     // recipients that the server takes
	tooMany  []int   // recipients that it takes in another transaction
	// start is the reply to DATA, refused the first that refuses the data, and
	// end the one to all of it.
	start, refused, end reply
	// simpler are recipients to try again in a simpler manner: the server did not
	// take them, in words that it may only have said because it does not stand how
	// it was spoken to (doubtful).
	simpler  []int
	doubtful reply
	// login is a 530: the server wants AUTH after all (RFC 4954 section 6). It
	// says nothing about the message, so it is the route's; but recipients that
	// the server takes without a log-in get their mail all the same.
	login reply

	// parted: one of its replies was a 421. What the server says behind that of
	// this transaction is only an echo, unless it takes the message after all.
	parted bool

	// last is how many replies the session has had when all of this
	// transaction's are there.
	last int
	// final: the last octet has been let go; place is where it lies, in octets
	// of the session.
	final bool
	place int64
	// whole is the message in wire form where it goes out together with its
	// envelope, else nil.
	whole []byte
	// local is why the message could not be read here.
	local error
}

// run goes through the transaction and reports the recipients. It returns
// those for another transaction. On a fault the session is over.
func (t *transaction) run(ctx context.Context) (left []int, fault *queue.RouteFault) {
	src, err := t.message.open()
	if err != nil {
		t.message.settleAll(unready(err))
		return nil, nil
	}
	defer src.Close()
	if t.together() {
		if t.whole, err = wireForm(src, t.message.size); err != nil {
			t.message.settleAll(unready(err))
			return nil, nil
		}
		// Before its turn comes, so that those of several messages go to the disk
		// at once.
		err = t.commit(ctx)
	}
	if err == nil {
		err = t.turn.await(ctx)
	}
	if err != nil {
		return t.conclude(err)
	}
	err = t.send(ctx, src)
	t.turn.pass()
	t.message.share.sent()
	if err == nil {
		err = t.session.dialogue.await(t.last)
	}
	if err == nil && t.hasParted() {
		return t.conclude(t.session.dialogue.goodbye())
	}
	t.session.dialogue.finish(err)
	return t.conclude(err)
}

// send writes the transaction, and waits for replies only where it must know
// them to go on.
func (t *transaction) send(ctx context.Context, src io.Reader) error {
	s := t.session
	err := t.envelope()
	switch {
	case err != nil || !t.manner.group && t.hopeless():
	case t.whole != nil:
		total := int64(0)
		err = t.chunk(t.whole, true, &total)
	case t.manner.chunks:
		err = t.chunks(ctx, s.body(src))
	default:
		err = t.data(ctx, s.body(src))
	}
	// Whether it has ended is known here where each command was answered.
	s.used, s.dirty = true, t.manner.group || !t.ended()
	t.last = s.dialogue.asked()
	return err
}

// ended says that the server has taken all of it, or refused all of it.
func (t *transaction) ended() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.end.ok()
}

// command sends one of the transaction's; take is called with its reply.
func (t *transaction) command(text, verb string, limit time.Duration, take func(reply)) error {
	d := t.session.dialogue
	if err := d.command(text, t.expected(verb, limit, take)); err != nil || t.manner.group {
		return err
	}
	return d.drain(0)
}

func (t *transaction) expected(verb string, limit time.Duration, take func(reply)) expected {
	return expected{verb: verb, limit: limit, story: t.message.delivery.Transcript, take: func(r reply) {
		t.mu.Lock()
		defer t.mu.Unlock()
		take(r)
	}, parted: func(reply) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.parted = true
	}}
}

func (t *transaction) hasParted() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.parted
}

// envelope sends RSET, MAIL and RCPT. Without PIPELINING they are answered
// when it returns; with it they wait in the current group.
func (t *transaction) envelope() error {
	s, limit := t.session, t.session.target.Timeouts
	// A transaction that was given up may still be open, and after a refused
	// chunk it must be reset (RFC 3030 section 2). After a refused recipient Exim
	// takes no MAIL without it. In a group RSET is free.
	if s.dirty || s.used && t.manner.group {
		if err := t.command("RSET", "RSET", limit.Rset, func(reply) {}); err != nil {
			return err
		}
	}
	err := t.command("MAIL FROM:"+t.message.mail, "MAIL", limit.Mail, t.mailAnswered)
	for pos := 0; pos < len(t.to) && err == nil && (t.manner.group || !t.hopeless()); pos++ {
		err = t.command("RCPT TO:"+t.message.rcpt(t.to[pos]), "RCPT", limit.Rcpt, func(r reply) { t.rcptAnswered(pos, r) })
	}
	return err
}

func (t *transaction) mailAnswered(r reply) {
	t.mail = r
	if t.wantsLogin(r) {
		t.login = r
	}
}

// wantsLogin says that the server wants a log-in, which somebody could do.
func (t *transaction) wantsLogin(r reply) bool {
	return r.code == codeLogin && !t.session.target.Stranger
}

func (t *transaction) rcptAnswered(pos int, r reply) {
	t.rcpt[pos] = r
	switch {
	case !t.mail.ok():
		// Only an echo of the refused MAIL, or of the 421 to it.
	case r.ok():
		t.accepted++
	case t.wantsLogin(r):
		t.login = r
	case t.session.loginRefused() != nil:
		// It is the log-in that lacks.
	case t.manner.group && t.doubts(r):
		t.simpler = append(t.simpler, t.to[pos])
	case t.accepted > 0 && overLimit(r):
		t.tooMany = append(t.tooMany, t.to[pos])
	default:
		t.message.report(t.to[pos], queue.OutcomeOf(t.message.host, r.said()))
	}
}

// overLimit says that a reply to RCPT means "too many recipients" (RFC 5321
// section 4.5.3.1.10, which has old servers' 552 read as 452).
//
// OpenSMTPD says it by 451 4.5.3.
func overLimit(r reply) bool {
	switch enhanced := r.said().Enhanced; r.code {
	case 451:
		return enhanced == "4.5.3"
	case 452:
		return enhanced == "" || enhanced == "4.5.3"
	case 552:
		return enhanced == "" || enhanced == "5.5.3"
	}
	return false
}

// hopeless says that there is nobody to send the data to, as far as is known.
func (t *transaction) hopeless() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mail.refused() {
		return true
	}
	for _, r := range t.rcpt {
		if !r.answered() || r.ok() {
			return false
		}
	}
	return true
}

// anybody says that the server took a recipient, whatever it said to MAIL.
func (t *transaction) anybody() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.rcpt, reply.ok)
}

// portion sends octets of the message and tells how far it is. last says that
// no octet comes after them.
func (t *transaction) portion(p []byte, last bool, total *int64) error {
	for len(p) > 0 {
		n := min(len(p), writeBuffer)
		d := t.session.dialogue
		t.final, t.place = last && n == len(p), d.out.place()+int64(n)
		if err := d.write(p[:n]); err != nil {
			return err
		}
		*total += int64(n)
		p = p[n:]
		if progress := t.message.delivery.Progress; progress != nil {
			progress(*total)
		}
	}
	return nil
}

// localError: something on this machine, not the server or the way to it, made
// an end of the connection.
type localError struct {
	what string
	err  error
}

func (e *localError) Error() string { return e.what + ": " + e.err.Error() }
func (e *localError) Unwrap() error { return e.err }

// commit has the queue write down that the message may have been delivered,
// before its last octet goes out.
func (t *transaction) commit(ctx context.Context) error {
	if err := t.message.delivery.Commit(ctx); err != nil {
		return &localError{"the queue could not be written, so the message was not sent to its end", err}
	}
	return nil
}
