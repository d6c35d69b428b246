package recode

import (
	"bufio"
	"bytes"
)

// quotedMax is how long a line of quoted-printable may be, the "=" of a soft
// line break included (RFC 2045 section 6.7 (5)).
const quotedMax = 76

const hexDigits = "0123456789ABCDEF"

// A quotedLine is a line of quoted-printable on its way out.
type quotedLine struct {
	out *bufio.Writer
	n   int // octets on it
}

// put writes one octet of the content, in a line of its own if need be.
func (q *quotedLine) put(c byte, escape bool) {
	escape = escape || c == '=' || c > '~' || c < ' ' && c != '\t'
	size := 1
	if escape {
		size = 3
	}
	if q.room(size) && (c == '-' || c == '.' || c == 'F') { // see startsBadly
		escape, size = true, 3
	}
	q.n += size
	if escape {
		q.out.WriteByte('=')
		q.out.WriteByte(hexDigits[c>>4])
		c = hexDigits[c&15]
	}
	q.out.WriteByte(c)
}

// room makes room for octets that stay together; true says that it took a soft
// line break.
func (q *quotedLine) room(size int) bool {
	if q.n+size < quotedMax {
		return false
	}
	q.out.WriteString("=\r\n")
	q.n = 0
	return true
}

func (q *quotedLine) hardBreak() {
	q.out.WriteString("\r\n")
	q.n = 0
}

// startsBadly says that a line should not begin like this: a lone dot and
// "From " suffer in transit (RFC 2049 section 3), "--" may be taken for a
// boundary, and white space must not end a line.
func startsBadly(line []byte) bool {
	return line[0] == '.' || bytes.HasPrefix(line, []byte("--")) || bytes.HasPrefix(line, []byte("From ")) ||
		len(line) == 1 && blank(line[0])
}

// A quotedEncoder writes lines in quoted-printable. The standard library's
// writer takes a CR alone for a line end, and lets a soft line break put "--",
// and so a boundary, at the beginning of a line.
type quotedEncoder struct {
	quotedLine
	first bool // nothing of the current input line is written yet
	held  byte // a space or tab that may be the last of its line, or 0
}

func (q *quotedEncoder) text(b []byte) error {
	if len(b) > 0 && q.held != 0 {
		q.put(q.held, false)
		q.held = 0
	}
	for i, c := range b {
		switch {
		case q.first:
			q.put(c, startsBadly(b))
			q.first = false
		case i == len(b)-1 && blank(c):
			q.held = c
		default:
			q.put(c, false)
		}
	}
	return nil
}

func (q *quotedEncoder) lineEnd(e lineEnd) error {
	if e == open {
		return nil
	}
	if err := q.close(); err != nil {
		return err
	}
	q.hardBreak()
	q.first = true
	return nil
}

// close escapes white space at the end of a line (RFC 2045 section 6.7 (3)).
func (q *quotedEncoder) close() error {
	if q.held != 0 {
		q.put(q.held, true)
		q.held = 0
	}
	return nil
}
