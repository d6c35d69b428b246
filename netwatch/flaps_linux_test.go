package netwatch

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"mailcrane/internal/lab"
	"mailcrane/netwatch/network"
)

func TestFlapsCostABoundedNumberOfChangesAndLeaveNothingBehind(t *testing.T) {
	if os.Getenv(onLaptop) != "" {
		countChanges(t)
		return
	}
	l := newLaptop(t)
	h, _ := otherHalf(t, l)
	defer h.end()
	began := time.Now()
	for range 300 {
		ip(t, l, "link set eth0 down", "link set eth0 up", "route add default via 198.51.100.1")
	}
	t.Logf("300 flaps in %v", time.Since(began).Round(time.Millisecond))
}

// countChanges watches until its standard input ends, and then for the way out.
func countChanges(t *testing.T) {
	w := New(t.Context(), Options{})
	check := lab.NothingGrows(t)
	fmt.Println("watching:", w.State().Reason)
	storm := make(chan struct{})
	go func() {
		defer close(storm)
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	changes, began, deadline := 0, time.Now(), (<-chan time.Time)(nil)
	for over := (<-chan struct{})(storm); over != nil || w.State().Level != network.Way; {
		select {
		case <-w.Changes():
			changes++
		case <-over:
			over, deadline = nil, time.After(10*time.Second)
		case <-deadline:
			t.Fatalf("not noticed within 10 s of the storm: %+v", w.State())
		}
	}
	// Pauses of 5, 10, 20, 40 ms, then 50 ms each; and one look at either end.
	if most := 6 + int(time.Since(began)/debounce); changes < 2 || changes > most {
		t.Errorf("%d changes in %v, at most %d wanted", changes, time.Since(began), most)
	}
	check()
}

func TestTheEndOfTheContextLeavesNothingBehind(t *testing.T) {
	watchAndEnd(t) // the runtime's own poller stays open from the first on
	check := lab.NothingGrows(t)
	for range 20 {
		watchAndEnd(t)
	}
	check()
}

// watchAndEnd watches the network that this process is in, for a moment.
func watchAndEnd(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := New(ctx, Options{})
	if s := w.State(); s.Reason == "" || s.Level == network.Unknown {
		t.Errorf("the kernel was not read: %+v", s)
	}
	cancel()
	<-w.Done()
}
