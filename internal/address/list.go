package address

import "strings"

// A Mailbox is one address of a list.
type Mailbox struct {
	// Address is the address without name, comments, folding and route; "" is
	// <>. It has no domain where the text had none.
	Address string
	// Start and End are where the address stands in the text, without its
	// angle brackets, so that it can be changed and all else kept.
	Start, End int
	// Word says that white space alone divides it from the name before or
	// after it, as in "root joe".
	Word bool
}

// A SyntaxError is a part of a list that is no address.
type SyntaxError struct {
	// Text is that part, shortened, fit to be shown.
	Text string
	// Why says what is wrong with it.
	Why string
}

func (e *SyntaxError) Error() string { return e.Text + "... " + e.Why }

// Shown is text fit to be printed on a terminal: at most 200 octets, and
// control characters as question marks.
func Shown(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || 0x7f <= r && r < 0xa0 {
			return '?'
		}
		return r
	}, text)
}

// ParseList reads an address list: commas (or semicolons) divide; names,
// comments, routes and groups are understood and set aside; the members of a
// group count, an empty group is nothing. What is no address is reported and
// the rest of the list is still read. Space and time are linear in the text,
// which the caller bounds.
func ParseList(text string) ([]Mailbox, []*SyntaxError) {
	p := parser{text: text}
	for p.pos < len(text) {
		p.element()
	}
	return p.list, p.bad
}

// Parse reads one address, as -f gives it; "" and <> are the null
// reverse-path, returned as "".
func Parse(text string) (string, error) {
	if strings.TrimSpace(text) == "" {
		return "", nil
	}
	list, bad := ParseList(text)
	switch {
	case len(bad) > 0:
		return "", bad[0]
	case len(list) != 1:
		return "", &SyntaxError{Shown(text), "this is not one address"}
	}
	return list[0].Address, nil
}

const (
	// MaxList bounds the addresses of one list.
	MaxList = 20000
	// maxNames bounds the names between two commas that white space alone
	// divides; more than that is a phrase or nonsense.
	maxNames = 1000
	// maxErrors bounds what is reported of one list.
	maxErrors = 100
	// maxRoute bounds a source route, so that a list of @ signs costs linear
	// time.
	maxRoute = 256
)

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
			if p.cur.at {
				p.fail("Invalid route address")
				return
			}
			p.pos++ // the name of a group ends here
			p.reset()
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

func (p *parser) reset() {
	p.begin, p.names, p.cur, p.glue = p.pos, p.names[:0], spec{}, false
}

// token reads one token at p.pos that means the same inside and outside of
// angle brackets. It is false after a failure.
func (p *parser) token() bool {
	switch c := p.text[p.pos]; c {
	case ' ', '\t', '\r', '\n':
		p.pos++
	case '(':
		end := skipComment(p.text, p.pos)
		if end < 0 {
			p.pos = len(p.text)
			p.fail("Unbalanced '('")
			return false
		}
		p.pos = end
	case '"':
		end := p.pos + closingQuote(p.text[p.pos:])
		if end-p.pos < 2 || p.text[end-1] != '"' {
			p.pos = len(p.text)
			p.fail(`Unbalanced '"'`)
			return false
		}
		p.word(unquote(p.text[p.pos+1:end-1]), end, true)
	case '[':
		end := strings.IndexByte(p.text[p.pos:], ']')
		if end < 0 {
			p.pos = len(p.text)
			p.fail("Unbalanced '['")
			return false
		}
		end += p.pos + 1
		p.literal(end)
	case '@':
		if p.cur.at {
			p.cur.why = "more than one @"
		}
		p.punctuation("")
		p.cur.at = true
	case '.':
		p.punctuation(".")
	case '\\': // \user: no aliases for that name
		p.pos++
		if p.pos < len(p.text) {
			p.word(p.text[p.pos:p.pos+1], p.pos+1, true)
			p.glue = true
		}
	default:
		end := p.pos + 1
		for end < len(p.text) && !special(p.text[end]) && p.text[end] != '.' {
			end++
		}
		p.word(p.text[p.pos:end], end, false)
	}
	return true
}

// word adds a word that ends at end, or begins the next name with it.
func (p *parser) word(content string, end int, quoted bool) {
	c := &p.cur
	if c.end > 0 && !p.glue {
		if len(p.names) < maxNames {
			p.names = append(p.names, *c)
		}
		*c = spec{}
	}
	if c.end == 0 {
		c.start = p.pos
	}
	if c.at {
		if quoted {
			c.why = "quotes cannot stand in a domain"
		}
		c.domain = join(c, c.domain, content)
	} else {
		c.local = join(c, c.local, content)
		c.quoted = c.quoted || quoted
	}
	p.pos, c.end, p.glue = end, end, false
}

func (p *parser) literal(end int) {
	if !p.cur.at {
		p.word(p.text[p.pos:end], end, true)
		return
	}
	p.word(p.text[p.pos:end], end, false)
}

// punctuation adds a dot or an @ (as ""), which glue the words beside them.
func (p *parser) punctuation(text string) {
	c := &p.cur
	if c.end == 0 {
		c.start = p.pos
	}
	if c.at {
		c.domain = join(c, c.domain, text)
	} else {
		c.local = join(c, c.local, text)
	}
	p.pos++
	c.end, p.glue = p.pos, true
}

// join appends within a bound that no address may pass, so that a long row of
// dots costs no more than linear time.
func join(c *spec, a, b string) string {
	if len(a)+len(b) > 2*MaxAddress {
		c.why = "the address is too long"
		return a
	}
	return a + b
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
			p.refuse("white space inside an address; put a comma between two addresses")
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
	if len(p.list) == MaxList {
		p.refuse("more than 20000 addresses in one list")
		p.pos = len(p.text)
		return
	}
	p.list = append(p.list, Mailbox{address, s.start, s.end, word})
}

// refuse reports the element under way.
func (p *parser) refuse(why string) {
	if len(p.bad) < maxErrors {
		p.bad = append(p.bad, &SyntaxError{Shown(p.text[p.begin:min(p.pos, len(p.text))]), why})
	}
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

// skipRoute passes over a source route "@a,@b:" (RFC 5322 section 4.4), which
// is to be ignored (RFC 5321 appendix C).
func (p *parser) skipRoute() bool {
	if p.pos+1 == len(p.text) || !domainOctet(p.text[p.pos+1]) {
		return false
	}
	for i := p.pos; i < min(len(p.text), p.pos+maxRoute); i++ {
		switch c := p.text[i]; c {
		case ':':
			p.pos = i + 1
			return true
		case '@', ',', '.', ' ', '\t', '\r', '\n':
		default:
			if !domainOctet(c) {
				return false
			}
		}
	}
	return false
}

// skipComment is the offset after the comment at i, or -1 where it does not
// end; comments nest.
func skipComment(text string, i int) int {
	depth := 0
	for ; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// unquote takes the content of a quoted string out of its quoting and
// folding.
func unquote(s string) string {
	if strings.IndexByte(s, '\\') < 0 && strings.IndexByte(s, '\n') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			b = append(b, s[i])
		case s[i] != '\r' && s[i] != '\n':
			b = append(b, s[i])
		}
	}
	return string(b)
}
