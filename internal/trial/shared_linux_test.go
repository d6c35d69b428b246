package trial

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"mailcrane/internal/sysexits"
)

// shared is a home whose mail goes through the machine's agent: by its socket,
// or where none answers by the drop directory.
func (s *smarthost) shared(t testing.TB) *home {
	t.Helper()
	h := s.home(t)
	h.configure(h.account(s.url(), s.user, s.caFile) + fmt.Sprintf("[system]\nsocket = %q\ndrop = %q\n[queue]\ndirectory = %q\n", h.socket(), h.drop(), h.spool()))
	if err := os.Mkdir(h.drop(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(h.drop(), 0o733|os.ModeSticky|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	h.all = true
	return h
}

func (h *home) socket() string { return filepath.Join(h.dir, "submit.sock") }
func (h *home) drop() string   { return filepath.Join(h.dir, "drop") }

// counted is where a change is a step.
func (h *home) counted() string {
	if h.all {
		return h.dir
	}
	return h.spool()
}

// emptied says that nothing waits, in the queue or to be taken in.
func (h *home) emptied() bool {
	dropped, err := filepath.Glob(filepath.Join(h.drop(), "*.mail"))
	if err != nil {
		h.t.Error(err)
	}
	names, err := os.ReadDir(h.spool("queue"))
	return err == nil && len(dropped)+len(names) == 0
}

// settled has an agent take in and send all that is there.
func (h *home) settled() {
	h.t.Helper()
	a := h.agent()
	await(h.t, "all is taken in and sent", h.emptied)
	a.end()
	if damaged := h.files("damaged"); len(damaged) > 0 {
		h.t.Errorf("files were set aside as damaged: %q", damaged)
	}
	if aside, _ := filepath.Glob(filepath.Join(h.drop(), "*.bad")); len(aside) > 0 {
		h.t.Errorf("dropped files were set aside: %q", aside)
	}
}

// Wherever the agent dies while it takes a message in from the socket, its
// program ends with success, and the message leaves once; twice only where the
// queue has said that this may be.
func TestAgentKilledAtEveryStepOfTakingAMessageFromItsSocket(t *testing.T) {
	t.Parallel()
	s := newSmarthost(t)
	eachStep(t, func(kill int) bool {
		h, id := s.shared(t), fmt.Sprintf("taken-in-%d", kill)
		var submitting sync.WaitGroup
		var submitted result
		ended := h.traced(kill, func(ctx context.Context, pid int) {
			submitting.Go(func() {
				awaitEither(ctx, h.socket())
				submitted = h.run(letter(id), "sendmail", "-oi", "-f", me, "you@trial.example")
				await(t, "the message leaves, or the agent dies", func() bool { return ctx.Err() != nil || h.emptied() })
				if ctx.Err() == nil {
					syscall.Kill(pid, syscall.SIGTERM)
				}
			})
		}, "", "mailcrane", "agent")
		submitting.Wait()
		at := stepName(ended, kill)
		if submitted.code != sysexits.OK {
			t.Errorf("%s: sendmail: exit code %d: %s", at, submitted.code, submitted.said())
		}
		unsure := h.unsure(t, at)
		h.settled()
		s.wantOnce(t, at, id, true, unsure[0])
		return !ended.killed
	})
}

// awaitEither waits for a file, or for the end of ctx.
func awaitEither(ctx context.Context, path string) {
	for ctx.Err() == nil {
		if _, err := os.Stat(path); err == nil {
			return
		}
		syscall.Select(0, nil, nil, nil, &syscall.Timeval{Usec: 1000})
	}
}

// Wherever the program dies that hands a message in, no half message leaves, and
// none leaves twice; one that was accepted leaves.
func TestSubmissionToTheMachinesAgentKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason  string
		running bool
	}{
		{"over the socket", true},
		{"into the drop directory", false},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			s := newSmarthost(t)
			h := s.shared(t)
			var a *agent
			if c.running {
				a = h.agent()
			}
			ends := make(map[string]traced) // by id
			for kill, unharmed := 1, false; !unharmed && !t.Failed() && !t.Skipped(); kill++ {
				id := fmt.Sprintf("handed-in-%d", kill)
				ended := h.traced(kill, nil, letter(id), "sendmail", "-oi", "-f", me, "you@trial.example")
				ends[id] = ended
				unharmed = !ended.killed
			}
			if a != nil {
				a.end()
			}
			h.settled()
			for id, ended := range ends {
				s.wantOnce(t, stepName(ended, len(ended.steps)), id, ended.code == sysexits.OK, false)
			}
			t.Logf("%d stop points", len(ends))
			if half, _ := os.ReadDir(h.drop()); strings.Contains(fmt.Sprint(half), ".mail") {
				t.Errorf("left are %v", half)
			}
		})
	}
}
