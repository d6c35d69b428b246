package address

import "strings"

type parser struct {
	text string
	pos  int
	list []Mailbox
	bad  []*SyntaxError

	// The element under way.
	begin int // where it begins
	names []spec
	cur   spec
	glue  bool // the last token was a dot or an @: the next word belongs to it
}

// A spec is an address under way.
type spec struct {
	local, domain string
	at, quoted    bool
	why           string // what is wrong with it
	start, end    int
}

// element reads up to and over the next comma or semicolon.
func (p *parser) element() {
	p.reset()
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; c {
		case ',', ';':
			p.finish()
			p.pos++
			return
		case ':':
			if !p.groupName() {
				return
			}
		case '<':
			p.angle()
			return
		case '>', ')':
			p.fail("Unbalanced '" + string(c) + "'")
			return
		case '@':
			if p.cur.start == p.cur.end && p.skipRoute() {
				continue
			}
			p.token()
		default:
			if !p.token() {
				return
			}
		}
	}
	p.finish()
}

// groupName takes what stands before a colon as the name of a group, and so
// for nobody's address. It is false after a failure: a recipient must not be
// lost because the comma after it is missing.
func (p *parser) groupName() bool {
	for _, n := range p.names {
		if n.at {
			p.fail(noComma)
			return false
		}
	}
	if p.cur.at {
		p.fail("Invalid route address")
		return false
	}
	p.pos++
	p.reset()
	return true
}

func (p *parser) reset() {
	p.begin, p.names, p.cur, p.glue = p.pos, p.names[:0], spec{}, false
}

// angle reads <address> and what may follow it up to the comma.
func (p *parser) angle() {
	p.names, p.cur, p.glue = p.names[:0], spec{}, false
	p.pos++
	open := p.pos
	for p.pos < len(p.text) && p.text[p.pos] != '>' {
		switch c := p.text[p.pos]; c {
		case '@':
			if p.cur.end == 0 && p.skipRoute() {
				continue
			}
			p.token()
		case ',', '<', ';', ')', ':':
			if c == ':' || c == ';' {
				p.cur.why, p.glue = "Colon not permitted", true
				p.pos++
				continue
			}
			p.fail("Unbalanced '<'")
			return
		default:
			if !p.token() {
				return
			}
		}
	}
	if p.pos == len(p.text) {
		p.fail("Unbalanced '<'")
		return
	}
	if len(p.names) > 0 && p.cur.why == "" {
		p.cur.why = "white space inside an address"
	}
	box := p.cur
	if box.end == 0 {
		box.start, box.end = open, p.pos
	}
	p.pos++
	p.afterAngle(box)
}

func (p *parser) afterAngle(box spec) {
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case ',', ';':
			p.add(box, false)
			p.pos++
			return
		case ' ', '\t', '\r', '\n', '(':
			if !p.token() {
				return
			}
		default:
			p.fail("text after '>'; put a comma between two addresses")
			return
		}
	}
	p.add(box, false)
}

const noComma = "white space inside an address; put a comma between two addresses"

// finish takes an element that had no angle brackets.
func (p *parser) finish() {
	if p.cur.end == 0 {
		return
	}
	if len(p.names) == 0 {
		p.add(p.cur, false)
		return
	}
	p.names = append(p.names, p.cur)
	names := p.names
	for _, n := range names {
		if n.at || n.why != "" || len(names) > maxNames {
			p.refuse(noComma)
			return
		}
	}
	for _, n := range names {
		p.add(n, true)
	}
}

// add takes an address that is whole, or says what it lacks.
func (p *parser) add(s spec, word bool) {
	s.domain = strings.TrimSuffix(s.domain, ".") // "example.org." is the same host
	switch {
	case s.why != "":
	case s.at && s.domain == "":
		s.why = "Hostname required"
	case s.at && s.local == "" && !s.quoted:
		s.why = "User address required"
	}
	if s.why != "" {
		p.refuse(s.why)
		return
	}
	address := s.local
	if s.quoted {
		address = Quote(address)
	}
	if s.at {
		address += "@" + s.domain
	}
	p.list = append(p.list, Mailbox{address, s.start, s.end, word})
}

// refuse reports the element under way.
func (p *parser) refuse(why string) {
	p.bad = append(p.bad, &SyntaxError{Shown(p.text[p.begin:min(p.pos, len(p.text))]), why})
}

// fail reports the element and goes on after the next comma.
func (p *parser) fail(why string) {
	if i := strings.IndexByte(p.text[p.pos:], ','); i >= 0 {
		p.pos += i
	} else {
		p.pos = len(p.text)
	}
	p.refuse(why)
	p.pos++
}
