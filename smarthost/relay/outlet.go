package relay

import (
	"net"
	"sync"
)

const (
	// writeBuffer makes big segments of small commands and of the body.
	writeBuffer = 64 << 10
	// slowBuffer is it on a slow link: nobody can read a record of TLS before all of
	// it is there, and all of it is lost when the link breaks. At 9.6 kbit/s this
	// is three seconds; a record costs 22 octets.
	slowBuffer = 4 << 10
	// mostMarks bounds what an outlet remembers: the places of the last 64 MB, or
	// of the last thousand small groups. Of what is older nothing is known.
	mostMarks = 1024
)

// An outlet gathers octets for the connection, and remembers where on the wire
// below TLS they lie: what the system has not sent from there when the link
// breaks has certainly not arrived.
//
// One goroutine writes at a time; the rest may be called from any.
type outlet struct {
	conn net.Conn
	wire *wire
	buf  []byte
	most int // octets that are gathered

	mu    sync.Mutex
	count int   // flights
	ours  int64 // octets that were handed to conn
	marks []mark
	// left is how many octets have left this machine, at the most; -1 while the
	// connection lives.
	left int64
}

// A mark says where a write began: after so many octets of ours, and so many on
// the wire.
type mark struct{ ours, wire int64 }

func newOutlet(conn net.Conn, w *wire) *outlet {
	return &outlet{conn: conn, wire: w, buf: make([]byte, 0, writeBuffer), most: writeBuffer, left: -1}
}

// Write gathers p, and sends what does not fit.
func (o *outlet) Write(p []byte) (int, error) {
	done := 0
	for len(o.buf)+len(p) > o.most {
		n := o.most - len(o.buf)
		o.buf = append(o.buf, p[:n]...)
		p, done = p[n:], done+n
		if err := o.flush(); err != nil {
			return done, err
		}
	}
	o.buf = append(o.buf, p...)
	return done + len(p), nil
}

// flush sends what was gathered.
func (o *outlet) flush() error {
	if len(o.buf) == 0 {
		return nil
	}
	o.begin(int64(len(o.buf)))
	_, err := o.conn.Write(o.buf)
	o.buf = o.buf[:0]
	return err
}

// begin marks the place of the next n octets.
func (o *outlet) begin(n int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.marks) == mostMarks {
		o.marks = append(o.marks[:0], o.marks[mostMarks/2:]...)
	}
	o.marks = append(o.marks, mark{o.ours, o.wire.sent.Load()})
	o.ours += n
	o.count++
}

// flights is how many groups of octets were sent.
func (o *outlet) flights() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.count
}

// place is the octets of ours up to here, for kept. Only who writes may ask.
func (o *outlet) place() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ours + int64(len(o.buf))
}

// seal notes how much has left this machine, since the connection is over.
func (o *outlet) seal() {
	unsent := o.wire.unsent()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.left < 0 {
		o.left = max(o.wire.sent.Load()-unsent, 0)
	}
}

// kept says that the last of so many octets of ours has certainly not left this
// machine, now that the connection is over. Below TLS an octet lies no earlier
// than it would without, and nobody can read a record before all of it is there.
func (o *outlet) kept(place int64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if place > o.ours {
		return true // it was never handed over
	}
	for i := len(o.marks) - 1; i >= 0; i-- {
		if m := o.marks[i]; m.ours < place {
			return o.left >= 0 && o.left < m.wire+place-m.ours
		}
	}
	return false
}
