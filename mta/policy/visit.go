package policy

import (
	"cmp"
	"context"
	"time"

	"mailcrane/internal/config"
)

// A Visit is one connection. Its methods are called one at a time.
type Visit struct {
	// Client is kept up to date by the session: Helo, User, Mechanism, Peer,
	// Encrypted and Bits come after Connect.
	Client Client

	policy *Policy
	pause  time.Duration
	closed bool

	relay   *Verdict // what check_relay has come to, once it was asked
	passed  bool     // the access map has taken the client
	kept    Verdict  // discard and quarantine of the whole connection
	message transaction
}

// A transaction is what is remembered of a message under way.
type transaction struct {
	from string
	mail *Verdict // what check_mail has come to, once it was asked
	// passed: the access map has taken the sender, so that check_relay is not
	// asked any more where it is delayed.
	passed bool
	kept   Verdict // discard and quarantine
}

// Connect judges a client that has connected: load, limits, check_relay. It may
// wait, for a load or a rate that is too high. The Visit is never nil and must
// be closed, refused or not.
func (p *Policy) Connect(ctx context.Context, c Client) (*Visit, Verdict) {
	c.Addr = c.Addr.Unmap().WithZone("")
	v := &Visit{Client: c, policy: p}
	p.counts.arrive(c.Addr, p.parts.Now(), p.rules.RateWindow)
	verdict := v.first(ctx)
	verdict.Rule = cmp.Or(verdict.Rule, "check_relay")
	verdict.Arg1, verdict.Arg2 = c.Name, c.Addr.String()
	return v, verdict
}

// first is what is judged before the greeting.
func (v *Visit) first(ctx context.Context) Verdict {
	p := v.policy
	if verdict := p.load(v.Client.Port); verdict.Refusal != nil {
		return verdict
	}
	if verdict := p.throttle(ctx); verdict.Refusal != nil {
		return verdict
	}
	p.slow(ctx)
	var temporary Verdict
	if v.pause, temporary = p.greetPause(&v.Client); temporary.Refusal != nil {
		return temporary
	}
	if verdict := v.limits(p.rules.Rate.NoDelay, p.rules.Connections.NoDelay); verdict.Refusal != nil {
		return verdict
	}
	if p.delayed() {
		return Verdict{}
	}
	return v.checkRelay(ctx)
}

func (p *Policy) delayed() bool { return p.rules.DelayChecks != config.ChecksAtOnce }

// Close ends the connection, so that it counts no more.
func (v *Visit) Close() {
	if !v.closed {
		v.closed = true
		v.policy.counts.leave(v.Client.Addr)
	}
}

// Pause is how long the greeting waits for a client that talks early.
func (v *Visit) Pause() time.Duration { return v.pause }

// Mail judges a sender, "" for the null reverse-path, and a message of size
// octets as SIZE= has it, 0 for not said: room, check_mail.
func (v *Visit) Mail(ctx context.Context, from string, size int64) Verdict {
	p := v.policy
	p.slow(ctx)
	v.message = transaction{from: from}
	if verdict := v.polite(config.NeedMailHelo, "Polite people say HELO first"); verdict.Refusal != nil {
		return verdict.in("check_mail", from)
	}
	if verdict := p.room(size); verdict.Refusal != nil {
		return verdict.in("check_mail", from)
	}
	if p.delayed() {
		return Verdict{}.in("check_mail", from)
	}
	if wrong := p.tlsClient(&v.Client); wrong.Refusal != nil {
		return wrong.in("check_mail", from).about()
	}
	return v.checkMail(ctx).in("check_mail", from).about()
}

// Rcpt judges a recipient, in wire form without angle brackets: check_rcpt,
// and what delay_checks has put off.
func (v *Visit) Rcpt(ctx context.Context, to string) Verdict {
	v.policy.slow(ctx)
	verdict := v.recipient(ctx, to)
	if verdict.Refusal == nil && !verdict.Discard { // names are told only to those who may send to them
		if nobody := v.policy.parts.Recipient(ctx, v.message.from, to); nobody.Refusal != nil {
			verdict = nobody
		}
	}
	v.message.keep(verdict)
	return verdict.in("check_rcpt", to).about()
}

// recipient is check_rcpt, and after it what was put off, in sendmail's order.
func (v *Visit) recipient(ctx context.Context, to string) Verdict {
	verdict, final := v.checkRcpt(ctx, to)
	if verdict.Refusal != nil || verdict.Discard {
		return verdict
	}
	if v.policy.delayed() { // who is let through without other tests, is asked this
		if wrong := v.policy.tlsClient(&v.Client); wrong.Refusal != nil {
			return wrong
		}
	}
	if final {
		return verdict
	}
	if v.policy.delayed() {
		if late, done := v.late(ctx, to); done {
			return late.with(verdict)
		}
		if bad := v.badHelo(); bad.Refusal != nil {
			return bad
		}
	}
	if grey := v.grey(to); grey.Refusal != nil {
		return grey
	}
	return verdict
}

// late is check_mail and then check_relay, where they were put off. done says
// that what it has come to ends the tests: sendmail's $#, or that the recipient
// wants none of them.
func (v *Visit) late(ctx context.Context, to string) (verdict Verdict, done bool) {
	asked, wrong := v.policy.spamAsked(to)
	if wrong.Refusal != nil || !asked {
		return wrong, true
	}
	if mail := v.checkMail(ctx); mail.ends() || v.message.passed {
		return mail, true
	}
	relay := v.checkRelay(ctx)
	return relay, relay.ends()
}

// Data judges a message whose recipients are known: check_data. Its Verdict has
// what was found before: that the message is discarded, or quarantined.
func (v *Visit) Data(ctx context.Context) Verdict {
	v.policy.slow(ctx)
	verdict := v.kept.with(v.message.kept)
	verdict.Rule = cmp.Or(verdict.Rule, "check_data")
	return verdict
}

// Reset forgets the transaction.
func (v *Visit) Reset() { v.message = transaction{} }

// keep remembers of a verdict what is about the whole message.
func (t *transaction) keep(v Verdict) {
	if v.Refusal == nil {
		t.kept = t.kept.with(v)
	}
}
