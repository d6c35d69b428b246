package msp

import (
	"context"
	"errors"
	"io"

	"mailcrane/internal/address"
	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

// SubmitSMTP takes in what a local program hands in over SMTP, with the same
// changes to header and addresses as on the command line. The function may be
// used by several sessions at once; what is wrong with a message is its error.
func (p *Program) SubmitSMTP(cfg *config.Config, spool Spool) func(context.Context, *queue.Envelope, io.Reader) (queue.ID, error) {
	return func(ctx context.Context, e *queue.Envelope, message io.Reader) (queue.ID, error) {
		own := *p
		own.Stdin = message
		if _, ok := p.Users.(*PasswdFile); ok {
			own.Users = NewPasswdFile(passwdPath) // it is for one user at a time
		}
		own.speakFor(e.Owner)
		s := newSubmission(&own, &Invocation{
			Program: "smtp", Mode: Submit, Hops: -1,
			HasSender: true, Sender: e.From, Protocol: "ESMTP",
			EnvID: e.EnvID, Ret: e.Ret,
		}, cfg)
		_, s.machine = spool.(*Machine)
		// The session has seen to the dots, and nobody reads what is printed.
		s.set.IgnoreDots, s.set.ErrorMode = true, config.ErrorMail
		return s.runSMTP(ctx, e, spool)
	}
}

var errNoRecipient = errors.New("there is no recipient")

// passwdPath is where this machine keeps its users.
const passwdPath = "/etc/passwd"

func (s *submission) runSMTP(ctx context.Context, e *queue.Envelope, spool Spool) (queue.ID, error) {
	if err := s.room(); err != nil {
		return "", err
	}
	if err := checkParameters(e, s.Now()); err != nil {
		return "", err
	}
	s.rest = s.input()
	if err := s.read(); err != nil {
		return "", err
	}
	s.envelope = *e
	s.envelope.To, s.envelope.Ret, s.envelope.Grace = nil, s.ret(), s.cfg.Queue.Undo
	if err := s.chooseSender(); err != nil {
		return "", err
	}
	if err := s.mayBeSender(); err != nil {
		return "", err
	}
	s.envelope.Submitter = s.named(e)
	s.addRecipients(e.To)
	s.limits()
	if len(s.envelope.To) == 0 {
		return "", s.firstFailure()
	}
	s.fixUp()
	m := &message{fields: s.header.Fields, body: s.body, rest: s.rest, limit: -1}
	id, err := spool.Put(ctx, &s.envelope, m)
	switch {
	case err != nil && m.failed != nil:
		return "", m.failed // the session knows what became of its client
	case err != nil:
		return "", s.whyNot(m, err)
	}
	// The client has one answer for all of its recipients: those that are no
	// good come back as a bounce.
	s.failQueued(ctx, spool, nil)
	return id, nil
}

func (s *submission) addRecipients(to []queue.Recipient) {
	seen := make(map[string]bool, len(to))
	for _, r := range to {
		all, failure := s.resolve(r.Address)
		if failure != nil {
			failure.Notify, failure.ORcpt = r.Notify, r.ORcpt
			s.failures = append(s.failures, *failure)
			continue
		}
		for _, final := range all {
			if key := address.Key(final); !seen[key] {
				seen[key] = true
				r.Address = final
				s.envelope.To = append(s.envelope.To, r)
				s.envelope.UTF8 = s.envelope.UTF8 || address.NeedsUTF8(final)
			}
		}
	}
}

func (s *submission) firstFailure() error {
	if len(s.failures) == 0 {
		return sysexits.Errorf(sysexits.Usage, "", "%w", errNoRecipient)
	}
	f := s.failures[0]
	return sysexits.Errorf(f.Code, "", "%s... %s", f.Address, f.Text)
}
