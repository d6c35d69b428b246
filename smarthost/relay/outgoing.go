package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"mailcrane/internal/address"
	"mailcrane/internal/recode"
	"mailcrane/queue"
	"mailcrane/queue/dsn"
)

// An outgoing is a message in the form that this server takes.
type outgoing struct {
	delivery *queue.Delivery
	host     string
	// to are the recipients without an outcome, as indexes into delivery.To.
	to []int
	// mail is what follows "MAIL FROM:".
	mail string
	size int64
	// utf8: the transaction is one of SMTPUTF8.
	dsn, utf8 bool
	open      func() (io.ReadCloser, error)
	turn      *turn
	share     *share
	// manner is how it goes, before how it went before that was doubtful.
	manner, before manner
	// fixed: it can only go by BDAT.
	fixed bool
	// spilled holds the message where it had to be re-encoded, or is nil.
	spilled *spill
}

func (m *outgoing) close() {
	if m.spilled != nil {
		m.spilled.close()
	}
}

// report tells the outcome of recipient i, and whether the server would
// report on a success itself.
func (m *outgoing) report(i int, o queue.Outcome) {
	if !m.dsn {
		o = o.WithoutDSN()
	}
	m.delivery.Report(i, o)
}

// unready is the outcome of a message that cannot be read or re-encoded here:
// no fault of the server's or the route's, and it may pass.
func unready(err error) queue.Outcome {
	return queue.Defer("", "4.3.0", "the message cannot be made ready to be sent on this machine: "+err.Error())
}

// prepare finds the form of a message that the server takes, and reports the
// recipients for whom there is none. It returns nil when nobody is left.
func (s *Session) prepare(d *queue.Delivery) *outgoing {
	m := &outgoing{delivery: d, host: s.target.Name, size: d.Size, dsn: s.caps.DSN, open: d.Open}
	for i := range d.To {
		m.to = append(m.to, i)
	}
	if !d.HoldUntil.IsZero() && d.HoldUntil.Sub(s.target.Now()) > s.MayHold() {
		return nil // it waits here, and goes at its time
	}
	if refusal, ok := s.unfitSender(d.Envelope); ok {
		return m.settleAll(refusal)
	}
	wanted := d.Envelope.UTF8 || address.NeedsUTF8(d.Envelope.From)
	m.to = slices.DeleteFunc(m.to, func(i int) bool {
		refusal, unfit := s.unfitRecipient(d.To[i])
		if unfit {
			d.Report(i, refusal)
		}
		wanted = wanted || !unfit && address.NeedsUTF8(d.To[i].Address)
		return unfit
	})
	if len(m.to) == 0 {
		return nil
	}
	content, err := m.fit(s, d.Content)
	if impossible, ok := errors.AsType[*recode.Impossible](err); ok {
		return m.settleAll(queue.Refuse(m.host, "5.6.3", impossible.Error()))
	}
	if err != nil {
		return m.settleAll(unready(err))
	}
	if s.caps.MaxSize > 0 && m.size > s.caps.MaxSize {
		m.close()
		return m.settleAll(queue.Refuse(m.host, "5.3.4", fmt.Sprintf("the message has %d octets, and %s takes no more than %d: send a smaller one, or a link in place of the attachment",
			m.size, m.host, s.caps.MaxSize)))
	}
	m.utf8, m.fixed = wanted && s.caps.SMTPUTF8, s.caps.asBinary(content)
	m.mail = s.mailParameters(d, m.size, content, m.utf8)
	return m
}

// settleAll gives all recipients that are left one outcome. It returns nil.
func (m *outgoing) settleAll(o queue.Outcome) *outgoing {
	for _, i := range m.to {
		m.delivery.Report(i, o)
	}
	m.to = nil
	return nil
}

func (s *Session) unfitSender(e *queue.Envelope) (queue.Outcome, bool) {
	host := s.target.Server
	switch {
	case e.From != "" && !sound(e.From):
		return queue.Refuse(host, "5.1.7", fmt.Sprintf("the sender address %q is not one that SMTP can carry", e.From)), true
	case !parameter(e.EnvID) || !parameter(e.Ret):
		return queue.Refuse(host, "5.5.4", "the delivery status options of the message (RET, ENVID) are not ones that SMTP can carry"), true
	case s.caps.SMTPUTF8:
	case address.NeedsUTF8(e.From):
		return queue.Refuse(host, "5.6.7", fmt.Sprintf("%s does not take addresses with letters beyond ASCII (SMTPUTF8), such as the sender's, %s", host, e.From)), true
	case e.UTF8:
		return queue.Refuse(host, "5.6.7", fmt.Sprintf("%s does not take messages that need SMTPUTF8: addresses in the header with letters beyond ASCII", host)), true
	}
	return queue.Outcome{}, false
}

func (s *Session) unfitRecipient(to queue.Recipient) (queue.Outcome, bool) {
	host := s.target.Server
	switch {
	case !sound(to.Address):
		return queue.Refuse(host, "5.1.3", fmt.Sprintf("the address %q is not one that SMTP can carry", to.Address)), true
	case !parameter(to.Notify) || !unitext(to.ORcpt):
		return queue.Refuse(host, "5.5.4", "the delivery status options of this recipient (NOTIFY, ORCPT) are not ones that SMTP can carry"), true
	case address.NeedsUTF8(to.Address) && !s.caps.SMTPUTF8:
		return queue.Refuse(host, "5.6.7", fmt.Sprintf("%s does not take addresses with letters beyond ASCII (SMTPUTF8)", host)), true
	}
	return queue.Outcome{}, false
}

// binary says whether the server takes any octets (RFC 3030 section 3).
func (c Capabilities) binary() bool { return c.Chunking && c.BinaryMIME }

// asBinary says that the message goes as BINARYMIME, and so only by BDAT.
func (c Capabilities) asBinary(content queue.Content) bool {
	return c.binary() && (content.Binary || content.LongLine || content.EightBit && !c.EightBitMIME)
}

// need is what must be changed in a message for this server.
func (c Capabilities) need(content queue.Content) recode.Need {
	if c.binary() {
		return recode.Need{}
	}
	return recode.Need{
		SevenBit:   content.EightBit && !c.EightBitMIME,
		ShortLines: content.Binary || content.LongLine,
	}
}

// fit re-encodes the message where the server cannot take it as it is, to the
// end and before a command is sent, and returns what it contains then.
func (m *outgoing) fit(s *Session, content queue.Content) (queue.Content, error) {
	need := s.caps.need(content)
	if need == (recode.Need{}) {
		return content, nil
	}
	src, err := m.delivery.Open()
	if err != nil {
		return content, err
	}
	defer src.Close()
	out := newSpill()
	if err := s.target.Recode(out, src, need); err != nil {
		out.close()
		return content, err
	}
	m.spilled, m.open, m.size = out, out.open, out.size()
	return queue.Content{EightBit: content.EightBit && !need.SevenBit}, nil
}

// mailParameters is what follows "MAIL FROM:". Nothing is said that the
// server does not offer.
func (s *Session) mailParameters(d *queue.Delivery, size int64, content queue.Content, international bool) string {
	c, e := s.caps, d.Envelope
	words := []string{"<" + e.From + ">"}
	if c.Size {
		words = append(words, "SIZE="+strconv.FormatInt(size, 10))
	}
	switch {
	case c.asBinary(content):
		words = append(words, "BODY=BINARYMIME")
	case content.EightBit && c.EightBitMIME:
		words = append(words, "BODY=8BITMIME")
	}
	if international {
		words = append(words, "SMTPUTF8")
	}
	if c.DSN && e.Ret != "" {
		words = append(words, "RET="+e.Ret)
	}
	if c.DSN && e.EnvID != "" {
		words = append(words, "ENVID="+e.EnvID)
	}
	if !d.HoldUntil.IsZero() {
		words = append(words, "HOLDUNTIL="+d.HoldUntil.UTC().Format(time.RFC3339))
	}
	return strings.Join(words, " ")
}

// rcpt is what follows "RCPT TO:".
func (m *outgoing) rcpt(i int) string {
	to := m.delivery.To[i]
	text := "<" + to.Address + ">"
	if m.dsn && to.Notify != "" {
		text += " NOTIFY=" + to.Notify
	}
	orcpt, ok := to.ORcpt, true
	if !m.utf8 {
		orcpt, ok = dsn.ASCIIORcpt(orcpt)
	}
	// Where it cannot be said the mail goes without it: it is for reports alone.
	if m.dsn && orcpt != "" && ok {
		text += " ORCPT=" + orcpt
	}
	return text
}

// deliver runs one transaction, and more for the recipients that the server
// found too many for one (RFC 5321 section 4.5.3.1.10), or that it was asked for
// in a manner which it may not stand.
func (m *outgoing) deliver(ctx context.Context, s *Session) *queue.RouteFault {
	for turn := m.turn; ; turn = s.takeTurn() {
		t := &transaction{session: s, message: m, manner: m.manner, to: m.to, rcpt: make([]reply, len(m.to)), turn: turn}
		left, fault := t.run(ctx)
		turn.pass()
		if m.to = left; fault != nil || len(left) == 0 {
			return fault
		}
	}
}

// sound says that an address cannot break out of its angle brackets or its
// line. Whether it is a good one the server will say.
func sound(address string) bool {
	const most = 1000 // a path has no more than 256, RFC 5321 section 4.5.3.1.3
	quoted, escaped := false, false
	for _, c := range []byte(address) {
		switch {
		case c < ' ' || c == 0x7f:
			return false
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '<' || c == '>'):
			return false
		}
	}
	return address != "" && len(address) <= most && !quoted && !escaped
}

// parameter says that text can be the value of an ESMTP parameter.
func parameter(text string) bool { return unitext(text) && !address.NeedsUTF8(text) }

// unitext says so of one that may be in UTF-8.
func unitext(text string) bool {
	const most = 1000
	for _, c := range []byte(text) {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	return len(text) <= most && utf8.ValidString(text)
}
