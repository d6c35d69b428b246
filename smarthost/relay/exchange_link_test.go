package relay

import (
	"crypto/tls"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/slowlink"
)

// Nothing is known of the link before the first session; the ones that follow
// pay for post-quantum key shares only where they cost little.
func TestKeySharesFollowTheLink(t *testing.T) {
	const hybrid, classical = tls.X25519MLKEM768, tls.X25519
	for _, c := range []struct {
		why   string
		shape slowlink.Shape
		want  []tls.CurveID
	}{
		{"a modem", modem, []tls.CurveID{hybrid, classical, classical, classical}},
		{"a satellite", satellite, []tls.CurveID{hybrid, hybrid, hybrid}},
		{"a local network", slowlink.Shape{}, []tls.CurveID{hybrid, hybrid}},
		{"33,600 bit/s near by", slowlink.Shape{Delay: 50 * time.Millisecond, Rate: 33600}, []tls.CurveID{hybrid, classical, classical}},
		{"1 Mbit/s near by", slowlink.Shape{Delay: 20 * time.Millisecond, Rate: 1_000_000}, []tls.CurveID{hybrid, hybrid}},
	} {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ca, link := newAuthority(t), slowlink.New(c.shape)
				target := Target{
					Server: "smtp.example.org", Address: "192.0.2.1:465",
					TLS:  TLS{Roots: ca.pool(), Sessions: tls.NewLRUClientSessionCache(4)},
					Dial: link.Dial, Memory: memoryOf(Known{}),
				}
				end := takeMail(t, link.Listen(target.Address), ca.good(t), Implicit)
				defer end()
				for i, want := range c.want {
					s, fault := Open(t.Context(), target)
					if fault != nil {
						t.Fatal(fault.Sentence())
					}
					s.Close(t.Context())
					cost := s.Cost()
					if s.TLS().CurveID != want || cost.Resumed != (i > 0) {
						t.Errorf("session %d: %v, resumed %v; want %v (%+v)", i, s.TLS().CurveID, cost.Resumed, want, target.Memory.Recall().Link)
					}
					if want == classical && (cost.HandshakeSent >= 1<<10 || cost.HandshakeReceived >= 1<<10) {
						t.Errorf("session %d: its handshake took %d octets out and %d in", i, cost.HandshakeSent, cost.HandshakeReceived)
					}
				}
			})
		})
	}
}
