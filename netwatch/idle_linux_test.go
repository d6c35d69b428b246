package netwatch

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/lab"
)

// idleChild marks the process that does nothing but watch.
const idleChild = "MAILCRANE_TEST_IDLE"

func TestAWatcherWithNothingToNoticeDoesNotWakeUp(t *testing.T) {
	if os.Getenv(idleChild) != "" {
		idle(t.Context())
		return
	}
	l := newLaptop(t)
	l.ip("addr add 198.51.100.9/24 dev eth0", "route add default via 198.51.100.1")
	doesNotWakeUp(t, l)
}

func TestAWatcherBesideAQuietNetworkManagerDoesNotWakeUp(t *testing.T) {
	if os.Getenv(idleChild) != "" {
		idle(t.Context())
		return
	}
	l := newLaptop(t)
	m := lab.NewNetworkManager(t, l.Network)
	if said := doesNotWakeUp(t, l, "DBUS_SYSTEM_BUS_ADDRESS="+m.Bus()); !strings.HasSuffix(said, "; "+lab.LAN) {
		t.Errorf("NetworkManager was not heard: %s", said)
	}
}

// doesNotWakeUp runs the calling test again as a process on the laptop, with more in
// its environment, and returns what that has said of the network.
func doesNotWakeUp(t *testing.T, l *laptop, environment ...string) (said string) {
	t.Helper()
	cmd := l.Laptop.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(append(os.Environ(), idleChild+"=1"), environment...)
	stop, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stop.Close()
		_, _ = io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}()
	ready := bufio.NewScanner(out)
	for ready.Scan() && !strings.HasPrefix(ready.Text(), "watching:") {
	}
	t.Log(ready.Text())
	<-time.After(500 * time.Millisecond) // the new process comes to rest
	const span = 2 * time.Second
	before := wakeUps(t, cmd)
	<-time.After(span)
	after := wakeUps(t, cmd)
	t.Logf("%d wake-ups in %v", after-before, span)
	// One is granted to the runtime's own housekeeping.
	if after-before > 1 {
		t.Errorf("%d wake-ups in %v of nothing to do", after-before, span)
	}
	return ready.Text()
}

// idle watches until its standard input ends.
func idle(ctx context.Context) {
	w := New(ctx, Options{Naps: true})
	s := w.State()
	fmt.Printf("watching: %s; %s\n", s.Reason, s.Connection)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// wakeUps is how often a process was woken.
func wakeUps(t *testing.T, cmd *exec.Cmd) (sum int) {
	t.Helper()
	for _, n := range lab.WakeUps(t, "/proc", cmd.Process.Pid) {
		sum += n
	}
	return sum
}
