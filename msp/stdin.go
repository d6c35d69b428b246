package msp

import (
	"bytes"
	"errors"
	"io"

	"mailcrane/internal/header"
)

// dotReader ends the input at a line that holds a lone dot, and takes one of
// two dots at the start of a line away, as sendmail does without -i: ".x"
// stays as it is. A lone dot that the input ends with is the end as well. The
// reader works in the caller's memory and never reads past a dot that it has
// seen.
type dotReader struct {
	in   io.Reader
	held []byte // at most ".\r", read but not yet understood
	line bool   // the last octet given out was in a line
	err  error
}

// minRead is the least memory that dotReader works with: what is held and one
// octet more must fit.
const minRead = 16

func (d *dotReader) Read(p []byte) (int, error) {
	if len(p) < minRead {
		return 0, io.ErrShortBuffer
	}
	for d.err == nil {
		n := copy(p, d.held)
		d.held = d.held[:0]
		m, err := d.in.Read(p[n:])
		if err != nil {
			d.err = err
		}
		if n = d.unstuff(p[:n+m]); n > 0 {
			return n, nil
		}
	}
	return 0, d.err
}

// unstuff applies the rule in place and returns how many octets of b are to
// be given out.
func (d *dotReader) unstuff(b []byte) int {
	w, r := 0, 0
	for r < len(b) {
		if !d.line && b[r] == '.' {
			drop, wait := d.dot(b[r:])
			if wait {
				return w
			}
			r += drop
		}
		next := len(b) // the next dot at the start of a line
		if i := bytes.Index(b[r:], []byte("\n.")); i >= 0 {
			next = r + i + 1
		}
		if r == w {
			w = next
		} else {
			w += copy(b[w:], b[r:next])
		}
		d.line = b[next-1] != '\n'
		r = next
	}
	return w
}

// dot looks at a line that starts with one: drop is how many octets to leave
// out; wait says that nothing more is to be given out now, because more must
// be read or the end has come.
func (d *dotReader) dot(b []byte) (drop int, wait bool) {
	switch {
	case len(b) > 1 && b[1] == '.':
		return 1, false
	case bytes.HasPrefix(b, []byte(".\n")), bytes.HasPrefix(b, []byte(".\r\n")):
		d.err = io.EOF
		return 0, true
	case len(b) == 1, len(b) == 2 && b[1] == '\r':
		if d.err != nil { // nothing follows
			return 0, len(b) == 1
		}
		d.held = append(d.held, b...)
		return 0, true
	}
	return 0, false
}

var errMessageTooLarge = errors.New("552 5.2.3 Message is too large")

// A message is what goes into the spool: the header as fixed up, what was
// read of the body with it, and the rest of the input.
type message struct {
	field  []byte // of the header, what is left of the field under way
	fields []header.Field
	body   []byte
	rest   io.Reader // nil where the input has ended
	limit  int64     // octets that may still come; negative: any number
	failed error     // what reading the input failed with, if not io.EOF
}

// Read fills p as far as what is in memory goes, so that a small message is
// one read, and otherwise lets the input be read into p itself.
func (m *message) Read(p []byte) (int, error) {
	if m.rest != nil && len(m.field)+len(m.fields)+len(m.body) == 0 && len(p) < minRead {
		m.body = make([]byte, 4<<10)
		m.body = m.body[:m.input(m.body)]
	}
	n := m.header(p)
	k := copy(p[n:], m.body)
	m.body = m.body[k:]
	n += k
	if room := len(p) - n; m.rest != nil && room >= minRead && (n == 0 || room >= 4<<10) {
		n += m.input(p[n:])
	}
	return n, m.account(n)
}

// header fills p with the next octets of the header.
func (m *message) header(p []byte) int {
	n := 0
	for {
		k := copy(p[n:], m.field)
		m.field = m.field[k:]
		n += k
		if n == len(p) || len(m.fields) == 0 {
			return n
		}
		m.field, m.fields = m.fields[0].Raw, m.fields[1:]
	}
}

func (m *message) input(p []byte) int {
	n, err := m.rest.Read(p)
	if err != nil {
		m.rest = nil
		if !errors.Is(err, io.EOF) {
			m.failed = err
		}
	}
	return n
}

func (m *message) account(n int) error {
	if m.limit >= 0 {
		if m.limit -= int64(n); m.limit < 0 {
			m.failed, m.limit = errMessageTooLarge, 0
		}
	}
	switch {
	case m.failed != nil:
		return m.failed
	case n == 0 && m.rest == nil && len(m.field)+len(m.fields)+len(m.body) == 0:
		return io.EOF
	}
	return nil
}
