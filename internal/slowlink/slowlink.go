// Package slowlink is a slow and unsure link for tests: octets take their time
// on it, and it breaks when it is told to.
//
// It is a model of TCP at the level of the stream. Packets have no headers and
// are never lost; acknowledgements cost nothing. In memory it needs no socket and
// no goroutine, only timers, so that under testing/synctest its numbers are
// exact; Forward puts it before a real server.
package slowlink

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// mss is the most octets that the link takes in one go: the usual segment.
const mss = 1460

// initialWindow is what may be on its way before the first acknowledgement (RFC
// 6928).
const initialWindow = 10 * mss

// defaultBuffer is that of a Shape without one.
const defaultBuffer = 1 << 20

// A Shape says what a link is like.
type Shape struct {
	// Delay is one way: half a round trip.
	Delay time.Duration
	// Rate is in bits a second, each way, for all connections together; 0 is no
	// limit.
	Rate int64
	// SlowStart has each connection begin with ten segments on their way, and
	// twice as many a round trip later if it makes use of them.
	SlowStart bool
	// Buffer is how many octets a Write may be ahead of what has left, and how
	// many may be unread at the other end; 0 is 1 MiB.
	Buffer int
}

// A Way is one of the two directions.
type Way bool

// The ways.
const (
	Up   Way = true  // from the client
	Down Way = false // to the client
)

// What happens to a new connection.
type passage uint8

const (
	open    passage = iota
	refused         // Dial fails at once
	silent          // Dial hears nothing
)

// A Link joins clients, which Dial, to servers, which Listen. In a synctest
// bubble it must have been made there.
type Link struct {
	shape Shape

	mu        sync.Mutex
	agenda    agenda
	passage   passage
	up, down  line
	listeners map[string]*listener
	flows     map[*flow]struct{}
	dialled   int
	watch     func(Way, []byte)
}

// A trip is what happens when so many octets have arrived.
type trip struct {
	at int64
	do func()
}

// New is a link that is up.
func New(s Shape) *Link {
	if s.Buffer <= 0 {
		s.Buffer = defaultBuffer
	}
	l := &Link{shape: s, listeners: make(map[string]*listener), flows: make(map[*flow]struct{})}
	l.up.link, l.down.link = l, l
	return l
}

// RoundTrip is twice the delay.
func (l *Link) RoundTrip() time.Duration { return 2 * l.shape.Delay }

// Cut resets all connections: both ends see it at once, can still read what had
// arrived, and nothing of what was on its way arrives. Dial fails until Restore.
func (l *Link) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.passage = refused
	for f := range l.flows {
		f.reset()
	}
}

// BlackHole makes all connections silent for ever, as a router does that has
// forgotten them. Until Restore a new one hears nothing either, or is refused at
// once where refuse is set.
func (l *Link) BlackHole(refuse bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.passage = silent
	if refuse {
		l.passage = refused
	}
	for f := range l.flows {
		f.dead = true
		f.client.miss()
		f.server.miss()
		delete(l.flows, f)
	}
}

// Restore lets new connections pass again. Those of before stay as they are.
func (l *Link) Restore() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.passage = open
}

// After calls do, once, when n more octets have arrived that way, of all
// connections together, and before the next one does. do is Cut, or calls
// BlackHole, or does anything else to the link. A later After replaces that of
// the same way.
func (l *Link) After(w Way, n int64, do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	on := &l.down
	if w == Up {
		on = &l.up
	}
	on.trip = &trip{at: on.arrived + n, do: do}
}

// CutAfter cuts the link after n more octets from clients.
func (l *Link) CutAfter(n int64) { l.After(Up, n, l.Cut) }

// Watch has each piece shown to see when it arrives, before it can be read. If
// see cuts the link, the piece has not arrived. One connection's pieces come in
// order, and are cut anywhere.
func (l *Link) Watch(see func(w Way, octets []byte)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watch = see
}

// Passed is how many octets have arrived so far, each way.
func (l *Link) Passed() (up, down int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.up.arrived, l.down.arrived
}

// Dialled is how many connections have come about.
func (l *Link) Dialled() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dialled
}

// aside runs f without the lock, so that f can use the link.
func (l *Link) aside(f func()) {
	l.mu.Unlock()
	defer l.mu.Lock()
	f()
}

// opError is what package net would say.
func opError(op string, local, remote net.Addr, err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		err = os.NewSyscallError(op, errno)
	}
	return &net.OpError{Op: op, Net: "tcp", Source: local, Addr: remote, Err: err}
}
