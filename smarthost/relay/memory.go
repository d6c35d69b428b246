package relay

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

// A Memory is what sessions with one server tell each other: those of other
// lanes now, and those of later runs. It may be used from several goroutines;
// a nil one remembers nothing.
//
// It is never trusted. What it holds saves time where it is still true; where
// it is not, the session must find out for itself and go on.
type Memory struct {
	mu    sync.Mutex
	known Known
	doubt doubt
}

// Recall is what is known now.
func (m *Memory) Recall() Known {
	if m == nil {
		return Known{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.known
	k.Addresses = slices.Clone(k.Addresses)
	k.Capabilities.Auth = slices.Clone(k.Capabilities.Auth)
	k.Broken.Offered.Auth = slices.Clone(k.Broken.Offered.Auth)
	return k
}

// Learn changes what is known. change must not keep its argument, nor wait for
// anything.
func (m *Memory) Learn(change func(k *Known)) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.known)
}

// A Known is what earlier sessions have found out about one server, for one
// account and user. The zero Known is nothing.
type Known struct {
	// Addresses is where the server last showed its certificate: one of each
	// family at the most, the latest first.
	Addresses []Address
	// Capabilities is what it last offered to a session that went well, over TLS
	// where there is one. What is missing now, but was there then, is missing for
	// the time: nobody needs to change the configuration.
	Capabilities Capabilities
	// LoggedIn is the mechanism of the last log-in if that was accepted, "PLAIN",
	// or "": so that the next may share a flight with the first message. Another
	// user is another Known.
	LoggedIn string
	// Link is how the link was in the last session.
	Link Link
	// Broken is what the server offers and cannot do.
	Broken Broken
}

// An Address is a numeric one of a server, without the port.
type Address struct {
	IP netip.Addr
	// LookedUp is when its name last led there.
	LookedUp time.Time
}

// A Link is how the way to a server was.
type Link struct {
	// RoundTrip is the shortest that was seen, 0 where not known.
	RoundTrip time.Duration
	// Rate is octets a second, the slower of both directions, and At when it was
	// measured; 0 where not known, as on a link too fast for what was sent to
	// tell.
	Rate int64
	At   time.Time
	// Window is how many messages may be under way without an answer when a
	// session begins; 0 is the usual number. A link that breaks has less.
	Window int
}

// Breaks is what a server offers and is better not used, since a session
// broke over it; Login is AUTH in one flight with other commands.
type Breaks struct{ Pipelining, Chunking, Login bool }

// Broken is since when a server breaks, and what it offered then.
type Broken struct {
	Breaks
	At      time.Time
	Offered Capabilities
}

// brokenFor is how long a server is spared what broke it: it may have been
// mended, or a middlebox before it may have gone.
const brokenFor = 30 * 24 * time.Hour

// Spare is what not to use of what the server offers now: nothing once it has
// had time to be mended, nor when it offers something else than when it broke,
// and so is another server or another version.
func (b Broken) Spare(now time.Time, offered Capabilities) Breaks {
	if b.Breaks == (Breaks{}) || now.Sub(b.At) >= brokenFor || b.At.After(now) || !b.Offered.same(offered) {
		return Breaks{}
	}
	return b.Breaks
}

// Add writes down that a server that offered that broke over how, besides what
// it is spared already.
func (b *Broken) Add(how Breaks, now time.Time, offered Capabilities) {
	was := b.Spare(now, offered)
	*b = Broken{
		Breaks:  Breaks{Pipelining: how.Pipelining || was.Pipelining, Chunking: how.Chunking || was.Chunking, Login: how.Login || was.Login},
		At:      now,
		Offered: offered,
	}
	b.Offered.Auth = slices.Clone(offered.Auth)
}

// same says that two answers to EHLO are those of one server and version, as
// far as they tell: what differs from hour to hour does not count.
func (c Capabilities) same(o Capabilities) bool {
	return slices.Equal(c.Auth, o.Auth) &&
		c.Pipelining == o.Pipelining && c.Chunking == o.Chunking && c.BinaryMIME == o.BinaryMIME &&
		c.EightBitMIME == o.EightBitMIME && c.SMTPUTF8 == o.SMTPUTF8 && c.DSN == o.DSN &&
		c.EnhancedCodes == o.EnhancedCodes && c.StartTLS == o.StartTLS && c.Size == o.Size
}
