package slumber

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/lab"
)

// sleepChild marks the process in the machine that watches for sleeps.
const sleepChild = "MAILCRANE_TEST_SLEEP"

// A sleeper is a machine with a real logind, on which everything of a sleep is
// real but that the kernel stops, and a process that watches for it.
type sleeper struct {
	t       *testing.T
	machine *lab.Machine
	watch   *lab.Child
	pid     int
}

func newSleeper(t *testing.T) *sleeper {
	t.Helper()
	s := &sleeper{t: t, machine: lab.Systemd(t)}
	// Where this machine's kernel cannot sleep, logind is told that it can.
	s.x("sh", "-ec", `mount -o remount,rw /sys; mkdir -p /sys/power; echo mem >/sys/power/state; echo "[deep]" >/sys/power/mem_sleep
mkdir -p /run/systemd/system/systemd-suspend.service.d
printf '[Service]\nExecStart=\nExecStart=/bin/sh -c "date +%%%%s%%%%N >/run/slept; sleep 0$(cat /run/nap 2>/dev/null)"\n' >/run/systemd/system/systemd-suspend.service.d/lab.conf
systemctl daemon-reload; systemctl restart systemd-logind`)
	s.machine.Copy(os.Args[0], "/root/watch")
	cmd := s.machine.Command("env", sleepChild+"=1", "/root/watch", "-test.run=^"+t.Name()+"$")
	s.watch = lab.Start(t, cmd)
	t.Cleanup(func() {
		if said, err := s.watch.End(); err != nil {
			t.Errorf("%v\n%s", err, said)
		}
	})
	s.pid = int(s.await("watching"))
	return s
}

// x runs a command in the machine.
func (s *sleeper) x(name string, args ...string) string {
	s.t.Helper()
	out, err := s.machine.Command(name, args...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("in the machine: %s %q: %v\n%s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// await waits for the process to say a word, and returns the number behind it.
func (s *sleeper) await(word string) int64 {
	s.t.Helper()
	for {
		line, err := s.watch.Line()
		if err != nil {
			s.t.Fatalf("the process has ended and did not say %q: %v", word, err)
		}
		if rest, ok := strings.CutPrefix(line, word+" "); ok {
			n, err := strconv.ParseInt(rest, 10, 64)
			if err != nil {
				s.t.Fatal(err)
			}
			return n
		}
	}
}

// held waits until as many inhibitors of ours are held.
func (s *sleeper) held(want int, when string) {
	s.t.Helper()
	got := -1
	for range 50 {
		list := s.x("systemd-inhibit", "--list", "--no-legend")
		if got = strings.Count(list, "mailcrane"); got == want {
			return
		}
		s.x("sleep", "0.02")
	}
	s.t.Errorf("%s: %d inhibitors are held, want %d", when, got, want)
}

// sleepsFor has each sleep take so long.
func (s *sleeper) sleepsFor(d time.Duration) {
	s.machine.Write("/run/nap", fmt.Sprintf("%.3f", d.Seconds())[1:], 0o644)
}

// slept is when the machine went to sleep.
func (s *sleeper) slept() int64 {
	n, err := strconv.ParseInt(s.x("cat", "/run/slept"), 10, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// TestLogindWaitsBeforeASleep has all of logind's part of a sleep in one
// machine, which takes seconds to boot.
//
// Coverage: sleep.
func TestLogindWaitsBeforeASleep(t *testing.T) {
	if os.Getenv(sleepChild) != "" {
		tellSleeps()
		return
	}
	s := newSleeper(t)
	s.held(1, "awake")

	s.x("sleep", "1") // the new process comes to rest
	before := s.wakeUps()
	s.x("sleep", "2")
	if n := s.wakeUps() - before; n > 1 {
		t.Errorf("%d wake-ups in 2 s of nothing to do, with logind", n)
	}

	// Any user may send a signal.
	s.x("runuser", "-u", "bob", "--", "busctl", "emit", string(login1Path), login1Face, "PrepareForSleep", "b", "true")

	for _, after := range []string{"the first sleep", "the second sleep"} {
		s.sleepsFor(300 * time.Millisecond)
		s.x("systemctl", "suspend")
		began := s.await("nap")
		ready := s.await("ready")
		over := s.await("over")
		slept := s.slept()
		if slept < ready {
			t.Errorf("the machine slept %v before it was said to be ready", time.Duration(ready-slept))
		}
		t.Logf("told %v before the sleep; asleep %v after Ready; told %v after the wake",
			time.Duration(slept-began), time.Duration(slept-ready), time.Duration(over-slept)-300*time.Millisecond)
		if late := time.Duration(slept - ready); late > time.Second {
			t.Errorf("the machine was held awake for %v more after Ready", late)
		}
		s.held(1, "after "+after)
	}

	s.x("systemctl", "restart", "systemd-logind")
	s.held(1, "after a restart of logind")

	// Somebody who waits for the end of a sleep must not wait for ever.
	s.sleepsFor(0)
	s.machine.Write("/run/nap", "; sleep 20", 0o644)
	s.x("systemctl", "suspend")
	s.await("ready")
	s.x("systemctl", "kill", "--kill-who=main", "--signal=KILL", "systemd-logind")
	s.await("over")
}

// wakeUps is how often the process was woken.
func (s *sleeper) wakeUps() (sum int) {
	s.t.Helper()
	for _, n := range lab.WakeUps(s.t, s.machine.Path("/proc"), s.pid) {
		sum += n
	}
	return sum
}

// tellSleeps tells of each sleep until its standard input ends.
func tellSleeps() {
	w := Open(Options{Log: slog.New(slog.DiscardHandler), Now: time.Now, Poke: func() {}, Naps: true})
	fmt.Println("watching", os.Getpid())
	go func() {
		for nap := range w.Naps() {
			fmt.Println("nap", time.Now().UnixNano())
			<-time.After(200 * time.Millisecond) // as a message on the wire does
			fmt.Println("ready", time.Now().UnixNano())
			nap.Ready()
			<-nap.Over
			fmt.Println("over", time.Now().UnixNano())
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
}
