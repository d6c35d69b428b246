package events

import (
	"time"

	"mailcrane/queue"
)

// A Cost is what a session did and what that has cost, in --json. Times are
// in seconds.
type Cost struct {
	Server            string    `json:"server"`
	Began             time.Time `json:"began"`
	Seconds           float64   `json:"seconds"`
	Messages          int       `json:"messages"`
	Recipients        int       `json:"recipients"`
	Mail              int64     `json:"mail"`
	Sent              int64     `json:"sent"`
	Received          int64     `json:"received"`
	RoundTrips        int       `json:"round_trips"`
	RoundTrip         float64   `json:"round_trip,omitempty"`
	TLS               string    `json:"tls,omitempty"`
	Resumed           bool      `json:"resumed"`
	KeyExchange       string    `json:"key_exchange,omitempty"`
	HandshakeSent     int64     `json:"handshake_sent"`
	HandshakeReceived int64     `json:"handshake_received"`
	Why               string    `json:"why,omitempty"`

	// Security is all of TLS, in words.
	Security string `json:"-"`
}

// CostOf is what a session has cost.
func CostOf(s queue.SessionEnd) Cost {
	return Cost{
		Server: s.Server, Began: s.Began, Seconds: s.Took.Round(time.Millisecond).Seconds(),
		Messages: s.Messages, Recipients: s.Recipients, Mail: s.Mail, Sent: s.Sent, Received: s.Received,
		RoundTrips: s.RoundTrips, RoundTrip: s.RoundTrip.Round(time.Millisecond / 10).Seconds(),
		TLS: s.TLS, Resumed: s.Resumed, KeyExchange: s.KeyExchange,
		HandshakeSent: s.HandshakeSent, HandshakeReceived: s.HandshakeReceived, Why: s.Why, Security: s.Security(),
	}
}
