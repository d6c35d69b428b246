package relay

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	// readBuffer holds a reply line and is larger than one may be.
	readBuffer = 4096
	// writeBuffer makes big segments of small commands and of the body.
	writeBuffer = 64 << 10
	// pipelineWindow is how many replies may be outstanding. It keeps what the
	// server has to say within its socket buffer, so that neither side waits
	// for the other to read (RFC 2920 section 3.1).
	pipelineWindow = 100
	// salvageTime is how long we listen for the server's last words after a
	// write has failed.
	salvageTime = 5 * time.Second
)

// A dialogue is the order of things on a connection: commands go out, in
// groups where the server offers PIPELINING, and replies come back in the
// same order. It knows no more of SMTP than that.
type dialogue struct {
	wire  *wire
	conn  net.Conn // the wire, or TLS on it
	r     *bufio.Reader
	w     *bufio.Writer
	trace func(line string)
	// prelude is what a trace shows of the session before its first message, and
	// story, if not nil, is told of each line of the message under way.
	prelude prelude
	story   func(line string)
	// window is how many commands may be unanswered; 1 without PIPELINING.
	window  int
	pending []expected
	trips   int  // waits for the server that something of ours had begun
	asked   bool // something went out since the last reply came in
	// hide are what a trace or an error must not show, while AUTH goes on, and
	// hideParts all stretches of fragment octets that it must not show.
	hide      []string
	hideParts map[string]bool
}

// expected is a reply that is outstanding.
type expected struct {
	verb  string
	limit time.Duration
	// more says that a 3yz reply may come.
	more bool
	take func(reply)
}

// noAnswer: the limit of a wait has passed.
type noAnswer struct {
	verb  string
	limit time.Duration
}

func (e *noAnswer) Error() string {
	if e.verb == "" {
		return fmt.Sprintf("the server said nothing for %v", e.limit)
	}
	return fmt.Sprintf("no answer to %s within %v", e.verb, e.limit)
}

func (e *noAnswer) Timeout() bool { return true }

// closing is a 421: the server ends the session (RFC 5321 section 3.8).
type closing struct{ reply reply }

func (e *closing) Error() string {
	return fmt.Sprintf("the server ends the session: %v", e.reply)
}

// unexpected is a reply that cannot follow the command.
type unexpected struct {
	verb  string
	reply reply
}

func (e *unexpected) Error() string {
	return fmt.Sprintf("the server answered %s with %q, which cannot be", e.verb, e.reply.String())
}

func newDialogue(w *wire, trace func(string)) *dialogue {
	// The connection itself was the first round trip; the greeting answers the
	// end of its handshake.
	d := &dialogue{wire: w, trace: trace, window: 1, trips: 1, asked: true}
	d.over(w)
	return d
}

// over moves the dialogue to conn: the wire, or TLS on it.
func (d *dialogue) over(conn net.Conn) {
	d.conn = conn
	d.r = bufio.NewReaderSize(conn, readBuffer)
	d.w = bufio.NewWriterSize(conn, writeBuffer)
}

// command puts a command in the current group, and reads replies when the
// group is full, which without PIPELINING it is at once.
func (d *dialogue) command(text string, want expected) error {
	d.tell(">>> ", text)
	return d.send(text, want)
}

// send is command without a trace.
func (d *dialogue) send(text string, want expected) error {
	if _, err := d.w.WriteString(text + "\r\n"); err != nil {
		return d.salvage(err)
	}
	d.expect(want)
	if len(d.pending) >= d.window {
		return d.drain(0)
	}
	return nil
}

// expect says that one more reply will come.
func (d *dialogue) expect(want expected) { d.pending = append(d.pending, want) }

// write sends octets of a message.
func (d *dialogue) write(p []byte) error {
	if _, err := d.w.Write(p); err != nil {
		return d.salvage(err)
	}
	return nil
}

// drain sends the group and reads replies until no more than left are
// outstanding.
func (d *dialogue) drain(left int) error {
	if err := d.flush(); err != nil {
		return d.salvage(err)
	}
	return d.listen(left)
}

func (d *dialogue) flush() error {
	if d.w.Buffered() > 0 {
		d.asked = true
	}
	return d.w.Flush()
}

func (d *dialogue) listen(left int) error {
	for len(d.pending) > left {
		want := d.pending[0]
		d.pending = d.pending[1:]
		r, err := d.next(want.verb, want.limit)
		if err != nil {
			return err
		}
		if r.code/100 == 3 && !want.more {
			return &unexpected{want.verb, r}
		}
		want.take(r)
	}
	return nil
}

// next reads one reply; a 421 is an error.
func (d *dialogue) next(verb string, limit time.Duration) (reply, error) {
	if d.asked {
		d.trips++
		d.asked = false
	}
	if err := d.wire.patience(limit); err != nil {
		return reply{}, err
	}
	r, err := readReply(d.r)
	if err != nil {
		return reply{}, d.reason(d.wire.why(err), verb, limit)
	}
	shown := d.conceal(r)
	if r.code == 334 {
		// With what SCRAM's challenges say, a password can be guessed at home.
		d.traceReply(reply{code: r.code, lines: []string{"*"}})
	} else {
		d.traceReply(shown)
	}
	switch r.code {
	case 421:
		return shown, &closing{shown}
	case 334:
		// A challenge, which is answered and never shown: SCRAM's repeats a part
		// of what we sent, and must stay whole.
		return r, nil
	}
	return shown, nil
}

// reason turns what a read gave into what a person can use.
func (d *dialogue) reason(err error, verb string, limit time.Duration) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &noAnswer{verb, limit}
	}
	if strange, ok := errors.AsType[*notSMTP](err); ok {
		return &notSMTP{d.without(strange.line)}
	}
	return err
}

// ask sends one command alone and returns its reply. Nothing else may be
// outstanding.
func (d *dialogue) ask(text string, limit time.Duration) (reply, error) {
	verb, _, _ := strings.Cut(text, " ")
	var got reply
	err := d.command(text, expected{verb: verb, limit: limit, more: true, take: func(r reply) { got = r }})
	if err == nil {
		err = d.drain(0)
	}
	return got, err
}

// salvage hears what the server has still said after a write failed, since a
// server that has had enough often says why before it closes.
func (d *dialogue) salvage(err error) error {
	err = d.wire.why(err)
	for i := range d.pending {
		d.pending[i].limit = salvageTime
	}
	heard := d.listen(0)
	if last, ok := errors.AsType[*closing](heard); ok {
		return last
	}
	return err
}

// tell shows a line to those who listen: the trace of all sessions, and the
// story of the message under way or, before the first, the prelude.
func (d *dialogue) tell(way, text string) {
	if d.trace == nil && d.story == nil && d.prelude.closed {
		return
	}
	line := way + text
	if d.trace != nil {
		d.trace(line)
	}
	if d.story != nil {
		d.story(line)
	} else {
		d.prelude.add(line)
	}
}

func (d *dialogue) traceReply(r reply) {
	for i, line := range r.lines {
		mark := "-"
		if i == len(r.lines)-1 {
			mark = " "
		}
		d.tell("<<< ", strconv.Itoa(r.code)+mark+clean(line))
	}
}

// conceal is a reply without what must stay secret: some servers repeat a
// command that they do not understand.
func (d *dialogue) conceal(r reply) reply {
	if len(d.hide) == 0 {
		return r
	}
	shown := reply{code: r.code}
	for _, line := range r.lines {
		shown.lines = append(shown.lines, d.without(line))
	}
	return shown
}

func (d *dialogue) without(line string) string {
	for _, secret := range d.hide {
		line = strings.ReplaceAll(line, secret, "*")
	}
	if len(d.hideParts) == 0 {
		return line
	}
	shown, until := make([]byte, 0, len(line)), 0
	for i := range len(line) {
		if i+fragment <= len(line) && d.hideParts[line[i:i+fragment]] {
			until = i + fragment
		}
		switch {
		case i >= until:
			shown = append(shown, line[i])
		case len(shown) == 0 || shown[len(shown)-1] != '*':
			shown = append(shown, '*')
		}
	}
	return string(shown)
}

// fragment is how much of an encoded secret may be shown at most, less one: so
// few octets of base64 give away five of it.
const fragment = 8
