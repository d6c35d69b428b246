package trial

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"mailcrane/internal/sysexits"
)

// TestASecondFlushWaitsForWhatTheFirstHasInHand stops the first one in the
// middle of a message.
func TestASecondFlushWaitsForWhatTheFirstHasInHand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason     string
		noChunking bool
	}{
		{"before its last octet", true},
		{"on the wire", false},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			s := newSmarthost(t)
			goOn := make(chan struct{})
			var begun atomic.Int32
			s.behave(behaviour{noChunking: c.noChunking, answer: func(at step) string {
				if at.verb == "MAIL" {
					begun.Add(1)
					<-goOn
				}
				return ""
			}})
			h := s.home(t)
			h.mail("in-hand", you)
			first := h.begin("mailcrane", "flush")
			await(t, "the first flush is in the middle of the message", func() bool { return begun.Load() == 1 })
			if items := h.list(); len(items) != 1 || (items[0].State == "sending") == c.noChunking {
				t.Errorf("meanwhile the queue shows %+v", items)
			}
			second := h.begin("mailcrane", "flush")
			await(t, "the second flush waits, or has begun the same message", func() bool {
				return waitsForLock(t, second.cmd.Process.Pid) || begun.Load() > 1
			})
			close(goOn)
			for _, r := range []result{first.wait(), second.wait()} {
				if r.code != sysexits.OK {
					t.Errorf("mailcrane flush: exit code %d: %s", r.code, r.said())
				}
			}
			if got := s.received()["in-hand"]; len(got) != 1 || begun.Load() != 1 {
				t.Errorf("begun %d times, received %d times", begun.Load(), len(got))
			}
		})
	}
}

// waitsForLock says, by proc_locks(5), that the process waits for a flock(2).
func waitsForLock(t *testing.T, pid int) bool {
	text, err := os.ReadFile("/proc/locks")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "-> FLOCK") && strings.Contains(line, fmt.Sprintf(" %d ", pid)) {
			return true
		}
	}
	return false
}
