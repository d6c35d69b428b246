package smtpd

import (
	"crypto/tls"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/config"
)

// certificate is one that nobody vouches for.
func certificate(t *testing.T) *tls.Config {
	t.Helper()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	return &tls.Config{Certificates: s.TLS.Certificates, MinVersion: tls.VersionTLS12}
}

// secure puts TLS on the client's side.
func (p *peer) secure() *peer {
	p.t.Helper()
	c := tls.Client(p.Conn, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the test is of SMTP
	if err := c.Handshake(); err != nil {
		p.t.Fatal(err)
	}
	return newPeer(p.t, c)
}

// Coverage: A33.
func TestSTARTTLSBeginsTheSessionAnew(t *testing.T) {
	h := house{features: Features{StartTLS: true}, tls: certificate(t)}
	var conn *Conn
	h.open = func(c *Conn) error { conn = c; return nil }
	p := dial(t, onSocket(t, &h, Options{}))
	p.want("220")
	if got := p.asks("EHLO before", "250"); !strings.Contains(got, "STARTTLS") {
		t.Errorf("it is not offered: %s", got)
	}
	p.asks("STARTTLS now", "501 5.5.2")
	p.asks("STARTTLS", "220 2.0.0 Ready to start TLS")
	p = p.secure()
	p.asks("NOOP", "250")
	if conn.Helo() != "" || conn.TLS() == nil || !conn.TLS().HandshakeComplete {
		t.Errorf("after TLS the client is %q, TLS %v", conn.Helo(), conn.TLS())
	}
	if got := p.asks("EHLO after", "250"); strings.Contains(got, "STARTTLS") {
		t.Errorf("it is offered twice: %s", got)
	}
	p.asks("STARTTLS", "503 5.5.0")
	p.again()
	p.asks("DATA", "354")
	p.say("x\r\n.\r\n")
	p.want("250")
	p.asks("QUIT", "221")
	wantBodies(t, &h, "x\r\n")
}

// A log-in before STARTTLS would be that of whoever stood between: the client
// itself believes that it has not logged in (RFC 3207 section 4.2).
func TestALogInBeforeTLSCountsNoMoreAfterIt(t *testing.T) {
	h := house{features: Features{StartTLS: true, Auth: true, NeedAuth: true}, tls: certificate(t)}
	p := dial(t, onSocket(t, &h, Options{}))
	p.want("220")
	p.asks("EHLO between", "250")
	p.asks("AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00fred\x00secret")), "235")
	p.asks("STARTTLS", "220")
	p = p.secure()
	if got := p.asks("EHLO x", "250"); !strings.Contains(got, "AUTH PLAIN") {
		t.Errorf("it offers no AUTH: %s", got)
	}
	p.asks("MAIL FROM:<a@b.c>", "530 5.7.0")
}

func TestWhatIsSentBehindSTARTTLSIsNeverRun(t *testing.T) {
	h := house{features: Features{StartTLS: true}, tls: certificate(t)}
	p := dial(t, onSocket(t, &h, Options{}))
	p.want("220")
	p.asks("EHLO x", "250")
	p.say("STARTTLS\r\n" + trap)
	p.want("554 5.7.0 More was sent behind STARTTLS")
	p.wantEnd()
	wantBodies(t, &h)
}

func TestSTARTTLSWithoutACertificateIsRefusedForNow(t *testing.T) {
	p := dial(t, onSocket(t, &house{features: Features{StartTLS: true}}, Options{}))
	p.want("220")
	p.asks("STARTTLS", "454 4.3.3 TLS not available")
	p.asks("NOOP", "250")
}

func TestTLSMayComeFirst(t *testing.T) {
	h := house{tls: certificate(t), features: Features{StartTLS: true}}
	p := dial(t, serveAt(t, New(&h, Options{}), &config.Listener{TLS: config.ListenImplicit}))
	p = p.secure()
	p.want("220")
	if got := p.asks("EHLO x", "250"); strings.Contains(got, "STARTTLS") {
		t.Errorf("STARTTLS is offered within TLS: %s", got)
	}
}

// Coverage: B26.
func TestAStalledHandshakeEndsInItsTime(t *testing.T) {
	conf := certificate(t)
	for _, c := range []struct {
		reason string
		limits Options
		want   time.Duration
	}{
		{"Timeout.starttls is obeyed", Options{StartTLS: 4 * time.Minute}, 4 * time.Minute},
		{"sendmail's hour where nothing is set", Options{}, time.Hour},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := onPipe(t, &house{features: Features{StartTLS: true}, tls: conf}, c.limits)
				p.want("220")
				p.asks("STARTTLS", "220")
				started := time.Now()
				p.wantEnd()
				if got := time.Since(started); got != c.want {
					t.Errorf("it ended after %v, want %v", got, c.want)
				}
			})
		})
	}
}

// A thousand clients that wait are cheap: the whole process may have 60 MB.
func TestIdleClientsAreCheap(t *testing.T) {
	const clients = 1000
	address := onSocket(t, new(house), Options{})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range clients {
		p := dial(t, address)
		p.r = nil
		buf := make([]byte, 128)
		if _, err := p.Read(buf); err != nil {
			t.Skipf("this machine has no room for %d connections: %v", clients, err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	grown := int64(after.Sys) - int64(before.Sys)
	if grown > 40<<20 {
		t.Errorf("%d clients, and their own ends, take %d MB", clients, grown>>20)
	}
	t.Logf("%d octets a client, both ends", grown/clients)
}
