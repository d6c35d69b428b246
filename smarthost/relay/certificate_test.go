package relay

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"mailcrane/queue"
)

func TestOpenFaultsOfCertificates(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	now := time.Now()
	good := ca.good(t)
	tests := []struct {
		why    string
		cert   *tls.Certificate
		policy TLS
		now    time.Time
		want   refusal
	}{
		{
			why: "expired", cert: ca.issue(t, "smtp.example.org", now.Add(-2*time.Hour), now.Add(-time.Hour)), policy: TLS{Roots: ca.pool()},
			want: refusal{queue.StepTLS, "expired on", "clock", true},
		},
		{
			why: "a clock that is behind", cert: good, policy: TLS{Roots: ca.pool()}, now: now.Add(-24 * time.Hour),
			want: refusal{queue.StepTLS, "is good only from", "check this machine's clock", true},
		},
		{
			why: "another name", cert: ca.issue(t, "portal.example", now.Add(-time.Hour), now.Add(time.Hour)), policy: TLS{Roots: ca.pool()},
			want: refusal{queue.StepTLS, "is for portal.example, not for smtp.example.org", "log-in page", false},
		},
		{
			why:  "another name that has expired too: what a portal shows is not ours to renew",
			cert: ca.issue(t, "portal.example", now.Add(-2*time.Hour), now.Add(-time.Hour)), policy: TLS{Roots: ca.pool()},
			want: refusal{queue.StepTLS, "is for portal.example, not for smtp.example.org", "log-in page", false},
		},
		{
			why:  "another name of a CA that nobody trusts",
			cert: ca.issue(t, "portal.example", now.Add(-time.Hour), now.Add(time.Hour)), policy: TLS{Roots: stranger.pool()},
			want: refusal{queue.StepTLS, "is for portal.example, not for smtp.example.org", "log-in page", false},
		},
		{
			why: "a CA that nobody trusts: the hint has the fingerprint to paste", cert: good, policy: TLS{Roots: stranger.pool()},
			want: refusal{queue.StepTLS, `signed by "Test CA"`, `tls.pin = ["` + CertificatePin(good.Leaf).String() + `"]`, false},
		},
		{
			why: "the system's CAs do not know it either", cert: good,
			want: refusal{queue.StepTLS, `signed by "Test CA"`, "tls.ca", false},
		},
		{
			why: "not the pinned one, although a trusted CA signed it", cert: good, policy: TLS{Roots: ca.pool(), Pins: []Pin{CertificatePin(stranger.cert)}},
			want: refusal{queue.StepTLS, "not the one pinned", CertificatePin(good.Leaf).String(), false},
		},
	}
	for _, test := range tests {
		for _, mode := range []Mode{Implicit, StartTLS} {
			t.Run(test.why+", "+mode.scheme(), func(t *testing.T) {
				var secrets, server string
				_, fault := Open(t.Context(), Target{
					Server: "smtp.example.org", Address: "smtp.example.org:465", Mode: mode, TLS: test.policy, Auth: password,
					Now: func() time.Time {
						if test.now.IsZero() {
							return time.Now()
						}
						return test.now
					},
					Trace: func(line string) { secrets += line },
					Dial:  refusing(t, test.cert, mode, &server),
				})
				test.want.check(t, fault)
				if strings.Contains(secrets+server, "AUTH") {
					t.Errorf("AUTH went out over an unverified connection: %s", secrets)
				}
			})
		}
	}
}

// refusing is a server whose handshake must fail; heard is what comes after.
func refusing(t *testing.T, cert *tls.Certificate, mode Mode, heard *string) func(context.Context, string, string) (net.Conn, error) {
	t.Helper()
	return func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := buffered()
		done := make(chan struct{})
		t.Cleanup(func() { <-done })
		go func() {
			defer close(done)
			defer theirs.Close()
			if mode == StartTLS {
				start := script{"S: 220 hi", "C: EHLO *", "S: 250-x\n250 STARTTLS", "C: STARTTLS", "S: 220 go"}
				if err := start.play(keepOpen{theirs}, nil); err != nil {
					t.Error(err)
				}
			}
			secured := tls.Server(theirs, &tls.Config{Certificates: []tls.Certificate{*cert}})
			if secured.Handshake() == nil {
				var octets [100]byte
				n, _ := secured.Read(octets[:])
				*heard = string(octets[:n])
			}
		}()
		return ours, nil
	}
}

type keepOpen struct{ net.Conn }

func (keepOpen) Close() error { return nil }

func TestPinReplacesTheCheckOfCANameAndDate(t *testing.T) {
	ca := newAuthority(t)
	cert := ca.issue(t, "other.example", time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour))
	for _, pin := range []Pin{CertificatePin(cert.Leaf), keyPin(cert)} {
		s, fault := Open(t.Context(), Target{
			Server: "smtp.example.org", Mode: Implicit, TLS: TLS{Pins: []Pin{{}, pin}},
			Dial: serve(t, cert, script{"TLS", "S: 220 hi", "C: EHLO *", "S: 250 x", "C: QUIT", "S: 221 bye"}),
		})
		if fault != nil {
			t.Fatal(fault.Sentence())
		}
		s.Close(t.Context())
	}
}

func keyPin(cert *tls.Certificate) Pin { return sha256.Sum256(cert.Leaf.RawSubjectPublicKeyInfo) }
