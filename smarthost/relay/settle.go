package relay

import (
	"errors"
	"slices"

	"mailcrane/queue"
)

// conclude reports what became of the recipients when all is known that will
// be, and draws what it means for the session.
func (t *transaction) conclude(err error) (left []int, fault *queue.RouteFault) {
	s := t.session
	refused := s.loginRefused()
	if refused != nil && err == nil {
		err = refused.Err
	}
	t.settle(err)
	switch {
	case refused != nil:
		fault := s.untouched(refused)
		fault.Untaken = !t.mail.ok() || t.untaken(err) || t.end.answered()
		return nil, fault
	case err != nil:
		if t.last > 0 {
			s.broke(err)
		}
		fault := s.broken(queue.StepSession, err)
		fault.Untaken = t.untaken(err)
		return nil, fault
	case t.login.answered():
		fault := s.loginWanted(t.login)
		fault.Untaken = true // by those who wait for the log-in
		return nil, fault
	}
	switch {
	case t.end.ok():
		t.message.share.answered()
		s.worked(t.manner, t.message.before)
	case t.accepted == 0:
		t.message.share.refused()
	}
	if m := t.message; len(t.simpler) > 0 {
		m.before = t.manner
		m.manner, _ = t.manner.less(t.doubtful, m.fixed)
	}
	return append(t.tooMany, t.simpler...), nil
}

// doubts says that a reply may only mean that the server does not stand how it
// was spoken to: then the recipients are tried again in a simpler manner. It
// remembers the reply.
func (t *transaction) doubts(r reply) bool {
	_, more := t.manner.less(r, t.message.fixed)
	if more = more && r.lostThread() && t.session.loginRefused() == nil; more {
		t.doubtful = r
	}
	return more
}

// settle reports what is known of the recipients that the server took, or
// might have taken.
func (t *transaction) settle(err error) {
	t.settleTooMany(err)
	t.settleDoubtful(err)
	for pos, i := range t.to {
		switch r := t.rcpt[pos]; {
		case t.mail.refused():
			t.settleSender(i, r, err)
		case t.session.loginRefused() != nil && !t.end.ok():
			// Left open: it is the log-in that lacks.
		case r.refused():
			// Reported when the reply came, or left for another transaction or a
			// log-in.
		case t.parted && !(t.end.ok() && r.ok()):
			// Left open: the server has not taken it.
		case !t.end.ok() && t.doubts(t.refused):
			t.settleInDoubt(i, t.refused, err)
		default:
			t.settleData(i, err)
		}
	}
}

// settleSender reports recipient i where the server refused MAIL.
func (t *transaction) settleSender(i int, r reply, err error) {
	m := t.message
	switch {
	case r.ok() && t.end.ok() && t.final:
		m.report(i, queue.NoAnswer(m.host, "the server refused the sender and then accepted the message: "+t.mail.String()))
	case t.session.loginRefused() != nil && !t.end.ok(), t.wantsLogin(t.mail):
		// Left open: it is the log-in that lacks.
	case t.manner.group && t.doubts(t.mail):
		t.settleInDoubt(i, t.mail, err)
	case !m.delivery.HoldUntil.IsZero():
		// Perhaps only for the time: it waits here, and goes then.
	default:
		m.report(i, queue.OutcomeOf(m.host, t.mail.said()))
	}
}

// settleInDoubt leaves recipient i for a simpler manner. A session that is over
// has none, but what the server said is no refusal for good.
func (t *transaction) settleInDoubt(i int, r reply, err error) {
	if err == nil {
		t.simpler = append(t.simpler, i)
		return
	}
	t.message.report(i, queue.OutcomeOf(t.message.host, inDoubt(r)))
}

// inDoubt is a reply as one for now.
func inDoubt(r reply) queue.Reply {
	said := r.said()
	said.Code, said.Enhanced = 451, "4.5.0"
	return said
}

// settleData reports recipient i, which the server took, by what it said of the
// data.
func (t *transaction) settleData(i int, err error) {
	m := t.message
	switch {
	case t.refused.answered() && t.end.ok():
		m.report(i, queue.NoAnswer(m.host, "the server refused a part of the message and then accepted the whole: "+t.refused.String()))
	case t.refused.answered():
		m.report(i, queue.OutcomeOf(m.host, t.refused.said()))
	case t.end.refused() || t.end.ok() && t.final:
		m.report(i, queue.OutcomeOf(m.host, t.end.said()))
	case t.local != nil:
		m.report(i, unready(t.local))
	case err != nil && !t.untaken(err):
		m.report(i, queue.NoAnswer(m.host, "the message was sent whole, but the server did not say whether it took it: "+plainly(err).Error()))
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
	t.postpone(t.tooMany, 452, "4.5.3")
	t.tooMany = nil
}

// settleDoubtful does so for those that would have been asked for in a simpler
// manner, where the session broke after the last octet.
func (t *transaction) settleDoubtful(err error) {
	if err != nil && !t.untaken(err) {
		t.postpone(t.simpler, 451, "4.5.0")
		t.simpler = nil
	}
}

// postpone defers recipients by what the server said to RCPT, under that code.
func (t *transaction) postpone(recipients []int, code int, enhanced string) {
	for _, i := range recipients {
		said := t.rcpt[slices.Index(t.to, i)].said()
		said.Code, said.Enhanced = code, enhanced
		t.message.report(i, queue.OutcomeOf(t.message.host, said))
	}
}

// untaken says that a session that ended by err has certainly not taken the
// message: its last octet has not left this machine, or the server said so by a
// 421.
func (t *transaction) untaken(err error) bool {
	last, ended := errors.AsType[*closing](err)
	return ended && !last.silent || !t.final || t.session.dialogue.out.kept(t.place)
}
