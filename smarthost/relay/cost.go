package relay

import (
	"crypto/tls"

	"mailcrane/queue"
)

// Cost is what the session has cost so far, the TCP connection included. It may
// be called at any time.
func (s *Session) Cost() queue.Cost {
	w := s.dialogue.wire
	c := queue.Cost{
		Sent: w.sent.Load(), Received: w.received.Load(),
		Arrived:       w.motion().acked,
		HandshakeSent: s.handshakeSent, HandshakeReceived: s.handshakeReceived,
		RoundTrips: s.dialogue.round(), RoundTrip: w.roundTrip(),
	}
	if s.tls != nil {
		c.TLS, c.Resumed = tls.VersionName(s.tls.Version), s.tls.DidResume
		if s.tls.CurveID != 0 {
			c.KeyExchange = s.tls.CurveID.String()
		}
	}
	return c
}
