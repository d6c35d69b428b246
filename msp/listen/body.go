package listen

import (
	"io"
	"strings"

	"github.com/emersion/go-smtp"
)

// A scanner looks at the octets of one message as they come off the wire.
// go-smtp's reader lets bare CR, bare LF and NUL pass, and other servers take
// different octets for the end of a message (RFC 5321 section 2.3.8, 4.1.1.4),
// so a message that holds one could hide a second message: it is refused.
type scanner struct {
	window uint64 // the last octets, the youngest lowest
	lines  int    // whole lines so far
	size   int64  // octets so far, without dots that stuffing added
}

// The octets that end a message, and those that stand before its first.
const (
	endOfData   = '\r'<<32 | '\n'<<24 | '.'<<16 | '\r'<<8 | '\n'
	fiveOctets  = 1<<40 - 1
	startOfLine = '\r'<<8 | '\n'
)

func (s *scanner) previous() byte { return byte(s.window) }

// next takes one octet and says what is wrong with it, or "".
func (s *scanner) next(c byte) (wrong string) {
	before := s.previous()
	switch {
	case c == 0:
		wrong = "a NUL octet"
	case before == '\r' && c != '\n':
		wrong = "a bare CR"
	case before != '\r' && c == '\n':
		wrong = "a bare LF"
	case c == '\n':
		s.lines++
	}
	s.window = s.window<<8 | uint64(c)
	s.size++
	return wrong
}

// nextStuffed is next for a DATA body, whose size is without added dots.
func (s *scanner) nextStuffed(c byte) (wrong string) {
	if c == '.' && s.window&0xffff == startOfLine {
		s.size--
	}
	return s.next(c)
}

// ended says that CRLF.CRLF is whole.
func (s *scanner) ended() bool { return s.window&fiveOctets == endOfData }

// ambiguous says that the last octets are a line of one dot to some server,
// but not the end of a message by RFC 5321. It is asked for a spoiled message.
func (s *scanner) ambiguous() bool {
	last, dot, first := byte(s.window), byte(s.window>>8), byte(s.window>>16)
	if lineEnd(last) && dot == '.' && lineEnd(first) {
		strict := last == '\r' && first == '\n' && byte(s.window>>24) == '\r'
		return !strict
	}
	// CRLF . CR with no LF after it
	return dot == '\r' && last != '\n' && first == '.' && lineEnd(byte(s.window>>24))
}

func lineEnd(c byte) bool { return c == '\r' || c == '\n' }

func (s *scanner) spoiled(what string) *smtp.SMTPError {
	return refuse(554, smtp.EnhancedCode{5, 6, 0}, "Line %d of the message has %s; nothing was queued", s.lines+1, what)
}

// startBody follows the reply to DATA. A client that did not wait for a
// refusal has sent its message, or is about to: what comes then must not run
// as commands. One on standard input may be a script that never waits.
func (g *guard) startBody(accepted bool) {
	if accepted {
		g.phase, g.text = body, scanner{window: startOfLine}
		return
	}
	g.failed = true
	if g.lenient || g.in.Buffered() > 0 {
		_ = g.cut("421 4.7.0 DATA was refused and what follows could be a message; closing the connection")
	}
}

// readBody hands over octets of a body that are right so far. At the first
// wrong one it reads the rest away and returns the refusal, so that neither
// go-smtp nor the spool ever sees the end of a body that is refused.
func (g *guard) readBody(p []byte) (n int, err error) {
	if _, err := g.in.Peek(1); err != nil {
		return 0, g.lost(err)
	}
	came, _ := g.in.Peek(g.in.Buffered())
	used, wrong := 0, ""
	for used < len(came) && n+2 <= len(p) && wrong == "" && !g.text.ended() {
		c := came[used]
		used++
		if g.addCR(c) {
			g.text.nextStuffed('\r')
			p[n], n = '\r', n+1
		}
		wrong = g.text.nextStuffed(c)
		p[n], n = c, n+1
	}
	_, _ = g.in.Discard(used) // they are in the buffer
	if wrong != "" {
		return 0, g.skipBody(g.text.spoiled(wrong))
	}
	if g.text.ended() {
		g.phase = spent
		g.text.size -= 2 // the CRLF after the dot
	}
	if g.text.size > g.limits.MaxSize+2 || g.phase == spent && g.text.size > g.limits.MaxSize {
		return 0, g.skipBody(g.tooBig())
	}
	return n, nil
}

// addCR says that c is an LF that ends a line where LF may.
func (g *guard) addCR(c byte) bool {
	return g.lfBody && c == '\n' && g.text.previous() != '\r'
}

func (g *guard) tooBig() *smtp.SMTPError {
	return refuse(552, smtp.EnhancedCode{5, 3, 4}, "The message is too big: the limit is %d octets; nothing was queued", g.limits.MaxSize)
}

// skipBody reads a refused body to its end. Where that end is in doubt, or
// does not come, the connection ends instead.
func (g *guard) skipBody(why *smtp.SMTPError) error {
	for skipped := int64(0); g.phase == body; skipped++ {
		switch {
		case g.text.ended():
			g.phase = spent
			continue
		case g.text.ambiguous() || skipped > g.limits.MaxSize:
			return g.cut(replyLine(why) + "; closing the connection")
		}
		c, err := g.in.ReadByte()
		if err != nil {
			return g.lost(err)
		}
		if g.addCR(c) {
			g.text.nextStuffed('\r')
		}
		g.text.nextStuffed(c)
	}
	g.refusal = why
	return g.refusal
}

// startChunk lets go-smtp have a BDAT. For the first of a message it runs Data
// in a goroutine of its own; if the message is broken off, a later one can be
// given the result of this Data, so the connection ends then.
func (g *guard) startChunk(args []string, n int64) bool {
	g.phase, g.left = spent, n
	if n > 0 {
		g.phase = chunk
	}
	if g.begun == nil {
		g.begun = make(chan struct{})
	}
	return g.forward("BDAT " + strings.Join(args, " "))
}

// dataBegun is called by the session when go-smtp runs Data.
func (g *guard) dataBegun() {
	if g.begun != nil {
		close(g.begun)
	}
}

// readChunk is readBody for a chunk of BDAT, whose end is counted. It waits
// for Data to have begun: go-smtp panics if the session ends before that.
func (g *guard) readChunk(p []byte) (int, error) {
	<-g.begun
	n, err := g.in.Read(p[:min(int64(len(p)), g.left)])
	if err != nil {
		return 0, g.lost(err)
	}
	g.left -= int64(n)
	for _, c := range p[:n] {
		if wrong := g.text.next(c); wrong != "" {
			return 0, g.skipChunk(g.text.spoiled(wrong))
		}
	}
	if g.left == 0 {
		if g.cmd.last && g.text.previous() == '\r' {
			return 0, g.skipChunk(g.text.spoiled("a bare CR"))
		}
		g.phase = spent
	}
	return n, nil
}

func (g *guard) skipChunk(why *smtp.SMTPError) error {
	if !g.discard(g.left) {
		return errCut
	}
	g.phase, g.refusal = spent, why
	return g.refusal
}

// discard reads n octets away. It is false if the connection ended first.
func (g *guard) discard(n int64) bool {
	if _, err := io.CopyN(io.Discard, g.in, n); err != nil {
		_ = g.lost(err)
		return false
	}
	return true
}
