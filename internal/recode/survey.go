package recode

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// A form is what becomes of the body of a part.
type form uint8

const (
	asIs form = iota
	toQuoted
	toBase64      // lines, with CRLF line ends
	toBase64Exact // octets
	rewrapQuoted
	rewrapBase64
)

// base64 says that the form is newly encoded in base64.
func (f form) base64() bool { return f == toBase64 || f == toBase64Exact }

// A part is a header section and the body behind it: the message, a body part
// or an embedded message. Bodies that hold other parts are asIs.
type part struct {
	parent          int   // index, -1 for the message
	head, body, end int64 // offsets of header, body, and the body's end
	label           label
	message         bool // has a message's header, so MIME-Version belongs in it
	hasVersion      bool

	form          form
	convertFields bool   // some header fields are unfit
	newLabel      string // for Content-Transfer-Encoding, or "" to leave it
	addVersion    bool
	charset       string // of a Content-Type field to be added, or ""
}

// rewritesHead says that the header section changes.
func (p *part) rewritesHead() bool { return p.convertFields || p.newLabel != "" || p.addVersion }

// A place is where the first reading is.
type place struct {
	parent  int
	depth   int
	number  string // "1.2", "" for the message itself
	message bool
	digest  bool // the default type is message/rfc822 (RFC 2046 section 5.1.5)
}

// A delimiter is the line that ended a part: the boundary of which multipart
// (index from the outside), or -1 for the end of the message.
type delimiter struct {
	level   int
	closing bool
}

var endOfMessage = delimiter{level: -1}

type surveyor struct {
	in         *scanner
	need       Need
	boundaries []string // of the multiparts around the current line
	parts      []part
	head       []byte // the current header section
	// blind says why nothing more is taken apart; "" while all is well.
	blind string
}

// survey is the first reading. It returns nil when nothing has to change.
func survey(src source, need Need) ([]part, error) {
	s := &surveyor{in: newScanner(src), need: need}
	if _, err := s.part(place{parent: -1, message: true}); err != nil {
		return nil, err
	}
	return s.settle(), nil
}

// next reads a piece of a line; hit says that it is a delimiter, or the end.
func (s *surveyor) next() (d delimiter, hit bool, err error) {
	ok, err := s.in.next()
	if err != nil {
		return d, false, fmt.Errorf("reading the message: %w", err)
	}
	if !ok {
		return endOfMessage, true, nil
	}
	text := s.in.text
	if !s.in.first || !s.in.last || len(text) < 3 || text[0] != '-' || text[1] != '-' || s.blind != "" {
		return d, false, nil
	}
	// White space behind a boundary is padding (RFC 2046 section 5.1.1). The
	// innermost multipart comes first, the outer ones end it.
	text = bytes.TrimRight(text[2:], " \t")
	for level := len(s.boundaries) - 1; level >= 0; level-- {
		rest, ok := bytes.CutPrefix(text, []byte(s.boundaries[level]))
		if !ok || len(rest) != 0 && string(rest) != "--" {
			continue
		}
		if s.need.ShortLines && len(s.in.text) > maxLine {
			return d, false, &Impossible{
				What: "a boundary line is over 998 octets, which a server without BINARYMIME cannot take, and it cannot be folded",
				Do:   "send the message again from a mail program that writes MIME properly",
			}
		}
		return delimiter{level, len(rest) != 0}, true, nil
	}
	return d, false, nil
}

// part reads one part, up to and with the delimiter that ends it.
func (s *surveyor) part(at place) (delimiter, error) {
	if len(s.parts) == maxParts {
		s.blind = fmt.Sprintf("it has more than %d parts", maxParts)
	}
	if s.blind != "" {
		return s.opaque(at, s.blind)
	}
	me := len(s.parts)
	s.parts = append(s.parts, part{parent: at.parent, head: s.in.pos, message: at.message})
	d, ended, err := s.header()
	if err != nil {
		return d, err
	}
	if err := s.fields(at, &s.parts[me]); err != nil {
		return d, err
	}
	if s.blind != "" {
		return s.opaque(at, s.blind)
	}
	m := mediaOf(s.head)
	p := &s.parts[me]
	p.body, p.end = s.in.pos, s.in.pos
	p.label, p.hasVersion = m.label, m.hasVersion
	if ended {
		return d, nil
	}
	if m.mediaType == "" && !m.hasType && at.digest {
		m.mediaType = "message/rfc822"
	}
	return s.body(at, me, m)
}

// header reads a header section into s.head; ended says that the part has no
// body.
func (s *surveyor) header() (d delimiter, ended bool, err error) {
	s.head = s.head[:0]
	for {
		d, hit, err := s.next()
		if err != nil || hit {
			return d, hit, err
		}
		if s.in.first && s.in.last && len(s.in.text) == 0 {
			return d, false, nil
		}
		s.head = append(s.head, s.in.text...)
		if s.in.end != open {
			s.head = append(s.head, '\n')
		}
		if len(s.head) > maxHeader {
			s.blind = "its header is larger than 1 MiB"
			return d, false, nil
		}
	}
}

// fields tries the conversion of every field that needs one.
func (s *surveyor) fields(at place, p *part) error {
	if !measure(s.head).unfit(s.need) {
		return nil
	}
	if s.blind != "" {
		return s.impossible(at.String(), measure(s.head), s.blind)
	}
	for f := range fields(s.head) {
		d := measure(f.raw)
		if !d.unfit(s.need) {
			continue
		}
		p.convertFields = true
		if _, err := convertField(f, s.need); err != nil {
			return s.impossibleField(at, f, d, err)
		}
	}
	return nil
}

// body reads what is behind a header section.
func (s *surveyor) body(at place, me int, m media) (delimiter, error) {
	multipart := strings.HasPrefix(m.mediaType, "multipart/")
	embedded := m.mediaType == "message/rfc822"
	why := ""
	switch {
	case m.odd:
		why = "a line of its header is not a field, so readers differ on where its body begins"
	case m.ambiguous:
		why = "its Content-Type fields contradict each other"
	case m.mediaType == "multipart/signed":
		why = "to encode it would break its signature"
	case m.label == unknownLabel:
		why = "its Content-Transfer-Encoding is unknown or contradicts itself"
	case (multipart || embedded) && !m.label.identity():
		why = "its Content-Transfer-Encoding is one that its Content-Type forbids"
	case multipart && m.boundary == "":
		why = "it has no usable boundary between its parts"
	case (multipart || embedded) && at.depth == maxDepth:
		why = fmt.Sprintf("it is more than %d levels deep", maxDepth)
	case !multipart && !embedded && !mayBeEncoded(m.mediaType):
		why = "a part of that type may not be encoded"
	case multipart:
		return s.multipart(at, me, m)
	case embedded:
		return s.part(place{parent: me, depth: at.depth + 1, number: at.number, message: true})
	default:
		return s.leaf(at, me, m)
	}
	return s.opaque(at.typed(m.mediaType), why)
}

func (s *surveyor) multipart(at place, me int, m media) (delimiter, error) {
	level := len(s.boundaries)
	s.boundaries = append(s.boundaries, m.boundary)
	d, err := s.opaque(at.typed(m.mediaType), "the text before its first part has no place for an encoding")
	inner := place{parent: me, depth: at.depth + 1, digest: m.mediaType == "multipart/digest"}
	for n := 1; err == nil && d.level == level && !d.closing; n++ {
		inner.number = strings.TrimPrefix(fmt.Sprintf("%s.%d", at.number, n), ".")
		d, err = s.part(inner)
	}
	s.boundaries = s.boundaries[:level]
	if err != nil || d.level != level {
		return d, err
	}
	return s.opaque(at.typed(m.mediaType), "the text behind its last part has no place for an encoding")
}

// opaque reads what cannot be encoded, for the reason why.
func (s *surveyor) opaque(at place, why string) (delimiter, error) {
	var b body
	d, err := s.read(&b)
	if err == nil && b.unfit(s.need) {
		err = s.impossible(at.String(), b.dirt, why)
	}
	return d, err
}

// leaf reads a body that can be encoded, or is, and decides its form.
func (s *surveyor) leaf(at place, me int, m media) (delimiter, error) {
	b := body{wantText: at.message && !m.hasType}
	d, err := s.read(&b)
	if err != nil {
		return d, err
	}
	p := &s.parts[me]
	p.end = b.end
	text := m.mediaType == "" || strings.HasPrefix(m.mediaType, "text/")
	p.form = b.form(m.label, text, s.need)
	if b.wantText && (p.form == toQuoted || p.form.base64()) {
		p.charset = b.charset()
	}
	return d, nil
}

// A body is what the first reading finds out about one.
type body struct {
	dirt
	octets   int64 // without line ends
	loneLF   bool  // a line of the content ends in LF alone
	end      int64
	wantText bool // find out whether it is UTF-8
	notUTF8  bool
	tail     []byte // the beginning of a character, from the piece before
}

func (s *surveyor) read(b *body) (delimiter, error) {
	b.end = s.in.pos
	line, before := 0, crlf
	for {
		d, hit, err := s.next()
		if err != nil {
			return d, err
		}
		if hit {
			if d == endOfMessage {
				b.end = s.in.pos
				b.loneLF = b.loneLF || before == lf
			}
			return d, nil
		}
		// A line end before a delimiter belongs to that (RFC 2046 section
		// 5.1.1), so it is known to be content only now.
		b.loneLF = b.loneLF || s.in.first && before == lf
		if s.in.first {
			line = 0
		}
		line = min(line+len(s.in.text), maxLine+1)
		b.long = b.long || line > maxLine
		b.octets += int64(len(s.in.text))
		high := b.high
		b.add(s.in.text)
		if b.wantText && !b.notUTF8 && (b.high != high || len(b.tail) > 0) {
			b.checkUTF8(s.in.text, s.in.last)
		}
		b.end, before = s.in.textEnd(), s.in.end
	}
}

func (b *body) checkUTF8(text []byte, last bool) {
	text = append(b.tail, text...)
	b.tail = nil
	if !last {
		for n := 1; n <= min(utf8.UTFMax-1, len(text)); n++ {
			rest := text[len(text)-n:]
			if utf8.RuneStart(rest[0]) {
				if !utf8.FullRune(rest) {
					text, b.tail = text[:len(text)-n], rest
				}
				break
			}
		}
	}
	b.notUTF8 = !utf8.Valid(text)
}

func (b *body) charset() string {
	switch {
	case b.high == 0:
		return "us-ascii"
	case b.notUTF8:
		return "unknown-8bit" // RFC 1428 section 3
	}
	return "utf-8"
}

// form decides what becomes of the body.
func (b *body) form(l label, text bool, n Need) form {
	unfit := b.unfit(n)
	switch {
	case l == quotedPrintable && unfit:
		return rewrapQuoted
	case l == base64Label && unfit:
		return rewrapBase64
	case !l.identity():
		return asIs
	case l == binaryLabel && !text && (unfit || b.loneLF):
		return toBase64Exact
	case !unfit:
		return asIs
	case l == binaryLabel && b.nul:
		return toBase64Exact // such as UTF-16, where an LF octet is no line end
	case text && b.high*10 <= b.octets*3:
		return toQuoted
	}
	return toBase64
}
