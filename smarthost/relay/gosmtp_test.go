package relay

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	gosasl "github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"mailcrane/queue"
	"mailcrane/smarthost/relay/sasl"
)

// inbox is a go-smtp server's memory.
type inbox struct {
	mu    sync.Mutex
	mails []string
}

func (b *inbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &visitor{inbox: b}, nil }

func (b *inbox) add(mail string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mails = append(b.mails, mail)
}

type visitor struct {
	inbox *inbox
	known bool
	from  string
}

func (v *visitor) Reset()        {}
func (v *visitor) Logout() error { return nil }

func (v *visitor) AuthMechanisms() []string { return []string{"PLAIN"} }

func (v *visitor) Auth(string) (gosasl.Server, error) {
	return gosasl.NewPlainServer(func(_, user, secret string) error {
		if user != password.User || secret != password.Secret {
			return smtp.ErrAuthFailed
		}
		v.known = true
		return nil
	}), nil
}

func (v *visitor) Mail(from string, _ *smtp.MailOptions) error {
	v.from = from
	if !v.known {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (v *visitor) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "reject") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	}
	return nil
}

func (v *visitor) Data(r io.Reader) error {
	octets, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if bytes.Contains(octets, []byte("X-Spam")) {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "spam"}
	}
	v.inbox.add(string(octets))
	return nil
}

// goSMTP is a go-smtp server on loopback that wants AUTH; the target reaches
// it.
func goSMTP(t testing.TB, mode Mode) (Target, *inbox) {
	t.Helper()
	ca, box := newAuthority(t), &inbox{}
	config := &tls.Config{Certificates: []tls.Certificate{*ca.good(t)}}
	server := smtp.NewServer(box)
	server.Domain, server.TLSConfig, server.EnableBINARYMIME = "smtp.example.org", config, true
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if mode == Implicit {
		listener = tls.NewListener(listener, config)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		if err := <-done; err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Error(err)
		}
	})
	return Target{LoginHint: "type: mailcrane login work", Server: "smtp.example.org", Address: address, Mode: mode, TLS: TLS{Roots: ca.pool()}, Auth: password}, box
}

// Coverage: B111.
func TestGoSMTPTakesMessageAfterMessage(t *testing.T) {
	for _, mode := range []Mode{Implicit, StartTLS} {
		t.Run(mode.scheme(), func(t *testing.T) {
			target, box := goSMTP(t, mode)
			s, fault := Open(t.Context(), target)
			if fault != nil {
				t.Fatal(fault.Sentence())
			}
			large := strings.Repeat("0123456789\n.\r\n", 300_000)
			before := s.Cost().RoundTrips
			mails := []*outcomes{
				mail("Subject: 1\n\n.\nbody", "x@example.org"),
				mail("X-Spam: 1\n", "x@example.org"),
				mail("Subject: 2\n\nnobody\n", "reject@example.org"),
				mail("Subject: 3\n\nsome\n", "reject@example.org", "y@example.org"),
				mail("", "x@example.org"),
			}
			want := []string{"delivered", "failed", "failed", "failed delivered", "delivered"}
			for i, m := range mails {
				if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil || m.states() != want[i] {
					t.Fatalf("mail %d: %v, %s", i, fault, m.states())
				}
			}
			if trips := s.Cost().RoundTrips - before; trips != len(mails) {
				t.Errorf("%d small messages took %d round trips", len(mails), trips)
			}
			big := mail(large, "x@example.org")
			if fault := s.Deliver(t.Context(), &big.Delivery); fault != nil || big.states() != "delivered" {
				t.Fatalf("%v, %s", fault, big.states())
			}
			s.Close(t.Context())
			sent := []string{"Subject: 1\r\n\r\n.\r\nbody\r\n", "Subject: 3\r\n\r\nsome\r\n", "", slowWire(large, false)}
			for i, got := range box.mails {
				if i >= len(sent) || got != sent[i] {
					t.Errorf("mail %d arrived with %d octets: %.40q", i, len(got), got)
				}
			}
			if len(box.mails) != len(sent) {
				t.Errorf("%d mails arrived, want %d", len(box.mails), len(sent))
			}
		})
	}
}

func TestGoSMTPRefusesAWrongPassword(t *testing.T) {
	target, _ := goSMTP(t, Implicit)
	target.Auth = sasl.Credentials{User: password.User, Secret: "wrong-secret"}
	_, fault := Open(t.Context(), target)
	refusal{queue.StepAuth, "535 5.7.8 Authentication failed", "mailcrane login work", true}.check(t, fault)
}

func TestDeliveriesOfSeveralGoroutinesTakeTurns(t *testing.T) {
	target, box := goSMTP(t, Implicit)
	s, fault := Open(t.Context(), target)
	if fault != nil {
		t.Fatal(fault.Sentence())
	}
	const mails = 20
	var wg sync.WaitGroup
	for range mails {
		wg.Go(func() {
			m := mail("Subject: x\n\nx\n", "x@example.org")
			if fault := s.Deliver(t.Context(), &m.Delivery); fault != nil || m.states() != "delivered" {
				t.Errorf("%v, %s", fault, m.states())
			}
		})
	}
	wg.Wait()
	s.Close(context.Background())
	if len(box.mails) != mails {
		t.Errorf("%d arrived", len(box.mails))
	}
}

// BenchmarkDeliver is 50 MB over TLS to a server in the same process, which
// has a share in the time.
func BenchmarkDeliver(b *testing.B) {
	target, box := goSMTP(b, Implicit)
	s, fault := Open(b.Context(), target)
	if fault != nil {
		b.Fatal(fault.Sentence())
	}
	defer s.Close(context.Background())
	text := strings.Repeat(strings.Repeat("x", 75)+"\n", 50_000_000/76)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		m := mail(text, "x@example.org")
		if fault := s.Deliver(b.Context(), &m.Delivery); fault != nil || m.states() != "delivered" {
			b.Fatalf("%v, %s", fault, m.states())
		}
		box.mails = nil
	}
}
