package queue

import "time"

// A Coster is a Session that counts what it costs. It may be asked at any time,
// also when it has been closed.
type Coster interface {
	Cost() Cost
}

// A Cost is what a session has cost so far.
type Cost struct {
	// Sent and Received are octets, TLS included, TCP and IP not; the
	// handshake's own are among them.
	Sent, Received                   int64
	HandshakeSent, HandshakeReceived int64
	// Arrived is how many of those sent have reached the other end's system; all
	// of them where that is not known.
	Arrived int64
	// RoundTrips counts the times that all waited for the server to answer: the
	// TCP connection, the handshake, each group of commands.
	RoundTrips int
	// TLS is the version, "TLS 1.3", or "" without; Resumed says that the
	// handshake was that of an earlier session.
	TLS     string
	Resumed bool
	// KeyExchange is the name of the key exchange, "X25519", or "".
	KeyExchange string
	// RoundTrip is the link's shortest round trip, 0 where not known.
	RoundTrip time.Duration
}

// Security is how the session was kept from others, in words: "TLS 1.3, full
// handshake, X25519", "no TLS".
func (c *Cost) Security() string {
	words := c.TLS + ", full handshake"
	switch {
	case c.TLS == "" && c.HandshakeSent > 0:
		return "a TLS handshake that failed"
	case c.TLS == "":
		return "no TLS"
	case c.Resumed:
		words = c.TLS + ", resumed"
	}
	if c.KeyExchange != "" {
		words += ", " + c.KeyExchange
	}
	return words
}

// A SessionEnd is a session that is over, what it did and what it cost; or a
// connection on which no session could be opened.
type SessionEnd struct {
	Route  Route
	Server string
	Began  time.Time
	Took   time.Duration
	// Messages and Recipients are those that the server has taken; Mail is the
	// octets of these messages in the queue, every line end counted as CRLF.
	Messages, Recipients int
	Mail                 int64
	// Why says why it broke, or could not be opened; "" if it ended in order.
	Why string
	Cost
}
