package trial

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"mailcrane/internal/sysexits"
)

// An agent is a running "mailcrane agent".
type agent struct {
	t    testing.TB
	home *home
	cmd  *exec.Cmd
	log  string // file
	end  func()
}

// agent starts one and waits until it is up. It ends with the test.
func (h *home) agent(args ...string) *agent {
	h.t.Helper()
	return h.startedBy(nil, append([]string{"agent"}, args...)...)
}

// startedBy is an agent, or the server that is one too, that another command starts,
// where one is given.
func (h *home) startedBy(starter []string, args ...string) *agent {
	h.t.Helper()
	cmd := h.command("mailcrane", args...)
	if len(starter) > 0 {
		by := exec.Command(starter[0], slices.Concat(starter[1:], cmd.Args)...)
		by.Env, by.Dir = cmd.Env, cmd.Dir
		cmd = by
	}
	a := &agent{t: h.t, home: h, cmd: cmd, log: filepath.Join(h.dir, "agent.log")}
	log, err := os.Create(a.log)
	if err != nil {
		h.t.Fatal(err)
	}
	defer log.Close()
	a.cmd.Stdout, a.cmd.Stderr = log, log
	if err := a.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	a.end = sync.OnceFunc(func() {
		a.cmd.Process.Signal(syscall.SIGTERM)
		if err := a.cmd.Wait(); err != nil {
			h.t.Errorf("mailcrane agent: %v; its log:\n%s", err, a.said())
		}
	})
	h.t.Cleanup(func() { a.end() })
	await(h.t, "the agent is up", func() bool { return strings.Contains(a.said(), "agent is up") })
	return a
}

func (a *agent) said() string {
	text, err := os.ReadFile(a.log)
	if err != nil {
		a.t.Error(err)
	}
	return string(text)
}

// proc reads one of the agent's files in /proc.
func (a *agent) proc(name string) string {
	a.t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(a.cmd.Process.Pid), name))
	if err != nil {
		a.t.Fatal(err)
	}
	return string(text)
}

// wantArrival waits for the letter at the server.
func (s *smarthost) wantArrival(t testing.TB, id string) receipt {
	t.Helper()
	await(t, id+" arrives", func() bool { return len(s.received()[id]) > 0 })
	got := s.received()[id]
	if len(got) != 1 || !got[0].whole() {
		t.Errorf("%s arrived %d times", id, len(got))
	}
	return got[0]
}

func TestTwoAgentsOfOneSpool(t *testing.T) {
	t.Parallel()
	s := newSmarthost(t)
	h := s.home(t)
	h.agent()
	r := h.run("", "mailcrane", "agent")
	if r.code != sysexits.Unavailable || !strings.Contains(r.stderr, "an agent runs already for the spool "+h.spool()) || !strings.Contains(r.stderr, "mailcrane status") {
		t.Errorf("a second agent: exit code %d: %s", r.code, r.said())
	}
	h.mail("one-agent", you)
	s.wantArrival(t, "one-agent")
}

func TestAnAgentAndAFlushDoubleNothing(t *testing.T) {
	t.Parallel()
	s := newSmarthost(t)
	h := s.home(t)
	h.agent()
	var all sync.WaitGroup
	const each = 20
	for person := range 2 {
		all.Go(func() {
			for n := range each {
				h.mail(fmt.Sprintf("beside-%d-%d", person, n), you)
				h.run("", "mailcrane", "flush")
			}
		})
	}
	all.Wait()
	await(t, "the queue is empty", func() bool { return len(h.queued()) == 0 })
	for person := range 2 {
		for n := range each {
			s.wantArrival(t, fmt.Sprintf("beside-%d-%d", person, n))
		}
	}
}

// The log-in goes out with the first messages once it has worked; then the
// password is changed at the server.
func TestAPasswordThatIsWrongByNowIsSentOnceWithManyMessagesBehindIt(t *testing.T) {
	t.Parallel()
	s := newSmarthost(t)
	h := s.home(t)
	h.mail("before", you)
	h.flushed()
	for n := range 16 {
		h.mail(fmt.Sprintf("waits-%d", n), you)
	}
	var logins atomic.Int32
	s.behave(behaviour{answer: func(at step) string {
		switch {
		case at.verb == "AUTH":
			logins.Add(1)
			return "535 5.7.8 no"
		case logins.Load() > 0 && at.verb != "connect" && at.verb != "EHLO" && at.verb != "QUIT":
			return "530 5.7.0 log in first"
		}
		return ""
	}})
	a := h.agent()
	await(t, "the log-in is refused", func() bool { return strings.Contains(a.said(), "535 5.7.8 no") })
	h.mail("comes-later", you)
	r := h.run("", "mailcrane", "status")
	if !strings.Contains(r.stdout, "535 5.7.8 no") || !strings.Contains(r.stdout, "correct the password in ") {
		t.Errorf("mailcrane status says: %s", r.said())
	}
	for _, item := range h.list() {
		if item.State == "uncertain" || item.Attempts > 0 {
			t.Errorf("a message was touched: %+v", item)
		}
	}
	if n := logins.Load(); n != 1 {
		t.Errorf("the password was sent %d times", n)
	}
	s.behave(behaviour{})
	h.flushed()
	for n := range 16 {
		s.wantArrival(t, fmt.Sprintf("waits-%d", n))
	}
	s.wantArrival(t, "comes-later")
}
