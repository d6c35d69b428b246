package dsn

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// originalPart is the message, which begins with start, or its header.
func (r *Report) originalPart(boundary string, start []byte) io.Reader {
	section := start[:sectionLength(start)]
	// A header in UTF-8 needs SMTPUTF8, or an encoding that a message/rfc822
	// may not have (RFC 6533 sections 4.2 to 4.5).
	global := r.UTF8 && !ascii(section) && utf8.Valid(section)
	kind := "text/rfc822-headers"
	var content io.Reader
	switch {
	case r.HeaderOnly && global:
		kind = "message/global-headers"
		content = bytes.NewReader(headerLines(section, r.International()))
	case r.HeaderOnly:
		content = bytes.NewReader(headerLines(section, false))
	default:
		kind = "message/rfc822"
		if global {
			kind = "message/global"
		}
		content = io.MultiReader(bytes.NewReader(start), r.Original)
	}
	encoding := ""
	switch {
	case global && !r.International():
		// Any server takes this.
		encoding = "\nContent-Transfer-Encoding: quoted-printable"
		if r.HeaderOnly {
			content = bytes.NewReader(section)
		}
		content = newQuoted(content)
	case global || !r.HeaderOnly:
		// 8bit is right for any lines of text; where all turns out to be ASCII
		// it does no harm.
		encoding = "\nContent-Transfer-Encoding: 8bit"
	}
	head := fmt.Sprintf("\n--%s\nContent-Type: %s%s\n\n", boundary, kind, encoding)
	return io.MultiReader(strings.NewReader(head), content)
}

// sectionLength is how much of text is the header at its start: up to the first
// blank line.
func sectionLength(text []byte) int {
	n := 0
	for line := range bytes.Lines(text) {
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
		n += len(line)
	}
	return n
}

// headerLines is a header fit for any server, or, with international, for any
// that takes SMTPUTF8: other octets that are not printable show as question
// marks, and lines are cut at the length of RFC 5322.
func headerLines(section []byte, international bool) []byte {
	var out []byte
	for line := range bytes.Lines(section) {
		line = bytes.TrimRight(line, "\r\n")
		line = bytes.Map(func(r rune) rune {
			if r != '\t' && (r < ' ' || r == 0x7f || r >= utf8.RuneSelf && !international) {
				return '?'
			}
			return r
		}, line[:min(len(line), longestLine)])
		out = append(append(out, bytes.ToValidUTF8(line, []byte("?"))...), '\n')
	}
	return out
}

// quotedMost is how long a line of quoted-printable may be, without the "=" of
// a soft line break (RFC 2045 section 6.7 (5)).
const quotedMost = 75

// quoted reads text in quoted-printable, line by line and in little memory. It
// is apart from package recode, which the sendmail shim has no need to link.
type quoted struct {
	in   *bufio.Reader
	out  []byte // encoded, and not read yet
	line int    // octets of the encoded line so far
}

func newQuoted(in io.Reader) *quoted { return &quoted{in: bufio.NewReader(in)} }

func (q *quoted) Read(p []byte) (int, error) {
	for len(q.out) < min(len(p), 4096) {
		c, err := q.in.ReadByte()
		if errors.Is(err, io.EOF) && len(q.out) > 0 {
			break
		}
		if err != nil {
			return 0, err
		}
		q.encode(c)
	}
	n := copy(p, q.out)
	q.out = append(q.out[:0], q.out[n:]...)
	return n, nil
}

func (q *quoted) encode(c byte) {
	next, _ := q.in.Peek(2)
	switch {
	case c == '\r' && len(next) > 0 && next[0] == '\n':
		return // the line end comes
	case c == '\n':
		q.out, q.line = append(q.out, '\n'), 0
		return
	}
	// White space at the end of a line gets lost.
	atEnd := len(next) == 0 || next[0] == '\n' || next[0] == '\r'
	word := q.word(c, atEnd)
	if q.line+len(word) > quotedMost {
		q.out, q.line = append(q.out, "=\n"...), 0
		word = q.word(c, atEnd)
	}
	q.out, q.line = append(q.out, word...), q.line+len(word)
}

// word is the octet itself, or its escape where it needs one at this place.
func (q *quoted) word(c byte, atEnd bool) string {
	const digits = "0123456789ABCDEF"
	escape := c < ' ' || c > '~' || c == '='
	switch {
	case c == ' ' || c == '\t':
		escape = atEnd
	case q.line == 0 && (c == '-' || c == '.' || c == 'F'):
		escape = true // a boundary, a lone dot, or "From " (RFC 2049 section 3)
	}
	if escape {
		return string([]byte{'=', digits[c>>4], digits[c&15]})
	}
	return string([]byte{c})
}
