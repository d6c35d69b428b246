package mta

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"mailcrane/internal/header"
	"mailcrane/queue"
)

// A letter is a message on its way into the spool: the field that says how it
// came here, its header, and its body as it comes.
type letter struct {
	trace  func(queue.ID) string // the Received field, for the name it is kept by
	id     queue.ID
	head   []byte // what is left of what stands before the body
	body   io.Reader
	failed error // what reading the body failed with, if not io.EOF
	octets int64 // handed over so far
	now    func() time.Time
	whole  time.Time // when the last octet had come
}

// Stamp implements queue.Stamped.
func (l *letter) Stamp(id queue.ID) {
	l.id = id
	l.head = append([]byte(l.trace(id)), l.head...)
}

func (l *letter) Read(p []byte) (n int, err error) {
	if len(l.head) > 0 {
		n = copy(p, l.head)
		l.head = l.head[n:]
		if n == len(p) {
			l.octets += int64(n)
			return n, nil
		}
	}
	k, err := l.body.Read(p[n:])
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		l.whole = l.now()
	default:
		l.failed = err
	}
	l.octets += int64(n + k)
	return n + k, err
}

// collect reads the header of a message, up to most octets of it.
func collect(r io.Reader, most int64) (h *header.Section, rest []byte, ended bool, err error) {
	var scan header.Scan
	var section int
	buf, ended, err := header.Read(r, most, func(b []byte, eof bool) (ok bool) {
		section, _, ok = scan.End(b, eof)
		return ok
	})
	if err == nil && int64(section) > most {
		err = header.ErrTooLarge
	}
	if err != nil {
		return nil, nil, false, err
	}
	h = header.Parse(buf[:section])
	h.EOL = "\r\n"
	return h, buf[section:], ended, nil
}

var (
	errHeaders = reply(552, smtp.EnhancedCode{5, 6, 0}, "Headers too large")
	errHops    = reply(554, smtp.EnhancedCode{5, 4, 6}, "Too many hops: the message runs in circles")
)

// traceField is the Received field (RFC 5321 section 4.4), as sendmail lays it
// out. id is the name that the message is kept by.
func (s *session) traceField(id queue.ID, now time.Time) string {
	var b strings.Builder
	b.WriteString("Received: from ")
	b.WriteString(word(s.conn.Helo(), "unknown"))
	b.WriteString(" (" + s.told.Peer.Relay() + ")")
	if s.visit.Client.User != "" {
		b.WriteString("\r\n\t(authenticated)")
	}
	b.WriteString("\r\n\tby " + s.rules.hostname + " (mailcrane) with " + s.protocol() + " id " + string(id))
	if tls := s.tls.String(); tls != "" {
		b.WriteString("\r\n\t" + tls)
	}
	if len(s.to) == 1 {
		// With several it would tell each of the others (RFC 5321 section 7.6).
		b.WriteString("\r\n\tfor <" + s.to[0].Address + ">")
	}
	b.WriteString("; " + now.Format(dateForm) + "\r\n")
	return b.String()
}

// dateForm is that of RFC 5322 section 3.3.
const dateForm = "Mon, 2 Jan 2006 15:04:05 -0700"

// word is text as it may stand in a trace field without quotes: what is odd in it
// is a question mark.
func word(text, none string) string {
	const most = 255
	if text == "" {
		return none
	}
	odd := func(r rune) rune {
		if r <= ' ' || r > '~' || strings.ContainsRune(`()<>"\;,`, r) {
			return '?'
		}
		return r
	}
	text = strings.Map(odd, text)
	return text[:min(len(text), most)]
}

// protocol is the word of RFC 3848 for how the message came.
func (s *session) protocol() string {
	p := "SMTP"
	switch {
	case s.options.UTF8:
		p = "UTF8SMTP" // RFC 6531 section 4.3
	case s.conn.Extended():
		p = "ESMTP"
	}
	if s.conn.TLS() != nil {
		p += "S"
	}
	if s.visit.Client.User != "" {
		p += "A"
	}
	return p
}
