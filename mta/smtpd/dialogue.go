package smtpd

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"

	"mailcrane/internal/config"
)

// Bounds of the end of a connection.
const (
	writeTimeout = time.Minute     // for the replies at hand
	lastWords    = time.Second     // for those to a client that makes room for others
	lingerTime   = 5 * time.Second // in which a client that still sends can come to read why it was cut off
	lingerOctets = 64 << 20        // likewise
)

// A dialogue is one client, served by one goroutine; interrupt alone is called
// by others.
type dialogue struct {
	*Conn
	server  *Server
	limits  *Options
	ctx     context.Context
	cancel  context.CancelFunc
	serving context.Context // ends when the server is told to stop
	unhook  func() bool
	session Session
	witness Witness // the session, where that is one

	in  input
	out []byte // replies that wait for the client to have said all it has to say

	refused *smtp.SMTPError // every command but QUIT is refused with it
	first   bool            // no command has come yet
	authed  bool
	over    bool
	lingers bool // the client may still be sending
	// turned has the connection when the last reply was said, or is nil.
	turned   func(context.Context, net.Conn)
	failed   bool // the last command was a DATA that was refused
	tx       transaction
	counts   counts
	deadline time.Time // of what is being read
	came     int       // octets of a body since the deadline was last put off

	progress atomic.Int64 // when the client last got on, in nanoseconds

	mu     sync.Mutex
	body   bool    // a message is being read: only a crowd interrupts that
	awaits awaited // what the client is waited for
	ending ending
}

// An awaited is what a dialogue waits for, all of which others can cut short.
type awaited uint8

// What is awaited.
const (
	nothing     awaited = iota
	itsWords            // or its side of a handshake
	itsReading          // of what it is told
	itsPatience         // it is slowed down
)

// An ending is why others end a dialogue.
type ending uint8

// The endings.
const (
	goesOn ending = iota
	serverStops
	crowdedOut
)

// A transaction is what MAIL began.
type transaction struct {
	begun, utf8, binary bool
	flooded             bool // by wrong recipients
	rcpts, refused      int
	limit               int64 // octets of the message, 0 for no bound
}

func newDialogue(ctx context.Context, s *Server, o *Options, c net.Conn, port *config.Listener) *dialogue {
	d := &dialogue{Conn: &Conn{Port: port, net: c}, server: s, limits: o, ctx: ctx, first: true}
	d.progress.Store(time.Now().UnixNano())
	return d
}

// serve runs the dialogue to its end.
func (d *dialogue) serve() {
	ctx := d.ctx
	// What is under way outlives ctx by Grace.
	d.serving = ctx
	d.ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	d.unhook = context.AfterFunc(ctx, d.stop)
	defer d.close()
	defer d.survive()
	d.in.open()
	d.remote = remoteOf(d.net.RemoteAddr())
	if !d.welcome() {
		return
	}
	for !d.over {
		line, err := d.command()
		if err != nil {
			d.lost(err)
			return
		}
		d.obey(line)
	}
}

// survive keeps a fault in a Session from ending more than its own connection.
func (d *dialogue) survive() {
	fault := recover()
	if fault == nil {
		return
	}
	d.limits.Log.Error("a session failed", "client", d.shownClient(), "panic", fmt.Sprint(fault), "stack", string(debug.Stack()))
	d.cut(421, "4.3.0", "Internal fault; closing the connection")
}

// close says what is left to say and ends all that the connection holds.
func (d *dialogue) close() {
	defer d.server.leave(d)
	defer d.cancel()
	d.unhook()
	told := d.flush() == nil
	if told && d.lingers {
		d.linger()
	}
	d.reverse(told)
	_ = d.net.Close()
	d.in.close()
	if d.session != nil {
		defer d.survive()
		if err := d.session.Logout(); err != nil {
			d.limits.Log.Warn("a session did not end in good order", "client", d.shownClient(), "error", err)
		}
	}
}

// linger reads away what the client sends: the last reply would be lost in a
// reset otherwise.
func (d *dialogue) linger() {
	half, ok := d.net.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	// Reading away is a courtesy: its errors have nobody to go to.
	_ = d.net.SetReadDeadline(time.Now().Add(lingerTime))
	for left := lingerOctets; left > 0; {
		n, err := d.net.Read(d.in.buf)
		if err != nil {
			return
		}
		left -= n
	}
}

// command reads the next command line, without its end.
func (d *dialogue) command() ([]byte, error) {
	d.in.narrow()
	now := time.Now()
	d.progress.Store(now.UnixNano())
	d.deadline = now.Add(d.limits.Command)
	return d.in.line(d, mostOf)
}

// Read fills the input: whatever is read, the client has the replies to what
// it said before.
func (d *dialogue) Read(p []byte) (int, error) {
	if err := d.flush(); err != nil {
		return 0, err
	}
	if err := d.await(itsWords, d.deadline); err != nil {
		return 0, err
	}
	n, err := d.net.Read(p)
	d.goOn()
	if n > 0 && d.body {
		d.gotOn(n)
	}
	return n, err
}

// await sets the deadline of what the client is waited for, unless the dialogue
// is to end here. It has come when goOn is called.
func (d *dialogue) await(what awaited, until time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case what == itsReading && d.ending == crowdedOut:
		until = time.Now().Add(lastWords)
	case what == itsReading: // a server that stops still says so
	case d.ending == crowdedOut || d.ending == serverStops && !d.body:
		return d.ending
	}
	d.awaits = what
	switch what {
	case itsWords:
		return d.net.SetReadDeadline(until)
	case itsReading:
		return d.net.SetWriteDeadline(until)
	}
	return nil
}

// goOn says that the client is waited for no more.
func (d *dialogue) goOn() {
	d.mu.Lock()
	d.awaits = nothing
	d.mu.Unlock()
}

// inBody says whether a message is being read.
func (d *dialogue) inBody(is bool) {
	d.mu.Lock()
	d.body = is
	d.mu.Unlock()
	if is {
		d.came = 0
		d.deadline = time.Now().Add(d.limits.Block)
	}
}

// blockOctets is what a client must send of a message in the time of a block:
// an octet now and then would hold a connection for ever.
const blockOctets = 1024

// gotOn puts the deadline off for each block of a message.
func (d *dialogue) gotOn(n int) {
	if d.came += n; d.came < blockOctets {
		return
	}
	d.came = 0
	now := time.Now()
	d.progress.Store(now.UnixNano())
	d.deadline = now.Add(d.limits.Block)
}

// interrupt ends the dialogue where it waits, or when it next will.
func (d *dialogue) interrupt(why ending) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ending = max(d.ending, why)
	switch {
	case d.awaits == itsWords && (why == crowdedOut || !d.body):
		_ = d.net.SetReadDeadline(time.Unix(1, 0))
	case d.awaits == itsReading && why == crowdedOut:
		_ = d.net.SetWriteDeadline(time.Unix(1, 0))
	case d.awaits == itsPatience:
		d.cancel()
	}
}

// waits says that the dialogue waits for its client.
func (d *dialogue) waits() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.awaits != nothing
}

// stop ends the dialogue in good order, and after Grace in any.
func (d *dialogue) stop() {
	d.interrupt(serverStops)
	grace := time.NewTimer(d.limits.Grace)
	defer grace.Stop()
	select {
	case <-d.ctx.Done():
	case <-grace.C:
		d.cancel()
		_ = d.net.Close()
	}
}

// sleep is false if the dialogue has to end meanwhile.
func (d *dialogue) sleep(t time.Duration) {
	if t <= 0 || d.flush() != nil || d.await(itsPatience, time.Time{}) != nil {
		return
	}
	defer d.goOn()
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-d.ctx.Done():
	}
}

func (e ending) Error() string {
	if e == crowdedOut {
		return "the client made room for others"
	}
	return "the server is stopping"
}

// has makes n octets of what the client says be at hand.
func (d *dialogue) has(n int) error {
	for len(d.in.unread()) < n {
		if d.in.w-d.in.r == len(d.in.buf) || d.body {
			d.in.widen()
		}
		if err := d.in.fill(d); err != nil {
			return err
		}
	}
	return nil
}

// discard reads n octets away.
func (d *dialogue) discard(n int64) error {
	for n > 0 {
		if err := d.has(1); err != nil {
			return err
		}
		k := min(n, int64(len(d.in.unread())))
		d.in.take(int(k))
		n -= k
	}
	return nil
}

var _ io.Reader = (*dialogue)(nil)
