package trial

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailcrane/internal/lab"
)

// A footprint is what an agent holds of the machine.
type footprint struct {
	Descriptors, Threads int
	// Own is its memory that is no page of a file, in kB.
	Own int
}

func (a *agent) footprint() footprint {
	a.t.Helper()
	dir := filepath.Join("/proc", fmt.Sprint(a.cmd.Process.Pid), "fd")
	descriptors, err := os.ReadDir(dir)
	if err != nil {
		a.t.Fatal(err)
	}
	status := a.proc("status")
	return footprint{len(descriptors), lab.StatusNumber(a.t, status, "Threads"), lab.StatusNumber(a.t, status, "RssAnon")}
}

// noMoreThan fails where f has grown from before. Go keeps the threads that it once
// needed beside each other, and some memory; of a thousand leaks, the smallest
// would be more.
func (f footprint) noMoreThan(t *testing.T, before footprint) {
	t.Helper()
	const threads, kB = 8, 1500
	if f.Descriptors > before.Descriptors || f.Threads > before.Threads+threads || f.Own > before.Own+kB {
		t.Errorf("the agent has grown: %+v, before %+v", f, before)
	}
}

// rests waits until the agent has slept for longer than it takes it to give
// memory back.
func (a *agent) rests() {
	a.t.Helper()
	const restTime = 3 * time.Second
	await(a.t, "the agent has come to rest", func() bool {
		before := a.switches(a.t)
		<-time.After(restTime)
		return maps.Equal(a.switches(a.t), before)
	})
}

// goroutines ends the agent by the signal that has Go tell of them, and is what
// it told of each.
func (a *agent) goroutines() []string {
	a.t.Helper()
	said := len(a.said())
	if err := a.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		a.t.Fatal(err)
	}
	err := a.cmd.Wait()
	if _, ended := errors.AsType[*exec.ExitError](err); !ended {
		a.t.Fatalf("the agent did not end by SIGQUIT: %v", err)
	}
	a.end = func() {}
	var all []string
	for stanza := range strings.SplitSeq(a.said()[said:], "\n\n") {
		if strings.HasPrefix(stanza, "goroutine ") && !strings.HasPrefix(stanza, "goroutine 0 ") {
			all = append(all, stanza)
		}
	}
	return all
}

// watchConnections looks again and again how many TCP connections there are in
// the agent's network that are established, until the result is called; it is
// the most that there were.
func (a *agent) watchConnections() (most func() int) {
	stop, seen := make(chan struct{}), make(chan int)
	go func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		n := 0
		for {
			select {
			case <-stop:
				seen <- n
				return
			case <-tick.C:
				n = max(n, a.established())
			}
		}
	}()
	return func() int { close(stop); return <-seen }
}

// established counts what a process still holds: an orphan has no inode.
func (a *agent) established() int {
	n := 0
	for _, file := range []string{"net/tcp", "net/tcp6"} {
		text, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(a.cmd.Process.Pid), file))
		if err != nil {
			continue // asked of an agent that has ended
		}
		for line := range strings.Lines(string(text)) {
			const state, inode, establishedState = 3, 9, "01"
			fields := strings.Fields(line)
			if len(fields) > inode && fields[state] == establishedState && fields[inode] != "0" {
				n++
			}
		}
	}
	return n
}
