package netwatch

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/lab"
)

func TestAWatcherWithNothingToNoticeDoesNotWakeUp(t *testing.T) {
	if os.Getenv(onLaptop) != "" {
		idle(t.Context())
		return
	}
	doesNotWakeUp(t, newLaptop(t))
}

// Coverage: networkmanager.
func TestAWatcherBesideAQuietNetworkManagerDoesNotWakeUp(t *testing.T) {
	if os.Getenv(onLaptop) != "" {
		idle(t.Context())
		return
	}
	l := newLaptop(t)
	m := lab.NewNetworkManager(t, l)
	if said := doesNotWakeUp(t, l, "DBUS_SYSTEM_BUS_ADDRESS="+m.Bus()); !strings.HasSuffix(said, "; "+lab.LAN) {
		t.Errorf("NetworkManager was not heard: %s", said)
	}
}

// doesNotWakeUp has the other half idle, and returns what that has said of the
// network.
func doesNotWakeUp(t *testing.T, l *lab.Network, environment ...string) (said string) {
	t.Helper()
	h, said := otherHalf(t, l, environment...)
	defer h.end()
	<-time.After(500 * time.Millisecond) // the new process comes to rest
	const span = 2 * time.Second
	before := h.wakeUps()
	<-time.After(span)
	after := h.wakeUps()
	t.Logf("%d wake-ups in %v", after-before, span)
	// One is granted to the runtime's own housekeeping.
	if after-before > 1 {
		t.Errorf("%d wake-ups in %v of nothing to do", after-before, span)
	}
	return said
}

// wakeUps is how often it was woken.
func (h *half) wakeUps() (sum int) {
	h.t.Helper()
	for _, n := range lab.WakeUps(h.t, "/proc", h.Process.Pid) {
		sum += n
	}
	return sum
}

// idle watches until its standard input ends.
func idle(ctx context.Context) {
	w := New(ctx, Options{Naps: true})
	s := w.State()
	fmt.Printf("watching: %s; %s\n", s.Reason, s.Connection)
	_, _ = io.Copy(io.Discard, os.Stdin)
}
