package address

import "strings"

const (
	// maxNames bounds the names between two commas that white space alone
	// divides; more than that is a phrase or nonsense.
	maxNames = 1000
	// maxRoute bounds a source route, so that a list of @ signs costs linear
	// time.
	maxRoute = 256
)

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
		if p.pos+1 == len(p.text) {
			p.pos++
			break
		}
		p.word(p.text[p.pos+1:p.pos+2], p.pos+2, true)
		p.glue = true
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
