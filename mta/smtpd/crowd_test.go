package smtpd

import (
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/config"
)

func TestOneConnectionTooManyIsToldSo(t *testing.T) {
	address := onSocket(t, new(house), Options{MaxConnections: 2})
	one, two := dial(t, address), dial(t, address)
	one.want("220")
	two.want("220")
	three := dial(t, address)
	three.want("421 4.3.2 localhost Too many connections")
	three.wantEnd()
	one.asks("QUIT", "221")
	one.wantEnd()
	for {
		four := dial(t, address)
		if strings.HasPrefix(four.reply(), "220") {
			break
		}
	}
}

// A client that only holds a place must not keep others out.
func TestAClientThatDoesNothingMakesRoom(t *testing.T) {
	for _, c := range []struct {
		reason, said string
		idle         time.Duration
		want         bool
	}{
		{"it waits", "EHLO x\r\n", 31 * time.Second, true},
		{"it is in the middle of a command", "EHL", 31 * time.Second, true},
		{"it is in the middle of a message", "EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n", 31 * time.Second, true},
		{"it has not waited for long", "EHLO x\r\n", 29 * time.Second, false},
		{"it is slowed down", "EHLO x\r\n" + strings.Repeat("NOOP\r\n", 30), 62 * time.Second, true},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := New(new(house), Options{MaxConnections: 1})
				var said [2]strings.Builder
				var far [2]net.Conn
				ended := make(chan struct{}, 4)
				connect := func(i int) {
					var near net.Conn
					near, far[i] = net.Pipe()
					go func() { s.ServeConn(t.Context(), near, &config.Listener{}); ended <- struct{}{} }()
					go func() { _, _ = io.Copy(&said[i], far[i]); ended <- struct{}{} }()
				}
				connect(0)
				_, _ = io.WriteString(far[0], c.said)
				time.Sleep(c.idle)
				connect(1)
				synctest.Wait()
				if got := strings.HasPrefix(said[1].String(), "220"); got != c.want {
					t.Errorf("the other was told %q", &said[1])
				}
				if got := strings.Contains(said[0].String(), "421 4.3.2 localhost Nothing came for long"); got != c.want {
					t.Errorf("the first was told %q", &said[0])
				}
				for i := range far {
					_ = far[i].Close()
				}
				for range 4 {
					<-ended
				}
			})
		})
	}
}

// Neither one that stalls its handshake nor one that does not read what it is
// told can keep a place.
func TestAClientThatSaysOrReadsNothingMakesRoom(t *testing.T) {
	for _, c := range []struct {
		reason string
		stalls *config.Listener
	}{
		{"it stalls its handshake", &config.Listener{TLS: config.ListenImplicit}},
		{"it does not read its greeting", &config.Listener{}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			conf := certificate(t)
			synctest.Test(t, func(t *testing.T) {
				s := New(&house{tls: conf}, Options{MaxConnections: 1})
				ended := make(chan struct{}, 2)
				connect := func(l *config.Listener) net.Conn {
					near, far := net.Pipe()
					go func() { s.ServeConn(t.Context(), near, l); ended <- struct{}{} }()
					return far
				}
				first := connect(c.stalls)
				time.Sleep(31 * time.Second)
				other := connect(&config.Listener{})
				p := make([]byte, 3)
				if _, err := io.ReadFull(other, p); err != nil || string(p) != "220" {
					t.Errorf("the other was told %q, %v", p, err)
				}
				began := time.Now()
				_ = other.Close()
				<-ended
				<-ended
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("the first held on for %v", took)
				}
				_ = first.Close()
			})
		})
	}
}
