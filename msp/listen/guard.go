package listen

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"mailcrane/internal/syntax"
)

// Bounds of what a client may send and of what is done for it.
const (
	maxCommand    = 2048            // octets of a command line; RFC 5321 section 4.5.3.1.4, RFC 3461 section 4.1 and RFC 6531 need less
	readBuffer    = 16 << 10        // octets read ahead from the client
	writeTimeout  = time.Minute     // for one reply line
	lingerTime    = 5 * time.Second // in which a client that still sends can come to read why it was cut off
	lingerOctets  = 16 << 20        // likewise
	maxChunk      = 1 << 31         // octets of one BDAT chunk; go-smtp cannot parse 4 GiB and more
	noMoreToRead  = "421 4.4.2 The connection ended in the middle of a message; nothing was queued"
	commandTooLng = "500 5.5.2 A command line of more than 2048 octets; closing the connection"
	brokenOff     = "421 4.7.0 The message in chunks was broken off; closing the connection"
)

// errCut ends go-smtp's loop without a word: the guard has said it all.
var errCut = fmt.Errorf("submission session cut off: %w", net.ErrClosed)

// A phase says what the octets of the client are, so that the octets of a
// message can never be taken for commands.
type phase uint8

const (
	commands phase = iota // lines, each a command
	body                  // dot-stuffed lines, from 354 to CRLF.CRLF
	chunk                 // counted octets that follow BDAT
	spent                 // the body or chunk is over, its reply is due
)

// A guard is the connection as go-smtp sees it. It gives go-smtp one command
// line at a time and reads go-smtp's replies as they pass, so it always knows
// what the next octet means: that is what the server behind it does not check
// for itself (order, framing, line ends, deadlines, counts).
//
// Read and Write are called by go-smtp's one goroutine; stop and abort by any.
type guard struct {
	net.Conn
	in      *bufio.Reader
	limits  Options
	owner   string               // the user ID of the peer, where several users may submit
	ask     func(words []string) // answers a Question
	lenient bool                 // commands and bodies may have LF for CRLF: standard input

	phase   phase
	pending []byte // the rest of the command line that go-smtp is reading
	cmd     command
	instead string        // goes out in place of go-smtp's reply, where that is 2yz
	greeted bool          // EHLO or HELO was accepted
	sender  bool          // MAIL was accepted
	rcpts   int           // RCPTs accepted
	chunked bool          // a BDAT was accepted, the last one not
	begun   chan struct{} // closed when go-smtp runs Data for the chunks
	failed  bool          // the last command was a DATA that was refused
	lfBody  bool          // DATA ended in LF, so do the lines of the body
	utf8    bool          // MAIL said SMTPUTF8
	errors  int
	text    syntax.Scanner
	left    int64           // octets of the chunk still to come
	refusal *smtp.SMTPError // why the message in hand is refused

	mu       sync.Mutex
	waiting  bool // for a command
	stopping bool
	dead     bool
	cause    error
	done     chan struct{} // closed with dead
}

func newGuard(c net.Conn, o Options, lenient bool) *guard {
	g := &guard{Conn: c, limits: o, lenient: lenient, done: make(chan struct{})}
	g.in = bufio.NewReaderSize(rollingReader{g}, readBuffer)
	return g
}

// A rollingReader allows the time for each read, not for all of them together.
type rollingReader struct{ guard *guard }

func (r rollingReader) Read(p []byte) (int, error) {
	conn := r.guard.Conn
	if err := conn.SetReadDeadline(time.Now().Add(r.guard.patience())); err != nil {
		return 0, err
	}
	return conn.Read(p)
}

// patience is how long the client may be silent now.
func (g *guard) patience() time.Duration {
	if g.phase == commands {
		return g.limits.Idle
	}
	return g.limits.Block
}

// Read hands go-smtp what it may see next: the rest of one command line, or
// octets of a body that has been checked so far. Its error is sticky within
// a body, and for ever once the connection is cut.
func (g *guard) Read(p []byte) (int, error) {
	if g.isDead() {
		return 0, errCut
	}
	if len(g.pending) == 0 && g.phase == commands {
		if err := g.nextCommand(); err != nil {
			return 0, err
		}
	}
	if len(g.pending) > 0 {
		n := copy(p, g.pending)
		g.pending = g.pending[n:]
		return n, nil
	}
	switch {
	case g.refusal != nil:
		return 0, g.refusal
	case g.phase == body:
		return g.readBody(p)
	case g.phase == chunk:
		return g.readChunk(p)
	}
	return 0, errCut
}

// nextCommand reads lines until there is one for go-smtp.
func (g *guard) nextCommand() error {
	for {
		line, err := g.readLine()
		if err != nil {
			return err
		}
		g.slowDown()
		if g.take(line) {
			return nil
		}
		if g.isDead() {
			return errCut
		}
	}
}

// readLine returns one line as it came. The end of input between commands is
// the end of the session.
func (g *guard) readLine() ([]byte, error) {
	if !g.wait(true) {
		return nil, errCut
	}
	line, err := g.in.ReadSlice('\n')
	if !g.wait(false) {
		return nil, errCut
	}
	switch {
	case err == nil && len(line) <= maxCommand:
		return line, nil
	case err == nil, errors.Is(err, bufio.ErrBufferFull):
		return nil, g.cut(commandTooLng)
	case errors.Is(err, io.EOF):
		return nil, io.EOF
	}
	return nil, g.lost(err)
}

// wait notes whether a command is being waited for: that is when a session
// may be stopped without harm. It is false when the session is over.
func (g *guard) wait(waiting bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = waiting
	if waiting && g.stopping && !g.dead {
		g.farewell()
	}
	return !g.dead
}

// stop ends the session with 421, at once if it waits for a command and else
// after the reply to the one in hand.
func (g *guard) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopping = true
	if g.waiting && !g.dead {
		g.farewell()
	}
}

// farewell is called with mu held.
func (g *guard) farewell() {
	g.write("421 4.3.2 This server is stopping; try again later")
	_ = g.shut(nil)
}

// abort ends the session whatever it is doing.
func (g *guard) abort() {
	g.mu.Lock()
	defer g.mu.Unlock()
	_ = g.shut(errors.New("the session was stopped in the middle of a message"))
}

// Close is called by go-smtp after QUIT and at the end of its loop.
func (g *guard) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut(nil)
}

// shut is called with mu held. The first cause is kept.
func (g *guard) shut(cause error) error {
	if g.dead {
		return nil
	}
	g.dead, g.cause = true, cause
	close(g.done)
	return g.Conn.Close()
}

func (g *guard) isDead() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.dead
}

// end is why the session was cut off, or nil if it ended in good order.
func (g *guard) end() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cause
}

// lost cuts the connection after a failed read, wherever that was.
func (g *guard) lost(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return g.cut(fmt.Sprintf("421 4.4.2 Nothing came for %v; closing the connection", g.patience()))
	case errors.Is(err, io.EOF):
		return g.cut(noMoreToRead)
	}
	return g.cut("421 4.4.2 The connection failed: " + oneLine(err.Error()))
}

// cut says reply and ends the connection, so that nothing that follows can be
// taken for commands.
func (g *guard) cut(reply string) error {
	g.write(reply)
	return g.hangUp(reply)
}

// hangUp ends the connection. The last reply would be lost in a reset if the
// client were still sending, so what it sends is read away for a moment.
func (g *guard) hangUp(cause string) error {
	if half, ok := g.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		// Reading away is a courtesy: its errors have nobody to go to.
		_ = g.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.CopyN(io.Discard, g.Conn, lingerOctets)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	_ = g.shut(errors.New(cause))
	return errCut
}

// write sends one line; a client that does not read it is found by the next
// read.
func (g *guard) write(line string) {
	_ = g.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, _ = io.WriteString(g.Conn, line+"\r\n")
}

// answer is the guard's own reply to a command that go-smtp does not see.
func (g *guard) answer(reply string) {
	g.write(reply)
	g.count(reply[0] - '0')
}

// Write takes go-smtp's replies, which come one whole line at a time. The
// last line of a reply moves the session on.
func (g *guard) Write(p []byte) (int, error) {
	if g.isDead() {
		return 0, errCut
	}
	line, whole := strings.CutSuffix(string(p), "\r\n")
	code, err := strconv.Atoi(line[:min(3, len(line))])
	if err != nil || !whole || len(line) < 4 {
		return 0, g.cut("421 4.3.0 A reply in an unknown form; closing the connection")
	}
	last := line[3] == ' '
	if last && code/100 == 2 && g.instead != "" {
		line = g.instead
		code, _ = strconv.Atoi(line[:3])
	}
	if line[4:] == "SIZE" {
		g.write(g.offerRelease())
		if g.owner != "" {
			g.write("250-" + submissionKeyword)
		}
		line += " " + strconv.FormatInt(g.limits.MaxSize, 10)
	}
	g.write(line)
	if last {
		g.instead = ""
		g.replied(code)
	}
	return len(p), nil
}

// replied moves the session on after a whole reply.
func (g *guard) replied(code int) {
	good := code/100 == 2
	switch {
	case g.phase == body || g.phase == chunk:
		// A reply before the body was read whole (Submit panicked) would let its
		// rest run as commands.
		_ = g.hangUp("the message was not read to its end")
	case g.phase == spent && g.begun != nil && g.refusal != nil:
		_ = g.cut(brokenOff)
	case g.phase == spent:
		g.phase, g.refusal = commands, nil
		if g.cmd.last || !good {
			g.clear()
		} else {
			g.chunked = true
		}
	case g.cmd.verb == "DATA":
		g.startBody(code == 354)
	case g.cmd.verb == "RSET":
		g.clear()
	case !good:
	case g.cmd.verb == "EHLO" || g.cmd.verb == "HELO":
		g.greeted = true
		g.clear()
	case g.cmd.verb == "MAIL":
		g.sender = true
	case g.cmd.verb == "RCPT":
		g.rcpts++
	}
	g.count(byte(code / 100))
}

// clear forgets the transaction, as go-smtp has.
func (g *guard) clear() {
	g.sender, g.rcpts, g.chunked, g.begun = false, 0, false, nil
	g.text = syntax.Scanner{}
}

// count ends a session of too many errors: RFC 5321 section 4.2.4.2 leaves
// the number to us.
func (g *guard) count(class byte) {
	if class < 5 {
		return
	}
	g.errors++
	if g.errors >= g.limits.MaxErrors && !g.isDead() {
		_ = g.cut("421 4.7.0 Too many errors; closing the connection")
	}
}
