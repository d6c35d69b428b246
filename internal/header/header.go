// Package header scans and edits the header section of a message that comes
// from outside: leniently, so that no odd line stops it, and octet for octet,
// so that a field nobody asked to change stays as it came.
package header

import (
	"bytes"
	"strings"
)

// maxName bounds a field name: with its colon it must fit a line of 998
// octets (RFC 5322 section 2.1.1).
const maxName = 997

// A Scan looks for the end of a header section in a buffer that grows. It
// looks at each octet once, in however small steps they come; the zero value
// is at the start.
type Scan struct {
	line   int  // where the line under way begins
	seen   int  // where to look on for its end
	shaped bool // it is known to be of a field
}

// End finds where the header section at the start of b ends: before the first
// blank line, or before the first line that is not shaped like "name:", which
// is the first line of the body. section is its length and blank that of the
// blank line (0 where there is none). ok is false where b is too short to
// tell: call again with more behind the same octets. eof says that nothing
// comes after b.
func (s *Scan) End(b []byte, eof bool) (section, blank int, ok bool) {
	for {
		if !s.shaped {
			switch shape(b[s.line:], s.line > 0, eof) {
			case undecided:
				return 0, 0, false
			case blankLF:
				return s.line, 1, true
			case blankCRLF:
				return s.line, 2, true
			case bodyLine:
				return s.line, 0, true
			}
			s.shaped, s.seen = true, s.line
		}
		end := bytes.IndexByte(b[s.seen:], '\n')
		if end < 0 {
			s.seen = len(b)
			return len(b), 0, eof
		}
		s.line, s.shaped = s.seen+end+1, false
	}
}

type lineShape uint8

const (
	undecided lineShape = iota
	fieldLine           // "name:", or the continuation of one
	blankLF
	blankCRLF
	bodyLine
)

// shape looks at a line that may be cut short at the end of what was read.
// continuable says that a field stands above.
func shape(line []byte, continuable, eof bool) lineShape {
	if len(line) == 0 {
		if eof {
			return bodyLine
		}
		return undecided
	}
	switch line[0] {
	case '\n':
		return blankLF
	case '\r':
		if len(line) == 1 && !eof {
			return undecided
		}
		if len(line) > 1 && line[1] == '\n' {
			return blankCRLF
		}
		return bodyLine
	case ' ', '\t':
		if continuable {
			return fieldLine
		}
		return bodyLine
	}
	colon, decided := nameEnd(line)
	switch {
	case colon > 0:
		return fieldLine
	case decided || eof:
		return bodyLine
	}
	return undecided
}

// nameEnd is the offset of the colon after a field name, white space before it
// allowed (RFC 5322 section 4.5.8); else 0, and whether more octets could
// change that. A line that begins with two hyphens is the boundary of a MIME
// part, colon or not.
func nameEnd(line []byte) (colon int, decided bool) {
	if len(line) > 1 && line[0] == '-' && line[1] == '-' {
		return 0, true
	}
	i := 0
	for i < len(line) && line[i] > ' ' && line[i] < 0x7f && line[i] != ':' {
		i++
	}
	if i == 0 || i > maxName {
		return 0, len(line) > 0
	}
	for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
		i++
	}
	if i < len(line) && line[i] == ':' {
		return i, true
	}
	return 0, i < len(line)
}

// A Field is one field as it came: name, colon, body with its folding, and
// line end (which only the last field of a message may lack).
type Field struct {
	Raw []byte
}

// New makes a field; body may be folded with eol, which is "\n" or "\r\n".
func New(name, body, eol string) Field {
	if body == "" {
		return Field{[]byte(name + ":" + eol)}
	}
	return Field{[]byte(name + ": " + body + eol)}
}

// Name is the name as it was written.
func (f Field) Name() string {
	return string(bytes.TrimRight(f.Raw[:f.colon()], " \t"))
}

// Is compares the name, in which case does not count.
func (f Field) Is(name string) bool {
	raw := f.Raw
	if len(raw) <= len(name) || raw[0]|0x20 != name[0]|0x20 {
		return false
	}
	return strings.EqualFold(string(bytes.TrimRight(raw[:f.colon()], " \t")), name)
}

func (f Field) colon() int { return max(0, bytes.IndexByte(f.Raw, ':')) }

// Body is what stands between the colon and the line end, folding included.
func (f Field) Body() []byte {
	return f.Raw[min(f.colon()+1, len(f.Raw)) : len(f.Raw)-f.eol()]
}

// eol is the length of the field's line end.
func (f Field) eol() int {
	switch {
	case bytes.HasSuffix(f.Raw, []byte("\r\n")):
		return 2
	case bytes.HasSuffix(f.Raw, []byte("\n")):
		return 1
	}
	return 0
}

// Text is the body unfolded, without the white space around it.
func (f Field) Text() string {
	body := bytes.TrimSpace(f.Body())
	if bytes.IndexByte(body, '\n') < 0 {
		return string(body)
	}
	text := make([]byte, 0, len(body))
	for i, c := range body {
		if c == '\n' || c == '\r' && i+1 < len(body) && body[i+1] == '\n' {
			continue
		}
		text = append(text, c)
	}
	return string(text)
}

// WithBody is the field with another body, which comes after the colon as it
// is; name and line end stay.
func (f Field) WithBody(body []byte) Field {
	head, tail := f.Raw[:f.colon()+1], f.Raw[len(f.Raw)-f.eol():]
	raw := make([]byte, 0, len(head)+len(body)+len(tail))
	raw = append(raw, head...)
	raw = append(raw, body...)
	return Field{append(raw, tail...)}
}
