package smtpd

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/emersion/go-smtp"

	"mailcrane/internal/syntax"
)

// mostSkipped is what is read away, in octets, of a message that is refused.
const mostSkipped = 4 << 30

// A message is one as it comes: what its two forms, after DATA and in chunks,
// have in common.
type message struct {
	d     *dialogue
	scan  syntax.Scanner
	wrong *smtp.SMTPError // why it is refused, whatever Data says
	lost  error           // the connection failed within it
	ended bool            // it was read whole

	headers int64 // octets of the header section so far
	line    int   // of them in the line that has not ended
	inBody  bool  // the header section is over
}

// stop is why there is nothing more to read, or nil.
func (m *message) stop() error {
	switch {
	case errors.Is(m.lost, io.EOF):
		// Whoever looks for io.EOF, wrapped or not, would take what has come for
		// the whole message.
		return fmt.Errorf("reading the message: %w", io.ErrUnexpectedEOF)
	case m.lost != nil:
		return fmt.Errorf("reading the message: %w", m.lost)
	case m.wrong != nil:
		return m.wrong
	case m.ended:
		return io.EOF
	}
	return nil
}

// judge looks at the bounds after octets that are for the Session.
func (m *message) judge(p []byte) {
	if limit := m.d.tx.limit; limit > 0 && m.scan.Size > limit && m.wrong == nil {
		m.wrong = m.d.tooLarge(m.scan.Size)
	}
	if most := m.d.limits.MaxHeaders; most > 0 && m.wrong == nil && !m.inBody && m.headersOver(p, most) {
		m.wrong = refusal(552, 5, 6, 0, fmt.Sprintf("Headers too large (%d max)", most))
	}
}

// headersOver counts what of p belongs to the header section.
func (m *message) headersOver(p []byte, most int64) bool {
	for len(p) > 0 && !m.inBody {
		i := bytes.IndexByte(p, '\n')
		n := i + 1
		if i < 0 {
			n = len(p)
		}
		m.headers += int64(n)
		m.line += n
		if i >= 0 {
			m.inBody = m.line <= len("\r\n")
			m.line = 0
		}
		p = p[n:]
	}
	return m.headers > most
}

// tooLarge refuses a message that has, or will have, so many octets.
func (d *dialogue) tooLarge(size int64) *smtp.SMTPError {
	limit := d.tx.limit
	if d.witness != nil {
		d.witness.TooLarge(size, limit)
	}
	return refusal(552, 5, 2, 3, fmt.Sprintf("Message exceeds maximum fixed size (%d)", limit))
}

// spoiled refuses a message that could hide another from another server. That
// goes over what else is wrong with it, and the first such octet is named.
func (m *message) spoiled(what string) {
	if m.wrong == nil || m.wrong.Code != 554 {
		m.wrong = refusal(554, 5, 6, 0, fmt.Sprintf("Line %d of the message has %s; it is not taken", m.scan.Lines+1, what))
	}
}

// settle answers a message that was read whole, and forgets its transaction.
func (m *message) settle(err error) {
	d := m.d
	if m.wrong != nil {
		err = m.wrong // whatever Data has made of it
	}
	d.counts.noop = 0 // a client that sends mail may say NOOP now and then
	code := d.outcome(err, 250, "2.0.0", "Message accepted for delivery")
	if code != 421 {
		d.reset()
	}
}
