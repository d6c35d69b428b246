package smtpd

import (
	"bytes"
	"errors"

	"mailcrane/internal/syntax"
)

// errEndless is a refused message that does not end.
var errEndless = errors.New("a refused message does not end")

// data answers DATA.
func (d *dialogue) data(rest string) {
	if !d.mayData(rest) {
		d.failed = true
		if !d.over && len(d.in.unread()) > 0 {
			// A client that did not wait for a refusal has sent its message.
			d.cut(421, "4.7.0", "DATA was refused and what follows could be a message; closing the connection")
		}
		return
	}
	d.line(354, ' ', "", `Enter mail, end with "." on a line by itself`)
	m := &dotted{message{d: d, scan: syntax.AfterLines(0)}}
	d.inBody(true)
	err := d.session.Data(m)
	m.skip()
	if m.lost != nil {
		d.lost(m.lost)
		return
	}
	d.inBody(false)
	m.settle(err)
}

func (d *dialogue) mayData(rest string) bool {
	switch {
	case !d.tx.begun:
		d.say(503, "5.0.0", "Need MAIL command")
	case d.tx.rcpts == 0:
		d.say(503, "5.0.0", "Need RCPT (recipient)")
	case rest != "":
		d.say(501, "5.5.4", "DATA takes no parameter")
	case d.tx.binary:
		d.say(503, "5.5.1", "BODY=BINARYMIME needs BDAT")
	default:
		err := d.session.Body()
		if err == nil {
			return true
		}
		d.answer(err, 0, "", "")
	}
	return false
}

// A dotted message comes after DATA, up to CRLF.CRLF, its dots doubled.
type dotted struct{ message }

// Read gives octets of the message that are right so far. At the first wrong
// one it gives the refusal, so that nobody sees the end of what is refused.
func (m *dotted) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if err := m.stop(); err != nil {
			return 0, err
		}
		n := m.next(p)
		m.judge(p[:n])
		if m.wrong == nil && n > 0 {
			return n, nil
		}
	}
}

// skip reads the message to its end.
func (m *dotted) skip() {
	for start := m.scan.Size; !m.ended && m.lost == nil; {
		m.next(nil)
		if m.wrong == nil {
			m.judge(nil)
		}
		if m.scan.Size-start > mostSkipped && m.lost == nil {
			m.d.cut(552, "5.2.3", "Message too large; closing the connection")
			m.lost = errEndless
		}
	}
}

// next takes octets up to the next that is left out, into p, or away where p
// is nil.
func (m *dotted) next(p []byte) int {
	d := m.d
	if m.lost = d.has(1); m.lost != nil {
		return 0
	}
	if m.scan.AtLineStart() && d.in.unread()[0] == '.' {
		m.dot()
		return 0
	}
	run := d.in.unread()
	if p != nil {
		run = run[:min(len(p), len(run))]
	}
	if i := bytes.Index(run, newlineDot); i >= 0 {
		run = run[:i+1]
	}
	if !m.scan.Clean(run) {
		m.search()
		return 0
	}
	d.in.take(len(run))
	return copy(p, run)
}

var newlineDot = []byte("\n.")

// dot looks at the dot that a line begins with: it ends the message, was put
// there to be left out (RFC 5321 section 4.5.2), or is some other server's end.
func (m *dotted) dot() {
	d := m.d
	if m.lost = d.has(2); m.lost != nil {
		return
	}
	switch d.in.unread()[1] {
	case '\r':
		if m.lost = d.has(3); m.lost != nil {
			return
		}
		if d.in.unread()[2] == '\n' {
			d.in.take(3)
			m.ended = true
			return
		}
		m.search()
	case '\n':
		m.search()
	default:
		m.scan.NextStuffed('.')
		d.in.take(1)
	}
}

// search finds what is wrong octet by octet, and then the end of the message.
// Where that is in doubt, the connection ends.
func (m *dotted) search() {
	d := m.d
	for skipped := 0; ; skipped++ {
		if m.lost = d.has(1); m.lost != nil {
			return
		}
		wrong := m.scan.NextStuffed(d.in.unread()[0])
		d.in.take(1)
		if wrong != "" {
			m.spoiled(wrong)
		}
		switch {
		case m.scan.Ended():
			m.ended = true
			return
		case m.wrong != nil && (m.scan.Ambiguous() || skipped > mostSkipped):
			d.cut(554, "5.6.0", m.wrong.Message+"; closing the connection")
			m.lost = errOver
			return
		}
	}
}
