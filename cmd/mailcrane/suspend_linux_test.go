package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mailcrane/internal/lab"
)

// TestAMachineThatIsSuspended takes a minute on a machine that is idle, so it
// waits to be asked for.
//
// Coverage: sleep.
func TestAMachineThatIsSuspended(t *testing.T) {
	const asked = "MAILCRANE_TRIAL_SUSPEND"
	if os.Getenv(inMachine) != "" {
		suspend(t)
		return
	}
	if os.Getenv(asked) == "" {
		t.Skipf("boots a virtual machine and suspends it, which takes a minute or more: set %s=1", asked)
	}
	run := filepath.Join(t.TempDir(), "run")
	// The alarm is set when the kernel is about to be told, since what comes
	// before takes its time in an emulated machine.
	text := `#!/bin/sh
printf '#!/bin/sh\n[ $1 != pre ] || for at in 0 +8; do echo $at >/sys/class/rtc/rtc0/wakealarm; done\n' >/lib/systemd/system-sleep/wake
chmod 755 /lib/systemd/system-sleep/wake
` + inMachine + `=/root exec ./trial -test.v -test.timeout=400s '-test.run=^` + t.Name() + `$'
`
	if err := os.WriteFile(run, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Log(lab.Virtual(t, map[string]string{
		"run": run, "trial": os.Args[0],
		"mailcrane": filepath.Join(bin, "mailcrane"), "sendmail": filepath.Join(bin, "sendmail"),
	}))
}

// suspend is what happens in the virtual machine.
func suspend(t *testing.T) {
	s := newSink(t, "middle")
	z := newSleeper(t, s, "")
	systemctl := func(words ...string) {
		t.Helper()
		if out, err := exec.Command("systemctl", words...).CombinedOutput(); err != nil {
			t.Fatalf("systemctl %q: %v\n%s", words, err, out)
		}
	}
	// arrives waits for a message, and wants no other.
	arrives := func(to string) {
		t.Helper()
		if got := <-s.taken; got != to {
			t.Errorf("a message for %s was taken, want one for %s", got, to)
		}
	}
	clean := func(said string) {
		t.Helper()
		if strings.Contains(said, "uncertain") {
			t.Error("uncertain, though not all was sent, or all was answered")
		}
	}

	t.Log("in the middle of a message that cannot end in time")
	z.submit("hangs@x.org", 4<<20)
	<-s.halted
	systemctl("suspend")
	said := z.await("the machine is about to sleep")
	said += z.await("all is tried anew: the machine woke after")
	woke := time.Now()
	arrives("hangs@x.org")
	t.Logf("taken %v after the agent knew that the machine woke", time.Since(woke))
	close(s.gone)
	clean(said + z.await("message delivered"))

	t.Log("in the middle of a message that ends in time")
	z.submit("slow@x.org", 1000)
	<-s.slow
	systemctl("suspend")
	arrives("slow@x.org")
	said = z.await("message delivered")
	if strings.Contains(said, "woke") {
		t.Errorf("it was delivered only after the sleep; the agent said:\n%s", said)
	}
	clean(said + z.await("all is tried anew"))

	t.Log("without logind, nothing on the wire")
	before := asleep(t)
	const alarm = "/sys/class/rtc/rtc0/wakealarm"
	for _, w := range []struct{ file, text string }{{alarm, "0"}, {alarm, "+8"}, {"/sys/power/state", "mem"}} {
		if err := os.WriteFile(w.file, []byte(w.text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if slept := asleep(t) - before; slept < 2*time.Second {
		t.Logf("the emulator's alarm woke it after %v", slept) // then nothing is said
	} else if said = z.await("all is tried anew: the machine woke after"); strings.Contains(said, "about to sleep") {
		t.Errorf("told by logind all the same:\n%s", said)
	}

	z.submit("last@x.org", 1000)
	arrives("last@x.org")
	select {
	case to := <-s.taken:
		t.Errorf("another copy for %s", to)
	default:
	}
}

// asleep is how long the machine has slept since it was booted.
func asleep(t *testing.T) time.Duration {
	t.Helper()
	var awake, elapsed unix.Timespec
	err := errors.Join(unix.ClockGettime(unix.CLOCK_MONOTONIC, &awake), unix.ClockGettime(unix.CLOCK_BOOTTIME, &elapsed))
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(elapsed.Nano() - awake.Nano())
}
