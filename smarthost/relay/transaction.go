package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"mailcrane/queue"
)

// oneFlight is the largest message that goes out together with MAIL and RCPT,
// before their replies are known. A refusal costs these octets, waiting costs
// every message a round trip.
const oneFlight = 64 << 10

// codeLogin is "authentication required" (RFC 4954 section 6).
const codeLogin = 530

// A transaction is one MAIL, the RCPTs, and the message. Replies fill it in
// whatever groups they come.
type transaction struct {
	session *Session
	message *outgoing
	to      []int // recipients, as indexes into the delivery's

	mail     reply
	rcpt     []reply // by position in to
	accepted int     // recipients that the server takes
	tooMany  []int   // recipients that it takes in another transaction
	// refused is the first reply that refuses the data, end the reply to all
	// of it.
	refused, end reply
	// login is a 530: the server wants AUTH after all (RFC 4954 section 6). It
	// says nothing about the message, so it is the route's; but recipients that
	// the server takes without a log-in get their mail all the same.
	login reply
	// final: the last octet has been handed to the network.
	final bool
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
	b := t.session.body(src)
	err = t.envelope()
	switch {
	case err != nil || t.hopeless():
	case t.session.caps.Chunking:
		err = t.chunks(ctx, b)
	default:
		err = t.data(ctx, b)
	}
	t.session.used, t.session.dirty = true, !t.end.ok()
	t.settle(err)
	switch {
	case err != nil:
		fault := t.session.broken(queue.StepSession, err)
		fault.Untaken = t.untaken(err)
		return nil, fault
	case t.login.answered():
		fault := t.session.loginWanted(t.login)
		fault.Untaken = true // by those who wait for the log-in
		return nil, fault
	}
	return t.tooMany, nil
}

// envelope sends RSET, MAIL and RCPT. Without PIPELINING they are answered
// when it returns; with it they wait in the current group.
func (t *transaction) envelope() error {
	s, limit := t.session, t.session.target.Timeouts
	// A transaction that was given up may still be open, and after a refused
	// chunk it must be reset (RFC 3030 section 2). In a group RSET is free.
	if s.dirty || s.used && s.dialogue.window > 1 {
		err := s.dialogue.command("RSET", expected{verb: "RSET", limit: limit.Rset, take: func(reply) {}})
		if err != nil {
			return err
		}
	}
	err := s.dialogue.command("MAIL FROM:"+t.message.mail, expected{verb: "MAIL", limit: limit.Mail, take: t.mailAnswered})
	for pos := 0; pos < len(t.to) && err == nil && !t.hopeless(); pos++ {
		take := func(r reply) { t.rcptAnswered(pos, r) }
		err = s.dialogue.command("RCPT TO:"+t.message.rcpt(t.to[pos]), expected{verb: "RCPT", limit: limit.Rcpt, take: take})
	}
	return err
}

func (t *transaction) mailAnswered(r reply) {
	t.mail = r
	if r.code == codeLogin {
		t.login = r
	}
}

func (t *transaction) rcptAnswered(pos int, r reply) {
	t.rcpt[pos] = r
	switch {
	case !t.mail.ok():
		// Only an echo of the refused MAIL.
	case r.ok():
		t.accepted++
	case r.code == codeLogin:
		t.login = r
	case t.accepted > 0 && overLimit(r):
		t.tooMany = append(t.tooMany, t.to[pos])
	default:
		t.message.report(t.to[pos], queue.OutcomeOf(t.message.host, r.said()))
	}
}

// overLimit says that a reply to RCPT means "too many recipients" (RFC 5321
// section 4.5.3.1.10, which has old servers' 552 read as 452).
func overLimit(r reply) bool {
	switch enhanced := r.said().Enhanced; r.code {
	case 452:
		return enhanced == "" || enhanced == "4.5.3"
	case 552:
		return enhanced == "" || enhanced == "5.5.3"
	}
	return false
}

// untaken says that a session that ended by err has certainly not taken the
// message: its last octet was not sent, or the server said so by a 421.
func (t *transaction) untaken(err error) bool {
	_, ended := errors.AsType[*closing](err)
	return ended || !t.final
}

// hopeless says that there is nobody to send the data to, as far as is known.
func (t *transaction) hopeless() bool {
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
func (t *transaction) anybody() bool { return slices.ContainsFunc(t.rcpt, reply.ok) }

// data sends the message by DATA.
func (t *transaction) data(ctx context.Context, b *body) error {
	s, limit := t.session, t.session.target.Timeouts
	var start reply
	err := s.dialogue.command("DATA", expected{verb: "DATA", limit: limit.DataInit, more: true, take: func(r reply) { start = r }})
	if err == nil {
		err = s.dialogue.drain(0)
	}
	switch {
	case err != nil:
		return err
	case start.code != 354 && start.code/100 != 4 && start.code/100 != 5:
		return &unexpected{"DATA", start}
	case start.code != 354:
		t.refused = start
		return nil
	}
	if t.hopeless() && t.anybody() {
		// A server that refused MAIL and then took the rest has some other
		// transaction open: nothing may be put into that.
		return &unexpected{"DATA", start}
	}
	s.dialogue.expect(expected{verb: "the end of the message", limit: limit.DataFinal, take: func(r reply) { t.end = r }})
	if t.hopeless() {
		// RFC 2920 section 3.1: the server waits for an end all the same.
		return t.finish(".\r\n")
	}
	b.encoder.dots = true
	if err := t.stream(b); err != nil {
		return err
	}
	if err := t.commit(ctx); err != nil {
		return err
	}
	t.final = true
	return t.finish(".\r\n")
}

func (t *transaction) finish(end string) error {
	if err := t.session.dialogue.write([]byte(end)); err != nil {
		return err
	}
	return t.session.dialogue.drain(0)
}

// stream sends the message up to the final dot.
func (t *transaction) stream(b *body) error {
	total := int64(0)
	for {
		portion, last, err := b.next(t.session.portion)
		if err != nil {
			// DATA once begun can only be ended by closing the connection.
			t.local = err
			return &localError{"the stored message could not be read to its end, so the connection was given up", err}
		}
		if err := t.portion(portion, false, &total); err != nil {
			return err
		}
		if last {
			t.session.dialogue.tell(">>> ", fmt.Sprintf("[%d octets]", total))
			return nil
		}
	}
}

// portion sends octets of the message and tells how far it is. last says that
// no octet comes after them.
func (t *transaction) portion(p []byte, last bool, total *int64) error {
	for len(p) > 0 {
		n := min(len(p), writeBuffer)
		t.final = last && n == len(p)
		if err := t.session.dialogue.write(p[:n]); err != nil {
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

// settle reports what is known of the recipients that the server took, or
// might have taken.
func (t *transaction) settle(err error) {
	t.settleTooMany(err)
	for pos, i := range t.to {
		r := t.rcpt[pos]
		switch {
		case t.mail.code == codeLogin:
			// Left open.
		case t.mail.refused() && !t.message.delivery.HoldUntil.IsZero():
			// Perhaps only for the time: it waits here, and goes then.
		case t.mail.refused():
			t.message.report(i, queue.OutcomeOf(t.message.host, t.mail.said()))
		case r.refused():
			// Reported when the reply came, or left for another transaction or a
			// log-in.
		case t.refused.answered() && t.end.ok():
			t.message.report(i, queue.NoAnswer(t.message.host, "the server refused a part of the message and then accepted the whole: "+t.refused.String()))
		case t.refused.answered():
			t.message.report(i, queue.OutcomeOf(t.message.host, t.refused.said()))
		case t.end.refused() || t.end.ok() && t.final:
			t.message.report(i, queue.OutcomeOf(t.message.host, t.end.said()))
		case t.local != nil:
			t.message.report(i, unready(t.local))
		case err != nil && !t.untaken(err):
			t.message.report(i, queue.NoAnswer(t.message.host, "the message was sent whole, but the server did not say whether it took it: "+plainly(err).Error()))
		}
	}
}

// settleTooMany defers the surplus recipients when the message itself was not
// taken: another transaction would only be refused again. Where the session
// broke after the last octet their fate is known, unlike that of the others.
func (t *transaction) settleTooMany(err error) {
	switch {
	case err == nil && t.end.ok() && !t.refused.answered():
		return
	case err != nil && t.untaken(err) && !t.refused.answered():
		return // they stay open
	}
	for _, i := range t.tooMany {
		for pos, j := range t.to {
			if i != j {
				continue
			}
			said := t.rcpt[pos].said()
			said.Code, said.Enhanced = 452, "4.5.3"
			t.message.report(i, queue.OutcomeOf(t.message.host, said))
		}
	}
	t.tooMany = nil
}
