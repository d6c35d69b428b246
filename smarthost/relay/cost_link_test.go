package relay

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"

	"mailcrane/internal/slowlink"
	"mailcrane/queue"
)

// On a link that only delays, a session lasts as many round trips as it says.
//
// Coverage: stats.
func TestASessionLastsItsRoundTrips(t *testing.T) {
	for _, c := range []struct {
		mode     Mode
		messages int
	}{{Implicit, 0}, {Implicit, 1}, {Implicit, 10}, {Implicit, 300}, {StartTLS, 10}} {
		t.Run(fmt.Sprintf("%s, %d messages", c.mode.scheme(), c.messages), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ca := newAuthority(t)
				link := slowlink.New(slowlink.Shape{Delay: 300 * time.Millisecond})
				target := Target{
					Server: "smtp.example.org", Address: "192.0.2.1:465", Mode: c.mode, TLS: TLS{Roots: ca.pool()}, Auth: password, Dial: link.Dial,
				}
				end := takeMail(t, link.Listen(target.Address), ca.good(t), c.mode)
				defer end()
				began := time.Now()
				s, fault := Open(t.Context(), target)
				if fault != nil {
					t.Fatal(fault.Sentence())
				}
				var mails []*outcomes
				for i := range c.messages {
					mails = append(mails, mail("x\n", fmt.Sprintf("r%d@example.org", i)))
				}
				for i, fault := range deliverSide(t, s, mails...) {
					if fault != nil || mails[i].states() != "delivered" {
						t.Fatalf("message %d: %v, %s", i, fault, mails[i].states())
					}
				}
				s.Close(t.Context())
				cost, took := s.Cost(), time.Since(began)
				if want := time.Duration(cost.RoundTrips) * link.RoundTrip(); took != want {
					t.Errorf("%d round trips are %v; it lasted %v", cost.RoundTrips, want, took)
				}
				if cost.RoundTrip != link.RoundTrip() {
					t.Errorf("the round trip is %v", cost.RoundTrip)
				}
				checkOctets(t, link, cost)
			})
		})
	}
}

// checkOctets holds what was counted against what the link has carried.
func checkOctets(t *testing.T, link *slowlink.Link, cost queue.Cost) {
	t.Helper()
	time.Sleep(time.Minute)
	if up, down := link.Passed(); up != cost.Sent || down < cost.Received {
		t.Errorf("%d octets went and %d came; it says %d and %d", up, down, cost.Sent, cost.Received)
	}
}

// takeMail runs a server on l; end ends it.
func takeMail(t *testing.T, l net.Listener, cert *tls.Certificate, mode Mode) (end func()) {
	server := smtp.NewServer(&inbox{})
	server.ErrorLog = log.New(io.Discard, "", 0)
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*cert}}
	if mode == Implicit {
		l = tls.NewListener(l, server.TLSConfig)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	return func() {
		server.Close()
		if err := <-done; err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Error(err)
		}
	}
}
