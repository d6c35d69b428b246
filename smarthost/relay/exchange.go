package relay

import (
	"crypto/tls"
	"time"
)

// A KeyExchange is how the keys of a TLS session are agreed on.
type KeyExchange uint8

// The ways. What was recorded of a post-quantum one stays secret from who will
// have a large quantum computer; its key shares cost 1.2 KiB each way.
const (
	// AutoExchange is post-quantum where the server knows it, unless the link
	// is slow: there it would cost seconds a session.
	AutoExchange KeyExchange = iota
	// PostQuantum takes nothing else: there is no session with a server that
	// does not know it.
	PostQuantum
	// Classical is X25519 alone, or what else an old server knows.
	Classical
)

const (
	// slow is 100 kbit/s, in octets a second: there the key shares of both sides
	// cost 0.2 s.
	slow = 100_000 / 8
	// linkAge is how long a link counts as what it was when last measured: a
	// laptop moves on.
	linkAge = 24 * time.Hour
)

// Slow says that the link was too slow, when it was last measured, for more
// octets than must be.
func (l Link) Slow(now time.Time) bool {
	return l.Rate > 0 && l.Rate < slow && now.Sub(l.At) < linkAge && !l.At.After(now)
}

// choose sets what is offered. The order is Go's own.
func (k KeyExchange) choose(c *tls.Config, link Link, now time.Time) {
	if k == AutoExchange && link.Slow(now) {
		k = Classical
	}
	switch k {
	case PostQuantum:
		c.CurvePreferences = []tls.CurveID{tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024}
		c.MinVersion = tls.VersionTLS13 // the others know none
	case Classical:
		c.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}
	case AutoExchange:
	}
}

// measure is the link as a handshake of so many octets shows it that took so
// much longer than its round trips. What is no longer than a round trip varies
// by tells nothing, unless there was so much of it that the link cannot be slow.
func (l Link) measure(octets int64, longer time.Duration, now time.Time) Link {
	const jitter = 100 * time.Millisecond
	noise := max(l.RoundTrip/2, jitter)
	switch {
	case longer > noise:
		l.Rate, l.At = max(int64(float64(octets)/longer.Seconds()), 1), now
	case float64(octets)/noise.Seconds() >= slow:
		l.Rate, l.At = 0, now
	}
	return l
}

// learnLink takes the handshake in, which moved so many octets.
func (s *Session) learnLink(octets int64, took time.Duration) {
	now, how := s.target.Now(), s.reached
	roundTrips := 1
	if s.tls.Version < tls.VersionTLS13 && !s.tls.DidResume {
		roundTrips = 2
	}
	s.target.Memory.Learn(func(k *Known) {
		if how.numeric || k.Link.RoundTrip == 0 || how.took < k.Link.RoundTrip {
			k.Link.RoundTrip = how.took
		}
		k.Link = k.Link.measure(octets, took-time.Duration(roundTrips)*how.took, now)
		s.reached.slow = k.Link.Slow(now) && k.Link.At.Equal(now)
	})
}

// Learn takes into the Target's Memory how the link was, as far as the system
// knows. It is called when the session is over, before Close.
func (s *Session) Learn() {
	if now, known := s.dialogue.wire.status(); known {
		at := s.target.Now()
		s.target.Memory.Learn(func(k *Known) { k.Link = k.Link.after(now, s.reached.slow, at) })
	}
}

// after is the link after a session of which the system knows that much; slowly
// says that its handshake was slow.
//
// The rate at which octets got through is no more than a bound where there were
// few of them: it shows that a link is fast, not that one is slow. And it is
// that to the next TCP, which a satellite's modem may have of its own (RFC
// 3135): what the handshake has seen goes before.
func (l Link) after(now status, slowly bool, at time.Time) Link {
	if now.shortest > 0 {
		l.RoundTrip = now.shortest
	}
	if now.rate >= slow && !slowly {
		l.Rate, l.At = now.rate, at
	}
	return l
}
