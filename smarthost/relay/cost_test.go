package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"testing"

	"mailcrane/queue"
)

// tlsOnce is a Dial that reaches a TLS server that plays the script at most in
// that version.
func tlsOnce(t *testing.T, config *tls.Config, play script) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := buffered()
		done := make(chan error, 1)
		go func() { done <- play.play(tls.Server(theirs, config), nil) }()
		t.Cleanup(func() {
			if err := <-done; err != nil {
				t.Errorf("the server's script: %v", err)
			}
		})
		return ours, nil
	}
}

// The TCP connection is one, and the greeting, EHLO and QUIT are one each.
func TestEachWaitForTheServerIsARoundTrip(t *testing.T) {
	ca := newAuthority(t)
	cert := ca.good(t)
	hello := script{"S: 220 hi", "C: EHLO *", "S: 250 hi", "C: QUIT", "S: 221 bye"}
	for _, c := range []struct {
		reason string
		target Target
		want   int
	}{
		{"no TLS", Target{Mode: Insecure, Dial: serve(t, cert, hello)}, 4},
		{"TLS at once is one more", Target{Dial: serve(t, cert, append(script{"TLS"}, hello...))}, 5},
		{
			"STARTTLS is a command, a handshake and an EHLO more",
			Target{Mode: StartTLS, Dial: serve(t, cert, script{
				"S: 220 hi", "C: EHLO *", "S: 250-hi\n250 STARTTLS", "C: STARTTLS", "S: 220 go", "TLS",
				"C: EHLO *", "S: 250 hi", "C: QUIT", "S: 221 bye",
			})},
			7,
		},
		{
			"a full handshake of TLS 1.2 is two, and the greeting comes with its end",
			Target{Dial: tlsOnce(t, &tls.Config{Certificates: []tls.Certificate{*cert}, MaxVersion: tls.VersionTLS12}, hello)},
			5,
		},
	} {
		t.Run(c.reason, func(t *testing.T) {
			c.target.Server, c.target.Address, c.target.TLS = "smtp.example.org", "smtp.example.org:465", TLS{Roots: ca.pool()}
			s, fault := Open(t.Context(), c.target)
			if fault != nil {
				t.Fatal(fault.Sentence())
			}
			s.Close(t.Context())
			if got := s.Cost().RoundTrips; got != c.want {
				t.Errorf("%d round trips, want %d", got, c.want)
			}
		})
	}
}

// Coverage: stats.
func TestAHandshakeIsCountedAndNamed(t *testing.T) {
	ca := newAuthority(t)
	config := &tls.Config{Certificates: []tls.Certificate{*ca.good(t)}}
	hello := script{"S: 220 hi", "C: EHLO *", "S: 250 hi", "C: QUIT", "S: 221 bye"}
	policy := TLS{Roots: ca.pool(), Sessions: tls.NewLRUClientSessionCache(1)}
	converse := func() queue.Cost {
		s, fault := Open(t.Context(), Target{Server: "smtp.example.org", Address: "smtp.example.org:465", TLS: policy, Dial: tlsOnce(t, config, hello)})
		if fault != nil {
			t.Fatal(fault.Sentence())
		}
		s.Close(t.Context())
		return s.Cost()
	}
	full, resumed := converse(), converse()
	if full.Security() != "TLS 1.3, full handshake, X25519MLKEM768" || resumed.Security() != "TLS 1.3, resumed, X25519MLKEM768" {
		t.Errorf("%s; %s", full.Security(), resumed.Security())
	}
	for _, c := range []queue.Cost{full, resumed} {
		if c.HandshakeSent < 1000 || c.HandshakeReceived < 1000 || c.HandshakeSent > c.Sent || c.HandshakeReceived > c.Received {
			t.Errorf("%+v", c)
		}
	}
	if resumed.HandshakeReceived >= full.HandshakeReceived {
		t.Errorf("resumed %d octets, full %d: the certificate was sent again", resumed.HandshakeReceived, full.HandshakeReceived)
	}
}

func TestAnOpeningThatFailsSaysWhatItCost(t *testing.T) {
	ca := newAuthority(t)
	stranger := newAuthority(t).good(t)
	for _, c := range []struct {
		reason string
		mode   Mode
		dial   func(context.Context, string, string) (net.Conn, error)
		want   func(queue.Cost) bool
	}{
		{
			"the server refuses before a word of ours", Insecure, serve(t, nil, script{"S: 554 not you"}),
			func(c queue.Cost) bool { return c == queue.Cost{RoundTrips: 2, Received: 13} },
		},
		{
			"a certificate that is not trusted has come over all the same", Implicit, refusing(t, stranger, Implicit, new(string)),
			func(c queue.Cost) bool {
				return c.RoundTrips == 2 && c.HandshakeReceived > 500 && c.HandshakeReceived == c.Received && c.Security() == "a TLS handshake that failed"
			},
		},
		{
			"there is no connection", Implicit,
			func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no") },
			func(c queue.Cost) bool { return c == queue.Cost{} },
		},
	} {
		t.Run(c.reason, func(t *testing.T) {
			_, fault := Open(t.Context(), Target{Server: "smtp.example.org", Address: "smtp.example.org:465", Mode: c.mode, TLS: TLS{Roots: ca.pool()}, Dial: c.dial})
			if fault == nil || !c.want(fault.Cost) {
				t.Errorf("%+v", fault)
			}
		})
	}
}
