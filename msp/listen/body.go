package listen

import (
	"io"
	"strings"

	"github.com/emersion/go-smtp"

	"mailcrane/internal/syntax"
)

// spoiled refuses a message that could hide another.
func (g *guard) spoiled(what string) *smtp.SMTPError {
	return refuse(554, smtp.EnhancedCode{5, 6, 0}, "Line %d of the message has %s; nothing was queued", g.text.Lines+1, what)
}

// startBody follows the reply to DATA. A client that did not wait for a
// refusal has sent its message, or is about to: what comes then must not run
// as commands. One on standard input may be a script that never waits.
func (g *guard) startBody(accepted bool) {
	if accepted {
		g.phase, g.text = body, syntax.AfterLines(0)
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
	for used < len(came) && n+2 <= len(p) && wrong == "" && !g.text.Ended() {
		c := came[used]
		used++
		if g.addCR(c) {
			g.text.NextStuffed('\r')
			p[n], n = '\r', n+1
		}
		wrong = g.text.NextStuffed(c)
		p[n], n = c, n+1
	}
	_, _ = g.in.Discard(used) // they are in the buffer
	if wrong != "" {
		return 0, g.skipBody(g.spoiled(wrong))
	}
	if g.text.Ended() {
		g.phase = spent
		g.text.Size -= 2 // the CRLF after the dot
	}
	if g.text.Size > g.limits.MaxSize+2 || g.phase == spent && g.text.Size > g.limits.MaxSize {
		return 0, g.skipBody(g.tooBig())
	}
	return n, nil
}

// addCR says that c is an LF that ends a line where LF may.
func (g *guard) addCR(c byte) bool {
	return g.lfBody && c == '\n' && g.text.Previous() != '\r'
}

func (g *guard) tooBig() *smtp.SMTPError {
	return refuse(552, smtp.EnhancedCode{5, 3, 4}, "The message is too big: the limit is %d octets; nothing was queued", g.limits.MaxSize)
}

// skipBody reads a refused body to its end. Where that end is in doubt, or
// does not come, the connection ends instead.
func (g *guard) skipBody(why *smtp.SMTPError) error {
	for skipped := int64(0); g.phase == body; skipped++ {
		switch {
		case g.text.Ended():
			g.phase = spent
			continue
		case g.text.Ambiguous() || skipped > g.limits.MaxSize:
			return g.cut(replyLine(why) + "; closing the connection")
		}
		c, err := g.in.ReadByte()
		if err != nil {
			return g.lost(err)
		}
		if g.addCR(c) {
			g.text.NextStuffed('\r')
		}
		g.text.NextStuffed(c)
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
		if wrong := g.text.Next(c); wrong != "" {
			return 0, g.skipChunk(g.spoiled(wrong))
		}
	}
	if g.left == 0 {
		if g.cmd.last && g.text.Previous() == '\r' {
			return 0, g.skipChunk(g.spoiled("a bare CR"))
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
