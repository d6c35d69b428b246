package trial

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"mailcrane/internal/lab"
	"mailcrane/internal/sysexits"
)

func remount(t *testing.T, dir string, flags uintptr) {
	t.Helper()
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|flags, ""); err != nil {
		t.Fatal(err)
	}
}

// TestADiskThatIsReadOnlyForAWhile remounts the spool's disk read-only, as the
// kernel does after an error: nothing that waits is sent to its end, since that
// could not be written down; new mail is refused with a hint; and all goes once
// the disk can be written to.
func TestADiskThatIsReadOnlyForAWhile(t *testing.T) {
	t.Parallel()
	if !lab.OwnMounts(t) {
		return
	}
	disk := lab.NewPowerDisk(t, powerDiskSize)
	s := newSmarthost(t)
	h := s.home(t)
	h.configure(h.account(s.url(), s.user, s.caFile) + "\n[queue]\ndirectory = \"" + disk.Dir + "/spool\"\n")
	const waiting = 5
	for n := range waiting {
		h.mail(fmt.Sprintf("readonly-%d", n), "you@trial.example")
	}
	remount(t, disk.Dir, unix.MS_RDONLY)
	for _, args := range [][]string{{"-oi", "-f", me, "you@trial.example"}, {"-odi", "-oi", "-f", me, "you@trial.example"}} {
		r := h.run(letter("refused"), "sendmail", args...)
		if r.code != sysexits.TempFail || !strings.Contains(r.stderr, "read-only") || !strings.Contains(r.stderr, disk.Dir) {
			t.Errorf("sendmail %v: exit code %d: %s", args, r.code, r.said())
		}
	}
	if r := h.run("", "mailcrane", "flush"); r.code == sysexits.OK || !strings.Contains(r.said(), "read-only") {
		t.Errorf("mailcrane flush: exit code %d: %s", r.code, r.said())
	}
	if items := h.list(); len(items) != waiting {
		t.Errorf("%d messages are shown", len(items))
	}
	if got := s.received(); len(got) > 0 {
		t.Errorf("%d messages were sent, which could not be written down", len(got))
	}
	remount(t, disk.Dir, 0)
	r := h.run("", "mailcrane", "flush")
	if r.code != sysexits.OK {
		t.Errorf("mailcrane flush, on a disk that can be written to: exit code %d: %s", r.code, r.said())
	}
	for n := range waiting {
		if got := s.received()[fmt.Sprintf("readonly-%d", n)]; len(got) != 1 || !got[0].whole() {
			t.Errorf("message %d arrived %d times", n, len(got))
		}
	}
}
