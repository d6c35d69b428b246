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

// TestAnIdleAgentSleeps takes more than a minute, so it waits to be asked for.
func TestAnIdleAgentSleeps(t *testing.T) {
	const asked = "MAILCRANE_TRIAL_IDLE"
	span, err := time.ParseDuration(os.Getenv(asked))
	if err != nil {
		t.Skipf("takes its time: set %s to how long the agent is watched, such as 60s", asked)
	}
	w := newAway(t, "")
	for n := range 20 {
		id := fmt.Sprintf("idle-%d", n)
		w.home.mail(id, you)
		w.server.wantArrival(t, id)
	}
	await(t, "the queue is empty", func() bool { return len(w.home.queued()) == 0 })
	// What the last session left behind is over when the agent has slept for a
	// while; the span begins then.
	await(t, "the agent has come to rest", func() bool {
		before := w.agent.switches(t)
		<-time.After(2 * time.Second)
		return w.agent.switches(t) == before
	})
	before := w.agent.switches(t)
	<-time.After(span)
	wakeups := w.agent.switches(t) - before
	resident := number(t, w.agent.proc("status"), "VmRSS")
	t.Logf("in %v of nothing to do: %d wake-ups; resident memory %d kB after 20 messages, of it %d kB anonymous, at most %d kB",
		span, wakeups, resident, number(t, w.agent.proc("status"), "RssAnon"), number(t, w.agent.proc("status"), "VmHWM"))
	if wakeups > 0 {
		t.Errorf("%d wake-ups in %v; the agent said:\n%s", wakeups, span, w.agent.said())
	}
	if resident > 20<<10 {
		t.Errorf("resident memory is %d kB, want less than 20 MB", resident)
	}
}

// switches is how often the agent's threads have gone to sleep of themselves,
// which is how often they were woken.
func (a *agent) switches(t *testing.T) int {
	t.Helper()
	tasks, err := filepath.Glob(filepath.Join("/proc", fmt.Sprint(a.cmd.Process.Pid), "task/*/status"))
	if err != nil || len(tasks) == 0 {
		t.Fatalf("the agent has no threads: %v", err)
	}
	sum := 0
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			t.Fatal(err)
		}
		sum += number(t, string(text), "voluntary_ctxt_switches")
	}
	return sum
}

// number is the value of a line of a status file of proc(5).
func number(t *testing.T, status, key string) int {
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
