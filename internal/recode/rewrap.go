package recode

import (
	"bufio"
	"encoding/base64"
	"io"
)

// cannotRewrap refuses a part that claims an encoding and breaks its rules.
func cannotRewrap(what string) error {
	return &Impossible{
		What: "a part labelled " + what + ", which cannot be mended without a guess at what was meant",
		Do:   "send it again from a mail program that encodes it properly",
	}
}

// A quotedWrapper wraps quoted-printable text again that has lines too long,
// or octets that should have been escaped. What it decodes to stays the same.
type quotedWrapper struct {
	quotedLine
	spaces []byte // may be the end of the line, which decodes to nothing
	escape [2]byte
	seen   int  // octets of an escape seen, "=" included; 0 outside of one
	soft   bool // "=" and white space seen: only a line end may come
}

const maxSpaces = 64 << 10 // white space held back

func (q *quotedWrapper) text(b []byte) error {
	for _, c := range b {
		if err := q.octet(c); err != nil {
			return err
		}
	}
	return nil
}

func (q *quotedWrapper) octet(c byte) error {
	switch {
	case q.seen == 1 && blank(c):
		q.soft = true
		return nil
	case q.soft, q.seen > 0 && !isHex(c):
		return cannotRewrap(`quoted-printable has a "=" that begins no escape`)
	case q.seen > 0:
		q.escape[q.seen-1] = c
		if q.seen++; q.seen == 3 {
			q.room(3)
			q.line = append(append(q.line, '='), q.escape[:]...)
			q.seen = 0
		}
		return nil
	case c == '\r': // readers differ on whether it is content
		return cannotRewrap("quoted-printable has a CR without LF")
	case blank(c):
		if len(q.spaces) == maxSpaces {
			return cannotRewrap("quoted-printable has a line of white space only that is over 64 KiB")
		}
		q.spaces = append(q.spaces, c)
		return nil
	}
	for _, s := range q.spaces {
		q.put(s, false)
	}
	q.spaces = q.spaces[:0]
	if c == '=' {
		q.seen = 1
		return nil
	}
	q.put(c, false)
	return nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' || 'a' <= c && c <= 'f'
}

func (q *quotedWrapper) lineEnd(e lineEnd) error {
	if e == open {
		return nil
	}
	if err := q.endLine(); err != nil {
		return err
	}
	q.hardBreak()
	return nil
}

func (q *quotedWrapper) close() error {
	err := q.endLine()
	q.flush()
	return err
}

// endLine ends a line: white space there is padding (RFC 2045 section 6.7 (3))
// and stays only where the line has room for it.
func (q *quotedWrapper) endLine() error {
	switch {
	case q.seen == 1:
		q.line = append(q.line, '=')
	case q.seen > 1:
		return cannotRewrap(`quoted-printable has a "=" that begins no escape`)
	case len(q.line)+len(q.spaces) <= quotedMax:
		q.line = append(q.line, q.spaces...)
	}
	q.spaces, q.seen, q.soft = q.spaces[:0], 0, false
	return nil
}

// A base64Wrapper puts line ends into base64 lines that are too long; readers
// pass over them (RFC 2045 section 6.8), as over a CR alone.
type base64Wrapper struct {
	out *bufio.Writer
	n   int
	cut bool // the line begins where none began before
}

func (w *base64Wrapper) text(b []byte) error {
	for _, c := range b {
		switch {
		case c == 0 || c >= 0x80:
			return cannotRewrap("base64 has octets that are not base64")
		case c == '\r' && w.n == 0:
			continue
		case c == '\r' || w.n == base64Line:
			w.lineBreak()
			w.cut = true
			if c == '\r' {
				continue
			}
		}
		if c == '-' && w.n == 0 && w.cut {
			return cannotRewrap("base64 has a long line that is not base64") // it might become a boundary
		}
		w.out.WriteByte(c)
		w.n++
	}
	return nil
}

func (w *base64Wrapper) lineBreak() {
	w.out.WriteString("\r\n")
	w.n, w.cut = 0, false
}

func (w *base64Wrapper) lineEnd(e lineEnd) error {
	if e != open {
		w.lineBreak()
	}
	return nil
}

func (*base64Wrapper) close() error { return nil }

// base64Line is the length of a line (RFC 2045 section 6.8).
const base64Line = 76

// A base64Encoder writes content in base64. The buffer spares the encoder from
// short lines.
type base64Encoder struct {
	in    *bufio.Writer // writes to enc
	enc   io.WriteCloser
	exact bool // line ends as they came, otherwise CRLF (RFC 2049 section 4)
}

func newBase64Encoder(out *bufio.Writer, exact bool) *base64Encoder {
	enc := base64.NewEncoder(base64.StdEncoding, &base64Lines{out: out})
	return &base64Encoder{in: bufio.NewWriter(enc), enc: enc, exact: exact}
}

func (e *base64Encoder) text(b []byte) error {
	_, err := e.in.Write(b)
	return err
}

func (e *base64Encoder) lineEnd(end lineEnd) error {
	if !e.exact && end == lf {
		end = crlf
	}
	_, err := e.in.WriteString(end.raw())
	return err
}

func (e *base64Encoder) close() error {
	if err := e.in.Flush(); err != nil {
		return err
	}
	return e.enc.Close()
}

// base64Lines cuts the encoder's output into lines.
type base64Lines struct {
	out *bufio.Writer
	n   int
}

func (w *base64Lines) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 {
		if w.n == base64Line {
			w.out.WriteString("\r\n")
			w.n = 0
		}
		n := min(base64Line-w.n, len(p))
		if _, err := w.out.Write(p[:n]); err != nil {
			return 0, err
		}
		w.n += n
		p = p[n:]
	}
	return written, nil
}
