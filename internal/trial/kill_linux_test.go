package trial

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"mailcrane/internal/lab"
	"mailcrane/internal/sysexits"
	"mailcrane/queue"
)

// traced runs one of the programs, killed before its nth step. The context of
// started ends with the program.
func (h *home) traced(kill int, started func(ctx context.Context, pid int), input, program string, args ...string) traced {
	h.t.Helper()
	in := filepath.Join(h.dir, "input")
	h.write("input", input)
	file, err := os.Open(in)
	if err != nil {
		h.t.Fatal(err)
	}
	defer file.Close()
	cmd := h.command(program, args...)
	cmd.Stdin = file
	c := &tracer{spool: h.counted(), kill: kill}
	ctx, ended := context.WithCancel(context.Background())
	defer ended()
	if started != nil {
		c.started = func(pid int) { started(ctx, pid) }
	}
	t, err := c.run(cmd)
	if err != nil {
		lab.Missing(h.t, fmt.Sprintf("ptrace(2), which says %v", err), "sysctl kernel.yama.ptrace_scope=0")
	}
	return t
}

// eachStep calls try with 1, 2, 3 … until one says that the program got
// through unharmed. Two run at a time.
func eachStep(t *testing.T, try func(kill int) (unharmed bool)) {
	t.Helper()
	var next atomic.Int64
	var over atomic.Bool
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for !over.Load() && !t.Failed() && !t.Skipped() {
				if try(int(next.Add(1))) {
					over.Store(true)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d stop points", next.Load())
}

func TestSubmissionKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		args   []string
	}{
		{"kept for later", []string{"-oi", "-f", me, "you@trial.example"}},
		{"delivered at once, while the caller waits", []string{"-odi", "-oi", "-f", me, "you@trial.example"}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			s := newSmarthost(t)
			eachStep(t, func(kill int) bool {
				h, id := s.home(t), fmt.Sprintf("submission-%d", kill)
				// Every step that makes a directory is made once only; that,
				// too, is a step.
				ended := h.traced(kill, nil, letter(id), "sendmail", c.args...)
				at := stepName(ended, kill)
				unsure := h.unsure(t, at)
				h.flushed()
				s.wantOnce(t, at, id, ended.code == sysexits.OK, unsure[0])
				return !ended.killed
			})
		})
	}
}

func stepName(ended traced, kill int) string {
	if !ended.killed {
		return fmt.Sprintf("unharmed after %d steps", len(ended.steps))
	}
	return fmt.Sprintf("killed before step %d, %s", kill, ended.steps[kill-1])
}

// unsure says, of the messages in the queue in their order, which are shown to
// their person as perhaps delivered. Every file must be a message that the list
// shows.
func (h *home) unsure(t *testing.T, at string) map[int]bool {
	t.Helper()
	unsure := map[int]bool{}
	items := h.list()
	if names := h.queued(); len(names) != len(items) {
		t.Errorf("%s: in the queue are %q, and the list shows %d", at, names, len(items))
	}
	for i, item := range items {
		if _, err := queue.ParseID(item.ID); err != nil {
			t.Errorf("%s: %v", at, err)
		}
		unsure[i] = item.State == "uncertain"
	}
	return unsure
}

// wantOnce: a message is received whole; at least once if it was accepted,
// twice only if the queue has said that this may be.
func (s *smarthost) wantOnce(t *testing.T, at, id string, accepted, unsure bool) {
	t.Helper()
	got := s.received()[id]
	for _, r := range got {
		if !r.whole() {
			t.Errorf("%s: %s was received otherwise than sent:\n%s", at, id, r.text)
		}
	}
	switch {
	case accepted && len(got) == 0:
		t.Errorf("%s: %s was accepted, and is lost", at, id)
	case len(got) > 2 || len(got) == 2 && !unsure:
		t.Errorf("%s: %s was delivered %d times; uncertain in the queue: %v", at, id, len(got), unsure)
	}
}

// Coverage: A9.
func TestDeliveryKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason     string
		noChunking bool
	}{
		{"to a server with CHUNKING", false},
		{"to a server with DATA only", true},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			s := newSmarthost(t)
			s.behave(behaviour{noChunking: c.noChunking, answer: refuse})
			eachStep(t, func(kill int) bool {
				return s.killDelivery(t, 3, kill, nil, "flush")
			})
		})
	}
}

// refuse refuses recipients whose name says so, for ever.
func refuse(at step) string {
	if at.verb == "RCPT" && strings.Contains(at.argument, "<refused") {
		return "550 5.1.1 nobody of that name"
	}
	return ""
}

// killDelivery has so many messages delivered by a program that is killed, and
// the rest by a flush.
func (s *smarthost) killDelivery(t *testing.T, count, kill int, started func(ctx context.Context, h *home, pid int), args ...string) (unharmed bool) {
	t.Helper()
	h := s.home(t)
	var ids []string
	for n := range count {
		ids = append(ids, fmt.Sprintf("%s-%d-%d", args[0], kill, n))
		to := []string{"you@trial.example"}
		if n == 1 {
			to = append(to, "refused@trial.example") // its bounce must be neither lost nor half
		}
		h.mail(ids[n], to...)
	}
	var began func(context.Context, int)
	if started != nil {
		began = func(ctx context.Context, pid int) { started(ctx, h, pid) }
	}
	ended := h.traced(kill, began, "", "mailcrane", args...)
	at := stepName(ended, kill)
	unsure, shown := map[string]bool{}, h.unsure(t, at)
	for _, item := range h.list() {
		r := h.run("", "mailcrane", "queue", "show", item.ID)
		for _, id := range ids {
			if (receipt{text: r.stdout}).id() == id {
				unsure[id] = item.State == "uncertain"
			}
		}
	}
	said := h.flushed().stdout
	if got := strings.Contains(said, "uncertain"); got != slices.Contains(slices.Collect(maps.Values(shown)), true) {
		t.Errorf("%s: uncertain were %v, and the flush said: %s", at, shown, said)
	}
	for _, id := range ids {
		s.wantOnce(t, at, id, true, unsure[id])
	}
	if !s.bounced(ids[1]) {
		t.Errorf("%s: no bounce of %s was received", at, ids[1])
	}
	return !ended.killed
}

// bounced says that a whole report on the letter came to me.
func (s *smarthost) bounced(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.got, func(r receipt) bool {
		return r.from == "" && slices.Equal(r.to, []string{me}) && strings.Contains(r.text, body(id)) &&
			strings.Contains(r.text, "550 5.1.1 nobody of that name") && strings.HasSuffix(r.text, "--\n")
	})
}

// Coverage: B8.
func TestAgentKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	s := newSmarthost(t)
	s.behave(behaviour{answer: refuse})
	eachStep(t, func(kill int) bool {
		return s.killDelivery(t, 3, kill, func(ctx context.Context, h *home, pid int) {
			go h.endWhenDone(ctx, pid)
		}, "agent")
	})
}

// Every step of so many messages would take long; these are some of each kind.
func TestDeliveryOfManyMessagesUnderWayIsKilled(t *testing.T) {
	t.Parallel()
	s := newSmarthost(t)
	s.behave(behaviour{answer: refuse})
	const first, apart = 40, 11
	eachStep(t, func(nth int) bool {
		return s.killDelivery(t, 20, first+nth*apart, nil, "flush")
	})
}

// endWhenDone tells an agent that gets through to end when its work is done.
func (h *home) endWhenDone(ctx context.Context, pid int) {
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if names, err := os.ReadDir(h.spool("queue")); err == nil && len(names) == 0 && ctx.Err() == nil {
			syscall.Kill(pid, syscall.SIGTERM)
			return
		}
	}
}
