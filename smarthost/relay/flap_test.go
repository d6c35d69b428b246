package relay

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/config"
	"mailcrane/queue"
)

// A flapping network changes all the time. Its server takes a while to answer a
// connect.
type flapping struct {
	target  Target
	changes chan struct{}
}

func (f *flapping) Route(*queue.Envelope) (queue.Route, error) { return "main", nil }
func (f *flapping) ReturnTo(e *queue.Envelope) string          { return e.From }
func (f *flapping) Verdict(queue.Route) queue.Verdict          { return queue.Verdict{Try: true} }
func (f *flapping) Changes() <-chan struct{}                   { return f.changes }

func (f *flapping) Open(ctx context.Context, _ queue.Route) (queue.Session, *queue.RouteFault) {
	s, fault := Open(ctx, f.target)
	if fault != nil {
		return nil, fault
	}
	return s, nil
}

// Each change ended the connect under way, however young: on a long link none
// came to its end, and each change was one more.
func TestAConnectGetsItsTimeThoughTheNetworkChangesAllTheTime(t *testing.T) {
	const trip = 600 * time.Millisecond
	for _, c := range []struct {
		reason string
		answer time.Duration // to a connect
		dials  int
		says   string
		after  time.Duration
	}{
		{"the server answers", trip, 1, "connection refused", trip},
		{"nothing answers", time.Hour, 5, "the network may have changed", 5 * 2 * trip},
	} {
		t.Run(c.reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dials := 0
				f := &flapping{changes: make(chan struct{}), target: Target{
					Server: "smtp.example.org", Address: "smtp.example.org:465", Memory: memoryOf(Known{Link: Link{RoundTrip: trip}}),
					Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
						dials++
						select {
						case <-time.After(c.answer):
							return nil, syscall.ECONNREFUSED
						case <-ctx.Done():
							return nil, ctx.Err()
						}
					},
				}}
				s := queue.NewSpool(t.TempDir(), queue.OS{}, time.Now)
				if _, err := s.Put(t.Context(), &queue.Envelope{From: "me@example.org", To: []queue.Recipient{{Address: "you@example.org"}}}, strings.NewReader("x\n")); err != nil {
					t.Fatal(err)
				}
				over := make(chan struct{})
				var flaps sync.WaitGroup
				flaps.Go(func() {
					for {
						select {
						case f.changes <- struct{}{}:
							time.Sleep(10 * time.Millisecond)
						case <-over:
							return
						}
					}
				})
				r := &queue.Runner{
					Spool: s, Router: f, Transport: f, Reach: f, Tuning: config.DefaultQueue(), Now: time.Now,
					Log: slog.New(slog.DiscardHandler), Hostname: "localhost.localdomain",
				}
				began := time.Now()
				sum, err := r.Flush(t.Context(), nil)
				took := time.Since(began)
				close(over)
				flaps.Wait()
				if fault := sum.Faults["main"]; err != nil || fault == nil || !strings.Contains(fault.Sentence(), c.says) {
					t.Errorf("%+v, %v", fault, err)
				}
				if dials != c.dials || took < c.after || took > c.after+50*time.Millisecond {
					t.Errorf("%d connects in %v, want %d in %v", dials, took, c.dials, c.after)
				}
			})
		})
	}
}
