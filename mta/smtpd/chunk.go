package smtpd

import (
	"errors"
	"strconv"
	"strings"

	"github.com/emersion/go-smtp"

	"mailcrane/internal/syntax"
)

// mostDiscarded is the largest chunk, in octets, that is read away when it is
// refused; the connection ends at a larger one.
const mostDiscarded = 64 << 20

// errBroken is a message in chunks that the client did not finish.
var errBroken = errors.New("the message was broken off")

// A bdat is the command (RFC 3030 section 2).
type bdat struct {
	size int64
	last bool
}

// bdat answers BDAT. Its chunk follows whatever the answer is, so it is read
// away with every refusal.
func (d *dialogue) bdat(rest string) {
	b, bad, ok := d.chunk(rest)
	if !ok {
		return
	}
	switch {
	case !d.tx.begun:
		bad = refusal(503, 5, 0, 0, "Need MAIL command")
	case d.tx.rcpts == 0:
		bad = refusal(503, 5, 0, 0, "Need RCPT (recipient)")
	case bad != nil:
	case d.tx.limit > 0 && b.size > d.tx.limit:
		bad = d.tooLarge(b.size)
	default:
		if err := d.session.Body(); err != nil {
			bad = d.replyTo(err)
		}
	}
	if bad == nil {
		d.chunks(b)
		return
	}
	whole := d.tx.rcpts > 0
	d.inBody(true)
	if d.skipChunk(b.size, bad) {
		d.inBody(false)
		if bad.Code == 421 {
			d.over, d.lingers = true, true
		}
		d.refuse(bad)
		if whole && !d.over {
			d.reset()
		}
	}
}

// chunk reads what follows BDAT. It is not ok, and the connection over, where
// the size of the chunk cannot be known.
func (d *dialogue) chunk(rest string) (b bdat, bad *smtp.SMTPError, ok bool) {
	args := strings.Fields(rest)
	err := errors.New("no size")
	if len(args) > 0 {
		var n uint64
		n, err = strconv.ParseUint(args[0], 10, 63)
		b.size = int64(n) //nolint:gosec // 63 bits
	}
	if err != nil {
		d.cut(501, "5.5.4", "Write BDAT size or BDAT size LAST; closing the connection")
		return b, nil, false
	}
	b.last = len(args) == 2 && strings.EqualFold(args[1], "LAST")
	if len(args) > 1 && !b.last {
		bad = refusal(501, 5, 5, 4, "Write BDAT size or BDAT size LAST; the message is not taken")
	}
	return b, bad, true
}

// skipChunk reads a refused chunk away. It is false if the connection is over.
func (d *dialogue) skipChunk(n int64, why *smtp.SMTPError) bool {
	if n > mostDiscarded {
		d.cut(why.Code, enhancedOf(why, ""), why.Message+"; closing the connection")
		return false
	}
	if err := d.discard(n); err != nil {
		d.lost(err)
		return false
	}
	return true
}

// chunks takes a message in chunks, from its first on.
func (d *dialogue) chunks(first bdat) {
	c := &chunked{message: message{d: d}, left: first.size, last: first.last}
	d.inBody(true)
	err := d.session.Data(c)
	if err == nil {
		for c.stop() == nil && c.broke == nil {
			c.next(nil)
			c.judge(nil)
		}
	}
	switch {
	case d.over:
	case c.lost != nil:
		d.lost(c.lost)
	case c.broke != nil:
		d.reset()
		d.obey(c.broke)
	case c.wrong == nil && err == nil || d.skipChunk(c.left, c.refused(err)):
		d.inBody(false)
		c.settle(err)
	}
}

// A chunked message comes in BDATs, each of which says how long it is. The
// commands between them are read where the octets are: nothing else can be
// going on.
type chunked struct {
	message
	left  int64  // octets of the chunk in hand that are still to come
	last  bool   // it is the last
	broke []byte // the command that broke the message off
}

func (c *chunked) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if err := c.stop(); err != nil {
			return 0, err
		}
		if c.broke != nil {
			return 0, errBroken
		}
		n := c.next(p)
		c.judge(p[:n])
		if c.wrong == nil && n > 0 {
			return n, nil
		}
	}
}

// refused is why the rest of a chunk is read away.
func (c *chunked) refused(err error) *smtp.SMTPError {
	if c.wrong != nil {
		return c.wrong
	}
	return c.d.replyTo(err)
}

// next takes octets of the chunk, into p, or away where p is nil.
func (c *chunked) next(p []byte) int {
	if c.left == 0 {
		c.after()
		return 0
	}
	d := c.d
	if c.lost = d.has(1); c.lost != nil {
		return 0
	}
	run := d.in.unread()
	run = run[:min(c.left, int64(len(run)))]
	if p != nil {
		run = run[:min(len(p), len(run))]
	}
	if d.tx.binary {
		c.scan.Size += int64(len(run))
	} else if !c.scan.Clean(run) {
		for i, octet := range run {
			if wrong := c.scan.Next(octet); wrong != "" {
				// What stands before it may be too large, as if it had come alone.
				if c.judge(run[:i]); c.wrong == nil {
					c.spoiled(wrong)
				}
				break
			}
		}
	}
	d.in.take(len(run))
	c.left -= int64(len(run))
	return copy(p, run)
}

// after is between two chunks, or at the end of the last.
func (c *chunked) after() {
	d := c.d
	if c.last {
		if c.scan.Previous() == '\r' {
			c.spoiled("a bare CR")
		}
		c.ended = true
		return
	}
	d.inBody(false)
	d.say(250, "2.0.0", "Chunk received; "+strconv.FormatInt(c.scan.Size, 10)+" octets so far")
	for c.left == 0 && !c.last && c.stop() == nil && c.broke == nil {
		line, err := d.command()
		if err != nil {
			c.lost = err
			return
		}
		c.between(line)
	}
	d.inBody(true)
}

// between obeys a command between two chunks.
func (c *chunked) between(raw []byte) {
	d := c.d
	line, lf := syntax.CutLineEnd(string(raw))
	verb, rest := verbOf(line)
	switch {
	case lf, d.notMail(verb, line, false, false):
		if lf {
			d.cut(500, "5.5.2", "A line ended in a bare LF, not in CR LF; closing the connection")
		}
		c.lost = errOver
	case verb == "BDAT":
		c.another(rest)
	case verb == "RSET", verb == "QUIT", verb == "EHLO", verb == "HELO":
		c.broke = []byte(string(raw))
	case verb == "NOOP":
		d.slowed(&d.counts.noop, d.limits.MaxNOOP)
		d.say(250, "2.0.0", "OK")
	case verb == "MAIL":
		d.say(503, "5.5.0", "Sender already specified")
	default:
		d.say(503, "5.5.1", "A message is being sent in chunks; finish it with BDAT or say RSET")
	}
	if d.over && c.lost == nil {
		c.lost = errOver
	}
}

// another begins the next chunk.
func (c *chunked) another(rest string) {
	b, bad, ok := c.d.chunk(rest)
	if !ok {
		c.lost = errOver
		return
	}
	c.left, c.last = b.size, b.last
	limit := c.d.tx.limit
	switch {
	case bad != nil:
		c.wrong = bad
	case limit > 0 && b.size > limit-c.scan.Size:
		c.wrong = c.d.tooLarge(c.scan.Size + b.size)
	case b.size == 0 && b.last:
		// after() ends the message
	case b.size == 0:
		c.d.say(250, "2.0.0", "Chunk received; "+strconv.FormatInt(c.scan.Size, 10)+" octets so far")
	}
}
