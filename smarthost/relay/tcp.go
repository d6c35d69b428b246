package relay

import (
	"net"
	"syscall"
	"time"
)

const (
	// notSentMost is how many octets the system may hold that it cannot send yet.
	// What it holds counts as written and is not: with little of it a write takes
	// as long as the link does, progress means something, and little is in doubt
	// when the link breaks. It is enough to fill a link between two writes.
	notSentMost = 16 << 10
	// unackedTime is how long octets may stay unacknowledged until the connection
	// is lost. Each one that is acknowledged begins it again, so that a slow link
	// lives. It is no shorter since a server that takes nothing for so long is to
	// be waited for (RFC 5321 section 4.5.3.2.5), and an hour shorter than the
	// system's own retries could take.
	unackedTime = 3 * time.Minute
	// While an answer is awaited that may take long, nothing is unacknowledged:
	// only a probe tells that the other end is still there.
	probeAfter, probeEvery = time.Minute, 20 * time.Second
)

// A status is what the system knows of a connection.
type status struct {
	// acked is the octets of ours that have reached the other end, below zero if
	// unknown.
	acked int64
	// unsent is the octets written that have not left this machine.
	unsent int64
	// refused: what was sent has waited for the other end to take it, most of the
	// time, and not for the link.
	refused bool
	// open: some octets have left, or wait to, that are not acknowledged.
	open bool
	// late: acknowledgements are overdue, so that octets were sent again.
	late bool
	// silent is how long the other end's system has said nothing.
	silent time.Duration
	// sent is how long ago octets last left.
	sent time.Duration
	// smoothed and variation are of the round trip (RFC 6298), shortest is the
	// least of all; 0 where not known.
	smoothed, variation, shortest time.Duration
	// rate is octets a second that got through lately; 0 where not known.
	rate int64
	// clocks: silent and sent are known.
	clocks bool
}

// An accountable connection knows what a TCP connection's system knows: an
// emulated link is one.
type accountable interface {
	Acked() int64
	Unsent() int64
	RoundTrip() time.Duration
	// Silent and Idle are a status's silent and sent.
	Silent() time.Duration
	Idle() time.Duration
	// Probe and Halt are probe and stop.
	Probe()
	Halt()
}

// status asks the system how the connection is, also after it broke; known is
// false where it cannot tell, or the connection was closed.
func (w *wire) status() (s status, known bool) {
	if c, ok := w.Conn.(accountable); ok {
		s = status{acked: c.Acked(), unsent: c.Unsent(), smoothed: c.RoundTrip(), silent: c.Silent(), sent: c.Idle(), clocks: true}
		s.open = s.acked < w.sent.Load()
		return s, true
	}
	control(w.Conn, func(fd uintptr) { s, known = ask(fd) })
	return s, known
}

// tune sets what a mail session wants of its connection. What cannot be set
// stays as it is: none of it is needed for mail to arrive.
func tune(conn net.Conn) {
	if c, ok := conn.(interface {
		SetKeepAliveConfig(net.KeepAliveConfig) error
	}); ok {
		_ = c.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: probeAfter, Interval: probeEvery, Count: int((unackedTime - probeAfter) / probeEvery)})
	}
	control(conn, prepare)
}

// stop keeps what the connection has not sent yet from ever leaving, and says
// how many octets that is. Nothing may be written any more.
func stop(conn net.Conn) int64 {
	if c, ok := conn.(accountable); ok {
		c.Halt()
		return c.Unsent()
	}
	kept := int64(0)
	control(conn, func(fd uintptr) { kept = halt(fd) })
	return kept
}

// knock has the system ask the other end's whether it is there, and says that
// it does; end takes that back.
func knock(conn net.Conn) (end func(), knocks bool) {
	if c, ok := conn.(accountable); ok {
		c.Probe()
		return func() {}, true
	}
	control(conn, func(fd uintptr) { knocks = probe(fd) })
	return func() { control(conn, calm) }, knocks
}

// control runs do on the connection's socket, if it has one that is open.
func control(conn net.Conn, do func(fd uintptr)) {
	if c, ok := conn.(syscall.Conn); ok {
		if raw, err := c.SyscallConn(); err == nil {
			_ = raw.Control(do)
		}
	}
}

// roundTrip is the round trip that is to be reckoned with: what it takes to get
// an octet through and to hear of it, with what queues on the way; 0 if unknown.
func (s status) roundTrip() time.Duration {
	return max(s.smoothed+4*s.variation, s.smoothed*5/4)
}

// backlog is how much longer than the shortest one a round trip may take on a link
// that has room. A system that has nothing to say puts its acknowledgements off by
// up to 40 ms (RFC 9293 section 3.8.6.3); what queues for less than that costs
// little to be mistaken about.
const backlog = 50 * time.Millisecond

// room says that no octets wait for the link, on this machine or, by how long they
// take to be acknowledged, on the way. Where the system does not tell, the link
// counts as full.
func (w *wire) room() (roundTrip time.Duration, some bool) {
	now, known := w.status()
	return now.shortest, known && now.shortest > 0 && (now.unsent == 0 || now.refused) && now.smoothed <= now.shortest*3/2+backlog
}

// Room implements queue.Roomer.
func (s *Session) Room() (roundTrip time.Duration, some bool) { return s.dialogue.wire.room() }
