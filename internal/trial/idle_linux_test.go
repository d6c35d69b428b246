package trial

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestAnIdleAgentSleeps takes minutes, so it waits to be asked for.
func TestAnIdleAgentSleeps(t *testing.T) {
	const asked = "MAILCRANE_TRIAL_IDLE"
	span, err := time.ParseDuration(os.Getenv(asked))
	if err != nil {
		t.Skipf("takes its time: set %s to how long the agent is watched, such as 60s", asked)
	}
	t.Parallel()
	w := newAway(t, "")
	for n := range 20 {
		id := fmt.Sprintf("idle-%d", n)
		w.home.mail(id, you)
		w.server.wantArrival(t, id)
	}
	await(t, "the queue is empty", func() bool { return len(w.home.queued()) == 0 })
	w.agent.rests()
	before := w.agent.switches(t)
	<-time.After(span)
	woken := w.agent.switches(t)
	for thread, count := range before {
		if woken[thread] -= count; woken[thread] == 0 {
			delete(woken, thread)
		}
	}
	status := w.agent.proc("status")
	resident := number(t, status, "VmRSS")
	t.Logf("in %v of nothing to do: wake-ups by thread: %v; resident memory %d kB after 20 messages, of it %d kB anonymous; at most %d kB",
		span, woken, resident, number(t, status, "RssAnon"), number(t, status, "VmHWM"))
	// The runtime's watchman looks about once a minute, which costs two, in a
	// thread of its own, and nothing can be done about it.
	watchman := 2 * (int(span/time.Minute) + 1)
	for thread, count := range woken {
		if len(woken) > 1 || count > watchman {
			t.Errorf("thread %s was woken %d times in %v; the agent said:\n%s", thread, count, span, w.agent.said())
		}
	}
	if resident > 20<<10 {
		t.Errorf("resident memory is %d kB, want less than 20 MB", resident)
	}
}

// switches is how often each of the agent's threads has gone to sleep of
// itself, which is how often it was woken.
func (a *agent) switches(t testing.TB) map[string]int {
	t.Helper()
	tasks, err := filepath.Glob(filepath.Join("/proc", fmt.Sprint(a.cmd.Process.Pid), "task/*/status"))
	if err != nil || len(tasks) == 0 {
		t.Fatalf("the agent has no threads: %v", err)
	}
	counts := make(map[string]int)
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			t.Fatal(err)
		}
		counts[filepath.Base(filepath.Dir(task))] = number(t, string(text), "voluntary_ctxt_switches")
	}
	return counts
}

// number is the value of a line of a status file of proc(5).
func number(t testing.TB, status, key string) int {
	t.Helper()
	_, rest, _ := strings.Cut("\n"+status, "\n"+key+":")
	line, _, _ := strings.Cut(rest, "\n")
	words := strings.Fields(line)
	if len(words) == 0 {
		t.Fatalf("no %s in:\n%s", key, status)
	}
	n, err := strconv.Atoi(words[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
