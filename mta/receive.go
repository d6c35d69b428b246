package mta

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/emersion/go-smtp"

	"mailcrane/internal/header"
	"mailcrane/internal/visible"
	"mailcrane/mta/watch"
	"mailcrane/queue"
)

// Data takes the message in: it is durable when it is said to be (law 1).
func (s *session) Data(r io.Reader) error {
	r = s.told.Message(r)
	h, rest, ended, err := collect(r, s.rules.config.Submit.MaxHeaders)
	switch {
	case errors.Is(err, header.ErrTooLarge):
		return errHeaders
	case err != nil:
		return err // the client's, who has gone or is told
	}
	if h.Count("Received") >= s.rules.config.Submit.MaxHops {
		return errHops
	}
	if s.conn.Port.Submits() {
		s.complete(h)
	}
	l := &letter{head: append(h.AppendTo(nil), rest...), body: r, now: s.server.Now}
	s.told.Peer.Ident = s.ident.User()
	now := s.server.Now()
	l.trace = func(id queue.ID) string { return s.traceField(id, now) }
	if ended {
		l.body = strings.NewReader("")
	}
	if s.discard != "" {
		return s.discarded(l)
	}
	id, err := s.server.Spool.Put(s.ctx, s.envelope(), l)
	if err != nil && l.failed != nil {
		return l.failed
	}
	if err != nil {
		s.server.Log.Error("a message could not be queued", "err", err)
		return cannotKeep(err)
	}
	if s.quarantine != "" {
		// It is apart already; only the reason is not written down then.
		if err := s.server.Spool.Quarantine(s.ctx, id, s.quarantine); err != nil {
			s.server.Log.Warn("the reason of a quarantine could not be kept", "id", id, "reason", s.quarantine, "err", err)
		}
	}
	s.told.Received(watch.Message{
		ID: string(id), From: s.from, Size: l.octets, Recipients: len(s.to), MessageID: messageID(h),
		Body: string(s.options.Body), Protocol: s.protocol(), Put: s.server.Now().Sub(l.whole),
	})
	return reply(250, smtp.EnhancedCode{2, 0, 0}, string(id)+" Message accepted for delivery")
}

// envelope is what the queue keeps of MAIL and RCPT.
func (s *session) envelope() *queue.Envelope {
	e := &queue.Envelope{
		From: s.from, To: s.to,
		Ret: string(s.options.Return), UTF8: s.options.UTF8,
		EnvID:       s.conn.Extras().EnvelopeID,
		NotBefore:   s.conn.Extras().Until,
		Quarantined: s.quarantine != "",
		Submitter:   fmt.Sprintf("%s, %s on %s", s.told.Peer.Relay(), s.protocol(), s.conn.Port.PortName()),
	}
	if x := s.conn.Extras(); x.Prioritized {
		e.Priority = &x.Priority
	}
	return e
}

// discarded reads a message that nobody is to have to its end.
func (s *session) discarded(l *letter) error {
	if _, err := io.Copy(io.Discard, l); err != nil {
		return err
	}
	s.told.Discarded(s.from, s.discard)
	return reply(250, smtp.EnhancedCode{2, 0, 0}, "Message accepted for delivery")
}

// cannotKeep is the reply where the spool fails. It tells a stranger nothing of
// this machine; the log does.
func cannotKeep(err error) *smtp.SMTPError {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return reply(452, smtp.EnhancedCode{4, 3, 1}, "Out of disk space for the queue; try again later")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return reply(421, smtp.EnhancedCode{4, 3, 2}, "This server is stopping; nothing was queued, send again later")
	}
	return reply(451, smtp.EnhancedCode{4, 3, 0}, "The message could not be queued; try again later")
}

// messageID is that of the header, for the log.
func messageID(h *header.Section) string {
	f, _ := h.Get("Message-ID")
	return strings.TrimSpace(f.Text())
}

// Mail begins a message.
func (s *session) Mail(from string, o *smtp.MailOptions) error {
	s.transaction = transaction{from: from, options: *o}
	s.options.Auth = s.author(o.Auth)
	return s.judge(s.visit.Mail(s.ctx, from, s.conn.Extras().Size))
}

// author is whom AUTH= of MAIL names, where that is who has logged in. Nobody else
// is believed: it counts as AUTH=<> (RFC 4954 section 5), or, with the letter A of
// AuthOptions and a client that has not logged in, as nothing.
func (s *session) author(said *string) *string {
	user := s.visit.Client.User
	switch {
	case said == nil, *said == "", *said == user:
		return said
	case user == "" && strings.Contains(s.rules.config.MTA.Users.Options, "A"):
		return nil
	}
	s.server.Log.Debug("AUTH= of MAIL is not believed", "says", visible.Line(*said, mostNode), "user", visible.Line(user, mostNode), "relay", s.told.Peer.Relay())
	return new(string)
}

// Rcpt adds a recipient.
func (s *session) Rcpt(to string, o *smtp.RcptOptions) error {
	if err := s.judge(s.visit.Rcpt(s.ctx, to)); err != nil {
		return err
	}
	r := queue.Recipient{Address: to, ORcpt: s.conn.Extras().OriginalRecipient, Notify: notifyOf(o)}
	s.to = append(s.to, r)
	return nil
}

// Body implements smtpd.Session: the message is about to come.
func (s *session) Body() error { return s.judge(s.visit.Data(s.ctx)) }
