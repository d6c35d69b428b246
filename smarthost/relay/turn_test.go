package relay

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/queue"
)

// deaf opens a session with a server that reads nothing after its EHLO: each
// write waits until it is given up.
func deaf(t *testing.T) *Session {
	t.Helper()
	ours, theirs := net.Pipe()
	go func() {
		io.WriteString(theirs, "220 hi\r\n")
		line := make([]byte, len("EHLO localhost.localdomain\r\n"))
		io.ReadFull(theirs, line)
		io.WriteString(theirs, "250-x\r\n250-PIPELINING\r\n250 CHUNKING\r\n")
	}()
	s, fault := Open(t.Context(), Target{
		Server: "smtp.example.org", Address: "smtp.example.org:25", Mode: Insecure,
		Dial: func(context.Context, string, string) (net.Conn, error) { return ours, nil },
	})
	if fault != nil {
		t.Fatal(fault.Sentence())
	}
	return s
}

// TestAServerThatNeverReadsHoldsNobodyForEver: synctest fails the test where a
// goroutine is left.
func TestAServerThatNeverReadsHoldsNobodyForEver(t *testing.T) {
	called := errors.New("called off")
	tests := []struct {
		why string
		// meanwhile is done when three deliveries wait: one in its write, two for
		// their turn.
		meanwhile func(s *Session, cancel [3]context.CancelCauseFunc)
		says      string
	}{
		{"nobody does anything: no progress ends it", func(*Session, [3]context.CancelCauseFunc) {}, "no more octets"},
		{"the one that writes is called off", func(_ *Session, c [3]context.CancelCauseFunc) { c[0](called) }, called.Error()},
		{"one that waits for its turn is called off", func(_ *Session, c [3]context.CancelCauseFunc) { c[2](called) }, called.Error()},
		{"the session is closed, within a time", func(s *Session, _ [3]context.CancelCauseFunc) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			s.Close(ctx)
		}, "time for this run was up"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := deaf(t)
				var cancel [3]context.CancelCauseFunc
				faults := make(chan *queue.RouteFault, 3)
				mails := []*outcomes{mail("x\n", "x@d"), mail("x\n", "y@d"), mail("x\n", "z@d")}
				for i, m := range mails {
					ctx, end := context.WithCancelCause(t.Context())
					cancel[i] = end
					asked := make(chan struct{})
					m.Next = func() { close(asked) }
					go func() { faults <- s.Deliver(ctx, &m.Delivery) }()
					<-asked
					synctest.Wait()
				}
				test.meanwhile(s, cancel)
				for range mails {
					if f := <-faults; f == nil || !f.Untaken || !strings.Contains(f.Sentence(), test.says) && !strings.Contains(f.Sentence(), "closed") {
						t.Errorf("%+v", f)
					}
				}
				for i, m := range mails {
					if m.states() != "pending" {
						t.Errorf("message %d: %s", i, m.states())
					}
				}
				s.Close(t.Context())
			})
		})
	}
}
