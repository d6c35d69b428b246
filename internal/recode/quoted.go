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
	out  *bufio.Writer
	line []byte
}

func newQuotedLine(out *bufio.Writer) quotedLine {
	return quotedLine{out: out, line: make([]byte, 0, quotedMax+len("=\r\n"))}
}

// put writes one octet of the content, after a soft line break if need be.
func (q *quotedLine) put(c byte, escape bool) {
	escape = escape || c == '=' || c > '~' || c < ' ' && c != '\t'
	size := 1
	if escape {
		size = 3
	}
	if q.room(size) && (c == '-' || c == '.' || c == 'F') { // see startsBadly
		escape = true
	}
	if escape {
		q.line = append(q.line, '=', hexDigits[c>>4], hexDigits[c&15])
	} else {
		q.line = append(q.line, c)
	}
}

// room makes room for octets that stay together; true says that it took a soft
// line break.
func (q *quotedLine) room(size int) bool {
	if len(q.line)+size < quotedMax {
		return false
	}
	q.line = append(q.line, '=')
	q.hardBreak()
	return true
}

func (q *quotedLine) hardBreak() {
	q.line = append(q.line, "\r\n"...)
	q.flush()
}

func (q *quotedLine) flush() {
	q.out.Write(q.line)
	q.line = q.line[:0]
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
	q.endLine()
	q.hardBreak()
	q.first = true
	return nil
}

func (q *quotedEncoder) close() error {
	q.endLine()
	q.flush()
	return nil
}

// endLine escapes white space at the end of a line (RFC 2045 section 6.7 (3)).
func (q *quotedEncoder) endLine() {
	if q.held != 0 {
		q.put(q.held, true)
		q.held = 0
	}
}
