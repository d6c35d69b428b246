package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"mailcrane/queue"
)

func TestACertificateIsCheckedAgainOnResumption(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	now := time.Now()
	good := ca.good(t)
	for _, c := range []struct {
		why    string
		policy TLS
		server string
		now    time.Time
		good   bool
	}{
		{"all is as it was", TLS{Roots: ca.pool()}, "smtp.example.org", now, true},
		{"its CA is not trusted any more", TLS{Roots: stranger.pool()}, "smtp.example.org", now, false},
		{"the system's CAs do not have it", TLS{}, "smtp.example.org", now, false},
		{"another name", TLS{Roots: ca.pool()}, "other.example.org", now, false},
		{"it has expired since", TLS{Roots: ca.pool()}, "smtp.example.org", good.Leaf.NotAfter.Add(time.Second), false},
		{"the pinned one", TLS{Pins: []Pin{CertificatePin(good.Leaf)}}, "smtp.example.org", now, true},
		{"not the pinned one", TLS{Roots: ca.pool(), Pins: []Pin{{1}}}, "smtp.example.org", now, false},
	} {
		state := tls.ConnectionState{DidResume: true}
		state.PeerCertificates = append(state.PeerCertificates, good.Leaf)
		err := c.policy.checkAgain(c.server, func() time.Time { return c.now })(state)
		if (err == nil) != c.good {
			t.Errorf("%s: %v", c.why, err)
		}
		if _, is := errors.AsType[*stale](err); err != nil && !is {
			t.Errorf("%s: %v is not taken for a session out of date", c.why, err)
		}
	}
}

// The server has got another certificate, which is the one that is pinned now,
// and still resumes sessions of the old one's time.
func TestAStaleSessionMakesWayWithoutAFault(t *testing.T) {
	ca := newAuthority(t)
	old, renewed := ca.good(t), ca.good(t)
	keys := [][32]byte{{1}}
	server := &tls.Config{}
	server.SetSessionTicketKeys(keys)
	shown := old
	server.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return shown, nil }
	dials := 0
	target := Target{
		Server: "smtp.example.org", Address: "smtp.example.org:465", Mode: Implicit,
		TLS: TLS{Pins: []Pin{CertificatePin(old.Leaf)}, Sessions: tls.NewLRUClientSessionCache(4)},
		Dial: func(context.Context, string, string) (net.Conn, error) {
			dials++
			ours, theirs := buffered()
			go greet(tls.Server(theirs, server))
			return ours, nil
		},
	}
	open := func(resumed bool, connects int) {
		t.Helper()
		dials = 0
		s, fault := Open(t.Context(), target)
		if fault != nil {
			t.Fatal(fault.Sentence())
		}
		if s.TLS().DidResume != resumed || dials != connects {
			t.Errorf("resumed %v over %d connections, want %v over %d", s.TLS().DidResume, dials, resumed, connects)
		}
		s.Close(t.Context())
	}
	open(false, 1)
	open(true, 1)
	shown, target.TLS.Pins = renewed, []Pin{CertificatePin(renewed.Leaf)}
	open(false, 2)
	open(true, 1) // the old ones are gone
	target.TLS.Pins = []Pin{{1, 2, 3}}
	_, fault := Open(t.Context(), target)
	refusal{queue.StepTLS, "not the one pinned", "tls.pin", false}.check(t, fault)
}

// greet says what a server must, and goes with its client.
func greet(conn net.Conn) {
	defer conn.Close()
	b := make([]byte, 512)
	for _, say := range []string{"220 hello\r\n", "250 hello\r\n", "221 bye\r\n"} {
		if _, err := conn.Write([]byte(say)); err != nil {
			return
		}
		if _, err := conn.Read(b); err != nil {
			return
		}
	}
}

func TestASessionIsDroppedOnlyWhenTheServerHasAnswered(t *testing.T) {
	for _, c := range []struct {
		why  string
		err  error
		kept bool
	}{
		{"it was resumed", nil, true},
		{"the link stood still", &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, true},
		{"the server refused it", &net.OpError{Op: "remote error", Err: errors.New("tls: illegal parameter")}, false},
		{"its certificate is not good now", &stale{errors.New("expired")}, false},
	} {
		cache := tls.NewLRUClientSessionCache(4)
		cache.Put("x", &tls.ClientSessionState{})
		sessions := TLS{Sessions: cache}.resume(&tls.Config{})
		if _, ok := sessions.Get("x"); !ok {
			t.Fatal("there is none")
		}
		if c.err != nil {
			sessions.Put("x", nil) // as crypto/tls does whenever a handshake fails
		}
		sessions.settle(c.err)
		if _, kept := cache.Get("x"); kept != c.kept {
			t.Errorf("%s: kept is %v", c.why, kept)
		}
	}
}
