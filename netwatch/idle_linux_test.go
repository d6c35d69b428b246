package netwatch

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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

// wakeUps is how often the threads of a process have gone to sleep of
// themselves, which is how often they were woken.
func wakeUps(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", cmd.Process.Pid))
	if err != nil || len(tasks) == 0 {
		t.Fatalf("no threads to look at: %v", err)
	}
	return switches(t, tasks)
}

// switches adds up those of some threads, by their files of proc(5).
func switches(t *testing.T, tasks []string) int {
	t.Helper()
	sum := 0
	for _, task := range tasks {
		status, err := os.ReadFile(task)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(status), "\nvoluntary_ctxt_switches:")
		line, _, _ := strings.Cut(rest, "\n")
		n, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}
