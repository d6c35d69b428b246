package trial

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mailcrane/internal/lab"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

// TestAnAgentOutlivesADiskThatTakesNothing makes the disk of the spool refuse
// all that is written while the agent has a message in hand, and mends it: the
// message is not sent to its end before that, the agent neither ends nor tries
// in a circle, and then it sends all, once.
func TestAnAgentOutlivesADiskThatTakesNothing(t *testing.T) {
	t.Parallel()
	if !lab.OwnMounts(t) {
		return
	}
	for _, c := range []struct {
		reason       string
		breaks, mend func(t *testing.T, dir string)
		// keeps: what is on the disk can still change its name.
		keeps bool
	}{
		{
			reason: "read-only",
			breaks: func(t *testing.T, dir string) { remount(t, dir, unix.MS_RDONLY) },
			mend:   func(t *testing.T, dir string) { remount(t, dir, 0) },
		},
		{
			reason: "full", keeps: true,
			breaks: func(t *testing.T, dir string) { fill(t, filepath.Join(dir, "filler")) },
			mend: func(t *testing.T, dir string) {
				if err := os.Remove(filepath.Join(dir, "filler")); err != nil {
					t.Fatal(err)
				}
			},
		},
	} {
		t.Run(c.reason, func(t *testing.T) {
			disk := lab.NewPowerDisk(t, 8<<20)
			s := newSmarthost(t)
			h := s.home(t)
			h.configure(h.account(s.url(), s.user, s.caFile) + "\n[queue]\ndirectory = \"" + disk.Dir + "/spool\"\n")
			goOn := make(chan struct{})
			var tries atomic.Int32
			s.behave(behaviour{noChunking: true, answer: func(at step) string {
				if at.verb == "MAIL" && tries.Add(1) == 1 {
					<-goOn
				}
				return ""
			}})
			a := h.agent()
			h.mail("in-hand", "ann@trial.example", "bob@trial.example")
			await(t, "the agent has the message in hand", func() bool { return tries.Load() == 1 })
			c.breaks(t, disk.Dir)
			close(goOn)
			if !c.keeps {
				await(t, "the agent says that the queue cannot be written", func() bool { return strings.Contains(a.said(), "read-only") })
			}
			for n := range 3 {
				if r := h.run(letter("refused"), "sendmail", "-oi", "-f", me, you); r.code != sysexits.TempFail {
					t.Errorf("sendmail %d: exit code %d: %s", n, r.code, r.said())
				}
			}
			if r := h.run("", "mailcrane", "status"); r.code != sysexits.OK {
				t.Errorf("mailcrane status: exit code %d: %s", r.code, r.said())
			}
			if got := s.received(); !c.keeps && len(got) > 0 {
				t.Errorf("sent to its end, though that could not be written down: %v", got)
			}
			c.mend(t, disk.Dir)
			h.mail("after", you)
			s.wantArrival(t, "after")
			runNow(t, filepath.Join(disk.Dir, "spool", "agent.sock"))
			s.wantArrival(t, "in-hand")
			await(t, "the queue is empty", func() bool { return len(h.list()) == 0 })
			for _, id := range []string{"in-hand", "after"} {
				if got := s.received()[id]; len(got) != 1 {
					t.Errorf("%s arrived %d times", id, len(got))
				}
			}
			if n := tries.Load(); n > 10 {
				t.Errorf("%d transactions for two messages", n)
			}
			a.end()
		})
	}
}

// TestAnAgentKeepsTheAnswersThatADiskDoesNotTake makes the disk read-only when the
// last octets of many messages are out and none is answered: the agent knows the
// answers, writes them down when it can, and sends nothing again.
func TestAnAgentKeepsTheAnswersThatADiskDoesNotTake(t *testing.T) {
	t.Parallel()
	if !lab.OwnMounts(t) {
		return
	}
	const count = 16
	disk := lab.NewPowerDisk(t, 8<<20)
	s := newSmarthost(t)
	h := s.home(t)
	h.configure(h.account(s.url(), s.user, s.caFile) + "\n[queue]\ndirectory = \"" + disk.Dir + "/spool\"\n")
	for n := range count {
		h.mail(fmt.Sprintf("under-way-%d", n), you)
	}
	goOn := make(chan struct{})
	var ends atomic.Int32
	s.behave(behaviour{answer: func(at step) string {
		if at.verb == "end" && ends.Add(1) == 1 {
			<-goOn
		}
		return ""
	}})
	a := h.agent()
	spool := queue.NewSpool(filepath.Join(disk.Dir, "spool"), queue.OS{}, time.Now)
	await(t, "all are on the wire", func() bool {
		marked := 0
		_ = spool.Names(func(n queue.Name) bool {
			if n.OnWire {
				marked++
			}
			return true
		})
		return marked == count
	})
	remount(t, disk.Dir, unix.MS_RDONLY)
	close(goOn)
	await(t, "all were answered", func() bool { return int(ends.Load()) == count })
	await(t, "the agent says of each that it cannot be written down", func() bool {
		return strings.Count(a.said(), "cannot write down what became of the message") >= count
	})
	remount(t, disk.Dir, 0)
	runNow(t, filepath.Join(disk.Dir, "spool", "agent.sock"))
	await(t, "the queue is empty", func() bool { return len(h.list()) == 0 })
	if n := ends.Load(); n != count {
		t.Errorf("%d messages were sent, %d of them again", n, n-count)
	}
	if strings.Contains(a.said(), "twice") {
		t.Errorf("the agent says that a message may be delivered twice: %s", a.said())
	}
	a.end()
}

// runNow asks the agent for a queue run.
func runNow(t *testing.T, socket string) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(context.Background(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintln(conn, "run"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(conn); err != nil {
		t.Fatal(err)
	}
}
