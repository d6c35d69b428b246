package relay

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

const (
	// readBuffer holds a reply line and is larger than one may be.
	readBuffer = 4096
	// salvageTime is how long we listen for the server's last words after a
	// write has failed.
	salvageTime = 5 * time.Second
)

// A dialogue is the order of things on a connection: commands go out, in
// groups where the server offers PIPELINING, and replies come back in the same
// order. It knows no more of SMTP than that.
//
// Before the first message it speaks and listens in turns (ask, next). From
// listen on replies are read as they come, whoever writes, so that neither side
// ever waits for the other to read (RFC 2920 section 3.1).
type dialogue struct {
	wire *wire
	conn net.Conn // the wire, or TLS on it
	r    *bufio.Reader
	out  *outlet
	teller
	hidden

	mu     sync.Mutex
	change *sync.Cond // of what follows
	// pending are the replies that are outstanding, in order; expected and
	// answered count all of them.
	pending            []expected
	expected, answered int
	// over is why no more replies will come, or nil; broke why nothing more can
	// be written.
	over, broke error
	// farewell is what the server ended the session with, or nil.
	farewell *closing
	// trips counts the waits for the server: a reply to what was sent after the
	// last one had come makes one more. counted is the last flight that is in it.
	trips, counted int
	// leaving is closed when the server has said that it ends the session, failed
	// when over is set, and ended when the reader has ended.
	leaving, failed, ended chan struct{}
}

// expected is a reply that is outstanding.
type expected struct {
	verb  string
	limit time.Duration
	// more says that a 3yz reply may come.
	more bool
	take func(reply)
	// parted, if not nil, is called in place of take where the reply is a 421: the
	// replies to what is behind it are still taken.
	parted func(reply)
	// story is told of the reply, besides the trace.
	story func(line string)
	// flight is the one that the command goes out in.
	flight int
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

// unexpected is a reply that cannot follow the command.
type unexpected struct {
	verb  string
	reply reply
}

func (e *unexpected) Error() string {
	if e.verb == "" {
		return fmt.Sprintf("the server said %q, which nobody had asked for", e.reply.String())
	}
	return fmt.Sprintf("the server answered %s with %q, which cannot be", e.verb, e.reply.String())
}

func newDialogue(w *wire, trace func(string)) *dialogue {
	d := &dialogue{wire: w, leaving: make(chan struct{}), failed: make(chan struct{}), ended: make(chan struct{})}
	// The connection itself was the first round trip; the greeting answers the
	// end of its handshake.
	d.trips = 1
	d.trace = trace
	d.change = sync.NewCond(&d.mu)
	d.onto(w)
	d.counted = -1
	return d
}

// onto moves the dialogue to conn: the wire, or TLS on it.
func (d *dialogue) onto(conn net.Conn) {
	d.conn = conn
	d.r = bufio.NewReaderSize(conn, readBuffer)
	d.out, d.counted = newOutlet(conn, d.wire), 0
}

// command gathers a command, to be sent with others.
func (d *dialogue) command(text string, want expected) error {
	d.tell(want.story, ">>> ", text)
	return d.send(text, want)
}

// send is command without a trace.
func (d *dialogue) send(text string, want expected) error {
	if err := d.expect(want); err != nil {
		return err
	}
	return d.write([]byte(text + "\r\n"))
}

// expect says that one more reply will come. It is an error once the server has
// ended the session: nothing more may be asked of it.
func (d *dialogue) expect(want expected) error {
	want.flight = d.out.flights() + 1
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.farewell != nil && !d.farewell.guessed {
		return d.farewell
	}
	d.pending = append(d.pending, want)
	d.expected++
	if len(d.pending) == 1 {
		d.arm()
	}
	return nil
}

// arm gives the first outstanding reply its time. What is sent while nothing
// is outstanding begins when it is written. The caller holds mu.
func (d *dialogue) arm() {
	limit := time.Duration(-1)
	if len(d.pending) > 0 {
		limit = d.pending[0].limit
	}
	if (d.broke != nil || d.farewell != nil) && (limit < 0 || limit > salvageTime) {
		limit = salvageTime
	}
	// A wire that has been cut says so when it is read.
	_ = d.wire.patience(limit)
}

// write sends octets.
func (d *dialogue) write(p []byte) error {
	if _, err := d.out.Write(p); err != nil {
		return d.salvage(err)
	}
	return nil
}

// flush sends what was gathered.
func (d *dialogue) flush() error {
	if err := d.out.flush(); err != nil {
		return d.salvage(err)
	}
	return nil
}

// drain sends what was gathered and waits until no more than left replies are
// outstanding of those that are expected by now.
func (d *dialogue) drain(left int) error {
	if err := d.flush(); err != nil {
		return err
	}
	return d.await(d.asked() - left)
}

// asked is how many replies were expected so far.
func (d *dialogue) asked() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.expected
}

// await waits until that many replies have come, of all of the session, or
// until no more will come.
func (d *dialogue) await(count int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.answered < count && d.over == nil {
		d.change.Wait()
	}
	if d.answered < count {
		return d.over
	}
	return nil
}

// listen has replies read from now on, until the connection ends.
func (d *dialogue) listen() {
	d.mu.Lock()
	d.arm()
	d.mu.Unlock()
	go func() {
		defer close(d.ended)
		for {
			if err := d.hear(); err != nil {
				d.fail(err)
				return
			}
		}
	}()
}

// hear reads one reply and gives it to whoever expects it.
func (d *dialogue) hear() error {
	// Peeked at first, so that one that nobody waits for is known as such.
	_, err := d.r.Peek(1)
	want, asked := d.first()
	var r reply
	if err == nil {
		r, err = readReply(d.r)
	}
	if err != nil {
		return d.reason(d.wire.why(err), want.verb, want.limit)
	}
	shown := d.conceal(r)
	d.traceReply(want.story, shown)
	switch {
	case r.code == 421 && asked && want.parted != nil:
		d.part(want, shown)
		return d.took(want)
	case r.code == 421:
		return &closing{reply: shown}
	case !asked, r.code/100 == 3 && !want.more:
		return &unexpected{want.verb, shown}
	}
	d.suspect(want, shown)
	want.take(shown)
	return d.took(want)
}

// first is the reply that is outstanding first; asked, that there is one. What
// was gathered and not sent yet has asked for nothing.
func (d *dialogue) first() (want expected, asked bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.pending) == 0 || d.pending[0].flight > d.out.flights() {
		return expected{}, false
	}
	return d.pending[0], true
}

// took counts a reply that has been taken.
func (d *dialogue) took(want expected) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending[0] = expected{}
	d.pending = d.pending[1:]
	d.answered++
	if want.flight > d.counted {
		d.trips++
		d.counted = d.out.flights()
	}
	d.change.Broadcast()
	switch {
	case len(d.pending) > 0:
	case d.farewell != nil && !d.farewell.guessed:
		return d.farewell
	case d.broke != nil:
		return d.broke
	}
	d.arm()
	return nil
}

// fail ends the dialogue: no more replies will come.
func (d *dialogue) fail(why error) {
	d.mu.Lock()
	if _, ended := errors.AsType[*closing](why); d.broke != nil && !ended {
		why = d.broke
	}
	why = d.afterFarewell(why)
	d.mu.Unlock()
	d.wire.cut(why)
	// What has not left by now never will.
	d.out.seal()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = why
	close(d.failed)
	d.change.Broadcast()
}

// give gives the connection up, and returns when no more replies are taken.
func (d *dialogue) give(why error) {
	d.wire.cut(why)
	<-d.failed
}

// salvage hears what the server has still said after a write failed, since a
// server that has had enough often says why before it closes.
func (d *dialogue) salvage(err error) error {
	d.mu.Lock()
	if d.broke == nil {
		d.broke = d.wire.why(err)
		d.arm()
	}
	d.mu.Unlock()
	<-d.failed
	return d.over
}

// round is how many round trips were waited for.
func (d *dialogue) round() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.trips
}

// reason turns what a read gave into what a person can use.
func (d *dialogue) reason(err error, verb string, limit time.Duration) error {
	switch {
	case !errors.Is(err, os.ErrDeadlineExceeded):
	case d.wire.unheard(limit):
		return errUnheard
	default:
		return &noAnswer{verb, limit}
	}
	if strange, ok := errors.AsType[*notSMTP](err); ok {
		return &notSMTP{d.without(strange.line)}
	}
	return err
}
